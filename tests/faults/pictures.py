"""Pictures that are damaged, cut short, odd, or not what they say."""

from __future__ import annotations

import functools
import io
import random
import struct
import zlib
from pathlib import Path

from PIL import Image
from tests.faults.damage import damaged
from tests.faults.harness import Fault

MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "GIF": ("L", "P", "1"),
    "TIFF": ("1", "L", "RGB", "RGBA", "I;16", "I", "F", "CMYK", "LAB"),
    "BMP": ("1", "L", "P", "RGB"),
    "WEBP": ("RGB", "RGBA"),
    "PPM": ("1", "L", "RGB", "I;16"),
}
SUFFIX = {"JPEG": ".jpg", "TIFF": ".tif"}
HEAD_BYTES = 200
CLASSES = ("ant", "bee")
SIDE = 12
FORMATS_OF_NUMBERS = "HIhiBbfd"


def pixels(mode: str, size: tuple[int, int], rng: random.Random) -> Image.Image:
    """A picture of noise."""
    if mode in ("I;16", "I", "F"):
        width, height = size
        kind = {"I;16": "H", "I": "i", "F": "f"}[mode]
        values = [rng.randrange(65536) for _ in range(width * height)]
        return Image.frombytes(mode, size, struct.pack(f"={len(values)}{kind}", *values))
    channels = {"1": "L", "P": "L", "LAB": "RGB"}.get(mode, mode)
    count = size[0] * size[1] * len(Image.new(channels, (1, 1)).getbands())
    image = Image.frombytes(channels, size, rng.randbytes(count))
    if mode == "LAB":
        return Image.frombytes("LAB", size, image.tobytes())
    return image if channels == mode else image.convert(mode)


def sound_picture(kind: str, mode: str, size: tuple[int, int], rng: random.Random, **options: object) -> bytes:
    """The bytes of a picture that any program reads."""
    file = io.BytesIO()
    pixels(mode, size, rng).save(file, kind, **options)
    return file.getvalue()


@functools.cache
def good_picture(seed: int) -> bytes:
    return sound_picture("PNG", "RGB", (SIDE, SIDE), random.Random(seed))


