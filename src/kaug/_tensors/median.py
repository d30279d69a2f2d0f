"""Medians of squares of pixels on tensors, of a size of its own for every image.

The median of an odd number of values is the greatest one of those to which no more than half of
the others are inferior. So values are counted and not sorted: that takes no more memory than the
images do, and one pass over them for each pixel of the square.
"""

from typing import Any

import numpy as np

from kaug._tensors import ops
from kaug._tensors.colors import by_row
from kaug._tensors.convolve import beyond


def median(images: Any, sizes: Any, ends: tuple[int, int]) -> Any:
    """Returns the median of the square around each pixel, channel by channel.

    Beyond its edges an image goes on with its outermost pixels.

    Args:
        images: `(B, H, W, C)`, float32.
        sizes: Of the squares, odd, `(B,)`.
        ends: The least and the greatest size there may be.
    """
    narrowest, widest = ends
    height, width = images.shape[1:3]
    wide = beyond(images, widest // 2, lambda places, length: np.clip(places, 0, length - 1))
    rows, columns = (ops.convert_to_tensor(np.arange(n, dtype=np.int32)) for n in (height, width))
    sizes = by_row(ops.cast(sizes, "float32"))
    half = (sizes * sizes - 1) / 2
    away = np.abs(np.arange(widest) - widest // 2)
    least = 2 * np.maximum(away[:, None], away) + 1  # size of squares that have the pixel
    least_sizes = ops.convert_to_tensor(least.astype(np.float32).ravel())

    def shifted(y: int, x: int) -> Any:
        return wide[:, y : y + height, x : x + width]

    def within(flags: Any, size: int) -> Any:
        """Returns flags of a pixel of the square, False where squares are smaller."""
        return flags & (sizes >= float(size)) if size > narrowest else flags

    def look_at(number: Any, medians: Any) -> Any:
        taken = ops.take(wide, rows + number // widest, axis=1)
        values = ops.take(taken, columns + number % widest, axis=2)
        below = ops.zeros_like(images)
        for (y, x), size in np.ndenumerate(least):
            below = below + ops.cast(within(shifted(y, x) < values, size), "float32")
        inside = sizes >= ops.take(least_sizes, number)
        return ops.where(inside & (below <= half) & (values > medians), values, medians)

    medians = ops.fori_loop(0, widest * widest, look_at, ops.full_like(images, -np.inf))
    # Of NaN and a number, compilers take either for the greater one.
    unknown = images != images
    for (y, x), size in np.ndenumerate(least):
        unknown = unknown | within(shifted(y, x) != shifted(y, x), size)
    return ops.where(unknown, np.nan, medians)
