"""Worker processes and what they say, as one stream of messages."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import cloudpickle

from papilio.errors import RunFailed, reason_of
from papilio.files import open_to_append, storage_errors
from papilio.runs.plan import RunPlan
from papilio.settings.references import OwnFunctions
from papilio.workers.forked import ForkedProcess, SpareWorkers
from papilio.workers.messages import ENDINGS, GONE, Stop, Task, died

FAILED_STARTS = 3
SECONDS_TO_END = 2.0


@dataclass(eq=False)
class Worker:
    """A process, the line to it, the task that it is at, and those of its runs that have not ended."""

    process: subprocess.Popen[bytes] | ForkedProcess
    connection: Connection
    task: Task | None = None
    left: set[str] = field(default_factory=set)
    is_ready: bool = False


class Pool:
    """As many workers as asked for; one that dies is replaced, and its runs are handed back as ("died", ...).

    Those that wait in `spares` are taken first; the others, and those that replace one, are programs of their own.
    """

    def __init__(
        self, num_workers: int, *, threads: int, own: OwnFunctions, log: Path, spares: SpareWorkers | None = None
    ) -> None:
        self.threads = threads
        self.own_bytes = cloudpickle.dumps(dict(own))
        self.log = log
        self.failed_starts = 0
        self.workers: list[Worker] = []
        try:
            for _ in range(num_workers):
                spare = None if spares is None else spares.take(log, self.own_bytes, threads=threads)
                self.workers.append(self._start() if spare is None else Worker(*spare))
        except BaseException:
            self.close()
            raise

    def idle(self) -> list[Worker]:
        """Workers that wait for a task."""
        return [worker for worker in self.workers if worker.is_ready and worker.task is None]

    def is_busy(self) -> bool:
        """Whether any task is under way."""
        return any(worker.task is not None for worker in self.workers)

    def give(self, worker: Worker, task: Task) -> None:
        """Hand a task to an idle worker."""
        worker.task, worker.left = task, {run.name for run in task.runs}
        with contextlib.suppress(*GONE):  # it died just now; `messages` finds out and hands the task back
            worker.connection.send(task)

    def stop(self, runs: Collection[str] | None = None) -> None:
        """Ask for these runs (by default all) to be stopped after the epoch that they are at."""
        for worker in self.workers:
            if chosen := worker.left if runs is None else worker.left.intersection(runs):
                with contextlib.suppress(*GONE):
                    worker.connection.send(Stop(frozenset(chosen)))

    def messages(self, timeout_seconds: float) -> Iterator[tuple[Task, RunPlan, str, Any]]:
        """What came within the time; see `Workers.messages`."""
        ready = wait([worker.connection for worker in self.workers], timeout_seconds)
        for worker in list(self.workers):
            if worker.connection not in ready:
                continue
            try:
                name, kind, content = worker.connection.recv()
            except GONE:
                how = self._replace(worker)
                if worker.task is not None:
                    yield from died(worker.task, worker.left, how)
                continue
            if kind == "ready":
                worker.is_ready = True
                self.failed_starts = 0
                continue
            task = worker.task
            if task is None:
                continue
            if kind in ENDINGS:
                worker.left.discard(name)
                worker.task = task if worker.left else None
            yield task, task.run(name).plan, kind, content

    def close(self) -> None:
        """End every worker; one that is at work loses at most its present epoch."""
        for worker in self.workers:
            worker.connection.close()  # it ends itself when it notices, between two steps
        deadline = time.monotonic() + SECONDS_TO_END
        for worker in self.workers:
            try:
                worker.process.wait(max(0.0, deadline - time.monotonic()))
            except (subprocess.TimeoutExpired, TimeoutError):
                worker.process.kill()
                worker.process.wait()
        if self.log.exists() and not self.log.stat().st_size:
            self.log.unlink()

    def _start(self) -> Worker:
        ours, theirs = socket.socketpair()
        environment = os.environ | {
            "OMP_NUM_THREADS": str(self.threads),
            "MKL_NUM_THREADS": str(self.threads),
            "PYTHONPATH": python_path(),
        }
        with storage_errors(self.log):
            log = open_to_append(self.log)
        with log, theirs:
            try:
                process = subprocess.Popen(
                    [sys.executable, "-m", "papilio.workers.worker", str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[theirs.fileno()],
                    env=environment,
                    start_new_session=True,
                )
            except OSError as error:
                ours.close()
                raise RunFailed(
                    f"a worker process cannot be started ({reason_of(error)}); try fewer --workers"
                ) from error
        connection = Connection(ours.detach())
        connection.send((sys.path, self.own_bytes))
        return Worker(process, connection)

    def _replace(self, worker: Worker) -> str:
        worker.connection.close()
        status = worker.process.wait()
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        if not worker.is_ready:
            self.failed_starts += 1
            if self.failed_starts >= FAILED_STARTS:
                raise RunFailed(f"the worker processes failed to start ({how}); see {self.log}")
        self.workers[self.workers.index(worker)] = self._start()
        return how


def python_path() -> str:
    """Where this process finds modules, for others: also when it runs from a source folder that is not installed."""
    return os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
