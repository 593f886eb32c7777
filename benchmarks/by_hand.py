"""Training throughput of nets by hand: Papilio's NumPy engine, its torch engine, and DeZero, which is NumPy, too, in turns."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.machine import num_cores
from benchmarks.peers import peers_python
from benchmarks.processes import Contender
from benchmarks.tables import Row, Target, paired_ratios
from benchmarks.turns import Answers, Entry, take_turns, values

NUMPY, TORCH, DEZERO = "Papilio, NumPy", "Papilio, torch", "DeZero"
MIB = 2**20
TITLES = {"mlp": "MLP 512-512", "lenet": "LeNet-5, ReLU and max pooling"}
# how much longer than torch NumPy may take at most
TARGETS = {
    "mlp": {TORCH: Target(ratio_at_least=1 / 1.3), DEZERO: Target(ratio_at_least=1)},
    "lenet": {TORCH: Target(ratio_at_least=1 / 3), DEZERO: Target(ratio_at_least=1)},
}


def train_by_hand(bench: Bench) -> list[Row]:
    """Images per second in training an MLP and LeNet, and memory."""
    return [row for net in TITLES for row in _train(bench, net)]


def _train(bench: Bench, net: str) -> list[Row]:
    num_images, passes = bench.size(12_000, quick=1280), bench.size(2, quick=1)
    folder = bench.images.save(bench.folder / f"by-hand-{net}", num_images)
    job = {"net": net, "images": str(folder), "passes": passes, "cores": num_cores()}
    entries = [
        Entry(Contender(NUMPY, "papilio_engines"), "train_numpy"),
        Entry(Contender(TORCH, "papilio_engines"), "train_torch"),
        Entry(Contender(DEZERO, "dezero_fit", peers_python())),
    ]
    answers = take_turns(bench, f"{net} by hand", entries, job)
    title = (
        f"{net} by hand: {TITLES[net]}, Adam, batches of 128, float32; {num_images:,} images, passes timed: {passes}"
    )
    return _rows(title, net, answers)


def _rows(title: str, net: str, answers: Answers) -> list[Row]:
    peaks = values(answers, "peak_bytes")
    rows = []
    for quantity, fact in (("images/s", "images_per_second"), ("images a CPU second", "images_per_cpu_second")):
        rates = values(answers, fact)
        for name in answers:
            note = f"{answers[name][-1].facts['loss']:.3f} nats on training images afterwards"
            ratios = paired_ratios(rates[NUMPY], rates[name]) if name != NUMPY else ()
            is_first = quantity == "images/s"
            row = Row(title, name, quantity, rates[name], ratios, TARGETS[net].get(name), note if is_first else "")
            rows.append(row)
    for name in answers:
        ratios = paired_ratios(peaks[name], peaks[NUMPY]) if name != NUMPY else ()
        target = Target(ratio_at_least=1 / 3) if name == TORCH else None
        rows.append(Row(title, name, "peak memory, MiB", [peak / MIB for peak in peaks[name]], ratios, target))
    return rows
