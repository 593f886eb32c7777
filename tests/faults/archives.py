"""Zip and tar archives that are damaged, hostile or odd."""

from __future__ import annotations

import functools
import gzip
import io
import lzma
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable

from tests.faults.damage import damaged
from tests.faults.harness import Fault
from tests.faults.pictures import good_set, odd_picture, write_files

COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
LARGE_BYTES, MANY = 10**7, 1000
TAR_FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
ODD_NAMES = (
    "a\nb.png",
    "c" * 300 + ".png",
    "../x.png",
    "/x.png",
    "",
    ".",
    "x\0.png",
    "café.png",
    "a//b.png",
    "\udce9.png",
)
PAX_KEYS = (
    "size",
    "path",
    "GNU.sparse.size",
    "GNU.sparse.map",
    "GNU.sparse.name",
    "GNU.sparse.major",
    "mtime",
    "hdrcharset",
)
PAX_VALUES = ("-1", "x", "1e9", "99999999999999999999", "", "0,0,5", "1,2,3", "\udce9", "BINARY", "9" * 5000, "1")


def odd_archive(rng: random.Random) -> Fault:
    """An archive of class folders, looked at by one of the commands that read sets."""
    way, make = rng.choice(list(WAYS.items()))
    suffix, content = make(rng)
    name = f"set{suffix}"
    command = rng.choice((("data", "check", name), ("data", "info", name), ("data", "info", name, "--size", "8")))
    return Fault(f"{suffix} {way}: {command[1]}", functools.partial(write_files, {name: content}), command, file="set")


def zip_bytes(files: dict[str, bytes], rng: random.Random) -> bytes:
    raw = io.BytesIO()
    # of much, or of many files, bzip2 and LZMA take half a minute
    is_large = len(files) > MANY or max(map(len, files.values())) > LARGE_BYTES
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED if is_large else rng.choice(COMPRESSIONS)) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, archive.compression)
    return raw.getvalue()


def tar_bytes(files: dict[str, bytes], rng: random.Random) -> bytes:
    raw = io.BytesIO()
    kinds = TAR_FORMATS if max(map(len, files)) < 100 else TAR_FORMATS[1:]  # the oldest has no long names
    with tarfile.open(fileobj=raw, mode="w", format=rng.choice(kinds)) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return raw.getvalue()


def _packed(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """A tar as it is, or gzipped."""
    if rng.random() < 0.5:
        return ".tar", content
    return rng.choice((".tar.gz", ".tgz")), gzip.compress(content, mtime=0)


def _either(rng: random.Random, files: dict[str, bytes]) -> tuple[str, bytes]:
    if rng.random() < 0.5:
        return ".zip", zip_bytes(files, rng)
    return _packed(tar_bytes(files, rng), rng)


def _damaged(rng: random.Random) -> tuple[str, bytes]:
    suffix, content = _either(rng, good_set(""))
    return suffix, damaged(content, rng)


def _damaged_inside(rng: random.Random) -> tuple[str, bytes]:
    """A tar that is damaged before it is packed, or a zip whose directory is."""
    if rng.random() < 0.6:
        return _packed(damaged(tar_bytes(good_set(""), rng), rng), rng)
    content = zip_bytes(good_set(""), rng)
    start = content.index(b"PK\x01\x02")
    return ".zip", content[:start] + damaged(content[start:], rng)


def _odd_names(rng: random.Random) -> tuple[str, bytes]:
    good = good_set("")
    files = good | {f"{rng.choice(('', '/ant/', 'ant/', 'café/'))}{rng.choice(ODD_NAMES)}": next(iter(good.values()))}
    if rng.random() < 0.3:
        files = {
            name.replace("bee", rng.choice(("b\udce9e", "b\ne", "\u00e9", "b" * 300))): one
            for name, one in files.items()
        }
    make: Callable[[random.Random, dict[str, bytes]], tuple[str, bytes]] = _either
    try:
        return make(rng, files)
    except UnicodeEncodeError:
        return _packed(tar_bytes(files, random.Random(0)), rng)  # zip has no such names


def _odd_picture(rng: random.Random) -> tuple[str, bytes]:
    _, suffix, content = odd_picture(rng)
    return _either(rng, good_set("") | {f"ant/odd{suffix}": content})


def _wrong_suffix(rng: random.Random) -> tuple[str, bytes]:
    suffix, content = _either(rng, good_set(""))
    return rng.choice([one for one in (".zip", ".tar", ".tar.gz", ".tgz") if one != suffix]), content


def _pax(rng: random.Random) -> tuple[str, bytes]:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in good_set("").items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            if rng.random() < 0.4:
                info.pax_headers = {rng.choice(PAX_KEYS): rng.choice(PAX_VALUES)}
            archive.addfile(info, io.BytesIO(content))
    content = raw.getvalue()
    if rng.random() < 0.5:
        content = content.replace(b" path=", rng.choice((b"x path=", b" path", b"\n path=")), 1)
    return _packed(content, rng)


def _long_names(rng: random.Random) -> tuple[str, bytes]:
    """Thousands of headers that each say the name of the next one."""
    kind = rng.choice((b"L", b"K", b"x", b"g"))
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = kind, 8
    body = {b"x": b"8 a=bcd\n", b"g": b"8 a=bcd\n"}.get(kind, b"a/b.png\0").ljust(512, b"\0")
    header = info.tobuf(tarfile.USTAR_FORMAT)[:512]
    return _packed((header + body) * rng.choice((10, 2000, 5000)) + tar_bytes(good_set(""), rng), rng)


def _sparse(rng: random.Random) -> tuple[str, bytes]:
    """A member of some bytes that says it is of gigabytes, with holes."""
    size = rng.choice((10**6, 2**30 - 1, 4 * 2**30))
    info = tarfile.TarInfo("ant/hole.png")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 512
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT)[:512])
    header[386:410] = tarfile.itn(0, 12) + tarfile.itn(512, 12)
    header[483:495] = tarfile.itn(size, 12)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return _packed(bytes(header) + rng.randbytes(512) + tar_bytes(good_set(""), rng), rng)


