"""Which commands and options there are."""

import argparse
import re
from collections.abc import Callable
from typing import Any

from kaug import __version__

# As `kaug.sampling` has them, which would load NumPy.
SAMPLING = ("random", "cycle", "balanced")
_MAX_SEED = 2**64 - 1

_POLICY = (
    "what augments: a file that a transform's to_json wrote, its name ending in .json; the name "
    "of a transform, which is then taken with its defaults; or a transform as in Python, such as "
    "'Rotation(30)'"
)

_COMMANDS = {
    "preview": (
        "show what a policy does to a picture",
        "Augments one picture many times and writes the results as a grid.",
        """
        kaug preview photo.jpg
        kaug preview photo.jpg --policy randaugment -n 25 -o grid.png
        kaug preview photo.jpg --policy policy.json --size 224x224 --seed 0
        """,
    ),
    "augment": (
        "append augmented rows to the arrays of an .npz file",
        "Appends augmented images to a dataset, each with the label of its source, and writes it\n"
        "with the source row of every row (index).",
        """
        kaug augment in.npz out.npz -n 10000 --policy policy.json --seed 0
        kaug augment in.npz folder -n 1000000 --policy trivialaugmentwide
        kaug augment in.npz out.npz -n 500 --policy 'Rotation(20)' --sampling balanced
        """,
    ),
    "policies": (
        "list the transforms, or write one as JSON",
        "Lists what --policy takes by name; writes a policy as JSON, to be kept or edited.",
        """
        kaug policies
        kaug policies tutorial > policy.json
        kaug policies 'Compose([Rotation(20), HorizontalFlip()])' > policy.json
        """,
    ),
    "bench": (
        "measure how fast a policy is on this machine",
        "Measures how many images a second a policy makes, beside a plain copy of the images.",
        """
        kaug bench
        kaug bench --policy randaugment --size 96x96x3
        kaug bench --images train.npz --keras
        """,
    ),
}


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser; `command` of what it returns names the module that carries it out."""
    parser = argparse.ArgumentParser(
        prog="kaug",
        description="Fast, label-safe, reproducible image augmentation for Keras.",
        epilog="`kaug COMMAND --help` has the options of a command, and examples.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"kaug {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    makers = {
        "preview": _add_preview,
        "augment": _add_augment,
        "policies": _add_policies,
        "bench": _add_bench,
    }
    for name, (summary, description, examples) in _COMMANDS.items():
        lines = "\n".join(f"  {line.strip()}" for line in examples.strip().splitlines())
        command = commands.add_parser(
            name,
            help=summary,
            description=description,
            epilog=f"examples:\n{lines}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.set_defaults(command=name, usage_error=command.error)
        makers[name](command)
    return parser


def _add_preview(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("image", metavar="IMAGE", help="a picture in any format that Pillow reads")
    add("--policy", default="tutorial", metavar="POLICY", help=f"{_POLICY} (default: tutorial)")
    add(
        "-o",
        "--output",
        metavar="FILE",
        help="where to, in the format of its suffix (default: IMAGE-augmented.png, in the "
        "current folder)",
    )
    add("-n", type=_integer(1, 1000), default=16, help="how many times (default: %(default)s)")
    _add_seed(command)
    add(
        "--size",
        type=_size(2),
        metavar="HxW",
        help="resize the picture first, to the size you train at (default: as it is, but no side "
        "longer than 1024)",
    )


def _add_augment(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("source", metavar="IN.npz", help="images and labels, as numpy.savez writes them")
    add(
        "out",
        metavar="OUT",
        help="a name ending in .npz for a file, made in memory; any other name for a folder of "
        ".npy files or, if it ends in .zarr, a Zarr group, made chunk by chunk: started again, it "
        "goes on where it was",
    )
    add("-n", type=_integer(0), required=True, help="how many augmented rows")
    add("--policy", required=True, metavar="POLICY", help=_POLICY)
    _add_seed(command)
    add(
        "--sampling",
        choices=SAMPLING,
        default="random",
        help="how source rows are chosen (default: %(default)s)",
    )
    add("--no-append", action="store_true", help="write the augmented rows alone")
    add(
        "--x-name",
        metavar="NAME",
        help="the array with the images (default: x, or else x_train)",
    )
    add(
        "--y-name",
        metavar="NAME",
        help="the array with the labels (default: the name of the images with y for the x it "
        "begins with)",
    )
    add(
        "--weight-name",
        metavar="NAME",
        help="the array with the sample weights (default: likewise with sample_weight)",
    )
    add("--overwrite", action="store_true", help="replace OUT.npz if it is there")


def _add_policies(command: argparse.ArgumentParser) -> None:
    command.add_argument("policy", nargs="?", metavar="POLICY", help=f"{_POLICY}; tutorial is one")


def _add_bench(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    images = command.add_mutually_exclusive_group()
    images.add_argument(
        "--images", metavar="FILE", help="an .npz file, as for augment, or a picture"
    )
    images.add_argument(
        "--size",
        type=_size(3),
        action="append",
        metavar="HxWxC",
        help="images of noise of this size; may be given several times (default: 28x28x1 and "
        "224x224x3)",
    )
    add("--policy", default="tutorial", metavar="POLICY", help=f"{_POLICY} (default: tutorial)")
    add(
        "--seconds",
        type=_seconds,
        default=6.0,
        help="how long to measure, in all (default: %(default)g)",
    )
    add(
        "--keras",
        action="store_true",
        help="measure Keras' ImageDataGenerator and a chain of its layers as well, which do what "
        "the policy tutorial does; takes a minute or so",
    )


def _add_seed(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--seed",
        type=_integer(0, _MAX_SEED),
        help="for the same result every time (default: another one each time, and it is said "
        "which)",
    )


def _integer(minimum: int, maximum: int | None = None) -> Callable[[str], int]:
    bounds = f"at least {minimum}" if maximum is None else f"between {minimum} and {maximum}"

    def convert(text: str) -> int:
        number = int(text) if re.fullmatch(r"\d{1,20}", text, re.ASCII) else -1
        if number < minimum or (maximum is not None and number > maximum):
            raise _wrong(f"must be an integer, {bounds}", text)
        return number

    return convert


def _size(count: int) -> Callable[[str], tuple[int, ...]]:
    form = "HEIGHTxWIDTHxCHANNELS"[: 12 if count == 2 else None]

    def convert(text: str) -> tuple[int, ...]:
        size = tuple(int(part) for part in re.findall(r"\d{1,9}", text, re.ASCII))
        if "x".join(map(str, size)) != text or len(size) != count or 0 in size:
            example = "224x224x3"[: 7 if count == 2 else None]
            raise _wrong(f"must be {form} in pixels, such as {example}", text)
        return size

    return convert


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 3600:
        raise _wrong("must be a number of seconds, above 0 and at most 3600", text)
    return number


def _wrong(rule: str, received: Any) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"{rule}. Received: {received!r}.")
