"""Colors on tensors: what changes each pixel by itself.

Images are float32 `(B, H, W, C)` in 0..1, and so are results, which may lie beyond: they are cut
off afterwards. Where images are bytes, levels are whole numbers of 0..255, as floats.
"""

from collections.abc import Sequence
from typing import Any

from kaug._colors import BLUE, GRAY, GREEN, RED
from kaug._tensors import ops

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)


def by_row(values: Any) -> Any:
    """Returns a number of each row, `(B,)`, to be computed with images."""
    return ops.reshape(values, (-1, 1, 1, 1))


def away_from(base: Any, images: Any, factors: Any) -> Any:
    """Returns images moved away from others, or towards them with factors `(B,)` below 1."""
    return base + by_row(factors) * (images - base)


def levels_of(images: Any) -> Any:
    """Returns the nearest of 256 levels, as whole float32 numbers of 0..255; NaN stays NaN."""
    return ops.floor(images * 255 + 0.5)


def to_images(levels: Any) -> Any:
    """Returns levels as values of 0..1."""
    return levels * (1 / 255)


def gray(images: Any, *, in_bytes: bool) -> Any:
    """Returns the gray of images of three channels, `(B, H, W, 1)`; of bytes as a level."""
    if in_bytes:
        return to_images(_gray_levels(levels_of(images)))
    return _weighted([images[..., c : c + 1] for c in range(3)], GRAY)


def means(images: Any, *, in_bytes: bool) -> Any:
    """Returns the mean brightness of each image, `(B, 1, 1, 1)`; of bytes as a level.

    NaN counts as black.
    """
    values = levels_of(images) if in_bytes else images
    if images.shape[-1] == 3:
        values = _gray_levels(values) if in_bytes else gray(values, in_bytes=False)
    if not in_bytes:
        values = ops.where(values == values, values, 0.0)
        return ops.mean(values, axis=(1, 2, 3), keepdims=True)
    samples = values.shape[1] * values.shape[2] * values.shape[3]
    total = ops.sum(values, axis=(1, 2, 3), keepdims=True)
    # A quarter more changes no whole number, and keeps halves from falling below one.
    return to_images(ops.floor((total + (samples / 2 + 0.25)) * (1 / max(samples, 1))))


def _gray_levels(levels: Any) -> Any:
    """Returns the gray of levels as Pillow rounds it; all numbers below 2²⁴ are exact."""
    total = _weighted([levels[..., c : c + 1] for c in range(3)], (RED, GREEN, BLUE))
    return ops.floor((total + 2.0**15) * 2.0**-16)


def _weighted(planes: Sequence[Any], weights: Sequence[float]) -> Any:
    red, green, blue = (
        plane * float(weight) for plane, weight in zip(planes, weights, strict=True)
    )
    return red + green + blue
