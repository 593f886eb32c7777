"""By which metric a run's best epoch is chosen, and which one its patience watches."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

from papilio.data.facts import ImageFacts
from papilio.errors import SettingError, did_you_mean
from papilio.kinds.kind import Kind
from papilio.kinds.ranking import Direction, Ranking, Standing
from papilio.settings.train_settings import TrainSettings
from papilio.settings.validation import validated

QUANTILES = {"median": 0.5, "p90": 0.9}  # of metrics with a number per image; told of whole splits, not while training

OF_PATIENCE = "train.early_stopping.metric"


def ranking_of(
    kind: Kind, train: TrainSettings, facts: ImageFacts, *, has_validation: bool
) -> tuple[Ranking | None, Ranking | None]:
    """What chooses a run's best epoch and ranks it among others, and what its patience watches; None: nothing does.

    Raises SettingError for a metric that the records will not have, and for patience with nothing to watch.
    """
    stopping = train.early_stopping
    best = train.best or (stopping.metric if stopping else None) or kind.ranked_by
    patience = (stopping.metric or best) if stopping else None
    if stopping is not None and patience is None:
        raise SettingError(
            f"train.early_stopping: nothing ranks the epochs of {kind.name}; name a metric:"
            " early_stopping = { metric = ..., patience = ... }"
        )
    metrics = kind.metrics(train, facts)
    of_kind = f"{kind.name}: ranked_by"
    key = "train.best" if train.best else OF_PATIENCE if stopping and stopping.metric else of_kind
    rank = partial(_ranking, metrics=metrics, measured_only=kind.measured_only, has_validation=has_validation)
    ranking = None if best is None else rank(best, key=key)
    watched_key = OF_PATIENCE if stopping and stopping.metric else key
    watched = None if patience is None else rank(patience, key=watched_key)
    return ranking, watched


def standing_of(kind: Kind, train: TrainSettings, facts: ImageFacts, ranking: Ranking | None) -> Standing:
    """How a run that `ranking` ranks stands among others; raises SettingError for settings that its kind does not have."""
    if ranking is None:
        return Standing(None)
    split, _, metric = ranking.metric.partition("_")
    meaning = meaning_of(kind, train, metric)
    if not meaning:
        return Standing(ranking, "", ranking if metric == kind.otherwise else None)
    is_measured = kind.otherwise is not None and split == "val"  # training records may have the loss alone
    otherwise = (
        Ranking(f"val_{kind.otherwise}", kind.metrics(train, facts)[str(kind.otherwise)]) if is_measured else None
    )
    return Standing(ranking, meaning, otherwise)


def meaning_of(kind: Kind, train: TrainSettings, metric: str) -> str:
    """Equal for runs of which a metric, named without its split, means the same; raises SettingError as `standing_of`."""
    if metric not in kind.depends:
        return ""
    settings = validated(kind.settings, train.objective_settings, error=SettingError)
    return f"{kind.name}: " + ", ".join(f"{name} = {getattr(settings, name)}" for name in kind.depends[metric])


def unit_of(kind: Kind, train: TrainSettings, metric: str) -> str:
    """What a metric, named without its split, is measured in; empty where that is not told. Raises as `standing_of`.

    Nobody but its author knows what a loss of the user's own is measured in.
    """
    if metric == "loss" and train.loss is not None:
        return ""
    return kind.units(validated(kind.settings, train.objective_settings, error=SettingError)).get(metric, "")


def _ranking(
    name: str, *, metrics: Mapping[str, Direction], measured_only: Collection[str], has_validation: bool, key: str
) -> Ranking:
    while_training = [one for one in metrics if one not in measured_only and one.partition("_")[0] not in QUANTILES]
    allowed = [*(f"val_{one}" for one in metrics), *(f"train_{one}" for one in while_training)]
    if name not in allowed:
        hint = did_you_mean(name, allowed) if allowed else "it has none"
        raise SettingError(f"{key}: {name!r} is not a metric of this objective; {hint}")
    if name.startswith("val_") and not has_validation:
        raise SettingError(
            f"{name}: there are no validation images, as data.validation is 0, or each class has too few images; raise it, add"
            " images, or choose another train.best"
        )
    return Ranking(name, metrics[name.partition("_")[2]])
