"""Veils: maps of weights made of soft shapes or of smooth noise, and images under a color by them.

Maps are float32 `(M, H, W)` in 0..1. What a row's map is made of depends on two words of the row
alone, by Threefry-2x32 as in `noise`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.samples import fit, is_outside, load
from kaug._kernels.threefry import encrypt32

# Pixels whose weights are laid out channel by channel at once.
_BLOCK = 512
# Nodes of a lattice that reach a place of an axis.
TAPS = 4

_Array = NDArray[Any]


@jit
def fill_units(words: _Array, out: _Array) -> None:
    """Fills `out` `(M, N)`, float32, with numbers of 0 to below 1, from the upper 24 bits of words.

    Args:
        words: `(M, 2)`, uint32: the key of each row's stream.
        out: Number `i` of a row is made of the first word of counter `i`.
    """
    unit, bits = np.float32(2.0**-24), np.uint32(8)
    for i in range(len(words)):
        high, low = words[i]
        for k in range(np.uint64(out.shape[1])):
            word, _ = encrypt32(high, low, np.uint32(k), np.uint32(0))
            out[i, k] = np.float32(np.int32(word >> bits)) * unit


@jit
def fill_shapes(shapes: _Array, opacities: _Array, maps: _Array) -> None:
    """Draws shapes one over the other: weight `w` leaves `1 - w` of what shone through before.

    Args:
        shapes: `(M, N, 10)`, float32. A shape is a trapezoid with round corners and a soft edge:
            row and column of its centre, cosine and sine of the angle by which its axis is turned
            from the columns to the rows, half its length along the axis, half its width, by how
            much half the width grows for each pixel along the axis, the radius of its corners
            (which come on top), 1 over the width of the edge, and its weight inside.
        opacities: `(M,)`, float32: what the weights of a whole map are multiplied by.
        maps: `(M, H, W)`, float32; written to.
    """
    none, one, two, three = np.float32(0), np.float32(1), np.float32(2), np.float32(3)
    half = np.float32(0.5)
    height, width = maps.shape[1:]
    for i in range(len(maps)):
        clear, opacity = maps[i], opacities[i]
        clear[:] = one
        for n in range(shapes.shape[1]):
            y, x, cosine, sine, long, wide, taper, corner, slope, weight = shapes[i, n]
            if not weight > none:
                continue
            around = corner + half / slope
            widest = wide + abs(taper) * (long + around)
            down = long * abs(sine) + widest * abs(cosine) + around
            across = long * abs(cosine) + widest * abs(sine) + around
            top, bottom = max(y - down, none), min(y + down + one, np.float32(height))
            left, right = max(x - across, none), min(x + across + one, np.float32(width))
            if not (top < bottom and left < right):
                continue
            first = np.uint64(left)
            for r in range(np.int64(top), np.int64(bottom)):
                line, dy = clear[r], np.float32(r) - y
                for c in range(np.uint64(right) - first):
                    dx = np.float32(np.int32(first + c)) - x
                    along = cosine * dx + sine * dy
                    a = abs(along) - long
                    b = abs(cosine * dy - sine * dx) - (wide + taper * along)
                    inside = min(max(a, b), none)
                    a, b = max(a, none), max(b, none)
                    distance = np.sqrt(a * a + b * b) + inside - corner
                    u = min(max(half - distance * slope, none), one)
                    line[first + c] *= one - weight * (u * u * (three - two * u))
        for r in range(height):
            for c in range(np.uint64(width)):
                clear[r, c] = opacity * (one - clear[r, c])


@jit
def fill_noise(
    words: _Array,
    node_rows: _Array,
    first_columns: _Array,
    starts: _Array,
    row_nodes: _Array,
    row_weights: _Array,
    column_nodes: _Array,
    column_weights: _Array,
    shaping: _Array,
    maps: _Array,
) -> None:
    """Fills maps with the sum of some octaves of noise, each smooth between nodes of a lattice.

    Args:
        words: `(M, 2)`, uint32: the key of each row's heights at the nodes.
        node_rows: `(R,)`, uint32: the first word of the counter of each row of nodes, of all
            octaves one after the other.
        first_columns: `(octaves,)`, int32: number of the first column of nodes.
        starts: `(octaves + 1,)`, int64: the first of each octave's rows of nodes.
        row_nodes: `(octaves, H)`, int64: the first row of nodes that reaches each row of pixels.
        row_weights: `(octaves, H, TAPS)`, float32.
        column_nodes: `(octaves, W)`, likewise, counted from the first of the octave.
        column_weights: `(octaves, W, TAPS)`, float32.
        shaping: `(M, 5)`, float32; see `shaped`.
        maps: `(M, H, W)`, float32; written to.
    """
    height, width = maps.shape[1:]
    octaves = len(first_columns)
    bands = np.empty((len(node_rows), width), np.float32)
    heights = np.empty(column_nodes.max() + TAPS, np.float32)
    unit = np.float32(2.0**-31)
    for i in range(len(maps)):
        high, low = words[i]
        for o in range(octaves):
            nodes, weights = column_nodes[o], column_weights[o]
            count, first = nodes[width - 1] + TAPS, np.uint32(first_columns[o])
            for r in range(starts[o], starts[o + 1]):
                row, band = np.uint32(node_rows[r]), bands[r]
                for c in range(np.uint64(count)):
                    word, _ = encrypt32(high, low, row, np.uint32(first + np.uint32(c)))
                    heights[c] = np.float32(np.int32(word)) * unit
                for c in range(np.uint64(width)):
                    j = np.uint64(nodes[c])
                    near = weights[c, 0] * heights[j]
                    near += weights[c, 1] * heights[j + np.uint64(1)]
                    far = weights[c, 2] * heights[j + np.uint64(2)]
                    band[c] = near + (far + weights[c, 3] * heights[j + np.uint64(3)])
        for r in range(height):
            line = maps[i, r]
            line[:] = np.float32(0)
            for o in range(octaves):
                j = row_nodes[o, r]
                b0, b1, b2, b3 = bands[j], bands[j + 1], bands[j + 2], bands[j + 3]
                w0, w1, w2, w3 = row_weights[o, r]
                for c in range(np.uint64(width)):
                    line[c] += (w0 * b0[c] + w1 * b1[c]) + (w2 * b2[c] + w3 * b3[c])
            _shape(line, shaping[i])


@jit
def _shape(line: _Array, shaping: _Array) -> None:
    """Makes weights of noise: `low` to `high` by a smooth step, less beyond it.

    With `v = slope * noise + offset` a weight is `low + (high - low) * s(v)`, of which a part
    `rim * s((v - 1) / 2)` is taken off; `s` goes from 0 at 0 smoothly to 1 at 1.
    """
    none, one, two, three = np.float32(0), np.float32(1), np.float32(2), np.float32(3)
    half = np.float32(0.5)
    slope, offset, low, high, rim = shaping
    span = high - low
    for c in range(np.uint64(len(line))):
        v = slope * line[c] + offset
        u = min(max(v, none), one)
        weight = low + span * (u * u * (three - two * u))
        u = min(max((v - one) * half, none), one)
        line[c] = weight * (one - rim * (u * u * (three - two * u)))


@jit
def cover(
    images: _Array, maps: _Array, tones: _Array, gain: Any, out: _Array, outside: _Array
) -> None:
    """Writes `(1 - w) * gain * image + w * tone`.

    Args:
        images: `(M, H, W, C)`, C-contiguous, uint8 or floats.
        maps: `(M, H, W)`, float32: the weights `w`.
        tones: `(C,)`, in levels for bytes, of the precision worked in.
        gain: A number of that precision.
        out: Like `images`.
        outside: See `pointwise`.
    """
    found = False
    one = tones.dtype.type(1)
    channels = np.uint64(images.shape[3])
    weights = np.empty(_BLOCK * images.shape[3], tones.dtype)
    pattern = np.empty(_BLOCK * images.shape[3], tones.dtype)
    for k in range(np.uint64(_BLOCK)):
        for channel in range(channels):
            pattern[k * channels + channel] = tones[channel]
    for i in range(len(images)):
        source, target, own = images[i].reshape(-1), out[i].reshape(-1), maps[i].reshape(-1)
        for start in range(0, len(own), _BLOCK):
            count = np.uint64(min(_BLOCK, len(own) - start))
            repeat(own, np.uint64(start), count, channels, weights)
            place = np.uint64(start) * channels
            for k in range(count * channels):
                found |= is_outside(source, place + k)
                weight = weights[k]
                below = (one - weight) * gain * load(source, place + k)
                target[place + k] = fit(target, below + weight * pattern[k])
    outside[0] |= found


@jit
def repeat(values: _Array, start: Any, count: Any, times: Any, out: _Array) -> None:
    """Writes each of some values several times in a row."""
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    if times == one:
        for k in range(count):
            out[k] = values[start + k]
    elif times == three:
        for k in range(count):
            value = values[start + k]
            out[three * k] = value
            out[three * k + one] = value
            out[three * k + two] = value
    else:
        for k in range(count):
            for channel in range(times):
                out[k * times + channel] = values[start + k]
