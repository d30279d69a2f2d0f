"""Erasing: rectangles of the image are overwritten.

Sizes are fractions of the image's and rounded to whole pixels, down to none at all. A size given
as a number is that size for every row; a pair `(low, high)` has it drawn for each.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from kaug._draw.draws import Draws
from kaug._kernels.erasing import place_grids, place_holes, place_rectangles, place_squares
from kaug._tensors import erasing
from kaug._types import Parameters
from kaug.transforms._bases.erasure import Erasure, Patches
from kaug.transforms._bases.fields import Integers, NumberOrPair, Range

# Each is drawn for every row, though few may be used.
_MOST_HOLES = 1000
_FRACTION = Range(minimum=0, maximum=1, number="exactly")


@dataclass(frozen=True, repr=False)
class Erasing(Erasure):
    """Erases one rectangle, anywhere within the image.

    The random erasing of Zhong et al. (2017, arXiv:1708.04896). They draw area, shape and place
    anew until the rectangle fits. Here the area and the place are kept, and where a rectangle of
    the drawn shape is too high or too wide it gets the shape nearest to it that fits. At
    the defaults and with square images that concerns 4 rows in 1,000. Shapes are drawn evenly by
    their logarithm, so that lying rectangles are as likely as standing ones.

    Masks, boxes and keypoints stay as they are.

    Args:
        area: Fraction of the image's area, 0..1: a number, or a pair `(low, high)` to draw from.
        aspect_ratio: Height of the rectangle divided by its width, 0.001..1,000, likewise.
        fill_mode: `"constant"`, or `"noise"`: each pixel and channel evenly over the value range.
        fill_value: What `"constant"` puts there, in the value range of the images.
        value_range: Limits of the noise; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of its range, or, when called, `fill_value` is none of the
            dtype of the images.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Erasing
        >>> image = np.ones((1, 5, 8), "uint8")
        >>> Erasing(area=0.2, aspect_ratio=0.5, p=1)(image, seed=0)[0]
        array([[1, 0, 0, 0, 0, 1, 1, 1],
               [1, 0, 0, 0, 0, 1, 1, 1],
               [1, 1, 1, 1, 1, 1, 1, 1],
               [1, 1, 1, 1, 1, 1, 1, 1],
               [1, 1, 1, 1, 1, 1, 1, 1]], dtype=uint8)
    """

    _checks: ClassVar = {
        "area": _FRACTION,
        "aspect_ratio": Range(minimum=0.001, maximum=1000, number="exactly"),
    }

    area: NumberOrPair = (0.02, 0.33)
    aspect_ratio: NumberOrPair = (0.3, 3.3)
    p: float = field(default=0.5, kw_only=True)

    def draw_patches(self, draws: Draws) -> dict[str, Any]:
        """Returns `area`, `aspect_ratio`, and the place as `top` and `left` of what is free."""
        low, high = self._ends("aspect_ratio")
        area = draws.uniform(*self._ends("area"))
        ratio = draws.xp.exp(draws.uniform(np.log(low), np.log(high)))
        return {
            "area": area,
            "aspect_ratio": draws.xp.clip(ratio, low, high),  # they may round to what is beyond
            "top": draws.uniform(),
            "left": draws.uniform(),
        }

    def place(self, parameters: Parameters, size: tuple[int, int], patches: Patches) -> None:
        place_rectangles(
            parameters["area"],
            parameters["aspect_ratio"],
            parameters["top"],
            parameters["left"],
            *size,
            patches,
        )

    def place_tensors(self, parameters: Any, size: tuple[int, int]) -> erasing.Patch:
        return erasing.rectangle(
            parameters["area"],
            parameters["aspect_ratio"],
            parameters["top"],
            parameters["left"],
            size,
        )


@dataclass(frozen=True, repr=False)
class Cutout(Erasure):
    """Erases a square whose centre lies anywhere, so that part of it may lie outside.

    That of DeVries and Taylor (2017, arXiv:1708.04552), who take half the side of CIFAR-10's
    images. Masks, boxes and keypoints stay as they are.

    Args:
        size: Side of the square as a fraction of the image's shorter side, 0..1: a number, or a
            pair `(low, high)` to draw from.
        fill_mode: `"constant"`, or `"noise"`: each pixel and channel evenly over the value range.
        fill_value: What `"constant"` puts there, in the value range of the images.
        value_range: Limits of the noise; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of its range, or, when called, `fill_value` is none of the
            dtype of the images.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Cutout
        >>> Cutout(0.6)(np.ones((1, 5, 8), "uint8"), seed=0)[0]
        array([[1, 1, 1, 1, 1, 1, 1, 1],
               [0, 0, 1, 1, 1, 1, 1, 1],
               [0, 0, 1, 1, 1, 1, 1, 1],
               [0, 0, 1, 1, 1, 1, 1, 1],
               [1, 1, 1, 1, 1, 1, 1, 1]], dtype=uint8)
    """

    _checks: ClassVar = {"size": _FRACTION}

    size: NumberOrPair = 0.5

    def draw_patches(self, draws: Draws) -> dict[str, Any]:
        """Returns the `size`, and the centre as fractions `row` and `column` of the image."""
        return {
            "size": draws.uniform(*self._ends("size")),
            "row": draws.uniform(),
            "column": draws.uniform(),
        }

    def place(self, parameters: Parameters, size: tuple[int, int], patches: Patches) -> None:
        place_squares(parameters["size"], parameters["row"], parameters["column"], *size, patches)

    def place_tensors(self, parameters: Any, size: tuple[int, int]) -> erasing.Patch:
        return erasing.square(
            parameters["size"],
            parameters["row"],
            parameters["column"],
            size,
        )


@dataclass(frozen=True, repr=False)
class GridMask(Erasure):
    """Erases a grid of squares that covers the image.

    That of Chen et al. (2020, arXiv:2001.04086), without the rotation of their code. The
    image is tiled by square units, the first of them cut off by the edges at a place that
    is drawn, and a square in each unit is erased. Masks, boxes and keypoints stay as they are.

    Args:
        unit: Side of a unit as a fraction of the image's shorter side, above 0, up to 1: a
            number, or a pair `(low, high)` to draw from.
        ratio: How much of the side of a unit stays, between 0 and 1, likewise. A share of
            `(1 - ratio)**2` of the image is erased.
        fill_mode: `"constant"`, or `"noise"`: each pixel and channel evenly over the value range.
        fill_value: What `"constant"` puts there, in the value range of the images.
        value_range: Limits of the noise; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of its range, or, when called, `fill_value` is none of the
            dtype of the images.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import GridMask
        >>> GridMask(unit=0.6, ratio=0.4)(np.ones((1, 5, 8), "uint8"), seed=0)[0]
        array([[0, 0, 1, 0, 0, 1, 0, 0],
               [0, 0, 1, 0, 0, 1, 0, 0],
               [1, 1, 1, 1, 1, 1, 1, 1],
               [0, 0, 1, 0, 0, 1, 0, 0],
               [0, 0, 1, 0, 0, 1, 0, 0]], dtype=uint8)
    """

    _checks: ClassVar = {
        "unit": Range(above=0, maximum=1, number="exactly"),
        "ratio": Range(above=0, below=1, number="exactly"),
    }

    unit: NumberOrPair = (0.4, 1.0)
    ratio: NumberOrPair = 0.6

    def draw_patches(self, draws: Draws) -> dict[str, Any]:
        """Returns `unit`, `ratio`, and the place as fractions of a unit, `row` and `column`."""
        return {
            "unit": draws.uniform(*self._ends("unit")),
            "ratio": draws.uniform(*self._ends("ratio")),
            "row": draws.uniform(),
            "column": draws.uniform(),
        }

    def place(self, parameters: Parameters, size: tuple[int, int], patches: Patches) -> None:
        place_grids(
            parameters["unit"],
            parameters["ratio"],
            parameters["row"],
            parameters["column"],
            *size,
            patches,
        )

    def place_tensors(self, parameters: Any, size: tuple[int, int]) -> erasing.Patch:
        return erasing.grid(
            parameters["unit"],
            parameters["ratio"],
            parameters["row"],
            parameters["column"],
            size,
        )


@dataclass(frozen=True, repr=False)
class CoarseDropout(Erasure):
    """Erases several rectangles, each anywhere within the image; they may overlap.

    That is `Cutout` with more and smaller holes, none of which sticks out, as other libraries have
    it under this name. Masks, boxes and keypoints stay as they are.

    Args:
        holes: How many: an integer of 1 to 1,000, or a pair `(low, high)` of which every number is
            as likely.
        height: Height of a rectangle as a fraction of the image's, 0..1: a number, or a pair
            `(low, high)` from which each rectangle's is drawn.
        width: Width of a rectangle as a fraction of the image's, likewise.
        fill_mode: `"constant"`, or `"noise"`: each pixel and channel evenly over the value range.
        fill_value: What `"constant"` puts there, in the value range of the images.
        value_range: Limits of the noise; None means 0..1 for floats, else 0 to the largest integer.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of its range, or, when called, `fill_value` is none of the
            dtype of the images.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import CoarseDropout
        >>> dropout = CoarseDropout(holes=3, height=0.2, width=0.25)
        >>> dropout(np.ones((1, 5, 8), "uint8"), seed=0)[0]
        array([[1, 1, 1, 0, 0, 1, 1, 1],
               [1, 1, 1, 0, 0, 1, 1, 1],
               [1, 1, 1, 0, 0, 1, 1, 1],
               [1, 1, 1, 1, 1, 1, 1, 1],
               [1, 1, 1, 1, 1, 1, 1, 1]], dtype=uint8)
    """

    _checks: ClassVar = {
        "holes": Integers(1, _MOST_HOLES),
        "height": _FRACTION,
        "width": _FRACTION,
    }

    holes: int | tuple[int, int] = (1, 8)
    height: NumberOrPair = (0.1, 0.2)
    width: NumberOrPair = (0.1, 0.2)

    @property
    def most(self) -> int:
        """How many rectangles there are at most."""
        return int(self._ends("holes")[1])

    def draw_patches(self, draws: Draws) -> dict[str, Any]:
        """Returns how many `holes`, and `(M, most holes)` heights, widths, tops and lefts."""
        low, high = self._ends("holes")
        holes = low + draws.integers(high - low + 1)
        heights, widths = self._ends("height"), self._ends("width")
        ranges = {"height": heights, "width": widths, "top": (0.0, 1.0), "left": (0.0, 1.0)}
        drawn = [{name: draws.uniform(*own) for name, own in ranges.items()} for _ in range(high)]
        arrays = {name: draws.xp.stack([hole[name] for hole in drawn], axis=1) for name in ranges}
        return {"holes": holes, **arrays}

    def place(self, parameters: Parameters, size: tuple[int, int], patches: Patches) -> None:
        place_holes(
            parameters["holes"],
            parameters["height"],
            parameters["width"],
            parameters["top"],
            parameters["left"],
            *size,
            patches,
        )

    def place_tensors(self, parameters: Any, size: tuple[int, int]) -> erasing.Patch:
        return erasing.holes(
            parameters["holes"],
            parameters["height"],
            parameters["width"],
            parameters["top"],
            parameters["left"],
            size,
        )
