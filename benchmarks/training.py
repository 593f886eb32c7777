"""Training throughput of one net: Papilio, plain PyTorch, Keras, Lightning, skorch, in turns."""

from __future__ import annotations

from typing import Any

from benchmarks.bench import Bench
from benchmarks.machine import num_cores
from benchmarks.peers import peers_python
from benchmarks.processes import Answer, Contender, run_contender
from benchmarks.tables import Row, Target, paired_ratios

PAPILIO, PYTORCH = "Papilio", "plain PyTorch"
MIB = 2**20
TARGETS = {
    "mlp": {"Keras": Target(ratio_at_least=1.2), "Lightning": Target(ratio_at_least=1.2)},
    "cnn": {"Keras": Target(ratio_at_least=1.5), "Lightning": Target(ratio_at_least=1.5)},
}
TITLES = {"mlp": "MLP 512-512", "cnn": "CNN 32-64-pool-128"}


def train_mlp(bench: Bench) -> list[Row]:
    """Images per second in training the MLP."""
    return _train(bench, "mlp", num_images=bench.size(60_000, quick=2560), passes=bench.size(3, quick=1))


def train_cnn(bench: Bench) -> list[Row]:
    """Images per second in training the CNN."""
    return _train(bench, "cnn", num_images=bench.size(6000, quick=256), passes=bench.size(2, quick=1))


def _train(bench: Bench, net: str, *, num_images: int, passes: int) -> list[Row]:
    folder = bench.images.save(bench.folder / net, num_images)
    job = {"net": net, "images": str(folder), "passes": passes, "cores": num_cores()}
    contenders = _contenders()
    answers: dict[str, list[Answer]] = {contender.name: [] for contender in contenders}
    matrix_rates = []
    for number in range(bench.rounds):
        matrix_rates.append(_matrix_rate(bench))
        for contender in contenders:
            answer = run_contender(contender, "train", job)
            answers[contender.name].append(answer)
            bench.note_versions(contender.name, answer.facts["versions"])
            rate = answer.facts["images_per_second"]
            bench.say(f"{net}, round {number + 1} of {bench.rounds}: {contender.name} {rate:,.0f} images/s")
    _refuse_other_nets(answers)
    what = f"{TITLES[net]}, Adam, batches of 128, float32; {num_images:,} images, passes timed: {passes}"
    return _rows(f"{net}: {what}", net, answers, matrix_rates)


def _contenders() -> list[Contender]:
    peers = peers_python()
    return [
        Contender(PAPILIO, "papilio_runs"),
        Contender(PYTORCH, "plain_pytorch"),
        Contender("Keras", "keras_fit", peers),
        Contender("Lightning", "lightning_fit", peers),
        Contender("skorch", "skorch_fit", peers),
    ]


def _matrix_rate(bench: Bench) -> float:
    job = {"size": bench.size(3072, quick=256), "repeats": bench.size(15, quick=2), "cores": num_cores()}
    return run_contender(Contender("matrix product", "matrix_product"), "multiply", job).facts["flop_per_second"]


def _refuse_other_nets(answers: dict[str, list[Answer]]) -> None:
    counts = {name: given[0].facts["parameters"] for name, given in answers.items()}
    if len(set(counts.values())) > 1:
        raise AssertionError(f"these are different nets, by their parameters: {counts}")


def _rows(benchmark: str, net: str, answers: dict[str, list[Answer]], matrix_rates: list[float]) -> list[Row]:
    rates = {name: _values(given, "images_per_second") for name, given in answers.items()}
    peaks = {name: _values(given, "peak_bytes") for name, given in answers.items()}
    flop = answers[PAPILIO][0].facts["training_flop_per_image"]
    rows = []
    for name in answers:
        loss = answers[name][-1].facts["loss"]
        rows.append(
            Row(
                benchmark,
                name,
                "images/s",
                rates[name],
                ratios=paired_ratios(rates[PAPILIO], rates[name]) if name != PAPILIO else (),
                target=TARGETS[net].get(name),
                note=f"{loss:.3f} nats on training images afterwards",
            )
        )
    rows.append(Row(benchmark, "matrix product", "GFLOP/s", [rate / 1e9 for rate in matrix_rates]))
    for name in answers:
        shares = [rate * flop / matrix for rate, matrix in zip(rates[name], matrix_rates, strict=True)]
        note = f"{flop / 1e6:.2f} MFLOP per image, forward and backward" if name == PAPILIO else ""
        rows.append(Row(benchmark, name, "share of matrix rate", shares, note=note))
    for name in answers:
        ratios = paired_ratios(peaks[name], peaks[PAPILIO]) if name != PAPILIO else ()
        rows.append(Row(benchmark, name, "peak memory, MiB", [peak / MIB for peak in peaks[name]], ratios))
    return rows


def _values(answers: list[Answer], key: str) -> list[Any]:
    return [answer.facts[key] for answer in answers]
