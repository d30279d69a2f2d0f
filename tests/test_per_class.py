"""A policy for each class: every row is what the policy of its class makes of it alone."""

import pickle

import numpy as np
import pytest

import kaug
from kaug import per_class as module
from kaug.transforms import (
    Brightness,
    Compose,
    CutMix,
    HorizontalFlip,
    Identity,
    Invert,
    MixUp,
    RandomResizedCrop,
    Resize,
    Rotation,
)

COUNT = 30
X = np.random.default_rng(0).integers(0, 256, (COUNT, 7, 9, 3), "uint8")
CLASSES = np.random.default_rng(1).permutation(np.repeat([0, 1, 2], [15, 10, 5]))
NAMES = np.array(["bag", "cat", "dog"])
ROTATION, BRIGHTNESS, FLIP = Rotation(40), Brightness(0.3), HorizontalFlip()
POLICIES = {0: ROTATION, 2: BRIGHTNESS}
POLICY = kaug.PerClass(POLICIES, default=FLIP)
LABELS = {
    "integers": (CLASSES, POLICY),
    "a column": (CLASSES[:, None].astype("uint8"), POLICY),
    "one-hot": (np.eye(3, dtype="float32")[CLASSES], POLICY),
    "strings": (NAMES[CLASSES], kaug.PerClass({"bag": ROTATION, "dog": BRIGHTNESS}, default=FLIP)),
    "objects": (
        NAMES[CLASSES].astype(object),
        kaug.PerClass({"bag": ROTATION, "dog": BRIGHTNESS, "cat": FLIP}),
    ),
    "a dict": ({"labels": CLASSES, "more": np.arange(COUNT)}, POLICY),
    "numbers of NumPy": (CLASSES, kaug.PerClass({np.int8(0): ROTATION, 1: FLIP, 2: BRIGHTNESS})),
}


def one_by_one(rows, numbers, **options):
    """Returns the rows as the policies of their classes make them, each called on that row."""
    made = [
        POLICIES.get(int(CLASSES[row]), FLIP)(X[[row]], index=[number], **options)
        for row, number in zip(rows, numbers, strict=True)
    ]
    return np.concatenate(made)


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("sampling", ["random", "cycle", "balanced"])
def test_rows_offline(kind, sampling):
    y, policy = LABELS[kind]
    options = {"seed": 3, "append": False, "sampling": sampling, "return_index": True}
    made, _, index = kaug.augment_dataset(X, y, 70, policy, **options)
    np.testing.assert_array_equal(made, one_by_one(index, range(70), seed=3))
    part, _, _ = kaug.augment_rows(X, y, [69, 4, 30], policy, **options)
    np.testing.assert_array_equal(part, made[[69, 4, 30]])


@pytest.mark.parametrize("kind", LABELS)
def test_rows_online(kind):
    y, policy = LABELS[kind]
    given = {"labels": y["labels"] if kind == "a dict" else y, "row": np.arange(COUNT)}
    dataset = kaug.AugmentedDataset(X, given, policy, batch_size=8, sampling="balanced", seed=3)
    dataset.epoch = 2
    copied = pickle.loads(pickle.dumps(dataset))
    batches = list(dataset)
    rows = np.concatenate([targets["row"] for _, targets in batches])
    before = np.array([np.count_nonzero(rows[:i] == row) for i, row in enumerate(rows)])
    numbers = rows + COUNT * before
    expected = one_by_one(rows, numbers, seed=3, epoch=2)
    np.testing.assert_array_equal(np.concatenate([images for images, _ in batches]), expected)
    np.testing.assert_array_equal(np.concatenate([images for images, _ in copied]), expected)
    np.testing.assert_array_equal(dataset.row(numbers[5], epoch=2)[0], expected[5])
    dataset.epoch = 2
    batches = list(dataset.to_tf_dataset().map(lambda images, _: images).as_numpy_iterator())
    np.testing.assert_array_equal(np.concatenate(batches), expected)


