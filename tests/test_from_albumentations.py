"""The page for those who come from albumentations: both sides of its tables run, side by side."""

import inspect
import re
import warnings
from pathlib import Path

import albumentations as A  # noqa: N812 - its own documentation's name
import numpy as np
import pytest
from counterparts import agreement, margin_off, ours, photograph

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "from_albumentations.md"
# Rows of the tables of three columns: what they have, what kaug has, and how far they agree.
ROWS = re.findall(
    r"^\| (`[A-Z].*?) \| (.*?) \| ?(.*?) ?\|$", PAGE.read_text(encoding="utf-8"), re.M
)
PAIRS = [(*re.findall(r"`([^`]*)`", theirs)[:1], ours[1:-1], seen) for theirs, ours, seen in ROWS]
RUN = [pair for pair in PAIRS if "(" in pair[0] and "(" in pair[1] and not pair[1].startswith("o:")]
# What they have as a base class, or to make transforms of one's own.
BASES = {"BasicTransform", "DualTransform", "ImageOnlyTransform", "Transform3D"}


PICTURES = {
    "photograph": photograph(),
    "noise": np.random.default_rng(0).integers(0, 256, (33, 47, 3), dtype=np.uint8),
}


def theirs(code):
    with warnings.catch_warnings(action="ignore"):  # some say that they are others by another name
        return eval(code, dict(vars(A)))


def test_every_transform_has_one_row():
    classes = {
        name
        for name, each in vars(A).items()
        if inspect.isclass(each) and issubclass(each, A.BasicTransform) and name not in BASES
    }
    assert len(classes) >= 115
    named = [name for cell, _, _ in ROWS for name in re.findall(r"`(\w+)", cell)]
    assert classes <= set(named), classes - set(named)
    without = [theirs for theirs, ours, _ in ROWS if ours.startswith("no")]
    lacking = {name for cell in without for name in re.findall(r"`(\w+)", cell)}
    assert len(classes - lacking) >= 96, sorted(lacking)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize(("code", "counterpart", "seen"), RUN)
def test_both_sides_run_and_agree_as_far_as_is_said(code, counterpart, seen, name):
    image = PICTURES[name]
    whole = agreement(seen)
    if "square" in seen:
        image = image[:32, :32]
    if "photograph" in seen and name != "photograph":
        pytest.skip("of the photograph alone")
    floats = "Normalize" in code
    image = image.astype("float32") / 255 if floats else image
    options = {"max_pixel_value": 1.0} if floats else {}
    transform = theirs(code)
    for key, value in options.items():
        setattr(transform, key, value)
    made = transform(image=image)["image"]
    own = ours(counterpart)
    with warnings.catch_warnings(action="ignore"):
        result = own(image[np.newaxis], seed=0)[0]
    assert result.dtype == image.dtype
    if whole is None:
        assert not np.array_equal(result, image) or "Identity" in counterpart
        return
    assert made.shape == result.shape
    apart = np.abs(made.astype(float) - result)
    if whole["inside"]:
        apart = margin_off(apart)
    assert apart.max() <= int(whole["levels"] or 0)
