"""Videos on tensors: their frames one after another as images, with what was drawn for each row."""

from collections.abc import Mapping
from typing import Any

from kaug._apply.leaf import Tree
from kaug._tensors import ops
from kaug._validation import message


def check_videos(transform: Tree) -> None:
    """Raises for transforms that need more of a video than one of its frames."""
    for leaf in transform._leaves():
        if leaf._mixes or leaf._aims:
            rule = "On tensors, videos are neither mixed nor cropped by where their boxes are"
            raise TypeError(message(rule, f"{leaf!r}", "Augment with kaug.AugmentedDataset."))


def in_frames(tensor: Any) -> Any:
    """Returns what has an entry for each frame, `(B, T, …)`, as `(B * T, …)`."""
    rows, frames, *others = ops.shape(tensor)
    return ops.reshape(tensor, (rows * frames, *others))


def in_rows(tensor: Any, frames: int) -> Any:
    """Undoes `in_frames`."""
    count, *others = ops.shape(tensor)
    return ops.reshape(tensor, (count // frames, frames, *others))


def for_frames(parameters: Any, frames: int) -> Any:
    """Returns parameters of all frames, given those of rows, however nested."""
    if isinstance(parameters, Mapping):
        return {name: for_frames(value, frames) for name, value in parameters.items()}
    if isinstance(parameters, tuple):
        return tuple(for_frames(value, frames) for value in parameters)
    return ops.repeat(parameters, frames, axis=0)
