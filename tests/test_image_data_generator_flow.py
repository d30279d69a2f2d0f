"""`kaug.ImageDataGenerator` where Keras' class has defects, and how its batches behave."""

import pickle
import random
import re
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

from kaug import AugmentedDataset, augment_dataset
from kaug._generators import as_generator
from kaug.image_data_generator import ImageDataGenerator, KerasGeometry

GEOMETRY = {
    "rotation_range": 40,
    "width_shift_range": 0.2,
    "height_shift_range": 0.3,
    "zoom_range": 0.3,
    "horizontal_flip": True,
}


def epochs(batches, count):
    """Returns the images of some epochs, by number."""
    result = []
    for _ in range(count):
        result.append([batches[i] for i in range(len(batches))])
        batches.on_epoch_end()
    return result


# Documented behaviour ---------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [0.3, 4, [2, 3]])
def test_width_shifts_are_horizontal_and_height_shifts_vertical(shift):
    x = np.zeros((50, 9, 15, 1), "float32")
    x[:, 4, 7] = 1
    sideways = ImageDataGenerator(width_shift_range=shift).flow(x, batch_size=50, seed=0)[0]
    assert (sideways[:, 4].sum(axis=(1, 2)) > 0.99).all()
    assert len(set(sideways.argmax(axis=2)[:, 4, 0])) > 3
    upright = ImageDataGenerator(height_shift_range=shift).flow(x, batch_size=50, seed=0)[0]
    assert (upright[:, :, 7].sum(axis=(1, 2)) > 0.99).all()


def test_a_shift_is_a_fraction_of_the_axis_it_moves_along():
    generator = ImageDataGenerator(width_shift_range=0.5, height_shift_range=0.5)
    drawn = [generator.get_random_transform((10, 1000, 1), seed) for seed in range(50)]
    assert 5 < max(abs(parameters["tx"]) for parameters in drawn) <= 500
    assert 1 < max(abs(parameters["ty"]) for parameters in drawn) <= 5


def test_pictures_turn_about_their_centre(images):
    x = images(1, shape=(6, 9, 3), dtype="float32")[0]
    turned = ImageDataGenerator().apply_transform(x, {"theta": 180})
    np.testing.assert_allclose(turned, x[::-1, ::-1], atol=1e-5)
    swapped = ImageDataGenerator(keras_compat=True).apply_transform(x, {"theta": 180})
    assert np.abs(swapped - x[::-1, ::-1]).max() > 0.1


def test_brightness_is_a_factor_on_floats(images):
    x = (images(20, shape=(5, 7, 3), dtype="float32") + 0.01) / 1.01
    generator = ImageDataGenerator(brightness_range=(0.5, 1.5))
    bright = generator.flow(x, shuffle=False, seed=1)[0]
    for row, image in enumerate(x):
        factor = np.median(bright[row] / image)
        np.testing.assert_allclose(bright[row], np.clip(image * factor, 0, 1), atol=1e-5)
    large = generator.flow(x * 255, shuffle=False, seed=1)[0]
    np.testing.assert_allclose(large, bright * 255, atol=1e-2)
    centred = generator.apply_transform(x[0] - 0.5, {"brightness": 0.5})
    np.testing.assert_allclose(centred, (x[0] - x[0].min()) / 2 + x[0].min() - 0.5, atol=1e-5)


def test_brightness_of_dark_integers_is_out_of_255():
    dark = np.ones((1, 4, 4, 1), "uint8")
    assert ImageDataGenerator(brightness_range=(3, 3)).flow(dark, seed=0)[0].max() == 3


def test_brightness_leaves_opacity_alone(images):
    x = images(1, shape=(5, 5, 4), dtype="float32")[0]
    dark = ImageDataGenerator().apply_transform(x, {"brightness": 0.5})
    np.testing.assert_array_equal(dark[..., 3], x[..., 3])
    np.testing.assert_allclose(dark[..., :3], x[..., :3] / 2, atol=1e-6)


