"""The report's colours, once, for figures and page, on light and on dark paper.

Figures are drawn in the light colours, which is what the files on disk keep; the copies inside the page name the same
colours as CSS variables (`var(--ink)`), so that they follow the page. For this to work no two light colours may be equal.

The eight line colours differ in lightness as well as in hue, so that they stay apart for people with any of the common
colour vision deficiencies and in grey print; each has a contrast of at least 3 to 1 with its paper, text at least 4.5.
"""

from __future__ import annotations

LIGHT = {
    "paper": "#ffffff",
    "ink": "#1c1f26",
    "muted": "#5a606b",
    "rule": "#dfe1e6",
    "faint": "#b9bdc6",
    "wash": "#f5f6f8",
    "accent": "#1d5fa6",
    "notice": "#8a5300",
    "notice-wash": "#fdf5e6",
    "line-1": "#2270b8",
    "line-2": "#d4551a",
    "line-3": "#0b8a66",
    "line-4": "#8a46a6",
    "line-5": "#a87b00",
    "line-6": "#1499bd",
    "line-7": "#c23b78",
    "line-8": "#4b4f58",
}

DARK = {
    "paper": "#15171c",
    "ink": "#e6e8ec",
    "muted": "#a0a6b1",
    "rule": "#31353e",
    "faint": "#565c68",
    "wash": "#1d2027",
    "accent": "#7fb8f5",
    "notice": "#f0bd68",
    "notice-wash": "#2b2416",
    "line-1": "#65aef2",
    "line-2": "#ff8f57",
    "line-3": "#3ec99d",
    "line-4": "#c892e2",
    "line-5": "#e0b23f",
    "line-6": "#67d3ee",
    "line-7": "#f58bb6",
    "line-8": "#b4b9c3",
}

LINES = [LIGHT[f"line-{number}"] for number in range(1, 9)]
RIGHT, WRONG = LIGHT["line-1"], LIGHT["line-2"]


def css_variables(colours: dict[str, str]) -> str:
    """The declarations that a style sheet puts into `:root`.

    >>> css_variables({"ink": "#000000", "paper": "#ffffff"})
    '--ink: #000000; --paper: #ffffff;'
    """
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())
