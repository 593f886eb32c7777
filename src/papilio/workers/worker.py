"""A worker process: `python -m papilio.workers.worker FD` trains the runs that come over the socket, one after another.

It is started as a command of its own, not forked and not through multiprocessing: the user's script is not imported again
(no `if __name__ == "__main__"` needed), and a Ctrl-C in the terminal does not reach it.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from papilio.workers.messages import GONE, Cost, Task

if TYPE_CHECKING:
    from papilio.data.imageset import ImageSet
    from papilio.runs.loop import Watcher
    from papilio.settings.references import OwnFunctions
    from papilio.settings.run_settings import RunSettings
    from papilio.workers.sharing import SharedImages

SECONDS_BETWEEN_STEPS = 0.2  # between two messages about steps


class ParentWatcher:
    """Tells the parent of a run's progress, and hears from it when to stop.

    Where the parent is gone, the process ends on the spot: an exception here would pass for a failure of the run.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.last_sent = 0.0
        self.is_stopping = False
        self.until: int | None = None  # the epoch after which the run is put aside

    def on_step(self, *, epoch: int, step: int, num_steps: int) -> None:
        now = time.monotonic()
        if now - self.last_sent > SECONDS_BETWEEN_STEPS:
            self.last_sent = now
            self._send(("step", (epoch, step, num_steps)))

    def on_epoch(self, record: dict[str, Any]) -> None:
        self._send(("epoch", record))
        if self.until is not None and record["epoch"] >= self.until:
            self.is_stopping = True

    def wants_stop(self) -> bool:
        try:
            while not self.is_stopping and self.connection.poll():
                self.is_stopping = self.connection.recv() == "stop"
        except GONE:
            os._exit(1)
        return self.is_stopping

    def _send(self, message: object) -> None:
        try:
            self.connection.send(message)
        except GONE:
            os._exit(1)


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
    """Do one task after another; each ends with the message of `do_task`."""
    import cloudpickle

    own = cloudpickle.loads(own_bytes)
    attached: dict[SharedImages, ImageSet] = {}
    watcher = ParentWatcher(connection)
    connection.send(("ready", None))
    while True:
        task = connection.recv()
        if task == "stop":
            continue
        watcher.until = task.until
        connection.send(do_task(task, _attached(task.images, attached), own=own, watcher=watcher))
        watcher.is_stopping = False


def do_task(task: Task, images: ImageSet, *, own: OwnFunctions, watcher: Watcher) -> tuple[str, Any]:
    """Do a task; the message with which it ends: ("ended", facts), ("cost", cost), ("unmeasured", why), ("error", error)."""
    from papilio.errors import PapilioError
    from papilio.runs.train import execute_run, measure_on_test

    try:
        if task.kind == "probe":
            return _probe(task, images, own)
        if task.kind == "test":
            return "ended", measure_on_test(task.folder, images, threads=task.threads, own=own)
        return "ended", execute_run(task.folder, task.plan, images, threads=task.threads, own=own, watcher=watcher)
    except PapilioError as error:
        return "error", (type(error).__name__, str(error))


def _probe(task: Task, images: ImageSet, own: OwnFunctions) -> tuple[str, Any]:
    try:
        return "cost", measure_cost(task.plan.settings, images, threads=task.threads, own=own)
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
