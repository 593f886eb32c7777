"""What the page is told of a run: points, maps, what nets say; and what was computed is not computed again."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer.conftest import quietly, run_of
from papilio.errors import DataError, RunError, SettingError
from papilio.explorer.about import about_run, is_sample
from papilio.explorer.cloud import nearest_mean
from papilio.explorer.explore import open_scenes, runs_to_explore
from papilio.explorer.images import sampled
from papilio.explorer.jobs import Far
from papilio.explorer.kept import Kept
from papilio.explorer.maps import neighbor_map, pca_plane, trust_of
from papilio.explorer.own_pictures import YOURS
from papilio.explorer.scene import AbsentError, Scene
from papilio.runs.run import load_run
from papilio.settings.run_settings import RunSettings
from papilio.studies.images import StudyImages
from papilio.workbench import run_study


def test_points_are_the_images_of_the_set_with_their_own_latents_and_labels(vae: Scene) -> None:
    run = load_run(vae.folder)
    images = StudyImages({}).of(run.facts.run_settings.data)
    assert len(vae.cloud) == len(images.images) == about_run(vae, 0)["num"]
    chosen = np.array([0, 7, len(vae.cloud) - 1])
    places = vae.cloud.indices[chosen]
    np.testing.assert_allclose(vae.array("latents")[chosen], run.encode(images.images[places]), atol=1e-5)
    np.testing.assert_array_equal(vae.array("labels")[chosen], images.labels[places])
    np.testing.assert_array_equal(vae.pictures(chosen), images.images[places])
    for number, split in enumerate(("train", "validation", "test")):
        assert set(vae.cloud.indices[vae.array("splits") == number]) == set(images.indices(split))


def test_reconstruction_error_and_kl_of_each_point_are_the_run_s_own(vae: Scene) -> None:
    run = load_run(vae.folder)
    some = vae.source.images.images[vae.cloud.indices[:20]]
    mean, log_variance = (one.astype(np.float64) for one in run.posterior(some))
    back = run.decode(mean.astype(np.float32)).astype(np.float64)
    np.testing.assert_allclose(
        vae.array("values/error")[:20], ((back - some) ** 2).mean(axis=(1, 2, 3)) / 255**2, rtol=1e-3
    )
    kl = 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1).sum(axis=1)
    np.testing.assert_allclose(vae.array("values/kl")[:20], kl, rtol=1e-3)


def test_the_pca_map_leads_back_to_latents(vae: Scene) -> None:
    positions = vae.make_map("latents", "pca", quietly).positions
    plane, latents = vae.array("pca/latents"), vae.array("latents")
    np.testing.assert_allclose((latents - plane[0]) @ plane[1:].T, positions, atol=1e-4)
    np.testing.assert_allclose(plane[1:] @ plane[1:].T, np.eye(2), atol=1e-5)
    back = plane[0] + positions @ plane[1:]
    others = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 2)))[0].T
    by_others = plane[0] + (latents - plane[0]) @ others.T @ others
    assert ((back - latents) ** 2).sum() < ((by_others - latents) ** 2).sum()  # no other plane is nearer to all points


def test_what_was_computed_before_needs_neither_nets_nor_images(vae: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    before = vae.make_map("latents", "pca", quietly)

    def refuse(*given: object, **more: object) -> None:
        raise AssertionError("loaded")

    monkeypatch.setattr("papilio.explorer.scene.load_run", refuse)
    monkeypatch.setattr("papilio.explorer.scene.StudyImages", refuse)
    again = Scene(vae.folder)
    again.prepare(quietly)
    assert about_run(again, 0) == about_run(vae, 0)
    found = again.make_map("latents", "pca", quietly)
    np.testing.assert_array_equal(found.positions, before.positions)
    assert found.trust == before.trust


def test_damaged_files_of_the_cache_are_computed_again(vae: Scene) -> None:
    for path in vae.kept.folder.glob("*.npz"):
        path.write_bytes(path.read_bytes()[:100])
    again = Scene(vae.folder)
    again.prepare(quietly)
    np.testing.assert_array_equal(again.array("latents"), vae.array("latents"))


def test_coordinates_are_in_the_order_of_their_kl(vae: Scene) -> None:
    found = about_run(vae, 0)["coordinates"]
    assert sorted(one["index"] for one in found) == [0, 1, 2, 3]
    kls = [one["kl"] for one in found]
    assert kls == sorted(kls, reverse=True)
    assert all(one["change"] >= 0 for one in found)


def test_maps_come_from_the_background_with_how_far_they_are(vae: Scene) -> None:
    found = vae.map("latents", "tsne")
    while isinstance(found, Far):
        assert "t-SNE" in found.what
        found = vae.map("latents", "tsne")
    assert found.positions.shape == (len(vae.cloud), 2)
    assert np.isfinite(found.positions).all()
    assert 0 < found.trust.kept <= 1
    assert found.trust.space is not None
    assert found.trust.map is not None


def test_how_far_a_map_is_is_told_from_when_its_neighbors_are_found(
    vae: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = np.random.default_rng(0).standard_normal((200, 4)).astype(np.float32)
    far: list[tuple[int, int]] = []
    neighbor_map("tsne", points, lambda *one: far.append(one))
    assert far[0] == (0, 0)
    known = [one for one in far if one[1]]
    assert known == sorted(known)
    assert known[-1] == (750, 750)

    def found(method: str, features: np.ndarray, tell: Callable[[int, int], None]) -> np.ndarray:
        tell(0, 0)
        tell(5, 10)
        return features[:, :2]

    heard: list[tuple[int, int, str]] = []
    monkeypatch.setattr("papilio.explorer.scene.neighbor_map", found)
    Scene(vae.folder).make_map("latents", "umap", lambda *one: heard.append(one))
    what = f"UMAP of {len(vae.cloud):,} points"
    assert heard == [(0, 0, f"{what}: looking for neighbors"), (5, 10, what)]


def test_an_unknown_map_is_refused_with_what_there_is(vae: Scene) -> None:
    with pytest.raises(AbsentError, match="no such map; spaces: latents, conv_1"):
        vae.map("latents", "isomap")
    with pytest.raises(AbsentError, match="no such array; there are labels"):
        vae.array("nonsense")


def test_a_perfect_map_is_trusted_and_a_random_one_is_not() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 100)
    points = (rng.standard_normal((300, 2)) + 10 * labels[:, None]).astype(np.float32)
    good = trust_of(points, points, labels)
    bad = trust_of(points, rng.standard_normal((300, 2)).astype(np.float32), labels)
    assert (good.space, good.map, good.kept) == (1, 1, 1)
    assert bad.map is not None
    assert bad.map < 0.5
    assert bad.kept < 0.1


def test_neighbors_on_a_circle_are_told_in_its_unit() -> None:
    values = np.linspace(0, 720, 200, endpoint=False)
    points = np.stack([np.cos(values * np.pi / 360), np.sin(values * np.pi / 360)], axis=1).astype(np.float32)
    found = trust_of(points, points, values, period=720, unit="minutes")
    assert "in minutes" in found.what
    assert found.space is not None
    assert found.space < 1


def test_points_of_one_dimension_have_a_map_all_the_same() -> None:
    points = np.arange(5, dtype=np.float32)[:, None]
    positions, plane = pca_plane(points)
    assert positions.shape == (5, 2)
    np.testing.assert_allclose(plane[0] + positions @ plane[1:], points, atol=1e-5)


def test_a_classifier_has_its_layers_its_guesses_and_its_confidence(classifier: Path) -> None:
    (folder,) = (classifier / "runs").iterdir()
    scene = Scene(folder)
    scene.prepare(quietly)
    about = about_run(scene, 0)
    assert [one["id"] for one in about["spaces"]] == ["dense_1", "conv_2", "conv_1", "output", "input"]
    assert about["can"] == ["classify"]
    assert about["has_mistakes"]
    probabilities = load_run(folder).probabilities(scene.pictures(np.arange(50)))
    np.testing.assert_array_equal(scene.array("predicted")[:50], probabilities.argmax(axis=1))
    np.testing.assert_allclose(scene.array("values/confidence")[:50], probabilities.max(axis=1), rtol=1e-5)
    space = scene.space("dense_1", quietly)
    assert space.features.shape == (len(scene.cloud), 50)  # of 70
    assert space.dimensions == 70
    with pytest.raises(AbsentError):
        scene.array("latents")


def test_a_generator_shows_its_own_samples_with_the_classes_that_it_was_told(generators: Path) -> None:
    scene = Scene(run_of(generators, "gan"))
    scene.prepare(quietly)
    about = about_run(scene, 0)
    assert about["subject"] == "samples"
    assert about["conditional"] == [str(number) for number in range(10)]
    assert about["judge"] == "mnist-features"
    some = np.array([3, 14])
    np.testing.assert_array_equal(scene.array("labels")[some], [3, 4])
    run = load_run(scene.folder)
    np.testing.assert_array_equal(scene.pictures(some), run.decode(scene.array("latents")[some], labels=[3, 4]))
    assert scene.make_map("features", "pca", quietly).positions.shape == (5000, 2)
    with pytest.raises(RunError, match="takes no pictures"):
        Scene(scene.folder, pictures=[Path("mine")])


def test_points_are_a_sample_where_their_places_are_not_their_numbers_in_the_set() -> None:
    """A study with a part of a set called its images 0, 1, 2, whatever their numbers there."""
    assert not is_sample(np.arange(5)) and not is_sample(np.arange(0))
    assert is_sample(np.array([2, 3, 4])) and is_sample(np.array([0, 2]))


def test_a_generator_is_seen_first_where_it_decodes_and_has_no_classes_unless_somebody_says_so(
    generators: Path,
) -> None:
    scene = Scene(run_of(generators, "gan"))
    scene.prepare(quietly)
    first = about_run(scene, 0)
    assert first["spaces"][0]["id"] == "latents"
    assert scene.is_kept("latents", "pca")
    assert first["classes"] == scene.facts.class_names and first["labeled_by"] is None  # it is told one
    vars(scene)["guide"] = {**scene.guide, "conditional": np.array(0)}
    assert about_run(scene, 0)["classes"] == first["judge_classes"]
    assert about_run(scene, 0)["labeled_by"] == "mnist-features"
    scene.judge_name = None
    assert about_run(scene, 0)["classes"] == []


def test_pictures_of_one_s_own_are_the_last_points(generators: Path, vae: Scene, tmp_path: Path) -> None:
    pixels = vae.pictures(np.array([11]))[0, 0]
    Image.fromarray(pixels).save(tmp_path / "mine.png")
    scene = Scene(vae.folder, pictures=[tmp_path])
    scene.prepare(quietly)
    assert len(scene.cloud) == len(vae.cloud) + 1
    assert about_run(scene, 0)["pictures"] == [{"index": len(vae.cloud), "name": "mine.png"}]
    assert scene.array("splits")[-1] == YOURS
    assert scene.array("labels")[-1] == -1
    np.testing.assert_array_equal(scene.pictures(np.array([len(vae.cloud)]))[0, 0], pixels)
    np.testing.assert_allclose(scene.array("latents")[-1], vae.array("latents")[11], atol=1e-5)
    positions = scene.make_map("latents", "pca", quietly).positions
    assert len(positions) == len(scene.cloud)
    np.testing.assert_allclose(positions[-1], positions[11], atol=1e-4)


def test_a_picture_unlike_those_of_the_run_says_so(vae: Scene, tmp_path: Path) -> None:
    Image.fromarray(255 - vae.pictures(np.array([11]))[0, 0]).save(tmp_path / "paper.png")
    scene = Scene(vae.folder, pictures=[tmp_path])
    scene.prepare(quietly)
    (own,) = about_run(scene, 0)["pictures"]
    assert own["note"].endswith("but this picture has a light one; swap light and dark in the file")
    assert scene.encode(tmp_path / "paper.png")["note"] == own["note"]


def test_a_new_picture_lies_between_its_nearest_points_on_a_map_without_a_way_to_it() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((50, 3)).astype(np.float32)
    positions = rng.standard_normal((50, 2)).astype(np.float32)
    np.testing.assert_allclose(nearest_mean(features[7:8], features, positions)[0], positions[7], atol=1e-4)
    near = np.argsort(((features - 0.1) ** 2).sum(axis=1))[:5]
    (found,) = nearest_mean(np.full((1, 3), 0.1, np.float32), features, positions)
    assert (positions[near].min(axis=0) <= found).all()
    assert (found <= positions[near].max(axis=0)).all()


def test_a_classifier_says_what_pictures_show(vae: Scene, classifier: Path) -> None:
    (folder,) = (classifier / "runs").iterdir()
    some = vae.pictures(np.arange(30))
    judged = Scene(vae.folder, judge=str(folder))
    np.testing.assert_allclose(judged.classify(some), load_run(folder).probabilities(some), atol=1e-6)
    assert (vae.classify(some).argmax(axis=1) == vae.array("labels")[:30]).mean() > 0.9  # the shipped one
    with pytest.raises(SettingError, match="--classifier"):
        Scene(vae.folder, judge=str(vae.folder))


def test_a_run_stands_beside_the_best_of_its_study_and_a_study_for_its_best_run(generators: Path) -> None:
    title, scenes = open_scenes(run_of(generators, "autoencoder"))
    assert title == "Generators"
    assert [scene.facts.trial for scene in scenes] == ["autoencoder", "VAE", "GAN"]
    _, scenes = open_scenes(generators)
    assert {scene.facts.trial for scene in scenes} == {"autoencoder", "VAE", "GAN"}
    with pytest.raises(RunError, match="no such folder"):
        open_scenes(generators / "nothing")


def test_a_run_is_found_from_inside_of_its_folder_and_from_next_to_it(
    generators: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(generators, "autoencoder")
    inside = run / "records"
    inside.mkdir()
    from_where = {
        ".": run,
        "..": inside,
        f"../{run.name}": run_of(generators, "vae"),
        f"../runs/{run.name}": run.parent,
    }
    for name, folder in from_where.items():
        monkeypatch.chdir(folder)
        found, title = runs_to_explore(name)
        assert title == "Generators", name
        assert [one.name for one in found].count(run.name) == 1, name
        assert found[0] == run, name
        assert len(found) == 3, name
    inside.rmdir()
    for name, folder in {".": generators, "..": generators / "runs"}.items():
        monkeypatch.chdir(folder)
        found, title = runs_to_explore(name)
        assert (title, len(found)) == ("Generators", 3), name
    alone = tmp_path / "alone"
    shutil.copytree(run, alone)
    monkeypatch.chdir(alone)
    assert runs_to_explore(".") == ([Path()], "alone")


def test_the_nearest_points_are_those_of_all(vae: Scene) -> None:
    latents = vae.array("latents")
    apart = np.linalg.norm(latents - latents[4], axis=1)
    found = vae.nearest("latents", 4)
    assert found["points"] == np.argsort(apart)[1:11].tolist()
    np.testing.assert_allclose(found["distances"], np.sort(apart)[1:11], rtol=1e-4)
    with pytest.raises(AbsentError, match="no such space"):
        vae.nearest("nonsense", 4)


def test_too_many_at_a_time_are_refused(vae: Scene) -> None:
    with pytest.raises(DataError, match="too many"):
        vae.decode(np.zeros((257, 4), np.float32))
    with pytest.raises(DataError, match="indices"):
        vae.pictures(np.array([len(vae.cloud)]))


def test_known_factors_of_images_are_numbers_to_color_by(tmp_path: Path, no_report: None) -> None:
    study = {
        "title": "Factors",
        "data": {"name": "butterflies", "render": {"num": 60, "size": 16}},
        "model": {"family": "vae", "filters": [4], "dense": [8], "latents": 2},
        "train": {"epochs": 1, "batch_size": 16},
        "analysis": [],
    }
    results = run_study(study, out=tmp_path / "factors", is_silent=True)
    scene = Scene(results.runs[0].folder)
    scene.prepare(quietly)
    assert {"hue", "wing_width"} <= scene.cloud.values.keys()
    factors = scene.source.images.factors
    assert factors is not None
    np.testing.assert_allclose(scene.array("values/hue"), factors["hue"][scene.cloud.indices], rtol=1e-6)
    assert {"id": "wing_width", "name": "wing width"} in about_run(scene, 0)["values"]


def test_of_a_large_drawn_set_a_sample_is_drawn_which_is_the_set_s_own(
    tmp_path: Path, no_report: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = {
        "title": "Clocks",
        "data": {"name": "clocks", "render": {"num": 90, "size": 20}, "size": 16, "fraction": 0.9},
        "model": {"family": "cnn", "filters": [4], "dense": [8]},
        "train": {"epochs": 1, "batch_size": 16},
        "analysis": [],
    }
    (run,) = run_study(study, out=tmp_path / "clocks", is_silent=True).runs
    whole = Scene(run.folder).source
    assert whole.numbers is None
    monkeypatch.setenv("PAPILIO_CACHE", str(tmp_path / "elsewhere"))  # where the set is not drawn
    monkeypatch.setattr("papilio.explorer.images.MOST_DRAWN", 40)
    scene, told = Scene(run.folder), []
    monkeypatch.setattr("papilio.studies.images.reading_progress", lambda: lambda *far: told.append(far))
    scene.prepare(quietly)
    assert told[-1] == (len(scene.cloud), len(scene.cloud), "drawing a sample of the 90 clocks")
    chosen, about = scene.cloud.indices, about_run(scene, 0)
    assert 30 <= len(chosen) == about["num"] < about["total"] == whole.total
    np.testing.assert_array_equal(scene.pictures(np.arange(len(chosen))), whole.images.images[chosen])
    np.testing.assert_array_equal(scene.array("values/value"), whole.images.labels[chosen].astype(np.float32))
    for number, name in enumerate(("train", "validation", "test")):
        assert set(chosen[scene.array("splits") == number]) <= set(whole.images.indices(name))
    assert [one["id"] for one in about["values"]] == ["value", "read", "error", "confidence"]
    assert about["values"][2]["name"] == "reading error (min)"
    assert about["quantity"] == {"period": 720, "unit": "min", "is_time": True}
    some = scene.pictures(np.arange(1))
    Image.fromarray(some[0, 0]).save(tmp_path / "one.png")
    reading = scene.encode(tmp_path / "one.png")["reading"]
    assert reading["value"] == pytest.approx(scene.array("values/read")[0], abs=0.1)
    assert scene.run.quantity is not None
    apart = np.abs(scene.array("values/read") - scene.array("values/value"))
    np.testing.assert_allclose(np.minimum(apart, 720 - apart), scene.array("values/error"), atol=1e-3)
    monkeypatch.setattr("papilio.explorer.images.draw_some", None)  # it is kept
    assert len(Scene(run.folder).source.images.images) == len(chosen)


def test_a_sample_has_the_splits_of_its_run_s_fold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of images that were called validation images the run was trained on two thirds, where data.seed is not 0."""
    data = {"name": "clocks", "render": {"num": 90, "size": 20}, "size": 16, "seed": 1, "folds": 3}
    settings = RunSettings.of({"data": data, "model": {"family": "mlp"}, "train": {}})
    whole = StudyImages({}).of_fold(settings, 2)
    monkeypatch.setenv("PAPILIO_CACHE", str(tmp_path / "elsewhere"))
    monkeypatch.setattr("papilio.explorer.images.MOST_DRAWN", 40)
    some = sampled(settings, 2, kept=Kept(tmp_path), progress=lambda *far: None)
    assert some is not None and some.numbers is not None
    for split in ("train", "validation", "test"):
        assert set(some.numbers[some.images.indices(split)]) <= set(whole.indices(split))


