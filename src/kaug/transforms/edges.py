"""What edges get: relief, and ringing."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kaug._apply import spread
from kaug._kernels import read_only
from kaug._namespace import namespace
from kaug._tensors import convolve, ops
from kaug._types import Array, Parameters
from kaug.transforms._bases.fields import NumberOrPair, OddIntegers, Range
from kaug.transforms._bases.photometric import Normalized, clipped

# What is below and to the right, less what is above and to the left.
_SLOPE = np.array([[-1, -1, 0], [-1, 0, 1], [0, 1, 1]])
_ITSELF = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]])


@dataclass(frozen=True, repr=False)
class Emboss(Normalized):
    """Makes the image look as if it stood out in relief, lit from below and from the right.

    To each pixel `strength` times the sum of the three neighbours to the right, below and between
    them is added, and that of the three to the left, above and between them is taken away; the
    result is clipped to the value range. What is plain stays as it is. Beyond its edges the image
    is continued by its reflection. A pixel that is NaN makes those NaN that it counts for. Masks,
    boxes and keypoints stay as they are.

    Args:
        strength: 0..10; 0 changes nothing. A number `s` means evenly on `[0, s]`, a pair
            `[low, high]`.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The range is reversed, or reaches beyond its limits.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Emboss
        >>> image = np.full((1, 4, 5), 100, "uint8")
        >>> image[0, 1, 2] = 150
        >>> Emboss((0.5, 0.5))(image, seed=0)[0]
        array([[100, 125, 125, 100, 100],
               [100, 125, 150,  75, 100],
               [100, 100,  75,  75, 100],
               [100, 100, 100, 100, 100]], dtype=uint8)
    """

    _checks: ClassVar = {"strength": Range(minimum=0, maximum=10, number="from 0")}

    strength: NumberOrPair = (0.2, 0.5)

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        strengths = parameters["strength"]
        given = _between(images, outside)
        return spread.convolved(given, lambda rows: _relief(strengths[rows]), radius=1)

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del in_bytes
        return convolve.convolve(images, _relief(parameters["strength"]))


def _relief(strengths: Any) -> Any:
    """Returns the weights of pixels around, `(M, 3, 3)`."""
    xp: Any = namespace(strengths)
    itself, slope = (xp.array(each, "float32") for each in (_ITSELF, _SLOPE))
    return itself + xp.reshape(strengths, (-1, 1, 1)) * slope


def _between(images: Array, outside: Array) -> Array:
    """Returns images of values between black and white."""
    return images if images.dtype == np.uint8 else read_only(clipped(images, outside))


@dataclass(frozen=True, repr=False)
class Ringing(Normalized):
    """Puts ripples beside edges, as images have that were sharpened or compressed too much.

    Frequencies above a cutoff are taken away, in all directions alike, by a filter of finite size:
    pixels at a distance `r` have weights as `J1(w * r) / r`, where `J1` is a Bessel function and
    `w` the cutoff in radians a pixel, which add up to 1. So Wang, Xie, Dong and Shan make such
    images ("Real-ESRGAN", 2021, arXiv:2107.10833). Results are clipped to the value range, bytes
    rounded once. Beyond its edges the image is continued by its reflection. A pixel that is NaN
    makes all those NaN that it counts for. Masks, boxes and keypoints stay as they are.

    Args:
        size: Side of the filter in pixels, an odd number of 3..31; or a pair of them, of which
            every odd number between is as likely.
        cutoff: The highest frequency that is left, as a fraction of the highest that pixels have, π
            radians a pixel: 0.05..1. A number means exactly that, a pair evenly on `[low, high]`.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: `size` is even, or a range is reversed or reaches beyond its limits.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Ringing
        >>> image = np.array([[[100] * 5 + [200] * 5] * 2], "uint8")
        >>> Ringing(9, 0.5)(image, seed=0)[0]
        array([[100, 101,  88,  86, 121, 179, 214, 212, 199, 200],
               [100, 101,  88,  86, 121, 179, 214, 212, 199, 200]], dtype=uint8)
    """

    _checks: ClassVar = {
        "size": OddIntegers(3, 31),
        "cutoff": Range(minimum=0.05, maximum=1, number="exactly"),
    }

    size: int | tuple[int, int] = (7, 15)
    cutoff: NumberOrPair = (0.25, 0.5)

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        sizes, cutoffs = parameters["size"], parameters["cutoff"] * np.pi
        radius = int(sizes.max(initial=1)) // 2
        given = _between(images, outside)
        return spread.convolved(
            given, lambda rows: spread.sinc(cutoffs[rows], sizes[rows], radius), radius
        )

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        del in_bytes
        sizes, radius = ops.cast(parameters["size"], "float32"), self._ends("size")[1] // 2
        kernels = spread.sinc(parameters["cutoff"] * np.pi, sizes, radius)
        return convolve.convolve(images, kernels)
