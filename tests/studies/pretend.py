"""Workers that train nothing: a run's metrics are made up from its name. A search of hundreds of runs takes no time, in any
order of events, with kills at any moment."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from papilio.kinds.ranking import Ranking, Standing
from papilio.runs.arrays import load_facts, save_arrays
from papilio.runs.folder import RunFacts, RunFolder
from papilio.runs.loop import BestSoFar, Counters
from papilio.runs.plan import RunPlan
from papilio.search.search import StudySearch
from papilio.search.states import Job
from papilio.studies.planning import NO_SOURCES, Sources
from papilio.studies.study import load_study

METRIC = "val_accuracy"
DEATHS = ("before", "before the checkpoint", "after the checkpoint")  # of an epoch, a worker may die
Curve = Callable[[RunPlan, int], float]  # the metric after an epoch; raises ArithmeticError where the run fails


def by_name(plan: RunPlan, epoch: int) -> float:
    """A metric that grows with the epochs, by another amount for every run and epoch; different for every trial."""
    digest = hashlib.sha256(f"{plan.trial} {plan.seed} {plan.fold} {epoch}".encode()).digest()
    trial = hashlib.sha256(plan.trial.encode()).digest()
    return (trial[0] + trial[1] / 256 + digest[0] / 16 + epoch / 8) / 512


class PretendWorkers:
    """Some workers, at runs of a study in a folder; every turn, a drawn one of them has its next epoch or asks for work."""

    def __init__(
        self,
        study: dict[str, Any],
        folder: Path,
        *,
        num: int,
        seed: int,
        curve: Curve = by_name,
        sources: Sources = NO_SOURCES,
    ) -> None:
        self.folder = folder
        self.curve = curve
        self.rng = random.Random(seed)
        self.search = StudySearch(
            load_study(study), folder=folder, standing=lambda plan: Standing(Ranking(METRIC, "max")), sources=sources
        )
        self.jobs: list[Job | None] = [None] * num
        self.stopping: set[str] = set()
        self.num_epochs = 0  # trained in all
        self.search.begin()

    def work(self, *, turns: int = 20_000, deaths: int = 0) -> bool:
        """So many turns, some of which may kill a worker; whether everything is over by then."""
        deadly = set(self.rng.sample(range(turns), min(deaths, turns)))
        for turn in range(turns):
            if self.search.is_over and not any(self.jobs):
                return True
            self._turn(self.rng.randrange(len(self.jobs)), is_deadly=turn in deadly)
        return self.search.is_over and not any(self.jobs)

    def facts(self) -> list[RunFacts]:
        """Of every run that the search knows, in its order."""
        known = [RunFolder(self.folder / "runs" / run.plan.name).read() for run in self.search.known_runs()]
        return [facts for facts in known if facts is not None]

    def ends(self) -> dict[str, tuple[str, str | None, int]]:
        """How every run ended, by name: status, reason, and epochs that are written down."""
        return {facts.run: (facts.status, facts.reason, num_epochs(self.folder, facts.run)) for facts in self.facts()}

    def _turn(self, worker: int, *, is_deadly: bool) -> None:
        job = self.jobs[worker]
        if job is None:
            self.jobs[worker] = self.search.next_job()
            return
        has_ended = self._has_ended(job, dies=self.rng.choice(DEATHS) if is_deadly else None)
        if is_deadly or has_ended:
            self.jobs[worker] = None
            self.stopping.discard(job.plan.name)
        if is_deadly:
            self.search.give_back(job)

    def _has_ended(self, job: Job, *, dies: str | None) -> bool:
        """Let a run have its next epoch, as far as its worker lives; whether the job is done."""
        if dies == "before":
            return False
        folder = RunFolder(self.folder / "runs" / job.plan.name)
        facts = replace(folder.read() or RunFacts.of_plan(job.plan, threads=1), status="running", reason=None)
        if job.kind == "test":
            return self._end(job, replace(facts, status="done", metrics=facts.metrics | {"test_accuracy": 0.5}))
        if dies is not None and job.kind == "test":
            return False
        folder.write(facts)
        kept = load_facts(folder.checkpoint_file)["epoch"] if folder.checkpoint_file.exists() else 0
        folder.keep_records(kept)
        epoch = kept + 1
        try:
            record = {"epoch": epoch, METRIC: self.curve(job.plan, epoch)}
        except ArithmeticError:
            return dies is None and self._end(job, replace(facts, status="failed", reason="as it was meant to"))
        folder.append_record(record)
        self.num_epochs += 1
        self.stopping |= self.search.stage(job.plan).hear_epoch(job.plan, record)
        facts = replace(facts, epochs=epoch)
        if dies == "before the checkpoint":
            return False
        progress = Counters(epoch, step=epoch, best=BestSoFar(1.0, epoch), patience=BestSoFar())
        if epoch < job.plan.settings.train.epochs:  # a kill after the last epoch repeats it
            save_arrays(folder.checkpoint_file, {"best/network/w": np.array(epoch)}, asdict(progress))
        if dies is not None:
            return False
        if epoch >= job.plan.settings.train.epochs:
            folder.weights_file.write_bytes(b"weights")
            best = max(one[METRIC] for one in folder.read_records())
            folder.remove_checkpoint()
            tested = {"test_accuracy": 0.5} if job.plan.fold is None else {}
            return self._end(job, replace(facts, status="done", best_epoch=epoch, metrics={METRIC: best} | tested))
        if job.plan.name in self.stopping or (job.until is not None and epoch >= job.until):
            save_arrays(folder.weights_file, {"network/w": np.array(epoch)}, {"epoch": epoch})
            return self._end(job, replace(facts, status="stopped", best_epoch=epoch, reason="asked to stop"))
        return False

    def _end(self, job: Job, facts: RunFacts) -> bool:
        RunFolder(self.folder / "runs" / job.plan.name).write(facts)
        self.search.stage(job.plan).hear_end(job.plan, facts, has_stopped=facts.status == "stopped")
        return True


def num_epochs(folder: Path, run: str) -> int:
    """How many epochs of a run are written down."""
    return len(RunFolder(folder / "runs" / run).read_records())


def worked(study: dict[str, Any], folder: Path, *, seed: int, num: int = 3, curve: Curve = by_name) -> PretendWorkers:
    """Workers who have done the whole study without a disturbance."""
    workers = PretendWorkers(study, folder, num=num, seed=seed, curve=curve)
    assert workers.work()
    return workers


def disturbed(study: dict[str, Any], folder: Path, *, seed: int, curve: Curve = by_name) -> PretendWorkers:
    """Workers who have done the whole study while the parent was killed again and again, and workers too."""
    rng = random.Random(seed)
    for _ in range(4):
        workers = PretendWorkers(study, folder, num=rng.randint(1, 4), seed=rng.random().__hash__(), curve=curve)
        workers.work(turns=rng.randint(1, 60), deaths=2)
    workers = PretendWorkers(study, folder, num=rng.randint(1, 4), seed=seed, curve=curve)
    assert workers.work(deaths=3)
    return workers
