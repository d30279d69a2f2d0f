import importlib.util
import itertools
import os
import shutil
import subprocess
import sys
import zipapp
from pathlib import Path

import numba
import pytest
from numba.core import caching as numbas

import kaug
from kaug._kernels import caching

_names = itertools.count()


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """Returns a function that imports one kernel, from the same file every time, kept beside it."""
    monkeypatch.setattr(numba.core.config, "CACHE_DIR", "")  # whatever NUMBA_CACHE_DIR says
    file = tmp_path / "kernel_of_this_test.py"
    file.write_text("from kaug._kernels import jit\n\n\n@jit\ndef plus_one(x):\n    return x + 1\n")

    def load():
        spec = importlib.util.spec_from_file_location(f"kernel_{next(_names)}", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.plus_one

    return load


@pytest.fixture(autouse=True)
def _nothing_said_yet(monkeypatch):
    monkeypatch.setattr(caching, "told", [])


def _hits(function):
    return sum(function.stats.cache_hits.values())


def test_what_was_compiled_is_kept(kernel):
    first, second = kernel(), kernel()
    assert (first(1), second(1)) == (2, 2)
    assert (_hits(first), _hits(second)) == (0, 1)


def test_nothing_old_runs_when_any_kernel_has_changed(kernel, monkeypatch):
    kernel()(1)
    monkeypatch.setattr(caching, "kernels_stamp", lambda: "of another version")
    other = kernel()
    assert other(1) == 2
    assert _hits(other) == 0
    again = kernel()
    again(1)
    assert _hits(again) == 1


def test_the_stamp_knows_every_file_of_kernels_and_the_version(monkeypatch, tmp_path):
    folder = tmp_path / "kernels"
    shutil.copytree(Path(caching.__file__).parent, folder)
    monkeypatch.setattr(caching.resources, "files", lambda _: folder)

    def stamp():
        caching.kernels_stamp.cache_clear()
        return caching.kernels_stamp()

    try:
        before = stamp()
        assert stamp() == before
        for file in folder.glob("*.py"):
            text = file.read_bytes()
            file.write_bytes(text + b"\n")
            assert stamp() != before, file.name
            file.write_bytes(text)
        (folder / "warp.py").rename(folder / "warped.py")
        assert stamp() != before
        (folder / "warped.py").rename(folder / "warp.py")
        monkeypatch.setattr(caching, "__version__", "0.0")
        assert stamp() != before
    finally:
        caching.kernels_stamp.cache_clear()


@pytest.mark.parametrize("kind", ["*.nbi", "*.nbc"])
@pytest.mark.parametrize("content", [b"", b"\x80\x05nonsense"])
def test_a_damaged_cache_is_made_anew(kernel, tmp_path, kind, content):
    kernel()(1)
    (file,) = (tmp_path / "__pycache__").glob(kind)
    file.write_bytes(content)
    damaged, mended = kernel(), kernel()
    assert (damaged(1), mended(1)) == (2, 2)
    assert (_hits(damaged), _hits(mended)) == (0, 1)


def test_a_full_disk_does_not_stop_a_call(kernel, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(numbas.IndexDataCacheFile, "save", full)
    one, other = kernel(), kernel()
    with pytest.warns(UserWarning, match=r"cannot be written \(.*No space left.*NUMBA_CACHE_DIR"):
        assert one(1) == 2
    assert other(1) == 2  # said once


@pytest.mark.parametrize("home", ["can be written to", "cannot be written to"])
def test_a_folder_that_can_only_be_read_is_read(kernel, tmp_path, monkeypatch, home):
    kernel()(1)
    ahead, write = tmp_path / "__pycache__", numbas._CacheLocator.ensure_cache_path

    def refuse(locator):
        if home == "cannot be written to" or Path(locator.get_cache_path()) == ahead:
            raise OSError(13, "Permission denied")
        write(locator)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(numbas._CacheLocator, "ensure_cache_path", refuse)
    monkeypatch.setattr(caching.os, "access", lambda place, _: Path(place) != ahead)
    before = sorted(ahead.iterdir())
    first, second = kernel(), kernel()
    assert (first(1), _hits(first)) == (2, 1)
    if home == "can be written to":
        for function, hits in ((first, 1), (second, 1)):  # what was not there is kept at home
            assert (function(1.5), _hits(function)) == (2.5, hits)
        assert list((tmp_path / "home").rglob("*.nbc"))
    else:
        with pytest.warns(UserWarning, match=r"no such place.*Set NUMBA_CACHE_DIR to a folder"):
            assert first(1.5) == 2.5
    assert sorted(ahead.iterdir()) == before
    monkeypatch.setattr(caching.os, "access", lambda *_: True)  # another could have put it there
    third = kernel()
    if home == "can be written to":
        assert (third(1), _hits(third)) == (2, 0)


@pytest.fixture
def _nowhere(monkeypatch):
    for locator in numbas.CompileResultCacheImpl._locator_classes:
        monkeypatch.setattr(locator, "from_function", classmethod(lambda *_: None))


@pytest.mark.usefixtures("_nowhere")
def test_without_a_place_to_keep_them_kernels_are_compiled_in_memory(kernel):
    one, other = kernel(), kernel()
    with pytest.warns(UserWarning, match=r"no such place.*Set NUMBA_CACHE_DIR to a folder"):
        assert one(1) == 2
    assert other(1) == 2  # said once
    assert one.stats.cache_path is None


def test_with_a_numba_that_has_its_cache_elsewhere_its_own_is_used(kernel, monkeypatch):
    monkeypatch.setattr(caching, "FunctionCache", None)
    function = kernel()
    assert function(1) == 2
    assert type(function._cache) is numbas.FunctionCache


def test_kernels_that_are_not_compiled_are_left_alone(kernel, monkeypatch):
    monkeypatch.setattr(numba.core.config, "DISABLE_JIT", True)
    assert kernel()(1) == 2


def test_kaug_runs_out_of_an_archive(tmp_path):
    source = tmp_path / "app"
    shutil.copytree(
        Path(kaug.__file__).parent, source / "kaug", ignore=shutil.ignore_patterns("__pycache__")
    )
    (source / "__main__.py").write_text(
        "import numpy as np\nfrom kaug.transforms import Invert\n"
        "print(Invert()(np.full((1, 2, 3, 1), 5, 'uint8'), seed=0).ravel())\n"
    )
    zipapp.create_archive(source, tmp_path / "app.pyz")
    environment = {name: os.environ[name] for name in os.environ if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-P", tmp_path / "app.pyz"],
        capture_output=True, text=True, env=environment, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout == "[250 250 250 250 250 250]\n", done.stderr
    assert done.stderr.count("Install kaug into a folder, not into an archive") == 1
