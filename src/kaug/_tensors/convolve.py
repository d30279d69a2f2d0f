"""Weighted sums of neighbours on tensors, with weights of its own for every image.

Beyond its edges an image is continued by its reflection.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from kaug._tensors import ops
from kaug._types import Array


def convolve(images: Any, kernels: Any) -> Any:
    """Returns sums of the pixels around each one, times weights.

    Pixels whose weight is 0 stay out of the sum, NaN or not.

    Args:
        images: `(B, H, W, C)`, float32.
        kernels: `(B, K, K)`, float32; K is odd.
    """
    side = kernels.shape[1]
    height, width, channels = images.shape[1:]
    if side == 1:
        return images
    wide = beyond(images, side // 2, _reflected)
    # In lines of W * C numbers, which compilers add many of at once.
    wide = ops.reshape(wide, (-1, *wide.shape[1:2], wide.shape[2] * channels))
    pixels = ops.convert_to_tensor(np.arange(height, dtype=np.int32))

    # A loop over the rows of kernels, so that what is compiled grows with their sides alone.
    def add(down: Any, total: Any) -> Any:
        rows = ops.take(wide, pixels + down, axis=1)
        weights = ops.take(kernels, down, axis=1)
        for across in range(side):
            weight = ops.reshape(weights[:, across], (-1, 1, 1))
            shifted = rows[:, :, across * channels : (across + width) * channels]
            total = total + ops.where(weight != 0, shifted, 0.0) * weight
        return total

    total = ops.zeros_like(ops.reshape(images, (-1, height, width * channels)))
    return ops.reshape(ops.fori_loop(0, side, add, total), (-1, height, width, channels))


def beyond(images: Any, reach: int, within: Callable[[Array, int], Array]) -> Any:
    """Returns images with so many pixels more on all sides.

    Args:
        images: `(B, H, W, C)`.
        reach: How many.
        within: Returns which of the pixels of an axis are found at places that may lie beyond it,
            given these and the length of the axis.
    """
    for axis in (1, 2):
        length = images.shape[axis]
        places = within(np.arange(-reach, length + reach), length).astype(np.int32)
        images = ops.take(images, ops.convert_to_tensor(places), axis=axis)
    return images


def _reflected(places: Array, length: int) -> Array:
    places = places % (2 * length)
    mirrored: Array = np.minimum(places, 2 * length - 1 - places)
    return mirrored
