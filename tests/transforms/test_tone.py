"""Tone against Pillow: exact on bytes, and the same picture on everything else. Curves by SciPy."""

import numpy as np
import pytest
from PIL import Image, ImageOps
from scipy.interpolate import BPoly

from kaug.transforms.tone import AutoContrast, Equalize, Posterize, Solarize, ToneCurve

SHAPES = [(9, 14, 1), (8, 13, 3), (41, 37, 3), (1, 1, 3), (40, 23, 1)]
PARAMETERS = {
    Posterize: {"bits": np.array([1, 2, 3, 4, 5, 6, 8])},
    Solarize: {"threshold": np.array([0, 0.1, 100 / 255, 0.5, 0.77, 1.0, 1.2])},
    AutoContrast: {"cutoff": np.array([0, 0, 1.5, 7, 20, 45, 50.0])},
    Equalize: {},
}
EVERY = list(PARAMETERS)


@pytest.fixture
def pictures():
    """Returns seven pictures with histograms of every kind."""

    def make(shape):
        generator = np.random.default_rng(0)
        batch = generator.integers(0, 256, (7, *shape))
        batch[1] = 90 + batch[1] // 8  # narrow
        batch[2] = batch[2] // 64 * 80  # few levels
        batch[3] = batch[3] ** 3 // 255**2  # dark
        batch[4] = np.where(batch[4] < 128, 0, batch[4])  # half of it black
        batch[5] = 77  # plain
        batch[6] = np.where(batch[6] < 128, 3, 200)  # two levels
        return batch.astype("uint8")

    return make


def of_pillow(function, image, *options):
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    return np.asarray(function(picture, *options)).reshape(image.shape)


def expected_rows(make, batch):
    values = next(iter(PARAMETERS[make].values()), np.zeros(7))
    for image, value in zip(batch, values, strict=True):
        if make is Posterize:
            yield of_pillow(ImageOps.posterize, image, int(value))
        elif make is Solarize:
            yield of_pillow(ImageOps.solarize, image, 255 * value - 1e-9)
        elif make is AutoContrast:
            yield of_pillow(ImageOps.autocontrast, image, value)
        else:
            yield of_pillow(ImageOps.equalize, image)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("make", EVERY)
def test_bytes_are_exactly_those_of_pillow(pictures, make, shape):
    batch = pictures(shape)
    for row in range(7):  # every strength meets every picture
        rolled = np.roll(batch, row, axis=0)
        result = make().transform_images(rolled, PARAMETERS[make])
        np.testing.assert_array_equal(result, np.stack(list(expected_rows(make, rolled))))


@pytest.mark.pairwise(
    shape=SHAPES, dtype=["float16", "float32", "float64", "uint16", "int32"], make=EVERY
)
def test_every_dtype_gives_the_same_picture(pictures, make, shape, dtype):
    batch = pictures(shape)
    expected = make().transform_images(batch, PARAMETERS[make])
    top = np.iinfo(dtype).max if np.dtype(dtype).kind in "iu" else 1
    other = (batch * (top / 255)).astype(dtype)
    result = make().transform_images(other, PARAMETERS[make])
    assert result.dtype == dtype
    error = np.abs(result / (top / 255) - expected)
    if make is Solarize and dtype == "float16":
        error[batch == 100] = 0  # half precision does not hold this threshold
    # Bytes are cut off by autocontrast, which is up to a level.
    tolerance = 1.0 if make is AutoContrast else 0.0
    assert error.max() <= tolerance + (0.5 if dtype == "float16" else 0.01)


@pytest.mark.parametrize("make", EVERY)
def test_a_declared_range_is_that_of_the_values(pictures, make):
    batch = pictures((8, 13, 3))
    unit = make().transform_images(batch / 255, PARAMETERS[make])
    for low, high, dtype in ((-1, 1, "float64"), (0, 255, "float32")):
        values = (low + batch / 255 * (high - low)).astype(dtype)
        result = make(value_range=(low, high)).transform_images(values, PARAMETERS[make])
        np.testing.assert_allclose((result - low) / (high - low), unit, atol=1e-5)
    deep = (batch.astype("uint16") * 16).clip(max=4080)
    result = make(value_range=(0, 4080)).transform_images(deep, PARAMETERS[make])
    np.testing.assert_allclose(result / 4080, unit, atol=1 / 4080)


