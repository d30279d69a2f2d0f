"""`flow_from_directory` and `flow_from_dataframe`, beside Keras' and on awkward files."""

import warnings

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tensorflow.keras.preprocessing.image import ImageDataGenerator as KerasGenerator

from kaug.generators import numpy_state_kept
from kaug.image_data_generator import ImageDataGenerator

GEOMETRY = {"rotation_range": 30, "zoom_range": 0.2, "horizontal_flip": True}
MODES = ["L", "RGB", "RGBA", "P", "LA", "1", "CMYK"]


@pytest.fixture
def folder(tmp_path):
    """A folder of three classes, 13 files of every mode and format, some of them nested."""
    rng = np.random.default_rng(0)
    for number in range(13):
        place = tmp_path / "data" / ("cat", "dög", "emu")[number % 3] / ("", "deep")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(rng.integers(0, 256, (7 + number, 11, 3), "uint8"))
        mode = MODES[number % len(MODES)]
        extension = "jpg" if mode in ("RGB", "CMYK") else "png"
        picture.convert(mode).save(place / f"{number}.{extension}")
        (place / "notes.txt").write_text("no image")
    return tmp_path / "data"


@pytest.fixture
def table(folder):
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.[pj][np]g"))
    return pd.DataFrame(
        {
            "filename": names,
            "class": [name.split("/")[0] for name in names],
            "side": [("left", "right")[i % 2] for i in range(len(names))],
            "tags": [["a", "b"][: 1 + i % 2] for i in range(len(names))],
            "age": np.arange(len(names)) / 2,
            "size": np.arange(len(names)),
        }
    )


def compare(method, arguments, options=GEOMETRY, steps=5):
    """Checks that the batches are Keras'."""
    ours = getattr(ImageDataGenerator(**options, keras_compat=True), method)(**arguments)
    with numpy_state_kept(), warnings.catch_warnings(action="ignore"):
        theirs = getattr(KerasGenerator(**options), method)(**arguments)
        expected = [next(theirs) for _ in range(steps)]
    assert ours.samples == theirs.samples
    for theirs_ in expected:
        _assert_same(ours.next(), theirs_)
    return ours, theirs


def _assert_same(ours, theirs):
    assert type(ours) is type(theirs)
    if isinstance(ours, (tuple, list)):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            _assert_same(a, b)
        return
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    np.testing.assert_allclose(ours, theirs, atol=0.02)


@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
@pytest.mark.parametrize("class_mode", ["categorical", "binary", "sparse", "input", None])
def test_class_and_colour_modes_of_folders(folder, class_mode, color_mode):
    arguments = {"directory": str(folder), "target_size": (8, 9), "batch_size": 4, "seed": 1}
    arguments |= {"class_mode": class_mode, "color_mode": color_mode}
    ours, theirs = compare("flow_from_directory", arguments)
    assert ours.class_indices == theirs.class_indices
    assert ours.filepaths == theirs.filepaths
    np.testing.assert_array_equal(ours.classes, theirs.classes)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos", "box"])
@pytest.mark.parametrize("keep_aspect_ratio", [False, True])
def test_resizing(folder, interpolation, keep_aspect_ratio):
    arguments = {"directory": str(folder), "target_size": (8, 12), "shuffle": False}
    arguments |= {"interpolation": interpolation, "keep_aspect_ratio": keep_aspect_ratio}
    compare("flow_from_directory", arguments, {}, steps=1)


@pytest.mark.parametrize("subset", ["training", "validation"])
@pytest.mark.parametrize("classes", [None, ["emu", "cat"]])
def test_subsets_and_classes_of_folders(folder, subset, classes):
    options = {"validation_split": 0.4, "data_format": "channels_first", "rescale": 1 / 255}
    arguments = {"directory": str(folder), "classes": classes, "subset": subset, "seed": 2}
    compare("flow_from_directory", {**arguments, "target_size": (8, 9)}, options, steps=2)


