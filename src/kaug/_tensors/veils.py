"""Maps of weights on tensors; see `kaug._kernels.veils`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kaug._kernels.veils import TAPS
from kaug._tensors import ops
from kaug._tensors.displacement import Nodes
from kaug._tensors.held import held
from kaug._tensors.words import encrypted, upper


def units(words: Any, count: int) -> Any:
    """Returns numbers of 0 to below 1, float32 `(B, count)`, from words `(B, 2)`."""
    counters = ops.convert_to_tensor(np.arange(count, dtype=np.int32)[None])
    return ops.cast(upper(encrypted(words, counters)[0], 24), "float32") * 2.0**-24


def shapes(parts: Any, opacities: Any, size: tuple[int, int]) -> Any:
    """Returns the map `(B, H, W)` of shapes `(B, N, 10)`; see `fill_shapes`."""
    height, width = size
    rows = ops.convert_to_tensor(np.arange(height, dtype=np.float32)[None, :, None])
    columns = ops.convert_to_tensor(np.arange(width, dtype=np.float32)[None, None])

    def draw(number: Any, clear: Any) -> Any:
        own = ops.reshape(ops.take(parts, number, axis=1), (-1, 10, 1, 1))
        y, x, cosine, sine, long, wide, taper, corner, slope, weight = (
            own[:, part] for part in range(10)
        )
        along = cosine * (columns - x) + sine * (rows - y)
        a = ops.absolute(along) - long
        b = ops.absolute(cosine * (rows - y) - sine * (columns - x)) - (wide + taper * along)
        inside = ops.minimum(ops.maximum(a, b), 0.0)
        a, b = ops.maximum(a, 0.0), ops.maximum(b, 0.0)
        distance = ops.sqrt(a * a + b * b) + inside - corner
        return clear * (1.0 - weight * _step(0.5 - distance * slope))

    clear = ops.ones_like(parts[:, 0, :1])[..., None] + ops.zeros_like(rows + columns)
    clear = ops.fori_loop(0, parts.shape[1], draw, clear)
    return ops.reshape(opacities, (-1, 1, 1)) * (1.0 - clear)


def noise(words: Any, octaves: Sequence[tuple[Nodes, Nodes]], first: int, shaping: Any) -> Any:
    """Returns the map `(B, H, W)` of noise; see `fill_noise`.

    Args:
        words: `(B, 2)`, int32: the key of each row's heights at the nodes.
        octaves: The nodes that reach rows and columns, with their weights, for each octave.
        first: What octave 1 adds to the numbers of its rows of nodes, octave 2 twice, and so on.
        shaping: `(B, 5)`, float32.
    """
    total = 0.0
    for number, (rows, columns) in enumerate(octaves):
        down = np.arange(rows.first, rows.first + rows.number) + number * first
        across = np.arange(columns.first, columns.first + columns.number)
        counters = (
            ops.convert_to_tensor(each.astype(np.int32))
            for each in (down[None, :, None], across[None, None])
        )
        heights = ops.cast(encrypted(words, *counters)[0], "float32") * 2.0**-31
        bands = held(_spread(held(heights), columns, axis=2))
        total = total + _spread(bands, rows, axis=1)
    slope, offset, low, high, rim = (ops.reshape(shaping[:, part], (-1, 1, 1)) for part in range(5))
    values = slope * total + offset
    weights = low + (high - low) * _step(values)
    return held(weights * (1.0 - rim * _step((values - 1.0) * 0.5)))


def _spread(heights: Any, nodes: Nodes, *, axis: int) -> Any:
    """Returns noise between the nodes of one axis, which gets as many places as it has pixels."""
    form = (1, -1, 1) if axis == 1 else (1, 1, -1)
    result = 0.0
    for tap in range(TAPS):
        index = ops.convert_to_tensor((nodes.nearest + tap).astype(np.int32))
        weights = ops.convert_to_tensor(nodes.weights[:, tap].astype(np.float32).reshape(form))
        result = result + ops.take(heights, index, axis=axis) * weights
    return result


def _step(values: Any) -> Any:
    """Returns 0 below 0, 1 above 1, and smoothly what is between."""
    values = ops.clip(values, 0.0, 1.0)
    return values * values * (3.0 - 2.0 * values)
