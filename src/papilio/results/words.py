"""Metrics, settings, numbers and durations in words, the same on the terminal, in figures and on the page."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from papilio.settings.values import short_keys

MOST_DECIMALS = 12
COUNTS = ("active_units",)  # metrics, without their split, that are whole numbers
ACRONYMS = {"kl": "KL", "elbo": "ELBO"}  # metrics, without their split
SPLITS = {"val": "validation", "test": "test", "train": "training"}


def metric_words(name: str) -> str:
    """A recorded metric in words.

    >>> metric_words("val_accuracy"), metric_words("test_kl"), metric_words("test_p90_error")
    ('validation accuracy', 'test KL', 'test 90% error')
    """
    split, _, rest = name.replace("p90_", "90%_").partition("_")
    bare = rest if rest and split in SPLITS else name
    words = ACRONYMS.get(bare, bare.replace("_", " "))
    return words if bare == name else f"{SPLITS[split]} {words}"


def listed(words: Sequence[str]) -> str:
    """One or more words as a list in a sentence.

    >>> listed(["decoder"]), listed(["decoder", "encoder", "classifier"])
    ('decoder', 'decoder, encoder and classifier')
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def condition_words(key: str, value: Any) -> str:
    """A setting and its value, by the last part of its dotted key.

    >>> condition_words("model.dropout", 0.1), condition_words("trial", "LeNet")
    ('dropout 0.1', 'LeNet')
    """
    if key == "trial":
        return str(value)
    return f"{key.split('.')[-1]} {value_words(value)}"


def value_words(value: Any) -> str:
    """A setting's value; of a table its name and what it sets, a lone learning rate without its key.

    >>> value_words({"name": "adam", "learning_rate": 0.01}), value_words({"name": "sgd", "momentum": 0.9})
    ('adam 0.01', 'sgd momentum=0.9')
    >>> value_words({"l1": 0.0, "l2": 1e-05}), value_words({"l1": 0.0, "l2": 0.0}), value_words([32, 64]), value_words(True)
    ('l2=1e-5', 'none', '32-64', 'true')
    """
    if isinstance(value, dict):
        return _table_words(value)
    if isinstance(value, list):
        return "-".join(map(value_words, value)) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).replace("e-0", "e-") if isinstance(value, float) else str(value)


def _table_words(table: dict[str, Any]) -> str:
    if "name" not in table:  # of a regularizer's rates those that do something
        return " ".join(f"{key}={value_words(one)}" for key, one in table.items() if one != 0) or "none"
    others = {key: one for key, one in table.items() if key != "name"}
    if list(others) == ["learning_rate"]:
        return f"{table['name']} {value_words(others['learning_rate'])}"
    return " ".join([str(table["name"]), *(f"{key}={value_words(one)}" for key, one in others.items())])


def key_words(keys: Sequence[str]) -> dict[str, str]:
    """What dotted keys are called: by their last part, or by as many as tell them apart.

    >>> key_words(["train.learning_rate", "train.optimizer.name", "model.name"])
    {'train.learning_rate': 'learning rate', 'train.optimizer.name': 'optimizer.name', 'model.name': 'model.name'}
    """
    return {key: short.replace("_", " ") for key, short in short_keys(keys).items()}


def trial_words(name: str, keys: Iterable[str]) -> str:
    """A trial's name for people: of the keys that vary without their underscores.

    >>> trial_words("dropout 0.1, learning_rate 0.01", ["model.dropout", "train.learning_rate"])
    'dropout 0.1, learning rate 0.01'
    """
    for last in (key.split(".")[-1] for key in keys):
        if "_" in last:
            name = re.sub(rf"(?<![\w-]){re.escape(last)}(?= )", last.replace("_", " "), name)
    return name


