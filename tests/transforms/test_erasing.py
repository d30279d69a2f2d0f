"""Erasing: how much, where, and with what."""

import numpy as np
import pytest
from scipy import ndimage

from kaug.transforms.erasing import CoarseDropout, Cutout, Erasing, GridMask

ALL = [Erasing(p=1), Cutout(), GridMask(), CoarseDropout()]
each = pytest.mark.parametrize("transform", ALL, ids=lambda t: type(t).__name__)


def erased(transform, count, shape, seed=0):
    """Returns which pixels are erased of `count` pictures, bool."""
    return transform(np.ones((count, *shape), "uint8"), seed=seed) == 0


def apply(transform, shape, **parameters):
    """Returns which pixels are erased of one picture with the given parameters."""
    values = {name: np.asarray([value]) for name, value in parameters.items()}
    words = np.zeros((1, 2), "uint32")
    return transform.transform_images(np.ones((1, *shape, 1), "uint8"), {**values, "words": words})[
        0, ..., 0
    ]


def box(mask):
    """Returns top, left, height and width of the one rectangle that is erased."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    assert mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    assert mask.sum() == (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
    return rows[0], columns[0], len(rows), len(columns)


def test_erasing_by_hand():
    result = apply(Erasing(), (6, 8), area=1 / 4, aspect_ratio=1 / 3, top=0.5, left=0.999)
    expected = np.ones((6, 8), "uint8")
    expected[2:4, 2:8] = 0  # 12 pixels, 2 high and 6 wide; 5 places down, 3 places across
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(
    ("area", "ratio", "size"),
    [
        (1.0, 1.0, (6, 12)),
        (1.0, 0.01, (6, 12)),
        (0.5, 1.0, (6, 6)),
        (0.5, 3.0, (6, 6)),  # would be 10 high
        (0.5, 0.1, (3, 12)),  # would be 19 wide
        (1 / 72, 1.0, (1, 1)),
    ],
)
def test_erasing_fits(area, ratio, size):
    parameters = {"area": area, "aspect_ratio": ratio, "top": 0.3, "left": 0.7}
    assert box(apply(Erasing(), (6, 12), **parameters) == 0)[2:] == size


def test_erased_areas_and_shapes():
    masks = erased(Erasing(p=1), 600, (60, 90))
    boxes = np.array([box(mask) for mask in masks])
    areas = boxes[:, 2] * boxes[:, 3] / 5400
    assert 0.015 < areas.min() < 0.03
    assert 0.32 < areas.max() < 0.34
    assert abs(areas.mean() - 0.175) < 0.015
    ratios = boxes[:, 2] / boxes[:, 3]
    assert 0.28 < ratios.min() < 0.34
    assert abs(np.log(ratios).mean()) < 0.12  # standing as often as lying
    draws = Erasing().draw(np.arange(600), seed=0)
    free = (draws["area"] * 5400 * draws["aspect_ratio"]) ** 0.5 < 59
    np.testing.assert_allclose(areas[free], draws["area"][free], atol=0.02)


@pytest.mark.parametrize("transform", [Erasing(0.25, 1.0, p=1), CoarseDropout(1, 0.5, 0.5)])
def test_places_are_even(transform):
    boxes = np.array([box(mask) for mask in erased(transform, 2000, (8, 6))])
    for axis, places in ((0, 5 if boxes[0, 2] == 4 else 6), (1, 4)):
        counts = np.bincount(boxes[:, axis], minlength=places)
        assert len(counts) == places
        assert abs(counts - 2000 / places).max() < 5 * np.sqrt(2000 / places)


def test_cutout_by_hand():
    size = 0.6
    result = apply(Cutout(), (5, 8), size=size, row=0.5, column=0.5)
    assert box(result == 0) == (1, 3, 3, 3)
    corner = apply(Cutout(), (5, 8), size=size, row=0.0, column=0.999)
    assert box(corner == 0) == (0, 6, 2, 2)
    assert box(apply(Cutout(), (6, 8), size=2 / 3, row=0.5, column=0.5) == 0) == (1, 2, 4, 4)


def test_cutout_reaches_every_pixel_alike():
    # Half of 32, as DeVries and Taylor; the centre may be any pixel, so the middle is hit
    # by every fourth square and a corner by every sixteenth.
    share = erased(Cutout(), 4000, (32, 32)).mean(axis=0)
    assert abs(share[16, 16] - 1 / 4) < 0.03
    assert abs(share[0, 0] - 1 / 16) < 0.02
    assert abs(share[8:24, 8:24].mean() - 1 / 4) < 0.01


def test_grid_by_hand():
    result = apply(GridMask(), (6, 9), unit=4 / 6, ratio=0.5, row=0.3, column=0.8)
    expected = np.ones((6, 9), "uint8")
    # Units of 4, squares of 2; one row and three columns of the first unit are cut off.
    for row in (0, 3, 4):
        expected[row, [1, 2, 5, 6]] = 0
    np.testing.assert_array_equal(result, expected)


def test_grid_erases_its_share():
    masks = erased(GridMask(unit=0.25, ratio=0.6), 400, (40, 60))
    assert abs(masks.mean() - 0.4**2) < 0.01
    assert abs(masks.mean(axis=0) - 0.16).max() < 0.1
    labels, count = ndimage.label(masks[0])
    assert 24 <= count <= 35
    sizes = ndimage.sum_labels(masks[0], labels, np.arange(1, count + 1))
    assert sizes.max() == 16


def test_a_grid_leaves_something():
    masks = erased(GridMask(unit=0.01, ratio=0.01), 20, (5, 7))
    assert not masks.any()
    assert not erased(GridMask(unit=0.4, ratio=0.01), 20, (5, 7)).all(axis=(1, 2)).any()


def test_holes_by_hand():
    result = apply(
        CoarseDropout(),
        (5, 8),
        holes=2,
        height=[0.4, 0.2, 1.0],
        width=[0.25, 0.5, 1.0],
        top=[0.0, 0.99, 0.0],
        left=[0.5, 0.0, 0.0],
    )
    expected = np.ones((5, 8), "uint8")
    expected[0:2, 3:5] = 0
    expected[4, 0:4] = 0
    np.testing.assert_array_equal(result, expected)


def test_number_of_holes():
    dropout = CoarseDropout(holes=(2, 4), height=(0.02, 0.02), width=0.02)
    holes = dropout.draw(np.arange(900), seed=0)["holes"]
    assert np.bincount(holes)[2:].min() > 250
    masks = erased(dropout, 100, (50, 50), seed=0)
    counted = masks.sum(axis=(1, 2))
    assert (counted <= holes[:100]).all()
    assert (counted == holes[:100]).mean() > 0.98  # a pixel may be hit twice
    assert (erased(CoarseDropout(3, 0.02, 0.02), 40, (50, 50)).sum(axis=(1, 2)) <= 3).all()


@pytest.mark.pairwise(
    transform=ALL,
    shape=[(9, 14, 1), (13, 8, 3), (5, 7, 5)],
    dtype=["uint8", "uint16", "int32", "float16", "float32", "float64", ">f4", ">u2"],
)
def test_all_dtypes_and_channels(transform, images, shape, dtype):
    batch = images(12, shape=shape, dtype=dtype)
    whole = erased(transform, 12, shape[:2])
    options = {**transform.get_config(), "fill_value": 3}
    result = type(transform)(**options)(batch, seed=0)
    assert result.dtype == batch.dtype
    expected = np.where(whole[..., np.newaxis], np.array(3, dtype), batch)
    np.testing.assert_array_equal(result, expected)


@each
def test_noise(transform):
    batch = np.full((60, 40, 40, 3), 7, "uint8")
    noisy = type(transform)(**{**transform.get_config(), "fill_mode": "noise"})
    result = noisy(batch, seed=0)
    mask = erased(transform, 60, (40, 40))
    assert (result[~mask] == 7).all()
    values = result[mask]
    counts = np.bincount(values.ravel(), minlength=256)
    assert abs(counts - counts.mean()).max() < 5 * np.sqrt(counts.mean())
    assert abs(np.corrcoef(values[:, 0], values[:, 1])[0, 1]) < 4 / np.sqrt(len(values))
    assert not np.array_equal(values[:500], values[-500:])


def test_noise_goes_on_and_on():
    picture = np.zeros((1, 70, 90, 1), "float64")
    values = Erasing(1.0, fill_mode="noise", p=1)(picture, seed=0).ravel()
    assert len(np.unique(values)) == values.size


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint16", "int32", "int8"])
def test_noise_fills_the_value_range(images, dtype):
    batch = np.zeros((4, 50, 60, 1), dtype)
    everything = {"fill_mode": "noise", "p": 1}
    values = Erasing(1.0, **everything)(batch, seed=0).astype("float64")
    white = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    assert values.min() < 0.001 * white + 1e-9
    assert 0.999 * white <= values.max() <= white
    assert abs(values.mean() / white - 0.5) < 0.01
    limited = Erasing(1.0, value_range=(-3, 5), **everything)(batch, seed=0)
    low = -3 if np.dtype(dtype).kind in "if" else 0
    assert low <= limited.min() < low + 0.01
    assert 4.99 < limited.max() <= 5
    if np.dtype(dtype).kind in "iu":
        shares = np.bincount((limited - low).ravel().astype(int), minlength=6 - low) / batch.size
        assert abs(shares - 1 / (6 - low)).max() < 0.02


@each
def test_rows_do_not_depend_on_each_other(transform, images):
    batch = images(9, shape=(21, 17, 3))
    noisy = type(transform)(**{**transform.get_config(), "fill_mode": "noise"})
    whole = noisy(batch, seed=1)
    for row in range(9):
        alone = noisy(batch[row : row + 1], seed=1, index=[row])
        np.testing.assert_array_equal(alone[0], whole[row])


@each
@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 9, 1), (7, 1, 1), (2, 3, 5)])
def test_tiny_pictures(transform, images, shape):
    batch = images(50, shape=shape)
    before = batch.copy()
    batch.flags.writeable = False
    result = transform(batch, seed=0)
    assert result.shape == batch.shape
    np.testing.assert_array_equal(batch, before)
    assert ((result == batch) | (result == 0)).all()
    assert transform(images(0, shape=shape), seed=0).shape == (0, *shape)


def test_half_the_rows():
    untouched = ~erased(Erasing(), 1000, (30, 30)).any(axis=(1, 2))
    assert abs(untouched.mean() - 0.5) < 0.06


@each
def test_fill_value_must_fit_the_dtype(transform, images):
    filled = type(transform)(**{**transform.get_config(), "fill_value": 300, "p": 1})
    with pytest.raises(ValueError, match=r"`fill_value` must lie in 0..255 for uint8 images"):
        filled(images(2))
    assert filled(images(9, dtype="float32"), seed=0).max() == 300


def test_numbers_stay_numbers():
    assert repr(Cutout(0.25)) == "Cutout(size=0.25)"
    assert repr(Erasing(area=(0.1, 0.2))) == "Erasing(area=(0.1, 0.2))"
    assert repr(CoarseDropout([1, 2])) == "CoarseDropout(holes=(1, 2))"
    assert CoarseDropout.from_config(CoarseDropout(3).get_config()) == CoarseDropout(3)


@pytest.mark.parametrize(("ratio", "axis"), [(0.001, 1), (1000, 0)])
def test_shapes_as_far_as_they_go(ratio, axis):
    images = np.ones((50, 20, 20, 1), "uint8")
    transform = Erasing(area=0.25, aspect_ratio=ratio, p=1)
    parameters = transform.draw(np.arange(50), seed=0)
    erased = transform.apply(images, parameters)[..., 0] == 0
    assert (erased.all(axis=1 + axis).sum(axis=1) == 5).all()  # as long as the picture is
    assert (erased.sum(axis=(1, 2)) == 100).all()


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Erasing(area=(0.5, 0.1)), ValueError, r"low <= high.*Pass \(0.1, 0.5\)"),
        (lambda: Erasing(area=1.5), ValueError, "`area` must lie in 0..1"),
        (lambda: Erasing(aspect_ratio=1e-320), ValueError, r"`aspect_ratio` must lie in 0.001"),
        (lambda: Erasing(fill_mode="mean"), ValueError, "'constant', 'noise'.*'mean'"),
        (lambda: Erasing(fill_value="black"), TypeError, "`fill_value` must be a finite number"),
        (lambda: Cutout(-0.1), ValueError, "`size` must lie in 0..1"),
        (lambda: Cutout("half"), TypeError, "`size` must be a finite number"),
        (lambda: GridMask(unit=0), ValueError, "`unit` must be above 0 and at most 1"),
        (lambda: GridMask(ratio=1), ValueError, "`ratio` must lie between 0 and 1"),
        (lambda: CoarseDropout(0), ValueError, "`holes` must be an integer, between 1 and 1000"),
        (lambda: CoarseDropout((3, 1)), ValueError, r"low <= high.*Pass \(1, 3\)"),
        (lambda: CoarseDropout((1, 2, 3)), ValueError, r"a pair \(low, high\)"),
        (lambda: CoarseDropout(1.5), TypeError, "`holes` must be an integer"),
        (lambda: CoarseDropout(height=(0, 2)), ValueError, "`height` must lie in 0..1"),
    ],
)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()
