"""A run as the page shows it: what is known of it at once, its arrays, its maps, and what its nets say when they are asked."""

from __future__ import annotations

import base64
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from papilio.data.progress import Progress
from papilio.engine import Arrays
from papilio.errors import DataError, RunError
from papilio.explorer.cloud import (
    LATENTS,
    Cloud,
    Space,
    decoded,
    layer_output,
    make_cloud,
    make_space,
    nearest_mean,
    space_names,
)
from papilio.explorer.guide import make_guide
from papilio.explorer.images import PointImages, sampled
from papilio.explorer.jobs import Far, Jobs
from papilio.explorer.kept import Kept
from papilio.explorer.kept_points import keep_cloud, keep_space, kept_cloud, kept_space
from papilio.explorer.maps import METHODS, Trust, has_method, neighbor_map, pca_plane, trust_of
from papilio.explorer.offers import judge_of, offers_of
from papilio.explorer.own_pictures import OwnPictures, read_own, read_shown
from papilio.explorer.page import channels_last
from papilio.runs.folder import RunFacts, RunFolder
from papilio.runs.run import Run, load_run
from papilio.runs.shipped import find_run
from papilio.studies.images import StudyImages

MOST_AT_A_TIME = 256  # images or latents that a request may have
MOST_NEAREST = 10


class AbsentError(DataError):
    """Something was asked for that a run has not got."""


@dataclass(frozen=True)
class Map:
    """Where points lie: `positions` float32 (num, 2), a user's own pictures the last; `trust` is of all others."""

    positions: np.ndarray
    trust: Trust


