"""Relief and ringing against SciPy's correlation with weights of formulas."""

import numpy as np
import pytest
from scipy import ndimage, special

from kaug.transforms import Emboss, Ringing

SHAPES = [(5, 7, 1), (23, 31, 3), (40, 9, 5), (1, 9, 3), (9, 1, 3), (2, 2, 1), (1, 1, 3)]
DTYPES = ["uint8", "uint16", "float32", "float64"]
NEAR = {"uint8": 0.51, "uint16": 1.0, "float32": 1e-5, "float64": 1e-8}


def sinc(size, cutoff):
    """Returns the weights of Real-ESRGAN's filter."""
    half, w = size // 2, cutoff * np.pi
    r = np.hypot(*np.mgrid[-half : half + 1, -half : half + 1])
    around = w * special.j1(w * r) / (2 * np.pi * np.where(r > 0, r, 1))
    weights = np.where(r > 0, around, w * w / (4 * np.pi))
    return weights / weights.sum()


def relief(strength):
    slope = np.array([[-1, -1, 0], [-1, 0, 1], [0, 1, 1]])
    return strength * slope + np.diag([0, 1, 0])


def compare(result, batch, weights):
    """Compares with what SciPy makes of images that NumPy continues."""
    assert result.dtype == batch.dtype
    white = np.iinfo(batch.dtype).max if batch.dtype.kind == "u" else 1
    reach = len(weights) // 2
    ends = ((0, 0), (reach, reach), (reach, reach), (0, 0))
    wide = np.pad(batch.astype(float), ends, mode="symmetric")
    summed = ndimage.correlate(wide, weights[None, :, :, None])
    expected = summed[:, reach : summed.shape[1] - reach, reach : summed.shape[2] - reach]
    assert np.abs(result - expected.clip(0, white)).max() <= NEAR[batch.dtype.name]


@pytest.mark.pairwise(strength=[0.0, 0.3, 2.0], shape=SHAPES, dtype=DTYPES)
def test_relief_is_scipys(images, strength, shape, dtype):
    batch = images(2, shape=shape, dtype=dtype)
    result = Emboss().transform_images(batch, {"strength": np.full(2, strength)})
    compare(result, batch, relief(strength))


@pytest.mark.pairwise(
    size=[3, 7, 15, 31], cutoff=[0.05, 0.25, 0.5, 1.0], shape=SHAPES, dtype=DTYPES
)
def test_ringing_is_scipys(images, size, cutoff, shape, dtype):
    batch = images(2, shape=shape, dtype=dtype)
    drawn = {"size": np.full(2, size), "cutoff": np.full(2, cutoff)}
    compare(Ringing().transform_images(batch, drawn), batch, sinc(size, cutoff))


def test_every_row_has_its_own(images):
    batch = images(4, shape=(9, 11, 3))
    for transform, drawn in (
        (Emboss(), {"strength": np.array([0, 0.2, 3, 0.5])}),
        (Ringing(), {"size": np.array([3, 31, 9, 7]), "cutoff": np.array([0.3, 1, 0.1, 0.5])}),
    ):
        result = transform.transform_images(batch, drawn)
        for row in range(4):
            own = {name: values[row : row + 1] for name, values in drawn.items()}
            alone = transform.transform_images(batch[row : row + 1], own)
            np.testing.assert_array_equal(result[row], alone[0])


@pytest.mark.parametrize("transform", [Emboss(), Ringing()])
def test_plain_pictures_opacity_and_ranges(transform, images):
    plain = np.full((4, 12, 15, 3), 77, "uint8")
    np.testing.assert_array_equal(transform(plain, seed=0), plain)
    batch = images(4, shape=(6, 8, 4))
    result = transform(batch, seed=1)
    np.testing.assert_array_equal(result[..., 3], batch[..., 3])
    np.testing.assert_array_equal(result[..., :3], transform(batch[..., :3], seed=1))
    other = type(transform)(value_range=(-1, 1))
    floats = other(batch / 127.5 - 1, seed=1)
    np.testing.assert_allclose((floats + 1) * 127.5, result, atol=0.51)
    assert transform(batch[:0], seed=1).shape == (0, 6, 8, 4)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Emboss((0, 11)), "`strength` must lie in 0..10"),
        (lambda: Ringing(8), "`size` must be odd, 3..31"),
        (lambda: Ringing(cutoff=1.2), "`cutoff` must lie in 0.05..1"),
    ],
)
def test_bad_options(make, text):
    with pytest.raises(ValueError, match=text):
        make()
