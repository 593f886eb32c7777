"""What works on the nodes of a cluster: an actor that does tasks in a folder of the node's own.

Nodes need not share a file system with the study: a run's files come with its task, and go back as they change, after every
epoch. Nothing that a node keeps is needed when it dies.
"""

from __future__ import annotations

import os
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from papilio.files import open_atomic
from papilio.runs.arrays import keep_older
from papilio.runs.folder import RunFolder
from papilio.runs.kept import BATCHES, PREVIEWS
from papilio.workers.messages import Task, TaskRun
from papilio.workers.sharing import SharedImages, assemble
from papilio.workers.worker import SECONDS_BETWEEN_STEPS, do_task, peak_bytes

if TYPE_CHECKING:
    from papilio.data.imageset import ImageSet

Files = Mapping[str, bytes | None]  # by name in a run's folder; None where a file is gone
Message = tuple[str, str, Any, Files]  # run, kind, content, files

CHECKPOINT = "checkpoint/state.safetensors"
# each in the order of a run on this machine: no file is there before what it speaks of
EPOCH_FILES = ("run.json", "records.jsonl", CHECKPOINT)
END_FILES = ("records.jsonl", "error.txt", "weights.safetensors", CHECKPOINT, "run.json")
START = "start.safetensors"  # goes along to the node, which never changes it
LIBRARIES = ("torch", "numpy")  # on which a run's last bits depend
SECONDS_TO_END = 2.0


class Abandoned(BaseException):
    """The study does not wait for this run any more; not an Exception, which would pass for a failure of the run."""


class Trainer:
    """Does one task after another in a thread of its own; meanwhile it can be asked to stop."""

    def __init__(self, path: Sequence[str], own_bytes: bytes) -> None:
        self.path = path
        self.own_bytes = own_bytes
        self.own: dict[str, Any] | None = None
        self.attached: dict[SharedImages, ImageSet] = {}
        self.thread = ThreadPoolExecutor(1)
        self.work_in_hand: Future[None] | None = None
        self.to_stop: set[tuple[int, str]] = set()  # numbers of tasks, and their runs
        self.is_abandoned = threading.Event()

    def ready(self) -> dict[str, str]:
        """The versions of what training needs; raises whatever keeps this node from training."""
        if self.own is None:
            import cloudpickle

            from papilio.engine import ENGINES
            from papilio.settings.references import resolve_reference

            for reference in ENGINES.values():  # a node that lacks what an engine needs should say so here
                resolve_reference(reference)
            sys.path.extend(entry for entry in self.path if entry not in sys.path)
            self.own = cloudpickle.loads(self.own_bytes)
        return versions()

    def work(
        self, number: int, task: Task, files: Mapping[str, Files], arrays: Mapping[str, Sequence[Any]]
    ) -> Iterator[Message]:
        """Do a task: its messages, each with the files that changed before it; files and arrays are by run."""
        outbox: queue.Queue[Message | None] = queue.Queue(maxsize=1)
        images = {run.name: self._attached(run.images, arrays[run.name]) for run in task.runs}
        self.work_in_hand = self.thread.submit(self._work, number, task, files, images=images, outbox=outbox)
        while (message := outbox.get()) is not None:
            yield message
        self.work_in_hand.result()

    def stop(self, number: int, runs: Sequence[str]) -> None:
        """Let these runs of the task with this number stop after their present epoch."""
        self.to_stop |= {(number, run) for run in runs}

    def abandon(self) -> None:
        """Drop the task in hand within a step, and its folder."""
        self.is_abandoned.set()
        if self.work_in_hand is not None:
            self.work_in_hand.exception(SECONDS_TO_END)

    def _work(
        self,
        number: int,
        task: Task,
        files: Mapping[str, Files],
        *,
        images: Mapping[str, ImageSet],
        outbox: queue.Queue[Message | None],
    ) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="papilio-") as folder:
                here = {run.name: replace(run, folder=Path(folder) / run.name) for run in task.runs}
                for run in here.values():
                    write_files(run.folder, files[run.name])
                watchers = {
                    name: NodeWatcher(self, number, run, mirror=Mirror(run.folder), outbox=outbox)
                    for name, run in here.items()
                }

                def tell(name: str, kind: str, content: Any) -> None:
                    content = _as_at_home(kind, content, here[name].folder, task.run(name).folder)
                    if kind == "ended":
                        watchers[name].send_held()
                    changed = watchers[name].mirror.changed_at_end() if kind == "ended" else {}
                    watchers[name].send(kind, content, changed)

                local = replace(task, runs=tuple(here.values()))
                do_task(local, images, own=self.own or {}, watchers=watchers, tell=tell)
        except Abandoned:
            return
        finally:
            if not self.is_abandoned.is_set():
                outbox.put(None)

    def _attached(self, shared: SharedImages, arrays: Sequence[Any]) -> ImageSet:
        """The image set on the node's one copy of its arrays, which Ray maps read-only."""
        import ray

        if shared not in self.attached:
            pixels, indices = ray.get(list(arrays))
            self.attached[shared] = assemble(shared, pixels, indices)
        return self.attached[shared]


