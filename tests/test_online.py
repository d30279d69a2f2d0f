import inspect
import itertools
import multiprocessing
import os
import pickle
import random
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import keras
import numpy as np
import pytest

import kaug
from kaug.online import AugmentedDataset, _dataset
from kaug.transforms import Affine, Compose, CutMix, HorizontalFlip, MixUp, Rotation

POLICY = Compose([Affine(rotation=20, width_shift=0.2, zoom=0.2), HorizontalFlip()])
X = np.random.default_rng(0).random((50, 7, 9, 1), np.float32)
Y = np.arange(50)
# Batches of 3: seventeen, more than Keras' queue holds.
SIZE, EPOCHS = 3, 2
WORKERS = [(1, False), (4, False), (1, True), (4, True)]


def make(generator=POLICY, **options):
    return AugmentedDataset(X, Y, generator, **({"batch_size": SIZE, "seed": 5} | options))


def levels(count, shape=(6, 5, 3)):
    """Returns images of one level each, which names the row whatever geometry does to them."""
    return np.broadcast_to(
        5 * np.arange(count).reshape(-1, *[1] * len(shape)), (count, *shape)
    ).astype("uint8")


def batches_of(dataset):
    """Returns the batches of the current epoch, which stays the current one."""
    epoch = dataset.epoch
    batches = [dataset[i] for i in range(len(dataset))]
    dataset.epoch = epoch
    return batches


def epochs_of(dataset, *epochs):
    """Returns the batches of the epochs, one after the other."""
    batches = []
    for epoch in epochs:
        dataset.epoch = epoch
        batches += list(dataset)
    return batches


def trained_on(dataset, **options):
    """Returns the batches that `fit` takes from a dataset, in their order, and learns nothing."""
    model = keras.Sequential(
        [keras.Input((7, 9, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse", run_eagerly=True)
    batches = []

    def recording(*arguments):
        batches.append(tuple(np.array(keras.ops.convert_to_numpy(a)) for a in arguments[-1]))
        logs = {"loss": keras.ops.zeros(())}
        return (logs, *arguments[:-1]) if len(arguments) > 1 else logs  # JAX hands its state on

    model.train_step = recording
    model.fit(dataset, verbose=0, shuffle=False, **options)
    return batches


def same(batches, expected):
    return len(batches) == len(expected) and all(
        np.array_equal(one, other)
        for batch, right in zip(batches, expected, strict=True)
        for one, other in zip(batch, right, strict=True)
    )


def fitted(make=make):
    """Yields what every way of training is trained on, by name, and what it ought to be."""
    expected = epochs_of(make(), *range(EPOCHS + 1))
    for workers, processes in WORKERS:
        options = {"workers": workers, "use_multiprocessing": processes}
        yield f"{options}", trained_on(make(**options), epochs=EPOCHS + 1), expected
        dataset = make(**options)
        dataset.epoch = EPOCHS
        once_more = trained_on(dataset, epochs=EPOCHS + 1, initial_epoch=EPOCHS)
        yield f"restarted, {options}", once_more, expected[-len(dataset) :]
    dataset = make()
    batches = trained_on(dataset, epochs=1) + trained_on(dataset, epochs=EPOCHS)
    yield "by two models in turn", batches, expected
    yield "tf.data", trained_on(make().to_tf_dataset(), epochs=EPOCHS + 1), expected


def test_a_batch_is_what_the_transform_makes_of_its_rows():
    dataset = make()
    assert len(dataset) == 17
    for epoch in (0, 3):
        rows = []
        for images, labels in epochs_of(dataset, epoch):
            expected = POLICY(X[labels], seed=5, epoch=epoch, index=labels)
            np.testing.assert_array_equal(images, expected)
            assert images.dtype == X.dtype
            rows += labels.tolist()
        assert rows != sorted(rows)
        assert sorted(rows) == Y.tolist()


def test_epochs_differ_in_pictures_and_order():
    first, second = (epochs_of(make(), epoch) for epoch in (0, 1))
    assert not np.array_equal(first[0][1], second[0][1])
    first, second = (epochs_of(make(shuffle=False), epoch) for epoch in (0, 1))
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in first]), Y)
    assert not np.array_equal(first[0][0], second[0][0])


def test_seeds():
    assert same(batches_of(make(seed=1)), batches_of(make(seed=1)))
    assert not same(batches_of(make(seed=1)), batches_of(make(seed=2)))
    unseeded = make(seed=None)
    assert same(batches_of(unseeded), batches_of(unseeded))
    assert not same(batches_of(make(seed=None)), batches_of(make(seed=None)))


def test_last_batch():
    assert [len(labels) for _, labels in make()][-1] == 2
    assert [len(labels) for _, labels in make(drop_remainder=True)] == [3] * 16
    assert len(make(batch_size=50)) == len(make(batch_size=64)) == 1
    with pytest.raises(IndexError):
        make()[17]


def test_any_order_threads_and_pickles():
    dataset = make()
    expected = batches_of(dataset)
    with ThreadPoolExecutor(8) as pool:
        assert same(list(pool.map(dataset.__getitem__, [*range(17)] * 4)), expected * 4)
    assert same([dataset[i] for i in range(16, -1, -1)], expected[::-1])
    dataset.epoch = 2
    copied = pickle.loads(pickle.dumps(dataset))
    assert same(batches_of(copied), epochs_of(make(), 2))


@pytest.mark.filterwarnings("ignore:.*fork")
def test_fit_takes_the_same_bits_however_it_is_fed():
    for how, batches, expected in fitted():
        assert same(batches, expected), how


class Forgetful(AugmentedDataset):
    """Draws by how often it was asked, not by what it was asked for."""

    asked = 0

    def _batch(self, number, epoch):
        self.asked += 1
        return super()._batch(number, self.asked)


@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_dataset_with_a_state_would_be_noticed():
    def forgetful(**options):
        return Forgetful(X, Y, POLICY, batch_size=SIZE, seed=5, shuffle=False, **options)

    ways = itertools.islice(fitted(forgetful), 4)  # one worker and several, and restarted
    assert not any(same(batches, expected) for _, batches, expected in ways)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="no workers, so no processes")
