"""One resampling of a batch: from matrices to pixels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels.warp import warp
from kaug._validation import message
from kaug.transforms._matrices import Matrices, to_pixels

Array = NDArray[Any]

INTERPOLATIONS = ("nearest", "bilinear")  # by the order of their splines

_KERNEL_DTYPES = ("uint8", "float32", "float64")


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a warp reads pixels: what lies outside, and between them."""

    fill_mode: str = "nearest"
    fill_value: float = 0.0
    interpolation: str = "bilinear"
    # True for flips and quarter turns, which take whatever their neighbours in a policy say.
    indifferent: bool = False

    def merge(self, other: "Sampling") -> "Sampling | None":
        """Returns the sampling of both in one warp, or None when they differ."""
        if self.indifferent:
            return other
        return self if other.indifferent or other == self else None


def warp_rows(
    source: Array, rows: NDArray[np.int64], matrices: Matrices, out: Array, sampling: Sampling
) -> None:
    """Writes rows of `source`, warped by `matrices`, into `out`.

    Args:
        source: `(N, H, W, C)`, any integer or float dtype.
        rows: Row of `source` for each row of `out`.
        matrices: About the centre, output pixel to input pixel, `(2, 3, M)`.
        out: `(M, H, W, C)`, the dtype of `source`.
        sampling: Fill and interpolation.
    """
    value = _checked_fill_value(sampling, out.dtype)
    options: dict[str, Any] = {
        "order": INTERPOLATIONS.index(sampling.interpolation),
        "fill_mode": sampling.fill_mode,
        "fill_value": value,
    }
    pixels = to_pixels(matrices, (source.shape[1], source.shape[2]))
    ready = out.dtype.name in _KERNEL_DTYPES and out.dtype.isnative
    if ready and source.flags.c_contiguous and source.flags.aligned and out.flags.c_contiguous:
        warp(np.asarray(source), rows, pixels, out, **options)
        return
    work = _working_dtype(out.dtype)
    gathered = np.ascontiguousarray(source[rows], work)
    result = np.empty(out.shape, work)
    warp(gathered, np.arange(len(rows)), pixels, result, **options)
    if out.dtype.kind in "iu" and work.kind == "f":
        limits = np.iinfo(out.dtype)
        np.clip(np.rint(result, out=result), limits.min, limits.max, out=result)
    out[...] = result


def warped(images: Array, matrices: Matrices, sampling: Sampling) -> Array:
    """Returns `images` `(M, H, W, C)` warped, in a new array."""
    out = np.empty_like(images, order="C")
    warp_rows(images, np.arange(len(images)), matrices, out, sampling)
    return out


def moved(points: Array, matrices: Matrices, size: tuple[int, int]) -> NDArray[np.float64]:
    """Returns where a warp moves points, `(M, P, 2)` in (x, y), counted from the first pixel.

    Args:
        points: `(M, P, 2)`, (x, y).
        matrices: Of the warp, about the centre, output pixel to input pixel, `(2, 3, M)`.
        size: Height and width of the image in pixels.
    """
    pixels = to_pixels(matrices, size)[:, ::-1]  # rows of the matrix, by x and y
    inverse = np.linalg.inv(pixels[:, :, 1::-1])
    offsets = pixels[:, np.newaxis, :, 2]
    return np.asarray((points - offsets) @ inverse.transpose(0, 2, 1))


def _working_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Returns the dtype of the kernel that holds every value of `dtype`."""
    if dtype.name == "uint8":
        return np.dtype(np.uint8)
    exact = np.can_cast(dtype, np.float32, "safe")
    return np.dtype(np.float32 if exact else np.float64)


def _checked_fill_value(sampling: Sampling, dtype: np.dtype[Any]) -> float:
    if sampling.fill_mode == "constant" and dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if not limits.min <= sampling.fill_value <= limits.max:
            rule = f"`fill_value` must lie in {limits.min}..{limits.max} for {dtype} images"
            raise ValueError(message(rule, f"fill_value={sampling.fill_value}"))
        return float(np.rint(sampling.fill_value))
    return sampling.fill_value
