"""`kaug.sources.table`: pictures named in a column, beside their labels."""

import os
from typing import Any

import numpy as np

from kaug._files import absolute, check_folder, check_inside
from kaug._types import Array
from kaug._validation import describe, message
from kaug.sources._classes import warn_of_numbers
from kaug.sources._columns import (
    check_complete,
    check_lengths,
    check_table,
    class_names,
    column,
    file_names,
)
from kaug.sources._decode import Decoder
from kaug.sources._pictures import Pictures, choose, whole_paths


def table(
    dataframe: Any,
    *,
    image_column: str,
    label_column: str | None = None,
    directory: str | os.PathLike[str] | None = None,
    channels: int | None = 3,
    dtype: str = "uint8",
    on_error: str = "raise",
) -> tuple[Pictures, Array | None]:
    """Makes a sequence of the pictures that a table names, with their labels.

    Args:
        dataframe: A data frame of pandas or Polars, or a dict of columns.
        image_column: The column of their paths.
        label_column: The column of their labels: strings are classes, numbers are labels as they
            are. None for no labels.
        directory: The folder that paths are relative to, and must not lead out of; None for paths
            as they are.
        channels: As for `kaug.sources.files`.
        dtype: As for `kaug.sources.files`.
        on_error: As for `kaug.sources.files`.

    Returns:
        The pictures in the table's order, `x`, and their labels, `y`, `(N,)`: the numbers of the
        classes, sorted by name, of which `x.class_names` has the names; the numbers of the column;
        or None.

    Raises:
        FileNotFoundError: A file is not there.
        TypeError: The table is none, or a value of a column is of the wrong kind.
        ValueError: A column is not there, a label is missing, a path leads out of the folder, or
            an option is none of its choices.

    Example:
        >>> import tempfile, pathlib, kaug
        >>> from PIL import Image
        >>> place = pathlib.Path(tempfile.mkdtemp())
        >>> for name in ("a.png", "b.png"):
        ...     Image.new("RGB", (7, 5)).save(place / name)
        >>> rows = {"file": ["b.png", "a.png"], "kind": ["dog", "cat"]}
        >>> x, y = kaug.sources.table(
        ...     rows, image_column="file", label_column="kind", directory=place
        ... )
        >>> x.class_names, y, x[1].shape
        (('cat', 'dog'), array([1, 0]), (5, 7, 3))
    """
    decoder = Decoder(channels, dtype)
    check_table(dataframe)
    where = f"the column image_column={image_column!r}"
    names = file_names(column(dataframe, image_column, "image_column"), where)
    if not names:
        raise ValueError(message("The table must name pictures", "no rows"))
    if directory is not None:
        folder = check_folder(absolute(directory))
        fix = "Leave `directory` out to use paths as they are."
        names = check_inside(folder, names, follow_links=False, fix=fix)
    labels, classes = None, None
    if label_column is not None:
        check_lengths(dataframe, len(names), label_column=label_column)
        labels, classes = _labels(column(dataframe, label_column, "label_column"), label_column)
    x, kept = choose(whole_paths(names), decoder, on_error, classes)
    return x, None if labels is None else labels[kept]


def _labels(values: Any, name: str) -> tuple[Array, tuple[str, ...] | None]:
    """Returns labels as numbers, and the names of classes if that is what they number."""
    where = f"the column label_column={name!r}"
    given = np.asarray(values)
    if given.dtype.kind not in "biuf":
        fix = "Convert them with `.astype(str)` for classes, or with `.astype(float)` for numbers."
        texts = class_names(values, where, several=False, fix=fix)
        classes = tuple(sorted(set(texts)))
        warn_of_numbers(f"labels in {where}", classes, "x.class_names")
        numbers = {text: number for number, text in enumerate(classes)}
        return np.array([numbers[text] for text in texts], np.int64), classes
    if given.ndim != 1:
        raise TypeError(message(f"There must be one label a row in {where}", describe(given)))
    check_complete(given, np.arange(len(given)), f"The column label_column={name!r}")
    return given, None
