"""Datasets on disk: the bits of `augment_dataset`, whatever happens while they are written."""

import collections
import contextlib
import copy
import errno
import fcntl
import functools
import hashlib
import json
import operator
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

import kaug
from kaug.store import _chunks, _manifest, _source, _write
from kaug.transforms import (
    Compose,
    CutMix,
    HorizontalFlip,
    Identity,
    Lambda,
    MixUp,
    PadAndCrop,
    RandomResizedCrop,
    Rotation,
    Translation,
)

POLICY = Compose([Rotation(30), HorizontalFlip()])
KINDS = ["", ".zarr"]
Pair = collections.namedtuple("Pair", "left right")

LABELS = {
    "none": lambda rows: None,
    "integers": lambda rows: rows * 7,
    "a list": lambda rows: [int(row) % 3 for row in rows],
    "strings": lambda rows: np.array([f"class {row}" for row in rows]),
    "one-hot": lambda rows: np.eye(40, dtype="float32")[rows],
    "times": lambda rows: rows.astype("M8[s]"),
    "tuple": lambda rows: (rows, rows * 0.5),
    "named tuple": lambda rows: Pair(rows, rows > 3),
    "nested names": lambda rows: {"a": [Pair((rows,), None), rows]},
    "strange keys": lambda rows: {"a/b": rows, "..": rows, "": rows, "\0é": rows, "a_b": rows},
    "dict": lambda rows: {"a/../b": rows, "A": rows, "a": [rows, {"c": rows * 1j}], 3: rows},
    "no columns": lambda rows: np.zeros((len(rows), 0)),
}


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    """Makes every dataset one of many chunks, each noted at once."""
    monkeypatch.setattr(_write, "CHUNK_BYTES", 1500)
    monkeypatch.setattr(_chunks, "_SAVE_EVERY", 0.0)
    monkeypatch.setattr(_chunks, "_SAVE_SHARE", 0.0)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # no test pulls the plug


@pytest.fixture
def data(images):
    return images(20, shape=(5, 7, 3)), np.arange(20) % 4


def keras_dict(rows, **more):
    """Returns masks, boxes and keypoints of images of 5 × 7 pixels."""
    rng = np.random.default_rng(0)
    count = len(rows)
    boxes = np.sort(rng.uniform(0, 5, (count, 2, 2, 2)), axis=2).reshape(count, 2, 4)
    return {
        "labels": rows % 4,
        "segmentation_masks": rng.integers(0, 9, (count, 5, 7)).astype("uint8"),
        "bounding_boxes": {
            "boxes": boxes.astype("float32"),
            "labels": rng.integers(-1, 3, (count, 2)),
        },
        "bounding_box_format": "xyxy",
        "keypoints": rng.uniform(0, 5, (count, 3, 2)),
        **more,
    }


def assert_same(found, expected):
    """Compares structures bit for bit."""
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, (tuple, list)):
        fields = getattr(expected, "_fields", None)
        assert fields == getattr(found, "_fields", None)
        # Of what was opened again, named tuples are of classes of their own.
        assert type(found).__name__ == type(expected).__name__
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, np.ndarray):
        assert found.shape == expected.shape
        found = np.asarray(found[:])
        assert found.dtype == expected.dtype
        assert found.tobytes() == expected.tobytes()
    else:
        assert found == expected


def check(tmp_path, x, y, n, transform, *, kind="", source=None, **options):
    """Checks that what is written is what memory would hold; returns it opened."""
    options = {"seed": 3, "return_index": True, **options}
    out = tmp_path / f"made{kind}"
    expected = kaug.augment_dataset(x, y, n, transform, **options)
    given = x if source is None else source
    assert_same(kaug.augment_dataset(given, y, n, transform, out=out, **options), expected)
    opened = kaug.open_dataset(out)
    parts = [opened.x, opened.y]
    parts += [] if options.get("sample_weight") is None else [opened.sample_weight]
    assert_same((*parts, opened.index), expected)
    return opened


def contents(path):
    """Returns the checksum of every file, by name."""
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in path.rglob("*")
        if file.is_file()
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labels", LABELS)
def test_labels_of_every_kind(tmp_path, data, labels, kind):
    y = LABELS[labels](np.arange(20))
    weight = np.arange(20) / 3
    opened = check(tmp_path, data[0], y, 37, POLICY, kind=kind, sample_weight=weight)
    opened.verify(rows=5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "labels",
    [
        lambda words: pd.Series(words).astype(str),
        lambda words: pd.Series(words, dtype="category"),
        lambda words: np.array(words, object),
        lambda words: np.array(words, np.dtypes.StringDType()),
        lambda words: np.array(words, object)[:, np.newaxis],
    ],
)
def test_strings_of_any_size_become_plain(tmp_path, data, labels, kind):
    words = ["Ä", "", "a longer one", "b"] * 5
    out = tmp_path / f"made{kind}"
    given = {"labels": labels(words), "number": data[1]}
    _, y, index = kaug.augment_dataset(
        data[0], given, 9, POLICY, seed=0, out=out, return_index=True
    )
    stored = np.asarray(y["labels"])
    assert stored.dtype == "<U12"
    assert stored.ravel().tolist() == [words[row] for row in np.asarray(index)]
    kaug.open_dataset(out).verify(data[0], given)


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (np.zeros(20, [("a", "i4")]), r"Store its fields: \{name: y\[name\] for name in y\.dtype"),
        (np.zeros(20, "V3"), r"Make bytes of it: y\.view\('u1'\)\.reshape\(len\(y\), -1\)\."),
        (np.arange(20).astype(object), r"\.astype\(int\), \.astype\(float\) or \.astype\(str\)\."),
        (np.array(["a\0"] * 20, object), r"dtype object"),  # which <U2 would make "a" of
        (np.zeros(20, "longdouble"), "Convert it first, to float64"),
        (np.zeros(20, "clongdouble"), "Convert it first, to complex128"),
    ],
)
def test_labels_that_can_not_be_stored(tmp_path, data, labels, text):
    with pytest.raises(TypeError, match=f"`y` can.*stored.*{text}"):
        kaug.augment_dataset(data[0], labels, 9, POLICY, seed=0, out=tmp_path / "made")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("append", [True, False])
