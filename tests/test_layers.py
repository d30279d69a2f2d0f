import subprocess
import sys
from dataclasses import dataclass, replace

import keras
import numpy as np
import pytest

from kaug import AugmentedDataset
from kaug.layers import RandomTransform
from kaug.transforms import (
    Affine,
    Brightness,
    Compose,
    Erasing,
    HorizontalFlip,
    Identity,
    OneOf,
    PadAndCrop,
    RandAugment,
    RandomCrop,
    Rotate90,
    Rotation,
    Shear,
    SomeOf,
    Sometimes,
    Transform,
    Translation,
    VerticalFlip,
    Zoom,
)

pytestmark = pytest.mark.usefixtures("by_operation")

BACKEND = keras.backend.backend()
X = np.random.default_rng(0).random((60, 13, 17, 3), np.float32)
POLICY = Compose([Affine(rotation=30, width_shift=0.2, zoom=0.2), HorizontalFlip()])


def far(**options):
    """Returns a transform after which most of a picture comes from outside."""
    return Affine(rotation=180, width_shift=0.9, height_shift=1.0, shear=30, zoom=0.5, **options)


def numpy_of(tensor):
    return np.asarray(keras.ops.convert_to_numpy(tensor))


@pytest.mark.parametrize(
    "transform",
    [
        *[
            far(fill_mode=mode, fill_value=0.3 * (mode == "constant"))
            for mode in ("nearest", "reflect", "wrap", "constant")
        ],
        Affine(rotation=(90, 90), width_shift=(2 / 17, 2 / 17), fill_mode="wrap"),
        Rotation(40, p=0.5),
        Translation(),
        Shear(20),
        Zoom(keep_aspect=False),
        HorizontalFlip(),
        VerticalFlip(),
        Rotate90(),
        Identity(),
        POLICY,
        OneOf([Rotation(30), Zoom(0.2), Identity()]),
        SomeOf([Rotation(30), Zoom(0.2), Shear(10)], n=(1, 2)),
        Compose([Sometimes(Rotation(30, fill_mode="reflect")), VerticalFlip()]),
    ],
    ids=repr,
)
def test_the_pixels_are_those_of_the_transform(transform):
    result = RandomTransform(transform, seed=3)(X, training=True)
    expected = transform(X, seed=3)
    np.testing.assert_allclose(numpy_of(result), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("mode", ["nearest", "reflect", "wrap", "constant"])
def test_nearest_pixels(mode):
    transform = far(fill_mode=mode, interpolation="nearest", fill_value=0.3 * (mode == "constant"))
    result = numpy_of(RandomTransform(transform, seed=3)(X, training=True))
    expected = transform(X, seed=3)
    # Halfway between two pixels, float32 may fall on the other side.
    assert (result != expected).mean() < 1e-3


def test_only_while_training():
    layer = RandomTransform(POLICY, seed=0)
    for options in ({}, {"training": False}):
        np.testing.assert_array_equal(numpy_of(layer(X, **options)), X)
    assert not np.allclose(numpy_of(layer(X, training=True)), X)


@pytest.mark.compiled
def test_seeds():
    first, second = (RandomTransform(POLICY, seed=2**64 - 1) for _ in range(2))
    once = numpy_of(first(X, training=True))
    np.testing.assert_array_equal(once, numpy_of(second(X, training=True)))
    assert not np.array_equal(once, numpy_of(first(X, training=True)))
    assert not np.array_equal(once, numpy_of(RandomTransform(POLICY, seed=1)(X, training=True)))


def test_every_call_is_the_next_epoch():
    layer = RandomTransform(POLICY, seed=3)
    for epoch in range(3):
        made = numpy_of(layer(X, training=True))
        np.testing.assert_allclose(made, POLICY(X, seed=3, epoch=epoch), atol=1e-4, rtol=0)
        layer(X)
    assert int(layer.step) == 3


def test_rows_that_are_named_are_those_of_a_dataset():
    dataset = AugmentedDataset(X, np.arange(60), POLICY, batch_size=20, seed=3)
    dataset.epoch = 5
    layer = RandomTransform(POLICY, seed=3)
    index = np.array([17, 2, 59])
    data = {"images": X[index], "index": index, "epoch": np.array(5)}
    made = layer(data, training=True)
    expected = np.stack([dataset.row(int(row), epoch=5)[0] for row in index])
    np.testing.assert_allclose(numpy_of(made["images"]), expected, atol=1e-4, rtol=0)
    np.testing.assert_array_equal(numpy_of(made["index"]), index)
    assert int(layer.step) == 0
    each = {**data, "epoch": np.array([5, 0, 4])}
    made = numpy_of(layer(each, training=True)["images"])
    np.testing.assert_allclose(made[0], expected[0], atol=1e-4, rtol=0)
    np.testing.assert_allclose(made[2], dataset.row(59, epoch=4)[0], atol=1e-4, rtol=0)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32"])
@pytest.mark.parametrize("channels", [True, False])
def test_masks_follow(dtype, channels):
    levels = np.random.default_rng(1).integers(0, 200, (20, 9, 14, 1))
    masks = (levels if channels else levels[..., 0]).astype(dtype)
    data = {
        "images": levels.astype("float32"),
        "segmentation_masks": masks,
        "labels": np.arange(20),
    }
    layer = RandomTransform(Rotation(40, interpolation="nearest", fill_mode="constant"), seed=1)
    result = layer(data, training=True)
    moved = numpy_of(result["segmentation_masks"])
    assert moved.dtype == masks.dtype
    np.testing.assert_array_equal(moved.reshape(levels.shape), numpy_of(result["images"]))
    np.testing.assert_array_equal(numpy_of(result["labels"]), data["labels"])
    assert not np.array_equal(moved, masks)
    unchanged = layer(data, training=False)
    np.testing.assert_array_equal(numpy_of(unchanged["segmentation_masks"]), masks)


def test_masks_are_not_blended():
    masks = np.random.default_rng(1).choice([0, 7, 90], (20, 9, 14))
    data = {"images": X[:20, :9, :14], "segmentation_masks": masks}
    moved = RandomTransform(Rotation(40, fill_mode="constant", fill_value=0.5))(data, training=True)
    assert set(np.unique(numpy_of(moved["segmentation_masks"]))) == {0, 7, 90}


def test_boxes_and_keypoints_follow():
    rng = np.random.default_rng(1)
    corners = rng.uniform([0, 0, 9, 7], [8, 6, 17, 13], (60, 2, 4)).astype("float32")
    data = {
        "images": X,
        "bounding_boxes": {"boxes": corners, "labels": rng.integers(0, 3, (60, 2))},
        "keypoints": rng.uniform(0, 12, (60, 3, 2)).astype("float32"),
    }
    result = RandomTransform(POLICY, seed=3)(data, training=True)
    expected = POLICY(data, seed=3)
    for moved, right in (
        (result["keypoints"], expected["keypoints"]),
        *(
            (result["bounding_boxes"][k], expected["bounding_boxes"][k])
            for k in data["bounding_boxes"]
        ),
    ):
        np.testing.assert_allclose(numpy_of(moved), right, atol=1e-3)


@pytest.mark.parametrize("fill_mode", ["constant", "nearest"])
@pytest.mark.parametrize("whole", [True, False])
def test_what_is_seen_of_boxes_is_what_the_transform_says(fill_mode, whole):
    rng = np.random.default_rng(2)
    starts, sizes = rng.uniform(-3, 15, (60, 8, 2)), rng.uniform(0.1, 9, (60, 8, 2))
    if whole:
        starts, sizes = np.round(starts), np.round(sizes) + 1
    boxes = {
        "boxes": np.concatenate([starts, starts + sizes], axis=-1).astype("float32"),
        "labels": rng.integers(-1, 3, (60, 8)),
    }
    data = {"images": X, "bounding_boxes": boxes}
    for transform in (
        Affine(rotation=180, width_shift=0.5, height_shift=0.5, zoom=0.5, fill_mode=fill_mode),
        Affine(rotation=180, zoom=(0.1, 0.4), fill_mode=fill_mode),
        Compose([HorizontalFlip(), Translation(0.6, 0.6, fill_mode=fill_mode)]),
    ):
        result = RandomTransform(transform, seed=3)(data, training=True)["bounding_boxes"]
        expected = transform(data, seed=3)["bounding_boxes"]
        np.testing.assert_array_equal(numpy_of(result["labels"]), expected["labels"])
        np.testing.assert_allclose(numpy_of(result["boxes"]), expected["boxes"], atol=1e-3)
        gone = (expected["labels"] == -1) & (boxes["labels"] != -1)
        assert 20 < gone.sum() < 380


@pytest.mark.parametrize("single", [False, True])
def test_further_fields_of_boxes_go_along(single):
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, (60, 2))
    labels[::7, 1] = -1
    boxes = {
        "track": rng.integers(1, 99, (60, 2)).astype("int32"),
        "boxes": rng.uniform([0, 0, 9, 7], [8, 6, 17, 13], (60, 2, 4)).astype("float32"),
        "labels": labels,
        "scores": rng.random((60, 2, 7)).astype("float32"),
        "crowd": np.ones((60, 2), bool),
    }
    policy = Translation(0.9, 0.9)
    data = {"images": X, "bounding_boxes": boxes}
    layer, results = RandomTransform(policy, seed=3), []
    for row in range(60 if single else 1):
        one = {name: array[row] for name, array in boxes.items()} if single else boxes
        given = {"images": X[row] if single else X, "bounding_boxes": one}
        given |= {"index": np.array(row), "epoch": np.array(0)} if single else {}
        results.append(layer(given, training=True)["bounding_boxes"])
    expected = policy(data, seed=3)["bounding_boxes"]
    gone = (expected["labels"] == -1) & (labels != -1)
    assert 10 < gone.sum() < 110
    for name in ("track", "labels", "scores", "crowd"):
        made = np.stack([numpy_of(each[name]) for each in results])
        np.testing.assert_array_equal(made if single else made[0], expected[name])


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_the_visibility_of_a_keypoint_ends_outside(dtype):
    rng = np.random.default_rng(1)
    points = np.concatenate(
        [rng.integers(0, 13, (60, 3, 2)), rng.integers(0, 3, (60, 3, 1))], axis=2
    ).astype(dtype)
    policy = Translation(0.5, 0.5)
    data = {"images": X, "keypoints": points}
    moved = numpy_of(RandomTransform(policy, seed=3)(data, training=True)["keypoints"])
    expected = policy(data, seed=3)["keypoints"]
    ended = (points[..., 2] > 0) & (expected[..., 2] == 0)
    assert 0.2 < ended.mean() < 0.8
    np.testing.assert_allclose(moved, expected, atol=1e-3)


