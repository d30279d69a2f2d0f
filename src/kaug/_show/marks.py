"""Draws boxes, masks and points on a picture."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from matplotlib.textpath import TextPath
from matplotlib.transforms import Bbox, TransformedBbox

from kaug._colors import GRAY
from kaug._show.targets import Marks
from kaug._types import Floats

_MARGIN = 0.02  # of the axes; so far may a line on the border reach beyond
_PAD = 0.15  # around a name, in parts of its size
_LINE = 1.25  # the height of a line of text, likewise
_HALO = 1.4  # points that the line behind an outline is wider
_FEW = 8  # boxes; where there are more, their names are smaller
_DARK = 0.5  # colors less bright than that have white behind them, and white text on them

Place = tuple[float, float, float, float]


def draw_marks(ax: Axes, marks: Marks, size: tuple[int, int]) -> None:
    """Draws what belongs to a picture that the axes show already.

    Args:
        ax: Where to.
        marks: What.
        size: Height and width of the picture.
    """
    height, width = size
    ax.set_xlim(-0.5, width - 0.5)
    ax.set_ylim(height - 0.5, -0.5)
    if marks.overlay is not None:
        ax.imshow(marks.overlay, interpolation="nearest")
    cell = np.array([ax.bbox.width, ax.bbox.height]) / ax.figure.dpi * 72  # in points
    per_pixel = float(min(cell / (width, height)))
    side = float(min(cell))  # not of the picture: those of a figure are drawn alike
    clip = TransformedBbox(Bbox([[-_MARGIN, -_MARGIN], [1 + _MARGIN, 1 + _MARGIN]]), ax.transAxes)
    _draw_boxes(ax, marks, float(np.clip(side / 90, 1.0, 2.0)), clip)
    if len(marks.points):
        _draw_points(ax, marks, float(np.clip(side / 24, 2.5, 6.0)), clip)
    crowd = min(1.0, _FEW / max(1, len(marks.names)))
    font = float(np.clip(side / 18 * crowd, 5.0, 9.0))
    _draw_names(ax, marks, size, font, per_pixel)


def _draw_boxes(ax: Axes, marks: Marks, line: float, clip: TransformedBbox) -> None:
    for corners, color in zip(marks.polygons, marks.box_colors, strict=True):
        outline = Polygon(
            corners, fill=False, edgecolor=color, linewidth=line, joinstyle="miter", zorder=2
        )
        halo = "#ffffffa0" if _is_dark(color) else "#000000a0"
        stroke = patheffects.withStroke(linewidth=line + _HALO, foreground=halo)
        outline.set_path_effects([stroke])
        ax.add_patch(outline)
        outline.set_clip_path(None)
        outline.set_clip_box(clip)


def _is_dark(color: Floats) -> bool:
    return bool(color @ GRAY < _DARK)


def _draw_points(ax: Axes, marks: Marks, diameter: float, clip: TransformedBbox) -> None:
    x, y = marks.points.T
    dots = ax.scatter(
        x,
        y,
        s=diameter**2,
        c=marks.point_colors,
        edgecolors="black",
        linewidths=diameter / 8,
        zorder=3,
    )
    dots.set_clip_path(None)
    dots.set_clip_box(clip)


# Names --------------------------------------------------------------------------------------------


def _draw_names(
    ax: Axes, marks: Marks, size: tuple[int, int], font: float, per_pixel: float
) -> None:
    """Writes names beside boxes, none over another; one for which there is no place is left out."""
    taken: list[Place] = []
    for name, corners, color in zip(marks.names, marks.polygons, marks.box_colors, strict=True):
        extent = (_width_of(name, font) + 2 * _PAD * font) / per_pixel, _LINE * font / per_pixel
        place = next((each for each in _places(corners, extent, size) if _free(each, taken)), None)
        if place is None:
            continue
        taken.append(place)
        left, top, right, bottom = place
        ax.text(
            (left + right) / 2,
            (top + bottom) / 2,
            name,
            fontsize=font,
            color="white" if _is_dark(color) else "black",
            ha="center",
            va="center_baseline",
            bbox={"boxstyle": f"square,pad={_PAD}", "facecolor": color, "edgecolor": "none"},
            zorder=4,
        )


def _places(corners: Floats, extent: tuple[float, float], size: tuple[int, int]) -> Iterator[Place]:
    """Yields where a name may stand in the picture: above its box, in it, below it."""
    (width, height), (rows, columns) = extent, size
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    farthest = columns - 0.5 - width
    if farthest < -0.5:
        return
    for x in (left, right - width):
        for y in (top - height, top, bottom - height, bottom):
            if -0.5 <= y <= rows - 0.5 - height:
                begin = float(np.clip(x, -0.5, farthest))
                yield begin, float(y), begin + width, float(y) + height


def _free(place: Place, taken: list[Place]) -> bool:
    left, top, right, bottom = place
    return all(
        right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
        for other in taken
    )


@lru_cache(maxsize=1024)
def _width_of(name: str, font: float) -> float:
    """Returns how wide a text is, in points."""
    return float(TextPath((0, 0), name, size=font).get_extents().width) if name.strip() else 0.0
