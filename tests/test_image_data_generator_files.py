"""`flow_from_directory` and `flow_from_dataframe`, beside Keras' and on awkward files."""

import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tensorflow.keras.preprocessing.image import ImageDataGenerator as KerasGenerator

from kaug._generators import numpy_state_kept
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
            "gaps": [np.nan if i % 4 == 1 else i / 2 for i in range(len(names))],
            "some tags": [["a", "b"][: i % 3] for i in range(len(names))],
            "mixed": [["a", 1]] * len(names),
            "holes": [["a", None]] * len(names),
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
def test_class_and_color_modes_of_folders(folder, class_mode, color_mode):
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


@pytest.mark.filterwarnings("ignore:`has_ext`", "ignore:`sort`", "ignore:`drop_dup")
@pytest.mark.filterwarnings("ignore:Write class_mode", "ignore:`classes` does nothing")
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
        {"class_mode": "other", "y_col": "age", "has_ext": True, "sort": 1, "drop_duplicates": 1},
        {"class_mode": "raw", "y_col": "gaps", "weight_col": "gaps"},
        {"class_mode": "multi_output", "y_col": ["gaps", "size"]},
        {"class_mode": "categorical", "y_col": "some tags"},
        {"class_mode": "categorical", "y_col": "some tags", "classes": ["a", "b"]},
        {"class_mode": None, "classes": ["cat"], "y_col": "nowhere"},
        {"class_mode": None, "validate_filenames": False},
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


@pytest.mark.parametrize(
    ("arguments", "category", "text"),
    [
        ({"has_ext": True}, DeprecationWarning, "`has_ext` does nothing. File names must"),
        ({"sort": True}, DeprecationWarning, "`sort` does nothing.*shuffle=False"),
        ({"drop_duplicates": True}, DeprecationWarning, "`drop_duplicates` does nothing"),
        ({"class_mode": "other"}, DeprecationWarning, 'class_mode="raw"'),
        ({"class_mode": None, "classes": ["cat"]}, UserWarning, "`classes` does nothing"),
    ],
)
def test_old_and_idle_arguments_are_warned_of(folder, table, arguments, category, text):
    with pytest.warns(category, match=text) as caught:
        ImageDataGenerator().flow_from_dataframe(table, folder, **arguments)
    assert caught[0].filename == __file__


def test_missing_values_in_rows_that_are_not_used_do_not_matter(folder, table):
    part = table.iloc[[0, 1]]
    options = {"class_mode": "raw", "y_col": "gaps", "subset": "validation"}
    generator = ImageDataGenerator(validation_split=0.5)
    batches = generator.flow_from_dataframe(part, folder, **options, target_size=(4, 4))
    np.testing.assert_array_equal(batches.next()[1], [0])
    with pytest.raises(ValueError, match=r"nan in row 1 \("):
        generator.flow_from_dataframe(part, folder, **options | {"subset": "training"})


@pytest.mark.parametrize(
    ("short", "options"),
    [
        ("class", {"class_mode": "sparse"}),
        ("class", {"class_mode": "categorical"}),
        ("age", {"class_mode": "raw", "y_col": "age"}),
        ("age", {"class_mode": "multi_output", "y_col": ["size", "age"]}),
        ("age", {"class_mode": None, "weight_col": "age"}),
        ("age", {"class_mode": "sparse", "weight_col": "age"}),
    ],
)
@pytest.mark.parametrize(
    "change", [lambda column: column[:-1], lambda column: [*column, column[0]]]
)
def test_columns_of_a_dict_must_be_as_long(folder, table, short, options, change):
    columns = {name: list(table[name]) for name in table.columns}
    columns[short] = change(columns[short])
    options = {"y_col": "class", "target_size": (4, 4), **options}
    with pytest.raises(ValueError, match=rf"the 13 file names. Received: 1[24] in the .*'{short}'"):
        ImageDataGenerator().flow_from_dataframe(columns, folder, **options)


