"""AugMix against Pillow, SciPy and the sums of the paper, row by row as drawn."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from scipy import ndimage

from kaug.transforms import Compose, HorizontalFlip
from kaug.transforms._bases.magnitudes import AUGMIX_ALL, AUGMIX_CHOICES, FACTORS, OPERATIONS
from kaug.transforms.augmix import AugMix

NAMES = np.array(list(OPERATIONS))


def by_hand(image, name, strength):
    """Applies an operation of the reference implementation to one uint8 image `(H, W, 3)`."""
    picture = Image.fromarray(image)
    if name in FACTORS:
        return np.asarray(getattr(ImageEnhance, name)(picture).enhance(strength))
    if name == "Posterize":
        return np.asarray(ImageOps.posterize(picture, int(strength)))
    if name == "Solarize":
        return np.asarray(ImageOps.solarize(picture, strength * 255))
    if name in ("AutoContrast", "Equalize"):
        return np.asarray(getattr(ImageOps, name.lower())(picture))
    height, width = image.shape[:2]
    # Rows of (row, column, 1), both counted from the first pixel's centre.
    matrix = np.eye(2, 3)
    if name == "ShearX":
        matrix[1] = [strength, 1, strength / 2]
    elif name == "ShearY":
        matrix[0] = [1, strength, strength / 2]
    elif name == "TranslateX":
        matrix[1, 2] = -int(strength * width / 3)
    elif name == "TranslateY":
        matrix[0, 2] = -int(strength * height / 3)
    else:
        sine, cosine = np.sin(np.deg2rad(strength)), np.cos(np.deg2rad(strength))
        matrix[:, :2] = [[cosine, sine], [-sine, cosine]]
        centre = np.array([height - 1, width - 1]) / 2
        matrix[:, 2] = centre - matrix[:, :2] @ centre
    channels = [
        ndimage.affine_transform(
            channel.astype(float), matrix[:, :2], matrix[:, 2], order=1, mode="constant"
        )
        for channel in np.moveaxis(image, -1, 0)
    ]
    return np.stack(channels, axis=-1)


@pytest.mark.parametrize("all_ops", [False, True])
def test_each_row_is_the_mixture_of_the_paper(all_ops, images):
    policy = AugMix(5, depth=1, all_ops=all_ops)
    batch = images(60, shape=(11, 14, 3)) // 2 + 60
    drawn = policy.draw(np.arange(60), seed=3)
    result = policy.apply(batch, drawn)
    seen = set()
    for row, image in enumerate(batch):
        mixture = np.zeros(image.shape)
        for chain in range(3):
            name = NAMES[drawn["operation"][row, chain, 0]]
            augmented = by_hand(image, name, drawn["strength"][row, chain, 0])
            mixture += drawn["weight"][row, chain] * augmented
            seen.add(name)
        share = drawn["share"][row]
        expected = (1 - share) * image + share * mixture
        assert np.abs(result[row] - expected).max() <= 1.5
    assert seen == set(AUGMIX_ALL if all_ops else AUGMIX_CHOICES)


def test_operations_of_a_chain_follow_each_other(images):
    policy, batch = AugMix(width=2, depth=3), images(30, shape=(11, 14, 3))
    drawn = {**policy.draw(np.arange(30), seed=0), "share": np.ones(30)}
    drawn["weight"] = np.tile([0.0, 1.0], (30, 1))  # the second chain alone is seen
    expected = batch
    for place in range(3):
        part = {name: drawn[name][:, :, [place]] for name in ("operation", "strength")}
        expected = AugMix(width=2, depth=1).apply(expected, {**drawn, **part})
    np.testing.assert_array_equal(policy.apply(batch, drawn), expected)


def test_without_a_share_the_picture_stays(images):
    batch = images(9, dtype="float32")
    drawn = AugMix().draw(np.arange(9), seed=0)
    result = AugMix().apply(batch, {**drawn, "share": np.zeros(9)})
    np.testing.assert_array_equal(result, batch)


def test_integers_are_rounded_once():
    # Two chains that do nothing; each part of the sum would lose something if it were rounded.
    batch = np.full((1, 2, 3, 1), 253, "uint8")
    drawn = {
        "applied": np.ones(1, bool),
        "operation": np.zeros((1, 2, 1), int),
        "strength": np.zeros((1, 2, 1)),
        "weight": np.array([[0.4, 0.6]]),
        "share": np.array([0.7]),
    }
    np.testing.assert_array_equal(AugMix(width=2, depth=1).apply(batch, drawn), batch)
    black = {**drawn, "operation": np.full((1, 2, 1), list(OPERATIONS).index("Posterize"))}
    # 0.3 * 253 is 75.9, and of each chain nothing is left.
    assert (AugMix(width=2, depth=1).apply(batch, black) == 76).all()


def test_bytes_and_floats_come_out_alike(images):
    batch = images(20, shape=(8, 9, 3))
    expected = AugMix()(batch, seed=0).astype(float)
    np.testing.assert_allclose(AugMix()(batch / 255, seed=0) * 255, expected, atol=16)
    assert np.abs(AugMix()(batch / 255, seed=0) * 255 - expected).mean() < 1


def test_what_is_drawn():
    drawn = AugMix().draw(np.arange(9000), seed=0)
    names, strengths = NAMES[drawn["operation"]], drawn["strength"]
    depths = (names != "Identity").sum(axis=2)
    found, counts = np.unique(depths, return_counts=True)
    assert found.tolist() == [1, 2, 3]
    assert np.abs(counts - 9000).max() < 5 * np.sqrt(9000)
    # Chains end; they have no gaps.
    np.testing.assert_array_equal(np.sort(names == "Identity", axis=2), names == "Identity")
    found, counts = np.unique(names[..., 0], return_counts=True)
    assert set(found) == set(AUGMIX_CHOICES)
    assert np.abs(counts - 3000).max() < 5 * np.sqrt(3000)

    np.testing.assert_allclose(drawn["weight"].sum(axis=1), 1)
    # Symmetric Dirichlet of three with alpha 1: each is beta distributed, 1 and 2.
    np.testing.assert_allclose(drawn["weight"].mean(axis=0), 1 / 3, atol=0.015)
    np.testing.assert_allclose(drawn["weight"].var(axis=0), 1 / 18, atol=0.004)
    assert abs(drawn["share"].mean() - 0.5) < 0.015
    assert abs(drawn["share"].var() - 1 / 12) < 0.004

    turns = strengths[names == "Rotate"]
    assert 8.9 < np.abs(turns).max() <= 9
    assert 0.3 <= np.abs(turns).min() < 0.4
    assert abs((turns > 0).mean() - 0.5) < 0.03
    assert np.abs(strengths[names == "ShearY"]).max() == pytest.approx(0.09, abs=1e-3)
    assert set(strengths[names == "Posterize"]) == {3.0, 4.0}
    assert strengths[names == "Solarize"].min() == pytest.approx(0.7 * 256 / 255, abs=1e-3)


def test_severity_and_factors():
    drawn = AugMix(10, all_ops=True, depth=2).draw(np.arange(4000), seed=0)
    names, strengths = NAMES[drawn["operation"]], drawn["strength"]
    assert names.shape == (4000, 3, 2)
    assert set(np.unique(names)) == set(AUGMIX_ALL)
    for name in FACTORS:
        own = strengths[names == name]
        assert own.min() == pytest.approx(0.118, abs=0.01)
        assert own.max() == pytest.approx(1.9, abs=0.01)
    assert set(strengths[names == "Posterize"]) == {1.0, 2.0, 3.0, 4.0}


@pytest.mark.parametrize(
    "targets",
    [
        {"segmentation_masks": np.zeros((2, 5, 7), int)},
        {"keypoints": np.zeros((2, 1, 2))},
        {"bounding_boxes": {"boxes": np.zeros((2, 1, 4)), "labels": np.zeros((2, 1), int)}},
    ],
    ids=lambda targets: next(iter(targets)),
)
def test_targets_that_move_are_refused(targets, images):
    with pytest.raises(ValueError, match=r"several moved copies.*Leave AugMix out"):
        Compose([HorizontalFlip(), AugMix()])({"images": images(2), **targets}, seed=0)


def test_labels_stay(images):
    labels = np.array([3, 1, 2])
    result = AugMix()({"images": images(3), "labels": labels}, seed=0)
    np.testing.assert_array_equal(result["labels"], labels)


def test_p(images):
    batch = images(40)
    half, always = AugMix(p=0.5)(batch, seed=0), AugMix()(batch, seed=0)
    applied = AugMix(p=0.5).draw(np.arange(40), seed=0)["applied"]
    np.testing.assert_array_equal(half[applied], always[applied])
    np.testing.assert_array_equal(half[~applied], batch[~applied])


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: AugMix(0), ValueError, "`severity` must be a number of 1 to 10"),
        (lambda: AugMix(11), ValueError, "Received: severity=11"),
        (lambda: AugMix("3"), TypeError, "`severity` must be a number"),
        (lambda: AugMix(width=0), ValueError, "`width` must be an integer, between 1 and 100"),
        (lambda: AugMix(depth=0), ValueError, "Pass -1 for 1 to 3 at random"),
        (lambda: AugMix(alpha=0), ValueError, "`alpha` must be a number in 0.0001..1e.06"),
        (lambda: AugMix(3, 3, -1, 1, True), TypeError, "positional"),
        (lambda: AugMix(p=-1), ValueError, "`p` must lie in 0..1"),
        (lambda: AugMix(fill_mode="black"), ValueError, "`fill_mode` must be one of"),
    ],
)
def test_bad_arguments(make, error, text):
    with pytest.raises(error, match=text):
        make()
