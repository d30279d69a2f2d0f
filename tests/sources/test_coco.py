"""Pictures and objects by files of COCO's form; pycocotools is the oracle."""

import contextlib
import io
import json
import pickle
import sys

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as mask_tools
from pycocotools.coco import COCO

from kaug import AugmentedDataset
from kaug.sources import coco
from kaug.transforms import Compose, CopyPaste, Resize

# The text of the runs of an empty mask.
NOTHING = mask_tools.encode(np.zeros((20, 30), np.uint8, order="F"))["counts"].decode()
SIZES = {"b.png": (20, 30), "a.png": (25, 15), "deep/c.png": (8, 9)}


def form(**changes):
    """Three pictures, the last without objects, and categories with holes in their numbers."""
    images = [
        {"id": 7 - number, "file_name": name, "height": height, "width": width}
        for number, (name, (height, width)) in enumerate(SIZES.items())
    ]
    objects = [
        {"id": 1, "image_id": 6, "category_id": 90, "bbox": [1, 2, 3, 4]},
        {"id": 2, "image_id": 7, "category_id": 18, "bbox": [0.5, 1.25, 29.5, 18], "iscrowd": 0},
        {"id": 3, "image_id": 6, "category_id": 1, "bbox": [0, 0, 15, 25]},
        {"id": 4, "image_id": 6, "category_id": 1, "bbox": [2, 2, 9, 9], "iscrowd": 1},
    ]
    categories = [
        {"id": key, "name": name} for key, name in [(90, "zebra"), (1, "ox"), (18, "dog")]
    ]
    return {"images": images, "annotations": objects, "categories": categories, **changes}


@pytest.fixture
def place(tmp_path):
    for name, (height, width) in SIZES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (width, height)).save(tmp_path / name)
    return tmp_path


def write(place, **changes):
    path = place / "what.json"
    path.write_text(json.dumps(form(**changes)))
    return path


def changed(key, **fields):
    """Returns the annotations with some fields of one of them changed."""
    objects = form()["annotations"]
    objects[key - 1].update(fields)
    return [{name: value for name, value in each.items() if value is not ...} for each in objects]


def test_boxes_are_those_of_pycocotools(place):
    path = write(place)
    x, y = coco(path, place)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = COCO(path)
    assert x.class_names == ("ox", "dog", "zebra")
    assert y["bounding_box_format"] == "xyxy"
    assert [path.removeprefix(f"{place}/") for path in x.paths] == list(SIZES)
    for row, key in enumerate(theirs.getImgIds()):
        boxes, labels = (y["bounding_boxes"][name][row] for name in ("boxes", "labels"))
        found = theirs.loadAnns(theirs.getAnnIds(imgIds=[key]))
        found = [each for each in found if not each.get("iscrowd")]
        corners = [(x, y, x + w, y + h) for x, y, w, h in (each["bbox"] for each in found)]
        np.testing.assert_array_equal(boxes, np.reshape(corners, (-1, 4)))
        assert boxes.dtype == np.float32
        ids = [sorted(theirs.getCatIds())[label] for label in labels]
        assert ids == [each["category_id"] for each in found]
        assert labels.dtype == np.int64
    assert y["bounding_boxes"]["boxes"][2].shape == (0, 4)
    assert y["bounding_boxes"]["labels"][2].shape == (0,)


