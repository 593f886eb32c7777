"""How the points of a stage are proposed: a grid, random draws, a Sobol sequence, or a sampler that learns (TPE).

Every sampler proposes each point at most once. Grid, random and Sobol depend on the space, the seed and the number of the point
alone: not on results, kills or how many workers there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from papilio.studies.schema import SamplerSettings
from papilio.studies.space import MOST_COUNTED, Choice, Parameter, Point, Space, point_key

if TYPE_CHECKING:
    import optuna

MOST_REPEATS = 1000  # draws in a row that give nothing new, after which what is left is looked for, where it can be
STARTUP_POINTS = 10  # of TPE, drawn at random before it has learnt anything


class Sampler(Protocol):
    """Proposes points, and may learn from what became of them."""

    def propose(self) -> Point | None:
        """A point that was not proposed before, None where there is no other."""
        ...

    def learn(self, point: Point, value: float | None, *, epoch: int, is_final: bool) -> None:
        """Hear a trial's metric (None: it failed or diverged), after so many epochs; `is_final` when it will not continue."""
        ...


class GridSampler:
    """Every point of a countable space, once, in the order of the study file."""

    def __init__(self, space: Space) -> None:
        self.points = space.grid()

    def propose(self) -> Point | None:
        return next(self.points, None)

    def learn(self, point: Point, value: float | None, *, epoch: int, is_final: bool) -> None: ...


class DrawingSampler:
    """Points at places of the unit cube that are drawn one after another; one that comes again is passed over."""

    def __init__(self, space: Space, places: Iterator[np.ndarray]) -> None:
        self.space = space
        self.places = places
        self.seen: set[str] = set()

    def propose(self) -> Point | None:
        if self.space.num_points == len(self.seen):
            return None
        for place in islice(self.places, MOST_REPEATS):
            point = self.space.at(place.tolist())
            if (key := point_key(point)) not in self.seen:
                self.seen.add(key)
                return point
        return self._left_over()

    def _left_over(self) -> Point | None:
        """A point of a countable space that is drawn too seldom to wait for it."""
        if self.space.num_points is None or self.space.num_points > MOST_COUNTED:
            return None
        left = [point for point in self.space.grid() if point_key(point) not in self.seen]
        if not left:
            return None
        point = left[min(int(next(self.places)[0] * len(left)), len(left) - 1)]
        self.seen.add(point_key(point))
        return point

    def learn(self, point: Point, value: float | None, *, epoch: int, is_final: bool) -> None: ...


class TPESampler:
    """The tree-structured Parzen estimator of Bergstra et al. (2011), as Optuna has it.

    Points that were pruned, or wait to continue, count as Optuna counts pruned trials: by how far they came, then by
    their value there. Where it keeps proposing what was tried, the next point is a random one.
    """

    def __init__(self, space: Space, *, seed: int, is_maximized: bool) -> None:
        import optuna

        self.space = space
        self.optuna = optuna
        self.distributions = distributions(space)
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP_POINTS, constant_liar=True)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.study = optuna.create_study(sampler=sampler, direction="maximize" if is_maximized else "minimize")
        self.fallback = random_sampler(space, seed=seed)
        self.asked: dict[str, optuna.Trial] = {}
        self.seen = self.fallback.seen

    def propose(self) -> Point | None:
        if self.space.num_points == len(self.seen):
            return None
        for _ in range(STARTUP_POINTS):
            trial = self.study.ask()
            point = self._suggested(trial)
            if (key := point_key(point)) not in self.seen:
                self.seen.add(key)
                self.asked[key] = trial
                return point
            self.study.tell(trial, state=self.optuna.trial.TrialState.FAIL)
        return self.fallback.propose()

    def recall(self, point: Point) -> None:
        """Note a point that was proposed before a stop; `learn` says what became of it."""
        self.seen.add(point_key(point))

    def learn(self, point: Point, value: float | None, *, epoch: int, is_final: bool) -> None:
        state = self.optuna.trial.TrialState
        if trial := self.asked.pop(point_key(point), None):
            self.study.tell(trial, state=state.FAIL)  # what follows stands for it
        if value is None:
            return
        self.study.add_trial(
            self.optuna.trial.create_trial(
                state=state.COMPLETE if is_final else state.PRUNED,
                value=value,
                params=encoded(point, self.space),
                distributions={key: self.distributions[key] for key in point},
                intermediate_values={epoch: value},
            )
        )

    def _suggested(self, trial: Any) -> Point:
        point: Point = {}
        for parameter in self.space.parameters:
            if all(condition.holds(point) for condition in parameter.conditions):
                point[parameter.key] = _suggest(trial, parameter)
        return point


def make_sampler(settings: SamplerSettings, space: Space, *, is_maximized: bool = True) -> Sampler:
    """A new sampler of a stage's points; `is_maximized` says which end of the metric one that learns goes for."""
    match settings.name:
        case "grid":
            return GridSampler(space)
        case "random":
            return random_sampler(space, seed=settings.seed)
        case "sobol":
            return sobol_sampler(space, seed=settings.seed)
        case "tpe":
            return TPESampler(space, seed=settings.seed, is_maximized=is_maximized)


def random_sampler(space: Space, *, seed: int) -> DrawingSampler:
    """Points drawn uniformly (on a logarithmic scale where the range says so), as Bergstra and Bengio (2012) recommend."""

    def places() -> Iterator[np.ndarray]:
        rng = np.random.default_rng(seed)
        while True:
            yield rng.random(len(space.parameters))

    return DrawingSampler(space, places())


def sobol_sampler(space: Space, *, seed: int) -> DrawingSampler:
    """Points of a scrambled Sobol sequence (SciPy's): they fill the space more evenly than random ones."""
    from scipy.stats import qmc

    def places() -> Iterator[np.ndarray]:
        sequence = qmc.Sobol(len(space.parameters), scramble=True, rng=np.random.default_rng(seed))
        while True:
            yield from sequence.random(64)

    return DrawingSampler(space, places())


def encoded(point: Point, space: Space) -> dict[str, Any]:
    """The point as Optuna takes it: lists and tables as text."""
    kinds = {one.key: one for one in space.parameters}
    return {key: _category(value) if isinstance(kinds[key], Choice) else value for key, value in point.items()}


def distributions(space: Space) -> dict[str, optuna.distributions.BaseDistribution]:
    """The space as Optuna describes it, by key."""
    return {one.key: _distribution(one) for one in space.parameters}


def _distribution(parameter: Parameter) -> optuna.distributions.BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(parameter, Choice):
        return CategoricalDistribution([_category(value) for value in parameter.values])
    low, high = parameter.low, parameter.last  # Optuna warns where the step does not lead to the high end
    if parameter.is_integer:
        step = int(parameter.step or 1)
        return IntDistribution(int(low), int(high), log=parameter.is_log, step=step)
    return FloatDistribution(float(low), float(high), log=parameter.is_log, step=parameter.step)


def _suggest(trial: Any, parameter: Parameter) -> Any:
    if isinstance(parameter, Choice):
        by_category = {_category(value): value for value in parameter.values}
        return by_category[trial.suggest_categorical(parameter.key, list(by_category))]
    low, high, is_log = parameter.low, parameter.last, parameter.is_log
    if parameter.is_integer:
        return trial.suggest_int(parameter.key, int(low), int(high), log=is_log, step=int(parameter.step or 1))
    return parameter.tidy(trial.suggest_float(parameter.key, low, high, log=is_log, step=parameter.step))


def _category(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) else point_key(value)
