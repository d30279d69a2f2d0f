"""Images that are read on demand: only the rows that are needed, however one asks for them."""

import pickle

import numpy as np
import pytest
import zarr

import kaug
from kaug._images import LazyRows, as_images, is_lazy
from kaug.transforms import AugMix, Compose, HorizontalFlip, Identity, MixUp, Rotation

POLICIES = [
    Identity(),
    Rotation(20),
    Compose([AugMix(), Rotation(20), HorizontalFlip()]),
    Compose([Rotation(20), MixUp(num_classes=7)]),
]


class Source:
    """Gives slices of rows alone, forward ones, and counts them."""

    def __init__(self, array, chunk=None):
        self.array, self.read = array, []
        self.shape, self.dtype = array.shape, array.dtype
        if chunk:
            self.chunks = (chunk, *array.shape[1:])

    def __getitem__(self, rows):
        assert type(rows) is slice
        assert 0 <= rows.start < rows.stop <= len(self.array)
        self.read.extend(range(rows.start, rows.stop))
        return self.array[rows]


@pytest.fixture(params=[(9, 14, 3), (9, 14)])
def data(request):
    x = np.random.default_rng(0).integers(0, 256, (70, *request.param)).astype("uint8")
    return x, np.arange(70) % 7


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_as_from_memory(data, policy):
    x, y = data
    source = Source(x)
    datasets = [
        kaug.AugmentedDataset(each, y, policy, batch_size=16, seed=3) for each in (x, source)
    ]
    assert not source.read
    for i in range(len(datasets[0])):
        for own, other in zip(datasets[0][i], datasets[1][i], strict=True):
            np.testing.assert_array_equal(own, other)
    for options in ({"append": False}, {"append": True, "sampling": "cycle"}):
        made = [
            kaug.augment_dataset(each, y, 90, policy, seed=1, **options) for each in (x, source)
        ]
        for own, other in zip(*made, strict=True):
            np.testing.assert_array_equal(own, other)


def test_only_rows_that_are_needed(data):
    x, y = data
    source = Source(x)
    *_, index = kaug.augment_rows(source, y, [5, 60], Rotation(9), seed=0, return_index=True)
    assert sorted(source.read) == sorted(set(index.tolist()))
    source.read.clear()
    options = {"seed": 0, "append": False, "return_index": True}
    *_, index = kaug.augment_dataset(source, y, 3, lambda images: images, **options)
    assert set(source.read) == set(index.tolist())
    source.read.clear()
    kaug.AugmentedDataset(source, y, Rotation(9), batch_size=4, shuffle=False, seed=0)[2]
    assert source.read == [8, 9, 10, 11]


def test_rows_in_any_order_and_whole_chunks_at_once():
    x = np.arange(40 * 2 * 5).reshape(40, 2, 5)
    for chunk in (None, 8):
        source = Source(x, chunk)
        rows = LazyRows(source)
        for wanted in ([7, 3, 3, 39, 4], [], [0], np.array([20, 1, 2])):
            np.testing.assert_array_equal(rows[np.array(wanted, int)], x[np.array(wanted, int)])
        np.testing.assert_array_equal(rows[3:30:4], x[3:30:4])
        np.testing.assert_array_equal(rows.with_channels()[[5, 2]], x[[5, 2], ..., None])
        source.read.clear()
        rows[np.array([1, 6, 9])]
        assert source.read == ([1, 6, 9] if chunk is None else [1, 2, 3, 4, 5, 6, 9])


def test_zarr_and_its_pickles(tmp_path, data):
    x, y = data
    stored = zarr.open_array(
        tmp_path / "x.zarr", mode="w", shape=x.shape, dtype=x.dtype, chunks=x.shape
    )
    stored[:] = x
    dataset = kaug.AugmentedDataset(stored, y, Rotation(20), batch_size=9, seed=2)
    expected = kaug.AugmentedDataset(x, y, Rotation(20), batch_size=9, seed=2)[1][0]
    for each in (dataset, pickle.loads(pickle.dumps(dataset))):
        np.testing.assert_array_equal(each[1][0], expected)
    assert "(70, 9, 14" in repr(dataset)
    parts = [kaug.train_validation_split(each, y, seed=0)[0][0] for each in (stored, x)]
    np.testing.assert_array_equal(*parts)


def test_a_source_that_gives_something_else():
    class Wrong(Source):
        def __getitem__(self, rows):
            return super().__getitem__(rows).astype("float32")

    source = Wrong(np.zeros((9, 5, 7), "uint8"))
    dataset = kaug.AugmentedDataset(source, None, Identity(), batch_size=3, shuffle=False, seed=0)
    with pytest.raises(
        ValueError, match=r"x\[0:3\] must give 3 rows of \(5, 7\), uint8. Received: "
    ):
        dataset[0]


def test_arrays_in_memory_are_no_sources():
    assert not is_lazy(np.zeros((2, 5, 7)))
    assert not is_lazy([[1]])
    assert isinstance(as_images([[[0.5, 1]]] * 3), np.ndarray)


def test_row_numbers_are_split():
    y = np.arange(40) % 4
    (rows, y_train), (held_out, _) = kaug.train_validation_split(np.arange(40), y, seed=0)
    assert sorted([*rows, *held_out]) == list(range(40))
    np.testing.assert_array_equal(y[rows], y_train)
