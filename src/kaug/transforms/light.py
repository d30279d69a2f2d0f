"""Light that is not the same everywhere: gradients and spots of it, and smooth random maps.

All multiply values, or their distance from gray, by a factor pixel by pixel, the same in every
channel. What is random about where, a row's two `words` say. Lengths are fractions of the shorter
side, so that the same draws look alike on a small and a large image.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from kaug._kernels import read_only
from kaug._kernels.veils import fill_units
from kaug._namespace import namespace
from kaug._tensors import veils
from kaug._types import Array, Parameters
from kaug.transforms._bases.fields import NumberOrPair, Range, choice
from kaug.transforms._bases.veiled import OfNoise, Size, Veiled

_BLACK = (0.0, 0.0, 0.0)
# How many numbers say where light comes from.
_NUMBERS = 3
# What noise of variance 1 is multiplied by, to lie in -0.5..0.5 but for one in twenty.
_SLOPE = 0.25


@dataclass(frozen=True, repr=False)
class Illumination(Veiled):
    """Lights images unevenly: from one side, or by a spot.

    Values are multiplied by `1 + strength * w`. With `"linear"` light comes from any direction, and
    `w` rises evenly from -1 in the corner farthest from it to 1 in the nearest one. With
    `"gaussian"` it is a Gaussian around any place in the image, 1 there, with a standard deviation
    of 0.25 to 0.75 shorter sides. Results are clipped to the value range.

    Masks, boxes and keypoints stay as they are.

    Args:
        strength: By which fraction values get larger, -1..1: a spot is bright above 0 and dark
            below. A number `s` means evenly on `[-s, s]`, a pair `[low, high]`.
        mode: `"linear"` or `"gaussian"`.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The range is reversed or reaches outside -1..1, or another argument is out of
            range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Illumination
        >>> Illumination((0.5, 0.5))(np.full((1, 3, 8), 100, "uint8"), seed=0)[0]
        array([[ 59,  72,  85,  98, 111, 124, 137, 150],
               [ 55,  68,  81,  94, 106, 119, 132, 145],
               [ 50,  63,  76,  89, 102, 115, 128, 141]], dtype=uint8)
    """

    _checks: ClassVar = {
        "strength": Range(minimum=-1, maximum=1),
        "mode": choice("linear", "gaussian"),
    }

    strength: NumberOrPair = 0.4
    mode: str = field(default="linear", kw_only=True)

    @property
    def color(self) -> tuple[float, float, float]:
        """Black, which with a weight below 0 is light."""
        return _BLACK

    def _filler(self, parameters: Parameters, size: Size) -> Callable[[slice, Array], None]:
        words = read_only(np.ascontiguousarray(parameters["words"]))
        units = np.empty((len(words), _NUMBERS), np.float32)
        fill_units(words, units)
        down, across = self._weights(units, np.asarray(parameters["strength"], np.float32), size)
        join = np.add if self.mode == "linear" else np.multiply

        def fill(part: slice, maps: Array) -> None:
            join(down[part, :, None], across[part, None, :], out=maps)

        return fill

    def _tensor_maps(self, parameters: Any, size: Size) -> Any:
        units = veils.units(parameters["words"], _NUMBERS)
        down, across = self._weights(units, parameters["strength"], size)
        down, across = down[:, :, None], across[:, None, :]
        return down + across if self.mode == "linear" else down * across

    def _weights(self, units: Any, strength: Any, size: Size) -> tuple[Any, Any]:
        """Returns what rows and columns have of weights, `(M, H)` and `(M, W)`.

        Their sum is the map, or for a spot their product.

        Args:
            units: Numbers of 0 to below 1, `(M, 3)`.
            strength: `(M,)`, float32.
            size: Height and width of the images.
        """
        xp, less = namespace(units), -strength[:, None]
        first, second, third = (units[:, k : k + 1] for k in range(_NUMBERS))
        if self.mode == "linear":
            angle = 2 * np.pi * first
            slopes, ends = (xp.sin(angle), xp.cos(angle)), [(side - 1) / 2 for side in size]
            reach = sum(xp.abs(slope) * end for slope, end in zip(slopes, ends, strict=True))
            steps = [less * slope / xp.maximum(reach, 1e-6) for slope in slopes]
            down, across = (
                step * (xp.arange(side, dtype="float32")[None] - end)
                for step, side, end in zip(steps, size, ends, strict=True)
            )
            return down, across
        width = (0.25 + 0.5 * third) * min(size)
        down, across = (
            xp.exp(
                -0.5 * ((xp.arange(side, dtype="float32")[None] + 0.5 - unit * side) / width) ** 2
            )
            for side, unit in zip(size, (first, second), strict=True)
        )
        return less * down, across


@dataclass(frozen=True, repr=False)
class _Plasma(OfNoise):
    """Maps of smooth noise of six octaves, each with half the distance and half the strength."""

    octaves: ClassVar = tuple((0.8 * 0.5**k, 0.5**k) for k in range(6))

    @property
    def color(self) -> tuple[float, float, float]:
        """Black, which with a weight below 0 is light."""
        return _BLACK


@dataclass(frozen=True, repr=False)
class PlasmaBrightness(_Plasma):
    """Multiplies values by factors that vary smoothly from place to place.

    Factors lie within `brightness` of 1, and are 1 in the mean over many rows. They follow a sum of
    six octaves of smooth noise, as clouds do, which others make by a plasma fractal (Fournier,
    Fussell and Carpenter, 1982, doi:10.1145/358523.358553). Nodes of the octaves are 0.8, 0.4 and
    so on to 0.025 shorter sides apart, and each is half as strong as the one before. One in twenty
    values of the noise lies beyond where a factor is the least or the greatest one. Results are
    clipped to the value range.

    Masks, boxes and keypoints stay as they are.

    Args:
        brightness: How far factors lie from 1 at most, 0..1, drawn for each row. A number `b` means
            evenly on `[0, b]`, a pair `[low, high]`.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The range is reversed or reaches outside 0..1, or another argument is out of
            range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import PlasmaBrightness
        >>> PlasmaBrightness((0.5, 0.5))(np.full((1, 3, 8), 100, "uint8"), seed=0)[0]
        array([[ 88, 103, 126, 105,  80,  66,  84,  88],
               [108,  98, 106,  99,  63,  61,  71,  73],
               [101,  53,  63,  74,  67,  63,  86,  78]], dtype=uint8)
    """

    _checks: ClassVar = {"brightness": Range(minimum=0, maximum=1, number="from 0")}

    brightness: NumberOrPair = (0.0, 0.5)

    def shaping(self, parameters: Any) -> list[Any]:
        reach = parameters["brightness"]
        return [_SLOPE, 0.5, -reach, reach, 0.0]


@dataclass(frozen=True, repr=False)
class PlasmaContrast(_Plasma):
    """Moves values towards or away from middle gray, by factors that vary smoothly.

    Factors are made as those of `PlasmaBrightness`.

    Masks, boxes and keypoints stay as they are.

    Args:
        contrast: How far factors lie from 1 at most, 0..1, drawn for each row. A number `c` means
            evenly on `[0, c]`, a pair `[low, high]`.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The range is reversed or reaches outside 0..1, or another argument is out of
            range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import PlasmaContrast
        >>> PlasmaContrast((0.5, 0.5))(np.full((1, 3, 8), 28, "uint8"), seed=0)[0]
        array([[40, 25,  2, 23, 47, 62, 44, 40],
               [20, 30, 22, 29, 64, 67, 57, 55],
               [27, 74, 65, 54, 60, 65, 42, 50]], dtype=uint8)
    """

    _checks: ClassVar = {"contrast": Range(minimum=0, maximum=1, number="from 0")}

    contrast: NumberOrPair = (0.0, 0.5)

    @property
    def color(self) -> tuple[float, float, float]:
        """Middle gray."""
        return (0.5, 0.5, 0.5)

    def shaping(self, parameters: Any) -> list[Any]:
        reach = parameters["contrast"]
        return [_SLOPE, 0.5, -reach, reach, 0.0]


@dataclass(frozen=True, repr=False)
class PlasmaShadow(_Plasma):
    """Darkens images by shadows without edges, as those of clouds or of leaves.

    A shadow takes 0 to `darkness` of the light, half of that in the mean over many rows. It follows
    the noise of `PlasmaBrightness`.

    Masks, boxes and keypoints stay as they are.

    Args:
        darkness: What is taken of the light where the shadow is darkest, 0..1, drawn for each row.
            A number `d` means evenly on `[0, d]`, a pair `[low, high]`.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is changed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The range is reversed or reaches outside 0..1, or another argument is out of
            range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import PlasmaShadow
        >>> PlasmaShadow((0.8, 0.8))(np.full((1, 3, 8), 100, "uint8"), seed=0)[0]
        array([[50, 62, 81, 64, 44, 32, 47, 50],
               [66, 58, 65, 59, 31, 28, 37, 39],
               [61, 23, 30, 39, 34, 31, 49, 42]], dtype=uint8)
    """

    _checks: ClassVar = {"darkness": Range(minimum=0, maximum=1, number="from 0")}

    darkness: NumberOrPair = (0.3, 0.7)

    def shaping(self, parameters: Any) -> list[Any]:
        return [_SLOPE, 0.5, 0.0, parameters["darkness"], 0.0]
