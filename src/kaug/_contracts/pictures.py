"""Made-up images for `kaug.testing`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._types import Array

# All of whose values a float64 has; those of 64 bits would ask more than most transforms promise.
INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32")
DTYPES = ("uint8", "uint16", "float16", "float32", "float64")

# Odd and not square, so that mixing up height and width shows; larger ones for transforms that
# cut out something.
_SIZES = ((45, 61), (231, 267))
# So many bytes are carried out in several pieces, on several threads.
_MANY_BYTES = 2**20


@dataclass(frozen=True)
class ImageKind:
    """Images of one size, number of channels, and dtype."""

    size: tuple[int, int]
    channels: int
    dtype: str

    @classmethod
    def choices(cls) -> Iterator[ImageKind]:
        """Yields what to try, the most usual first."""
        for kind in itertools.product(_SIZES, (3, 1, 5), ("float32", "uint8")):
            yield cls(*kind)

    def noise(self, count: int, dtype: str | None = None) -> Array:
        """Returns `(count, height, width, channels)`."""
        return noise(count, (*self.size, self.channels), dtype or self.dtype)

    def many(self) -> Array:
        """Returns so many that they are carried out in pieces."""
        return self.noise(max(10, _MANY_BYTES // self.noise(1).nbytes))


def noise(count: int, shape: tuple[int, ...], dtype: str = "uint8") -> Array:
    """Returns images `(count, *shape)` of all values that the dtype has, floats in 0..1."""
    values = np.random.default_rng(0).integers(0, 2**16, (count, *shape))
    if np.dtype(dtype).kind == "f":
        return (values / (2**16 - 1)).astype(dtype)
    return (values >> (16 - 8 * np.dtype(dtype).itemsize)).astype(dtype)


def blobs(
    pictures: ImageKind, *, masks: bool, maps: bool, points: bool, count: int = 24
) -> dict[str, Any]:
    """Returns gray images with a bright disc somewhere in each, and where it is.

    Args:
        pictures: Of which kind.
        masks: Whether to add masks `(count, height, width, 2)`: of the disc, and of a larger one.
        maps: Whether to add a map that is 1 on the disc and 0 elsewhere.
        points: Whether to add the centre as a keypoint with its visibility.
        count: How many.
    """
    height, width = pictures.size
    # Spread by the golden ratio and its like, off the centre.
    place = np.arange(1, count + 1)[:, np.newaxis] * [0.754877666, 0.569840291] % 1
    centres = (0.2 + 0.6 * place) * [width - 1, height - 1]
    x, y = centres[:, 0, np.newaxis, np.newaxis], centres[:, 1, np.newaxis, np.newaxis]
    distance = np.hypot(np.arange(width) - x, np.arange(height)[:, np.newaxis] - y)
    radius = min(height, width) / 9
    disc = distance <= radius
    bright, dark = (0.7, 0.2) if pictures.dtype == "float32" else (180, 50)
    gray = np.where(disc, bright, dark).astype(pictures.dtype)
    batch: dict[str, Any] = {"images": np.repeat(gray[..., np.newaxis], pictures.channels, axis=-1)}
    if masks:
        around = np.stack([disc, distance <= 2 * radius], axis=-1)
        batch["segmentation_masks"] = around.astype(np.uint8)
    if maps:
        batch["maps"] = {"disc": disc.astype(np.float32)}
    if points:
        visible = np.ones((count, 1))
        batch["keypoints"] = np.concatenate([centres, visible], axis=1)[:, np.newaxis]
    return batch


def found(batch: dict[str, Any]) -> dict[str, NDArray[np.bool_]]:
    """Returns, by kind of target, in which rows the disc is where the targets of `blobs` say.

    Rows in which too little of it is left are not counted.
    """
    gray = batch["images"].astype(np.float64).mean(axis=-1)
    result: dict[str, Any] = {}
    masks = batch.get("segmentation_masks")
    if masks is not None:
        counted = masks[..., 0].sum(axis=(1, 2), dtype=int) >= 25
        result["masks and images"] = _agree(gray[counted], masks[counted])
        if "maps" in batch:
            result["masks and maps"] = _agree(batch["maps"]["disc"][counted], masks[counted])
    if "keypoints" in batch:
        points = batch["keypoints"][:, 0]
        rows = np.flatnonzero(points[:, 2])
        x, y = np.rint(points[rows, :2]).astype(int).T
        height, width = gray.shape[1:]
        x, y = x.clip(0, width - 1), y.clip(0, height - 1)  # half a pixel belongs to the image
        if masks is not None:
            result["masks and keypoints"] = masks[rows, y, x, 0] == 1
        else:
            usual = np.median(gray, axis=(1, 2))[rows]
            contrast = 0.05 * (gray.max(axis=(1, 2)) - gray.min(axis=(1, 2)))[rows]
            result["keypoints and images"] = np.abs(gray[rows, y, x] - usual) > contrast
    return result


def _agree(gray: Array, masks: Array) -> NDArray[np.bool_]:
    agree = [_agreement(*row) > 0.5 for row in zip(gray, masks, strict=True)]
    return np.array(agree, np.bool_)


def _agreement(gray: Array, masks: Array) -> float:
    """Returns how well a picture and the mask of the disc correlate, near the disc."""
    near = masks[..., 1] == 1
    values, disc = gray[near], masks[near, 0].astype(np.float64)
    if not values.std() or not disc.std():
        return 0.0
    return abs(float(np.corrcoef(values, disc)[0, 1]))
