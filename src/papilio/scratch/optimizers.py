"""Optimizers by hand, as PyTorch defines them: each moves all weights w, one long array, by their gradient g.

A rule is a formula of single numbers, so that it is the same for every weight. What it remembers of each is an array as long
as w, zero at first. `Optimizer` goes over all of these arrays a piece at a time, which stays in a core's cache.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from papilio.scratch.layers import Array

PIECE = 2**16  # numbers
STEPS_BETWEEN_SWEEPS = 100


class Rule(Protocol):
    """`names` are what it remembers; `move` changes w and that in place at step `t`, counted from 1. It may use up g."""

    names: ClassVar[tuple[str, ...]]

    def move(self, w: Array, g: Array, *remembered: Array, rate: float, t: int) -> None: ...


@dataclass(frozen=True)
class Momentum:
    """v <- momentum v + g,  w <- w - rate v: a ball that rolls downhill; without momentum, plain gradient descent.

    Where g stays the same v grows to g / (1 - momentum): ten times as far a step with 0.9, a hundred times with 0.99.
    Source: Polyak 1964; Sutskever et al., On the importance of initialization and momentum in deep learning, 2013.
    """

    momentum: float = 0.0
    names: ClassVar[tuple[str, ...]] = ("velocity",)

    def move(self, w: Array, g: Array, *remembered: Array, rate: float, t: int) -> None:
        (velocity,) = remembered
        velocity *= self.momentum
        velocity += g
        w -= np.multiply(velocity, rate, out=g)


@dataclass(frozen=True)
class RmsProp:
    """s <- decay s + (1 - decay) g^2,  u = g / (sqrt(s) + epsilon),  w <- w - rate u: steps of like size, however steep.

    With momentum, v <- momentum v + u takes the place of u. Source: Tieleman and Hinton, Lecture 6.5, 2012; decay and epsilon
    are Keras'.
    """

    momentum: float = 0.0
    decay: float = 0.9
    epsilon: float = 1e-7
    names: ClassVar[tuple[str, ...]] = ("square", "velocity")

    def move(self, w: Array, g: Array, *remembered: Array, rate: float, t: int) -> None:
        square, velocity = remembered
        square *= self.decay
        square += (1 - self.decay) * np.square(g)
        g /= np.sqrt(square) + self.epsilon
        velocity *= self.momentum
        velocity += g
        w -= np.multiply(velocity, rate, out=g)


@dataclass(frozen=True)
class Adam:
    """Momentum and RMSprop in one, both corrected for having begun at zero.

        m <- beta1 m + g      m^ = m (1 - beta1) / (1 - beta1^t)
        s <- beta2 s + g^2    s^ = s (1 - beta2) / (1 - beta2^t)      w <- w - rate m^ / (sqrt(s^) + epsilon)

    m^ and s^ are means of the last gradients and of their squares, the older ones with less weight.
    Source: Kingma and Ba, Adam: a method for stochastic optimization, 2015, algorithm 1, where 1 - beta stands within the sums.
    """

    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    names: ClassVar[tuple[str, ...]] = ("mean", "square")

    def move(self, w: Array, g: Array, *remembered: Array, rate: float, t: int) -> None:
        (mean, square), (beta1, beta2) = remembered, self.betas
        mean *= beta1
        mean += g
        square *= beta2
        square += np.square(g, out=g)
        # m^ / (sqrt(s^) + epsilon), with the factors of both taken out, so that less is done to every number
        of_mean, of_root = (1 - beta1) / (1 - beta1**t), math.sqrt((1 - beta2) / (1 - beta2**t))
        np.sqrt(square, out=g)
        g += self.epsilon / of_root
        np.divide(mean, g, out=g)
        w -= np.multiply(g, rate * of_mean / of_root, out=g)


class Optimizer:
    """A rule, and what it remembers of the weights w.

    `weight_decay` adds weight_decay * w to the gradient in the `decayed` parts of w, which is that of weight_decay / 2 w^2.

    What is remembered of a weight without gradient shrinks until it is denormal, less than the smallest normal number, and
    stays so for good: 0.9 times the very smallest number is rounded back to it. Processors are a hundred times slower with
    such numbers, so what comes near to them is set to zero now and then.
    """

    def __init__(self, rule: Rule, w: Array, *, weight_decay: float = 0.0, decayed: Sequence[slice] = ()) -> None:
        self.rule, self.w = rule, w
        self.weight_decay, self.decayed = weight_decay, decayed
        self.remembered = {name: np.zeros_like(w) for name in rule.names}
        self.t = 0
        self.nothing = 2**20 * np.finfo(w.dtype).tiny  # 1e-32 of float32

    def step(self, g: Array, *, rate: float) -> None:
        """Move w by one step; `g` is used up."""
        self.t += 1
        if self.weight_decay:
            for part in self.decayed:
                g[part] += self.weight_decay * self.w[part]
        for begin in range(0, len(self.w), PIECE):
            piece = slice(begin, begin + PIECE)
            remembered = [array[piece] for array in self.remembered.values()]
            self.rule.move(self.w[piece], g[piece], *remembered, rate=rate, t=self.t)
            if self.t % STEPS_BETWEEN_SWEEPS == 0:
                for array in remembered:
                    array[np.abs(array) < self.nothing] = 0
