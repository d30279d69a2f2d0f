"""What a notebook shows of an object: its description, and pictures below it.

The page belongs to the notebook: text has the colors and the size that it inherits, in light
themes and in dark ones, and pictures stand side by side as far as the cell is wide.
"""

import base64
import html
import io
import random
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from kaug._colors import FAR_ABOVE_WHITE, FAR_BELOW_BLACK
from kaug._types import Array

Facts = Sequence[tuple[str, str]]

_SHOWN = 10  # pictures of a batch
_PIXELS = 2**23  # of all of them before they are shrunk, so that large ones are fewer
_SIDE = 88  # pixels on the screen that the longer side of a picture takes at most
_BYTES = 42_000  # of all pictures together, before base64 adds a third
# What is tried, in this order, until they are no more than that: how large and how many colors.
_STEPS = ((_SIDE, 256**3), (_SIDE, 128), (64, 128), (48, 128))
_ON_A_LINE = 80  # characters of what another library says about its object
_REASON = 400  # characters of an error
_CAPTION = 24  # characters of a label

# A gray that is seen on white and on black.
_FRAME = "box-shadow:0 0 0 1px rgba(128,128,128,.5)"
_TILE = "display:inline-block;margin:3px;text-align:center;vertical-align:top;font-size:80%"
_NOTE = "margin:3px;font-size:85%;opacity:.75"
_TEXT = "margin:0;padding:0;background:none;color:inherit;white-space:pre-wrap"


@dataclass(frozen=True)
class Pictures:
    """What is shown below a description.

    Attributes:
        images: `(H, W)` or `(H, W, C)` each, of any size, dtype and value range.
        captions: What stands below each, maybe nothing.
        note: What stands below all.
    """

    images: Sequence[Array]
    captions: Sequence[str]
    note: str


def line(name: str, facts: Facts) -> str:
    """Returns a description for `repr`."""
    return f"<{name}: {', '.join(f'{key} {value}' for key, value in facts)}>"


def table(name: str, facts: Facts) -> str:
    """Returns a description of several lines, values below each other."""
    indent = max(len(key) for key, _ in facts) + 4
    below = "\n" + " " * indent
    rows = [f"  {key:{indent - 2}}" + value.replace("\n", below) for key, value in facts]
    return "\n".join([name, *rows])


def arrays(structure: Any) -> str:
    """Returns the shapes and dtypes of the arrays in a structure."""
    if isinstance(structure, Mapping):
        return "{" + ", ".join(f"{key!r}: {arrays(item)}" for key, item in structure.items()) + "}"
    if isinstance(structure, (tuple, list)):
        return "(" + ", ".join(arrays(item) for item in structure) + ")"
    return "None" if structure is None else f"{tuple(structure.shape)} {structure.dtype}"


def shortened(value: Any) -> str:
    """Returns the `repr` of an object of another library on one line, and not all of a long one."""
    return _cut(" ".join(repr(value).split()), _ON_A_LINE)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."


def card(text: str, make: Callable[[], Pictures], *, foreign: bool = False) -> str:
    """Returns a description with pictures below it, or with the reason why there are none.

    Args:
        text: The description.
        make: Makes the pictures; may fail.
        foreign: Whether code that is not ours takes part: then the global random states are
            brought back to where they were.
    """
    parts = [f'<pre style="{_TEXT}">{html.escape(text)}</pre>']
    try:
        with _undisturbed() if foreign else _quietly():
            parts += _figure(make())
    except Exception as error:  # a description must never fail for want of a picture
        reason = _cut(f"{type(error).__name__}: {error}", _REASON)
        parts.append(_note(f"No pictures: {reason}"))
    return f"<div>{''.join(parts)}</div>"


def captions(labels: Any, count: int, names: Sequence[str] | None = None) -> list[str]:
    """Returns what to write below pictures: their classes, if the labels are such.

    Args:
        labels: Of a batch: class numbers, texts, one-hot or soft rows, or a dict with these under
            `"labels"`; for anything else nothing is written.
        count: How many pictures there are.
        names: The names of the classes.
    """
    values = labels.get("labels") if isinstance(labels, Mapping) else labels
    if not isinstance(values, np.ndarray) or values.ndim not in (1, 2) or len(values) < count:
        return [""] * count
    flat = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if flat.ndim == 1:
        return [_class_name(value, names) for value in flat[:count]]
    shares = flat[:count].astype(np.float64) if flat.dtype.kind in "biuf" else np.zeros((0, 0))
    # Rows that are no distribution over classes are anything: boxes, angles, several outputs.
    if not shares.size or shares.min() < 0 or np.abs(shares.sum(axis=1) - 1).max() > 0.01:
        return [""] * count
    return [_shares(row, names) for row in shares]


def _shares(row: Array, names: Sequence[str] | None) -> str:
    """Names the two most likely classes, or one where there is but one."""
    likely = [number for number in np.argsort(-row, kind="stable")[:2] if row[number] >= 0.005]
    if len(likely) == 1:
        return _class_name(likely[0], names)
    return ", ".join(f"{_class_name(number, names)} {row[number]:.2f}" for number in likely)


