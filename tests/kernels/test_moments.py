"""Sums over pixels beside NumPy's: any number of channels, any size, and beyond 32 bits."""

import numpy as np
import pytest

from kaug._kernels.moments import moments


def expected(images):
    """Returns means and covariances of values of 0..1."""
    pixels = images.reshape(len(images), -1, images.shape[-1]).astype("float64")
    pixels /= 255 if images.dtype == np.uint8 else 1
    away = pixels - pixels.mean(axis=1, keepdims=True)
    return pixels.mean(axis=1), away.transpose(0, 2, 1) @ away / pixels.shape[1]


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 2, 3, 5, 12])
@pytest.mark.parametrize("size", [(1, 1), (1, 31), (4, 8), (3, 11), (8, 13), (41, 37)])
def test_means_and_covariances(images, size, channels, dtype):
    batch = images(4, shape=(*size, channels), dtype=dtype)
    means, covariances = moments(batch)
    due_means, due = expected(batch)
    np.testing.assert_allclose(means, due_means, atol=1e-12)
    np.testing.assert_allclose(covariances, due, atol=1e-12)
    means, variances = moments(batch, together=False)
    np.testing.assert_allclose(means, due_means, atol=1e-12)
    diagonal = np.diagonal(variances, axis1=1, axis2=2)
    np.testing.assert_allclose(diagonal, np.diagonal(due, axis1=1, axis2=2), atol=1e-12)


def test_more_white_than_32_bits_hold():
    white = np.full((1, 1500, 1500, 1), 255, "uint8")
    white[0, ::2, :, :] = 254
    means, covariances = moments(white)
    assert means[0, 0] == 254.5 / 255
    np.testing.assert_allclose(covariances[0, 0, 0], 0.25 / 255**2, rtol=1e-12)


def test_one_value_does_not_vary():
    for plain in (np.full((1, 7, 9, 3), 77, "uint8"), np.full((1, 7, 9, 3), 0.3, "float32")):
        means, covariances = moments(plain)
        np.testing.assert_allclose(means, 77 / 255 if plain.dtype == np.uint8 else 0.3, rtol=1e-6)
        assert np.abs(covariances).max() < 1e-15
    assert not moments(np.full((1, 7, 9, 3), 77, "uint8"))[1].any()


def test_floats_beyond_count_as_clipped_and_nan_as_black(images):
    batch = images(2, dtype="float64")
    batch[0, 1, 2] = np.nan, np.inf, -3
    batch[1, 0, 0] = -np.inf, 1.001, 5
    means, covariances = moments(batch)
    known = np.where(np.isnan(batch), 0, batch).clip(0, 1)
    np.testing.assert_allclose(means, expected(known)[0], atol=1e-12)
    np.testing.assert_allclose(covariances, expected(known)[1], atol=1e-12)