@pytest.mark.parametrize(
    "arguments",
    [
        {"class_mode": "categorical"},
        {"class_mode": "categorical", "y_col": "tags"},
        {"class_mode": "categorical", "y_col": "tags", "classes": ["b"]},
        {"class_mode": "sparse", "weight_col": "age"},
        {"class_mode": "sparse", "classes": ["emu", "cat"]},
        {"class_mode": "binary", "y_col": "side"},
        {"class_mode": "input"},
        {"class_mode": None},
        {"class_mode": "raw", "y_col": "age", "weight_col": "size"},
        {"class_mode": "raw", "y_col": ["age", "size"]},
        {"class_mode": "multi_output", "y_col": ["age", "size"]},
        {"class_mode": "raw", "y_col": "age", "subset": "training"},
        {"class_mode": "sparse", "subset": "validation", "weight_col": "age"},
    ],
)
def test_class_modes_of_tables(folder, table, arguments):
    arguments = {"dataframe": table, "directory": str(folder), "target_size": (8, 9)} | arguments
    arguments |= {"batch_size": 4, "seed": 1}
    options = {**GEOMETRY, "validation_split": 0.4}
    ours, theirs = compare("flow_from_dataframe", arguments, options)
    assert ours.filenames == theirs.filenames
    if hasattr(theirs, "classes"):
        assert list(ours.classes) == list(theirs.classes)


def test_missing_files_are_left_out_with_a_warning(folder, table):
    table.loc[2, "filename"] = "cat/nowhere.png"
    with pytest.warns(UserWarning, match=r"names 1 files that are not there.*nowhere\.png"):
        batches = ImageDataGenerator().flow_from_dataframe(table, folder, class_mode="sparse")
    assert batches.samples == 12


def test_sixteen_bits_stay(tmp_path):
    values = np.arange(0, 60_000, 1_000, dtype="uint16").reshape(6, 10)
    (tmp_path / "a").mkdir()
    Image.fromarray(values).save(tmp_path / "a" / "deep.png")
    arguments = {"directory": str(tmp_path), "color_mode": "grayscale", "target_size": (6, 10)}
    ours, _ = compare("flow_from_directory", {**arguments, "class_mode": None}, {}, steps=1)
    np.testing.assert_array_equal(ours[0][0, :, :, 0], values)


@pytest.mark.parametrize("broken", [b"", b"no image at all", None])
def test_unreadable_files_are_named(folder, broken):
    path = folder / "cat" / "broken.png"
    if broken is None:
        whole = (folder / "cat" / "0.png").read_bytes()
        broken = whole[: len(whole) // 2]
    path.write_bytes(broken)
    options = {"directory": folder, "target_size": (8, 9), "shuffle": False, "seed": 3}
    generator = ImageDataGenerator(**GEOMETRY)
    with pytest.raises(ValueError, match=r"must be an image.*broken\.png"):
        generator.flow_from_directory(**options).next()
    batches = generator.flow_from_directory(**options, on_error="skip")
    with pytest.warns(UserWarning, match=r"broken\.png.*left out"):
        images, labels = batches.next()
    assert len(images) == len(labels) == 13
    batches.next()  # warns once
    rows = [row for row, name in enumerate(batches.filenames) if name != "cat/broken.png"]
    np.testing.assert_array_equal(labels.argmax(axis=1), batches.classes[rows])
    # What happens to the others does not depend on whether the broken one can be read.
    Image.new("RGB", (9, 8)).save(path)
    whole_images, _ = generator.flow_from_directory(**options).next()
    np.testing.assert_array_equal(whole_images[rows], images)


def test_a_batch_without_a_readable_file(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "broken.png").write_bytes(b"")
    batches = ImageDataGenerator().flow_from_directory(tmp_path, on_error="skip")
    with pytest.raises(ValueError, match=r"broken\.png"):
        batches.next()


def test_decompression_bombs_are_refused(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    Image.new("L", (100, 100)).save(tmp_path / "a" / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 9_000)
    with pytest.raises(ValueError, match=r"bomb\.png"):
        ImageDataGenerator().flow_from_directory(tmp_path).next()


def test_orientation_is_honoured_on_request(tmp_path):
    (tmp_path / "a").mkdir()
    picture = Image.fromarray(np.arange(48, dtype="uint8").reshape(6, 8))
    exif = Image.Exif()
    exif[274] = 6  # turn clockwise by a quarter
    picture.save(tmp_path / "a" / "photo.png", exif=exif)
    options = {"directory": tmp_path, "color_mode": "grayscale", "class_mode": None}
    flow = ImageDataGenerator().flow_from_directory
    plain = flow(**options, target_size=(6, 8))[0][0, :, :, 0]
    turned = flow(**options, target_size=(8, 6), exif_orientation=True)[0][0, :, :, 0]
    np.testing.assert_array_equal(turned, np.rot90(plain, -1))


def test_one_class_is_enough(tmp_path):
    (tmp_path / "only").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "only" / "a.png")
    images, labels = ImageDataGenerator().flow_from_directory(tmp_path, target_size=(4, 4)).next()
    assert images.shape == (1, 4, 4, 3)
    np.testing.assert_array_equal(labels, [[1]])


def test_links_are_followed_on_request(folder, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    Image.new("L", (4, 4)).save(outside / "a.png")
    (folder / "cat" / "linked").symlink_to(outside)
    (folder / "cat" / "loop").symlink_to(folder / "cat")
    assert ImageDataGenerator().flow_from_directory(folder).samples == 13
    assert ImageDataGenerator().flow_from_directory(folder, follow_links=True).samples == 14
    (folder / "cat" / "link.png").symlink_to(outside / "a.png")
    with pytest.raises(ValueError, match=r"inside the folder.*link\.png.*follow_links=True"):
        ImageDataGenerator().flow_from_directory(folder)


def test_saved_files_have_keras_names(folder, tmp_path):
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
    options = {"directory": str(folder), "seed": 1, "save_prefix": "a", "target_size": (4, 4)}
    ours = ImageDataGenerator().flow_from_directory(**options, save_to_dir=tmp_path / "ours")
    ours.next()
    with numpy_state_kept():
        theirs = KerasGenerator().flow_from_directory(**options, save_to_dir=tmp_path / "theirs")
        next(theirs)
    names = [
        sorted(path.name for path in (tmp_path / name).iterdir()) for name in ("ours", "theirs")
    ]
    assert names[0] == names[1]
    assert len(names[0]) == 13


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"directory": "nowhere"}, "`directory` must be a folder that exists"),
        ({"directory": "empty"}, "`directory` must hold one folder per class"),
        ({"directory": "bare"}, "must hold images"),
        ({"directory": "data", "classes": ["../data/cat/../../bare"]}, "must lie inside"),
        ({"directory": "data", "classes": ["fox"]}, "`classes` must name folders.*fox"),
        ({"directory": "data", "class_mode": "raw"}, "`class_mode` must be one of"),
        ({"directory": "data", "color_mode": "hsv"}, "`color_mode` must be one of"),
        ({"directory": "data", "interpolation": "best"}, "`interpolation` must be one of"),
        ({"directory": "data", "target_size": (8,)}, "`target_size` must be"),
        ({"directory": "data", "on_error": "ignore"}, "`on_error` must be one of"),
        ({"directory": "data", "subset": "test"}, "`subset` must be one of"),
    ],
)
def test_options_of_folders_are_checked(folder, tmp_path, monkeypatch, arguments, text):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bare" / "a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=text):
        ImageDataGenerator().flow_from_directory(**arguments)


