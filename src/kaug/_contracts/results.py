"""Contracts about what comes out."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np

from kaug._contracts.pictures import DTYPES, INTEGERS, blobs, found, noise
from kaug._contracts.tools import (
    drawn,
    equal,
    pictures_for,
    refused,
    require,
    rows_of,
    run,
    same,
)
from kaug._validation import describe
from kaug.transforms import Transform


def takes_images(transform: Transform) -> None:
    """There must be images that a transform takes, and it must draw parameters for their rows."""
    drawn(transform, 4)
    pictures_for(transform)


def leaves_inputs_alone(transform: Transform) -> None:
    """Images and parameters must not be written to.

    Neither when the transform is called nor by `transform_images`. What else may go wrong with
    that breaks another contract.
    """
    images, parameters = pictures_for(transform).noise(4), drawn(transform, 4)
    before, copies = images.copy(), pickle.loads(pickle.dumps(parameters))
    with suppress(Exception):
        transform.transform_images(images, parameters)
    received = f"`transform_images` that changed {describe(images)}"
    require(np.array_equal(images, before), received)
    require(same(parameters, copies), "`transform_images` that changed its parameters")
    with suppress(Exception):
        transform(images, seed=1)
    require(np.array_equal(images, before), f"a call that changed {describe(images)}")


def keeps_dtype_and_shape(transform: Transform) -> None:
    """The result must have the dtype of the images, and the shape that `output_shape` says.

    For all dtypes, for one, three and five channels, and for sizes of all kinds.
    """
    pictures = pictures_for(transform)
    awkward = [noise(3, shape) for shape in _shapes()]
    for images in [pictures.noise(3, dtype) for dtype in DTYPES] + awkward:
        if refused(transform, images):
            continue
        result = run(transform, images)
        shape = (len(images), *transform.output_shape(images.shape[1:]))
        received = f"{describe(result)} made of {describe(images)}"
        require(result.dtype == images.dtype and result.shape == shape, received)


def _shapes() -> Iterator[tuple[int, ...]]:
    for size in ((9, 7), (4, 6), (1, 1)):
        yield size
        yield from ((*size, channels) for channels in (1, 3, 5))


def takes_small_batches(transform: Transform) -> None:
    """Batches of one image and of none must be possible."""
    images = pictures_for(transform).noise(1)
    for count in (0, 1):
        result = run(transform, images[:count])
        require(len(result) == count, f"{describe(result)} made of {count} images")


def stays_in_range(transform: Transform) -> None:
    """Floats in 0..1 must stay in 0..1, but for `fill_value` and within `value_range`.

    To one in a thousand. Those that are normalized need not.
    """
    if any(leaf._leaves_range for leaf in transform._leaves()):
        return
    low, high = _range(transform)
    slack = 1e-3 * (high - low)
    for dtype in ("float32", "float16"):
        images = pictures_for(transform).noise(8, dtype)
        if refused(transform, images):
            continue
        result = run(transform, images)
        received = f"{result.min():g}..{result.max():g} made of {describe(images)}"
        require(result.min() >= low - slack and result.max() <= high + slack, received)


def _range(transform: Transform) -> tuple[float, float]:
    values = [0.0, 1.0]
    for leaf in transform._leaves():
        values += [float(getattr(leaf, "fill_value", 0.0))]
        values += getattr(leaf, "value_range", None) or ()
    return min(values), max(values)


def keeps_extremes(transform: Transform) -> None:
    """Moving pixels must not turn the ends of an integer dtype into something else.

    Where an even image of a middle value stays as it is, so must one of the least and the greatest.
    What changes values may do to white what it does to nothing else.
    """
    if any(leaf.photometric for leaf in transform._leaves()) or not _carries(
        transform, "segmentation masks"
    ):
        return
    shape = pictures_for(transform).noise(4).shape
    for name in INTEGERS:
        ends = np.iinfo(name)
        stays = None
        for value in (ends.max // 2 + 1, ends.min, ends.max):
            images = np.full(shape, value, name)
            if refused(transform, images):
                continue
            result = run(transform, images)
            same_value = (result == images.flat[0]).reshape(len(images), -1).all(axis=1)
            stays = same_value if stays is None else stays
            received = f"{result.min()}..{result.max()} made of {value} in {images.dtype}"
            require(same_value[stays].all(), received)


def returns_its_own_memory(transform: Transform) -> None:
    """The result must share no memory with the images nor with another result."""
    images = pictures_for(transform).noise(4)
    first, second = (run(transform, images) for _ in range(2))
    for other in (images, second):
        require(not np.shares_memory(first, other), f"a view made of {describe(images)}")


def makes_rows_by_themselves(transform: Transform) -> None:
    """A row must come out the same whatever batch it is in, in any order, on any thread.

    As single images, in small batches, in another order, and in eight threads at once.
    """
    images = pictures_for(transform).many()
    everything = np.arange(len(images))
    whole = rows_of(transform, images, everything, epoch=2)
    parts = [everything[:1], everything[1:4], everything[4:], np.roll(everything[::-1], 5)]
    parts += np.split(everything[:6], 6)
    for rows in parts:
        received = f"rows {rows.tolist()} of {describe(images)}, which differ from those of a whole"
        require(equal(rows_of(transform, images, rows, epoch=2), whole[rows]), received)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(rows_of, transform, images, everything, epoch=2) for _ in range(8)]
        received = f"different results of 8 threads at once on {describe(images)}"
        require(all(equal(call.result(), whole) for call in calls), received)


def does_nothing_at_p_0(transform: Transform) -> None:
    """With p=0 nothing must happen.

    Holds for transforms that have a field `p`.
    """
    idle = _with_p(transform, 0.0)
    for dtype in ("uint8", "float32") if hasattr(transform, "p") else ():
        images = pictures_for(transform).noise(6, dtype)
        shape = transform.output_shape(images.shape[1:])
        if shape == images.shape[1:] and not refused(idle, images):
            received = f"other images made of {describe(images)}"
            require(equal(run(idle, images), images), received)


def _with_p(transform: Any, p: float) -> Transform:
    changed: Transform = (
        dataclasses.replace(transform, p=p) if hasattr(transform, "p") else transform
    )
    return changed


def takes_targets_along(transform: Transform) -> None:
    """Masks, maps and keypoints must go where the pixels go.

    A disc in each picture is found where its mask and its centre went to. Kinds of targets that the
    transform refuses are left out, and the centres where pictures are mixed, which leaves less of a
    disc. A transform that also changes values need not show the disc in each picture, but in most.
    """
    masks, points = (_carries(transform, kind) for kind in ("segmentation masks", "keypoints"))
    maps = masks and _carries(transform, "maps")  # which are compared with masks
    points &= not transform._mixes
    surely = _with_p(transform, 1.0)
    batch = blobs(pictures_for(transform), masks=masks, maps=maps, points=points)
    if not (masks or points) or refused(surely, batch["images"]):
        return
    changes_values = any(leaf.photometric for leaf in transform._leaves())
    for kind, rows in found(run(surely, batch)).items():
        least = 0.6 if changes_values and kind.endswith("images") else 1.0
        missed = np.flatnonzero(~rows).tolist()
        received = f"{kind} that part in rows {missed} of {describe(batch['images'])}"
        require(not len(rows) or rows.mean() >= least, received)


def _carries(transform: Transform, what: str) -> bool:
    try:
        for leaf in transform._leaves():
            leaf._check_carries(what)
            leaf._check_targets((what,))
    except (TypeError, ValueError):
        return False
    return True
