"""Relief, ringing, sharpening by what a blur takes, and sepia in the layer."""

import numpy as np
import pytest

from kaug.transforms import Emboss, Ringing, Sepia, UnsharpMask

EVERY = [
    Emboss(),
    Emboss((2, 3), value_range=(0.2, 0.9), opacity=False),
    Ringing(),
    Ringing(3, (0.05, 1)),
    UnsharpMask(),
    UnsharpMask((4, 9), (0, 3), (0, 0.1)),
]


@pytest.mark.pairwise(
    transform=EVERY,
    shape=[(25, 31, 3), (9, 13, 1), (5, 2, 5), (1, 1, 1), (2, 40, 2)],
    dtype=["uint8", "uint16", "float32"],
)
@pytest.mark.usefixtures("by_operation")
def test_values_are_those_of_arrays(transform, shape, dtype, images, both, near):
    near(*both(transform, images(5, shape=shape, dtype=dtype)))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_sepia_is_that_of_arrays(dtype, images, both, near):
    near(*both(Sepia((0, 1)), images(5, shape=(9, 13, 3), dtype=dtype)))


@pytest.mark.parametrize("transform", [Emboss(), Ringing(), UnsharpMask((1, 1)), Sepia()])
def test_nan_spreads_as_on_arrays(transform, images, both, near):
    batch = images(2, shape=(25, 31, 3), dtype="float32")
    batch[0, 12, 20, 1] = np.nan
    own, expected = both(transform, batch)
    assert np.isnan(own).any()
    near(own, expected)
