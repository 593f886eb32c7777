"""A bundled study's net, trained in float32 or in bfloat16, on pictures of noise: how fast it is does not depend on them."""

from __future__ import annotations

from typing import Any, TypedDict

from benchmarks.contenders.contract import Stopwatch, serve


class PrecisionJob(TypedDict):
    """One run of a bundled study, by its trial's name ("" for the first), in a precision (None: float32)."""

    study: str
    trial: str
    precision: str | None
    images: int
    passes: int
    cores: int


def train(job: PrecisionJob) -> dict[str, Any]:
    """Passes of `Session.train_epoch`, on all cores."""
    import numpy as np

    from papilio.data.imageset import ImageSet
    from papilio.data.quantities import CLOCK
    from papilio.runs.train import prepare
    from papilio.search.expected import plan_runs
    from papilio.settings.run_settings import RunSettings
    from papilio.studies.study import load_study

    plan = next(one for one in plan_runs(load_study(job["study"])) if job["trial"] in ("", one.trial))
    tables = plan.settings.identity()
    side, num = tables["data"]["size"], job["images"]
    rng = np.random.default_rng(0)
    everything, nothing = np.arange(num), np.arange(0)
    images = ImageSet(
        name="benchmark",
        images=rng.integers(0, 256, (num, 1, side, side), dtype=np.uint8),
        labels=rng.integers(0, 720, num).astype(np.float64),
        class_names=(),
        train=everything,
        validation=nothing,
        test=nothing,
        origin="noise",
        quantity=CLOCK,
    )
    settings = RunSettings.of(tables | {"train": tables["train"] | {"precision": job["precision"]}})
    with prepare(settings, images, seed=0, threads=job["cores"], own={}) as session:
        watch = Stopwatch()
        for _ in range(1 + job["passes"]):
            session.train_epoch()
            watch.pass_ended()
        return {"images_per_second": watch.images_per_second(num), "precision": session.precision}


if __name__ == "__main__":
    serve({"train": train}, libraries=("papilio", "torch", "numpy"))
