"""Colors of classes, for boxes, masks and points; the same class has one color everywhere."""

import numpy as np

from kaug._types import Array, Floats

# Okabe and Ito, "Color Universal Design", 2008, without black; then others, each of which is as far
# from all before it as any color that is neither gray nor almost black or white, in CIELAB and in
# what the red-blind and the green-blind see of it.
_PALETTE = (
    *("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#d55e00", "#0072b2"),
    *("#0000ff", "#662200", "#bbee99", "#661144", "#3322aa", "#6677ff", "#77ffff"),
    *("#dd0044", "#aaddbb", "#003377", "#ccaa55", "#0055ff", "#445577", "#aaff77"),
)


def _rgb(text: str) -> list[float]:
    return [int(text[start : start + 2], 16) / 255 for start in (1, 3, 5)]


_RGB = np.array([_rgb(text) for text in _PALETTE])


def colors_of(numbers: Array) -> Floats:
    """Returns red, green and blue in 0..1 for numbers from 0 on, `(…, 3)`.

    There are 21, which begin again after that.
    """
    return np.asarray(_RGB[np.asarray(numbers).astype(np.int64) % len(_RGB)])
