"""Writing a store: what is checked before anything is written, and where it goes."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from kaug._files import check_parent, check_path
from kaug._images import is_lazy
from kaug._job import Job
from kaug._progress import Verbose
from kaug._types import Array
from kaug._validation import message
from kaug._version import __version__
from kaug.store._chunks import Writer, explained, open_for_users
from kaug.store._manifest import FORMAT, Manifest, is_zarr, sync_folder, unfinished
from kaug.store._recipe import Recipe
from kaug.store._schema import CHUNK_BYTES, VERSION
from kaug.store._source import checked_targets, checksum, fingerprint, settings_of, stage
from kaug.store._structure import Spec, specs_of, to_tree, with_leaves
from kaug.store._zarr import import_zarr


def write_dataset(
    out: Any,
    job: Job,
    n: int,
    *,
    given: tuple[Any, Any, Any],
    seed: int | None,
    return_index: bool,
    verbose: Verbose,
) -> tuple[Any, ...]:
    """Returns what `augment_dataset` returns, written to a path and mapped into memory.

    Args:
        out: The path.
        job: The checked arguments.
        n: How many augmented rows there are to be.
        given: Images (perhaps lazy), labels and weights as they were given.
        seed: As it was given; None takes the one that the store was begun with.
        return_index: Whether the source rows are returned.
        verbose: As for `augment_dataset`.
    """
    folder = folder_of(out)
    x, y, sample_weight = given
    targets = checked_targets(y, sample_weight, job.images)
    recipe = Recipe(job, *targets)
    structures = recipe.parts()
    specs = specs_of(structures, job.kept + n)
    numbers = count()
    # Plain data, tried before anything is read or written.
    tree = {name: to_tree(structure, numbers) for name, structure in structures.items()}
    transform = json.loads(recipe.transform.to_json())
    job.source_rows(np.arange(0))  # labels may not be what their sampling needs
    with contextlib.ExitStack() as stack:
        manifest = _existing(folder, stack)
        if manifest and seed is None:
            job = replace(job, seed=manifest.content["arguments"]["seed"])
        images, digest = _read_source(job.images, x, folder if manifest else folder.parent)
        if images is not job.images:  # or which rows are drawn would be found out twice
            job = replace(job, images=images)
        recipe = Recipe(job, *targets)
        checked = dict(zip(("y", "sample_weight"), targets, strict=True))
        wanted = {
            "format": FORMAT,
            "format_version": VERSION,
            "kaug": __version__,
            "arguments": {
                "n": n,
                "seed": job.seed,
                "append": job.append,
                "sampling": job.sampling,
            },
            "transform": transform,
            "source": {**fingerprint(images, checked, digest), **settings_of(y)},
            "arrays": [spec.to_plain() for spec in specs],
            "structure": tree,
        }
        if manifest:
            manifest.check_same(wanted)
        else:
            manifest = _begin(folder, wanted, specs, stack)
        Writer(manifest, specs, recipe).run(verbose)
    arrays = iter(open_for_users(manifest, specs))
    made = {name: with_leaves(structure, arrays) for name, structure in structures.items()}
    names = ["x", "y"] + ["sample_weight"] * (sample_weight is not None) + ["index"] * return_index
    return tuple(made[name] for name in names)


def folder_of(out: Any) -> Path:
    """Returns the path of a store, when there could be one."""
    folder = check_path(out, "out").absolute()
    if is_zarr(folder):
        import_zarr()
    if folder.is_dir():
        return folder
    if folder.exists() or folder.is_symlink():
        rule = "`out` must be the path of a new folder, or of a store"
        what = "file" if folder.exists() else "link that leads nowhere,"
        raise FileExistsError(message(rule, f"the {what} {str(folder)!r}"))
    check_parent(folder, "out")
    _check_writable(folder.parent)
    return folder


def _check_writable(folder: Path) -> None:
    readable_only = bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    if readable_only or not os.access(folder, os.W_OK | os.X_OK):
        rule = "`out` must lie in a folder that can be written to"
        fix = "Pass another path; open_dataset opens what is there."
        raise PermissionError(message(rule, f"the read-only folder {str(folder)!r}", fix))


def _existing(folder: Path, stack: contextlib.ExitStack) -> Manifest | None:
    """Returns the manifest of what was begun, locked; None when nothing was."""
    if not folder.exists():
        return None
    _check_writable(folder)
    _lock(folder, stack)
    # Killed before it had a manifest, a store holds nothing else.
    if all(file == unfinished(folder) for file in folder.iterdir()):
        return None
    try:
        return Manifest.load(folder)
    except FileNotFoundError:
        rule = "`out` must be the path of a new folder, or of a store"
        received = f"the folder {str(folder)!r}, which holds something else"
        raise FileExistsError(message(rule, received)) from None


def _lock(folder: Path, stack: contextlib.ExitStack) -> None:
    """Keeps others from writing until the stack is left, or the process dies."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    stack.callback(os.close, number)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _in_use(folder) from None
    except OSError:  # some network file systems have no locks; what two would write is the same
        pass


def _in_use(folder: Path) -> BlockingIOError:
    rule = "A store can be written by one process at a time"
    fix = "Wait until the other one is done, or pass another path."
    return BlockingIOError(message(rule, f"{str(folder)!r}, which is in use", fix))


def _read_source(images: Array, x: Any, folder: Path) -> tuple[Array, str]:
    """Reads the images once, where `x` gives them on demand; returns them and their checksum."""
    if not is_lazy(x):
        return images, checksum(images)
    with explained(folder):
        return stage(x, folder)


def _begin(
    folder: Path, wanted: dict[str, Any], specs: Sequence[Spec], stack: contextlib.ExitStack
) -> Manifest:
    """Creates the store with a manifest that has no chunks yet."""
    total, row_bytes = specs[0].shape[0], sum(spec.row_bytes for spec in specs)
    # A power of two, whatever fits: Zarr's own chunks divide it.
    rows = 2 ** max(0, (CHUNK_BYTES // row_bytes).bit_length() - 1)
    chunks = -(-total // rows)
    _check_space(folder, total * row_bytes)
    content = {**wanted, "chunk_rows": rows, "complete": False, "chunks": [None] * chunks}
    with explained(folder):
        if not folder.exists():
            with contextlib.suppress(FileExistsError):  # another process was faster, and holds it
                folder.mkdir()
            _lock(folder, stack)
            if any(folder.iterdir()):
                raise _in_use(folder)
            sync_folder(folder.parent)
        manifest = Manifest(folder, content)
        manifest.save()
    return manifest


def _check_space(folder: Path, needed: int) -> None:
    if is_zarr(folder):
        return  # who knows how well it compresses
    free = shutil.disk_usage(folder if folder.exists() else folder.parent).free
    if needed > free:
        rule = "The result must fit onto the disk"
        received = f"{needed / 2**20:,.1f} MiB of rows, while {free / 2**20:,.1f} MiB are free"
        fix = "Free some space, or ask for fewer rows or another path."
        raise OSError(errno.ENOSPC, message(rule, received, fix))
