"""What people bring as images, damaged, odd or too much: read, or refused in one line. Each was a fault once."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import struct
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from image_files import class_folders, png_bytes, tar_bytes, write_files, write_zip
from PIL import Image

from papilio import archives
from papilio.archives import read_archive
from papilio.cli import main
from papilio.data.check import check_images
from papilio.data.decoder_limits import pillow_limits
from papilio.data.decoding import decode_picture, probe_picture
from papilio.data.load import load_images
from papilio.data.parallel import map_threaded
from papilio.data.pictures import read_picture, read_whole_picture
from papilio.data.scaling import Window, cut
from papilio.errors import DataError, SettingError
from papilio.files import StorageError, open_regular, storage_errors

ORIENTATION = 0x0112
SAMPLES_PER_PIXEL = 0x0115


def refused(path: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        load_images(path, **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert message.isprintable() and len(message) < 1000
    return message


def read_all(path: Path) -> list[str]:
    return [member.open().read() and member.name for member in read_archive(path) if not member.is_folder]


# pictures


def exif(kind: int, count: int, value: bytes) -> bytes:
    entry = struct.pack(">HHHI", 1, ORIENTATION, kind, count) + value
    return b"Exif\0\0MM\0*\0\0\0\x08" + entry + bytes(4)


@pytest.mark.parametrize(
    ("kind", "count", "value", "is_turned"),
    [
        (3, 1, b"\0\6\0\0", True),
        (2, 2, b"6\0\0\0", True),  # text
        (1, 1, b"\6\0\0\0", True),  # a byte
        (3, 2, b"\0\6\0\6", True),  # two numbers
        (3, 1, b"\0\x63\0\0", False),
        (99, 1, b"\0\6\0\0", False),
    ],
)
@pytest.mark.parametrize("suffix", ["JPEG", "PNG", "WEBP"])
def test_probe_and_decoder_agree_on_orientation(
    kind: int, count: int, value: bytes, is_turned: bool, suffix: str
) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 4)).save(file, suffix, exif=exif(kind, count, value))
    with pillow_limits():
        looks, picture = probe_picture(file), decode_picture(file, size=None, color="rgb")
    assert looks.size == picture.shape[1:] == ((8, 4) if is_turned else (4, 8))


def test_orientation_behind_the_pixels_of_a_png_is_found_by_the_probe() -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 4)).save(file, "PNG", exif=exif(3, 1, b"\0\6\0\0"))
    content = file.getvalue()
    start = content.index(b"eXIf") - 4
    length = 12 + int.from_bytes(content[start : start + 4])
    end = content.index(b"IEND") - 4
    moved = io.BytesIO(
        content[:start] + content[start + length : end] + content[start : start + length] + content[end:]
    )
    assert probe_picture(moved).size == decode_picture(moved, size=None, color="rgb").shape[1:] == (8, 4)


def test_a_phones_photograph_is_shrunk_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    Image.new("RGB", (40, 30), (200, 0, 0)).save(tmp_path / "photo.jpg")
    assert read_picture(tmp_path / "photo.jpg", shape=(3, 8, 8)).shape == (3, 8, 8)
    assert read_whole_picture(tmp_path / "photo.jpg", channel=3).shape == (3, 15, 20)
    Image.new("RGB", (40, 30)).save(tmp_path / "slow.jpg", progressive=True)
    with pytest.raises(DataError, match=r"40 wide and 30 high, 1,200 pixels, of which at most 1,000"):
        read_picture(tmp_path / "slow.jpg", shape=(3, 8, 8))


def test_a_thin_picture_is_looked_at_without_padding_it_to_a_square(tmp_path: Path) -> None:
    values = np.linspace(0, 255, 30_000).astype(np.uint8)[None]
    Image.fromarray(values).save(tmp_path / "thin.png")
    picture = read_whole_picture(tmp_path / "thin.png", channel=1)
    assert max(picture.shape) < 16_384
    tracemalloc.start()
    whole = cut(picture, Window(is_whole=True), (50, 50)).astype(int)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 2**24 < max(picture.shape) ** 2
    assert np.array_equal(whole[0, 0], whole[0, 49]) and np.all(np.diff(whole[0, 25]) >= 0)


def test_transparent_and_16_bit_pictures_are_what_they_were(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (700, 6200, 4), dtype=np.uint8)
    image = Image.fromarray(values)
    image.save(tmp_path / "a.png", compress_level=0)
    white = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    read = read_whole_picture(tmp_path / "a.png", channel=3)
    assert np.array_equal(read.transpose(1, 2, 0), np.asarray(white))


def test_what_libtiff_says_is_not_shown(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.tif"
    Image.effect_noise((64, 64), 50).save(path, compression="tiff_lzw")
    path.write_bytes(path.read_bytes()[:-3000] + bytes(3000))
    with pytest.raises(DataError, match=r"a\.tif"):
        read_picture(path, shape=(1, 8, 8))
    assert capfd.readouterr().err == ""


def test_what_pillow_logs_is_not_shown(tmp_path: Path) -> None:
    """Of a TIFF that says it has 1,987 values per pixel; where nobody listens to loggers Python writes to standard error."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, format="TIFF")
    num_samples = struct.pack("<HHI", SAMPLES_PER_PIXEL, 3, 1)
    assert buffer.getvalue().count(num_samples) == 1
    (tmp_path / "a.tif").write_bytes(buffer.getvalue().replace(num_samples + b"\3\0", num_samples + b"\xc3\7"))
    done = subprocess.run(
        [sys.executable, "-m", "papilio", "predict", "clock", tmp_path / "a.tif"], capture_output=True, text=True
    )
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "a.tif" in done.stderr


