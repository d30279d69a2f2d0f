"""Blur of other shapes than a bell's in the layer."""

import numpy as np
import pytest

from kaug.transforms import BoxBlur, Defocus, MedianBlur, MotionBlur

SHAPES = [(25, 31, 3), (9, 13, 1), (5, 2, 5), (1, 1, 1), (2, 40, 2)]
DTYPES = ["uint8", "uint16", "float32", "float16"]


@pytest.mark.pairwise(
    transform=[
        MotionBlur(),
        MotionBlur(1),
        MotionBlur((10, 20), (0, 180), opacity=False),
        MotionBlur(6, value_range=(0.2, 0.9)),
        Defocus(),
        Defocus((0, 0.4)),
        Defocus(7),
        MedianBlur(),
        MedianBlur(7, value_range=(0.2, 0.9)),
        BoxBlur(),
        BoxBlur(1),
        BoxBlur((3, 25), value_range=(0.2, 0.9)),
    ],
    shape=SHAPES,
    dtype=DTYPES,
)
@pytest.mark.usefixtures("by_operation")
def test_values_are_those_of_arrays(transform, shape, dtype, images, both, near):
    near(*both(transform, images(5, shape=shape, dtype=dtype)))


@pytest.mark.parametrize("transform", [MotionBlur(), Defocus(), MedianBlur(), BoxBlur(5)])
class TestAll:
    @pytest.mark.parametrize("count", [0, 1])
    def test_few_rows(self, transform, count, images, both, near):
        own, expected = both(transform, images(max(count, 1), shape=(25, 31, 3))[:count])
        assert own.shape == expected.shape == (count, 25, 31, 3)
        near(own, expected)

    def test_values_may_lie_anywhere(self, transform, images, both, near):
        own, expected = both(transform, images(4, shape=(25, 31, 3), dtype="float32") * 6 - 3)
        near(own, expected)
        assert np.abs(own).max() > 1

    def test_nan_spreads_no_farther_than_weights(self, transform, images, both, near):
        batch = images(2, shape=(25, 31, 3), dtype="float32")
        batch[:, 12, 20, 1] = np.nan
        own, expected = both(transform, batch)
        assert np.isnan(own).any()
        near(own, expected)
