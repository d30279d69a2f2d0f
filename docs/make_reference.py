"""Lists in the reference that follow from `kaug.transforms.__all__`."""

import inspect
import re
import sys
from functools import cache
from pathlib import Path
from typing import NoReturn

import numpy as np

FAMILIES = Path(__file__).parent / "reference" / "transforms"
ROWS = 12  # on which transforms are tried: so many that what happens by half happens to one


def names_of(family):
    """Returns the public transforms of a module."""
    from kaug import transforms  # late: `conf.py` has something to do before

    home = f"kaug.transforms.{family}"
    return [name for name in transforms.__all__ if getattr(transforms, name).__module__ == home]


def expand(text):
    """Returns a page with its lists in place of the comments that ask for them."""
    text = re.sub(r"^% transforms of (\w+)$", lambda asked: _classes(asked[1]), text, flags=re.M)
    return re.sub(r"^% table of transforms$", lambda _: _table(), text, flags=re.M)


def _classes(family):
    lines = (_shown(name) + f".. autoclass:: kaug.transforms.{name}" for name in names_of(family))
    return "\n\n".join(["```{eval-rst}", *lines, "```"])


def _shown(name):
    """Returns what shows a transform above its text, and leads to the gallery, if it is there."""
    if name not in _instances():
        return ""
    lines = [
        f".. image:: /gallery/{name}_strip.jpg",
        f"   :alt: {name} on photographs",
        f"   :target: ../../gallery/index.html#{name.lower()}",
        "   :class: strip",
    ]
    return "\n".join(lines) + "\n\n"


@cache
def _instances():
    """Returns the last of each transform in the gallery, which is the strongest, by name."""
    sys.path.insert(0, str(Path(__file__).parent))
    import make_gallery

    every = (each for section in make_gallery.SECTIONS.values() for each in section)
    return {type(transform).__name__: transform for transform in every}


@cache
def _table():
    """Returns a table of all transforms, family by family."""
    instances = _instances()
    lines = ["```{list-table}", ":class: transforms", ":header-rows: 1", ":widths: 12 48 28 12", ""]
    lines += _row("", "transform", "what travels", "layer")
    for page in _pages():
        names = [name for name in names_of(page.stem) if name in instances]
        if names:
            lines += _row("", f"**[](transforms/{page.name})**", "", "")
        for name in names:
            transform = instances[name]
            line = inspect.getdoc(type(transform)).partition("\n")[0]
            lines += _row(
                f"[![{name}](../gallery/{name}.jpg)](../gallery/index.md#{name.lower()})",
                f"{{py:class}}`~kaug.transforms.{name}`<br>{line}",
                travels(transform),
                _layer(transform),
            )
    return "\n".join([*lines, "```"])


def _row(*cells):
    return [f"{'*' if not i else ' '} - {cell}".rstrip() for i, cell in enumerate(cells)]


def _pages():
    """Returns the pages of the families, in the order in which the reference has them."""
    text = FAMILIES.with_suffix(".md").read_text(encoding="utf-8")
    return [FAMILIES / f"{name}.md" for name in re.findall(r"^transforms/(\w+)$", text, re.M)]


def travels(transform):
    """Returns in words what a transform does to masks, boxes and keypoints.

    What only changes values says so, and leaves all of them alone. The others are tried.
    """
    from kaug.transforms import Transform

    kind = type(transform)
    if hasattr(kind, "names"):  # each of which may be another matter
        told = {name: _found(kind(name)) for name in kind.names}
        most = max(told.values(), key=list(told.values()).count)
        rest = (f"; `{name}`: {words}" for name, words in told.items() if words != most)
        return most + "".join(rest)
    if isinstance(getattr(transform, "transforms", None), tuple):
        return "as with its transforms"
    if transform.photometric and kind._check_carries is Transform._check_carries:
        return "all stays"
    return _found(transform)


def _found(transform):
    found = {name: _tried(transform, name) for name in ("masks", "boxes", "keypoints")}
    if set(found.values()) == {"stay"}:
        return "all stays"
    order = ("mixed", "move", "stay", "refused")
    kinds = {kind: [name for name in found if found[name] == kind] for kind in order}
    verbs = {"mixed": "are mixed", "move": "move", "stay": "stay", "refused": "are refused"}
    return "; ".join(f"{_listed(names)} {verbs[kind]}" for kind, names in kinds.items() if names)


def _listed(names):
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def _layer(transform):
    part = "[in part](layers.md#what-may-be-in-it)"
    return "no" if not in_layer(transform) else part if transform._mixes else "yes"


def in_layer(transform):
    """Returns whether `kaug.layers.RandomTransform` takes a transform, and has a form for tensors.

    Where there can be none, a method on tensors is declared never to return.
    """
    from kaug.layers import RandomTransform

    for name, method in inspect.getmembers(type(transform), inspect.isfunction):
        if name.endswith("tensors") and method.__annotations__.get("return") is NoReturn:
            return False
    try:
        RandomTransform(transform)
    except TypeError:
        return False
    return True


def _tried(transform, name):
    """Returns what became of targets of a kind: "move", "mixed", "stay" or "refused"."""
    outcomes = set()
    for given in _batches(name):
        try:
            made = transform(given, seed=0)
        except (TypeError, ValueError):
            continue
        before, after = _values(given, name), _values(made, name)
        same = before.shape == after.shape and np.array_equal(before, after)
        outcomes.add("stay" if same else "mixed" if transform._mixes else "move")
    return next((each for each in ("mixed", "move", "stay") if each in outcomes), "refused")


def _batches(name):
    """Yields batches with targets of a kind: by themselves, and beside boxes and their masks.

    Some transforms look for boxes, or paste objects; some take floats alone.
    """
    rng = np.random.default_rng(0)
    images = rng.random((ROWS, 32, 32, 3), np.float32)
    masks = rng.integers(0, 9, (ROWS, 32, 32, 1), np.uint8)
    boxes = {
        "boxes": np.tile(np.array([[[3, 4, 17, 15], [14, 9, 30, 24]]], np.float32), (ROWS, 1, 1)),
        "labels": np.tile(np.array([[1, 2]]), (ROWS, 1)),
    }
    objects = {**boxes, "masks": rng.integers(0, 2, (ROWS, 32, 32, 2), np.uint8)}
    points = np.tile(np.array([[[5, 6, 2], [20, 11, 2]]], np.float32), (ROWS, 1, 1))
    targets = {
        "masks": {"segmentation_masks": masks},
        "boxes": {"bounding_boxes": boxes},
        "keypoints": {"keypoints": points},
    }[name]
    for beside in ({}, {"bounding_boxes": boxes}, {"bounding_boxes": objects}):
        yield {"images": images, **targets, **beside}


def _values(batch, name):
    if name == "boxes":
        return batch["bounding_boxes"]["boxes"]
    return batch["segmentation_masks" if name == "masks" else "keypoints"]
