"""Pictures named in a table."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from kaug.sources import table

NAMES = ["b.png", "a.png", "b.png", "c.png"]


@pytest.fixture
def place(tmp_path):
    for number, name in enumerate(sorted(set(NAMES))):
        Image.new("RGB", (7, 5), (number, 0, 0)).save(tmp_path / name)
    return tmp_path


def frame(kind, columns):
    if kind == "polars":
        return pytest.importorskip("polars").DataFrame(columns)
    return pd.DataFrame(columns) if kind == "pandas" else columns


@pytest.mark.parametrize("kind", ["pandas", "polars", "dict"])
@pytest.mark.parametrize(
    ("labels", "expected", "names"),
    [
        (["dog", "cat", "dog", "eel"], [1, 0, 1, 2], ("cat", "dog", "eel")),
        ([3, 1, 3, 0], [3, 1, 3, 0], None),
        ([0.5, 1.5, -2.0, 0.0], [0.5, 1.5, -2.0, 0.0], None),
        ([True, False, True, True], [True, False, True, True], None),
    ],
)
def test_labels(place, kind, labels, expected, names):
    rows = frame(kind, {"file": NAMES, "kind": labels})
    x, y = table(rows, image_column="file", label_column="kind", directory=place)
    assert x.paths == tuple(str(place / name) for name in NAMES)
    assert [int(picture[0, 0, 0]) for picture in x] == [1, 0, 1, 2]
    np.testing.assert_array_equal(y, expected)
    assert y.dtype == np.asarray(expected).dtype
    assert x.class_names == names


def test_paths_without_a_folder(place, monkeypatch):
    x, y = table({"file": [str(place / "a.png")]}, image_column="file")
    assert y is None
    assert x[0].shape == (5, 7, 3)
    monkeypatch.chdir(place)
    x, _ = table({"file": [place / "a.png", "b.png"]}, image_column="file", dtype="uint16")
    monkeypatch.chdir("/")
    assert x[1].dtype == np.uint16


def test_categories_and_numbers_as_text(place):
    rows = pd.DataFrame({"file": NAMES, "kind": pd.Categorical(["10", "2", "10", "2"])})
    with pytest.warns(UserWarning, match="numbers as labels in .*'10' comes before '2'"):
        x, y = table(rows, image_column="file", label_column="kind", directory=place)
    assert x.class_names == ("10", "2")
    np.testing.assert_array_equal(y, [0, 1, 0, 1])


def test_what_is_left_out_takes_its_label_along(place):
    (place / "a.png").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match=r"1 of 4 are left out. Received: .*a\.png \("):
        x, y = table(
            {"file": NAMES, "kind": [5, 6, 7, 8]},
            image_column="file",
            label_column="kind",
            directory=place,
            on_error="skip",
        )
    np.testing.assert_array_equal(y, [5, 7, 8])
    assert len(x) == 3


@pytest.mark.parametrize(
    ("columns", "kind", "says"),
    [
        ({"file": []}, ValueError, "must name pictures"),
        (
            {"files": NAMES},
            ValueError,
            r"`image_column` must name a column of the table \('files'\)",
        ),
        ({"file": [*NAMES[:3], None]}, TypeError, r"None .*row 3 \(counted from 0\)"),
        ({"file": NAMES, "kind": ["a", None, "b", "c"]}, TypeError, r"kind.*None .*row 1"),
        ({"file": NAMES, "kind": [1.0, np.nan, 2, 3]}, ValueError, "nan in row 1"),
        ({"file": NAMES, "kind": ["a", 3, "b", "c"]}, TypeError, r"3 .*row 1 .*astype\(str\)"),
        ({"file": NAMES, "kind": [1, 2]}, ValueError, "2 in the column label_column='kind'"),
        ({"file": NAMES, "kind": np.zeros((4, 2))}, TypeError, "one label a row"),
        ({"file": ["../a.png"]}, ValueError, "must lie inside the folder"),
        ({"file": ["d.png"]}, FileNotFoundError, r"d\.png \(not there\)"),
    ],
)
def test_wrong_tables(place, columns, kind, says):
    label = "kind" if "kind" in columns else None
    with pytest.raises(kind, match=says):
        table(columns, image_column="file", label_column=label, directory=place)


def test_no_table(place):
    with pytest.raises(TypeError, match="`dataframe` must be a table of columns by name"):
        table(NAMES, image_column="file")
    rows = frame("polars", {"file": NAMES})
    with pytest.raises(ValueError, match=r"`label_column` must name a column .*\('file'\)"):
        table(rows, image_column="file", label_column="kind", directory=place)
