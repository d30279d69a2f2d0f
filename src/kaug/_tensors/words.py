"""Words of random streams in bulk, as many as an image has samples: int32, read as unsigned."""

from typing import Any

from kaug._tensors import ops

_SIGN = -(2**31)


def below(words: Any, limits: Any) -> Any:
    """Returns which words are less than others, both unsigned."""
    return ops.bitwise_xor(words, _SIGN) < ops.bitwise_xor(limits, _SIGN)


def upper(words: Any, bits: int) -> Any:
    """Returns so many of the upper bits of words, as int32 of 0 or more."""
    return ops.bitwise_and(ops.right_shift(words, 32 - bits), 2**bits - 1)


def encrypted(words: Any, counters: Any, others: Any = 0) -> tuple[Any, Any]:
    """Returns two words of each row's stream for every counter.

    Args:
        words: `(B, 2)`, the keys of the streams.
        counters: The first words of counters, `(B, …)` or `(1, …)`.
        others: The second ones, that fit them.
    """
    from kaug._draw.tensors import encrypt  # which Keras must be there for

    ones = (1,) * (len(counters.shape) - 1)
    high, low = (ops.reshape(words[:, i], (-1, *ones)) for i in range(2))
    return encrypt(high, low, counters, others)
