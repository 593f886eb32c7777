"""Training throughput of R2's autoencoder and of R4's VAE: Papilio, pythae's trainer, Lightning, in turns.

pythae's trainer has a switch for mixed precision on GPUs only: it is measured in float32.
"""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.machine import num_cores
from benchmarks.peers import peers_python
from benchmarks.processes import Contender
from benchmarks.tables import Row, Target
from benchmarks.training import LIGHTNING, PAPILIO, in_both_precisions, rows_beside
from benchmarks.turns import take_turns

TARGET = Target(ratio_at_least=1.5)
TITLES = {
    "autoencoder": "convolutions 16, 32, 32, dense 32, 5 latents (R2), squared error",
    "vae": "784-512-256-2 and back (R4), cross entropy and KL",
}


def train_autoencoder(bench: Bench) -> list[Row]:
    """Images per second in training the autoencoder."""
    return _train(bench, "autoencoder")


def train_vae(bench: Bench) -> list[Row]:
    """Images per second in training the VAE."""
    return _train(bench, "vae")


def _train(bench: Bench, net: str) -> list[Row]:
    num_images, passes = bench.size(6400, quick=1280), bench.size(2, quick=1)
    folder = bench.images.save(bench.folder / net, num_images)
    job = {"net": net, "images": str(folder), "passes": passes, "cores": num_cores()}
    peers = peers_python()
    contenders = [
        Contender(PAPILIO, "papilio_latents"),
        Contender("pythae", "pythae_fit", peers),
        Contender(LIGHTNING, "lightning_latents", peers),
    ]
    answers = take_turns(bench, net, in_both_precisions(contenders), job)
    size = f"{num_images:,} images, passes timed: {passes}"
    note = "mean squared error {error:.4f} on training images afterwards"
    return rows_beside(net, f"{TITLES[net]}, Adam, batches of 128; {size}", answers, TARGET, note)