def test_no_layers_in_forked_processes(monkeypatch):
    layer = keras.layers.RandomFlip()
    with pytest.raises(ValueError, match=r"forked processes.*Received: use_multiprocessing=True"):
        make(layer, workers=2, use_multiprocessing=True)
    make(layer, workers=2)
    make(workers=2, use_multiprocessing=True)
    monkeypatch.setattr("multiprocessing.get_start_method", lambda: "spawn")
    make(layer, workers=2, use_multiprocessing=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_child_does_not_wait_for_what_its_parent_was_doing():
    with _dataset._one_at_a_time.held():
        child = os.fork()
        if not child:
            signal.alarm(10)
            with _dataset._one_at_a_time.held():
                os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def test_epochs_go_on_over_several_fits():
    dataset, expected = make(), epochs_of(make(), 0, 1, 2)
    assert same(trained_on(dataset, epochs=2), expected[:34])
    assert dataset.epoch == 2
    assert same(trained_on(dataset, epochs=1), expected[34:])


def test_a_loop_is_an_epoch():
    dataset, expected = make(), epochs_of(make(), 0, 1, 2)
    next(iter(dataset))  # a pass that is not finished is no epoch
    assert same([batch for _ in range(3) for batch in dataset], expected)
    assert dataset.epoch == 3
    dataset.epoch = 1
    assert same([*dataset, *trained_on(dataset, epochs=1)], expected[17:])
    for _ in dataset:
        dataset.epoch = 7  # who sets it decides
    assert dataset.epoch == 7


def test_a_loop_that_counts_is_an_epoch():
    dataset = make()
    assert len(list(zip(range(17), dataset, strict=False))) == 17  # asks for no eighteenth
    assert dataset.epoch == 1
    for _ in dataset:
        pass
    dataset.on_epoch_end()  # has been counted
    assert dataset.epoch == 2


def test_a_loop_over_numbers_is_an_epoch():
    dataset, expected = make(), epochs_of(make(), 0, 1, 2)
    seen = []
    for _ in range(2):
        for number in range(len(dataset)):
            seen.append(dataset[number])
            assert len(dataset) == 17  # no pass is counted twice
    assert same(seen + batches_of(dataset), expected)
    assert same([dataset[16], dataset[16], *dataset], [expected[-1], expected[-1], *expected[34:]])
    assert dataset.epoch == 3


def test_loops_that_end_before_are_epochs():
    dataset, expected = make(), epochs_of(make(), 0, 1, 2)
    seen = []
    for _ in range(3):
        next(iter(dataset))  # a look
        seen += list(itertools.islice(dataset, 5))
    assert same(seen, [*expected[:5], *expected[17:22], *expected[34:39]])


@pytest.mark.parametrize("size", [SIZE, 25, 50])
def test_two_loops_at_once_are_one_epoch(size):
    dataset = make(batch_size=size)
    for _ in range(3):
        for _ in zip(dataset, dataset, strict=True):
            pass
    assert dataset.epoch == (6 if size == 50 else 3)  # of one batch each ends before the other


@pytest.mark.filterwarnings("ignore:.*fork")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_that_live_on_follow_the_epoch(method):
    """As those of PyTorch's DataLoader with `persistent_workers=True`."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("no fork here")
    dataset, expected = make(), epochs_of(make(), 0, 1, 7)
    seen = []
    with worked_on(dataset, method) as whole_epoch:
        for epoch in (None, None, 7):
            if epoch is not None:
                dataset.epoch = epoch
            seen += whole_epoch()
    assert same(seen, expected)


@pytest.mark.filterwarnings("ignore:.*fork")
def test_who_says_that_an_epoch_ends_may_begin_to_after_some():
    """With workers that give all batches, as those of PyTorch's DataLoader."""
    dataset, expected = make(), epochs_of(make(), 0, 1, 2, 3)
    seen = []
    with worked_on(dataset, "spawn") as whole_epoch:
        for ends in (False, True, False, True):
            seen += whole_epoch()
            if ends:
                dataset.on_epoch_end()
    assert same(seen, expected)
    assert dataset.epoch == 4


@contextmanager
def worked_on(dataset, method):
    """Gives a function that has a worker which lives on make all batches of an epoch."""
    context = multiprocessing.get_context(method)
    asked, given = context.Queue(), context.Queue()
    worker = context.Process(target=_work, args=(dataset, asked, given), daemon=True)
    worker.start()

    def whole_epoch():
        for number in range(len(dataset)):  # as samplers do
            asked.put(number)
        return [given.get(timeout=60) for _ in range(17)]

    yield whole_epoch
    asked.put(None)
    worker.join()


def _work(dataset, asked, given):
    while (number := asked.get()) is not None:
        given.put(dataset[number])


def test_a_loop_gives_what_a_subclass_makes():
    class Dark(AugmentedDataset):
        def __getitem__(self, index):
            images, labels = super().__getitem__(index)
            return images * 0, labels

        def __len__(self):
            return 4

    dataset = Dark(X, Y, POLICY, batch_size=SIZE, seed=5)
    assert [images.max() for images, _ in dataset] == [0] * 4
    assert dataset.epoch == 1


def test_a_pass_is_told_from_a_look():
    # Passes as short as Keras' looks before them.
    single, steps, predicted = make(batch_size=50), make(), make()
    for _ in range(3):
        trained_on(single, epochs=1)
    trained_on(steps, epochs=3, steps_per_epoch=2)
    keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)]).predict(predicted, verbose=0)
    assert [single.epoch, steps.epoch, predicted.epoch] == [3, 3, 1]

    def reset(dataset):  # as what Keras calls before it trains
        dataset.on_epoch_end()

    dataset = make()
    reset(dataset)
    assert dataset.epoch == 1


