"""CLAHE: histograms made flat place by place, as far as a limit of contrast allows."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

from kaug._apply.destination import result_like
from kaug._kernels import read_only
from kaug._kernels.clahe import equalize_tiles, tile_side
from kaug._tensors import clahe as tensors
from kaug._types import Array, Parameters
from kaug._validation import check_integer, describe, message
from kaug.transforms._bases.fields import NumberOrPair, Range
from kaug.transforms._bases.photometric import Normalized

_MOST_TILES = 64


def _check_grid(value: Any, name: str) -> tuple[int, int]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        rule = f"`{name}` must be a pair of integers, the tiles down and across"
        raise ValueError(message(rule, f"{name}={describe(value)}"))
    check = partial(check_integer, name=name, minimum=1, maximum=_MOST_TILES)
    return check(value[0]), check(value[1])


@dataclass(frozen=True, repr=False)
class CLAHE(Normalized):
    """Makes histograms flat tile by tile, as far as a limit of contrast allows.

    The contrast limited adaptive histogram equalization of Zuiderveld (1994, in Graphics Gems IV,
    doi:10.1016/B978-0-12-336156-1.50061-6). Each of the tiles has a table of what becomes of its
    256 levels, and a pixel is blended of what those of the four tiles with their centres around it
    make of its own. Bytes of one channel come out as from `cv2.createCLAHE`, bit for bit. Where
    tiles do not divide an image, it goes on below and to the right by its reflection,
    `a b c | b a`, for tiles a pixel larger than those that fit, as in OpenCV.

    Of three channels the luma, Pillow's conversion to `L`, goes through it, and all three are moved
    by what it is moved by, so that chroma stays; of other numbers of channels each goes through it.
    Of floats the nearest level counts: `image / 255` comes out like `image`. Masks, boxes and
    keypoints stay as they are.

    Args:
        clip_limit: How many times as many samples of a tile may have a level as if all levels had
            as many, 1..256; what is more is spread over all levels. 256 limits nothing. As in
            OpenCV it is a whole number of samples, one at least: in tiles of fewer than 128, all
            limits up to 4 are the same, and fewer tiles do more. A number means exactly that, a
            pair evenly on `[low, high]`.
        grid: How many tiles there are down and across, 1..64 each.
        value_range: Black and white; None means 0..1 for floats, else 0 to the largest integer.
            Values beyond are clipped.
        opacity: Whether the last of 2 or 4 channels is opacity, which stays as it is.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of its range.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import CLAHE
        >>> image = np.array([[[100, 101, 102, 103, 104]] * 2], "uint8")
        >>> CLAHE(256, grid=(1, 1))(image, seed=0)[0]
        array([[ 51, 102, 153, 204, 255],
               [ 51, 102, 153, 204, 255]], dtype=uint8)
    """

    _checks: ClassVar = {
        "clip_limit": Range(minimum=1, maximum=256, number="exactly"),
        "grid": _check_grid,
    }

    clip_limit: NumberOrPair = (1.0, 4.0)
    grid: tuple[int, int] = (8, 8)

    def change(self, images: Array, parameters: Parameters, outside: Array) -> Array:
        out = result_like(images)
        if not out.size:
            return out
        _, height, width, _ = images.shape
        samples = math.prod(tile_side(height, width, self.grid, axis) for axis in range(2))
        limits = np.maximum(np.floor(parameters["clip_limit"] * (samples / 256)), 1)
        equalize_tiles(images, read_only(limits.astype(np.int64)), self.grid, out, outside)
        return out

    def change_tensors(self, images: Any, parameters: Any, *, in_bytes: bool) -> Any:
        return tensors.equalized(images, parameters["clip_limit"], self.grid, in_bytes=in_bytes)
