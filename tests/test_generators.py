"""Each kind of generator, held against what its own library does."""

import random
import subprocess
import sys
import types
import warnings
from importlib.util import find_spec

import albumentations as A  # noqa: N812 - its own documentation's name
import keras
import numpy as np
import pytest
from tensorflow.keras.preprocessing.image import ImageDataGenerator

from kaug._draw.keys import Key
from kaug._generators import as_generator, numpy_state_kept
from kaug.transforms import HorizontalFlip, Transform

KEY = Key.from_seed(1)
SHAPES = [(5, 7, 1), (5, 7, 3), (6, 4, 5), (5, 7)]
DTYPES = ["uint8", "float32", "float64"]


def augment(generator, batch, key=KEY):
    made_by = as_generator(generator)
    if isinstance(made_by, Transform):
        return made_by(batch.copy(), seed=key.integer(0)), np.arange(len(batch))
    return made_by.augment(batch.copy(), key)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "flip",
    [
        pytest.param(lambda: lambda batch: batch[:, :, ::-1], id="function"),
        pytest.param(lambda: A.HorizontalFlip(p=1), id="albumentations"),
        pytest.param(lambda: A.Compose([A.HorizontalFlip(p=1)]), id="albumentations-compose"),
        pytest.param(lambda: _always_flip_layer(), id="keras-layer"),
        pytest.param(lambda: keras.Sequential([_always_flip_layer()]), id="keras-sequential"),
        pytest.param(lambda: keras.layers.Pipeline([_always_flip_layer()]), id="keras-pipeline"),
    ],
)
def test_a_flip_is_a_flip(images, flip, shape, dtype):
    batch = images(4, shape=shape, dtype=dtype)
    result, position = augment(flip(), batch)
    assert result.dtype == dtype
    # Keras' layers compute in float32.
    np.testing.assert_allclose(result, batch[:, :, ::-1], rtol=1e-6)
    assert position.tolist() == [0, 1, 2, 3]


def _always_flip_layer():
    @keras.saving.register_keras_serializable("tests")
    class AlwaysFlip(keras.Layer):
        def call(self, inputs, training=False):
            return keras.ops.flip(inputs, axis=2) if training else inputs

    return AlwaysFlip()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_keras_generator_gives_what_its_flow_gives(images, shape, dtype):
    batch = images(6, shape=shape, dtype=dtype)
    generator = ImageDataGenerator(rotation_range=20, horizontal_flip=True, interpolation_order=3)
    result, position = augment(generator, batch)
    four = batch if batch.ndim == 4 else batch[..., None]
    with numpy_state_kept(), warnings.catch_warnings(action="ignore"):
        flow = generator.flow(four, batch_size=6, shuffle=False, seed=KEY.integer(0, bits=31))
        expected = next(flow).reshape(batch.shape)
    assert result.dtype == dtype
    if dtype == "uint8":
        expected = np.clip(np.rint(expected), 0, 255)  # cubic splines overshoot
    np.testing.assert_array_equal(result, expected.astype(dtype))
    assert position.tolist() == list(range(6))


class Flow(ImageDataGenerator):
    """Keras' generator with rows in whatever order and number `rows` makes of them."""

    def __init__(self, rows):
        super().__init__()
        self._rows = rows

    def flow(self, x, y, **options):
        rows = self._rows(np.arange(len(x)))
        return super().flow(x[rows], y[rows], **options)


class ShufflingFlow(ImageDataGenerator):
    def flow(self, x, y, *, shuffle, batch_size, seed):
        return super().flow(x, y, shuffle=True, batch_size=3, seed=seed)


def test_rows_follow_the_pixels_of_a_shuffling_flow(images):
    batch = images(20)
    result, position = augment(ShufflingFlow(), batch)
    np.testing.assert_array_equal(result, batch)
    assert position.tolist() == list(range(20))


def test_rows_follow_the_pixels_of_a_flow_that_repeats_and_drops(images):
    batch = images(4)
    result, position = augment(Flow(lambda rows: np.array([3, 1, 3, 0])), batch)
    assert position.tolist() == [0, 1, 3, 3]
    np.testing.assert_array_equal(result, batch[[0, 1, 3, 3]])