def test_pictures_are_known_by_their_content_and_others_left_out(tmp_path: Path) -> None:
    files = class_folders(12)
    renamed = {
        name.replace(".png", (".JFIF", "", ".data")[index % 3]): one for index, (name, one) in enumerate(files.items())
    }
    folder = write_files(tmp_path / "set", renamed | {"ant/notes": b"RIFFRAFF"})
    images = load_images(folder)
    assert len(images.images) == 12 and images.notes == ("1 file that is not a picture was ignored",)


def test_a_set_of_which_no_picture_can_be_read_is_told_so(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "set", {name: one[:30] for name, one in class_folders(6).items()})
    (finding, *_) = check_images(folder)
    assert finding.severity == "error" and len(finding.items) == 6
    assert "6 pictures cannot be read" in refused(folder)


# folders and names


def test_pipes_and_devices_are_no_pictures(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "set", class_folders())
    os.mkfifo(folder / "ant" / "pipe.png")
    (folder / "ant" / "zero.png").symlink_to("/dev/zero")
    (folder / "ant" / "loop.png").symlink_to("loop.png")
    message = refused(folder)
    assert "3 pictures cannot be read" in message and "ant/pipe.png (not a regular file)" in message
    with pytest.raises(DataError, match="not a regular file"):
        read_picture(folder / "ant" / "pipe.png", shape=(1, 8, 8))
    with pytest.raises(OSError, match="not a regular file"):
        open_regular(folder)


def test_folders_deeper_than_calls_may_be(tmp_path: Path) -> None:
    write_files(tmp_path / "set", class_folders())
    os.chdir(here := tmp_path / "set" / "ant")
    try:
        for _ in range(1200):
            Path("d").mkdir()
            os.chdir("d")
        for _ in range(1200):
            os.chdir("..")
        assert len(load_images(tmp_path / "set").images) == 24
    finally:
        os.chdir(here)
        subprocess.run(["rm", "-rf", "d"], check=True)  # Python's own has its limit
        os.chdir("/")


@pytest.mark.parametrize("name", [b"caf\xe9", b"two\nlines"])
def test_classes_whose_names_are_no_text_are_refused(tmp_path: Path, name: bytes) -> None:
    folder = write_files(tmp_path / "set", class_folders())
    (folder / "ant").rename(Path(os.fsdecode(os.fsencode(folder) + b"/" + name)))
    assert "has a name that is not UTF-8 or contains a line break; rename it" in refused(folder)
    raw = {os.fsdecode(name) + "/x.png" if key == "ant/000.png" else key: one for key, one in class_folders().items()}
    (tmp_path / "set.tar").write_bytes(tar_bytes(raw))
    assert "is not UTF-8" in refused(tmp_path / "set.tar")


