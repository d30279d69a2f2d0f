"""Mosaics: where each image lies, and the boxes, points, masks and labels that go along."""

import numpy as np
import pytest
from PIL import Image

import kaug
from kaug.transforms import (
    Affine,
    Brightness,
    CenterCrop,
    Compose,
    CutMix,
    HorizontalFlip,
    Letterbox,
    MixUp,
    Mosaic,
    OneOf,
    Perspective,
    RandomCrop,
    Resize,
    Rotate90,
    Rotation,
    Sometimes,
    Translation,
    VerticalFlip,
)

SIZES = [(20, 31), (7, 40), (33, 12), (25, 25)] * 4


def pictures(count=6, size=(9, 14), channels=3, dtype="uint8", seed=0):
    values = np.random.default_rng(seed).integers(1, 200, (count, *size, channels))
    return values.astype(dtype)


def partners_of(parameters, count):
    return (parameters["partner"] * count).astype(int)


def expected_cells(images, chosen, size, shift, grid, fill):
    """Returns a mosaic of images that are as large as its cells, pixel by pixel."""
    height, width = images.shape[1:3]
    result = np.full((*size, images.shape[3]), fill, images.dtype)
    down, right = (int(np.rint(part * side / grid)) for part, side in zip(shift, size, strict=True))
    for number, row in enumerate(chosen):
        top, left = number // grid * height + down, number % grid * width + right
        for r in range(height):
            for c in range(width):
                if 0 <= top + r < size[0] and 0 <= left + c < size[1]:
                    result[top + r, left + c] = images[row, r, c]
    return result


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64", "int64"])
@pytest.mark.parametrize(("grid", "channels"), [(2, 1), (2, 5), (3, 3), (4, 1)])
def test_images_as_large_as_cells_are_copied(dtype, grid, channels):
    images = pictures(channels=channels, dtype=dtype)
    size = (9 * grid, 14 * grid)
    mosaic = Mosaic(*size, grid=grid, fill_value=3)
    parameters = mosaic.draw(np.arange(6), seed=4)
    made = mosaic.apply(images, parameters)
    others = partners_of(parameters, 6)
    for row in range(6):
        shift = (parameters["height_shift"][row], parameters["width_shift"][row])
        # Where rounding moves one end of a cell by a pixel and not the other, images are resized.
        if any((part * side / grid) % 1 > 0.49 for part, side in zip(shift, size, strict=True)):
            continue
        chosen = [row, *others[row]]
        expected = expected_cells(images, chosen, size, shift, grid, 3)
        np.testing.assert_array_equal(made[row], expected)


def test_images_are_resized_to_their_cells_as_pillow_does():
    images = pictures(4, (62, 94))
    mosaic = Mosaic(shift=0)
    parameters = mosaic.draw(np.arange(4), seed=1)
    made, others = mosaic.apply(images, parameters), partners_of(parameters, 4)
    for row in range(4):
        for number, source in enumerate([row, *others[row]]):
            top, left = number // 2 * 31, number % 2 * 47
            resized = Image.fromarray(images[source]).resize((47, 31), Image.Resampling.BILINEAR)
            tile = made[row, top : top + 31, left : left + 47].astype(int)
            assert np.abs(tile - np.asarray(resized)).max() <= 1


def test_images_keep_their_proportions_and_look_to_the_middle():
    tall, wide = np.full((40, 10), 1, "uint8"), np.full((10, 40), 2, "uint8")
    made = Mosaic(40, 60, shift=0)([tall, wide] * 8, seed=0)
    inner = np.zeros((4, 20, 30), bool)
    inner[0, :, 25:] = inner[1, :, :5] = inner[2, :, 25:] = inner[3, :, :5] = True
    flat = np.zeros((4, 20, 30), bool)
    height = 8  # 10 * 30 / 40, rounded half up
    flat[:2, -height:] = flat[2:, :height] = True
    for row in made:
        cells = row.reshape(2, 20, 2, 30).swapaxes(1, 2).reshape(4, 20, 30)
        for number, cell in enumerate(cells):
            expected = inner if cell.max() == 1 else flat
            np.testing.assert_array_equal(cell > 0, expected[number])


def test_a_row_that_is_no_mosaic_is_fitted_alone():
    images = [pictures(1, size, 1)[0] for size in SIZES]
    mosaic = Mosaic(24, 30, p=0.5, fill_value=7)
    alone = ~mosaic.draw(np.arange(16), seed=2)["applied"]
    assert 0 < alone.sum() < 16
    made = mosaic(images, seed=2)
    np.testing.assert_array_equal(made[alone], Letterbox(24, 30, fill_value=7)(images)[alone])
    same = pictures(16)
    kept = Mosaic(p=0.5)(same, seed=2)
    np.testing.assert_array_equal(kept[alone], same[alone])
    assert not (kept[~alone] == same[~alone]).all(axis=(1, 2, 3)).any()


