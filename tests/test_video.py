"""Videos: every frame of a row is moved and changed alike, and so is what belongs to it."""

import warnings

import numpy as np
import pytest

import kaug
from kaug.transforms import (
    AugMix,
    BoxSafeCrop,
    Brightness,
    Compose,
    CutMix,
    ElasticDeformation,
    Erasing,
    GaussianBlur,
    GaussianNoise,
    HorizontalFlip,
    Identity,
    Letterbox,
    MixUp,
    Mosaic,
    OneOf,
    Pad,
    Perspective,
    RandAugment,
    RandomCrop,
    RandomResizedCrop,
    Resize,
    Rotation,
    Translation,
)

N, T, H, W = 4, 3, 9, 14
ROWS = np.arange(7, 7 + N)
TURN = Compose([Rotation(20, fill_mode="constant"), HorizontalFlip()])
POLICIES = [
    TURN,
    Perspective(),
    ElasticDeformation(),
    Erasing(),
    GaussianNoise(),
    GaussianBlur(),
    Resize(height=5, width=7),
    RandomResizedCrop(height=6, width=8),
    Letterbox(16),
    Pad(12, 17),
    OneOf([Rotation(20), GaussianBlur(), MixUp()]),
    Translation(0.3, 0.3),
    MixUp(),
    CutMix(p=0.5),
    Mosaic(),
    Compose([Rotation(9), Mosaic(16), GaussianNoise(), CutMix()]),
    BoxSafeCrop(),
]


def videos(channels=3, dtype="uint8", frames=T, count=N):
    x = np.random.default_rng(channels).integers(0, 256, (count, frames, H, W, channels))
    return (x / 255).astype(dtype) if np.dtype(dtype).kind == "f" else x.astype(dtype)


def boxes(count=N, frames=T):
    """Returns two boxes a frame, the second of every other row padding, with a field."""
    rng = np.random.default_rng(1)
    corners = rng.integers(0, 4, (count, frames, 2, 4)).astype("float32")
    corners[..., 2:] += corners[..., :2] + 3
    labels = rng.integers(0, 5, (count, frames, 2))
    labels[::2, :, 1] = -1
    corners[labels == -1] = 0
    return {"boxes": corners, "labels": labels, "track": np.where(labels == -1, 0, labels + 7)}


def targets(count=N, frames=T):
    rng = np.random.default_rng(2)
    return {
        "bounding_boxes": boxes(count, frames),
        "segmentation_masks": rng.integers(0, 5, (count, frames, H, W), "uint8"),
        "maps": {"depth": rng.random((count, frames, H, W, 2), "float32")},
        "keypoints": rng.integers(1, 8, (count, frames, 4, 3)).astype("float32"),
        "labels": np.arange(count) % 3,
        "sample_weight": rng.random((count, frames, H, W), "float32"),
    }


def frame(structure, number):
    """Returns one frame of everything that has frames."""
    if isinstance(structure, dict):
        return {name: frame(value, number) for name, value in structure.items()}
    framed = isinstance(structure, np.ndarray) and structure.ndim > 2
    return structure[:, number] if framed else structure


def assert_same(found, due):
    if isinstance(due, dict):
        assert list(found) == list(due)
        for name in due:
            assert_same(found[name], due[name])
    else:
        np.testing.assert_array_equal(found, due)
        assert getattr(found, "dtype", None) == getattr(due, "dtype", None)


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@pytest.mark.parametrize(
    ("channels", "dtype", "frames"),
    [(1, "float32", T), (3, "uint8", 1), (3, "uint8", T), (5, "uint16", T)],
)
def test_every_frame_is_what_the_same_parameters_make_of_it(policy, channels, dtype, frames):
    x = videos(channels, dtype, frames)
    before = x.copy()
    made, drawn = policy(x, seed=3, index=ROWS), policy.draw(ROWS, seed=3)
    assert made.dtype == x.dtype
    assert made.shape == (N, *policy.output_shape(x.shape[1:]))
    for number in range(frames):
        np.testing.assert_array_equal(made[:, number], policy.apply(x[:, number], drawn))
    np.testing.assert_array_equal(policy.apply(x, drawn), made)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("policy", [RandAugment(), AugMix(), Brightness()], ids=repr)
def test_published_policies_change_all_frames_alike(policy):
    x = videos()
    made, drawn = policy(x, seed=1), policy.draw(np.arange(N), seed=1)
    for number in range(T):
        np.testing.assert_array_equal(made[:, number], policy.apply(x[:, number], drawn))


