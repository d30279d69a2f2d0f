"""Transforms of albumentations as steps among kaug's own."""

import pickle

import albumentations as A  # noqa: N812 - its own documentation's name
import numpy as np
import pytest

import kaug
from kaug.foreign import Albumentations
from kaug.transforms import (
    BoxSafeCrop,
    Compose,
    HorizontalFlip,
    OneOf,
    Resize,
    Transform,
    VerticalFlip,
)

TURN = A.Affine(rotate=(30, 30), scale=(0.8, 0.8), p=1, mask_interpolation=0)


def targets(count=6, height=33, width=47, channels=3):
    rng = np.random.default_rng(0)
    boxes = np.array([[[5, 4, 20, 25], [30, 10, 40, 20.5]]] * count, "float32")
    return {
        "images": rng.integers(0, 256, (count, height, width, channels), dtype=np.uint8),
        "segmentation_masks": rng.integers(0, 2000, (count, height, width, 1)),
        "bounding_boxes": {"boxes": boxes, "labels": np.array([[0, 1]] * count)},
        "keypoints": rng.uniform(0, 30, (count, 4, 2)).astype("float32"),
    }


def test_a_flip_moves_all_that_kaugs_own_moves():
    batch = targets()
    own = HorizontalFlip(p=1)(batch, seed=0)
    theirs = Albumentations(A.HorizontalFlip(p=1))(batch, seed=0)
    for name in ("images", "segmentation_masks", "keypoints"):
        np.testing.assert_allclose(own[name], theirs[name], atol=1e-4)
        assert own[name].dtype == theirs[name].dtype
    for name, values in own["bounding_boxes"].items():
        np.testing.assert_allclose(values, theirs["bounding_boxes"][name], atol=1e-4)


@pytest.mark.parametrize(
    ("theirs", "size"),
    [
        (A.Resize(132, 235), (132, 235)),
        (A.Resize(11, 12), (11, 12)),
        (A.LongestMaxSize(141), (99, 141)),
        (A.SmallestMaxSize(99), (99, 141)),
        (A.RandomScale((2, 2), p=1), (99, 141)),
        (A.RandomResizedCrop((66, 94), scale=(1, 1), ratio=(47 / 33, 47 / 33)), (66, 94)),
        (A.Sequential([A.Transpose(p=1), A.Transpose(p=1), A.Resize(66, 94)], p=1), (66, 94)),
    ],
)
def test_where_images_are_scaled_points_go_where_pixels_go(theirs, size):
    batch = targets()
    own = Resize(height=size[0], width=size[1])(batch, seed=0)
    made = Albumentations(theirs)(batch, seed=0)
    assert made["images"].shape == own["images"].shape
    np.testing.assert_allclose(made["keypoints"], own["keypoints"], atol=1e-3)
    boxes = (each["bounding_boxes"]["boxes"] for each in (made, own))
    np.testing.assert_allclose(*boxes, atol=1e-3)


def test_margins_that_are_scaled_take_points_along():
    images = np.zeros((1, 40, 60, 1), "uint8")
    images[0, 18:22, 30:36] = 255
    corners = np.array([[[32.5, 19.5]]], "float32")
    grow = Albumentations(A.CropAndPad(percent=-0.25, keep_size=True, p=1))
    moved = grow({"images": images, "keypoints": corners}, seed=0)
    rows, columns = np.nonzero(moved["images"][0, ..., 0] > 127)
    np.testing.assert_allclose(moved["keypoints"][0, 0], [columns.mean(), rows.mean()], atol=1e-3)


def test_images_masks_and_keypoints_are_those_that_albumentations_gives():
    batch = targets()
    moved = Albumentations(TURN)(batch, seed=0)
    pipeline = A.Compose([TURN], keypoint_params=A.KeypointParams("xy", remove_invisible=False))
    for row in range(6):
        alone = pipeline(
            image=batch["images"][row],
            mask=batch["segmentation_masks"][row].astype("float32"),
            keypoints=batch["keypoints"][row],
        )
        np.testing.assert_array_equal(moved["images"][row], alone["image"])
        np.testing.assert_array_equal(moved["segmentation_masks"][row], alone["mask"])
        height, width = alone["image"].shape[:2]
        inside = (alone["keypoints"] > 0).all(1) & (alone["keypoints"] < [width, height]).all(1)
        assert inside.sum() > 1
        np.testing.assert_allclose(
            moved["keypoints"][row][inside], alone["keypoints"][inside], atol=1e-4
        )


