"""`papilio predict` and `Run.predict`: what they take, how answers are written, and what a study's folder stands for."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import papilio as product
from in_process import papilio
from papilio.data.given import as_batch, natural_key, pictures_at
from papilio.data.load import load_images
from papilio.errors import DataError, RunError, SettingError
from papilio.offers.latents import Reconstruction
from papilio.offers.streams import AT_A_TIME, lines_as_they_come
from papilio.results.reading import read_results
from papilio.results.results import StudyResults

FORMS = ("json", "csv", "jsonl", "table")
STUDY: dict[str, Any] = {
    "title": "Digits",
    "data": {"name": "digits", "fraction": 0.3},
    "train": {"epochs": 2, "batch_size": 32, "learning_rate": 0.01},
    "stage": [{"name": "only", "seeds": 2}],
    "analysis": [],
}
CLASSIFIER = STUDY | {"model": {"family": "mlp", "units": [16]}}
AUTOENCODER = STUDY | {"model": {"family": "autoencoder", "filters": [], "dense": [16], "latents": 3}}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, no_reports: None) -> StudyResults:
    return product.run_study(CLASSIFIER, out=tmp_path_factory.mktemp("digits") / "out", is_silent=True)


@pytest.fixture
def digits() -> np.ndarray:
    """uint8 (num, 8, 8)."""
    return load_images("digits").images[:, 0]


@pytest.fixture
def pictures(tmp_path: Path, digits: np.ndarray) -> Path:
    """A folder with 12 digits, the last two in a folder below it, and what is no picture."""
    (tmp_path / "in" / "more").mkdir(parents=True)
    for number in range(12):
        place = tmp_path / "in" / ("more" if number > 9 else "")
        Image.fromarray(digits[number]).save(place / f"{number}.png")
    (tmp_path / "in" / "notes.txt").write_text("of other things")
    (tmp_path / "in" / ".hidden.png").write_bytes((tmp_path / "in" / "0.png").read_bytes())
    return tmp_path / "in"


def said_to(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    """Standard input, from now on."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))


