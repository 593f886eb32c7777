"""What the page shows of projections: the arrays of papilio.analysis.projection in, a section out."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure as Drawing

from papilio.analysis.projection import NEIGHBORS, THUMBNAIL_SIDE, in_unit_square
from papilio.drawing import projection_figures
from papilio.drawing.projection_figures import Coloring, Panel
from papilio.engine import Arrays
from papilio.sections.blocks import Figure, Section, Table, Text
from papilio.sections.context import SectionContext

METHODS = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}


def projection_section(arrays: Arrays, context: SectionContext) -> Section | None:
    """Each layer by each method, a table of what the projections keep, and images at their points."""
    if not arrays:
        return None
    assert context.facts is not None  # images were looked at
    colors = projection_figures.coloring(arrays["labels"], context.facts.class_names, context.facts.quantity)
    num = len(arrays["labels"])
    return Section(
        title=f"Projections of the layers of {context.trial}",
        note=f"{num:,} {context.split} images{_drawn(context)}: {context.run_words}.",
        blocks=(
            Text(_how_to_read(arrays, context), is_note=True),
            _panels(arrays, colors, context),
            _table(arrays, context),
            _in_place(arrays, colors, context),
        ),
    )


def _drawn(context: SectionContext) -> str:
    assert context.facts is not None
    how = "" if context.facts.shows == "nothing" else "stratified, "
    return f" ({how}seed {context.options['seed']})"


def _how_to_read(arrays: Arrays, context: SectionContext) -> str:
    assert context.facts is not None
    text = "Projections distort structure; the numbers say how much. "
    if context.facts.shows == "class":
        largest = np.bincount(arrays["labels"]).max() / len(arrays["labels"])
        text += (
            f"k-NN accuracy is the share of images whose class is that of most of their {NEIGHBORS} nearest neighbors, the"
            f" image itself left out. It is measured in all of a layer's dimensions and again in the picture; always"
            f" guessing the largest class gives {largest:.1%}. "
        )
    elif context.facts.shows == "quantity":
        text += (
            f"k-NN error is how far an image's value is from the circular mean of its {NEIGHBORS} nearest neighbors' values,"
            " on average. It is measured in all of a layer's dimensions and again in the picture. "
        )
    else:
        text += (
            f"Trustworthiness (Venna and Kaski 2001, {NEIGHBORS} neighbors) is 1 where no image has neighbors in the picture"
            " that it does not have in all dimensions, and about 0.5 for a random picture. "
        )
    return (
        text
        + f"Neighbors kept: how many of the {NEIGHBORS} nearest are still among the {NEIGHBORS} nearest in the picture."
    )


def _panels(arrays: Arrays, colors: Coloring, context: SectionContext) -> Figure:
    methods, layers = arrays["methods"].tolist(), arrays["layers"].tolist()
    panels = [
        [
            Panel(
                points=in_unit_square(arrays["points"][row, column].astype(np.float64)),
                title=f"{layer} · {METHODS[method]}",
                note=_note(arrays, row, column, context),
            )
            for column, method in enumerate(methods)
        ]
        for row, layer in enumerate(layers)
    ]

    def draw(width: float) -> Drawing:
        return projection_figures.projections(panels, colors, width=width)

    words = [f"{panel.title}: {panel.note}" for row in panels for panel in row]
    label = f"Projections of {len(arrays['labels']):,} images, one row per layer. {'; '.join(words)}"
    return context.figure(draw, name="projections", label=label, caption=_caption(arrays, context))


def _note(arrays: Arrays, row: int, column: int, context: SectionContext) -> str:
    assert context.facts is not None
    if context.facts.shows == "nothing":
        return f"trustworthiness {arrays['trustworthiness'][row, column]:.3f}"
    original, projected = arrays["original"][row], arrays["projected"][row, column]
    return f"k-NN {_score(original, context)} → {_score(projected, context)}"


def _caption(arrays: Arrays, context: SectionContext) -> str:
    methods, perplexity, seed = arrays["methods"].tolist(), float(arrays["perplexity"]), context.options["seed"]
    parts = []
    if "pca" in methods:
        parts.append("PCA: the first principal component across, the second up.")
    if "tsne" in methods:
        parts.append(
            f"t-SNE: openTSNE, Barnes-Hut, perplexity {perplexity:.3g}, seed {seed}; distances between groups, and their sizes,"
            " mean little."
        )
    if "umap" in methods:
        parts.append(f"UMAP: 15 neighbors, seed {seed}.")
    if {"tsne", "umap"} & set(methods) and arrays["dimensions"].max() > 50:
        parts.append("Layers of more than 50 dimensions are reduced to 50 by PCA first.")
    assert context.facts is not None
    if context.facts.shows != "nothing":
        parts.append("Above each panel: k-NN in all dimensions → in the picture.")
    if context.facts.num_classes > projection_figures.MOST_NAMED_CLASSES:
        parts.append(f"One color per class; with {context.facts.num_classes} classes, several look alike.")
    return " ".join(parts)


def _table(arrays: Arrays, context: SectionContext) -> Table:
    assert context.facts is not None
    shows = context.facts.shows
    score = {"class": "k-NN accuracy", "quantity": "k-NN error", "nothing": ""}[shows]
    scores = (f"{score}, all dimensions", f"{score}, picture") if score else ("Trustworthiness",)
    columns = ("Layer", "Output", "Dimensions", "Method", *scores, "Neighbors kept", "Variance of the axes")
    rows = [
        (
            layer,
            str(arrays["shapes"][row]),
            f"{arrays['dimensions'][row]:,}",
            METHODS[method],
            *_scores(arrays, row, column, context),
            f"{arrays['kept'][row, column]:.1%}",
            " + ".join(f"{share:.1%}" for share in arrays["variance"][row]) if method == "pca" else "",
        )
        for row, layer in enumerate(arrays["layers"].tolist())
        for column, method in enumerate(arrays["methods"].tolist())
    ]
    caption = f"How much of each layer its projections keep: {len(arrays['labels']):,} {context.split} images, k = {NEIGHBORS}."
    return Table(
        columns, tuple(rows), caption, numbers=("Dimensions", *scores, "Neighbors kept", "Variance of the axes")
    )


def _scores(arrays: Arrays, row: int, column: int, context: SectionContext) -> tuple[str, ...]:
    assert context.facts is not None
    if context.facts.shows == "nothing":
        return (f"{arrays['trustworthiness'][row, column]:.3f}",)
    return _score(arrays["original"][row], context), _score(arrays["projected"][row, column], context)


def _score(score: float, context: SectionContext) -> str:
    assert context.facts is not None
    if context.facts.quantity is not None:
        return context.facts.quantity.distance_words(float(score))
    return f"{score:.1%}"


def _in_place(arrays: Arrays, colors: Coloring, context: SectionContext) -> Figure:
    points = in_unit_square(arrays["points"][-1, -1].astype(np.float64))
    layer, method = str(arrays["layers"][-1]), METHODS[str(arrays["methods"][-1])]
    shown = arrays["thumbnail_indices"]

    def draw(width: float) -> Drawing:
        return projection_figures.images_in_place(
            points, shown, arrays["thumbnails"], colors, side=THUMBNAIL_SIDE, width=width
        )

    label = f"{len(shown)} images at their positions in the projection of {layer} by {method}"
    caption = f"{layer} by {method}, with as many images as fit."
    return context.figure(
        draw, name="images", label=label, caption=caption, heading="Images at their positions", is_square=True
    )