class Wrapper(keras.utils.PyDataset):
    """Hands on one of the two hooks, or neither."""

    def __init__(self, dataset, *hooks, **options):
        super().__init__(**options)
        self.dataset = dataset
        for hook in hooks:
            setattr(self, hook, getattr(dataset, hook))

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        return self.dataset[index]


@pytest.mark.parametrize("size", [SIZE, 25, 50])
@pytest.mark.parametrize("hooks", [["begin"], ["end"], ["begin", "end"]], ids="-".join)
def test_one_hook_is_enough(hooks, size):
    dataset = make(batch_size=size)
    expected = epochs_of(make(batch_size=size), 0, 1, 2)
    seen = []
    for _ in range(3):  # a loop of one's own
        if "begin" in hooks:
            dataset.on_epoch_begin()
        seen += [dataset[i] for i in range(len(dataset))]
        if "end" in hooks:
            dataset.on_epoch_end()
    assert same(seen, expected)
    if len(hooks) == 1:
        wrapper = Wrapper(make(batch_size=size), f"on_epoch_{hooks[0]}")
        assert same(trained_on(wrapper, epochs=3), expected)


@pytest.mark.parametrize("size", [SIZE, 25, 50])
def test_no_hook_is_enough(size):
    expected = epochs_of(make(batch_size=size), 0, 1, 2)
    assert same(trained_on(Wrapper(make(batch_size=size)), epochs=3), expected)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="Keras' queue mixes batches up")
