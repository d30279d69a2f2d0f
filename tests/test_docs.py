"""The documentation tells the truth: its code runs, prints what it says, and covers every name."""

import contextlib
import functools
import importlib.util
import inspect
import io
import random
import re
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kaug
from kaug import transforms
from kaug._draw.draws import Draws

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
_reference = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
make_reference = importlib.util.module_from_spec(_reference)
_reference.loader.exec_module(make_reference)
GALLERY = DOCS / "gallery" / "index.md"  # made with every build of the documentation
PAGES = [*ROOT.glob("README*.md"), *sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("[!_]*/**/*.md"))]
PAGES = [page for page in PAGES if page != GALLERY]
# The Korean pages, and the English ones they are made from.
KOREAN = {
    ROOT / "README.ko.md": ROOT / "README.md",
    DOCS / "ko" / "index.md": DOCS / "index.md",
    DOCS / "ko" / "fashion_mnist.md": DOCS / "tutorial" / "fashion_mnist.md",
    DOCS / "ko" / "own_pictures.md": DOCS / "how-to" / "own_pictures.md",
    DOCS / "ko" / "choosing.md": DOCS / "how-to" / "choosing.md",
    DOCS / "ko" / "does_augmentation_help.md": (DOCS / "explanation" / "does_augmentation_help.md"),
    DOCS / "ko" / "detection.md": DOCS / "how-to" / "detection.md",
    DOCS / "ko" / "command_line.md": DOCS / "how-to" / "command_line.md",
}
FUNCTIONS = [name for name in kaug.__all__ if inspect.isroutine(getattr(kaug, name))]
NAMES = [f"kaug.{name}" for name in kaug.__all__]
NAMES += [f"kaug.transforms.{name}" for name in transforms.__all__]

# What the table of transforms must say of one transform of each kind.
TRAVELS = {
    "Rotation": "masks, boxes and keypoints move",
    "Brightness": "all stays",
    "Erasing": "all stays",
    "MixUp": "boxes and keypoints are mixed; masks are refused",
    "CopyPaste": "masks, boxes and keypoints are mixed",
    "GridShuffle": "masks and keypoints move; boxes are refused",
    "BoxSafeCrop": "masks, boxes and keypoints move",
    "AugMix": "masks, boxes and keypoints are refused",
    "Compose": "as with its transforms",
    "Corruption": "all stays; `elastic_transform`: masks, boxes and keypoints are refused",
}

_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>.*?) -->\n+)?^```python\n(?P<code>.*?)^```$", re.M | re.S
)
_PRINT = re.compile(r"^print\(.*\)  # (.+)$", re.M)
_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)[^)]*\)")


@dataclass
class Block:
    code: str
    line: int  # of its first line of code, from 1
    reason: str | None  # why it is not run


def blocks(text):
    """Returns the Python blocks of a page."""
    return [
        Block(match["code"], text.count("\n", 0, match.start("code")) + 1, match["reason"])
        for match in _BLOCK.finditer(text)
    ]


def run(text, name):
    """Runs a page's blocks in order, in one namespace; printed lines must match their comments."""
    # Pickle finds the classes of a page, as it would those of a script.
    module = types.ModuleType(re.sub(r"\W", "_", name))
    sys.modules[module.__name__] = module
    try:
        for block in blocks(text):
            run_block(block, vars(module), name)
    finally:
        del sys.modules[module.__name__]  # or the pictures of all pages pile up in memory


def run_block(block, namespace, name):
    """Runs a block, unless the page says why not."""
    if block.reason is not None:
        assert block.reason.strip(), f"{name}:{block.line} must say why it is not run"
        return
    # Empty lines before it, so that a traceback shows the page's own line.
    code = compile("\n" * (block.line - 1) + block.code, name, "exec")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, namespace)
    expected = _PRINT.findall(block.code)
    lines = printed.getvalue().splitlines()
    missing = [line for line in expected if line not in lines]
    assert not missing, f"{name}:{block.line} promises {missing} and prints {lines}"


