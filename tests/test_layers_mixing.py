"""The layer where images are mixed: their labels and weights, and what it refuses."""

import keras
import numpy as np
import pytest
from keras import ops

from kaug.layers import RandomTransform
from kaug.transforms import Compose, CopyPaste, CutMix, HorizontalFlip, MixUp, Mosaic

pytestmark = pytest.mark.usefixtures("by_operation")

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (6, 9, 13, 3)).astype("uint8")
NUMBERS = np.array([2, 0, 1, 3, 1, 2])


@pytest.mark.parametrize("numbers", [NUMBERS, NUMBERS[:, None].astype("uint8")])
@pytest.mark.parametrize("transform", [MixUp(1.0, num_classes=4), CutMix(num_classes=4, p=0.6)])
def test_class_numbers_become_soft_labels(transform, numbers):
    data = {"images": X, "labels": numbers}
    expected = transform(data, seed=1, epoch=2)["labels"]
    layer = RandomTransform(transform, seed=1)
    made = ops.convert_to_numpy(layer({**data, "epoch": np.array(2)}, training=True)["labels"])
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, expected, atol=1e-6)
    still = ops.convert_to_numpy(layer(data, training=False)["labels"])
    np.testing.assert_array_equal(still, np.eye(4)[NUMBERS])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16"])
@pytest.mark.parametrize("rows", [0, 1])
def test_few_images_and_other_dtypes(dtype, rows):
    for transform in (MixUp(1.0), CutMix(), Mosaic()):
        batch = X[:rows].astype(dtype)
        expected = transform(batch, seed=1, epoch=2)
        data = {"images": batch, "epoch": np.array(2)}
        made = ops.convert_to_numpy(
            RandomTransform(transform, seed=1)(data, training=True)["images"]
        )
        assert made.shape == expected.shape
        np.testing.assert_allclose(made, expected.astype("float32"), rtol=1e-3, atol=1)


def test_sides_of_tiles_that_are_half_a_pixel_are_rounded_as_on_arrays():
    images = np.arange(2, dtype="uint8")[:, None, None, None] + np.ones((1, 375, 500, 1), "uint8")
    mosaic = Mosaic(grid=3, interpolation="nearest")  # three cells of 166 pixels: 124.5 rows
    expected = mosaic(images, seed=1)
    data = {"images": images, "epoch": np.array(0)}
    made = ops.convert_to_numpy(RandomTransform(mosaic, seed=1)(data, training=True)["images"])
    np.testing.assert_array_equal(made, expected)


@pytest.mark.parametrize(
    "transform", [CutMix(), Mosaic(7, 11, fill_value=3, interpolation="nearest")]
)
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32"])
def test_masks_are_mixed_as_the_images_are(transform, dtype):
    data = {"images": X, "segmentation_masks": RNG.integers(0, 9, X.shape[:3]).astype(dtype)}
    expected = transform(data, seed=1, epoch=2)["segmentation_masks"]
    layer = RandomTransform(transform, seed=1)
    made = layer({**data, "epoch": np.array(2)}, training=True)["segmentation_masks"]
    np.testing.assert_array_equal(ops.convert_to_numpy(made), expected)


def test_weights_of_pixels_are_blended():
    weights = RNG.integers(0, 5, X.shape[:3])
    expected = MixUp(1.0)({"images": X, "sample_weight": weights}, seed=1)["sample_weight"]
    data = {"images": X, "sample_weight": weights, "epoch": np.array(0)}
    made = RandomTransform(MixUp(1.0), seed=1)(data, training=True)["sample_weight"]
    np.testing.assert_allclose(ops.convert_to_numpy(made), expected, atol=1e-5)


class SoftLoss(keras.layers.Layer):
    def call(self, labels, predictions):
        self.add_loss(ops.mean(keras.losses.categorical_crossentropy(labels, predictions)))
        return predictions


@pytest.mark.compiled
def test_a_model_trains_on_what_it_mixes():
    inputs = {
        "images": keras.Input((9, 13, 3), dtype="uint8", name="images"),
        "labels": keras.Input((), dtype="int32", name="labels"),
    }
    mixed = RandomTransform(Compose([HorizontalFlip(), MixUp(num_classes=4)]), seed=0)(inputs)
    assert mixed["labels"].shape == (None, 4)
    assert mixed["labels"].dtype == "float32"
    flat = keras.layers.Flatten()(mixed["images"])
    predictions = keras.layers.Dense(4, activation="softmax")(flat)
    model = keras.Model(inputs, SoftLoss()(mixed["labels"], predictions))
    model.compile("sgd")
    data = {"images": X, "labels": NUMBERS.astype("int32")}
    assert np.isfinite(
        model.fit(data, batch_size=4, shuffle=False, verbose=0).history["loss"]
    ).all()
    assert np.isfinite(model.evaluate(data, batch_size=4, verbose=0))


@pytest.mark.compiled
@pytest.mark.parametrize("training", [True, False])
def test_pairs_in_tf_data(training):
    tf = pytest.importorskip("tensorflow")
    layer = RandomTransform(CutMix(num_classes=4), seed=0)

    def mix(images, labels, name):
        mixed = layer({"images": images, "labels": labels, "name": name}, training=training)
        return mixed["images"], mixed["labels"], mixed["name"]

    dataset = tf.data.Dataset.from_tensor_slices((X, NUMBERS, np.arange(6))).batch(4).map(mix)
    assert dataset.element_spec[1].shape[-1] == 4
    images, labels, names = zip(*dataset.as_numpy_iterator(), strict=True)
    assert np.concatenate(images).shape == X.shape
    np.testing.assert_allclose(np.concatenate(labels).sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(np.concatenate(names), np.arange(6))


@pytest.mark.parametrize(
    ("transform", "beside", "text"),
    [
        (MixUp(), {"labels": NUMBERS}, "their number must be known"),
        (MixUp(num_classes=3), {"labels": NUMBERS}, r"must lie in 0..2. Received: 0..3"),
        (MixUp(), {"labels": np.full((6, 3), 7)}, "must hold 0 and 1"),
        (MixUp(), {"labels": np.full((6, 3), np.nan)}, "finite"),
        (MixUp(), {"labels": np.zeros(6)}, "must be class numbers"),
        (MixUp(num_classes=4), {"labels": np.zeros((6, 5))}, "at most num_classes=4"),
        (CutMix(), {"labels": np.zeros((5, 4))}, "a row for each image"),
        (CutMix(), {"sample_weight": np.full(6, np.inf)}, "finite"),
        (MixUp(), {"segmentation_masks": X[..., 0]}, "needs targets that can be blended"),
        (MixUp(), {"labels": X[..., 0]}, "needs targets that can be blended"),
        (CutMix(), {"keypoints": np.zeros((6, 2, 2))}, "kaug.AugmentedDataset"),
        (CopyPaste(), {"labels": np.zeros((6, 4))}, "boxes must have masks"),
    ],
)
def test_what_cannot_be_mixed_is_refused(transform, beside, text):
    with pytest.raises(ValueError, match=text):
        RandomTransform(transform)({"images": X, **beside}, training=True)


def test_one_image_has_no_partner():
    with pytest.raises(ValueError, match="must come as a batch"):
        RandomTransform(MixUp())(X[0], training=True)
