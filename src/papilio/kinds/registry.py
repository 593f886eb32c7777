"""The kinds of runs that Papilio knows, by the name that `train.objective` gives them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from papilio.data.facts import ImageFacts
from papilio.errors import SettingError, did_you_mean
from papilio.kinds.kind import Kind
from papilio.kinds.options import Anything, GameSettings, ReconstructionSettings, VariationalSettings
from papilio.kinds.ranking import Direction
from papilio.settings.references import OwnFunctions, find_own, resolve_reference
from papilio.settings.train_settings import TrainSettings
from papilio.settings.validation import validated

SUPERVISED = "supervised"  # what the images show decides: a class, or a number on a circle
OF_SUPERVISED = frozenset({"loss", "label_smoothing", "regularizer", "views", "standardize"})
# the settings of [train] that a kind has to take, each with what it goes with
NOT_FOR_ALL = {
    "target": "numbers on a circle",
    "loss": "classes",
    "label_smoothing": "classes",
    "regularizer": "supervised learning and autoencoders",
    "views": "supervised learning",
    "standardize": "supervised learning",
}
SHOWN = {"class": "a class", "quantity": "a number on a circle", "nothing": "nothing that is known"}


def class_metrics(train: TrainSettings, facts: ImageFacts) -> Mapping[str, Direction]:
    return {"loss": "min", "accuracy": "max"}


def reading_metrics(train: TrainSettings, facts: ImageFacts) -> Mapping[str, Direction]:
    assert facts.quantity is not None
    metrics: dict[str, Direction] = {"loss": "min", "error": "min", "median_error": "min", "p90_error": "min"}
    for name in facts.quantity.share_metrics:
        metrics[name] = "max"
    return metrics


def reconstruction_metrics(train: TrainSettings, facts: ImageFacts) -> Mapping[str, Direction]:
    return {"loss": "min", "error": "min"}


def variational_metrics(train: TrainSettings, facts: ImageFacts) -> Mapping[str, Direction]:
    return {"loss": "min", "error": "min", "elbo": "max", "reconstruction": "min", "kl": "min", "active_units": "max"}


def game_metrics(train: TrainSettings, facts: ImageFacts) -> Mapping[str, Direction]:
    has_probabilities = train.objective_settings.get("loss", "non_saturating") == "non_saturating"
    what = "score" if has_probabilities else "output"
    return {
        "discriminator_loss": "min",
        "generator_loss": "min",
        f"real_{what}": "max",
        f"fake_{what}": "max",
        "diversity": "max",
        "outside": "min",
    }


NATS = "nats per image"
SQUARED = "squared error per pixel"
OF_ERRORS = {"squared": SQUARED, "absolute": "absolute error per pixel", "bernoulli": "nats per pixel"}


def reconstruction_units(settings: ReconstructionSettings) -> Mapping[str, str]:
    return {"loss": OF_ERRORS[settings.error], "error": SQUARED}


def game_units(settings: GameSettings) -> Mapping[str, str]:
    unit = NATS if settings.loss == "non_saturating" else "units of the discriminator’s output"
    return dict.fromkeys(("discriminator_loss", "generator_loss"), unit)


def variational_units(settings: VariationalSettings) -> Mapping[str, str]:
    return dict.fromkeys(("loss", "elbo", "reconstruction", "kl"), NATS) | {"error": SQUARED}


CLASSIFY = Kind(
    name="classify",
    shows=frozenset({"class"}),
    objectives={"torch": "papilio.training.supervised:classify", "numpy": "papilio.numpy_engine.objectives:classify"},
    metrics=class_metrics,
    returns="numbers",
    ranked_by="val_accuracy",
    units=lambda settings: {"loss": NATS},
    takes=OF_SUPERVISED,
    offers={
        "predict": "papilio.offers.classify:predict_pictures",
        "probabilities": "papilio.offers.classify:probabilities",
    },
    analyses=("classification", "transfer", "projection", "gradients"),
    on_request=frozenset({"projection", "gradients"}),
)
READ = Kind(
    name="read",
    shows=frozenset({"quantity"}),
    objectives={"torch": "papilio.training.supervised:read"},
    metrics=reading_metrics,
    returns="numbers",
    ranked_by="val_error",
    takes=OF_SUPERVISED - {"loss", "label_smoothing"} | {"target"},
    heads="papilio.targets.quantity:heads_of",
    offers={"predict": "papilio.offers.dials:predict_pictures", "read": "papilio.offers.dials:read_values"},
    analyses=("reading", "costs", "projection"),
    on_request=frozenset({"projection"}),
    finish="papilio.offers.dials:calibration_of",
)
AUTOENCODER = Kind(
    name="autoencoder",
    objectives={
        "torch": "papilio.training.reconstruct:objective",
        "numpy": "papilio.numpy_engine.objectives:reconstruct",
    },
    metrics=reconstruction_metrics,
    measured_only=frozenset({"error"}),
    parts=frozenset({"encoder", "decoder"}),
    returns="images",
    ranked_by="val_loss",
    depends={"loss": ("error", "noise", "level")},
    otherwise="error",
    units=reconstruction_units,
    warnings="papilio.kinds.warnings:autoencoder_warnings",
    settings=ReconstructionSettings,
    takes=frozenset({"regularizer"}),
    offers={
        "predict": "papilio.offers.latents:reconstruct_pictures",
        "reconstruct": "papilio.offers.latents:reconstruct",
        "encode": "papilio.offers.latents:encode",
        "decode": "papilio.offers.latents:decode",
    },
    analyses=(
        "reconstruction",
        "samples",
        "walk",
        "morph",
        "plane",
        "projection",
        "coordinates",
        "quality",
        "models",
        "trade",
        "denoising",
        "probe",
        "gradients",
    ),
    on_request=frozenset({"gradients"}),
)
VAE = Kind(
    name="vae",
    objectives={"torch": "papilio.training.vae:objective", "numpy": "papilio.numpy_engine.objectives:vary"},
    metrics=variational_metrics,
    measured_only=frozenset({"error", "active_units"}),
    parts=frozenset({"encoder", "decoder"}),
    ranked_by="val_loss",
    depends={
        "loss": ("likelihood", "sigma", "beta"),
        "elbo": ("likelihood", "sigma"),
        "reconstruction": ("likelihood", "sigma"),
    },
    otherwise="error",
    units=variational_units,
    settings=VariationalSettings,
    takes=frozenset({"regularizer"}),
    offers={
        "predict": "papilio.offers.latents:reconstruct_pictures",
        "reconstruct": "papilio.offers.latents:reconstruct",
        "encode": "papilio.offers.latents:encode_means",
        "posterior": "papilio.offers.latents:posterior",
        "decode": "papilio.offers.latents:decode",
        "sample": "papilio.offers.latents:sample",
    },
    analyses=(
        "reconstruction",
        "samples",
        "walk",
        "morph",
        "plane",
        "projection",
        "coordinates",
        "quality",
        "likelihood",
        "models",
        "trade",
        "denoising",
        "probe",
        "gradients",
    ),
    warnings="papilio.kinds.warnings:vae_warnings",
    on_request=frozenset({"gradients"}),
)
GAN = Kind(
    name="gan",
    objectives={"torch": "papilio.training.gan:objective"},
    metrics=game_metrics,
    measured_only=frozenset({"diversity", "outside"}),
    ranked_by=None,
    nets=frozenset({"generator", "discriminator"}),
    depends={"discriminator_loss": ("loss", "smoothing"), "generator_loss": ("loss",)},
    units=game_units,
    settings=GameSettings,
    # Radford et al. 2016, section 4: at Adam's usual numbers training was unstable
    defaults={"optimizer": "adam", "learning_rate": 2e-4, "betas": (0.5, 0.999)},
    offers={"decode": "papilio.offers.latents:decode", "sample": "papilio.offers.latents:sample"},
    analyses=("samples", "walk", "morph", "quality", "models"),
    warnings="papilio.kinds.warnings:game_warnings",
    watch="papilio.sections.game_sections:game_section",
    keeps=frozenset({"previews", "batches"}),
)
KINDS: dict[str, Kind] = {kind.name: kind for kind in (CLASSIFY, READ, AUTOENCODER, VAE, GAN)}


def kind_of(train: TrainSettings, facts: ImageFacts, own: OwnFunctions) -> Kind:
    """What a run with these settings on such images is.

    `train.objective` is "supervised", the name of a kind, or `module:name` of a Kind or of a function that returns an
    Objective. Raises SettingError where there is none of that name, where it does not go with what the images show, and for
    a setting that the kind does not take.
    """
    kind = _named(train, facts, own)
    if facts.shows not in kind.shows:
        needed = " or ".join(SHOWN[one] for one in SHOWN if one in kind.shows)
        use = "autoencoder, vae and gan need no labels"
        if facts.shows != "nothing":
            use = "leave train.objective out to use the kind that fits"
        raise SettingError(
            f"train.objective: {kind.name} needs images that show {needed}; these show {SHOWN[facts.shows]}; {use}"
        )
    _refuse_other_settings(kind, train, facts)
    return kind


def defaults_of(objective: str, own: OwnFunctions) -> Mapping[str, Any]:
    """The settings of [train] that have another default in the kind that `train.objective` names.

    Empty where there is no such kind: `kind_of` complains of that, once it is known what the images show.
    """
    if objective in KINDS:
        return KINDS[objective].defaults
    if ":" not in objective and objective not in own:
        return {}
    try:
        found = find_own(objective, what="train.objective", own=own, instance_of=Kind)
    except Exception:  # a module of the user's own may raise anything
        return {}
    return found.defaults if isinstance(found, Kind) else {}


def make_objective(kind: Kind, engine: str, train: TrainSettings, facts: ImageFacts, own: OwnFunctions) -> Any:
    """An engine's objective of a kind; raises SettingError where that engine does not know the kind."""
    if engine not in kind.objectives:
        known = ", ".join(kind.objectives)
        raise SettingError(f"train.engine: {engine} cannot train {kind.name}; use {known}")
    function = resolve_reference(kind.objectives[engine])
    return _called(function, train, facts, own, heads=heads_of(kind, train, facts))


