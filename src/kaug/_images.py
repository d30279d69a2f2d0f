"""What images come as: an array, its rows on demand, or a sequence of images of any size.

Zarr and HDF5 arrays, and whatever else has `shape`, `dtype` and slices of rows, may be larger than
memory. Of these, and of sequences, only the rows that are asked for are ever read.
"""

from __future__ import annotations

import copy
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from kaug._parallel import ForkSafeLock
from kaug._types import Array
from kaug._validation import as_array, check_images, describe, message, warn_of_channels_first

# Not every library lets two threads read one of its files.
_one_reader = ForkSafeLock()

# Of Pillow's images, those whose numbers are what one sees.
_MODES = ("L", "RGB", "RGBA", "I;16", "I;16B", "I", "F")
_FOR_VIDEOS = (
    "If it is a video, make one array (N, frames, height, width, channels) of all videos: with as "
    "many frames each, all of one size."
)


def frames_of(images: Any) -> tuple[int, ...]:
    """Returns `(T,)` for videos of T frames, `(N, T, H, W, C)`, and `()` for images."""
    return tuple(images.shape[1:2]) if images.ndim == 5 else ()


def size_of_pictures(images: Any) -> tuple[Any, Any]:
    """Returns the height and width of images, or of the frames of videos."""
    height, width = images.shape[1 + len(frames_of(images)) :][:2]
    return height, width


def is_lazy(x: Any) -> bool:
    """Tells what gives its rows on demand (Zarr, h5py and the like) from arrays in memory."""
    if isinstance(x, (np.ndarray, ImageSequence)) or not hasattr(x, "shape"):
        return False
    if not hasattr(x, "__getitem__"):
        return False
    if hasattr(x, "__dlpack__"):  # an array of another library, in memory
        return False
    try:
        np.dtype(x.dtype)
    except (TypeError, AttributeError):  # a tensor of another library
        return False
    return True


def stand_in(x: Any, name: str = "x") -> Any:
    """Returns what can be checked in place of `x`: an array, if need be without its values."""
    if is_lazy(x):
        values = np.broadcast_to(np.zeros((), np.dtype(x.dtype)), tuple(x.shape))
        return check_images(values, name)
    return as_images(x, name)


def as_images(x: Any, name: str = "x") -> Any:
    """Returns images as an array, `LazyRows` or an `ImageSequence`; checked.

    Raises:
        TypeError: It is none of these, or does not hold real numbers.
        ValueError: A shape is none of images.
    """
    if is_lazy(x):
        stand_in(x, name)
        return LazyRows(x)
    if isinstance(x, ImageSequence):
        return x
    if not are_any_size(x):
        held = isinstance(x, (list, tuple)) or getattr(x, "dtype", None) == np.dtype(object)
        for row, item in enumerate(x if held else ()):
            _check_mode(item, f"{name}[{row}]")
        _check_videos(x if held else (), name)
        return check_images(x, name)
    return ImageSequence(list(x) if isinstance(x, np.ndarray) else x, name)


def are_any_size(x: Any) -> bool:
    """Tells a sequence of images, each with a size of its own, from an array of images."""
    if isinstance(x, np.ndarray):
        return x.dtype == object and x.ndim == 1 and _differ(list(x))
    if isinstance(x, (list, tuple)):
        return _differ(x)
    if isinstance(x, ImageSequence) or hasattr(x, "_open_row"):
        return True
    array = hasattr(x, "__array__") or hasattr(x, "__array_interface__") or hasattr(x, "__dlpack__")
    if array or is_lazy(x) or not (hasattr(x, "__getitem__") and hasattr(x, "__len__")):
        return False
    return not isinstance(x, (str, bytes, bytearray, memoryview, range, Mapping))


def _differ(x: list[Any] | tuple[Any, ...]) -> bool:
    """Tells whether a list is one of images, and not all of one shape."""
    shapes = set()
    for item in x:
        shape = shape_of(item)
        if len(shape) not in (2, 3):
            return False
        shapes.add(shape)
    return len(shapes) > 1


def shape_of(item: Any) -> tuple[int, ...]:
    """Returns the shape of an array, or of one of Pillow's images without reading it; else ()."""
    if hasattr(item, "getbands"):
        return (item.size[1], item.size[0], len(item.getbands()))
    return tuple(getattr(item, "shape", ()))


def read_item(x: Any, row: int) -> Any:
    """Returns one item of a sequence, which is read by one thread at a time if need be."""
    held = isinstance(x, (list, tuple, np.ndarray))
    if (held and not hasattr(x[row], "getbands")) or hasattr(x, "_open_row"):
        return x[row]
    with _one_reader.held():
        item = x[row]
        if hasattr(item, "getbands"):  # Pillow's, which may still be in a file
            item.load()
        return item


