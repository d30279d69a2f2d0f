"""Sharpness and blur in the layer."""

import numpy as np
import pytest

from kaug.transforms import GaussianBlur, Sharpness

SHAPES = [(25, 31, 3), (9, 13, 1), (5, 2, 5), (1, 1, 1), (2, 40, 2)]
DTYPES = ["uint8", "uint16", "float32", "float16"]


@pytest.mark.pairwise(
    transform=[
        Sharpness((0, 3)),
        Sharpness(value_range=(-1, 1)),
        GaussianBlur(),
        GaussianBlur((0, 0.1)),
        GaussianBlur((0, 7)),
        GaussianBlur((20, 60)),
        GaussianBlur((2, 2), value_range=(0.2, 0.9), opacity=False),
    ],
    shape=SHAPES,
    dtype=DTYPES,
)
@pytest.mark.usefixtures("by_operation")
def test_values_are_those_of_arrays(transform, shape, dtype, images, both, near):
    near(*both(transform, images(5, shape=shape, dtype=dtype)))


@pytest.mark.parametrize("transform", [Sharpness(), GaussianBlur(), GaussianBlur(9)])
@pytest.mark.parametrize("count", [0, 1])
def test_few_rows(transform, count, images, both, near):
    own, expected = both(transform, images(max(count, 1), shape=(25, 31, 3))[:count])
    assert own.shape == expected.shape == (count, 25, 31, 3)
    near(own, expected)


@pytest.mark.parametrize("sigma", [1.5, 9])
@pytest.mark.parametrize("value_range", [None, (-1, 1)])
def test_values_blurred_may_lie_anywhere(sigma, value_range, images, both, near):
    batch = images(4, shape=(25, 31, 3), dtype="float32") * 6 - 3
    own, expected = both(GaussianBlur((0.0, sigma), value_range=value_range), batch)
    near(own, expected)
    assert (np.abs(own).max() > 1) == (value_range is None)


@pytest.mark.parametrize("transform", [Sharpness((2, 2)), GaussianBlur((1, 1))])
def test_nan_spreads_no_farther_than_neighbors(transform, images, both, near):
    batch = images(2, shape=(25, 31, 3), dtype="float32")
    batch[0, 12, 20, 1] = np.nan
    own, expected = both(transform, batch)
    assert np.isnan(own).any()
    near(own, expected)
