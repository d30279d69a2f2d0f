"""The tools behind the Makefile: no network, no root, nothing written outside tmp_path."""

import gzip
import hashlib
import importlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import kaug
from kaug import fashion_mnist

ROOT = Path(__file__).parents[1]
CONTENT = {
    "train-images-idx3-ubyte.gz": b"images",
    "train-labels-idx1-ubyte.gz": b"labels",
    "t10k-images-idx3-ubyte.gz": b"test images",
    "t10k-labels-idx1-ubyte.gz": b"test labels",
}
# What Debian's packages hold that the tools read.
PACKAGES = {
    "python3-pip-whl": ["usr/share/python-wheels/pip-23.0.1-py3-none-any.whl"],
    "ca-certificates": [
        "usr/share/ca-certificates/mozilla/first.crt",
        "usr/share/ca-certificates/mozilla/second.crt",
    ],
}


@pytest.fixture
def tools(monkeypatch):
    """The scripts as modules, imported anew and forgotten afterwards."""
    monkeypatch.syspath_prepend(ROOT / "tools")

    class Tools:
        pass

    for name in sorted(path.stem for path in (ROOT / "tools").glob("*.py")):
        monkeypatch.delitem(sys.modules, name, raising=False)
        setattr(Tools, name, importlib.import_module(name))
        monkeypatch.delitem(sys.modules, name)
    return Tools


@pytest.fixture
def fetch(tools, monkeypatch, tmp_path):
    """The data script on small files: every place is empty and every source fails."""
    module = tools.fetch_fashion_mnist
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
    monkeypatch.setattr(module, "CHECKSUMS", checksums)
    monkeypatch.setattr(module, "DEBIAN_FOLDER", tmp_path / "debian")
    monkeypatch.setattr(module, "from_keras", source_that_fails("no answer"))
    monkeypatch.setattr(module, "from_debian_package", source_that_fails("no apt"))
    return module


def source_that_fails(message):
    def source(names, scratch):
        raise OSError(message)

    return source


def source_with_files(asked):
    """A source that has every file and notes in ``asked`` which were asked for."""

    def source(names, scratch):
        asked.extend(names)
        return write_files(scratch)

    return source


def write_files(folder, names=CONTENT):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(gzip.compress(CONTENT[name]))
    return folder


