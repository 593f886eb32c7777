"""One file format for all analyses, and the files of the first version, which had none in common."""

from __future__ import annotations

import io
import json
import os
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from papilio.analysis.store import Header, is_current, read_analyses, read_analysis, write_analysis
from papilio.data.facts import ImageFacts
from papilio.data.quantities import CLOCK
from papilio.errors import RunError

HEADER = Header(
    analysis="walks",
    stage="first",
    section="mine:section",
    run="first-a-seed0",
    trial="a, “b” \x00 é",
    split="test",
    options={"num": 3, "names": ["x"], "nested": {"a": None}},
    images="digits",
    checksum="abc",
    title="other",
    facts=ImageFacts((1, 8, 8), ("one", "two"), None),
)
ARRAYS: dict[str, Any] = {
    "counts": np.arange(6).reshape(2, 3),
    "share": np.float32(0.25),
    "names": np.array(["ä", "bcd"]),
    "is_far": np.array([True, False]),
    "images": np.zeros((0, 1, 8, 8), np.uint8),
}


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "analyses" / "walks-a.npz"
    write_analysis(path, HEADER, ARRAYS)
    found = read_analysis(path)
    assert found.header == HEADER
    assert found.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == np.asarray(array).dtype
    of_stage = Header("costs", stage="first")
    write_analysis(tmp_path / "analyses" / "costs-first.npz", of_stage, {})
    assert [one.header for one in read_analyses(tmp_path)] == [of_stage, HEADER]
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["header"].shape == ()


@pytest.mark.parametrize("name", ["options", "checksum", "run", "title", "facts", "section"])
def test_another_header_is_not_current(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.npz"
    assert not is_current(path, HEADER)
    write_analysis(path, HEADER, ARRAYS)
    assert is_current(path, HEADER)
    assert not is_current(path, replace(HEADER, **{name: replace(HEADER, **OTHER).__dict__[name]}))
    path.write_bytes(path.read_bytes()[:-40])
    assert not is_current(path, HEADER)


OTHER: dict[str, Any] = {
    "options": {"num": 4},
    "checksum": "abd",
    "run": "x",
    "title": "",
    "facts": ImageFacts((1, 8, 8), (), CLOCK),
    "section": "",
}


def test_only_plain_arrays_are_kept(tmp_path: Path) -> None:
    for arrays in ({"a": np.array([object()])}, {"a": [{}]}, {"header": np.zeros(1)}):
        with pytest.raises(ValueError, match="array"):
            write_analysis(tmp_path / "a.npz", HEADER, arrays)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"torn", b"PK\x03\x04"])
def test_what_is_no_analysis_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(RunError, match=r"a\.npz: not an analysis"):
        read_analysis(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", header=np.array("{}"))
    with pytest.raises(RunError, match=r"a\.npz: not an analysis"):
        read_analysis(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("analysis", 3, "analysis"),
        ("stage", None, "stage"),
        ("trial", ["a"], "trial"),
        ("options", [], "options"),
        ("facts", {"shape": [1, 8]}, "facts.shape"),
        ("facts", {"shape": [1, 8, 0]}, "facts.shape"),
        ("facts", {"shape": [1, 8, 8], "class_names": "ab"}, "facts.class_names"),
        ("facts", {"shape": [1, 8, 8], "quantity": {"period": -1}}, "facts.quantity.period"),
        ("uses", {"a": 1}, "uses"),
    ],
)
def test_a_header_of_wrong_values_is_one_line_that_names_the_key(
    key: str, value: Any, named: str, tmp_path: Path
) -> None:
    """Any types were taken, and the report ended in a traceback."""
    path = tmp_path / "a.npz"
    np.savez(path, header=np.array(json.dumps(json.loads(HEADER.to_json()) | {key: value})), **ARRAYS)
    with pytest.raises(RunError, match=rf"a\.npz: not an analysis \({named}.*delete it") as caught:
        read_analysis(path)
    assert "\n" not in str(caught.value)


def test_an_array_of_more_than_its_bytes_is_not_made(tmp_path: Path) -> None:
    """A damaged header asked for terabytes of memory: a MemoryError, and a traceback."""
    path = tmp_path / "a.npz"
    member = io.BytesIO()
    np.lib.format.write_array_header_1_0(member, {"descr": "<f8", "fortran_order": False, "shape": (2**40,)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", member.getvalue())
    with pytest.raises(RunError, match=r"a\.npz: not an analysis \(a\.npy is float64"):
        read_analysis(path)


@pytest.mark.parametrize("what", ["folder", "pipe", "loop"])
def test_what_is_no_file_is_not_waited_for(what: str, tmp_path: Path) -> None:
    """A pipe in the place of an analysis was waited for without end."""
    path = tmp_path / "a.npz"
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(path)
    with pytest.raises(RunError, match=r"a\.npz: not an analysis"):
        read_analysis(path)


def test_a_later_version_may_say_more(tmp_path: Path) -> None:
    text = HEADER.to_json().replace('"stage"', '"unknown": 3, "stage"')
    np.savez(tmp_path / "a.npz", header=np.array(text))
    assert read_analysis(tmp_path / "a.npz").header == HEADER


def test_classifications_of_the_first_version(tmp_path: Path) -> None:
    path = tmp_path / "classification-a.npz"
    np.savez_compressed(
        path, run="a", stage="first", trial="cnn", split="test", asked_mistakes=5, class_names=np.array(["x", "y"]),
        labels=np.array([0, 1]), confusion=np.eye(2, dtype=int), mistake_images=np.zeros((0, 3, 4, 5), np.uint8),
    )  # fmt: skip
    found = read_analysis(path)
    facts = ImageFacts((3, 4, 5), ("x", "y"))
    assert found.header == Header(
        "classification", "first", run="a", trial="cnn", split="test", options={"mistakes": 5}, facts=facts
    )
    assert set(found.arrays) == {"labels", "confusion", "mistake_images"}
    wanted = replace(found.header, images="set", checksum="1")
    assert is_current(path, wanted)
    assert not is_current(path, replace(wanted, options={"mistakes": 6}))


def test_readings_of_the_first_version(tmp_path: Path) -> None:
    path = tmp_path / "reading-a-on-others.npz"
    np.savez_compressed(
        path, run="a", stage="first", trial="cnn", split="test", name="others", asked_pictures=8, period=720.0, unit="min",
        is_time=True, values=np.array([1.0]), shown_images=np.zeros((3, 1, 1, 16, 16), np.uint8),
    )  # fmt: skip
    found = read_analysis(path)
    assert found.header.facts == ImageFacts((1, 16, 16), (), CLOCK)
    assert (found.header.analysis, found.header.title, found.header.options) == ("reading", "others", {"mistakes": 24})
    assert set(found.arrays) == {"values", "shown_images"}
    wanted = replace(found.header, images="set", checksum="1")
    assert is_current(path, wanted)
    assert not is_current(path, replace(wanted, title=""))
