"""Oriented boxes: they stay rectangles, where the object is, against OpenCV and by hand."""

import pickle
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.spatial import ConvexHull

import kaug
from kaug import AugmentedDataset, augment_dataset
from kaug._apply.oriented import begin, enclose, from_quads, to_quads
from kaug._show.targets import polygons_of
from kaug.transforms import (
    Affine,
    BoxSafeCrop,
    Brightness,
    Compose,
    CutMix,
    ElasticDeformation,
    HorizontalFlip,
    Identity,
    MixUp,
    Mosaic,
    Perspective,
    Resize,
    Rotation,
    Translation,
    VerticalFlip,
    Zoom,
)

cv2 = pytest.importorskip("cv2")

SIZE = (41, 61)  # height, width
ANGLED, CORNERS = "center_xywh_angle", "corners"
FORMATS = [ANGLED, CORNERS, "rel_corners"]


def moved(transform, boxes, box_format=ANGLED, seed=0, size=SIZE, **settings):
    """Returns the boxes and labels of one image after a transform."""
    boxes = np.array([boxes], "float64")
    batch = {
        "images": np.zeros((1, *size, 1), "uint8"),
        "bounding_boxes": {"boxes": boxes, "labels": np.full(boxes.shape[:2], 7)},
        "bounding_box_format": box_format,
        **settings,
    }
    made = transform(batch, seed=seed)["bounding_boxes"]
    return made["boxes"][0], made["labels"][0]


