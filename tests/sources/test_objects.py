"""Objects of photographs that are turned when they are decoded."""

import json

import numpy as np
import pytest
from PIL import Image, ImageOps

from kaug.sources import coco


def photograph(path, orientation, size=(20, 30)):
    """Writes a picture with a white rectangle; returns it as stored and as it looks."""
    stored = np.zeros((*size, 3), np.uint8)
    stored[3:9, 5:16] = 255
    stored[3, 5] = (255, 255, 0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(path, exif=exif)
    return stored, np.asarray(ImageOps.exif_transpose(Image.open(path)))


def white(picture):
    rows, columns = np.nonzero(picture[..., 0])
    top, left = int(rows.min()), int(columns.min())
    return [left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top]


def read(place, height, width, box, **options):
    """Reads one picture by a file of COCO's form, with a mask of the box and a point at (5, 3)."""
    left, top, right, bottom = box[0], box[1], box[0] + box[2], box[1] + box[3]
    one = {"id": 1, "image_id": 1, "category_id": 1, "bbox": box, "keypoints": [5, 3, 2]}
    one["segmentation"] = [[left, top, right, top, right, bottom, left, bottom]]
    what = {
        "images": [{"id": 1, "file_name": "a.png", "height": height, "width": width}],
        "annotations": [one],
        "categories": [{"id": 1, "name": "white", "keypoints": ["corner"]}],
    }
    (place / "what.json").write_text(json.dumps(what))
    return coco(place / "what.json", place, masks=True, keypoints=True, **options)


def check(x, y, looks):
    """Sees that the mask and the box cover what is white."""
    np.testing.assert_array_equal(x[0], looks)
    left, top, width, height = white(looks)
    expected = [[left, top, left + width, top + height]]
    np.testing.assert_array_equal(y["bounding_boxes"]["boxes"][0], expected)
    np.testing.assert_array_equal(y["segmentation_masks"][0], looks[..., :1] > 0)


@pytest.mark.parametrize("on_error", ["raise", "skip"])
@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_what_was_drawn_on_the_stored_picture_is_turned_with_it(tmp_path, orientation, on_error):
    stored, looks = photograph(tmp_path / "a.png", orientation)
    x, y = read(tmp_path, 20, 30, white(stored), on_error=on_error)
    check(x, y, looks)
    column, row, _ = y["keypoints"][0][0, 0].astype(int)
    np.testing.assert_array_equal(looks[row, column], [255, 255, 0])
    check(*read(tmp_path, 30, 20, white(looks), on_error=on_error), looks)


@pytest.mark.parametrize(
    ("orientation", "size"), [*((each, (20, 30)) for each in (2, 3, 4)), (6, (20, 20))]
)
def test_where_the_size_does_not_tell(tmp_path, orientation, size):
    _, looks = photograph(tmp_path / "a.png", orientation, size)
    with pytest.warns(UserWarning, match=r"1 whose size does not tell; the first: '.*a\.png'"):
        x, y = read(tmp_path, *size, white(looks))
    check(x, y, looks)


def test_where_there_is_no_size(tmp_path):
    photograph(tmp_path / "a.png", 6)
    what = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [],
        "categories": [{"id": 1, "name": "white"}],
    }
    (tmp_path / "what.json").write_text(json.dumps(what))
    with pytest.warns(UserWarning, match="1 whose size does not tell"):
        coco(tmp_path / "what.json", tmp_path)


def test_an_orientation_of_nothing(tmp_path):
    _, looks = photograph(tmp_path / "a.png", 1)
    check(*read(tmp_path, 20, 30, white(looks)), looks)
