"""Small image sets written in every format that is read."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from papilio.data.published import PUBLISHED, STAND_INS, PublishedFile, PublishedSet

Parts = dict[str, tuple[np.ndarray, np.ndarray]]


def some_images(num: int, shape: tuple[int, int, int], *, num_classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random uint8 images (num, channel, height, width), no two alike, and labels that run through the classes."""
    images = np.random.default_rng(seed).integers(0, 256, (num, *shape), dtype=np.uint8)
    return images, (np.arange(num) % num_classes).astype(np.uint8)


def idx_bytes(array: np.ndarray) -> bytes:
    return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def gzipped(content: bytes) -> bytes:
    """The same bytes for the same content: without a time, two copies of a set have one checksum."""
    return gzip.compress(content, mtime=0)


def npz_bytes(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, array)
    return file.getvalue()


def png_bytes(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)).save(file, "png")
    return file.getvalue()


def jpeg_bytes(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image.transpose(1, 2, 0)).save(file, "jpeg")
    return file.getvalue()


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tar_bytes(files: dict[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return raw.getvalue()


def write_tar(path: Path, files: dict[str, bytes]) -> Path:
    content = tar_bytes(files)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if path.suffix == ".tar" else gzipped(content))
    return path


def class_folders(num: int = 24, *, shape: tuple[int, int, int] = (3, 6, 5), seed: int = 0) -> dict[str, bytes]:
    """PNG pictures of three classes, by name."""
    images, labels = some_images(num, shape, num_classes=3, seed=seed)
    names = ("ant", "bee", "cicada")
    return {f"{names[label]}/{row:03}.png": png_bytes(images[row]) for row, label in enumerate(labels)}


def split_folders() -> dict[str, bytes]:
    """The same classes under train, valid and test."""
    nums = {"train": 12, "valid": 6, "test": 9}
    return {
        f"{split}/{name}": content
        for seed, (split, num) in enumerate(nums.items())
        for name, content in class_folders(num, seed=seed).items()
    }


def write_published(home: Path, name: str) -> PublishedSet:
    """Write a small copy of a named set in its published format, and return what then is to stand in `PUBLISHED`."""
    details = PUBLISHED[name]
    if name == "kuzushiji-kanji":
        return write_kuzushiji_kanji(home / name)
    num_classes = len(details.class_names)
    parts: Parts = {
        "train": some_images(4 * num_classes, details.image_shape, num_classes=num_classes, seed=1),
        "test": some_images(2 * num_classes, details.image_shape, num_classes=num_classes, seed=2),
    }
    contents = {"cifar10": _cifar_files, "kuzushiji-49": _k49_files}.get(name, _idx_files)(parts)
    write_files(home / name, contents)
    return replace(
        details,
        files=tuple(_with_checksums(file, contents[file.name]) for file in details.files),
        num_train=4 * num_classes,
        num_test=2 * num_classes,
    )


def kanji_files(*, num: int = 7, side: int = 64) -> dict[str, bytes]:
    """Pictures of three characters as Kuzushiji-Kanji has them: so many of one, twice and three times as many of others."""
    files = {}
    for number, code_point in enumerate(("U+4E00", "U+4E8C", "U+5C71"), start=1):
        images, _ = some_images(number * num, (1, side, side), num_classes=1, seed=number)
        for row, image in enumerate(images):
            files[f"kkanji2/{code_point}/{number:02x}{row:014x}.png"] = png_bytes(image)
    return files


def write_kuzushiji_kanji(folder: Path, files: dict[str, bytes] | None = None) -> PublishedSet:
    """Write a small kkanji.tar, and return what then is to stand in `PUBLISHED`."""
    files = files or kanji_files()
    write_tar(folder / "kkanji.tar", files)
    num_in_files = len({name.split("/")[1] for name in files})
    return replace(PUBLISHED["kuzushiji-kanji"], num_train=len(files), num_in_files=num_in_files)


def write_lossy_cifar(home: Path) -> PublishedSet:
    """Write the archive of JPEG copies that may stand in for CIFAR-10."""
    details = PUBLISHED["cifar10"]
    files = {}
    for split, num in (("train", 40), ("test", 20)):
        images, labels = some_images(num, details.image_shape, num_classes=10, seed=num)
        for row, label in enumerate(labels):
            files[f"{split}/{details.class_names[label]}/{row:04}.jpg"] = jpeg_bytes(images[row])
    (home / "cifar10").mkdir(parents=True)
    write_tar(home / "cifar10" / STAND_INS["cifar10"][0], files)
    return replace(details, num_train=40, num_test=20)


def install_published(monkeypatch: pytest.MonkeyPatch, home: Path, name: str) -> PublishedSet:
    """Write a small copy of a named set into `home` and have it taken for the published one."""
    details = write_published(home, name)
    monkeypatch.setitem(PUBLISHED, name, details)
    return details


def _with_checksums(file: PublishedFile, content: bytes) -> PublishedFile:
    unpacked = hashlib.md5(gzip.decompress(content)).hexdigest() if file.unpacked_md5 else None
    digest = f"md5:{hashlib.md5(content).hexdigest()}" if file.checksum else None
    return replace(file, checksum=digest, unpacked_md5=unpacked)


def _idx_files(parts: Parts) -> dict[str, bytes]:
    files = {}
    for prefix, (images, labels) in (("train", parts["train"]), ("t10k", parts["test"])):
        files[f"{prefix}-images-idx3-ubyte.gz"] = gzipped(idx_bytes(images[:, 0]))
        files[f"{prefix}-labels-idx1-ubyte.gz"] = gzipped(idx_bytes(labels))
    return files


def _k49_files(parts: Parts) -> dict[str, bytes]:
    files = {}
    for split, (images, labels) in parts.items():
        files[f"k49-{split}-imgs.npz"] = npz_bytes(images[:, 0])
        files[f"k49-{split}-labels.npz"] = npz_bytes(labels)
    return files


def _cifar_files(parts: Parts) -> dict[str, bytes]:
    rows = {
        split: np.concatenate([labels[:, None], images.reshape(len(images), -1)], axis=1)
        for split, (images, labels) in parts.items()
    }
    batches = np.array_split(rows["train"], 5)
    files = {f"cifar-10-batches-bin/data_batch_{i}.bin": batch.tobytes() for i, batch in enumerate(batches, start=1)}
    files["cifar-10-batches-bin/test_batch.bin"] = rows["test"].tobytes()
    files["cifar-10-batches-bin/batches.meta.txt"] = "\n".join([*PUBLISHED["cifar10"].class_names, "\n"]).encode()
    return {"cifar-10-binary.tar.gz": gzipped(tar_bytes(files))}
