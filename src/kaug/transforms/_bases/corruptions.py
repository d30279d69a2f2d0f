"""The corruptions of ImageNet-C, each a function of images and of what it is to do.

Images are floats of 0..1 `(M, H, W, C)`, C-contiguous; results may lie beyond. `words` `(M, 2)` are
the keys of the rows' streams. Lengths are in pixels of images whose shorter side has 224; `scale`
says how many pixels of the image that is.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._apply.destination import result_like
from kaug._apply.resample import Resampling, warped
from kaug._colors import GRAY
from kaug._kernels import read_only
from kaug._kernels.blur import blur, radius_of
from kaug._kernels.corruptions import count_photons, drag, shuffle
from kaug._kernels.veils import fill_shapes, fill_units
from kaug._types import Array
from kaug.transforms._bases.veiled import noise_maps
from kaug.transforms.blur import Defocus
from kaug.transforms.degradation import JPEGCompression
from kaug.transforms.elastic import ElasticDeformation
from kaug.transforms.noise import normal_quantiles

Words = NDArray[np.uint32]

# The size of image that the constants were made for.
SIDE = 224
# Farther away than so many standard deviations a Gaussian is as good as nothing.
_FAR = 4
# Standard deviation of noise of -1..1, smoothed by a Gaussian one pixel wide.
_SMOOTHED = 3**-0.5 / (2 * np.pi**0.5)


def gaussian_noise(images: Array, words: Words, scale: float, stddev: float) -> Array:
    """Adds normally distributed noise to each sample."""
    del scale
    result: Array = images + images.dtype.type(stddev) * _normals(words, images.shape[1:])
    return result


def shot_noise(images: Array, words: Words, scale: float, most: float) -> Array:
    """Counts photons, of which white has `most` in the mean."""
    del scale
    out = result_like(images)
    count_photons(read_only(images), words, float(most), out)
    return out


def impulse_noise(images: Array, words: Words, scale: float, amount: float) -> Array:
    """Makes a part of all samples black or white."""
    del scale
    units = _units(words, images[0].size).reshape(images.shape)
    return np.where(units < amount, np.where(units < amount / 2, 0, 1), images)


def defocus_blur(images: Array, words: Words, scale: float, radius: float) -> Array:
    """Averages a disk around each pixel."""
    del words
    return Defocus().average(images, {"radius": np.full(len(images), radius * scale)})


def glass_blur(
    images: Array, words: Words, scale: float, sigma: float, reach: int, rounds: int
) -> Array:
    """Blurs, moves pixels about, and blurs."""
    out = _blurred(images, sigma * scale)
    shuffle(out, words, np.full(len(out), reach * scale), np.full(len(out), rounds))
    return _blurred(out, sigma * scale)


def motion_blur(images: Array, words: Words, scale: float, radius: int, sigma: float) -> Array:
    """Blurs along a line of up to 45 degrees to the horizontal, to one side."""
    angles = 90 * _units(words, 1)[:, 0] - 45
    return _dragged(images, angles, radius * scale, sigma * scale)


def zoom_blur(images: Array, words: Words, scale: float, most: float, step: float) -> Array:
    """Averages the image and what zooms from 1 to less than `most` make of it."""
    del words, scale
    factors = np.arange(1, most, step)
    total = images.copy()
    for factor in factors:
        matrix = np.array([[1 / factor, 0, 0], [0, 1 / factor, 0]])
        matrices = np.repeat(matrix[:, :, None], len(images), axis=2)
        total += warped(images, matrices, Resampling("nearest"), images.shape[1:3])
    result: Array = total / images.dtype.type(len(factors) + 1)
    return result


def snow(
    images: Array,
    words: Words,
    scale: float,
    mean: float,
    stddev: float,
    flake: float,
    threshold: float,
    radius: int,
    sigma: float,
    share: float,
) -> Array:
    """Whitens the image and lets it snow, from one side and, turned around, from the other."""
    kind = images.dtype.type
    layer = mean + stddev * _coarse_normals(words, images.shape[1:3], flake * scale)
    layer = np.clip(np.where(layer < threshold, 0, layer), 0, 1)[..., None].astype(images.dtype)
    angles = 90 * _units(words, 1, stream=1)[:, 0] + 45
    layer = _dragged(layer, angles, radius * scale, sigma * scale)
    white = np.maximum(images, _gray(images) * kind(1.5) + kind(0.5))
    snowed = kind(share) * images + kind(1 - share) * white
    result: Array = snowed + layer + layer[:, ::-1, ::-1]
    return result


def frost(images: Array, words: Words, scale: float, share: float, amount: float) -> Array:
    """Adds ice to a part of the image."""
    del scale
    ice = _ice(words, images.shape[1:3])
    tint = np.array([0.9, 0.97, 1.0] if images.shape[-1] == 3 else [0.96])
    result: Array = images.dtype.type(share) * images + (amount * ice[..., None] * tint).astype(
        images.dtype
    )
    return result


def fog(
    images: Array, words: Words, scale: float, amount: float, decay: float, stddev: float
) -> Array:
    """Adds clouds of noise, and dims what would be brighter than the image was."""
    del scale
    kind = images.dtype.type
    # So chosen that they are as rough as fractals with a decay, for which deviations were measured.
    octaves = tuple((0.3 * 2.0**-k, decay ** (-1.8 * k)) for k in range(7))
    clouds = noise_maps(words, octaves, [0.15, 0.5, 0.0, 1.0, 0.0], images.shape[1:3])
    means, spreads = (each(clouds, axis=(1, 2), keepdims=True) for each in (np.mean, np.std))
    clouds = 0.5 + stddev * (clouds - means) / np.maximum(spreads, 1e-3)
    clouds = np.clip(clouds, 0, 1)[..., None].astype(images.dtype)
    white = np.where(np.isnan(images), 0, images).max(axis=(1, 2, 3), keepdims=True)
    result: Array = (images + kind(amount) * clouds) * (white / (white + kind(amount)))
    return result


def brightness(images: Array, words: Words, scale: float, amount: float) -> Array:
    """Adds to the value of HSV; colors keep hue and saturation."""
    del words, scale
    if images.shape[-1] != 3:
        return np.asarray(images + images.dtype.type(amount))
    value = images.max(axis=-1, keepdims=True)
    more = np.minimum(value + images.dtype.type(amount), 1)
    result: Array = np.where(value > 0, images * (more / np.where(value > 0, value, 1)), more)
    return result


def contrast(images: Array, words: Words, scale: float, factor: float) -> Array:
    """Moves each channel towards its mean."""
    del words, scale
    known = np.where(np.isnan(images), 0, images)
    means = known.mean(axis=(1, 2), keepdims=True, dtype=np.float64).astype(images.dtype)
    result: Array = (images - means) * images.dtype.type(factor) + means
    return result


def elastic_transform(images: Array, words: Words, scale: float, amount: float) -> Array:
    """Deforms the image as if it was drawn on rubber, in small waves."""
    del scale
    # Of noise of up to 0.005 sides, smoothed by a Gaussian of 0.01 sides at 224 pixels.
    alpha = amount * 0.005 * _SMOOTHED / (0.01 * SIDE)
    rubber = ElasticDeformation(alpha, 0.01, fill_mode="reflect")
    return rubber.transform_images(images, {"words": words})


def pixelate(images: Array, words: Words, scale: float, factor: float) -> Array:
    """Averages blocks of pixels."""
    del words, scale
    out = images
    for axis in (1, 2):
        side = images.shape[axis]
        count = max(1, int(side * factor))
        edges = (2 * np.arange(count + 1) * side + count) // (2 * count)  # rounded half up
        sums = np.add.reduceat(out, edges[:-1], axis=axis)
        form = (1, -1, 1, 1) if axis == 1 else (1, 1, -1, 1)
        means = sums / np.diff(edges).reshape(form).astype(images.dtype)
        out = np.take(means, (2 * np.arange(side) + 1) * count // (2 * side), axis=axis)
    return out


def jpeg_compression(images: Array, words: Words, scale: float, quality: int) -> Array:
    """Loses what JPEGs lose, channels apart unless they are three."""
    del words, scale
    jpeg = JPEGCompression(quality)
    parameters = {"quality": np.full(len(images), quality)}
    if images.shape[-1] == 3:
        return jpeg.transform_colors(images, parameters)
    parts = [images[..., k : k + 1] for k in range(images.shape[-1])]
    return np.concatenate([jpeg.transform_colors(part, parameters) for part in parts], axis=-1)


def _units(words: Words, count: int, stream: int = 0) -> NDArray[np.float32]:
    """Returns numbers of 0 to below 1 from a stream of each row, `(M, count)`."""
    own = np.ascontiguousarray(words ^ np.array([0, stream], np.uint32))
    units = np.empty((len(words), count), np.float32)
    fill_units(read_only(own), units)
    return units


def _normals(words: Words, shape: tuple[int, ...]) -> Array:
    """Returns normally distributed numbers, `(M, *shape)`."""
    units = _units(words, int(np.prod(shape)))
    table = normal_quantiles()
    return table[(units * len(table)).astype(np.int32)].reshape(-1, *shape)


def _coarse_normals(words: Words, size: tuple[int, int], spacing: float) -> Array:
    """Returns normally distributed numbers at nodes some pixels apart, and what is between them."""
    places = [(np.arange(side) - (side - 1) / 2) / spacing for side in size]
    firsts = [np.floor(each).astype(np.int64) for each in places]
    shape = tuple(int(each[-1] - each[0]) + 2 for each in firsts)
    values = _normals(words, shape)
    for axis, (place, first) in enumerate(zip(places, firsts, strict=True), start=1):
        rest = (place - first).astype(np.float32)[(slice(None), *[None] * (2 - axis))]
        low = np.take(values, first - first[0], axis=axis)
        values = low + rest * (np.take(values, first - first[0] + 1, axis=axis) - low)
    return values


def _blurred(images: Array, sigma: float) -> Array:
    out, sigmas = result_like(images), np.full(len(images), sigma)
    blur(read_only(images), sigmas, radius_of(sigma), images.dtype, out)
    return out


def _dragged(images: Array, angles: Any, radius: float, sigma: float) -> Array:
    """Returns images blurred by half a Gaussian, in the direction of angles in degrees, `(M,)`."""
    steps = np.arange(min(int(2 * radius) + 1, int(_FAR * sigma) + 1))
    weights = np.exp(-0.5 * (steps / sigma) ** 2)
    weights = read_only((weights / weights.sum()).astype(images.dtype))
    turns = np.radians(np.asarray(angles, np.float64))[:, None]
    offsets = np.stack([np.rint(steps * np.sin(turns)), np.rint(steps * np.cos(turns))], axis=2)
    out = result_like(images)
    drag(read_only(images), read_only(offsets.astype(np.int64)), weights, out)
    return out


def _gray(images: Array) -> Array:
    """Returns the gray of images, `(M, H, W, 1)`."""
    channels = images.shape[-1]
    weights = np.array(GRAY if channels == 3 else [1 / channels] * channels, images.dtype)
    result: Array = sum(images[..., k : k + 1] * weights[k] for k in range(channels))
    return result


def _ice(words: Words, size: tuple[int, int]) -> Array:
    """Returns pictures of ice, `(M, H, W)` in 0..1: feathers on what is uneven and has veins."""
    uneven = noise_maps(words, ((0.5, 1.0), (0.25, 0.5)), [0.2, 0.5, 0.0, 1.0, 0.0], size)
    other = np.ascontiguousarray(words ^ np.array([0, 1], np.uint32))
    octaves = ((0.12, 1.0), (0.06, 0.8), (0.03, 0.6), (0.015, 0.4))
    veins = noise_maps(other, octaves, [0.3, 0.5, 0.0, 1.0, 0.0], size)
    veins = (1 - np.abs(2 * veins - 1)) ** 3
    result: Array = 0.43 + 0.25 * uneven + 0.2 * veins + 0.4 * _feathers(words, size)
    return result


def _feathers(words: Words, size: tuple[int, int]) -> Array:
    """Returns maps of feathers, `(M, H, W)` in 0..1: barbs along stems, shorter towards the tip."""
    count, barbs, side = 20, 40, float(min(size))
    units = _units(words, 4 * count + 3 * count * barbs, stream=2)
    stems = units[:, : 4 * count].reshape(-1, 4, count, 1)
    each = units[:, 4 * count :].reshape(-1, 3, count, barbs)
    turn = 2 * np.pi * stems[:, 2]
    way = (np.arange(barbs) + each[:, 0]) / barbs
    long = (0.25 + 0.5 * stems[:, 3]) * side
    half = (0.01 + 0.06 * each[:, 1] * (1 - way)) * side
    apart = np.where(np.arange(barbs) % 2, 1, -1) * (0.6 + 0.3 * each[:, 2])
    cosine, sine = np.cos(turn + apart), np.sin(turn + apart)
    shapes = np.zeros((*half.shape, 10), np.float32)
    shapes[..., 0] = stems[:, 0] * size[0] + (way - 0.5) * long * np.sin(turn) + half * sine
    shapes[..., 1] = stems[:, 1] * size[1] + (way - 0.5) * long * np.cos(turn) + half * cosine
    shapes[..., 2], shapes[..., 3], shapes[..., 4] = cosine, sine, half
    shapes[..., 5] = 0.004 * side
    shapes[..., 6] = -0.004 * side / half  # to a point
    shapes[..., 8] = 1 / max(0.008 * side, 1.0)
    shapes[..., 9] = 0.25 + 0.5 * each[:, 2]
    maps = np.empty((len(words), *size), np.float32)
    flat = read_only(shapes.reshape(len(words), -1, 10))
    fill_shapes(flat, read_only(np.ones(len(words), np.float32)), maps)
    return maps