def duration(seconds: float) -> str:
    """A time in at most two units.

    >>> duration(3.21), duration(3), duration(59.7), duration(754), duration(7384), duration(200_000)
    ('3.2 s', '3 s', '1 min', '12 min 34 s', '2 h 3 min', '2 d 7 h')
    """
    if seconds < 10 and seconds != round(seconds):
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, size, smaller, smaller_size in (
        ("d", 86400, "h", 3600),
        ("h", 3600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= size:
            rest = whole % size // smaller_size
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"


def mean_spread(mean: float | None, sd: float | None, n: int, *, is_count: bool = False) -> str:
    """A mean and its standard deviation, both to the decimals that the mean's size asks for, or the deviation's where that
    would vanish; of counts to one.

    >>> mean_spread(0.98123, 0.00119, 3), mean_spread(34.52, 1.234, 3), mean_spread(0.9, None, 1)
    ('0.9812 ± 0.0012', '34.52 ± 1.23', '0.9000')
    >>> mean_spread(6.0, None, 1, is_count=True), mean_spread(19 / 3, 0.577, 3, is_count=True)
    ('6', '6.3 ± 0.6')
    >>> mean_spread(0.00042, 0.00003, 3), mean_spread(0.98, 0.0, 2), mean_spread(4.0, 0.0, 2, is_count=True)
    ('0.00042 ± 0.00003', '0.9800 ± 0.0000', '4.0 ± 0.0')
    """
    if mean is None or n == 0:
        return "–"
    if sd is None or n < 2:
        return count_number(mean) if is_count else plain_number(mean)
    places = 1 if is_count else decimals(mean, spread=sd)
    text = f"{mean:,.1f}" if is_count else plain_number(mean) if sd == 0 else signed(f"{mean:.{places}f}")
    return f"{text} ± {sd:.{places}f}"


def is_count(metric: str) -> bool:
    """Whether a recorded metric counts something.

    >>> is_count("test_active_units"), is_count("test_accuracy")
    (True, False)
    """
    return metric.partition("_")[2] in COUNTS


def metric_number(metric: str, value: float) -> str:
    """A metric's value as text.

    >>> metric_number("test_active_units", 6.0), metric_number("test_accuracy", 1.0)
    ('6', '1.0000')
    """
    return count_number(value) if is_count(metric) else plain_number(value)


def count_number(value: float) -> str:
    """A count, or the mean of several, as text.

    >>> count_number(1234.0), count_number(6.25)
    ('1,234', '6.2')
    """
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def plain_number(value: float) -> str:
    """A metric as text.

    >>> plain_number(0.91834), plain_number(123.456), plain_number(0.0000123), plain_number(-0.00204)
    ('0.9183', '123.5', '1.23e−5', '−0.0020')
    """
    if value and abs(value) < 0.0005:
        return signed(f"{value:.3g}".replace("e-0", "e-"))
    return signed(f"{value:.{decimals(value)}f}")


def signed(text: str) -> str:
    """A number's text with a minus, as figures have it, in place of a hyphen; of what is zero without one.

    >>> signed("-0.5"), signed("-0.0000")
    ('−0.5', '0.0000')
    """
    is_zero = not text.strip("-0.")
    return text.replace("-", "" if is_zero else "−")


def decimals(value: float, *, spread: float = 0.0) -> int:
    """How many of them a number of that size is told with; more where a spread would come out as 0."""
    usual = 4 if abs(value) < 10 else 2 if abs(value) < 100 else 1
    is_lost = 0 < spread < 0.5 * 10**-usual
    return min(-math.floor(math.log10(spread)), MOST_DECIMALS) if is_lost else usual


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "seed"), counted(1200, "run")
    ('1 seed', '1,200 runs')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def pair_words(*, true: str, predicted: str, count: int, support: int) -> str:
    """A confusion as a sentence.

    >>> pair_words(true="shirt", predicted="T-shirt/top", count=87, support=1000)
    'shirt predicted as T-shirt/top: 87 of 1,000'
    """
    return f"{true} predicted as {predicted}: {count:,} of {support:,}"


def sentence(text: str) -> str:
    """The text with a capital at its start; nothing else is changed.

    >>> sentence("validation F1")
    'Validation F1'
    """
    return text[:1].upper() + text[1:]
