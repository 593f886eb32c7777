"""ONNX files: what torch makes, without what it knows of this machine, and with what users have to know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from papilio.data.quantities import as_plain
from papilio.errors import RequestError
from papilio.exports.programs import Port, Program
from papilio.runs.run import Run
from papilio.version import __version__

PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def refuse_missing_packages() -> None:
    """Raises RequestError, with the remedy, where what makes or checks ONNX files is not installed."""
    missing = [name for name in PACKAGES if not _is_installed(name)]
    if missing:
        raise RequestError(f"papilio export needs {', '.join(missing)}: pip install 'papilio[onnx]'")


def metadata_of(run: Run, *, title: str) -> dict[str, str]:
    """What stands in the files about a run; lists and tables are JSON."""
    facts = run.facts
    return {
        "papilio_version": __version__,
        "torch_version": metadata.version("torch"),
        "study": title,
        "run": facts.run,
        "trial": facts.trial,
        "kind": run.kind.name,
        "data": facts.data_name,
        "image_shape": json.dumps(list(run.image_shape)),
        "class_names": json.dumps(run.class_names, ensure_ascii=False),
        "quantity": json.dumps(as_plain(facts.images.quantity), ensure_ascii=False),
    }


def onnx_file(program: Program, about: Mapping[str, str]) -> bytes:
    """A program's ONNX file with metadata; what torch wrote into it of its own source files is not in it."""
    import onnx

    model = onnx.load_model_from_string(program.content)
    for graph in (model.graph, *model.functions):
        _forget_source(graph)
    model.producer_name, model.producer_version = "papilio", __version__
    model.graph.name = program.file.removesuffix(".onnx")
    model.doc_string = f"{about['study']}: {about['run']}".removeprefix(": ")
    for port, value in zip((*program.inputs, *program.outputs), (*model.graph.input, *model.graph.output), strict=True):
        value.doc_string = port.meaning
    ports = {"inputs": _ports(program.inputs), "outputs": _ports(program.outputs)}
    del model.metadata_props[:]
    for key, text in (dict(about) | ports).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, text
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def _forget_source(graph: Any) -> None:
    """Traces of the code that made a graph, with paths of this machine."""
    del graph.metadata_props[:]
    for node in (*getattr(graph, "node", ()), *getattr(graph, "value_info", ()), *getattr(graph, "initializer", ())):
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*getattr(graph, "input", ()), *getattr(graph, "output", ())):
        if hasattr(value, "metadata_props"):
            del value.metadata_props[:]


def _ports(ports: tuple[Port, ...]) -> str:
    return json.dumps(
        [{"name": one.name, "type": one.type, "shape": one.shape, "meaning": one.meaning} for one in ports]
    )


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
