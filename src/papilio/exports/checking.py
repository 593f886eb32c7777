"""Exported programs compared with the run itself: on images of its set the answers are the same, or nothing is written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from papilio.data.imageset import ImageSet
from papilio.data.load import DRAWN
from papilio.data.progress import reading_progress
from papilio.errors import PapilioError, RunError, reason_of
from papilio.exports.programs import Arrays, Port, Program, laid_out
from papilio.runs.run import Run
from papilio.studies.images import images_of

NUM_CHECKED = 200  # images
# how far answers may be apart, as a share of their scale: sums in another order differ in their last bits
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Checked:
    """On what programs were compared with the run, in words, and how far each output was off at most."""

    what: str
    differences: dict[str, float]  # by file and output


def own_images(run: Run) -> ImageSet | None:
    """The image set that a run was trained on, with its fold's splits, where it is here.

    Of one that Papilio draws a few hundred of its kind.
    """
    data = run.facts.run_settings.data
    if data.name in DRAWN:
        data = data.model_copy(update={"render": {**(data.render or {}), "num": 2 * NUM_CHECKED}, "num_train": None})
    try:
        images = images_of(data, reading_progress(), download=False)
    except PapilioError:
        return None
    if images.image_shape != run.image_shape:
        return None
    fold, of = run.facts.fold, run.facts.run_settings.folds
    return images if fold is None or of is None else images.fold(fold, of=of, seed=data.seed)


def pictures_to_check(run: Run, images: ImageSet | None) -> tuple[np.ndarray, str]:
    """Images (num, channel, height, width) on which a run is compared with its programs, and in words which."""
    if images is None:
        noise = np.random.default_rng(0).integers(0, 256, (NUM_CHECKED, *run.image_shape), dtype=np.uint8)
        return noise, f"{NUM_CHECKED} images of noise (the image set was not here)"
    unseen_first = np.concatenate([images.test, images.validation, images.train])[:NUM_CHECKED]
    what = "test images" if len(images.test) >= len(unseen_first) else "images"
    return images.images[unseen_first], f"{len(unseen_first):,} {what} of {images.name}"


def check(run: Run, program: Program, content: bytes, pictures: np.ndarray) -> dict[str, float]:
    """How far each output of an ONNX file is from the run's own answers, at most; with several at a time, and with one.

    Raises RunError where that is more than rounding.
    """
    import onnxruntime

    given = _inputs(run, program, pictures)
    expected = program.answers(given)
    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        names = [port.name for port in program.outputs]
        found = [np.asarray(one) for one in session.run(names, dict(given))]
        first = [np.asarray(one) for one in session.run(names, {name: one[:1] for name, one in given.items()})]
    except Exception as error:  # onnxruntime raises classes of its own, with nothing in common
        raise RunError(
            f"{run.folder}: {program.file} does not run for every batch size ({reason_of(error).splitlines()[0]}); in a network"
            " of your own, use images.shape[0] instead of len(images), which is exported as a fixed number"
        ) from error
    return {
        port.name: _difference(run, program, port, np.concatenate([many, one]), expected[port.name])
        for port, many, one in zip(program.outputs, found, first, strict=True)
    }


def _inputs(run: Run, program: Program, pictures: np.ndarray) -> Arrays:
    names = [port.name for port in program.inputs]
    if names == ["images"]:
        return {"images": laid_out(pictures)}
    rng = np.random.default_rng(0)
    is_drawn = "sample" in run.kind.offers or "encode" not in run.kind.offers
    latents = rng.standard_normal((len(pictures), run.latents)).astype(np.float32) if is_drawn else run.encode(pictures)
    classes = np.arange(len(latents), dtype=np.int64) % max(1, run.conditional_classes)
    return {"latents": latents, "classes": classes} if "classes" in names else {"latents": latents}


def _difference(run: Run, program: Program, port: Port, found: np.ndarray, expected: np.ndarray) -> float:
    """`found` has the first answer once more at its end."""
    wanted = np.concatenate([expected, expected[:1]])
    if found.shape != wanted.shape:
        raise RunError(f"{run.folder}: {program.file}: output {port.name} has shape {found.shape}, not {wanted.shape}")
    apart = np.abs(found.astype(np.float64) - wanted)
    scale = max(1.0, float(np.abs(wanted).max()))
    if port.period is not None:
        apart, scale = np.minimum(apart, port.period - apart), port.period
    most = float(apart.max())
    if not most <= TOLERANCE * scale:  # NaN, too
        raise RunError(
            f"{run.folder}: {program.file}: output {port.name} differs from the run's own by up to {most:.3g}"
            f" (tolerance {TOLERANCE * scale:.3g}); nothing was written"
        )
    return most
