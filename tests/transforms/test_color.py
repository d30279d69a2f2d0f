"""Color against Pillow, colorsys and arrays one can check by eye."""

import colorsys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

import kaug.transforms
from kaug._apply.dtypes import to_dtype
from kaug.transforms import Compose, HorizontalFlip, Posterize, RandAugment, Sharpness, Transform
from kaug.transforms._bases.photometric import Photometric
from kaug.transforms.color import (
    Brightness,
    ChannelShift,
    ColorJitter,
    Contrast,
    Gamma,
    Grayscale,
    Hue,
    Invert,
    Saturation,
    Sepia,
)

FACTORS = np.array([0.0, 0.3, 0.77, 1.0, 1.23, 1.9, 4.5])
TURNS = np.array([-0.5, -1 / 3, -0.05, 0.0, 0.02, 0.31, 0.5])
SHAPES = [(9, 14, 1), (8, 13, 3), (41, 37, 3), (1, 1, 3), (1, 1, 1)]

# Each class with strengths for seven rows, as someone else may put them together.
STRENGTHS = [
    (Brightness(), {"brightness": FACTORS}),
    (Contrast(), {"contrast": FACTORS}),
    (Saturation(), {"saturation": FACTORS}),
    (Hue(), {"hue": TURNS}),
    (Sepia(), {"strength": FACTORS / 5}),
    (Gamma(), {"gamma": FACTORS + 0.1}),
    (ChannelShift(), {"shift": np.stack([TURNS, TURNS], 1), "word": np.arange(7)}),
    (Grayscale(), {}),
    (Invert(), {}),
    (
        ColorJitter(),
        {
            "brightness": np.array([0.7, 1, 1.1, 0.9, 1.5, 0.5, 1]),
            "contrast": np.array([1.3, 1.2, 0.8, 1, 0.6, 1.7, 1]),
            "saturation": np.array([0.5, 1.4, 1, 1.2, 0.9, 2.0, 1]),
            "hue": np.array([0.1, -0.2, 0.3, 0, -0.05, 0.5, 0]),
            "order": np.array([[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] * 2)[:7],
        },
    ),
]
every_strength = pytest.mark.parametrize(
    ("transform", "parameters"), STRENGTHS, ids=[type(t).__name__ for t, _ in STRENGTHS]
)


def pillow(image):
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def difference(result, expected):
    """The largest one."""
    expected = np.asarray(expected)
    return np.abs(result.astype(float) - expected.reshape(result.shape).astype(float)).max()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("transform", "name", "enhancer"),
    [
        (Brightness(), "brightness", ImageEnhance.Brightness),
        (Contrast(), "contrast", ImageEnhance.Contrast),
        (Saturation(), "saturation", ImageEnhance.Color),
    ],
)
def test_blends_are_those_of_pillow(images, shape, transform, name, enhancer):
    batch = images(7, shape=shape)
    result = transform.transform_images(batch, {name: FACTORS})
    for row, factor in enumerate(FACTORS):
        expected = enhancer(pillow(batch[row])).enhance(factor)
        assert difference(result[row], expected) <= 1
        if factor in (0, 1):  # Pillow cuts off, but here there is nothing to cut off
            assert difference(result[row], expected) == 0


def test_blends_are_rounded_to_nearest(images):
    batch = images(7, shape=(8, 13, 3))
    result = Brightness().transform_images(batch, {"brightness": FACTORS})
    exact = batch * FACTORS.reshape(-1, 1, 1, 1)
    assert np.abs(result - np.clip(exact, 0, 255)).max() <= 0.5 + 1e-4
    gray = np.stack([ImageOps.grayscale(pillow(image)) for image in batch])[..., None].astype(float)
    mean = np.floor(gray.mean(axis=(1, 2, 3), keepdims=True) + 0.5)
    for transform, name, centre in (
        (Saturation(), "saturation", gray),
        (Contrast(), "contrast", mean),
    ):
        result = transform.transform_images(batch, {name: FACTORS})
        exact = centre + FACTORS.reshape(-1, 1, 1, 1) * (batch - centre)
        assert np.abs(result - np.clip(exact, 0, 255)).max() <= 0.5 + 1e-4