@pytest.mark.parametrize("piece", [1, 500, 2**26])
def test_pieces_change_nothing(monkeypatch, piece):
    expected = kaug.augment_dataset(X, CLASSES, 40, POLICY, seed=1)
    monkeypatch.setattr(module, "_PIECE_BYTES", piece)
    for one, other in zip(
        kaug.augment_dataset(X, CLASSES, 40, POLICY, seed=1), expected, strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_no_rows_and_one():
    made, y = kaug.augment_dataset(X, CLASSES, 0, POLICY, append=False)
    assert made.shape == (0, 7, 9, 3)
    assert y.shape == (0,)
    made, _ = kaug.augment_dataset(X[:0], CLASSES[:0], 0, POLICY)
    assert made.shape == (0, 7, 9, 3)
    made, y = kaug.augment_dataset(X[:1], CLASSES[:1], 1, kaug.PerClass({CLASSES[0]: Invert(p=1)}))
    np.testing.assert_array_equal(made, [X[0], 255 - X[0]])


@pytest.mark.parametrize(("dtype", "channels"), [("uint8", 1), ("uint16", 5), ("float32", 3)])
def test_dtypes_and_channels(dtype, channels):
    x = np.random.default_rng(0).random((COUNT, 5, 7, channels))
    x = (x * (60_000 if dtype == "uint16" else 250 if dtype == "uint8" else 1)).astype(dtype)
    policy = kaug.PerClass({0: Rotation(40), 1: Invert(p=1)}, default=Identity())
    made, y, index = kaug.augment_dataset(
        x, CLASSES, 50, policy, append=False, seed=3, return_index=True
    )
    assert made.dtype == dtype
    numbers = np.arange(50)
    for label, own in {0: Rotation(40), 1: Invert(p=1), 2: Identity()}.items():
        rows = y == label
        expected = own(x[index[rows]], seed=3, index=numbers[rows])
        np.testing.assert_array_equal(made[rows], expected)


def test_what_moves_goes_along():
    """Images of one level each, whose masks name their pixels by it."""
    levels = np.broadcast_to(8 * np.arange(COUNT).reshape(-1, 1, 1, 1), X.shape).astype("uint8")
    places = np.arange(63).reshape(1, 7, 9).repeat(COUNT, 0)
    corners = np.tile(np.array([1, 1, 4, 3], "f4"), (COUNT, 1, 1))
    y = {
        "labels": CLASSES,
        "segmentation_masks": places,
        "bounding_boxes": {"boxes": corners, "labels": np.ones((COUNT, 1), int)},
        "bounding_box_format": "xyxy",
    }
    policy = kaug.PerClass({0: HorizontalFlip(p=1)}, default=Identity())
    made, targets = kaug.augment_dataset(
        levels, y, COUNT, policy, sampling="cycle", append=False, sample_weight=CLASSES * 1.0
    )[:2]
    flipped = targets["labels"] == 0
    assert 0 < flipped.sum() < COUNT
    np.testing.assert_array_equal(CLASSES[made[:, 0, 0, 0] // 8] == 0, flipped)
    np.testing.assert_array_equal(targets["segmentation_masks"][flipped], places[:15, :, ::-1])
    np.testing.assert_array_equal(targets["segmentation_masks"][~flipped], places[:15])
    boxes = targets["bounding_boxes"]["boxes"][:, 0]
    np.testing.assert_allclose(boxes[flipped], np.tile([5, 1, 8, 3], (15, 1)), atol=1e-5)
    np.testing.assert_allclose(boxes[~flipped], np.tile([1, 1, 4, 3], (15, 1)), atol=1e-5)


def test_rows_are_mixed_by_the_policy_of_their_class():
    mixing = Compose([Rotation(30), MixUp(num_classes=3)])
    policy = kaug.PerClass({1: mixing, 2: CutMix()}, default=Rotation(20))
    dataset = kaug.AugmentedDataset(X, CLASSES, policy, batch_size=COUNT, shuffle=False, seed=4)
    images, labels = dataset[0]
    everything = {"images": X, "labels": CLASSES}
    for number, own in ((1, mixing), (2, CutMix(num_classes=3))):
        # Called on all rows, since a partner may be any of them.
        expected = own(everything, seed=4)
        rows = number == CLASSES
        np.testing.assert_array_equal(images[rows], expected["images"][rows])
        np.testing.assert_array_equal(labels[rows], expected["labels"][rows])
        assert (labels[rows].max(axis=1) < 1).any()
    rest = CLASSES == 0
    np.testing.assert_array_equal(images[rest], Rotation(20)(X, seed=4)[rest])
    np.testing.assert_array_equal(labels[rest], np.eye(3)[CLASSES[rest]])


def test_images_of_any_size():
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (6 + i % 4, 9 - i % 3, 3), "uint8") for i in range(COUNT)]
    crop, whole = RandomResizedCrop(height=5, width=7), Resize(height=5, width=7)
    policy = kaug.PerClass({0: crop}, default=whole)
    images, _ = kaug.AugmentedDataset(
        pictures, CLASSES, policy, batch_size=COUNT, shuffle=False, seed=4
    )[0]
    expected = np.where(
        (CLASSES == 0)[:, None, None, None], crop(pictures, seed=4), whole(pictures, seed=4)
    )
    np.testing.assert_array_equal(images, expected)
    with pytest.raises(ValueError, match="All policies of a PerClass must give images of one size"):
        kaug.AugmentedDataset(pictures, CLASSES, kaug.PerClass({0: crop}, default=FLIP))


@pytest.mark.parametrize("suffix", ["", ".zarr"])
def test_stores(tmp_path, suffix):
    if suffix:
        pytest.importorskip("zarr")
    np.save(tmp_path / "x.npy", X)
    x = np.load(tmp_path / "x.npy", mmap_mode="r")  # whose rows are gathered
    y, policy = LABELS["strings"]
    path = tmp_path / f"more{suffix}"
    expected = kaug.augment_dataset(x, y, 40, policy, seed=2, append=False)
    for _ in range(2):  # made, and found again
        made = kaug.augment_dataset(x, y, 40, policy, seed=2, append=False, out=path)
        for one, other in zip(made, expected, strict=True):
            np.testing.assert_array_equal(np.asarray(one[:]), other)
    store = kaug.open_dataset(path)
    assert store.transform == policy
    assert repr(store.transform) == repr(policy)
    store.verify(x, y)
    store._repr_html_()
    other = kaug.PerClass({"bag": ROTATION, "cat": BRIGHTNESS}, default=FLIP)
    with pytest.raises(ValueError, match="holds a dataset made in another way"):
        kaug.augment_dataset(x, y, 40, other, seed=2, append=False, out=path)


def test_what_is_shown():
    assert eval(repr(POLICY), vars(kaug.transforms) | {"PerClass": kaug.PerClass}) == POLICY
    assert repr(kaug.PerClass({"a": FLIP})) == "PerClass({'a': HorizontalFlip()})"
    dataset = kaug.AugmentedDataset(X, CLASSES, POLICY)
    assert repr(POLICY) in repr(dataset)
    assert "data:image/png" in dataset._repr_html_()


BAD = [
    ("no dict", lambda: kaug.PerClass([FLIP]), TypeError, "`policies` must be a dict from classes"),
    ("empty", lambda: kaug.PerClass({}), ValueError, "Received: no policies"),
    ("a function", lambda: kaug.PerClass({0: len}), TypeError, "<built-in function len>"),
    ("None", lambda: kaug.PerClass({0: None}), TypeError, r"among them. Leave .* Identity\(\)"),
    ("default", lambda: kaug.PerClass({0: FLIP}, default=3), TypeError, r"Received: 3 \(type int"),
    ("a float", lambda: kaug.PerClass({0.5: FLIP}), TypeError, "A class must be an integer or a"),
    ("no class", lambda: kaug.PerClass({None: FLIP}), TypeError, "classes go through `default`"),
]


@pytest.mark.parametrize(("call", "error", "text"), [pytest.param(*c[1:], id=c[0]) for c in BAD])
def test_bad_policies(call, error, text):
    with pytest.raises(error, match=text):
        call()


WRONG = [
    ("none of them", CLASSES, {"0": FLIP}, "the class '0', while there are the classes 0, 1, 2."),
    ("numbers", NAMES[CLASSES], {0: FLIP}, "the class 0, while there are the classes 'bag', 'cat'"),
    ("columns", np.eye(3)[CLASSES], {3: FLIP}, "the class 3, while there are the classes 0, 1, 2"),
    ("not all", CLASSES, {0: FLIP, 1: FLIP}, "no policy for the class 2. Pass default=Identity()"),
    ("no labels", None, {0: FLIP}, "A policy for each class needs one array of labels"),
    ("soft", np.full((COUNT, 2), 0.5), {0: FLIP}, "A policy for each class needs one array"),
    ("missing", np.array(["a", None] * 15, object), {"a": FLIP}, "Labels must not be missing"),
    ("many", np.arange(COUNT), {0: FLIP}, "the classes 1, 2, 3, 4, 5 and 24 more"),
]


@pytest.mark.parametrize(("y", "policies", "text"), [pytest.param(*c[1:], id=c[0]) for c in WRONG])
def test_labels_that_do_not_fit(y, policies, text):
    policy = kaug.PerClass(policies)
    with pytest.raises(ValueError, match=text):
        kaug.AugmentedDataset(X, y, policy)
    with pytest.raises(ValueError, match=text):
        kaug.augment_dataset(X, y, 3, policy)
    with pytest.raises(ValueError, match=text):
        kaug.augment_rows(X, y, [3], policy, seed=0)


def test_a_class_that_no_row_has():
    policy = kaug.PerClass({0: FLIP, 7: FLIP}, default=FLIP)
    with pytest.warns(UserWarning, match="among the labels. Received: the class 7, while there"):
        kaug.AugmentedDataset(X, CLASSES, policy)


def test_sizes_that_differ():
    policy = kaug.PerClass({0: Resize(height=5, width=5), 1: FLIP}, default=Rotation(3))
    text = (
        r"give images of one size. Received: Resize\(height=5, width=5\) makes \(5, 5, 3\) of "
        r"\(7, 9, 3\); HorizontalFlip\(\) makes \(7, 9, 3\)"
    )
    with pytest.raises(ValueError, match=text):
        kaug.augment_dataset(X, CLASSES, 3, policy)
    with pytest.raises(ValueError, match=text):
        kaug.AugmentedDataset(X, CLASSES, policy)


def test_targets_that_one_policy_cannot_move():
    y = {"labels": CLASSES, "segmentation_masks": X[..., 0]}
    policy = kaug.PerClass({2: MixUp(num_classes=3)}, default=FLIP)
    with pytest.raises(ValueError, match="MixUp blends two images"):
        kaug.AugmentedDataset(X, y, policy)


def test_where_rows_have_no_classes():
    with pytest.raises(ValueError, match="A policy for each class needs one array of labels"):
        kaug.plot_augmentations(X[0], POLICY)
    with pytest.raises(TypeError, match="`transform` must be a transform"):
        kaug.layers.RandomTransform(POLICY)
    with pytest.raises(TypeError, match="PerClass"):
        Compose([POLICY])