@pytest.mark.filterwarnings("ignore:.*fork")
def test_one_hook_is_enough_where_workers_take_the_batches():
    wrapper = Wrapper(make(), "on_epoch_end", workers=2, use_multiprocessing=True)
    assert same(trained_on(wrapper, epochs=2), epochs_of(make(), 0, 1))


@pytest.mark.parametrize("policy", [Compose([Rotation(20), MixUp(num_classes=50)]), Rotation(20)])
def test_one_row_again(policy):
    weights = np.linspace(0, 1, 50)
    dataset = AugmentedDataset(
        X, Y, policy, batch_size=50, shuffle=False, sample_weight=weights, seed=7
    )
    dataset.epoch = 3
    batch = dataset[0]
    for number in (17, np.int64(49)):
        for part, whole in zip(dataset.row(number), batch, strict=True):
            np.testing.assert_array_equal(part, whole[number])
    dataset.epoch = 0
    np.testing.assert_array_equal(dataset.row(17, epoch=3)[0], batch[0][17])
    assert AugmentedDataset(X, None, policy, seed=7).row(0).shape == X.shape[1:]
    with pytest.raises(ValueError, match="`number` must be an integer, between 0 and 49"):
        dataset.row(50)
    with pytest.raises(
        TypeError, match=r"A row can be made alone by a transform of `kaug.transforms`"
    ):
        AugmentedDataset(X, Y, lambda images: images, seed=0).row(0)


def test_numbers_of_batches():
    dataset = make()
    assert same([dataset[-1], dataset[np.int8(3)]], [dataset[16], dataset[3]])
    for index in (17, -18, 10**30):
        with pytest.raises(IndexError, match=r"gives one of them by its number, -17..16. Received"):
            dataset[index]
    for index in (slice(0, 2), "a", 1.0, None):
        with pytest.raises(TypeError, match="A dataset of 17 batches gives one of them"):
            dataset[index]


def test_functions_draw_alike_in_all_workers():
    """Forked processes have the same global generators."""

    def noisy(images):
        return images + np.float32(random.random() + np.random.rand())

    states = random.getstate(), np.random.get_state()[1].copy()
    dataset = make(generator=noisy)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(dataset.__getitem__, range(17)))
    assert same(made, batches_of(make(generator=noisy)))
    assert len({images[0].tobytes() for images, _ in made}) == 17
    assert states[0] == random.getstate()
    assert (states[1] == np.random.get_state()[1]).all()


