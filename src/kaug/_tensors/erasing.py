"""Rectangles on tensors, placed and overwritten as by `kaug._kernels.erasing`.

Their sides are whole numbers of pixels, but float32, which are computed with anywhere.
"""

from typing import Any, NamedTuple

import numpy as np

from kaug._kernels.noise import CHUNK
from kaug._tensors import ops
from kaug._tensors.lookups import look_up_rows
from kaug._tensors.words import encrypted, upper

Size = tuple[int, int]

# So many powers of 4, and sums of them, are float32.
_POWERS = 61


class Patch(NamedTuple):
    """A rectangle of each row, float32 `(B,)`; or several, `(B, K)`.

    It comes again after `step` pixels, down and right, if that is not None; only one may.
    """

    top: Any
    left: Any
    tall: Any
    wide: Any
    step: Any = None


class _Axis(NamedTuple):
    """What one axis of the images has of the rectangle of each row, `(B, side)` each."""

    inside: Any  # whether the rectangle is there
    before: Any  # how many places it had at the times that it came before
    length: Any  # how many it has this time
    place: Any  # how many of these came before


# Where they lie -------------------------------------------------------------------------------


def rectangle(area: Any, ratio: Any, top: Any, left: Any, size: Size) -> Patch:
    """Returns what `place_rectangles` writes; its parameters `(B,)`."""
    height, width = size
    area = area * height * width
    ratio = ops.maximum(ratio, area * (1 / (width * width)))
    ratio = ops.minimum(ratio, height * height / ops.maximum(area, 1e-9))
    tall = ops.minimum(_rounded(ops.sqrt(area * ratio)), height)
    wide = ops.minimum(_rounded(ops.sqrt(area / ratio)), width)
    return Patch(_fit(top, height, tall), _fit(left, width, wide), tall, wide)


def square(side: Any, row: Any, column: Any, size: Size) -> Patch:
    """Returns what `place_squares` writes; its parameters `(B,)`."""
    height, width = size
    side = _rounded(side * min(size))
    half = ops.floor(side * 0.5)
    return Patch(ops.floor(row * height) - half, ops.floor(column * width) - half, side, side)


def grid(unit: Any, ratio: Any, row: Any, column: Any, size: Size) -> Patch:
    """Returns what `place_grids` writes; its parameters `(B,)`."""
    unit = ops.maximum(_rounded(unit * min(size)), 1)
    side = ops.minimum(_rounded(unit * (1 - ratio)), unit - 1)
    return Patch(-ops.floor(row * unit), -ops.floor(column * unit), side, side, unit)


def holes(count: Any, tall: Any, wide: Any, top: Any, left: Any, size: Size) -> Patch:
    """Returns what `place_holes` writes; its parameters `(B,)` and `(B, K)`."""
    height, width = size
    there = ops.convert_to_tensor(np.arange(tall.shape[1], dtype=np.int32)) < count[:, None]
    tall = ops.where(there, _rounded(tall * height), 0.0)
    wide = _rounded(wide * width)
    return Patch(_fit(top, height, tall), _fit(left, width, wide), tall, wide)


def _rounded(values: Any) -> Any:
    return ops.floor(values + 0.5)


def _fit(fraction: Any, length: int, sides: Any) -> Any:
    """Returns starts for something of a side, each at which it fits as likely."""
    return ops.floor(fraction * (length - sides + 1))


# What they cover, and what is put there -------------------------------------------------------


def covered(patch: Patch, size: Size) -> Any:
    """Returns which pixels a patch covers, bool `(B, H, W, 1)`."""
    if len(patch.top.shape) > 1:
        rows, columns = _coverage(patch, size)
        return (ops.einsum("bkh,bkw->bhw", rows, columns) > 0.5)[..., None]
    rows, columns = (axis.inside for axis in _axes(patch, size))
    return (rows[:, :, None] & columns[:, None, :])[..., None]


