"""What is wrong with a run, told from its records, while it trains and later in the report: numbers in, sentences out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from papilio.kinds.kind import Kind
from papilio.settings.references import resolve_reference

Records = Sequence[Mapping[str, Any]]
Warn = Callable[[Records], Mapping[str, str]]

IN_A_ROW = 3  # epochs: one alone may be chance
UNMOVED = 1e-6  # relative change of an error that three epochs of training have not moved
LEAST_NATS = 0.1  # of KL, of all latents together
COLLAPSED = 0.25  # generated images that are nearer to each other than this share of what real ones are
RECOVERING = 1.2  # how much larger KL or the distance of generated images is after three epochs that bring it up
ENOUGH_STEPS = 200  # of training, before which images may be alike and a discriminator be ahead
LONG = 5  # epochs in a row: at the beginning of a game that goes well the discriminator is ahead for a while
CERTAIN = 0.97  # a discriminator that says so of real images, and the opposite of generated ones
HINGE_LEFT = (
    0.06  # of the hinge loss, which is 2 at the beginning, and 0 for a discriminator with nothing left to learn
)
STEADY = 0.005  # of probabilities: one that falls by more is being caught up with
MOST_OUTSIDE = 0.01  # of generated pixels


@dataclass(frozen=True)
class Spell:
    """Epochs in a row after which a warning held; `sentence` is what it said after the last of them."""

    name: str
    first_epoch: int
    last_epoch: int
    sentence: str

    def words(self, num_epochs: int) -> str:
        """When it was, and what.

        >>> Spell("collapse", 4, 9, "all samples look alike").words(9)
        'since epoch 4 all samples look alike'
        """
        if self.last_epoch == num_epochs:
            return f"since epoch {self.first_epoch} {self.sentence}"
        if self.first_epoch == self.last_epoch:
            return f"after epoch {self.first_epoch} {self.sentence}"
        return f"from epoch {self.first_epoch} to {self.last_epoch} {self.sentence}"


def warnings_of(kind: Kind) -> Warn | None:
    """What runs of a kind are warned of by; None where there is no such thing."""
    return None if kind.warnings is None else resolve_reference(kind.warnings)


def spells_of(warn: Warn, records: Records) -> list[Spell]:
    """When each warning held, in the order in which they began."""
    spells: list[Spell] = []
    open_spells: dict[str, int] = {}
    for num in range(1, len(records) + 1):
        epoch, found = int(records[num - 1]["epoch"]), warn(records[:num])
        open_spells = {name: place for name, place in open_spells.items() if name in found}
        for name, sentence in found.items():
            if name in open_spells:
                place = open_spells[name]
                spells[place] = replace(spells[place], last_epoch=epoch, sentence=sentence)
            else:
                open_spells[name] = len(spells)
                spells.append(Spell(name, epoch, epoch, sentence))
    return spells


def last_values(records: Records, name: str, *, num: int = IN_A_ROW, split: str = "val") -> list[float]:
    """A metric after each of the last epochs, on that split where it was measured there; none of too few epochs."""
    other = "train" if split == "val" else "val"
    found = [record.get(f"{split}_{name}", record.get(f"{other}_{name}")) for record in records[-num:]]
    values = [float(value) for value in found if value is not None]
    return values if len(values) == num else []


def autoencoder_warnings(records: Records) -> dict[str, str]:
    """Of an autoencoder: whatever it is shown, it gives back the same image."""
    errors = last_values(records, "error")
    if errors and max(errors) - min(errors) <= UNMOVED * max(errors):
        return {
            "stuck": f"the validation error stays at {errors[-1]:.3g}: the network returns the same image for every input;"
            " lower train.learning_rate, or set model.batch_norm = true"
        }
    return {}


def vae_warnings(records: Records) -> dict[str, str]:
    """Of a variational autoencoder: its latents tell nothing of the image.

    So much less KL than a bit, or no latent whose mean varies with the image (`active_units`): Bowman et al., Generating
    sentences from a continuous space (2016), arXiv 1511.06349, section 3; Burda et al. (2016), arXiv 1509.00519, section 5.
    """
    nats, active = last_values(records, "kl"), last_values(records, "active_units")
    is_rising = bool(nats) and nats[-1] > RECOVERING * nats[0]
    is_silent = (bool(nats) and max(nats) < LEAST_NATS) or (bool(active) and max(active) == 0)
    if is_rising or not is_silent:
        return {}
    told = f" (KL {nats[-1]:.2g} nats)" if nats else ""
    return {
        "latents": f"the posterior has collapsed: the latents carry no information about the image{told}; try a smaller beta,"
        " warm_up, or free_bits"
    }


def game_warnings(records: Records) -> dict[str, str]:
    """Of a generator against a discriminator: what usually goes wrong between them, as far as it is recorded.

    `diversity` is how far generated images are apart, as a share of how far real ones are; `real_score` and `fake_score` are
    the discriminator's probabilities that real and generated images are real; `real_output` and `fake_output` in their place
    are its output under a loss that makes no probabilities of that; `outside` is the share of generated pixels
    outside the range of images. Goodfellow, NIPS 2016 tutorial, arXiv 1701.00160, sections 5.1 and 4.
    """
    found: dict[str, str] = {}
    diversity = last_values(records, "diversity")
    has_begun = records[-1].get("step", ENOUGH_STEPS) >= ENOUGH_STEPS
    # at the very beginning all images are alike, and become less so
    if has_begun and diversity and max(diversity) < COLLAPSED and diversity[-1] < RECOVERING * diversity[0]:
        found["collapse"] = (
            f"generated images are nearly identical ({diversity[-1]:.0%} of the distance between real ones): the generator has"
            " collapsed; a lower learning rate, or another seed, may help"
        )
    certain = _certainty(records)
    if has_begun and (how := certain or _margins(records)):
        found["outright"] = (
            f"the discriminator wins outright ({how}), so the generator hardly learns; try a lower"
            " train.phases.discriminator.learning_rate"
        )
        if certain:  # only the non-saturating loss gives probabilities, and only it takes smoothing
            found["outright"] += ", or label smoothing: train.objective_settings.smoothing = 0.1"
    outside = last_values(records, "outside", num=1)
    if outside and outside[-1] > MOST_OUTSIDE:
        found["range"] = (
            f"{outside[-1]:.1%} of generated pixels lie outside the range of images, from 0 to 1, and are clipped"
        )
    return found


def _certainty(records: Records) -> str:
    """How a discriminator that gives probabilities wins and is not being caught up with, in words; empty where it does not."""
    # while it learns: that is what the generator learns from
    real, fake = (last_values(records, name, num=LONG, split="train") for name in ("real_score", "fake_score"))
    if not real or not fake or min(real) <= CERTAIN or max(fake) >= 1 - CERTAIN:
        return ""
    leads = [one - other for one, other in zip(real, fake, strict=True)]
    if leads[-1] < max(leads) - STEADY:
        return ""
    return f"it scores real images {real[-1]:.2f}, generated images {fake[-1]:.2f}"


def _margins(records: Records) -> str:
    """The same of a hinge loss: all images are beyond the margins, where it has nothing to learn.

    Of a critic under the Wasserstein loss, which is the more useful the better it is, nothing is said: its loss is below 0
    where its outputs lie so far apart.
    """
    names = ("real_output", "fake_output", "discriminator_loss")
    real, fake, loss = (last_values(records, name, num=LONG, split="train") for name in names)
    if not (real and fake and loss) or min(real) <= 1 or max(fake) >= -1:
        return ""
    return f"{loss[-1]:.2g} is left of its hinge loss" if min(loss) >= 0 and max(loss) < HINGE_LEFT else ""