def test_boxes_enclose_what_is_left_of_the_objects():
    images = np.zeros((1, 40, 60, 1), "uint8")
    images[0, 10:20, 30:45] = 255
    batch = {
        "images": images,
        "bounding_boxes": {
            "boxes": np.array([[[30, 10, 45, 20]]], "float32"),
            "labels": np.array([[4]]),
        },
    }
    crop = A.Compose([A.Crop(25, 0, 60, 16, p=1), TURN])
    moved = Albumentations(crop)(batch, seed=0)
    rows, columns = np.nonzero(moved["images"][0, ..., 0] > 127)
    seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    np.testing.assert_allclose(moved["bounding_boxes"]["boxes"][0, 0], seen, atol=2.1)


def test_rows_do_not_depend_on_their_batch_and_are_drawn_apart():
    batch = targets(40)
    policy = Albumentations(
        A.Compose(
            [A.HorizontalFlip(), A.Rotate(20, p=1), A.OneOf([A.GaussNoise(), A.RandomGamma()])]
        )
    )
    whole = policy(batch, seed=3)
    some = np.array([31, 4, 17])
    part = policy({name: _rows(value, some) for name, value in batch.items()}, seed=3, index=some)
    np.testing.assert_array_equal(part["images"], whole["images"][some])
    np.testing.assert_array_equal(part["segmentation_masks"], whole["segmentation_masks"][some])
    same = np.repeat(batch["images"][:1], 40, axis=0)
    assert len({image.tobytes() for image in policy(same, seed=3)}) > 35
    assert not np.array_equal(policy(same, seed=3), policy(same, seed=4))
    assert not np.array_equal(policy(same, seed=3), policy(same, seed=3, epoch=1))


def _rows(value, rows):
    if isinstance(value, dict):
        return {name: array[rows] for name, array in value.items()}
    return value[rows]


def test_a_dataset_is_written_resumed_and_made_by_number(tmp_path):
    batch = targets(9)
    x, y = batch.pop("images"), batch
    policy = A.Compose([A.RandomCrop(20, 24), A.HorizontalFlip()])
    made = kaug.augment_dataset(x, y, 14, policy, seed=5, append=False)
    stored = kaug.augment_dataset(x, y, 14, policy, seed=5, append=False, out=tmp_path / "a")
    again = kaug.augment_dataset(x, y, 14, policy, seed=5, append=False, out=tmp_path / "a")
    few = kaug.augment_rows(x, y, [11, 2], policy, seed=5)
    assert made[0].shape == (14, 20, 24, 3)
    for other in (stored, again):
        np.testing.assert_array_equal(made[0], other[0])
    np.testing.assert_array_equal(made[0][[11, 2]], few[0])
    np.testing.assert_array_equal(
        made[1]["segmentation_masks"][[11, 2]], few[1]["segmentation_masks"]
    )
    stored_policy = kaug.open_dataset(tmp_path / "a").transform
    assert stored_policy == Albumentations(policy) != Albumentations(A.HorizontalFlip())
    with pytest.raises(ValueError, match="made in another way"):
        kaug.augment_dataset(x, y, 14, TURN, seed=5, append=False, out=tmp_path / "a")


def test_it_stands_in_policies_and_survives_saving():
    policy = Compose([OneOf([Albumentations(TURN), VerticalFlip(p=1)]), HorizontalFlip()])
    batch = targets()
    for loaded in (Transform.from_json(policy.to_json()), pickle.loads(pickle.dumps(policy))):
        assert loaded == policy
        np.testing.assert_array_equal(
            loaded(batch, seed=2)["images"], policy(batch, seed=2)["images"]
        )
    assert len({policy, policy}) == 1
    assert "Albumentations(transform=Affine(" in repr(policy)


@pytest.mark.parametrize("count", [1, 3])
def test_what_reads_masks_is_given_them(count):
    rng = np.random.default_rng(0)
    masks = np.zeros((8, 33, 47, count), "uint8")
    masks[np.arange(8), rng.integers(0, 33, 8), rng.integers(0, 47, 8)] = 1
    batch = {"images": masks[..., :1] * 255, "segmentation_masks": masks}
    made = Albumentations(A.CropNonEmptyMaskIfExists(9, 11, p=1))(batch, seed=0)
    assert made["images"].shape == (8, 9, 11, 1)
    assert (made["segmentation_masks"].sum(axis=(1, 2)) == 1).all()


def test_objects_of_one_mask_are_dropped():
    batch = {"images": np.full((2, 9, 14, 3), 200, "uint8")}
    batch["segmentation_masks"] = np.zeros((2, 9, 14, 1), "uint8")
    batch["segmentation_masks"][:, 2:5, 3:9] = 1
    dropped = Albumentations(A.MaskDropout(p=1))(batch, seed=0)
    due = np.where(batch["segmentation_masks"] == 1, 0, batch["images"])
    np.testing.assert_array_equal(dropped["images"], due)


