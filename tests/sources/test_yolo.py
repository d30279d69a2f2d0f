"""Pictures and objects in text files."""

import contextlib
import sys

import numpy as np
import pytest
from PIL import Image

from kaug.sources import yolo
from kaug.transforms import Compose, HorizontalFlip, Resize

SIZE = (20, 40)
LABELS = {
    "train/b": "0 0.5 0.5 0.25 0.5\n2 0.1 0.25 0.2 0.5\n",
    "train/a": "",
    "train/deep/c": None,
}


def save(path, size=SIZE, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size[::-1]).save(path, **options)


def make(place, labels=LABELS, yaml="names: [ant, bee, cow]\ntrain: images/train\n"):
    for name, text in labels.items():
        save(place / "images" / f"{name}.png")
        if text is not None:
            path = place / "labels" / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    (place / "data.yaml").write_text(yaml)
    return place / "data.yaml"


def names_of(x, place):
    return [path.removeprefix(f"{place}/") for path in x.paths]


def boxes_of(y):
    return y["bounding_boxes"]["boxes"]


def test_boxes(tmp_path):
    x, y = yolo(make(tmp_path))
    assert names_of(x, tmp_path / "images/train") == ["a.png", "b.png", "deep/c.png"]
    assert x.class_names == ("ant", "bee", "cow")
    assert [(each.shape, each.dtype) for each in boxes_of(y)] == [
        ((count, 4), np.float32) for count in (0, 2, 0)
    ]
    np.testing.assert_array_equal(boxes_of(y)[1], [[15, 5, 25, 15], [0, 0, 8, 10]])
    np.testing.assert_array_equal(y["bounding_boxes"]["labels"][1], [0, 2])
    assert y["bounding_boxes"]["labels"][0].shape == (0,)
    assert y["bounding_box_format"] == "xyxy"
    assert "keypoints" not in y


def test_polygons_give_their_boxes(tmp_path):
    rows = "1 0.1 0.2 0.5 0.25 0.3 0.75\n1.0 0 0 1 0 1 1 0 1\n"
    _, y = yolo(make(tmp_path, {"train/a": rows}))
    np.testing.assert_allclose(boxes_of(y)[0], [[4, 4, 20, 15], [0, 0, 40, 20]], rtol=1e-6)


def test_photographs_that_are_turned(tmp_path):
    make(tmp_path, {"train/a": "0 0.25 0.5 0.5 1"})
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "images/train/a.png", exif=exif)
    x, y = yolo(tmp_path / "data.yaml")
    assert x[0].shape == (40, 20, 3)
    np.testing.assert_array_equal(boxes_of(y)[0], [[0, 0, 10, 40]])


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("0 0.5 0.5 0.2", "not 4 columns"),
        ("0 0.5 0.5 0.2 0.2 0.9", r"a class and a box \(5 columns\) or .*, not 6 columns"),
        ("0 0.5 0.5 0.2 0.2 0.9 0.1 0.1", "not 8 columns"),
        ("0,0.5,0.5,0.2,0.2", "could not convert string to float"),
        ("# comment", "could not convert string to float"),
        ("ant 0.5 0.5 0.2 0.2", "could not convert string to float"),
        ("0 0.5 0.5 nan 0.2", "NaN or an infinity"),
        ("3 0.5 0.5 0.2 0.2", "the class must be an integer from 0 to 2, not 3"),
        ("-1 0.5 0.5 0.2 0.2", "the class must be .* not -1"),
        ("1.5 0.5 0.5 0.2 0.2", "the class must be .* not 1.5"),
        ("0 0.5 0.5 1.02 0.2", "fractions of the width and the height, 0 to 1, not 1.02"),
        ("0 20 10 8 4", "fractions .* not 20"),
        ("0 -0.02 0.5 0.2 0.2", "fractions .* not -0.02"),
        ("0 0.5 0.5 -0.005 0.2", "a width or a height that is negative"),
        ("0 0.5 0.5 0.2 -0.005", "a width or a height that is negative"),
        ("0 0.1 0.1 0.5 0.1 0.5 1.2", "fractions .* not 1.1"),
        ("0 0.1 0.1 0.5 0.1 0.5 0.5", "a file must hold boxes or polygons, not both"),
    ],
)
def test_a_line_that_cannot_be_used(tmp_path, row, says):
    data = make(tmp_path, {**LABELS, "train/bad": f"\n1 0.5 0.5 0.1 0.1\n{row}\n"})
    says = rf"images/train/bad\.png \(line 3 of .*labels/train/bad\.txt: .*{says}"
    with pytest.raises(ValueError, match=rf"{says}.*on_error=\"skip\""):
        yolo(data)
    with pytest.warns(UserWarning, match=rf"1 of 4 pictures are left out. .*{says}"):
        x, y = yolo(data, on_error="skip")
    assert names_of(x, tmp_path / "images/train") == ["a.png", "b.png", "deep/c.png"]
    assert [len(each) for each in boxes_of(y)] == [0, 2, 0]


