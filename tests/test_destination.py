"""Results are written where they are to go, and nothing else is."""

from dataclasses import dataclass

import numpy as np
import pytest

from kaug._apply.destination import offered, result_like
from kaug.transforms import (
    Compose,
    Contrast,
    GridShuffle,
    Invert,
    MedianBlur,
    Perspective,
    Rotation,
    Transform,
)

IMAGES = np.random.default_rng(0).integers(0, 256, (9, 13, 17, 1), np.uint8)


def test_what_is_offered_goes_to_one():
    room = np.empty_like(IMAGES)
    with offered(room):
        assert result_like(IMAGES.astype("float32")) is not room
        assert result_like(IMAGES[1:]) is not room
        with offered(None):
            assert result_like(IMAGES) is not room
        assert result_like(IMAGES) is room
        assert result_like(IMAGES) is not room
    assert result_like(IMAGES) is not room


# The last step is one that is written where it is to go, or whose masks might be.
POLICIES = [
    Invert(p=0.5),
    Contrast(0.5),
    MedianBlur(3),
    GridShuffle((3, 3), p=0.5),
    Perspective(0.3, p=0.5),
    Compose([Rotation(20), Invert(p=0.5)]),
    Compose([Invert(), Perspective(0.3)]),
]


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_masks_of_the_same_shape_stay_apart(policy):
    alone = policy(IMAGES, seed=1)
    same = {"images": IMAGES, "segmentation_masks": IMAGES[..., 0]}
    made = policy(same, seed=1)
    np.testing.assert_array_equal(made["images"], alone)
    rows = [policy(IMAGES[[row]], seed=1, index=[row])[0] for row in range(len(IMAGES))]
    np.testing.assert_array_equal(alone, rows)
    photometric = isinstance(policy, Invert | Contrast | MedianBlur)
    assert np.array_equal(made["segmentation_masks"], IMAGES[..., 0]) == photometric


@dataclass(frozen=True, repr=False)
class Mirrored(Transform):
    """Makes its images in memory of its own, and masks where something was offered, if it is."""

    def transform_images(self, images, parameters):
        return images[:, :, ::-1]

    def transform_masks(self, masks, parameters):
        out = result_like(masks)
        out[...] = masks[:, :, ::-1]
        return out


@dataclass(frozen=True, repr=False)
class Viewed(Transform):
    """Returns a view of what it is given."""

    photometric = True

    def transform_images(self, images, parameters):
        return images[:]


@dataclass(frozen=True, repr=False)
class Emptied(Transform):
    """Empties where its result goes before it looks at what it is given."""

    photometric = True

    def transform_images(self, images, parameters):
        out = result_like(images)
        out.fill(0)
        np.add(out, images, out=out)
        return out


def test_nothing_is_written_where_what_is_given_may_lie():
    turned = Rotation((20, 20))(IMAGES, seed=0)
    for between in (Viewed(), Invert(p=0)):
        policy = Compose([Rotation((20, 20)), between, Emptied()])
        np.testing.assert_array_equal(policy(IMAGES, seed=0), turned)


def test_what_is_offered_to_images_is_not_for_masks():
    masks = 255 - IMAGES[..., 0]
    made = Mirrored()({"images": IMAGES, "segmentation_masks": masks}, seed=0)
    np.testing.assert_array_equal(made["images"], IMAGES[:, :, ::-1])
    np.testing.assert_array_equal(made["segmentation_masks"], masks[:, :, ::-1])
