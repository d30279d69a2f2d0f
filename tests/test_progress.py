"""The progress of a long job: when a bar is made, and which time counts."""

import sys

import pytest

from kaug import _progress


class Bar:
    """Keeps what it is told."""

    def __init__(self):
        self.told = []

    def update(self, done):
        self.told.append(done)


@pytest.fixture
def clock(monkeypatch):
    """A list with the time that it is."""
    now = [100.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def bars(clock, monkeypatch):
    """A list of the bars that were made, each of which took five seconds."""
    made = []

    def make(progress):
        clock[0] += 5
        made.append(Bar())
        return made[-1]

    monkeypatch.setattr(_progress.Progress, "_make_bar", make)
    return made


def test_a_short_job_makes_no_bar_where_keras_is_not_loaded(clock, bars, monkeypatch):
    monkeypatch.delitem(sys.modules, "keras")
    progress = _progress.Progress(8, "auto")
    for done in (4, 8):
        clock[0] += 1
        progress.update(done)
    assert bars == []


def test_a_long_job_makes_one_late_and_the_making_does_not_count(clock, bars, monkeypatch):
    monkeypatch.delitem(sys.modules, "keras")
    progress = _progress.Progress(8, "auto")
    for done in (2, 4, 8):
        clock[0] += 1.5
        progress.update(done)
    (bar,) = bars
    assert bar.told == [4, 8]
    assert progress.seconds() == 4.5


@pytest.mark.parametrize(("verbose", "told"), [(0, []), (1, [2, 4]), ("auto", [4])])
def test_a_bar_that_was_made_first_shows_when_it_is_due(clock, bars, verbose, told):
    progress = _progress.Progress(4, verbose)
    for done in (2, 4):
        clock[0] += 1.5
        progress.update(done)
    (bar,) = bars
    assert bar.told == told
    assert progress.seconds() == 3.0
