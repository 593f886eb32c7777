"""Which coordinate of a latent space does what: how much each carries, changes in a picture, and tells of known factors."""

from __future__ import annotations

import numpy as np

from papilio.analysis.information import binned, entropy, gaps, information_matrix, rotated_gap
from papilio.analysis.latent_scale import latent_scale, stratified
from papilio.data.imageset import ImageSet
from papilio.engine import Arrays
from papilio.kinds.options import CoordinatesOptions
from papilio.runs.run import Run

MOST_DECODED = 2048  # images, for how much coordinates change
MOST_CHANGED = 32  # images that are changed
STEPS = np.linspace(-2, 2, 5)


def coordinates(run: Run, images: ImageSet, options: CoordinatesOptions) -> Arrays:
    """Rank the coordinates of a run's latents, and compare them with what is known of the images.

    Arrays over l latents, f factors, and r of the latents that are shown: `num` images; `order` int (l,), the coordinate that
    carries most first: by `kl` where there is a posterior, else by `change`, else by spread. `kl` float64 (l,), nats per image;
    `change` float64 (l,), see `change_around`, over `num_changed` images; `moved` uint8 (r, s, channel, height, width), of one
    test image, with the coordinate at `steps` (s,) standard deviations. Where there are factors, or classes, which then are
    one: `factors` text (f,), `entropies` (f,) and `information` (l, f) in nats, `floor` (f,), the mean information of
    coordinates that are shuffled; `gaps` (f,), and `rotated`, the mean gap after random rotations.

    Empty where the run does not encode. Raises DataError for images that the run does not take.
    """
    if "encode" not in run.kind.offers:
        return {}
    chosen = stratified(images, images.test, most=options.num, seed=options.seed)
    latents = run.encode(images.images[chosen]).astype(np.float64)
    mean, deviation = latent_scale(run, images)
    arrays: dict[str, np.ndarray] = {"num": np.array(len(chosen))}
    rank = latents.std(axis=0)
    if "decode" in run.kind.offers:
        num = int(np.clip(MOST_DECODED // (2 * latents.shape[1]), 1, MOST_CHANGED))
        changed = latents[:: -(-len(latents) // num)]
        rank = change_around(run, changed, deviation)
        arrays |= {"change": rank, "num_changed": np.array(len(changed))}
    if "posterior" in run.kind.offers:
        rank = posterior_kl(*run.posterior(images.images[chosen])).mean(axis=0)
        arrays["kl"] = rank
    arrays["order"] = np.argsort(-rank, kind="stable")
    if "decode" in run.kind.offers:
        shown = arrays["order"][: options.rows]
        arrays |= {"steps": STEPS, "moved": moved_pictures(run, latents[0], shown, mean=mean, deviation=deviation)}
    scaled = latents / np.where(deviation > 0, deviation, 1)
    return arrays | gaps_of_factors(scaled, known_factors(images, chosen), seed=options.seed)


def known_factors(images: ImageSet, chosen: np.ndarray) -> dict[str, np.ndarray]:
    """What is known of images: their factors, else their class or value as the one factor, else nothing."""
    if images.factors:
        return {name: values[chosen] for name, values in images.factors.items()}
    shows = images.facts.shows
    return {} if shows == "nothing" else {"class" if shows == "class" else "value": images.labels[chosen]}


def posterior_kl(mean: np.ndarray, log_variance: np.ndarray) -> np.ndarray:
    """KL(N(mean, variance) || N(0, 1)) of each coordinate of each image, in nats: float64 (num, latents).

    Source: Kingma & Welling 2014, "Auto-encoding variational Bayes", appendix B.
    """
    mean, log_variance = mean.astype(np.float64), log_variance.astype(np.float64)
    return 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1)


def change_around(run: Run, latents: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """The mean absolute difference of pixels, from 0 to 1, between a coordinate one deviation below and one above where it is.

    Averaged over the images that the latents (num, latents) are of: float64 (latents,). A walk, which leads through the whole
    of latent space, chooses its rows by what changes farther out: papilio.analysis.walk.picture_change.
    """
    changes = np.zeros(latents.shape[1])
    for index, step in enumerate(np.diag(deviation)):
        above, below = (run.decode((latents + sign * step).astype(np.float32)).astype(np.float32) for sign in (1, -1))
        changes[index] = np.abs(above - below).mean() / 255
    return changes


def moved_pictures(
    run: Run, latent: np.ndarray, shown: np.ndarray, *, mean: np.ndarray, deviation: np.ndarray
) -> np.ndarray:
    """Pictures of a latent, each of the shown coordinates in turn at STEPS deviations: uint8 (rows, steps, ...)."""
    moved = np.tile(latent, (len(shown), len(STEPS), 1))
    for row, coordinate in enumerate(shown):
        moved[row, :, coordinate] = mean[coordinate] + STEPS * deviation[coordinate]
    pictures = run.decode(moved.reshape(-1, len(latent)).astype(np.float32))
    return pictures.reshape(len(shown), len(STEPS), *pictures.shape[1:])


def gaps_of_factors(latents: np.ndarray, factors: dict[str, np.ndarray], *, seed: int) -> dict[str, np.ndarray]:
    """What `coordinates` tells of known factors, of latents (num, latents) in units of their spread; empty without factors."""
    if not factors:
        return {}
    codes = np.stack([binned(values) for values in factors.values()], axis=1)
    entropies = np.array([entropy(column) for column in codes.T])
    information = information_matrix(latents, codes)
    shuffled = codes[np.random.default_rng(seed).permutation(len(codes))]
    return {
        "factors": np.array(list(factors)),
        "entropies": entropies,
        "information": information,
        "floor": information_matrix(latents, shuffled).mean(axis=0),
        "gaps": gaps(information, entropies),
        "rotated": np.array(rotated_gap(latents, codes, seed=seed)),
    }
