"""The images that points are of: all of a run's set, or a sample of one that would have to be drawn first."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int, Int64

from papilio.analysis.latent_scale import stratified
from papilio.data.imageset import ImageSet
from papilio.data.pictures import resolve_size
from papilio.data.progress import Progress
from papilio.data.rendering.source import draw_some, numbers_of
from papilio.data.scaling import COLORS, convert_images
from papilio.data.splits import SPLITS, SplitName
from papilio.explorer.kept import Kept
from papilio.settings.run_settings import RunSettings
from papilio.studies.undrawn import numbered_images_of, waits_to_be_drawn

MOST_DRAWN = (
    5_000  # pictures, which take seconds to draw, and about a minute to read where each is looked at five times
)


@dataclass(frozen=True)
class PointImages:
    """Images by their numbers in a run's set.

    `images` are those that are here: all, or n of them, whose `numbers` in the whole set are int64 (n,), ascending. `total` is
    how many images the splits of the whole set have.
    """

    images: ImageSet
    total: int
    numbers: Int64[np.ndarray, " n"] | None = None

    @classmethod
    def whole(cls, images: ImageSet) -> PointImages:
        return cls(images, sum(len(images.indices(name)) for name in SPLITS))

    def numbers_of(self, rows: Int[np.ndarray, " m"]) -> Int64[np.ndarray, " m"]:
        """The numbers in the whole set of images by their places among those that are here."""
        return (rows if self.numbers is None else self.numbers[rows]).astype(np.int64)

    def rows_of(self, numbers: Int[np.ndarray, " m"]) -> Int[np.ndarray, " m"]:
        """The other way around."""
        return numbers if self.numbers is None else np.searchsorted(self.numbers, numbers)


def sampled(settings: RunSettings, fold: int | None, *, kept: Kept, progress: Progress) -> PointImages | None:
    """A stratified sample, with the run's own splits, of a set that Papilio draws and that is not in the cache.

    None of any other set, and of one without more pictures than a sample has. What was drawn is kept.
    """
    data = settings.data
    how = waits_to_be_drawn(data)
    if how is None or how.num <= MOST_DRAWN:
        return None
    images = numbered_images_of(data, how)
    if fold is not None and settings.folds is not None:
        images = images.fold(fold, of=settings.folds, seed=data.seed)
    every = np.sort(np.concatenate([images.indices(name) for name in SPLITS]))
    chosen = stratified(images, every, most=MOST_DRAWN)
    pixels = (kept.read("drawn") or {}).get("pixels")
    if pixels is None or len(pixels) != len(chosen):
        drawn = draw_some(str(data.name), how, numbers_of(images.images[chosen]), progress=progress)
        color = None if data.color is None else COLORS[data.color]
        pixels = convert_images(drawn, size=resolve_size(data.size), color=color)
        kept.write("drawn", {"pixels": pixels})
    return PointImages(_only(images, chosen, pixels), total=len(every), numbers=chosen.astype(np.int64))


def _only(images: ImageSet, chosen: np.ndarray, pixels: np.ndarray) -> ImageSet:
    """Some of a set's images, with their pixels."""

    def of(name: SplitName) -> np.ndarray:
        return np.flatnonzero(np.isin(chosen, images.indices(name))).astype(np.int64)

    factors = None if images.factors is None else {name: values[chosen] for name, values in images.factors.items()}
    return replace(
        images,
        images=pixels,
        labels=images.labels[chosen],
        factors=factors,
        train=of("train"),
        validation=of("validation"),
        test=of("test"),
    )
