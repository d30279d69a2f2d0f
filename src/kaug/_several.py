"""What several policies are together, of which one acts on each row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from kaug._apply.leaf import shape_after
from kaug._validation import message
from kaug.transforms import Transform


class Several(ABC):
    """Policies of which one acts on each row; what they have in common is checked beforehand."""

    @abstractmethod
    def _each(self) -> tuple[Any, ...]:
        """Returns the policies."""

    @property
    def _mixes(self) -> bool:
        """Whether any of them mixes rows: labels are soft in all rows then, to be of one kind."""
        return any(each._mixes for each in self._each())

    def _leaves(self) -> Iterator[Transform]:
        """Yields the transforms that are no policies."""
        for each in self._each():
            yield from each._leaves()

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape of an augmented image, given that of an image.

        Raises:
            ValueError: The policies do not agree.
        """
        made = {shape_after(each, shape): each for each in reversed(self._each())}
        if len(made) > 1:
            rule = f"All policies of a {type(self).__name__} must give images of one size"
            found = [f"{each!r} makes {size} of {shape}" for size, each in made.items()]
            raise ValueError(message(rule, "; ".join(found[::-1]), "Add Resize to the others."))
        return next(iter(made))
