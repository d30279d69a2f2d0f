"""The sequence of pictures: rows, sizes, what is not there any more."""

import os
import pickle
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

import kaug
from kaug.sources import Pictures, files

SHAPES = [(5, 7), (8, 3), (1, 9), (6, 6)]


def picture(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)


@pytest.fixture
def paths(tmp_path):
    found = [tmp_path / f"{number}.png" for number in range(len(SHAPES))]
    for number, (path, shape) in enumerate(zip(found, SHAPES, strict=True)):
        Image.fromarray(picture(shape, number)).save(path)
    return found


def test_rows(paths):
    x = files(paths)
    assert isinstance(x, Pictures)
    assert isinstance(kaug.sources.files(map(str, paths)), Pictures)
    assert len(x) == len(paths)
    assert x.paths == tuple(map(str, paths))
    for row, shape in enumerate(SHAPES):
        for number in (row, row - len(paths), np.int32(row)):
            np.testing.assert_array_equal(x[number], picture(shape, row))
    assert x[0].flags.c_contiguous
    assert x[0].flags.writeable
    assert [each.shape[:2] for each in x] == SHAPES


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (slice(1, None, 2), [1, 3]),
        (slice(None, None, -1), [3, 2, 1, 0]),
        ([2, -1, 2], [2, 3, 2]),
        (np.array([3, 0], np.uint8), [3, 0]),
        (np.array([True, False, False, True]), [0, 3]),
        ([False, True, False, False], [1]),
        ([], []),
    ],
)
@pytest.mark.parametrize("known", [False, True])
def test_some_rows_are_pictures_again(paths, rows, expected, known):
    x = files(paths)
    if known:
        assert x.sizes.shape == (4, 2)
    for path in paths:
        path.rename(path.with_suffix(".away"))  # nothing is read
    part = x[rows]
    for path in paths:
        path.with_suffix(".away").rename(path)
    assert part.paths == tuple(str(paths[row]) for row in expected)
    np.testing.assert_array_equal(
        part.sizes, np.reshape([SHAPES[row] for row in expected], (-1, 2))
    )
    assert [each.shape[:2] for each in part] == [SHAPES[row] for row in expected]


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        (4, IndexError),
        (-5, IndexError),
        ([0, 4], IndexError),
        (np.zeros(3, bool), IndexError),
        (True, TypeError),
        (1.0, TypeError),
        ("0", TypeError),
        ((0, 1), TypeError),
        (np.zeros((2, 2), int), TypeError),
        (np.zeros(2), TypeError),
        (None, TypeError),
    ],
)
def test_wrong_rows(paths, rows, kind):
    with pytest.raises(kind, match=r"Received: "):
        files(paths)[rows]


def test_sizes_are_read_from_headers_and_kept(paths):
    path = paths[0]
    path.write_bytes(path.read_bytes()[:60])  # the header is whole
    x = files(paths)
    assert x.sizes.dtype == np.int64
    np.testing.assert_array_equal(x.sizes, SHAPES)
    for path in paths:
        path.unlink()
    np.testing.assert_array_equal(x.sizes, SHAPES)
    with pytest.raises(ValueError, match="read-only"):
        x.sizes[0] = 1


def test_pickled(paths):
    x = files(paths)
    for each in (x, x[1:]):
        other = pickle.loads(pickle.dumps(each))
        assert other.paths == each.paths
        np.testing.assert_array_equal(other[0], each[0])
        np.testing.assert_array_equal(other.sizes, each.sizes)


def test_repr(paths):
    assert repr(files(paths)) == "<4 pictures in files, uint8, channels=3>"
    assert repr(files(paths, channels=None)[:0]) == "<0 pictures in files, uint8>"


def test_they_are_no_array(paths):
    with pytest.raises(TypeError, match=r"may have a size of its own. Received: <4 pictures"):
        np.asarray(files(paths))


