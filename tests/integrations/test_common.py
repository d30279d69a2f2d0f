"""What both integrations share: their libraries are optional, and loaded when they are used."""

import sys

import pytest

import kaug


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


def test_names():
    assert set(kaug.integrations.__all__) <= set(dir(kaug.integrations))
