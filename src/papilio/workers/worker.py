"""A worker process: `python -m papilio.workers.worker FD` does the tasks that come over the socket, one after another.

It is started as a command of its own, not forked and not through multiprocessing: the user's script is not imported again
(no `if __name__ == "__main__"` needed), and a Ctrl-C in the terminal does not reach it.
"""

from __future__ import annotations

import math
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, TypeVar

from papilio.workers.messages import GONE, Cost, Stop, Task, TaskRun

if TYPE_CHECKING:
    from papilio.data.imageset import ImageSet
    from papilio.runs.folder import RunFacts
    from papilio.runs.loop import Watcher
    from papilio.settings.references import OwnFunctions
    from papilio.settings.run_settings import RunSettings
    from papilio.workers.sharing import SharedImages

SECONDS_BETWEEN_STEPS = 0.2  # between two messages about steps
ROUNDS = 3  # in which ways to compute are compared
CLEAR = 1.3  # so many times faster, one of them needs no other round
CLEARLY_LESS = 1.05  # so many times faster a way has to be than the usual one
LONG_SECONDS = 5.0  # after which there is no other round
Name = TypeVar("Name", str, str | None)


class Parent:
    """The line to the parent: what it is told, and which runs it wants to stop.

    Where the parent is gone, the process ends on the spot: an exception here would pass for a failure of the run.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.to_stop: set[str] = set()

    def tell(self, run: str, kind: str, content: Any) -> None:
        try:
            self.connection.send((run, kind, content))
        except GONE:
            os._exit(1)

    def wants_stop(self, run: str) -> bool:
        try:
            while run not in self.to_stop and self.connection.poll():
                self.to_stop |= self.connection.recv().runs
        except GONE:
            os._exit(1)
        return run in self.to_stop


class ParentWatcher:
    """Tells the parent of a run's progress, and hears from it when to stop."""

    def __init__(self, parent: Parent, run: TaskRun) -> None:
        self.parent = parent
        self.run = run
        self.last_sent = 0.0
        self.has_told_memory = False
        self.is_put_aside = False  # it has come to the epoch that it was to be trained to

    def on_step(self, *, epoch: int, step: int, num_steps: int) -> None:
        now = time.monotonic()
        if now - self.last_sent > SECONDS_BETWEEN_STEPS:
            self.last_sent = now
            self.parent.tell(self.run.name, "step", (epoch, step, num_steps))

    def on_epoch(self, record: dict[str, Any]) -> None:
        if not self.has_told_memory:
            self.has_told_memory = True
            self.parent.tell(self.run.name, "memory", peak_bytes())
        self.parent.tell(self.run.name, "epoch", record)
        self.is_put_aside = self.run.until is not None and record["epoch"] >= self.run.until

    def wants_stop(self) -> bool:
        return self.is_put_aside or self.parent.wants_stop(self.run.name)


def main() -> None:
    """Serve the parent until it hangs up."""
    connection = Connection(int(sys.argv[1]))
    try:
        path, own_bytes = connection.recv()
        sys.path[:] = path
        serve(connection, own_bytes)
    except GONE:
        os._exit(1)


def serve(connection: Connection, own_bytes: bytes) -> None:
    """Do one task after another; each of its runs ends with a message of `do_task`."""
    import cloudpickle

    own = cloudpickle.loads(own_bytes)
    attached: dict[SharedImages, ImageSet] = {}
    parent = Parent(connection)
    parent.tell("", "ready", None)
    while True:
        task = connection.recv()
        if isinstance(task, Stop):
            continue  # for a run that had ended before it came
        parent.to_stop.clear()
        images = {run.name: _attached(run.images, attached) for run in task.runs}
        watchers = {run.name: ParentWatcher(parent, run) for run in task.runs}
        do_task(task, images, own=own, watchers=watchers, tell=parent.tell)


