"""Where crops of random area, shape and place lie, and what they must hold.

A rectangle is `[left, top, right, bottom]` in pixels, counted from the corner of the picture; none
at all is `NOTHING`.
"""

from typing import Any

import numpy as np

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
    height, width = size
    left, top, right, bottom = held.T
    least_down, least_across = _sides(held)
    # A box as wide as the picture, and one as high; what lies between these fits.
    aspect = width / height
    with np.errstate(divide="ignore"):  # what must hold nothing may have any ratio
        lowest = least_across**2 / (area * height * width)
        highest = area * height * width / least_down**2
    low = np.clip(np.maximum(area * aspect, lowest), *ratios)
    high = np.clip(np.minimum(aspect / area, highest), *ratios)
    ratio = low * (high / low) ** parameters["shape"]
    down = np.sqrt(area / ratio * (height * width))
    across = down * ratio
    fit = np.minimum(1.0, np.minimum(height / down, width / across))
    # Rounded, so that a box of the whole picture is one exactly.
    down, across = (
        np.maximum(np.minimum(np.floor(each * fit * _FINENESS + 0.5) / _FINENESS, side), least)
        for each, side, least in ((down, height, least_down), (across, width, least_across))
    )
    places = (
        _between(parameters["top"], bottom - down, np.minimum(height - down, top)),
        _between(parameters["left"], right - across, np.minimum(width - across, left)),
    )
    boxes = np.stack([*places, down, across], axis=1)
    whole = np.stack(np.broadcast_arrays(0.0, 0.0, height, width), axis=-1)
    return np.where(parameters["applied"][:, np.newaxis], boxes, whole)


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
    low, high = scales
    down, across = _sides(held)
    least = np.maximum(down * across, np.maximum(across**2 / ratios[1], down**2 * ratios[0]))
    least = np.minimum(least / (size[0] * size[1]), 1.0)
    share = (areas - low) / (high - low) if high > low else np.zeros_like(areas)
    spread = np.clip(least + share * (np.maximum(high, least) - least), least, 1.0)
    return np.where(least > low, spread, areas)


def _sides(held: Floats) -> tuple[Any, Any]:
    """Returns heights and widths of what is held; 0 of nothing."""
    left, top, right, bottom = held.T
    return np.maximum(bottom - top, 0), np.maximum(right - left, 0)


def _between(share: Floats, first: Any, last: Any) -> Floats:
    """Returns a place between two, the first of which is not below 0."""
    first = np.maximum(first, 0.0)
    return np.asarray(first + share * (last - first))