def test_a_dict_is_as_good_as_a_table(folder, table):
    columns = {name: list(table[name]) for name in table.columns}
    options = {"class_mode": "raw", "y_col": "age", "shuffle": False, "target_size": (4, 4)}
    one, other = (
        ImageDataGenerator().flow_from_dataframe(source, folder, **options).next()
        for source in (table, columns)
    )
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left, right)


def test_missing_files_are_left_out_with_a_warning(folder, table):
    table.loc[2, "filename"] = "cat/nowhere.png"
    with pytest.warns(UserWarning, match=r"names 1 files that are not there.*nowhere\.png"):
        batches = ImageDataGenerator().flow_from_dataframe(table, folder, class_mode="sparse")
    assert batches.samples == 12


@pytest.fixture
def numbered(tmp_path):
    """Class folders 0 to 10, each with a picture of its number."""
    for number in range(11):
        (tmp_path / str(number)).mkdir()
        Image.new("L", (4, 4), number).save(tmp_path / str(number) / "a.png")
    return tmp_path


NUMBERED = r"in the order of their names as text.*{}, of which '10' comes before '2'.*`classes`"
GRAY_FILES = {"color_mode": "grayscale", "target_size": (4, 4), "class_mode": "sparse"}


def test_class_folders_that_are_numbers_in_another_order(numbered):
    with pytest.warns(UserWarning, match=NUMBERED.format("class folders")):
        batches = ImageDataGenerator().flow_from_directory(numbered, **GRAY_FILES)
    assert batches.class_indices["2"] == 3  # as in Keras
    # What the warning says to do.
    names = [str(number) for number in range(11)]
    images, labels = ImageDataGenerator().flow_from_directory(
        numbered, **GRAY_FILES, classes=names
    )[0]
    np.testing.assert_array_equal(images[:, 0, 0, 0], labels)


def test_classes_of_tables_that_are_numbers_in_another_order(numbered):
    table = {"filename": [f"{n}/a.png" for n in range(11)], "class": [str(n) for n in range(11)]}
    with pytest.warns(UserWarning, match=NUMBERED.format("classes in class_mode=.*'class'")):
        ImageDataGenerator().flow_from_dataframe(table, numbered, **GRAY_FILES)
    images, labels = ImageDataGenerator().flow_from_dataframe(
        table, numbered, **GRAY_FILES, classes=table["class"]
    )[0]
    np.testing.assert_array_equal(images[:, 0, 0, 0], labels)


def test_class_folders_whose_order_is_told_or_does_not_matter(numbered):
    generator = ImageDataGenerator()
    generator.flow_from_directory(numbered, **{**GRAY_FILES, "class_mode": None})
    ImageDataGenerator(keras_compat=True).flow_from_directory(numbered, **GRAY_FILES)
    (numbered / "10").rename(numbered / "ten")
    generator.flow_from_directory(numbered, **GRAY_FILES)
    (numbered / "ten").rename(numbered / "9000")
    generator.flow_from_directory(numbered, **GRAY_FILES)


def test_every_mode_of_picture_becomes_every_other(tmp_path):
    levels = np.arange(0, 96, 2, dtype="uint8").reshape(6, 8)
    for mode in ("L", "RGB", "RGBA", "P", "LA"):
        place = tmp_path / "data" / mode
        place.mkdir(parents=True)
        picture = Image.fromarray(levels)
        if mode == "P":
            picture = picture.convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE)
        (picture if picture.mode == mode else picture.convert(mode)).save(place / "a.png")
    options = {"class_mode": None, "target_size": (6, 8), "shuffle": False}
    for color_mode, channels in (("grayscale", 1), ("rgb", 3), ("rgba", 4)):
        batches = ImageDataGenerator().flow_from_directory(
            tmp_path / "data", color_mode=color_mode, **options
        )
        assert (batches.target_size, batches.color_mode) == ((6, 8), color_mode)
        images = batches.next()
        assert images.shape == (5, 6, 8, channels)
        for image in images:  # one of them from 48 of the palette's colors
            np.testing.assert_allclose(image[..., 0], levels, atol=1)
        if channels == 4:
            np.testing.assert_array_equal(images[..., 3], 255)


