"""One folder a class."""

import numpy as np
import pytest
from PIL import Image

from kaug.sources import folder


def save(place, *names):
    for name in names:
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (7, 5)).save(path, format="PNG")


def test_classes_and_order(tmp_path):
    save(
        tmp_path,
        "b/2.png",
        "b/10.png",
        "b/deep/1.png",
        "b/deep-0.png",
        "b/Z.PNG",
        "b/é.png",
        "a b/0.jpeg",
        "a/0.gif",
    )
    x, y = folder(tmp_path)
    names = [path.removeprefix(f"{tmp_path}/") for path in x.paths]
    assert names == [
        "a/0.gif",
        "a b/0.jpeg",
        "b/10.png",
        "b/2.png",
        "b/Z.PNG",
        "b/deep-0.png",
        "b/deep/1.png",
        "b/é.png",
    ]
    assert x.class_names == ("a", "a b", "b")
    np.testing.assert_array_equal(y, [0, 1, 2, 2, 2, 2, 2, 2])
    assert y.dtype == np.int64
    assert repr(x) == "<8 pictures in files, uint8, channels=3, 3 classes>"
    assert x[y == 2].class_names == x.class_names


def test_chosen_classes_keep_their_numbers(tmp_path):
    save(tmp_path, "cat/0.png", "dog/0.png", "dog/1.png")
    (tmp_path / "bird").mkdir()
    with pytest.warns(UserWarning, match="none in the class folders 'bird'"):
        x, y = folder(tmp_path, classes=["dog", "bird", "cat"])
    assert x.class_names == ("dog", "bird", "cat")
    np.testing.assert_array_equal(y, [0, 0, 2])


def test_hidden_and_empty_folders_are_no_classes(tmp_path):
    save(tmp_path, "cat/0.png", "cat/._0.png", ".hidden/0.png", "dog/.ipynb_checkpoints/0.png")
    (tmp_path / "bird").mkdir()
    with pytest.warns(
        UserWarning, match=r"no class and gets no number. Received: 2 such: 'bird', 'dog'"
    ):
        x, y = folder(tmp_path)
    assert x.class_names == ("cat",)
    assert len(x) == len(y) == 1


def test_other_suffixes_are_counted_in_one_warning(tmp_path):
    save(tmp_path, "cat/0.png", "dog/0.png", "cat/0.heic", "dog/1.heic", "dog/labels.txt")
    counts = r"3 others \(2 of suffix '\.heic', 1 of suffix '\.txt'\), the first '.*cat/0\.heic'"
    with pytest.warns(UserWarning, match=counts) as seen:
        x, _ = folder(tmp_path)
    assert len(seen) == 1
    assert len(x) == 2


def test_other_surprises(tmp_path):
    save(tmp_path, "2/0.png", "10/0.png", "loose.png")
    order = "Their order is in `x.class_names`"
    with pytest.warns(UserWarning, match=r"loose\.png"), pytest.warns(UserWarning, match=order):
        folder(tmp_path)


def test_what_is_left_out_takes_its_label_along(tmp_path):
    save(tmp_path, "cat/0.png", "cat/1.png", "dog/0.png", "eel/0.png")
    (tmp_path / "cat/1.png").write_bytes(b"")
    (tmp_path / "dog/0.png").write_bytes(b"")
    with pytest.warns(UserWarning, match="2 of 4 are left out"):
        x, y = folder(tmp_path, on_error="skip")
    assert x.class_names == ("cat", "dog", "eel")
    np.testing.assert_array_equal(y, [0, 2])
    assert [path.split("/")[-2] for path in x.paths] == ["cat", "eel"]


def test_links_that_lead_out(tmp_path):
    save(tmp_path, "data/cat/0.png", "other/0.png")
    link = tmp_path / "data/cat/1.png"
    link.symlink_to(tmp_path / "data/cat/0.png")
    assert len(folder(tmp_path / "data")[0]) == 2
    link.unlink()
    link.symlink_to(tmp_path / "other/0.png")
    with pytest.raises(
        ValueError, match=r"must lie inside the folder .*cat/1\.png.*files\(paths\)"
    ):
        folder(tmp_path / "data")
    link.unlink()
    (tmp_path / "data/dog").symlink_to(tmp_path / "other")
    with pytest.raises(ValueError, match=r"must lie inside the folder .*dog/0\.png"):
        folder(tmp_path / "data")


def test_what_is_no_folder_of_class_folders(tmp_path):
    with pytest.raises(ValueError, match="must be a folder that exists"):
        folder(tmp_path / "no")
    with pytest.raises(ValueError, match="must hold one folder per class"):
        folder(tmp_path)
    (tmp_path / "cat").mkdir()
    with pytest.raises(ValueError, match="must hold pictures"):
        folder(tmp_path)
    with pytest.raises(ValueError, match="`classes` must name folders"):
        folder(tmp_path, classes=["dog"])
    with pytest.raises(TypeError, match="list of names"):
        folder(tmp_path, classes="cat")
