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
    if a == b == 1:
        return draws.uniform()
    from scipy import special

    return draws.quantiles(lambda uniform: special.betaincinv(a, b, uniform))


def dirichlet(draws: Draws, alpha: float, count: int) -> Floats:
    """Returns `count` shares that add up to 1 from the symmetric Dirichlet distribution, `(M, _)`.

    As gamma variates divided by their sum; of logarithms, since with a very small alpha all of them
    may underflow.
    """
    xp: Any = draws.xp
    drawn = [draws.quantiles(lambda each: _log_gamma(alpha, each)) for _ in range(count)]
    logarithms = xp.stack(drawn, axis=1)
    variates = xp.exp(logarithms - xp.max(logarithms, axis=1, keepdims=True))
    shares: Floats = variates / xp.sum(variates, axis=1, keepdims=True)
    return shares


def _log_gamma(alpha: float, uniform: Floats) -> Floats:
    """Returns the logarithms of quantiles of the gamma distribution."""
    from scipy import special

    quantiles = special.gammaincinv(alpha, uniform)
    lost = quantiles < np.finfo(np.float64).tiny
    # Where it is that small, the distribution function is a power.
    power = (np.log(uniform) + special.gammaln(alpha + 1)) / alpha
    return np.where(lost, power, np.log(np.where(lost, 1, quantiles)))