def test_unicode_names(tmp_path):
    names = ["日本/é è.png", "ñandú/🐦.png", "日本/Ω.PNG"]
    for number, name in enumerate(names):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (4, 4), number).save(tmp_path / name)
    generator, options = ImageDataGenerator(), {"target_size": (4, 4), "shuffle": False}
    batches = generator.flow_from_directory(tmp_path, **options)
    assert batches.class_indices == {"ñandú": 0, "日本": 1}
    assert batches.filenames == ["ñandú/🐦.png", "日本/é è.png", "日本/Ω.PNG"]
    np.testing.assert_array_equal(batches.next()[0][:, 0, 0, 0], [1, 0, 2])
    table = {"filename": names, "class": [name.split("/")[0] for name in names]}
    images, labels = generator.flow_from_dataframe(table, tmp_path, **options).next()
    np.testing.assert_array_equal(images[:, 0, 0, 0], [0, 1, 2])
    np.testing.assert_array_equal(labels, [[0, 1], [1, 0], [0, 1]])


@pytest.mark.parametrize("method", ["flow_from_directory", "flow_from_dataframe"])
def test_batches_of_files_are_stable_picklable_and_safe_to_share(folder, table, method):
    options = {"target_size": (8, 9), "batch_size": 4, "seed": 1}
    options |= {"directory": folder} | ({"dataframe": table} if "frame" in method else {})
    make = lambda: getattr(ImageDataGenerator(**GEOMETRY), method)(**options)  # noqa: E731
    batches, expected = make(), make()
    expected = [expected.next() for _ in range(12)]  # of three epochs
    for i in range(4):
        for _ in range(2):
            _assert_same(batches[i], expected[i])
    _assert_same(batches.next(), expected[0])
    _assert_same(batches[1], expected[1])  # whatever `next` has given meanwhile
    twin = pickle.loads(pickle.dumps(batches))
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda _: twin.next(), range(11)))
    got, rest = (sorted(part, key=lambda batch: batch[0].sum()) for part in (got, expected[1:]))
    for ours, alone in zip(got, rest, strict=True):
        _assert_same(ours, alone)


def test_images_and_masks_in_folders_stay_aligned(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(9):
        levels = rng.integers(0, 256, (8, 9), "uint8")
        for kind, picture in (("images", levels), ("masks", np.where(levels > 99, 255, 0))):
            (tmp_path / kind / "all").mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture.astype("uint8")).save(tmp_path / kind / "all" / f"{number}.png")
    options = {"target_size": (8, 9), "class_mode": None, "color_mode": "grayscale", "seed": 3}
    generator = ImageDataGenerator(**GEOMETRY, interpolation_order=0)
    images, masks = (
        generator.flow_from_directory(tmp_path / kind, batch_size=4, **options)
        for kind in ("images", "masks")
    )
    for step in range(7):
        masks[step % 3]  # a stray read
        np.testing.assert_array_equal(images.next() > 99, masks.next() == 255)


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


def test_one_name_is_no_list_of_classes(folder):
    with pytest.raises(TypeError, match=r"Write classes=\['cat'\]"):
        ImageDataGenerator().flow_from_directory(folder, classes="cat")


def test_a_subset_without_images_is_named(tmp_path):
    (tmp_path / "a").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "a" / "one.png")
    with pytest.raises(ValueError, match=r"must hold images.*subset='validation'"):
        ImageDataGenerator(validation_split=0.2).flow_from_directory(tmp_path, subset="validation")


