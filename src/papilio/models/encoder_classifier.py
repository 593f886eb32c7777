"""A classifier on the encoder of an autoencoder: what transfer needs, and trained from scratch what to compare it with."""

from __future__ import annotations

from collections import OrderedDict
from typing import Annotated, Literal

from torch import nn

from papilio.models.encoder_plan import EncoderPlan, encoder_parts, feature_parts
from papilio.models.layers import initialize
from papilio.models.modules import sequential
from papilio.models.parts import Activation, ActivationName, Dense, Dropout, Initializer, Normalization, Part, numbered
from papilio.models.sizes import positive_integers, share_below_one
from papilio.settings.since import Since

Cut = Literal["latents", "dense", "convolutions"]


class EncoderClassifier(nn.Sequential):
    """The `encoder` of an autoencoder, up to a cut, and a `head` of dense layers on what it gives."""

    def __init__(self, encoder: nn.Sequential, head: nn.Sequential) -> None:
        super().__init__(OrderedDict(encoder=encoder, head=head))


def encoder_classifier(
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    cut: Cut = "latents",
    head: list[int] = [],  # noqa: B006 (never changed; a list, because that is what a study file holds)
    head_dropout: float = 0.0,
    head_norm: Annotated[bool, Since("0.2")] = False,
    variational: bool = False,
    latents: int = 10,
    filters: list[int] = [16, 32, 32],  # noqa: B006 (never changed)
    kernel_size: int = 3,
    blocks: int = 0,
    dense: list[int] = [32],  # noqa: B006 (never changed)
    activation: ActivationName = "relu",
    dropout: float = 0.0,
    batch_norm: bool = False,
    initializer: Initializer = "glorot_uniform",
) -> EncoderClassifier:
    """An encoder as `autoencoder` has it, up to its latents, its last hidden dense layer, or its convolutions; a head on it.

    `head` has the units of the head's hidden layers, each followed by the activation and `head_dropout`; without any it is
    one linear layer. `head_norm` normalizes what the head is given, by the statistics of batches: latents of an autoencoder
    have any scale, and a head on a frozen encoder learns slowly without it. `variational` says that the encoder is a VAE's,
    whose latents are means and log variances. The other arguments are those of the `autoencoder` whose encoder is taken.
    Raises SettingError for arguments out of range.
    """
    plan = EncoderPlan(image_shape, filters, kernel_size, blocks, dense, latents, activation, dropout, batch_norm)
    num = 2 * latents if variational else latents
    layers = encoder_parts(plan, num) if cut == "latents" else feature_parts(plan)
    encoder, width = sequential(layers), num if cut == "latents" else [plan.num_features, *dense][-1]
    if cut == "convolutions":
        # the dense layers have taken random numbers of the seed, as they always did: what follows begins with the same weights
        kept = list(encoder.named_children())[: list(layers).index("flatten") + 1]
        encoder, width = nn.Sequential(OrderedDict(kept)), plan.num_features
    behind = _head(width, head, num_classes, activation, head_dropout, head_norm)
    network = EncoderClassifier(encoder, sequential(numbered(behind)))
    initialize(network, initializer)
    return network


def _head(
    width: int, units: list[int], num_classes: int, activation: ActivationName, dropout: float, is_normalized: bool
) -> list[Part]:
    layers: list[Part] = [Normalization(width, of_images=False)] if is_normalized else []
    for num in positive_integers(units, what="head"):
        layers += [Dense(width, num), Activation(activation)]
        layers += [Dropout(share_below_one(dropout, what="head_dropout"))] if dropout else []
        width = num
    return [*layers, Dense(width, num_classes)]
