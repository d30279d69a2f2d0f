"""Copy-paste: objects along their masks, what lies beneath them, and their boxes."""

import numpy as np
import pytest

import kaug
from kaug.transforms import Compose, CopyPaste, HorizontalFlip, MixUp, Mosaic, Resize, Rotation


def scenes(count=20, size=(41, 57), boxes=3, seed=0):
    """Returns images with ellipses of a color each, their masks, and the boxes around these."""
    rng = np.random.default_rng(seed)
    images = np.zeros((count, *size, 1), "float32")
    masks = np.zeros((count, *size, boxes), "uint8")
    corners = np.zeros((count, boxes, 4), "float32")
    labels = np.full((count, boxes), -1)
    y, x = np.mgrid[: size[0], : size[1]]
    for row in range(count):
        for b in range(rng.integers(boxes + 1)):
            across, down = rng.integers(3, 9, 2)
            left, top = b * size[1] // boxes, rng.integers(2, size[0] - 20)
            inside = ((x - left - across) / across) ** 2 + ((y - top - down) / down) ** 2 <= 1
            color = labels[row, b] = row * boxes + b + 1
            images[row, inside], masks[row, inside, b] = color, 1
            corners[row, b] = extent(inside)
    tracks = np.where(labels == -1, 0, labels * 10)
    return images, {"boxes": corners, "labels": labels, "masks": masks, "track": tracks}


