"""Results are written where they are to go, and nothing else is."""

import numpy as np
import pytest

from kaug._apply.destination import offered, result_like
from kaug.transforms import (
    Compose,
    Contrast,
    GridShuffle,
    Invert,
    Lambda,
    MedianBlur,
    Perspective,
    Rotation,
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


def test_a_view_of_the_result_is_read_before_it_is_written_to():
    flipped = Compose([Rotation((20, 20)), Lambda(lambda x: x[:, :, ::-1]), Invert(p=1)])
    turned = Rotation((20, 20))(IMAGES, seed=0)
    np.testing.assert_array_equal(flipped(IMAGES, seed=0), 255 - turned[:, :, ::-1])
