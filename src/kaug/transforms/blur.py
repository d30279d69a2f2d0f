"""Blur of other shapes than a bell's: along a line, over a disk or a square, by the median."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kaug._apply import spread
from kaug._apply.destination import result_like
from kaug._apply.dtypes import working_dtype
from kaug._kernels import read_only
from kaug._kernels.median import SIZES, median
from kaug._kernels.squares import MEAN, gather
from kaug._tensors import convolve as tensors
from kaug._tensors.blur import box_blur
from kaug._tensors.median import median as median_of_tensors
from kaug._types import Array, Parameters
from kaug.transforms._bases.averaging import Averaging
from kaug.transforms._bases.fields import NumberOrPair, OddIntegers, Range
from kaug.transforms._bases.photometric import Photometric

# The largest square whose bytes have a sum of 16 bits.
_SHORT = 15


@dataclass(frozen=True, repr=False)
class MotionBlur(Averaging):
    """Blurs the image along a line, of its own length and angle for every row.

    Each pixel becomes a mean of the pixels near a line of `length` pixels through its middle. Their
    weights are `1 - d`, not below 0, where `d` is their distance from the line between the centres
    of its first and its last pixel; so a horizontal line of 3 pixels is the plain mean of three
    neighbours, and lengths in between blend. Beyond its edges the image is continued by its
    reflection, as by `mode="reflect"` of `scipy.ndimage.correlate`. Bytes are rounded once. Values
    may lie anywhere, unless a `value_range` is given, to which results are clipped. A pixel that is
    NaN makes all those NaN that it would blur into. Masks, boxes and keypoints stay as they are.

    Args:
        length: Of the line in pixels, 1..100; 1 changes nothing. A number means exactly that, a
            pair evenly on `[low, high]`.
        angle: Of the line in degrees, counter-clockwise from the horizontal. A number `a` means
            evenly on `[-a, a]`, a pair `[low, high]`.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A range is reversed, or reaches beyond its limits.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import MotionBlur
        >>> image = np.zeros((1, 4, 5), "uint8")
        >>> image[0, 1, 2] = 90
        >>> MotionBlur(3, (0, 0))(image, seed=0)[0]
        array([[ 0,  0,  0,  0,  0],
               [ 0, 30, 30, 30,  0],
               [ 0,  0,  0,  0,  0],
               [ 0,  0,  0,  0,  0]], dtype=uint8)
    """

    _checks: ClassVar = {
        "length": Range(minimum=1, maximum=100, number="exactly"),
        "angle": Range(minimum=-360, maximum=360),
    }

    length: NumberOrPair = (3.0, 9.0)
    angle: NumberOrPair = 90.0

    def average(self, images: Array, parameters: Parameters) -> Array:
        lengths, angles = parameters["length"], parameters["angle"]
        radius = spread.radius_of_line(lengths.max(initial=1))
        return spread.convolved(
            images, lambda rows: spread.line(lengths[rows], angles[rows], radius), radius
        )

    def average_tensors(self, images: Any, parameters: Any) -> Any:
        radius = spread.radius_of_line(self._ends("length")[1])
        kernels = spread.line(parameters["length"], parameters["angle"], radius)
        return tensors.convolve(images, kernels)


@dataclass(frozen=True, repr=False)
class Defocus(Averaging):
    """Blurs the image as a lens out of focus does, over a disk of its own radius for every row.

    Each pixel becomes the mean of a disk around it, whose rim is smooth: a pixel at a distance `d`
    has a weight of `radius + 1/2 - d`, not below 0 nor above 1. Edges, precision, values beyond
    black and white and NaN are as in `MotionBlur`. Masks, boxes and keypoints stay as they are.

    Args:
        radius: Of the disk in pixels, 0..50; up to 1/2 changes nothing. A number `r` means evenly
            on `[0, r]`, a pair `[low, high]`.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The range is reversed, or reaches beyond its limits.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Defocus
        >>> image = np.zeros((1, 4, 5), "uint8")
        >>> image[0, 1, 2] = 100
        >>> Defocus((1, 1))(image, seed=0)[0]
        array([[ 0,  3, 15,  3,  0],
               [ 0, 15, 30, 15,  0],
               [ 0,  3, 15,  3,  0],
               [ 0,  0,  0,  0,  0]], dtype=uint8)
    """

    _checks: ClassVar = {
        "radius": Range(
            minimum=0,
            maximum=50,
            number="from 0",
            fix="Make the image smaller to blur it more.",
        )
    }

    radius: NumberOrPair = (0.5, 3.0)

    def average(self, images: Array, parameters: Parameters) -> Array:
        radii = parameters["radius"]
        radius = spread.radius_of_disk(radii.max(initial=0))
        return spread.convolved(images, lambda rows: spread.disk(radii[rows], radius), radius)

    def average_tensors(self, images: Any, parameters: Any) -> Any:
        radius = spread.radius_of_disk(self._ends("radius")[1])
        return tensors.convolve(images, spread.disk(parameters["radius"], radius))


@dataclass(frozen=True, repr=False)
class BoxBlur(Averaging):
    """Makes each pixel the mean of a square around it, of its own size for every row.

    It equals `scipy.ndimage.uniform_filter` with its default `mode="reflect"`: beyond its edges the
    image is continued by its reflection. Bytes are rounded once, from exact sums. Values may lie
    anywhere, unless a `value_range` is given, to which results are clipped. A pixel that is NaN
    makes all those NaN in whose squares it lies; in a layer, in whose largest squares. Masks, boxes
    and keypoints stay as they are.

    Args:
        size: Side of the square in pixels, an odd number of 1..99, of which 1 changes nothing; or a
            pair of them, of which every odd number between is as likely.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: `size` is even or out of its range, or its pair is reversed.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import BoxBlur
        >>> image = np.zeros((1, 4, 5), "uint8")
        >>> image[0, 1, 2] = 90
        >>> BoxBlur(3)(image, seed=0)[0]
        array([[ 0, 10, 10, 10,  0],
               [ 0, 10, 10, 10,  0],
               [ 0, 10, 10, 10,  0],
               [ 0,  0,  0,  0,  0]], dtype=uint8)
    """

    _checks: ClassVar = {"size": OddIntegers(1, 99)}

    size: int | tuple[int, int] = (3, 7)

    def average(self, images: Array, parameters: Parameters) -> Array:
        sizes = read_only(np.ascontiguousarray(parameters["size"], np.int64))
        scratch, out = images.dtype, result_like(images)
        if images.dtype == np.uint8:
            scratch = np.dtype(np.uint16 if sizes.max(initial=1) <= _SHORT else np.uint32)
        gather(read_only(images), sizes, MEAN, scratch, out)
        return out

    def average_tensors(self, images: Any, parameters: Any) -> Any:
        return box_blur(images, parameters["size"], self._ends("size")[1] // 2)


@dataclass(frozen=True, repr=False)
class MedianBlur(Photometric):
    """Makes each pixel the median of a square around it, channel by channel.

    Specks and thin lines vanish and edges stay sharp. It equals `scipy.ndimage.median_filter` with
    `mode="nearest"` and `cv2.medianBlur`: beyond its edges the image goes on with its outermost
    pixels. Since every result is one of the values there are, nothing is rounded in any dtype.
    Values may lie anywhere, unless a `value_range` is given, to which results are clipped. A pixel
    that is NaN makes all those NaN in whose squares it lies. Masks, boxes and keypoints stay as
    they are.

    Args:
        size: Side of the square in pixels, 3, 5 or 7; or a pair of them, of which every odd number
            between is as likely.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: `size` is another number, or its pair is reversed.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import MedianBlur
        >>> image = np.array([[[10, 10, 10, 90, 90], [10, 99, 10, 90, 90]]], "uint8")
        >>> MedianBlur(3)(image, seed=0)[0]
        array([[10, 10, 10, 90, 90],
               [10, 10, 90, 90, 90]], dtype=uint8)
    """

    _checks: ClassVar = {"size": OddIntegers(SIZES[0], SIZES[-1])}

    size: int | tuple[int, int] = (3, 5)

    def transform_colors(self, images: Array, parameters: Parameters) -> Array:
        ordered, sizes = _in_order(images), parameters["size"]
        if len(present := np.unique(sizes)) == 1:
            out = _medians(ordered, int(present[0]))
        else:
            out = result_like(ordered)
            for size in present:
                out[sizes == size] = _medians(ordered[sizes == size], int(size))
        return self.within_range(_out_of_order(out, images.dtype))

    def transform_tensor_colors(self, images: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        medians = median_of_tensors(images, parameters["size"], self._ends("size"))
        return self.tensors_within_range(medians, dtype)


def _medians(images: Array, size: int) -> Array:
    """Returns medians of unsigned integers or floats, NaN where there is one in the square."""
    out = result_like(images)
    median(read_only(images), size, out)
    if images.dtype.kind == "f" and np.isnan(images).any():
        spoiled: Any = np.isnan(images)
        for axis in (1, 2):
            ends = [(size // 2, size // 2) if i == axis else (0, 0) for i in range(4)]
            wide = np.pad(spoiled, ends)
            spoiled = np.lib.stride_tricks.sliding_window_view(wide, size, axis).any(axis=-1)
        out[spoiled] = np.nan
    return out


def _in_order(images: Array) -> Array:
    """Returns images as unsigned integers or floats in the same order, as kernels know them."""
    dtype = images.dtype.newbyteorder("=")
    if dtype.kind == "f":
        return np.ascontiguousarray(images, working_dtype(dtype))
    same: Array = np.ascontiguousarray(images, dtype)
    return _turned(same) if dtype.kind == "i" else same


def _out_of_order(ordered: Array, dtype: np.dtype[Any]) -> Array:
    return (_turned(ordered) if dtype.kind == "i" else ordered).astype(dtype, copy=False)


def _turned(integers: Array) -> Array:
    """Returns signed integers as unsigned ones in the same order, or these as those."""
    bits = 8 * integers.itemsize
    unsigned = integers.view(f"u{bits // 8}") ^ np.array(1 << (bits - 1), f"u{bits // 8}")
    turned: Array = unsigned.view(f"{'i' if integers.dtype.kind == 'u' else 'u'}{bits // 8}")
    return turned
