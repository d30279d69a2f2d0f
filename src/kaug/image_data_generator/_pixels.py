"""What parameters do to pixels: geometry, then channel shifts, then brightness."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug import _parallel
from kaug._kernels.warp import FILL_MODES, warp
from kaug._types import Array, Floats, Rows
from kaug._validation import message
from kaug.image_data_generator._draws import BRIGHTNESS, CHANNEL_SHIFT, SHEAR, ZX, ZY
from kaug.image_data_generator._matrices import to_matrices
from kaug.image_data_generator._protocol import Options

_SPLINE_BYTES = 2**14  # splines take long, so a few pixels are worth a thread
_RGBA = 4


def transform(
    generator: Options,
    images: Array,
    rows: Rows,
    parameters: Floats,
    dtype: np.dtype[Any],
) -> Array:
    """Returns rows of `images`, augmented, as new images.

    Args:
        generator: Whose options to follow.
        images: `(N, H, W, C)`, or `(N, C, H, W)` if the generator says so; never written to.
        rows: Row of `images` for each of the results.
        parameters: `(M, 10)`, see `draws.NAMES`.
        dtype: Of the result. Integers are rounded as `scipy.ndimage` rounds after the geometry,
            and cut after colors.
    """
    # The kernel knows float32 and float64; only float64 holds every integer.
    work = dtype if dtype in (np.float32, np.float64) else np.dtype(np.float64)
    if dtype == np.float16:
        work = np.dtype(np.float32)
    source, places = _ready(images, rows, dtype, work)
    result = np.empty((len(rows), *images.shape[1:]), work)
    _resample(generator, source, places, parameters, result)
    if dtype.kind in "iu":
        _round(result, dtype)
    _recolor(generator, source, places, parameters, result, images.dtype.kind in "iu")
    return result.astype(dtype, copy=False)


def _ready(
    images: Array, rows: Rows, dtype: np.dtype[Any], work: np.dtype[Any]
) -> tuple[Array, Rows]:
    """Returns images the kernel can read and which rows to read: themselves if possible."""
    flags = images.flags
    if images.dtype == work == dtype and flags.c_contiguous and flags.aligned:
        return np.asarray(images), rows
    gathered = np.ascontiguousarray(images[rows].astype(dtype, copy=False), work)
    return gathered, np.arange(len(rows))


def _resample(
    generator: Options, source: Array, rows: Rows, parameters: Floats, out: Array
) -> None:
    height, width = source.shape[generator.row_axis], source.shape[generator.col_axis]
    if generator.data_format == "channels_first":
        # Every channel is a picture of its own.
        channels = source.shape[1]
        rows = (rows[:, np.newaxis] * channels + np.arange(channels)).ravel()
        parameters = np.repeat(parameters, channels, axis=0)
        source, out = (array.reshape(-1, height, width, 1) for array in (source, out))
    matrices = to_matrices(parameters, (height, width), swap_centres=generator.keras_compat)
    if not np.isfinite(matrices).all():
        rule = "The ranges of an `ImageDataGenerator` must be finite and far from the largest float"
        raise ValueError(message(rule, repr(generator)))
    mode, value, order = generator.fill_mode, generator.cval, generator.interpolation_order
    if order <= 1 and mode in FILL_MODES:
        warp(source, rows, matrices, out, order=order, fill_mode=mode, fill_value=value)
        return
    # Keras does not interpolate where nothing but flips happens.
    orders = np.where(_interpolates(parameters), order, 0)
    _resample_with_scipy(source, rows, matrices, orders, out, {"mode": mode, "cval": value})


def _resample_with_scipy(
    source: Array, rows: Rows, matrices: Array, orders: Array, out: Array, options: dict[str, Any]
) -> None:
    # Imported where it is used: most generators interpolate linearly.
    from scipy import ndimage

    def task(start: int, stop: int) -> None:
        for i in range(start, stop):
            for channel in range(source.shape[3]):
                ndimage.affine_transform(
                    source[rows[i], :, :, channel],
                    matrices[i, :, :2],
                    matrices[i, :, 2],
                    output=out[i, :, :, channel],
                    order=orders[i],
                    **options,
                )

    _parallel.run(task, len(out), grain=_parallel.grain_of(out, _SPLINE_BYTES))


def _interpolates(parameters: Floats) -> NDArray[np.bool_]:
    """Tells to which pictures anything but flips happens."""
    moved = parameters[:, : SHEAR + 1] != 0
    zoomed = parameters[:, ZX : ZY + 1] != 1
    return np.asarray(moved.any(axis=1) | zoomed.any(axis=1))


def _round(images: Array, dtype: np.dtype[Any]) -> None:
    """Rounds half away from zero and clips, in place."""
    limits = np.iinfo(dtype)
    np.copysign(np.floor(np.abs(images) + 0.5), images, out=images)
    np.clip(images, limits.min, limits.max, out=images)


def _recolor(
    generator: Options,
    source: Array,
    rows: Rows,
    parameters: Floats,
    out: Array,
    integers: bool,
) -> None:
    """Shifts channels and changes the brightness, in place."""
    if np.isnan(parameters[:, CHANNEL_SHIFT : BRIGHTNESS + 1]).all():
        return
    shifts, factors = parameters[:, CHANNEL_SHIFT], parameters[:, BRIGHTNESS]
    shifted, brightened = not np.isnan(shifts).all(), not np.isnan(factors).all()
    alpha = _alpha(generator, out)

    def task(start: int, stop: int) -> None:
        piece = slice(start, stop)
        if shifted:
            _shift_channels(out[piece], shifts[piece])
        if brightened and generator.keras_compat:
            _brighten_in_8_bits(out[piece], factors[piece], alpha)
        elif brightened:
            low, high = _value_range(source[rows[piece]], integers)
            _brighten(out[piece], factors[piece], low, high, alpha)

    _parallel.run(task, len(out), grain=_parallel.grain_of(out))


def _alpha(generator: Options, images: Array) -> tuple[Any, ...] | None:
    """Returns where the opacity of RGBA images is, which brightness leaves alone."""
    axis = generator.channel_axis
    if images.shape[axis] != _RGBA:
        return None
    return (slice(None),) * axis + (slice(_RGBA - 1, _RGBA),)


def _extremes(images: Array) -> tuple[Array, Array]:
    """Returns the least and the greatest value of each image, `(M, 1, 1, 1)`."""
    axes = (1, 2, 3)
    return images.min(axis=axes, keepdims=True), images.max(axis=axes, keepdims=True)


def _per_image(values: NDArray[np.float64], dtype: Any) -> Array:
    return values.astype(dtype).reshape(-1, 1, 1, 1)


def _shift_channels(images: Array, shifts: NDArray[np.float64]) -> None:
    """Adds a number to each image and clips to the range the image had, in place."""
    low, high = _extremes(images)
    images += _per_image(shifts, images.dtype)
    np.clip(images, low, high, out=images)


def _value_range(images: Array, integers: bool) -> tuple[Array, Array]:
    """Returns what is black and what is white in each image, `(M, 1, 1, 1)`.

    0 and 255 as in Keras; 0 and 1 for floats that are nowhere above 1; and for images with values
    below 0 or above 255 their own extremes, again as in Keras.
    """
    low, high = _extremes(images)
    usual = (low >= 0) & (high <= 255)
    white = np.where((high <= 1) & (not integers), 1, 255)
    return np.where(usual, 0, low), np.where(usual, white, high)


def _brighten(
    images: Array,
    factors: NDArray[np.float64],
    low: Array,
    high: Array,
    alpha: tuple[Any, ...] | None,
) -> None:
    """Multiplies each image by a number and clips, counted from what is black, in place."""
    kept = None if alpha is None else images[alpha].copy()
    images -= low
    images *= _per_image(factors, images.dtype)
    np.clip(images, 0, high - low, out=images)
    images += low
    if alpha is not None:
        images[alpha] = kept


def _brighten_in_8_bits(
    images: Array, factors: NDArray[np.float64], alpha: tuple[Any, ...] | None
) -> None:
    """Does the same as Keras, which makes 8-bit pictures first, in place."""
    low, high = _extremes(images)
    stretched = (low < 0) | (high > 255)
    floats = images.astype(np.float32)
    spread = floats - low.astype(np.float32)
    top = spread.max(axis=(1, 2, 3), keepdims=True)
    spread /= np.where(top == 0, 1, top).astype(np.float32)
    levels = np.where(stretched, spread * np.float32(255), floats).astype(np.uint8)
    bright = np.trunc(np.clip(levels * _per_image(factors, np.float32), 0, 255))
    if alpha is not None:
        bright[alpha] = levels[alpha]
    images[...] = np.where(stretched, bright / np.float32(255) * (high - low) + low, bright)
