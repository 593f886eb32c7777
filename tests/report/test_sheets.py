"""Pictures in rows and columns: where they stand, what is written, and how they move."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from papilio.drawing.animations import MOST_BYTES, moving_uri, save_moving, there_and_back
from papilio.drawing.canvas import NARROW, WIDE, to_svg
from papilio.drawing.figure_files import Pictures, lighter
from papilio.drawing.latent_figures import blocks, plane, plane_points
from papilio.drawing.sheets import in_rows, sheet


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def mosaic(figure: Figure) -> np.ndarray:
    """The one picture of a sheet."""
    (image,) = figure.axes[0].images
    return np.asarray(image.get_array())


def texts(figure: Figure) -> list[str]:
    return [one.get_text() for one in figure.axes[0].texts]


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("shape", [(3, 33, 50), (1, 28, 28), (1, 96, 12)])
def test_every_pixel_of_every_image_is_in_the_mosaic_as_it_is(shape: tuple[int, int, int], width: float) -> None:
    images = noise(2, 5, *shape)
    picture = mosaic(sheet(images, row_names=["a", "b"], column_names=list("12345"), width=width))
    opaque = picture[..., 3] == 255
    expected = images if shape[0] == 3 else np.repeat(images, 3, axis=2)
    rows = np.flatnonzero(opaque.any(axis=1)).reshape(2, shape[1])
    columns = np.flatnonzero(opaque.any(axis=0)).reshape(5, shape[2])
    for row in range(2):
        for column in range(5):
            cell = picture[np.ix_(rows[row], columns[column])][..., :3]
            assert np.array_equal(cell.transpose(2, 0, 1), expected[row, column])


def test_a_sheet_has_the_width_that_is_asked_for_and_room_for_all_that_is_written() -> None:
    names = ["coordinate 6", "an exceedingly long name of a row that nobody would read to its end at all"]
    figure = sheet(
        noise(2, 3, 1, 8, 8),
        row_names=names,
        column_names=["first", "second", "third"],
        width=NARROW,
        titles=[["x", "y", "z"], []],
        captions=[[], ["0.1", "0.2", "T-shirt/top or another name"]],
    )
    assert figure.get_figwidth() == NARROW
    written = texts(figure)
    assert written[0] == "coordinate 6" and "\n" in written[1] and "…" in written[1]
    assert {"first", "second", "third", "x", "y", "z", "0.1", "0.2"} <= set(written)
    figure.canvas.draw()
    box = figure.bbox
    for one in figure.axes[0].texts:
        drawn = one.get_window_extent()
        assert box.x0 <= drawn.x0 and drawn.x1 <= box.x1 and box.y0 <= drawn.y0 and drawn.y1 <= box.y1


def test_breaks_are_wider_than_gaps_and_marks_are_frames() -> None:
    images = noise(2, 4, 1, 20, 20)
    marked = np.array([[True, False, False, False], [False, False, False, True]])
    figure = sheet(images, width=WIDE, column_breaks=(1,), row_breaks=(1,), gap=0.1, marked=marked)
    opaque = mosaic(figure)[..., 3] == 255
    starts = np.flatnonzero(np.diff(opaque.any(axis=0).astype(int), prepend=0) == 1)
    assert np.diff(starts).tolist() == [28, 22, 22]
    assert len(figure.axes[0].collections[0].get_paths()) == 2
    closed = sheet(images, width=WIDE, gap=0)
    assert mosaic(closed).shape == (40, 80, 4) and np.all(mosaic(closed)[..., 3] == 255)


@pytest.mark.parametrize("num", [1, 7, 12, 13])
def test_any_number_of_images_makes_rows(num: int) -> None:
    images = noise(num, 1, 5, 5)
    cells, shown = in_rows(images, columns=4)
    assert shown.sum() == num and np.array_equal(cells[shown], images)
    assert cells.shape[:2] == (-(-num // 4), min(num, 4))
    picture = mosaic(sheet(cells, shown=shown, width=WIDE))
    assert (picture[..., 3] == 255).sum() == num * 25


def test_blocks_keep_what_belongs_together_below_each_other() -> None:
    above, below = noise(7, 1, 6, 6), noise(7, 1, 6, 6, seed=1)
    figure = blocks(
        (above, below),
        names=("original", "reconstruction"),
        columns=4,
        titles=list("abcdefg"),
        captions=list("1234567"),
    )
    assert texts(figure)[:4] == ["original", "reconstruction"] * 2
    picture = mosaic(figure)
    filled = picture[..., 3] == 255
    rows = np.flatnonzero(filled.any(axis=1)).reshape(4, 6)
    columns = np.flatnonzero(filled.any(axis=0)).reshape(4, 6)
    assert np.array_equal(picture[np.ix_(rows[2], columns[2])][..., 0], above[6, 0])
    assert np.array_equal(picture[np.ix_(rows[3], columns[2])][..., 0], below[6, 0])
    assert not filled[np.ix_(rows[3], columns[3])].any()
    written = texts(figure)
    assert [one for one in written if one in "abcdefg" and one] == list("abcdefg")
    assert [one for one in written if one in "1234567" and one] == list("1234567")


def test_the_plane_is_one_picture_and_grey_stays_as_it_is() -> None:
    ticks, places = np.tile([-1.0, 0, 1], (2, 1)), np.tile([0.16, 0.5, 0.84], (2, 1))
    images = noise(3, 3, 1, 4, 6)
    (image,) = plane(images, ticks=ticks, tick_places=places).axes[0].images
    assert np.array_equal(image.get_array(), np.block([[one[0] for one in row] for row in images]))
    assert image.get_clim() == (0, 255)
    points = plane_points(
        np.random.default_rng(0).random((30, 2)),
        np.arange(30) % 10,
        [f"name {one}" for one in range(10)],
        ticks=ticks,
        tick_places=places,
        shape=(4, 6),
    )
    assert [one.get_text() for one in points.axes[0].texts] == [f"name {one}" for one in range(10)]
    looks = {(line.get_color(), line.get_marker()) for line in points.axes[0].lines}
    assert len(looks) == 10  # of each class its own


def test_pictures_in_figures_become_lighter_and_stay_the_same() -> None:
    svg = to_svg(sheet(noise(1, 4, 3, 16, 16) // 64 * 64, width=NARROW))
    assert "image-rendering:pixelated" in svg and svg.count("data:image/png") == 1
    light = lighter(svg)
    assert "data:image/png" not in light and len(light) < len(svg)
    pixels = []
    for text, kind in ((svg, "png"), (light, "webp")):
        (found,) = re.findall(rf"data:image/{kind};base64,([A-Za-z0-9+/=\s]+)", text)
        pixels.append(np.asarray(Image.open(io.BytesIO(base64.b64decode(found))).convert("RGBA")))
    opaque = pixels[0][..., 3] == 255
    assert np.array_equal(pixels[0][opaque], pixels[1][opaque]) and np.array_equal(opaque, pixels[1][..., 3] == 255)
    ElementTree.fromstring(light)


def test_pictures_of_sheets_are_found_by_the_style_sheet(tmp_path: Path) -> None:
    kept = Pictures(tmp_path).keep(lambda width: sheet(noise(1, 2, 1, 8, 8), width=width), name="some", label="Some")
    assert re.findall(r'id="(figure1-\w+-photographs)"', kept) == [
        "figure1-wide-photographs",
        "figure1-narrow-photographs",
    ]


def test_frames_go_there_and_back_for_ever() -> None:
    frames = np.stack([np.full((1, 28, 28), 60 * level, np.uint8) for level in range(4)])
    address = moving_uri(frames)
    assert there_and_back(1) == [0] and there_and_back(2) == [0, 1]
    moving = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    assert moving.n_frames == 6 and moving.info["loop"] == 0  # pyright: ignore[reportAttributeAccessIssue]
    levels = []
    for index in range(6):
        moving.seek(index)
        levels.append(round(float(np.asarray(moving.convert("L")).mean()) / 60))
    assert levels == [0, 1, 2, 3, 2, 1]


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 33, 50), (3, 64, 64)])
def test_animations_are_files_of_a_size_that_can_be_sent(shape: tuple[int, int, int], tmp_path: Path) -> None:
    smooth = np.linspace(0, 255, 5 * np.prod(shape)).reshape(5, *shape).astype(np.uint8)
    cells = np.stack([smooth, smooth[::-1]] * 3)
    names = [f"coordinate {one}" for one in range(5)] + ["coordinates 101, 102, 103, 104 and 105"]
    paths = save_moving(cells, names=names, folder=tmp_path, name="walk")
    assert [path.name for path in paths] == ["walk.webp", "walk.gif"]
    for path in paths:
        with Image.open(path) as moving:
            assert moving.n_frames == 8 and moving.size[0] > 4 * shape[2]  # pyright: ignore[reportAttributeAccessIssue]
        assert path.stat().st_size <= MOST_BYTES


def test_where_a_file_would_be_too_large_every_second_frame_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("papilio.drawing.animations.MOST_BYTES", 100)
    for path in save_moving(noise(2, 9, 3, 16, 16), names=["a", "b"], folder=tmp_path, name="walk"):
        with Image.open(path) as moving:
            assert moving.n_frames == 8  # pyright: ignore[reportAttributeAccessIssue] (five there, three back)
            moving.seek(1)
            moving.load()
            assert moving.info["duration"] == 180
