"""Augmented images as files, to be looked at."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kaug._files import check_path
from kaug._validation import describe, message

_RGBA = 4
# Numbers to draw from where one that Keras draws from fewer has been given to another picture.
_NUMBERS = 1_000_000_000


class Saver:
    """Writes each image of a batch to a folder.

    Args:
        folder: Must exist.
        prefix: Of the file names; no path.
        extension: Names a format that Pillow writes.
        channels: How many the images have.
        channels_first: Whether images are `(C, H, W)`.
        as_keras: Whether pictures may be given the name of an earlier one, which is lost then.
    """

    def __init__(
        self,
        folder: Any,
        prefix: Any,
        extension: Any,
        *,
        channels: int,
        channels_first: bool,
        as_keras: bool,
    ) -> None:
        self.folder = check_path(folder, "save_to_dir")
        if not self.folder.is_dir():
            rule = "`save_to_dir` must be a folder that exists"
            raise ValueError(message(rule, f"save_to_dir={describe(folder)}", "Make it first."))
        for name, part in (("save_prefix", prefix), ("save_format", extension)):
            if not isinstance(part, str) or "\0" in part or (part and part != Path(part).name):
                rule = f"`{name}` must be part of a file name"
                raise ValueError(message(rule, f"{name}={describe(part)}"))
        self.prefix, self.extension = prefix, extension
        _check_format(extension, channels)
        self._channels_first = channels_first
        self._as_keras = as_keras
        self._given: dict[str, tuple[int, int]] = {}  # which picture has a name: batch and place

    def save(
        self,
        images: NDArray[Any],
        rows: NDArray[np.int64],
        rng: np.random.RandomState,
        numbers: int,
    ) -> None:
        """Writes `prefix_row_number.extension` per image, the number drawn below `numbers`."""
        batch = zlib.crc32(rng.get_state(legacy=False)["state"]["key"].tobytes())
        for place, (image, row) in enumerate(zip(images, rows, strict=True)):
            name = self._name(int(row), (batch, place), rng, numbers)
            self._to_picture(image).save(self.folder / name)

    def _name(
        self, row: int, whose: tuple[int, int], rng: np.random.RandomState, numbers: int
    ) -> str:
        """Returns a name that no picture of another batch has, and no other one of this batch."""
        while True:
            name = f"{self.prefix}_{row}_{rng.randint(numbers)}.{self.extension}"
            if self._as_keras or self._given.setdefault(name, whose) == whose:
                return name
            numbers = _NUMBERS

    def _to_picture(self, image: NDArray[Any]) -> Image.Image:
        """Stretches the values to 0..255."""
        values = image.transpose(1, 2, 0) if self._channels_first else image
        values = values.astype(np.float32)
        values -= values.min()
        values /= values.max() or 1
        levels = (values * 255).astype(np.uint8)
        return Image.fromarray(levels[..., 0] if levels.shape[2] == 1 else levels)


def _check_format(extension: str, channels: int) -> None:
    """Raises unless Pillow writes images of so many channels in a format."""
    name = Image.registered_extensions().get(f".{extension.lower()}")
    if name not in Image.SAVE:
        rule = "`save_format` must be a format that Pillow writes"
        raise ValueError(message(rule, f"save_format={extension!r}", 'Use "png".'))
    opaque = (1, 3) if name == "JPEG" else (1, 3, 4)
    if channels not in opaque:
        rule = f"Images to be saved as {name} must have {' or '.join(map(str, opaque))} channels"
        fix = 'Use save_format="png".' if channels == _RGBA else "Leave `save_to_dir` out."
        raise ValueError(message(rule, f"{channels}", fix))


def make_saver(
    generator: Any, shape: tuple[int, ...], folder: Any, prefix: Any, extension: Any
) -> Saver | None:
    """Returns what saves the batches of a generator, or None without a folder.

    Args:
        generator: Says where the channels are, and whether all is to be as in Keras.
        shape: Of an image.
        folder: None for not saving.
        prefix: As of `Saver`.
        extension: The same.
    """
    if folder is None or folder == "":  # as in Keras
        return None
    return Saver(
        folder,
        prefix,
        extension,
        channels=shape[generator.channel_axis - 1],
        channels_first=generator.data_format == "channels_first",
        as_keras=generator.keras_compat,
    )
