"""What of a study is to be run next: its stages, of which some wait for what others find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from papilio.errors import agreed
from papilio.kinds.ranking import Standing
from papilio.runs.plan import RunPlan
from papilio.search.expected import expected_trials
from papilio.search.stages import StageSearch
from papilio.search.states import Job, RunState, Tally
from papilio.studies.planning import (
    NO_SOURCES,
    Base,
    Sources,
    TrialPlan,
    bases_of,
    own_base,
    plan_stage,
)
from papilio.studies.schema import StageSettings
from papilio.studies.study import Study


class StudySearch:
    """All stages: those that start from an earlier one wait until it is over."""

    def __init__(
        self,
        study: Study,
        *,
        folder: Path,
        standing: Callable[[RunPlan], Standing],
        sources: Sources = NO_SOURCES,
    ) -> None:
        self.study = study
        self.folder = folder
        self.standing = standing
        self.sources = sources
        self.expected = expected_trials(study, sources)
        self.weights_of = {name: _stages_taken_from(trials) for name, trials in self.expected.items()}
        self.searches: dict[str, StageSearch] = {}
        self.blocked: dict[str, str] = {}  # stages that cannot begin, with the reason
        self.tested: set[str] = set()

    def next_job(self) -> Job | None:
        """What a free worker should do now; None where there is nothing at the moment, or nothing any more."""
        for stage in self.study.settings.stage:
            search = self._search(stage)
            if search is None:
                continue
            if job := search.next_job():
                return job
            if stage.name not in self.tested and search.is_over:
                self._queue_tests(search)
                if job := search.next_job():
                    return job
        return None

    def give_back(self, job: Job) -> None:
        """Take a job that was not done."""
        self.searches[job.plan.stage].give_back(job)

    def stage(self, plan: RunPlan) -> StageSearch:
        """The search that a run belongs to."""
        return self.searches[plan.stage]

    @property
    def is_over(self) -> bool:
        """Whether every stage has ended."""
        names = [stage.name for stage in self.study.settings.stage]
        begun = self.searches.keys() & self.tested
        return all(name in self.blocked or (name in begun and self.searches[name].is_over) for name in names)

    def known_runs(self) -> list[RunState]:
        """Every run of the stages that have begun, in the study's order."""
        return [run for search in self.in_order() for trial in search.trials for run in trial.runs]

    def in_order(self) -> Iterator[StageSearch]:
        """The stages that have begun, in the study's order."""
        for stage in self.study.settings.stage:
            if stage.name in self.searches:
                yield self.searches[stage.name]

    def unfinished(self) -> list[RunPlan]:
        """Runs that are still to be trained; of stages that have not begun, as they are expected."""
        known = [run for search in self.in_order() for run in search.unfinished()]
        return known + [run for trial in self._of_later_stages() for run in trial.runs]

    def _of_later_stages(self) -> list[TrialPlan]:
        names = [stage.name for stage in self.study.settings.stage]
        later = [name for name in names if name not in self.searches and name not in self.blocked]
        return [trial for name in later for trial in self.expected[name]]

    def _not_proposed(self) -> Iterator[TrialPlan]:
        for search in self.in_order():
            yield from search.not_proposed()
        yield from self._of_later_stages()

    def tally(self) -> Tally:
        """How the study stands now."""
        trials = [trial for search in self.in_order() for trial in search.trials]
        over = [trial for trial in trials if trial.is_over]
        num_pruned = sum(trial.cut is not None for trial in over)
        num_done = sum(trial.is_done for trial in over)
        runs = [run for trial in trials for run in trial.runs]
        num_over = sum(run.status == "ended" for run in runs)
        num_unknown = sum(1 for _ in self._not_proposed())
        best = next((best for search in reversed([*self.in_order()]) if (best := search.best())), None)
        return Tally(
            num_runs=len(runs) + sum(len(trial.runs) for trial in self._not_proposed()),
            num_runs_over=num_over,
            num_trials=len(trials) + num_unknown,
            num_done=num_done,
            num_pruned=num_pruned,
            num_failed=len(over) - num_done - num_pruned,
            best=best,
        )

    def take_notes(self) -> list[str]:
        """What there is to tell people since the last time."""
        notes = [note for search in self.in_order() for note in search.notes]
        for search in self.searches.values():
            search.notes.clear()
        return notes

    def begin(self) -> None:
        """Begin every stage that can begin."""
        for stage in self.study.settings.stage:
            self._search(stage)

    def _search(self, stage: StageSettings) -> StageSearch | None:
        """The stage's search, begun if it can begin now."""
        if stage.name in self.blocked:
            return None
        if stage.name not in self.searches:
            bases = self._bases(stage) if self._has_weights(stage) else None
            if bases is None:
                return None
            plan = plan_stage(self.study, stage, bases)
            search = StageSearch(plan, folder=self.folder, standing=self.standing)
            self.searches[stage.name] = search
        return self.searches[stage.name]

    def _bases(self, stage: StageSettings) -> list[Base] | None:
        if stage.name in self.sources:
            return bases_of(stage, self.sources[stage.name])
        if stage.source is None:
            return [own_base(self.study)]
        source = str(stage.source.stage)
        before = self.searches.get(source)
        ranked = before.ranked() if before is not None and before.is_over else []
        best = ranked[: stage.source.top]
        if source in self.blocked or (before is not None and before.is_over and not ranked):
            reason = f'stage "{stage.name}" starts from the best of "{source}", but no trial of that stage has finished'
            self.blocked[stage.name] = reason
        if before is None or not best:
            return None
        if len(best) < stage.source.top:
            done = agreed(len(best), "only {} trial of", "only {} trials of")
            before.notes.append(f"{stage.name}: {done} {source} finished; it starts from those")
        return bases_of(stage, [(trial.plan.name, trial.plan.tables) for trial in best])

    def _has_weights(self, stage: StageSettings) -> bool:
        """Whether every stage of which this one takes weights is over, with a trial that is done."""
        has_all = True
        for name in self.weights_of[stage.name]:
            before = self.searches.get(name)
            is_over = name in self.blocked or (before is not None and before.is_over)
            is_done = before is not None and any(trial.is_done for trial in before.ranked())
            if is_over and not is_done:
                self.blocked[stage.name] = (
                    f'stage "{stage.name}" takes weights of "{name}", but no trial of that stage has finished'
                )
            has_all = has_all and is_over and is_done
        return has_all

    def _queue_tests(self, search: StageSearch) -> None:
        """Where folds chose, the test images are for what they chose, once."""
        self.tested.add(search.plan.settings.name)
        if search.plan.settings.folds is None:
            return
        for trial in search.ranked()[:1]:
            for run in trial.runs:
                if run.facts and not any(name.startswith("test_") for name in run.facts.metrics):
                    search.queue.append(Job(run.plan, "test"))


def _stages_taken_from(trials: list[TrialPlan]) -> list[str]:
    """The stages of which a stage's trials take weights."""
    return sorted({name for trial in trials for run in trial.runs for name in run.settings.model.stages()})
