"""What is kept of compiled kernels: where, how much, and for which processors."""

import pkgutil
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numba

from kaug import _kernels
from kaug._kernels.caching import caches_of
from kaug._validation import message


class Kept(NamedTuple):
    """What is kept.

    Args:
        processor: What Numba compiles for.
        here: How many kernels are kept for it, one for each combination of dtypes.
        others: How many for other processors.
        folders: Where they are.
        files: How many files there are, those of other versions as well.
        size: How many bytes they have.
    """

    processor: str
    here: int
    others: int
    folders: tuple[str, ...]
    files: int
    size: int


def kept() -> Kept:
    """Returns what is kept of this version's kernels; all of their modules are loaded for it."""
    machine = import_module("numba.core.registry").cpu_target.target_context.codegen().magic_tuple()
    processors: dict[Any, Any] = {}  # of what is kept, wherever that may be
    folders: dict[str, None] = {}
    for kernel in _all_kernels():
        for number, cache in enumerate(caches_of(kernel)):
            keys = list(cache._cache_file._load_index())
            processors.update(((kernel.py_func, key), key[1]) for key in keys)
            if keys or not number:
                folders[str(cache.cache_path)] = None
    files = [path for place in folders for path in Path(place).glob("*.nb[ci]")]
    size = sum(path.stat().st_size for path in files)
    here = sum(each == machine for each in processors.values())
    return Kept(machine[1], here, len(processors) - here, tuple(folders), len(files), size)


def _all_kernels() -> list[Any]:
    names = [f"{_kernels.__name__}.{each.name}" for each in pkgutil.iter_modules(_kernels.__path__)]
    values = [value for name in names for value in vars(import_module(name)).values()]
    # Some are imported by others.
    return list({id(value): value for value in values if hasattr(value, "py_func")}.values())


def elsewhere(place: str, read: Iterable[str]) -> str:
    """Says so when kernels are kept and read somewhere else than in the folder that was asked for.

    Args:
        place: Where they are kept.
        read: Where they are read.
    """
    wanted = numba.config.CACHE_DIR
    folder = Path(wanted).resolve()
    if not wanted or any(Path(each).resolve().is_relative_to(folder) for each in (place, *read)):
        return ""
    rule = "NUMBA_CACHE_DIR must be a folder that can be written to, or holds compiled kernels"
    received = f"{wanted!r}, so that kernels are kept in {place!r}"
    return message(rule, received, "Name another one, then run `kaug warmup`.")
