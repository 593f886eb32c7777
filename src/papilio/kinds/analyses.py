"""The analyses that Papilio knows, by the name that `[[analysis]] kind` gives them."""

from __future__ import annotations

from papilio.errors import SettingError, did_you_mean
from papilio.kinds.kind import Analysis, Kind
from papilio.kinds.options import (
    ClassificationOptions,
    CoordinatesOptions,
    DenoisingOptions,
    GradientsOptions,
    LikelihoodOptions,
    ModelsOptions,
    MorphOptions,
    PlaneOptions,
    ProbeOptions,
    ProjectionOptions,
    QualityOptions,
    ReadingOptions,
    ReconstructionOptions,
    SamplesOptions,
    TradeOptions,
    TransferOptions,
    WalkOptions,
)
from papilio.settings.references import name_of

CLASSIFICATION = Analysis(
    name="classification",
    compute="papilio.analysis.classification:classify",
    section="papilio.sections.class_sections:class_section",
    options=ClassificationOptions,
)
READING = Analysis(
    name="reading",
    compute="papilio.analysis.reading:read_quantity",
    section="papilio.sections.reading_sections:reading_section",
    options=ReadingOptions,
)
PROJECTION = Analysis(
    name="projection",
    compute="papilio.analysis.projection:project",
    section="papilio.sections.projection_sections:projection_section",
    options=ProjectionOptions,
    check="papilio.analysis.layer_names:check_layers",
)
COSTS = Analysis(
    name="costs",
    compute="papilio.analysis.costs:costs_of_designs",
    section="papilio.sections.design_sections:costs_section",
    of="stage",
    split=None,
    needs="trials with different targets, or a target whose loss jumps",
)
RECONSTRUCTION = Analysis(
    name="reconstruction",
    compute="papilio.analysis.reconstruction:reconstruct",
    section="papilio.sections.reconstruction_sections:reconstruction_section",
    options=ReconstructionOptions,
)
SAMPLES = Analysis(
    name="samples",
    compute="papilio.analysis.samples:draw_samples",
    section="papilio.sections.samples_sections:samples_section",
    options=SamplesOptions,
)
WALK = Analysis(
    name="walk",
    compute="papilio.analysis.walk:walk",
    section="papilio.sections.walk_sections:walk_section",
    options=WalkOptions,
    check="papilio.analysis.walk:check_walk",
)
MORPH = Analysis(
    name="morph",
    compute="papilio.analysis.morphs:morphs",
    section="papilio.sections.morph_sections:morph_section",
    options=MorphOptions,
    check="papilio.analysis.morphs:check_morphs",
)
PLANE = Analysis(
    name="plane",
    compute="papilio.analysis.plane:decode_plane",
    section="papilio.sections.plane_sections:plane_section",
    options=PlaneOptions,
    check="papilio.analysis.plane:check_plane",
)
COORDINATES = Analysis(
    name="coordinates",
    compute="papilio.analysis.coordinates:coordinates",
    section="papilio.sections.coordinate_sections:coordinates_section",
    options=CoordinatesOptions,
)
PROBE = Analysis(
    name="probe",
    compute="papilio.analysis.probing:probe",
    section="papilio.sections.probe_sections:probe_section",
    options=ProbeOptions,
    check="papilio.analysis.probing:check_probe",
)
TRANSFER = Analysis(
    name="transfer",
    compute="papilio.analysis.transfer:compare_transfer",
    section="papilio.sections.transfer_sections:transfer_section",
    options=TransferOptions,
    of="stage",
    needs="runs that begin with weights of another run",
)
MODELS = Analysis(
    name="models",
    compute="papilio.analysis.model_comparison:compare_models",
    section="papilio.sections.model_sections:models_section",
    options=ModelsOptions,
    of="stage",
    needs="a trial that encodes images, or two that generate them",
)
TRADE = Analysis(
    name="trade",
    compute="papilio.analysis.trade:trade",
    section="papilio.sections.trade_sections:trade_section",
    options=TradeOptions,
    of="stage",
    needs="trials that encode images and differ in the setting that `by` names",
)
LIKELIHOOD = Analysis(
    name="likelihood",
    compute="papilio.analysis.likelihood:likelihood",
    section="papilio.sections.likelihood_sections:likelihood_section",
    options=LikelihoodOptions,
)
DENOISING = Analysis(
    name="denoising",
    compute="papilio.analysis.denoising:denoise",
    section="papilio.sections.denoising_sections:denoising_section",
    options=DenoisingOptions,
    of="stage",
    needs="an autoencoder that learned to remove noise",
)
GRADIENTS = Analysis(
    name="gradients",
    compute="papilio.analysis.gradients:gradients",
    section="papilio.sections.gradient_sections:gradient_section",
    options=GradientsOptions,
    check="papilio.analysis.gradients:check_gradients",
)
QUALITY = Analysis(
    name="quality",
    compute="papilio.analysis.quality:quality",
    section="papilio.sections.quality_sections:quality_section",
    options=QualityOptions,
    check="papilio.analysis.features:check_features",
    uses="papilio.analysis.features:classifier_checksum",
)
ANALYSES: dict[str, Analysis] = {  # in the order of the page
    analysis.name: analysis
    for analysis in (
        CLASSIFICATION,
        READING,
        COSTS,
        RECONSTRUCTION,
        SAMPLES,
        WALK,
        MORPH,
        PLANE,
        PROJECTION,
        GRADIENTS,
        COORDINATES,
        QUALITY,
        LIKELIHOOD,
        PROBE,
        MODELS,
        TRADE,
        TRANSFER,
        DENOISING,
    )
}


def analyses_of(kind: Kind) -> dict[str, Analysis]:
    """A kind's analyses by name, in its order.

    Raises SettingError for an unknown name, and for a section that no other process could find again.
    """
    return {analysis.name: analysis for analysis in (_found(one, kind) for one in kind.analyses)}


def section_reference(analysis: Analysis) -> str:
    """The name by which an analysis' section is found again; empty for those of Papilio, which are found by their own."""
    if ANALYSES.get(analysis.name) is analysis:
        return ""
    return analysis.section if isinstance(analysis.section, str) else name_of(analysis.section)


def _found(given: Analysis | str, kind: Kind) -> Analysis:
    if isinstance(given, str):
        if given not in ANALYSES:
            raise SettingError(f"{kind.name}: {given!r} is not an analysis; {did_you_mean(given, ANALYSES)}")
        return ANALYSES[given]
    if "<" in section_reference(given):
        raise SettingError(
            f"{kind.name}: the section of its analysis {given.name!r} is a function inside a function, which cannot be"
            " found again; define it in a module"
        )
    return given
