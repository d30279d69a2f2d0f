"""Image files: which there are, and how they become arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kaug import _parallel
from kaug._files import list_files, open_regular
from kaug._types import Array
from kaug._validation import check_choice, check_flag, check_integer, describe, message
from kaug.image_data_generator._pictures import (
    USUAL,
    Found,
    check_holds,
    convert,
    convert_as_keras,
)
from kaug.sources._opening import open_picture

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff")
COLOR_MODES = {"grayscale": 1, "rgb": 3, "rgba": 4}
FILTERS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")

# Kinds of picture files that Keras passes over: those that Pillow reads at once, and others.
_READABLE = (".webp", ".gif", ".jfif", ".jpe", ".avif", ".jp2", ".pgm", ".pbm", ".pnm", ".tga")
_FOREIGN = (".heic", ".heif", ".jxl", ".j2k", ".pfm", ".dib", ".ico", ".exr", ".dng", ".dcm")
OTHERS = _READABLE + _FOREIGN


def list_images(
    folder: Path, *, follow_links: bool, hidden: bool = False
) -> tuple[list[Path], list[Path]]:
    """Returns the image files below a folder that are read, and pictures of kinds that are not."""
    paths = list_files(folder, follow_links=follow_links, hidden=hidden)
    read, passed = (
        [path for path in paths if path.name.lower().endswith(kinds)]
        for kinds in (EXTENSIONS, OTHERS)
    )
    return read, passed


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