def test_one_image():
    layer = RandomTransform(POLICY, seed=0)
    batch = numpy_of(RandomTransform(POLICY, seed=0)(X[:1], training=True))
    np.testing.assert_allclose(numpy_of(layer(X[0], training=True)), batch[0], atol=1e-6)
    result = layer({"images": X[0], "segmentation_masks": X[0, :, :, 0]}, training=True)
    assert result["segmentation_masks"].shape == (13, 17)


def small_model(**options):
    model = keras.Sequential(
        [
            keras.Input((13, 17, 3)),
            RandomTransform(POLICY, seed=4, name="augment", **options),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )
    model.compile("sgd", "mse")
    return model


@pytest.mark.compiled
def test_in_a_model():
    model = small_model()
    assert model.get_layer("augment").output.shape == (None, 13, 17, 3)
    model.fit(X, np.zeros((60, 2)), batch_size=16, shuffle=False, verbose=0)
    assert model.jit_compile is (BACKEND == "jax")
    layer = RandomTransform(POLICY)
    assert layer.compute_output_shape((None, 13, 17, 3)) == (None, 13, 17, 3)
    spec = layer({"images": keras.Input((13, 17, 3)), "labels": keras.Input((), dtype="int32")})
    assert spec["images"].shape == (None, 13, 17, 3)
    assert spec["labels"].dtype == "int32"


@pytest.mark.compiled
def test_dicts_in_a_model(tmp_path):
    inputs = {
        "images": keras.Input((13, 17, 3), name="images"),
        "segmentation_masks": keras.Input((13, 17), dtype="uint8", name="segmentation_masks"),
        "bounding_boxes": {
            "boxes": keras.Input((2, 4), name="boxes"),
            "labels": keras.Input((2,), dtype="int32", name="labels"),
        },
        "keypoints": keras.Input((1, 2), name="keypoints"),
        "weight": keras.Input((), name="weight"),
    }
    data = {
        "images": X,
        "segmentation_masks": (X[..., 0] > 0.5).astype("uint8"),
        "bounding_boxes": {
            "boxes": np.tile(np.float32([1, 2, 9, 12]), (60, 2, 1)),
            "labels": np.ones((60, 2), "int32"),
        },
        "keypoints": np.full((60, 1, 2), 5, "float32"),
        "weight": np.arange(60, dtype="float32"),
    }
    path = tmp_path / "model.keras"
    keras.Model(inputs, RandomTransform(POLICY, seed=1)(inputs)).save(path)
    model = keras.saving.load_model(path)

    def check(made, right):
        keras.tree.map_structure(
            lambda one, other: np.testing.assert_array_equal(numpy_of(one), numpy_of(other)),
            made,
            right,
        )

    check(model(data), data)
    check(model(data, training=True), RandomTransform(POLICY, seed=1)(data, training=True))


@pytest.mark.compiled
def test_save_and_load(tmp_path):
    model = small_model()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    layer = loaded.get_layer("augment")
    assert layer.transform == POLICY
    assert layer.seed == 4
    np.testing.assert_allclose(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    original = model.get_layer("augment")(X, training=True)
    np.testing.assert_array_equal(numpy_of(layer(X, training=True)), numpy_of(original))


@pytest.mark.compiled
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy):
    result = RandomTransform(POLICY, seed=3, dtype=policy)(X, training=True)
    name = policy.removeprefix("mixed_")
    assert keras.backend.standardize_dtype(result.dtype) == name
    expected = POLICY(X, seed=3)
    result = numpy_of(keras.ops.cast(result, "float32"))
    np.testing.assert_allclose(result, expected, atol=0.01)
    small_model(dtype=policy).fit(X, np.zeros((60, 2)), shuffle=False, verbose=0)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_is_of_images_alone(policy, training):
    rng = np.random.default_rng(1)
    images = rng.random((8, 13, 601, 1), "float32")
    left, right = np.sort(rng.uniform(0, 601, (2, 8, 3)), axis=0)
    boxes = np.stack([left, np.full((8, 3), 2.5), right, np.full((8, 3), 9.5)], axis=2)
    data = {
        "images": images,
        "segmentation_masks": rng.integers(0, 4001, images.shape).astype("float32"),
        "bounding_boxes": {"boxes": boxes.astype("float32"), "labels": rng.integers(0, 3, (8, 3))},
        "keypoints": rng.uniform(0, 601, (8, 5, 2)).astype("float32"),
        "labels": rng.random((8, 10), "float32"),
        "sample_weights": rng.random(8, "float32"),
    }
    transform = Translation(width_shift=(0.1001, 0.2), height_shift=0)
    layer = RandomTransform(transform, seed=3, dtype=policy)
    result = layer(data, training=training)
    half = keras.ops.cast(result.pop("images"), "float32")
    expected = transform(data, seed=3) if training else data
    np.testing.assert_allclose(numpy_of(half), expected["images"], atol=0.002)
    for name, tolerance in (
        ("segmentation_masks", 0),
        ("keypoints", 1e-3),
        ("labels", 0),
        ("sample_weights", 0),
    ):
        assert keras.backend.standardize_dtype(result[name].dtype) == "float32"
        np.testing.assert_allclose(numpy_of(result[name]), expected[name], rtol=0, atol=tolerance)
    moved, right = (each["bounding_boxes"]["boxes"] for each in (result, expected))
    assert keras.backend.standardize_dtype(moved.dtype) == "float32"
    np.testing.assert_allclose(numpy_of(moved), right, rtol=0, atol=1e-3)


def test_bytes_become_floats():
    images = (X * 255).astype("uint8")
    result = RandomTransform(Identity())(images, training=True)
    np.testing.assert_array_equal(numpy_of(result), images.astype("float32"))


@pytest.mark.compiled
@pytest.mark.parametrize("batched", [True, False])
def test_in_tf_data(batched):
    tf = pytest.importorskip("tensorflow")
    layer = RandomTransform(far(fill_mode="constant", fill_value=0.3), seed=2)
    dataset = tf.data.Dataset.from_tensor_slices(
        {"images": X, "segmentation_masks": X[..., 0] > 0.5}
    )
    dataset = dataset.batch(25) if batched else dataset
    dataset = dataset.map(lambda data: layer(data, training=True))
    images = [batch["images"] for batch in dataset]
    masks = [batch["segmentation_masks"] for batch in dataset]
    join = np.concatenate if batched else np.stack
    assert join(images).shape == X.shape
    assert join(masks).shape == X.shape[:3]
    assert (np.isclose(join(images), 0.3, atol=1e-6).all(axis=-1)).mean() > 0.1
    assert dataset.element_spec["images"].shape[-3:] == X.shape[1:]
    unchanged = tf.data.Dataset.from_tensor_slices(X).map(layer)
    np.testing.assert_array_equal(np.stack(list(unchanged)), X)


@pytest.mark.compiled
@pytest.mark.parametrize("given", ["batch", "image", "numbered"])
def test_in_tf_data_it_is_the_transform_itself(given):
    tf = pytest.importorskip("tensorflow")
    x = (X * 255).astype("uint8")
    layer = RandomTransform(POLICY, seed=2)
    data = {"images": x}
    if given == "numbered":
        data |= {"index": np.arange(60) + 2**33, "epoch": np.full(60, 4)}
    dataset = tf.data.Dataset.from_tensor_slices(data)
    dataset = dataset if given == "image" else dataset.batch(25)
    calls = tf.data.AUTOTUNE if given == "numbered" else None
    dataset = dataset.map(lambda part: layer(part, training=True), num_parallel_calls=calls)
    made = [part["images"].numpy() for part in dataset]
    made = np.stack(made) if given == "image" else np.concatenate(made)
    if given == "numbered":
        expected = POLICY(x, seed=2, epoch=4, index=np.arange(60) + 2**33)
    else:
        size = 1 if given == "image" else 25
        expected = np.concatenate(
            [POLICY(x[i : i + size], seed=2, epoch=i // size) for i in range(0, 60, size)]
        )
    np.testing.assert_array_equal(made, expected)


@pytest.mark.compiled
def test_images_of_any_size_in_tf_data():
    tf = pytest.importorskip("tensorflow")
    sizes = [(13, 17), (20, 9)]
    spec = tf.TensorSpec((None, None, 3), tf.uint8)
    images = tf.data.Dataset.from_generator(
        lambda: (np.ones((*size, 3), "uint8") for size in sizes), output_signature=spec
    )
    layer = RandomTransform(HorizontalFlip())
    made = images.map(lambda image: layer(image, training=True))
    assert [image.shape[:2] for image in made] == sizes
    cropped = images.map(lambda image: RandomTransform(RandomCrop(8, 6))(image, training=True))
    assert cropped.element_spec.shape == (8, 6, 3)
    assert next(iter(cropped.batch(2))).shape == (2, 8, 6, 3)


@pytest.mark.compiled
def test_a_pipeline_knows_one_epoch_at_a_time():
    tf = pytest.importorskip("tensorflow")
    data = {"images": X, "epoch": np.arange(60)}
    dataset = tf.data.Dataset.from_tensor_slices(data).batch(20)
    dataset = dataset.map(lambda part: RandomTransform(POLICY)(part, training=True))
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be of one epoch"):
        list(dataset)


def test_padding_and_cropping_is_a_shift_by_whole_pixels():
    x = np.random.default_rng(0).random((40, 16, 24, 3), "float32")
    made = np.asarray(RandomTransform(PadAndCrop(), seed=1)(x, training=True))
    padded = np.pad(x, ((0, 0), (2, 2), (3, 3), (0, 0)))
    crops = np.lib.stride_tricks.sliding_window_view(padded, (16, 24), (1, 2))
    same = (crops == made[:, None, None].transpose(0, 1, 2, 5, 3, 4)).all(axis=(3, 4, 5))
    assert (same.sum(axis=(1, 2)) == 1).all()
    assert len({tuple(np.argwhere(each)[0]) for each in same}) > 20


@dataclass(frozen=True, repr=False)
class Mine(Transform):
    def transform_images(self, images, parameters):
        del parameters
        return images


BAD_INPUT = [
    # what is wrong, transform, error, what the message says
    ("no transform", 3, TypeError, "`transform` must be a transform of `kaug.transforms`"),
    ("a transform that does not say how", Mine(), TypeError, "act on tensors. Received: Mine"),
    ("one among others", OneOf([Zoom(), Mine()]), TypeError, r"Mine\(\) in OneOf\("),
]


@pytest.mark.parametrize(
    ("transform", "error", "text"), [pytest.param(*case[1:], id=case[0]) for case in BAD_INPUT]
)
def test_bad_transforms(transform, error, text):
    with pytest.raises(error, match=text):
        RandomTransform(transform)


def test_bad_data():
    layer = RandomTransform(POLICY)
    with pytest.raises(ValueError, match='images under the key "images"'):
        layer({"labels": X}, training=True)
    with pytest.raises(ValueError, match='dict of "boxes" and "labels"'):
        layer({"images": X, "bounding_boxes": {"boxes": X}}, training=True)
    with pytest.raises(ValueError, match="`bounding_box_format` must be one of 'xyxy'"):
        RandomTransform(POLICY, bounding_box_format="edges")
    with pytest.raises(ValueError, match="`seed` must be an integer"):
        RandomTransform(POLICY, seed=-1)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("images", r"called on images.*'images' \(type str\)"),
        (None, "called on images.*NoneType"),
        (3, "called on images.*type int"),
        ([X[0], X[1], X[2]], "a list of 3. Make one array of them, with numpy.stack"),
        ((X, np.zeros(60)), r"a tuple of 2. For pairs.*dataset.map\(lambda images, labels"),
        ([X, np.zeros(60)], r"a list of 2. For pairs.*dataset.map\(lambda images, labels"),
        (X.astype("complex64"), "must hold real numbers.*images of dtype complex64"),
        (X > 0.5, "must hold real numbers.*images of dtype bool"),
        ({"images": None}, "called on images.*None"),
        ({"images": X.astype(str)}, "must hold real numbers"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_what_is_called_that_is_no_images(data, text, training):
    with pytest.raises(TypeError, match=text):
        RandomTransform(POLICY)(data, training=training)


@pytest.mark.compiled
def test_a_layer_mapped_over_pairs():
    with pytest.raises(TypeError, match=r"images alone.*2 arguments. For pairs"):
        RandomTransform(POLICY)(X, np.zeros(60))
    tf = pytest.importorskip("tensorflow")
    pairs = tf.data.Dataset.from_tensor_slices((X, np.zeros(60))).batch(6)
    with pytest.raises(TypeError, match=r"images alone.*2 arguments. For pairs"):
        pairs.map(RandomTransform(POLICY))


@pytest.mark.parametrize(
    ("box", "box_format", "text"),
    [
        ([8, 9, 3, 4], "xyxy", r'pass bounding_box_format="xywh"|look like "xywh"'),
        ([8, 9, 13, 14], "rel_xyxy", "look like pixels"),
        ([0.1, 0.2, 0.5, 0.6], "XYXY", "look like fractions"),
        ([np.nan, 2, 5, 6], "xyxy", "finite numbers"),
    ],
)
def test_boxes_that_can_not_be_what_their_format_says(box, box_format, text):
    layer = RandomTransform(POLICY, bounding_box_format=box_format)
    boxes = np.tile(np.array(box, "float32"), (60, 1, 1))
    for tensor in (np.array, keras.ops.convert_to_tensor):
        given = {"boxes": tensor(boxes), "labels": tensor(np.zeros((60, 1), "int32"))}
        with pytest.raises(ValueError, match=text):
            layer({"images": X, "bounding_boxes": given}, training=True)
    single = {"boxes": boxes[0], "labels": np.zeros(1, "int32")}
    with pytest.raises(ValueError, match=text):
        layer({"images": X[0], "bounding_boxes": single}, training=True)
    padding = {"boxes": boxes, "labels": np.full((60, 1), -1)}
    layer({"images": X, "bounding_boxes": padding}, training=True)


def test_boxes_in_lists_and_ragged_tensors_must_be_padded():
    boxes = {"boxes": [np.zeros((2, 4))] * 60, "labels": [np.zeros(2)] * 60}
    with pytest.raises(TypeError, match=r'"boxes" must be one tensor.*a list. Pad them with 0'):
        RandomTransform(POLICY)({"images": X, "bounding_boxes": boxes}, training=True)
    tf = pytest.importorskip("tensorflow")
    ragged = {name: tf.ragged.stack([tf.constant(each) for each in boxes[name]]) for name in boxes}
    with pytest.raises(TypeError, match=r"RaggedTensor.*\.to_tensor\(0\)"):
        RandomTransform(POLICY)({"images": X, "bounding_boxes": ragged}, training=True)


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("bboxes", np.zeros((60, 2, 4)), "bounding_boxes"),
        ("Masks", X[..., :1], "segmentation_masks"),
        ("landmarks", np.zeros((60, 5, 2)), "keypoints"),
        ("targets", {"keypoints": np.zeros((60, 5, 2))}, "keypoints"),
    ],
)
def test_targets_of_other_names_are_refused(name, value, right):
    with pytest.raises(ValueError, match=rf'data\[\'{name}\'\].*Call it "{right}"'):
        RandomTransform(POLICY)({"images": X, name: value}, training=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.zeros((60, 2, 4)), "looks like boxes"),
        (X[..., :2], "as high and wide as they are"),
    ],
)
def test_what_looks_like_a_target_is_pointed_out(value, text):
    layer = RandomTransform(POLICY)
    with pytest.warns(UserWarning, match=text):
        layer({"images": X, "extra": value}, training=True)
    layer({"images": X, "extra": value}, training=False)


