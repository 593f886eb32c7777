"""24 small MLPs: a Papilio study beside KerasTuner's and Optuna's grid searches, from the start of the process to its end.

MLPs, because Optuna's PyTorch example and KerasTuner's introduction search over MLPs; the sweep has convolutions.
"""

from __future__ import annotations

from typing import Any

from benchmarks.bench import Bench
from benchmarks.images import save_splits
from benchmarks.peers import peers_python
from benchmarks.processes import Answer, Contender, run_contender
from benchmarks.sweep import MOST_ROUNDS
from benchmarks.tables import Row, Target, paired_ratios
from benchmarks.training import MIB, PAPILIO

KERAS_TUNER, OPTUNA, OPTUNA_BY_HAND = "KerasTuner", "Optuna, DataLoader", "Optuna, sliced tensors"
GRID: dict[str, list[Any]] = {
    "learning_rates": [0.0005, 0.001, 0.002, 0.004],
    "dropouts": [0.1, 0.3, 0.5],
    "widths": [64, 128],
}
SHARES = {"validation": 0.1, "test": 1 / 6}  # of 60,000 images 10,000 are tested on, and of the others 5,000 choose
TARGETS = {KERAS_TUNER: Target(ratio_at_least=4.0), OPTUNA: Target(ratio_at_least=2.0)}
NOTES = {
    PAPILIO: "with records, checkpoints, weights, tests, an analysis and the report",
    KERAS_TUNER: "GridSearch, which keeps each trial's best weights",
    OPTUNA: "GridSampler, journal file, the example's loop over a DataLoader; its images are floats in memory already",
    OPTUNA_BY_HAND: "the same, but batches are cut from whole tensors: what is left is torch on all cores, a trial at a time",
}


def search(bench: Bench) -> list[Row]:
    """Seconds until the best setting is known."""
    num_images, epochs = bench.size(60_000, quick=600), bench.size(5, quick=1)
    grid = {name: values[: bench.size(len(values), quick=2)] for name, values in GRID.items()}
    folder = bench.images.save(bench.folder / "search", num_images)
    splits = save_splits(folder, SHARES)
    job = grid | {"images": str(folder), "splits": splits.files, "shares": SHARES, "epochs": epochs}
    contenders = _contenders()
    answers: dict[str, list[Answer]] = {contender.name: [] for contender, _ in contenders}
    for number in range(min(bench.rounds, MOST_ROUNDS)):
        for contender, task in contenders:
            out = str(bench.folder / f"{contender.module}-{task}-{number}")
            answer = run_contender(contender, task, job | {"out": out}, is_watched=True)
            answers[contender.name].append(answer)
            bench.note_versions(contender.name.partition(",")[0], answer.facts["versions"])
            bench.say(f"search, round {number + 1}: {contender.name} {answer.seconds:.1f} s")
    _refuse_other_searches(answers)
    num_trials = answers[PAPILIO][0].facts["trials"]
    return _rows(f"search: {num_trials} MLPs with two hidden layers, {splits}, {epochs} epochs", answers)


def _contenders() -> list[tuple[Contender, str]]:
    peers = peers_python()
    return [
        (Contender(PAPILIO, "papilio_searches"), "search"),
        (Contender(KERAS_TUNER, "keras_tuner_searches", peers), "search"),
        (Contender(OPTUNA, "optuna_searches", peers), "search"),
        (Contender(OPTUNA_BY_HAND, "optuna_searches", peers), "search-by-slices"),
    ]


def _refuse_other_searches(answers: dict[str, list[Answer]]) -> None:
    counts = {name: (given[0].facts["trials"], given[0].facts["parameters"]) for name, given in answers.items()}
    if any(count != counts[PAPILIO] for count in counts.values()):
        raise AssertionError(f"these are different searches, by their trials and parameters: {counts}")


def _rows(benchmark: str, answers: dict[str, list[Answer]]) -> list[Row]:
    seconds = {name: [answer.seconds for answer in given] for name, given in answers.items()}
    peaks = {name: [answer.tree_peak_bytes / MIB for answer in given] for name, given in answers.items()}
    rows = []
    for name, given in answers.items():
        ratios = paired_ratios(seconds[name], seconds[PAPILIO]) if name != PAPILIO else ()
        facts = given[-1].facts
        note = f"{NOTES[name]}; best: {facts['best']}, validation accuracy {facts['accuracy']:.4f}"
        rows.append(Row(benchmark, name, "seconds", seconds[name], ratios, TARGETS.get(name), note))
    for name in answers:
        ratios = paired_ratios(peaks[name], peaks[PAPILIO]) if name != PAPILIO else ()
        note = "all processes together; pages that they share count in each" if name == PAPILIO else ""
        rows.append(Row(benchmark, name, "peak memory, MiB", peaks[name], ratios, note=note))
    return rows
