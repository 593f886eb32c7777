"""What is seen of a study while it trains: warnings, and a report that is there before the end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tiny import environment, papilio, write_study

from papilio.execution import live_report
from papilio.execution.alarms import Alarms
from papilio.execution.live_report import LiveReport
from papilio.kinds.registry import KINDS
from papilio.kinds.warnings import spells_of, vae_warnings, warnings_of
from papilio.runs.folder import RunFolder
from papilio.runs.plan import RunPlan
from papilio.settings.run_settings import RunSettings

VAE: dict[str, Any] = {
    "title": "Watched",
    "data": {"name": "digits", "fraction": 0.3},
    "model": {"family": "vae", "filters": [], "dense": [16], "latents": 2},
    "train": {"epochs": 6, "batch_size": 32, "objective_settings": {"beta": 10000.0}},
    "analysis": [],
}


def records(**metrics: list[float]) -> list[dict[str, Any]]:
    """Records of as many epochs as there are values."""
    num = len(next(iter(metrics.values())))
    return [{"epoch": at + 1} | {name: values[at] for name, values in metrics.items()} for at in range(num)]


def plan(name: str = "a") -> RunPlan:
    settings = RunSettings.of({"data": {"name": "digits"}, "model": {"family": "vae"}, "train": {"epochs": 9}})
    return RunPlan(name, "only", name, 0, {}, settings, None)


def test_latents_that_tell_nothing_are_warned_of() -> None:
    assert vae_warnings(records(val_kl=[9.0, 0.01, 0.01])) == {}
    assert vae_warnings(records(val_kl=[0.01, 0.01])) == {}  # too early to tell
    found = vae_warnings(records(val_kl=[9.0, 0.02, 0.01, 0.0123]))
    assert found["latents"].startswith("the latents tell nothing of the image (KL 0.012 nats)")
    assert "latents" in vae_warnings(records(val_kl=[1.0, 1.0, 1.0], val_active_units=[0.0, 0.0, 0.0]))
    assert "latents" in vae_warnings(records(train_kl=[0.0, 0.0, 0.0]))  # without validation images
    assert vae_warnings(records(val_loss=[1.0, 1.0, 1.0])) == {}
    assert warnings_of(KINDS["vae"]) is vae_warnings and warnings_of(KINDS["classify"]) is None


def test_a_warning_has_a_first_and_a_last_epoch() -> None:
    def warn(heard: Any) -> dict[str, str]:
        return {name: f"{name} {heard[-1][name]:g}" for name in ("low", "odd") if heard[-1][name]}

    spells = spells_of(warn, records(low=[0, 1, 2, 3, 0, 4], odd=[0, 0, 5, 0, 0, 0]))
    assert [spell.words(6) for spell in spells] == [
        "from epoch 2 to 4 low 3",
        "after epoch 3 odd 5",
        "since epoch 6 low 4",
    ]


def test_each_warning_is_given_once_and_goes_on_after_a_break(tmp_path: Path) -> None:
    alarms = Alarms(tmp_path, lambda plan: vae_warnings)
    folder = RunFolder(tmp_path / "runs" / "a")
    folder.path.mkdir(parents=True)
    told = []
    for record in records(val_kl=[0.0, 0.0, 0.0, 0.0]):
        folder.append_record(record)
        told.append(len(alarms.hear(plan(), record)))
    assert told == [0, 0, 1, 0]
    # another command goes on with it: it knows what was recorded before, and warns again
    again = Alarms(tmp_path, lambda plan: vae_warnings)
    assert len(again.hear(plan(), {"epoch": 5, "val_kl": 0.0})) == 1
    again.forget(plan())
    assert again.hear(plan(), {"epoch": 4, "val_kl": 0.0}) == []
    assert Alarms(tmp_path, lambda plan: None).hear(plan(), {"epoch": 5, "val_kl": 0.0}) == []


def test_a_function_of_ones_own_that_fails_is_told_once(tmp_path: Path) -> None:
    alarms = Alarms(tmp_path, lambda plan: lambda records: {"odd": records[-1]["nothing"]})
    assert alarms.hear(plan(), {"epoch": 1}) == ["what its kind warns by failed (KeyError: 'nothing')"]
    assert alarms.hear(plan(), {"epoch": 2}) == []


def test_warnings_come_while_it_trains_and_stay_in_the_report(tmp_path: Path) -> None:
    done = papilio("run", write_study(tmp_path / "study.toml", VAE), "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stdout.splitlines() if line.startswith("warning: ")]
    (line,) = warnings
    assert line.startswith("warning: vae, seed 0, after epoch ") and "the latents tell nothing of the image" in line
    page = (tmp_path / "out" / "report.html").read_text()
    assert "1 warning from training" in page and "vae, seed 0: since epoch " in page
    assert 'http-equiv="refresh"' not in page


def test_the_report_is_there_while_it_trains(tmp_path: Path) -> None:
    """The real command, but for the wait before the first report."""
    slow = VAE | {"train": VAE["train"] | {"epochs": 100_000}}
    file = write_study(tmp_path / "study.toml", slow)
    code = (
        "import sys; from papilio.execution import live_report; live_report.SECONDS_TO_FIRST = 0.0;"
        f"sys.argv = ['papilio', 'run', {str(file)!r}, '--out', {str(tmp_path / 'out')!r}];"
        "from papilio.cli import main; main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )
    try:
        report = tmp_path / "out" / "report.html"
        wait_for(report.exists, process)
        page = report.read_text()
        assert '<meta http-equiv="refresh" content="60">' in page
        assert "Training goes on; this page is as of" in page and "0 of 1 run are done; 1 running" in page
        assert (tmp_path / "out" / "figures" / "1-watched-val-loss.svg").exists()
        by_hand = papilio("report", tmp_path / "out")
        assert by_hand.returncode == 0, by_hand.stderr
    finally:
        process.send_signal(2)
        said, wrong = process.communicate(timeout=60)
    assert process.returncode == 130, wrong
    page = report.read_text()
    assert 'http-equiv="refresh"' not in page and "1 stopped" in page
    assert "could not be" not in said


def test_a_report_that_fails_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_report, "SECONDS_TO_FIRST", 0.0)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    live = LiveReport(tmp_path)
    assert live.look(has_news=False) is None and live.process is None
    assert live.look(has_news=True) is None and live.process is not None
    process = live.process
    process.wait(60)
    wrong = live.look(has_news=True)
    assert wrong is not None and wrong.startswith(f"{tmp_path}: not a study's folder")
    assert live.look(has_news=True) is None and live.process is None


def test_a_report_that_is_being_written_ends_with_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_report, "SECONDS_TO_FIRST", 0.0)
    live = LiveReport(tmp_path)
    live.look(has_news=True)
    process = live.process
    assert process is not None
    live.close()
    assert process.returncode is not None and live.process is None
    live.close()


def wait_for(is_there: Any, process: subprocess.Popen[str], *, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not is_there():
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.2)