class TestData:
    def test_knows_the_four_files(self, tools):
        checksums = tools.fetch_fashion_mnist.CHECKSUMS
        assert list(checksums) == list(CONTENT)
        assert all(re.fullmatch("[0-9a-f]{64}", checksum) for checksum in checksums.values())

    def test_keras_cache_follows_keras_home(self, tools, monkeypatch, tmp_path):
        monkeypatch.setenv("KERAS_HOME", str(tmp_path))
        cache = tools.fetch_fashion_mnist.keras_cache()
        assert cache == tmp_path / "datasets/fashion-mnist"
        monkeypatch.delenv("KERAS_HOME")
        cache = tools.fetch_fashion_mnist.keras_cache()
        assert cache == Path.home() / ".keras/datasets/fashion-mnist"

    def test_cache_comes_before_the_debian_folder(self, fetch, tmp_path):
        write_files(tmp_path / "debian")
        cache = write_files(tmp_path / "cache")
        assert fetch.ensure_data(cache) == cache

    def test_debian_folder_is_used_where_it_is(self, fetch, tmp_path):
        folder = write_files(tmp_path / "debian")
        assert fetch.ensure_data(tmp_path / "cache") == folder
        assert not (tmp_path / "cache").exists()

    def test_incomplete_cache_is_completed_from_the_debian_folder(self, fetch, tmp_path):
        write_files(tmp_path / "debian")
        cache = write_files(tmp_path / "cache", list(CONTENT)[:2])
        assert fetch.ensure_data(cache) == cache
        assert fetch.find_problems(cache) == {}

    def test_keras_download_comes_before_the_debian_package(self, fetch, monkeypatch, tmp_path):
        from_keras, from_package = [], []
        monkeypatch.setattr(fetch, "from_keras", source_with_files(from_keras))
        monkeypatch.setattr(fetch, "from_debian_package", source_with_files(from_package))
        cache = tmp_path / "cache"
        assert fetch.ensure_data(cache) == cache
        assert (from_keras, from_package) == (list(CONTENT), [])

    def test_debian_package_is_the_last_resort(self, fetch, monkeypatch, tmp_path):
        monkeypatch.setattr(fetch, "from_debian_package", source_with_files([]))
        cache = tmp_path / "home/cache"
        assert fetch.ensure_data(cache) == cache
        assert sorted(path.name for path in cache.iterdir()) == sorted(CONTENT)

    @pytest.mark.parametrize(
        "damaged",
        [gzip.compress(b"other"), gzip.compress(b"images" * 99)[:-9], b"<html>", b""],
        ids=["other-content", "cut-off", "no-gzip", "empty"],
    )
    def test_only_the_damaged_file_is_replaced(self, fetch, monkeypatch, tmp_path, damaged):
        asked = []
        monkeypatch.setattr(fetch, "from_keras", source_with_files(asked))
        cache = write_files(tmp_path / "cache")
        (cache / "train-images-idx3-ubyte.gz").write_bytes(damaged)
        assert fetch.ensure_data(cache) == cache
        assert asked == ["train-images-idx3-ubyte.gz"]
        assert fetch.find_problems(cache) == {}

    def test_checksum_mismatch_of_a_download_leaves_the_cache_alone(
        self, fetch, monkeypatch, tmp_path
    ):
        def source(names, scratch):
            write_files(scratch)
            (scratch / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"other"))
            return scratch

        monkeypatch.setattr(fetch, "from_keras", source)
        with pytest.raises(OSError, match=r"t10k-labels-idx1-ubyte\.gz is damaged \(SHA-256"):
            fetch.ensure_data(tmp_path / "cache")
        assert not (tmp_path / "cache").exists()

    def test_error_names_every_place_its_reason_and_the_cure(self, fetch, tmp_path):
        with pytest.raises(OSError, match="could not be fetched") as caught:
            fetch.ensure_data(tmp_path / "cache")
        for part in (
            f"{tmp_path / 'cache'}: train-images-idx3-ubyte.gz is missing",
            f"{tmp_path / 'debian'}: train-images-idx3-ubyte.gz is missing",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/: no answer",
            "Debian's package dataset-fashion-mnist: no apt",
            "sudo apt install dataset-fashion-mnist",
        ):
            assert part in str(caught.value)


class TestDebian:
    @pytest.fixture
    def commands(self, tools, monkeypatch):
        """The commands debian.download_package runs, of which the first download fails."""
        run = []

        def fake(command, folder):
            run.append(command)
            if "download" in command:
                if sum("download" in earlier for earlier in run) == 1:
                    raise OSError("E: Unable to locate package")
                (folder / "name_1_all.deb").touch()
            return []

        monkeypatch.setattr(tools.debian, "_run", fake)
        monkeypatch.setattr(tools.debian.shutil, "which", lambda program: f"/usr/bin/{program}")
        return run

    def test_stale_lists_are_replaced_by_private_ones(self, tools, commands, tmp_path):
        tree = tools.debian.download_package("name", tmp_path)
        assert tree.parent == tmp_path
        assert [command[0] for command in commands] == ["apt-get"] * 3 + ["dpkg-deb"]
        for command in commands[1:3]:
            state = next(part for part in command if part.startswith("--option=Dir::State="))
            assert state.removeprefix("--option=Dir::State=").startswith(str(tmp_path))

    def test_a_machine_without_apt_says_so(self, tools, monkeypatch, tmp_path):
        monkeypatch.setattr(tools.debian.shutil, "which", lambda program: None)
        with pytest.raises(OSError, match="apt-get is not on this machine"):
            tools.debian.download_package("name", tmp_path)

    def test_a_failed_command_gives_its_message(self, tools, tmp_path):
        with pytest.raises(OSError, match="sh failed: first; second"):
            tools.debian._run(["sh", "-c", "echo first >&2; echo second >&2; exit 3"], tmp_path)


