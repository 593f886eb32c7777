"""An image set: uint8 images, what they show (a class, a number on a circle, or nothing that is known), and three splits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from papilio.data.factors import Factors, refuse_bad_factors
from papilio.data.facts import ImageFacts
from papilio.data.quantities import Quantity
from papilio.data.splits import SPLITS, SplitName, draw_folds, draw_number, draw_share
from papilio.data.thumbnails import thumbnails
from papilio.errors import DataError, SettingError, agreed, did_you_mean
from papilio.snippets import box, line, table

MOST_EXAMPLES = 10  # that a notebook shows
MOST_NAMED = 20  # classes


@dataclass(frozen=True)
class RawImages:
    """What a reader returns: images and labels, and the splits that the set came with, if it came with any.

    `images` is uint8 (num, channel, height, width), `labels` int64 (num,) of classes, or float64 (num,) values of
    `quantity`; a set without labels has neither class names nor a quantity, and all its `labels` are 0. `given` holds
    sorted indices for some of 'train', 'validation' and 'test', or nothing. `factors` are as in an ImageSet. `skipped` are
    pictures that cannot be read and were left out, with the reasons; a note tells of them, too.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    origin: str
    given: Mapping[SplitName, np.ndarray]
    notes: tuple[str, ...] = ()
    quantity: Quantity | None = None
    factors: Factors | None = None
    skipped: Mapping[str, str] = field(default_factory=dict)

    @property
    def strata(self) -> np.ndarray:
        """What splits are stratified by, int64 (num,)."""
        return self.labels if self.quantity is None else self.quantity.strata(self.labels)

    def without_labels(self) -> RawImages:
        """The same images and given splits, with neither classes nor values."""
        return replace(self, labels=no_labels(len(self.images)), class_names=(), quantity=None)