@pytest.mark.parametrize("name", ["labels", "sample_weight"])
@pytest.mark.parametrize("channel", [True, False])
def test_labels_and_weights_of_the_size_of_images_move(name, channel):
    images = np.random.default_rng(1).integers(0, 200, (20, 9, 14, 1)).astype("float32")
    layer = RandomTransform(Rotation(40, interpolation="nearest", fill_mode="constant"), seed=1)
    result = layer({"images": images, name: images if channel else images[..., 0]}, training=True)
    moved = numpy_of(result[name]).reshape(images.shape)
    np.testing.assert_array_equal(moved, numpy_of(result["images"]))
    assert not np.array_equal(moved, images)


def in_a_graph(layer, shape):
    """Calls a layer as `tf.data` calls it, on a tensor of which it sees the shape alone."""
    tf = pytest.importorskip("tensorflow")
    spec = tf.TensorSpec(shape, tf.float32)
    call = tf.function(lambda x: layer(x, training=True), input_signature=[spec], autograph=False)
    return call.get_concrete_function().output_shapes


def test_images_of_a_size_that_is_not_known():
    assert in_a_graph(RandomTransform(POLICY), (None, 13, 17, 3)).as_list() == [None, 13, 17, 3]
    if BACKEND != "tensorflow":  # where it acts on arrays
        assert in_a_graph(RandomTransform(POLICY), (None, None, 17, 3))[1:] == (None, 17, 3)
        return
    with pytest.raises(ValueError, match="height and the width of the images must be known"):
        in_a_graph(RandomTransform(POLICY), (None, None, 17, 3))


