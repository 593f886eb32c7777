"""DeZero, the framework in NumPy that the book Deep Learning from Scratch 3 builds: its layers in a loop as the book has it."""

from __future__ import annotations

from typing import Any

import numpy as np

np.int = int  # NumPy has dropped this name, which DeZero 0.0.13 looks up when it is imported; nothing else is changed

import dezero  # noqa: E402
import dezero.functions as F  # noqa: E402
import dezero.layers as L  # noqa: E402

from benchmarks.contenders.contract import (  # noqa: E402
    BATCH_SIZE,
    CHECKED_IMAGES,
    LEARNING_RATE,
    Stopwatch,
    TrainJob,
    load_floats,
    serve,
)


class Mlp(dezero.Model):
    """784-512-512-10."""

    def __init__(self) -> None:
        super().__init__()
        self.dense1, self.dense2, self.dense3 = L.Linear(512), L.Linear(512), L.Linear(10)

    def forward(self, x: dezero.Variable) -> dezero.Variable:
        x = F.reshape(x, (len(x), -1))
        return self.dense3(F.relu(self.dense2(F.relu(self.dense1(x)))))


class Lenet(dezero.Model):
    """LeNet-5 with ReLU and max pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = L.Conv2d(6, kernel_size=5, pad=2), L.Conv2d(16, kernel_size=5)
        self.dense1, self.dense2, self.dense3 = L.Linear(120), L.Linear(84), L.Linear(10)

    def forward(self, x: dezero.Variable) -> dezero.Variable:
        x = F.relu(F.pooling(self.conv1(x), 2, 2))
        x = F.relu(F.pooling(self.conv2(x), 2, 2))
        x = F.reshape(x, (len(x), -1))
        return self.dense3(F.relu(self.dense2(F.relu(self.dense1(x)))))


NETS = {"mlp": Mlp, "lenet": Lenet}


def train(job: TrainJob) -> dict[str, Any]:
    images, labels = load_floats(job["images"])
    net, rng = NETS[job["net"]](), np.random.default_rng(0)
    optimizer = dezero.optimizers.Adam(LEARNING_RATE).setup(net)
    watch = Stopwatch()
    for _ in range(1 + job["passes"]):
        for chosen in np.split(rng.permutation(len(images)), range(BATCH_SIZE, len(images), BATCH_SIZE)):
            loss = F.softmax_cross_entropy(net(images[chosen]), labels[chosen])
            net.cleargrads()
            loss.backward()
            optimizer.update()
        watch.pass_ended()
    with dezero.no_grad():
        loss = F.softmax_cross_entropy(net(images[:CHECKED_IMAGES]), labels[:CHECKED_IMAGES])
    return {
        "images_per_second": watch.images_per_second(len(images)),
        "images_per_cpu_second": watch.images_per_cpu_second(len(images)),
        "parameters": sum(parameter.data.size for parameter in net.params()),
        "loss": float(loss.data),
    }


if __name__ == "__main__":
    serve({"train": train}, libraries=("dezero", "numpy"))
