"""Masks, keypoints and whole dicts of targets: they are where the pixels are."""

import re
from collections import OrderedDict
from dataclasses import dataclass

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaug import AugmentedDataset, ImageDataGenerator, augment_dataset, augment_rows
from kaug.transforms import (
    Affine,
    Compose,
    CutMix,
    HorizontalFlip,
    Identity,
    Lambda,
    MixUp,
    OneOf,
    PadAndCrop,
    Rotate90,
    Rotation,
    Sometimes,
    Transform,
    Translation,
    VerticalFlip,
    Zoom,
)

SIZE = (5, 7)
GRID = np.arange(35).reshape(1, *SIZE)
DOWN_AND_RIGHT = Translation((1 / 5, 1 / 5), (2 / 7, 2 / 7))
POLICY = Compose([Rotation(40, fill_mode="constant"), HorizontalFlip(), Zoom(0.3)])


@dataclass(frozen=True, repr=False)
class Darken(Transform):
    """A transform that says that it only changes values."""

    photometric = True

    def transform_images(self, images, parameters):
        return images // images.dtype.type(2)


@dataclass(frozen=True, repr=False)
class Mirror(Transform):
    """A transform that does not say what happens to anything but images."""

    p: float = 1.0

    def transform_images(self, images, parameters):
        return images[:, :, ::-1]


@dataclass(frozen=True, repr=False)
class Halve(Transform):
    """Keeps every other row and column."""

    p: float = 1.0

    def output_shape(self, shape):
        return ((shape[0] + 1) // 2, (shape[1] + 1) // 2, *shape[2:])

    def transform_images(self, images, parameters):
        return images[:, ::2, ::2]

    def transform_masks(self, masks, parameters):
        return masks[:, ::2, ::2]

    def transform_points(self, points, parameters, size):
        return points / 2


# Masks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        (Identity(), GRID[0]),
        (HorizontalFlip(1), GRID[0, :, ::-1]),
        (VerticalFlip(1), GRID[0, ::-1]),
        (Rotation((180, 180)), GRID[0, ::-1, ::-1]),
        (Compose([Mirror(), VerticalFlip(1)]), None),
        (Darken(), GRID[0]),
        (Compose([Darken(), HorizontalFlip(1)]), GRID[0, :, ::-1]),
        (Halve(), GRID[0, ::2, ::2]),
        (Compose([HorizontalFlip(1), Halve(), VerticalFlip(1)]), GRID[0, ::-2, ::-2]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "int32", "float16", "float64"])
def test_masks_by_eye(transform, expected, dtype):
    masks = (GRID % 2 if dtype == "bool" else GRID).astype(dtype)
    batch = {"images": GRID.astype("float32"), "segmentation_masks": masks}
    if expected is None:
        with pytest.raises(
            TypeError, match=r"segmentation masks.*Mirror.*Define `transform_masks`"
        ):
            transform(batch, seed=0)
        return
    result = transform(batch, seed=0)["segmentation_masks"]
    assert result.dtype == dtype
    np.testing.assert_array_equal(result[0], (expected % 2 if dtype == "bool" else expected))


def test_new_places_in_masks_are_0_or_what_the_filling_repeats():
    batch = {"images": GRID, "segmentation_masks": GRID + 1}
    constant = Translation(
        (1 / 5, 1 / 5), (2 / 7, 2 / 7), fill_mode="constant", fill_value=99, interpolation="nearest"
    )
    result = constant(batch, seed=0)
    assert set(result["images"][0, 0]) == {99}
    assert not result["segmentation_masks"][0, 0].any()
    assert not result["segmentation_masks"][0, :, :2].any()
    np.testing.assert_array_equal(result["segmentation_masks"][0, 1:, 2:], GRID[0, :-1, :-2] + 1)
    nearest = DOWN_AND_RIGHT(batch, seed=0)["segmentation_masks"][0]
    assert nearest[0].tolist() == [1, 1, 1, 2, 3, 4, 5]


def test_masks_are_never_blended(images):
    batch = images(20, shape=(31, 41, 3))
    labels = np.where(batch[..., 0] > 128, 200, 100).astype("uint8")
    result = Compose([Rotation(90), Zoom(0.4)])({"images": batch, "segmentation_masks": labels})
    assert set(np.unique(result["segmentation_masks"])) == {100, 200}
    assert len(np.unique(result["images"])) > 100


@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_masks_of_every_rank_and_images_without_channels(images, channels):
    batch, masks = images(6, shape=(6, 9)), images(6, shape=(6, 9, *channels)) > 99
    nearest = Affine(rotation=90, zoom=0.3, fill_mode="wrap", interpolation="nearest")
    result = nearest({"images": batch, "segmentation_masks": masks}, seed=1)
    assert result["images"].shape == batch.shape
    assert result["segmentation_masks"].shape == masks.shape
    # With this sampling a mask goes exactly where an image does.
    np.testing.assert_array_equal(result["segmentation_masks"], nearest(masks * 1, seed=1) == 1)


