"""What goes wrong around the explorer: odd tokens, lost connections, caches that cannot be written, maps that are given up."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import shutil
import socket
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from explorer.conftest import quietly, run_of
from explorer.test_export import elements
from explorer.test_server import TOKEN, serving
from in_process import papilio
from papilio.errors import RunError, RunFailed
from papilio.explorer import jobs as jobs_module
from papilio.explorer.about import about_run
from papilio.explorer.cloud import Cloud
from papilio.explorer.explore import _make_ready, open_scenes
from papilio.explorer.jobs import Courtesy, Far, Jobs
from papilio.explorer.kept import Kept
from papilio.explorer.kept_points import keep_cloud, kept_cloud
from papilio.explorer.maps import Trust, neighbor_map, pca_plane, trust_of
from papilio.explorer.page import embedded_array
from papilio.explorer.scene import Scene
from papilio.explorer.server import PlainJson, Shown, local_hosts
from papilio.runs.run import Run
from papilio.studies.images import StudyImages


def test_a_token_that_is_no_ascii_is_a_wrong_token(vae: Scene) -> None:
    with serving([vae]) as server:
        for token in ("é", "\xff" * 9):
            assert server.ask("api/about", X_Papilio_Token=token).status == 403
        for token in ("%C3%A9", "%FF%00"):
            assert server.ask(f"?token={token}").status == 403


def test_a_connection_that_is_lost_in_the_middle_of_a_picture_is_no_error(
    vae: Scene, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving([vae]) as server:
        port = int(server.address.rsplit(":", 1)[1])
        head = f"POST /api/runs/0/encode HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Papilio-Token: {TOKEN}\r\n"
        with socket.create_connection(("127.0.0.1", port)) as lost:
            lost.sendall(f"{head}Content-Length: 100\r\n\r\nabc".encode())
            time.sleep(0.2)
        time.sleep(0.2)
        assert server.ask("api/about").status == 200
    assert "Traceback" not in capfd.readouterr().err


def test_no_folder_of_this_machine_is_told(vae: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(scene: Scene, space: str, point: int) -> None:
        raise (RunError("/home/someone/x: no good"), OSError(2, "No such file", "/home/someone/x"))[point]

    monkeypatch.setattr(Scene, "nearest", fails)
    with serving([vae]) as server:
        for point in (0, 1):
            told = server.ask(f"api/runs/0/nearest?space=latents&point={point}").error
            assert "x" in told
            assert "someone" not in told


def test_numbers_that_are_none_and_names_that_are_no_utf_8_are_sent() -> None:
    sent = PlainJson({"a": [math.nan, math.inf, 1.5], "name": "\udcff.png"}).body
    assert json.loads(bytes(sent)) == {"a": [None, None, 1.5], "name": "\udcff.png"}
    assert json.loads(Trust("", math.nan, None, 1.0, 1).to_json())["space"] is None


def test_a_name_in_an_exported_page_is_text() -> None:
    element = embedded_array('values/"><script>alert(1)</script>', np.zeros(1, np.float32))
    assert "<script>alert" not in element
    assert element.count('"><') == 0


def test_the_port_that_browsers_leave_out_may_be_left_out() -> None:
    assert "localhost" in local_hosts(80)
    assert "localhost" not in local_hosts(81)


def test_without_a_cache_folder_that_can_be_written_the_page_is_there(
    generators: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PAPILIO_CACHE", str(tmp_path / "file" / "cache"))
    scene = Scene(run_of(generators, "vae"))
    scene.prepare(quietly)
    about = about_run(scene, 0)
    assert len(about["coordinates"]) == 4
    assert scene.is_kept("latents", "pca")


def test_points_that_are_kept_in_part_are_none(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.write("cloud", {"labels": np.zeros(3, np.int32)})
    assert kept_cloud(kept) is None
    cloud = Cloud(np.arange(3), np.zeros(3, np.uint8), np.zeros(3, np.int32), total=7)
    keep_cloud(kept, cloud)
    found = kept_cloud(kept)
    assert found is not None
    assert found.total == 7


def test_a_picture_of_ones_own_has_nearest_points(generators: Path, tmp_path: Path, vae: Scene) -> None:
    Image.fromarray(vae.pictures(np.array([7]))[0, 0]).save(tmp_path / "seven.png")
    scene = Scene(run_of(generators, "vae"), pictures=[tmp_path / "seven.png"])
    scene.prepare(quietly)
    own = len(scene.cloud) - 1
    for space in ("latents", "conv_1"):
        found = scene.nearest(space, own)
        assert found["points"][0] == 7
        assert found["distances"][0] < 1e-2


def test_closing_ends_a_map_that_is_computed() -> None:
    jobs: Jobs[np.ndarray] = Jobs()
    features = np.random.default_rng(0).normal(size=(4_000, 20)).astype(np.float32)
    before = set(multiprocessing.active_children())

    def job(tell: object) -> np.ndarray:
        return neighbor_map("tsne", features, lambda done, total: tell(done, total, "t-SNE"))  # pyright: ignore

    assert isinstance(jobs.ask("map", "t-SNE", job), Far)
    while not set(multiprocessing.active_children()) - before:
        assert isinstance(jobs.ask("map", "t-SNE", job), Far)
    jobs.close()
    assert not set(multiprocessing.active_children()) - before


def test_a_run_that_fails_when_its_points_are_computed_is_told_of_and_not_waited_for() -> None:
    class Fails:
        folder = Path("/home/someone/runs/latents-vae")

        def warm_up(self) -> None:
            raise ValueError

        def prepare(self, progress: object) -> None:
            raise RunError(f"{self.folder}: its latents are not finite")

    said: list[str] = []
    shown = Shown([Fails()], waiting=[Fails(), Fails()])  # pyright: ignore[reportArgumentType]
    _make_ready(shown, said.append)
    assert not shown.waiting
    assert len(shown.scenes) == 1
    assert said == shown.missing == ["not shown: latents-vae: its latents are not finite"] * 2


def test_a_single_point_has_a_map_and_few_have_only_that_by_pca() -> None:
    positions, _ = pca_plane(np.ones((1, 3), np.float32))
    np.testing.assert_array_equal(positions, np.zeros((1, 2)))
    assert trust_of(np.ones((1, 3)), positions, np.zeros(1)).space is None
    with pytest.raises(RunFailed, match="takes 4 points"):
        neighbor_map("tsne", np.ones((2, 3), np.float32), lambda done, total: None)


def test_a_single_latent_has_a_map_by_neighbors() -> None:
    latents = np.random.default_rng(0).normal(size=(20, 1)).astype(np.float32)
    positions = neighbor_map("tsne", latents, lambda done, total: None)
    assert positions.shape == (20, 2)
    assert np.isfinite(positions).all()


def test_points_in_one_place_have_no_map_by_neighbors(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RunFailed, match="in one place"):
        neighbor_map("tsne", np.ones((20, 3), np.float32), lambda done, total: None)
    assert not capfd.readouterr().err


def test_latents_that_are_no_numbers_are_one_line(
    generators: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPILIO_CACHE", str(tmp_path))
    scene = Scene(run_of(generators, "autoencoder"))
    monkeypatch.setattr(Run, "encode", lambda run, pictures: np.full((len(pictures), 4), np.nan, np.float32))
    with pytest.raises(RunError, match="not finite"):
        scene.prepare(quietly)


def test_a_layer_that_is_looked_at_does_not_disturb_another_thread() -> None:
    import torch
    from torch import nn

    from papilio.training.nets import output_of

    entered, go = threading.Event(), threading.Event()

    class Waits(nn.Module):
        def forward(self, given: torch.Tensor) -> torch.Tensor:
            if threading.current_thread() is not threading.main_thread():
                entered.set()
                go.wait(10)
            return given

    net = nn.Sequential(Waits(), nn.Identity(), nn.Flatten())
    found: list[torch.Tensor] = []
    other = threading.Thread(target=lambda: found.append(output_of(net, torch.ones(1, 2), until="1")))
    other.start()
    assert entered.wait(10)
    assert output_of(net, torch.zeros(1, 2), until=None).sum() == 0  # the other's hook is there by now
    go.set()
    other.join(10)
    assert found[0].sum() == 2


def test_what_is_computed_behind_the_page_ends_with_the_server() -> None:
    class Slow:
        is_ended = False

        def warm_up(self) -> None:
            """Nothing to load."""

        def prepare(self, progress: Any) -> None:
            try:
                while True:
                    progress(0, 0, "encoding images")
                    time.sleep(0.01)
            finally:
                self.is_ended = True

    slow: Any = Slow()
    shown = Shown([slow], waiting=[slow])
    computing = threading.Thread(target=_make_ready, args=(shown, print), daemon=True)
    computing.start()
    time.sleep(0.1)
    shown.closing.set()
    computing.join(30)
    assert not computing.is_alive()
    assert slow.is_ended
    assert shown.missing == []


def test_other_runs_are_computed_while_nobody_moves_over_the_map() -> None:
    class Counts:
        count, asked = 0, threading.Event()

        def warm_up(self) -> None:
            """Nothing to load."""

        def prepare(self, progress: Any) -> None:
            while self.count < 5:
                self.count += 1
                self.asked.set()
                progress(0, 0, "encoding images")

    counts: Any = Counts()
    shown = Shown([counts], waiting=[counts])
    shown.courtesy.heard()
    computing = threading.Thread(target=_make_ready, args=(shown, print), daemon=True)
    computing.start()
    assert counts.asked.wait(30)
    for _ in range(10):
        shown.courtesy.heard()
        time.sleep(0.05)
        assert counts.count == 1
    computing.join(30)  # as soon as nothing is asked for, it goes on
    assert counts.count == 5


def test_who_never_stops_moving_does_not_stop_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "LONGEST_WAIT", 0.2)
    monkeypatch.setattr(jobs_module, "QUIET", 100.0)
    courtesy = Courtesy()
    courtesy.give_way()
    courtesy.heard()
    start = time.monotonic()
    courtesy.give_way()
    assert 0.2 <= time.monotonic() - start < 50


def test_the_decoder_does_not_wait_until_images_are_read(
    generators: Path, vae: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(run_of(generators, "vae"))
    is_asked, may_go = threading.Event(), threading.Event()
    read = StudyImages.of_fold

    def slowly(self: StudyImages, *given: object) -> object:
        is_asked.set()
        assert may_go.wait(60)
        return read(self, *given)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(StudyImages, "of_fold", slowly)
    reading = threading.Thread(target=scene.warm_up)
    reading.start()
    assert is_asked.wait(60)
    made: list[np.ndarray] = []
    decoding = threading.Thread(target=lambda: made.append(scene.decode(vae.array("latents")[:1])), daemon=True)
    decoding.start()
    decoding.join(30)
    may_go.set()
    reading.join(60)
    assert made
    assert made[0].shape == (1, 1, 28, 28)


def test_two_explorers_on_one_cache_do_not_damage_each_other(
    generators: Path, vae: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPILIO_CACHE", str(tmp_path))
    scenes = [Scene(run_of(generators, "vae")) for _ in range(3)]
    together = threading.Barrier(len(scenes))
    failed: list[Exception] = []

    def prepare(scene: Scene) -> None:
        try:
            together.wait(60)
            scene.prepare(quietly)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=prepare, args=(scene,)) for scene in scenes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failed
    for scene in [*scenes, Scene(run_of(generators, "vae"))]:
        np.testing.assert_array_equal(scene.array("latents"), vae.array("latents"))
        assert about_run(scene, 0) == about_run(vae, 0)
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize(
    "where, is_kept",
    [("papilio.explorer.cloud.Batches.__iter__", False), ("papilio.explorer.scene.pca_plane", True)],
)
def test_ctrl_c_while_points_are_computed_is_one_line_and_loses_nothing(
    where: str, is_kept: bool, generators: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPILIO_CACHE", str(tmp_path / "cache"))

    def stopped(*given: object) -> None:
        raise KeyboardInterrupt

    run = run_of(generators, "vae")
    for more in ([], ["--export", str(tmp_path / "page.html")]):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(where, stopped)
            done = papilio("explore", run, *more, "--no-browser")
        assert (done.returncode, done.stdout) == (130, "")
        *steps, line = done.stderr.splitlines()
        assert line == "papilio: stopped; what was finished is kept"
        assert set(steps) <= {"loading the run", "measuring what each coordinate does", "placing points on the map"}
    assert not list(tmp_path.rglob("*.part"))
    assert not (tmp_path / "page.html").exists()
    assert (kept_cloud(Scene(run).kept) is not None) == is_kept


def test_what_is_done_before_the_page_opens_is_said(
    generators: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPILIO_CACHE", str(tmp_path))
    said: list[str] = []
    Scene(run_of(generators, "vae")).prepare(lambda done, total, what: said.append(what))
    steps = ["loading the run", "encoding images", "measuring what each coordinate does", "placing points on the map"]
    assert list(dict.fromkeys(said)) == steps
    said.clear()
    Scene(run_of(generators, "vae")).prepare(lambda done, total, what: said.append(what))
    assert said == []  # all of it is kept


def test_a_run_that_cannot_be_opened_is_told_of(
    generators: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = tmp_path / "study"
    shutil.copytree(generators, study)
    broken = run_of(study, "autoencoder")
    facts = json.loads((broken / "run.json").read_text())
    facts["settings"]["train"]["objective"] = "nowhere:KIND"
    (broken / "run.json").write_text(json.dumps(facts))
    said: list[str] = []
    _, scenes = open_scenes(run_of(study, "vae"), left_out=said.append)
    assert [scene.facts.trial for scene in scenes] == ["VAE", "GAN"]
    (line,) = said
    assert line.startswith(f"not shown: {broken.name}: train.objective: ")
    assert "nowhere" in line


@pytest.mark.parametrize("is_broken", [False, True])
def test_odd_and_broken_pictures_in_a_file_to_send(is_broken: bool, generators: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in (b"a.png", b"b\xff.png", b"c\n<d>.png"):
        Image.new("L", (28, 28), 90).save(os.fsdecode(os.fsencode(folder) + b"/" + name))
    if is_broken:
        for name in ("y.png", "z.png"):
            (folder / name).write_bytes((folder / "a.png").read_bytes()[:40])
    page = tmp_path / "page.html"
    done = papilio("explore", run_of(generators, "autoencoder"), "--export", page, "--pictures", folder)
    if is_broken:
        assert done.returncode == 2
        assert "2 of 5 pictures cannot be read: " in done.stderr and "y.png" in done.stderr
        assert done.stderr.endswith(f"nor can {folder / 'z.png'}; move them elsewhere\n")
        assert done.stderr.count("\n") == 2 and done.stderr.startswith("loading the run\npapilio: ")
        assert not page.exists()
        return
    assert done.returncode == 0, done.stderr
    names = [one["name"] for one in elements(page)["about"]["runs"][0]["pictures"]]
    assert names == ["a.png", "b\udcff.png", "c\n<d>.png"]
