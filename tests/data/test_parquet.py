"""Parquet files as Hugging Face's libraries write them."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from papilio import load_images
from papilio.data.check import check_images
from papilio.errors import DataError

NAMES = ["zebra", "ant", "a/b"]


def picture(number: int, *, suffix: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels(number)).save(file, suffix)
    return file.getvalue()


def pixels(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (6, 5), dtype=np.uint8)


def write(
    path: Path,
    labels: Sequence[Any] | None,
    *,
    first: int = 0,
    num: int = 12,
    names: Sequence[str] | None = None,
    column: str = "image",
    as_struct: bool = True,
    suffix: str = "PNG",
) -> Path:
    pictures = [picture(first + row, suffix=suffix) for row in range(num)]
    images = [{"bytes": one, "path": f"{row}.png"} for row, one in enumerate(pictures)] if as_struct else pictures
    table = pa.table({column: images} | ({} if labels is None else {"label": list(labels)}))
    if names is not None:
        features = {"label": {"names": list(names), "_type": "ClassLabel"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=5)
    return path


def test_a_file_with_names_of_classes(tmp_path: Path) -> None:
    labels = [number % 3 for number in range(12)]
    images = load_images(write(tmp_path / "set.parquet", labels, names=NAMES))
    assert images.name == "set" and images.image_shape == (1, 6, 5)
    assert images.class_names == ("ant", "a∕b", "zebra")
    found: dict[str, set[bytes]] = {name: set() for name in images.class_names}
    for image, label in zip(images.images, images.labels, strict=True):
        found[images.class_names[label]].add(image.tobytes())
    for number, name in enumerate(NAMES):
        assert found[name.replace("/", "∕")] == {pixels(row).tobytes() for row in range(number, 12, 3)}


def test_files_of_the_same_name_in_two_folders(tmp_path: Path) -> None:
    """Their pictures had the same names, and the set "was changed while it was being written"."""
    for number, name in enumerate("ab"):
        write(tmp_path / name / "data.parquet", ["cat", "dog"] * 6, first=12 * number)
    assert len(load_images(tmp_path).images) == 24


def test_a_folder_with_splits_as_it_is_downloaded(tmp_path: Path) -> None:
    words = ["cat", "dog"] * 6
    write(tmp_path / "data" / "train-00000-of-00002.parquet", words)
    write(tmp_path / "data" / "train-00001-of-00002.parquet", words, first=100)
    write(tmp_path / "data" / "test-00000-of-00001.parquet", words[:4], first=200, num=4)
    (tmp_path / "README.md").write_text("a card")
    images = load_images(tmp_path)
    assert images.class_names == ("cat", "dog")
    assert [len(images.train) + len(images.validation), len(images.test)] == [24, 4]
    test = {image.tobytes() for image in images.images[images.test]}
    assert test == {pixels(200 + row).tobytes() for row in range(4)}
    assert {finding.kind for finding in check_images(tmp_path) if finding.severity == "error"} == set()


@pytest.mark.parametrize("suffix", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_plain_bytes_of_any_format_under_another_name(tmp_path: Path, suffix: str) -> None:
    file = write(tmp_path / "a.parquet", [0, 1] * 6, column="img", as_struct=False, suffix=suffix)
    assert load_images(file).class_names == ("0", "1")


def test_without_labels(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", None)
    with pytest.raises(
        DataError, match=r'no column of labels, its columns are image; call it label, or set labels = "none"'
    ):
        load_images(file)
    assert load_images(file, "none").class_names == ()
    assert load_images(write(tmp_path / "b.parquet", [0, 1] * 6), "none").split("train")[1] is None


@pytest.mark.parametrize(
    ("labels", "names", "complaint"),
    [
        ([-1] * 12, NAMES, "column label: -1 is not a valid class"),
        ([None] * 12, None, "column label: None is not a valid class"),
        ([7] * 12, NAMES, "7, but there are 3 names of classes"),
        ([0.5] * 12, None, "labels must be integers or words, not float"),
    ],
)
def test_labels_that_are_none(tmp_path: Path, labels: list[Any], names: list[str] | None, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        load_images(write(tmp_path / "a.parquet", labels, names=names))


def test_other_files(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.parquet", [0, 1] * 6).read_bytes()
    for name, content in {
        "cut": whole[:-100],
        "empty": b"",
        "text": b"PAR1 no",
        "flipped": whole[:40] + b"xx" * 30 + whole[100:],
    }.items():
        file = tmp_path / f"{name}.parquet"
        file.write_bytes(content)
        with pytest.raises(DataError, match=f"{name}.parquet"):
            load_images(file)
    pq.write_table(pa.table({"text": ["a"], "label": [0]}), tmp_path / "words.parquet")
    with pytest.raises(DataError, match="its columns are text, label; expected a column image"):
        load_images(tmp_path / "words.parquet")
    pq.write_table(pa.table({"image": [{"bytes": None, "path": "a.png"}], "label": [0]}), tmp_path / "paths.parquet")
    with pytest.raises(DataError, match=r"paths\.parquet"):
        load_images(tmp_path / "paths.parquet")


def test_a_file_of_no_split_beside_others(tmp_path: Path) -> None:
    write(tmp_path / "train.parquet", [0, 1] * 6)
    write(tmp_path / "more.parquet", [0, 1] * 6, first=50)
    with pytest.raises(DataError, match=r"more\.parquet: the other files are named train, test or validation"):
        load_images(tmp_path)


def test_a_table_beside_pictures_leaves_them_what_they_are(tmp_path: Path) -> None:
    for row in range(24):
        (tmp_path / "ab"[row % 2]).mkdir(exist_ok=True)
        (tmp_path / "ab"[row % 2] / f"{row}.png").write_bytes(picture(row))
    pq.write_table(pa.table({"file": ["0.png"]}), tmp_path / "index.parquet")
    images = load_images(tmp_path)
    assert images.class_names == ("a", "b") and len(images.images) == 24
