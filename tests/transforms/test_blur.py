"""Blur against SciPy: along a line, over a disk or a square, with weights of formulas; medians."""

import math

import numpy as np
import pytest
from scipy import ndimage

from kaug.transforms.blur import BoxBlur, Defocus, MedianBlur, MotionBlur

SHAPES = [(5, 7, 1), (23, 31, 3), (40, 9, 5), (1, 9, 3), (9, 1, 3), (2, 2, 1), (1, 1, 3)]
FLOATS = ("float16", "float32", "float64")
TOLERANCE = {"uint8": 0.501, "uint16": 0.51, "float32": 1e-5, "float64": 1e-13}


def line(length, angle):
    """Returns the weights of a line, one after the other."""
    reach, turn = math.ceil(length), math.radians(angle)
    half, weights = (length - 1) / 2, np.zeros((2 * reach + 1, 2 * reach + 1))
    for down in range(-reach, reach + 1):
        for across in range(-reach, reach + 1):
            along = across * math.cos(turn) - down * math.sin(turn)
            nearest = max(-half, min(half, along))
            x, y = nearest * math.cos(turn), -nearest * math.sin(turn)
            weights[reach + down, reach + across] = max(0, 1 - math.hypot(across - x, down - y))
    return weights / weights.sum()


def disk(radius):
    """Returns the weights of a disk, one after the other."""
    reach = math.ceil(radius) + 1
    weights = np.zeros((2 * reach + 1, 2 * reach + 1))
    for down in range(-reach, reach + 1):
        for across in range(-reach, reach + 1):
            share = radius + 0.5 - math.hypot(down, across)
            weights[reach + down, reach + across] = max(0, min(1, share))
    return weights / weights.sum()


def square(size):
    return np.full((size, size), 1 / size**2)


def correlated(image, weights):
    """Returns what SciPy makes of an image, in float64.

    NumPy continues the image: SciPy misses what is several times as far away as it is long.
    """
    reach = len(weights) // 2
    ends = ((reach, reach), (reach, reach), (0, 0))
    wide = np.pad(image.astype("float64"), ends, mode="symmetric")
    summed = ndimage.correlate(wide, weights[:, :, np.newaxis])
    return summed[reach : len(summed) - reach, reach : summed.shape[1] - reach]


def compare(result, batch, kernels):
    assert result.dtype == batch.dtype
    for image, before, weights in zip(result, batch, kernels, strict=True):
        assert np.abs(image - correlated(before, weights)).max() <= TOLERANCE[batch.dtype.name]


@pytest.mark.pairwise(
    length=[1.0, 1.4, 2.0, 3.0, 6.7, 15.0, 40.0],
    angle=[0.0, 90.0, -45.0, 30.0, 137.0, 360.0],
    shape=SHAPES,
    dtype=["uint8", "uint16", "float32", "float64"],
)
def test_motion_is_scipys(images, length, angle, shape, dtype):
    batch = images(2, shape=shape, dtype=dtype)
    parameters = {"length": np.full(2, length), "angle": np.full(2, angle)}
    result = MotionBlur().transform_images(batch, parameters)
    compare(result, batch, [line(length, angle)] * 2)


@pytest.mark.pairwise(
    radius=[0.0, 0.5, 0.7, 1.0, 2.3, 5.0, 21.0],
    shape=SHAPES,
    dtype=["uint8", "uint16", "float32", "float64"],
)
def test_defocus_is_scipys(images, radius, shape, dtype):
    batch = images(2, shape=shape, dtype=dtype)
    result = Defocus().transform_images(batch, {"radius": np.full(2, radius)})
    compare(result, batch, [disk(radius)] * 2)


@pytest.mark.pairwise(
    size=[1, 3, 5, 7, 9, 15, 17, 31],
    shape=SHAPES,
    dtype=["uint8", "uint16", "float32", "float64"],
)
def test_boxes_are_scipys(images, size, shape, dtype):
    batch = images(2, shape=shape, dtype=dtype)
    result = BoxBlur().transform_images(batch, {"size": np.full(2, size)})
    compare(result, batch, [square(size)] * 2)


