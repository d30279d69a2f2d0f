"""What travels with images in the layer is what travels with them in NumPy."""

import keras
import numpy as np
import pytest

from kaug._apply.oriented import from_quads, to_quads
from kaug.layers import RandomTransform
from kaug.transforms import (
    Affine,
    Brightness,
    Compose,
    HorizontalFlip,
    Identity,
    MixUp,
    OneOf,
    Rotation,
    Sometimes,
    Translation,
    VerticalFlip,
)

pytestmark = pytest.mark.usefixtures("by_operation")

BACKEND = keras.backend.backend()

SIZE = (25, 34)
INDEX, EPOCH = np.arange(24) + 40, 3
SEVERAL = Compose(
    [
        Rotation(40),
        Brightness(),
        Translation(0.3, 0.3, fill_mode="constant"),
        HorizontalFlip(),
        Sometimes(Affine(rotation=180, shear=20, zoom=0.5, fill_mode="reflect")),
        OneOf([Translation(0.4, 0.4, fill_mode="constant"), VerticalFlip(1)]),
    ]
)
ONE = Affine(rotation=180, width_shift=0.4, height_shift=0.4, zoom=0.5, fill_mode="constant")
policies = pytest.mark.parametrize("policy", [ONE, SEVERAL], ids=["one", "several"])


def to_numpy(structure):
    return keras.tree.map_structure(keras.ops.convert_to_numpy, structure)


def both(policy, data, **settings):
    """Returns what a transform makes of a dict, and what the layer makes of it."""
    rows = INDEX[: len(data["images"])]
    expected = policy({**data, **settings}, seed=5, epoch=EPOCH, index=rows)
    layer = RandomTransform(policy, seed=5, **settings)
    made = layer({**data, "index": rows, "epoch": np.array(EPOCH)}, training=True)
    made = {name: made[name] for name in data}
    return {name: expected[name] for name in data}, to_numpy(made)


def compare(made, expected, atol=1e-3):
    keras.tree.map_structure(
        lambda one, other: np.testing.assert_allclose(one, other, rtol=0, atol=atol), made, expected
    )


def boxed(rows, number, seed=1):
    """Returns boxes, small and thin ones and some beyond the border among them."""
    rng = np.random.default_rng(seed)
    sides = np.array([SIZE[1], SIZE[0]])
    centers = rng.uniform(0, 1, (rows, number, 2)) * sides
    half = rng.uniform(0.05, 0.3, (rows, number, 2)) ** 2 * sides * 2
    boxes = np.concatenate([centers - half, centers + half], axis=-1).astype("float32")
    return {"boxes": boxes, "labels": rng.integers(-1, 4, (rows, number)).astype("int32")}


def images_of(rows, dtype="uint8"):
    return np.random.default_rng(0).integers(0, 256, (rows, *SIZE, 3)).astype(dtype)


@policies
@pytest.mark.parametrize(
    "settings", [{}, {"min_visible_area": 0.4}, {"min_area": 20}, {"min_size": 4}]
)
def test_boxes_after_one_and_several_stages(policy, settings):
    data = {"images": images_of(24), "bounding_boxes": boxed(24, 30)}
    expected, made = both(policy, data, **settings)
    labels = expected["bounding_boxes"]["labels"]
    assert 50 < (labels == -1).sum() - (data["bounding_boxes"]["labels"] == -1).sum() < 500
    compare(made["bounding_boxes"], expected["bounding_boxes"])


@pytest.mark.parametrize("box_format", ["rel_yxyx", "center_xywh"])
def test_formats(box_format):
    boxes = boxed(24, 5)
    low, high = boxes["boxes"][..., :2], boxes["boxes"][..., 2:]
    boxes["boxes"] = np.concatenate([(low + high) / 2, high - low], axis=-1)
    if box_format == "rel_yxyx":
        height, width = SIZE
        boxes["boxes"] = np.stack(
            [
                low[..., 1] / height,
                low[..., 0] / width,
                high[..., 1] / height,
                high[..., 0] / width,
            ],
            axis=-1,
        )
    data = {"images": images_of(24), "bounding_boxes": boxes}
    expected, made = both(SEVERAL, data, bounding_box_format=box_format, min_size=2)
    compare(made["bounding_boxes"], expected["bounding_boxes"])


