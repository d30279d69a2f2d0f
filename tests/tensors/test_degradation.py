"""Fewer pixels in the layer."""

import pytest

from kaug.transforms import Downscale

SHAPES = [(25, 31, 3), (10, 20, 1), (5, 2, 5), (1, 1, 1), (2, 40, 2)]


@pytest.mark.pairwise(
    transform=[
        Downscale(),
        Downscale((0.01, 1)),
        Downscale(0.4),
        Downscale(0.5, value_range=(0.2, 0.9), opacity=False),
    ],
    shape=SHAPES,
    dtype=["uint8", "uint16", "float32", "float16"],
)
def test_values_are_those_of_arrays(transform, shape, dtype, images, both, near):
    near(*both(transform, images(5, shape=shape, dtype=dtype)))


@pytest.mark.parametrize("count", [0, 1])
def test_few_rows(count, images, both, near):
    own, expected = both(Downscale(), images(max(count, 1), shape=(25, 31, 3))[:count])
    assert own.shape == expected.shape == (count, 25, 31, 3)
    near(own, expected)
