"""Light and cameras against Planck's law, the law of the cosine, colorsys and scipy.ndimage."""

import colorsys

import numpy as np
import pytest
from scipy import ndimage, stats

from kaug.transforms.camera import (
    ChromaticAberration,
    ISONoise,
    PlanckianJitter,
    Vignette,
    chromaticities,
    white_points,
)

SHAPES = [(9, 14, 3), (8, 13, 3), (1, 1, 3), (1, 7, 3), (33, 31, 3)]


def lobe(waves, height, middle, left, right):
    width = np.where(waves < middle, left, right)
    return height * np.exp(-0.5 * ((waves - middle) / width) ** 2)


def black_body(temperature):
    """Returns x and y of a black body: Planck's law, and the observer of CIE 1931 as fitted by
    Wyman, Sloan and Shirley (2013, Journal of Computer Graphics Techniques 2(2))."""
    waves = np.arange(360.0, 831.0)
    power = waves**-5 / np.expm1(1.4388e7 / (waves * temperature))
    observer = (
        lobe(waves, 1.056, 599.8, 37.9, 31.0)
        + lobe(waves, 0.362, 442.0, 16.0, 26.7)
        + lobe(waves, -0.065, 501.1, 20.4, 26.2),
        lobe(waves, 0.821, 568.8, 46.9, 40.5) + lobe(waves, 0.286, 530.9, 16.3, 31.1),
        lobe(waves, 1.217, 437.0, 11.8, 36.0) + lobe(waves, 0.681, 459.0, 26.0, 13.8),
    )
    total = [(power * each).sum() for each in observer]
    return total[0] / sum(total), total[1] / sum(total)


def places(temperature):
    u, v = chromaticities(temperature / 1000)
    return 3 * u / (2 * u - 8 * v + 4), 2 * v / (2 * u - 8 * v + 4)


@pytest.mark.parametrize("temperature", [2000, 3000, 4321, 6500, 9000, 15000])
def test_colors_are_those_of_plancks_law(temperature):
    np.testing.assert_allclose(places(temperature), black_body(temperature), atol=3e-3)


@pytest.mark.parametrize(
    ("temperature", "x", "y"),  # as tables have them; the first is the CIE's illuminant A
    [
        (2855.5, 0.4476, 0.4074),
        (5000, 0.3451, 0.3516),
        (6500, 0.3135, 0.3237),
        (10000, 0.2807, 0.2883),
    ],
)
def test_colors_are_those_of_tables(temperature, x, y):
    np.testing.assert_allclose(places(temperature), (x, y), atol=4e-4)


def test_white_points_are_light_in_srgb():
    for temperature in (3000.0, 6500.0, 12000.0):
        x, y = places(temperature)
        light = np.linalg.solve(
            [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]],
            [x / y, 1, (1 - x - y) / y],
        )
        expected = (light / light[1]) ** (1 / 2.2)
        np.testing.assert_allclose(white_points(np.array([temperature]))[0], expected, rtol=2e-3)
    warm, neutral, cold = white_points(np.array([3000.0, 6500.0, 15000.0]))
    assert warm[0] > 1.3 > 0.7 > warm[2]
    np.testing.assert_allclose(neutral, 1, atol=0.03)
    assert cold[2] > 1.2 > 0.95 > cold[0]


@pytest.mark.parametrize("shape", SHAPES)
def test_light_multiplies_red_and_blue(images, shape):
    batch = images(6, shape=shape)
    temperatures = np.array([2000, 3000, 5000, 6504, 9000, 15000.0])
    made = PlanckianJitter().transform_images(batch, {"temperature": temperatures})
    exact = batch * white_points(temperatures)[:, None, None]
    assert np.abs(made - exact.clip(0, 255)).max() <= 0.5 + 1e-4
    np.testing.assert_array_equal(made[..., 1], batch[..., 1])
    floats = PlanckianJitter().transform_images(batch / 255, {"temperature": temperatures})
    np.testing.assert_allclose(floats, (exact / 255).clip(0, 1), atol=1e-12)


def test_gray_has_no_color(images):
    gray = images(3, shape=(8, 13, 1))
    np.testing.assert_array_equal(PlanckianJitter()(gray, seed=0), gray)
    np.testing.assert_array_equal(ChromaticAberration()(gray, seed=0), gray)
    for make in (PlanckianJitter, ChromaticAberration, ISONoise):
        with pytest.raises(ValueError, match=f"{make.__name__} needs images of 3 channels"):
            make()(images(3, shape=(8, 13, 5)), seed=0)


