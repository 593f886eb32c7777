"""Every model family by name, and how one is built from a study's plain settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from papilio.errors import SettingError, did_you_mean
from papilio.models.autoencoder import autoencoder, vae
from papilio.models.classifiers import cnn, lenet5, mlp
from papilio.models.dcgan import dcgan
from papilio.models.encoder_classifier import encoder_classifier
from papilio.models.gan import gan
from papilio.settings.references import OwnFunctions, find_own

Builder = Callable[..., nn.Module | dict[str, nn.Module]]

FAMILIES: dict[str, Builder] = {
    "mlp": mlp,
    "cnn": cnn,
    "lenet5": lenet5,
    "encoder_classifier": encoder_classifier,
    "autoencoder": autoencoder,
    "vae": vae,
    "gan": gan,
    "dcgan": dcgan,
}


def find_builder(family: str, own: OwnFunctions = {}) -> Builder:  # noqa: B006 (never changed)
    """The builder of a family, or the user's own (see `papilio.settings.references`).

    Raises SettingError for a name that is neither.
    """
    if ":" in family or family in own:
        found = find_own(family, what="model.family", own=own)
        if isinstance(found, nn.Module):
            raise SettingError(
                f"model.family: {family} is a network that is built already; name its class, or a function that builds one"
            )
        return found
    if family not in FAMILIES:
        hint = did_you_mean(family, FAMILIES)
        raise SettingError(f"model.family: {family!r} is not a model family; {hint} (your own: module:function)")
    return FAMILIES[family]


def build_nets(
    builder: Builder,
    settings: Mapping[str, Any],
    *,
    image_shape: tuple[int, int, int],
    heads: tuple[int, ...],
    seed: int,
) -> dict[str, nn.Module]:
    """The nets by name (a single one is called "network"), their weights a function of the seed alone.

    `heads` has how many numbers each head of the net must output. The builder gets `image_shape`, `num_classes` (all
    heads' numbers together) and `heads` where it names them. Raises SettingError where the settings do not
    fit it, or where what it returns is not a network.
    """
    arguments = given_to(builder, image_shape=image_shape, heads=heads)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        built = builder(**arguments, **settings)
    nets = {"network": built} if isinstance(built, nn.Module) else built
    if not isinstance(nets, dict) or not nets or not all(isinstance(net, nn.Module) for net in nets.values()):
        raise SettingError(
            f"model.family: got {type(built).__name__}, expected a torch module or a dict of them by name"
        )
    return nets


def given_to(
    function: Callable[..., Any], *, image_shape: tuple[int, int, int], heads: tuple[int, ...]
) -> dict[str, Any]:
    """Those facts about the images and what is asked of them that a function has parameters for."""
    given = {"image_shape": image_shape, "num_classes": sum(heads), "heads": heads}
    parameters = inspect.signature(function).parameters
    return {name: value for name, value in given.items() if name in parameters}
