"""Folders that are not a study's, and files in a study's folder that are not ours: they stay as they are."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny import tiny, write_study

import papilio as product
from in_process import papilio
from papilio.errors import DataError, RunError, StudyError
from papilio.study_folder import is_study_folder, remove_study

STUDY = tiny(stage=[{"name": "a"}], train__epochs=1)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original") / "out"
    product.run_study(STUDY, out=folder, is_silent=True)
    return folder


@pytest.fixture
def out(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path / "out")
    return tmp_path / "out"


@pytest.mark.parametrize("is_fresh", [False, True])
@pytest.mark.parametrize(
    "names",
    [("sub/.thesis.part", "runs/notes.txt", "figures/a.svg"), ("runs/model/weights.safetensors",), ("results.csv",)],
)
def test_a_folder_that_was_never_a_studys_stays_as_it_is(
    names: tuple[str, ...], is_fresh: bool, tmp_path: Path
) -> None:
    """Names were taken for ownership: `--fresh --out .` deleted a project's `runs` and `figures`, any `.*.part` went first."""
    write(tmp_path, *names)
    before = contents(tmp_path)
    with pytest.raises(RunError, match="is not a study folder and not empty"):
        product.run_study(STUDY, out=tmp_path, is_fresh=is_fresh, is_silent=True)
    assert contents(tmp_path) == before


def test_a_users_own_study_file_is_not_written_to(tmp_path: Path) -> None:
    file = write_study(tmp_path / "study.toml", STUDY)
    file.write_text("# my comment\n" + file.read_text())
    before = contents(tmp_path)
    done = papilio("run", file, "--out", tmp_path)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1
    assert contents(tmp_path) == before


def test_comments_in_a_studys_copy_stay_where_it_says_the_same(out: Path) -> None:
    file = out / "study.toml"
    file.write_text("# kept\n" + file.read_text())
    product.run_study(STUDY, out=out, is_silent=True)
    assert file.read_text().startswith("# kept\n")


def test_a_copy_of_the_study_without_a_title_is_damaged_and_written_again(out: Path) -> None:
    """It was taken for another study, called None."""
    file = out / "study.toml"
    whole = file.read_text()
    file.write_text("".join(line for line in whole.splitlines(keepends=True) if not line.startswith("title")))
    product.run_study(STUDY, out=out, is_silent=True)
    assert file.read_text() == whole


def test_fresh_removes_what_a_study_wrote_and_nothing_else(out: Path) -> None:
    (run,) = (out / "runs").iterdir()
    mine = ("notes.txt", "runs/notes.txt", "runs/mine/model.bin", f"runs/{run.name}/notes.txt", "figures/mine.pdf")
    write(out, *mine)
    write(out, ".report.html.k3j_x01a.part", f"runs/{run.name}/.run.json.x__9abcd.part")
    product.run_study(STUDY | {"title": "Another"}, out=out, is_fresh=True, is_silent=True)
    assert all((out / name).read_text() == "mine" for name in mine)
    assert not list(out.rglob(".*.part")) and is_study_folder(out)


def test_a_study_without_the_file_that_it_is_known_by_is_told_which(out: Path) -> None:
    (out / "environment.json").unlink()
    with pytest.raises(RunError, match=r"is not a study folder and not empty .* no environment\.json of Papilio's"):
        product.run_study(STUDY, out=out, is_silent=True)


def test_links_that_lead_nowhere_in_the_places_of_our_files_go(out: Path, tmp_path: Path) -> None:
    for name in ("results.csv", "search.journal.lock", "figures/a.svg"):
        (out / name).unlink(missing_ok=True)
        (out / name).symlink_to(tmp_path / "nowhere")
    (out / "notes").symlink_to(tmp_path / "nowhere")
    remove_study(out)
    assert [path.name for path in out.iterdir() if path.name != ".lock"] == ["notes"]


def test_nothing_is_removed_through_a_link(out: Path, tmp_path: Path) -> None:
    (out / "runs").rename(tmp_path / "elsewhere")
    (out / "runs").symlink_to(tmp_path / "elsewhere")
    before = contents(tmp_path / "elsewhere")
    with pytest.raises(RunError, match=r"runs: is a link, and Papilio removes nothing through links"):
        product.run_study(STUDY, out=out, is_fresh=True, is_silent=True)
    assert contents(tmp_path / "elsewhere") == before and (out / "report.html").exists()
    assert product.run_study(STUDY, out=out, is_silent=True).is_whole  # without --fresh it goes on through the link


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two class folders with a study's results, and what systems leave, beside them."""
    generator = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(20):
            pixels = generator.integers(0, 255, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "set" / name / f"{number}.png")
    return tmp_path / "set"


def test_results_beside_pictures_are_no_class(pictures: Path, original: Path) -> None:
    """`path = "."` made `results/` inside the set and then refused the set for it."""
    whole = product.load_images(pictures)
    shutil.copytree(original, pictures / "results" / "tiny")
    for name in ("lost+found", "$RECYCLE.BIN"):
        (pictures / name).mkdir()
    again = product.load_images(pictures)
    assert again.class_names == ("cat", "dog") and again.checksum == whole.checksum
    (pictures / "results" / "notes").mkdir()
    with pytest.raises(DataError, match="folder results"):
        product.load_images(pictures)


def test_a_wrong_set_leaves_no_folder_behind(tmp_path: Path) -> None:
    with pytest.raises(StudyError):
        product.run_study(STUDY | {"data": {"name": "nothere"}}, out=tmp_path / "out", is_silent=True)
    assert not (tmp_path / "out").exists()