@pytest.mark.parametrize(
    ("given", "kind", "says"),
    [
        ("a.png", TypeError, r"`paths` must be a list of paths.*Write \['a.png'\]"),
        ([3], TypeError, "`paths` must be a path"),
        ([""], ValueError, "neither empty"),
        (["no/such.png"], FileNotFoundError, r"no/such.png \(not there\)"),
    ],
)
def test_wrong_paths(given, kind, says):
    with pytest.raises(kind, match=says):
        files(given)


@pytest.mark.parametrize(
    "options", [{"channels": 2}, {"channels": 5}, {"dtype": "int8"}, {"on_error": "ignore"}]
)
def test_wrong_options(paths, options):
    (name,) = options
    with pytest.raises(ValueError, match=f"`{name}` must be.*Received: {name}="):
        files(paths, **options)


def test_a_file_that_vanished_is_named(paths):
    x = files(paths)
    paths[1].unlink()
    said = re.escape(f"{paths[1]} (not there). Put it back")
    with pytest.raises(FileNotFoundError, match=said):
        x[1]
    with pytest.raises(FileNotFoundError, match=said):
        x.sizes  # noqa: B018
    assert x[0].shape == (5, 7, 3)


@pytest.mark.parametrize("shape", [SHAPES[2], SHAPES[1]])
def test_a_file_that_changed_is_named(paths, shape):
    x = files(paths)
    Image.fromarray(picture(shape, 7)).save(paths[1])
    assert x[1].shape[:2] == shape  # as long as nobody has asked for its size
    Image.fromarray(picture(SHAPES[1], 1)).save(paths[1])
    assert len(x.sizes) == 4
    np.testing.assert_array_equal(x[1], picture(SHAPES[1], 1))
    Image.fromarray(np.zeros((*shape, 3), np.uint8)).save(paths[1])
    with pytest.raises(
        ValueError, match=r"1\.png', .* now, 8 × 3 in \d+ before\. Make the pictures"
    ):
        x[1]


def test_files_that_cannot_be_read(paths):
    paths[0].write_bytes(b"")
    paths[1].write_text("no picture")
    paths[2].write_bytes(paths[2].read_bytes()[:-30])
    x = files(paths)
    for row in range(3):
        with pytest.raises(ValueError, match=rf"{row}\.png \(.*\)\. Repair .*on_error=\"skip\""):
            x[row]
    with pytest.raises(ValueError, match=r"0\.png \(.*; .*1\.png \("):
        x.sizes  # noqa: B018
    with pytest.warns(
        UserWarning, match=r"3 of 4 are left out. Received: .*0\.png.*1\.png.*2\.png"
    ):
        x = files(paths, on_error="skip")
    assert x.paths == (str(paths[3]),)
    np.testing.assert_array_equal(x.sizes, [SHAPES[3]])
    with pytest.raises(ValueError, match="Every file must be a picture that can be read"):
        files(paths[:3], on_error="skip")


def test_a_window(paths):
    x = files(paths)
    region = x._read(0, (1, 2, 4, 7))
    np.testing.assert_array_equal(
        region.pixels, picture(SHAPES[0])[region.top : 4, region.left : 7]
    )
    assert region[1:] == (1, 2, 1)
    assert x._read(0, reduce=4).reduction == 1  # a PNG has no smaller ones inside


def test_nothing_is_imported_that_is_not_needed():
    code = "import sys, kaug\nkaug.sources.files\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "kaug.sources" in loaded
    assert not loaded & {"tensorflow", "keras", "numba", "scipy", "tifffile", "PIL.PngImagePlugin"}


def test_threads_get_what_one_gets(paths):
    x = files(paths * 20)
    with ThreadPoolExecutor(8) as pool:
        sizes = [pool.submit(lambda: x.sizes) for _ in range(8)]
        for row, picture in enumerate(pool.map(x.__getitem__, range(len(x)))):
            np.testing.assert_array_equal(picture, x[row])
        for future in sizes:
            np.testing.assert_array_equal(future.result(), SHAPES * 20)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"must be a regular file\. Received: a named pipe"):
        files([tmp_path / "a.png"])[0]
