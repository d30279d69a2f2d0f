"""What `kaug.layers` is given, checked by the shapes that are known of tensors."""

from collections.abc import Mapping
from typing import Any

from kaug._validation import describe, message, warn_of_channels_first

# What of Keras' dict moves with the images.
MOVING = ("segmentation_masks", "bounding_boxes", "keypoints")
# What a dict says about its boxes when a transform is called itself; a layer is told once.
_SETTINGS = ("bounding_box_format", "min_visible_area")


def check_keys(parts: Mapping[str, Any]) -> None:
    """Checks what a dict has, before Keras looks at it."""
    if "images" not in parts:
        rule = 'A dict must have the images under the key "images"'
        raise ValueError(message(rule, f"the keys {sorted(map(str, parts))}"))
    boxes = parts.get("bounding_boxes")
    if boxes is not None and not (isinstance(boxes, Mapping) and {"boxes", "labels"} <= {*boxes}):
        rule = '`bounding_boxes` must be a dict of "boxes" and "labels"'
        given = sorted(map(str, boxes)) if isinstance(boxes, Mapping) else describe(boxes)
        raise ValueError(message(rule, f"{given}"))
    for key in _SETTINGS:
        if key in parts:
            rule = f"A `RandomTransform` does not take {key!r} from its dict"
            fix = "Give `bounding_box_format` to the layer itself."
            raise ValueError(message(rule, f"the keys {sorted(map(str, parts))}", fix))


def checked_rank(images: Any) -> int:
    """Returns 4 for a batch of images and 3 for one, and says what is wrong with others."""
    shape = _known_shape(images) or ()
    if len(shape) not in (3, 4):
        rule = "Images must be of shape (B, H, W, C), or one image of shape (H, W, C)"
        raise ValueError(message(rule, f"images of shape {images.shape}"))
    if None in shape[-3:-1]:
        rule = "The height and the width of the images must be known"
        fix = "Give the `Input`, or the dataset, a shape with numbers for them."
        raise ValueError(message(rule, f"images of shape {shape}", fix))
    warn_of_channels_first(shape, f"images of shape {shape}", "images")
    return len(shape)


def check_moving(parts: Mapping[str, Any]) -> None:
    """Checks that masks, boxes and keypoints have the shapes that belong to a batch of images."""
    images = parts["images"]
    count, height, width = tuple(images.shape)[:3]
    if "segmentation_masks" in parts:
        masks, size = parts["segmentation_masks"], f"{height}, {width}"
        rule = f"`segmentation_masks` must be of shape (B, {size}) or (B, {size}, K), as the images"
        _check_shape(masks, images, rule, (count, height, width), (count, height, width, None))
    if "keypoints" in parts:
        rule = "`keypoints` must be of shape (B, P, 2), or (B, P, 3) with a visibility"
        _check_shape(parts["keypoints"], images, rule, (count, None, 2), (count, None, 3))
    if "bounding_boxes" in parts:
        boxes, labels = (parts["bounding_boxes"][name] for name in ("boxes", "labels"))
        rule = 'In `bounding_boxes`, "boxes" must be of shape (B, N, 4)'
        _check_shape(boxes, images, rule, (count, None, 4))
        number = (_known_shape(boxes) or (None, None))[1]
        rule = 'In `bounding_boxes`, "labels" must be of shape (B, N), one for each box'
        _check_shape(labels, images, rule, (count, number))
        if "uint" in str(labels.dtype):
            rule = "The labels of boxes must be signed numbers, since -1 marks padding"
            raise TypeError(message(rule, f"labels of dtype {labels.dtype}"))


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
