"""What each coordinate of a latent space does: what sliders are ordered by, and what stands next to them."""

from __future__ import annotations

from typing import Any

import numpy as np

from papilio.analysis.coordinates import change_around, known_factors, posterior_kl
from papilio.analysis.information import binned, information_matrix
from papilio.data.progress import Progress
from papilio.engine import Arrays
from papilio.explorer.cloud import Cloud
from papilio.explorer.images import PointImages
from papilio.runs.run import Run

MOST_DECODED = 2048  # images, for how much coordinates change
MOST_CHANGED = 16  # images that are changed
MOST_MEASURED = 5_000  # images by which coordinates are compared with factors
TWICE = 2  # times what shuffled factors give, from which on a coordinate goes with one


def make_guide(run: Run, source: PointImages | None, cloud: Cloud, progress: Progress) -> Arrays:
    """Arrays of l latents and f known factors, all that are known of the images, or else their class.

    `change` float64 (l,), and where there is a posterior `kl` (l,), in nats, as in papilio.analysis.coordinates; `factors` text
    (f,), and `information` float64 (l, f), what a coordinate tells of a factor in nats, 0 where it is no more than chance.
    Without dimensions `conditional`, how many classes the decoder is told of. `progress` is told what is done.
    """
    assert cloud.latents is not None
    assert cloud.deviation is not None
    some = np.linspace(0, len(cloud) - 1, min(len(cloud), MOST_MEASURED)).astype(np.int64)
    num = int(np.clip(MOST_DECODED // (2 * cloud.latents.shape[1]), 1, MOST_CHANGED))
    changed = cloud.latents[some[:: -(-len(some) // num)]].astype(np.float64)
    progress(0, 0, "measuring what each coordinate does")
    arrays: dict[str, np.ndarray] = {
        "change": change_around(run, changed, cloud.deviation),
        "conditional": np.array(run.conditional_classes),
    }
    if source is None:
        return arrays
    rows = source.rows_of(cloud.indices[some])
    if "posterior" in run.kind.offers:
        arrays["kl"] = posterior_kl(*run.posterior(source.images.images[rows])).mean(axis=0)
    if factors := known_factors(source.images, rows):
        codes = np.stack([binned(values) for values in factors.values()], axis=1)
        latents = cloud.latents[some].astype(np.float64)
        shuffled = codes[np.random.default_rng(0).permutation(len(codes))]
        told, chance = information_matrix(latents, codes), information_matrix(latents, shuffled)
        arrays |= {"factors": np.array(list(factors)), "information": np.where(told > TWICE * chance, told, 0)}
    return arrays


def in_order(guide: Arrays) -> list[dict[str, Any]]:
    """The coordinates as plain facts, the one that does most first: by KL, or by change in the picture."""
    change, kl = guide["change"], guide.get("kl")
    told, names = guide.get("information"), guide.get("factors", np.array([], str)).tolist()

    def known_of(index: int) -> dict[str, Any]:
        best = None if told is None or not told[index].any() else int(told[index].argmax())
        return {
            "index": index,
            "kl": None if kl is None else float(kl[index]),
            "change": float(change[index]),
            "factor": None if best is None else names[best].replace("_", " "),
            "information": None if best is None or told is None else float(told[index, best]),
        }

    return [known_of(int(index)) for index in np.argsort(-(change if kl is None else kl), kind="stable")]
