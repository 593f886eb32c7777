"""Noise, augmentation, batches, schedules, optimizers, checkpoints: each against what it should be."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from toys import toy_images

from papilio.engine import Seeds
from papilio.epochs import Means, PlainMeans
from papilio.errors import SettingError
from papilio.models.layers import Dropout
from papilio.runs.arrays import load_arrays, save_arrays
from papilio.settings.optimizer_numbers import USUAL_NUMBERS
from papilio.settings.schedules import SCHEDULES
from papilio.settings.train_settings import Augmentation
from papilio.targets.classes import Classes
from papilio.training.augmentation import augment, erase, flip, shift, turn
from papilio.training.batches import Batches
from papilio.training.means import TorchMeans
from papilio.training.noise import Noise
from papilio.training.optimizers import OPTIMIZERS, make_optimizer
from papilio.training.states import as_array


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.9])
def test_masks_keep_the_share_that_they_should(rate: float) -> None:
    keep = Noise(generator()).keep_mask(torch.Size([999, 1001]), rate, torch.device("cpu"))
    # five standard deviations of a mean over a million draws, and the rounding to 2 ** -16
    assert keep.float().mean().item() == pytest.approx(1 - rate, abs=5 * math.sqrt(rate * (1 - rate) / 1e6) + 2**-16)


def test_the_four_decisions_of_a_draw_are_independent() -> None:
    keep = Noise(generator()).keep_mask(torch.Size([250_000, 4]), 0.5, torch.device("cpu")).float().numpy()
    correlation = np.corrcoef(keep.T)
    assert np.abs(correlation - np.eye(4)).max() < 0.01


def test_dropout_keeps_the_mean_and_does_nothing_in_evaluation() -> None:
    layer = Dropout(0.4)
    layer.source = Noise(generator())
    features = torch.ones(4, 8, 50, 50).contiguous(memory_format=torch.channels_last)
    assert layer(features).mean().item() == pytest.approx(1, abs=0.02)
    assert sorted(layer(features).unique().tolist()) == pytest.approx([0, 1 / 0.6])
    assert torch.equal(layer.eval()(features), features)


def test_seeds_of_a_runs_parts_differ() -> None:
    parts = [getattr(Seeds.of(seed), name) for seed in range(50) for name in Seeds.__dataclass_fields__]
    assert len(set(parts)) == len(parts)


def test_shift_moves_images_as_slicing_does() -> None:
    images = torch.arange(1, 2 * 2 * 5 * 6 + 1, dtype=torch.uint8).reshape(2, 2, 5, 6)
    moved = shift(images, 2, generator(3))
    padded = torch.nn.functional.pad(images, (2, 2, 2, 2))
    for image, pad in zip(moved, padded, strict=True):
        windows = [pad[:, row : row + 5, column : column + 6] for row in range(5) for column in range(5)]
        assert sum(torch.equal(image, window) for window in windows) == 1


def test_flip_mirrors_about_half_of_the_images() -> None:
    images = torch.randint(0, 256, (400, 1, 4, 4), dtype=torch.uint8, generator=generator(1))
    flipped = flip(images, generator())
    is_mirrored = (flipped == images.flip(3)).flatten(1).all(1)
    is_same = (flipped == images).flatten(1).all(1)
    assert bool((is_mirrored | is_same).all())
    assert 150 < int(is_mirrored.sum()) < 250


def test_erase_blackens_one_rectangle_within_the_area() -> None:
    images = torch.full((300, 1, 20, 20), 255, dtype=torch.uint8)
    erased = erase(images, share=0.5, area=0.2, generator=generator())
    num_black = (erased == 0).flatten(1).sum(1)
    assert 100 < int((num_black > 0).sum()) < 200
    assert int(num_black.max()) <= 0.2 * 400 * 1.3  # whole pixels round a little over
    for image in erased[num_black > 0]:
        rows, columns = (image[0] == 0).any(1).nonzero(), (image[0] == 0).any(0).nonzero()
        height, width = int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1
        assert height * width == int((image == 0).sum())


def blob(height: int, width: int, row: float, column: float) -> torch.Tensor:
    rows, columns = torch.arange(height)[:, None] - row, torch.arange(width)[None, :] - column
    return (255 * torch.exp(-(rows**2 + columns**2) / 8)).round().to(torch.uint8)[None, None]


def center(image: torch.Tensor) -> tuple[float, float]:
    """(x, y) of the brightness' middle from the image's middle."""
    weights = image[0].double()
    height, width = weights.shape
    total = weights.sum()
    y = (weights.sum(1) * torch.arange(height)).sum() / total - (height - 1) / 2
    x = (weights.sum(0) * torch.arange(width)).sum() / total - (width - 1) / 2
    return float(x), float(y)


@pytest.mark.parametrize("shape", [(41, 41), (41, 61)])
def test_turning_keeps_distances_and_zooming_keeps_directions(shape: tuple[int, int]) -> None:
    height, width = shape
    images = blob(height, width, (height - 1) / 2 - 8, (width - 1) / 2).expand(200, -1, -1, -1)  # 8 above the middle
    turned = [center(image) for image in turn(images, degrees=30.0, zoom=0.0, generator=generator())]
    assert all(math.hypot(x, y) == pytest.approx(8, abs=0.15) for x, y in turned)
    angles = [math.degrees(math.atan2(x, -y)) for x, y in turned]
    assert max(map(abs, angles)) < 31 and min(angles) < -25 and max(angles) > 25
    zoomed = [center(image) for image in turn(images, degrees=0.0, zoom=0.25, generator=generator())]
    assert all(abs(x) < 0.1 for x, _ in zoomed)
    factors = [-y / 8 for _, y in zoomed]
    assert 0.79 < min(factors) < 0.85 and 1.18 < max(factors) < 1.26


def test_augmentation_is_a_function_of_the_generator_and_keeps_shape_and_type() -> None:
    images = torch.randint(0, 256, (9, 3, 7, 5), dtype=torch.uint8, generator=generator(1))
    everything = Augmentation(shift=2, flip=True, rotate=20, zoom=0.2, erase=0.7)
    one, other = augment(images, everything, generator(4)), augment(images, everything, generator(4))
    assert torch.equal(one, other)
    assert one.shape == images.shape and one.dtype == torch.uint8
    assert not torch.equal(one, images)


@given(num=st.integers(1, 96), batch_size=st.integers(1, 100))
def test_a_pass_shows_every_image_once(num: int, batch_size: int) -> None:
    images, _ = toy_images()
    batches = Batches(images, np.arange(96), np.arange(num), batch_size=batch_size)
    shuffled = [batch.targets for batch in batches.shuffled(generator())]
    assert len(shuffled) == len(batches)
    assert sorted(torch.cat(shuffled).tolist()) == list(range(num))
    in_order = torch.cat([batch.targets for batch in batches.in_order()])
    assert in_order.tolist() == list(range(num))


def test_a_single_image_that_is_left_over_joins_the_last_batch() -> None:
    """Batch normalization refuses to train on one image: a set of 41 in batches of 20 made the run fail."""
    images, labels = toy_images()
    batches = Batches(images, labels, np.arange(41), batch_size=20)
    assert [len(batch) for batch in batches.shuffled(generator())] == [20, 21]
    assert [len(batch) for batch in Batches(images, labels, np.arange(3), batch_size=1).in_order()] == [1, 1, 1]


def test_batches_are_floats_from_0_to_1_in_channels_last_layout() -> None:
    images = np.random.default_rng(0).integers(0, 256, (10, 3, 4, 5), dtype=np.uint8)
    images.flags.writeable = False  # as a memory-mapped file is
    batch = next(iter(Batches(images, np.zeros(10, np.int64), np.arange(10), batch_size=10).in_order()))
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert np.array_equal(batch.images.numpy(), images.astype(np.float32) / 255)


@pytest.mark.parametrize("name", list(SCHEDULES))
@given(done=st.floats(0, 1, exclude_max=True))
def test_schedules_stay_between_0_and_1(name: str, done: float) -> None:
    assert 0 <= SCHEDULES[name](done) <= 1


def test_schedules_at_their_landmarks() -> None:
    assert SCHEDULES["cosine"](0.0) == 1
    assert SCHEDULES["cosine"](0.5) == pytest.approx(0.5)
    assert SCHEDULES["one_cycle"](0.0) == pytest.approx(1 / 25)
    assert SCHEDULES["one_cycle"](0.3) == pytest.approx(1)
    assert SCHEDULES["one_cycle"](0.99999) == pytest.approx(1 / 25_000, abs=1e-6)


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_optimizers_decay_weights_but_not_biases(name: str) -> None:
    layer = nn.Linear(2, 2)
    optimizer = make_optimizer(name, layer.parameters(), learning_rate=0.1, weight_decay=0.5)
    before = [one.detach().clone() for one in layer.parameters()]
    for parameter in layer.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    weight, bias = layer.parameters()
    assert torch.equal(bias, before[1])
    assert not torch.equal(weight, before[0])


def test_unknown_optimizers_and_momentum_for_adam_are_refused() -> None:
    parameters = list(nn.Linear(2, 2).parameters())
    with pytest.raises(SettingError, match=r"did you mean adam\?"):
        make_optimizer("adamm", parameters)
    with pytest.raises(SettingError, match="sgd, momentum and rmsprop do"):
        make_optimizer("adam", parameters, momentum=0.9)


def test_rmsprop_is_keras_rmsprop() -> None:
    """One step by hand: v = 0.1 g², w -= rate * g / (sqrt(v) + eps)."""
    weight = nn.Parameter(torch.tensor([[2.0]]))
    optimizer = make_optimizer("rmsprop", [weight])
    weight.grad = torch.tensor([[0.5]])
    optimizer.step()
    assert weight.item() == pytest.approx(2 - 0.001 * 0.5 / (math.sqrt(0.1 * 0.25) + 1e-7), abs=1e-7)


def test_tensors_come_back_bit_for_bit_whatever_their_layout(tmp_path: Path) -> None:
    last = torch.randn(2, 3, 4, 5, generator=generator()).contiguous(memory_format=torch.channels_last)
    tensors = {"last": last, "view": last[:, :1], "count": torch.tensor(7), "same": last}
    arrays = {name: as_array(tensor) for name, tensor in tensors.items()}
    save_arrays(tmp_path / "file", arrays, {"epoch": 3, "nested": {"value": None}})
    loaded, facts = load_arrays(tmp_path / "file")
    assert facts == {"epoch": 3, "nested": {"value": None}}
    assert loaded["count"].shape == ()
    assert all(np.array_equal(loaded[name], tensors[name].numpy()) for name in tensors)


def test_cross_entropy_and_accuracy_match_their_definitions() -> None:
    logits = torch.randn(50, 4, generator=generator(), dtype=torch.float64)
    labels = torch.randint(0, 4, (50,), generator=generator())
    found = Classes(4).metrics(logits, labels)
    probabilities = logits.exp() / logits.exp().sum(1, keepdim=True)
    assert found["loss"].item() == pytest.approx(-probabilities[range(50), labels].log().mean().item(), abs=1e-12)
    assert found["accuracy"].item() == pytest.approx(
        (probabilities.argmax(1) == labels).double().mean().item(), abs=1e-6
    )
    smoothed = Classes(4, label_smoothing=0.2).loss(logits, labels).item()
    target = torch.full((50, 4), 0.05, dtype=torch.float64)
    target[range(50), labels] += 0.8
    assert smoothed == pytest.approx(-(target * probabilities.log()).sum(1).mean().item(), abs=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_step_as_torchs_own(name: str) -> None:
    """They leave out what torch does for its compiler, and nothing else."""
    kind, steps = OPTIMIZERS[name], []
    numbers = USUAL_NUMBERS[name].plain()
    for make in (
        lambda weights: make_optimizer(name, weights),
        lambda weights: kind.optimizer(
            weights,
            lr=numbers["learning_rate"],
            **{"weight_decay": 0.0, **kind.arguments},
            **{key: value for key, value in numbers.items() if key != "learning_rate"},
        ),
    ):
        weight = nn.Parameter(torch.linspace(-1, 1, 12).reshape(3, 4))
        optimizer = make([weight])
        for _ in range(5):
            weight.grad = None
            (weight**3).sum().backward()
            optimizer.step()
        steps.append(weight.detach().clone())
    assert torch.equal(*steps)


def test_checking_and_training_do_not_import_torchs_compiler() -> None:
    """That took a second of every command and of every worker."""
    program = """