def test_pictures_and_sets_whose_names_are_no_text_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = write_files(Path(os.fsdecode(os.fsencode(tmp_path) + b"/s\xe9t")), class_folders())
    (folder / os.fsdecode(b"ant/caf\xe9\n.png")).write_bytes(b"nothing")
    monkeypatch.setattr("sys.argv", ["papilio", "data", "check", str(folder)])
    with pytest.raises(SystemExit):
        main()
    assert r"ant/caf\udce9\n.png" in capfd.readouterr().out
    (folder / os.fsdecode(b"ant/caf\xe9\n.png")).unlink()
    images = load_images(folder)
    assert images.name == r"s\udce9t" and images.origin.isprintable()


@pytest.mark.parametrize("path", ["~nosuchuser/x", "x" * 300, "x" * 5000, "a\0b", "y" * 300 + "/a.npy"])
def test_paths_that_no_file_can_have(tmp_path: Path, path: str) -> None:
    refused(Path(path) if "\0" not in path else path)  # type: ignore[arg-type]
    with pytest.raises(DataError):
        read_picture(Path(path), shape=(1, 8, 8))
    with pytest.raises(DataError):
        load_images(tmp_path, labels=path, period=360)


# archives


def test_zip_members_of_every_damaged_compression_are_refused(tmp_path: Path) -> None:
    files = class_folders()
    for number, kind in enumerate((zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2)):
        path = tmp_path / f"{number}.zip"
        with zipfile.ZipFile(path, "w", kind) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        content = bytearray(path.read_bytes())
        start = content.index(b"ant/000.png") + len("ant/000.png")
        content[start + 2 : start + 40] = b"\xff" * 38
        path.write_bytes(content)
        assert "1 picture cannot be read: ant/000.png" in refused(path)
    (tmp_path / "xz.tar.gz").write_bytes(lzma.compress(tar_bytes(files)))
    assert "a damaged or incomplete archive" in refused(tmp_path / "xz.tar.gz")


@pytest.mark.parametrize("headers", [{"size": "x"}, {"size": "-1"}, {"GNU.sparse.map": "a,b"}, {"mtime": "x"}])
def test_malformed_pax_headers(tmp_path: Path, headers: dict[str, str]) -> None:
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in class_folders().items():
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = len(content), headers
            archive.addfile(info, io.BytesIO(content))
    if headers == {"mtime": "x"}:  # of which nobody asks
        assert len(load_images(tmp_path / "a.tar").images) == len(class_folders())
    else:
        assert refused(tmp_path / "a.tar").startswith(f"{tmp_path / 'a.tar'}: ")


def test_thousands_of_headers_for_one_name(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 8
    header = info.tobuf(tarfile.USTAR_FORMAT)[:512] + b"a/b.png".ljust(512, b"\0")
    (tmp_path / "a.tar").write_bytes(header * 5000 + tar_bytes(class_folders()))
    assert "a damaged or incomplete archive" in refused(tmp_path / "a.tar")


def test_holes_in_tars_are_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("ant/hole.png")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 512
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT)[:512])
    header[386:410] = b"%011o\0" % 0 + b"%011o\0" % 512
    header[483:495] = b"%011o\0" % 200_000_000
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    (tmp_path / "a.tar").write_bytes(bytes(header) + bytes(512) + tar_bytes(class_folders()))
    assert "member 'ant/hole.png' has holes; pack it again without --sparse" in refused(tmp_path / "a.tar")


def test_more_members_than_an_archive_of_its_size_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SMALL_MEMBERS", 20)
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(tar_bytes({f"{number}.txt": b"" for number in range(100)})))
    assert "more than 20 members" in refused(tmp_path / "a.tar.gz")


def test_names_in_zips_without_the_flag_for_utf_8(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"café/x.png": b"x"})
    content = path.read_bytes()
    for mark, at in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        start = content.index(mark) + at
        content = content[:start] + bytes((content[start], content[start + 1] & ~8)) + content[start + 2 :]
    path.write_bytes(content)
    assert read_all(path) == ["café/x.png"]


def test_a_member_without_a_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar_bytes({"./": b"x", **class_folders()}))
    assert "a member without a name" in refused(tmp_path / "a.tar")


