"""Nets as ONNX programs: uint8 pictures in, what people want to know out, for any number of pictures at a time."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from papilio.errors import RunError
from papilio.settings.train_settings import TrainSettings
from papilio.targets.periodic import VonMises, angles
from papilio.targets.quantity import make_design
from papilio.training.calls import bare

NUM = 2  # of a batch while a program is made: torch takes what is 0 or 1 then to be so forever


def classes_program(nets: Mapping[str, nn.Module], shape: tuple[int, int, int]) -> bytes:
    """From `images` to `probabilities`, float32 (num, class)."""
    network = nets["network"]
    return _program(
        lambda images: network(_floats(images)).softmax(dim=1),
        [network],
        {"images": _blank(shape)},
        outputs=["probabilities"],
    )


def tells_confidence(train: TrainSettings, period: float) -> bool:
    """Whether `values_program` can have a confidence: that of the von Mises design takes Bessel functions, which ONNX lacks."""
    return not isinstance(make_design(train.target, period), VonMises)


def values_program(
    nets: Mapping[str, nn.Module], shape: tuple[int, int, int], train: TrainSettings, period: float
) -> bytes:
    """From `images` to `values`, float32 (num,) in [0, period), and where there is one a `confidence` of each."""
    network, design = nets["network"], make_design(train.target, period)
    has_confidence = tells_confidence(train, period)

    def read(images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        outputs = network(_floats(images))
        if not has_confidence:
            return angles(outputs, period)
        reading = design.decode(outputs)
        return reading.values, reading.confidence

    names = ["values", "confidence"] if has_confidence else ["values"]
    return _program(read, [network], {"images": _blank(shape)}, outputs=names)


def reconstruction_program(
    nets: Mapping[str, nn.Module], shape: tuple[int, int, int], *, has_latents: bool, is_variational: bool
) -> bytes:
    """From `images` to `reconstructions`, float32 from 0 to 1 in the layout of images, and `latents` where there are some."""
    network = bare(nets["network"])

    def reconstruct(images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        if not has_latents:
            return _pictures(network(_floats(images)))
        latents = network.encoder(_floats(images))  # pyright: ignore[reportCallIssue]
        latents = latents.chunk(2, dim=1)[0] if is_variational else latents
        return _pictures(network.decoder(latents)), latents  # pyright: ignore[reportCallIssue]

    names = ["reconstructions", "latents"] if has_latents else ["reconstructions"]
    return _program(reconstruct, [network], {"images": _blank(shape)}, outputs=names)


def generator_program(nets: Mapping[str, nn.Module], generator: str, *, latents: int, classes: int) -> bytes:
    """From `latents`, float32 (num, latents), and in a conditional run `classes`, int64 (num,), to `images`, from 0 to 1.

    `generator` is the net that makes images, or a part of one: "network.decoder".
    """
    name, _, part = generator.partition(".")
    net = bare(nets[name]).get_submodule(part)

    def generate(numbers: Tensor, labels: Tensor | None = None) -> Tensor:
        given = numbers if labels is None else torch.cat([numbers, torch.eye(classes)[labels]], dim=1)
        return _pictures(net(given))

    inputs = {"latents": torch.zeros(NUM, latents)}
    inputs |= {"classes": torch.zeros(NUM, dtype=torch.int64)} if classes else {}
    return _program(generate, [net], inputs, outputs=["images"])


class _Program(nn.Module):
    """A function of tensors, with the nets that it calls."""

    def __init__(self, function: Callable[..., Tensor | tuple[Tensor, ...]], nets: Sequence[nn.Module]) -> None:
        super().__init__()
        self.function = function
        self.nets = nn.ModuleList(nets)

    def forward(self, *given: Tensor) -> Tensor | tuple[Tensor, ...]:
        return self.function(*given)


def _program(
    function: Callable[..., Tensor | tuple[Tensor, ...]],
    nets: Sequence[nn.Module],
    inputs: Mapping[str, Tensor],
    *,
    outputs: Sequence[str],
) -> bytes:
    """The function as an ONNX file's bytes; raises RunError for nets that ONNX cannot express."""
    num = torch.export.Dim("num")
    try:
        with _silent(), torch.no_grad():
            found = torch.onnx.export(
                _Program(function, nets).eval(),
                tuple(inputs.values()),
                dynamo=True,
                dynamic_shapes=(tuple({0: num} for _ in inputs),),
                input_names=list(inputs),
                output_names=list(outputs),
                verbose=False,
            )
    except Exception as error:  # a network of the user's own may raise anything, and the exporter wraps it
        raise RunError(f"its network cannot be expressed in ONNX ({_first_cause(error)})") from error
    assert found is not None
    return found.model_proto.SerializeToString()


def _floats(images: Tensor) -> Tensor:
    """uint8 (num, height, width) or (num, height, width, 3) as nets take them."""
    images = images.unsqueeze(1) if images.dim() == 3 else images.permute(0, 3, 1, 2)
    return images.to(torch.float32) / 255


def _pictures(images: Tensor) -> Tensor:
    """(num, channel, height, width) as (num, height, width), in color (num, height, width, 3)."""
    return images.squeeze(1) if images.shape[1] == 1 else images.permute(0, 2, 3, 1)


def _blank(shape: tuple[int, int, int]) -> Tensor:
    channel, height, width = shape
    layout = (NUM, height, width) if channel == 1 else (NUM, height, width, channel)
    return torch.zeros(layout, dtype=torch.uint8)


def _first_cause(error: BaseException) -> str:
    """What went wrong in the first place, in a line; the exporter's own words tell how to report it to its authors."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Within, the exporter's remarks on itself are not shown, nor the graph of a network that it cannot express."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
