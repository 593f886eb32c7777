"""What the machine gives at best: the rate of a large float32 matrix product on all cores."""

from __future__ import annotations

import statistics
import time
from typing import Any, TypedDict

import torch

from benchmarks.contenders.contract import serve

WARM_UPS = 2


class MatrixJob(TypedDict):
    """Square matrices of `size`, multiplied `repeats` times."""

    size: int
    repeats: int
    cores: int


def multiply(job: MatrixJob) -> dict[str, Any]:
    torch.set_num_threads(job["cores"])
    size = job["size"]
    left, right, product = torch.rand(size, size), torch.rand(size, size), torch.empty(size, size)
    seconds = []
    for _ in range(WARM_UPS + job["repeats"]):
        start = time.perf_counter()
        torch.matmul(left, right, out=product)
        seconds.append(time.perf_counter() - start)
    return {"flop_per_second": 2 * size**3 / statistics.median(seconds[WARM_UPS:])}


if __name__ == "__main__":
    serve({"multiply": multiply}, libraries=("torch",))
