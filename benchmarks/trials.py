"""What a trial costs beyond its training: thousands of trials that train next to nothing.

Papilio: (the process from its start to its end, report and all, less the seconds of training and validation that the runs
recorded, shared among the workers) / trials. Its peers are spared their start: Optuna's trials train nothing at all, and of
KerasTuner's search the seconds in `model.fit` are taken off, where TensorFlow compiles every trial's model anew.
"""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.peers import peers_python
from benchmarks.processes import Answer, Contender, run_contender
from benchmarks.sweep import MOST_ROUNDS
from benchmarks.tables import Row, Target, paired_ratios
from benchmarks.training import PAPILIO

KERAS_TUNER, OPTUNA = "KerasTuner", "Optuna"
SHARES = {"validation": 0.1, "test": 0.1}
NUM_IMAGES = 300  # 243 of them are trained on: one batch
TARGET = Target(median_below=20.0)
NOTES = {
    OPTUNA: "RandomSampler, journal file; an objective that trains and keeps nothing; without the imports",
    KERAS_TUNER: "RandomSearch, which keeps each trial's best weights; without the imports",
}


def trials(bench: Bench) -> list[Row]:
    """Milliseconds per trial, beyond training and in all."""
    many, few = bench.size(10_000, quick=60), bench.size(200, quick=5)
    folder = bench.images.save(bench.folder / "trials", NUM_IMAGES)
    job = {"images": str(folder), "shares": SHARES}
    peers = peers_python()
    contenders = {
        Contender(PAPILIO, "papilio_searches"): many,
        Contender(OPTUNA, "optuna_searches", peers): many,
        Contender(KERAS_TUNER, "keras_tuner_searches", peers): few,
    }
    answers: dict[str, list[Answer]] = {contender.name: [] for contender in contenders}
    reports: list[Answer] = []
    for number in range(min(bench.rounds, MOST_ROUNDS)):
        for contender, num in contenders.items():
            task = job | {"trials": num, "out": str(bench.folder / f"trials-{contender.name}-{number}")}
            answer = run_contender(contender, "trials", task)
            answers[contender.name].append(answer)
            bench.note_versions(contender.name, answer.facts["versions"])
            bench.say(f"trials, round {number + 1}: {contender.name} {beyond_training(answer):.2f} ms per trial")
            if contender.name == PAPILIO:
                reports.append(run_contender(contender, "report", task))
    return _rows(f"trials: {many:,} of one small step each; {few:,} with KerasTuner", answers, reports)


def beyond_training(answer: Answer) -> float:
    """Milliseconds per trial that are not training."""
    return 1000 * (_seconds(answer) - answer.facts["training_seconds"]) / answer.facts["trials"]


def in_all(answer: Answer) -> float:
    """Milliseconds per trial with its training."""
    return 1000 * _seconds(answer) / answer.facts["trials"]


def _seconds(answer: Answer) -> float:
    """What a contender measured itself, which spares it its start; of Papilio its process."""
    return answer.facts.get("seconds", answer.seconds)


def _rows(benchmark: str, answers: dict[str, list[Answer]], reports: list[Answer]) -> list[Row]:
    rows = []
    for quantity, value in (("ms per trial beyond training", beyond_training), ("ms per trial in all", in_all)):
        values = {name: [value(answer) for answer in given] for name, given in answers.items()}
        for name in answers:
            ratios = paired_ratios(values[name], values[PAPILIO]) if name != PAPILIO else ()
            is_main = value is beyond_training
            target = TARGET if is_main and name == PAPILIO else None
            note = (NOTES | {PAPILIO: _note(reports[-1])})[name] if is_main else ""
            rows.append(Row(benchmark, name, quantity, values[name], ratios, target, note))
    return rows


def _note(report: Answer) -> str:
    size, seconds = report.facts["bytes"], report.facts["seconds"]
    return f"with all that a study leaves; its report.html has {size / 1e6:.1f} MB and takes {seconds:.1f} s to make"
