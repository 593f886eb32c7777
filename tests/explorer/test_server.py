"""The page's server, asked over HTTP: what it answers, and that others, and broken requests, get a line and no more."""

from __future__ import annotations

import io
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from PIL import Image

from explorer.conftest import quietly
from papilio.explorer.about import about_run
from papilio.explorer.explore import open_scenes
from papilio.explorer.scene import Scene
from papilio.explorer.server import MOST_BYTES, Shown, local_hosts, make_app

TOKEN = "a-token-of-this-test"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> str:
        return json.loads(self.body)["error"]

    def array(self) -> np.ndarray:
        shape = [int(one) for one in self.headers["x-shape"].split(",")]
        return np.frombuffer(self.body, self.headers["x-dtype"]).reshape(shape)


@dataclass(frozen=True)
class Server:
    shown: Shown
    address: str

    @property
    def scenes(self) -> list[Scene]:
        return self.shown.scenes

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> Answer:
        given = {"X-Papilio-Token": TOKEN} | {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{self.address}/{path}", data=body, headers=given)
        try:
            with urllib.request.urlopen(request, timeout=60) as found:
                return Answer(found.status, {k.lower(): v for k, v in found.headers.items()}, found.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())


@contextmanager
def serving(scenes: list[Scene]) -> Iterator[Server]:
    """A server in a thread."""
    hosts: set[str] = set()
    shown = Shown(scenes)
    app = make_app(shown, title="Generators", token=TOKEN, hosts=hosts)  # pyright: ignore[reportArgumentType]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    hosts |= local_hosts(port)
    yield Server(shown, f"http://127.0.0.1:{port}")
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def server(generators: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAPILIO_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        _, scenes = open_scenes(generators)
        for scene in scenes:
            scene.prepare(quietly)
        with serving(sorted(scenes, key=lambda scene: scene.facts.trial != "VAE")) as one:
            yield one


def test_the_page_comes_with_the_token_alone(server: Server) -> None:
    page = server.ask(f"?token={TOKEN}")
    assert page.status == 200
    assert json.dumps({"source": "server", "token": TOKEN, "title": "Generators"}).encode() in page.body
    for path in ("", "?token=", "?token=another", f"?Token={TOKEN}"):
        without = server.ask(path)
        assert without.status == 403
        assert TOKEN.encode() not in without.body


def test_a_picture_that_is_asked_for_is_heard_by_the_work_behind_the_page(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    monkeypatch.setattr(server.shown.courtesy, "heard", lambda: heard.append("a picture"))
    assert server.ask("api/about").status == 200
    assert heard == []  # the page asks for it every second while it waits for other runs
    latents = server.ask("api/runs/0/arrays/latents").array()[:1]
    assert server.ask("api/runs/0/decode", latents.tobytes()).status == 200
    assert heard == ["a picture"]


@pytest.mark.parametrize("path", ["about", "runs/0/arrays/latents", "runs/0/images?indices=1", "runs/0/decode"])
def test_nothing_is_told_without_the_token_or_under_another_name(server: Server, path: str) -> None:
    for token in ("", "x", TOKEN[:-1], TOKEN + "x"):
        answer = server.ask(f"api/{path}", X_Papilio_Token=token)
        assert answer.status == 403
        assert "token" in answer.error
    for host in ("example.org", "127.0.0.1", "127.0.0.1:1", "localhost.example.org:80"):
        answer = server.ask(f"api/{path}", Host=host)
        assert answer.status == 403
        assert "address" in answer.error


def test_arrays_images_and_pictures_are_those_of_the_run(server: Server) -> None:
    scene = server.scenes[0]
    about = json.loads(server.ask("api/about").body)
    assert about["runs"][0] == about_run(scene, 0)
    np.testing.assert_array_equal(server.ask("api/runs/0/arrays/latents").array(), scene.array("latents"))
    np.testing.assert_array_equal(server.ask("api/runs/0/arrays/values/kl").array(), scene.array("values/kl"))
    images = server.ask("api/runs/0/images?indices=3,1").array()
    np.testing.assert_array_equal(images.transpose(0, 3, 1, 2), scene.pictures(np.array([3, 1])))
    latents = scene.array("latents")[:2]
    made = server.ask("api/runs/0/decode", latents.tobytes()).array()
    np.testing.assert_array_equal(made.transpose(0, 3, 1, 2), scene.run.decode(latents))
    shares = server.ask("api/runs/0/classify", images.tobytes()).array()
    np.testing.assert_allclose(shares, scene.classify(scene.pictures(np.array([3, 1]))), atol=1e-6)
    while (found := server.ask("api/runs/0/maps/latents/pca")).status == 202:
        assert json.loads(found.body).keys() == {"done", "total", "what"}
    assert found.array().shape == (len(scene.cloud), 2)
    assert json.loads(found.headers["x-trust"])["neighbors"] == 10


def test_a_class_can_be_asked_for_where_a_run_is_told_of_classes(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = next(place for place, scene in enumerate(server.scenes) if scene.is_generator)
    run, told = server.scenes[number].run, []
    monkeypatch.setattr(
        Scene, "decode", lambda scene, latents, label: told.append(label) or run.decode(latents, labels=label)
    )
    latents = np.ones((1, 6), np.float32)
    for label in (0, 7):
        made = server.ask(f"api/runs/{number}/decode?label={label}", latents.tobytes()).array()
        np.testing.assert_array_equal(made.transpose(0, 3, 1, 2), run.decode(latents, labels=label))
    assert told == [0, 7]
    monkeypatch.undo()
    assert server.ask(f"api/runs/{number}/decode?label=10", latents.tobytes()).status == 422
    assert server.ask("api/runs/0/decode?label=1", np.zeros((1, 4), np.float32).tobytes()).status == 422


def test_a_dropped_picture_is_encoded_as_the_run_is_shown_it(server: Server) -> None:
    scene = server.scenes[0]
    image = scene.pictures(np.array([5]))
    content = io.BytesIO()
    Image.fromarray(image[0, 0]).save(content, "PNG")
    found = json.loads(server.ask("api/runs/0/encode", content.getvalue()).body)
    np.testing.assert_allclose(found["latent"], scene.run.encode(image)[0], atol=1e-5)
    near = json.loads(server.ask("api/runs/0/encode?space=conv_1", content.getvalue()).body)["nearest"]
    assert near["points"][0] == 5
    assert near["distances"][0] < 1e-2
    refused = server.ask("api/runs/0/encode", b"no picture")
    assert refused.status == 422
    assert "picture" in refused.error
    assert "/" not in refused.error.replace("PNG/JPEG", "")  # no path of this machine


def broken_requests() -> list[tuple[str, bytes | None]]:
    """A hundred requests that nothing can be answered to."""
    numbers = np.zeros((1, 4), np.float32)
    nan, infinite = numbers + np.float32("nan"), numbers + np.float32("inf")
    bodies = [b"", b"x", b"12345678", numbers.tobytes()[:-1], nan.tobytes(), infinite.tobytes(), bytes(16 * 257), b"{}"]
    found: list[tuple[str, bytes | None]] = [
        (f"api/runs/0/decode{more}", body) for body in bodies for more in ("", "?label=a")
    ]
    found += [
        (f"api/runs/0/decode?label={one}", numbers.tobytes())
        for one in ("-1", "1.5", "99999999", "%00", "é".encode().hex())
    ]
    indices = [
        "",
        "a",
        "0x1",
        "1;2",
        "1 2",
        "null",
        "NaN",
        "--1",
        "+1",
        "1,2,3,x",
        "1/2",
        "[1]",
        "-1",
        "1,,2",
        "1.5",
        "99999999",
        "1e3",
        "1,2,",
        "%2c",
        "١",
        ",".join("1" * 300),
        "9" * 40,
    ]
    found += [(f"api/runs/0/images?indices={urllib.request.quote(one)}", None) for one in indices] + [
        ("api/runs/0/images", None)
    ]
    names = [
        "nonsense",
        "values/nonsense",
        "..%2f..%2fetc%2fpasswd",
        "../../run.json",
        "%00",
        "latents/x",
        "pca/nonsense",
        "x" * 3000,
    ]
    found += [(f"api/runs/0/arrays/{one}", None) for one in names]
    found += [
        (f"api/runs/0/maps/{space}/{method}", None)
        for space in ("latents", "nonsense", "%2e%2e", "x" * 999)
        for method in ("", "x", "%00")
    ]
    found += [
        (f"api/runs/{run}/{what}", None)
        for run in ("9", "99999999999999999999", "-1", "a", "")
        for what in ("arrays/labels", "images?indices=1", "maps/latents/pca")
    ]
    found += [("api/runs/0/classify", body) for body in (b"", b"x", bytes(783), bytes(785), bytes(784 * 257))]
    found += [
        ("api/runs/0/encode", body)
        for body in (b"", b"x", b"\x89PNG\r\n\x1a\n", b"GIF89a", bytes(1000), b"P6 99999999 99999999 255 ")
    ]
    found += [
        (f"api/{one}", None) for one in ("", "nothing", "about/more", "runs", "runs/0", "runs/0/", "runs/0/nothing")
    ]
    found += [
        ("api/about", b"posted"),
        ("api/runs/0/arrays/latents", b"posted"),
        ("favicon.ico", None),
        ("static/../../x", None),
    ]
    return found


def test_a_hundred_broken_requests_get_a_line_each_and_the_server_goes_on(server: Server) -> None:
    broken = broken_requests()
    assert len(broken) >= 100
    for path, body in broken:
        answer = server.ask(path, body)
        assert 400 <= answer.status < 500, (path, answer)
        assert answer.error, path
        assert "\n" not in answer.error
        assert len(answer.error) < 1000
    assert server.ask("api/about").status == 200


def test_a_body_that_is_too_large_is_not_read(server: Server) -> None:
    answer = server.ask("api/runs/0/encode", b"x", Content_Length=str(MOST_BYTES + 1))
    assert answer.status == 413
    assert "64 MiB" in answer.error
