import contextlib
import gc
import os
import re
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import kaug
from kaug._kernels import announcing, caching, parts

LINE = "kaug: compiling kernels for this machine, which takes some seconds, once. `kaug warmup`"


@pytest.fixture(autouse=True)
def _new_process(monkeypatch):
    """As if nothing had been compiled or said, and with little patience."""
    monkeypatch.delenv("KAUG_QUIET")
    monkeypatch.setattr(announcing, "_PATIENCE", 0.05)
    for name, value in {"_announced": False, "_waited": 0.0, "_ended": float("-inf")}.items():
        monkeypatch.setattr(announcing, name, value)


def compile_for(seconds, pause=0.0):
    with announcing.compiling():
        time.sleep(seconds)
    time.sleep(pause)


def test_it_is_said_once_and_while_it_lasts(capsys):
    with announcing.compiling():
        time.sleep(0.5)
        out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(LINE)
    compile_for(0.2)
    assert capsys.readouterr() == ("", "")


def test_whatever_thread_compiles(capsys):
    thread = threading.Thread(target=compile_for, args=(0.5,))
    thread.start()
    thread.join()
    assert capsys.readouterr().err.startswith(LINE)


def test_what_is_short_is_not_worth_a_line(capsys, monkeypatch):
    monkeypatch.setattr(announcing, "_PATIENCE", 30)
    compile_for(0.1)
    time.sleep(0.1)
    assert capsys.readouterr().err == ""


def test_kernels_that_follow_each_other_are_one_wait(capsys, monkeypatch):
    monkeypatch.setattr(announcing, "_PATIENCE", 0.3)
    for _ in range(4):
        compile_for(0.15)
    assert capsys.readouterr().err.startswith(LINE)


def test_after_a_pause_another_wait_begins(capsys, monkeypatch):
    monkeypatch.setattr(announcing, "_PATIENCE", 2)
    monkeypatch.setattr(announcing, "_PAUSE", 0.01)
    for _ in range(3):
        compile_for(0.8, pause=0.1)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("value", "quiet"), [("1", True), ("yes", True), ("0", False), ("", False)]
)
def test_a_variable_hides_it(capsys, monkeypatch, value, quiet):
    monkeypatch.setenv("KAUG_QUIET", value)
    compile_for(0.4)
    assert (capsys.readouterr().err == "") is quiet


def test_calls_that_are_to_say_nothing_hide_it_and_others_do_not(capsys):
    with announcing.silence(True), announcing.silence(False):
        compile_for(0.3)
    assert capsys.readouterr().err == ""
    compile_for(0.3)
    assert capsys.readouterr().err.startswith(LINE)


@pytest.mark.parametrize(("verbose", "silent"), [(0, 1), ("auto", 0)])
def test_verbose_zero_is_such_a_call(monkeypatch, verbose, silent):
    seen = []

    def look(images):
        seen.append(announcing._silent)
        return images

    x = np.zeros((2, 3, 4, 1), np.uint8)
    kaug.augment_dataset(x, None, 2, look, seed=0, verbose=verbose)
    assert set(seen) == {silent}
    assert announcing._silent == 0


def test_where_none_can_be_kept_it_does_not_say_once(capsys, monkeypatch):
    monkeypatch.setattr(announcing, "often", announcing.often)
    monkeypatch.setattr(caching, "told", [("", "a fix")])
    caching._say("no such place", "a fix")
    compile_for(0.4)
    assert "this machine, since none can be kept, in each process." in capsys.readouterr().err


def test_a_kernel_that_is_compiled_is_waited_for(capsys, monkeypatch):
    monkeypatch.setattr(announcing, "_PATIENCE", 0.0)
    kernel = parts.compiled(lambda x: x + 1)
    assert kernel(1) == 2
    assert capsys.readouterr().err.startswith(LINE)
    monkeypatch.setattr(announcing, "_announced", False)
    assert kernel(2) == 3  # it is there
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_is_collected_afterwards_if_it_was_before(enabled):
    (gc.enable if enabled else gc.disable)()
    try:
        with contextlib.suppress(KeyError), announcing.compiling(), announcing.compiling():
            assert not gc.isenabled()
            raise KeyError
        assert gc.isenabled() is enabled
    finally:
        gc.enable()


def test_nothing_is_said_where_kernels_were_kept(tmp_path):
    code = (
        "import numpy as np\nfrom kaug._kernels import announcing\n"
        "announcing._PATIENCE = 0.0\nfrom kaug.transforms import Invert\n"
        "Invert()(np.zeros((1, 2, 3, 1), 'float32'), seed=0)\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    lines = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env=environment,
            check=True,
        ).stderr
        for _ in range(2)
    ]
    assert re.match(re.escape(LINE), lines[0])
    assert lines[1] == ""
