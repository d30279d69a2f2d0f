"""Crops that look where the boxes are: against their definitions, tried on the crops they made."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaug import AugmentedDataset, augment_dataset
from kaug._images import Region
from kaug.transforms import (
    BoxSafeCrop,
    Brightness,
    Compose,
    CutMix,
    HorizontalFlip,
    Identity,
    MixUp,
    OneOf,
    RandomIoUCrop,
    RandomResizedCrop,
    Resize,
    Rotation,
    Sometimes,
    Translation,
)

SIZE = (48, 81)  # height, width
COUNT = 200


def random_boxes(count=COUNT, size=SIZE, seed=0, most=5):
    """Returns boxes within pictures, 0 to `most` a picture, as ragged lists."""
    rng = np.random.default_rng(seed)
    boxes, labels = [], []
    for _ in range(count):
        number = rng.integers(0, most + 1)
        sides = rng.uniform(3, 30, (number, 2))
        starts = rng.uniform(0, 1, (number, 2)) * (np.array(size[::-1]) - sides)
        boxes.append(np.concatenate([starts, starts + sides], axis=1))
        labels.append(np.arange(number))
    return {"boxes": boxes, "labels": labels}


def dense(boxes):
    """Returns the boxes `(N, B, 4)` in float64, and which are there."""
    most = max(map(len, boxes["labels"]))
    corners, there = np.zeros((len(boxes["labels"]), most, 4)), None
    there = np.zeros(corners.shape[:2], bool)
    for row, own in enumerate(boxes["boxes"]):
        corners[row, : len(own)], there[row, : len(own)] = own, True
    return corners, there


def as_batch(corners, there, images=None, size=SIZE):
    images = np.zeros((len(corners), *size, 1), "uint8") if images is None else images
    labels = np.where(there, np.arange(there.shape[1]), -1)
    return {"images": images, "bounding_boxes": {"boxes": corners, "labels": labels}}


def crops_of(transform, corners, there, seed=0, size=SIZE):
    """Returns the crops that a transform chooses, `(N, 4)`: left, top, right, bottom."""
    parameters = transform.draw(np.arange(len(corners)), seed=seed)
    top, left, height, width = transform._aimed_boxes(parameters, corners, there, size).T
    return np.stack([left, top, left + width, top + height], axis=1)


def hold(crops, corners):
    """Tells which boxes lie in the crops, `(N, B)`."""
    outer = crops[:, np.newaxis]
    return ((outer[..., :2] <= corners[..., :2]) & (corners[..., 2:] <= outer[..., 2:])).all(-1)


def labels_left(transform, batch, seed=0):
    return transform(batch, seed=seed)["bounding_boxes"]["labels"] != -1


# BoxSafeCrop --------------------------------------------------------------------------------------


def test_no_picture_loses_its_boxes():
    """What issue 22 counts: of 300 pictures, how many have lost all of theirs."""
    corners, there = dense(random_boxes(300))
    batch, had = as_batch(corners, there), there.any(axis=1)
    lost = {}
    for transform in (
        RandomResizedCrop((0.2, 0.6)),
        BoxSafeCrop(scale=(0.2, 0.6)),
        BoxSafeCrop(scale=(0.2, 0.6), keep="one"),
        RandomIoUCrop(),
    ):
        left = labels_left(transform, batch)
        assert not (left & ~there).any()
        lost[transform] = int((had & ~left.any(axis=1)).sum())
    unaware, *aware = lost.values()
    assert unaware > 10
    assert aware == [0, 0, 0]


@pytest.mark.parametrize("size", [SIZE, (30, 200), (90, 31)])
@pytest.mark.parametrize("options", [{}, {"scale": (0.05, 0.1)}, {"ratio": (1, 1)}, {"p": 0.5}])
def test_every_box_is_held(size, options):
    corners, there = dense(random_boxes(size=size))
    transform = BoxSafeCrop(**options)
    crops = crops_of(transform, corners, there, size=size)
    assert hold(crops, corners)[there].all()
    assert (crops >= 0).all()
    assert (crops[:, 2:] <= np.array(size[::-1]) + 1e-9).all()
    batch = {**as_batch(corners, there, size=size), "min_visible_area": 1}
    np.testing.assert_array_equal(labels_left(transform, batch), there)


def test_one_box_is_held_and_any_is_as_likely():
    corners = np.tile([[[2.0, 2, 8, 8], [36, 20, 44, 28], [70, 38, 79, 46]]], (3000, 1, 1))
    there = np.ones((3000, 3), bool)
    transform = BoxSafeCrop(scale=(0.05, 0.2), keep="one")
    held = hold(crops_of(transform, corners, there), corners)
    assert held.any(axis=1).all()
    chosen = np.minimum(np.floor(transform.draw(np.arange(3000), seed=0)["box"] * 3), 2).astype(int)
    assert held[np.arange(3000), chosen].all()
    counts = np.bincount(chosen, minlength=3)
    assert counts.min() > 900  # of 1000, with a standard deviation of 26
    assert 0 < (~held.all(axis=1)).mean() <= 1
    there[:, 1] = False  # the second is not there: it is never the one
    held = hold(crops_of(transform, corners, there), corners)
    assert held[:, [0, 2]].any(axis=1).all()


def test_a_picture_without_boxes_is_cropped_as_by_the_crop_that_knows_none(images):
    batch = images(40, shape=(*SIZE, 3))
    options = {"scale": (0.1, 0.7), "ratio": (0.5, 3)}
    safe, other = BoxSafeCrop(21, 34, **options), RandomResizedCrop(height=21, width=34, **options)
    expected = other(batch, seed=4)
    np.testing.assert_array_equal(safe(batch, seed=4), expected)
    none = {"boxes": np.zeros((40, 2, 4)), "labels": np.full((40, 2), -1)}
    made = safe({"images": batch, "bounding_boxes": none}, seed=4)
    np.testing.assert_array_equal(made["images"], expected)
    none = {"boxes": np.zeros((40, 0, 4)), "labels": np.zeros((40, 0), int)}
    made = safe({"images": batch, "bounding_boxes": none}, seed=4)
    np.testing.assert_array_equal(made["images"], expected)


def test_areas_and_places_are_spread_over_what_holds_the_boxes():
    count = 20_000
    corners = np.tile([[[30.0, 12, 50, 32]]], (count, 1, 1))  # 20 × 20 of 48 × 81
    there = np.ones((count, 1), bool)
    left, top, right, bottom = crops_of(
        BoxSafeCrop(scale=(0.05, 0.3), ratio=(0.8, 1.25)), corners, there
    ).T
    down, across = bottom - top, right - left
    share = down * across / (SIZE[0] * SIZE[1])
    least = 400 / (SIZE[0] * SIZE[1])  # 0.103, a square around the box
    assert share.min() == pytest.approx(least, rel=1e-3)
    assert share.max() == pytest.approx(0.3, rel=1e-3)
    assert share.mean() == pytest.approx((least + 0.3) / 2, rel=0.01)  # evenly
    assert (across / down).min() >= 0.8 - 1e-6
    assert (across / down).max() <= 1.25 + 1e-6
    # Of the offsets with which it is held each is as likely.
    first, last = np.maximum(0, 50 - across), np.minimum(30, SIZE[1] - across)
    free = last - first > 1
    offsets = ((left - first) / np.maximum(last - first, 1e-9))[free]
    assert offsets.min() >= -1e-6
    assert offsets.max() <= 1 + 1e-6
    np.testing.assert_allclose(np.histogram(offsets, 4, (0, 1))[0] / free.sum(), 0.25, atol=0.02)


def test_the_ratio_gives_way_where_no_crop_of_it_fits():
    corners = np.array([[[1.0, 20, 80, 30]]])  # nearly as wide as the picture
    (crop,) = crops_of(BoxSafeCrop(ratio=(1, 1)), corners, np.ones((1, 1), bool))
    assert hold(crop[np.newaxis], corners).all()
    assert crop[3] - crop[1] == pytest.approx(SIZE[0])  # a square would be higher
    assert crop[2] - crop[0] == pytest.approx(79, abs=1e-5)


def test_what_is_drawn_depends_on_no_box():
    transform = BoxSafeCrop(9)
    few, many = transform.draw([5], seed=1), transform.draw(np.arange(9), seed=1)
    for name, values in few.items():
        assert values[0] == many[name][5]
    assert set(few) == {"applied", "area", "shape", "top", "left", "box"}


# RandomIoUCrop ------------------------------------------------------------------------------------


def overlap(crop, box):
    """Returns intersection over union of two rectangles."""
    common = np.maximum(np.minimum(crop[2:], box[2:]) - np.maximum(crop[:2], box[:2]), 0).prod()
    areas = [(each[2:] - each[:2]).prod() for each in (crop, box)]
    return common / (sum(areas) - common)


def centre_inside(crop, box):
    centre = (box[:2] + box[2:]) / 2
    return bool(((crop[:2] < centre) & (centre < crop[2:])).all())


@pytest.mark.parametrize("least", [0.0, 0.1, 0.3, 0.5])
@pytest.mark.parametrize("size", [SIZE, (90, 51)])
def test_each_patch_overlaps_a_box_whose_centre_it_has(least, size):
    corners, there = dense(random_boxes(size=size))
    transform = RandomIoUCrop(sampler_options=(least,))
    crops = crops_of(transform, corners, there, size=size)
    batch = {**as_batch(corners, there, size=size), "bounding_box_format": "xyxy"}
    left = labels_left(transform, batch)
    cropped = 0
    for crop, boxes, own, stays in zip(crops, corners, there, left, strict=True):
        assert (crop >= 0).all()
        assert (crop[2:] <= size[::-1]).all()
        inside = np.array([centre_inside(crop, box) for box in boxes]) & own
        np.testing.assert_array_equal(stays, inside)
        if not own.any() or np.array_equal(crop, [0, 0, size[1], size[0]]):
            continue
        cropped += 1
        width, height = crop[2:] - crop[:2]
        assert 0.3 <= width / size[1] <= 1
        assert 0.3 <= height / size[0] <= 1
        assert 0.5 <= width / height <= 2
        assert max(overlap(crop, box) for box in boxes[inside]) >= least
    assert cropped > 20


def by_definition(rng, boxes, size, options, trials=40):
    """Returns the crop of torchvision 0.28's `RandomIoUCrop`, but for its whole pixels."""
    while True:
        option = options[rng.integers(len(options))]
        if option >= 1:
            return np.array([0, 0, size[1], size[0]], float)
        for _ in range(trials):
            across, down = (0.3 + 0.7 * rng.random(2)) * (size[1], size[0])
            if not 0.5 <= across / down <= 2:
                continue
            left, top = rng.random(2) * (size[1] - across, size[0] - down)
            crop = np.array([left, top, left + across, top + down])
            near = [box for box in boxes if centre_inside(crop, box)]
            if near and max(overlap(crop, box) for box in near) >= option:
                return crop


