"""What makes something of each row and others of the dataset, and of their labels."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from kaug._apply.parameters import Bounds
from kaug._namespace import namespace
from kaug._types import Array, Batch, Floats, Parameters
from kaug._validation import check_probability
from kaug.transforms._bases.fields import integer, or_none
from kaug.transforms.transform import Transform

# A row of labels has a number for each.
_MOST_CLASSES = 2**24


@dataclass(frozen=True, repr=False)
class Mixing(Transform):
    """Mixes each row with `_partners` others; what becomes of all of them, `_mix` says.

    The parameter `"partner"` says which: fractions of the dataset, `(M,)` or `(M, _partners)`.
    """

    _checks: ClassVar = {
        "num_classes": or_none(integer(2, _MOST_CLASSES)),
        "p": check_probability,
    }

    num_classes: int | None = field(default=None, kw_only=True)
    p: float = field(default=1.0, kw_only=True)

    def _bounds(self) -> Bounds:
        return {**super()._bounds(), "partner": {"minimum": 0.0, "below": 1.0}}

    @property
    def _partners(self) -> int:
        return 1

    @property
    def _blends(self) -> bool:
        return True

    def _check_carries(self, what: str) -> None:
        """Raises for nothing: `_mix` takes all targets along."""

    def transform_images(self, images: Array, parameters: Parameters) -> Array:
        places = parameters["partner"].reshape(len(images), self._partners)
        rows = (places * len(images)).astype(np.int64)
        others: list[Batch] = [{"images": images[own]} for own in rows.T]
        return self._mix({"images": images}, others, parameters)["images"]

    @abstractmethod
    def _mix(self, own: Batch, others: Sequence[Batch], parameters: Parameters) -> Batch:
        """Returns all of a batch mixed with its partners.

        Args:
            own: The rows.
            others: The first partner of each row, the second, and so on: the same keys.
            parameters: For the rows.
        """

    @abstractmethod
    def _mix_tensors(
        self, own: Batch, others: Sequence[Batch], parameters: Parameters, dtype: np.dtype[Any]
    ) -> Batch:
        """Returns the same of tensors: all of a batch mixed with its partners.

        Args:
            own: The rows, as `kaug._tensors.execute` has them, without boxes and points.
            others: As above.
            parameters: For the rows.
            dtype: Of the images as they were given.
        """


def blended(own: Batch, others: Sequence[Batch], shares: Sequence[Floats]) -> Batch:
    """Returns the labels and weights of a batch blended with those of its partners.

    Args:
        own: A batch.
        others: Its partners.
        shares: Which part of each row is its own, `(M,)`, and which is each partner's, but for the
            last one's, which is what is left.
    """
    result = {}
    for name in own:
        if not name.startswith("mixed"):
            continue
        dtype, axes = own[name].dtype, [1] * (len(own[name].shape) - 1)
        left: Any = 1
        total: Any = 0
        for batch, share in zip((own, *others[:-1]), shares, strict=True):
            xp = namespace(share)
            part = xp.array(xp.reshape(share, (-1, *axes)), dtype=dtype)
            total, left = total + batch[name] * part, left - part
        result[name] = total + others[-1][name] * left
    return result