def test_unreadable_files_of_tables_are_named(folder, table):
    (folder / table["filename"][3]).write_bytes(b"no image")
    options = {"directory": folder, "target_size": (8, 9), "class_mode": "raw", "y_col": "size"}
    options |= {"weight_col": "age", "shuffle": False}
    generator = ImageDataGenerator()
    with pytest.raises(ValueError, match="must be an image"):
        generator.flow_from_dataframe(table, **options).next()
    with pytest.warns(UserWarning, match="left out"):
        images, sizes, ages = generator.flow_from_dataframe(
            table, **options, on_error="skip"
        ).next()
    assert len(images) == 12
    assert 3 not in sizes
    np.testing.assert_array_equal(ages, sizes / 2)


def test_a_batch_without_a_readable_file(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "broken.png").write_bytes(b"")
    batches = ImageDataGenerator().flow_from_directory(tmp_path, on_error="skip")
    with pytest.raises(ValueError, match=r"broken\.png"):
        batches.next()


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_decompression_bombs_are_refused(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    Image.new("L", (100, 100)).save(tmp_path / "a" / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 9_000)
    with pytest.raises(ValueError, match=r"bomb\.png.*at most 9000 pixels.*Received: 100 × 100"):
        ImageDataGenerator().flow_from_directory(tmp_path).next()


def test_orientation_is_honoured_on_request(tmp_path):
    (tmp_path / "a").mkdir()
    picture = Image.fromarray(np.arange(48, dtype="uint8").reshape(6, 8))
    exif = Image.Exif()
    exif[274] = 6  # turn clockwise by a quarter
    picture.save(tmp_path / "a" / "photo.png", exif=exif)
    options = {"directory": tmp_path, "color_mode": "grayscale", "class_mode": None}
    flow = ImageDataGenerator().flow_from_directory
    with pytest.warns(UserWarning, match=r"EXIF orientation 6 in .*photo\.png.*=True to turn"):
        plain = flow(**options, target_size=(6, 8))[0][0, :, :, 0]
    turned = flow(**options, target_size=(8, 6), exif_orientation=True)[0][0, :, :, 0]
    np.testing.assert_array_equal(turned, np.rot90(plain, -1))


def test_one_class_is_enough(tmp_path):
    (tmp_path / "only").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "only" / "a.png")
    images, labels = ImageDataGenerator().flow_from_directory(tmp_path, target_size=(4, 4)).next()
    assert images.shape == (1, 4, 4, 3)
    np.testing.assert_array_equal(labels, [[1]])


# What is in a folder ---------------------------------------------------------------------------


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (4, 4)).save(path, "PNG")


def test_hidden_folders_are_no_classes_except_in_keras(tmp_path):
    for name in ("cat/0", "dog/0", ".ipynb_checkpoints/0", "cat/.trash/1", "cat/deep/2"):
        picture(tmp_path / f"{name}.png")
    batches = ImageDataGenerator().flow_from_directory(tmp_path, target_size=(4, 4))
    assert batches.class_indices == {"cat": 0, "dog": 1}
    assert batches.filenames == ["cat/0.png", "cat/deep/2.png", "dog/0.png"]
    one = ImageDataGenerator().flow_from_directory(tmp_path, classes=[".ipynb_checkpoints"])
    assert one.samples == 1
    ours, theirs = compare(
        "flow_from_directory", {"directory": str(tmp_path), "target_size": (4, 4), "seed": 0}
    )
    assert ours.class_indices == theirs.class_indices
    assert ours.filenames == theirs.filenames


@pytest.mark.parametrize("subset", [None, "validation"])
def test_classes_without_images_are_warned_of(tmp_path, subset):
    for number in range(2):
        picture(tmp_path / "dog" / f"{number}.png")
    (tmp_path / "ant" / "deep").mkdir(parents=True)
    (tmp_path / "ant" / "notes.txt").write_text("no image")
    generator = ImageDataGenerator(validation_split=0.5)
    with pytest.warns(UserWarning, match=r"should have images.*none in the class folders 'ant'\."):
        batches = generator.flow_from_directory(tmp_path, subset=subset)
    assert batches.class_indices == {"ant": 0, "dog": 1}