def test_the_grey_is_that_of_pillow_for_every_color():
    values = np.arange(0, 256, 5)
    colors = np.stack(np.meshgrid(values, values, values, indexing="ij"), -1).astype("uint8")
    batch = colors.reshape(1, 52, 52 * 52, 3)
    expected = np.asarray(Image.fromarray(batch[0]).convert("L").convert("RGB"))
    np.testing.assert_array_equal(Grayscale(p=1)(batch)[0], expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_inverting_is_that_of_pillow(images, shape):
    batch = images(1, shape=shape)
    assert difference(Invert(p=1)(batch)[0], ImageOps.invert(pillow(batch[0]))) == 0


def turned(pixel, turn):
    hue, saturation, value = colorsys.rgb_to_hsv(*pixel)
    return colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)


@pytest.mark.parametrize("turn", [*TURNS, 0.9, -1.3])
def test_hue_is_that_of_colorsys(images, turn):
    batch = images(1, shape=(15, 16, 3))
    batch[0, :2] = batch[0, :2, :, :1]  # gray
    batch[0, 2:4, :, 1] = batch[0, 2:4, :, 0]  # two channels alike
    batch[0, 4:6, :, 2] = 255
    parameters = {"hue": np.array([turn])}
    pixels = batch.reshape(-1, 3) / 255
    expected = np.array([turned(pixel, turn) for pixel in pixels])
    floats = Hue().transform_images(pixels.reshape(batch.shape), parameters)
    np.testing.assert_allclose(floats.reshape(-1, 3), expected, atol=1e-12)
    result = Hue().transform_images(batch, parameters).reshape(-1, 3)
    assert np.abs(result - expected * 255).max() <= 0.5 + 1e-3


def test_gamma_is_a_power():
    batch = np.repeat(np.arange(256, dtype="uint8").reshape(1, 8, 32, 1), 4, axis=0)
    gammas = np.array([0.2, 1.0, 2.2, 5.0])
    exact = (batch / 255) ** gammas.reshape(-1, 1, 1, 1)
    result = Gamma().transform_images(batch, {"gamma": gammas})
    np.testing.assert_array_equal(result, np.floor(exact * 255 + 0.5))
    for dtype, tolerance in (("float32", 2e-6), ("float64", 1e-14)):
        floats = Gamma().transform_images((batch / 255).astype(dtype), {"gamma": gammas})
        np.testing.assert_allclose(floats, exact, atol=tolerance)


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_channel_shifts_are_one_number_per_row_and_channel(images, channels, dtype):
    batch = images(40, shape=(11, 13, channels), dtype=dtype)
    top = 255 if dtype == "uint8" else 1
    batch = batch // 2 + 64 if dtype == "uint8" else batch / 2 + 0.25
    moved = (ChannelShift((-0.2, 0.1))(batch, seed=1) - batch.astype(float)) / top
    spread = moved.max(axis=(1, 2)) - moved.min(axis=(1, 2))
    assert spread.max() < 1e-12
    shifts = moved[:, 0, 0]
    assert -0.203 < shifts.min() < -0.15
    assert 0.05 < shifts.max() < 0.103
    if channels > 1:
        assert abs(np.corrcoef(shifts[:, 0], shifts[:, 1])[0, 1]) < 0.5


def test_channel_shifts_stop_at_the_ends():
    image = np.array([[[[0, 100, 255]]]], "uint8")
    shift = {"word": np.zeros(1, "uint32")}
    up = ChannelShift().transform_images(image, shift | {"shift": np.array([[0.9, 0.9]])})
    down = ChannelShift().transform_images(image, shift | {"shift": np.array([[-0.9, -0.9]])})
    assert up.ravel().tolist() == [230, 255, 255]
    assert down.ravel().tolist() == [0, 0, 26]


def luma(image):
    return image @ (np.array([19595, 38470, 7471]) / 65536)


