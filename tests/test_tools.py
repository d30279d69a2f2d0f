"""The tools behind the Makefile: no network, no root, nothing written outside tmp_path."""

import gzip
import hashlib
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kaug import fashion_mnist

ROOT = Path(__file__).parents[1]
CONTENT = {
    "train-images-idx3-ubyte.gz": b"images",
    "train-labels-idx1-ubyte.gz": b"labels",
    "t10k-images-idx3-ubyte.gz": b"test images",
    "t10k-labels-idx1-ubyte.gz": b"test labels",
}


@pytest.fixture
def tools(monkeypatch):
    """The three scripts as modules, imported anew and forgotten afterwards."""
    monkeypatch.syspath_prepend(ROOT / "tools")

    class Tools:
        pass

    for name in ("debian", "fetch_fashion_mnist", "make_venv"):
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

        for name in ("ensurepip", "installed_pip", "debian", "index"):
            monkeypatch.setattr(tools.make_venv, f"pip_from_{name}", way(name))
        assert tools.make_venv.install_pip(Path("python")) == "Debian's python3-pip-whl"
        assert tried == ["ensurepip", "installed_pip", "debian"]

        monkeypatch.setattr(tools.make_venv, "pip_from_debian", way("network"))
        with pytest.raises(OSError, match="sudo apt install python3-venv") as caught:
            tools.make_venv.install_pip(Path("python"))
        assert "the package index: index is out" in str(caught.value)

    def test_newest_final_release_of_pip(self, tools):
        listed = {"9.0.3": False, "25.1": False, "26.0b1": False, "25.2": "broken", "24.3.1": False}
        files = [
            {"filename": f"pip-{version}-py3-none-any.whl", "yanked": yanked}
            for version, yanked in listed.items()
        ]
        files.append({"filename": "pip-99.0.tar.gz", "yanked": False})
        newest = tools.make_venv.newest_wheel(files)
        assert newest["filename"] == "pip-25.1-py3-none-any.whl"

    def test_a_wheel_with_another_checksum_is_not_run(self, tools, monkeypatch, tmp_path):
        page = (
            b'{"files": [{"filename": "pip-25.1-py3-none-any.whl", "url": "pip.whl",'
            b' "hashes": {"sha256": "00"}}]}'
        )
        monkeypatch.setattr(tools.make_venv, "_download", lambda url, accept="": page)
        monkeypatch.setattr(tools.make_venv, "_run", lambda *a, **k: pytest.fail("it was run"))
        with pytest.raises(OSError, match=r"pip\.whl has SHA-256 \w+, not 00"):
            tools.make_venv.pip_from_index(Path("python"), tmp_path)

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


def test_help_lists_every_target():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.M)[1].split()
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
