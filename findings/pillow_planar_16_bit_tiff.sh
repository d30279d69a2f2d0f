#!/usr/bin/env bash
# Pillow 13.0.0: an uncompressed RGB TIFF of 16 bits with a plane for each channel opens without a
# word, and its pixels are scrambled: bytes are taken where there are words.
#
# Seen: of the same image, pixels side by side ("contig") come out right, cut off to 8 bits; planes
# ("separate") come out as alternating low and high bytes, spread over twice the columns.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet Pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6
cat > "$work/run.py" <<'PYTHON'
import sys

import numpy as np
import PIL
import tifffile
from PIL import Image

rgb = 400 * np.arange(6 * 8 * 3, dtype=np.uint16).reshape(6, 8, 3)
print("Pillow", PIL.__version__)
for planes in ("contig", "separate"):
    file = f"{sys.argv[1]}/{planes}.tif"
    stored = rgb if planes == "contig" else np.moveaxis(rgb, -1, 0)
    tifffile.imwrite(file, stored, photometric="rgb", planarconfig=planes)
    assert (tifffile.imread(file) == stored).all()
    image = Image.open(file)
    pixels = np.asarray(image)
    print(planes, image.mode, pixels.dtype, "upper bytes:", (pixels == rgb >> 8).all(), pixels[0, :2].tolist())
PYTHON
seen=$("$work/venv/bin/python" "$work/run.py" "$work")
echo "$seen"
expected="Pillow 13.0.0
contig RGB uint8 upper bytes: True [[0, 1, 3], [4, 6, 7]]
separate RGB uint8 upper bytes: False [[0, 144, 32], [0, 1, 3]]"
[ "$seen" = "$expected" ] || { echo "It behaves otherwise now." >&2; exit 1; }
