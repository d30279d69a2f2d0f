"""Pictures and objects in folders as PASCAL VOC has them."""

import pickle

import numpy as np
import pytest
from PIL import Image

from kaug.sources import voc


def box(xmin, ymin, xmax, ymax):
    corners = zip(("xmin", "ymin", "xmax", "ymax"), (xmin, ymin, xmax, ymax), strict=True)
    return f"<bndbox>{''.join(f'<{name}>{value}</{name}>' for name, value in corners)}</bndbox>"


def thing(name, inner, more=""):
    return f"<object>{more}<name>{name}</name>{inner}</object>"


def annotation(*objects, size=(20, 30)):
    height, width = size
    size = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    return f"<annotation>{size}{''.join(objects)}</annotation>"


PART = f"<part><name>head</name>{box(2, 2, 3, 3)}</part>"
FILES = {
    "2008_1": annotation(
        thing("dog", PART + box(4, 3, 7, 5)),
        thing("cat", box(1, 1, 30, 20), "<difficult>1</difficult><truncated>1</truncated>"),
    ),
    "2008_2": annotation(),
    "2008_3": annotation(thing("person", box("45.5", "10.25", 60, "20.75")), size=(40, 60)),
}


def make(place, files=FILES, **lists):
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (place / name).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (place / "Annotations" / f"{name}.xml").write_text(text)
        size = (60, 40) if name == "2008_3" else (30, 20)
        Image.new("RGB", size).save(place / "JPEGImages" / f"{name}.jpg")
    for name, lines in {"train": "\n".join(files), **lists}.items():
        (place / "ImageSets" / "Main" / f"{name}.txt").write_text(lines)
    return place


def test_boxes(tmp_path):
    x, y = voc(make(tmp_path))
    assert [path.rsplit("/", 1)[1] for path in x.paths] == [f"{name}.jpg" for name in FILES]
    names = [[x.class_names[label] for label in each] for each in y["bounding_boxes"]["labels"]]
    assert names == [["dog", "cat"], [], ["person"]]
    assert len(x.class_names) == 20
    assert x.class_names == tuple(sorted(x.class_names))
    boxes = y["bounding_boxes"]["boxes"]
    np.testing.assert_array_equal(boxes[0], [[3, 2, 7, 5], [0, 0, 30, 20]])
    np.testing.assert_array_equal(boxes[2], [[44.5, 9.25, 60, 20.75]])
    assert [(each.shape, each.dtype) for each in boxes] == [
        ((count, 4), np.float32) for count in (2, 0, 1)
    ]
    assert y["bounding_boxes"]["labels"][1].shape == (0,)
    assert y["bounding_box_format"] == "xyxy"


def test_a_box_covers_its_pixels(tmp_path):
    place = make(tmp_path)
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[2:5, 3:7] = 255  # VOC's columns 4 to 7 and rows 3 to 5
    (place / "JPEGImages" / "2008_1.jpg").unlink()
    Image.fromarray(picture).save(place / "JPEGImages" / "2008_1.png")
    x, y = voc(place)
    left, top, right, bottom = y["bounding_boxes"]["boxes"][0][0].astype(int)
    assert x[0][top:bottom, left:right].min() == 255
    assert x[0].sum() == picture[2:5, 3:7].sum()


def test_of_two_files_the_jpeg_is_taken(tmp_path):
    place = make(tmp_path)
    for suffix in ("bmp", "png"):
        Image.new("RGB", (30, 20)).save(place / "JPEGImages" / f"2008_1.{suffix}")
    assert voc(place)[0].paths[0] == str(place / "JPEGImages" / "2008_1.jpg")


def test_classes(tmp_path):
    files = {"a": annotation(thing("zebra", box(1, 1, 2, 2)), thing("10 ox", box(1, 1, 3, 3)))}
    place = make(tmp_path, files)
    x, y = voc(place)
    assert x.class_names == ("10 ox", "zebra")
    np.testing.assert_array_equal(y["bounding_boxes"]["labels"][0], [1, 0])
    x, y = voc(place, class_names=["zebra", "none", "10 ox"])
    assert x.class_names == ("zebra", "none", "10 ox")
    np.testing.assert_array_equal(y["bounding_boxes"]["labels"][0], [0, 2])
    with pytest.raises(ValueError, match=r"a\.jpg \(object 2 of a\.xml: '10 ox' is none of"):
        voc(place, class_names=["zebra"])
    with pytest.raises(TypeError, match=r"`class_names` must be a list.*class_names=\['zebra'\]"):
        voc(place, class_names="zebra")


def test_difficult(tmp_path):
    _, y = voc(make(tmp_path), difficult=False)
    assert [len(each) for each in y["bounding_boxes"]["labels"]] == [1, 0, 1]
    with pytest.raises(TypeError, match="`difficult` must be True or False"):
        voc(tmp_path, difficult="keep")


