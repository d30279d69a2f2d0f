"""Datasets that were written to disk, opened again and checked."""

import os
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from kaug._files import check_path
from kaug._show import html
from kaug._validation import check_integer, message
from kaug.per_class import Native, native_from_plain
from kaug.store import _verify
from kaug.store._chunks import open_for_users
from kaug.store._manifest import AS_WRITTEN, Manifest
from kaug.store._structure import Spec, from_tree, with_plain_strings


def open_dataset(path: str | os.PathLike[str]) -> "StoredDataset":
    """Opens a dataset that `augment_dataset(…, out=path)` wrote.

    Nothing is read but the manifest and the sizes of the files; the arrays are mapped into memory,
    read-only. Nothing is ever unpickled, and nothing outside of the path is opened.

    Args:
        path: The folder of `.npy` files, or the Zarr group.

    Returns:
        The dataset, with `x`, `y`, `sample_weight` and `index`.

    Raises:
        TypeError: `path` is no path.
        FileNotFoundError: There is no store.
        ValueError: It is not finished, it is damaged, or it has links.
        ImportError: It is a Zarr group, and zarr is not installed.

    Example:
        >>> import tempfile, numpy as np, kaug
        >>> from kaug.transforms import Rotation
        >>> x, y = np.zeros((4, 5, 7), "uint8"), np.arange(4)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = folder + "/more"
        ...     _ = kaug.augment_dataset(x, y, 6, Rotation(20), seed=0, out=path)
        ...     dataset = kaug.open_dataset(path)
        ...     dataset.verify()
        >>> dataset.x.shape, dataset.y.shape
        ((10, 5, 7), (10,))
    """
    folder = check_path(path, "path").absolute()
    if not folder.is_dir():
        rule = "`path` must be that of a dataset which augment_dataset wrote"
        raise FileNotFoundError(message(rule, f"{str(folder)!r}, where there is no folder"))
    return StoredDataset(Manifest.load(folder))


class StoredDataset:
    """A dataset on disk; see `open_dataset`.

    Attributes:
        path: Where it is.
        x: The images, memory-mapped and read-only; of a Zarr group, a Zarr array.
        y: The labels, in the structure they were given in. Named tuples have their names and
            fields, but are of a class of their own.
        sample_weight: The weights, or None.
        index: The source row of each row, int64.
        arguments: `n`, `seed`, `append` and `sampling` that it was made with.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._manifest, content = manifest, manifest.content
        self._specs = [Spec.from_plain(plain) for plain in content["arrays"]]
        chunks = content["chunks"]
        if not content["complete"]:
            done = sum(chunk is not None for chunk in chunks)
            rule = "A dataset must be finished before it is opened"
            fix = "Run augment_dataset with the same arguments again: it goes on where it was."
            received = f"{str(manifest.folder)!r}, with {done} of {len(chunks)} chunks"
            raise ValueError(message(rule, received, fix))
        self.path = manifest.folder
        self.arguments: Mapping[str, Any] = dict(content["arguments"])
        self._arrays = open_for_users(manifest, self._specs)
        made = {name: from_tree(tree, self._arrays) for name, tree in content["structure"].items()}
        self.x, self.y, self.sample_weight = made["x"], made["y"], made["sample_weight"]
        self.index = made["index"]

    @property
    def transform(self) -> Native:
        """The transform it was made with, or the `kaug.PerClass` of several.

        Raises:
            ValueError: It is of a class that was not imported, or has other arguments than that.
        """
        try:
            return native_from_plain(self._manifest.content["transform"])
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            fix = "Import the module of a transform of your own first, or make the store again."
            received = f"a policy that cannot be made, {error}"
            raise ValueError(message(AS_WRITTEN, received, fix)) from error

    def __len__(self) -> int:
        return int(self.x.shape[0])

    def __repr__(self) -> str:
        return html.line(f"kaug.StoredDataset {str(self.path)!r}", self._facts())

    def _repr_html_(self) -> str:
        """Returns what a notebook shows: the facts, and some augmented rows below their sources."""
        from kaug._show.preview import pretty

        try:
            transform = pretty(self.transform)
        except ValueError:  # its class was not imported
            transform = f"{self._manifest.content['transform']['class_name']}, which is not known"
        facts = [("path", str(self.path)), *self._facts(), ("transform", transform)]
        return html.card(html.table("StoredDataset", facts), self._some_pictures)

    def _facts(self) -> list[tuple[str, str]]:
        arrays = {"x": self.x, "y": self.y, "sample_weight": self.sample_weight}
        names = ("n", "sampling", "seed")
        return [
            *((key, html.arrays(value)) for key, value in arrays.items() if value is not None),
            *((name, str(self.arguments[name])) for name in names),
        ]

    def _some_pictures(self) -> html.Pictures:
        n, paired = self.arguments["n"], self.arguments["append"]
        x, y, index = (cast(Any, part) for part in (self.x, self.y, self.index))
        first, many = len(self) - n, html.how_many(x.shape[1:])
        most = min(n, (many + 1) // 2 if paired else many)
        rows = [first + number * n // most for number in range(most)]  # evenly from all of them
        note = "Augmented rows." if rows else "The first rows."
        if rows and paired:
            rows = [each for row in rows for each in (int(index[row]), row)]
            note = "Augmented rows, each behind the row it was made from."
        rows = rows or list(range(min(first, many)))
        images = [np.asarray(x[row]) for row in rows]
        labels: Any = y.get("labels") if isinstance(y, Mapping) else y
        if hasattr(labels, "shape"):
            labels = np.asarray([labels[row] for row in rows])
        classes = html.captions(labels, len(rows))
        captions = [
            f"{name} (row {row})" if name else f"row {row}"
            for name, row in zip(classes, rows, strict=True)
        ]
        return html.Pictures(images, captions, note)

    def verify(
        self,
        x: Any = None,
        y: Any = None,
        sample_weight: Any = None,
        *,
        rows: int = 1000,
        seed: int = 0,
    ) -> None:
        """Checks every byte against its checksum, and makes some of the augmented rows again.

        Args:
            x: The images the dataset was made from. Not needed where they are part of it
                (`append=True`).
            y: Their labels, likewise.
            sample_weight: Their weights, likewise.
            rows: How many augmented rows are made again and compared, 0 or more.
            seed: Draws which.

        Raises:
            TypeError: An argument has the wrong type, or `x` is needed.
            ValueError: Something is damaged, differs, or was made from another source.
        """
        rows, seed = check_integer(rows, "rows"), check_integer(seed, "seed")
        rows = min(rows, self.arguments["n"])
        if x is None and not self.arguments["append"] and rows:
            rule = "With append=False the originals must be passed to be augmented again"
            fix = "Pass x, y and sample_weight, or rows=0 to compare checksums alone."
            raise TypeError(message(rule, "x=None", fix))
        _verify.check_bytes(self._manifest, self._specs)
        if rows:
            given = None if x is None else (x, with_plain_strings(y), sample_weight)
            _verify.check_sample(
                self._manifest, self._specs, self._arrays, self.transform, given, rows, seed
            )
