"""What the page computes by itself, compared with NumPy: its modules, loaded by the browser as they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from papilio.data.quantities import CLOCK
from papilio.runs.train import rim_brightness

MATH = Path(__file__).parents[3] / "web" / "src" / "math"


@pytest.fixture(scope="module")
def page(browser: Any) -> Iterator[Any]:
    opened = browser.new_page()
    for name in ("grid", "vectors", "polygon", "numbers", "quantity", "colors", "free", "rim"):
        source = (MATH / f"{name}.js").read_text(encoding="utf-8")
        opened.evaluate(
            "async ([name, source]) => { window[name] = await import('data:text/javascript,' + encodeURIComponent(source)) }",
            [name, source],
        )
    yield opened
    opened.close()


def test_the_grid_finds_the_nearest_points_from_everywhere(page: Any) -> None:
    random = np.random.default_rng(0)
    points = np.concatenate([random.normal(0, 1, (400, 2)), random.normal(20, 0.1, (50, 2))]).astype(np.float32)
    queries = np.concatenate([random.uniform(-3, 22, (40, 2)), [[-100, 3], [50, 50], [0, 300]]]).astype(np.float32)
    found = page.evaluate(
        """([points, queries]) => { const made = grid.makeGrid(Float32Array.from(points.flat()));
          return queries.map(([x, y]) => made.nearest(x, y, 5).indices) }""",
        [points.tolist(), queries.tolist()],
    )
    for query, indices in zip(queries, found, strict=True):
        distances = np.linalg.norm(points - query, axis=1)
        assert np.allclose(np.sort(distances)[:5], distances[indices], rtol=1e-5)


def test_points_in_view_and_inside_of_a_polygon(page: Any) -> None:
    points = np.random.default_rng(1).uniform(-1, 1, (500, 2)).astype(np.float32)
    given = points.tolist()
    seen = page.evaluate(
        "points => grid.makeGrid(Float32Array.from(points.flat())).inside(-0.5, -0.25, 0.5, 0.75)", given
    )
    inside = (np.abs(points[:, 0]) <= 0.5) & (points[:, 1] >= -0.25) & (points[:, 1] <= 0.75)
    assert sorted(seen) == np.flatnonzero(inside).tolist()
    diamond = page.evaluate(
        "points => polygon.pointsInside(Float32Array.from(points.flat()), [0.5, 0, 0, 0.5, -0.5, 0, 0, -0.5])", given
    )
    assert diamond == np.flatnonzero(np.abs(points).sum(axis=1) < 0.5).tolist()


def test_nearest_latents_are_those_of_brute_force(page: Any) -> None:
    latents = np.random.default_rng(2).normal(0, 1, (300, 7)).astype(np.float32)
    query = latents[5] + 0.1
    found = page.evaluate(
        "([rows, query]) => vectors.nearestRows(Float32Array.from(rows.flat()), 7, query, 4, index => index !== 5)",
        [latents.tolist(), query.tolist()],
    )
    distances = np.linalg.norm(latents - query, axis=1)
    distances[5] = np.inf
    assert found["indices"] == np.argsort(distances)[:4].tolist()
    assert np.allclose(found["distances"], np.sort(distances)[:4], rtol=1e-5)


def test_the_plane_of_pca_there_and_back(page: Any) -> None:
    random = np.random.default_rng(3)
    directions, _ = np.linalg.qr(random.normal(0, 1, (6, 2)))
    plane = np.concatenate([random.normal(0, 1, (1, 6)), directions.T]).astype(np.float32)
    back = page.evaluate(
        """plane => { const given = Float32Array.from(plane.flat());
          return vectors.project(given, 6, vectors.unproject(given, 6, 1.5, -0.25)) }""",
        plane.tolist(),
    )
    assert np.allclose([back["x"], back["y"]], [1.5, -0.25], atol=1e-5)


def test_a_spherical_way_keeps_its_distance_from_the_center_and_a_linear_one_is_straight(page: Any) -> None:
    ends = """way => { const a = Float32Array.of(2, 1, 0), b = Float32Array.of(1, 1, 1), center = [1, 1, 0];
      return [0, 0.25, 0.5, 1].map(share => [...vectors.between(a, b, share, way, center)]) }"""
    start, quarter, middle, end = np.array(page.evaluate(ends, "spherical"))
    assert np.allclose([start, end], [[2, 1, 0], [1, 1, 1]], atol=1e-6)
    assert np.allclose(middle, [1 + np.sqrt(0.5), 1, np.sqrt(0.5)], atol=1e-6)
    assert np.allclose(quarter - [1, 1, 0], [np.cos(np.pi / 8), 0, np.sin(np.pi / 8)], atol=1e-6)
    assert np.allclose(page.evaluate(ends, "linear")[2], [1.5, 1, 0.5], atol=1e-6)


def test_numbers_have_a_minus_sign_and_zero_has_none(page: Any) -> None:
    written = page.evaluate("[-0.001, 0, 0.5, -2.456].map((value) => numbers.decimal(value, '+'))")
    assert written == ["0.00", "0.00", "+0.50", "\N{MINUS SIGN}2.46"]


def test_a_probability_is_certain_only_where_it_is_one(page: Any) -> None:
    written = page.evaluate("[1, 0.99999, 0.5, 0.589, 0.00001, 0].map(numbers.percent)")
    assert written == ["100%", ">99.9%", "50%", "58.9%", "<0.1%", "0%"]


def test_values_are_written_as_papilio_writes_times(page: Any) -> None:
    values = [0, 59.7, 333, 719.6, 720, 61]
    told = page.evaluate(
        "([about, values]) => values.map(one => quantity.valueWords(about, one))", [asdict(CLOCK), values]
    )
    assert told == [CLOCK.words(value) for value in values]
    degrees = {"period": 360, "unit": "°", "is_time": False}
    assert page.evaluate("about => quantity.valueWords(about, 12.345)", degrees) == "12.3°"
    assert page.evaluate("about => quantity.valueWords(about, NaN)", degrees) == "unknown"


@pytest.mark.parametrize("shape", [(5, 7, 3), (8, 4, 1)])
def test_the_rim_of_an_image_is_as_light_as_papilio_finds_it(page: Any, shape: tuple[int, int, int]) -> None:
    image = np.random.default_rng(4).integers(0, 256, shape, dtype=np.uint8)
    found = page.evaluate("([image, shape]) => rim.rimBrightness(image, shape)", [image.ravel().tolist(), shape])
    assert found == pytest.approx(rim_brightness(image.transpose(2, 0, 1)[None]))


def test_colors_of_many_classes_differ_from_those_next_to_them_and_a_circle_s_do_not(page: Any) -> None:
    def channels(expression: str) -> np.ndarray:
        found = page.evaluate(expression)
        return np.array([[int(one[at : at + 2], 16) for at in (1, 3, 5)] for one in found])

    many = channels("() => colors.classColors(440, false)")
    assert len(many) == 440
    assert np.abs(np.diff(many, axis=0)).max(axis=1).min() > 60
    circle = channels("() => colors.cyclic")
    assert np.abs(circle - np.roll(circle, 1, axis=0)).max() < 40


def test_thumbnails_have_places_that_do_not_cover_each_other(page: Any) -> None:
    points = np.random.default_rng(0).uniform(-200, 200, (300, 2))
    free = page.evaluate(
        "points => { const isFree = free.freePlaces(42); return points.map(([x, y]) => isFree(x, y)) }", points.tolist()
    )
    taken = points[np.array(free)]
    apart = np.abs(taken[:, None] - taken[None]).max(axis=2) + 1e6 * np.eye(len(taken))
    assert apart.min() >= 42
    for place in points[~np.array(free)]:
        assert np.abs(taken - place).max(axis=1).min() < 42
