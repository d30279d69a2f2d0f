"""What rows are made from: arrays in memory, memory maps, or anything that gives slices of rows."""

import hashlib
import math
import mmap
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kaug._images import ImageSequence, are_any_size, frames_of
from kaug._targets.annotations import is_keras_dict
from kaug._targets.box_checks import check_format
from kaug._targets.box_columns import checked_boxes
from kaug._targets.frames import by_row, places_by_frame
from kaug._targets.instances import as_layers, without_masks
from kaug._targets.keypoints import padded_keypoints
from kaug._targets.maps import Maps, with_maps
from kaug._targets.places import settings_in
from kaug._targets.structures import check_targets, check_weights, map_arrays
from kaug._types import Array, Rows
from kaug._validation import as_array, message
from kaug.store._structure import bytes_of, leaves_of

_READ_BYTES = 2**24  # how much of a source is read at once
_MOST_READ_BYTES = 2**28  # at most, where the source's own chunks are larger
_MAPPED_BYTES = 2**26  # how much of a memory map may be in the process's memory


class Head:
    """The first rows of a lazy source."""

    def __init__(self, x: Any, count: int) -> None:
        self._x, self.dtype, self.shape = x, np.dtype(x.dtype), (count, *x.shape[1:])

    def __getitem__(self, rows: slice) -> Any:
        return self._x[rows]


def stage(x: Any, folder: Path) -> tuple[Array, str]:
    """Copies the rows of a lazy source, in their order, into a file that has no name.

    Rows are drawn from all over, and a compressed chunk would be unpacked for each of them. The
    file vanishes with the process.

    Args:
        x: A lazy source.
        folder: Where there is room for it.

    Returns:
        The copy, memory-mapped, and the checksum of its bytes.
    """
    shape, dtype = tuple(x.shape), np.dtype(x.dtype)
    step = _step_of(x)
    digest = hashlib.sha256()
    with tempfile.TemporaryFile(dir=folder) as file:
        for start in range(0, shape[0], step):
            stop = min(start + step, shape[0])
            rows = np.asarray(x[start:stop])
            if rows.shape != (stop - start, *shape[1:]) or rows.dtype != dtype:
                rule = f"x[{start}:{stop}] must give {stop - start} rows of {shape[1:]}, {dtype}"
                raise ValueError(message(rule, f"{rows.shape}, {rows.dtype}"))
            digest.update(bytes_of(rows))
            file.write(bytes_of(rows))
        file.flush()
        if not math.prod(shape):
            return np.empty(shape, dtype), digest.hexdigest()
        return np.memmap(file, dtype, "r", 0, shape), digest.hexdigest()


