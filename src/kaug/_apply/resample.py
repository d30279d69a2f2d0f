"""One resampling of a batch: from matrices to pixels."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._apply.destination import result_like
from kaug._apply.dtypes import checked_fill, holds, moved_exactly, to_dtype, working_dtype
from kaug._apply.matrices import Matrices, to_pixels
from kaug._images import Opened, Window
from kaug._kernels import read_only
from kaug._kernels.resize import resize
from kaug._kernels.warp import FILL_MODES, warp
from kaug._types import Array, Rows, Size
from kaug._validation import check_choice, check_number, message, warn

INTERPOLATIONS = ("nearest", "bilinear")  # by the order of their splines

_KERNEL_DTYPES = ("uint8", "float32", "float64")
# A reduced image that is read in place of the whole one has at least so many pixels to one of the
# result, that averaging them makes up for how it was reduced.
_FINER = 1
# What rounding can put between a pixel's centre and the end of the image.
_NEARLY = 1e-6


@dataclass(frozen=True, slots=True)
class Resampling:
    """How a warp reads pixels: what lies outside, and between them.

    An empty name is for what never looks there, and takes what its neighbours in a policy say:
    flips neither outside nor between pixels, crops not between them, resizing not outside.
    """

    fill_mode: str = "nearest"
    fill_value: float = 0.0
    interpolation: str = "bilinear"
    # Whether pixels are areas: averaged where they get smaller, with an image that ends where its
    # outer pixels do. Else they are points, as for `scipy.ndimage`.
    areas: bool = False

    def merge(self, other: "Resampling") -> "Resampling | None":
        """Returns the sampling of both in one warp, or None when they differ."""
        fills = {(each.fill_mode, each.fill_value) for each in (self, other) if each.fill_mode}
        orders = {each.interpolation for each in (self, other) if each.interpolation}
        if len(fills) > 1 or len(orders) > 1:
            return None
        mode, value = fills.pop() if fills else ("", 0.0)
        order = orders.pop() if orders else ""
        return Resampling(mode, value, order, self.areas or other.areas)

    def settled(self, interpolation: str = "bilinear") -> "Resampling":
        """Returns the sampling with something in place of what does not matter."""
        if self.fill_mode and self.interpolation:
            return self
        return replace(
            self,
            fill_mode=self.fill_mode or "nearest",
            interpolation=self.interpolation or interpolation,
        )


INDIFFERENT = Resampling("", 0.0, "")


def warp_rows(
    source: Array, rows: NDArray[np.int64], matrices: Matrices, out: Array, sampling: Resampling
) -> None:
    """Writes rows of `source`, warped by `matrices`, into `out`.

    Args:
        source: `(N, H, W, C)`, any integer or float dtype.
        rows: Row of `source` for each row of `out`.
        matrices: About the centres, output pixel to input pixel, `(2, 3, M)`.
        out: `(M, height, width, C)`, the dtype of `source`.
        sampling: Fill and interpolation.
    """
    pixels = to_pixels(matrices, source.shape[1:3], out.shape[1:3])
    _warp_pixels(source, rows, pixels, out, sampling)


def warp_opened(
    opened: Opened, matrices: Matrices, sampling: Resampling, size: tuple[int, int]
) -> Array:
    """Returns an image of any size, warped, as a batch of one.

    No more of it is read than is seen of it, at the scale at which it is seen.

    Args:
        opened: The image.
        matrices: `(2, 3, 1)`.
        sampling: Fill and interpolation.
        size: Height and width of the result.
    """
    pixels = to_pixels(matrices, opened.size, size)
    whole = pixels[0].copy()
    seen, reduction = _seen(whole, opened.size, size, sampling)
    image, top, left, reduction = opened.read(seen, reduction)
    if reduction == 1:  # as exact as the coordinates were
        pixels[:, :, 2] -= (top, left)
    else:
        pixels[:, :, 2] += np.array([0.5 - top, 0.5 - left])
        pixels /= reduction
        pixels[:, :, 2] -= 0.5
    out = np.empty((1, *size, image.shape[2]), image.dtype)
    _warp_pixels(image[np.newaxis], np.zeros(1, np.int64), pixels, out, sampling)
    if reduction > 1 and sampling.fill_mode == "constant":  # whose last pixels reach beyond the end
        fill = checked_fill(sampling.fill_mode, sampling.fill_value, out.dtype)
        out[0, _beyond(whole, opened.size, size)] = fill
    return out


def _beyond(matrix: Array, before: tuple[int, int], after: tuple[int, int]) -> Array:
    """Returns which pixels of a result have their centres beyond the end of an image's areas."""
    rows, columns = np.ogrid[: after[0], : after[1]]
    outside = np.zeros(after, np.bool_)
    for (down, across, origin), side in zip(matrix, before, strict=True):
        place = down * rows + origin + across * columns
        outside |= np.abs(place - (side - 1) / 2) > side / 2 + _NEARLY
    return outside