def test_one_of_replays_is_like_any_other():
    batch = targets()
    replayed, plain = (
        Albumentations(kind([A.HorizontalFlip(), A.Rotate(20, p=1)], p=0.8))
        for kind in (A.ReplayCompose, A.Compose)
    )
    np.testing.assert_array_equal(replayed(batch, seed=1)["images"], plain(batch, seed=1)["images"])
    assert Transform.from_json(replayed.to_json()) == replayed


def test_the_channels_of_some_are_saved():
    images = targets()["images"]
    red, blue = (
        Albumentations(A.SelectiveChannelTransform([A.InvertImg(p=1)], channels=channels, p=1))
        for channels in ((0,), [2])
    )
    loaded = Transform.from_json(Compose([blue]).to_json())
    np.testing.assert_array_equal(loaded(images, seed=0)[..., 2], 255 - images[..., 2])
    np.testing.assert_array_equal(loaded(images, seed=0)[..., :2], images[..., :2])
    assert red != blue == Transform.from_json(blue.to_json())


def test_the_number_of_channels_may_change():
    images = targets()["images"]
    gray = Albumentations(A.ToGray(1, p=1))
    made = Compose([HorizontalFlip(p=1), gray])(images, seed=0)
    assert made.shape == (6, 33, 47, 1)
    due = A.ToGray(1, p=1)(image=images[4, :, ::-1])["image"]
    np.testing.assert_array_equal(made[4, ..., 0], due)
    colored = Albumentations(A.ToRGB(p=1))(made, seed=0)
    np.testing.assert_array_equal(colored, np.repeat(made, 3, axis=-1))


def test_images_of_any_size():
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in 5 * [(30, 41), (52, 35)]]
    made = Albumentations(A.Compose([A.Resize(20, 28), A.HorizontalFlip()]))(images, seed=1)
    assert made.shape == (10, 20, 28, 3)
    with pytest.raises(ValueError, match="must give all of them one size"):
        Albumentations(A.HorizontalFlip())(images, seed=1)


def test_crops_of_large_images_of_any_size():
    images = [np.full((size, 2100, 1), number, "uint8") for number, size in enumerate((2000, 2050))]
    crop = Albumentations(A.RandomCrop(2000, 1900, p=1))
    made = Compose([crop, HorizontalFlip()])(images, seed=0)
    assert made.shape == (2, 2000, 1900, 1)
    assert (made[0] == 0).all()
    assert (made[1] == 1).all()
    with pytest.raises(ValueError, match="must act on every row"):
        OneOf([crop, HorizontalFlip()])
    with pytest.raises(ValueError, match="must give all of them one size"):
        Albumentations(A.RandomCrop(20_000, 19_000, p=1))(images, seed=0)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float32", "float64"])
def test_masks_of_any_dtype_move_unchanged(dtype):
    masks = np.random.default_rng(1).integers(0, 2, (3, 9, 14, 2)).astype(dtype)
    batch = {"images": np.zeros((3, 9, 14, 1), "uint8"), "segmentation_masks": masks}
    moved = Albumentations(A.HorizontalFlip(p=1))(batch, seed=0)["segmentation_masks"]
    assert moved.dtype == dtype
    np.testing.assert_array_equal(moved, masks[:, :, ::-1])


@pytest.mark.parametrize("shape", [(9, 14, 1), (9, 14, 3), (9, 14, 5), (1, 1, 3)])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_shapes_and_empty_batches(shape, count):
    images = np.zeros((count, *shape), "float32")
    made = Albumentations(A.Transpose(p=1))(images, seed=0)
    assert made.shape == (count, shape[1], shape[0], shape[2])
    assert made.dtype == images.dtype


@pytest.mark.parametrize(
    ("transform", "error", "text"),
    [
        (A.Normalize(), TypeError, r"the dtype it is given, uint8.*float32"),
        (A.RandomScale((0.3, 0.3), p=0.5), ValueError, r"in one size.*Let its last step"),
        (A.RandomSizedBBoxSafeCrop(9, 9), TypeError, r"which asks for boxes. Use BoxSafeCrop"),
        (A.OneOf([A.ElasticTransform()]), TypeError, r"loses points.*Use ElasticDeformation, Grid"),
        (A.Sequential([A.RandomGridShuffle()]), TypeError, r"bounding boxes.*cuts them to pieces"),
    ],
)
def test_what_cannot_be_done_is_refused(transform, error, text):
    with pytest.raises(error, match=text):
        Albumentations(transform)(targets(20), seed=0)


