"""How many threads kaug uses, and what else limits the processors that it gets."""

import os
from pathlib import Path

from kaug._parallel import available_processors, num_threads

_GROUPS, _ROOT = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def threads_and_why() -> str:
    """Says how many threads there are and why.

    Raises:
        ValueError: `KAUG_NUM_THREADS` is not a positive integer.
    """
    number, may = num_threads(), available_processors()
    if "KAUG_NUM_THREADS" in os.environ:
        why = f"by KAUG_NUM_THREADS; this process may run on {_many(may)}"
    else:
        why = "as many as processors that this process may run on"
    return f"{number}, {why}, of {os.cpu_count() or may} in the machine"


def advice() -> str:
    """Says what to set where a control group gives less time than there are threads for."""
    limit = quota()
    if limit is None or num_threads() <= limit:
        return ""
    fitting = max(1, round(limit))
    return (
        f"a control group (as of a container) allows the time of {limit:g} processors, which is "
        f"not counted: KAUG_NUM_THREADS={fitting} may be faster"
    )


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


def _many(number: int) -> str:
    return f"{number} processor{'s' if number != 1 else ''}"