def falloff(height, width, strength):
    """The cosine to the fourth of the angle, which is 0 in the middle."""
    rows, columns = np.mgrid[:height, :width]
    away = np.hypot(rows - (height - 1) / 2, columns - (width - 1) / 2)
    edge = np.arccos((1 - strength) ** 0.25)
    share = away / max(away.max(), 1e-9)
    return np.cos(np.arctan(share * np.tan(edge))) ** 4


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("size", [(9, 14), (8, 13), (1, 1), (1, 7), (6, 1), (2, 2)])
def test_vignettes_are_cosines(images, size, channels):
    batch = images(4, shape=(*size, channels))
    strengths = np.array([0.0, 0.3, 0.6, 0.99])
    made = Vignette().transform_images(batch, {"strength": strengths})
    factors = np.stack([falloff(*size, each) for each in strengths])[..., None]
    assert np.abs(made - batch * factors).max() <= 0.5 + 1e-3
    np.testing.assert_array_equal(made[0], batch[0])
    floats = Vignette().transform_images(batch / 255, {"strength": strengths})
    np.testing.assert_allclose(floats, batch / 255 * factors, atol=1e-9)


def test_corners_are_as_dark_as_said():
    made = Vignette((0.4, 0.4))(np.ones((1, 31, 42, 1)), seed=0)[0, ..., 0]
    np.testing.assert_allclose(made[[0, 0, -1, -1], [0, -1, 0, -1]], 0.6)
    np.testing.assert_array_equal(made, made[::-1])
    np.testing.assert_array_equal(made, made[:, ::-1])
    assert (np.diff(made[:16, 21]) > 0).all()


def enlarged(plane, factor):
    """An image about its centre, by SciPy."""
    middle = (np.array(plane.shape) - 1) / 2
    offset = middle - middle / factor
    options = {"order": 1, "mode": "nearest", "output": "float64"}
    return ndimage.affine_transform(plane, [1 / factor] * 2, offset, **options)


@pytest.mark.parametrize("shape", SHAPES)
def test_red_and_blue_have_sizes_of_their_own(images, shape):
    batch = images(4, shape=shape)
    red, blue = np.array([0, 0.01, 0.2, -0.2]), np.array([0, -0.03, 0.1, 0.2])
    lens = ChromaticAberration()
    made = lens.transform_images(batch, {"red": red, "blue": blue})
    floats = lens.transform_images(batch / 255, {"red": red, "blue": blue})
    for row in range(4):
        for channel, shift in ((0, red[row]), (1, 0), (2, blue[row])):
            exact = enlarged(batch[row, ..., channel], 1 + shift)
            assert np.abs(made[row, ..., channel] - exact).max() <= 0.5 + 1e-3
            np.testing.assert_allclose(floats[row, ..., channel], exact / 255, atol=1e-6)
    np.testing.assert_array_equal(made[0], batch[0])


def test_fringes_grow_towards_the_corners():
    dots = np.zeros((1, 101, 141, 3))
    dots[0, 50, 70] = dots[0, 70, 110] = 1  # in the middle, and 20 down and 40 to the right of it
    made = ChromaticAberration((0.1, 0.1), (-0.1, -0.1))(dots, seed=0)[0]
    for channel, factor in ((0, 1.1), (1, 1), (2, 0.9)):
        plane = made[..., channel]
        assert plane[50, 70] == plane.max() == 1
        plane[40:61, 60:81] = 0
        assert ndimage.center_of_mass(plane) == pytest.approx((50 + 20 * factor, 70 + 40 * factor))


@pytest.mark.parametrize("dtype", ["float16", "float32", "uint16", "int32"])
def test_other_dtypes_get_the_same_fringes(images, dtype):
    batch = images(3, shape=(20, 27, 4))
    expected = ChromaticAberration(0.1)(batch, seed=1).astype(float)
    np.testing.assert_array_equal(expected[..., 3], batch[..., 3])
    white = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    made = ChromaticAberration(0.1)((batch / 255 * white).astype(dtype), seed=1)
    assert made.dtype == dtype
    assert np.abs(made.astype(float) / white * 255 - expected).max() < 0.8
    assert ChromaticAberration()(batch[:0], seed=0).shape == (0, 20, 27, 4)


COLORED = np.array([0.2, 0.5, 0.4])


