"""A trained run, ready to use: its facts, its nets with the best epoch's weights, and what its kind offers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from papilio.data.given import as_images, as_pictures
from papilio.data.imageset import ImageSet
from papilio.data.named import refuse_overlap
from papilio.data.pictures import BrokenPicturesError, unreadable_pictures
from papilio.data.progress import Progress
from papilio.data.quantities import Quantity
from papilio.engine import Nets, find_engine
from papilio.errors import DataError, RunError, SettingError, did_you_mean, shown
from papilio.kinds.kind import Kind
from papilio.kinds.registry import kind_of
from papilio.models.layer_names import INPUT, LATENTS, OUTPUT, find_layer
from papilio.runs.arrays import load_arrays
from papilio.runs.folder import RunFacts, RunFolder
from papilio.runs.own_code import own_code
from papilio.runs.shipped import find_run
from papilio.settings.references import OwnFunctions, resolve_reference
from papilio.settings.validation import validated

Labels = str | int | Sequence[str] | Sequence[int] | np.ndarray  # of images: classes by name or number


@dataclass(frozen=True)
class Run:
    """A run's facts, records and trained nets (in evaluation mode).

    What it can do is what its kind offers: each of `predict`, `probabilities`, `read`, `encode`, `decode` and `sample` raises
    RunError, with what there is instead, where this kind of run has no such thing.
    """

    folder: Path
    facts: RunFacts
    nets: Nets
    kind: Kind

    def __repr__(self) -> str:
        return resolve_reference("papilio.results.notebook:trained_words")(self)

    def _repr_html_(self) -> str:
        return resolve_reference("papilio.results.notebook:trained_html")(self)

    @property
    def network(self) -> Any:
        """The one network of a run that has one, as its engine has it: a torch module that takes float images in [0, 1],
        (batch, channel, height, width)."""
        if list(self.nets.names) != ["network"]:
            raise RunError(
                f"{self.folder}: this run has the nets {', '.join(self.nets.names)}; pick one from run.modules"
            )
        return self.modules["network"]

    @property
    def modules(self) -> dict[str, Any]:
        """The nets by name, as the engine has them."""
        return self.nets.modules

    @property
    def class_names(self) -> list[str]:
        return self.facts.class_names

    @property
    def metrics(self) -> dict[str, float]:
        """Of the best epoch on validation images, and on test images."""
        return self.facts.metrics

    @property
    def records(self) -> list[dict[str, Any]]:
        """One dictionary per epoch."""
        return RunFolder(self.folder).read_records()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channel, height, width) of the images that the nets take."""
        return self.facts.images.shape

    @property
    def quantity(self) -> Quantity | None:
        """What the images show where that is a number on a circle."""
        return self.facts.images.quantity

    @property
    def latents(self) -> int:
        """How many latents an image has; raises RunError where the run has none."""
        sizes = [int(net.latents) for net in self.modules.values() if hasattr(net, "latents")]
        if not sizes and "encode" in self.kind.offers:  # a network of the user's own need not say
            sizes = [self.encode(np.zeros((1, *self.image_shape), np.uint8)).shape[1]]
        if not sizes:
            raise RunError(f"{self.folder}: a run of {self.kind.name} has no latents")
        return sizes[0]

    @property
    def conditional_classes(self) -> int:
        """How many classes the nets that make its images are told of; 0 for a run that is not conditional."""
        return max((int(getattr(net, "classes", 0)) for net in self.modules.values()), default=0)

    def images_of(self, pictures: Any) -> np.ndarray:
        """Pictures as the nets take them: uint8 (num, channel, height, width), an array that is that already as it is.

        `pictures` is whatever `predict` takes, and so it is in every method that takes pictures. Raises DataError for anything
        else.
        """
        return as_images(pictures, shape=self.image_shape, bits=self.facts.run_settings.data.bits)

    def outputs(self, pictures: Any) -> np.ndarray:
        """The network's outputs, float32 (num, ...), of pictures as `images_of` takes them."""
        return self.nets.forward("network", self.images_of(pictures))

    def layer(self, name: str, pictures: Any) -> np.ndarray:
        """The output of a layer: float32 (num, ...), of pictures as `images_of` takes them.

        Names are those of `[[analysis]] layers`: `conv_1`, `dense_1` and so on, `input`, `latents`, `output`, or as
        `papilio show` lists them. Runs of several nets have the latter only, `discriminator.0`; a generator's layers take
        latents (num, latents) in place of pictures, with a column for each class behind them if it is conditional. Raises
        RunError for a layer that does not exist.
        """
        if "network" not in self.nets.names:
            return self._layer_of_several(name, pictures)
        images = self.images_of(pictures)
        try:
            found = find_layer(name, self.facts.layer_rows, has_latents="encode" in self.kind.offers)
        except SettingError as error:
            return self._part(name, images, complaint=str(error))
        if found == INPUT:
            return images.astype(np.float32) / 255
        if found == LATENTS:
            return self.encode(images)
        return self.outputs(images) if found == OUTPUT else self.nets.forward("network", images, until=found)

    def predict(
        self,
        pictures: Any,
        *,
        is_inverted: bool = False,
        errors: Literal["raise", "skip"] = "raise",
        progress: Progress | None = None,
    ) -> list[Any]:
        """What pictures show, one answer each; each is converted to the size and colors that the run was trained on.

        `pictures` is a file's path, a folder's (all pictures below it), a PIL image, a NumPy array, or a list of these. An
        array is one image or a batch, of integers from 0 to 255 or floats from 0 to 1: (height, width), (height, width, 3),
        (num, height, width), (num, height, width, 3) or (num, channel, height, width). `is_inverted` swaps light and dark
        first; `progress` is told how many are read. Raises DataError for anything else, and, naming all of them, for files
        that cannot be read; with `errors` = "skip" these have no answer (an answer's `picture` says which one it is of).
        """
        if errors not in ("raise", "skip"):
            raise SettingError(f'errors = {shown(errors)}: allowed are "raise" and "skip"')
        offer, bits = self._offer("predict"), self.facts.run_settings.data.bits
        known = as_pictures(pictures, shape=self.image_shape, bits=bits)
        try:
            return offer(self, known, is_inverted=is_inverted, progress=progress)
        except DataError as error:
            broken = unreadable_pictures(known, bits=bits)
            if not broken:
                raise
            if errors == "raise":
                raise BrokenPicturesError(broken, num=len(known)) from error
        readable = [one for one in known if str(one) not in broken]
        return offer(self, readable, is_inverted=is_inverted, progress=progress)

    def probabilities(self, pictures: Any) -> np.ndarray:
        """Each class's probability, float32 (num, class), of pictures as `images_of` takes them."""
        return self._offer("probabilities")(self, self.images_of(pictures))

    def read(self, pictures: Any) -> tuple[np.ndarray, np.ndarray]:
        """The value that each of pictures, as `images_of` takes them, shows as a whole, and a confidence in [0, 1] of each."""
        return self._offer("read")(self, self.images_of(pictures))

    def encode(self, pictures: Any) -> np.ndarray:
        """The latent of each of pictures, as `images_of` takes them: float32 (num, latents)."""
        return self._offer("encode")(self, self.images_of(pictures))

    def posterior(self, pictures: Any) -> tuple[np.ndarray, np.ndarray]:
        """Of a variational autoencoder, mean and log variance of the latents of pictures, as `images_of` takes them: float32
        (num, latents) each."""
        return self._offer("posterior")(self, self.images_of(pictures))

    def reconstruct(self, pictures: Any) -> np.ndarray:
        """What the network gives back of pictures, as `images_of` takes them: float32 (num, channel, height, width), from 0 to
        1."""
        return self._offer("reconstruct")(self, self.images_of(pictures))

    def decode(self, latents: np.ndarray, *, labels: Labels | None = None) -> np.ndarray:
        """An image of each of latents (num, latents): uint8 (num, channel, height, width).

        `labels`, of a conditional run, are classes by name or number, one for all or one per image; by default its first class.
        """
        return self._offer("decode")(self, latents, **({} if labels is None else {"labels": labels}))

    def sample(
        self, num: int, *, seed: int = 0, labels: Labels | None = None, progress: Progress | None = None
    ) -> np.ndarray:
        """So many new images, uint8 (num, channel, height, width); the same seed gives the same ones.

        `labels`, of a conditional run, are classes by name or number, one for all or one per image; by default all classes take
        turns. `progress` is told how many there are. Raises RunError for labels where the run is not conditional.
        """
        function = self._offer("sample")
        known = inspect.signature(function).parameters
        if labels is not None and "labels" not in known:
            raise RunError(f"{self.folder}: a run of {self.kind.name} is not conditional: leave labels out")
        given = {"labels": labels, "progress": progress}
        return function(self, num, seed=seed, **{name: given[name] for name in given if name in known})

    def refuse_other_images(self, images: ImageSet) -> None:
        """Raises DataError where this run's scores on the image set would mean nothing."""
        refuse_overlap(self.facts.data_name, images.name)
        if list(images.class_names) != self.class_names or images.quantity != self.quantity:
            raise DataError(f"{images.name}: what it shows is not what the run {self.facts.run} was trained on")

    def refuse_other_shape(self, images: np.ndarray) -> None:
        """Raises DataError for images that the nets do not take."""
        expected = f"uint8 (num, {', '.join(map(str, self.image_shape))})"
        if not isinstance(images, np.ndarray):
            got = type(images).__name__
            raise DataError(f"{self.folder}: got a {got} in place of images, this run takes a NumPy array {expected}")
        if images.dtype != np.uint8 or images.shape[1:] != self.image_shape:
            raise DataError(f"{self.folder}: got images {images.dtype} {images.shape}, this run takes {expected}")

    def _layer_of_several(self, name: str, given: Any) -> np.ndarray:
        net, _, layer = name.partition(".")
        if net not in self.nets.names or not layer:
            known = [row.name for row in self.facts.layer_rows if "." in row.name]
            hint = did_you_mean(name, known) if known else "write a net and its layer, such as generator.layers.1"
            raise RunError(f"{self.folder}: {name!r} is not a layer of its nets, {', '.join(self.nets.names)}; {hint}")
        try:
            return self._layer_of_net(net, layer, given)
        except RunError as error:
            raise RunError(f"{self.folder}: {net}: {str(error).removeprefix(f'{self.folder}: ')}") from error

    def _layer_of_net(self, net: str, layer: str, given: Any) -> np.ndarray:
        if not hasattr(self.modules.get(net), "latents"):
            return self.nets.forward(net, self.images_of(given), until=layer)
        latents, wanted = np.asarray(given, dtype=np.float32), self.latents + self.conditional_classes
        if latents.ndim != 2 or latents.shape[1] != wanted:
            raise DataError(f"{self.folder}: got latents {latents.shape}; {net} takes (num, {wanted})")
        return self.nets.forward(net, latents, until=layer)

    def _part(self, name: str, images: np.ndarray, *, complaint: str) -> np.ndarray:
        """What several layers together give, which no table of layers has; raises RunError where there is no such part."""
        try:
            return self.nets.forward("network", images, until=name)
        except RunError as error:
            raise RunError(f"{self.folder}: {complaint if self.facts.layers else error}") from error

    def _offer(self, name: str) -> Callable[..., Any]:
        if name not in self.kind.offers:
            there = ", ".join(self.kind.offers) or "nothing"
            raise RunError(f"{self.folder}: its kind, {self.kind.name}, offers {there}, not {name}")
        return resolve_reference(self.kind.offers[name])