def test_classes_without_images_in_a_subset_are_warned_of(tmp_path):
    for name in ("a/0", "b/0", "b/1"):
        picture(tmp_path / f"{name}.png")
    with pytest.warns(UserWarning, match=r"in subset='validation', since.*none in.*'a'\."):
        ImageDataGenerator(validation_split=0.5).flow_from_directory(tmp_path, subset="validation")


def test_pictures_of_other_kinds_are_named(tmp_path):
    for name in ("a/0.png", "a/1.webp", "a/2.GIF", "a/3.jfif", "a/deep/4.avif", "a/5.heic"):
        picture(tmp_path / name)
    (tmp_path / "a" / "labels.txt").write_text("no image")
    text = r"as in Keras\. Received: 5 others; the first: .*1\.webp', .*2\.GIF', .*3\.jfif'\. Conv"
    with pytest.warns(UserWarning, match=text):
        assert ImageDataGenerator().flow_from_directory(tmp_path).samples == 1
    ImageDataGenerator(keras_compat=True).flow_from_directory(tmp_path)
    names = {"filename": ["1.webp", "0.png"]}
    options = {"class_mode": None, "target_size": (4, 4)}
    flow = ImageDataGenerator().flow_from_dataframe
    with pytest.warns(UserWarning, match=r"1\.webp\. Pictures of other kinds.*validate_filenames"):
        assert flow(names, tmp_path / "a", **options).samples == 1
    batches = flow(names, tmp_path / "a", **options, validate_filenames=False)
    assert batches.next().shape == (2, 4, 4, 3)


def test_pictures_beside_the_class_folders_are_named(tmp_path):
    for name in ("a/0.png", "1.png", "2.jpg"):
        picture(tmp_path / name)
    with pytest.warns(UserWarning, match=r"folder of their class.*2 beside.*the first: .*1\.png'"):
        assert ImageDataGenerator().flow_from_directory(tmp_path).samples == 1
    ImageDataGenerator(keras_compat=True).flow_from_directory(tmp_path)


def test_binary_needs_two_classes(tmp_path):
    for name in "abc":
        picture(tmp_path / name / "0.png")
    text = r"must be two classes\. Received: 3: \['a', 'b', 'c'\].*\"sparse\""
    flow = ImageDataGenerator().flow_from_directory
    with pytest.raises(ValueError, match=text):
        flow(tmp_path, class_mode="binary")
    table = {"filename": [f"{name}/0.png" for name in "abc"], "class": list("abc")}
    with pytest.raises(ValueError, match=text):
        ImageDataGenerator().flow_from_dataframe(table, tmp_path, class_mode="binary")
    two = flow(tmp_path, class_mode="binary", classes=["c", "a"], target_size=(4, 4), shuffle=False)
    np.testing.assert_array_equal(two.next()[1], [0, 1])


