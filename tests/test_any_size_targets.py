"""What travels with images of any size: a row is what it would be alone, where its pixels are."""

import numpy as np
import pytest

from kaug._apply.boxes import FORMATS, from_corners
from kaug.transforms import (
    ColorJitter,
    Compose,
    HorizontalFlip,
    Letterbox,
    Perspective,
    RandomCrop,
    RandomResizedCrop,
    Resize,
    Rotation,
)

POLICIES = [
    Resize(height=9, width=14),
    Compose([RandomResizedCrop(height=17, width=11), HorizontalFlip(), Rotation(30)]),
    Compose([ColorJitter(), Resize(24), Perspective(), RandomCrop(20, 24)]),
    Compose([Rotation(30, fill_mode="reflect"), Letterbox(15)]),
    Compose([Resize(20), Perspective(fill_mode="constant"), RandomCrop(17, 19)]),
    RandomCrop(18, 15),
]


def of_any_size(count, channels=3, dtype="uint8"):
    rng = np.random.default_rng(count)
    last = (channels,) if channels else ()
    images = []
    for _ in range(count):
        image = rng.integers(0, 256, (*rng.integers(19, 60, 2), *last))
        images.append((image / 255 if np.dtype(dtype).kind == "f" else image).astype(dtype))
    return images


def places_in(images, box_format="xyxy"):
    """Returns boxes, 0 to 5 in each image, and three keypoints, some of them beyond the border."""
    rng = np.random.default_rng(1)
    boxes, labels, points = [], [], []
    for image in images:
        height, width = image.shape[:2]
        count = rng.integers(6)
        corners = np.sort(rng.uniform(-0.1, 1.1, (count, 2, 2)), axis=1).reshape(count, 4)
        corners *= [width, height, width, height]
        boxes.append(from_corners(corners, box_format, (height, width)).astype("float32"))
        labels.append(rng.integers(0, 9, count))
        points.append(rng.uniform(-0.1, 1.1, (3, 3)) * [width, height, 2])
    return {
        "bounding_boxes": {"boxes": boxes, "labels": labels},
        "bounding_box_format": box_format,
        "keypoints": np.array(points),
    }


class Sequence:
    """Gives one item at a time, and counts them."""

    def __init__(self, items):
        self.items, self.read = items, []

    def __len__(self):
        return len(self.items)

    def __getitem__(self, row):
        assert type(row) is int
        self.read.append(row)
        return self.items[row]


def assert_same(one, other):
    if isinstance(one, dict):
        assert list(one) == list(other)
        for name, value in one.items():
            assert_same(value, other[name])
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    else:
        assert one == other


def row_of(targets, row):
    """Returns the targets of one row, as a batch."""
    if isinstance(targets, dict):
        return {name: row_of(value, row) for name, value in targets.items()}
    if isinstance(targets, (str, float)):
        return targets
    return [targets[row]] if isinstance(targets, list) else targets[row : row + 1]


def without_padding(boxes, count):
    """Returns the first boxes of an image; those beyond must be padding."""
    assert (boxes["labels"][count:] == -1).all()
    assert not boxes["boxes"][count:].any()
    return {name: array[:count] for name, array in boxes.items()}


# Boxes and keypoints --------------------------------------------------------------------------


@pytest.mark.pairwise(policy=POLICIES, box_format=FORMATS, held=[True, False], channels=[None, 3])
def test_places_of_a_row_are_what_they_would_be_alone(policy, box_format, held, channels):
    images = of_any_size(9, channels)
    targets = places_in(images, box_format)
    source = images if held else Sequence(images)
    result = policy({"images": source, **targets, "min_visible_area": 0.1}, seed=3, epoch=2)
    most = max(map(len, targets["bounding_boxes"]["labels"]))
    assert result["bounding_boxes"]["boxes"].shape == (9, most, 4)
    seen = result["bounding_boxes"]["labels"] != -1
    assert 5 < seen.sum() < 40
    for row, image in enumerate(images):
        batch = {"images": image[np.newaxis], **row_of(targets, row), "min_visible_area": 0.1}
        if channels is None:
            batch["images"] = batch["images"][..., np.newaxis]
        alone = policy(batch, seed=3, epoch=2, index=[row])
        np.testing.assert_array_equal(result["images"][row].ravel(), alone["images"].ravel())
        np.testing.assert_array_equal(result["keypoints"][row], alone["keypoints"][0])
        count = len(targets["bounding_boxes"]["labels"][row])
        boxes = {name: array[row] for name, array in result["bounding_boxes"].items()}
        expected = {name: array[0] for name, array in alone["bounding_boxes"].items()}
        assert_same(without_padding(boxes, count), expected)


# Masks, and labels and weights like them ------------------------------------------------------

MASK_DTYPES = ["bool", "uint8", "int16", "uint16", "int64", "float32"]


def masks_of(images, dtype="uint8", channels=None):
    """Returns a mask for each image, whose values are not those of its neighbours."""
    rng = np.random.default_rng(2)
    last = (channels,) if channels else ()
    high = 2 if dtype == "bool" else 120
    return [rng.integers(0, high, (*image.shape[:2], *last)).astype(dtype) for image in images]


