"""What coordinates do: mutual information and its gap against closed forms, and runs whose latents are known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pytest
from linear_run import LinearRun, some_images

from papilio.analysis.coordinates import change_around, coordinates, known_factors, moved_pictures, posterior_kl
from papilio.analysis.information import binned, entropy, gaps, information_matrix, mutual_information, rotated_gap
from papilio.kinds.options import CoordinatesOptions
from papilio.sections.coordinate_sections import use_words

NUM = 4000
RNG = np.random.default_rng(0)


def test_mutual_information_of_what_is_equal_and_of_what_is_not() -> None:
    codes = np.arange(NUM) % 8
    assert entropy(codes) == pytest.approx(np.log(8), abs=1e-12)
    assert mutual_information(codes, codes) == pytest.approx(np.log(8), abs=1e-12)
    assert mutual_information(codes, codes // 4) == pytest.approx(np.log(2), abs=1e-12)
    assert mutual_information(codes, np.zeros(NUM, dtype=int)) == 0
    # each pair as often as the others: exactly independent
    assert mutual_information(codes, np.arange(NUM) // 8 % 5) == pytest.approx(0, abs=1e-12)


def test_mutual_information_of_independent_draws_is_the_stated_bias() -> None:
    found = [mutual_information(*RNG.integers(0, 20, (2, NUM))) for _ in range(20)]
    assert np.mean(found) == pytest.approx(19 * 19 / (2 * NUM), rel=0.1)


def test_numbers_are_binned_evenly_and_counts_left_alone() -> None:
    assert np.array_equal(binned(np.array([7, 3, 3, 9])), [1, 0, 0, 2])
    assert np.array_equal(binned(np.linspace(0, 1, 41)), np.minimum(np.arange(41) // 2, 19))
    assert not binned(np.full(50, 2.5)).any()


def test_the_gap_is_1_of_a_coordinate_a_factor_and_near_0_after_a_rotation() -> None:
    factors = np.stack([RNG.integers(0, 10, NUM) for _ in range(4)], axis=1)
    latents = np.concatenate([factors[:, ::-1] - 4.5, np.zeros((NUM, 2))], axis=1)
    entropies = np.array([entropy(column) for column in factors.T])
    found = gaps(information_matrix(latents, factors), entropies)
    assert found == pytest.approx(np.ones(4), abs=0.01)
    assert rotated_gap(latents, factors) < 0.2
    assert rotated_gap(latents, factors) == rotated_gap(latents, factors)
    doubled = np.concatenate([latents, latents], axis=1)
    assert gaps(information_matrix(doubled, factors), entropies) == pytest.approx(np.zeros(4), abs=1e-12)
    assert gaps(np.array([[0.5]]), np.array([1.0])) == pytest.approx([0.5])
    assert gaps(np.array([[0.0], [0.0]]), np.array([0.0])) == [0]


def test_kl_is_that_of_normal_distributions() -> None:
    mean, log_variance = np.array([[0.0, 1.0], [0.0, -1.0]]), np.log([[1.0, 1.0], [1.0, 4.0]])
    assert posterior_kl(mean, log_variance).mean(axis=0) == pytest.approx(
        [0, (0.5 + 0.5 * (1 + 4 - np.log(4) - 1)) / 2]
    )


def test_change_is_the_decoded_difference() -> None:
    run = LinearRun()
    change = change_around(cast(Any, run), np.zeros((3, 3)), np.array([1.0, 1.0, 2.0]))
    # a third of the pixels, by twice the strength times the deviation
    assert change == pytest.approx(2 * np.array([0.02, 0.1, 0.1]) / 3, abs=0.003)


@dataclass
class VariationalRun(LinearRun):
    offers: tuple[str, ...] = ("encode", "decode", "sample", "posterior")

    def posterior(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        means = self.encode(images) * np.float32([0, 0.1, 3])
        return means, np.zeros_like(means)


def test_coordinates_of_a_run_are_ranked_and_compared() -> None:
    images = some_images(400)
    options = CoordinatesOptions(rows=2)
    found = coordinates(cast(Any, LinearRun()), images, options)
    # strengths differ, but each is measured in its own deviations, and each moves as many pixels
    assert sorted(found["order"]) == [0, 1, 2] and "kl" not in found and found["num"] == 100
    assert found["moved"].shape == (2, 5, 1, 6, 6)
    assert found["factors"].tolist() == ["class"] and found["information"].shape == (3, 1)
    of_vae = coordinates(cast(Any, VariationalRun()), images, options)
    assert of_vae["order"].tolist() == [2, 1, 0] and of_vae["kl"][0] == 0
    assert coordinates(cast(Any, LinearRun(offers=("decode", "sample"))), images, options) == {}
    unlabeled = coordinates(cast(Any, LinearRun(offers=("encode",))), some_images(classes=0), options)
    assert set(unlabeled) == {"num", "order"}


def test_factors_take_the_place_of_classes() -> None:
    images = some_images()
    run = LinearRun()
    known = {f"latent_{index}": column for index, column in enumerate(run.encode(images.images).T)}
    images = replace(images, factors=known)
    found = coordinates(cast(Any, run), images, CoordinatesOptions())
    assert found["factors"].tolist() == ["latent_0", "latent_1", "latent_2"]
    assert np.array_equal(found["information"].argmax(axis=0), [0, 1, 2])
    assert np.allclose(found["information"].max(axis=0), found["entropies"])
    assert found["gaps"].mean() > found["rotated"] + 0.2
    assert known_factors(images, images.test)["latent_1"].shape == (30,)


def test_what_is_not_used_is_said_in_words() -> None:
    assert use_words(np.array([2.0, 1.0])).endswith(
        "3 nats per image together (KL to the prior); each of the 2 carries 0.01 nats or more."
    )
    assert "27 of 32 carry under 0.01 nats, next to nothing." in use_words(np.r_[np.ones(5), np.zeros(27)])
    assert "1 of 2 carries under 0.01 nats, next to nothing." in use_words(np.array([1.0, 0.0]))
    assert use_words(np.zeros(3)).startswith("The posterior has collapsed: all 3 coordinates carry under 0.01 nats")


def test_a_moved_coordinate_is_at_deviations_from_the_mean_and_the_others_stay() -> None:
    line: Any = LinearRun(offers=("decode", "sample"))
    latent, mean, deviation = np.array([0.5, -1.0, 2.0]), np.array([0.1, 0.2, 0.3]), np.array([1.0, 2.0, 3.0])
    moved_pictures(line, latent, np.array([2, 0]), mean=mean, deviation=deviation)
    rows = line.decoded[0].reshape(2, 5, 3)
    np.testing.assert_allclose(rows[0], [[0.5, -1.0, 0.3 + 3 * step] for step in (-2, -1, 0, 1, 2)], rtol=1e-6)
    np.testing.assert_allclose(rows[1], [[0.1 + step, -1.0, 2.0] for step in (-2, -1, 0, 1, 2)], rtol=1e-6)
