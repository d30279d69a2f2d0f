"""Where crops of random area, shape and place lie, and what they must hold.

A rectangle is `[left, top, right, bottom]` in pixels, counted from the corner of the picture; none
at all is `NOTHING`.
"""

from typing import Any

import numpy as np

from kaug._namespace import namespace
from kaug._tensors import ops
from kaug._types import Floats, Parameters, Size

#: What of a picture is held where nothing has to be: `[left, top, right, bottom]`.
NOTHING = np.array([np.inf, np.inf, -np.inf, -np.inf])

# Sizes of boxes are rounded to multiples of one over this.
_FINENESS = 2.0**32


def crops(
    parameters: Parameters, size: Size, ratios: tuple[float, float], held: Floats = NOTHING
) -> Floats:
    """Returns crops `(M, 4)`: top, left, height and width in pixels, the whole where not applied.

    Args:
        parameters: For M rows: `area`, a fraction; `shape`, 0..1 from the tallest to the widest
            that fits; `top` and `left`, 0..1 over where it fits; and `applied`.
        size: Height and width of the picture, of each an integer or one for each row.
        ratios: The least and the greatest width over height, kept where that is possible.
        held: Rectangles `(M, 4)` within the picture that must lie in the crops, or one for all.
    """
    area = parameters["area"]
    xp: Any = namespace(area)
    height, width = size
    left, top, right, bottom = _edges(held)
    least_down, least_across = _sides(held, xp)
    # A box as wide as the picture, and one as high; what lies between these fits.
    aspect = width / height
    with np.errstate(divide="ignore"):  # what must hold nothing may have any ratio
        lowest = least_across**2 / (area * height * width)
        highest = area * height * width / least_down**2
    low = xp.clip(xp.maximum(area * aspect, lowest), *ratios)
    high = xp.clip(xp.minimum(aspect / area, highest), *ratios)
    ratio = low * (high / low) ** parameters["shape"]
    down = xp.sqrt(area / ratio * (height * width))
    across = down * ratio
    fit = xp.minimum(1.0, xp.minimum(height / down, width / across))
    # Rounded, so that a box of the whole picture is one exactly.
    down, across = (
        xp.maximum(xp.minimum(xp.floor(each * fit * _FINENESS + 0.5) / _FINENESS, side), least)
        for each, side, least in ((down, height, least_down), (across, width, least_across))
    )
    places = (
        _between(parameters["top"], bottom - down, xp.minimum(height - down, top), xp),
        _between(parameters["left"], right - across, xp.minimum(width - across, left), xp),
    )
    boxes = xp.stack([*places, down, across], axis=1)
    result: Floats = xp.where(parameters["applied"][:, np.newaxis], boxes, whole(size, area))
    return result


def whole(size: Size, like: Any) -> Any:
    """Returns the crops that are whole pictures, `(M, 4)` or `(1, 4)`.

    Args:
        size: Height and width of the picture, of each an integer or one for each row.
        like: Something else of the M rows, an array or a tensor.
    """
    if namespace(like) is np:
        return np.stack(np.broadcast_arrays(0.0, 0.0, *size), axis=-1).reshape(-1, 4)
    return ops.convert_to_tensor([[0.0, 0.0, *map(float, size)]], "float32")


def areas_that_hold(
    areas: Floats,
    scales: tuple[float, float],
    size: Size,
    ratios: tuple[float, float],
    held: Floats,
) -> Floats:
    """Returns areas of crops `(M,)`, fractions of the picture, that are as large as they must be.

    What was evenly spread over `scales` is so over that part of it with which a crop of one of the
    ratios holds what it must, and is the least that does where no part is left.

    Args:
        areas: As drawn, `(M,)`.
        scales: Between which they were drawn.
        size: Height and width of the picture, of each an integer or one for each row.
        ratios: As for `crops`.
        held: As for `crops`.
    """
    xp: Any = namespace(areas)
    low, high = scales
    down, across = _sides(held, xp)
    least = xp.maximum(down * across, xp.maximum(across**2 / ratios[1], down**2 * ratios[0]))
    least = xp.minimum(least / (size[0] * size[1]), 1.0)
    share = (areas - low) / (high - low) if high > low else xp.zeros_like(areas)
    spread = least + share * (xp.maximum(high, least) - least)
    spread = xp.minimum(xp.maximum(spread, least), 1.0)
    result: Floats = xp.where(least > low, spread, areas)
    return result


def _edges(held: Any) -> list[Any]:
    """Returns left, top, right and bottom of what is held."""
    return held.tolist() if held is NOTHING else [held[..., i] for i in range(4)]


def _sides(held: Any, xp: Any) -> tuple[Any, Any]:
    """Returns heights and widths of what is held; 0 of nothing."""
    left, top, right, bottom = _edges(held)
    return xp.maximum(bottom - top, 0.0), xp.maximum(right - left, 0.0)


def _between(share: Any, first: Any, last: Any, xp: Any) -> Any:
    """Returns a place between two, the first of which is not below 0."""
    first = xp.maximum(first, 0.0)
    return first + share * (last - first)
