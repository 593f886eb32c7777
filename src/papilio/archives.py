"""Zip and tar archives, read member by member, names checked and sizes bounded; nothing is unpacked to disk."""

from __future__ import annotations

import bz2
import contextlib
import copy
import gzip
import io
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from papilio.errors import DataError, reason_of
from papilio.files import open_regular

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
MAX_BYTES = 64 * 2**30
MAX_MEMBER_BYTES = 2**28
# a picture hardly shrinks in an archive, a bomb grows a thousandfold; small archives may be padded more
MAX_RATIO = 200
SMALL_BYTES = 2**28
# a member takes more than that of any archive, packed or not
MIN_MEMBER_BYTES = 64
SMALL_MEMBERS = 50_000
BLOCK_BYTES = 512
STEP_BYTES = 2**20
# of headers of a tar that say the names and more of other members: beyond some, as many bytes as a member may need
MAX_HEADER_BYTES, HEADER_BYTES_OF_A_MEMBER = 2**22, 2**12
HEADER_TYPES = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
UTF_8_FLAG = 0x800
# what damaged headers and streams make the libraries raise
BROKEN = (
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    RuntimeError,  # RecursionError and NotImplementedError, too
    MemoryError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    tarfile.TarError,
)


@dataclass(frozen=True)
class Member:
    """One file or folder of an archive. `open` gives its bytes, and only until the next member is asked for."""

    name: str
    size_bytes: int
    is_folder: bool
    open: Callable[[], IO[bytes]]


def is_archive(path: Path) -> bool:
    """Whether the path's name is one of a zip or tar archive."""
    return path.name.lower().endswith(SUFFIXES)


def read_archive(path: Path) -> Iterator[Member]:
    """The members of a zip or tar archive in the order they are stored.

    Raises DataError, in one line, for an archive that is damaged, cut short or encrypted, that would unpack to too
    much, that names one member twice, or whose names point out of it (absolute, '..', links, devices).
    """
    walk = _read_zip if path.name.lower().endswith(".zip") else _read_tar
    seen: set[str] = set()
    most = max(SMALL_MEMBERS, path.stat().st_size // MIN_MEMBER_BYTES)
    with _one_line_errors(path):
        for num, member in enumerate(walk(path), start=1):
            if num > most:
                raise DataError(f"{path}: has more than {most:,} members, the most that are read from one of its size")
            if member.name in seen and not member.is_folder:
                raise DataError(f"{path}: holds {member.name} twice; pack it again")
            seen.add(member.name)
            yield member


def safe_name(path: Path, name: str, *, is_folder: bool = False) -> str:
    """The member's name with forward slashes. Raises DataError for one that would leave the archive, or for no name."""
    cleaned = name.replace("\\", "/")
    parts = [part for part in cleaned.split("/") if part not in ("", ".")]
    if not parts and not is_folder:
        raise DataError(f"{path}: has a member without a name; pack it again")
    if cleaned.startswith("/") or re.match(r"[A-Za-z]:", cleaned) or ".." in parts or "\0" in cleaned:
        raise DataError(f"{path}: member {name!r} points out of the archive; it is not read, pack it again")
    return "/".join(parts)


def _read_zip(path: Path) -> Iterator[Member]:
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        refuse_too_much(path, sum(info.file_size for info in members), unpacking_limit(path))
        for info in members:
            name, mode = _zip_name(info), info.external_attr >> 16
            if stat.S_ISLNK(mode):
                raise DataError(f"{path}: member {name!r} is a link; pack the pictures themselves")
            if info.flag_bits & 1:
                raise DataError(f"{path}: member {name!r} is encrypted; pack it again without a password")
            yield _member(
                path, name, info.file_size, info.filename.endswith("/"), lambda info=info: open_in_zip(archive, info)
            )


def open_in_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    """A member of a zip, for reading; what is unpacked at once is bounded, and no more than the archive says of its size.

    Raises one of `BROKEN` for a damaged member.
    """
    if info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return io.BufferedReader(_InSteps(archive.open(info)))
    # the library unpacks all that there is of these, and only then goes by the size
    packed = copy.copy(info)
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, info.compress_size
    del packed.CRC
    with archive.open(packed) as file:
        content = _unpacked(file.read(), info)
    if len(content) != info.file_size or zlib.crc32(content) != info.CRC:
        raise zipfile.BadZipFile(f"{info.filename!r} is not what its checksum and size say")
    return io.BytesIO(content)


def _unpacked(packed: bytes, info: zipfile.ZipInfo) -> bytes:
    """The bytes of a member that is packed with bzip2 or LZMA; at most one more than the archive says."""
    if info.compress_type == zipfile.ZIP_BZIP2:
        return bz2.BZ2Decompressor().decompress(packed, info.file_size + 1)
    if info.compress_type != zipfile.ZIP_LZMA:
        raise NotImplementedError(f"compression method {info.compress_type}")
    num_properties = struct.unpack("<H", packed[2:4])[0]
    # zip's header of LZMA, as that of a file of its own, of which the size is not known
    alone = packed[4 : 4 + num_properties] + b"\xff" * 8 + packed[4 + num_properties :]
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=MAX_MEMBER_BYTES)
    return decompressor.decompress(alone, info.file_size)