class TestVenv:
    def test_old_python_is_told_what_to_do(self, tools):
        problem = tools.make_venv.python_problem((3, 9, 2))
        assert "Python 3.11 or newer. Received: Python 3.9.2" in problem
        assert "make PYTHON=" in problem

    def test_python_versions_agree_with_the_metadata(self, tools):
        oldest = ".".join(map(str, tools.make_venv.OLDEST_PYTHON))
        metadata = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        assert f'requires-python = ">={oldest}"' in metadata
        assert tools.make_venv.python_problem((3, 11, 0)) is None

    def test_every_way_is_tried_in_order(self, tools, monkeypatch):
        tried = []

        def way(name):
            def install(python, scratch):
                tried.append(name)
                if name != "debian":
                    raise OSError(f"{name} is out")

            return install

        for name in ("ensurepip", "installed_pip", "debian"):
            monkeypatch.setattr(tools.make_venv, f"pip_from_{name}", way(name))
        assert tools.make_venv.install_pip(Path("python")) == "Debian's python3-pip-whl"
        assert tried == ["ensurepip", "installed_pip", "debian"]

        monkeypatch.setattr(tools.make_venv, "pip_from_debian", way("apt"))
        with pytest.raises(OSError, match="sudo apt install python3-venv") as caught:
            tools.make_venv.install_pip(Path("python"))
        assert "Python's ensurepip: ensurepip is out" in str(caught.value)
        assert "Debian's python3-pip-whl: apt is out" in str(caught.value)

    @pytest.fixture
    def package(self, tools, monkeypatch):
        """Debian's packages, as they unpack, and the commands that were run."""
        run = []

        def download(name, scratch):
            tree = scratch / f"{name}-tree"
            for file in PACKAGES[name]:
                (tree / file).parent.mkdir(parents=True, exist_ok=True)
                (tree / file).write_text(f"{Path(file).stem}\n")
            return tree

        monkeypatch.setattr(tools.make_venv.debian, "download_package", download)
        monkeypatch.setattr(tools.make_venv, "_run", run.append)
        return run

    def test_pip_is_run_from_debians_wheel(self, tools, package, monkeypatch, tmp_path):
        monkeypatch.setattr(tools.make_venv, "SYSTEM_CERTIFICATES", tmp_path)
        tools.make_venv.pip_from_debian(Path("python"), tmp_path)
        wheels = tmp_path / "python3-pip-whl-tree/usr/share/python-wheels"
        pip = wheels / "pip-23.0.1-py3-none-any.whl/pip"
        assert package == [[Path("python"), pip, "install", "pip"]]

    def test_debians_authorities_where_a_machine_has_none(
        self, tools, package, monkeypatch, tmp_path
    ):
        monkeypatch.setattr(tools.make_venv, "SYSTEM_CERTIFICATES", tmp_path / "none")
        tools.make_venv.pip_from_debian(Path("python"), tmp_path)
        option, bundle = package[0][3:5]
        assert option == "--cert"
        assert bundle.read_text().split() == ["first", "second"]

    def test_a_package_without_the_wheel_says_so(self, tools, package, monkeypatch, tmp_path):
        monkeypatch.setitem(PACKAGES, "python3-pip-whl", ["usr/share/doc/copyright"])
        with pytest.raises(OSError, match="holds no pip wheel"):
            tools.make_venv.pip_from_debian(Path("python"), tmp_path)
        assert package == []

    def test_half_made_environment_is_repaired(self, tools, monkeypatch, tmp_path, capsys):
        folder = tmp_path / "venv"
        (folder / "bin").mkdir(parents=True)
        (folder / "bin/python").symlink_to("/nowhere/python")
        (folder / "pyvenv.cfg").touch()
        monkeypatch.setattr(tools.make_venv, "install_pip", lambda python: "a test")
        monkeypatch.setattr(sys, "argv", ["make_venv.py", str(folder)])
        tools.make_venv.main()
        assert "its pip from a test" in capsys.readouterr().out
        subprocess.run([folder / "bin/python", "-c", "pass"], check=True)

    def test_folder_that_is_no_environment_loses_nothing(self, tools, monkeypatch, tmp_path):
        (tmp_path / "thesis.txt").write_text("years of work")
        monkeypatch.setattr(tools.make_venv, "install_pip", lambda python: "a test")
        monkeypatch.setattr(sys, "argv", ["make_venv.py", str(tmp_path)])
        tools.make_venv.main()
        assert (tmp_path / "thesis.txt").read_text() == "years of work"