def test_patches_are_spread_as_by_the_definition():
    count, rng = 3000, np.random.default_rng(1)
    boxes = np.array([[5.0, 4, 35, 30], [50, 20, 78, 47], [20, 30, 30, 40]])
    options = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
    theirs = np.stack([by_definition(rng, boxes, SIZE, options) for _ in range(count)])
    corners = np.tile(boxes, (count, 1, 1))
    ours = crops_of(RandomIoUCrop(), corners, np.ones((count, 3), bool))
    whole = [np.array([0, 0, SIZE[1], SIZE[0]])]
    shares = [(each == whole).all(axis=1).mean() for each in (ours, theirs)]
    assert shares[0] == pytest.approx(shares[1], abs=0.05)
    assert shares[0] > 0.14
    for statistic in (np.mean, np.std):
        sides = [statistic(each, axis=0) for each in (ours, theirs)]
        np.testing.assert_allclose(*sides, atol=1.6)  # pixels of 48 × 81; 4 standard errors
    held = [
        np.mean([[centre_inside(crop, box) for box in boxes] for crop in each], axis=0)
        for each in (ours, theirs)
    ]
    np.testing.assert_allclose(*held, atol=0.05)


def test_boxes_by_eye():
    """Two boxes side by side: of the second, whose centre lies outside, nothing is left."""
    corners = np.array([[[0.0, 0, 40, 48], [40, 0, 81, 48]]])
    there = np.ones((1, 2), bool)
    transform = RandomIoUCrop(sampler_options=(0.7,), trials=1000)
    seeds = [
        seed
        for seed in range(20)
        if crops_of(transform, corners, there, seed)[0, 2] < 60  # the left one was found
    ]
    batch = as_batch(corners, there)
    for seed in seeds:
        left, top, right, bottom = crops_of(transform, corners, there, seed)[0]
        made = transform(batch, seed=seed)["bounding_boxes"]
        assert made["labels"].tolist() == [[0, -1]]
        scale = np.array([SIZE[1] / (right - left), SIZE[0] / (bottom - top)] * 2)
        shift = np.array([left, top, left, top])
        expected = (np.clip(corners[0, 0], [left, top] * 2, [right, bottom] * 2) - shift) * scale
        np.testing.assert_allclose(made["boxes"][0, 0], expected, atol=1e-6)
    assert seeds


