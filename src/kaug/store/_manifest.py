"""What a store was made from and how far it is: read with suspicion, written atomically."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kaug._validation import message

FORMAT, VERSION = "kaug-store", 1
_GROUPS, _DERIVED = ("arguments", "source"), ("arrays", "structure")
_REMAKE = "Delete the store and make it again."


class Manifest:
    """The manifest of one store.

    Args:
        folder: The store.
        content: What is recorded, plain data.
    """

    def __init__(self, folder: Path, content: dict[str, Any]) -> None:
        self.folder = folder
        self.content = content

    @property
    def chunks(self) -> list[str | None]:
        """The checksum of each chunk that is there, else None."""
        chunks: list[str | None] = self.content["chunks"]
        return chunks

    def save(self) -> None:
        """Writes the manifest: whoever reads finds the old one or the new one, never a part."""
        signed = {**self.content, "sha256": _digest(self.content)}
        if is_zarr(self.folder):
            # The metadata of the group itself; Zarr lets attributes be anything.
            signed = {"zarr_format": 3, "node_type": "group", "attributes": {"kaug": signed}}
        _write_atomically(manifest_file(self.folder), json.dumps(signed, indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "Manifest":
        """Returns the manifest of a store.

        Raises:
            FileNotFoundError: There is none, or it is of something else than kaug.
            ValueError: It is damaged, or of a later version of kaug.
        """
        file = manifest_file(folder)
        rule = f"A store must have a manifest, {file.name}"
        if not file.exists():
            raise FileNotFoundError(message(rule, f"{str(folder)!r}, which has none"))
        refuse_link(file)
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            if _is_foreign(content, zarr=is_zarr(folder)):
                raise FileNotFoundError(message(rule, f"{str(file)!r}, which is not of kaug"))
            content = content["attributes"]["kaug"] if is_zarr(folder) else content
            checksum = content.pop("sha256")
            intact = checksum == _digest(content) and content["format"] == FORMAT
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            intact = False
        if not intact:
            rule = "The manifest of a store must be as kaug wrote it"
            raise ValueError(message(rule, f"a damaged {str(file)!r}", _REMAKE))
        if content["format_version"] != VERSION:
            rule = f"This kaug reads stores of format version {VERSION}"
            raise ValueError(message(rule, f"format version {content['format_version']}"))
        return cls(folder, content)

    def check_same(self, wanted: Mapping[str, Any]) -> None:
        """Raises when the store was made from something else than `wanted`."""
        found: list[str] = []
        for name, value in wanted.items():
            # What follows from all the rest, and stands behind it, is not worth naming beside it.
            if name not in _DERIVED or not found:
                found += _differences(self.content.get(name), value, name)
        if found:
            rule = f"{str(self.folder)!r} holds a dataset made in another way"
            fix = "Pass another path, or delete the store."
            raise ValueError(message(rule, "; ".join(found), fix))


def _is_foreign(content: Any, *, zarr: bool) -> bool:
    """Tells what others keep under the name of a manifest from one that is damaged."""
    if not isinstance(content, dict):
        return False
    if zarr:
        return "node_type" in content and "kaug" not in (content.get("attributes") or {})
    return bool(content) and not content.keys() & {"format", "sha256"}


def _differences(recorded: Any, wanted: Any, name: str) -> Iterator[str]:
    """Yields what differs, in words."""
    if name in _GROUPS and recorded.keys() == wanted.keys():
        for key in wanted:
            yield from _differences(recorded[key], wanted[key], key)
    elif recorded != wanted:
        found, kept = _short(wanted), _short(recorded)
        other = f"{name}={found}, where the store has {kept}"
        yield f"{name} with other contents" if found == kept else other


def _short(value: Any) -> str:
    if isinstance(value, dict) and "sha256" in value:
        return f"{value['dtype']} of shape {tuple(value['shape'])}"
    text = json.dumps(value)
    return text if len(text) <= 300 else f"{text[:297]}..."


def is_zarr(folder: Path) -> bool:
    """Tells a Zarr group from a folder of `.npy` files by its name."""
    return folder.suffix.lower() == ".zarr"


def manifest_file(folder: Path) -> Path:
    """Returns where the manifest is."""
    return folder / ("zarr.json" if is_zarr(folder) else "manifest.json")


def unfinished(folder: Path) -> Path:
    """Returns where a manifest is while it is being written."""
    return folder / f"{manifest_file(folder).name}.partial"


def refuse_link(file: Path) -> None:
    """Raises when a file of a store is a link, which could lead out of it."""
    if file.is_symlink():
        rule = "A store must not contain links"
        raise ValueError(message(rule, f"the link {str(file)!r}"))


def _write_atomically(file: Path, text: str) -> None:
    partial = unfinished(file.parent)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(partial, flags, 0o666), "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(file)
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Makes what was created or renamed in a folder last."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
