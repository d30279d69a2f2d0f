"""What an image file holds: its depth, channels and pages, and what of them is lost on the way.

Pillow decodes. What it reads wrongly is refused here, and what it or the color mode leaves out is
noted, so that whoever asked for the image can be told.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from kaug._types import Array
from kaug.sources._opening import (
    BITS,
    COMPRESSION,
    UnusableError,
    orientation_of,
    stored_bits,
    swaps_twice,
)

BYTES = "8 bits"

# The tags of a TIFF that say how its values are stored.
_PHOTOMETRIC, _SAMPLES, _PLANAR, _SAMPLE_FORMAT = 262, 277, 284, 339
_UNSIGNED, _SIGNED = 1, 2
_DECODED_BY_PILLOW = (1, 32773)  # not compressed, PackBits; libtiff decodes the others


@dataclass(frozen=True)
class Found:
    """What was found in a file beside its values.

    Args:
        depth: Of the values: `BYTES`, another number of bits, or floats.
        notes: What is lost or unusual, by its kind: rule, what was received, and the fix.
    """

    depth: str
    notes: dict[str, tuple[str, str, str]] = field(default_factory=dict)


USUAL = Found(BYTES)


def convert(
    picture: Image.Image, head: bytes, color_mode: str, *, turn: bool
) -> tuple[Image.Image, Found]:
    """Returns a picture in a color mode with all its depth, and what was found.

    Args:
        picture: As it was opened.
        head: The first bytes of its file.
        color_mode: `"grayscale"`, `"rgb"` or `"rgba"`.
        turn: Whether to turn a photograph as its camera noted.

    Returns:
        Of gray deeper than 8 bits one channel for `"rgb"` too, to be repeated.

    Raises:
        UnusableError: Pillow reads it wrongly, or the color mode cannot hold it.
    """
    tags = getattr(picture, "tag_v2", {})
    _refuse_misread(picture, tags)
    notes = dict(_lost(picture, tags, head))
    # In the file's own order: pages are counted before, and photographs turned after it is loaded.
    picture.load()
    if turn:
        picture = ImageOps.exif_transpose(picture)
    elif (orientation := orientation_of(picture)) in range(2, 9):
        notes["orientation"] = (
            "A photograph is read as it is stored, mirrored or on its side or head",
            f"EXIF orientation {orientation}",
            "Pass exif_orientation=True to turn it as its camera noted.",
        )
    if color_mode == "grayscale" and _has_colored_palette(picture):
        notes["palette"] = (
            "Of a picture with a palette the grays of its colors are read, not the numbers of them",
            "a palette of colors",
            "If it is a mask, these numbers are its classes: np.asarray(PIL.Image.open(path)). "
            "Save them as a gray file.",
        )
    depth = _depth(picture, tags)
    if depth != BYTES and color_mode != "grayscale":
        _note_depth(depth, color_mode, notes)
    found = USUAL if depth == BYTES and not notes else Found(depth, notes)
    return _to_mode(picture, color_mode), found


def convert_as_keras(picture: Image.Image, color_mode: str, *, turn: bool) -> Image.Image:
    """Returns a picture in a color mode as Keras makes it, its losses included."""
    if turn:
        picture = ImageOps.exif_transpose(picture)
    if color_mode == "grayscale":
        return picture if picture.mode in ("L", "I;16", "I") else picture.convert("L")
    mode = color_mode.upper()
    return picture if picture.mode == mode else picture.convert(mode)


def check_holds(values: Array, dtype: str) -> None:
    """Raises when a dtype cannot hold the values of a picture."""
    if np.can_cast(values.dtype, dtype, "safe"):
        return
    with np.errstate(all="ignore"):
        held = values.astype(dtype)
    if values.dtype.kind == "f" and held.dtype.kind == "f":
        good = np.isfinite(held) | ~np.isfinite(values)
    else:
        good = held == values
    if not good.all():
        worst = values[~good].max()
        what = f"values such as {worst}, which dtype={dtype!r} cannot hold"
        raise UnusableError(what, 'Make the generator with dtype="float32", or "float64".')


def _refuse_misread(picture: Image.Image, tags: Any) -> None:
    """Refuses what Pillow opens, but gives other values than the file's."""
    if not tags:
        return
    bits, samples = max(tags.get(BITS, (1,))), tags.get(_SAMPLES, 1)
    kind = tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0]
    planes = tags.get(_PLANAR, 1) == 2 and samples > 1
    black_is_0 = tags.get(_PHOTOMETRIC) != 0
    fix = "Save it as gray of 8 or 16 bits or float32, black as 0."
    if planes and bits > 8 and tags.get(COMPRESSION, 1) in _DECODED_BY_PILLOW:
        raise UnusableError(
            f"{bits} bits in planes, which Pillow mixes up", "Save its channels together."
        )
    if swaps_twice(picture):
        what = f"{bits} bits, compressed, the highest byte first, which Pillow mixes up"
        raise UnusableError(what, "Save it with the lowest byte first, or without compression.")
    if kind == _SIGNED and bits == 8:
        raise UnusableError("8 bits with a sign, which Pillow takes for 0..255", fix)
    if picture.mode == "I" and kind == _UNSIGNED and bits == 32 and np.asarray(picture).min() < 0:
        raise UnusableError(
            "32 bits without a sign above 2**31, which Pillow takes for negative", fix
        )
    if not black_is_0 and _is_deep(picture):
        raise UnusableError(f"{bits} bits of which 0 is white, which Pillow leaves so", fix)


