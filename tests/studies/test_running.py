"""Studies by the command line: what they leave, what kills and stops of its processes cost, what is reused."""

from __future__ import annotations

import csv
import json
import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from tiny import (
    OwnNet,
    all_weights,
    command,
    environment,
    own_loss,
    papilio_process,
    start,
    tiny,
    without_times,
    write_study,
)
from torch import Tensor

import papilio as product
from in_process import papilio
from papilio.data.parallel import available_cores
from papilio.errors import BusyError, RunError
from papilio.files import locked
from papilio.results.reading import read_results

LONG = tiny(train__epochs=30, stage=[{"name": "long", "seeds": 3}], data={"name": "digits"})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny study, run once, by real processes."""
    folder = tmp_path_factory.mktemp("finished")
    done = papilio_process("run", write_study(folder / "tiny.toml", tiny(analysis=[{}])), "--out", folder / "out")
    assert done.returncode == 0, done.stderr
    (folder / "stdout").write_text(done.stdout)
    return folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The long study, run without any disturbance."""
    folder = tmp_path_factory.mktemp("undisturbed")
    product.run_study(write_study(folder / "long.toml", LONG), out=folder / "out", is_silent=True)
    return folder


def wait_for(condition, *, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def num_records(out: Path) -> int:
    return sum(file.read_bytes().count(b"\n") for file in out.glob("runs/*/records.jsonl"))


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Copies of the command, or programs of their own; what else it starts writes the report."""
    return [one for one in psutil.Process(process.pid).children() if "papilio.sections.live" not in one.cmdline()]


def test_the_folder_holds_what_the_design_says(finished: Path) -> None:
    out = finished / "out"
    for name in ("study.toml", "environment.json", "results.csv", "report.html"):
        assert (out / name).stat().st_size > 0
    assert list(out.glob("figures/*.svg")) and list(out.glob("figures/*.png"))
    runs = sorted(out.glob("runs/*"))
    assert len(runs) == 4
    for run in runs:
        facts = json.loads((run / "run.json").read_text())
        assert (facts["status"], facts["threads"], facts["epochs"]) == ("done", 1, 3)
        assert len((run / "records.jsonl").read_text().splitlines()) == 3
        assert not (run / "checkpoint").exists()
    assert not (out / ".images").exists()


def test_results_are_one_row_a_run_with_every_metric(finished: Path) -> None:
    with (finished / "out" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["model.dropout"], row["seed"]) for row in rows} == {(d, s) for d in ("0.0", "0.2") for s in ("0", "1")}
    for row in rows:
        facts = json.loads((finished / "out" / "runs" / row["run"] / "run.json").read_text())
        measured = {name: float(row[name]) for name in facts["metrics"]}
        assert measured == facts["metrics"] and {"test_accuracy", "val_loss"} <= measured.keys()
        assert row["status"] == "done"


def test_the_terminal_says_what_it_will_take_what_happened_and_where_the_report_is(finished: Path) -> None:
    text = (finished / "stdout").read_text()
    assert re.search(
        r"^4 runs on \d workers?: .*\d (s|min).* in all, from start to report; .* of memory$", text, re.MULTILINE
    )
    assert text.count("done (best epoch") == 4
    assert "dropout 0.2" in text
    assert text.rstrip().endswith(f"report: {finished / 'out' / 'report.html'}")


def test_the_same_command_again_reuses_everything(finished: Path, no_report: None) -> None:
    before = {file: file.stat().st_mtime_ns for file in finished.glob("out/runs/*/*")}
    done = papilio("run", finished / "tiny.toml", "--out", finished / "out")
    assert done.returncode == 0
    assert {file: file.stat().st_mtime_ns for file in finished.glob("out/runs/*/*")} == before


def test_more_seeds_run_only_what_is_new(finished: Path, tmp_path: Path, no_report: None) -> None:
    more = write_study(
        tmp_path / "tiny.toml", tiny(stage=[{"name": "first", "seeds": 3, "vary": {"model.dropout": [0.0, 0.2]}}])
    )
    before = all_weights(finished / "out")
    done = papilio("run", more, "--out", finished / "out")
    assert re.search(r"^2 runs on ", done.stdout, re.MULTILINE)
    after = all_weights(finished / "out")
    assert len(after) == 6 and before.items() <= after.items()


def test_killed_at_random_moments_and_resumed_equals_undisturbed_bit_for_bit(
    undisturbed: Path, tmp_path: Path, no_report: None
) -> None:
    rng = random.Random(5)
    out = tmp_path / "out"
    num_kills = 0
    for _ in range(3):
        process = start(undisturbed / "long.toml", out)
        target = num_records(out) + rng.randint(3, 15)
        wait_for(lambda: num_records(out) >= target or process.poll() is not None)  # noqa: B023
        time.sleep(rng.random() * 0.05)
        family = [*workers_of(process), psutil.Process(process.pid)] if process.poll() is None else []
        rng.shuffle(family)
        for one in family:
            one.kill()
            num_kills += 1
        process.communicate()
    assert num_kills >= 6
    done = papilio("run", undisturbed / "long.toml", "--out", out)
    assert done.returncode == 0, done.stderr
    assert all_weights(out) == all_weights(undisturbed / "out")
    assert without_times(out / "results.csv") == without_times(undisturbed / "out" / "results.csv")


def test_a_killed_worker_costs_a_retry_and_not_the_study(undisturbed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start(undisturbed / "long.toml", out)
    wait_for(lambda: num_records(out) >= 4)
    workers_of(process)[0].kill()
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert "died (signal SIGKILL); resuming from its last epoch" in stdout
    assert all_weights(out) == all_weights(undisturbed / "out")


@pytest.mark.parametrize("moment", ["build", "forward"])
def test_a_run_whose_worker_dies_twice_is_failed_and_the_rest_goes_on(moment: str, tmp_path: Path) -> None:
    study = tiny(stage=[{"name": "a", "trial": [{"name": "bad", "model": {"family": "deadly:net"}}, {"name": "good"}]}])
    (tmp_path / "deadly.py").write_text(
        "import os, sys, torch\n"
        "class Net(torch.nn.Linear):\n"
        "    def forward(self, x):\n"
        f"        if self.training and {moment == 'forward'}: os.kill(os.getpid(), 9)\n"
        "        return super().forward(x.flatten(1))\n"
        "def net(num_classes):\n"
        f"    if {moment == 'build'} and 'papilio.workers.worker' in sys.orig_argv: os.kill(os.getpid(), 9)\n"
        "    return Net(64, num_classes)\n"
    )
    process = subprocess.run(
        command("run", write_study(tmp_path / "tiny.toml", study), "--out", tmp_path / "out"),
        capture_output=True,
        text=True,
        env=environment() | {"PYTHONPATH": str(tmp_path)},
        timeout=120,
    )
    assert process.returncode == 1
    assert "its worker died twice (signal SIGKILL); out of memory?" in process.stderr
    statuses = {run.trial: run.status for run in read_results(tmp_path / "out").runs}
    assert statuses == {"bad": "failed", "good": "done"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_stops_after_the_epoch_with_a_report_and_everything_goes_on(
    undisturbed: Path, tmp_path: Path, number: signal.Signals, no_report: None
) -> None:
    out = tmp_path / "out"
    process = start(undisturbed / "long.toml", out)
    wait_for(lambda: num_records(out) >= 4)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "stopping after the current epochs" in stdout
    assert "nalyzing" not in stdout  # nothing is finished that could be
    assert re.search(r"\nwriting the report\n0 of 3 runs finished, .*, after ", stdout)
    assert "0 of 3 runs are finished; run the same command to continue with the rest" in stdout
    assert (out / "report.html").exists()
    assert {run.status for run in read_results(out).runs} <= {"stopped", "waiting"}
    done = papilio("run", undisturbed / "long.toml", "--out", out)
    assert done.returncode == 0, done.stderr
    assert all_weights(out) == all_weights(undisturbed / "out")


def test_a_second_process_on_the_same_study_is_refused_in_one_line(undisturbed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with locked(out / ".lock", busy="never"):
        second = papilio("run", undisturbed / "long.toml", "--out", out)
    assert second.returncode == 2
    assert second.stderr.strip() == (
        f"papilio: {out}: another process is running this study; wait for it, or choose another --out"
    )
    with locked(out / ".lock", busy="never"), pytest.raises(BusyError):
        product.run_study(LONG, out=out, is_silent=True)


def test_a_full_disk_is_one_line_and_what_is_finished_is_kept(
    undisturbed: Path, tmp_path: Path, no_report: None
) -> None:
    if os.geteuid() != 0:
        pytest.skip("a small file system of its own can only be mounted by root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("this machine does not let file systems be mounted")
    try:
        study = tiny(model__units=[64], train__epochs=4, stage=[{"name": "a", "seeds": 60}])
        done = papilio("run", write_study(tmp_path / "big.toml", study), "--out", disk / "out")
        assert done.returncode == 1
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert "the disk is full; free some space and run the same command again" in done.stderr
        kept = [json.loads(file.read_text())["status"] for file in disk.glob("out/runs/*/run.json")]
        assert "done" in kept
        assert not list(disk.glob("out/**/*.part"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_another_study_in_the_folder_is_not_overwritten(finished: Path, tmp_path: Path) -> None:
    other = write_study(tmp_path / "other.toml", tiny(title="Other"))
    done = papilio("run", other, "--out", finished / "out")
    assert done.returncode == 2
    assert "holds another study ('Tiny')" in done.stderr
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="is not a study folder and not empty"):
        product.run_study(tiny(), out=tmp_path / "full", is_silent=True)
    assert (tmp_path / "full" / "thesis.txt").read_text() == "mine"


def test_fresh_throws_away_only_what_is_ours(tmp_path: Path, no_report: None) -> None:
    small = tiny(stage=[{"name": "a"}], train__epochs=1)
    product.run_study(small, out=tmp_path / "out", is_silent=True)
    (tmp_path / "out" / "notes.txt").write_text("mine")
    results = product.run_study(small | {"title": "Another"}, out=tmp_path / "out", is_fresh=True, is_silent=True)
    assert results.title == "Another" and len(results.runs) == 1
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_a_users_own_network_and_loss_train_report_and_load_again(tmp_path: Path) -> None:
    study = tiny(model={"family": OwnNet, "width": 9}, train__loss=own_loss, stage=[{"name": "own", "seeds": 2}])
    results = product.run_study(study, out=tmp_path / "out", is_silent=True)
    assert [run.status for run in results.runs] == ["done", "done"]
    assert results.best is not None and results.best.metrics["val_loss"] < 1
    run = product.load_run(results.best.folder)
    assert isinstance(run.network, OwnNet)
    digits = product.load_images("digits", fraction=0.3)
    images, labels = digits.split("test")
    accuracy = (run.probabilities(images).argmax(1) == labels).mean()
    assert accuracy == pytest.approx(run.metrics["test_accuracy"], abs=1e-6)


def test_functions_that_cannot_be_imported_train_in_workers_too(tmp_path: Path, processes: None) -> None:
    width = 7
    results = product.run_study(
        tiny(model={"family": lambda num_classes: OwnNet(num_classes, width)}, stage=[{"name": "own"}]),
        out=tmp_path / "out",
        is_silent=True,
    )
    assert results.runs[0].status == "done"
    with pytest.raises(RunError, match="own="):
        product.load_run(results.runs[0].folder)
    again = product.load_run(results.runs[0].folder, network=lambda num_classes: OwnNet(num_classes, width))
    assert isinstance(again.network, OwnNet)


def test_own_objectives_are_trained_and_reported_by_the_same_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = {
        "title": "Own objectives",
        "data": {"name": "digits", "fraction": 0.3},
        "stage": [
            {
                "name": "own",
                "seeds": 2,
                "trial": [
                    {
                        "name": "autoencoder",
                        "model": {"family": "toys:AutoEncoder"},
                        "train": {"objective": "toys:reconstruction"},
                    },
                    {
                        "name": "game",
                        "model": {"family": "toys:two_nets"},
                        "train": {"objective": "toys:game", "objective_settings": {"critic_steps": 3}},
                    },
                ],
            }
        ],
        "train": {"epochs": 3},
    }
    path = write_study(tmp_path / "own.toml", study)
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "training")
    done = papilio("run", path, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["trial"] for row in rows if row["test_loss"]} == {"autoencoder"}
    assert {row["trial"] for row in rows if row["test_distance"]} == {"game"}
    assert "autoencoder" in (tmp_path / "out" / "report.html").read_text()


def test_a_bug_in_a_users_network_fails_its_run_with_the_traceback_kept(tmp_path: Path, no_report: None) -> None:
    class Broken(OwnNet):
        def forward(self, images: Tensor) -> Tensor:
            if self.training:
                raise ZeroDivisionError("my own bug")
            return super().forward(images)

    study = tiny(model={"family": Broken}, stage=[{"name": "own"}])
    (run,) = product.run_study(study, out=tmp_path / "out", is_silent=True, allows_failures=True).runs
    assert (run.status, run.reason) == ("failed", "ZeroDivisionError: my own bug")
    assert "in forward" in (run.folder / "error.txt").read_text()


def test_a_reason_for_which_many_runs_failed_is_told_once(tmp_path: Path, no_report: None) -> None:
    """Eight runs that failed alike told of it eight times while they trained, and eight times at the end."""
    (tmp_path / "breaking_nets.py").write_text(
        "from tiny import OwnNet\n\nclass Broken(OwnNet):\n    def forward(self, images):\n"
        "        if self.training:\n            raise ZeroDivisionError('my own bug')\n        return self.layers(images)\n"
    )
    study = tiny(model={"family": "breaking_nets:Broken"}, stage=[{"name": "own", "seeds": 3}])
    done = papilio("run", write_study(tmp_path / "study.toml", study), "--out", tmp_path / "out")
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("failed: ")]
    assert "own-breaking-nets-broken" in line and "and 2 more runs: ZeroDivisionError: my own bug (" in line
    assert done.stdout.count("failed: ZeroDivisionError: my own bug") == 1
    assert done.stdout.count("failed: for the same reason as an earlier run") == 2


def test_other_images_than_the_run_began_with_are_refused(finished: Path, tmp_path: Path) -> None:
    study = write_study(tmp_path / "tiny.toml", tiny())
    for file in finished.glob("out/runs/*/run.json"):
        facts = json.loads(file.read_text())
        file.write_text(json.dumps(facts | {"status": "stopped", "data_checksum": "0" * 64}))
    done = papilio("run", study, "--out", finished / "out")
    assert done.returncode == 2
    assert "was trained on other images than digits has now" in done.stderr


def test_a_single_run_takes_all_cores_and_keeps_its_threads(
    tmp_path: Path, processes: None, no_report: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("papilio.execution.preparation.available_cores", available_cores)
    results = product.run_study(
        tiny(stage=[{"name": "a"}], train__epochs=1), out=tmp_path / "out", workers=1, is_silent=True
    )
    facts = json.loads((results.runs[0].folder / "run.json").read_text())
    assert facts["threads"] == results.environment["cores"]