def test_every_round_tries_patches_of_its_own():
    corners, there = np.tile([[[0.0, 0, 40, 48]]], (300, 1, 1)), np.ones((300, 1), bool)
    whole = {}
    for trials in (1, 100):
        transform = RandomIoUCrop(sampler_options=(0.6,), trials=trials)
        crops = crops_of(transform, corners, there)
        whole[trials] = (crops == [0, 0, SIZE[1], SIZE[0]]).all(axis=1).mean()
    assert whole[1] < 0.3  # after 100 rounds of one patch each; 0.9 after a single patch
    assert whole[100] == 0


def test_without_boxes_any_patch_will_do():
    none = np.zeros((500, 0, 4)), np.zeros((500, 0), bool)
    crops = crops_of(RandomIoUCrop(sampler_options=(0.9,)), *none)
    width, height = (crops[:, 2:] - crops[:, :2]).T
    assert (width < SIZE[1]).all()
    assert (height < SIZE[0]).all()
    whole = crops_of(RandomIoUCrop(sampler_options=(1,)), *none)
    np.testing.assert_array_equal(whole, np.tile([0, 0, SIZE[1], SIZE[0]], (500, 1)))


def test_where_nothing_overlaps_enough_the_picture_stays_whole(images):
    corners = np.tile([[[3.0, 3, 6, 7]]], (4, 1, 1))  # far less than the least patch
    batch = as_batch(corners, np.ones((4, 1), bool), images(4, shape=(*SIZE, 3)))
    made = RandomIoUCrop(sampler_options=(0.9,))(batch, seed=0)
    np.testing.assert_array_equal(made["images"], batch["images"])
    np.testing.assert_array_equal(made["bounding_boxes"]["boxes"], corners)


