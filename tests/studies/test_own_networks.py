"""Networks of a user's own that do not fit their images or what is asked of them: refused before anything is trained."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import OwnNet, own_loss, tiny, write_study
from torch import Tensor, nn

import papilio as product
from in_process import papilio
from papilio import Objective, Phase
from papilio.engine import find_engine
from papilio.errors import RunFailed, StudyError
from papilio.models.describe import describe_nets
from papilio.search.expected import plan_runs
from papilio.studies.images import StudyImages
from papilio.studies.study import load_study
from papilio.workbench import describe_study, plan_study

pytestmark = pytest.mark.usefixtures("no_reports")

FEW_OUTPUTS = """
from torch import nn

def few(num_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, num_classes - 1))
"""
BLACK = {"family": "autoencoder", "filters": [], "dense": [8], "latents": 3}


class OtherOutputs(OwnNet):
    """A network that returns `more` numbers above what is asked for."""

    def __init__(self, num_classes: int, more: int = 1) -> None:
        super().__init__(num_classes + more)


class OtherImages(OwnNet):
    """A network for images of another size."""

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images[..., :5])


class MissingPart(OwnNet):
    def forward(self, images: Tensor) -> Tensor:
        return self.layer(images)


class Viewing(nn.Module):
    """Code that only images whose channels come last in memory break, as those of training do."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.last = nn.Linear(256, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.first(images).view(len(images), -1))


class Pair(OwnNet):
    def forward(self, images: Tensor) -> Any:
        return super().forward(images), images


class Same(nn.Module):
    """An autoencoder that returns images of `side` pixels."""

    def __init__(self, image_shape: tuple[int, int, int], side: int = 8) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
        self.decoder = nn.Sequential(nn.Linear(3, side * side), nn.Unflatten(1, (1, side, side)))

    def forward(self, images: Tensor) -> Tensor:
        return self.decoder(self.encoder(images))


