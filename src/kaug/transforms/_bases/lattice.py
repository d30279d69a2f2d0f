"""What transforms share that displace pixels by what lies between the nodes of a lattice."""

from abc import abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from kaug._apply.resample import Reading, Resampling, remapped
from kaug._kernels import read_only
from kaug._kernels.displacement import seeds_of
from kaug._kernels.lattice import draw_all_heights, remap
from kaug._namespace import namespace
from kaug._tensors import displacement, geometry, ops
from kaug._tensors.held import held
from kaug._tensors.lookups import look_up_rows
from kaug._types import Array, Parameters
from kaug.transforms._bases.remapping import Remapping

# Of the search for a point: so many steps by what is missing, then so many by Newton's method.
_STEPS, _NEWTON_STEPS = 12, 6
# What a pixel's area is taken for at least by the latter.
_LEAST_AREA = 1e-2


class Axis(NamedTuple):
    """How the pixels along one axis depend on nodes; see `kaug._kernels.lattice.remap`."""

    nodes: Array
    weights: Array


@dataclass(frozen=True, repr=False)
class Displaced(Remapping):
    """A transform that displaces each pixel by a field: `_axes` and `_heights` say which."""

    @abstractmethod
    def _axes(self, size: tuple[int, int]) -> tuple[Axis, Axis]:
        """Returns how rows and columns of pixels depend on nodes, for images of a size."""

    @abstractmethod
    def _heights(self, parameters: Any, size: tuple[int, int]) -> Any:
        """Returns the displacement at the nodes, down and to the right, in pixels.

        Arrays or tensors `(M, 2, rows, columns)`.
        """

    def transform_images(self, images: Array, parameters: Parameters) -> Array:
        size = (images.shape[1], images.shape[2])
        rows, columns = self._axes(size)
        heights = np.ascontiguousarray(self._heights(parameters, size), np.float32)

        def kernel(source: Array, out: Array, reading: Reading) -> None:
            remap(
                source,
                read_only(heights),
                rows.nodes,
                rows.weights,
                columns.nodes,
                columns.weights,
                out,
                reading.linear,
                reading.mode,
                reading.fill,
                reading.weight_dtype,
            )

        return remapped(images, self._sampling, kernel)

    def _remap_tensors(self, images: Any, parameters: Any, sampling: Resampling) -> Any:
        size = (images.shape[1], images.shape[2])
        rows, columns = self._axes(size)
        heights, moves = self._heights(parameters, size), []
        for axis in range(2):
            own = held(heights[:, axis])
            band = held(displacement.spread(own, columns.nodes, columns.weights[axis], 2))
            moves.append(held(displacement.spread(band, rows.nodes, rows.weights[axis], 1)))
        return geometry.displace(images, moves, sampling)

    def transform_points(
        self, points: Array, parameters: Parameters, size: tuple[int, int]
    ) -> Array:
        """Returns where points of the images go, to a thousandth of a pixel.

        Pixels know where they come from; where a point goes is found by iteration.
        """
        result: Array = found(points, self._heights(parameters, size), size)
        return result


@lru_cache(maxsize=64)
def between(side: int, cells: int) -> Axis:
    """Returns how pixels lie between nodes, the outer ones of which are the ends of the image.

    Args:
        side: Of the image in pixels.
        cells: Between the nodes.
    """
    places = (np.arange(side) + 0.5) * (cells / side)
    nodes = places.astype(np.int64).clip(max=cells - 1)
    part = places - nodes
    weights = np.stack([1 - part, part], axis=1).astype(np.float32)
    return Axis(read_only(nodes), read_only(np.stack([weights, weights])))


def drawn_heights(words: Any, rows: int, columns: int) -> Any:
    """Returns a number of -1..1 for each node and either direction, `(M, 2, rows, columns)`.

    Args:
        words: `(M, 2)`, which seed them, an array or a tensor.
        rows: Of nodes.
        columns: Likewise.
    """
    if namespace(words) is not np:
        numbers = (np.arange(rows), np.arange(columns))
        return ops.stack(displacement.draw_heights(words, *numbers), axis=1)
    heights = np.empty((len(words), 2, rows, columns), np.float32)
    draw_all_heights(read_only(seeds_of(words)), heights)
    return heights


def found(points: Any, heights: Any, size: tuple[int, int]) -> Any:
    """Returns which places show points: those where `place + field(place)` is the point.

    Outside the image the field is what it is at the nearest place of the edge.

    Args:
        points: `(M, P, 2)`, (x, y) counted from the first pixel's centre, arrays or tensors.
        heights: Of nodes, the outer ones of which are the ends of the image, in pixels,
            `(M, 2, rows, columns)`.
        size: Height and width of the image.
    """
    xp = namespace(points)
    x, y = points[..., 0], points[..., 1]
    left, up = x, y
    for step in range(_STEPS + _NEWTON_STEPS):
        (down, across), ((yy, yx), (xy, xx)) = _field_at(left, up, heights, size)
        short, aside = y - up - down, x - left - across
        if step >= _STEPS:
            yy, xx = yy + 1, xx + 1
            area = yy * xx - yx * xy
            # Where something folds it may be 0, and any place will do.
            area = xp.where(xp.abs(area) < _LEAST_AREA, _LEAST_AREA, area)
            short, aside = (xx * short - yx * aside) / area, (yy * aside - xy * short) / area
        up, left = up + short, left + aside
    return xp.stack([left, up], axis=-1)


def _field_at(
    x: Any, y: Any, heights: Any, size: tuple[int, int]
) -> tuple[list[Any], list[tuple[Any, Any]]]:
    """Returns the displacement at places, and how it changes downwards and to the right."""
    xp = namespace(x)
    rows, columns = heights.shape[2:]
    row, down, inside = _cell(y, size[0], rows - 1)
    column, across, within = _cell(x, size[1], columns - 1)
    first = row * columns + column
    moves, slopes = [], []
    for axis in range(2):
        table = xp.reshape(heights[:, axis], (-1, rows * columns))
        a, b = _entries(table, first), _entries(table, first + 1)
        c, d = _entries(table, first + columns), _entries(table, first + (columns + 1))
        above, below = a + (b - a) * across, c + (d - c) * across
        moves.append(above + (below - above) * down)
        to_the_right = (b - a) + ((d - c) - (b - a)) * down
        slopes.append(((below - above) * inside, to_the_right * within))
    return moves, slopes


def _cell(place: Any, side: int, cells: int) -> tuple[Any, Any, Any]:
    """Returns in which cell places lie, how far in it, and cells to a pixel, 0 outside."""
    xp = namespace(place)
    own = xp.clip((place + 0.5) * (cells / side), 0.0, float(cells))
    number = own.astype(np.int64) if xp is np else xp.cast(own, "int32")
    number = xp.clip(number, 0, cells - 1)  # the last end, and NaN
    part = own - (number if xp is np else xp.cast(number, own.dtype))
    inside = (place >= -0.5) & (place <= side - 0.5)
    return number, part, xp.where(inside, cells / side, 0.0)


def _entries(table: Any, index: Any) -> Any:
    """Returns the entries `(M, P)` of each row's own table `(M, N)`."""
    if namespace(table) is np:
        return np.take_along_axis(table, index, axis=1)
    return look_up_rows(table, index)
