"""Uneven light by its formulas, place by place."""

import numpy as np
import pytest
from formulas import noise_of, step, units

from kaug.transforms.light import Illumination, PlasmaBrightness, PlasmaContrast, PlasmaShadow

PLASMA = [PlasmaBrightness(), PlasmaContrast(), PlasmaShadow()]
SIZES = [(28, 41), (33, 20), (1, 9), (8, 1), (1, 1)]
ROWS = np.arange(4)
STRENGTHS = np.array([-1, -0.3, 0.4, 1])


def lit(mode, words, size):
    """How light comes in, from -1 to 1 or from 0 to 1."""
    first, second, third = units(words, 3)
    y, x = np.mgrid[: size[0], : size[1]]
    if mode == "gaussian":
        away = (y + 0.5 - first * size[0]) ** 2 + (x + 0.5 - second * size[1]) ** 2
        return np.exp(-away / (2 * ((0.25 + third / 2) * min(size)) ** 2))
    towards = np.exp(2j * np.pi * first)
    rise = ((x - (size[1] - 1) / 2) + 1j * (y - (size[0] - 1) / 2)) * towards.conj()
    return rise.real / max(abs(rise.real).max(), 1e-9)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("mode", ["linear", "gaussian"])
def test_light_is_the_formula(images, size, channels, mode):
    batch = images(4, shape=(*size, channels))
    light = Illumination(mode=mode)
    parameters = {**light.draw(ROWS, seed=1), "strength": STRENGTHS}
    made = light.transform_images(batch, parameters)
    floats = light.transform_images(batch / 255, parameters)
    for row, strength in enumerate(STRENGTHS):
        factors = 1 + strength * lit(mode, parameters["words"][row], size)[..., None]
        exact = (batch[row] * factors).clip(0, 255)
        assert np.abs(made[row] - exact).max() < 0.501
        np.testing.assert_allclose(floats[row], exact / 255, atol=1e-5)


def test_light_comes_from_one_corner_to_the_other():
    made = Illumination((0.4, 0.4))(np.full((2000, 13, 21), 0.5), seed=0) / 0.5
    np.testing.assert_allclose(made.min(axis=(1, 2)), 0.6, atol=1e-5)
    np.testing.assert_allclose(made.max(axis=(1, 2)), 1.4, atol=1e-5)
    np.testing.assert_allclose(made[:, 6, 10], 1, atol=1e-6)
    brightest = made[:, [0, 0, -1, -1], [0, -1, 0, -1]].argmax(axis=1)
    assert np.bincount(brightest).min() > 400


def test_spots_are_anywhere():
    made = Illumination((0.4, 0.4), mode="gaussian")(np.full((4000, 6, 9), 0.5), seed=0)
    places = made.reshape(4000, -1).argmax(axis=1)
    counts = np.bincount(places, minlength=54)
    assert abs(counts - 4000 / 54).max() < 5 * np.sqrt(4000 / 54)


FACTORS = [
    (PlasmaBrightness, "brightness", 0.0, lambda w, r: r * (2 * w - 1)),
    (PlasmaContrast, "contrast", 0.5, lambda w, r: r * (2 * w - 1)),
    (PlasmaShadow, "darkness", 0.0, lambda w, r: r * w),
]


@pytest.mark.parametrize("size", SIZES[:2])
@pytest.mark.parametrize(("make", "name", "center", "less"), FACTORS)
def test_plasma_is_the_formula(images, size, make, name, center, less):
    batch = images(4, shape=(*size, 3))
    parameters = make().draw(ROWS, seed=2)
    parameters[name] = reaches = np.array([0, 0.3, 0.7, 1])
    made = make().transform_images(batch, parameters)
    floats = make().transform_images(batch / 255, parameters)
    for row, reach in enumerate(reaches):
        noise = noise_of(parameters["words"][row], make.octaves, size)
        factors = 1 - less(step(0.25 * noise + 0.5), reach)[..., None]
        exact = (center + factors * (batch[row] / 255 - center)).clip(0, 1)
        assert np.abs(made[row] - 255 * exact).max() < 0.501
        np.testing.assert_allclose(floats[row], exact, atol=1e-5)
    np.testing.assert_array_equal(made[0], batch[0])


@pytest.mark.parametrize(
    ("make", "low", "high"), [(PlasmaBrightness, 0.6, 1.4), (PlasmaShadow, 0.6, 1)]
)
def test_plasma_reaches_as_far_as_said(make, low, high):
    made = make((0.4, 0.4))(np.full((1000, 12, 17), 0.5), seed=4) / 0.5
    assert abs(made.mean() - (low + high) / 2) < 0.02
    assert low - 1e-6 <= made.min() < low + 0.01
    assert high - 0.01 < made.max() <= high + 1e-6


@pytest.mark.parametrize("transform", [*PLASMA, Illumination(), Illumination(mode="gaussian")])
@pytest.mark.parametrize("size", [(40, 60), (66, 45)])
def test_large_images_look_like_small_ones(transform, size):
    gray = np.full((6, *size, 1), 0.3, "float32")
    small = transform(gray, seed=3)
    large = transform(np.repeat(np.repeat(gray, 3, axis=1), 3, axis=2), seed=3)
    shrunk = large.reshape(6, size[0], 3, size[1], 3).mean(axis=(2, 4))
    for one, other in zip(small, shrunk, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("transform", [*PLASMA, Illumination(), Illumination(mode="gaussian")])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint16", "int32"])
def test_other_dtypes_get_the_same_light(transform, dtype, images):
    batch = images(3, shape=(20, 27, 4))
    expected = transform(batch, seed=1).astype(float)
    np.testing.assert_array_equal(expected[..., 3], batch[..., 3])
    white = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    made = transform((batch / 255 * white).astype(dtype), seed=1)
    assert made.dtype == dtype
    assert np.abs(made.astype(float) / white * 255 - expected).max() < 0.8


@pytest.mark.parametrize("transform", [*PLASMA, Illumination(), Illumination(mode="gaussian")])
def test_what_is_odd_in_floats(transform, images):
    batch = images(2, shape=(9, 12, 1), dtype="float32")
    batch[0, 1, 2] = np.nan
    made = transform(batch, seed=0)
    np.testing.assert_array_equal(np.isnan(made), np.isnan(batch))
    batch[0, 1, 2] = 1.2
    with pytest.warns(UserWarning, match="what lies outside is clipped"):
        assert transform(batch, seed=0).max() <= 1
    assert transform(batch[:0], seed=0).shape == (0, 9, 12, 1)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Illumination(1.5), ValueError, "`strength` must lie in -1..1.*reaches -1.5..1.5"),
        (lambda: Illumination(mode="corner"), ValueError, "`mode` must be .*linear.*gaussian"),
        (lambda: PlasmaBrightness(2), ValueError, "`brightness` must lie in 0..1"),
        (lambda: PlasmaContrast(-0.5), ValueError, "must not be negative"),
        (lambda: PlasmaShadow((0.5, 0.2)), ValueError, r"low <= high.*Pass \(0.2, 0.5\)"),
        (lambda: PlasmaShadow("dark"), TypeError, "`darkness` must be a finite number"),
    ],
)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()
