"""`kaug.ImageDataGenerator` beside the installed Keras class, with the same seeds."""

import contextlib
import inspect
import warnings

import keras
import numpy as np
import pytest
from tensorflow.keras.preprocessing.image import ImageDataGenerator as KerasGenerator

from kaug._generators import numpy_state_kept
from kaug.image_data_generator import ImageDataGenerator

GEOMETRY = {
    "rotation_range": 40,
    "width_shift_range": 0.2,
    "height_shift_range": 0.2,
    "shear_range": 15,
    "zoom_range": (0.6, 1.3),
    "horizontal_flip": True,
    "vertical_flip": True,
}
OPTIONS = {
    "nothing": {},
    **{name: {name: value} for name, value in GEOMETRY.items()},
    "pixels": {"width_shift_range": 2.5, "height_shift_range": 2.5},
    "whole pixels": {"width_shift_range": 3, "height_shift_range": 3},
    "choices": {"width_shift_range": [0.1, 0.3], "height_shift_range": [0.1, 0.3]},
    "whole choices": {"width_shift_range": [1, 4], "height_shift_range": [1, 4]},
    "zoom number": {"zoom_range": 0.3},
    "geometry": GEOMETRY,
    "channel_shift": {"channel_shift_range": 0.3},
    "rescale": {"rescale": 1 / 7},
    "function": {"preprocessing_function": lambda image: image * 2 + 1},
    "samplewise_center": {"samplewise_center": True},
    "samplewise_std": {"samplewise_center": True, "samplewise_std_normalization": True},
    "featurewise_center": {"featurewise_center": True},
    "featurewise_std": {"featurewise_center": True, "featurewise_std_normalization": True},
    "zca": {"featurewise_center": True, "zca_whitening": True, "zca_epsilon": 0.1},
    "all": {
        **GEOMETRY,
        "channel_shift_range": 0.3,
        "rescale": 0.5,
        "preprocessing_function": np.square,
        "samplewise_center": True,
        "samplewise_std_normalization": True,
        "featurewise_center": True,
        "featurewise_std_normalization": True,
    },
}
FILL_MODES = ["nearest", "reflect", "wrap", "constant"]
ORDERS = [0, 1, 2, 3]
FORMATS = ["channels_last", "channels_first"]
EQUAL_SHIFTS = [name for name in OPTIONS if name not in ("width_shift_range", "height_shift_range")]
BRIGHTNESS = {"brightness_range": (0.4, 1.7)}


def keras_batches(options, x, *, seed, count=1, compat=False, **flow):
    """Returns Keras' batches, its defects in the way of the rest of the tests contained."""
    del compat
    with numpy_state_kept(), warnings.catch_warnings(action="ignore"):
        batches = _fitted(KerasGenerator(**options), x).flow(x, seed=seed, **flow)
        return [next(batches) for _ in range(count)]


def our_batches(options, x, *, seed, count=1, compat=True, **flow):
    batches = _fitted(ImageDataGenerator(**options, keras_compat=compat), x).flow(
        x, seed=seed, **flow
    )
    return [batches.next() for _ in range(count)]


def _fitted(generator, x):
    if generator.featurewise_center:
        generator.fit(x)
    return generator


def in_format(x, data_format):
    return np.moveaxis(x, 3, 1) if data_format == "channels_first" else x


def assert_same(ours, theirs, atol=None):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        reach = 1e-4 * max(np.ptp(b), 1e-9) if atol is None else atol
        np.testing.assert_allclose(a, b, rtol=0, atol=reach)


def assert_parity(options, x, *, compat=True, atol=None, **flow):
    ours = our_batches(options, x, compat=compat, **flow)
    assert_same(ours, keras_batches(options, x, **flow), atol)


@pytest.mark.pairwise(name=OPTIONS, fill_mode=FILL_MODES, order=ORDERS)
def test_every_option_fill_mode_and_order(images, name, fill_mode, order):
    options = {**OPTIONS[name], "fill_mode": fill_mode, "cval": 0.3, "interpolation_order": order}
    flow = {"seed": 5, "count": 2, "batch_size": 2}
    for dtype in ("float32", "float64"):
        wide, square = (images(3, shape=(size, 9, 3), dtype=dtype) for size in (6, 9))
        for data_format in FORMATS:
            options |= {"dtype": dtype, "data_format": data_format}
            assert_parity(options, in_format(wide, data_format), **flow)
            if name in EQUAL_SHIFTS:
                assert_parity(options, in_format(square, data_format), compat=False, **flow)


