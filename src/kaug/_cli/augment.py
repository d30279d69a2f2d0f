"""`kaug augment`: augmented rows appended to the arrays of a file."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kaug._cli.arrays import INDEX, Dataset, read_dataset, write_arrays
from kaug._cli.files import check_output
from kaug._cli.notes import note
from kaug._cli.policy import read_policy
from kaug._cli.progress import Watch
from kaug._random import resolve_seed
from kaug._validation import message
from kaug.offline import augment_dataset
from kaug.store import open_dataset
from kaug.store._write import check_path
from kaug.transforms import Transform

_FILES = (".npy", ".h5", ".hdf5")  # no names for a folder


def run(arguments: argparse.Namespace) -> None:
    """Writes the dataset, and what it holds to stdout."""
    out = Path(arguments.out)
    to_file = out.suffix.lower() == ".npz"
    _check_out(arguments, out, to_file=to_file)
    policy = read_policy(arguments.policy)
    dataset = read_dataset(Path(arguments.source), arguments)
    _say_what_is_missing(arguments, dataset)
    if to_file:
        seed, arrays = _to_file(arguments, out, policy, dataset)
    else:
        seed, arrays = _to_folder(arguments, out, policy, dataset)
    print(f"{out}, made with --seed {seed}")
    width = max(map(len, arrays))
    for name, array in arrays.items():
        print(f"  {name:{width}}  {array.dtype} {tuple(array.shape)}")


def _check_out(arguments: argparse.Namespace, out: Path, *, to_file: bool) -> None:
    """Raises when the result can not be written, before anything is read."""
    if not to_file:
        if arguments.overwrite:
            rule = "--overwrite is for .npz files; a folder that was begun is gone on with"
            arguments.usage_error(message(rule, str(out), "Delete it to make it anew."))
        if out.suffix.lower() in _FILES:
            rule = "OUT must be an .npz file, a .zarr group or a folder"
            raise ValueError(message(rule, repr(str(out)), f"Call it {out.stem}.npz."))
        check_path(out)
        return
    check_output(out, Path(arguments.source))
    if out.exists() and not arguments.overwrite:
        rule = "OUT must not be there yet"
        fix = "Choose another name, or pass --overwrite to replace it."
        raise FileExistsError(message(rule, repr(str(out)), fix))


def _say_what_is_missing(arguments: argparse.Namespace, dataset: Dataset) -> None:
    if dataset.names[1] is None:
        note(arguments, "no labels, only images: --y-name NAME says which array has the labels")
    if dataset.others:
        note(arguments, f"left out: {', '.join(dataset.others)}")


def _options(arguments: argparse.Namespace, weight: Any) -> dict[str, Any]:
    # Keras' progress bar would load Keras, and writes to stdout.
    return {
        "sample_weight": weight,
        "append": not arguments.no_append,
        "sampling": arguments.sampling,
        "return_index": True,
        "verbose": 0,
    }


def _to_file(
    arguments: argparse.Namespace, out: Path, policy: Transform, dataset: Dataset
) -> tuple[int, Mapping[str, Any]]:
    seed = resolve_seed(arguments.seed)
    x, y, weight = dataset.images, dataset.labels, dataset.weights
    options = _options(arguments, weight)
    made = augment_dataset(x, y, arguments.n, policy, seed=seed, **options)
    names = [*dataset.names[:2], *[name for name in dataset.names[2:] if name], INDEX]
    arrays = {name: array for name, array in zip(names, made, strict=True) if name is not None}
    write_arrays(out, arrays)
    return seed, arrays


def _to_folder(
    arguments: argparse.Namespace, out: Path, policy: Transform, dataset: Dataset
) -> tuple[int, Mapping[str, Any]]:
    x, y, weight = dataset.images, dataset.labels, dataset.weights
    options = _options(arguments, weight)
    try:
        with Watch(arguments, out):
            augment_dataset(x, y, arguments.n, policy, seed=arguments.seed, out=out, **options)
    except KeyboardInterrupt:
        note(arguments, "what is written stays; the same command goes on from there")
        raise
    stored = open_dataset(out)
    parts = {"x": stored.x, "y": stored.y, "sample_weight": stored.sample_weight}
    arrays = {name: array for name, array in parts.items() if array is not None}
    return int(stored.arguments["seed"]), {**arrays, INDEX: stored.index}
