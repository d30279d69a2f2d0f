"""What `kaug.layers` is given, checked by what is known of tensors: shapes, and values at times."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._apply.batches import INSTANCES
from kaug._apply.dtypes import working_dtype
from kaug._apply.leaf import Tree
from kaug._apply.oriented import ORIENTED
from kaug._apply.values import check_values as check_values_of_images
from kaug._targets.box_checks import check_values
from kaug._targets.box_columns import check_field_name, looks_like_field
from kaug._targets.map_checks import check_map_dtype, check_map_names, names_of_maps
from kaug._targets.names import MAPS, MOVING, PLACES, check_names, looks_like, point_out
from kaug._targets.places import SETTINGS
from kaug._targets.soft_labels import check_form, check_numbers, num_classes
from kaug._targets.structures import check_finite, map_arrays
from kaug._validation import describe, message, warn, warn_of_channels_first

_RANKS = (
    "Images must be of shape (B, H, W, C), or one image of shape (H, W, C), or videos of shape "
    "(B, T, H, W, C)"
)
_FOR_PAIRS = (
    "For pairs, call it on the images alone: dataset.map(lambda images, labels: (layer(images, "
    "training=True), labels))."
)


# What of boxes is no further field.
_OF_BOXES = ("boxes", "labels", "masks")


def check_arguments(arguments: tuple[Any, ...]) -> None:
    """Checks what comes after the data: nothing but `training`."""
    if len(arguments) > 1 or any(hasattr(argument, "shape") for argument in arguments):
        rule = "A `RandomTransform` is called on images alone, or on a dict with them"
        raise TypeError(message(rule, f"{len(arguments) + 1} arguments", _FOR_PAIRS))


def check_data(data: Any, box_format: str) -> None:
    """Checks what a layer is called on, before Keras looks at it."""
    if not isinstance(data, Mapping):
        _check_images(data)
        return
    _check_keys(data)
    _check_images(data["images"])
    size = (_known_shape(data["images"]) or (None, None, None))[-3:-1]
    check_names({name: part for name, part in data.items() if name not in MOVING}, size, "data")
    if "bounding_boxes" in data:
        _check_boxes(data["bounding_boxes"], box_format, size)


def _check_images(images: Any) -> None:
    rule = "A `RandomTransform` is called on images, one array or tensor, or on a dict with them"
    if isinstance(images, (tuple, list)):
        pair = isinstance(images, tuple) or len(images) == 2
        fix = _FOR_PAIRS if pair else "Make one array of them, with numpy.stack."
        raise TypeError(message(rule, f"a {type(images).__name__} of {len(images)}", fix))
    if not hasattr(images, "shape") or not hasattr(images, "dtype"):
        raise TypeError(message(rule, describe(images)))
    if _known_shape(images) is None:
        raise ValueError(message(_RANKS, "images of unknown rank"))
    if _kind(images) not in "iuf":
        rule = "Images must hold real numbers: integers or floats"
        raise TypeError(message(rule, f"images of dtype {_dtype(images)}", "Convert them first."))


def _check_keys(parts: Mapping[str, Any]) -> None:
    if "images" not in parts:
        rule = 'A dict must have the images under the key "images"'
        raise ValueError(message(rule, f"the keys {sorted(map(str, parts))}"))
    boxes = parts.get("bounding_boxes")
    if boxes is not None and not (isinstance(boxes, Mapping) and {"boxes", "labels"} <= {*boxes}):
        rule = '`bounding_boxes` must be a dict of "boxes" and "labels"'
        given = sorted(map(str, boxes)) if isinstance(boxes, Mapping) else describe(boxes)
        raise ValueError(message(rule, f"{given}"))
    _check_masks(parts)
    for key in SETTINGS:
        if key in parts:
            rule = f"A `RandomTransform` does not take {key!r} from its dict"
            fix = f"Give `{key}` to the layer itself."
            raise ValueError(message(rule, f"the keys {sorted(map(str, parts))}", fix))


def _check_masks(parts: Mapping[str, Any]) -> None:
    """Checks masks and maps by their names and dtypes."""
    if "maps" in parts and not isinstance(parts["maps"], Mapping):
        rule = '`maps` must be a dict of maps by name, such as {"depth": depth}'
        raise ValueError(message(rule, describe(parts["maps"])))
    for kind in ("segmentation_masks", "maps"):
        if isinstance(parts.get(kind), Mapping):
            check_map_names(parts[kind], kind)
    for name, each in parts.get("maps", {}).items():
        check_map_dtype(_kind(each), _dtype(each), f"maps[{name!r}]")
    names_of_maps({kind: parts[kind] for kind in ("segmentation_masks", "maps") if kind in parts})


def _check_boxes(given: Mapping[str, Any], box_format: str, size: tuple[int | None, ...]) -> None:
    """Checks boxes by their values, where these lie in memory anyway."""
    for name in given:
        padding = -1 if name == "labels" else 0
        if isinstance(given[name], (tuple, list)) or hasattr(given[name], "row_splits"):
            rule = f'In `bounding_boxes`, "{name}" must be one tensor with as many for each image'
            fix = f"Pad them with {padding}: of a ragged tensor, .to_tensor({padding})."
            raise TypeError(message(rule, f"a {type(given[name]).__name__}", fix))
        if name not in _OF_BOXES and _kind(given[name]) not in "biuf":
            rule = f"`bounding_boxes[{name!r}]` must be numbers, since those of padding are 0"
            raise TypeError(message(rule, f"dtype {_dtype(given[name])}"))
    boxes, labels = (_values(given[name]) for name in ("boxes", "labels"))
    if boxes is None or labels is None or None in size:
        return
    numbers = ORIENTED.get(box_format, 4)
    fits = boxes.shape == (*labels.shape, numbers) and labels.ndim in (1, 2, 3)
    if fits and labels.dtype.kind in "if":
        batch = labels.reshape(math.prod(labels.shape[:-1]), labels.shape[-1])
        height, width = (int(side or 0) for side in size)
        check_values(boxes.reshape(*batch.shape, numbers), batch, box_format, (height, width))


def check_mixed(data: Any, transform: Tree) -> None:
    """Checks that what is given can be mixed by a transform that does; see `check_data`."""
    parts = data if isinstance(data, Mapping) else {"images": data}
    images = _known_shape(parts["images"]) or ()
    if len(images) == 3:
        rule = "To be mixed, images must come as a batch (B, H, W, C), where their partners are"
        raise ValueError(message(rule, f"shape {images}", "Batch the dataset before it."))
    maps = moving_maps(parts)
    _check_objects(parts, transform)
    if "segmentation_masks" in parts or "labels" in maps:
        for leaf in transform._leaves():
            if leaf._mixes:
                leaf._check_carries("segmentation masks")
    classes = num_classes(transform)

    def check_label(leaf: Any, name: str) -> None:
        shape = _checked_shape(leaf, name, images)
        kind, values = _kind(leaf), _values(leaf)
        if len(shape) == 2 and shape[1] == 1 and kind in "iub":
            shape, values = shape[:1], None if values is None else values[:, 0]
        check_form(shape, kind, name, classes, f"shape {shape} and dtype {_dtype(leaf)}")
        if values is not None and values.dtype.kind in "iufb":
            check_numbers(values, name, classes)

    def check_weight(leaf: Any, name: str) -> None:
        _checked_shape(leaf, name, images)
        values = _values(leaf)
        if _kind(leaf) not in "iufb":
            raise TypeError(message(f"`{name}` must hold real numbers", f"dtype {_dtype(leaf)}"))
        if values is not None:
            check_finite(values, name, "To leave out a row, give it the weight 0.")

    if "labels" not in maps:
        map_arrays(check_label, parts.get("labels"), "data['labels']")
    map_arrays(check_weight, parts.get("sample_weight"), "data['sample_weight']")


def _check_objects(parts: Mapping[str, Any], transform: Tree) -> None:
    """Raises where what pastes objects is given targets, and no objects among them."""
    objects = {INSTANCES} if "masks" in (parts.get("bounding_boxes") or ()) else set()
    if any(name in parts for name in (*MAPS, *MOVING)):
        for leaf in transform._leaves():
            leaf._check_targets(objects)


def _checked_shape(leaf: Any, name: str, images: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """Returns the shape of labels or weights that are mixed, a row of them for each image."""
    shape = _known_shape(leaf) if hasattr(leaf, "shape") else None
    if not shape or not _fits(shape[:1], images[:1]):
        rule = f"To be mixed, `{name}` must be a tensor with a row for each image"
        received = describe(leaf) if shape is None else f"shape {shape}"
        raise ValueError(message(rule, f"{received} beside images of shape {images}"))
    return shape


def refuse_places(parts: Mapping[str, Any], transform: Tree) -> None:
    """Raises for boxes and keypoints beside images that are mixed on tensors."""
    for name in PLACES:
        if name in parts and transform._mixes:
            rule = "A `RandomTransform` mixes images and their labels, and no boxes or keypoints"
            fix = "Augment with kaug.AugmentedDataset, or call the layer in dataset.map."
            raise ValueError(message(rule, f"{name!r} with {transform!r}", fix))


def _values(tensor: Any) -> NDArray[Any] | None:
    """Returns the values of a tensor that is neither symbolic nor on another device."""
    if isinstance(tensor, np.ndarray):
        return tensor
    kind, module = type(tensor).__name__, type(tensor).__module__.partition(".")[0]
    here = (
        (module == "tensorflow" and kind == "EagerTensor" and "CPU" in tensor.device)
        or (kind == "ArrayImpl" and {device.platform for device in tensor.devices()} == {"cpu"})
        or (module == "torch" and tensor.device.type == "cpu" and not tensor.requires_grad)
    )
    return np.asarray(tensor) if here else None


def moving_maps(parts: Mapping[str, Any]) -> list[str]:
    """Returns which labels and weights have the images' height and width, and move with them."""
    images = _known_shape(parts["images"]) or ()
    size, rank = images[-3:-1], len(images)
    return [
        name
        for name in MAPS
        if name in parts
        and hasattr(parts[name], "shape")
        and _is_map(_known_shape(parts[name]) or (), rank, size)
    ]


