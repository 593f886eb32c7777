"""`papilio explore` as it is typed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from explorer.conftest import run_of
from in_process import papilio


def test_the_command_prints_an_address_that_answers_and_ends_quietly_with_ctrl_c(generators: Path) -> None:
    command = [sys.executable, "-m", "papilio", "explore", str(generators), "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    assert process.stdout is not None
    first = process.stdout.readline()
    assert first.startswith("Generators: http://127.0.0.1:")
    assert "Ctrl-C" in process.stdout.readline()
    with urllib.request.urlopen(re.findall(r"http\S+", first)[0], timeout=60) as page:
        boot = re.findall(r'<script type="application/json" id="boot">(.*?)</script>', page.read().decode())[0]
    token = json.loads(boot)["token"]
    address = re.findall(r"http://[^/]+", first)[0]
    seen, started = set(), time.monotonic()
    while len(seen) < 3 and time.monotonic() - started < 120:  # the other runs come when their points are computed
        request = urllib.request.Request(f"{address}/api/about", headers={"X-Papilio-Token": token})
        with urllib.request.urlopen(request, timeout=60) as found:
            about = json.load(found)
        seen = {one["name"] for one in about["runs"]}
        assert len(about["runs"]) + about["waiting"] >= 3
    assert seen == {"VAE, seed 0", "autoencoder, seed 0", "GAN, seed 0"}
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode in (0, 130)
    assert "Traceback" not in errors


def test_ctrl_c_while_other_runs_are_computed_behind_the_page_leaves_nothing_half_written(
    generators: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "papilio", "explore", str(generators), "--no-browser"]
    given = {**os.environ, "PAPILIO_CACHE": str(tmp_path)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=given)
    assert process.stdout is not None
    assert "http://" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode in (0, 130)
    assert "Traceback" not in errors
    assert not list(tmp_path.rglob("*.part"))


def test_an_address_that_others_can_reach_has_to_be_asked_for_twice(generators: Path) -> None:
    refused = papilio("explore", str(generators), "--host", "0.0.0.0")
    assert refused.returncode == 2
    assert "--allow-remote" in refused.stderr
    assert "not encrypted" in refused.stderr


def test_a_host_that_is_not_of_this_machine_is_named_whatever_the_port(generators: Path) -> None:
    refused = papilio(
        "explore", str(generators), "--host", "203.0.113.9", "--allow-remote", "--port", "48765", "--no-browser"
    )
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].startswith("papilio: --host 203.0.113.9: cannot be used (")


def test_a_port_that_is_taken_is_named(generators: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = papilio("explore", str(generators), "--port", str(port), "--no-browser")
    assert refused.returncode == 2
    assert f"--port {port}: cannot be used" in refused.stderr


def test_two_explorers_at_once_on_one_run_have_a_port_each_and_one_cache(generators: Path, tmp_path: Path) -> None:
    shutil.copytree(run_of(generators, "vae"), tmp_path / "alone")  # no other runs are computed behind the page
    command = [sys.executable, "-m", "papilio", "explore", str(tmp_path / "alone"), "--no-browser"]
    given = {**os.environ, "PAPILIO_CACHE": str(tmp_path / "cache")}
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=given)
        for _ in range(2)
    ]
    addresses = []
    for process in both:
        assert process.stdout is not None
        addresses += re.findall(r"http\S+", process.stdout.readline())
    assert len({address.split("?")[0] for address in addresses}) == 2
    for address in addresses:
        with urllib.request.urlopen(address, timeout=60) as page:
            assert b"alone" in page.read()
    for process in both:
        process.send_signal(signal.SIGINT)
    for process in both:
        _, errors = process.communicate(timeout=60)
        assert "Traceback" not in errors
        assert process.returncode in (0, 130)
    assert not list(tmp_path.rglob("*.part"))


def test_a_port_that_is_taken_is_named_before_anything_is_computed(
    generators: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPILIO_CACHE", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = papilio("explore", str(generators), "--port", str(taken.getsockname()[1]), "--no-browser")
    assert refused.returncode == 2
    assert "cannot be used" in refused.stderr
    assert not list(tmp_path.rglob("cloud*"))


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nothing-here"], "no such folder"),
        (["RUN", "--pictures", "nothing.png"], "nothing.png"),
        (["RUN", "--classifier", "nothing"], "no such folder"),
        (["RUN", "--export", "page.txt"], ".html"),
        (["GAN", "--pictures", "."], "takes no pictures"),
    ],
)
def test_what_cannot_be_explored_is_one_line(
    arguments: list[str], message: str, generators: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"RUN": str(run_of(generators, "vae")), "GAN": str(run_of(generators, "gan"))}
    refused = papilio("explore", *(places.get(one, one) for one in arguments), "--no-browser")
    assert refused.returncode == 2
    assert message in refused.stderr
    assert sum(line.startswith("papilio: ") for line in refused.stderr.splitlines()) == 1


def test_a_file_is_written_and_said_what_it_holds(classifier: Path, tmp_path: Path) -> None:
    done = papilio("explore", str(classifier), "--export", str(tmp_path / "page.html"))
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        rf"{re.escape(str(tmp_path))}/page\.html: [\d.]+ MB: [\d,]+ images, their PCA map; its network\n",
        done.stdout,
    )
    told = done.stderr.splitlines()
    assert told[-3:] == ["drawing the maps", "converting the networks", "writing the page"]
    again = papilio("explore", str(classifier), "--export", str(tmp_path / "page.html"))
    assert again.returncode == 2
    assert "--fresh" in again.stderr
