"""The analyses that Papilio knows, by the name that `[[analysis]] kind` gives them."""

from __future__ import annotations

from papilio.errors import SettingError, did_you_mean
from papilio.kinds.kind import Analysis, Kind
from papilio.kinds.options import ClassificationOptions, ProjectionOptions, ReadingOptions
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
)
ANALYSES: dict[str, Analysis] = {analysis.name: analysis for analysis in (CLASSIFICATION, READING, COSTS, PROJECTION)}


def analyses_of(kind: Kind) -> dict[str, Analysis]:
    """A kind's analyses by name, in its order.

    Raises SettingError for a name that is none, and for a section that no other process could find again.
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