# Both ---------------------------------------------------------------------------------------------

BOTH = [BoxSafeCrop, RandomIoUCrop]
both = pytest.mark.parametrize("crop", BOTH)


def painted(box, size=SIZE, channels=3, dtype="uint8"):
    """Returns a picture with a box of ones, and its mask."""
    left, top, right, bottom = box
    mask = np.zeros(size, "uint8")
    mask[top:bottom, left:right] = 1
    scale = 200 if np.dtype(dtype).kind == "u" else 1
    return np.repeat((mask * scale)[..., np.newaxis], channels, axis=-1).astype(dtype), mask


@both
@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("before", [[], [HorizontalFlip(p=1)], [Rotation(20), Brightness(0)]])
def test_pictures_masks_boxes_and_points_go_together(crop, channels, dtype, before):
    rng = np.random.default_rng(3)
    boxes = [(x, y, x + 20, y + 14) for x, y in rng.integers((0, 0), (60, 33), (12, 2))]
    pictures, masks = map(
        np.stack, zip(*(painted(b, SIZE, channels, dtype) for b in boxes), strict=True)
    )
    batch = {
        "images": pictures,
        "segmentation_masks": masks,
        "bounding_boxes": {
            "boxes": np.array(boxes, float)[:, np.newaxis],
            "labels": np.zeros((12, 1), int),
        },
        "keypoints": (np.array(boxes, float).reshape(12, 2, 2) - [[0, 0], [1, 1]]),
    }
    policy = Compose([*before, crop(61, 95), HorizontalFlip()])
    made = policy(batch, seed=1)
    assert made["images"].dtype == pictures.dtype
    assert made["images"].shape == (12, 61, 95, channels)
    kept = made["bounding_boxes"]["labels"][:, 0] != -1
    assert kept.all()  # a crop of either keeps its only box
    for row in range(12):
        image, mask = made["images"][row, ..., 0], made["segmentation_masks"][row]
        assert ((image > image.max() / 2) == mask).mean() > 0.97
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        around = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        np.testing.assert_allclose(made["bounding_boxes"]["boxes"][row, 0], around, atol=2.5)
        inside = made["keypoints"][row].round().astype(int)
        for x, y in inside[(inside >= 0).all(axis=1) & (inside < (95, 61)).all(axis=1)]:
            assert mask[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3].any()