def test_samplewise_statistics_are_those_of_each_image(images):
    x = images(4, shape=(5, 7, 3), dtype="float32") + np.arange(4).reshape(4, 1, 1, 1)
    options = {"samplewise_center": True}
    centred = ImageDataGenerator(**options).standardize(x)
    np.testing.assert_allclose(centred.mean(axis=(1, 2, 3)), 0, atol=1e-6)
    np.testing.assert_array_equal(centred[2], ImageDataGenerator(**options).standardize(x[2]))
    whole = ImageDataGenerator(**options, keras_compat=True).standardize(x)
    np.testing.assert_allclose(whole, x - x.mean(), atol=1e-6)


def test_preprocessing_functions_get_one_image_at_a_time(images):
    x, shapes = images(4, dtype="float32"), []

    def double(image):
        shapes.append(image.shape)
        return image * 2

    for compat in (False, True):
        generator = ImageDataGenerator(preprocessing_function=double, keras_compat=compat)
        np.testing.assert_array_equal(generator.standardize(x), x * 2)
    assert shapes == [(5, 7, 3)] * 4 + [(4, 5, 7, 3)]


def test_masks_may_be_boolean(images):
    masks = images(6, shape=(9, 7, 1)) > 127
    batches = [
        ImageDataGenerator(**GEOMETRY, interpolation_order=0).flow(x, seed=1)
        for x in (masks, masks.astype("float32"))
    ]
    np.testing.assert_array_equal(batches[0].next(), batches[1].next())


def test_a_picture_that_does_not_move_is_not_interpolated_whatever_the_others_do(images):
    x = images(20, shape=(7, 9, 3), dtype="float64")
    generator = ImageDataGenerator(width_shift_range=2, interpolation_order=3, dtype="float64")
    moved = generator.flow(x, shuffle=False, seed=0)[0]
    same = (moved == x).all(axis=(1, 2, 3))
    assert 3 < same.sum() < 17


def test_inputs_are_never_written_to(images):
    x = images(4, shape=(5, 7, 3), dtype="float32")
    before = x.copy()
    generator = ImageDataGenerator(
        **GEOMETRY, samplewise_center=True, rescale=2, channel_shift_range=1
    )
    generator.flow(x, seed=0).next()
    generator.standardize(x)
    generator.random_transform(x[0], seed=1)
    np.testing.assert_array_equal(x, before)
    assert generator.standardize(np.zeros((5, 7, 3), "uint8")).dtype == "float32"


# Iterators --------------------------------------------------------------------------------------


def test_items_are_stable_and_epochs_differ(images):
    x = images(10, shape=(5, 5, 1), dtype="float32")
    batches = ImageDataGenerator(**GEOMETRY).flow(x, batch_size=4, seed=0)
    assert isinstance(batches, keras.utils.PyDataset)
    first, again = batches[0], batches[0]
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(batches[2], batches[-1])
    for _ in range(4):
        batches.next()
    np.testing.assert_array_equal(batches[0], first)
    batches.on_epoch_end()
    assert not np.array_equal(batches[0], first)
    for error in (IndexError, ValueError):  # as of sequences, and as in Keras
        with pytest.raises(error, match=r"must be an integer in -3\.\.2"):
            batches[3]
    for wrong in (slice(0, 2), "0", 1.0):
        with pytest.raises(TypeError, match=r"must be an integer in -3\.\.2"):
            batches[wrong]


def test_items_are_what_next_gives(images):
    x = images(10, shape=(5, 5, 1), dtype="float32")
    generator = ImageDataGenerator(**GEOMETRY)
    by_number = epochs(generator.flow(x, batch_size=4, seed=0), 3)
    batches = generator.flow(x, batch_size=4, seed=0)
    for epoch in by_number:
        for batch in epoch:
            batches[1]  # a stray read
            np.testing.assert_array_equal(batches.next(), batch)


def test_loops_go_on_over_epochs(images):
    batches = ImageDataGenerator().flow(images(4), shuffle=False, batch_size=3)
    assert [len(batch) for batch, _ in zip(batches, range(5), strict=False)] == [3, 1, 3, 1, 3]


def test_subsets_of_labels_that_both_hold(images):
    x, y = images(6), np.array([0, 1, 2, 0, 2, 1])
    generator = ImageDataGenerator(validation_split=0.5)
    for subset, rows in (("validation", slice(0, 3)), ("training", slice(3, 6))):
        made, labels = generator.flow(x, y, subset=subset, shuffle=False).next()
        np.testing.assert_array_equal(made, x[rows])
        np.testing.assert_array_equal(labels, y[rows])


