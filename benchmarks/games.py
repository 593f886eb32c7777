"""Training throughput of a DCGAN: Papilio, the loop of PyTorch's tutorial, Lightning, in turns."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.machine import num_cores
from benchmarks.peers import peers_python
from benchmarks.processes import Contender
from benchmarks.tables import Row, Target, paired_ratios
from benchmarks.training import LIGHTNING, PAPILIO
from benchmarks.turns import Entry, take_turns, values

TARGET = Target(ratio_at_least=1.3)


def train_dcgan(bench: Bench) -> list[Row]:
    """Images per second in training a generator against a discriminator, a step of each per batch."""
    num_images, passes = bench.size(6400, quick=256), bench.size(2, quick=1)
    folder = bench.images.save(bench.folder / "dcgan", num_images)
    job = {"net": "dcgan", "images": str(folder), "passes": passes, "cores": num_cores()}
    contenders = [
        Contender(PAPILIO, "papilio_games"),
        Contender("PyTorch's tutorial", "tutorial_games"),
        Contender(LIGHTNING, "lightning_games", peers_python()),
    ]
    answers = take_turns(bench, "dcgan", [Entry(one) for one in contenders], job)
    rates = values(answers, "images_per_second")
    title = f"dcgan: generator and discriminator of width 64 for 28x28, Adam, batches of 128, float32; {num_images:,} images"
    return [
        Row(
            f"{title}, passes timed: {passes}",
            name,
            "images/s",
            rates[name],
            ratios=paired_ratios(rates[PAPILIO], rates[name]) if name != PAPILIO else (),
            target=TARGET if name != PAPILIO else None,
            note=f"mean image {answers[name][-1].facts['error']:.3f} off the real one, per pixel, afterwards",
        )
        for name in answers
    ]
