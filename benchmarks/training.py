"""Training throughput of one net: Papilio, plain PyTorch, Keras, Lightning, skorch, in turns and in both precisions."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.machine import num_cores
from benchmarks.peers import peers_python
from benchmarks.processes import Contender, run_contender
from benchmarks.tables import Row, Target, paired_ratios
from benchmarks.turns import Answers, Entry, take_turns, values

PAPILIO, PYTORCH, KERAS, LIGHTNING = "Papilio", "plain PyTorch", "Keras", "Lightning"
TUTORIAL = "PyTorch's tutorial"
MIB = 2**20
FLOAT32, BFLOAT16 = "float32", "bfloat16"
SWITCHES = {  # to bfloat16, as each documents its own; skorch has none
    PAPILIO: "train.precision = bfloat16",
    PYTORCH: "autocast",
    TUTORIAL: "autocast",
    KERAS: "mixed_bfloat16",
    LIGHTNING: "bf16-mixed",
}
TARGETS = {  # by net and precision
    ("mlp", FLOAT32): {KERAS: Target(ratio_at_least=1.2), LIGHTNING: Target(ratio_at_least=1.2)},
    ("cnn", FLOAT32): {KERAS: Target(ratio_at_least=1.0), LIGHTNING: Target(ratio_at_least=1.35)},
    ("cnn", BFLOAT16): {KERAS: Target(ratio_at_least=1.0), LIGHTNING: Target(ratio_at_least=1.0)},
}
TARGETS_FROM_FLOAT32 = {  # of Papilio in bfloat16, beside others as they come
    "cnn": {
        PAPILIO: Target(ratio_at_least=1.8),
        KERAS: Target(ratio_at_least=1.7),
        LIGHTNING: Target(ratio_at_least=1.7),
    }
}
LEAST_SHARES = {("cnn", FLOAT32): Target(median_above=0.75)}  # of the matrix rate
TITLES = {"mlp": "MLP 512-512", "cnn": "CNN 32-64-pool-128"}


def train_mlp(bench: Bench) -> list[Row]:
    """Images per second in training the MLP."""
    return _train(bench, "mlp", num_images=bench.size(60_000, quick=2560), passes=bench.size(3, quick=1))


def train_cnn(bench: Bench) -> list[Row]:
    """Images per second in training the CNN."""
    return _train(bench, "cnn", num_images=bench.size(6000, quick=256), passes=bench.size(2, quick=1))


def name_in(contender: str, precision: str) -> str:
    """What an entry's rows are called."""
    return contender if precision == FLOAT32 else f"{contender}, {SWITCHES[contender]}"


def in_both_precisions(contenders: list[Contender]) -> list[Entry]:
    """An entry of each contender in float32, and one in bfloat16 of those that can be switched to it."""
    return [
        Entry(one, job={"precision": precision}, name=name_in(one.name, precision))
        for one in contenders
        for precision in (FLOAT32, BFLOAT16)
        if precision == FLOAT32 or one.name in SWITCHES
    ]


def from_float32(benchmark: str, rates: dict[str, list[float]], targets: dict[str, Target]) -> list[Row]:
    """Papilio in bfloat16 beside itself and others in float32, which is what all of them do unless they are told."""
    own = rates[name_in(PAPILIO, BFLOAT16)]
    return [
        Row(benchmark, name, "images/s", taken, paired_ratios(own, taken), targets.get(name))
        for name, taken in rates.items()
        if "," not in name
    ]


