"""Lightning: manual optimization of two nets, as its documentation shows it for a GAN."""

from __future__ import annotations

from typing import Any

import lightning
import torch
from torch import Tensor, nn

from benchmarks.contenders.contract import CHECKED_IMAGES, TrainJob, load_floats, serve
from benchmarks.contenders.game_nets import LATENTS, adam, brightness_error, discriminator, drawn, generator
from benchmarks.contenders.lightning_fit import fit
from benchmarks.contenders.torch_nets import count_parameters


class Game(lightning.LightningModule):
    """As under "Use multiple optimizers" in the documentation of manual optimization."""

    def __init__(self) -> None:
        super().__init__()
        self.G, self.D = drawn(generator()), drawn(discriminator())
        self.criterion = nn.BCELoss()
        self.automatic_optimization = False

    def training_step(self, batch: tuple[Tensor], batch_idx: int) -> None:
        g_opt, d_opt = self.optimizers()
        (real,) = batch
        ones, zeros = torch.ones(len(real)), torch.zeros(len(real))
        fakes = self.G(torch.randn(len(real), LATENTS, 1, 1))
        error_real = self.criterion(self.D(real).view(-1), ones)
        error_fake = self.criterion(self.D(fakes.detach()).view(-1), zeros)
        d_loss = error_real + error_fake
        d_opt.zero_grad()
        self.manual_backward(d_loss)
        d_opt.step()
        g_loss = self.criterion(self.D(fakes).view(-1), ones)
        g_opt.zero_grad()
        self.manual_backward(g_loss)
        g_opt.step()

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
        return adam(self.G), adam(self.D)


def train(job: TrainJob) -> dict[str, Any]:
    images = torch.from_numpy(load_floats(job["images"])[0])
    model = Game()
    return {
        **fit(model, job, images),
        "parameters": count_parameters(model),
        "error": brightness_error(model.G, images[:CHECKED_IMAGES]),
    }


if __name__ == "__main__":
    serve({"train": train}, libraries=("lightning", "torch", "numpy"))