@both
def test_one_resampling_with_the_geometry_around_it(crop, images):
    """A turn there and back around a crop changes no pixel that is there: nothing was blended."""
    batch = as_batch(*dense(random_boxes(30)), images(30, shape=(*SIZE, 3)))
    alone = crop()(batch, seed=2)
    mirrored = Compose([HorizontalFlip(p=1), HorizontalFlip(p=1), crop()])
    keys = mirrored.draw(np.arange(30), seed=2)
    keys["transforms"][2].update(crop().draw(np.arange(30), seed=2))
    made = mirrored.apply(batch, keys)
    np.testing.assert_array_equal(made["images"], alone["images"])
    np.testing.assert_allclose(
        made["bounding_boxes"]["boxes"], alone["bounding_boxes"]["boxes"], atol=1e-9
    )


def test_boxes_count_where_they_are_when_the_crop_is_reached():
    corners = np.array([[[2.0, 10, 12, 20]]])
    batch = as_batch(corners, np.ones((1, 1), bool))
    away = Translation(0, (0.7, 0.7), fill_mode="constant")
    for between in ([], [Brightness(0)]):  # one resampling, or two
        policy = Compose([away, *between, BoxSafeCrop(scale=(0.05, 0.05))])
        made = policy(batch, seed=0)["bounding_boxes"]
        assert made["labels"].tolist() == [[0]]
        width, height = (made["boxes"][0, 0, 2:] - made["boxes"][0, 0, :2]).tolist()
        assert width > 2 * 10  # larger: the crop is a twentieth of the picture
        assert height > 2 * 10


def test_boxes_that_have_left_do_not_count():
    corners = np.array([[[2.0, 10, 12, 20], [60, 5, 75, 40]]])
    batch = as_batch(corners, np.ones((1, 2), bool))
    away = Translation(0, (-0.5, -0.5))  # of the first nothing is left
    made = Compose([away, BoxSafeCrop(scale=(0.05, 0.05))])(batch, seed=0)["bounding_boxes"]
    assert made["labels"].tolist() == [[-1, 1]]
    left, top, right, bottom = made["boxes"][0, 1]
    assert bottom - top == pytest.approx(SIZE[0], abs=1e-3)
    # The crop is the least of its ratio around the second, 35 × 3 / 4 wide, and not to the edge.
    assert right - left == pytest.approx(15 * SIZE[1] / (35 * 3 / 4), abs=1e-2)


def test_what_is_seen_of_a_box_is_counted_once():
    """Half of a box is cut off before the crop in the same resampling, and the rest is held."""
    batch = as_batch(np.array([[[0.0, 10, 20, 20]]]), np.ones((1, 1), bool))
    policy = Compose([Translation(0, (-10 / 81, -10 / 81)), BoxSafeCrop(scale=(0.05, 0.05))])
    for least, label in ((0.49, 0), (0.51, -1)):
        made = policy({**batch, "min_visible_area": least}, seed=0)["bounding_boxes"]
        assert made["labels"].tolist() == [[label]]


@both
def test_rows_that_are_left_alone_are_resized_as_a_whole(crop, images):
    batch = as_batch(*dense(random_boxes(60)), images(60, shape=(*SIZE, 3)))
    transform = crop(17, 23, p=0.5)
    made, whole = transform(batch, seed=1), Resize(height=17, width=23)(batch)
    applied = transform.draw(np.arange(60), seed=1)["applied"]
    assert 15 < applied.sum() < 45
    np.testing.assert_array_equal(made["images"][~applied], whole["images"][~applied])
    for name in ("boxes", "labels"):
        own, other = (each["bounding_boxes"][name][~applied] for each in (made, whole))
        np.testing.assert_allclose(own, other, atol=1e-6)
    changed = (made["images"] != whole["images"]).any(axis=(1, 2, 3))
    assert changed[applied].mean() > 0.3