def test_the_whitest_squares_of_all_sizes():
    white = np.full((50, 12, 9, 3), 255, "uint8")
    white[:, 0, 0] = 254
    result = BoxBlur().transform_images(white, {"size": np.arange(1, 100, 2)})
    compare(result[::7], white[::7], map(square, range(1, 100, 14)))


def test_a_larger_picture_is_scipys(images):
    batch = images(2, shape=(197, 331, 3))
    radii, lengths, angles = np.array([0.9, 7.4]), np.array([3.0, 20.5]), np.array([70.0, 10.0])
    compare(Defocus().transform_images(batch, {"radius": radii}), batch, map(disk, radii))
    result = MotionBlur().transform_images(batch, {"length": lengths, "angle": angles})
    compare(result, batch, map(line, lengths, angles))
    result = BoxBlur().transform_images(batch, {"size": np.array([3, 27])})
    compare(result, batch, map(square, [3, 27]))


def test_short_lines_and_small_disks_change_nothing(images):
    batch = images(3, shape=(9, 11, 3))
    angles = np.array([0.0, 33.0, 90.0])
    result = MotionBlur().transform_images(batch, {"length": np.ones(3), "angle": angles})
    np.testing.assert_array_equal(result, batch)
    result = Defocus().transform_images(batch, {"radius": np.array([0.0, 0.3, 0.5])})
    np.testing.assert_array_equal(result, batch)


def test_a_line_rises_to_the_right():
    """Counter-clockwise, as rotations are."""
    point = np.zeros((1, 7, 9, 1), "float32")
    point[0, 3, 4] = 1
    blurred = MotionBlur(5, (45, 45))(point, seed=0)[0, :, :, 0]
    assert blurred[2, 5] == blurred[4, 3] > 0.1
    assert blurred[2, 3] == blurred[4, 5] == 0
    np.testing.assert_allclose(blurred.sum(), 1, rtol=1e-6)


def test_every_row_has_its_own_kernel(images):
    batch = images(6, shape=(9, 11, 3))
    for transform, parameters in (
        (Defocus(), {"radius": np.array([0.0, 7.5, 0.6, 2.0, 30.0, 0.1])}),
        (BoxBlur(), {"size": np.array([3, 1, 99, 7, 15, 5])}),
        (
            MotionBlur(),
            {"length": np.array([1, 60.0, 2, 7, 3.3, 90]), "angle": np.linspace(-90, 90, 6)},
        ),
    ):
        result = transform.transform_images(batch, parameters)
        for row in range(6):
            part = slice(row, row + 1)
            own = {name: values[part] for name, values in parameters.items()}
            alone = transform.transform_images(batch[part], own)
            np.testing.assert_array_equal(result[row], alone[0])


def test_kernels_of_many_rows_are_made_in_parts(images):
    batch = images(70, shape=(4, 5, 1))
    radii = np.linspace(0, 50, 70)
    result = Defocus().transform_images(batch, {"radius": radii})
    compare(result[::23], batch[::23], map(disk, radii[::23]))