@pytest.mark.pairwise(
    dtype=["uint8", "int8", "uint16", "int16", "uint32", "int32", "int64"],
    order=ORDERS,
    name=["geometry", "channel_shift", "choices", "whole pixels"],
)
def test_integer_dtypes(images, name, dtype, order):
    options = {**OPTIONS[name], "interpolation_order": order, "dtype": dtype, "cval": 30}
    if "channel_shift_range" in options:
        options["channel_shift_range"] = 30.5
    # Halfway between two integers either may come out.
    atol = 1 if order == 1 else 0
    wide, square = (images(2, shape=(size, 9, 3)) // 2 for size in (6, 9))
    for fill_mode in FILL_MODES:
        for data_format in FORMATS:
            options |= {"fill_mode": fill_mode, "data_format": data_format}
            x = in_format(wide, data_format)
            assert_parity(options, x, seed=1, atol=atol)
            assert_parity(options, x.astype("float32"), seed=1, atol=atol)
            x = in_format(square, data_format)
            assert_parity(options, x, compat=False, seed=1, atol=atol)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize(
    "name", ["nothing", "horizontal_flip", "channel_shift", "rescale", "function", "samplewise_std"]
)
def test_half_precision_where_keras_has_it(images, name, data_format):
    options = {**OPTIONS[name], "dtype": "float16", "data_format": data_format}
    x = in_format(images(4, shape=(6, 9, 3), dtype="float16"), data_format)
    expected = keras_batches(options, x, seed=1)
    # Keras adds and divides in half precision, step by step.
    assert_same(our_batches(options, x, seed=1), expected, atol=3e-3 * np.ptp(expected[0]))


def test_half_precision_where_keras_has_it_not(images):
    x, options = images(4, shape=(6, 9, 3), dtype="float16"), {**GEOMETRY, "dtype": "float16"}
    with pytest.raises(RuntimeError, match="not supported"):
        keras_batches(options, x, seed=1)
    (full,) = keras_batches({**options, "dtype": "float32"}, x, seed=1)
    assert_same(our_batches(options, x, seed=1), [full.astype("float16")], atol=1e-3)


@pytest.mark.parametrize("order", [4, 5])
def test_high_orders(images, order):
    options = {**GEOMETRY, "interpolation_order": order}
    assert_parity(options, images(4, shape=(9, 13, 1), dtype="float32"), seed=1)


@pytest.mark.parametrize("mode", ["mirror", "grid-wrap", "grid-constant", "grid-mirror"])
def test_scipys_other_modes(images, mode):
    options = {**GEOMETRY, "fill_mode": mode}
    assert_parity(options, images(4, shape=(9, 13, 1), dtype="float32"), seed=1)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("low", "high"), [(0, 255), (0, 1), (-1, 1), (-300, 900), (7.5, 7.5)])
def test_brightness_goes_through_8_bits_when_compatible(images, low, high, channels):
    x = low + images(8, shape=(9, 9, channels), dtype="float32") * (high - low)
    for options in (BRIGHTNESS, {**BRIGHTNESS, **GEOMETRY, "channel_shift_range": 20}):
        # A value within rounding of an 8-bit level may fall to either side: one level at most.
        ours, theirs = our_batches(options, x, seed=2), keras_batches(options, x, seed=2)
        differences = np.abs(ours[0] - theirs[0]) > 1e-4 * max(high - low, 1)
        assert differences.mean() < 1e-3
        assert_same(ours, theirs, atol=1.01 * max(1, (high - low) / 255))


@contextlib.contextmanager
def keras_format(data_format):
    """Keras' brightness goes by the global setting, whatever the generator was told."""
    before = keras.config.image_data_format()
    keras.config.set_image_data_format(data_format)
    try:
        yield
    finally:
        keras.config.set_image_data_format(before)


@pytest.mark.pairwise(
    dtype=["float32", "float64", "uint8", "int32"], order=ORDERS, data_format=FORMATS
)
def test_brightness_with_everything_else(images, data_format, dtype, order):
    x = in_format(images(4, shape=(6, 9, 3)), data_format)
    options = {**BRIGHTNESS, **GEOMETRY, "channel_shift_range": 20, "interpolation_order": order}
    options |= {"dtype": dtype, "data_format": data_format}
    for fill_mode in FILL_MODES:
        options["fill_mode"] = fill_mode
        with keras_format(data_format):
            theirs = keras_batches(options, x, seed=2)
        ours = our_batches(options, x, seed=2)
        assert_same(ours, theirs, atol=1.01 * BRIGHTNESS["brightness_range"][1])
        assert (np.abs(ours[0].astype(float) - theirs[0]) > 1e-4 * 255).mean() < 0.01


