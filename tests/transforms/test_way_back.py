"""Predictions brought back to the pictures they were made for: there and back again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaug.transforms import (
    D4,
    Affine,
    BoxSafeCrop,
    Brightness,
    CenterCrop,
    Compose,
    CutMix,
    ElasticDeformation,
    Erasing,
    HorizontalFlip,
    Identity,
    Lambda,
    Letterbox,
    OneOf,
    Pad,
    PadAndCrop,
    Perspective,
    RandAugment,
    RandomCrop,
    RandomIoUCrop,
    RandomResizedCrop,
    Resize,
    Rotate90,
    Rotation,
    SomeOf,
    Sometimes,
    VerticalFlip,
)

SIZES = np.array([(40, 61), (55, 30), (33, 33), (20, 91)])


def forward(policy, points, size, parameters):
    """Returns where the images' pixels go, by way of keypoints of the batch: `(N, P, 2)`."""
    images = np.zeros((len(points), *size, 1), "uint8")
    moved = policy.apply({"images": images, "keypoints": points}, parameters)
    return moved["keypoints"], moved["images"].shape[1:3]


ranges = st.tuples(st.floats(-40, 0), st.floats(0, 40))
shifts = st.tuples(st.floats(-0.4, 0), st.floats(0, 0.4))
sides = st.integers(1, 90)
modes = {"fill_mode": st.sampled_from(["constant", "nearest"])}
leaves = st.one_of(
    st.builds(Rotation, ranges, **modes),
    st.builds(Affine, rotation=ranges, shear=ranges, zoom=st.floats(0, 0.5), height_shift=shifts),
    st.builds(HorizontalFlip),
    st.builds(VerticalFlip, p=st.floats(0, 1)),
    st.builds(Rotate90),
    st.builds(D4),
    st.builds(Letterbox, sides, sides),
    st.builds(lambda height, width: Resize(height=height, width=width), sides, sides),
    st.builds(Resize, sides),
    st.builds(Pad, sides, sides),
    st.builds(PadAndCrop),
    st.builds(RandomResizedCrop, height=sides, width=sides),
    st.builds(Brightness),
    st.builds(Identity),
)
alternatives = st.builds(
    lambda one, other, p: OneOf([one, other], p=p),
    st.builds(Rotation, ranges),
    st.builds(HorizontalFlip),
    st.floats(0, 1),
)


@pytest.mark.filterwarnings("ignore:A quarter turn")
@settings(max_examples=150)
@given(
    policy=st.lists(leaves | alternatives, min_size=1, max_size=5).map(Compose),
    size=st.tuples(sides, sides),
    seed=st.integers(0, 2**40),
)
def test_there_and_back_is_where_one_was(policy, size, seed):
    rng = np.random.default_rng(seed)
    points = rng.uniform(-0.5, 1, (3, 6, 2)) * size[::-1]
    parameters = policy.draw([0, 7, 8], seed=seed)
    moved, after = forward(policy, points, size, parameters)
    back = policy.invert_points(moved, size, parameters)
    assert back.dtype == np.float64
    np.testing.assert_allclose(back, points, atol=1e-6)
    assert after == policy.output_shape((*size, 1))[:2]


EXACT = [
    HorizontalFlip(p=1),
    Compose([VerticalFlip(p=1), Rotate90(p=1)]),
    Letterbox(64, 80),
    Resize(height=50, width=70),
    Compose([Letterbox(96), HorizontalFlip(p=1), Brightness(), Erasing()]),
    RandomResizedCrop((0.9, 1), height=32, width=48),
    Compose([RandomResizedCrop((0.9, 1)), HorizontalFlip(), Letterbox(77)]),
]


