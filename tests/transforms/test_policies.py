"""RandAugment, TrivialAugment and AutoAugment against Pillow and SciPy, row by row as drawn."""

import base64
import pickle
import zlib

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from scipy import ndimage

from kaug._apply.plan import plan
from kaug._apply.stages import Warp
from kaug.transforms import Compose, HorizontalFlip, OneOf, Rotation
from kaug.transforms._bases.magnitudes import (
    AUTOAUGMENT_POLICIES,
    CHOICES,
    FACTORS,
    GEOMETRIC,
    NUMBERS,
    OPERATIONS,
)
from kaug.transforms.policies import AutoAugment, RandAugment, TrivialAugmentWide

POLICIES = [
    RandAugment(),
    RandAugment(3, 20, num_magnitude_bins=21, fill_mode="reflect", interpolation="bilinear"),
    RandAugment(num_ops=1, p=0.5, fill_value=3),
    TrivialAugmentWide(),
    TrivialAugmentWide(num_magnitude_bins=5, max_translation=0.25),
    AutoAugment(),
    AutoAugment("cifar10", p=0.8),
    AutoAugment("svhn"),
]
every_policy = pytest.mark.parametrize("policy", POLICIES, ids=repr)
NAMES = list(OPERATIONS)


def drawn(policy, count, seed=0):
    parameters = policy.draw(np.arange(count), seed=seed)
    names = np.array(NAMES)[parameters["operation"]]
    return parameters, names, parameters["strength"]


def chosen(name, strength, count=1):
    """Parameters by hand: all rows go through one operation."""
    return {
        "applied": np.ones(count, bool),
        "operation": np.full((count, 1), NUMBERS[name]),
        "strength": np.full((count, 1), float(strength)),
    }


# What they do to pixels -----------------------------------------------------------------------


def by_pillow(image, name, strength):
    """Applies an operation on values to one uint8 image, `(H, W)` or `(H, W, 3)`."""
    picture = Image.fromarray(image)
    if name in FACTORS:
        return np.asarray(getattr(ImageEnhance, name)(picture).enhance(strength))
    if name == "Posterize":
        return np.asarray(ImageOps.posterize(picture, int(strength)))
    if name == "Solarize":
        return np.asarray(ImageOps.solarize(picture, strength * 255))
    return np.asarray(getattr(ImageOps, name.lower())(picture))


def matrix_of(name, strength, shape, longest):
    """Output to input in (row, column), counted from the first pixel's centre, as Pillow has it.

    Pillow's coordinates are those of pixels' corners, half a pixel more than those of centres.
    """
    matrix, half = np.eye(3), np.eye(3)
    half[:2, 2] = 0.5
    if name == "ShearX":
        matrix[1, 0] = strength
    elif name == "ShearY":
        matrix[0, 1] = strength
    elif name == "TranslateX":
        matrix[1, 2] = -int(strength * longest(shape[1]))
    elif name == "TranslateY":
        matrix[0, 2] = -int(strength * longest(shape[0]))
    else:
        angle = np.deg2rad(strength)
        turn = np.eye(3)
        turn[:2, :2] = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
        centre = np.eye(3)
        centre[:2, 2] = np.array(shape[:2]) / 2
        matrix = centre @ turn @ np.linalg.inv(centre)
    return np.linalg.inv(half) @ matrix @ half


def by_scipy(image, matrix, **options):
    channels = [
        ndimage.affine_transform(channel, matrix[:2, :2], matrix[:2, 2], **options)
        for channel in np.moveaxis(image, -1, 0)
    ]
    return np.stack(channels, axis=-1)


def longest_of(policy):
    if isinstance(policy, TrivialAugmentWide):
        return lambda length: min(32, length)
    return lambda length: 150 / 331 * length


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("policy", [RandAugment(1), TrivialAugmentWide()], ids=repr)
def test_each_row_is_what_pillow_makes_of_it(policy, channels, images):
    batch = images(120, shape=(11, 14, channels)) // 2 + 60
    parameters, names, strengths = drawn(policy, len(batch))
    result = policy.apply(batch, parameters)
    assert set(names.flat) == set(CHOICES)
    for before, after, (name,), (strength,) in zip(batch, result, names, strengths, strict=True):
        if name == "Identity" or (name == "Color" and channels == 1):
            np.testing.assert_array_equal(after, before)
            continue
        if name in GEOMETRIC:
            matrix = matrix_of(name, strength, before.shape, longest_of(policy))
            expected = by_scipy(before, matrix, order=0, mode="constant")
            # SciPy and kaug may differ where a coordinate is halfway between two pixels.
            assert (after == expected).mean() > 0.98
            continue
        expected = by_pillow(before[..., 0] if channels == 1 else before, name, strength)
        error = after.reshape(expected.shape).astype(int) - expected
        assert np.abs(error).max() <= 1, (name, strength)