@policies
@pytest.mark.parametrize("box_format", ["center_xywh_angle", "corners", "rel_corners"])
def test_oriented_boxes(policy, box_format):
    rng = np.random.default_rng(1)
    centers = rng.uniform(0.1, 0.9, (24, 6, 2)) * [SIZE[1], SIZE[0]]
    rest = rng.uniform([2, 2, -90], [15, 9, 90], (24, 6, 3))
    boxes = np.concatenate([centers, rest], axis=-1)
    if box_format != "center_xywh_angle":
        quads = to_quads(boxes, "center_xywh_angle", SIZE)
        boxes = from_quads(quads, box_format, SIZE)
    labels = rng.integers(-1, 4, (24, 6)).astype("int32")
    data = {
        "images": images_of(24),
        "bounding_boxes": {"boxes": boxes.astype("float32"), "labels": labels},
    }
    expected, made = both(policy, data, bounding_box_format=box_format, min_visible_area=0.3)
    made, expected = made["bounding_boxes"], expected["bounding_boxes"]
    np.testing.assert_array_equal(made["labels"], expected["labels"])
    # Of two rectangles that are as small, rounding may take the other one.
    differ = (np.abs(made["boxes"] - expected["boxes"]) > 2e-3).any(axis=-1)
    assert differ.mean() < 0.03


@policies
@pytest.mark.parametrize("pairs", [(), [(0, 3), (1, 2)]])
@pytest.mark.parametrize("shape", [(4, 2), (4, 3), (2, 4, 2), (2, 4, 3)])
def test_keypoints_change_places(policy, pairs, shape):
    rng = np.random.default_rng(2)
    points = rng.uniform(-1, 26, (24, *shape))
    if shape[-1] == 3:
        points[..., 2] = rng.integers(0, 3, points.shape[:-1])
    if shape == (2, 4, 3):
        points[::3, 1] = 0
    data = {"images": images_of(24), "keypoints": points.astype("float32")}
    expected, made = both(policy, data, keypoint_flip_pairs=pairs)
    compare(made["keypoints"], expected["keypoints"])


@policies
@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int32", "float32"])
def test_masks_by_name(policy, dtype):
    if BACKEND == "torch" and dtype == "uint16":
        pytest.skip("Keras has none on PyTorch")
    rng = np.random.default_rng(3)
    large = 2**31 - 1 if dtype == "int32" else 2
    masks = {
        "classes": rng.integers(0, large, (24, *SIZE)).astype(dtype),
        "edges": rng.integers(0, 2, (24, *SIZE, 2)).astype("uint8"),
    }
    data = {"images": images_of(24), "segmentation_masks": masks}
    expected, made = both(policy, data, mask_fill_value={"classes": 1, "edges": 255})
    for name, mask in made["segmentation_masks"].items():
        assert mask.dtype == masks[name].dtype
        assert (mask != expected["segmentation_masks"][name]).mean() <= 1e-3


@policies
def test_maps_are_interpolated(policy):
    rng = np.random.default_rng(3)
    maps = {"depth": rng.random((24, *SIZE), np.float32)}
    data = {"images": images_of(24), "maps": maps, "labels": rng.integers(0, 9, (24, *SIZE))}
    expected, made = both(policy, data, mask_fill_value={"depth": -1, "labels": 9})
    compare(made["maps"], expected["maps"], atol=1e-4)
    assert (made["labels"] != expected["labels"]).mean() <= 1e-3


@policies
def test_masks_of_boxes_go_when_they_go(policy):
    boxes = boxed(24, 5)
    boxes["masks"] = np.ones((24, *SIZE, 5), "uint8")
    boxes["area"] = np.ones((24, 5), "float32")
    data = {"images": images_of(24), "bounding_boxes": boxes}
    expected, made = both(policy, data, min_size=3)
    masks = made["bounding_boxes"].pop("masks")
    assert (masks != expected["bounding_boxes"].pop("masks")).mean() <= 1e-3
    compare(made["bounding_boxes"], expected["bounding_boxes"])


@policies
def test_all_frames_of_a_video_are_changed_alike(policy):
    rng = np.random.default_rng(4)
    boxes = {name: part.reshape(6, 4, *part.shape[1:]) for name, part in boxed(24, 5).items()}
    data = {
        "images": images_of(24).reshape(6, 4, *SIZE, 3),
        "segmentation_masks": rng.integers(0, 9, (6, 4, *SIZE)).astype("int32"),
        "bounding_boxes": boxes,
        "keypoints": rng.uniform(0, 25, (6, 4, 3, 2)).astype("float32"),
        "labels": np.arange(6),
    }
    expected, made = both(policy, data, keypoint_flip_pairs=[(0, 1)])
    assert (np.abs(made["images"] - expected["images"]) > 1).mean() <= 1e-3
    assert (made["segmentation_masks"] != expected["segmentation_masks"]).mean() <= 1e-3
    for name in ("bounding_boxes", "keypoints", "labels"):
        compare(made[name], expected[name])


