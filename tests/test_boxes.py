"""What goes along with boxes: further fields, at every entrance."""

import pickle
import warnings

import numpy as np
import pytest

import kaug
from kaug import AugmentedDataset, augment_dataset, augment_rows
from kaug.transforms import Brightness, Compose, HorizontalFlip, Identity, Resize, Translation

SIZE = (10, 20)
X = np.arange(3 * 200, dtype="uint16").reshape(3, *SIZE, 1)
# Row 0 loses its second box when moved by half of the width, row 1 has none, row 2 has one.
RAGGED = {
    "track": [[11, 12], [], [13]],
    "boxes": [[[2, 1, 8, 4], [15, 2, 20, 6]], np.zeros((0, 4)), [[1, 5, 3, 9]]],
    "labels": [[5, 6], [], [7]],
    "velocity": [np.float32([[0.5, 1, 2, 3], [4, 5, 6, 7]])[..., None], [], [[[8], [9], [1], [2]]]],
    "crowd": [np.array([True, True]), [], [False]],
}
DENSE = {
    "track": np.array([[11, 12], [0, 0], [13, 0]]),
    "boxes": np.array(
        [[[2, 1, 8, 4], [15, 2, 20, 6]], [[0] * 4] * 2, [[1, 5, 3, 9], [0] * 4]], "f4"
    ),
    "labels": np.array([[5, 6], [-1, -1], [7, -1]]),
    "velocity": np.array(
        [[[0.5, 1, 2, 3], [4, 5, 6, 7]], [[0] * 4] * 2, [[8, 9, 1, 2], [0] * 4]], "f8"
    )[..., None],
    "crowd": np.array([[True, True], [False, False], [False, False]]),
}
RIGHT = Translation((0, 0), (0.5, 0.5))
MOVED = {
    "track": [[11, 0], [0, 0], [13, 0]],
    "boxes": [[[12, 1, 18, 4], [0] * 4], [[0] * 4] * 2, [[11, 5, 13, 9], [0] * 4]],
    "labels": [[5, -1], [-1, -1], [7, -1]],
    "velocity": [
        [[[0.5], [1], [2], [3]], [[0]] * 4],
        [[[0]] * 4] * 2,
        [[[8], [9], [1], [2]], [[0]] * 4],
    ],
    "crowd": [[True, False], [False, False], [False, False]],
}


def assert_same(one, other):
    assert list(one) == list(other)
    for name, array in other.items():
        np.testing.assert_array_equal(one[name], array, err_msg=name)


@pytest.mark.parametrize("boxes", [RAGGED, DENSE], ids=["lists", "arrays"])
def test_fields_follow_their_boxes(boxes):
    before = pickle.dumps(boxes)
    made = RIGHT({"images": X, "bounding_boxes": boxes}, seed=0)["bounding_boxes"]
    assert_same(made, MOVED)
    dtypes = {"track": "int64", "boxes": "float32", "velocity": "float64", "crowd": "bool"}
    assert {name: made[name].dtype for name in dtypes} == dtypes
    assert pickle.dumps(boxes) == before


def test_fields_stay_beside_what_only_changes_values():
    made = Brightness()({"images": X, "bounding_boxes": RAGGED}, seed=0)["bounding_boxes"]
    assert_same(made, DENSE)


def call(x, y, rows):
    made = RIGHT({"images": x, **y}, seed=0)["bounding_boxes"]
    return {name: array[rows] for name, array in made.items()}


def offline(x, y, rows):
    made = augment_dataset(x, y, 9, RIGHT, seed=0, sampling="cycle", return_index=True)
    for name, array in made[1]["bounding_boxes"].items():
        np.testing.assert_array_equal(array[:3], DENSE[name])
    places = [3 + list(made[2][3:]).index(row) for row in rows]
    return {name: array[places] for name, array in made[1]["bounding_boxes"].items()}


def by_rows(x, y, rows):
    made = augment_rows(x, y, np.arange(9), RIGHT, seed=0, return_index=True)
    places = [list(made[2]).index(row) for row in rows]
    return {name: array[places] for name, array in made[1]["bounding_boxes"].items()}