@pytest.mark.parametrize("sampling", ["random", "cycle", "balanced"])
def test_sampling(tmp_path, data, sampling, append):
    opened = check(tmp_path, *data, 53, POLICY, sampling=sampling, append=append)
    opened.verify(None if append else data[0], data[1])
    assert opened.arguments == {"n": 53, "seed": 3, "append": append, "sampling": sampling}
    assert opened.transform == POLICY


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("dtype", "shape"),
    [
        ("uint8", (5, 7)),
        ("uint16", (5, 7, 1)),
        ("int32", (3, 4, 5)),
        ("float16", (1, 1, 3)),
        ("float64", (6, 2, 3)),
        (">f4", (5, 7)),
        ("uint8", (40, 40, 3)),
    ],
)
def test_images(tmp_path, images, shape, dtype, kind):
    x = images(9, shape=shape).astype(dtype)
    if dtype != ">f4" or not kind:  # Zarr keeps no byte order
        check(tmp_path, x, None, 14, Translation(0.2, 0.2), kind=kind).verify()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("append", [True, False])
def test_what_moves_with_the_images(tmp_path, data, append, kind):
    y = keras_dict(np.arange(20), min_visible_area=np.float64(0.25))
    check(tmp_path, data[0], y, 30, POLICY, append=append, kind=kind).verify(data[0], y)


@pytest.mark.parametrize("append", [True, False])
def test_lists_of_boxes(tmp_path, data, append):
    boxes = [np.arange(4.0 * (row % 3)).reshape(-1, 4) for row in range(20)]
    labels = [np.arange(row % 3) for row in range(20)]
    y = {"bounding_boxes": {"boxes": boxes, "labels": labels}, "segmentation_masks": list(data[0])}
    check(tmp_path, data[0], y, 30, POLICY, append=append).verify(data[0], y)


@pytest.mark.parametrize("append", [True, False])
@pytest.mark.parametrize("mixing", [MixUp(num_classes=4), CutMix(num_classes=4)])
@pytest.mark.parametrize("sampling", ["random", "balanced"])
def test_labels_that_mix(tmp_path, data, mixing, append, sampling):
    transform = Compose([Rotation(30), mixing])
    weight = np.arange(20)
    opened = check(
        tmp_path, *data, 30, transform, append=append, sample_weight=weight, sampling=sampling
    )
    if append:
        opened.verify()
    opened.verify(*data, weight)


def test_a_class_that_is_not_there(tmp_path, data):
    """Stored labels are one-hot, where class 2 is a column without a row."""
    y = np.where(data[1] == 2, 3, data[1])
    check(tmp_path, data[0], y, 30, MixUp(num_classes=4), sampling="balanced").verify()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 20])
def test_no_new_rows(tmp_path, data, count, kind):
    check(tmp_path, data[0][:count], data[1][:count], 0, POLICY, kind=kind).verify()
    other = tmp_path / f"none{kind}"
    made = kaug.augment_dataset(*data, 0, POLICY, append=False, seed=0, out=other)
    assert made[0].shape == (0, 5, 7, 3)
    kaug.open_dataset(other).verify(data[0], data[1])
    kaug.open_dataset(other).verify()  # nothing was augmented, so nothing is needed for it


def test_other_sizes(tmp_path, data):
    crop = RandomResizedCrop(height=9, width=4)
    y = {"segmentation_masks": data[0], "labels": data[1]}
    check(tmp_path, data[0], y, 30, crop, append=False).verify(data[0], y)
    with pytest.raises(ValueError, match="append=True the generator must keep the image shape"):
        kaug.augment_dataset(*data, 3, crop, out=tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_files_are_what_numpy_saves(tmp_path, data):
    out = tmp_path / "made"
    x, y, index = kaug.augment_dataset(*data, 40, POLICY, seed=1, return_index=True, out=str(out))
    for name, array in (("x", x), ("y", y), ("index", index)):
        assert type(array) is np.memmap
        assert not array.flags.writeable
        np.save(tmp_path / "saved.npy", np.array(array))
        assert (out / f"{name}.npy").read_bytes() == (tmp_path / "saved.npy").read_bytes()
    assert sorted(contents(out)) == ["index.npy", "manifest.json", "x.npy", "y.npy"]


def test_zarr_reads_the_group(tmp_path, data):
    zarr = pytest.importorskip("zarr")
    kaug.augment_dataset(*data, 40, POLICY, seed=1, out=tmp_path / "made.zarr")
    group = zarr.open_group(str(tmp_path / "made.zarr"), mode="r")
    assert sorted(name for name, _ in group.members()) == ["index", "x", "y"]
    assert group["x"].shape == (60, 5, 7, 3)


def test_negative_zero_in_zarr(tmp_path):
    check(tmp_path, np.full((4, 3, 2), -0.0), None, 4, Identity(), kind=".zarr")


def test_named_tuples_of_a_store_can_be_pickled(tmp_path, data):
    rows = np.arange(20)
    kaug.augment_dataset(data[0], Pair(rows, rows), 9, POLICY, seed=0, out=tmp_path / "made")
    y = kaug.open_dataset(tmp_path / "made").y
    assert type(kaug.open_dataset(tmp_path / "made").y) is type(y)
    copied = pickle.loads(pickle.dumps(type(y)(1, 2)))
    assert (type(copied), copied.left, copied.right) == (type(y), 1, 2)


@pytest.mark.parametrize("word", ["import os", "class", "a.b", "", 3])
@pytest.mark.parametrize("place", [0, 1])
def test_names_of_tuples_are_no_code(made, word, place):
    named = ["Pair", ["left"], [{"array": 1}]]
    named[place] = word if not place else [word]
    rewrite(made, lambda content: content["structure"].update(y={"named": named}))
    with pytest.raises(ValueError, match=r"as kaug wrote it.*a name and fields that Python takes"):
        kaug.open_dataset(made)


# Sources ----------------------------------------------------------------------------------------


class Lazy:
    """Slices of rows, and nothing else."""

    def __init__(self, x, **attributes):
        self._x, self.shape, self.dtype = x, x.shape, x.dtype
        self.__dict__.update(attributes)
        self.asked = []

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        self.asked.append(rows)
        return self._x[rows]


def lazy_sources(x, tmp_path):
    zarr, h5py = pytest.importorskip("zarr"), pytest.importorskip("h5py")
    stored = zarr.create_array(str(tmp_path / "x.zarr"), data=x, chunks=(6, *x.shape[1:]))
    file = h5py.File(tmp_path / "x.h5", "w")
    hdf = file.create_dataset("x", data=x, chunks=(6, *x.shape[1:]), compression="gzip")
    return {"slices": Lazy(x), "zarr": stored, "h5py": hdf}


@pytest.mark.parametrize("append", [True, False])
@pytest.mark.parametrize("transform", [POLICY, MixUp(num_classes=4)])
def test_lazy_sources(tmp_path, data, append, transform, monkeypatch):
    monkeypatch.setattr(_source, "_READ_BYTES", 700)
    for name, source in lazy_sources(data[0], tmp_path).items():
        folder = tmp_path / name
        folder.mkdir()
        opened = check(folder, *data, 30, transform, source=source, append=append)
        opened.verify(source, data[1])
        assert [path.name for path in folder.iterdir()] == ["made"]


def test_a_lazy_source_is_read_once_in_whole_chunks(data, tmp_path):
    source = Lazy(data[0], chunks=(3, 5, 7, 3))
    check(tmp_path, *data, 30, POLICY, source=source)
    assert [rows.start for rows in source.asked] == [0]
    source.asked.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_source, "_READ_BYTES", 800)
        check(tmp_path, *data, 30, POLICY, source=source)
    assert [rows.start for rows in source.asked] == list(range(0, 20, 6))


