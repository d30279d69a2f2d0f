"""Vectors do to the bit what the plain text beside them does, which serves where they cannot be."""

import numba
import numpy as np
import pytest

from kaug._kernels import blur, emitter, resize, vectors, warp

DTYPES = ("uint8", "float32", "float64")


def samples(rng, count, dtype):
    if np.dtype(dtype).kind == "u":
        return rng.integers(0, np.iinfo(dtype).max, count, dtype, endpoint=True)
    return rng.random(count).astype(dtype)


def both_ways(monkeypatch, function, *arguments):
    """Calls a function on copies of arrays, as vectors and as plain text; returns the copies."""
    results = []
    for usable in (True, False):
        monkeypatch.setattr(emitter, "usable", usable)
        own = [each.copy() if isinstance(each, np.ndarray) else each for each in arguments]
        numba.njit(getattr(function, "py_func", lambda *own: function(*own)))(*own)
        results.append(own)
    return results


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_elements_are_copied(monkeypatch, dtype):
    source, target = np.arange(40).astype(dtype), np.full(50, 99, dtype)
    for own in both_ways(monkeypatch, vectors.copy_elements, source, 3, target, 7, 29):
        np.testing.assert_array_equal(own[2][7:36], source[3:32])
        assert (own[2] == 99).sum() == 21


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_reversed(monkeypatch, channels, dtype):
    function = {1: vectors.reverse_one_channel, 3: vectors.reverse_three_channels}[channels]
    source, target = np.arange(60).astype(dtype), np.full(60, 99, dtype)
    expected = source[2 : 2 + 16 * channels].reshape(16, channels)[::-1].ravel()
    for own in both_ways(monkeypatch, function, source, 2, target, 5):
        np.testing.assert_array_equal(own[2][5 : 5 + 16 * channels], expected)
        assert (own[2] == 99).sum() == 60 - 16 * channels


def blended(source, offset, right, below, v, w):
    """The formula, in the precision of the weights."""
    a, b, c, d = (
        source[offset + step].astype(v.dtype) for step in (0, right, below, right + below)
    )
    value = (1 - v) * ((1 - w) * a + w * b) + v * ((1 - w) * c + w * d)
    return np.floor(value + v.dtype.type(0.5)) if source.dtype == np.uint8 else value


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("taps", [2, 3, 5, 12])
def test_pixels_are_summed(monkeypatch, taps, dtype):
    rng = np.random.default_rng(taps)
    kind = "float64" if dtype == "float64" else "float32"
    line, weights = (200 * rng.random(60)).astype(kind), rng.random(20).astype(kind)
    weights /= weights[4 : 4 + taps].sum()
    given = (line, 7, weights, 4, taps, np.zeros(20, dtype), 6)
    vector, plain = both_ways(monkeypatch, vectors.sum_three_channels, *given)
    assert vector[5][6:9].tobytes() == plain[5][6:9].tobytes()
    pixels = line[7 : 7 + 3 * taps].reshape(taps, 3)
    expected = weights[4 : 4 + taps].astype("float64") @ pixels
    bound = 0.5001 if dtype == "uint8" else 1e-4
    assert np.abs(plain[5][6:9] - expected).max() <= bound
    assert not vector[5][:6].any()
    assert not vector[5][10:].any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("pixels", "channels"), [(1, 1), (1, 3), (8, 1)])
def test_neighbours_are_blended(monkeypatch, pixels, channels, dtype):
    function = {
        (1, 1): vectors.blend_sample,
        (1, 3): vectors.blend_three_channels,
        (8, 1): vectors.blend_eight_pixels,
    }[pixels, channels]
    rng = np.random.default_rng([pixels, channels])
    width = 5 * channels
    source = samples(rng, 7 * width, dtype)
    places = rng.integers(0, 6, 20) * width + rng.integers(0, 4, 20) * channels
    places[3] = 5 * width + 3 * channels  # next to the last pixel of all
    weights = rng.random((2, 20)).astype("float64" if dtype == "float64" else "float32")
    target = np.zeros(40, dtype)
    offsets = places.astype(np.int32)
    given = (source, offsets, 0, channels, width, *weights, 3, target, 4)
    vector, plain = both_ways(monkeypatch, function, *given)
    kept = slice(4, 4 + pixels * channels)
    assert vector[8][kept].tobytes() == plain[8][kept].tobytes()
    chosen = slice(3, 3 + pixels)
    expected = [
        blended(source, places[chosen] + channel, channels, width, *weights[:, chosen])
        for channel in range(channels)
    ]
    np.testing.assert_array_equal(plain[8][kept], np.stack(expected, axis=1).ravel())
    assert not plain[8][: kept.start].any()
    assert not plain[8][kept.stop :].any()
    assert not vector[8][kept.stop + (channels == 3) :].any()


