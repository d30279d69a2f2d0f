"""Weather, and what it leaves on the lens: a color covers the image, with weights pixel by pixel.

The weights of a row are made of its two `words`. All lengths are fractions of the shorter side, so
that the same draws look alike on a small and a large image. Colors are those of photographs, red,
green and blue; images that do not have three channels are covered by their gray instead.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kaug._namespace import namespace
from kaug.transforms._bases.fields import Integers, NumberOrPair, Range, choice
from kaug.transforms._bases.veiled import OfNoise, OfShapes, Size


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


@dataclass(frozen=True, repr=False)
class Shadow(OfShapes):
    """Darkens parts of the image, as shadows do that fall into it.

    A shadow is a trapezoid, which may shrink to a triangle: its centre is anywhere in the image, it
    is turned by any angle, 0.6 to 2 shorter sides long and 0.16 to 0.6 wide in its middle. Its edge
    is 0.04 shorter sides wide. Where shadows overlap it is no darker than in one of them.

    Masks, boxes and keypoints stay as they are.

    Args:
        count: How many: an integer of 1..20, or a pair `(low, high)` of which every number is as
            likely.
        darkness: What a shadow takes away of the light, 0..1. A number `d` means evenly on
            `[0, d]`, a pair `[low, high]`.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A range is reversed or reaches too far, or another argument is out of range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Shadow
        >>> Shadow(1, (0.5, 0.5))(np.full((1, 5, 9), 100, "uint8"), seed=0)[0]
        array([[100, 100, 100, 100, 100, 100, 100, 100, 100],
               [100, 100, 100, 100, 100, 100, 100, 100, 100],
               [100, 100, 100, 100, 100, 100, 100,  99, 100],
               [100, 100, 100, 100, 100, 100, 100,  72, 100],
               [100, 100, 100, 100, 100, 100,  99,  53, 100]], dtype=uint8)
    """

    _checks: ClassVar = {
        "count": Integers(1, 20),
        "darkness": Range(minimum=0, maximum=1, number="from 0"),
    }
    numbers: ClassVar = 6

    count: int | tuple[int, int] = (1, 3)
    darkness: NumberOrPair = (0.3, 0.6)

    @property
    def color(self) -> tuple[float, float, float]:
        """Black."""
        return (0.0, 0.0, 0.0)

    @property
    def most(self) -> int:
        """How many shadows there are at most."""
        return int(self._ends("count")[1])

    def opacities(self, parameters: Any) -> Any:
        return parameters["darkness"]

    def shapes(self, units: Any, parameters: Any, size: Size) -> list[Any]:
        row, column, turn, length, width, taper = units
        xp, side = namespace(row), float(min(size))
        angle = 2 * np.pi * turn
        return [
            row * size[0] - 0.5,
            column * size[1] - 0.5,
            xp.cos(angle),
            xp.sin(angle),
            (0.3 + 0.7 * length) * side,
            (0.08 + 0.22 * width) * side,
            0.6 * (taper - 0.5),
            0.0,
            1 / max(0.04 * side, 1.0),
            self.first(parameters["count"]),
        ]


@dataclass(frozen=True, repr=False)
class Rain(OfShapes):
    """Lets rain fall: slanted bright streaks, and a fifth less light.

    The streaks of a row are alike but for how near they are: the farthest have 0.4 times the
    length, width and weight of the nearest, which are 0.004 shorter sides wide and cover 0.7 of
    what is behind them. Their edges are a pixel wide at least, so that small images have rain as
    well. Each leans by up to 2 degrees more or less than the slant of its row. They are spread
    evenly over the image and a tenth of it beyond each edge. The image is not blurred; put a
    `GaussianBlur` before the rain for that.

    Masks, boxes and keypoints stay as they are.

    Args:
        streaks: How many: an integer of 1..1,000, or a pair `(low, high)` of which every number is
            as likely. On tensors even those that are not there cost time.
        length: Length of the nearest streaks as a fraction of the shorter side, 0..1: a number, or
            a pair `(low, high)` to draw from.
        slant: By how many degrees the rain leans to the right at its top, -60..60. A number `r`
            means evenly on `[-r, r]`, a pair `[low, high]`.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A range is reversed or reaches too far, or another argument is out of range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Rain
        >>> Rain(3, 0.5)(np.zeros((1, 6, 9), "uint8"), seed=0)[0]
        array([[ 0,  0,  0,  0,  0,  0,  0,  0,  0],
               [ 0,  0,  1,  0,  0,  0,  0,  0,  0],
               [ 0,  0,  3,  0,  0, 17,  0,  0,  0],
               [ 0,  0,  0,  0,  0, 13,  0,  0,  0],
               [ 0,  0,  0,  0, 17,  0,  0,  0,  0],
               [ 0,  0,  0,  0,  0,  0,  0,  0,  0]], dtype=uint8)
    """

    _checks: ClassVar = {
        "streaks": Integers(1, 1000),
        "length": Range(minimum=0, maximum=1, number="exactly"),
        "slant": Range(minimum=-60, maximum=60),
    }
    gain: ClassVar = 0.8
    numbers: ClassVar = 4

    streaks: int | tuple[int, int] = (100, 300)
    length: NumberOrPair = (0.05, 0.15)
    slant: NumberOrPair = 20.0

    @property
    def color(self) -> tuple[float, float, float]:
        """Gray."""
        return (0.8, 0.8, 0.8)

    @property
    def most(self) -> int:
        """How many streaks there are at most."""
        return int(self._ends("streaks")[1])

    def shapes(self, units: Any, parameters: Any, size: Size) -> list[Any]:
        row, column, depth, lean = units
        xp, side = namespace(row), float(min(size))
        near = 0.4 + 0.6 * depth * depth
        angle = (90 + parameters["slant"] + 4 * (lean - 0.5)) * (np.pi / 180)
        return [
            (1.2 * row - 0.1) * size[0] - 0.5,
            (1.2 * column - 0.1) * size[1] - 0.5,
            xp.cos(angle),
            xp.sin(angle),
            0.5 * side * parameters["length"] * near,
            0.0,
            0.0,
            0.002 * side * near,
            1 / max(0.004 * side, 1.0),
            0.7 * near * self.first(parameters["streaks"]),
        ]


@dataclass(frozen=True, repr=False)
class Snow(OfShapes):
    """Lets snow fall: white flakes, some near and some far, and white over everything.

    The flakes of a row are alike but for how near they are: the farthest have 0.3 times the size
    and weight of the nearest, which cover 0.9 of what is behind them. They are round, drawn out to
    twice their size by their fall, and as soft as they are wide; their edges are a pixel wide at
    least, so that small images have snow as well. Each leans by up to 20 degrees more or less than
    the slant of its row. They are spread evenly over the image and a tenth of it beyond each edge.
    No snow lies on the ground: a photograph does not say where that is.

    Masks, boxes and keypoints stay as they are.

    Args:
        flakes: How many: an integer of 1..1,000, or a pair `(low, high)` of which every number is
            as likely. On tensors even those that are not there cost time.
        size: Width of the nearest flakes as a fraction of the shorter side, 0..1: a number, or a
            pair `(low, high)` to draw from.
        whiteness: Weight of the white that lies over everything, as it does in the distance, 0..1.
            A number `w` means evenly on `[0, w]`, a pair `[low, high]`.
        slant: By how many degrees flakes come from the right, -60..60. A number `r` means evenly on
            `[-r, r]`, a pair `[low, high]`.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A range is reversed or reaches too far, or another argument is out of range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Snow
        >>> Snow(5, 0.2, (0.1, 0.1))(np.zeros((1, 6, 9), "uint8"), seed=0)[0]
        array([[ 26,  26,  26,  26,  96,  87,  26,  26,  26],
               [ 26,  26,  26,  26,  27, 165,  26,  26,  26],
               [ 26,  26,  26,  26,  26, 107,  28,  26,  26],
               [ 26,  26,  26,  26,  26,  26,  26,  26,  26],
               [ 26,  26,  26,  26,  26,  26,  26,  26,  26],
               [ 26,  26,  26,  69,  26,  26,  26,  26,  71]], dtype=uint8)
    """

    _checks: ClassVar = {
        "flakes": Integers(1, 1000),
        "size": Range(minimum=0, maximum=1, number="exactly"),
        "whiteness": Range(minimum=0, maximum=1, number="from 0"),
        "slant": Range(minimum=-60, maximum=60),
    }
    numbers: ClassVar = 4

    flakes: int | tuple[int, int] = (100, 300)
    size: NumberOrPair = (0.01, 0.03)
    whiteness: NumberOrPair = (0.1, 0.4)
    slant: NumberOrPair = 30.0

    @property
    def color(self) -> tuple[float, float, float]:
        """White."""
        return (1.0, 1.0, 1.0)

    @property
    def most(self) -> int:
        """How many shapes there are at most: what covers everything, and flakes."""
        return 1 + int(self._ends("flakes")[1])

    def shapes(self, units: Any, parameters: Any, size: Size) -> list[Any]:
        row, column, depth, lean = units
        xp, side, whole = namespace(row), float(min(size)), float(sum(size))
        everything = xp.arange(self.most, dtype="float32")[None] == 0
        near = 0.3 + 0.7 * depth * depth
        angle = (90 + parameters["slant"] + 40 * (lean - 0.5)) * (np.pi / 180)
        half = 0.5 * side * parameters["size"] * near
        weight = 0.9 * near * self.first(1 + parameters["flakes"])
        return [
            (1.2 * row - 0.1) * size[0] - 0.5,
            (1.2 * column - 0.1) * size[1] - 0.5,
            xp.cos(angle),
            xp.sin(angle),
            xp.where(everything, 2 * whole, half),
            xp.where(everything, 2 * whole, 0.0),
            0.0,
            half,
            1 / xp.maximum(2 * half, 1.0),
            xp.where(everything, parameters["whiteness"], weight),
        ]


@dataclass(frozen=True, repr=False)
class SunFlare(OfShapes):
    """Lets the sun shine into the lens: a bright disk with its glow, and ghosts of it.

    The sun is anywhere in the upper half of the image. Its disk is white; the two glows around it
    reach out to 5 and to 14 times its radius, and cover 0.6 and 0.3 of what is at its centre.
    Ghosts are disks with a radius of 0.01 to 0.08 shorter sides and weights of 0.1 to 0.35. They
    lie on the line from the sun through the centre of the image, from 0.3 to 2.3 times as far from
    the sun as the centre is. All is tinted alike, a warm white.

    Masks, boxes and keypoints stay as they are.

    Args:
        radius: Radius of the sun as a fraction of the shorter side, 0..1: a number, or a pair
            `(low, high)` to draw from.
        ghosts: How many: an integer of 0..50, or a pair `(low, high)` of which every number is as
            likely.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A range is reversed or reaches too far, or another argument is out of range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import SunFlare
        >>> SunFlare(0.2)(np.zeros((1, 6, 9), "uint8"), seed=0)[0]
        array([[ 49,  55,  72,  94, 116, 133, 140, 136, 122],
               [ 51,  60,  82, 108, 135, 157, 192, 171, 142],
               [ 51,  63,  87, 116, 145, 207, 247, 231, 153],
               [ 51,  71,  96, 115, 143, 195, 243, 219, 151],
               [ 50,  59,  79, 105, 130, 149, 165, 154, 137],
               [ 48,  54,  68,  88, 109, 125, 132, 128, 115]], dtype=uint8)
    """

    _checks: ClassVar = {
        "radius": Range(minimum=0, maximum=1, number="exactly"),
        "ghosts": Integers(0, 50),
    }
    numbers: ClassVar = 3

    radius: NumberOrPair = (0.05, 0.15)
    ghosts: int | tuple[int, int] = (3, 8)

    @property
    def color(self) -> tuple[float, float, float]:
        """Warm white."""
        return (1.0, 0.97, 0.88)

    @property
    def most(self) -> int:
        """How many disks there are at most: the sun, its two glows, and ghosts."""
        return 3 + int(self._ends("ghosts")[1])

    def shapes(self, units: Any, parameters: Any, size: Size) -> list[Any]:
        way, width, weight = units
        xp, side = namespace(way), float(min(size))
        number = xp.arange(self.most, dtype="float32")[None]
        ghost, sun, near = number > 2, number == 0, number == 1
        row = 0.5 * way[:, :1] * size[0] - 0.5
        column = width[:, :1] * size[1] - 0.5
        along = xp.where(ghost, 0.3 + 2.0 * way, 0.0)
        own = parameters["radius"] * side
        ghostly = (0.01 + 0.07 * width * width) * side
        edge = xp.where(sun, 1.2 * own, xp.where(near, 5.0 * own, 14.0 * own))
        edge = xp.maximum(xp.where(ghost, 0.3 * ghostly, edge), 1.0)
        radius = xp.where(ghost, ghostly, xp.where(sun, own, 0.5 * edge))
        bright = xp.where(sun, 1.0, xp.where(near, 0.6, 0.3))
        bright = xp.where(ghost, 0.1 + 0.25 * weight, bright)
        return [
            row + along * (0.5 * (size[0] - 1) - row),
            column + along * (0.5 * (size[1] - 1) - column),
            1.0,
            0.0,
            0.0,
            0.0,
            0.0,
            radius,
            1 / edge,
            bright * self.first(3 + parameters["ghosts"]),
        ]


@dataclass(frozen=True, repr=False)
class Spatter(OfNoise):
    """Spatters the lens with drops of mud or water.

    Drops are where smooth noise is above a threshold, as in Hendrycks and Dietterich (2019,
    arXiv:1903.12261), who blur theirs by a Gaussian. Here it is a sum of two octaves, the second
    half as strong, with nodes 0.1 and 0.05 shorter sides apart. Mud is brown and covers 0.9 of what
    is behind it. Water is a light turquoise and covers 0.6 at the rim of a drop, but 0.24 in its
    middle. It does not bend the light.

    Masks, boxes and keypoints stay as they are.

    Args:
        amount: About which part of the image is covered, 0..1: the mean over many rows, to some 2
            percent of the image. A number `a` means evenly on `[0, a]`, a pair `[low, high]`.
        mode: `"mud"` or `"water"`.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The range is reversed or reaches outside 0..1, or another argument is out of
            range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Spatter
        >>> Spatter((0.3, 0.3))(np.full((1, 6, 9), 200, "uint8"), seed=0)[0]
        array([[200, 200,  61, 200, 200, 200, 200, 200,  68],
               [200, 200,  61, 200, 200, 200, 200,  61, 156],
               [200, 200, 200, 200, 200, 200, 200,  61,  61],
               [200,  61, 139, 200,  80,  61, 200,  61, 200],
               [200, 200, 200, 200, 102, 193,  61, 200, 200],
               [ 61, 200, 200, 200, 200, 200, 200, 200, 200]], dtype=uint8)
    """

    _checks: ClassVar = {
        "amount": Range(minimum=0, maximum=1, number="from 0"),
        "mode": choice("mud", "water"),
    }
    octaves: ClassVar = ((0.1, 1.0), (0.05, 0.5))

    amount: NumberOrPair = (0.05, 0.2)
    mode: str = "mud"

    @property
    def color(self) -> tuple[float, float, float]:
        """Brown or turquoise."""
        return (0.25, 0.165, 0.08) if self.mode == "mud" else (0.85, 0.95, 0.97)

    def shaping(self, parameters: Any) -> list[Any]:
        amount = parameters["amount"]
        xp = namespace(amount)
        share = xp.clip(amount, 1e-4, 1 - 1e-4)
        # Noise is nearly normal, and this nearly the quantile of a normal distribution.
        threshold = xp.log((1 - share) / share) / 1.702
        weight, rim = (0.9, 0.0) if self.mode == "mud" else (0.6, 0.6)
        return [4.0, 0.5 - 4.0 * threshold, 0.0, weight, rim]
