"""Offline augmentation: append augmented rows to a dataset, each with the label it belongs to."""

from typing import Any, Literal, cast

import numpy as np
import psutil
from numpy.typing import ArrayLike, NDArray

from kaug._progress import Progress, Verbose
from kaug._random import Key, resolve_seed
from kaug._validation import check_choice, check_images, check_integer, describe, message
from kaug.generators import Generator, as_generator
from kaug.sampling import SAMPLING, source_rows
from kaug.targets import append_rows, check_targets, check_weights, nbytes_per_row

Array = NDArray[Any]

_BATCH_BYTES = 2**22  # what a default batch aims at: small beside the result, large beside a call
_SAMPLING_STREAM, _IMAGE_STREAM = 0, 1


def augment_dataset(
    x: ArrayLike,
    y: Any,
    n: int,
    generator: Any,
    *,
    sample_weight: Any = None,
    seed: int | None = None,
    append: bool = True,
    sampling: Literal["random", "cycle", "balanced"] = "random",
    return_index: bool = False,
    batch_size: int | None = None,
    verbose: Verbose = "auto",
) -> tuple[Any, ...]:
    """Appends `n` augmented images to a dataset, each with the label of its source.

    Inputs are never modified, and NumPy's global random state is left as it was. The result is
    allocated once and filled in place, so beyond it only one batch is held in memory.

    Args:
        x: Images, `(N, H, W, C)` or `(N, H, W)` (one channel), integers or floats of any value
            range the generator understands. NaN and infinities are passed on.
        y: Labels: an array with N rows, a tuple, list or dict of such arrays, or None.
        n: How many augmented rows to make, 0 or more.
        generator: What augments: a Keras `ImageDataGenerator`, a Keras layer, `Sequential` or
            `Pipeline` (called with `training=True`), an albumentations or torchvision v2
            transform (called image by image), or a function from a batch of images to a batch of
            images, row by row.
        sample_weight: Weights with N rows, an array or a structure of arrays like `y`.
        seed: 0..2⁶⁴-1. None draws one from Python's `random`, which `keras.utils.set_random_seed`
            controls. It also seeds Keras', albumentations' and torchvision's own generators for
            the time of the call; a function's own randomness is its own.
        append: Whether the originals come first. False returns the `n` new rows alone.
        sampling: How source rows are chosen: `"random"` with replacement; `"cycle"` every row as
            evenly as `n` allows, in a shuffled order; `"balanced"` so that the class counts of
            the result come out as equal as `n` allows.
        return_index: Whether to return the source row of every output row as well.
        batch_size: Images per call of the generator. None takes about 4 MiB of them. With other
            libraries' generators it is part of what the seed means.
        verbose: 0 silent, 1 a progress bar, `"auto"` a bar once the job takes two seconds.

    Returns:
        `(x, y)`; with `sample_weight`, `(x, y, sample_weight)`; with `return_index`, the source
        rows (int64) are added as last item. Everything has `N + n` rows (`n` without `append`),
        the dtypes of the inputs, and `y` and `sample_weight` their structure.

    Raises:
        TypeError: An argument, or what the generator returns, has the wrong type.
        ValueError: Lengths differ, an option is unknown, or the generator changes the number or
            the shape of the images.
        MemoryError: The result would not fit into the memory that is free.

    Example:
        >>> import numpy as np, kaug
        >>> x = np.arange(2 * 3 * 4, dtype="uint8").reshape(2, 3, 4, 1)
        >>> y = np.array(["shirt", "bag"])
        >>> flip = lambda images: images[:, :, ::-1]
        >>> x_more, y_more, index = kaug.augment_dataset(x, y, 3, flip, seed=1, return_index=True)
        >>> x_more.shape
        (5, 3, 4, 1)
        >>> bool((y_more == y[index]).all())
        True
        >>> bool((x_more[2:] == x[index[2:], :, ::-1]).all())
        True
    """
    images = check_images(x)
    count = len(images)
    n = check_integer(n, "n")
    y = check_targets(y, "y", count)
    weight = check_weights(sample_weight, count)
    check_choice(sampling, "sampling", SAMPLING)
    step = _check_batch_size(batch_size, images)
    _check_verbose(verbose)
    if n and not count:
        rule = f"`x` must have at least one row to make n={n} augmented rows from"
        raise ValueError(message(rule, describe(images)))
    key = Key.from_seed(resolve_seed(seed))
    augmenter = as_generator(generator)
    kept = count if append else 0
    _check_memory(images.shape[1:], images.dtype, kept + n, nbytes_per_row((y, weight)))

    index = source_rows(sampling, count, n, key.child(_SAMPLING_STREAM), y=y, append=append)
    job = _Job(images, index, kept, step, Progress(n, verbose))
    result, index = job.run(augmenter, key.child(_IMAGE_STREAM))
    if sampling != "random" and not np.array_equal(index, job.planned):
        raise ValueError(
            message(
                f"sampling={sampling!r} needs a generator that returns every row exactly once",
                "a generator that dropped some rows and repeated others",
                'Use sampling="random".',
            )
        )
    items = [result, append_rows(y, index, append=append)]
    if weight is not None:
        items.append(append_rows(weight, index, append=append))
    if return_index:
        items.append(np.concatenate([np.arange(kept), index]))
    return tuple(items)


