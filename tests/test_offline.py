import random
import re

import albumentations as A  # noqa: N812 - its own documentation's name
import keras
import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.keras.preprocessing.image import ImageDataGenerator

from kaug import augment_dataset
from kaug._generators import numpy_state_kept
from kaug.transforms import Compose, HorizontalFlip, Rotation

# Every kind of generator, none of which changes the level that tells a row from another.
GENERATORS = {
    "function": lambda: lambda batch: batch[:, ::-1],
    "flow": lambda: ImageDataGenerator(
        horizontal_flip=True, rotation_range=40, interpolation_order=3
    ),
    "keras geometry": lambda: ImageDataGenerator(horizontal_flip=True, rotation_range=40),
    "native": lambda: Compose([Rotation(30), HorizontalFlip()]),
    "layer": lambda: keras.layers.RandomRotation(0.2, fill_mode="nearest"),
    "sequential": lambda: keras.Sequential(
        [keras.layers.RandomFlip(), keras.layers.RandomTranslation(0.2, 0.2)]
    ),
    "albumentations": lambda: A.Compose([A.HorizontalFlip(), A.VerticalFlip()]),
}
LABELS = {
    "integers": lambda rows: rows * 7,
    "one-hot": lambda rows: np.eye(12, dtype="float32")[rows],
    "strings": lambda rows: np.array([f"class {row}" for row in rows], "U9"),
    "floats": lambda rows: rows / 3,
    "tuple": lambda rows: (rows, rows * 0.5),
    "list": lambda rows: [rows, np.stack([rows, rows], 1)],
    "dict": lambda rows: {"a": rows, "b": {"c": rows.astype(str)}},
    "none": lambda rows: None,
}


def level_images(count, shape=(6, 5, 3), dtype="uint8"):
    """Returns images of one level each, which names the row whatever geometry does to them."""
    levels = 20 * np.arange(count).reshape(-1, *[1] * len(shape))
    return np.broadcast_to(levels, (count, *shape)).astype(dtype)


