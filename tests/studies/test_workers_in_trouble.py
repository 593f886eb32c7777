"""What becomes of a study whose workers die, cannot start or fail in what they measure."""

from __future__ import annotations

import errno
import os
import queue
import signal
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tiny import tiny

from papilio.data.load import load_images
from papilio.errors import RunFailed
from papilio.execution.schedule import Execution, Listener
from papilio.runs.folder import RunFolder
from papilio.runs.plan import RunPlan
from papilio.runs.train import RunJob, execute_runs
from papilio.search.expected import plan_runs
from papilio.search.states import Job
from papilio.studies.images import StudyImages
from papilio.studies.study import load_study
from papilio.training.torch_engine import TorchEngine
from papilio.workers import forked, pool
from papilio.workers.forked import ForkedProcess, SpareWorkers
from papilio.workers.messages import Task, TaskRun
from papilio.workers.pool import Pool
from papilio.workers.ray_node import Mirror, NodeWatcher
from papilio.workers.sharing import SharedSets, attach_images
from papilio.workers.worker import do_task


def a_plan(**changes: Any) -> tuple[RunPlan, StudyImages]:
    study = load_study(tiny(**changes))
    return plan_runs(study)[0], StudyImages(study.own)


def trained(tmp_path: Path) -> RunFolder:
    plan, images = a_plan()
    folder = tmp_path / "runs" / plan.name
    folder.mkdir(parents=True)
    execute_runs([RunJob(folder, plan, images.of_run(plan))], threads=1, own={}, on_end=lambda *ended: None)
    return RunFolder(folder)


def an_execution(tmp_path: Path, job: Job, retried: set[tuple[str, str]]) -> Any:
    """As much of one as a death needs."""
    given_back: list[Job] = []
    return SimpleNamespace(
        retried=retried,
        jobs={job.plan.name: job},
        workload=SimpleNamespace(folder=tmp_path, crew=SimpleNamespace(threads=1)),
        search=SimpleNamespace(give_back=given_back.append),
        listener=Listener,
        given_back=given_back,
    )


def test_deaths_while_measuring_leave_a_trained_run_as_it_is(tmp_path: Path) -> None:
    """A run whose worker died once in training, and once more while it was measured, was "failed" and trained anew."""
    run = trained(tmp_path)
    plan, _ = a_plan()
    before = run.path.joinpath("run.json").read_bytes()
    execution = an_execution(tmp_path, Job(plan, "test"), {(plan.name, "train")})
    notes: list[str] = []
    execution.listener = SimpleNamespace(on_note=notes.append)
    Execution._note_death(execution, plan, "signal SIGKILL")
    assert notes == [f"the worker of {plan.name} died (signal SIGKILL); measuring it again"]
    assert execution.given_back == [Job(plan, "test")]
    execution.jobs[plan.name] = Job(plan, "test")
    with pytest.raises(RunFailed, match=r"measured it on test images died twice \(signal SIGKILL\); out of memory"):
        Execution._note_death(execution, plan, "signal SIGKILL")
    assert run.path.joinpath("run.json").read_bytes() == before and run.is_finished()


def test_an_error_while_measuring_is_told_as_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The worker ended, was begun again, and the run was said to have run out of memory."""

    def boom(*given: object, **named: object) -> None:
        raise ValueError("of the user's own network")

    monkeypatch.setattr("papilio.runs.train.measure_on_test", boom)
    plan, images = a_plan()
    told: list[tuple[Any, ...]] = []
    task = Task((TaskRun(plan, tmp_path, None),), 1, "test")  # pyright: ignore[reportArgumentType]
    do_task(task, {plan.name: images.of_run(plan)}, own={}, watchers={}, tell=lambda *one: told.append(one))
    said = f"{plan.name}: test images cannot be measured (ValueError: of the user's own network)"
    assert told == [(plan.name, "error", ("RunFailed", said))]
    assert "ValueError" in capsys.readouterr().err  # workers.log has the whole of it


def test_the_last_epoch_on_a_node_is_told_too(tmp_path: Path) -> None:
    """A run of one epoch told nothing of it, nor of its memory."""
    plan, images = a_plan(train__epochs=2)
    folder, outbox = tmp_path / plan.name, queue.Queue[Any]()
    folder.mkdir()
    trainer: Any = SimpleNamespace(is_abandoned=threading.Event(), to_stop=set())
    watcher = NodeWatcher(trainer, 1, TaskRun(plan, folder, None), mirror=Mirror(folder), outbox=outbox)  # pyright: ignore[reportArgumentType]

    def end(name: str, facts: Any) -> None:
        watcher.send_held()
        watcher.send("ended", facts, {})

    execute_runs([RunJob(folder, plan, images.of_run(plan), watcher)], threads=1, own={}, on_end=end)
    told = [(kind, content) for _, kind, content, _ in outbox.queue if kind != "step"]
    assert [kind for kind, _ in told] == ["memory", "epoch", "epoch", "ended"]
    assert [content["epoch"] for kind, content in told if kind == "epoch"] == [1, 2]


def test_where_nobody_waits_for_processes_one_that_has_ended_has_ended() -> None:
    """With SIGCHLD ignored, as some shells' parents leave it, a study failed when it had been trained."""
    usual = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        process = ForkedProcess(os.posix_spawnp("true", ["true"], os.environ))
        assert process.wait(30) == 0
    finally:
        signal.signal(signal.SIGCHLD, usual)


def num_open_files() -> int:
    """Of this process; 0 where the system does not tell."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def test_a_command_that_cannot_be_copied_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fork() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(forked.os, "fork", fork)
    monkeypatch.setattr(forked, "MODULES", ())
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    before = num_open_files()
    with SpareWorkers() as spares:
        spares.num_threads = 10_000
        spares.fork(2)
        assert spares.waiting == []
    assert num_open_files() == before


def test_a_worker_that_cannot_be_started_is_not_the_log_s_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: None
) -> None:
    def start(*given: object, **named: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(pool.subprocess, "Popen", start)
    with pytest.raises(RunFailed, match=r"a worker process cannot be started \(Resource temporarily unavailable\)"):
        Pool(1, threads=1, own={}, log=tmp_path / "workers.log")


def test_sets_of_equal_pixels_keep_their_own_names(tmp_path: Path) -> None:
    """The second set came back under the name and the classes of the first."""
    digits = load_images("digits")
    renamed = replace(digits, name="mine", class_names=tuple("abcdefghij"))
    sets = SharedSets(tmp_path)
    assert [attach_images(sets.of(one)).class_names for one in (digits, renamed)] == [
        digits.class_names,
        renamed.class_names,
    ]
    assert attach_images(sets.of(renamed)).name == "mine" and sets.of(digits) is sets.of(digits)


def test_a_session_leaves_torch_s_threads_as_they_were() -> None:
    """After `papilio.plan_study` in a notebook all else was computed on one thread."""
    import torch

    from papilio.engine import Lane

    plan, images = a_plan()
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        lane = Lane(plan.settings, images.of_run(plan), seed=0)
        with TorchEngine({}).prepare([lane], threads=1):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(usual)
