"""Distortion: the image bent, by the nodes of a grid or by a lens."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from kaug._draw.draws import Draws
from kaug._kernels import read_only
from kaug._namespace import namespace
from kaug._types import Array, Parameters
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


# Which products of a lens count, for the displacement down and for that to the right.
_OF_LENS = np.broadcast_to(np.eye(2, dtype=np.float32), (1, 2, 2, 2))
# Steps of Newton's method, which for the slowest distance needs eight.
_NEWTON_STEPS = 10


@dataclass(frozen=True, repr=False)
class OpticalDistortion(Displaced):
    """Bends straight lines as lenses do: outwards like a barrel, or inwards like a pincushion.

    Distances `r` from the centre of the image are counted in halves of its diagonal. A pixel shows
    what lies in the same direction at the distance `r * (1 + distortion * r ** 2)`, the first term
    of what lenses do (Zhang, "A flexible new technique for camera calibration", 2000,
    doi:10.1109/34.888718, section 3.3; in OpenCV `k1`, with half the diagonal for a focal length).

    Above 0 things get smaller towards the corners, a barrel, and what surrounds the image is
    filled; below 0 they get larger, a pincushion, and what lies at the edges is lost. The middle
    stays as large as it was. Where points of the image go is solved for.

    Args:
        distortion: How much farther out a corner looks, as a part of its distance, -0.3..1; the
            image would fold at -1/3. A number `r` means evenly on `[-r, r]`, a pair `[low, high]`.
        fill_mode: `"nearest"`, `"reflect"`, `"wrap"` or `"constant"`, as in `scipy.ndimage`.
        fill_value: What lies outside with `"constant"`, in the value range of the images.
        interpolation: `"bilinear"` or `"nearest"`.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: `distortion` is out of its range, or an option is unknown.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import OpticalDistortion
        >>> image = np.arange(45).reshape(1, 5, 9)
        >>> OpticalDistortion((0.5, 0.5), fill_mode="constant")(image, seed=0)[0]
        array([[ 0,  0,  0,  0,  0,  0,  0,  0,  0],
               [ 0,  8, 10, 12, 13, 14, 14, 15,  0],
               [ 0, 18, 20, 21, 22, 23, 24, 26,  0],
               [ 0, 29, 30, 30, 31, 32, 34, 36,  0],
               [ 0,  0,  0,  0,  0,  0,  0,  0,  0]])
    """

    _checks: ClassVar = {"distortion": Range(minimum=-0.3, maximum=1)}

    distortion: NumberOrPair = 0.2

    def transform_points(
        self, points: Array, parameters: Parameters, size: tuple[int, int]
    ) -> Array:
        xp = namespace(points)
        distortion = xp.reshape(parameters["distortion"], (-1, 1))
        unit = _half_diagonal(size)
        x, y = ((points[..., i] - (size[1 - i] - 1) / 2) * (1 / unit) for i in range(2))
        distance = xp.sqrt(x * x + y * y)
        nearer = _seen_at(distance, distortion) / xp.where(distance == 0, 1.0, distance) * unit
        places = [part * nearer + (size[1 - i] - 1) / 2 for i, part in enumerate((x, y))]
        moved: Array = xp.stack(places, axis=-1)
        return moved

    def _axes(self, size: tuple[int, int]) -> tuple[Axis, Axis]:
        return _lens(size)

    def _heights(self, parameters: Any, size: tuple[int, int]) -> Any:
        del size
        xp = namespace(parameters["distortion"])
        products = _OF_LENS if xp is np else xp.convert_to_tensor(_OF_LENS)
        return xp.reshape(parameters["distortion"], (-1, 1, 1, 1)) * products


def _half_diagonal(size: tuple[int, int]) -> float:
    return float(np.hypot(*size)) / 2


def _seen_at(distance: Any, distortion: Any) -> Any:
    """Returns the distances at which others are shown, from the centre in halves of the diagonal.

    Beyond the corner a place looks outwards as straight as there, so that all have one.
    """
    xp = namespace(distance)
    slope = 1 + 3 * distortion
    place = xp.minimum(distance, 1 + distortion)
    due = place
    for _ in range(_NEWTON_STEPS):  # which starts on the side from which it never overshoots
        missing = place * (1 + distortion * place * place) - due
        place = place - missing / (1 + 3 * distortion * place * place)
    return place + xp.maximum(distance - (1 + distortion), 0.0) / slope


@lru_cache(maxsize=64)
def _lens(size: tuple[int, int]) -> tuple[Axis, Axis]:
    """Returns a lens as sums of products, of which each displacement has two.

    Of `y * (x² + y²)` these are `y³` times 1, and `y` times `x²`; all in pixels.
    """
    unit = _half_diagonal(size)
    y, x = ((np.arange(side) - (side - 1) / 2) / unit for side in size)
    down, across = (
        np.stack([np.stack(pair, axis=1) for pair in pairs]).astype(np.float32)
        for pairs in (
            ((unit * y**3, unit * y), (unit * np.ones_like(y), unit * y**2)),
            ((np.ones_like(x), x**2), (x**3, x)),
        )
    )
    rows, columns = (np.zeros(side, np.int64) for side in size)
    return Axis(read_only(rows), read_only(down)), Axis(read_only(columns), read_only(across))
