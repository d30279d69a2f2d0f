#!/usr/bin/env bash
# JAX 0.10.2 on a CPU: the sum of each image's gray, a weighted sum of its channels, takes over ten times
# as long where one compiled function computes the gray and adds it up as where a loop in between, which
# changes nothing, keeps the two apart. Either alone is fast: the gray without the sum, and the sum of
# images as they are. An optimization barrier in place of the loop makes up for little of it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cat > "$work/run.py" <<'PYTHON'
import time

import jax
import jax.numpy as jnp
import numpy as np

images = jnp.asarray(np.random.default_rng(0).random((32, 224, 224, 3), dtype=np.float32))


def gray(images):
    return 0.3 * images[..., 0] + 0.6 * images[..., 1] + 0.1 * images[..., 2]


def in_one(images):
    return jnp.sum(gray(images), axis=(1, 2))


def with_a_barrier(images):
    return jnp.sum(jax.lax.optimization_barrier(gray(images)), axis=(1, 2))


def with_a_loop(images):
    kept = jax.lax.fori_loop(0, 2, lambda step, x: jnp.minimum(x, step + jnp.inf), gray(images))
    return jnp.sum(kept, axis=(1, 2))


def of_the_images(images):
    return jnp.sum(images, axis=(1, 2, 3))


def seconds(function):
    compiled = jax.jit(function)
    compiled(images).block_until_ready()
    rounds = []
    for _ in range(9):
        start = time.perf_counter()
        compiled(images).block_until_ready()
        rounds.append(time.perf_counter() - start)
    return min(rounds)


np.testing.assert_allclose(jax.jit(in_one)(images), jax.jit(with_a_loop)(images), rtol=1e-5)
took = seconds(in_one)
for function in (gray, of_the_images, with_a_loop, with_a_barrier):
    ratio = took / seconds(function)
    print(f"in one takes over 10 times as long as {function.__name__}: {ratio > 10}", f"({ratio:.1f})")
PYTHON
seen=$(JAX_PLATFORMS=cpu "$work/venv/bin/python" "$work/run.py" 2>/dev/null)
echo "$seen"
expected="in one takes over 10 times as long as gray: True
in one takes over 10 times as long as of_the_images: True
in one takes over 10 times as long as with_a_loop: True
in one takes over 10 times as long as with_a_barrier: False"
[ "$(sed 's/ ([0-9.]*)$//' <<< "$seen")" = "$expected" ] || { echo "It behaves otherwise now." >&2; exit 1; }
