"""What builders of every engine ask of the sizes that they are given."""

from __future__ import annotations

from papilio.errors import SettingError


def per_layer(value: float | tuple[float, ...] | list[float], *, num_layers: int, what: str) -> list[float]:
    """One value per layer: a number stands for all of them, a list must have one entry each."""
    if isinstance(value, int | float):
        return [float(value)] * num_layers
    if len(value) != num_layers:
        raise SettingError(f"{what}: {len(value)} values for {num_layers} layers; give one number, or one per layer")
    return [float(one) for one in value]


def positive_integer(value: int, *, what: str) -> int:
    """The value; raises SettingError where it is not positive."""
    if value < 1:
        raise SettingError(f"{what}: must be 1 or more, not {value}")
    return value


def share_below_one(value: float, *, what: str) -> float:
    """The value; raises SettingError where it is not in [0, 1)."""
    if not 0 <= value < 1:
        raise SettingError(f"{what}: must be at least 0 and below 1, not {value}")
    return value


def positive_integers(values: tuple[int, ...] | list[int], *, what: str, at_least: int = 0) -> list[int]:
    """The values as a list; raises SettingError where one is not positive or there are too few."""
    if len(values) < at_least or any(value < 1 for value in values):
        raise SettingError(f"{what}: {list(values)} is not a list of positive integers{', one at least' * at_least}")
    return list(values)


def refuse_large_kernel(kernel_size: int, image_shape: tuple[int, int, int]) -> None:
    """Raises SettingError for a kernel that is larger than the images: most of its weights would see their padding alone."""
    side = min(image_shape[1:])
    if kernel_size > side:
        raise SettingError(
            f"kernel_size: {kernel_size} is larger than the images, {image_shape[1]}x{image_shape[2]}; allowed are odd numbers"
            f" up to {side}"
        )


def refuse_even_kernel(kernel_size: int, why: str) -> None:
    """Raises SettingError for a kernel that cannot lie around a pixel; `why` says what it fails to do."""
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise SettingError(f"kernel_size: {kernel_size} {why}; only odd numbers are allowed")


def pooled_after(filters: list[int], pool_after: list[int] | None) -> list[int]:
    """Which convolutions are pooled, counted from 1; without being told, the last of each group of equal neighbors.

    Raises SettingError for a convolution that does not exist.
    """
    ends = [index for index in range(1, len(filters)) if filters[index] != filters[index - 1]]
    pooled = [*ends, len(filters)] if pool_after is None else pool_after
    if any(not 1 <= index <= len(filters) for index in pooled):
        raise SettingError(
            f"pool_after: {pooled} names convolutions that do not exist; allowed are 1 to {len(filters)}"
        )
    return pooled