@pytest.mark.filterwarnings("ignore:A quarter turn")
@pytest.mark.parametrize("policy", EXACT, ids=repr)
@pytest.mark.parametrize("box_format", ["xyxy", "yxyx", "center_xywh", "rel_xywh", "REL_XYXY"])
def test_boxes_come_back(policy, box_format):
    """Boxes that stay in the picture, of every form: what the batch does to them is undone."""
    size, rng = (60, 100), np.random.default_rng(0)
    middle = rng.uniform(0.4, 0.6, (4, 3, 2)) * size[::-1]
    corners = np.concatenate([middle - 8, middle + 8], axis=-1)
    given_boxes = as_format(corners, box_format.lower(), size)
    parameters = policy.draw(np.arange(4), seed=3)
    batch = {
        "images": np.zeros((4, *size, 1), "uint8"),
        "bounding_boxes": {"boxes": given_boxes, "labels": np.zeros((4, 3), int)},
        "bounding_box_format": box_format,
    }
    made = policy.apply(batch, parameters)["bounding_boxes"]
    back = policy.invert_boxes(
        made["boxes"], size, parameters, bounding_box_format=box_format, clip=True
    )
    np.testing.assert_allclose(back, given_boxes, rtol=0, atol=1e-9)


def as_format(corners, box_format, size):
    start, stop = corners[..., :2], corners[..., 2:]
    if "rel_" in box_format:
        start, stop = start / size[::-1], stop / size[::-1]
    form = box_format.removeprefix("rel_")
    if form == "yxyx":
        start, stop = start[..., ::-1], stop[..., ::-1]
    if form == "xywh":
        return np.concatenate([start, stop - start], axis=-1)
    if form == "center_xywh":
        return np.concatenate([(start + stop) / 2, stop - start], axis=-1)
    return np.concatenate([start, stop], axis=-1)


def test_images_of_different_sizes_by_eye():
    """In 64 × 64, one of 64 × 128 is halved and 16 lower; one of 64 × 32 is 16 to the right."""
    found = np.array([[[16.0, 24, 32, 40]], [[16.0, 24, 32, 40]]])
    back = Letterbox(64).invert_boxes(found, [(64, 128), (64, 32)])
    np.testing.assert_array_equal(back, [[[32, 16, 64, 48]], [[0, 24, 16, 40]]])
    points = Letterbox(64).invert_points(found[:, :, :2], [(64, 128), (64, 32)])
    np.testing.assert_array_equal(points, [[[32.5, 16.5]], [[0, 24]]])
    flipped = Compose([Letterbox(64), HorizontalFlip(p=1)])
    back = flipped.invert_boxes(found, [(64, 128), (64, 32)])
    np.testing.assert_array_equal(back, [[[64, 16, 96, 48]], [[16, 24, 32, 40]]])


def test_the_padding_of_a_letterbox_is_outside():
    found = np.array([[[0.0, 0, 64, 64]]])
    letterbox = Letterbox(64)
    np.testing.assert_array_equal(letterbox.invert_boxes(found, (64, 128)), [[[0, -32, 128, 96]]])
    np.testing.assert_array_equal(
        letterbox.invert_boxes(found, (64, 128), clip=True), [[[0, 0, 128, 64]]]
    )


def test_a_turned_box_is_enclosed():
    turned = Rotation((45, 45)).invert_boxes(np.array([[[40.0, 40, 60, 60]]]), (100, 100))
    half = 10 * np.sqrt(2)
    np.testing.assert_allclose(turned, [[[50 - half, 50 - half, 50 + half, 50 + half]]])


@pytest.mark.parametrize("value", [0, -1])
def test_padding_stays(value):
    boxes = np.full((2, 3, 4), float(value))
    boxes[:, 0] = [10, 20, 30, 30]
    back = Letterbox(64).invert_boxes(boxes, (64, 128))
    np.testing.assert_array_equal(back[:, 1:], boxes[:, 1:])
    np.testing.assert_array_equal(back[:, 0], [[20, 8, 60, 28]] * 2)


@pytest.mark.parametrize(
    ("dtype", "result"), [("float64", "float64"), ("float32", "float32"), ("int64", "float32")]
)
def test_dtypes_and_no_rows(dtype, result):
    boxes, points = np.ones((0, 3, 4), dtype), np.ones((2, 0, 3), dtype)
    letterbox = Letterbox(9)
    for sizes in ((5, 7), np.zeros((0, 2), int)):
        assert letterbox.invert_boxes(boxes, sizes).dtype == result
        assert letterbox.invert_boxes(boxes, sizes).shape == (0, 3, 4)
    assert letterbox.invert_points(points, (5, 7)).shape == (2, 0, 3)
    assert letterbox.invert_points(points, (5, 7)).dtype == result
    half = letterbox.invert_points(np.full((1, 1, 2), 3, "float16"), (5, 7))
    assert half.dtype == "float32"


