"""What is to be run next: stages one after another, their trials as samplers propose them and pruners let them go on.

Everything that is decided here follows from the study file and the runs' folders: a search that was stopped is built again from
them, and goes on as if it had not been.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from papilio.errors import RunFailed
from papilio.runs.folder import RunFacts, RunFolder, RunPlan
from papilio.studies.planning import (
    BASE,
    NO_SOURCES,
    Base,
    Sources,
    StagePlan,
    TrialPlan,
    bases_of,
    expected_trials,
    own_base,
    plan_stage,
    refuse_twins,
)
from papilio.studies.pruners import Pruner, make_pruner
from papilio.studies.samplers import TPESampler
from papilio.studies.space import Point
from papilio.studies.study import StageSettings, Study

Ranking = tuple[str, Literal["min", "max"]]  # the metric that chooses, and which end of it is better
JobKind = Literal["train", "test"]


@dataclass(frozen=True)
class Job:
    """What a worker is to do with a run: train it (to the end, or up to an epoch), or measure it on test images."""

    plan: RunPlan
    kind: JobKind = "train"
    until: int | None = None


@dataclass
class RunState:
    """A run as far as it has come; `scores` are the best so far after each epoch, turned so that more is better."""

    plan: RunPlan
    facts: RunFacts | None = None
    scores: list[float] = field(default_factory=list)
    status: Literal["waiting", "queued", "running", "ended"] = "waiting"

    def score_at(self, epoch: int) -> float | None:
        """None before the epoch; of a run that has ended, its last; -inf of one that failed."""
        if len(self.scores) >= epoch:
            return self.scores[epoch - 1]
        if self.status != "ended":
            return None
        is_good = self.facts is not None and self.facts.status == "done" and self.scores
        return self.scores[-1] if is_good else -math.inf


@dataclass
class TrialState:
    """A trial as far as its runs have come."""

    plan: TrialPlan
    runs: list[RunState]
    cut: str | None = None  # why it ended early

    @property
    def number(self) -> int:
        """Its place in its stage."""
        return self.plan.number

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is going to run any more."""
        return all(run.status == "ended" for run in self.runs)

    @property
    def is_done(self) -> bool:
        """Whether all of its runs came to a good end."""
        return all(run.facts is not None and run.facts.status == "done" for run in self.runs)

    def score_at(self, epoch: int) -> float | None:
        """The mean over its runs after so many epochs; None where one has not come so far."""
        scores = [run.score_at(epoch) for run in self.runs]
        known = [score for score in scores if score is not None]
        return statistics.fmean(known) if len(known) == len(scores) else None

    def score_so_far(self, epoch: int) -> float | None:
        """The mean over the runs that have come so far; None where none has."""
        known = [score for run in self.runs if (score := run.score_at(epoch)) is not None]
        return statistics.fmean(known) if known else None

    def mean(self, metric: str) -> float | None:
        """The metric's mean over the runs; None unless every run is done and has it."""
        values = [run.facts.metrics.get(metric) for run in self.runs if run.facts and run.facts.status == "done"]
        known = [value for value in values if value is not None]
        return statistics.fmean(known) if len(known) == len(self.runs) else None


@dataclass(frozen=True)
class Tally:
    """How a study stands: its runs, its trials, and the best one of the stage that is at work."""

    num_runs: int
    num_runs_over: int
    num_trials: int
    num_done: int
    num_pruned: int
    num_failed: int
    best: tuple[str, str, float] | None  # its name, the metric that chooses, and its mean


