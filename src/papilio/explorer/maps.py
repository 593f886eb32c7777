"""Maps of a space: PCA, t-SNE, UMAP of all points, and how far each can be trusted."""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection

import numpy as np
from jaxtyping import Float, Float32

from papilio.analysis.neighbors import share_kept, value_error, vote_accuracy
from papilio.analysis.projection import NEIGHBORS
from papilio.data.parallel import available_cores
from papilio.errors import RunFailed, reason_of

METHODS = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
FEWEST = 4  # points that have neighbors to speak of
FEW = 1_000  # points below which threads wait for each other longer than they work
MANY = 5_000  # points, from which on t-SNE interpolates on a grid and looks for neighbors approximately
MOST_QUERIES = 2_000  # points whose neighbors are looked at
EARLY, LATE, EVERY = 250, 500, 10  # iterations of t-SNE, and how often it tells of them
PERPLEXITY = 30.0
MAP_NICE = 10  # of the process that computes a map
SECONDS_BETWEEN = 0.2  # that `tell` is called at least as often as, so that it can end a map

Tell = Callable[
    [int, int], None
]  # done, of how many; 0 of 0 while neighbors are looked for, which takes most of the time


@dataclass(frozen=True)
class Trust:
    """How far a map keeps neighborhoods.

    `space` and `map` are by the 10 nearest neighbors there, as `what` says: shares of points with their class, or mean errors;
    None where images show nothing that is known. `kept` is the share of the 10 that stay neighbors. All are of `measured_on`
    points.
    """

    what: str
    space: float | None
    map: float | None
    kept: float
    measured_on: int
    neighbors: int = NEIGHBORS

    def to_json(self) -> str:
        """With null for a number that is none."""
        told = {name: None if one != one else one for name, one in asdict(self).items()}  # NaN alone is not itself
        return json.dumps(told, allow_nan=False)

    @classmethod
    def of_json(cls, text: str) -> Trust:
        return cls(**json.loads(text))


def has_method(name: str) -> bool:
    """Whether a map can be made here: UMAP is an extra."""
    return name in METHODS and (name != "umap" or importlib.util.find_spec("umap") is not None)


def pca_plane(points: Float[np.ndarray, "n l"]) -> tuple[Float32[np.ndarray, "n 2"], Float32[np.ndarray, "3 l"]]:
    """The PCA map of points, and the way back: their mean, and two unit vectors along which the map's axes lie."""
    center = points.mean(axis=0, dtype=np.float64)
    spread = np.cov(points.T.astype(np.float64), bias=len(points) == 1)  # a single point has none
    _, vectors = np.linalg.eigh(spread.reshape(points.shape[1], -1))
    axes = np.zeros((2, points.shape[1]))
    found = vectors[:, ::-1].T[:2]
    axes[: len(found)] = (
        found * np.where(found.sum(axis=1) < 0, -1, 1)[:, None]
    )  # the sign is arbitrary: the same each time
    plane = np.vstack([center, axes]).astype(np.float32)
    return ((points - plane[0]) @ plane[1:].T).astype(np.float32), plane


def neighbor_map(method: str, features: Float32[np.ndarray, "n k"], tell: Tell) -> Float32[np.ndarray, "n 2"]:
    """A map by t-SNE or UMAP, the same for the same features; computed in a process of its own, so that the page stays quick.

    `tell` hears how far it is, and again while nothing happens; what it raises ends the process. Raises RunFailed where that
    process fails.
    """
    if len(features) < FEWEST:
        raise RunFailed(f"{METHODS[method]}: takes {FEWEST} points or more, and there are {len(features)}; choose PCA")
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_compute, args=(method, features, there), daemon=True)
    child.start()
    there.close()
    far = (0, 0)
    try:
        while True:
            if not here.poll(SECONDS_BETWEEN):
                tell(*far)
                continue
            heard = here.recv()
            if isinstance(heard, np.ndarray):
                return heard
            if isinstance(heard, str):
                raise RunFailed(f"{METHODS[method]}: {heard}")
            far = heard
            tell(*far)
    except EOFError:
        raise RunFailed(
            f"{METHODS[method]}: the process that computed the map ended; is there enough memory?"
        ) from None
    finally:
        child.kill()
        child.join()


