"""Measured values as rows, and rows as tables: medians and ratios, each with its n and its spread."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

HEAD = ("contender", "quantity", "n", "median", "min – max", "Papilio is better by", "min – max", "target", "met")


@dataclass(frozen=True)
class Target:
    """A bound that is kept: on the median ratio, or on the median itself."""

    ratio_at_least: float | None = None
    median_below: float | None = None
    median_above: float | None = None

    def __str__(self) -> str:
        if self.ratio_at_least is not None:
            return f"≥ {self.ratio_at_least:g}×"
        return f"> {self.median_above:g}" if self.median_above is not None else f"< {self.median_below:g}"

    def is_met(self, row: Row) -> bool:
        if self.ratio_at_least is not None:
            return bool(row.ratios) and statistics.median(row.ratios) >= self.ratio_at_least
        if self.median_above is not None:
            return statistics.median(row.values) > self.median_above
        return self.median_below is not None and statistics.median(row.values) < self.median_below


@dataclass(frozen=True)
class Row:
    """One quantity of one contender: a value a round, and a ratio a round that is above 1 where Papilio is better.

    Ratios pair what was measured in the same round, so that a machine that slows down slows both sides.
    """

    benchmark: str
    contender: str
    quantity: str
    values: Sequence[float]
    ratios: Sequence[float] = ()
    target: Target | None = None
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "benchmark": self.benchmark,
            "contender": self.contender,
            "quantity": self.quantity,
            "n": len(self.values),
            "median": statistics.median(self.values),
            "min": min(self.values),
            "max": max(self.values),
            "values": list(self.values),
        }
        if self.ratios:
            facts["papilio_is_better_by"] = {
                "median": statistics.median(self.ratios),
                "min": min(self.ratios),
                "max": max(self.ratios),
            }
        if self.target is not None:
            facts |= {"target": str(self.target), "is_met": self.target.is_met(self)}
        return facts | ({"note": self.note} if self.note else {})

    def cells(self) -> tuple[str, ...]:
        """What HEAD names."""
        return (
            self.contender,
            self.quantity,
            str(len(self.values)),
            readable(statistics.median(self.values)),
            spread(self.values, readable),
            f"{statistics.median(self.ratios):.2f}×" if self.ratios else "",
            spread(self.ratios, lambda ratio: f"{ratio:.2f}") if self.ratios else "",
            str(self.target) if self.target else "",
            ("yes" if self.target.is_met(self) else "no") if self.target else "",
        )


def paired_ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """One ratio per round; raises ValueError where the rounds do not match."""
    return [above / below for above, below in zip(numerators, denominators, strict=True)]


def readable(value: float) -> str:
    """Four significant figures below 1,000, whole numbers with thousands set apart above."""
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def spread(values: Sequence[float], text: Callable[[float], str]) -> str:
    return f"{text(min(values))} – {text(max(values))}"


def text_table(rows: Sequence[Row]) -> str:
    """Aligned columns for a terminal."""
    lines = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    padded = (zip(line, widths, strict=True) for line in lines)
    return "\n".join("  ".join(cell.ljust(width) for cell, width in line).rstrip() for line in padded)


def markdown_table(rows: Sequence[Row]) -> str:
    """The same for a page, and the rows' notes under it."""
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells() for row in rows)]
    notes = "".join(f"\n- {row.contender}, {row.quantity}: {row.note}" for row in rows if row.note)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + (f"\n{notes}" if notes else "")