class _InSteps(io.RawIOBase):
    """A member's bytes: of many that are asked for at once, the library unpacks more than the archive says there are."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self.file.read(min(len(buffer), STEP_BYTES))
        buffer[: len(content)] = content
        return len(content)

    def seek(self, position: int, whence: int = 0) -> int:
        return self.file.seek(position, whence)

    def tell(self) -> int:
        return self.file.tell()

    def close(self) -> None:
        self.file.close()
        super().close()


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The member's name: UTF-8 is often written without the flag that says so."""
    if not info.flag_bits & UTF_8_FLAG:
        with contextlib.suppress(UnicodeError):
            return info.filename.encode("cp437").decode("utf-8")
    return info.filename


def _read_tar(path: Path) -> Iterator[Member]:
    with contextlib.ExitStack() as stack:
        raw = stack.enter_context(open_regular(path))
        plain = raw if path.name.lower().endswith(".tar") else stack.enter_context(gzip.GzipFile(fileobj=raw))
        source = _Bounded(cast(IO[bytes], plain), path)
        archive = stack.enter_context(tarfile.open(fileobj=cast(IO[bytes], source), mode="r:", tarinfo=_Header))
        while (info := archive.next()) is not None:
            cast(Any, archive).members.clear()  # a list of all members is of no use, and may be of any length
            source.most_header_bytes += HEADER_BYTES_OF_A_MEMBER
            if not info.isfile() and not info.isdir():
                raise DataError(f"{path}: member {info.name!r} is a link or a device; pack the pictures themselves")
            if info.issparse():
                raise source.holes(info.name)
            yield _member(path, info.name, info.size, info.isdir(), lambda info=info: _extract(archive, info))
        source.refuse_bad_end()


def _extract(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(info)
    content = file.read() if file is not None else b""
    if len(content) != info.size:
        raise EOFError(f"{info.name} ends after {len(content)} of {info.size} bytes")
    return io.BytesIO(content)


def _member(path: Path, name: str, size_bytes: int, is_folder: bool, opener: Callable[[], IO[bytes]]) -> Member:
    if size_bytes > MAX_MEMBER_BYTES:
        raise DataError(
            f"{path}: member {name!r} unpacks to {size_bytes:,} bytes, at most {MAX_MEMBER_BYTES:,} are read; leave it out"
        )
    return Member(safe_name(path, name, is_folder=is_folder), size_bytes, is_folder, opener)


def unpacking_limit(path: Path) -> int:
    """How many bytes an archive of its size may unpack to."""
    return min(MAX_BYTES, max(SMALL_BYTES, MAX_RATIO * path.stat().st_size))


def refuse_too_much(path: Path, num_bytes: int, limit_bytes: int) -> None:
    """Raise DataError where an archive unpacks to more than that."""
    if num_bytes > limit_bytes:
        raise DataError(
            f"{path}: unpacks to {num_bytes:,} bytes or more, at most {limit_bytes:,} are read from an archive of its size;"
            " unpack it yourself if you trust it, and give the folder"
        )


class _Header(tarfile.TarInfo):
    """A member's header, which may be one about other members: of these `_Bounded` counts the bytes.

    `tarfile` has `_proc_member` for subclasses to replace. What holes a member has is not read at all.
    """

    def _proc_member(self, archive: Any) -> Any:
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise archive.fileobj.holes(self.name)
        if self.type in HEADER_TYPES:
            archive.fileobj.take_header(self.size)
        return cast(Any, super())._proc_member(archive)

    def _proc_gnusparse_10(self, following: tarfile.TarInfo, headers: Any, archive: Any) -> None:
        raise archive.fileobj.holes(following.name)


class _Bounded:
    """A tar's bytes for `tarfile`: stops at the limit, and keeps the last block, which tells if the end is there."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self.file = file
        self.path = path
        self.limit_bytes = unpacking_limit(path)
        self.last_block = b""
        self.most_header_bytes = MAX_HEADER_BYTES  # that are still to come

    def read(self, num_bytes: int = -1) -> bytes:
        refuse_too_much(self.path, self.file.tell() + max(num_bytes, 0), self.limit_bytes)
        content = self.file.read(num_bytes)
        self.last_block = content
        return content

    def seek(self, position: int, whence: int = 0) -> int:
        refuse_too_much(self.path, position, self.limit_bytes)
        return self.file.seek(position, whence)

    def tell(self) -> int:
        return self.file.tell()

    def take_header(self, num_bytes: int) -> None:
        """Note a header about other members; raises DataError where there are too many: each byte of them takes its time."""
        self.most_header_bytes -= num_bytes
        if self.most_header_bytes < 0:
            raise DataError(
                f"{self.path}: its headers of long names have more than {MAX_HEADER_BYTES:,} bytes, the most that are read;"
                " pack it again"
            )

    def holes(self, name: str) -> DataError:
        """Holes cost nothing in the archive, and all their bytes in memory."""
        return DataError(f"{self.path}: member {name!r} has holes; pack it again without --sparse")

    def refuse_bad_end(self) -> None:
        """Raise unless the last block is zero: `tarfile` takes a damaged header for the end, and says nothing."""
        if self.last_block != bytes(BLOCK_BYTES):
            raise EOFError(f"no end mark: cut short or damaged at byte {self.file.tell()}")
        # reading on to the end makes gzip check its checksum
        while self.file.read(2**20):
            refuse_too_much(self.path, self.file.tell(), self.limit_bytes)


@contextlib.contextmanager
def _one_line_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except BROKEN as error:
        raise DataError(
            f"{path}: a damaged or incomplete archive ({reason_of(error)}); fetch or pack it again"
        ) from error