@pytest.mark.parametrize("rows", [lambda rows: rows[:-1], lambda rows: np.append(rows, 0)])
def test_a_flow_of_another_length_is_an_error(images, rows):
    with pytest.raises(ValueError, match="one image for each image it is given"):
        augment(Flow(rows), images(4))


def test_a_flow_that_loses_the_labels_is_an_error(images):
    class Zeros(ImageDataGenerator):
        def flow(self, x, y, **options):
            return super().flow(x, np.full(len(y), 99), **options)

    with pytest.raises(ValueError, match="kaug passes row numbers as labels"):
        augment(Zeros(), images(4))


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: keras.layers.RandomTranslation(0.5, 0.5), id="layer"),
        pytest.param(
            lambda: keras.Sequential(
                [keras.layers.RandomFlip(seed=1), keras.layers.RandomRotation(0.3, seed=1)]
            ),
            id="sequential",
        ),
        pytest.param(
            lambda: A.Compose([A.Rotate(90, p=1), A.OneOf([A.HorizontalFlip(), A.Transpose()])]),
            id="albumentations",
        ),
        pytest.param(lambda: A.Compose([A.ColorJitter(p=1)]), id="albumentations-functions"),
        pytest.param(
            lambda: keras.layers.AugMix(value_range=(0, 1)),
            id="pythons-random",
            # Keras' own use of PyTorch.
            marks=pytest.mark.filterwarnings("ignore:[^T]*Tensor.T is deprecated:UserWarning"),
        ),
        pytest.param(
            lambda: ImageDataGenerator(rotation_range=90, interpolation_order=2), id="flow"
        ),
    ],
)
def test_the_key_decides_and_the_generator_stays_as_it_was(images, make):
    random.seed(0)
    generator, batch = make(), images(8, shape=(9, 9, 3), dtype="float32")
    first, _ = augment(generator, batch)
    again, _ = augment(generator, batch)
    fresh, _ = augment(make(), batch)
    other, _ = augment(generator, batch, Key.from_seed(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, fresh)
    assert not np.array_equal(first, other)


def test_layer_seed_state_is_put_back(images):
    layer = keras.layers.RandomFlip(seed=7)
    before = [keras.ops.convert_to_numpy(variable) for variable in layer.variables]
    augment(layer, images(3))
    for variable, value in zip(layer.variables, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)


def test_albumentations_transforms_do_not_share_draws(images):
    # With one seed for all, both would be applied to the same rows and undo each other.
    twice = A.Compose([A.HorizontalFlip(p=0.5), A.HorizontalFlip(p=0.5)])
    batch = images(60)
    result, _ = augment(twice, batch)
    flipped = (result != batch).any(axis=(1, 2, 3))
    assert 15 < flipped.sum() < 45


def test_floats_of_a_layer_are_rounded_and_clipped(images):
    class Shift(keras.Layer):
        def call(self, inputs):
            return keras.ops.cast(inputs, "float32") * 1.5 - 20.6

    batch = np.array([0, 14, 100, 255], "uint8").reshape(1, 2, 2, 1)
    result, _ = augment(Shift(), batch)
    assert result.ravel().tolist() == [0, 0, 129, 255]


TORCHVISION = """
import torch
from torchvision.transforms import v2
import numpy as np
from kaug._draw.keys import Key
from kaug._generators import as_generator

def augment(transform, batch):
    return as_generator(transform).augment(batch, Key.from_seed(1))[0]

noise = np.random.default_rng(0)
for shape in [(5, 7, 1), (5, 7, 3), (6, 4, 5), (5, 7)]:
    for dtype in ["uint8", "float32", "float64"]:
        batch = noise.integers(0, 256, (8, *shape)).astype(dtype)
        result = augment(v2.RandomHorizontalFlip(p=1), batch)
        assert result.dtype == dtype
        assert np.array_equal(result, batch[:, :, ::-1])
transform = v2.Compose([v2.RandomHorizontalFlip(), v2.RandomRotation(40)])
torch.manual_seed(0)
state = torch.get_rng_state()
batch = noise.integers(0, 256, (20, 9, 9, 3)).astype("uint8")
first = augment(transform, batch)
assert np.array_equal(first, augment(transform, batch))
assert not np.array_equal(first, batch)
assert torch.equal(torch.get_rng_state(), state)
print("torchvision: all as promised")
"""


@pytest.mark.skipif(not find_spec("torchvision"), reason="torchvision is not installed")
def test_torchvision():
    # In a process of its own: imported after TensorFlow, some builds of torchvision crash.
    done = subprocess.run([sys.executable, "-c", TORCHVISION], capture_output=True, text=True)
    assert "all as promised" in done.stdout, done.stderr


def test_the_key_decides_what_a_layer_draws_from_pythons_random(images):
    class Shade(keras.Layer):
        def call(self, inputs, training=False):
            return inputs * random.random()

    batch, layer = images(2, dtype="float32"), Shade()
    made = [augment(layer, batch, Key.from_seed(seed))[0] for seed in (1, 2, 1)]
    np.testing.assert_array_equal(made[0], made[2])
    assert not np.array_equal(made[0], made[1])


def test_libraries_are_recognised_without_importing_them(monkeypatch):
    for name in [n for n in sys.modules if n.split(".")[0] in {"albumentations", "keras"}]:
        monkeypatch.delitem(sys.modules, name)
    as_generator(lambda batch: batch)
    assert "albumentations" not in sys.modules
    assert "keras" not in sys.modules


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: None, "`generator` must be a transform.*Received: None"),
        (lambda: "flip", "`generator` must be.*Received: 'flip'"),
        (lambda: [HorizontalFlip(), HorizontalFlip()], r"Received: \[.*Compose\(\[\.\.\.\]\)"),
        (lambda: keras.layers.RandomFlip, r"not its class.*Call it first: RandomFlip\(\.\.\.\)"),
        (
            lambda: ImageDataGenerator().flow(np.zeros((2, 5, 7, 1))),
            "Pass the ImageDataGenerator itself",
        ),
    ],
)
def test_what_is_no_generator(make, text):
    with pytest.raises(TypeError, match=text):
        as_generator(make())


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: ImageDataGenerator(data_format="channels_first"), "channels last everywhere"),
        (
            lambda: keras.layers.RandomFlip(data_format="channels_first"),
            r"data_format='channels_first' \(RandomFlip\). Make it with data_format=",
        ),
        (
            lambda: keras.Sequential(
                [keras.Sequential([keras.layers.CenterCrop(4, 4, data_format="channels_first")])]
            ),
            "channels last everywhere",
        ),
        (lambda: keras.layers.MixUp(), "mixes images of different rows.*MixUp"),
        (lambda: keras.Sequential([keras.layers.CutMix()]), "CutMix"),
    ],
)
def test_generators_that_break_the_promise(make, text):
    with pytest.raises(ValueError, match=text):
        as_generator(make())