@pytest.mark.parametrize("shape", [(13, 17), (1, 2, 3, 13, 17, 3)])
def test_what_is_no_image(shape):
    with pytest.raises(ValueError, match=r"(?s)\(B, H, W, C\), or one .*Received: .*13, 17"):
        RandomTransform(POLICY)(np.zeros(shape, "float32"), training=True)
    with pytest.raises(ValueError, match=r"(?s)\(B, H, W, C\), or one .*Received: .*unknown"):
        in_a_graph(RandomTransform(POLICY), None)


def boxed(boxes, labels, dtype="int32", **fields):
    return {"boxes": np.zeros(boxes, "float32"), "labels": np.zeros(labels, dtype), **fields}


TWO = {"boxes": (4, 2, 4), "labels": (4, 2)}


@pytest.mark.parametrize(
    ("name", "value", "error", "text"),
    [
        ("segmentation_masks", np.zeros((4, 6, 8), "uint8"), ValueError, "(B, 13, 17) or"),
        ("segmentation_masks", np.zeros((3, 13, 17), "uint8"), ValueError, "shape (3, 13, 17)"),
        ("segmentation_masks", np.zeros((4, 13), "uint8"), ValueError, "(B, 13, 17, K)"),
        ("keypoints", np.zeros((4, 2, 5), "float32"), ValueError, "(B, P, 2), or (B, P, 3)"),
        ("keypoints", np.zeros((4, 2), "float32"), ValueError, "shape (4, 2) beside"),
        ("keypoints", np.zeros((3, 1, 2), "float32"), ValueError, "images of shape (4, 13, 17"),
        ("bounding_boxes", boxed((4, 1, 5), (4, 1)), ValueError, '"boxes" must be of shape'),
        ("bounding_boxes", boxed((4, 4), (4,)), ValueError, "shape (4, 4) beside"),
        ("bounding_boxes", boxed((3, 2, 4), (3, 2)), ValueError, "(B, N, 4)"),
        ("bounding_boxes", boxed((4, 2, 4), (4, 3)), ValueError, '"labels" must be of shape'),
        ("bounding_boxes", boxed((4, 2, 4), (4, 2), "uint8"), TypeError, "signed numbers"),
        ("bounding_boxes", boxed(**TWO, area=np.zeros((4, 3))), ValueError, "boxes['area']` must"),
        ("bounding_boxes", boxed(**TWO, area=np.zeros(4)), ValueError, "an entry for each box"),
        ("bounding_boxes", boxed(**TWO, name=np.full((4, 2), "a")), TypeError, "must be numbers"),
        ("bounding_boxes", boxed(**TWO, masks=np.zeros((4, 2))), ValueError, "(B, 13, 17, N)"),
        (
            "bounding_boxes",
            boxed(**TWO, points=np.zeros((4, 2, 5, 2))),
            ValueError,
            'Call it "keypoints"',
        ),
    ],
)
def test_what_does_not_belong_to_the_images(name, value, error, text):
    with pytest.raises(error, match="Received: ") as caught:
        RandomTransform(POLICY)({"images": X[:4], name: value}, training=True)
    assert text in str(caught.value)


