"""Every transform inside a model: what it does on tensors is what it does on arrays."""

import keras
import numpy as np
import pytest
from instances import EVERYTHING, IDS, dtypes_of
from keras import ops

from kaug.layers import RandomTransform
from kaug.transforms import AutoAugment, CopyPaste, Corruption, GlassBlur

# Of samples, where a pixel lies so near the middle between two that rounding decides; more of them
# where slopes are round numbers.
_TIES, _ROUND_TIES = 1e-3, 1e-2
# What may differ by rounding: of bytes one level, of floats that.
_NEAR = 2e-5
# The same of places, in pixels.
_NEAR_PLACES = 0.01
INDEX, EPOCH = np.arange(7) + 40, 3


def named(chosen):
    """Parametrizes a test with all transforms for tensors that are chosen, by their names."""
    pairs = zip(EVERYTHING, IDS, strict=True)
    pairs = [(each, name) for each, name in pairs if not isinstance(each, (Corruption, GlassBlur))]
    every = [pytest.param(each, id=name) for each, name in pairs if chosen(each)]
    return pytest.mark.parametrize("transform", every)


def moves(transform):
    return any(not leaf.photometric for leaf in transform._leaves())


def by_layer(transform, data, **options):
    layer = RandomTransform(transform, seed=5, **options)
    numbers = {"index": INDEX, "epoch": np.array(EPOCH)}
    made = layer({**data, **numbers}, training=True)
    return keras.tree.map_structure(ops.convert_to_numpy, made)


def ties(transform):
    return _ROUND_TIES if isinstance(transform, AutoAugment) else _TIES


def differing(own, expected, dtype):
    """The share of samples that differ by more than rounding."""
    assert own.shape == expected.shape
    near = 1 if dtype == "uint8" else _NEAR
    return np.mean(np.abs(own.astype(float) - expected.astype(float)) > near + 1e-9)


@named(lambda transform: True)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.filterwarnings("ignore:A quarter turn of images that are not square")
@pytest.mark.usefixtures("by_operation")
@pytest.mark.skipif(keras.backend.backend() == "jax", reason="compiled below, and not so often")
def test_images_are_those_of_arrays(transform, dtype, channels, images):
    batch = images(7, shape=(25, 31, channels), dtype=dtype)
    if dtype not in dtypes_of(transform):
        pytest.skip("not of integers")
    try:
        expected = transform(batch, seed=5, epoch=EPOCH, index=INDEX)
    except ValueError:
        pytest.skip("not of so many channels")
    assert differing(by_layer(transform, {"images": batch})["images"], expected, dtype) <= ties(
        transform
    )


@named(lambda transform: not moves(transform))
def test_compiled_images_are_the_same(transform, images):
    dtype = dtypes_of(transform)[0]
    batch = images(7, shape=(25, 31, 3), dtype=dtype)
    expected = transform(batch, seed=5, epoch=EPOCH, index=INDEX)
    made = by_layer(transform, {"images": batch})["images"]
    assert differing(made, expected, dtype) <= ties(transform)


def travelling(rows, size):
    """Returns masks, maps, boxes and keypoints of images of a size."""
    rng = np.random.default_rng(7)
    height, width = size
    sides = np.array([width, height])
    centers, half = rng.uniform(0, 1, (rows, 8, 2)), rng.uniform(0.02, 0.3, (rows, 8, 2))
    low, high = np.clip(centers - half, 0, 1) * sides, np.clip(centers + half, 0, 1) * sides
    persons = rng.uniform(0, 1, (rows, 2, 4, 2)) * sides
    return {
        "segmentation_masks": rng.integers(0, 2**30, (rows, *size)).astype("int32"),
        "maps": {"depth": rng.random((rows, *size, 2), np.float32)},
        "bounding_boxes": {
            "boxes": np.concatenate([low, high], axis=-1).astype("float32"),
            "labels": rng.integers(-1, 3, (rows, 8)).astype("int32"),
            "masks": rng.integers(0, 2, (rows, *size, 8)).astype("uint8"),
        },
        "keypoints": np.concatenate([persons, np.ones((rows, 2, 4, 1))], -1).astype("float32"),
    }


SETTINGS = {
    "min_visible_area": 0.2,
    "min_size": 1,
    "keypoint_flip_pairs": [(1, 3)],
    "mask_fill_value": {"segmentation_masks": 255, "depth": -1},
}


@named(moves)
@pytest.mark.usefixtures("by_operation")
@pytest.mark.filterwarnings("ignore:A quarter turn of images that are not square")
def test_what_travels_is_where_it_is_on_arrays(transform, images):
    given = {"images": images(7, shape=(25, 31, 3)), **travelling(7, (25, 31))}
    settings = dict(SETTINGS)
    if transform._mixes:
        for name in ("bounding_boxes", "keypoints"):
            given.pop(name)
        settings = {"mask_fill_value": settings["mask_fill_value"]}
    try:
        expected = transform({**given, **settings}, seed=5, epoch=EPOCH, index=INDEX)
    except (TypeError, ValueError):  # it takes no masks along
        given, settings = {"images": given["images"]}, {}
        expected = transform(given, seed=5, epoch=EPOCH, index=INDEX)
    made = by_layer(transform, given, **settings)
    assert differing(made["images"], expected["images"], "uint8") <= ties(transform)
    if not settings:
        return
    assert made["segmentation_masks"].dtype == "int32"
    masks = made["segmentation_masks"] != expected["segmentation_masks"]
    assert masks.mean() <= ties(transform)
    assert differing(made["maps"]["depth"], expected["maps"]["depth"], "float32") <= _TIES
    if not transform._mixes:
        compare_places(made, expected, ties(transform))


def compare_places(made, expected, share):
    np.testing.assert_allclose(made["keypoints"], expected["keypoints"], atol=_NEAR_PLACES)
    own, right = made["bounding_boxes"], expected["bounding_boxes"]
    np.testing.assert_array_equal(own["labels"], right["labels"])
    np.testing.assert_allclose(own["boxes"], right["boxes"], atol=_NEAR_PLACES)
    assert (own["masks"] != right["masks"]).mean() <= share


SOFT = np.random.default_rng(3).dirichlet(np.ones(4), len(INDEX)).astype("float32")
BESIDE = {
    "labels": {
        "soft": SOFT,
        "half": SOFT.astype("float16"),
        "others": [np.eye(3, dtype="int32")[INDEX % 3], SOFT > 0.3],
    },
    "sample_weight": INDEX % 3,
}


# But for what needs boxes.
@named(lambda transform: transform._mixes and not isinstance(transform, CopyPaste))
@pytest.mark.usefixtures("by_operation")
def test_labels_and_weights_are_mixed_as_those_of_arrays(transform, images):
    given = {"images": images(7, shape=(25, 31, 1)), **BESIDE}
    expected = transform(given, seed=5, epoch=EPOCH, index=INDEX)
    made = by_layer(transform, given)

    def check(own, due):
        assert own.dtype == due.dtype
        near = 2e-3 if due.dtype == np.float16 else _NEAR
        np.testing.assert_allclose(own, due, rtol=0, atol=near)

    keras.tree.map_structure(
        check, {name: made[name] for name in BESIDE}, {name: expected[name] for name in BESIDE}
    )