class Scene:
    """A run to move in.

    Nets and images are loaded when they are first needed: what was computed before needs neither. `judge` is a classifier's
    run that says what pictures show; by default one that comes with Papilio, where there is one for the image set.
    `pictures` are paths of the user's own; `sets` are image sets that several scenes share. Raises RunError for what is
    no trained run.
    """

    def __init__(
        self,
        folder: Path,
        *,
        judge: str | None = None,
        pictures: Sequence[Path] = (),
        sets: StudyImages | None = None,
    ) -> None:
        self.folder = folder
        self._sets = sets
        self.files = RunFolder(folder)
        self.facts: RunFacts = self.files.facts()
        if not self.files.weights_file.exists():
            raise RunError(f"{folder}: this run ({self.facts.status}) has no weights; name one that is trained")
        self.offers = offers_of(self.files)
        self.judge_name = judge_of(self.files, judge) if "probabilities" not in self.offers else None
        self.is_generator = "decode" in self.offers and "encode" not in self.offers
        self._paths = tuple(pictures)
        if self._paths and self.is_generator:
            raise RunError(f"{folder}: a run that only generates takes no pictures; leave --pictures out")
        self._lock = threading.RLock()
        self._reading = threading.RLock()  # of images: the decoder's pictures do not wait for them
        self._jobs: Jobs[Map] = Jobs()
        self.own: OwnPictures | None = None
        self._spaces: dict[str, Space] = {}

    # what is loaded when it is first needed

    @cached_property
    def run(self) -> Run:
        """The run with its nets."""
        with self._lock:
            return load_run(self.folder)

    @cached_property
    def judge(self) -> Run | None:
        """The classifier that says what pictures show, of a run that is none itself."""
        with self._lock:
            return None if self.judge_name is None else load_run(self.judge_name)

    @cached_property
    def source(self) -> PointImages:
        """The images that the run was trained on, or a sample of them where they would have to be drawn first.

        Raises DataError where the set is another one now.
        """
        settings, fold = self.facts.run_settings, self.facts.fold
        with self._reading:
            sets = self._sets or StudyImages({})
            some = sampled(settings, fold, kept=Kept.of_images(settings, fold), progress=sets.progress)
            if some is not None:
                return some
            found = sets.of_fold(settings, fold)
        if self.facts.data_checksum not in ("", found.checksum):
            raise DataError(
                f"{self.folder}: was trained on other images than {found.name} has now; run the study again with --fresh"
            )
        return PointImages.whole(found)

    @cached_property
    def kept(self) -> Kept:
        judge = RunFolder(find_run(self.judge_name)) if self.is_generator and self.judge_name is not None else None
        return Kept.of_run(self.files, offers=self.offers, judge=judge)

    @cached_property
    def cloud(self) -> Cloud:
        """The points that `prepare` computes, a user's own among them, as the last."""
        found = kept_cloud(self.kept)
        if found is None:
            raise AbsentError(f"{self.folder}: its points are not computed")
        return found if self.own is None else found.joined(self.own.cloud)

    @cached_property
    def guide(self) -> Arrays:
        """What coordinates do, as `prepare` found; empty for a run without latents."""
        return self.kept.read("guide") or {}

    @property
    def num_own(self) -> int:
        return 0 if self.own is None else len(self.own)

    # before the page opens

    def prepare(self, progress: Progress) -> None:
        """Compute the points, their first map, and what coordinates do, unless they are kept; encode the user's pictures."""
        points = kept_cloud(self.kept)
        has_guide = "decode" not in self.offers or self.kept.read("guide") is not None
        if points is None or not has_guide or self._paths:
            progress(0, 0, "loading the run")
            _ = self.run
        if points is None:
            points = make_cloud(self.run, self._given(), judge=self.judge, progress=progress)
            keep_cloud(self.kept, points)
        if not has_guide:
            self.kept.write("guide", make_guide(self.run, self._given(), points, progress))
        if self._paths:
            self.own = read_own(self.run, self._paths, progress)
        first = self.space_names[0]
        if not self.is_kept(first, "pca"):
            progress(0, 0, "placing points on the map")
        self.make_map(first, "pca", progress)

    def warm_up(self) -> None:
        """Load nets and images, so that the first picture does not wait for them."""
        _ = self.run, self.judge
        self._given()

    # what the page asks

    @cached_property
    def space_names(self) -> list[str]:
        return space_names(self.offers, self.facts.layer_rows, has_judge=self.judge_name is not None)

    def array(self, name: str) -> np.ndarray:
        """An array of the points by the name that the page has for it. Raises AbsentError for one that the run has not got."""
        cloud = self.cloud
        known: dict[str, np.ndarray | None] = {
            "labels": cloud.labels,
            "splits": cloud.splits,
            "numbers": cloud.indices.astype(np.int32),
            "latents": cloud.latents,
            "predicted": cloud.predicted,
            **{f"values/{value}": numbers for value, numbers in cloud.values.items()},
        }
        if name == f"pca/{LATENTS}" and cloud.latents is not None:
            return pca_plane(self._known(cloud.latents))[1]
        found = known.get(name)
        if found is None:
            raise AbsentError(f"{name}: this run has no such array; there are {', '.join(known)}")
        return found

    def map(self, space: str, method: str) -> Map | Far:
        """A map of a space, or how far it is: it is computed in the background, and kept. Raises AbsentError for no map."""
        if space not in self.space_names or not has_method(method):
            spaces, methods = ", ".join(self.space_names), ", ".join(filter(has_method, METHODS))
            raise AbsentError(f"{space}, {method}: no such map; spaces: {spaces}; methods: {methods}")
        what = f"{METHODS[method]} of {len(self.cloud):,} points"
        return self._jobs.ask(f"{space}/{method}", what, lambda tell: self.make_map(space, method, tell))

    def make_map(self, space_name: str, method: str, progress: Progress) -> Map:
        """A map of a space, as it was kept, or computed while `progress` is told how far that is."""
        name = f"map-{space_name}-{method}"
        arrays = self.kept.read(name)
        is_plane = method == "pca" and space_name == LATENTS
        if arrays is None:
            space = self.space(space_name, progress)
            if method == "pca":
                of = self._known(self.cloud.latents) if is_plane and self.cloud.latents is not None else space.features
                positions, plane = pca_plane(of)
            else:
                what = f"{METHODS[method]} of {len(space.features):,} points"

                def tell(done: int, total: int) -> None:
                    progress(done, total, what if total else f"{what}: looking for neighbors")

                positions = neighbor_map(method, space.features, tell)
                plane = None
            trust = self._trust(space.features, positions)
            arrays = {
                "positions": positions,
                "trust": np.array(trust.to_json()),
                **({"plane": plane} if plane is not None else {}),
            }
            self.kept.write(name, arrays)
        positions = arrays["positions"]
        if self.own is not None:
            positions = np.concatenate([positions, self._own_positions(space_name, arrays, progress)])
        return Map(positions, Trust.of_json(str(arrays["trust"])))

    def is_kept(self, space: str, method: str) -> bool:
        """Whether a map was computed before."""
        return self.kept.has(f"map-{space}-{method}")

    def space(self, name: str, progress: Progress) -> Space:
        """A space's features, as they were kept, or computed."""
        if name not in self._spaces:
            found = kept_space(self.kept, name)
            if found is None:
                cloud = kept_cloud(self.kept)
                assert cloud is not None
                found = make_space(
                    self.run, self._given(), cloud, name, judge=self.judge, progress=progress, lock=self._lock
                )
                keep_space(self.kept, name, found)
            self._spaces[name] = found
        return self._spaces[name]

    def pictures(self, indices: np.ndarray) -> np.ndarray:
        """Images of points by their numbers: uint8 (n, channel, height, width). Raises DataError for numbers of none."""
        cloud = self.cloud
        self._refuse_many(len(indices))
        if len(indices) and (indices.min() < 0 or indices.max() >= len(cloud)):
            raise DataError(f"indices: must be 0 to {len(cloud) - 1}")
        if self.is_generator:
            assert cloud.latents is not None
            with self._lock:
                return decoded(self.run, cloud.latents[indices], cloud.indices[indices])
        first_own = len(cloud) - self.num_own
        found = np.empty((len(indices), *self.facts.images.shape), np.uint8)
        is_own = indices >= first_own
        found[~is_own] = self.source.images.images[self.source.rows_of(cloud.indices[indices[~is_own]])]
        if self.own is not None:
            found[is_own] = self.own.images[indices[is_own] - first_own]
        return found

    def decode(self, latents: np.ndarray, label: int | None = None) -> np.ndarray:
        """Images of latents (n, latents): uint8 (n, channel, height, width). Raises DataError or RunError."""
        self._refuse_many(len(latents))
        with self._lock:
            return self.run.decode(latents, labels=label) if label is not None else self.run.decode(latents)

    def encode(self, path: Path, space_name: str | None = None) -> dict[str, Any]:
        """A picture in a file as the run is shown it, its latent or reading, and what may be wrong with it, as plain facts.

        Where a space is named, the points nearest to it there, too.
        """
        if self.is_generator:
            raise AbsentError("this run takes no pictures: it only generates")
        with self._lock:
            images, (note,) = read_shown(self.run, [path], None)
            latent = self.run.encode(images)[0].ravel().tolist() if "encode" in self.offers else None
            more: dict[str, Any] = {}
            if "read" in self.offers:
                (value,), (confidence,) = self.run.read(images)
                more["reading"] = {"value": float(value), "confidence": float(confidence)}
            if space_name is not None:
                space = self._known_space(space_name)
                place = space.place(layer_output(self.run, images, space_name, judge=self.judge))[0]
                more["nearest"] = _nearest(place, space.features)
        return {
            "latent": latent,
            "image": base64.b64encode(channels_last(images).tobytes()).decode(),
            "note": note,
        } | more

    def nearest(self, space_name: str, point: int) -> dict[str, Any]:
        """The points nearest to a point in a space, without itself, as plain facts: `points` and `distances`."""
        space, num = self._known_space(space_name), len(self.cloud)
        if point >= num:
            raise DataError(f"point: must be 0 to {num - 1}")
        if point < len(space.features):
            return _nearest(space.features[point], space.features, without=point)
        own = space.place(self._own_places(space_name))
        return _nearest(own[point - len(space.features)], space.features)

    def _known_space(self, name: str) -> Space:
        if name not in self.space_names:
            raise AbsentError(f"{name}: no such space; there are {', '.join(self.space_names)}")
        return self.space(name, lambda done, total, what: None)

    def classify(self, images: np.ndarray) -> np.ndarray:
        """The probability of each class of images: float32 (n, classes), by the run or its judge; AbsentError for none."""
        self._refuse_many(len(images))
        by = self.run if "probabilities" in self.offers else self.judge
        if by is None:
            raise AbsentError(
                "this run is not a classifier, and Papilio has none for its images; pass one with --classifier"
            )
        with self._lock:
            return by.probabilities(images)

    def _given(self) -> PointImages | None:
        """The images that the run is given; None for a generator."""
        return None if self.is_generator else self.source

    def close(self) -> None:
        self._jobs.close()

    def _refuse_many(self, num: int) -> None:
        if num > MOST_AT_A_TIME:
            raise DataError(f"{num:,} at a time are too many; allowed are {MOST_AT_A_TIME}")

    def _known(self, rows: np.ndarray) -> np.ndarray:
        """Without those of the user's pictures."""
        return rows[: len(rows) - self.num_own]

    def _trust(self, features: np.ndarray, positions: np.ndarray) -> Trust:
        cloud, quantity = self.cloud, self.facts.images.quantity
        if quantity is not None and "value" in cloud.values:
            values = self._known(cloud.values["value"]).astype(np.float64)
            return trust_of(features, positions, values, period=quantity.period, unit=quantity.unit)
        return trust_of(features, positions, self._known(cloud.labels))

    def _own_positions(self, space_name: str, arrays: Arrays, progress: Progress) -> np.ndarray:
        space = self.space(space_name, progress)
        given = self._own_places(space_name)
        if "plane" in arrays:
            plane = arrays["plane"]
            rows = given if plane.shape[1] == given.shape[1] else space.place(given)
            return ((rows - plane[0]) @ plane[1:].T).astype(np.float32)
        return nearest_mean(space.place(given), space.features, arrays["positions"])

    def _own_places(self, space_name: str) -> np.ndarray:
        """What a space has of the user's pictures: (num_own, d)."""
        assert self.own is not None
        if space_name == LATENTS and self.own.cloud.latents is not None:
            return self.own.cloud.latents
        with self._lock:
            return layer_output(self.run, self.own.images, space_name, judge=self.judge)


def _nearest(place: np.ndarray, features: np.ndarray, *, without: int | None = None) -> dict[str, Any]:
    apart = np.sqrt(((features - place) ** 2).sum(axis=1))
    order = [int(one) for one in np.argsort(apart, kind="stable")[: MOST_NEAREST + 1] if one != without][:MOST_NEAREST]
    return {"points": order, "distances": [float(apart[one]) for one in order]}
