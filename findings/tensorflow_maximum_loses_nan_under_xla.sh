#!/usr/bin/env bash
# TensorFlow 2.21.0 on a CPU: `tf.maximum` and `tf.minimum` of a number and NaN are NaN, eagerly and in
# graphs, but the number once the function is compiled by XLA, if NaN is the second of the two.
#
# Whoever clips or compares pixels by them loses what was unknown, in compiled models alone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet tensorflow==2.21.0 numpy==2.4.6
cat > "$work/run.py" <<'PYTHON'
import tensorflow as tf

one, nan = tf.constant(1.0), tf.constant(float("nan"))
for function in (tf.maximum, tf.minimum):
    ways = {
        "eager": function,
        "graph": tf.function(function),
        "XLA": tf.function(function, jit_compile=True),
    }
    for name, way in ways.items():
        print(function.__name__, name, float(way(one, nan)), float(way(nan, one)))
PYTHON
seen=$(CUDA_VISIBLE_DEVICES="" "$work/venv/bin/python" "$work/run.py" 2>/dev/null)
echo "$seen"
expected="maximum eager nan nan
maximum graph nan nan
maximum XLA 1.0 nan
minimum eager nan nan
minimum graph nan nan
minimum XLA 1.0 nan"
[ "$seen" = "$expected" ] || { echo "It behaves otherwise now." >&2; exit 1; }