def test_what_is_wrong_with_a_dtype_is_said():
    images = np.arange(126, dtype="int32").reshape(1, 9, 14, 1)
    flipped = Albumentations(A.HorizontalFlip(p=1))(images, seed=0)
    np.testing.assert_array_equal(flipped, images[:, :, ::-1])
    for transform in (A.RandomBrightnessContrast(p=1), A.Affine(rotate=(9, 9), p=1)):
        with pytest.raises(
            TypeError, match=r"takes uint8 and float32.*int32, with which it raised"
        ):
            Albumentations(transform)(images, seed=0)
    with pytest.raises(TypeError, match="HueSaturationValue transformation expects"):
        Albumentations(A.HueSaturationValue(p=1))(np.zeros((1, 9, 14, 5), "uint8"), seed=0)


def test_black_of_less_than_zero_is_not_clipped_in_silence():
    images = np.random.default_rng(0).uniform(-1, 1, (2, 9, 14, 3)).astype("float32")
    for transform in (A.RandomBrightnessContrast(p=1), A.GaussNoise(p=1)):
        with pytest.raises(
            ValueError, match=r"values from -0.99.* of which it made.*to 0..1 first"
        ):
            Albumentations(transform)(images, seed=0)
        made = Albumentations(transform)((images + 1) / 2, seed=0)
        assert made.min() >= 0
    for transform in (A.HorizontalFlip(p=1), A.CoarseDropout(p=1), A.Affine(rotate=(9, 9), p=1)):
        assert Albumentations(transform)(images, seed=0).min() < -0.8


class _Loses(A.HorizontalFlip):
    """Returns a point less, as a transform of a user's may."""

    def apply_to_keypoints(self, keypoints, **params):
        return super().apply_to_keypoints(keypoints, **params)[1:]


def test_points_that_are_lost_are_an_error():
    batch = {"images": np.zeros((1, 9, 14, 1), "uint8"), "keypoints": np.ones((1, 3, 2), "float32")}
    with pytest.raises(ValueError, match=r"must return every keypoint.*2 of 3"):
        Albumentations(_Loses(p=1))(batch, seed=0)


def test_masks_go_through_what_loses_points():
    masks = np.random.default_rng(0).integers(0, 3, (2, 40, 50, 1))
    batch = {"images": masks.astype("uint8"), "segmentation_masks": masks}
    moved = Albumentations(A.GridDistortion(interpolation=0, p=1))(batch, seed=0)
    assert not np.array_equal(moved["images"], batch["images"])
    np.testing.assert_array_equal(moved["images"], moved["segmentation_masks"])


def test_what_a_target_may_be():
    flip, batch = Albumentations(A.HorizontalFlip(p=1)), targets()
    depth = {"depth": batch["images"][..., :1].astype("float32")}
    with pytest.raises(TypeError, match=r"which reads masks alone. Give maps interpolation="):
        flip({"images": batch["images"], "maps": depth}, seed=0)
    with pytest.raises(ValueError, match=r"`fill_mask` says.*leave `mask_fill_value` out"):
        flip(batch | {"mask_fill_value": 255}, seed=0)
    wide = {"images": batch["images"], "segmentation_masks": batch["segmentation_masks"] + 2**24}
    with pytest.raises(ValueError, match="holds integers up to 16777216"):
        flip(wide, seed=0)
    fine = {"images": batch["images"], "segmentation_masks": batch["images"][..., :1] + 0.1}
    with pytest.raises(ValueError, match=r"float64 values that it rounds.*astype"):
        flip(fine, seed=0)


@pytest.mark.parametrize(
    ("transform", "asked"),
    [
        (A.FDA(), "fda_metadata"),
        (A.OneOf([A.Blur(), A.Mosaic()]), "mosaic_metadata"),
        (A.OverlayElements(), "overlay_metadata"),
        (A.CoarseDropout3D(), "volume"),
    ],
)
def test_what_asks_for_more_than_there_is_is_refused(transform, asked):
    with pytest.raises(TypeError, match=f"and nothing else.*which asks for {asked}. Leave it out"):
        Albumentations(transform)


def test_other_things_are_refused():
    with pytest.raises(TypeError, match=r"must be a transform of albumentations.*BoxSafeCrop"):
        Albumentations(BoxSafeCrop())
    with pytest.raises(ValueError, match="must act on every row"):
        Compose([Albumentations(A.Resize(9, 9))], p=0.5)
    assert Compose([Resize(9), Albumentations(TURN)])(np.zeros((2, 5, 7, 1)), seed=0).shape[1] == 9


def test_policies_say_how_it_is_wrapped():
    for policy in (
        lambda: Compose([HorizontalFlip(), A.Transpose()]),
        lambda: kaug.PerClass({0: A.Transpose()}),
        lambda: kaug.Schedule({0: A.Transpose()}),
    ):
        with pytest.raises(TypeError, match=r"Wrap it: kaug.foreign.Albumentations"):
            policy()
