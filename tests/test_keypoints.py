"""Keypoints of several persons, left and right among them, at every entrance."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest

import kaug
from kaug import AugmentedDataset, augment_dataset, augment_rows
from kaug.transforms import (
    D4,
    Affine,
    Brightness,
    Compose,
    ElasticDeformation,
    HorizontalFlip,
    OneOf,
    Perspective,
    RandAugment,
    RandomResizedCrop,
    Resize,
    Rotate90,
    Rotation,
    Shear,
    SomeOf,
    Sometimes,
    Transform,
    Translation,
    VerticalFlip,
    Zoom,
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


# Left and right -------------------------------------------------------------------------------

PAIRS = [(0, 3), (4, 1)]  # of five points; the third stays


@dataclass(frozen=True, repr=False)
class Transposed(Transform):
    """A transform of a user's that mirrors every second row of square images at the diagonal."""

    def transform_images(self, images, parameters):
        return np.where(self._which(images), np.swapaxes(images, 1, 2), images)

    transform_masks = transform_images

    def transform_points(self, points, parameters, size):
        return np.where(self._which(points), points[..., ::-1], points)

    def _which(self, array):
        return (np.arange(len(array)) % 2).reshape(-1, *[1] * (array.ndim - 1)) == 1


ELASTIC = ElasticDeformation()
POLICIES = [
    HorizontalFlip(1),
    VerticalFlip(1),
    D4(),
    Compose([HorizontalFlip(), VerticalFlip()]),
    Compose([Rotate90(), HorizontalFlip(), Rotation(180, fill_mode="constant")]),
    OneOf([HorizontalFlip(1), VerticalFlip(1), Rotation(90)]),
    SomeOf([HorizontalFlip(1), VerticalFlip(1), Zoom(0.2), Rotate90(1)], 2),
    Sometimes(Compose([VerticalFlip(1), Compose([HorizontalFlip(), Shear(20)])]), p=0.6),
    Compose([HorizontalFlip(), Brightness(), VerticalFlip(), Brightness(), Rotate90()]),
    Compose([HorizontalFlip(), RandAugment(), VerticalFlip()]),
    Compose([Perspective(), HorizontalFlip(), Perspective(fill_mode="constant")]),
    Compose([Transposed(), HorizontalFlip(), Transposed()]),
    Compose([ELASTIC, HorizontalFlip(), RandomResizedCrop(height=11, width=7), VerticalFlip()]),
    Affine(rotation=180, shear=40, zoom=0.5),
]


def lies_mirrored(points):
    """Tells persons whose first three points go round the other way than they did."""
    across, down = (points[:, :, i, :2] - points[:, :, 0, :2] for i in (1, 2))
    return across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0] < 0


def persons_of(count, columns=3):
    """Returns two persons each of five points, of which the first three go round clockwise."""
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 20, (count, 2, 5, columns))
    points[..., :3, :2] = np.array([[6, 6], [13, 7], [7, 14]])
    points[..., :3, :2] += rng.uniform(-1, 1, (count, 2, 3, 2))
    return points


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@pytest.mark.parametrize("columns", [2, 3])
def test_left_and_right_change_places_where_it_is_mirrored(policy, columns):
    images, points = np.zeros((80, 21, 21, 3), "uint8"), persons_of(80, columns)
    assert not lies_mirrored(points).any()
    batch = {"images": images, "keypoints": points}
    plain = policy(batch, seed=5)["keypoints"]
    made = policy({**batch, "keypoint_flip_pairs": PAIRS}, seed=5)
    assert made["keypoint_flip_pairs"] == PAIRS
    mirrored = lies_mirrored(plain)  # without the pairs, the points themselves tell
    expected = np.where(mirrored[..., None, None], plain[:, :, [3, 4, 2, 0, 1]], plain)
    np.testing.assert_array_equal(made["keypoints"], expected)
    share = {HorizontalFlip(1): 1, VerticalFlip(1): 1, POLICIES[-1]: 0}.get(policy)
    assert 0.2 < mirrored.mean() < 0.8 if share is None else mirrored.mean() == share


def test_by_eye():
    # The left hand at (2, 1), seen, the right one at (15, 4), hidden; in pictures 21 wide.
    points = np.array([[[10, 0, 2], [2, 1, 2], [15, 4, 0]]], "f4")
    batch = {"images": X[:1], "keypoints": points, "keypoint_flip_pairs": ((1, 2),)}
    made = HorizontalFlip(1)(batch, seed=0)
    assert made["keypoints"].tolist() == [[[10, 0, 2], [5, 4, 0], [18, 1, 2]]]
    assert made["keypoint_flip_pairs"] == [(1, 2)]
    made = VerticalFlip(1)(batch, seed=0)["keypoints"]
    assert made.tolist() == [[[10, 9, 2], [15, 5, 0], [2, 8, 2]]]
    both = Compose([HorizontalFlip(1), VerticalFlip(1)])(batch, seed=0)["keypoints"]
    assert both.tolist() == [[[10, 9, 2], [18, 8, 2], [5, 5, 0]]]
    assert points.tolist() == [[[10, 0, 2], [2, 1, 2], [15, 4, 0]]]