@pytest.mark.parametrize(
    ("arguments", "change", "error", "text"),
    [
        ({"x_col": "file"}, {}, ValueError, r"`x_col` must name a column.*'filename'"),
        ({"y_col": "label"}, {}, ValueError, "`y_col` must name a column"),
        ({"weight_col": "weight"}, {}, ValueError, "`weight_col` must name a column"),
        ({"weight_col": "side"}, {}, TypeError, "must hold numbers"),
        ({"weight_col": "age"}, {"age": np.nan}, ValueError, "finite numbers.*nan in row 3"),
        ({}, {"filename": 7}, TypeError, "x_col='filename' must be a string"),
        ({}, {"class": np.nan}, TypeError, r"y_col='class' must be a string.*nan.*in row 3"),
        ({"class_mode": "binary"}, {}, ValueError, "there must be two classes"),
        ({"class_mode": "multi_output"}, {}, TypeError, "must be a list of columns"),
        ({"classes": ["fox"]}, {}, ValueError, "none can be used"),
        ({}, {"filename": "../secret.png"}, ValueError, "must lie inside"),
        ({}, {"filename": "/etc/secret.png"}, ValueError, "Leave `directory` out"),
    ],
)
def test_tables_are_checked(folder, table, arguments, change, error, text):
    for column, value in change.items():
        table[column] = (
            table[column].astype(object) if not isinstance(value, float) else table[column]
        )
        table.loc[3, column] = value
    with pytest.raises(error, match=text):
        ImageDataGenerator().flow_from_dataframe(table, folder, **arguments)


def test_a_dictionary_of_columns_and_whole_paths_will_do(folder, table):
    columns = {"filename": [str(folder / name) for name in table["filename"]]}
    columns["class"] = list(table["class"])
    images, labels = ImageDataGenerator().flow_from_dataframe(columns, target_size=(4, 4)).next()
    assert images.shape == (13, 4, 4, 3)
    assert labels.shape == (13, 3)
