"""What maps of weights are made of, number by number: tests of several families compare with it."""

import numpy as np
from scipy.interpolate import BSpline

from kaug._draw.keys import Key
from kaug._kernels.threefry import encrypt


def units(words, count):
    """Numbers of a row's stream, by the cipher of its draws."""
    own = Key(*map(int, words)).words(np.arange(count), 0)[0]
    return (own >> np.uint32(8)) * 2.0**-24


def step(values):
    values = np.clip(values, 0, 1)
    return values**2 * (3 - 2 * values)


def noise_of(words, octaves, size):
    """Sums B-splines, octave by octave and node by node."""
    bump = BSpline.basis_element(np.arange(-2, 3), extrapolate=False)
    result = np.zeros(size)
    for number, (spacing, share) in enumerate(octaves):
        down, across = ((np.arange(side) - (side - 1) / 2) / (spacing * min(size)) for side in size)
        reach = 2 + int(max(np.abs(down).max(), np.abs(across).max()))
        nodes = np.arange(-reach, reach + 1)
        weights = [np.nan_to_num(bump(place[:, None] - nodes)) for place in (down, across)]
        weights = [each / np.sqrt((each**2).sum(axis=1, keepdims=True)) for each in weights]
        rows = (nodes + number * 2**24) % 2**32
        heights = [
            [encrypt(*map(int, words), int(row), int(column) % 2**32)[0] for column in nodes]
            for row in rows
        ]
        heights = np.array(heights, np.uint32).view(np.int32) * 2.0**-31
        result += share * weights[0] @ heights @ weights[1].T
    return result / np.sqrt(sum(share**2 for _, share in octaves) / 3)
