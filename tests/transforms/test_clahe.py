"""Tiles made flat, beside OpenCV's formula written out."""

import numpy as np
import pytest

from kaug.transforms.clahe import CLAHE


def table_of(tile, limit):
    """Returns what becomes of the levels of a tile."""
    counts = np.bincount(tile.ravel(), minlength=256)
    excess = int(np.maximum(counts - limit, 0).sum())
    counts = np.minimum(counts, limit) + excess // 256
    left = excess % 256
    if left:
        counts[:: max(256 // left, 1)][:left] += 1
    return np.rint(counts.cumsum().astype("float32") * (np.float32(255) / np.float32(tile.size)))


def equalized(levels, clip_limit, grid):
    """Returns the floats that bytes `(H, W)` become, before they are rounded."""
    height, width = levels.shape
    even = height % grid[0] == 0 and width % grid[1] == 0
    down, across = (side // n + (not even) for side, n in zip(levels.shape, grid, strict=True))
    ends = ((0, down * grid[0] - height), (0, across * grid[1] - width))
    wide = np.pad(levels, ends, "reflect")
    limit = max(int(clip_limit * (down * across / 256)), 1)
    tables = np.empty((*grid, 256), "float32")
    for y, x in np.ndindex(*grid):
        tile = wide[y * down : (y + 1) * down, x * across : (x + 1) * across]
        tables[y, x] = table_of(tile, limit)
    one, half = np.float32(1), np.float32(0.5)
    result = np.empty(levels.shape, "float32")
    for row, column in np.ndindex(height, width):
        y = np.float32(row) * (one / np.float32(down)) - half
        x = np.float32(column) * (one / np.float32(across)) - half
        v, w = y - np.floor(y), x - np.floor(x)
        rows = np.clip([int(np.floor(y)), int(np.floor(y)) + 1], 0, grid[0] - 1)
        columns = np.clip([int(np.floor(x)), int(np.floor(x)) + 1], 0, grid[1] - 1)
        (a, b), (c, d) = tables[np.ix_(rows, columns)][..., levels[row, column]]
        upper, lower = a * (one - w) + b * w, c * (one - w) + d * w
        result[row, column] = upper * (one - v) + lower * v
    return result


def hazy(count, shape, dtype="uint8"):
    """Returns images of little contrast."""
    levels = np.clip(np.random.default_rng(0).normal(120, 25, (count, *shape)), 0, 255)
    levels = levels.astype("uint8")
    return levels if dtype == "uint8" else (levels / 255).astype(dtype)


@pytest.mark.pairwise(
    shape=[(1, 1), (8, 8), (16, 24), (28, 28), (31, 45), (50, 7), (3, 40), (40, 33)],
    grid=[(8, 8), (1, 1), (3, 5), (2, 1)],
    clip_limit=[1.0, 2.0, 3.7, 40.0, 256.0],
)
def test_one_channel_is_opencvs(shape, grid, clip_limit):
    batch = hazy(1, (*shape, 1))
    result = CLAHE(clip_limit, grid)(batch, seed=0)
    expected = np.rint(equalized(batch[0, :, :, 0], clip_limit, grid))
    np.testing.assert_array_equal(result[0, :, :, 0], expected)


def test_three_channels_move_as_their_luma_does():
    batch = hazy(2, (31, 45, 3))
    result = CLAHE(3)(batch, seed=0)
    weights = np.array([19595, 38470, 7471])
    luma = (batch @ weights + 2**15) >> 16
    for image, before, light in zip(result, batch, luma, strict=True):
        made = np.rint(equalized(light, 3, (8, 8))) - light
        np.testing.assert_array_equal(image, np.clip(before + made[..., None], 0, 255))


def test_other_numbers_of_channels_are_taken_one_by_one():
    batch = hazy(2, (20, 17, 5))
    result = CLAHE(3, (2, 3))(batch, seed=0)
    for channel in range(5):
        part = slice(channel, channel + 1)
        alone = CLAHE(3, (2, 3))(batch[..., part], seed=0)
        np.testing.assert_array_equal(result[..., part], alone)


def test_every_row_has_its_own_limit():
    batch = np.repeat(hazy(1, (20, 17, 3)), 4, axis=0)
    limits = np.array([1.0, 8.0, 1.0, 256.0])
    result = CLAHE(grid=(1, 1)).transform_images(batch, {"clip_limit": limits})
    np.testing.assert_array_equal(result[0], result[2])
    spread = result.std(axis=(1, 2, 3))
    assert spread[0] < spread[1] < spread[3]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 3])
def test_floats_look_like_bytes(dtype, channels):
    result = CLAHE(3)(hazy(2, (31, 45, channels)), seed=0)
    floats = CLAHE(3)(hazy(2, (31, 45, channels), dtype), seed=0)
    assert floats.dtype == dtype
    share = np.abs(floats.astype("float64") * 255 - result) > 1.3
    # What luma is rounded to may be another level of it.
    assert share.mean() <= (0 if channels == 1 else 0.2 if dtype == "float16" else 0.02)


def test_floats_of_one_channel_are_not_rounded():
    levels = hazy(1, (16, 24, 1))
    result = CLAHE(3)(levels / 255, seed=0)
    expected = equalized(levels[0, :, :, 0], 3, (8, 8)) / 255
    np.testing.assert_allclose(result[0, :, :, 0], expected, atol=1e-7)


def test_value_range_and_integers():
    floats = hazy(2, (16, 24, 3), "float64")
    expected = CLAHE(3)(floats, seed=0)
    shifted = CLAHE(3, value_range=(-1, 3))(floats * 4 - 1, seed=0)
    np.testing.assert_allclose((shifted + 1) / 4, expected, atol=1e-6)
    wide = CLAHE(3)((floats * 65535).astype("uint16"), seed=0)
    assert np.mean(np.abs(wide / 65535 - expected) > 1e-4) < 0.02


def test_nan_stays_and_is_black():
    batch = hazy(1, (16, 24, 3), "float32")
    batch[0, 3, 4, 1] = np.nan
    result = CLAHE()(batch, seed=0)
    assert np.isnan(result[0, 3, 4]).all()
    assert np.isnan(result).sum() == 3


def test_floats_outside_are_pointed_out():
    with pytest.raises(ValueError, match=r"Floats must be in \[0, 1\] for CLAHE"):
        CLAHE()(hazy(2, (16, 24, 3), "float32") * 255, seed=0)


def test_opacity_and_views_and_none():
    batch = hazy(4, (16, 18, 4))
    result = CLAHE()(batch, seed=1)
    np.testing.assert_array_equal(result[..., 3], batch[..., 3])
    np.testing.assert_array_equal(result[..., :3], CLAHE()(batch[..., :3], seed=1))
    np.testing.assert_array_equal(CLAHE()(np.asfortranarray(batch), seed=1), result)
    assert CLAHE()(batch[:0], seed=1).shape == (0, 16, 18, 4)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: CLAHE(0.5), ValueError, "`clip_limit` must lie in 1..256.*clip_limit=0.5"),
        (lambda: CLAHE((4, 1)), ValueError, r"Pass \(1, 4\)"),
        (lambda: CLAHE(grid=8), ValueError, "`grid` must be a pair of integers.*grid=8"),
        (lambda: CLAHE(grid=(0, 8)), ValueError, "`grid` must be an integer"),
        (lambda: CLAHE(grid=(8, 65)), ValueError, "`grid` must be an integer"),
        (lambda: CLAHE(grid=(8, 2.5)), TypeError, "`grid` must be an integer"),
    ],
)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_a_grid_survives_json():
    assert CLAHE.from_json(CLAHE(grid=[4, 6]).to_json()) == CLAHE(grid=(4, 6))
