"""What the cache keeps of pictures and drawn sets, damaged: it is made again, and nothing is waited for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_files import class_folders, write_files

from papilio.data.load import load_images
from papilio.data.places import cache_folder
from papilio.data.rendering.sets import FACTS


def cached(suffix: str) -> Path:
    (path,) = (cache_folder() / "pictures").glob(f"*{suffix}")
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": [0] * 23 + [99]},
        {"labels": [0] * 23 + [-1]},
        {"labels": [0] * 23 + ["0"]},
        {"labels": [0] * 23},
        {"class_names": [1, 2]},
        {"given": {"train": [10**6]}},
        {"given": {"train": [-1]}},
        {"given": {"xrain": [0]}},
        {"given": []},
        {"notes": "text"},
    ],
    ids=str,
)
def test_an_index_of_wrong_values_is_made_again(changes: dict[str, Any], tmp_path: Path) -> None:
    folder = write_files(tmp_path / "set", class_folders())
    first = load_images(folder)
    index = cached(".json")
    whole = index.read_text()
    index.write_text(json.dumps(json.loads(whole) | changes))
    again = load_images(folder)
    assert again.checksum == first.checksum and again.class_names == first.class_names
    assert index.read_text() == whole


@pytest.mark.parametrize("suffix", [".json", ".npy"])
@pytest.mark.parametrize("content", [b"[" * 100_000, b"[]", b"\x93NUMPY\1\0\xff\xff", None])
def test_another_file_or_a_pipe_in_the_cache_is_made_again(suffix: str, content: bytes | None, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "set", class_folders())
    first = load_images(folder).checksum
    path = cached(suffix)
    path.unlink()
    if content is None:
        os.mkfifo(path)
    else:
        path.write_bytes(content)
    assert load_images(folder).checksum == first


def drawn() -> tuple[str, Path]:
    images = load_images("butterflies", render={"num": 10, "size": 16})
    (folder,) = (cache_folder() / "rendered").iterdir()
    return images.checksum, folder


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "factors.csv"])
def test_a_drawn_set_that_is_damaged_is_drawn_again(name: str) -> None:
    first, folder = drawn()
    (folder / name).write_bytes((folder / name).read_bytes()[:70])
    assert drawn()[0] == first
    np.save(folder / "labels.npy", np.zeros(3))
    assert drawn()[0] == first


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": "x"}', "[" * 100_000])
def test_damaged_facts_of_another_drawn_set_are_passed_over(content: str) -> None:
    other = cache_folder() / "rendered" / "clocks-0"
    other.mkdir(parents=True)
    (other / FACTS).write_text(content)
    assert load_images("butterflies", render={"num": 10, "size": 16}).name == "butterflies"
    assert (other / FACTS).read_text() == content
