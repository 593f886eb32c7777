"""A quantity in a design: its metrics, and how designs are chosen."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from papilio.data.facts import ImageFacts
from papilio.data.imageset import ImageSet
from papilio.data.quantities import CLOCK, Quantity
from papilio.errors import SettingError
from papilio.kinds.choosing import ranking_of
from papilio.kinds.registry import KINDS
from papilio.settings.train_settings import TrainSettings
from papilio.targets.costs import costs_of_mistakes
from papilio.targets.periodic import Harmonics, SinCos, SoftBins
from papilio.targets.quantity import DESIGNS, QuantityTarget, make_design
from papilio.training.session import TorchSession
from papilio.training.supervised import supervised


def facts_of(quantity: Quantity) -> ImageFacts:
    return ImageFacts((1, 2, 2), (), quantity)


def test_metrics_of_times() -> None:
    target = QuantityTarget(CLOCK, make_design("regression", 720.0))
    labels = torch.tensor([0.0, 59.0, 60.0, 300.0])
    predicted = torch.tensor([719.0, 60.0, 61.0, 312.0])
    found = target.metrics((predicted / 720).unsqueeze(1), labels)
    assert found["error"].tolist() == pytest.approx([1, 1, 1, 12], abs=1e-3)
    assert found["within_1_min"].item() == 0.75 and found["within_5_min"].item() == 0.75
    assert found["within_15_min"].item() == 1.0
    assert found["hour_accuracy"].item() == 0.5  # 11:59 for 12:00 and 1:00 for 12:59 are in the hour beside
    metrics = KINDS["read"].metrics(TrainSettings(), facts_of(CLOCK))
    assert KINDS["read"].ranked_by == "val_error" and metrics["p90_error"] == "min"
    assert metrics.keys() == {"loss", "median_error", "p90_error", *found}


def test_metrics_of_other_quantities_are_shares_of_the_period() -> None:
    target = QuantityTarget(Quantity(360.0, "°"), make_design("regression", 360.0))
    found = target.metrics(torch.tensor([[0.0], [0.04], [0.5]]), torch.tensor([3.0, 0.0, 0.0]))
    assert found["error"].tolist() == pytest.approx([3, 14.4, 180], abs=1e-3)
    assert found["within_1_percent"].item() == pytest.approx(1 / 3)
    assert found["within_5_percent"].item() == pytest.approx(2 / 3)
    assert KINDS["read"].metrics(TrainSettings(), facts_of(Quantity(360.0, "°"))).keys() >= found.keys()
    assert "hour_accuracy" not in found


def test_records_have_median_and_90th_percentile_over_all_batches() -> None:
    """Not the mean of the batches' medians: batches are ascending here."""
    errors = np.arange(1201.0)
    images = np.zeros((1201, 1, 2, 2), dtype=np.uint8)

    class Zero(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(()))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.weight.expand(len(images), 1)

    objective = supervised(QuantityTarget(Quantity(9000.0), make_design("regression", 9000.0)))
    splits = {"train": np.arange(1), "validation": np.arange(1, 1201), "test": np.arange(0)}
    image_set = ImageSet("zeros", images, errors, (), **splits, origin="", quantity=Quantity(9000.0))
    settings = TrainSettings()
    session = TorchSession({"network": Zero()}, objective, settings=settings, images=image_set, seed=0)
    record = session.evaluate("validation")[0]
    assert record["val_error"] == pytest.approx(600.5)
    assert record["val_median_error"] == pytest.approx(600.5)
    assert record["val_p90_error"] == pytest.approx(1080.1)
    ranking, _ = ranking_of(KINDS["read"], TrainSettings(best="val_p90_error"), image_set.facts, has_validation=True)
    assert ranking == ("val_p90_error", "min")
    with pytest.raises(SettingError, match="train_median_error"):
        ranking_of(KINDS["read"], TrainSettings(best="train_median_error"), image_set.facts, has_validation=True)


def test_designs_are_named_or_tables() -> None:
    assert make_design(None, 12.0) == SinCos(12.0)
    assert make_design({"name": "harmonics", "multiples": [1, 3]}, 12.0) == Harmonics(12.0, (1, 3))
    assert make_design("soft_classes", 12.0) == SoftBins(12.0, 72)
    for name in DESIGNS:
        assert make_design({"name": name, "num": 24} if name == "classes" else name, 12.0).period == 12.0


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("sin-cos", "'sin-cos' is not a target design; did you mean sin_cos"),
        ({"num": 3}, "a table needs a name; one of regression, "),
        ({"name": "classes", "number": 3}, "classes has no number; did you mean num"),
        ({"name": "classes", "num": 1}, "classes: num: at least 2"),
        ({"name": "soft_classes", "width": 0}, "soft_classes: width: must be above 0"),
        ({"name": "harmonics", "multiples": [12]}, "harmonics: multiples: must start with 1 and ascend"),
        ({"name": "harmonics", "weights": [1.0]}, "harmonics: weights: expected one for each of 2 multiples"),
        ({"name": "two_heads", "coarse_weight": -1}, "two_heads: weights: must be 0 or more"),
        ({"name": "classes", "num": "many"}, "classes: num: Input should be a valid integer"),
    ],
)
def test_a_design_that_cannot_be_is_one_line(given: object, complaint: str) -> None:
    with pytest.raises(SettingError, match=f"train.target: {complaint}"):
        make_design(given, 720.0)  # pyright: ignore


@pytest.mark.parametrize("name", list(DESIGNS))
def test_what_a_mistake_costs_shows_the_jump_of_designs_that_have_one(name: str) -> None:
    design = make_design({"name": name, "num": 24} if name == "classes" else name, 720.0)
    offsets, costs = costs_of_mistakes(design)
    middle = len(offsets) // 2
    assert offsets[middle] == 0 and costs.min() == 0 and costs.max() == 1
    assert costs[:, middle].max() < 0.02  # a right reading costs nothing, or what a class is wide
    steps = np.abs(np.diff(costs, axis=1)).max()
    if name == "regression":  # just before 12:00 is as far from 12:00 as can be
        assert costs[0, middle - 1] > 0.9 and costs[0, middle + 1] < 0.1
        assert costs[1].max() < 0.3
    elif design.is_continuous:
        assert np.abs(costs[0] - costs[1]).max() < 0.02 and steps < 0.35
    else:
        assert steps > 0.5