def test_frames_that_are_not_there():
    data = {"images": np.zeros((2, 3, *SIZE, 1)), "keypoints": np.zeros((2, 4, 5, 2))}
    with pytest.raises(ValueError, match=r"for each frame of the videos, \(B, 3, …\)"):
        RandomTransform(ONE)(data, training=True)


SETTINGS = {
    "bounding_box_format": "rel_xyxy",
    "min_visible_area": 0.5,
    "min_area": 3.0,
    "min_size": 2.0,
    "keypoint_flip_pairs": [(0, 1)],
    "mask_fill_value": {"a": 255},
}


def test_settings_are_saved_and_are_no_keys_of_the_dict():
    layer = RandomTransform(ONE, seed=1, **SETTINGS)
    again = RandomTransform.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    for name, value in SETTINGS.items():
        text = rf"does not take '{name}'.*Give `{name}` to the layer"
        with pytest.raises(ValueError, match=text):
            layer({"images": images_of(2), name: value}, training=True)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("min_visible_area", 2, ValueError),
        ("min_size", 0.5, ValueError),
        ("min_area", "large", TypeError),
        ("keypoint_flip_pairs", [(1, 1)], ValueError),
        ("mask_fill_value", float("nan"), ValueError),
        ("mask_fill_value", {"a": "b"}, TypeError),
    ],
)
def test_settings_are_checked(name, value, error):
    with pytest.raises(error, match=f"{name}"):
        RandomTransform(ONE, **{name: value})


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"maps": np.zeros((2, *SIZE), "float32")}, "dict of maps by name"),
        ({"maps": {"depth": np.zeros((2, *SIZE), "int32")}}, "must hold floats"),
        ({"maps": {"flow": np.zeros((2, *SIZE, 2), "float32")}}, "called 'flow'"),
        ({"maps": {}}, "at least one"),
        ({"segmentation_masks": {"a": np.zeros((2, 5, 5))}}, r"`segmentation_masks\['a'\]` must"),
        ({"segmentation_masks": {"a": np.zeros((2, *SIZE), "uint8")}}, "uint8 holds exactly"),
        ({"segmentation_masks": np.zeros((2, *SIZE))}, "for masks or, by name, maps that are"),
    ],
)
def test_masks_and_maps_that_are_none(data, text):
    layer = RandomTransform(ONE, mask_fill_value={"a": 256})
    with pytest.raises(ValueError, match=text):
        layer({"images": images_of(2), **data}, training=True)


def test_mixing_takes_no_masks_where_it_blends():
    data = {"images": images_of(2), "segmentation_masks": np.zeros((2, *SIZE), "uint8")}
    with pytest.raises(ValueError, match="blends two images"):
        RandomTransform(MixUp())(data, training=True)


def test_batches_without_rows_or_boxes():
    if BACKEND == "torch":
        pytest.skip("Keras takes no least value of no rows there")
    boxes = {"boxes": np.zeros((0, 3, 4), "float32"), "labels": np.zeros((0, 3), "int32")}
    data = {"images": images_of(0), "bounding_boxes": boxes, "keypoints": np.zeros((0, 2, 2))}
    made = to_numpy(RandomTransform(SEVERAL)(data, training=True))
    assert made["bounding_boxes"]["boxes"].shape == (0, 3, 4)
    none = {"boxes": np.zeros((2, 0, 4), "float32"), "labels": np.zeros((2, 0), "int32")}
    made = RandomTransform(SEVERAL)({"images": images_of(2), "bounding_boxes": none}, training=True)
    assert to_numpy(made)["bounding_boxes"]["boxes"].shape == (2, 0, 4)


def test_whole_boxes_stay_whole():
    data = {
        "images": images_of(1),
        "bounding_boxes": {
            "boxes": np.float32([[[0, 0, 34, 25], [3, 4, 5, 6]]]),
            "labels": np.zeros((1, 2), "int32"),
        },
    }
    for policy in (Identity(), HorizontalFlip(1)):
        expected, made = both(policy, data, min_visible_area=1)
        assert (made["bounding_boxes"]["labels"] == 0).all()
        compare(made["bounding_boxes"], expected["bounding_boxes"])