def online(x, y, rows):
    dataset = AugmentedDataset(x, y, RIGHT, batch_size=2, shuffle=False, seed=0)
    dataset = pickle.loads(pickle.dumps(dataset))
    parts = [targets["bounding_boxes"] for _, targets in dataset]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {name: array[rows] for name, array in whole.items()}


def tf_data(x, y, rows):
    pytest.importorskip("tensorflow")
    dataset = AugmentedDataset(x, y, RIGHT, batch_size=3, shuffle=False, seed=0)
    ((_, targets),) = dataset.to_tf_dataset()
    return {name: tensor.numpy()[rows] for name, tensor in targets["bounding_boxes"].items()}


@pytest.mark.parametrize("make", [call, offline, by_rows, online, tf_data])
@pytest.mark.parametrize("boxes", [RAGGED, DENSE], ids=["lists", "arrays"])
def test_every_entrance(make, boxes):
    made = make(X, {"bounding_boxes": boxes}, [2, 0, 1])
    assert set(made) == set(MOVED)
    for name, array in MOVED.items():
        np.testing.assert_array_equal(made[name], np.array(array)[[2, 0, 1]])


@pytest.mark.parametrize("suffix", ["", ".zarr"])
def test_in_a_store(suffix, tmp_path):
    path, y = tmp_path / f"store{suffix}", {"bounding_boxes": RAGGED}
    options = {"seed": 0, "sampling": "cycle"}
    made = augment_dataset(X, y, 9, RIGHT, out=path, **options)[1]["bounding_boxes"]
    expected = augment_dataset(X, y, 9, RIGHT, **options)[1]["bounding_boxes"]
    assert_same({name: array[:] for name, array in made.items()}, expected)
    again = augment_dataset(X, y, 9, RIGHT, out=path, **options)[1]["bounding_boxes"]
    assert_same({name: array[:] for name, array in again.items()}, expected)
    kaug.open_dataset(path).verify(X, y)
    other = {"bounding_boxes": {**RAGGED, "track": [[11, 12], [], [14]]}}
    with pytest.raises(ValueError, match=r"\['track'\]"):
        augment_dataset(X, other, 9, RIGHT, out=path, **options)


def test_beside_images_of_any_size():
    images = [np.zeros((5 + row, 9 - row, 3), "uint8") for row in range(3)]
    policy = Compose([RIGHT, Resize(height=10, width=20)])
    boxes = {**RAGGED, "boxes": [[[0.1, 0.1, 0.4, 0.4], [0.6, 0, 0.9, 1]], [], [[0, 0, 0.5, 1]]]}
    y = {"bounding_boxes": boxes, "bounding_box_format": "rel_xyxy"}
    made = policy({"images": images, **y}, seed=0)["bounding_boxes"]
    for name in ("track", "labels", "velocity", "crowd"):
        np.testing.assert_array_equal(made[name], MOVED[name])
    ((_, targets),) = AugmentedDataset(images, y, policy, batch_size=3, shuffle=False, seed=0)
    assert_same(targets["bounding_boxes"], made)


def test_a_split_takes_them_along():
    x, y = np.zeros((4, 5, 6)), {"bounding_boxes": {**DENSE}}
    y["bounding_boxes"] = {name: array[[0, 1, 2, 2]] for name, array in DENSE.items()}
    (_, train), (_, val) = kaug.train_validation_split(x, y, stratify=False, seed=0)
    tracks = [part["bounding_boxes"]["track"] for part in (train, val)]
    assert sorted(np.concatenate(tracks)[:, 0]) == [0, 11, 13, 13]


@pytest.mark.parametrize("count", [0, 1])
def test_empty_batches_and_no_boxes(count):
    for number in (0, 2):
        boxes = {
            "boxes": np.zeros((count, number, 4)),
            "labels": np.full((count, number), -1),
            "area": np.zeros((count, number, 7), "uint8"),
        }
        made = RIGHT({"images": X[:count], "bounding_boxes": boxes}, seed=0)["bounding_boxes"]
        assert made["area"].shape == (count, number, 7)
        assert made["area"].dtype == "uint8"