def test_a_member_of_a_zip_without_a_name_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"unnamed.png": b"x", **class_folders()})
    path.write_bytes(path.read_bytes().replace(b"unnamed.png", b"\0nnamed.png"))  # a name ends where a NUL is
    assert "a member without a name" in refused(path)


def test_large_items_are_not_held_in_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("papilio.data.parallel.MAX_BYTES", 100)
    monkeypatch.setattr("papilio.data.parallel.TASK_BYTES", 10)
    taken: list[int] = []

    def items() -> object:
        for number in range(200):
            taken.append(number)
            yield number

    results = map_threaded(lambda number: number, items(), num_bytes=lambda number: 10)  # type: ignore[arg-type]
    assert next(results) == 0 and len(taken) <= 11
    assert list(results) == list(range(1, 200))


# arrays


def header(text: str, version: int = 1) -> bytes:
    body = text.encode("latin-1")
    return b"\x93NUMPY" + bytes((version, 0)) + struct.pack("<H" if version == 1 else "<I", len(body)) + body


@pytest.mark.parametrize(
    "content",
    [
        header("[" * 5000),
        header("-" * 9000 + "1"),
        header("{'descr': '|u1', 'fortran_order': False, 'shape': (" + "9" * 5000 + ",)}"),
        header("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 4, 5)}"),
        header("{'descr': '|u1', 'fortran_order': False, 'shape': (18446744073709551615, 4, 5)}"),
        header("{'descr': [('a', 'O')], 'fortran_order': False, 'shape': (12,)}"),
        header(" " * 70_000, version=2),
        b"\x93NUMPY\2\0\xff\xff\xff\xff" + bytes(100),
        b"\x93NUMPY\x09\0\xff\xff",
    ],
)
def test_nested_huge_and_impossible_headers(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "images.npy").write_bytes(content)
    assert "images.npy: cannot be read as .npy" in refused(tmp_path / "images.npy")


@pytest.mark.parametrize("kind", ["uint8", "int8", "int16"])
def test_times_as_bytes(tmp_path: Path, kind: str) -> None:
    np.save(tmp_path / "images.npy", np.zeros((40, 4, 4), dtype=np.uint8))
    np.save(tmp_path / "labels.npy", np.stack([np.arange(40) % 12, np.arange(40)], axis=1).astype(kind))
    images = load_images(tmp_path / "images.npy", labels=tmp_path / "labels.npy")
    assert images.labels[39] == 39 % 12 * 60 + 39


@pytest.mark.parametrize("period", [5e-324, 1e300, float("inf"), float("nan"), -1.0])
def test_periods_out_of_range(period: float) -> None:
    with pytest.raises(SettingError, match="period = "):
        load_images("digits", period=period)


# tables


def write_table(folder: Path, text: str) -> Path:
    for number in range(4):
        write_files(folder / "set", {f"{number}.png": png_bytes(np.full((1, 6, 5), 20 * number, dtype=np.uint8))})
    (folder / "labels.csv").write_text(text)
    return folder / "labels.csv"


ROWS = "0.png,0\n1.png,90\n2.png,180\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (ROWS + "0.png,5\n", r"labels.csv, line 4: '0.png' is '5', but '0' in line 1; keep one of them"),
        (ROWS + "./0.png,5\n", r"labels.csv, line 4: './0.png' is '5', but '0' in line 1"),
        (ROWS + "3.png,1_0\n", "labels.csv, line 4: '1_0' is not a number"),
        (ROWS + "3.png,٣\n", "labels.csv, line 4: '٣' is not a number"),
        (ROWS + "3.png,3,5\n", "labels.csv, line 4: '3.png,3,5' has 3 cells, expected 2; decimals have a point"),
        ("file,value\n" + ROWS + "3.png,3,5\n", "line 5: '3.png,3,5' has 3 cells, expected 2"),
        ("0.png,twelve\n" + ROWS, "line 1: 'twelve' is not a number"),
        (ROWS + f"3.png,{'9' * 5000}x\n", "line 4: '999"),
        (ROWS + '"3\n.png",x\n', "line 5: 'x' is not a number"),
        (ROWS + '"3\n.png",5\n', "1 picture cannot be read"),
        (ROWS + "3.png\0,5\n", ""),
    ],
)
def test_rows_that_are_wrong_name_their_line(tmp_path: Path, text: str, complaint: str) -> None:
    table = write_table(tmp_path, text)
    message = refused(tmp_path / "set", labels=table, period=360)
    assert complaint in message and len(message) < 500


