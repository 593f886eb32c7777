"""The points of a run's map: its images, where they lie in the spaces that its nets make, and what is known of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Float32, Int, Int32, Int64, UInt8

from papilio.analysis.coordinates import posterior_kl
from papilio.analysis.features import features_of
from papilio.analysis.latent_scale import has_prior, stratified
from papilio.analysis.projection import MOST_COMPONENTS
from papilio.data.imageset import ImageSet
from papilio.data.progress import Progress
from papilio.data.quantities import circular_difference
from papilio.data.splits import SPLITS
from papilio.engine import EVALUATION_BATCH
from papilio.errors import RunError
from papilio.explorer.images import PointImages
from papilio.models.description import LayerRow
from papilio.models.layer_names import INPUT, LATENTS, OUTPUT, named_layers
from papilio.runs.run import Run

MOST_POINTS = 100_000
MOST_NUMBERS = 2**23  # in all points' latents: what the page holds
MOST_SAMPLES = 5_000  # of a generator, which has no images of its own on the map
MOST_FOR_PCA = 10_000  # points from which the components of a wide layer are computed
UNKNOWN = -1  # the label of an image without one
NOT_LOOKED_AT = ("encoder.latents", "decoder.")  # layers that are the latents, or come behind them
FEATURES, PIXELS = "features", "pixels"  # spaces of generated images


@dataclass(frozen=True)
class Space:
    """Where points lie: n rows of at most 50 numbers, which are all of a space's, or its first principal components.

    `center` and `directions` are what a new point of the space takes to join them.
    """

    features: Float32[np.ndarray, "n k"]
    dimensions: int
    center: Float32[np.ndarray, " d"] | None = None
    directions: Float32[np.ndarray, "k d"] | None = None

    def place(self, points: Float[np.ndarray, "m d"]) -> Float32[np.ndarray, "m k"]:
        """Where new points of the space lie among its features."""
        flat = points.reshape(len(points), -1)
        if self.directions is None or self.center is None:
            return flat.astype(np.float32)
        return ((flat - self.center) @ self.directions.T).astype(np.float32)


@dataclass(frozen=True)
class Cloud:
    """n points. `indices` are of the images in their set; of a generator, which has none, numbers of its samples.

    `total` is how many images the splits of the set have: more than n where the points are a sample. `latents` (n, l) is None
    for a run without. `values` are numbers to color points by, NaN where unknown; `predicted` classes
    of a classifier. `mean` and `deviation` (l,) are the unit in which one moves along a latent's coordinates.
    """

    indices: Int64[np.ndarray, " n"]
    splits: UInt8[np.ndarray, " n"]
    labels: Int32[np.ndarray, " n"]
    total: int
    latents: Float32[np.ndarray, "n l"] | None = None
    values: dict[str, Float32[np.ndarray, " n"]] = field(default_factory=dict)
    predicted: Int32[np.ndarray, " n"] | None = None
    mean: Float32[np.ndarray, " l"] | None = None
    deviation: Float32[np.ndarray, " l"] | None = None

    def __len__(self) -> int:
        return len(self.indices)

    def joined(self, other: Cloud) -> Cloud:
        """The points of both, those of `other` the last; what `other` does not know of its points is NaN or unknown."""
        num = len(other)

        def both(one: np.ndarray | None, more: np.ndarray | None, unknown: float = 0) -> np.ndarray | None:
            if one is None:
                return None
            rest = np.full((num, *one.shape[1:]), unknown, one.dtype) if more is None else more
            return np.concatenate([one, rest.astype(one.dtype)])

        values = {name: both(numbers, other.values.get(name), math.nan) for name, numbers in self.values.items()}
        return replace(
            self,
            indices=np.concatenate([self.indices, other.indices]),
            splits=np.concatenate([self.splits, other.splits]),
            labels=np.concatenate([self.labels, other.labels]),
            latents=both(self.latents, other.latents),
            values={name: numbers for name, numbers in values.items() if numbers is not None},
            predicted=both(self.predicted, other.predicted, UNKNOWN),
        )


def make_cloud(run: Run, source: PointImages | None, *, judge: Run | None, progress: Progress) -> Cloud:
    """The points of a run on its image set: all images, or a stratified sample where they would be too many for a page.

    A run that generates but does not encode has samples of its prior, and their classes by `judge`, a classifier, if there is
    one. `progress` is told how many are done.
    """
    if source is None:
        return _sampled_cloud(run, judge, progress)
    images = source.images
    chosen = _chosen(images, numbers=run.latents if "encode" in run.kind.offers else 0)
    known = Cloud(
        indices=source.numbers_of(chosen),
        splits=_splits_of(images, chosen),
        labels=images.labels[chosen].astype(np.int32) if images.class_names else _unknown(len(chosen)),
        total=source.total,
    )
    found = _looked_at(run, images.labels[chosen], known, Batches(images.images, chosen, progress=progress))
    factors = {name: values[chosen].astype(np.float32) for name, values in (images.factors or {}).items()}
    return replace(found, values=found.values | factors)


def cloud_of_pictures(run: Run, images: UInt8[np.ndarray, "m c h w"], *, split: int) -> Cloud:
    """Pictures that belong to no set, uint8 (num, channel, height, width), as points: what they show is not known."""
    numbers = np.arange(len(images), dtype=np.int64)
    known = Cloud(numbers, np.full(len(images), split, np.uint8), _unknown(len(images)), total=len(images))
    batches = Batches(images, numbers, progress=lambda done, total, what: None)
    return _looked_at(run, np.full(len(images), math.nan), known, batches)


@dataclass(frozen=True)
class Batches:
    """Images of a set, some at a time, with a word of how far it is."""

    images: np.ndarray
    chosen: np.ndarray
    progress: Progress
    what: str = "encoding images"

    def __iter__(self) -> Iterator[np.ndarray]:
        for start in range(0, len(self.chosen), EVALUATION_BATCH):
            yield self.images[self.chosen[start : start + EVALUATION_BATCH]]
            self.progress(min(start + EVALUATION_BATCH, len(self.chosen)), len(self.chosen), self.what)


def is_generator(run: Run) -> bool:
    """Whether a run's points are its own samples: it makes images and takes none."""
    return "decode" in run.kind.offers and "encode" not in run.kind.offers


