"""How many processors this process may use: where it may run, and for how much of the time."""

import math
import os
from functools import cache
from pathlib import Path

_GROUPS, _ROOT = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def available_processors() -> int:
    """Returns on how many processors threads can make progress at once, at least 1.

    A container that is given the time of two and a half processors may still run on all of them;
    more than three threads would then only be stopped in turns.
    """
    limit = _kept_quota()
    may = allowed_processors()
    return may if limit is None else max(1, min(may, math.ceil(limit)))


def allowed_processors() -> int:
    """Returns on how many processors this process may run."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quota(groups: Path = _GROUPS, root: Path = _ROOT) -> float | None:
    """Returns the time that control groups of Linux allow, in processors; None for all.

    Args:
        groups: Which groups the process is in, a line each.
        root: Where they are described.
    """
    try:
        lines = groups.read_text(encoding="utf-8").splitlines()
    except OSError:  # another system
        return None
    limits = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        place = root / ("cpu" if controllers else "") / path.lstrip("/")
        while place.is_relative_to(root):  # a group has no more than those it is in
            limits.append(_limit(place))
            place = place.parent
    return min((limit for limit in limits if limit is not None), default=None)


@cache
def _kept_quota() -> float | None:
    return quota()  # read once: it is asked for in every call, and hardly ever changes


def _limit(group: Path) -> float | None:
    """Returns the limit of one group: in version 2 one file, in version 1 two."""
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            text = " ".join((group / name).read_text(encoding="utf-8") for name in names)
            most, period = map(int, text.split())
        except (OSError, ValueError):  # no such file, or the word "max"
            continue
        return most / period if most > 0 and period > 0 else None
    return None
