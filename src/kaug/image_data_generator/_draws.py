"""Keras' random parameters, from a stream of their own.

Keras seeds NumPy's global generator before each batch and draws from it number by number. A local
`RandomState` with the same seed gives the same numbers. Uniform draws are consecutive doubles of
the stream, so those of a whole batch are made at once; only shifts chosen from a list or from
whole pixels take a varying number of words, and must be drawn one by one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kaug._draw.keys import resolve_seed
from kaug._kernels import jit
from kaug._types import Floats
from kaug._validation import check_integer, describe, message
from kaug.image_data_generator._options import FAR, FAR_VALUE, check_reach
from kaug.image_data_generator._protocol import Options

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

ROW_BYTES = 2 * 8 * len(NAMES)  # what drawing for a row takes
_KNOWN = dict.fromkeys(NAMES, FAR) | {"channel_shift_intensity": FAR_VALUE}
_SEEDS = 2**32


class _Step(NamedTuple):
    """One draw: `low + width * u`, `u` a uniform draw, or one of the choices, either way."""

    column: int
    low: float = 0.0
    width: float = 1.0
    choices: NDArray[Any] | None = None


class _Layout(NamedTuple):
    """The draws of one image.

    Args:
        steps: In their order.
        at_once: Whether all of them are uniform.
        columns: Of each.
        spans: Low and width of each, `(steps, 2)`.
        fractions: Whether the first and the second shift are shares of a length.
    """

    steps: list[_Step]
    at_once: bool
    columns: NDArray[np.int64]
    spans: NDArray[np.float64]
    fractions: tuple[bool, bool]


def check_seed(seed: Any) -> int:
    """Returns a seed that NumPy's generators take, or a fresh one for None."""
    if seed is None:
        return resolve_seed(None)
    return check_integer(seed, "seed", maximum=_SEEDS - 1, fix="NumPy takes no others.")


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
    generator: Options, rng: np.random.RandomState, count: int, size: tuple[int, int]
) -> Floats:
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
    # picture sideways with it. Floats for the width it is right, and on square images the same.
    shifts = [_hashable(generator.width_shift_range), _hashable(generator.height_shift_range)]
    lengths = size[::-1]
    if generator.keras_compat:
        shifts, lengths = shifts[::-1], size
    plan = _plan(
        generator.rotation_range,
        *shifts,
        generator.shear_range,
        _hashable(generator.zoom_range),
        generator.channel_shift_range,
        _hashable(generator.brightness_range),
        generator.keras_compat,
    )
    shape = count, len(plan.steps)
    drawn = rng.random_sample(shape) if plan.at_once else _draw_one_by_one(plan.steps, rng, shape)
    x_factor, y_factor = (
        length if is_share else 1 for length, is_share in zip(lengths, plan.fractions, strict=True)
    )
    result = np.empty((count, len(NAMES)))
    result[:] = NEUTRAL
    horizontal, vertical = generator.horizontal_flip, generator.vertical_flip
    _place(drawn, plan.columns, plan.spans, x_factor, y_factor, horizontal, vertical, result)
    return result


@jit
def _place(
    drawn: Any,
    columns: Any,
    spans: Any,
    x_factor: float,
    y_factor: float,
    horizontal: bool,
    vertical: bool,
    result: Any,
) -> None:
    """Writes what was drawn to the columns it belongs to, in their units."""
    for i in range(len(drawn)):
        row = result[i]
        for k in range(len(columns)):
            row[columns[k]] = spans[k, 0] + spans[k, 1] * drawn[i, k]
        row[TX] *= x_factor
        row[TY] *= y_factor
        row[FLIP_HORIZONTAL] = 1.0 if horizontal and row[FLIP_HORIZONTAL] < 0.5 else 0.0
        row[FLIP_VERTICAL] = 1.0 if vertical and row[FLIP_VERTICAL] < 0.5 else 0.0


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, (list, np.ndarray)) else value