def _bomb(rng: random.Random) -> tuple[str, bytes]:
    """Much of nothing: one large member, or very many empty ones."""
    if rng.random() < 0.5:
        return _either(rng, good_set("") | {"ant/zero.png": bytes(rng.choice((10**6, 10**8)))})
    num = rng.choice((2_000, 30_000))
    return _either(rng, good_set("") | {f"ant/{number}.txt": b"" for number in range(num)})


def _sizes(rng: random.Random) -> tuple[str, bytes]:
    """A zip whose sizes, offsets or methods are other than they are."""
    content = bytearray(zip_bytes(good_set(""), rng))
    start = rng.choice(
        [index for index in range(len(content)) if content[index : index + 4] in (b"PK\x01\x02", b"PK\x03\x04")]
    )
    at = start + rng.choice((6, 8, 10, 12, 14, 18, 20, 22, 24, 28, 30, 42))
    content[at : at + 4] = struct.pack("<I", rng.choice((0, 1, 14, 99, 2**31, 2**32 - 1, 2**20)))
    return ".zip", bytes(content)


def _understated(rng: random.Random) -> tuple[str, bytes]:
    """A zip with a member that unpacks to far more than its size says."""
    kind = rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    size = rng.choice((2**20, 2**26, 2**28))
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", kind) as archive:
        for name, content in (good_set("") | {"ant/zero.png": bytes(size)}).items():
            archive.writestr(zipfile.ZipInfo(name), content, kind)
    return ".zip", raw.getvalue().replace(struct.pack("<I", size), struct.pack("<I", rng.choice((0, 1000))))


def _other_directory(rng: random.Random) -> tuple[str, bytes]:
    """A zip whose directory names other members than are there, or the same one twice."""
    content, names = zip_bytes(good_set(""), rng), list(good_set(""))
    start = content.index(b"PK\x01\x02")
    one, other = rng.sample(names, 2)
    where = slice(start, None) if rng.random() < 0.5 else slice(0, start)
    changed = content[where].replace(one.encode(), rng.choice((other, "x" * len(one))).encode())
    return ".zip", content[:start] + changed if where.start else changed + content[start:]


def _long_header(rng: random.Random) -> tuple[str, bytes]:
    """A header about the next member with very many entries."""
    info = tarfile.TarInfo("x")
    content = rng.choice((b"12 comment=\n", b"8 a=bcd\n", b"a/b/c/d/")) * rng.choice((1000, 10**6, 10**7))
    info.type, info.size = rng.choice((b"x", b"g", b"L", b"K")), len(content)
    header = info.tobuf(tarfile.USTAR_FORMAT)[:512] + content + bytes(-len(content) % 512)
    return ".tgz", gzip.compress(header + tar_bytes(good_set(""), rng), 1, mtime=0)


def _xz(rng: random.Random) -> tuple[str, bytes]:
    return rng.choice((".tar.xz", ".tar.gz", ".tar", ".zip")), lzma.compress(tar_bytes(good_set(""), rng))


def _noise(rng: random.Random) -> tuple[str, bytes]:
    suffix = rng.choice((".zip", ".tar", ".tar.gz", ".tgz"))
    return suffix, rng.choice(
        (b"", b"PK\5\6" + bytes(18), b"\x1f\x8b\x08", rng.randbytes(2000), bytes(10240), bytes(512))
    )


WAYS = {
    "damaged": _damaged,
    "damaged again": _damaged,
    "damaged inside": _damaged_inside,
    "odd names": _odd_names,
    "odd picture": _odd_picture,
    "wrong suffix": _wrong_suffix,
    "pax": _pax,
    "long names": _long_names,
    "sparse": _sparse,
    "bomb": _bomb,
    "sizes": _sizes,
    "understated": _understated,
    "other directory": _other_directory,
    "long header": _long_header,
    "xz": _xz,
    "noise": _noise,
}
