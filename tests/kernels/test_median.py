"""Networks of comparators find medians, as vectors and as plain text."""

import numba
import numpy as np
import pytest

from kaug._kernels import emitter, median


@pytest.mark.parametrize("size", median.SIZES)
def test_the_network_finds_every_median(size):
    """Where it is right for zeros and ones it is right for everything, says Knuth's principle."""
    comparators, middle = median._network(size)
    counts = np.array(list(np.ndindex((size + 1,) * size)))  # of ones in sorted columns
    if len(counts) > 50_000:
        counts = np.random.default_rng(0).permutation(counts)[:50_000]
    ranks = np.arange(size)
    places = (ranks >= size - counts[:, :, None]).reshape(len(counts), -1).T.copy()
    for low, high in comparators:
        a, b = places[low].copy(), places[high].copy()
        places[low], places[high] = a & b, a | b
    np.testing.assert_array_equal(places[middle], 2 * counts.sum(axis=1) > size * size)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("size", median.SIZES)
@pytest.mark.parametrize("usable", [True, False])
def test_vectors_and_plain_text_find_the_same(monkeypatch, usable, size, dtype):
    monkeypatch.setattr(emitter, "usable", usable)
    rng = np.random.default_rng(size)
    images = rng.integers(0, 256, (1, 6, 9, 2)).astype(dtype)
    out = np.empty_like(images)
    numba.njit(median._write_medians.py_func)(images, (0,) * size, out)
    wide = np.pad(images[0], ((size // 2,) * 2, (size // 2,) * 2, (0, 0)), "edge")
    squares = np.lib.stride_tricks.sliding_window_view(wide, (size, size), (0, 1))
    np.testing.assert_array_equal(out[0], np.median(squares, axis=(-2, -1)))
