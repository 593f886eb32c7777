"""The loop of PyTorch's DCGAN tutorial (Inkawhich), line by line, with its numbers told every 50 batches."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.contenders.contract import (
    BATCH_SIZE,
    CHECKED_IMAGES,
    Stopwatch,
    TrainJob,
    is_bfloat16,
    load_floats,
    serve,
)
from benchmarks.contenders.game_nets import LATENTS, adam, brightness_error, discriminator, drawn, generator
from benchmarks.contenders.torch_nets import count_parameters


def train(job: TrainJob) -> dict[str, Any]:
    images = torch.from_numpy(load_floats(job["images"])[0])
    loader = DataLoader(TensorDataset(images), batch_size=BATCH_SIZE, shuffle=True)
    net_g, net_d = drawn(generator()), drawn(discriminator())
    criterion, optimizer_d, optimizer_g = nn.BCELoss(), adam(net_d), adam(net_g)
    losses_g, losses_d, watch = [], [], Stopwatch()
    for _ in range(1 + job["passes"]):
        for (real,) in loader:
            with torch.autocast("cpu", torch.bfloat16, enabled=is_bfloat16(job)):
                net_d.zero_grad()
                label = torch.full((len(real),), 1.0)
                error_real = criterion(net_d(real).view(-1).float(), label)
                error_real.backward()
                fake = net_g(torch.randn(len(real), LATENTS, 1, 1))
                label.fill_(0.0)
                error_fake = criterion(net_d(fake.detach()).view(-1).float(), label)
                error_fake.backward()
                optimizer_d.step()
                net_g.zero_grad()
                label.fill_(1.0)
                error_g = criterion(net_d(fake).view(-1).float(), label)
                error_g.backward()
                optimizer_g.step()
            losses_g.append(error_g.item())
            losses_d.append((error_real + error_fake).item())
        watch.pass_ended()
    return {
        **watch.rates(len(images)),
        "parameters": count_parameters(net_g) + count_parameters(net_d),
        "error": brightness_error(net_g, images[:CHECKED_IMAGES]),
    }


if __name__ == "__main__":
    serve({"train": train}, libraries=("torch", "numpy"))
