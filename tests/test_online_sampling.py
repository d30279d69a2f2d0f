"""Which rows an epoch has: every row, classes evenly, or rows by their weights."""

import itertools
import multiprocessing
import pickle
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

import kaug
from kaug.online import AugmentedDataset
from kaug.transforms import Affine, Compose, HorizontalFlip, Identity, MixUp, RandomResizedCrop

POLICY = Compose([Affine(rotation=20, width_shift=0.2, zoom=0.2), HorizontalFlip()])
COUNT, SIZE = 50, 7
X = np.random.default_rng(0).random((COUNT, 7, 9, 3), np.float32)
CLASSES = np.random.default_rng(1).permutation(np.repeat([0, 1, 2], [30, 15, 5]))
WEIGHTS = np.random.default_rng(2).permutation([0.0] * 10 + [1.0] * 20 + [5.0] * 19 + [105.0])
ROWS = np.arange(COUNT)
BY_CLASS = {"labels": CLASSES, "row": ROWS}
WAYS = {"balanced": "balanced", "random": "random", "weights": WEIGHTS}


@pytest.fixture(params=WAYS)
def sampling(request):
    return WAYS[request.param]


def make(sampling, generator=POLICY, **options):
    return AugmentedDataset(
        X, BY_CLASS, generator, **({"batch_size": SIZE, "seed": 5, "sampling": sampling} | options)
    )


def whole(dataset, epoch):
    """Returns the images and the source rows of one epoch."""
    dataset.epoch = epoch
    batches = list(dataset)
    images = np.concatenate([images for images, _ in batches])
    return images, np.concatenate([targets["row"] for _, targets in batches])


def times_before(rows):
    """Returns how often each row stands before its place, one by one."""
    seen = Counter()
    before = []
    for row in rows.tolist():
        before.append(seen[row])
        seen[row] += 1
    return np.array(before)


def test_a_batch_is_what_the_transform_makes_of_its_numbers(sampling):
    dataset = make(sampling)
    for epoch in (0, 3):
        images, rows = whole(dataset, epoch)
        assert len(rows) == COUNT
        before = times_before(rows)
        assert before.max() >= 1
        numbers = rows + COUNT * before
        np.testing.assert_array_equal(images, POLICY(X[rows], seed=5, epoch=epoch, index=numbers))
        assert len(np.unique(images, axis=0)) == COUNT  # no picture twice


@pytest.mark.parametrize("labels", [CLASSES, CLASSES.astype(str), np.eye(4)[CLASSES + 1]])
def test_classes_come_evenly(labels):
    y = {"labels": labels, "row": ROWS}
    dataset = AugmentedDataset(X, y, POLICY, sampling="balanced", batch_size=COUNT, seed=5)
    used = np.zeros(COUNT, int)
    for epoch in range(12):
        _, rows = whole(dataset, epoch)
        used += np.bincount(rows, minlength=COUNT)
        assert sorted(np.bincount(CLASSES[rows])) == [16, 17, 17]
        for number in range(3):  # within a class, over all epochs so far
            own = used[number == CLASSES]
            assert own.max() - own.min() <= 1
    by_class = np.bincount(CLASSES, used)
    assert by_class.tolist() == [200, 200, 200]


@pytest.mark.parametrize("how", ["balanced", "random"])
def test_rows_are_those_that_would_be_appended(how):
    _, _, index = kaug.augment_dataset(
        X, CLASSES, 4 * COUNT, POLICY, sampling=how, append=False, seed=5, return_index=True
    )
    for epoch in range(4):
        _, rows = whole(make(how), epoch)
        expected = index[epoch * COUNT : (epoch + 1) * COUNT]
        assert not np.array_equal(rows, expected)  # they are shuffled
        assert np.array_equal(np.sort(rows), np.sort(expected))
        assert np.array_equal(whole(make(how, shuffle=False), epoch)[1], np.sort(expected))


@pytest.mark.parametrize("scale", [1, 1e-300, 1e306])
def test_weights_are_the_shares_of_rows(scale):
    dataset = make(WEIGHTS * scale, Identity(), batch_size=COUNT)
    used = np.zeros(COUNT)
    epochs = 100
    for epoch in range(epochs):
        used += np.bincount(whole(dataset, epoch)[1], minlength=COUNT)
    shares = WEIGHTS / WEIGHTS.sum()
    deviation = np.sqrt(epochs * COUNT * shares * (1 - shares))
    assert (abs(used - epochs * COUNT * shares) <= 4 * deviation).all()
    assert not used[WEIGHTS == 0].any()


def test_one_row_has_all_the_weight():
    _, rows = whole(make(ROWS == 17), 2)
    assert rows.tolist() == [17] * COUNT


def test_equal_weights_are_no_cycle():
    _, rows = whole(make(np.ones(COUNT, int)), 0)
    assert len(np.unique(rows)) < COUNT
    assert np.array_equal(np.sort(whole(make("cycle"), 0)[1]), ROWS)