# Keypoints ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        (Identity(), (1, 3)),
        (HorizontalFlip(1), (5, 3)),
        (VerticalFlip(1), (1, 1)),
        (DOWN_AND_RIGHT, (3, 4)),
        (Rotation((180, 180)), (5, 1)),
        (Rotation((90, 90)), (4, 4)),  # about the centre (3, 2): (-2, 1) becomes (1, 2)
        (Zoom((0.5, 0.5)), (2, 2.5)),
        (Compose([Zoom((0.5, 0.5)), HorizontalFlip(1)]), (4, 2.5)),
        (Compose([Darken(), HorizontalFlip(1)]), (5, 3)),
        (Halve(), (0.5, 1.5)),
        (Compose([HorizontalFlip(1), Halve(), HorizontalFlip(1)]), (0.5, 1.5)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", ["int64", "float32", "float64"])
def test_keypoints_by_eye(transform, expected, dtype):
    batch = {"images": GRID, "keypoints": np.array([[[1, 3], [1, 3]]], dtype)}
    result = transform(batch, seed=0)["keypoints"]
    assert result.dtype == ("float32" if dtype == "int64" else dtype)
    np.testing.assert_allclose(result, [[expected, expected]], atol=1e-6)


def test_the_pixel_of_a_keypoint_moves_with_it():
    batch = {"images": GRID, "keypoints": np.array([[[1.0, 3]]])}
    for transform in (HorizontalFlip(1), DOWN_AND_RIGHT, Rotation((90, 90)), Rotate90(1)):
        result = transform(batch, seed=0)
        x, y = result["keypoints"][0, 0].astype(int)
        assert result["images"][0, y, x] == GRID[0, 3, 1]


def test_visibility_ends_outside_the_image():
    points = np.array([[[4, 0, 2], [5, 0, 2], [4, 0, 0], [4, 4, 1], [0, 0, 1]]], "float32")
    result = DOWN_AND_RIGHT({"images": GRID, "keypoints": points}, seed=0)["keypoints"]
    assert result[0, :, 2].tolist() == [2, 0, 0, 0, 1]
    np.testing.assert_allclose(result[0, 1, :2], [7, 1], atol=1e-6)  # still where it went


def test_a_point_that_left_between_two_resamplings_does_not_come_back():
    there = Translation((0, 0), (5 / 7, 5 / 7))
    back = Translation((0, 0), (-5 / 7, -5 / 7), fill_mode="wrap")
    batch = {"images": GRID, "keypoints": np.array([[[1, 1, 1], [4, 1, 1.0]]])}
    apart = Compose([there, back])(batch, seed=0)["keypoints"][0]
    np.testing.assert_allclose(apart, [[1, 1, 1], [4, 1, 0]], atol=1e-6)
    same = Compose([there, Translation((0, 0), (-5 / 7, -5 / 7))])  # one resampling: it never left
    np.testing.assert_allclose(same(batch, seed=0)["keypoints"], batch["keypoints"], atol=1e-6)


@pytest.mark.parametrize("transform", [Sometimes(Darken(), p=0.5), POLICY])
def test_visibility_of_a_row_depends_on_that_row(transform):
    batch = {
        "images": np.repeat(GRID, 8, axis=0),
        "keypoints": np.tile([[[1, 1, 1], [-3, 1, 1], [6.4, 4.4, 1]]], (8, 1, 1)),
    }
    whole = transform(batch, seed=0)["keypoints"]
    for row in range(8):
        single = {name: array[row : row + 1] for name, array in batch.items()}
        alone = transform(single, seed=0, index=[row])["keypoints"]
        np.testing.assert_array_equal(alone[0], whole[row])
    assert not whole[:, 1, 2].any()  # outside from the beginning


@dataclass(frozen=True, repr=False)
class Push(Transform):
    """A transform of a user's that moves the picture, some rows of it."""

    p: float = 0.5

    def transform_images(self, images, parameters):
        return np.roll(images, 1, axis=2)

    def transform_points(self, points, parameters, size):
        return points + np.array([1, 0])


def test_rows_that_a_transform_leaves_alone_keep_their_points():
    batch = {
        "images": np.repeat(GRID, 40, axis=0),
        "keypoints": np.tile([[[1, 1, 1], [-3, 1, 1.0]]], (40, 1, 1)),
    }
    result = Push()(batch, seed=0)
    pushed = result["images"][:, 0, 0] == 6
    assert 10 < pushed.sum() < 30
    np.testing.assert_array_equal(result["keypoints"][:, 0, 0], 1 + pushed)
    alone = [
        Push()({k: v[i : i + 1] for k, v in batch.items()}, seed=0, index=[i])["keypoints"][0]
        for i in range(40)
    ]
    np.testing.assert_array_equal(alone, result["keypoints"])


@given(
    st.integers(4, 36),
    st.integers(4, 26),
    st.floats(-180, 180),
    st.floats(0.7, 1.5),
    st.floats(-0.3, 0.3),
    st.floats(-0.3, 0.3),
    st.booleans(),
)
def test_point_mask_and_picture_of_a_spot_stay_together(x, y, angle, zoom, down, right, apart):
    distance = np.hypot(np.arange(41) - x, np.arange(31)[:, np.newaxis] - y)
    spot = (distance < 4)[np.newaxis]
    policy = Compose(
        [
            Rotation((angle, angle), fill_mode="constant"),
            Zoom((zoom, zoom), fill_mode="constant"),
            *([Darken()] if apart else []),  # then there are two resamplings
            Translation((down, down), (right, right), fill_mode="constant"),
        ]
    )
    batch = {
        "images": (spot * 100).astype("float32"),
        "segmentation_masks": spot,
        "keypoints": np.array([[[x, y, 1.0]]]),
    }
    result = policy(batch, seed=0)
    x, y, visible = result["keypoints"][0, 0]
    bright = result["images"][0] > (25 if apart else 50)
    mask = result["segmentation_masks"][0]
    if visible:
        assert mask[round(min(y, 30)), round(min(x, 40))]
        assert bright[round(min(y, 30)), round(min(x, 40))]
    # Between pixels, a mask shows the nearest and a picture blends: one pixel at the rim.
    assert (mask ^ bright).sum() <= 0.5 * mask.sum() + 4
    if mask.sum() > 30:
        rows, columns = np.nonzero(mask)
        whole = rows.min() > 0 and rows.max() < 30 and columns.min() > 0 and columns.max() < 40
        if whole:
            centre = [columns.mean(), rows.mean()]
            # Each choice of a nearest pixel may be off by half of one.
            np.testing.assert_allclose(centre, [x, y], atol=1 if apart else 0.5)


# Dicts, datasets ------------------------------------------------------------------------------


def dataset(count=12, seed=0):
    """Returns images and targets that name the row they belong to."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 9, 11, 3)).astype("uint8")
    y = OrderedDict(
        keypoints=np.tile([2.0, 3.0, 1.0], (count, 2, 1)),
        labels=np.arange(count),
        segmentation_masks=images[..., 0].copy(),
        bounding_box_format="xywh",
        name=np.array([f"row {i}" for i in range(count)]),
        bounding_boxes={
            "boxes": np.tile([1.0, 2, 4, 3], (count, 2, 1)).astype("float32"),
            "labels": np.tile([[5, -1]], (count, 1)),
        },
    )
    return images, y


def flat(structure):
    return keras.tree.flatten(structure)


def take(y, rows):
    """Returns some rows of the targets of `dataset`."""
    return {
        name: value
        if isinstance(value, str)
        else keras.tree.map_structure(lambda array: array[rows], value)
        for name, value in y.items()
    }


def assert_same(one, other):
    assert str(keras.tree.map_structure(type, one)) == str(keras.tree.map_structure(type, other))
    for a, b in zip(flat(one), flat(other), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_dict_comes_back_as_it_was_given():
    x, y = dataset()
    weight = np.linspace(0, 1, 12)
    result = augment_dataset(
        x, y, 20, POLICY, sample_weight=weight, seed=1, append=True, return_index=True
    )
    x_all, y_all, weight_all, index = result
    assert list(y_all) == list(y)
    assert y_all["bounding_box_format"] == "xywh"
    np.testing.assert_array_equal(x_all[:12], x)
    np.testing.assert_array_equal(y_all["labels"], index)
    np.testing.assert_array_equal(y_all["name"], y["name"][index])
    np.testing.assert_array_equal(weight_all, weight[index])
    for name in ("keypoints", "segmentation_masks"):
        np.testing.assert_array_equal(y_all[name][:12], y[name])
        assert y_all[name].shape == (32, *y[name].shape[1:])
    for name, array in y["bounding_boxes"].items():
        np.testing.assert_array_equal(y_all["bounding_boxes"][name][:12], array)
    again = POLICY({"images": x[index[12:]], **take(y, index[12:])}, seed=1)
    np.testing.assert_array_equal(again.pop("images"), x_all[12:])
    assert_same(again, take(y_all, slice(12, None)))


def test_originals_out_of_bounds_are_not_changed_but_what_is_made_of_them_is():
    x, y = dataset(2)
    y = {"bounding_boxes": {"boxes": np.full((2, 1, 4), 8.0), "labels": np.zeros((2, 1), int)}}
    y["bounding_boxes"]["boxes"][..., 2:] = 30
    _, y_all = augment_dataset(x, y, 1, Identity(), seed=0)
    assert y_all["bounding_boxes"]["boxes"].tolist() == [[[8, 8, 30, 30]]] * 2 + [[[8, 8, 11, 9]]]


def test_a_call_gives_back_the_keys_it_was_given():
    x, y = dataset()
    batch = {"labels": y["labels"], "images": x, **y, "min_visible_area": 0.1}
    result = POLICY(batch, seed=0)
    assert list(result) == list(batch)
    assert result["min_visible_area"] == 0.1
    only_settings = {"images": x, "bounding_box_format": "xyxy"}
    assert list(POLICY(only_settings, seed=0)) == ["images", "bounding_box_format"]
    _, targets = augment_dataset(
        x, {"bounding_box_format": "xyxy", "a": y["labels"]}, 1, POLICY, seed=0
    )
    assert list(targets) == ["bounding_box_format", "a"]


def test_batches_for_training_hold_arrays_alone():
    x, y = dataset()
    data = AugmentedDataset(x, y, POLICY, batch_size=5, seed=2, shuffle=False)
    images, targets = data[1]
    assert list(targets) == [name for name in y if name != "bounding_box_format"]
    rows = np.arange(5, 10)
    expected = POLICY({"images": x[rows], **take(y, rows)}, seed=2, index=rows)
    np.testing.assert_array_equal(expected.pop("images"), images)
    del expected["bounding_box_format"]
    assert_same(expected, targets)


@pytest.mark.parametrize("sampling", ["random", "cycle", "balanced"])
def test_blocks_and_beginnings_of_the_whole(sampling):
    x, y = dataset()
    y["labels"] = y["labels"] % 3
    options = {"seed": 3, "sampling": sampling, "append": False, "return_index": True}
    whole = augment_dataset(x, y, 40, POLICY, **options)
    few = augment_dataset(x, y, 7, POLICY, **options)
    rows = np.array([39, 0, 7, 7])
    block = augment_rows(x, y, rows, POLICY, **options)
    for one, all_rows, part in zip(flat(few), flat(whole), flat(block), strict=True):
        if isinstance(one, str):
            assert one == all_rows == part == "xywh"
            continue
        np.testing.assert_array_equal(one, all_rows[:7])
        np.testing.assert_array_equal(part, all_rows[rows])


def test_inputs_are_not_written_to():
    x, y = dataset()
    before = keras.tree.map_structure(np.copy, (x, y))
    augment_dataset(x, y, 9, POLICY, seed=0)
    POLICY({"images": x, **y}, seed=0)
    for a, b in zip(flat(before), flat((x, y)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_many_rows_in_pieces_on_threads(monkeypatch):
    x, y = dataset(3000)
    policy, results = Compose([POLICY, Darken(), Rotate90()]), []
    for threads in ("1", "3"):
        monkeypatch.setenv("KAUG_NUM_THREADS", threads)
        results.append(policy({"images": x, **y}, seed=5))
    assert_same(*results)
    rows = np.arange(2000, 2003)
    part = policy({"images": x[rows], **take(y, rows)}, seed=5, index=rows)
    del results[0]["images"], part["images"]
    assert_same(part, take(results[0], rows))


def test_empty_batch():
    x, y = dataset(0)
    result = POLICY({"images": x, **y}, seed=0)
    assert {
        name: np.shape(value) for name, value in result.items() if name != "bounding_boxes"
    } == {
        "images": (0, 9, 11, 3),
        "keypoints": (0, 2, 3),
        "labels": (0,),
        "segmentation_masks": (0, 9, 11),
        "bounding_box_format": (),
        "name": (0,),
    }
    assert result["bounding_boxes"]["boxes"].shape == (0, 2, 4)


def test_sizes_that_change():
    x, y = dataset()
    policy = Compose([HorizontalFlip(), Halve(), Rotation(10)])
    result, targets = augment_dataset(x, y, 5, policy, seed=0, append=False)
    assert result.shape == (5, 5, 6, 3)
    assert targets["segmentation_masks"].shape == (5, 5, 6)
    with pytest.raises(ValueError, match="append=True the generator must keep the image shape"):
        augment_dataset(x, y, 5, policy, seed=0)
    straight, targets = augment_dataset(x, y, 5, Halve(), seed=0, append=False)
    np.testing.assert_array_equal(targets["segmentation_masks"], straight[..., 0])


@pytest.mark.parametrize(
    "policy",
    [OneOf([Halve(), Identity()]), Halve(p=0.5), Compose([Darken(), Halve()], p=0.5)],
    ids=repr,
)
@pytest.mark.parametrize("count", [1, 8, 500])
def test_a_size_that_changes_now_and_then(policy, count):
    images = np.zeros((500, 9, 11, 1), "uint8")[:count]
    row = np.flatnonzero(~policy.draw(np.arange(50), seed=0)["applied"])[:1]
    row = row if len(row) else [1]  # of OneOf
    index = np.arange(count) if count > 1 else row
    with pytest.raises(ValueError, match=r"must act on every row.*Halve.*Give it p=1, outside"):
        policy(images, seed=0, index=index)


# Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "method"),
    [
        ({"segmentation_masks": GRID}, "transform_masks"),
        ({"keypoints": np.zeros((1, 2, 2))}, "transform_points"),
        (
            {"bounding_boxes": {"boxes": np.zeros((1, 1, 4)), "labels": np.zeros((1, 1), int)}},
            "transform_points",
        ),
    ],
)
def test_a_transform_that_does_not_say_where(target, method):
    for policy in (Mirror(), Lambda(np.copy), Compose([Rotation(), OneOf([Mirror(), Darken()])])):
        with pytest.raises(TypeError, match=f"Define `{method}`, or set `photometric = True`"):
            policy({"images": GRID, **target}, seed=0)
        with pytest.raises(TypeError, match=method):
            augment_dataset(GRID, target, 3, policy, seed=0)


@pytest.mark.parametrize(
    "move",
    [
        lambda transform, drawn: transform.transform_masks(GRID[..., None], drawn),
        lambda transform, drawn: transform.transform_points(np.ones((1, 2, 2)), drawn, SIZE),
    ],
    ids=["masks", "points"],
)
def test_its_methods_do_not_say_where_either(move):
    for transform in (Mirror(), Lambda(np.copy)):
        with pytest.raises(TypeError, match="Define `transform_"):
            move(transform, transform.draw([0], seed=0))
    drawn = Darken().draw([0], seed=0)
    np.testing.assert_array_equal(move(Darken(), drawn), move(Identity(), drawn))


FOREIGN = [
    lambda images: images[:, :, ::-1],
    keras.layers.RandomFlip(),
    ImageDataGenerator(brightness_range=(0.5, 1)),
]


@pytest.mark.parametrize("generator", FOREIGN, ids=["function", "layer", "generator"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("segmentation_masks", "segmentation masks"),
        ("keypoints", "keypoints"),
        ("bounding_boxes", "bounding boxes"),
    ],
)
def test_generators_of_other_libraries_are_refused(generator, name, text):
    x, y = dataset()
    with pytest.raises(TypeError, match=f"To move {text}.*where every pixel goes.*kaug.transforms"):
        augment_dataset(x, {name: y[name]}, 3, generator, seed=0)


def test_a_generator_that_is_converted_takes_masks_along():
    x, y = dataset()
    masks = {"segmentation_masks": np.repeat(y["segmentation_masks"][..., np.newaxis], 3, axis=-1)}
    generator = ImageDataGenerator(horizontal_flip=True)
    x_new, targets = augment_dataset(x, masks, 20, generator, seed=0, append=False)
    np.testing.assert_array_equal(targets["segmentation_masks"][..., 0], x_new[..., 0])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"segmentation_masks": np.zeros((1, 5, 6))}, r"\(1, 5, 7\) or \(1, 5, 7, K\)"),
        ({"segmentation_masks": np.zeros((2, 5, 7))}, "`segmentation_masks` must be numbers"),
        ({"segmentation_masks": np.zeros((5, 7))}, "`segmentation_masks` must be numbers"),
        ({"segmentation_masks": GRID.astype(str)}, "`segmentation_masks` must be numbers"),
        ({"keypoints": np.zeros((1, 2, 4))}, r"`keypoints` must be numbers of shape \(1, P, 2\)"),
        ({"keypoints": np.zeros((2, 2, 2))}, "`keypoints` must be numbers"),
        ({"keypoints": np.zeros((1, 2))}, "`keypoints` must be numbers"),
        ({"keypoints": np.array([[["1", "2"]]])}, "`keypoints` must be numbers"),
        ({"keypoints": [None]}, "`keypoints` must be numbers"),
        ({"labels": np.zeros(2)}, "must have one row for each of the 1 rows"),
    ],
)
def test_bad_targets(change, text):
    with pytest.raises(ValueError, match=text):
        HorizontalFlip()({"images": GRID, **change}, seed=0)


@pytest.mark.parametrize("kind", ["list", "ragged tensor"])
def test_keypoints_of_another_number_in_each_image(kind):
    images, points = np.zeros((3, 5, 7)), [[[1.0, 2.0], [3.0, 4.0]], [], [[5.0, 1.0]]]
    ragged = kind == "ragged tensor"
    points_ = pytest.importorskip("tensorflow").ragged.constant(points) if ragged else points
    text = r"must be numbers of shape \(3, P, 2\).*lists of 0 to 2 points.*hidden as \(0, 0\)"
    with pytest.raises(ValueError, match=text):
        HorizontalFlip(1)({"images": images, "keypoints": points_}, seed=0)
    # What the message says to do.
    full = np.zeros((3, 2, 3))
    for row, each in enumerate(points):
        full[row, : len(each)] = [[x, y, 1] for x, y in each] or np.zeros((0, 3))
    moved = HorizontalFlip(1)({"images": images, "keypoints": full}, seed=0)["keypoints"]
    assert moved[..., 2].tolist() == [[1, 1], [0, 0], [1, 0]]
    assert moved[0].tolist() == [[5, 2, 1], [3, 4, 1]]


ENTRANCES = {
    "call": lambda x, y, transform: transform({"images": x, **y}, seed=0),
    "offline": lambda x, y, transform: augment_dataset(x, y, 3, transform, seed=0),
    "rows": lambda x, y, transform: augment_rows(x, y, [1, 2], transform, seed=0),
    "online": lambda x, y, transform: AugmentedDataset(x, y, transform, seed=0),
}
PICTURES = np.zeros((4, 5, 7, 1), "uint8")


def _called(place, entrance):
    """Returns what a place in `y` is called where it stands in a dict with the images."""
    return place.replace("y", "images", 1) if entrance == "call" else place


@pytest.mark.parametrize(
    ("y", "place", "right"),
    [
        ({"bboxes": np.zeros((4, 2, 4))}, "y['bboxes']", "bounding_boxes"),
        ({"bbox": np.zeros((4, 4))}, "y['bbox']", "bounding_boxes"),
        ({"boxes": [np.zeros((1, 4))] * 4}, "y['boxes']", "bounding_boxes"),
        ({"Bounding-Boxes": np.zeros((4, 2, 4))}, "y['Bounding-Boxes']", "bounding_boxes"),
        ({"mask": np.zeros((4, 5, 7), "uint8")}, "y['mask']", "segmentation_masks"),
        ({"masks": np.zeros((4, 35))}, "y['masks']", "segmentation_masks"),
        ({"heatmap": np.zeros((4, 2, 3, 6))}, "y['heatmap']", "maps"),
        ({"segmentation_mask": np.zeros((4, 5, 7))}, "y['segmentation_mask']", "segmentation_m"),
        ({"keypoint": np.zeros((4, 3, 2))}, "y['keypoint']", "keypoints"),
        ({"key_points": np.zeros((4, 6))}, "y['key_points']", "keypoints"),
        ({"landmarks": np.zeros((4, 3, 2))}, "y['landmarks']", "keypoints"),
        ({"points": np.zeros((4, 2))}, "y['points']", "keypoints"),
        ({"a": {"bboxes": np.zeros((4, 1, 4))}}, "y['a']['bboxes']", "bounding_boxes"),
        ({"a": {"keypoints": np.zeros((4, 1, 2))}}, "y['a']['keypoints']", "keypoints"),
        (
            {"a": ({"bounding_boxes": {"boxes": PICTURES, "labels": PICTURES}},)},
            "y['a'][0]['bounding_boxes']",
            "bounding_boxes",
        ),
        ({"keypoints": np.zeros((4, 1, 2)), "mask": PICTURES}, "y['mask']", "segmentation_masks"),
    ],
)
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_what_moves_under_another_name_is_refused(entrance, y, place, right):
    with pytest.raises(ValueError, match="has a name of its own") as caught:
        ENTRANCES[entrance](PICTURES, y, POLICY)
    assert f'Received: {_called(place, entrance)}. Call it "{right}' in str(caught.value)


def test_in_a_tuple_as_well():
    y = (np.arange(4), {"keypoints": np.zeros((4, 1, 2))})
    with pytest.raises(
        ValueError, match=r"y\[1\]\['keypoints'\]. Call it \"keypoints\", in the outerm"
    ):
        augment_dataset(PICTURES, y, 3, POLICY, seed=0)


@pytest.mark.parametrize(
    ("y", "transform"),
    [
        ({"bboxes": np.zeros((4, 2, 4)), "mask": np.zeros((4, 5, 7))}, Darken()),
        ({"points": np.arange(4), "mask": np.ones((4, 9), bool), "box": ["a"] * 4}, POLICY),
    ],
)
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_names_where_nothing_moves_or_that_can_not_mean_it(entrance, y, transform):
    ENTRANCES[entrance](PICTURES, y, transform)


@pytest.mark.parametrize(
    ("y", "named"),
    [
        ({"extra": np.zeros((4, 5, 7, 2), "uint8")}, "`y['extra']`, an array of .*high and wide"),
        (
            {"segmentation_masks": np.zeros((4, 5, 7)), "depth": np.zeros((4, 5, 7))},
            "`y['depth']`, an array of .*as high and wide as they are",
        ),
        ({"extra": np.zeros((4, 10, 14))}, "whose height and width are 2 times theirs. Make it as"),
        ({"extra": np.zeros((4, 3, 4))}, '`y.*looks like boxes. To move.*key "bounding_boxes"'),
        ({"extra": np.zeros((4, 3, 2), int)}, '`y.*looks like points. To move.*key "keypoints"'),
        ({"extra": (np.zeros((4, 3, 3)),)}, r"`y\['extra'\]\[0\]`.*looks like points"),
        (
            {"extra": np.zeros((4, 3, 5))},
            '`y.*boxes of five numbers. If .* To move.*"bounding_boxes"',
        ),
        ({"extra": np.zeros((4, 3, 8))}, "`y.*looks like the corners of boxes. Corners are"),
        ({"extra": np.zeros((4, 3, 4, 2))}, "`y.*looks like the corners of boxes. Corners are"),
    ],
)
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_labels_that_look_like_a_target_and_do_not_move_are_pointed_out(entrance, y, named):
    named = named if "\\" in named else named.replace("[", r"\[").replace("]", r"\]")
    with pytest.warns(UserWarning, match=_called(named, entrance)) as caught:
        ENTRANCES[entrance](PICTURES, y, POLICY)
    assert caught[0].filename == __file__
    assert len(caught) == 1


def test_beside_another_library_each_is_warned_of_once():
    y = {"mask": np.zeros((4, 5, 7)), "masks": {"of": np.zeros((4, 5, 7))}}
    y["depth"] = np.zeros((4, 5, 7))
    with pytest.warns(UserWarning, match="moves? with the pixels") as caught:
        augment_dataset(PICTURES, y, 3, lambda x: x, seed=0)
    found = [re.search(r"y\['\w+'\](\['\w+'\])?", str(each.message)) for each in caught]
    assert sorted(each[0] for each in found) == ["y['depth']", "y['mask']", "y['masks']"]


def test_a_dict_given_to_a_transform_is_called_as_its_argument():
    with pytest.raises(ValueError, match=r"`images\['labels'\]` must have one row for each"):
        POLICY({"images": PICTURES, "labels": np.arange(3)}, seed=0)
    with pytest.raises(ValueError, match=r"To mix the class numbers in `images\['labels'\]`"):
        MixUp(0.2)({"images": PICTURES, "labels": np.arange(4)}, seed=0)
    mixed = MixUp(0.2, num_classes=4)
    with pytest.raises(ValueError, match="must have at most num_classes=4 columns"):
        mixed({"images": PICTURES, "labels": np.eye(5)[:4]}, seed=0)
    weights = np.ones((4, 5, 7))
    turned = HorizontalFlip(p=1)(
        {"images": PICTURES, "sample_weight": weights * np.arange(7)}, seed=0
    )
    assert turned["sample_weight"][0, 0].tolist() == [6, 5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (np.zeros((4, 5, 7, 3)), "`y`, an array of shape .*as high and wide"),
        ((np.arange(4), np.zeros((4, 3, 4))), r"`y\[1\]`, an array of .*looks like boxes"),
    ],
)
@pytest.mark.parametrize("make", [augment_dataset, AugmentedDataset])
def test_y_itself_and_what_is_in_a_tuple(make, y, text):
    n = (3,) if make is augment_dataset else ()
    with pytest.warns(UserWarning, match=text):
        make(PICTURES, y, *n, POLICY)


CORNERS = np.tile([0, 1, 6, 4], (9, 1))


@pytest.mark.parametrize("y", [CORNERS, CORNERS / 7, np.minimum(CORNERS, 3).astype("uint8")])
@pytest.mark.parametrize("generator", [POLICY, FOREIGN[0]], ids=["native", "function"])
def test_one_box_for_each_image_is_pointed_out(generator, y):
    with pytest.warns(
        UserWarning, match="`y`.*looks like one box for each image. Make it|move it, use"
    ):
        augment_dataset(np.zeros((9, 5, 7)), y, 3, generator, seed=0)


@pytest.mark.parametrize(
    "y",
    [
        np.eye(4)[np.arange(9) % 4],
        np.tile([0.1, 0.2, 0.4, 0.3], (9, 1)),  # shares of four classes
        CORNERS * [1, 1, 2, 1],  # beyond the image
        CORNERS - 1,
        np.where(np.arange(9)[:, np.newaxis] == 5, CORNERS[:, ::-1], CORNERS),
        CORNERS[:, :3],
    ],
    ids=["one-hot", "soft", "beyond", "below 0", "out of order", "three"],
)
def test_four_numbers_that_are_no_box_are_not(y):
    augment_dataset(np.zeros((9, 5, 7)), y, 3, POLICY, seed=0)


def test_maps_of_half_the_size_are_pointed_out():
    y = {"extra": np.zeros((4, 6, 4, 1))}
    with pytest.warns(UserWarning, match=r"width are 1/2 of theirs. Make it as high and wide"):
        augment_dataset(np.zeros((4, 12, 8)), y, 3, POLICY, seed=0)


@pytest.mark.parametrize(
    "y",
    [
        np.zeros((4, 5, 7)),
        {"mask": np.zeros((4, 5, 7))},
        {"bboxes": np.zeros((4, 2, 4))},
        {"a": {"keypoints": np.zeros((4, 2, 2))}},
    ],
)
@pytest.mark.parametrize("generator", FOREIGN[::2], ids=["function", "generator"])
def test_beside_generators_of_other_libraries_it_is_pointed_out(generator, y):
    with pytest.warns(UserWarning, match="transforms of `kaug.transforms`"):
        augment_dataset(PICTURES, y, 3, generator, seed=0)


def test_a_transform_that_could_not_take_masks_along_has_them_pointed_out():
    with pytest.warns(UserWarning, match="`y`.*as high and wide"):
        augment_dataset(PICTURES, np.zeros((4, 5, 7)), 3, Mirror(), seed=0)


@pytest.mark.parametrize(
    ("y", "transform"),
    [
        (np.zeros((4, 5, 7)), Compose([Darken(), Darken()])),  # nothing moves
        (np.zeros((4, 7, 5, 1)), POLICY),
        (np.zeros((4, 5)), POLICY),
        ({"one_hot": np.zeros((4, 10)), "words": np.full((4, 3, 2), "a")}, POLICY),
        ({"segmentation_masks": np.zeros((4, 5, 7))}, POLICY),
        ({"keypoints": np.zeros((4, 5, 2))}, POLICY),
    ],
)
def test_other_labels_are_not(y, transform):
    assert len(AugmentedDataset(PICTURES, y, transform, batch_size=3)[0]) == 2


# Labels and weights of pixels -------------------------------------------------------------------

STRAIGHT = Compose([HorizontalFlip(), PadAndCrop(0.3), Rotate90(), VerticalFlip()])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
@pytest.mark.parametrize("channel", [True, False])
def test_weights_of_pixels_move_with_them(images, dtype, channel, tmp_path):
    x = images(6, shape=(9, 9, 1))
    weight = (x if channel else x[..., 0]).astype(dtype)
    options = {"sample_weight": weight, "seed": 0}
    x_all, _, w_all = augment_dataset(x, np.arange(6), 20, STRAIGHT, **options)
    assert w_all.dtype == dtype
    assert w_all.shape == (26, *weight.shape[1:])
    np.testing.assert_array_equal(w_all.reshape(x_all.shape), x_all.astype(dtype))
    assert not np.array_equal(x_all[6:12], x)
    _, _, rows = augment_rows(x, np.arange(6), [19, 3], STRAIGHT, **options)
    np.testing.assert_array_equal(rows, w_all[6:][[19, 3]])
    _, _, stored = augment_dataset(x, np.arange(6), 20, STRAIGHT, **options, out=tmp_path / "a")
    np.testing.assert_array_equal(stored, w_all)
    batch = AugmentedDataset(x, np.arange(6), STRAIGHT, **options)[0]
    np.testing.assert_array_equal(batch[2].reshape(batch[0].shape), batch[0].astype(dtype))
    called = STRAIGHT({"images": x, "sample_weight": weight}, seed=0)
    moved = called["sample_weight"].reshape(x.shape)
    np.testing.assert_array_equal(moved, called["images"].astype(dtype))


def test_weights_of_pixels_are_not_blended_and_new_places_weigh_nothing():
    x, weight = np.ones((8, 9, 11, 3), "float32"), np.ones((8, 9, 11))
    transform = Rotation(40, fill_mode="constant", fill_value=0.5)
    _, _, moved = augment_dataset(x, None, 20, transform, sample_weight=weight, seed=0)
    assert set(np.unique(moved)) == {0, 1}


def test_labels_of_pixels_move_with_them(images):
    x = images(6, shape=(9, 9, 1))
    for y in (x[..., 0], x):
        x_new, y_new = augment_dataset(x, y, 20, STRAIGHT, seed=0, append=False)
        np.testing.assert_array_equal(y_new.reshape(x_new.shape), x_new)
        x_new, y_new = AugmentedDataset(x, y, STRAIGHT, seed=0)[0]
        np.testing.assert_array_equal(y_new.reshape(x_new.shape), x_new)
    called = STRAIGHT({"images": x, "labels": x[..., 0]}, seed=0)
    np.testing.assert_array_equal(called["labels"], called["images"][..., 0])


@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_weights_of_pixels_are_pasted_and_blended(images, dtype):
    x = images(20, shape=(9, 11, 1)).astype("float32")
    for transform in (CutMix(num_classes=20), MixUp(num_classes=20)):
        policy = Compose([HorizontalFlip(), transform])
        options = {"sample_weight": x[..., 0].astype(dtype), "seed": 0, "append": False}
        x_new, labels, weight = augment_dataset(x, np.arange(20), 30, policy, **options)
        np.testing.assert_allclose(weight, x_new[..., 0], rtol=1e-5)
        assert labels.shape == (30, 20)


def test_weights_of_pixels_beside_a_generator_of_another_library_are_pointed_out():
    with pytest.warns(UserWarning, match=r"`sample_weight`, .*high and wide.*kaug.transforms"):
        augment_dataset(PICTURES, None, 3, FOREIGN[0], sample_weight=np.ones((4, 5, 7)), seed=0)


# Numbers that are none ---------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_keypoints_that_are_no_numbers(entrance, value):
    points = np.zeros((4, 2, 2))
    points[[1, 3], 0, 1] = value
    with pytest.raises(ValueError, match=rf"`keypoints` must .* {value} in rows 1, 3. .*hidden"):
        ENTRANCES[entrance](PICTURES, {"keypoints": points}, POLICY)


@pytest.mark.parametrize("generator", [POLICY, FOREIGN[0]])
def test_weights_that_are_no_numbers(generator):
    weight = np.array([1, np.nan, 2, 3], "float16")
    with pytest.raises(ValueError, match=r"`sample_weight` must hold finite .* nan in row 1\."):
        augment_dataset(PICTURES, None, 3, generator, sample_weight=weight, seed=0)
    with pytest.raises(
        ValueError, match=r"`sample_weight\['a'\]` must hold finite .* nan in row 1"
    ):
        AugmentedDataset(PICTURES, np.arange(4), generator, sample_weight={"a": weight})
    if generator is POLICY:
        with pytest.raises(ValueError, match="nan in row 1"):
            POLICY({"images": PICTURES, "sample_weight": weight}, seed=0)


def test_large_and_negative_weights_are_taken():
    weight = np.array([-1, 6e4, 6e4, 3], "float16")
    augment_dataset(PICTURES, None, 3, POLICY, sample_weight=weight, seed=0)
    augment_dataset(PICTURES, None, 3, POLICY, sample_weight=weight.astype(float) * 1e303, seed=0)


def test_soft_labels_that_are_no_numbers():
    labels = np.eye(4, dtype="float32")
    labels[2, 1] = np.nan
    with pytest.raises(ValueError, match=r"`y` must hold finite numbers. Received: nan in row 2"):
        augment_dataset(PICTURES, labels, 3, MixUp(), seed=0)
    _, made = augment_dataset(PICTURES, labels, 3, POLICY, seed=0)  # nothing is blended
    assert np.isnan(made[2, 1])


def test_images_must_be_there():
    with pytest.raises(ValueError, match=r'images under the key "images".*labels'):
        HorizontalFlip()({"labels": np.zeros(1)}, seed=0)


def test_cut_mix_pastes_masks_as_it_pastes_pictures(images):
    batch = images(20, shape=(9, 11, 3))
    result = CutMix()({"images": batch, "segmentation_masks": batch[..., 1]}, seed=0)
    np.testing.assert_array_equal(result["segmentation_masks"], result["images"][..., 1])
    assert not np.array_equal(result["images"], batch)