def test_no_boxes_in_any_list():
    boxes = {"boxes": [[], []], "labels": [[], []], "area": [[], np.zeros((0, 2))]}
    with pytest.raises(ValueError, match="all of one shape"):
        RIGHT({"images": X[:2], "bounding_boxes": boxes}, seed=0)
    boxes["area"] = [np.zeros((0, 2), "int8")] * 2
    made = RIGHT({"images": X[:2], "bounding_boxes": boxes}, seed=0)["bounding_boxes"]
    assert made["area"].shape == (2, 0, 2)
    assert made["area"].dtype == "int8"


def test_ragged_tensors():
    tf = pytest.importorskip("tensorflow")
    ragged = {
        "boxes": tf.ragged.constant(
            [[[2.0, 1, 8, 4], [15, 2, 20, 6]], [], [[1.0, 5, 3, 9]]], inner_shape=(4,)
        ),
        "labels": tf.ragged.constant(RAGGED["labels"], dtype="int64"),
        "track": tf.ragged.constant(RAGGED["track"]),
    }
    made = RIGHT({"images": X, "bounding_boxes": ragged}, seed=0)["bounding_boxes"]
    np.testing.assert_array_equal(made["track"], MOVED["track"])


def without(columns, *names):
    return {name: part for name, part in columns.items() if name not in names}


BAD = [
    (without(DENSE, "labels"), ValueError, r"`bounding_boxes` must be a dict.*have the label 0"),
    (without(DENSE, "boxes"), ValueError, r"must be a dict of \"boxes\".*'labels', 'track'"),
    (
        {**DENSE, "area": np.zeros((3, 1))},
        ValueError,
        r"'area'\]` must have an entry for each.*3, 2",
    ),
    ({**DENSE, "area": np.zeros((3,))}, ValueError, r"'area'\]` must have an entry for each box"),
    (
        {**DENSE, "area": [[1, 2], [], [3]]},
        ValueError,
        r"`bounding_boxes\['area'\]` must be an arr",
    ),
    ({**DENSE, "name": np.full((3, 2), "a")}, TypeError, r"'name'\]` must be numbers.*np.unique"),
    ({**DENSE, "when": np.zeros((3, 2), "M8[D]")}, TypeError, r"'when'\]` must be numbers"),
    ({**RAGGED, "area": [[1, 2], [], []]}, ValueError, r"\(0,\).*for the 1 boxes of image 2"),
    ({**RAGGED, "area": [[1, 2], []]}, ValueError, r"'area'\]`.*2 items for 3 images"),
    ({**RAGGED, "area": 5}, ValueError, r"'area'\]` must be a list with one array for each image"),
    ({**RAGGED, "area": [5, [], [1]]}, ValueError, r"shape \(\).*for the 2 boxes of image 0"),
    ({**RAGGED, "area": [[1, 2], [], [[1]]]}, ValueError, r"'area'\]` must be numbers, and all of"),
    (
        {**RAGGED, "name": [["a", "b"], [], ["c"]]},
        ValueError,
        r"'name'\]` must be numbers, and all",
    ),
    ({**DENSE, 3: np.zeros((3, 2))}, TypeError, "must have strings as names"),
    ({**DENSE, "keypoints": np.zeros((3, 2, 5, 3))}, ValueError, 'Call it "keypoints", in the out'),
    ({**DENSE, "mask": np.zeros((3, 2, 8, 8))}, ValueError, 'Call it "segmentation_masks"'),
]


