"""Structures of arrays as plain data: which file holds which array, and what belongs together."""

import keyword
import math
import re
from collections import namedtuple
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from kaug._images import Companion
from kaug._memory import check_memory
from kaug._targets.structures import map_arrays
from kaug._types import Array
from kaug._validation import message

# No dot and no slash: a name cannot lead out of the store.
NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_STORABLE = "biufcSUmM"


@dataclass(frozen=True, slots=True)
class Spec:
    """One array of a store."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def row_bytes(self) -> int:
        """How many bytes one row takes."""
        return self.dtype.itemsize * math.prod(self.shape[1:])

    def to_plain(self) -> dict[str, Any]:
        """Returns the array's description for the manifest."""
        return {"name": self.name, "dtype": self.dtype.str, "shape": list(self.shape)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Spec":
        """Returns what `to_plain` described, and a manifest that was checked holds."""
        return cls(plain["name"], np.dtype(plain["dtype"]), tuple(plain["shape"]))


def check_storable(dtype: np.dtype[Any], name: str) -> np.dtype[Any]:
    """Returns the dtype when arrays of it are plain bytes."""
    if dtype.kind not in _STORABLE or dtype.hasobject:
        rule = f"`{name}` can only be stored with a dtype of fixed size, such as numbers or <U9"
        fix = "Make numbers or strings of it: .astype(int), .astype(float) or .astype(str)."
        if dtype.names:
            fix = f"Store its fields: {{name: {name}[name] for name in {name}.dtype.names}}."
        elif dtype.kind == "V":
            fix = f"Make bytes of it: {name}.view('u1').reshape(len({name}), -1)."
        raise TypeError(message(rule, f"dtype {dtype}", fix))
    if dtype.char in "gG":  # between its numbers lie bytes that mean nothing and are never the same
        rule = f"`{name}` cannot be stored as the machine's long double"
        fix = f"Convert it first, to {'float64' if dtype.char == 'g' else 'complex128'}."
        raise TypeError(message(rule, f"dtype {dtype}", fix))
    return dtype


def with_plain_strings(y: Any) -> Any:
    """Returns a structure with strings of a fixed size in place of those that are objects.

    What pandas holds strings in comes out as an array of objects, whatever its own dtype is.
    """

    def plain(leaf: Any, _: str) -> Any:
        if getattr(getattr(leaf, "dtype", None), "kind", "") not in ("O", "T"):
            return leaf
        given = np.asarray(leaf)
        if not given.size or not all(isinstance(item, str) for item in given.flat):
            return leaf
        longest = max(map(len, given.flat))
        check_memory((longest,), np.dtype("U1"), given.size, 0, "Shorten the longest strings.")
        made = given.astype(f"U{max(1, longest)}")
        # Strings of fixed size are padded with zeros, so those at the end would be lost.
        return made if (made == given).all() else leaf

    return map_arrays(plain, y)


def leaves_of(parts: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields the arrays of structures with what to call each, such as `y['label'][0]`."""
    found: list[tuple[str, Any]] = []

    def note(leaf: Any, name: str) -> None:
        if isinstance(leaf, (np.ndarray, Companion)):
            found.append((name, leaf))

    for part, structure in parts.items():
        map_arrays(note, structure, part)
    return iter(found)


def specs_of(parts: Mapping[str, Any], rows: int) -> list[Spec]:
    """Returns the arrays that a store of `rows` rows needs.

    Args:
        parts: Structures of arrays like those to be stored, with any number of rows.
        rows: How many rows are to be stored.

    Raises:
        TypeError: A dtype cannot be stored.
    """
    specs: list[Spec] = []
    taken: set[str] = set()
    for called, array in leaves_of(parts):
        name = plain = "_".join(re.findall(r"[A-Za-z0-9_-]+", called))[:60]
        # Lower case, since not every file system tells "A" from "a".
        while name.lower() in taken:
            name = f"{plain}_{len(taken)}"
        taken.add(name.lower())
        specs.append(Spec(name, check_storable(array.dtype, called), (rows, *array.shape[1:])))
    return specs


def to_tree(structure: Any, numbers: Iterator[int]) -> Any:
    """Returns a structure as plain data, with the next of `numbers` in place of each array."""
    if structure is None:
        return None
    if isinstance(structure, np.ndarray):
        return {"array": next(numbers)}
    if isinstance(structure, Mapping):
        for key in structure:
            if not isinstance(key, (str, int)) or isinstance(key, bool):
                rule = "The keys of a dict must be strings or integers to be stored"
                raise TypeError(message(rule, f"the key {key!r}"))
        return {"dict": [[key, to_tree(value, numbers)] for key, value in structure.items()]}
    fields = getattr(structure, "_fields", None)
    if isinstance(structure, tuple) and fields is not None:
        items = [to_tree(item, numbers) for item in structure]
        name = type(structure).__name__
        named_tuple(name, tuple(fields))  # raises now what would be raised when it is opened
        return {"named": [name, list(fields), items]}
    if isinstance(structure, (tuple, list)):
        kind = "list" if isinstance(structure, list) else "tuple"
        return {kind: [to_tree(item, numbers) for item in structure]}
    return {"value": structure if type(structure) in (str, int) else float(structure)}


def from_tree(tree: Any, arrays: Sequence[Any]) -> Any:
    """Returns the structure that `to_tree` described.

    A named tuple is one of the same name and fields, of a class of its own: none is imported.
    """
    if tree is None:
        return None
    ((kind, content),) = tree.items()
    if kind == "array":
        return arrays[content]
    if kind == "dict":
        return {key: from_tree(value, arrays) for key, value in content}
    if kind == "named":
        name, fields, trees = content
        return named_tuple(name, tuple(fields))(*(from_tree(tree, arrays) for tree in trees))
    if kind in ("list", "tuple"):
        items = [from_tree(item, arrays) for item in content]
        return items if kind == "list" else tuple(items)
    return content


@lru_cache(maxsize=64)
def named_tuple(name: str, fields: tuple[str, ...]) -> Any:
    """Returns a class of named tuples, the same one for the same name and fields.

    Raises:
        TypeError: One of them is no plain name.
    """
    for word in (name, *fields):
        # `namedtuple` makes source code of them.
        plain = isinstance(word, str) and word.isidentifier() and not keyword.iskeyword(word)
        if not plain:
            rule = "A named tuple must have a name and fields that Python takes to be stored"
            raise TypeError(message(rule, f"{word!r}"))
    make: Any = namedtuple  # whose names are known now only, so no checker understands it
    made = make(name, fields, module=__name__)
    made.__reduce__ = lambda self: (_named, (name, fields, tuple(self)))  # no module has the class
    return made


def _named(name: str, fields: tuple[str, ...], items: tuple[Any, ...]) -> Any:
    """Returns a named tuple; what unpickling calls."""
    return named_tuple(name, fields)(*items)


def with_leaves(structure: Any, arrays: Iterator[Any]) -> Any:
    """Returns a structure with the next of `arrays` in place of each of its own."""
    return map_arrays(
        lambda leaf, _: next(arrays) if isinstance(leaf, np.ndarray) else leaf, structure
    )


def bytes_of(array: Array) -> memoryview:
    """Returns the bytes of an array in its order, without a copy where it is contiguous."""
    values: Any = np.ascontiguousarray(array).reshape(-1)
    return memoryview(values.view(np.uint8))
