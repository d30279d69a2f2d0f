"""Writes the inventories from which Sphinx links the types of other libraries.

Sphinx would fetch each library's own inventory, but the documentation builds without a network. So
the few names that signatures use stand here with their pages, and Sphinx reads what is written.
The names are the ones the libraries give their classes, which are not always the public ones.
"""

import zlib
from pathlib import Path

FOLDER = Path(__file__).parent / "_build/inventories"

# Library: where its documentation is, and there the page of each name, without `.html#name`; a
# page with an anchor of its own stands in full.
LIBRARIES = {
    "python": (
        "https://docs.python.org/3/",
        {
            "collections.abc.Callable": "library/collections.abc",
            "collections.abc.Iterable": "library/collections.abc",
            "collections.abc.Mapping": "library/collections.abc",
            "collections.abc.Sequence": "library/collections.abc",
            "os.PathLike": "library/os",
        },
    ),
    "numpy": (
        "https://numpy.org/doc/stable/",
        {
            "NDArray": "reference/typing.html#numpy.typing.NDArray",
            "numpy.bool": "reference/arrays.scalars",
            "numpy.dtype": "reference/generated/numpy.dtype",
            "numpy.float64": "reference/arrays.scalars",
            "numpy.int64": "reference/arrays.scalars",
            "numpy.ndarray": "reference/generated/numpy.ndarray",
            "numpy.typing.ArrayLike": "reference/typing",
            "numpy.typing.DTypeLike": "reference/typing",
            "numpy.uint32": "reference/arrays.scalars",
            "numpy.uint8": "reference/arrays.scalars",
        },
    ),
    "matplotlib": (
        "https://matplotlib.org/stable/",
        {
            "matplotlib.axes._axes.Axes": (
                "api/_as_gen/matplotlib.axes.Axes.html#matplotlib.axes.Axes"
            ),
            "matplotlib.figure.Figure": "api/_as_gen/matplotlib.figure.Figure",
        },
    ),
    "keras": (
        "https://keras.io/",
        {"keras.src.models.model.Model": "api/models/model/"},
    ),
}


def address(name: str, page: str) -> str:
    """Returns the page of a name, with its anchor, below the library's address."""
    return page if "#" in page or page.endswith("/") else f"{page}.html#{name}"


def to_inventory(library: str, pages: dict[str, str]) -> bytes:
    """Returns an inventory in version 2 of Sphinx' format: four lines, then zlib's bytes."""
    head = (
        "# Sphinx inventory version 2\n"
        f"# Project: {library}\n"
        "# Version: \n"
        "# The remainder of this file is compressed using zlib.\n"
    )
    lines = (f"{name} py:class 1 {address(name, page)} -\n" for name, page in pages.items())
    return head.encode() + zlib.compress("".join(lines).encode())


def main() -> dict[str, tuple[str, str]]:
    """Writes the inventories and returns Sphinx' `intersphinx_mapping` onto them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    mapping = {}
    for library, (home, pages) in LIBRARIES.items():
        file = FOLDER / f"{library}.inv"
        file.write_bytes(to_inventory(library, pages))
        mapping[library] = (home, str(file))
    return mapping


if __name__ == "__main__":
    main()