@pytest.mark.parametrize(
    "make",
    [lambda: ImageDataGenerator(rescale=1 / 255), lambda: ImageDataGenerator(samplewise_center=1)],
)
def test_options_that_change_the_value_range_need_floats(images, make):
    with pytest.raises(ValueError, match=r"changes the value range needs float images.*uint8"):
        augment(make(), images(3))
    assert augment(make(), images(3).astype("float32"))[0].dtype == "float32"


class Scale(keras.layers.Layer):
    """Divides by 255."""

    def call(self, images):
        return keras.ops.cast(images, "float32") / 255


LEVELS_LOST = {
    "a layer of one's own": Scale,
    "Rescaling": lambda: keras.Sequential([keras.layers.Rescaling(1 / 127.5, offset=-1)]),
    "Lambda": lambda: keras.layers.Lambda(lambda x: keras.ops.cast(x, "float32") / 127.5 - 1),
    "BatchNormalization": keras.layers.BatchNormalization,
}


@pytest.mark.parametrize("make", LEVELS_LOST.values(), ids=LEVELS_LOST)
def test_levels_that_come_back_as_fractions(images, make):
    batch = images(8, shape=(9, 14, 3))
    with pytest.raises(
        ValueError, match=r"must keep the value range.*values from 0 to 255, uint8, "
    ):
        augment(make(), batch)
    assert augment(make(), batch.astype("float32"))[0].dtype == "float32"


