"""Which commands and options there are.

What is checked here is what can be told from the words alone, by the rules of what takes them.
"""

import argparse
import re
from collections.abc import Callable
from typing import Any

from kaug._version import __version__

_POLICY = (
    "what augments: a file that a transform's to_json wrote, its name ending in .json; or a "
    "transform as in Python, such as 'Rotation(30)', or just its name for its defaults"
)


_DAY = 86_400  # seconds
_LONG = 40  # characters of what is shown as received
_MOST_ROWS, _LAST_ROW = 2**62, 2**47 - 1  # rows are numbered in so many bits
_DTYPES = ("uint8", "uint16", "float16", "float32", "float64")


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser; `command` of what it returns names the module that carries it out."""
    parser = argparse.ArgumentParser(
        prog="kaug",
        description="Fast, label-safe, reproducible image augmentation for Keras.",
        epilog="`kaug COMMAND --help` has the options of a command, and examples.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"kaug {__version__}")
    # Not required by argparse, which would ask for one before it looks at a wrong option.
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    def command(name: str, summary: str, *examples: str) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name,
            help=summary,
            description=summary,
            epilog="\n  ".join(["examples:", *examples]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        # What begins like a negative number is a value that will not do, and no option.
        added._negative_number_matcher = re.compile(r"-\d")
        return added

    _add_preview(
        command(
            "preview",
            "Show what a policy does to a picture, or to those of a folder, as a grid.",
            "kaug preview photo.jpg",
            "kaug preview photos --policy 'Compose([RandomResizedCrop(height=224, width=224)])'",
            "kaug preview photo.jpg --policy randaugment -n 25 -o grid.png",
            "kaug preview photos --coco instances.json --policy 'Rotation(15)' --row 17 --epoch 3",
        )
    )
    _add_augment(
        command(
            "augment",
            "Append augmented images, each with its label, to the arrays of an .npz file; or make "
            "some of the pictures in a folder.",
            "kaug augment in.npz out.npz -n 10000 --policy policy.json --seed 0",
            "kaug augment in.npz folder -n 1000000 --policy trivialaugmentwide",
            "kaug augment in.npz out.npz -n 500 --policy 'Rotation(20)' --sampling balanced",
            "kaug augment photos out -n 9000 --policy 'RandomResizedCrop(height=224, width=224)'",
        )
    )
    _add_compare(
        command(
            "compare",
            "Train a model with each of several policies, and say which differences are more than "
            "chance.",
            "kaug compare in.npz --epochs 20",
            "kaug compare in.npz --epochs 20 --policies Identity HorizontalFlip policy.json",
            "kaug compare photos --size 64x64 --epochs 30 --minutes 120 --log comparison.jsonl",
            "kaug compare in.npz --epochs 20 --model network.py:build_model -o comparison.png",
        )
    )
    _add_policies(
        command(
            "policies",
            "List what a policy can be made of, or write one as JSON.",
            "kaug policies",
            "kaug policies tutorial > policy.json",
            "kaug policies 'Compose([Rotation(20), HorizontalFlip()])' > policy.json",
        )
    )
    _add_bench(
        command(
            "bench",
            "Measure how many images a second a policy makes, beside a plain copy of the images.",
            "kaug bench",
            "kaug bench --policy randaugment --size 96x96x3",
            "kaug bench --keras",
        )
    )
    _add_warmup(
        command(
            "warmup",
            "Compile what policies need, so that their first call does not have to.",
            "kaug warmup",
            "kaug warmup policy.json --dtypes float32",
            "kaug warmup 'Compose([Rotation(20), HorizontalFlip()])' --dtypes uint8 float32",
        )
    )
    command(
        "doctor",
        "Say what is installed, how kaug runs on this machine, and whether it computes what it "
        "should; for reports of defects, and where something is slow or odd.",
        "kaug doctor",
        "kaug doctor > report.txt 2>&1",
    )
    return parser


def _add_preview(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    image = "a picture in any format that Pillow reads, or a folder; with --yolo, a data.yaml"
    add("image", metavar="IMAGE", help=image)
    add("--policy", default="tutorial", help=f"{_POLICY} (default: tutorial)")
    output = "where to, in the format of its suffix (default: IMAGE-augmented.png, here)"
    add("-o", "--out", metavar="FILE", help=output)
    add("-n", type=_pictures, help="how many times, or how many pictures (default: 16)")
    add("--seed", type=_seed, help="for the same pictures every time (default: drawn)")
    row = "which rows of the data set, from 0; of one picture, as which rows it is augmented"
    add("--row", type=_row, metavar="ROW[,ROW…]", help=row)
    epoch = "what the rows get in this epoch, from 0 (default: 0)"
    add("--epoch", type=_epoch, default=0, help=epoch)
    boxes = command.add_mutually_exclusive_group()
    coco = "draw the boxes of a JSON file of COCO's form, in which the folder's pictures stand"
    boxes.add_argument("--coco", metavar="FILE", help=coco)
    voc = "draw boxes; the folder is as PASCAL VOC has it, and SPLIT one of its lists, as train"
    boxes.add_argument("--voc", metavar="SPLIT", help=voc)
    boxes.add_argument("--yolo", metavar="SPLIT", help="draw the boxes of a split of a data.yaml")
    masks = "with --coco, --voc or --yolo, draw masks as well"
    add("--masks", action="store_true", help=masks)
    size = "resize pictures first (default: as they are; one picture to sides of 1024 at most)"
    add("--size", type=_size("HxW"), metavar="HxW", help=size)
    _add_reading(command, "a data set")


def _add_augment(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    source = (
        "images and labels, as numpy.savez writes them; or a folder of class folders, of whose "
        "pictures the policy must make one size, and to which nothing is appended"
    )
    add("source", metavar="IN", help=source)
    out = (
        "a name ending in .npz for a file, made in memory; any other name for a folder of .npy "
        "files or, if it ends in .zarr, a Zarr group, made chunk by chunk: started again, it goes "
        "on where it was"
    )
    add("out", metavar="OUT", help=out)
    add("-n", type=_rows, required=True, help="how many augmented rows")
    add("--policy", required=True, help=_POLICY)
    add("--seed", type=_seed, help="for the same rows every time (default: drawn)")
    sampling = "how source rows are chosen: random, cycle or balanced (default: random)"
    add("--sampling", type=_sampling, default="random", metavar="HOW", help=sampling)
    add("--no-append", action="store_true", help="write the augmented rows alone")
    arrays = (
        "the arrays with images, labels and sample weights (default: x,y,sample_weight or "
        "x_train,y_train,sample_weight_train, as many as there are)"
    )
    add("--arrays", type=lambda text: text.split(","), metavar="X[,Y[,WEIGHT]]", help=arrays)
    _add_reading(command, "a folder")


def _add_reading(command: argparse.ArgumentParser, where: str, *, dtype: bool = True) -> None:
    """Adds how pictures in files are read, by the names that `kaug.sources` has for it."""
    add, of = command.add_argument, f"of the pictures of {where}"
    add("--channels", type=_channels, help=f"{of}: 1 is gray, 3 color, 4 with opacity (default: 3)")
    if dtype:
        add("--dtype", help=f"{of}: uint8, uint16 or float32 (default: uint8)")
    skip = "or skip to leave out those that cannot be used"
    add("--on-error", metavar="HOW", help=f"{of}: raise, {skip} (default: raise)")


def _add_compare(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    source = "images and labels, as numpy.savez writes them; or, with --size, a folder of folders"
    add("source", metavar="IN", help=source)
    add(
        "--epochs",
        type=_count("epochs"),
        required=True,
        help="how often each model sees the training rows",
    )
    policies = (
        "two or more of them, the first of which the others are compared with (default: none, and "
        f"RandAugment at five strengths). Each is {_POLICY}"
    )
    add("--policies", nargs="+", metavar="POLICY", help=policies)
    model = "a function that returns a new compiled model (default: kaug.build_fashion_cnn)"
    add("--model", metavar="FILE.py:NAME", help=model)
    add("--repeats", type=_count("repeats"), default=5, help="models of each policy (default: 5)")
    add("--minutes", type=float, help="begin nothing that would take longer (default: all)")
    batch_size = "rows of a batch (default: 32)"
    add("--batch-size", type=_count("batch_size"), default=32, help=batch_size)
    add("--one-hot", action="store_true", help="labels as one-hot rows: if a policy mixes images")
    no_stratify = "split without regard to classes: for labels that are none"
    add("--no-stratify", action="store_true", help=no_stratify)
    add("--size", type=_size("HxW"), metavar="HxW", help="resize and crop all pictures to it first")
    arrays = "the arrays with images and labels (default: x,y or x_train,y_train)"
    add("--arrays", type=lambda text: text.split(","), metavar="X,Y", help=arrays)
    add("--log", metavar="FILE", help="keep what is done in it, and go on from there")
    add("-o", "--out", metavar="FILE", help="draw a figure, in the format of its suffix")
    add("--seed", type=_seed, default=0, help="for other rows and weights (default: 0)")
    _add_reading(command, "a folder", dtype=False)


def _add_policies(command: argparse.ArgumentParser) -> None:
    command.add_argument("policy", nargs="?", metavar="POLICY", help=_POLICY)


def _add_bench(command: argparse.ArgumentParser) -> None:
    either = command.add_mutually_exclusive_group()
    either.add_argument("--policy", default="tutorial", help=f"{_POLICY} (default: tutorial)")
    keras = "measure Keras' generator and layers as well, with the policy tutorial"
    either.add_argument("--keras", action="store_true", help=keras)
    add = command.add_argument
    size = "of the images; may be given several times (default: 28x28x1 and 224x224x3)"
    add("--size", type=_size("HxWxC"), action="append", metavar="HxWxC", help=size)
    add("--seconds", type=_seconds, default=6.0, help="how long to measure, in all (default: 6)")


def _add_warmup(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("policy", nargs="?", metavar="POLICY", help=f"{_POLICY} (default: the usual ones)")
    dtypes = "of the images (default: uint8 and float32, or float32 alone for what makes floats)"
    add("--dtypes", nargs="+", choices=_DTYPES, metavar="DTYPE", help=dtypes)
    size = "of the images; may be given several times (default: 32x32x3 and 28x28x1)"
    add("--size", type=_size("HxWxC"), action="append", metavar="HxWxC", help=size)


# Values are read by what checks them in Python as well, loaded when there is something to check.


def _whole(text: str, check: Callable[[int], Any]) -> Any:
    """Reads a whole number, and checks it."""
    try:
        number = int(text)
    except ValueError:
        shown = text if len(text) <= _LONG else f"{text[:_LONG]}..."
        rule = f"must be a whole number. Received: {shown!r}."
        raise argparse.ArgumentTypeError(rule) from None
    try:
        return check(number)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _pictures(text: str) -> Any:
    from kaug._show.grid import MAX_IMAGES
    from kaug._validation import check_integer

    def check(n: int) -> int:
        fix = "More cannot be seen in a figure." if n > MAX_IMAGES else ""
        return check_integer(n, "n", minimum=1, maximum=MAX_IMAGES, fix=fix)

    return _whole(text, check)


def _rows(text: str) -> Any:
    from kaug._validation import check_integer

    return _whole(text, lambda n: check_integer(n, "n", maximum=_MOST_ROWS))


def _count(name: str) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        from kaug._validation import check_integer

        return _whole(text, lambda number: check_integer(number, name, minimum=1))

    return read


def _seed(text: str) -> Any:
    from kaug._draw.keys import resolve_seed

    return _whole(text, resolve_seed)


def _epoch(text: str) -> Any:
    from kaug._draw.keys import root_key

    return _whole(text, lambda epoch: root_key(0, epoch) and epoch)


def _row(text: str) -> Any:
    from kaug._validation import check_integer

    def check(row: int) -> int:
        return check_integer(row, "row", maximum=_LAST_ROW, fix="Rows are numbered from 0.")

    return [_whole(part, check) for part in text.split(",")]


def _channels(text: str) -> Any:
    return _whole(text, lambda channels: channels)


def _sampling(text: str) -> str:
    from kaug._sampling import SAMPLING
    from kaug._validation import check_choice

    try:
        return check_choice(text, "sampling", SAMPLING)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _seconds(text: str) -> float:
    """Reads how long to measure."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _DAY:
        rule = f"must be a number of seconds above 0, at most {_DAY}. Received: {text!r}."
        raise argparse.ArgumentTypeError(rule)
    return seconds


def _size(form: str) -> Callable[[str], Any]:
    """Returns a function that reads sizes such as 224x224 for HxW."""

    def read(text: str) -> tuple[int, ...]:
        parts = text.split("x")
        size = tuple(int(part) if part.isdecimal() and len(part) < 10 else 0 for part in parts)
        if len(size) != len(form.split("x")) or 0 in size:
            example = "224x224x3"[: 7 if form == "HxW" else None]
            rule = f"must be {form} in pixels, such as {example}. Received: {text!r}."
            raise argparse.ArgumentTypeError(rule)
        return size

    return read