def test_a_third_number_of_a_point_stays():
    points = np.array([[[3.0, 0.0, 0.25]]])
    back = VerticalFlip(p=1).invert_points(points, (10, 20))
    np.testing.assert_array_equal(back, [[[3, 9, 0.25]]])
    np.testing.assert_array_equal(points, [[[3, 0, 0.25]]])


WITHOUT_CHANCE = [
    Letterbox(9),
    Resize(9),
    CenterCrop(3),
    HorizontalFlip(p=1),
    HorizontalFlip(p=0),
    Rotation((30, 30)),
    Compose([Letterbox(9), Brightness(0.5), Erasing(p=0.5)]),
    OneOf([HorizontalFlip(p=1), Rotation(9)], weights=[1, 0]),
    Sometimes(Rotation(9), p=0),
    Sometimes(Brightness(), p=0.5),
    SomeOf([HorizontalFlip(p=1), Resize(7)], n=2),
    Compose([]),
]
WITH_CHANCE = [
    HorizontalFlip(),
    HorizontalFlip(p=1e-9),
    HorizontalFlip(p=1 - 1e-9),
    Rotation(10),
    RandomCrop(3),
    RandomResizedCrop(),
    PadAndCrop(),
    Compose([Letterbox(9), HorizontalFlip()]),
    OneOf([HorizontalFlip(p=1), VerticalFlip(p=1)]),
    OneOf([HorizontalFlip(p=1), VerticalFlip(p=1)], weights=[1e-9, 1]),
    SomeOf([HorizontalFlip(p=1), VerticalFlip(p=1), Identity()], n=1),
    SomeOf([HorizontalFlip(p=1), VerticalFlip(p=1)], n=(1, 2)),
    Sometimes(HorizontalFlip(p=1), p=0.001),
    RandAugment(),
]
POINTS = np.array([[[1.0, 2.0]]])


@pytest.mark.parametrize("policy", WITHOUT_CHANCE, ids=repr)
def test_without_chance_no_parameters_are_needed(policy):
    expected = policy.invert_points(POINTS, (11, 13), policy.draw([5], seed=8))
    np.testing.assert_array_equal(policy.invert_points(POINTS, (11, 13)), expected)


@pytest.mark.parametrize("policy", WITH_CHANCE, ids=repr)
def test_with_chance_parameters_are_needed(policy):
    with pytest.raises(ValueError, match=r"needs what was drawn.*Pass what `draw` returned"):
        policy.invert_points(POINTS, (11, 13))
    policy.invert_points(POINTS, (11, 13), policy.draw([0], seed=0))


NOT_AFFINE = [
    (Perspective(), "affine transforms, and those of values. Received: Perspective"),
    (Compose([Letterbox(9), ElasticDeformation()]), "Received: ElasticDeformation"),
    (Lambda(np.negative), "Received: Lambda"),
    (Compose([Letterbox(9), CutMix()]), "Received: CutMix"),
    (BoxSafeCrop(), "needs crops whose place is drawn. Received: BoxSafeCrop"),
    (Compose([RandomIoUCrop(9), HorizontalFlip()]), "Received: RandomIoUCrop"),
]


@pytest.mark.parametrize(("policy", "text"), NOT_AFFINE, ids=[repr(p) for p, _ in NOT_AFFINE])
def test_what_has_no_way_back(policy, text):
    for parameters in (None, policy.draw([0], seed=0)):
        with pytest.raises(ValueError, match=text):
            policy.invert_points(POINTS, (11, 13), parameters)