@pytest.mark.parametrize("transform", [MotionBlur(), Defocus(), BoxBlur()])
class TestAll:
    @pytest.mark.parametrize("value", [0, 1, 100, 254, 255])
    def test_a_plain_picture_stays_as_it_is(self, transform, value):
        batch = np.full((8, 12, 15, 3), value, "uint8")
        assert (transform(batch, seed=0) == value).all()

    def test_floats_look_like_bytes(self, transform, images):
        batch = images(8, shape=(14, 11, 3))
        result = transform(batch, seed=3)
        for dtype in FLOATS:
            floats = transform((batch / 255).astype(dtype), seed=3)
            assert floats.dtype == dtype
            assert np.abs(floats.astype("float64") * 255 - result).max() <= 0.8

    @pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "int32"])
    def test_values_may_lie_anywhere(self, transform, dtype):
        batch = np.random.default_rng(0).uniform(-1024, 3000, (4, 8, 9, 3)).astype(dtype)
        result = transform(batch, seed=0).astype(float)
        unit = (batch.astype(float) + 1024) / 4024
        expected = transform(unit, seed=0) * 4024 - 1024
        np.testing.assert_allclose(result, expected, atol=0.51 if batch.dtype.kind == "i" else 1e-2)

    def test_value_range(self, transform, images):
        batch = images(5, dtype="float32") * 6 - 3
        within = type(transform)(value_range=(-1, 1))(batch, seed=1)
        np.testing.assert_allclose(within, transform(batch, seed=1).clip(-1, 1), atol=1e-5)

    def test_nan_spreads_no_farther_than_weights(self, transform, images):
        batch = images(3, shape=(15, 17, 1), dtype="float32")
        clean = transform(batch, seed=1)
        batch[:, 7, 8] = np.nan
        result = transform(batch, seed=1)
        point = np.zeros_like(batch)
        point[:, 7, 8] = 1
        touched = transform(point, seed=1) > 0
        np.testing.assert_array_equal(np.isnan(result), touched)
        np.testing.assert_allclose(result[~touched], clean[~touched], atol=1e-6)

    def test_views(self, transform, images):
        batch = images(4, shape=(6, 8, 3))
        expected = transform(batch, seed=1)
        for same in (np.asfortranarray(batch), batch[:, :, ::-1].copy()[:, :, ::-1]):
            np.testing.assert_array_equal(transform(same, seed=1), expected)

    def test_opacity_stays(self, transform, images):
        batch = images(4, shape=(6, 8, 4))
        result = transform(batch, seed=1)
        np.testing.assert_array_equal(result[..., 3], batch[..., 3])
        np.testing.assert_array_equal(result[..., :3], transform(batch[..., :3], seed=1))
        blurred = type(transform)(opacity=False)(batch, seed=1)
        assert (blurred[..., 3] != batch[..., 3]).any()

    def test_empty(self, transform, images):
        assert transform(images(0), seed=1).shape == (0, 5, 7, 3)


def test_draws_fill_their_range():
    rows = np.arange(4000)
    drawn = MotionBlur((2, 5), 30).draw(rows, seed=0)
    assert 2 < drawn["length"].min() < 2.01
    assert 4.99 < drawn["length"].max() < 5
    assert -30 < drawn["angle"].min() < -29.9
    assert 29.9 < drawn["angle"].max() < 30
    assert (MotionBlur(7).draw(rows, seed=0)["length"] == 7).all()
    radius = Defocus(3).draw(rows, seed=0)["radius"]
    assert 0 < radius.min() < 0.01
    assert 2.99 < radius.max() < 3


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: MotionBlur(0.5), ValueError, "`length` must lie in 1..100.*length=0.5"),
        (lambda: MotionBlur((3, 101)), ValueError, "`length` must lie in 1..100"),
        (lambda: MotionBlur(angle=361), ValueError, "`angle` must lie in -360..360"),
        (lambda: MotionBlur((5, 3)), ValueError, r"low <= high.*Pass \(3, 5\)"),
        (lambda: Defocus(-1), ValueError, "must not be negative.*radius=-1"),
        (lambda: Defocus((0, 51)), ValueError, "`radius` must lie in 0..50"),
        (lambda: Defocus("far"), TypeError, "`radius` must be a finite number"),
    ],
)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()


