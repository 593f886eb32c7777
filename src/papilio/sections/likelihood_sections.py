"""What the page shows of the likelihood of images: the arrays of papilio.analysis.likelihood in, a section out."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure as Drawing

from papilio.drawing import likelihood_figures
from papilio.engine import Arrays
from papilio.results.words import counted
from papilio.sections.blocks import Section, Table, Text
from papilio.sections.context import SectionContext

UNUSED_BELOW = 0.01  # nats


def likelihood_section(arrays: Arrays, context: SectionContext) -> Section | None:
    """The estimate next to the bound and its two terms, what each latent carries, and in words where latents carry nothing."""
    if not arrays:
        return None
    kl = arrays["kl_of_latents"]

    def draw(width: float) -> Drawing:
        return likelihood_figures.nats_of_latents(kl, unused_below=UNUSED_BELOW, width=width)

    collapse, active = collapse_words(kl), int(arrays["is_active"].sum())
    caption = "Latents are counted from 0."
    label = f"KL of each latent, from {kl.max():.2f} down to {kl.min():.2f} nats"
    figure = context.figure(draw, name="latents", label=label, caption=caption, heading="Information per latent")
    words = f"{active} of {counted(len(kl), 'latent')} {'is' if active == 1 else 'are'} active:"
    words += " the posterior mean varies from image to image, with a variance above 0.01."
    return Section(
        title=f"Likelihood under {context.trial}",
        note=_note(arrays, context),
        blocks=(_table(arrays), *([Text(collapse)] if collapse else []), figure, Text(words, is_note=True)),
    )


def collapse_words(kl: np.ndarray) -> str | None:
    """A sentence on latents that carry next to nothing, of the mean KL of each (latents,); None where all carry something.

    >>> collapse_words(np.array([2.0, 0.001, 0.0]))
    '2 of 3 latents carry under 0.01 nats: the posterior has collapsed to the prior on them.'
    """
    unused = int((kl < UNUSED_BELOW).sum())
    if unused == 0:
        return None
    if unused == len(kl):
        which = "The only latent carries" if unused == 1 else f"All {unused} latents carry"
        return f"{which} under {UNUSED_BELOW} nats: the posterior has collapsed to the prior, the decoder ignores its latents."
    verb, them = ("carries", "it") if unused == 1 else ("carry", "them")
    words = f"{unused} of {len(kl)} latents {verb} under {UNUSED_BELOW} nats"
    return f"{words}: the posterior has collapsed to the prior on {them}."


def _table(arrays: Arrays) -> Table:
    samples, error = int(arrays["samples"]), float(arrays["nll_error"])
    spread = "" if math.isnan(error) else f" ± {error:.2f}"
    rows = [
        (f"−log p(x), by importance weighting with {counted(samples, 'sample')}", f"{arrays['nll']:.2f}{spread}"),
        ("−ELBO", f"{-arrays['elbo']:.2f}"),
        ("Reconstruction, −log p(x|z)", f"{arrays['reconstruction']:.2f}"),
        ("KL to the prior, all latents together", f"{arrays['kl']:.2f}"),
    ]
    caption = "Nats per image, lower is better. −ELBO is reconstruction plus KL, and an upper bound of −log p(x);"
    caption += " importance weighting is a tighter one"
    caption += " (Burda et al. 2016). ±: standard error over images." if spread else " (Burda et al. 2016)."
    return Table(("What", "Nats"), tuple(rows), caption, numbers=("Nats",))


def _note(arrays: Arrays, context: SectionContext) -> str:
    num, total = int(arrays["num"]), int(arrays["num_test"])
    of = f"{num:,}" if num == total else f"{num:,} of {total:,}"
    note = f"Of {of} {context.split} images: {context.run_words}."
    if arrays["is_gaussian"]:
        return f"{note} Pixels have a normal density, so that nats may be below 0."
    if not arrays["is_binary"]:
        note += " These images have grays, which stand for the probability of white: the nats are not comparable with those of"
        note += " binarized images (`data.binarize`)."
    return note
