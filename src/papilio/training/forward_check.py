"""One look at two images before anything is trained: does a network of the user's own fit them, and what is asked of it?"""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from papilio.data.facts import ImageFacts
from papilio.errors import SettingError
from papilio.kinds.kind import Kind
from papilio.kinds.registry import KINDS, heads_of
from papilio.settings.train_settings import TrainSettings
from papilio.training.batches import Batch, as_floats
from papilio.training.calls import Call
from papilio.training.noise import Noise
from papilio.training.objectives import Objective

NUM = 2  # images: batch normalization cannot learn from one
OF_OTHERS = [Path(__file__).parents[1], *(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib"))]


class Watched(Call):
    """Keeps what its net returned last, and whether it failed."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__(net)
        self.returned: Any = None
        self.has_failed = False

    def forward(self, *inputs: Any, **options: Any) -> Any:
        self.has_failed = True
        self.returned = self.net(*inputs, **options)
        self.has_failed = False
        return self.returned


def refuse_misfits(
    nets: Mapping[str, nn.Module],
    objective: Objective,
    *,
    family: str,
    kind: Kind,
    train: TrainSettings,
    facts: ImageFacts,
) -> None:
    """Measure nets, in evaluation mode, on two images of noise, as training will.

    Raises SettingError where a net raises anything, or returns what `kind.returns` does not ask for. What an objective or a
    loss of the user's own raises by itself is left to the run: two images of noise need not be enough for it.
    """
    watched = {name: Watched(net.eval()) for name, net in nets.items()}
    failure: Exception | None = None
    device = torch.device(train.device)
    generator = torch.Generator(device).manual_seed(0)
    batch = _noise_batch(facts, generator)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), torch.no_grad():
        try:
            objective.evaluate(watched, batch, Noise(generator))
        except Exception as error:
            failure = error
    if isinstance(failure, SettingError):  # of a loss of the user's own
        raise failure
    where, shown_images = f"model.family: {family}", f"{NUM} images {tuple(batch.images.shape)}"
    needed = None if train.loss else needed_shape(kind, train, facts)
    if needed is not None and (network := watched.get("network")) is not None and network.returned is not None:
        got = _shape_of(network.returned)
        if got != str(needed):
            raise SettingError(f"{where} returns {got} for {shown_images}; expected {needed}, {_meaning(kind, facts)}")
    if failure is None and is_one_of_ours(kind) and kind.returns == "images":
        _refuse_other_ways(nets["network"].eval(), batch.images, where=where)
    is_of_papilio = is_one_of_ours(kind) and train.loss is None
    if failure is not None and (is_of_papilio or any(net.has_failed for net in watched.values())):
        raise SettingError(f"{where} fails on {shown_images} (objective {kind.name}): {words_of(failure)}") from failure


def _refuse_other_ways(network: nn.Module, images: Tensor, *, where: str) -> None:
    """Raises SettingError where an autoencoder is not its encoder and, after it, its decoder, or its latents are no rows."""
    encoder, decoder = getattr(network, "encoder", None), getattr(network, "decoder", None)
    if not isinstance(encoder, nn.Module) or not isinstance(decoder, nn.Module):
        return  # told of elsewhere
    with torch.no_grad():
        latents = encoder(images)
        if not isinstance(latents, Tensor) or latents.dim() != 2:
            raise SettingError(
                f"{where}: encoder returns {_shape_of(latents)} for {NUM} images; expected (num, latents)"
            )
        parts, whole = decoder(latents), network(images)
    is_alike = (
        isinstance(parts, Tensor) and parts.shape == whole.shape and torch.allclose(parts, whole, atol=1e-4, rtol=1e-3)
    )
    if not is_alike:
        raise SettingError(
            f"{where}: decoder(encoder(images)) differs from the network's own output; move all layers into encoder and"
            " decoder, because encoding and decoding call only these"
        )


def needed_shape(kind: Kind, train: TrainSettings, facts: ImageFacts) -> tuple[int, ...] | None:
    """What the net has to return of `NUM` images; None where the kind does not say."""
    if kind.returns is None:
        return None
    return (NUM, *facts.shape) if kind.returns == "images" else (NUM, sum(heads_of(kind, train, facts)))


def is_one_of_ours(kind: Kind) -> bool:
    """Whether a kind comes with Papilio."""
    return KINDS.get(kind.name) is kind


def words_of(error: Exception) -> str:
    """What an error says, and the last line of the user's own code that it went through."""
    text = " ".join(str(error).split())
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        file = Path(frame.f_code.co_filename)
        if file.suffix == ".py" and not any(folder in file.parents for folder in OF_OTHERS):
            return f"{said} ({frame.f_code.co_qualname}, line {line} of {file.name})"
    return said


def _noise_batch(facts: ImageFacts, generator: torch.Generator) -> Batch:
    """Two images, the first and the last class, or two values."""
    pixels = torch.randint(0, 256, (NUM, *facts.shape), dtype=torch.uint8, generator=generator, device=generator.device)
    labels = torch.tensor([0, max(0, facts.num_classes - 1)], device=generator.device)
    return Batch(as_floats(pixels), labels.float() if facts.shows == "quantity" else labels)


def _shape_of(returned: Any) -> str:
    return str(tuple(returned.shape)) if isinstance(returned, Tensor) else f"a {type(returned).__name__}"


def _meaning(kind: Kind, facts: ImageFacts) -> str:
    if kind.returns == "images":
        return "images again"
    return "one number per class" if facts.shows == "class" else "the numbers of train.target"
