"""Losses by hand: each gives its value and its gradient with respect to what the net outputs.

Outputs are (features, batch) or (channel, height, width, batch), as in papilio.scratch.layers.
"""

from __future__ import annotations

import math

import numpy as np

from papilio.scratch.layers import FAINT, Array, sigmoid


def cross_entropy(logits: Array, labels: Array) -> tuple[Array, Array]:
    """-log p[label] of each image (nats), with the softmax p_k = exp(o_k) / sum_j exp(o_j); and the gradient of its mean.

    Of one image dL/do_k = p_k - [k = label]: what is too much of each class. The largest logit is taken off first, which
    changes nothing of p, so that no exp overflows. Source: Bridle 1990; Goodfellow et al., Deep Learning, section 6.2.2.3.
    """
    images = np.arange(len(labels))
    shifted = logits - logits.max(axis=0)
    gradient = np.exp(np.maximum(shifted, FAINT))
    total = gradient.sum(axis=0)
    losses = np.log(total) - shifted[labels, images]
    gradient /= total
    gradient[labels, images] -= 1
    gradient /= len(labels)
    return losses, gradient


def squared_error(outputs: Array, wanted: Array) -> tuple[float, Array]:
    """The mean over all numbers of (output - wanted)^2, and its gradient 2 (output - wanted) / how many they are."""
    difference = outputs - wanted
    value = float(np.mean(np.square(difference)))
    difference *= 2 / difference.size
    return value, difference


def bernoulli_nats(logits: Array, images: Array) -> tuple[Array, Array]:
    """-log p(x) of each image, summed over pixels that are 1 with probability s = sigmoid(logit), (batch,); and its gradient.

    A pixel has -x log s - (1 - x) log(1 - s) = max(o, 0) - o x + log(1 + exp(-|o|)), which never overflows; its gradient is
    s - x. Source: Kingma and Welling, Auto-encoding variational Bayes, 2014, appendix C.1.
    """
    nats = np.abs(logits)
    np.log1p(np.exp(np.negative(nats, out=nats), out=nats), out=nats)
    nats += np.maximum(logits, 0)
    nats -= logits * images
    return _summed(nats), sigmoid(logits) - images


def gaussian_nats(logits: Array, images: Array, sigma: float) -> tuple[Array, Array]:
    """-log p(x) of each image with pixels from N(s, sigma^2), s = sigmoid(logit), (batch,); and its gradient.

    A pixel has (s - x)^2 / (2 sigma^2) + log(sigma sqrt(2 pi)); its gradient is (s - x) / sigma^2 times ds/do = s (1 - s).
    """
    means = sigmoid(logits)
    difference = means - images
    nats = np.square(difference) / (2 * sigma**2) + math.log(sigma * math.sqrt(2 * math.pi))
    difference *= means * (1 - means) / sigma**2
    return _summed(nats), difference


class Posterior:
    """The latents' distribution in a variational autoencoder: N(mean, exp(log_variance)), (latents, batch) each.

    A draw is z = mean + sigma epsilon with sigma = exp(log_variance / 2) and epsilon from N(0, 1), so that a gradient finds
    its way through it: dz/dmean = 1, dz/dlog_variance = sigma epsilon / 2. The distance from the prior N(0, 1),

        KL = (mean^2 + exp(log_variance) - log_variance - 1) / 2,

    has the gradients mean and (exp(log_variance) - 1) / 2. Source: Kingma and Welling 2014, sections 2.4 and appendix B.
    """

    def __init__(self, coded: Array) -> None:
        self.mean, self.log_variance = np.split(coded.copy(), 2)
        self.deviation = np.exp(0.5 * self.log_variance)

    def draw(self, epsilon: Array) -> Array:
        """z for given epsilon."""
        return self.mean + self.deviation * epsilon

    def kl_nats(self) -> Array:
        """KL of each latent of each image (nats)."""
        return 0.5 * (np.square(self.mean) + np.square(self.deviation) - self.log_variance - 1)

    def backward(self, dz: Array, epsilon: Array, dkl: Array) -> Array:
        """The gradient with respect to what the encoder gave, of dL/dz and dL/dKL."""
        dmean = dz + dkl * self.mean
        dlog_variance = 0.5 * (dz * self.deviation * epsilon + dkl * (np.square(self.deviation) - 1))
        return np.concatenate([dmean, dlog_variance])


def _summed(pixels: Array) -> Array:
    return pixels.reshape(-1, pixels.shape[-1]).sum(axis=0)
