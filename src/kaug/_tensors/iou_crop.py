"""Patches that overlap boxes enough, on tensors: what `kaug._kernels.iou_crop` does on arrays.

All patches that are tried with one overlap are tried at once.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kaug._kernels.iou_crop import OPTION, PLACE, ROUNDS, SIDES
from kaug._tensors import ops
from kaug._tensors.geometry import Size


def choose(
    parameters: Any,
    corners: Any,
    seen: Any,
    size: Size,
    options: Sequence[float],
    limits: Sequence[float],
    trials: int,
) -> Any:
    """Returns a patch for each row, `(B, 4)`: top, left, height and width in pixels.

    Args:
        parameters: `words` `(B, 2)`, int32, and `applied`; where it is not, the image is whole.
        corners: `(B, N, 4)`, float32: left, top, right and bottom of boxes.
        seen: `(B, N)`: which of them count.
        size: Height and width of the images.
        options: Least overlaps; one of 1 or more is the whole image.
        limits: The least and the greatest side as a part of the image's, then the same of the
            width over the height.
        trials: How many patches are tried with one overlap.
    """
    from kaug._draw.tensors import encrypt

    words = parameters["words"]
    high, low = words[:, :1], words[:, 1:]
    overlaps = ops.convert_to_tensor(np.array(options, np.float32))
    numbers = ops.convert_to_tensor(np.arange(trials, dtype=np.int32)[np.newaxis])

    def unfinished(number: Any, done: Any, patches: Any) -> Any:
        del patches
        return ops.logical_and(number < ROUNDS, ops.logical_not(ops.all(done)))

    def tried(number: Any, done: Any, patches: Any) -> tuple[Any, Any, Any]:
        word, _ = encrypt(high, low, number, OPTION)
        option = ops.take(overlaps, _choice(word, len(options)), axis=0)
        sides, places = (
            encrypt(high, low, numbers + number * trials, what) for what in (SIDES, PLACE)
        )
        trial, allowed = _patches(sides, places, size, limits)
        fits = allowed & _will_do(trial, corners, seen, option)
        first = fits & (ops.cumsum(ops.cast(fits, "int32"), axis=1) == 1)
        chosen = [ops.sum(ops.where(first, each, 0.0), axis=1) for each in trial]
        whole, found = option[:, 0] >= 1, ops.any(fits, axis=1)
        new = found & ~whole & ~done
        patches = ops.where(new[:, None], ops.stack(chosen, axis=1), patches)
        return number + 1, done | whole | found, patches

    image = ops.convert_to_tensor([[0.0, 0.0, *map(float, size)]], "float32")
    patches = ops.zeros_like(words[:, :1], dtype="float32") + image
    begin = ops.convert_to_tensor(0, "int32")
    return ops.while_loop(unfinished, tried, (begin, ~parameters["applied"], patches))[2]


def _patches(sides: Any, places: Any, size: Size, limits: Sequence[float]) -> tuple[Any, Any]:
    """Returns top, left, height and width of patches, `(B, T)` each, and which are allowed."""
    (width, height), (left, top) = (tuple(map(_unit, each)) for each in (sides, places))
    height, width = (
        length * (limits[0] + (limits[1] - limits[0]) * share)
        for length, share in zip(size, (height, width), strict=True)
    )
    ratio = width / height
    patch = [(size[0] - height) * top, (size[1] - width) * left, height, width]
    return patch, (limits[2] <= ratio) & (ratio <= limits[3])


def _will_do(patch: Any, corners: Any, seen: Any, option: Any) -> Any:
    """Returns in which patches lies a box that overlaps enough; all where there is no box."""
    top, left, height, width = (each[..., None] for each in patch)
    bottom, right = top + height, left + width
    x0, y0, x1, y1 = (corners[:, None, :, i] for i in range(4))
    x, y = (x0 + x1) * 0.5, (y0 + y1) * 0.5
    inside = (left < x) & (x < right) & (top < y) & (y < bottom) & seen[:, None]
    common = ops.minimum(x1, right) - ops.maximum(x0, left)
    common = common * (ops.minimum(y1, bottom) - ops.maximum(y0, top))
    union = (x1 - x0) * (y1 - y0) + height * width - common
    enough = inside & (common >= option[..., None] * union)
    return ops.any(enough, axis=-1) | ~ops.any(seen, axis=1)[:, None]


def _halves(word: Any) -> tuple[Any, Any]:
    return ops.bitwise_and(ops.right_shift(word, 16), 0xFFFF), ops.bitwise_and(word, 0xFFFF)


def _unit(word: Any) -> Any:
    """Returns words as numbers between 0 and 1."""
    upper, lower = (ops.cast(half, "float32") for half in _halves(word))
    return upper * 2.0**-16 + (lower + 0.5) * 2.0**-32


def _choice(word: Any, count: int) -> Any:
    """Returns words as numbers of `count` things, each as likely."""
    upper, lower = _halves(word)
    return _halves(upper * count + _halves(lower * count)[0])[0]