@pytest.mark.parametrize(("boxes", "error", "text"), BAD, ids=range(len(BAD)))
@pytest.mark.parametrize(
    "entrance",
    [
        lambda y, out: RIGHT({"images": X, **y}, seed=0),
        lambda y, out: augment_dataset(X, y, 2, RIGHT, out=out, seed=0),
        lambda y, out: AugmentedDataset(X, y, RIGHT),
    ],
    ids=["call", "offline", "online"],
)
def test_bad_fields(boxes, error, text, entrance, tmp_path):
    with pytest.raises(error, match=text):
        entrance({"bounding_boxes": boxes}, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_flag_called_mask_is_a_field():
    boxes = {**DENSE, "mask": np.ones((3, 2), bool)}
    made = RIGHT({"images": X, "bounding_boxes": boxes}, seed=0)["bounding_boxes"]
    assert made["mask"].tolist() == [[True, False], [False, False], [True, False]]


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ((3, 2, 4), "looks like boxes"),
        ((3, 2, 2), "looks like points"),
        ((3, 2, 17, 3), "looks like points"),
        ((3, 2, 4, 2), "looks like the corners of boxes"),
    ],
)
def test_fields_that_look_like_places_are_pointed_out(shape, text):
    y = {"bounding_boxes": {**DENSE, "visible": np.zeros(shape, "f4")}}
    with pytest.warns(UserWarning, match=rf"`images\['bounding_boxes'\]\['visible'\]`.*{text}"):
        RIGHT({"images": X, **y}, seed=0)
    with pytest.warns(UserWarning, match=rf"`y\['bounding_boxes'\]\['visible'\]`.*{text}"):
        AugmentedDataset(X, y, HorizontalFlip())
    with warnings.catch_warnings(action="error"):
        Brightness()({"images": X, **y}, seed=0)
        augment_dataset(X, {"bounding_boxes": DENSE}, 2, Identity(), seed=0)


# Which boxes stay -----------------------------------------------------------------------------

# After a shift by 10 to the right in pictures of 20 pixels: whole 6 x 3, cut to 5 x 4, 3 x 8 of
# which a half is seen, and gone.
FOUR = [[2, 1, 8, 4], [5, 2, 12, 6], [7, 1, 13, 9], [12, 0, 15, 9]]
FORMATS = ["xyxy", "rel_xywh"]


def kept(transform=RIGHT, boxes=FOUR, box_format="xyxy", **limits):
    """Returns the numbers of the boxes that stay."""
    places = np.array([boxes], "f8")
    if box_format == "rel_xywh":
        places[..., 2:] -= places[..., :2]
        places /= [20, 10, 20, 10]
    columns = {"boxes": places.astype("f4"), "labels": np.arange(len(boxes))[np.newaxis]}
    columns["track"] = columns["labels"] + 1
    batch = {"images": X[:1], "bounding_boxes": columns, "bounding_box_format": box_format}
    made = transform({**batch, **limits}, seed=0)
    assert {name: made[name] for name in limits} == limits
    made = made["bounding_boxes"]
    gone = made["labels"][0] == -1
    assert not made["boxes"][0, gone].any()
    assert not made["track"][0, gone].any()
    return made["labels"][0, ~gone].tolist()


@pytest.mark.parametrize("box_format", FORMATS)
@pytest.mark.parametrize(
    ("limits", "stay"),
    [
        ({}, [0, 1, 2]),
        ({"min_area": 18}, [0, 1, 2]),
        ({"min_area": 18.01}, [1, 2]),
        ({"min_area": 20}, [1, 2]),
        ({"min_area": 21}, [2]),
        ({"min_area": 24}, [2]),
        ({"min_area": 25}, []),
        ({"min_size": 1}, [0, 1, 2]),
        ({"min_size": 3}, [0, 1, 2]),
        ({"min_size": 3.1}, [1]),
        ({"min_size": np.float32(4)}, [1]),
        ({"min_size": 5}, []),
        ({"min_visible_area": 0.6}, [0, 1]),
        ({"min_visible_area": 0.5, "min_area": 20}, [1, 2]),
        ({"min_visible_area": 0.6, "min_area": 20, "min_size": 4}, [1]),
        ({"min_area": 0, "min_size": 0.0}, [0, 1, 2]),
    ],
)
def test_which_boxes_stay(limits, stay, box_format):
    assert kept(box_format=box_format, **limits) == stay


