"""Bytes and floats by one text: what kernels call gives what its dtype asks for."""

import numba
import numpy as np
import pytest

from kaug._kernels import samples

FLOATS = ("float32", "float64")


def called(function, array, *others):
    return numba.njit(lambda array, *others: function(array, *others))(array, *others)


@pytest.mark.parametrize("dtype", FLOATS)
def test_floats_are_loaded_and_fitted_into_their_range(dtype):
    kind = np.dtype(dtype).type
    array = np.array([-1, -0.0, 0.25, 1, 1.001, np.inf, np.nan], dtype)
    clipped = [0, 0, 0.25, 1, 1, 1, np.nan]
    for function in (samples.fit, samples.clip):
        found = [called(function, array, value) for value in array]
        np.testing.assert_array_equal(found, clipped)
    np.testing.assert_array_equal([called(samples.load, array, k) for k in range(7)], clipped)
    assert called(samples.rounded, array, kind(0.3)) == kind(0.3)
    assert called(samples.white, array) == 1


def test_bytes_are_loaded_as_they_are_and_rounded_half_up():
    array = np.array([0, 3, 255], "uint8")
    assert [called(samples.load, array, k) for k in range(3)] == [0, 3, 255]
    values = {-9: 0, 0.49: 0, 0.5: 1, 2.5: 3, 254.4: 254, 254.5: 255, 400: 255, np.nan: 0}
    for value, byte in values.items():
        assert called(samples.fit, array, np.float32(value)) == byte
    for value, byte in {0: 0, 0.5: 1, 2.5: 3, 254.4: 254, 255: 255}.items():
        assert called(samples.rounded, array, np.float32(value)) == byte
    assert [called(samples.clip, array, np.float32(v)) for v in (-1, 9.5, 300)] == [0, 9.5, 255]
    assert called(samples.white, array) == 255


@pytest.mark.parametrize("dtype", FLOATS)
def test_floats_beyond_rounding_are_outside(dtype):
    values = {-0.01: True, -0.001: False, 0: False, 1.001: False, 1.01: True, np.nan: False}
    array = np.array([*values, np.inf, -np.inf], dtype)
    found = [called(samples.is_outside, array, k) for k in range(len(array))]
    assert found == [*values.values(), True, True]


def test_no_byte_is_outside():
    assert not called(samples.is_outside, np.array([255], "uint8"), 0)


@pytest.mark.parametrize("dtype", ["uint8", *FLOATS])
def test_luma_is_that_of_pillow(dtype):
    """Whole for bytes; of floats, the weights of ITU-R 601."""
    array = np.zeros(3, dtype)
    kind = np.float32 if dtype == "uint8" else np.dtype(dtype).type
    assert called(samples.luma, array, kind(1), kind(1), kind(1)) == 1
    found = called(samples.luma, array, kind(200), kind(100), kind(50))
    assert found == (124 if dtype == "uint8" else pytest.approx(124.2, abs=1e-3))