@pytest.fixture
def own_kind(classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A classifier's run that has a kind of the user's own, in a module in its folder of which nobody has told Python."""
    (run,) = (classifier / "runs").iterdir()
    folder = tmp_path / "own"
    shutil.copytree(run, folder)
    facts = json.loads((folder / "run.json").read_text())
    facts["settings"]["train"]["objective"] = "beside_kind:KIND"
    (folder / "run.json").write_text(json.dumps(facts))
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield folder
    sys.modules.pop("beside_kind", None)


KIND = """
from dataclasses import replace
from papilio.kinds.registry import CLASSIFY
KIND = replace(CLASSIFY, name="mine", {})
"""


def test_a_kind_of_one_s_own_is_found_where_predict_finds_it(own_kind: Path) -> None:
    with pytest.raises(RunError, match=r"train\.objective: .*beside_kind.*put beside_kind\.py into"):
        Scene(own_kind)
    (own_kind / "beside_kind.py").write_text(KIND.format("returns='numbers'"))
    scene = Scene(own_kind)
    scene.prepare(quietly)
    assert about_run(scene, 0)["can"] == ["classify"]


def test_a_run_that_offers_nothing_has_a_map_of_its_layers(own_kind: Path) -> None:
    (own_kind / "beside_kind.py").write_text(KIND.format("offers={}"))
    scene = Scene(own_kind)
    scene.prepare(quietly)
    about = about_run(scene, 0)
    assert about["can"] == about["values"] == []
    assert about["spaces"][0]["id"] == "dense_1"