def test_limits_are_of_boxes_as_they_come_out():
    # Twice as large 12 x 6 and 14 x 8 are cut to 10 x 5 and 10 x 8; half as large 3 x 1.5 stays.
    larger, smaller = (Resize(height=10 * by // 2, width=20 * by // 2) for by in (4, 1))
    boxes = [[0, 0, 6, 3]]
    assert kept(larger, boxes, min_area=72, min_size=6) == [0]
    assert kept(larger, boxes, min_area=73) == []
    assert kept(smaller, boxes, min_area=4.5, min_size=1.5) == [0]
    assert kept(smaller, boxes, min_size=1.6) == []
    assert kept(Identity(), boxes, min_area=18.5) == []


def test_many_boxes_against_their_areas_and_sides():
    rng = np.random.default_rng(0)
    start = rng.uniform(0, [14, 7], (400, 2))
    boxes = np.concatenate([start, start + rng.uniform(1.2, [12, 6], (400, 2))], axis=1)
    boxes = boxes[(boxes[:, 2] <= 20) & (boxes[:, 3] <= 10)]
    moved = np.clip(boxes + np.array([10, 0, 10, 0]), 0, [20, 10, 20, 10])
    width, height = (moved[:, 2:] - moved[:, :2]).T
    for limits, stay in (
        ({"min_area": 9}, width * height >= 9),
        ({"min_size": 2.5}, (width >= 2.5) & (height >= 2.5)),
        ({"min_area": 6, "min_size": 2}, (width * height >= 6) & (width >= 2) & (height >= 2)),
    ):
        made = kept(boxes=boxes.tolist(), **limits)
        assert made == np.flatnonzero(stay).tolist()
        assert 20 < len(made) < len(boxes) - 20


@pytest.mark.parametrize(
    ("limits", "error", "text"),
    [
        (
            {"min_area": -1},
            ValueError,
            "^`min_area` must be 0, or a number of square pixels from 1",
        ),
        ({"min_area": 0.3}, ValueError, "For a share of each box pass `min_visible_area`"),
        ({"min_size": 0.5}, ValueError, "`min_size` must be 0, or a number of pixels from 1 on"),
        ({"min_size": (3, 4)}, TypeError, r"min_size=\(3, 4\)"),
        ({"min_area": np.nan}, ValueError, "min_area=nan"),
        ({"min_area": True}, TypeError, "min_area=True"),
        ({"min_area": "16"}, TypeError, "min_area='16'"),
        ({"min_visible_area": 16}, ValueError, "must lie in 0..1.*pass `min_area` for square"),
    ],
)
def test_bad_limits(limits, error, text):
    y = {"bounding_boxes": DENSE, **limits}
    with pytest.raises(error, match=text):
        RIGHT({"images": X, **y}, seed=0)
    with pytest.raises(error, match=text):
        AugmentedDataset(X, y, RIGHT)


@pytest.mark.parametrize("suffix", ["", ".zarr"])
def test_limits_in_a_store(suffix, tmp_path):
    path = tmp_path / f"store{suffix}"
    y = {"bounding_boxes": RAGGED, "min_area": 18, "min_size": 3}
    made = augment_dataset(X, y, 6, RIGHT, out=path, seed=0)[1]
    expected = augment_dataset(X, y, 6, RIGHT, seed=0)[1]
    assert made["min_area"] == expected["min_area"] == 18
    assert_same(
        {name: part[:] for name, part in made["bounding_boxes"].items()}, expected["bounding_boxes"]
    )
    kaug.open_dataset(path).verify(X, y)
    with pytest.raises(ValueError, match="min_area"):
        augment_dataset(X, {**y, "min_area": 19}, 6, RIGHT, out=path, seed=0)


@pytest.mark.parametrize(("dtype", "due"), [("float64", "float64"), ("float16", "float32")])
def test_lists_keep_the_dtype_of_their_boxes(dtype, due):
    boxes = np.array([[0.1, 0.2, 30.123456789, 40]], dtype)
    for given in ([boxes, boxes[:0]], np.stack([boxes, boxes])):
        labels = [[1], []] if isinstance(given, list) else np.array([[1], [-1]])
        batch = {"images": np.zeros((2, 64, 64), "uint8")}
        batch["bounding_boxes"] = {"boxes": given, "labels": labels}
        made = HorizontalFlip(0)(batch)["bounding_boxes"]["boxes"]
        assert made.dtype == due
        np.testing.assert_allclose(made[0], boxes, rtol=1e-6)
