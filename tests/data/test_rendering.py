"""Rendered clocks: they show the time that their label says, and are a function of the seed."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from papilio.data.load import load_images
from papilio.data.quantities import CLOCK
from papilio.data.rendering import drawing
from papilio.data.rendering.camera import Camera
from papilio.data.rendering.clocks import ClockRenderer, mixed_clocks
from papilio.data.rendering.faces import ClockFace
from papilio.data.rendering.gauges import GaugeRenderer
from papilio.data.rendering.instruments import aside_clocks, plain_clock, varied_clocks, varied_gauges
from papilio.data.rendering.renderers import RENDERERS
from papilio.data.rendering.scene import Scene
from papilio.data.rendering.sets import VERSION, render_set
from papilio.data.rendering.settings import RenderSettings
from papilio.data.rendering.textures import Texture
from papilio.errors import DataError, SettingError

PLAIN = Scene(
    max_tilt=0.0,
    max_roll=0.0,
    radius=(60, 60),
    max_offset=0,
    blur=(0, 0),
    noise=(0, 0),
    glare=0,
)
BLANK = plain_clock(ClockFace(numerals="none", hour_tick=0, minute_tick=0, has_brand=False))


@pytest.fixture(scope="module")
def plain() -> ClockRenderer:
    return ClockRenderer(scene=PLAIN, instruments=[BLANK])


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
    view = camera.view(21)
    u, v = view.linear((1, 0, 0), (0, 1, 0))
    seen = camera.project(np.column_stack([u.ravel(), v.ravel()]).astype(float))
    rows, columns = np.mgrid[0:21, 0:21] - 10.0
    np.testing.assert_allclose(seen, np.column_stack([columns.ravel(), rows.ravel()]), atol=0.01)
    window = (slice(3, 9), slice(5, 20))
    (part,) = view.part(window).linear((2, -3, 0.5))
    np.testing.assert_allclose(part, (2 * u - 3 * v + 0.5)[window], atol=1e-4, rtol=1e-4)


def test_a_window_has_every_pixel_that_a_shape_covers() -> None:
    renderer = ClockRenderer(seed=5).renderer
    clock = plain_clock()
    for seed in range(30):
        camera = renderer._camera(np.random.default_rng(seed), clock)
        hand = clock.pointers[1].shape  # pyright: ignore[reportOptionalMemberAccess]
        direction, pixel = seed * 0.7, 1 / camera.radius
        shadow = (0.05, -0.04)
        looks = ((pixel, (0.0, 0.0)), (2 * pixel, shadow))
        outline = hand.corners(direction, (0.0, 0.0), shadow, margin=2 * pixel + 0.02)
        (window,) = camera.windows(np.array([outline]), size=150)
        everywhere = hand.covers(camera.view(150), direction, *looks)
        inside = np.zeros_like(everywhere)
        inside[:, *window] = hand.covers(camera.view(150).part(window), direction, *looks)
        np.testing.assert_allclose(inside, everywhere, atol=1e-3)


def test_a_dial_looked_at_squarely_is_upright_and_not_mirrored() -> None:
    camera = Camera(0, 0, 0, 5, 50)
    seen = camera.project(np.array([[0, 0], [1, 0], [0, 1]]))
    np.testing.assert_allclose(seen, [[0, 0], [50, 0], [0, -50]], atol=1e-9)
    turned = Camera(0, 0, math.pi / 2, 5, 50).project(np.array([[0, 1]]))
    assert abs(abs(turned[0, 0]) - 50) < 1e-9 and abs(turned[0, 1]) < 1e-9


def test_a_texture_is_sampled_at_the_resolution_at_which_it_is_seen() -> None:
    checks = np.indices((64, 64)).sum(axis=0) % 2
    texture = Texture(checks.astype(np.float32))
    view = Camera(0, 0, 0, 5, 32).view(64)  # 64 pixels show u and v from -1 to 1
    sides = ((0.5, 0, 0.5), (0, -0.5, 0.5))
    np.testing.assert_array_equal(texture.sample(view, *sides, pixel=1 / 64, fineness=1), checks)
    assert np.all(np.abs(texture.sample(view, *sides, pixel=1 / 8, fineness=1) - 0.5) < 0.01)
    with pytest.raises(ValueError, match="power of two"):
        Texture(np.zeros((60, 60)))


def test_a_clock_without_numerals_hangs_about_upright() -> None:
    """Turned any way, its time could not be read at all."""
    renderer = ClockRenderer(instruments=[BLANK, plain_clock()]).renderer
    rolls = [
        [abs(renderer._camera(np.random.default_rng(seed), clock).roll) for seed in range(40)]
        for clock in renderer.instruments
    ]
    assert max(rolls[0]) <= math.radians(10) and max(rolls[1]) > math.radians(90)


def test_a_picture_is_a_function_of_seed_number_and_time(renderer: ClockRenderer) -> None:
    one = renderer.draw(7, 100)
    renderer.draw(8, 1)
    assert np.array_equal(ClockRenderer(seed=3).draw(7, 100), one)
    others = [renderer.draw(8, 100), renderer.draw(7, 110), ClockRenderer(seed=4).draw(7, 100)]
    assert not any(np.array_equal(one, other) for other in others)


def test_pictures_have_contrast_and_differ_in_light_and_place(renderer: ClockRenderer) -> None:
    pictures = np.stack([renderer.draw(number, 30 * number) for number in range(24)]).astype(float)
    assert pictures.shape == (24, 150, 150)
    assert pictures.std(axis=(1, 2)).min() > 20
    assert pictures.mean(axis=(1, 2)).std() > 8
    assert np.all(pictures.min(axis=(1, 2)) < 60)


def test_varied_clocks_differ_in_what_real_ones_differ_in() -> None:
    clocks = varied_clocks(200, np.random.default_rng(0))
    faces = [clock.face for clock in clocks]
    assert {face.numerals for face in faces} == {"arabic", "roman", "quarters", "none"}  # pyright: ignore
    assert 0 < sum(face.paper < 0.5 for face in faces) < 100
    for clock in clocks:
        hour, minute, second = clock.pointers
        assert hour is not None and minute is not None
        assert abs(clock.face.paper - hour.tone) > 0.3  # hands can be seen
        assert hour.shape.length < 0.8 * minute.shape.length
        assert second is None or second.shape.root < minute.shape.root
        assert max(minute.shape.length, clock.face.tick_end) < clock.face_end + 0.05  # nothing lies below the rim
    for has in (
        lambda clock: clock.face.has_turned_numerals,
        lambda clock: clock.face.has_dots,
        lambda clock: clock.face.quarter > 1,
        lambda clock: clock.face.hour_tick > 0.2,
        lambda clock: clock.face_end < 0.85,
        lambda clock: clock.pointers[2],
        lambda clock: clock.pointers[0].is_hollow,
        lambda clock: clock.is_square,
    ):
        assert 0 < sum(bool(has(clock)) for clock in clocks) < 200
    # what tells the time is printed: without numerals there are ticks at least
    assert all(face.hour_tick for face in faces if not face.shows_up)  # pyright: ignore


def test_marks_and_numerals_are_printed_as_they_are_asked_for() -> None:
    def printed(**settings: Any) -> np.ndarray:
        usual = {"minute_tick": 0.0, "has_brand": False, "font": "DejaVuSans.ttf"}
        return ClockFace(**usual | settings).draw().levels[0] < 128

    ring = np.hypot(*(np.mgrid[0:512, 0:512] - 255.5)) / 256
    bare = {"numerals": "none", "hour_tick": 0.2, "hour_width": 0.05}
    ticks, dots, quarters = printed(**bare), printed(**bare, has_dots=True), printed(**bare, quarter=1.5)
    assert ticks[ring < 0.67].sum() == dots[ring < 0.67].sum() == 0
    assert dots[(ring > 0.7) & (ring < 0.76)].sum() == 0 < ticks[(ring > 0.7) & (ring < 0.76)].sum()
    assert quarters.sum() == pytest.approx(ticks.sum() * (8 + 4 * 1.5**2) / 12, rel=0.05)
    upright, turned = (printed(hour_tick=0.0, has_turned_numerals=one) for one in (False, True))
    twelve, six = (slice(55, 117), slice(222, 290)), (slice(395, 457), slice(222, 290))
    assert upright[twelve].any() and np.mean(upright[twelve] != turned[twelve]) < 0.06
    assert np.mean(upright[six] != turned[six]) > 0.1  # it stands on its head
    assert np.mean(upright[six][::-1, ::-1] != turned[six]) < 0.06
    assert turned.sum() == pytest.approx(upright.sum(), rel=0.03)


def test_what_is_kept_aside_is_not_among_the_varied() -> None:
    rng = np.random.default_rng
    usual, aside = varied_clocks(200, rng(0)), aside_clocks(200, rng(0))
    fonts = [{clock.face.font for clock in clocks} for clocks in (usual, aside)]  # pyright: ignore
    assert not fonts[0] & fonts[1] and len(fonts[1]) == 5
    shapes = [{(round(one.tip / one.root, 2), one.root) for clock in clocks for one in [clock.pointers[0].shape]}  # pyright: ignore
              for clocks in (usual, aside)]  # fmt: skip
    assert not shapes[0] & shapes[1]
    assert {ratio < 0.1 or ratio > 2 for ratio, _ in shapes[1]} == {True}
    mixed = mixed_clocks(rng(0))
    assert sum(clock == plain_clock() for clock in mixed) == len(mixed) / 2


def test_colors_are_of_the_same_scenes() -> None:
    grey, rgb = (ClockRenderer("varied", seed=1, size=80, color=color) for color in ("grey", "rgb"))  # pyright: ignore
    pictures = [rgb.draw(number, 100) for number in range(12)]
    assert all(picture.shape == (80, 80, 3) for picture in pictures)
    weights = [0.299, 0.587, 0.114]
    for number, picture in enumerate(pictures):
        plain = grey.draw(number, 100).astype(float)
        assert np.corrcoef((picture @ weights).ravel(), plain.ravel())[0, 1] > 0.75
    assert np.mean([np.ptp(picture.mean(axis=(0, 1))) for picture in pictures]) > 5


@pytest.mark.parametrize("size", [16, 1024])
def test_the_smallest_and_the_largest_pictures_are_drawn(size: int) -> None:
    picture = ClockRenderer(size=size, color="rgb").draw(0, 400)
    assert picture.shape == (size, size, 3) and picture.std() > 10


def test_a_gauge_shows_its_value() -> None:
    renderer = GaugeRenderer(scene=PLAIN)
    for value in (0.0, 12.5, 50.0, 80.0, 100.0):
        picture = renderer.draw(0, value)
        turn = pointing(picture, radius=60 * 0.35)
        assert apart(turn, 0.75 * value / 100 - 0.375) < 0.02
    values = renderer.values(5000, 0)
    assert values.min() >= 0 and values.max() <= 100 and abs(values.mean() - 50) < 2
    assert GaugeRenderer.quantity.period == pytest.approx(400 / 3)
    names = {gauge.face.name for gauge in varied_gauges(60, np.random.default_rng(0))}  # pyright: ignore
    assert len(names) == 5


@pytest.mark.parametrize("num", [1, 100, 720, 1000, 18_000])
def test_times_are_spread_evenly(num: int) -> None:
    times = ClockRenderer.values(num, 0)
    counts = np.bincount(times, minlength=720)
    assert len(times) == num and len(counts) == 720
    assert counts.max() - counts.min() <= 1
    assert np.all(np.diff(times) >= 0)


def test_the_files_are_those_that_arrays_are_read_from(tmp_path: Path) -> None:
    sheet = render_set("clocks", tmp_path, RenderSettings(num=30, size=64, seed=5))
    images, labels = np.load(tmp_path / "images.npy"), np.load(tmp_path / "labels.npy")
    times = ClockRenderer.values(30, 5)
    assert images.shape == (30, 64, 64) and images.dtype == np.uint8
    assert np.array_equal(labels[:, 0] * 60 + labels[:, 1], times)
    assert np.array_equal(images[11], ClockRenderer(size=64, seed=5).draw(11, float(times[11])))
    with Image.open(sheet) as picture:
        assert picture.size == (8 * 70 + 6, 4 * 86 + 6)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "contact-sheet.png",
        "images.npy",
        "labels.npy",
        "rendered.json",
    ]


def test_several_processes_draw_what_one_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = RenderSettings(num=250, size=32, variety="varied", color="rgb")
    seen: list[tuple[int, int, str]] = []
    drawing.draw_images(tmp_path / "one.npy", "gauges", settings, progress=None)
    monkeypatch.setattr(drawing, "WORTH_A_PROCESS", 100)
    monkeypatch.setattr(drawing, "available_cores", lambda: 2)
    drawing.draw_images(tmp_path / "two.npy", "gauges", settings, progress=lambda *args: seen.append(args))
    assert (tmp_path / "one.npy").read_bytes() == (tmp_path / "two.npy").read_bytes()
    assert np.load(tmp_path / "two.npy").shape == (250, 32, 32, 3)
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen) and seen[-1] == (
        250,
        250,
        "drawing gauges",
    )


def test_a_process_that_cannot_draw_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "WORTH_A_PROCESS", 100)
    monkeypatch.setattr(drawing, "available_cores", lambda: 2)
    monkeypatch.setattr(drawing.sys, "executable", "/bin/false")
    with pytest.raises(DataError, match="a drawing process ended early: 1"):
        drawing.draw_images(tmp_path / "images.npy", "clocks", RenderSettings(num=250, size=32), progress=None)
    assert not list(tmp_path.iterdir())


def test_a_drawn_set_is_an_image_set_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPILIO_CACHE", str(tmp_path))
    clocks = load_images("clocks", render={"num": 60, "size": 32}, size=16)
    assert (
        clocks.quantity == CLOCK and clocks.image_shape == (1, 16, 16) and "drawn by Papilio: num 60" in clocks.origin
    )
    (folder,) = (tmp_path / "rendered").iterdir()
    before = (folder / "images.npy").stat().st_mtime_ns
    assert load_images("clocks", render={"num": 60, "size": 32}, size=16).checksum == clocks.checksum
    assert (folder / "images.npy").stat().st_mtime_ns == before
    facts = json.loads((folder / "rendered.json").read_text())
    outdated = tmp_path / "rendered" / "clocks-old"
    outdated.mkdir()
    (outdated / "rendered.json").write_text(json.dumps(facts | {"version": facts["version"] - 1}))
    (outdated / "images.npy").write_bytes(b"")
    gauges = load_images("gauges", render={"num": 40, "size": 32, "color": "rgb"}, color="grey")
    assert folder.exists() and not outdated.exists()
    assert gauges.quantity == GaugeRenderer.quantity and gauges.image_shape == (1, 32, 32)
    with pytest.raises(SettingError, match=r"data\.render: number is not a setting of drawing; did you mean num"):
        load_images("clocks", render={"number": 60})
    with pytest.raises(
        DataError,
        match="digits: render works only with the sets that Papilio draws: clocks, gauges, butterflies, brush-kanji",
    ):
        load_images("digits", render={"num": 60})


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"num": 0}, "num = 0: at least 1"),
        ({"num": 1.5}, "num = 1.5: expected a whole number"),
        ({"size": 8}, "size = 8: pictures are drawn with sides from 16 to 1024"),
        ({"seed": -1}, "seed = -1: must be 0 or more"),
        ({"color": "red"}, "color = red: allowed are gray and rgb"),
    ],
)
def test_bad_requests_are_one_line(tmp_path: Path, settings: dict, complaint: str) -> None:
    with pytest.raises(SettingError, match=complaint):
        RenderSettings.of(settings)
    with pytest.raises(SettingError, match="variety = wild: allowed are plain, varied, mixed, aside"):
        render_set("clocks", tmp_path, RenderSettings(variety="wild"))
    with pytest.raises(SettingError, match="variety = wild: allowed are plain, varied, mixed, aside"):
        ClockRenderer("wild")
    with pytest.raises(SettingError, match="variety = aside: allowed are plain, varied"):
        render_set("gauges", tmp_path, RenderSettings(variety="aside"))
    with pytest.raises(SettingError, match="clock is not a set that Papilio can draw; did you mean clocks"):
        render_set("clock", tmp_path, RenderSettings())
    assert not list(tmp_path.iterdir())


# mean brightness of the four quarters of picture 0, 32 pixels wide
KNOWN_PIXELS = {
    ("clocks", "plain"): [133, 105, 138, 104],
    ("clocks", "varied"): [99, 94, 94, 109],
    ("clocks", "mixed"): [87, 92, 103, 98],
    ("clocks", "aside"): [95, 90, 98, 99],
    ("gauges", "plain"): [91, 89, 93, 75],
    ("gauges", "varied"): [69, 69, 59, 59],
}


@pytest.mark.parametrize(("name", "variety"), list(KNOWN_PIXELS))
def test_other_pixels_need_another_version(name: str, variety: str) -> None:
    """Caches keep what was drawn by the version: whoever changes pixels raises VERSION, and then these numbers."""
    assert VERSION == 2
    renderer = RENDERERS[name](variety, size=32, seed=0)
    picture = renderer.draw(0, float(renderer.values(40, 0)[0]))
    quarters = picture.reshape(2, 16, 2, 16).mean(axis=(1, 3)).ravel()
    np.testing.assert_allclose(quarters, KNOWN_PIXELS[name, variety], atol=1)