def test_equal_frames_stay_equal_where_noise_and_bending_are_drawn():
    still = np.repeat(videos(frames=1), T, axis=1)
    for policy in (GaussianNoise(), ElasticDeformation(), Erasing(fill_mode="noise")):
        made = policy(still, seed=0)
        assert (made == made[:, :1]).all()
        assert not np.array_equal(made, still)


def test_a_shift_by_hand():
    x = np.arange(1, 13).reshape(1, 2, 2, 3, 1)
    shift = Translation(0, (1 / 3, 1 / 3), fill_mode="constant")
    assert shift(x, seed=0)[0, ..., 0].tolist() == [
        [[0, 1, 2], [0, 4, 5]],
        [[0, 7, 8], [0, 10, 11]],
    ]


@pytest.mark.parametrize("policy", [TURN, MixUp(), BoxSafeCrop()], ids=repr)
def test_views_and_no_rows(policy):
    x = videos(frames=6)
    due = policy(np.ascontiguousarray(x[:, 1:6:2]), seed=0)
    np.testing.assert_array_equal(policy(x[:, 1:6:2], seed=0), due)
    assert policy(x[:0], seed=0).shape == x[:0].shape


def test_nothing_but_the_rows_asked_for_is_copied():
    few = videos(frames=4, count=1)
    many = np.broadcast_to(few, (10**10, *few.shape[1:]))  # 15 TB, were it copied
    for x in (many, many[:, :3], many[:, ::2]):
        made, _ = kaug.augment_rows(x, None, [5, 8], Rotation(20), seed=0)
        due = Rotation(20)(np.repeat(x[:1], 2, axis=0), seed=0, index=[5, 8])
        np.testing.assert_array_equal(made, due)


def test_a_row_does_not_depend_on_the_other_rows_or_on_threads(monkeypatch):
    x, policy = videos(), Compose([TURN, GaussianNoise()])
    whole = policy(x, seed=0, index=ROWS)
    monkeypatch.setenv("KAUG_NUM_THREADS", "1")
    for row in range(N):
        one = policy(x[row : row + 1], seed=0, index=ROWS[row : row + 1])
        np.testing.assert_array_equal(one[0], whole[row])


def test_long_videos_are_taken_through_in_pieces():
    x = np.random.default_rng(0).integers(0, 256, (2, 40, 65, 63, 3), "uint8")
    x = np.concatenate([x, x[:, ::-1]], axis=1)
    for policy in (Compose([Mosaic(), GaussianNoise()]), BoxSafeCrop()):
        made, drawn = policy(x, seed=5), policy.draw(np.arange(2), seed=5)
        for number in (0, 33, 79):
            np.testing.assert_array_equal(made[:, number], policy.apply(x[:, number], drawn))


# What travels -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "policy",
    [
        TURN,
        Perspective(),
        RandomResizedCrop(height=6, width=8),
        Letterbox(16),
        CutMix(num_classes=3),
        Compose([TURN, Mosaic(16, num_classes=3)]),
    ],
    ids=repr,
)
def test_targets_of_each_frame_move_as_those_of_an_image(policy):
    given = {"images": videos(), **targets()}
    made, drawn = policy(given, seed=4), policy.draw(np.arange(N), seed=4)
    for number in range(T):
        due = policy.apply(frame(given, number), drawn)
        found = {
            name: value if name == "labels" else frame(value, number)
            for name, value in made.items()
        }
        assert_same(found, due)
    assert made["bounding_boxes"]["boxes"].shape[:2] == (N, T)
    assert made["labels"].shape[0] == N


def test_mixed_labels_are_one_for_all_frames_and_the_partner_is_another_video():
    x = np.broadcast_to(np.arange(N).reshape(-1, 1, 1, 1, 1) * 10.0, (N, T, H, W, 1)).astype("f4")
    x = x + np.arange(T, dtype="f4").reshape(-1, 1, 1, 1)  # frame t of video v holds 10 v + t
    made = MixUp(num_classes=N)({"images": x, "labels": np.arange(N)}, seed=1)
    mean = made["labels"] @ np.arange(N)
    due = np.broadcast_to((10 * mean)[:, None] + np.arange(T), (N, T))
    np.testing.assert_allclose(made["images"][:, :, 0, 0, 0], due, rtol=1e-5)
    assert (made["labels"] > 0).sum() > N  # some are mixed


