"""Image sets without labels: where they come from, what is refused, how they are split and checked."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import PIL
import pytest
from image_files import (
    class_folders,
    install_published,
    png_bytes,
    some_images,
    split_folders,
    write_files,
    write_tar,
    write_zip,
)
from typer.testing import CliRunner

from papilio.data.check import Finding, check_images
from papilio.data.folders import READER_VERSION
from papilio.data.imageset import ImageSet
from papilio.data.layout import Layout, arrange
from papilio.data.load import load_images
from papilio.data.splits import SPLITS
from papilio.data_commands import data_app
from papilio.errors import DataError
from papilio.settings.data_settings import DataSettings
from papilio.settings.since import plain_settings


def flat(num: int = 24) -> dict[str, bytes]:
    """PNG pictures beside each other, no two alike."""
    images, _ = some_images(num, (3, 6, 5), num_classes=2, seed=0)
    return {f"{row:03}.png": png_bytes(image) for row, image in enumerate(images)}


def nested() -> dict[str, bytes]:
    """The same pictures at many depths, the deepest in nine folders."""
    return {f"{'x/' * (row % 10)}{name}": content for row, (name, content) in enumerate(flat().items())}


def refused(path: Path, complaint: str, **settings: object) -> None:
    with pytest.raises(DataError, match=complaint) as caught:
        load_images(path, **settings)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value) and str(caught.value).startswith(f"{path}: ")


# ---- pictures


def test_pictures_without_folders_need_no_setting(tmp_path: Path) -> None:
    sources = [
        write_files(tmp_path / "folder", flat()),
        write_zip(tmp_path / "a.zip", flat()),
        write_tar(tmp_path / "a.tar", flat()),
    ]
    sets = [load_images(source) for source in sources]
    assert len({images.checksum for images in sets}) == 1
    assert sets[0].class_names == () and sets[0].labels.tolist() == [0] * 24
    assert load_images(sources[0], labels="none").checksum == sets[0].checksum


@pytest.mark.parametrize("kind", ["folder", "a.zip", "a.tar.gz"])
def test_pictures_at_any_depth_are_one_set(tmp_path: Path, kind: str) -> None:
    write = {"folder": write_files, "a.zip": write_zip, "a.tar.gz": write_tar}[kind]
    images = load_images(write(tmp_path / kind, nested()), labels="none")
    assert len(images.images) == 24 and images.facts.shows == "nothing"
    assert len({image.tobytes() for image in images.images}) == 24


def test_class_folders_keep_their_pixels_and_lose_their_classes(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "set", class_folders())
    with_classes, without = load_images(folder), load_images(folder, labels="none")
    assert np.array_equal(with_classes.images, without.images)
    assert without.class_names == () and not without.labels.any()
    # neither comes out of the other's cache
    assert load_images(folder).class_names == ("ant", "bee", "cicada")


def test_splits_that_come_with_the_set_are_kept(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "set", split_folders())
    with_classes, without = load_images(folder), load_images(folder, labels="none")
    assert all(np.array_equal(with_classes.indices(name), without.indices(name)) for name in SPLITS)


@pytest.mark.parametrize("wrap", ["", "data/", "data/images/"])
def test_split_folders_may_be_flat_deep_or_wrapped(wrap: str) -> None:
    layout = unlabeled([f"{wrap}{name}" for name in ("train/a.png", "train/x/y/b.png", "test/c.png")])
    assert {split: rows.tolist() for split, rows in layout.given.items()} == {"train": [1, 2], "test": [0]}


def test_classes_with_names_of_splits_are_no_splits() -> None:
    assert unlabeled(["train/a.png", "bus/b.png"]).given == {}


@pytest.mark.parametrize(
    ("files", "folders", "complaint"),
    [
        (["train/a.png", "test/b.png", "c.png"], [], r"c\.png is next to split folders; move it into one of them"),
        (["data/train/a.png", "data/c.png"], [], r"data/c\.png is next to split folders"),
        (["valid/a.png", "test/b.png"], [], "has the splits test, valid but no train; put the training pictures"),
        (["train/a.png"], ["test"], "folder test has no pictures"),
        (["notes.txt"], [], "it contains no pictures"),
    ],
)
def test_unclear_splits_are_refused(files: list[str], folders: list[str], complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        arrange("set", files, folders, with_classes=False)


def test_empty_folders_mean_nothing_without_classes() -> None:
    assert len(unlabeled(["a/x.png", "b/y.png"], ["c", "a/d"]).rows) == 2


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (
            "labels.csv",
            r'labels\.csv is next to the pictures; set labels to its path .*, or set labels = "none" to use',
        ),
        (
            "ant/notes.txt",
            'next to a folder without pictures, ant; remove it, or set labels = "none" to use the pictures',
        ),
        ("ant/x.png", r'000\.png is in no class folder; .*; set labels = "none" to use the pictures without classes'),
    ],
)
def test_what_may_tell_labels_is_not_left_out_unasked(tmp_path: Path, more: str, complaint: str) -> None:
    content = png_bytes(np.zeros((3, 6, 5), dtype=np.uint8)) if more.endswith("png") else b"000.png,3\n"
    folder = write_files(tmp_path / "set", {**flat(), more: content})
    refused(folder, complaint)
    assert load_images(folder, labels="none").facts.shows == "nothing"


def test_one_folder_of_pictures_says_what_to_set(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {f"photos/{name}": content for name, content in flat().items()})
    refused(path, 'only one class, photos; at least two class folders are needed, or set labels = "none"')
    assert len(load_images(path, labels="none").images) == 24


def test_an_empty_folder_has_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    refused(tmp_path / "set", "it contains no pictures; .*or pictures without folders")


def test_unreadable_pictures_name_the_command_that_lists_them(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "set", {**flat(), "broken.png": b"no picture"})
    refused(folder, rf"broken\.png .* `papilio data check {folder} --labels none` lists all")


def test_caches_of_sets_with_classes_are_where_they_were(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", class_folders())
    key = hashlib.sha256(f"{READER_VERSION} {PIL.__version__} None None".encode())
    key.update(hashlib.sha256(path.read_bytes()).hexdigest().encode())
    load_images(path)
    assert {file.stem for file in (tmp_path / "cache" / "pictures").iterdir()} == {key.hexdigest()}


# ---- arrays


def save(folder: Path, name: str, array: np.ndarray) -> Path:
    np.save(folder / name, array)
    return folder / name


def test_an_array_without_labels_is_a_set(tmp_path: Path) -> None:
    values, _ = some_images(12, (1, 4, 5), num_classes=3, seed=0)
    images = load_images(save(tmp_path, "images.npy", values[:, 0]))
    assert np.array_equal(images.images, values) and not images.labels.any()
    assert isinstance(images.images, np.memmap)
    assert images.origin == str(tmp_path / "images.npy")


@pytest.mark.parametrize(
    ("images", "labels"), [("images.npy", "labels.npy"), ("x.npy", "labels.npy"), ("images-75.npy", "labels-75.npy")]
)
def test_labels_beside_an_array_are_not_left_out_unasked(tmp_path: Path, images: str, labels: str) -> None:
    values, classes = some_images(12, (1, 4, 5), num_classes=3, seed=0)
    path, labels_path = save(tmp_path, images, values), save(tmp_path, labels, classes)
    refused(
        path, rf'found {labels} next to it; set labels = "{labels_path}" to use it, or labels = "none" to ignore it'
    )
    assert load_images(path, labels="none").class_names == ()
    assert load_images(path, labels=labels_path).num_classes == 3


def test_an_array_that_is_called_labels_is_not_beside_itself(tmp_path: Path) -> None:
    values, _ = some_images(12, (1, 4, 5), num_classes=3, seed=0)
    assert len(load_images(save(tmp_path, "labels.npy", values)).images) == 12


def test_labels_that_are_all_one_class_say_what_to_set(tmp_path: Path) -> None:
    values, classes = some_images(12, (1, 4, 5), num_classes=1, seed=0)
    path, labels = save(tmp_path, "images.npy", values), save(tmp_path, "labels.npy", classes)
    with pytest.raises(
        DataError, match=r'all are 0; at least two classes are needed; labels = "none" ignores the labels'
    ):
        load_images(path, labels=labels)


# ---- named sets


def test_a_named_set_keeps_its_test_images_and_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_published(monkeypatch, tmp_path, "mnist")
    with_labels = load_images("mnist", home=tmp_path, size=14)
    without = load_images("mnist", home=tmp_path, size=14, labels="none")
    assert np.array_equal(with_labels.images, without.images)
    assert np.array_equal(with_labels.test, without.test)
    assert without.class_names == () and without.name == "mnist"


def test_a_drawn_set_loses_its_numbers() -> None:
    render = {"num": 60, "size": 16}
    assert load_images("gauges", render=render).facts.shows == "quantity"
    images = load_images("gauges", render=render, labels=Path("none"))
    assert images.facts.shows == "nothing" and images.labels.dtype == np.int64


@pytest.mark.parametrize(
    ("name", "labels", "complaint"),
    [
        ("digits", "none", 'labels = "none" ignores labels; leave out one of the two'),
        ("digits", None, "this set has classes"),
        ("clocks", None, "has its own, leave out period"),
        ("images.npy", None, "a second .npy file for one of images"),
        ("images.npy", "none", 'labels = "none" ignores labels'),
    ],
)
def test_a_period_goes_with_a_file_of_labels(tmp_path: Path, name: str, labels: str | None, complaint: str) -> None:
    path = save(tmp_path, name, np.zeros((3, 4, 4), np.uint8)) if name.endswith("npy") else name
    with pytest.raises(DataError, match=complaint):
        load_images(path, labels=labels, period=360)


# ---- splits


def test_splits_folds_and_fractions_are_drawn_at_random(tmp_path: Path) -> None:
    images = load_images(write_files(tmp_path / "set", flat(40)), test=0.25, validation=0.2)
    assert [len(images.indices(name)) for name in SPLITS] == [24, 6, 10]
    folds = [images.fold(number, of=3, seed=0) for number in (1, 2, 3)]
    assert [len(fold.validation) for fold in folds] == [10, 10, 10]
    assert sorted(np.concatenate([fold.validation for fold in folds])) == sorted([*images.train, *images.validation])
    part = images.fraction(0.5)
    assert [len(part.indices(name)) for name in SPLITS] == [12, 3, 5]
    assert part.facts.shows == "nothing"
    assert not any("stratified" in note for note in (*folds[0].notes, *part.notes))


def test_labels_without_names_are_refused() -> None:
    def image_set(labels: list[int]) -> ImageSet:
        images = np.zeros((3, 1, 2, 2), dtype=np.uint8)
        train, nothing = np.arange(3), np.arange(0)
        return ImageSet("x", images, np.array(labels), (), train, nothing, nothing, "here")

    assert image_set([0, 0, 0]).facts.shows == "nothing"
    with pytest.raises(DataError, match="x: labels are classes, but no class has a name"):
        image_set([0, 1, 0])


# ---- settings


def test_settings_of_earlier_studies_come_out_as_they_did() -> None:
    """Run names are hashes of this table."""
    assert plain_settings(DataSettings(name="digits")) == {
        **{"name": "digits", "unit": "", "validation": 0.1, "test": 0.2, "seed": 0, "fraction": 1.0}
    }
    assert plain_settings(DataSettings(path="a", labels="none"))["labels"] == "none"


# ---- check and info


def found(findings: list[Finding], kind: str) -> Finding:
    (finding,) = [finding for finding in findings if finding.kind == kind]
    return finding


def test_a_sound_set_is_sound(tmp_path: Path) -> None:
    values, _ = some_images(30, (1, 4, 5), num_classes=3, seed=0)
    sources = [
        (write_files(tmp_path / "flat", flat()), None),
        (write_files(tmp_path / "nested", nested()), "none"),
        (save(tmp_path, "images.npy", values), None),
        ("digits", "none"),
    ]
    for source, labels in sources:
        findings = check_images(source, labels=labels)
        assert {finding.severity for finding in findings} == {"ok"}
        assert found(findings, "labels").message == "no labels: class balance was not checked"
        assert not {"imbalance", "missing classes"} & {finding.kind for finding in findings}


def test_duplicates_and_leaks_are_found_without_labels(tmp_path: Path) -> None:
    files = {name.replace("ant/", "").replace("bee/", ""): content for name, content in split_folders().items()}
    files["train/again.png"] = files["train/000.png"]
    files["test/deep/er/leaked.png"] = files["train/001.png"]
    files["valid/broken.png"] = b"no picture"
    findings = check_images(write_files(tmp_path / "set", files), labels="none")
    assert found(findings, "duplicates").items == ("train/000.png", "train/again.png")
    assert found(findings, "leaks").items == ("test/deep/er/leaked.png", "train/001.png")
    assert found(findings, "unreadable").items == ("valid/broken.png",)


@pytest.mark.parametrize("labels", [None, "none"])
def test_a_set_without_a_readable_picture_is_looked_through(tmp_path: Path, labels: str | None) -> None:
    """With classes it ended in a traceback: the smallest of no classes."""
    files = {f"{name}/x.png": b"no picture" for name in ("a", "b")}
    findings = check_images(write_files(tmp_path / "set", files), labels=labels)
    assert found(findings, "unreadable").items == ("a/x.png", "b/x.png")
    assert {finding.kind for finding in findings} == {"unreadable", "other files"}


def test_the_commands_say_that_there_are_no_labels(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "set", nested())
    info = CliRunner().invoke(data_app, ["info", str(folder), "--labels", "none"])
    assert info.exit_code == 0, info.output
    assert "shows                    no labels" in info.output
    assert "class " not in info.output
    checked = CliRunner().invoke(data_app, ["check", str(folder), "--labels", "none"])
    assert checked.exit_code == 0, checked.output
    assert "ok       no labels: class balance was not checked" in checked.output


def unlabeled(files: list[str], folders: list[str] | None = None) -> Layout:
    layout = arrange("set", files, folders or [], with_classes=False)
    assert layout.class_names == () and layout.labels.tolist() == [0] * len(layout.rows)
    return layout