def test_a_lazy_source_that_gives_something_else(data, tmp_path):
    class Liar(Lazy):
        def __getitem__(self, rows):
            return self._x[rows].astype("float32")

    with pytest.raises(ValueError, match=r"x\[0:20\] must give 20 rows of \(5, 7, 3\), uint8"):
        kaug.augment_dataset(Liar(data[0]), data[1], 3, POLICY, out=tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "chunks", [None, (), (None, 5), (0, 5), (2**40, 5, 7, 3), [3, 5, 7, 3]], ids=repr
)
def test_chunks_that_say_nothing(data, tmp_path, chunks, monkeypatch):
    monkeypatch.setattr(_source, "_READ_BYTES", 800)
    source = Lazy(data[0], chunks=chunks)
    check(tmp_path, *data, 30, POLICY, source=source)
    assert [rows.start for rows in source.asked] == list(range(0, 20, 7))


def test_a_lazy_source_without_rows(data, tmp_path):
    x, y = data[0][:0], data[1][:0]
    check(tmp_path, x, y, 0, POLICY, source=Lazy(x)).verify(Lazy(x), y)


def test_tensors_are_no_lazy_sources(data, tmp_path):
    tensor = keras.ops.convert_to_tensor(data[0])
    check(tmp_path, *data, 30, POLICY, source=tensor).verify(tensor, data[1])


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_memory_maps(tmp_path, data, mode, monkeypatch):
    monkeypatch.setattr(_source, "_MAPPED_BYTES", 300)
    np.save(tmp_path / "x.npy", data[0])
    x = np.load(tmp_path / "x.npy", mmap_mode=mode)
    if mode != "r":
        x[3] = 7  # nowhere but in memory, if the mode is "c"
    y = {"segmentation_masks": x, "labels": data[1]}
    check(tmp_path, x, y, 40, POLICY).verify()
    assert mode == "r" or (x[3] == 7).all()


def test_the_source_is_not_written_to(tmp_path, data):
    before = data[0].copy()
    data[0].flags.writeable = False
    kaug.augment_dataset(*data, 30, POLICY, out=tmp_path / "made")
    np.testing.assert_array_equal(data[0], before)


MEMORY = """
import sys, numpy as np, kaug
from kaug.transforms import Rotation
def status(field):
    lines = [line for line in open("/proc/self/status") if line.startswith(field)]
    return int(lines[0].split()[1]) / 1024
x = np.zeros((1000, 28, 28), "uint8")
kaug.augment_rows(x, None, [0], Rotation(), seed=0)
kaug.augment_dataset(x, None, 1000, Rotation(), out=sys.argv[1] + "/first")
before = status("VmRSS")
made = kaug.augment_dataset(x, None, 200_000, Rotation(), out=sys.argv[1] + "/made", verbose=0)
print(made[0].nbytes / 2**20, status("VmHWM") - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_does_not_grow_with_the_result(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path)], capture_output=True, text=True, check=True
    )
    size, extra = map(float, done.stdout.split())
    assert extra < size / 2


# Interrupted ------------------------------------------------------------------------------------

# A process that forks one child after another, so that kaug is loaded once. Each child kills itself
# at its own moment: at the k-th time it would write, rename or sync; every other time after half of
# what is to be written.
KILLER = """
import hashlib, os, signal, sys
from pathlib import Path
import numpy as np, kaug
from kaug.store import _chunks, _write
from kaug.transforms import Compose, HorizontalFlip, Rotation
_write.CHUNK_BYTES, _chunks._SAVE_EVERY, _chunks._SAVE_SHARE = 14000, 0.0, 0.0
if sys.argv[2]:
    import zarr
x = np.random.default_rng(0).integers(0, 256, (50, 9, 8, 3)).astype("uint8")
out = Path(sys.argv[1]) / ("made" + sys.argv[2])

def job():
    policy = Compose([Rotation(30), HorizontalFlip()])
    kaug.augment_dataset(x, {"a": np.arange(50)}, 150, policy, seed=5, out=out)

