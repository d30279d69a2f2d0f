"""`kaug.ImageDataGenerator` beside the installed Keras class, with the same seeds."""

import inspect
import warnings

import numpy as np
import pytest
from tensorflow.keras.preprocessing.image import ImageDataGenerator as KerasGenerator

from kaug.generators import numpy_state_kept
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
    "all": {
        **GEOMETRY,
        "channel_shift_range": 0.3,
        "rescale": 0.5,
        "preprocessing_function": np.square,
        "samplewise_center": True,
        "samplewise_std_normalization": True,
    },
}
EQUAL_SHIFTS = [name for name in OPTIONS if name not in ("width_shift_range", "height_shift_range")]
BRIGHTNESS = {"brightness_range": (0.4, 1.7)}


def keras_batches(options, x, *, seed, count=1, compat=False, **flow):
    """Returns Keras' batches, its defects in the way of the rest of the tests contained."""
    del compat
    with numpy_state_kept(), warnings.catch_warnings(action="ignore"):
        batches = KerasGenerator(**options).flow(x, seed=seed, **flow)
        return [next(batches) for _ in range(count)]


def our_batches(options, x, *, seed, count=1, compat=True, **flow):
    batches = ImageDataGenerator(**options, keras_compat=compat).flow(x, seed=seed, **flow)
    return [batches.next() for _ in range(count)]


def assert_same(ours, theirs, atol=None):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        reach = 1e-4 * max(np.ptp(b), 1e-9) if atol is None else atol
        np.testing.assert_allclose(a, b, rtol=0, atol=reach)


def assert_parity(options, x, *, compat=True, atol=None, **flow):
    ours = our_batches(options, x, compat=compat, **flow)
    assert_same(ours, keras_batches(options, x, **flow), atol)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
@pytest.mark.parametrize("fill_mode", ["nearest", "reflect", "wrap", "constant"])
@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_fill_mode_and_order(images, name, fill_mode, order):
    options = {**OPTIONS[name], "fill_mode": fill_mode, "cval": 0.3, "interpolation_order": order}
    wide = images(6, shape=(9, 13, 3), dtype="float32")
    assert_parity(options, wide, seed=5, count=3, batch_size=4)
    if name in EQUAL_SHIFTS:
        square = images(6, shape=(11, 11, 3), dtype="float32")
        assert_parity(options, square, compat=False, seed=5, count=3, batch_size=4)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int16"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("name", ["geometry", "channel_shift", "choices"])
def test_dtypes_and_data_formats(images, name, order, data_format, dtype):
    options = {**OPTIONS[name], "interpolation_order": order, "data_format": data_format}
    options |= {"dtype": dtype}
    if "channel_shift_range" in options:
        options["channel_shift_range"] = 30.5
    x = images(5, shape=(9, 13, 3)).astype("float32")
    if data_format == "channels_first":
        x = np.moveaxis(x, 3, 1)
    # Halfway between two integers either may come out.
    atol = 1 if np.dtype(dtype).kind in "iu" and order == 1 else None
    assert_parity(options, x, seed=1, atol=atol)
    assert_parity(options, x.astype("uint8"), seed=1, atol=atol)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["all", "samplewise_std"])
def test_channels_first_with_normalisation(images, name, dtype):
    options = {**OPTIONS[name], "data_format": "channels_first", "dtype": dtype}
    x = np.moveaxis(images(5, shape=(9, 13, 3), dtype=dtype), 3, 1)
    assert_parity(options, x, seed=1)


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
