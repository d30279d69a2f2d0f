#!/usr/bin/env bash
# Pillow 13.0.0: a compressed gray TIFF of 32-bit floats or of signed integers, the highest byte
# first ("MM"), opens without a word, and each of its values has its bytes turned round.
#
# Seen: the same numbers come out right from files that are not compressed, or have the lowest byte
# first ("II"). libtiff gives numbers in the machine's own order, and Pillow turns them once more;
# with 16 bits without a sign it does not.
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

print("Pillow", PIL.__version__)
for dtype in ("uint16", "int16", "int32", "float32"):
    values = np.arange(6 * 8).reshape(6, 8).astype(dtype)
    for order in "<>":
        for compression in (None, "zlib"):
            file = f"{sys.argv[1]}/a.tif"
            tifffile.imwrite(file, values, byteorder=order, compression=compression)
            assert (tifffile.imread(file) == values).all()
            pixels = np.asarray(Image.open(file))
            right = bool((pixels == values).all())
            turned = bool((pixels.astype(values.dtype).byteswap() == values).all())
            print(dtype, order, compression, "right" if right else f"wrong, turned round: {turned}")
PYTHON
seen=$("$work/venv/bin/python" "$work/run.py" "$work")
echo "$seen"
expected="Pillow 13.0.0
uint16 < None right
uint16 < zlib right
uint16 > None right
uint16 > zlib right
int16 < None right
int16 < zlib right
int16 > None right
int16 > zlib wrong, turned round: True
int32 < None right
int32 < zlib right
int32 > None right
int32 > zlib wrong, turned round: True
float32 < None right
float32 < zlib right
float32 > None right
float32 > zlib wrong, turned round: True"
[ "$seen" = "$expected" ] || { echo "It behaves otherwise now." >&2; exit 1; }