@pytest.mark.parametrize(
    ("row", "box"),
    [
        ("0 1.005 0.5 0.1 0.1", [38.2, 9, 42.2, 11]),
        ("0 -0.005 0.5 0.1 0.1", [-2.2, 9, 1.8, 11]),
        ("0 0 0.5 0.5 0.5 0.5 1.1", [0, 10, 20, 22]),
        ("\ufeff1.0 0.5 0.5 1 1\n\n", [0, 0, 40, 20]),
    ],
)
def test_lines_that_the_tools_of_this_format_take(tmp_path, row, box):
    beyond = pytest.warns(UserWarning, match="transforms cut off")
    with beyond if "0" in row[:1] else contextlib.nullcontext():
        _, y = yolo(make(tmp_path, {"train/a": row}))
    np.testing.assert_allclose(boxes_of(y)[0], [box], rtol=1e-6)


def test_a_file_that_is_no_text(tmp_path):
    data = make(tmp_path)
    (tmp_path / "labels/train/a.txt").write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"a\.png \(Text must be in UTF-8. Received: '.*a\.txt'"):
        yolo(data)


def test_a_box_of_no_width(tmp_path):
    with pytest.warns(UserWarning, match=r"left out. Received: line 1 of .*a\.txt in .*a\.png"):
        _, y = yolo(make(tmp_path, {"train/a": "0 0.5 0.5 0 0.2"}))
    assert boxes_of(y)[0].shape == (0, 4)


def test_lines_that_say_the_same(tmp_path):
    text = "1 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\n1 0.50 0.5 0.2 0.2\n"
    with pytest.warns(UserWarning, match=r"one is taken. Received: 1 more; the first: line 3 of "):
        _, y = yolo(make(tmp_path, {"train/a": text}))
    np.testing.assert_array_equal(y["bounding_boxes"]["labels"][0], [1, 0])


def test_no_text_file_at_all(tmp_path):
    says = r"none for 1 pictures; the first would be '.*labels/train/a\.txt'"
    with pytest.warns(UserWarning, match=says):
        _, y = yolo(make(tmp_path, {"train/a": None}))
    assert boxes_of(y)[0].shape == (0, 4)


def test_where_text_files_lie(tmp_path):
    """Only the last `images` counts; without one they lie beside the pictures."""
    save(tmp_path / "images/x/images/0.png")
    (tmp_path / "images/x/labels").mkdir(parents=True)
    (tmp_path / "images/x/labels/0.txt").write_text("0 0.5 0.5 1 1")
    save(tmp_path / "beside/1.v2.png")
    (tmp_path / "beside/1.v2.txt").write_text("1 0.5 0.5 1 1")
    (tmp_path / "beside/pictures.cache").write_text("")
    (tmp_path / "beside/1.v2.npy").write_text("")
    data = tmp_path / "data.yaml"
    data.write_text("names: [a, b]\ntrain: [images/x/images, beside]\n")
    _, y = yolo(data)
    assert [each.tolist() for each in y["bounding_boxes"]["labels"]] == [[0], [1]]


def test_other_suffixes_are_counted(tmp_path):
    data = make(tmp_path)
    (tmp_path / "images/train/a.heic").write_text("")
    with pytest.warns(UserWarning, match=r"1 others \(1 of suffix '\.heic'\)"):
        yolo(data)


def test_lists_of_pictures(tmp_path):
    data = make(tmp_path, yaml="names: [ant, bee, cow]\ntrain: lists/train.txt\n")
    (tmp_path / "lists").mkdir()
    first, second = tmp_path / "images/train/b.png", "../images/train/a.png"
    (tmp_path / "lists/train.txt").write_text(f"\ufeff{first}\n\n./{second}\n{second}\n")
    x, y = yolo(data)
    assert names_of(x, tmp_path / "images/train") == ["b.png", "a.png", "a.png"]
    assert [len(each) for each in boxes_of(y)] == [2, 0, 0]
    (tmp_path / "lists/train.txt").write_text("none.png\n")
    nothing = pytest.warns(UserWarning, match="none for 1 pictures")
    with pytest.raises(FileNotFoundError, match=r"lists/none\.png"), nothing:
        yolo(data)
    (tmp_path / "lists/train.txt").write_text("\n")
    with pytest.raises(ValueError, match=r"must hold pictures\. Received: none in split='train'"):
        yolo(data)


def test_links_that_lead_out(tmp_path):
    data = make(tmp_path / "set")
    save(tmp_path / "out.png")
    (tmp_path / "set/images/train/link.png").symlink_to(tmp_path / "out.png")
    with pytest.raises(ValueError, match=r"must lie inside .*link\.png.*Name the files in a list"):
        yolo(data)