def _compute(method: str, features: np.ndarray, out: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends this process
    if hasattr(os, "nice"):  # the picture at the pointer comes first
        os.nice(MAP_NICE)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    warnings.simplefilter("ignore")  # of libraries, about what the user cannot change
    try:
        found = (_tsne if method == "tsne" else _umap)(features, lambda *far: out.send(far))
        in_one_place = "the points lie in one place, so there are no neighbors to keep; choose another space"
        out.send(found if np.isfinite(found).all() else in_one_place)
    except Exception as error:  # whatever it is, somebody waits for it
        out.send(f"{type(error).__name__}: {reason_of(error)}")


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _tsne(features: np.ndarray, tell: Tell) -> np.ndarray:
    """By openTSNE: Barnes-Hut (van der Maaten 2014), or interpolation (Linderman et al. 2019) for many points."""
    from openTSNE import TSNE

    done = 0

    def heard(iteration: int, error: float, embedding: object) -> None:
        nonlocal done
        done += EVERY
        tell(done, EARLY + LATE)

    tell(0, 0)
    is_many = len(features) >= MANY
    if features.shape[1] == 1:  # it starts from two components
        features = np.pad(features, ((0, 0), (0, 1)))
    found = TSNE(
        perplexity=min(PERPLEXITY, (len(features) - 1) / 3),  # pyright: ignore[reportArgumentType] (it may be a fraction)
        neighbors="annoy" if is_many else "exact",
        negative_gradient_method="fft" if is_many else "bh",
        initialization="pca",
        early_exaggeration_iter=EARLY,
        n_iter=LATE,
        callbacks=heard,
        callbacks_every_iters=EVERY,
        n_jobs=available_cores() if len(features) >= FEW else 1,
        random_state=0,
    ).fit(features)
    return np.asarray(found, dtype=np.float32)


def _umap(features: np.ndarray, tell: Tell) -> np.ndarray:
    from papilio.analysis.projection import umap

    return umap(features, seed=0, tell=tell)


def trust_of(
    features: Float[np.ndarray, "n k"],
    positions: Float[np.ndarray, "n 2"],
    labels: np.ndarray,
    *,
    period: float | None = None,
    unit: str = "",
) -> Trust:
    """How far a map of n points can be trusted, measured on up to 2,000 of them among all.

    `labels` are classes, -1 where unknown, or, where a `period` is given, numbers on a circle.
    """
    num = min(NEIGHBORS, len(features) - 1)
    if num == 0:
        return Trust("", None, None, 1.0, 1, 0)
    queries = np.sort(np.random.default_rng(0).permutation(len(features))[:MOST_QUERIES])
    before, after = (_nearest_of(queries, where, num) for where in (features, positions))
    kept = share_kept(before, after)
    if period is not None:
        space, on_map = (value_error(near, labels, period=period, of=queries) for near in (before, after))
        what = f"mean error of the {num} nearest neighbors{f', in {unit}' if unit else ''}"
        return Trust(what, space, on_map, kept, len(queries), num)
    if labels.min() < 0 or labels.max() == 0:  # some without a class, or all of one
        return Trust("", None, None, kept, len(queries), num)
    space, on_map = (vote_accuracy(near, labels, of=queries) for near in (before, after))
    return Trust(
        f"share of images whose {num} nearest neighbors mostly have its class", space, on_map, kept, len(queries), num
    )


def _nearest_of(queries: np.ndarray, points: np.ndarray, num: int) -> np.ndarray:
    """The nearest other points of some of the points: int (queries, num)."""
    from sklearn.neighbors import NearestNeighbors  # takes seconds to import

    found = NearestNeighbors(n_neighbors=num + 1).fit(points).kneighbors(points[queries], return_distance=False)
    is_other = found != queries[:, None]
    is_other[is_other.all(axis=1), -1] = False  # among equal points a point may not be among its own nearest
    return found[is_other].reshape(len(queries), num)
