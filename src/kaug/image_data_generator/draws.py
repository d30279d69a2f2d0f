"""Keras' random parameters, from a stream of their own.

Keras seeds NumPy's global generator before each batch and draws from it number by number. A local
`RandomState` with the same seed gives the same numbers. Uniform draws are consecutive doubles of
the stream, so those of a whole batch are made at once; only shifts chosen from a list or from
whole pixels take a varying number of words, and must be drawn one by one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from kaug.image_data_generator.generator import ImageDataGenerator

# The columns of a batch's parameters, by Keras' names and in Keras' order.
NAMES = (
    "theta",
    "tx",
    "ty",
    "shear",
    "zx",
    "zy",
    "flip_horizontal",
    "flip_vertical",
    "channel_shift_intensity",
    "brightness",
)
THETA, TX, TY, SHEAR, ZX, ZY, FLIP_HORIZONTAL, FLIP_VERTICAL, CHANNEL_SHIFT, BRIGHTNESS = range(10)

# What changes nothing; NaN stands for Keras' None.
NEUTRAL = np.array([0, 0, 0, 0, 1, 1, 0, 0, np.nan, np.nan])

_FLIPS = slice(FLIP_HORIZONTAL, FLIP_VERTICAL + 1)
_SEEDS = 2**32

Parameters = NDArray[np.float64]


class _Uniform(NamedTuple):
    column: int
    low: float
    high: float


class _Choice(NamedTuple):
    column: int
    values: NDArray[Any]


# Generators to be seeded again: making one takes longer than augmenting a batch.
_spare: deque[np.random.RandomState] = deque()


@contextmanager
def stream(seed: int) -> Iterator[np.random.RandomState]:
    """Lends the generator NumPy's global one would be after `np.random.seed(seed)`."""
    try:
        rng = _spare.pop()
    except IndexError:
        rng = np.random.RandomState(0)
    rng.seed(seed % _SEEDS)
    try:
        yield rng
    finally:
        _spare.append(rng)


def draw(
    generator: ImageDataGenerator, rng: np.random.RandomState, count: int, size: tuple[int, int]
) -> Parameters:
    """Draws what happens to each of `count` images.

    Args:
        generator: Whose options to follow.
        rng: Advanced exactly as far as Keras would advance it.
        count: Number of images.
        size: Their height and width, which shifts given as fractions are multiplied by.

    Returns:
        One row of `NAMES` per image, float64 `(count, 10)`.
    """
    # Keras draws first what it calls the height's shift, scales it by the height and moves the
    # picture sideways with it. Drawn for the width it is right, and on square images the same.
    ranges = [generator.width_shift_range, generator.height_shift_range]
    lengths = [size[1], size[0]]
    if generator.keras_compat:
        ranges, lengths = ranges[::-1], lengths[::-1]
    plan = _plan(generator, ranges)
    result = np.empty((count, len(NAMES)))
    result[:] = NEUTRAL
    if any(isinstance(step, _Choice) for step in plan):
        _draw_one_by_one(plan, rng, result)
    else:
        _draw_at_once(plan, rng, result)
    for column, shift, length in zip((TX, TY), ranges, lengths, strict=True):
        if (max(shift) if isinstance(shift, Sequence) else shift) < 1:
            result[:, column] *= length
    flips = (generator.horizontal_flip, generator.vertical_flip)
    result[:, _FLIPS] = (result[:, _FLIPS] < 0.5) & np.array(flips)
    return result


def _plan(generator: ImageDataGenerator, shifts: list[Any]) -> list[_Uniform | _Choice]:
    """Returns the draws of one image, in Keras' order."""
    steps: list[_Uniform | _Choice] = []
    _add_symmetric(steps, THETA, generator.rotation_range)
    for column, shift in zip((TX, TY), shifts, strict=True):
        if isinstance(shift, Sequence):
            steps.append(_Choice(column, np.array(shift)))
        elif isinstance(shift, (int, np.integer)) and shift:
            steps.append(_Choice(column, np.arange(shift)))
        else:
            _add_symmetric(steps, column, shift)
    _add_symmetric(steps, SHEAR, generator.shear_range)
    low, high = generator.zoom_range
    if not low == high == 1:
        steps += [_Uniform(ZX, low, high), _Uniform(ZY, low, high)]
    steps += [_Uniform(FLIP_HORIZONTAL, 0, 1), _Uniform(FLIP_VERTICAL, 0, 1)]
    _add_symmetric(steps, CHANNEL_SHIFT, generator.channel_shift_range)
    if generator.brightness_range is not None:
        steps.append(_Uniform(BRIGHTNESS, *generator.brightness_range))
    return steps


def _add_symmetric(steps: list[_Uniform | _Choice], column: int, reach: float) -> None:
    if reach:
        steps.append(_Uniform(column, -reach, reach))


def _draw_at_once(plan: list[Any], rng: np.random.RandomState, result: Parameters) -> None:
    columns = [step.column for step in plan]
    low = np.array([step.low for step in plan], np.float64)
    high = np.array([step.high for step in plan], np.float64)
    unit = rng.random_sample((len(result), len(plan)))
    result[:, columns] = low + (high - low) * unit


def _draw_one_by_one(
    plan: list[_Uniform | _Choice], rng: np.random.RandomState, result: Parameters
) -> None:
    for row in result:
        for step in plan:
            if isinstance(step, _Choice):
                value = step.values[rng.randint(len(step.values))]
                row[step.column] = value * (-1, 1)[rng.randint(2)]
            else:
                row[step.column] = rng.uniform(step.low, step.high)


def to_dict(row: Parameters) -> dict[str, float | None]:
    """Returns one row of parameters as Keras' dictionary."""
    values = dict(zip(NAMES, row.tolist(), strict=True))
    for name in ("flip_horizontal", "flip_vertical"):
        values[name] = bool(values[name])
    return {name: None if np.isnan(value) else value for name, value in values.items()}


def from_dict(values: Mapping[str, Any]) -> Parameters:
    """Returns Keras' dictionary, of which any part may be missing, as one row `(1, 10)`."""
    row = NEUTRAL.copy()
    for column, name in enumerate(NAMES):
        if values.get(name) is not None:
            row[column] = values[name]
    return row[np.newaxis]
