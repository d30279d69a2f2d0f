"""Mosaics: several images of the dataset side by side in one."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kaug._apply import matrices
from kaug._apply.batches import MapName
from kaug._apply.dtypes import checked_fill
from kaug._apply.joining import joined, shared_maps
from kaug._apply.matrices import Matrices
from kaug._apply.overlaps import paste_rectangles
from kaug._apply.parameters import Bounds
from kaug._apply.resample import INTERPOLATIONS, Resampling, size_of
from kaug._apply.stages import Step, Warp
from kaug._draw.draws import Draws
from kaug._namespace import namespace
from kaug._tensors import ops
from kaug._tensors.execute import warped_map
from kaug._tensors.inputs import dtype_of
from kaug._tensors.mixing import side_by_side
from kaug._types import Batch, Floats, Parameters, Size
from kaug._validation import check_number
from kaug.transforms._bases.fields import NumberOrPair, Range, choice, integer
from kaug.transforms._bases.mixing import Mixing, blended
from kaug.transforms._bases.sized import SizeOptions

# A mosaic of more cells a side shows hardly anything of each image.
_MOST_CELLS = 4


@dataclass(frozen=True, repr=False)
class Mosaic(SizeOptions, Mixing):
    """Puts each image and others of the dataset side by side, `grid` × `grid` of them.

    Each image is resized so that it fits its cell, its proportions kept, and lies on the side of
    the cell that looks to the middle of the mosaic. Then all cells are moved together by a random
    part of a cell, so that on one side images are cut off and on the other a gap is left. The row's
    own image is the first, in the upper left; the others are drawn from the whole dataset, and go
    through what stands before the mosaic with draws of their own, in `Compose` another mosaic as
    well. A row that is not drawn for a mosaic is fitted into the whole image alone.

    Masks go along, and the boxes and keypoints of all images are kept: a result has room for as
    many as `grid * grid` images have. Labels and sample weights are blended by the areas that are
    seen, and labels come out soft: see `MixUp`.

    With `grid=2` this is the mosaic of Bochkovskiy, Wang and Liao, "YOLOv4: Optimal Speed and
    Accuracy of Object Detection", 2020, arXiv:2004.10934, as implementations draw it: the point
    where the four images meet lies anywhere in the middle half of both axes. Those go on to cut an
    image of half the size out of it: `Compose([Mosaic(1280), Affine(zoom=0.5), CenterCrop(640)])`.

    Args:
        height: Of the result in pixels, 1..32,768; None keeps the size.
        width: None is the height.
        grid: Cells a side, 2..4.
        shift: By which part of a cell all cells are moved, down and to the right, each drawn
            apart; from -1 to 1. A number `r` means evenly on `[-r, r]`, a pair `[low, high]`.
        fill_value: What gaps hold, in the value range of the images.
        interpolation: `"bilinear"` or `"nearest"`.
        num_classes: How many classes there are, where labels are integers.
        p: Probability that a row becomes a mosaic.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of its range, or an option is unknown.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Mosaic
        >>> images = np.repeat([1, 2, 3, 4], 24).reshape(4, 4, 6)
        >>> Mosaic(shift=0)(images, seed=3)[0]
        array([[1, 1, 1, 2, 2, 2],
               [1, 1, 1, 2, 2, 2],
               [4, 4, 4, 3, 3, 3],
               [4, 4, 4, 3, 3, 3]])
    """

    _checks: ClassVar = {
        "grid": integer(2, _MOST_CELLS),
        "shift": Range(minimum=-1, maximum=1),
        "fill_value": check_number,
        "interpolation": choice(*INTERPOLATIONS),
    }

    grid: int = field(default=2, kw_only=True)
    shift: NumberOrPair = field(default=0.5, kw_only=True)
    fill_value: float = field(default=0.0, kw_only=True)
    interpolation: str = field(default="bilinear", kw_only=True)

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the `partner`s, `(M, grid² - 1)`, fractions of the dataset, and both shifts."""
        partners = [draws.uniform() for _ in range(self._partners)]
        return {
            "partner": draws.xp.stack(partners, axis=1),
            "height_shift": draws.uniform(*self._ends("shift")),
            "width_shift": draws.uniform(*self._ends("shift")),
        }

    def _bounds(self) -> Bounds:
        shift = self._ranges["shift"].bounds
        return {**super()._bounds(), "height_shift": shift, "width_shift": shift}

    @property
    def _partners(self) -> int:
        return self.grid**2 - 1

    @property
    def _blends(self) -> bool:
        return False

    def _steps(
        self, parameters: Parameters, within: NDArray[np.bool_] | None = None
    ) -> Iterator[Step]:
        """Yields the step, for those rows as well that become no mosaic but may change size."""
        applied = parameters["applied"]
        rows = namespace(applied).ones_like(applied) if within is None else within
        yield Step(self, parameters, rows)

    def _mix(self, own: Batch, others: Sequence[Batch], parameters: Parameters) -> Batch:
        batches = (own, *others)
        sizes = [size_of(batch["images"]) for batch in batches]
        tiles = self._tiles(sizes, parameters)
        for batch, tile in zip(batches, tiles, strict=True):
            Warp(tile.matrices, self._sampling, tile.after).apply(batch, {})
        result = joined(batches)
        for batch, tile in zip(others, tiles[1:], strict=True):
            for name in ("images", *shared_maps(batch)):
                paste_rectangles(batch[name], tile.seen, result[name])
        return result | blended(own, others, _shares(tiles))

    def _mix_tensors(
        self, own: Batch, others: Sequence[Batch], parameters: Parameters, dtype: np.dtype[Any]
    ) -> Batch:
        batches = (own, *others)
        tiles = self._tiles([size_of(own["images"])] * len(batches), parameters)
        spans, after = [tile.seen for tile in tiles], tiles[0].after
        # Each is seen as far as it reaches alone.
        inner = replace(self._sampling, fill_mode="nearest")
        warps = [Warp(tile.matrices, inner, after, (math.inf, math.inf)) for tile in tiles]
        result = dict(own)
        for name in ("images", *shared_maps(own)):
            reading = name.sampling(inner) if isinstance(name, MapName) else inner
            kind = dtype_of(own[name]) if isinstance(name, MapName) else dtype
            fill = checked_fill("constant", reading.fill_value, kind)
            images = (
                warped_map(batch[name], warp, reading, after)
                for batch, warp in zip(batches, warps, strict=True)
            )
            result[name] = side_by_side(images, spans, fill)
        return result | blended(own, others, _shares(tiles))

    @property
    def _sampling(self) -> Resampling:
        return Resampling("constant", self.fill_value, self.interpolation, areas=True)

    def _tiles(self, sizes: Sequence[Size], parameters: Parameters) -> "list[_Tile]":
        """Returns where images of some sizes lie in the mosaic, which has that of the first."""
        height, width = self.output_shape(sizes[0])
        return [
            self._tile(number, size, parameters, (height, width))
            for number, size in enumerate(sizes)
        ]

    def _tile(self, number: int, size: Size, parameters: Parameters, after: Size) -> "_Tile":
        """Returns where one of the images lies: outside, if it is another's and there is no mosaic.

        Args:
            number: Of the image in the mosaic, row by row.
            size: Its height and width.
            parameters: For all rows.
            after: Height and width of the result.
        """
        applied = parameters["applied"]
        xp: Any = namespace(applied)
        cells = xp.where(applied, float(self.grid), 1.0)
        places = divmod(number, self.grid)
        shifts = [
            xp.where(applied, parameters[name], 0.0) for name in ("height_shift", "width_shift")
        ]
        begins, ends = (
            [
                xp.round((place + end + shift) * length / cells)
                for place, shift, length in zip(places, shifts, after, strict=True)
            ]
            for end in (0, 1)
        )
        rooms = [end - begin for begin, end in zip(begins, ends, strict=True)]
        sides = []
        for side, room in zip(size, rooms, strict=True):
            fitted = [
                _fitted(side, other, length, most)
                for other, length, most in zip(rooms, size, after, strict=True)
            ]
            sides.append(xp.minimum(xp.maximum(xp.minimum(*fitted), 1.0), room))
        # An image whose cell has no pixel lies outside.
        corners = [
            xp.where(room > 0, begin + _aside(place, cells, room - side), float(length))
            for begin, place, room, side, length in zip(
                begins, places, rooms, sides, after, strict=True
            )
        ]
        return _Tile(corners, [xp.maximum(side, 1.0) for side in sides], size, after)


