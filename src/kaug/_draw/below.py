"""Draws that are named by a word of a row: for as many decisions as an image turns out to need."""

from typing import Any

from kaug._draw.draws import Draws
from kaug._draw.keys import Key
from kaug._namespace import namespace

# Of the key below which a word names the decisions.
_SEED = 0
_KEY = Key.from_seed(_SEED)


def draws_below(words: Any) -> Any:
    """Returns draws for rows that are named by words `(M,)`, arrays or tensors as these are."""
    if namespace(words).__name__ == "numpy":
        return Draws(_KEY, words)
    from kaug._draw.tensors import TensorDraws  # which loads Keras

    return TensorDraws.from_words(_SEED, words)
