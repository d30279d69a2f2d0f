"""The pool covers every item once, never waits for itself, and survives a fork."""

import os
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest

from kaug import _parallel, _processors
from kaug._validation import warn
from kaug.transforms import Brightness, Transform


@pytest.fixture(autouse=True)
def _two_threads(monkeypatch):
    monkeypatch.setenv("KAUG_NUM_THREADS", "2")
    monkeypatch.setattr(_processors, "_kept_quota", lambda: None)  # as outside a container


def covered(count, **options):
    """How often `run` visits each item, and the threads it does so from."""
    visits, threads = [0] * count, set()

    def task(start, stop):
        assert 0 <= start < stop <= count
        threads.add(threading.current_thread())
        for i in range(start, stop):
            visits[i] += 1

    _parallel.run(task, count, **options)
    return visits, threads


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 100])
@pytest.mark.parametrize("grain", [1, 3, 1000])
def test_every_item_is_visited_once(count, grain):
    visits, _ = covered(count, grain=grain)
    assert visits == [1] * count


def test_no_items_no_calls():
    _parallel.run(lambda start, stop: pytest.fail("called"), 0)


def test_both_threads_work_at_the_same_time():
    both = threading.Barrier(2, timeout=30)
    met = []

    def task(start, stop):
        if start == 0 or stop == 100:
            both.wait()
            met.append(threading.current_thread())

    _parallel.run(task, 100)
    assert len(set(met)) == 2
    assert threading.current_thread() in met


def test_pieces_are_no_smaller_than_the_grain():
    sizes = []
    _parallel.run(lambda start, stop: sizes.append(stop - start), 100, grain=30)
    assert sum(sizes) == 100
    assert len(sizes) == 3
    assert min(sizes) >= 30


@pytest.mark.parametrize("threads", ["1", "2"])
def test_little_work_and_one_thread_stay_in_the_caller(monkeypatch, threads):
    monkeypatch.setenv("KAUG_NUM_THREADS", threads)
    _, used = covered(100, grain=1 if threads == "1" else 51)
    assert used == {threading.current_thread()}


def test_nested_runs_stay_in_their_thread():
    inner = []

    def task(start, stop):
        mine = threading.current_thread()
        _parallel.run(lambda a, b: inner.append((mine, threading.current_thread())), 50)

    _parallel.run(task, 8)
    assert len(inner) == 8
    assert all(mine is nested for mine, nested in inner)


def test_the_first_exception_comes_out_after_all_pieces_ended():
    ended = []

    def task(start, stop):
        if start == 0:
            time.sleep(0.05)
            raise KeyError("first")
        if stop == 8:
            raise OSError("last")
        time.sleep(0.02)
        ended.append(start)

    with pytest.raises(KeyError, match="first"):
        _parallel.run(task, 8)
    assert sorted(ended) == [1, 2, 3, 4, 5, 6]


def test_many_callers_at_once():
    results = {}

    def call(number):
        results[number] = [covered(1000)[0] == [1] * 1000 for _ in range(20)]

    callers = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert results == {number: [True] * 20 for number in range(8)}


def test_the_number_of_threads_may_change_between_calls(monkeypatch):
    for threads in ("2", "3", "1", "4"):
        monkeypatch.setenv("KAUG_NUM_THREADS", threads)
        assert _parallel.num_threads() == int(threads)
        assert covered(100)[0] == [1] * 100


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no processor affinity here")
def test_the_default_is_what_the_process_may_run_on(monkeypatch):
    monkeypatch.delenv("KAUG_NUM_THREADS")
    assert _parallel.num_threads() == len(os.sched_getaffinity(0))
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5, 8})
    assert _parallel.num_threads() == 3


def test_the_default_where_processes_have_no_affinity(monkeypatch):
    monkeypatch.delenv("KAUG_NUM_THREADS")
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert _parallel.num_threads() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert _parallel.num_threads() == 1


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "", " 2", "²"])
def test_a_bad_number_of_threads_is_refused(monkeypatch, text):
    monkeypatch.setenv("KAUG_NUM_THREADS", text)
    with pytest.raises(ValueError, match=r"must be a positive integer.*Received:.*such as"):
        _parallel.run(lambda start, stop: None, 10)