def taken(x: Any, rows: Array) -> Any:
    """Returns the items of some rows of a sequence, as a sequence: nothing is read."""
    if hasattr(x, "_open_row") or isinstance(x, np.ndarray):
        return x[rows]
    if isinstance(x, (list, tuple)):
        return [x[int(row)] for row in rows]
    return _Rows(x, rows)


def checksum_of(array: Array) -> bytes:
    """Returns a checksum of the shape and the bytes of an array."""
    return hashlib.sha256(str(array.shape).encode() + array.tobytes()).digest()


class Region(NamedTuple):
    """What was read of an image: all of it or a part, perhaps at a fraction of its size.

    Pixel `(k, j)` shows the whole image's rows from `top + k * reduction` and columns from
    `left + j * reduction` on, `reduction` of each. At the edges it may show a part of what is not
    there: `top` and `left` may be negative, and the last pixels reach beyond the image.

    Attributes:
        pixels: `(H, W, C)`.
        top: Row of the whole image at which the first row of pixels begins.
        left: The same for columns.
        reduction: 1, 2, 4 or 8.
    """

    pixels: Array
    top: int
    left: int
    reduction: int


Window = tuple[int, int, int, int]


class Opened(NamedTuple):
    """An image whose size is known, and whose pixels can be read.

    Attributes:
        size: Height and width.
        read: Returns at least a window (top, left, bottom, right; half open; None for all), at a
            reduction of 1, 2, 4 or 8, or a smaller one. Of what cannot be read in part it returns
            the whole.
    """

    size: tuple[int, int]
    read: Callable[[Window | None, int], Region]


class ImageSequence:
    """Images each with a size of its own, read one by one, when they are asked for.

    `shape` is `(N, None, None, C)`, or `(N, None, None)` where images have no axis for channels.

    Args:
        x: What has a length, and gives image `(H, W, C)` or `(H, W)` for each number. Pictures in
            files, which can also be read in part, have `_open_row`, `channels` and `dtype`.
        name: What the caller calls it.
    """

    def __init__(self, x: Any, name: str = "x") -> None:
        self._x, self._name = x, name
        self._held = isinstance(x, (list, tuple))
        if not len(x):
            raise ValueError(message(f"`{name}` must have at least one image", describe(x)))
        if hasattr(x, "_open_row") and x.channels is not None:
            self.dtype, last = np.dtype(x.dtype), (int(x.channels),)
        else:
            first = self._image(0)
            self.dtype, last = first.dtype, first.shape[2:]
            warn_of_channels_first((len(x), *first.shape), name)
        self.shape: tuple[Any, ...] = (len(x), None, None, *last)
        self.itemsize, self.ndim = self.dtype.itemsize, len(self.shape)
        self._own_ndim = self.ndim

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, rows: Any) -> Any:
        """Returns the image of a number, or a sequence of the rows of an array of numbers."""
        if isinstance(rows, (int, np.integer)):
            return self._image(int(rows))
        return taken(self._x, np.arange(len(self))[rows])

    def known_sizes(self) -> list[tuple[int, ...]] | None:
        """Returns height and width of each image where these are in memory; else None."""
        return [shape_of(item)[:2] for item in self._x] if self._held else None

    def with_channels(self) -> ImageSequence:
        """Returns the same images, of one channel where they have no axis for it."""
        other = copy.copy(self)
        other.shape, other.ndim = (*self.shape, 1), 4
        return other

    def open(self, row: int) -> Opened:
        """Returns an image, and its size before its pixels are read where that is possible."""
        if hasattr(self._x, "_open_row"):
            opened: Opened = self._x._open_row(row)
            if self._x.channels is not None:
                return opened
            return Opened(opened.size, lambda *what: self._alike(row, opened.read(*what)))
        pixels = self._image(row)
        if pixels.ndim == 2:
            pixels = pixels[..., np.newaxis]
        whole = Region(pixels, 0, 0, 1)
        return Opened((pixels.shape[0], pixels.shape[1]), lambda *_: whole)

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes of labels, where what gives the images knows them."""
        return getattr(self._x, "class_names", None)

    def identity(self, row: int) -> bytes:
        """Returns what tells an image from another: a checksum of its shape and its bytes."""
        if hasattr(self._x, "_identity"):
            known: bytes = self._x._identity(row)
            return known
        return checksum_of(self._image(row))

    def _image(self, row: int) -> Array:
        image = _as_image(read_item(self._x, row), f"{self._name}[{row}]")
        if hasattr(self, "shape"):
            self._check_alike(row, image)
        return image

    def _alike(self, row: int, region: Region) -> Region:
        self._check_alike(row, region.pixels)
        return region

    def _check_alike(self, row: int, image: Array) -> None:
        """Raises for an image that is not of the kind of the first one."""
        own = (image.dtype, image.ndim + 1, *image.shape[2:])
        if own != (self.dtype, self._own_ndim, *self.shape[3:][: self._own_ndim - 3]):
            rule = f"All images in `{self._name}` must have one dtype, and as many channels"
            first = (None, None, *self.shape[3:])[: self._own_ndim - 1]
            received = f"{self._name}[{row}], {describe(image)}; first {first}, {self.dtype}"
            raise ValueError(message(rule, received, "Convert them, for instance to RGB."))


class Companion(ABC):
    """What belongs to images of any size, and is made when one of them is opened."""

    @abstractmethod
    def form(self, name: str) -> dict[str, Array]:
        """Returns arrays such as `opened` returns, without rows; height and width are any."""

    @abstractmethod
    def opened(self, name: str, row: int, size: tuple[int, int]) -> dict[str, Array]:
        """Returns what belongs to one image: arrays of one row, by name.

        Args:
            name: What this is called beside the images.
            row: Of the image.
            size: Its height and width.
        """


class _Rows:
    """Some rows of a sequence."""

    def __init__(self, x: Any, rows: Array) -> None:
        self._x, self._rows = x, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: int) -> Any:
        return self._x[int(self._rows[row])]


def _as_image(item: Any, name: str) -> Array:
    rule = _rule_of_an_image(name)
    if isinstance(item, (tuple, list, dict, str)):
        fix = "Pass a sequence that gives images alone, and labels as `y`."
        raise TypeError(message(rule, describe(item), fix))
    _check_mode(item, name)
    image = as_array(item, name)
    if image.dtype.kind not in "iuf":
        fix = 'Convert images to integers or floats, for example with .astype("uint8").'
        raise TypeError(message(rule, describe(image), fix))
    if image.ndim not in (2, 3) or 0 in image.shape:
        fix = _FOR_VIDEOS if image.ndim == 4 else ""
        raise ValueError(message(rule, describe(image), fix))
    return image


def _rule_of_an_image(name: str) -> str:
    shapes = "(height, width) or (height, width, channels)"
    return f"`{name}` must be an image, numbers of shape {shapes}"


def _check_videos(x: Any, name: str) -> None:
    """Raises for a list of videos that are not all of one shape."""
    shapes = sorted({shape_of(item) for item in x})
    if len(shapes) > 1 and all(len(shape) == 4 for shape in shapes):
        rule = f"The videos in `{name}` must all have one shape, (frames, height, width, channels)"
        fix = "Take as many frames of each, resize them to one size, and make one array of them."
        raise ValueError(message(rule, " and ".join(map(str, shapes[:3])), fix))


def _check_mode(item: Any, name: str) -> None:
    """Raises for one of Pillow's images whose numbers are not what one sees."""
    if hasattr(item, "getbands") and item.mode not in _MODES:
        received = f"a Pillow image of mode {item.mode}"
        raise ValueError(message(_rule_of_an_image(name), received, 'Use .convert("RGB").'))


