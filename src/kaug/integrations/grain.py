"""Grain: augmentation in pipelines of the JAX world, with a state that is only an index."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from kaug._apply.leaf import shape_after
from kaug._draw.keys import resolve_seed
from kaug._types import Array
from kaug._validation import check_images, describe, message
from kaug.integrations._common import check_by_row, check_others, import_extra
from kaug.transforms import Transform

__all__ = ["augment", "number_rows"]

Element = dict[str, Any]


def number_rows(dataset: Any, *, index_key: str = "index", epoch_key: str = "epoch") -> Any:
    """Returns a dataset whose elements say which row of which epoch they are.

    Grain counts on when it begins a dataset of N rows anew, so index `i` is row `i % N` of epoch
    `i // N`. Call this on the source, before anything shuffles, slices or repeats it: what comes
    later takes the numbers along.

    Args:
        dataset: A `grain.MapDataset` whose elements are dicts.
        index_key: The key under which a row gets its number.
        epoch_key: The key under which it gets its epoch.

    Returns:
        A `grain.MapDataset`.

    Raises:
        ImportError: Grain is not installed.
        TypeError: `dataset` is no `MapDataset`. What is wrong with elements is found when Grain
            makes them.

    Example:
        >>> import grain  # doctest: +SKIP
        >>> from kaug.integrations.grain import number_rows
        >>> source = grain.MapDataset.source([{"label": 7}, {"label": 8}])  # doctest: +SKIP
        >>> number_rows(source).repeat(2)[3]  # doctest: +SKIP
        {'label': 8, 'index': 1, 'epoch': 1}
    """
    if not isinstance(dataset, import_extra("grain", "grain").MapDataset):
        raise TypeError(message("`dataset` must be a grain.MapDataset", describe(dataset)))
    return dataset.map_with_index(
        partial(_numbered, count=len(dataset), index_key=index_key, epoch_key=epoch_key)
    )


def augment(
    dataset: Any,
    transform: Any,
    *,
    seed: int | None,
    image_key: str = "image",
    index_key: str = "index",
    epoch_key: str = "epoch",
) -> Any:
    """Returns a dataset whose images are augmented; all else stays as it is.

    The image of row `i` in epoch `e` becomes what
    `transform(image[None], seed=seed, epoch=e, index=[i])[0]` is, bit for bit, as in
    `kaug.AugmentedDataset`. Order, batch size, threads and processes, and a pipeline that is taken
    up again do not change it. What would have to move with the images is refused, by the names that
    libraries give to masks, boxes and points.

    Elements may be single rows or batches of them. Batches are faster by far where images are
    small; one may have rows of several epochs.

    Args:
        dataset: A `grain.MapDataset` or `grain.IterDataset` whose elements are dicts, with the
            numbers that `number_rows` gave them. Images are `(H, W, C)` or `(H, W)` (one channel),
            those of a batch `(B, H, W, C)` or `(B, H, W)`, integers or floats.
        transform: One of `kaug.transforms` that does not mix pictures, or one of albumentations.
        seed: 0..2⁶⁴-1; None draws one from Python's `random`, once for the whole dataset.
        image_key: The key of the images.
        index_key: The key of the row numbers, 0..2⁴⁷-1.
        epoch_key: The key of the epochs.

    Returns:
        A dataset of the same kind. The images keep their dtype.

    Raises:
        ImportError: Grain is not installed.
        TypeError: An argument has the wrong type.
        ValueError: The seed is out of its range, or the transform mixes pictures. What is wrong
            with elements is found when Grain makes them.

    Example:
        >>> import grain  # doctest: +SKIP
        >>> from kaug.integrations.grain import augment, number_rows
        >>> from kaug.transforms import Invert
        >>> rows = [{"image": np.full((2, 5), i, "uint8")} for i in range(4)]
        >>> rows = number_rows(grain.MapDataset.source(rows))  # doctest: +SKIP
        >>> batches = augment(rows.batch(2), Invert(), seed=0)  # doctest: +SKIP
        >>> batches[1]["image"].max(axis=(1, 2)), batches[1]["index"]  # doctest: +SKIP
        (array([253, 252], dtype=uint8), array([2, 3]))
    """
    grain = import_extra("grain", "grain")
    if not isinstance(dataset, (grain.MapDataset, grain.IterDataset)):
        rule = "`dataset` must be a grain.MapDataset or a grain.IterDataset"
        raise TypeError(message(rule, describe(dataset)))
    return dataset.map(
        partial(
            _augment_element,
            transform=check_by_row(transform),
            seed=resolve_seed(seed),
            keys=(image_key, index_key, epoch_key),
        )
    )


def _numbered(
    position: int, element: Any, *, count: int, index_key: str, epoch_key: str
) -> Element:
    if not isinstance(element, dict):
        fix = 'Make it one, for example with .map(lambda pair: {"image": pair[0], …}).'
        raise TypeError(message("Elements must be dicts", describe(element), fix))
    epoch, index = divmod(position, count)
    return {**element, index_key: index, epoch_key: epoch}


def _augment_element(
    element: Element, *, transform: Transform, seed: int, keys: tuple[str, str, str]
) -> Element:
    """Returns a row, or a batch of them, with what is under the first of `keys` augmented."""
    _check_keys(element, keys)
    image, index, epoch = (np.asarray(element[key]) for key in keys)
    others = {name: value for name, value in element.items() if name not in keys}
    if not index.ndim:  # a row becomes a batch of one
        others = {name: _as_batch(value) for name, value in others.items()}
    size = image.shape[1:3] if index.ndim else image.shape[:2]
    if image.ndim - index.ndim == 4:  # a video
        size = image.shape[-3:-1]
    check_others(others, transform, size if len(size) == 2 else (None, None))
    if index.ndim:
        made = _augment_batch(image, index, epoch, transform, seed, keys[0])
    else:
        made = _augment_batch(image[None], index[None], epoch[None], transform, seed, keys[0])[0]
    return {**element, keys[0]: made}


def _as_batch(value: Any) -> Any:
    return value[np.newaxis] if isinstance(value, np.ndarray) else value


def _augment_batch(
    images: Array, index: Array, epochs: Array, transform: Transform, seed: int, name: str
) -> Array:
    images = check_images(images, f"element[{name!r}]")
    made = np.empty((len(images), *shape_after(transform, images.shape[1:])), images.dtype)
    for epoch in np.unique(epochs):
        rows = epochs == epoch
        made[rows] = transform(images[rows], seed=seed, epoch=epoch, index=index[rows])
    return made


def _check_keys(element: Any, keys: Iterable[str]) -> None:
    missing = [key for key in keys if not isinstance(element, dict) or key not in element]
    if missing:
        rule = f"An element must be a dict with the keys {', '.join(map(repr, keys))}"
        received = f"the keys {list(element)}" if isinstance(element, dict) else describe(element)
        fix = "Pass the source through number_rows, and name other keys with image_key=… and so on."
        raise ValueError(message(rule, received, fix))
