"""`kaug augment`: augmented rows appended to the arrays of a file, or made from a folder."""

import argparse
import contextlib
import io
import math
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.lib.npyio import NpzFile

from kaug._cli.misuse import MisuseError, given_as, reading_of
from kaug._cli.policy import read_policy
from kaug._draw.keys import resolve_seed
from kaug._files import check_parent, check_path, open_regular
from kaug._memory import check_memory
from kaug._validation import message
from kaug.offline import augment_dataset
from kaug.store import open_dataset

_NAMES = ("x", "y", "sample_weight")
_USUAL = (_NAMES, tuple(f"{name}_train" for name in _NAMES))


def run(arguments: argparse.Namespace) -> None:
    """Writes the dataset; says to stdout what it holds, and with which seed it was made."""
    out, seed = check_path(arguments.out, "OUT"), arguments.seed
    check_parent(out, "OUT")
    policy = read_policy(arguments.policy)
    source = check_path(arguments.source, "IN")
    check_source(arguments, source)
    names: tuple[str, ...] = ()
    if source.is_dir():
        from kaug.sources import folder  # loads Pillow, which arrays need not

        x, y = folder(source, **reading_of(arguments))
        names, weight = x.class_names or (), None
    else:
        arrays = read_arrays(source, arguments.arrays)
        x, y, weight = (*arrays, None, None)[:3]
    options: dict[str, Any] = {
        "sample_weight": weight,
        "append": not (arguments.no_append or names),
        "sampling": arguments.sampling,
        "return_index": True,
        "verbose": "auto" if sys.stderr.isatty() else 0,
    }
    with contextlib.redirect_stdout(_Stderr()):
        if out.suffix.lower() == ".npz":
            seed = resolve_seed(seed)
            with _new_file(out) as stream:
                made = _named(augment_dataset(x, y, arguments.n, policy, seed=seed, **options))
                np.savez(stream, **made)
        else:
            options["out"] = out
            made = _named(augment_dataset(x, y, arguments.n, policy, seed=seed, **options))
            seed = open_dataset(out).arguments["seed"]
    print(f"{out}, made with --seed {seed}")
    width = max(map(len, made))
    for name, array in made.items():
        print(f"  {name:{width}}  {array.dtype} {array.shape}")
    for number, name in enumerate(names):
        print(f"  class {number}: {name}")


def check_source(arguments: argparse.Namespace, source: Path) -> None:
    """Raises where an option of arrays was given for a folder, or one of a folder for arrays."""
    if source.is_dir():
        if arguments.arrays is not None:
            rule = "--arrays names those of an .npz file"
            raise MisuseError(message(rule, "a folder of pictures", "Leave it out."))
    elif given := reading_of(arguments):
        rule = f"{given_as(given)} says how the pictures of a folder are read"
        raise MisuseError(message(rule, f"the file {str(source)!r}", "Leave it out."))


def read_arrays(path: Path, names: Sequence[str] | None = None) -> list[Any]:
    """Returns images and, if they are there, labels and sample weights of an `.npz` file.

    Python objects are refused: they would be unpickled, and that may run any code.

    Args:
        path: The file.
        names: One to three names, in that order; None takes the usual ones.

    Raises:
        ValueError: It is no such file, it is damaged, or it does not have the arrays.
    """
    try:
        with open_regular(path) as stream, NpzFile(stream, allow_pickle=False) as file:
            there = list(file)
            usual = next((usual for usual in _USUAL if usual[0] in there), _NAMES[:1])
            wanted = list(takewhile(there.__contains__, usual)) if names is None else list(names)
            for name in there:
                if name in wanted:
                    _check_size(file, name)
            arrays = [file[name] for name in wanted if name in there]
    except (OSError, MemoryError):
        raise
    except Exception as error:  # damaged files make NumPy and zipfile raise all sorts
        rule = "IN must be an .npz file of plain arrays, as numpy.savez writes them"
        raise ValueError(message(rule, f"{str(path)!r} ({error})")) from error
    if not 1 <= len(arrays) == len(wanted) <= 3:
        rule = f"{str(path)!r} must have the arrays that are to be augmented"
        fix = "Name images, labels and sample weights: --arrays X,Y,WEIGHT."
        raise ValueError(message(rule, f"the arrays {', '.join(there)}", fix))
    if left := sorted(set(there) - set(wanted)):
        print(f"kaug augment: left out: {', '.join(left)}", file=sys.stderr)
    return arrays


def _check_size(file: NpzFile, name: str) -> None:
    """Raises when an array is longer than its header says, or than the memory that is free."""
    archive: Any = file.zip
    member = next(each for each in archive.infolist() if each.filename in (name, f"{name}.npy"))
    with archive.open(member) as stream:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(stream)
        values = member.file_size - stream.tell()
    if not dtype.hasobject and math.prod(shape) * dtype.itemsize != values:
        raise ValueError(f"{name} of {shape} {dtype} in {values:,} bytes")
    fix = "Read it in parts, with augment_dataset and out=path, from arrays that are memory-mapped."
    check_memory((), np.dtype("u1"), values, 0, fix, f"The array {name!r} must fit into memory")


def _named(made: Sequence[Any]) -> dict[str, Any]:
    """Returns the arrays that were made, by the names they have in a store."""
    names = [*_NAMES[: len(made) - 1], "index"]
    return {name: array for name, array in zip(names, made, strict=True) if array is not None}


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """Opens a file to write, which must not be there yet and only is once it is whole."""
    if path.exists():
        rule, fix = "OUT must not be there yet", "Choose another name, or delete it first."
        raise FileExistsError(message(rule, repr(str(path)), fix))
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as stream:
            yield stream
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


class _Stderr(io.StringIO):
    """Takes what the library prints about its progress: stdout is for results.

    It is no terminal, which would be shown a bar of Keras, and that takes seconds to load.
    """

    def write(self, text: str) -> int:
        return sys.stderr.write(text)
