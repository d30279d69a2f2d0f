import re
import sys
from pathlib import Path
from typing import NewType

import numpy.typing

import kaug

# Each of these aliases stands for a union of a dozen private types of NumPy. In their place, before
# autodoc loads kaug's modules (`import kaug` alone loads none), comes a type that signatures show
# by its name.
for _alias in ("ArrayLike", "DTypeLike"):
    _named = NewType(_alias, object)
    _named.__module__ = "numpy.typing"
    setattr(numpy.typing, _alias, _named)

project = "kaug"
author = "kaug contributors"
copyright = "kaug contributors"
release = version = kaug.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build"]
myst_heading_anchors = 3

napoleon_numpy_docstring = False
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 80
default_role = "code"  # docstrings mark code with single backticks

# The documentation builds without a network, so types of other libraries have no page to link to.
# The names are the ones the libraries give their classes, which are not always the public ones.
nitpick_ignore = [
    ("py:class", "ArrayIterator"),  # these three need Keras and are imported late
    ("py:class", "DataFrameIterator"),
    ("py:class", "DirectoryIterator"),
    ("py:class", "collections.abc.Callable"),
    ("py:class", "collections.abc.Mapping"),
    ("py:class", "collections.abc.Sequence"),
    ("py:class", "NDArray"),
    ("py:class", "kaug._random.Key"),  # users are handed `Draws` ready-made
    ("py:class", "keras.src.models.model.Model"),
    ("py:class", "matplotlib.axes._axes.Axes"),
    ("py:class", "matplotlib.figure.Figure"),
    ("py:class", "numpy.typing.ArrayLike"),
    ("py:class", "numpy.typing.DTypeLike"),
    ("py:class", "numpy.bool"),
    ("py:class", "numpy.dtype"),
    ("py:class", "numpy.float64"),
    ("py:class", "numpy.int64"),
    ("py:class", "numpy.ndarray"),
    ("py:class", "numpy.uint32"),
    ("py:class", "numpy.uint8"),
    ("py:class", "os.PathLike"),
]

html_theme = "furo"
html_title = f"kaug {release}"
html_static_path = ["_static"]


_ARRAY = re.compile(r"~?(?:numpy\.)?ndarray\[~?tuple\[[^]]*\], ~?(?:numpy\.)?dtype\[([^]]*)\]\]")


def shorten_arrays(*event):
    """Shows NumPy's arrays by the alias the code uses, `NDArray[dtype]`."""
    signature, returns = event[-2:]
    return tuple(text and _ARRAY.sub(r"NDArray[\1]", text) for text in (signature, returns))


def make_gallery(_app):
    """Renders the gallery before the pages are read."""
    sys.path.insert(0, str(Path(__file__).parent))
    import make_gallery

    make_gallery.main()


def setup(app):
    app.connect("builder-inited", make_gallery)
    app.connect("autodoc-process-signature", shorten_arrays)