def jittered(image, strengths, order):
    """One image in float64, 0..255, step by step."""
    image, strengths = image.astype(float), dict(zip("bcsh", strengths, strict=True))
    for change in ("bcsh"[number] for number in order):
        factor = strengths[change]
        if change == "h":
            flat = [turned(pixel, factor) for pixel in image.reshape(-1, 3) / 255]
            image = np.array(flat).reshape(image.shape) * 255
            continue
        gray = {"b": 0.0, "c": luma(image).mean(), "s": luma(image)[..., None]}[change]
        image = np.clip(gray + factor * (image - gray), 0, 255)
    return image


@pytest.mark.parametrize("shape", [(9, 14, 3), (41, 37, 3)])  # of one block and of two
def test_jitter_goes_step_by_step_and_rounds_once(images, shape):
    batch = images(7, shape=shape)
    transform, parameters = STRENGTHS[-1]
    result = transform.transform_images(batch, parameters)
    floats = transform.transform_images(batch / 255, parameters)
    for row in range(7):
        strengths = [parameters[name][row] for name in ("brightness", "contrast")]
        strengths += [parameters[name][row] for name in ("saturation", "hue")]
        expected = jittered(batch[row], strengths, parameters["order"][row])
        np.testing.assert_allclose(floats[row] * 255, expected, atol=1e-10)
        assert np.abs(result[row] - expected).max() <= 0.5 + 1e-3


def test_the_order_of_jitter_matters(images):
    batch = np.repeat(images(1, shape=(6, 7, 3)), 500, axis=0)
    transform = ColorJitter((1.5, 1.5), (1.5, 1.5), (1.5, 1.5), (0.1, 0.1))
    orders = transform.draw(np.arange(500), seed=0)["order"]
    assert len(np.unique(orders, axis=0)) == 24
    assert (np.sort(orders, axis=1) == np.arange(4)).all()
    assert len(np.unique(transform(batch, seed=0), axis=0)) > 8


@pytest.mark.parametrize(
    ("one", "alone"),
    [
        (ColorJitter((0.7, 0.7), 0, 0, 0), Brightness((0.7, 0.7))),
        (ColorJitter(0, 0, (0.2, 0.2), 0), Saturation((0.2, 0.2))),
        (ColorJitter(0, 0, 0, (0.2, 0.2)), Hue((0.2, 0.2))),
        (ColorJitter(0, (1.4, 1.4), 0, 0), Contrast((1.4, 1.4))),
    ],
)
def test_jitter_of_one_kind(images, one, alone):
    batch = images(3, shape=(9, 14, 3))
    assert difference(one(batch), alone(batch)) <= 1
    floats = batch / 255
    np.testing.assert_allclose(one(floats), alone(floats), atol=1e-12)
    np.testing.assert_array_equal(ColorJitter(0, 0, 0, 0)(batch), batch)


def test_jitter_of_one_channel_is_brightness_and_contrast(images):
    batch = images(2, shape=(9, 14, 1))
    strong = ColorJitter((1.4, 1.4), (0.5, 0.5), (2, 2), (0.5, 0.5))
    plain = ColorJitter((1.4, 1.4), (0.5, 0.5), 0, 0)
    np.testing.assert_array_equal(strong(batch, seed=3), plain(batch, seed=3))
    assert not np.array_equal(plain(batch, seed=3), batch)


