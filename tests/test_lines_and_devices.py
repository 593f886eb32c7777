"""Lines that stay lines whatever names are in them, and files that are not taken for devices, pipes or folders."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from papilio.cli import main
from papilio.data.progress import reading_progress
from papilio.errors import StorageError, one_line
from papilio.files import checksum, open_atomic, open_to_append
from papilio.offers.streams import Answer, asked
from papilio.study_folder import recorded_modules

ODD = "two\nlines\x1b[31m"


def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    monkeypatch.setattr(sys, "argv", ["papilio", *arguments])
    try:
        main()
    except SystemExit as end:
        assert end.code in (0, 2)  # a command may end with either
    out, err = capsys.readouterr()
    lines = [*out.splitlines(), *err.splitlines()]
    assert all(one_line(line) == line for line in lines), lines
    return lines


def test_names_with_line_breaks_and_escapes_are_printed_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = said(monkeypatch, capsys, "new", ODD)
    assert len(lines) == 2 and lines[0].startswith(r"two\nlines\x1b[31m.toml: ")
    title = f'title = "{ODD.encode("unicode_escape").decode()}"'.replace("\\x1b", "\\u001b")
    Path("s.toml").write_text(
        f'{title}\n[data]\nname = "digits"\n[model]\nfamily = "mlp"\n[train]\nepochs = 1\n[[stage]]\nname = "a"\n'
    )
    assert said(monkeypatch, capsys, "run", "s.toml", "--dry-run", "--out", ODD)[0] == r"two\nlines\x1b[31m"


def test_progress_stays_in_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("papilio.data.progress.BETWEEN_LINES", -1.0)
    reading_progress()(1, 2, f"looking through {ODD}")
    assert capsys.readouterr().err == r"looking through two\nlines\x1b[31m: 1 of 2" + "\n"


def test_a_name_that_is_no_text_is_refused_for_a_new_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "cannot be encoded as UTF-8" in said(monkeypatch, capsys, "new", "caf\udce9")[-1]
    assert "is too long" in said(monkeypatch, capsys, "new", "x" * 300)[-1]
    assert list(tmp_path.iterdir()) == []


def test_a_device_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    device = tmp_path / "null"
    try:
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except OSError:
        pytest.skip("only the administrator makes devices")
    with pytest.raises(StorageError, match="null: cannot be written"), open_atomic(device):
        pass
    assert stat.S_ISCHR(device.lstat().st_mode)
    assert list(tmp_path.iterdir()) == [device]


def test_a_link_to_a_device_gives_way_to_a_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev/null")
    with open_atomic(tmp_path / "link") as file:
        file.write(b"x")
    assert (tmp_path / "link").read_bytes() == b"x" and not (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("what", ["pipe", "folder", "loop", "device"])
def test_what_is_no_file_is_not_appended_to_or_waited_for(what: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    {
        "pipe": os.mkfifo,
        "folder": Path.mkdir,
        "loop": lambda path: path.symlink_to("x"),
        "device": lambda path: path.symlink_to("/dev/full"),
    }[what](path)
    with pytest.raises(OSError), open_to_append(path):
        pass


def test_a_pipe_has_no_checksum(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    with pytest.raises(OSError, match="not a regular file"):
        checksum(tmp_path / "x")


def test_a_name_that_no_file_can_have_does_not_take_the_others_answers() -> None:
    first, second = asked(["a.png", "x" * 300])
    assert first == Path("a.png") and isinstance(second, Answer) and "is too long" in str(second.error)


@pytest.mark.parametrize("place", ["x" * 300, "a\0b", "nowhere", 7, ["."]])
def test_a_folder_of_modules_that_cannot_be_is_none(place: object, tmp_path: Path) -> None:
    (tmp_path / "environment.json").write_text(json.dumps({"modules": place}))
    assert recorded_modules(tmp_path) is None


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    for content in (b"one", b"two"):
        with open_to_append(tmp_path / "x") as file:
            file.write(content)
    assert (tmp_path / "x").read_bytes() == b"onetwo"
