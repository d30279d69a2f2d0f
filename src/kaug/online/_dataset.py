"""Online augmentation: a dataset that makes every batch anew in every epoch."""

import copy
import inspect
import multiprocessing
import operator
import sys
from collections.abc import Iterator
from typing import Any, Literal

import keras
import numpy as np
from numpy.typing import ArrayLike

from kaug._apply.batches import maps_of
from kaug._apply.leaf import shape_after
from kaug._draw.keys import resolve_seed, root_key
from kaug._generators import as_generator
from kaug._images import ImageSequence, as_images, frames_of
from kaug._job import check_made_by
from kaug._parallel import ForkSafeLock
from kaug._show import html
from kaug._targets.annotations import Annotations
from kaug._targets.by_place import PickledByPlace
from kaug._targets.given import shape_of_result
from kaug._targets.structures import check_order, map_arrays
from kaug._types import Array, Rows
from kaug._validation import check_flag, check_integer, describe, message
from kaug.online._ahead import Ahead
from kaug.online._passes import Passes
from kaug.online._rows import RowsOfEpochs
from kaug.online._tf_data import to_tf_dataset
from kaug.per_class import Native, PerClass, classes_for
from kaug.schedule import LAST_EPOCH, Schedule
from kaug.transforms import Transform

# Where Keras looks at batches, and calls hooks, before its first epoch: it learns what batches are
# like, builds the model, and begins the iterator.
_PREPARATIONS = ("get_tf_dataset", "_symbolic_build", "reset")

# Generators of other libraries have states, which two threads must not seed at once.
_one_at_a_time = ForkSafeLock()