def test_pictures_without_any_object(place):
    _, y = coco(write(place, annotations=[]), place)
    assert [each.shape for each in y["bounding_boxes"]["boxes"]] == [(0, 4)] * 3


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"bbox": [1, 2, 3]}, r"a\.png \(annotation 3: bbox must be x, y, width and height, not"),
        ({"bbox": ...}, "annotation 3: bbox must be .* not None"),
        ({"bbox": [1, 2, 3, "4"]}, "annotation 3: bbox must"),
        (
            {"bbox": [1, 2, -3, 4]},
            r"annotation 3: a box that ends before .*\[1.0, 2.0, -2.0, 6.0\]",
        ),
        ({"bbox": [1, float("nan"), 3, 4]}, "annotation 3: a box that is not finite"),
        ({"bbox": [1, 1, 5, 1e300]}, "annotation 3: a box that is not finite, or far from its"),
        ({"bbox": [1, 10**400, 3, 4]}, "annotation 3: bbox must"),
        ({"bbox": [1, True, 3, 4]}, "annotation 3: bbox must"),
        ({"category_id": 2}, "annotation 3: category_id must be the id of a category, not 2"),
        ({"category_id": [2]}, "annotation 3: category_id must be"),
        ({"id": ..., "bbox": 3}, "annotation number 2: bbox must"),
    ],
)
def test_an_object_that_cannot_be_used(place, fields, says):
    path = write(place, annotations=changed(3, **fields))
    with pytest.raises(ValueError, match=rf"{says}(.|\n)*Or pass on_error=\"skip\""):
        coco(path, place)
    with pytest.warns(UserWarning, match=f"1 of 3 pictures are left out. Received: .*{says}"):
        x, y = coco(path, place, on_error="skip")
    assert [path.removeprefix(f"{place}/") for path in x.paths] == ["b.png", "deep/c.png"]
    assert [len(each) for each in y["bounding_boxes"]["boxes"]] == [1, 0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"annotations": changed(2, image_id=99)}, "image_id .* Received: 99 .* of annotation 2"),
        ({"annotations": changed(2, image_id=...)}, "image_id .* Received: None"),
        ({"annotations": {}}, "`annotations` must be a list of objects"),
        ({"annotations": [3]}, "`annotations` must be a list of objects"),
        ({"images": [], "annotations": []}, "must name pictures"),
        ({"images": [*form()["images"], form()["images"][0]]}, "id of its own. Received: 7"),
        ({"images": [{**form()["images"][0], "file_name": 3}]}, "must have 'file_name'"),
        ({"images": [{**form()["images"][0], "height": "3"}]}, "must be numbers of pixels"),
        ({"images": [*form()["images"], {"id": 1, "file_name": "a.png"}]}, "a file of its own"),
        ({"images": [{"id": 1, "file_name": "../a.png"}]}, "must lie inside the folder"),
        ({"categories": [{"id": 1}]}, "must have 'name'"),
        ({"categories": [{"id": "1", "name": "a"}]}, "must be integers"),
        ({"categories": [{"name": "a"}]}, "must have an id of its own"),
    ],
)
def test_a_file_that_has_not_the_form(place, changes, says):
    with pytest.raises(ValueError, match=says):
        coco(write(place, **changes), place)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", r"must be a JSON file .*what.json' \(Expecting"),
        ("[" * 10**5, "must be a JSON file"),
        ("[]", "with list"),
        ('{"images": []}', r"with \['images'\]"),
        (b"\xff\xff", "must be a JSON file"),
    ],
)
def test_a_file_that_is_no_json(place, text, says):
    path = place / "what.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=says):
        coco(path, place)


def test_files_that_are_not_there(place):
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        coco(place / "none.json", place)
    (place / "a.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.png"):
        coco(write(place), place)
    with pytest.warns(UserWarning, match="1 of 3 are left out"):
        x, y = coco(write(place), place, on_error="skip")
    assert len(x) == len(y["bounding_boxes"]["boxes"]) == 2
    assert [len(each) for each in y["bounding_boxes"]["labels"]] == [1, 0]


def test_options(place):
    x, _ = coco(write(place), place, channels=1, dtype="float32")
    assert (x.channels, x.dtype, x[0].shape) == (1, np.float32, (20, 30, 1))
    with pytest.raises(ValueError, match="`on_error` must be one of"):
        coco(write(place), place, on_error="ignore")


@pytest.mark.parametrize("box", [[3, 3, 0, 5], [3, 3, 1e-9, 5], [30, 3, 2, 2], [3, -5, 2, 5]])
def test_boxes_of_nothing_are_left_out(place, box):
    path = write(place, annotations=changed(2, bbox=box))
    says = r"or it is left out. Received: annotation 2 in .*b\.png \(20 × 30\), xyxy \["
    with pytest.warns(UserWarning, match=says):
        x, y = coco(path, place)
    assert len(x) == 3
    assert [len(each) for each in y["bounding_boxes"]["labels"]] == [0, 2, 0]


