"""Stages carried out on tensors: what `kaug._apply.stages` does on arrays.

A batch is a dict of tensors: float32 `"images"` `(B, H, W, C)`; maps `(B, H, W, K)` under their
`MapName`s; boxes and keypoints as `kaug._tensors.targets` keeps them; and floats `(B, …)` that are
mixed, whose names begin so. Images that were integers stay whole numbers after every stage, as they
do there.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from kaug._apply import matrices
from kaug._apply.batches import maps_of
from kaug._apply.plan import widest
from kaug._apply.resample import Resampling
from kaug._apply.stages import Aim, Mix, Stage, Step, Warp
from kaug._tensors import geometry, ops, separable, targets
from kaug._tensors.mixing import partner_rows
from kaug._tensors.points import move_points

Tensors = dict[str, Any]


def carry_out(
    stages: Sequence[Stage],
    batch: Tensors,
    dtype: np.dtype[Any],
    source: Tensors | None = None,
) -> Tensors:
    """Returns a batch after all stages.

    Args:
        stages: Planned for the rows of the batch, with tensors for parameters.
        batch: See above.
        dtype: Of the images as they were given, which says what black and white are.
        source: Where rows that are mixed in come from; None means the batch.
    """
    source = batch if source is None else source
    for stage in stages:
        batch = _after(stage, batch, source, dtype)
    return batch


def _after(stage: Stage, batch: Tensors, source: Tensors, dtype: np.dtype[Any]) -> Tensors:
    if isinstance(stage, Warp):
        return _warped(stage, batch, dtype)
    if isinstance(stage, Aim):
        return _warped(*_aimed(stage, batch), dtype)
    if isinstance(stage, Step):
        return _changed(stage, batch, dtype)
    return _mixed(stage, batch, source, dtype)


def _mixed(mix: Mix, batch: Tensors, source: Tensors, dtype: np.dtype[Any]) -> Tensors:
    step, before = mix.step, mix.before
    transform: Any = step.transform
    places = ops.reshape(step.parameters["partner"], (-1, len(before)))
    rows = partner_rows(places, ops.shape(source["images"])[0])
    partners = []
    for number, each in enumerate(before):
        taken = {name: ops.take(part, rows[:, number], axis=0) for name, part in source.items()}
        stages: Any = each
        partners.append(carry_out(stages.stages, taken, dtype, source))
    mixed: Tensors = transform._mix_tensors(batch, partners, step.parameters, dtype)
    mixed["images"] = whole(mixed["images"], dtype)
    if transform._gives_size:  # which acts on every row
        return mixed
    return {name: where(step.rows, part, batch[name]) for name, part in mixed.items()}


def _aimed(aim: Aim, batch: Tensors) -> tuple[Warp, Tensors]:
    """Returns the warp for a batch, and the batch without the boxes that do not stay."""
    first = _ends(aim.shapes[0])
    result: Any = None
    for step, shape in zip(aim.steps, aim.shapes, strict=True):
        size = _ends(shape)
        transform: Any = step.transform
        if transform._aims:
            corners, seen = _seen_boxes(batch, step.rows, result, first, size)
            own, kept = transform._aimed(step.parameters, corners, seen, size)
            if _have_boxes(batch):
                gone = seen & ~kept & step.rows[:, None]
                batch = targets.drop(batch, gone)
        else:
            own = transform._matrices(step.parameters, size)
        own = matrices.where(step.rows, own)
        result = own if result is None else matrices.compose(result, own)
    covered = widest(aim.steps, aim.shapes)
    return Warp(result, aim.sampling, _ends(aim.size), covered), batch


def _seen_boxes(
    batch: Tensors, rows: Any, warp: Any, before: tuple[int, int], after: tuple[int, int]
) -> tuple[Any, Any]:
    """Returns boxes `(B, N, 4)` and which are seen `(B, N)`, as a warp leaves them.

    Where a batch has none, each image has one that is not seen.
    """
    if not _have_boxes(batch):
        nothing = ops.zeros_like(rows)[:, None]
        return ops.stack([ops.cast(nothing, "float32")] * 4, axis=-1), nothing
    change = partial(move_points, matrices=warp, size=before, after=after)
    return targets.seen_boxes(batch, None if warp is None else change, after)


def _have_boxes(batch: Tensors) -> bool:
    return "boxes" in batch and batch["boxes"].seen.shape[1] != 0


def _ends(sides: Sequence[Any]) -> tuple[int, int]:
    return int(sides[0]), int(sides[1])


def _warped(warp: Warp, batch: Tensors, dtype: np.dtype[Any]) -> Tensors:
    images, after = batch["images"], _ends(warp.size)
    result = dict(batch)
    moved = _resampled(images, warp, warp.sampling, after)
    result["images"] = whole(moved, dtype) if warp.sampling.interpolation == "bilinear" else moved
    for name in maps_of(batch):
        result[name] = warped_map(batch[name], warp, name.sampling(warp.sampling), after)
    size = (images.shape[1], images.shape[2])
    change = partial(move_points, matrices=warp.matrices, size=size, after=after)
    return targets.move(result, change, size, after, warp.sampling)


def warped_map(values: Any, warp: Warp, sampling: Resampling, after: tuple[int, int]) -> Any:
    """Returns a map of any dtype, or images, warped, whatever the sampling of the warp itself."""
    read = geometry.for_reading(values, sampling)
    return ops.cast(_resampled(read, warp, sampling, after), values.dtype)


def _resampled(images: Any, warp: Warp, sampling: Resampling, after: tuple[int, int]) -> Any:
    if sampling.areas and sampling.interpolation == "bilinear":
        return separable.resize(images, warp.matrices, sampling, after, warp.widest)
    straight = warp.widest is not None
    return geometry.warp(images, warp.matrices, sampling, after, straight=straight)


def _changed(step: Step, batch: Tensors, dtype: np.dtype[Any]) -> Tensors:
    transform, parameters = step.transform, step.parameters
    result = dict(batch)
    changed = whole(transform.transform_tensors(batch["images"], parameters, dtype), dtype)
    result["images"] = where(step.rows, changed, batch["images"])
    if transform.photometric:
        return result
    for name in maps_of(batch):
        moved = transform._move_tensor_map(batch[name], parameters, name)
        result[name] = where(step.rows, moved, batch[name])
    size, after = (tuple(each["images"].shape[1:3]) for each in (batch, result))

    def change(points: Any) -> Any:
        moved = transform.transform_points(points, parameters, size)
        return where(step.rows, moved, points)

    return targets.move(result, change, size, after, getattr(transform, "_sampling", None))


def where(rows: Any, changed: Any, images: Any) -> Any:
    """Returns rows of `changed`, and of `images` where there are none."""
    return ops.where(ops.reshape(rows, (-1, *[1] * (len(images.shape) - 1))), changed, images)


def whole(images: Any, dtype: np.dtype[Any]) -> Any:
    """Returns images as integers hold them, if that is what they were given as."""
    if dtype.kind not in "iu":
        return images
    ends = np.iinfo(dtype)
    return ops.clip(ops.round(images), float(ends.min), float(ends.max))