class TestLinks:
    PAGE = '<h1 id="top">A</h1><a href="{}">b</a><img src="b.png"><a href="https://x.y/z#q">z</a>'

    @pytest.fixture
    def broken(self, tools, tmp_path):
        """A function that returns what is wrong with a site whose first page has this link."""

        def find(link):
            site = tmp_path / "html"
            (site / "sub").mkdir(parents=True)
            (site / "index.html").write_text(self.PAGE.format(link), encoding="utf-8")
            (site / "sub/index.html").write_text('<p id="a b"><a name="old">', encoding="utf-8")
            (site / "b.png").touch()
            (tmp_path / "beside.html").touch()
            links = tools.check_links
            return links.find_broken(site, links.read_pages(site))

        return find

    @pytest.mark.parametrize(
        "link",
        [
            "#top",
            "index.html",
            "sub/",
            "sub/index.html#a%20b",
            "sub#old",
            "/sub/",
            "b.png?v=1",
            "#",
        ],
    )
    def test_good_links(self, broken, link):
        assert broken(link) == []

    @pytest.mark.parametrize(
        ("link", "reason"),
        [
            ("gone.html", "no such file"),
            ("sub/index.html#top", "no such anchor"),
            ("#nowhere", "no such anchor"),
            ("../beside.html", "outside the documentation"),
        ],
    )
    def test_broken_links(self, broken, link, reason):
        assert broken(link) == [f"index.html: {link}: {reason}"]

    def test_the_command_fails(self, tools, monkeypatch, tmp_path):
        monkeypatch.setattr(sys, "argv", ["check_links.py", str(tmp_path)])
        with pytest.raises(SystemExit, match="holds no HTML"):
            tools.check_links.main()
        (tmp_path / "a.html").write_text('<a href="gone">', encoding="utf-8")
        with pytest.raises(SystemExit, match=r"a\.html: gone: no such file\n1 broken links in 1"):
            tools.check_links.main()


class TestFiles:
    @pytest.mark.parametrize(
        ("name", "content", "problem"),
        [
            ("a.txt", b"a\n", None),
            ("empty.py", b"", None),
            ("a.png", b"\0 ", None),
            ("a.txt", b"a", "exactly one newline"),
            ("a.txt", b"a\n\n", "exactly one newline"),
            ("a.txt", b"a \nb\n", "white space"),
            ("a.txt", b"a\r\n", "white space"),
            ("a.png", b"\0" * 500_001, "500001 bytes"),
            ("a.toml", b"a = [\n", "no TOML"),
            ("a.toml", b"a = 1\n", None),
            ("a.yml", b"a: [1\n", "no YAML"),
            ("a.yml", b"a: [1]\n", None),
        ],
    )
    def test_problems(self, tools, tmp_path, name, content, problem):
        if name.endswith(".yml"):
            pytest.importorskip("yaml")
        (tmp_path / name).write_bytes(content)
        found = list(tools.check_files.problems(tmp_path / name))
        assert len(found) == (problem is not None)
        assert all(problem in line for line in found)


