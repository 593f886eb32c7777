"""A worker process: `python -m papilio.workers.worker FD` does the tasks that come over the socket, one after another.

It is started as a command of its own, not forked and not through multiprocessing: the user's script is not imported again
(no `if __name__ == "__main__"` needed), and a Ctrl-C in the terminal does not reach it.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from papilio.workers.messages import GONE, Cost, Stop, Task, TaskRun

if TYPE_CHECKING:
    from papilio.data.imageset import ImageSet
    from papilio.runs.loop import Watcher
    from papilio.settings.references import OwnFunctions
    from papilio.settings.run_settings import RunSettings
    from papilio.workers.sharing import SharedImages

SECONDS_BETWEEN_STEPS = 0.2  # between two messages about steps


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
        self.is_put_aside = False  # it has come to the epoch that it was to be trained to

    def on_step(self, *, epoch: int, step: int, num_steps: int) -> None:
        now = time.monotonic()
        if now - self.last_sent > SECONDS_BETWEEN_STEPS:
            self.last_sent = now
            self.parent.tell(self.run.name, "step", (epoch, step, num_steps))

    def on_epoch(self, record: dict[str, Any]) -> None:
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
    from papilio.runs.train import RunJob, execute_runs, measure_on_test

    left = {run.name for run in task.runs}

    def end(run: str, kind: str, content: Any) -> None:
        left.discard(run)
        tell(run, kind, content)

    try:
        if task.kind == "train":
            jobs = [RunJob(run.folder, run.plan, images[run.name], watchers[run.name]) for run in task.runs]
            execute_runs(jobs, threads=task.threads, own=own, on_end=lambda name, facts: end(name, "ended", facts))
            return
        (run,) = task.runs
        if task.kind == "probe":
            end(run.name, *_probe(run, images[run.name], own, threads=task.threads))
        else:
            end(run.name, "ended", measure_on_test(run.folder, images[run.name], threads=task.threads, own=own))
    except PapilioError as error:
        for name in sorted(left):
            tell(name, "error", (type(error).__name__, str(error)))


def _probe(run: TaskRun, images: ImageSet, own: OwnFunctions, *, threads: int) -> tuple[str, Any]:
    try:
        return "cost", measure_cost(run.plan.settings, images, threads=threads, own=own)
    except Exception as error:  # the run itself will end so, and keeps the reason in its folder
        return "unmeasured", f"{type(error).__name__}: {error}"


def measure_cost(settings: RunSettings, images: ImageSet, *, threads: int, own: OwnFunctions) -> Cost:
    """Time a few steps of training and of validation."""
    from papilio.runs.train import prepare

    with prepare(settings, images, seed=0, threads=threads, own=own) as session:
        seconds = session.epoch_seconds()
    return Cost(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def _attached(shared: SharedImages, attached: dict[SharedImages, ImageSet]) -> ImageSet:
    from papilio.workers.sharing import attach_images

    if shared not in attached:
        attached[shared] = attach_images(shared)
    return attached[shared]


if __name__ == "__main__":
    main()