@dataclass(frozen=True)
class ImageSet:
    """Images, labels and splits, as every part of Papilio takes them.

    `images` is uint8 (num, channel, height, width) and may be a read-only memory map; `labels` is int64 (num,), the
    class of each, or, where there is a `quantity`, float64 (num,), the value of each, and there are no class names.
    A set without labels has neither, and all its `labels` are 0: its `facts.shows` is "nothing", and it is split at random.
    `train`, `validation` and `test` are sorted int64 indices into both, and share no index. `origin` says in one line
    where the images came from; `notes` is what a reader of results must know. `factors` are numbers that are known of each
    image, by name, each (num,): nothing is trained on them, and they are no part of the checksum. Raises DataError where
    these disagree.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    origin: str
    notes: tuple[str, ...] = ()
    quantity: Quantity | None = None
    factors: Factors | None = None

    def __post_init__(self) -> None:
        _refuse_bad_arrays(self)
        _refuse_bad_splits(self)
        if self.factors is not None:
            refuse_bad_factors(self.factors, num=len(self.images), where=self.name)

    def __repr__(self) -> str:
        splits = ", ".join(f"{len(self.indices(name)):,} {name}" for name in SPLITS)
        return f"<ImageSet {self.name!r}: {len(self.images):,} images {_shape(self)}, {_shown(self)}; {splits}>"

    def _repr_html_(self) -> str:
        facts = [
            ("images", f"{len(self.images):,}, {_shape(self)}"),
            ("labels", _shown(self) if self.facts.shows != "nothing" else "none"),
        ]
        facts += [(name, f"{len(self.indices(name)):,}") for name in SPLITS] + [("origin", self.origin)]
        names = ", ".join(self.class_names[:MOST_NAMED]) + (", ..." if self.num_classes > MOST_NAMED else "")
        examples = _examples(self)
        pictures = thumbnails(self.images[examples], [_label(self, one) for one in examples])
        return box(self.name, table([], facts), *([line(names)] if names else []), *pictures, *map(line, self.notes))

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def facts(self) -> ImageFacts:
        """What a plan or a network may know of the set."""
        return ImageFacts(self.image_shape, self.class_names, self.quantity)

    @property
    def strata(self) -> np.ndarray:
        """What splits, folds and shares are stratified by, int64 (num,)."""
        return self.labels if self.quantity is None else self.quantity.strata(self.labels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channel, height, width)."""
        _, channel, height, width = self.images.shape
        return channel, height, width

    def indices(self, name: SplitName) -> np.ndarray:
        """The indices of one split. Raises SettingError for an unknown name."""
        splits = {"train": self.train, "validation": self.validation, "test": self.test}
        if name not in splits:
            raise SettingError(f"{name} is not a split; {did_you_mean(name, splits)}")
        return splits[name]

    def split(self, name: SplitName) -> tuple[np.ndarray, np.ndarray | None]:
        """Images and labels of one split, copied out of the set; of a set without labels None in their place.

        Raises SettingError for an unknown name.
        """
        chosen = self.indices(name)
        return self.images[chosen], None if self.facts.shows == "nothing" else self.labels[chosen]

    def fold(self, number: int, *, of: int, seed: int) -> ImageSet:
        """The set with other splits: fold `number` (from 1) of its training and validation images validates, the rest trains.

        Test images stay what they are. Folds are stratified where there are labels, and with the same seed the same. Raises
        SettingError for a number that is not one of the folds.
        """
        if not 1 <= number <= of:
            raise SettingError(f"fold {number}: allowed are 1 to {of}")
        known = np.sort(np.concatenate([self.train, self.validation]))
        validation = draw_folds(self.strata, known, num=of, seed=seed)[number - 1]
        how = "drawn" if self.facts.shows == "nothing" else "stratified, drawn"
        note = f"fold {number} of {of}, {how} with seed {seed} from training and validation images"
        train = np.setdiff1d(known, validation, assume_unique=True)
        return replace(self, train=train, validation=validation, notes=(*self.notes, note))

    def fraction(self, share: float, seed: int = 0) -> ImageSet:
        """A stratified share of every split, with at least one image of each class that a split has.

        Without labels it is a share of at least one image. The set that is returned holds only the chosen images. With
        the same seed a smaller share lies inside a larger one. Raises SettingError for a share outside (0, 1].
        """
        if not 0.0 < share <= 1.0:
            raise SettingError(f"fraction = {share}: must be above 0 and at most 1")
        if share == 1.0:
            return self
        rng, strata = np.random.default_rng(seed), self.strata
        chosen = {name: draw_share(strata, self.indices(name), share=share, rng=rng) for name in SPLITS}
        kept = np.sort(np.concatenate(list(chosen.values())))
        what = "a share" if self.facts.shows == "nothing" else "a stratified share"
        return replace(
            self,
            images=self.images[kept],
            labels=self.labels[kept],
            factors=None if self.factors is None else {name: values[kept] for name, values in self.factors.items()},
            train=np.searchsorted(kept, chosen["train"]),
            validation=np.searchsorted(kept, chosen["validation"]),
            test=np.searchsorted(kept, chosen["test"]),
            notes=(*self.notes, f"{what} of {share:g} of every split, drawn with seed {seed}"),
        )

    def with_training_images(self, num: int, seed: int = 0) -> ImageSet:
        """The set with `num` of its training images, stratified; the others stay, in no split.

        With the same seed a smaller number lies inside a larger one. Raises SettingError where there are fewer.
        """
        if num == len(self.train):
            return self
        note = f"{num:,} of {len(self.train):,} training images, drawn with seed {seed}"
        train = draw_number(self.strata, self.train, num=num, seed=seed)
        return replace(self, train=train, notes=(*self.notes, note))

    @cached_property
    def checksum(self) -> str:
        """The sha256 of images, labels and splits, in hex: what identifies the data of a run."""
        digest = hashlib.sha256(f"{self.images.shape}".encode())
        digest.update(np.ascontiguousarray(self.images).data)
        for array in (self.labels, *(self.indices(name) for name in SPLITS)):
            # the length keeps an index from moving between two splits unseen
            digest.update(f"{len(array)}".encode())
            digest.update(np.ascontiguousarray(array, dtype="<f8" if array.dtype.kind == "f" else "<i8").data)
        if self.quantity is not None:
            digest.update(f"{self.quantity}".encode())
        return digest.hexdigest()


