"""Lists in the reference that follow from `kaug.transforms.__all__`."""

import re
from pathlib import Path

FAMILIES = Path(__file__).parent / "reference" / "transforms"


def names_of(family):
    """Returns the public transforms of a module."""
    from kaug import transforms  # late: `conf.py` has something to do before

    home = f"kaug.transforms.{family}"
    return [name for name in transforms.__all__ if getattr(transforms, name).__module__ == home]


def expand(text):
    """Returns a page with its lists in place of the comments that ask for them."""
    text = re.sub(r"^% transforms of (\w+)$", lambda asked: _classes(asked[1]), text, flags=re.M)
    return re.sub(r"^% families$", lambda _: _families(), text, flags=re.M)


def _classes(family):
    lines = (f".. autoclass:: kaug.transforms.{name}" for name in names_of(family))
    return "\n\n".join(["```{eval-rst}", *lines, "```"])


def _families():
    rows = ["| page | transforms |", "| --- | --- |"]
    for page in sorted(FAMILIES.glob("*.md")):
        names = ", ".join(f"{{py:class}}`~kaug.transforms.{name}`" for name in names_of(page.stem))
        if names:
            rows.append(f"| [](transforms/{page.name}) | {names} |")
    return "\n".join(rows)
