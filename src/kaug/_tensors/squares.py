"""Maxima and minima of squares of pixels on tensors, of a size of its own for every image."""

from typing import Any

import numpy as np

from kaug._tensors import ops
from kaug._tensors.colors import by_row


def extremes(images: Any, sizes: Any, widest: int, *, greatest: bool) -> Any:
    """Returns the maximum or the minimum of the square around each pixel, channel by channel.

    Args:
        images: `(B, H, W, C)`, float32.
        sizes: Of the squares, odd, `(B,)`.
        widest: At least all of them.
        greatest: Whether it is the maximum.
    """
    sizes = by_row(ops.cast(sizes, "float32"))
    for axis in (1, 2):
        images = _along(images, sizes, widest // 2, axis, greatest=greatest)
    return images


def _along(images: Any, sizes: Any, radius: int, axis: int, *, greatest: bool) -> Any:
    length = images.shape[axis]
    places = ops.convert_to_tensor(np.arange(length, dtype=np.int32))

    def choose(a: Any, b: Any) -> Any:
        """Not by `ops.maximum`, which loses NaN where TensorFlow compiles it by XLA."""
        return ops.where(((a > b) if greatest else (a < b)) | (a != a), a, b)

    def look(way: Any, found: Any) -> Any:
        # Beyond the edge lies its pixel, which is in the square already.
        before = ops.take(images, ops.maximum(places - way, 0), axis=axis)
        behind = ops.take(images, ops.minimum(places + way, length - 1), axis=axis)
        wider = choose(found, choose(before, behind))
        return ops.where(2 * ops.cast(way, "float32") < sizes, wider, found)

    return ops.fori_loop(1, radius + 1, look, images)
