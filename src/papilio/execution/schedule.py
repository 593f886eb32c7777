"""Runs on workers: handing out, listening, retrying once what died, stopping in good order."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from papilio import errors
from papilio.errors import RunFailed
from papilio.execution.alarms import Alarms
from papilio.execution.bounds import NO_QUESTION, is_short
from papilio.execution.forecast import Forecast, plans_to_probe, untimed_words
from papilio.execution.live_report import LiveReport
from papilio.execution.precisions import Precisions
from papilio.execution.signals import StopSignals
from papilio.execution.spans import NO_TIME, Span
from papilio.execution.trackers import Trackers
from papilio.kinds.warnings import Warn
from papilio.results.table import ResultsTable
from papilio.runs.folder import RunFacts, RunFolder
from papilio.runs.plan import RunPlan
from papilio.search.journal import Journal
from papilio.search.origins import Origins
from papilio.search.search import StudySearch
from papilio.search.states import Job, JobKind, Tally
from papilio.workers.messages import Crew, Task, TaskRun, Workers
from papilio.workers.sharing import SharedImages

SECONDS_BETWEEN_FORECASTS = 1.0
SHARE_OF_TALLIES = 50  # counting that takes a millisecond is done every 50 milliseconds


class Listener(Protocol):
    """Who shows a study's progress."""

    def on_estimate(self, *, span: Span | None, peak_bytes: int, num_runs: int, num_workers: int) -> None: ...

    def on_step(self, plan: RunPlan, *, epoch: int, step: int, num_steps: int) -> None: ...

    def on_epoch(self, plan: RunPlan, record: Mapping[str, Any], *, left: Span | None) -> None: ...

    def on_end(self, plan: RunPlan, facts: RunFacts, *, left: Span | None) -> None: ...

    def on_pause(self, plan: RunPlan) -> None: ...

    def on_tally(self, tally: Tally) -> None: ...

    def on_note(self, text: str) -> None: ...

    def on_warning(self, plan: RunPlan, text: str, *, epoch: int) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What is to be run, where it goes and what it needs."""

    folder: Path
    search: StudySearch
    images: Callable[[RunPlan], SharedImages]
    structure_of: Callable[[RunPlan], str]
    max_lanes: Callable[[RunPlan], int]  # how many runs of a run's structure a worker takes at once
    crew: Crew
    origins: Origins
    warn_of: Callable[[RunPlan], Warn | None] = lambda plan: None  # what a run's kind warns by
    began: float | None = None  # when the command did, as time.monotonic() has it
    afterwards: Span = NO_TIME  # from the last run's end to that of the command
    most_seconds: Callable[[Sequence[RunPlan]], float] = lambda plans: math.inf  # that runs can take on these workers
    work_of: Callable[[RunPlan], float | None] = lambda plan: None  # of an epoch, to compare runs by
    title: str = ""  # of the study
    on_begin: Callable[[], None] = lambda: None  # called when something is about to be trained


class Execution:
    """The unfinished runs of a workload on a pool of workers."""

    def __init__(
        self,
        workload: Workload,
        listener: Listener,
        *,
        signals: StopSignals | None = None,
        confirm: Callable[[float], bool] = NO_QUESTION,
    ) -> None:
        self.workload = workload
        self.live_report = LiveReport(workload.folder)
        self.trackers = Trackers(workload.folder, workload.title)
        self.has_news = False  # an epoch has ended
        self.signals = signals or StopSignals()
        self.search = workload.search
        self.listener = listener
        self.confirm = confirm
        self.jobs: dict[str, Job] = {}  # with workers, by run
        self.retried: set[tuple[str, JobKind]] = set()  # runs whose worker died, and what it did with them
        self.forecast = Forecast(workload.crew.num_workers, workload.structure_of)
        self.is_stopping = False
        self.num_untold: int | None = None  # runs that are to be trained, until it was told how long they take
        self.table = ResultsTable(workload.folder)
        self.journal = Journal(workload.folder)
        self.alarms = Alarms(workload.folder, workload.warn_of)
        self.tallied, self.seconds_between_tallies = -math.inf, 0.0
        self.next_forecast = -math.inf
        self.told: Span | None = None  # the time left when it was last reckoned
        self.begun: dict[str, tuple[float, int]] = {}  # runs with workers: since when, and epochs that they had then
        self.tally: Tally | None = None
        self.reasons: set[str | None] = set()  # of runs that failed: each is told of once
        self.precisions = Precisions(workload.structure_of)
        self.looked_at: set[str] = set()  # stages whose finished runs began with the weights that are there now

    def run(self) -> bool:
        """Run what is unfinished; True when all of it was, False when a stop was asked for or not confirmed.

        A Ctrl-C (or SIGTERM) asks the runs to stop after their present epoch; a second one ends them at once. Either
        way everything can be resumed. Raises StorageError, RunError, RunFailed.
        """
        self.search.begin()
        self.precisions.learn_begun((run.plan, run.facts) for run in self.search.known_runs())
        job = self.search.next_job()  # by which stages begin, too, whose source has ended
        self._refuse_changed_weights()
        self._write_table()
        self.journal.note(self.search.in_order())
        if job is None and self.search.is_over:
            self._close_trackers()
            return True
        if job is not None:
            self.search.give_back(job)
        with self.signals.patiently():  # from here on: a signal while workers start must not leave them behind
            pool = self.workload.crew.start()
            try:
                if self._may_begin(pool):
                    self.workload.on_begin()
                    self._work(pool)
            finally:
                pool.close()
                self.live_report.close()
                self._close_trackers()
                self._write_table()
                self.journal.note(self.search.in_order())
        return self.search.is_over

    def span_left(self) -> Span | None:
        """Until the command's end, None before anything was measured; recomputed at most once in a while."""
        start = time.monotonic()
        if start >= self.next_forecast:
            training = self.forecast.span(self.search.unfinished())
            self.told = None if training is None else training.plus(self.workload.afterwards)
            end = time.monotonic()
            self.next_forecast = end + max(SECONDS_BETWEEN_FORECASTS, 50 * (end - start))
        return self.told

    def _may_begin(self, pool: Workers) -> bool:
        """Whether to train. Long studies are timed and confirmed first; short ones start and are estimated on the way."""
        unfinished = self.search.unfinished()
        self.num_untold = len(unfinished)
        if is_short(self.workload.most_seconds(unfinished) + self.workload.afterwards.high, self.confirm):
            self.forecast.work_of = self.workload.work_of
            self._tell_tally(is_due=True)
            return True
        self._measure_costs(pool, unfinished)
        if self.is_stopping:
            return False
        with self.signals.impatiently():
            return self.confirm((self.span_left() or NO_TIME).high)

    def _measure_costs(self, pool: Workers, unfinished: list[RunPlan]) -> None:
        probes = deque(plans_to_probe(unfinished, self.workload.structure_of))
        num_probes, untimed = len(probes), {}
        while (probes or pool.is_busy()) and not self.is_stopping:
            self._heed_stop(pool)
            for worker in pool.idle()[: len(probes)]:
                pool.give(worker, self._task([Job(probes.popleft())], kind="probe"))
            for _, plan, kind, content in pool.messages(0.2):
                self._hear_probe(plan, kind, content)
                if kind in ("unmeasured", "error", "died"):
                    untimed[plan.name] = (plan, content if isinstance(content, str) else content[1])
        if self.is_stopping:
            return
        if untimed:
            self.listener.on_note(untimed_words(list(untimed.values()), num_probes))
        self._tell_estimate()
        self._tell_tally(is_due=True)

    def _tell_estimate(self) -> None:
        """How long it takes in all and how much memory, once."""
        if self.num_untold is None:
            return
        num_runs, self.num_untold = self.num_untold, None
        self.next_forecast = -math.inf
        elapsed = 0.0 if self.workload.began is None else time.monotonic() - self.workload.began
        left = self.span_left()
        self.listener.on_estimate(
            span=None if left is None else left.plus(Span(elapsed, elapsed)),
            peak_bytes=self.forecast.peak_bytes(),
            num_runs=num_runs,
            num_workers=self.workload.crew.num_workers,
        )

    def _work(self, pool: Workers) -> None:
        while pool.is_busy() or not self.is_stopping:
            self._heed_stop(pool)
            if not self.is_stopping:
                self._hand_out(pool)
                if not pool.is_busy() and self.search.is_over:
                    return
                if not pool.is_busy() and pool.idle():
                    raise RunFailed("no run is left, but the study is not finished: please report this bug")
            for task, plan, kind, content in pool.messages(0.2):
                if task.kind == "probe":
                    self._hear_probe(plan, kind, content)
                else:
                    self._hear(pool, plan, kind, content)
            for note in [*self.search.take_notes(), *self.trackers.take_notes()]:
                self.listener.on_note(note)
            if wrong := self.live_report.look(has_news=self.has_news, left=self.span_left()):
                self.listener.on_note(f"the report could not be updated yet (it is written at the end): {wrong}")

    def _hand_out(self, pool: Workers) -> None:
        for worker in pool.idle():
            jobs = self._next_jobs()
            self._refuse_changed_weights()
            if not jobs:
                return
            if jobs[0].kind == "train" and self.precisions.is_missing(plan := jobs[0].plan):
                for job in reversed(jobs):
                    self.search.give_back(job)
                if not self.precisions.ask(plan):
                    return
                pool.give(worker, self._task([Job(plan)], kind="probe"))
                continue
            self.jobs |= {job.plan.name: job for job in jobs}
            self.begun |= {
                one.plan.name: (time.monotonic(), self.forecast.epochs_done.get(one.plan.name, 0)) for one in jobs
            }
            pool.give(worker, self._task(jobs, kind=jobs[0].kind))

    def _next_jobs(self) -> list[Job]:
        """The next job, with as many of its structure as its engine trains together; those between keep their places.

        A run whose worker died continues alone: should it be the cause, it takes no others with it again.
        """
        first = self.search.next_job()
        if first is None:
            return []
        jobs, others = [first], []
        is_alone = first.kind == "test" or (first.plan.name, first.kind) in self.retried
        room = 1 if is_alone else self.workload.max_lanes(first.plan)
        while len(jobs) < room and len(others) < room and (job := self.search.next_job()) is not None:
            (jobs if self._goes_with(first, job) else others).append(job)
        for job in reversed(others):
            self.search.give_back(job)
        return jobs

    def _goes_with(self, first: Job, job: Job) -> bool:
        structure_of = self.workload.structure_of
        is_alike = job.kind == first.kind and structure_of(job.plan) == structure_of(first.plan)
        has_device = job.plan.settings.train.device == first.plan.settings.train.device  # not part of a structure
        return is_alike and has_device and (job.plan.name, job.kind) not in self.retried

    def _hear(self, pool: Workers, plan: RunPlan, kind: str, content: Any) -> None:
        if kind == "step":
            epoch, step, num_steps = content
            self.listener.on_step(plan, epoch=epoch, step=step, num_steps=num_steps)
        elif kind == "epoch":
            self.has_news = True
            self.forecast.learn_epoch(plan, content["epoch"], content["seconds"])
            if len(self.forecast.epochs_done) >= min(self.workload.crew.num_workers, self.num_untold or 0):
                self._tell_estimate()
            self.trackers.hear(plan)
            if cut := self.search.stage(plan).hear_epoch(plan, content):
                pool.stop(cut)
            self.listener.on_epoch(plan, content, left=self.span_left())
            for warning in self.alarms.hear(plan, content):
                self.listener.on_warning(plan, warning, epoch=content["epoch"])
        elif kind == "memory":
            self.forecast.learn_peak(content)
        elif kind == "ended":
            self._note_end(plan, content)
        elif kind == "error":
            name, message = content
            raise getattr(errors, name)(message)
        elif kind == "died":
            self._note_death(plan, content)

    def _hear_probe(self, plan: RunPlan, kind: str, content: Any) -> None:
        if kind == "cost":
            self.forecast.learn_cost(plan, content)
        if self.precisions.is_missing(plan):  # what cannot be timed says so when it is trained
            precision = content.precision if kind == "cost" else None
            self.precisions.learn(plan, precision or "float32")

    def _note_end(self, plan: RunPlan, facts: RunFacts) -> None:
        kind = self.jobs.pop(plan.name).kind
        if kind == "train":
            self._learn_overhead(plan, facts)
        self.alarms.forget(plan)
        facts = self.search.stage(plan).hear_end(plan, facts, has_stopped=facts.status == "stopped")
        self.trackers.hear(plan, None if facts.status == "stopped" else facts)
        if facts.status != "stopped":
            self.forecast.learn_end(plan, facts.epochs)
        self._write_table(is_due=False)
        self.journal.note(self.search.in_order(), is_due=False)
        self._tell_tally(num_ended=int(facts.status != "stopped" and kind == "train"))
        is_put_aside = facts.status == "stopped" and not self.is_stopping
        if is_put_aside or facts.status == "pruned" or kind == "test":
            self.listener.on_pause(plan)
        else:
            self.listener.on_end(plan, self._with_new_reason(facts), left=self.span_left())

    def _with_new_reason(self, facts: RunFacts) -> RunFacts:
        """The facts as they are told: a reason that another run failed for, too, is not repeated."""
        if facts.status != "failed" or facts.reason not in self.reasons:
            self.reasons.add(facts.reason)
            return facts
        return replace(facts, reason="for the same reason as an earlier run")

    def _tell_tally(self, *, is_due: bool = False, num_ended: int = 0) -> None:
        """Say how the study stands: counted at most once in a while, as that takes time where there are many trials.

        Meanwhile the `num_ended` runs that have just ended are added to what was counted.
        """
        now = time.monotonic()
        if is_due or self.tally is None or now - self.tallied > self.seconds_between_tallies:
            self.tally = self.search.tally()
            self.tallied = time.monotonic()
            self.seconds_between_tallies = SHARE_OF_TALLIES * (self.tallied - now)
        else:
            self.tally = replace(self.tally, num_runs_over=self.tally.num_runs_over + num_ended)
        self.listener.on_tally(self.tally)

    def _learn_overhead(self, plan: RunPlan, facts: RunFacts) -> None:
        """Of a run that was trained from its beginning, alone: what it took next to its epochs."""
        since, epochs_before = self.begun[plan.name]
        seconds = time.monotonic() - since - facts.seconds
        if not epochs_before and facts.status == "done" and not facts.beside and seconds > 0:
            self.forecast.learn_overhead(seconds)

    def _note_death(self, plan: RunPlan, how: str) -> None:
        job = self.jobs[plan.name]
        if (plan.name, job.kind) not in self.retried:
            self.retried.add((plan.name, job.kind))
            self.search.give_back(self.jobs.pop(plan.name))
            again = "measuring it again" if job.kind == "test" else "resuming from its last epoch"
            self.listener.on_note(f"the worker of {plan.name} died ({how}); {again}")
            return
        if job.kind == "test":  # it is trained, and stays so
            raise RunFailed(
                f"{plan.name}: the worker that measured it on test images died twice ({how}); out of memory? Try fewer"
                " --workers"
            )
        reason = f"its worker died twice ({how}); out of memory? Try fewer --workers or a smaller train.batch_size"
        folder = RunFolder(self.workload.folder / "runs" / plan.name)
        facts = folder.read() or RunFacts.of_plan(plan, threads=self.workload.crew.threads)
        facts = replace(facts, status="failed", reason=reason)
        folder.write(facts)
        self._note_end(plan, facts)

    def _task(self, jobs: Sequence[Job], *, kind: Literal["train", "test", "probe"]) -> Task:
        runs = []
        for job in jobs:
            folder = self.workload.folder / "runs" / job.plan.name
            precision = self.precisions.of(job.plan)
            if kind == "train":
                self.workload.origins.bring(job.plan)
            runs.append(TaskRun(job.plan, folder, self.workload.images(job.plan), job.until, precision))
        return Task(tuple(runs), self.workload.crew.threads, kind)

    def _refuse_changed_weights(self) -> None:
        """Raises RunError where a finished run of a stage that has begun began with other weights than there are now."""
        for stage in self.search.in_order():
            if stage.plan.settings.name not in self.looked_at:
                self.looked_at.add(stage.plan.settings.name)
                for trial in stage.trials:
                    for run in trial.runs:
                        self.workload.origins.refuse_changed(run.plan)

    def _close_trackers(self) -> None:
        """Write what is left, of runs that had ended before, too: `train.log` may be newer than they."""
        for run in self.search.known_runs():
            if run.facts is not None and (run.status == "ended" or run.facts.status == "stopped"):
                self.trackers.hear(run.plan, run.facts)
        self.trackers.close()
        for note in self.trackers.take_notes():
            self.listener.on_note(note)

    def _write_table(self, *, is_due: bool = True) -> None:
        self.table.write(lambda: [(run.plan, run.facts) for run in self.search.known_runs()], is_due=is_due)

    def _heed_stop(self, pool: Workers) -> None:
        if self.signals.count and not self.is_stopping:
            self.is_stopping = True
            self.listener.on_note("stopping after the current epochs; press Ctrl-C again to stop at once")
            pool.stop()