def test_what_is_not_chosen_drops_no_box():
    corners, there = dense(random_boxes())
    policy = OneOf([RandomIoUCrop(), Identity()])
    chosen = policy.draw(np.arange(COUNT), seed=0)["chosen"][:, 0]
    left = labels_left(policy, as_batch(corners, there))
    np.testing.assert_array_equal(left[~chosen], there[~chosen])
    assert (left[chosen] != there[chosen]).any()


@both
def test_in_policies(crop):
    batch = as_batch(*dense(random_boxes(20)))
    assert Sometimes(crop())(batch, seed=0)["images"].shape == (20, *SIZE, 1)
    with pytest.raises(ValueError, match="changes the size of images must act on every row"):
        OneOf([crop(9), Identity()])
    with pytest.raises(ValueError, match="changes the size of images must act on every row"):
        Sometimes(crop(9))


@both
def test_batches_and_rows_do_not_matter(crop, images):
    corners, there = dense(random_boxes(30))
    batch = as_batch(corners, there, images(30, shape=(*SIZE, 3)))
    policy = Compose([Rotation(), crop(19, 29), HorizontalFlip()])
    whole = policy(batch, seed=1)
    rows = np.array([7, 3, 20])
    part = as_batch(corners[rows], there[rows], batch["images"][rows])
    part["bounding_boxes"]["labels"] = batch["bounding_boxes"]["labels"][rows]
    some = policy(part, seed=1, index=rows)
    np.testing.assert_array_equal(some["images"], whole["images"][rows])
    for name in ("boxes", "labels"):
        np.testing.assert_array_equal(
            some["bounding_boxes"][name], whole["bounding_boxes"][name][rows]
        )
    parameters = policy.draw(np.arange(30), seed=1)
    np.testing.assert_array_equal(policy.apply(batch, parameters)["images"], whole["images"])


@both
def test_inputs_stay_as_they_are(crop):
    batch = as_batch(*dense(random_boxes(9)))
    before = {name: batch["bounding_boxes"][name].copy() for name in ("boxes", "labels")}
    for array in batch["bounding_boxes"].values():
        array.flags.writeable = False
    crop(9)(batch, seed=0)
    for name, array in before.items():
        np.testing.assert_array_equal(batch["bounding_boxes"][name], array)


@both
def test_no_rows(crop):
    none = {"boxes": np.zeros((0, 3, 4)), "labels": np.zeros((0, 3), int)}
    batch = {"images": np.zeros((0, *SIZE, 3), "uint8"), "bounding_boxes": none}
    assert crop(7, 5)(batch, seed=0)["images"].shape == (0, 7, 5, 3)


# Pictures of any size -----------------------------------------------------------------------------

SIZES = [(40, 61), (55, 30), (33, 33), (20, 90)]


def pictures_and_boxes():
    rng = np.random.default_rng(5)
    pictures = [rng.integers(0, 256, (*size, 3), "uint8") for size in SIZES]
    boxes = {"boxes": [], "labels": []}
    for size in SIZES:
        own = random_boxes(1, size, seed=size[0], most=3)
        sides = np.array([size[1], size[0]] * 2)
        boxes["boxes"].append(np.clip(own["boxes"][0], 0, sides))
        boxes["labels"].append(own["labels"][0])
    return pictures, boxes


POLICIES = [
    BoxSafeCrop(21, 34),
    RandomIoUCrop(21, 34),
    Compose([BoxSafeCrop(21, 34), HorizontalFlip(), Rotation(20)]),
    Compose([HorizontalFlip(), RandomIoUCrop(21, 34)]),
    Compose([Brightness(), BoxSafeCrop(), RandomIoUCrop(21, 34), Brightness(), BoxSafeCrop(9)]),
]


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_pictures_of_any_size(policy):
    pictures, boxes = pictures_and_boxes()
    made = policy({"images": pictures, "bounding_boxes": boxes}, seed=2)
    for row, picture in enumerate(pictures):
        alone = {
            "images": picture[np.newaxis],
            "bounding_boxes": {name: [boxes[name][row]] for name in boxes},
        }
        own = policy(alone, seed=2, index=[row])
        difference = own["images"][0].astype(int) - made["images"][row]
        assert np.abs(difference).max() <= 1
        count = len(boxes["labels"][row])
        for name in ("boxes", "labels"):
            np.testing.assert_allclose(
                own["bounding_boxes"][name][0], made["bounding_boxes"][name][row, :count], atol=1e-4
            )


