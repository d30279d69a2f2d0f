"""Warps of pixels that are areas, on tensors: what `kaug._kernels.resize` does on arrays.

Where axes stay axes, that is two matrices of weights for each image, one an axis. Where images turn
as well, two such make them smaller first, and what they return is interpolated.

A sum over a whole axis takes in what is not finite with weights of 0 too: a NaN in an image goes
all over it.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from kaug._apply.resample import Resampling
from kaug._tensors import geometry, ops
from kaug._tensors.geometry import Size
from kaug._tensors.lookups import look_up

# Gathering a pixel takes about as long as adding so many with weights.
_WORTH = 16
# How far pixels of the result are apart in what they are interpolated from, at most.
_APART = math.sqrt(2)


class _Few(NamedTuple):
    """Pixels along an axis that those of the result are sums of, and how much of each."""

    # Int32 `(B, N)` each.
    places: list[Any]
    # Float32 `(B, N)` each.
    weights: list[Any]


def resize(
    images: Any,
    matrices: Any,
    sampling: Resampling,
    after: Size,
    widest: tuple[float, float] | None = None,
) -> Any:
    """Returns float32 images `(B, *after, C)`, resampled.

    Args:
        images: `(B, H, W, C)`, float32.
        matrices: About the centres, output pixel to input pixel, `(2, 3, B)`.
        sampling: Fill; pixels are blended.
        after: Height and width of the result.
        widest: How many pixels of the images one of the result covers along either axis, at most;
            None where axes do not stay axes in all of the images.
    """
    size = (images.shape[1], images.shape[2])
    if widest is not None and max(widest) <= 1:  # nothing to average
        return geometry.warp(images, matrices, sampling, after, straight=True)
    if widest is not None:
        weights = [
            _along(
                geometry.places_along(matrices, axis, size[axis], after[axis], after[axis]),
                abs(matrices[axis, axis]),
                size[axis],
                sampling,
                2 * widest[axis],
            )
            for axis in range(2)
        ]
        result = _summed(images, weights, after)
    else:
        result = _turned(images, matrices, sampling, after)
    return geometry.fill_outside(result, matrices, size, sampling)


def in_blocks(images: Any, smaller: tuple[Any, Any]) -> Any:
    """Returns images made smaller and enlarged again, every pixel by the nearest one.

    Args:
        images: `(B, H, W, C)`, float32.
        smaller: Heights and widths to which they are made smaller, whole numbers, float32 `(B,)`.
    """
    size = (images.shape[1], images.shape[2])
    weights = []
    for length, sides in zip(size, smaller, strict=True):
        sides = ops.reshape(sides, (-1, 1))
        centers = ops.convert_to_tensor(2 * np.arange(length, dtype=np.int32)[None] + 1)
        blocks = ops.floor_divide(centers * ops.cast(sides, "int32"), 2 * length)
        scales = length / sides
        places = (ops.cast(blocks, "float32") + 0.5) * scales - 0.5
        weights.append(_weights(places, scales, length, Resampling()))
    return _summed(images, weights, size)


def _along(places: Any, scale: Any, length: int, sampling: Resampling, most: float) -> Any:
    """Returns `_weights`, or `_Few` of them where pixels of the result have few each."""
    if most > max(2, length // _WORTH):
        return _weights(places, scale, length, sampling)
    places, widths = _settled(places, scale, length, sampling)
    first = ops.floor(places - widths) + 1
    index, weights = [], []
    for number in range(math.ceil(most)):
        pixel = first + number
        weight = ops.maximum(1 - abs(pixel - places) / widths, 0.0)
        weights.append(ops.where((pixel >= 0) & (pixel < length), weight, 0.0))
        index.append(ops.cast(ops.clip(pixel, 0, length - 1), "int32"))
    total = sum(weights)
    return _Few(index, [weight / total for weight in weights])


def _weights(places: Any, scale: Any, length: int, sampling: Resampling) -> Any:
    """Returns how much of each pixel along an axis is in each of the result, `(B, N, length)`.

    Args:
        places: Where these lie, `(B, N)`.
        scale: How far they are apart, `(B,)`.
        length: Of the axis.
        sampling: Fill.
    """
    places, widths = _settled(places, scale, length, sampling)
    pixels = ops.convert_to_tensor(np.arange(length, dtype=np.float32))
    away = abs(pixels - places[..., None])
    weights = ops.maximum(1 - away / widths[..., None], 0.0)
    return weights / ops.sum(weights, axis=-1, keepdims=True)


def _settled(places: Any, scale: Any, length: int, sampling: Resampling) -> tuple[Any, Any]:
    """Returns places that are in the image, and how far from them pixels still count."""
    scale = ops.reshape(scale, (-1, 1))
    # Averages reach to where the outer pixels end, what is interpolated to their centres.
    beyond = ops.where(scale <= 1, 0.0, 0.5)
    places = geometry.fold(places, length, sampling)
    places = ops.minimum(ops.maximum(places, -beyond), length - 1 + beyond)
    return places, ops.maximum(scale, 1.0)


def _summed(images: Any, weights: list[Any], after: Size) -> Any:
    """Returns images whose pixels are sums along both axes, `(B, *after, C)`."""
    height, width = images.shape[1:3]
    axes = [0, 1]
    # First the one after which less is left to do.
    if after[1] * height * (width + after[0]) < after[0] * width * (height + after[1]):
        axes.reverse()
    for axis in axes:
        if isinstance(weights[axis], _Few):
            images = _gathered(images, weights[axis], axis)
        else:
            subscripts = ("brh,bhwc->brwc", "bkw,bhwc->bhkc")[axis]
            images = _multiplied(subscripts, weights[axis], images)
    return images


def _gathered(images: Any, few: _Few, axis: int) -> Any:
    """Returns images whose pixels are sums of few along an axis."""
    height, width, channels = images.shape[1:]
    first = ops.arange(ops.shape(images)[0], dtype="int32")
    if axis == 0:
        lines = ops.reshape(images, (-1, width, channels))
        first, spread = ops.reshape(first, (-1, 1)) * height, (-1, few.places[0].shape[1], 1, 1)
    else:
        lines = ops.reshape(images, (-1, channels))
        rows = ops.convert_to_tensor(np.arange(height, dtype=np.int32)[:, None])
        first = (ops.reshape(first, (-1, 1, 1)) * height + rows) * width
        spread = (-1, 1, few.places[0].shape[1], 1)
    total: Any = 0.0
    for index, weight in zip(few.places, few.weights, strict=True):
        own = first + (index if axis == 0 else index[:, None])
        total = total + look_up(lines, own) * ops.reshape(weight, spread)
    return total


def _multiplied(subscripts: str, weights: Any, images: Any) -> Any:
    import keras

    if keras.backend.backend() != "jax":
        return ops.einsum(subscripts, weights, images)
    import jax

    with jax.default_matmul_precision("highest"):  # on accelerators the default is half of it
        return ops.einsum(subscripts, weights, images)


def _turned(images: Any, matrices: Any, sampling: Resampling, after: Size) -> Any:
    """Returns images warped, of which some turn: made smaller along their own axes before."""
    size = (images.shape[1], images.shape[2])
    straight = (matrices[0, 1] == 0) & (matrices[1, 0] == 0)
    norms = [ops.sqrt(matrices[i, 0] ** 2 + matrices[i, 1] ** 2) for i in range(2)]
    weights, readings = [], []
    for axis in range(2):
        reach = ops.maximum(norms[axis] * (1 / _APART), 1.0)
        begin, scale, count = _shrinking(matrices, axis, reach, size[axis], sampling, after)
        numbers = np.arange(_room(size[axis], axis, sampling, after), dtype=np.float32)
        steps = ops.minimum(ops.convert_to_tensor(numbers), count[:, None] - 1)
        shrunk = begin[:, None] + steps * scale[:, None]
        own = geometry.places_along(matrices, axis, size[axis], after[axis], len(numbers))
        places = ops.where(straight[:, None], own, shrunk)
        apart = ops.where(straight, abs(matrices[axis, axis]), scale)
        weights.append(_weights(places, apart, size[axis], sampling))
        readings.append((begin, scale))
    room = (weights[0].shape[1], weights[1].shape[1])
    shrunk = _summed(images, weights, room)
    return _read(shrunk, matrices, straight, readings, size, sampling, after)


def _shrinking(
    matrices: Any, axis: int, reach: Any, length: int, sampling: Resampling, after: Size
) -> tuple[Any, Any, Any]:
    """Returns what of an axis is made smaller how: where the first pixel lies, steps, their count.

    That is what `kaug._kernels.resize._shrink` finds, `(B,)` each.
    """
    if sampling.fill_mode in ("reflect", "wrap"):
        first = ops.zeros_like(reach)
        stop = first + length
    else:
        middle = matrices[axis, 2] + (length - 1) / 2
        way = sum(abs(matrices[axis, k]) * ((after[k] - 1) / 2) for k in range(2))
        first = ops.clip(ops.floor(middle - way - reach), 0, length - 1)
        stop = ops.minimum(-ops.floor(-(middle + way + reach)) + 1, float(length))
        stop = ops.maximum(stop, first + 1)
    count = ops.maximum(ops.floor((stop - first) / reach + 0.5), 1.0)
    scale = (stop - first) / count
    return first + scale / 2 - 0.5, scale, count


def _room(length: int, axis: int, sampling: Resampling, after: Size) -> int:
    """Returns how many pixels at most are left of an axis where images turn, or do not."""
    if sampling.fill_mode in ("reflect", "wrap"):
        return max(length, after[axis])
    seen = math.ceil(_APART * math.hypot(after[0] - 1, after[1] - 1) + 5.5)
    return max(min(length, seen), after[axis])


def _read(
    shrunk: Any,
    matrices: Any,
    straight: Any,
    readings: list[tuple[Any, Any]],
    size: Size,
    sampling: Resampling,
    after: Size,
) -> Any:
    """Returns images interpolated from smaller ones; those that do not turn are finished."""
    where = []
    unmoved = straight[:, None, None]
    for axis, place in enumerate(geometry.places(matrices, size, after)):
        begin, scale = (ops.reshape(each, (-1, 1, 1)) for each in readings[axis])
        read = (geometry.fold(place, size[axis], sampling) - begin) / scale
        numbers = np.arange(after[axis], dtype=np.float32)
        own = ops.convert_to_tensor(numbers[:, None] if axis == 0 else numbers[None])
        where.append(ops.where(unmoved, own, read))
    return geometry.blend(shrunk, where)
