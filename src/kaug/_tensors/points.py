"""Points on tensors, and where warps move them."""

from typing import Any

from kaug._tensors import ops

Size = tuple[int, int]


def move_points(points: Any, matrices: Any, size: Size, after: Size) -> Any:
    """Returns where a warp moves points `(B, P, 2)`, (x, y) counted from the first pixel.

    Args:
        points: float32.
        matrices: Of the warp, about the centres, output pixel to input pixel, `(2, 3, B)`.
        size: Height and width of the images.
        after: Those of the result.
    """
    # From the centres, which numbers are the most exact.
    entries = [[ops.reshape(matrices[i, j], (-1, 1)) for j in range(3)] for i in range(2)]
    (a, b, down), (c, d, right) = entries
    row = points[..., 1] - (size[0] - 1) / 2 - down
    column = points[..., 0] - (size[1] - 1) / 2 - right
    determinant = a * d - b * c
    x = (a * column - c * row) / determinant + (after[1] - 1) / 2
    y = (d * row - b * column) / determinant + (after[0] - 1) / 2
    return ops.stack([x, y], axis=-1)
