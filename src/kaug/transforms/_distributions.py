"""Random numbers of less common distributions, each from a fixed number of words.

By inversion: the quantile of a uniform number. So a draw depends on SciPy's accuracy in the last
bits, and on nothing else.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._random import Draws

Floats = NDArray[np.float64]


def beta(draws: Draws, a: float, b: float) -> Floats:
    """Returns numbers of the beta distribution with the two shape parameters, `(M,)` in 0..1."""
    uniform = draws.uniform()
    if a == b == 1:
        return uniform
    from scipy import special

    return np.asarray(special.betaincinv(a, b, uniform))


def dirichlet(draws: Draws, alpha: float, count: int) -> Floats:
    """Returns `count` shares that add up to 1 from the symmetric Dirichlet distribution, `(M, _)`.

    As gamma variates divided by their sum.
    """
    from scipy import special

    uniforms = np.stack([draws.uniform() for _ in range(count)], axis=1)
    variates: Any = special.gammaincinv(alpha, uniforms)
    # With a very small alpha all of them may underflow: then the largest outweighs the others.
    lost = variates.max(axis=1) < np.finfo(np.float64).tiny
    variates[lost] = uniforms[lost] == uniforms[lost].max(axis=1, keepdims=True)
    return np.asarray(variates / variates.sum(axis=1, keepdims=True))
