"""Blocks as vectors and as plain text, and the transform itself."""

import numba
import numpy as np
from scipy import fft

from kaug._apply.quantization import steps
from kaug._kernels import emitter, jpeg


def test_the_transform_is_that_of_scipy_in_13_bits():
    exact = fft.dct(np.eye(8), norm="ortho", axis=0) * np.sqrt(8) * 2**13
    assert np.abs(jpeg.basis() - exact).max() < 2.5


def test_vectors_and_plain_text_do_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 11, 21, 3), np.uint8)
    table = steps(np.array([5, 60, 98]))
    results = []
    for usable in (True, False):
        monkeypatch.setattr(emitter, "usable", usable)
        code = numba.njit(lambda *given: jpeg.code_block(*given))
        planes = images[..., 0].reshape(-1).copy()
        for place in (0, 5, 200):
            code(planes, place, 21, table[1], 64)
        results.append(planes)
    np.testing.assert_array_equal(*results)
    assert (results[0] != images[..., 0].reshape(-1)).any()
