"""Keypoints of several persons, in arrays and in lists, at every entrance."""

import pickle

import numpy as np
import pytest

import kaug
from kaug import AugmentedDataset, augment_dataset, augment_rows
from kaug.transforms import (
    Compose,
    HorizontalFlip,
    Perspective,
    Resize,
    Rotation,
    Translation,
    VerticalFlip,
)

SIZE = (10, 21)
X = np.zeros((3, *SIZE, 1), "uint8")
# Two persons, none, one; of three points each, of which some are hidden.
RAGGED = [
    [[[2, 1, 2], [12, 4, 1], [0, 0, 0]], [[20, 9, 2], [3, 3, 2], [4, 4, 2]]],
    [],
    np.array([[[5, 6, 2], [7, 8, 1], [1, 1, 2]]], "float32"),
]
DENSE = np.zeros((3, 2, 3, 3), "float32")
DENSE[0], DENSE[2, 0] = RAGGED[0], RAGGED[2][0]
RIGHT = Translation((0, 0), (10 / 21, 10 / 21))
# Ten to the right; what leaves becomes hidden, padding stays all zeros.
MOVED = DENSE.copy()
MOVED[0, :, :, 0] += 10
MOVED[2, 0, :, 0] += 10
MOVED[0, 0, 1, 2] = MOVED[0, 1, 0, 2] = 0


def test_persons_by_eye():
    before = pickle.dumps(RAGGED)
    for given in (RAGGED, DENSE, DENSE.astype("int64"), DENSE.astype("float16")):
        made = RIGHT({"images": X, "keypoints": given}, seed=0)["keypoints"]
        assert made.dtype == "float32"
        np.testing.assert_allclose(made, MOVED, atol=1e-5)
    assert pickle.dumps(RAGGED) == before
    made = RIGHT({"images": X, "keypoints": DENSE.astype("float64")}, seed=0)["keypoints"]
    assert made.dtype == "float64"


@pytest.mark.parametrize("columns", [2, 3])
@pytest.mark.parametrize("shape", [(3, 2), (1, 5), (4, 1), (0, 3), (2, 0)])
def test_persons_are_points_like_others(shape, columns):
    points = np.random.default_rng(0).uniform(-3, 20, (3, *shape, columns))
    policy = Compose([Rotation(60, fill_mode="constant"), Perspective(), HorizontalFlip()])
    made = policy({"images": X, "keypoints": points}, seed=3)["keypoints"]
    assert made.shape == points.shape
    flat = points.reshape(3, -1, columns)
    alone = policy({"images": X, "keypoints": flat}, seed=3)["keypoints"]
    np.testing.assert_array_equal(made, alone.reshape(points.shape))


def test_without_a_visibility_nobody_is_padding():
    made = RIGHT({"images": X, "keypoints": np.zeros((3, 1, 2, 2))}, seed=0)["keypoints"]
    np.testing.assert_allclose(made, np.tile([10.0, 0], (3, 1, 2, 1)), atol=1e-9)


def test_of_flat_points_hidden_ones_move_as_before():
    made = RIGHT({"images": X, "keypoints": np.zeros((3, 2, 3))}, seed=0)["keypoints"]
    np.testing.assert_allclose(made, np.tile([10.0, 0, 0], (3, 2, 1)), atol=1e-9)


def call(y, rows):
    return RIGHT({"images": X, **y}, seed=0)["keypoints"][rows]


def offline(y, rows):
    _, made, index = augment_dataset(X, y, 6, RIGHT, seed=0, sampling="cycle", return_index=True)
    np.testing.assert_array_equal(made["keypoints"][:3], DENSE)
    return made["keypoints"][[3 + list(index[3:]).index(row) for row in rows]]


def by_rows(y, rows):
    _, made, index = augment_rows(X, y, np.arange(9), RIGHT, seed=0, return_index=True)
    return made["keypoints"][[list(index).index(row) for row in rows]]


def online(y, rows):
    dataset = AugmentedDataset(X, y, RIGHT, batch_size=2, shuffle=False, seed=0)
    dataset = pickle.loads(pickle.dumps(dataset))
    return np.concatenate([targets["keypoints"] for _, targets in dataset])[rows]


def tf_data(y, rows):
    pytest.importorskip("tensorflow")
    dataset = AugmentedDataset(X, y, RIGHT, batch_size=3, shuffle=False, seed=0)
    ((_, targets),) = dataset.to_tf_dataset()
    return targets["keypoints"].numpy()[rows]


@pytest.mark.parametrize("make", [call, offline, by_rows, online, tf_data])
@pytest.mark.parametrize("points", [RAGGED, DENSE], ids=["lists", "arrays"])
def test_every_entrance(make, points):
    boxes = {"boxes": np.full((3, 2, 4), 5.0), "labels": np.zeros((3, 2))}
    for y in ({"keypoints": points}, {"keypoints": points, "bounding_boxes": boxes}):
        np.testing.assert_allclose(make(y, [2, 0, 1]), MOVED[[2, 0, 1]], atol=1e-5)