def _seen(
    matrix: Array, before: tuple[int, int], after: tuple[int, int], sampling: Resampling
) -> tuple[Window, int]:
    """Returns what a warp needs of an image, and by how much that may be reduced."""
    reach = np.hypot(matrix[:, 0], matrix[:, 1])
    if sampling.fill_mode in ("reflect", "wrap"):
        window = (0, 0, *before)
    else:
        ends = matrix[:, :2] * (np.array(after) - 1)
        least = matrix[:, 2] + np.minimum(ends, 0).sum(axis=1) - np.maximum(reach, 1)
        most = matrix[:, 2] + np.maximum(ends, 0).sum(axis=1) + np.maximum(reach, 1)
        last = np.array(before) - 1
        top, left = np.clip(np.floor(least) - 1, 0, last).astype(int).tolist()
        bottom, right = (np.clip(np.ceil(most) + 1, 0, last).astype(int) + 1).tolist()
        window = (top, left, bottom, right)
    if not sampling.areas or sampling.interpolation == "nearest":
        return window, 1
    finest = reach.min() / _FINER
    return window, max(each for each in (1, 2, 4, 8) if each <= max(finest, 1))


def _warp_pixels(
    source: Array, rows: Rows, pixels: Array, out: Array, sampling: Resampling
) -> None:
    """Warps by matrices `(M, 2, 3)` between pixels counted from the first one."""
    value = checked_fill(sampling.fill_mode, sampling.fill_value, out.dtype)
    ready = out.dtype.name in _KERNEL_DTYPES and out.dtype.isnative
    if ready and source.flags.c_contiguous and source.flags.aligned and out.flags.c_contiguous:
        _run_kernel(np.asarray(source), rows, pixels, out, sampling, value)
        return
    gathered, size = source[rows], out.shape[1:3]
    copied = (pixels == np.floor(pixels)).all(axis=(1, 2))
    if sampling.areas:  # larger steps are averages
        copied &= (np.abs(pixels[:, :, :2]).sum(axis=2) <= 1).all(axis=1)
    copied |= sampling.interpolation == "nearest"
    if not copied.all() and holds(gathered):
        copied[:] = False
    fill = value if sampling.fill_mode == "constant" else 0
    for chosen, exactly in ((copied, True), (~copied, False)):
        if not chosen.any():
            continue
        all_or_some = slice(None) if chosen.all() else chosen
        images, own = gathered[all_or_some], pixels[all_or_some]
        if exactly:
            move = partial(_by_kernel, pixels=own, size=size, sampling=sampling, value=0.0)
            out[all_or_some] = moved_exactly(images, move, fill)
        else:
            out[all_or_some] = _by_kernel(images, own, size, sampling, value)


def _by_kernel(
    images: Array, pixels: Array, size: tuple[int, ...], sampling: Resampling, value: float
) -> Array:
    """Returns images of any dtype warped, by way of one that the kernel knows."""
    byte = images.dtype == np.uint8
    source = np.ascontiguousarray(images, np.uint8 if byte else working_dtype(images.dtype))
    result = np.empty((len(images), *size, images.shape[3]), source.dtype)
    _run_kernel(source, np.arange(len(source)), pixels, result, sampling, value)
    return result if byte else to_dtype(result, images.dtype)


def _run_kernel(
    source: Array, rows: Rows, pixels: Array, out: Array, sampling: Resampling, value: float
) -> None:
    options: dict[str, Any] = {
        "order": INTERPOLATIONS.index(sampling.interpolation),
        "fill_mode": sampling.fill_mode,
        "fill_value": value,
    }
    (resize if sampling.areas else warp)(source, rows, pixels, out, **options)


