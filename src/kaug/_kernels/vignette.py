"""Vignettes: darker the farther from the middle."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.samples import fit, is_outside, load

_Array = NDArray[Any]


@jit
def darken(images: _Array, bends: _Array, out: _Array, outside: _Array) -> None:
    """Writes `image / (1 + bend * r²)²`, where r is 0 in the middle and 1 in the corners.

    Args:
        images: `(M, H, W, C)`, C-contiguous, uint8 or floats.
        bends: `(M,)`, of the precision worked in.
        out: Like `images`.
        outside: See `pointwise`.
    """
    count, height, width, channels = images.shape
    kind = bends.dtype.type
    one, depth, length = kind(1), np.uint64(channels), np.uint64(width * channels)
    middle, center = (height - 1) / 2, (width - 1) / 2
    corner = max(middle * middle + center * center, 1e-9)
    across, line = np.empty(width, kind), np.empty(width * channels, kind)
    for c in range(width):
        across[c] = kind((c - center) ** 2 / corner)
    found = False
    for i in range(count):
        source, target = images[i].reshape(-1), out[i].reshape(-1)
        for r in range((height + 1) // 2):
            down = kind((r - middle) ** 2 / corner)
            for c in range(np.uint64(width)):
                fall = one + bends[i] * (across[c] + down)
                factor = one / (fall * fall)
                for channel in range(depth):
                    line[c * depth + channel] = factor
            # The line as far from the middle on the other side has the same factors.
            for row in range(2 if r < height - 1 - r else 1):
                place = np.uint64(height - 1 - r if row else r) * length
                for k in range(length):
                    found |= is_outside(source, place + k)
                    target[place + k] = fit(target, line[k] * load(source, place + k))
    outside[0] |= found
