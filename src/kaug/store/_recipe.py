"""How any range of rows of a store is made: a pure function of the range."""

from __future__ import annotations

from typing import Any

import numpy as np

from kaug._images import ImageSequence
from kaug._job import Job
from kaug._targets.annotations import Annotations
from kaug._types import Array, Rows
from kaug._validation import describe, message
from kaug.per_class import Native
from kaug.store._source import forget, gather, mapped, rows_of
from kaug.store._structure import leaves_of


class Recipe:
    """Makes rows as `augment_dataset` would, any range of them.

    Args:
        job: The checked arguments.
        y: Checked labels, whose rows can be taken.
        weight: Checked weights.

    Raises:
        TypeError: The generator is not native.
        ValueError: Originals and new rows would differ in shape.
    """

    def __init__(self, job: Job, y: Any, weight: Any) -> None:
        if not isinstance(job.generator, Native):
            rule = (
                "`out` needs a native generator: what makes one row without the others can be "
                "interrupted and resumed"
            )
            fix = "Use transforms of kaug.transforms, or leave `out` out."
            raise TypeError(message(rule, describe(job.generator.wrapped), fix))
        self._job, self._y, self._weight = job, y, weight
        self.transform = job.generator
        self._shape = job.shape
        job.check_shape(self._shape)

    def parts(self) -> dict[str, Any]:
        """Returns what is stored, by name, without any rows: structures, dtypes and shapes."""
        none = np.arange(0)
        return self._parts(*self._made(none, none), none)

    def leaves(self, start: int, stop: int) -> list[Array]:
        """Returns rows `start` to `stop` of everything stored."""
        kept = self._job.kept
        pieces = []
        if start < kept:
            pieces.append(self._originals(start, min(stop, kept)))
        if stop > kept:
            numbers = np.arange(max(start, kept), stop) - kept
            pieces.append(self.made(numbers, self._job.source_rows(numbers)))
        return [
            piece[0] if len(piece) == 1 else np.concatenate(piece)
            for piece in zip(*pieces, strict=True)
        ]

    def forget(self) -> None:
        """Takes what is memory-mapped of the source out of the process's memory."""
        for array in self._job.source.values():
            forget(array)

    def made(self, numbers: Rows, index: Rows) -> list[Array]:
        """Returns augmented rows.

        Args:
            numbers: Which, from 0 on.
            index: The source row of each.
        """
        return self._leaves(self._parts(*self._made(numbers, index), index))

    def _made(self, numbers: Rows, index: Rows) -> tuple[Array, Any, Any]:
        job = self._job
        made = {
            "images": np.empty((len(numbers), *self._shape), job.images.dtype),
            **job.annotations.allocate(0, len(numbers), self._shape),
        }
        source, rows = job.source, index
        # A mixing transform may reach for any row, so it gets the maps themselves.
        alike = not (self.transform._mixes or isinstance(job.images, ImageSequence))
        if alike and any(mapped(a) is not None for a in source.values()):
            needed, rows = np.unique(index, return_inverse=True)
            source = {name: gather(array, needed) for name, array in source.items()}
        self.transform._fill(made, source, rows, job.image_key, numbers)
        y, weight = job.annotations.collect(made, index, 0, self._shape)
        return made["images"], job.annotations.with_settings(y), weight

    def _originals(self, start: int, stop: int) -> list[Array]:
        """Returns rows of the source, in the form the result has."""
        images = self._job.images[start:stop]
        y, weight = rows_of(self._y, start, stop), rows_of(self._weight, start, stop)
        own = Annotations(y, weight, images, self.transform, checked=True)
        made = own.allocate(len(images), 0, self._shape)
        y, weight = own.collect(made, np.arange(0), len(images), self._shape)
        return self._leaves(self._parts(images, y, weight, np.arange(start, stop)))

    @staticmethod
    def _parts(images: Array, y: Any, weight: Any, index: Rows) -> dict[str, Any]:
        return {"x": images, "y": y, "sample_weight": weight, "index": index}

    @staticmethod
    def _leaves(parts: dict[str, Any]) -> list[Array]:
        return [array for _, array in leaves_of(parts)]
