"""One stage's search: its trials as the sampler proposes them and the pruner lets them continue.

Everything that is decided here follows from the study file and the runs' folders: a search that was stopped is built again from
them, and continues as if it had not been.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from papilio.errors import agreed
from papilio.kinds.ranking import Standing, common_ranking
from papilio.runs.arrays import load_facts
from papilio.runs.folder import RunFacts, RunFolder
from papilio.runs.plan import RunPlan
from papilio.runs.train import take_from_checkpoint
from papilio.search.expected import expected_of_stage
from papilio.search.pruners import Pruner, make_pruner
from papilio.search.samplers import TPESampler, make_sampler
from papilio.search.states import Job, RunState, TrialState
from papilio.studies.planning import BASE, StagePlan, TrialPlan, refuse_twins
from papilio.studies.space import Point


class StageSearch:
    """One stage: its trials so far, and what is to be run of them."""

    def __init__(self, plan: StagePlan, *, folder: Path, standing: Callable[[RunPlan], Standing]) -> None:
        self.plan = plan
        self.folder = folder
        self.trials: list[TrialState] = []
        self.begun: list[TrialState] = []  # those that have had an epoch, as they came
        self.by_run: dict[str, tuple[TrialState, RunState]] = {}
        self.queue: deque[Job] = deque()
        self.keys: set[str] = set()
        self.first = plan.trial(plan.space.at([0.0] * len(plan.space.parameters)), number=0)
        expected = expected_of_stage(plan)
        self.ranking = common_ranking(standing(trial.runs[0]) for trial in expected)
        is_maximized = self.ranking is None or self.ranking.is_maximized
        self.sampler = make_sampler(plan.settings.sampler, plan.space, is_maximized=is_maximized)
        self.pruner: Pruner | None = None
        if plan.settings.pruner is not None:
            epochs = max(trial.runs[0].settings.train.epochs for trial in expected)
            self.pruner = make_pruner(
                plan.settings.pruner, num_trials=plan.num_trials, epochs=epochs, is_maximized=is_maximized
            )
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
        """Take a job that was not done: it is the next one, unless its trial was cut, or it had come as far as it was to."""
        trial, run = self.by_run[job.plan.name]
        if trial.cut and job.kind == "train":
            run.facts = self._note_cut(run, trial.cut)
            self._learn(trial)
            return
        if job.kind == "train" and job.until is not None and self._kept_epochs(run) >= job.until:
            run.status = "waiting"  # its worker ended before it could say that it had put the run aside
            self._learn(trial)
            self._cut_at_rungs()
            self._queue(trial)
            return
        run.status = "queued" if job.kind == "train" else run.status
        self.queue.appendleft(job)

    def hear_epoch(self, plan: RunPlan, record: Mapping[str, object]) -> set[str]:
        """Note an epoch; the names of running runs that are to stop because their trial was cut."""
        trial, run = self.by_run[plan.name]
        if not trial.has_begun:
            self.begun.append(trial)
        self._note_record(run, record)
        if self.pruner is None or trial.cut or _is_all_but_over(trial, run):
            return set()
        trial.cut = self.pruner.cut_now(trial, len(run.scores), self.begun)
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
        self._queue(trial)  # its rung may have been decided by the last epochs alone, while this run was still running
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
        best = next(iter(self.ranked()), None)
        mean = best.mean(self.ranking[0]) if best is not None else None
        return None if best is None or mean is None else (best.plan.name, self.ranking[0], mean)

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
        if trial.has_begun:
            self.begun.append(trial)
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
        if run.facts is not None and folder.is_finished():
            run.status = "ended"
        if self.pruner is not None and run.facts is not None:
            records = folder.read_records()
            for record in records if run.status == "ended" else records[: self._kept_epochs(run)]:
                self._note_record(run, record)
        return run

    def _kept_epochs(self, run: RunState) -> int:
        """The epochs after which a run would continue: records are written before checkpoints, and a kill may come between."""
        file = RunFolder(self.folder / "runs" / run.plan.name).checkpoint_file
        return load_facts(file)["epoch"] if file.exists() else 0

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
        pruned = agreed(len(cut), "{} trial was pruned", "{} trials were pruned")
        going_on = agreed(racing, "{} continues", "{} continue")
        self.notes.append(f"{self.plan.settings.name}: {pruned}, {going_on}")
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
        if facts.status == "running" or not folder.weights_file.exists():  # killed before it could be paused
            facts = take_from_checkpoint(folder.path, facts)
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
    return not has_others and len(run.scores) >= run.plan.settings.train.epochs
