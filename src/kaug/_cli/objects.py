"""Pictures of a folder with their objects, as `kaug preview` shows them."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kaug import sources
from kaug._show.given import one_picture
from kaug._show.grid import MAX_IMAGES
from kaug._targets.places import SETTINGS
from kaug._validation import check_integer
from kaug.transforms import Resize, Transform


def augmented(
    source: Path, arguments: argparse.Namespace, policy: Transform, seed: int, longest: int
) -> tuple[dict[str, Any], tuple[str, ...] | None]:
    """Returns pictures from all over a data set, each augmented once, and the names of classes.

    Args:
        source: The folder, or the data.yaml.
        arguments: Of the command.
        policy: What augments.
        seed: Of all draws.
        longest: How many pixels a side has at most, where no size is asked for.
    """
    count = check_integer(arguments.n, "-n", minimum=1, maximum=MAX_IMAGES)
    x, y = _read(source, arguments)
    made = []
    for number, row in enumerate(range(len(x))[:: max(1, len(x) // count)][:count]):
        picture, targets = one_picture({"images": x, **y}, row)
        batch = {"images": picture, **(targets or {})}
        size = arguments.size or _fitting(picture.shape[1:3], longest)
        if size != picture.shape[1:3]:
            batch = Resize(height=size[0], width=size[1])(batch, seed=seed)
        made.append(policy(batch, seed=seed, index=[number]))
    return _joined(made), x.class_names


def _read(source: Path, arguments: argparse.Namespace) -> tuple[sources.Pictures, dict[str, Any]]:
    masks = arguments.masks
    if arguments.coco is not None:
        return sources.coco(arguments.coco, source, masks=masks)
    if arguments.voc is not None:
        return sources.voc(source, split=arguments.voc, masks=masks)
    return sources.yolo(source, arguments.yolo, masks=masks)


def _fitting(size: tuple[int, ...], longest: int) -> tuple[int, ...]:
    """Returns a size of the same shape, within the longest side."""
    factor = min(1.0, longest / max(size))
    return tuple(max(1, round(side * factor)) for side in size)


def _joined(batches: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns dicts of one row each as one of lists of rows."""
    joined: dict[str, Any] = {}
    for name, first in batches[0].items():
        values = [batch[name] for batch in batches]
        if isinstance(first, Mapping):
            joined[name] = _joined(values)
        else:
            joined[name] = first if name in SETTINGS else [value[0] for value in values]
    return joined
