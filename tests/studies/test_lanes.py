"""Tasks of several runs: an engine whose sessions have three lanes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lanes_engine import LanesEngine
from tiny import start, tiny, write_study

from papilio.engine import find_engine
from papilio.errors import PapilioError
from papilio.execution.display import SilentProgress
from papilio.execution.schedule import Execution
from papilio.files import locked
from papilio.results.results import StudyResults
from papilio.runs.folder import RunFacts, RunFolder
from papilio.runs.train import RunJob, execute_runs
from papilio.search.expected import plan_runs
from papilio.search.states import Job
from papilio.studies.images import StudyImages
from papilio.studies.study import load_study
from papilio.workbench import run_study
from papilio.workers.messages import Task, TaskRun, died
from papilio.workers.sharing import SharedImages

pytestmark = pytest.mark.usefixtures("no_reports")

STUDY = tiny(
    model={"family": "mlp", "units": [16], "dropout": 0.2},
    stage=[{"name": "first", "seeds": 5}],
    train__epochs=4,
    analysis=[],
)


def run(study: dict[str, Any], out: Path, engine: str | None = "LanesEngine", *, workers: int = 1) -> StudyResults:
    settings = {} if engine is None else {"train.engine": f"lanes_engine:{engine}"}
    return run_study(study, out=out, settings=settings, workers=workers, is_silent=True, allows_failures=True)


def weights_of(results: StudyResults) -> dict[tuple[str, int], bytes]:
    """Of every run, by trial and seed."""
    return {(one.trial, one.seed): RunFolder(one.folder).weights_file.read_bytes() for one in results.runs}


def facts_of(results: StudyResults) -> dict[str, RunFacts]:
    return {one.name: RunFolder(one.folder).facts() for one in results.runs}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    """The same study with the torch engine: each run alone."""
    return run_study(STUDY, out=tmp_path_factory.mktemp("alone") / "out", workers=1, is_silent=True)


def test_runs_side_by_side_end_as_alone(alone: StudyResults, tmp_path: Path) -> None:
    together = run(STUDY, tmp_path / "out")
    assert weights_of(together) == weights_of(alone)
    assert [one.metrics for one in together.runs] == [one.metrics for one in alone.runs]
    beside = [len(facts.beside) for facts in facts_of(together).values()]
    assert beside == [2, 2, 2, 1, 1]
    assert all(not facts.beside for facts in facts_of(alone).values())
    records = [RunFolder(one.folder).read_records() for one in together.runs]
    assert all([record["epoch"] for record in own] == [1, 2, 3, 4] for own in records)


def test_each_lane_has_patience_of_its_own(tmp_path: Path) -> None:
    study = tiny(
        train__epochs=12,
        train__early_stopping={"metric": "val_loss", "patience": 1},
        stage=[{"name": "first", "vary": {"train.learning_rate": [0.3, 0.03, 0.001]}}],
        analysis=[],
    )
    alone, together = run(study, tmp_path / "alone", None), run(study, tmp_path / "together")
    ends = [one.epochs for one in together.runs]
    assert len(set(ends)) > 1 and ends == [one.epochs for one in alone.runs]
    assert weights_of(together) == weights_of(alone)
    assert {len(facts.beside) for facts in facts_of(together).values()} == {2}


def test_only_runs_of_one_structure_go_together(tmp_path: Path) -> None:
    study = tiny(
        train__epochs=1, stage=[{"name": "first", "seeds": 2, "vary": {"model.units": [[8], [16]]}}], analysis=[]
    )
    together = run(study, tmp_path / "out")
    trials = {name: facts.trial for name, facts in facts_of(together).items()}
    for name, facts in facts_of(together).items():
        assert [trials[one] for one in facts.beside] == [trials[name]]


def test_what_fails_together_goes_on_one_by_one(alone: StudyResults, tmp_path: Path) -> None:
    together = run(STUDY, tmp_path / "out", "FailsTogether")
    assert weights_of(together) == weights_of(alone)
    assert all(not facts.beside and facts.status == "done" for facts in facts_of(together).values())


def test_one_run_that_fails_takes_no_other_with_it(tmp_path: Path) -> None:
    """A network that raises in its second epoch, in one lane of three."""
    study = tiny(
        model={"family": "lanes_engine:Fragile", "fails_at": 0.5},
        train__epochs=3,
        stage=[{"name": "first", "vary": {"model.fails_at": [0.25, 0.75, 0.5]}}],
        analysis=[],
    )
    results = run(study, tmp_path / "out")
    assert [one.status for one in results.runs] == ["done", "failed", "done"]
    assert "as it was meant to" in str(results.runs[1].reason)


def test_a_worker_that_dies_gives_back_all_of_its_runs(alone: StudyResults, tmp_path: Path, processes: None) -> None:
    together = run(STUDY, tmp_path / "out", "DiesTogether")
    assert weights_of(together) == weights_of(alone)
    assert all(not facts.beside for facts in facts_of(together).values())


def test_killed_and_resumed_equals_undisturbed(alone: StudyResults, tmp_path: Path) -> None:
    study = write_study(
        tmp_path / "study.toml", STUDY | {"train": STUDY["train"] | {"engine": "lanes_engine:LanesEngine"}}
    )
    for num_records in (1, 5):
        process = start(study, tmp_path / "out", workers=1)
        wait_for_records(tmp_path / "out", num_records, process)
        workers = children_of(process.pid)
        for pid in (process.pid, *workers):
            os.kill(pid, signal.SIGKILL)
        process.communicate()
    assert weights_of(run_study(study, out=tmp_path / "out", is_silent=True)) == weights_of(alone)


def test_rungs_put_lanes_aside_and_cut_them(tmp_path: Path) -> None:
    study = tiny(
        train__epochs=9,
        stage=[
            {
                "name": "first",
                "vary": {"train.learning_rate": [0.0001, 0.001, 0.01, 0.02, 0.03, 0.3]},
                "pruner": {"name": "halving", "min_epochs": 1},
            }
        ],
        analysis=[],
    )
    alone, together = run(study, tmp_path / "alone", None), run(study, tmp_path / "together")
    assert [one.status for one in together.runs].count("pruned") == [one.status for one in alone.runs].count("pruned")
    assert together.best is not None and alone.best is not None and together.best.trial == alone.best.trial
    done = [one for one in together.runs if one.status == "done"]
    same = [one for one in alone.runs if one.trial == done[0].trial]
    weights = [RunFolder(one.folder).weights_file.read_bytes() for one in (done[0], same[0])]
    assert weights[0] == weights[1]


def test_an_engine_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    complaints = {
        "numpi": "is not an engine",
        "nowhere:Engine": "cannot import 'nowhere'",
        "builtins:dict": "is not an engine .*: it has no families",
        "papilio.files:checksum": "cannot be called with the user's functions",
    }
    for engine, complaint in complaints.items():
        with pytest.raises(PapilioError, match=complaint) as caught:
            run_study(STUDY, out=tmp_path / "out", settings={"train.engine": engine}, is_silent=True)
        assert "\n" not in str(caught.value)


def test_a_class_handed_over_from_python_is_an_engine() -> None:
    study = load_study(STUDY | {"train": {"engine": LanesEngine}})
    (plan, *_) = plan_runs(study)
    assert plan.settings.train.engine == "lanes_engine:LanesEngine"
    assert isinstance(find_engine(plan.settings.train.engine, study.own), LanesEngine)


def test_a_run_that_has_ended_is_free_while_others_go_on_and_has_its_share_of_the_seconds(tmp_path: Path) -> None:
    study = load_study(
        tiny(train__engine="lanes_engine:LanesEngine", stage=[{"name": "first", "vary": {"train.epochs": [4, 1, 2]}}])
    )
    plans = plan_runs(study)
    images = StudyImages(study.own)
    jobs = [RunJob(tmp_path / plan.name, plan, images.of_run(plan)) for plan in plans]
    ended: dict[str, RunFacts] = {}

    def hear(name: str, facts: RunFacts) -> None:
        ended[name] = facts
        with locked(RunFolder(tmp_path / name).lock_file, busy="it is still locked"):
            pass

    start = time.perf_counter()
    execute_runs(jobs, threads=1, own=study.own, on_end=hear)
    seconds = time.perf_counter() - start
    assert [facts.epochs for facts in ended.values()] == [1, 2, 4]
    assert {facts.status for facts in ended.values()} == {"done"}
    assert all(len(facts.beside) == 2 for facts in ended.values())
    assert sum(facts.seconds for facts in ended.values()) <= seconds


def test_runs_of_a_worker_that_died_are_given_back_in_their_order() -> None:
    plans = plan_runs(load_study(STUDY))[:3]
    shared = SharedImages("", Path(), Path(), (), "", ())
    task = Task(tuple(TaskRun(plan, Path(), shared) for plan in plans), threads=1)
    queue = [plans[0]]
    for _, plan, kind, how in died(task, {plans[1].name, plans[2].name}, "signal SIGKILL"):
        assert (kind, how) == ("died", "signal SIGKILL")
        queue.insert(0, plan)
    assert queue == [plans[1], plans[2], plans[0]]


def test_runs_of_two_devices_do_not_go_together() -> None:
    on_cpu, on_gpu = plan_runs(load_study(tiny(stage=[{"name": "a", "vary": {"train.device": ["cpu", "cuda"]}}])))
    images = StudyImages({})
    assert images.structure_of(on_cpu) == images.structure_of(on_gpu)  # they cost the same as far as anyone can tell
    search = QueuedJobs([Job(on_cpu), Job(on_gpu), Job(on_cpu)])
    workload = SimpleNamespace(
        search=search, structure_of=images.structure_of, max_lanes=lambda plan: 3, folder=Path(), title=""
    )
    workload.crew, workload.warn_of = SimpleNamespace(num_workers=1), lambda plan: None
    execution = Execution(workload, SilentProgress())  # pyright: ignore[reportArgumentType]
    assert [job.plan for job in execution._next_jobs()] == [on_cpu, on_cpu]
    assert search.queue == [Job(on_gpu)]


class QueuedJobs:
    """In place of a search: jobs one after another."""

    def __init__(self, queue: list[Job]) -> None:
        self.queue = queue

    def next_job(self) -> Job | None:
        return self.queue.pop(0) if self.queue else None

    def give_back(self, job: Job) -> None:
        self.queue.insert(0, job)


def test_a_killed_worker_and_then_ctrl_c_and_the_same_command_again_equals_undisturbed(tmp_path: Path) -> None:
    study = tiny(train__epochs=40, stage=[{"name": "first", "seeds": 3}], analysis=[])
    alone = run(study, tmp_path / "alone", None, workers=2)
    file = write_study(
        tmp_path / "study.toml", study | {"train": study["train"] | {"engine": "lanes_engine:LanesEngine"}}
    )
    # of two workers the first takes all three runs
    out = tmp_path / "out"
    process = start(file, out)
    wait_for_records(out, 6, process)
    # stopped until both are dead, or it may hand the runs of the first worker to the second before that dies, too
    process.send_signal(signal.SIGSTOP)
    workers = children_of(process.pid)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    wait_until_dead(workers)
    process.send_signal(signal.SIGCONT)
    wait_for_records(out, 24, process)
    process.send_signal(signal.SIGINT)
    said, wrong = process.communicate(timeout=120)
    assert process.returncode == 130, wrong
    assert said.count("died (signal SIGKILL); resuming from its last epoch") == 3
    assert weights_of(run_study(file, out=out, workers=2, is_silent=True)) == weights_of(alone)


def wait_for_records(out: Path, num: int, process: subprocess.Popen[str]) -> None:
    """Until so many epochs are written down, of all runs together."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if sum(len(path.read_text().splitlines()) for path in out.glob("runs/*/records.jsonl")) >= num:
            return
        time.sleep(0.01)


def wait_until_dead(pids: list[int]) -> None:
    """Until each is a zombie or gone: a signal is not carried out at once on busy cores."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and any(state_of(pid) not in "ZX" for pid in pids):
        time.sleep(0.01)


def state_of(pid: int) -> str:
    stat = Path(f"/proc/{pid}/stat")
    return stat.read_text().rpartition(")")[2].split()[0] if stat.exists() else "X"


def children_of(pid: int) -> list[int]:
    """Workers have sessions of their own: a kill of the group would not reach them."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []
