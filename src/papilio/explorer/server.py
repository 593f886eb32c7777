"""The page and its answers over HTTP, for one person on this machine.

Every request has to bring a token, and no path comes from the browser.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import secrets
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from papilio.errors import PapilioError, one_line
from papilio.explorer.about import about_run
from papilio.explorer.jobs import Courtesy, Far
from papilio.explorer.page import channels_first, channels_last, page_html
from papilio.explorer.scene import MOST_AT_A_TIME, AbsentError, Scene
from papilio.files import without_places

MOST_BYTES = 2**26  # of a request
SECONDS_TO_END = 2  # that a request has to be answered in when the server is stopped
HTTP_PORT = 80  # which browsers leave out
TOKEN_HEADER = "x-papilio-token"
LITTLE_ENDIAN_FLOAT = np.dtype("<f4")
DTYPES = {"f": np.dtype("<f4"), "i": np.dtype("<i4"), "u": np.dtype("u1")}


@dataclass(frozen=True)
class Shown:
    """The runs of the page: those that are ready, to which others come, and those whose points are still computed.

    `missing` has a line for each run that cannot be shown; `closing` is set when the server ends; `courtesy` hears what the
    page asks for while other runs are computed.
    """

    scenes: list[Scene]
    waiting: list[Scene] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    courtesy: Courtesy = field(default_factory=Courtesy)


def make_app(shown: Shown, *, title: str, token: str, hosts: frozenset[str] | None) -> Starlette:
    """The web application. `hosts` are the names under which it may be asked for, with their port; None for any."""
    answers = _Answers(shown)

    async def page(request: Request) -> Response:
        if not _is_equal(request.query_params.get("token", ""), token):
            return HTMLResponse(_WITHOUT_TOKEN, status_code=403)
        return HTMLResponse(page_html({"source": "server", "token": token, "title": title}))

    async def facts(request: Request) -> Response:
        num_waiting = len(shown.waiting)  # first: a run that becomes ready in between is told of twice, not never
        runs = [about_run(scene, number) for number, scene in enumerate(tuple(shown.scenes))]
        missing = [without_places(one) for one in shown.missing]
        return PlainJson({"title": title, "runs": runs, "waiting": num_waiting, "missing": missing})

    run = "/api/runs/{run:int}"
    app = Starlette(
        routes=[
            Route("/", page),
            Route("/api/about", facts),
            Route(run + "/arrays/{name:path}", answers.array),
            Route(run + "/maps/{space}/{method}", answers.map),
            Route(run + "/images", answers.images),
            Route(run + "/nearest", answers.nearest),
            Route(run + "/decode", answers.decode, methods=["POST"]),
            Route(run + "/encode", answers.encode, methods=["POST"]),
            Route(run + "/classify", answers.classify, methods=["POST"]),
        ],
        exception_handlers={
            PapilioError: _refused,
            HTTPException: _failed,
            ClientDisconnect: _gone,
            Exception: _broken,
        },
        lifespan=_closing(shown),
    )
    app.add_middleware(_Guard, token=token, hosts=hosts)
    return app


def _closing(shown: Shown) -> Callable[[Starlette], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        shown.closing.set()
        for scene in shown.scenes:
            scene.close()

    return lifespan


class _Guard:
    """Refuses a request that is not from the page: by its Host, its token, its size."""

    def __init__(self, app: ASGIApp, *, token: str, hosts: frozenset[str] | None) -> None:
        self.app, self.token, self.hosts = app, token, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self.app(scope, _limited(receive), _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if self.hosts is not None and headers.get("host", "").lower() not in self.hosts:
            return _error(403, "this server answers only under the address that papilio explore printed")
        is_api = scope["path"].startswith("/api/")
        if is_api and not _is_equal(headers.get(TOKEN_HEADER, ""), self.token):
            return _error(403, "the token is missing or wrong; open the address that papilio explore printed")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 12 or int(length) > MOST_BYTES:
            return _error(413, f"a request may have {MOST_BYTES // 2**20} MiB at most")
        return None


def _limited(receive: Receive) -> Receive:
    """For a body that did not say its length."""
    num_bytes = 0

    async def limited() -> Message:
        nonlocal num_bytes
        message = await receive()
        num_bytes += len(message.get("body", b""))
        if num_bytes > MOST_BYTES:
            raise HTTPException(413, f"a request may have {MOST_BYTES // 2**20} MiB at most")
        return message

    return limited


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] += [
                (b"cache-control", b"no-store"),
                (b"referrer-policy", b"no-referrer"),
                (b"x-content-type-options", b"nosniff"),
                (b"x-frame-options", b"DENY"),
            ]
        await send(message)

    return sent


class PlainJson(JSONResponse):
    """JSON for any page: null for a number that is none, and letters of a file name that are no UTF-8 escaped."""

    def render(self, content: Any) -> bytes:
        return json.dumps(_with_null(content), allow_nan=False).encode()


def _with_null(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {name: _with_null(one) for name, one in value.items()}
        case list() | tuple():
            return [_with_null(one) for one in value]
        case _:
            return value


class _Answers:
    def __init__(self, shown: Shown) -> None:
        self.scenes, self.courtesy = shown.scenes, shown.courtesy

    def scene(self, request: Request) -> Scene:
        number = request.path_params["run"]
        if number >= len(self.scenes):
            raise AbsentError(f"run {number}: there are {len(self.scenes)}, counted from 0")
        return self.scenes[number]

    async def array(self, request: Request) -> Response:
        return _array(self.scene(request).array(request.path_params["name"]))

    async def map(self, request: Request) -> Response:
        found = await run_in_threadpool(
            self.scene(request).map, request.path_params["space"], request.path_params["method"]
        )
        if isinstance(found, Far):
            return PlainJson(found.as_plain(), status_code=202)
        return _array(found.positions, {"x-trust": found.trust.to_json()})

    async def images(self, request: Request) -> Response:
        numbers = request.query_params.get("indices", "").split(",")
        if len(numbers) > MOST_AT_A_TIME or not all(map(_is_number, numbers)):
            raise HTTPException(422, f"indices: must be 1 to {MOST_AT_A_TIME} whole numbers, as 1,2,3")
        found = await run_in_threadpool(self.scene(request).pictures, np.array([int(one) for one in numbers]))
        return _array(channels_last(found))

    async def nearest(self, request: Request) -> Response:
        point = request.query_params.get("point", "")
        if not _is_number(point):
            raise HTTPException(422, "point: must be a whole number")
        space = request.query_params.get("space", "")
        return PlainJson(await run_in_threadpool(self.scene(request).nearest, space, int(point)))

    async def decode(self, request: Request) -> Response:
        self.courtesy.heard()
        scene = self.scene(request)
        latents = scene.array("latents")
        given = _floats(await request.body(), width=latents.shape[1])
        label = request.query_params.get("label", "")
        if label and not _is_number(label):
            raise HTTPException(422, "label: must be the number of a class")
        found = await run_in_threadpool(scene.decode, given, int(label) if label else None)
        return _array(channels_last(found))

    async def encode(self, request: Request) -> Response:
        scene, content = self.scene(request), await request.body()
        if not content:
            raise HTTPException(422, "no picture came: the request has no bytes")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "picture"
            path.write_bytes(content)
            try:
                return PlainJson(await run_in_threadpool(scene.encode, path, request.query_params.get("space")))
            except PapilioError as error:
                raise HTTPException(
                    422, str(error).replace(f"{path}: ", "").replace(str(path), "the picture")
                ) from error

    async def classify(self, request: Request) -> Response:
        scene = self.scene(request)
        channel, height, width = scene.facts.images.shape
        pixels = np.frombuffer(await request.body(), np.uint8)
        if not pixels.size or pixels.size % (channel * height * width):
            raise HTTPException(422, f"images: must be bytes (n, {height}, {width}, {channel})")
        images = channels_first(pixels.reshape(-1, height, width, channel))
        return _array(await run_in_threadpool(scene.classify, images))


def _is_equal(given: str, token: str) -> bool:
    """In a time that does not tell how much of it was right. Text would have to be ASCII."""
    return secrets.compare_digest(given.encode("utf-8", "replace"), token.encode())


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def _floats(content: bytes, *, width: int) -> np.ndarray:
    if not content or len(content) % (4 * width):
        raise HTTPException(422, f"latents: must be 32-bit floats (n, {width})")
    found = np.frombuffer(content, LITTLE_ENDIAN_FLOAT).reshape(-1, width)
    if not np.isfinite(found).all():
        raise HTTPException(422, "latents: must be finite numbers")
    return found.astype(np.float32)


def _array(array: np.ndarray, headers: dict[str, str] | None = None) -> Response:
    dtype = DTYPES[array.dtype.kind]
    shape = ",".join(map(str, array.shape))
    names = {"uint8": "uint8", "float32": "float32", "int32": "int32"}
    return Response(
        np.ascontiguousarray(array, dtype=dtype).tobytes(),
        media_type="application/octet-stream",
        headers={"x-dtype": names[dtype.name], "x-shape": shape, **(headers or {})},
    )


def _error(status: int, message: str) -> JSONResponse:
    return PlainJson({"error": one_line(without_places(message))}, status_code=status)


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=400)  # nobody is there to read it


async def _refused(request: Request, error: Exception) -> Response:
    return _error(404 if isinstance(error, AbsentError) else 422, str(error))


async def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, error.detail)


async def _broken(request: Request, error: Exception) -> Response:
    return _error(500, f"{type(error).__name__}: {error}; please report this")


_WITHOUT_TOKEN = (
    "<!doctype html><meta charset=utf-8><title>Papilio</title><p>Open the address that <code>papilio explore</code> printed: it"
    " ends with a token, without which this page shows nothing."
)


def local_hosts(port: int) -> frozenset[str]:
    """The names of this machine to itself."""
    names = ("127.0.0.1", "localhost", "[::1]")
    return frozenset(f"{name}:{port}" for name in names) | frozenset(names if port == HTTP_PORT else ())


def serve(app: ASGIApp, *, listening: socket.socket, on_ready: Callable[[], Any]) -> None:
    """Answer on a socket until somebody presses Ctrl-C; `on_ready` is called once requests are answered."""
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if not self.should_exit:
                on_ready()

    config = uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=SECONDS_TO_END)
    server = Server(config)
    logging.getLogger("uvicorn.error").addFilter(lambda record: not server.should_exit)  # of requests that are cut off
    server.run(sockets=[listening])
