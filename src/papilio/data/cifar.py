"""CIFAR-10's binary archive. (Its other archive is a pickle, which is never read.)

Source: https://www.cs.toronto.edu/~kriz/cifar.html: rows of a label byte and 3,072 pixel bytes, red then green then
blue.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from papilio.archives import BROKEN, read_archive
from papilio.errors import DataError, reason_of

TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILE = "test_batch.bin"
NAMES_FILE = "batches.meta.txt"


def read_cifar(
    path: Path, *, image_shape: tuple[int, int, int], class_names: tuple[str, ...], remedy: str
) -> list[np.ndarray]:
    """Training images, training labels, test images and test labels, uint8, from the binary archive.

    Raises DataError, ending with `remedy`, where a file is missing, is not made of whole rows, or names other classes.
    """
    contents = _read_contents(path, (*TRAIN_FILES, TEST_FILE, NAMES_FILE), remedy)
    names = tuple(contents[NAMES_FILE].decode("ascii", errors="replace").split())
    if names != class_names:
        raise DataError(f"{path}: {NAMES_FILE} names {', '.join(names)}, expected {', '.join(class_names)}; {remedy}")
    train = b"".join(contents[name] for name in TRAIN_FILES)
    arrays = []
    for content in (train, contents[TEST_FILE]):
        row_bytes = 1 + int(np.prod(image_shape))
        if len(content) % row_bytes:
            raise DataError(f"{path}: {len(content)} bytes are not a whole number of rows of {row_bytes}; {remedy}")
        rows = np.frombuffer(content, dtype=np.uint8).reshape(-1, row_bytes)
        arrays += [rows[:, 1:].reshape(-1, *image_shape), rows[:, 0]]
    return arrays


def _read_contents(path: Path, wanted: tuple[str, ...], remedy: str) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    for member in read_archive(path):
        name = Path(member.name).name
        if name in wanted and not member.is_folder:
            try:
                with member.open() as file:
                    contents[name] = file.read()
            except BROKEN as error:
                raise DataError(f"{path}: {name} cannot be read ({reason_of(error)}); {remedy}") from error
    missing = [name for name in wanted if name not in contents]
    if missing:
        raise DataError(f"{path}: {', '.join(missing)} not in it; {remedy}")
    return contents
