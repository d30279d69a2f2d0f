"""The cipher behind all draws, Threefry-2x32 with 20 rounds, for many counters in one call.

Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011,
doi:10.1145/2063384.2063405.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit

__all__ = ["PARITY", "ROTATIONS", "encrypt", "encrypt32", "words"]

_WORD = 0xFFFFFFFF
PARITY = 0x1BD11BDA
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)

_Array = NDArray[Any]


def encrypt(key0: Any, key1: Any, counter0: Any, counter1: Any) -> tuple[Any, Any]:
    """Returns what two 32-bit words of counter become under two of key.

    All of them are integers 0..2³²-1, or int64 arrays of such.

    Nothing here leaves 64-bit integers, so Python and the compiler read the same text alike: single
    keys are made in Python, where waking compiled code would take longer than the cipher, and
    `words` compiles it.
    """
    keys = (key0, key1, key0 ^ key1 ^ PARITY)
    x0 = (counter0 + key0) & _WORD
    x1 = (counter1 + key1) & _WORD
    for group in range(5):
        for turn in range(4):
            bits = ROTATIONS[4 * (group % 2) + turn]
            x0 = (x0 + x1) & _WORD
            x1 = ((x1 << bits) & _WORD | x1 >> (32 - bits)) ^ x0
        x0 = (x0 + keys[(group + 1) % 3]) & _WORD
        x1 = (x1 + keys[(group + 2) % 3] + group + 1) & _WORD
    return x0, x1


_encrypt = jit(encrypt)


@jit
def encrypt32(key0: Any, key1: Any, counter0: Any, counter1: Any) -> tuple[Any, Any]:
    """Returns the same, all of them uint32: for loops over whole vectors of counters."""
    key2 = np.uint32(np.uint32(key0 ^ key1) ^ np.uint32(PARITY))
    x0, x1 = np.uint32(counter0 + key0), np.uint32(counter1 + key1)
    x0, x1 = _four_rounds(x0, x1, 0, key1, key2, 1)
    x0, x1 = _four_rounds(x0, x1, 4, key2, key0, 2)
    x0, x1 = _four_rounds(x0, x1, 0, key0, key1, 3)
    x0, x1 = _four_rounds(x0, x1, 4, key1, key2, 4)
    return _four_rounds(x0, x1, 0, key2, key0, 5)


@jit
def _four_rounds(
    x0: Any, x1: Any, first: int, key0: Any, key1: Any, number: int
) -> tuple[Any, Any]:
    """Four rounds, and the injection of the key after them."""
    for turn in range(4):
        bits = ROTATIONS[first + turn]
        x0 = np.uint32(x0 + x1)
        left, right = np.uint32(bits), np.uint32(32 - bits)
        x1 = np.uint32(np.uint32(np.uint32(x1 << left) | np.uint32(x1 >> right)) ^ x0)
    return np.uint32(x0 + key0), np.uint32(np.uint32(x1 + key1) + np.uint32(number))


def words(
    key: tuple[int, int], rows: NDArray[np.int64], first: int, count: int
) -> NDArray[np.uint32]:
    """Returns `count` blocks of two words for each row, uint32 `(2 * count, M)`.

    Args:
        key: Two 32-bit words.
        rows: Row numbers 0..2⁴⁷-1, `(M,)`.
        first: Number of the first block, 0..2¹⁶-1, as is that of the last.
        count: How many blocks follow each other.
    """
    out = np.empty((2 * count, len(rows)), np.uint32)
    # Writable or not, contiguous or not are parts of a compiled function's signature: one serves.
    rows = np.ascontiguousarray(rows).view()
    rows.flags.writeable = False
    _fill(key[0], key[1], rows, first, out)
    return out


@jit
def _fill(key0: int, key1: int, rows: _Array, first: int, out: _Array) -> None:
    for block in range(len(out) // 2):
        for i in range(len(rows)):
            # The row's high bits share a word with the number of the block.
            high = (rows[i] >> 32) << 16 | (first + block)
            x0, x1 = _encrypt(key0, key1, rows[i] & _WORD, high)
            out[2 * block, i] = x0
            out[2 * block + 1, i] = x1
