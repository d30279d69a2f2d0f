"""Sharpening on tensors: every pixel against the mean of its neighbors, as `_kernels.sharpen`."""

from typing import Any

import numpy as np

from kaug._tensors import ops


def smoothed(images: Any, *, whole: bool) -> Any:
    """Returns the mean around each pixel, which counts fivefold; the border stays as it is.

    Args:
        images: `(B, H, W, C)`, float32.
        whole: Whether values are levels, and means of them are rounded to such.
    """
    height, width, channels = images.shape[1:]
    # In lines of W * C numbers, which compilers add many of at once.
    lines = ops.reshape(images, (-1, height, width * channels))
    wider = ops.pad(lines, ((0, 0), (1, 1), (channels, channels)))
    columns = wider[:, :-2] + wider[:, 1:-1] + wider[:, 2:]
    left, middle, right = (columns[:, :, i * channels :][:, :, : lines.shape[2]] for i in range(3))
    smooth = (left + middle + right + 4 * lines) * (1 / 13)
    smooth = ops.floor(smooth + 0.5) if whole else smooth
    inner = np.zeros((height, width, channels), np.bool_)
    inner[1:-1, 1:-1] = True
    inside = ops.convert_to_tensor(inner.reshape(height, -1))
    return ops.reshape(ops.where(inside, smooth, lines), (-1, height, width, channels))
