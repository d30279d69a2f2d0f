"""Grain: each row of each epoch is what the transform makes of it alone."""

import doctest

import numpy as np
import pytest

import kaug
from kaug.integrations import grain as integration
from kaug.integrations.grain import _augment_element, augment, number_rows
from kaug.transforms import Affine, Brightness, Compose, HorizontalFlip, MixUp, RandomResizedCrop

try:
    import grain
except ImportError:
    grain = None

needs_grain = pytest.mark.skipif(grain is None, reason='needs Grain: pip install "kaug[grain]"')

POLICY = Compose(
    [Affine(rotation=30, width_shift=0.1, zoom=0.2), HorizontalFlip(), Brightness(0.2)]
)


def noise(count, shape=(9, 11, 3), dtype="uint8"):
    values = np.random.default_rng(0).integers(0, 256, (count, *shape))
    return values.astype(dtype)


def source_of(images):
    rows = [{"image": image, "label": i % 3} for i, image in enumerate(images)]
    return grain.MapDataset.source(rows)


KEYS = ("image", "index", "epoch")


def numbered(images, **others):
    count = len(images)
    return {"image": images, "index": np.arange(count), "epoch": np.zeros(count, int), **others}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bboxes", np.zeros((2, 3, 4))),
        ("mask", np.zeros((2, 9, 11))),
        ("keypoints", np.zeros((2, 5, 2))),
        ("boxes", [np.zeros((1, 4)), np.zeros((3, 4))]),
    ],
)
def test_what_would_have_to_move_is_refused(name, value):
    flip = {"transform": HorizontalFlip(1), "seed": 0, "keys": KEYS}
    batch = numbered(noise(2), **{name: value})
    row = {"image": noise(1)[0], "index": 3, "epoch": 0, name: value[0]}
    for element in (batch, row):
        with pytest.raises(ValueError, match=rf"Images alone are moved.*row\['{name}'\]"):
            _augment_element(element, **flip)
        made = _augment_element(element, **{**flip, "transform": Brightness()})
        assert made[name] is element[name]


def test_what_looks_so_is_pointed_out():
    flip = {"transform": HorizontalFlip(1), "seed": 0, "keys": KEYS}
    depth = np.zeros((2, 9, 11))
    row = {"image": noise(1)[0], "index": 3, "epoch": 0, "depth": depth[0]}
    for element in (numbered(noise(2), depth=depth), row):
        with pytest.warns(UserWarning, match="Images alone are moved.*'depth'.*high and wide"):
            _augment_element(element, **flip)
    _augment_element(numbered(noise(2), points=np.arange(2), name=["a", "b"]), **flip)


@needs_grain
def test_numbers_survive_whatever_comes_later():
    rows = number_rows(source_of(noise(10)), index_key="row").seed(1).shuffle().repeat(3)
    seen = [(row["epoch"], row["row"]) for row in rows]
    assert sorted(seen) == [(epoch, i) for epoch in range(3) for i in range(10)]
    assert seen[:10] != sorted(seen[:10])
    assert all(row["label"] == row["row"] % 3 for row in rows)
    part = rows[1:30:4]
    assert [(row["epoch"], row["row"]) for row in part] == seen[1:30:4]


@needs_grain
@pytest.mark.parametrize("batch_size", [None, 1, 4, 7, 30])
@pytest.mark.parametrize("threads", [0, 2])
def test_rows_are_those_of_the_transform_alone(batch_size, threads):
    """Batches of 4 and 7 have rows of two epochs."""
    images = noise(10)
    rows = number_rows(source_of(images)).seed(1).shuffle().repeat(3)
    rows = rows if batch_size is None else rows.batch(batch_size)
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=threads and 3)
    elements = list(augment(rows, POLICY, seed=5).to_iter_dataset(options))
    parts = {key: [np.atleast_1d(each[key]) for each in elements] for key in ("index", "epoch")}
    index, epoch = (np.concatenate(parts[key]) for key in ("index", "epoch"))
    made = [each["image"] for each in elements]
    made = np.stack(made) if batch_size is None else np.concatenate(made)
    assert len(made) == 30
    assert made.dtype == np.uint8
    for i, e, image in zip(index, epoch, made, strict=True):
        assert np.array_equal(image, POLICY(images[i][None], seed=5, epoch=e, index=[i])[0])


@needs_grain
def test_batches_are_those_of_augmented_dataset():
    images, labels = (noise(10, (5, 7, 1)) / 255).astype("float32"), np.arange(10) % 3
    online = kaug.AugmentedDataset(images, labels, POLICY, batch_size=4, shuffle=False, seed=2)
    batches = augment(number_rows(source_of(images)).batch(4), POLICY, seed=2).repeat(2)
    for number, batch in enumerate(batches):
        online.epoch, place = divmod(number, len(online))
        assert np.array_equal(batch["image"], online[place][0])
        assert np.array_equal(batch["label"], online[place][1])


