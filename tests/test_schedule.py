"""A policy for each epoch: every epoch is what the policy of its number makes of it alone."""

import pickle

import numpy as np
import pytest

import kaug
from kaug.transforms import (
    CutMix,
    HorizontalFlip,
    Identity,
    Invert,
    MixUp,
    RandomResizedCrop,
    Resize,
    Rotation,
)

COUNT, SIZE = 20, 6
X = np.random.default_rng(0).integers(0, 256, (COUNT, 7, 9, 3), "uint8")
CLASSES = np.repeat([0, 1], [14, 6])
ROWS = np.arange(COUNT)
WEAK, STRONG = Rotation(5), Rotation(90)
SCHEDULE = kaug.Schedule({3: STRONG, 0: Identity(), 1: WEAK})
POLICIES = [Identity(), WEAK, WEAK, STRONG, STRONG]  # by epoch


def make(schedule=SCHEDULE, y=ROWS, **options):
    return kaug.AugmentedDataset(X, y, schedule, **({"batch_size": SIZE, "seed": 5} | options))


def test_every_epoch_has_its_policy():
    dataset = make()
    for epoch, policy in enumerate(POLICIES):
        assert dataset.epoch == epoch
        for images, rows in dataset:
            expected = policy(X[rows], seed=5, epoch=epoch, index=rows)
            np.testing.assert_array_equal(images, expected)
    assert dataset.epoch == 5


def test_any_epoch_by_its_number():
    dataset = make()
    for epoch in (4, 0, 2**32 - 1, 1):
        policy = POLICIES[min(epoch, 4)]
        dataset.epoch = epoch
        images, rows = dataset[1]
        expected = policy(X[rows], seed=5, epoch=epoch, index=rows)
        np.testing.assert_array_equal(images, expected)
        np.testing.assert_array_equal(dataset.row(7, epoch=epoch)[0], dataset.row(7)[0])
        np.testing.assert_array_equal(
            dataset.row(7)[0], policy(X[[7]], seed=5, epoch=epoch, index=[7])[0]
        )
        for other in (pickle.loads(pickle.dumps(dataset)), dataset.shard(1, 2)):
            number = 1 if len(other) == 4 else 0
            np.testing.assert_array_equal(other[number][0], expected)


def test_tf_data_follows():
    dataset = make()
    expected = [images for _ in range(5) for images, _ in dataset]
    dataset.epoch = 0
    batches = dataset.to_tf_dataset()
    made = [images for _ in range(5) for images, _ in batches.as_numpy_iterator()]
    for one, other in zip(made, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_policy_of_an_epoch():
    assert [SCHEDULE.at(epoch) for epoch in range(5)] == POLICIES
    assert SCHEDULE.at(np.int64(2**31)) == STRONG
    assert kaug.Schedule({0: WEAK}).at(9) == WEAK
    for epoch, error in ((-1, ValueError), (1.0, TypeError), (2**32, ValueError)):
        with pytest.raises(error, match="`epoch` must be an integer, between 0"):
            SCHEDULE.at(epoch)


def test_policies_by_class_over_the_epochs():
    later = kaug.PerClass({0: WEAK, 1: Invert(p=1)})
    schedule = kaug.Schedule({0: STRONG, 1: later, 2: kaug.PerClass({1: STRONG}, default=WEAK)})
    dataset = make(schedule, {"labels": CLASSES, "row": ROWS})
    by_epoch = [(STRONG, STRONG), (WEAK, Invert(p=1)), (WEAK, STRONG)]
    for epoch, policies in enumerate(by_epoch):
        for images, targets in dataset:
            for label, policy in enumerate(policies):
                rows = targets["labels"] == label
                own = targets["row"][rows]
                expected = policy(X[own], seed=5, epoch=epoch, index=own)
                np.testing.assert_array_equal(images[rows], expected)
    with pytest.raises(ValueError, match="`default` must name all classes"):
        make(kaug.Schedule({0: WEAK, 9: kaug.PerClass({0: WEAK})}), CLASSES)


def test_labels_are_of_one_kind_in_all_epochs():
    schedule = kaug.Schedule({0: WEAK, 1: MixUp(num_classes=2), 2: CutMix()})
    dataset = make(schedule, CLASSES, shuffle=False, batch_size=COUNT)
    batches = [dataset[0] for dataset.epoch in range(3)]
    np.testing.assert_array_equal(batches[0][0], WEAK(X, seed=5))
    np.testing.assert_array_equal(batches[0][1], np.eye(2, dtype="f4")[CLASSES])
    for epoch, policy in ((1, MixUp(num_classes=2)), (2, CutMix(num_classes=2))):
        expected = policy({"images": X, "labels": CLASSES}, seed=5, epoch=epoch)
        np.testing.assert_array_equal(batches[epoch][0], expected["images"])
        np.testing.assert_array_equal(batches[epoch][1], expected["labels"])


def test_images_of_any_size():
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (6 + i % 4, 9 - i % 3, 3), "uint8") for i in range(COUNT)]
    crop, whole = RandomResizedCrop(height=5, width=7), Resize(height=5, width=7)
    dataset = kaug.AugmentedDataset(
        pictures, None, kaug.Schedule({0: whole, 1: crop}), shuffle=False, seed=5
    )
    np.testing.assert_array_equal(dataset[0], whole(pictures))
    dataset.epoch = 1
    np.testing.assert_array_equal(dataset[0], crop(pictures, seed=5, epoch=1))
    with pytest.raises(ValueError, match="All policies of a Schedule must give images of one size"):
        kaug.AugmentedDataset(pictures, None, kaug.Schedule({0: whole, 1: WEAK}))