class Windows:
    """Pictures that note what is read of them."""

    channels, dtype = 3, np.dtype("uint8")

    def __init__(self, pictures):
        self.pictures, self.read = pictures, []

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, row):
        return self.pictures[row]

    def _open_row(self, row):
        from kaug._images import Opened

        def read(window, reduction):
            self.read.append((row, window))
            return Region(self.pictures[row], 0, 0, 1)

        return Opened(self.pictures[row].shape[:2], read)


def test_only_what_is_cropped_is_read():
    picture = np.zeros((400, 600, 3), "uint8")
    source = Windows([picture])
    boxes = {"boxes": [np.array([[300.0, 200, 340, 230]])], "labels": [np.array([1])]}
    policy = Compose([BoxSafeCrop(32, scale=(0.01, 0.02)), HorizontalFlip()])
    made = policy({"images": source, "bounding_boxes": boxes}, seed=0)
    assert made["bounding_boxes"]["labels"].tolist() == [[1]]
    ((_, (top, left, bottom, right)),) = source.read
    assert top <= 200 < 230 <= bottom
    assert left <= 300 < 340 <= right
    assert (bottom - top) * (right - left) < 0.05 * 400 * 600


def test_datasets_make_the_same_rows():
    pictures, boxes = pictures_and_boxes()
    y = {"bounding_boxes": boxes}
    policy = Compose([RandomIoUCrop(21, 34), HorizontalFlip()])
    x_more, more = augment_dataset(pictures, y, 6, policy, seed=0, append=False, sampling="cycle")
    assert x_more.shape == (6, 21, 34, 3)
    assert (more["bounding_boxes"]["labels"] != -1).any(axis=1).sum() >= 3
    dataset = AugmentedDataset(pictures, y, policy, batch_size=3, seed=0, shuffle=False)
    images, batch = dataset[0]
    direct = policy({"images": pictures, "bounding_boxes": boxes}, seed=0)
    assert images.shape == direct["images"][:3].shape
    assert batch["bounding_boxes"]["boxes"].shape == (
        3,
        *direct["bounding_boxes"]["boxes"].shape[1:],
    )


# Mixing -------------------------------------------------------------------------------------------


def test_masks_are_mixed_after_a_crop(images):
    """Partners go through a crop of their own; without boxes there is nothing to hold."""
    batch = {"images": images(8, shape=(*SIZE, 3)), "labels": np.arange(8) % 3}
    plain = Compose([RandomResizedCrop(height=20, width=30), CutMix(num_classes=3)])
    safe = Compose([BoxSafeCrop(20, 30), CutMix(num_classes=3)])
    for name in ("images", "labels"):
        np.testing.assert_array_equal(safe(batch, seed=1)[name], plain(batch, seed=1)[name])


def test_partners_are_aimed_by_their_own_boxes():
    batch = as_batch(*dense(random_boxes(40)))
    before = (batch["bounding_boxes"]["labels"] != -1).sum(axis=1)
    policy = Compose([BoxSafeCrop(200, 300), MixUp(1.0)])
    partner = (policy.draw(np.arange(40), seed=0)["transforms"][1]["partner"] * 40).astype(int)
    after = (policy(batch, seed=0)["bounding_boxes"]["labels"] != -1).sum(axis=1)
    np.testing.assert_array_equal(after, before + before[partner])


# Options ------------------------------------------------------------------------------------------