def test_fit_learns_only_what_is_asked_for(images):
    generator = ImageDataGenerator()
    generator.fit(images(4))
    assert (generator.mean, generator.std, generator.zca_whitening_matrix) == (None, None, None)


def test_interleaved_iterators_give_what_each_gives_alone(images):
    x = images(10, shape=(5, 5, 1), dtype="float32")
    generator = ImageDataGenerator(**GEOMETRY, channel_shift_range=0.2)
    alone = [
        [batches.next() for _ in range(7)]
        for batches in (generator.flow(x, batch_size=4, seed=seed) for seed in (1, 2))
    ]
    one, two = (generator.flow(x, batch_size=4, seed=seed) for seed in (1, 2))
    for a, b in zip(*alone, strict=True):
        np.testing.assert_array_equal(one.next(), a)
        np.testing.assert_array_equal(two.next(), b)


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (np.zeros((6, 9, 7)), r'`y`.*as high and wide as they are.*key "segmentation_masks"'),
        (np.zeros((6, 9, 7, 2), bool), r'`y`.*as high and wide.*key "segmentation_masks"'),
        (np.zeros((6, 18, 14, 1)), r"`y`.*height and width are 2 times theirs"),
        (np.zeros((6, 2, 4)), r'`y`.*looks like boxes.*key "bounding_boxes"'),
        (np.zeros((6, 5, 2)), r'`y`.*looks like points.*key "keypoints"'),
    ],
    ids=["masks", "more masks", "larger masks", "boxes", "points"],
)
def test_targets_that_stay_behind_are_pointed_out(images, y, text):
    x = images(6, shape=(9, 7, 1), dtype="float32")
    for option in ({"rotation_range": 20}, {"horizontal_flip": True}, {"zoom_range": 0.2}):
        with pytest.warns(
            UserWarning, match=f"`flow` moves the pixels of its images alone.*{text}"
        ):
            ImageDataGenerator(**option).flow(x, y)
    with pytest.warns(UserWarning, match=text.replace("`y`", r"`x\[1\]\[0\]`")):
        ImageDataGenerator(vertical_flip=True).flow((x, [y]))
    # Where pixels stay, and where all is as in Keras, nothing is said.
    ImageDataGenerator(brightness_range=(0.5, 1), channel_shift_range=0.1).flow(x, y)
    ImageDataGenerator(rotation_range=20, keras_compat=True).flow(x, y)
    ImageDataGenerator(rotation_range=20).flow(x, np.zeros((6, 4)))


def test_one_box_for_each_image_is_pointed_out(images):
    x, corners = images(9, shape=(9, 7, 1), dtype="float32"), np.tile([0, 1, 6, 4], (9, 1))
    with pytest.warns(UserWarning, match="`y`.*looks like one box for each image"):
        ImageDataGenerator(horizontal_flip=True).flow(x, corners)
    ImageDataGenerator(horizontal_flip=True).flow(x, corners[:, ::-1])


def test_targets_that_stay_behind_where_channels_come_first(images):
    x = np.moveaxis(images(6, shape=(9, 7, 1), dtype="float32"), -1, 1)
    generator = ImageDataGenerator(rotation_range=20, data_format="channels_first")
    with pytest.warns(UserWarning, match="as high and wide as they are"):
        generator.flow(x, x)


def test_what_is_to_move_moves_in_a_dataset_with_the_same_generator(images):
    x = images(6, shape=(9, 7, 1), dtype="float32")
    generator = ImageDataGenerator(horizontal_flip=True, vertical_flip=True)
    dataset = AugmentedDataset(x, {"segmentation_masks": x > 0.5}, generator, seed=0)
    moved, targets = dataset[0]
    np.testing.assert_array_equal(targets["segmentation_masks"], moved > 0.5)


def test_images_and_masks_stay_aligned(images):
    x = images(10, shape=(9, 7, 1), dtype="float32")
    pictures = ImageDataGenerator(**GEOMETRY).flow(x, batch_size=4, seed=5)
    masks = ImageDataGenerator(**GEOMETRY).flow(x, batch_size=4, seed=5)
    for step in range(8):
        if step % 3 == 0:
            pictures[step % 2]
        np.testing.assert_array_equal(pictures.next(), masks.next())