class AugmentedDataset(PickledByPlace, keras.utils.PyDataset):
    """A dataset for `model.fit` whose images are augmented anew in every epoch.

    Batch `b` of epoch `e` is a pure function of `(seed, e, b)`. It has the same bits with any
    number of workers, on threads or processes, under every Keras backend, when training is taken
    up again, and in `to_tf_dataset()`. With a native transform it is
    `transform(x[rows], seed=seed, epoch=e, index=rows)`, where `rows` are the batch's part of an
    order of the rows that depends on `(seed, e)` alone. There is no other state than the attribute
    `epoch`.

    Where `sampling` has a row come more than once in an epoch, it is drawn anew each time: the
    batch is `transform(x[rows], seed=seed, epoch=e, index=rows + N * before)`, where `before` says
    of each place of the batch how often its row came in the epoch before it.

    `model.fit(dataset, shuffle=False)` takes the batches in their order; the rows are shuffled
    here. Left at True, `fit` shuffles the batches once more, with Python's `random`.

    Args:
        x: Images, `(N, H, W, C)` or `(N, H, W)` (one channel), or videos `(N, T, H, W, C)`, all of
            whose frames are changed alike; integers or floats, N at least 1. Memory maps are read
            row by row. Or a sequence of images of any size: a list of arrays, what `kaug.sources`
            makes, or whatever has a length and gives an image for each number. Only the rows of a
            batch are read, and of the next one while this one is used.
        y: Labels: an array with N rows, a tuple, list or dict of such arrays, or None; masks, boxes
            and keypoints in a dict with Keras' names move with the images. Transforms that mix
            images make soft labels.
        generator: What augments; see `kaug.augment_dataset`. A `kaug.Schedule` has a policy for
            each epoch. A generator of another library is
            seeded for each batch, so that with it `batch_size` is part of what the seed means. It
            makes one batch at a time in each process.
        batch_size: Rows per batch; the last batch holds the rest.
        sample_weight: Weights with N rows, an array or a structure of arrays like `y`.
        shuffle: Whether every epoch has an order of its own, or all keep the order of `x`.
        sampling: Which rows an epoch of N rows has. `"cycle"` is every row once. With `"balanced"`
            classes come as often as each other, to within one row; each goes through all its rows,
            over several epochs if need be, before one comes again. It needs class labels, as
            `kaug.augment_dataset` does. `"random"` draws rows with replacement, and so do weights
            `(N,)` of 0 or more, each row as likely as its share of their sum.
        seed: 0..2⁶⁴-1; None draws one from Python's `random`, once for the whole dataset.
        drop_remainder: Whether a last batch of fewer rows is left out.
        **pydataset_options: `workers`, `use_multiprocessing` and `max_queue_size` of
            `keras.utils.PyDataset`.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: Lengths differ, there are no rows or no whole batch of them, labels are not
            what `sampling` needs, or a Keras layer would have to run in a forked process.

    Example:
        >>> import numpy as np, kaug
        >>> from kaug.transforms import Rotation
        >>> x, y = np.zeros((10, 5, 7, 1), "float32"), np.arange(10)
        >>> dataset = kaug.AugmentedDataset(x, y, Rotation(20), batch_size=4, seed=0)
        >>> [len(labels) for images, labels in dataset]
        [4, 4, 2]
        >>> sorted(int(label) for images, labels in dataset for label in labels)
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """

    def __init__(
        self,
        x: ArrayLike,
        y: Any,
        generator: Any,
        *,
        batch_size: int = 32,
        sample_weight: Any = None,
        shuffle: bool = True,
        sampling: Literal["cycle", "random", "balanced"] | ArrayLike = "cycle",
        seed: int | None = None,
        drop_remainder: bool = False,
        **pydataset_options: Any,
    ) -> None:
        super().__init__(**pydataset_options)
        self._images = as_images(x)
        count = len(self._images)
        scheduled = isinstance(generator, Schedule)
        self._generator = generator if scheduled else as_generator(generator)
        _check_workers(self, generator)
        check_made_by(self._generator, self._images)
        if self._transform is not None:
            shape_of_result(self._transform, self._images, "x")
        self._annotations = Annotations(y, sample_weight, self._images, self._transform)
        self._classes = classes_for(self._generator, self._annotations.labels)
        self._size = check_integer(batch_size, "batch_size", minimum=1)
        self._shuffle = check_flag(shuffle, "shuffle")
        self._seed = resolve_seed(seed)
        if not isinstance(sampling, str):
            check_order(y=y, sampling=sampling)
        labels = self._annotations.labels
        self._rows_of = RowsOfEpochs(
            sampling, count, self._seed, shuffle=self._shuffle, labels=labels
        )
        full, rest = divmod(count, self._size)
        self._even = check_flag(drop_remainder, "drop_remainder") or not rest
        # Which batches of the epoch are this dataset's: all of them, or those of a shard.
        self._batches = range(full if self._even else full + 1)
        if not self._batches:
            rule = "A dataset must have at least one batch"
            received = f"{count} rows, batch_size={batch_size}, drop_remainder={drop_remainder}"
            raise ValueError(message(rule, received, "Pass more rows, or a smaller batch_size."))
        self._passes = Passes(len(self._batches))
        # Images of any size are read for it, perhaps from files.
        self._ahead = Ahead() if isinstance(self._images, ImageSequence) else None
        self._begun = False  # Keras, or who calls its hook, has begun a pass
        self._broken = False  # a loop ended before its last batch

    # What Keras calls ---------------------------------------------------------------------------

    def __len__(self) -> int:
        """Returns how many batches there are.

        Who asks once all were given begins the next epoch: loops over `range(len(dataset))` do, and
        PyTorch's samplers. Keras says by itself where its epochs end.
        """
        if self._passes.complete and not _asked_by_keras():
            self._count_pass()
        return len(self._batches)

    def __getitem__(self, index: int) -> Any:
        """Returns batch `index` of the current epoch: `(x, y)`, `(x, y, sample_weight)` or `x`."""
        number = _checked_index(index, len(self._batches))
        self._passes.counted = False
        if self._ahead is None:
            batch = self._by_number(number, self.epoch)
        else:
            batch = self._ahead.take(number, len(self._batches), self.epoch, self._by_number)
        if not _keras_prepares():
            self._passes.give(number)
        return batch

    def _by_number(self, number: int, epoch: int) -> Any:
        return self._batch(self._batches[number], epoch)

    def __iter__(self) -> Iterator[Any]:
        """Yields the batches of the current epoch, and moves on to the next after the last one."""
        if self._broken:
            self._count_pass()
        count, given, epoch = len(self), 0, self.epoch
        try:
            for given in range(1, count + 1):
                yield self[given - 1]
        finally:  # zip(range(count), dataset) asks for no more than the last batch
            if given == count and self.epoch == epoch:
                self._count_pass()
            elif given > 1 and self.epoch == epoch:
                self._broken = True

    def on_epoch_begin(self) -> None:
        """Called by Keras before the first batch of a pass."""
        if _keras_prepares():
            return
        if self._begun and not self._passes.counted:  # who calls this alone has ended a pass
            self._count_pass()
        self._begin_pass()
        self._begun = True

    def on_epoch_end(self) -> None:
        """Called by Keras after a pass, or in a loop of your own; moves on to the next epoch.

        `fit` calls this once before its first epoch, after it has looked at a batch or two. Passes
        that were counted already are not counted again.
        """
        if not (self._passes.counted or _keras_prepares()):
            self._count_pass()
        self._begin_pass()

    def _count_pass(self) -> None:
        self._passes.epoch += 1
        self._begin_pass()
        self._passes.counted = True

    def _begin_pass(self) -> None:
        self._passes.begin()
        self._begun = self._passes.counted = self._broken = False

    @property
    def workers(self) -> int:
        """How many workers Keras is told to use; 0, which means none, except under TensorFlow.

        Under JAX and PyTorch, `fit` looks at a batch before it begins, and Keras' queue hands the
        batches that workers made meanwhile to the first epoch, before its own.
        """
        return int(self._workers) if _tensorflow_trains() else 0

    @workers.setter
    def workers(self, value: int) -> None:
        self._workers = value

    # What users call ----------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """The epoch whose batches `dataset[i]` gives, 0 at first.

        `fit` moves it on after each of its epochs, `evaluate` and `predict` after their pass, a
        loop `for batch in dataset` after its last batch, and whoever takes batches by their numbers
        by asking for `len(dataset)` again once all were given. `on_epoch_end()` moves it on at any
        time. `fit` does not say where it begins, so set it before `fit(initial_epoch=…)`. Workers
        of PyTorch's `DataLoader` share it.
        """
        return self._passes.epoch

    @epoch.setter
    def epoch(self, value: int) -> None:
        self._passes.epoch = check_integer(value, "epoch", maximum=LAST_EPOCH)
        self._begin_pass()

    def row(self, number: int, *, epoch: int | None = None) -> Any:
        """Returns one row again as an epoch has it, with what it is mixed with.

        Args:
            number: Of the row in `x`, 0..N-1. Of a row that the epoch has more than once, it is
                the first time; add N for the second one, 2 N for the third.
            epoch: Which epoch; None is the current one.

        Returns:
            What a batch has for the row, `(x, y)`, `(x, y, sample_weight)` or `x`, without the axis
            of the batch.

        Raises:
            TypeError: An argument is no integer, or the generator is of another library, which
                makes whole batches only.
            ValueError: An argument is out of its range, or the epoch does not have the row.

        Example:
            >>> import numpy as np, kaug
            >>> from kaug.transforms import MixUp
            >>> x, y = np.random.default_rng(0).random((10, 5, 7, 1)), np.arange(10)
            >>> mixed = MixUp(num_classes=10)
            >>> dataset = kaug.AugmentedDataset(x, y, mixed, batch_size=10, shuffle=False, seed=0)
            >>> images, labels = dataset[0]
            >>> image, label = dataset.row(4)
            >>> bool((image == images[4]).all() and (label == labels[4]).all())
            True
        """
        epoch = self.epoch if epoch is None else check_integer(epoch, "epoch", maximum=LAST_EPOCH)
        if self._transform is None:
            rule = "A row can be made alone by a transform of `kaug.transforms`"
            fix = "Generators of other libraries make whole batches: take dataset[i]."
            wrapped = getattr(self._generator, "wrapped", None)
            raise TypeError(message(rule, f"generator={describe(wrapped)}", fix))
        numbers = np.array([self._rows_of.checked_number(number, epoch)])
        batch = self._made(numbers % len(self._images), numbers, epoch)
        return map_arrays(lambda leaf, _: leaf[0], batch)

    def shard(self, index: int, count: int) -> "AugmentedDataset":
        """Returns a dataset of every `count`-th batch, beginning with batch `index`.

        The shards `0..count-1` have no batch in common and together are the whole epoch; their
        lengths differ by at most one. All processes of a training on several devices must agree on
        the seed, so pass one.

        Args:
            index: Which shard, 0..count-1.
            count: How many shards there are.

        Returns:
            A dataset with the same arrays and the same epoch, which from now on moves by itself.

        Raises:
            TypeError: An argument is not an integer.
            ValueError: `count` is below 1, or `index` is not in 0..count-1.
        """
        count = check_integer(count, "count", minimum=1)
        index = check_integer(index, "index", maximum=count - 1)
        part = copy.copy(self)
        part._batches = self._batches[index::count]
        part._passes = Passes(len(part._batches), self.epoch)
        return part

    def to_tf_dataset(self) -> Any:
        """Returns a `tf.data.Dataset` of the same batches, made in parallel and ahead of time.

        Each pass over it is an epoch, the first one the dataset's current `epoch`. A pass that is
        not finished is taken again by the next. Shapes are static, but for the number of rows when
        the last batch has fewer. Lists become tuples, as everywhere in `tf.data`.

        Raises:
            TypeError: A batch holds what no tensor can, such as dates.
            ValueError: The dataset is a shard without batches.
        """
        return to_tf_dataset(self, self._size if self._even else None)

    # What it looks like -------------------------------------------------------------------------

    def __repr__(self) -> str:
        made_by: Any = self._generator
        native = self._transform is not None
        generator = repr(made_by) if native else html.shortened(made_by.wrapped)
        return html.line("kaug.AugmentedDataset", [*self._facts(), ("generator", generator)])

    def _repr_html_(self) -> str:
        """Returns what a notebook shows: the facts, and the first pictures of batch 0."""
        from kaug._show.preview import is_foreign, pretty

        made_by: Any = self._generator
        if self._transform is not None:
            generator, foreign = pretty(made_by), is_foreign(made_by)
        else:
            generator, foreign = repr(made_by.wrapped), True
        text = html.table("AugmentedDataset", [*self._facts(), ("generator", generator)])
        return html.card(text, self._first_pictures, foreign=foreign)

    def _facts(self) -> list[tuple[str, str]]:
        rows = f"{min(self._size, len(self._images))} rows"
        targets = {"y": self._annotations.y, "sample_weight": self._annotations.weight}
        chosen = self._rows_of.name
        sampling = [] if chosen == "cycle" else [("sampling", chosen)]
        forms = self._annotations.forms
        kinds = {"masks": bool(maps_of(forms)), "points": "points" in forms}
        moving = [name for name, there in kinds.items() if there]
        moves = [("moving along", " and ".join(moving))] if moving else []
        return [
            ("x", html.arrays(self._images)),
            *((key, html.arrays(value)) for key, value in targets.items() if value is not None),
            *moves,
            ("batches", f"{len(self._batches):,} of {rows}"),
            ("shuffle", str(self._shuffle)),
            *sampling,
            ("seed", str(self._seed)),
            ("epoch", str(self.epoch)),
        ]

    def _first_pictures(self) -> html.Pictures:
        most = None  # a generator of another library makes whole batches only
        if self._transform is not None:
            most = html.how_many(shape_after(self._transform, self._images.shape[1:])[-3:])
        batch = self._batch(self._batches[0], self.epoch, most)
        images, labels = batch[:2] if isinstance(batch, tuple) else (batch, None)
        if frames_of(images):
            images = images[:, 0]
        names = getattr(self._images, "class_names", None)
        where = f"batch 0 of epoch {self.epoch}"
        return html.first_pictures(images, labels, where, names=names)

    # How it is carried out ----------------------------------------------------------------------

    def _batch(self, number: int, epoch: int, most: int | None = None) -> Any:
        start = number * self._size
        rows, numbers = self._rows_of.part(epoch, start, start + self._size)
        if self._transform is not None:
            return self._made(rows[:most], numbers[:most], epoch)
        images, rows = self._augmented(rows, number, epoch)
        return self._collected({"images": images}, rows)

    def _made(self, rows: Rows, numbers: Rows, epoch: int) -> Any:
        """Returns rows, drawn by their numbers, as a native transform makes them."""
        return self._collected(self._filled(rows, numbers, epoch), rows)

    def _collected(self, made: dict[str, Array], rows: Rows) -> Any:
        images = made["images"]
        y, weight = self._annotations.collect(made, rows, 0, images.shape[1:])
        if weight is not None:
            return images, y, weight
        return images if y is None else (images, y)

    @property
    def _transform(self) -> Native | Schedule | None:
        """The generator, if it is one of kaug's own."""
        made_by = self._generator
        return made_by if isinstance(made_by, (Transform, PerClass, Schedule)) else None

    def _filled(self, rows: Rows, numbers: Rows, epoch: int) -> dict[str, Array]:
        """Returns augmented images, and what moves or mixes with them."""
        transform: Any = self._transform
        if isinstance(transform, Schedule):
            transform = transform.at(epoch)
        shape = shape_after(transform, self._images.shape[1:])
        out = self._annotations.allocate(0, len(rows), shape)
        out["images"] = np.empty((len(rows), *shape), self._images.dtype)
        source = {"images": self._images, **self._annotations.source, **self._classes}
        transform._fill(out, source, rows, root_key(self._seed, epoch), numbers)
        return out

    def _augmented(self, rows: Rows, number: int, epoch: int) -> tuple[Array, Rows]:
        """Returns images that another library augmented, and the source row of each."""
        generator: Any = self._generator
        batch = np.asarray(self._images[rows])
        with _one_at_a_time.held():
            images, position = generator.augment(batch, root_key(self._seed, epoch).child(number))
        return images, rows[position]

    def __copy__(self) -> "AugmentedDataset":
        """Returns another one with the very same arrays, unlike a pickle, which maps files anew."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._passes = Passes(len(self._batches), self.epoch)
        other._ahead = None if self._ahead is None else Ahead()
        return other


def _check_workers(dataset: AugmentedDataset, generator: Any) -> None:
    """Refuses what hangs: TensorFlow in a process forked from one where it has threads."""
    forks = dataset.use_multiprocessing and multiprocessing.get_start_method() == "fork"
    if forks and dataset.workers and isinstance(generator, keras.layers.Layer):
        rule = "A Keras layer cannot run in forked processes, where TensorFlow waits for ever"
        received = f"use_multiprocessing=True and the layer {generator.name!r} as generator"
        raise ValueError(message(rule, received, "Leave use_multiprocessing out."))


def _checked_index(index: Any, count: int) -> int:
    """Returns the number of a batch; negative ones count from the end."""
    numbers = f", {-count}..{count - 1}" if count else ""
    rule = f"A dataset of {count} batches gives one of them by its number{numbers}"
    try:
        number = operator.index(index)
    except TypeError:
        fix = "For several, ask for one after the other." if isinstance(index, slice) else ""
        raise TypeError(message(rule, describe(index), fix)) from None
    if not -count <= number < count:
        raise IndexError(message(rule, f"{number}"))
    return number % count


def _asked_by_keras() -> bool:
    """Tells whether what calls the caller of this is Keras itself."""
    return str(sys._getframe(2).f_globals.get("__name__")).startswith("keras.")


def _tensorflow_trains() -> bool:
    return bool(keras.backend.backend() == "tensorflow")


def _keras_prepares() -> bool:
    """Tells whether Keras calls from what it does before its first epoch.

    It takes as many batches there as a small dataset has, and calls the same hooks, so that nothing
    but the caller tells a look from a pass.
    """
    frame = inspect.currentframe()
    while frame is not None:
        in_keras = str(frame.f_globals.get("__name__")).startswith("keras.")
        if in_keras and frame.f_code.co_name in _PREPARATIONS:
            return True
        frame = frame.f_back
    return False