@pytest.mark.parametrize(
    ("make", "dtype"),
    [
        # Keras makes 0..255 of each picture by its own ends, and integers of what it got.
        (lambda: ImageDataGenerator(brightness_range=(0.5, 1)), "float32"),
        (lambda: lambda images: images.astype("uint8").astype(images.dtype), "float32"),
        (lambda: lambda images: (images / 255).astype("uint8"), "uint8"),
        (lambda: lambda images: np.full_like(images, 7), "uint8"),
    ],
    ids=["brightness", "integers", "fractions", "one value"],
)
def test_images_that_come_back_black(images, make, dtype):
    with pytest.warns(UserWarning, match=r"must leave something to be seen.*, of which it made"):
        augment(make(), images(8, dtype=dtype))


# Keras converts the eager tensor between the layers of the `Sequential` to NumPy's old way.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_layers_made_for_other_values(images):
    floats, layers = images(8, shape=(9, 14, 3), dtype="float32"), keras.layers
    for layer in (layers.RandomErasing(), layers.RandomPosterization(4), layers.RandAugment()):
        with pytest.raises(ValueError, match=r"value range that Rand\w+ is made for.*\(0, 255\)"):
            augment(keras.Sequential([layer]), floats)
    narrow = layers.RandomBrightness(0.1, value_range=(0, 1))
    with pytest.raises(ValueError, match=r"values from 0 to 255, uint8, and value_range=\(0, 1\)"):
        augment(narrow, images(8))
    assert augment(narrow, floats)[0].max() <= 1
    scaled = keras.Sequential([layers.Rescaling(255.0), layers.RandomBrightness(0.1)])
    with pytest.warns(UserWarning, match=r"of which it made values from .* Is it made for images"):
        augment(scaled, floats)
    whole = keras.Sequential([*scaled.layers, layers.Rescaling(1 / 255)])
    assert augment(whole, floats)[0].max() <= 1.1


@pytest.mark.parametrize(
    ("compute", "dtype", "value", "exact", "limit"),
    [
        ("mixed_float16", "uint16", 2049, 2048, "every integer up to 2048"),
        ("mixed_bfloat16", "int16", -257, -256, "every integer up to 256"),
        ("float32", "int32", 2**24 + 1, 2**24, "every integer up to 16777216"),
        ("mixed_float16", "float32", 65600, 65504, "numbers up to 65504"),
    ],
)
def test_layers_that_compute_in_too_few_bits(compute, dtype, value, exact, limit):
    flip = keras.layers.RandomFlip(dtype=compute)
    batch = np.full((2, 5, 7, 1), value, dtype)
    for generator in (flip, keras.Sequential([flip])):
        with pytest.raises(ValueError, match=f"computes in .* holds {limit} alone.*dtype=.float"):
            augment(generator, batch)
    held = np.full((2, 5, 7, 1), exact, dtype)
    np.testing.assert_array_equal(augment(flip, held)[0], held)


def test_integers_that_come_back_as_nan(images):
    layer = keras.layers.Lambda(lambda x: keras.ops.cast(x, "float32") * float("nan"))
    with pytest.raises(ValueError, match=r"for images of uint8, which has no NaN.*378 samples"):
        augment(layer, images(3, shape=(9, 14, 1)))


def test_layers_in_half_precision_take_bytes(images):
    batch = np.arange(256, dtype="uint8").reshape(1, 16, 16, 1)
    for compute in ("mixed_float16", "mixed_bfloat16"):
        layer = keras.layers.RandomFlip("horizontal", seed=0, dtype=compute)
        assert np.unique(augment(layer, batch)[0]).tolist() == list(range(256))


def test_layers_that_take_integers_as_they_are_keep_them():
    batch = np.full((2, 5, 7, 1), 2**24 + 1, "int32")
    np.testing.assert_array_equal(augment(_always_flip_layer(), batch)[0], batch)


def test_levels_as_floats_are_white_to_albumentations(images):
    levels = images(8, shape=(9, 14, 3)).astype("float32")
    with pytest.raises(ValueError, match=r"0 to 255, float32, .* to 1, float32. Divide the images"):
        augment(A.RandomBrightnessContrast(p=1), levels)
    augment(A.HorizontalFlip(p=1), levels)


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.RandomBrightness((-0.9, -0.9)),
        keras.layers.RandomInvert(1.0),
        keras.layers.RandomErasing((1.0, 1.0), scale=(0.9, 0.9), fill_value=0.0),
        keras.layers.Solarization(),
        keras.Sequential([keras.layers.Rescaling(1 / 255), keras.layers.Rescaling(255.0)]),
    ],
)
def test_what_makes_images_dark_keeps_their_range(images, layer):
    for batch in (images(8, shape=(9, 14, 3)), np.zeros((2, 9, 14, 3), "uint8")):
        assert augment(layer, batch)[0].dtype == np.uint8