def test_a_point_that_leaves_is_hidden_in_its_new_place():
    points = np.array([[[0, 5, 2], [20, 5, 2]]], "f4")
    policy = Compose([HorizontalFlip(1), Translation((0, 0), (5 / 21, 5 / 21))])
    batch = {"images": X[:1], "keypoints": points, "keypoint_flip_pairs": [(0, 1)]}
    made = policy(batch, seed=0)["keypoints"]
    np.testing.assert_allclose(made, [[[5, 5, 2], [25, 5, 0]]], atol=1e-5)


@pytest.mark.parametrize("make", [call, offline, by_rows, online, tf_data])
@pytest.mark.parametrize("pairs", [[(0, 2)], np.array([[2, 0]]), ([0, 2],)])
def test_pairs_at_every_entrance(make, pairs, monkeypatch):
    monkeypatch.setitem(globals(), "RIGHT", Compose([RIGHT, HorizontalFlip(1)]))
    made = make({"keypoints": RAGGED, "keypoint_flip_pairs": pairs}, [2, 0, 1])
    expected = MOVED[:, :, [2, 1, 0]]
    expected[..., 0] = np.where(expected.any(axis=(2, 3))[..., None], 20 - expected[..., 0], 0)
    np.testing.assert_allclose(made, expected[[2, 0, 1]], atol=1e-5)


@pytest.mark.parametrize("suffix", ["", ".zarr"])
@pytest.mark.parametrize("pairs", [PAIRS, np.array(PAIRS), []])
def test_pairs_in_a_store(pairs, suffix, tmp_path):
    path, images = tmp_path / f"store{suffix}", np.zeros((9, 21, 21), "uint8")
    y = {"keypoint_flip_pairs": pairs, "keypoints": persons_of(9), "min_area": 4}
    policy = POLICIES[2]
    made = augment_dataset(images, y, 20, policy, out=path, seed=0)[1]
    expected = augment_dataset(images, y, 20, policy, seed=0)[1]
    np.testing.assert_array_equal(made["keypoints"][:], expected["keypoints"])
    plain = [tuple(pair) for pair in pairs]
    assert made["keypoint_flip_pairs"] == expected["keypoint_flip_pairs"] == plain
    kaug.open_dataset(path).verify(images, y)
    with pytest.raises(ValueError, match="keypoint_flip_pairs"):
        augment_dataset(
            images, {**y, "keypoint_flip_pairs": [(0, 1)]}, 20, policy, out=path, seed=0
        )


def test_pairs_beside_images_of_any_size_and_in_a_split():
    images = [np.zeros((9 + row, 21 - row, 3), "uint8") for row in range(3)]
    policy = Compose([HorizontalFlip(1), Resize(height=10, width=21)])
    y = {"keypoints": RAGGED, "keypoint_flip_pairs": [(0, 1)]}
    (_, y), _ = kaug.train_validation_split(
        images, y, stratify=False, seed=0, validation_split=0.34
    )
    assert y["keypoint_flip_pairs"] == [(0, 1)]
    y["keypoints"] = DENSE
    made = policy({"images": images, **y}, seed=0)["keypoints"]
    plain = policy({"images": images, "keypoints": DENSE}, seed=0)["keypoints"]
    np.testing.assert_array_equal(made, plain[:, :, [1, 0, 2]])


def test_pairs_beside_boxes():
    boxes = {"boxes": np.tile(np.float32([[[1, 1, 9, 9]]]), (80, 3, 1)), "labels": np.ones((80, 3))}
    images, points = np.zeros((80, 21, 21), "uint8"), persons_of(80)
    batch = {"images": images, "keypoints": points, "keypoint_flip_pairs": PAIRS}
    alone = POLICIES[7](batch, seed=2)["keypoints"]
    beside = POLICIES[7]({**batch, "bounding_boxes": boxes}, seed=2)["keypoints"]
    np.testing.assert_array_equal(alone, beside)


@pytest.mark.parametrize(
    ("pairs", "error", "text"),
    [
        ([(0, 5)], ValueError, r"of the numbers of the 5 points.*\(0, 5\)\. Points are numbered f"),
        ([(0, 1), (1, 2)], ValueError, "each number from 0 on and only once"),
        ([(2, 2)], ValueError, "only once"),
        ([(-1, 2)], ValueError, "from 0 on"),
        ([(0, 1, 2)], TypeError, "must be pairs of numbers of points"),
        ([0, 2, 1, 4, 3], TypeError, r"YOLO's flip_idx: \[\(i, j\) for i, j in enumerate"),
        ([(0.0, 1.0)], TypeError, "must be pairs of numbers"),
        ([(True, 2)], TypeError, "must be pairs of numbers"),
        ("ab", TypeError, "must be pairs of numbers"),
        (None, TypeError, "must be pairs of numbers"),
    ],
)
def test_bad_pairs(pairs, error, text):
    y = {"keypoints": persons_of(3), "keypoint_flip_pairs": pairs}
    with pytest.raises(error, match=text):
        HorizontalFlip()({"images": X, **y}, seed=0)
    with pytest.raises(error, match=text):
        AugmentedDataset(X, y, HorizontalFlip())
