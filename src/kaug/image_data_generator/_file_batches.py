"""Batches from files: what folders and tables share."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kaug._memory import check_memory
from kaug._types import Array, Rows
from kaug._validation import check_choice, describe, message, warn
from kaug.image_data_generator._files import Reader
from kaug.image_data_generator._iterators import Iterator
from kaug.image_data_generator._pictures import Found
from kaug.image_data_generator._protocol import Augments
from kaug.image_data_generator._saving import make_saver
from kaug.sources._opening import UnusableError, named

WITH_CLASSES = ("categorical", "binary", "sparse")

_TWO = 2


class FileIterator(Iterator):
    """Batches of augmented images from files, with labels of some class mode.

    Args:
        image_data_generator: What augments.
        filepaths: One path per image.
        subset: Name of the part of the files that these are, or None.
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
        image_data_generator: Augments,
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
        self._reader = Reader(
            **reading, channels_first=first, as_keras=image_data_generator.keras_compat
        )
        self.image_shape = self._reader.shape
        self._saver = make_saver(image_data_generator, self.image_shape, *saving)
        self._on_error = check_choice(on_error, "on_error", ("raise", "skip"))
        self._reported: set[str] = set()
        self._depths: dict[str, str] = {}  # a file of each
        self.filepaths = filepaths
        self.samples = len(filepaths)
        self.class_mode = class_mode
        self.labels = labels
        self.class_indices = dict(class_indices)
        self.num_classes = len(self.class_indices)
        self.sample_weight = sample_weight
        super().__init__(self.samples, image_data_generator, **options)
        self._check_memory()

    @property
    def target_size(self) -> tuple[int, int]:
        """Height and width of the images."""
        height, width = self._reader.target_size
        return height, width

    @property
    def color_mode(self) -> str:
        """`"grayscale"`, `"rgb"` or `"rgba"`."""
        return self._reader.color_mode

    @property
    def interpolation(self) -> str:
        """How files are resized."""
        return self._reader.interpolation

    @property
    def keep_aspect_ratio(self) -> bool:
        """Whether the middle is cut out instead of distorting."""
        return self._reader.keep_aspect_ratio

    @property
    def split(self) -> tuple[float, float] | None:
        """Which part of the files the subset is, as shares of their number."""
        border = self.image_data_generator.validation_split
        return {"validation": (0, border), "training": (border, 1), None: None}[self.subset]

    def _check_memory(self) -> None:
        rows = min(self.batch_size, self.samples)
        fix = "Take a smaller `target_size` or `batch_size`."
        check_memory(self.image_shape, np.dtype(self.dtype), rows, 0, fix)

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
        images, errors, found = self._reader.read(paths, self.dtype)
        for i in sorted(found):
            self._tell(paths[i], found[i])
        if not errors:
            return images, np.arange(len(rows))
        self._report({paths[i]: error for i, error in sorted(errors.items())}, len(paths))
        return images, np.array([i for i in range(len(rows)) if i not in errors], np.int64)

    def _tell(self, path: str, found: Found) -> None:
        """Warns of what a file holds, of every kind of surprise once."""
        if found.depth not in self._depths:
            self._depths = {**self._depths, found.depth: path}
            if len(self._depths) == _TWO:
                self._warn_once("depths", self._two_depths())
        for kind, (rule, received, fix) in found.notes.items():
            self._warn_once(kind, message(rule, f"{received} in {path!r}", fix))

    def _two_depths(self) -> str:
        received = " and ".join(f"{depth} in {path!r}" for depth, path in self._depths.items())
        rule = "The files of a flow should have one depth, since each keeps its range of values"
        return message(rule, received, "Bring them to one depth.")

    def _warn_once(self, kind: str, text: str) -> None:
        if kind not in self._reported:
            # Another set, not a larger one: a copy for looking shares it and must not add to it.
            self._reported = self._reported | {kind}
            warn(text)

    def _report(self, errors: dict[str, Exception], count: int) -> None:
        """Warns of unreadable files, each of them once, or raises."""
        rule, first = "Every file must be an image that can be read", next(iter(errors.values()))
        if self._on_error == "raise" or len(errors) == count:
            fix = first.fix if isinstance(first, UnusableError) else "Repair it."
            if self._on_error == "raise":
                fix += ' Or pass on_error="skip".'
            raise ValueError(message(rule, named(errors), fix)) from first
        new = {path: error for path, error in errors.items() if path not in self._reported}
        if new:
            self._reported = self._reported | new.keys()
            warn(message(rule, named(new), "It is left out."))


def check_class_mode(class_mode: Any, allowed: Sequence[str | None]) -> None:
    """Raises unless a class mode is one of those allowed."""
    if class_mode is not None:
        check_choice(class_mode, "class_mode", [name for name in allowed if name is not None])


def check_binary(class_mode: str | None, names: Sequence[Any]) -> None:
    """Raises when `"binary"` has other than two classes to tell apart."""
    if class_mode == "binary" and len(names) != _TWO:
        rule = 'With class_mode="binary" there must be two classes'
        fix = 'Pass class_mode="sparse" for class numbers.'
        raise ValueError(message(rule, f"{len(names)}: {describe(list(names))}", fix))
