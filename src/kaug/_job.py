"""One augmentation of a dataset: its checked arguments, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from kaug import _parallel
from kaug._draw.keys import Key, resolve_seed, root_key
from kaug._generators import Generator, as_generator
from kaug._images import ImageSequence, as_images, frames_of
from kaug._memory import check_memory
from kaug._sampling import SAMPLING, choice_of, choosing_key, classes_to_balance
from kaug._targets.annotations import Annotations
from kaug._targets.given import shape_of_result
from kaug._types import Array, Batch, Rows
from kaug._validation import check_choice, check_flag, describe, message
from kaug.per_class import Native, classes_for
from kaug.schedule import Schedule

_COPY_BYTES = 2**20  # copying takes little time, so a thread should be given more


@dataclass(frozen=True, eq=False)
class Job:
    """What is to be augmented, by what, and how rows are chosen.

    Args:
        images: Checked, an array or what gives its rows on demand.
        annotations: What belongs to them.
        classes: Of the rows, if the generator must know them; see `classes_for`.
        generator: What augments.
        sampling: How source rows are chosen.
        append: Whether the originals count when rows are chosen.
        originals: Whether they come first in the result.
        seed: Of all draws.
    """

    images: Any
    annotations: Annotations
    classes: Batch
    generator: Native | Generator
    sampling: str
    append: bool
    originals: bool
    seed: int

    @classmethod
    def of(
        cls,
        x: Any,
        y: Any,
        sample_weight: Any,
        generator: Any,
        *,
        sampling: Any = "random",
        append: Any = False,
        seed: Any = None,
    ) -> Job:
        """Returns the job that arguments describe, once they have been checked."""
        images, made_by = as_images(x), as_generator(generator)
        check_made_by(made_by, images)
        native = made_by if isinstance(made_by, Native) else None
        annotations = Annotations(y, sample_weight, images, native)
        chosen = check_choice(sampling, "sampling", SAMPLING)
        append = check_flag(append, "append")
        classes = classes_for(made_by, annotations.labels)
        seed = resolve_seed(seed)
        return cls(images, annotations, classes, made_by, chosen, append, append, seed)

    @property
    def kept(self) -> int:
        """How many rows of the source come first in the result."""
        return len(self.images) if self.originals else 0

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a new image, as far as it is known: that of an image, if it is not."""
        if isinstance(self.generator, Native):
            return shape_of_result(self.generator, self.images, "x")
        shape: tuple[int, ...] = self.images.shape[1:]
        return shape

    @property
    def source(self) -> dict[str, Any]:
        """The images and all that moves or mixes with them."""
        return {"images": self.images, **self.annotations.source, **self.classes}

    @cached_property
    def image_key(self) -> Key:
        """The key of the draws: images come out as `generator(x[index], seed=seed)` has them."""
        return root_key(self.seed, epoch=0)

    @cached_property
    def source_rows(self) -> Callable[[Rows], Rows]:
        """Returns the source row of each of the new rows with given numbers."""
        key = choosing_key(self.seed)
        classes = classes_to_balance(self.sampling, self.annotations.labels)
        return choice_of(self.sampling, len(self.images), key, classes=classes, append=self.append)

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raises when images of `shape` cannot follow the originals."""
        if shape == self.images.shape[1:] or not self.kept:
            return
        rule = f"With append=True the generator must keep the image shape {self.images.shape[1:]}"
        if isinstance(self.images, ImageSequence):
            rule = "With append=True images must have one size, since they come first in the result"
        fix = "Pass append=False to get the augmented rows alone."
        raise ValueError(message(rule, f"images of shape {shape}", fix))

    def check_memory(self, shape: tuple[int, ...], n: int) -> None:
        """Raises when `n` new images of `shape`, and all that belongs to them, do not fit."""
        fix = (
            "Ask for fewer rows, use a smaller dtype such as uint8, or write it to disk: out=path."
        )
        rows, label_bytes = self.kept + n, self.annotations.nbytes_per_row(shape)
        check_memory(shape, self.images.dtype, rows, label_bytes, fix)

    def allocate(self, shape: tuple[int, ...], n: int) -> Batch:
        """Returns the arrays of the result, originals in place, for `n` images of `shape`."""
        self.check_shape(shape)
        result = np.empty((self.kept + n, *shape), self.images.dtype)
        if self.kept:
            _copy_rows(self.images, result)
        return {"images": result, **self.annotations.allocate(self.kept, n, shape)}

    def answer(self, made: Batch, index: Rows, *, return_index: bool) -> tuple[Any, ...]:
        """Returns the images with what belongs to them."""
        images = made["images"]
        y, weight = self.annotations.collect(made, index, self.kept, images.shape[1:])
        items = [images, self.annotations.with_settings(y)]
        if weight is not None:
            items.append(weight)
        if return_index:
            items.append(np.concatenate([np.arange(self.kept), index]))
        return tuple(items)


def _copy_rows(source: Array, out: Array) -> None:
    """Copies all rows of `source` to the beginning of `out`, on all threads."""

    def task(start: int, stop: int) -> None:
        out[start:stop] = source[start:stop]

    _parallel.run(task, len(source), grain=_parallel.grain_of(out, _COPY_BYTES))


def check_made_by(generator: Any, images: Any) -> None:
    """Raises where images of any size, or videos, are to be augmented by what takes neither."""
    if frames_of(images) and not isinstance(generator, Native | Schedule):
        rule = "Videos can be augmented by transforms of `kaug.transforms`"
        fix = (
            "If frames may be changed each by itself, make rows of them: "
            "x.reshape(-1, *x.shape[2:]). If these are single images, they have four axes."
        )
        raise TypeError(message(rule, f"generator={describe(generator.wrapped)}", fix))
    if isinstance(images, ImageSequence) and not isinstance(generator, Native | Schedule):
        rule = "Images of any size can be augmented by transforms of `kaug.transforms`"
        fix = "Resize them first: augment_dataset(x, y, len(x), Resize(…), append=False)."
        raise TypeError(message(rule, f"generator={describe(generator.wrapped)}", fix))
