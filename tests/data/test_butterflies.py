"""Drawn butterflies: each factor changes what it should, and factors stay with their images."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from papilio.data.catalogue import describe
from papilio.data.factors import read_factors
from papilio.data.imageset import ImageSet
from papilio.data.load import load_images
from papilio.data.rendering.butterflies import CORRELATION, RANGES, Butterfly, ButterflyRenderer, correlated_pair
from papilio.data.rendering.renderers import settings_of
from papilio.data.rendering.sets import VERSION, render_set
from papilio.data.rendering.wings import SHAPES
from papilio.errors import DataError, SettingError
from papilio.workers.sharing import attach_images, share_images

USUAL = Butterfly(hue=30.0, wing_width=0.9, wing_shape=0, spots=2, angle=0.0, body=1.0)
RENDERER = ButterflyRenderer()


def cover(butterfly: Butterfly) -> np.ndarray:
    """How much of each pixel the butterfly covers: float32 (64, 64)."""
    return RENDERER.cut_out(butterfly)[1]


def width(covered: np.ndarray) -> int:
    """Columns in which it covers anything."""
    return int(np.sum(covered.max(axis=0) > 0.5))


def test_hue_and_spots_leave_the_outline_as_it_is() -> None:
    for changed in (USUAL._replace(hue=200.0), USUAL._replace(spots=4)):
        assert np.array_equal(cover(changed), cover(USUAL))
        assert np.abs(RENDERER.draw(0, changed).astype(int) - RENDERER.draw(0, USUAL)).max() > 60


def test_hues_go_from_red_to_blue() -> None:
    means = [RENDERER.cut_out(USUAL._replace(hue=hue))[0].mean(axis=(0, 1)).argmax() for hue in (0.0, 110.0, 215.0)]
    assert means == [0, 1, 2]


def test_spots_are_where_they_are_and_change_nothing_else() -> None:
    pictures = [RENDERER.draw(0, USUAL._replace(spots=num)).astype(int) for num in range(5)]
    changed = [np.abs(after - before).max(axis=-1) > 0 for before, after in itertools.pairwise(pictures)]
    for mask in changed:
        assert 20 < mask.sum() < 100  # two discs of some 6 pixels across
        assert mask[:, :32].sum() > 10 and mask[:, 32:].sum() > 10
    assert not np.any(changed[0] & changed[1])


def test_wing_width_stretches_to_the_sides_only() -> None:
    narrow, wide = (cover(USUAL._replace(wing_width=value)) for value in RANGES["wing_width"])
    assert width(wide) / width(narrow) == pytest.approx(1.15 / 0.65, abs=0.1)
    assert np.array_equal(narrow.max(axis=1) > 0.5, wide.max(axis=1) > 0.5)


def test_the_body_changes_only_near_the_middle() -> None:
    thin, thick = (RENDERER.draw(0, USUAL._replace(body=value)).astype(int) for value in RANGES["body"])
    columns = np.flatnonzero((np.abs(thick - thin).max(axis=-1) > 12).any(axis=0))
    assert 20 < columns.min() < 31 < columns.max() < 43


def test_the_angle_turns_a_symmetrical_butterfly() -> None:
    straight = cover(USUAL)
    assert np.array_equal(straight, straight[:, ::-1])
    left, right = (cover(USUAL._replace(angle=angle)) for angle in (30.0, -30.0))
    assert np.abs(left - right[:, ::-1]).mean() < 1e-3
    assert left.sum() == pytest.approx(straight.sum(), rel=0.02)
    thin, thick = (RENDERER.draw(0, USUAL._replace(angle=40.0, body=value)).astype(int) for value in (0.5, 2.0))
    body = np.argwhere(np.abs(thick - thin).max(axis=-1) > 12)
    assert body[body[:, 0] < 26, 1].mean() < 31 < body[body[:, 0] > 38, 1].mean()  # the head is on the left


@pytest.mark.parametrize("shape", range(len(SHAPES)))
def test_wings_are_inside_the_picture(shape: int) -> None:
    for angle in (-40.0, -20.0, 0.0, 20.0, 40.0):
        widest = cover(USUAL._replace(wing_width=1.15, angle=angle, wing_shape=shape))
        assert max(widest[0].max(), widest[-1].max(), widest[:, 0].max(), widest[:, -1].max()) == 0


def test_every_shape_has_an_outline_of_its_own() -> None:
    covers = [cover(USUAL._replace(wing_shape=number)) for number in range(len(SHAPES))]
    for index, one in enumerate(covers):
        assert all(np.sum(np.abs(one - other) > 0.5) > 60 for other in covers[:index])


def test_the_background_differs_little_and_is_no_factor() -> None:
    one, other = (ButterflyRenderer().draw(number, USUAL).astype(int) for number in (1, 2))
    away = cover(USUAL) == 0
    assert 0 < np.abs(one - other)[away].mean() < 12
    assert np.array_equal(one[cover(USUAL) == 1], other[cover(USUAL) == 1])


def test_the_same_seed_draws_the_same() -> None:
    settings = settings_of("butterflies", {"num": 12})
    assert (settings.size, settings.color) == (64, "rgb") and settings_of("butterflies", {}).num == 12_000
    values = ButterflyRenderer.shown(settings)
    assert np.array_equal(values, ButterflyRenderer.shown(settings))
    first, again = (ButterflyRenderer(seed=0).draw(3, values[3].tolist()) for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, ButterflyRenderer(seed=1).draw(3, values[3].tolist()))
    assert ButterflyRenderer(color="grey", size=32).draw(3, values[3].tolist()).shape == (32, 32)
    # caches keep what was drawn by the version: whoever changes pixels raises VERSION, and then these numbers
    assert VERSION == 2
    np.testing.assert_allclose(first.reshape(2, 32, 2, 32, 3).mean(axis=(1, 3, 4)).ravel(), KNOWN, atol=1)


KNOWN = [188.9, 194.5, 180.0, 172.7]


def test_factors_are_independent_or_correlated_as_stated() -> None:
    plain, correlated = (
        ButterflyRenderer.shown(settings_of("butterflies", {"num": 20_000, "variety": variety}))
        for variety in ("plain", "correlated")
    )
    # the standard error of a correlation of 0 is 0.007
    assert np.abs(np.corrcoef(plain.T) - np.eye(6)).max() < 0.03
    found = np.corrcoef(correlated.T)
    assert found[0, 1] == pytest.approx(CORRELATION, abs=0.01)
    found[0, 1] = found[1, 0] = 0
    assert np.abs(found - np.eye(6)).max() < 0.03
    for name, (low, high) in RANGES.items():
        column = plain[:, Butterfly._fields.index(name)]
        assert low <= column.min() and column.max() <= high
        assert column.mean() == pytest.approx((low + high) / 2, rel=0.02, abs=0.5)
    first, second = correlated_pair(1000, -0.5, np.random.default_rng(0))
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(-0.5, abs=0.08)
    assert np.array_equal(np.sort(first), (np.arange(1000) + 0.5) / 1000)


@pytest.fixture
def butterflies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ImageSet:
    """A set of 60, and where it is kept."""
    monkeypatch.setenv("PAPILIO_CACHE", str(tmp_path))
    return load_images("butterflies", render={"num": 60})


def test_factors_stay_with_their_images(butterflies: ImageSet, tmp_path: Path) -> None:
    values = ButterflyRenderer.shown(settings_of("butterflies", {"num": 60}))
    assert butterflies.class_names == tuple(SHAPES) and butterflies.image_shape == (3, 64, 64)
    assert [len(butterflies.indices(name)) for name in ("train", "validation", "test")] == [50, 5, 5]
    assert butterflies.factors is not None and butterflies.factors["spots"].dtype == np.int64
    assert np.array_equal(np.stack(list(butterflies.factors.values()), axis=1), values)
    assert np.array_equal(butterflies.factors["wing_shape"], butterflies.labels)
    part = butterflies.fraction(0.5)
    assert part.factors is not None and len(part.images) < 40
    for image, hue in zip(part.images, part.factors["hue"], strict=True):
        (index,) = np.flatnonzero((butterflies.images == image).all(axis=(1, 2, 3)))
        assert hue == values[index, 0]
    again = load_images("butterflies", render={"num": 60}, labels="none", size=16).fold(1, of=5, seed=0)
    assert again.factors is not None and np.array_equal(again.factors["hue"], values[:, 0])
    assert describe(butterflies)["factors"]["spots"] == "0 to 4"
    shared = attach_images(share_images(butterflies, tmp_path))
    assert shared.factors is None and shared.checksum == butterflies.checksum


def test_factors_lie_beside_files_of_images(tmp_path: Path) -> None:
    render_set("butterflies", tmp_path, settings_of("butterflies", {"num": 24, "size": 32}))
    loaded = load_images(tmp_path / "images.npy", labels=tmp_path / "labels.npy")
    values = ButterflyRenderer.shown(settings_of("butterflies", {"num": 24}))
    assert loaded.factors is not None and np.array_equal(loaded.factors["angle"], values[:, 4])
    table = tmp_path / "factors.csv"
    for text, complaint in (
        ("hue\n1\n", "1 names and 1 rows, expected different names and 24 rows"),
        ("hue\n" + "red\n" * 24, "cannot be read as factors .*red"),
        ("hue\n" + "nan\n" * 24, "factor hue is float64 .*expected a finite number for each of 24 images"),
        ("", "cannot be read as factors"),
    ):
        table.write_text(text)
        with pytest.raises(DataError, match=complaint):
            load_images(tmp_path / "images.npy", labels=tmp_path / "labels.npy")
    with pytest.raises(DataError, match="cannot be read as factors"):
        read_factors(tmp_path / "nowhere.csv", num=1)


def test_bad_requests_are_one_line() -> None:
    with pytest.raises(SettingError, match="variety = wild: allowed are plain, correlated"):
        ButterflyRenderer("wild")
    with pytest.raises(SettingError, match="butterfly is not a set that Papilio can draw; did you mean butterflies"):
        settings_of("butterfly", {})
