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