@pytest.mark.parametrize(
    ("function", "error", "text"),
    [
        (lambda b: b[:-1], ValueError, "one image for each image it is given"),
        (lambda b: np.concatenate([b, b]), ValueError, "one image for each image it is given"),
        (lambda b: b[..., 0], ValueError, "images of 4 dimensions"),
        (lambda b: b[:, :0], ValueError, "images of 4 dimensions"),
        (lambda b: None, TypeError, r"`generator\(images\)` must be an array.*Received: None"),
        (lambda b: np.ma.masked_less(b, 100), ValueError, "must have no masked values"),
        (lambda b: (b, np.zeros(4)), ValueError, "nested sequences of equal lengths"),
        (lambda b: b / 255, TypeError, "of the dtype it is given, uint8.*Received: dtype float64"),
        (lambda b: b.astype("int64"), TypeError, "dtype int64"),
        (lambda b: b.astype(object), TypeError, "dtype object"),
    ],
)
def test_functions_that_return_something_else(images, function, error, text):
    with pytest.raises(error, match=text):
        augment(function, images(4))


class _TensorFirst(A.ImageOnlyTransform):
    """As albumentations' `ToTensorV2`, which needs PyTorch."""

    def apply(self, img, **options):
        return np.ascontiguousarray(img.transpose(2, 0, 1))


@pytest.mark.parametrize(
    "generator",
    [
        A.Compose([A.HorizontalFlip(p=0.5), _TensorFirst(p=1)]),
        lambda batch: batch.transpose(0, 3, 1, 2),
        lambda batch: batch.transpose(0, 3, 1, 2)[..., 2:9],
    ],
)
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_channels_must_come_last(images, generator, channels):
    with pytest.raises(ValueError, match=r"channels last.*Received: shape .* Leave .* ToTensorV2"):
        augment(generator, images(4, shape=(9, 14, channels)))


def test_few_rows_of_pixels_are_no_channels(images):
    batch = images(4, shape=(9, 14, 3))
    assert augment(lambda b: b[:, :3], batch)[0].shape == (4, 3, 14, 3)
    assert augment(lambda b: b[:, :3, :, :1], batch)[0].shape == (4, 3, 14, 1)
    assert augment(lambda b: b[:, :, :, :2], batch[:, :3])[0].shape == (4, 3, 14, 2)


def test_tensors_are_refused_whatever_their_shape(images, monkeypatch):
    class Tensor:
        shape = (3, 3, 3)

    class ToTensor(A.ImageOnlyTransform):
        def apply(self, img, **options):
            return Tensor()

    torch = types.ModuleType("torch")
    torch.Tensor = Tensor
    monkeypatch.setitem(sys.modules, "torch", torch)
    with pytest.raises(ValueError, match=r"channels last.*a tensor of shape \(3, 3, 3\)"):
        augment(ToTensor(p=1), images(4, shape=(3, 3, 3)))


# A cast that keeps every number makes 255 of what was white as 1 or as 65535.
@pytest.mark.parametrize(
    ("dtype", "returned"),
    [
        ("float32", "uint8"),
        ("float64", "int32"),
        ("float16", "bool"),
        ("uint16", "uint8"),
        ("int32", "uint16"),
        ("uint8", "bool"),
    ],
)
def test_functions_that_return_a_narrower_dtype(images, dtype, returned):
    batch = images(4).astype(dtype)
    with pytest.raises(TypeError, match=f"it is given, {dtype}. Received: dtype {returned}. Con"):
        augment(lambda b: b.astype(returned), batch)


@pytest.mark.parametrize(
    ("dtype", "returned"), [("float32", "float64"), ("float64", "float32"), ("uint16", ">u2")]
)
def test_functions_that_return_the_same_values(images, dtype, returned):
    batch = images(4).astype(dtype)
    result, _ = augment(lambda b: b.astype(returned), batch)
    assert result.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(result, batch)


def test_albumentations_of_several_sizes(images):
    with pytest.raises(ValueError, match="all images in one size"):
        augment(A.RandomScale((-0.5, 0.5), p=1), images(8, shape=(20, 30, 3)))
