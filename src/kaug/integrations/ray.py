"""Ray Data: augmentation on the processes of one machine or of a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._draw.keys import check_rows, resolve_seed, root_key
from kaug._types import Array
from kaug._validation import check_integer, describe, message
from kaug.integrations._common import check_by_row, check_others, import_extra
from kaug.transforms import Transform

__all__ = ["augment"]


def augment(
    dataset: Any,
    transform: Any,
    *,
    seed: int | None,
    index_column: str,
    image_column: str = "image",
    epoch: int = 0,
    batch_size: int | None = None,
) -> Any:
    """Returns a Ray dataset whose images are augmented; all other columns stay as they are.

    The image of the row with the number `i` becomes what
    `transform(image[None], seed=seed, epoch=epoch, index=[i])[0]` is, bit for bit. Blocks, workers
    and machines, the order of the rows, and tasks that Ray runs again do not change it. Rows with
    equal numbers get equal draws. Columns that would have to move with the images are refused, by
    the names that libraries give to masks, boxes and points.

    Nothing is computed before Ray needs it. Each block is one task on one processor, in which kaug
    uses one thread, unless the environment variable `KAUG_NUM_THREADS` says otherwise. Ray takes
    its time to start a task, whatever it does, so where blocks are small let one task take several
    of them, with `batch_size`.

    Args:
        dataset: A `ray.data.Dataset` of rows with an image and a number. Images are arrays
            `(H, W, C)` or `(H, W)` (one channel), integers or floats. They may differ in size.
            Where color pictures are among gray ones, Ray gives these as `(1, H, W)`, which is
            refused.
        transform: One of `kaug.transforms` that does not mix pictures, or one of albumentations.
        seed: 0..2⁶⁴-1; None draws one from Python's `random`, once for the whole dataset.
        index_column: The column with the row numbers, integers 0..2⁴⁷-1.
        image_column: The column with the images.
        epoch: 0 or more; another epoch is another set of draws.
        batch_size: How many rows are augmented at once; blocks that are smaller are joined until
            they make up as many, and written as one block. None takes each block as it is. It is no
            part of what the seed means.

    Returns:
        A `ray.data.Dataset` with the same columns. The images keep their dtype.

    Raises:
        ImportError: Ray Data is not installed.
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of its range, the transform mixes pictures, or a column is
            missing. What is wrong with the rows themselves is found when Ray runs.

    Example:
        >>> import ray  # doctest: +SKIP
        >>> from kaug.integrations.ray import augment
        >>> from kaug.transforms import Invert
        >>> rows = [{"row": i, "image": np.full((2, 5), i, "uint8")} for i in range(4)]
        >>> dataset = ray.data.from_items(rows)  # doctest: +SKIP
        >>> inverted = augment(dataset, Invert(), seed=0, index_column="row")  # doctest: +SKIP
        >>> sorted(int(row["image"].max()) for row in inverted.take_all())  # doctest: +SKIP
        [252, 253, 254, 255]
    """
    ray_dataset = import_extra("ray.data", "ray").Dataset
    if not isinstance(dataset, ray_dataset):
        rule = "`dataset` must be a ray.data.Dataset"
        raise TypeError(message(rule, describe(dataset), "Make one with ray.data.from_numpy(…)."))
    transform = check_by_row(transform)
    columns = (image_column, index_column)
    known = dataset.columns(fetch_if_missing=False)
    if known is not None:
        _check_columns(columns, known)
    seed = resolve_seed(seed)
    if batch_size is not None:
        batch_size = check_integer(batch_size, "batch_size", minimum=1)
    root_key(seed, epoch)  # says now, and not on a worker, when `epoch` is out of its range
    return dataset.map_batches(
        _augment_batch,
        fn_kwargs={"transform": transform, "seed": seed, "epoch": epoch, "columns": columns},
        batch_format="numpy",
        batch_size=batch_size,
        zero_copy_batch=True,
    )


def _augment_batch(
    batch: dict[str, Array], transform: Transform, seed: int, epoch: int, columns: tuple[str, str]
) -> dict[str, Array]:
    """Returns a block with its images augmented; what a worker runs."""
    # The other processors have tasks of their own.
    os.environ.setdefault("KAUG_NUM_THREADS", "1")
    _check_columns(columns, batch)
    image_column, index_column = columns
    images, numbers = batch[image_column], check_rows(batch[index_column])
    groups = _of_equal_shape(images)
    shapes = [np.shape(images[rows[0]]) for rows in groups if len(rows)]
    _check_no_channels_first(shapes, image_column)
    others = {name: _sample(array) for name, array in batch.items() if name not in columns}
    check_others(others, transform, _common_size(shapes))
    made = np.empty(len(images), object)
    for rows in groups:
        part = images if images.dtype != object else np.stack(list(images[rows]))
        _check_are_images(part, image_column)
        augmented = transform(part, seed=seed, epoch=epoch, index=numbers[rows])
        if len(rows) == len(images):
            return {**batch, image_column: augmented}
        for row, image in zip(rows, augmented, strict=True):
            made[row] = image
    return {**batch, image_column: _joined(made)}


def _of_equal_shape(images: Array) -> list[NDArray[np.int64]]:
    """Returns the numbers of the images in groups of one shape and dtype, each in order."""
    if images.dtype != object:
        return [np.arange(len(images))]
    groups: dict[Any, list[int]] = {}
    for row, image in enumerate(images):
        groups.setdefault((np.shape(image), getattr(image, "dtype", None)), []).append(row)
    return [np.array(rows) for rows in groups.values()]


def _check_no_channels_first(shapes: list[tuple[int, ...]], column: str) -> None:
    """Raises where Ray has put the one channel of gray images first, as it does beside others."""
    mixed = any(len(shape) != 3 or shape[0] > 1 for shape in shapes)
    for shape in shapes:
        large = len(shape) == 3 and min(shape[1:]) > (1 if mixed else 15)
        if large and shape[0] == 1 and shape[2] > 4:
            rule = f"The column {column!r} must hold images, arrays (H, W, C) or (H, W)"
            fix = (
                "Ray gives gray pictures so where there are color ones too. Read all of them as "
                'one kind, with ray.data.read_images(…, mode="RGB") or mode="L".'
            )
            raise ValueError(message(rule, f"an image of shape {shape}", fix))


def _common_size(shapes: list[tuple[int, ...]]) -> tuple[int | None, int | None]:
    """Returns the height and width of all images; None for both if they differ."""
    sizes = {shape[:2] for shape in shapes if len(shape) > 1}
    height, width = sizes.pop() if len(sizes) == 1 else (None, None)
    return height, width


def _sample(column: Array) -> Any:
    """Returns a column, or of one with arrays of any shape the first row."""
    whole = column.dtype.kind != "O" or not len(column)
    return column if whole else np.asarray(column[0])[np.newaxis]


def _joined(images: Array) -> Array:
    """Returns images that all came out in one shape and dtype as one array; others as they are."""
    return np.stack(list(images)) if len(_of_equal_shape(images)) == 1 else images


def _check_are_images(images: Array, column: str) -> None:
    if images.dtype.kind not in "iuf" or images.ndim not in (3, 4):
        rule = f"The column {column!r} must hold images, arrays (H, W, C) or (H, W) of real numbers"
        fix = "Decode files, and make arrays of nested lists, with dataset.map before."
        raise TypeError(message(rule, describe(images), fix))


def _check_columns(wanted: Iterable[str], columns: Iterable[str]) -> None:
    columns = list(columns)
    for name in wanted:
        if name not in columns:
            rule = f"The dataset must have the column {name!r}"
            fix = "Name the columns with image_column=… and index_column=…"
            raise ValueError(message(rule, f"the columns {columns}", fix))