def test_images_of_any_size_are_as_those_of_one():
    images = pictures(6, (33, 47))
    policy = Compose([HorizontalFlip(), Mosaic(40, 50), Brightness(0.1)])
    sequence = type("Sequence", (), {"__len__": lambda _: 6, "__getitem__": lambda _, i: images[i]})
    np.testing.assert_array_equal(policy(sequence(), seed=3), policy(images, seed=3))


# What goes along -------------------------------------------------------------------------------


def scenes(count=8, size=(61, 83), boxes=3, seed=0):
    """Returns images with rectangles of a color each, on black, and where these are.

    No two rectangles of the dataset have the same color, so that each can be found again.
    """
    rng = np.random.default_rng(seed)
    images = np.zeros((count, *size, 1), "float32")
    corners = np.zeros((count, boxes, 4), "float32")
    labels = np.full((count, boxes), -1)
    for row in range(count):
        number = rng.integers(boxes + 1)
        columns = np.sort(rng.choice(size[1] // 4, 2 * number, replace=False)) * 4
        for b in range(number):
            top, bottom = np.sort(rng.choice(size[0], 2, replace=False))
            left, right = columns[2 * b : 2 * b + 2]
            labels[row, b] = row * boxes + b + 1
            images[row, top : bottom + 1, left:right] = labels[row, b]
            corners[row, b] = (left, top, right, bottom + 1)
    masks = (images == np.where(labels == -1, -1, labels)[:, np.newaxis, np.newaxis]).astype(
        "uint8"
    )
    return images, {"boxes": corners, "labels": labels, "area": labels * 10.0, "masks": masks}


def found(image):
    """Returns where each color of an image is."""
    result = {}
    for color in np.unique(image[image > 0]):
        rows, columns = np.nonzero(image[..., 0] == color)
        result[int(color)] = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    return result


WITH_BOXES = [
    Mosaic(interpolation="nearest"),
    Mosaic(64, 90, interpolation="nearest", grid=3, p=0.7),
    Mosaic(122, 166),  # nothing is resized
    CutMix(num_classes=2),
    CutMix(num_classes=2, p=0.5),
    Compose([HorizontalFlip(), CutMix(num_classes=2), VerticalFlip(), CutMix(num_classes=2)]),
    Compose([Mosaic(interpolation="nearest", p=0.5), CutMix(num_classes=2, p=0.5)]),
    OneOf([Mosaic(interpolation="nearest"), CutMix(num_classes=2), HorizontalFlip(p=1)]),
]


@pytest.mark.parametrize("transform", WITH_BOXES, ids=repr)
def test_boxes_are_where_their_colors_are(transform):
    images, boxes = scenes(60)
    batch = {"images": images, "bounding_boxes": boxes}
    made = transform(batch, seed=1)
    after, shown = made["bounding_boxes"], 0
    columns = (after[name] for name in ("boxes", "labels", "area", "masks"))
    for image, corners, labels, areas, masks in zip(made["images"], *columns, strict=True):
        assert (labels[: (labels != -1).sum()] != -1).all()  # what is seen comes first
        np.testing.assert_array_equal(areas, np.where(labels == -1, 0, labels * 10.0))
        assert (corners[labels == -1] == 0).all()
        seen = found(image)
        # A color that is there twice, since a row can be its own partner, has one place for both.
        names, counts = np.unique(labels[labels != -1], return_counts=True)
        twice = {*names[counts > 1].tolist()}
        assert set(seen) == {*names.tolist()}
        for number, (label, box) in enumerate(zip(labels, corners, strict=True)):
            if label == -1:
                assert not masks[..., number].any()
            if label == -1 or label in twice:
                continue
            if "166" not in repr(transform):  # which blends at edges of cells that are larger
                np.testing.assert_array_equal(masks[..., number] == 1, image[..., 0] == label)
            shown += 1
            # What two rectangles leave of a box may be no box: then it is around more than that.
            beyond = (box - seen[int(label)]) * (1, 1, -1, -1)
            assert (beyond <= 0.51).all()
            assert (
                "CutMix(num_classes=2), VerticalFlip()" in repr(transform)
                or (beyond >= -0.51).all()
            )
    assert shown > 20


def test_a_box_is_gone_when_a_crop_shows_what_covers_it_alone():
    images, boxes = scenes(300, size=(40, 50))
    policy = Compose([CutMix(num_classes=2), RandomCrop(20, 24)])
    made = policy({"images": images, "bounding_boxes": boxes}, seed=4)
    after, shown = made["bounding_boxes"], 0
    for image, corners, labels in zip(made["images"], after["boxes"], after["labels"], strict=True):
        seen = found(image)
        assert set(seen) == {*labels[labels != -1].tolist()}
        for label, box in zip(labels, corners, strict=True):
            if label != -1 and (labels == label).sum() == 1:
                shown += 1
                np.testing.assert_allclose(box, seen[int(label)], atol=0.51)
    assert shown > 150


def test_mixup_keeps_the_boxes_of_both():
    images, boxes = scenes(30)
    transform = MixUp(1.0, num_classes=2)
    partner = partners_of(transform.draw(np.arange(30), seed=1), 30)
    made = transform({"images": images, "bounding_boxes": boxes}, seed=1)["bounding_boxes"]
    for row in range(30):
        labels = made["labels"][row]
        both = np.concatenate([boxes["labels"][row], boxes["labels"][partner[row]]])
        assert labels[labels != -1].tolist() == both[both != -1].tolist()
    assert made["boxes"].shape == (30, 6, 4)


@pytest.mark.parametrize("transform", WITH_BOXES[:2], ids=repr)
def test_little_of_a_box_is_not_enough(transform):
    images, boxes = scenes(60)
    batch = {"images": images, "bounding_boxes": boxes}
    most = transform({**batch, "min_visible_area": 0.9}, seed=1)["bounding_boxes"]["labels"]
    all_seen = transform(batch, seed=1)["bounding_boxes"]["labels"]
    assert 0 < (most != -1).sum() < (all_seen != -1).sum()


def test_masks_are_where_the_pixels_are():
    images, boxes = scenes(40)
    batch = {"images": images, "segmentation_masks": images.astype("uint8")[..., 0]}
    for transform in WITH_BOXES:
        made = transform(batch, seed=1)
        if "122" in repr(transform):
            continue  # blends at the edges of cells that are a pixel larger
        np.testing.assert_array_equal(made["segmentation_masks"], made["images"][..., 0])
    del boxes


def test_points_are_where_their_pixels_are():
    rng = np.random.default_rng(0)
    images = np.zeros((20, 30, 40, 1), "float32")
    points = np.zeros((20, 2, 3))
    for row in range(20):
        for number in range(2):
            y, x = rng.integers(30), rng.integers(40)
            points[row, number] = (x, y, 2)
            images[row, y, x] = row + 1
    mosaic = Mosaic(60, 80, shift=(0.25, 0.25))
    parameters = mosaic.draw(np.arange(20), seed=0)
    made = mosaic.apply({"images": images, "keypoints": points}, parameters)
    chosen = np.concatenate([np.arange(20)[:, None], partners_of(parameters, 20)], axis=1)
    assert made["keypoints"].shape == (20, 8, 3)
    for row in range(20):
        for number, (x, y, seen) in enumerate(made["keypoints"][row]):
            source = chosen[row, number // 2]
            if seen:
                # 0.25 of a cell of 30 rows is 7.5, which two ends round to 8.
                assert made["images"][row, round(y), round(x), 0] == source + 1
            else:
                assert not (0 <= y < 60 and 0 <= x < 80)


@pytest.mark.parametrize("shape", [(2,), (2, 3)])
@pytest.mark.parametrize("transform", [CutMix(p=0.5), MixUp(8.0, p=0.3), Mosaic(p=0.4)], ids=repr)
def test_room_for_points_stays_zero_in_every_batch(transform, shape):
    points = np.random.default_rng(0).uniform(1, 19, (12, *shape, 3))
    points[..., 2] = 2
    x = np.zeros((12, 20, 30, 1), "uint8")
    policy = Compose([transform, HorizontalFlip(1)])
    batches = []
    for size in (1, 5, 12):
        dataset = kaug.AugmentedDataset(
            x, {"keypoints": points}, policy, batch_size=size, shuffle=False, seed=0
        )
        batches.append(np.concatenate([y["keypoints"] for _, y in dataset]))
        np.testing.assert_array_equal(batches[-1], batches[0])
    alone = ~policy.draw(np.arange(12), seed=0)["transforms"][0]["applied"]
    assert alone.any()
    if not isinstance(transform, Mosaic):  # which has the points of all, seen or not
        assert not batches[0][alone, 2:].any()
    with pytest.raises(ValueError, match="must have a visibility"):
        policy({"images": x, "keypoints": points[..., :2]}, seed=0)


def test_no_points_beside_boxes():
    batch = {
        "images": np.zeros((2, 20, 30, 1), "uint8"),
        "bounding_boxes": {"boxes": np.zeros((2, 1, 4)), "labels": np.full((2, 1), -1)},
    }
    for points in (np.zeros((2, 0, 3)), np.zeros((2, 0, 4, 3)), [np.zeros((0, 2, 3))] * 2):
        for transform in (HorizontalFlip(1), Mosaic(), CutMix()):
            made = transform({**batch, "keypoints": points}, seed=0)
            assert made["keypoints"].shape[:2] == (2, 0)


def test_mixup_keeps_no_boxes_of_what_is_not_seen():
    images, boxes = scenes(200)
    transform = MixUp(0.2, num_classes=2)
    parameters = transform.draw(np.arange(200), seed=0)
    partner, share = partners_of(parameters, 200), parameters["share"]
    made = transform({"images": images, "bounding_boxes": boxes}, seed=0)["bounding_boxes"]
    assert (share < 1 / 510).any()
    for row in range(200):
        due = [boxes["labels"][row]] * int(share[row] >= 1 / 510)
        due += [boxes["labels"][partner[row]]] * int(1 - share[row] >= 1 / 510)
        due = np.concatenate(due)
        kept = made["labels"][row]
        assert kept[kept != -1].tolist() == due[due != -1].tolist()


def test_masks_of_boxes_may_lie_in_any_order():
    images, boxes = scenes(20)
    turned = {**boxes, "masks": np.asfortranarray(boxes["masks"])}
    for transform in WITH_BOXES:
        made = transform({"images": images, "bounding_boxes": boxes}, seed=1)["bounding_boxes"]
        same = transform({"images": images, "bounding_boxes": turned}, seed=1)["bounding_boxes"]
        np.testing.assert_array_equal(made["masks"], same["masks"])


def test_labels_are_the_shares_of_what_is_seen():
    images = np.tile(np.eye(4, dtype="float32")[:, np.newaxis, np.newaxis], (1, 10, 14, 1))
    batch = {"images": images, "labels": np.arange(4), "sample_weight": np.arange(4.0)}
    for transform in (Mosaic(num_classes=4), Mosaic(num_classes=4, grid=3, p=0.5)):
        made = transform(batch, seed=0)
        pixels = made["images"].sum(axis=(1, 2))
        np.testing.assert_allclose(
            made["labels"], pixels / pixels.sum(axis=1, keepdims=True), atol=1e-6
        )
        np.testing.assert_allclose(
            made["sample_weight"], made["labels"] @ np.arange(4.0), rtol=1e-6
        )


def test_what_is_mixed_in_later_is_a_mosaic_as_well():
    images = [pictures(1, size, 1)[0] for size in SIZES]
    policy = Compose([Mosaic(24, 30), MixUp(1e6, num_classes=2)])  # both halves
    parameters = policy.draw(np.arange(16), seed=5)
    mosaic, mixup = parameters["transforms"]
    made = policy.apply(images, parameters)
    # Nothing stands before it, so what partners go through says nothing.
    beside = {"partners": Mosaic(24, 30).draw(np.arange(16), seed=0)["partners"]}
    own = Mosaic(24, 30).apply(images, {**mosaic, **beside})
    partner = partners_of(mixup, 16)
    theirs = parameters["partners"][0]["transforms"][0]
    for row in range(16):
        chosen = [partner[row], *partners_of(theirs, 16)[row]]
        one = {name: np.repeat(theirs[name][[row]], 4, axis=0) for name in mosaic}
        # Its partners are the only other images, in the order in which they are wanted.
        one["partner"][:] = [(k + 0.5) / 4 for k in (1, 2, 3)]
        four = {"partners": Mosaic(24, 30).draw(np.arange(4), seed=0)["partners"], **one}
        other = Mosaic(24, 30).apply([images[k] for k in chosen], four)[0]
        share = mixup["share"][row]
        blend = own[row] * share + other * (1 - share)
        assert np.abs(made[row] - blend).max() <= 1


def test_a_dataset_gives_room_for_all():
    images, boxes = scenes(20)
    y = {"bounding_boxes": boxes, "bounding_box_format": "xyxy"}
    policy = Compose([Mosaic(p=0.5), Rotation(10), MixUp(num_classes=2, p=0.5)])
    dataset = kaug.AugmentedDataset(images, y, policy, batch_size=8, seed=0, shuffle=False)
    batches = [dataset[i][1]["bounding_boxes"] for i in range(3)]
    assert [each["boxes"].shape for each in batches] == [(8, 24, 4), (8, 24, 4), (4, 24, 4)]
    _, y_more = kaug.augment_dataset(images, y, 9, policy, seed=0)
    more = y_more["bounding_boxes"]
    assert more["boxes"].shape == (29, 24, 4)
    np.testing.assert_array_equal(more["labels"][:20, :3], boxes["labels"])
    assert (more["labels"][:20, 3:] == -1).all()
    assert (more["area"][:20, 3:] == 0).all()
    (batch,) = dataset.to_tf_dataset().take(1)
    np.testing.assert_array_equal(batch[1]["bounding_boxes"]["labels"], batches[0]["labels"])


@pytest.mark.parametrize("name", ["store", "store.zarr"])
def test_a_store_has_room_for_all(tmp_path, name):
    pytest.importorskip("zarr") if name.endswith("zarr") else None
    images, boxes = scenes(12)
    policy = Compose([Mosaic(30, 40), HorizontalFlip()])
    options = {"seed": 3, "append": False}
    y = {"bounding_boxes": boxes}
    x_kept, y_kept = kaug.augment_dataset(images, y, 7, policy, out=tmp_path / name, **options)
    x_held, y_held = kaug.augment_dataset(images, y, 7, policy, **options)
    np.testing.assert_array_equal(x_kept[:], x_held)
    for key, column in y_held["bounding_boxes"].items():
        np.testing.assert_array_equal(y_kept["bounding_boxes"][key][:], column)


@pytest.mark.parametrize("name", ["store", "store.zarr"])
def test_a_store_is_verified_by_its_originals(tmp_path, name):
    pytest.importorskip("zarr") if name.endswith("zarr") else None
    images, boxes = scenes(12)
    points = np.random.default_rng(0).uniform(0, 50, (12, 2, 3, 3))
    y = {"bounding_boxes": boxes, "keypoints": points, "keypoint_flip_pairs": [(0, 1)]}
    policy = Compose([HorizontalFlip(), CutMix(num_classes=2), Rotation(9)])
    kaug.augment_dataset(images, y, 7, policy, out=tmp_path / name, seed=3)
    stored = kaug.open_dataset(tmp_path / name)
    stored.verify()
    stored.verify(images, y)


@pytest.mark.parametrize(
    "policy",
    [
        Compose([Mosaic(), Rotation(20, fill_mode="constant"), CenterCrop(40)]),
        Compose([Affine(zoom=0.3, fill_mode="constant"), Mosaic(50), Perspective()]),
        Compose([Sometimes(Mosaic()), Translation(), Rotate90(), Resize(30, height=None)]),
    ],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore:A quarter turn")
def test_rows_do_not_depend_on_their_batch(policy):
    images, boxes = scenes(16, (50, 50))
    y = {"bounding_boxes": boxes, "segmentation_masks": images[..., 0].astype("uint8")}
    rows = np.array([3, 14, 9])
    x_all, all_of_them = kaug.augment_rows(images, y, np.arange(16), policy, seed=2)
    x_some, some = kaug.augment_rows(images, y, rows, policy, seed=2)
    np.testing.assert_array_equal(x_some, x_all[rows])
    np.testing.assert_array_equal(
        some["segmentation_masks"], all_of_them["segmentation_masks"][rows]
    )
    for name, column in some["bounding_boxes"].items():
        np.testing.assert_array_equal(column, all_of_them["bounding_boxes"][name][rows])


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Mosaic(grid=1), ValueError, "`grid` must be an integer, between 2 and 4"),
        (lambda: Mosaic(grid=2.0), TypeError, "`grid`"),
        (lambda: Mosaic(shift=1.5), ValueError, "`shift` must lie in -1..1"),
        (lambda: Mosaic(None, 20), ValueError, "`Mosaic` must have a height where it has a width"),
        (lambda: Mosaic(interpolation="cubic"), ValueError, "`interpolation`"),
        (lambda: OneOf([Mosaic(20), HorizontalFlip()]), ValueError, "must act on every row"),
        (lambda: Mosaic()([np.zeros((3, 4)), np.zeros((5, 4))]), ValueError, "images of any size"),
    ],
)
def test_bad_arguments(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_no_images_make_no_mosaics():
    made = Mosaic(7, 9)({"images": np.zeros((0, 5, 6, 3), "uint8"), "labels": np.zeros((0, 4))})
    assert made["images"].shape == (0, 7, 9, 3)