def test_threads_get_every_batch_once(images):
    x = images(40, shape=(5, 5, 1), dtype="float32")
    y = np.arange(40)
    make = lambda: ImageDataGenerator(**GEOMETRY).flow(x, y, batch_size=4, seed=0)  # noqa: E731
    expected = make()
    expected = sorted((next(expected) for _ in range(30)), key=lambda batch: batch[1].tolist())
    shared = make()
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda _: shared.next(), range(30)))
    got.sort(key=lambda batch: batch[1].tolist())
    for (a, ya), (b, yb) in zip(got, expected, strict=True):
        np.testing.assert_array_equal(ya, yb)
        np.testing.assert_array_equal(a, b)


def test_iterators_can_be_pickled(images):
    batches = ImageDataGenerator(**GEOMETRY).flow(images(10, shape=(5, 5, 1)), batch_size=4, seed=0)
    batches.next()
    twin = pickle.loads(pickle.dumps(batches))
    np.testing.assert_array_equal(twin.next(), batches.next())


def test_threads_may_read_by_number(images):
    x = images(40, shape=(5, 5, 1), dtype="float32")
    batches = ImageDataGenerator(**GEOMETRY).flow(x, batch_size=4, seed=0)
    expected = [batches[i] for i in range(10)]
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda i: batches[i % 10], range(40)))
    for i, batch in enumerate(got):
        np.testing.assert_array_equal(batch, expected[i % 10])


def test_without_a_seed_pythons_random_decides(images):
    x = images(10, shape=(5, 5, 1))
    state = random.getstate()
    results = []
    for seed in (1, 1, 2):
        random.seed(seed)
        generator = ImageDataGenerator(**GEOMETRY)
        results.append((generator.flow(x).next(), generator.random_transform(x[0])))
    random.setstate(state)
    for first, second, other in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)
        assert not np.array_equal(first, other)


