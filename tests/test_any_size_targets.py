"""What travels with images of any size: a row is what it would be alone, where its pixels are."""

import pickle
from dataclasses import dataclass

import keras
import numpy as np
import pytest
from PIL import Image

import kaug
from kaug import AugmentedDataset, augment_dataset, augment_rows
from kaug._apply.boxes import FORMATS, from_corners
from kaug.transforms import (
    BoxSafeCrop,
    ColorJitter,
    Compose,
    CutMix,
    HorizontalFlip,
    Letterbox,
    MixUp,
    Perspective,
    RandomCrop,
    RandomIoUCrop,
    RandomResizedCrop,
    Resize,
    Rotation,
    Transform,
)

POLICIES = [
    Resize(height=9, width=14),
    Compose([RandomResizedCrop(height=17, width=11), HorizontalFlip(), Rotation(30)]),
    Compose([ColorJitter(), Resize(24), Perspective(), RandomCrop(20, 24)]),
    Compose([Rotation(30, fill_mode="reflect"), Letterbox(15)]),
    Compose([Resize(20), Perspective(fill_mode="constant"), RandomCrop(17, 19)]),
    RandomCrop(18, 15),
]
# Whose images depend on the boxes.
AIMING = [
    Compose([BoxSafeCrop(17, 11), HorizontalFlip(), Rotation(30)]),
    Compose([HorizontalFlip(), RandomIoUCrop(17, 11), ColorJitter()]),
]


def of_any_size(count, channels=3, dtype="uint8"):
    rng = np.random.default_rng(count)
    last = (channels,) if channels else ()
    images = []
    for _ in range(count):
        image = rng.integers(0, 256, (*rng.integers(19, 60, 2), *last))
        images.append((image / 255 if np.dtype(dtype).kind == "f" else image).astype(dtype))
    return images


def places_in(images, box_format="xyxy"):
    """Returns boxes, 0 to 5 in each image, and three keypoints, some of them beyond the border."""
    rng = np.random.default_rng(1)
    boxes, labels, points = [], [], []
    for image in images:
        height, width = image.shape[:2]
        count = rng.integers(6)
        corners = np.sort(rng.uniform(-0.1, 1.1, (count, 2, 2)), axis=1).reshape(count, 4)
        corners *= [width, height, width, height]
        boxes.append(from_corners(corners, box_format, (height, width)).astype("float32"))
        labels.append(rng.integers(0, 9, count))
        points.append(rng.uniform(-0.1, 1.1, (3, 3)) * [width, height, 2])
    return {
        "bounding_boxes": {"boxes": boxes, "labels": labels},
        "bounding_box_format": box_format,
        "keypoints": np.array(points),
    }


class Sequence:
    """Gives one item at a time, and counts them."""

    def __init__(self, items):
        self.items, self.read = items, []

    def __len__(self):
        return len(self.items)

    def __getitem__(self, row):
        assert type(row) is int
        self.read.append(row)
        return self.items[row]


def assert_same(one, other):
    if isinstance(one, dict):
        assert list(one) == list(other)
        for name, value in one.items():
            assert_same(value, other[name])
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    else:
        assert one == other


def row_of(targets, row):
    """Returns the targets of one row, as a batch."""
    if isinstance(targets, dict):
        return {name: row_of(value, row) for name, value in targets.items()}
    if isinstance(targets, (str, float)):
        return targets
    return [targets[row]] if isinstance(targets, list) else targets[row : row + 1]


def without_padding(boxes, count):
    """Returns the first boxes of an image; those beyond must be padding."""
    assert (boxes["labels"][count:] == -1).all()
    assert not boxes["boxes"][count:].any()
    return {name: array[:count] for name, array in boxes.items()}


# Boxes and keypoints --------------------------------------------------------------------------