def test_a_crop_that_looks_at_boxes_looks_at_those_of_all_frames():
    x = np.zeros((1, 3, 20, 31, 1), "uint8")
    corners = np.array([[[[1, 2, 6, 7]], [[12, 9, 17, 14]], [[22, 3, 27, 8]]]], "float32")
    one = {"boxes": corners, "labels": np.zeros((1, 3, 1), int)}
    for seed in range(20):
        made = BoxSafeCrop(scale=(0.1, 0.3))({"images": x, "bounding_boxes": one}, seed=seed)
        found = made["bounding_boxes"]
        assert (found["labels"] == 0).all()
        left, top, right, bottom = np.moveaxis(found["boxes"][0, :, 0], -1, 0)
        # The same crop: boxes of one size stay of one size, and as far from each other.
        np.testing.assert_allclose(right - left, (right - left)[0], rtol=1e-5)
        np.testing.assert_allclose(bottom - top, (bottom - top)[0], rtol=1e-5)
        scale = (right - left)[0] / 5
        np.testing.assert_allclose(np.diff(left), [11 * scale, 10 * scale], rtol=1e-4)


def test_masks_of_boxes_and_ragged_boxes():
    given = {"images": videos(count=2), "bounding_boxes": boxes(2)}
    masks = np.random.default_rng(0).integers(0, 2, (2, T, H, W, 2), "uint8")
    given["bounding_boxes"]["masks"] = masks
    made = TURN(given, seed=0)
    drawn = TURN.draw(np.arange(2), seed=0)
    for number in range(T):
        assert_same(frame(made, number), TURN.apply(frame(given, number), drawn))
    ragged = {
        "boxes": [[np.ones((i, 4)) * [0, 0, 3, 3] for i in (0, 2, 1)], [np.zeros((0, 4))] * T],
        "labels": [[[], [1, 2], [3]], [[]] * T],
    }
    found = Identity()({"images": videos(count=2), "bounding_boxes": ragged})["bounding_boxes"]
    assert found["labels"].tolist() == [[[-1, -1], [1, 2], [3, -1]], [[-1, -1]] * T]


def test_labels_of_every_pixel_move():
    x = videos()
    labels = x[..., 0].astype("int64")
    made, moved = kaug.augment_dataset(x, labels, 5, HorizontalFlip(p=1), append=False, seed=0)
    np.testing.assert_array_equal(moved, made[..., 0])


# Every entrance ---------------------------------------------------------------------------------


def test_offline_rows_and_the_store_agree(tmp_path):
    x, y = videos(), targets()
    policy = Compose([TURN, MixUp(num_classes=3, p=0.5)])
    del y["maps"]
    for transform, labels in ((TURN, targets()), (policy, np.arange(N) % 3)):
        options = {"seed": 3, "sample_weight": np.ones(N)}
        made = kaug.augment_dataset(x, labels, 6, transform, return_index=True, **options)
        images, found, weight, index = made
        assert images.shape == (N + 6, T, H, W, 3)
        np.testing.assert_array_equal(images[:N], x)
        due = transform.apply(x[index[N:]], transform.draw(np.arange(6), seed=3))
        if transform is TURN:
            np.testing.assert_array_equal(images[N:], due)
        some = kaug.augment_rows(x, labels, [4, 1], transform, **options)
        np.testing.assert_array_equal(some[0], images[[N + 4, N + 1]])
        out = tmp_path / type(labels).__name__
        stored = kaug.augment_dataset(x, labels, 6, transform, out=out, **options)
        again = kaug.augment_dataset(x, labels, 6, transform, out=out, **options)
        for each in (stored, again):
            np.testing.assert_array_equal(each[0], images)
            assert_same(_plain(each[1]), found)
            np.testing.assert_array_equal(each[2], weight)


def _plain(structure):
    if isinstance(structure, dict):
        return {name: _plain(value) for name, value in structure.items()}
    return np.array(structure)


def test_a_store_goes_on_where_it_was_killed(tmp_path, monkeypatch):
    from kaug.store import _recipe

    x = np.random.default_rng(0).integers(0, 256, (3, 4, 301, 403, 3), "uint8")
    whole, _ = kaug.augment_dataset(x, None, 40, HorizontalFlip(), seed=1, append=False)
    made, calls = _recipe.Recipe.leaves, []

    def killed(self, start, stop):
        calls.append(start)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return made(self, start, stop)

    monkeypatch.setattr(_recipe.Recipe, "leaves", killed)
    options = {"seed": 1, "append": False, "out": tmp_path / "store"}
    with pytest.raises(KeyboardInterrupt):
        kaug.augment_dataset(x, None, 40, HorizontalFlip(), **options)
    stored, _ = kaug.augment_dataset(x, None, 40, HorizontalFlip(), **options)
    np.testing.assert_array_equal(stored, whole)