def test_what_later_epochs_cannot_do_is_refused_at_once():
    sizes = kaug.Schedule({0: WEAK, 50: Resize(height=5, width=5)})
    with pytest.raises(ValueError, match=r"makes \(7, 9, 3\) of \(7, 9, 3\); Resize.* \(5, 5, 3\)"):
        make(sizes)
    masks = {"segmentation_masks": X[..., 0]}
    make(kaug.Schedule({0: WEAK, 50: STRONG}), masks)
    with pytest.raises(ValueError, match="MixUp blends two images"):
        make(kaug.Schedule({0: WEAK, 50: MixUp(num_classes=2)}), masks)


def test_where_there_are_no_epochs():
    text = r"AugmentedDataset alone has epochs. Take the policy of one of them: schedule.at\(0\)."
    with pytest.raises(TypeError, match=text):
        kaug.augment_dataset(X, CLASSES, 3, SCHEDULE)
    with pytest.raises(TypeError, match=text):
        kaug.augment_rows(X, CLASSES, [3], SCHEDULE, seed=0)
    with pytest.raises(TypeError, match=text):
        kaug.plot_augmentations(X[0], SCHEDULE)
    with pytest.raises(TypeError, match="`transform` must be a transform"):
        kaug.layers.RandomTransform(SCHEDULE)


def test_what_is_shown():
    assert eval(repr(SCHEDULE), vars(kaug.transforms) | {"Schedule": kaug.Schedule}) == SCHEDULE
    assert repr(SCHEDULE) in repr(make())
    assert "data:image/png" in make()._repr_html_()


BAD = [
    ("no dict", [WEAK], TypeError, "`policies` must be a dict from epochs to transforms"),
    ("empty", {}, ValueError, r"must begin with epoch 0. Received: \[\]"),
    ("late", {2: WEAK, 1: STRONG}, ValueError, r"Received: \[2, 1\]. Add 0: Identity\(\)"),
    ("negative", {0: WEAK, -1: WEAK}, ValueError, "`epoch` must be an integer"),
    ("half", {0: WEAK, 0.5: WEAK}, TypeError, "`epoch` must be an integer"),
    ("a function", {0: lambda images: images}, TypeError, "function.* among them"),
    ("None", {0: None}, TypeError, r"among them. Augment nothing with Identity\(\)"),
    ("nested", {0: SCHEDULE}, TypeError, "Schedule.* among them"),
]


@pytest.mark.parametrize(("given", "error", "text"), [pytest.param(*c[1:], id=c[0]) for c in BAD])
def test_bad_policies(given, error, text):
    with pytest.raises(error, match=text):
        kaug.Schedule(given)


def test_a_flip_that_begins_with_epoch_2():
    x = np.arange(4, dtype="uint8").reshape(1, 2, 2)
    schedule = kaug.Schedule({0: Identity(), 2: HorizontalFlip(p=1)})
    dataset = kaug.AugmentedDataset(x, None, schedule, seed=0)
    pictures = [batch[0].tolist() for _ in range(4) for batch in dataset]
    own, mirrored = [[0, 1], [2, 3]], [[1, 0], [3, 2]]
    assert pictures == [own, own, mirrored, mirrored]
