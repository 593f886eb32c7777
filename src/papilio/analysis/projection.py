"""What a network's layers see, projected to two dimensions: PCA, t-SNE, UMAP; and how much of it the projections keep."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8

from papilio.analysis.latent_scale import stratified
from papilio.analysis.layer_names import layers_of
from papilio.analysis.neighbors import nearest, share_kept, value_error, vote_accuracy
from papilio.data.imageset import ImageSet
from papilio.data.parallel import available_cores
from papilio.engine import Arrays
from papilio.kinds.options import ProjectionOptions
from papilio.runs.run import Run

NEIGHBORS = 10
FEWEST = 12  # images: fewer have no neighborhoods
FEWEST_FOR_THREADS = 1500  # images
MOST_COMPONENTS = 50  # that t-SNE and UMAP see: what is beyond is mostly noise, and takes most of the time
MOST_THUMBNAILS, THUMBNAIL_SIDE, THUMBNAIL_PIXELS = 150, 1 / 18, 40  # side: as a share of the picture's


def project(run: Run, images: ImageSet, options: ProjectionOptions) -> Arrays:
    """Project what layers give for a sample of test images to two dimensions, and measure what is lost.

    Arrays over n images, l layers and m methods: `indices` int (n,), into the image set; `labels` (n,), classes or values;
    `layers`, `methods` text (l,), (m,); `shapes` text (l,), of a layer's output for one image; `dimensions` int (l,), numbers
    in it; `points` float32 (l, m, n, 2); `variance` float (l, 2), the shares of the first two principal components;
    `original` float (l,) and `projected` float (l, m), by the 10 nearest neighbors in all dimensions and in the projection:
    leave-one-out accuracy where images have classes, the mean error where they show a number on a circle, NaN where neither;
    `kept` float (l, m), the share of the 10 nearest neighbors that stay so; `trustworthiness` float (l, m), Venna & Kaski 2001,
    NaN where images show something; `perplexity` float, of t-SNE, at most (n - 1) / 3; `thumbnails` uint8 (t, channel, height,
    width) and `thumbnail_indices` int (t,), into the n images, that fit into the last method's picture of the last layer.

    Nothing where there are fewer than 12 images. Raises SettingError for a layer that does not exist.
    """
    layers = layers_of(run, options.layers)
    chosen = stratified(images, images.indices("test"), most=options.num, seed=options.seed)
    if len(chosen) < FEWEST:
        return {}
    pictures, labels = images.images[chosen], images.labels[chosen]
    perplexity = min(options.perplexity, (len(chosen) - 1) / 3)
    found = [
        _project_layer(run.layer(layer, pictures), labels, images, options, perplexity=perplexity)
        for layer in layers.values()
    ]
    points = np.stack([one["points"] for one in found])
    shown = spread(points[-1, -1], side=THUMBNAIL_SIDE, most=MOST_THUMBNAILS)
    stacked = {name: np.stack([one[name] for one in found]) for name in found[0] if name != "points"}
    return {
        "indices": chosen,
        "labels": labels,
        "layers": np.array(list(layers)),
        "methods": np.array(options.methods),
        "points": points,
        **stacked,
        "perplexity": np.array(perplexity),
        "thumbnails": smaller(pictures[shown]),
        "thumbnail_indices": shown,
    }


def spread(points: Float[np.ndarray, "n 2"], *, side: float, most: int) -> Int[np.ndarray, " t"]:
    """Indices of points at which squares do not overlap, `side` of the picture wide: greedily, in the points' order."""
    places = in_unit_square(points)
    kept: list[int] = []
    for index, place in enumerate(places):
        if len(kept) < most and (not kept or np.abs(places[kept] - place).max(axis=1).min() >= side):
            kept.append(index)
    return np.array(kept, dtype=np.int64)


