"""Image files: which there are, and how they become arrays."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from kaug import _parallel
from kaug._validation import check_choice, check_integer, describe, message

Array = NDArray[Any]

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff")
COLOR_MODES = {"grayscale": 1, "rgb": 3, "rgba": 4}
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")

_GRAY_MODES = ("L", "I;16", "I")  # read as they are, with all their bits


def absolute(folder: Any) -> Path:
    """Returns an absolute path without `..`, links as they are."""
    return Path(os.path.normpath(Path(folder).absolute()))


def list_images(folder: Path, *, follow_links: bool) -> list[Path]:
    """Returns the image files below a folder, always in the same order.

    Args:
        folder: Where to look, at any depth.
        follow_links: Whether to enter folders that are symbolic links, each folder but once.
    """
    seen = {folder.resolve()}
    found = []
    for root, folders, names in os.walk(folder, followlinks=follow_links):
        if follow_links:
            folders[:] = [name for name in folders if _is_new(Path(root, name), seen)]
        found.append((root, sorted(names)))
    return [
        Path(root, name)
        for root, names in sorted(found)
        for name in names
        if name.lower().endswith(EXTENSIONS)
    ]


def _is_new(folder: Path, seen: set[Path]) -> bool:
    place = folder.resolve()
    new = place not in seen
    seen.add(place)
    return new


def check_inside(
    folder: Path, names: Iterable[str | Path], *, follow_links: bool, fix: str
) -> list[Path]:
    """Returns the paths of files by their names, none of them outside of the folder.

    Args:
        folder: An absolute path.
        names: Relative to it, or absolute.
        follow_links: Whether symbolic links, also of folders on the way, may lead outside.
        fix: What to do about a path that is outside.

    Raises:
        ValueError: A path leads out of the folder.
    """
    paths = [Path(os.path.normpath(folder / name)) for name in names]
    real = folder.resolve()

    @cache  # folders hold many files
    def leads_inside(place: Path) -> bool:
        return place.resolve().is_relative_to(real)

    for path in paths:
        inside = path.is_relative_to(folder)
        if inside and not follow_links:
            inside = leads_inside(path if path.is_symlink() else path.parent)
        if not inside:
            rule = f"Files must lie inside the folder {str(folder)!r}"
            raise ValueError(message(rule, repr(str(path)), fix))
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
    """

    target_size: tuple[int, ...]
    color_mode: str
    interpolation: str
    keep_aspect_ratio: bool
    exif_orientation: bool
    channels_first: bool

    def __post_init__(self) -> None:
        check_choice(self.color_mode, "color_mode", COLOR_MODES)
        check_choice(self.interpolation, "interpolation", INTERPOLATIONS)
        if len(self.target_size) != 2:
            rule = "`target_size` must be (height, width)"
            raise ValueError(message(rule, f"target_size={describe(self.target_size)}"))
        for length in self.target_size:
            check_integer(length, "target_size", minimum=1)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of an image."""
        channels = COLOR_MODES[self.color_mode]
        height, width = self.target_size
        return (channels, height, width) if self.channels_first else (height, width, channels)

    def read(self, paths: Sequence[str], dtype: str) -> tuple[Array, dict[int, Exception]]:
        """Reads files in parallel.

        Returns:
            The images, and by position what was wrong with those that cannot be read.
        """
        images = np.zeros((len(paths), *self.shape), dtype)
        errors: dict[int, Exception] = {}

        def task(start: int, stop: int) -> None:
            for i in range(start, stop):
                try:
                    images[i] = self._read(paths[i])
                except Exception as error:  # damaged files make Pillow raise all sorts
                    errors[i] = error

        _parallel.run(task, len(paths))
        return images, errors

    def _read(self, path: str) -> Array:
        with Image.open(path) as file:
            _refuse_bombs(file)
            picture = ImageOps.exif_transpose(file) if self.exif_orientation else file
            values = np.asarray(self._resize(self._convert(picture)))
        values = values.reshape(*self.target_size, -1)
        return values.transpose(2, 0, 1) if self.channels_first else values

    def _convert(self, picture: Image.Image) -> Image.Image:
        if self.color_mode == "grayscale":
            return picture if picture.mode in _GRAY_MODES else picture.convert("L")
        mode = self.color_mode.upper()
        return picture if picture.mode == mode else picture.convert(mode)

    def _resize(self, picture: Image.Image) -> Image.Image:
        height, width = self.target_size
        if picture.size == (width, height):
            return picture
        box = _middle(picture.size, (width, height)) if self.keep_aspect_ratio else None
        how = Image.Resampling[self.interpolation.upper()]
        return picture.resize((width, height), how, box)


def _refuse_bombs(picture: Image.Image) -> None:
    """Refuses pictures whose pixels would fill the memory, before they are decoded."""
    limit, pixels = Image.MAX_IMAGE_PIXELS, picture.width * picture.height
    if limit is not None and pixels > limit:
        raise ValueError(
            message(
                f"An image must have at most {limit} pixels",
                f"{picture.width} × {picture.height}",
                "Raise PIL.Image.MAX_IMAGE_PIXELS if you trust it.",
            )
        )


def _middle(size: tuple[int, int], target: tuple[int, int]) -> tuple[int, int, int, int]:
    """Returns the largest box in the middle that has the target's proportions."""
    width = min(size[0], size[1] * target[0] // target[1])
    height = min(size[1], size[0] * target[1] // target[0])
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return left, top, left + width, top + height
