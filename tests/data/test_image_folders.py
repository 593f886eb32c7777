"""Folders and archives of pictures: layouts, faults, the cache."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_files import class_folders, png_bytes, split_folders, write_files, write_tar, write_zip

from papilio.data.layout import arrange
from papilio.data.load import load_images
from papilio.data.members import one_size
from papilio.errors import DataError, SettingError, StorageError


def cached_files() -> list[Path]:
    return sorted(Path(os.environ["PAPILIO_CACHE"]).glob("pictures/*"))


def test_folder_zip_and_tar_are_the_same_set(tmp_path: Path) -> None:
    files = class_folders()
    backwards = dict(reversed(files.items()))
    sources = [
        write_files(tmp_path / "folder", files),
        write_zip(tmp_path / "a.zip", backwards),
        write_tar(tmp_path / "a.tar", files),
        write_tar(tmp_path / "a.tar.gz", {f"wrap/{name}": content for name, content in backwards.items()}),
    ]
    assert len({load_images(source).checksum for source in sources}) == 1


def test_pixels_and_classes_are_those_of_the_files(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (3, 4, 6), dtype=np.uint8)
    files = {"b/x.png": png_bytes(image), "a/y.png": png_bytes(image // 2), "a/z.PNG": png_bytes(image // 3)}
    images = load_images(write_files(tmp_path / "set", files))
    assert images.class_names == ("a", "b")
    assert images.labels.tolist() == [0, 0, 1]
    assert np.array_equal(images.images, np.stack([image // 2, image // 3, image]))


def test_splits_that_come_with_the_set_are_kept(tmp_path: Path) -> None:
    images = load_images(write_files(tmp_path / "set", split_folders()))
    assert [len(images.indices(name)) for name in ("train", "validation", "test")] == [12, 6, 9]


def test_missing_splits_are_drawn_from_training(tmp_path: Path) -> None:
    files = {name: content for name, content in split_folders().items() if not name.startswith("test")}
    images = load_images(write_files(tmp_path / "set", files), test=0.5)
    assert [len(images.indices(name)) for name in ("train", "validation", "test")] == [6, 6, 6]


def test_numbered_classes_are_in_the_order_of_numbers() -> None:
    layout = arrange("set", [f"{number}/a.png" for number in range(12)], [])
    assert layout.class_names == tuple(str(number) for number in range(12))


@given(st.permutations([*class_folders(), ".DS_Store", "ant/Thumbs.db", "__MACOSX/ant/._000.png", "notes.txt"]))
def test_order_depends_on_names_alone(names: list[str]) -> None:
    layout, straight = arrange("set", names, []), arrange("set", sorted(names), [])
    assert layout.rows == straight.rows
    assert np.array_equal(layout.labels, straight.labels)
    assert len(layout.others) == 1


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ([], "no pictures"),
        (["a/notes.txt", ".hidden/x.png"], "no pictures"),
        (["a/x.png", "a/y.png"], "only one class, a"),
        (
            ["x.png", "a/y.png"],
            'x.png is in no class folder; .*; set labels = "none" to use the pictures without classes',
        ),
        (["a/b/c/x.png", "b/b/x.png"], "is nested too deeply"),
        (["a/train/x.png", "b/train/x.png", "b/test/y.png"], "is nested too deeply"),
        (["train/x.png", "test/y.png"], "in a split but in no class folder"),
        (["valid/a/x.png", "test/b/x.png"], "no train"),
        (["train/a/x.png", "val/a/x.png", "valid/b/x.png"], "both the validation split"),
        (["a/x.png", "b/x.png", "c/notes.txt"], "folder c has no pictures"),
        (["train/a/x.png", "train/b/x.png", "extra/a/x.png"], "too deep"),
    ],
)
def test_other_layouts_are_refused(files: list[str], complaint: str) -> None:
    with pytest.raises(DataError, match=complaint) as caught:
        arrange("set", files, [])
    assert str(caught.value).startswith("set: ")


def test_folders_in_folders_are_classes_by_their_whole_path() -> None:
    """As Omniglot has them: alphabet/character."""
    layout = arrange("set", ["a/1/x.png", "a/2/x.png", "b/1/x.png", "b/1/y.png"], ["a", "b"])
    assert layout.class_names == ("a/1", "a/2", "b/1") and layout.labels.tolist() == [0, 1, 2, 2]
    layout = arrange("set", ["train/a/1/x.png", "train/b/1/x.png", "test/b/1/y.png"], [])
    assert layout.class_names == ("a/1", "b/1") and layout.given["test"].tolist() == [0]
    with pytest.raises(DataError, match="folder a/3 has no pictures"):
        arrange("set", ["a/1/x.png", "b/1/x.png"], ["a/3"])


def test_a_tar_may_have_an_entry_for_the_folder_itself(tmp_path: Path) -> None:
    """`tar -C folder -cf a.tar .` has an entry `./`, which was taken for a folder without pictures and without a name."""
    write_files(tmp_path / "set", class_folders())
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(tmp_path / "set", arcname=".")
    assert load_images(tmp_path / "a.tar").checksum == load_images(tmp_path / "set").checksum


def test_a_link_back_to_a_folder_around_it_ends(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "set", class_folders())
    (folder / "ant" / "back").symlink_to(folder, target_is_directory=True)
    assert len(load_images(folder).images) == 24


def test_an_empty_class_folder_is_refused(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "set", class_folders())
    (folder / "dragonfly").mkdir()
    with pytest.raises(DataError, match="folder dragonfly has no pictures; fill it or remove it"):
        load_images(folder)


def test_other_files_are_counted_in_a_note(tmp_path: Path) -> None:
    files = {**class_folders(), "README.md": b"hello", "ant/.DS_Store": b"", "bee/Thumbs.db": b""}
    images = load_images(write_zip(tmp_path / "set.zip", files))
    assert images.notes == ("1 file that is not a picture was ignored",)


def test_different_sizes_need_a_size(tmp_path: Path) -> None:
    files = {**class_folders(), "ant/big.png": png_bytes(np.zeros((3, 20, 30), dtype=np.uint8))}
    folder = write_files(tmp_path / "set", files)
    with pytest.raises(DataError, match=r"6 x 5 \(24\), 20 x 30 \(1\) \[height x width\]; set one size: size = 5"):
        load_images(folder)
    images = load_images(folder, size=5)
    assert images.image_shape == (3, 5, 5)
    assert "scaled and cropped to 5 x 5" in images.notes[0]


def test_a_few_thumbnails_do_not_decide_the_size_that_is_advised() -> None:
    """One icon of 16 pixels among a thousand photographs had all of them made as small."""
    photographs = Counter({(60, 90): 980, (90, 60): 19, (16, 16): 1})
    assert one_size(photographs) == "set one size: size = 60"
    assert one_size(photographs + Counter({(16, 16): 100})) == "set one size: size = 16"


def test_grey_pictures_stay_grey(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "set", class_folders(shape=(1, 4, 4)))
    assert load_images(folder).image_shape == (1, 4, 4)
    assert load_images(folder, color="rgb").image_shape == (3, 4, 4)


def test_unreadable_pictures_are_named_and_counted(tmp_path: Path) -> None:
    broken = {f"ant/broken{number}.png": b"no picture" for number in range(4)}
    cut = {"bee/cut.png": next(iter(class_folders().values()))[:-30]}
    folder = write_files(tmp_path / "set", {**class_folders(), **broken, **cut})
    with pytest.raises(
        DataError,
        match=r"4 pictures cannot be read: ant/broken0\.png .*, and 1 more; remove or replace them, or set"
        r' unreadable = "skip" to leave them out; `papilio data check',
    ):
        load_images(folder)
    for name in broken:
        (folder / name).unlink()
    with pytest.raises(DataError, match=r"1 picture cannot be read: bee/cut\.png"):
        load_images(folder)
    assert cached_files() == []


@pytest.mark.parametrize("packed", ["folder", "zip"])
def test_unreadable_pictures_are_left_out_where_that_is_asked_for(packed: str, tmp_path: Path) -> None:
    files = class_folders()
    cut = {"bee/cut.png": next(iter(files.values()))[:-30]}  # its header says nothing of that
    write_files(tmp_path / "set", {**files, "ant/broken.png": b"no picture", **cut})
    path = tmp_path / "set"
    if packed == "zip":
        path = Path(shutil.make_archive(str(tmp_path / "set"), "zip", tmp_path / "set"))
    whole = load_images(write_files(tmp_path / "whole", files))
    for _ in range(2):  # the second time from the cache
        images = load_images(path, unreadable="skip")
        assert np.array_equal(images.images, whole.images) and np.array_equal(images.labels, whole.labels)
        (note,) = images.notes
        assert note.startswith('2 pictures that cannot be read were left out (unreadable = "skip"): ant/broken.png (')
        assert "bee/cut.png (image file is truncated" in note
    with pytest.raises(DataError, match=r"1 picture cannot be read: ant/broken\.png"):
        load_images(path)


def test_where_nothing_is_left_of_a_class_it_is_said_why(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "set", {**class_folders(), "cow/only.png": b"no picture"})
    with pytest.raises(DataError, match=r"folder cow has no pictures; .*\(1 picture .* left out: cow/only\.png \("):
        load_images(folder, unreadable="skip")


@pytest.mark.parametrize("source", ["digits", "images.npy", None])
def test_only_pictures_can_be_unreadable(source: str | None, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.zeros((4, 5, 5), np.uint8))
    given = np.zeros((4, 5, 5), np.uint8) if source is None else source
    given = tmp_path / "images.npy" if source == "images.npy" else given
    with pytest.raises(DataError, match="unreadable is only for pictures in folders"):
        load_images(given, unreadable="skip")
    with pytest.raises(SettingError, match="unreadable = 'ignore': allowed are 'error' and 'skip'"):
        load_images(given, unreadable="ignore")  # pyright: ignore[reportArgumentType]


def test_dangling_links_are_unreadable(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "set", class_folders())
    (folder / "ant" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(DataError, match=r"ant/gone\.png"):
        load_images(folder)


def test_decoded_images_are_reused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_files(tmp_path / "set", class_folders())
    first = load_images(folder)
    assert isinstance(first.images, np.memmap) and not first.images.flags.writeable
    monkeypatch.setattr("papilio.data.folders.decode_picture", None)
    assert load_images(folder).checksum == first.checksum
    assert len(cached_files()) == 2


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_changed_content_is_decoded_again(tmp_path: Path, kind: str) -> None:
    def write(seed: int) -> Path:
        files = class_folders(seed=seed, shape=(3, 6, 5))
        return write_zip(tmp_path / "a.zip", files) if kind == "zip" else write_files(tmp_path / "a", files)

    first = load_images(write(0)).images.copy()
    assert not np.array_equal(first, load_images(write(1)).images)


def test_a_file_replaced_under_its_old_date_and_size_is_noticed(tmp_path: Path) -> None:
    # uncompressed pictures of one size all have one file size, and unpacked archives fixed dates
    files = {name: content + b"\0" for name, content in class_folders().items()}
    folder = write_files(tmp_path / "set", files)
    first = load_images(folder)
    path = folder / "ant" / "000.png"
    facts, content = path.stat(), png_bytes(np.zeros((3, 6, 5), dtype=np.uint8))
    path.write_bytes(content + bytes(facts.st_size - len(content)))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert path.stat().st_size == facts.st_size
    assert load_images(folder).checksum != first.checksum


def test_settings_have_their_own_cache(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "set", class_folders())
    assert load_images(folder).image_shape == (3, 6, 5)
    assert load_images(folder, size=4).image_shape == (3, 4, 4)
    assert load_images(folder, size=4, color="grey").image_shape == (1, 4, 4)


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_a_torn_cache_is_made_again(tmp_path: Path, suffix: str) -> None:
    folder = write_files(tmp_path / "set", class_folders())
    first = load_images(folder).checksum
    (torn,) = [path for path in cached_files() if path.suffix == suffix]
    torn.write_bytes(torn.read_bytes()[:100])
    assert load_images(folder).checksum == first


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_files(tmp_path / "set", class_folders())

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("papilio.files.os.fsync", no_space)
    with pytest.raises(StorageError, match="the disk is full"):
        load_images(folder)
    assert cached_files() == []


def test_progress_ends_at_the_number_of_pictures(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    load_images(write_zip(tmp_path / "a.zip", class_folders()), progress=lambda *args: told.append(args))
    assert told[-1] == (24, 24, "decoding a.zip")
    assert told[0] == (1, 0, "looking through a.zip")