@pytest.mark.parametrize("fill_mode", ["constant", "nearest", "reflect"])
@pytest.mark.parametrize("shape", [(13, 8, 1), (9, 16, 3), (7, 7, 5)])
def test_geometry_is_that_of_scipy(fill_mode, shape, images):
    policy = RandAugment(
        1,
        30,
        fill_mode=fill_mode,
        fill_value=0.25 * (fill_mode == "constant"),
        interpolation="bilinear",
    )
    batch = images(60, shape=shape, dtype="float64")
    parameters, names, strengths = drawn(policy, len(batch), seed=5)
    result = policy.apply(batch, parameters)
    seen = set()
    for before, after, (name,), (strength,) in zip(batch, result, names, strengths, strict=True):
        if name in GEOMETRIC:
            matrix = matrix_of(name, strength, shape, longest_of(policy))
            expected = by_scipy(before, matrix, order=1, mode=fill_mode, cval=0.25)
            np.testing.assert_allclose(after, expected, atol=1e-9)
            seen.add(name)
    assert seen == set(GEOMETRIC)


@pytest.mark.parametrize("name", GEOMETRIC)
@pytest.mark.parametrize("sign", [-1, 1])
def test_geometry_is_that_of_pillow(name, sign):
    rows, columns = np.mgrid[:40, :50]
    image = (rows * 4 + columns).astype("uint8")  # a slope, on which a pixel's error is small
    strength = sign * {"Rotate": 20}.get(name, 0.3)
    policy = RandAugment(1)
    result = policy.apply(image[None, ..., None], chosen(name, strength))[0, ..., 0]
    picture, way = Image.fromarray(image), int(strength * 150 / 331 * 50)
    if name == "Rotate":
        expected = picture.rotate(strength)
    else:
        data = {
            "ShearX": (1, strength, 0, 0, 1, 0),
            "ShearY": (1, 0, 0, strength, 1, 0),
            "TranslateX": (1, 0, -way, 0, 1, 0),
            "TranslateY": (1, 0, 0, 0, 1, -int(strength * 150 / 331 * 40)),
        }[name]
        expected = picture.transform(picture.size, Image.Transform.AFFINE, data)
    # Pillow counts as inside what reaches half a pixel further, so leave the edges out.
    both = (result > 0) & (np.asarray(expected) > 0)
    assert both.mean() > 0.6
    assert (result[both] == np.asarray(expected)[both]).mean() > 0.97


def test_slots_follow_each_other(images):
    policy, batch = RandAugment(3), images(80, shape=(11, 14, 3))
    parameters = policy.draw(np.arange(80), seed=2)
    expected = batch
    for slot in range(3):
        part = {name: parameters[name][:, [slot]] for name in ("operation", "strength")}
        expected = RandAugment(1).apply(expected, {"applied": parameters["applied"], **part})
    np.testing.assert_array_equal(policy.apply(batch, parameters), expected)
    np.testing.assert_array_equal(policy.transform_images(batch, parameters), expected)


def test_wide_moves_by_32_pixels_and_never_further_than_the_image():
    image = np.ones((1, 40, 28, 1), "uint8")
    policy = TrivialAugmentWide()
    down = policy.apply(image, chosen("TranslateY", 1))
    assert down[0, :, 0, 0].tolist() == [0] * 32 + [1] * 8
    assert not policy.apply(image, chosen("TranslateX", 1)).any()
    right = TrivialAugmentWide(max_translation=0.25).apply(image, chosen("TranslateX", 1))
    assert right[0, 0, :, 0].tolist() == [0] * 7 + [1] * 21


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_color_needs_three_channels(channels, images):
    batch = images(4, shape=(6, 5, channels))
    result = RandAugment(1).apply(batch, chosen("Color", 0.1, 4))
    np.testing.assert_array_equal(result, batch)
    assert RandAugment()(batch, seed=0).shape == batch.shape


