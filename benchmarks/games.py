"""Training throughput of a DCGAN: Papilio, the loop of PyTorch's tutorial, Lightning, in turns and in both precisions."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.machine import num_cores
from benchmarks.peers import peers_python
from benchmarks.processes import Contender
from benchmarks.tables import Row, Target
from benchmarks.training import LIGHTNING, PAPILIO, TUTORIAL, in_both_precisions, rows_beside
from benchmarks.turns import take_turns

TARGET = Target(ratio_at_least=1.3)
TITLE = "generator and discriminator of width 64 for 28x28, Adam, batches of 128"


def train_dcgan(bench: Bench) -> list[Row]:
    """Images per second in training a generator against a discriminator, a step of each per batch."""
    num_images, passes = bench.size(1280, quick=256), bench.size(2, quick=1)
    folder = bench.images.save(bench.folder / "dcgan", num_images)
    job = {"net": "dcgan", "images": str(folder), "passes": passes, "cores": num_cores()}
    contenders = [
        Contender(PAPILIO, "papilio_games"),
        Contender(TUTORIAL, "tutorial_games"),
        Contender(LIGHTNING, "lightning_games", peers_python()),
    ]
    answers = take_turns(bench, "dcgan", in_both_precisions(contenders), job)
    size = f"{num_images:,} images, passes timed: {passes}"
    note = "mean image {error:.3f} off the real one, per pixel, afterwards"
    return rows_beside("dcgan", f"{TITLE}; {size}", answers, TARGET, note)
