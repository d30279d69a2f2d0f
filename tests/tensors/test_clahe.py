"""Tiles made flat in the layer."""

import numpy as np
import pytest

from kaug.transforms import CLAHE


@pytest.mark.pairwise(
    transform=[CLAHE(), CLAHE(256, (1, 1)), CLAHE((1, 40), (3, 5), opacity=False)],
    shape=[(25, 31, 3), (16, 24, 1), (9, 13, 5), (1, 1, 1), (2, 40, 2), (6, 3, 4)],
    dtype=["uint8", "uint16", "float32", "float16"],
)
@pytest.mark.usefixtures("by_operation")
def test_values_are_those_of_arrays(transform, shape, dtype, images, both, near):
    own, expected = both(transform, images(5, shape=shape, dtype=dtype))
    if shape[-1] in (3, 4) and dtype != "uint8":  # whose luma may lie half-way between levels
        differ = np.abs(own.astype(float) - expected.astype(float))
        differ = differ / (np.iinfo(dtype).max if dtype == "uint16" else 1)
        assert np.mean(differ > 1e-3) < 0.01
        return
    near(own, expected)


@pytest.mark.parametrize("count", [0, 1])
def test_few_rows(count, images, both, near):
    own, expected = both(CLAHE(), images(max(count, 1), shape=(25, 31, 3))[:count])
    assert own.shape == expected.shape == (count, 25, 31, 3)
    near(own, expected)


def test_nan_stays_and_is_black(images, both, near):
    batch = images(2, shape=(25, 31, 1), dtype="float32")
    batch[0, 12, 20] = np.nan
    own, expected = both(CLAHE(), batch)
    assert np.isnan(own).sum() == 1
    near(own, expected)