@pytest.mark.pairwise(
    policy=[*POLICIES, *AIMING], box_format=FORMATS, held=[True, False], channels=[None, 3]
)
def test_places_of_a_row_are_what_they_would_be_alone(policy, box_format, held, channels):
    images = of_any_size(9, channels)
    targets = places_in(images, box_format)
    source = images if held else Sequence(images)
    result = policy({"images": source, **targets, "min_visible_area": 0.1}, seed=3, epoch=2)
    most = max(map(len, targets["bounding_boxes"]["labels"]))
    assert result["bounding_boxes"]["boxes"].shape == (9, most, 4)
    seen = result["bounding_boxes"]["labels"] != -1
    assert 5 < seen.sum() < 40
    for row, image in enumerate(images):
        batch = {"images": image[np.newaxis], **row_of(targets, row), "min_visible_area": 0.1}
        if channels is None:
            batch["images"] = batch["images"][..., np.newaxis]
        alone = policy(batch, seed=3, epoch=2, index=[row])
        np.testing.assert_array_equal(result["images"][row].ravel(), alone["images"].ravel())
        np.testing.assert_array_equal(result["keypoints"][row], alone["keypoints"][0])
        count = len(targets["bounding_boxes"]["labels"][row])
        boxes = {name: array[row] for name, array in result["bounding_boxes"].items()}
        expected = {name: array[0] for name, array in alone["bounding_boxes"].items()}
        assert_same(without_padding(boxes, count), expected)


# Masks, and labels and weights like them ------------------------------------------------------

MASK_DTYPES = ["bool", "uint8", "int16", "uint16", "int64", "float32"]


def masks_of(images, dtype="uint8", channels=None):
    """Returns a mask for each image, whose values are not those of its neighbours."""
    rng = np.random.default_rng(2)
    last = (channels,) if channels else ()
    high = 2 if dtype == "bool" else 120
    return [rng.integers(0, high, (*image.shape[:2], *last)).astype(dtype) for image in images]


@pytest.mark.pairwise(
    policy=POLICIES,
    dtype=MASK_DTYPES,
    channels=[None, 1, 3],
    held=[True, False],
    masks_held=[True, False],
)
def test_masks_of_a_row_are_what_they_would_be_alone(policy, dtype, channels, held, masks_held):
    images = of_any_size(8)
    masks = masks_of(images, dtype, channels)
    copies = [mask.copy() for mask in masks]
    targets = {**places_in(images), "segmentation_masks": masks if masks_held else Sequence(masks)}
    result = policy({"images": images if held else Sequence(images), **targets}, seed=5)
    moved = result["segmentation_masks"]
    assert moved.shape == (8, *result["images"].shape[1:3], *([channels] if channels else []))
    assert moved.dtype == dtype
    for row, image in enumerate(images):
        batch = {"images": image[np.newaxis], "segmentation_masks": masks[row][np.newaxis]}
        alone = policy(batch, seed=5, index=[row])
        np.testing.assert_array_equal(result["images"][row], alone["images"][0])
        np.testing.assert_array_equal(moved[row], alone["segmentation_masks"][0])
        np.testing.assert_array_equal(masks[row], copies[row])


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("channels", [None, 1, 3])
def test_a_mask_of_the_pixels_themselves_goes_where_they_go(channels, dtype):
    """By the nearest pixel, an image and a mask of the same content are the same."""
    images = of_any_size(12, channels, dtype)
    nearest = {"interpolation": "nearest", "fill_mode": "constant"}
    policy = Compose(
        [
            RandomResizedCrop(height=17, width=11, interpolation="nearest"),
            HorizontalFlip(),
            Rotation(30, **nearest),
            Perspective(**nearest),
        ]
    )
    result = policy({"images": images, "segmentation_masks": images}, seed=1)
    np.testing.assert_array_equal(result["images"], result["segmentation_masks"])
    assert len(np.unique(result["images"])) > 50


