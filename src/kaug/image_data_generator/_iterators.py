"""Batches in Keras' order: what every iterator shares."""

import copy
import operator
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator as IteratorOf
from typing import Any, Self

import keras
import numpy as np
from numpy.typing import NDArray

from kaug._show import html
from kaug._types import Floats, Rows
from kaug._validation import check_choice, check_flag, check_integer, describe, message, warn
from kaug.image_data_generator._draws import check_seed, stream
from kaug.image_data_generator._files import EXTENSIONS
from kaug.image_data_generator._options import is_random
from kaug.image_data_generator._protocol import Augments
from kaug.image_data_generator._saving import Saver
from kaug.image_data_generator._statistics import standardize


class BatchNumberError(IndexError, ValueError):
    """There is no such batch: an `IndexError` as for lists, and a `ValueError` as in Keras."""


class Iterator(keras.utils.PyDataset, ABC):
    """Endless batches by `next`, and the batches of an epoch by number.

    Batch `k` is made from the stream `seed + k`, as in Keras, and an epoch's order from the stream
    of its first batch. `it[i]` is batch `i` of the current epoch and nothing else: reading it
    moves nothing, and `on_epoch_end` moves on to the next epoch. `next` keeps its own count.
    Reading from several threads is safe.
    """

    white_list_formats = tuple(extension[1:] for extension in EXTENSIONS)
    _saver: Saver | None

    def __init__(
        self,
        n: int,
        image_data_generator: Augments,
        *,
        batch_size: int,
        shuffle: bool,
        seed: int | None,
        subset: str | None = None,
    ) -> None:
        super().__init__()
        self.n = n
        self.image_data_generator = image_data_generator
        self.batch_size = check_integer(batch_size, "batch_size", minimum=1)
        self.shuffle = check_flag(shuffle, "shuffle")
        self.seed = check_seed(seed)
        self.subset = subset
        self.dtype = image_data_generator.dtype
        self.data_format = image_data_generator.data_format
        self.batch_index = 0
        self.total_batches_seen = 0
        self._first = 0  # number of the first batch of the epoch that `next` is in
        self._epoch = 0  # which one `it[i]` is in
        self._order: tuple[int, Rows] = (-1, np.arange(n))
        self._drawn = 0, 0  # epoch and position of the batch that `index_generator` gave last
        self.lock = threading.RLock()  # held by who asks `index_generator`, as in Keras

    @property
    def save_to_dir(self) -> str | None:
        """The folder that augmented images are written to, or None."""
        return None if self._saver is None else str(self._saver.folder)

    @property
    def save_prefix(self) -> str:
        """How the names of those files begin."""
        return "" if self._saver is None else self._saver.prefix

    @property
    def save_format(self) -> str:
        """How the names of those files end."""
        return "png" if self._saver is None else self._saver.extension

    @property
    def index_generator(self) -> IteratorOf[Rows]:
        """The rows of one batch after the other, without end, in the place of `next`.

        What it gives goes to `_get_batches_of_transformed_samples`, as in Keras.
        """
        while True:
            first, position = self._drawn = self._advance()
            with stream(self.seed + first + position) as rng:
                rows = self._rows_of(first, position, rng)
            yield rows

    def _get_batches_of_transformed_samples(self, index_array: Rows) -> Any:
        """Returns a batch of any rows, with the draws of the batch `index_generator` gave last."""
        first, position = self._drawn
        with stream(self.seed + first + position) as rng:
            self._rows_of(first, position, rng)
            return self._make(np.asarray(index_array, np.int64), rng)

    @property
    def index_array(self) -> Rows:
        """The order of the rows in the epoch that `next` is in."""
        return self._order_of(self._first, None)

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        count = len(self)
        rule = f"The number of a batch must be an integer in {-count}..{count - 1}"
        try:
            position = operator.index(index)
        except TypeError:
            raise TypeError(message(rule, describe(index))) from None
        if not -count <= position < count:
            raise BatchNumberError(message(rule, describe(index)))
        return self._batch(self._epoch * count, position % count)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        return self._batch(*self._advance())

    def _advance(self) -> tuple[int, int]:
        """Moves `next` on, and returns its batch: the epoch's first, and the place in the epoch."""
        if not self.n and not self.image_data_generator.keras_compat:
            raise ValueError(message("Batches need at least one image", "none"))
        with self.lock:
            position = self.batch_index
            if position == 0:
                self._first = self.total_batches_seen
            self.total_batches_seen += 1
            self.batch_index = (position + 1) % max(len(self), 1)
            return self._first, position

    def next(self) -> Any:
        """Returns the next batch, as `next(it)` does."""
        return self.__next__()

    def reset(self) -> None:
        """Lets the next batch begin a new epoch."""
        with self.lock:
            self.batch_index = 0

    def on_epoch_end(self) -> None:
        """Moves `it[i]` on to the next epoch."""
        self._epoch += 1

    def _batch(self, first: int, position: int) -> Any:
        """Returns the batch at `position` of the epoch whose first batch is number `first`."""
        with stream(self.seed + first + position) as rng:
            return self._make(self._rows_of(first, position, rng), rng)

    def _rows_of(self, first: int, position: int, rng: np.random.RandomState) -> Rows:
        """Returns the rows of a batch, and leaves its stream where its draws begin."""
        order = self._order_of(first, rng if position == 0 else None)
        return order[position * self.batch_size :][: self.batch_size]

    def _order_of(self, first: int, rng: np.random.RandomState | None) -> Rows:
        """Returns the order of an epoch; its first batch draws on from where this leaves `rng`."""
        if not self.shuffle:
            return np.arange(self.n)
        known, order = self._order
        if known == first and rng is None:
            return order
        if rng is None:
            with stream(self.seed + first) as own:
                return self._order_of(first, own)
        order = rng.permutation(self.n)
        self._order = first, order
        return order

    def _augment(self, images: NDArray[Any], rows: Rows, parameters: Floats) -> NDArray[Any]:
        """Returns rows of `images` augmented and normalised."""
        generator = self.image_data_generator
        return standardize(generator, generator._transform(images, rows, parameters))

    # What it looks like -------------------------------------------------------------------------

    def __repr__(self) -> str:
        return html.line(type(self).__name__, self._facts())

    def _repr_html_(self) -> str:
        """Returns what a notebook shows: the facts, and the first pictures of `it[0]`."""
        foreign = type(self.image_data_generator).__module__.partition(".")[0] != "kaug"
        foreign |= self.image_data_generator.preprocessing_function is not None
        text = html.table(type(self).__name__, self._facts())
        return html.card(text, self._first_pictures, foreign=foreign)

    def _facts(self) -> list[tuple[str, str]]:
        rows = min(self.batch_size, self.n)
        return [
            ("batches", f"{len(self):,} of {rows} rows"),
            ("shuffle", str(self.shuffle)),
            ("seed", str(self.seed)),
            ("generator", repr(self.image_data_generator)),
        ]

    def _for_looking(self) -> Self:
        """Returns a copy that writes no files."""
        view = copy.copy(self)
        view._saver = None
        return view

    def _first_pictures(self) -> html.Pictures:
        batch = self._for_looking()[0]
        images, labels = batch[:2] if isinstance(batch, tuple) else (batch, None)
        images = images[0] if isinstance(images, list) else images
        if self.image_data_generator.data_format == "channels_first":
            images = np.moveaxis(images, 1, -1)
        classes = {number: name for name, number in getattr(self, "class_indices", {}).items()}
        names = [str(classes[number]) for number in range(len(classes))]
        return html.first_pictures(images, labels, "batch 0 of its epoch", names=names or None)

    @abstractmethod
    def _make(self, rows: Rows, rng: np.random.RandomState) -> Any:
        """Returns the batch of these rows."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, lock=threading.RLock())


def split_range(generator: Augments, count: int, subset: str | None) -> slice:
    """Returns the rows of a subset, or all: validation comes first."""
    if subset is None:
        return slice(0, count)
    border = int(count * generator.validation_split)
    return slice(0, border) if subset == "validation" else slice(border, count)


def check_subset(generator: Augments, subset: str | None) -> str | None:
    """Returns the name of a subset, or None for all rows.

    Warns:
        UserWarning: The generator changes pictures that are to validate.

    Raises:
        ValueError: There is no such subset, or no split.
    """
    if subset is None:
        return None
    check_choice(subset, "subset", ("training", "validation"))
    if generator.keras_compat:
        return subset
    if not generator.validation_split:
        rule = "`subset` needs a generator that splits"
        fix = "Make it with validation_split=0.2, for example."
        raise ValueError(message(rule, f"subset={subset!r} and validation_split=0", fix))
    if subset == "validation" and is_random(generator):
        warn(
            message(
                "Validation pictures should be as they are, and this generator augments them",
                repr(generator),
                "Make a second one with the same validation_split and without ranges and flips.",
            )
        )
    return subset
