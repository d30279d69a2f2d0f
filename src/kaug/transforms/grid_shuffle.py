"""Grid shuffling: the image as a puzzle whose pieces have changed places."""

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise, product
from typing import Any, ClassVar, NamedTuple

import numpy as np

from kaug._apply.batches import MapName
from kaug._apply.destination import result_like
from kaug._apply.parameters import Bounds
from kaug._apply.resample import Resampling
from kaug._draw.draws import Draws
from kaug._kernels import read_only
from kaug._namespace import entries, namespace
from kaug._tensors import geometry
from kaug._types import Array, Parameters
from kaug._validation import check_integer, check_probability, describe, message
from kaug.transforms.transform import Transform

_MOST = 16
_AS_THEY_ARE = Resampling(interpolation="nearest")


def _check_grid(value: Any, name: str) -> tuple[int, int]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        rule = f"`{name}` must be a pair of integers (rows, columns)"
        raise ValueError(message(rule, f"{name}={describe(value)}", "Pass (3, 3), say."))
    rows, columns = (check_integer(each, name, minimum=1, maximum=_MOST) for each in value)
    return rows, columns


@dataclass(frozen=True, repr=False)
class GridShuffle(Transform):
    """Cuts the image into the cells of a grid and puts them back in another order.

    Cells change places with cells of their size only. All have the same one where the grid divides
    the sides; else rows and columns differ by a pixel, and those of each size are shuffled among
    themselves: of ten pixels in three rows the middle row has four, and stays the middle row. Every
    order is as likely, that in which a cell stays where it was as well.

    Masks, maps and keypoints go with their cell; points outside the image stay. Boxes are refused,
    since what a box holds may lie in several places afterwards.

    Args:
        grid: Rows and columns of cells, 1..16 each.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: `grid` is no pair of such integers, or `p` is no probability.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import GridShuffle
        >>> image = np.arange(24).reshape(1, 4, 6)
        >>> GridShuffle((2, 3))(image, seed=0)[0]
        array([[ 4,  5, 12, 13, 14, 15],
               [10, 11, 18, 19, 20, 21],
               [ 2,  3,  0,  1, 16, 17],
               [ 8,  9,  6,  7, 22, 23]])
    """

    _checks: ClassVar = {"grid": _check_grid, "p": check_probability}

    grid: tuple[int, int] = (3, 3)
    p: float = field(default=1.0, kw_only=True)

    def _bounds(self) -> Bounds:
        return {"order": {"minimum": 0, "maximum": self._count - 1}}

    @property
    def _count(self) -> int:
        return self.grid[0] * self.grid[1]

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the `order` of the cells, `(M, rows * columns)`, a number from 0 on for each."""
        return {"order": draws.ranks(self._count)}

    def transform_images(self, images: Array, parameters: Parameters) -> Array:
        cells = _cells(self.grid, images.shape[1:3])
        sources = _sources(parameters["order"], cells)
        out = result_like(images)
        for cell, own in enumerate(sources.T):
            for source in np.unique(own):
                rows = np.flatnonzero(own == source)
                # All of a batch of one, say, without a copy in between.
                chosen: Any = slice(None) if len(rows) == len(own) else rows
                out[(chosen, *cells.slices[cell])] = images[(chosen, *cells.slices[source])]
        return out

    def transform_masks(self, masks: Array, parameters: Parameters) -> Array:
        return self.transform_images(masks, parameters)

    def transform_maps(self, maps: Array, parameters: Parameters) -> Array:
        return self.transform_images(maps, parameters)

    def transform_points(
        self, points: Array, parameters: Parameters, size: tuple[int, int]
    ) -> Array:
        xp = namespace(points)
        cells = _cells(self.grid, size)
        goes_to = xp.argsort(_sources(parameters["order"], cells), axis=1)
        inside: Any = True
        cell: Any = 0
        for axis, edges in ((1, cells.rows), (0, cells.columns)):
            place, end = points[..., axis] + 0.5, int(edges[-1])
            inside = inside & (place >= 0) & (place <= end)
            cell = cell * (len(edges) - 1)
            # At the end of the image lies its last pixel, whatever empty cells there are.
            for edge in (int(each) for each in edges[1:-1] if each < end):
                cell = cell + xp.where(place >= edge, 1, 0)
        cell = cell + xp.zeros_like(points[..., 0], dtype="int32")
        target, moved = xp.take_along_axis(goes_to, cell, axis=1), []
        for axis, starts in enumerate((cells.lefts, cells.tops)):
            away = entries(starts, target) - entries(starts, cell)
            moved.append(points[..., axis] + xp.where(inside, away, 0.0))
        result: Array = xp.stack(moved, axis=-1)
        return result

    def transform_tensors(self, images: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        del dtype
        cells = _cells(self.grid, (images.shape[1], images.shape[2]))
        xp = namespace(images)
        sources = _sources(parameters["order"], cells)
        moves = []
        of_pixels = xp.convert_to_tensor(_of_pixels(cells))
        for starts in (cells.tops, cells.lefts):
            away = entries(starts, sources) - xp.convert_to_tensor(starts.astype(np.float32))
            moves.append(xp.take(away, of_pixels, axis=1))
        return geometry.displace(images, moves, _AS_THEY_ARE)

    def _move_tensor_map(self, values: Any, parameters: Any, name: MapName) -> Any:
        del name
        return self.transform_tensors(values, parameters, np.dtype(np.float32))

    def _check_carries(self, what: str) -> None:
        if what == "bounding boxes":
            rule = "GridShuffle cuts what boxes hold into pieces, which lie in several places then"
            fix = "Leave the boxes out, or pass masks, which are shuffled as the pixels are."
            raise ValueError(message(rule, what, fix))


class _Cells(NamedTuple):
    """The cells of a grid on images of a size, counted row by row."""

    # Where rows and columns of cells begin, and the last ones end, in pixels.
    rows: Array
    columns: Array
    # Where each cell begins, floats `(cells,)`.
    tops: Array
    lefts: Array
    slices: tuple[tuple[slice, slice], ...]
    # A number of each cell's size, that is 0 or more, `(cells,)`.
    sizes: Array


@lru_cache(maxsize=64)
def _cells(grid: tuple[int, int], size: tuple[int, int]) -> _Cells:
    edges = [np.rint(np.linspace(0, side, n + 1)) for side, n in zip(size, grid, strict=True)]
    rows, columns = (each.astype(np.int64) for each in edges)
    tops, lefts = np.meshgrid(rows[:-1], columns[:-1], indexing="ij")
    heights, widths = np.meshgrid(np.diff(rows), np.diff(columns), indexing="ij")
    sizes = np.unique(np.stack([heights.ravel(), widths.ravel()]), axis=1, return_inverse=True)[1]
    down, across = ([slice(*pair) for pair in pairwise(each.tolist())] for each in (rows, columns))
    top, left = (read_only(each.ravel().astype(np.float64)) for each in (tops, lefts))
    return _Cells(rows, columns, top, left, tuple(product(down, across)), read_only(sizes.ravel()))


def _sources(order: Any, cells: _Cells) -> Any:
    """Returns which cell each cell shows, `(M, cells)`, given an order of all."""
    xp, count = namespace(order), len(cells.sizes)
    # Sorted by size, and those of a size by their order: they are shown in the places of that size.
    first = (cells.sizes * count).astype(np.int32)
    shuffled = xp.argsort(order + (first if xp is np else xp.convert_to_tensor(first)), axis=1)
    places = np.argsort(np.argsort(cells.sizes, kind="stable")).astype(np.int32)
    return xp.take(shuffled, places if xp is np else xp.convert_to_tensor(places), axis=1)


def _of_pixels(cells: _Cells) -> Array:
    """Returns the number of the cell that each pixel lies in, `(H, W)`."""
    row, column = (
        np.repeat(np.arange(len(edges) - 1, dtype=np.int32), np.diff(edges))
        for edges in (cells.rows, cells.columns)
    )
    return np.asarray(row[:, np.newaxis] * np.int32(len(cells.columns) - 1) + column)
