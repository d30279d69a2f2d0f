"""Whether a store is what it was: its bytes by their checksums, its rows by making them again."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from kaug._images import as_images, is_lazy
from kaug._job import Job
from kaug._targets.structures import map_arrays
from kaug._types import Array, Rows
from kaug._validation import message
from kaug.per_class import Native
from kaug.store._chunks import damaged_chunks, open_for_chunks, span_of
from kaug.store._manifest import Manifest, is_zarr
from kaug.store._recipe import Recipe
from kaug.store._source import (
    Head,
    checked_targets,
    checksum,
    fingerprint,
    stage,
)
from kaug.store._structure import Spec, bytes_of, from_tree

_REPAIR = "Run augment_dataset with the same arguments again: it makes damaged chunks anew."
_NAMED = 5  # damaged chunks named in a message


def check_bytes(manifest: Manifest, specs: Sequence[Spec]) -> None:
    """Raises when a chunk does not match its checksum."""
    rows = specs[0].shape[0]
    with contextlib.closing(open_for_chunks(manifest, specs, writable=False)) as arrays:
        damaged = list(damaged_chunks(manifest, arrays, len(specs), rows))
    if not damaged:
        return
    spans = [span_of(manifest, number, rows) for number in damaged[:_NAMED]]
    named = ", ".join(f"rows {start} to {stop - 1}" for start, stop in spans)
    more = f" and {len(damaged) - _NAMED} more chunks" if len(damaged) > _NAMED else ""
    rule = "The rows of a dataset must be as they were written"
    raise ValueError(message(rule, f"damage within {named}{more}", _REPAIR))


def check_sample(
    manifest: Manifest,
    specs: Sequence[Spec],
    arrays: Sequence[Any],
    transform: Native,
    given: tuple[Any, Any, Any] | None,
    rows: int,
    seed: int,
) -> None:
    """Raises when augmented rows are not what the policy makes of the originals.

    Args:
        manifest: Of the store.
        specs: Its arrays.
        arrays: The arrays themselves.
        transform: The policy.
        given: Images, labels and weights it was made from; None takes those in the store.
        rows: How many rows are made again.
        seed: Draws which.
    """
    n: int = manifest.content["arguments"]["n"]
    kept = specs[0].shape[0] - n
    x, y, weight = _originals(manifest, arrays, kept) if given is None else given
    images, digest = stage(x, manifest.folder.parent) if is_lazy(x) else (as_images(x), "")
    targets = checked_targets(y, weight, images)
    if given is not None:
        _check_source(manifest, images, targets, digest or checksum(images))
    # The source rows that were drawn are in the index, so it does not matter how.
    job = Job.of(images, y, weight, transform, seed=manifest.content["arguments"]["seed"])
    recipe = Recipe(job, *targets)
    numbers = np.unique(np.random.default_rng(seed).integers(n, size=min(rows, n)))
    step = manifest.content["chunk_rows"]
    for begin in range(0, len(numbers), step):
        part = numbers[begin : begin + step]
        found = [_rows_at(array, part + kept) for array in arrays]
        _check_index(found[-1], len(images))
        for spec, stored, made in zip(specs, found, recipe.made(part, found[-1]), strict=True):
            _compare(spec, stored, made, part + kept)


def _originals(manifest: Manifest, arrays: Sequence[Any], count: int) -> tuple[Any, Any, Any]:
    """Returns what the store was made from, out of the store itself."""
    images = Head(arrays[0], count) if is_zarr(manifest.folder) else arrays[0][:count]
    heads = [images, *(np.asanyarray(array[:count]) for array in arrays[1:])]
    parts, facts = manifest.content["structure"], manifest.content["source"]

    def cut(leaf: Any, name: str) -> Any:
        """Leaves away the room for what was joined, which originals do not need."""
        own = facts.get(name, {}).get("shape")
        return leaf[(slice(None), *map(slice, own[1:]))] if own else leaf

    return images, *(
        map_arrays(cut, from_tree(parts[name], heads), name) for name in ("y", "sample_weight")
    )


def _check_source(manifest: Manifest, images: Array, targets: tuple[Any, Any], digest: str) -> None:
    """Raises when the originals that were passed are others."""
    facts = fingerprint(images, dict(zip(("y", "sample_weight"), targets, strict=True)), digest)
    recorded = manifest.content["source"]
    names = [name for name, value in recorded.items() if isinstance(value, dict)]
    other = [name for name in sorted({*names, *facts}) if recorded.get(name) != facts.get(name)]
    if other:
        rule = "The originals must be those that the dataset was made from"
        raise ValueError(message(rule, f"other values of {', '.join(other)}"))


def _check_index(index: Rows, count: int) -> None:
    """Raises before a row is read that is none."""
    if len(index) and not 0 <= index.min() <= index.max() < count:
        rule = f"The index of a dataset must name rows of the {count} originals"
        raise ValueError(message(rule, f"{index.min()}..{index.max()}", _REPAIR))


def _compare(spec: Spec, stored: Array, made: Array, rows: Rows) -> None:
    """Raises when any row differs in any bit."""
    stored = stored.astype(made.dtype, copy=False)
    pairs = zip(rows, stored, made, strict=True)
    other = [int(row) for row, one, two in pairs if bytes_of(one) != bytes_of(two)]
    if other:
        rule = "Augmented rows must be what the recorded policy makes of the originals"
        raise ValueError(
            message(rule, f"{len(other)} other rows of {spec.name}, such as {other[0]}")
        )


def _rows_at(array: Any, rows: Rows) -> Array:
    """Returns rows of a memory map or a Zarr array."""
    return np.asarray(array[rows] if isinstance(array, np.ndarray) else array.oindex[rows])