def write_files(files: dict[str, bytes], folder: Path) -> None:
    """Write files by their names, with the folders around them."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def good_set(prefix: str = "set/") -> dict[str, bytes]:
    """Class folders of a few good pictures."""
    return {f"{prefix}{name}/{i}.png": good_picture(10 * c + i) for c, name in enumerate(CLASSES) for i in range(4)}


def odd_picture(rng: random.Random) -> tuple[str, str, bytes]:
    """What is done to a picture, the suffix it should have, and its bytes."""
    way, make = rng.choice(list(WAYS.items()))
    kind, content = make(rng)
    suffix = (
        SUFFIX.get(kind, f".{kind.lower()}") if rng.random() < 0.9 else rng.choice((".png", ".jpg", ".gif", ".tif"))
    )
    return f"{kind} {way}", suffix, content


def probed_picture(rng: random.Random) -> Fault:
    """An odd picture in a class folder, looked at by one of the commands that read sets."""
    way, suffix, content = odd_picture(rng)
    files = good_set() | {f"set/{CLASSES[0]}/odd{suffix}": content}
    if rng.random() < 0.2:
        files = dict.fromkeys(files, content) if rng.random() < 0.5 else {f"set/odd{suffix}": content}
    size = ("--size", "8") if rng.random() < 0.5 else ()
    command = rng.choice((("data", "check", "set"), ("data", "info", "set", *size), ("data", "info", "set", *size)))
    return Fault(f"{way}: {' '.join(command)}", functools.partial(write_files, files), command, file="set")


def labeled_picture(rng: random.Random) -> Fault:
    """An odd picture that a table of values names."""
    way, suffix, content = odd_picture(rng)
    name = f"odd{suffix}"
    files = {f"set/{i}.png": good_picture(i) for i in range(6)} | {f"set/{name}": content}
    rows = [f"{i}.png,{10 * i}" for i in range(6)]
    rows.insert(rng.randrange(7), f"{name},50")
    files["labels.csv"] = ("\n".join(["file,value", *rows]) + "\n").encode()
    size = ("--size", "8") if rng.random() < 0.5 else ()
    what = rng.choice(("info", "info", "check"))
    command = ("data", what, "set", "--labels", "labels.csv", "--period", "360", *(size if what == "info" else ()))
    return Fault(f"{way}: {what}", functools.partial(write_files, files), command, file="set")


def predicted_picture(rng: random.Random) -> Fault:
    """An odd picture, read as a clock."""
    way, suffix, content = odd_picture(rng)
    name = f"odd{suffix}"
    more = ("--json",) if rng.random() < 0.5 else ()
    return Fault(way, functools.partial(write_files, {name: content}), ("predict", "clock", name, *more), file=name)


def exif_picture(rng: random.Random) -> Fault:
    """A JPEG, PNG, WebP or TIFF whose orientation is of any type, count and value."""
    kind = rng.choice(("JPEG", "PNG", "WEBP"))
    content = sound_picture(kind, "RGB", (SIDE, SIDE + 4), rng, exif=odd_exif(rng))
    name = f"odd{SUFFIX.get(kind, f'.{kind.lower()}')}"
    files = good_set() | {f"set/{CLASSES[0]}/{name}": content}
    command = rng.choice((("data", "check", "set"), ("data", "info", "set", "--size", "8"), ("data", "info", "set")))
    return Fault(f"exif {kind}: {command[1]}", functools.partial(write_files, files), command, file="set")


def odd_exif(rng: random.Random) -> bytes:
    """An EXIF block with an orientation that may be anything."""
    order = rng.choice("<>")
    mark = b"II" if order == "<" else b"MM"
    types, counts = (1, 2, 3, 4, 5, 7, 9, 10, 11, 12, 0, 13, 99), (1, 1, 1, 0, 2, 1000, 2**31)
    values = (bytes([rng.randrange(10)]) * 4, b"6\0\0\0", b"\0\6\0\0", b"\6\0\0\0", rng.randbytes(4))
    entries = [(0x0112, rng.choice(types), rng.choice(counts), rng.choice(values))]
    entries += [
        (rng.randrange(65536), rng.choice(types), rng.choice(counts), rng.randbytes(4)) for _ in range(rng.randrange(3))
    ]
    block = (
        mark
        + struct.pack(f"{order}HI", 42, 8)
        + struct.pack(f"{order}H", rng.choice((len(entries), len(entries), 60000)))
    )
    for tag, kind, count, value in entries:
        block += struct.pack(f"{order}HHI", tag, kind, count) + value
    block += struct.pack(f"{order}I", rng.choice((0, 0, 8, 2**31)))
    return b"Exif\0\0" + (block if rng.random() < 0.7 else damaged(block, rng))


def _random_kind(rng: random.Random) -> tuple[str, str]:
    kind = rng.choice(list(MODES))
    return kind, rng.choice(MODES[kind])


def _damaged(rng: random.Random) -> tuple[str, bytes]:
    kind, mode = _random_kind(rng)
    return kind, damaged(sound_picture(kind, mode, (SIDE, SIDE), rng), rng, head=HEAD_BYTES)


def _sound(rng: random.Random) -> tuple[str, bytes]:
    kind, mode = _random_kind(rng)
    size = rng.choice(((1, 1), (1, 300), (300, 1), (SIDE, SIDE), (97, 31), (500, 400)))
    return kind, sound_picture(kind, mode, size, rng)


def _thin(rng: random.Random) -> tuple[str, bytes]:
    sides = [rng.choice((1, 2, 7)), rng.choice((2000, 30_000, 60_000))]
    rng.shuffle(sides)
    return "PNG", sound_picture("PNG", rng.choice(("L", "RGB")), (sides[0], sides[1]), rng)


def _bomb(rng: random.Random) -> tuple[str, bytes]:
    """A PNG whose header says more pixels than its data have, or that unpacks to a great many."""
    width, height = rng.choice(
        ((30_000, 30_000), (2**31 - 1, 1), (1, 2**31 - 1), (2**31 - 1, 2**31 - 1), (9_000, 9_000))
    )
    data = zlib.compress(bytes(rng.choice((10, 10**6, 9_000 * 9_001))), 1)
    return "PNG", png((width, height), data)


def _many_frames(rng: random.Random) -> tuple[str, bytes]:
    frames = [pixels("P", (SIDE, SIDE), rng) for _ in range(20)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return "GIF", file.getvalue() if rng.random() < 0.3 else damaged(file.getvalue(), rng, head=HEAD_BYTES)


def _animated(rng: random.Random) -> tuple[str, bytes]:
    """A picture of several frames or pages, in formats that have them."""
    kind = rng.choice(("PNG", "TIFF", "WEBP"))
    frames = [pixels("RGB", (SIDE, SIDE), rng) for _ in range(rng.choice((2, 60)))]
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    return kind, file.getvalue() if rng.random() < 0.3 else damaged(file.getvalue(), rng)


def _transparent(rng: random.Random) -> tuple[str, bytes]:
    """A picture with a palette, or a color that is transparent, of which the entry may be of any length."""
    mode = rng.choice(("P", "L", "RGB", "1"))
    entry = {"P": rng.randbytes(rng.choice((1, 16, 256))), "L": 7, "RGB": (1, 2, 3), "1": 1}[mode]
    content = sound_picture("PNG", mode, (SIDE, SIDE), rng, transparency=entry)
    return "PNG", content if rng.random() < 0.4 else damaged(content, rng, head=HEAD_BYTES)


def _scans(rng: random.Random) -> tuple[str, bytes]:
    """A progressive JPEG, with its scans again and again."""
    content = sound_picture("JPEG", rng.choice(("L", "RGB", "CMYK")), (500, 400), rng, progressive=True)
    start = content.index(b"\xff\xda")
    return "JPEG", content[:-2] + content[start:-2] * rng.choice((0, 1, 30)) + content[-2:]


def _text_bomb(rng: random.Random) -> tuple[str, bytes]:
    """A PNG with a text or a profile that unpacks to a great deal, or is none."""
    kind = rng.choice((b"zTXt", b"iCCP", b"iTXt"))
    text = zlib.compress(bytes(rng.choice((10, 10**7))), 9)
    body = {b"zTXt": b"key\0\0", b"iCCP": b"name\0\0", b"iTXt": b"key\0\1\0\0\0"}[kind] + text
    return "PNG", png((SIDE, SIDE), zlib.compress(bytes(SIDE * (SIDE + 1))), extra=chunk(kind, body))


def _noise(rng: random.Random) -> tuple[str, bytes]:
    kind = rng.choice(list(MODES))
    return kind, rng.choice(
        (b"", b"\0", rng.randbytes(500), b"<html></html>", b"version https://git-lfs\n", bytes(5000))
    )


def _tiff(rng: random.Random) -> tuple[str, bytes]:
    compression = rng.choice(("tiff_lzw", "tiff_adobe_deflate", "packbits", "group4", "jpeg"))
    mode = "1" if compression == "group4" else "L"
    return "TIFF", damaged(sound_picture("TIFF", mode, (SIDE, SIDE), rng, compression=compression), rng)


def png(size: tuple[int, int], data: bytes, *, extra: bytes = b"") -> bytes:
    """A grey PNG of eight bits with these compressed rows."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


WAYS = {
    "damaged": _damaged,
    "damaged again": _damaged,
    "sound": _sound,
    "thin": _thin,
    "bomb": _bomb,
    "frames": _many_frames,
    "animated": _animated,
    "transparent": _transparent,
    "scans": _scans,
    "text bomb": _text_bomb,
    "noise": _noise,
    "compressed": _tiff,
}