@pytest.mark.parametrize("suffix", ["", ".zarr"])
@pytest.mark.parametrize("points", [RAGGED, DENSE], ids=["lists", "arrays"])
def test_in_a_store(points, suffix, tmp_path):
    path, y = tmp_path / f"store{suffix}", {"keypoints": points}
    made = augment_dataset(X, y, 6, RIGHT, out=path, seed=0)[1]["keypoints"]
    expected = augment_dataset(X, y, 6, RIGHT, seed=0)[1]["keypoints"]
    np.testing.assert_array_equal(made[:], expected)
    kaug.open_dataset(path).verify(X, y)


def test_beside_images_of_any_size():
    images = [np.zeros((4 + row, 9 - row, 3), "uint8") for row in range(3)]
    policy = Compose([Resize(height=10, width=21), RIGHT])
    made = policy({"images": images, "keypoints": RAGGED}, seed=0)["keypoints"]
    assert made.shape == DENSE.shape
    for row, points in enumerate(RAGGED):
        assert not made[row, len(points) :].any()
        height, width = images[row].shape[:2]
        for own, given in zip(made[row], points, strict=False):
            place = (np.array(given)[:, :2] + 0.5) * [21 / width, 10 / height] - 0.5
            np.testing.assert_allclose(own[:, :2], place + np.array([10, 0]), atol=1e-4)


def test_a_split_takes_them_along():
    (_, train), (_, val) = kaug.train_validation_split(
        np.arange(3), {"keypoints": RAGGED}, stratify=False, seed=0
    )
    both = np.concatenate([train["keypoints"], val["keypoints"]])
    assert sorted(both.sum(axis=(1, 2, 3))) == sorted(DENSE.sum(axis=(1, 2, 3)))


def test_ragged_tensors():
    tf = pytest.importorskip("tensorflow")
    points = tf.ragged.constant([RAGGED[0], [], RAGGED[2].tolist()], dtype="float32")
    made = RIGHT({"images": X, "keypoints": points}, seed=0)["keypoints"]
    np.testing.assert_allclose(made, MOVED, atol=1e-5)


def test_no_persons_at_all():
    nobody = [np.zeros((0, 3, 3)), []]
    made = RIGHT({"images": X[:2], "keypoints": nobody}, seed=0)["keypoints"]
    assert made.shape == (2, 0, 3, 3)
    made = RIGHT({"images": X[:0], "keypoints": DENSE[:0]}, seed=0)["keypoints"]
    assert made.shape == (0, 2, 3, 3)


@pytest.mark.parametrize(
    ("points", "text"),
    [
        (
            [np.ones((2, 3, 2)), [], np.ones((1, 3, 2))],
            r"shape \(3, 2\). Add a visibility: np.conc",
        ),
        (
            [np.ones((2, 3, 3)), [], np.ones((1, 4, 3))],
            "All persons in `keypoints` must have as ma",
        ),
        ([np.ones((2, 3)), [], np.ones((1, 3))], r"\(3, P, K, 2 or 3\).*lists of 0 to 2 points"),
        ([np.ones((2, 3, 3)), []], "lists of 0 to 2 points, for 3 images"),
        ([[], [], []], "lists of 0 to 0 points"),
        ([np.ones((2, 3, 4)), [], np.ones((1, 3, 4))], r"shape \(3, 4\)"),
        (np.ones((3, 2, 3, 4)), r"`keypoints` must be numbers.*shape \(3, 2, 3, 4\)"),
        (np.ones((2, 2, 3, 3)), r"`keypoints` must be numbers.*shape \(2, 2, 3, 3\)"),
        (np.full((3, 2, 3, 3), "a"), "`keypoints` must be numbers"),
        (np.full((3, 2, 3, 3), np.nan), "finite numbers.*nan in rows 0, 1, 2.*hidden"),
        ([[[[1, 2, np.inf]]], [], []], "finite numbers.*inf in row 0"),
    ],
)
@pytest.mark.parametrize(
    "entrance",
    [
        lambda y, out: VerticalFlip(1)({"images": X, **y}, seed=0),
        lambda y, out: AugmentedDataset(X, y, VerticalFlip(1)),
        lambda y, out: augment_dataset(X, y, 2, VerticalFlip(1), out=out, seed=0),
    ],
    ids=["call", "online", "store"],
)
def test_bad_persons(points, text, entrance, tmp_path):
    with pytest.raises(ValueError, match=text):
        entrance({"keypoints": points}, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_persons_under_another_name_are_pointed_out():
    with pytest.warns(UserWarning, match='looks like points of several persons.* key "keypoints"'):
        VerticalFlip(1)({"images": X, "people": DENSE}, seed=0)
    with pytest.raises(ValueError, match=r'Call it "keypoints".*\(N, P, K, 3\) for several'):
        VerticalFlip(1)({"images": X, "landmarks": DENSE}, seed=0)