def test_a_mask_by_eye():
    images = [np.zeros((4, 6), "uint8"), np.zeros((2, 4), "uint8")]
    masks = [np.arange(24).reshape(4, 6), np.arange(8).reshape(2, 4)]
    # Half-way between pixels it is the next one; columns of the second lie at 1/6, 1.5 and 17/6.
    flipped = Compose([Resize(height=2, width=3), HorizontalFlip(1)])
    result = flipped({"images": images, "segmentation_masks": masks}, seed=0)
    assert result["segmentation_masks"][0].tolist() == [[11, 9, 7], [23, 21, 19]]
    assert result["segmentation_masks"][1].tolist() == [[3, 2, 0], [7, 6, 4]]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize(
    "policy",
    [
        Compose([Rotation(30, fill_mode="constant"), Letterbox(61)]),
        Compose([Resize(height=47, width=63), Perspective(0.2), HorizontalFlip()]),
        Compose([Letterbox(75), RandomCrop(59, 63)]),
        Compose(
            [Resize(height=75, width=75), ColorJitter(), RandomResizedCrop(height=51, width=67)]
        ),
    ],
    ids=repr,
)
def test_the_brightest_pixel_goes_where_its_point_goes(policy, dtype, channels):
    rng = np.random.default_rng(3)
    images, points, boxes, masks = [], [], [], []
    for _ in range(40):
        height, width = 2 * rng.integers(20, 50, 2) + 1
        x, y = rng.integers(8, [width - 8, height - 8])
        distance = np.hypot(np.arange(width) - x, np.arange(height)[:, np.newaxis] - y)
        blob = np.exp(-((distance / 5) ** 2)) * (1 if dtype == "float32" else 255)
        images.append(np.repeat(blob[..., np.newaxis], channels, axis=2).astype(dtype))
        points.append([[x, y, 1]])
        boxes.append([[x - 2, y - 2, x + 3, y + 3]])
        masks.append(distance < 4)
    result = policy(
        {
            "images": images,
            "keypoints": np.array(points, "float32"),
            "bounding_boxes": {"boxes": boxes, "labels": [[row] for row in range(40)]},
            "segmentation_masks": masks,
        },
        seed=2,
    )
    height, width = result["images"].shape[1:3]
    seen = whole = 0
    for row in range(40):
        x, y, visible = result["keypoints"][row, 0]
        if not visible or not (3 < x < width - 4 and 3 < y < height - 4):
            continue
        seen += 1
        image = result["images"][row, ..., 0].astype(float)
        where = np.argwhere(image >= image.max() * 0.995).mean(axis=0)
        assert np.abs(where - [y, x]).max() < 1
        mask = result["segmentation_masks"][row]
        assert mask[round(y), round(x)]
        assert result["bounding_boxes"]["labels"][row, 0] == row
        if mask[[0, -1]].any() or mask[:, [0, -1]].any():
            continue
        whole += 1
        assert np.abs(np.argwhere(mask).mean(axis=0) - [y, x]).max() < 1  # half a pixel, twice
        left, top, right, bottom = result["bounding_boxes"]["boxes"][row, 0]
        centre = [(left + right) / 2, (top + bottom) / 2]
        np.testing.assert_allclose(centre, [x + 0.5, y + 0.5], atol=0.6)
    assert seen >= whole > 12


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("last", [(), (1,)])
def test_labels_and_weights_of_pixels_move_as_masks_do(last, held):
    images = of_any_size(10)
    masks = masks_of(images)
    maps = [mask.reshape(*mask.shape, *last) for mask in masks]
    weights = [each / 7 for each in maps]
    source = (maps, weights) if held else (Sequence(maps), Sequence(weights))
    policy = POLICIES[1]
    expected = policy({"images": images, "segmentation_masks": masks}, seed=0)
    expected = expected["segmentation_masks"].reshape(10, 17, 11, *last)
    batch = policy({"images": images, "labels": source[0], "sample_weight": source[1]}, seed=0)
    dataset = AugmentedDataset(
        images, source[0], policy, sample_weight=source[1], batch_size=10, shuffle=False, seed=0
    )
    _, labels, weight = dataset[0]
    for found in (labels, batch["labels"]):
        np.testing.assert_array_equal(found, expected)
    for found in (weight, batch["sample_weight"]):
        np.testing.assert_array_equal(found, expected / 7)
    structured = AugmentedDataset(
        images, {"labels": source[0], "row": np.arange(10)}, policy, sample_weight={"a": source[1]},
        batch_size=10, shuffle=False, seed=0,
    )  # fmt: skip
    _, y, weight = structured[0]
    np.testing.assert_array_equal(y["labels"], expected)
    np.testing.assert_array_equal(weight["a"], expected / 7)
    whole = AugmentedDataset(images, None, policy, sample_weight=maps, shuffle=False)
    assert whole[0][2].dtype == "uint8"


