"""Boxes: formats against Keras, and what is left of them against boxes one can check by eye."""

import keras
import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from kaug import AugmentedDataset, augment_dataset, augment_rows
from kaug._apply.boxes import FORMATS, clip, enclose, from_corners, outline, to_corners
from kaug.transforms import (
    Affine,
    Brightness,
    Compose,
    ElasticDeformation,
    HorizontalFlip,
    Identity,
    Lambda,
    OneOf,
    PadAndCrop,
    Perspective,
    RandomResizedCrop,
    Rotate90,
    Rotation,
    Translation,
    VerticalFlip,
    Zoom,
)

SIZE = (10, 20)  # height, width
IMAGES = np.zeros((1, *SIZE, 1), "uint8")
BOX = (2, 1, 8, 4)  # left, top, right, bottom


def moved(transform, box=BOX, seed=0, **options):
    """Returns the boxes and labels of one image with a box after a transform."""
    options = {"bounding_box_format": "xyxy", **options}
    boxes = {"boxes": np.array([[box]], "float32"), "labels": np.array([[7]])}
    result = transform({"images": IMAGES, "bounding_boxes": boxes, **options}, seed=seed)
    return result["bounding_boxes"]["boxes"][0].tolist(), result["bounding_boxes"]["labels"][0, 0]


# Keras knows what its formats mean.
@pytest.mark.parametrize("box_format", FORMATS)
def test_formats_are_those_of_keras(box_format):
    rng = np.random.default_rng(0)
    starts = rng.uniform(0, 5, (3, 4, 2))
    corners = np.concatenate([starts, starts + rng.uniform(0.5, 5, (3, 4, 2))], axis=-1)
    convert = keras.utils.bounding_boxes.convert_format
    theirs = np.asarray(
        convert(corners.astype("float32"), "xyxy", box_format, height=SIZE[0], width=SIZE[1])
    )
    np.testing.assert_allclose(from_corners(corners, box_format, SIZE), theirs, rtol=1e-5)
    np.testing.assert_allclose(to_corners(theirs, box_format, SIZE), corners, rtol=1e-5)


def test_all_formats_of_keras_are_there():
    from keras.src.layers.preprocessing.image_preprocessing.bounding_boxes import formats

    names = {name.lower() for name in vars(formats) if name.isupper()}
    assert len(names) == 7
    assert names <= set(FORMATS)


@pytest.mark.parametrize("box_format", FORMATS)
def test_a_flip_in_every_format(box_format):
    own = from_corners(np.array(BOX, float), box_format, SIZE)
    boxes, _ = moved(HorizontalFlip(1), own, bounding_box_format=box_format)
    expected = from_corners(np.array([12.0, 1, 18, 4]), box_format, SIZE)
    np.testing.assert_allclose(boxes[0], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        (Identity(), BOX),
        (HorizontalFlip(1), (12, 1, 18, 4)),
        (VerticalFlip(1), (2, 6, 8, 9)),
        (Compose([HorizontalFlip(1), VerticalFlip(1)]), (12, 6, 18, 9)),
        (Rotation((180, 180)), (12, 6, 18, 9)),
        (Translation((0.1, 0.1), (0.2, 0.2)), (6, 2, 12, 5)),
        (Translation((-0.2, -0.2), (0, 0)), (2, 0, 8, 2)),  # cut off at the top
        # A quarter turn about the centre (10, 5): x - 10 becomes y - 5, y - 5 becomes 10 - x.
        (Rotation((90, 90)), (6, 7, 9, 10)),
        (Rotation((-90, -90)), (11, 0, 14, 3)),
        (Zoom((2, 2)), (0, 0, 6, 3)),
        (Zoom((0.5, 0.5)), (6, 3, 9, 4.5)),
        (Compose([Zoom((0.5, 0.5)), Translation((0, 0), (0.5, 0.5))]), (16, 3, 19, 4.5)),
    ],
    ids=repr,
)
def test_boxes_by_eye(transform, expected):
    boxes, label = moved(transform)
    np.testing.assert_allclose(boxes, [expected], atol=1e-5)
    assert label == 7


def test_a_box_of_half_a_turn_encloses_what_was_in_it():
    # A square of 4 about the centre, turned by 45 degrees.
    boxes, _ = moved(Rotation((45, 45)), (8, 3, 12, 7))
    half = np.sqrt(8)
    np.testing.assert_allclose(boxes, [[10 - half, 5 - half, 10 + half, 5 + half]], rtol=1e-6)