def _class_name(value: Any, names: Sequence[str] | None) -> str:
    if names is not None and value in range(len(names)):
        return _cut(str(names[int(value)]), _CAPTION)
    return f"{value:.4g}" if isinstance(value, np.floating) else _cut(str(value), _CAPTION)


def how_many(shape: Sequence[int]) -> int:
    """Returns how many images of a shape `(H, W)` or `(H, W, C)` are worth showing."""
    return max(1, min(_SHOWN, _PIXELS // (shape[0] * shape[1])))


def first_pictures(images: Array, labels: Any, where: str, **options: Any) -> Pictures:
    """Returns the first pictures of a batch, with their classes.

    Args:
        images: `(N, H, W)` or `(N, H, W, C)`.
        labels: See `captions`.
        where: What the batch is called.
        **options: `names` of `captions`.
    """
    shown = list(images[: how_many(images.shape[1:])])
    note = f"The first {len(shown)} of {where}."
    return Pictures(shown, captions(labels, len(shown), **options), note)


def byte_images(images: Sequence[Array]) -> tuple[list[Array], str]:
    """Returns images as `(H, W)` or `(H, W, 3)`, uint8, and what was done to them, if anything.

    Integers in 0..255 and floats in [0, 1] or 0..255 are what they are; of others the least value
    becomes black and the greatest white.
    """
    pictures = [_thinned(_with_colors(np.asarray(image))) for image in images]
    floats = [picture.astype(np.float64) for picture in pictures]
    least = min(float(np.nanmin(picture)) for picture in floats)
    most = max(float(np.nanmax(picture)) for picture in floats)
    remark = ""
    if pictures[0].dtype.kind == "f" and least >= FAR_BELOW_BLACK and most <= FAR_ABOVE_WHITE:
        least, most = 0.0, 1.0
    elif least >= 0 and most <= 255:
        least, most = 0.0, 255.0
    else:
        remark = f" Black is {least:.4g}, white {most:.4g}."
    known = pictures[0][0, 0].size
    if images[0][0, 0].size > known:
        remark += f" Of {images[0].shape[2]} channels the first {known}."
    scale = 255 / (most - least or 1)
    bytes_ = [
        np.rint(np.clip(np.nan_to_num((picture - least) * scale), 0, 255)).astype(np.uint8)
        for picture in floats
    ]
    return bytes_, remark


def _with_colors(image: Array) -> Array:
    """Returns the channels of an image that can be shown: three, or the first as gray."""
    if image.ndim == 2:
        return image
    return image[..., :3] if image.shape[2] >= 3 else image[..., 0]


def _thinned(image: Array) -> Array:
    """Returns every second, third… pixel of a large image: some still for each on the screen."""
    step = max(1, max(image.shape[:2]) // (4 * _SIDE))
    return image[::step, ::step]


def _figure(pictures: Pictures) -> list[str]:
    if not pictures.images:
        return [_note(pictures.note)]
    images, remark = byte_images(pictures.images)
    longest = max(max(image.shape[:2]) for image in images)
    # Small pictures are enlarged by a whole number, all by the same.
    factor = max(1, _SIDE // longest)
    tiles = [
        _tile(image, data, caption, factor)
        for image, data, caption in zip(images, _encoded(images), pictures.captions, strict=True)
    ]
    return [*tiles, _note(pictures.note + remark)]


def _note(text: str) -> str:
    return f'<div style="{_NOTE}">{html.escape(text)}</div>'


def _tile(image: Array, data: bytes, caption: str, factor: int) -> str:
    scale = min(factor, _SIDE / max(image.shape[:2]))
    height, width = (max(1, round(length * scale)) for length in image.shape[:2])
    style = _FRAME + (";image-rendering:pixelated" if factor > 1 else "")
    text = html.escape(caption)
    source = "data:image/png;base64," + base64.b64encode(data).decode()
    picture = f'<img src="{source}" width="{width}" height="{height}" alt="{text}" style="{style}">'
    return f'<span style="{_TILE}">{picture}{f"<br>{text}" if text else ""}</span>'


def _encoded(images: Sequence[Array]) -> list[bytes]:
    """Returns the images as PNG files, smaller or with fewer colors where they would be large."""
    files: list[bytes] = []
    for side, colors in _STEPS:
        files = [_png(image, side, colors) for image in images]
        if sum(map(len, files)) <= _BYTES:
            break
    return files


def _png(image: Array, side: int, colors: int) -> bytes:
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(image))
    longest = max(picture.size)
    if longest > side:
        size = [max(1, round(length * side / longest)) for length in picture.size]
        picture = picture.resize((size[0], size[1]), Image.Resampling.BOX)
    if colors <= 256:
        picture = picture.quantize(colors, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


@contextmanager
def _quietly() -> Iterator[None]:
    """Keeps warnings about pictures nobody trains on from a notebook."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Leaves the random states of Python and NumPy as they were, whatever happens inside."""
    states = random.getstate(), np.random.get_state()
    try:
        with _quietly():
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