@pytest.mark.parametrize(("right", "below"), [(0, 0), (0, 5), (1, 0)])
def test_neighbours_may_be_the_same(monkeypatch, right, below):
    source = samples(np.random.default_rng(1), 10, "float32")
    weights = np.full((2, 1), 0.25, np.float32)
    offsets, target = np.array([2], np.int32), np.zeros(1, np.float32)
    given = (source, offsets, 1, right, below, *weights, 0, target, 0)
    expected = blended(source, 3, right, below, *weights[:, 0])
    for own in both_ways(monkeypatch, vectors.blend_sample, *given):
        assert own[8][0] == expected


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("pixels", "channels"), [(2, 3), (8, 1)])
def test_neighbours_are_mixed(monkeypatch, pixels, channels, dtype):
    function = {2: vectors.mix_two_pixels, 8: vectors.mix_eight_pixels}[pixels]
    rng = np.random.default_rng(pixels)
    work = np.dtype("float64" if dtype == "float64" else "float32")
    line = (rng.random(60) * (255 if dtype == "uint8" else 1)).astype(work)
    starts, group = rng.integers(0, 50 // channels, 3 * pixels) * channels, 1
    right = rng.random(3 * pixels).astype(work)
    sides = np.stack([1 - right, right], axis=1)
    lanes = 8 // pixels
    shares = np.repeat(sides, lanes, axis=0).reshape(-1, 8, 2).transpose(0, 2, 1).ravel()
    given = (line, starts, shares, group, np.zeros(20, dtype), 2)
    vector, plain = both_ways(monkeypatch, function, *given)
    kept = slice(2, 2 + pixels * channels)
    assert vector[4][kept].tobytes() == plain[4][kept].tobytes()
    own = slice(pixels, 2 * pixels)
    taken = starts[own, None] + np.arange(channels)
    weights = sides[own, :, None]
    expected = weights[:, 0] * line[taken] + weights[:, 1] * line[taken + channels]
    if dtype == "uint8":
        expected = np.floor(expected + np.float32(0.5))
    np.testing.assert_array_equal(plain[4][kept], expected.ravel())
    assert not plain[4][kept.stop :].any()


@pytest.mark.parametrize("dtype", ["uint16", "float32", "float64"])
def test_pairs_are_summed(monkeypatch, dtype):
    rng, lanes = np.random.default_rng(2), 128 // np.dtype(dtype).itemsize
    source = samples(rng, 200, dtype)
    weights = rng.random(4) / 8
    if dtype == "uint16":
        source //= 2
        weights *= 65536
    weights = weights.astype(dtype)
    given = (source, 9, 3, weights, 3, np.zeros(lanes + 5, dtype), 2)
    vector, plain = both_ways(monkeypatch, vectors.sum_pairs, *given)
    assert vector[5].tobytes() == plain[5].tobytes()
    places, steps = 9 + np.arange(lanes), np.arange(4)[:, None] * 3
    pairs = source[places - steps].astype("float64") + source[places + steps]
    if dtype == "uint16":
        expected = (pairs * weights[:, None] // 65536).sum(axis=0)
    else:
        expected = (pairs * weights[:, None]).sum(axis=0)
    tolerance = {"uint16": 0, "float32": 1e-6, "float64": 1e-15}[dtype]
    np.testing.assert_allclose(plain[5][2:-3], expected, rtol=tolerance)


@pytest.mark.parametrize("channels", [1, 3])
def test_loops_are_the_same_without_vectors(monkeypatch, channels):
    """Those that have vectors inside, of bytes, with some left over for single samples."""
    rng, kind = np.random.default_rng(channels), np.float32
    source = samples(rng, 9 * 21 * channels, "uint8").reshape(9, 21, channels)
    places = rng.integers(0, 8, 37) * 21 + rng.integers(0, 20, 37)
    blended = (source, (places * channels).astype(np.int32), *rng.random((2, 37)).astype(kind), 37)
    line = samples(rng, 21 * channels + 4, "float32") * kind(255)
    starts = rng.integers(0, 20, 19) * channels
    weights = np.repeat(rng.random(19).astype(kind), 2)
    weights[1::2] = 1 - weights[::2]
    shares = np.zeros(8 * 19, kind)
    resize._repeat(weights, 19, 4 if channels == 3 else 1, shares)
    longer = np.append(line, line[: 2 * channels])
    thirds = rng.random(3 * 19).astype(kind) / 3
    wide = samples(rng, 300, "uint16") // 2
    flat, target = source.reshape(-1), np.zeros((5, 19, channels), np.uint8)
    for loop, given, place in [
        (warp._blend, (*blended, target, 7), 5),
        (warp._reverse, (flat, 2 * channels, 19, channels, target.reshape(-1), 19 * channels), 4),
        (resize._sum_columns, (line, starts, weights, shares, 2, target, 4 * 19), 5),
        (resize._sum_columns, (longer, starts, thirds, shares, 3, target, 4 * 19), 5),
        (blur._add_pairs, (wide, 5, 3, wide[:4] // 8, 3, np.zeros(192, np.uint16), 150), 5),
    ]:
        vector, plain = both_ways(monkeypatch, loop, *given)
        assert vector[place].any()
        assert vector[place].tobytes() == plain[place].tobytes()