@pytest.mark.parametrize("columns", [2, 3])
def test_keypoints_of_several_persons(columns):
    points = np.random.default_rng(0).uniform(0, 12, (60, 2, 5, columns)).astype("float32")
    points[::3, 1] = 0
    data = {"images": X, "keypoints": points}
    made = numpy_of(RandomTransform(POLICY, seed=3)(data, training=True)["keypoints"])
    expected = POLICY(data, seed=3)["keypoints"]
    np.testing.assert_allclose(made, expected, atol=1e-3)
    if columns == 3:
        assert not made[::3, 1].any()


@pytest.mark.compiled
def test_persons_of_a_number_that_is_not_known():
    tf = pytest.importorskip("tensorflow")
    layer = RandomTransform(Identity(), seed=1)
    spec = {
        "images": tf.TensorSpec((None, 13, 17, 3)),
        "keypoints": tf.TensorSpec((None, None, None, 3)),
    }
    call = tf.function(lambda data: layer(data, training=True), input_signature=[spec])
    points = np.arange(60 * 24.0).reshape(60, 2, 4, 3).astype("float32") % 12
    np.testing.assert_allclose(call({"images": X, "keypoints": points})["keypoints"], points)
    dataset = tf.data.Dataset.from_tensor_slices({"images": X, "keypoints": points}).batch(60)
    (made,) = dataset.map(lambda data: layer(data, training=True))
    np.testing.assert_allclose(made["keypoints"], points)