def _is_map(shape: tuple[int | None, ...], rank: int, size: tuple[int | None, ...]) -> bool:
    flat = len(shape) == rank - 1 and shape[-2:] == size
    return flat or (len(shape) == rank and shape[-3:] == (*size, 1))


def doubt(parts: Mapping[str, Any], moving: list[str]) -> None:
    """Warns of what looks like something of a place and does not move."""
    images = _known_shape(parts["images"]) or ()

    def look(leaf: Any, name: str) -> None:
        shape = _known_shape(leaf) if hasattr(leaf, "shape") else None
        if shape is None:
            return
        rows = (None, *shape) if len(images) == 3 else shape
        if len(images) == 5 and shape[1:2] == images[1:2]:
            rows = (*shape[:1], *shape[2:])
        seen = looks_like(rows, images[-3:-1], _kind(leaf))
        if seen:
            point_out(seen, name, f"of shape {shape}")

    map_arrays(look, {name: part for name, part in parts.items() if name not in moving}, "data")


def _kind(tensor: Any) -> str:
    """Returns the kind of a dtype as NumPy calls it, "O" for what is no number."""
    name = _dtype(tensor)
    kinds = {"uint": "u", "int": "i", "float": "f", "bfloat": "f", "bool": "b", "complex": "c"}
    return kinds.get(name.rstrip("0123456789_"), "f" if name.startswith("float8") else "O")