@pytest.mark.parametrize("name", [*FACTORS, "Posterize", "Solarize", "AutoContrast", "Equalize"])
def test_floats_of_any_range_come_out_alike(name, images):
    batch = images(6, shape=(8, 9, 3)) // 2 + 60
    parameters = chosen(
        name, {"Posterize": 3, "Solarize": 0.6, "AutoContrast": 0}.get(name, 1.4), 6
    )
    expected = RandAugment(1).apply(batch, parameters).astype("float64")
    ones = RandAugment(1).apply(batch / 255, parameters)
    bytes_ = RandAugment(1, value_range=(0, 255)).apply(batch.astype("float32"), parameters)
    np.testing.assert_allclose(ones * 255, expected, atol=2)
    np.testing.assert_allclose(bytes_, expected, atol=2)


# What is drawn --------------------------------------------------------------------------------


def test_operations_are_as_likely():
    _, names, strengths = drawn(RandAugment(), 14_000)
    for slot in range(2):
        found, counts = np.unique(names[:, slot], return_counts=True)
        assert set(found) == set(CHOICES)
        assert np.abs(counts - 1000).max() < 5 * np.sqrt(1000)
    assert abs((names[:, 0] == names[:, 1]).mean() - 1 / 14) < 0.012
    turns = strengths[names == "Rotate"]
    assert set(turns) == {-9.0, 9.0}
    assert abs((turns > 0).mean() - 0.5) < 0.05


@pytest.mark.parametrize(
    ("magnitude", "expected"),
    [
        (0, {"ShearX": 0, "Rotate": 0, "TranslateY": 0, "Color": 1, "Posterize": 8}),
        (9, {"ShearY": 0.09, "TranslateX": 0.3, "Contrast": 1.27, "Posterize": 7}),
        (30, {"ShearX": 0.3, "Rotate": 30, "Sharpness": 1.9, "Posterize": 4, "Solarize": 0}),
    ],
)
def test_magnitudes_of_randaugment(magnitude, expected):
    _, names, strengths = drawn(RandAugment(1, magnitude), 600)
    for name, strength in expected.items():
        found = strengths[names == name]
        assert found.max() == pytest.approx(strength, abs=1e-12)
        if name in FACTORS:
            assert found.min() == pytest.approx(2 - strength)


def test_the_least_magnitude_changes_nothing(images):
    batch = images(100)
    parameters, names, _ = drawn(RandAugment(1, 0), 100)
    kept = ~np.isin(names[:, 0], ["AutoContrast", "Equalize"])
    result = RandAugment(1, 0).apply(batch, parameters)
    np.testing.assert_array_equal(result[kept], batch[kept])
    assert not np.array_equal(result, batch)