def _shape(images: ImageSet) -> str:
    channel, height, width = images.image_shape
    return f"{height}×{width} {'gray' if channel == 1 else 'RGB' if channel == 3 else f'of {channel} channels'}"


def _shown(images: ImageSet) -> str:
    if images.quantity is not None:
        return f"a number from 0 to {images.quantity.period:g}"
    return f"{images.num_classes:,} classes" if images.class_names else "no labels"


def _examples(images: ImageSet) -> list[int]:
    """The first image of each class, in the classes' order; of a set without classes its first images; training images where
    there are some."""
    chosen = next((indices for name in SPLITS if len(indices := images.indices(name))), np.arange(len(images.images)))
    _, first = np.unique(images.strata[chosen], return_index=True)
    found = chosen[first] if images.class_names else chosen
    return [int(one) for one in found[:MOST_EXAMPLES]]


def _label(images: ImageSet, index: int) -> str:
    if images.quantity is not None:
        return f"{images.labels[index]:g}"
    return images.class_names[int(images.labels[index])] if images.class_names else f"image {index}"


def no_labels(num: int) -> np.ndarray:
    """The labels of `num` images without labels: int64 (num,), all 0."""
    return np.zeros(num, dtype=np.int64)


def _refuse_bad_arrays(images: ImageSet) -> None:
    if images.images.dtype != np.uint8 or images.images.ndim != 4:
        raise DataError(
            f"{images.name}: images are {images.images.dtype} {images.images.shape},"
            " expected uint8 (num, channel, height, width)"
        )
    if images.quantity is not None:
        _refuse_bad_values(images, images.quantity)
        return
    if images.labels.dtype != np.int64 or images.labels.shape != (len(images.images),):
        raise DataError(
            f"{images.name}: labels are {images.labels.dtype} {images.labels.shape},"
            f" expected int64 ({len(images.images)},)"
        )
    if not images.class_names:
        if np.any(images.labels):
            raise DataError(
                f"{images.name}: labels are classes, but no class has a name; name the classes, or make every label 0"
            )
        return
    if len(images.labels) and not 0 <= images.labels.min() <= images.labels.max() < images.num_classes:
        raise DataError(
            f"{images.name}: labels go from {images.labels.min()} to {images.labels.max()},"
            f" expected 0 to {images.num_classes - 1}"
        )


def _refuse_bad_values(images: ImageSet, quantity: Quantity) -> None:
    values = images.labels
    if values.dtype != np.float64 or values.shape != (len(images.images),) or images.class_names:
        raise DataError(
            f"{images.name}: labels are {values.dtype} {values.shape} with {len(images.class_names)} classes,"
            f" expected float64 ({len(images.images)},) values and none"
        )
    if not np.all((values >= 0) & (values < quantity.period)):
        raise DataError(f"{images.name}: values must be from 0 to below the period, {quantity.period:g}")


def _refuse_bad_splits(images: ImageSet) -> None:
    times_used = np.zeros(len(images.images), dtype=np.int64)
    for name in SPLITS:
        chosen = images.indices(name)
        if chosen.dtype != np.int64 or chosen.ndim != 1 or np.any(np.diff(chosen) <= 0):
            raise DataError(f"{images.name}: the {name} split must be int64 indices, ascending, each once")
        if len(chosen) and not 0 <= chosen[0] <= chosen[-1] < len(images.images):
            raise DataError(f"{images.name}: the {name} split has indices outside the {len(images.images)} images")
        times_used[chosen] += 1
    if num_shared := int(np.sum(times_used > 1)):
        raise DataError(f"{images.name}: {agreed(num_shared, '{} image is', '{} images are')} in more than one split")
