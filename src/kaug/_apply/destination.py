"""Where results may be written at once, so that they need not be copied there."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from kaug._types import Array

_local = threading.local()


@contextmanager
def offered(array: Array | None) -> Iterator[None]:
    """Offers an array that nobody reads meanwhile to what is made inside, in this thread.

    None offers nothing, whatever was offered outside.
    """
    before = getattr(_local, "array", None)
    _local.array = array
    try:
        yield
    finally:
        _local.array = before


def result_like(images: Array) -> Array:
    """Returns an array like images, of any values, for what is made of them.

    That is the one offered, if it is as large and of the same dtype; nobody else gets it then.
    """
    array: Array | None = getattr(_local, "array", None)
    if array is None or (array.shape, array.dtype) != (images.shape, images.dtype):
        return np.empty_like(images, order="C")
    _local.array = None
    return array
