"""Pictures and objects by files of COCO's form; pycocotools is the oracle."""

import contextlib
import io
import json

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from kaug.sources import coco

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


@pytest.mark.parametrize("box", [[3, 3, 0, 5], [30, 3, 2, 2], [3, -5, 2, 5]])
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
