"""Noise, pixel by pixel.

A row draws two words; its pixels take what they need from the stream that those are the key of.
So a row's noise depends on its own draws and the size of the image alone.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kaug._apply.destination import result_like
from kaug._apply.dtypes import checked_fill, kept_dtype, working_dtype
from kaug._draw.draws import Draws
from kaug._kernels import read_only
from kaug._kernels.noise import (
    add_noise,
    add_salt_and_pepper,
    count_light,
    multiply_by_noise,
)
from kaug._tensors import noise, ops
from kaug._types import Array, Parameters
from kaug._validation import check_flag, check_number
from kaug.transforms._bases.fields import NumberOrPair, Range
from kaug.transforms._bases.photometric import Normalized, Photometric, clipped, strengths

# In place of a `scale` of 0, by which nothing can be divided; noise of a millionth.
_LEAST_SCALE = 1e-12


@dataclass(frozen=True, repr=False)
class GaussianNoise(Normalized):
    """Adds normally distributed noise to every pixel and channel.

    The sum is rounded for integers and clipped to the value range. Masks, boxes and keypoints stay
    as they are.

    For speed a variate is one of 65,536 equally likely values, quantiles of the normal distribution
    scaled to a variance of 1. So none is larger than 4.33 standard deviations, where one in 66,000
    should be, and the distribution function is within 1.1e-5 of the normal one. Which of them it is
    say 16 bits of Threefry-2x32 (Salmon et al., 2011, doi:10.1145/2063384.2063405).

    Args:
        stddev: Standard deviation as a fraction of the value range, 0..1, drawn for each row.
            A number `s` means evenly on `[0, s]`, a pair `[low, high]`.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The range is reversed or reaches below 0, or another argument is out of range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import GaussianNoise
        >>> gray = np.full((1, 60, 80), 128, "uint8")
        >>> noisy = GaussianNoise((0.1, 0.1))(gray, seed=0)
        >>> round(float(noisy.mean())), round(float(noisy.std()))
        (128, 25)
    """

    _checks: ClassVar = {
        "stddev": Range(minimum=0, maximum=1, number="from 0", fix="Divide levels by 255, say.")
    }

    stddev: NumberOrPair = (0.0, 0.1)

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the `stddev` of each row, and two `words` `(M, 2)` that make its noise."""
        return {**super().draw_parameters(draws), "words": draws.words(2)}

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        words, quantiles = parameters["words"], normal_quantiles()
        scales = np.asarray(parameters["stddev"])
        if images.dtype == np.uint8:
            scales = scales * 255
        scales = read_only(scales.astype(working_dtype(images.dtype)))
        out = result_like(images)
        add_noise(images, words, scales, quantiles, out, outside)
        return out

    def transform_tensor_colors(self, images: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        low, high = self.limits(dtype)
        scales = parameters["stddev"] * (high - low)
        noisy = noise.add_noise(images, parameters["words"], scales, normal_quantiles())
        return ops.clip(noisy, low, high)


@dataclass(frozen=True, repr=False)
class ShotNoise(Normalized):
    """Adds the noise of light that is counted photon by photon: the brighter, the more of it.

    A value that stands for `n` photons gets the mean and the variance of a Poisson distribution of
    `n`, each channel by itself; black stays black. It is not rounded to whole photons, but made of
    one normal variate `z`, as `GaussianNoise` has them: `a * (z + d) ** 2`, with `a` and `d` such
    that mean and variance are `n`. From many photons on that is `(z / 2 + sqrt(n)) ** 2`, the
    inverse of the square root by which Anscombe (1948, doi:10.1093/biomet/35.3-4.246) makes such
    numbers normal. Below half a photon the mean is right, but the variance is `2 * n ** 2`.

    Values count as light as they are. Results beyond white are clipped, so that white gets darker
    in the mean. Masks, boxes and keypoints stay as they are.

    Args:
        scale: What one photon adds, as a fraction of the value range, 0..1, drawn for each row:
            white is `1 / scale` photons, and the noise on it has a standard deviation of
            `sqrt(scale)`. A number `s` means evenly on `[0, s]`, a pair `[low, high]`.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The range is reversed or reaches outside 0..1, or another argument is out of
            range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import ShotNoise
        >>> halves = np.repeat(np.array([[10, 100]], "uint8"), 3000, axis=0)[None]
        >>> noisy = ShotNoise((0.01, 0.01))(halves, seed=0)
        >>> noisy.mean(axis=(0, 1)).round().tolist(), noisy.var(axis=(0, 1)).round(-1).tolist()
        ([10.0, 100.0], [30.0, 250.0])
    """

    _checks: ClassVar = {"scale": Range(minimum=0, maximum=1, number="from 0")}

    scale: NumberOrPair = (0.0, 0.05)

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the `scale` of each row, and two `words` `(M, 2)` that make its noise."""
        return {**super().draw_parameters(draws), "words": draws.words(2)}

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        white = 255 if images.dtype == np.uint8 else 1
        scales = np.maximum(parameters["scale"], _LEAST_SCALE) * white
        scales = read_only(scales.astype(working_dtype(images.dtype)))
        out = result_like(images)
        count_light(images, parameters["words"], scales, normal_quantiles(), out, outside)
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del in_bytes
        scales = ops.maximum(parameters["scale"], _LEAST_SCALE)
        return noise.count_light(images, parameters["words"], scales, normal_quantiles())


@dataclass(frozen=True, repr=False)
class MultiplicativeNoise(Normalized):
    """Multiplies each pixel by a number of its own, as the speckle of radar and ultrasound does.

    The numbers are normally distributed with a mean of 1, made as those of `GaussianNoise`. The
    product is rounded for integers and clipped to the value range. Masks, boxes and keypoints stay
    as they are.

    Args:
        stddev: Standard deviation of the factors, 0..1, drawn for each row. A number `s` means
            evenly on `[0, s]`, a pair `[low, high]`.
        per_channel: Whether each channel of a pixel has a factor of its own.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The range is reversed or reaches outside 0..1, or another argument is out of
            range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import MultiplicativeNoise
        >>> halves = np.repeat(np.array([[20, 100]], "uint8"), 3000, axis=0)[None]
        >>> MultiplicativeNoise((0.2, 0.2))(halves, seed=0).std(axis=(0, 1)).round().tolist()
        [4.0, 20.0]
    """

    _checks: ClassVar = {
        "stddev": Range(minimum=0, maximum=1, number="from 0"),
        "per_channel": check_flag,
    }

    stddev: NumberOrPair = (0.0, 0.2)
    per_channel: bool = field(default=False, kw_only=True)

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the `stddev` of each row, and two `words` `(M, 2)` that make its factors."""
        return {**super().draw_parameters(draws), "words": draws.words(2)}

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        words, quantiles = parameters["words"], normal_quantiles()
        scales = strengths(parameters, "stddev", working_dtype(images.dtype))
        times = 1 if self.per_channel else images.shape[-1]
        out = result_like(images)
        multiply_by_noise(images, words, scales, quantiles, times, out, outside)
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del in_bytes
        return noise.multiply_by_noise(
            images,
            parameters["words"],
            parameters["stddev"],
            normal_quantiles(),
            per_channel=self.per_channel,
        )


@dataclass(frozen=True, repr=False)
class SaltAndPepper(Normalized):
    """Turns some pixels white and as many black, in all their channels.

    Whether a pixel is hit is decided for each of them apart, by 32 bits of Threefry-2x32; so the
    share that is hit scatters about `amount`. Masks, boxes and keypoints stay as they are.

    Args:
        amount: Expected fraction of pixels, 0..1, drawn for each row: half of them salt, half of
            them pepper. A number `s` means evenly on `[0, s]`, a pair `[low, high]`.
        value_range: Pepper and salt; None means 0..1 for floats, else 0 to the largest integer.
            Other values are clipped to it.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The range is reversed or reaches outside 0..1, or `p` or `value_range` is out
            of range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import SaltAndPepper
        >>> gray = np.full((1, 4, 7), 7, "uint8")
        >>> SaltAndPepper((0.3, 0.3))(gray, seed=1)[0]
        array([[  7,   7, 255,   0,   7,   0,   7],
               [  7,   7,   7,   7,   7, 255,   0],
               [  7,   0,   7,   7,   7,   7,   7],
               [  7,   7,   7,   7, 255,   7,   7]], dtype=uint8)
    """

    _checks: ClassVar = {"amount": Range(minimum=0, maximum=1, number="from 0")}

    amount: NumberOrPair = (0.0, 0.02)

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the `amount` of each row, and two `words` `(M, 2)` that say which pixels."""
        return {**super().draw_parameters(draws), "words": draws.words(2)}

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        out, kind = clipped(images, outside), images.dtype.type
        white = 255 if images.dtype == np.uint8 else 1
        halves = _halves(parameters["amount"])
        add_salt_and_pepper(out, parameters["words"], halves, kind(0), kind(white))
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del in_bytes
        return noise.add_salt_and_pepper(images, parameters["words"], parameters["amount"])


@dataclass(frozen=True, repr=False)
class PixelDropout(Photometric):
    """Fills some pixels with one value, in all their channels or each sample by itself.

    Whether a pixel is hit is decided for each of them apart, as by `SaltAndPepper`; so the share
    that is hit scatters about `rate`. Masks, boxes and keypoints stay as they are.

    Args:
        rate: Expected fraction of pixels, 0..1, drawn for each row. A number `s` means evenly on
            `[0, s]`, a pair `[low, high]`.
        per_channel: Whether each channel of a pixel is hit or missed by itself.
        fill_value: What is put there, in the value range of the images.
        value_range: Not used.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The range is reversed or reaches outside 0..1, or, when called, `fill_value` is
            none of the dtype of the images.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import PixelDropout
        >>> PixelDropout((0.3, 0.3))(np.full((1, 4, 7), 7, "uint8"), seed=1)[0]
        array([[7, 7, 0, 0, 7, 0, 7],
               [7, 7, 7, 7, 7, 0, 0],
               [7, 0, 7, 7, 7, 7, 7],
               [7, 7, 7, 7, 0, 7, 7]], dtype=uint8)
    """

    _checks: ClassVar = {
        "rate": Range(minimum=0, maximum=1, number="from 0"),
        "per_channel": check_flag,
        "fill_value": check_number,
    }

    rate: NumberOrPair = (0.0, 0.05)
    per_channel: bool = field(default=False, kw_only=True)
    fill_value: float = field(default=0.0, kw_only=True)

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the `rate` of each row, and two `words` `(M, 2)` that say which pixels."""
        return {**super().draw_parameters(draws), "words": draws.words(2)}

    def transform_colors(self, images: Array, parameters: Parameters) -> Array:
        dtype = kept_dtype(images.dtype)
        fill = dtype.type(checked_fill("constant", self.fill_value, dtype))
        out = np.array(images, dtype, order="C")
        hit = out.reshape(*out.shape[:2], -1, 1) if self.per_channel else out
        halves = _halves(parameters["rate"])
        add_salt_and_pepper(hit, parameters["words"], halves, fill, fill)
        return out.astype(images.dtype, copy=False)

    def transform_tensor_colors(self, images: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        fill = checked_fill("constant", self.fill_value, kept_dtype(dtype))
        height, width, channels = images.shape[1:]
        own = channels if self.per_channel else 1
        hit, _ = noise.hits(parameters["words"], parameters["rate"], (height, width, own))
        return ops.where(hit, fill, images)


def _halves(amounts: Array) -> NDArray[np.uint64]:
    """Returns how many of 2³² pixels are half of an amount."""
    return np.rint(np.asarray(amounts) * 2.0**31).astype(np.uint64)


@cache
def normal_quantiles() -> NDArray[np.float32]:
    """Returns 2¹⁶ equally likely values, normally distributed with variance 1."""
    from scipy.special import ndtri  # slow to import, and seldom needed

    count = 2**16
    values = ndtri((np.arange(count) + 0.5) / count)
    quantiles = np.asarray(values / values.std(), np.float32)
    quantiles.flags.writeable = False  # all calls share it
    return quantiles
