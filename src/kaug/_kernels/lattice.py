"""Fields of displacements between nodes, and resampling by them.

A field is a sum of products of a height, a function of the row and one of the column. Where these
functions fall from 1 at a node to 0 at the next one, the field is what lies bilinearly between the
nodes of a lattice; and a cubic of row and column is one as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.displacement import draw_heights
from kaug._kernels.homography import BLOCK, sample

_Array = NDArray[Any]


@jit
def remap(
    images: _Array,
    heights: _Array,
    row_nodes: _Array,
    row_weights: _Array,
    column_nodes: _Array,
    column_weights: _Array,
    out: _Array,
    linear: bool,
    mode: int,
    fill: Any,
    weight_dtype: Any,
) -> None:
    """Resamples every image by its field: a pixel shows the input at itself plus the field.

    Args:
        images: `(M, H, W, C)`, C-contiguous, uint8, float32 or float64.
        heights: `(M, 2, rows, columns)`, float32, of the displacement down and of that to the
            right, in pixels.
        row_nodes: `(H,)`, the first of the two nodes that each row of pixels depends on.
        row_weights: `(2, H, 2)`, float32, their weights, for either displacement.
        column_nodes: `(W,)`, the same for columns.
        column_weights: `(2, W, 2)`, float32.
        out: Like `images`.
        linear: Whether to interpolate; else the nearest pixel is taken.
        mode: The position of the fill mode in `coordinates.FILL_MODES`.
        fill: What `"constant"` puts outside, of the dtype of `images`.
        weight_dtype: float64 for float64 images, else float32.
    """
    height, width = out.shape[1], out.shape[2]
    block = max(1, min(height, BLOCK // max(width, 1)))
    coordinates = np.empty((2, block * width), np.float64)
    positions = np.empty((2, block * width), np.int32)
    weights = np.empty((2, block * width), weight_dtype)
    bands = np.empty((2, heights.shape[2], width), np.float32)
    for i in range(len(images)):
        _spread(heights[i], column_nodes, column_weights, bands)
        for first in range(0, height, block):
            stop = min(first + block, height)
            for axis in range(2):
                _displace(bands, row_nodes, row_weights, axis, first, stop, coordinates[axis])
            sample(
                images[i],
                coordinates[0],
                coordinates[1],
                (stop - first) * width,
                linear,
                mode,
                fill,
                positions,
                weights,
                out[i],
                first * width,
            )


@jit
def _spread(heights: _Array, nodes: _Array, weights: _Array, bands: _Array) -> None:
    """Computes the field along each row of nodes, at all columns of pixels."""
    for axis in range(2):
        for r in range(np.uint64(heights.shape[1])):
            for c in range(np.uint64(bands.shape[2])):
                j = np.uint64(nodes[c])
                left = weights[axis, c, 0] * heights[axis, r, j]
                bands[axis, r, c] = left + weights[axis, c, 1] * heights[axis, r, j + np.uint64(1)]


@jit
def _displace(
    bands: _Array,
    nodes: _Array,
    weights: _Array,
    axis: int,
    first: int,
    stop: int,
    coordinates: _Array,
) -> None:
    """Computes the coordinates of one axis in output rows `first` to `stop`."""
    width = bands.shape[2]
    down, across = np.float64(axis == 0), np.float64(axis == 1)
    a = np.uint64(axis)
    for r in range(first, stop):
        j = np.uint64(nodes[r])
        above, below = weights[axis, r, 0], weights[axis, r, 1]
        k = np.uint64((r - first) * width)
        start = down * r
        for c in range(np.uint64(width)):
            move = above * bands[a, j, c] + below * bands[a, j + np.uint64(1), c]
            coordinates[k + c] = start + across * np.float64(np.int32(c)) + np.float64(move)


@jit
def draw_all_heights(seeds: _Array, heights: _Array) -> None:
    """Draws the heights of all nodes, evenly over -1..1, in both directions of displacement.

    Args:
        seeds: `(M,)`, uint64.
        heights: `(M, 2, rows, columns)`, float32, written to.
    """
    first_nodes = np.zeros(2, np.int64)
    for i in range(len(seeds)):
        draw_heights(seeds[i], first_nodes, heights[i])


@jit
def bend(pins: _Array, basis: _Array, heights: _Array) -> None:
    """Computes the heights of nodes from those of pins, of which they are sums.

    Args:
        pins: `(M, 2, P)`, float32.
        basis: `(P, nodes)`, float32: what each pin adds to each node.
        heights: `(M, 2, nodes)`, float32, written to.
    """
    for i in range(len(pins)):
        for axis in range(np.uint64(2)):
            own = heights[i, axis]
            for n in range(np.uint64(len(own))):
                own[n] = np.float32(0)
            for p in range(np.uint64(len(basis))):
                height = pins[i, axis, p]
                for n in range(np.uint64(len(own))):
                    own[n] += height * basis[p, n]
