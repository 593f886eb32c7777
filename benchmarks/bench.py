"""What a benchmark is handed: sizes, rounds, images, a folder, and where to note versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from benchmarks.images import TrainingImages, find_images


@dataclass
class Bench:
    """One run of the benchmarks; `is_quick` takes tiny sizes, which measure nothing and only show that all works."""

    folder: Path
    rounds: int
    is_quick: bool
    versions: dict[str, dict[str, str]] = field(default_factory=dict)

    @cached_property
    def images(self) -> TrainingImages:
        """Read when the first benchmark wants them."""
        return find_images()

    def size(self, full: int, *, quick: int) -> int:
        return quick if self.is_quick else full

    def note_versions(self, contender: str, versions: dict[str, str]) -> None:
        self.versions[contender] = versions

    def say(self, line: str) -> None:
        print(line, flush=True)