@lru_cache(maxsize=64, typed=True)  # typed: whole pixels are drawn otherwise than floats
def _plan(
    rotation: float,
    first_shift: Any,
    second_shift: Any,
    shear: float,
    zoom: Any,
    channel_shift: float,
    brightness: Any,
    as_keras: bool,
) -> _Layout:
    """Returns the draws of one image, in Keras' order."""
    first, second = (is_fraction(s, as_keras=as_keras) for s in (first_shift, second_shift))
    shifts = (first_shift, second_shift)
    steps = _symmetric(THETA, rotation)
    for column, shift in zip((TX, TY), shifts, strict=True):
        if isinstance(shift, tuple):
            steps.append(_Step(column, choices=np.array(shift)))
        elif isinstance(shift, (int, np.integer)) and shift:
            steps.append(_Step(column, choices=np.arange(shift)))
        else:
            steps += _symmetric(column, shift)
    steps += _symmetric(SHEAR, shear)
    if not zoom[0] == zoom[1] == 1:
        steps += [_Step(column, zoom[0], zoom[1] - zoom[0]) for column in (ZX, ZY)]
    steps += [_Step(FLIP_HORIZONTAL), _Step(FLIP_VERTICAL)]
    steps += _symmetric(CHANNEL_SHIFT, channel_shift)
    if brightness is not None:
        steps.append(_Step(BRIGHTNESS, brightness[0], brightness[1] - brightness[0]))
    return _Layout(
        steps,
        all(step.choices is None for step in steps),
        np.array([step.column for step in steps]),
        np.array([(step.low, step.width) for step in steps], np.float64),
        (first, second),
    )


def is_fraction(shift: Any, *, as_keras: bool = False) -> bool:
    """Tells whether a shift range is in shares of a length rather than in pixels.

    Keras does not look at how far the negative numbers of a list go.
    """
    several = np.ndim(shift) == 1 and not as_keras
    return bool(np.max(np.abs(shift) if several else shift) < 1)


def _symmetric(column: int, reach: float) -> list[_Step]:
    return [_Step(column, -reach, 2 * reach)] if reach else []


def _draw_one_by_one(
    steps: list[_Step], rng: np.random.RandomState, shape: tuple[int, int]
) -> NDArray[np.float64]:
    result = np.empty(shape)
    for row in result:
        for k, step in enumerate(steps):
            if step.choices is None:
                row[k] = rng.random_sample()
            else:
                value = step.choices[rng.randint(len(step.choices))]
                row[k] = value * (-1, 1)[rng.randint(2)]
    return result


def to_dict(row: Floats) -> dict[str, float | None]:
    """Returns one row of parameters as Keras' dictionary."""
    values = dict(zip(NAMES, row.tolist(), strict=True))
    for name in ("flip_horizontal", "flip_vertical"):
        values[name] = bool(values[name])
    return {name: None if np.isnan(value) else value for name, value in values.items()}


def from_dict(values: Any, *, as_keras: bool = False) -> Floats:
    """Returns Keras' dictionary, of which any part may be missing, as one row `(1, 10)`.

    Args:
        values: None stands for nothing, too.
        as_keras: Whether unknown names are passed over.
    """
    if not isinstance(values, Mapping):
        rule = "`transform_parameters` must be a dict"
        raise TypeError(message(rule, describe(values), "Pass what get_random_transform returns."))
    unknown = [name for name in values if name not in _KNOWN]
    if unknown and not as_keras:
        rule = f"`transform_parameters` may hold {', '.join(NAMES)}"
        raise ValueError(message(rule, ", ".join(map(repr, unknown))))
    row = NEUTRAL.copy()
    for column, (name, limit) in enumerate(_KNOWN.items()):
        value = values.get(name)
        if isinstance(value, (bool, np.bool_)):
            row[column] = value
        elif value is not None:
            row[column] = check_reach(value, name, limit)
    if row[BRIGHTNESS] < 0 and not as_keras:
        rule = "`brightness` is a factor, which must not be negative"
        raise ValueError(message(rule, f"brightness={values['brightness']}"))
    return row[np.newaxis]