def test_an_evaluation_is_an_epoch_too():
    dataset = make()
    model = keras.Sequential(
        [keras.Input((7, 9, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    model.evaluate(dataset, verbose=0)
    assert dataset.epoch == 1


def test_a_callback_may_set_the_epoch():
    dataset = make()
    tell = keras.callbacks.LambdaCallback(on_epoch_begin=lambda e, _: setattr(dataset, "epoch", e))
    batches = trained_on(dataset, epochs=5, initial_epoch=3, callbacks=[tell])
    assert same(batches, epochs_of(make(), 3, 4))


def test_tf_data():
    dataset = make()
    dataset.epoch = 1
    batches = dataset.to_tf_dataset()
    dataset.epoch = 7  # is not its business any more
    assert len(batches) == 17
    assert [spec.shape.as_list() for spec in batches.element_spec] == [[None, 7, 9, 1], [None]]
    assert [spec.dtype.name for spec in batches.element_spec] == ["float32", "int64"]
    next(iter(batches))  # a pass that is not finished is no epoch
    for epoch in (1, 2):
        assert same(list(batches.as_numpy_iterator()), epochs_of(make(), epoch))
    repeated = list(batches.repeat(2).as_numpy_iterator())
    assert same(repeated, epochs_of(make(), 3, 4))


def test_tf_data_of_even_batches_has_static_shapes():
    for options in ({"drop_remainder": True}, {"batch_size": 10}):
        dataset = make(**options)
        spec = dataset.to_tf_dataset().element_spec
        assert spec[0].shape.as_list() == [dataset[0][0].shape[0], 7, 9, 1]


def test_tf_data_of_a_subclass_has_its_batches():
    class Signed(AugmentedDataset):
        def __getitem__(self, index):
            images, labels = super().__getitem__(index)
            named = {"label": labels, "epoch": self.epoch + Y[:3]}
            return (2 * images - 1).astype("float16"), named

        def __len__(self):
            return 5

    dataset = Signed(X, Y, POLICY, batch_size=SIZE, seed=5)
    batches = dataset.to_tf_dataset()
    for epoch in (0, 1):
        expected = [dataset[i] for i in range(5)]
        got = list(batches.as_numpy_iterator())
        assert [images.dtype.name for images, _ in got] == ["float16"] * 5
        for (images, labels), (right, right_labels) in zip(got, expected, strict=True):
            np.testing.assert_array_equal(images, right)
            np.testing.assert_array_equal(labels["label"], right_labels["label"])
            np.testing.assert_array_equal(labels["epoch"], epoch + Y[:3])
        dataset.epoch = epoch + 1


def test_tf_data_of_any_structure():
    y = {"a": Y, "b": [Y * 0.5, Y.astype(str)]}
    dataset = AugmentedDataset(X, y, POLICY, sample_weight=Y, seed=1)
    for (x1, y1, w1), (x2, y2, w2) in zip(
        dataset, dataset.to_tf_dataset().as_numpy_iterator(), strict=True
    ):
        np.testing.assert_array_equal(x1, x2)
        np.testing.assert_array_equal(y1["b"][0], y2["b"][0])
        np.testing.assert_array_equal(y1["b"][1], y2["b"][1].astype(str))
        np.testing.assert_array_equal(w1, w2)
    images_alone = AugmentedDataset(X, None, POLICY, seed=1)
    np.testing.assert_array_equal(
        images_alone[0], next(images_alone.to_tf_dataset().as_numpy_iterator())
    )


@pytest.mark.parametrize(
    ("labels", "received"),
    [
        (Y.astype("datetime64[D]"), r"an array of dtype datetime64\[D\]"),
        (Y.astype("timedelta64[s]"), r"an array of dtype timedelta64\[s\]"),
        (np.zeros(50, [("a", "i4")]), r"an array of dtype \[\('a', '<i4'\)\]"),
        (np.array(["a", None] * 25, object), "None.* in an array of objects"),
    ],
    ids=["dates", "times", "records", "objects"],
)
def test_tf_data_of_what_is_no_tensor(labels, received):
    dataset = AugmentedDataset(X, {"a": labels}, POLICY, batch_size=50, seed=5)
    with pytest.raises(TypeError, match=f"Tensors hold numbers.*Received: {received}"):
        dataset.to_tf_dataset()


def test_tf_data_of_objects_that_are_strings():
    names = np.array([str(row) for row in Y], object)
    dataset = AugmentedDataset(X, names, POLICY, batch_size=SIZE, seed=5)
    rows = [int(name) for _, names in dataset.to_tf_dataset() for name in names.numpy()]
    assert rows == np.concatenate([labels for _, labels in make()]).tolist()


def test_tf_data_of_arrays_in_the_other_byte_order():
    # As IDX, FITS and many TIFF files have them; TensorFlow would take their bytes as they are.
    other = np.dtype("f4").newbyteorder()
    y = {"number": Y.astype(Y.dtype.newbyteorder()), "name": Y.astype("U").astype(">U2")}
    options = {"batch_size": SIZE, "sample_weight": Y.astype(other), "seed": 5}
    batches = AugmentedDataset(X.astype(other), y, POLICY, **options).to_tf_dataset()
    expected = AugmentedDataset(X.astype("f4"), Y, POLICY, batch_size=SIZE, seed=5)
    for (images, labels, weights), (plain, rows) in zip(batches, expected, strict=True):
        np.testing.assert_array_equal(images, plain)
        np.testing.assert_array_equal(labels["number"], rows)
        assert [int(name) for name in labels["name"].numpy()] == rows.tolist()
        np.testing.assert_array_equal(weights, rows)


def test_shards_without_batches():
    empty = make().shard(18, 19)
    assert list(empty) == []
    with pytest.raises(
        IndexError, match=r"A dataset of 0 batches gives one of them by its number\."
    ):
        empty[0]
    with pytest.raises(ValueError, match=r"first batch.*Received: a shard without batches"):
        empty.to_tf_dataset()


@pytest.mark.parametrize("count", [1, 2, 5, 20])
def test_shards_are_the_epoch(count):
    dataset = make()
    dataset.epoch = 4
    shards = [dataset.shard(index, count) for index in range(count)]
    lengths = [len(shard) for shard in shards]
    assert sum(lengths) == len(dataset)
    assert max(lengths) - min(lengths) <= 1
    expected = batches_of(dataset)
    for index, shard in enumerate(shards):
        assert same(batches_of(shard), expected[index::count])
    if count == 2:
        part = shards[1].shard(1, 3)
        assert same(batches_of(part), expected[3::6])
        assert same(list(part.to_tf_dataset().as_numpy_iterator()), expected[3::6])
    shards[0].on_epoch_begin()
    assert dataset.epoch == 4


def test_memory_maps(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    x, y = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "xy")
    dataset = AugmentedDataset(x, y, POLICY, batch_size=SIZE, seed=5)
    assert same(batches_of(dataset), batches_of(make()))
    assert all(type(array) is np.ndarray for array in dataset[0])
    function = AugmentedDataset(x, y, lambda images: images, batch_size=SIZE, seed=5)
    assert all(type(array) is np.ndarray for array in function[0])


@pytest.mark.parametrize("part", [slice(None), slice(7, 40)])
def test_pickles_hold_no_copy_of_a_memory_map(tmp_path, part):
    x = np.random.default_rng(0).random((50, 40, 50, 1), np.float32)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")[part]
    dataset = AugmentedDataset(mapped, None, POLICY, batch_size=SIZE, seed=5)
    pickled = pickle.dumps(dataset)
    assert len(pickled) < 10_000
    for batch, right in zip(pickle.loads(pickled), dataset, strict=True):
        np.testing.assert_array_equal(batch, right)
    np.testing.assert_array_equal(pickle.loads(pickled)._images, x[part])
    assert isinstance(pickle.loads(pickled)._images, np.memmap)


@pytest.mark.parametrize(
    "other",
    [X * 0, X[:20], X[:, :4], X.astype("uint16")],
    ids=["values", "rows", "shape", "dtype"],
)
def test_pickles_notice_that_a_file_was_replaced(tmp_path, other):
    path = tmp_path / "x.npy"
    np.save(path, X)
    os.utime(path, ns=(0, 10**18))
    mapped = np.load(path, mmap_mode="r")
    pickled = pickle.dumps(AugmentedDataset(mapped, Y, POLICY, batch_size=SIZE, seed=5))
    path.rename(tmp_path / "old.npy")
    with pytest.raises(FileNotFoundError, match=r"x\.npy"):
        pickle.loads(pickled)
    np.save(path, other)
    with pytest.raises(ValueError, match=r"x\.npy, which was changed or replaced since. Make"):
        pickle.loads(pickled)
    (tmp_path / "old.npy").rename(path)
    assert same(list(pickle.loads(pickled)), list(make()))


def test_pickles_of_maps_that_are_written_to(tmp_path):
    np.save(tmp_path / "x.npy", X * 0)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r+")
    pickled = pickle.dumps(AugmentedDataset(mapped, Y, POLICY, batch_size=SIZE, seed=5))
    mapped[:] = X
    mapped.flush()
    os.utime(tmp_path / "x.npy", ns=(0, 10**18))
    assert same(list(pickle.loads(pickled)), list(make()))


def test_pickles_of_maps_whose_file_is_gone_hold_the_values(tmp_path):
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    dataset = AugmentedDataset(mapped, Y, POLICY, batch_size=SIZE, seed=5)
    (tmp_path / "x.npy").unlink()
    assert same(list(pickle.loads(pickle.dumps(dataset))), list(make()))


def test_pickles_hold_no_copy_of_what_goes_with_the_images(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"x": X, "a": rng.random((50, 9_000)), "masks": rng.random((50, *X.shape[1:3], 40))}
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    mapped = {name: np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in arrays}
    moving = {"segmentation_masks": mapped["masks"], "labels": mapped["a"][:, :]}
    for y, right in (
        ((mapped["a"], [mapped["a"][:, :]]), (arrays["a"], [arrays["a"]])),
        (moving, {"segmentation_masks": arrays["masks"], "labels": arrays["a"]}),
    ):
        options = {"batch_size": SIZE, "seed": 5}
        weights = {"sample_weight": mapped["a"][:, 0]}
        pickled = pickle.dumps(AugmentedDataset(mapped["x"], y, POLICY, **weights, **options))
        assert len(pickled) < 10_000
        expected = AugmentedDataset(X, right, POLICY, **weights, **options)
        for batch, other in zip(pickle.loads(pickled), expected, strict=True):
            assert same([keras.tree.flatten(batch)], [keras.tree.flatten(other)])
    soft = np.load(tmp_path / "a.npy", mmap_mode="r")
    mixed = AugmentedDataset(mapped["x"], soft, MixUp(), batch_size=SIZE, seed=5)
    assert len(pickle.dumps(mixed)) < 10_000
    assert same(batches_of(pickle.loads(pickle.dumps(mixed))), batches_of(mixed))


def test_a_shard_of_a_file_that_is_gone(tmp_path):
    np.save(tmp_path / "x.npy", X)
    dataset = AugmentedDataset(
        np.load(tmp_path / "x.npy", mmap_mode="r"), Y, POLICY, batch_size=SIZE, seed=5
    )
    (tmp_path / "x.npy").unlink()  # it stays mapped
    assert same(batches_of(dataset.shard(0, 2)), batches_of(make().shard(0, 2)))


def test_pickles_hold_what_is_in_memory_alone(tmp_path):
    np.save(tmp_path / "x.npy", X)
    changed = np.load(tmp_path / "x.npy", mmap_mode="c")
    changed[:] = 0.5
    strided = np.load(tmp_path / "x.npy", mmap_mode="r")[::2]
    for x in (X, changed, strided, strided + 0):
        dataset = AugmentedDataset(x, None, POLICY, seed=5)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(dataset))._images, x)


def test_masks_boxes_and_keypoints_follow():
    rng = np.random.default_rng(1)
    corners = rng.uniform([0, 0, 5, 4], [4, 3, 9, 7], (50, 2, 4)).astype("float32")
    y = {
        "labels": Y,
        "segmentation_masks": rng.integers(0, 5, (50, 7, 9), np.uint8),
        "bounding_boxes": {"boxes": corners, "labels": rng.integers(0, 3, (50, 2))},
        "keypoints": rng.uniform(0, 7, (50, 3, 2)),
    }
    whole = POLICY({"images": X, **y}, seed=5, epoch=2)
    dataset = AugmentedDataset(X, y, POLICY, sample_weight=Y / 2, batch_size=SIZE, seed=5)
    dataset.epoch = 2
    seen = 0
    for images, targets, weight in dataset:
        rows = targets["labels"]
        np.testing.assert_array_equal(weight, rows / 2)
        np.testing.assert_array_equal(images, whole["images"][rows])
        for name in ("segmentation_masks", "keypoints"):
            np.testing.assert_array_equal(targets[name], whole[name][rows])
        for name, values in targets["bounding_boxes"].items():
            np.testing.assert_array_equal(values, whole["bounding_boxes"][name][rows])
        seen += len(rows)
    assert seen == 50
    assert not np.array_equal(whole["segmentation_masks"], y["segmentation_masks"])


@pytest.mark.parametrize("mixing", [MixUp(num_classes=50), CutMix(num_classes=50)], ids=repr)
def test_labels_and_weights_mix_with_the_images(mixing):
    # All that is asked of the labels is asked of them as pictures: they mix by the same share.
    policy = Compose([HorizontalFlip(), mixing])
    weight = np.arange(50, dtype="float32")
    options = {"sample_weight": weight, "seed": 5, "shuffle": False}
    ((x_all, y_all, w_all),) = list(AugmentedDataset(X, Y, policy, batch_size=50, **options))
    assert y_all.shape == (50, 50)
    np.testing.assert_allclose(y_all.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(w_all, y_all @ weight, rtol=1e-4, atol=1e-4)
    assert (y_all.max(axis=1) < 0.999).any()
    parts = zip(*AugmentedDataset(X, Y, policy, batch_size=SIZE, **options), strict=True)
    for part, whole in zip(parts, (x_all, y_all, w_all), strict=True):
        np.testing.assert_array_equal(np.concatenate(part), whole)


def _albumentations():
    albumentations = pytest.importorskip("albumentations")
    return albumentations.Compose([albumentations.HorizontalFlip(), albumentations.VerticalFlip()])


def _flow():
    from tensorflow.keras.preprocessing.image import ImageDataGenerator

    class Shuffling(ImageDataGenerator):
        def flow(self, x, y, *, shuffle, batch_size, seed):
            return super().flow(x, y, shuffle=True, batch_size=2, seed=seed)

    return Shuffling(rotation_range=40, interpolation_order=3)


GENERATORS = {
    "native": lambda: Rotation(40),
    "layer": lambda: keras.layers.RandomRotation(0.2, fill_mode="nearest"),
    "albumentations": _albumentations,
    "flow": _flow,
    "function": lambda: lambda images: images[:, ::-1],
}


@pytest.mark.parametrize("kind", GENERATORS)
def test_labels_follow_whatever_augments(kind):
    x, y = levels(50), {"row": np.arange(50), "pair": (np.arange(50) * 2,)}
    dataset = AugmentedDataset(
        x, y, GENERATORS[kind](), batch_size=8, sample_weight=np.arange(50) / 2, seed=3
    )
    before = x.copy()
    rows = []
    for images, labels, weight in dataset:
        np.testing.assert_array_equal(images[:, 2, 2, 0] // 5, labels["row"])
        np.testing.assert_array_equal(labels["pair"][0], labels["row"] * 2)
        np.testing.assert_array_equal(weight, labels["row"] / 2)
        rows += labels["row"].tolist()
    assert sorted(rows) == list(range(50))
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("kind", GENERATORS)
def test_every_generator_gives_pure_batches(kind):
    dataset = make(GENERATORS[kind]())
    expected = batches_of(dataset)
    with ThreadPoolExecutor(4) as pool:
        assert same(list(pool.map(dataset.__getitem__, range(17))), expected)
    assert same(list(dataset.to_tf_dataset().as_numpy_iterator()), expected)
    if kind != "function":
        assert not same(epochs_of(dataset, 1), expected)


def test_images_without_channels():
    dataset = AugmentedDataset(X[..., 0], Y, POLICY, batch_size=SIZE, seed=5)
    for (flat, _), (images, _) in zip(dataset, make(), strict=True):
        np.testing.assert_array_equal(flat, images[..., 0])


def test_data_first_options_by_keyword():
    parameters = inspect.signature(AugmentedDataset).parameters.values()
    by_position = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert by_position == ["x", "y", "generator"]
    assert kaug.AugmentedDataset is AugmentedDataset


def test_options_reach_keras():
    # Other backends than TensorFlow are told to use none.
    are_used = keras.backend.backend() == "tensorflow"
    dataset = make(workers=3, use_multiprocessing=True, max_queue_size=4)
    assert (dataset.use_multiprocessing, dataset.max_queue_size) == (True, 4)
    assert dataset.workers == (3 if are_used else 0)
    dataset.workers = 2
    assert dataset.workers == (2 if are_used else 0)


BAD_INPUT = [
    # what is wrong, arguments, error, what the message says
    ("batch size 0", {"batch_size": 0}, ValueError, "`batch_size` must be an integer, at least 1"),
    ("batch size float", {"batch_size": 2.0}, TypeError, "`batch_size` must be an integer"),
    ("y too short", {"y": Y[:3]}, ValueError, "`y` must have one row for each of the 50 rows"),
    ("weight too short", {"sample_weight": [1.0]}, ValueError, "`sample_weight` must have one row"),
    ("a y too short", {"y": {"a": Y, "b": Y[1:]}}, ValueError, r"`y\['b'\]` must have one row"),
    ("no y for x", {"y": np.arange(51)}, ValueError, "each of the 50 rows.*Received: 51 rows"),
    ("batch size negative", {"batch_size": -1}, ValueError, "`batch_size` must be an integer"),
    ("one image", {"x": X[0, :, :, 0]}, ValueError, "must be a batch of images"),
    ("no rows", {"x": X[:0], "y": Y[:0]}, ValueError, "at least one batch. Received: 0 rows"),
    (
        "no whole batch",
        {"batch_size": 51, "drop_remainder": True},
        ValueError,
        "Received: 50 rows, batch_size=51, drop_remainder=True. Pass more rows",
    ),
    ("seed negative", {"seed": -1}, ValueError, "`seed` must be an integer, between 0"),
    ("no generator", {"generator": 3}, TypeError, "`generator` must be"),
]


@pytest.mark.parametrize(
    ("arguments", "error", "text"), [pytest.param(*case[1:], id=case[0]) for case in BAD_INPUT]
)
def test_bad_input(arguments, error, text):
    with pytest.raises(error, match=text):
        AugmentedDataset(**({"x": X, "y": Y, "generator": POLICY} | arguments))


@pytest.mark.parametrize(
    "function",
    [
        lambda images: images[1:],
        lambda images: np.concatenate([images, images]),
        lambda images: images[0],
        lambda images: images[:0],
    ],
    ids=["drops one", "doubles", "one image", "none"],
)
def test_a_generator_that_changes_the_number_of_rows(function):
    dataset = make(function)
    with pytest.raises(ValueError, match=r"one image for each image.*Received:"):
        dataset[0]


@pytest.mark.parametrize(
    ("arguments", "error"), [((2, 2), ValueError), ((-1, 2), ValueError), ((0, 0), ValueError)]
)
def test_bad_shards(arguments, error):
    with pytest.raises(error, match="must be an integer"):
        make().shard(*arguments)


def test_bad_epoch():
    with pytest.raises(ValueError, match="`epoch` must be an integer, between 0"):
        make().epoch = -1
    with pytest.raises(TypeError, match="`epoch` must be an integer"):
        make().epoch = 1.0