def assert_same(found, expected):
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, (tuple, list)):
        assert type(found) is type(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif expected is None:
        assert found is None
    else:
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", GENERATORS)
def test_labels_follow_the_pixels(kind):
    generator = GENERATORS[kind]()

    @settings(max_examples=20)
    @given(
        make_labels=st.sampled_from(list(LABELS.values())),
        count=st.integers(1, 12),
        n=st.integers(0, 9),
        append=st.booleans(),
        sampling=st.sampled_from(["random", "cycle"]),
        batch_size=st.sampled_from([None, 1, 4]),
        dtype=st.sampled_from(["uint8", "float32"]),
    )
    def check(make_labels, count, n, append, sampling, batch_size, dtype):
        x = level_images(count, dtype=dtype)
        y, weight = make_labels(np.arange(count)), np.arange(count) + 0.5
        before = x.copy()
        x_more, y_more, weight_more, index = augment_dataset(
            x,
            y,
            n,
            generator,
            sample_weight=weight,
            seed=1,
            append=append,
            sampling=sampling,
            return_index=True,
            batch_size=batch_size,
            verbose=0,
        )
        kept = count if append else 0
        assert x_more.shape == (kept + n, 6, 5, 3)
        assert x_more.dtype == x.dtype
        assert index[:kept].tolist() == list(range(kept))
        rows = np.rint(x_more[:, 2, 2, 0] / 20).astype(int)
        np.testing.assert_array_equal(rows, index)
        assert_same(y_more, make_labels(index))
        assert_same(weight_more, weight[index])
        np.testing.assert_array_equal(x, before)
        np.testing.assert_array_equal(x_more[:kept], before[:kept])

    check()


def test_a_shuffling_flow_comes_out_right():
    class Shuffling(ImageDataGenerator):
        def flow(self, x, y, *, shuffle, batch_size, seed):
            return super().flow(x, y, shuffle=True, batch_size=5, seed=seed)

    x, y = level_images(12), np.arange(12)
    for sampling in ("random", "cycle", "balanced"):
        x_more, y_more = augment_dataset(
            x, y, 31, Shuffling(rotation_range=10), seed=2, sampling=sampling, batch_size=8
        )
        np.testing.assert_array_equal(x_more[:, 0, 0, 0] // 20, y_more)


class RepeatingFlow(ImageDataGenerator):
    """Returns the first row of each batch in place of the second."""

    def flow(self, x, y, **options):
        rows = np.arange(len(x))
        rows[1:2] = 0
        return super().flow(x[rows], y[rows], **options)


def test_labels_follow_even_repeated_rows():
    x, y = level_images(12), np.arange(12)
    x_more, y_more, index = augment_dataset(x, y, 9, RepeatingFlow(), seed=2, return_index=True)
    np.testing.assert_array_equal(x_more[:, 0, 0, 0] // 20, y_more)
    np.testing.assert_array_equal(y_more, index)


@pytest.mark.parametrize("sampling", ["cycle", "balanced"])
def test_repeated_rows_break_a_plan(sampling):
    x, y = level_images(12), np.arange(12)
    with pytest.raises(ValueError, match="needs a generator") as caught:
        augment_dataset(x, y, 9, RepeatingFlow(), seed=2, sampling=sampling)
    assert str(caught.value) == (
        f"sampling='{sampling}' needs a generator that returns every row once. Received: "
        'a generator that dropped some rows and repeated others. Use sampling="random".'
    )


@pytest.mark.parametrize("append", [True, False])
def test_balanced_counts_of_the_result(append):
    y = np.repeat([0, 1, 2], [6, 3, 1])
    _, y_more = augment_dataset(
        level_images(10), y, 14, lambda b: b, seed=0, sampling="balanced", append=append
    )
    assert np.bincount(y_more).tolist() == ([8, 8, 8] if append else [5, 5, 4])


# Drawn once and written down: what a seed means never changes.
GOLDEN = {
    "random": [4, 4, 6, 5, 6, 2, 5, 4, 0, 2, 3, 6],
    "cycle": [0, 4, 2, 1, 3, 6, 5, 4, 0, 3, 2, 6],
    "balanced": [0, 4, 6, 3, 5, 6, 1, 5, 6, 2, 4, 6],
}


@pytest.mark.parametrize("sampling", GOLDEN)
def test_the_rows_of_a_seed(sampling):
    y = np.repeat([0, 1, 2], [4, 2, 1])
    options = {"seed": 1, "append": False, "sampling": sampling, "return_index": True}
    index = augment_dataset(level_images(7), y, 12, lambda b: b, **options)[2]
    assert index.tolist() == GOLDEN[sampling]


@pytest.mark.pairwise(
    shape=[(6, 5), (6, 5, 1), (6, 5, 5)],
    dtype=["uint8", "int16", "float16", "float32", "float64"],
    kind=GENERATORS,
)
def test_rank_and_dtype_are_kept(kind, shape, dtype):
    if kind == "albumentations" and dtype == "int16":
        pytest.skip("albumentations takes uint8 and float32 images")
    x = (level_images(4, shape) / (1 if np.dtype(dtype).kind in "iu" else 255)).astype(dtype)
    x_more, _ = augment_dataset(x, np.arange(4), 3, GENERATORS[kind](), seed=0)
    assert x_more.shape == (7, *shape)
    assert x_more.dtype == dtype


def test_nothing_to_add():
    x, y = level_images(3), np.arange(3)
    x_more, y_more = augment_dataset(x, y, 0, lambda b: b)
    np.testing.assert_array_equal(x_more, x)
    assert not np.shares_memory(x_more, x)
    assert not np.shares_memory(y_more, y)
    x_none, y_none = augment_dataset(x[:0], y[:0], 0, lambda b: b, append=False)
    assert x_none.shape == (0, 6, 5, 3)
    assert y_none.shape == (0,)


def test_not_a_number_is_kept_and_passed_on():
    x = level_images(2, dtype="float32")
    x[0, 1, 2, 0], x[1, 0, 0, 1] = np.nan, np.inf
    x_more, _, index = augment_dataset(x, None, 5, lambda b: b, seed=1, return_index=True)
    np.testing.assert_array_equal(x_more, x[index])


def test_a_function_that_works_in_place_harms_nothing():
    def darken(batch):
        batch //= 2
        return batch

    x = level_images(3)
    x_more, _ = augment_dataset(x, None, 3, darken, seed=0, sampling="cycle", append=False)
    np.testing.assert_array_equal(x, level_images(3))
    assert sorted(x_more[:, 0, 0, 0]) == [0, 10, 20]


def test_new_shape_without_append():
    x_new, _ = augment_dataset(
        level_images(3), None, 5, A.Resize(3, 4), seed=0, append=False, batch_size=2
    )
    assert x_new.shape == (5, 3, 4, 3)


def test_memory_maps_are_read_not_loaded(tmp_path):
    np.save(tmp_path / "x.npy", level_images(5))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    x_more, _ = augment_dataset(x, None, 4, lambda b: b, seed=0)
    assert type(x_more) is np.ndarray
    np.testing.assert_array_equal(x_more[:5], level_images(5))


@pytest.mark.parametrize("kind", GENERATORS)
def test_seeds(kind):
    x = np.random.default_rng(0).random((4, 9, 9, 1), np.float32)
    generator = GENERATORS[kind]()
    first = augment_dataset(x, None, 20, generator, seed=0)[0]
    np.testing.assert_array_equal(first, augment_dataset(x, None, 20, generator, seed=0)[0])
    assert not np.array_equal(first, augment_dataset(x, None, 20, generator, seed=1)[0])
    random.seed(3)
    unseeded = augment_dataset(x, None, 20, generator)[0]
    assert not np.array_equal(unseeded, augment_dataset(x, None, 20, generator)[0])
    with numpy_state_kept():
        keras.utils.set_random_seed(3)
    np.testing.assert_array_equal(unseeded, augment_dataset(x, None, 20, generator)[0])


def test_progress_bar(capsys):
    augment_dataset(level_images(3), None, 4, lambda b: b, verbose=1)
    assert "4/4" in capsys.readouterr().out
    augment_dataset(level_images(3), None, 4, lambda b: b, verbose="auto")
    augment_dataset(level_images(3), None, 4, lambda b: b, verbose=0)
    assert capsys.readouterr().out == ""


def test_progress_bar_of_a_long_job(capsys, monkeypatch):
    monkeypatch.setattr("kaug._progress._PATIENCE", 0.0)
    augment_dataset(level_images(3), None, 4, lambda b: b, batch_size=2)
    assert "4/4" in capsys.readouterr().out


def test_progress_in_a_log_file(capsys, monkeypatch):
    """Lines, and few of them, without the signs that move a cursor."""
    monkeypatch.setattr("kaug._progress._LINE_EVERY", 3600.0)
    augment_dataset(level_images(3), None, 400, lambda b: b, batch_size=2, verbose=1)
    text = capsys.readouterr().out
    assert re.fullmatch(r"400/400 [\d,]+ images/s \d+s\n", text)
    monkeypatch.setattr("kaug._progress._LINE_EVERY", 0.0)
    augment_dataset(level_images(3), None, 4, lambda b: b, batch_size=2, verbose=1)
    assert re.match(r"2/4 [\d,]+ images/s \d+s left\n4/4 ", capsys.readouterr().out)


def test_progress_of_a_native_transform(capsys, monkeypatch):
    monkeypatch.setattr("kaug._progress._LINE_EVERY", 0.0)
    monkeypatch.setattr("kaug.offline._REPORT_BYTES", 3 * 90)  # three images
    augment_dataset(level_images(3), None, 8, Rotation(9), verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["3/8", "6/8", "8/8"]


@pytest.mark.parametrize(
    ("shape", "batches"), [((512, 512), [16, 4]), ((1024, 1024, 3), [1] * 20), ((6, 5), [20])]
)
def test_a_default_batch_is_some_four_mebibytes(shape, batches):
    found = []

    def generator(batch):
        found.append(len(batch))
        return batch

    augment_dataset(np.zeros((1, *shape), "uint8"), None, 20, generator, append=False)
    assert found == batches


def test_progress_at_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr("kaug._progress._is_interactive", lambda: True)
    augment_dataset(level_images(3), None, 4, lambda b: b, verbose=1)
    assert "━━━" in capsys.readouterr().out


X, Y = level_images(4), np.arange(4)


def _raise(batch):
    raise RuntimeError("no more film")


BAD_INPUT = [
    # what is wrong, arguments, error, what the message says
    ("y too short", {"y": Y[:3]}, ValueError, r"`y` must have one row for each of the 4 rows"),
    ("part of y too long", {"y": {"a": Y, "b": np.zeros(5)}}, ValueError, r"`y\['b'\]`.*5 rows"),
    ("y ragged", {"y": [[1, 2], [3]]}, ValueError, r"`y\[0\]` must have one row"),
    ("weight too short", {"sample_weight": [1.0]}, ValueError, "`sample_weight` must have one row"),
    ("weight of strings", {"sample_weight": list("abcd")}, TypeError, "must hold real numbers"),
    ("n negative", {"n": -1}, ValueError, "`n` must be an integer, between 0 and .*Received: n=-1"),
    ("n float", {"n": 2.0}, TypeError, "`n` must be an integer.*Received: n=2.0"),
    ("n bool", {"n": True}, TypeError, "`n` must be an integer.*Received: n=True"),
    (
        "no rows",
        {"x": X[:0], "y": Y[:0]},
        ValueError,
        r"^`x` must have at least one row to make n=3 augmented rows from\. "
        r"Received: an array of shape \(0, 6, 5, 3\) and dtype uint8\.$",
    ),
    ("one image", {"x": X[0, :, :, 0]}, ValueError, r"batch of images.*Fix|For one image pass"),
    ("rank 6", {"x": X[None, None]}, ValueError, "must be a batch of images of shape"),
    ("no height", {"x": X[:, :0]}, ValueError, "none of them zero"),
    (
        "images of two sizes",
        {"x": [*X[:-1], X[0, :2]]},
        TypeError,
        r"any size can be augmented by transforms of `kaug.transforms`.*Resize them first",
    ),
    ("append", {"append": "no"}, TypeError, "`append` must be True or False"),
    ("return_index", {"return_index": "no"}, TypeError, "`return_index` must be True or False"),
    ("x of objects", {"x": X.astype(object)}, TypeError, "real numbers.*dtype object"),
    ("x of strings", {"x": X.astype(str)}, TypeError, "real numbers"),
    ("x complex", {"x": X.astype(complex)}, TypeError, "real numbers.*complex128"),
    ("x of bools", {"x": X > 0}, TypeError, r'real numbers.*x.astype\("float32"\)'),
    ("x ragged", {"x": [[[1], [2, 3]]]}, ValueError, "`x` must be an array"),
    (
        "x a path",
        {"x": "garments.npy"},
        TypeError,
        r"^`x` must be an array, or nested sequences of equal lengths\. "
        r"Received: 'garments\.npy' \(type str\)\. Load what it stands for into an array\.$",
    ),
    ("y a generator", {"y": iter(Y)}, TypeError, "`y` must be an array.*iterator"),
    (
        "unknown sampling",
        {"sampling": "even"},
        ValueError,
        "^`sampling` must be one of 'random', 'cycle', 'balanced'. Received: sampling='even'",
    ),
    ("balancing no classes", {"sampling": "balanced", "y": (Y,)}, ValueError, "Counting classes"),
    ("batch size 0", {"batch_size": 0}, ValueError, "`batch_size` must be an integer, at least 1"),
    (
        "verbose 2",
        {"verbose": 2},
        ValueError,
        r'^`verbose` must be "auto", 0 or 1\. Received: verbose=2 \(type int\)\.$',
    ),
    ("verbose bool", {"verbose": True}, ValueError, "`verbose`"),
    ("seed negative", {"seed": -1}, ValueError, "`seed` must be an integer, between 0"),
    ("seed float", {"seed": 0.5}, TypeError, "`seed` must be an integer"),
    ("no generator", {"generator": 3}, TypeError, "`generator` must be"),
    ("drops rows", {"generator": lambda b: b[1:]}, ValueError, "one image for each image"),
    ("new dtype", {"generator": lambda b: b * 0.5}, TypeError, "dtype it is given, uint8"),
    (
        "new shape",
        {"generator": lambda b: b[:, 1:]},
        ValueError,
        r"^With append=True the generator must keep the image shape \(6, 5, 3\)\. "
        r"Received: images of shape \(5, 5, 3\)\. "
        r"Pass append=False to get the augmented rows alone\.$",
    ),
    ("raises", {"generator": _raise}, RuntimeError, "no more film"),
    ("too large", {"n": 10**15}, MemoryError, r"[\d,.]+ GiB with their labels, while [\d.]+ GiB"),
]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [pytest.param(*case[1:], id=case[0]) for case in BAD_INPUT],
)
def test_bad_input(arguments, error, text):
    good = {"x": X, "y": Y, "n": 3, "generator": lambda batch: batch}
    with pytest.raises(error, match=text):
        augment_dataset(**(good | arguments))


@pytest.mark.parametrize("shape", [(4, 1, 28, 28), (4, 3, 16, 20), (4, 4, 200, 16)])
def test_channels_that_seem_to_come_first_are_pointed_out(shape):
    images = np.zeros(shape, "uint8")
    with pytest.warns(UserWarning, match=r"pass moveaxis\(x, 1, -1\)\.$"):
        augment_dataset(images, Y, 3, lambda batch: batch)
    augment_dataset(images.transpose(0, 2, 3, 1), Y, 3, lambda batch: batch)  # without a warning


@pytest.mark.parametrize("shape", [(4, 3, 28, 5), (4, 3, 5, 40), (4, 2, 28, 28), (4, 1, 28)])
def test_images_may_be_low_or_have_many_channels(shape):
    x, _ = augment_dataset(np.zeros(shape, "uint8"), Y, 3, lambda batch: batch)
    assert x.shape == (7, *shape[1:])


def test_shape_that_changes_between_batches():
    sizes = iter([4, 3])
    with pytest.raises(ValueError, match="images of one shape") as caught:
        augment_dataset(X, Y, 4, lambda b: b[:, : next(sizes)], append=False, batch_size=2, seed=0)
    assert str(caught.value) == (
        "A generator must return images of one shape. Received: (3, 5, 3) after (4, 5, 3)."
    )


def test_where_a_generator_raised_is_told():
    with pytest.raises(RuntimeError) as caught:
        augment_dataset(X, Y, 4, _raise)
    assert "augmented rows 0 to 3 of 4" in caught.value.__notes__[0]


class Memory:
    """What is free, in place of psutil's answer."""

    def __init__(self, available):
        self.available = available

    def __call__(self):
        return self


def test_size_is_checked_before_anything_is_allocated(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", Memory(5 * 2**30))
    called = []
    with pytest.raises(MemoryError) as caught:
        augment_dataset(X, Y, 10**15, called.append)  # 90 bytes of image, 8 of label
    assert str(caught.value) == (
        "The result must fit into memory. Received: 1000000000000004 rows of shape (6, 5, 3) "
        "and dtype uint8, 91,269,612.3 GiB with their labels, while 5.0 GiB are free. "
        "Ask for fewer rows, use a smaller dtype such as uint8, or write it to disk: out=path."
    )
    assert not called


@pytest.mark.parametrize(("y", "row"), [(None, 90), (Y, 98)])
def test_what_just_fits_is_made(monkeypatch, y, row):
    monkeypatch.setattr(psutil, "virtual_memory", Memory(24 * row))
    x_more, _ = augment_dataset(X, y, 20, lambda batch: batch)
    assert len(x_more) == 24
    with pytest.raises(MemoryError, match="25 rows"):
        augment_dataset(X, y, 21, lambda batch: batch)


def test_size_is_checked_again_when_the_generator_makes_larger_images(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", Memory(3000))
    with pytest.raises(MemoryError, match=r"4 rows of shape \(600, 5, 3\)"):
        augment_dataset(X, None, 4, lambda batch: batch.repeat(100, axis=1), append=False)