def test_an_array_of_labels_moves_where_images_are_of_one_size_after_all():
    images = of_any_size(6)
    alike = [image[:19, :19] for image in images]
    labels = np.stack(masks_of(alike))
    made = POLICIES[1]({"images": Sequence(alike), "labels": labels}, seed=0)
    expected = POLICIES[1]({"images": np.stack(alike), "labels": labels}, seed=0)
    assert_same(made, expected)
    other = [*alike[:4], alike[4][:, :18], alike[5]]
    with pytest.raises(ValueError, match=r"19 × 19 in row 4, whose image is 19 × 18"):
        POLICIES[1]({"images": Sequence(other), "labels": labels}, seed=0)


# Every entrance -------------------------------------------------------------------------------


def everything(images, *, held):
    """Returns targets of all kinds."""
    masks = masks_of(images)
    return {
        **places_in(images, "rel_center_xywh"),
        "segmentation_masks": masks if held else Sequence(masks),
        "labels": np.arange(len(images)) % 4,
    }


@pytest.mark.parametrize("policy", [*POLICIES[1:4], *AIMING], ids=repr)
@pytest.mark.parametrize("held", [True, False])
def test_every_entrance_makes_the_same_rows(policy, held, tmp_path):
    images = of_any_size(21)
    x, y = images if held else Sequence(images), everything(images, held=held)
    expected = policy({"images": x, **y}, seed=7)
    dataset = AugmentedDataset(x, y, policy, batch_size=5, seed=7, shuffle=False)
    batches = [dataset[number] for number in range(len(dataset))]
    tensors = [
        (images.numpy(), keras.tree.map_structure(lambda tensor: tensor.numpy(), targets))
        for images, targets in dataset.to_tf_dataset()
    ]
    settings = {"bounding_box_format": "rel_center_xywh"}
    for made in (batches, tensors):
        for number, (pictures, targets) in enumerate(made):
            for row in range(len(pictures)):
                whole = row_of(expected, 5 * number + row)
                found = {"images": pictures, **targets, **settings}
                assert_same({name: row_of(found[name], row) for name in whole}, whole)
    picture, target = dataset.row(11, epoch=0)
    np.testing.assert_array_equal(picture, expected["images"][11])
    np.testing.assert_array_equal(target["keypoints"], expected["keypoints"][11])

    options = {"seed": 7, "append": False, "return_index": True}
    more, targets, index = augment_dataset(x, y, 33, policy, **options)
    order = [name for name in targets if name not in settings]
    for row in range(33):
        alone = {"images": images[index[row]][np.newaxis]}
        alone |= {name: row_of(y[name], index[row]) for name in y if name != "segmentation_masks"}
        alone["segmentation_masks"] = masks_of(images)[index[row]][np.newaxis]
        made = policy(alone, seed=7, index=[row])
        np.testing.assert_array_equal(more[row], made["images"][0])
        for name in ("keypoints", "labels", "segmentation_masks"):
            np.testing.assert_array_equal(targets[name][row], made[name][0])
    stored = augment_dataset(x, y, 33, policy, out=tmp_path / "store", **options)
    np.testing.assert_array_equal(stored[0], more)
    some = augment_rows(x, y, [30, 4], policy, seed=7)
    np.testing.assert_array_equal(some[0], more[[30, 4]])
    for name in order:
        assert_same(plain(stored[1][name]), targets[name])
        assert_same(some[1][name], rows_at(targets[name], [30, 4]))
    assert stored[1]["bounding_box_format"] == some[1]["bounding_box_format"] == "rel_center_xywh"

    again = augment_dataset(x, y, 33, policy, out=tmp_path / "store", **options)
    np.testing.assert_array_equal(again[0], more)
    kaug.open_dataset(tmp_path / "store").verify(x, y)
    other = {**y, "segmentation_masks": [1 - mask for mask in masks_of(images)]}
    with pytest.raises(ValueError, match=r"other values of y\['segmentation_masks'\]"):
        kaug.open_dataset(tmp_path / "store").verify(x, other)
    with pytest.raises(ValueError, match="segmentation_masks"):
        augment_dataset(x, other, 33, policy, out=tmp_path / "store", **options)


