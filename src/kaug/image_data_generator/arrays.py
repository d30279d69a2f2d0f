"""`flow`: batches from arrays in memory."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kaug import _html
from kaug._validation import as_array, check_length, message
from kaug.image_data_generator.iterators import Iterator, Rows, split_range
from kaug.image_data_generator.saving import make_saver

if TYPE_CHECKING:
    from kaug.image_data_generator.generator import ImageDataGenerator

Array = NDArray[Any]


class ArrayIterator(Iterator):
    """Batches of augmented images from an array, made by `ImageDataGenerator.flow`."""

    def __init__(
        self,
        x: Any,
        y: Any,
        image_data_generator: "ImageDataGenerator",
        *,
        sample_weight: Any,
        save_to_dir: Any,
        save_prefix: str,
        save_format: str,
        ignore_class_split: bool,
        subset: str | None,
        **options: Any,
    ) -> None:
        images, extras = _split_input(x)
        image_data_generator.check_images(images)
        labels = _optional(y, "y", len(images))
        weights = _optional(sample_weight, "sample_weight", len(images))
        part = split_range(image_data_generator, len(images), subset)
        if subset is not None and labels is not None and not ignore_class_split:
            _check_classes(labels, image_data_generator)
        self.x = images[part]
        self.x_misc = [extra[part] for extra in extras]
        self.y = None if labels is None else labels[part]
        if weights is not None and not image_data_generator.keras_compat:
            weights = weights[part]
        self.sample_weight = weights
        self._saver = make_saver(image_data_generator, save_to_dir, save_prefix, save_format)
        super().__init__(len(self.x), image_data_generator, **options)

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
        given = [(key, _html.arrays(value)) for key, value in arrays.items() if value is not None]
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


def _optional(value: Any, name: str, count: int) -> Array | None:
    if value is None:
        return None
    array = as_array(value, name)
    check_length(array, name, count)
    return array


def _check_classes(labels: Array, generator: "ImageDataGenerator") -> None:
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
