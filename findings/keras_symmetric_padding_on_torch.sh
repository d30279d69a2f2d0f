#!/usr/bin/env bash
# Keras 3.15.1 with PyTorch 2.13.0: `keras.ops.pad(mode="symmetric")` repeats the edge instead of
# mirroring the array at it, without a word. "reflect" mirrors.
#
# Seen: 1 2 3 padded by 2 becomes 1 1 1 2 3 3 3, where NumPy, and Keras with TensorFlow or JAX, make
# 2 1 1 2 3 3 2 of it. By one on each side both are the same, so small paddings hide it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet keras==3.15.1 torch==2.13.0 jax==0.10.2 numpy==2.4.6
cat > "$work/run.py" <<'PYTHON'
import keras
import numpy as np

row = np.array([[1.0, 2.0, 3.0]], "float32")
print(keras.backend.backend(), keras.__version__)
for width in (1, 2):
    for mode in ("symmetric", "reflect"):
        pads = [(0, 0), (width, width)]
        made = keras.ops.convert_to_numpy(keras.ops.pad(row, pads, mode=mode))
        right = np.pad(row, pads, mode=mode)
        print(mode, width, *made[0].astype(int), "as NumPy" if (made == right).all() else "otherwise")
PYTHON
seen=$(for backend in torch jax; do
  KERAS_BACKEND=$backend "$work/venv/bin/python" "$work/run.py" 2>/dev/null
done)
echo "$seen"
expected="torch 3.15.1
symmetric 1 1 1 2 3 3 as NumPy
reflect 1 2 1 2 3 2 as NumPy
symmetric 2 1 1 1 2 3 3 3 otherwise
reflect 2 3 2 1 2 3 2 1 as NumPy
jax 3.15.1
symmetric 1 1 1 2 3 3 as NumPy
reflect 1 2 1 2 3 2 as NumPy
symmetric 2 2 1 1 2 3 3 2 as NumPy
reflect 2 3 2 1 2 3 2 1 as NumPy"
[ "$seen" = "$expected" ] || { echo "It behaves otherwise now." >&2; exit 1; }