class TestRelease:
    @pytest.mark.parametrize(
        ("version", "tags", "problem"),
        [
            ("0.1.0", [], None),
            ("0.10.0", ["v0.9.0", "v0.2.0", "nightly"], None),
            ("0.9.0", ["v0.10.0", "v0.2.0"], "not newer than v0.10.0"),
            ("0.1.0", ["0.1.0"], "not newer than 0.1.0"),
            ("0.1", [], "not of the form"),
        ],
    )
    def test_version(self, tools, version, tags, problem):
        found = tools.release_check.version_problem(version, tags)
        assert found is None if problem is None else problem in found

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("# Changelog\n\n## 0.2.0, 2027-01-31\n\n## 0.1.0, 2026-12-01\n", None),
            ("## 0.2.0, not yet released\n", "no date but 'not yet released'"),
            ("## 0.1.0, 2026-12-01\n", "first section is of 0.1.0, not 0.2.0"),
            ("# Changelog\n", "of nothing"),
        ],
    )
    def test_changelog(self, tools, text, problem):
        found = tools.release_check.changelog_problem("0.2.0", text)
        assert found is None if problem is None else problem in found

    def test_citation(self, tools):
        problem = tools.release_check.citation_problem
        assert problem("0.2.0", "cff-version: 1.2.0\nversion: 0.2.0\n") is None
        assert problem("0.2.0", 'version: "0.2.0"\n') is None
        assert "names version 0.1.0" in problem("0.2.0", "version: 0.1.0\n")
        assert "names version None" in problem("0.2.0", "cff-version: 0.2.0\n")

    def test_wheel(self, tools):
        package = {"kaug/__init__.py", "kaug/py.typed"}
        info = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
        names = {*package, *(f"kaug-0.1.0.dist-info/{name}" for name in info)}
        problem = tools.release_check.wheel_problem
        assert problem(names, package, "0.1.0") is None
        assert "lacks kaug/py.typed" in problem(names - {"kaug/py.typed"}, package, "0.1.0")
        assert "should not hold tests/a.py" in problem(names | {"tests/a.py"}, package, "0.1.0")
        lacks = problem({name for name in names if "LICENSE" not in name}, package, "0.1.0")
        assert "lacks kaug-0.1.0.dist-info/licenses/LICENSE" in lacks

    def test_sdist(self, tools):
        problem = tools.release_check.sdist_problem
        names = ["kaug-0.1.0/PKG-INFO", "kaug-0.1.0/tests/a.py"]
        assert problem(names, ["tests/a.py"], "0.1.0") is None
        assert "lacks kaug-0.1.0/tests/b.py" in problem(
            names, ["tests/a.py", "tests/b.py"], "0.1.0"
        )
        assert "should not hold kaug-0.1.0/tests/a.py" in problem(names, [], "0.1.0")

    def test_the_first_failure_is_the_last_step(self, tools, capsys):
        release, ran = tools.release_check, []

        def fail():
            raise release.StepError("it is wrong. Do this.")

        steps = {"one": lambda: ran.append(1), "two": fail, "three": lambda: ran.append(3)}
        assert not release.run_steps(steps)
        assert capsys.readouterr().out == "✓ one\n✗ two: it is wrong. Do this.\n"
        assert ran == [1]
        assert release.run_steps({"one": steps["one"]})

    def test_the_files_of_this_checkout_agree(self, tools):
        citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
        assert tools.release_check.citation_problem(kaug.__version__, citation) is None

    def test_the_version_is_read_without_an_import(self, tools, tmp_path, monkeypatch):
        release = tools.release_check
        module = tmp_path / "src/kaug/_version.py"
        module.parent.mkdir(parents=True)
        module.write_text('"""Text."""\n\n__version__ = "1.2.3"\n', encoding="utf-8")
        monkeypatch.setattr(release, "ROOT", tmp_path)
        assert release.package_version() == "1.2.3"
        module.write_text("version = 1\n", encoding="utf-8")
        with pytest.raises(release.StepError, match="no __version__"):
            release.package_version()


