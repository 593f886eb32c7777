"""What of a run becomes an ONNX program, with what goes in, what comes out, and what the run itself answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from papilio.engine import find_engine
from papilio.errors import RunError
from papilio.kinds.registry import AUTOENCODER, CLASSIFY, GAN, READ, VAE
from papilio.offers.latents import generator_of
from papilio.runs.arrays import load_arrays
from papilio.runs.folder import RunFolder
from papilio.runs.run import Run
from papilio.settings.references import resolve_reference

Arrays = Mapping[str, np.ndarray]
ENGINES = ("torch", "numpy")
MODEL, DECODER = "model.onnx", "decoder.onnx"


@dataclass(frozen=True)
class Port:
    """What goes in or comes out: its name, type, shape, and what it means, in words."""

    name: str
    type: str
    shape: str
    meaning: str
    period: float | None = None  # of a number on a circle, where 0 is near it


@dataclass(frozen=True)
class Program:
    """An ONNX file to be: its bytes as torch makes them, and `answers`, what the run itself gives for such inputs."""

    file: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    content: bytes
    answers: Callable[[Arrays], Arrays]


def programs_of(run: Run) -> list[Program]:
    """The programs that a run is exported as, the main one first.

    Raises RunError for a run that does nothing that one could export, or whose network ONNX cannot express.
    """
    settings, offers = run.facts.run_settings, run.kind.offers
    if settings.train.engine not in ENGINES:
        raise RunError(
            f"{run.folder}: was trained by {settings.train.engine}; runs of {' and '.join(ENGINES)} can be exported"
        )
    torch_nets = _torch_nets(run)
    try:
        if _offers(run, "probabilities", CLASSIFY):
            return [_classes(run, torch_nets)]
        if _offers(run, "read", READ):
            return [_values(run, torch_nets)]
        programs = [_reconstruction(run, torch_nets)] if _offers(run, "reconstruct", AUTOENCODER, VAE) else []
        if _offers(run, "decode", AUTOENCODER, VAE, GAN):
            programs.append(_generator(run, torch_nets, file=DECODER if programs else MODEL))
    except RunError as error:
        raise RunError(f"{run.folder}: {str(error).removeprefix(f'{run.folder}: ')}") from error
    if not programs:
        raise RunError(
            f"{run.folder}: cannot be exported: kind {run.kind.name} offers {', '.join(offers) or 'nothing'}, but export needs"
            " probabilities, readings, reconstructions or images"
        )
    return programs


def laid_out(images: np.ndarray) -> np.ndarray:
    """Images (num, channel, height, width) as programs have them: (num, height, width), in color (num, height, width, 3)."""
    return np.ascontiguousarray(images[:, 0] if images.shape[1] == 1 else images.transpose(0, 2, 3, 1))


def stacked(images: np.ndarray) -> np.ndarray:
    """What `laid_out` gave as (num, channel, height, width) again."""
    return np.ascontiguousarray(images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2))


def _offers(run: Run, name: str, *kinds: Any) -> bool:
    """Whether a run offers something as one of Papilio's own kinds does it."""
    return name in run.kind.offers and run.kind.offers[name] in [kind.offers.get(name) for kind in kinds]


def _torch_nets(run: Run) -> dict[str, Any]:
    """The run's nets as torch modules: those of the NumPy engine are the same, built again."""
    settings = run.facts.run_settings
    if settings.train.engine == "torch":
        return run.nets.modules
    weights, _ = load_arrays(RunFolder(run.folder).weights_file)
    return find_engine("torch", {}).load(settings, run.facts.images, weights).modules


def _torch(name: str) -> Callable[..., Any]:
    return resolve_reference(f"papilio.training.exporting:{name}")


def _image_shape(run: Run) -> str:
    channel, height, width = run.image_shape
    return f"(num, {height}, {width})" if channel == 1 else f"(num, {height}, {width}, {channel})"


def _images(run: Run) -> Port:
    what = "gray" if run.image_shape[0] == 1 else "RGB"
    return Port("images", "uint8", _image_shape(run), f"{what} pictures, 0 black, 255 white")


def _classes(run: Run, nets: dict[str, Any]) -> Program:
    meaning = "of each class; the names are in the metadata, in this order"
    return Program(
        MODEL,
        (_images(run),),
        (Port("probabilities", "float32", f"(num, {len(run.class_names)})", meaning),),
        _torch("classes_program")(nets, run.image_shape),
        lambda given: {"probabilities": run.probabilities(stacked(given["images"]))},
    )


def _values(run: Run, nets: dict[str, Any]) -> Program:
    train, quantity = run.facts.run_settings.train, run.facts.images.quantity_of(str(run.folder))
    unit = "minutes on a dial of twelve hours" if quantity.is_time else quantity.unit or "the unit of its labels"
    meaning = f"what each shows, from 0 to below {quantity.period:g}, in {unit}"
    outputs = [Port("values", "float32", "(num,)", meaning, quantity.period)]
    if _torch("tells_confidence")(train, quantity.period):
        outputs.append(Port("confidence", "float32", "(num,)", "how sure the network is, from 0 to 1"))
    content = _torch("values_program")(nets, run.image_shape, train, quantity.period)

    def answers(given: Arrays) -> Arrays:
        return dict(zip(("values", "confidence"), run.read(stacked(given["images"])), strict=True))

    return Program(MODEL, (_images(run),), tuple(outputs), content, answers)


def _reconstruction(run: Run, nets: dict[str, Any]) -> Program:
    is_variational = _offers(run, "encode", VAE)
    has_latents = is_variational or _offers(run, "encode", AUTOENCODER)
    outputs = [Port("reconstructions", "float32", _image_shape(run), "the reconstruction of each picture, from 0 to 1")]
    if has_latents:
        what = "the mean of each picture's latents" if is_variational else "each picture's latents"
        outputs.append(Port("latents", "float32", f"(num, {run.latents})", what))
    content = _torch("reconstruction_program")(
        nets, run.image_shape, has_latents=has_latents, is_variational=is_variational
    )

    def answers(given: Arrays) -> Arrays:
        images = stacked(given["images"])
        latents = {"latents": run.encode(images)} if has_latents else {}
        return {"reconstructions": laid_out(run.reconstruct(images))} | latents

    return Program(MODEL, (_images(run),), tuple(outputs), content, answers)


def _generator(run: Run, nets: dict[str, Any], *, file: str) -> Program:
    generator, classes = generator_of(run), run.conditional_classes
    drawn = "drawn from a normal distribution" if "sample" in run.kind.offers else "as model.onnx gives them"
    inputs = [Port("latents", "float32", f"(num, {run.latents})", f"numbers that an image is made of, {drawn}")]
    if classes:
        inputs.append(Port("classes", "int64", "(num,)", f"the class of each image, from 0 to {classes - 1}"))
    content = _torch("generator_program")(nets, generator, latents=run.latents, classes=classes)

    def answers(given: Arrays) -> Arrays:
        numbers = given["latents"]
        if classes:
            numbers = np.concatenate([numbers, np.eye(classes, dtype=np.float32)[given["classes"]]], axis=1)
        return {"images": laid_out(run.nets.forward(generator, numbers))}

    return Program(
        file, tuple(inputs), (Port("images", "float32", _image_shape(run), "from 0 to 1"),), content, answers
    )
