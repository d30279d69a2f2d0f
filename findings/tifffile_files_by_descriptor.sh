#!/usr/bin/env bash
# tifffile 2026.3.3: a file that was opened by its descriptor, as by os.fdopen and
# tempfile.TemporaryFile, is taken for one of a path, since its `name` is a number: TypeError.
#
# Seen: the same file opened by its path is read, and so is the descriptor's with `name=` given.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet tifffile==2026.3.3 numpy==2.4.6
cat > "$work/run.py" <<'PYTHON'
import io
import tempfile

import numpy as np
import tifffile

values = np.arange(48, dtype=np.uint8).reshape(6, 8)
with tempfile.TemporaryFile() as file:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values)
    file.write(buffer.getvalue())
    for options in ({}, {"name": "picture"}):
        file.seek(0)
        try:
            with tifffile.TiffFile(file, **options) as tiff:
                print(options, (tiff.asarray() == values).all())
        except TypeError as error:
            print(options, "TypeError:", error)
PYTHON
seen=$("$work/venv/bin/python" "$work/run.py")
echo "$seen"
expected="{} TypeError: expected str, bytes or os.PathLike object, not int
{'name': 'picture'} True"
[ "$seen" = "$expected" ] || { echo "It behaves otherwise now." >&2; exit 1; }