def plain(structure):
    """Returns a structure with plain arrays in place of memory maps."""
    if isinstance(structure, dict):
        return {name: plain(value) for name, value in structure.items()}
    return np.array(structure)


def rows_at(structure, rows):
    if isinstance(structure, dict):
        return {name: rows_at(value, rows) for name, value in structure.items()}
    return structure[rows]


def test_neither_threads_nor_batches_matter(monkeypatch):
    images = of_any_size(40)
    y = everything(images, held=True)
    results = []
    for threads, size in (("1", 40), ("2", 7), ("5", 1)):
        monkeypatch.setenv("KAUG_NUM_THREADS", threads)
        dataset = AugmentedDataset(images, y, POLICIES[2], batch_size=size, seed=1, shuffle=False)
        parts = [targets for _, targets in dataset]
        results.append(keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *parts))
    for other in results[1:]:
        assert_same(results[0], other)


def test_only_the_rows_of_a_batch_are_read():
    images = of_any_size(50)
    x, masks = Sequence(images), Sequence(masks_of(images))
    y = {**places_in(images), "segmentation_masks": masks, "row": np.arange(50)}
    dataset = AugmentedDataset(x, y, POLICIES[1], batch_size=4, seed=0)
    assert masks.read == x.read == [0]  # which says of what dtype they are
    _, targets = dataset[3]
    assert sorted(masks.read[1:]) == sorted(x.read[1:]) == sorted(targets["row"].tolist())

    (x_train, y_train), (x_val, y_val) = kaug.train_validation_split(x, y, stratify=False, seed=1)
    assert len(masks.read) == 6
    assert len(x_train) + len(x_val) == 50
    _, targets = AugmentedDataset(x_val, y_val, POLICIES[1], batch_size=6, seed=0)[0]
    assert set(masks.read[7:]) <= set(y_val["row"].tolist())
    assert len(y_train["segmentation_masks"]) == len(x_train)


@pytest.mark.parametrize("held", [True, False])
def test_a_split_keeps_what_belongs_together(held):
    images = of_any_size(12)
    masks = masks_of(images)
    y = {"segmentation_masks": masks if held else Sequence(masks), "row": np.arange(12)}
    weights = [mask / 3 for mask in masks]
    for part_x, part_y in kaug.train_validation_split(images, y, stratify=False, seed=1):
        for row, image, mask in zip(
            part_y["row"], part_x, part_y["segmentation_masks"], strict=True
        ):
            assert image is images[row]
            assert mask is masks[row]
    for source in (weights, Sequence(weights)):
        (_, train), (_, validation) = kaug.train_validation_split(
            images, source, stratify=False, seed=1
        )
        assert {id(each) for part in (train, validation) for each in part} == set(map(id, weights))