def _dtype(tensor: Any) -> str:
    """Returns the name of a dtype of NumPy, TensorFlow, JAX or PyTorch."""
    return str(getattr(tensor.dtype, "name", tensor.dtype)).removeprefix("torch.")


def dtype_of(images: Any) -> np.dtype[Any]:
    """Returns the dtype of images as NumPy's; of floats that it does not have, single precision."""
    kind, name = _kind(images), _dtype(images)
    return np.dtype(np.float32 if kind == "f" and not hasattr(np, name) else name)


def check_white(images: Any, who: str) -> None:
    """Checks that images can mean what a transform without a `value_range` takes them for.

    Raises:
        ValueError: An image was meant otherwise; see `kaug._apply.values`.

    Warns:
        UserWarning: Floats cannot be looked at where a function is traced, and count as 0..1.
    """
    dtype, values = dtype_of(images), _values(images)
    if dtype.kind == "u" and dtype.itemsize <= 2:
        return
    if values is not None:
        floats = np.ascontiguousarray(values, working_dtype(dtype))
        check_values_of_images(floats.reshape(-1, *floats.shape[-3:]), dtype, who)
    elif dtype.kind == "f":
        rule = f"{who} without a `value_range` takes floats for 0..1, which a model cannot check"
        fix = "Pass value_range=(0, 1), or (0, 255), to the transforms of values."
        warn(message(rule, f"images of dtype {_dtype(images)}", fix))


def checked_rank(images: Any) -> int:
    """Returns 4 for a batch of images, 3 for one and 5 for videos; others are an error."""
    shape = _known_shape(images) or ()
    if len(shape) not in (3, 4, 5):
        raise ValueError(message(_RANKS, f"images of shape {images.shape}"))
    if None in shape[-3:-1]:
        rule = "The height and the width of the images must be known"
        fix = "Give the `Input`, or the dataset, a shape with numbers for them."
        raise ValueError(message(rule, f"images of shape {shape}", fix))
    warn_of_channels_first(shape, "images")
    return len(shape)