def in_unit_square(points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
    """Moved and scaled, both axes alike, so that all lie in [0, 1], the shorter axis in the middle."""
    low, high = points.min(axis=0), points.max(axis=0)
    return (points - (low + high) / 2) / max(float((high - low).max()), 1e-12) + 0.5


def smaller(images: UInt8[np.ndarray, "t c h w"], *, side: int = THUMBNAIL_PIXELS) -> UInt8[np.ndarray, "t c h2 w2"]:
    """Images whose longer side has at most so many pixels: the mean of blocks of equal size."""
    block = -(-max(images.shape[2:]) // side)
    if block == 1:
        return images
    num, channel, height, width = images.shape
    rows, columns = max(height // block, 1), max(width // block, 1)
    cut = images[:, :, : rows * block, : columns * block]
    return cut.reshape(num, channel, rows, -1, columns, block).mean(axis=(3, 5)).round().astype(np.uint8)


def principal_components(
    features: Float[np.ndarray, "n d"], *, num: int, seed: int
) -> tuple[Float32[np.ndarray, "n k"], Float[np.ndarray, " k"]]:
    """The first principal components, and each one's share of the variance; k is at least 2, with zeros where there are fewer.

    Exact, or for many features by randomized subspace iteration (Halko, Martinsson and Tropp 2011), as scikit-learn does.
    """
    from sklearn.decomposition import PCA  # takes seconds to import

    k = min(num, *features.shape)
    solver = "randomized" if min(features.shape) > 500 and k < 0.8 * min(features.shape) else "full"
    if np.ptp(features, axis=0).max() == 0:  # a layer that gives the same for every image
        return np.zeros((len(features), 2), np.float32), np.zeros(2)
    pca = PCA(n_components=k, svd_solver=solver, random_state=seed)
    components = pca.fit_transform(features).astype(np.float32)
    missing = max(0, 2 - k)
    return np.pad(components, ((0, 0), (0, missing))), np.pad(pca.explained_variance_ratio_, (0, missing))


def tsne(
    features: Float[np.ndarray, "n d"], *, perplexity: float, seed: int, threads: int
) -> Float32[np.ndarray, "n 2"]:
    """t-SNE with the Barnes-Hut approximation (van der Maaten 2014), by openTSNE, from a start by PCA; the same for a seed."""
    from openTSNE import TSNE  # imported here: it takes a second or two

    method = TSNE(
        perplexity=perplexity,  # pyright: ignore[reportArgumentType] (its annotation forgets that it may be a fraction)
        neighbors="exact",
        negative_gradient_method="bh",
        initialization="pca",
        n_jobs=threads,
        random_state=seed,
    )
    return np.asarray(method.fit(features), dtype=np.float32)


class _Heard:
    """The file to which tqdm writes how far UMAP is, as two numbers."""

    def __init__(self, tell: Callable[[int, int], None]) -> None:
        self.tell = tell

    def write(self, text: str) -> None:
        if len(found := re.findall(r"\d+", text)) == 2:
            self.tell(int(found[0]), int(found[1]))

    def flush(self) -> None:
        """Nothing waits to be written."""


def umap(
    features: Float[np.ndarray, "n d"], *, seed: int, tell: Callable[[int, int], None] | None = None
) -> Float32[np.ndarray, "n 2"]:
    """UMAP (McInnes, Healy and Melville 2018), by umap-learn with its usual settings; the same for a seed.

    `tell` hears of how many epochs are done, of how many, once neighbors are found.
    """
    told = {"file": _Heard(tell), "bar_format": "{n} {total}", "disable": False} if tell else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it and what it imports warn of their own affairs
        from umap import UMAP

        method = UMAP(n_neighbors=min(15, len(features) - 1), random_state=seed, n_jobs=1, tqdm_kwds=told)
        return np.asarray(method.fit_transform(features), dtype=np.float32)


def _project_layer(
    given: np.ndarray, labels: np.ndarray, images: ImageSet, options: ProjectionOptions, *, perplexity: float
) -> dict[str, np.ndarray]:
    features = given.reshape(len(given), -1)
    components, shares = principal_components(features, num=MOST_COMPONENTS, seed=options.seed)
    seen = components if features.shape[1] > MOST_COMPONENTS else features
    is_constant = not shares.any()
    methods: dict[str, Callable[[], np.ndarray]] = {
        "pca": lambda: components[:, :2],
        "tsne": lambda: tsne(seen, perplexity=perplexity, seed=options.seed, threads=_num_threads(len(seen))),
        "umap": lambda: umap(seen, seed=options.seed),
    }
    points = [np.zeros_like(components[:, :2]) if is_constant else methods[name]() for name in options.methods]
    before = nearest(features, NEIGHBORS)
    after = [nearest(one, NEIGHBORS) for one in points]
    return {
        "points": np.stack(points).astype(np.float32),
        "shapes": np.array("×".join(map(str, given.shape[1:]))),
        "dimensions": np.array(features.shape[1]),
        "variance": shares[:2],
        "original": np.array(_score(before, labels, images)),
        "projected": np.array([_score(one, labels, images) for one in after]),
        "kept": np.array([share_kept(before, one) for one in after]),
        "trustworthiness": np.array([_trust(features, one, images) for one in points]),
    }


def _num_threads(num: int) -> int:
    """For so many points: on several threads few points take longer, much longer on a busy machine."""
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    most = int(allowed) if allowed.isdecimal() and int(allowed) else available_cores()
    return min(most, available_cores()) if num >= FEWEST_FOR_THREADS else 1


def _score(neighbors: np.ndarray, labels: np.ndarray, images: ImageSet) -> float:
    if images.quantity is not None:
        return value_error(neighbors, labels, period=images.quantity.period)
    return vote_accuracy(neighbors, labels) if images.class_names else float("nan")


def _trust(features: np.ndarray, points: np.ndarray, images: ImageSet) -> float:
    """Only where nothing else says how good a projection is: it takes a second or two."""
    from sklearn.manifold import trustworthiness

    most = (len(features) - 1) // 2  # more neighbors than that are not defined
    if images.facts.shows != "nothing" or most < 1:
        return float("nan")
    return float(trustworthiness(features, points, n_neighbors=min(NEIGHBORS, most)))
