"""What the page shows of the quality of made images: the arrays of papilio.analysis.quality in, a section out."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure as Drawing

from papilio.drawing import quality_figures
from papilio.engine import Arrays
from papilio.results.words import plain_number
from papilio.sections.blocks import Block, Section, Table, Text
from papilio.sections.context import SectionContext

SETS = {
    "real": "Real test images",
    "mean": "Mean image, repeated",
    "samples": "Samples",
    "reconstructions": "Reconstructions of test images",
}
EXPLAINED = (
    "Precision: the fraction of these images that fall within the manifold of training images (high even if all look alike)."
    " Recall: the fraction of training images that fall within the manifold of these images. Real test images show the best"
    " that can be expected. The mean image is that of the training images: a model should be far better. Distances can be"
    " compared only within the same features and number of images. ±: standard deviation of the kernel distance over 20"
    " random quarters of the images."
)
MOST_CLASSES = 40
RARE, FREQUENT = 0.5, 2.0  # of a class's share among real images


def quality_section(arrays: Arrays, context: SectionContext) -> Section | None:
    """Distances of samples and reconstructions to training images next to two floors, and the classes of samples."""
    if not arrays:
        return None
    title = f"Image quality of {context.trial}"
    if not str(arrays["classifier"]):
        return Section(title, blocks=(Text(_missing(context)),))
    num = int(arrays["num"])
    note = f"{num:,} images of each kind against {num:,} training images: {context.run_words}."
    blocks: list[Block] = [_table(arrays), Text(EXPLAINED, is_note=True)]
    if words := likeness_words(arrays):
        blocks.append(Text(words))
    if arrays["is_fitted"]:
        words = (
            "An autoencoder has no prior to sample from: its samples are decoded from a normal distribution with the"
        )
        blocks.append(Text(f"{words} mean and covariance of training images’ latents."))
    if "classes" in arrays:
        blocks += _classes(arrays, context)
    return Section(title, note, tuple(blocks))


def class_words(names: list[str], real: np.ndarray, made: np.ndarray) -> str:
    """Which classes are rare or frequent among samples, by their shares (k,) among training images and samples.

    >>> class_words(["cat", "dog", "fox"], np.array([0.4, 0.4, 0.2]), np.array([0.1, 0.4, 0.5]))
    'Rare among samples, less than half as frequent as among training images: cat. More than twice as frequent: fox.'
    """
    rare, frequent = (
        [names[place] for place in np.flatnonzero(is_far)] for is_far in (made < RARE * real, made > FREQUENT * real)
    )
    words = []
    if rare:
        words.append(f"Rare among samples, less than half as frequent as among training images: {', '.join(rare)}.")
    if frequent:
        words.append(
            f"More than twice as frequent{'' if rare else ' as among training images'}: {', '.join(frequent)}."
        )
    return " ".join(words) or "Each class is between half and twice as frequent among samples as among training images."


def coverage_words(arrays: Arrays) -> str:
    """How many classes samples cover, and the share of the largest, next to real test images; empty of earlier arrays."""
    if "covered" not in arrays:
        return ""
    rows = {str(name): row for row, name in enumerate(arrays["sets"])}
    made, real = rows["samples"], rows["real"]
    num, names = int(arrays["num_classes"]), arrays["classes"].tolist()
    largest = names[int(arrays["set_shares"][made].argmax())]
    words = f"Samples cover {int(arrays['covered'][made])} of {num} classes (real test images {int(arrays['covered'][real])});"
    words += (
        f" the largest, {largest}, has {100 * float(arrays['largest'][made]):.1f}% of them (among real test images the"
    )
    return f"{words} largest has {100 * float(arrays['largest'][real]):.1f}%)."


def likeness_words(arrays: Arrays) -> str:
    """How like the images reconstructions are, next to the mean image; empty where nothing was reconstructed."""
    rows = {str(name): row for row, name in enumerate(arrays["sets"])}
    if "reconstructions" not in rows or "psnr" not in arrays:
        return ""
    made, mean = rows["reconstructions"], rows["mean"]
    words = f"Reconstructions have a PSNR of {arrays['psnr'][made]:.1f} dB and an SSIM of {arrays['ssim'][made]:.3f}"
    words += f" with their originals (the mean image: {arrays['psnr'][mean]:.1f} dB and {arrays['ssim'][mean]:.3f});"
    return f"{words} higher is better."


def kernel_words(value: float, spread: float) -> str:
    """A kernel distance with its spread to two digits, and no more decimals than that has; a spread of 0 is none.

    >>> kernel_words(145.8, 14.93), kernel_words(1.5, 0.0), kernel_words(-1.5, 3.42)
    ('146 ± 15', '1.5000', '−1.5 ± 3.4')
    """
    if spread == 0:
        return plain_number(value)
    decimals = max(0, 1 - math.floor(math.log10(spread)))
    return f"{value:.{decimals}f} ± {spread:.{decimals}f}".replace("-", "−")


def _missing(context: SectionContext) -> str:
    shape = context.facts.shape if context.facts is not None else ()
    text = f"Not measured: no classifier of images like those of `{context.images_name}`"
    text += (
        f" ({' × '.join(map(str, shape))}: channel, height, width) comes with Papilio. Where the images have classes,"
    )
    text += ' train one: a study of the same `[data]` with `family = "cnn"` under `[model]`. Then give the folder of its run:'
    return f'{text} `features = "RUN"` in an `[[analysis]]` table with `kind = "quality"`.'


def _table(arrays: Arrays) -> Table:
    rows = tuple(
        (
            SETS[str(name)],
            plain_number(float(arrays["frechet"][row])),
            kernel_words(
                float(arrays["kernel"][row]), float(arrays["kernel_spread"][row]) if "kernel_spread" in arrays else 0.0
            ),
            f"{arrays['precision'][row]:.3f}",
            f"{arrays['recall'][row]:.3f}",
        )
        for row, name in enumerate(arrays["sets"])
    )
    columns = ("Images", "Fréchet", "Kernel", "Precision", "Recall")
    accuracy = float(arrays["accuracy"])
    score = "" if math.isnan(accuracy) else f" (test accuracy {accuracy:.3f})"
    caption = f"Fréchet distance and kernel distance in the {int(arrays['num_features'])} features of the last hidden"
    caption += f" layer of {arrays['classifier']}{score}."
    caption += " Lower is better for distances, higher for precision and recall."
    return Table(columns, rows, caption, numbers=columns[1:])


def _classes(arrays: Arrays, context: SectionContext) -> list[Block]:
    names, (real, made) = arrays["classes"].tolist(), arrays["shares"]

    def draw(width: float) -> Drawing:
        return quality_figures.class_shares(names, real=real, made=made, width=width)

    words = " ".join(filter(None, [coverage_words(arrays), class_words(names, real, made)]))
    table = [_coverage(arrays)] if "covered" in arrays else []
    if len(names) > MOST_CLASSES:
        return [Text(words, heading="Classes of samples"), *table]
    caption = "Predicted classes of training images and samples."
    heading = "Classes of samples"
    figure = context.figure(
        draw, name="classes", label=f"Classes of samples. {words}", caption=caption, heading=heading
    )
    return [figure, Text(words), *table]


def _coverage(arrays: Arrays) -> Table:
    """A row per set: how many classes it covers, and the largest."""
    names, num = arrays["classes"].tolist(), int(arrays["num_classes"])
    rows = tuple(
        (
            SETS[str(name)],
            f"{int(arrays['covered'][row])} of {num}",
            names[int(arrays["set_shares"][row].argmax())],
            f"{100 * float(arrays['largest'][row]):.1f}%",
        )
        for row, name in enumerate(arrays["sets"])
    )
    columns = ("Images", "Classes covered", "Largest class", "Its share")
    caption = (
        "A class is covered where it is at least a tenth as frequent as among training images, by the same classifier."
    )
    return Table(columns, rows, caption, numbers=("Classes covered", "Its share"))