def test_magnitudes_of_trivialaugment():
    _, names, strengths = drawn(TrivialAugmentWide(num_magnitude_bins=4), 28_000)
    levels = {
        "ShearX": [-0.99, -0.66, -0.33, 0, 0.33, 0.66, 0.99],
        "Rotate": [-135, -90, -45, 0, 45, 90, 135],
        "TranslateX": [-1, -2 / 3, -1 / 3, 0, 1 / 3, 2 / 3, 1],
        "Brightness": [0.01, 0.34, 0.67, 1, 1.33, 1.66, 1.99],
        "Posterize": [2, 4, 6, 8],
        "Solarize": np.array([0, 1, 2, 3]) * 256 / 3 / 255,
        "Equalize": [0],
    }
    for name, expected in levels.items():
        found, counts = np.unique(strengths[names == name].round(9) + 0.0, return_counts=True)
        np.testing.assert_allclose(found, expected, atol=1e-8)
        shares = np.full(len(found), 1 / 8 if len(found) == 7 else 1 / len(found))
        shares[len(found) // 2] *= 2 if len(found) == 7 else 1
        assert np.abs(counts / counts.sum() - shares).max() < 0.06


@pytest.mark.parametrize(
    ("policy", "pair", "expected"),
    [
        ("imagenet", 0, [("Posterize", 0.4, 8), ("Rotate", 0.6, 9)]),
        ("imagenet", 14, [("Color", 0.6, 4), ("Contrast", 1.0, 8)]),
        ("cifar10", 3, [("ShearY", 0.5, 8), ("TranslateY", 0.7, 9)]),
        ("cifar10", 24, [("TranslateY", 0.7, 9), ("AutoContrast", 0.9, 0)]),
        ("svhn", 0, [("ShearX", 0.9, 4), ("Invert", 0.2, 0)]),
        ("svhn", 22, [("ShearX", 0.7, 9), ("TranslateY", 0.8, 3)]),
    ],
)
def test_tables_of_autoaugment(policy, pair, expected):
    table = AUTOAUGMENT_POLICIES[policy]
    assert table.operations.shape == table.probabilities.shape == table.levels.shape == (25, 2)
    for place, (name, probability, level) in enumerate(expected):
        assert NAMES[table.operations[pair, place]] == name
        assert table.probabilities[pair, place] == probability
        assert table.levels[pair, place] == level / 9


@pytest.mark.parametrize("policy", ["imagenet", "cifar10", "svhn"])
def test_pairs_of_autoaugment_are_drawn_as_the_table_says(policy):
    table = AUTOAUGMENT_POLICIES[policy]
    _, names, strengths = drawn(AutoAugment(policy), 20_000)
    for place in range(2):
        acts = table.probabilities[:, place]
        for name in set(names[:, place]) - {"Identity"}:
            own = table.operations[:, place] == NUMBERS[name]
            assert abs((names[:, place] == name).mean() - acts[own].sum() / 25) < 0.015
        assert abs((names[:, place] != "Identity").mean() - acts.mean()) < 0.015
    if policy == "imagenet":
        # Level 0 is nearly gray, level 2 of 9 half as colorful.
        assert set(strengths[names == "Color"].round(3)) == {0.1, 0.5, 0.9, 1.7}
        assert set(strengths[names == "Posterize"]) == {4.0, 5.0, 6.0}
        assert set(strengths[names == "Rotate"].round(2)) == {-30, -26.67, -10, 10, 26.67, 30}


# What travels along ---------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [RandAugment(), AutoAugment("svhn")], ids=repr)
def test_masks_and_points_follow_the_geometry(policy):
    image = np.zeros((60, 21, 25, 1), "uint8")
    image[:, 9:12, 11:14] = 200
    batch = {
        "images": image,
        "segmentation_masks": image[..., 0] // 200,
        "keypoints": np.full((60, 1, 2), [12.0, 10.0]),
    }
    parameters, names, strengths = drawn(policy, 60, seed=1)
    result = policy.apply(batch, parameters)
    only_moved = np.isin(names, ["Identity", *GEOMETRIC]).all(axis=1)
    assert 5 < only_moved.sum() < 55
    np.testing.assert_array_equal(
        result["images"][only_moved, ..., 0] // 200, result["segmentation_masks"][only_moved]
    )
    for row, (own, by) in enumerate(zip(names, strengths, strict=True)):
        point = np.array([10.0, 12.0, 1.0])
        for name, strength in zip(own, by, strict=True):
            if name in GEOMETRIC:
                matrix = matrix_of(name, strength, (21, 25), longest_of(policy))
                point = np.linalg.inv(matrix) @ point
        np.testing.assert_allclose(result["keypoints"][row, 0], point[1::-1], atol=1e-6)


def test_geometry_merges_with_neighbours(images):
    same = {"fill_mode": "constant", "interpolation": "nearest"}
    policy = Compose([Rotation(10, **same), RandAugment(), HorizontalFlip()])
    operations = plan(policy._course(policy.draw(np.arange(9), seed=0)), (5, 7, 3))
    assert [isinstance(each, Warp) for each in operations].count(True) == 2
    assert isinstance(operations[0], Warp)
    assert isinstance(operations[-1], Warp)
    batch = images(9)
    whole = policy(batch, seed=3)
    np.testing.assert_array_equal(policy(batch[4:], seed=3, index=np.arange(4, 9)), whole[4:])


@every_policy
def test_always_the_same_steps(policy):
    first, second = (list(policy._steps(policy.draw([row], seed=0))) for row in (0, 1))
    assert [step.transform for step in first] == [step.transform for step in second]
    assert {step.transform for step in first} == set(policy._leaves())


def test_inside_of_other_policies(images):
    batch = images(40)
    result = OneOf([RandAugment(p=0), AutoAugment("svhn")])(batch, seed=0)
    changed = (result != batch).any(axis=(1, 2, 3))
    assert 8 < changed.sum() < 32


@pytest.mark.parametrize("kind", [RandAugment, TrivialAugmentWide, AutoAugment])
def test_p(kind, images):
    batch = images(60)
    # Another p leaves all other draws as they are.
    half, always = kind(p=0.5)(batch, seed=0), kind()(batch, seed=0)
    applied = kind(p=0.5).draw(np.arange(60), seed=0)["applied"]
    np.testing.assert_array_equal(half[applied], always[applied])
    np.testing.assert_array_equal(half[~applied], batch[~applied])


def test_repr_names_what_is_no_default():
    assert repr(RandAugment(np.int64(2), 5, value_range=[0, 1])) == (
        "RandAugment(magnitude=5, value_range=(0.0, 1.0))"
    )


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: RandAugment(0), ValueError, "`num_ops` must be an integer, between 1 and 100"),
        (lambda: RandAugment(1.5), TypeError, "`num_ops` must be an integer"),
        (lambda: RandAugment(2, 31), ValueError, "`magnitude` must be .* between 0 and 30"),
        (lambda: RandAugment(2, -1), ValueError, "`magnitude`.*Received: magnitude=-1"),
        (lambda: RandAugment(num_magnitude_bins=1), ValueError, "between 2 and 10000"),
        (lambda: RandAugment(2, 9, 31), TypeError, "positional"),
        (lambda: RandAugment(fill_mode="black"), ValueError, "`fill_mode` must be one of"),
        (lambda: RandAugment(interpolation="cubic"), ValueError, "`interpolation` must be one of"),
        (lambda: RandAugment(value_range=(1, 0)), ValueError, "black below white"),
        (lambda: RandAugment(p=2), ValueError, "`p` must lie in 0..1"),
        (lambda: TrivialAugmentWide(num_magnitude_bins=1), ValueError, "between 2 and 10000"),
        (lambda: TrivialAugmentWide(max_translation=2), ValueError, "part of the image, 0 to 1"),
        (lambda: TrivialAugmentWide(max_translation="a"), TypeError, "part of the image"),
        (lambda: AutoAugment("mnist"), ValueError, "'imagenet', 'cifar10', 'svhn'"),
    ],
)
def test_bad_arguments(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_numbers_of_operations_have_names_and_units():
    names = list(RandAugment.operations)
    numbers = RandAugment().draw(np.arange(200), seed=0)["operation"]
    assert names[0] == "Identity"
    assert {names[number] for number in np.unique(numbers)} >= {"Rotate", "Solarize"}
    assert RandAugment.operations["Rotate"].startswith("degrees")
    with pytest.raises(TypeError):
        RandAugment.operations["Rotate"] = "gradians"


# RandAugment() after a call, by version 0.1: the parts that it had kept are in it.
PICKLE_OF_0_1 = (
    "c-n<h%Wl&^6b&?uJ#mXr#iJX9#HwtvLu`<uHbMqjiV*z(Yn)6xBgQjf9zjJyDx0kCj$r}+z-O@FBarw6z5sEZq)r"
    "==a#!}9bIv{Yao+y?ZKt&eIDA8W*>i>}JJF`Hy{VRBB$y45yryb=?8}NN7e0l@AH#=m1Y{zl%qu-+0pgKX)=_+h?"
    "jk*-(zB4ZRss7$Ic89jI-ym7NHJ=dMSQY==2*96VF)*-A?^QOu_EQGTu*JtZUU)jsf6=bE+cSIzciV=5DGyLf#fC"
    "A6?5h+z`f0eax1mNcH;B`bI}Xm<sBY1Zh6cJBvPXz>+*N>3@!a^egETj4t)V}KGITqV*|ep(O~u6NOgx0<&x1EP7"
    "eRG4&2=|Qu7T?>cohWJH_l3I#1RE=oV{8+W+yTj<3GpkLDqZu>9^|A+?Qdsq<zz@yqNZWXJpg!~?C+mUY_%>a{Kb"
    "m+8HEy@C6iUE$tw#W-Jb%Bh)N*A}r2BJKZLCQ<ka3U}eorm)irPmH|M7WKt@woSEN2wZR0Mx|${l<=nzpW?+`$03"
    "g68FDShSDc(6e-HV4$KL7xO{p_N&}6c{b`*Gl0{gXr=Wjig|1i+hf>uE6EnG+ErJ6D0wj%j(9=tDn(fbQTL{n7"
)


def test_pickles_of_0_1_load():
    policy = pickle.loads(zlib.decompress(base64.b85decode(PICKLE_OF_0_1)))
    assert policy == RandAugment()
    images = np.random.default_rng(0).integers(0, 256, (9, 12, 17, 3), np.uint8)
    np.testing.assert_array_equal(policy(images, seed=1), RandAugment()(images, seed=1))
