import re
import sys
from pathlib import Path
from typing import NewType

import numpy.typing

import kaug

sys.path.insert(0, str(Path(__file__).parent))
import make_inventories
import make_reference

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
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["attrs_block"]  # classes of lists and tables, for `_static/kaug.css`
myst_heading_anchors = 3

napoleon_numpy_docstring = False
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 80
default_role = "code"  # docstrings mark code with single backticks

# Types of other libraries link to their pages, which `make_inventories` knows without a network.
intersphinx_mapping = make_inventories.main()
nitpick_ignore = [
    ("py:class", "ArrayIterator"),  # these three need Keras and are imported late
    ("py:class", "DataFrameIterator"),
    ("py:class", "DirectoryIterator"),
    ("py:class", "kaug._draw.keys.Key"),  # users are handed `Draws` ready-made
]

# The copy button leaves out prompts, and the output between them.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_title = f"kaug {release}"
html_static_path = ["_static"]
html_css_files = ["kaug.css", "korean.css"]


_ARRAY = re.compile(r"~?(?:numpy\.)?ndarray\[~?tuple\[[^]]*\], ~?(?:numpy\.)?dtype\[([^]]*)\]\]")


def shorten_arrays(*event):
    """Shows NumPy's arrays by the alias the code uses, `NDArray[dtype]`."""
    signature, returns = event[-2:]
    return tuple(text and _ARRAY.sub(r"NDArray[\1]", text) for text in (signature, returns))


def make_pictures(_app):
    """Renders the gallery and the figures before the pages are read."""
    import make_figures
    import make_gallery

    make_gallery.main()
    make_figures.main()


def name_language(_app, pagename, _template, context, _doctree):
    """Tells browsers which pages are Korean; the rest of the site stays English."""
    if pagename.startswith("ko/"):
        context["language"] = "ko"


def fill_in_lists(_app, _page, source):
    """Writes the lists of transforms into the reference."""
    source[0] = make_reference.expand(source[0])


def setup(app):
    app.connect("source-read", fill_in_lists)
    app.connect("builder-inited", make_pictures)
    app.connect("html-page-context", name_language)
    app.connect("autodoc-process-signature", shorten_arrays)