def test_the_matrix_tries_what_the_metadata_claims():
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    tried = re.search(r"python-version: \[(.*)\]", workflow)[1]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    claimed = re.findall(r"Programming Language :: Python :: (\d\.\d+)", str(project))
    assert re.findall(r'"(.*?)"', tried) == claimed


def test_no_file_names_a_package_index():
    # Where packages come from is for pip's own configuration to say, on every machine anew.
    named = re.compile(r"pypi\.(org|python)|pythonhosted|download\.pytorch|index-url|INDEX_URL")
    patterns = [
        "Makefile",
        "*.toml",
        "*.md",
        ".ci/run",
        ".github/**/*.yml",
        "docs/**/*.md",
        "tools/*",
    ]
    files = [path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()]
    assert {"Makefile", "pyproject.toml", "run", "ci.yml"} <= {path.name for path in files}
    assert [str(path) for path in files if named.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
@pytest.mark.parametrize("torch", ["torch", "torch==2.13.0"])
def test_pytorch_is_what_was_asked_for(torch):
    chosen = [] if torch == "torch" else [f"TORCH={torch}"]
    command = ["make", "-n", "-C", ROOT, "test-torch", *chosen]
    environment = {name: value for name, value in os.environ.items() if name != "TORCH"}
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert f'pip install "{torch}" --editable ".[tests]"' in printed.stdout


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_each_backend_runs_the_same_tests(backend):
    command = ["make", "-n", "-C", ROOT, f"test-{backend}"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (run,) = [line for line in printed.splitlines() if "pytest" in line]
    assert run.startswith(f"KERAS_BACKEND={backend} ")
    files = [word for word in run.split("pytest ")[1].split() if word.endswith(".py")]
    datasets = ("online", "online_sampling", "per_class", "schedule", "compare")
    names = ("layers", *datasets, "any_size", "generators", "layer_targets", "layers_mixing")
    contract = "tests/contracts/test_every_tensor.py"
    assert files == [*(f"tests/test_{name}.py" for name in names), contract]
    assert all((ROOT / file).is_file() for file in files)


@pytest.mark.parametrize(("asked", "runs"), [(None, False), ("", False), ("1", True)])
def test_pytorch_is_installed_only_where_it_is_asked_for(monkeypatch, tmp_path, asked, runs):
    make = tmp_path / "make"
    make.write_text('#!/bin/sh\necho "$@"\n')
    make.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("KAUG_CI_TORCH", raising=False)
    if asked is not None:
        monkeypatch.setenv("KAUG_CI_TORCH", asked)
    command = ["bash", ROOT / ".ci/run"]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert {"lint", "typecheck", "docs", "wheel", "test", "test-jax"} == {*made} - {"test-torch"}
    assert ("test-torch" in made) == runs


def test_help_lists_every_target():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile.replace("\\\n", ""), re.M)[1].split()
    explained = re.findall(r"^([a-z-]+):.*## ", makefile, re.M)
    assert sorted(explained) == sorted(phony)


def test_the_tool_and_the_loader_agree(tools):
    # The tool runs before anything is installed, so it cannot import the loader's tables.
    tool = tools.fetch_fashion_mnist
    expected = {f"{name}.gz": checksum for name, checksum in fashion_mnist._SHA256.items()}
    assert expected == tool.CHECKSUMS
    assert tool.DEBIAN_FOLDER == fashion_mnist._DEBIAN_FOLDER
    assert tool.KERAS_URL == fashion_mnist._ORIGIN
    assert tool.keras_cache() == fashion_mnist._keras_home() / fashion_mnist._CACHE_SUBDIR
