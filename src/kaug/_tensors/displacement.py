"""Random fields of displacements on tensors; see `kaug._kernels.displacement`.

Bumps are summed node by node, not by products of matrices, for which a GPU may round coordinates to
three digits.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kaug._kernels.displacement import REACH
from kaug._tensors import ops
from kaug._tensors.held import held
from kaug._tensors.lookups import look_up_rows
from kaug._tensors.words import encrypted

_UNIT = 2.0**-31
# Points are looked for in so many steps, of which each leaves about a fifth of what was missing.
_ITERATIONS = 12


class Nodes(NamedTuple):
    """The nodes that reach one axis of the images."""

    #: The number of the first of all; node 0 lies at the centre.
    first: int
    #: How many there are.
    number: int
    #: The first that reaches each pixel, counted from the first of all, `(side,)`.
    nearest: NDArray[np.int64]
    #: Their weights, `(side, 2 * REACH)`.
    weights: NDArray[Any]

    @property
    def numbers(self) -> NDArray[Any]:
        """The numbers of all."""
        return np.arange(self.first, self.first + self.number)


def field(words: Any, rows: Nodes, columns: Nodes, amplitude: float) -> list[Any]:
    """Returns how far each pixel is displaced, down and to the right, `(B, H, W)` in pixels.

    Args:
        words: `(B, 2)`, int32, the key of each row.
        rows: The nodes that reach the rows.
        columns: Those that reach the columns.
        amplitude: Pixels of displacement for a standard height.
    """
    heights = draw_heights(words, rows.numbers, columns.numbers)
    bands = [spread(held(each), columns.nearest, columns.weights, 2) for each in heights]
    return [held(spread(held(each), rows.nearest, rows.weights * amplitude, 1)) for each in bands]


def draw_heights(words: Any, rows: NDArray[Any], columns: NDArray[Any]) -> list[Any]:
    """Returns the heights of nodes, `(B, rows, columns)` for each direction.

    Args:
        words: `(B, 2)`, int32, the key of each row.
        rows: The numbers of the rows of nodes.
        columns: Those of the columns.
    """
    counters = (
        ops.convert_to_tensor(np.asarray(numbers, np.int32))
        for numbers in (rows[None, :, None], columns[None, None, :])
    )
    return [ops.cast(word, "float32") * _UNIT for word in encrypted(words, *counters)]


def spread(heights: Any, nearest: NDArray[Any], weights: NDArray[Any], axis: int) -> Any:
    """Returns what nodes sum up to along one axis, which gets as many places as it has pixels.

    Args:
        heights: `(B, rows, columns)`.
        nearest: The first node that reaches each pixel, `(side,)`.
        weights: Those of this node and the next ones, `(side, nodes)`.
        axis: 1 or 2.
    """
    form = (1, -1, 1) if axis == 1 else (1, 1, -1)
    result = 0.0
    for k in range(weights.shape[1]):
        index = ops.convert_to_tensor((nearest + k).astype(np.int32))
        own = ops.convert_to_tensor(weights[:, k].astype(np.float32).reshape(form))
        result = result + ops.take(heights, index, axis=axis) * own
    return result


def moved_points(
    points: Any,
    words: Any,
    nodes: tuple[Nodes, Nodes],
    size: tuple[int, int],
    spacing: float,
    amplitude: float,
) -> Any:
    """Returns where points of the images go: the fixed point of `place = point - field(place)`.

    Args:
        points: `(B, P, 2)`, (x, y) counted from the first pixel's centre.
        words: `(B, 2)`, int32, the key of each row.
        nodes: Those that reach the rows, and the columns.
        size: Height and width of the images.
        spacing: From node to node, in pixels.
        amplitude: Pixels of displacement for a standard height.
    """
    heights = [
        ops.reshape(each, (-1, nodes[0].number * nodes[1].number))
        for each in draw_heights(words, nodes[0].numbers, nodes[1].numbers)
    ]
    x, y = points[..., 0], points[..., 1]
    left, up = x, y
    for _ in range(_ITERATIONS):
        first, down = _weighed(up, nodes[0], size[0], spacing)
        second, across = _weighed(left, nodes[1], size[1], spacing)
        index = first[..., :, None] * nodes[1].number + second[..., None, :]
        index = ops.reshape(index, (*ops.shape(x)[:1], x.shape[1], (2 * REACH) ** 2))
        weights = down[..., :, None] * across[..., None, :] * amplitude
        weights = ops.reshape(weights, ops.shape(index))
        moves = [ops.sum(look_up_rows(each, index) * weights, axis=-1) for each in heights]
        left, up = x - moves[1], y - moves[0]
    return ops.stack([left, up], axis=-1)


def _weighed(place: Any, nodes: Nodes, side: int, spacing: float) -> tuple[Any, Any]:
    """Returns which nodes reach places `(B, P)`, and the weights of their bumps."""
    place = (ops.clip(place, 0.0, side - 1.0) - (side - 1) / 2) * (1 / spacing)
    numbers = ops.convert_to_tensor(np.arange(2 * REACH, dtype=np.float32))
    node = (ops.floor(place) - (REACH - 1))[..., None] + numbers
    weights = ops.exp(-0.5 * ops.square(place[..., None] - node))
    total = ops.sum(ops.square(weights), axis=-1, keepdims=True)
    index = ops.clip(node - nodes.first, 0.0, nodes.number - 1.0)  # NaN, and what rounding does
    return ops.cast(index, "int32"), weights / ops.sqrt(total)