def in_child(function):
    child = os.fork()
    if not child:
        try:
            function()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def dying(moment):
    left = [moment]
    def guard(name):
        real = getattr(os, name)
        def call(*arguments):
            left[0] -= 1
            if left[0] < 0:
                if name == "pwrite" and moment % 2:
                    real(arguments[0], arguments[1][: len(arguments[1]) // 2], arguments[2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments)
        setattr(os, name, call)
    for name in ("pwrite", "replace", "fsync", "mkdir"):
        guard(name)
    job()

def contents():
    files = [file for file in out.rglob("*") if file.is_file()]
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

def clear():
    import shutil
    shutil.rmtree(out, ignore_errors=True)

# Loads in this process what is loaded once.
kaug.augment_rows(x, None, [0], Rotation(30), seed=0)
assert in_child(job) == 0
expected = contents()
clear()
killed = 0
for moment in range(0, 45, int(sys.argv[3])):
    # Twice at that moment, the second time on top of what the first left behind.
    codes = [in_child(lambda: dying(moment)), in_child(lambda: dying(moment + 3))]
    killed += codes[0] == -signal.SIGKILL
    assert in_child(job) == 0 and contents() == expected, (moment, codes)
    clear()
print(killed)
"""


@pytest.mark.parametrize(("kind", "step"), [("", 3), (".zarr", 5)])
def test_killed_at_every_moment(tmp_path, kind, step):
    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(tmp_path), kind, str(step)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KAUG_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 35 // step


def interrupt(patch, after):
    """Makes the next job stop after some chunks, as Ctrl+C would stop it."""
    left = [after]

    def update(self, done):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    patch.setattr(_chunks.Progress, "update", update)


@pytest.fixture
def begun(tmp_path, data):
    """Returns the path of a store with three chunks of many."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        interrupt(patch, 3)
        kaug.augment_dataset(*data, 60, POLICY, seed=3, out=tmp_path / "made")
    return tmp_path / "made"


@pytest.fixture
def made(tmp_path, data):
    """Returns the path of a store that is finished."""
    kaug.augment_dataset(*data, 60, POLICY, seed=3, out=tmp_path / "made")
    return tmp_path / "made"


def test_chunks_are_not_made_twice(begun, data, monkeypatch):
    with pytest.raises(ValueError, match=r"must be finished.*3 of 10 chunks.*goes on where"):
        kaug.open_dataset(begun)
    totals = []
    monkeypatch.setattr(
        _chunks.Progress, "__init__", lambda self, total, verbose: totals.append(total)
    )
    monkeypatch.setattr(_chunks.Progress, "update", lambda self, done: None)
    kaug.augment_dataset(*data, 60, POLICY, seed=3, out=begun)
    assert totals == [80 - 3 * 8]
    kaug.augment_dataset(*data, 60, POLICY, seed=3, out=begun)
    assert len(totals) == 1
    kaug.open_dataset(begun).verify()


def test_another_size_of_chunks_later(begun, data, monkeypatch):
    monkeypatch.setattr(_write, "CHUNK_BYTES", 5000)
    made = kaug.augment_dataset(*data, 60, POLICY, seed=3, out=begun)
    assert_same(made, kaug.augment_dataset(*data, 60, POLICY, seed=3))


def test_no_seed_goes_on_with_the_one_that_was_drawn(tmp_path, data):
    out = tmp_path / "made"
    first = np.array(kaug.augment_dataset(*data, 30, POLICY, out=out)[0])
    np.testing.assert_array_equal(first, kaug.augment_dataset(*data, 30, POLICY, out=out)[0])


# Damaged ----------------------------------------------------------------------------------------


def flip(file, place=-1):
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)


def largest(folder, name):
    """Returns the file with values of an array, of either kind of store."""
    flat = folder / f"{name}.npy"
    return flat if flat.exists() else max((folder / name / "c").rglob("*"), key=_size)


def _size(path):
    return path.stat().st_size if path.is_file() else -1


@pytest.mark.parametrize("state", ["begun", "made"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda out: flip(out / "x.npy", 200),
        lambda out: os.truncate(out / "x.npy", 300),
        lambda out: os.truncate(out / "x.npy", 10),
        lambda out: (out / "y.npy").unlink(),
        lambda out: flip(out / "index.npy", 3),
        lambda out: (out / "x.npy").write_bytes((out / "x.npy").read_bytes() + b"more"),
    ],
    ids=["flipped", "truncated", "no header", "missing", "bad header", "longer"],
)
def test_damaged_files_are_mended(damage, state, request, data, tmp_path):
    out = request.getfixturevalue(state)
    other = tmp_path / "other"
    kaug.augment_dataset(*data, 60, POLICY, seed=3, out=other)
    damage(out)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_chunks, "warn", lambda text: None)
        kaug.augment_dataset(*data, 60, POLICY, seed=3, out=out)
    assert contents(out) == contents(other)


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_byte_is_found(tmp_path, data, kind):
    out = tmp_path / f"made{kind}"
    kaug.augment_dataset(*data, 60, POLICY, seed=3, out=out)
    flip(largest(out, "x"))
    opened = kaug.open_dataset(out)
    with pytest.raises(ValueError, match=r"damage within rows \d+ to \d+\. Run augment_dataset"):
        opened.verify(rows=0)
    with pytest.warns(UserWarning, match="1 of the chunks in .* made again") as caught:
        kaug.augment_dataset(*data, 60, POLICY, seed=3, out=out)
    assert caught[0].filename == __file__
    kaug.open_dataset(out).verify()


def _stop(*_):
    raise KeyboardInterrupt


def test_a_killed_repair_is_not_finished(made, data, monkeypatch):
    flip(made / "x.npy")
    # Killed, it would not save when it stops.
    monkeypatch.setattr(_chunks.Writer, "_make", _stop)
    with pytest.warns(UserWarning, match="made again"), pytest.raises(KeyboardInterrupt):
        kaug.augment_dataset(*data, 60, POLICY, seed=3, out=made)
    with pytest.raises(ValueError, match="must be finished"):
        kaug.open_dataset(made)


def test_files_of_another_length_are_not_opened(made):
    os.truncate(made / "y.npy", 200)
    with pytest.raises(ValueError, match=r"y.npy' must be 768 bytes.*Received: 200 bytes"):
        kaug.open_dataset(made)
    (made / "y.npy").unlink()
    with pytest.raises(ValueError, match=r"no file .*y.npy'\. Run augment_dataset"):
        kaug.open_dataset(made)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-30],
        lambda text: "",
        lambda text: "[]",
        lambda text: "{}",
        lambda text: "[" * 100_000,
        lambda text: text.replace('"seed": 3', '"seed": 4'),
        lambda text: "\0" * len(text),
    ],
)
def test_a_damaged_manifest(tmp_path, data, damage, kind):
    out = tmp_path / f"made{kind}"
    kaug.augment_dataset(*data, 60, POLICY, seed=3, out=out)
    file = _manifest.manifest_file(out)
    file.write_text(damage(file.read_text()))
    before = contents(out)
    for act in (
        lambda: kaug.open_dataset(out),
        lambda: kaug.augment_dataset(*data, 60, POLICY, seed=3, out=out),
    ):
        with pytest.raises(ValueError, match=r"as kaug wrote it.*a damaged .*Delete the store"):
            act()
    assert contents(out) == before


