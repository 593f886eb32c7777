"""What a section of the page may need besides the arrays that it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure as Drawing

from papilio.data.facts import ImageFacts
from papilio.drawing.figure_files import Pictures
from papilio.results.results import RunResult, StudyResults
from papilio.sections.blocks import Figure


@dataclass(frozen=True)
class SectionContext:
    """Of what an analysis is, and where its figures go."""

    results: StudyResults
    pictures: Pictures
    name: str  # of the section, for files
    stage: str
    trial: str  # empty of a stage
    run_name: str  # empty of a stage
    run: RunResult | None  # None of a stage, and of a run that is no longer in the study
    split: str  # of the images that were looked at
    images_name: str  # the image set
    facts: ImageFacts | None  # what its images are; None where none were looked at
    options: Mapping[str, Any]  # of the [[analysis]] table

    @property
    def run_words(self) -> str:
        """Which run it is of, for the end of a sentence."""
        if self.run is None:
            return f"the trial’s best run (`{self.run_name}`)"
        which = "best run" if self.run.ranking is not None else "first run"
        which = f"the trial’s {which}" if self.is_first_choice else "the run"
        return f"{which}, seed {self.run.seed} (`{self.run_name}`)"

    @property
    def is_first_choice(self) -> bool:
        """Whether the run is the one of its trial that is looked at where a study does not ask for others."""
        return self.run is None or any(
            trial.best == self.run
            for trial in (self.results.trials(self.stage) if self.stage in self.results.stages else ())
            if self.run in trial.runs
        )

    def figure(
        self,
        draw: Callable[[float], Drawing],
        *,
        name: str,
        label: str,
        caption: str = "",
        heading: str = "",
        is_square: bool = False,
    ) -> Figure:
        """A block of a figure, which is kept in DIR/figures, too.

        `draw` is called with a width in inches, for wide screens and for phones; `label` is what a screen reader says.
        """
        svg = self.pictures.keep(draw, name=f"{self.name}-{name}", label=label)
        return Figure(svg, caption, heading, is_square)
