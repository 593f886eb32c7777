"""Eight small CNNs: one Papilio study against a loop in plain PyTorch, from the start of the process to its end."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.images import save_splits
from benchmarks.processes import Answer, Contender, run_contender
from benchmarks.tables import Row, Target, paired_ratios
from benchmarks.training import MIB, PAPILIO, PYTORCH

DROPOUTS = [0.1, 0.2, 0.3, 0.4]
LEARNING_RATES = [0.001, 0.002]
AUTO, AUTOCAST = f"{PAPILIO}, train.precision = auto", f"{PYTORCH}, autocast"
SIDES = {  # who runs it, in which precision
    PAPILIO: ("papilio_runs", "float32"),
    AUTO: ("papilio_runs", "auto"),
    PYTORCH: ("plain_pytorch", "float32"),
    AUTOCAST: ("plain_pytorch", "bfloat16"),
}
AUTO_TARGETS = {PYTORCH: Target(ratio_at_least=3.0)}
MOST_ROUNDS = 3  # unless fewer are asked for: one round takes minutes
SHARES = {"validation": 0.1, "test": 0.1}


def sweep(bench: Bench) -> list[Row]:
    """Seconds for the whole sweep; the study also tests, analyses and writes its report, the loop does not."""
    num_images, epochs = bench.size(12_500, quick=1000), bench.size(3, quick=1)
    folder = bench.images.save(bench.folder / "sweep", num_images)
    splits = save_splits(folder, SHARES)
    grid = {"images": str(folder), "epochs": epochs, "dropouts": DROPOUTS, "learning_rates": LEARNING_RATES}
    answers: dict[str, list[Answer]] = {name: [] for name in SIDES}
    for number in range(min(bench.rounds, MOST_ROUNDS)):
        for name, (module, precision) in SIDES.items():
            out = {"out": str(bench.folder / f"study-{number}-{precision}")}
            job = grid | (SHARES | out if module == "papilio_runs" else splits.files) | {"precision": precision}
            contender = Contender(name.partition(",")[0], module)
            answer = run_contender(contender, "sweep", job, is_watched=True)
            answers[name].append(answer)
            bench.note_versions(contender.name, answer.facts["versions"])
            bench.say(f"sweep, round {number + 1}: {name} {answer.seconds:.1f} s")
    title = f"sweep: 8 CNNs (16, 32, dense 64), {splits}, {epochs} epochs"
    seconds = {name: [answer.seconds for answer in given] for name, given in answers.items()}
    with_auto = {name: paired_ratios(seconds[name], seconds[AUTO]) for name in (PAPILIO, PYTORCH, AUTOCAST)}
    return [
        *_rows(title, answers),
        *(
            Row(f"{title}; {AUTO} beside the others", name, "seconds", seconds[name], ratios, AUTO_TARGETS.get(name))
            for name, ratios in with_auto.items()
        ),
    ]


def _rows(benchmark: str, answers: dict[str, list[Answer]]) -> list[Row]:
    counts = {name: (given[0].facts["runs"], given[0].facts["parameters"]) for name, given in answers.items()}
    if len(set(counts.values())) > 1:
        raise AssertionError(f"these are different sweeps, by their runs and parameters: {counts}")
    seconds = {name: [answer.seconds for answer in given] for name, given in answers.items()}
    peaks = {name: [answer.tree_peak_bytes / MIB for answer in given] for name, given in answers.items()}
    rows = []
    for name, given in answers.items():
        ratios = paired_ratios(seconds[name], seconds[PAPILIO]) if name in (PYTORCH, AUTOCAST) else ()
        target = Target(ratio_at_least=2.0) if name == PYTORCH else None
        note = f"best validation accuracy {max(given[-1].facts['accuracies']):.4f}"
        rows.append(Row(benchmark, name, "seconds", seconds[name], ratios, target, note))
    for name in answers:
        ratios = paired_ratios(peaks[name], peaks[PAPILIO]) if name != PAPILIO else ()
        note = "all processes together; pages that they share count in each" if name == PAPILIO else ""
        rows.append(Row(benchmark, name, "peak memory, MiB", peaks[name], ratios, note=note))
    return rows
