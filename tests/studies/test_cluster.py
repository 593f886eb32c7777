"""Studies on a Ray cluster of two real nodes: the same results as here, images sent once, nodes that die."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import ray
from ray._private.node import Node
from ray.cluster_utils import Cluster
from tiny import OwnNet, all_weights, command, environment, own_loss, tiny, without_times, write_study

import papilio as product
from in_process import papilio
from papilio.errors import RequestError, RunFailed
from papilio.results.reading import read_results
from papilio.runs.folder import RunFolder
from papilio.workers import ray_start as connection
from papilio.workers.ray_node import END_FILES, EPOCH_FILES, Mirror, read_files, write_files
from papilio.workers.ray_start import connected, refuse_unreachable

pytestmark = pytest.mark.usefixtures("no_reports")

# the checkpoint is too large to come within a message: it goes through the nodes' object stores
LONG = tiny(model__units=[256], train__epochs=30, stage=[{"name": "long", "seeds": 6}], analysis=[])


MIXED = tiny(
    analysis=[],
    stage=[
        {"name": "folded", "folds": 3, "vary": {"model.dropout": [0.0, 0.2]}},
        {"name": "raced", "vary": {"train.learning_rate": [0.0003, 0.001, 0.003, 0.01]}, "pruner": "halving"},
        {"name": "own", "model": {"family": OwnNet}, "train": {"loss": own_loss}},
    ],
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A head with one processor, and a node with one; their files are in a folder with a short path, as sockets need."""
    folder = tempfile.mkdtemp(prefix="ray-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        made.add_node(num_cpus=1)
        yield made
        made.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The long study's folder, made by workers of this machine."""
    folder = tmp_path_factory.mktemp("undisturbed") / "out"
    product.run_study(LONG, out=folder, workers=2, is_silent=True)
    return folder


def files_of(out: Path) -> set[str]:
    """Names of what its runs left; locks are made where a run is trained."""
    return {str(file.relative_to(out)) for file in out.rglob("runs/*/**/*") if file.is_file() and file.name != ".lock"}


def num_started(out: Path) -> int:
    return sum(file.stat().st_size > 0 for file in out.glob("runs/*/records.jsonl"))


def wait_for(condition, *, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_a_cluster_and_this_machine_come_to_the_same_results_and_each_array_is_sent_once(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = product.run_study(MIXED, out=tmp_path / "here", workers=2, is_silent=True)
    sent, put = [], ray.put
    monkeypatch.setattr(ray, "put", lambda value: sent.append(type(value).__name__) or put(value))
    there = product.run_study(MIXED, out=tmp_path / "there", ray=cluster.address, is_silent=True)
    assert all_weights(tmp_path / "there") == all_weights(tmp_path / "here")
    assert without_times(tmp_path / "there" / "results.csv") == without_times(tmp_path / "here" / "results.csv")
    assert [run.status for run in there.runs] == [run.status for run in here.runs]
    assert {run.status for run in there.runs} == {"done", "pruned"}
    # one set of pixels; the splits of the whole set and of three folds
    assert sorted(sent) == ["dict"] * 4 + ["ndarray"]
    assert files_of(tmp_path / "there") == files_of(tmp_path / "here")
    assert there.environment["cluster"] == f"Ray {ray.__version__}: 2 nodes with 1 and 1 CPUs"
    assert "cluster" not in here.environment


def test_several_runs_of_one_structure_are_one_task_of_a_cluster(cluster: Cluster, tmp_path: Path) -> None:
    study = tiny(train__epochs=2, train__engine="lanes_engine:LanesEngine", stage=[{"name": "first", "seeds": 3}])
    product.run_study(study, out=tmp_path / "here", workers=1, is_silent=True)
    there = product.run_study(study, out=tmp_path / "there", ray=cluster.address, is_silent=True)
    facts = [RunFolder(run.folder).facts() for run in there.runs]
    assert [(one.status, len(one.beside)) for one in facts] == [("done", 2)] * 3
    assert all_weights(tmp_path / "there") == all_weights(tmp_path / "here")
    assert without_times(tmp_path / "there" / "results.csv") == without_times(tmp_path / "here" / "results.csv")


def is_at_work(node: Node) -> bool:
    """Whether a worker of the node has a task just now; Ray names its processes by what they do."""
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    return any("ray::Trainer.work" in child.cmdline() for child in raylet.children())


def test_a_node_that_dies_costs_its_run_an_epoch_and_nothing_that_was_finished(
    cluster: Cluster, undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    doomed = cluster.add_node(num_cpus=1)
    finished: dict[Path, int] = {}

    def kill() -> None:
        wait_for(lambda: num_started(out) >= 3 and is_at_work(doomed))
        finished.update({file: file.stat().st_mtime_ns for file in out.glob("runs/*/weights.safetensors")})
        cluster.remove_node(doomed, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    results = product.run_study(LONG, out=out, ray=cluster.address)
    killer.join()
    assert " died (" in capsys.readouterr().out
    assert [run.status for run in results.runs] == ["done"] * 6
    assert all_weights(out) == all_weights(undisturbed)
    assert without_times(out / "results.csv") == without_times(undisturbed / "results.csv")
    assert {file: file.stat().st_mtime_ns for file in finished} == finished


def test_ctrl_c_stops_after_the_epoch_leaves_no_process_of_ray_and_another_machine_goes_on(
    undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    # a group of its own, which is what a terminal sends Ctrl-C to
    process = subprocess.Popen(
        command("run", write_study(tmp_path / "long.toml", LONG), "--out", out, "--ray", "local", "--workers", "2"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment() | {"HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        start_new_session=True,
    )
    wait_for(lambda: num_started(out) >= 2)
    os.killpg(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, ""), stdout
    assert "stopping after the current epochs" in stdout
    ours = r"digits: epochs and trials|6 runs on 2 workers|\d of 6|stopping|\[|analyzing the|writing the"
    assert [line for line in first_lines(stdout) if not re.match(ours, line)] == []
    assert {"stopped", "waiting"} <= {run.status for run in read_results(out).runs}
    assert not [one for one in psutil.process_iter(["cmdline"]) if f"papilio-ray-{process.pid}-" in str(one.info)]
    assert not [*Path("/tmp").glob(f"papilio-ray-{process.pid}-*"), *tmp_path.glob("papilio-*"), *tmp_path.glob(".ray")]
    product.run_study(LONG, out=out, workers=2, is_silent=True)
    assert all_weights(out) == all_weights(undisturbed)


def first_lines(text: str) -> list[str]:
    """Those before the table of results."""
    return text.partition("\n\n")[0].splitlines()


def test_without_ray_the_command_says_in_one_line_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "ray.py").write_text("raise ModuleNotFoundError(\"No module named 'ray'\")")
    done = subprocess.run(
        command("run", write_study(tmp_path / "tiny.toml", tiny()), "--out", tmp_path / "out", "--ray", "auto"),
        capture_output=True,
        text=True,
        env=environment() | {"PYTHONPATH": str(tmp_path)},
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (2, "papilio: --ray needs Ray: pip install 'papilio[ray]'\n")
    assert not (tmp_path / "out").exists()


def test_a_cluster_that_is_not_there_is_one_line_and_nothing_is_written(tmp_path: Path) -> None:
    done = papilio(
        "run", write_study(tmp_path / "tiny.toml", tiny()), "--out", tmp_path / "out", "--ray", "127.0.0.1:1"
    )
    assert done.returncode == 1
    assert done.stderr == (
        "papilio: --ray 127.0.0.1:1: no Ray cluster responds there ([Errno 111] Connection refused);"
        " start it with: ray start --head\n"
    )
    assert not (tmp_path / "out").exists()


def test_something_else_at_the_address_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SECONDS_TO_CONNECT", 3.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(
            RunFailed, match=f"^--ray {address}: no Ray cluster responded within 3 s; is it running\\?$"
        ):
            refuse_unreachable(address)


def test_another_version_of_ray_is_one_line_that_names_both(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    older = connection.TRY_TO_CONNECT.replace("sys, ray", "sys, ray; ray.__version__ = '2.0.0'", 1)
    monkeypatch.setattr(connection, "TRY_TO_CONNECT", older)
    with pytest.raises(RunFailed, match=r"this Ray cannot be used: Version mismatch: .*2\.0\.0") as error:
        refuse_unreachable(cluster.address)
    assert "\n" not in str(error.value) and ray.__version__ in str(error.value)


@pytest.mark.parametrize(
    ("address", "complaint"),
    [("head", "expected HOST:PORT, auto or local"), ("ray://head:10001", "Ray Client is not supported")],
)
def test_an_address_that_is_none_is_refused(address: str, complaint: str) -> None:
    with pytest.raises(RequestError, match=complaint), connected(address, num_cpus=1):
        pass


def test_files_come_home_in_the_order_in_which_a_run_writes_them(tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    mirror = Mirror(there)
    write_files(there, {"records.jsonl": b"1", "run.json": b"{}", "checkpoint/state.safetensors": b"a"})
    sent = mirror.changed(EPOCH_FILES)
    assert list(sent) == ["run.json", "records.jsonl", "checkpoint/state.safetensors"]
    assert mirror.changed(END_FILES) == {}
    write_files(here, sent)
    assert read_files(here) == read_files(there)
    write_files(there, {"weights.safetensors": b"b", "checkpoint/state.safetensors": None, "run.json": b"[]"})
    sent = mirror.changed(END_FILES)
    assert list(sent) == ["weights.safetensors", "checkpoint/state.safetensors", "run.json"]
    write_files(here, sent)
    assert read_files(here) == read_files(there)
    assert not (here / "checkpoint").exists()
    write_files(there, {"previews/0001.png": b"p", "batches.jsonl": b"1\n", "run.json": b"{1}"})
    sent = mirror.changed_at_end()
    assert list(sent) == ["previews/0001.png", "batches.jsonl", "run.json"]
    write_files(here, sent)
    write_files(there, {"previews/0002.png": b"q"})
    assert mirror.changed((*mirror.kept(), *EPOCH_FILES)) == {"previews/0002.png": b"q"}
    assert mirror.changed_at_end() == {}
    assert read_files(here)["batches.jsonl"] == b"1\n" and Mirror(here).changed_at_end() == {}
