"""Lightning: a LightningModule for an autoencoder and for a variational one, as `lightning_fit` has one for classifiers."""

from __future__ import annotations

from typing import Any

import lightning
import torch
from torch import Tensor

from benchmarks.contenders.contract import (
    CHECKED_IMAGES,
    LEARNING_RATE,
    TrainJob,
    load_floats,
    serve,
)
from benchmarks.contenders.latent_nets import NETS, error_of, negative_elbo, sampled, squared_error
from benchmarks.contenders.lightning_fit import fit
from benchmarks.contenders.torch_nets import count_parameters


class Reconstruction(lightning.LightningModule):
    """As in Lightning's own introduction, which is an autoencoder."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.encoder, self.decoder = NETS[name]()
        self.is_variational = name == "vae"

    def training_step(self, batch: tuple[Tensor], batch_idx: int) -> Tensor:
        (images,) = batch
        if not self.is_variational:
            return squared_error(images, self.decoder(self.encoder(images)))
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return negative_elbo(images, self.decoder(sampled(mean, log_variance)), mean, log_variance)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=LEARNING_RATE)


def train(job: TrainJob) -> dict[str, Any]:
    images = torch.from_numpy(load_floats(job["images"])[0])
    model = Reconstruction(job["net"])
    return {
        **fit(model, job, images),
        "parameters": count_parameters(model),
        "error": error_of(model.encoder, model.decoder, images[:CHECKED_IMAGES], net=job["net"]),
    }


if __name__ == "__main__":
    serve({"train": train}, libraries=("lightning", "torch", "numpy"))
