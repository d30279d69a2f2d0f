#!/usr/bin/env bash
# pycocotools 2.0.11: counts of a run-length encoded mask that add up to fewer pixels than it has are
# decoded without an error, and the pixels that they do not reach are whatever was in memory.
#
# Seen: 15 of 600 pixels are counted, 5 of them of the object. The area is 5, but the decoded mask
# holds 255 hundreds of times, after arrays of 255 were let go. One count too many is an error.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet pycocotools==2.0.11 numpy==2.4.6
cat > "$work/run.py" <<'PYTHON'
import numpy as np
from pycocotools import mask

for counts in ([10, 5], [10, 5, 586]):
    runs = mask.frPyObjects({"size": [20, 30], "counts": counts}, 20, 30)
    used = [np.full((20, 30), 255, np.uint8) for _ in range(100)]
    del used
    try:
        values = mask.decode(runs)
        area, beyond = int(mask.area(runs)), int((values > 1).sum())
        print(sum(counts), "of 600: area", area, "and hundreds of other values", beyond > 100)
    except ValueError as error:
        print(sum(counts), "of 600: ValueError:", error)
PYTHON
seen=$("$work/venv/bin/python" -W ignore "$work/run.py")
echo "$seen"
expected="15 of 600: area 5 and hundreds of other values True
601 of 600: ValueError: Invalid RLE mask representation"
[ "$seen" = "$expected" ] || { echo "It behaves otherwise now." >&2; exit 1; }