BOXES = np.array([[[1.0, 2, 5, 6]]])
BAD = [
    (lambda t: t.invert_boxes(BOXES[0], (5, 7)), ValueError, r"shape \(N, P, 4\). Received"),
    (lambda t: t.invert_boxes(BOXES[..., :3], (5, 7)), ValueError, r"shape \(N, P, 4\)"),
    (lambda t: t.invert_boxes(BOXES.astype(str), (5, 7)), ValueError, "`boxes` must be numbers"),
    (lambda t: t.invert_boxes([[[1, 2, 3, 4]], []], (5, 7)), ValueError, "equal lengths"),
    (lambda t: t.invert_boxes(BOXES * np.nan, (5, 7)), ValueError, "must hold finite numbers"),
    (lambda t: t.invert_boxes(BOXES[..., ::-1], (5, 7)), ValueError, "must end to the right of"),
    (lambda t: t.invert_boxes(BOXES / 9, (5, 7)), ValueError, "These look like fractions"),
    (lambda t: t.invert_boxes(BOXES, (5, 7), clip="no"), TypeError, "`clip` must be"),
    (
        lambda t: t.invert_boxes(BOXES, (5, 7), bounding_box_format="coco"),
        ValueError,
        "`bounding_box_format` must be one of",
    ),
    (lambda t: t.invert_boxes(BOXES, (5.0, 7)), TypeError, "`size` must be .height, width."),
    (lambda t: t.invert_boxes(BOXES, (5, 7, 3)), ValueError, "`size` must be .height, width."),
    (lambda t: t.invert_boxes(BOXES, [(5, 7)] * 2), ValueError, "for each of the 1"),
    (lambda t: t.invert_boxes(BOXES, (0, 7)), ValueError, "Sides are 1.."),
    (lambda t: t.invert_points(BOXES, (5, 7)), ValueError, r"\(N, P, 2\) or \(N, P, 3\)"),
    (
        lambda t: t.invert_points(POINTS, (5, 7), t.draw([0, 1], seed=0)),
        ValueError,
        "as many rows as there are images",
    ),
    (lambda t: t.invert_points(POINTS, (5, 7), {}), ValueError, "`parameters` must be a dict"),
    (
        lambda t: t.invert_points(POINTS, (5, 7), {**t.draw([0], seed=0), "quarters": [9]}),
        ValueError,
        "with 'quarters'",
    ),
]


@pytest.mark.parametrize(("call", "error", "text"), BAD)
def test_bad_arguments(call, error, text):
    with pytest.raises(error, match=text):
        call(HorizontalFlip(p=1))


def test_numbers_that_were_not_drawn_are_refused():
    crop = RandomResizedCrop()
    parameters = crop.draw([0], seed=0)
    with pytest.raises(ValueError, match="`top` of RandomResizedCrop must be at least 0 and at"):
        crop.invert_points(POINTS, (5, 7), {**parameters, "top": np.array([2.0])})


def test_a_picture_smaller_than_its_crop_is_refused():
    with pytest.raises(ValueError, match="needs images that are at least as large"):
        CenterCrop(9).invert_points(POINTS, (5, 7))


def test_views_of_a_detector_agree():
    """Test-time augmentation: what is found in each view is brought back to one place."""
    rng = np.random.default_rng(0)
    views = [
        Letterbox(96),
        Compose([Letterbox(96), HorizontalFlip(p=1)]),
        Compose([Letterbox(128), VerticalFlip(p=1)]),
        Resize(height=100, width=130),
    ]
    pictures, boxes = [], []
    for height, width in SIZES:
        picture = np.zeros((height, width, 3), "uint8")
        top, left = rng.integers(0, (height - 10, width - 14))
        picture[top : top + 10, left : left + 14] = 255
        pictures.append(picture)
        boxes.append([left, top, left + 14, top + 10])
    for view in views:
        found = np.array([[bright_box(image)] for image in view(pictures)])
        back = view.invert_boxes(found, SIZES, clip=True)
        scale = SIZES.max(axis=1)[:, np.newaxis] / 96  # one pixel of a view
        assert (np.abs(back[:, 0] - boxes) <= np.maximum(scale, 1)).all()


def bright_box(image):
    """A detector: the box of what is bright."""
    bright = image[..., 0] > 127
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    return [columns[0], rows[0], columns[-1] + 1.0, rows[-1] + 1.0]