def test_keras_brightness_fails_on_channels_first_unless_the_global_setting_says_so(images):
    x = in_format(images(4, shape=(6, 9, 3), dtype="float32"), "channels_first")
    options = {**BRIGHTNESS, "data_format": "channels_first"}
    with pytest.raises(ValueError, match="channel"):
        keras_batches(options, x, seed=2)
    last = our_batches(BRIGHTNESS, np.moveaxis(x, 1, 3), seed=2, compat=False)
    assert_same(
        our_batches(options, x, seed=2, compat=False), [in_format(last[0], "channels_first")]
    )


@pytest.mark.parametrize("size", [(9, 9), (9, 13)])
def test_one_image(images, size):
    x = images(1, shape=(*size, 3), dtype="float32")[0]
    options = {**GEOMETRY, "channel_shift_range": 0.3}
    ours, theirs = ImageDataGenerator(**options, keras_compat=True), KerasGenerator(**options)
    with numpy_state_kept():
        parameters = theirs.get_random_transform(x.shape, seed=4)
        expected = theirs.apply_transform(x, parameters)
        assert np.abs(theirs.random_transform(x, seed=4) - expected).max() == 0
    assert ours.get_random_transform(x.shape, seed=4) == pytest.approx(parameters, abs=1e-14)
    assert list(ours.get_random_transform(x.shape, seed=4)) == list(parameters)
    assert_same([ours.apply_transform(x, parameters)], [expected])
    assert_same([ours.random_transform(x, seed=4)], [expected])


@pytest.mark.parametrize("name", ["width_shift_range", "height_shift_range"])
def test_whole_numbers_are_drawn_otherwise_than_floats_of_the_same_value(name):
    for shift in (3, 3.0, 3, 1, 1.0, [1, 3], [0.1, 3.0]):
        with numpy_state_kept():
            expected = KerasGenerator(**{name: shift}).get_random_transform((9, 9, 3), seed=4)
        ours = ImageDataGenerator(**{name: shift}, keras_compat=True)
        assert ours.get_random_transform((9, 9, 3), seed=4) == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize(
    "options",
    [
        {"height_shift_range": [-2, 0, 2], "width_shift_range": [-0.3, 0.1]},
        {"height_shift_range": [-2, 0], "width_shift_range": [-2, -1]},
        {"height_shift_range": -3, "width_shift_range": -1},
        {"zoom_range": (-1, 1)},
        {"zoom_range": 1.5},
        {"brightness_range": (-0.5, 0.5)},
    ],
)
def test_what_keras_takes_is_taken_when_compatible(images, options):
    assert_parity(options, images(4, shape=(9, 13, 3), dtype="float32") * 255, seed=3, atol=1.01)


def test_names_that_keras_does_not_know_are_passed_over_when_compatible(images):
    x = images(1, shape=(9, 13, 3), dtype="float32")[0]
    ours = ImageDataGenerator(keras_compat=True).apply_transform(x, {"tetha": 30})
    np.testing.assert_array_equal(ours, KerasGenerator().apply_transform(x, {"tetha": 30}))


def test_options_may_be_changed_later(images):
    x = images(4, shape=(9, 9, 3), dtype="float32")
    generator = ImageDataGenerator(rotation_range=10)
    batches = generator.flow(x, seed=1)
    generator.rotation_range, generator.width_shift_range = 60, [1, 2]
    generator.height_shift_range = [1, 2]
    expected = keras_batches(
        {"rotation_range": 60, "width_shift_range": [1, 2], "height_shift_range": [1, 2]}, x, seed=1
    )
    assert_same([batches.next()], expected)