def test_a_model_can_be_fitted(images):
    x, y = images(10, shape=(5, 5, 1)), np.arange(10) % 2
    model = keras.Sequential(
        [keras.Input((5, 5, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    batches = ImageDataGenerator(**GEOMETRY, rescale=1 / 255).flow(x, y, batch_size=4, seed=0)
    history = model.fit(batches, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2


def test_other_dtypes_than_keras_can(images):
    x = images(4, shape=(5, 5, 1), dtype="float32")
    half = ImageDataGenerator(**GEOMETRY, dtype="float16").flow(x, seed=0).next()
    full = ImageDataGenerator(**GEOMETRY).flow(x, seed=0).next()
    assert half.dtype == "float16"
    np.testing.assert_allclose(half, full, atol=2e-3)


def test_no_rows(images):
    batches = ImageDataGenerator().flow(images(4)[:0])
    assert len(batches) == 0
    with pytest.raises(ValueError, match="at least one image"):
        batches.next()


# Native equivalents -----------------------------------------------------------------------------


def test_geometry_becomes_a_native_transform(images):
    generator = ImageDataGenerator(**GEOMETRY)
    native = generator.to_transform()
    assert isinstance(native, KerasGeometry)
    assert as_generator(generator) == native
    x = images(4, shape=(6, 9, 3), dtype="float32")
    parameters = native.draw(np.arange(4), seed=1)
    result = native.apply(x, parameters)
    for row, image in enumerate(x):
        own = {name: values[row] for name, values in parameters.items()}
        del own["applied"]
        own |= {"tx": own["tx"] * 9, "ty": own["ty"] * 6}
        np.testing.assert_allclose(result[row], generator.apply_transform(image, own), atol=1e-5)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"rotation_range": 1e308}, ValueError, "`rotation_range` must be a finite number"),
        ({"width_shift_range": "x"}, TypeError, "`width_shift_range` must be a number or"),
        ({"height_shift_range": np.nan}, ValueError, "`height_shift_range` must be a finite"),
        ({"shear_range": np.inf}, ValueError, "`shear_range` must be a finite number"),
        ({"zoom_range": (0, 0)}, ValueError, "must be above 0"),
        ({"zoom_range": (1,)}, ValueError, "`zoom_range` must be a number or a pair"),
        ({"vertical_flip": "no"}, TypeError, "`vertical_flip` must be True or False"),
        ({"interpolation_order": 3}, ValueError, "`interpolation_order` must be an integer"),
        ({"fill_mode": "mirror"}, ValueError, "`fill_mode` must be one of"),
        ({"cval": np.nan}, ValueError, "must be a finite number"),
    ],
)
def test_the_native_transform_is_checked_when_it_is_made(options, error, text):
    with pytest.raises(error, match=text):
        KerasGeometry(**options)


def test_the_tutorials_listing_is_augmented_natively(images):
    x, y = images(6, shape=(9, 9, 1)), np.arange(6)
    generator = ImageDataGenerator(**GEOMETRY)
    ours = augment_dataset(x, y, 5, generator, seed=1)
    native = augment_dataset(x, y, 5, generator.to_transform(), seed=1)
    np.testing.assert_array_equal(ours[0], native[0])


def test_other_options_have_no_native_equivalent_but_can_augment(images):
    generator = ImageDataGenerator(
        **GEOMETRY, channel_shift_range=0.1, interpolation_order=3, keras_compat=True
    )
    with pytest.raises(ValueError, match=r"channel_shift_range=0\.1, keras_compat=True, inter"):
        generator.to_transform()
    x, y = images(6, shape=(9, 9, 1), dtype="float32"), np.arange(6)
    result, labels = augment_dataset(x, y, 5, generator, seed=1, append=False)
    assert result.shape == (5, 9, 9, 1)
    again, _ = augment_dataset(x, y, 5, generator, seed=1, append=False)
    np.testing.assert_array_equal(result, again)
    assert set(labels) <= set(range(6))


# Checks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"rotation_range": "10"}, TypeError, "`rotation_range` must be a finite number"),
        ({"rotation_range": np.nan}, ValueError, "`rotation_range` must be a finite number"),
        ({"width_shift_range": "0.1"}, TypeError, "a number or a sequence"),
        ({"width_shift_range": [0.1, "a"]}, TypeError, "`width_shift_range`"),
        ({"rotation_range": 1e308}, ValueError, "`rotation_range`.*at most 1e.06 either way"),
        ({"rotation_range": 10**400}, ValueError, "`rotation_range`.*an integer of 1329 bits"),
        ({"shear_range": -1e308}, ValueError, "`shear_range`.*at most"),
        ({"width_shift_range": 1e308}, ValueError, "`width_shift_range`.*at most"),
        ({"width_shift_range": [1, 1e308]}, ValueError, "`width_shift_range`.*at most"),
        ({"zoom_range": 1e308}, ValueError, "`zoom_range`.*at most"),
        ({"zoom_range": 1}, ValueError, r"`zoom_range` .*must be above 0.*number z below 1"),
        ({"zoom_range": (0, 2)}, ValueError, "`zoom_range` .*must be above 0"),
        ({"zoom_range": (1.5, -1)}, ValueError, "`zoom_range` .*must be above 0"),
        ({"channel_shift_range": 1e308}, ValueError, "`channel_shift_range`.*at most"),
        ({"cval": np.nan}, ValueError, "`cval` must be a finite number"),
        ({"cval": 1e308}, ValueError, "`cval`.*at most"),
        ({"rescale": np.inf}, ValueError, "`rescale` must be a finite number"),
        ({"rescale": 1e308}, ValueError, "`rescale`.*dtype='float32' can hold.*float64"),
        ({"rescale": 1e-60}, ValueError, "`rescale`.*dtype='float32' can hold"),
        ({"zca_epsilon": 0}, ValueError, "`zca_epsilon` must be above 0"),
        ({"brightness_range": (-0.2, 0.2)}, ValueError, r"must not be neg.*mean \(0\.8, 1\.2\)\?"),
        ({"brightness_range": (1.2, -1)}, ValueError, "`brightness_range` holds factors"),
        ({"brightness_range": (1, 1e308)}, ValueError, "`brightness_range`.*at most"),
        ({"height_shift_range": -3}, ValueError, "must not be negative.*Pass 3"),
        ({"horizontal_flip": "no"}, TypeError, "`horizontal_flip` must be True or False"),
        ({"samplewise_center": "no"}, TypeError, "`samplewise_center` must be True or False"),
        ({"keras_compat": "no"}, TypeError, "`keras_compat` must be True or False"),
        ({"validation_split": ""}, TypeError, "`validation_split` must be a finite number"),
        ({"height_shift_range": []}, ValueError, "must not be empty"),
        ({"zoom_range": (1, 2, 3)}, ValueError, "`zoom_range` must be a number or a pair"),
        ({"brightness_range": 0.5}, ValueError, "`brightness_range` must be a pair"),
        ({"fill_mode": "edge"}, ValueError, "`fill_mode` must be one of 'nearest'"),
        ({"data_format": "last"}, ValueError, "`data_format` must be one of"),
        ({"validation_split": 1}, ValueError, "`validation_split` must be"),
        ({"interpolation_order": 6}, ValueError, "`interpolation_order`"),
        ({"preprocessing_function": 3}, TypeError, "`preprocessing_function` must be a function"),
        ({"dtype": "str"}, TypeError, "`dtype` must be"),
        ({"dtype": "no dtype"}, TypeError, "`dtype` must be an integer or a float dtype"),
        ({"dtype": "uint8", "rescale": 2}, ValueError, "need a float dtype"),
        ({"rescale": "x"}, TypeError, "`rescale`"),
    ],
)
def test_options_are_checked(options, error, text):
    with pytest.raises(error, match=text):
        ImageDataGenerator(**options)


