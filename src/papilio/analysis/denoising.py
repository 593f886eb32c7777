"""How well the autoencoders of a stage remove noise: peak signal-to-noise ratio and structural similarity by level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from papilio.data.imageset import ImageSet
from papilio.data.splits import draw_number
from papilio.engine import Arrays
from papilio.errors import RunError
from papilio.kinds.options import DenoisingOptions, NoiseKind
from papilio.results.results import RunResult, StudyResults
from papilio.runs.run import Run, load_run

MOST_TRIALS = 6  # with noise, and as many without: the best by the study's own ranking
NUM_SHOWN = 3  # images
AT_ONCE = 200  # images
SMALLEST_ERROR = 1e-10  # of an image: 100 dB, in place of infinitely many


@dataclass(frozen=True)
class _Denoiser:
    trial: str
    run: Run
    images: ImageSet

    @property
    def noise(self) -> str:
        """What the run was trained to remove, "none" for a plain autoencoder."""
        return str(self.run.facts.run_settings.train.objective_settings.get("noise", "none"))


def denoise(
    results: StudyResults, stage: str, options: DenoisingOptions, images_of: Callable[[RunResult], ImageSet]
) -> Arrays | None:
    """Noisy test images, and what the best run of each trial makes of them; None where none learned to remove noise.

    Arrays over t trials and k levels: `trials` and `noises` (what each was trained with) text (t,); `levels` float (k,);
    `psnr` in dB and `ssim` float (1 + t, k), of the noisy images first, then of what each trial makes of them, means over
    `num` of `num_test` images. Pictures, uint8: `clean` (m, channel, height, width), and `shown` (1 + t, k, m, channel,
    height, width). Left out are trials of other images, and all but the six best with noise and the six best without.
    """
    if not any(_learns_to_denoise(run) for trial in results.ranked(stage) for run in trial.finished):
        return None
    found = _denoisers(results, stage, images_of)
    if all(one.noise == "none" for one in found):
        return None
    images = next(one.images for one in found if one.noise != "none")
    found = [one for one in found if one.images.checksum == images.checksum]
    num = min(options.num, len(images.test))
    chosen = draw_number(images.strata, images.test, num=num, seed=0)
    clean = images.images[chosen].astype(np.float32) / 255
    # of different classes, where there are classes
    places = draw_number(images.strata[chosen], np.arange(num), num=min(NUM_SHOWN, num), seed=0)
    values = np.empty((2, 1 + len(found), len(options.levels)))
    shown = np.empty((1 + len(found), len(options.levels), len(places), *images.image_shape), dtype=np.uint8)
    for column, level in enumerate(options.levels):
        noisy = add_noise(clean, options.noise, level, seed=column)
        for row, outputs in enumerate([noisy, *(one.run.nets.forward("network", noisy) for one in found)]):
            values[:, row, column] = psnr(outputs, clean).mean(), ssim(outputs, clean).mean()
            shown[row, column] = np.round(np.clip(outputs[places], 0, 1) * 255)
    return {
        "trials": np.array([one.trial for one in found]),
        "noises": np.array([one.noise for one in found]),
        "levels": np.array(options.levels),
        "psnr": values[0],
        "ssim": values[1],
        "num": np.array(num),
        "num_test": np.array(len(images.test)),
        "clean": images.images[chosen[places]],
        "shown": shown,
    }


def add_noise(images: np.ndarray, kind: NoiseKind, level: float, *, seed: int) -> np.ndarray:
    """Float32 images (num, channel, height, width) in [0, 1] with noise of one level; the same seed gives the same noise.

    As autoencoders are trained with it: "gaussian" adds a normal number of that standard deviation to each value, and what
    leaves [0, 1] is cut off; "salt_and_pepper" makes that share of the pixels black or white, in all channels; "masking" makes
    that share of them black.
    """
    rng = np.random.default_rng(seed)
    num, _, height, width = images.shape
    if kind == "gaussian":
        return np.clip(images + np.float32(level) * rng.standard_normal(images.shape, dtype=np.float32), 0, 1)
    chance = rng.random((num, 1, height, width), dtype=np.float32)
    if kind == "masking":
        return np.where(chance < level, np.float32(0), images)
    return np.where(chance < level, (chance < level / 2).astype(np.float32), images)


def psnr(images: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """The peak signal-to-noise ratio of each image (num, channel, height, width) in [0, 1], in dB.

    10 log10(1 / mean squared error); equal images have 100 dB in place of infinity.
    """
    errors = np.square(images.astype(np.float64) - clean).reshape(len(images), -1).mean(axis=1)
    return -10 * np.log10(np.maximum(errors, SMALLEST_ERROR))


def ssim(images: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """The mean structural similarity of each image (num, channel, height, width) in [0, 1]: float64 (num,), at most 1.

    Wang, Bovik, Sheikh & Simoncelli 2004, "Image quality assessment", equation 13: a Gaussian window of 11 x 11 pixels with
    standard deviation 1.5, C1 = 0.01², C2 = 0.03², of the places where the whole window lies inside the image (of all, with
    mirrored borders, where a side is shorter than the window); of colors the mean over channels.
    """
    parts = range(0, len(images), AT_ONCE)
    return np.concatenate([_ssim(images[start : start + AT_ONCE], clean[start : start + AT_ONCE]) for start in parts])


def _ssim(images: np.ndarray, clean: np.ndarray) -> np.ndarray:
    x, y = images.astype(np.float64), clean.astype(np.float64)
    mean_x, mean_y, xx, yy, xy = (
        gaussian_filter(one, sigma=(0, 0, 1.5, 1.5), radius=(0, 0, 5, 5)) for one in (x, y, x * x, y * y, x * y)
    )
    variances, covariance = xx - mean_x**2 + yy - mean_y**2, xy - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    found = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    found /= (mean_x**2 + mean_y**2 + c1) * (variances + c2)
    inside = found[..., 5:-5, 5:-5] if min(found.shape[2:]) >= 11 else found
    return inside.reshape(len(inside), -1).mean(axis=1)


def _denoisers(results: StudyResults, stage: str, images_of: Callable[[RunResult], ImageSet]) -> list[_Denoiser]:
    """The best run of each trial that reconstructs, in the study's order; a run that cannot be loaded here is left out."""
    found: dict[str, _Denoiser] = {}
    counts = {True: 0, False: 0}
    for trial in results.ranked(stage):
        run = _loaded(trial.best)
        if run is None or "reconstruct" not in run.kind.offers:
            continue
        one = _Denoiser(trial.name, run, images_of(trial.finished[0]))
        is_denoising = one.noise != "none"
        if len(one.images.test) and counts[is_denoising] < MOST_TRIALS:
            counts[is_denoising] += 1
            found[trial.name] = one
    return [found[trial.name] for trial in results.trials(stage) if trial.name in found]


def _learns_to_denoise(run: RunResult) -> bool:
    """By its settings, as loading many runs takes long."""
    return run.settings["train"].get("objective_settings", {}).get("noise", "none") != "none"


def _loaded(run: RunResult | None) -> Run | None:
    try:
        return None if run is None else load_run(run.folder)
    except RunError:  # of a network of the user's own that cannot be imported by its name
        return None
