"""Weather: its maps of weights by their formulas, and what they do to values."""

import numpy as np
import pytest
from formulas import noise_of, step, units
from scipy.ndimage import label

from kaug.transforms.weather import Fog, Rain, Shadow, Snow, Spatter, SunFlare

WEATHER = [Fog(), Shadow(), Rain(), Snow(), SunFlare(), Spatter()]
ROWS = np.arange(4)


def covered(image, weights, color, gain=1.0):
    """An image of bytes under a color, not rounded."""
    return (1 - weights[..., None]) * gain * image + weights[..., None] * 255 * np.array(color)


@pytest.mark.parametrize("size", [(28, 28), (33, 47), (60, 41)])
def test_noise_is_the_formula(size):
    fog = Fog((0.6, 0.6))
    words = fog.draw(ROWS, seed=3)["words"]
    made = fog(np.zeros((4, *size, 1)), seed=3)[..., 0] / 0.9
    for row in ROWS:
        noise = noise_of(words[row], Fog.octaves, size)
        expected = 0.6 + 0.8 * 0.6 * 0.4 * (2 * step(0.2 * noise + 0.5) - 1)
        np.testing.assert_allclose(made[row], expected, atol=2e-6)


def test_noise_is_as_strong_everywhere():
    fog = Fog((0.5, 0.5))
    weights = fog(np.zeros((4000, 9, 13, 1)), seed=0)[..., 0] / 0.9
    steps = np.linspace(0, 1, 10001)
    noise = (np.interp((weights - 0.3) / 0.4, step(steps), steps) - 0.5) / 0.2
    assert abs(noise.mean()) < 0.02
    np.testing.assert_allclose(noise.var(axis=0), 1, atol=0.1)


