"""What the manifest of a store must look like, whoever signed it."""

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np

from kaug._targets.places import SETTINGS
from kaug._validation import describe
from kaug.store._structure import (
    NAME,
    Spec,
    check_storable,
    from_tree,
    leaves_of,
    named_tuple,
    specs_of,
)

VERSION = 1  # of the format
CHUNK_BYTES = 2**24  # rows, with all that belongs to them, that are made and written at once

_TOP = {
    "format", "format_version", "kaug", "arguments", "transform", "source", "arrays", "structure",
    "chunk_rows", "complete", "chunks",
}  # fmt: skip
_PARTS = ("x", "y", "sample_weight", "index")
_VERSION = re.compile(r"\d+(\.\d+)+\w*")
_DTYPE = re.compile(r"[<>|][biufcSUmM]\d{1,9}(\[\w{1,20}\])?")
_CHECKSUM = re.compile(r"[0-9a-f]{64}")
_CHUNK = re.compile(r"[0-9a-f]{32}")


class NotOfKaugError(Exception):
    """A manifest is not as kaug wrote it; says in which place."""


def check_content(content: Mapping[str, Any]) -> None:
    """Raises when a manifest cannot be one that kaug wrote.

    Types, counts and references are looked at, so that what reads the manifest can rely on them,
    and nothing in it names a file outside of the store, or more memory than kaug would have taken.

    Raises:
        NotOfKaugError: Something is missing, too much, or of another kind.
    """
    _keys(content, _TOP, "the manifest")
    _need(type(content["format_version"]) is int, "format_version", content["format_version"])
    _need(content["format_version"] == VERSION, "format_version", content["format_version"])
    _need(_is_text(content["kaug"], _VERSION), "kaug", content["kaug"])
    specs = _specs(content["arrays"])
    _check_arguments(content["arguments"], specs[0].shape[0])
    _check_transform(content["transform"])
    _check_source(content["source"], content["arguments"], specs[0])
    _check_structure(content["structure"], content["source"], specs)
    _check_chunks(content, specs)


def _specs(arrays: Any) -> list[Spec]:
    _need(isinstance(arrays, list) and len(arrays) >= 2, "arrays", arrays)
    for plain in arrays:
        _keys(plain, {"name", "dtype", "shape"}, "an array")
        _check_layout(plain)
        _need(_is_text(plain["name"], NAME), "name", plain["name"])
    specs = [Spec.from_plain(plain) for plain in arrays]
    rows = specs[0].shape[:1]
    _need(all(spec.shape[:1] == rows for spec in specs), "arrays", "other numbers of rows")
    images, index = specs[0], specs[-1]
    _need(len(images.shape) >= 3 and images.dtype.kind in "iuf", "the images", images)
    _need(0 not in images.shape[1:], "the images", images)
    _need(index.shape == rows and index.dtype == np.int64, "the index", index)
    return specs


def _check_layout(plain: Mapping[str, Any], *, any_size: bool = False) -> None:
    """Checks a dtype and a shape, as text and lengths; height and width may be of `any_size`."""
    dtype, shape = plain["dtype"], plain["shape"]
    _need(_is_text(dtype, _DTYPE), "dtype", dtype)
    try:
        known = check_storable(np.dtype(dtype), "dtype").str == dtype
    except (TypeError, ValueError):
        known = False
    _need(known, "dtype", dtype)
    _need(isinstance(shape, list) and 1 <= len(shape) <= 32, "shape", shape)
    known_lengths = [*shape[:1], *shape[3:]] if any_size and shape[1:3] == [None, None] else shape
    _need(all(_is_count(length) for length in known_lengths), "shape", shape)


def _check_arguments(arguments: Any, rows: int) -> None:
    _keys(arguments, {"n", "seed", "append", "sampling"}, "arguments")
    n, seed, append = (arguments[name] for name in ("n", "seed", "append"))
    _need(_is_count(n), "n", n)
    _need(_is_count(seed, 2**64), "seed", seed)
    _need(type(append) is bool, "append", append)
    _need(n <= rows if append else n == rows, "n", f"{n} of {rows} rows")
    sampling = arguments["sampling"]
    _need(sampling in ("random", "cycle", "balanced"), "sampling", sampling)


def _check_transform(transform: Any) -> None:
    _keys(transform, {"class_name", "config"}, "transform")
    name, config = transform["class_name"], transform["config"]
    _need(isinstance(name, str) and ">" in name, "class_name", name)
    _need(isinstance(config, dict), "config", config)


def _check_source(source: Any, arguments: Mapping[str, Any], images: Spec) -> None:
    _need(isinstance(source, dict) and isinstance(source.get("x"), dict), "source", source)
    # The images first: the others are compared with them.
    for name, facts in sorted(source.items(), key=lambda item: item[0] != "x"):
        if name in SETTINGS:
            _need(_is_setting(facts), f"source {name}", facts)
            continue
        _need(isinstance(facts, dict), f"source {name}", facts)
        _keys(facts, {"dtype", "shape", "sha256"}, f"source {name}")
        _check_layout(facts, any_size=arguments["append"] is False)
        _need(_is_text(facts["sha256"], _CHECKSUM), "sha256", facts["sha256"])
        _need(facts["shape"][0] == source["x"]["shape"][0], f"source {name}", facts["shape"])
    _need(source["x"]["dtype"] == images.dtype.str, "source x", source["x"]["dtype"])
    rows, *shape = source["x"]["shape"]
    if arguments["append"]:
        kept = [images.shape[0] - arguments["n"], *images.shape[1:]]
        _need([rows, *shape] == kept, "source x", source["x"]["shape"])
    else:
        _need(rows > 0 or not arguments["n"], "source x", source["x"]["shape"])


