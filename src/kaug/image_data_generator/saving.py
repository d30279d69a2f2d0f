"""Augmented images as files, to be looked at."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kaug._validation import describe, message


class Saver:
    """Writes each image of a batch to a folder.

    Args:
        folder: Must exist.
        prefix: Of the file names; no path.
        extension: Names a format that Pillow writes.
        channels_first: Whether images are `(C, H, W)`.
    """

    def __init__(self, folder: Any, prefix: str, extension: str, *, channels_first: bool) -> None:
        self._folder = Path(folder)
        if not self._folder.is_dir():
            rule = "`save_to_dir` must be a folder that exists"
            raise ValueError(message(rule, f"save_to_dir={describe(folder)}", "Make it first."))
        for name, part in (("save_prefix", prefix), ("save_format", extension)):
            if part != Path(part).name and part:
                rule = f"`{name}` must be part of a file name"
                raise ValueError(message(rule, f"{name}={part!r}"))
        self._prefix, self._extension = prefix, extension
        self._channels_first = channels_first

    def save(
        self,
        images: NDArray[Any],
        rows: NDArray[np.int64],
        rng: np.random.RandomState,
        numbers: int,
    ) -> None:
        """Writes `prefix_row_number.extension` per image, the number drawn below `numbers`."""
        for image, row in zip(images, rows, strict=True):
            name = f"{self._prefix}_{row}_{rng.randint(numbers)}.{self._extension}"
            self._to_picture(image).save(self._folder / name)

    def _to_picture(self, image: NDArray[Any]) -> Image.Image:
        """Stretches the values to 0..255."""
        values = image.transpose(1, 2, 0) if self._channels_first else image
        values = values.astype(np.float32)
        values -= values.min()
        values /= values.max() or 1
        levels = (values * 255).astype(np.uint8)
        return Image.fromarray(levels[..., 0] if levels.shape[2] == 1 else levels)


def make_saver(generator: Any, folder: Any, prefix: str, extension: str) -> Saver | None:
    """Returns what saves the batches of a generator, or None without a folder."""
    if folder is None:
        return None
    first = generator.data_format == "channels_first"
    return Saver(folder, prefix, extension, channels_first=first)
