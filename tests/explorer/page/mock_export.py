"""An exported page of the mock: the arrays of two runs in one file, with nets as ONNX or with a sprite."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from mock_server import LinearRun, make_app
from onnx import TensorProto, helper, numpy_helper

STATIC = Path(__file__).parents[3] / "src" / "papilio" / "explorer" / "static"
TRUST = {"neighbors": 10, "measured_on": 2000, "space": 0.93, "map": 0.47, "kept": 0.12, "what": "share of images"}


def exported(num: int, *, has_nets: bool) -> str:
    """The text of a page that needs neither a server nor a network; without nets it has a sprite of the plane of PCA."""
    runs: list[LinearRun] = make_app(num).state.runs[:2]
    facts = [dict(run.facts, methods=[one for one in run.facts["methods"] if one["id"] == "pca"]) for run in runs]
    for one in facts:
        one |= {
            "can": ["decode", "encode"] if has_nets else ["decode"],
            "judge": "mnist-features" if has_nets else None,
        }
    parts = [_block("about", json.dumps({"title": "mock", "runs": facts}).encode(), dtype="json")]
    for run in runs:
        parts += _arrays(run)
        parts += _nets(run) if has_nets else [_sprite(run)] if run.latents > 2 else []
    scripts = ["embedded.js"]
    if has_nets:
        wasm = base64.b64encode((STATIC / "ort.wasm.gz").read_bytes()).decode()
        parts.append(f'<script type="text/plain" data-name="ort-wasm" data-dtype="uint8">{wasm}</script>')
        scripts.append("ort.js")
    parts += [f"<script>{(STATIC / name).read_text(encoding='utf-8')}</script>" for name in scripts]
    boot = {"source": "embedded", "title": "mock", "note": "800 of 60,000 images"}
    page = (STATIC / "page.html").read_text(encoding="utf-8")
    line = '<script type="application/json" id="boot">BOOT</script>'
    assert page.count(line) == 1
    return page.replace(line, line.replace("BOOT", json.dumps(boot)) + "\n" + "\n".join(parts))


def _block(name: str, content: bytes, *, dtype: str, shape: tuple[int, ...] = (), more: str = "") -> str:
    data = base64.b64encode(gzip.compress(content)).decode()
    sides = ",".join(str(one) for one in shape)
    return (
        f'<script type="text/plain" data-name="{name}" data-dtype="{dtype}" data-shape="{sides}"{more}>{data}</script>'
    )


def _array(name: str, array: np.ndarray, more: str = "") -> str:
    return _block(name, np.ascontiguousarray(array).tobytes(), dtype=str(array.dtype), shape=array.shape, more=more)


def _arrays(run: LinearRun) -> list[str]:
    start = f"runs/{run.facts['id']}"
    names = ["latents", "labels", "splits", "values/error", "values/kl", "pca/latents"]
    found = [(f"{start}/arrays/{name}", run.array(name)) for name in names]
    trust = f" data-trust='{json.dumps(TRUST)}'"
    return [
        *(_array(name, array) for name, array in found if array is not None),
        _array(f"{start}/images", run.images(list(range(run.digits.num)))),
        _array(f"{start}/maps/latents/pca", run.map("pca"), trust),
    ]


def _sprite(run: LinearRun, side: int = 16) -> str:
    mean, *directions = run.plane()
    axis = np.linspace(-3, 3, side, dtype=np.float32)
    latents = np.stack([mean + x * directions[0] + y * directions[1] for y in axis for x in axis])
    images = run.decode(latents, None).reshape(side, side, 28, 28, 1)
    grid = json.dumps({"plane": True, "low": [-3, -3], "high": [3, 3]})
    return _array(f"runs/{run.facts['id']}/sprite", images, f" data-grid='{grid}'")


def _nets(run: LinearRun) -> list[str]:
    start, width = f"runs/{run.facts['id']}", run.latents
    unit = run.scale[:, None] * run.basis / 255  # a latent's picture
    inverse = (run.basis.T / run.scale * 255)[:, :width]
    steps: list[tuple[str, np.ndarray]] = [("MatMul", unit[:width]), ("Add", run.mean / 255)]
    inputs = [("latents", TensorProto.FLOAT, [None, width])]
    if run.conditional:
        means = np.stack([run.digits.images[run.digits.labels == one].mean(axis=0) for one in range(10)])
        steps.append(("told", 0.6 * (means - run.mean) / 255))
        inputs.append(("classes", TensorProto.INT64, [None]))
    middles = run.class_means
    judge: list[tuple[str, np.ndarray]] = [
        ("Sub", run.mean / 255), ("MatMul", run.basis.T / run.scale * 255), ("MatMul", 2 * middles.T),
        ("Sub", np.square(middles).sum(axis=1)), ("Softmax", np.empty(0)),
    ]  # fmt: skip
    images = [("images", TensorProto.FLOAT, [None, 1, 28, 28])]
    nets = {
        "decoder": _net(inputs, [*steps, ("Reshape", np.array([-1, 1, 28, 28]))]),
        "encoder": _net(images, [("Reshape", np.array([-1, 784])), ("Sub", run.mean / 255), ("MatMul", inverse)]),
        "judge": _net(images, [("Reshape", np.array([-1, 784])), *judge]),
    }
    return [_block(f"{start}/{name}", net, dtype="uint8") for name, net in nets.items()]


def _net(inputs: list[tuple[str, int, list[Any]]], steps: list[tuple[str, np.ndarray]]) -> bytes:
    """A chain of operations, each with one constant; "told" adds the row of a class."""
    nodes, constants, now = [], [], inputs[0][0]
    for number, (name, value) in enumerate(steps):
        kind = np.int64 if value.dtype == np.int64 else np.float32
        constants.append(numpy_helper.from_array(value.astype(kind), f"c{number}"))
        if name == "told":
            nodes.append(helper.make_node("Gather", [f"c{number}", "classes"], [f"g{number}"]))
            nodes.append(helper.make_node("Add", [now, f"g{number}"], [f"s{number}"]))
        else:
            nodes.append(helper.make_node(name, [now] if name == "Softmax" else [now, f"c{number}"], [f"s{number}"]))
        now = f"s{number}"
    ports = [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs]
    graph = helper.make_graph(
        nodes, "net", ports, [helper.make_tensor_value_info(now, TensorProto.FLOAT, None)], constants
    )
    return onnx.helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


if __name__ == "__main__":
    import sys

    Path(sys.argv[1]).write_text(exported(int(sys.argv[2]), has_nets=sys.argv[3] == "nets"), encoding="utf-8")
