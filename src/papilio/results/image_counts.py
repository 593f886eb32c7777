"""How many images a run is trained on, chosen by and measured on, from what a study wrote down of its image set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from papilio.data.splits import fold_sizes


@dataclass(frozen=True)
class ImageCounts:
    """The images of each split."""

    train: int
    validation: int
    test: int

    @classmethod
    def of_set(cls, described: Mapping[str, Any]) -> ImageCounts:
        """Those of a set in environment.json: what its runs have, if they have no folds."""
        return cls(described["num_train"], described["num_validation"], described["num_test"])

    def in_fold(self, fold: int, *, of: int) -> ImageCounts:
        """Of the set's fold, counted from 1: one in `of` of all that are no test images validates, the rest trains."""
        validation = fold_sizes(self.train + self.validation, of)[fold - 1]
        return ImageCounts(self.train + self.validation - validation, validation, self.test)
