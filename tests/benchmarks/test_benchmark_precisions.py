"""Rows in both precisions: who is beside whom, and that a contender trains in the one that it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from benchmarks.bench import Bench
from benchmarks.contenders import papilio_latents, papilio_runs, plain_pytorch
from benchmarks.images import stand_in
from benchmarks.processes import Answer, Contender, ContenderFailed
from benchmarks.turns import Entry

from benchmarks import games, latents, sweep, training, turns

RATES = {"float32": 100.0, "bfloat16": 150.0}


def answering(contender: Contender, task: str, job: dict[str, Any], **_: Any) -> Answer:
    """In place of a process: Papilio is twice as fast as the others, everybody 1.5 times as fast in bfloat16."""
    if task == "multiply":
        return Answer({"flop_per_second": 1e9}, 1.0, 0)
    rate = RATES[job["precision"]] * (2 if contender.name == "Papilio" else 1)
    facts = {
        "images_per_second": rate,
        "images_per_cpu_second": rate,
        "parameters": 3,
        "loss": 0.5,
        "error": 0.1,
        "peak_bytes": 2**20,
    }
    return Answer(
        facts | {"training_flop_per_image": 1e6, "versions": {}, "runs": 8, "accuracies": [0.5]}, 1 / rate, 2**20
    )


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    for module in (turns, training, sweep):
        monkeypatch.setattr(module, "run_contender", answering)
    for module in (training, latents, games):
        monkeypatch.setattr(module, "peers_python", lambda: Path("python"))
    bench = Bench(tmp_path, rounds=2, is_quick=True)
    bench.__dict__["images"] = stand_in("a test")
    return bench


def ratios(rows: list[Any], start: str, quantity: str = "images/s") -> dict[str, list[float]]:
    return {
        row.contender: list(row.ratios) for row in rows if row.benchmark.startswith(start) and row.quantity == quantity
    }


def test_rows_are_beside_those_of_their_precision(bench: Bench) -> None:
    rows = training.train_cnn(bench)
    assert ratios(rows, "cnn, float32")["Keras"] == [2.0, 2.0]
    assert ratios(rows, "cnn, bfloat16") == {
        "Papilio, train.precision = bfloat16": [],
        "plain PyTorch, autocast": [2.0, 2.0],
        "Keras, mixed_bfloat16": [2.0, 2.0],
        "Lightning, bf16-mixed": [2.0, 2.0],
    }  # fmt: skip
    beside = ratios(rows, "cnn: Papilio in bfloat16")
    assert beside == {
        "Papilio": [1.5, 1.5], "plain PyTorch": [3.0, 3.0], "Keras": [3.0, 3.0], "Lightning": [3.0, 3.0], "skorch": [3.0, 3.0],
    }  # fmt: skip
    met = {(row.benchmark[:13], row.contender): row.target.is_met(row) for row in rows if row.target}
    assert met["cnn: Papilio ", "Papilio"] is False
    assert met["cnn: Papilio ", "Keras"] is True


def test_latents_have_pythae_in_float32_only(bench: Bench) -> None:
    rows = latents.train_vae(bench)
    assert set(ratios(rows, "vae, float32")) == {"Papilio", "pythae", "Lightning"}
    assert set(ratios(rows, "vae, bfloat16")) == {"Papilio, train.precision = bfloat16", "Lightning, bf16-mixed"}
    assert ratios(rows, "vae: Papilio")["pythae"] == [3.0, 3.0]


def test_the_sweep_is_beside_the_loop_in_float32_and_by_auto(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RATES, "auto", 150.0)
    rows = sweep.sweep(bench)
    in_float32 = [row for row in rows if row.quantity == "seconds" and "auto" not in row.benchmark]
    (own,) = (row for row in in_float32 if row.contender == "plain PyTorch")
    assert own.ratios == [2.0, 2.0]
    auto = [row for row in rows if "auto" in row.benchmark]
    assert {row.contender: row.ratios for row in auto} == {
        "Papilio": [1.5, 1.5], "plain PyTorch": [3.0, 3.0], "plain PyTorch, autocast": [2.0, 2.0],
    }  # fmt: skip


def test_other_nets_are_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(contender: Contender, task: str, job: dict[str, Any]) -> Answer:
        return Answer({"images_per_second": 1.0, "parameters": len(contender.name), "versions": {}}, 1.0, 0)

    monkeypatch.setattr(turns, "run_contender", answer)
    with pytest.raises(ContenderFailed, match="different nets"):
        turns.take_turns(bench, "it", [Entry(Contender("a", "one")), Entry(Contender("bb", "two"))], {})


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("contender", "net"), [(papilio_runs, "mlp"), (papilio_latents, "vae"), (plain_pytorch, "mlp")]
)
def test_contenders_train_in_the_precision_of_the_job(tmp_path: Path, contender: Any, net: str, precision: str) -> None:
    folder = stand_in("a test").save(tmp_path / "images", 256)
    job: Any = {"net": net, "images": str(folder), "passes": 1, "cores": 1, "precision": precision}
    answer = contender.train(job)
    assert answer["images_per_second"] > 0
    assert 0 < answer.get("loss", answer.get("error")) < 3


def test_a_game_is_beside_its_peers_in_both_precisions_and_per_cpu_second(bench: Bench) -> None:
    rows = games.train_dcgan(bench)
    assert ratios(rows, "dcgan, float32", "images a CPU second") == {
        "Papilio": [], "PyTorch's tutorial": [2.0, 2.0], "Lightning": [2.0, 2.0],
    }  # fmt: skip
    assert ratios(rows, "dcgan, bfloat16")["PyTorch's tutorial, autocast"] == [2.0, 2.0]
    assert ratios(rows, "dcgan: Papilio")["Lightning"] == [3.0, 3.0]