def size_of(images: Any) -> tuple[int, int]:
    """Returns height and width of images `(M, H, W, C)`, or of one that was not read yet."""
    return images.size if isinstance(images, Opened) else images.shape[1:3]


def warped(
    images: Array | Opened, matrices: Matrices, sampling: Resampling, size: tuple[int, ...]
) -> Array:
    """Returns `images` `(M, H, W, C)`, or one unread, warped, in a new array `(M, *size, C)`."""
    if isinstance(images, Opened):
        return warp_opened(images, matrices, sampling, (size[0], size[1]))
    out = np.empty((len(images), *size, images.shape[3]), images.dtype)
    warp_rows(images, np.arange(len(images)), matrices, out, sampling)
    return out


def moved(points: Array, matrices: Matrices, size: Size, after: Size) -> NDArray[np.float64]:
    """Returns where a warp moves points, `(M, P, 2)` in (x, y), counted from the first pixel.

    Args:
        points: `(M, P, 2)`, (x, y).
        matrices: Of the warp, about the centres, output pixel to input pixel, `(2, 3, M)`.
        size: Height and width of the images in pixels.
        after: Those of the result.
    """
    pixels = to_pixels(matrices, size, after)[:, ::-1]  # rows of the matrix, by x and y
    inverse = np.linalg.inv(pixels[:, :, 1::-1])
    offsets = pixels[:, np.newaxis, :, 2]
    return np.asarray((points - offsets) @ inverse.transpose(0, 2, 1))


def check_fill(fill_mode: Any, fill_value: Any, interpolation: Any) -> Resampling:
    """Returns checked resampling options."""
    check_choice(fill_mode, "fill_mode", FILL_MODES)
    check_choice(interpolation, "interpolation", INTERPOLATIONS)
    return Resampling(fill_mode, check_number(fill_value, "fill_value"), interpolation)


def warn_of_idle_fill(fill_mode: str, fill_value: float) -> None:
    """Warns of a value for what lies outside where something else is put there."""
    if fill_mode != "constant" and fill_value != 0:
        rule = '`fill_value` does nothing but with fill_mode="constant"'
        received = f"fill_value={fill_value:g} and fill_mode={fill_mode!r}"
        warn(message(rule, received, "Pass both, or leave `fill_value` out."))


@dataclass(frozen=True, slots=True)
class Reading:
    """A sampling as kernels take it, for images of one dtype."""

    linear: bool
    mode: int
    fill: Any
    weight_dtype: np.dtype[Any]


def remapped(
    images: Array,
    sampling: Resampling,
    kernel: Callable[[Array, Array, Reading], None],
    size: tuple[int, int] | None = None,
) -> Array:
    """Returns what a kernel makes of images, in their dtype.

    Args:
        images: `(M, H, W, C)`, any integer or float dtype.
        sampling: Fill and interpolation.
        kernel: Called with the images, C-contiguous and of a dtype that kernels know, with where
            to write, and with the sampling.
        size: Height and width of the result; None keeps those of the images.
    """
    if sampling.interpolation == "nearest" and not holds(images):
        bare = replace(sampling, fill_value=0.0)
        constant = sampling.fill_mode == "constant"
        fill = checked_fill("constant", sampling.fill_value, images.dtype) if constant else 0
        return moved_exactly(images, lambda each: remapped(each, bare, kernel, size), fill)
    reading = _read(sampling, images.dtype)
    source = np.ascontiguousarray(images, reading.fill.dtype)
    if not source.flags.aligned:
        source = source.copy()
    if size in (None, source.shape[1:3]):
        out = result_like(source)
    else:
        out = np.empty((len(images), *size, images.shape[3]), source.dtype)
    # Writable or not is part of a compiled function's signature: read-only serves both.
    kernel(read_only(source), out, reading)
    return out if source.dtype == images.dtype else to_dtype(out, images.dtype)


# Kept, since every piece of a batch asks for the same.
@lru_cache(maxsize=64)
def _read(sampling: Resampling, dtype: np.dtype[Any]) -> Reading:
    work = dtype if dtype == np.uint8 else working_dtype(dtype)
    return Reading(
        sampling.interpolation == "bilinear",
        FILL_MODES.index(sampling.fill_mode),
        work.type(checked_fill(sampling.fill_mode, sampling.fill_value, dtype)),
        np.dtype(np.float64 if work == np.float64 else np.float32),
    )