def rewrite(out, change):
    """Changes a manifest as someone would who knows how it is signed."""
    manifest = _manifest.Manifest.load(out)
    change(manifest.content)
    manifest.save()


def test_a_manifest_of_a_later_version(made):
    rewrite(made, lambda content: content.update(format_version=2))
    with pytest.raises(ValueError, match=r"format version 1\. Received: format version 2"):
        kaug.open_dataset(made)


@pytest.mark.parametrize("name", ["x", "y", "index"])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_the_policy_did_not_make(tmp_path, data, name, kind):
    """Even if the checksums fit, `verify` finds them."""
    out = tmp_path / f"made{kind}"
    kaug.augment_dataset(*data, 60, POLICY, seed=3, out=out)
    opened = kaug.open_dataset(out)
    manifest = _manifest.Manifest.load(out)
    with contextlib.closing(
        _chunks.open_for_chunks(manifest, opened._specs, writable=True)
    ) as arrays:
        leaves = [arrays.read(place, 72, 80) for place in range(3)]
        place = ["x", "y", "index"].index(name)
        leaves[place] = leaves[place].copy()
        leaves[place][...] = 1 if name != "index" else -5
        arrays.write(place, 72, leaves[place])
    manifest.chunks[-1] = _chunks.digest_of(leaves)
    manifest.save()
    with pytest.raises(ValueError, match=r"other rows of|index of a dataset must name rows"):
        kaug.open_dataset(out).verify()


def test_verify_needs_the_originals(tmp_path, data):
    out = tmp_path / "made"
    kaug.augment_dataset(*data, 30, POLICY, append=False, seed=3, out=out)
    opened = kaug.open_dataset(out)
    opened.verify(rows=0)
    opened.verify(*data)
    with pytest.raises(TypeError, match=r"the originals must be passed.*rows=0"):
        opened.verify()
    with pytest.raises(ValueError, match=r"made from\. Received: other values of x"):
        opened.verify(data[0] + 1, data[1])
    with pytest.raises(ValueError, match="other values of y"):
        opened.verify(data[0], data[1] + 1)
    with pytest.raises(ValueError, match="other values of sample_weight"):
        opened.verify(*data, data[1])
    with pytest.raises(TypeError, match="`rows` must be an integer"):
        opened.verify(*data, rows=1.5)


# Refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"n": 61}, "n=61, where the store has 60"),
        ({"seed": 4}, "seed=4, where the store has 3"),
        ({"append": False}, "append=false, where the store has true"),
        ({"sampling": "cycle"}, 'sampling="cycle", where the store has "random"'),
        ({"generator": Rotation(31)}, "transform=.*31.0.*where the store has.*30.0"),
        ({"y": np.arange(20) % 3}, "y with other contents"),
        ({"y": None}, "source="),
        ({"x": np.zeros((20, 5, 7, 3), "uint8")}, "x with other contents"),
        ({"x": np.zeros((20, 5, 7, 3), "int8")}, r"x=\|i1 of shape \(20, 5, 7, 3\), where"),
        ({"sample_weight": np.arange(20)}, "source="),
    ],
)
@pytest.mark.parametrize("state", ["begun", "made"])
def test_other_arguments(request, state, data, change, text):
    out = request.getfixturevalue(state)
    before = contents(out)
    good = {"x": data[0], "y": data[1], "n": 60, "generator": POLICY, "seed": 3}
    with pytest.raises(ValueError, match=f"made in another way. Received: .*{text}.*Pass another"):
        kaug.augment_dataset(**(good | change), out=out)
    assert contents(out) == before


def test_another_version_of_kaug(made, data, monkeypatch):
    monkeypatch.setattr(_write, "__version__", "9.9")
    with pytest.raises(ValueError, match=r'kaug="9.9", where the store has "\d'):
        kaug.augment_dataset(*data, 60, POLICY, seed=3, out=made)


@pytest.mark.parametrize("kind", KINDS)
def test_two_writers(tmp_path, data, monkeypatch, kind):
    """While one writes, any other is refused, in this process and in others."""
    out = tmp_path / f"made{kind}"
    refused = []

    def update(self, done):
        with pytest.raises(BlockingIOError, match=r"one process at a time.*which is in use"):
            kaug.augment_dataset(*data, 60, POLICY, seed=3, out=out)
        refused.append(done)

    monkeypatch.setattr(_chunks.Progress, "update", update)
    kaug.augment_dataset(*data, 60, POLICY, seed=3, out=out)
    assert len(refused) == 10
    kaug.open_dataset(out).verify()


def test_a_writer_in_another_process(begun, data):
    code = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], 0), fcntl.LOCK_EX); "
    code += "print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(begun)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        before = contents(begun)
        with pytest.raises(BlockingIOError, match="in use"):
            kaug.augment_dataset(*data, 60, POLICY, seed=3, out=begun)
        assert contents(begun) == before
        other.kill()  # and with the process its lock is gone
        other.wait()
    kaug.augment_dataset(*data, 60, POLICY, seed=3, out=begun)


def test_a_writer_that_was_faster(tmp_path, data, monkeypatch):
    """Another process made the folder, wrote into it and left, before ours had the lock."""
    lock = _write._lock

    def late(folder, stack):
        (folder / "theirs").write_text("theirs")
        lock(folder, stack)

    monkeypatch.setattr(_write, "_lock", late)
    with pytest.raises(BlockingIOError, match="by one process at a time"):
        kaug.augment_dataset(*data, 3, POLICY, out=tmp_path / "made")
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["theirs"]


