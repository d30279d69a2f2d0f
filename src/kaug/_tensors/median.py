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


def median(images: Any, sizes: Any, widest: int) -> Any:
    """Returns the median of the square around each pixel, channel by channel.

    Beyond its edges an image goes on with its outermost pixels.

    Args:
        images: `(B, H, W, C)`, float32.
        sizes: Of the squares, odd, `(B,)`.
        widest: At least all of them.
    """
    height, width = images.shape[1:3]
    wide = beyond(images, widest // 2, lambda places, length: np.clip(places, 0, length - 1))
    rows, columns = (ops.convert_to_tensor(np.arange(n, dtype=np.int32)) for n in (height, width))
    sizes = by_row(ops.cast(sizes, "float32"))
    half = (sizes * sizes - 1) / 2
    # Twice as far from the middle, plus one, is the least size of squares that have the pixel.
    least = [[max(abs(2 * y - widest + 1), abs(2 * x - widest + 1)) + 1 for x in range(widest)]
             for y in range(widest)]  # fmt: skip
    least_sizes = ops.convert_to_tensor(np.array(least, np.float32).ravel())

    def look_at(number: Any, medians: Any) -> Any:
        taken = ops.take(wide, rows + number // widest, axis=1)
        values = ops.take(taken, columns + number % widest, axis=2)
        below = ops.zeros_like(images)
        for y in range(widest):
            for x in range(widest):
                less = wide[:, y : y + height, x : x + width] < values
                below = below + ops.cast(less & (sizes >= least[y][x]), "float32")
        inside = sizes >= ops.take(least_sizes, number)
        return ops.where(inside & (below <= half), ops.maximum(medians, values), medians)

    return ops.fori_loop(0, widest * widest, look_at, ops.full_like(images, -np.inf))
