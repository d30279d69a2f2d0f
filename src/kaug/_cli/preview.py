"""`kaug preview`: what a policy does to a picture, or to those of a folder, as a grid."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image, ImageOps

from kaug._cli.misuse import MisuseError, given_as, reading_of
from kaug._cli.policy import read_policy
from kaug._cli.rows import Named, augmented, chosen, fitting, joined, read, resized
from kaug._draw.keys import check_rows, resolve_seed
from kaug._files import check_parent, check_path, open_regular
from kaug._memory import check_memory
from kaug._validation import message, warn, with_channels
from kaug.plots import plot_images
from kaug.transforms import Transform

_USUAL = 16  # how often a picture is shown
_LONGEST = 1024  # pixels; a larger picture is shown no better, and takes long
_EIGHT_BITS = ("RGB", "RGBA", "LA", "L")
_GRAY = {"1": "L", "L": "L", "LA": "L", "F": "F"}


def run(arguments: argparse.Namespace) -> None:
    """Writes the grid; says to stdout where it is, and with which seed it was made."""
    source = check_path(arguments.image, "IMAGE")
    # Not beside the picture: that may be a folder of training images.
    out = Path(f"{source.stem}-augmented.png")
    if arguments.out is not None:
        out = check_path(arguments.out, "FILE")
        check_parent(out, "FILE")
    policy, seed = read_policy(arguments.policy), resolve_seed(arguments.seed)
    _check_together(arguments)
    figure = _figure(source, arguments, policy, seed)
    if out.is_file() and source.is_file() and out.samefile(source):
        rule = "The preview must not replace the picture"
        raise ValueError(message(rule, repr(str(out)), "Choose another name for it."))
    known = figure.canvas.get_supported_filetypes()
    if out.suffix[1:].lower() not in known:
        rule = f"The name of the preview must end in one of {', '.join(sorted(known))}"
        raise ValueError(message(rule, repr(str(out)), f"Call it {out.stem}.png."))
    figure.savefig(out)
    print(f"{out}, made with --seed {seed}")


def _check_together(arguments: argparse.Namespace) -> None:
    """Raises where options do not go together."""
    with_objects = (arguments.coco, arguments.voc, arguments.yolo) != (None, None, None)
    if arguments.masks and not with_objects:
        rule = "--masks draws those that --coco, --voc or --yolo read"
        raise MisuseError(message(rule, "--masks alone", "Say where they are, or leave it out."))
    given = reading_of(arguments)
    if given and not (with_objects or Path(arguments.image).is_dir()):
        rule = f"{given_as(given)} says how the pictures of a data set are read"
        raise MisuseError(message(rule, "one picture", "Preview its folder."))
    if arguments.row is not None and arguments.n is not None:
        rule = "--row says which rows are shown, -n how many of all"
        raise MisuseError(message(rule, "both", "Leave out one of them."))


def _figure(source: Path, arguments: argparse.Namespace, policy: Transform, seed: int) -> Figure:
    with_objects = (arguments.coco, arguments.voc, arguments.yolo) != (None, None, None)
    if with_objects or source.is_dir():
        return _figure_of_rows(source, arguments, policy, seed)
    if policy._mixes:
        rule = "A policy that mixes pictures is shown with those of a folder"
        fix = "Preview a folder, or leave out what mixes."
        raise ValueError(message(rule, f"one picture, and {policy!r}", fix))
    picture = with_channels(read_picture(source, arguments.size)[np.newaxis])
    numbers = arguments.row
    titles = None if numbers is None else [f"row {number}" for number in numbers]
    numbers = check_rows(np.arange(arguments.n or _USUAL) if numbers is None else numbers)
    batches = augmented(
        picture,
        None,
        np.zeros_like(numbers),
        policy,
        seed=seed,
        epoch=arguments.epoch,
        numbers=numbers,
    )
    return plot_images(np.concatenate([batch["images"] for batch in batches]), titles)


def _figure_of_rows(
    source: Path, arguments: argparse.Namespace, policy: Transform, seed: int
) -> Figure:
    """Shows rows of a data set as training gets them, each once."""
    pictures, y, classes = read(source, arguments)
    numbers = rows = chosen(len(pictures), arguments.n or _USUAL, arguments.row)
    x: Any = pictures
    if arguments.size is not None:
        if policy._mixes:  # with any of them
            rows = np.arange(len(pictures))
        x, y = resized(pictures, y, rows, arguments.size)
        rows = numbers if policy._mixes else np.arange(len(numbers))
    made = augmented(x, y, rows, policy, seed=seed, epoch=arguments.epoch, numbers=numbers)
    batch = joined([fitting(each, _LONGEST) for each in made])
    names = [f": {classes[row]}" if classes else "" for row in numbers]
    titles = [f"row {row}{name}" for row, name in zip(numbers, names, strict=True)]
    batch["images"] = Named(batch["images"])
    batch["images"].class_names = pictures.class_names
    return plot_images(batch, titles)


def read_picture(path: Path, size: tuple[int, int] | None = None) -> NDArray[Any]:
    """Returns a picture as it is to be looked at.

    It is turned as the camera noted. Transparent parts are laid on white.

    Args:
        path: The file.
        size: Height and width to resize it to; None takes its own, or less for a picture that has
            a side longer than 1024 pixels.

    Returns:
        `(H, W)` if it is gray, else `(H, W, 3)` with red, green and blue. uint8, or float32 in
        [0, 1] if the file has more than 8 bits of gray.
    """
    try:
        with open_regular(path) as stream, Image.open(stream) as file:
            _warn_of_what_is_not_shown(file, str(path))
            picture = _flattened(ImageOps.exif_transpose(file))
    except Exception as error:  # damaged files make Pillow raise all sorts
        if isinstance(error, Warning) or (isinstance(error, OSError) and error.errno is not None):
            raise
        rule = "IMAGE must be a picture that Pillow can read"
        raise ValueError(message(rule, f"{str(path)!r} ({error})")) from error
    if size is not None:
        fix = "Choose a smaller --size."
        check_memory(
            (4,), np.dtype("f4"), size[0] * size[1], 0, fix, "The picture must fit into memory"
        )
    if size is None:
        picture.thumbnail((_LONGEST, _LONGEST), Image.Resampling.BILINEAR)
    else:
        picture = picture.resize(size[::-1], Image.Resampling.BILINEAR)
    return np.array(picture)


def _warn_of_what_is_not_shown(file: Image.Image, name: str) -> None:
    """Warns of pages and of bits that Pillow leaves out."""
    pages = getattr(file, "n_frames", 1)
    if pages > 1:
        warn(
            message(
                "A preview shows the first picture of a file", f"{name!r}, with {pages} of them"
            )
        )
    # How the file holds its pixels, such as "RGB;16B", stands beside where they are.
    layouts = [tile[3] for tile in getattr(file, "tile", [])]
    deep = any(";16" in str(layout) for layout in layouts)
    if file.format == "PPM":  # the name of the layout, and which number is white
        deep = any(layout[-1] > 255 for layout in layouts if isinstance(layout, tuple))
    if deep and file.mode in _EIGHT_BITS:
        rule = "A preview shows 8 bits of each color"
        warn(message(rule, f"{name!r}, which has more; what is below the upper 8 is cut off"))


def _flattened(picture: Image.Image) -> Image.Image:
    """Returns a picture of mode L, F or RGB."""
    if picture.mode.startswith("I"):  # 16 bits, which `convert` would cut off at 255
        return Image.fromarray((np.asarray(picture) / 65535).astype(np.float32))
    mode = _GRAY.get(picture.mode, "RGB")
    if "A" in picture.getbands() or "transparency" in picture.info:
        white = Image.new("RGBA", picture.size, "white")
        white.alpha_composite(picture.convert("RGBA"))
        picture = white
    return picture.convert(mode)