@every_strength
@pytest.mark.parametrize("shape", [(9, 14, 1), (41, 37, 3)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint16", "int32"])
def test_every_dtype_gives_the_same_picture(images, transform, parameters, shape, dtype):
    batch = images(7, shape=shape)
    expected = transform.transform_images(batch, parameters)
    top = np.iinfo(dtype).max if np.dtype(dtype).kind in "iu" else 1
    other = (batch * (top / 255)).astype(dtype)
    result = transform.transform_images(other, parameters)
    assert result.dtype == dtype
    tolerance = np.full(7, 0.5 + 3e-3)  # bytes are rounded, and 16 bits too
    if isinstance(transform, Contrast | Saturation):  # and so is the gray they are moved from
        tolerance += 0.5 * np.abs(1 - FACTORS)
    elif isinstance(transform, Grayscale):
        tolerance += 0.5
    if dtype == "float16":
        tolerance += 0.15 * np.abs(parameters.get("brightness", FACTORS)).max()
    error = np.abs(result / (top / 255) - expected).max(axis=(1, 2, 3))
    assert (error <= tolerance).all()


@every_strength
def test_a_declared_range_is_that_of_the_values(images, transform, parameters):
    unit = images(7, shape=(6, 9, 3), dtype="float64")
    expected = transform.transform_images(unit, parameters)
    for low, high, dtype in ((-1, 1, "float64"), (0, 255, "float32"), (0, 4095, "uint16")):
        declared = type(transform)(value_range=(low, high))
        values = low + unit * (high - low)
        batch = np.rint(values).astype(dtype) if dtype == "uint16" else values.astype(dtype)
        result = declared.transform_images(batch, parameters)
        tolerance = 3.5 / 4095 if dtype == "uint16" else 1e-5
        np.testing.assert_allclose((result - low) / (high - low), expected, atol=tolerance)


@pytest.mark.filterwarnings("ignore:Floats must be in:UserWarning")
@every_strength
@pytest.mark.parametrize("channels", [1, 3])
def test_values_beyond_the_range_are_clipped_and_nan_stays(images, transform, parameters, channels):
    batch = images(7, shape=(6, 9, channels), dtype="float32")
    beyond = batch.copy()
    beyond[:, 0, 0], beyond[:, 0, 1], beyond[:, 0, 2] = np.inf, -0.2, 1.5
    within = np.clip(beyond, 0, 1)
    result = transform.transform_images(beyond, parameters)
    np.testing.assert_array_equal(result, transform.transform_images(within, parameters))
    assert result.min() >= 0
    assert result.max() <= 1
    for channel in range(channels):
        spoilt = beyond.copy()
        spoilt[:, 3, 4, channel] = np.nan
        result = transform.transform_images(spoilt, parameters)
        assert np.isnan(result[:, 3, 4, channel]).all()
        assert np.isfinite(np.delete(result.reshape(7, -1, channels), 3 * 9 + 4, axis=1)).all()


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("make", [Brightness, Contrast, Gamma, ChannelShift])
def test_any_number_of_channels(images, make, dtype):
    batch = images(3, shape=(6, 9, 5), dtype=dtype)
    result = make()(batch, seed=1)
    assert result.shape == batch.shape
    if make is Contrast:
        factor = make().draw(np.arange(3), seed=1)["contrast"].reshape(-1, 1, 1, 1)
        mean = batch.mean(axis=(1, 2, 3), keepdims=True, dtype=float)
        top = 255 if dtype == "uint8" else 1
        expected = np.clip(mean + factor * (batch - mean), 0, top)
        assert np.abs(result - expected).max() <= (0.65 if dtype == "uint8" else 1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("make", [Saturation, Hue, Grayscale, ColorJitter])
def test_color_needs_three_channels_or_one(images, make, dtype):
    with pytest.raises(ValueError, match=rf"{make.__name__} needs images of 3.*images of 5"):
        make(p=1)(images(1, shape=(5, 7, 5), dtype=dtype))
    if make is not ColorJitter:
        batch = images(2, shape=(5, 7, 1), dtype=dtype)
        np.testing.assert_array_equal(make(p=1)(batch), batch)


@pytest.mark.parametrize(
    ("transform", "name", "low", "high"),
    [
        (Brightness(0.3), "brightness", 0.7, 1.3),
        (Contrast((0.5, 2)), "contrast", 0.5, 2),
        (Saturation(), "saturation", 0.8, 1.2),
        (Hue(), "hue", -0.05, 0.05),
        (Gamma((0.4, 0.6)), "gamma", 0.4, 0.6),
        (ColorJitter(0.3), "brightness", 0.7, 1.3),
    ],
)
def test_draws_fill_their_range(transform, name, low, high):
    values = transform.draw(np.arange(3000), seed=0)[name]
    margin = (high - low) / 100
    assert low < values.min() < low + margin
    assert high - margin < values.max() < high
    assert len(np.unique(values)) > 2990


def test_wide_integers_stay_white():
    white = np.full((1, 2, 3, 1), np.iinfo("int64").max)
    result = Brightness((1, 1))(white)
    assert (result > 2**62).all()
    top = to_dtype(np.array([300.0, -300.0]), np.dtype("int8"))
    assert top.tolist() == [127, -128]


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Brightness(1.5), ValueError, r"`brightness` must lie in 0..100.*-0.5..2.5"),
        (lambda: Brightness((-1, 1)), ValueError, r"`brightness` must lie in 0..100"),
        (lambda: Contrast((1.2, 0.8)), ValueError, r"low <= high.*Pass \(0.8, 1.2\)"),
        (lambda: Contrast("a lot"), TypeError, "`contrast` must be a finite number"),
        (lambda: Saturation(-0.1), ValueError, "must not be negative: it means the range around 1"),
        (lambda: Hue(18), ValueError, r"`hue` must lie in -0.5..0.5.*-18..18"),
        (lambda: Hue((0, 0.6)), ValueError, r"`hue` must lie in -0.5..0.5"),
        (lambda: Gamma(1.0), ValueError, r"`gamma` must lie in 0.001..100.*0..2"),
        (lambda: Gamma((1e-300, 1)), ValueError, r"`gamma` must lie in 0.001..100"),
        (lambda: Invert(value_range=(0, 1e-40)), ValueError, "below white by 1e-30 at least"),
        (lambda: ChannelShift(20), ValueError, "`shift` must lie in -1..1"),
        (lambda: ColorJitter(hue=1), ValueError, "`hue` must lie in"),
        (lambda: ColorJitter(saturation=2), ValueError, "`saturation` must lie in"),
        (lambda: Grayscale(2), ValueError, "`p` must lie in 0..1"),
        (lambda: Invert(value_range=(1, 0)), ValueError, "black below white"),
        (lambda: Brightness(0.2, (0, 1)), TypeError, "positional"),
    ],
)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_of_0_to_255_are_no_pictures_of_white(images, dtype):
    batch = (255 * images(3, dtype="float64")).astype(dtype)
    seen = f"from 0 to {batch.max():g}"
    with pytest.raises(
        ValueError, match=rf"Floats must be in \[0, 1\].*{seen}\. .*value_range=\(0, 255\)"
    ):
        Compose([HorizontalFlip(), Brightness()])(batch, seed=0)
    result = Brightness(value_range=(0, 255))(batch, seed=0)
    assert result.max() > 100
    np.testing.assert_array_equal(HorizontalFlip(p=1)(batch, seed=0), batch[:, :, ::-1])
    assert Brightness()(batch[:0], seed=0).shape == (0, 5, 7, 3)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
