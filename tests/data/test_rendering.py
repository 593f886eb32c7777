"""Rendered clocks: they show the time that their label says, and are a function of the seed."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from papilio.data.rendering.camera import Camera
from papilio.data.rendering.clocks import ClockRenderer, ClockScene, spread_times
from papilio.data.rendering.dials import DialStyle
from papilio.data.rendering.sets import find_renderer, render_clocks
from papilio.data.rendering.styles import ClockStyle, varied_styles
from papilio.data.rendering.textures import Texture
from papilio.errors import SettingError

PLAIN = ClockScene(
    max_tilt=0.0,
    max_roll=0.0,
    radius=(60, 60),
    max_offset=0,
    blur=(0, 0),
    noise=(0, 0),
    glare=0,
)
BLANK = ClockStyle(dial=DialStyle(numerals="none", hour_tick=0, minute_tick=0, has_brand=False))


@pytest.fixture(scope="module")
def plain() -> ClockRenderer:
    return ClockRenderer(PLAIN, variety=[BLANK])


@pytest.fixture(scope="module")
def renderer() -> ClockRenderer:
    return ClockRenderer(seed=3)


def pointing(picture: np.ndarray, *, radius: float) -> float:
    """The direction of the darkest pixels on a circle, in turns clockwise from the top: where a hand crosses it."""
    angles = np.linspace(0, math.tau, 1440, endpoint=False)
    middle = (len(picture) - 1) / 2
    columns = np.round(middle + radius * np.sin(angles)).astype(int)
    rows = np.round(middle - radius * np.cos(angles)).astype(int)
    tones = picture[rows, columns].astype(float)
    dark = np.exp(-(tones - tones.min()) / 4)
    return float(np.angle(np.sum(dark * np.exp(1j * angles))) / math.tau % 1)


def apart(one: float, other: float) -> float:
    """The distance of two directions in turns."""
    return abs((one - other + 0.5) % 1 - 0.5)


@settings(max_examples=60, deadline=None)
@given(minute=st.integers(0, 719))
def test_the_hands_show_the_time(plain: ClockRenderer, minute: int) -> None:
    hour_angle, minute_angle = minute / 720, minute / 60 % 1
    picture = plain.draw(minute, minute)
    assert apart(pointing(picture, radius=60 * 0.68), minute_angle) < 1 / 120  # beyond the hour hand's end
    if apart(hour_angle, minute_angle) > 0.1 and apart(hour_angle + 0.5, minute_angle) > 0.1:
        angles = np.linspace(0, math.tau, 1440, endpoint=False)
        middle = (len(picture) - 1) / 2
        ring = picture[
            np.round(middle - 60 * 0.35 * np.cos(angles)).astype(int),
            np.round(middle + 60 * 0.35 * np.sin(angles)).astype(int),
        ]
        toward_hour = ring[round(hour_angle * 1440) % 1440]
        assert toward_hour <= ring.min() + 12


@settings(max_examples=40, deadline=None)
@given(
    tilt=st.floats(0, 0.8),
    azimuth=st.floats(0, 6.28),
    roll=st.floats(-3.14, 3.14),
    distance=st.floats(3, 10),
    radius=st.floats(20, 80),
    offset=st.tuples(st.floats(-20, 20), st.floats(-20, 20)),
)
def test_a_pixel_shows_the_point_that_is_seen_there(
    tilt: float, azimuth: float, roll: float, distance: float, radius: float, offset: tuple[float, float]
) -> None:
    camera = Camera(tilt, azimuth, roll, distance, radius, offset)
    u, v = camera.wall(21)
    seen = camera.project(np.column_stack([u.ravel(), v.ravel()]).astype(float))
    rows, columns = np.mgrid[0:21, 0:21] - 10.0
    np.testing.assert_allclose(seen, np.column_stack([columns.ravel(), rows.ravel()]), atol=0.01)


def test_a_dial_looked_at_squarely_is_upright_and_not_mirrored() -> None:
    camera = Camera(0, 0, 0, 5, 50)
    seen = camera.project(np.array([[0, 0], [1, 0], [0, 1]]))
    np.testing.assert_allclose(seen, [[0, 0], [50, 0], [0, -50]], atol=1e-9)
    turned = Camera(0, 0, math.pi / 2, 5, 50).project(np.array([[0, 1]]))
    assert abs(abs(turned[0, 0]) - 50) < 1e-9 and abs(turned[0, 1]) < 1e-9


def test_a_texture_is_sampled_at_the_resolution_at_which_it_is_seen() -> None:
    checks = np.indices((64, 64)).sum(axis=0) % 2
    texture = Texture(checks.astype(np.float32))
    s, t = np.meshgrid(np.linspace(0, 1, 64, endpoint=False), np.linspace(0, 1, 64, endpoint=False))
    np.testing.assert_array_equal(texture.sample(s + 1e-3, t + 1e-3, pixel=1 / 64), checks)
    assert np.all(texture.sample(s, t, pixel=1 / 8) == 0.5)
    with pytest.raises(ValueError, match="power of two"):
        Texture(np.zeros((60, 60)))


def test_a_clock_without_numerals_hangs_about_upright() -> None:
    """Turned any way, its time could not be read at all."""
    renderer = ClockRenderer(variety=[BLANK, ClockStyle()])
    rolls = [
        [abs(renderer._camera(np.random.default_rng(seed), style).roll) for seed in range(40)]
        for style in renderer.styles
    ]
    assert max(rolls[0]) <= math.radians(10) and max(rolls[1]) > math.radians(90)


def test_a_picture_is_a_function_of_seed_number_and_time(renderer: ClockRenderer) -> None:
    one = renderer.draw(7, 100)
    renderer.draw(8, 1)
    assert np.array_equal(ClockRenderer(seed=3).draw(7, 100), one)
    others = [renderer.draw(8, 100), renderer.draw(7, 110), ClockRenderer(seed=4).draw(7, 100)]
    assert not any(np.array_equal(one, other) for other in others)


def test_pictures_have_contrast_and_differ_in_light_and_place(renderer: ClockRenderer) -> None:
    pictures = np.stack(list(renderer.draw_all(range(0, 720, 30)))).astype(float)
    assert pictures.shape == (24, 150, 150)
    assert pictures.std(axis=(1, 2)).min() > 20
    assert pictures.mean(axis=(1, 2)).std() > 8
    assert np.all(pictures.min(axis=(1, 2)) < 60)


def test_varied_clocks_differ_in_what_real_ones_differ_in() -> None:
    styles = varied_styles(200, np.random.default_rng(0))
    assert {style.dial.numerals for style in styles} == {"arabic", "roman", "quarters", "none"}
    assert 0 < sum(style.dial.paper < 0.5 for style in styles) < 100
    assert all(abs(style.dial.paper - style.hands) > 0.3 for style in styles)  # hands can be seen
    assert all(style.hour_hand.length < 0.8 * style.minute_hand.length for style in styles)
    assert 0 < sum(style.second_hand is not None for style in styles) < 200
    # what tells the time is printed: without numerals there are ticks at least
    assert all(style.dial.hour_tick for style in styles if style.dial.numerals == "none")
    renderer = ClockRenderer(variety="varied", seed=1)
    faces = [dial.levels[0].mean() for dial in renderer.dials]
    assert np.std(faces) > 0.1


@pytest.mark.parametrize("num", [1, 100, 720, 1000, 18_000])
def test_times_are_spread_evenly(num: int) -> None:
    times = spread_times(num)
    counts = np.bincount(times, minlength=720)
    assert len(times) == num and len(counts) == 720
    assert counts.max() - counts.min() <= 1
    assert np.all(np.diff(times) >= 0)


def test_the_files_are_those_that_arrays_are_read_from(tmp_path: Path) -> None:
    sheet = render_clocks(tmp_path, num=30, size=64, seed=5)
    images, labels = np.load(tmp_path / "images.npy"), np.load(tmp_path / "labels.npy")
    assert images.shape == (30, 64, 64) and images.dtype == np.uint8
    assert np.array_equal(labels[:, 0] * 60 + labels[:, 1], spread_times(30))
    assert np.array_equal(images[11], ClockRenderer(size=64, seed=5).draw(11, float(spread_times(30)[11])))
    with Image.open(sheet) as picture:
        assert picture.size == (8 * 70 + 6, 4 * 86 + 6)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "contact-sheet.png",
        "images.npy",
        "labels.npy",
        "rendered.json",
    ]


def test_bad_requests_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="num = 0: at least 1"):
        render_clocks(tmp_path, num=0)
    with pytest.raises(SettingError, match="size = 8: clocks are drawn with sides from 16 to 1024"):
        render_clocks(tmp_path, size=8)
    with pytest.raises(SettingError, match="variety = wild: allowed are plain and varied"):
        find_renderer("clocks")(tmp_path, variety="wild")
    with pytest.raises(SettingError, match="clock is not a set that Papilio draws; did you mean clocks"):
        find_renderer("clock")
    assert not list(tmp_path.iterdir())
