"""Compiled loops over pixels. They check nothing: callers validate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

_Function = TypeVar("_Function", bound=Callable[..., Any])


def jit(function: _Function) -> _Function:
    """Compiles a kernel: without the GIL, cached on disk, its arithmetic left in order.

    Neither `parallel=True`, because Numba's default threading layer aborts the process when two
    Python threads enter a parallel kernel, nor `fastmath`, because a sum whose order the compiler
    may choose depends on where in memory a row happens to lie.
    """
    return cast(_Function, numba.njit(nogil=True, cache=True)(function))


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Returns a view that can not be written to.

    Whether an array can be is part of a compiled function's signature: with this for whatever a
    kernel only reads, one compilation serves both kinds.
    """
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view
