"""Rows of a data set as training gets them, for `kaug preview`."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kaug import sources
from kaug._apply.leaf import shape_after
from kaug._cli.misuse import reading_of
from kaug._draw.keys import root_key
from kaug._images import as_images
from kaug._job import Job
from kaug._memory import check_memory
from kaug._show.given import one_picture
from kaug._targets.places import SETTINGS
from kaug._types import Array, Rows
from kaug._validation import check_integer, message
from kaug.sources._folder import pictures_in
from kaug.transforms import Resize, Transform

_Size = tuple[int, ...]
_RULE = "The pictures must fit into memory"


class Named(list[Any]):
    """Images with the names of their classes, where plots look for them."""

    class_names: tuple[str, ...] | None = None


def read(source: Path, arguments: argparse.Namespace) -> tuple[sources.Pictures, Any, list[str]]:
    """Returns the pictures of a data set, their targets, and the name of the class of each.

    Args:
        source: The folder, or the data.yaml.
        arguments: Of the command.
    """
    options = reading_of(arguments)
    if arguments.coco is not None:
        return *sources.coco(arguments.coco, source, masks=arguments.masks, **options), []
    if arguments.voc is not None:
        return *sources.voc(source, split=arguments.voc, masks=arguments.masks, **options), []
    if arguments.yolo is not None:
        return *sources.yolo(source, arguments.yolo, masks=arguments.masks, **options), []
    paths, _ = pictures_in(source)
    if not paths:
        rule = "A folder to preview must hold pictures"
        raise ValueError(message(rule, repr(str(source)), "Name a picture, or another folder."))
    if all(path.parent == source for path in paths):
        return sources.files(paths, **options), None, []
    x, labels = sources.folder(source, **options)
    names = x.class_names or ()
    return x, None, [names[label] for label in labels]


def chosen(count: int, n: int, rows: Sequence[int] | None) -> Rows:
    """Returns the rows to show: those that were named, or some from all over the data set.

    Args:
        count: How many there are.
        n: How many to show, where they are not named.
        rows: Their numbers, or None.
    """
    if rows is None:
        return np.arange(count)[:: max(1, count // n)][:n]
    fix = "Rows are numbered from 0."
    return np.array([check_integer(row, "row", maximum=count - 1, fix=fix) for row in rows])


def augmented(
    x: Any, y: Any, rows: Rows, policy: Transform, *, seed: int, epoch: int, numbers: Rows
) -> list[dict[str, Any]]:
    """Returns rows as an epoch of training has them, each as a batch of one row.

    Args:
        x: Pictures in files, or an array.
        y: What moves with them, or None.
        rows: Which of them.
        policy: What augments.
        seed: Of the draws.
        epoch: Of the draws.
        numbers: Of the rows in the draws.

    Raises:
        ValueError: The policy mixes pictures, and does not give them one size.
    """
    one_size = None not in shape_after(policy, as_images(x).shape[1:])[:2]
    if one_size or policy._mixes:
        job = Job.of(x, y, None, policy, seed=seed)
        shape = job.shape
        fix = "Show fewer, with -n or --row."
        check_memory(
            shape, job.images.dtype, len(rows), 0, fix, "The pictures must fit into memory"
        )
        made = job.allocate(shape, len(rows))
        policy._fill(made, job.source, rows, root_key(seed, epoch), numbers)
        images, targets = job.answer(made, rows, return_index=False)
        whole = {"images": images, **(targets or {})}
        return [_one(whole, row) for row in range(len(rows))]
    # No training takes them as they are, but each alone can be looked at.
    return [
        policy(_one({"images": x, **(y or {})}, row), seed=seed, epoch=epoch, index=[number])
        for row, number in zip(rows.tolist(), numbers.tolist(), strict=True)
    ]


def resized(x: Any, y: Any, rows: Rows, size: _Size) -> tuple[Array, dict[str, Any] | None]:
    """Returns rows in a size, an array, and their targets."""
    fix = "Choose a smaller --size, or show fewer."
    check_memory((*size, x.channels), x.dtype, len(rows), 0, fix, _RULE)
    made = [_to_size(_one({"images": x, **(y or {})}, row), size) for row in rows.tolist()]
    whole = joined(made)
    images = np.concatenate([batch["images"] for batch in made])
    return images, {name: value for name, value in whole.items() if name != "images"} or None


def fitting(batch: dict[str, Any], longest: int) -> dict[str, Any]:
    """Returns a batch of one row with no side longer than that."""
    size = batch["images"].shape[1:3]
    factor = min(1.0, longest / max(size))
    return _to_size(batch, tuple(max(1, round(side * factor)) for side in size))


def _to_size(batch: dict[str, Any], size: _Size) -> dict[str, Any]:
    if batch["images"].shape[1:3] == size:
        return batch
    made: dict[str, Any] = Resize(height=size[0], width=size[1])(batch, seed=0)
    return made


def _one(given: dict[str, Any], row: int) -> dict[str, Any]:
    picture, targets = one_picture(given, row)
    return {"images": picture, **(targets or {})}


def joined(batches: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns dicts of one row each as one of lists of rows."""
    whole: dict[str, Any] = {}
    for name, first in batches[0].items():
        values = [batch[name] for batch in batches]
        if isinstance(first, Mapping):
            whole[name] = joined(values)
        else:
            whole[name] = first if name in SETTINGS else [value[0] for value in values]
    return whole
