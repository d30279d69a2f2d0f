"""The contracts every transform must keep, and a check of them for your own.

`check_transform` runs all of `CONTRACTS`, one after the other, on small made-up images. It needs
no test runner: call it in a test, or in a terminal while you write a transform.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from kaug._contracts import descriptions, hostile, results
from kaug._contracts.tools import BrokenError
from kaug._validation import describe, message
from kaug.transforms import Transform

__all__ = ["CONTRACTS", "ContractError", "check_transform"]

Contract = Callable[[Transform], None]


class ContractError(AssertionError):
    """A transform breaks a contract.

    Args:
        contract: The name of the contract, that of a function in `CONTRACTS`.
        text: What the contract says, and on which input it was broken.
    """

    def __init__(self, contract: str, text: str) -> None:
        super().__init__(text)
        self.contract = contract


def check_transform(transform: Transform) -> None:
    """Checks that a transform keeps the contracts that all of kaug relies on.

    Among them: a row comes out the same alone, in any batch, in any order and on any thread; shape,
    dtype and value range are kept; inputs are not written to; everything is drawn from `draws`, and
    nothing else is applied; masks, maps and keypoints go where the pixels go; the transform can be
    saved and is not changed by being used. Images that a transform is not made for, such as other
    numbers of channels, it may refuse with a `ValueError` that says so.

    A transform that holds a function has no `repr` that can be evaluated, which is not held against
    it; but the function must be registered with `keras.saving`, or it could not be saved.

    Args:
        transform: An instance, of a class that can be imported by name.

    Raises:
        TypeError: It is no transform.
        ContractError: It breaks a contract. The message says which one, and on what input; further
            contracts were not checked.

    Example:
        >>> from dataclasses import dataclass
        >>> import numpy as np
        >>> from kaug.testing import check_transform
        >>> from kaug.transforms import Rotation, Transform
        >>> check_transform(Rotation(10))
        >>> @dataclass(frozen=True, repr=False)
        ... class Grain(Transform):
        ...     def transform_images(self, images, parameters):
        ...         grain = np.random.default_rng().random(images.shape)
        ...         return np.where(grain < 0.1, 0, images)
        >>> check_transform(Grain())
        Traceback (most recent call last):
        kaug.testing.ContractError: A row must come out the same whatever batch it is in...
    """
    given: Any = transform
    if not isinstance(given, Transform):
        rule = "`transform` must be an instance of kaug.transforms.Transform"
        raise TypeError(message(rule, describe(given)))
    for contract in CONTRACTS:
        contract(transform)


def _named(check: Contract) -> Contract:
    """Returns the contract with what it says and its name in the errors."""

    @functools.wraps(check)
    def contract(transform: Transform) -> None:
        try:
            with warnings.catch_warnings():
                # The made-up images are not square, whatever the user's are.
                warnings.filterwarnings("ignore", "A quarter turn", UserWarning)
                check(transform)
        except BrokenError as broken:
            rule = (check.__doc__ or check.__name__).splitlines()[0].removesuffix(".")
            text = message(rule, f"{broken}, by {_repr(transform)}")
            raise ContractError(check.__name__, text) from broken.__cause__

    return contract


def _repr(transform: Transform) -> str:
    try:
        return repr(transform)
    except Exception:  # it may be what is broken
        return f"an instance of {type(transform).__name__}"


#: All contracts in the order in which they are checked: functions that take a transform and return
#: nothing, or raise `ContractError`.
CONTRACTS: tuple[Contract, ...] = tuple(
    _named(check)
    for check in (
        results.takes_images,
        results.leaves_inputs_alone,
        results.keeps_dtype_and_shape,  # early, since what breaks at once is named after it
        descriptions.is_frozen,
        results.takes_small_batches,
        results.stays_in_range,
        results.keeps_extremes,
        results.returns_its_own_memory,
        results.makes_rows_by_themselves,
        descriptions.applies_what_it_draws,
        hostile.refuses_what_was_not_drawn,
        descriptions.depends_on_seed_epoch_and_row,
        descriptions.leaves_random_states_alone,
        results.does_nothing_at_p_0,
        descriptions.survives_saving,
        results.takes_targets_along,
        descriptions.has_an_example_that_runs,
    )
)
