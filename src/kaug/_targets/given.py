"""What a transform is called with: images, or a dict with what belongs to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kaug._apply.leaf import Tree
from kaug._targets.annotations import Annotations
from kaug._validation import check_images, message


class Given:
    """What a transform was called with, and what it is to write to."""

    def __init__(self, data: Any, transform: Tree) -> None:
        self._data = dict(data) if isinstance(data, Mapping) else None
        targets = dict(self._data or {})
        if self._data is not None and "images" not in targets:
            rule = 'A dict must have the images under the key "images"'
            raise ValueError(message(rule, f"the keys {sorted(map(str, targets))}"))
        self.images = check_images(data if self._data is None else targets.pop("images"), "images")
        self._annotations = Annotations(targets, None, self.images, transform, name="images")
        self._shape = transform.output_shape(self.images.shape[1:])
        count = len(self.images)
        self.source = {"images": self.images, **self._annotations.source}
        self.out = {
            "images": np.empty((count, *self._shape), self.images.dtype),
            **self._annotations.allocate(0, count, self._shape),
        }

    def answer(self) -> Any:
        """Returns what was asked for, in the form of what was given."""
        if self._data is None:
            return self.out["images"]
        rows = np.arange(len(self.images))
        targets, _ = self._annotations.collect(self.out, rows, 0, self._shape)
        parts = {"images": self.out["images"], **self._annotations.with_settings(targets)}
        return {name: parts[name] for name in self._data}
