"""`kaug preview`: what a policy does to a picture, as a grid."""

import argparse
from pathlib import Path

from kaug._cli.files import check_output, written_whole
from kaug._cli.notes import note
from kaug._cli.pictures import read_picture
from kaug._cli.policy import read_policy
from kaug._random import resolve_seed
from kaug._validation import message
from kaug.plots import plot_augmentations
from kaug.transforms import Transform


def run(arguments: argparse.Namespace) -> None:
    """Writes the grid, and its path to stdout."""
    source = Path(arguments.image)
    # Not beside the picture: that may be a folder of training images.
    out = Path(arguments.output or f"{source.stem}-augmented.png")
    suffix = _check_suffix(out)
    check_output(out, source)
    policy = read_policy(arguments.policy)
    _refuse_mixing(policy)
    image, size = read_picture(source, arguments.size)
    if arguments.size is None and image.shape[:2] != size:
        now = "x".join(map(str, image.shape[:2]))
        note(arguments, f"shrunk from {size[0]}x{size[1]} to {now}; --size takes another size")
    seed = resolve_seed(arguments.seed)
    if arguments.seed is None:
        note(arguments, f"--seed {seed} makes these pictures again")
    figure = plot_augmentations(image, policy, n=arguments.n, seed=seed)
    with written_whole(out) as stream:
        figure.savefig(stream, format=suffix)
    print(out)


def _check_suffix(out: Path) -> str:
    """Returns the format of a file by its name."""
    from matplotlib.backend_bases import FigureCanvasBase

    known = FigureCanvasBase.get_supported_filetypes()
    suffix = out.suffix[1:].lower()
    if suffix not in known:
        rule = f"The output must end in one of {', '.join(sorted(known))}"
        raise ValueError(message(rule, repr(str(out)), f"Call it {out.stem}.png."))
    return suffix


def _refuse_mixing(policy: Transform) -> None:
    if policy.mixes:
        raise ValueError(
            message(
                "A preview shows one picture, so its policy must not mix it with others",
                repr(policy),
                "Leave MixUp and CutMix out of the preview; kaug.augment_dataset and "
                "kaug.plot_images show what they do.",
            )
        )
