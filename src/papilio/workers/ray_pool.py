"""The nodes of a Ray cluster as a study's workers.

Everything of the study is written here, by the process that was started: nodes send what they made, epoch by epoch, and may die
at any moment.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import sys
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

from papilio.errors import RequestError, RunFailed
from papilio.runs.plan import RunPlan
from papilio.settings.references import OwnFunctions
from papilio.workers.messages import ENDINGS, Task, died
from papilio.workers.pool import FAILED_STARTS
from papilio.workers.ray_node import SECONDS_TO_END, Trainer, read_files, versions, write_files
from papilio.workers.sharing import SharedImages, load_indices, map_pixels

SECONDS_BETWEEN_LOOKS = 5.0  # at idle workers, and for new nodes
MESSAGES_ON_THE_WAY = 2  # of a worker; it waits with its next epoch until they are taken


def import_ray() -> Any:
    """The library; raises RequestError, with the remedy, where it is not installed."""
    # read once, at import: what Ray has to say of nodes and their processes does not go among the study's progress
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise RequestError("--ray needs Ray: pip install 'papilio[ray]'") from error


def count_slots(resource: str) -> int:
    """The processors (or accelerators) of all nodes together."""
    return int(import_ray().cluster_resources().get(resource, 0))


def describe_nodes() -> str:
    """The nodes that are alive as the study begins, largest first: "Ray 2.50.0: 3 nodes with 16, 16 and 8 CPUs"."""
    ray = import_ray()
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    parts = []
    for resource in ("CPU", "GPU"):
        counts = sorted((int(node.get(resource, 0)) for node in nodes), reverse=True)
        if any(counts):
            *most, last = map(str, counts)
            parts.append(f"{', '.join(most)} and {last} {resource}s" if most else f"{last} {resource}s")
    num = f"{len(nodes)} node{'s' if len(nodes) > 1 else ''}"
    return f"Ray {ray.__version__}: {num} with {'; '.join(parts)}"


@dataclass(eq=False)
class Slot:
    """A worker somewhere on the cluster, what it says next (a reference or a stream), the task that it is at, and those
    of its runs that have not ended."""

    actor: Any
    awaited: Any
    task: Task | None = None
    left: set[str] = field(default_factory=set)
    number: int = 0  # of its task
    is_ready: bool = False
    heard: float = 0.0  # when it last said something
    failed_starts: int = 0  # before it, in its place


class RayPool:
    """Workers on the nodes of the cluster that this process is connected to.

    Where a node joins, it gets workers, `limit` of them in all; those of a node that died wait for another.
    """

    def __init__(self, num_workers: int, *, limit: int, resource: str, own: OwnFunctions) -> None:
        self.ray = import_ray()
        self.limit = limit
        self.resource = resource
        self.own_bytes = cloudpickle.dumps(dict(own))
        self.numbers = itertools.count(1)
        self.stored: dict[Path, Any] = {}  # references to arrays in the object store, by the files that they were in
        self.looked = time.monotonic()
        self.slots = [self._start() for _ in range(num_workers)]

    def idle(self) -> list[Slot]:
        """Workers that wait for a task."""
        return [slot for slot in self.slots if slot.is_ready and slot.awaited is None]

    def is_busy(self) -> bool:
        """Whether any task is under way."""
        return any(slot.task is not None for slot in self.slots)

    def give(self, worker: Slot, task: Task) -> None:
        """Hand a task to an idle worker, with the files of its runs."""
        worker.task, worker.number = task, next(self.numbers)
        worker.left = {run.name for run in task.runs}
        files = {run.name: read_files(run.folder) for run in task.runs}
        # a list within a dictionary: Ray then returns references, not arrays
        arrays = {run.name: self._stored(run.images) for run in task.runs}
        worker.awaited = worker.actor.work.options(
            num_returns="streaming", _generator_backpressure_num_objects=MESSAGES_ON_THE_WAY
        ).remote(worker.number, task, files, arrays)

    def stop(self, runs: Collection[str] | None = None) -> None:
        """Ask for these runs (by default all) to be stopped after the epoch that they are at."""
        for slot in self.slots:
            if chosen := slot.left if runs is None else slot.left.intersection(runs):
                slot.actor.stop.remote(slot.number, sorted(chosen))

    def messages(self, timeout_seconds: float) -> Iterator[tuple[Task, RunPlan, str, Any]]:
        """What came within the time, its files already in place; see `Workers.messages`."""
        self._look_around()
        slots = {slot.awaited: slot for slot in self.slots if slot.awaited is not None}
        if not slots:
            time.sleep(timeout_seconds)
            return
        self.ray.wait(list(slots), timeout=timeout_seconds)
        ready, _ = self.ray.wait(list(slots), num_returns=len(slots), timeout=0)
        for awaited in ready:
            yield from self._hear(slots[awaited])

    def close(self) -> None:
        """End every worker; one that is at work loses at most its present epoch."""
        with contextlib.suppress(self.ray.exceptions.RayError):
            ending = [slot.actor.abandon.remote() for slot in self.slots if slot.task is not None and slot.is_ready]
            if ending:
                self.ray.wait(ending, num_returns=len(ending), timeout=SECONDS_TO_END)
            for slot in self.slots:
                self.ray.kill(slot.actor)

    def _start(self, *, failed_starts: int = 0) -> Slot:
        actor = (
            self.ray.remote(Trainer)
            .options(
                num_cpus=1,
                num_gpus=1 if self.resource == "GPU" else 0,
                max_concurrency=2,  # a task, and meanwhile a word to stop
            )
            .remote(sys.path, self.own_bytes)
        )
        return Slot(actor, actor.ready.remote(), failed_starts=failed_starts)

    def _stored(self, shared: SharedImages) -> list[Any]:
        """References to the set's arrays, each put into the object store once: folds share their pixels."""
        if shared.pixels_file not in self.stored:
            self.stored[shared.pixels_file] = self.ray.put(np.asarray(map_pixels(shared)))
        if shared.indices_file not in self.stored:
            self.stored[shared.indices_file] = self.ray.put(load_indices(shared))
        return [self.stored[shared.pixels_file], self.stored[shared.indices_file]]

    def _hear(self, slot: Slot) -> Iterator[tuple[Task, RunPlan, str, Any]]:
        """Take the next thing that a worker has said."""
        task = slot.task
        try:
            if task is None:
                self._note_ready(slot, self.ray.get(slot.awaited))
                return
            name, kind, content, files = self.ray.get(next(slot.awaited))
        except (self.ray.exceptions.RayError, StopIteration) as error:
            how = self._replace(slot, error)
            if task is not None:
                yield from died(task, slot.left, how)
            return
        slot.heard = time.monotonic()
        run = task.run(name)
        write_files(run.folder, files)
        if kind in ENDINGS:
            slot.left.discard(name)
            if not slot.left:
                slot.task, slot.awaited = None, None
        yield task, run.plan, kind, content

    def _note_ready(self, slot: Slot, theirs: dict[str, str]) -> None:
        slot.is_ready, slot.awaited, slot.heard = True, None, time.monotonic()
        for name, version in versions().items():
            if theirs[name] != version:
                raise RunFailed(
                    f"a node of the cluster has {name} {theirs[name]}, this machine {version}: results would depend on"
                    " the node; install the same version on all nodes"
                )

    def _replace(self, slot: Slot, error: BaseException) -> str:
        """Start another worker in the place of one that died; how it died, in words."""
        how = death_words(error)
        failed_starts = 0 if slot.is_ready else slot.failed_starts + 1
        if failed_starts >= FAILED_STARTS:
            raise RunFailed(f"the cluster's workers failed to start: {how}") from error
        with contextlib.suppress(self.ray.exceptions.RayError):
            self.ray.kill(slot.actor)  # it may be alive and merely out of reach
        self.slots[self.slots.index(slot)] = self._start(failed_starts=failed_starts)
        return how

    def _look_around(self) -> None:
        """Now and then: is every idle worker still there, and are there new nodes?"""
        now = time.monotonic()
        for slot in self.idle():
            if now - slot.heard > SECONDS_BETWEEN_LOOKS:
                slot.awaited = slot.actor.ready.remote()
        if now - self.looked > SECONDS_BETWEEN_LOOKS:
            self.looked = now
            num_wanted = min(count_slots(self.resource), self.limit)
            self.slots += [self._start() for _ in range(num_wanted - len(self.slots))]


def death_words(error: Any) -> str:
    """What took a worker away: its node, its process, or an error that it raised itself."""
    exceptions = import_ray().exceptions
    if isinstance(error, exceptions.RayTaskError):
        text = " ".join(str(error.cause).split())
        return f"{type(error.cause).__name__}: {text} (on {error.ip})"
    if isinstance(error, exceptions.ActorUnavailableError):
        return "it does not respond"
    text = " ".join(str(error).split())
    if "all references to the actor were removed" in text:  # while we hold one: what comes back from it is not let in
        return "the cluster and this process do not agree on a token; set RAY_AUTH_MODE=disabled, or token, for both"
    _, found, reason = text.partition(" because its ")  # node, or worker process
    return f"its {reason.partition('.')[0]}" if found else text or type(error).__name__