def check_frames(parts: Mapping[str, Any]) -> int:
    """Returns how many frames videos have, and checks that all else has as many."""
    due = tuple(parts["images"].shape[:2])
    if due[1] is None:
        rule = "The number of frames of videos must be known"
        raise ValueError(message(rule, f"images of shape {parts['images'].shape}"))

    def check(leaf: Any, name: str) -> None:
        shape = _known_shape(leaf)
        if shape is not None and not _fits(shape[:2], due):
            rule = f"`{name}` must have an entry for each frame of the videos, (B, {due[1]}, …)"
            raise ValueError(message(rule, f"shape {shape}"))

    map_arrays(check, dict(parts), "data")
    return int(due[1])


def check_moving(parts: Mapping[str, Any], box_format: str) -> None:
    """Checks that masks, boxes and keypoints have the shapes that belong to a batch of images."""
    images = parts["images"]
    count, height, width = tuple(images.shape)[:3]
    for kind in ("segmentation_masks", "maps"):
        given = parts.get(kind, {})
        for name, each in (given if isinstance(given, Mapping) else {None: given}).items():
            called = kind if name is None else f"{kind}[{name!r}]"
            size = f"{height}, {width}"
            rule = f"`{called}` must be of shape (B, {size}) or (B, {size}, K), as the images"
            _check_shape(each, images, rule, (count, height, width), (count, height, width, None))
    if "keypoints" in parts:
        rule = (
            "`keypoints` must be of shape (B, P, 2), or (B, P, 3) with a visibility; of several "
            "persons (B, P, K, 2) or (B, P, K, 3)"
        )
        forms = [(count, *axes, last) for axes in ((None,), (None, None)) for last in (2, 3)]
        _check_shape(parts["keypoints"], images, rule, *forms)
    if "bounding_boxes" in parts:
        boxes, labels = (parts["bounding_boxes"][name] for name in ("boxes", "labels"))
        numbers = ORIENTED.get(box_format, 4)
        rule = f'In `bounding_boxes`, "boxes" must be of shape (B, N, {numbers})'
        _check_shape(boxes, images, rule, (count, None, numbers))
        number = (_known_shape(boxes) or (None, None))[1]
        rule = 'In `bounding_boxes`, "labels" must be of shape (B, N), one for each box'
        _check_shape(labels, images, rule, (count, number))
        _check_fields(parts["bounding_boxes"], (count, number))
        if "masks" in parts["bounding_boxes"]:
            due = f"(B, {height}, {width}, N)"
            rule = f"`bounding_boxes['masks']` must be of shape {due}, a layer for each box"
            masks = parts["bounding_boxes"]["masks"]
            _check_shape(masks, images, rule, (count, height, width, number))
        if "uint" in str(labels.dtype):
            rule = "The labels of boxes must be signed numbers, since -1 marks padding"
            raise TypeError(message(rule, f"labels of dtype {labels.dtype}"))


def _check_fields(boxes: Mapping[str, Any], shape: tuple[int | None, ...]) -> None:
    """Checks the further fields of boxes of a shape, and warns of what looks like a place."""
    for name, field in boxes.items():
        if name in _OF_BOXES:
            continue
        own = _known_shape(field) or (*shape, None)
        check_field_name(name, len(own))
        rule = f"`bounding_boxes[{name!r}]` must have an entry for each box, (B, N, …)"
        if not _fits(own[:2], shape):
            raise ValueError(message(rule, f"shape {own} beside boxes of shape {shape}"))
        look = looks_like_field(own, _kind(field))
        if look:
            point_out(look, f"data['bounding_boxes'][{name!r}]", f"of shape {own}")


def _check_shape(tensor: Any, images: Any, rule: str, *expected: tuple[int | None, ...]) -> None:
    shape = _known_shape(tensor)
    if shape is None or any(_fits(shape, sizes) for sizes in expected):
        return
    raise ValueError(message(rule, f"shape {shape} beside images of shape {tuple(images.shape)}"))


def _fits(shape: tuple[int | None, ...], sizes: tuple[int | None, ...]) -> bool:
    """Tells whether a shape may be of these sizes; None stands for what is not known."""
    return len(shape) == len(sizes) and all(
        None in pair or pair[0] == pair[1] for pair in zip(shape, sizes, strict=True)
    )


def _known_shape(tensor: Any) -> tuple[int | None, ...] | None:
    """Returns what is known of the shape, or None when not even the rank is."""
    try:
        return tuple(tensor.shape)
    except ValueError:  # TensorFlow's
        return None
