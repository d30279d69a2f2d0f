"""Masks and maps: what comes in from outside, by name, interpolated, and masks of boxes."""

import copy
import pickle
import re
from dataclasses import dataclass

import keras
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

import kaug
from kaug import AugmentedDataset, augment_dataset, augment_rows, train_validation_split
from kaug.transforms import (
    Affine,
    AugMix,
    Brightness,
    CenterCrop,
    Compose,
    CutMix,
    ElasticDeformation,
    HorizontalFlip,
    Letterbox,
    MixUp,
    Pad,
    PadAndCrop,
    Perspective,
    RandomResizedCrop,
    Resize,
    Rotation,
    Sometimes,
    Transform,
    Translation,
    Zoom,
)

SIZE = (5, 7)
GRID = np.arange(35).reshape(1, *SIZE)
AWAY = Translation((1 / 5, 1 / 5), (2 / 7, 2 / 7), fill_mode="constant", fill_value=9)
CONSTANT = {"fill_mode": "constant"}
FILLING = [
    AWAY,
    Affine(rotation=40, zoom=0.3, **CONSTANT),
    Perspective(0.5, **CONSTANT),
    ElasticDeformation(0.2, **CONSTANT, interpolation="nearest"),
    Compose([Rotation(30, **CONSTANT), Brightness(), Perspective(0.4, **CONSTANT)]),
    PadAndCrop(0.3),
    Compose([Perspective(0.3, **CONSTANT), Pad(height=9, width=8)]),
    Compose([Pad(9, 9), CenterCrop(8, 9)]),
    Letterbox(9),
    Sometimes(Perspective(0.5, **CONSTANT), p=0.5),
]
MASK_DTYPES = ["bool", "uint8", "int16", "uint16", "int64", "float16", "float32", "float64"]


@dataclass(frozen=True, repr=False)
class Down(Transform):
    """A user's own transform, which fills by itself and says nothing of maps."""

    def transform_images(self, images, parameters):
        moved = np.zeros_like(images)
        moved[:, 1:] = images[:, :-1]
        return moved

    def transform_masks(self, masks, parameters):
        return self.transform_images(masks, parameters)

    def transform_points(self, points, parameters, size):
        return points + np.array([0, 1])


@dataclass(frozen=True, repr=False)
class DownWithMaps(Down):
    def transform_maps(self, maps, parameters):
        return self.transform_images(maps, parameters)


def noise(count, *shape, dtype="float32", seed=0):
    values = np.random.default_rng(seed).integers(0, 100, (count, *shape))
    return (values % 2 if dtype == "bool" else values).astype(dtype)


def of_any_size(count=6):
    rng = np.random.default_rng(count)
    return [
        rng.integers(0, 256, (*rng.integers(9, 30, 2), 3)).astype("uint8") for _ in range(count)
    ]


