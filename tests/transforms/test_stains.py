"""Stains against the arithmetic of optical densities."""

import numpy as np
import pytest

from kaug.transforms.stains import HEStain

# Ruifrok and Johnston (2001), as scikit-image has it.
RGB_FROM_HED = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
SHAPES = [(9, 14, 3), (8, 13, 3), (1, 1, 3), (33, 31, 3)]
SCALES = np.array([[1.0, 1.0], [0.5, 1.0], [1.0, 2.0], [0.0, 0.3], [3.0, 10.0]])
SHIFTS = np.array([[0.0, 0.0], [0.0, 0.1], [-0.2, 0.0], [0.05, -0.05], [1.0, -1.0]])


def restained(image, scale, shift):
    """Splits one image, floats in 0..1, into stains, changes them, and puts them together."""
    stains = -np.log10(np.maximum(image, 1e-6)) @ np.linalg.inv(RGB_FROM_HED)
    stains[..., :2] = stains[..., :2] * scale + shift
    return np.clip(10.0 ** -(stains @ RGB_FROM_HED), 0, 1)


@pytest.mark.parametrize("shape", SHAPES)
def test_stains_are_scaled_and_shifted(images, shape):
    batch = images(5, shape=shape)
    batch[:, 0, 0] = 0, 255, 1
    parameters = {"scale": SCALES, "shift": SHIFTS}
    expected = np.stack([restained(*row) for row in zip(batch / 255, SCALES, SHIFTS, strict=True)])
    floats = HEStain().transform_images(batch / 255, parameters)
    np.testing.assert_allclose(floats, expected, atol=1e-9)
    made = HEStain().transform_images(batch, parameters)
    assert np.abs(made - 255 * expected).max() <= 0.5 + 1e-2
    np.testing.assert_array_equal(made[0], batch[0])


def test_a_stain_alone_by_hand():
    """A pixel of hematoxylin alone, twice as much of it, and one of DAB, which stays."""
    pixels = 10.0 ** -np.array([0.4 * RGB_FROM_HED[0], 0.4 * RGB_FROM_HED[2]])
    parameters = {"scale": np.array([[2.0, 5.0]]), "shift": np.zeros((1, 2))}
    made = HEStain().transform_images(pixels.reshape(1, 1, 2, 3), parameters)[0, 0]
    np.testing.assert_allclose(made[0], 10.0 ** -(0.8 * RGB_FROM_HED[0]), atol=1e-12)
    np.testing.assert_allclose(made[1], pixels[1], atol=1e-12)


def test_each_stain_has_its_own_draws():
    drawn = HEStain(0.3, 0.05).draw(np.arange(2000), seed=0)
    for name, low, high in (("scale", 0.7, 1.3), ("shift", -0.05, 0.05)):
        assert drawn[name].shape == (2000, 2)
        assert low < drawn[name].min() < low + 0.01 < high - 0.01 < drawn[name].max() < high
        assert abs(np.corrcoef(drawn[name].T)[0, 1]) < 4 / np.sqrt(2000)


def test_channels(images):
    gray = images(3, shape=(8, 13, 1))
    np.testing.assert_array_equal(HEStain()(gray, seed=0), gray)
    with pytest.raises(ValueError, match="HEStain needs images of 3 channels"):
        HEStain()(images(3, shape=(8, 13, 5)), seed=0)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint16"])
def test_other_dtypes_look_the_same(images, dtype):
    batch = images(4, shape=(9, 14, 3))
    white = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    other = (batch / 255 * white).round(0 if white > 1 else 6).astype(dtype)
    made = HEStain()(other, seed=1)
    assert made.dtype == dtype
    expected = HEStain()(batch, seed=1)
    assert np.abs(made.astype("float64") / white * 255 - expected).max() < 1.2


def test_values_mean_what_the_range_says(images):
    batch = images(3, dtype="float64")
    shifted = HEStain(value_range=(-1, 3))(batch * 4 - 1, seed=1)
    np.testing.assert_allclose((shifted + 1) / 4, HEStain()(batch, seed=1), atol=1e-9)
    batch[0, 1, 2, 0] = np.nan
    assert np.isnan(HEStain()(batch, seed=1)).sum() == 3


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: HEStain(1.5), ValueError, "`scale` must lie in 0..10"),
        (lambda: HEStain(shift=2), ValueError, "`shift` must lie in -1..1"),
        (lambda: HEStain((2, 1)), ValueError, r"Pass \(1, 2\)"),
        (lambda: HEStain("strong"), TypeError, "`scale` must be a finite number"),
    ],
)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()
