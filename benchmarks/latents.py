"""Training throughput of R2's autoencoder and of R4's VAE: Papilio, pythae's trainer, Lightning, in turns."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.machine import num_cores
from benchmarks.peers import peers_python
from benchmarks.processes import Answer, Contender, run_contender
from benchmarks.tables import Row, Target, paired_ratios

PAPILIO = "Papilio"
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
    num_images, passes = bench.size(60_000, quick=2560), bench.size(2, quick=1)
    folder = bench.images.save(bench.folder / net, num_images)
    job = {"net": net, "images": str(folder), "passes": passes, "cores": num_cores()}
    peers = peers_python()
    contenders = [
        Contender(PAPILIO, "papilio_latents"),
        Contender("pythae", "pythae_fit", peers),
        Contender("Lightning", "lightning_latents", peers),
    ]
    answers: dict[str, list[Answer]] = {contender.name: [] for contender in contenders}
    for number in range(bench.rounds):
        for contender in contenders:
            answer = run_contender(contender, "train", job)
            answers[contender.name].append(answer)
            bench.note_versions(contender.name, answer.facts["versions"])
            rate = answer.facts["images_per_second"]
            bench.say(f"{net}, round {number + 1} of {bench.rounds}: {contender.name} {rate:,.0f} images/s")
    counts = {name: given[0].facts["parameters"] for name, given in answers.items()}
    if len(set(counts.values())) > 1:
        raise AssertionError(f"these are different nets, by their parameters: {counts}")
    rates = {name: [answer.facts["images_per_second"] for answer in given] for name, given in answers.items()}
    title = f"{net}: {TITLES[net]}, Adam, batches of 128, float32; {num_images:,} images, passes timed: {passes}"
    return [
        Row(
            title,
            name,
            "images/s",
            rates[name],
            ratios=paired_ratios(rates[PAPILIO], rates[name]) if name != PAPILIO else (),
            target=TARGET if name != PAPILIO else None,
            note=f"mean squared error {answers[name][-1].facts['error']:.4f} on training images afterwards",
        )
        for name in answers
    ]