def noisy(color, intensity, shape=(120, 170), dtype="float64", seed=0):
    batch = np.broadcast_to(COLORED, (1, *shape, 3)).astype(dtype)
    return ISONoise((color, color), (intensity, intensity))(batch, seed=seed)[0]


def test_brightness_is_normal_and_the_same_in_all_channels():
    added = noisy(0, 0.03) - COLORED
    np.testing.assert_allclose(added, added[..., :1] * np.ones(3), atol=1e-12)
    first = added[..., 0].ravel() / 0.03
    assert stats.kstest(first, "norm").pvalue > 0.01
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 4 / np.sqrt(first.size)


def turns_of(image):
    """Returns by how much of the color wheel, -0.5..0.5, pixels are turned, and by nothing else."""
    pixels = image.reshape(-1, 3)
    hues, saturations, values = np.array([colorsys.rgb_to_hsv(*pixel) for pixel in pixels]).T
    hue, saturation, value = colorsys.rgb_to_hsv(*COLORED)
    np.testing.assert_allclose(saturations, saturation, atol=1e-6)
    np.testing.assert_allclose(values, value, atol=1e-6)
    return (hues - hue + 0.5) % 1 - 0.5


def test_hues_are_turned_by_what_is_normal():
    turns = turns_of(noisy(0.04, 0)) / 0.04
    assert stats.kstest(turns, "norm").pvalue > 0.01


def test_both_are_independent_and_add_up():
    both, turned, lighter = noisy(0.02, 0.01), noisy(0.02, 0), noisy(0, 0.01)
    np.testing.assert_allclose(both, turned + lighter - COLORED, atol=1e-12)
    hue, light = (turned - COLORED)[..., 2].ravel(), (lighter - COLORED)[..., 2].ravel()
    assert abs(np.corrcoef(hue, light)[0, 1]) < 4 / np.sqrt(hue.size)


def test_hues_may_go_around_several_times():
    once = turns_of(noisy(0.05, 0))
    assert 1.5 < np.abs(10 * once).max() < 2.5
    apart = turns_of(noisy(0.5, 0)) - 10 * once
    np.testing.assert_allclose(apart, np.rint(apart), atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_bytes_are_rounded_floats(images, shape):
    batch = images(4, shape=shape)
    noise = ISONoise((0.1, 0.1), (0.05, 0.05))
    exact = noise(batch / 255, seed=2) * 255
    assert np.abs(noise(batch, seed=2) - exact).max() <= 0.5 + 2e-3


def test_one_channel_gets_brightness_alone():
    gray = np.full((1, 120, 170, 1), 0.5)
    added = (ISONoise(0.05, (0.03, 0.03))(gray, seed=0) - 0.5).ravel() / 0.03
    assert stats.kstest(added, "norm").pvalue > 0.01


def test_rows_have_their_own_noise():
    batch = np.full((3, 20, 31, 3), (40, 160, 90), "uint8")
    made = ISONoise()(batch, seed=0)
    assert not np.array_equal(made[0], made[1])
    np.testing.assert_array_equal(ISONoise()(batch[1:2], seed=0, index=[1])[0], made[1])


@pytest.mark.parametrize("transform", [PlanckianJitter(), Vignette(), ISONoise()])
def test_values_mean_what_the_range_says(images, transform):
    batch = images(3, dtype="float64")
    expected = transform(batch, seed=1)
    shifted = type(transform)(value_range=(-1, 3))(batch * 4 - 1, seed=1)
    np.testing.assert_allclose((shifted + 1) / 4, expected, atol=1e-9)
    batch[0, 1, 2, 0] = np.nan
    assert np.isnan(transform(batch, seed=1)[0, 1, 2]).any()


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: PlanckianJitter(1000), ValueError, "`temperature` must lie in 2000..15000"),
        (lambda: PlanckianJitter((9000, 3000)), ValueError, r"Pass \(3000, 9000\)"),
        (lambda: Vignette(1), ValueError, "`strength` must lie in 0..0.99"),
        (lambda: Vignette(-0.1), ValueError, "must not be negative"),
        (lambda: ChromaticAberration(0.3), ValueError, "`red` must lie in -0.2..0.2"),
        (lambda: ChromaticAberration(blue=(0, -0.1)), ValueError, r"Pass \(-0.1, 0\)"),
        (lambda: ISONoise(1), ValueError, "`color` must lie in 0..0.5"),
        (lambda: ISONoise(intensity=2), ValueError, "`intensity` must lie in 0..1"),
        (lambda: ISONoise("warm"), TypeError, "`color` must be a finite number"),
    ],
)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()