def _lost(
    picture: Image.Image, tags: Any, head: bytes
) -> Iterator[tuple[str, tuple[str, str, str]]]:
    """Yields what Pillow leaves out, as notes by their kind."""
    bits = stored_bits(tags, head)
    if bits > 8 and not _is_deep(picture):
        yield (
            "depth",
            (
                "Of color, and of gray with opacity, only the highest 8 bits are read",
                f"{bits} bits",
                "Save it with 8 bits if they will do, or its channels as gray files: with "
                'color_mode="grayscale" those keep 16.',
            ),
        )
    samples, bands = tags.get(_SAMPLES, 1), len(picture.getbands())
    if samples > bands:
        fix = "Save the channels you need as a file of their own."
        yield (
            "channels",
            ("Channels beside those of color are left out", f"{bands} of {samples}", fix),
        )
    # Files of the format MPO are photographs, with smaller ones or depth maps behind.
    pages = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
    if pages > 1:
        fix = "Save the others as files of their own if they count."
        yield "pages", ("Only the first page or frame of a file is read", f"{pages} pages", fix)


def _has_colored_palette(picture: Image.Image) -> bool:
    """Tells whether the pixels of a picture are numbers of colors that are not all gray."""
    if picture.mode not in ("P", "PA"):
        return False
    colors = np.reshape(picture.getpalette("RGB") or [], (-1, 3))
    return bool((colors != colors[:, :1]).any())


def _note_depth(depth: str, color_mode: str, notes: dict[str, tuple[str, str, str]]) -> None:
    if color_mode == "rgba":
        what = f"gray of {depth}, while opacity has 8"
        raise UnusableError(what, 'Pass color_mode="grayscale", which keeps the range.')
    notes["range"] = (
        "Gray of more than 8 bits keeps its own range, not 0..255, and fills all three channels",
        depth,
        'Pass color_mode="grayscale" for one channel, and divide by its range '
        "(rescale=1 / 65535 for all 16 bits).",
    )


def _is_deep(picture: Image.Image) -> bool:
    return picture.mode == "F" or picture.mode.startswith("I")


def _depth(picture: Image.Image, tags: Any) -> str:
    """Returns the depth of the values that Pillow gives."""
    if not _is_deep(picture):
        return BYTES
    if picture.mode == "F":
        return "32-bit floats"
    return f"{max(tags.get(BITS, (16,)))} bits"


def _to_mode(picture: Image.Image, color_mode: str) -> Image.Image:
    if _is_deep(picture):
        swapped = picture.mode not in ("F", "I", "I;16")
        return Image.fromarray(np.asarray(picture).astype(np.uint16)) if swapped else picture
    mode = "L" if color_mode == "grayscale" else color_mode.upper()
    if picture.mode == "P" and isinstance(picture.info.get("transparency"), bytes):
        # The same colors, without Pillow's warning that opacity is lost.
        picture = picture.convert("RGBA")
    return picture if picture.mode == mode else picture.convert(mode)
