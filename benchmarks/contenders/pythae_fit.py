"""pythae: its AE and VAE with nets of one's own and its own trainer, with what costs time and is not training switched off."""

from __future__ import annotations

import logging
import tempfile
from typing import Any

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import AE, VAE, AEConfig, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import Tensor, nn

from benchmarks.contenders.contract import (
    BATCH_SIZE,
    CHECKED_IMAGES,
    LEARNING_RATE,
    Stopwatch,
    TrainJob,
    load_floats,
    serve,
)
from benchmarks.contenders.latent_nets import NETS, error_of
from benchmarks.contenders.torch_nets import count_parameters


class Encoder(BaseEncoder):
    """As pythae wants one: with named outputs."""

    def __init__(self, layers: nn.Module, *, is_variational: bool) -> None:
        super().__init__()
        self.layers = layers
        self.is_variational = is_variational

    def forward(self, images: Tensor) -> ModelOutput:
        given = self.layers(images)
        if not self.is_variational:
            return ModelOutput(embedding=given)
        mean, log_variance = given.chunk(2, dim=1)
        return ModelOutput(embedding=mean, log_covariance=log_variance)


class Decoder(BaseDecoder):
    """As pythae wants one."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, latents: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.layers(latents))


class EndOfPass(TrainingCallback):
    """Tells the stopwatch."""

    def __init__(self, watch: Stopwatch) -> None:
        self.watch = watch

    def on_epoch_end(self, training_config: Any, **kwargs: Any) -> None:
        self.watch.pass_ended()


def train(job: TrainJob) -> dict[str, Any]:
    logging.disable(logging.WARNING)
    torch.set_num_threads(job["cores"])
    images = torch.from_numpy(load_floats(job["images"])[0])
    encoder, decoder = NETS[job["net"]]()
    is_variational, watch = job["net"] == "vae", Stopwatch()
    shape, parts = (1, 28, 28), (Encoder(encoder, is_variational=is_variational), Decoder(decoder))
    if is_variational:
        model = VAE(VAEConfig(input_dim=shape, latent_dim=2, reconstruction_loss="bce"), *parts)
    else:
        model = AE(AEConfig(input_dim=shape, latent_dim=5), *parts)
    with tempfile.TemporaryDirectory() as folder:
        config = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=1 + job["passes"],
            learning_rate=LEARNING_RATE,
            per_device_train_batch_size=BATCH_SIZE,
            no_cuda=True,
            keep_best_on_train=True,
        )
        everything = BaseDataset(images, torch.ones(len(images)))
        BaseTrainer(model, everything, training_config=config, callbacks=[EndOfPass(watch)]).train()
    return {
        **watch.rates(len(images)),
        "parameters": count_parameters(encoder) + count_parameters(decoder),
        "error": error_of(encoder, decoder, images[:CHECKED_IMAGES], net=job["net"]),
    }


if __name__ == "__main__":
    serve({"train": train}, libraries=("pythae", "torch", "numpy"))