def test_keypoints_of_a_number_that_is_not_known():
    tf = pytest.importorskip("tensorflow")
    layer = RandomTransform(POLICY, seed=1)
    spec = {"images": tf.TensorSpec((None, 13, 17, 3)), "keypoints": tf.TensorSpec((None, None, 2))}
    call = tf.function(lambda data: layer(data, training=True), input_signature=[spec])
    made = call({"images": X, "keypoints": np.ones((60, 4, 2), "float32")})
    assert made["keypoints"].shape == (60, 4, 2)


def test_channels_that_seem_to_come_first():
    with pytest.warns(UserWarning, match=r"`images` must .*\(2, 3, 16, 20\)\. If .* moveaxis\("):
        RandomTransform(POLICY)(np.zeros((2, 3, 16, 20), "float32"), training=True)


# Two processors out of one, which TensorFlow allows before it has computed anything.
REPLICAS = """
import numpy as np, tensorflow as tf
[processor] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
from kaug.layers import RandomTransform
from kaug.transforms import Rotation

images = np.random.default_rng(0).random((3, 7, 9, 1), np.float32)
with strategy.scope():
    layer = RandomTransform(Rotation(30), seed=1)
    scoped = layer(images, training=True)  # of all replicas together
call = tf.function(lambda: strategy.run(lambda: layer(images, training=True)))
alone = RandomTransform(Rotation(30), seed=1)
assert np.array_equal(alone(images, training=True), scoped)
for _ in range(2):
    first, second = strategy.experimental_local_results(call())
    np.testing.assert_allclose(first, alone(images, training=True), atol=1e-6)
    for one in np.asarray(second):
        assert min(np.abs(one - other).max() for other in np.asarray(first)) > 0.1
"""


