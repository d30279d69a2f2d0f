"""The house: who may import whom, and what is public."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
REFERENCE = ROOT / "docs" / "reference"


def modules():
    """Returns the files by the names of their modules."""
    found = {}
    for file in SOURCE.rglob("*.py"):
        parts = file.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = modules()


def imports(text):
    """Yields the modules of kaug that a text imports anywhere: late, or for type hints, as well."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] == "kaug")
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            if node.module.split(".")[0] == "kaug":
                for name in node.names:
                    full = f"{node.module}.{name.name}"
                    yield full if full in MODULES else node.module


IMPORTS = {name: set(imports(file.read_text("utf-8"))) - {name} for name, file in MODULES.items()}


def layers():
    """Returns the number of the line in CONTRIBUTING's table, for everything that stands there."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.split("| where | what |")[1].split("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {
        name.rstrip("/"): number
        for number, cell in enumerate(cells)
        for name in re.findall(r"`([^`]+)`", cell)
    }


LAYERS = layers()


def layer(module):
    """Returns the line of a module; that of the package itself is the last."""
    return LAYERS[module.split(".")[1]] if module != "kaug" else len(LAYERS)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_up_the_table(module):
    assert module == "kaug" or module.split(".")[1] in LAYERS
    down = {other for other in IMPORTS[module] if layer(other) > layer(module)}
    assert not down, f"{module} may not import {down}"


def test_nothing_is_imported_in_circles():
    try:
        TopologicalSorter(IMPORTS).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


def test_a_circle_and_a_wrong_direction_are_noticed():
    text = "def f():\n    from kaug.online import AugmentedDataset\n    import kaug._draw.keys\n"
    assert set(imports(text)) == {"kaug.online", "kaug._draw.keys"}
    assert layer("kaug.online._dataset") > layer("kaug._draw.keys")
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()


def test_every_line_of_the_table_exists():
    assert set(LAYERS) <= {module.split(".")[1] for module in MODULES if module != "kaug"}


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"kaug", "kaug.__main__"}))
def test_what_has_no_underscore_has_a_page(module):
    parts = module.split(".")[1:]
    if not any(part.startswith("_") for part in parts):
        assert (REFERENCE / f"{'/'.join(parts)}.md").is_file()