def test_boxes_that_reach_beyond(place):
    path = write(place, annotations=changed(2, bbox=[-1, -1, 32, 22]))
    _, y = coco(path, place)  # by a pixel: without a word
    np.testing.assert_array_equal(y["bounding_boxes"]["boxes"][0], [[-1, -1, 31, 21]])
    path = write(place, annotations=changed(2, bbox=[10, 10, 25, 5]))
    with pytest.warns(UserWarning, match=r"transforms cut off .*annotation 2 in .*b\.png"):
        _, y = coco(path, place)
    np.testing.assert_array_equal(y["bounding_boxes"]["boxes"][0], [[10, 10, 35, 15]])


def test_fractions(place):
    one = form()["annotations"][:1]
    one[0]["bbox"] = [0.1, 0.2, 0.5, 0.5]
    with pytest.raises(ValueError, match=r"counted in pixels. .*annotation 1 in .*fractions"):
        coco(write(place, annotations=one), place)


def test_another_size_than_noted(place):
    Image.new("RGB", (20, 25)).save(place / "a.png")
    says = r"a\.png \(25 × 20 \(height × width\), but noted beside its objects 25 × 15"
    with pytest.raises(ValueError, match=says):
        coco(write(place), place)
    with pytest.warns(UserWarning, match=says):
        x, _ = coco(write(place), place, on_error="skip")
    assert len(x) == 2


def test_size_that_is_not_noted(place):
    images = [{"id": each["id"], "file_name": each["file_name"]} for each in form()["images"]]
    x, _ = coco(write(place, images=images), place)
    assert len(x) == 3


def segmentations(theirs):
    """Polygons, several of one object, and runs of pixels as lists and as text."""
    ring = np.zeros((20, 30), np.uint8, order="F")
    ring[2:18, 3:25] = 1
    ring[5:9, 6:21] = 0
    text = mask_tools.encode(ring)["counts"].decode()
    spread = np.asfortranarray(np.random.default_rng(0).random((20, 30)) < 0.5).astype(np.uint8)
    return [
        [[1.5, 2.25, 20.1, 3, 17, 18.75, 4, 12]],
        [[1, 1, 5, 1, 5, 5], [20, 10, 28.5, 10, 28.5, 19.5, 20, 19.5]],
        {"size": [20, 30], "counts": [40, 100, 200, 160, 100]},
        {"size": [20, 30], "counts": [0, 600]},
        {"size": [20, 30], "counts": text},
        {
            "size": [20, 30],
            "counts": mask_tools.encode(np.asfortranarray(spread))["counts"].decode(),
        },
        {"size": [20, 30], "counts": NOTHING},
    ][theirs]


@pytest.mark.parametrize("number", range(7))
def test_a_mask_is_that_of_pycocotools(place, number):
    one = {"id": 1, "image_id": 7, "category_id": 18, "bbox": [1, 1, 9, 9]}
    path = write(place, annotations=[{**one, "segmentation": segmentations(number)}])
    _, y = coco(path, place, masks=True)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = COCO(path)
    expected = theirs.annToMask(theirs.anns[1])
    np.testing.assert_array_equal(y["segmentation_masks"][0][..., 0], expected * 2)
    assert y["segmentation_masks"][0].dtype == np.uint8
    assert y["segmentation_masks"][2].shape == (8, 9, 1)
    assert not y["segmentation_masks"][2].any()


def rectangle(left, top, right, bottom):
    return [[left, top, right, top, right, bottom, left, bottom]]


def test_masks_of_several_objects(place):
    one = {"image_id": 7, "bbox": [1, 1, 9, 9]}
    crowd = {"size": [20, 30], "counts": [0, 200, 400]}  # ten columns
    objects = [
        {**one, "category_id": 1, "segmentation": rectangle(6, 6, 12, 12)},
        {**one, "category_id": 18, "segmentation": rectangle(2, 2, 20, 18)},
        {**one, "category_id": 90, "segmentation": crowd, "iscrowd": 1},
    ]
    _, y = coco(write(place, annotations=objects), place, masks=True)
    expected = np.zeros((20, 30, 1))
    expected[:, :10] = 3
    expected[2:18, 2:20] = 2
    expected[6:12, 6:12] = 1
    np.testing.assert_array_equal(y["segmentation_masks"][0], expected)
    np.testing.assert_array_equal(y["bounding_boxes"]["labels"][0], [0, 1])