@pytest.mark.parametrize("make", EVERY)
def test_five_channels_are_five_pictures(pictures, make):
    batch = pictures((8, 13, 5))
    for values in (batch, (batch / 255).astype("float32")):
        together = make().transform_images(values, PARAMETERS[make])
        for channel in range(5):
            own = make().transform_images(values[..., channel : channel + 1], PARAMETERS[make])
            np.testing.assert_array_equal(together[..., channel : channel + 1], own)


@pytest.mark.filterwarnings("ignore:Floats must be in:UserWarning")
@pytest.mark.parametrize("make", EVERY)
def test_values_beyond_the_range_are_clipped_and_nan_stays(pictures, make):
    batch = (pictures((6, 9, 3)) / 255).astype("float32")
    batch[:, 0, 0], batch[:, 0, 1], batch[:, 0, 2] = np.inf, -0.2, 1.5
    clipped = make().transform_images(np.clip(batch, 0, 1), PARAMETERS[make])
    result = make().transform_images(batch, PARAMETERS[make])
    np.testing.assert_array_equal(result, clipped)
    batch[:, 3, 4] = np.nan
    result = make().transform_images(batch, PARAMETERS[make])
    assert np.isnan(result[:, 3, 4]).all()
    assert np.isfinite(np.delete(result.reshape(7, -1, 3), 3 * 9 + 4, axis=1)).all()


def test_every_byte_is_a_threshold():
    batch = np.repeat(np.arange(256, dtype="uint8").reshape(1, 16, 16, 1), 256, axis=0)
    thresholds = np.arange(256) / 255
    levels = np.arange(256).reshape(-1, 1, 1, 1)
    expected = np.where(batch >= levels, 255 - batch, batch)
    result = Solarize().transform_images(batch, {"threshold": thresholds})
    np.testing.assert_array_equal(result, expected)
    floats = (batch / 255).astype("float32")
    result = Solarize().transform_images(floats, {"threshold": thresholds})
    np.testing.assert_allclose(result * 255, expected, atol=1e-4)
    floats = (batch / 255 * 3 - 1).astype("float32")
    result = Solarize(value_range=(-1, 2)).transform_images(floats, {"threshold": thresholds})
    np.testing.assert_allclose((result + 1) * 85, expected, atol=1e-4)


def test_levels_by_eye():
    image = np.array([[[0.0, 0.24], [0.26, 0.49], [0.51, 1.0]]])
    bits, inverted = Posterize(1)(image)[0] * 255, Solarize(0.25)(image)[0]
    np.testing.assert_allclose(bits, [[0, 0], [0, 0], [128, 128]], atol=1e-12)
    np.testing.assert_allclose(inverted, [[0, 0.24], [0.74, 0.51], [0.49, 0]], atol=1e-12)
    plain = np.full((1, 5, 7), 0.3)
    for make in (AutoContrast, Equalize):
        np.testing.assert_allclose(make(p=1)(plain), plain, atol=0.5 / 255)


def test_numbers_are_exact_and_pairs_are_ranges():
    rows = np.arange(2000)
    assert (Posterize(3).draw(rows, seed=0)["bits"] == 3).all()
    bits = Posterize((2, 5)).draw(rows, seed=0)["bits"]
    assert np.bincount(bits)[2:].min() > 400
    assert set(bits) == {2, 3, 4, 5}
    assert (Solarize(0.3).draw(rows, seed=0)["threshold"] == 0.3).all()
    thresholds = Solarize((0.3, 0.6)).draw(rows, seed=0)["threshold"]
    assert 0.3 < thresholds.min() < 0.31
    assert 0.59 < thresholds.max() < 0.6
    assert (AutoContrast(2).draw(rows, seed=0)["cutoff"] == 2).all()
    assert AutoContrast((0, 9)).draw(rows, seed=0)["cutoff"].max() > 8.9


MOVES = np.array([[0, 0], [0.2, 0.2], [-1, 1], [1, -1], [1, 1], [-1, -1], [0.03, -0.3]])
MOVES[2:6] /= 3


def bent(values, moves):
    """The Bézier curve through its control points, as SciPy has it."""
    shadows, lights = moves
    heights = [[0], [1 / 3 + shadows], [2 / 3 + lights], [1]]
    return BPoly(heights, [0, 1])(values)


