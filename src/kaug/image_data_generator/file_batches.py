"""Batches from files: what folders and tables share."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kaug._validation import check_choice, message, warn
from kaug.image_data_generator.files import Reader
from kaug.image_data_generator.iterators import Iterator, Rows
from kaug.image_data_generator.saving import make_saver

if TYPE_CHECKING:
    from kaug.image_data_generator.generator import ImageDataGenerator

Array = NDArray[Any]

_NAMED = 3  # how many bad files a message names


class FileIterator(Iterator):
    """Batches of augmented images from files, with labels of some class mode.

    Args:
        image_data_generator: What augments.
        filepaths: One path per image.
        class_mode: `"categorical"`, `"binary"`, `"sparse"`, `"raw"`, `"multi_output"`, `"input"`,
            or None.
        labels: Class numbers (for `"categorical"` also lists of them), an array for `"raw"`, a
            list of arrays for `"multi_output"`, else None.
        class_indices: The number of each class name.
        sample_weight: One per image, or None.
        on_error: `"raise"` or `"skip"`, what to do about files that are no images.
        reading: The options of `Reader`.
        saving: Folder, prefix and extension of `make_saver`.
        options: Those of `Iterator`.
    """

    def __init__(
        self,
        image_data_generator: "ImageDataGenerator",
        filepaths: list[str],
        *,
        class_mode: str | None,
        labels: Any,
        class_indices: Mapping[str, int],
        sample_weight: Array | None,
        on_error: str,
        reading: dict[str, Any],
        saving: tuple[Any, str, str],
        **options: Any,
    ) -> None:
        first = image_data_generator.data_format == "channels_first"
        size = tuple(reading.pop("target_size"))
        self._reader = Reader(**reading, target_size=size, channels_first=first)
        self._saver = make_saver(image_data_generator, *saving)
        self._on_error = check_choice(on_error, "on_error", ("raise", "skip"))
        self._reported: set[str] = set()
        self.filepaths = filepaths
        self.samples = len(filepaths)
        self.class_mode = class_mode
        self.labels = labels
        self.class_indices = dict(class_indices)
        self.num_classes = len(self.class_indices)
        self.sample_weight = sample_weight
        self.target_size, self.color_mode = self._reader.target_size, self._reader.color_mode
        self.image_shape = self._reader.shape
        super().__init__(self.samples, image_data_generator, **options)

    def _make(self, rows: Rows, rng: np.random.RandomState) -> Any:
        # For all files, so that one which is skipped does not change what happens to the others.
        parameters = self.image_data_generator._draw(rng, len(rows), (0, *self.image_shape))
        images, readable = self._read(rows)
        batch = self._augment(images, readable, parameters[readable])
        rows = rows[readable]
        if self._saver is not None:
            self._saver.save(batch, rows, rng, 10_000_000)
        if self.class_mode is None:
            return batch
        labels = batch.copy() if self.class_mode == "input" else self._labels(rows)
        if self.sample_weight is None:
            return batch, labels
        return batch, labels, self.sample_weight[rows]

    def _facts(self) -> list[tuple[str, str]]:
        classes = [("classes", str(self.num_classes))] if self.class_indices else []
        own = [("files", f"{self.samples:,}"), ("image", str(self.image_shape)), *classes]
        return [*own, ("class_mode", repr(self.class_mode)), *super()._facts()]

    def _labels(self, rows: Rows) -> Any:
        if self.class_mode == "multi_output":
            return [values[rows] for values in self.labels]
        if self.class_mode == "raw":
            return self.labels[rows]
        dtype = self.image_data_generator.dtype
        if self.class_mode != "categorical":
            return np.array([self.labels[row] for row in rows], dtype)
        result = np.zeros((len(rows), self.num_classes), dtype)
        for one_hot, row in zip(result, rows, strict=True):
            one_hot[self.labels[row]] = 1
        return result

    def _read(self, rows: Rows) -> tuple[Array, Rows]:
        """Returns the images of the rows, and the positions of those that could be read."""
        paths = [self.filepaths[row] for row in rows]
        images, errors = self._reader.read(paths, self.image_data_generator.dtype)
        if not errors:
            return images, np.arange(len(rows))
        self._report({paths[i]: error for i, error in sorted(errors.items())}, len(paths))
        return images, np.array([i for i in range(len(rows)) if i not in errors], np.int64)

    def _report(self, errors: dict[str, Exception], count: int) -> None:
        """Warns of unreadable files, each of them once, or raises."""
        rule, first = "Every file must be an image that can be read", next(iter(errors.values()))
        if self._on_error == "raise" or len(errors) == count:
            fix = 'Repair it, or pass on_error="skip".' if self._on_error == "raise" else ""
            raise ValueError(message(rule, _name(errors), fix)) from first
        new = {path: error for path, error in errors.items() if path not in self._reported}
        if new:
            # Another set, not a larger one: a copy for looking at shares it and must not add to it.
            self._reported = self._reported | new.keys()
            warn(message(rule, _name(new), "It is left out."))


def chosen_classes(classes: Any) -> list[Any] | None:
    """Returns the class names that were asked for, each once, or None for all."""
    if isinstance(classes, str):
        rule, fix = "`classes` must be a list of names", f"Write classes=[{classes!r}]."
        raise TypeError(message(rule, f"classes={classes!r}", fix))
    return (None if classes is None else list(dict.fromkeys(classes))) or None


def _name(errors: dict[str, Exception]) -> str:
    """Names the first few files and what is wrong with them."""
    parts = [f"{path} ({error})" for path, error in list(errors.items())[:_NAMED]]
    more = len(errors) - _NAMED
    return "; ".join(parts) + (f"; and {more} more" if more > 0 else "")
