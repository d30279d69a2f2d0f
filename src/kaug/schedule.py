"""What augments, by the epoch."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kaug._several import Several
from kaug._types import Array
from kaug._validation import check_integer, describe, fix_for_step, message
from kaug.per_class import Native, PerClass
from kaug.transforms import Transform

LAST_EPOCH = 2**32 - 1


@dataclass(frozen=True, repr=False)
class Schedule(Several):
    """Policies by the epoch from which on they act, in place of the generator.

    `kaug.AugmentedDataset` takes it, since it has epochs. The policy of an epoch depends on its
    number alone, so that any batch of any epoch can be made again. All policies are checked before
    the first epoch: they must give images one size, and know what to do with the targets. If one of
    them mixes images, labels come out soft in all epochs.

    Args:
        policies: Transforms of `kaug.transforms`, or a `kaug.PerClass` of them, by epoch. Each acts
            from that epoch on, until the next one. There must be one for epoch 0.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An epoch is out of its range, or there is no policy for epoch 0.

    Example:
        >>> import kaug
        >>> from kaug.transforms import Identity, RandAugment
        >>> schedule = kaug.Schedule({0: Identity(), 5: RandAugment(magnitude=9)})
        >>> schedule.at(4), schedule.at(5)
        (Identity(), RandAugment())
        >>> rising = kaug.Schedule({epoch: RandAugment(magnitude=epoch) for epoch in range(11)})
        >>> rising.at(3), rising.at(100)
        (RandAugment(magnitude=3), RandAugment(magnitude=10))
    """

    policies: Mapping[int, Native]

    def __post_init__(self) -> None:
        policies: Any = self.policies
        rule = "`policies` must be a dict from epochs to transforms of `kaug.transforms`"
        if not isinstance(policies, Mapping):
            raise TypeError(message(rule, describe(policies)))
        for policy in policies.values():
            if not isinstance(policy, (Transform, PerClass)):
                nothing = "Augment nothing with Identity()." if policy is None else ""
                fix = fix_for_step(policy, nothing)
                raise TypeError(message(rule, f"{describe(policy)} among them", fix))
        epochs = [check_integer(epoch, "epoch", maximum=LAST_EPOCH) for epoch in policies]
        if 0 not in epochs:
            fix = "Add 0: Identity() for a beginning without augmentation."
            raise ValueError(message("A Schedule must begin with epoch 0", f"{epochs}", fix))
        by_epoch = dict(sorted(zip(epochs, policies.values(), strict=True), key=lambda one: one[0]))
        object.__setattr__(self, "policies", by_epoch)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self.policies)!r})"

    def at(self, epoch: int) -> Native:
        """Returns the policy of an epoch.

        Args:
            epoch: 0 or more.

        Raises:
            TypeError: `epoch` is no integer.
            ValueError: It is out of its range.
        """
        epoch = check_integer(epoch, "epoch", maximum=LAST_EPOCH)
        begins = list(self.policies)
        return self.policies[begins[bisect_right(begins, epoch) - 1]]

    def _each(self) -> tuple[Native, ...]:
        return tuple(self.policies.values())

    def _classes_for(self, labels: Any) -> dict[str, Array]:
        """Returns what the policies need to know about the classes of rows."""
        found: dict[str, Array] = {}
        for each in self._each():
            if isinstance(each, PerClass):
                found |= each._classes_for(labels)
        return found
