"""Keras' generator carried out natively, against Keras' own arithmetic."""

import numpy as np
import pytest
from tensorflow.keras.preprocessing.image import ImageDataGenerator

from kaug import augment_dataset
from kaug._generators import as_generator
from kaug.image_data_generator import KerasGeometry, native_equivalent

TUTORIAL = {
    "rotation_range": 10,
    "zoom_range": 0.1,
    "shear_range": 0.5,
    "width_shift_range": 0.1,
    "height_shift_range": 0.1,
    "horizontal_flip": True,
}


@pytest.mark.parametrize("fill_mode", ["nearest", "reflect", "wrap", "constant"])
@pytest.mark.parametrize("order", [0, 1])
def test_same_parameters_same_pictures(images, fill_mode, order):
    options = {
        "rotation_range": 50,
        "zoom_range": (0.6, 1.3),
        "shear_range": 20,
        "width_shift_range": 0.2,
        "height_shift_range": 0.3,
        "horizontal_flip": True,
        "vertical_flip": True,
        "fill_mode": fill_mode,
        "cval": 0.3,
        "interpolation_order": order,
    }
    generator = ImageDataGenerator(**options)
    native = native_equivalent(generator)
    batch = images(12, shape=(14, 14, 3), dtype="float32")
    parameters = native.draw(np.arange(12), seed=1)
    result = native.apply(batch, parameters)
    for row, image in enumerate(batch):
        own = {name: values[row] for name, values in parameters.items()}
        own |= {"tx": own["tx"] * 14, "ty": own["ty"] * 14}
        expected = generator.apply_transform(image, own)
        if order == 1:
            np.testing.assert_allclose(result[row], expected, atol=1e-5)
        else:  # a coordinate halfway between two pixels may fall to either side
            assert (np.abs(result[row] - expected) > 1e-5).mean() < 0.01


def test_shifts_go_where_the_documentation_says():
    batch = np.zeros((50, 9, 15, 1), "float32")
    batch[:, 4, 7] = 1
    sideways = native_equivalent(ImageDataGenerator(width_shift_range=0.3))(batch, seed=0)
    assert (sideways[:, 4].sum(axis=(1, 2)) > 0.99).all()
    assert len(set(sideways.argmax(axis=2)[:, 4, 0])) > 3
    upright = native_equivalent(ImageDataGenerator(height_shift_range=0.3))(batch, seed=0)
    assert (upright[:, :, 7].sum(axis=(1, 2)) > 0.99).all()


@pytest.mark.parametrize(
    ("shift", "allowed"),
    [
        (3, {-2, -1, 0, 1, 2}),
        ([2, 5], {-5, -2, 2, 5}),
        (0.0, {0}),
    ],
)
def test_whole_pixels_and_choices(shift, allowed):
    native = native_equivalent(ImageDataGenerator(width_shift_range=shift))
    drawn = native.draw(np.arange(300), seed=0)["tx"]
    assert set(drawn.tolist()) == allowed


def test_draws_are_spread_as_keras_spreads_them():
    drawn = native_equivalent(ImageDataGenerator(**TUTORIAL)).draw(np.arange(20_000), seed=0)
    for name, low, high in [
        ("theta", -10, 10),
        ("tx", -0.1, 0.1),
        ("ty", -0.1, 0.1),
        ("shear", -0.5, 0.5),
        ("zx", 0.9, 1.1),
        ("zy", 0.9, 1.1),
    ]:
        counts = np.histogram(drawn[name], 10, (low, high))[0]
        assert counts.sum() == 20_000
        assert abs(counts - 2000).max() < 200
    assert abs(drawn["flip_horizontal"].mean() - 0.5) < 0.02
    assert not drawn["flip_vertical"].any()


def test_the_tutorials_generator_is_native(images):
    assert isinstance(as_generator(ImageDataGenerator(**TUTORIAL)), KerasGeometry)
    x, y = images(10, shape=(28, 28, 1), dtype="float32"), np.arange(10)
    few, _ = augment_dataset(x, y, 5, ImageDataGenerator(**TUTORIAL), seed=1, append=False)
    many, _ = augment_dataset(x, y, 50, ImageDataGenerator(**TUTORIAL), seed=1, append=False)
    np.testing.assert_array_equal(few, many[:5])


@pytest.mark.parametrize(
    "options",
    [
        {"rescale": 1 / 255},
        {"brightness_range": (0.5, 1)},
        {"channel_shift_range": 0.1},
        {"samplewise_center": True},
        {"preprocessing_function": lambda image: image},
        {"interpolation_order": 3},
    ],
)
def test_other_options_go_through_keras(options):
    assert native_equivalent(ImageDataGenerator(rotation_range=5, **options)) is None


def test_a_subclass_goes_through_its_own_flow():
    class Own(ImageDataGenerator):
        pass

    assert native_equivalent(Own(rotation_range=5)) is None
