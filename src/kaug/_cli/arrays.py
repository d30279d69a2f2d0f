"""Datasets in `.npz` files: read without unpickling anything, written whole or not at all."""

import argparse
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._cli.files import written_whole
from kaug._validation import message

Array = NDArray[Any]

INDEX = "index"
_IMAGES = ("x", "x_train")


@dataclass(frozen=True)
class Dataset:
    """The arrays of a file that are augmented.

    Args:
        arrays: Images, labels and weights, by the names they have in the file.
        names: Those names, None for what is not there.
        others: The names of the arrays that are left out.
    """

    arrays: Mapping[str, Array]
    names: tuple[str, str | None, str | None]
    others: tuple[str, ...]

    @property
    def images(self) -> Array:
        """The images."""
        return self.arrays[self.names[0]]

    @property
    def labels(self) -> Array | None:
        """The labels, if there are any."""
        return self.arrays.get(self.names[1] or "")

    @property
    def weights(self) -> Array | None:
        """The sample weights, if there are any."""
        return self.arrays.get(self.names[2] or "")


def read_dataset(path: Path, names: argparse.Namespace | None = None) -> Dataset:
    """Returns images, labels and weights of an `.npz` file.

    Args:
        path: The file.
        names: `x_name`, `y_name` and `weight_name`, None for the usual ones.

    Raises:
        ValueError: It is no such file, it is damaged, it holds Python objects, or it does not have
            the arrays.
    """
    rule = "IN must be an .npz file of plain arrays, as numpy.savez writes them"
    if not path.exists():
        raise ValueError(message(rule, f"{str(path)!r}, where there is no file"))
    if not zipfile.is_zipfile(path):
        raise ValueError(message(rule, f"{str(path)!r}, which is none"))
    try:
        # Python objects would be unpickled, and that may run any code.
        with np.load(path, allow_pickle=False) as file:
            wanted = _choose(path, tuple(file.files), names)
            arrays = {name: file[name] for name in wanted if name is not None}
            others = tuple(name for name in file.files if name not in wanted)
    except MemoryError:
        raise
    except Exception as error:  # damaged files make NumPy and zipfile raise all sorts
        if "Received: " in str(error):
            raise
        raise ValueError(message(rule, f"{str(path)!r} ({error})")) from error
    return Dataset(arrays, wanted, others)


def _choose(
    path: Path, there: tuple[str, ...], names: argparse.Namespace | None
) -> tuple[str, str | None, str | None]:
    """Returns the names of images, labels and weights."""
    x_name = None if names is None else names.x_name
    if x_name is None:
        x_name = next((name for name in _IMAGES if name in there), _IMAGES[0])
    tail = x_name.removeprefix("x") if x_name.startswith("x") else None
    usual = [None if tail is None else f"{kind}{tail}" for kind in ("y", "sample_weight")]
    asked = [None, None] if names is None else [names.y_name, names.weight_name]
    chosen = [
        (name if name in there else None) if wish is None else wish
        for name, wish in zip(usual, asked, strict=True)
    ]
    for option, name in zip(
        ("--x-name", "--y-name", "--weight-name"), (x_name, *chosen), strict=True
    ):
        if name is not None and name not in there:
            rule = f"{str(path)!r} must have the array {name!r}"
            fix = f"Say which one it is, with {option} NAME."
            raise ValueError(message(rule, f"the arrays {list(there)}", fix))
    used = [name for name in (x_name, *chosen) if name is not None]
    if len(set(used)) < len(used) or INDEX in used:
        rule = "Images, labels and weights must be three arrays, none of them called 'index'"
        raise ValueError(message(rule, f"{used}"))
    return x_name, chosen[0], chosen[1]


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Writes arrays as `numpy.savez` does: the same arrays always make the same bytes."""
    with (
        written_whole(path) as stream,
        zipfile.ZipFile(stream, "w", allowZip64=True) as archive,
    ):
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
