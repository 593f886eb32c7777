"""What is looked at in a latent space: formulas against closed forms and brute force, on a run whose latents are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linear_run import LinearRun, some_images
from pydantic import BaseModel, ValidationError
from scipy.stats import norm

from papilio.analysis.latent_scale import latent_scale, stratified
from papilio.analysis.morphs import angle_between, drawn_pairs, linear, morph, morphs, spherical
from papilio.analysis.plane import decode_plane, latents_at, shares, shares_of
from papilio.analysis.reconstruction import error_of_mean, reconstruct, some_of_each_class
from papilio.analysis.samples import draw_samples, nearest, sample_latents
from papilio.analysis.walk import picture_change, walk
from papilio.errors import DataError, RunError, SettingError
from papilio.kinds.options import (
    MorphOptions,
    PlaneOptions,
    ReconstructionOptions,
    SamplesOptions,
    WalkOptions,
)

IMAGES = some_images()
WITH_PRIOR = ("decode", "sample")


def run(**settings: Any) -> Any:
    return LinearRun(**settings)


# the scale of latents


def test_a_prior_has_mean_0_and_deviation_1() -> None:
    mean, deviation = latent_scale(run(offers=WITH_PRIOR), IMAGES)
    assert mean.tolist() == [0, 0, 0] and deviation.tolist() == [1, 1, 1]


def test_without_a_prior_the_scale_is_that_of_training_images() -> None:
    latents = run().encode(IMAGES.images[IMAGES.train])
    mean, deviation = latent_scale(run(), IMAGES)
    np.testing.assert_allclose(mean, latents.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(deviation, latents.std(axis=0), rtol=1e-5)
    assert mean.dtype == deviation.dtype == np.float32


def test_a_stratified_choice_has_every_class_and_the_same_share_of_each() -> None:
    chosen = stratified(IMAGES, IMAGES.train, most=30)
    assert np.bincount(IMAGES.labels[chosen]).tolist() == [10, 10, 10]
    assert set(chosen) <= set(IMAGES.train) and np.array_equal(stratified(IMAGES, chosen, most=30), chosen)


# reconstructions


def test_errors_are_those_of_all_test_images_and_the_worst_come_first() -> None:
    arrays = reconstruct(run(), IMAGES, ReconstructionOptions(pictures=7, worst=4))
    shown = IMAGES.images[IMAGES.test]
    again = run().decode(run().encode(shown))
    expected = np.square((shown.astype(float) - again) / 255).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(arrays["errors"], expected, rtol=1e-5)
    assert arrays["worst_places"].tolist() == np.argsort(-expected)[:4].tolist()
    assert np.array_equal(arrays["worst_images"], shown[arrays["worst_places"]])
    assert np.array_equal(arrays["again"], again[arrays["places"]])
    assert len(arrays["images"]) == 7


def test_each_class_is_shown_as_often_and_one_after_the_other() -> None:
    places = some_of_each_class(IMAGES, IMAGES.test, num=7, seed=1)
    assert IMAGES.labels[IMAGES.test[places]].tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert len(set(places.tolist())) == 7
    assert len(some_of_each_class(IMAGES, IMAGES.test, num=1000, seed=1)) == len(IMAGES.test)
    few = IMAGES.labels[IMAGES.test[some_of_each_class(IMAGES, IMAGES.test, num=2, seed=1)]]
    assert few.tolist() == [0, 2]


def test_the_floor_is_the_error_of_the_mean_training_image() -> None:
    mean = (IMAGES.images[IMAGES.train] / 255).mean(axis=0)
    expected = np.square(IMAGES.images[IMAGES.test] / 255 - mean).mean()
    assert error_of_mean(IMAGES) == pytest.approx(expected, rel=1e-12)


# samples and their nearest training images


def test_nearest_images_are_those_of_brute_force() -> None:
    queries = some_images(9, seed=5).images
    found, distances, ratios = nearest(queries, IMAGES.images, IMAGES.train)
    pairs = (queries[:, None] / 255 - IMAGES.images[IMAGES.train][None] / 255).reshape(9, len(IMAGES.train), -1)
    lengths = np.sqrt(np.square(pairs).sum(axis=2))
    assert np.array_equal(found, IMAGES.train[lengths.argmin(axis=1)])
    np.testing.assert_allclose(distances, lengths.min(axis=1), rtol=1e-12)
    next_50 = np.sort(lengths, axis=1)[:, 1:51].mean(axis=1)
    np.testing.assert_allclose(ratios, lengths.min(axis=1) / next_50, rtol=1e-4)


def test_a_copy_is_at_0_wherever_it_lies_in_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("papilio.analysis.samples.ROWS", 7)
    wanted = IMAGES.train[[0, 6, 7, 30, 59]]
    found, distances, ratios = nearest(IMAGES.images[wanted], IMAGES.images, IMAGES.train)
    assert np.array_equal(found, wanted) and distances.tolist() == ratios.tolist() == [0] * 5
    assert nearest(IMAGES.images[:2], IMAGES.images, IMAGES.train[:1])[2].tolist() == [1, 1]  # no others, nothing told


def test_any_number_of_samples_comes_with_what_is_usual_for_test_images() -> None:
    arrays = draw_samples(run(offers=WITH_PRIOR), IMAGES, SamplesOptions(num=7, nearest=3, seed=4))
    assert np.array_equal(arrays["samples"], run(offers=WITH_PRIOR).sample(7, seed=4))
    _, usual, _ = nearest(IMAGES.images[IMAGES.test], IMAGES.images, IMAGES.train)
    np.testing.assert_allclose(np.sort(arrays["usual"]), np.sort(usual))
    assert float(arrays["limit"]) == pytest.approx(np.quantile(usual, 0.01))
    assert arrays["shown"].tolist() == np.argsort(arrays["distances"])[:3].tolist()
    assert not arrays["is_fitted"] and int(arrays["num_train"]) == len(IMAGES.train)
    assert "real" not in arrays


def test_training_images_stand_beside_samples_where_they_are_asked_for() -> None:
    arrays = draw_samples(run(offers=WITH_PRIOR), IMAGES, SamplesOptions(num=7, real=True))
    known = IMAGES.images[IMAGES.train]
    assert arrays["real"].shape == arrays["samples"].shape
    assert np.array_equal(arrays["real"][0], known[0]) and np.array_equal(arrays["real"][-1], known[-1])


def test_a_copy_is_marked_and_a_blurred_picture_that_is_near_to_all_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    images = some_images(800, shape=(1, 12, 12))
    known = images.images[images.train]
    drawn = np.stack([known[7], known.mean(axis=0).astype(np.uint8), images.images[images.test[0]]])
    monkeypatch.setattr("papilio.analysis.samples.sample_images", lambda *given, **options: drawn)
    arrays = draw_samples(run(), images, SamplesOptions(num=3))
    assert arrays["distances"][:2].max() < arrays["limit"]
    assert arrays["looks_copied"].tolist() == [True, False, False]


def test_without_a_prior_latents_have_mean_and_covariance_of_training_images() -> None:
    known = run().encode(IMAGES.images[IMAGES.train])
    drawn = sample_latents(run(), IMAGES, num=40_000, seed=1)
    spread = known.std(axis=0)
    np.testing.assert_allclose((drawn.mean(axis=0) - known.mean(axis=0)) / spread, 0, atol=0.03)
    covariance = np.cov(drawn, rowvar=False) / np.outer(spread, spread)
    np.testing.assert_allclose(covariance, np.cov(known, rowvar=False) / np.outer(spread, spread), atol=0.05)
    assert draw_samples(run(), IMAGES, SamplesOptions(num=2))["is_fitted"]


# walks


def test_a_walk_moves_its_coordinates_and_no_others() -> None:
    line = run(offers=WITH_PRIOR)
    options = WalkOptions(coordinates=[1, [0, 2]], range=(-2, 2), steps=5, start="mean")
    arrays = walk(line, IMAGES, options)
    (latents,) = line.decoded
    every = int(arrays["every"])
    assert arrays["coordinates"].tolist() == ["1", "0,2"] and arrays["offsets"].tolist() == [-2, -1, 0, 1, 2]
    rows = latents.reshape(2, -1, 3)[:, ::every]
    assert rows[0].tolist() == [[0, offset, 0] for offset in (-2, -1, 0, 1, 2)]
    assert rows[1].tolist() == [[offset, 0, offset] for offset in (-2, -1, 0, 1, 2)]
    assert arrays["images"].shape == (2, every * 4 + 1, 1, 6, 6)


def test_offsets_are_standard_deviations_from_the_start() -> None:
    _, deviation = latent_scale(run(), IMAGES)
    line = run()
    arrays = walk(line, IMAGES, WalkOptions(coordinates=[2], range=(0, 1), steps=2, start=3))
    start = run().encode(IMAGES.images[IMAGES.test[[3]]])[0]
    np.testing.assert_allclose(arrays["start"], start)
    np.testing.assert_allclose(line.decoded[-1][-1], start + np.array([0, 0, deviation[2]]), rtol=1e-5)


def test_by_default_the_coordinates_come_by_how_much_they_change_the_picture() -> None:
    strengths = tuple(0.01 * (1 + number % 10) for number in range(20))
    arrays = walk(run(image_shape=(1, 10, 10), strengths=strengths, offers=WITH_PRIOR), IMAGES, WalkOptions())
    chosen = [int(one) for one in arrays["coordinates"]]
    assert len(chosen) == 8
    assert [strengths[one] for one in chosen] == sorted(strengths, reverse=True)[:8]
    # 4 standard deviations apart, a share of 1 / 20 of the pixels
    expected = np.square(4 * np.array(strengths)) / 20
    np.testing.assert_allclose(arrays["changes"], expected, rtol=0.1)


def test_change_is_measured_in_the_scale_of_each_coordinate() -> None:
    line, ones = run(offers=WITH_PRIOR), np.ones(3, np.float32)
    plain = picture_change(line, IMAGES, mean=0 * ones, deviation=ones)
    wider = picture_change(line, IMAGES, mean=0 * ones, deviation=ones * [1, 2, 1])
    np.testing.assert_allclose(wider / plain, [1, 4, 1], rtol=0.1)


def test_coordinates_that_are_not_there_are_named() -> None:
    arrays = walk(run(), IMAGES, WalkOptions(coordinates=[1, 6, [0, 29]]))
    assert arrays["coordinates"].tolist() == ["1"] and arrays["missing"].tolist() == ["6", "0,29"]
    none = walk(run(), IMAGES, WalkOptions(coordinates=[6]))
    assert none["missing"].tolist() == ["6"] and none["latents"] == 3 and "images" not in none


def test_a_walk_cannot_start_at_an_image_that_is_not_there_or_cannot_be_encoded() -> None:
    with pytest.raises(DataError, match="start = 30: test images are numbered from 0 to 29"):
        walk(run(), IMAGES, WalkOptions(start=30))
    with pytest.raises(RunError, match=r"walks start at an image \(start = 3\), but linear does not encode"):
        walk(run(offers=WITH_PRIOR), IMAGES, WalkOptions(start=3))


def test_in_between_pictures_are_left_out_where_they_would_be_many(monkeypatch: pytest.MonkeyPatch) -> None:
    assert walk(run(), IMAGES, WalkOptions(steps=4))["images"].shape[1] == 7
    monkeypatch.setattr("papilio.analysis.walk.MOST_BYTES", 100)
    assert walk(run(), IMAGES, WalkOptions(steps=4))["images"].shape[1] == 4


# morphs

VECTORS = st.lists(st.floats(-5, 5, width=32), min_size=3, max_size=3).map(lambda one: np.array(one, np.float64))


@given(start=VECTORS, end=VECTORS)
def test_both_ways_begin_and_end_at_the_two_latents(start: np.ndarray, end: np.ndarray) -> None:
    for way in (linear, spherical):
        np.testing.assert_allclose(way(start, end, np.array([0, 1])), [start, end], atol=1e-5)


@given(start=VECTORS, end=VECTORS)
def test_an_arc_keeps_its_distance_from_the_origin(start: np.ndarray, end: np.ndarray) -> None:
    lengths = np.linalg.norm([start, end], axis=1)
    if lengths.min() < 1e-3 or not 0.01 < angle_between(start, end) < np.pi - 0.01:
        return
    between = spherical(start / lengths[0], end / lengths[1], np.linspace(0, 1, 7))
    np.testing.assert_allclose(np.linalg.norm(between, axis=1), 1, atol=1e-5)


def test_a_quarter_turn_in_thirds() -> None:
    between = spherical(np.array([1.0, 0]), np.array([0, 1.0]), np.array([0, 1 / 3, 2 / 3, 1]))
    angles = np.radians([0, 30, 60, 90])
    np.testing.assert_allclose(between, np.stack([np.cos(angles), np.sin(angles)], axis=1), atol=1e-7)
    assert angle_between(np.array([1.0, 0]), np.array([0, 2.0])) == pytest.approx(np.pi / 2)


@pytest.mark.parametrize(
    ("start", "end"),
    [([1, 2], [2, 4]), ([1, 2], [1, 2]), ([1, 2], [-1, -2]), ([0, 0], [1, 2]), ([1, 2], [0, 0]), ([0, 0], [0, 0])],
)
def test_where_there_is_no_single_arc_the_way_is_straight(start: list[float], end: list[float]) -> None:
    ends, steps = (np.array(start, float), np.array(end, float)), np.linspace(0, 1, 5)
    between = spherical(*ends, steps)
    assert np.all(np.isfinite(between)) and np.array_equal(between, linear(*ends, steps))


def test_pairs_are_of_different_classes_and_all_classes_come_by() -> None:
    labels = np.repeat(np.arange(10), 20)
    pairs = labels[drawn_pairs(labels, num=5, seed=3)]
    assert sorted(pairs.ravel().tolist()) == list(range(10))
    three = np.array([0, 0, 0, 1, 2])
    assert all(len(set(three[pair])) == 2 for pair in drawn_pairs(three, num=40, seed=0))
    few = np.repeat(np.arange(3), 10)
    for seed in range(20):
        assert len(np.unique(drawn_pairs(few, num=9, seed=seed))) == 18
    assert all(first != second for seed in range(20) for first, second in drawn_pairs(np.zeros(3), num=4, seed=seed))
    alike = drawn_pairs(np.zeros(9), num=4, seed=0)
    assert alike.shape == (4, 2) and all(first != second for first, second in alike)
    assert len(drawn_pairs(np.zeros(1), num=4, seed=0)) == 0


def test_morphs_end_at_what_comes_back_of_the_images() -> None:
    arrays = morphs(run(), IMAGES, MorphOptions(pairs=[(0, 7), (2, 3)], steps=3))
    chosen = IMAGES.images[IMAGES.test[[[0, 7], [2, 3]]]]
    assert np.array_equal(arrays["ends"], chosen)
    again = run().decode(run().encode(chosen.reshape(-1, 1, 6, 6))).reshape(2, 2, 1, 6, 6)
    for way in ("linear", "spherical"):
        assert arrays[way].shape == (2, 2 * int(arrays["every"]) + 1, 1, 6, 6)
        assert np.abs(arrays[way][:, [0, -1]].astype(int) - again).max() <= 1
    with pytest.raises(DataError, match="there is no test image 30; test images are numbered from 0 to 29"):
        morphs(run(), IMAGES, MorphOptions(pairs=[(0, 30)]))


def test_without_an_encoder_morphs_lie_between_draws() -> None:
    arrays = morphs(run(offers=WITH_PRIOR), IMAGES, MorphOptions(pairs=3))
    assert "ends" not in arrays and len(arrays["linear"]) == len(arrays["angles"]) == 3


def test_a_morph_of_two_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("papilio.analysis.morphs.load_run", lambda run, own: run)
    first, second = run().decode(np.array([[1.0, 2, 3], [3, 2, -1]]))
    between = morph(run(), first, second, steps=3)
    assert between.dtype == np.uint8 and between.shape == (3, 1, 6, 6)
    assert np.abs(between[1] - (first / 2 + second / 2)).max() <= 1
    assert not np.array_equal(between[1], morph(run(), first, second, steps=3, way="spherical")[1])
    with pytest.raises(SettingError, match="did you mean spherical"):
        morph(run(), first, second, way="sferical")  # pyright: ignore[reportArgumentType]
    with pytest.raises(SettingError, match="steps = 1: must be a whole number from 2"):
        morph(run(), first, second, steps=1)
    with pytest.raises(DataError, match="got 2 pictures in place of one"):
        morph(run(), first, np.stack([first, second]))


# the plane


def test_a_grid_of_quantiles_is_spaced_evenly_in_probability() -> None:
    (across, up) = latents_at(shares(20), None)
    np.testing.assert_allclose(norm.cdf(across), np.arange(0.025, 1, 0.05), atol=1e-12)
    assert np.array_equal(across, up) and across[0] == pytest.approx(-1.959964, abs=1e-6)
    np.testing.assert_allclose(shares_of(np.stack([across, up], axis=1), None)[:, 0], shares(20), atol=1e-12)


def test_without_a_prior_quantiles_are_those_of_training_latents() -> None:
    known = np.sort(np.random.default_rng(0).exponential(size=(501, 2)), axis=0)
    values = latents_at(np.array([0.0, 0.25, 0.5, 1.0]), known)
    assert values[:, 0].tolist() == known[0].tolist() and values[:, 2].tolist() == np.median(known, axis=0).tolist()
    np.testing.assert_allclose(shares_of(values.T, known), np.array([[0, 0.25, 0.5, 1]] * 2).T, atol=1e-12)
    assert shares_of(np.array([[-1.0, 99.0]]), known).tolist() == [[0, 1]]


def test_the_plane_has_the_first_latent_to_the_right_and_the_second_up() -> None:
    flat = run(strengths=(0.1, 0.2), image_shape=(3, 4, 6), offers=("encode", *WITH_PRIOR))
    images = some_images(40, shape=(3, 4, 6))
    arrays = decode_plane(flat, images, PlaneOptions(side=4, points=8))
    assert arrays["plane"].shape == (4, 4, 3, 4, 6)
    latents = flat.encode(arrays["plane"].reshape(-1, 3, 4, 6)).reshape(4, 4, 2)
    np.testing.assert_allclose(latents[0, :, 0], norm.ppf(shares(4)), atol=0.03)
    np.testing.assert_allclose(latents[:, 0, 1], norm.ppf(shares(4))[::-1], atol=0.03)
    assert arrays["places"].shape == (len(arrays["labels"]), 2) and len(arrays["labels"]) == 7  # of each class 0.8
    assert arrays["ticks"][0].tolist() == [-2, -1, 0, 1, 2]
    np.testing.assert_allclose(arrays["tick_places"][1], norm.cdf([-2, -1, 0, 1, 2]))


def test_large_images_make_a_coarser_plane_and_a_run_with_other_latents_none() -> None:
    flat = run(strengths=(0.1, 0.2), image_shape=(1, 64, 64))
    assert len(decode_plane(flat, some_images(40, shape=(1, 64, 64)), PlaneOptions())["plane"]) == 10
    assert decode_plane(run(), IMAGES, PlaneOptions()) == {}


# what does not fit


def test_a_run_that_cannot_has_nothing_to_show() -> None:
    nothing = run(offers=("predict",))
    for compute, options in (
        (reconstruct, ReconstructionOptions()),
        (draw_samples, SamplesOptions()),
        (walk, WalkOptions()),
        (morphs, MorphOptions()),
        (decode_plane, PlaneOptions()),
    ):
        assert compute(nothing, IMAGES, options) == {}  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (WalkOptions, {"coordinates": []}), (WalkOptions, {"coordinates": [[]]}), (WalkOptions, {"coordinates": [-1]}),
        (WalkOptions, {"range": [3, -3]}), (WalkOptions, {"start": "zero"}), (WalkOptions, {"start": 1.5}),
        (WalkOptions, {"steps": 1}), (MorphOptions, {"pairs": 0}), (MorphOptions, {"pairs": [[1, 2, 3]]}),
        (MorphOptions, {"pairs": []}), (PlaneOptions, {"side": 1}), (SamplesOptions, {"num": 0}),
        (ReconstructionOptions, {"pictures": 0}),
    ],
)  # fmt: skip
def test_options_out_of_range_are_refused(options: type[BaseModel], wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        options.model_validate(wrong)