class NodeWatcher:
    """Sends a run's progress with its files, and knows when it is to stop."""

    def __init__(
        self,
        trainer: Trainer,
        number: int,
        run: TaskRun,
        *,
        mirror: Mirror,
        outbox: queue.Queue[Message | None],
    ) -> None:
        self.trainer = trainer
        self.number = number
        self.run = run
        self.mirror = mirror
        self.outbox = outbox
        self.last_sent = 0.0
        self.record: dict[str, Any] = {}
        self.is_held = False  # the record is not sent yet
        self.has_told_memory = False

    def on_step(self, *, epoch: int, step: int, num_steps: int) -> None:
        if self.trainer.is_abandoned.is_set():
            raise Abandoned
        now = time.monotonic()
        if now - self.last_sent > SECONDS_BETWEEN_STEPS and not self.outbox.full():
            self.last_sent = now
            self.send("step", (epoch, step, num_steps), {})

    def on_epoch(self, record: dict[str, Any]) -> None:
        # sent from `wants_stop`, when the epoch's checkpoint is there, too, and from `send_held` of the last
        self.record, self.is_held = record, True

    def wants_stop(self) -> bool:
        self.send_held()
        is_put_aside = self.run.until is not None and self.record["epoch"] >= self.run.until
        return is_put_aside or (self.number, self.run.name) in self.trainer.to_stop

    def send_held(self) -> None:
        """Hand over the last epoch's record, where that was not done yet."""
        if not self.is_held:
            return
        self.is_held = False
        if not self.has_told_memory:
            self.has_told_memory = True
            self.send("memory", peak_bytes(), {})
        self.send("epoch", self.record, self.mirror.changed((*self.mirror.kept(), *EPOCH_FILES)))

    def send(self, kind: str, content: Any, files: Files) -> None:
        """Hand over a message as soon as the one before is on its way; raises Abandoned."""
        while not self.trainer.is_abandoned.is_set():
            try:
                self.outbox.put((self.run.name, kind, content, files), timeout=SECONDS_BETWEEN_STEPS)
                return
            except queue.Full:
                continue
        raise Abandoned


class Mirror:
    """Which of a run's files have changed since it was last asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stamps = {name: self._stamp(name) for name in (*self.kept(), *END_FILES)}

    def changed(self, names: Iterable[str]) -> dict[str, bytes | None]:
        """Their contents, in the order of the names."""
        files = {}
        for name in names:
            stamp = self._stamp(name)
            if stamp != self.stamps.get(name):
                self.stamps[name] = stamp
                files[name] = (self.path / name).read_bytes() if stamp else None
        return files

    def kept(self) -> list[str]:
        """The files of what some kinds keep of every epoch."""
        previews = sorted(path.relative_to(self.path).as_posix() for path in self.path.glob(f"{PREVIEWS}/*.png"))
        return [*previews, BATCHES]

    def changed_at_end(self) -> dict[str, bytes | None]:
        """Of a run that has ended, run.json last."""
        return self.changed((*self.kept(), *END_FILES))

    def _stamp(self, name: str) -> tuple[int, int, int] | None:
        try:
            found = (self.path / name).stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns


def read_files(path: Path) -> dict[str, bytes | None]:
    """What is there of a run's files."""
    return {name: (path / name).read_bytes() for name in (START, BATCHES, *END_FILES) if (path / name).exists()}


def write_files(path: Path, files: Files) -> None:
    """Write a run's files one after another, each atomically; raises StorageError where the disk is full."""
    for name, content in files.items():
        if content is not None:
            if name == CHECKPOINT:
                keep_older(path / name)
            with open_atomic(path / name) as file:
                file.write(content)
        elif name == CHECKPOINT:
            RunFolder(path).remove_checkpoint()
        else:
            (path / name).unlink(missing_ok=True)


def versions() -> dict[str, str]:
    """Of the libraries that both ends must have alike, without what is built for one device or another (`+cpu`)."""
    return {name: metadata.version(name).partition("+")[0] for name in LIBRARIES}


def _as_at_home(kind: str, content: Any, here: Path, home: Path) -> Any:
    """What is said of files of this node, said of the study's: nobody would find the node's, they are gone by then."""
    if kind == "error":
        name, text = content
        is_of_node = name == "StorageError"  # whose disk is full must be said
        return name, f"on the node {os.uname().nodename}: {text}" if is_of_node else text.replace(str(here), str(home))
    if kind == "ended" and content.reason and str(here) in content.reason:
        content = replace(content, reason=content.reason.replace(str(here), str(home)))
        RunFolder(here).write(content)
    return content