def space_names(offers: Collection[str], layers: Sequence[LayerRow], *, has_judge: bool) -> list[str]:
    """The spaces of a run that offers so much and has such layers; the one that is shown first is the first."""
    if "decode" in offers and "encode" not in offers:
        return [LATENTS, FEATURES if has_judge else PIXELS]  # in the latents something is decoded at the pointer
    named = named_layers(layers)
    if "encode" in offers:
        return [LATENTS, *(name for name, layer in named.items() if not layer.startswith(NOT_LOOKED_AT))]
    return [*reversed(named), OUTPUT, INPUT]


def make_space(
    run: Run,
    source: PointImages | None,
    cloud: Cloud,
    name: str,
    *,
    judge: Run | None,
    progress: Progress,
    lock: AbstractContextManager[object] | None = None,
) -> Space:
    """Where a cloud's points lie in one of `space_names`; of more than 50 numbers their principal components.

    `lock` is held while the run looks at some images: others may use it, too. Raises RunError for what are no finite numbers.
    """
    if name == LATENTS and cloud.latents is not None:
        return _narrowed(cloud.latents, keep=cloud.latents.shape[1] <= MOST_COMPONENTS)
    if is_generator(run):
        made: Iterator[np.ndarray] = generated(
            run, cloud, progress=progress, what=f"reading {name} of samples", lock=lock
        )
    else:
        assert source is not None
        rows = source.rows_of(cloud.indices)
        made = iter(Batches(source.images.images, rows, progress=progress, what=f"reading {name} of images"))

    def output(pictures: np.ndarray) -> np.ndarray:
        with lock or nullcontext():
            found = layer_output(run, pictures, name, judge=judge)
        return _finite(found, run, what=f"the outputs of {name}")

    return _space_of(output, made)


def layer_output(run: Run, pictures: np.ndarray, name: str, *, judge: Run | None) -> np.ndarray:
    """What a space has of uint8 images: float32 (num, d)."""
    if name == FEATURES and judge is not None:
        return features_of(judge, pictures)
    given = pictures.astype(np.float32) / 255 if name == PIXELS else run.layer(name, pictures)
    return given.reshape(len(pictures), -1)


