"""How much faster nets learn in bfloat16 (`train.precision`), where the machine has instructions for it."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.machine import num_cores
from benchmarks.processes import Contender, run_contender
from benchmarks.tables import Row, paired_ratios

PAPILIO = Contender("Papilio", "papilio_precision")
NETS = {"clock-best": "", "clock-targets": "sine and cosine"}
PRECISIONS = {"float32": None, "bfloat16": "bfloat16"}


def precision(bench: Bench) -> list[Row]:
    """Images per second of two bundled studies' nets; ratios are of bfloat16 to float32."""
    num, passes = bench.size(2560, quick=256), bench.size(3, quick=1)
    rows = []
    for study, trial in NETS.items():
        rates: dict[str, list[float]] = {name: [] for name in PRECISIONS}
        used = {}
        for _ in range(bench.rounds):
            for name, asked in PRECISIONS.items():
                job = {"study": study, "trial": trial, "precision": asked, "images": num, "passes": passes}
                facts = run_contender(PAPILIO, "train", job | {"cores": num_cores()}).facts
                bench.note_versions(PAPILIO.name, facts["versions"])
                rates[name].append(facts["images_per_second"])
                used[name] = facts["precision"]
                bench.say(f"precision  {study}  {name}  {rates[name][-1]:,.0f} images/s")
        title = f"precision: the net of {study}, batches of 128, all cores"
        rows += [
            Row(
                title,
                name,
                "images/s",
                taken,
                ratios=paired_ratios(taken, rates["float32"]) if name != "float32" else (),
                note="" if used[name] == name else f"this machine has none: {used[name]}",
            )
            for name, taken in rates.items()
        ]
    return rows