@pytest.mark.pairwise(
    policy=POLICIES,
    dtype=MASK_DTYPES,
    channels=[None, 1, 3],
    held=[True, False],
    masks_held=[True, False],
)
def test_masks_of_a_row_are_what_they_would_be_alone(policy, dtype, channels, held, masks_held):
    images = of_any_size(8)
    masks = masks_of(images, dtype, channels)
    copies = [mask.copy() for mask in masks]
    targets = {**places_in(images), "segmentation_masks": masks if masks_held else Sequence(masks)}
    result = policy({"images": images if held else Sequence(images), **targets}, seed=5)
    moved = result["segmentation_masks"]
    assert moved.shape == (8, *result["images"].shape[1:3], *([channels] if channels else []))
    assert moved.dtype == dtype
    for row, image in enumerate(images):
        batch = {"images": image[np.newaxis], "segmentation_masks": masks[row][np.newaxis]}
        alone = policy(batch, seed=5, index=[row])
        np.testing.assert_array_equal(result["images"][row], alone["images"][0])
        np.testing.assert_array_equal(moved[row], alone["segmentation_masks"][0])
        np.testing.assert_array_equal(masks[row], copies[row])


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("channels", [None, 1, 3])
def test_a_mask_of_the_pixels_themselves_goes_where_they_go(channels, dtype):
    """By the nearest pixel, an image and a mask of the same content are the same."""
    images = of_any_size(12, channels, dtype)
    nearest = {"interpolation": "nearest", "fill_mode": "constant"}
    policy = Compose(
        [
            RandomResizedCrop(height=17, width=11, interpolation="nearest"),
            HorizontalFlip(),
            Rotation(30, **nearest),
            Perspective(**nearest),
        ]
    )
    result = policy({"images": images, "segmentation_masks": images}, seed=1)
    np.testing.assert_array_equal(result["images"], result["segmentation_masks"])
    assert len(np.unique(result["images"])) > 50


def test_a_mask_by_eye():
    images = [np.zeros((4, 6), "uint8"), np.zeros((2, 4), "uint8")]
    masks = [np.arange(24).reshape(4, 6), np.arange(8).reshape(2, 4)]
    # Half-way between pixels it is the next one; columns of the second lie at 1/6, 1.5 and 17/6.
    flipped = Compose([Resize(height=2, width=3), HorizontalFlip(1)])
    result = flipped({"images": images, "segmentation_masks": masks}, seed=0)
    assert result["segmentation_masks"][0].tolist() == [[11, 9, 7], [23, 21, 19]]
    assert result["segmentation_masks"][1].tolist() == [[3, 2, 0], [7, 6, 4]]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize(
    "policy",
    [
        Compose([Rotation(30, fill_mode="constant"), Letterbox(61)]),
        Compose([Resize(height=47, width=63), Perspective(0.2), HorizontalFlip()]),
        Compose([Letterbox(75), RandomCrop(59, 63)]),
        Compose(
            [Resize(height=75, width=75), ColorJitter(), RandomResizedCrop(height=51, width=67)]
        ),
    ],
    ids=repr,
)
def test_the_brightest_pixel_goes_where_its_point_goes(policy, dtype, channels):
    rng = np.random.default_rng(3)
    images, points, boxes, masks = [], [], [], []
    for _ in range(40):
        height, width = 2 * rng.integers(20, 50, 2) + 1
        x, y = rng.integers(8, [width - 8, height - 8])
        distance = np.hypot(np.arange(width) - x, np.arange(height)[:, np.newaxis] - y)
        blob = np.exp(-((distance / 5) ** 2)) * (1 if dtype == "float32" else 255)
        images.append(np.repeat(blob[..., np.newaxis], channels, axis=2).astype(dtype))
        points.append([[x, y, 1]])
        boxes.append([[x - 2, y - 2, x + 3, y + 3]])
        masks.append(distance < 4)
    result = policy(
        {
            "images": images,
            "keypoints": np.array(points, "float32"),
            "bounding_boxes": {"boxes": boxes, "labels": [[row] for row in range(40)]},
            "segmentation_masks": masks,
        },
        seed=2,
    )
    height, width = result["images"].shape[1:3]
    seen = whole = 0
    for row in range(40):
        x, y, visible = result["keypoints"][row, 0]
        if not visible or not (3 < x < width - 4 and 3 < y < height - 4):
            continue
        seen += 1
        image = result["images"][row, ..., 0].astype(float)
        where = np.argwhere(image >= image.max() * 0.995).mean(axis=0)
        assert np.abs(where - [y, x]).max() < 1
        mask = result["segmentation_masks"][row]
        assert mask[round(y), round(x)]
        assert result["bounding_boxes"]["labels"][row, 0] == row
        if mask[[0, -1]].any() or mask[:, [0, -1]].any():
            continue
        whole += 1
        assert np.abs(np.argwhere(mask).mean(axis=0) - [y, x]).max() < 1  # half a pixel, twice
        left, top, right, bottom = result["bounding_boxes"]["boxes"][row, 0]
        centre = [(left + right) / 2, (top + bottom) / 2]
        np.testing.assert_allclose(centre, [x + 0.5, y + 0.5], atol=0.6)
    assert seen >= whole > 12
