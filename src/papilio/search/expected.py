"""The trials of a study as they will be, as far as that is known before anything is trained: for checks and forecasts."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from papilio.runs.plan import RunPlan
from papilio.search.samplers import make_sampler, random_sampler
from papilio.studies.planning import (
    NO_SOURCES,
    Sources,
    StagePlan,
    TrialPlan,
    bases_of,
    own_base,
    plan_stage,
    refuse_twins,
    refuse_wrong_tables,
)
from papilio.studies.study import Study


def plan_runs(study: Study, sources: Sources = NO_SOURCES) -> list[RunPlan]:
    """Every run of a study as far as it is known before anything is trained: what only results will tell is filled in.

    A stage that starts from an earlier one is planned on that one's first trials; `sources` holds, by stage, what comes
    from other studies. Raises StudyError, naming stage and trial, for the first setting that is not allowed.
    """
    return [run for stage in expected_trials(study, sources).values() for trial in stage for run in trial.runs]


def expected_trials(study: Study, sources: Sources = NO_SOURCES) -> dict[str, list[TrialPlan]]:
    """The trials of every stage, by its name, as `expected_of_stage` plans them."""
    trials: dict[str, list[TrialPlan]] = {}
    has_own = False
    for stage in study.settings.stage:
        if stage.name in sources:
            bases = bases_of(stage, sources[stage.name])
        elif stage.source is None or stage.source.stage not in trials:
            bases, has_own = [own_base(study)], True
        else:
            before = trials[stage.source.stage][: stage.source.top]
            bases = bases_of(stage, [(trial.name, trial.tables) for trial in before])
        trials[stage.name] = expected_of_stage(plan_stage(study, stage, bases))
        refuse_twins(study, trials[stage.name])
    if not has_own:
        refuse_wrong_tables(study)
    return trials


def is_known_before(study: Study, stage: str, plans: Iterable[RunPlan]) -> bool:
    """Whether the expected trials of a stage are all that it can have: none stands in for what only results will tell."""
    (settings,) = (one for one in study.settings.stage if one.name == stage)
    if settings.sampler.name == "tpe":
        return False
    source = settings.source
    if source is None or source.study is not None:
        return True
    plans = list(plans)
    num_trials = len({one.trial for one in plans if one.stage == source.stage})
    return num_trials <= source.top and is_known_before(study, str(source.stage), plans)


def expected_of_stage(stage: StagePlan) -> list[TrialPlan]:
    """A stage's trials as there will be: of a sampler that learns, random ones in their place."""
    settings = stage.settings.sampler
    if settings.name != "grid":
        _refuse_impossible_ends(stage)
    learns = settings.name == "tpe"
    sampler = random_sampler(stage.space, seed=0) if learns else make_sampler(settings, stage.space)
    trials: list[TrialPlan] = []
    keys: set[str] = set()
    for point in islice(iter(sampler.propose, None), stage.num_trials):
        trial = stage.trial(point, number=len(trials))
        if not (stage.passes_over_twins and trial.key in keys):
            trials.append(trial)
            keys.add(trial.key)
    return trials


def _refuse_impossible_ends(stage: StagePlan) -> None:
    """Raises StudyError where the low or the high end of a range is not allowed, which may be drawn late."""
    for unit in (0.0, 1.0):
        stage.trial(stage.space.at([unit] * len(stage.space.parameters)), number=0)
