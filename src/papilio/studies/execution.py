"""Runs on workers: handing out, listening, retrying once what died, stopping in good order."""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from papilio import errors
from papilio.models.own import OwnFunctions
from papilio.runs.folder import RunFacts, RunFolder, RunPlan
from papilio.studies.estimate import Forecast, plans_to_probe
from papilio.studies.messages import Task
from papilio.studies.pool import Pool
from papilio.studies.results import collect_results, write_results
from papilio.studies.sharing import SharedImages

SECONDS_BETWEEN_TABLES = 5.0  # results.csv is written again at most so often while runs end


class Listener(Protocol):
    """Who shows a study's progress."""

    def on_estimate(self, *, seconds: float | None, peak_bytes: int, num_runs: int, num_workers: int) -> None: ...

    def on_step(self, plan: RunPlan, *, epoch: int, step: int, num_steps: int) -> None: ...

    def on_epoch(self, plan: RunPlan, record: Mapping[str, Any], *, seconds_left: float | None) -> None: ...

    def on_end(self, plan: RunPlan, facts: RunFacts, *, seconds_left: float | None) -> None: ...

    def on_note(self, text: str) -> None: ...


@dataclass(frozen=True)
class Workload:
    """The runs of a study, where they go and what they need."""

    folder: Path
    plans: list[RunPlan]
    images: Mapping[str, SharedImages]  # by run
    own: OwnFunctions
    num_workers: int
    threads: int


class Execution:
    """The unfinished runs of a workload on a pool of workers."""

    def __init__(
        self,
        workload: Workload,
        listener: Listener,
        *,
        confirm: Callable[[float], bool] = lambda seconds: True,
    ) -> None:
        self.workload = workload
        self.listener = listener
        self.confirm = confirm
        self.waiting = deque(plan for plan in workload.plans if not self._is_final(plan))
        self.unfinished = {plan.name: plan for plan in self.waiting}
        self.retried: set[str] = set()
        self.forecast = Forecast(workload.num_workers)
        self.num_stops = 0  # signals so far
        self.is_stopping = False
        self.table_written = 0.0

    def run(self) -> bool:
        """Run what is unfinished; True when all of it was, False when a stop was asked for or not confirmed.

        A Ctrl-C (or SIGTERM) asks the runs to stop after their present epoch; a second one ends them at once. Either
        way everything can be resumed. Raises StorageError, RunError, RunFailed.
        """
        self._write_table()
        if not self.waiting:
            return True
        pool = Pool(
            self.workload.num_workers,
            threads=self.workload.threads,
            own=self.workload.own,
            log=self.workload.folder / "workers.log",
        )
        try:
            with self._stop_signals():
                self._measure_costs(pool)
                if not self.is_stopping and self.confirm(self.seconds_left() or 0.0):
                    self._work(pool)
        finally:
            pool.close()
            self._write_table()
        return not self.unfinished

    def seconds_left(self) -> float | None:
        """None before anything was measured."""
        return self.forecast.seconds(list(self.unfinished.values()))

    def _measure_costs(self, pool: Pool) -> None:
        probes = deque(plans_to_probe(list(self.waiting)))
        while (probes or pool.is_busy()) and not self.is_stopping:
            self._heed_stop(pool)
            for worker in pool.idle()[: len(probes)]:
                pool.give(worker, self._task(probes.popleft(), is_probe=True))
            for task, kind, content in pool.messages(0.2):
                if kind == "cost" and content is not None:
                    self.forecast.learn_cost(task.plan, content)
        if self.is_stopping:
            return
        self.listener.on_estimate(
            seconds=self.seconds_left(),
            peak_bytes=self.forecast.peak_bytes(),
            num_runs=len(self.waiting),
            num_workers=self.workload.num_workers,
        )

    def _work(self, pool: Pool) -> None:
        while pool.is_busy() or (self.waiting and not self.is_stopping):
            self._heed_stop(pool)
            if not self.is_stopping:
                for worker in pool.idle()[: len(self.waiting)]:
                    pool.give(worker, self._task(self.waiting.popleft()))
            for task, kind, content in pool.messages(0.2):
                if task.is_probe:
                    continue
                self._hear(task.plan, kind, content)

    def _hear(self, plan: RunPlan, kind: str, content: Any) -> None:
        if kind == "step":
            epoch, step, num_steps = content
            self.listener.on_step(plan, epoch=epoch, step=step, num_steps=num_steps)
        elif kind == "epoch":
            self.forecast.learn_epoch(plan, content["epoch"], content["seconds"])
            self.listener.on_epoch(plan, content, seconds_left=self.seconds_left())
        elif kind == "ended":
            self._note_end(plan, content)
        elif kind == "error":
            name, message = content
            raise getattr(errors, name)(message)
        elif kind == "died":
            self._note_death(plan, content)

    def _note_end(self, plan: RunPlan, facts: RunFacts) -> None:
        if facts.status != "stopped":
            self.unfinished.pop(plan.name, None)
            self.forecast.learn_end(plan, facts.epochs)
        if time.monotonic() - self.table_written > SECONDS_BETWEEN_TABLES:
            self._write_table()
        self.listener.on_end(plan, facts, seconds_left=self.seconds_left())

    def _note_death(self, plan: RunPlan, status: int) -> None:
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        if plan.name not in self.retried:
            self.retried.add(plan.name)
            self.waiting.appendleft(plan)
            self.listener.on_note(f"the worker of {plan.name} died ({how}); it goes on from its last epoch")
            return
        reason = f"its worker died twice ({how}); out of memory? try fewer --workers or a smaller train.batch_size"
        folder = RunFolder(self.workload.folder / "runs" / plan.name)
        facts = folder.read() or RunFacts.of_plan(plan, threads=self.workload.threads)
        facts = replace(facts, status="failed", reason=reason)
        folder.write(facts)
        self._note_end(plan, facts)

    def _task(self, plan: RunPlan, *, is_probe: bool = False) -> Task:
        images = self.workload.images[plan.name]
        return Task(plan, self.workload.folder / "runs" / plan.name, images, self.workload.threads, is_probe)

    def _is_final(self, plan: RunPlan) -> bool:
        return RunFolder(self.workload.folder / "runs" / plan.name).is_finished()

    def _write_table(self) -> None:
        write_results(self.workload.folder, collect_results(self.workload.folder, self.workload.plans))
        self.table_written = time.monotonic()

    def _heed_stop(self, pool: Pool) -> None:
        if self.num_stops and not self.is_stopping:
            self.is_stopping = True
            self.listener.on_note("stopping after the current epochs; once more to stop at once")
            pool.stop()

    @contextmanager
    def _stop_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread may set handlers; its owner then deals with Ctrl-C
            return

        def stop(number: int, frame: object) -> None:
            # no more than a number here: it may come in the middle of a message to a worker, or of a line of output
            self.num_stops += 1
            if self.num_stops > 1:
                raise KeyboardInterrupt

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