def test_pickles_and_copies_make_the_same_batches():
    images = of_any_size(9)
    dataset = AugmentedDataset(
        images, everything(images, held=True), POLICIES[1], batch_size=4, seed=0
    )
    other = pickle.loads(pickle.dumps(dataset))
    assert_same(other[1][1], dataset[1][1])
    assert "masks" in repr(dataset)
    assert "points" in repr(dataset)
    assert "<img" in dataset._repr_html_()


# Mixing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", ["uint8", "float64"])
@pytest.mark.parametrize("mix", [MixUp(num_classes=5), CutMix(num_classes=5)], ids=repr)
def test_what_can_be_mixed_is_mixed_as_beside_an_array(mix, weights):
    images = [image[:19, :19] for image in of_any_size(14)]
    policy = Compose([ColorJitter(), RandomResizedCrop(height=15, width=12), mix, HorizontalFlip()])
    targets = {"labels": np.arange(14) % 5, "sample_weight": masks_of(images, weights)}
    if isinstance(mix, CutMix):
        targets["segmentation_masks"] = masks_of(images)
    expected = {name: np.stack(value) for name, value in targets.items()}
    expected = policy({"images": np.stack(images), **expected}, seed=3)
    assert expected["sample_weight"].dtype == ("float32" if weights == "uint8" else "float64")
    lazy = {name: Sequence(value) for name, value in targets.items() if name != "labels"}
    assert_same(policy({"images": Sequence(images), **targets, **lazy}, seed=3), expected)
    dataset = AugmentedDataset(
        Sequence(images), {**targets, **lazy}, policy, batch_size=14, shuffle=False, seed=3
    )
    pictures, batch = dataset[0]
    assert_same({"images": pictures, **batch}, expected)


def test_what_cannot_be_mixed_is_refused():
    images = of_any_size(5)
    policy = Compose([Resize(height=9, width=8), MixUp()])
    with pytest.raises(ValueError, match="Use CutMix for masks"):
        policy({"images": images, "segmentation_masks": masks_of(images)}, seed=0)
    with pytest.raises(ValueError, match="Use CutMix for masks"):
        policy({"images": images, "labels": masks_of(images)}, seed=0)


# Pictures in files ----------------------------------------------------------------------------


