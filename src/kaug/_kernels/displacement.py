"""Random fields of displacements, and resampling by them.

A field is a sum of Gaussian bumps, one on each node of a square grid, whose heights are random.
With nodes as far apart as the bumps' standard deviation, that is white noise smoothed by a
Gaussian: the sum of the squared bumps, which is the field's variance, is the same everywhere to
1 in 10,000, and that rest is divided out.

The height at a node is a function of the row's seed and the node's number alone (Threefry-2x32, as
in `kaug._draw`), and nodes are counted from the centre of the picture. So the same seed makes the
same field in images of any size.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.homography import BLOCK, sample
from kaug._kernels.threefry import encrypt32

# Nodes on either side of a place whose bumps reach it: four standard deviations.
REACH = 4
# Of the inversion: at most so many, until a place moves by less than so many pixels.
_ITERATIONS, _CLOSE = 64, 1e-4
_UNIT = np.float32(2.0**-31)

_Array = NDArray[Any]


def seeds_of(words: _Array) -> NDArray[np.uint64]:
    """Returns the two words of each row `(M, 2)` as one number, `(M,)`."""
    words = np.asarray(words, np.uint64)
    return words[:, 0] << np.uint64(32) | words[:, 1]


@jit
def remap(
    images: _Array,
    seeds: _Array,
    first_nodes: _Array,
    row_nodes: _Array,
    row_weights: _Array,
    column_weights: _Array,
    spans: _Array,
    out: _Array,
    linear: bool,
    mode: int,
    fill: Any,
    weight_dtype: Any,
) -> None:
    """Resamples every image by a random field: a pixel shows the input at itself plus the field.

    Args:
        images: `(M, H, W, C)`, C-contiguous, uint8, float32 or float64.
        seeds: `(M,)`, uint64.
        first_nodes: `(2,)`, int64, the numbers of the first row and the first column of nodes.
        row_nodes: `(H,)`, the first node that reaches each row, counted from the first of all.
        row_weights: `(H, 2 * REACH)`, float32, the bumps' weights in each row, in pixels.
        column_weights: `(nodes, widest)`, float32, the weights of all nodes in the columns they
            reach.
        spans: `(nodes, 2)`, the columns each node reaches.
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
    heights = np.empty((2, row_nodes[-1] + 2 * REACH, len(spans)), np.float32)
    bands = np.empty((2, heights.shape[1], width), np.float32)
    for i in range(len(images)):
        draw_heights(seeds[i], first_nodes, heights)
        _spread(heights, column_weights, spans, bands)
        for first in range(0, height, block):
            stop = min(first + block, height)
            for axis in range(2):
                _displace(bands[axis], row_nodes, row_weights, axis, first, stop, coordinates[axis])
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
def draw_heights(seed: int, first_nodes: _Array, heights: _Array) -> None:
    """Draws the heights of the bumps, evenly over -1..1, in both directions of displacement.

    Args:
        seed: 64 bits, the key.
        first_nodes: Numbers of the first row and column of nodes, the counter.
        heights: `(2, rows, columns)`, float32, written to.
    """
    key0, key1 = np.uint32(seed >> np.uint64(32)), np.uint32(seed)
    top, left = np.int32(first_nodes[0]), np.int32(first_nodes[1])
    for r in range(np.uint64(heights.shape[1])):
        row = np.uint32(np.int32(top + np.int32(r)))
        for c in range(np.uint64(heights.shape[2])):
            column = np.uint32(np.int32(left + np.int32(c)))
            x0, x1 = encrypt32(key0, key1, row, column)
            heights[0, r, c] = np.float32(np.int32(x0)) * _UNIT
            heights[1, r, c] = np.float32(np.int32(x1)) * _UNIT