def test_a_file_system_without_locks(tmp_path, data, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", flock)
    check(tmp_path, *data, 30, POLICY)


def test_folders_that_can_not_be_written(tmp_path, data, monkeypatch):
    file = tmp_path / "file"
    file.write_text("a file")

    def act(out, error, text):
        with pytest.raises(error, match=text):
            kaug.augment_dataset(*data, 3, POLICY, out=out)

    act(file, FileExistsError, "the file ")
    act(file / "made", NotADirectoryError, "must lie in a folder that exists")
    act(tmp_path / "a" / "b", NotADirectoryError, "Create its parent first")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    act(tmp_path / "other", FileExistsError, "which holds something else")
    act(3, TypeError, "`out` must be a path. Received: out=3")
    before = contents(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)  # as it is for who is not root
    act(tmp_path / "made", PermissionError, "the read-only folder")
    act(tmp_path / "other", PermissionError, "the read-only folder")
    assert contents(tmp_path) == before
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(("kind", "file"), [("", "manifest.json"), (".zarr", "zarr.json")])
def test_what_others_wrote_is_not_called_damaged(tmp_path, data, kind, file):
    """Whoever is told to delete a damaged store must not lose something else."""
    out = tmp_path / f"other{kind}"
    out.mkdir()
    group = {"zarr_format": 3, "node_type": "group", "attributes": {"title": "mine"}}
    (out / file).write_text(json.dumps(group if kind else {"name": "an app", "icons": []}))
    before = contents(out)
    with pytest.raises(FileExistsError, match="which holds something else"):
        kaug.augment_dataset(*data, 3, POLICY, out=out)
    with pytest.raises(FileNotFoundError, match="which is not of kaug"):
        kaug.open_dataset(out)
    assert contents(out) == before


def test_links_to_stores(tmp_path, data):
    (tmp_path / "link").symlink_to(tmp_path / "made")
    with pytest.raises(FileExistsError, match=r"link that leads nowhere, '.*link'"):
        kaug.augment_dataset(*data, 3, POLICY, seed=0, out=tmp_path / "link")
    kaug.augment_dataset(*data, 3, POLICY, seed=0, out=tmp_path / "made")
    kaug.augment_dataset(*data, 3, POLICY, seed=0, out=tmp_path / "link")
    kaug.open_dataset(tmp_path / "link").verify()


def test_a_folder_that_is_empty(tmp_path, data):
    (tmp_path / "made").mkdir()
    check(tmp_path, *data, 30, POLICY)


FULL = """
import resource, sys
from pathlib import Path
import numpy as np, kaug
from kaug.store import _chunks, _write
from kaug.transforms import Rotation
_write.CHUNK_BYTES, _chunks._SAVE_EVERY, _chunks._SAVE_SHARE = 9000, 0.0, 0.0
if sys.argv[1].endswith(".zarr"):
    import zarr
    _write.CHUNK_BYTES = 90000
x = np.random.default_rng(0).integers(0, 256, (50, 9, 8, 3)).astype("uint8")
job = lambda: kaug.augment_dataset(x, np.arange(50), 950, Rotation(30), seed=5, out=sys.argv[1])
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
for room in (100, 5000, 60_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        job()
    except OSError as error:
        print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
made = job()
expected = kaug.augment_dataset(x, np.arange(50), 950, Rotation(30), seed=5)
print(all(np.array_equal(a[:], b) for a, b in zip(made, expected)))
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk(tmp_path, kind):
    """Files that may not grow any further are as good as a full disk."""
    command = [sys.executable, "-c", FULL, str(tmp_path / f"made{kind}")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *errors, same = done.stdout.splitlines()
    assert same == "True"
    assert len(errors) >= 2
    assert all("Make room, then run it again" in error for error in errors)


def test_a_disk_that_fails_is_not_called_full(tmp_path, data, monkeypatch):
    def write(*_):
        raise OSError(errno.EIO, "the disk is broken")

    monkeypatch.setattr(_chunks.NpyFiles, "write", write)
    with pytest.raises(OSError, match="the disk is broken") as caught:
        kaug.augment_dataset(*data, 3, POLICY, out=tmp_path / "made")
    assert (caught.value.errno, caught.value.__cause__) == (errno.EIO, None)


def test_too_little_room(tmp_path, data, monkeypatch):
    usage = collections.namedtuple("Usage", "free")(5000)
    monkeypatch.setattr(_write.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match=r"must fit onto the disk.*while 0.0 MiB are free") as caught:
        kaug.augment_dataset(*data, 60, POLICY, out=tmp_path / "made")
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"generator": lambda batch: batch}, TypeError, "`out` needs a native generator"),
        ({"generator": keras.layers.RandomRotation(0.1)}, TypeError, "Use transforms of kaug"),
        ({"generator": Lambda(lambda b: b)}, TypeError, "must be registered by name"),
        ({"y": np.array([{}] * 20)}, TypeError, "`y` can only be stored.*dtype object"),
        ({"x": np.zeros((20, 5, 7), "longdouble")}, TypeError, "long double.*to float64"),
        ({"y": {(1, 2): np.arange(20)}}, TypeError, r"keys of a dict.*the key \(1, 2\)"),
        ({"y": np.arange(3)}, ValueError, "`y` must have one row for each of the 20"),
        ({"x": Lazy(np.zeros((20, 5)))}, ValueError, "must be a batch of images"),
        ({"x": Lazy(np.zeros((20, 5, 7), "U3"))}, TypeError, "must hold real numbers"),
        ({"n": -1}, ValueError, "`n` must be an integer"),
        ({"sampling": "balanced", "y": None}, ValueError, "Counting classes needs one array"),
        ({"verbose": 3}, ValueError, "`verbose` must be"),
    ],
)
def test_bad_arguments_write_nothing(tmp_path, data, change, error, text):
    good = {"x": data[0], "y": data[1], "n": 3, "generator": POLICY, "out": tmp_path / "made"}
    with pytest.raises(error, match=text):
        kaug.augment_dataset(**(good | change))
    assert list(tmp_path.iterdir()) == []


def test_zarr_that_is_not_installed(tmp_path, data, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(ImportError, match=re.escape('pip install "kaug[zarr]"')):
        kaug.augment_dataset(*data, 3, POLICY, out=tmp_path / "made.zarr")
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_open(tmp_path):
    with pytest.raises(FileNotFoundError, match="where there is no folder"):
        kaug.open_dataset(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"must have a manifest, manifest\.json"):
        kaug.open_dataset(tmp_path)
    with pytest.raises(TypeError, match="`path` must be a path"):
        kaug.open_dataset(3)


# Not trusted ------------------------------------------------------------------------------------


class Bomb:
    def __reduce__(self):
        return (Path.touch, (Path("exploded"),))


def test_nothing_is_unpickled(made, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    bomb = np.empty(80, object)
    bomb[:] = [Bomb()] * 80
    np.save(made / "y.npy", bomb, allow_pickle=True)
    pickle.dumps(Bomb())
    with pytest.raises(ValueError, match=r"y.npy' must be 768 bytes"):
        kaug.open_dataset(made)
    with (made / "y.npy").open("ab") as file:
        file.truncate(768)
    with pytest.raises(ValueError, match="another header"):
        kaug.open_dataset(made)
    assert not Path("exploded").exists()


def places_in(plain, way=()):
    """Yields the way to everything in plain data."""
    if isinstance(plain, list):
        plain = dict(enumerate(plain))
    for key, value in plain.items() if isinstance(plain, dict) else ():
        yield (*way, key)
        yield from places_in(value, (*way, key))


ABSENT = object()


@pytest.mark.parametrize(
    "value",
    [ABSENT, None, -1, 10**18, "x", [], {}],
    ids=lambda each: "absent" if each is ABSENT else str(each),
)
def test_manifests_that_were_edited_and_signed_again(tmp_path, data, value):
    out, y = tmp_path / "made", {"a": [Pair(data[1], data[1] * 0.5)], "b": data[1].astype(str)}
    arguments = (data[0], y, 60, Translation(0.5, 0.5))
    options = {"sample_weight": data[1] * 0.5, "seed": 3, "out": out}
    kaug.augment_dataset(*arguments, **options)
    good = _manifest.Manifest.load(out).content
    # What others say: that the rows are not those of the seed, or the version a later one. And a
    # named tuple may have another name.
    harmless = [
        ("arguments", "seed"),
        ("format_version",),
        ("structure", "y", "dict", 0, 1, "list", 0, "named"),
    ]
    for way in places_in(good):
        if way[:2] == ("transform", "config") or way[: len(harmless[-1])] == harmless[-1]:
            continue
        content = copy.deepcopy(good)
        place = functools.reduce(operator.getitem, way[:-1], content)
        if value is ABSENT:
            del place[way[-1]]
        elif place[way[-1]] != value:
            place[way[-1]] = value
        else:
            continue
        _manifest.Manifest(out, content).save()
        before = contents(out)
        for act in (
            lambda: kaug.open_dataset(out).verify(),
            lambda: kaug.augment_dataset(*arguments, **options),
        ):
            with pytest.raises(ValueError, match=": ") as caught:
                act()
            said = str(caught.value).startswith("The manifest of a store must be as kaug wrote it")
            assert said or way in harmless, (way, str(caught.value))
        assert contents(out) == before


@pytest.mark.parametrize(
    ("way", "value"),
    [
        *((("arrays", 0, "name"), name) for name in ("../x", "/etc/passwd", "..", "x.npy\0", 3)),
        *((("arrays", 0, "shape"), shape) for shape in ([-1, 5, 7, 3], [80.0, 5, 7, 3], ["80"])),
        *((("arrays", 1, "dtype"), dtype) for dtype in ("|O", "<f16", "i8", "<i8,<i8", "|V8")),
        (("arrays", 0, "name"), "y"),
        (("arrays", 0, "shape"), [80, 10**9, 10**9, 10**9]),
        (("arguments", "append"), False),
        (("arguments", "n"), 61),
        (("chunk_rows",), 2**40),
        (("chunk_rows",), 3),
        (("structure", "y"), {"array": 0}),
        (("structure", "y"), {"dict": [["a", {"array": 1}]]}),
        (("structure", "y"), {"dict": [["a", None], ["a", {"array": 1}]]}),
        (("structure", "y"), functools.reduce(lambda tree, _: {"list": [tree]}, range(200), None)),
        (("source", "x", "sha256"), "../../etc"),
        (("source", "bounding_box_format"), 3),
        (("chunks", 0), None),
        (("more",), None),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_manifests_that_no_kaug_writes(tmp_path, data, way, value, kind):
    out = tmp_path / f"made{kind}"
    kaug.augment_dataset(*data, 60, POLICY, seed=3, out=out)

    def change(content):
        functools.reduce(operator.getitem, way[:-1], content)[way[-1]] = value

    rewrite(out, change)
    with pytest.raises(
        ValueError, match=r"^The manifest of a store must be as kaug wrote it\. Rec"
    ):
        kaug.open_dataset(out)


def test_a_policy_that_can_not_be_made(made):
    rewrite(made, lambda content: content["transform"]["config"]["transforms"][0].update(config=3))
    opened = kaug.open_dataset(made)
    with pytest.raises(ValueError, match=r"as kaug wrote it\. Received: a policy that cannot be"):
        opened.verify()


def test_manifests_are_not_read_without_end(made, monkeypatch):
    with (made / "manifest.json").open("ab") as file:
        file.truncate(2**40)  # a hole, which takes no room on the disk
    monkeypatch.setattr(_manifest, "_MOST_BYTES", 10_000)
    with pytest.raises(ValueError, match="as kaug wrote it"):
        kaug.open_dataset(made)


@pytest.mark.parametrize("name", ["x.npy", "manifest.json.partial"])
def test_a_file_with_another_name_stays_as_it_is(begun, data, tmp_path, name):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes((begun / "x.npy").read_bytes())
    (begun / name).unlink(missing_ok=True)
    os.link(elsewhere, begun / name)
    before = elsewhere.read_bytes()
    if name == "x.npy":
        with pytest.raises(ValueError, match=r"must have one name\..*with 2 hard links\. Copy"):
            kaug.augment_dataset(*data, 60, POLICY, seed=3, out=begun)
    else:
        kaug.augment_dataset(*data, 60, POLICY, seed=3, out=begun)
        kaug.open_dataset(begun).verify()
    assert elsewhere.read_bytes() == before


def test_a_store_with_hard_links_can_be_read(made, tmp_path):
    os.link(made / "x.npy", tmp_path / "elsewhere")
    kaug.open_dataset(made).verify()


def test_hard_links_in_zarr_are_not_written_through(tmp_path, data):
    out = tmp_path / "made.zarr"
    kaug.augment_dataset(*data, 60, POLICY, seed=3, out=out)
    os.link(out / "x" / "c" / "0" / "0" / "0" / "0", tmp_path / "elsewhere")
    kaug.open_dataset(out).verify()
    with pytest.raises(ValueError, match=r"must have one name\."):
        kaug.augment_dataset(*data, 60, POLICY, seed=3, out=out)


@pytest.mark.parametrize("name", ["x.npy", "manifest.json"])
def test_links_are_not_followed(made, data, tmp_path, name):
    elsewhere = tmp_path / "elsewhere"
    (made / name).rename(elsewhere)
    (made / name).symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    flip(elsewhere)
    flipped = elsewhere.read_bytes()
    for act in (
        lambda: kaug.open_dataset(made),
        lambda: kaug.augment_dataset(*data, 60, POLICY, seed=3, out=made),
    ):
        with pytest.raises(ValueError, match="must not contain links"):
            act()
    assert elsewhere.read_bytes() == flipped != before


@pytest.mark.parametrize("name", ["x", "zarr.json", "x/c/0"])
def test_links_in_zarr_are_not_followed(tmp_path, data, name):
    out = tmp_path / "made.zarr"
    kaug.augment_dataset(*data, 60, POLICY, seed=3, out=out)
    (out / name).rename(tmp_path / "elsewhere")
    (out / name).symlink_to(tmp_path / "elsewhere")
    for act in (
        lambda: kaug.open_dataset(out),
        lambda: kaug.augment_dataset(*data, 60, POLICY, seed=3, out=out),
    ):
        with pytest.raises(ValueError, match="must not contain links"):
            act()


@pytest.mark.parametrize("name", ["x.npy", "manifest.json", "manifest.json.partial"])
def test_pipes_are_not_waited_for(begun, data, name):
    (begun / name).unlink(missing_ok=True)
    os.mkfifo(begun / name)
    if name == "manifest.json.partial":
        kaug.augment_dataset(*data, 60, POLICY, seed=3, out=begun)
        return
    with pytest.raises((ValueError, OSError), match=r"something else|a named pipe"):
        kaug.augment_dataset(*data, 60, POLICY, seed=3, out=begun)


@pytest.mark.parametrize("name", ["zarr.json", "x/zarr.json", "x/c/0/0/0/0"])
def test_pipes_in_zarr_are_not_waited_for(tmp_path, data, name):
    out = tmp_path / "made.zarr"
    kaug.augment_dataset(*data, 60, POLICY, seed=3, out=out)
    (out / name).unlink()
    os.mkfifo(out / name)
    for act in (
        lambda: kaug.open_dataset(out),
        lambda: kaug.augment_dataset(*data, 60, POLICY, seed=3, out=out),
    ):
        with pytest.raises((ValueError, OSError), match=r"something else|a named pipe"):
            act()


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("zarr.json", {"node_type": "array"}),
        ("zarr.json", {"zarr_format": "x"}),
        ("zarr.json", {"consolidated_metadata": 3}),
        ("x/zarr.json", {"chunk_grid": 3}),
        ("x/zarr.json", {"data_type": "no such thing"}),
        ("x/zarr.json", {"shape": [10**15]}),
        (
            "x/zarr.json",
            {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2**40, 5, 7, 3]}}},
        ),
    ],
)
def test_metadata_of_zarr_that_were_edited(tmp_path, data, file, change):
    out = tmp_path / "made.zarr"
    kaug.augment_dataset(*data, 60, POLICY, seed=3, out=out)
    metadata = json.loads((out / file).read_text())
    (out / file).write_text(json.dumps(metadata | change))
    with pytest.raises(ValueError, match=r"must (be|hold) .*Received: "):
        kaug.open_dataset(out)


def test_codecs_of_others_are_not_run(tmp_path, data):
    out = tmp_path / "made.zarr"
    kaug.augment_dataset(*data, 60, POLICY, seed=3, out=out)
    file = out / "x" / "zarr.json"
    metadata = json.loads(file.read_text())
    metadata["codecs"][1] = {"name": "gzip", "configuration": {"level": 1}}
    file.write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match="must hold an array 'x'"):
        kaug.open_dataset(out)


# Used -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", ["a b", "ü 画#%?", "./relative/", "new\nline"])
def test_paths_of_every_kind(tmp_path, data, kind, path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = path.replace("relative", f"relative{kind}") if "relative" in path else path + kind
    kaug.augment_dataset(*data, 30, POLICY, seed=3, out=path)
    kaug.open_dataset(path).verify()
    moved = tmp_path / f"moved{kind}"
    Path(path).rename(moved)
    kaug.open_dataset(moved).verify()
    assert_same(
        kaug.augment_dataset(*data, 30, POLICY, seed=3, out=moved),
        kaug.augment_dataset(*data, 30, POLICY, seed=3),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_training_from_a_store(tmp_path, data, kind):
    kaug.augment_dataset(*data, 30, POLICY, seed=3, out=tmp_path / f"made{kind}")
    opened = kaug.open_dataset(tmp_path / f"made{kind}")
    assert len(opened) == 50
    assert "(50, 5, 7, 3) uint8" in repr(opened)
    batches = kaug.AugmentedDataset(opened.x, opened.y, Identity(), batch_size=10, seed=0)
    model = keras.Sequential(
        [keras.Input((5, 7, 3)), keras.layers.Flatten(), keras.layers.Dense(4, "softmax")]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(batches, epochs=1, shuffle=False, verbose=0)
    model.fit(opened.x[:], opened.y[:], epochs=1, verbose=0)
    again = kaug.augment_dataset(opened.x, opened.y, 5, POLICY, seed=1)
    np.testing.assert_array_equal(again[0][:50], opened.x[:])


def test_a_store_made_from_a_store(tmp_path, data):
    kaug.augment_dataset(*data, 30, POLICY, seed=3, out=tmp_path / "one")
    opened = kaug.open_dataset(tmp_path / "one")
    check(tmp_path, opened.x, opened.y, 30, PadAndCrop(1)).verify()


def test_progress(tmp_path, data, capsys):
    kaug.augment_dataset(*data, 60, POLICY, out=tmp_path / "made", verbose=1)
    text = capsys.readouterr().out
    assert "80/80" in text
    assert "images/s" in text
    kaug.augment_dataset(*data, 60, POLICY, out=tmp_path / "other", verbose=0)
    assert capsys.readouterr().out == ""
