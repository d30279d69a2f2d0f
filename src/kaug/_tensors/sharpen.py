"""Sharpening on tensors: every pixel against the mean of its neighbors, as `_kernels.sharpen`."""

from typing import Any

from kaug._tensors import ops


def smoothed(images: Any, *, whole: bool) -> Any:
    """Returns the mean around each pixel, which counts fivefold; the border stays as it is.

    Args:
        images: `(B, H, W, C)`, float32.
        whole: Whether values are levels, and means of them are rounded to such.
    """
    if min(images.shape[1:3]) < 3:
        return images
    columns = images[:, :-2] + images[:, 1:-1] + images[:, 2:]
    total = columns[:, :, :-2] + columns[:, :, 1:-1] + columns[:, :, 2:]
    middle = images[:, 1:-1, 1:-1]
    smooth = (total + 4 * middle) * (1 / 13)
    smooth = ops.floor(smooth + 0.5) if whole else smooth
    return images + ops.pad(smooth - middle, ((0, 0), (1, 1), (1, 1), (0, 0)))