garments = functools.cache(kaug.load_fashion_mnist)  # read once for all pages


@pytest.fixture
def sandbox(tmp_path, monkeypatch):
    """Runs a test in a folder of its own, with some pictures; whatever it seeds is put back."""
    monkeypatch.setattr(kaug, "load_fashion_mnist", garments, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    rng = np.random.default_rng(0)
    for name, shape in {"cat": (30, 41, 3), "dog": (52, 33)}.items():
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for number in range(1, 11):
            picture = Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))
            picture.save(folder / f"{number:04}.png")
    state, numpy_state = random.getstate(), np.random.get_state()
    yield
    random.setstate(state)
    np.random.set_state(numpy_state)


# The code of the Korean pages is that of the English ones, which a test below demands.
@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page not in KOREAN],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_the_code_of_a_page_runs(page):
    run(page.read_text(encoding="utf-8"), str(page))


def test_every_python_block_is_found():
    """A fence the pattern overlooks (indented, or with other words) would never be run."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        fences = re.findall(r"^\s*[`~]{3,}\{?\s*(?:code-block\}\s*)?python.*$", text, re.M)
        assert len(fences) == len(blocks(text)), page
        assert text.count("<!-- not run") == sum(b.reason is not None for b in blocks(text)), page


def test_most_blocks_are_run():
    pages = set(PAGES) - set(KOREAN)  # whose blocks are those of other pages
    reasons = [block.reason for page in pages for block in blocks(page.read_text("utf-8"))]
    assert reasons.count(None) >= 50
    assert len(reasons) - reasons.count(None) <= 6


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("kaug.no_such_name", NameError),
        ("import kaug\nkaug.no_such_name", AttributeError),
        ("print(1 + 1)  # 3", AssertionError),
        ("assert False", AssertionError),
        ("1 +", SyntaxError),
    ],
)
def test_wrong_code_on_a_page_fails(code, error):
    with pytest.raises(error):
        run(f"# Page\n\n```python\n{code}\n```\n", "page.md")


def test_blocks_share_a_namespace_and_skipped_ones_need_a_reason():
    page = "```python\na = 1\n```\n\n<!-- not run: {} -->\n```python\na = b\n```\n\n"
    page += "```python\nprint(a)  # 1\n```\n"
    run(page.format("b is nowhere"), "page.md")
    with pytest.raises(AssertionError, match=r"page\.md:7 must say why"):
        run(page.format(""), "page.md")


def pages_with(name):
    """Returns the reference pages that document a name."""
    directive = re.compile(
        rf"^\.\. (?:auto(?:function|class|data|module)|py:data):: {re.escape(name)}$", re.M
    )
    pages = (DOCS / "reference").rglob("*.md")
    return [
        page.name
        for page in pages
        if directive.search(make_reference.expand(page.read_text("utf-8")))
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_in_the_reference(name):
    assert len(pages_with(name)) == 1, f"{name} must be on one page, is on {pages_with(name)}"


@pytest.mark.parametrize("name", kaug.__all__)
def test_every_public_name_is_in_the_list_of_the_reference(name):
    text = (DOCS / "reference" / "index.md").read_text(encoding="utf-8")
    assert f"`~kaug.{name}`" in text or f"`kaug.{name}`" in text


def test_a_name_that_is_not_in_the_reference_is_noticed():
    assert pages_with("kaug.transforms.Rotat") == []
    assert pages_with("kaug.Rotation") == []


def test_what_draws_offer_is_listed():
    text = (DOCS / "how-to" / "own_transform.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `draws\.(\w+)\((.*?)\)`", text, re.M)
    offered = [
        (name, ", ".join([*inspect.signature(method).parameters][1:]))
        for name, method in vars(Draws).items()
        if inspect.isfunction(method) and not name.startswith("_")
    ]
    assert sorted(listed) == sorted(offered)


def sections_of(documented):
    """Returns the text of each section of a docstring, by its heading."""
    text = inspect.getdoc(documented) or ""
    parts = re.split(r"^(Args|Returns|Raises|Example):$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def missing_sections(documented):
    """Returns the sections and arguments that the docstring of a function or class lacks."""
    sections, signature = sections_of(documented), inspect.signature(documented)
    wanted = {"Args"} if signature.parameters else set()
    if not inspect.isclass(documented):  # a class returns itself
        wanted |= {"Raises"}  # every public function checks what it is given
        wanted |= {"Returns"} if signature.return_annotation not in (None, "None") else set()
    missing = {name for name in wanted if not sections.get(name, "").strip()}
    described = re.findall(r"^    (\w+):", sections.get("Args", ""), re.M)
    missing |= set(signature.parameters) ^ set(described)
    if ">>> " not in sections.get("Example", ""):
        missing.add("Example")
    return sorted(missing)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstrings_are_complete(name):
    assert missing_sections(getattr(kaug, name)) == []


@pytest.mark.parametrize("name", transforms.__all__)
def test_docstrings_of_transforms_are_complete(name):
    cls = getattr(transforms, name)
    assert "__doc__" in vars(cls)
    assert missing_sections(cls) == []
    assert name in sections_of(cls)["Example"]


@pytest.mark.parametrize("name", transforms.__all__)
def test_methods_of_transforms_say_what_they_do_or_their_base_does(name):
    members = inspect.getmembers(getattr(transforms, name), inspect.isroutine)
    bare = [each for each, method in members if not inspect.getdoc(method)]
    assert [each for each in bare if not each.startswith("_")] == []


def test_an_incomplete_docstring_is_noticed():
    def function(x: int, y: int) -> int:
        """Adds.

        Args:
            x: One number.
            z: A number that is not there.

        Returns:
            The sum.

        Example:
            None.
        """
        return x + y

    assert missing_sections(function) == ["Example", "Raises", "y", "z"]
    assert "Args" in missing_sections(lambda x: x)


def test_an_incomplete_docstring_of_a_class_is_noticed():
    class Turn:
        """Turns.

        Args:
            degrees: How far.
        """

        def __init__(self, degrees, p):
            pass

    assert missing_sections(Turn) == ["Example", "p"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(page):
    links = _LINK.findall(page.read_text(encoding="utf-8"))
    places = {(page.parent / link).resolve() for link in links} - {GALLERY}
    assert [place for place in places if not place.exists()] == []


def test_every_korean_page_has_an_english_one():
    assert {page for page in PAGES if "ko" in (page.parent.name, *page.name.split("."))} == set(
        KOREAN
    )


def skeleton(page):
    """Returns what a translation leaves as it is: code, numbers in tables, links and the like."""
    text = page.read_text(encoding="utf-8")
    code = re.findall(r"^```(?:python|console|text)\n.*?^```$", text, re.M | re.S)
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    rows = re.findall(r"^\|.*$", prose, re.M)
    links = {(page.parent / link).resolve() for link in _LINK.findall(prose)}
    links = {KOREAN.get(link, link) for link in links} - {page, KOREAN.get(page, page)}
    return {
        "code": code,
        "headings": re.findall(r"^#+", prose, re.M),
        "numbers": [re.findall(r"\d[\d.,]*", row) for row in rows],
        "links": links,
    }


@pytest.mark.parametrize(("korean", "english"), KOREAN.items(), ids=lambda page: page.name)
def test_a_korean_page_says_what_the_english_one_does(korean, english):
    ours, theirs = skeleton(korean), skeleton(english)
    for part, expected in theirs.items():
        assert ours[part] == expected, f"the {part} of {korean.relative_to(ROOT)}"


@pytest.mark.parametrize(("korean", "english"), KOREAN.items(), ids=lambda page: page.name)
def test_translations_link_to_each_other(korean, english):
    for page, other, language in ((korean, english, "English"), (english, korean, "한국어")):
        link = re.search(rf"^\[{language}\]\((.*)\)$", page.read_text(encoding="utf-8"), re.M)
        assert (page.parent / link[1]).resolve() == other


def loaded(name):
    """Returns one of the modules that make pictures for the documentation."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_transform_is_in_the_gallery():
    gallery = loaded("make_gallery")
    shown = {type(each).__name__ for section in gallery.SECTIONS.values() for each in section}
    assert shown == set(transforms.__all__) - {"Draws", "Transform"}
    for images, made in gallery.made_of(transforms.Rotation(30)):
        strip = gallery.strip(images, made)
        assert strip.shape[0] == gallery.HEIGHT
        assert strip.std() > 10
        assert max(gallery.thumbnail(images, made).size) == gallery.THUMBNAIL