@pytest.mark.parametrize("policy", [POLICY, Compose([POLICY, MixUp(num_classes=3)])])
def test_one_row_again(sampling, policy):
    _, rows = whole(make(sampling), 2)
    dataset = AugmentedDataset(X, CLASSES, policy, sampling=sampling, batch_size=COUNT, seed=5)
    dataset.epoch = 2
    images, labels = dataset[0]
    for place, number in enumerate((rows + COUNT * times_before(rows)).tolist()):
        image, label = dataset.row(number, epoch=2)
        assert np.array_equal(image, images[place])
        assert np.array_equal(label, labels[place])


def test_a_row_that_the_epoch_does_not_have():
    dataset = make(ROWS == 17)
    assert dataset.row(17 + 49 * COUNT)[1]["row"] == 17
    for number, times in ((16, 0), (17 + 50 * COUNT, 50)):
        row = number % COUNT
        with pytest.raises(ValueError, match=f"Received: number={number}, .* {row} {times} times"):
            dataset.row(number)
    with pytest.raises(ValueError, match="`number` must be an integer, at least 0"):
        dataset.row(-1)


def test_bits_do_not_depend_on_how_they_are_taken(sampling):
    expected = [whole(make(sampling, batch_size=COUNT), epoch) for epoch in range(3)]

    def check(dataset, epoch=2):
        for one, other in zip(whole(dataset, epoch), expected[epoch], strict=True):
            np.testing.assert_array_equal(one, other)

    dataset = make(sampling)
    for epoch in (2, 0, 1):  # in any order
        check(dataset, epoch)
    check(make(sampling, batch_size=13))
    check(pickle.loads(pickle.dumps(dataset)))
    dataset.epoch = 2
    with ThreadPoolExecutor(8) as pool:
        batches = list(pool.map(dataset.__getitem__, range(8)))
    np.testing.assert_array_equal(np.concatenate([b[0] for b in batches]), expected[2][0])
    dataset.epoch = 2
    parts = [dataset.shard(index, 3) for index in range(3)]
    in_turn = [parts[number % 3][number // 3][1]["row"] for number in range(8)]
    np.testing.assert_array_equal(np.concatenate(in_turn), expected[2][1])
    batches = list(dataset.to_tf_dataset().as_numpy_iterator())
    np.testing.assert_array_equal(np.concatenate([b[0] for b in batches]), expected[2][0])


def trainable(sampling, **options):
    """Returns a dataset whose weights are the numbers of the rows."""
    options = {"batch_size": SIZE, "seed": 5, "sample_weight": ROWS.astype("f4")} | options
    return AugmentedDataset(X, CLASSES, POLICY, sampling=sampling, **options)


def trained_rows(dataset, **options):
    """Returns the rows that `fit` takes."""
    model = keras.Sequential(
        [keras.Input((7, 9, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse", run_eagerly=True)
    taken = []

    def recording(*arguments):
        taken.extend(np.array(keras.ops.convert_to_numpy(arguments[-1][2])).tolist())
        logs = {"loss": keras.ops.zeros(())}
        return (logs, *arguments[:-1]) if len(arguments) > 1 else logs

    model.train_step = recording
    model.fit(dataset, verbose=0, shuffle=False, **options)
    return taken


class OneHook(keras.utils.PyDataset):
    """Forwards `on_epoch_end` alone."""

    def __init__(self, dataset):
        super().__init__()
        self.dataset = dataset

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        return self.dataset[index]

    def on_epoch_end(self):
        self.dataset.on_epoch_end()


@pytest.mark.filterwarnings("ignore:.*fork")
def test_passes_move_on_however_one_goes_through_them(sampling):
    expected = [row for epoch in range(3) for row in whole(make(sampling), epoch)[1].tolist()]
    assert expected[:COUNT] != expected[COUNT : 2 * COUNT]

    dataset = make(sampling)
    loops = [batch[1]["row"] for _ in range(3) for batch in dataset]
    assert np.concatenate(loops).tolist() == expected

    dataset = make(sampling)
    counted = [dataset[i][1]["row"] for _ in range(3) for i in range(len(dataset))]
    assert np.concatenate(counted).tolist() == expected

    dataset = make(sampling)
    broken = [batch[1]["row"] for _ in range(3) for batch in itertools.islice(dataset, 2)]
    first_two = np.reshape(expected, (3, COUNT))[:, : 2 * SIZE]
    assert np.array_equal(np.concatenate(broken), first_two.ravel())

    assert trained_rows(trainable(sampling), epochs=3) == expected
    assert trained_rows(OneHook(trainable(sampling)), epochs=3) == expected
    workers = trainable(sampling, workers=2, use_multiprocessing=True)
    assert trained_rows(workers, epochs=3) == expected
    restarted = trainable(sampling)
    restarted.epoch = 2
    assert trained_rows(restarted, epochs=3, initial_epoch=2) == expected[2 * COUNT :]


def _work(dataset, asked, given):
    while (number := asked.get()) is not None:
        given.put(dataset[number][1]["row"].tolist())


@pytest.mark.filterwarnings("ignore:.*fork")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_that_live_on_sample_anew(method):
    """As those of PyTorch's DataLoader with `persistent_workers=True`."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("no fork here")
    expected = [row for epoch in range(2) for row in whole(make("balanced"), epoch)[1].tolist()]
    dataset = make("balanced")
    context = multiprocessing.get_context(method)
    asked, given = context.Queue(), context.Queue()
    worker = context.Process(target=_work, args=(dataset, asked, given), daemon=True)
    worker.start()
    seen = []
    for _ in range(2):
        for number in range(len(dataset)):
            asked.put(number)
        for _ in range(8):
            seen += given.get(timeout=60)
    asked.put(None)
    worker.join()
    assert seen == expected


def test_targets_go_along_with_rows_that_come_again():
    """Images of one level each name their row, whatever geometry does to them."""
    levels = np.broadcast_to(5 * ROWS.reshape(-1, 1, 1, 1), (COUNT, 6, 5, 1)).astype("uint8")
    y = {"labels": CLASSES, "segmentation_masks": levels}
    dataset = AugmentedDataset(
        levels, y, POLICY, sampling="balanced", sample_weight=ROWS * 1.0, batch_size=8, seed=1
    )
    for images, targets, weights in dataset:
        np.testing.assert_array_equal(images, targets["segmentation_masks"])
        np.testing.assert_array_equal(images[:, 0, 0, 0], 5 * weights)
        np.testing.assert_array_equal(targets["labels"], CLASSES[weights.astype(int)])


def test_images_of_any_size():
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (6 + i % 4, 9 - i % 3, 3), "uint8") for i in range(COUNT)]
    policy = RandomResizedCrop(height=5, width=7)
    dataset = AugmentedDataset(pictures, CLASSES, policy, sampling="balanced", seed=3)
    images, labels = next(iter(dataset))
    assert images.shape == (32, 5, 7, 3)
    assert np.bincount(labels).min() >= 5


def test_other_generators_see_a_row_as_often_as_it_comes():
    def noisy(images):
        return images + np.random.random(images.shape).astype(np.float32)

    images, rows = whole(make("balanced", noisy), 0)
    assert len(np.unique(rows)) < COUNT
    assert len(np.unique(images, axis=0)) == COUNT
    again, _ = whole(make("balanced", noisy), 0)
    np.testing.assert_array_equal(images, again)


def test_what_is_shown_says_how_rows_are_sampled():
    assert "sampling" not in make("cycle")._repr_html_()
    assert "sampling   balanced" in make("balanced")._repr_html_()
    assert "sampling   weights" in make(WEIGHTS)._repr_html_()


BAD = [
    ("another name", "all", ValueError, "`sampling` must be one of 'random', 'cycle', 'balanced'"),
    ("nothing", None, ValueError, "`sampling` must be one of"),
    ("too few", WEIGHTS[1:], ValueError, "`sampling` must have one row for each of the 50 rows"),
    ("negative", WEIGHTS - 1, ValueError, r"not all 0. Received: weights of -1.0\.\.104.0"),
    ("all zero", WEIGHTS * 0, ValueError, r"not all 0. Received: weights of 0.0\.\.0.0"),
    ("nan", np.where(ROWS == 3, np.nan, 1), ValueError, "finite numbers. Received: nan in row 3"),
    ("infinite", np.where(ROWS == 3, np.inf, 1), ValueError, "Received: inf in row 3"),
    ("strings", ["a"] * COUNT, TypeError, "the name of a plan, or a weight of 0 or more"),
    ("a column", WEIGHTS[:, None], TypeError, r"of shape \(50, 1\)"),
    ("a number", 0.5, TypeError, "the name of a plan, or a weight"),
]


@pytest.mark.parametrize(("given", "error", "text"), [pytest.param(*c[1:], id=c[0]) for c in BAD])
def test_bad_sampling(given, error, text):
    with pytest.raises(error, match=text):
        make(given)


@pytest.mark.parametrize("y", [None, np.zeros((COUNT, 3)), {"kind": CLASSES}, WEIGHTS])
def test_labels_that_are_no_classes(y):
    with pytest.raises(ValueError, match="Counting classes needs one array of labels"):
        AugmentedDataset(X, y, POLICY, sampling="balanced")
    AugmentedDataset(X, y, POLICY, sampling=WEIGHTS)


def test_weights_of_a_table_in_another_order():
    pandas = pytest.importorskip("pandas")
    y = pandas.Series(CLASSES)
    weights = pandas.Series(WEIGHTS).sort_index(ascending=False)
    with pytest.warns(UserWarning, match="`y` and `sampling`, whose indices"):
        AugmentedDataset(X, y, POLICY, sampling=weights)
