"""Elastic deformation: the image as if drawn on rubber."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from kaug._apply.resample import Reading, Resampling, remapped
from kaug._draw.draws import Draws
from kaug._kernels import read_only
from kaug._kernels.displacement import REACH, invert, remap, seeds_of, weigh_nodes
from kaug._namespace import namespace
from kaug._tensors import displacement, geometry
from kaug._types import Array, Parameters
from kaug.transforms._bases.fields import Number
from kaug.transforms._bases.remapping import Remapping

# What a height spread evenly over -1..1 is multiplied by to have a standard deviation of 1.
_SPREAD = float(np.sqrt(3))


def _fraction(least: float) -> Number:
    return Number(
        rule=f"a number in {least:g}..1, a fraction of the shorter side",
        minimum=least,
        maximum=1,
        fix="Divide pixels by the shorter side of the image.",
    )


@dataclass(frozen=True, repr=False)
class ElasticDeformation(Remapping):
    """Displaces every pixel by a smooth random field.

    Each row gets two fields of its own, one for either direction: noise spread evenly over -1..1,
    smoothed by a Gaussian (Simard, Steinkraus and Platt, "Best practices for convolutional neural
    networks applied to visual document analysis", ICDAR 2003). Theirs had 29 × 29 pixels, a
    smoothing of 4 pixels and a strength that comes to a displacement of 1.4: `sigma=0.14` and
    `alpha=0.048` here. Fields do not depend on the number of pixels: the same draws deform
    a small and a large image alike.

    From pixel to pixel the field changes by about `alpha / (1.4 * sigma)`, with the defaults 0.18.
    Up to 0.2 no image in thousands folds over itself; with 0.25 one in a hundred does, with 0.4
    most do, and where they do, points have no one place to go to.

    Args:
        alpha: Standard deviation of the displacement in either direction, as a fraction of the
            shorter side: 0..1.
        sigma: Standard deviation of the smoothing, as a fraction of the shorter side: 0.01..1.
        fill_mode: `"nearest"`, `"reflect"`, `"wrap"` or `"constant"`, as in `scipy.ndimage`.
        fill_value: What lies outside with `"constant"`, in the value range of the images.
        interpolation: `"bilinear"` or `"nearest"`.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of its range, or an option is unknown.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import ElasticDeformation
        >>> image = np.arange(45).reshape(1, 5, 9)
        >>> ElasticDeformation(alpha=0.1, sigma=0.3)(image, seed=1)[0]
        array([[ 0,  1,  2,  3,  4,  5,  6,  7,  8],
               [ 4,  6,  7,  7,  8, 10, 11, 11,  9],
               [14, 17, 19, 20, 20, 22, 23, 22, 20],
               [26, 29, 31, 32, 33, 35, 36, 35, 32],
               [36, 37, 38, 39, 40, 41, 42, 43, 44]])
    """

    _checks: ClassVar = {"alpha": _fraction(0), "sigma": _fraction(0.01)}

    alpha: float = 0.03
    sigma: float = 0.12

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the `words` of each row, `(M, 2)`, that make its field."""
        return {"words": draws.words(2)}

    def transform_images(self, images: Array, parameters: Parameters) -> Array:
        return self._deformed(images, seeds_of(parameters["words"]), self._sampling)

    def transform_points(
        self, points: Array, parameters: Parameters, size: tuple[int, int]
    ) -> Array:
        """Returns where points of the images go, to a thousandth of a pixel.

        Pixels know where they come from; where a point goes is found by iteration.
        """
        if namespace(points) is not np:
            moved: Array = self._tensor_points(points, parameters, size)
            return moved
        spacing, grid = self._spacing(size), _grid(*size, self._spacing(size))
        result = np.empty(points.shape)
        invert(
            read_only(np.ascontiguousarray(points, np.float64)),
            read_only(seeds_of(parameters["words"])),
            grid.first_nodes,
            (grid.row_nodes[-1] + 2 * REACH, len(grid.spans)),
            size,
            spacing,
            self._amplitude(size),
            result,
        )
        return result

    def _tensor_points(self, points: Any, parameters: Any, size: tuple[int, int]) -> Any:
        spacing, words = self._spacing(size), parameters["words"]
        nodes = (_nodes(size[0], spacing), _nodes(size[1], spacing))
        return displacement.moved_points(points, words, nodes, size, spacing, self._amplitude(size))

    def _remap_tensors(self, images: Any, parameters: Any, sampling: Resampling) -> Any:
        size = (images.shape[1], images.shape[2])
        down, across = (_nodes(side, self._spacing(size)) for side in size)
        moves = displacement.field(parameters["words"], down, across, self._amplitude(size))
        return geometry.displace(images, moves, sampling)

    def _spacing(self, size: tuple[int, int]) -> float:
        # At this distance no two pixels share a node; closer ones would only be more.
        return max(self.sigma * min(size), 1 / (2 * REACH))

    def _amplitude(self, size: tuple[int, int]) -> float:
        return self.alpha * min(size) * _SPREAD

    def _deformed(self, images: Array, seeds: Array, sampling: Resampling) -> Array:
        size = (images.shape[1], images.shape[2])
        grid = _grid(*size, self._spacing(size))
        row_weights = (grid.row_weights * self._amplitude(size)).astype(np.float32)

        def kernel(source: Array, out: Array, reading: Reading) -> None:
            remap(
                source,
                read_only(seeds),
                grid.first_nodes,
                grid.row_nodes,
                read_only(row_weights),
                grid.column_weights,
                grid.spans,
                out,
                reading.linear,
                reading.mode,
                reading.fill,
                reading.weight_dtype,
            )

        return remapped(images, sampling, kernel)


class _Grid(NamedTuple):
    """The nodes that reach an image; see `kaug._kernels.displacement.remap`."""

    first_nodes: Array
    row_nodes: Array
    row_weights: Array
    column_weights: Array
    spans: Array


@lru_cache(maxsize=16)
def _grid(height: int, width: int, spacing: float) -> _Grid:
    """Returns the nodes that reach an image and their weights."""
    rows, row_weights = _reaching(height, spacing)
    columns, near = _reaching(width, spacing)
    count = columns[-1] - columns[0] + 2 * REACH
    numbers = np.arange(columns[0], columns[0] + count)
    spans = np.stack(
        [
            np.searchsorted(columns + 2 * REACH, numbers, side="right"),
            np.searchsorted(columns, numbers, side="right"),
        ],
        axis=1,
    )
    # In each row the weights of one node, from the first column it reaches on: as wide a table as
    # there are columns would be as large as the square of the image.
    column_weights = np.zeros((count, (spans[:, 1] - spans[:, 0]).max()), np.float32)
    for column, first in enumerate(columns - columns[0]):
        own = np.arange(first, first + 2 * REACH)
        column_weights[own, column - spans[own, 0]] = near[column]
    first_nodes = np.array([rows[0], columns[0]])
    parts = (first_nodes, rows - rows[0], row_weights, column_weights, spans)
    return _Grid(*map(read_only, parts))


def _nodes(side: int, spacing: float) -> displacement.Nodes:
    """Returns the nodes that reach one axis, as tensors are displaced by them."""
    nodes, weights = _reaching(side, spacing)
    first = int(nodes[0])
    return displacement.Nodes(first, int(nodes[-1]) - first + 2 * REACH, nodes - first, weights)


def _reaching(size: int, spacing: float) -> tuple[Array, Array]:
    """Returns the first node that reaches each pixel of one axis, and all their weights."""
    weights = np.empty((size, 2 * REACH))
    nodes = [weigh_nodes(float(place), size, spacing, weights[place]) for place in range(size)]
    return np.array(nodes, np.int64), weights
