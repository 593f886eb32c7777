"""A run in training, by torch: it trains whatever an objective describes, one epoch at a time.

All that a run's next epoch depends on is in its state: nets, optimizers, generators. A run that resumes from it does exactly
the arithmetic that an uninterrupted one does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from papilio import epochs
from papilio.data.imageset import ImageSet, SplitName
from papilio.engine import (
    EVALUATION_BATCH,
    Arrays,
    Diverged,
    OnStep,
    Record,
    Seeds,
    seconds_a_batch,
    under_prefix,
    with_prefix,
)
from papilio.errors import SettingError
from papilio.models.describe import describe_nets
from papilio.models.description import Description
from papilio.settings.schedules import SCHEDULES
from papilio.settings.train_settings import TrainSettings
from papilio.training.batches import Batch, Batches
from papilio.training.calls import in_bfloat16, with_views
from papilio.training.frozen_front import FrontBatches, find_front
from papilio.training.means import TorchMeans
from papilio.training.nets import TorchNets
from papilio.training.noise import Noise, give_noise
from papilio.training.objectives import Objective
from papilio.training.phases import freeze, modules_of, moved_parameters, phase_optimizer, phase_settings
from papilio.training.precision import Precision, best_precision, known_precision
from papilio.training.states import arrays_of_nets, arrays_of_optimizer, load_nets, load_optimizer

OF_OPTIMIZER = "optimiser"  # as checkpoints of every version spell it


class TorchSession:
    """One run: nets, an objective, batches, and all the state between them; `frozen` names parts of nets that do not learn.

    `precision` is what was decided, or what the run began with: it then computes in that, whatever the device has.
    """

    def __init__(
        self,
        nets: Mapping[str, nn.Module],
        objective: Objective,
        *,
        settings: TrainSettings,
        images: ImageSet,
        seed: int,
        frozen: Sequence[str] = (),
        precision: str | None = None,
    ) -> None:
        device = torch.device(settings.device)
        self.modules = {name: as_fast_layout(net.to(device)) for name, net in nets.items()}
        self.objective = objective
        self.settings = settings
        self.device = device
        self.seeds = Seeds.of(seed)
        self.shuffling = torch.Generator(device).manual_seed(self.seeds.shuffling)
        self.noise = Noise(torch.Generator(device).manual_seed(self.seeds.noise))
        self.precision: Precision = known_precision(precision) or best_precision(settings.precision, device)
        self.measured = with_views(self.modules, settings)  # how objectives call the nets when they are measured
        self.frozen = freeze(self.modules, frozen)
        self.moved = [moved_parameters(self.modules, phase) for phase in objective.phases]
        self.optimizers = [
            phase_optimizer(settings, phase_settings(settings, phase), parameters)
            for phase, parameters in zip(objective.phases, self.moved, strict=True)
        ]
        self.schedules = [
            SCHEDULES[phase_settings(settings, phase).schedule or settings.schedule] for phase in objective.phases
        ]
        self.peak_rates = [optimizer.param_groups[0]["lr"] for optimizer in self.optimizers]
        self.images = images
        self.front = None if objective.sees_images else find_front(self.modules, self.frozen, device)
        self.train_batches = self._train_batches()
        called = self._called_on(self.train_batches)
        self.learning = called if self.precision == "float32" else in_bfloat16(called, device)
        self.split_batches: dict[SplitName, Batches | FrontBatches | None] = {}
        self.epoch, self.step = 0, 0
        self.batch_metrics: dict[str, list[Tensor]] = {}  # of this epoch
        self.stack = ExitStack()  # what is undone when the session ends, of the engine's too

    def __enter__(self) -> TorchSession:
        self.stack.enter_context(torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []))
        torch.manual_seed(self.seeds.noise)  # for nets of the user's own that draw from the global generator
        give_noise(self.modules.values(), self.noise)
        self.stack.callback(give_noise, self.modules.values(), None)
        return self

    def __exit__(self, *error: object) -> None:
        self.stack.close()

    def describe(self, lane: int) -> Description:
        return describe_nets(self.modules, self.images.image_shape)

    def epoch_seconds(self) -> float:
        self._set_modes()
        seconds = self._pass_seconds(self.train_batches, self.train_step)
        if (batches := self._in_order("validation")) is None:
            return seconds
        for net in self.modules.values():
            net.eval()  # views are looked at by nets that do not learn
        nets = self._called_on(batches)
        with torch.no_grad():
            return seconds + self._pass_seconds(batches, lambda batch: self.objective.evaluate(nets, batch, self.noise))

    def _pass_seconds(self, batches: Batches | FrontBatches, work: Callable[[Batch], object]) -> float:
        """What one pass of `work` takes, and the epoch's share of what is computed once."""
        once = batches.seconds_once() / self.settings.epochs if isinstance(batches, FrontBatches) else 0.0
        return once + len(batches) * seconds_a_batch(batches.probed(self.shuffling), work)

    def train_epoch(self, on_step: OnStep | None = None) -> dict[int, Record | Diverged]:
        self._set_modes()
        self.batch_metrics.clear()
        batches = self.train_batches.shuffled(self.shuffling)
        return epochs.train_epoch(self, batches, TorchMeans(), num_steps=len(self.train_batches), on_step=on_step)

    def train_step(self, batch: Batch) -> dict[str, Tensor]:
        """Every phase of the objective once (or as often as it repeats) on one batch; returns their metrics.

        Raises SettingError where two phases have a metric of the same name.
        """
        if self.objective.share is not None:
            shared = self.objective.share(self.learning, batch, self.noise, self.step)
            batch = Batch(batch.images, batch.targets, shared)
        self._set_learning_rates()
        metrics: dict[str, Tensor] = {}
        for phase, optimizer, parameters in zip(self.objective.phases, self.optimizers, self.moved, strict=True):
            measured: dict[str, Tensor] = {}
            for _ in range(phase.repeats):
                loss, measured = phase.loss(self.learning, batch, self.noise, self.step)
                for parameter in parameters:  # as zero_grad, which takes longer than a small net's layer
                    parameter.grad = None
                torch.autograd.backward(loss, inputs=parameters)
                optimizer.step()
            if twice := metrics.keys() & measured.keys():
                raise SettingError(
                    f"the phase {phase.title} has a metric {min(twice)!r}, which another phase also has; rename one of them"
                )
            metrics |= {name: value.detach() for name, value in measured.items()}
        if self.objective.after_step is not None:
            self.objective.after_step(self.modules, self.step)
        for name, value in metrics.items() if self.objective.keeps_batches else ():
            self.batch_metrics.setdefault(name, []).append(value.mean())
        return metrics

    def batches(self, lane: int) -> dict[str, list[float]]:
        return {name: torch.stack(values).cpu().tolist() for name, values in self.batch_metrics.items()}

    @torch.no_grad()
    def evaluate(self, split: SplitName, lane: int | None = None) -> dict[int, Record | Diverged]:
        batches = self._in_order(split)
        if batches is None:
            return {0: {}}
        noise = Noise(torch.Generator(self.device).manual_seed(self.seeds.evaluation))
        for net in self.modules.values():
            net.eval()
        nets = self._called_on(batches)
        return epochs.evaluate(
            split,
            batches.in_order(),
            lambda batch: self.objective.evaluate(nets, batch, noise),
            TorchMeans(is_whole=True),
            epoch=self.epoch,
            over_set=self.objective.over_set,
        )

    def state(self, lane: int) -> Arrays:
        arrays = with_prefix("nets", arrays_of_nets(self.modules))
        for index, optimizer in enumerate(self.optimizers):
            arrays |= with_prefix(f"{OF_OPTIMIZER}-{index}", arrays_of_optimizer(optimizer))
        for name, generator in self._generators():
            arrays[f"generator/{name}"] = generator.get_state().numpy().copy()
        arrays["generator/global"] = torch.get_rng_state().numpy().copy()
        if self.device.type == "cuda":
            arrays["generator/cuda"] = torch.cuda.get_rng_state(self.device).numpy().copy()
        return arrays

    def weights(self, lane: int) -> Arrays:
        return arrays_of_nets(self.modules)

    def load(self, lane: int, state: Arrays, *, epoch: int, step: int) -> None:
        self.load_weights(lane, under_prefix("nets", state))
        for index, optimizer in enumerate(self.optimizers):
            load_optimizer(optimizer, under_prefix(f"{OF_OPTIMIZER}-{index}", state))
        for name, generator in self._generators():
            generator.set_state(torch.from_numpy(state[f"generator/{name}"].copy()))
        torch.set_rng_state(torch.from_numpy(state["generator/global"].copy()))
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(torch.from_numpy(state["generator/cuda"].copy()), self.device)
        self.epoch, self.step = epoch, step

    def load_weights(self, lane: int, weights: Arrays) -> None:
        load_nets(self.modules, weights)
        for batches in (self.train_batches, *self.split_batches.values()):
            if isinstance(batches, FrontBatches):
                batches.forget()

    def nets(self, lane: int) -> TorchNets:
        return TorchNets({name: net.eval() for name, net in self.measured.items()}, self.device)

    def retire(self, lane: int) -> None:
        """There is only this one."""

    def _train_batches(self) -> Batches | FrontBatches:
        settings, images = self.settings, self.images
        made = Batches(
            images.images,
            images.labels,
            images.train,
            batch_size=settings.batch_size,
            augmentation=settings.augment,
            device=self.device,
        )
        return self._kept(made, self.precision)

    def _in_order(self, split: SplitName) -> Batches | FrontBatches | None:
        """A split as it is measured, None where it is empty."""
        if split not in self.split_batches:
            images, indices = self.images, self.images.indices(split)
            made = Batches(images.images, images.labels, indices, batch_size=EVALUATION_BATCH, device=self.device)
            is_repeated = (
                split == "validation" and self.settings.views is None
            )  # each view would have outputs of its own
            kept = self._kept(made, "float32") if is_repeated else made
            self.split_batches[split] = kept if len(indices) else None
        return self.split_batches[split]

    def _kept(self, batches: Batches, precision: Precision) -> Batches | FrontBatches:
        """Batches of what the frozen layers give, where that is the same in every epoch."""
        kept = None if self.front is None else self.front.kept(batches, precision)
        return batches if kept is None else kept

    def _called_on(self, batches: Batches | FrontBatches) -> dict[str, nn.Module]:
        """How objectives call the nets on such batches: the whole of them, or what follows the frozen layers."""
        if isinstance(batches, FrontBatches) and self.front is not None:
            return {"network": self.front.rest}
        return self.measured

    def _generators(self) -> Iterator[tuple[str, torch.Generator]]:
        yield "shuffling", self.shuffling
        yield "noise", self.noise.generator

    def _set_modes(self) -> None:
        """What phases train learns; everything else is in evaluation mode: statistics of batches do not move it."""
        for net in self.modules.values():
            net.eval()
        for part in (part for phase in self.objective.phases for part in phase.parts):
            for module in modules_of(self.modules, part):
                module.train()
        for module in self.frozen:
            module.eval()

    def _set_learning_rates(self) -> None:
        done = self.step / (self.settings.epochs * len(self.train_batches))
        for optimizer, peak, schedule in zip(self.optimizers, self.peak_rates, self.schedules, strict=True):
            rate = peak * schedule(done)
            for group in optimizer.param_groups:
                group["lr"] = rate

    def learning_rates(self) -> dict[str, float]:
        """The first phase's, and those of phases whose rate is another one."""
        rates = [optimizer.param_groups[0]["lr"] for optimizer in self.optimizers]
        titles = [phase.title for phase in self.objective.phases]
        others = {f"learning_rate_{title}": rate for title, rate in zip(titles, rates, strict=True) if rate != rates[0]}
        return {"learning_rate": rates[0], **others}


def as_fast_layout(net: nn.Module) -> nn.Module:
    """The net with its convolutions' weights channels-last: twice the speed of a small CNN on a CPU."""
    for parameter in net.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return net
