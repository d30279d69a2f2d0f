"""Offline augmentation: append augmented rows to a dataset, each with the label it belongs to."""

import os
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from kaug import _parallel
from kaug._draw.keys import check_rows
from kaug._generators import Generator
from kaug._images import stand_in
from kaug._job import Job
from kaug._kernels.announcing import silence
from kaug._progress import Progress, Verbose
from kaug._types import Array, Batch, Rows
from kaug._validation import (
    check_flag,
    check_integer,
    describe,
    message,
)
from kaug.per_class import Native

_BATCH_BYTES = 2**22  # what a default batch aims at: small beside the result, large beside a call
_REPORT_BYTES = 2**27  # how much a native transform makes between two reports of progress
_MOST_ROWS = 2**62  # rows are numbered in 64 bits


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
    out: str | os.PathLike[str] | None = None,
    verbose: Verbose = "auto",
) -> tuple[Any, ...]:
    """Appends `n` augmented images to a dataset, each with the label of its source.

    Inputs are never modified, and NumPy's global random state is left as it was. The result is
    allocated once and filled in place, so beyond it only one batch is held in memory.

    Args:
        x: Images, `(N, H, W, C)` or `(N, H, W)` (one channel), or videos `(N, T, H, W, C)`, all of
            whose frames are changed alike; integers or floats of any value range the generator
            understands. NaN and infinities are passed on. Or a sequence of
            images of any size, such as a list of arrays or what `kaug.sources` makes, to which
            nothing can be appended: pass `append=False` and a transform that gives them one size.
        y: Labels: an array with N rows, a tuple, list or dict of such arrays, or None.
        n: How many augmented rows to make, 0 or more.
        generator: What augments: a transform of `kaug.transforms`, a Keras `ImageDataGenerator`
            (with geometric options alone it is carried out by kaug's own kernels, else through
            its `flow`), a Keras layer, `Sequential` or `Pipeline` (called with `training=True`),
            an albumentations or torchvision v2 transform (called image by image), a function
            from a batch of images to a batch of images, row by row, or a `kaug.PerClass` of native
            transforms.
        sample_weight: Weights with N rows, an array or a structure of arrays like `y`. Those of
            pixels, `(N, H, W)` or `(N, H, W, 1)`, move with these; `y` of such a shape as well.
        seed: 0..2⁶⁴-1. None draws one from Python's `random`, which `keras.utils.set_random_seed`
            controls. With a native transform the first rows do not depend on `n`. The seed
            also seeds Keras', albumentations' and torchvision's own generators and, for functions,
            those of Python and NumPy that all share, for the time of the call.
        append: Whether the originals come first. False returns the `n` new rows alone.
        sampling: How source rows are chosen: `"random"` with replacement; `"cycle"` every row as
            evenly as `n` allows, in a shuffled order; `"balanced"` so that the class counts of
            the result come out as equal as `n` allows.
        return_index: Whether to return the source row of every output row as well.
        batch_size: Images per call of the generator. None takes about 4 MiB of them. It is part
            of what the seed means, except with native transforms, which pay no attention to it.
        out: Where to write the result instead of holding it in memory: a new folder for `.npy`
            files or, if the path ends in `.zarr`, a Zarr group. It takes a native generator. Run
            again with the same arguments, a job that was interrupted goes on; `seed=None` then
            takes the seed it was begun with. `x` may be anything with `shape`, `dtype` and
            slices of rows, such as Zarr and HDF5 arrays.
        verbose: 0 silent, 1 a progress bar, `"auto"` a bar once the job takes two seconds. Unless
            it is 0, a line says when kernels are compiled for more than a second.

    Returns:
        `(x, y)`; with `sample_weight`, `(x, y, sample_weight)`; with `return_index`, the source
        rows (int64) are added as last item. Everything has `N + n` rows (`n` without `append`),
        the dtypes of the inputs, and `y` and `sample_weight` their structure. With `out`, all
        arrays are memory-mapped and read-only, or Zarr arrays.

    Raises:
        TypeError: An argument, or what the generator returns, has the wrong type.
        ValueError: Lengths differ, an option is unknown, or the generator changes the number or
            the shape of the images; or `out` was made with other arguments.
        MemoryError: The result would not fit into the memory that is free.
        OSError: `out` cannot be written: the disk is full, the folder is read-only or holds
            something else, or another process is writing there.
        ImportError: `out` ends in `.zarr` and zarr is not installed.

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
    images, y = (x, y) if out is None else _for_store(x, y)
    job = Job.of(images, y, sample_weight, generator, sampling=sampling, append=append, seed=seed)
    n = check_integer(n, "n", maximum=_MOST_ROWS)
    step = _check_batch_size(batch_size, job)
    _check_verbose(verbose)
    return_index = check_flag(return_index, "return_index")
    if n and not len(job.images):
        rule = f"`x` must have at least one row to make n={n} augmented rows from"
        raise ValueError(message(rule, describe(job.images)))
    job.check_shape(job.shape)
    with silence(verbose == 0):
        if out is not None:
            from kaug.store import write_dataset

            return write_dataset(
                out,
                job,
                n,
                given=(x, y, sample_weight),
                seed=seed,
                return_index=return_index,
                verbose=verbose,
            )
        job.check_memory(job.shape, n)
        made, index = _run(job, job.source_rows(np.arange(n)), step, Progress(n, verbose))
    return job.answer(made, index, return_index=return_index)


def augment_rows(
    x: ArrayLike,
    y: Any,
    rows: ArrayLike,
    generator: Any,
    *,
    seed: int,
    sample_weight: Any = None,
    append: bool = True,
    sampling: Literal["random", "cycle", "balanced"] = "random",
    return_index: bool = False,
) -> tuple[Any, ...]:
    """Makes any block of the augmented rows of `augment_dataset`, by their numbers.

    Row `i` is the `i`-th row that `augment_dataset` with the same arguments appends, whatever
    other rows are asked for: several processes can make a part each.

    Args:
        x: Images, `(N, H, W, C)` or `(N, H, W)`, or videos `(N, T, H, W, C)`, or a sequence of
            images of any size; at least one.
        y: Labels: an array with N rows, a tuple, list or dict of such arrays, or None.
        rows: Numbers of the augmented rows, integers `(M,)` from 0 on, in any order.
        generator: A transform of `kaug.transforms`, a `kaug.PerClass` of them, or a Keras
            `ImageDataGenerator` with only geometric options: other generators cannot make one row
            without the others.
        seed: 0..2⁶⁴-1.
        sample_weight: Weights with N rows.
        append: With `sampling="balanced"`, whether the originals count, as in `augment_dataset`.
        sampling: As in `augment_dataset`.
        return_index: Whether to return the source row of every row as well.

    Returns:
        `(x, y)`; with `sample_weight`, `(x, y, sample_weight)`; with `return_index`, the source
        rows (int64) are added as last item. Everything has M rows.

    Raises:
        TypeError: An argument has the wrong type, or the generator is not native.
        ValueError: An argument is out of its range, or there are no rows to augment.
        MemoryError: The result would not fit into the memory that is free.

    Example:
        >>> import numpy as np, kaug
        >>> from kaug.transforms import Rotation
        >>> x, y = np.arange(70, dtype="float32").reshape(2, 5, 7), np.array([0, 1])
        >>> x_all, y_all = kaug.augment_dataset(x, y, 9, Rotation(20), seed=1, append=False)
        >>> x_part, y_part = kaug.augment_rows(x, y, [8, 3], Rotation(20), seed=1)
        >>> bool((x_part == x_all[[8, 3]]).all() and (y_part == y_all[[8, 3]]).all())
        True
    """
    job = Job.of(x, y, sample_weight, generator, sampling=sampling, append=append, seed=seed)
    # Whether they count or not, they are not part of the answer.
    job = replace(job, originals=False)
    numbers = check_rows(rows)
    return_index = check_flag(return_index, "return_index")
    if seed is None or not isinstance(job.generator, Native):
        rule = "Rows can be made by number with a seed and a native transform"
        received = f"seed={seed} and generator={describe(generator)}"
        raise TypeError(message(rule, received, "Use kaug.transforms, or augment_dataset."))
    if not len(job.images):
        rule = "`x` must have at least one row to make augmented rows from"
        raise ValueError(message(rule, describe(job.images)))
    job.check_memory(job.shape, len(numbers))
    index = job.source_rows(numbers)
    made = job.allocate(job.shape, len(numbers))
    job.generator._fill(made, job.source, index, job.image_key, numbers)
    return job.answer(made, index, return_index=return_index)


def _run(job: Job, planned: Rows, step: int, progress: Progress) -> tuple[Batch, Rows]:
    """Returns what was made, originals included, and the source row of each new row."""
    if isinstance(job.generator, Native):
        return _run_native(job, job.generator, planned, progress), planned
    if not len(planned):
        return job.allocate(job.shape, 0), planned
    made, index = _run_in_batches(job, job.generator, planned, step, progress)
    if job.sampling != "random" and not np.array_equal(index, planned):
        raise ValueError(
            message(
                f"sampling={job.sampling!r} needs a generator that returns every row once",
                "a generator that dropped some rows and repeated others",
                'Use sampling="random".',
            )
        )
    return made, index


def _run_native(job: Job, native: Native, planned: Rows, progress: Progress) -> Batch:
    n = len(planned)
    made = job.allocate(job.shape, n)
    new = {name: array[job.kept :] for name, array in made.items()}
    step = _parallel.grain_of(new["images"], _REPORT_BYTES)
    for start in range(0, n, step):
        part = slice(start, min(start + step, n))
        numbers = np.arange(part.start, part.stop)
        piece = {name: array[part] for name, array in new.items()}
        native._fill(piece, job.source, planned[part], job.image_key, numbers)
        progress.update(part.stop)
    return made


def _run_in_batches(
    job: Job, generator: Generator, planned: Rows, step: int, progress: Progress
) -> tuple[Batch, Rows]:
    n = len(planned)
    index = np.empty_like(planned)
    made: Batch = {}
    for number, start in enumerate(range(0, n, step)):
        rows = planned[start : start + step]
        stop = start + len(rows)
        # Taking rows makes a copy, so a generator that works in place harms nothing.
        batch = job.images[rows]
        try:
            augmented, position = generator.augment(batch, job.image_key.child(number))
        except Exception as error:  # whatever it is, it goes on with a note
            error.add_note(f"Raised while kaug augmented rows {start} to {stop - 1} of {n}.")
            raise
        made = made or _allocated(job, augmented.shape[1:], n)
        result = made["images"]
        _check_shape(augmented, result)
        result[job.kept + start : job.kept + stop] = augmented
        index[start:stop] = rows[position]
        progress.update(stop)
    return made, index


def _allocated(job: Job, shape: tuple[int, ...], n: int) -> Batch:
    """Returns arrays for images of a shape that nobody knew before."""
    job.check_shape(shape)
    job.check_memory(shape, n)
    return job.allocate(shape, n)


def _for_store(x: Any, y: Any) -> tuple[Array, Any]:
    """Returns images, perhaps without their values, and labels that can be stored."""
    from kaug.store._structure import with_plain_strings

    return stand_in(x), with_plain_strings(y)


def _check_shape(augmented: Array, result: Array) -> None:
    if augmented.shape[1:] != result.shape[1:]:
        raise ValueError(
            message(
                "A generator must return images of one shape",
                f"{augmented.shape[1:]} after {result.shape[1:]}",
            )
        )


def _check_batch_size(batch_size: int | None, job: Job) -> int:
    if batch_size is None:
        return _parallel.rows_of(job.shape, job.images.dtype.itemsize, _BATCH_BYTES)
    return check_integer(batch_size, "batch_size", minimum=1)


def _check_verbose(verbose: Any) -> None:
    if isinstance(verbose, bool) or verbose not in ("auto", 0, 1):
        rule = '`verbose` must be "auto", 0 or 1'
        raise ValueError(message(rule, f"verbose={describe(verbose)}"))