def test_the_table_of_transforms_says_what_travels():
    instances = make_reference._instances()
    told = {name: make_reference.travels(instances[name]) for name in TRAVELS}
    assert told == TRAVELS
    table = make_reference.expand("% table of transforms")
    for name in instances:
        assert f"`~kaug.transforms.{name}`" in table
    layers = {name for name in instances if not make_reference.in_layer(instances[name])}
    assert layers == {"Corruption", "GlassBlur"}


def test_the_build_makes_the_figures_that_the_pages_show(tmp_path):
    loaded("make_figures").main(tmp_path)
    made = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert set(made) == set(re.findall(r"^(?:- )?```\{image\} \S*figures/(\S+)$", text, re.M))
    assert all(10_000 < size < 200_000 for size in made.values()), made
    # The README, which no build makes, shows copies.
    for name in ("augmented.png", "home.jpg"):
        paths = (tmp_path / name, DOCS / "_static" / name)
        figure, copy = (np.int16(Image.open(path).convert("L")) for path in paths)
        assert np.abs(figure - copy).mean() < 1, name


def test_the_readme_tells_the_accuracies_that_were_measured():
    report = loaded("make_figures").accuracy_report
    measured = report.longest(report.read())
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `([\w-]+)` \|.*\| ([\d.]+) \|$", text, re.M)
    assert [arm for arm, _ in told] == ["best-none", "best"]
    assert all(len(measured[arm]) >= 3 for arm, _ in told)
    harm = re.search(r"from (?P<none>0\.\d+) to (?P<online>0\.\d+) if", text)
    for arm, accuracy in [*told, *harm.groupdict().items()]:
        assert f"{np.mean([run['accuracy'] for run in measured[arm]]):.4f}" == accuracy
    korean = (ROOT / "README.ko.md").read_text(encoding="utf-8")
    assert re.findall(r"0\.\d{4}", korean) == re.findall(r"0\.\d{4}", text)


