"""Masks of pictures of any size, made when they are asked for."""

from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple, NoReturn

import numpy as np
from PIL import Image

from kaug._files import open_regular
from kaug._images import Opened, Region, Window
from kaug._types import Array
from kaug._validation import message
from kaug.sources._opening import open_picture
from kaug.sources._outlines import Outline, draw, paint
from kaug.sources._rows import row_number, row_numbers
from kaug.sources._values import turn, turned_size

VOID = 255  # of the values of a mask, that of pixels of no known class


class Outlined(NamedTuple):
    """A mask that is drawn.

    Attributes:
        size: Height and width of the picture.
        turn: How the mask is to be turned, 1 (not at all) to 8.
        outlines: The value, the outline, and whether it is one of a crowd, for each object.
        dtype: Of the mask.
    """

    size: tuple[int, int]
    turn: int
    outlines: tuple[tuple[int, Outline, bool], ...]
    dtype: str

    def make(self) -> Array:
        """Returns the mask as it is before it is turned, `(H, W)`."""
        return paint(self.outlines, turned_size(*self.size, self.turn), self.dtype)


class Layered(NamedTuple):
    """A layer for each object, which is drawn.

    Attributes:
        size: Height and width of the picture.
        turn: How the mask is to be turned, 1 (not at all) to 8.
        outlines: Of the objects.
    """

    size: tuple[int, int]
    turn: int
    outlines: tuple[Outline, ...]

    def make(self) -> Array:
        """Returns the layers as they are before they are turned, `(H, W, B)`, of 0 and 1."""
        stored = turned_size(*self.size, self.turn)
        layers = np.zeros((*stored, len(self.outlines)), np.uint8)
        for number, outline in enumerate(self.outlines):
            layers[..., number] = draw(outline, stored).T
        return layers


class InFile(NamedTuple):
    """A mask in a PNG file whose values are classes.

    Attributes:
        size: Height and width of the picture.
        turn: How the mask is to be turned, 1 (not at all) to 8.
        path: Of the file.
        most: The highest class that there may be, beside 255.
    """

    size: tuple[int, int]
    turn: int
    path: str
    most: int

    def make(self) -> Array:
        """Returns the mask as it is before it is turned, `(H, W)`."""
        with open_regular(self.path) as file:
            values = np.asarray(_open(file))
        if values.shape != turned_size(*self.size, self.turn):
            rule = "A mask must be as high and wide as its picture"
            height, width = values.shape
            received = f"{height} × {width} in {self.path!r}, for {self.size[0]} × {self.size[1]}"
            raise ValueError(message(rule, received))
        beyond = values[(values > self.most) & (values != VOID)]
        if beyond.size:
            rule = f"The values of a mask must be 0, classes from 1 to {self.most}, or {VOID}"
            fix = "Pass the names of all classes by `class_names`."
            raise ValueError(message(rule, f"{beyond[0]} in {self.path!r}", fix))
        return values


def check_mask(path: str) -> None:
    """Raises when a file is no mask; nothing is decoded."""
    with open_regular(path) as file:
        _open(file)


def _open(file: BinaryIO) -> Image.Image:
    """Returns a PNG's picture that is not decoded yet, of which the values are classes."""
    picture, _ = open_picture(file, ("PNG",))
    if picture.mode not in ("P", "L"):
        what = "a mask must be a PNG of one channel of 8 bits, or with a palette"
        raise ValueError(f"{what}, not of mode {picture.mode}")
    return picture


class Masks:
    """The masks of pictures in files, made when they are asked for; made by `kaug.sources`.

    `len(masks)` is their number. `masks[i]` makes one, `(H, W, 1)` integers: 0 where there is no
    object, or 1 and the number of the class; masks of objects are `(H, W, B)`, 0 and 1, a layer for
    each. `masks[rows]`, with a slice, row numbers or a Boolean
    mask, gives these rows as `Masks`, and makes nothing.

    Args:
        rows: What each is made of.
        dtype: Of the values.
    """

    channels = 1

    def __init__(self, rows: tuple[Outlined | Layered | InFile, ...], dtype: str) -> None:
        self._rows = rows
        self._dtype = dtype

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""
        return np.dtype(self._dtype)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: Any) -> Any:
        number = row_number(rows, len(self))
        if number is not None:
            return _made(self._rows[number])
        return Masks(tuple(self._rows[row] for row in row_numbers(rows, len(self))), self._dtype)

    def __repr__(self) -> str:
        return f"<{len(self):,} masks, {self.dtype}>"

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        rule = "Masks of pictures in files are no array, since each may have a size of its own"
        fix = "Pass them as they are, masks[rows] for some of them; masks[i] is the array of one."
        raise TypeError(message(rule, repr(self), fix))

    def _open_row(self, row: int) -> Opened:
        """Returns what makes the mask of a row; always the whole one."""
        each = self._rows[row]
        read: Callable[[Window | None, int], Region] = lambda *_: Region(_made(each), 0, 0, 1)  # noqa: E731
        return Opened(each.size, read)


def _made(row: Outlined | Layered | InFile) -> Array:
    stored = row.make()
    stored = stored if stored.ndim == 3 else stored[..., np.newaxis]
    values, _, _ = turn(stored, row.turn, row.size, 1)
    return np.ascontiguousarray(values)
