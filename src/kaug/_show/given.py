"""Images with what belongs to them, in the forms in which figures take them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from kaug._images import are_any_size, is_lazy, read_item
from kaug._show.pictures import check_pictures
from kaug._targets.places import SETTINGS
from kaug._types import Array
from kaug._validation import as_array, check_integer, describe, message, with_channels

_FEW = 4  # as many channels has a photograph with opacity


def gathered(images: Any, labels: Any) -> tuple[Any, dict[str, Any]]:
    """Returns images, and what belongs to them by Keras' names.

    Args:
        images: Images, or a dict with them under `"images"` and more beside them.
        labels: Labels, a dict of targets, or None. Labels beside a dict stand for those in it.
    """
    if isinstance(labels, Mapping) and isinstance(images, Mapping):
        rule = "Targets must stand in one dict, beside the images or as `labels`"
        raise ValueError(message(rule, "two dicts", "Pass {**images, **labels}."))
    if not isinstance(images, Mapping):
        return images, (dict(labels) if isinstance(labels, Mapping) else _named(labels))
    if "images" not in images:
        rule = 'A dict must have the images under the key "images"'
        raise ValueError(message(rule, f"the keys {sorted(map(str, images))}"))
    rest = {name: value for name, value in images.items() if name != "images"}
    return images["images"], {**rest, **_named(labels)}


def _named(labels: Any) -> dict[str, Any]:
    return {} if labels is None else {"labels": labels}


def one_picture(given: Any, row: int | None) -> tuple[Array, dict[str, Any] | None]:
    """Returns one image `(1, H, W, C)` or `(1, H, W)`, and its targets, with one row each.

    Args:
        given: An image `(H, W)` or `(H, W, C)`, or several; or a dict with such under `"images"`
            and what belongs to them.
        row: Which of several; None where there is one.
    """
    images, targets = gathered(given, None)
    several = are_any_size(images) or is_lazy(images)
    if not several:
        images = as_array(images, "image")
        several = row is not None or images.ndim == 4
    if not several:
        image = _checked_image(images)
        rows = {name: _as_row(value, name) for name, value in targets.items()}
    else:
        number = _checked_row(row, images)
        image, count = np.asarray(read_item(images, number)), len(images)
        rows = {name: _row_of(value, name, number, count) for name, value in targets.items()}
    batch = check_pictures(with_channels(image[np.newaxis]), "image")
    return (batch[..., 0] if image.ndim == 2 else batch), rows or None


def _checked_image(image: Array) -> Array:
    """Returns one image, unless it looks like several."""
    channels = image.shape[2] if image.ndim == 3 else 1
    # Of gray images the third number is a width, mostly as large as the second.
    if image.ndim in (2, 3) and (channels <= _FEW or channels < min(image.shape[:2])):
        return image
    rule = (
        "`image` must be one image, (H, W), or (H, W, C) with at most 4 channels, or fewer than "
        "rows and columns"
    )
    raise ValueError(message(rule, describe(image), "Pass x[0], not x; or x and row=0."))


def _checked_row(row: int | None, images: Any) -> int:
    if row is None and len(images) == 1:
        return 0
    if row is None:
        rule = "`image` must be one image, (H, W) or (H, W, C), or `row` say which of several"
        received = describe(images) if isinstance(images, np.ndarray) else f"{len(images)} images"
        raise ValueError(message(rule, received, "Pass row=0, or x[0]."))
    return check_integer(row, "row", maximum=len(images) - 1)


def _as_row(value: Any, name: str) -> Any:
    """Returns what belongs to one image as one row."""
    if name in SETTINGS:
        return value
    if isinstance(value, Mapping):
        return {key: _as_row(each, f"{name}[{key!r}]") for key, each in value.items()}
    return [value] if isinstance(value, (list, tuple)) else as_array(value, name)[np.newaxis]


def _row_of(value: Any, name: str, row: int, count: int) -> Any:
    """Returns what belongs to one of several images as one row."""
    if name in SETTINGS:
        return value
    if isinstance(value, Mapping):
        return {key: _row_of(each, f"{name}[{key!r}]", row, count) for key, each in value.items()}
    value = rows_of(value, name, count)
    return value[row : row + 1] if isinstance(value, np.ndarray) else [read_item(value, row)]


def rows_of(value: Any, name: str, count: int) -> Any:
    """Returns what has one row for each of `count` images: an array, or a sequence of rows."""
    value = value.to_list() if hasattr(value, "row_splits") else value
    tensor = hasattr(value, "__array__") and hasattr(value, "shape") and not is_lazy(value)
    value = as_array(value, name) if tensor else value
    flat = not hasattr(value, "__len__") or getattr(value, "shape", None) == ()
    if flat or len(value) != count:
        rule = f"`{name}` must have one row for each of the {count} images"
        raise ValueError(message(rule, describe(value) if flat else f"{len(value)} rows"))
    return value