def test_a_mask_for_each_box(place):
    one = {"image_id": 7, "bbox": [1, 1, 9, 9]}
    crowd = {"size": [20, 30], "counts": [0, 200, 400]}
    nowhere = {"image_id": 7, "category_id": 1, "bbox": [40, 1, 9, 9]}
    objects = [
        {**one, "category_id": 1, "segmentation": rectangle(6, 6, 12, 12)},
        {**one, "category_id": 90, "segmentation": crowd, "iscrowd": 1},
        {**nowhere, "segmentation": rectangle(1, 1, 3, 3)},
        {**one, "category_id": 18, "segmentation": rectangle(2, 2, 20, 18)},
    ]
    path = write(place, annotations=objects)
    with pytest.warns(UserWarning, match="must cover a part"):
        x, y = coco(path, place, masks="objects")
    assert "segmentation_masks" not in y
    masks = y["bounding_boxes"]["masks"]
    assert [each.shape for each in masks] == [(20, 30, 2), (25, 15, 0), (8, 9, 0)]
    expected = np.zeros((20, 30, 2))
    expected[6:12, 6:12, 0] = expected[2:18, 2:20, 1] = 1
    np.testing.assert_array_equal(masks[0], expected)
    dataset = AugmentedDataset(x, y, Compose([Resize(height=20, width=30), CopyPaste()]), seed=0)
    _, made = dataset[0]
    assert made["bounding_boxes"]["masks"].shape == (3, 20, 30, 4)
    with pytest.raises(ValueError, match="`masks` must be one of 'objects'"):
        coco(path, place, masks="boxes")


def test_masks_are_a_sequence(place):
    one = {"image_id": 7, "bbox": [1, 1, 9, 9], "category_id": 1}
    path = write(place, annotations=[{**one, "segmentation": rectangle(6, 6, 12, 12)}])
    masks = coco(path, place, masks=True)[1]["segmentation_masks"]
    assert (len(masks), masks.dtype, masks.channels) == (3, np.uint8, 1)
    assert repr(masks) == "<3 masks, uint8>"
    np.testing.assert_array_equal(masks[-3], masks[0])
    assert [each.shape[:2] for each in masks] == list(SIZES.values())
    for some in (masks[[2, 0]], masks[np.array([2, 0])], pickle.loads(pickle.dumps(masks[::-2]))):
        assert [each.shape for each in some] == [(8, 9, 1), (20, 30, 1)]
    assert len(masks[np.array([True, False, False])]) == 1
    with pytest.raises(IndexError, match=r"There are 3 pictures\. Received: row 3"):
        masks[3]
    with pytest.raises(TypeError, match="are no array"):
        np.asarray(masks)
    opened = masks._open_row(1)
    assert opened.size == (25, 15)
    assert opened.read((1, 2, 3, 4), 2)[1:] == (0, 0, 1)


@pytest.mark.parametrize(("count", "dtype"), [(254, np.uint8), (255, np.uint16)])
def test_many_classes(place, count, dtype):
    """255 is left for pixels of no known class."""
    categories = [{"id": number, "name": str(number)} for number in range(count)]
    one = {"image_id": 7, "bbox": [1, 1, 9, 9], "category_id": count - 1}
    objects = [{**one, "segmentation": rectangle(6, 6, 12, 12)}]
    path = write(place, annotations=objects, categories=categories)
    mask = coco(path, place, masks=True)[1]["segmentation_masks"][0]
    assert (mask.dtype, mask.max()) == (dtype, count)


