"""What is wrong with an image set: pictures that cannot be read, duplicates, leaks between splits, imbalance."""

from __future__ import annotations

import functools
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Literal, TypeVar

import numpy as np

from papilio.data.decoder_limits import pillow_limits
from papilio.data.decoding import Depth, UnreadablePictureError, decode_picture
from papilio.data.folders import Survey, is_source, members_of, survey_pictures
from papilio.data.imageset import RawImages
from papilio.data.layout import split_like, split_like_words
from papilio.data.load import DRAWN, as_quantity, is_no_labels, read_images
from papilio.data.members import SKIP, for_each_picture, one_size, size_counts
from papilio.data.named import READERS
from papilio.data.parallel import map_threaded
from papilio.data.pictures import resolve_size
from papilio.data.progress import Progress
from papilio.data.quantities import Quantity, circular_difference
from papilio.data.scaling import Size, size_words
from papilio.data.splits import SPLITS, SplitName, check_shares, draw_splits
from papilio.errors import DataError, agreed
from papilio.files import expanded_path

Severity = Literal["ok", "warning", "error"]
Kind = Literal[
    "unreadable",
    "sizes",
    "range",
    "duplicates",
    "leaks",
    "splits",
    "labels",
    "constant",
    "imbalance",
    "missing classes",
    "other files",
]
Item = str | int
Key = TypeVar("Key")