class _Job:
    """Fills one result array, batch by batch."""

    def __init__(
        self,
        images: Array,
        planned: NDArray[np.int64],
        kept: int,
        step: int,
        progress: Progress,
    ) -> None:
        self.images = images
        self.planned = planned
        self.kept = kept
        self.step = step
        self.progress = progress

    def run(self, generator: Generator, key: Key) -> tuple[Array, NDArray[np.int64]]:
        """Returns the images of the result, and the source row of each augmented one."""
        n = len(self.planned)
        index = np.empty_like(self.planned)
        # The first batch tells the shape of the result; without one it is that of the originals.
        result = None if n else self._allocate(self.images.shape[1:])
        for number, start in enumerate(range(0, n, self.step)):
            rows = self.planned[start : start + self.step]
            stop = start + len(rows)
            # Taking rows makes a copy, so a generator that works in place harms nothing.
            batch = np.take(self.images, rows, axis=0)
            try:
                augmented, position = generator.augment(batch, key.child(number))
            except Exception as error:
                error.add_note(f"Raised while kaug augmented rows {start} to {stop - 1} of {n}.")
                raise
            if result is None:
                result = self._allocate(augmented.shape[1:])
            self._check_shape(augmented, result)
            result[self.kept + start : self.kept + stop] = augmented
            index[start:stop] = rows[position]
            self.progress.update(stop)
        return cast(Array, result), index

    def _allocate(self, shape: tuple[int, ...]) -> Array:
        """Returns the result array with the originals in place, for images of `shape`."""
        if shape != self.images.shape[1:] and self.kept:
            raise ValueError(
                message(
                    "With append=True the generator must keep the image shape "
                    f"{self.images.shape[1:]}",
                    f"images of shape {shape}",
                    "Pass append=False to get the augmented rows alone.",
                )
            )
        rows = self.kept + len(self.planned)
        _check_memory(shape, self.images.dtype, rows, 0)
        result = np.empty((rows, *shape), self.images.dtype)
        if self.kept:
            result[: self.kept] = self.images
        return result

    def _check_shape(self, augmented: Array, result: Array) -> None:
        if augmented.shape[1:] != result.shape[1:]:
            raise ValueError(
                message(
                    "A generator must return images of one shape",
                    f"{augmented.shape[1:]} after {result.shape[1:]}",
                )
            )


def _check_batch_size(batch_size: int | None, images: Array) -> int:
    if batch_size is None:
        row = images.itemsize * int(np.prod(images.shape[1:]))
        return max(1, _BATCH_BYTES // row)
    return check_integer(batch_size, "batch_size", minimum=1)


def _check_verbose(verbose: Any) -> None:
    if isinstance(verbose, bool) or verbose not in ("auto", 0, 1):
        rule = '`verbose` must be "auto", 0 or 1'
        raise ValueError(message(rule, f"verbose={describe(verbose)}"))


def _check_memory(
    shape: tuple[int, ...], dtype: np.dtype[Any], rows: int, other_bytes_per_row: int
) -> None:
    """Refuses a result that the memory free now cannot hold, before anything is allocated."""
    needed = rows * (dtype.itemsize * int(np.prod(shape)) + other_bytes_per_row)
    available = psutil.virtual_memory().available
    if needed > available:
        raise MemoryError(
            message(
                "The result must fit into memory",
                f"{rows} rows of shape {shape} and dtype {dtype}, {_gibibytes(needed)} with "
                f"their labels, while {_gibibytes(available)} are free",
                "Ask for fewer rows, or use a smaller dtype such as uint8.",
            )
        )


def _gibibytes(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB"
