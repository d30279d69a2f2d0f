"""Checks of numbers and flags: what no float can hold, and what only looks like a flag."""

import numpy as np
import pytest

from kaug._validation import check_flag, check_integer, check_number, describe


@pytest.mark.parametrize("value", [10**400, -(10**400), float("inf"), np.float32("nan")])
def test_numbers_that_are_none(value):
    with pytest.raises(ValueError, match=r"`a` must be a finite number. Received: a=") as caught:
        check_number(value, "a")
    assert len(str(caught.value)) < 120


def test_integers_of_many_digits():
    with pytest.raises(ValueError, match="Received: a=an integer of 16610 bits"):
        check_integer(10**5000, "a", maximum=3)
    assert describe(10**5000) == "an integer of 16610 bits (type int)"
    assert describe([10**5000]) == "a value that can not be written (type list)"


def test_flags():
    assert check_flag(np.True_, "a") is True
    assert check_flag(0, "a") is False
    for value in ("no", "False", None, 2, 1.0, [], np.array([True])):
        with pytest.raises(TypeError, match=r"`a` must be True or False. Received: a="):
            check_flag(value, "a")