@pytest.mark.parametrize(
    ("options", "implied"),
    [
        ({"zca_whitening": True}, {"featurewise_center": True}),
        ({"featurewise_std_normalization": True}, {"featurewise_center": True}),
        ({"samplewise_std_normalization": True}, {"samplewise_center": True}),
    ],
)
def test_implied_options_are_set_with_a_warning(options, implied):
    with pytest.warns(UserWarning, match="implies"):
        generator = ImageDataGenerator(**options)
    assert vars(generator).items() >= implied.items()


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        ({"y": np.arange(3)}, {}, "`y` must have one row for each of the 4 rows"),
        ({"sample_weight": np.arange(3)}, {}, "`sample_weight` must have one row"),
        ({"batch_size": 0}, {}, "`batch_size`"),
        ({"seed": -1}, {}, "`seed`"),
        ({"seed": 2**32}, {}, "`seed` must be an integer, between 0 and 4294967295"),
        ({"y": [1, np.nan, 2, np.nan]}, {}, "`y` must hold a finite value.*nan in rows 1, 3"),
        ({"y": [1, None, 2, 3]}, {}, "`y` must hold a finite value.*None in row 1"),
        ({"sample_weight": [1, 2, 3, np.inf]}, {}, "`sample_weight` must.*inf in row 3"),
        ({"subset": "validation"}, {}, "`subset` needs a generator that splits.*=0\\.2"),
        ({"subset": "training"}, {}, "`subset` needs a generator that splits"),
        ({"save_to_dir": "a\0"}, {}, "`save_to_dir` must be a path.*zeros"),
        ({"save_to_dir": ".", "save_prefix": "\0"}, {}, "`save_prefix` must be part of"),
        ({"save_to_dir": ".", "save_prefix": 5}, {}, "`save_prefix` must be part of"),
        ({"save_to_dir": ".", "save_format": None}, {}, "`save_format` must be part of"),
        ({"save_to_dir": ".", "save_format": "xyz"}, {}, "`save_format` must be a format"),
        ({"subset": "test"}, {"validation_split": 0.5}, "`subset` must be one of"),
        ({"subset": "training", "y": np.arange(4)}, {"validation_split": 0.5}, "the same classes"),
        ({"save_to_dir": "nowhere/at/all"}, {}, "`save_to_dir` must be a folder"),
        ({"save_to_dir": ".", "save_prefix": "../a"}, {}, "`save_prefix` must be part of"),
    ],
)
def test_flow_is_checked(images, arguments, options, text):
    with pytest.raises(ValueError, match=text):
        ImageDataGenerator(**options).flow(images(4), **arguments)


def test_no_saved_picture_takes_the_name_of_another(images, tmp_path):
    x = images(1, shape=(5, 7, 1), dtype="float32")
    for name, keras_compat in (("ours", False), ("as_keras", True)):
        (tmp_path / name).mkdir()
        generator = ImageDataGenerator(keras_compat=keras_compat)
        batches = generator.flow(x, batch_size=1, seed=0, save_to_dir=tmp_path / name)
        for _ in range(400):
            batches.next()
    assert len(list((tmp_path / "ours").iterdir())) == 400
    assert len(list((tmp_path / "as_keras").iterdir())) < 400