@pytest.mark.filterwarnings("ignore:The column x_col")
@pytest.mark.parametrize(
    "arguments",
    [
        {"classes": ["a", "b"]},
        {"classes": ["nowhere"]},
        {"class_mode": None},
        {"directory": "data/a"},
        {"subset": "validation"},
        {"x": True},
        {"x": True, "class_mode": "sparse"},
        {"x": True, "class_mode": "binary", "classes": ["u", "v"]},
        {"x": True, "class_mode": "raw", "y_col": "w", "weight_col": "w"},
    ],
)
def test_nothing_to_read_is_an_empty_flow_as_in_keras(tmp_path, monkeypatch, arguments):
    for name in "ab":
        (tmp_path / "data" / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame({"filename": ["n.png", "m.png"], "class": ["u", "v"], "w": [1, 2]})
    method = "flow_from_directory"
    arguments = {"directory": "data", "target_size": (4, 4), **arguments}
    if arguments.pop("x", False):
        method, arguments = "flow_from_dataframe", {**arguments, "dataframe": table}
    ours, theirs = compare(method, arguments, {"validation_split": 0.2}, steps=2)
    assert (ours.samples, len(ours)) == (0, 0)
    assert ours.class_indices == getattr(theirs, "class_indices", {})
    with pytest.raises(ValueError, match="must"):
        getattr(ImageDataGenerator(validation_split=0.2), method)(**arguments)


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


def test_links_of_folders_lead_nowhere_else_either(folder, table, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    Image.new("L", (4, 4)).save(outside / "a.png")
    (folder / "fox").symlink_to(outside)
    with pytest.raises(ValueError, match=r"inside the folder.*fox.*follow_links=True"):
        ImageDataGenerator().flow_from_directory(folder)
    assert ImageDataGenerator().flow_from_directory(folder, follow_links=True).samples == 14
    table.loc[3, "filename"] = "fox/a.png"
    with pytest.raises(ValueError, match=r"inside the folder.*fox/a\.png.*Leave `directory` out"):
        ImageDataGenerator().flow_from_dataframe(table, folder)


def test_names_are_judged_by_where_they_lead_not_by_how_they_are_written(tmp_path):
    for name in ("data/cat", "data2", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("data/cat/a.png", "data2/b.png", "elsewhere/c.png"):
        Image.new("L", (4, 4)).save(tmp_path / name)
    (tmp_path / "data" / "near.png").symlink_to(tmp_path / "data" / "cat" / "a.png")
    (tmp_path / "data" / "far.png").symlink_to(tmp_path / "elsewhere" / "c.png")
    (tmp_path / "linked").symlink_to(tmp_path / "data")

    def flow(folder, name):
        table = pd.DataFrame({"filename": [name]})
        return ImageDataGenerator().flow_from_dataframe(table, folder, class_mode=None)

    own, file = str(tmp_path / "data"), str(tmp_path / "data" / "cat" / "a.png")
    for folder in (own, own + "/", tmp_path / "linked"):
        for name in ("cat/a.png", "./cat//a.png", "cat/../cat/a.png", "../data/cat/a.png"):
            if "linked" not in str(folder) or not name.startswith(".."):
                assert flow(folder, name).filepaths == [f"{str(folder).rstrip('/')}/cat/a.png"]
        assert flow(folder, "near.png").samples == 1
    for name in (file, Path(file)):
        assert flow(own, name).filepaths == [file]
    assert flow("/", file[1:]).filepaths == [file]
    for name in ("..", ".", "../data2/b.png", str(tmp_path / "data2" / "b.png"), "far.png"):
        with pytest.raises(ValueError, match="must lie inside the folder"):
            flow(own, name)


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
        ({"directory": "data", "target_size": None}, r"`target_size` must be.*None \(type None"),
        ({"directory": "data", "target_size": "88"}, "`target_size` must be"),
        ({"directory": "data", "target_size": (0, 8)}, "`target_size` must be an integer, at"),
        ({"directory": "data/cat/0.png"}, "`directory` must be a folder that exists"),
        ({"directory": "a\0b"}, "`directory` must be a path.*zeros"),
        ({"directory": ""}, "`directory` must be a path.*empty"),
        ({"directory": "data", "classes": ["\0"]}, "`classes` must be a path.*zeros"),
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
    ("argument", "value", "text"),
    [
        ("directory", None, "`directory` must be a path"),
        ("directory", 5, "`directory` must be a path"),
        ("directory", b"data", "`directory` must be a path"),
        ("classes", 5, "`classes` must be a list of names"),
        ("target_size", (8.0, 8.0), "`target_size` must be an integer"),
        ("follow_links", "no", "`follow_links` must be True or False"),
        ("keep_aspect_ratio", "no", "`keep_aspect_ratio` must be True or False"),
        ("exif_orientation", "no", "`exif_orientation` must be True or False"),
        ("shuffle", "no", "`shuffle` must be True or False"),
    ],
)
def test_types_of_options_of_folders_are_checked(folder, argument, value, text):
    with pytest.raises(TypeError, match=text):
        ImageDataGenerator().flow_from_directory(**{"directory": folder, argument: value})


def test_batches_beyond_the_memory_are_refused_before_they_are_made(folder, table):
    options = {"target_size": (10**6, 10**6)}
    for method, arguments in (("directory", (folder,)), ("dataframe", (table, folder))):
        flow = getattr(ImageDataGenerator(), f"flow_from_{method}")
        with pytest.raises(MemoryError, match=r"13 rows of shape.*smaller `target_size` or"):
            flow(*arguments, **options)


@pytest.mark.parametrize("dataframe", [None, 5, "table.csv", [1, 2], np.zeros((2, 2))])
def test_a_table_has_columns_by_name(dataframe):
    with pytest.raises(TypeError, match=r"`dataframe` must be a table.*pandas\.read_csv"):
        ImageDataGenerator().flow_from_dataframe(dataframe)


def test_paths_are_as_good_as_strings(folder, table):
    options = {"class_mode": "raw", "y_col": "age", "shuffle": False, "target_size": (4, 4)}
    flow = ImageDataGenerator().flow_from_dataframe
    expected = flow(table, folder, **options)
    whole = table.assign(filename=[folder / name for name in table["filename"]])
    for batches in (
        flow(table.assign(filename=[Path(name) for name in table["filename"]]), folder, **options),
        flow(whole, **options),
        flow(whole, "", **options),
    ):
        _assert_same(batches.next(), expected[0])
        assert all(isinstance(name, str) for name in batches.filenames)


def test_columns_are_checked_before_files_are_missed(folder, table):
    lost = table.assign(filename="nowhere.png")
    flow = ImageDataGenerator().flow_from_dataframe
    for arguments, text in (
        ({"weight_col": "weight"}, "`weight_col` must name a column"),
        ({"weight_col": "side"}, "weight_col='side' must hold numbers"),
        ({"class_mode": "raw", "y_col": "label"}, "`y_col` must name a column"),
        ({"class_mode": "multi_output"}, "`y_col` must be a list of columns"),
    ):
        with pytest.raises((TypeError, ValueError), match=text):
            flow(lost, folder, **arguments)


def test_chosen_classes_without_rows_are_warned_of(folder, table):
    with pytest.warns(UserWarning, match=r"should have images.*y_col='class' 'fox'\."):
        ImageDataGenerator().flow_from_dataframe(table, folder, classes=["cat", "fox"])


@pytest.mark.parametrize(
    ("arguments", "change", "error", "text"),
    [
        ({"x_col": "file"}, {}, ValueError, r"`x_col` must name a column.*'filename'"),
        ({"y_col": "label"}, {}, ValueError, "`y_col` must name a column"),
        ({"weight_col": "weight"}, {}, ValueError, "`weight_col` must name a column"),
        (
            {"weight_col": "side"},
            {},
            TypeError,
            "must hold numbers.*'left'.*in rows 0, 1, 2, 3, 4 and 8 more",
        ),
        (
            {"weight_col": "age"},
            {"age": "heavy"},
            TypeError,
            r"must hold numbers.*'heavy'.* in row 3 \(counted",
        ),
        ({"weight_col": "age"}, {"age": True}, TypeError, "must hold numbers.*True.* in row 3"),
        ({"weight_col": "gaps"}, {}, ValueError, r"weight_col='gaps' must.*nan in rows 1, 5, 9 \("),
        ({"weight_col": "age"}, {"age": np.inf}, ValueError, "inf in row 3"),
        ({"weight_col": "age"}, {"age": pd.NA}, ValueError, "<NA> in row 3"),
        (
            {"class_mode": "raw", "y_col": "gaps"},
            {},
            ValueError,
            "y_col='gaps'.*nan in rows 1, 5, 9",
        ),
        ({"class_mode": "raw", "y_col": ["age", "gaps"]}, {}, ValueError, "nan.* in rows 1, 5, 9"),
        (
            {"class_mode": "raw", "y_col": "side"},
            {"side": None},
            ValueError,
            "y_col='side'.* in row 3",
        ),
        (
            {"class_mode": "multi_output", "y_col": ["age", "gaps"]},
            {},
            ValueError,
            "y_col='gaps' must hold a finite value.*rows 1, 5, 9.*Drop these rows",
        ),
        (
            {},
            {"filename": 7},
            TypeError,
            "must be a string or a path in the column x_col='filename'.* row 3 .*astype",
        ),
        ({}, {"filename": np.nan}, TypeError, "x_col='filename'.*nan.*in row 3"),
        ({}, {"class": np.nan}, TypeError, r"must be a string.*y_col='class'.*nan.*in row 3"),
        (
            {"class_mode": "sparse"},
            {"class": 5},
            TypeError,
            "must be a string in class_mode.*5.*in row 3",
        ),
        ({"y_col": ["class", "side"]}, {}, ValueError, "Name one column"),
        ({"y_col": ["class", "hue"]}, {}, ValueError, "`y_col` must name a column"),
        ({"classes": "cat"}, {}, TypeError, r"must be a list of names.*Write classes=\['cat'\]"),
        ({"shufle": True}, {}, TypeError, "has no argument 'shufle'"),
        ({"class_mode": "binary"}, {}, ValueError, "there must be two classes"),
        ({"class_mode": "multi_output"}, {}, TypeError, "must be a list of columns"),
        (
            {"classes": ["fox"]},
            {},
            ValueError,
            "must name classes in .* are 3: 'cat', 'dög', 'emu'",
        ),
        ({"directory": "nowhere"}, {}, ValueError, "`directory` must be a folder that exists"),
        ({"validate_filenames": "no"}, {}, TypeError, "`validate_filenames` must be True or False"),
        ({"class_mode": "sparse", "y_col": "size"}, {}, TypeError, 'astype.*class_mode="raw"'),
        ({"y_col": "size"}, {}, TypeError, 'be a string, or a list.*astype.*class_mode="raw"'),
        ({}, {"filename": b"a.png"}, TypeError, r"in row 3 .*\.str\.decode"),
        ({}, {"filename": "a\0.png"}, ValueError, "the system can take.* in row 3"),
        ({"y_col": "mixed"}, {}, TypeError, "classes in the lists must be strings"),
        ({"y_col": "holes"}, {}, TypeError, r"may be missing.*\['a', None\].* in rows 0, 1"),
        ({}, {"filename": "../secret.png"}, ValueError, "must lie inside"),
        ({}, {"filename": "/etc/secret.png"}, ValueError, "Leave `directory` out"),
    ],
)
def test_tables_are_checked(folder, table, arguments, change, error, text):
    for column, value in change.items():
        if not isinstance(value, float):
            table[column] = table[column].astype(object)
        table.loc[3, column] = value
    with pytest.raises(error, match=text):
        ImageDataGenerator().flow_from_dataframe(table, **{"directory": folder, **arguments})


def test_missing_dates_and_holes_in_lists_are_found(folder, table):
    table["day"] = pd.date_range("2024-01-01", periods=len(table))
    table.loc[3, "day"] = pd.NaT
    table["place"] = [[i, np.nan if i == 3 else 0.5] for i in range(len(table))]
    for column, value in (("day", "NaT"), ("place", r"\[3, nan\]")):
        text = f"y_col='{column}' must hold a finite value.*{value} in row 3 "
        with pytest.raises(ValueError, match=text):
            ImageDataGenerator().flow_from_dataframe(table, folder, class_mode="raw", y_col=column)


def test_a_dictionary_of_columns_and_whole_paths_will_do(folder, table):
    columns = {"filename": [str(folder / name) for name in table["filename"]]}
    columns["class"] = list(table["class"])
    images, labels = ImageDataGenerator().flow_from_dataframe(columns, target_size=(4, 4)).next()
    assert images.shape == (13, 4, 4, 3)
    assert labels.shape == (13, 3)