def random_boxes(count, seed=0, low=3, high=12):
    """Returns boxes about the middle of the picture, whole while it is turned."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform([25, 15], [36, 26], (count, 2))
    return np.concatenate(
        [centres, rng.uniform(low, high, (count, 2)), rng.uniform(-90, 90, (count, 1))], axis=1
    )


def assert_same_rectangles(one, other, atol=1e-6):
    """Compares boxes; -90 degrees are as good as 90."""
    one, other = np.asarray(one), np.asarray(other)
    np.testing.assert_allclose(one[..., :4], other[..., :4], atol=atol)
    apart = (one[..., 4] - other[..., 4] + 90) % 180 - 90
    np.testing.assert_allclose(apart, 0, atol=atol)


# What the formats mean ------------------------------------------------------------------------


def test_corners_by_eye():
    upright = to_quads([5, 4, 6, 2, 0], ANGLED, SIZE)
    assert upright.tolist() == [[2, 3], [8, 3], [8, 5], [2, 5]]
    # A quarter turn counter-clockwise: what was on the right is on top.
    turned = to_quads([5, 4, 6, 2, 90], ANGLED, SIZE)
    np.testing.assert_allclose(turned, [[4, 7], [4, 1], [6, 1], [6, 7]], atol=1e-12)
    # The height's direction at 30 degrees is (1, √3) / 2, to the right and down.
    slanted = to_quads([0, 0, 4, 2, 30], ANGLED, SIZE)
    np.testing.assert_allclose(slanted[2] - slanted[1], [1, np.sqrt(3)], atol=1e-12)
    np.testing.assert_allclose(slanted[1] - slanted[0], [2 * np.sqrt(3), -2], atol=1e-12)


def test_angles_are_those_of_opencv_the_other_way_round():
    for box in random_boxes(20):
        x, y, width, height, angle = box
        theirs = cv2.boxPoints(((x, y), (width, height), -angle))
        own = to_quads(box, ANGLED, SIZE)
        order = np.lexsort(own.T.round(3)), np.lexsort(theirs.T.round(3))
        np.testing.assert_allclose(own[order[0]], theirs[order[1]], atol=1e-4)


@pytest.mark.parametrize("box_format", FORMATS)
def test_there_and_back(box_format):
    boxes = random_boxes(20)
    quads = to_quads(boxes, ANGLED, SIZE)
    own = from_quads(quads, box_format, SIZE)
    assert own.shape == (20, 5 if box_format == ANGLED else 8)
    np.testing.assert_allclose(to_quads(own, box_format, SIZE), quads, atol=1e-9)
    if box_format == "rel_corners":
        np.testing.assert_allclose(own * np.tile([61, 41], 4), quads.reshape(20, 8))
    labels = np.ones((1, 20))
    outlines, seen, frames = begin(quads[np.newaxis], labels, SIZE)
    again = enclose(outlines, frames, seen[..., 0])
    np.testing.assert_allclose(again[0], quads, atol=1e-9)


# Where they go --------------------------------------------------------------------------------


def by_hand(boxes, turn=0, mirror=False, zoom=1.0, shift=(0, 0)):
    """Turns boxes about the middle counter-clockwise, then mirrors, zooms and shifts them."""
    middle = np.array([SIZE[1] / 2, SIZE[0] / 2])
    angle = np.deg2rad(turn)
    matrix = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    centres = (boxes[:, :2] - middle) @ np.transpose(matrix) * zoom * [-1 if mirror else 1, 1]
    angles = boxes[:, 4:] + turn
    angles = -angles if mirror else angles
    return np.concatenate([centres + middle + shift, boxes[:, 2:4] * zoom, angles], axis=1)


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        (Identity(), {}),
        (Rotation((25, 25)), {"turn": 25}),
        (Rotation((-70, -70)), {"turn": -70}),
        (HorizontalFlip(1), {"mirror": True}),
        (VerticalFlip(1), {"turn": 180, "mirror": True}),
        (Zoom((0.5, 0.5)), {"zoom": 0.5}),
        (Translation((0.1, 0.1), (-0.1, -0.1)), {"shift": (-6.1, 4.1)}),
        (
            Compose([Rotation((33, 33)), HorizontalFlip(1), Zoom((0.9, 0.9))]),
            {"turn": 33, "mirror": True, "zoom": 0.9},
        ),
        (Compose([Rotation((10, 10)), Brightness(), Rotation((20, 20))]), {"turn": 30}),
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_turned_mirrored_and_zoomed_boxes_are_exact(transform, expected, dtype):
    boxes = random_boxes(15).astype(dtype)
    made, labels = moved(transform, boxes)
    assert (labels == 7).all()
    assert (made[:, 4] >= -90).all()
    assert (made[:, 4] < 90).all()
    tolerance = 1e-4 if dtype == "float32" else 1e-8
    assert_same_rectangles(made, by_hand(boxes.astype("float64"), **expected), tolerance)


@pytest.mark.parametrize("box_format", [CORNERS, "rel_corners"])
def test_each_corner_stays_the_corner_it_was(box_format):
    quads = to_quads(random_boxes(15), ANGLED, SIZE)
    unit = np.array([61, 41] if box_format == "rel_corners" else [1, 1])
    for transform, where in (
        (Identity(), lambda p: p),
        (HorizontalFlip(1), lambda p: p * [-1, 1] + [61, 0]),
        (VerticalFlip(1), lambda p: p * [1, -1] + [0, 41]),
        (Rotation((180, 180)), lambda p: [61, 41] - p),
        (Rotation((90, 90)), lambda p: (p - [30.5, 20.5])[..., ::-1] * [1, -1] + [30.5, 20.5]),
    ):
        for first in range(4):  # the first corner may be any, and they may go either way round
            for given in (np.roll(quads, first, axis=1), np.roll(quads, first, axis=1)[:, ::-1]):
                made, _ = moved(transform, (given / unit).reshape(15, 8), box_format)
                np.testing.assert_allclose(made.reshape(15, 4, 2) * unit, where(given), atol=1e-6)


def min_area(points):
    """Returns the least area of a rectangle around points: the sides of the hull are tried."""
    hull = points[ConvexHull(points).vertices]
    ways = np.roll(hull, -1, axis=0) - hull
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    across, down = hull @ ways.T, hull @ (ways[:, ::-1] * [-1, 1]).T
    return np.min(np.ptp(across, axis=0) * np.ptp(down, axis=0))


def corners_inside(quad, size):
    """Returns the corners of what of a quadrangle lies in the picture."""
    picture = np.float32([[0, 0], [size[1], 0], [size[1], size[0]], [0, size[0]]])
    return cv2.intersectConvexConvex(np.float32(quad), picture)[1]


def test_what_is_cut_off_is_enclosed_by_the_smallest_rectangle():
    rng = np.random.default_rng(3)
    boxes = np.concatenate(
        [
            rng.uniform(0, [61, 41], (200, 2)),
            rng.uniform(6, 30, (200, 2)),
            rng.uniform(-90, 90, (200, 1)),
        ],
        axis=1,
    )
    made, labels = moved(Identity(), boxes)
    turned, _ = moved(Identity(), to_quads(boxes, ANGLED, SIZE).reshape(200, 8), CORNERS)
    assert (labels == 7).all()
    cut = 0
    for box, own, corners in zip(boxes, made, turned, strict=True):
        seen = corners_inside(to_quads(box, ANGLED, SIZE), SIZE).reshape(-1, 2).astype("float64")
        cut += len(seen) != 4
        least = min_area(seen)
        assert own[2] * own[3] == pytest.approx(least, rel=1e-3)
        (_, sides, _) = cv2.minAreaRect(seen.astype("float32"))
        assert own[2] * own[3] <= sides[0] * sides[1] * 1.001
        around = to_quads(own, ANGLED, SIZE)
        np.testing.assert_allclose(
            corners.reshape(4, 2)[np.lexsort(corners.reshape(4, 2).T.round(4))],
            around[np.lexsort(around.T.round(4))],
            atol=1e-3,
        )
        for point in seen:
            assert cv2.pointPolygonTest(np.float32(around), point.tolist(), True) > -1e-2
    assert cut > 50


@pytest.mark.parametrize(
    "transform",
    [
        Affine(rotation=180, zoom=(0.5, 0.9), keep_aspect=False),
        Affine(shear=40),
        Perspective(),
        ElasticDeformation(),
        Resize(height=90, width=50),
    ],
    ids=repr,
)
def test_what_is_no_rectangle_any_more_is_enclosed(transform):
    """Against where points on the outline go as keypoints."""
    boxes = random_boxes(40)
    quads = to_quads(boxes, ANGLED, SIZE)
    forth = np.linspace(0, 1, 50)[:, None]
    around = [q[k] + (q[k - 3] - q[k]) * forth for q in quads for k in range(4)]
    points = np.array(around).reshape(1, -1, 2) - 0.5
    batch = {
        "images": np.zeros((1, *SIZE, 1), "uint8"),
        "bounding_boxes": {"boxes": boxes[None], "labels": np.ones((1, 40))},
        "bounding_box_format": ANGLED,
        "keypoints": points,
    }
    made = transform(batch, seed=1)
    height, width = made["images"].shape[1:3]
    where = made["keypoints"].reshape(40, 200, 2) + 0.5
    inside = ((where >= 0) & (where <= [width, height])).all(axis=(1, 2))
    assert inside.sum() > 10
    slack = 1.1 if isinstance(transform, ElasticDeformation) else 1.0001
    for own, seen in zip(made["bounding_boxes"]["boxes"][0][inside], where[inside], strict=True):
        least = min_area(seen)
        assert least / slack <= own[2] * own[3] <= least * slack


def test_which_oriented_boxes_stay():
    boxes = [[30, 20, 10, 4, 45], [30, 20, 5, 9, 10], [60.5, 20.5, 12, 12, 0], [90, 20, 9, 9, 45]]
    for settings, stay in (
        ({}, [7, 7, 7, -1]),
        ({"min_area": 41}, [-1, 7, 7, -1]),
        ({"min_area": 46}, [-1, -1, 7, -1]),
        ({"min_size": 4.5}, [-1, 7, 7, -1]),
        ({"min_size": 5.5}, [-1, -1, 7, -1]),
        ({"min_visible_area": 0.6}, [7, 7, -1, -1]),
    ):
        made, labels = moved(Identity(), boxes, **settings)
        assert labels.tolist() == stay
        assert not made[labels == -1].any()
    cut, _ = moved(Identity(), boxes)  # of the third one half a pixel more than a half is seen
    np.testing.assert_allclose(cut[2], [57.75, 20.5, 6.5, 12, 0], atol=1e-9)


@pytest.mark.parametrize("box_format", FORMATS)
def test_boxes_that_touch_the_border_are_whole(box_format):
    quads = np.array([[[0, 0], [61, 0], [61, 41], [0, 41]], [[20, 0], [40, 20], [20, 40], [0, 20]]])
    boxes = from_quads(quads.astype(float), box_format, SIZE).astype("float32")
    for digits in (6, None):
        own = boxes if digits is None else boxes.round(digits)
        for transform in (Identity(), HorizontalFlip(1), VerticalFlip(1)):
            _, labels = moved(transform, own, box_format, min_visible_area=1)
            assert labels.tolist() == [7, 7]


def test_what_was_cut_off_does_not_come_back():
    options = {"fill_mode": "constant"}
    away, back = (Translation((0, 0), (by, by), **options) for by in (-0.5, 0.5))
    policy = Compose([away, Brightness(), back])
    made, labels = moved(policy, [[30.5, 20, 10, 6, 0], [10, 10, 5, 5, 30], [50, 20, 10, 6, 20]])
    assert labels.tolist() == [7, -1, 7]
    np.testing.assert_allclose(made[0], [33, 20, 5, 6, 0], atol=1e-6)
    assert_same_rectangles(made[2], [50, 20, 10, 6, 20])


# Every entrance -------------------------------------------------------------------------------


def ragged():
    boxes = random_boxes(3)
    return {
        "bounding_boxes": {
            "boxes": [boxes[:2], [], boxes[2:]],
            "labels": [[1, 2], [], [3]],
            "track": [[10, 20], [], [30]],
        },
        "bounding_box_format": ANGLED.upper(),
    }


@pytest.mark.parametrize("suffix", ["", ".zarr"])
def test_every_entrance(suffix, tmp_path):
    x, y = np.zeros((3, *SIZE), "uint8"), ragged()
    before = pickle.dumps(y)
    policy = Compose([Rotation(180), HorizontalFlip(), Zoom((0.6, 0.9))])
    called = policy({"images": x, **y}, seed=4)["bounding_boxes"]
    assert called["boxes"].shape == (3, 2, 5)
    assert called["labels"].tolist() == [[1, 2], [-1, -1], [3, -1]]
    assert called["track"].tolist() == [[10, 20], [0, 0], [30, 0]]
    dataset = AugmentedDataset(x, y, policy, batch_size=3, shuffle=False, seed=4)
    ((_, online),) = pickle.loads(pickle.dumps(dataset))
    ((_, tensors),) = dataset.to_tf_dataset()
    for made in (online["bounding_boxes"], tensors["bounding_boxes"]):
        for name, array in called.items():
            np.testing.assert_array_equal(np.asarray(made[name]), array)
    options = {"seed": 4, "sampling": "cycle"}
    appended = augment_dataset(x, y, 7, policy, **options)[1]
    assert appended["bounding_box_format"] == ANGLED.upper()
    stored = augment_dataset(x, y, 7, policy, out=tmp_path / f"a{suffix}", **options)[1]
    for name, array in appended["bounding_boxes"].items():
        np.testing.assert_array_equal(stored["bounding_boxes"][name][:], array)
    np.testing.assert_allclose(
        appended["bounding_boxes"]["boxes"][2, 0], ragged()["bounding_boxes"]["boxes"][2][0], 1e-6
    )
    kaug.open_dataset(tmp_path / f"a{suffix}").verify(x, y)
    assert pickle.dumps(y) == before


def test_beside_images_of_any_size():
    rng = np.random.default_rng(0)
    images = [np.zeros((*rng.integers(30, 50, 2), 3), "uint8") for _ in range(3)]
    quads = [np.array([[0.2, 0.2, 0.6, 0.2, 0.6, 0.8, 0.2, 0.8]])] * 3
    y = {
        "bounding_boxes": {"boxes": quads, "labels": [[1]] * 3},
        "bounding_box_format": "rel_corners",
    }
    made = Compose([Resize(height=20, width=30), HorizontalFlip(1)])(
        {"images": images, **y}, seed=0
    )
    expected = np.array([[0.8, 0.2, 0.4, 0.2, 0.4, 0.8, 0.8, 0.8]])
    np.testing.assert_allclose(made["bounding_boxes"]["boxes"], [expected] * 3, atol=1e-6)


@pytest.mark.parametrize("mix", [Mosaic(), CutMix(), MixUp(), Mosaic(p=0.5)], ids=repr)
def test_boxes_of_several_images_are_joined(mix):
    """Upright boxes at multiples of 90 degrees, against the same as `xyxy`."""
    rng = np.random.default_rng(0)
    start = rng.uniform(0, [40, 25], (12, 2, 2))
    corners = np.concatenate([start, start + rng.uniform(5, 16, (12, 2, 2))], axis=-1)
    quads = corners[..., [0, 1, 2, 1, 2, 3, 0, 3]]
    x, labels = np.zeros((12, *SIZE), "uint8"), rng.integers(0, 5, (12, 2))
    y = {"bounding_boxes": {"boxes": corners, "labels": labels, "track": labels + 9}}
    expected = mix({"images": x, **y}, seed=1)["bounding_boxes"]
    y = {"bounding_boxes": {**y["bounding_boxes"], "boxes": quads}, "bounding_box_format": CORNERS}
    made = mix({"images": x, **y}, seed=1)["bounding_boxes"]
    for name in ("labels", "track"):
        np.testing.assert_array_equal(made[name], expected[name])
    own = made["boxes"].reshape(*expected["labels"].shape, 4, 2)
    assert own.shape[1] > 2
    np.testing.assert_allclose(own.min(axis=2), expected["boxes"][..., :2], atol=1e-6)
    np.testing.assert_allclose(own.max(axis=2), expected["boxes"][..., 2:], atol=1e-6)
    # The first corner is still the one at the upper left.
    np.testing.assert_allclose(own[:, :, 0], expected["boxes"][..., :2], atol=1e-6)


def test_slanted_boxes_in_a_mosaic_are_halved():
    boxes = random_boxes(8).reshape(8, 1, 5)
    boxes[..., 4] = np.arange(8).reshape(8, 1) * 10
    batch = {
        "images": np.zeros((8, *SIZE), "uint8"),
        "bounding_boxes": {"boxes": boxes, "labels": np.arange(8)[:, np.newaxis]},
        "bounding_box_format": ANGLED,
    }
    made = Mosaic(shift=0)(batch, seed=0)["bounding_boxes"]
    assert made["boxes"].shape == (8, 4, 5)
    given = boxes[made["labels"]][..., 0, :]
    np.testing.assert_allclose(made["boxes"][..., 2:4] / given[..., 2:4], 0.5, rtol=0.05)
    apart = (made["boxes"][..., 4] - given[..., 4] + 90) % 180 - 90
    assert np.abs(apart).max() < 2  # 41 pixels become 20 or 21


def test_crops_see_where_they_are():
    boxes = random_boxes(6)
    _, labels = moved(BoxSafeCrop(), boxes, min_visible_area=1)
    assert (labels == 7).all()


def test_figures_draw_their_corners():
    boxes = random_boxes(2)
    marks = polygons_of(boxes, ANGLED, SIZE)
    np.testing.assert_allclose(marks, to_quads(boxes, ANGLED, SIZE) - 0.5)
    figure = kaug.plot_images(
        np.zeros((1, *SIZE), "uint8"),
        {
            "bounding_boxes": {"boxes": boxes[None], "labels": np.ones((1, 2), int)},
            "bounding_box_format": ANGLED,
        },
    )
    drawn = [patch.get_xy() for axis in figure.axes for patch in axis.patches]
    assert any(np.allclose(each[:4], marks[0], atol=1e-6) for each in drawn)
    plt.close(figure)


def test_predictions_go_back_as_points():
    flip, boxes = HorizontalFlip(1), random_boxes(3)[np.newaxis]
    with pytest.raises(ValueError, match=r"must be one of 'xyxy'.*with `invert_points`, less 0\.5"):
        flip.invert_boxes(boxes, SIZE, bounding_box_format=ANGLED)
    corners = to_quads(boxes, ANGLED, SIZE).reshape(1, 12, 2)
    parameters = flip.draw([0], seed=0)
    back = flip.invert_points(corners - 0.5, SIZE, parameters) + 0.5
    np.testing.assert_allclose(back, corners * [-1, 1] + [61, 0])


@pytest.mark.parametrize(("count", "number"), [(0, 2), (2, 0), (1, 1)])
@pytest.mark.parametrize("box_format", FORMATS)
def test_empty_batches_and_padding(count, number, box_format):
    width = 5 if box_format == ANGLED else 8
    boxes = np.full((count, number, width), np.nan)
    batch = {
        "images": np.zeros((count, *SIZE)),
        "bounding_boxes": {"boxes": boxes, "labels": np.full((count, number), -1)},
        "bounding_box_format": box_format,
    }
    made = Rotation()(batch, seed=0)["bounding_boxes"]["boxes"]
    assert made.shape == boxes.shape
    assert not made.any()


@pytest.mark.parametrize(
    ("boxes", "box_format", "text"),
    [
        ([[30, 20, -4, 5, 0]], ANGLED, "width and a height of 0 or more"),
        ([[0.3, 0.2, 0.4, 0.5, 12]], ANGLED, "counted in pixels.*look like fractions"),
        ([[30, 20, 4, 5, np.nan]], ANGLED, "must be finite numbers"),
        ([[30, 20, 4, 5]], ANGLED, r'\(N, B, 5\).*no 4 numbers; "xyxy" have so many'),
        ([[30, 20, 40, 50, 3]], "xyxy", r'no 5 numbers; "center_xywh_angle" have so many'),
        ([[1, 1, 9, 1, 9, 5, 1, 5]], "xyxy", 'no 8 numbers; "corners" or "rel_corners" have'),
        ([[[1, 1], [9, 1], [9, 5], [1, 5]]], CORNERS, r"boxes.reshape\(N, B, 8\)"),
        ([[1, 1, 9, 1, 1, 5, 9, 5]], CORNERS, "must go around each box.*Exchange the last two"),
        ([[1, 1, 9, 5, 9, 1, 1, 5]], CORNERS, "must go around each box"),
        ([[0.1, 0.1, 0.9, 0.1, 0.9, 0.5, 0.1, 0.5]], CORNERS, '="rel_corners"'),
        ([[1, 1, 9, 1, 9, 5, 1, 5]], "rel_corners", 'look like pixels: pass.*="corners"'),
        ([[30, 20, 4, 5, 0]], "CXCYWHR", 'is "center_xywh_angle"'),
        ([[30, 20, 4, 5, 0]], "obb", 'is "rel_corners"'),
    ],
)
def test_boxes_that_can_not_be_what_their_format_says(boxes, box_format, text):
    y = {
        "bounding_boxes": {"boxes": np.array([boxes], float), "labels": np.ones((1, 1))},
        "bounding_box_format": box_format,
    }
    x = np.zeros((1, *SIZE), "uint8")
    with pytest.raises(ValueError, match=text):
        Rotation()({"images": x, **y}, seed=0)
    with pytest.raises(ValueError, match=text):
        AugmentedDataset(x, y, Rotation())


def test_lists_of_another_width():
    y = {"bounding_boxes": {"boxes": [[[1, 2, 3, 4]], []], "labels": [[1], []]}}
    with pytest.raises(ValueError, match=r"\(N, B, 8\).*shape \(1, 4\).*for image 0"):
        Rotation()({"images": np.zeros((2, *SIZE)), **y, "bounding_box_format": CORNERS}, seed=0)


def test_radians_are_pointed_out():
    boxes = random_boxes(9)
    radians = boxes.copy()
    radians[:, 4] = np.deg2rad(radians[:, 4])
    with pytest.warns(UserWarning, match=r"are degrees.*9 angles.*np\.rad2deg"):
        moved(Identity(), radians)
    with warnings.catch_warnings(action="error"):
        moved(Identity(), boxes)
        moved(Identity(), radians[:7])
        moved(Identity(), boxes * [1, 1, 1, 1, 0])
