"""Random numbers of less common distributions, each from a fixed number of words.

By inversion: the quantile of a uniform number. So a draw depends on SciPy's accuracy in the last
bits, and on nothing else.
"""

from typing import Any

import numpy as np

from kaug._draw.draws import Draws
from kaug._types import Floats
from kaug._validation import check_number, message

# Beyond these, all draws are 0 or 1, or a half: nothing that another number would not say.
_LEAST, _MOST = 1e-4, 1e6


def check_alpha(value: Any, name: str = "alpha") -> float:
    """Returns a parameter of a symmetric distribution, for which quantiles can be had."""
    rule = f"`{name}` must be a number in {_LEAST:g}..{_MOST:g}"
    alpha = check_number(value, name, rule)
    if not _LEAST <= alpha <= _MOST:
        fix = "Leave the transform out for 0." if alpha == 0 else ""
        raise ValueError(message(rule, f"{name}={alpha}", fix))
    return alpha


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
