"""What the machine gives at best: the rate of a large matrix product on all cores, in float32 or bfloat16."""

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
    precision: str


def multiply(job: MatrixJob) -> dict[str, Any]:
    torch.set_num_threads(job["cores"])
    size, dtype = job["size"], getattr(torch, job["precision"])
    left, right = (torch.rand(size, size).to(dtype) for _ in range(2))
    product = torch.empty(size, size, dtype=dtype)
    seconds = []
    for _ in range(WARM_UPS + job["repeats"]):
        start = time.perf_counter()
        torch.matmul(left, right, out=product)
        seconds.append(time.perf_counter() - start)
    return {"flop_per_second": 2 * size**3 / statistics.median(seconds[WARM_UPS:])}


if __name__ == "__main__":
    serve({"multiply": multiply}, libraries=("torch",))