MAX_CLASS_RATIO = 10.0
MAX_ODD_SHARE = 0.05  # of pictures, up to which those of another size than the rest are listed
# above this share of a held-out split, its score says more about memory than about the net
MAX_LEAKED_SHARE = 0.01


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `items` are the names of files, or the indices of images that have no names."""

    kind: Kind
    severity: Severity
    message: str
    items: tuple[Item, ...] = ()


@dataclass(frozen=True)
class Looked:
    """The images of a set, boiled down: what they are called, their labels and splits, a digest of the pixels each.

    `is_constant` tells the images that have a single value everywhere. Where images show a number, the classes are stretches of
    numbers; `noun` and `nouns` are what findings call them. Without labels there are no class names.
    """

    items: tuple[Item, ...]
    labels: np.ndarray
    splits: dict[SplitName, np.ndarray]
    digests: list[bytes]
    is_constant: np.ndarray
    class_names: tuple[str, ...]
    noun: str = "class"
    nouns: str = "classes"
    values: np.ndarray | None = None  # what images show, where that is a number, and
    quantity: Quantity | None = None


def check_images(
    name_or_path: str | Path,
    *,
    labels: str | Path | None = None,
    period: float | None = None,
    size: int | tuple[int, int] | None = None,
    bits: int | None = None,
    validation: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
    home: Path | None = None,
    download: bool = True,
    progress: Progress | None = None,
) -> list[Finding]:
    """Look through an image set, and tell for each thing looked at whether it is in order.

    Pictures are compared as they are, before any scaling, and exactly: two JPEG copies of one photo differ. `size` is what they
    will be scaled to: that they differ in size is then no fault, and those of a table of labels are compared so. A leak is
    a picture that is in two splits; where a set has no splits they are drawn as `load_images` would draw them. Without labels
    one finding says so, in place of those about classes.
    Pictures that cannot be read are all listed, and left out of what follows. Raises what `load_images` raises where
    a set cannot be looked through at all.
    """
    check_shares(validation=validation, test=test)
    to_size = resolve_size(size)
    path = expanded_path(name_or_path, error=DataError)
    is_named = name_or_path in READERS or name_or_path in DRAWN
    with_classes = not is_no_labels(labels)
    has_table = labels is not None and with_classes and not is_named and path.is_dir()
    if (labels is None or not with_classes) and not is_named and period is None and is_source(path):
        survey = survey_pictures(path, progress, with_classes=with_classes)
        looked, findings = _look_at_pictures(
            path, survey, size=to_size, bits=bits, validation=validation, test=test, seed=seed, progress=progress
        )
    else:
        raw = read_images(
            name_or_path,
            labels=labels,
            quantity=as_quantity(period),
            size=to_size,
            color=None,
            bits=bits,
            skips_unreadable=has_table,
            home=home,
            download=download,
            progress=progress,
        )
        splits = draw_splits(raw.strata, raw.given, validation=validation, test=test, seed=seed)
        looked, findings = _look_at_arrays(raw, splits), [_find_broken(dict(raw.skipped))] if has_table else []
    if not looked.items:
        return findings
    return [
        *findings,
        _find_duplicates(looked),
        _find_leaks(looked),
        _find_constant(looked),
        *_findings_about_classes(looked),
    ]


def _findings_about_classes(looked: Looked) -> list[Finding]:
    if not looked.class_names:
        return [Finding("labels", "ok", "no labels: class balance was not checked")]
    if looked.quantity is not None and len(looked.class_names) < 2:  # too few images to part the circle
        return [_find_conflicting_labels(looked)]
    return [_find_conflicting_labels(looked), _find_imbalance(looked), _find_missing_classes(looked)]


def _look_at_pictures(
    path: Path,
    survey: Survey,
    *,
    size: Size | None,
    bits: int | None,
    validation: float,
    test: float,
    seed: int,
    progress: Progress | None,
) -> tuple[Looked, list[Finding]]:
    layout, depth = survey.layout, Depth(bits)
    with pillow_limits():
        results = dict(
            for_each_picture(
                members_of(path, layout),
                functools.partial(_digest_picture, depth=depth),
                num_pictures=len(layout.rows),
                what=f"checking {path.name}",
                progress=progress,
            )
        )
    broken = {name: str(result) for name, result in results.items() if isinstance(result, UnreadablePictureError)}
    read = {name: result for name, result in results.items() if not isinstance(result, UnreadablePictureError)}
    names = tuple(name for name in layout.rows if name in read)
    kept = np.array([layout.rows[name] for name in names], dtype=np.int64)
    given: dict[SplitName, np.ndarray] = {
        split: np.flatnonzero(np.isin(kept, rows)) for split, rows in layout.given.items()
    }
    looked = Looked(
        items=names,
        labels=layout.labels[kept],
        splits=draw_splits(layout.labels[kept], given, validation=validation, test=test, seed=seed),
        digests=[read[name].digest for name in names],
        is_constant=np.array([read[name].is_constant for name in names], dtype=bool),
        class_names=layout.class_names,
    )
    sizes = Counter(read[name].size for name in names)
    about_sizes = [_find_sizes(sizes, read, size)] if sizes else []
    about_bits = [Finding("range", "warning", depth.unused)] if depth.unused else []
    tops = split_like(layout.class_names)
    about_splits = [Finding("splits", "warning", split_like_words(tops), tops)] if tops else []
    return looked, [_find_broken(broken), *about_sizes, *about_bits, *about_splits, _find_others(layout.others)]


@dataclass(frozen=True)
class _Digest:
    digest: bytes
    is_constant: bool
    size: Size


def unreadable_pictures(path: Path, survey: Survey, *, progress: Progress | None) -> dict[str, str]:
    """The pictures of a folder or an archive that cannot be read, each decoded as a whole, with the reasons."""
    layout, depth = survey.layout, Depth(None)
    with pillow_limits():
        results = for_each_picture(
            members_of(path, layout),
            functools.partial(_is_read, depth=depth),
            num_pictures=len(layout.rows),
            what=f"looking through {path.name}",
            progress=progress,
        )
        return {name: str(result) for name, result in results if isinstance(result, UnreadablePictureError)}


def _is_read(file: IO[bytes], *, depth: Depth) -> bool:
    decode_picture(file, size=None, color="rgb", depth=depth)
    return True


def _digest_picture(file: IO[bytes], *, depth: Depth) -> _Digest:
    values = decode_picture(file, size=None, color="rgb", depth=depth)
    return _digest_array(values)


def _digest_array(values: np.ndarray) -> _Digest:
    # the shape too: 2 x 8 and 4 x 4 of one value have the same bytes
    digest = hashlib.blake2b(f"{values.shape}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(values).data)
    return _Digest(digest.digest(), bool(values.min() == values.max()), (values.shape[1], values.shape[2]))


def _look_at_arrays(raw: RawImages, splits: dict[SplitName, np.ndarray]) -> Looked:
    digests = list(map_threaded(_digest_array, raw.images))
    looked = Looked(
        items=tuple(range(len(raw.images))),
        labels=raw.labels,
        splits=splits,
        digests=[digest.digest for digest in digests],
        is_constant=np.array([digest.is_constant for digest in digests], dtype=bool),
        class_names=raw.class_names,
    )
    if raw.quantity is None:
        return looked
    # a stretch without any image is no fault: a gauge has none where its scale ends
    strata, labels = np.unique(raw.strata, return_inverse=True)
    names = tuple(raw.quantity.stratum_words(stratum, raw.labels) for stratum in strata.tolist())
    noun, nouns = "stretch of values", "stretches of values"
    known = {"values": raw.labels, "quantity": raw.quantity}
    return replace(looked, labels=labels, class_names=names, noun=noun, nouns=nouns, **known)


def _find_broken(broken: dict[str, str]) -> Finding:
    if not broken:
        return Finding("unreadable", "ok", "every picture can be read")
    reasons = Counter(broken.values()).most_common(1)[0][0]
    them = "them" if len(broken) > 1 else "it"
    message = (
        f"{len(broken)} picture{'s' if len(broken) > 1 else ''} cannot be read ({reasons}); remove or replace {them}, or set"
        f" {SKIP} in [data] to train without {them}"
    )
    return Finding("unreadable", "error", message, tuple(sorted(broken)))


def _find_sizes(sizes: Counter[Size], read: dict[str, _Digest], wanted: Size | None) -> Finding:
    if len(sizes) <= 1:
        return Finding("sizes", "ok", f"every picture is {size_counts(sizes)}")
    if wanted is not None:
        scaled = f"will be scaled and cropped to {size_words(wanted)}"
        return Finding("sizes", "ok", f"pictures of {size_counts(sizes)} {scaled}")
    commonest = sizes.most_common(1)[0][0]
    odd = tuple(sorted(name for name, result in read.items() if result.size != commonest))
    # where sizes differ anyway, as those of photographs do, no picture is the odd one
    odd = odd if len(odd) <= max(1, MAX_ODD_SHARE * len(read)) else ()
    return Finding("sizes", "warning", f"pictures differ in size: {size_counts(sizes)}; {one_size(sizes)}", odd)


def _find_others(others: tuple[str, ...]) -> Finding:
    if not others:
        return Finding("other files", "ok", "only pictures")
    message = agreed(len(others), "{} file is not a picture and is", "{} files are not pictures and are") + " ignored"
    return Finding("other files", "warning", message, others)


def _find_duplicates(looked: Looked) -> Finding:
    """The same pixels more than once in one split."""
    groups = [group for indices in looked.splits.values() for group in _repeated(looked, indices)]
    if not groups:
        return Finding("duplicates", "ok", "no duplicates within a split")
    num_extra = sum(len(group) - 1 for group in groups)
    message = agreed(num_extra, "{} image duplicates", "{} images duplicate") + " another image of the same split"
    message += f", in {len(groups):,} groups" if len(groups) > 1 else ""
    return Finding("duplicates", "warning", message, _items(looked, groups))


def _find_leaks(looked: Looked) -> Finding:
    """The same pixels in two splits: a held-out image that the net is trained or chosen on."""
    split_of = {index: name for name in SPLITS for index in looked.splits[name].tolist()}
    groups = [group for group in _repeated(looked, None) if len({split_of[index] for index in group}) > 1]
    if not groups:
        return Finding("leaks", "ok", "no picture is in two splits")
    names = Counter(split_of[index] for group in groups for index in group)
    shares = [names[split] / len(looked.splits[split]) for split in ("validation", "test") if names[split]]
    where = ", ".join(f"{names[split]} in {split}" for split in SPLITS if names[split])
    severity: Severity = "error" if max(shares) > MAX_LEAKED_SHARE else "warning"
    message = f"{agreed(len(groups), '{} picture is', '{} pictures are')} in more than one split: {where}"
    return Finding("leaks", severity, message, _items(looked, groups))


def _find_conflicting_values(looked: Looked, values: np.ndarray, quantity: Quantity) -> Finding:
    """Pictures that show two numbers; of times, which are told in minutes, those that are a minute or more apart."""
    least = 1.0 if quantity.is_time else 1e-6 * quantity.period
    groups = []
    for group in _repeated(looked, None):
        apart = circular_difference(values[group], float(values[group[0]]), quantity.period)
        if np.abs(apart).max() >= least:
            groups.append(group)
    if not groups:
        return Finding("labels", "ok", "no picture has two values")
    both = list(dict.fromkeys(quantity.words(float(values[index])) for index in groups[0]))
    message = f"{agreed(len(groups), '{} picture has', '{} pictures have')} more than one value"
    message += f", {'the first ' * (len(groups) > 1)}{' and '.join(both)}"
    return Finding("labels", "warning", message, _items(looked, groups))


def _find_conflicting_labels(looked: Looked) -> Finding:
    if looked.values is not None and looked.quantity is not None:
        return _find_conflicting_values(looked, looked.values, looked.quantity)
    groups = [group for group in _repeated(looked, None) if len({int(looked.labels[index]) for index in group}) > 1]
    if not groups:
        return Finding("labels", "ok", f"no picture is in two {looked.nouns}")
    first = sorted({looked.class_names[looked.labels[index]] for index in groups[0]})
    message = f"{agreed(len(groups), '{} picture is', '{} pictures are')} in more than one {looked.noun}"
    message += f", {'the first ' * (len(groups) > 1)}in {' and '.join(first)}"
    return Finding("labels", "warning", message, _items(looked, groups))


def _find_constant(looked: Looked) -> Finding:
    constant = np.flatnonzero(looked.is_constant).tolist()
    if not constant:
        return Finding("constant", "ok", "no image is blank (a single value)")
    message = agreed(len(constant), "{} image is", "{} images are") + " blank (a single value)"
    return Finding("constant", "warning", message, _items(looked, [constant]))


def _find_imbalance(looked: Looked) -> Finding:
    counts = np.bincount(looked.labels, minlength=len(looked.class_names))
    there = np.flatnonzero(counts)
    smallest, largest = int(there[np.argmin(counts[there])]), int(np.argmax(counts))
    ratio = counts[largest] / counts[smallest]
    if ratio == 1:
        return Finding("imbalance", "ok", f"the {looked.nouns} are balanced ({counts[largest]} each)")
    message = (
        f"the largest {looked.noun}, {looked.class_names[largest]} ({counts[largest]}), is {ratio:.3g} times"
        f" the smallest, {looked.class_names[smallest]} ({counts[smallest]})"
    )
    return Finding("imbalance", "warning" if ratio > MAX_CLASS_RATIO else "ok", message)


def _find_missing_classes(looked: Looked) -> Finding:
    """Classes of which a split has no image: an error for training, where the net can never learn them."""
    missing: dict[SplitName, list[str]] = {}
    for split, indices in looked.splits.items():
        counts = np.bincount(looked.labels[indices], minlength=len(looked.class_names))
        is_off = split != "train" and len(indices) == 0  # nobody asked for it
        if np.any(counts == 0) and not is_off:
            missing[split] = [looked.class_names[label] for label in np.flatnonzero(counts == 0)]
    if not missing:
        return Finding("missing classes", "ok", f"every {looked.noun} is in every split")
    parts = [
        f"{split} lacks {len(names)} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
        for split, names in missing.items()
    ]
    classes = tuple(sorted({name for names in missing.values() for name in names}))
    return Finding("missing classes", "error" if "train" in missing else "warning", "; ".join(parts), classes)


def _repeated(looked: Looked, indices: np.ndarray | None) -> Iterator[list[int]]:
    """Groups of two or more indices, among those given or all, that have the same pixels."""
    groups: defaultdict[bytes, list[int]] = defaultdict(list)
    for index in range(len(looked.digests)) if indices is None else indices.tolist():
        groups[looked.digests[index]].append(index)
    return (group for group in groups.values() if len(group) > 1)


def _items(looked: Looked, groups: list[list[int]]) -> tuple[Item, ...]:
    return tuple(looked.items[index] for group in groups for index in group)