class StageSearch:
    """One stage: its trials so far, and what is to be run of them."""

    def __init__(self, plan: StagePlan, *, folder: Path, ranking: Callable[[RunPlan], Ranking | None]) -> None:
        self.plan = plan
        self.folder = folder
        self.trials: list[TrialState] = []
        self.by_run: dict[str, tuple[TrialState, RunState]] = {}
        self.queue: deque[Job] = deque()
        self.keys: set[str] = set()
        self.first = plan.trial(plan.space.at([0.0] * len(plan.space.parameters)), number=0)
        self.ranking = ranking(self.first.runs[0])
        self.sampler = plan.sampler(is_maximised=self.ranking is None or self.ranking[1] == "max")
        settings = plan.settings
        if self.ranking is None and (settings.pruner is not None or settings.sampler.name == "tpe"):
            what = "nothing can be cut early" if settings.pruner is not None else "tpe has nothing to learn from"
            raise RunFailed(f'stage "{settings.name}": {what}, its objective names no metric that chooses')
        self.pruner: Pruner | None = None
        if settings.pruner is not None:
            epochs = max(trial.runs[0].settings["train"]["epochs"] for trial in plan.expected())
            self.pruner = make_pruner(settings.pruner, num_trials=plan.num_trials, epochs=epochs)
        self.ended: list[TrialState] = []  # since `take_ended` was last called
        self.notes: list[str] = []  # for people, taken by whoever shows progress
        self.is_exhausted = False
        self._recall()
        if not isinstance(self.sampler, TPESampler):
            while self._propose():
                pass
            if not plan.passes_over_twins:
                refuse_twins(plan.study, [trial.plan for trial in self.trials])
        self._cut_at_rungs()

    def next_job(self) -> Job | None:
        """What a free worker should do now; None where there is nothing at the moment."""
        while True:
            while self.queue:
                job = self.queue.popleft()
                _, run = self.by_run[job.plan.name]
                if job.kind == "test" or run.status == "queued":
                    run.status = "running" if job.kind == "train" else run.status
                    return job
            if not self._propose():
                return None

    def give_back(self, job: Job) -> None:
        """Take a job that was not done: it is the next one, unless its trial was cut in the meantime."""
        trial, run = self.by_run[job.plan.name]
        if trial.cut and job.kind == "train":
            run.facts = self._note_cut(run, trial.cut)
            self._learn(trial)
            return
        run.status = "queued" if job.kind == "train" else run.status
        self.queue.appendleft(job)

    def hear_epoch(self, plan: RunPlan, record: Mapping[str, object]) -> set[str]:
        """Note an epoch; the names of running runs that are to stop because their trial was cut."""
        trial, run = self.by_run[plan.name]
        self._note_record(run, record)
        if self.pruner is None or trial.cut or _is_all_but_over(trial, run):
            return set()
        trial.cut = self.pruner.cut_now(trial, len(run.scores), self.trials)
        if not trial.cut:
            return set()
        self.notes.append(f"{trial.plan.name}: {trial.cut}")
        return self._let_go(trial)

    def hear_end(self, plan: RunPlan, facts: RunFacts, *, has_stopped: bool) -> RunFacts:
        """Note that a worker is done with a run, or has put it aside (`has_stopped`); the facts as they now are."""
        trial, run = self.by_run[plan.name]
        run.facts = facts
        if not has_stopped:
            run.status = "ended"
            trial.cut = None if trial.is_done else trial.cut  # it came to its end before it could be stopped
        elif trial.cut:
            run.facts = self._note_cut(run, trial.cut)
        else:
            run.status = "waiting"
        self._learn(trial)
        self._cut_at_rungs()
        return run.facts

    @property
    def is_over(self) -> bool:
        """Whether every trial there will be has ended."""
        return self.is_exhausted and not self.queue and all(trial.is_over for trial in self.trials)

    def take_ended(self) -> list[TrialState]:
        """The trials that have ended since the last time; some perhaps twice."""
        ended, self.ended = self.ended, []
        return ended

    def ranked(self) -> list[TrialState]:
        """Trials whose runs are all done, best mean of the metric that chooses first."""
        if self.ranking is None:
            return [trial for trial in self.trials if trial.is_over and not trial.cut]
        metric, direction = self.ranking
        known = [(mean, trial) for trial in self.trials if not trial.cut and (mean := trial.mean(metric)) is not None]
        return [trial for _, trial in sorted(known, key=lambda pair: pair[0], reverse=direction == "max")]

    def best(self) -> tuple[str, str, float] | None:
        """The best trial so far: its name, the metric that chooses, its mean; None before any is done."""
        if self.ranking is None:
            return None
        choose = max if self.ranking[1] == "max" else min
        known = [
            (mean, trial)
            for trial in self.trials
            if not trial.cut and (mean := trial.mean(self.ranking[0])) is not None
        ]
        if not known:
            return None
        mean, trial = choose(known, key=lambda pair: pair[0])
        return trial.plan.name, self.ranking[0], mean

    def unfinished(self) -> Iterator[RunPlan]:
        """Runs that are still to be trained, as far as they are known; stand-ins for trials not yet proposed."""
        for trial in self.trials:
            yield from (run.plan for run in trial.runs if run.status != "ended")
        for trial in self.not_proposed():
            yield from trial.runs

    def not_proposed(self) -> Iterator[TrialPlan]:
        """A stand-in for each trial that the sampler has not proposed yet."""
        if not self.is_exhausted:
            yield from [self.first] * (self.plan.num_trials - len(self.trials))

    def _propose(self) -> bool:
        """Add the next trial; False where there is none."""
        if self.is_exhausted or len(self.trials) >= self.plan.num_trials:
            self.is_exhausted = True
            return False
        point = self.sampler.propose()
        while point is not None:
            trial = self.plan.trial(point, number=len(self.trials))
            if not self.plan.passes_over_twins or trial.key not in self.keys:
                self._add(trial)
                return True
            point = self.sampler.propose()
        self.is_exhausted = True
        return False

    def _recall(self) -> None:
        """Of a sampler that learns: the trials that it proposed before, in their order."""
        if not isinstance(self.sampler, TPESampler):
            return
        found = (RunFolder(path.parent).read() for path in sorted(self.folder.glob("runs/*/run.json")))
        ours = [facts for facts in found if facts is not None and facts.stage == self.plan.settings.name]
        for facts in sorted(ours, key=lambda facts: facts.number):
            for trial in self._trials_at(facts):
                if trial.key not in self.keys and facts.run in {run.name for run in trial.runs}:
                    self.sampler.recall(trial.point)
                    self._add(trial)

    def _trials_at(self, facts: RunFacts) -> Iterator[TrialPlan]:
        names = list(self.plan.bases) if len(self.plan.bases) > 1 else [None]
        for name in names:
            point: Point = ({BASE: name} if name is not None else {}) | facts.varied
            if self.plan.space.holds(point):
                yield self.plan.trial(point, number=len(self.trials))

    def _add(self, plan: TrialPlan) -> None:
        trial = TrialState(plan, [self._load(run) for run in plan.runs])
        self.trials.append(trial)
        self.keys.add(plan.key)
        for run in trial.runs:
            self.by_run[run.plan.name] = (trial, run)
        if self.pruner is not None and self.plan.settings.pruner and self.plan.settings.pruner.name == "median":
            reasons = [run.facts.reason for run in trial.runs if run.facts and run.facts.status == "pruned"]
            if reasons:
                trial.cut = reasons[0] or "cut"
                self._let_go(trial)
        self._queue(trial)
        if trial.is_over:
            self._learn(trial)

    def _load(self, plan: RunPlan) -> RunState:
        folder = RunFolder(self.folder / "runs" / plan.name)
        run = RunState(plan, folder.read())
        if self.pruner is not None and run.facts is not None:
            for record in folder.read_records():
                self._note_record(run, record)
        if run.facts is not None and folder.is_finished():
            run.status = "ended"
        return run

    def _note_record(self, run: RunState, record: Mapping[str, object]) -> None:
        value = record.get(self.ranking[0]) if self.ranking else None
        if isinstance(value, int | float) and record["epoch"] == len(run.scores) + 1:
            score = float(value) if self.ranking and self.ranking[1] == "max" else -float(value)
            run.scores.append(max(score, run.scores[-1]) if run.scores else score)

    def _queue(self, trial: TrialState) -> None:
        """Put what may run now of a trial into the queue."""
        if trial.cut:
            return
        limit = self.pruner.limit(trial.number) if self.pruner else None
        for run in trial.runs:
            if run.status == "waiting" and (limit is None or len(run.scores) < limit):
                run.status = "queued"
                self.queue.append(Job(run.plan, "train", limit))

    def _cut_at_rungs(self) -> None:
        if self.pruner is None or (len(self.trials) < self.plan.num_trials and not self.is_exhausted):
            return
        cut = self.pruner.cut_at_rungs(self.trials)
        if cut is None:
            return
        for number, reason in cut.items():
            self.trials[number].cut = reason
            self._let_go(self.trials[number])
            self._learn(self.trials[number])
        racing = sum(1 for trial in self.trials if not trial.cut)
        self.notes.append(f"{self.plan.settings.name}: {len(cut)} trials are cut early, {racing} go on")
        for trial in self.trials:
            self._queue(trial)

    def _let_go(self, trial: TrialState) -> set[str]:
        """End a cut trial's runs; the names of those that are still with a worker."""
        for run in trial.runs:
            if run.status in ("waiting", "queued"):
                run.facts = self._note_cut(run, trial.cut or "cut")
        return {run.plan.name for run in trial.runs if run.status == "running"}

    def _note_cut(self, run: RunState, reason: str) -> RunFacts:
        folder = RunFolder(self.folder / "runs" / run.plan.name)
        facts = folder.read() or RunFacts.of_plan(run.plan, threads=1)
        if (facts.status, facts.reason) != ("pruned", reason):
            facts = replace(facts, status="pruned", reason=reason)
            folder.write(facts)
        run.status = "ended"
        return facts

    def _learn(self, trial: TrialState) -> None:
        """Tell the sampler what became of a trial, or how far it has come."""
        if trial.is_over:
            self.ended.append(trial)
        epoch = max(len(run.scores) for run in trial.runs)
        if trial.is_over and not trial.cut:
            value = trial.mean(self.ranking[0]) if self.ranking else None
            self.sampler.learn(trial.plan.point, value, epoch=epoch, is_final=True)
        elif self.ranking is not None and all(run.status in ("waiting", "ended") for run in trial.runs):
            score = trial.score_at(epoch) if epoch else None
            value = None if score is None or not math.isfinite(score) else score
            sign = 1 if self.ranking[1] == "max" else -1
            self.sampler.learn(trial.plan.point, value and sign * value, epoch=epoch, is_final=False)