def _fitted(side: int, room: Floats, length: int, most: int) -> Any:
    """Returns how long a side becomes where another one of a length fills a room of its axis.

    Args:
        side: In pixels, as the length.
        room: Whole pixels, `(M,)`, hardly more than `most`.
        length: Of the image along the axis of the room.
        most: Of the mosaic along it.
    """
    if namespace(room) is np:
        return np.floor(side * (room / length) + 0.5)
    # Looked up, since single precision would round some halves the other way.
    fitted = np.floor(side * (np.arange(most + 2) / length) + 0.5).astype(np.float32)
    index = ops.clip(ops.cast(room, "int32"), 0, most + 1)
    return ops.take(ops.convert_to_tensor(fitted), index, axis=0)


def _aside(place: int, cells: Floats, room: Floats) -> Floats:
    """Returns how much of the room in a cell lies before its image, which looks to the middle."""
    xp: Any = namespace(cells)
    middle = xp.sign(cells - (1 + 2 * place))
    aside: Floats = xp.floor(room * (1 + middle) / 2)
    return aside


def _shares(tiles: "Sequence[_Tile]") -> list[Floats]:
    """Returns which part of what is seen in a mosaic each image but the last one has, `(M,)`."""
    areas = [tile.area for tile in tiles]
    whole: Any = sum(areas[1:], areas[0])
    nothing = namespace(whole).where(whole == 0, 1.0, 0.0)  # is seen of so few pixels
    areas[0] = areas[0] + nothing
    return [area / (whole + nothing) for area in areas[:-1]]


class _Tile(NamedTuple):
    """Where an image lies in a mosaic: its corner, and its sides there, `(M,)` of both axes."""

    corner: list[Floats]
    sides: list[Floats]
    # Height and width of the image, and of the mosaic.
    size: Size
    after: Size

    @property
    def matrices(self) -> Matrices:
        """The warps of the image to the whole mosaic."""
        down, across = (size / side for size, side in zip(self.size, self.sides, strict=True))
        top, left = self.corner
        box = (-top * down, -left * across, self.after[0] * down, self.after[1] * across)
        return matrices.crop(box, self.size, self.after, top)

    @property
    def seen(self) -> Any:
        """The part in the mosaic, `(M, 4)`: from and to which row, from and to which column."""
        xp: Any = namespace(self.corner[0])
        ends = [
            xp.clip(place, 0, length)
            for corner, side, length in zip(self.corner, self.sides, self.after, strict=True)
            for place in (corner, corner + side)
        ]
        return xp.stack(ends, axis=1)

    @property
    def area(self) -> Floats:
        """How many pixels that is, `(M,)`."""
        top, bottom, left, right = (self.seen[:, i] for i in range(4))
        area: Floats = (bottom - top) * (right - left)
        return area