class Reader:
    """Gives one item at a time."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, row):
        return self.items[row]


def assert_same(one, other):
    if isinstance(one, dict):
        assert list(one) == list(other)
        for name, value in one.items():
            assert_same(value, other[name])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    else:
        assert one == other


def take(y, rows):
    """Returns some rows of targets; settings stay."""
    if isinstance(y, dict):
        return {name: take(value, rows) for name, value in y.items()}
    if isinstance(y, list):
        return [y[row] for row in rows]
    return y[rows] if isinstance(y, np.ndarray) else y


# What comes in from outside -------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*MASK_DTYPES, "int32", ">u2"])
@pytest.mark.parametrize("layers", [(), (1,), (3,)])
def test_a_value_comes_into_masks_by_eye(dtype, layers):
    masks = np.ones((1, *SIZE, *layers), dtype)
    fill = 1 if dtype == "bool" else 100
    if dtype == "bool":
        masks[:] = False
    batch = {"images": GRID, "segmentation_masks": masks, "mask_fill_value": fill}
    result = AWAY(batch, seed=0)
    expected = np.full((1, *SIZE, *layers), fill, dtype)
    expected[:, 1:, 2:] = masks[0, 0, 0]
    assert result["segmentation_masks"].dtype == dtype
    np.testing.assert_array_equal(result["segmentation_masks"], expected)
    assert (result["images"][0, 0] == 9).all()
    assert result["mask_fill_value"] == fill
    assert list(result) == list(batch)


@pytest.mark.pairwise(transform=FILLING, dtype=MASK_DTYPES, channels=[1, 3, 5])
def test_the_value_is_where_0_would_be_and_nowhere_else(transform, dtype, channels):
    fill = 1 if dtype == "bool" else 101
    images, masks = noise(6, *SIZE, channels, dtype="uint8"), noise(6, *SIZE, 2, dtype=dtype)
    batch = {"images": images, "segmentation_masks": masks}
    there = transform({**batch, "segmentation_masks": np.ones((6, *SIZE), "uint8")}, seed=3)
    before = transform(batch, seed=3)
    result = transform({**batch, "mask_fill_value": fill}, seed=3)
    outside = there["segmentation_masks"] == 0
    assert 0 < outside.sum() < outside.size
    moved = result["segmentation_masks"]
    np.testing.assert_array_equal(result["images"], before["images"])
    assert (moved[outside] == fill).all()
    np.testing.assert_array_equal(moved[~outside], before["segmentation_masks"][~outside])


def test_nothing_comes_in_where_the_edge_is_repeated():
    batch = {"images": GRID, "segmentation_masks": GRID, "mask_fill_value": 255}
    for mode in ("nearest", "reflect", "wrap"):
        for transform in (Rotation((30, 30), fill_mode=mode), Perspective(fill_mode=mode)):
            assert transform(batch, seed=0)["segmentation_masks"].max() < 35


def test_a_users_own_transform_fills_by_itself():
    batch = {"images": GRID, "segmentation_masks": GRID + 1, "mask_fill_value": 255}
    result = Compose([Down(), AWAY])(batch, seed=0)["segmentation_masks"][0]
    assert result[:, 4].tolist() == [255, 0, 3, 10, 17]
    assert (result[0] == 255).all()
    assert (result[:, :2] == 255).all()


def test_labels_of_pixels_are_masks_and_their_weights_get_0():
    batch = {
        "images": GRID,
        "labels": GRID.astype("uint8"),
        "sample_weight": np.ones((1, *SIZE)),
        "mask_fill_value": 255,
    }
    result = AWAY(batch, seed=0)
    assert (result["labels"][0, 0] == 255).all()
    assert not result["sample_weight"][0, 0].any()
    assert (result["sample_weight"][0, 1:, 2:] == 1).all()
    by_name = AWAY({**batch, "mask_fill_value": {"labels": 7}}, seed=0)
    assert (by_name["labels"][0, 0] == 7).all()
    # Where labels are no map, the value is for the masks alone.
    one = {"images": GRID, "labels": np.array([3]), "segmentation_masks": GRID}
    result = AWAY({**one, "mask_fill_value": 40}, seed=0)
    assert result["labels"].tolist() == [3]
    assert (result["segmentation_masks"][0, 0] == 40).all()


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("uint8", 256),
        ("uint8", -1),
        ("uint8", 0.5),
        ("int8", 128),
        ("bool", 2),
        ("int64", 2**53 + 2),
        ("uint64", 2**64 - 1),
        ("float16", 2049),
        ("float32", 0.1),
        ("float32", 1e60),
    ],
)
def test_a_value_that_the_masks_cannot_hold(dtype, value):
    batch = {"images": GRID, "segmentation_masks": np.ones((1, *SIZE), dtype)}
    rule = rf"`mask_fill_value` must be a number that {dtype} holds.*Received: {value}"
    with pytest.raises(ValueError, match=re.escape(rule).replace(r"\.\*", ".*")):
        AWAY({**batch, "mask_fill_value": value}, seed=0)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("uint8", 255),
        ("uint8", np.uint8(255)),
        ("int8", -128),
        ("uint16", 65_535.0),
        ("bool", 1),
        ("int64", 2**53),
        ("uint64", 2**53),
        ("int64", -(2**53)),
        ("float16", 2048),
        ("float32", 0.25),
        ("float64", 0.1),
    ],
)
@pytest.mark.parametrize("transform", [AWAY, Perspective(0.5, **CONSTANT)])
def test_a_value_that_the_masks_just_hold(transform, dtype, value):
    batch = {"images": GRID, "segmentation_masks": np.zeros((1, *SIZE), dtype)}
    result = transform({**batch, "mask_fill_value": value}, seed=0)["segmentation_masks"]
    assert result[0, 0, 0] == value
    assert set(np.unique(result)) == {0, value}


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (np.nan, ValueError, "`mask_fill_value` must be a finite number"),
        ("255", TypeError, "`mask_fill_value` must be a finite number"),
        (True, TypeError, "`mask_fill_value` must be a finite number"),
        ({"a": None}, TypeError, r"`mask_fill_value\['a'\]` must be a finite number"),
        ({"c": 1}, ValueError, "maps that are there.*beside 'a', 'b'"),
    ],
)
def test_values_that_are_none(value, error, text):
    masks = {"a": GRID.astype("uint8"), "b": GRID % 2 == 0}
    batch = {"images": GRID, "segmentation_masks": masks, "mask_fill_value": value}
    with pytest.raises(error, match=text):
        AWAY(batch, seed=0)


@pytest.mark.parametrize(
    ("targets", "value", "text"),
    [
        ({}, 255, "=255 beside no masks"),
        ({"labels": np.arange(1)}, 255, "=255 beside no masks"),
        ({"labels": np.arange(1)}, {"labels": 255}, "beside no masks"),
        ({"maps": {"depth": GRID * 1.0}}, 255, "=255 beside 'depth'"),
        ({"segmentation_masks": GRID}, {"masks": 255}, "beside 'segmentation_masks'"),
    ],
)
def test_a_value_without_masks(targets, value, text):
    with pytest.raises(ValueError, match=f"for masks or, by name, maps that are there.*{text}"):
        AWAY({"images": GRID, **targets, "mask_fill_value": value}, seed=0)


def test_a_value_that_is_none():
    with pytest.raises(TypeError, match="`mask_fill_value` must be a finite number"):
        AWAY({"images": GRID, "segmentation_masks": GRID, "mask_fill_value": None}, seed=0)
    nothing = AWAY({"images": GRID, "mask_fill_value": {}}, seed=0)
    assert nothing["mask_fill_value"] == {}


# Several masks by name ------------------------------------------------------------------------


@pytest.mark.parametrize("transform", FILLING)
def test_masks_by_name_move_as_each_alone(transform):
    images = noise(6, *SIZE, 3, dtype="uint8")
    masks = {
        "parts": noise(6, *SIZE, dtype="uint8"),
        "edges": noise(6, *SIZE, 2, dtype="bool", seed=1),
        "ids": noise(6, *SIZE, 1, dtype="int32", seed=2),
    }
    fills = {"parts": 255, "ids": -1}
    batch = {"images": images, "segmentation_masks": masks, "mask_fill_value": fills}
    before = copy.deepcopy(batch)
    result = transform(batch, seed=4)
    assert_same(batch, before)
    assert list(result["segmentation_masks"]) == list(masks)
    for name, mask in masks.items():
        alone = {"images": images, "segmentation_masks": mask}
        alone = transform({**alone, "mask_fill_value": fills.get(name, 0)}, seed=4)
        assert_same(result["segmentation_masks"][name], alone["segmentation_masks"])


def test_a_value_for_all_must_be_one_for_each():
    masks = {"a": GRID.astype("uint8"), "b": GRID % 2 == 0}
    batch = {"images": GRID, "segmentation_masks": masks, "mask_fill_value": 255}
    with pytest.raises(ValueError, match=r"that bool holds.*\['b'\]`.*one for each by name"):
        AWAY(batch, seed=0)


@pytest.mark.parametrize(
    ("masks", "text"),
    [
        ({}, "must have at least one"),
        ({1: GRID}, "by a name that is a string"),
        ({"a": GRID[:, :4]}, r"`segmentation_masks\['a'\]` must be numbers of shape \(1, 5, 7\)"),
        ({"a": GRID.astype(str)}, r"`segmentation_masks\['a'\]` must be numbers"),
        ({"a": {"b": GRID}}, r"`segmentation_masks\['a'\]` must be"),
    ],
)
def test_masks_by_name_that_are_none(masks, text):
    with pytest.raises((ValueError, TypeError), match=text):
        AWAY({"images": GRID, "segmentation_masks": masks}, seed=0)


# Maps -----------------------------------------------------------------------------------------


@pytest.mark.pairwise(
    angle=[0, 17, -70, 180],
    interpolation=["nearest", "bilinear"],
    mode=["nearest", "constant"],
    dtype=["float16", "float32", "float64"],
    layers=[(), (1,), (3,), (5,)],
)
def test_a_map_is_interpolated_linearly_as_scipy_does(angle, interpolation, mode, dtype, layers):
    size = (11, 8)
    depth = (noise(2, *size, *layers, dtype="float64") / 100).astype(dtype)
    turn = Rotation((angle, angle), interpolation=interpolation, fill_mode=mode)
    batch = {"images": noise(2, *size, 3, dtype="uint8"), "maps": {"depth": depth}}
    result = turn({**batch, "mask_fill_value": {"depth": -1}}, seed=0)["maps"]["depth"]
    assert result.dtype == dtype
    assert result.shape == depth.shape
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    y, x = (grid - (side - 1) / 2 for grid, side in zip(np.indices(size), size, strict=True))
    places = [x * sine + y * cosine + (size[0] - 1) / 2, x * cosine - y * sine + (size[1] - 1) / 2]
    inside = np.ones(size, bool)
    if mode == "constant":
        for place, side in zip(places, size, strict=True):
            inside &= (place >= -1e-9) & (place <= side - 1 + 1e-9)
    for row, layer in np.ndindex(2, *(layers or (1,))):
        own = depth.reshape(2, *size, -1)[row, ..., layer].astype("float64")
        expected = np.where(inside, map_coordinates(own, places, order=1, mode="nearest"), -1)
        moved = result.reshape(2, *size, -1)[row, ..., layer]
        np.testing.assert_allclose(moved, expected, atol=2e-3 if dtype == "float16" else 1e-5)


@pytest.mark.pairwise(
    transform=[
        *FILLING,
        Compose([RandomResizedCrop(height=9, width=6), HorizontalFlip(), Rotation(20)]),
        Zoom((0.3, 0.4)),
        Resize(3),
        ElasticDeformation(0.1, fill_mode="reflect"),
        CutMix(num_classes=2),
        Compose([CutMix(num_classes=2), Perspective()]),
    ],
    dtype=["float16", "float32", "float64"],
    layers=[1, 3, 5],
)
def test_a_map_of_the_pixels_themselves_goes_where_they_go(transform, dtype, layers):
    pixels = noise(8, *SIZE, layers, dtype=dtype)
    if transform is AWAY:  # which fills images with another value
        transform = Translation(0.3, 0.4, **CONSTANT)
    if getattr(transform, "interpolation", "") == "nearest":
        transform = ElasticDeformation(0.2, **CONSTANT)
    if any(leaf.photometric for leaf in transform._leaves()):
        transform = Compose([Rotation(30, **CONSTANT), Perspective(0.4, **CONSTANT)])
    batch = {"images": pixels, "maps": {"same": pixels}, "labels": np.zeros(8, int)}
    result = transform(batch, seed=1)
    assert result["maps"]["same"].dtype == dtype
    np.testing.assert_array_equal(result["maps"]["same"], result["images"])
    assert len(np.unique(result["images"])) > 30


def test_a_map_is_averaged_where_it_gets_smaller():
    depth = np.array([[1.0, 3, 0, 0], [1, 3, 0, 8]])[np.newaxis]
    batch = {"images": np.zeros((1, 2, 4), "uint8"), "maps": {"depth": np.tile(depth, (1, 2, 2))}}
    batch = {"images": np.zeros((1, 4, 8), "uint8"), "maps": batch["maps"]}
    halved = Resize(height=2, width=4)(batch, seed=0)["maps"]["depth"][0]
    # Each is a mean over a triangle as wide as four pixels; in the middle of the first row:
    weights = np.array([1, 3, 3, 1]) / 8
    rows = np.array([3, 3, 1]) / 7
    whole = np.tile(depth, (1, 2, 2))[0]
    np.testing.assert_allclose(halved[0, 1], rows @ whole[:3, 1:5] @ weights)
    assert whole.min() < halved.min() < halved.max() < whole.max()


def test_holes_in_a_map_grow_by_what_is_blended_with_them():
    depth = np.ones((1, *SIZE), "float32")
    depth[0, 2, 3] = np.nan
    batch = {"images": GRID, "maps": {"depth": depth}}
    flipped = HorizontalFlip(1)(batch, seed=0)["maps"]["depth"][0]
    assert np.argwhere(np.isnan(flipped)).tolist() == [[2, 3]]
    half = Translation((0, 0), (0.5 / 7, 0.5 / 7))(batch, seed=0)["maps"]["depth"][0]
    # Among what a pixel is made of it counts, with the weight 0 as well.
    assert np.argwhere(np.isnan(half)).tolist() == [[1, 3], [1, 4], [2, 3], [2, 4]]
    assert (half[~np.isnan(half)] == 1).all()


def test_a_number_for_the_masks_is_none_for_maps():
    batch = {
        "images": GRID,
        "segmentation_masks": GRID,
        "maps": {"depth": GRID + 1.0, "heat": np.ones((1, *SIZE, 2), "float32")},
    }
    result = AWAY({**batch, "mask_fill_value": 255}, seed=0)
    assert (result["segmentation_masks"][0, 0] == 255).all()
    assert not result["maps"]["depth"][0, 0].any()
    named = {"segmentation_masks": 3, "depth": -0.5}
    result = AWAY({**batch, "mask_fill_value": named}, seed=0)
    assert (result["segmentation_masks"][0, 0] == 3).all()
    assert (result["maps"]["depth"][0, 0] == -0.5).all()
    assert not result["maps"]["heat"][0, 0].any()
    np.testing.assert_allclose(result["maps"]["heat"][0, 1:, 2:], 1)


@pytest.mark.parametrize(
    ("maps", "text"),
    [
        (GRID * 1.0, r"`maps` must be a dict of maps by name.*Received: an array"),
        ({}, "must have at least one"),
        ({"a": GRID}, r"`maps\['a'\]` must hold floats.*int64.*\"segmentation_masks\".*astype"),
        ({"a": GRID > 1}, r"`maps\['a'\]` must hold floats.*bool"),
        ({"a": GRID[:, :, :4] * 1.0}, r"`maps\['a'\]` must be numbers of shape \(1, 5, 7\)"),
        ({"a": np.ones(1)}, r"`maps\['a'\]` must be numbers of shape"),
        ({"a": GRID * 1j}, r"`maps\['a'\]` must be numbers of shape"),
    ],
)
def test_maps_that_are_none(maps, text):
    with pytest.raises(ValueError, match=text):
        AWAY({"images": GRID, "maps": maps}, seed=0)


@pytest.mark.parametrize(
    "name",
    [
        *("flow", "Flow", "optical_flow", "OPTICAL FLOW", "opticalFlow", "forward-flow", "flow_2"),
        *("normal", "Normals", "surface_normals", "surfaceNormals", "motion", "disparity"),
        *("offsets", "myFlow", "TrueNormals"),
    ],
)
def test_vectors_are_refused_by_name(name):
    text = f"depend on how the picture lies.*vectors.*Received: a map called '{name}'.*another name"
    with pytest.raises(ValueError, match=text):
        HorizontalFlip()({"images": GRID, "maps": {name: GRID * 1.0}}, seed=0)


@pytest.mark.parametrize(
    "name", ["depth", "normalized_depth", "overflow", "heat", "abnormal", "x2"]
)
def test_names_of_what_is_no_vector(name):
    result = HorizontalFlip(1)({"images": GRID, "maps": {name: GRID * 1.0}}, seed=0)
    np.testing.assert_array_equal(result["maps"][name], GRID[:, :, ::-1])


def test_a_mask_and_a_map_of_one_name():
    batch = {"images": GRID, "segmentation_masks": {"a": GRID}, "maps": {"a": GRID * 1.0}}
    with pytest.raises(ValueError, match=r"a name of its own.*'a' twice"):
        AWAY(batch, seed=0)


def test_a_users_own_transform_must_say_where_maps_go():
    batch = {"images": GRID, "maps": {"depth": GRID * 1.0}}
    with pytest.raises(TypeError, match=r"what happens to maps.*Down\(\).*Define `transform_maps`"):
        Compose([HorizontalFlip(), Down()])(batch, seed=0)
    result = Compose([HorizontalFlip(1), DownWithMaps()])(batch, seed=0)
    assert result["maps"]["depth"][0].tolist() == [[0] * 7, *GRID[0, :-1, ::-1].tolist()]


@pytest.mark.parametrize("transform", [MixUp(num_classes=2), AugMix()])
def test_blends_refuse_maps(transform):
    batch = {"images": GRID.astype("uint8"), "maps": {"depth": GRID * 1.0}}
    with pytest.raises((ValueError, TypeError), match="Received: maps"):
        transform(batch, seed=0)


def test_generators_of_other_libraries_refuse_maps():
    with pytest.raises(TypeError, match=r"To move maps with the images"):
        augment_dataset(GRID, {"maps": {"a": GRID * 1.0}}, 1, lambda images: images, seed=0)


@pytest.mark.parametrize(
    "transform", [Affine(rotation=50, **CONSTANT), Perspective(0.5, **CONSTANT)]
)
def test_the_methods_themselves_fill_with_0(transform):
    parameters = transform.draw(np.arange(4), seed=0)
    ones = np.ones((4, 9, 7, 2), "float32")
    maps, masks = (
        method(ones, parameters) for method in (transform.transform_maps, transform.transform_masks)
    )
    assert set(np.unique(masks)) == {0, 1}
    np.testing.assert_allclose(maps, masks, atol=1e-6)
    np.testing.assert_array_equal(Brightness().transform_maps(ones, {}), ones)


# Masks of boxes -------------------------------------------------------------------------------


def with_boxes(masks, **settings):
    """Returns two boxes of the first of two images, and one of the second."""
    boxes = {
        "boxes": [np.array([[0, 0, 3, 2], [5, 0, 7, 2]]), np.array([[1, 1, 4, 4]])],
        "labels": [[4, 6], [8]],
    }
    images = np.zeros((2, *SIZE), "uint8")
    return {"images": images, "bounding_boxes": {"masks": masks, **boxes}, **settings}


def drawn(dtype="uint8"):
    """Returns the masks of these boxes."""
    first, second = np.zeros((*SIZE, 2), dtype), np.zeros((*SIZE, 1), dtype)
    first[0:2, 0:3, 0] = first[0:2, 5:7, 1] = second[1:4, 1:4, 0] = 1
    return [first, second]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "float32"])
@pytest.mark.parametrize("listed", [True, False])
def test_masks_of_boxes_by_eye(dtype, listed):
    masks = drawn(dtype)
    if not listed:
        masks = np.stack([masks[0], np.pad(masks[1], [(0, 0), (0, 0), (0, 1)])])
    batch = with_boxes(masks)
    before = copy.deepcopy(batch)
    boxes = AWAY(batch, seed=0)["bounding_boxes"]
    assert_same(batch, before)
    assert list(boxes) == ["masks", "boxes", "labels"]
    assert boxes["labels"].tolist() == [[4, -1], [8, -1]]
    expected = np.zeros((2, *SIZE, 2), dtype)
    expected[0, 1:3, 2:5, 0] = expected[1, 2:5, 3:6, 0] = 1
    assert boxes["masks"].dtype == dtype
    np.testing.assert_array_equal(boxes["masks"], expected)


def test_the_layer_of_a_dropped_box_is_empty():
    """Half of the second box is left: its pixels are there, and go where it is dropped."""
    half = Translation((0, 0), (1 / 7, 1 / 7), fill_mode="constant")
    kept = half(with_boxes(drawn(), min_visible_area=0.4), seed=0)["bounding_boxes"]
    assert kept["labels"].tolist() == [[4, 6], [8, -1]]
    assert kept["masks"][0, ..., 1].sum() == 2
    gone = half(with_boxes(drawn(), min_visible_area=0.6), seed=0)["bounding_boxes"]
    assert gone["labels"].tolist() == [[4, -1], [8, -1]]
    assert not gone["masks"][0, ..., 1].any()
    np.testing.assert_array_equal(gone["masks"][..., 0], kept["masks"][..., 0])


def test_the_layer_of_a_dropped_box_is_empty_whatever_it_held():
    masks = [np.where(each == 1, np.inf, np.nan).astype("float32") for each in drawn()]
    result = AWAY(with_boxes(masks), seed=0)["bounding_boxes"]
    assert not result["masks"][..., 1].any()
    assert np.isinf(result["masks"][0, 1:3, 2:5, 0]).all()


def test_masks_of_no_images():
    batch = {"images": np.zeros((0, *SIZE), "uint8")}
    boxes = {"boxes": [], "labels": [], "masks": []}
    result = AWAY({**batch, "bounding_boxes": boxes}, seed=0)["bounding_boxes"]
    assert result["masks"].shape == (0, *SIZE, 0)


@pytest.mark.parametrize("transform", FILLING)
def test_masks_of_boxes_move_as_masks_do(transform):
    """What is left of a box has the pixels that a mask of it has."""
    masks = np.random.default_rng(0).random((2, *SIZE, 2)) < 0.5
    batch = with_boxes(masks)
    result = transform(batch, seed=2)["bounding_boxes"]
    plain = transform({"images": batch["images"], "segmentation_masks": masks}, seed=2)
    there = (result["labels"] != -1)[:, None, None]
    np.testing.assert_array_equal(result["masks"], plain["segmentation_masks"] & there)
    assert result["masks"].any()


def test_originals_keep_their_masks():
    batch = with_boxes(drawn())
    x = batch.pop("images")
    _, y = augment_dataset(x, batch, 3, AWAY, seed=0)
    masks = y["bounding_boxes"]["masks"]
    assert masks.shape == (5, *SIZE, 2)
    np.testing.assert_array_equal(masks[0], drawn()[0])
    np.testing.assert_array_equal(masks[1, ..., :1], drawn()[1])
    assert not masks[1, ..., 1].any()
    assert not masks[2:, 0].any()


@pytest.mark.parametrize(
    ("masks", "text"),
    [
        (np.ones((2, *SIZE, 3)), r"must be numbers of shape \(2, 5, 7, 2\).*a layer for each box"),
        (np.ones((2, 5, 6, 2)), r"must be numbers of shape \(2, 5, 7, 2\)"),
        (np.ones((2, *SIZE, 2)).astype(str), r"must be numbers of shape \(2, 5, 7, 2\)"),
        (drawn()[::-1], r"a layer for each box.*\(5, 7, 1\).*row 0, which has 2 boxes"),
        (np.ones((2, 2, *SIZE)), r"Where boxes come first.*np.moveaxis\(masks, 1, -1\)"),
        ([np.moveaxis(each, -1, 0) for each in drawn()], r"first.*np.moveaxis\(masks, 0, -1\)"),
        (drawn()[:1], r"an array for each of the 2 images.*1 of them"),
        ([drawn()[0], np.ones((4, 7, 1), "uint8")], r"must be numbers of shape \(2, 5, 7, 2\)"),
        ([drawn()[0], np.ones((5, 7, 1))], "one dtype"),
        ([drawn()[0], np.ones((5, 7), "uint8")], r"a layer for each box.*row 1"),
        (Reader(drawn()), r"must be numbers of shape \(2, 5, 7, 2\)"),
        (5, "must be a sequence of arrays"),
        (None, "must have a layer for each box. Received: None"),
    ],
)
def test_masks_of_boxes_that_are_none(masks, text):
    with pytest.raises((ValueError, TypeError), match=text):
        AWAY(with_boxes(masks), seed=0)


def test_masks_of_boxes_without_boxes():
    batch = with_boxes(drawn())
    del batch["bounding_boxes"]["boxes"]
    with pytest.raises(ValueError, match=r"must be a dict of \"boxes\".*Received: \['labels'\]"):
        AWAY(batch, seed=0)


def test_padding_may_lack_masks():
    labels = np.array([[4, 6, -1], [8, -1, -1]])
    boxes = np.zeros((2, 3, 4))
    boxes[..., 2:] = 3
    batch = {"images": np.zeros((2, *SIZE), "uint8")}
    given = {"boxes": boxes, "labels": labels, "masks": drawn()}
    assert AWAY({**batch, "bounding_boxes": given}, seed=0)["bounding_boxes"]["masks"].shape[3] == 3
    given["labels"] = np.array([[4, 6, 5], [8, -1, -1]])
    with pytest.raises(ValueError, match=r"layer for each box.*row 0, which has 3 boxes"):
        AWAY({**batch, "bounding_boxes": given}, seed=0)


# Datasets -------------------------------------------------------------------------------------

POLICY = Compose(
    [Rotation(40, **CONSTANT), HorizontalFlip(), Brightness(), Perspective(0.3, **CONSTANT)]
)


def dataset(count=6):
    """Returns images and all kinds of masks and maps."""
    size = (9, 11)
    rng = np.random.default_rng(0)
    corners = np.sort(rng.uniform(0, 9, (count, 3, 2, 2)), axis=2).reshape(count, 3, 4)
    y = {
        "segmentation_masks": {
            "parts": noise(count, *size, dtype="uint8"),
            "edges": noise(count, *size, 2, dtype="bool"),
        },
        "mask_fill_value": {"parts": 255, "depth": -1.0},
        "maps": {"depth": noise(count, *size), "heat": noise(count, *size, 3, dtype="float16")},
        "labels": np.arange(count),
        "bounding_boxes": {
            "boxes": corners,
            "masks": noise(count, *size, 3, dtype="bool", seed=5),
            "labels": rng.integers(-1, 3, (count, 3)),
        },
    }
    return noise(count, *size, 3, dtype="uint8"), y


def test_every_entrance_gives_the_same(tmp_path):
    x, y = dataset()
    x_all, y_all, index = augment_dataset(x, y, 9, POLICY, seed=1, return_index=True)
    expected = POLICY({"images": x[index[6:]], **take(y, index[6:])}, seed=1)
    np.testing.assert_array_equal(x_all[6:], expected.pop("images"))
    assert_same(take(y_all, np.arange(6, 15)), expected)
    assert_same(take(y_all, np.arange(6)), y)
    assert (expected["segmentation_masks"]["parts"] == 255).any()
    assert (expected["maps"]["depth"] == -1).any()

    _, rows = augment_rows(x, y, [8, 0], POLICY, seed=1)
    assert_same(rows, take(y_all, np.array([14, 6])))

    x_out, y_out = augment_dataset(x, y, 9, POLICY, seed=1, out=tmp_path / "store")
    np.testing.assert_array_equal(x_out, x_all)
    assert y_out.pop("mask_fill_value") == y["mask_fill_value"]
    for name in y_out:
        for one, other in zip(
            keras.tree.flatten(y_out[name]), keras.tree.flatten(y_all[name]), strict=True
        ):
            assert_same(np.asarray(one), other)
    again = kaug.open_dataset(tmp_path / "store")
    assert again.y["mask_fill_value"] == y["mask_fill_value"]

    data = AugmentedDataset(x, y, POLICY, batch_size=4, seed=1, shuffle=False)
    rows = np.arange(4, 6)
    expected = POLICY({"images": x[rows], **take(y, rows)}, seed=1, index=rows)
    images, targets = data[1]
    np.testing.assert_array_equal(images, expected.pop("images"))
    del expected["mask_fill_value"]
    assert_same(targets, expected)
    assert_same(pickle.loads(pickle.dumps(data))[1][1], expected)
    (_, tensors) = list(data.to_tf_dataset().as_numpy_iterator())[1]
    assert_same(keras.tree.map_structure(np.asarray, tensors), expected)
    assert_same(data.row(5)[1], keras.tree.map_structure(lambda leaf: leaf[1], expected))
    assert "masks and points" in data._repr_html_()


def test_one_number_in_a_store(tmp_path):
    y = {"segmentation_masks": noise(3, 5, 7, dtype="uint8"), "mask_fill_value": 255}
    x = noise(3, 5, 7, dtype="uint8")
    _, made = augment_dataset(x, y, 4, AWAY, seed=0, out=tmp_path / "store")
    assert (made["segmentation_masks"][3:, 0] == 255).all()
    assert made["mask_fill_value"] == 255
    other = {**y, "mask_fill_value": 254}
    with pytest.raises(ValueError, match="mask_fill_value"):
        augment_dataset(x, other, 4, AWAY, seed=0, out=tmp_path / "store")


def test_no_rows_and_one_row():
    x, y = dataset(1)
    for rows in (np.arange(0), np.arange(1)):
        result = POLICY({"images": x[rows], **take(y, rows)}, seed=0)
        assert result["maps"]["heat"].shape == (len(rows), 9, 11, 3)
        assert result["bounding_boxes"]["masks"].shape == (len(rows), 9, 11, 3)
        assert result["segmentation_masks"]["parts"].shape == (len(rows), 9, 11)


@pytest.mark.parametrize("held", [True, False])
def test_images_of_any_size(held, tmp_path):
    images = of_any_size()
    rng = np.random.default_rng(3)
    numbers = [0, 2, 1, 3, 0, 1]
    shapes = [image.shape[:2] for image in images]
    depth = [rng.random(shape).astype("float32") for shape in shapes]
    parts = [rng.integers(0, 9, (*shape, 2)).astype("uint8") for shape in shapes]
    masks = [rng.random((*shape, n)) < 0.5 for shape, n in zip(shapes, numbers, strict=True)]
    boxes = [np.tile([1.0, 2, 6, 7], (n, 1)) for n in numbers]
    give = list if held else Reader
    y = {
        "segmentation_masks": {"parts": give(parts)},
        "maps": {"depth": give(depth)},
        "mask_fill_value": {"parts": 200, "depth": -2},
        "bounding_boxes": {
            "boxes": boxes,
            "labels": [[7] * n for n in numbers],
            "masks": give(masks),
        },
    }
    policy = Compose([Rotation(40, **CONSTANT), Letterbox(16), Perspective(0.3, **CONSTANT)])
    result = policy({"images": give(images), **y}, seed=2)
    assert result["bounding_boxes"]["masks"].shape == (6, 16, 16, 3)
    for row, image in enumerate(images):
        alone = {
            "images": image[None],
            "segmentation_masks": {"parts": parts[row][None]},
            "maps": {"depth": depth[row][None]},
            "mask_fill_value": y["mask_fill_value"],
            "bounding_boxes": {
                "boxes": [boxes[row]],
                "labels": [[7] * numbers[row]],
                "masks": masks[row][None],
            },
        }
        expected = policy(alone, seed=2, index=[row])
        for name in ("segmentation_masks", "maps"):
            assert_same(take(result[name], np.array([row])), expected[name])
        own = result["bounding_boxes"]["masks"][row]
        assert_same(own[..., : numbers[row]], expected["bounding_boxes"]["masks"][0])
        assert not own[..., numbers[row] :].any()
        assert (own.any(axis=(0, 1))[: numbers[row]]).all()
    data = AugmentedDataset(give(images), y, policy, batch_size=6, shuffle=False, seed=2)
    assert_same(data[0][1]["maps"], policy({"images": images, **y}, seed=2)["maps"])
    options = {"seed": 1, "append": False}
    _, made = augment_dataset(give(images), y, 5, policy, **options)
    _, stored = augment_dataset(give(images), y, 5, policy, out=tmp_path / "store", **options)
    for one, other in zip(keras.tree.flatten(stored), keras.tree.flatten(made), strict=True):
        np.testing.assert_array_equal(one, other)


def test_lists_of_masks_of_boxes_in_a_store(tmp_path):
    batch = with_boxes(drawn())
    x = batch.pop("images")
    _, made = augment_dataset(x, batch, 5, AWAY, seed=0)
    _, stored = augment_dataset(x, batch, 5, AWAY, seed=0, out=tmp_path / "store")
    assert_same(np.asarray(stored["bounding_boxes"]["masks"]), made["bounding_boxes"]["masks"])


def test_maps_of_any_size_that_are_none():
    images = of_any_size(3)
    depth = [np.ones(image.shape[:2]) for image in images]
    for maps, text in (
        ([each.astype(int) for each in depth], r"`maps\['depth'\]` must hold floats"),
        ([*depth[:2], np.ones((3, 3))], "as high and wide as its image"),
        ([*depth[:2], depth[2].astype("float32")], "one dtype"),
    ):
        with pytest.raises(ValueError, match=text):
            Resize(height=8, width=8)({"images": images, "maps": {"depth": maps}}, seed=0)


@pytest.mark.parametrize("listed", [True, False])
def test_splits_take_them_along(listed):
    x, y = dataset(8)
    if listed:
        x = of_any_size(8)
        y = {
            "maps": {"depth": [image[..., 0] / 255 for image in x]},
            "mask_fill_value": {"depth": 3},
            "bounding_boxes": {
                "boxes": [np.ones((row % 3, 4)) for row in range(8)],
                "labels": [[1] * (row % 3) for row in range(8)],
                "masks": [np.ones((*x[row].shape[:2], row % 3), bool) for row in range(8)],
            },
        }
    train, validation = train_validation_split(x, y, stratify=False, seed=0)
    assert train[1]["mask_fill_value"] == y["mask_fill_value"]
    policy = Compose([Resize(height=8, width=9), POLICY])
    for images, targets in (train, validation):
        result = policy({"images": images, **targets}, seed=0)
        assert len(result["maps"]["depth"]) == len(images) > 1
        assert len(result["bounding_boxes"]["masks"]) == len(images)
    assert len(train[0]) + len(validation[0]) == 8


# Elsewhere ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "right"),
    [
        ({"masks": {"a": GRID, "b": GRID}}, "segmentation_masks"),
        ({"mask": np.zeros((1, *SIZE, 4), bool)}, "segmentation_masks"),
        ({"instance_masks": np.zeros((1, *SIZE, 4), bool)}, "segmentation_masks"),
        ({"heatmaps": np.zeros((1, *SIZE, 3))}, "maps"),
        ({"heatMap": {"a": np.zeros((1, *SIZE))}}, "maps"),
        ({"depth_map": np.zeros((1, *SIZE))}, "maps"),
        ({"out": {"maps": {"depth": np.zeros((1, *SIZE))}}}, "maps"),
        ({"out": {"segmentation_masks": {"a": GRID}}}, "segmentation_masks"),
    ],
)
def test_other_names_of_masks_and_maps_are_refused(y, right):
    with pytest.raises(ValueError, match=f'Call it "{right}", in the outermost dict'):
        augment_dataset(GRID, y, 1, AWAY, seed=0)


def test_what_looks_like_a_map_is_pointed_out():
    with pytest.warns(UserWarning, match=r"`y\['depth'\]`.*\"segmentation_masks\".*\"maps\""):
        augment_dataset(GRID, {"depth": GRID * 1.0}, 1, AWAY, seed=0)


def test_a_box_that_is_seen_has_a_pixel_in_its_mask():
    """Boxes of the outermost pixels alone: filling with a constant ends at their centres."""
    rows = np.arange(60)
    boxes = np.stack([rows % 9, 0 * rows, rows % 9 + 3, 0 * rows + 1], axis=-1)[:, np.newaxis]
    masks = np.zeros((60, 12, 17, 1), bool)
    for row, (left, top, right, bottom) in enumerate(boxes[:, 0]):
        masks[row, top:bottom, left:right] = True
    batch = {
        "images": np.zeros((60, 12, 17), "uint8"),
        "segmentation_masks": masks,
        "bounding_boxes": {"boxes": boxes * 1.0, "labels": np.ones((60, 1), int)},
    }
    result = Perspective(0.6, **CONSTANT)(batch, seed=0)
    shown = result["segmentation_masks"].any(axis=(1, 2, 3))
    np.testing.assert_array_equal(result["bounding_boxes"]["labels"][:, 0] == 1, shown)
    assert 10 < shown.sum() < 50
