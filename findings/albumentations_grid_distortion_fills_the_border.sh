#!/usr/bin/env bash
# albumentations 2.0.8: `GridDistortion` with its defaults fills the last row and the last column of
# every picture, so that one of a single color gets a black line at two of its sides. The picture is
# only bent inside: nothing of what lies there was moved in from outside.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet albumentations==2.0.8 opencv-python-headless==4.13.0.92 \
  numpy==2.3.5
cat > "$work/run.py" <<'PYTHON'
import os

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
import albumentations as A
import numpy as np

image = np.full((60, 90), 200, np.uint8)
transform = A.GridDistortion(p=1)
black = np.zeros(image.shape, int)
for seed in range(20):
    transform.set_random_seed(seed)
    black += transform(image=image)["image"] == 0
print("pictures of 20 whose last row is black:", black[-1].min(), "to", black[-1].max())
print("pictures of 20 whose last column is black:", black[:, -1].min(), "to", black[:, -1].max())
print("elsewhere:", black[:-1, :-1].max())
PYTHON
seen=$("$work/venv/bin/python" "$work/run.py" 2>/dev/null)
echo "$seen"
expected="pictures of 20 whose last row is black: 20 to 20
pictures of 20 whose last column is black: 20 to 20
elsewhere: 0"
[ "$seen" = "$expected" ] || { echo "It behaves otherwise now." >&2; exit 1; }
