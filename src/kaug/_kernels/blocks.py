"""Small images enlarged, so that each of their pixels becomes a block."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit

_Array = NDArray[Any]


@jit
def enlarge(blocks: _Array, rows: _Array, smaller: _Array, out: _Array) -> None:
    """Writes into each pixel the one of a smaller image that its centre lies in.

    Args:
        blocks: `(M, h, w, C)`, C-contiguous: smaller images in their upper left corners.
        rows: Which of `out` each is written to, int64 `(M,)`.
        smaller: The height and width of each, int64 `(M, 2)`.
        out: `(N, H, W, C)`, C-contiguous, of the dtype of `blocks`.
    """
    height, width, channels = out.shape[1], out.shape[2], np.uint64(out.shape[3])
    across = np.empty(width, np.uint64)
    for i in range(len(blocks)):
        target = out[rows[i]].reshape(-1)
        long = np.uint64(width) * channels
        for x in range(width):
            across[x] = channels * np.uint64((2 * x + 1) * smaller[i, 1] // (2 * width))
        last = -1
        for y in range(height):
            down = (2 * y + 1) * smaller[i, 0] // (2 * height)
            begin = np.uint64(y) * long
            if down == last:
                for k in range(begin, begin + long):
                    target[k] = target[k - long]
                continue
            last, source = down, blocks[i, down].reshape(-1)
            for x in range(np.uint64(width)):
                place, own = across[x], begin + channels * x
                for c in range(channels):
                    target[own + c] = source[place + c]