@pytest.mark.parametrize("density", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_fog_is_as_dense_as_said(density):
    made = Fog((density, density))(np.zeros((500, 12, 17)), seed=1) / 0.9
    assert abs(made.mean() - density) < 0.01
    spread = 0.8 * density * (1 - density)
    assert density - spread - 1e-6 <= made.min()
    assert made.max() <= density + spread + 1e-6


def test_fog_covers_bytes_by_its_weights(images):
    batch = images(4, shape=(20, 31, 3))
    weights = Fog()(np.zeros((4, 20, 31, 1)), seed=5)[..., 0] / 0.9
    made = Fog()(batch, seed=5)
    expected = covered(batch, weights, (0.9, 0.9, 0.9))
    assert np.abs(made - expected).max() < 0.501  # rounded


def shapes_of(transform, seed, size, row):
    """Returns the numbers that the shapes of a row are made of, and its options."""
    parameters = transform.draw(ROWS, seed=seed)
    numbers = units(parameters["words"][row], transform.numbers * transform.most)
    options = {name: float(values[row]) for name, values in parameters.items() if values.ndim == 1}
    return numbers.reshape(transform.numbers, transform.most), options, float(min(size))


def places(size, row, column, angle):
    """Returns how far each pixel is from a point, along an axis and across it."""
    y, x = np.mgrid[: size[0], : size[1]]
    along = np.cos(angle) * (x - column) + np.sin(angle) * (y - row)
    return along, np.cos(angle) * (y - row) - np.sin(angle) * (x - column)


def trapezoid(along, across, half_length, half_width, taper=0.0):
    """Returns the distance to a trapezoid, negative inside of it."""
    a, b = np.abs(along) - half_length, np.abs(across) - (half_width + taper * along)
    return np.hypot(np.maximum(a, 0), np.maximum(b, 0)) + np.minimum(np.maximum(a, b), 0)


@pytest.mark.parametrize("size", [(40, 57), (64, 33)])
def test_shadows_are_trapezoids(size, images):
    shadow, batch = Shadow((1, 5)), images(4, shape=(*size, 3))
    made = shadow(batch, seed=2)
    for row in ROWS:
        numbers, options, side = shapes_of(shadow, 2, size, row)
        light = np.ones(size)
        for own in numbers.T[: int(options["count"])]:
            where = places(size, own[0] * size[0] - 0.5, own[1] * size[1] - 0.5, 2 * np.pi * own[2])
            distance = trapezoid(
                *where,
                (0.3 + 0.7 * own[3]) * side,
                (0.08 + 0.22 * own[4]) * side,
                0.6 * (own[5] - 0.5),
            )
            light *= 1 - step(0.5 - distance / (0.04 * side))
        weights = options["darkness"] * (1 - light)
        expected = covered(batch[row], weights, (0, 0, 0))
        assert np.abs(made[row] - expected).max() < 0.51


def test_overlapping_shadows_are_no_darker_than_one():
    white = np.full((50, 30, 41, 1), 200, "uint8")
    made = Shadow(20, (0.4, 0.4))(white, seed=0)
    assert made.min() == 120
    assert (made == 120).mean() > 0.5


def test_streaks_are_what_is_said(images):
    size = (300, 270)  # where their edges are wider than a pixel
    rain, batch = Rain((1, 30)), images(4, shape=(*size, 3))
    made = rain(batch, seed=1)
    for row in ROWS:
        numbers, options, side = shapes_of(rain, 1, size, row)
        clear = np.ones(size)
        for own in numbers.T[: int(options["streaks"])]:
            near = 0.4 + 0.6 * own[2] ** 2
            angle = np.radians(90 + options["slant"] + 4 * (own[3] - 0.5))
            row_of, column_of = ((1.2 * own[axis] - 0.1) * size[axis] - 0.5 for axis in range(2))
            distance = trapezoid(
                *places(size, row_of, column_of, angle), options["length"] * near * side / 2, 0
            )
            distance -= 0.002 * near * side
            clear *= 1 - 0.7 * near * step(0.5 - distance / (0.004 * side))
        expected = covered(batch[row], 1 - clear, (0.8, 0.8, 0.8), gain=0.8)
        assert np.abs(made[row] - expected).max() < 0.51


@pytest.mark.parametrize("slant", [-50, 0, 30])
def test_rain_leans_to_the_right_at_its_top(slant):
    made = Rain(1, 1.0, (slant, slant))(np.zeros((60, 81, 81)), seed=0)
    slopes = []
    for image in made:
        rows, columns = np.nonzero(image > 0.1)
        if len(rows) > 30:
            slopes.append(np.polyfit(rows, columns, 1)[0])
    assert len(slopes) > 5
    assert abs(np.degrees(np.arctan(-np.median(slopes))) - slant) < 2


def test_there_are_as_many_streaks_as_said():
    made = Rain(40, 0.02)(np.zeros((3, 600, 800)), seed=0)
    counts = [label(image > 0.1)[1] for image in made]
    assert all(20 <= count <= 40 for count in counts)  # a third lies outside


@pytest.mark.parametrize("size", [(60, 47), (200, 230)])
def test_flakes_are_what_is_said(size, images):
    snow, batch = Snow((1, 30), (0.05, 0.1)), images(4, shape=(*size, 3))
    made = snow(batch, seed=1)
    for row in ROWS:
        numbers, options, side = shapes_of(snow, 1, size, row)
        clear = np.full(size, 1 - options["whiteness"])
        for own in numbers.T[1 : 1 + int(options["flakes"])]:
            near = 0.3 + 0.7 * own[2] ** 2
            width = options["size"] * near * side
            angle = np.radians(90 + options["slant"] + 40 * (own[3] - 0.5))
            row_of, column_of = ((1.2 * own[axis] - 0.1) * size[axis] - 0.5 for axis in range(2))
            distance = trapezoid(*places(size, row_of, column_of, angle), width / 2, 0) - width / 2
            clear *= 1 - 0.9 * near * step(0.5 - distance / max(width, 1))
        expected = covered(batch[row], 1 - clear, (1, 1, 1))
        assert np.abs(made[row] - expected).max() < 0.51


def test_there_are_as_many_flakes_as_said():
    made = Snow(40, 0.01, 0)(np.zeros((3, 600, 800)), seed=0)
    counts = [label(image > 0.1)[1] for image in made]
    assert all(20 <= count <= 40 for count in counts)  # a third lies outside


def test_white_lies_over_everything():
    made = Snow(1, 0, (0.4, 0.4))(np.full((5, 31, 42, 3), 100, "uint8"), seed=0)
    assert (made >= 162).all()
    assert (made == 162).mean() > 0.98


def test_flare_is_disks_on_a_line():
    size = (90, 121)
    flare = SunFlare(0.1, 4)
    made = flare(np.zeros((4, *size)), seed=6)
    for row in ROWS:
        numbers, _, side = shapes_of(flare, 6, size, row)
        middle = (np.array(size) - 1) / 2
        sun = np.array([0.5 * numbers[0, 0] * size[0], numbers[1, 0] * size[1]]) - 0.5
        radius = 0.1 * side
        disks = [(sun, radius, 1.2 * radius, 1.0)]
        disks += [(sun, 2.5 * radius, 5 * radius, 0.6), (sun, 7 * radius, 14 * radius, 0.3)]
        for way, wide, weight in numbers.T[3:]:
            own = (0.01 + 0.07 * wide**2) * side
            place = sun + (0.3 + 2 * way) * (middle - sun)
            disks.append((place, own, max(0.3 * own, 1), 0.1 + 0.25 * weight))
        clear = np.ones(size)
        for (y, x), own, edge, weight in disks:
            distance = np.hypot(*places(size, y, x, 0.0)) - own
            clear *= 1 - weight * step(0.5 - distance / edge)
        gray = np.dot((1.0, 0.97, 0.88), (0.299, 0.587, 0.114))
        np.testing.assert_allclose(made[row], gray * (1 - clear), atol=1e-4)


def test_the_sun_is_warm_white():
    made = SunFlare(0.3, 0)(np.zeros((8, 40, 50, 3), "uint8"), seed=0)
    brightest = made.reshape(8, -1, 3).max(axis=1)
    np.testing.assert_array_equal(brightest, np.tile([255, 247, 224], (8, 1)))


@pytest.mark.parametrize(("mode", "weight"), [("mud", 0.9), ("water", 0.6)])
def test_drops_are_where_noise_is_high(mode, weight, images):
    size, amount = (30, 43), 0.3
    spatter, batch = Spatter((amount, amount), mode=mode), images(4, shape=(*size, 3))
    made, words = spatter(batch, seed=4), spatter.draw(ROWS, seed=4)["words"]
    for row in ROWS:
        noise = noise_of(words[row], Spatter.octaves, size)
        height = 4 * (noise - np.log((1 - amount) / amount) / 1.702) + 0.5
        weights = weight * step(height)
        weights *= 1 - (0.6 if mode == "water" else 0) * step((height - 1) / 2)
        expected = covered(batch[row], weights, spatter.color)
        assert np.abs(made[row] - expected).max() < 0.51


@pytest.mark.parametrize("amount", [0.05, 0.1, 0.2, 0.5, 0.9])
def test_as_much_is_spattered_as_said(amount):
    made = Spatter((amount, amount))(np.ones((400, 40, 53, 1), "float32"), seed=0)
    assert abs((made < 0.6).mean() - amount) < 0.025
    assert np.ptp(made.mean(axis=(1, 2, 3))) > 0.05  # of one row it may be more or less


def test_nothing_is_spattered_with_none(images):
    batch = images(5, shape=(40, 31, 3))
    np.testing.assert_array_equal(Spatter((0, 0))(batch, seed=0), batch)


@pytest.mark.parametrize("transform", WEATHER)
@pytest.mark.parametrize("size", [(40, 60), (66, 45)])
def test_large_images_look_like_small_ones(transform, size):
    gray = np.full((6, *size, 1), 0.5, "float32")
    small = transform(gray, seed=3)
    large = transform(np.repeat(np.repeat(gray, 3, axis=1), 3, axis=2), seed=3)
    shrunk = large.reshape(6, size[0], 3, size[1], 3).mean(axis=(2, 4))
    for one, other in zip(small, shrunk, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.75


@pytest.mark.parametrize("transform", WEATHER)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint16", "int32"])
def test_other_dtypes_get_the_same_weather(transform, dtype, images):
    batch = images(3, shape=(20, 27, 3))
    expected = transform(batch, seed=1).astype(float)
    white = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    made = transform((batch / 255 * white).astype(dtype), seed=1)
    assert made.dtype == dtype
    assert np.abs(made.astype(float) / white * 255 - expected).max() < 0.7


@pytest.mark.parametrize("transform", WEATHER)
def test_value_range_and_opacity(transform, images):
    batch = images(3, shape=(20, 27, 4), dtype="float32")
    expected = transform(batch, seed=1)
    np.testing.assert_array_equal(expected[..., 3], batch[..., 3])
    made = transform.__class__(value_range=(-1, 3))(batch * 4 - 1, seed=1)
    np.testing.assert_allclose((made + 1) / 4, expected, atol=1e-5)
    gray = transform(batch[..., :1], seed=1)
    five = transform(np.repeat(batch[..., :1], 5, axis=-1), seed=1)
    np.testing.assert_allclose(five, np.repeat(gray, 5, axis=-1), atol=1e-6)


@pytest.mark.parametrize("transform", WEATHER)
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 40, 3), (50, 1, 2), (7, 5, 1), (3, 900, 1)])
def test_any_size(transform, shape):
    batch = np.full((2, *shape), 100, "uint8")
    assert transform(batch, seed=0).shape == batch.shape
    assert transform(batch[:0], seed=0).shape == (0, *shape)