@pytest.mark.compiled
def test_every_pass_of_a_pipeline_draws_anew():
    import tensorflow as tf

    layer = RandomTransform(Rotation(180), seed=3)
    image = np.random.default_rng(0).random((9, 14, 1)).astype("float32")
    data = tf.data.Dataset.from_tensors(image).repeat(64).batch(4)
    data = data.map(lambda batch: layer(batch, training=True))
    seen = {picture.tobytes() for _ in range(3) for batch in data for picture in batch.numpy()}
    assert len(seen) > 3 * 64 - 8  # two of 65,536 draws may be the same


@pytest.mark.compiled
@pytest.mark.skipif(BACKEND != "tensorflow", reason="replicas are TensorFlow's")
def test_replicas_differ():
    run = subprocess.run([sys.executable, "-c", REPLICAS], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("transform", [Brightness(), RandAugment(), Erasing(fill_mode="noise")])
def test_floats_of_another_range_are_an_error_or_a_warning(transform):
    layer = RandomTransform(transform)
    with pytest.raises(ValueError, match=r"Floats must be in \[0, 1\]"):
        layer(X * 255, training=True)
    with pytest.warns(UserWarning, match="takes floats for 0..1, which a model cannot check"):
        traced(layer)
    told = RandomTransform(replace(transform, value_range=(0, 255)))
    told(X * 255, training=True)
    traced(told)


def traced(layer):
    """Has a layer called on images that cannot be looked at."""
    if BACKEND == "jax":
        import jax

        jax.eval_shape(lambda x: layer({"images": x, "epoch": np.array(0)}, training=True), X)
    elif BACKEND == "tensorflow":
        in_a_graph(layer, X.shape)
    else:
        pytest.skip("nothing is traced")