def _check_structure(structure: Any, source: Mapping[str, Any], specs: list[Spec]) -> None:
    """Checks that the arrays are those that a dataset of this structure has."""
    _keys(structure, _PARTS, "structure")
    numbers = count()
    for part in _PARTS:
        _check_tree(structure[part], numbers)
    found = next(numbers)
    _need(found == len(specs), "structure", f"{found} arrays, of {len(specs)}")
    try:
        rows = [np.empty((0, *spec.shape[1:]), spec.dtype) for spec in specs]
        parts = {part: from_tree(structure[part], rows) for part in _PARTS}
        same = specs_of(parts, specs[0].shape[0]) == specs
    except (TypeError, ValueError) as error:  # too many bytes, or a name that nothing can have
        raise NotOfKaugError(f"structure: {error}") from None
    _need(same, "structure", "other arrays than it names")
    sources = source.keys() - set(SETTINGS)
    _need(sources == {name for name, _ in leaves_of(parts)} - {"index"}, "source", sorted(sources))


def _check_tree(tree: Any, numbers: "count[int]") -> None:
    if tree is None:
        return
    _need(isinstance(tree, dict) and len(tree) == 1, "structure", tree)
    ((kind, content),) = tree.items()
    if kind == "array":
        _need(type(content) is int and content == next(numbers), "structure", tree)
    elif kind == "value":
        _need(type(content) in (str, float, int), "structure", tree)
    else:
        _need(kind in ("dict", "list", "tuple", "named"), "structure", tree)
        _need(isinstance(content, list), "structure", tree)
        for item in _items_of(kind, content):
            _check_tree(item, numbers)


def _items_of(kind: str, content: Sequence[Any]) -> Sequence[Any]:
    """Returns what is in a dict, a list or a tuple."""
    if kind in ("list", "tuple"):
        return content
    if kind == "dict":
        pairs = [pair for pair in content if isinstance(pair, list) and len(pair) == 2]
        keys = [key for key, _ in pairs if type(key) in (str, int)]
        _need(len(content) == len(set(keys)), "structure", content)
        return [item for _, item in pairs]
    _need(len(content) == 3, "structure", content)
    name, fields, items = content
    _need(isinstance(fields, list) and isinstance(items, list), "structure", content)
    _need(len(fields) == len(items), "structure", content)
    try:
        named_tuple(name, tuple(fields))
    except (TypeError, ValueError) as error:
        raise NotOfKaugError(str(error)) from None
    return list(items)


def _check_chunks(content: Mapping[str, Any], specs: Sequence[Spec]) -> None:
    """Checks that the chunks are all there, and none of them larger than kaug makes them."""
    rows, chunk_rows, chunks = specs[0].shape[0], content["chunk_rows"], content["chunks"]
    row_bytes = sum(spec.row_bytes for spec in specs)
    _need(_is_count(chunk_rows) and chunk_rows > 0, "chunk_rows", chunk_rows)
    usual = chunk_rows == 1 or chunk_rows * row_bytes <= CHUNK_BYTES
    _need(usual and not chunk_rows & (chunk_rows - 1), "chunk_rows", chunk_rows)
    _need(isinstance(chunks, list), "chunks", chunks)
    _need(len(chunks) == -(-rows // chunk_rows), "chunks", f"{len(chunks)} for {rows} rows")
    known = all(chunk is None or _is_text(chunk, _CHUNK) for chunk in chunks)
    _need(known, "chunks", "other things than checksums")
    _need(type(content["complete"]) is bool, "complete", content["complete"])
    if content["complete"]:
        _need(None not in chunks, "complete", "true, while chunks are missing")


def _keys(value: Any, wanted: Collection[str], name: str) -> None:
    _need(isinstance(value, dict), name, value)
    missing, foreign = sorted(set(wanted) - set(value)), sorted(set(value) - set(wanted))
    _need(not missing, name, f"no {', '.join(missing)}")
    _need(not foreign, name, f"{', '.join(foreign)}, which kaug does not write")


def _is_text(value: Any, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_setting(value: Any) -> bool:
    """Tells text or a number, one for all or one for each by name, or pairs of counts."""
    if isinstance(value, list):
        pairs = all(isinstance(pair, list) and len(pair) == 2 for pair in value)
        return pairs and all(_is_count(number) for pair in value for number in pair)
    each = value.values() if isinstance(value, dict) else (value,)
    return all(type(item) in (str, float) for item in each)


def _is_count(value: Any, limit: int = 2**63) -> bool:
    return type(value) is int and 0 <= value < limit


def _need(true: bool, name: str, found: Any) -> None:
    if not true:
        raise NotOfKaugError(f"{name}: {found if isinstance(found, str) else describe(found)}")
