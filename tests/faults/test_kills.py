"""What `make kills` looks at; the kills themselves take minutes, and a few are in tests/studies/test_search_runs.py."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.faults.kills import STAGES, STUDY, differences

from papilio.runs.arrays import save_arrays
from papilio.search.expected import plan_runs
from papilio.studies.study import load_study

CHECKPOINT = "runs/a-seed0/checkpoint/state.safetensors"


def left_by(folder: Path, *, seconds: float = 1.0, loss: float = 0.5) -> Path:
    """What is compared of a study's folder."""
    run = folder / "runs" / "a-seed0"
    run.mkdir(parents=True)
    (run / "weights.safetensors").write_bytes(b"\x00\x01")
    (run / "run.json").write_text(json.dumps({"run": "a-seed0", "seconds": seconds}))
    (run / "records.jsonl").write_text(json.dumps({"epoch": 1, "train_loss": loss, "seconds": seconds}) + "\n")
    (folder / "results.csv").write_text(f"run,train_loss,seconds\na-seed0,{loss},{seconds}\n")
    return folder


def test_times_alone_are_no_difference(tmp_path: Path) -> None:
    assert differences(left_by(tmp_path / "one"), left_by(tmp_path / "other", seconds=2.5)) == []


@pytest.mark.parametrize("name", ["weights.safetensors", "run.json", "records.jsonl"])
def test_what_is_gone_or_added_is_told(name: str, tmp_path: Path) -> None:
    one, other = left_by(tmp_path / "one"), left_by(tmp_path / "other")
    (other / "runs" / "a-seed0" / name).unlink()
    assert differences(one, other) == differences(other, one) == [f"runs/a-seed0/{name}: is in one of them only"]


def test_every_value_and_byte_is_compared(tmp_path: Path) -> None:
    one, other = left_by(tmp_path / "one"), left_by(tmp_path / "other", loss=0.5000000000000001)
    (other / "runs" / "a-seed0" / "weights.safetensors").write_bytes(b"\x00\x02")
    names = ("results.csv", "runs/a-seed0/records.jsonl", "runs/a-seed0/weights.safetensors")
    assert differences(one, other) == [f"{name}: differs" for name in names]


def test_checkpoints_are_compared_but_for_the_time_in_them(tmp_path: Path) -> None:
    one, other = left_by(tmp_path / "one"), left_by(tmp_path / "other")
    for folder, seconds in ((one, 1.5), (other, 2.5)):
        save_arrays(folder / CHECKPOINT, {"a": np.ones(2)}, {"epoch": 3, "seconds": seconds})
    assert differences(one, other) == []
    save_arrays(other / CHECKPOINT, {"a": np.array([1.0, np.nextafter(1.0, 2.0)])}, {"epoch": 3, "seconds": 1.5})
    assert differences(one, other) == [f"{CHECKPOINT}: differs"]


@pytest.mark.parametrize("name", STAGES)
def test_the_studies_can_be_planned(name: str) -> None:
    assert len(plan_runs(load_study(STUDY | {"stage": STAGES[name]}))) >= 5
