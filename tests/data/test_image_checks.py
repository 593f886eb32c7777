"""What `check_images` finds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from image_files import class_folders, png_bytes, some_images, split_folders, write_files, write_tar, write_zip
from test_splits import uneven_set

from in_process import papilio
from papilio.data.check import Finding, check_images
from papilio.data.leaks import leak_notes, num_trained_on
from papilio.data.load import load_images
from papilio.errors import DataError


def found(findings: list[Finding], kind: str) -> Finding:
    (finding,) = [finding for finding in findings if finding.kind == kind]
    return finding


@pytest.mark.parametrize("kind", ["folder", "a.zip", "a.tar.gz"])
def test_a_sound_set_is_sound(tmp_path: Path, kind: str) -> None:
    write = {"folder": write_files, "a.zip": write_zip, "a.tar.gz": write_tar}[kind]
    findings = check_images(write(tmp_path / kind, split_folders()))
    assert {finding.severity for finding in findings} == {"ok"}
    assert len({finding.kind for finding in findings}) == len(findings) == 9


@pytest.mark.parametrize("name", ["mnist-5k", "digits"])
def test_the_embedded_sets_are_sound(name: str) -> None:
    assert {finding.severity for finding in check_images(name)} == {"ok"}


def test_every_unreadable_picture_is_listed(tmp_path: Path) -> None:
    broken = {f"bee/broken{number}.png": b"no picture" for number in range(7)}
    findings = check_images(write_files(tmp_path / "set", {**class_folders(), **broken}))
    finding = found(findings, "unreadable")
    assert finding.severity == "error" and finding.items == tuple(sorted(broken))


def test_duplicates_leaks_and_conflicts(tmp_path: Path) -> None:
    files = split_folders()
    files["train/ant/again.png"] = files["train/ant/000.png"]
    files["test/bee/leaked.png"] = files["train/bee/001.png"]
    files["train/cicada/other.png"] = files["train/ant/003.png"]
    findings = check_images(write_zip(tmp_path / "a.zip", files))
    assert found(findings, "duplicates").items == (
        *("train/ant/000.png", "train/ant/again.png"),
        *("train/ant/003.png", "train/cicada/other.png"),
    )
    leak = found(findings, "leaks")
    assert leak.severity == "error" and leak.items == ("test/bee/leaked.png", "train/bee/001.png")
    assert leak.message == "1 picture is in more than one split: 1 in train, 1 in test"
    conflict = found(findings, "labels")
    assert conflict.items == ("train/ant/003.png", "train/cicada/other.png")
    assert "ant and cicada" in conflict.message


def test_sizes_constant_images_and_other_files(tmp_path: Path) -> None:
    files = class_folders()
    files["ant/wide.png"] = png_bytes(some_images(1, (3, 6, 9), num_classes=1, seed=5)[0][0])
    files["bee/black.png"] = png_bytes(np.zeros((3, 6, 5), dtype=np.uint8))
    files["notes.txt"] = b"hello"
    findings = check_images(write_files(tmp_path / "set", files))
    assert found(findings, "sizes").items == ("ant/wide.png",)
    assert found(findings, "constant").items == ("bee/black.png",)
    others = found(findings, "other files")
    assert others.message.startswith("1 file is not a picture") and others.items == ("notes.txt",)
    assert "notes.txt" in papilio("data", "check", tmp_path / "set").stdout


def test_where_all_sizes_differ_no_picture_is_listed_for_its_size(tmp_path: Path) -> None:
    sides = np.random.default_rng(0).integers(8, 30, (40, 2))
    files = {
        f"{'ab'[number % 2]}/{number}.png": png_bytes(np.full((3, *side), number, np.uint8))
        for number, side in enumerate(sides.tolist())
    }
    finding = found(check_images(write_files(tmp_path / "set", files)), "sizes")
    assert (finding.severity, finding.items) == ("warning", ()) and "differ in size" in finding.message


def test_imbalance_and_missing_classes(tmp_path: Path) -> None:
    images, _ = some_images(44, (1, 4, 4), num_classes=2, seed=0)
    labels = np.array([0] * 36 + [1] * 2 + [3] * 2)
    np.savez(tmp_path / "set.npz", x_train=images[:40], y_train=labels, x_test=images[40:], y_test=[0, 1, 2, 3])
    findings = check_images(tmp_path / "set.npz")
    assert found(findings, "imbalance").severity == "warning"
    assert "0 (37), is 37 times the smallest, 2 (1)" in found(findings, "imbalance").message
    missing = found(findings, "missing classes")
    assert missing.severity == "error" and "train lacks 1 (2)" in missing.message


def test_arrays_are_named_by_index(tmp_path: Path) -> None:
    images, labels = some_images(30, (1, 4, 4), num_classes=3, seed=0)
    images[7] = images[4]
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "labels.npy", labels)
    findings = check_images(tmp_path / "images.npy", labels=tmp_path / "labels.npy")
    items = {*found(findings, "duplicates").items, *found(findings, "leaks").items}
    assert items == {4, 7}


def test_what_cannot_be_looked_through_raises(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no pictures"):
        check_images(write_zip(tmp_path / "a.zip", {"a/notes.txt": b"x"}))
    with pytest.raises(DataError, match="did you mean"):
        check_images("mnits")


def test_unreadable_held_out_pictures_leave_the_splits_in_place(tmp_path: Path) -> None:
    files = split_folders()
    files["test/ant/000.png"] = b"no picture"
    findings = check_images(write_files(tmp_path / "set", files))
    assert [finding.kind for finding in findings if finding.severity != "ok"] == ["unreadable"]


def test_pictures_of_several_sizes_are_checked_with_the_option_that_the_message_names(tmp_path: Path) -> None:
    files = {**class_folders(), "ant/big.png": png_bytes(np.zeros((3, 20, 30), dtype=np.uint8))}
    folder = write_files(tmp_path / "set", files)
    done = papilio("data", "check", folder)
    assert "pictures differ in size" in done.stdout and "set one size: --size 5" in done.stdout
    done = papilio("data", "check", folder, "--size", "5")
    assert "pictures of 6 x 5 (24), 20 x 30 (1) [height x width] will be scaled and cropped to 5 x 5" in done.stdout
    assert "differ in size" not in done.stdout
    done = papilio("data", "info", folder)
    assert done.returncode == 2 and done.stderr.rstrip().endswith("set one size: --size 5")
    rows = [f"{name},{name.split('/')[0]}" for name in files]
    (folder / "labels.csv").write_text("\n".join(rows))
    done = papilio("data", "check", folder, "--labels", folder / "labels.csv")
    assert done.returncode == 2 and "--size 5" in done.stderr
    done = papilio("data", "check", folder, "--labels", folder / "labels.csv", "--size", "5")
    assert done.returncode in (0, 1) and not done.stderr


def test_folders_that_may_be_splits_are_told_of(tmp_path: Path) -> None:
    """training_set/cat and test_set/cat were two classes, without a word."""
    files = {
        f"{top}/{name}": content for top in ("training_set", "test_set") for name, content in class_folders().items()
    }
    pets = write_files(tmp_path / "pets", files)
    said = "test_set and training_set hold the same folders; if they are splits, rename them train, valid and test"
    assert said in load_images(pets).notes
    assert found(check_images(pets), "splits") == Finding("splits", "warning", said, ("test_set", "training_set"))


def test_classes_are_not_missing_in_a_split_that_is_switched_off(tmp_path: Path) -> None:
    pets = write_files(tmp_path / "pets", class_folders())
    assert found(check_images(pets, validation=0, test=0), "missing classes").severity == "ok"


def test_an_image_that_both_hold_out_was_not_trained_on() -> None:
    pixels = np.arange(6, dtype=np.uint8).repeat(4).reshape(6, 1, 2, 2)
    known = load_images(pixels, np.arange(6) % 2, validation=0, test=0)
    one, other, held_out = np.array([0]), np.array([1]), np.array([2, 3])
    mine = replace(known, train=one, validation=other, test=held_out)
    shown = pixels[[2, 3, 3, 4, 5, 0]]  # image 2 is trained on; 3 is, too, but also held out there
    theirs = replace(known, images=shown, train=np.array([0, 1]), validation=np.array([3]), test=np.array([2]))
    assert num_trained_on(mine, theirs) == 1


def test_test_images_are_compared_with_training_images_and_with_those_that_choose() -> None:
    known = uneven_set()
    pixels = known.images.copy()
    pixels[[known.validation[0], known.test[0]]] = pixels[known.train[:2]]
    pixels[known.test[1]] = pixels[known.validation[1]]
    validation, test = leak_notes(replace(known, images=pixels))
    assert validation.startswith("1 validation image has the same pixels as training images")
    assert test.startswith("2 test images have the same pixels as training or validation images")
