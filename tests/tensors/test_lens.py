"""A zooming lens in the layer."""

import pytest

from kaug.transforms import ZoomBlur


@pytest.mark.pairwise(
    transform=[ZoomBlur(), ZoomBlur(3), ZoomBlur(1.0), ZoomBlur(value_range=(0.2, 0.9))],
    shape=[(25, 31, 3), (9, 13, 1), (5, 2, 5), (1, 1, 1)],
    dtype=["uint8", "uint16", "float32"],
)
@pytest.mark.usefixtures("by_operation")
def test_values_are_those_of_arrays(transform, shape, dtype, images, both, near):
    near(*both(transform, images(5, shape=shape, dtype=dtype)))


@pytest.mark.parametrize("count", [0, 1])
def test_few_rows(count, images, both):
    own, expected = both(ZoomBlur(), images(1, shape=(25, 31, 3))[:count])
    assert own.shape == expected.shape == (count, 25, 31, 3)
