"""Sharpness and blur: what happens to a pixel depends on its neighbours."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kaug._apply.destination import result_like
from kaug._apply.dtypes import working_dtype
from kaug._kernels import read_only
from kaug._kernels.blur import blur, radius_of
from kaug._kernels.sharpen import sharpen, unsharpen
from kaug._tensors import blur as blurring
from kaug._tensors import ops
from kaug._tensors.colors import away_from, by_row, levels_of, to_images
from kaug._tensors.sharpen import smoothed
from kaug._types import Array, Parameters
from kaug.transforms._bases.averaging import Averaging
from kaug.transforms._bases.fields import NumberOrPair, Range
from kaug.transforms._bases.photometric import Normalized, clipped, strengths

# Largest sigma for which sums in 16 bits are exact enough: within a fifth of a level.
_WIDEST_IN_BYTES = 6.0


@dataclass(frozen=True, repr=False)
class Sharpness(Normalized):
    """Makes the image blurred, below a factor of 1, or sharper, above it.

    Each pixel is moved away from the mean of its 3 × 3 neighbourhood, in which it counts fivefold
    itself: `smooth + factor * (pixel - smooth)`, clipped to the value range. Pixels at the border
    stay as they are. It equals Pillow's `ImageEnhance.Sharpness`, except that this one rounds to
    the nearest level where Pillow cuts off. Masks, boxes and keypoints stay as they are.

    Args:
        sharpness: The factor, 0 or more: 0 is the smoothed image, 1 changes nothing. A number
            `r` means evenly on `[1 - r, 1 + r]`, a pair `[low, high]`.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The range is reversed or reaches below 0, or another argument is out of range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Sharpness
        >>> image = np.zeros((1, 4, 5), "uint8")
        >>> image[0, 1, 2] = 130
        >>> Sharpness((0, 0))(image, seed=0)[0]
        array([[ 0,  0,  0,  0,  0],
               [ 0, 10, 50, 10,  0],
               [ 0, 10, 10, 10,  0],
               [ 0,  0,  0,  0,  0]], dtype=uint8)
    """

    _checks: ClassVar = {"sharpness": Range(minimum=0, maximum=100, number="around 1")}

    sharpness: NumberOrPair = 0.5

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        if self.value_range is not None and images.dtype != np.uint8 and np.isinf(images).any():
            images = read_only(np.clip(images, 0, 1))
        factors = strengths(parameters, "sharpness", working_dtype(images.dtype))
        out = result_like(images)
        sharpen(images, factors, out, outside)
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        values = levels_of(images) if in_bytes else images
        sharp = away_from(smoothed(values, whole=in_bytes), values, parameters["sharpness"])
        return to_images(ops.floor(sharp + 0.5)) if in_bytes else sharp


@dataclass(frozen=True, repr=False)
class GaussianBlur(Averaging):
    """Blurs the image with a Gaussian of its own width for every row.

    It equals `scipy.ndimage.gaussian_filter` with its default `mode="reflect"` (beyond its edges
    the image is continued by its reflection) and `truncate=4`: the filter reaches `4 * sigma`
    pixels, rounded, so that below a sigma of 1/8 nothing changes. Floats agree to about 1e-6 of
    the range, bytes to one level. Values may lie anywhere, unless a `value_range` is given, to
    which results are clipped. A pixel that is NaN makes all those NaN that it would blur into.
    Masks, boxes and keypoints stay as they are.

    Args:
        sigma: Standard deviation of the Gaussian in pixels, 0..100. A number `s` means evenly on
            `[0, s]`, a pair `[low, high]`.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The range is reversed or reaches below 0, or another argument is out of range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import GaussianBlur
        >>> image = np.zeros((1, 4, 5), "uint8")
        >>> image[0, 1, 2] = 100
        >>> GaussianBlur((0.5, 0.5))(image, seed=0)[0]
        array([[ 0,  1,  8,  1,  0],
               [ 0,  8, 62,  8,  0],
               [ 0,  1,  8,  1,  0],
               [ 0,  0,  0,  0,  0]], dtype=uint8)
    """

    _checks: ClassVar = {
        "sigma": Range(
            minimum=0,
            maximum=100,
            number="from 0",
            fix="Make the image smaller to blur it more.",
        )
    }

    sigma: NumberOrPair = (0.1, 2.0)

    def average(self, images: Array, parameters: Parameters) -> Array:
        sigma = _widths(parameters)
        if images.dtype != np.uint8:
            return _blurred(images, sigma, images.dtype)
        if sigma.max(initial=0) > _WIDEST_IN_BYTES:
            return self._average_wide(images, sigma)
        return _blurred(images, sigma, np.dtype(np.uint16))

    def average_tensors(self, images: Any, parameters: Any) -> Any:
        _, widest = self._ends("sigma")
        return blurring.blur(images, parameters["sigma"], radius_of(widest))

    def _average_wide(self, images: Array, sigma: NDArray[np.float64]) -> Array:
        """Returns blurred bytes, the wide blurs by way of floats."""
        out, wide = result_like(images), sigma > _WIDEST_IN_BYTES
        out[~wide] = _blurred(images[~wide], sigma[~wide], np.dtype(np.uint16))
        floats = images[wide].astype(np.float32) / np.float32(255)
        out[wide] = np.rint(_blurred(floats, sigma[wide], floats.dtype) * np.float32(255))
        return out


@dataclass(frozen=True, repr=False)
class UnsharpMask(Normalized):
    """Makes the image sharper by what a Gaussian blur takes from it.

    To each pixel `strength` times its difference from the image blurred by `GaussianBlur` is added,
    and the sum is clipped to the value range. Differences count by as much as they exceed the
    `threshold`, so that faint noise is left alone and nothing jumps where they pass it; with a
    threshold of 0 it is the formula of Pillow's `ImageFilter.UnsharpMask`, whose blur is an
    approximation. Bytes are rounded once. A pixel that is NaN makes all those NaN that it would
    blur into; in a layer, with the widest Gaussian. Masks, boxes and keypoints stay as they are.

    Args:
        sigma: Standard deviation of the Gaussian in pixels, 0..100. A number `s` means evenly on
            `[0, s]`, a pair `[low, high]`.
        strength: What differences are multiplied by, 0..10; 0 changes nothing. A number `s` means
            evenly on `[0, s]`, a pair `[low, high]`.
        threshold: Fraction of the value range, 0..1. A number means exactly that, a pair evenly on
            `[low, high]`.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A range is reversed, or reaches beyond its limits.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import UnsharpMask
        >>> image = np.array([[[100, 100, 100, 150, 150, 150]] * 2], "uint8")
        >>> UnsharpMask((0.5, 0.5), (1, 1), 0)(image, seed=0)[0]
        array([[100, 100,  95, 155, 150, 150],
               [100, 100,  95, 155, 150, 150]], dtype=uint8)
    """

    _checks: ClassVar = {
        "sigma": Range(minimum=0, maximum=100, number="from 0"),
        "strength": Range(minimum=0, maximum=10, number="from 0"),
        "threshold": Range(minimum=0, maximum=1, number="exactly", fix="Divide levels by 255."),
    }

    sigma: NumberOrPair = (0.5, 2.0)
    strength: NumberOrPair = (0.2, 1.0)
    threshold: NumberOrPair = 0.02

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        precision = working_dtype(images.dtype)
        if images.dtype == np.uint8:
            floats = images * np.float32(1 / 255)
        else:
            images = floats = read_only(clipped(images, outside))
        smooth = _blurred(floats, _widths(parameters), precision)
        amounts = strengths(parameters, "strength", precision)
        thresholds = strengths(parameters, "threshold", precision)
        out = result_like(images)
        unsharpen(images, read_only(smooth), amounts, thresholds, out)
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del in_bytes
        smooth = blurring.blur(images, parameters["sigma"], radius_of(self._ends("sigma")[1]))
        apart, threshold = images - smooth, by_row(parameters["threshold"])
        within = ops.minimum(ops.maximum(apart, -threshold), threshold)
        return images + by_row(parameters["strength"]) * (apart - within)


def _widths(parameters: Parameters) -> NDArray[np.float64]:
    return np.ascontiguousarray(parameters["sigma"], np.float64)


def _blurred(images: Array, sigma: NDArray[np.float64], scratch: np.dtype[Any]) -> Array:
    out = result_like(images)
    blur(read_only(images), sigma, radius_of(sigma.max(initial=0)), scratch, out)
    return out