@pytest.mark.parametrize(
    ("yaml", "names"),
    [
        ("names: {1: b, 0: a}", ("a", "b")),
        ('names: {"0": a, "1": b}', ("a", "b")),
        ("nc: 2\nnames: [1, b]", ("1", "b")),
        ("nc: 2", ("class_0", "class_1")),
    ],
)
def test_class_names(tmp_path, yaml, names):
    data = make(tmp_path, {"train/a": "1 0.5 0.5 1 1"}, f"{yaml}\ntrain: images/train")
    x, y = yolo(data)
    assert x.class_names == names
    assert y["bounding_boxes"]["labels"][0] == [1]


@pytest.mark.parametrize(
    ("yaml", "says"),
    [
        ("names: {0: a, 2: b}", r"the names of all classes, .*numbers \['0', '2'\]"),
        ("names: []", "no such list"),
        ("train: 3", "no such list"),
        ("nc: 3\nnames: [a]", "`nc` .*nc=3 .* for 1 names"),
        ("names: [[a]]", "list as a name"),
        ("names: [null]", "NoneType as a name"),
        ("[a]", "with list"),
        ("names: [a", "must be a YAML file"),
        ("names: !!python/object/apply:os.getcwd []", "must be a YAML file"),
        ("names: [a]", r"`split` must name .*; there are \[\]"),
        ("names: [a]\ntrain: []", r"`split` must name .*; there are \['train'\]"),
        ("names: [a]\ntrain: 3", "`split` must name"),
        ("names: [a]\npath: 3\ntrain: images", "`path` in `data_yaml` must be a path"),
        ("names: [a]\ntrain: data.yaml", "must be a folder of pictures, or a .txt file"),
        ("names: [a]\ntrain: images\nkpt_shape: 17", "`kpt_shape` .* must be"),
        ("names: [a]\ntrain: images\nkpt_shape: [17, 4]", "`kpt_shape` .* must be"),
    ],
)
def test_a_file_that_is_no_data_yaml(tmp_path, yaml, says):
    with pytest.raises(ValueError, match=says):
        yolo(make(tmp_path, yaml=yaml))


def test_yaml_that_would_not_end(tmp_path):
    """Aliases of aliases, whose text would fill the memory."""
    levels = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))
    for key in ("names", "path", "kpt_shape", "nc", "train"):
        yaml = f"a0: &a0 [x]\n{levels}\n{key}: *a29\n"
        yaml += "".join(
            f"{name}: {value}\n"
            for name, value in {"names": "[a]", "train": "images"}.items()
            if name != key
        )
        with pytest.raises(ValueError, match="must"):
            yolo(make(tmp_path, yaml=yaml))


def test_paths(tmp_path, monkeypatch):
    place = tmp_path / "set"
    make(place, {"train/a": "0 0.5 0.5 1 1"})
    monkeypatch.chdir(tmp_path)

    def read(yaml, split="train"):
        (place / "data.yaml").write_text(f"names: [a]\n{yaml}")
        return names_of(yolo(place / "data.yaml", split)[0], place)

    expected = ["images/train/a.png"]
    assert read("train: images/train") == expected
    assert read("train: ../images/train") == expected  # as some exports have it
    assert read("path: .\ntrain: images/train") == expected
    assert read("path:\ntrain: images/train") == expected
    assert read("path: set\ntrain: images/train") == expected  # from the current folder
    assert read(f"path: {place}\ntrain: images/train") == expected
    assert read("path: images\nvalidation: train", "val") == expected
    with pytest.raises(FileNotFoundError, match=r"split='train' must be .*nothing at \['.*none"):
        read("train: none")
    make(tmp_path, {"train/b": ""})
    with pytest.raises(ValueError, match=r"`path` .* must lead to one place\. .* are both there"):
        read("path: .\ntrain: images/train")
    with pytest.raises(FileNotFoundError, match=r"none\.yaml"):
        yolo(tmp_path / "none.yaml")