def heads_of(kind: Kind, train: TrainSettings, facts: ImageFacts) -> tuple[int, ...]:
    """How many numbers each head of a net must output."""
    if kind.heads is None:
        return (max(1, facts.num_classes),)
    return tuple(resolve_reference(kind.heads)(train, facts))


def _named(train: TrainSettings, facts: ImageFacts, own: OwnFunctions) -> Kind:
    name = train.objective
    if name == SUPERVISED:
        if facts.shows == "nothing":
            raise SettingError(
                "train.objective: supervised learning needs labels, and these images have none; autoencoder, vae and gan do not"
            )
        return CLASSIFY if facts.shows == "class" else READ
    if name in KINDS:
        return KINDS[name]
    if ":" not in name and name not in own:
        hint = did_you_mean(name, [SUPERVISED, *KINDS])
        raise SettingError(f"train.objective: {name!r} is not a kind of run; {hint} (your own: module:name)")
    found = find_own(name, what="train.objective", own=own, instance_of=Kind)
    return found if isinstance(found, Kind) else _of_function(found, train, facts, own)


def _of_function(function: Callable[..., Any], train: TrainSettings, facts: ImageFacts, own: OwnFunctions) -> Kind:
    """A kind from the user's own function that returns an Objective, which says itself how it is measured."""
    kind = Kind(
        name="your own objective",
        objectives={"torch": function},
        metrics=lambda train, facts: {},
        ranked_by=None,
        nets=frozenset(),
        settings=Anything,
        offers=CLASSIFY.offers if facts.shows == "class" else {},
        has_other_metrics=True,
    )
    _refuse_other_settings(kind, train, facts)
    objective = _called(function, train, facts, own, heads=heads_of(kind, train, facts))
    if not hasattr(objective, "phases"):
        raise SettingError(f"train.objective: got {type(objective).__name__}, expected a papilio.Objective")
    return replace(kind, metrics=lambda train, facts: objective.directions, ranked_by=objective.best)


def _called(
    function: Callable[..., Any], train: TrainSettings, facts: ImageFacts, own: OwnFunctions, *, heads: tuple[int, ...]
) -> Any:
    known = {
        "train": train,
        "facts": facts,
        "own": own,
        "image_shape": facts.shape,
        "num_classes": sum(heads),
        "heads": heads,
    }
    parameters = inspect.signature(function).parameters
    given = {name: value for name, value in known.items() if name in parameters}
    return function(**given, **train.objective_settings)


def _refuse_other_settings(kind: Kind, train: TrainSettings, facts: ImageFacts) -> None:
    for name, goes_with in NOT_FOR_ALL.items():
        if name not in kind.takes and getattr(train, name) != TrainSettings.model_fields[name].get_default(
            call_default_factory=True
        ):
            shown = f", and these images show {SHOWN[facts.shows]}"
            here = shown if kind in (CLASSIFY, READ) else f", not with {kind.name}"
            raise SettingError(f"train.{name}: works only with {goes_with}{here}; leave it out")
    validated(kind.settings, train.objective_settings, prefix="train.objective_settings", error=SettingError)
