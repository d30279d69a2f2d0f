"""Image files: which there are, and how they become arrays."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kaug import _parallel
from kaug._files import check_path, open_regular
from kaug._types import Array
from kaug._validation import check_choice, check_flag, check_integer, describe, message
from kaug.image_data_generator._pictures import (
    USUAL,
    Found,
    check_holds,
    convert,
    convert_as_keras,
    open_picture,
)

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff")
COLOR_MODES = {"grayscale": 1, "rgb": 3, "rgba": 4}
FILTERS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")

# Kinds of picture files that Keras passes over: those that Pillow reads at once, and others.
_READABLE = (".webp", ".gif", ".jfif", ".jpe", ".avif", ".jp2", ".pgm", ".pbm", ".pnm", ".tga")
_FOREIGN = (".heic", ".heif", ".jxl", ".j2k", ".pfm", ".dib", ".ico", ".exr", ".dng", ".dcm")
OTHERS = _READABLE + _FOREIGN


def absolute(folder: Any) -> Path:
    """Returns the absolute path of `directory`, without `..`, links as they are."""
    return Path(os.path.normpath(check_path(folder, "directory").absolute()))


def check_folder(folder: Path) -> Path:
    """Returns `directory` when it is a folder that exists."""
    if not folder.is_dir():
        raise ValueError(message("`directory` must be a folder that exists", repr(str(folder))))
    return folder


def list_images(
    folder: Path, *, follow_links: bool, hidden: bool = False
) -> tuple[list[Path], list[Path]]:
    """Lists the image files below a folder, always in the same order.

    Args:
        folder: Where to look, at any depth.
        follow_links: Whether to enter folders that are symbolic links, each folder but once.
        hidden: Whether to enter folders whose names begin with a dot.

    Returns:
        The files that are read, and pictures of kinds that are not.

    Raises:
        OSError: A folder cannot be read.
    """
    seen = {folder.resolve()}
    found = []
    for root, folders, names in os.walk(folder, followlinks=follow_links, onerror=_raise):
        if not hidden:
            folders[:] = [name for name in folders if not name.startswith(".")]
        if follow_links:
            folders[:] = [name for name in folders if _is_new(Path(root, name), seen)]
        found.append((root, sorted(names)))
    paths = [Path(root, name) for root, names in sorted(found) for name in names]
    read, passed = (
        [path for path in paths if path.name.lower().endswith(kinds)]
        for kinds in (EXTENSIONS, OTHERS)
    )
    return read, passed


def _raise(error: OSError) -> None:
    raise error


def _is_new(folder: Path, seen: set[Path]) -> bool:
    place = folder.resolve()
    new = place not in seen
    seen.add(place)
    return new


def check_inside(
    folder: Path, names: Iterable[str | Path], *, follow_links: bool, fix: str
) -> list[str]:
    """Returns the paths of files by their names, none of them outside of the folder.

    Args:
        folder: An absolute path.
        names: Relative to it, or absolute.
        follow_links: Whether symbolic links, also of folders on the way, may lead outside.
        fix: What to do about a path that is outside.

    Raises:
        ValueError: A path leads out of the folder.
    """
    # As text: a table has names by the hundred thousand, and objects of paths would take longer
    # than all that is asked of the disk.
    paths = [os.path.normpath(os.path.join(folder, name)) for name in names]  # noqa: PTH118
    begin = f"{folder}{os.sep}"
    real = folder.resolve()

    @cache  # folders hold many files
    def leads_inside(place: str) -> bool:
        return Path(place).resolve().is_relative_to(real)

    for path in paths:
        inside = path.startswith(begin) or Path(path).is_relative_to(folder)
        if inside and not follow_links:
            linked = os.path.islink(path)  # noqa: PTH114
            inside = leads_inside(path if linked else os.path.dirname(path))  # noqa: PTH120
        if not inside:
            rule = f"Files must lie inside the folder {str(folder)!r}"
            raise ValueError(message(rule, repr(path), fix))
    return paths


@dataclass(frozen=True)
class Reader:
    """How a file becomes an image.

    Args:
        target_size: Height and width.
        color_mode: `"grayscale"`, `"rgb"` or `"rgba"`.
        interpolation: How Pillow resizes.
        keep_aspect_ratio: Whether to cut the middle out instead of distorting.
        exif_orientation: Whether to turn a photograph as its camera noted.
        channels_first: Whether images are `(C, H, W)`.
        as_keras: Whether depth is lost as in Keras, and without a word.
    """

    target_size: Any
    color_mode: str
    interpolation: str
    keep_aspect_ratio: bool
    exif_orientation: bool
    channels_first: bool
    as_keras: bool

    def __post_init__(self) -> None:
        check_choice(self.color_mode, "color_mode", COLOR_MODES)
        check_choice(self.interpolation, "interpolation", FILTERS)
        for name in ("keep_aspect_ratio", "exif_orientation"):
            check_flag(getattr(self, name), name)
        pair = isinstance(self.target_size, (tuple, list, np.ndarray))
        if not pair or np.shape(self.target_size) != (2,):
            rule = "`target_size` must be (height, width)"
            raise ValueError(message(rule, f"target_size={describe(self.target_size)}"))
        sides = [check_integer(side, "target_size", minimum=1) for side in self.target_size]
        object.__setattr__(self, "target_size", tuple(sides))

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of an image."""
        channels = COLOR_MODES[self.color_mode]
        height, width = self.target_size
        return (channels, height, width) if self.channels_first else (height, width, channels)

    def read(
        self, paths: Sequence[str], dtype: str
    ) -> tuple[Array, dict[int, Exception], dict[int, Found]]:
        """Reads files in parallel.

        Returns:
            The images; by position what was wrong with those that cannot be read; and by position
            what was found in the others.
        """
        images = np.zeros((len(paths), *self.shape), dtype)
        errors: dict[int, Exception] = {}
        found: dict[int, Found] = {}

        def task(start: int, stop: int) -> None:
            for i in range(start, stop):
                try:
                    images[i], found[i] = self._read(paths[i], dtype)
                except Exception as error:  # damaged files make Pillow raise all sorts
                    errors[i] = error

        _parallel.run(task, len(paths))
        return images, errors, found

    def _read(self, path: str, dtype: str) -> tuple[Array, Found]:
        with open_regular(path) as file:
            picture, head = open_picture(file)
            with picture:
                if self.as_keras:
                    mode, found = self.color_mode, USUAL
                    own = convert_as_keras(picture, mode, turn=self.exif_orientation)
                else:
                    own, found = convert(picture, head, self.color_mode, turn=self.exif_orientation)
                values = np.asarray(self._resize(own))
        if not self.as_keras:
            check_holds(values, dtype)
        values = values.reshape(*self.target_size, -1)
        return (values.transpose(2, 0, 1) if self.channels_first else values), found

    def _resize(self, picture: Image.Image) -> Image.Image:
        height, width = self.target_size
        if picture.size == (width, height):
            return picture
        box = _middle(picture.size, (width, height)) if self.keep_aspect_ratio else None
        how = Image.Resampling[self.interpolation.upper()]
        return picture.resize((width, height), how, box)


def _middle(size: tuple[int, int], target: tuple[int, int]) -> tuple[int, int, int, int]:
    """Returns the largest box in the middle that has the target's proportions."""
    width = min(size[0], size[1] * target[0] // target[1])
    height = min(size[1], size[0] * target[1] // target[0])
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return left, top, left + width, top + height