def test_keypoints(tmp_path):
    rows = "1 0.5 0.5 0.5 0.5 0.25 0.5 2 0.9 0.9 0\n0 0.5 0.5 1 1 0 0 1 1 1 2\n"
    yaml = "names: [a, b]\ntrain: images/train\nkpt_shape: [2, 3]\n"
    data = make(tmp_path, {"train/a": rows, "train/b": ""}, yaml)
    _, y = yolo(data, keypoints=True)
    expected = [[[9.5, 9.5, 2], [0, 0, 0]], [[-0.5, -0.5, 1], [39.5, 19.5, 2]]]
    np.testing.assert_array_equal(y["keypoints"][0], expected)
    assert [(each.shape, each.dtype) for each in y["keypoints"]] == [
        ((count, 2, 3), np.float32) for count in (2, 0)
    ]
    _, plain = yolo(data)
    assert "keypoints" not in plain
    for mine, theirs in zip(boxes_of(plain), boxes_of(y), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_keypoints_without_visibility(tmp_path):
    yaml = "names: [a, b]\ntrain: images/train\nkpt_shape: [2, 2]\n"
    data = make(tmp_path, {"train/a": "1 0.5 0.5 0.5 0.5 0 0 -0.005 0.5"}, yaml)
    _, y = yolo(data, keypoints=True)
    np.testing.assert_array_equal(y["keypoints"][0], [[[-0.5, -0.5, 1], [0, 0, 0]]])


def test_keypoints_that_change_places(tmp_path):
    yaml = "names: [a]\ntrain: images/train\nkpt_shape: [5, 2]\nflip_idx: [0, 2, 1, 4, 3]\n"
    row = "0 0.5 0.5 0.5 0.5 " + "0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 0.95"
    data = make(tmp_path, {"train/a": f"{row}\n{row.replace('0.95', '0.96')}", "train/b": ""}, yaml)
    x, y = yolo(data, keypoints=True)
    assert y["keypoint_flip_pairs"] == [(1, 2), (3, 4)]
    policy = Compose([Resize(height=20, width=40), HorizontalFlip(1)])
    made = policy({"images": x, **y}, seed=0)
    points = made["keypoints"][0, 0, :, 0]
    # At 0.1 of 40 pixels from the left, then from the right; the first stays the first.
    expected = [36 - 0.5, (1 - 0.5) * 40 - 0.5, (1 - 0.3) * 40 - 0.5, 3.5, 11.5]
    np.testing.assert_allclose(points, expected, atol=1e-5)
    assert not made["keypoints"][1].any()
    assert "keypoint_flip_pairs" not in yolo(data)[1]


@pytest.mark.parametrize(
    "given", ["[0, 2, 1]", "[1, 2, 0, 4, 3]", "[0, 2, 1, 4, 5]", "left", "[0, x]"]
)
def test_pairs_that_cannot_be_used(tmp_path, given):
    yaml = f"names: [a]\ntrain: images/train\nkpt_shape: [5, 2]\nflip_idx: {given}\n"
    with pytest.raises(ValueError, match="`flip_idx` in `data_yaml` must have for each of the 5"):
        yolo(make(tmp_path, yaml=yaml), keypoints=True)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("0 0.5 0.5 0.2 0.2", r"8 columns are needed, .* 1 × 3 numbers of keypoints, not 5"),
        ("0 0.5 0.5 0.2 0.2 0.5 1.2 2", "coordinates must be fractions .* not 1.2"),
    ],
)
def test_keypoints_that_cannot_be_used(tmp_path, row, says):
    yaml = "names: [a]\ntrain: images/train\nkpt_shape: [1, 3]\n"
    with pytest.raises(ValueError, match=rf"a\.png \(line 1 of .*a\.txt: {says}"):
        yolo(make(tmp_path, {"train/a": row}, yaml), keypoints=True)


def test_keypoints_without_their_shape(tmp_path):
    with pytest.raises(ValueError, match="`kpt_shape` must be in `data_yaml`"):
        yolo(make(tmp_path), keypoints=True)


def test_without_pyyaml(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ImportError, match=r'pip install "kaug\[yolo\]"'):
        yolo(make(tmp_path))


def test_masks_of_polygons(tmp_path):
    rows = "1 0.1 0.1 0.9 0.1 0.9 0.9 0.1 0.9\n0 0.25 0.25 0.5 0.25 0.5 0.5 0.25 0.5\n"
    _, y = yolo(make(tmp_path, {"train/a": rows, "train/b": ""}), masks=True)
    expected = np.zeros((20, 40, 1))
    expected[2:18, 4:36] = 2
    expected[5:10, 10:20] = 1
    np.testing.assert_array_equal(y["segmentation_masks"][0], expected)
    assert [each.shape for each in y["segmentation_masks"]] == [(20, 40, 1)] * 2


def test_masks_that_cannot_be_drawn(tmp_path, monkeypatch):
    data = make(tmp_path, yaml="names: [a, b, c]\ntrain: images/train\nkpt_shape: [1, 3]")
    with pytest.raises(ValueError, match=r"line 1 of .*b\.txt: to draw masks a line must have a"):
        yolo(data, masks=True)
    with pytest.raises(ValueError, match="cannot both be read"):
        yolo(data, masks=True, keypoints=True)
    monkeypatch.setitem(sys.modules, "pycocotools.mask", None)
    with pytest.raises(ImportError, match=r'pip install "kaug\[coco\]"'):
        yolo(data, masks=True)