class Whole(nn.Module):
    """An autoencoder in one piece."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


def not_built(num_classes: int) -> nn.Module:
    raise ZeroDivisionError("my own bug")


def elsewhere_named(num_classes: int) -> dict[str, nn.Module]:
    return {"net": OwnNet(num_classes)}


def study_of(family: Any, objective: str | None = None, **model: Any) -> dict[str, Any]:
    train = {"epochs": 1, "batch_size": 32} | ({"objective": objective} if objective else {})
    return tiny(model={"family": family, **model}, train=train, stage=[{"name": "only"}])


def refusal_of(study: dict[str, Any], folder: Path) -> str:
    """What is said in one line, the same before training, in a dry run, and where the study is shown."""
    said = set()
    for ask in (
        lambda: product.run_study(study, out=folder / "out", is_silent=True),
        lambda: plan_study(study, out=folder / "out", is_silent=True),
        lambda: describe_study(study),
    ):
        with pytest.raises(StudyError) as caught:
            ask()
        said.add(str(caught.value))
    assert not (folder / "out").exists()
    (line,) = said
    assert "\n" not in line and line.startswith('the study: stage "only", trial "')
    return line


@pytest.mark.parametrize(
    ("study", "parts"),
    [
        (study_of(OtherOutputs), ["OtherOutputs returns (2, 11) for 2 images (2, 1, 8, 8)", "expected (2, 10), one"]),
        (study_of(OtherOutputs, more=-3), ["returns (2, 7)", "expected (2, 10), one number per class"]),
        (study_of(OtherImages), ["OtherImages fails on 2 images (2, 1, 8, 8)", "mat1 and mat2", "OtherImages.forward"]),
        (study_of(MissingPart), ["AttributeError", "no attribute 'layer' (MissingPart.forward, line "]),
        (study_of(Viewing), ["Viewing fails on 2 images", "view"]),
        (study_of(Pair), ["Pair returns a tuple for 2 images", "expected (2, 10)"]),
        (study_of(not_built), ["cannot be built: ZeroDivisionError: my own bug (not_built, line "]),
        (study_of(elsewhere_named), ["has the nets net; classify needs network"]),
        (study_of(Same, "autoencoder", side=4), ["returns (2, 1, 4, 4)", "expected (2, 1, 8, 8), images again"]),
        (study_of(Whole, "autoencoder"), ["Whole has the modules layers; autoencoder also calls decoder and encoder"]),
        (study_of(Same, "vae"), ["(objective vae): ", "latents"]),
    ],
)
def test_it_is_refused_at_planning_in_a_line(study: dict[str, Any], parts: list[str], tmp_path: Path) -> None:
    line = refusal_of(study, tmp_path)
    assert [part for part in parts if part not in line] == []


def test_a_network_that_fails_is_described_by_a_row_whatever_it_raises() -> None:
    """Only some errors were passed over; another one ended the command with a traceback."""
    described = describe_nets({"network": MissingPart(10)}, (1, 8, 8))
    assert [row.kind for row in described.layers] == ["MissingPart"]


def test_nothing_is_refused_that_trains(tmp_path: Path) -> None:
    for study in (study_of(OwnNet), study_of(Same, "autoencoder")):
        assert product.run_study(study, out=tmp_path / str(id(study)), is_silent=True).runs[0].status == "done"


def narrow(image_shape: tuple[int, int, int], num_classes: int, width: float = 0.5) -> nn.Module:
    """A builder whose number between 0 and 1 is no rate of dropout."""
    if width > 0.7:
        raise ValueError(f"a width of {width} is too wide")
    return OwnNet(num_classes)


@pytest.mark.parametrize("widths", [[0.25, 0.5, 0.75], [0.75, 0.5, 0.25]])
def test_each_number_of_ones_own_builder_is_checked(widths: list[float], tmp_path: Path) -> None:
    """Numbers between 0 and 1 were all taken for rates of dropout, of which the first was checked."""
    study = study_of(narrow) | {"stage": [{"name": "only", "vary": {"model.width": widths}}]}
    assert "a width of 0.75 is too wide" in refusal_of(study, tmp_path)


def test_the_command_line_says_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "few_nets.py").write_text(FEW_OUTPUTS)
    vary = {"train.learning_rate": [0.1, 0.01, 0.001, 0.0001]}
    study = tiny(model={"family": "few_nets:few"}, stage=[{"name": "only", "seeds": 2, "vary": vary}])
    file = write_study(tmp_path / "study.toml", study)
    for command in (["run", file, "--out", tmp_path / "out"], ["run", file, "--dry-run"], ["show", file]):
        done = papilio(*command)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
        assert 'trial "learning_rate 0.1": model.family: few_nets:few returns (2, 9)' in done.stderr
    sys.modules.pop("few_nets")


def test_a_loss_of_ones_own_may_ask_for_other_outputs(tmp_path: Path) -> None:
    """One more output than there are classes, say for the answer that it is none of them."""
    study = study_of(OtherOutputs)
    study["train"]["loss"] = own_loss
    assert product.run_study(study, out=tmp_path / "out", is_silent=True).runs[0].status == "done"


def own_objective(fails: bool = False) -> Objective:
    def loss(nets: Any, batch: Any, noise: Any, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        error = nets["net"](batch.images).square().mean()
        return error, {"loss": error.detach()}

    def evaluate(nets: Any, batch: Any, noise: Any) -> dict[str, Tensor]:
        if len(batch) < 3:
            raise ValueError("a median of so few means nothing")
        return loss(nets, batch, noise, 0)[1]

    return Objective((Phase("net", loss),), evaluate=evaluate, directions={"loss": "min"}, best="val_loss")


def test_what_an_objective_of_ones_own_raises_of_two_images_is_left_to_the_run(tmp_path: Path) -> None:
    study = study_of(elsewhere_named)
    study["train"]["objective"] = own_objective
    assert product.run_study(study, out=tmp_path / "out", is_silent=True).runs[0].status == "done"


def test_a_phase_that_trains_nothing_is_refused(tmp_path: Path) -> None:
    study = study_of(OwnNet)
    study["train"]["objective"] = own_objective
    assert "a phase trains 'net', but there are only the nets network" in refusal_of(study, tmp_path)


def test_looking_leaves_torchs_generator_alone() -> None:
    class Drawing(OwnNet):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images + 0 * torch.rand_like(images))

    study = load_study(study_of(Drawing))
    (plan,) = plan_runs(study)
    before = torch.get_rng_state()
    find_engine("torch", study.own).check(plan.settings, StudyImages(study.own).of_run(plan).facts)
    assert torch.equal(torch.get_rng_state(), before)


class OnEncoder(nn.Module):
    """A head on an encoder that gives so many `latents`."""

    def __init__(self, num_classes: int, latents: int = 3) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, latents))
        self.head = nn.Linear(latents, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.encoder(images))


class OwnEncoder(nn.Module):
    """What `OnEncoder` can begin with."""

    def __init__(self, image_shape: tuple[int, int, int], latents: int = 3) -> None:
        super().__init__()
        self.encoder = OnEncoder(10, latents).encoder
        self.decoder = nn.Sequential(nn.Linear(latents, 64), nn.Unflatten(1, image_shape))

    def forward(self, images: Tensor) -> Tensor:
        return self.decoder(self.encoder(images))


def two_stages(first: dict[str, Any], latents: int = 3, source: dict[str, Any] | None = None) -> dict[str, Any]:
    model = {"family": OnEncoder, "latents": latents, "encoder": {"stage": "before", **(source or {})}}
    before = {"name": "before", "model": {"family": OwnEncoder}, "train": {"objective": "autoencoder"}}
    train = {"epochs": 1, "batch_size": 32}
    return tiny(train=train, stage=[{**before, **first}, {"name": "after", "model": model}])


def test_weights_of_an_earlier_stage_that_cannot_fit_are_refused(tmp_path: Path) -> None:
    """They were missed until the first stage had been trained for hours."""
    for study, complaint in (
        (two_stages({}, latents=5), r"3\.weight is \(3, 8\), expected is \(5, 8\)"),
        (two_stages({"vary": {"model.latents": [2, 4]}}, latents=5), "made for another network"),
        (two_stages({"model": BLACK}), "made for another network"),
        (two_stages({}, source={"net": "encode"}), r"its network: there is no net or part of a net .*mean encoder"),
        (two_stages({}, source={"until": "9"}), r"its network: until: there is no layer"),
    ):
        with pytest.raises(
            StudyError, match=rf'stage "after", trial "[^"]*": weights of stage "before": .*{complaint}'
        ):
            product.run_study(study, out=tmp_path / "out", is_silent=True)
        assert not (tmp_path / "out" / "study.toml").exists()


def test_weights_of_an_earlier_stage_that_may_fit_are_not_refused(tmp_path: Path) -> None:
    def ask(study: dict[str, Any]) -> Any:
        return plan_study(study, out=tmp_path / "out", is_silent=True)

    assert ask(two_stages({})).num_runs == 2
    assert ask(two_stages({"vary": {"model.latents": [5, 3]}})).num_runs == 3, "one of two trials fits"
    drawn = {"vary": {"model.latents": {"low": 1, "high": 4}}, "sampler": "tpe", "trials": 2}
    assert ask(two_stages(drawn, latents=5)).num_runs == 3, "what tpe draws is not known"


def test_the_numpy_engine_tells_its_weights_too(tmp_path: Path) -> None:
    stages = [
        {"name": "before", "model": {"family": "mlp", "units": [4]}},
        {"name": "after", "model": {"family": "mlp", "units": [5], "network": {"stage": "before"}}},
    ]
    study = tiny(stage=stages, train={"engine": "numpy", "epochs": 1})
    with pytest.raises(StudyError, match=r'weights of stage "before": model\.network: .*made for another network'):
        product.run_study(study, out=tmp_path / "out", is_silent=True)


def test_a_run_that_fails_in_training_all_the_same_is_told_of(tmp_path: Path) -> None:
    class Learning(OwnNet):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images)[:, : 9 if self.training else 10]

    with pytest.raises(RunFailed, match="1 of 1 run failed"):
        product.run_study(study_of(Learning), out=tmp_path / "out", is_silent=True)
