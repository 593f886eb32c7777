"""Pictures in memory, labels and places for answers as people hand them over, and predictions of their own kinds."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from papilio.console import TableForm
from papilio.data.given import as_images
from papilio.drawing.figures import Curve, learning_curves
from papilio.errors import DataError, SettingError
from papilio.offers.latents import class_numbers
from papilio.run_commands import _places


def test_each_frame_of_an_animation_is_a_picture_of_its_own(tmp_path: Path) -> None:
    """Read when all had been walked through, each was the last one."""
    frames = [Image.new("L", (8, 8), level) for level in (10, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with Image.open(tmp_path / "a.gif") as animation:
        pixels = as_images((frame for frame in ImageSequence.Iterator(animation)), shape=(1, 8, 8))
    assert pixels[:, 0, 0, 0].tolist() == [10, 200]


def test_gray_with_transparency_is_no_batch() -> None:
    with pytest.raises(DataError, match=r"\(45, 61, 2\): gray with transparency\? Give array\[\.\.\., 0\]"):
        as_images(np.zeros((45, 61, 2), np.uint8), shape=(1, 8, 8))


@pytest.mark.parametrize("labels", [2.5, [None, 1], [2.7, 1], True, [True, False]])
def test_labels_that_are_no_classes_are_refused(labels: Any) -> None:
    """2.7 was taken as class 2; others were a TypeError."""
    run: Any = SimpleNamespace(folder=Path("run"), class_names=("a", "b", "c"))
    with pytest.raises(DataError, match="is not one of its classes; give a name, or a number of one"):
        class_numbers(run, labels, num=2)
    assert class_numbers(run, np.array([2, 0]), num=2).tolist() == [2, 0]
    assert class_numbers(run, ["c", 1], num=2).tolist() == [2, 1] and class_numbers(run, "b", num=2).tolist() == [1, 1]


def test_predictions_of_ones_own_kind_need_not_bring_a_table() -> None:
    predictions = [
        SimpleNamespace(as_plain=lambda one=one: {"picture": one, "glow": 0.25}) for one in ("a.png", "b.png")
    ]
    form = TableForm()
    text = "".join(form.text([SimpleNamespace(prediction=one)]) for one in predictions)
    assert [line.split() for line in text.splitlines()] == [["picture", "glow"], ["a.png", "0.25"], ["b.png", "0.25"]]


def test_a_picture_s_name_is_no_folder(tmp_path: Path) -> None:
    """`--out after.png` made a folder of that name."""
    with pytest.raises(SettingError, match=r"after\.png: --out names a folder for pictures, or a file for answers"):
        _places(tmp_path / "after.png", None, is_fresh=False)
    (tmp_path / "there.png").mkdir()
    assert _places(tmp_path / "there.png", None, is_fresh=False)[1] == tmp_path / "there.png"


def test_a_curve_that_is_soon_at_its_end_is_shown_whole() -> None:
    curve = Curve("a", validation=(np.array([0.5, 1.0, 1.0, 1.0, 1.0]),))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = learning_curves([curve], metric="Accuracy", higher_is_better=True, has_cut_ends=True)
    assert figure.axes[0].get_ylim()[0] <= 0.5