def median_filtered(image, size):
    """Returns what SciPy makes of an image, or where it has no such numbers, a sort."""
    if image.dtype.name not in ("float16", "int64", "uint64"):  # it rounds these to float64
        return ndimage.median_filter(image, (size, size, 1), mode="nearest")
    ends = (size // 2, size // 2)
    wide = np.pad(image, (ends, ends, (0, 0)), "edge")
    squares = np.lib.stride_tricks.sliding_window_view(wide, (size, size), (0, 1))
    return np.sort(squares.reshape(*image.shape, -1))[..., size * size // 2]


@pytest.mark.pairwise(
    size=[3, 5, 7],
    shape=[*SHAPES, (70, 131, 3)],
    dtype=[*("uint8", "int8", "uint16", "int16", ">i2", "int32", "int64", "uint64"), *FLOATS],
)
def test_medians_are_scipys(size, shape, dtype):
    rng = np.random.default_rng(0)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        batch = rng.normal(0, 100, (2, *shape)).astype(kind)
    else:
        ends = np.iinfo(kind)
        native = kind.newbyteorder("=")
        batch = rng.integers(ends.min, ends.max, (2, *shape), native, endpoint=True).astype(kind)
    result = MedianBlur().transform_images(batch, {"size": np.full(2, size)})
    assert result.dtype == dtype
    for image, before in zip(result, batch.astype(kind.newbyteorder("=")), strict=True):
        np.testing.assert_array_equal(image, median_filtered(before, size))


def test_every_row_has_its_own_size(images):
    batch = images(6, shape=(9, 11, 3))
    sizes = np.array([3, 7, 5, 7, 3, 5])
    result = MedianBlur().transform_images(batch, {"size": sizes})
    for image, before, size in zip(result, batch, sizes, strict=True):
        np.testing.assert_array_equal(image, median_filtered(before, size))


@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_makes_all_medians_nan_that_see_it(images, dtype):
    batch = images(2, shape=(9, 12, 2), dtype=dtype)
    clean = MedianBlur(5, opacity=False)(batch, seed=0)
    batch[0, 4, 6, 1] = batch[0, 0, 0, 0] = np.nan
    result = MedianBlur(5, opacity=False)(batch, seed=0)
    spoiled = np.zeros(batch.shape, bool)
    spoiled[0, 2:7, 4:9, 1] = spoiled[0, :3, :3, 0] = True
    np.testing.assert_array_equal(np.isnan(result), spoiled)
    np.testing.assert_array_equal(result[~spoiled], clean[~spoiled])


def test_medians_within_a_value_range(images):
    batch = images(2, dtype="float32") * 6 - 3
    batch[0] = np.inf
    within = MedianBlur(3, value_range=(-1, 1))(batch, seed=1)
    np.testing.assert_array_equal(within, MedianBlur(3)(batch, seed=1).clip(-1, 1))
    bytes_within = MedianBlur(3, value_range=(50, 60))(images(2), seed=1)
    assert (bytes_within.min(), bytes_within.max()) == (50, 60)


def test_medians_keep_opacity_and_take_views(images):
    batch = images(4, shape=(6, 8, 4))
    result = MedianBlur()(batch, seed=1)
    np.testing.assert_array_equal(result[..., 3], batch[..., 3])
    np.testing.assert_array_equal(result[..., :3], MedianBlur()(batch[..., :3].copy(), seed=1))
    for same in (np.asfortranarray(batch), batch[:, :, ::-1].copy()[:, :, ::-1]):
        np.testing.assert_array_equal(MedianBlur()(same, seed=1), result)
    assert MedianBlur()(batch[:0], seed=1).shape == (0, 6, 8, 4)


def test_sizes_are_drawn_alike():
    sizes = MedianBlur((3, 7)).draw(np.arange(3000), seed=0)["size"]
    values, counts = np.unique(sizes, return_counts=True)
    assert values.tolist() == [3, 5, 7]
    assert counts.min() > 900
    assert (MedianBlur(5).draw(np.arange(9), seed=0)["size"] == 5).all()


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: MedianBlur(4), ValueError, "`size` must be odd, 3..7.*size=4"),
        (lambda: MedianBlur((3, 6)), ValueError, r"`size` must be odd.*size=\(3, 6\)"),
        (lambda: MedianBlur(9), ValueError, "`size` must be an integer.*3..7|3.*7"),
        (lambda: MedianBlur((7, 3)), ValueError, r"Pass \(3, 7\)"),
        (lambda: MedianBlur(3.0), TypeError, "`size` must be an integer"),
        (lambda: BoxBlur((3, 8)), ValueError, r"`size` must be odd, 1..99.*size=\(3, 8\)"),
        (lambda: BoxBlur(101), ValueError, "`size` must be.*99"),
    ],
)
def test_bad_sizes(make, error, text):
    with pytest.raises(error, match=text):
        make()


@pytest.mark.parametrize(("size", "text"), [(4, "and odd.*4 in row 0"), (9, "at most 7")])
def test_sizes_that_were_never_drawn(size, text, images):
    with pytest.raises(ValueError, match=text):
        MedianBlur().apply(images(1), {"size": np.array([size]), "applied": np.array([True])})