def test_a_picture_that_is_named_twice_with_one_value_counts_once(tmp_path: Path) -> None:
    table = write_table(tmp_path, f"file,bearing,who\n{ROWS.replace(chr(10), ',me' + chr(10))}./1.png,90.0,you\n")
    images = load_images(tmp_path / "set", labels=table, period=360)
    assert images.labels.tolist() == [0, 90, 180] and images.images[:, 0, 0, 0].tolist() == [0, 20, 40]


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (["dog", "cat", "dog", "cat"], ("cat", "dog")),
        ([10, 2, 10, 2], ("2", "10")),
        (["010", "2", "010", "2"], ("010", "2")),
    ],
)
def test_words_and_integers_without_a_period_are_classes(tmp_path: Path, values: list, names: tuple[str, ...]) -> None:
    rows = [f"{number}.png,{value}" for number, value in enumerate(values)]
    images = load_images(tmp_path / "set", labels=write_table(tmp_path, "\n".join(["file,label", *rows, rows[0]])))
    assert images.class_names == names and images.quantity is None
    assert [images.class_names[label] for label in images.labels] == [str(value) for value in values]
    rows.append(f"0.png,{values[1]}")
    message = refused(tmp_path / "set", labels=write_table(tmp_path, "\n".join(rows)))
    assert f"line 5: '0.png' is '{values[1]}', but '{values[0]}' in line 1" in message
    decimals = write_table(tmp_path, ROWS.replace("90", "9.5"))
    assert "numbers on a circle need a period: period = 360" in refused(tmp_path / "set", labels=decimals)


@pytest.mark.parametrize("is_cut", [True, False])
def test_unreadable_pictures_of_a_table_are_named(tmp_path: Path, is_cut: bool) -> None:
    table = write_table(tmp_path, ROWS + "3.tif,5\n")
    values = np.zeros((6, 5), dtype=np.uint8 if is_cut else np.int32)
    Image.fromarray(values).save(path := tmp_path / "set" / "3.tif")
    path.write_bytes(path.read_bytes()[: -20 if is_cut else None])
    assert "set: 1 picture cannot be read: 3.tif (" in refused(tmp_path / "set", labels=table, period=360)
    images = load_images(tmp_path / "set", table, period=360, unreadable="skip")
    assert len(images.images) == len(ROWS.splitlines()) == len(images.labels)
    assert images.notes[0].startswith('1 picture that cannot be read was left out (unreadable = "skip"): 3.tif (')
    findings = {one.kind: one for one in check_images(tmp_path / "set", labels=table, period=360)}
    assert (findings["unreadable"].severity, findings["unreadable"].items) == ("error", ("3.tif",))


def test_a_class_whose_pictures_cannot_be_read_is_none(tmp_path: Path) -> None:
    """It stayed, with no picture."""
    (tmp_path / "set").mkdir()
    names = {"ant": "abc", "bee": "de", "cicada": "f"}
    rows = [(f"{letter}.png", name) for name, letters in names.items() for letter in letters]
    for number, (file, name) in enumerate(rows):
        path = tmp_path / "set" / file
        Image.fromarray(np.full((6, 6), number, np.uint8)).save(path)
        if name == "bee":
            path.write_bytes(b"no picture")
    table = tmp_path / "set" / "table.CSV"
    table.write_text("".join(f"{file},{name}\n" for file, name in rows))
    images = load_images(tmp_path / "set", table, unreadable="skip", validation=0, test=0)
    assert images.class_names == ("ant", "cicada") and images.labels.tolist() == [0, 0, 0, 1]
    (tmp_path / "set" / "f.png").write_bytes(b"no picture")
    with pytest.raises(
        DataError, match=r"only one class has a picture that can be read, ant; .* \(3 pictures|only one"
    ):
        load_images(tmp_path / "set", table, unreadable="skip")


def test_errors_without_a_number_keep_their_words(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written \\(broken data stream\\)"), storage_errors(tmp_path):
        raise OSError("broken data stream")
