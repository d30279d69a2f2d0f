"""Colors on tensors: what changes each pixel by itself.

Images are float32 `(B, H, W, C)` in 0..1, and so are results, which may lie beyond: they are cut
off afterwards. Where images are bytes, levels are whole numbers of 0..255, as floats.
"""

from collections.abc import Sequence
from typing import Any

from kaug._colors import BLUE, GRAY, GREEN, RED
from kaug._kernels.jitter import CONTRAST, HUE, SATURATION
from kaug._tensors import ops
from kaug._tensors.held import held


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
        # Held, since JAX adds up what it has yet to compute twenty times as slowly.
        values = held(_gray_levels(values) if in_bytes else gray(values, in_bytes=False))
    if not in_bytes:
        values = ops.where(values == values, values, 0.0)
        return ops.mean(values, axis=(1, 2, 3), keepdims=True)
    samples = values.shape[1] * values.shape[2] * values.shape[3]
    total = ops.sum(values, axis=(1, 2, 3), keepdims=True)
    # A quarter more changes no whole number, and keeps halves from falling below one.
    return to_images(ops.floor((total + (samples / 2 + 0.25)) * (1 / max(samples, 1))))


def shifted(images: Any, shifts: Any, *, in_bytes: bool) -> Any:
    """Returns images with fractions of the range `(B, C)` added, of bytes whole levels."""
    shifts = to_images(levels_of(shifts)) if in_bytes else shifts
    return images + shifts[:, None, None, :]


def mixed(images: Any, matrices: Any) -> Any:
    """Returns images of three channels, each pixel multiplied by a matrix of `(B, 3, 3)`."""
    planes = [images[..., c : c + 1] * matrices[:, None, None, :, c] for c in range(3)]
    return planes[0] + planes[1] + planes[2]


def means_and_deviations(images: Any, axes: tuple[int, ...]) -> tuple[Any, Any]:
    """Returns the means and the standard deviations along some axes, which have the length 1.

    NaN counts as black.
    """
    known = ops.where(images == images, images, 0.0)
    mean = ops.mean(known, axis=axes, keepdims=True)
    away = known - mean
    return mean, ops.sqrt(ops.mean(away * away, axis=axes, keepdims=True))


def covariances(images: Any) -> Any:
    """Returns those of the channels of each image, `(B, C, C)`; NaN counts as black."""
    known = ops.where(images == images, images, 0.0)
    away = known - ops.mean(known, axis=(1, 2), keepdims=True)
    channels = images.shape[-1]
    pixels = ops.reshape(away, (-1, images.shape[1] * images.shape[2], channels))
    products = [
        ops.mean(pixels[:, :, c : c + 1] * pixels, axis=1, keepdims=True) for c in range(channels)
    ]
    return ops.concatenate(products, axis=1)


def turned(images: Any, turns: Any) -> Any:
    """Returns images of three channels with their hues turned by sextants, 0..6.

    Those are the same for all pixels of a row, `(B,)`, or `(B, H, W)`.
    """
    planes = [images[..., channel] for channel in range(3)]
    by_plane = turns if len(turns.shape) == 3 else _of_planes(turns)
    return ops.stack(_turned(planes, by_plane), axis=-1)


def sextants(hues: Any) -> Any:
    """Returns fractions of the color wheel, which may be negative, as 0..6."""
    return (hues - ops.floor(hues)) * 6.0


def jittered(images: Any, parameters: Any) -> Any:
    """Returns images of one or three channels after four changes in an order of each row's own.

    All but the turn of the hue are blends of an image, its gray and a number: one blend makes
    whichever of them is due in a row. The hue is turned after the first blend where it is a row's
    first or second change, and after the third where it is the third or fourth. A step that is the
    hue's blends nothing, so two turns do for all orders.

    Args:
        images: `(B, H, W, C)`, in 0..1.
        parameters: Those of `ColorJitter`: factors and hues `(B,)`, and the order `(B, 4)`.
    """
    order = parameters["order"]
    turns = sextants(parameters["hue"])
    early = ops.logical_or(order[:, 0] == HUE, order[:, 1] == HUE)

    # A loop, since a compiler would compute each step anew for every channel of the next one; and
    # of planes, in which pixels lie side by side.
    def change(step: Any, planes: Any) -> Any:
        planes = _blended(list(planes), ops.take(order, step, axis=1), parameters)
        if len(planes) == 1:
            return tuple(planes)
        now = ops.where(ops.equal(step, 0), early, ops.logical_not(early))
        due = ops.equal(ops.bitwise_and(step, 1), 0)
        by_plane = _of_planes(ops.where(now, turns, 0.0))
        return ops.cond(due, lambda: tuple(_turned(planes, by_plane)), lambda: tuple(planes))

    planes = tuple(images[..., channel] for channel in range(images.shape[-1]))
    return ops.stack(ops.fori_loop(0, 4, change, planes), axis=-1)


def _blended(planes: list[Any], operations: Any, parameters: Any) -> list[Any]:
    """Returns planes after the blend that is each row's operation, if it is one, clipped."""
    names = ("brightness", "contrast", "saturation")
    factors = ops.ones_like(parameters["hue"])
    for number, name in enumerate(names):
        factors = ops.where(operations == number, parameters[name], factors)
    grays = _weighted(planes, GRAY) if len(planes) == 3 else planes[0]
    known = ops.where(grays == grays, grays, 0.0)
    center = ops.where(operations == CONTRAST, ops.mean(known, axis=(1, 2)), 0.0)
    share = ops.where(operations == SATURATION, 1.0 - factors, 0.0)
    base = _of_planes(share) * grays + _of_planes((1.0 - factors) * center)
    return [ops.clip(_of_planes(factors) * plane + base, 0.0, 1.0) for plane in planes]


def _turned(planes: list[Any], turns: Any) -> list[Any]:
    """Returns planes with hues turned; all of HSV times the chroma, so nothing is divided."""
    red, green, blue = planes
    high = ops.maximum(ops.maximum(red, green), blue)
    low = ops.minimum(ops.minimum(red, green), blue)
    chroma = high - low
    double = chroma + chroma
    four, six = double + double, double + double + double
    hue = ops.where(high == green, blue - red + double, red - green + four)
    hue = ops.where(high == red, green - blue, hue) + turns * chroma
    hue = ops.where(hue >= six, hue - six, hue)
    hue = ops.where(hue < 0, hue + six, hue)
    return [
        ops.clip(ops.absolute(hue - (chroma + double)) + (low - chroma), low, high),
        ops.clip((low + double) - ops.absolute(hue - double), low, high),
        ops.clip((low + double) - ops.absolute(hue - four), low, high),
    ]


def _of_planes(values: Any) -> Any:
    """Returns a number of each row, `(B,)`, to be computed with a plane `(B, H, W)`."""
    return ops.reshape(values, (-1, 1, 1))


def _gray_levels(levels: Any) -> Any:
    """Returns the gray of levels as Pillow rounds it; all numbers below 2²⁴ are exact."""
    total = _weighted([levels[..., c : c + 1] for c in range(3)], (RED, GREEN, BLUE))
    return ops.floor((total + 2.0**15) * 2.0**-16)


def _weighted(planes: Sequence[Any], weights: Sequence[float]) -> Any:
    red, green, blue = (
        plane * float(weight) for plane, weight in zip(planes, weights, strict=True)
    )
    return red + green + blue