CHILDREN = """
import multiprocessing, sys, threading
from kaug import _parallel, _processors

def total():
    visited, both = [], threading.Barrier(2, timeout=20)
    def task(start, stop):
        if start == 0 or stop == 100:
            both.wait()
        visited.extend(range(start, stop))
    _parallel.run(task, 100)
    assert sorted(visited) == list(range(100)), visited

def start(method):
    child = multiprocessing.get_context(method).Process(target=total)
    child.start()
    child.join(30)
    return child.exitcode

if __name__ == "__main__":
    total()
    codes = [start("fork"), start("spawn")]
    # A child forked amidst a run inherits a busy pool whose threads it does not have.
    begun, release = threading.Event(), threading.Event()
    def hold(_start, _stop):
        begun.set()
        release.wait(60)
    busy = threading.Thread(target=_parallel.run, args=(hold, 8))
    busy.start()
    begun.wait(60)
    codes.append(start("fork"))
    release.set()
    busy.join(60)
    total()
    print(codes)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_and_spawned_children_have_a_pool_of_their_own(tmp_path):
    script = tmp_path / "children.py"
    script.write_text(CHILDREN)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script)], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "[0, 0, 0]", done.stderr


def test_warnings_of_every_thread_point_to_who_asked():
    both = threading.Barrier(2, timeout=30)  # so that each of two threads has one piece
    inside = {"__name__": "kaug.inside", "wait": both.wait, "warn": warn, "run": _parallel.run}
    source = "def warn_twice():\n    run(lambda start, stop: (wait(), warn('Mind.')), 2)"
    exec(source, inside)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        inside["warn_twice"]()
    here = sys._getframe().f_lineno - 1
    assert [(each.filename, each.lineno) for each in caught] == [(__file__, here)] * 2


def test_a_transform_of_ones_own_is_pointed_to_itself():
    class Brighter(Transform):
        def transform_images(self, images, parameters):
            return Brightness(0.1)(images, seed=0)

    images = np.full((64, 30, 40, 1), 1.2, "float32")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Brighter()(images, seed=0)
    inside = Brighter.transform_images.__code__.co_firstlineno + 1
    assert {(each.filename, each.lineno) for each in caught} == {(__file__, inside)}


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("0::/\n", {}, None),
        ("0::/\n", {"cpu.max": "max 100000"}, None),
        ("0::/\n", {"cpu.max": "150000 100000"}, 1.5),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "50000 100000"}, 0.5),
        ("0::/a/b\n", {"a/b/cpu.max": "200000 100000", "a/cpu.max": "300000 100000"}, 2.0),
        ("0::/gone\n", {"cpu.max": "200000 100000"}, 2.0),
        ("3:cpu,cpuacct:/\n0::/\n", {"cpu/cpu.cfs_quota_us": "-1"}, None),
        (
            "4:memory:/x\n3:cpu,cpuacct:/docker\n",
            {"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"},
            4.0,
        ),
        ("0::/\n", {"cpu.max": "nonsense"}, None),
    ],
)
def test_the_limits_of_control_groups(tmp_path, groups, files, expected):
    (tmp_path / "groups").write_text(groups, encoding="utf-8")
    for name, text in files.items():
        file = tmp_path / "root" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert _processors.quota(tmp_path / "groups", tmp_path / "root") == expected
    assert _processors.quota(tmp_path / "none", tmp_path / "root") is None


@pytest.mark.parametrize(
    ("limit", "threads"), [(None, 4), (9.0, 4), (4.0, 4), (2.5, 3), (1.0, 1), (0.2, 1)]
)
def test_no_more_threads_than_a_control_group_has_time_for(monkeypatch, limit, threads):
    monkeypatch.delenv("KAUG_NUM_THREADS", raising=False)
    monkeypatch.setattr(_processors, "allowed_processors", lambda: 4)
    monkeypatch.setattr(_processors, "_kept_quota", lambda: limit)
    assert _parallel.num_threads() == threads
