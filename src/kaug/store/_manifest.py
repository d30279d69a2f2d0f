"""What a store was made from and how far it is: read with suspicion, written atomically."""

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kaug._files import open_regular
from kaug._validation import message
from kaug.store._schema import VERSION, NotOfKaugError, check_content

FORMAT = "kaug-store"
_GROUPS, _DERIVED = ("arguments", "source"), ("arrays", "structure")
AS_WRITTEN = "The manifest of a store must be as kaug wrote it"
_REMAKE = "Delete the store and make it again."
_MOST_BYTES = 2**28  # of a manifest: that of 100 TiB of rows has fewer


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
            OSError: It is a pipe or something else that is no file.
            ValueError: It is damaged, or of a later version of kaug.
        """
        file = manifest_file(folder)
        rule = f"A store must have a manifest, {file.name}"
        if not file.exists():
            raise FileNotFoundError(message(rule, f"{str(folder)!r}, which has none"))
        refuse_link(file)
        signed = _parsed(file)
        if _is_foreign(signed, zarr=is_zarr(folder)):
            raise FileNotFoundError(message(rule, f"{str(file)!r}, which is not of kaug"))
        return cls(folder, _checked(signed, folder))

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


def _parsed(file: Path) -> Any:
    """Returns what stands in a manifest; None if that cannot be read."""
    with open_regular(file) as stream:
        text = stream.read(_MOST_BYTES + 1)
    try:
        return json.loads(text) if len(text) <= _MOST_BYTES else None
    except (ValueError, RecursionError):
        return None


def _checked(signed: Any, folder: Path) -> dict[str, Any]:
    """Returns a manifest without its checksum, when it is as kaug wrote it."""
    content = _attributes_of(signed) if is_zarr(folder) else signed
    try:
        if not isinstance(content, dict):
            raise NotOfKaugError
        checksum = content.pop("sha256", None)
        if checksum != _digest(content) or content.get("format") != FORMAT:
            raise NotOfKaugError
        version = content.get("format_version")
        if type(version) is int and version > VERSION:
            rule = f"This kaug reads stores of format version {VERSION}"
            raise ValueError(message(rule, f"format version {version}"))
        check_content(content)
    except (NotOfKaugError, RecursionError) as error:
        where = f", {error}" if error.args else ""
        received = f"a damaged {str(manifest_file(folder))!r}{where}"
        raise ValueError(message(AS_WRITTEN, received, _REMAKE)) from None
    return content


def _attributes_of(group: Any) -> Any:
    """Returns what kaug wrote into the metadata of a Zarr group; None if it is not that."""
    if not isinstance(group, dict) or not isinstance(group.get("attributes"), dict):
        return None
    kind = group.get("zarr_format"), group.get("node_type")
    return group["attributes"].get("kaug") if kind == (3, "group") else None


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


def check_file(file: Path, status: os.stat_result, *, writable: bool) -> None:
    """Raises when a file of a store is none, or has another name under which it would change."""
    if not stat.S_ISREG(status.st_mode):
        rule = "The files of a store must be files"
        raise ValueError(message(rule, f"{str(file)!r}, which is something else"))
    if writable and status.st_nlink > 1:
        rule = "A file that kaug writes to must have one name"
        fix = "Copy the store, without hard links, and go on with the copy."
        raise ValueError(message(rule, f"{str(file)!r}, with {status.st_nlink} hard links", fix))


def _write_atomically(file: Path, text: str) -> None:
    partial = unfinished(file.parent)
    partial.unlink(missing_ok=True)  # a pipe would be waited for, a link written through
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
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