class LazyRows:
    """Images of which rows are read when they are asked for.

    Args:
        x: What gives them: `shape`, `dtype`, and slices of rows.
    """

    def __init__(self, x: Any) -> None:
        self._x = x
        self.shape: tuple[int, ...] = tuple(map(int, x.shape))
        self._own = self.shape  # as the source itself has it
        self.dtype: np.dtype[Any] = np.dtype(x.dtype)
        self.itemsize, self.ndim = self.dtype.itemsize, len(self.shape)
        chunks = getattr(x, "chunks", None)
        length: Any = chunks[0] if isinstance(chunks, tuple) and chunks else 1
        self._chunk = length if isinstance(length, int) and length > 0 else 1

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> Array:
        """Returns the rows of a slice, or of row numbers in any order, as an array."""
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        numbers, places = np.unique(np.asarray(rows, np.int64), return_inverse=True)
        read = np.empty((len(numbers), *self._own[1:]), self.dtype)
        # What lies in one chunk is read at once, since it would be unpacked for each of its rows.
        apart = np.diff(numbers) != 1
        if self._chunk > 1:
            apart = np.diff(numbers // self._chunk) != 0
        ends = np.flatnonzero(np.append(apart, len(numbers) > 0)) + 1
        for begin, end in zip([0, *ends[:-1]], ends, strict=False):
            own = numbers[begin:end]
            read[begin:end] = self._read(int(own[0]), int(own[-1]) + 1)[own - own[0]]
        return read[places].reshape(len(places), *self.shape[1:])

    def with_channels(self) -> LazyRows:
        """Returns the same rows, of one channel where they have no axis for it."""
        other = copy.copy(self)
        other.shape, other.ndim = (*self.shape, 1), 4
        return other

    def _read(self, start: int, stop: int) -> Array:
        with _one_reader.held():
            rows = np.asarray(self._x[start:stop])
        if rows.shape != (stop - start, *self._own[1:]) or rows.dtype != self.dtype:
            rule = f"x[{start}:{stop}] must give {stop - start} rows of {self._own[1:]}"
            received = f"{rows.shape}, {rows.dtype}"
            raise ValueError(message(f"{rule}, {self.dtype}", received))
        return rows
