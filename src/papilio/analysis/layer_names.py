"""Which layers an analysis looks at, and what they give."""

from __future__ import annotations

from collections.abc import Sequence

from papilio.errors import SettingError
from papilio.kinds.kind import Planned
from papilio.kinds.options import ProjectionOptions
from papilio.models.description import LayerRow
from papilio.models.layer_names import LATENTS, OUTPUT, find_layer, named_layers
from papilio.runs.run import Run


def chosen_layers(names: Sequence[str], rows: Sequence[LayerRow], *, has_latents: bool) -> dict[str, str]:
    """What the names stand for in a network with these layers: see `papilio.models.layer_names.find_layer`.

    Without names: the latents, where there are some, else the last hidden layer and the output. Raises SettingError for an
    unknown name.
    """
    if not names:
        return {LATENTS: LATENTS} if has_latents else dict([*list(named_layers(rows).items())[-1:], (OUTPUT, OUTPUT)])
    return {name: find_layer(name, rows, has_latents=has_latents) for name in names}


def check_layers(options: ProjectionOptions, planned: Planned) -> None:
    """Raises SettingError where a network that is yet to be trained does not have the layers that are to be projected."""
    if options.layers:
        try:
            chosen_layers(options.layers, planned.describe().layers, has_latents="encode" in planned.kind.offers)
        except SettingError as error:
            raise SettingError(f"layers: {error}") from error


def layers_of(run: Run, names: Sequence[str]) -> dict[str, str]:
    """As `chosen_layers`, for a run that was trained."""
    return chosen_layers(names, run.facts.layer_rows, has_latents="encode" in run.kind.offers)