import sys
from papilio.runs.train import prepare
from papilio.search.expected import plan_runs
from papilio.studies.checks import refuse_impossible_runs
from papilio.studies.images import StudyImages
from papilio.studies.study import load_study

study = load_study(
    {"title": "a", "data": {"name": "digits"}, "model": {"family": "cnn", "filters": [4]}, "train": {"epochs": 1}}
)
plans, images = plan_runs(study), StudyImages(study.own)
refuse_impossible_runs(study, plans, images)
with prepare(plans[0].settings, images.of_run(plans[0]), seed=0, threads=1, own={}) as session:
    session.train_epoch()
    session.evaluate("validation")
print([name for name in ("torch._dynamo", "sympy") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_metrics_leave_smoothing_out_where_the_loss_is_given_too() -> None:
    logits, labels = torch.randn(20, 4, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 4
    target = Classes(4, label_smoothing=0.2)
    found = target.metrics(logits, labels, loss=target.loss(logits, labels))
    assert found["loss"].item() == pytest.approx(Classes(4).loss(logits, labels).item(), rel=1e-6)


@pytest.mark.parametrize(
    "change", [{"rotate": 20.0}, {"zoom": 0.3}, {"shift": 2}, {"flip": True}, {"erase": 1.0}], ids=str
)
def test_each_change_is_made_by_itself(change: dict[str, float]) -> None:
    images = torch.randint(1, 256, (9, 3, 7, 5), dtype=torch.uint8, generator=generator(1))
    assert not torch.equal(augment(images, Augmentation.model_validate(change), generator()), images)


def test_shifts_reach_every_place_and_rows_do_not_tell_columns() -> None:
    images = torch.zeros(2000, 1, 9, 9, dtype=torch.uint8)
    images[:, :, 4, 4] = 255
    rows, columns = shift(images, 2, generator())[:, 0].nonzero(as_tuple=True)[1:]
    assert len(rows) == 2000
    counts = torch.bincount((rows - 2) * 5 + columns - 2, minlength=25)
    assert len(counts) == 25 and int(counts.min()) > 40 and int(counts.max()) < 130  # 80 each


def test_erased_rectangles_have_all_sizes_shapes_and_places() -> None:
    images = torch.full((600, 1, 100, 100), 255, dtype=torch.uint8)
    is_black = erase(images, share=1.0, area=0.2, generator=generator())[:, 0] == 0
    heights, widths = is_black.any(2).sum(1).double(), is_black.any(1).sum(1).double()
    areas, ratios = (heights * widths / 1e4).numpy(), (heights / widths)[heights > 15].numpy()
    assert 0.18 < areas.max() < 0.21 and areas.mean() == pytest.approx(0.1, rel=0.1)
    assert 0.45 < ratios.min() < 0.6 and 1.7 < ratios.max() < 2.2  # from 1:2 to 2:1
    tops, lefts = is_black.any(2).int().argmax(1).double(), is_black.any(1).int().argmax(1).double()
    assert abs(np.corrcoef(tops / (101 - heights), lefts / (101 - widths))[0, 1]) < 0.15


def test_turning_and_zooming_are_drawn_independently() -> None:
    rows, columns = torch.arange(41)[:, None] - 12, torch.arange(41)[None, :] - 20
    blob = (255 * torch.exp(-(rows**2 + columns**2) / 8)).round().to(torch.uint8)  # 8 above the middle
    moved = turn(blob.expand(300, 1, -1, -1), degrees=30.0, zoom=0.25, generator=generator())[:, 0].double()
    total, places = moved.sum((1, 2)), torch.arange(41.0).double() - 20
    x, y = (moved.sum(1) * places).sum(1) / total, (moved.sum(2) * places).sum(1) / total
    assert abs(np.corrcoef(torch.atan2(x, -y), torch.hypot(x, y))[0, 1]) < 0.2


@pytest.mark.parametrize(
    ("make", "number"), [(TorchMeans, torch.tensor), (PlainMeans, np.array)], ids=["torch", "numpy"]
)
def test_a_batch_counts_by_its_images(make: type[Means], number: type) -> None:
    means = make(is_whole=True)
    means.add({"loss": number(1.0), "error": number([0.0, 1.0, 2.0])}, weight=3)
    means.add({"loss": number(5.0), "error": number([9.0, 9.0])}, weight=2)
    found = means.result(epoch=1, prefix="val")
    assert found["val_loss"] == pytest.approx(2.6) and found["val_error"] == pytest.approx(4.2)
    assert found["val_median_error"] == 2.0
