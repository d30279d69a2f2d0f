"""What both integrations share: their libraries are optional, and loaded when they are used."""

import subprocess
import sys

import pytest

import kaug


def printed_by(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("grain", "grain.number_rows([])"),
        ("ray", "ray.augment(None, kaug.transforms.Invert(), seed=0, index_column='row')"),
    ],
)
def test_without_the_library_the_command_that_installs_it_is_said(name, call):
    printed = printed_by(
        f"import sys, kaug; sys.modules[{name!r}] = None\n"
        f"try: kaug.integrations.{call}\n"
        "except ImportError as error: print(error)"
    )
    assert f'Run: pip install "kaug[{name}]"' in printed


def test_neither_ray_nor_grain_is_imported_before_it_is_used():
    code = (
        "import sys, kaug; kaug.integrations.ray.augment, kaug.integrations.grain.augment\n"
        "print({'ray', 'grain', 'tensorflow', 'keras'} & set(sys.modules))"
    )
    assert printed_by(code).strip() == "set()"
    assert set(kaug.integrations.__all__) <= set(dir(kaug.integrations))
