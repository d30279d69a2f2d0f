"""`flow`: batches from arrays in memory."""

from typing import Any

import numpy as np

from kaug._show import html
from kaug._targets.names import looks_like, looks_like_corners
from kaug._targets.structures import check_order
from kaug._types import Array, Rows
from kaug._validation import as_array, check_flag, check_length, describe, message, warn
from kaug.image_data_generator._iterators import Iterator, check_subset, split_range
from kaug.image_data_generator._options import moves_pixels
from kaug.image_data_generator._protocol import Augments
from kaug.image_data_generator._saving import make_saver
from kaug.image_data_generator._table import check_numbers
from kaug.sources._columns import check_complete

_TABULAR = 2  # axes; what has more is maps, which may be large and mark holes by NaN


class ArrayIterator(Iterator):
    """Batches of augmented images from an array, made by `ImageDataGenerator.flow`."""

    def __init__(
        self,
        x: Any,
        y: Any,
        image_data_generator: Augments,
        *,
        sample_weight: Any,
        save_to_dir: Any,
        save_prefix: str,
        save_format: str,
        ignore_class_split: bool,
        subset: str | None,
        **options: Any,
    ) -> None:
        check_order(y=y, sample_weight=sample_weight)
        images, extras = _split_input(x)
        image_data_generator.check_images(images)
        complete = not image_data_generator.keras_compat
        if complete:
            _check_holds(images, image_data_generator.dtype)
        labels = _optional(y, "y", len(images), complete=complete)
        weights = _optional(sample_weight, "sample_weight", len(images), complete=complete)
        check_subset(image_data_generator, subset)
        if weights is not None:
            check_numbers(weights, np.arange(len(weights)), "`sample_weight`")
        if complete and moves_pixels(image_data_generator):
            others = {f"x[1][{i}]": extra for i, extra in enumerate(extras)}
            targets = {"y": labels, "sample_weight": weights}
            _doubt({**others, **targets}, images, image_data_generator)
        part = split_range(image_data_generator, len(images), subset)
        if not check_flag(ignore_class_split, "ignore_class_split") and subset is not None:
            _check_classes(labels, image_data_generator)
        self.x = images[part]
        self.x_misc = [extra[part] for extra in extras]
        self.y = None if labels is None else labels[part]
        if weights is not None and not image_data_generator.keras_compat:
            weights = weights[part]
        self.sample_weight = weights
        shape = images.shape[1:]
        self._saver = make_saver(image_data_generator, shape, save_to_dir, save_prefix, save_format)
        super().__init__(len(self.x), image_data_generator, subset=subset, **options)

    def _make(self, rows: Rows, rng: np.random.RandomState) -> Any:
        images = self._augment(
            self.x, rows, self.image_data_generator._draw(rng, len(rows), self.x.shape)
        )
        if self._saver is not None:
            self._saver.save(images, rows, rng, 10_000)
        batch = [images, *(extra[rows] for extra in self.x_misc)] if self.x_misc else images
        if self.y is None:
            return batch
        if self.sample_weight is None:
            return batch, self.y[rows]
        return batch, self.y[rows], self.sample_weight[rows]

    def _facts(self) -> list[tuple[str, str]]:
        arrays = {"x": self.x, "y": self.y, "sample_weight": self.sample_weight}
        given = [(key, html.arrays(value)) for key, value in arrays.items() if value is not None]
        return [*given, *super()._facts()]


def _split_input(x: Any) -> tuple[Array, list[Array]]:
    """Returns the images and the arrays that go along with them."""
    if not isinstance(x, (tuple, list)):
        return _images(x, "x"), []
    if len(x) != 2:
        rule = "`x` must be images, or a pair of images and what goes along with them"
        raise ValueError(message(rule, f"a {type(x).__name__} of {len(x)}"))
    images, more = _images(x[0], "x[0]"), x[1] if isinstance(x[1], list) else [x[1]]
    extras = [as_array(extra, f"x[1][{i}]") for i, extra in enumerate(more)]
    for i, extra in enumerate(extras):
        check_length(extra, f"x[1][{i}]", len(images))
    return images, extras


def _images(x: Any, name: str) -> Array:
    """Returns an array; masks of truth values become 0 and 1."""
    images = as_array(x, name)
    return images.view(np.uint8) if images.dtype == bool else images


def _optional(value: Any, name: str, count: int, *, complete: bool) -> Array | None:
    """Returns what belongs to the rows, without missing values if it is to be complete."""
    if value is None:
        return None
    array = as_array(value, name)
    check_length(array, name, count)
    if complete and array.ndim <= _TABULAR:
        check_complete(array, np.arange(count), f"`{name}`")
    return array


def _doubt(others: dict[str, Array | None], images: Array, generator: Augments) -> None:
    """Warns of what looks like something of a place in the images, with which it does not move."""
    size = (images.shape[generator.row_axis], images.shape[generator.col_axis])
    for name, array in others.items():
        if array is None:
            continue
        shape = array.shape
        if generator.channel_axis == 1 and len(shape) == len(images.shape):
            shape = (shape[0], *shape[2:], shape[1])
        look = looks_like(shape, size, array.dtype.kind) or looks_like_corners(array, size)
        if look:
            rule = "`flow` moves the pixels of its images alone"
            fix = (
                "To move it too, hand the generator to kaug.AugmentedDataset, and as `y` a dict "
                f'with it under the key "{look.name}".'
            )
            received = f"`{name}`, {describe(array)}, {look.why}"
            warn(message(rule, received, f"{look.fix} {fix}".strip()))


def _check_holds(images: Array, dtype: str) -> None:
    """Raises when the generator's dtype would turn values of the images into others."""
    floats = np.dtype(dtype).kind == "f" and dtype != "float16"
    if floats or np.can_cast(images.dtype, dtype, "safe") or not images.size:
        return
    limits: Any = np.finfo(dtype) if dtype == "float16" else np.iinfo(dtype)
    low, high = images.min(), images.max()
    cut = dtype != "float16" and images.dtype.kind == "f" and (images != np.trunc(images)).any()
    if cut or not limits.min <= low <= high <= limits.max:
        rule = f"`x` must hold values that the generator's dtype={dtype!r} can hold"
        fix = 'Make the generator with dtype="float32".'
        raise ValueError(message(rule, f"values from {low} to {high}", fix))


def _check_classes(labels: Array | None, generator: Augments) -> None:
    if labels is None:
        return
    border = int(len(labels) * generator.validation_split)
    sides = np.unique(labels[:border]), np.unique(labels[border:])
    if not np.array_equal(*sides):
        raise ValueError(
            message(
                "Both subsets must hold the same classes",
                f"{len(sides[0])} different labels in the first {border} rows, which validate, "
                f"and {len(sides[1])} in the others",
                "Shuffle the rows first, or pass ignore_class_split=True.",
            )
        )