@jit
def _spread(heights: _Array, weights: _Array, spans: _Array, bands: _Array) -> None:
    """Sums the bumps along the columns, for each row of nodes."""
    for axis in range(2):
        for r in range(np.uint64(heights.shape[1])):
            for c in range(np.uint64(bands.shape[2])):
                bands[axis, r, c] = np.float32(0)
            for node in range(np.uint64(heights.shape[2])):
                height = heights[axis, r, node]
                first = np.uint64(spans[node, 0])
                for c in range(np.uint64(spans[node, 1]) - first):
                    bands[axis, r, first + c] += weights[node, c] * height


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
    width = bands.shape[1]
    down, across = np.float64(axis == 0), np.float64(axis == 1)
    for r in range(first, stop):
        j = np.uint64(nodes[r])
        w = weights[r]
        w0, w1, w2, w3, w4, w5, w6, w7 = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]
        k = np.uint64((r - first) * width)
        start = down * r
        for c in range(np.uint64(width)):
            near = w2 * bands[j + np.uint64(2), c] + w3 * bands[j + np.uint64(3), c]
            near += w4 * bands[j + np.uint64(4), c] + w5 * bands[j + np.uint64(5), c]
            far = w0 * bands[j, c] + w1 * bands[j + np.uint64(1), c]
            far += w6 * bands[j + np.uint64(6), c] + w7 * bands[j + np.uint64(7), c]
            coordinates[k + c] = start + across * np.float64(np.int32(c)) + np.float64(near + far)


@jit
def invert(
    points: _Array,
    seeds: _Array,
    first_nodes: _Array,
    nodes: tuple[int, int],
    size: tuple[int, int],
    spacing: float,
    amplitude: float,
    result: _Array,
) -> None:
    """Finds where points of the input go: the fixed point of `place = point - field(place)`.

    It is found unless the field folds. Outside the picture the field is what it is at the nearest
    place of the edge.

    Args:
        points: `(M, P, 2)`, float64, (x, y) counted from the first pixel's centre.
        seeds: `(M,)`, uint64.
        first_nodes: As for `remap`.
        nodes: Rows and columns of nodes.
        size: Height and width of the picture.
        spacing: From node to node, in pixels.
        amplitude: Pixels of displacement for a standard height.
        result: Like `points`, written to.
    """
    heights = np.empty((2, nodes[0], nodes[1]), np.float32)
    weights = np.empty((2, 2 * REACH), np.float64)
    for i in range(points.shape[0]):
        draw_heights(seeds[i], first_nodes, heights)
        for j in range(points.shape[1]):
            x, y = points[i, j, 0], points[i, j, 1]
            left, up = x, y
            for _ in range(_ITERATIONS):
                r = weigh_nodes(min(max(up, 0.0), size[0] - 1.0), size[0], spacing, weights[0])
                c = weigh_nodes(min(max(left, 0.0), size[1] - 1.0), size[1], spacing, weights[1])
                down, across = 0.0, 0.0
                for m in range(2 * REACH):
                    for n in range(2 * REACH):
                        weight = weights[0, m] * weights[1, n] * amplitude
                        down += weight * heights[0, r - first_nodes[0] + m, c - first_nodes[1] + n]
                        across += (
                            weight * heights[1, r - first_nodes[0] + m, c - first_nodes[1] + n]
                        )
                change = max(abs(x - across - left), abs(y - down - up))
                left, up = x - across, y - down
                if change < _CLOSE:
                    break
            result[i, j, 0], result[i, j, 1] = left, up


@jit
def weigh_nodes(place: float, size: int, spacing: float, weights: _Array) -> int:
    """Writes the weights of the bumps that reach a place of one axis.

    Args:
        place: In pixels, counted from the first pixel's centre.
        size: Of the axis in pixels.
        spacing: From node to node, in pixels.
        weights: `(2 * REACH,)`, written to; their squares sum to 1.

    Returns:
        The number of the first of these nodes; node 0 lies at the centre of the axis.
    """
    place = (place - (size - 1) / 2) / spacing
    node = math.floor(place) - (REACH - 1)
    total = 0.0
    for k in range(2 * REACH):
        weights[k] = math.exp(-0.5 * (place - (node + k)) ** 2)
        total += weights[k] ** 2
    for k in range(2 * REACH):
        weights[k] /= math.sqrt(total)
    return node
