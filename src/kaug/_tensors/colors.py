"""Colors on tensors: what changes each pixel by itself.

Images are float32 `(B, H, W, C)` in 0..1, and so are results, which may lie beyond: they are cut
off afterwards.
"""

from typing import Any

import numpy as np

from kaug._colors import GRAY
from kaug._tensors import ops


def by_row(values: Any) -> Any:
    """Returns a number of each row, `(B,)`, to be computed with images."""
    return ops.reshape(values, (-1, 1, 1, 1))


def away_from(base: Any, images: Any, factors: Any) -> Any:
    """Returns images moved away from others, or towards them with factors `(B,)` below 1."""
    return base + by_row(factors) * (images - base)


def gray(images: Any) -> Any:
    """Returns the gray of images of three channels, `(B, H, W, 1)`."""
    weights = np.array(GRAY, np.float32)
    return ops.sum(images * ops.convert_to_tensor(weights), axis=-1, keepdims=True)


def to_levels(images: Any) -> Any:
    """Returns values rounded to the levels of bytes."""
    return ops.floor(images * 255 + 0.5) * (1 / 255)


def means(images: Any, *, in_bytes: bool) -> Any:
    """Returns the mean brightness of each image, `(B, 1, 1, 1)`; of bytes as a level."""
    values = gray(images) if images.shape[-1] == 3 else images
    values = to_levels(values) if in_bytes else values
    result = ops.mean(values, axis=(1, 2, 3), keepdims=True)
    return to_levels(result) if in_bytes else result