def test_some_of_the_parameters_are_enough(images):
    x = images(1, shape=(9, 13, 3), dtype="float32")[0]
    for parameters in ({}, {"theta": 30}, {"tx": 2, "ty": -1}, {"zx": 0.5}, {"flip_vertical": 1}):
        expected = KerasGenerator().apply_transform(x, parameters)
        ours = ImageDataGenerator(keras_compat=True).apply_transform(x, parameters)
        assert_same([ours], [expected])


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(
    "options",
    [
        {"featurewise_center": True},
        {"featurewise_center": True, "featurewise_std_normalization": True, "rescale": 0.5},
        {"featurewise_center": True, "zca_whitening": True, "zca_epsilon": 0.1},
    ],
)
@pytest.mark.parametrize("fit", [{}, {"augment": True, "rounds": 2, "seed": 3}])
def test_fit(images, options, fit, data_format):
    options = {**options, "rotation_range": 30, "data_format": data_format}
    x = images(20, shape=(5, 5, 3), dtype="float32")
    if data_format == "channels_first":
        x = np.moveaxis(x, 3, 1)
    ours, theirs = ImageDataGenerator(**options), KerasGenerator(**options)
    before = x.copy()
    ours.fit(x, **fit)
    np.testing.assert_array_equal(x, before)
    with numpy_state_kept(), warnings.catch_warnings(action="ignore"):
        theirs.fit(x, **fit)
        expected = next(theirs.flow(x, seed=1))
    for name in ("mean", "std", "zca_whitening_matrix"):
        if getattr(theirs, name) is not None:
            scale = np.abs(getattr(theirs, name)).max()
            np.testing.assert_allclose(
                getattr(ours, name), getattr(theirs, name), atol=1e-4 * scale
            )
    assert_same([ours.flow(x, seed=1).next()], [expected])


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("count", [7, 8, 3])
def test_flow_in_keras_order_over_epochs_and_resets(images, count, shuffle):
    x, y, w = (
        images(count, shape=(5, 5, 1), dtype="float32"),
        np.arange(count),
        np.arange(count) / 2,
    )
    options = {"shuffle": shuffle, "batch_size": 4, "seed": 11}
    ours = ImageDataGenerator(**GEOMETRY).flow((x, [y * 2, y * 3]), y, sample_weight=w, **options)
    with numpy_state_kept():
        theirs = KerasGenerator(**GEOMETRY).flow((x, [y * 2, y * 3]), y, sample_weight=w, **options)
        for step in range(9):
            if step == 5:
                ours.reset()
                theirs.reset()
            (a, ya, wa), (b, yb, wb) = ours.next(), next(theirs)
            np.testing.assert_array_equal(ours.index_array, theirs.index_array)
            assert ours.batch_index == theirs.batch_index
            np.testing.assert_array_equal(ya, yb)
            np.testing.assert_array_equal(wa, wb)
            np.testing.assert_array_equal(a[1:], b[1:])
            assert_same([a[0]], [b[0]])


def test_items_in_keras_order(images):
    x = images(10, shape=(5, 5, 1), dtype="float32")
    ours = ImageDataGenerator(**GEOMETRY).flow(x, batch_size=4, seed=11)
    with numpy_state_kept():
        theirs = KerasGenerator(**GEOMETRY).flow(x, batch_size=4, seed=11)
        assert_same([ours[i] for i in range(3)], [theirs[i] for i in range(3)])


@pytest.mark.parametrize("subset", ["training", "validation"])
def test_subsets(images, subset):
    x, y = images(10, shape=(5, 5, 1), dtype="float32"), np.arange(10)
    flow = {"subset": subset, "ignore_class_split": True, "shuffle": False, "batch_size": 9}
    flow |= {"sample_weight": y / 10}
    rows = y[:3] if subset == "validation" else y[3:]
    images_, labels, weights = ImageDataGenerator(validation_split=0.3).flow(x, y, **flow).next()
    np.testing.assert_array_equal(images_, x[rows])
    np.testing.assert_array_equal(labels, rows)
    np.testing.assert_array_equal(weights, rows / 10)
    compatible = ImageDataGenerator(validation_split=0.3, keras_compat=True).flow(x, y, **flow)
    with numpy_state_kept():
        expected = next(KerasGenerator(validation_split=0.3).flow(x, y, **flow))
    for a, b in zip(compatible.next(), expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("save_format", ["png", "jpg"])
def test_the_same_files_are_saved(images, tmp_path, save_format):
    x = images(5, shape=(5, 5, 3), dtype="float32")
    for folder in ("ours", "theirs"):
        (tmp_path / folder).mkdir()
    options = {"save_prefix": "a", "save_format": save_format}
    our_batches(GEOMETRY, x, seed=1, save_to_dir=tmp_path / "ours", **options)
    keras_batches(GEOMETRY, x, seed=1, save_to_dir=str(tmp_path / "theirs"), **options)
    ours, theirs = (sorted((tmp_path / folder).iterdir()) for folder in ("ours", "theirs"))
    assert [path.name for path in ours] == [path.name for path in theirs]
    assert len(ours) == 5


@pytest.mark.parametrize(
    "method",
    [
        "__init__",
        "apply_transform",
        "fit",
        "flow",
        "flow_from_dataframe",
        "flow_from_directory",
        "get_random_transform",
        "random_transform",
        "standardize",
    ],
)
def test_the_arguments_are_keras(method):
    ours, theirs = (
        [
            (parameter.name, parameter.default)
            for parameter in inspect.signature(getattr(cls, method)).parameters.values()
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        ]
        for cls in (ImageDataGenerator, KerasGenerator)
    )
    assert ours == theirs