def test_every_epoch_anew_and_as_tf_data():
    x, y = videos(), targets()
    dataset = kaug.AugmentedDataset(x, y, TURN, batch_size=3, seed=2, shuffle=False)
    first = [dataset[0], dataset[1]]
    for start, (images, found) in zip((0, 3), first, strict=True):
        rows = np.arange(start, min(start + 3, N))
        part = {name: _rows(value, rows) for name, value in y.items()}
        due = TURN({"images": x[rows], **part}, seed=2, epoch=0, index=rows)
        np.testing.assert_array_equal(images, due.pop("images"))
        assert_same(found, due)
    for (images, found), (tensor, labels) in zip(first, dataset.to_tf_dataset(), strict=True):
        np.testing.assert_array_equal(tensor, images)
        boxes_of = labels["bounding_boxes"]["boxes"]
        np.testing.assert_array_equal(boxes_of, found["bounding_boxes"]["boxes"])
    image, found = dataset.row(3, epoch=0)
    np.testing.assert_array_equal(image, first[1][0][0])
    assert "AugmentedDataset" in dataset._repr_html_()


def _rows(structure, rows):
    if isinstance(structure, dict):
        return {name: _rows(value, rows) for name, value in structure.items()}
    return structure[rows]


class OnDemand:
    """Videos of which rows are read when they are asked for."""

    def __init__(self, x):
        self._x, self.shape, self.dtype = x, x.shape, x.dtype

    def __getitem__(self, rows):
        return self._x[rows]


@pytest.mark.parametrize("policy", [TURN, Compose([GaussianNoise(), CutMix(num_classes=N)])])
def test_videos_read_on_demand(policy):
    x, y = videos(), np.arange(N)
    due = kaug.augment_dataset(x, y, 5, policy, seed=0, append=False)
    found = kaug.augment_dataset(OnDemand(x), y, 5, policy, seed=0, append=False)
    for own, other in zip(found, due, strict=True):
        np.testing.assert_array_equal(own, other)


def test_a_policy_for_each_class_and_epoch():
    x, y = videos(), np.array([0, 1, 0, 1])
    policy = kaug.PerClass({0: HorizontalFlip(p=1), 1: Identity()})
    schedule = kaug.Schedule({0: policy, 1: Resize(height=H, width=W)})
    ((images, _),) = kaug.AugmentedDataset(x, y, schedule, seed=0, shuffle=False)
    np.testing.assert_array_equal(images[::2], x[::2, :, :, ::-1])
    np.testing.assert_array_equal(images[1::2], x[1::2])


def test_splits():
    x, y = videos(count=8), np.arange(8) % 2
    (x_train, _), (x_val, y_val) = kaug.train_validation_split(x, y, seed=0)
    assert x_train.shape == (6, T, H, W, 3)
    assert x_val.shape == (2, T, H, W, 3)
    assert sorted(y_val) == [0, 1]


def test_sizes():
    assert kaug.augment_dataset(videos(), None, 2, Resize(height=5, width=7), append=False, seed=0)[
        0
    ].shape == (2, T, 5, 7, 3)
    for policy in (*POLICIES, RandomCrop(4)):
        own = policy.output_shape((H, W, 3))
        assert policy.output_shape((T, H, W, 3)) == (T, *own)


# What is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda x: Identity()([x[0], x[1, :2]]), "must all have one shape"),
        (lambda x: kaug.augment_dataset(x, None, 2, lambda x: x), "Videos can be augmented by"),
        (lambda x: Identity()(x[:, :0]), "none of them zero"),
        (lambda x: Identity()(x[None]), r"\(N, frames, height, width, channels\)"),
        (
            lambda x: Rotation()({"images": x, "segmentation_masks": x[:, 0, ..., 0]}),
            rf"shape \({N}, {T}, {H}, {W}\)",
        ),
        (
            lambda x: Rotation()({"images": x, "keypoints": np.ones((N, 5, 2))}),
            "an entry for each of the 3 frames",
        ),
        (
            lambda x: Rotation()(
                {"images": x, "bounding_boxes": {"boxes": [[]] * N, "labels": [[]] * N}}
            ),
            "an entry for each of the 3 frames",
        ),
    ],
)
def test_what_is_refused(call, said):
    with pytest.raises((ValueError, TypeError), match=said):
        call(videos())


@pytest.mark.parametrize(("axis", "shape"), [(1, (2, 3, 8, 32, 48)), (2, (2, 8, 3, 32, 48))])
def test_channels_that_come_first(axis, shape):
    with pytest.warns(UserWarning, match=rf"videos .+ moveaxis\(images, {axis}, -1\)"):
        Identity()(np.zeros(shape, "uint8"))
    with warnings.catch_warnings(action="error"):
        Identity()(np.zeros((2, 3, 32, 48, 3), "uint8"))
