"""Films of what a net generates, epoch by epoch, and lines of what is recorded."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from papilio.drawing import films
from papilio.drawing.films import film_uri, frames_of, save_film
from papilio.drawing.line_figures import MOST_FAINT, lines, moving_mean, thinned


def some_images(epochs: int, *, channels: int = 1, side: int = 8) -> np.ndarray:
    images = np.random.default_rng(0).integers(0, 256, (epochs, 5, channels, side, side))
    return images.astype(np.uint8)


def durations(content: bytes) -> list[int]:
    found = []
    for frame in ImageSequence.Iterator(Image.open(io.BytesIO(content))):
        frame.load()
        found.append(frame.info["duration"])
    return found


@pytest.mark.parametrize("channels", [1, 3])
def test_a_film_goes_to_its_end_and_is_held_there(channels: int, tmp_path: Path) -> None:
    frames = frames_of(some_images(7, channels=channels), range(1, 8), columns=3)
    assert len(frames) == 7 and frames[0].mode == ("L" if channels == 1 else "RGB")
    assert frames[0].size == (3 * (48 + 2) + 2, 2 * (48 + 2) + 2 + 13 + 20 - 2)
    for path in save_film(frames, folder=tmp_path, name="film"):
        shown = durations(path.read_bytes())
        assert len(shown) == 7 and shown[-1] == 2500 and shown[1] == 300
    content = base64.b64decode(film_uri(frames).removeprefix("data:image/webp;base64,"))
    assert durations(content) == durations((tmp_path / "film.webp").read_bytes())


def test_of_many_epochs_some_are_shown_the_last_among_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    images = np.zeros((300, 1, 1, 8, 8), dtype=np.uint8)
    images[-1] = 255
    frames = frames_of(images, range(1, 301), columns=1)
    assert len(frames) == films.MOST_FRAMES
    assert np.asarray(frames[-1])[10, 10] == 255 and np.asarray(frames[-2])[10, 10] == 0
    alone = len(base64.b64decode(film_uri(frames_of(some_images(1), [1], columns=3)).partition(",")[2]))
    monkeypatch.setattr(films, "MOST_BYTES", 3 * alone)
    noisy = frames_of(some_images(40), range(1, 41), columns=3)
    path, _ = save_film(noisy, folder=tmp_path, name="film")
    assert path.stat().st_size <= 3 * alone and 1 <= len(durations(path.read_bytes())) < 10


def test_one_epoch_is_a_film_too(tmp_path: Path) -> None:
    for path in save_film(frames_of(some_images(1), [1], columns=8), folder=tmp_path, name="film"):
        assert Image.open(io.BytesIO(path.read_bytes())).size == (5 * 50 + 2, 50 + 2 + 13 + 20 - 2)


def test_a_moving_mean_keeps_places_and_level() -> None:
    line = np.stack([np.arange(100.0), 3 + np.tile([-1.0, 1.0], 50)], axis=1)
    mean = moving_mean(line, window=10)
    np.testing.assert_allclose(mean[:, 1], 3, atol=1e-12)
    np.testing.assert_allclose(mean[:, 0], np.arange(4.5, 95.5), atol=1e-9)


def test_thinned_lines_keep_their_peaks() -> None:
    values = np.random.default_rng(0).normal(size=50_000)
    values[12_345], values[40_001] = 99.0, -99.0
    line = thinned(np.stack([np.arange(50_000.0), values], axis=1))
    assert len(line) <= MOST_FAINT and np.all(np.diff(line[:, 0]) > 0)
    assert line[:, 1].max() == 99 and line[:, 1].min() == -99
    assert thinned(line[:20]) is not None and len(thinned(line[:20])) == 20


@pytest.mark.parametrize("num", [1, 5, 2000])
def test_every_line_has_its_name(num: int) -> None:
    line = np.stack([np.arange(num) + 1.0, np.linspace(0, 1, num)], axis=1)
    odd = np.concatenate([line, [[num + 1.0, np.nan]]])
    figure = lines({"generator": line, "discriminator": odd}, title="Loss", place="batch", limits=(0, 1))
    (axes,) = figure.axes
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["generator", "discriminator"]
    assert axes.get_ylim() == (0, 1) and axes.get_xlabel() == "batch"
    assert all(np.isfinite(np.asarray(drawn.get_ydata(), dtype=float)).all() for drawn in axes.lines)
    assert len(axes.lines) == (4 if num > 300 else 2)
    assert not lines({"alone": line}, title="Loss", place="epoch").legends