@pytest.mark.parametrize(
    ("segmentation", "says"),
    [
        (None, "segmentation must be a list of polygons or a dict of counts and size, not None"),
        ([], "segmentation must be"),
        ([[1, 2, 3, 4]], r"a polygon must be .*, not \[1, 2, 3, 4\]"),
        ([[1, 2, 3, 4, 5, 6, 7]], "a polygon must be a list of x and y"),
        ([[1, 2, 3, 4, 5, "a"]], "a polygon must be a list of x and y"),
        ([1, 2, 3, 4, 5, 6], "a polygon must be a list of x and y"),
        ([[1, 2, 3, 4, 5, 6e8]], "a polygon that is not finite, or far from its picture"),
        ([[1, 2, 3, 4, 5, 10**400]], "a polygon must be a list of x and y"),
        ([[1, 2, 3, 4, 5, float("nan")]], "a polygon that is not finite"),
        ({"size": [25, 15], "counts": [600]}, r"the size of a segmentation .* not \[25, 15\]"),
        ({"counts": [600]}, "the size of a segmentation .* not None"),
        ({"size": [20, 30], "counts": [600, 1]}, "counts must be .* all of the picture"),
        ({"size": [20, 30], "counts": [599]}, "counts must be .* all of the picture"),
        ({"size": [20, 30], "counts": [700, -100]}, "counts must be .* all of the picture"),
        ({"size": [20, 30], "counts": "0é"}, "counts must be .* all of the picture"),
        ({"size": [20, 30], "counts": "P"}, "counts must be .* all of the picture"),
        ({"size": [20, 30], "counts": f"{NOTHING}P"}, "counts must be .* all of the picture"),
        ({"size": [20, 30], "counts": ""}, "counts must be .* all of the picture"),
        ({"size": [20, 30]}, "counts must be .* all of the picture"),
    ],
)
def test_a_segmentation_that_cannot_be_used(place, segmentation, says):
    objects = [each for each in form()["annotations"] if each["id"] == 2]
    objects[0]["segmentation"] = segmentation
    path = write(place, annotations=objects)
    with pytest.raises(ValueError, match=rf"b\.png \(annotation 2: {says}"):
        coco(path, place, masks=True)
    assert len(coco(path, place)[0]) == 3


def test_masks_need_the_size(place):
    images = [{"id": each["id"], "file_name": each["file_name"]} for each in form()["images"]]
    with pytest.raises(ValueError, match="masks need the height and the width of its picture"):
        coco(write(place, images=images), place, masks=True)


def test_masks_without_pycocotools(place, monkeypatch):
    monkeypatch.setitem(sys.modules, "pycocotools.mask", None)
    with pytest.raises(ImportError, match=r'pip install "kaug\[coco\]"'):
        coco(write(place), place, masks=True)


def people(**fields):
    categories = form()["categories"]
    categories[0]["keypoints"] = ["nose", "left_eye"]
    return {"categories": categories, "annotations": changed(1, **fields)}


def test_keypoints(place):
    path = write(place, **people(keypoints=[3, 4.5, 2, 7, 7, 0]))
    _, y = coco(path, place, keypoints=True)
    np.testing.assert_array_equal(y["keypoints"][1][0], [[3, 4.5, 2], [0, 0, 0]])
    assert not y["keypoints"][1][1].any()
    assert [(each.shape, each.dtype) for each in y["keypoints"]] == [
        ((count, 2, 3), np.float32) for count in (1, 2, 0)
    ]


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ([1, 2], "keypoints must be 2 times x, y and visibility, not"),
        ([1, 2, 2, 3, 4, "a"], "keypoints must be 2 times"),
        ("abcdef", "keypoints must be 2 times"),
        ([1, 2, 2, 3, 4, 1e999], "keypoints that are not finite"),
        ([1, 2, 2, 3, 2**24, 1], "keypoints that are not finite, or far"),
    ],
)
def test_keypoints_that_cannot_be_used(place, points, says):
    path = write(place, **people(keypoints=points))
    with pytest.raises(ValueError, match=rf"a\.png \(annotation 1: {says}"):
        coco(path, place, keypoints=True)


def test_keypoints_of_different_numbers(place):
    with pytest.raises(ValueError, match=r"lists `keypoints`, all as long\. Received: none"):
        coco(write(place), place, keypoints=True)
    changes = people()
    changes["categories"][1]["keypoints"] = ["hoof"]
    with pytest.raises(ValueError, match=r"all as long. Received: lengths \[1, 2\]"):
        coco(write(place, **changes), place, keypoints=True)
