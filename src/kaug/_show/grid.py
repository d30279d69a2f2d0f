"""Where images stand in a figure."""

import math

from matplotlib.figure import Figure

from kaug._validation import check_integer, message

MAX_IMAGES = 1_000  # a grid of more takes minutes to draw and cannot be seen
TITLE = 0.2  # inches a label takes above its image
_GAP = 0.04  # inches between two images

Cell = tuple[float, float, float, float]


def grid_of(count: int, rows: int | None, columns: int | None) -> tuple[int, int]:
    """Returns the rows and columns of the grid that shows `count` images."""
    if rows is not None:
        rows = check_integer(rows, "rows", minimum=1)
    if columns is not None:
        columns = check_integer(columns, "columns", minimum=1)
    _check_shown(count if rows is None or columns is None else min(count, rows * columns))
    if columns is None:
        # A handful reads best side by side.
        square = count if count <= 5 else math.ceil(math.sqrt(count))
        columns = square if rows is None else math.ceil(count / rows)
    if rows is None:
        rows = math.ceil(count / columns)
    return rows, columns


def _check_shown(count: int) -> None:
    if count > MAX_IMAGES:
        rule = f"At most {MAX_IMAGES:,} images fit in a figure"
        received = f"{count:,} images to show" if count < 2**63 else "far more to show"
        raise ValueError(message(rule, received, "Pass x[:100], or rows=10, columns=10."))


def size_of_grid(
    aspect: float, rows: int, columns: int, header: float, largest: float
) -> tuple[float, float]:
    """Returns the width and the height of a figure in inches.

    Args:
        aspect: Height of an image over its width.
        rows: Of the grid.
        columns: Of the grid.
        header: Inches above each image.
        largest: How many inches an image is wide at most.
    """
    # 10 inches wide at ten columns; a small grid gets larger images.
    width = min(largest, max(1.0, 10 / max(rows, columns)))
    return width * columns, (width * min(4.0, max(0.25, aspect)) + header) * rows


def cells_of(figure: Figure, rows: int, columns: int, header: float) -> list[Cell]:
    """Returns left, bottom, width and height of every image, row by row, in parts of the figure."""
    # From bbox and dpi, not get_size_inches, which a SubFigure does not have.
    width, height = figure.bbox.width / figure.dpi, figure.bbox.height / figure.dpi
    cell_width, cell_height = width / columns, height / rows
    return [
        (
            (column * cell_width + _GAP / 2) / width,
            1 - ((row + 1) * cell_height - _GAP / 2) / height,
            max(cell_width - _GAP, _GAP) / width,
            max(cell_height - header - _GAP, _GAP) / height,
        )
        for row in range(rows)
        for column in range(columns)
    ]