def lines_of(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_folder_is_all_pictures_below_it_in_natural_order(results: StudyResults, pictures: Path) -> None:
    done = papilio("predict", results.folder, pictures, "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    names = [str(Path(row["picture"]).relative_to(pictures)) for row in lines_of(done)]
    assert names == [*(f"{number}.png" for number in range(10)), "more/10.png", "more/11.png"]


def test_names_are_sorted_by_their_numbers() -> None:
    assert sorted(["img10", "img9", "2/1", "10/1", "img"], key=natural_key) == ["2/1", "10/1", "img", "img9", "img10"]


def test_a_folder_without_pictures_does_not_take_the_others_answers(
    results: StudyResults, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    done = papilio("predict", results.folder, tmp_path / "empty", pictures / "1.png", "--format", "csv")
    assert done.returncode == 1 and f"{tmp_path / 'empty'}: no pictures" in done.stderr
    assert len(done.stdout.splitlines()) == 2


def test_names_come_on_standard_input_too(
    results: StudyResults, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said_to(monkeypatch, f"{pictures / '3.png'}\n\n{pictures / 'gone.png'}\r\n{pictures / '4.png'}".encode())
    done = papilio("predict", results.folder, pictures / "0.png", "-", pictures / "1.png", "--format", "jsonl")
    assert [Path(row["picture"]).stem for row in lines_of(done)] == ["0", "3", "gone", "4", "1"]
    assert [("error" in row) for row in lines_of(done)] == [False, False, True, False, False]
    assert done.returncode == 1 and "gone.png: cannot be opened" in done.stderr


def test_whoever_writes_one_name_and_waits_is_answered() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as names, os.fdopen(writing, "wb", buffering=0) as service:
        lines = lines_as_they_come(names)
        service.write(b"a.png\n")
        assert next(lines) == ["a.png"]
        service.write(b"b.png\nc d.png\nhal")
        assert next(lines) == ["b.png", "c d.png"]
        service.write(b"f.png")
        service.close()
        assert list(lines) == [["half.png"]]


def test_an_input_without_names_is_refused(results: StudyResults, monkeypatch: pytest.MonkeyPatch) -> None:
    said_to(monkeypatch, b"\n")
    done = papilio("predict", results.folder, "-")
    assert done.returncode == 2 and "no names" in done.stderr


def test_all_forms_say_the_same(results: StudyResults, pictures: Path) -> None:
    as_json, as_lines, as_csv, as_table = (
        papilio("predict", results.folder, pictures, "--format", form) for form in ("json", "jsonl", "csv", "table")
    )
    plain = json.loads(as_json.stdout)
    assert lines_of(as_lines) == plain
    rows = list(csv.DictReader(io.StringIO(as_csv.stdout)))
    table = as_table.stdout.splitlines()[1:]
    for one, row, line in zip(plain, rows, table, strict=True):
        best = sorted(one["probabilities"].items(), key=lambda item: -item[1])
        assert [(top["class"], top["probability"]) for top in one["top"]] == best[:5]
        assert (row["class"], row["class_2"], row["class_3"]) == tuple(name for name, _ in best[:3])
        assert float(row["probability_2"]) == best[1][1]
        assert line.split()[:2] == [one["picture"], one["class"]]


def test_many_pictures_are_one_table_one_list_and_one_csv(
    results: StudyResults, tmp_path: Path, digits: np.ndarray
) -> None:
    num = 2 * AT_A_TIME + 3
    for number in range(num):
        Image.fromarray(digits[number]).save(tmp_path / f"{number}{'0' * (number == num - 1)}.png")
    (tmp_path / "5.png").write_text("nonsense")
    for form in ("json", "csv", "table"):
        done = papilio("predict", results.folder, tmp_path, "--format", form)
        assert done.returncode == 1 and done.stderr.count("5.png: not a readable picture") == 1
        if form == "json":
            assert len(json.loads(done.stdout)) == num - 1
        else:
            assert sum(line.startswith("picture") for line in done.stdout.splitlines()) == 1
            assert len(done.stdout.splitlines()) == num
        if form == "table":
            assert len({re.search(r" \d +0\.\d{3}", line).start() for line in done.stdout.splitlines()[1:]}) == 1  # pyright: ignore


def test_where_nothing_can_be_read_a_program_still_gets_json_and_csv(
    results: StudyResults, pictures: Path, tmp_path: Path
) -> None:
    """Nothing at all was printed, which no reader of JSON takes."""
    (tmp_path / "bad.png").write_text("nonsense")
    said = {form: papilio("predict", results.folder, tmp_path / "bad.png", "--format", form) for form in FORMS}
    assert {done.returncode for done in said.values()} == {2}
    assert json.loads(said["json"].stdout) == []
    whole = papilio("predict", results.folder, pictures / "1.png", "--format", "csv").stdout
    assert said["csv"].stdout == whole.splitlines(keepends=True)[0]
    assert [list(row) for row in lines_of(said["jsonl"])] == [["picture", "error"]]
    assert said["table"].stdout == ""


def test_python_names_all_pictures_that_cannot_be_read_or_passes_over_them(
    results: StudyResults, pictures: Path, tmp_path: Path
) -> None:
    run, good = product.load_run(results), pictures / "1.png"
    bad = [tmp_path / f"bad {number}.png" for number in range(5)]
    for path in bad:
        path.write_text("nonsense")
    with pytest.raises(DataError) as caught:
        run.predict([bad[0], good, *bad[1:], good])
    assert str(caught.value).startswith(f"5 of 7 pictures cannot be read: {bad[0]}: not a readable picture (")
    assert f"nor can {bad[1]}, {bad[2]}, {bad[3]} and 1 more" in str(caught.value)
    assert 'errors="skip"' in str(caught.value)
    with pytest.raises(DataError, match=r"bad 0\.png: not a readable picture") as caught:
        run.predict(bad[0])
    assert "errors" not in str(caught.value)
    skipped = product.predict(run, [bad[0], good, bad[1]], errors="skip")
    assert [one.picture for one in skipped] == [str(good)]
    assert run.predict(bad, errors="skip") == []
    with pytest.raises(DataError, match="NoneType"):
        run.predict([None], errors="skip")
    with pytest.raises(SettingError, match='errors = \'ignore\': allowed are "raise" and "skip"'):
        run.predict(good, errors="ignore")  # pyright: ignore[reportArgumentType]


def test_answers_go_to_a_file_that_is_never_replaced_unasked(
    results: StudyResults, pictures: Path, tmp_path: Path
) -> None:
    file = tmp_path / "answers.csv"
    done = papilio("predict", results.folder, pictures, "--out", file)
    assert done.stdout == f"{file}: 12 answers\n"
    written = file.read_text()
    assert written == papilio("predict", results.folder, pictures, "--format", "csv").stdout
    again = papilio("predict", results.folder, pictures / "1.png", "--out", file)
    assert again.returncode == 2 and "--fresh" in again.stderr and file.read_text() == written
    (bad := tmp_path / "bad.png").write_text("nonsense")
    assert papilio("predict", results.folder, bad, "--out", file, "--fresh").returncode == 2
    assert file.read_text() == written, "a file was replaced by no answer at all"
    papilio("predict", results.folder, pictures / "1.png", "--out", file, "--fresh", "--format", "json")
    assert len(json.loads(file.read_text())) == 1
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_a_folder_for_pictures_is_refused_where_a_run_makes_none(
    results: StudyResults, pictures: Path, tmp_path: Path
) -> None:
    done = papilio("predict", results.folder, pictures, "--out", tmp_path / "somewhere")
    assert done.returncode == 2 and "makes no pictures" in done.stderr and done.stdout == ""


def test_a_reconstruction_has_its_error_and_latents_in_csv_and_its_picture_in_the_folder(
    pictures: Path, tmp_path: Path, no_report: None
) -> None:
    found = product.run_study(AUTOENCODER, out=tmp_path / "out", is_silent=True)
    done = papilio("predict", found.folder, pictures, pictures, "--format", "csv", "--out", tmp_path / "made")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert list(rows[0]) == ["picture", "mean_squared_error", "latent_1", "latent_2", "latent_3", "hint"]
    assert len(rows) == 24 == len(list((tmp_path / "made").glob("*-reconstructed*.png")))
    only = papilio("predict", found.folder, pictures / "1.png", "--out", tmp_path / "one.jsonl")
    assert only.returncode == 0 and not list(Path().glob("1-reconstructed.png"))


def test_a_study_stands_for_the_run_that_results_names(results: StudyResults, pictures: Path) -> None:
    best = results.best
    assert best is not None
    of_study = papilio("predict", results.folder, pictures / "1.png", "--format", "jsonl")
    assert best.name in of_study.stderr and f"seed {best.seed}" in of_study.stderr
    of_run = papilio("predict", best.folder, pictures / "1.png", "--format", "jsonl")
    assert of_study.stdout == of_run.stdout and of_run.stderr == ""
    (line,) = [one for one in papilio("results", results.folder).stdout.splitlines() if one.startswith("best: ")]
    assert best.name in line and f"{best.metrics['val_accuracy']:.4f}" in line
    assert str(product.predict(results.folder, pictures / "1.png")[0].label) == lines_of(of_run)[0]["class"]


def test_a_study_without_a_finished_run_stands_for_none(results: StudyResults, tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    for name in ("study.toml", "environment.json", "results.csv"):
        (tmp_path / "study" / name).write_bytes((results.folder / name).read_bytes())
    with pytest.raises(RunError, match="has no runs/, only a record of them"):
        product.predict(tmp_path / "study", [])
    (tmp_path / "study" / "runs").mkdir()
    with pytest.raises(RunError, match="no run of its last stage is finished"):
        product.predict(tmp_path / "study", [])
    assert read_results(tmp_path / "study").best is None


def test_a_photograph_in_color_is_named_where_a_run_knows_gray_images(
    results: StudyResults, pictures: Path, tmp_path: Path
) -> None:
    colors = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    Image.fromarray(colors).save(tmp_path / "photo.jpg")
    Image.open(pictures / "1.png").convert("RGB").save(tmp_path / "gray as RGB.png")
    done = papilio("predict", results.folder, tmp_path / "photo.jpg", tmp_path / "gray as RGB.png")
    (hint,) = [line for line in done.stderr.splitlines() if "color" in line]
    assert hint.startswith(f"{tmp_path / 'photo.jpg'}: ") and "gray as RGB" not in hint
    assert "class" in done.stdout


def test_pictures_with_the_same_hint_share_a_line(results: StudyResults, tmp_path: Path) -> None:
    for number in range(5):
        Image.new("L", (8, 8), 255).save(tmp_path / f"{number}.png")
    done = papilio("predict", results.folder, tmp_path)
    (line,) = [line for line in done.stderr.splitlines() if "--invert" in line]
    assert "0.png" in line and "2.png and 2 more: " in line


def test_python_takes_paths_pictures_and_arrays(results: StudyResults, pictures: Path, digits: np.ndarray) -> None:
    run = product.load_run(results.runs[0].folder)
    few, expected = digits[:3], run.probabilities(digits[:3, None])

    def classes(given: Any) -> np.ndarray:
        return np.array([list(one.probabilities.values()) for one in run.predict(given)])

    files = [pictures / f"{number}.png" for number in range(3)]
    opened = [Image.open(file) for file in files]
    for given in (
        files,
        opened,
        [Image.fromarray(one) for one in few],
        few,
        list(few),
        few / 255,
        few.astype(np.float32)[:, None] / np.float32(255),
        few[..., None].astype(np.int64),
        np.repeat(few[..., None], 3, axis=3),
        [files[0], few[1], opened[2]],
        (one for one in files),
    ):
        assert np.allclose(classes(given), expected, atol=1e-6)
    for given in (files[0], str(files[0]), opened[0], few[0], few[0, None], few[0, ..., None], few[:1] / 255):
        assert np.allclose(classes(given), expected[:1], atol=1e-6)
    assert [one.picture for one in run.predict(opened)] == list(map(str, files))
    assert [one.picture for one in run.predict(few)] == ["image 1", "image 2", "image 3"]
    assert run.predict([]) == []


def in_other_forms(digits: np.ndarray, folder: Path) -> list[Any]:
    """The same images, uint8 (num, 8, 8), as people have them in hand."""
    files = [folder / f"{number}.png" for number in range(len(digits))]
    for file, digit in zip(files, digits, strict=True):
        Image.fromarray(digit).save(file)
    floats = digits.astype(np.float32) / np.float32(255)
    return [files, [Image.open(file) for file in files], floats, floats[:, None], torch.from_numpy(floats), folder]


def test_what_a_run_does_with_images_it_does_with_whatever_predict_takes(
    results: StudyResults, digits: np.ndarray, tmp_path: Path, no_report: None
) -> None:
    (tmp_path / "digits").mkdir()
    vae = {"family": "vae", "filters": [], "dense": [8], "latents": 2}
    study = STUDY | {"model": vae, "stage": [{"name": "only"}]}
    of_vae = product.load_run(product.run_study(study, out=tmp_path / "out", is_silent=True))
    of_classes = product.load_run(results)
    few, others = digits[:4, None], in_other_forms(digits[:4], tmp_path / "digits")
    for use in (
        of_vae.encode,
        of_vae.posterior,
        of_vae.reconstruct,
        of_vae.outputs,
        of_classes.probabilities,
        of_classes.outputs,
        lambda given: of_classes.layer("dense_1", given),
        lambda given: product.morph(of_vae, given[0], given[1]) if isinstance(given, list | np.ndarray) else None,
    ):
        expected = use(few)
        for other in others:
            if (found := use(other)) is not None:
                np.testing.assert_array_equal(found, expected)
    assert of_vae.encode(few[0]).shape == (1, 2)
    assert of_vae.encode([]).shape == (0, 2)


def test_an_array_of_a_runs_own_type_and_shape_is_not_copied(results: StudyResults, digits: np.ndarray) -> None:
    run = product.load_run(results)
    assert run.images_of(digits[:, None]) is not None
    images = np.ascontiguousarray(digits[:50, None])
    assert run.images_of(images) is images
    assert np.shares_memory(run.images_of(torch.from_numpy(images)), images)
    empty = np.empty((0, 1, 8, 8), np.uint8)
    assert run.images_of(empty) is empty


def test_what_is_no_picture_is_refused_by_its_shape_and_type_alone(results: StudyResults) -> None:
    run = product.load_run(results)
    for given, message in (
        (np.full((40, 8, 8), 7.0), r"image 1: images are float64 \(40, 8, 8\), from 7 to 7, expected 0 to 1"),
        (np.zeros((2, 5, 8, 8)), r"float64 \(2, 5, 8, 8\): no axis has 1 or 3 channels"),
        (np.zeros((4, 8), complex), r"complex128 \(1, 4, 8\), expected uint8"),
        (np.array([[object()]]), r"object \(1, 1, 1\), expected"),
        (
            torch.zeros(2, 8, 8, requires_grad=True),
            r"got a Tensor that is not an array in memory \(.*give a NumPy array",
        ),
        ({"images": np.zeros((2, 8, 8))}, "images: cannot be opened"),
        (np.zeros((2, 8, 8)).tolist(), "got a list in place of a picture"),
    ):
        for use in (run.probabilities, run.outputs, run.predict):
            with pytest.raises(DataError, match=message) as caught:
                use(given)
            assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.full((8, 8), np.nan), "not numbers"),
        (np.full((8, 8), 200.0), "divide them by 255"),
        (np.zeros((2, 3, 8, 8, 3), np.uint8), r"uint8 \(2, 3, 8, 8, 3\), expected"),
        (np.zeros(5, np.uint8), r"uint8 \(5,\), expected"),
        (7, "got a int in place of a picture"),
        ([None], "got a NoneType in place of a picture"),
    ],
)
def test_what_is_no_picture_is_refused_in_python(results: StudyResults, given: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        product.load_run(results.runs[0].folder).predict(given)


def test_three_axes_are_read_as_the_run_has_its_images() -> None:
    gray, color = (1, 8, 8), (3, 8, 8)
    assert as_batch(np.zeros((3, 8, 8)), shape=gray).shape == (3, 8, 8)
    assert as_batch(np.zeros((3, 8, 8)), shape=color).shape == (1, 3, 8, 8)
    assert as_batch(np.zeros((3, 20, 30)), shape=color).shape == (1, 3, 20, 30)
    assert as_batch(np.zeros((20, 30, 3)), shape=gray).shape == (1, 20, 30, 3)
    assert as_batch(np.zeros((1, 8, 8)), shape=gray).shape == (1, 1, 8, 8)
    assert as_batch(np.zeros((5, 20, 30)), shape=color).shape == (5, 20, 30)


def test_studies_and_hidden_files_among_pictures_are_passed_over(results: StudyResults, pictures: Path) -> None:
    place = pictures / "results" / "of-a-study"
    place.mkdir(parents=True)
    for name in ("environment.json", "study.toml"):
        (place / name).write_bytes((results.folder / name).read_bytes())
    (place / "figures").mkdir()
    Image.new("L", (8, 8)).save(place / "figures" / "curve.png")
    assert len(pictures_at(pictures)) == 12


def test_before_and_after_replace_no_file_unless_asked_to(pictures: Path, tmp_path: Path, no_report: None) -> None:
    found = product.run_study(AUTOENCODER, out=tmp_path / "out", is_silent=True)
    (made := tmp_path / "made").mkdir()
    (mine := made / "1-reconstructed.png").write_bytes(b"mine")
    first = papilio("predict", found.folder, pictures, "--out", made)
    assert first.returncode == 2 and "1-reconstructed.png: already exists" in first.stderr and "--fresh" in first.stderr
    assert mine.read_bytes() == b"mine" and [one.name for one in made.iterdir()] == [mine.name]
    again = papilio("predict", found.folder, pictures, "--out", made, "--fresh")
    assert again.returncode == 0 and mine.read_bytes() != b"mine" and len(list(made.iterdir())) == 12
    told = [line for line in again.stdout.splitlines() if line.startswith("before and after")]
    assert told == [f"before and after: 12 pictures in {made}, 0-reconstructed.png to 11-reconstructed.png"]
    here = papilio("predict", found.folder, pictures, folder=tmp_path)
    assert here.returncode == 0 and "before and after: 12 pictures in predicted, 0-rec" in here.stdout
    assert not list(tmp_path.glob("*.png")) and len(list((tmp_path / "predicted").iterdir())) == 12
    one = papilio("predict", found.folder, pictures / "1.png", "--fresh", folder=tmp_path)
    assert "before and after: predicted/1-reconstructed.png" in one.stdout


@pytest.mark.parametrize(
    ("size", "hint"),
    [
        ((8, 8), None),
        ((9, 15), "differently proportioned, so it was center-cropped"),
        ((15, 15), None),
        ((16, 16), "much larger, so it was scaled down"),
        ((4, 4), "much smaller, so it was enlarged"),
        ((600, 900), "much larger and differently proportioned, so it was scaled down and center-cropped"),
    ],
)
def test_a_picture_of_another_size_gets_a_hint(
    size: tuple[int, int], hint: str | None, results: StudyResults, tmp_path: Path
) -> None:
    said = f"this run was trained on images of 8 x 8 pixels; this picture is {hint}" if hint else None
    values = np.zeros(size, np.uint8)
    (of_array,) = product.predict(results, values)
    assert of_array.hint == said
    names = [tmp_path / "a.jpg", tmp_path / "b.png"]
    for name in names:  # a JPEG is made smaller while it is read
        Image.fromarray(values).save(name)
    done = papilio("predict", results.folder, *names)
    assert done.stderr.count("pixels; this picture is") == (hint is not None)
    assert said is None or f"{names[0]}, {names[1]}: {said}" in done.stderr


def test_a_run_whose_own_pictures_were_scaled_says_nothing_of_size(tmp_path: Path, no_report: None) -> None:
    study = CLASSIFIER | {"data": {"name": "digits", "size": 6}}
    found = product.run_study(study, out=tmp_path / "out", is_silent=True)
    (answer,) = product.predict(found, np.zeros((90, 60), np.uint8))
    assert answer.hint is None


def test_quiet_leaves_answers_and_errors_alone(results: StudyResults, pictures: Path, tmp_path: Path) -> None:
    (bad := tmp_path / "bad.png").write_text("nonsense")
    loud = papilio("predict", results.folder, pictures, bad)
    quiet = papilio("predict", results.folder, pictures, bad, "--quiet")
    assert quiet.returncode == loud.returncode == 1 and quiet.stdout == loud.stdout
    assert "using" in loud.stderr
    assert quiet.stderr.startswith(f"papilio: {bad}: ") and quiet.stderr.count("\n") == 1
    done = papilio("predict", results.folder, pictures, "--out", tmp_path / "answers.csv", "--quiet")
    assert (done.stdout, done.stderr) == ("", "") and (tmp_path / "answers.csv").is_file()


def test_answers_show_themselves_in_a_line(results: StudyResults, digits: np.ndarray, tmp_path: Path) -> None:
    (answer,) = product.predict(results, digits[0])
    label, share = answer.label, f"{answer.confidence:.3f}"
    assert repr(answer).startswith(f"<Prediction of 'image 1': {label} {share}, then ") and len(repr(answer)) < 100
    image = digits[:1]
    assert repr(Reconstruction("a.png", image, image, np.zeros(9, np.float32))) == (
        "<Reconstruction of 'a.png': mean squared error 0.00000, latent 0.00 0.00 0.00 0.00 ...>"
    )