def test_how_many_times_fewer_pictures_do_is_what_was_measured():
    report = loaded("make_figures").few_pictures_report
    found = report.accuracies(report.comparable(report.read()))
    measured = [f"{number:.1f}" for number in report.in_one_number(report.worth(found))]
    for page in ("README.md", "README.ko.md", "docs/index.md", "docs/ko/index.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        told = re.search(r"(\d\.\d)( times|배).*?(\d\.\d)( to |배에서 )(\d\.\d)", text, re.S)
        assert [told[1], told[3], told[5]] == measured, page


def test_the_home_page_tells_what_was_measured():
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    told = text.split("## Measured")[1].split("\n## ")[0]
    numbers = set(re.findall(r"\d+\.\d+", told))
    results = DOCS.parent / "benchmarks" / "results"
    measured = "".join(path.read_text(encoding="utf-8") for path in results.glob("*.md"))
    assert len(numbers) >= 15
    assert {
        each for each in numbers if not re.search(rf"(?<![\d.]){each}(?![\d.])", measured)
    } == set()
    korean = (DOCS / "ko" / "index.md").read_text(encoding="utf-8")
    assert numbers <= set(re.findall(r"\d+\.\d+", korean))


def test_the_commands_of_the_pages_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    commands = set(re.findall(r"(?:\$ |`)make (\w+)", text))
    assert {"test", "example"} <= commands
    for command in commands:
        assert re.search(rf"^{command}:", makefile, re.M), f"make {command}"
