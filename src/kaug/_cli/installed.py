"""What is installed, and which backend Keras takes, without importing any of it."""

import json
import os
import re
from collections.abc import Iterable
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from kaug._validation import message

#: What kaug installs, and the other backends of Keras.
NEEDED = (
    *("keras", "matplotlib", "numba", "llvmlite", "numpy", "pillow", "psutil", "scipy"),
    *("tensorflow", "jax", "torch"),
)
#: What more it makes use of, by the extra that installs it; that of the last is there through
#: others.
OPTIONAL = {
    "albumentations": "albumentations",
    "grain": "grain",
    "imagecodecs": "tiff",
    "pycocotools": "coco",
    "pyyaml": "yolo",
    "ray": "ray",
    "simplejpeg": "jpeg",
    "tifffile": "tiff",
    "zarr": "zarr",
}
# What may be there by several names, all but the first of which are only told if they are.
_OTHER_NAMES = {
    "tensorflow": ("tensorflow-cpu", "tf-nightly"),
    "opencv-python-headless": ("opencv-python", "opencv-contrib-python"),
}
_BACKENDS = ("tensorflow", "jax", "torch")  # those that layers of kaug run on
_ALL_BACKENDS = (*_BACKENDS, "numpy", "openvino")  # those that Keras knows
GLUE = "\N{NO-BREAK SPACE}"  # between a name and its version, where lines are not to be broken
_AT_LEAST = re.compile(r"([\w.-]+)>=([\d.]+)")


def version_of(name: str) -> str | None:
    """Returns the version of a distribution, with its name where it goes by another; or None."""
    for each in (name, *_OTHER_NAMES.get(name, ())):
        try:
            version = metadata.version(each)
        except metadata.PackageNotFoundError:
            continue
        return version if each == name else f"{version} ({each})"
    return None


def listed(names: Iterable[str]) -> str:
    """Returns the names of what is installed, with their versions, on one line."""
    found = ((name, version_of(name)) for name in names)
    return ", ".join(f"{name}{GLUE}{version}" for name, version in found if version is not None)


def lacking() -> list[str]:
    """Returns what is wrong with what kaug requires: not there, or too old."""
    try:
        required = metadata.requires("kaug") or []
    except metadata.PackageNotFoundError:  # a copy that was never installed
        return []
    wrong = []
    for match in filter(None, map(_AT_LEAST.fullmatch, required)):
        name, least = match.groups()
        version = version_of(name)
        if version is None and name != "tensorflow":  # which another backend may stand for
            wrong.append(message(f"kaug needs {name}", "none", f'pip install "{match[0]}"'))
        elif version is not None and _numbers(version) < _numbers(least):
            rule = f"kaug needs {name} of version {least} or newer"
            wrong.append(message(rule, version, f'pip install --upgrade "{match[0]}"'))
    return wrong


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))


class Backend(NamedTuple):
    """The backend of Keras, as Keras will choose it.

    Args:
        name: Of the backend.
        source: Where the name comes from.
        fix: What to change.
    """

    name: str
    source: str
    fix: str

    @property
    def wrong(self) -> str:
        """What is wrong with it; nothing if it can be used."""
        received = f"{self.name!r}, {self.source}"
        if self.name not in _ALL_BACKENDS:
            rule = f"The backend of Keras must be one of {', '.join(_ALL_BACKENDS)}"
            return message(rule, received, self.fix)
        if find_spec(self.name) is None:
            there = [name for name in _BACKENDS if find_spec(name) is not None]
            fix = f"pip install {self.name}"
            if there:
                fix += f"; or take what is there: KERAS_BACKEND={there[0]}"
            return message("The backend of Keras must be installed", received, f"{fix}.")
        return ""


def backend() -> Backend:
    """Returns the backend of Keras, by the rules of Keras: a variable, a file, or TensorFlow."""
    if name := os.environ.get("KERAS_BACKEND"):
        return Backend(name, "by KERAS_BACKEND", "Set KERAS_BACKEND to one of them, or unset it.")
    file = _keras_folder() / "keras.json"
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
        return Backend(str(settings["backend"]), f"by {file}", f"Change it in {file}.")
    except (OSError, ValueError, KeyError, TypeError):
        return Backend("tensorflow", "since nothing says otherwise", "Set KERAS_BACKEND.")


def _keras_folder() -> Path:
    if (given := os.environ.get("KERAS_HOME")) is not None:
        return Path(given).expanduser()
    home = Path("~").expanduser()
    return (home if os.access(home, os.W_OK) else Path("/tmp")) / ".keras"