@needs_grain
def test_single_pictures_without_a_channel_and_other_sizes():
    images = noise(6, (9, 11), "uint16")
    crop = RandomResizedCrop(height=4, width=5)
    rows = augment(number_rows(source_of(images)), crop, seed=0)
    for i, row in enumerate(rows):
        assert row["image"].shape == (4, 5)
        assert row["image"].dtype == np.uint16
        assert np.array_equal(row["image"], crop(images[i][None], seed=0, index=[i])[0])


@needs_grain
@pytest.mark.filterwarnings("ignore:Images alone are moved")  # the same image twice, on purpose
def test_iter_datasets_and_keys_of_ones_own():
    images = noise(6)
    names = {"index_key": "row", "epoch_key": "pass"}
    rows = number_rows(source_of(images), **names).to_iter_dataset().batch(3)
    rows = rows.map(lambda batch: {**batch, "picture": batch["image"]})
    first, second = augment(rows, POLICY, seed=0, image_key="picture", **names)
    assert np.array_equal(first["image"], images[:3])
    made = np.concatenate([first["picture"], second["picture"]])
    assert np.array_equal(made, POLICY(images, seed=0))


@needs_grain
def test_an_iterator_that_is_taken_up_again():
    batches = augment(number_rows(source_of(noise(10))).repeat(2).batch(3), POLICY, seed=0)
    iterator = iter(batches.to_iter_dataset())
    next(iterator), next(iterator)
    state, expected = iterator.get_state(), next(iterator)
    other = iter(batches.to_iter_dataset())
    other.set_state(state)
    assert np.array_equal(next(other)["image"], expected["image"])


@needs_grain
def test_nothing_is_written_to():
    images = noise(6)
    images.flags.writeable = False
    rows = number_rows(source_of(images))
    assert not np.array_equal(augment(rows, POLICY, seed=0)[0]["image"], images[0])
    assert set(rows[0]) == {"image", "label", "index", "epoch"}


@needs_grain
def test_wrong_arguments():
    rows = number_rows(source_of(noise(3)))
    with pytest.raises(TypeError, match=r"must be a grain.MapDataset\. Received: \[\]"):
        number_rows([])
    with pytest.raises(TypeError, match=r"must be a grain.MapDataset or a grain.IterDataset\."):
        augment([], POLICY, seed=0)
    with pytest.raises(TypeError, match="must be one of `kaug"):
        augment(rows, lambda images: images, seed=0)
    with pytest.raises(ValueError, match="must not mix pictures"):
        augment(rows, MixUp(num_classes=3), seed=0)
    with pytest.raises(ValueError, match="`seed` must be an integer"):
        augment(rows, POLICY, seed=-1)


@needs_grain
def test_wrong_elements():
    pairs = grain.MapDataset.source([(noise(1)[0], 3)])
    with pytest.raises(TypeError, match="Elements must be dicts"):
        number_rows(pairs)[0]
    with pytest.raises(ValueError, match=r"the keys 'image', 'index', 'epoch'.*number_rows"):
        augment(source_of(noise(2)), POLICY, seed=0)[0]
    with pytest.raises(ValueError, match="must be a dict with the keys"):
        augment(pairs, POLICY, seed=0)[0]
    text = grain.MapDataset.source([{"image": "a.png", "label": 1}])
    with pytest.raises(TypeError, match=r"`element\['image'\]` must hold real numbers"):
        augment(number_rows(text), POLICY, seed=0)[0]


@needs_grain
@pytest.mark.parametrize("function", [augment, number_rows])
def test_the_examples_run(function):
    text = function.__doc__.replace("  # doctest: +SKIP", "")
    test = doctest.DocTestParser().get_doctest(text, {"np": np}, function.__name__, None, None)
    assert len(test.examples) >= 4
    assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


def element(images, index, epoch):
    value = {"image": images, "index": index, "epoch": epoch, "other": "kept"}
    keys = ("image", "index", "epoch")
    return integration._augment_element(value, transform=POLICY, seed=0, keys=keys)


def test_what_grain_calls_needs_no_grain():
    images = noise(4)
    made = element(images, np.array([3, 0, 3, 1]), np.array([1, 0, 0, 1]))
    assert made["other"] == "kept"
    for i, e, before, after in zip([3, 0, 3, 1], [1, 0, 0, 1], images, made["image"], strict=True):
        assert np.array_equal(after, POLICY(before[None], seed=0, epoch=e, index=[i])[0])
    alone = element(images[2], 3, 0)
    assert np.array_equal(alone["image"], made["image"][2])
    assert element(images[:0], np.empty(0, int), np.empty(0, int))["image"].shape == (0, 9, 11, 3)
