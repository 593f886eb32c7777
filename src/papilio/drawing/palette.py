"""The report's colors, once, for figures and page, on light and on dark paper.

Figures are drawn in the light colors, which is what the files on disk keep; the copies inside the page name the
same colors as CSS variables (`var(--ink)`), so that they follow the page. That is why no two light colors may be
equal. Text has a contrast of at least 4.5 to 1 with its paper, lines and marks of at least 3 to 1. The line colors
were searched for by computer: on either paper any two of them differ by a CIE 1976 distance of 15 or more, for people
with full color vision and as Machado et al. (2009) simulate its three complete deficiencies.
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
    "line-1": "#2056c8",
    "line-2": "#c0602a",
    "line-3": "#067455",
    "line-4": "#7b2d96",
    "line-5": "#b78a00",
    "line-6": "#1b98d6",
    "line-7": "#d23a94",
    "line-8": "#42364a",
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
    "line-1": "#7492fa",
    "line-2": "#f5774a",
    "line-3": "#35dd97",
    "line-4": "#ab8cc6",
    "line-5": "#f7c433",
    "line-6": "#86c9fb",
    "line-7": "#e2849f",
    "line-8": "#c3ccda",
}

LINES = [LIGHT[f"line-{number}"] for number in range(1, 9)]
RIGHT, WRONG = LIGHT["line-1"], LIGHT["line-2"]


def css_variables(colors: dict[str, str]) -> str:
    """The declarations that a style sheet puts into `:root`.

    >>> css_variables({"ink": "#000000", "paper": "#ffffff"})
    '--ink: #000000; --paper: #ffffff;'
    """
    return " ".join(f"--{name}: {color};" for name, color in colors.items())


# Of points in pictures, which keep their colors on dark paper (the page makes pictures lighter there). Searched for by
# computer as the lines were: any two differ by a CIE 1976 distance of 29 or more, for the same four kinds of readers, and
# each has a contrast of at least 1.9 to 1 with light paper and 2.2 to 1 with dark.
POINTS = [
    "#3c00ff", "#ffa500", "#00d2b4", "#d24b00", "#782d96", "#a5c378", "#e13cff", "#696978", "#873c2d", "#e1a5ff",
]  # fmt: skip
