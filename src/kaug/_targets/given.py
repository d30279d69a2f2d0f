"""What a transform is called with: images, or a dict with what belongs to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kaug._apply.leaf import Tree, shape_after
from kaug._images import as_images
from kaug._targets.annotations import Annotations
from kaug._validation import message


class Given:
    """What a transform was called with, and what it is to write to."""

    def __init__(self, data: Any, transform: Tree) -> None:
        self._data = dict(data) if isinstance(data, Mapping) else None
        targets = dict(self._data or {})
        if self._data is not None and "images" not in targets:
            rule = 'A dict must have the images under the key "images"'
            raise ValueError(message(rule, f"the keys {sorted(map(str, targets))}"))
        self.images = as_images(data if self._data is None else targets.pop("images"), "images")
        shape = self._shape = shape_of_result(transform, self.images, "images")
        count = len(self.images)
        self.source: dict[str, Any] = {"images": self.images}
        self.out = {"images": np.empty((count, *shape), self.images.dtype)}
        self._annotations: Annotations | None = None
        if targets:
            own = self._annotations = Annotations(
                targets, None, self.images, transform, name="images"
            )
            self.source.update(own.source)
            self.out.update(own.allocate(0, count, shape))

    def answer(self) -> Any:
        """Returns what was asked for, in the form of what was given."""
        if self._data is None or self._annotations is None:
            return self.out["images"] if self._data is None else dict(self.out)
        rows = np.arange(len(self.images))
        targets, _ = self._annotations.collect(self.out, rows, 0, self._shape)
        parts = {"images": self.out["images"], **self._annotations.with_settings(targets)}
        return {name: parts[name] for name in self._data}


def shape_of_result(transform: Tree, images: Any, name: str) -> tuple[int, ...]:
    """Returns the shape that a transform gives images.

    Args:
        transform: What augments.
        images: What is augmented: an array, or a sequence of images of any size.
        name: What the caller calls the images.

    Raises:
        TypeError: The transform cannot hold what it makes in the dtype of the images.
        ValueError: The shape depends on the size of each image.
    """
    for leaf in transform._leaves():
        leaf._check_dtype(np.dtype(images.dtype))
    result = shape_after(transform, images.shape[1:])
    if None in result[:2]:
        rule = f"`{name}` are images of any size, so the transform must give all of them one size"
        fix = "Put Resize, RandomResizedCrop, RandomCrop, CenterCrop or Letterbox into it."
        raise ValueError(message(rule, repr(transform), fix))
    return result