def do_task(
    task: Task,
    images: Mapping[str, ImageSet],
    *,
    own: OwnFunctions,
    watchers: Mapping[str, Watcher],
    tell: Callable[[str, str, Any], None],
) -> None:
    """Do a task; images and watchers are those of its runs, by name.

    `tell` is handed each run's name and the message with which it ends: ("ended", facts), ("cost", cost),
    ("unmeasured", why), ("error", error).
    """
    from papilio.errors import PapilioError
    from papilio.runs.train import RunJob, execute_runs

    left = {run.name for run in task.runs}

    def end(run: str, kind: str, content: Any) -> None:
        left.discard(run)
        tell(run, kind, content)

    try:
        if task.kind == "train":
            jobs = [
                RunJob(run.folder, run.plan, images[run.name], watchers[run.name], run.precision) for run in task.runs
            ]
            execute_runs(jobs, threads=task.threads, own=own, on_end=lambda name, facts: end(name, "ended", facts))
            return
        (run,) = task.runs
        if task.kind == "probe":
            end(run.name, *_probe(run, images[run.name], own, threads=task.threads))
        else:
            end(run.name, "ended", _measured(run, images[run.name], own, threads=task.threads))
    except PapilioError as error:
        for name in sorted(left):
            tell(name, "error", (type(error).__name__, str(error)))


def _measured(run: TaskRun, images: ImageSet, own: OwnFunctions, *, threads: int) -> RunFacts:
    from papilio.errors import PapilioError, RunFailed
    from papilio.runs.train import measure_on_test

    try:
        return measure_on_test(run.folder, images, threads=threads, own=own)
    except PapilioError:
        raise
    except Exception as error:  # functions of the user's own may raise anything
        traceback.print_exc()
        raise RunFailed(f"{run.name}: test images cannot be measured ({type(error).__name__}: {error})") from error


def _probe(run: TaskRun, images: ImageSet, own: OwnFunctions, *, threads: int) -> tuple[str, Any]:
    try:
        return "cost", measure_cost(run.plan.settings, images, threads=threads, own=own, precision=run.precision)
    except Exception as error:  # the run itself will end so, and keeps the reason in its folder
        return "unmeasured", f"{type(error).__name__}: {error}"


def measure_cost(
    settings: RunSettings, images: ImageSet, *, threads: int, own: OwnFunctions, precision: str | None = None
) -> Cost:
    """Time a few steps of training and of validation; where the precision is open, and not yet decided, in each."""
    from papilio.runs.train import prepare

    names = [precision] if precision or settings.train.precision != "auto" else _precisions(settings, own)
    with ExitStack() as stack:
        sessions = {
            name: stack.enter_context(prepare(settings, images, seed=0, threads=threads, own=own, precision=name))
            for name in names
        }
        name, seconds = fastest({name: session.epoch_seconds for name, session in sessions.items()})
    return Cost(seconds, peak_bytes(), name)


def peak_bytes() -> int:
    """The most memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def fastest(timed: Mapping[Name, Callable[[], float]]) -> tuple[Name, float]:
    """Which of several ways is fastest, and its seconds: the least of a few rounds in turns, one where that is clear.

    The first is the usual one: another has to be faster by more than what chance makes of a few steps.
    """
    usual, taken = next(iter(timed)), dict.fromkeys(timed, math.inf)
    best, start = usual, time.perf_counter()
    for _ in range(ROUNDS):
        for name, seconds in timed.items():
            taken[name] = min(taken[name], seconds())
        best = min(taken, key=lambda name: taken[name] * (1.0 if name == usual else CLEARLY_LESS))
        others = [seconds for name, seconds in taken.items() if name != best]
        if taken[best] * CLEAR < min(others, default=math.inf) or time.perf_counter() - start > LONG_SECONDS:
            break
    return best, taken[best]


def _precisions(settings: RunSettings, own: OwnFunctions) -> Sequence[str]:
    from papilio.engine import ChoosesPrecision, find_engine

    engine = find_engine(settings.train.engine, own)
    return engine.precisions(settings) if isinstance(engine, ChoosesPrecision) else ["float32"]


def _attached(shared: SharedImages, attached: dict[SharedImages, ImageSet]) -> ImageSet:
    from papilio.workers.sharing import attach_images

    if shared not in attached:
        attached[shared] = attach_images(shared)
    return attached[shared]


if __name__ == "__main__":
    main()
