"""Blur of other shapes than a bell's: along a line, over a disk, and by the median."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kaug._apply import spread
from kaug._apply.dtypes import working_dtype
from kaug._kernels import read_only
from kaug._kernels.convolve import convolve
from kaug._tensors import convolve as tensors
from kaug._types import Array, Parameters
from kaug.transforms._bases.averaging import Averaging
from kaug.transforms._bases.fields import NumberOrPair, Range

# Weights at once, of as many rows as that are.
_WEIGHTS = 2**18


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
        return _convolved(
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
        return _convolved(images, lambda rows: spread.disk(radii[rows], radius), radius)

    def average_tensors(self, images: Any, parameters: Any) -> Any:
        radius = spread.radius_of_disk(self._ends("radius")[1])
        return tensors.convolve(images, spread.disk(parameters["radius"], radius))


def _convolved(images: Array, kernels_of: Callable[[slice], Array], radius: int) -> Array:
    """Returns images convolved with kernels, which a function makes for some of the rows."""
    out, dtype = np.empty_like(images), working_dtype(images.dtype)
    step = max(1, _WEIGHTS // (2 * radius + 1) ** 2)
    for first in range(0, len(images), step):
        rows = slice(first, first + step)
        kernels = kernels_of(rows).astype(dtype)
        convolve(read_only(images[rows]), read_only(kernels), out[rows])
    return out
