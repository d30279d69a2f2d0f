"""Morphology in the layer."""

import numpy as np
import pytest

from kaug.transforms import Dilation, Erosion

transforms = pytest.mark.parametrize(
    "transform",
    [Dilation(), Erosion(), Dilation((1, 9)), Erosion(1), Erosion((3, 51), opacity=False)],
)


@transforms
@pytest.mark.parametrize("shape", [(25, 31, 3), (9, 13, 1), (5, 2, 5), (1, 1, 1), (2, 40, 2)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.usefixtures("by_operation")
def test_values_are_those_of_arrays(transform, shape, dtype, images, both):
    np.testing.assert_array_equal(*both(transform, images(5, shape=shape, dtype=dtype)))


@transforms
def test_within_a_value_range_or_nothing(transform, images, both):
    within = type(transform)(3, value_range=(-1, 1))
    batch = images(4, shape=(25, 31, 3), dtype="float32") * 6 - 3
    np.testing.assert_array_equal(*both(within, batch))
    assert both(transform, batch[:0])[0].shape == (0, 25, 31, 3)


@transforms
def test_nan_spreads_as_on_arrays(transform, images, both):
    batch = images(2, shape=(25, 31, 3), dtype="float32")
    batch[:, 12, 20, 1] = np.nan
    own, expected = both(transform, batch)
    assert np.isnan(own).any()
    np.testing.assert_array_equal(own, expected)
