"""One suite for every source of images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_files import (
    class_folders,
    install_published,
    some_images,
    split_folders,
    write_files,
    write_lossy_cifar,
    write_tar,
    write_zip,
)

from papilio.data.catalogue import describe
from papilio.data.imageset import ImageSet
from papilio.data.load import load_images
from papilio.data.published import PUBLISHED
from papilio.data.splits import SPLITS

Load = Callable[..., ImageSet]
EMBEDDED = ("mnist-5k", "digits")
PUBLISHED_FORMATS = ("mnist", "fashion-mnist", "kmnist", "kuzushiji-49", "kuzushiji-kanji", "cifar10")
PICTURES = ("folder", "split folder", "wrapped folder", "zip", "tar", "tar.gz", "split zip")
ARRAYS = ("npy", "npy channels last", "npy channels first")
LABELLED = (*EMBEDDED, *PUBLISHED_FORMATS, "lossy cifar10", *PICTURES, *ARRAYS)
WITHOUT_LABELS = (
    *("flat folder", "flat zip", "flat tar.gz", "npy alone"),
    *(f"{source} without labels" for source in ("digits", "mnist", "lossy cifar10", "gauges", *PICTURES, *ARRAYS)),
)
SOURCES = (*LABELLED, *WITHOUT_LABELS)


def arguments(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Write the source, and return what `load_images` is to be given."""
    if source.endswith(" without labels"):
        return {**arguments(source.removesuffix(" without labels"), folder, monkeypatch), "labels": "none"}
    if source == "gauges":
        return {"name_or_path": source, "render": {"num": 60, "size": 16}}
    if source == "npy alone":
        given = array_arguments("npy", folder)
        given.pop("labels").unlink()
        return given
    if source in EMBEDDED:
        return {"name_or_path": source}
    if source in PUBLISHED_FORMATS:
        install_published(monkeypatch, folder, source)
        return {"name_or_path": source, "home": folder, "download": False}
    if source == "lossy cifar10":
        monkeypatch.setitem(PUBLISHED, "cifar10", write_lossy_cifar(folder))
        return {"name_or_path": "cifar10", "home": folder, "download": False}
    if source in ARRAYS:
        return array_arguments(source, folder)
    return {"name_or_path": write_pictures(source, folder)}


def array_arguments(source: str, folder: Path) -> dict[str, Any]:
    images, labels = some_images(30, (3 if "channels" in source else 1, 6, 5), num_classes=3, seed=0)
    arranged = {"npy": images[:, 0], "npy channels last": images.transpose(0, 2, 3, 1), "npy channels first": images}
    np.save(folder / "images.npy", arranged[source])
    np.save(folder / "labels.npy", labels)
    return {"name_or_path": folder / "images.npy", "labels": folder / "labels.npy"}


def write_pictures(source: str, folder: Path) -> Path:
    files = split_folders() if source.startswith("split") else class_folders()
    if source.startswith("flat"):
        files = {name.replace("/", "-"): content for name, content in files.items()}
    if source == "wrapped folder":
        files = {f"insects/{name}": content for name, content in files.items()}
    if source.endswith("folder"):
        return write_files(folder / "pictures", files)
    if source.endswith("zip"):
        return write_zip(folder / "pictures.zip", files)
    return write_tar(folder / f"pictures.{source.removeprefix('flat ')}", files)


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def load(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    given = arguments(source, tmp_path, monkeypatch)

    def load_with(**settings: Any) -> ImageSet:
        return load_images(**given, **settings)

    return load_with


def test_images_are_uint8_nchw_and_labels_int64(load: Load) -> None:
    images = load()
    assert images.images.dtype == np.uint8
    assert images.images.shape == (len(images.labels), *images.image_shape)
    assert images.images.shape[1] in (1, 3)
    assert images.labels.dtype == np.int64
    assert set(np.unique(images.labels)) == set(range(max(1, images.num_classes)))


def test_splits_are_disjoint_and_cover_the_set(load: Load) -> None:
    images = load()
    joined = np.concatenate([images.indices(name) for name in SPLITS])
    assert sorted(joined) == list(range(len(images.images)))
    assert all(len(images.indices(name)) for name in SPLITS)


def test_same_seed_same_splits_and_checksum(load: Load) -> None:
    first, second, other = load(seed=3), load(seed=3), load(seed=4)
    assert all(np.array_equal(first.indices(name), second.indices(name)) for name in SPLITS)
    assert first.checksum == second.checksum
    has_all_splits = all(np.array_equal(first.indices(name), other.indices(name)) for name in SPLITS)
    assert has_all_splits == (first.checksum == other.checksum)


def test_drawn_splits_are_stratified(load: Load) -> None:
    images = load(validation=0.25)
    for name in SPLITS:
        counts = np.bincount(images.labels[images.indices(name)], minlength=images.num_classes)
        shares = counts / np.bincount(images.labels, minlength=images.num_classes)
        # a count is rounded in each of two draws: shares differ by at most two images of the smallest class
        assert shares.max() - shares.min() <= 2 / np.bincount(images.labels).min()


def test_says_what_it_is_and_where_from(load: Load) -> None:
    images = load()
    assert images.name and images.origin
    assert "\n" not in images.origin
    assert len(set(images.class_names)) == images.num_classes


def test_facts_tell_whether_there_are_classes(load: Load, source: str) -> None:
    images = load()
    assert images.facts.shows == ("nothing" if source in WITHOUT_LABELS else "class")
    assert (images.num_classes >= 2) == (source in LABELLED)
    assert images.quantity is None


def test_split_gives_the_images_at_its_indices(load: Load, source: str) -> None:
    """Of a set without labels it gave zeros, which a classifier learned."""
    images = load()
    for name in SPLITS:
        values, labels = images.split(name)
        assert np.array_equal(values, images.images[images.indices(name)])
        assert (labels is None) == (source in WITHOUT_LABELS)
        assert labels is None or np.array_equal(labels, images.labels[images.indices(name)])


def test_fraction_keeps_every_class_of_every_split(load: Load) -> None:
    images, part = load(), load(fraction=0.3)
    assert len(part.images) < len(images.images)
    assert len(part.images) == sum(len(part.indices(name)) for name in SPLITS)
    for name in SPLITS:
        assert set(part.labels[part.indices(name)]) == set(images.labels[images.indices(name)])


def test_size_and_color_apply(load: Load) -> None:
    images = load(size=(7, 9), color="rgb")
    assert images.image_shape == (3, 7, 9)
    assert load(color="grey").image_shape[0] == 1


def test_description_counts_every_image(load: Load) -> None:
    images = load()
    described = describe(images)
    assert sum(described["splits"].values()) == len(images.images) == described["num_images"]
    num_in_classes = sum(sum(counts.values()) for counts in described["classes"].values())
    assert num_in_classes == (len(images.images) if images.class_names else 0)
    assert described.get("shows") == (None if images.class_names else "no labels")
    assert described["pixel_mean"] == pytest.approx(images.images.mean(), abs=1e-9)
    assert described["pixel_deviation"] == pytest.approx(images.images.astype(float).std(), abs=1e-6)
