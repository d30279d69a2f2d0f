#!/usr/bin/env bash
# Keras 3.15.1: `keras.layers.AugMix` chooses its operations while it is traced. Called eagerly it chooses
# anew each time; in a `tf.data` pipeline, and in any compiled function, it does to every batch of every
# epoch what it chose first, which may be nothing. The choice comes from Python's `random`, and so it is
# another in the next process, whatever the layer's `seed`.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet keras==3.15.1 tensorflow==2.21.0 numpy==2.4.6
cat > "$work/run.py" <<'PYTHON'
import random

import keras
import numpy as np
import tensorflow as tf

images = np.random.default_rng(0).uniform(0, 255, (64, 2, 12, 14, 3)).astype("float32")  # 64 batches


def made(seed, *, eagerly):
    """Returns how many of 64 batches are changed."""
    layer = keras.layers.AugMix((0, 255), num_chains=1, chain_depth=1, seed=1)
    random.seed(seed)
    if eagerly:
        results = [np.asarray(layer(batch, training=True)) for batch in images]
    else:
        dataset = tf.data.Dataset.from_tensor_slices(images)
        results = list(dataset.map(lambda batch: layer(batch, training=True)).as_numpy_iterator())
    return sum(np.abs(a - b).max() > 0.01 for a, b in zip(results, images))


for way, eagerly in (("called eagerly", True), ("in tf.data", False)):
    changed = [made(seed, eagerly=eagerly) for seed in range(24)]
    print(way, "all 64 batches stay as they are in", changed.count(0), "of 24 layers")
PYTHON
seen=$(CUDA_VISIBLE_DEVICES="" "$work/venv/bin/python" "$work/run.py" 2>/dev/null)
echo "$seen"
expected="called eagerly all 64 batches stay as they are in 0 of 24 layers
in tf.data all 64 batches stay as they are in 1 of 24 layers"
[ "$seen" = "$expected" ] || { echo "It behaves otherwise now." >&2; exit 1; }