def test_splits(tmp_path):
    place = make(tmp_path, val="\ufeff2008_3  \n\n2008_1\n")
    x, y = voc(place, split="val")
    assert [path.rsplit("/", 1)[1] for path in x.paths] == ["2008_3.jpg", "2008_1.jpg"]
    assert [len(each) for each in y["bounding_boxes"]["labels"]] == [1, 2]
    with pytest.raises(ValueError, match=r"split='test' .*; there are \['train', 'val'\]"):
        voc(place, split="test")
    make(tmp_path, dog_train="2008_1  1\n2008_2 -1\n", none="\n", out="../../x\n")
    with pytest.raises(ValueError, match=r"Received: '2008_1  1'\. Lists that say"):
        voc(place, split="dog_train")
    with pytest.raises(ValueError, match="an empty file"):
        voc(place, split="none")
    with pytest.raises(ValueError, match="must lie inside"):
        voc(place, split="out")
    (place / "ImageSets/Main/odd.txt").write_bytes(b"2008_1\n\xff")
    with pytest.raises(ValueError, match=r"must be in UTF-8. Received: '.*odd\.txt'"):
        voc(place, split="odd")
    with pytest.raises(ValueError, match="`split` must be the name"):
        voc(place, split="../../train")


def test_the_folder_above(tmp_path):
    make(tmp_path / "VOCdevkit" / "VOC2012")
    says = r"without Annotations, .*Pass directory='.*VOCdevkit/VOC2012'\."
    for place in (tmp_path, tmp_path / "VOCdevkit"):
        with pytest.raises(ValueError, match=says):
            voc(place)
    with pytest.raises(ValueError, match="must be a folder that exists"):
        voc(tmp_path / "none")


BOMB = (
    '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    "<annotation><object><name>&b;</name></object></annotation>"
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (annotation(thing("dog", PART)), r"object 1 of 2008_2\.xml: it has no bndbox"),
        (annotation(thing(" ", box(1, 1, 2, 2))), r"object 1 of 2008_2\.xml: it has no name"),
        (annotation(thing("dog", box(1, 1, "x", 2))), "bndbox/xmax must be a number, not 'x'"),
        (annotation(thing("dog", box(1, 1, "nan", 2))), "bndbox/xmax must be a number, not 'nan'"),
        (annotation(thing("dog", "<bndbox/>")), "bndbox/xmin must be a number, not ''"),
        (annotation(thing("dog", box(9, 1, 7, 2))), r"a box that ends before it begins, \[8.0, 0"),
        (annotation(size=(21, 30)), "20 × 30 .*but noted beside its objects 21 × 30"),
        (annotation(size=("a", 30)), "size/height must be a number"),
        (annotation(size=(10**30, 30)), "size/height must be a number, not '1000"),
        (annotation(size=("inf", 30)), "size/height must be a number"),
        ("<annotation>", r"2008_2\.xml: no element found"),
        ("", r"2008_2\.xml: no element found"),
        ("<html></html>", "must hold an <annotation>, not a <html>"),
        (BOMB, "it declares a DOCTYPE"),
        ('<?xml version="1.0" encoding="none"?><annotation/>', "unknown encoding"),
    ],
)
def test_what_cannot_be_used(tmp_path, text, says):
    place = make(tmp_path, {**FILES, "2008_2": text})
    with pytest.raises(ValueError, match=rf"2008_2\.jpg \(.*{says}.*on_error=\"skip\""):
        voc(place)
    with pytest.warns(UserWarning, match=f"1 of 3 pictures are left out. .*{says}"):
        x, y = voc(place, on_error="skip")
    assert [path.rsplit("/", 1)[1] for path in x.paths] == ["2008_1.jpg", "2008_3.jpg"]
    assert [len(each) for each in y["bounding_boxes"]["labels"]] == [2, 1]


