"""Downloads, from a server on this machine."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from image_files import write_published

from papilio.data.catalogue import fetch, list_sets
from papilio.data.load import load_images
from papilio.data.published import PUBLISHED, PublishedSet
from papilio.errors import DownloadError, StorageError

CLOSED = "http://127.0.0.1:9/"
FIRST = "train-images-idx3-ubyte.gz"


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is http.server's)
        """Say nothing: pytest shows what is written to the terminal."""


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address at which a folder's files can be fetched."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with serving(tmp_path / "server") as url:
        yield url


def publish(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, *addresses: str) -> PublishedSet:
    """Put a small copy of a set on the server, and have it looked for at these addresses."""
    details = write_published(tmp_path / "server", name)
    files = tuple(
        replace(file, urls=tuple(f"{address}{name}/{file.name}" for address in addresses)) for file in details.files
    )
    details = replace(details, files=files)
    monkeypatch.setitem(PUBLISHED, name, details)
    return details


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist", "kuzushiji-49", "kuzushiji-kanji", "cifar10"])
def test_a_set_is_fetched_once_and_then_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, name: str
) -> None:
    details = publish(monkeypatch, tmp_path, name, address)
    told: list[tuple[int, int, str]] = []
    folder = fetch(name, lambda *args: told.append(args))
    assert folder == tmp_path / "cache" / name
    assert sorted(path.name for path in folder.iterdir()) == sorted(file.name for file in details.files)
    names = {file.name for file in details.files}
    assert {what.removeprefix("looking through ").removeprefix("decoding ") for _, _, what in told} == names
    assert all(0 < done <= total for done, total, what in told if what in names)
    assert not next(info for info in list_sets() if info.name == name).needs_download
    publish(monkeypatch, tmp_path, name, CLOSED)
    assert fetch(name) == folder


def test_loading_fetches_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    publish(monkeypatch, tmp_path, "mnist", address)
    images = load_images("mnist")
    (tmp_path / "cache" / "mnist" / FIRST).unlink()
    assert load_images("mnist").checksum == images.checksum


def test_the_next_mirror_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    publish(monkeypatch, tmp_path, "mnist", CLOSED, f"{address}nowhere/", address)
    assert len(load_images("mnist").images) == 60


def test_a_missing_file_names_file_address_and_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    publish(monkeypatch, tmp_path, "mnist", f"{address}nowhere/")
    message = refused("mnist")
    assert message.startswith(f"{FIRST} could not be downloaded ({address}nowhere/mnist/{FIRST}: HTTP status 404)")
    assert message.endswith(f"put it into {tmp_path / 'cache' / 'mnist'}")


def test_a_refused_connection_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch, tmp_path, "mnist", CLOSED)
    assert f"{CLOSED}mnist/{FIRST}: ConnectionError" in refused("mnist")


def test_another_file_than_the_published_one_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    publish(monkeypatch, tmp_path, "mnist", address)
    (tmp_path / "server" / "mnist" / FIRST).write_bytes(b"<html>log in first</html>")
    assert "does not match the published checksum md5:" in refused("mnist")
    assert list((tmp_path / "cache" / "mnist").iterdir()) == []


def test_an_archive_is_told_by_its_sha256(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    details = publish(monkeypatch, tmp_path, "cifar10", address)
    content = (tmp_path / "server" / "cifar10" / details.files[0].name).read_bytes()
    files = (replace(details.files[0], checksum=f"sha256:{hashlib.sha256(content).hexdigest()}"),)
    monkeypatch.setitem(PUBLISHED, "cifar10", replace(details, files=files))
    assert len(load_images("cifar10").images) == 60


def test_a_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    publish(monkeypatch, tmp_path, "mnist", address)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pooch.retrieve", refuse)
    with pytest.raises(StorageError, match="the disk is full"):
        fetch("mnist")


def refused(name: str) -> str:
    with pytest.raises(DownloadError) as caught:
        fetch(name)
    assert "\n" not in str(caught.value)
    return str(caught.value)