def test_a_batch_that_is_read_twice_is_saved_once(images, tmp_path):
    x = images(6, shape=(5, 7, 1), dtype="float32")
    batches = ImageDataGenerator(rotation_range=90).flow(x, seed=0, save_to_dir=tmp_path)
    batches[0]
    batches[0]
    assert len(list(tmp_path.iterdir())) == 6


@pytest.mark.parametrize("channels", [2, 4, 5])
@pytest.mark.filterwarnings("ignore:`data_format")
def test_images_that_cannot_be_saved_are_refused_at_once(images, tmp_path, channels):
    x, name = images(2, shape=(4, 5, channels)), "jpg" if channels == 4 else "png"
    with pytest.raises(ValueError, match=rf"must have 1 or 3.*Received: {channels}"):
        ImageDataGenerator().flow(x, save_to_dir=tmp_path, save_format=name)


def test_types_of_options_of_flow_are_checked(images):
    for name in ("shuffle", "ignore_class_split"):
        with pytest.raises(TypeError, match=f"`{name}` must be True or False"):
            ImageDataGenerator().flow(images(4), **{name: "no"})
    with pytest.raises(TypeError, match=r"`sample_weight` must hold numbers.*'b'.* in rows 0, 1"):
        ImageDataGenerator().flow(images(4), np.arange(4), sample_weight=list("bbbb"))
    with pytest.raises(TypeError, match="`seed` must be an integer"):
        ImageDataGenerator().flow(images(4), seed=1.0)


def test_missing_labels_are_passed_on_as_in_keras_on_request(images):
    y, w = [1, np.nan, 2, 3], [1, np.inf, 1, 1]
    batches = ImageDataGenerator(keras_compat=True).flow(
        images(4), y, sample_weight=w, shuffle=False
    )
    np.testing.assert_array_equal(batches.next()[1], y)
    np.testing.assert_array_equal(batches.next()[2], w)


def test_maps_may_have_holes(images):
    maps = np.full((4, 5, 7), np.nan)
    labels = ImageDataGenerator().flow(images(4), maps).next()[1]
    np.testing.assert_array_equal(labels, maps)


@pytest.mark.parametrize(
    ("x", "dtype"),
    [(300, "uint8"), (-1.0, "uint8"), (0.5, "int32"), (1e5, "float16"), (np.nan, "int32")],
)
def test_the_dtype_must_hold_the_values(x, dtype):
    x = np.full((4, 5, 7, 1), x)
    with pytest.raises(ValueError, match=f"dtype='{dtype}' can hold.*dtype=\"float32\""):
        ImageDataGenerator(dtype=dtype).flow(x)


def test_validation_pictures_that_would_be_augmented_are_warned_of(images):
    x, y = images(8), np.arange(8) % 2
    for options in ({"rotation_range": 5}, {"zoom_range": 0.1}, {"vertical_flip": True}):
        generator = ImageDataGenerator(**options, validation_split=0.5)
        generator.flow(x, y, subset="training")
        with pytest.warns(UserWarning, match=r"augments them.*second one with the same validat"):
            generator.flow(x, y, subset="validation")
        ImageDataGenerator(**options, validation_split=0.5, keras_compat=True).flow(
            x, y, subset="validation"
        )
    plain = ImageDataGenerator(rescale=1 / 255, validation_split=0.5)
    plain.flow(x, y, subset="validation")