@pytest.mark.parametrize("shape", [*SHAPES, (8, 13, 5)])
def test_curves_are_beziers(pictures, shape):
    batch = pictures(shape)
    made = ToneCurve().transform_images(batch, {"scale": MOVES})
    floats = ToneCurve().transform_images(batch / 255, {"scale": MOVES})
    assert floats.dtype == "float64"
    for row, moves in enumerate(MOVES):
        exact = bent(batch[row] / 255, moves)
        assert np.abs(made[row] - 255 * exact).max() <= 0.5 + 1e-4
        np.testing.assert_allclose(floats[row], exact, atol=1e-12)
    np.testing.assert_array_equal(made[0], batch[0])


def test_curves_never_fall_and_keep_black_and_white():
    levels = np.tile(np.arange(256, dtype="uint8"), (2000, 1, 1))
    made = ToneCurve(1 / 3)(levels, seed=0)[:, 0].astype(int)
    assert (made[:, 0] == 0).all()
    assert (made[:, -1] == 255).all()
    assert (np.diff(made, axis=1) >= 0).all()
    assert made[:, 85].max() > 85 + 50  # lighter, darker, steeper, flatter
    assert made[:, 170].min() < 170 - 50
    assert (np.ptp(made[:, [85, 170]], axis=1) < 60).any()
    assert (np.ptp(made[:, [85, 170]], axis=1) > 110).any()
    steps = np.linspace(0, 1, 1001)
    assert all((np.diff(bent(steps, ends)) >= 0).all() for ends in MOVES[2:6])


@pytest.mark.parametrize("dtype", ["float16", "float32", "uint16", "int32"])
def test_curves_are_those_of_bytes_in_every_dtype(pictures, dtype):
    batch = pictures((9, 14, 4))
    expected = ToneCurve()(batch, seed=1)
    np.testing.assert_array_equal(expected[..., 3], batch[..., 3])
    white = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    made = ToneCurve()((batch / 255 * white).astype(dtype), seed=1)
    assert made.dtype == dtype
    assert np.abs(made.astype(float) / white * 255 - expected).max() < 0.7
    shifted = ToneCurve(value_range=(-1, 3))(batch / 255 * 4 - 1, seed=1)
    assert np.abs((shifted + 1) / 4 * 255 - expected).max() < 0.51


def test_what_is_beyond_curves():
    odd = np.array([[[[0.2], [np.nan], [1.3]]]])
    with pytest.warns(UserWarning, match="what lies outside is clipped"):
        made = ToneCurve()(odd, seed=0)
    np.testing.assert_array_equal(np.isnan(made), np.isnan(odd))
    assert made[0, 0, 2, 0] == 1
    assert ToneCurve()(np.zeros((0, 5, 7), "uint8"), seed=0).shape == (0, 5, 7)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Posterize(0), ValueError, "`bits` must be an integer, between 1 and 8"),
        (lambda: Posterize(9), ValueError, "`bits` must be an integer, between 1 and 8"),
        (lambda: Posterize(4.0), TypeError, "`bits` must be an integer"),
        (lambda: Posterize((5, 2)), ValueError, r"low <= high.*Pass \(2, 5\)"),
        (lambda: Posterize((1, 2, 3)), ValueError, "`bits` must be an integer or a pair"),
        (lambda: Solarize(128), ValueError, r"`threshold` must lie in 0..1.*128"),
        (lambda: Solarize((0.5, 0.2)), ValueError, "low <= high"),
        (lambda: Solarize((0.5, 1.2)), ValueError, r"`threshold` must lie in 0..1"),
        (lambda: Solarize("half"), TypeError, "`threshold` must be a finite number"),
        (lambda: AutoContrast(51), ValueError, r"`cutoff` must lie in 0..50"),
        (lambda: AutoContrast(-1), ValueError, r"`cutoff` must lie in 0..50"),
        (lambda: ToneCurve(0.5), ValueError, "`scale` must lie in -0.333333..0.333333"),
        (lambda: ToneCurve(-0.1), ValueError, r"must not be negative.*Pass \(-0.1, 0.1\)"),
        (lambda: Equalize(1.1), ValueError, "`p` must lie in 0..1"),
        (lambda: Equalize(value_range=3), ValueError, "`value_range` must be a pair"),
    ],
)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()
