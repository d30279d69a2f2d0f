"""Distortion: the image bent, by the nodes of a grid."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from kaug._draw.draws import Draws
from kaug._namespace import namespace
from kaug.transforms._bases.fields import NumberOrPair, Range, integer
from kaug.transforms._bases.lattice import Axis, Displaced, between, drawn_heights


@dataclass(frozen=True, repr=False)
class GridDistortion(Displaced):
    """Moves the nodes of a grid, each by its own distance, and the image with them.

    The image is divided into `steps` × `steps` cells. Each node, those on the edge as well, is
    moved by up to `distortion` times the width of a cell to the right or left, and by up to
    `distortion` times its height up or down, evenly; in between the displacement is interpolated
    bilinearly. In albumentations, the lines of the grid move as a whole, and cells stay rectangles;
    here they become any quadrilaterals.

    Up to 1/4, which is as far as `distortion` may go, no cell folds over: what one place shows is
    shown nowhere else, and every point has one place to go to.

    Args:
        distortion: How far nodes move at most, in cells, 0..1/4: a number for every row, or a pair
            from which each row has its own.
        steps: Cells along each side, 1..64.
        fill_mode: `"nearest"`, `"reflect"`, `"wrap"` or `"constant"`, as in `scipy.ndimage`.
        fill_value: What lies outside with `"constant"`, in the value range of the images.
        interpolation: `"bilinear"` or `"nearest"`.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of its range, or an option is unknown.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import GridDistortion
        >>> image = np.arange(45).reshape(1, 5, 9)
        >>> GridDistortion(0.25, steps=2)(image, seed=1)[0]
        array([[ 3,  2,  2,  3,  4,  5,  6,  8, 10],
               [ 8,  8,  8,  8,  8, 10, 12, 14, 15],
               [13, 14, 14, 15, 16, 17, 18, 20, 21],
               [24, 25, 26, 26, 27, 28, 30, 31, 33],
               [36, 36, 37, 37, 37, 39, 41, 43, 44]])
    """

    _checks: ClassVar = {
        "distortion": Range(
            minimum=0, maximum=0.25, number="exactly", fix="Beyond 1/4 cells fold over."
        ),
        "steps": integer(1, 64),
    }

    distortion: NumberOrPair = 0.2
    steps: int = field(default=5, kw_only=True)

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the `distortion` of each row, and the `words` `(M, 2)` that move its nodes."""
        return {**super().draw_parameters(draws), "words": draws.words(2)}

    def _axes(self, size: tuple[int, int]) -> tuple[Axis, Axis]:
        return between(size[0], self.steps), between(size[1], self.steps)

    def _heights(self, parameters: Any, size: tuple[int, int]) -> Any:
        heights = drawn_heights(parameters["words"], self.steps + 1, self.steps + 1)
        xp = namespace(heights)
        reach = xp.reshape(parameters["distortion"], (-1, 1, 1))
        cells = [reach * (side / self.steps) for side in size]
        return xp.stack([heights[:, axis] * cells[axis] for axis in range(2)], axis=1)
