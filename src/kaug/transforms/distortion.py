"""Distortion: the image bent, by the nodes of a grid, by a lens or as a thin plate."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from kaug._draw.draws import Draws
from kaug._kernels import read_only
from kaug._kernels.lattice import bend
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


# Cells of the lattice from pin to pin, if there are as many pixels. What lies bilinearly between
# them is off by up to 1.5 % of the furthest move, right beside a pin.
_CELLS_TO_A_PIN = 16


@dataclass(frozen=True, repr=False)
class ThinPlateSpline(Displaced):
    """Moves pins in the image, each by its own distance; in between it bends like a thin plate.

    The pins are a lattice of `points` × `points`, from corner to corner. Each is moved by up to
    `scale` in either direction, evenly, and the rest follows by the two thin-plate splines
    (Bookstein, "Principal warps: thin-plate splines and the decomposition of deformations", 1989,
    doi:10.1109/34.24792) through these displacements, with distances in pixels. The splines are
    computed 16 times from pin to pin, or for every pixel of small images, and interpolated
    bilinearly, which is at most 1.5 % of a displacement away from them, right beside a pin.

    What counts is `scale * (points - 1)`, how far pins move on the way to the next one, with the
    defaults 0.18. Up to 0.25 no image in thousands folds over itself; with 0.4 a tenth of them do,
    with 0.5 most, and where they do, points have no one place to go to.

    Args:
        scale: How far pins move at most, as a fraction of the shorter side, 0..0.5: a number for
            every row, or a pair from which each row has its own.
        points: Pins along each side, 2..8.
        fill_mode: `"nearest"`, `"reflect"`, `"wrap"` or `"constant"`, as in `scipy.ndimage`.
        fill_value: What lies outside with `"constant"`, in the value range of the images.
        interpolation: `"bilinear"` or `"nearest"`.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of its range, or an option is unknown.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import ThinPlateSpline
        >>> image = np.arange(45).reshape(1, 5, 9)
        >>> ThinPlateSpline(0.2, points=3)(image, seed=1)[0]
        array([[ 3,  1,  2,  3,  4,  5,  6,  7, 10],
               [ 5,  4,  4,  4,  5,  6,  8, 10, 13],
               [10, 11, 11, 12, 13, 14, 15, 17, 18],
               [21, 21, 22, 22, 23, 25, 26, 28, 30],
               [35, 34, 34, 34, 35, 37, 39, 41, 44]])
    """

    _checks: ClassVar = {
        "scale": Range(
            minimum=0,
            maximum=0.5,
            number="exactly",
            fix="Divide pixels by the shorter side of the image.",
        ),
        "points": integer(2, 8),
    }

    scale: NumberOrPair = 0.06
    points: int = field(default=4, kw_only=True)

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the `scale` of each row, and the `words` `(M, 2)` that move its pins."""
        return {**super().draw_parameters(draws), "words": draws.words(2)}

    def _cells(self, side: int) -> int:
        return min(_CELLS_TO_A_PIN * (self.points - 1), side)

    def _axes(self, size: tuple[int, int]) -> tuple[Axis, Axis]:
        rows, columns = (between(side, self._cells(side)) for side in size)
        return rows, columns

    def _heights(self, parameters: Any, size: tuple[int, int]) -> Any:
        pins = drawn_heights(parameters["words"], self.points, self.points)
        xp = namespace(pins)
        pins = pins * xp.reshape(parameters["scale"], (-1, 1, 1, 1)) * min(size)
        down, across = (self._cells(side) for side in size)
        heights = _bent(pins, _plate(size, self.points, (down, across)))
        return xp.reshape(heights, (-1, 2, down + 1, across + 1))


def _bent(pins: Any, basis: Array) -> Any:
    """Returns how far a plate is moved at some places, `(M, 2, places)`.

    Args:
        pins: How far its pins are, `(M, 2, points, points)`, an array or a tensor.
        basis: What each pin adds to each place, `(pins, places)`.
    """
    xp, count = namespace(pins), len(basis)
    pins = xp.reshape(pins, (-1, 2, count))
    if xp is np:
        heights = np.empty((len(pins), 2, basis.shape[1]), np.float32)
        bend(read_only(pins.astype(np.float32)), basis, heights)
        return heights
    return sum(pins[..., pin, None] * xp.convert_to_tensor(basis[pin]) for pin in range(count))


@lru_cache(maxsize=8)
def _plate(size: tuple[int, int], points: int, cells: tuple[int, int]) -> Array:
    """Returns what a plate does that one pin moves by 1, for each of the pins in turn.

    Args:
        size: Height and width of the image in pixels.
        points: Pins along each side.
        cells: Between the places that are asked for, down and across.

    Returns:
        float32 `(pins, places)`.
    """
    # A plate bends alike in any unit; in this one numbers are about 1.
    sides = np.array(size) / min(size)
    pins, places = (
        np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2) * sides
        for axes in (
            [np.linspace(0, 1, points)] * 2,
            [np.linspace(0, 1, each + 1) for each in cells],
        )
    )
    count = len(pins)
    system = np.zeros((count + 3, count + 3))
    system[:count] = _terms(pins, pins)
    system[count:, :count] = system[:count, count:].T
    # Only the first columns of the inverse meet displacements; the others meet zeros.
    weights = np.linalg.inv(system)[:, :count]
    return read_only(np.ascontiguousarray((_terms(places, pins) @ weights).T, np.float32))


def _terms(places: Array, pins: Array) -> Array:
    """Returns the terms of thin-plate splines at places, of each pin and of a plane."""
    squares = ((places[:, np.newaxis] - pins) ** 2).sum(axis=-1)
    bumps = squares * np.log(np.where(squares == 0, 1, squares))
    return np.column_stack([bumps, np.ones(len(places)), places])
