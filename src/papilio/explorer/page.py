"""The page as it is sent or written: one HTML file, built from web/ (CONTRIBUTING), into which facts and arrays are put."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from html import escape
from importlib import resources
from typing import Any

import numpy as np

PLACE = '<script type="application/json" id="boot">BOOT</script>'
DTYPES = {"f": ("float32", "<f4"), "i": ("int32", "<i4"), "u": ("uint8", "u1")}


def page_html(boot: Mapping[str, Any], *, parts: str = "") -> str:
    """The page with what it starts from; `parts` are elements that follow, of an exported file."""
    page = built("page.html").decode()
    before, place, after = page.partition(PLACE)
    assert place, "page.html was built without its place for facts; run make web"
    return f'{before}<script type="application/json" id="boot">{_inside_html(boot)}</script>{parts}{after}'


def built(name: str) -> bytes:
    """A file that was built from web/."""
    return (resources.files("papilio.explorer") / "static" / name).read_bytes()


def embedded_array(name: str, array: np.ndarray, *, trust: str = "", grid: Mapping[str, Any] | None = None) -> str:
    """An array as an element of the page: its little-endian bytes, compressed, as text.

    `trust` is JSON about a map, `grid` says where the images of a sprite lie.
    """
    dtype, layout = DTYPES[array.dtype.kind]
    shape = ",".join(map(str, array.shape))
    content = np.ascontiguousarray(array, dtype=layout).tobytes()
    told = {"trust": trust, "grid": json.dumps(grid) if grid else ""}
    more = "".join(f' data-{key}="{escape(text)}"' for key, text in told.items() if text)
    return _element(f'data-name="{escape(name)}" data-dtype="{dtype}" data-shape="{shape}"{more}', compressed(content))


def embedded_json(name: str, value: Any) -> str:
    """Plain facts as an element of the page."""
    return _element(f'data-name="{name}" data-dtype="json"', compressed(json.dumps(value).encode()))


def embedded_bytes(name: str, content: bytes) -> str:
    """Bytes as an element of the page; those that are compressed already are not so again."""
    given = content if content[:2] == b"\x1f\x8b" else compressed(content)
    return _element(f'data-name="{name}" data-dtype="uint8"', given)


def channels_last(images: np.ndarray) -> np.ndarray:
    """(num, channel, height, width) as pages have them: (num, height, width, channel)."""
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1))


def channels_first(images: np.ndarray) -> np.ndarray:
    """The other way around."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def compressed(content: bytes) -> bytes:
    """Equal for equal bytes: without a time."""
    return gzip.compress(content, compresslevel=9, mtime=0)


def _element(attributes: str, content: bytes) -> str:
    return f'<script type="text/plain" {attributes}>{base64.b64encode(content).decode()}</script>\n'


def _inside_html(value: Any) -> str:
    return json.dumps(value).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
