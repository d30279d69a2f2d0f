"""Weather, and what it leaves on the lens: a color covers the image, with weights pixel by pixel.

The weights of a row are made of its two `words`. All lengths are fractions of the shorter side, so
that the same draws look alike on a small and a large image. Colors are those of photographs, red,
green and blue; images that do not have three channels are covered by their gray instead.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from kaug.transforms._bases.fields import NumberOrPair, Range
from kaug.transforms._bases.veiled import OfNoise


@dataclass(frozen=True, repr=False)
class Fog(OfNoise):
    """Covers the image with fog, here thicker and there thinner.

    A pixel becomes `(1 - w) * pixel + w * 0.9`, in 0..1. The weights `w` of a row average its
    `density` and lie within `0.8 * density * (1 - density)` of it. They follow a sum of five
    octaves of smooth noise. Their nodes are 0.6, 0.3, 0.15, 0.075 and 0.0375 shorter sides apart,
    and each octave is half as strong as the one before. Hendrycks and Dietterich (2019,
    arXiv:1903.12261) use a plasma fractal, which looks alike. Fog does not get thicker with
    distance here, since a photograph does not say how far things are.

    Masks, boxes and keypoints stay as they are.

    Args:
        density: Mean weight of the fog, 0..1: 0 is a clear day, and with 1 nothing else is seen. A
            number `d` means evenly on `[0, d]`, a pair `[low, high]`.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The range is reversed or reaches outside 0..1, or another argument is out of
            range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Fog
        >>> Fog((0.5, 0.5))(np.zeros((1, 3, 8), "uint8"), seed=0)[0]
        array([[ 82, 118, 104,  97, 117, 124, 123, 132],
               [ 71, 108, 115, 110, 145, 136, 135, 149],
               [ 74, 122, 155, 138, 134, 127, 131, 134]], dtype=uint8)
    """

    _checks: ClassVar = {"density": Range(minimum=0, maximum=1, number="from 0")}
    octaves: ClassVar = ((0.6, 1.0), (0.3, 0.5), (0.15, 0.25), (0.075, 0.125), (0.0375, 0.0625))

    density: NumberOrPair = (0.3, 0.7)

    @property
    def color(self) -> tuple[float, float, float]:
        """Light gray."""
        return (0.9, 0.9, 0.9)

    def shaping(self, parameters: Any) -> list[Any]:
        density = parameters["density"]
        spread = 0.8 * density * (1 - density)
        return [0.2, 0.5, density - spread, density + spread, 0.0]