def _step_of(x: Any) -> int:
    """Returns how many rows to read at once: whole chunks, where the source has some."""
    row: int = max(1, np.dtype(x.dtype).itemsize * math.prod(x.shape[1:]))
    step: int = max(1, _READ_BYTES // row)
    chunks = getattr(x, "chunks", None)
    length: Any = chunks[0] if isinstance(chunks, tuple) and chunks else 1
    if not isinstance(length, int) or not 1 <= length * row <= _MOST_READ_BYTES:
        return step
    return max(step // length, 1) * int(length)


def checksum(array: Any) -> str:
    """Returns the checksum of the bytes of an array, or of all images, read in their order."""
    digest = hashlib.sha256()
    if isinstance(array, (ImageSequence, Maps)):
        for row in range(len(array)):
            digest.update(array.identity(row))
        return digest.hexdigest()
    row = max(1, array.itemsize * math.prod(array.shape[1:]))
    step = max(1, _READ_BYTES // row)
    for start in range(0, len(array), step):
        digest.update(bytes_of(array[start : start + step]))
        forget(array)
    return digest.hexdigest()


def fingerprint(images: Array, targets: Mapping[str, Any], images_checksum: str) -> dict[str, Any]:
    """Returns what tells one source from another, as plain data, by name."""
    facts = {"x": _facts(images, images_checksum)}
    for name, array in leaves_of(targets):
        facts[name] = _facts(array, checksum(array))
    return facts


def _facts(array: Array, digest: str) -> dict[str, Any]:
    return {"dtype": array.dtype.str, "shape": list(array.shape), "sha256": digest}


def settings_of(y: Any) -> dict[str, Any]:
    """Returns what a dict in Keras' spelling says about what moves, as plain data."""
    if not is_keras_dict(y):
        return {}
    return {name: _plain(value) for name, value in settings_in(y).items()}


def _plain(setting: Any) -> Any:
    if isinstance(setting, Mapping):
        return {name: _plain(each) for name, each in setting.items()}
    if isinstance(setting, list):
        return [list(pair) for pair in setting]
    return setting if isinstance(setting, str) else float(setting)


def checked_targets(y: Any, sample_weight: Any, images: Any) -> tuple[Any, Any]:
    """Returns labels and weights with every leaf an array, so that rows of them can be taken."""
    count = len(images)
    weight = with_maps(sample_weight, "sample_weight", count, weights=True)
    return _checked_labels(y, count, frames_of(images)), check_weights(weight, count)


def _checked_labels(y: Any, count: int, frames: tuple[int, ...]) -> Any:
    if not is_keras_dict(y):
        return check_targets(with_maps(y, "y", count), "y", count)
    given, (y, masks) = y, without_masks(y)
    y, pictures = places_by_frame(y, count, frames), count * math.prod(frames)
    result: dict[str, Any] = {}
    settings = settings_in(y)
    box_format = check_format(y.get("bounding_box_format", "xyxy"))
    for name, value in y.items():
        if name == "bounding_boxes":
            boxes = by_row(checked_boxes(value, pictures, box_format), count, frames)
            if masks is not None:
                boxes |= {"masks": as_layers(masks, value["labels"])}
                boxes = {key: boxes[key] for key in given[name]}
            result[name] = boxes
        elif name in ("segmentation_masks", "maps"):
            result[name] = _checked_maps(value, name, count)
        elif name == "keypoints":
            result[name] = by_row(padded_keypoints(value, pictures), count, frames)
        elif name in settings:
            result[name] = settings[name]
        else:
            result[name] = check_targets(with_maps(value, name, count), name, count)
    return result


def _checked_maps(value: Any, name: str, count: int) -> Any:
    if isinstance(value, Mapping):
        return {key: _checked_maps(each, f"{name}[{key!r}]", count) for key, each in value.items()}
    return Maps(value, name, count) if are_any_size(value) else as_array(value, name)


def rows_of(structure: Any, start: int, stop: int) -> Any:
    """Returns a range of rows of a checked structure; settings stay as they are."""

    def part(leaf: Any, _: str) -> Any:
        return leaf[start:stop] if isinstance(leaf, np.ndarray) else leaf

    return map_arrays(part, structure)


def gather(array: Array, rows: Rows) -> Array:
    """Returns ascending rows; of a memory map, few pages stay in the process's memory.

    The kernel maps up to 2 MiB around each page that is touched, so rows from all over a file would
    soon bring in the whole of it.
    """
    if mapped(array) is None or not len(rows):
        return np.asarray(array[rows])
    result = np.empty((len(rows), *array.shape[1:]), array.dtype)
    span = max(1, _MAPPED_BYTES // max(1, array.itemsize * math.prod(array.shape[1:])))
    begins = np.flatnonzero(np.diff(rows // span, prepend=-1))
    for begin, end in zip(begins, [*begins[1:], len(rows)], strict=True):
        np.take(array, rows[begin:end], axis=0, out=result[begin:end], mode="clip")
        forget(array)
    return result


def forget(array: Array) -> None:
    """Takes the pages of a memory map out of the process's memory; the file keeps them."""
    memory = mapped(array)
    if memory is not None:
        memory.madvise(mmap.MADV_DONTNEED)


def mapped(array: Array) -> mmap.mmap | None:
    """Returns the shared memory map that an array is a view of, if it is one."""
    owner: Any = array
    while owner is not None and not isinstance(owner, np.memmap):
        owner = getattr(owner, "base", None)
    # What was written to a copy-on-write map is nowhere else.
    if owner is None or getattr(owner, "mode", "c") == "c":
        return None
    memory: mmap.mmap | None = getattr(owner, "_mmap", None)
    return memory