def test_negative_numbers_of_a_list_of_shifts_are_pixels(images):
    x = np.zeros((60, 9, 15, 1), "float32")
    x[:, 4, 7] = 1
    for shifts, reach in (([-2, 0], 2), ([-3, -1], 3), ([-0.2, 0.1], 3)):
        moved = ImageDataGenerator(width_shift_range=shifts).flow(x, batch_size=60, seed=0)[0]
        columns = moved[:, 4, :, 0].argmax(axis=1) - 7
        assert (columns.min(), columns.max()) == (-reach, reach)
        native = ImageDataGenerator(width_shift_range=shifts).to_transform()(x, seed=0)
        assert abs(native[:, 4, :, 0].argmax(axis=1) - 7).max() == reach


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda g, x: g.fit(x[:0]), ValueError, "`fit` needs at least one image"),
        (lambda g, x: g.fit(x * np.nan), ValueError, "images of finite values"),
        (lambda g, x: g.fit(x[0]), ValueError, r"rank 4.*pass x\[None\], for gray"),
        (lambda g, x: g.fit("x.npy"), TypeError, "`x` must be an array"),
        (lambda g, x: g.fit(x * 1j), ValueError, "`x` must hold real numbers"),
        (lambda g, x: g.fit(x, augment="no"), TypeError, "`augment` must be True or False"),
        (lambda g, x: g.fit(x, True, 10**9), MemoryError, "4000000000 rows.*fewer `rounds`"),
        (lambda g, x: g.fit(x, True, seed=2**32), ValueError, "`seed` must be"),
        (lambda g, x: g.standardize(None), TypeError, "`x` must be an array"),
        (lambda g, x: g.standardize(x[0, 0]), ValueError, "images of rank 4"),
        (lambda g, x: g.apply_transform(x[0], {"tetha": 3}), ValueError, "theta, .*: 'tetha'"),
        (lambda g, x: g.apply_transform(x[0], {"theta": np.nan}), ValueError, "`theta` must be"),
        (lambda g, x: g.apply_transform(x[0], {"tx": 1e30}), ValueError, "`tx` must be"),
        (lambda g, x: g.apply_transform(x[0], {"zx": "2"}), TypeError, "`zx` must be"),
        (lambda g, x: g.apply_transform(x[0], {"brightness": -1}), ValueError, "a factor"),
        (lambda g, x: g.apply_transform(x[0], None), TypeError, "must be a dict"),
        (lambda g, x: g.get_random_transform(None), ValueError, "three entries"),
        (lambda g, x: g.get_random_transform((5.0, 7, 3)), TypeError, "`img_shape` must be an int"),
        (lambda g, x: g.get_random_transform((5, 7, 3), 2**32), ValueError, "`seed` must be"),
        (lambda g, x: g.flow(x[:, :0]), ValueError, "no height, width or channels of 0"),
    ],
)
def test_what_methods_are_given_is_checked(images, call, error, text):
    with pytest.raises(error, match=text):
        call(ImageDataGenerator(featurewise_center=True), images(4))


def test_whitening_of_large_images_is_refused_before_it_is_begun():
    x = np.broadcast_to(np.uint8(0), (2, 300, 300, 3))
    with pytest.raises(MemoryError, match=r"270000 rows of shape \(270000,\).*`zca_whitening` ta"):
        ImageDataGenerator(featurewise_center=True, zca_whitening=True).fit(x)


def test_ranges_that_are_changed_to_nonsense_are_found(images):
    generator = ImageDataGenerator()
    generator.rotation_range = np.nan
    with pytest.raises(ValueError, match=r"must be finite.*rotation_range=nan"):
        generator.flow(images(4)).next()


def test_images_are_checked(images):
    with pytest.raises(ValueError, match="`x` must be images of rank 4"):
        ImageDataGenerator().flow(images(4)[..., 0])
    with pytest.raises(ValueError, match=r"`x\[1\]\[1\]` must have one row"):
        ImageDataGenerator().flow((images(4), [np.arange(4), np.arange(3)]))
    with pytest.raises(ValueError, match=r"a pair of images and what goes.*a tuple of 3"):
        ImageDataGenerator().flow((images(4), np.arange(4), np.arange(4)))
    with pytest.raises(ValueError, match="one image of rank 3"):
        ImageDataGenerator().random_transform(images(4))
    with pytest.raises(ValueError, match="three entries"):
        ImageDataGenerator().get_random_transform((3, 4))
    with pytest.warns(UserWarning, match="channels on axis 3"):
        ImageDataGenerator().flow(images(4, shape=(3, 5, 7)))


def test_a_preprocessing_function_must_keep_the_shape(images):
    generator = ImageDataGenerator(preprocessing_function=lambda image: image[:2])
    with pytest.raises(ValueError, match=re.escape("return the shape it is given, (5, 7, 3)")):
        generator.flow(images(4)).next()


def test_statistics_that_were_not_fitted_are_warned_of(images):
    generator = ImageDataGenerator(featurewise_center=True)
    with pytest.warns(UserWarning, match="call its `fit`"):
        generator.flow(images(4)).next()