def _is_all_but_over(trial: TrialState, run: RunState) -> bool:
    """Whether nothing is left to be cut of a trial: this run of it is the last, and has had its last epoch."""
    has_others = any(one.status != "ended" for one in trial.runs if one is not run)
    return not has_others and len(run.scores) >= run.plan.settings["train"]["epochs"]


class StudySearch:
    """All stages: those that start from an earlier one wait until it is over."""

    def __init__(
        self,
        study: Study,
        *,
        folder: Path,
        ranking: Callable[[RunPlan], Ranking | None],
        sources: Sources = NO_SOURCES,
    ) -> None:
        self.study = study
        self.folder = folder
        self.ranking = ranking
        self.sources = sources
        self.expected = expected_trials(study, sources)
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
            bases = self._bases(stage)
            if bases is None:
                return None
            plan = plan_stage(self.study, stage, bases)
            search = StageSearch(plan, folder=self.folder, ranking=self.ranking)
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
            reason = f'stage "{stage.name}" starts from the best of "{source}", but no trial of that stage is done'
            self.blocked[stage.name] = reason
        if before is None or not best:
            return None
        if len(best) < stage.source.top:
            before.notes.append(f"{stage.name}: only {len(best)} trials of {source} are done; it starts from those")
        return bases_of(stage, [(trial.plan.name, trial.plan.tables) for trial in best])

    def _queue_tests(self, search: StageSearch) -> None:
        """Where folds chose, the test images are for what they chose, once."""
        self.tested.add(search.plan.settings.name)
        if search.plan.settings.folds is None:
            return
        for trial in search.ranked()[:1]:
            for run in trial.runs:
                if run.facts and not any(name.startswith("test_") for name in run.facts.metrics):
                    search.queue.append(Job(run.plan, "test"))