def test_files_that_are_not_there(tmp_path):
    place = make(tmp_path, val="2008_3\n2008_2")
    (place / "Annotations" / "2008_1.xml").unlink()
    with pytest.raises(FileNotFoundError, match=r"2008_1\.xml"):
        voc(place)
    with pytest.warns(UserWarning, match=r"2008_1\.xml is not there"):
        x, _ = voc(place, on_error="skip")
    assert len(x) == 2
    (place / "JPEGImages" / "2008_2.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"2008_2\.jpg"):
        voc(place, split="val")


def test_sizes_that_are_not_noted(tmp_path):
    x, _ = voc(make(tmp_path, {"a": annotation(size=(0, 0)), "b": "<annotation/>"}))
    assert len(x) == 2


def test_a_box_of_no_width(tmp_path):
    place = make(tmp_path, {"a": annotation(thing("dog", box(5, 5, 4, 9)))})
    with pytest.warns(UserWarning, match=r"left out. Received: object 1 of a\.xml in .*a\.jpg"):
        _, y = voc(place)
    assert y["bounding_boxes"]["boxes"][0].shape == (0, 4)


def palette(values):
    picture = Image.fromarray(np.asarray(values, np.uint8), "P")
    picture.putpalette(np.random.default_rng(0).integers(0, 256, 768).astype(np.uint8).tobytes())
    return picture


def make_masks(place, **values):
    """Makes masks of some pictures, and the list of them."""
    make(place)
    for name in ("SegmentationClass", "ImageSets/Segmentation"):
        (place / name).mkdir()
    (place / "ImageSets/Segmentation/train.txt").write_text("\n".join(values))
    for name, value in values.items():
        palette(value).save(place / "SegmentationClass" / f"{name}.png")
    return place


def test_masks_are_the_values_in_their_files(tmp_path):
    values = np.zeros((20, 30), np.uint8)
    values[3:9, 5:12], values[2] = 12, 255
    person = np.full((40, 60), 15)
    x, y = voc(make_masks(tmp_path, **{"2008_3": person, "2008_1": values}), masks=True)
    assert [path.rsplit("/", 1)[1] for path in x.paths] == ["2008_3.jpg", "2008_1.jpg"]
    assert x.class_names[12 - 1] == "dog"
    assert y["bounding_boxes"]["labels"][1].tolist() == [12 - 1, 8 - 1]
    masks = y["segmentation_masks"]
    np.testing.assert_array_equal(masks[1], values[..., np.newaxis])
    assert (masks[0].shape, masks[0].dtype, masks[0].max()) == ((40, 60, 1), np.uint8, 15)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(masks))[1], masks[1])


def test_a_mask_without_a_palette(tmp_path):
    place = make_masks(tmp_path, **{"2008_1": np.zeros((20, 30))})
    path = place / "SegmentationClass/2008_1.png"
    Image.fromarray(np.full((20, 30), 3, np.uint8)).save(path)
    assert voc(place, masks=True)[1]["segmentation_masks"][0].max() == 3


def test_masks_of_a_turned_photograph(tmp_path):
    values = np.zeros((20, 30), np.uint8)
    values[3:9, 5:12] = 12
    place = make_masks(tmp_path, **{"2008_1": values})
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20)).save(place / "JPEGImages/2008_1.jpg", exif=exif)
    x, y = voc(place, masks=True)
    assert x.sizes.tolist() == [[30, 20]]
    expected = np.rot90(values, -1)[..., np.newaxis]
    np.testing.assert_array_equal(y["segmentation_masks"][0], expected)


def test_masks_that_cannot_be_used(tmp_path):
    zeros = np.zeros((20, 30))
    place = make_masks(tmp_path, **{"2008_2": zeros, "2008_1": zeros})
    path = place / "SegmentationClass/2008_1.png"
    palette(np.zeros((20, 31))).save(path)
    with pytest.raises(ValueError, match=r"20 × 31 in '.*2008_1\.png', for 20 × 30"):
        voc(place, masks=True)[1]["segmentation_masks"][1]
    palette(zeros + 21).save(path)
    with pytest.raises(ValueError, match=r"1 to 20, or 255. Received: 21 in '.*2008_1\.png'"):
        voc(place, masks=True)[1]["segmentation_masks"][1]
    Image.new("RGB", (30, 20)).save(path)
    says = r"2008_1\.jpg \(its mask .*2008_1\.png: a mask must be .* not of mode RGB"
    with pytest.raises(ValueError, match=says):
        voc(place, masks=True)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"2008_1\.png"):
        voc(place, masks=True)
    with pytest.warns(UserWarning, match=r"1 of 2 pictures are left out. .*2008_1\.png"):
        x, y = voc(place, masks=True, on_error="skip")
    assert len(x) == len(y["segmentation_masks"]) == 1


def test_masks_stay_with_their_pictures(tmp_path):
    values = {name: np.full((20, 30), number) for number, name in enumerate(["2008_1", "2008_2"])}
    place = make_masks(tmp_path, **values)
    (place / "JPEGImages" / "2008_1.jpg").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match="1 of 2 are left out"):
        x, y = voc(place, masks=True, on_error="skip")
    assert x.paths == (str(place / "JPEGImages" / "2008_2.jpg"),)
    assert y["segmentation_masks"][0].max() == 1


def test_masks_of_other_classes_want_their_names(tmp_path):
    place = make_masks(tmp_path, **{"2008_2": np.ones((20, 30))})
    text = annotation(thing("zebra", box(1, 1, 9, 9)))
    (place / "Annotations/2008_2.xml").write_text(text)
    with pytest.raises(ValueError, match=r"must be named\. Received: 'zebra'\. Pass class_names="):
        voc(place, masks=True)
    x, y = voc(place, masks=True, class_names=["zebra"])
    assert (x.class_names, y["segmentation_masks"][0].max()) == (("zebra",), 1)
