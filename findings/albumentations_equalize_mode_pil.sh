#!/usr/bin/env bash
# albumentations 2.0.8: `Equalize(mode="pil")` is not what Pillow's `ImageOps.equalize` does, on gray
# pictures either: 27 levels apart in this one. `AutoContrast(method="pil")` follows Pillow.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet albumentations==2.0.8 opencv-python-headless==4.13.0.92 \
  pillow==12.0.0 numpy==2.3.5
cat > "$work/run.py" <<'PYTHON'
import os

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
import albumentations as A
import numpy as np
from PIL import Image, ImageOps

row, column = np.indices((40, 60))
gray = (row * row // 16 + column + 30).astype(np.uint8)


def apart(transform, function):
    made = transform(image=gray)["image"]
    return int(np.abs(made.astype(int) - np.asarray(function(Image.fromarray(gray)))).max())


print("AutoContrast:", apart(A.AutoContrast(method="pil", p=1), ImageOps.autocontrast))
print("Equalize:", apart(A.Equalize(mode="pil", p=1), ImageOps.equalize))
PYTHON
seen=$("$work/venv/bin/python" "$work/run.py" 2>/dev/null)
echo "$seen"
expected="AutoContrast: 0
Equalize: 27"
[ "$seen" = "$expected" ] || { echo "It behaves otherwise now." >&2; exit 1; }
