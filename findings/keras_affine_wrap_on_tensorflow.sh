#!/usr/bin/env bash
# Keras 3.15.1: `keras.ops.image.affine_transform(fill_mode="wrap")` of an image n pixels wide repeats it
# up to n - 2 pixels outside on TensorFlow 2.21.0, and shows mostly its edge beyond. On JAX 0.10.2 it
# repeats for ever, as `map_coordinates` does on both. Keras' augmentation layers are made of the former.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet keras==3.15.1 tensorflow==2.21.0 jax==0.10.2 numpy==2.4.6
cat > "$work/run.py" <<'PYTHON'
import keras
import numpy as np

image = np.tile(np.arange(10, 60, 10, dtype="float32"), (3, 1))[..., None]  # 3 × 5
for shift in (3, 4, 6):  # pixels to the right
    moved = keras.ops.image.affine_transform(
        image,
        np.array([1, 0, -shift, 0, 1, 0, 0, 0], "float32"),
        interpolation="nearest",
        fill_mode="wrap",
    )
    places = np.stack(np.meshgrid(np.arange(3.0), np.arange(5.0) - shift, indexing="ij"))
    mapped = keras.ops.image.map_coordinates(
        image[..., 0], places.astype("float32"), order=0, fill_mode="wrap"
    )
    rows = (np.asarray(moved)[1, :, 0], np.asarray(mapped)[1])
    print(keras.backend.backend(), shift, *(row.astype(int).tolist() for row in rows))
PYTHON
seen=$(for backend in tensorflow jax; do
    KERAS_BACKEND=$backend JAX_PLATFORMS=cpu CUDA_VISIBLE_DEVICES="" \
        "$work/venv/bin/python" "$work/run.py" 2>/dev/null
done)
echo "$seen"
expected="tensorflow 3 [30, 40, 50, 10, 20] [30, 40, 50, 10, 20]
tensorflow 4 [50, 30, 40, 50, 10] [20, 30, 40, 50, 10]
tensorflow 6 [50, 50, 50, 30, 40] [50, 10, 20, 30, 40]
jax 3 [30, 40, 50, 10, 20] [30, 40, 50, 10, 20]
jax 4 [20, 30, 40, 50, 10] [20, 30, 40, 50, 10]
jax 6 [50, 10, 20, 30, 40] [50, 10, 20, 30, 40]"
[ "$seen" = "$expected" ] || { echo "It behaves otherwise now." >&2; exit 1; }