@pytest.mark.parametrize("transform", WEATHER)
def test_what_is_odd_in_floats(transform, images):
    batch = images(2, shape=(9, 12, 1), dtype="float32")
    batch[0, 1, 2] = np.nan
    made = transform(batch, seed=0)
    np.testing.assert_array_equal(np.isnan(made), np.isnan(batch))
    batch[0, 1, 2] = 1.2
    with pytest.warns(UserWarning, match="what lies outside is clipped"):
        assert transform(batch, seed=0).max() <= 1
    with pytest.raises(ValueError, match="Divide the images by 255"):
        transform(batch * 255, seed=0)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Fog(1.5), ValueError, "`density` must lie in 0..1.*reaches 0..1.5"),
        (lambda: Fog("thick"), TypeError, "`density` must be a finite number"),
        (lambda: Shadow(0), ValueError, "`count` must be .*1 and 20"),
        (lambda: Shadow((3, 2)), ValueError, r"low <= high.*Pass \(2, 3\)"),
        (lambda: Shadow(darkness=-1), ValueError, "must not be negative"),
        (lambda: Rain(1001), ValueError, "`streaks` must be .*1000"),
        (lambda: Rain(slant=70), ValueError, "`slant` must lie in -60..60"),
        (lambda: Rain(length=2), ValueError, "`length` must lie in 0..1"),
        (lambda: Snow(0), ValueError, "`flakes` must be .*1000"),
        (lambda: Snow(size=1.5), ValueError, "`size` must lie in 0..1"),
        (lambda: Snow(whiteness=2), ValueError, "`whiteness` must lie in 0..1"),
        (lambda: Snow(slant=70), ValueError, "`slant` must lie in -60..60"),
        (lambda: SunFlare(-0.1), ValueError, "`radius` must lie in 0..1"),
        (lambda: SunFlare(ghosts=51), ValueError, "`ghosts` must be .*50"),
        (lambda: Spatter(mode="oil"), ValueError, "`mode` must be .*mud.*water"),
        (lambda: Spatter((0.1, 1.1)), ValueError, "`amount` must lie in 0..1"),
    ],
)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()
