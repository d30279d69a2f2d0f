"""What both integrations share: their libraries are optional, and loaded when they are used."""

import sys

import albumentations as A  # noqa: N812 - its own documentation's name
import pytest

import kaug
from kaug.foreign import Albumentations
from kaug.integrations._common import check_by_row


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("grain", lambda: kaug.integrations.grain.number_rows([])),
        (
            "ray",
            lambda: kaug.integrations.ray.augment(
                None, kaug.transforms.Invert(), seed=0, index_column="row"
            ),
        ),
    ],
)
def test_without_the_library_the_command_that_installs_it_is_said(name, call, monkeypatch):
    for module in {name, *(each for each in sys.modules if each.startswith(f"{name}."))}:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf'Run: pip install "kaug\[{name}\]"'):
        call()


def test_transforms_of_albumentations_are_taken():
    taken = check_by_row(A.Transpose(p=1))
    assert taken == Albumentations(A.Transpose(p=1))
    with pytest.raises(TypeError, match="because others cannot make a row by its number"):
        check_by_row(lambda images: images)


def test_names():
    assert set(kaug.integrations.__all__) <= set(dir(kaug.integrations))
