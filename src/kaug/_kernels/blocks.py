"""Small images enlarged, so that each of their pixels becomes a block."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit

_Array = NDArray[Any]


@jit
def enlarge(blocks: _Array, rows: _Array, down: _Array, across: _Array, out: _Array) -> None:
    """Writes into each pixel another one.

    Args:
        blocks: `(M, h, w, C)`, C-contiguous.
        rows: Which of `out` each image is written to, int64 `(M,)`.
        down: The row that comes into each of `out`, int64 `(H,)`.
        across: The column that does, int64 `(W,)`.
        out: `(N, H, W, C)`, C-contiguous, of the dtype of `blocks`.
    """
    channels = np.uint64(out.shape[3])
    for i in range(len(blocks)):
        target = out[rows[i]]
        for y in range(len(down)):
            line = target[y].reshape(-1)
            if y > 0 and down[y] == down[y - 1]:
                line[:] = target[y - 1].reshape(-1)
                continue
            source = blocks[i, down[y]].reshape(-1)
            for x in range(len(across)):
                place, own = channels * np.uint64(across[x]), channels * np.uint64(x)
                for c in range(channels):
                    line[own + c] = source[place + c]