def extent(mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def check_objects(images, objects):
    """Checks that each box has its color, its mask, and nothing else has."""
    shown = 0
    for image, corners, labels, masks, tracks in zip(
        images[..., 0],
        *(objects[name] for name in ("boxes", "labels", "masks", "track")),
        strict=True,
    ):
        there = labels != -1
        np.testing.assert_array_equal(tracks, np.where(there, labels * 10, 0))
        assert not masks[..., ~there].any()
        assert {*np.unique(image[image > 0]).astype(int)} == {*labels[there].tolist()}
        for b in np.flatnonzero(there):
            if (labels == labels[b]).sum() > 1:
                continue  # an object and its own copy
            np.testing.assert_array_equal(masks[..., b] == 1, image == labels[b])
            np.testing.assert_allclose(corners[b], extent(masks[..., b]), atol=1e-5)
            shown += 1
    return shown


@pytest.mark.parametrize("object_p", [0, 0.3, 0.5, 1])
def test_objects_are_where_their_masks_are(object_p):
    images, objects = scenes(60)
    made = CopyPaste(object_p=object_p)({"images": images, "bounding_boxes": objects}, seed=0)
    assert check_objects(made["images"], made["bounding_boxes"]) > 60
    if not object_p:
        np.testing.assert_array_equal(made["images"], images)
        for name, column in objects.items():
            kept = made["bounding_boxes"][name]
            kept = kept[..., :3] if name == "masks" else kept[:, :3]
            np.testing.assert_array_equal(kept, column)


def test_objects_are_chosen_with_their_probability():
    images, objects = scenes(400, boxes=2)
    transform = CopyPaste(object_p=0.3)
    partner = (transform.draw(np.arange(400), seed=1)["partner"] * 400).astype(int)
    made = transform({"images": images, "bounding_boxes": objects}, seed=1)
    pasted = offered = 0
    for row in range(400):
        names = {*objects["labels"][partner[row]].tolist()} - {-1}
        if partner[row] == row:
            continue
        offered += len(names)
        pasted += len(names & {*made["bounding_boxes"]["labels"][row].tolist()})
    assert abs(pasted / offered - 0.3) < 4 * np.sqrt(0.3 * 0.7 / offered)


def test_what_is_beneath_by_eye():
    images = np.repeat([1, 2], 30).reshape(2, 5, 6)
    masks = np.zeros((2, 5, 6, 1), bool)
    masks[0, 1:4, :4] = masks[1, :5, 3:5] = True
    objects = {
        "boxes": np.array([[[0, 1, 4, 4]], [[3, 0, 5, 5]]], "float64"),
        "labels": np.array([[7], [8]]),
        "masks": masks,
    }
    batch = {
        "images": images,
        "bounding_boxes": objects,
        "segmentation_masks": images.astype("uint8") * 10,
        "keypoints": np.array([[[3, 2, 2], [0, 2, 2]], [[4, 0, 2], [0, 0, 2]]], "float32"),
        "labels": np.eye(2, dtype="float32"),
    }
    transform = CopyPaste(object_p=1)
    parameters = transform.draw(np.arange(2), seed=0)
    parameters["partner"] = np.array([0.5, 0.0])  # each the other one
    made = transform.apply(batch, parameters)
    np.testing.assert_array_equal(made["images"][0], np.where(masks[1, ..., 0], 2, 1))
    np.testing.assert_array_equal(made["segmentation_masks"], made["images"] * 10)
    boxes = made["bounding_boxes"]
    assert boxes["labels"].tolist() == [[7, 8], [8, 7]]
    # Of a row's own box the column under the other object goes; of the other row's, the middle of
    # its first column, so that it keeps its sides.
    assert boxes["boxes"].tolist() == [[[0, 1, 3, 4], [3, 0, 5, 5]], [[3, 0, 5, 5], [0, 1, 4, 4]]]
    assert boxes["masks"][..., 0].sum(axis=(1, 2)).tolist() == [9, 7]
    assert boxes["masks"][..., 1].sum(axis=(1, 2)).tolist() == [10, 12]
    assert made["keypoints"][..., 2].tolist() == [[0, 2, 2, 0], [2, 2, 2, 2]]
    np.testing.assert_allclose(made["labels"], [[2 / 3, 1 / 3], [0.4, 0.6]], atol=1e-6)
    least = transform.apply({**batch, "min_visible_area": 0.72}, parameters)["bounding_boxes"]
    assert least["labels"].tolist() == [[7, 8], [7, -1]]


def test_objects_without_pixels_are_not_pasted_and_are_covered():
    masks = np.zeros((2, 20, 30, 1), bool)
    masks[1] = True
    images = np.zeros((2, 20, 30, 1), "uint8")
    images[1] = 9
    corners = np.array([[[2.0, 2, 10, 10]], [[0, 0, 30, 20]]])
    objects = {"boxes": corners, "labels": np.array([[1], [2]]), "masks": masks}
    transform = CopyPaste(object_p=1)
    parameters = transform.draw(np.arange(2), seed=0)
    parameters["partner"] = np.array([0.5, 0.0])  # each the other one
    made = transform.apply({"images": images, "bounding_boxes": objects}, parameters)
    assert (made["images"] == 9).all()
    assert made["bounding_boxes"]["labels"].tolist() == [[2, -1], [2, -1]]


def test_images_of_any_size_and_further_steps():
    images, objects = scenes(12)
    policy = Compose([Resize(height=41, width=57), HorizontalFlip(), CopyPaste(), Rotation(30)])
    held = policy({"images": images, "bounding_boxes": objects}, seed=2)
    listed = [*images[:11], np.zeros((30, 31, 1), "float32")]
    layers = [*objects["masks"][:11], np.zeros((30, 31, 3), "uint8")]
    given = {**objects, "masks": layers}
    made = policy({"images": listed, "bounding_boxes": given}, seed=2)
    same = (policy.draw(np.arange(12), seed=2)["transforms"][2]["partner"] * 12).astype(int) < 11
    same[11] = False
    np.testing.assert_array_equal(made["images"][same], held["images"][same])
    for name, column in held["bounding_boxes"].items():
        np.testing.assert_array_equal(made["bounding_boxes"][name][same], column[same])


@pytest.mark.parametrize(
    "policy",
    [CopyPaste(p=0.5), Compose([Mosaic(p=0.5), CopyPaste()]), Compose([CopyPaste(), MixUp(p=0.3)])],
    ids=repr,
)
def test_rows_do_not_depend_on_their_batch(policy):
    images, objects = scenes(16)
    rows = np.array([3, 14, 9])
    y = {"bounding_boxes": objects}
    x_all, every = kaug.augment_rows(images, y, np.arange(16), policy, seed=2)
    x_some, some = kaug.augment_rows(images, y, rows, policy, seed=2)
    np.testing.assert_array_equal(x_some, x_all[rows])
    for name, column in some["bounding_boxes"].items():
        np.testing.assert_array_equal(column, every["bounding_boxes"][name][rows])


def test_a_row_of_no_boxes_and_no_rows():
    images, objects = scenes(5)
    empty = {
        name: column[..., :0] if name == "masks" else column[:, :0]
        for name, column in objects.items()
    }
    made = CopyPaste()({"images": images, "bounding_boxes": empty}, seed=0)
    np.testing.assert_array_equal(made["images"], images)
    none = {name: column[:0] for name, column in objects.items()}
    made = CopyPaste()({"images": images[:0], "bounding_boxes": none}, seed=0)
    assert made["bounding_boxes"]["boxes"].shape == (0, 6, 4)


@pytest.mark.parametrize("bare", [{"labels": np.eye(5)}, {"bounding_boxes": None}])
def test_boxes_must_have_masks(bare):
    images, objects = scenes(5)
    if "bounding_boxes" in bare:
        bare = {"bounding_boxes": {name: objects[name] for name in ("boxes", "labels")}}
    with pytest.raises(ValueError, match="so boxes must have masks"):
        CopyPaste()({"images": images, **bare}, seed=0)
    with pytest.raises(ValueError, match="so boxes must have masks"):
        kaug.AugmentedDataset(images, bare, Compose([HorizontalFlip(), CopyPaste()]))
    with pytest.raises(ValueError, match="so boxes must have masks"):
        kaug.augment_dataset(images, None, 3, CopyPaste())


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: CopyPaste(object_p=1.5), ValueError, "`object_p` must lie in 0..1"),
        (lambda: CopyPaste(object_p="1"), TypeError, "`object_p`"),
        (lambda: CopyPaste(p=-1), ValueError, "`p` must lie in 0..1"),
    ],
)
def test_bad_arguments(make, error, text):
    with pytest.raises(error, match=text):
        make()