def rows_beside(net: str, title: str, answers: Answers, target: Target, note: str) -> list[Row]:
    """Of each precision, per second and per CPU second, then Papilio in bfloat16 beside float32; `note` is filled with the last
    round's facts. The target is one of float32."""
    rows = []
    for precision in (FLOAT32, BFLOAT16):
        own = name_in(PAPILIO, precision)
        for quantity, fact in (("images/s", "images_per_second"), ("images a CPU second", "images_per_cpu_second")):
            rates = values(answers, fact)
            for name in (name for name in answers if ("," in name) == (precision == BFLOAT16)):
                ratios = paired_ratios(rates[own], rates[name]) if name != own else ()
                wanted = target if name != own and precision == FLOAT32 else None
                told = note.format_map(answers[name][-1].facts) if quantity == "images/s" else ""
                rows.append(Row(f"{net}, {precision}: {title}", name, quantity, rates[name], ratios, wanted, told))
    beside = f"{net}: Papilio in bfloat16 beside float32; the same runs"
    return rows + from_float32(beside, values(answers, "images_per_second"), {})


def _train(bench: Bench, net: str, *, num_images: int, passes: int) -> list[Row]:
    folder = bench.images.save(bench.folder / net, num_images)
    job = {"net": net, "images": str(folder), "passes": passes, "cores": num_cores()}
    matrix_rates: dict[str, list[float]] = {FLOAT32: [], BFLOAT16: []}

    def multiply() -> None:
        for precision, rates in matrix_rates.items():
            rates.append(_matrix_rate(bench, precision))

    answers = take_turns(bench, net, in_both_precisions(_contenders()), job, before_round=multiply)
    size = f"{num_images:,} images, passes timed: {passes}"
    rows = []
    for precision in (FLOAT32, BFLOAT16):
        title = f"{net}, {precision}: {TITLES[net]}, Adam, batches of 128; {size}"
        rows += _rows(title, net, precision, answers, matrix_rates[precision])
    title = f"{net}: Papilio in bfloat16 beside float32; the same runs"
    return rows + from_float32(title, values(answers, "images_per_second"), TARGETS_FROM_FLOAT32.get(net, {}))


def _contenders() -> list[Contender]:
    peers = peers_python()
    return [
        Contender(PAPILIO, "papilio_runs"),
        Contender(PYTORCH, "plain_pytorch"),
        Contender(KERAS, "keras_fit", peers),
        Contender(LIGHTNING, "lightning_fit", peers),
        Contender("skorch", "skorch_fit", peers),
    ]


def _matrix_rate(bench: Bench, precision: str) -> float:
    job = {"size": bench.size(3072, quick=256), "repeats": bench.size(15, quick=2), "cores": num_cores()}
    contender = Contender("matrix product", "matrix_product")
    return run_contender(contender, "multiply", job | {"precision": precision}).facts["flop_per_second"]


def _rows(benchmark: str, net: str, precision: str, answers: Answers, matrix_rates: list[float]) -> list[Row]:
    own = name_in(PAPILIO, precision)
    answers = {name: given for name, given in answers.items() if ("," in name) == (precision == BFLOAT16)}
    rates, peaks = values(answers, "images_per_second"), values(answers, "peak_bytes")
    flop = answers[own][0].facts["training_flop_per_image"]
    targets = {name_in(name, precision): one for name, one in TARGETS.get((net, precision), {}).items()}
    rows = []
    for name, given in answers.items():
        ratios = paired_ratios(rates[own], rates[name]) if name != own else ()
        note = f"{given[-1].facts['loss']:.3f} nats on training images afterwards"
        rows.append(Row(benchmark, name, "images/s", rates[name], ratios, targets.get(name), note))
    rows.append(Row(benchmark, "matrix product", "GFLOP/s", [rate / 1e9 for rate in matrix_rates]))
    for name in answers:
        shares = [rate * flop / matrix for rate, matrix in zip(rates[name], matrix_rates, strict=True)]
        note = f"{flop / 1e6:.2f} MFLOP per image, forward and backward" if name == own else ""
        target = LEAST_SHARES.get((net, precision)) if name == own else None
        rows.append(Row(benchmark, name, "share of matrix rate", shares, (), target, note))
    for name in answers:
        ratios = paired_ratios(peaks[name], peaks[own]) if name != own else ()
        rows.append(Row(benchmark, name, "peak memory, MiB", [peak / MIB for peak in peaks[name]], ratios))
    return rows