def test_boxes_that_have_left_become_padding():
    boxes, label = moved(Translation((0, 0), (-0.5, -0.5)))
    assert label == -1
    assert boxes == [[0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("least", "label"), [(0.0, 7), (0.3, 7), (1 / 3, 7), (0.34, -1), (1.0, -1)]
)
def test_min_visible_area(least, label):
    # Moved by 6 of 20 pixels, of which 2 of 6 are left in the image.
    boxes, got = moved(Translation((0, 0), (-0.3, -0.3)), min_visible_area=least)
    assert got == label
    np.testing.assert_allclose(boxes, [[0, 1, 2, 4] if label == 7 else [0] * 4], atol=1e-5)


# Rounded to single precision, edges on the border lie up to one part in a million outside.
@pytest.mark.parametrize("box_format", FORMATS)
@pytest.mark.parametrize("transform", [Identity(), HorizontalFlip(1), VerticalFlip(1)])
def test_boxes_that_touch_the_border_are_wholly_visible(box_format, transform):
    height, width, count = 371, 523, 500
    rng = np.random.default_rng(0)
    start = rng.uniform(0, 320, (count, 2))
    end = np.where(rng.random((count, 2)) < 0.5, [width, height], start + 50)
    corners = np.concatenate([start, end], axis=-1)[np.newaxis]
    boxes = from_corners(corners, box_format, (height, width)).astype("float32")
    given = {"boxes": boxes, "labels": np.ones((1, count), "int64")}
    batch = {"images": np.zeros((1, height, width), "uint8"), "bounding_boxes": given}
    batch |= {"bounding_box_format": box_format, "min_visible_area": 1.0}
    assert (transform(batch, seed=0)["bounding_boxes"]["labels"] == 1).all()


@pytest.mark.parametrize(
    ("beyond", "width", "label"),
    [(1e-7, 20, 7), (6e-4, 20, 7), (2e-3, 20, -1), (3e-4, 3000, 7), (6e-4, 3000, -1)],
)
@pytest.mark.parametrize("relative", [True, False])
def test_only_rounding_puts_boxes_outside(beyond, width, label, relative):
    box = np.array([[[-beyond, 0.5, 1 + beyond, 0.9]]])
    if not relative:
        box = box * [width, 10, width, 10]
    given = {"boxes": box, "labels": np.array([[7]])}
    images = np.zeros((1, 10, width), "uint8")
    batch = {"images": images, "bounding_boxes": given, "min_visible_area": 1.0}
    batch["bounding_box_format"] = "rel_xyxy" if relative else "xyxy"
    result = HorizontalFlip(1)(batch, seed=0)["bounding_boxes"]
    assert result["labels"] == label
    whole = [0, 0.5, 1, 0.9] if relative else [0, 5, width, 9]
    np.testing.assert_allclose(result["boxes"][0, 0], whole if label == 7 else [0] * 4)


def test_what_is_hardly_beyond_the_border_is_not_brought_in():
    boxes = np.array([[[20.01, 2, 20.02, 8], [-0.01, 2, 0, 8]]])
    given = {"boxes": boxes, "labels": np.array([[7, 7]])}
    moved = HorizontalFlip(1)(
        {"images": np.zeros((1, 10, 20), "uint8"), "bounding_boxes": given}, seed=0
    )
    assert (moved["bounding_boxes"]["labels"] == -1).all()


def test_half_precision_loses_no_pixels():
    boxes = {"boxes": np.array([[[3, 1, 1000.5, 4]]], "float16"), "labels": np.array([[3]])}
    points = np.array([[[3, 1]]], "float16")
    batch = {"images": np.zeros((1, 9, 3001), "uint8"), "bounding_boxes": boxes}
    moved = HorizontalFlip(1)({**batch, "keypoints": points}, seed=0)
    assert moved["bounding_boxes"]["boxes"].tolist() == [[[2000.5, 1, 2998, 4]]]
    assert moved["keypoints"].tolist() == [[[2997, 1]]]


def test_padding_stays_padding_and_in_its_place():
    boxes = {
        "boxes": np.array([[[0, 0, 0, 0], BOX, [0, 0, 4, 4], BOX]], "float32"),
        "labels": np.array([[-1, 3, 5, -1]]),
    }
    batch = {"images": IMAGES, "bounding_boxes": boxes}
    result = Translation((0, 0), (-0.3, -0.3))(batch, seed=0)["bounding_boxes"]
    assert result["labels"].tolist() == [[-1, 3, -1, -1]]
    expected = [[0, 0, 0, 0], [0, 1, 2, 4], [0, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(result["boxes"][0], expected, atol=1e-5)


def test_ragged_lists_are_padded():
    images = np.zeros((3, *SIZE), "uint8")
    boxes = {
        "boxes": [[BOX, (0, 0, 4, 4)], [], np.array([(1, 1, 2, 2)])],
        "labels": [[3, 5], [], np.array([9])],
    }
    result = HorizontalFlip(1)({"images": images, "bounding_boxes": boxes}, seed=0)
    result = result["bounding_boxes"]
    assert result["labels"].tolist() == [[3, 5], [-1, -1], [9, -1]]
    assert result["labels"].dtype == np.int64
    assert result["boxes"].dtype == np.float32
    assert result["boxes"][:, 0].tolist() == [[12, 1, 18, 4], [0, 0, 0, 0], [18, 1, 19, 2]]


@pytest.mark.parametrize(
    ("boxes", "labels", "received"),
    [
        ([[BOX], None], [[3], None], r"None .* and None .* for image 1"),
        ([[BOX], []], [[3], None], r"\[\] .* and None .* for image 1"),
        ([[BOX], [BOX]], np.array([3, 5]), r"for image 0"),
    ],
)
def test_lists_without_an_array_for_an_image(boxes, labels, received):
    batch = {"images": np.zeros((2, *SIZE)), "bounding_boxes": {"boxes": boxes, "labels": labels}}
    text = rf"lists with one array for each image. Received: .*{received}.*np\.zeros\(\(0, 4\)\)"
    with pytest.raises(ValueError, match=text):
        HorizontalFlip(1)(batch, seed=0)
    batch["bounding_boxes"] = {"boxes": [[BOX], np.zeros((0, 4))], "labels": [[3], []]}
    moved = HorizontalFlip(1)(batch, seed=0)["bounding_boxes"]
    assert moved["labels"].tolist() == [[3], [-1]]


def test_ragged_lists_in_a_dataset():
    images = np.zeros((3, *SIZE), "uint8")
    boxes = {"boxes": [[BOX, (0, 0, 4, 4)], [], [(1, 1, 2, 2)]], "labels": [[3, 5], [], [9]]}
    y = {"bounding_boxes": boxes, "bounding_box_format": "xyxy"}
    options = {"seed": 0, "return_index": True}
    _, y_all, index = augment_dataset(images, y, 20, HorizontalFlip(1), **options)
    assert list(y_all) == ["bounding_boxes", "bounding_box_format"]
    dense = y_all["bounding_boxes"]
    assert dense["labels"][:3].tolist() == [[3, 5], [-1, -1], [9, -1]]
    np.testing.assert_array_equal(dense["labels"], dense["labels"][:3][index])
    flipped = np.where(dense["labels"][..., None] < 0, 0, 20 - dense["boxes"][:3][index])
    np.testing.assert_array_equal(dense["boxes"][3:, :, 0], flipped[3:, :, 2])
    np.testing.assert_array_equal(dense["boxes"][3:, :, 2], flipped[3:, :, 0])
    _, y_rows, _ = augment_rows(images, y, [19, 4], HorizontalFlip(1), **options)
    for name, array in y_rows["bounding_boxes"].items():
        np.testing.assert_array_equal(array, dense[name][3:][[19, 4]])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "uint8"])
def test_dtypes_of_boxes(dtype):
    boxes = {"boxes": np.array([[BOX]], dtype), "labels": np.array([[3.0]], "float32")}
    result = HorizontalFlip(1)({"images": IMAGES, "bounding_boxes": boxes}, seed=0)
    result = result["bounding_boxes"]
    assert result["boxes"].dtype == (dtype if dtype == "float64" else "float32")
    assert result["labels"].dtype == "float32"
    assert result["boxes"].tolist() == [[[12, 1, 18, 4]]]


@pytest.mark.parametrize("shape", [(0, 2, 4), (0, 0, 4), (2, 0, 4)])
def test_no_boxes(shape):
    boxes = {"boxes": np.zeros(shape, "float32"), "labels": np.zeros(shape[:2], "int64")}
    batch = {"images": np.zeros((shape[0], *SIZE)), "bounding_boxes": boxes}
    result = Rotation()(batch, seed=0)["bounding_boxes"]
    assert result["boxes"].shape == shape
    assert result["labels"].shape == shape[:2]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("box_format", FORMATS)
def test_rows_that_are_left_alone_keep_their_boxes(dtype, box_format):
    rng = np.random.default_rng(0)
    corners = np.sort(rng.uniform(0, 10, (50, 3, 2, 2)), axis=2).reshape(50, 3, 4)
    own = from_corners(corners, box_format, SIZE).astype(dtype)
    boxes = {"boxes": own, "labels": np.ones((50, 3), int)}
    batch = {"images": np.zeros((50, *SIZE)), "bounding_boxes": boxes}
    result = Rotation(p=0)({**batch, "bounding_box_format": box_format}, seed=0)
    tolerance = 0 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(result["bounding_boxes"]["boxes"], own, rtol=0, atol=tolerance * 20)


boxes_inside = st.tuples(
    st.integers(0, 27), st.integers(0, 17), st.integers(3, 10), st.integers(3, 10)
)


@for_all(
    boxes_inside,
    st.floats(-180, 180),
    st.floats(0.5, 2),
    st.floats(-0.3, 0.3),
    st.floats(-0.3, 0.3),
    st.integers(0, 99),
)
def test_the_box_encloses_what_is_seen_of_a_painted_one(box, angle, zoom, down, right, seed):
    """Paints the box, moves the picture, and looks where the paint is."""
    left, top, width, height = box
    image = np.zeros((1, 31, 41), "uint8")
    image[0, top : top + height, left : left + width] = 1
    policy = Compose(
        [
            Rotation((angle, angle), fill_mode="constant", interpolation="nearest"),
            HorizontalFlip(),
            Zoom((zoom, zoom), fill_mode="constant", interpolation="nearest"),
            Rotate90(),
            Translation(
                (down, down), (right, right), fill_mode="constant", interpolation="nearest"
            ),
        ]
    )
    boxes = {
        "boxes": np.array([[[left, top, width, height]]], "float32"),
        "labels": np.array([[1]]),
    }
    batch = {"images": image, "bounding_boxes": boxes, "bounding_box_format": "xywh"}
    result = policy(batch, seed=seed)
    assert result["bounding_box_format"] == "xywh"
    rows, columns = np.nonzero(result["images"][0])
    found = result["bounding_boxes"]
    if found["labels"][0, 0] == -1:
        # A sliver at the edge may be in the box's outline and in no pixel's centre, never the other
        # way round.
        assert not len(rows)
        return
    x, y, box_width, box_height = found["boxes"][0, 0]
    assert 0 <= x <= x + box_width <= 41
    assert 0 <= y <= y + box_height <= 31
    if len(rows):
        # A pixel that shows paint has its centre in the box.
        assert x <= columns.min() + 0.51
        assert columns.max() + 0.49 <= x + box_width
        assert y <= rows.min() + 0.51
        assert rows.max() + 0.49 <= y + box_height
        turned = min(angle % 90, 90 - angle % 90)
        if turned < 1e-6:  # straight boxes fit tightly as well
            assert x >= columns.min() - 0.51 * zoom - 0.5
            assert x + box_width <= columns.max() + 1.5 + 0.51 * zoom


def test_outlines_have_the_corners_and_enclose_gives_the_box_back():
    corners = np.array([[[2.0, 1, 8, 4], [0, 0, 0, 0]]])
    points = outline(corners)
    assert points.shape == (1, 32, 2)
    on_the_outline = {tuple(point) for point in points[0, :16].tolist()}
    assert {(1.5, 0.5), (7.5, 0.5), (7.5, 3.5), (1.5, 3.5)} <= on_the_outline
    np.testing.assert_array_equal(enclose(points, 2), corners)


def test_clipping():
    corners = np.array([[[-5.0, -5, 5, 5], [15, 8, 25, 12], [3, 3, 3, 9]]])
    assert clip(corners, SIZE)[0].tolist() == [[0, 0, 5, 5], [15, 8, 20, 10], [3, 3, 3, 9]]


# What has left --------------------------------------------------------------------------------

CONSTANT = {"fill_mode": "constant"}
AWAY, BACK = (Translation((0, 0), (by, by), **CONSTANT) for by in (-0.3, 0.3))
APART = Brightness()  # two transforms with it between them resample twice


def test_what_was_cut_off_does_not_come_back():
    boxes, label = moved(Compose([AWAY, APART, BACK]))
    np.testing.assert_allclose(boxes, [[6, 1, 8, 4]], atol=1e-5)
    assert label == 7
    assert moved(Compose([AWAY, APART, BACK]), (2, 1, 6, 4)) == ([[0, 0, 0, 0]], -1)
    # One resampling cuts nothing off on the way.
    assert moved(Compose([AWAY, BACK]), (2, 1, 6, 4)) == ([[2, 1, 6, 4]], 7)


@pytest.mark.parametrize(("least", "label"), [(1 / 3, 7), (0.34, -1)])
def test_min_visible_area_is_of_the_least_that_was_seen(least, label):
    _, got = moved(Compose([AWAY, APART, BACK]), min_visible_area=least)
    assert got == label


def test_parts_cut_off_one_after_the_other_add_up():
    up = Translation((-0.3, -0.3), (0, 0), **CONSTANT)
    policy = Compose([AWAY, APART, up])  # a third, and a third of that: 6 x 3 pixels, then 2 x 1
    assert moved(policy, min_visible_area=0.11)[1] == 7
    assert moved(policy, min_visible_area=0.112)[1] == -1


def test_what_was_outside_to_begin_with_does_not_come_in():
    boxes, label = moved(BACK, (-4, 1, 4, 4), min_visible_area=0.5)
    np.testing.assert_allclose(boxes, [[6, 1, 10, 4]], atol=1e-5)
    assert label == 7
    assert moved(BACK, (-4, 1, 4, 4), min_visible_area=0.51)[1] == -1
    assert moved(BACK, (-4, 1, 0, 4)) == ([[0, 0, 0, 0]], -1)


def test_a_turned_box_is_seen_only_where_it_is_itself():
    # Its corner sticks out of the square around it, which reaches into the picture.
    turn = Affine(rotation=(45, 45), width_shift=(0.5, 0.5), **CONSTANT)
    boxes, label = moved(turn, (8, 3, 12, 7))
    half = np.sqrt(8)
    np.testing.assert_allclose(boxes, [[20 - half, 5 - half, 20, 5 + half]], rtol=1e-6)
    assert label == 7
    boxes, _ = moved(Compose([turn, APART, Translation((0, 0), (0.05, 0.05))]), (8, 3, 12, 7))
    np.testing.assert_allclose(boxes, [[21 - half, 5 - half + 1, 20, 5 + half - 1]], rtol=1e-6)


def test_a_box_must_hold_the_centre_of_a_pixel():
    # Of 8 columns 0.6 are left, and then 0.4.
    assert moved(Translation((0, 0), (-0.37, -0.37)), (2, 1, 8, 4))[1] == 7
    assert moved(Translation((0, 0), (-0.38, -0.38)), (2, 1, 8, 4)) == ([[0, 0, 0, 0]], -1)
    assert moved(Zoom((0.1, 0.1)), (2, 1, 8, 4))[1] == -1
    # One that never did is let off.
    assert moved(HorizontalFlip(1), (3.75, 1, 4.25, 4)) == ([[15.75, 1, 16.25, 4]], 7)
    assert moved(Translation((0, 0), (-0.3, -0.3)), (3.75, 1, 4.25, 4))[1] == -1


def painted(count, height, width, seed):
    """Returns images with four boxes each of 8 to 20 pixels, and a mask for each box."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(8, 21, (count, 4, 2))
    starts = rng.integers(0, [width + 1, height + 1] - sizes)
    boxes = np.concatenate([starts, starts + sizes], axis=-1)
    x, y = np.arange(width), np.arange(height)[:, np.newaxis]
    left, top, right, bottom = (boxes[..., i, np.newaxis, np.newaxis] for i in range(4))
    masks = (left <= x) & (x < right) & (top <= y) & (y < bottom)
    return {
        "images": np.zeros((count, height, width), "uint8"),
        "segmentation_masks": np.moveaxis(masks, 1, -1).astype("uint8"),
        "bounding_boxes": {"boxes": boxes.astype("float32"), "labels": np.ones((count, 4), int)},
    }


@pytest.mark.parametrize(
    ("policy", "strip"),
    [
        (Affine(rotation=180, width_shift=0.6, height_shift=0.6, zoom=0.5, **CONSTANT), 0),
        (
            Compose(
                [
                    RandomResizedCrop(),
                    Affine(rotation=15, width_shift=0.1, height_shift=0.1, **CONSTANT),
                ]
            ),
            2,
        ),
        (Compose([RandomResizedCrop((0.2, 0.5)), APART, HorizontalFlip()]), 0),
        (Compose([RandomResizedCrop(height=31, width=40), APART, Rotation(90, **CONSTANT)]), 2),
        (Compose([Perspective(0.5, **CONSTANT), Translation(0.5, 0.5, **CONSTANT)]), 2),
        (Compose([PadAndCrop(0.3), APART, VerticalFlip(), APART, PadAndCrop(0.3)]), 0),
        (
            Compose(
                [
                    Affine(rotation=40, width_shift=0.4, **CONSTANT),
                    ElasticDeformation(**CONSTANT),
                    OneOf([Translation(0.4, 0.4, **CONSTANT), Zoom((1.2, 2), **CONSTANT)]),
                ]
            ),
            4,
        ),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_boxes_are_seen_where_their_masks_are(policy, strip, seed):
    result = policy(painted(300, 53, 64, seed), seed=seed)
    masks = result["segmentation_masks"].astype(bool)
    boxes, labels = result["bounding_boxes"]["boxes"], result["bounding_boxes"]["labels"]
    visible = labels == 1
    assert 300 < visible.sum() < 1150
    assert masks.any((1, 2))[visible].all()
    assert not boxes[~visible].any()
    # Resampling takes the nearest pixel, so each time but the first may leave half of one of what
    # the box has lost, before what is left is magnified.
    gone = masks & ~visible[:, np.newaxis, np.newaxis]
    rows, y, x, which = np.nonzero(masks & ~gone)
    for _ in range(strip):  # squares larger than that
        gone_rows = gone[:, 1:] & gone[:, :-1]
        gone = gone_rows[:, :, 1:] & gone_rows[:, :, :-1]
    assert not gone.any()
    centres, found = np.stack([x, y], axis=1) + 0.5, boxes[rows, which]
    assert ((found[:, :2] - strip <= centres) & (centres <= found[:, 2:] + strip)).all()


GOOD = {"boxes": np.zeros((1, 2, 4), "float32"), "labels": np.zeros((1, 2), int)}


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"bounding_boxes": GOOD["boxes"]}, ValueError, '"boxes".*and "labels".*an array of shape'),
        ({"bounding_boxes": {"boxes": GOOD["boxes"]}}, ValueError, r"Received: \['boxes'\]"),
        (
            {"bounding_boxes": {**GOOD, "labels": np.zeros((1, 3), int)}},
            ValueError,
            r"\(1, 2, 4\).*\(1, 3\).*for 1 images",
        ),
        ({"bounding_boxes": {**GOOD, "boxes": np.zeros((1, 2, 5))}}, ValueError, r"\(1, 2, 5\)"),
        (
            {"bounding_boxes": {"boxes": np.zeros((3, 2, 4)), "labels": np.zeros((3, 2), int)}},
            ValueError,
            "for 1 images",
        ),
        (
            {"bounding_boxes": {**GOOD, "labels": np.zeros((1, 2), "uint8")}},
            TypeError,
            "signed numbers: -1 marks padding",
        ),
        (
            {"bounding_boxes": {**GOOD, "labels": np.array([["a", "b"]])}},
            TypeError,
            "signed numbers",
        ),
        (
            {"bounding_boxes": {"boxes": [[BOX]], "labels": [[1, 2]]}},
            ValueError,
            "different lengths",
        ),
        ({"bounding_boxes": {"boxes": [[BOX]], "labels": []}}, ValueError, "different lengths"),
        (
            {"bounding_boxes": {"boxes": [[(1, 2, 3)]], "labels": [[1]]}},
            ValueError,
            r"`bounding_boxes` must be.*shape \(1, 3\).*for image 0",
        ),
        (
            {"bounding_boxes": {"boxes": [[BOX]], "labels": [["a"]]}},
            ValueError,
            "labels being integers.*<U1 for image 0",
        ),
        ({"bounding_box_format": "angles"}, ValueError, "must be one of 'xyxy'"),
        ({"bounding_box_format": "coco"}, ValueError, """What others call 'coco' is "xywh"."""),
        ({"bounding_box_format": "YOLO"}, ValueError, 'is "rel_center_xywh"'),
        ({"bounding_box_format": "pascal_voc"}, ValueError, 'is "xyxy"'),
        ({"bounding_box_format": "albumentations"}, ValueError, 'is "rel_xyxy"'),
        ({"bounding_box_format": None}, ValueError, "must be one of 'xyxy'"),
        ({"min_visible_area": 2}, ValueError, "`min_visible_area` must lie in 0..1"),
        ({"min_visible_area": "half"}, TypeError, "`min_visible_area` must be a finite number"),
    ],
)
def test_bad_boxes(change, error, text):
    with pytest.raises(error, match=text):
        HorizontalFlip()({"images": IMAGES, "bounding_boxes": GOOD, **change}, seed=0)


@pytest.mark.parametrize("box_format", FORMATS)
def test_formats_in_large_letters(box_format):
    own = from_corners(np.array(BOX, float), box_format, SIZE)
    large = moved(HorizontalFlip(1), own, bounding_box_format=box_format.upper())
    assert large == moved(HorizontalFlip(1), own, bounding_box_format=box_format)


def given(*boxes, labels=None):
    """Returns three images, and targets of two boxes each, all but those given in order."""
    good = [[[2, 1, 8, 4], [1, 1, 3, 5]]] * 3
    labels = np.zeros((3, 2)) if labels is None else labels
    return {"boxes": np.array([*good[: 3 - len(boxes)], *boxes], "float64"), "labels": labels}


ENTRANCES = {
    "call": lambda x, y: HorizontalFlip(1)({"images": x, **y}, seed=0),
    "apply": lambda x, y: HorizontalFlip(1).apply(
        {"images": x, **y}, HorizontalFlip(1).draw(np.arange(len(x)), seed=0)
    ),
    "offline": lambda x, y: augment_dataset(x, y, 3, HorizontalFlip(1), seed=0),
    "rows": lambda x, y: augment_rows(x, y, [1, 2], HorizontalFlip(1), seed=0),
    "online": lambda x, y: AugmentedDataset(x, y, HorizontalFlip(1), seed=0),
    "values alone": lambda x, y: Brightness()({"images": x, **y}, seed=0),
}


@pytest.mark.pairwise(
    ragged=[False, True],
    entrance=ENTRANCES,
    wrong=[
        ([12, 5, 3, 4], "xyxy", r"end to the right.*\[12.0, 5.0, 3.0, 4.0\] as box 1 of row 2"),
        ([12, 5, 3, 4], "xyxy", 'look like "xywh": pass'),
        ([12, 5, 9, 4], "xyxy", "Sort the two corners of each"),
        ([5, 12, 3, 4], "yxyx", "Sort the two corners of each"),
        ([0.5, 0.5, 0.1, 0.2], "rel_xyxy", 'look like "rel_xywh": pass'),
        ([4, 5, -1, 4], "xywh", "width and a height of 0 or more"),
        ([4, 5, 1, -4], "center_xywh", "width and a height of 0 or more"),
        ([4, 5, -4, 1], "center_yxhw", "width and a height of 0 or more"),
        ([np.nan, 1, 9, 9], "xyxy", r"finite numbers. Received: \[nan, 1.0.*as box 1 of row 2"),
        ([1, 1, np.inf, 9], "xywh", "finite numbers"),
    ],
)
def test_boxes_that_can_not_be_what_their_format_says(ragged, entrance, wrong):
    box, box_format, text = wrong
    boxes = given([[2, 1, 8, 4] if "rel" not in box_format else [0, 0, 1, 1], box])
    boxes["boxes"][:2] = [0, 0, 1, 1]
    if ragged:
        rows = [list(boxes["boxes"][0]), [], list(boxes["boxes"][2])]
        boxes = {"boxes": rows, "labels": [[1, 1], [], [1, 1]]}
    x = np.zeros((3, *SIZE), "uint8")
    with pytest.raises(ValueError, match=text):
        ENTRANCES[entrance](x, {"bounding_boxes": boxes, "bounding_box_format": box_format})


@pytest.mark.parametrize(
    ("boxes", "box_format", "text"),
    [
        ([[2, 1, 8, 4], [1, 1, 3, 5]], "rel_xyxy", r'pixels: pass bounding_box_format="xyxy"'),
        ([[2, 1, 8, 4], [1, 1, 3, 5]], "REL_XYWH", 'look like pixels: pass.*="xywh"'),
        ([[0.1, 0.1, 0.5, 0.5], [0, 0, 1, 1]], "xyxy", r'fractions.*="rel_xyxy"'),
        ([[0.1, 0.1, 0.5, 0.5], [0, 0, 1, 1]], "center_xywh", '="rel_center_xywh"'),
        ([[0.1, 0.1, 0.5, 0.5], [0, 0, 1, 1]], "center_yxhw", "look like fractions of the height"),
    ],
)
def test_fractions_and_pixels(boxes, box_format, text):
    y = {"bounding_boxes": given(boxes, boxes, boxes), "bounding_box_format": box_format}
    with pytest.raises(ValueError, match=text):
        HorizontalFlip(1)({"images": np.zeros((3, *SIZE)), **y}, seed=0)


def test_all_that_are_wrong_are_counted():
    y = {"bounding_boxes": given([[2, 1, 1, 4]] * 2, [[1, 1, 3, 5], [8, 1, 2, 4]])}
    with pytest.raises(ValueError, match="as box 0 of row 1; 3 of them, in rows 1, 2"):
        HorizontalFlip(1)({"images": np.zeros((3, *SIZE)), **y}, seed=0)


def test_labels_of_boxes_that_are_no_numbers():
    y = {"bounding_boxes": given(labels=np.array([[1, 2], [1, np.nan], [1, 2]]))}
    with pytest.raises(ValueError, match=r"labels of boxes must be numbers.*box 1 of row 1"):
        HorizontalFlip(1)({"images": np.zeros((3, *SIZE)), **y}, seed=0)


def test_what_is_right_or_padding_is_taken():
    labels = np.array([[1, -1], [1, 2], [1, 2]])
    wild = [[2, 1, 8, 4], [np.nan, 9, 3, -np.inf]]
    fine = [[-5, -5, 99, 99], [3, 3, 3, 3]]  # beyond the image, and of no area
    boxes = given(wild, fine, fine, labels=labels)
    y = {"bounding_boxes": {"boxes": boxes["boxes"], "labels": labels}}
    result = HorizontalFlip(1)({"images": np.zeros((3, *SIZE)), **y}, seed=0)["bounding_boxes"]
    assert result["labels"].tolist() == [[1, -1], [1, -1], [1, -1]]
    assert result["boxes"][0].tolist() == [[12, 1, 18, 4], [0, 0, 0, 0]]
    assert result["boxes"][1, 0].tolist() == [0, 0, 20, 10]
    first_pixel = {"boxes": np.array([[[0, 0, 1, 1]]], "float32"), "labels": np.array([[7]])}
    HorizontalFlip(1)({"images": IMAGES, "bounding_boxes": first_pixel}, seed=0)
    half = {"boxes": np.array([[[-0.9, 0.1, 1.9, 1]]], "float32"), "labels": np.array([[7]])}
    batch = {"images": IMAGES, "bounding_boxes": half, "bounding_box_format": "rel_xyxy"}
    assert HorizontalFlip(1)(batch, seed=0)["bounding_boxes"]["labels"] == 7


def test_chunks_of_a_store_are_not_judged_alone(tmp_path):
    y = {"bounding_boxes": given([[0.1, 0.1, 0.9, 0.9], [0, 0, 1, 1]])}
    x = np.zeros((3, *SIZE), "uint8")
    made = augment_dataset(x, y, 4, HorizontalFlip(1), seed=0, out=tmp_path / "store")
    expected = augment_dataset(x, y, 4, HorizontalFlip(1), seed=0)
    for name in ("boxes", "labels"):
        own = made[1]["bounding_boxes"][name]
        np.testing.assert_array_equal(own, expected[1]["bounding_boxes"][name])


def test_ragged_tensors_are_taken():
    tf = pytest.importorskip("tensorflow")
    boxes = {"boxes": [[[2.0, 1, 8, 4]], [], [[1.0, 1, 3, 5], [2, 1, 8, 4]]]}
    boxes["labels"] = [[1], [], [3, 4]]
    ragged = {
        "boxes": tf.ragged.constant(boxes["boxes"], ragged_rank=1, inner_shape=(4,)),
        "labels": tf.ragged.constant(boxes["labels"], dtype="int64"),
    }
    x = np.zeros((3, *SIZE), "uint8")
    one, two = (
        HorizontalFlip(1)({"images": x, "bounding_boxes": each}, seed=0)["bounding_boxes"]
        for each in (boxes, ragged)
    )
    np.testing.assert_array_equal(one["boxes"], two["boxes"])
    np.testing.assert_array_equal(one["labels"], two["labels"])


def test_transforms_that_do_not_say_where_points_go():
    batch = {"images": IMAGES, "bounding_boxes": GOOD}
    with pytest.raises(TypeError, match=r"bounding boxes.*Lambda.*Define `transform_points`"):
        Compose([HorizontalFlip(), Lambda(np.copy)])(batch, seed=0)
