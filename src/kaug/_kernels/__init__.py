"""Compiled loops over pixels. They check nothing: callers validate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from kaug._kernels.caching import keep
from kaug._kernels.parts import compiled

_Function = TypeVar("_Function", bound=Callable[..., Any])


def jit(function: _Function) -> _Function:
    """Compiles a kernel: without the GIL, kept on the disk, its arithmetic left in order.

    Neither `parallel=True`, because Numba's default threading layer aborts the process when two
    Python threads enter a parallel kernel, nor `fastmath`, because a sum whose order the compiler
    may choose depends on where in memory a row happens to lie.
    """
    if numba.config.DISABLE_JIT:
        return function
    kernel = compiled(function)
    keep(kernel, function)
    return cast(_Function, kernel)


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Returns a view that cannot be written to.

    Whether an array can be is part of a compiled function's signature: with this for whatever a
    kernel only reads, one compilation serves both kinds.
    """
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view
