"""What JPEG does to pixels, without the file: what is lost is lost before anything is packed.

The arithmetic is libjpeg's, whole numbers with its roundings, so that pixels are bit for bit those
of a file that Pillow writes and reads: colors as luma and chroma (JFIF), chroma at half the size,
the discrete cosine transform of Loeffler, Ligtenberg and Moschytz (1989,
doi:10.1109/ICASSP.1989.266596) in 13 bits, and chroma enlarged by a triangle.

Of colors, all sums are below 2²⁴, so float32 holds them exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from kaug._kernels import jit
from kaug._kernels.emitter import Emitter, Line, in_vectors

SIDE = 8
#: The transform of 8 samples in units of 2⁻¹³, times √8: frequencies 0, 2, 4, 6 of the sums of the
#: first sample and the last, the second and the last but one … and 1, 3, 5, 7 of the differences.
EVEN = (
    (8192, 8192, 8192, 8192),
    (10703, 4433, -4433, -10703),
    (8192, -8192, -8192, 8192),
    (4433, -10704, 10704, -4433),
)
ODD = (
    (11363, 9633, 6437, 2260),
    (9633, -2259, -11362, -6436),
    (6437, -11362, 2261, 9633),
    (2260, -6436, 9633, -11363),
)
#: How many bits are rounded away after each of the four passes: rows, columns, and back.
SHIFTS = (11, 15, 11, 18)
_MIDDLE = 128

_Array = NDArray[Any]
_Vectors = list[ir.Value]


def basis() -> NDArray[np.int64]:
    """Returns the transform as a matrix, frequencies by samples."""
    even, odd = np.array(EVEN), np.array(ODD)
    matrix = np.empty((SIDE, SIDE), np.int64)
    matrix[0::2] = np.concatenate([even, even[:, ::-1]], axis=1)
    matrix[1::2] = np.concatenate([odd, -odd[:, ::-1]], axis=1)
    return matrix


_BASIS = basis()


def _code(plane: _Array, place: int, pitch: int, steps: _Array, start: int) -> None:
    block, other = np.empty((SIDE, SIDE), np.int64), np.empty((SIDE, SIDE), np.int64)
    for y in range(SIDE):
        for x in range(SIDE):
            block[y, x] = np.int64(plane[place + y * pitch + x]) - _MIDDLE
    for i in range(4):
        for y in range(SIDE):
            for x in range(SIDE):
                total = 1 << (SHIFTS[i] - 1)
                for k in range(SIDE):
                    if i == 0:
                        total += _BASIS[x, k] * block[y, k]
                    elif i == 1:
                        total += _BASIS[y, k] * block[k, x]
                    elif i == 2:
                        total += _BASIS[k, y] * block[k, x]
                    else:
                        total += _BASIS[k, x] * block[y, k]
                other[y, x] = total >> SHIFTS[i]
        block[:] = other
        if i == 1:
            for y in range(SIDE):
                for x in range(SIDE):
                    step = np.int64(steps[start + y * SIDE + x])
                    size = (abs(block[y, x]) + 4 * step) // (8 * step) * step
                    block[y, x] = size if block[y, x] >= 0 else -size
    for y in range(SIDE):
        for x in range(SIDE):
            plane[place + y * pitch + x] = min(max(block[y, x] + _MIDDLE, 0), 255)


@in_vectors(_code)
def code_block(
    emitter: Emitter, plane: Line, place: Any, pitch: Any, steps: Line, start: Any
) -> None:
    """Has a block of 8 × 8 bytes of a plane lose what quantizing its frequencies loses.

    It takes the plane; where the block is in it, and how far its rows are from each other; and by
    rows the steps of the frequencies, int32, from a place on.
    """
    builder, wide = emitter.builder, ir.VectorType(ir.IntType(32), SIDE)
    places = [builder.add(place, emitter.times(pitch, y)) for y in range(SIDE)]
    rows = [builder.zext(emitter.load(plane, each, SIDE), wide) for each in places]
    middle = emitter.constant(wide, _MIDDLE)
    columns = _transposed(emitter, [builder.sub(row, middle) for row in rows])
    rows = _transposed(emitter, _forwards(emitter, columns, SHIFTS[0]))
    frequencies = _forwards(emitter, rows, SHIFTS[1])
    for v, frequency in enumerate(frequencies):
        step = emitter.load(steps, emitter.add(start, SIDE * v), SIDE)
        frequencies[v] = _quantized(emitter, frequency, step)
    columns = _transposed(emitter, _backwards(emitter, frequencies, SHIFTS[2]))
    rows = _transposed(emitter, _backwards(emitter, columns, SHIFTS[3]))
    ends = emitter.constant(wide, 0), emitter.constant(wide, 255)
    for each, row in zip(places, rows, strict=True):
        value = builder.add(row, middle)
        value = builder.select(builder.icmp_signed(">", value, ends[0]), value, ends[0])
        value = builder.select(builder.icmp_signed("<", value, ends[1]), value, ends[1])
        emitter.store(builder.trunc(value, ir.VectorType(plane.element, SIDE)), plane, each)


def _transposed(emitter: Emitter, rows: _Vectors) -> _Vectors:
    """Returns the columns of a block, given its rows."""
    rows = list(rows)
    for step in (4, 2, 1):
        for i in (i for i in range(SIDE) if not i & step):
            first, second = rows[i], rows[i + step]
            left = [lane + (SIDE - step if lane & step else 0) for lane in range(SIDE)]
            right = [lane + (SIDE if lane & step else step) for lane in range(SIDE)]
            rows[i] = emitter.choose(left, first, second)
            rows[i + step] = emitter.choose(right, first, second)
    return rows


def _forwards(emitter: Emitter, samples: _Vectors, shift: int) -> _Vectors:
    """Returns the frequencies of vectors, lane by lane."""
    builder, half = emitter.builder, SIDE // 2
    pairs = [(samples[k], samples[SIDE - 1 - k]) for k in range(half)]
    sums, differences = ([each(*p) for p in pairs] for each in (builder.add, builder.sub))
    result = []
    for even, odd in zip(EVEN, ODD, strict=True):
        result.append(_rounded(emitter, _weighted(emitter, sums, even), shift))
        result.append(_rounded(emitter, _weighted(emitter, differences, odd), shift))
    return result


def _backwards(emitter: Emitter, frequencies: _Vectors, shift: int) -> _Vectors:
    """Returns vectors, given their frequencies, lane by lane."""
    builder, half = emitter.builder, SIDE // 2
    result = [None] * SIDE
    for k in range(half):
        even = _weighted(emitter, frequencies[0::2], [row[k] for row in EVEN])
        odd = _weighted(emitter, frequencies[1::2], [row[k] for row in ODD])
        result[k] = _rounded(emitter, builder.add(even, odd), shift)
        result[SIDE - 1 - k] = _rounded(emitter, builder.sub(even, odd), shift)
    return result


def _weighted(emitter: Emitter, vectors: _Vectors, weights: Any) -> ir.Value:
    builder, total = emitter.builder, None
    for vector, weight in zip(vectors, weights, strict=True):
        product = builder.mul(vector, emitter.constant(vector.type, weight))
        total = product if total is None else builder.add(total, product)
    return total


def _rounded(emitter: Emitter, vector: ir.Value, shift: int) -> ir.Value:
    builder, kind = emitter.builder, vector.type
    vector = builder.add(vector, emitter.constant(kind, 1 << (shift - 1)))
    return builder.ashr(vector, emitter.constant(kind, shift))


def _quantized(emitter: Emitter, frequency: ir.Value, step: ir.Value) -> ir.Value:
    """Returns the nearest multiples of steps to eighths of frequencies, halves away from 0."""
    builder, kind = emitter.builder, frequency.type
    floats = ir.VectorType(ir.FloatType(), SIDE)
    none = emitter.constant(kind, 0)
    negative = builder.icmp_signed("<", frequency, none)
    size = builder.select(negative, builder.sub(none, frequency), frequency)
    size = builder.add(size, builder.mul(step, emitter.constant(kind, 4)))
    eighths = builder.mul(step, emitter.constant(kind, 8))
    # Quotients of whole numbers this small are never rounded up to the next one.
    quotient = builder.fdiv(*(builder.sitofp(each, floats) for each in (size, eighths)))
    size = builder.mul(builder.fptosi(quotient, kind), step)
    return builder.select(negative, builder.sub(none, size), size)


@jit
def compress(images: _Array, steps: _Array, out: _Array) -> None:
    """Writes what is left of images after JPEG into `out`.

    Args:
        images: `(M, H, W, C)`, C-contiguous, uint8, of 1 or 3 channels.
        steps: `(M, 128)`, int32: those of the frequencies of luma, row by row, then of chroma.
        out: Like `images`.
    """
    count, height, width, channels = images.shape
    unit = SIDE if channels == 1 else 2 * SIDE
    high, wide = -(-height // unit) * unit, -(-width // unit) * unit
    luma = np.empty(high * wide, np.uint8)
    if channels == 1:
        for i in range(count):
            _pad(images[i], high, wide, luma)
            _code_plane(luma, high, wide, steps[i], 0)
            _cut(luma, wide, out[i])
        return
    blue, red = np.empty(high * wide // 4, np.uint8), np.empty(high * wide // 4, np.uint8)
    lines = np.empty((4, wide), np.float32)
    for i in range(count):
        _split(images[i], high, wide, lines, luma, blue, red)
        _code_plane(luma, high, wide, steps[i], 0)
        _code_plane(blue, high // 2, wide // 2, steps[i], SIDE * SIDE)
        _code_plane(red, high // 2, wide // 2, steps[i], SIDE * SIDE)
        _join(luma, blue, red, wide, lines, out[i])


@jit
def _code_plane(plane: _Array, high: int, wide: int, steps: _Array, start: int) -> None:
    for y in range(0, high, SIDE):
        for x in range(0, wide, SIDE):
            code_block(plane, y * wide + x, wide, steps, start)


@jit
def _pad(image: _Array, high: int, wide: int, plane: _Array) -> None:
    """Copies an image of one channel, and beyond its end its last row and column."""
    height, width = image.shape[:2]
    for y in range(high):
        row = min(y, height - 1)
        for x in range(width):
            plane[y * wide + x] = image[row, x, 0]
        for x in range(width, wide):
            plane[y * wide + x] = image[row, width - 1, 0]


@jit
def _cut(plane: _Array, wide: int, image: _Array) -> None:
    height, width = image.shape[:2]
    for y in range(height):
        for x in range(width):
            image[y, x, 0] = plane[y * wide + x]


@jit
def _split(
    image: _Array, high: int, wide: int, lines: _Array, luma: _Array, blue: _Array, red: _Array
) -> None:
    """Writes luma, and chroma at half the size, each with its last row and column beyond the end.

    Of halves, those in even columns are rounded down and those in odd ones up.
    """
    height, width = image.shape[:2]
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    flat, half, quarter = image.reshape(-1), np.float32(0.5), np.float32(0.25)
    narrow = np.uint64(wide // 2)
    for y in range(0, high, 2):
        here = np.uint64(y // 2) * narrow
        if y >= height:  # of chroma the last row, whatever it is a mean of
            for x in range(narrow):
                blue[here + x], red[here + x] = blue[here - narrow + x], red[here - narrow + x]
        for down in range(2):
            row = np.uint64(min(y + down, height - 1) * width)
            place = np.uint64((y + down) * wide)
            blues, reds = lines[2 * down], lines[2 * down + 1]
            for x in range(np.uint64(width)):
                k = three * (row + x)
                r, g, b = np.float32(flat[k]), np.float32(flat[k + one]), np.float32(flat[k + two])
                luma[place + x] = _whole(_LUMA, r, g, b)
                blues[x], reds[x] = _whole(_BLUE, r, g, b), _whole(_RED, r, g, b)
            for x in range(width, wide):
                luma[place + np.uint64(x)] = luma[place + np.uint64(width - 1)]
                blues[x], reds[x] = blues[width - 1], reds[width - 1]
        if y >= height:
            continue
        for x in range(narrow):
            k, bias = two * x, half if x & one else quarter
            total = lines[0, k] + lines[0, k + one] + lines[2, k] + lines[2, k + one]
            blue[here + x] = np.uint8(np.int32(total * quarter + bias))
            total = lines[1, k] + lines[1, k + one] + lines[3, k] + lines[3, k + one]
            red[here + x] = np.uint8(np.int32(total * quarter + bias))


# Weights of red, green and blue, and what is added to their sum, in units of 2⁻¹⁶.
_LUMA = (19595.0, 38470.0, 7471.0, 32768.0)
_BLUE = (-11059.0, -21709.0, 32768.0, 8421375.0)
_RED = (32768.0, -27439.0, -5329.0, 8421375.0)


@jit
def _whole(weights: tuple[float, ...], red: Any, green: Any, blue: Any) -> Any:
    total = np.float32(weights[0]) * red + np.float32(weights[1]) * green
    total += np.float32(weights[2]) * blue
    return np.float32(np.int32((total + np.float32(weights[3])) * np.float32(2.0**-16)))


@jit
def _join(luma: _Array, blue: _Array, red: _Array, wide: int, lines: _Array, image: _Array) -> None:
    """Writes the colors of luma and chroma, which is enlarged."""
    height, width = image.shape[:2]
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    flat, kind, half = image.reshape(-1), np.float32, np.float32(0.5)
    unit, middle = kind(2.0**-16), kind(_MIDDLE)
    for y in range(height):
        blues, reds = lines[0], lines[1]
        _enlarge(blue, y, height, width, wide // 2, lines[2], blues)
        _enlarge(red, y, height, width, wide // 2, lines[2], reds)
        start, row = np.uint64(y * wide), np.uint64(y * width)
        for x in range(np.uint64(width)):
            light, b, r = kind(luma[start + x]), blues[x] - middle, reds[x] - middle
            k = three * (row + x)
            flat[k] = _byte(light + np.floor(kind(91881) * r * unit + half))
            green = kind(-22554) * b + kind(-46802) * r
            flat[k + one] = _byte(light + np.floor(green * unit + half))
            flat[k + two] = _byte(light + np.floor(kind(116130) * b * unit + half))


@jit
def _byte(value: Any) -> Any:
    value = value if value > np.float32(0) else np.float32(0)
    value = value if value < np.float32(255) else np.float32(255)
    return np.uint8(np.int32(value))


@jit
def _enlarge(
    plane: _Array, y: int, height: int, width: int, narrow: int, sums: _Array, line: _Array
) -> None:
    """Writes row `y` of a plane at twice its size; the nearer pixels count threefold."""
    rows, columns = (height + 1) // 2, (width + 1) // 2
    near = y // 2
    far = max(near - 1, 0) if y % 2 == 0 else min(near + 1, rows - 1)
    here, there = np.uint64(near * narrow), np.uint64(far * narrow)
    if columns <= 2:
        for x in range(width):
            line[x] = plane[here + np.uint64(x // 2)]
        return
    kind, one, two = np.float32, np.uint64(1), np.uint64(2)
    for x in range(np.uint64(columns)):
        sums[x] = kind(3) * kind(plane[here + x]) + kind(plane[there + x])
    last = np.uint64(columns - 1)
    part, up, down = kind(1 / 16), kind(0.5), kind(7 / 16)
    for x in range(one, last):
        line[two * x] = np.floor((kind(3) * sums[x] + sums[x - one]) * part + up)
        line[two * x + one] = np.floor((kind(3) * sums[x] + sums[x + one]) * part + down)
    line[0] = np.floor(sums[0] * kind(0.25) + up)
    line[1] = np.floor((kind(3) * sums[0] + sums[1]) * part + down)
    line[two * last] = np.floor((kind(3) * sums[last] + sums[last - one]) * part + up)
    line[two * last + one] = np.floor(sums[last] * kind(0.25) + down)