def test_what_belongs_to_a_picture_that_is_read_in_part_and_reduced(tmp_path):
    rng = np.random.default_rng(0)
    paths, masks, arrays = [], [], []
    for number in range(6):
        height, width = rng.integers(300, 500, 2)
        small = Image.fromarray(rng.integers(0, 256, (height // 30, width // 30, 3), "uint8"))
        paths.append(tmp_path / f"{number}.jpg")
        small.resize((width, height)).save(paths[-1], quality=95)
        masks.append(tmp_path / f"{number}.png")
        arrays.append(rng.integers(0, 5, (height, width), "uint8"))
        Image.fromarray(arrays[-1]).save(masks[-1])
    x = kaug.sources.files(paths)
    images = [x[row] for row in range(6)]
    policy = Compose([RandomResizedCrop((0.3, 1), height=40, width=57), HorizontalFlip()])
    y = places_in(images, "rel_xywh")
    held = {"segmentation_masks": arrays}
    expected = policy({"images": images, **y, **held}, seed=4)
    result = policy({"images": x, **y, **held}, seed=4)
    # Reduced as it was decoded, a picture is nearly the same.
    difference = np.abs(expected.pop("images").astype(int) - result.pop("images"))
    assert 0 < difference.mean() < 3
    assert_same(result, expected)

    lazy = {"segmentation_masks": kaug.sources.files(masks, channels=1)}
    made = kaug.augment_dataset(x, {**y, **lazy}, 8, policy, seed=4, append=False)
    other = kaug.augment_dataset(images, {**y, **held}, 8, policy, seed=4, append=False)
    assert_same(made[1]["segmentation_masks"], other[1]["segmentation_masks"][..., np.newaxis])
    assert_same(made[1]["bounding_boxes"], other[1]["bounding_boxes"])


# Mistakes -------------------------------------------------------------------------------------

IMAGES = of_any_size(5)
MASKS = masks_of(IMAGES)
SMALLER = [*MASKS[:3], MASKS[3][:-1], MASKS[4]]
WEIGHTS = [*(mask / 2 for mask in MASKS[:4]), np.full(MASKS[4].shape, np.nan)]


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    ("name", "arrays", "text"),
    [
        ("segmentation_masks", SMALLER, r"`segmentation_masks` must be as high and wide as its "),
        ("segmentation_masks", SMALLER, r"41 × 42 in row 3, whose image is 42 × 42\. See that"),
        ("labels", SMALLER, r"`images\['labels'\]` must be as high .* 41 × 42 in row 3"),
        ("sample_weight", SMALLER, r"`images\['sample_weight'\]` must be as high .* in row 3"),
        (
            "segmentation_masks",
            [*MASKS[:2], MASKS[2].astype("int64"), *MASKS[3:]],
            r"must have one dtype.*int64 in row 2, of 5 arrays \(height, width\) of uint8",
        ),
        (
            "segmentation_masks",
            [*MASKS[:2], MASKS[2][..., np.newaxis], *MASKS[3:]],
            r"as many axes and layers.*1\) and dtype uint8 in row 2",
        ),
        ("segmentation_masks", MASKS[:4], r"an array for each of the 5 images\. Received: 4 of "),
        ("segmentation_masks", [mask.astype("c8") for mask in MASKS], "must have numbers of shape"),
        ("segmentation_masks", [mask[0] for mask in MASKS], r"\(height, width, K\) for each image"),
        ("labels", masks_of(IMAGES, "uint8", 3), r"\['labels'\]`, 5 arrays \(height, width, 3\)"),
        ("depth", MASKS, r"pass a dict with it under the key \"segmentation_masks\""),
        ("masks", MASKS, r"has a name of its own.*Call it \"segmentation_masks\""),
        ("sample_weight", WEIGHTS, r"finite numbers\. Received: nan in row 4\. .*the weight 0"),
    ],
)
def test_bad_arrays(name, arrays, text, lazy):
    source = Sequence(arrays) if lazy else arrays
    with pytest.raises(ValueError, match=text):
        POLICIES[1]({"images": IMAGES, name: source}, seed=0)
    if lazy and name in ("masks", "depth"):
        assert set(source.read) <= {0}


@pytest.mark.parametrize("name", ["segmentation_masks", "labels"])
def test_what_is_in_memory_is_looked_at_before_anything_is_made(name):
    with pytest.raises(ValueError, match=r"41 × 42 in row 3, whose image is 42 × 42"):
        AugmentedDataset(IMAGES, {name: SMALLER}, POLICIES[1])
    with pytest.raises(ValueError, match=r"nan in row 4"):
        AugmentedDataset(Sequence(IMAGES), None, POLICIES[1], sample_weight=WEIGHTS)
    dataset = AugmentedDataset(
        IMAGES, {name: Sequence(SMALLER)}, POLICIES[1], batch_size=3, shuffle=False
    )
    assert len(dataset[0][0]) == 3
    with pytest.raises(ValueError, match=r"41 × 42 in row 3, whose image is 42 × 42"):
        dataset[1]


@pytest.mark.parametrize("value", [None, 3])
def test_masks_that_are_no_sequence(value):
    with pytest.raises(TypeError, match="must be a sequence of arrays, one for each image"):
        POLICIES[1]({"images": IMAGES, "segmentation_masks": value}, seed=0)


@pytest.mark.parametrize(
    ("box", "box_format", "text"),
    [
        ((10, 10, 5, 5), "xyxy", r"as box 0 of row 0\. Sort.*If these are \"xywh\", pass that as"),
        ((0.5, 0.5, 0.2, 0.2), "rel_xyxy", r"These look like \"rel_xywh\""),
        ((0.1, 0.1, 0.5, 0.5), "xyxy", "look like fractions"),
        ((1, 1, 5, 5), "rel_xyxy", "look like pixels"),
        ((1, 1, 5, np.inf), "xyxy", "finite"),
        ((1, 1, 5, 5), "coco", 'What others call .coco. is "xywh"'),
    ],
)
def test_bad_boxes_are_refused_before_anything_is_read(box, box_format, text):
    source = Sequence(IMAGES)
    boxes = {"boxes": [[box], *[[]] * 4], "labels": [[1], *[[]] * 4]}
    y = {"bounding_boxes": boxes, "bounding_box_format": box_format}
    with pytest.raises(ValueError, match=text):
        AugmentedDataset(source, y, POLICIES[1])
    assert source.read == [0]


def test_a_transform_that_does_not_say_where_pixels_go():
    @dataclass(frozen=True, repr=False)
    class Mirror(Transform):
        def transform_images(self, images, parameters):
            return images[:, :, ::-1]

    policy = Compose([Resize(height=9, width=14), Mirror()])
    for arguments in (({"segmentation_masks": MASKS}, None), (MASKS, None), (None, MASKS)):
        with pytest.raises(TypeError, match=r"segmentation masks.*Define `transform_masks`"):
            AugmentedDataset(IMAGES, arguments[0], policy, sample_weight=arguments[1])


def test_masks_cannot_be_written_to():
    @dataclass(frozen=True, repr=False)
    class Paint(Transform):
        def transform_images(self, images, parameters):
            return images

        def transform_masks(self, masks, parameters):
            masks[:] = 7
            return masks

    masks = masks_of(IMAGES)
    policy = Compose([Paint(), Resize(height=9, width=14)])
    with pytest.raises(ValueError, match="read-only"):
        policy({"images": IMAGES, "segmentation_masks": masks}, seed=0)
    for mask, other in zip(masks, MASKS, strict=True):
        np.testing.assert_array_equal(mask, other)


def test_a_warning_where_boxes_would_stay_behind():
    images = of_any_size(9)
    with pytest.warns(UserWarning, match="one box for each image"):
        AugmentedDataset(images, np.tile([2.0, 1, 7, 9], (9, 1)), POLICIES[1])
    AugmentedDataset(images, np.tile([0.1, 0.2, 0.3, 0.4], (9, 1)), POLICIES[1])


def test_other_structures_are_what_they_were():
    class Numbers:
        def __len__(self):
            return 5

        def __getitem__(self, row):
            if row >= 5:
                raise IndexError
            return 2 * row

    y = [np.zeros((5, columns)) for columns in range(1, 6)]  # five of them, as there are images
    _, made = AugmentedDataset(IMAGES, y, POLICIES[1], shuffle=False)[0]
    assert_same(dict(enumerate(made)), dict(enumerate(y)))
    _, made = AugmentedDataset(IMAGES, Numbers(), POLICIES[1], shuffle=False)[0]
    assert made.tolist() == [0, 2, 4, 6, 8]


def test_masks_of_pillow_and_arrays_of_objects():
    expected = POLICIES[1]({"images": IMAGES, "segmentation_masks": MASKS}, seed=0)
    palette = [Image.fromarray(mask, "L") for mask in MASKS]
    for picture in palette:
        picture.putpalette(list(range(255, -1, -1)) * 3)  # which makes its mode "P"
    objects = np.empty(5, object)
    objects[:] = MASKS
    for masks in (palette, tuple(MASKS), objects):
        batch = {"images": IMAGES, "segmentation_masks": masks}
        assert_same(POLICIES[1](batch, seed=0), expected)
