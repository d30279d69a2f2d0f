"""Fewer pixels and JPEGs in the layer."""

import numpy as np
import pytest

from kaug.transforms import Downscale, JPEGCompression

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
@pytest.mark.usefixtures("by_operation")
def test_values_are_those_of_arrays(transform, shape, dtype, images, both, near):
    near(*both(transform, images(5, shape=shape, dtype=dtype)))


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("transform", [Downscale(), JPEGCompression()])
def test_few_rows(transform, count, images, both, near):
    own, expected = both(transform, images(max(count, 1), shape=(25, 31, 3))[:count])
    assert own.shape == expected.shape == (count, 25, 31, 3)
    near(own, expected)


@pytest.mark.pairwise(
    transform=[
        JPEGCompression(),
        JPEGCompression((1, 100)),
        JPEGCompression(95, value_range=(0, 1)),
    ],
    shape=[(25, 31, 3), (32, 48, 3), (9, 13, 1), (5, 2, 3), (1, 1, 1), (2, 40, 2), (6, 3, 4)],
    dtype=["uint8", "uint16", "float32", "float16"],
)
@pytest.mark.usefixtures("by_operation")
def test_jpegs_are_those_of_arrays(transform, shape, dtype, images, both, near):
    batch = images(5, shape=shape, dtype=dtype)
    own, expected = both(transform, batch)
    if dtype == "uint8":
        np.testing.assert_array_equal(own, expected)
    near(own, expected)


def test_what_is_not_known_stays_so(images, both, near):
    batch = images(2, shape=(25, 31, 3), dtype="float32")
    batch[0, 12, 20, 1] = np.nan
    own, expected = both(JPEGCompression(), batch)
    assert np.isnan(own).sum() == 1
    near(own, expected)
