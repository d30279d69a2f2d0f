import numpy as np
import psutil
import pytest

from kaug import augment_dataset, augment_rows
from kaug.transforms import Compose, HorizontalFlip, Lambda, Rotation

POLICY = Compose([Rotation(30), HorizontalFlip(), Lambda(lambda images: images[..., ::-1], p=0.5)])


@pytest.fixture
def data(images):
    return images(9, shape=(6, 8, 3)), np.arange(9) % 4


@pytest.mark.parametrize("sampling", ["random", "cycle", "balanced"])
@pytest.mark.parametrize("append", [True, False])
def test_blocks_are_the_rows_of_the_whole(data, sampling, append):
    x, y = data
    options = {"seed": 3, "sampling": sampling, "append": append, "return_index": True}
    x_all, y_all, index = augment_dataset(x, y, 40, POLICY, **options)
    kept = 9 if append else 0
    for rows in (np.arange(40), np.array([39, 0, 7, 7]), np.empty(0, int)):
        x_rows, y_rows, index_rows = augment_rows(x, y, rows, POLICY, **options)
        np.testing.assert_array_equal(x_rows, x_all[kept:][rows])
        np.testing.assert_array_equal(y_rows, y_all[kept:][rows])
        np.testing.assert_array_equal(index_rows, index[kept:][rows])


def test_the_defaults_are_those_of_the_whole(data):
    x, y = data
    options = {"seed": 3, "sample_weight": np.arange(9) / 3}
    rows = np.array([39, 0, 7, 7])
    for more in ({}, {"sampling": "balanced"}):
        x_all, y_all, weight_all = augment_dataset(x, y, 40, POLICY, **options, **more)
        x_rows, y_rows, weight_rows = augment_rows(x, y, rows, POLICY, **options, **more)
        np.testing.assert_array_equal(x_rows, x_all[9:][rows])
        np.testing.assert_array_equal(y_rows, y_all[9:][rows])
        np.testing.assert_array_equal(weight_rows, weight_all[9:][rows])


@pytest.mark.parametrize("sampling", ["random", "cycle", "balanced"])
def test_the_first_hundred_of_a_thousand(data, sampling):
    x, y = data
    few = augment_dataset(x, y, 100, POLICY, seed=5, sampling=sampling, append=False)
    many = augment_dataset(x, y, 1000, POLICY, seed=5, sampling=sampling, append=False)
    np.testing.assert_array_equal(few[0], many[0][:100])
    np.testing.assert_array_equal(few[1], many[1][:100])


def test_the_dataset_is_the_transform_of_its_source_rows(data):
    x, y = data
    x_new, _, index = augment_dataset(x, y, 50, POLICY, seed=7, append=False, return_index=True)
    np.testing.assert_array_equal(x_new, POLICY(x[index], seed=7))


def test_a_long_job_in_reported_pieces(data, monkeypatch):
    x, y = data
    whole = augment_dataset(x, y, 50, POLICY, seed=7)[0]
    monkeypatch.setattr("kaug.offline._REPORT_BYTES", 500)
    np.testing.assert_array_equal(augment_dataset(x, y, 50, POLICY, seed=7)[0], whole)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (
            {"generator": abs},
            TypeError,
            r"^Rows can be made by number with a seed and a native transform\. "
            r"Received: seed=1 and generator=<built-in function abs> \(type builtin.*\)\. "
            r"Use kaug\.transforms, or augment_dataset\.$",
        ),
        ({"seed": None}, TypeError, "a seed and a native transform.*seed=None"),
        ({"rows": [-1]}, ValueError, "Row numbers must lie"),
        ({"rows": [0.5]}, TypeError, "array of integers"),
        (
            {"x": np.zeros((0, 3, 5)), "y": None},
            ValueError,
            r"^`x` must have at least one row to make augmented rows from\. "
            r"Received: an array of shape \(0, 3, 5\) and dtype float64\.$",
        ),
        ({"y": np.zeros(3)}, ValueError, "`y` must have one row for each"),
    ],
)
def test_bad_input(data, arguments, error, text):
    good = {"x": data[0], "y": data[1], "rows": [0], "generator": POLICY, "seed": 1}
    with pytest.raises(error, match=text):
        augment_rows(**(good | arguments))


def test_what_just_fits_is_made(data, monkeypatch):
    class Memory:
        available = 10 * (144 + 8)  # ten images with their labels

    monkeypatch.setattr(psutil, "virtual_memory", Memory)
    x, y = data
    assert len(augment_rows(x, y, np.arange(10), POLICY, seed=1)[0]) == 10
    Memory.available -= 1
    with pytest.raises(MemoryError, match=r"10 rows of shape \(6, 8, 3\) and dtype uint8"):
        augment_rows(x, y, np.arange(10), POLICY, seed=1)