def generated(
    run: Run, cloud: Cloud, *, progress: Progress, what: str, lock: AbstractContextManager[object] | None = None
) -> Iterator[np.ndarray]:
    """A generator's samples, uint8 (batch, channel, height, width), some at a time."""
    assert cloud.latents is not None
    for start in range(0, len(cloud), EVALUATION_BATCH):
        part = slice(start, start + EVALUATION_BATCH)
        with lock or nullcontext():
            made = decoded(run, cloud.latents[part], cloud.indices[part])
        yield made
        progress(min(start + EVALUATION_BATCH, len(cloud)), len(cloud), what)


def decoded(run: Run, latents: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Samples by their latents and numbers; those of a conditional run take turns over its classes."""
    classes = run.conditional_classes
    return run.decode(latents, labels=numbers % classes) if classes else run.decode(latents)


def _chosen(images: ImageSet, *, numbers: int) -> np.ndarray:
    most = min(MOST_POINTS, MOST_NUMBERS // max(1, numbers))
    every = np.sort(np.concatenate([images.indices(name) for name in SPLITS]))
    return stratified(images, every, most=most).astype(np.int64)


def _splits_of(images: ImageSet, chosen: np.ndarray) -> np.ndarray:
    splits = np.zeros(len(images.images), np.uint8)
    for number, name in enumerate(SPLITS):
        splits[images.indices(name)] = number
    return splits[chosen]


def _unknown(num: int) -> np.ndarray:
    return np.full(num, UNKNOWN, np.int32)


def _looked_at(run: Run, true: np.ndarray, known: Cloud, batches: Batches) -> Cloud:
    """What a run says of images; `true` are the numbers that they show, where they show some."""
    if "encode" in run.kind.offers:
        return _encoded(run, known, batches)
    if "probabilities" in run.kind.offers:
        return _classified(run, known, batches)
    return _read(run, true, known, batches) if "read" in run.kind.offers else known


def _encoded(run: Run, known: Cloud, batches: Batches) -> Cloud:
    latents, errors, kls = [], [], []
    for pictures in batches:
        if "posterior" in run.kind.offers:
            mean, log_variance = run.posterior(pictures)
            kls.append(posterior_kl(mean, log_variance).sum(axis=1))
            latents.append(mean.astype(np.float32))
        else:
            latents.append(run.encode(pictures).reshape(len(pictures), -1))
        _finite(latents[-1], run, what="the latents")
        if "decode" in run.kind.offers:
            back = run.decode(latents[-1], **_first_class(run)).astype(np.float32)
            errors.append(((back - pictures) ** 2).mean(axis=(1, 2, 3)) / 255**2)
    every = np.concatenate(latents)
    mean, deviation = np.zeros(every.shape[1], np.float32), np.ones(every.shape[1], np.float32)
    if not has_prior(run):
        mean, deviation = every.mean(axis=0), every.std(axis=0)
    values = {"error": errors, "kl": kls}
    return replace(
        known,
        latents=every,
        values={name: np.concatenate(parts).astype(np.float32) for name, parts in values.items() if parts},
        mean=mean,
        deviation=deviation,
    )


def _finite(found: np.ndarray, run: Run, *, what: str) -> np.ndarray:
    if not np.isfinite(found).all():
        raise RunError(f"{run.folder}: {what} are not finite numbers, so there is no map; train the run again")
    return found


def _first_class(run: Run) -> dict[str, int]:
    return {"labels": 0} if run.conditional_classes else {}


def _classified(run: Run, known: Cloud, batches: Batches) -> Cloud:
    given = [run.probabilities(pictures) for pictures in batches]
    predicted = np.concatenate([one.argmax(axis=1) for one in given]).astype(np.int32)
    sure = np.concatenate([one.max(axis=1) for one in given]).astype(np.float32)
    return replace(known, values={"confidence": sure}, predicted=predicted)


def _read(run: Run, true: np.ndarray, known: Cloud, batches: Batches) -> Cloud:
    assert run.quantity is not None
    given = [run.read(pictures) for pictures in batches]
    read = np.concatenate([values for values, _ in given])
    sure = np.concatenate([confidence for _, confidence in given])
    apart = np.abs(circular_difference(read, true, run.quantity.period))
    values = {"value": true, "read": read, "error": apart, "confidence": sure}
    return replace(known, values={name: one.astype(np.float32) for name, one in values.items()})


def _sampled_cloud(run: Run, judge: Run | None, progress: Progress) -> Cloud:
    num = min(MOST_SAMPLES, MOST_NUMBERS // run.latents)
    latents = np.random.default_rng(0).standard_normal((num, run.latents)).astype(np.float32)
    numbers = np.arange(num, dtype=np.int64)
    known = Cloud(numbers, np.zeros(num, np.uint8), _unknown(num), total=num, latents=latents)
    labels, values = known.labels, {}
    if judge is not None:
        given = [judge.probabilities(one) for one in generated(run, known, progress=progress, what="generating images")]
        labels = np.concatenate([one.argmax(axis=1) for one in given]).astype(np.int32)
        values = {"confidence": np.concatenate([one.max(axis=1) for one in given]).astype(np.float32)}
    if run.conditional_classes:
        labels = (numbers % run.conditional_classes).astype(np.int32)
    mean, deviation = np.zeros(run.latents, np.float32), np.ones(run.latents, np.float32)
    return replace(known, labels=labels, values=values, mean=mean, deviation=deviation)


def _narrowed(features: np.ndarray, *, keep: bool) -> Space:
    return Space(features, features.shape[1]) if keep else _components(features, iter([features]))


def _space_of(give: Callable[[np.ndarray], np.ndarray], batches: Iterator[np.ndarray]) -> Space:
    """Of wide layers only so many images are held at full width as the components are computed from."""
    held: list[np.ndarray] = []
    for pictures in batches:
        held.append(give(pictures))
        if held[0].shape[1] > MOST_COMPONENTS and len(held) * EVALUATION_BATCH >= _most_held(held[0].shape[1]):
            break
    first = np.concatenate(held)
    if first.shape[1] <= MOST_COMPONENTS:
        return Space(first.astype(np.float32), first.shape[1])

    def every() -> Iterator[np.ndarray]:
        yield first
        yield from map(give, batches)

    return _components(first, every())


def _most_held(width: int) -> int:
    return max(2 * EVALUATION_BATCH, min(MOST_FOR_PCA, 2**27 // (4 * width)))  # 128 MiB


def _components(known: np.ndarray, batches: Iterator[np.ndarray]) -> Space:
    from sklearn.decomposition import PCA  # takes seconds to import

    step = math.ceil(len(known) / MOST_FOR_PCA)
    num = min(MOST_COMPONENTS, len(known[::step]), known.shape[1])
    center, directions = known[0].astype(np.float32), np.eye(1, known.shape[1], dtype=np.float32)
    if len(known) > 1:  # a single point has no components
        pca = PCA(n_components=num, svd_solver="randomized", random_state=0).fit(known[::step])
        center, directions = (np.asarray(one, dtype=np.float32) for one in (pca.mean_, pca.components_))
    space = Space(np.empty((0, num), np.float32), known.shape[1], center, directions)
    placed = np.concatenate([space.place(one) for one in batches])
    return Space(placed, space.dimensions, space.center, space.directions)


def nearest_mean(
    places: Float[np.ndarray, "m k"],
    features: Float[np.ndarray, "n k"],
    positions: Float[np.ndarray, "n 2"],
    num: int = 5,
) -> Float32[np.ndarray, "m 2"]:
    """On the map, the mean of the nearest points' positions: where a picture goes that a map was not computed with."""
    found = np.empty((len(places), 2), np.float32)
    for row, place in enumerate(places):
        apart = ((features - place) ** 2).sum(axis=1)
        near: Int[np.ndarray, " num"] = np.argpartition(apart, min(num, len(apart) - 1))[:num]
        weights = 1 / (np.sqrt(apart[near]) + 1e-6)
        found[row] = (positions[near] * weights[:, None]).sum(axis=0) / weights.sum()
    return found
