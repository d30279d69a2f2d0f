"""Tone on tensors: fewer levels, turned levels, and levels spread by the histogram.

Images are float32 `(B, H, W, C)` in 0..1; levels are whole numbers of 0..255, as float32. What is
decided on levels is decided on whole numbers, and so alike everywhere. Functions of levels take
images of them and tables alike: a table `(B, C, 256)` holds what becomes of each level in a channel
of a row, and begins as `every_level()`.
"""

from typing import Any

import numpy as np

from kaug._tensors import lookups, ops
from kaug._tensors.colors import to_images
from kaug._tensors.held import held

LEVELS = 256
# A threshold that is a level of the images must not pass it by a rounding error.
_SLACK = 4 * float(np.finfo(np.float32).eps)


def every_level() -> Any:
    """Returns the table that changes nothing, `(1, 1, 256)`."""
    return ops.convert_to_tensor(np.arange(LEVELS, dtype=np.float32)[None, None])


def places(levels: Any) -> Any:
    """Returns where levels lie in tables `(B, C, 256)` laid flat, int32 `(B, H, W, C)`.

    NaN counts as black.
    """
    channels = levels.shape[-1]
    first = ops.arange(ops.shape(levels)[0] * channels, dtype="int32") * LEVELS
    known = ops.where(levels > 0, levels, 0.0)
    return ops.cast(known, "int32") + ops.reshape(first, (-1, 1, 1, channels))


def histograms(where: Any) -> Any:
    """Returns how many samples have each level, float32 `(B, C, 256)`, given their places."""
    channels = where.shape[-1]
    flat = ops.reshape(where, (-1,))
    count = ops.shape(where)[0] * channels * LEVELS
    ones = ops.ones_like(flat, dtype="float32")
    return ops.reshape(ops.segment_sum(ones, flat, num_segments=count), (-1, channels, LEVELS))


def look_up(tables: Any, where: Any, images: Any) -> Any:
    """Returns images of what tables `(B, C, 256)` hold at places; NaN stays NaN."""
    found = lookups.look_up(ops.reshape(held(to_images(tables)), (-1,)), where)
    # JAX takes nothing from an empty table in a shape of its own.
    found = ops.reshape(found, (-1, *images.shape[1:]))
    return ops.where(images == images, found, images)


def posterized(levels: Any, bits: Any) -> Any:
    """Returns levels of which the highest bits are kept.

    Args:
        levels: Of images or tables.
        bits: How many, of whole numbers 1..8, as an array that fits `levels`.
    """
    kept = ops.cast(bits, "int32")
    steps = ops.cast(ops.left_shift(1, 8 - kept), "float32")
    # Not 1 / steps, which TensorFlow's graphs approximate.
    parts = ops.cast(ops.left_shift(1, kept), "float32") * 2.0**-8
    return ops.floor(levels * parts) * steps


def solarized(values: Any, least: Any, white: float) -> Any:
    """Returns values of 0..white, inverted from `least` on; NaN stays NaN.

    Args:
        values: Images in 0..1, or levels of images or tables.
        least: Fits `values`; see `least_solarized` and `least_solarized_level`.
        white: 1.0 for images and 255.0 for levels.
    """
    return ops.where(values >= least, white - values, values)


def least_solarized(thresholds: Any) -> Any:
    """Returns which value of 0..1 is the least one to be inverted."""
    return thresholds - _SLACK


def least_solarized_level(thresholds: Any) -> Any:
    """Returns which level of 0..256 is the least one to be inverted."""
    return ops.clip(ops.ceil((thresholds - _SLACK) * 255.0), 0.0, 256.0)


def ends(levels: Any) -> tuple[Any, Any]:
    """Returns the darkest and the lightest of levels `(B, H, W, C)`, `(B, C, 1)` each.

    NaN counts as black.
    """
    known = ops.where(levels > 0, levels, 0.0)
    # Begun with something, since batches may be empty.
    low = ops.min(known, axis=(1, 2), initial=LEVELS - 1.0)
    high = ops.max(known, axis=(1, 2), initial=0.0)
    return low[..., None], high[..., None]


def ends_within(counts: Any, cutoffs: Any, samples: int) -> tuple[Any, Any]:
    """Returns the darkest and the lightest levels that count, `(B, C, 1)` each.

    Args:
        counts: The histograms, `(B, C, 256)`.
        cutoffs: How many percent of the darkest and of the lightest samples do not count, `(B,)`.
        samples: How many a channel has.
    """
    cut = ops.reshape(cutoffs, (-1, 1, 1)) * float(samples)
    until = ops.cumsum(counts, axis=-1)
    since = samples - until + counts
    low = _how_many(until * 100.0 <= cut)
    return low, (LEVELS - 1) - _how_many(since * 100.0 <= cut)


def line_between(low: Any, high: Any) -> tuple[Any, Any]:
    """Returns the factors and offsets that stretch levels to the full range from between two.

    Those of a channel of a single level change nothing.
    """
    even = high <= low
    factors = ops.where(even, 1.0, 255.0 / ops.maximum(high - low, 1.0))
    return factors, ops.where(even, 0.0, -low * factors)


def stretched(levels: Any, factors: Any, offsets: Any) -> Any:
    """Returns levels along lines that fit them, cut off to whole ones as Pillow does.

    Where Pillow's own arithmetic falls short of a whole number, the result is one level above.
    """
    # Half of the least step, at most 1/255 of a level stretched, keeps whole numbers whole.
    result = ops.floor(levels * factors + (offsets + factors * (0.5 / 255)))
    return ops.clip(result, 0.0, 255.0)


def equalizing_tables(counts: Any) -> Any:
    """Returns the tables `(B, C, 256)` that make histograms flat, as Pillow does."""
    until = ops.cumsum(counts, axis=-1)
    # All samples but those of the lightest level that there is.
    others = ops.where(until < until[..., -1:], counts, 0.0)
    total = ops.sum(others, axis=-1, keepdims=True)
    # A half more changes no quotient of whole numbers, and keeps whole ones from falling below.
    step = ops.floor((total + 0.5) * (1 / 255))
    passed = ops.floor(step * 0.5) + (until - counts)
    even = ops.floor((passed + 0.5) / ops.maximum(step, 1.0))
    return ops.where(step > 0, ops.minimum(even, 255.0), every_level())


def _how_many(true: Any) -> Any:
    """Returns how many of the levels something is true of, as float32 of 0..255."""
    count = ops.sum(ops.cast(true, "float32"), axis=-1, keepdims=True)
    return ops.minimum(count, LEVELS - 1.0)