def test_gammas_as_far_as_they_go(dtype):
    white = 255 if dtype == "uint8" else 1
    image = (np.array([0.0, 0.2, 1.0]).reshape(1, 1, 3, 1) * white).astype(dtype)
    for gamma in (0.001, 100):
        expected = np.power(image.astype(float) / white, gamma) * white
        result = Gamma((gamma, gamma))(image, seed=0)
        np.testing.assert_allclose(result, expected, atol=0.5 if white == 255 else 1e-3)


def test_value_ranges_as_narrow_as_they_go():
    image = np.array([0.0, 0.25, 1.0], "float32").reshape(1, 1, 3, 1) * np.float32(1e-30)
    inverted = Invert(p=1, value_range=(0, 1e-30))(image, seed=0)
    np.testing.assert_allclose(inverted[0, 0, :, 0], [1e-30, 0.75e-30, 0], rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("half", [0.5, 1])
def test_floats_around_0_do_not_lose_what_is_below(images, half, dtype):
    batch = (half * (2 * images(3, dtype="float64") - 1)).astype(dtype)
    batch[0, 0, 0] = np.nan, np.inf, -np.inf
    with pytest.raises(ValueError, match=r"\[0, 1\].*from -(1|0\.[4-9]).*value_range=\(-1, 1\)"):
        Compose([HorizontalFlip(), Brightness()])(batch, seed=0)
    assert np.nanmin(Brightness((1, 1), value_range=(-1, 1))(batch, seed=0)) < -0.4
    assert np.nanmin(HorizontalFlip(p=1)(batch[1:], seed=0)) < -0.4


@pytest.mark.parametrize("transform", [Brightness((1, 1)), Sharpness((2, 2)), Sharpness((0, 0))])
@pytest.mark.parametrize(("value", "clipped"), [(np.inf, 1), (-np.inf, 0)])
def test_infinities_are_clipped_and_pointed_out(transform, value, clipped):
    batch = np.full((1, 7, 9, 3), 0.5, "float32")
    batch[0, 3, 4] = value
    with pytest.warns(UserWarning, match="lies outside is clipped. Received: infinite values"):
        result = transform(batch, seed=0)
    np.testing.assert_array_equal(result, transform(batch.clip(0, 1), seed=0))
    if isinstance(transform, Brightness):
        assert result[0, 3, 4].tolist() == [clipped] * 3
    declared = replace(transform, value_range=(0, 1))(batch, seed=0)  # without a warning
    np.testing.assert_array_equal(declared, result)


def test_what_overshoots_a_little_is_clipped():
    batch = np.array([-0.2, 0.5, 1.5], "float32").reshape(1, 1, 3, 1)
    with pytest.warns(
        UserWarning,
        match=r"lies outside is clipped.*from -0.2 to 1.5\. Clip them first, to 0..1; or say what",
    ):
        result = Brightness((1, 1))(batch, seed=0)
    assert result.tolist() == [[[[0.0], [0.5], [1.0]]]]
    rounded = batch.clip(-0.001, 1.001)
    assert Brightness((1, 1))(rounded, seed=0).tolist() == result.tolist()  # without a warning


@pytest.mark.parametrize(
    ("lowest", "highest", "fix"),
    [
        (100, 100, "Divide the images by 255"),
        (1.6, 2.7, r"value_range=\(0, 3\)"),
        (-1.001, 1.001, r"value_range=\(-1, 1\)"),
        (-3.2, -2, r"value_range=\(-4, 1\)"),
    ],
)
def test_the_range_of_what_is_no_picture_is_the_true_one(lowest, highest, fix):
    batch = np.full((1, 4, 6, 1), lowest, "float32")
    batch[0, 3, 4] = highest
    with pytest.raises(ValueError, match=f"values from {lowest} to {highest}\\. .*{fix}"):
        Brightness()(batch, seed=0)


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64"])
def test_bytes_in_wide_integers_are_no_black_pictures(images, dtype):
    batch = images(3).astype(dtype)
    with pytest.raises(ValueError, match=rf"White is \d+ in {dtype}.*up to 2\d\d\..*\(0, 255\)"):
        Compose([HorizontalFlip(), Invert()])(batch, seed=0)
    expected = Invert()(images(3), seed=0)
    np.testing.assert_array_equal(Invert(value_range=(0, 255))(batch, seed=0), expected)
    black = np.zeros_like(batch)
    assert (Invert()(black, seed=0) >= 0.999 * np.iinfo(dtype).max).all()
    assert (Invert()(batch.astype("uint16"), seed=0) > 65000).all()  # may be as dark as that


@pytest.mark.parametrize("dtype", ["uint8", "float32", "int16"])
def test_one_row_out_of_its_range_is_seen_in_any_batch(images, dtype):
    """The first image may be blank, and what is wrong may be in any row and any pixel."""
    batch = np.zeros((50, 33, 31, 3), dtype)
    if dtype == "uint8":
        batch[37, 32, 30, 2] = 255
        Brightness()(batch, seed=0)  # bytes are never out of range
        return
    batch[37, 32, 30, 2] = 7 if dtype == "float32" else -1
    for rows in (slice(None), slice(37, 38), slice(30, 40)):
        with pytest.raises(ValueError, match=r"without a `value_range`\. Received: values"):
            Brightness()(batch[rows], seed=0)
    Brightness()(batch[:37], seed=0)
    Brightness(value_range=(-1, 7))(batch, seed=0)


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_opacity_stays(images, channels, dtype):
    batch = images(6, shape=(9, 14, channels), dtype=dtype)
    colors = batch[..., :-1]
    for name in kaug.transforms.__all__:
        cls = getattr(kaug.transforms, name)
        if not (isinstance(cls, type) and issubclass(cls, Photometric)) or name == "Normalize":
            continue  # which makes floats only, of channels that are given
        result = cls(p=1, opacity=True)(batch, seed=1)
        np.testing.assert_array_equal(result[..., -1], batch[..., -1])
        np.testing.assert_array_equal(result[..., :-1], cls(p=1)(colors, seed=1))
    everywhere = Invert(p=1, opacity=False)(batch, seed=0)
    assert (everywhere[..., -1] != batch[..., -1]).all()
    assert (Posterize(1)(batch, seed=0)[..., -1] == batch[..., -1]).all()
    policy = RandAugment(3, magnitude=20, opacity=False)
    assert Transform.from_json(policy.to_json()) == policy


def test_opacity_is_true_or_false():
    with pytest.raises(TypeError, match=r"`opacity` must be True or False. Received: opacity='no'"):
        Brightness(opacity="no")


@pytest.mark.parametrize("shape", [(9, 14, 3), (1, 1, 3)])
def test_sepia_is_a_blend_with_its_matrix(images, shape):
    strengths = np.array([0, 0.25, 0.5, 1])
    batch = images(4, shape=shape)
    given = {"strength": strengths}
    matrix = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
    brown = np.einsum("nhwc,dc->nhwd", batch.astype(float), matrix)
    expected = batch + strengths[:, None, None, None] * (brown - batch)
    expected = expected.clip(0, 255)
    result = Sepia().transform_images(batch, given)
    assert np.abs(result - expected).max() < 0.501
    floats = Sepia().transform_images(batch / 255, given)
    np.testing.assert_allclose(floats * 255, expected, atol=1e-9)


def test_gray_has_no_sepia(images):
    gray = images(3, shape=(5, 7, 1))
    np.testing.assert_array_equal(Sepia()(gray, seed=0), gray)
    with pytest.raises(ValueError, match="Sepia needs images of 3 channels"):
        Sepia()(images(3, shape=(5, 7, 5)), seed=0)
    with pytest.raises(ValueError, match=r"`strength` must lie in 0..1"):
        Sepia(1.5)


# An average needs neither black nor white; what is erased or moved is not looked at.
INDIFFERENT = {
    "GaussianBlur",
    "BoxBlur",
    "MotionBlur",
    "Defocus",
    "MedianBlur",
    "Downscale",
    "ChromaticAberration",
    "ZoomBlur",
    "GlassBlur",
    "Dilation",
    "Erosion",
    "Erasing",
    "Cutout",
    "GridMask",
    "CoarseDropout",
    "ChannelDropout",
    "ChannelShuffle",
    "PixelDropout",
    "TimeMask",
    "FrequencyMask",
}
OF_VALUES = [
    value
    for name in kaug.transforms.__all__
    if issubclass(value := getattr(kaug.transforms, name), Photometric) and name not in INDIFFERENT
]


@pytest.mark.parametrize("make", OF_VALUES)
@pytest.mark.parametrize(("far", "dtype"), [(-5, "float32"), (9, "float32"), (9, "float64")])
def test_one_sample_far_outside_is_enough(make, far, dtype):
    images = np.full((3, 6, 7, 3), 0.5, dtype)
    make(p=1)(images, seed=0)
    images[1, 4, 2, 2] = far
    with pytest.raises(ValueError, match=f"Floats must be in .0, 1. for {make.__name__}"):
        make(p=1)(images, seed=0)
