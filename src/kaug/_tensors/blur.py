"""Blurs on tensors down the columns and along the rows, with a width of its own for every row.

Narrow ones are sums of shifted images; wide ones products with two matrices of each row, whose
cost does not grow with the width. Beyond its edges an image is continued by its reflection.
"""

from typing import Any

import numpy as np

from kaug._tensors import ops

# Up to this radius shifts take hardly more time than matrices. What devices do to the precision of
# products, they leave alone, and a NaN spreads no farther than they reach.
_NARROW = 8
# Below this standard deviation a blur reaches no other pixel.
_NONE = 0.125


def blur(images: Any, sigmas: Any, radius: int) -> Any:
    """Returns images blurred with Gaussians.

    Args:
        images: `(B, H, W, C)`, float32.
        sigmas: Standard deviations in pixels, float32 `(B,)`.
        radius: How many pixels the widest of them may reach; see `_kernels.blur.radius_of`.
    """
    return images if radius == 0 else _weighted(images, _weights(sigmas, radius), radius)


def box_blur(images: Any, sizes: Any, radius: int) -> Any:
    """Returns the means of squares around pixels.

    Args:
        images: `(B, H, W, C)`, float32.
        sizes: Of the squares, odd, `(B,)`.
        radius: How many pixels the widest of them may reach.
    """
    if radius == 0:
        return images
    sizes = ops.cast(sizes, "float32")[:, None]
    ways = ops.convert_to_tensor(np.arange(radius + 1, dtype=np.float32)[None])
    return _weighted(images, ops.where(2 * ways < sizes, 1 / sizes, 0.0), radius)


def _weighted(images: Any, weights: Any, radius: int) -> Any:
    """Returns images blurred along both axes, with weights of pixels 0, 1, … `radius` away."""
    if radius <= min(_NARROW, *images.shape[1:3]):
        return _shifted(_shifted(images, weights, radius, axis=1), weights, radius, axis=2)
    height, width = images.shape[1:3]
    images = ops.einsum("bvh,bhwc->bvwc", _matrices(weights, radius, height), images)
    return ops.einsum("bvw,bhwc->bhvc", _matrices(weights, radius, width), images)


def _weights(sigmas: Any, radius: int) -> Any:
    """Returns the weights of pixels 0, 1, … `radius` away, `(B, radius + 1)`."""
    ways = ops.convert_to_tensor(np.arange(radius + 1, dtype=np.float32)[None])
    reach = ops.floor(4 * sigmas + 0.5)[:, None]
    sigmas = ops.maximum(sigmas, _NONE)[:, None]
    gauss = ops.exp(-0.5 * ops.square(ways / sigmas))
    gauss = gauss * ops.cast(ways <= reach, "float32")
    return gauss / (2 * ops.sum(gauss, axis=1, keepdims=True) - 1)


def _shifted(images: Any, weights: Any, radius: int, *, axis: int) -> Any:
    """Returns images blurred along an axis, by as many shifts as they are wide."""
    length = images.shape[axis]
    ends = (slice(None, radius), slice(length - radius, None))
    parts = [images[:, end] if axis == 1 else images[:, :, end] for end in ends]
    before, beyond = (ops.flip(part, axis=axis) for part in parts)
    # Not by `ops.pad`, whose "symmetric" repeats the edge on PyTorch.
    wide = ops.concatenate([before, images, beyond], axis=axis)
    weights = ops.reshape(weights, (-1, radius + 1, 1, 1, 1))

    def shifted(way: int) -> Any:
        part = slice(radius + way, radius + way + length)
        return wide[:, part] if axis == 1 else wide[:, :, part]

    result = images * weights[:, 0]
    for way in range(1, radius + 1):
        result = result + (shifted(-way) + shifted(way)) * weights[:, way]
    return result


def _matrices(weights: Any, radius: int, length: int) -> Any:
    """Returns the matrices that blur along an axis of some length, `(B, length, length)`."""
    place = np.arange(length)
    periods = 2 * length * np.arange(-radius // length - 1, radius // length + 2)
    apart = np.abs(place[:, None] - place + periods[:, None, None])
    mirrored = np.abs(place[:, None] + place + 1 + periods[:, None, None])
    ways = np.concatenate([apart, mirrored])
    ways = ways[(ways <= radius).any(axis=(1, 2))]
    beyond = ops.concatenate([weights, ops.zeros_like(weights[:, :1])], axis=1)
    index = ops.convert_to_tensor(np.minimum(ways, radius + 1).astype(np.int32))
    return ops.sum(ops.take(beyond, index, axis=1), axis=1)
