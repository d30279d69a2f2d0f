"""Blur by what is before the film: a lens that zooms, and glass."""

from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

import numpy as np

from kaug._apply.dtypes import working_dtype
from kaug._apply.resample import Resampling, warped
from kaug._draw.draws import Draws
from kaug._kernels import read_only
from kaug._kernels.corruptions import shuffle
from kaug._namespace import namespace
from kaug._tensors import ops
from kaug._tensors.geometry import warp
from kaug._types import Array, Parameters
from kaug._validation import message
from kaug.transforms._bases.averaging import Averaging
from kaug.transforms._bases.fields import Integers, NumberOrPair, Range
from kaug.transforms.filters import GaussianBlur

_SAMPLING = Resampling("nearest")
# How often a mean is made of what there is and what that is when magnified.
_DOUBLINGS = 5


@dataclass(frozen=True, repr=False)
class ZoomBlur(Averaging):
    """Blurs the image as a lens does that zooms in while the picture is taken.

    It becomes the mean of 32 images: of itself and what it is when magnified about its centre, by
    factors of which each is the same times the one before, up to `zoom`. The `"zoom_blur"` of
    ImageNet-C (Hendrycks and Dietterich, 2019, arXiv:1903.12261) is such a mean, in steps that are
    as far from each other: see `Corruption`. Here it takes five steps, of which each is the mean of
    what there is and what that is when magnified, interpolated linearly. Values may lie anywhere,
    unless a `value_range` is given, to which results are clipped. A pixel that is NaN makes those
    NaN that are blended of it. Masks, boxes and keypoints stay as they are.

    Args:
        zoom: The greatest factor, 1..3; 1 changes nothing. A number means exactly that, a pair
            evenly on `[low, high]`.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The range is reversed, or reaches beyond its limits.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import ZoomBlur
        >>> image = np.zeros((1, 3, 7), "uint8")
        >>> image[0, :, 3] = 100
        >>> ZoomBlur(2)(image, seed=0)[0]
        array([[  1,   6,  28, 100,  28,   6,   1],
               [  1,   6,  28, 100,  28,   6,   1],
               [  1,   6,  28, 100,  28,   6,   1]], dtype=uint8)
    """

    _checks: ClassVar = {"zoom": Range(minimum=1, maximum=3, number="exactly")}

    zoom: NumberOrPair = (1.05, 1.25)

    def average(self, images: Array, parameters: Parameters) -> Array:
        mean: Array = images.astype(working_dtype(images.dtype))
        for step in range(_DOUBLINGS):
            matrices = _magnifying(parameters["zoom"], 2.0**step)
            mean += warped(mean, matrices, _SAMPLING, images.shape[1:3])
            mean *= mean.dtype.type(0.5)
        if images.dtype == np.uint8:
            return np.rint(mean, out=mean).astype(np.uint8)
        np.clip(mean, 0, 1, out=mean)
        return mean

    def average_tensors(self, images: Any, parameters: Any) -> Any:
        size = (images.shape[1], images.shape[2])

        def blend(step: Any, mean: Any) -> Any:
            matrices = _magnifying(parameters["zoom"], 2.0 ** ops.cast(step, "float32"))
            return (mean + warp(mean, matrices, _SAMPLING, size)) * 0.5

        return ops.fori_loop(0, _DOUBLINGS, blend, images)


def _magnifying(zooms: Any, steps: Any) -> Any:
    """Returns what magnifies images by some of the steps that make up a zoom, `(2, 3, M)`."""
    xp: Any = namespace(zooms)
    shrink = zooms ** (steps * (-1 / (2**_DOUBLINGS - 1)))
    none = xp.zeros_like(shrink)
    return xp.stack([xp.stack([shrink, none, none]), xp.stack([none, shrink, none])])


@dataclass(frozen=True, repr=False)
class GlassBlur(Averaging):
    """Blurs the image as frosted glass does, which scatters it.

    It is blurred with a Gaussian, then pixels take the place of others at random, then it is
    blurred again, as by the `"glass_blur"` of ImageNet-C (Hendrycks and Dietterich, 2019,
    arXiv:1903.12261). Pixels are gone through from the last to the first, `iterations` times; each
    becomes what is at that moment up to `distance` rows and columns from it, one less to the right
    and the bottom. Those as near to an edge stay. Values may lie anywhere, unless a `value_range`
    is given, to which results are clipped. Masks, boxes and keypoints stay as they are.

    There is no form for tensors, since each pixel waits for the one before: use it on arrays, or in
    `kaug.AugmentedDataset`.

    Args:
        sigma: Standard deviation of the Gaussians in pixels, 0..100. A number `s` means evenly on
            `[0, s]`, a pair `[low, high]`.
        distance: How far, 1..50 pixels: an integer, or a pair of which every one is drawn.
        iterations: How often, 1..10: an integer, or a pair of which every one is drawn.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type, or images are tensors.
        ValueError: A range is reversed, or reaches beyond its limits.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import GlassBlur
        >>> image = np.arange(0, 240, 10, "uint8").reshape(1, 4, 6)
        >>> GlassBlur((0, 0), 1, 1)(image, seed=0)[0]
        array([[  0,  10,  20,  30,  40,  50],
               [ 60,  70,  80,  90, 100, 110],
               [120, 130, 130,  90,  90, 170],
               [180, 190, 200, 210, 160, 220]], dtype=uint8)
    """

    _checks: ClassVar = {
        "sigma": Range(minimum=0, maximum=100, number="from 0"),
        "distance": Integers(1, 50),
        "iterations": Integers(1, 10),
    }

    sigma: NumberOrPair = (0.4, 1.0)
    distance: int | tuple[int, int] = (1, 3)
    iterations: int | tuple[int, int] = (1, 2)

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns these three of each row, and two `words` `(M, 2)` that say which pixels go."""
        return {**super().draw_parameters(draws), "words": draws.words(2)}

    def average(self, images: Array, parameters: Parameters) -> Array:
        once = GaussianBlur().average(images, parameters)
        words, reaches = parameters["words"], parameters["distance"].astype(np.float64)
        shuffle(once, read_only(words), reaches, parameters["iterations"])
        return GaussianBlur().average(once, parameters)

    def average_tensors(self, images: Any, parameters: Any) -> NoReturn:
        del images, parameters
        rule = "GlassBlur is for arrays only, since each pixel waits for the one before"
        raise TypeError(message(rule, "tensors", "Use it in `kaug.AugmentedDataset`, say."))
