"""A full grid beside successive halving on the same grid, both by Papilio: what halving saves, and what it costs.

Each round searches with a seed of its own. The winners of both are then trained again, outside the timing, with five other
seeds: only their mean test accuracy says whether halving found as good a setting. Where both chose the same one, the same
trainings give the same numbers, and the difference is exactly 0.
"""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.bench import Bench
from benchmarks.images import save_splits
from benchmarks.processes import Answer, Contender, run_contender
from benchmarks.sweep import MOST_ROUNDS
from benchmarks.tables import Row, Target, paired_ratios
from benchmarks.training import PAPILIO

FULL, HALVING = "Papilio, full grid", "Papilio, halving"
# after one epoch noise chooses: such a race took less time still, and lost more than is allowed (docs/log.md)
PRUNERS: dict[str, dict[str, Any] | None] = {FULL: None, HALVING: {"name": "halving", "min_epochs": 3, "factor": 3}}
GRID: dict[str, list[Any]] = {
    "learning_rates": [0.0003, 0.001, 0.003],
    "dropouts": [0.0, 0.2, 0.4],
    "widths": [64, 128, 256],
}
SHARES = {"validation": 0.1, "test": 1 / 6}  # of 60,000 images 10,000 are tested on, and of the others 5,000 choose
EPOCHS = 27
FIRST_SEED_AGAIN = 100  # of those that train the winners again: no search has used them
MOST_POINTS_LOST = 0.2


def halving(bench: Bench) -> list[Row]:
    """Seconds of both searches, and the mean test accuracy of what they found."""
    num_images, epochs = bench.size(60_000, quick=900), bench.size(EPOCHS, quick=3)
    seeds = [FIRST_SEED_AGAIN + number for number in range(bench.size(5, quick=2))]
    grid = {name: values[: bench.size(len(values), quick=2)] for name, values in GRID.items()}
    folder = bench.images.save(bench.folder / "halving", num_images)
    splits = save_splits(folder, SHARES)
    images = {"images": str(folder), "shares": SHARES}
    searches: dict[str, list[Answer]] = {name: [] for name in PRUNERS}
    accuracies: dict[str, list[float]] = {name: [] for name in PRUNERS}
    for number in range(min(bench.rounds, MOST_ROUNDS)):
        for name, pruner in PRUNERS.items():
            contender, out = Contender(name, "papilio_searches"), str(bench.folder / f"{name}-{number}")
            race = grid | images | {"splits": splits.files, "out": out, "epochs": epochs}
            answer = run_contender(contender, "race", race | {"seed": number, "pruner": pruner})
            again = run_contender(contender, "again", images | {"study": out, "out": f"{out}-again", "seeds": seeds})
            searches[name].append(answer)
            accuracies[name].append(100 * statistics.fmean(again.facts["test_accuracies"]))
            bench.note_versions(PAPILIO, answer.facts["versions"])
            bench.say(f"halving, round {number + 1}: {name} {answer.seconds:.1f} s, {answer.facts['best']}")
    num_trials = searches[FULL][0].facts["trials"]
    title = f"halving: {num_trials} MLPs with two hidden layers, {splits}, {epochs} epochs"
    return _rows(title, searches, accuracies, num_seeds=len(seeds))


def _rows(
    benchmark: str, searches: dict[str, list[Answer]], accuracies: dict[str, list[float]], *, num_seeds: int
) -> list[Row]:
    seconds = {name: [answer.seconds for answer in given] for name, given in searches.items()}
    epochs = {name: [answer.facts["epochs"] for answer in given] for name, given in searches.items()}
    ratios = {FULL: paired_ratios(seconds[FULL], seconds[HALVING]), HALVING: ()}
    rows = [
        Row(benchmark, name, "seconds", seconds[name], ratios[name], _time_target(name), _note(searches[name]))
        for name in PRUNERS
    ]
    rows += [Row(benchmark, name, "epochs trained", epochs[name]) for name in PRUNERS]
    note = f"of the setting that won, trained again with {num_seeds} other seeds, outside the timing"
    rows += [Row(benchmark, name, "mean test accuracy, %", accuracies[name], note=note) for name in PRUNERS]
    lost = [full - halved for full, halved in zip(accuracies[FULL], accuracies[HALVING], strict=True)]
    note = "the full grid's mean test accuracy less halving's; the same images and seeds on both sides"
    return [
        *rows,
        Row(benchmark, HALVING, "points lost", lost, target=Target(median_below=MOST_POINTS_LOST), note=note),
    ]


def _time_target(name: str) -> Target | None:
    return Target(ratio_at_least=2.5) if name == FULL else None


def _note(answers: list[Answer]) -> str:
    winners = "; ".join(f"{answer.facts['best']} ({answer.facts['accuracy']:.4f})" for answer in answers)
    return f"from process to report; each round searched with another seed and chose, by validation accuracy: {winners}"