def load_run(run: Any, *, own: OwnFunctions | None = None, network: Callable[..., Any] | None = None) -> Run:
    """A trained run, ready to use.

    `run` is its folder, or the name of one that comes with Papilio ("clock"); or whatever stands for it: a study's folder or
    results (their best run), a trial of them (its best run), a run of them. Code of a user's own that it was trained with is
    found next to the study file, in the study's folder, and in the notebook or script that runs; otherwise `network` is the
    function or class that the network was built with, and `own` has all of a study's functions, by the names that its
    settings give them ("nets:Tiny") or their last parts ("Tiny"). Raises RunError where there is no such run or code, or the
    run has no weights.
    """
    if isinstance(run, Run):
        return run
    place, _ = resolve_reference("papilio.results.best:place_of_run")(run)
    folder = find_run(place)
    files = RunFolder(folder)
    facts = files.facts()
    if not files.weights_file.exists():
        missing = "weights.safetensors is missing; run the study again to retrain it"
        why = missing if facts.best_epoch else facts.reason or "it has not finished an epoch successfully"
        raise RunError(f"{folder}: this run ({facts.status}) has no weights: {why}")
    settings = facts.run_settings
    functions = dict(own or {}) | ({settings.model.family: network} if network is not None else {})
    functions = own_code(folder, settings, functions)
    weights, _ = load_arrays(files.weights_file)
    try:
        engine = find_engine(settings.train.engine, functions)
        takes, given = engine.model_settings(settings.model.family), settings.model.arguments
        validated(takes, given, where=files.facts_file.name, prefix="model", error=SettingError)
        kind = kind_of(settings.train, facts.images, functions)
        nets = engine.load(settings, facts.images, weights)
    except SettingError as error:
        raise RunError(f"{folder}: {error}") from error
    except RunError as error:
        raise RunError(f"{files.weights_file}: {error}") from error
    return Run(folder, facts, nets, kind)
