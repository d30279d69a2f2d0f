#!/usr/bin/env bash
# Numba 0.68.1: functions that were compiled ahead into `NUMBA_CACHE_DIR` are compiled again by a process
# that can read that folder but not write to it, and cannot be used at all (`RuntimeError`) if there is no
# other folder it could write to. The same process, allowed to write, takes them from the folder.
#
# So is the cache of a container image that was filled when it was built, by another user.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet numba==0.68.1 numpy==2.4.6
cat > "$work/program.py" <<'PYTHON'
import os
import sys

import numba

if len(sys.argv) > 1 and os.getuid() == 0:  # root may write anywhere
    os.setgid(65534)
    os.setuid(65534)


@numba.njit(cache=True)
def double(x):
    return 2 * x


double(3)
print("taken from the cache" if double.stats.cache_hits else "compiled")
PYTHON
chmod 755 "$work"
run() {
    NUMBA_CACHE_DIR="$work/cache" HOME="$work/home" "$work/venv/bin/python" "$work/program.py" "$@" 2>&1 |
        tail -n 1 | sed "s# '/.*##" || true
}
seen="first: $(run)
again, may write: $(run)"
chmod -R a+rX "$work"
chmod -R a-w "$work/cache" "$work/program.py"
chmod a-w "$work"
seen="$seen
again, may only read: $(run reading)"
echo "$seen"
expected="first: compiled
again, may write: taken from the cache
again, may only read: RuntimeError: cannot cache function 'double': no locator available for file"
[ "$seen" = "$expected" ] || { echo "It behaves otherwise now." >&2; exit 1; }
