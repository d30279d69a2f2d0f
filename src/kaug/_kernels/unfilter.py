"""The filters of PNG undone: each byte was stored as its difference to a guess from its neighbours.

The guesses are those of the PNG specification, section 9.
"""

from typing import Any

from numpy.typing import NDArray

from kaug._kernels import jit


@jit
def unfilter(kinds: NDArray[Any], rows: NDArray[Any], step: int) -> None:
    """Restores rows of bytes in place.

    Args:
        kinds: The filter of each row, 0 to 4.
        rows: `(H, bytes of a row)`, as they were stored.
        step: Bytes of a pixel.
    """
    height, length = rows.shape
    for y in range(height):
        kind = kinds[y]
        for x in range(length):
            left = int(rows[y, x - step]) if x >= step else 0
            above = int(rows[y - 1, x]) if y > 0 else 0
            guess = 0
            if kind == 1:
                guess = left
            elif kind == 2:
                guess = above
            elif kind == 3:
                guess = (left + above) // 2
            elif kind == 4:
                corner = int(rows[y - 1, x - step]) if y > 0 and x >= step else 0
                to_left = abs(above - corner)
                to_above = abs(left - corner)
                to_corner = abs(left + above - 2 * corner)
                if to_left <= to_above and to_left <= to_corner:
                    guess = left
                elif to_above <= to_corner:
                    guess = above
                else:
                    guess = corner
            rows[y, x] = (rows[y, x] + guess) & 255