BAD = [
    (lambda: BoxSafeCrop(width=3), ValueError, "`BoxSafeCrop` must have a height where it has a w"),
    (lambda: BoxSafeCrop(0), ValueError, "`height` must be an integer, between 1"),
    (lambda: BoxSafeCrop(scale=0.5), ValueError, "`scale` must be a pair"),
    (lambda: BoxSafeCrop(scale=(0.5, 1.5)), ValueError, "`scale` must lie in 1e-06..1"),
    (lambda: BoxSafeCrop(ratio=(2, 1)), ValueError, "low <= high"),
    (lambda: BoxSafeCrop(keep="any"), ValueError, "`keep` must be one of 'all', 'one'"),
    (lambda: BoxSafeCrop(interpolation="cubic"), ValueError, "`interpolation` must be one of"),
    (lambda: BoxSafeCrop(p=2), ValueError, "`p` must lie in 0..1"),
    (lambda: RandomIoUCrop(min_scale=0), ValueError, "`min_scale` must be a number above 0"),
    (lambda: RandomIoUCrop(max_scale=1.5), ValueError, "`max_scale` must be a number above 0, up"),
    (
        lambda: RandomIoUCrop(min_scale=0.9, max_scale=0.5),
        ValueError,
        "`min_scale` must not be above `max_scale`. Received: min_scale=0.9, max_scale=0.5",
    ),
    (
        lambda: RandomIoUCrop(min_aspect_ratio=3),
        ValueError,
        "`min_aspect_ratio` must not be above `max_aspect_ratio`",
    ),
    (lambda: RandomIoUCrop(max_aspect_ratio=0), ValueError, "`max_aspect_ratio` must be a number"),
    (lambda: RandomIoUCrop(sampler_options=()), TypeError, "at least one. Received"),
    (lambda: RandomIoUCrop(sampler_options=0.5), TypeError, "`sampler_options` must be a sequence"),
    (lambda: RandomIoUCrop(sampler_options=(-0.1,)), ValueError, "must be numbers of 0 or more"),
    (lambda: RandomIoUCrop(trials=0), ValueError, "`trials` must be an integer, between 1"),
]


@pytest.mark.parametrize(("make", "error", "text"), BAD)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_ends_of_options_are_taken():
    assert RandomIoUCrop(min_scale=1, sampler_options=[0, 2]).sampler_options == (0.0, 2.0)
    batch = as_batch(*dense(random_boxes(5)))
    assert RandomIoUCrop(min_scale=1)(batch, seed=0)["images"].shape == (5, *SIZE, 1)
    assert BoxSafeCrop(scale=(1, 1))(batch, seed=0)["images"].shape == (5, *SIZE, 1)


@pytest.mark.parametrize("crop", BOTH)
@pytest.mark.parametrize("options", [{}, {"height": 9, "width": 14, "p": 0.6}])
@pytest.mark.usefixtures("by_operation")
def test_a_layer_crops_as_arrays_are_cropped(crop, options):
    from kaug.layers import RandomTransform

    transform = Compose([Rotation(20), crop(**options), HorizontalFlip()])
    images = np.random.default_rng(0).integers(0, 256, (9, *SIZE, 3)).astype("uint8")
    batch = as_batch(*dense(random_boxes(9)), images)
    expected = transform(batch, seed=4, epoch=2, index=np.arange(9))
    numbers = {"index": np.arange(9), "epoch": np.array(2)}
    made = RandomTransform(transform, seed=4)({**batch, **numbers}, training=True)
    np.testing.assert_allclose(made["images"], expected["images"].astype(float), atol=1)
    own, boxes = made["bounding_boxes"], expected["bounding_boxes"]
    np.testing.assert_array_equal(own["labels"], boxes["labels"])
    np.testing.assert_allclose(own["boxes"], boxes["boxes"], atol=1e-3)


@settings(max_examples=60)
@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    places=st.lists(st.tuples(*[st.floats(0, 1)] * 4), max_size=4),
    seed=st.integers(0, 2**40),
    scale=st.tuples(st.floats(1e-6, 1), st.floats(1e-6, 1)).map(sorted).map(tuple),
    ratio=st.tuples(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3)).map(sorted).map(tuple),
    keep=st.sampled_from(["all", "one"]),
)
def test_any_boxes_are_held_in_the_picture(size, places, seed, scale, ratio, keep):
    height, width = size
    corners = np.array(places, float).reshape(1, -1, 4)
    corners = np.concatenate(
        [
            np.minimum(corners[..., :2], corners[..., 2:]),
            np.maximum(corners[..., :2], corners[..., 2:]),
        ],
        axis=-1,
    ) * [width, height, width, height]
    there = (corners[..., 2:] > corners[..., :2]).all(axis=-1)
    transform = BoxSafeCrop(scale=scale, ratio=ratio, keep=keep)
    crop = crops_of(transform, corners, there, seed, size)
    assert np.isfinite(crop).all()
    assert (crop >= 0).all()
    assert (crop[0, 2:] <= np.array([width, height]) + 1e-9).all()
    assert (crop[0, 2:] > crop[0, :2]).all()
    held = hold(crop + np.array([-1e-9, -1e-9, 1e-9, 1e-9]), corners)[there]
    assert held.all() if keep == "all" else held.any() or not there.any()
