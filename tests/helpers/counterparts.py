"""What the tests of the pages for those who come from other libraries share."""

import re

import numpy as np
from matplotlib import cbook
from PIL import Image

from kaug import transforms

MARGIN = 8  # of pixels at the border, to which a blur reaches


def photograph():
    """Returns a photograph of 72 × 96 pixels."""
    path = cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    return np.asarray(Image.open(path).convert("RGB").resize((96, 72), Image.Resampling.LANCZOS))


def muted():
    """Returns pictures that are neither black nor white, so that there is contrast to stretch."""
    noise = np.random.default_rng(0).integers(20, 230, (33, 47, 3), dtype=np.uint8)
    return {"photograph": photograph() // 2 + 40, "noise": noise}


def ours(code):
    """Returns the transform of kaug that a page writes."""
    return eval(code, {name: getattr(transforms, name) for name in transforms.__all__})


def agreement(seen):
    """Returns how far a row says that both agree: `inside` only, and the `levels`; None if not."""
    return re.match(r"(?P<inside>inside )?(?:equal|within (?P<levels>\d+))", seen)


def margin_off(apart):
    """Returns what lies inside."""
    apart = apart[MARGIN:-MARGIN, MARGIN:-MARGIN]
    assert apart.size
    return apart
