"""Short pieces of HTML, by which a notebook shows an object: every text escaped, no style sheet, no script."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

from papilio.errors import one_line, shortened

MOST_OF_A_CELL = 80  # letters


def box(title: str, *parts: str) -> str:
    """A heading with what belongs to it."""
    return f"<div><p><b>{_text(title)}</b></p>{''.join(parts)}</div>"


def line(text: str) -> str:
    """A line of text."""
    return f"<p>{_text(text, most=400)}</p>"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; an empty header is left out."""
    head = "".join(f"<th>{_text(one)}</th>" for one in header)
    body = "".join("<tr>" + "".join(f"<td>{_text(one)}</td>" for one in row) + "</tr>" for row in rows)
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if header else ''}<tbody>{body}</tbody></table>"


def picture(content: bytes, *, kind: str, label: str, width: int | None = None) -> str:
    """A small picture, inside the HTML; `kind` is png or webp, `label` what it shows, in words."""
    uri = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    sides = "" if width is None else f' width="{width}"'
    return f'<img src="{uri}" alt="{_text(label)}" title="{_text(label)}"{sides} style="margin:2px" />'


def _text(value: object, *, most: int = MOST_OF_A_CELL) -> str:
    return escape(shortened(one_line(str(value)), most))
