"""What a study takes outside training: the arithmetic on made-up notes, and a study of seconds that is watched."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.machine import ROOT
from benchmarks.outside import eight_cnns, outside_of, run_watched
from benchmarks.processes import ContenderFailed

from papilio.search.expected import plan_runs
from papilio.studies.study import load_study


def moment(own: float, parent: float, clock: float) -> dict[str, float]:
    return {"own": own, "parent": parent, "clock": clock}


def test_what_lies_between_a_workers_first_and_last_step_is_training() -> None:
    notes = [
        {"worker": 1, "begin": moment(2.0, 5.0, 110.0), "end": moment(4.0, 5.1, 120.0)},
        {"worker": 2, "begin": moment(1.5, 5.05, 112.0), "end": moment(3.5, 5.2, 125.0)},
        {"worker": 1, "begin": moment(4.1, 5.1, 121.0), "end": moment(9.0, 5.4, 130.0)},
    ]
    one = outside_of(notes, total_cpu=20.0, began=100.0, ended=137.0)
    assert one.start_cpu == pytest.approx(5.0 + 2.0 + 1.5)
    assert one.training_cpu == pytest.approx((9.0 - 2.0) + (3.5 - 1.5))
    assert one.end_cpu == pytest.approx(20.0 - 8.5 - 9.0 - 0.4)  # what the study took while it listened is in neither
    assert (one.start, one.end) == pytest.approx((10.0, 7.0))


def test_the_sweep_is_eight_runs(tmp_path: Path) -> None:
    (tmp_path / "eight.toml").write_text(eight_cnns(tmp_path, epochs=3))
    assert len(plan_runs(load_study(tmp_path / "eight.toml"))) == 8


def test_a_study_is_watched(tmp_path: Path) -> None:
    study = tmp_path / "small.toml"
    study.write_text(
        'title = "Small"\nanalysis = []\ndata = { name = "digits", fraction = 0.3 }\nmodel = { family = "mlp", units = [8] }\n'
        'train = { epochs = 2 }\n[[stage]]\nname = "a"\nseeds = 2\n'
    )
    arguments = ["run", str(study), "--out", str(tmp_path / "out"), "--quiet", "--yes", "--workers", "1"]
    one = run_watched(ROOT, arguments, tmp_path / "watched")
    assert one.start_cpu > 0 and one.training_cpu > 0 and one.end_cpu > 0
    assert one.start > 0 and one.end > 0 and (tmp_path / "out" / "report.html").exists()
    with pytest.raises(ContenderFailed, match="not a setting"):
        run_watched(ROOT, [*arguments, "--set", "train.epoch=2"], tmp_path / "wrong")
