"""Weights that a run begins with: taken out of another run's folder, kept in its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from papilio.engine import Arrays
from papilio.errors import RunError, did_you_mean
from papilio.runs.arrays import load_arrays, save_arrays
from papilio.runs.folder import FINAL, RunFacts, RunFolder
from papilio.settings.run_settings import NetFrom, layer_within


@dataclass(frozen=True)
class Origin:
    """The run that weights are taken from, and what the new run's facts call it."""

    folder: Path
    run: str

    @property
    def weights_file(self) -> Path:
        return RunFolder(self.folder).weights_file

    def facts(self) -> RunFacts:
        """Raises RunError where the folder is no run's."""
        return RunFolder(self.folder).facts()


def bring_weights(
    folder: RunFolder, sources: Mapping[str, NetFrom], origins: Mapping[str, Origin], checksums: Mapping[str, str]
) -> None:
    """Put the weights that a run begins with into its folder, once.

    `origins` are the runs that they are of, `checksums` those of their files. Raises RunError where they do not have what is
    asked for, or the run began with others.
    """
    refuse_other_weights(folder, origins, checksums)
    if _kept_checksums(folder.start_file) == checksums:
        return
    arrays: dict[str, Any] = {}
    starts: dict[str, Any] = {}
    for key, source in sources.items():
        net, taken = taken_weights(origins[key], source, key)
        arrays |= {f"{key}/{name}": array for name, array in taken.items()}
        starts[key] = {"run": origins[key].run, "net": net, "checksum": checksums[key]}
    save_arrays(folder.start_file, arrays, {"starts": starts})


def refuse_other_weights(folder: RunFolder, origins: Mapping[str, Origin], checksums: Mapping[str, str]) -> None:
    """Raises RunError where a run that has been trained for an epoch or more began with other weights than these."""
    facts = folder.read()
    has_begun = facts is not None and (facts.status in FINAL or folder.checkpoint_file.exists())
    if facts is None or not has_begun:
        return
    for key, known in _checksums(facts.starts).items():
        if key in checksums and checksums[key] != known:
            raise RunError(
                f"{folder.path}: this run started from model.{key} of {facts.starts[key]['run']}, but would now start from"
                f" other weights, of {origins[key].run}; delete the folder to retrain it, choose another --out, or use --fresh"
            )


def taken_weights(origin: Origin, source: NetFrom, key: str) -> tuple[str, Arrays]:
    """Which net (or part of one) of a run is taken for a key of [model], and its weights by their names within it.

    Raises RunError where there is no such net, or no such layer.
    """
    if not origin.weights_file.exists():
        raise RunError(f"{origin.folder}: this run has no weights")
    weights, _ = load_arrays(origin.weights_file)
    layers = [] if source.until is None else [row["name"] for row in origin.facts().layers]
    return taken_of(weights, layers, source, key, where=str(origin.folder))


def taken_of(
    weights: Arrays, layers: Sequence[str], source: NetFrom, key: str, *, where: str
) -> tuple[str, dict[str, np.ndarray]]:
    """As `taken_weights`, of the weights and the layers of a network; `where` begins messages about it."""
    net, prefix = _place(list(weights), source, key, where)
    within = {name.removeprefix(prefix): array for name, array in weights.items() if name.startswith(prefix)}
    if source.until is None:
        return net, within
    later = _later_layers(layers, source, key, net, where)
    return net, {name: array for name, array in within.items() if name.rpartition(".")[0] not in later}


def _checksums(starts: Mapping[str, Any]) -> dict[str, str]:
    return {key: one.get("checksum", "") for key, one in starts.items()}


def _kept_checksums(file: Path) -> dict[str, str] | None:
    """Those of the weights that a run's folder has kept; None where there are none, or damaged ones, which are replaced."""
    try:
        return _checksums(load_arrays(file)[1]["starts"])
    except (FileNotFoundError, RunError, KeyError, TypeError, AttributeError):
        return None


def _place(names: Sequence[str], source: NetFrom, key: str, where: str) -> tuple[str, str]:
    """What is taken, in words, and what the names of its weights begin with."""
    nets = list(dict.fromkeys(name.partition("/")[0] for name in names))
    wanted = source.net or key
    if wanted in nets:
        return wanted, f"{wanted}/"
    net, _, part = wanted.partition(".")
    prefix = f"{net}/{part}." if net in nets else f"{nets[0]}/{wanted}."
    if (net in nets or len(nets) == 1) and any(name.startswith(prefix) for name in names):
        return wanted, prefix
    if source.net is None and len(nets) == 1:
        return nets[0], f"{nets[0]}/"
    parts = [name.replace("/", ".").rpartition(".")[0] for name in names]
    known = [*nets, *(part.removeprefix(f"{nets[0]}.") if len(nets) == 1 else part for part in parts)]
    raise RunError(f"{where}: there is no net or part of a net {wanted!r}; {did_you_mean(wanted, known)}")


def _later_layers(names: Sequence[str], source: NetFrom, key: str, net: str, where: str) -> set[str]:
    """The layers behind the last one that is taken, by their names within what is taken."""
    part = net.removeprefix("network").removeprefix(".")
    layers = [name.removeprefix(f"{part}.") for name in names if not part or name.startswith(f"{part}.")]
    layers = list(dict.fromkeys(layers))
    last = layer_within(source, key)
    if last not in layers:
        raise RunError(f"{where}: until: there is no layer {source.until!r}; {did_you_mean(last, layers)}")
    return set(layers[layers.index(last) + 1 :])
