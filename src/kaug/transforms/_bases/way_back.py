"""Places of transformed images brought back to where they were: for predictions.

The matrices of a warp map pixels of the result to those of the image it was made of, so they lead
back as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._apply import matrices
from kaug._apply.batches import take_rows
from kaug._apply.boxes import corner_matrix
from kaug._apply.matrices import to_pixels
from kaug._apply.stages import Step
from kaug._draw.draws import Draws
from kaug._draw.keys import Key
from kaug._targets.box_checks import check_values
from kaug._targets.box_columns import as_places
from kaug._targets.structures import check_finite
from kaug._types import Array, Floats, Parameters, Size
from kaug._validation import as_array, describe, message

_ROWS = 64
# The longest side of an image.
_LONGEST = 2**31


class _End:
    """A key all of whose words are the least or the greatest there is."""

    def __init__(self, word: int) -> None:
        self._word = word

    def child(self, number: int) -> _End:
        del number
        return self

    def words(self, rows: NDArray[np.int64], block: int, *, count: int = 1) -> NDArray[np.uint32]:
        del block
        return np.full((2 * count, len(rows)), self._word, np.uint32)


def certain_parameters(transform: Any) -> Parameters:
    """Returns the parameters of any row of a transform that leaves no movement of pixels to chance.

    Chance shows where words at both their ends, or any between, make different parameters.

    Raises:
        ValueError: The transform does leave some.
    """
    keys: list[Any] = [Key.from_seed(0), _End(0), _End(2**32 - 1)]
    drawn = [transform._draw(Draws(key, np.arange(_ROWS))) for key in keys]
    for steps in zip(*(moving_steps(transform, each) for each in drawn), strict=True):
        first = steps[0].part(slice(0, 1))
        if not all(_does_as(first, step) for step in steps):
            rule = "The way back from what is left to chance needs what was drawn"
            fix = "Pass what `draw` returned for these rows, and augment them by `apply`."
            raise ValueError(message(rule, f"no `parameters` of {first.transform!r}", fix))
    certain: Parameters = take_rows(drawn[0], np.zeros(1, np.int64))
    return certain


def _does_as(first: Step, step: Step) -> bool:
    """Tells whether a step does to each of its rows what another one does to its only one."""
    if not (step.rows == first.rows).all():
        return False
    own, other = step.parameters, first.parameters
    return not first.rows[0] or all(bool(np.all(own[name] == other[name])) for name in own)


def moving_steps(transform: Any, parameters: Parameters) -> list[Step]:
    """Returns the steps of a transform that move pixels.

    Raises:
        ValueError: One of them is no affine warp, or its warp is not known.
    """
    steps = [step for step in transform._steps(parameters) if not step.transform.photometric]
    for step in steps:
        if step.transform._aims:
            rule = "The way back needs crops whose place is drawn"
            received = f"{step.transform!r}, which depends on the boxes of each image"
            raise ValueError(message(rule, received, "Use RandomResizedCrop or RandomCrop."))
        if step.transform._resampling() is None:
            rule = "There is a way back through affine transforms, and those of values"
            fix = "Predict on Letterbox, Resize, crops, flips and other affine geometry."
            raise ValueError(message(rule, repr(step.transform), fix))
    return steps


class WayBack:
    """Where pixels of transformed images come from.

    Args:
        transform: What transformed them.
        parameters: What it did to each row.
        size: Height and width of the images before, for all or `(N, 2)`.
        count: How many there are, N.

    Raises:
        TypeError: Sizes are no integers.
        ValueError: The transform is not affine, or sizes are none of N images.
    """

    def __init__(self, transform: Any, parameters: Parameters, size: Any, count: int) -> None:
        sizes = _checked_sizes(size, count)
        self.before: Size = (sizes[:, 0], sizes[:, 1])
        self.after = self.before
        warp = matrices.identity(np.arange(count))
        for step in moving_steps(transform, parameters):
            own = step.transform._matrices(step.parameters, self.after)
            warp = matrices.compose(warp, matrices.where(step.rows, own))
            height, width, _ = step.output_shape((*self.after, 1))
            self.after = (height, width)
        self._pixels = to_pixels(warp, self.before, self.after)[:, ::-1]  # x, then y

    def points(self, points: Floats) -> Floats:
        """Returns points `(N, P, 2)`, (x, y) counted from the first pixel, brought back."""
        back = points @ self._pixels[:, :, 1::-1].transpose(0, 2, 1)
        return np.asarray(back + self._pixels[:, np.newaxis, :, 2])

    def boxes(self, boxes: Array, box_format: str, *, clip: bool) -> Floats:
        """Returns the boxes `(N, B, 4)` around boxes that were brought back, in their format."""
        relative, form = box_format.startswith("rel_"), box_format.removeprefix("rel_")
        to_corners = corner_matrix(form, (1, 1))
        unit = _ends(self.after) if relative else 1.0
        left, top, right, bottom = np.moveaxis(boxes @ to_corners * unit - 0.5, -1, 0)
        x, y = (left, right, right, left), (top, top, bottom, bottom)
        corners = np.stack([np.stack(x, axis=-1), np.stack(y, axis=-1)], axis=-1)
        back = self.points(corners.reshape(len(boxes), 4 * boxes.shape[1], 2))
        back = back.reshape(corners.shape) + 0.5
        result = np.concatenate([back.min(axis=2), back.max(axis=2)], axis=-1)
        ends = _ends(self.before)
        result = np.clip(result, 0, ends) if clip else result
        return np.asarray((result / ends if relative else result) @ np.linalg.inv(to_corners))


def _ends(size: Size) -> Floats:
    """Returns what a box of the whole image ends at, for each row: `(N, 1, 4)`."""
    height, width = (np.asarray(side, np.float64) for side in np.broadcast_arrays(*size))
    ends = np.stack([width, height, width, height], axis=-1)
    return ends.reshape(-1, 1, 4)


def checked_boxes(value: Any, box_format: str) -> tuple[Array, NDArray[np.bool_]]:
    """Returns boxes `(N, B, 4)` of a format, and which are padding: four times 0, or -1.

    Raises:
        TypeError: They are no numbers.
        ValueError: They have another shape, or cannot be what their format says.
    """
    boxes = checked_places(value, "boxes", (4,))
    padding = (boxes == 0).all(axis=-1) | (boxes == -1).all(axis=-1)
    check_values(boxes, np.where(padding, -1, 0), box_format, (None, None))
    return boxes, padding


def checked_places(value: Any, name: str, lengths: tuple[int, ...]) -> Array:
    """Returns places `(N, P, _)` with one of some lengths, as floats that hold every pixel."""
    rule = f"`{name}` must be numbers of shape " + " or ".join(f"(N, P, {n})" for n in lengths)
    places = as_array(value, name)
    if places.dtype.kind not in "iuf" or places.ndim != 3 or places.shape[2] not in lengths:
        raise ValueError(message(rule, describe(places)))
    check_finite(places, name)
    return as_places(places)


def _checked_sizes(size: Any, count: int) -> NDArray[np.int64]:
    rule = f"`size` must be (height, width) in pixels, for all images or for each of the {count}"
    sizes = np.asarray(size)
    if sizes.dtype.kind not in "iu":
        raise TypeError(message(rule, describe(size), "Pass integers: images.shape[1:3]."))
    if sizes.shape not in ((2,), (count, 2)):
        raise ValueError(message(rule, describe(size)))
    if sizes.size and (sizes.min() < 1 or sizes.max() > _LONGEST):
        raise ValueError(message(rule, describe(size), f"Sides are 1..{_LONGEST:,} pixels long."))
    return np.broadcast_to(sizes, (count, 2)).astype(np.int64)