def noisy(patch: Patch, words: Any, shape: tuple[int, int, int]) -> tuple[Any, Any]:
    """Returns which pixels `(B, H, W, 1)` a patch covers, and the noise that is put there.

    Args:
        patch: What is covered.
        words: `(B, 2)`, int32, the keys of each row's noise.
        shape: Of an image, `(H, W, C)`.

    Returns:
        With the noise of all samples, float32 `(B, H, W, C)` from 0 to below 1.
    """
    size, depth = shape[:2], shape[2]
    several = len(patch.top.shape) > 1
    inside, number = (_last_of_several if several else _only)(patch, size)
    channels = ops.convert_to_tensor(np.arange(depth, dtype=np.int32))
    place = number[..., None] * depth + channels
    # See `kaug._kernels.noise.fill_words`: these are its chunks, and halves of them.
    in_chunk, half = ops.bitwise_and(place, CHUNK // 2 - 1), ops.bitwise_and(place, CHUNK // 2)
    bits = CHUNK.bit_length() - 1
    chunk = ops.left_shift(upper(place, 32 - bits), bits - 1)
    first, second = encrypted(words, ops.bitwise_or(chunk, in_chunk))
    word = ops.where(ops.cast(half, "bool"), second, first)
    return inside[..., None], ops.cast(upper(word, 24), "float32") * 2.0**-24


def _only(patch: Patch, size: Size) -> tuple[Any, Any]:
    """Returns which pixels `(B, H, W)` are covered, and as the how many-th, int32."""
    rows, columns = _axes(patch, size)
    width = ops.sum(ops.cast(columns.inside, "float32"), axis=1)[:, None, None]
    down, across = ([part[:, :, None] for part in rows], [part[:, None, :] for part in columns])
    rows, columns = _Axis(*down), _Axis(*across)
    before = rows.before * width + rows.length * columns.before
    number = before + rows.place * columns.length + columns.place
    inside = rows.inside & columns.inside
    return inside, ops.cast(ops.where(inside, number, 0.0), "int32")


def _axes(patch: Patch, size: Size) -> tuple[_Axis, _Axis]:
    return (
        _along(patch.top, patch.tall, patch.step, size[0]),
        _along(patch.left, patch.wide, patch.step, size[1]),
    )


def _along(start: Any, length: Any, step: Any, side: int) -> _Axis:
    places = ops.convert_to_tensor(np.arange(side, dtype=np.float32))
    start, length = start[:, None], length[:, None]
    before = ops.zeros_like(start)
    own = start
    if step is not None:  # then what comes first begins at 0, or sticks out
        times = ops.floor((places - start + 0.5) / step[:, None])
        own = start + times * step[:, None]
        cut_off = ops.minimum(-start, length)
        before = ops.where(times > 0, times * length - cut_off, 0.0)
    inside = (places >= own) & (places < own + length)
    first, stop = ops.maximum(own, 0), ops.minimum(own + length, side)
    return _Axis(inside, before, stop - first, places - first)


def _last_of_several(patch: Patch, size: Size) -> tuple[Any, Any]:
    """Returns the same, of the last patch that covers a pixel."""
    rows, columns = _coverage(patch, size)
    count = rows.shape[1]
    last, covers = 0.0, False
    for start in range(0, count, _POWERS):
        part = slice(start, start + _POWERS)
        powers = 4.0 ** np.arange(min(_POWERS, count - start), dtype=np.float32)
        weights = ops.convert_to_tensor(powers.astype(np.float32)[:, None])
        # All powers below the last are less than it together, so it is the sum's logarithm.
        total = ops.einsum("bkh,bkw->bhw", rows[:, part] * weights, columns[:, part])
        own = ops.floor(0.5 * ops.log2(ops.maximum(total, 1.0)) + 0.1)
        last = ops.where(total > 0.5, own + start, last)
        covers = (total > 0.5) | covers
    index = ops.cast(last, "int32")
    areas = ops.cast(patch.tall * patch.wide, "int32")
    wide, top, left = (ops.cast(each, "int32") for each in (patch.wide, patch.top, patch.left))
    # Where pixel (0, 0) would be in the order of each patch, had it all rows above and begun there.
    origin = ops.cumsum(areas, axis=1) - areas - top * wide - left
    origin, wide = (look_up_rows(each, index) for each in (origin, wide))
    down, across = (np.arange(side, dtype=np.int32) for side in size)
    down, across = ops.convert_to_tensor(down[:, None]), ops.convert_to_tensor(across)
    return covers, origin + across + wide * down


def _coverage(patch: Patch, size: Size) -> tuple[Any, Any]:
    """Returns which rows `(B, K, H)` and columns `(B, K, W)` patches cover, as 0.0 and 1.0."""
    pairs = ((patch.top, patch.tall, size[0]), (patch.left, patch.wide, size[1]))
    return tuple(_covers(*pair) for pair in pairs)


def _covers(start: Any, length: Any, side: int) -> Any:
    places = ops.convert_to_tensor(np.arange(side, dtype=np.float32))
    start, length = start[..., None], length[..., None]
    return ops.cast((places >= start) & (places < start + length), "float32")
