"""`warp` is `scipy.ndimage.affine_transform`, and a row's bits depend on that row alone."""

import itertools
import math
import threading

import numpy as np
import pytest
from scipy import ndimage

from kaug._kernels.coordinates import FILL_MODES
from kaug._kernels.warp import warp

DTYPES = ("uint8", "float32", "float64")
IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
LEFT_RIGHT = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 6.0]])  # of a picture 7 wide
FLOAT_PICTURE = np.arange(35, dtype=np.float32).reshape(5, 7)


def random_images(rng, shape, dtype):
    if dtype == "uint8":
        return rng.integers(0, 256, shape, dtype=np.uint8)
    return rng.random(shape).astype(dtype)


def random_matrices(rng, count, height, width):
    """Half of them mild, as in a policy; half of them wild, leaving the picture far behind."""
    mild = np.eye(2) + rng.uniform(-0.2, 0.2, (count, 2, 2))
    mild *= np.where(rng.random((count, 1, 2)) < 0.5, -1, 1)
    center = np.array([(height - 1) / 2, (width - 1) / 2])
    shift = center - mild @ center + rng.uniform(-0.2, 0.2, (count, 2)) * [height, width]
    mild = np.concatenate([mild, shift[:, :, None]], axis=2)
    wild = rng.normal(size=(count, 2, 3)) * [1.5, 1.5, 3 * max(height, width)]
    return np.where(np.arange(count)[:, None, None] % 2 == 0, mild, wild)


def warped(images, rows, matrices, *, order=1, fill_mode="nearest", fill_value=0.0, size=None):
    rows = np.asarray(rows, np.int64)
    matrices = np.ascontiguousarray(matrices, np.float64)
    out = np.full((len(rows), *(size or images.shape[1:3]), images.shape[3]), 99, images.dtype)
    warp(images, rows, matrices, out, order=order, fill_mode=fill_mode, fill_value=fill_value)
    return out


def warped_picture(picture, matrix, **options):
    """One picture of one channel by one matrix."""
    return warped(picture[None, :, :, None], [0], [matrix], **options)[0, :, :, 0]


def by_scipy(images, rows, matrices, order, fill_mode, fill_value):
    out = np.empty((len(rows), *images.shape[1:]))
    for i, (row, matrix) in enumerate(zip(rows, matrices, strict=True)):
        for channel in range(images.shape[3]):
            out[i, :, :, channel] = ndimage.affine_transform(
                images[row, :, :, channel].astype(np.float64),
                matrix[:, :2],
                matrix[:, 2],
                order=order,
                mode=fill_mode,
                cval=fill_value,
            )
    return np.floor(out + 0.5) if images.dtype == np.uint8 else out


@pytest.mark.parametrize("size", [(28, 28), (5, 7), (31, 18), (2, 3), (1, 9), (8, 1), (1, 1)])
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_scipy(dtype, channels, size):
    rng = np.random.default_rng([*size, channels])
    images = random_images(rng, (4, *size, channels), dtype)
    rows, matrices = rng.integers(0, 4, 12), random_matrices(rng, 12, *size)
    fill_value = 17.0 if dtype == "uint8" else 0.25
    tolerance = {"uint8": 1, "float32": 1e-6, "float64": 1e-13}[dtype]
    for order, fill_mode in itertools.product((0, 1), FILL_MODES):
        ours = warped(
            images, rows, matrices, order=order, fill_mode=fill_mode, fill_value=fill_value
        )
        theirs = by_scipy(images, rows, matrices, order, fill_mode, fill_value)
        error = np.abs(ours - theirs)
        assert error.max() <= (0 if order == 0 else tolerance), (order, fill_mode)
        assert np.mean(error > 0.5) < 0.01, (order, fill_mode)


def test_large_pictures_keep_their_precision():
    rng = np.random.default_rng(0)
    images = random_images(rng, (1, 40, 3000, 1), "float32")
    matrices = random_matrices(rng, 4, 40, 3000)
    ours = warped(images, [0] * 4, matrices)
    np.testing.assert_allclose(
        ours, by_scipy(images, [0] * 4, matrices, 1, "nearest", 0.0), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("shift", [-23, -12.5, -5, -4, -1, -0.5, -0.25, 0.5, 1, 4.5, 5, 10, 23])
def test_edges_and_ties_fall_where_scipy_has_them(shift, fill_mode, order):
    for step in ([1.0, 0.0, shift], [-1.0, 0.0, shift], [0.5, 0.0, shift]):
        matrix = np.array([step, [0.0, 1.0, 0.0]])
        ours = warped_picture(FLOAT_PICTURE, matrix, order=order, fill_mode=fill_mode)
        theirs = by_scipy(FLOAT_PICTURE[None, :, :, None], [0], [matrix], order, fill_mode, 0.0)
        np.testing.assert_allclose(ours, theirs[0, :, :, 0], atol=1e-5)


def test_rows_and_columns_are_not_swapped():
    down = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    expected = np.vstack([FLOAT_PICTURE[:1], FLOAT_PICTURE[:-1]])
    np.testing.assert_array_equal(warped_picture(FLOAT_PICTURE, down), expected)


@pytest.mark.parametrize(
    ("fill_mode", "expected"),
    [
        ("nearest", [0, 0, 0, 1, 2, 3, 4]),
        ("reflect", [1, 0, 0, 1, 2, 3, 4]),
        ("wrap", [4, 5, 0, 1, 2, 3, 4]),
        ("constant", [9, 9, 0, 1, 2, 3, 4]),
    ],
)
@pytest.mark.parametrize("order", [0, 1])
def test_two_pixels_to_the_right_by_hand(fill_mode, expected, order):
    right = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, -2.0]])
    options = {"order": order, "fill_mode": fill_mode, "fill_value": 9.0}
    np.testing.assert_array_equal(warped_picture(FLOAT_PICTURE, right, **options)[0], expected)


def test_half_a_pixel_by_hand():
    half = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.5]])
    ours = warped_picture(FLOAT_PICTURE, half, fill_mode="constant", fill_value=-1.0)
    np.testing.assert_array_equal(ours[0], [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, -1])
    levels = np.array([[0, 1, 3, 255, 254]] * 2, np.uint8)  # halves are rounded up
    np.testing.assert_array_equal(warped_picture(levels, half)[0], [1, 2, 129, 255, 254])


def test_the_output_may_have_another_size():
    shrunk = warped_picture(FLOAT_PICTURE, np.array([[2.0, 0, 0], [0, 3.0, 0]]), size=(3, 3))
    np.testing.assert_array_equal(shrunk, FLOAT_PICTURE[::2, ::3])
    cut = warped_picture(FLOAT_PICTURE, np.array([[1.0, 0, 1], [0, 1.0, 2]]), size=(2, 4))
    np.testing.assert_array_equal(cut, FLOAT_PICTURE[1:3, 2:6])
    same = warped_picture(FLOAT_PICTURE, IDENTITY, size=(9, 8))
    np.testing.assert_array_equal(same, np.pad(FLOAT_PICTURE, ((0, 4), (0, 1)), mode="edge"))


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_whole_pixel_moves_copy_nan_and_infinity(dtype, fill_mode, order):
    rng = np.random.default_rng(3)
    picture = random_images(rng, (5, 7), dtype)
    picture[1, 2], picture[3, 6], picture[0, 0], picture[4, 4] = np.nan, np.inf, -np.inf, -0.0
    moves = [
        (IDENTITY, picture),
        (LEFT_RIGHT, picture[:, ::-1]),
        ([[-1.0, 0, 4], [0, 1.0, 0]], picture[::-1]),
    ]
    for matrix, expected in moves:
        ours = warped_picture(picture, matrix, order=order, fill_mode=fill_mode)
        assert ours.tobytes() == expected.tobytes()
    quarter = warped_picture(picture, [[0.0, 1, 0], [-1.0, 0, 6]], size=(7, 5), order=order)
    assert quarter.tobytes() == np.rot90(picture).tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_constant_picture_of_ones_stays_one(channels, dtype):
    rng = np.random.default_rng(5)
    images = np.ones((1, 19, 23, channels), dtype)
    out = warped(images, [0] * 50, random_matrices(rng, 50, 19, 23))
    np.testing.assert_array_equal(out, np.ones_like(out))


@pytest.mark.parametrize("fill_value", [-3.0, 0.4, 127.5, 300.0])
def test_the_fill_value_is_rounded_and_clipped_for_uint8(fill_value):
    images = np.zeros((1, 4, 4, 1), np.uint8)
    away = [[[1.0, 0, 100], [0, 1, 0.5]]]
    out = warped(images, [0], away, fill_mode="constant", fill_value=fill_value)
    expected = min(max(math.floor(fill_value + 0.5), 0), 255)
    np.testing.assert_array_equal(out, np.full_like(out, expected))


CASES = [
    (dtype, channels, order, fill_mode)
    for dtype in DTYPES
    for channels in (1, 3, 4)
    for order, fill_mode in ((1, "nearest"), (1, "wrap"), (0, "nearest"), (1, "constant"))
]


@pytest.mark.parametrize(("dtype", "channels", "order", "fill_mode"), CASES)
def test_bits_depend_on_the_row_alone(monkeypatch, dtype, channels, order, fill_mode):
    rng = np.random.default_rng(7)
    images = random_images(rng, (9, 37, 41, channels), dtype)
    rows, matrices = rng.integers(0, 9, 90), random_matrices(rng, 90, 37, 41)
    matrices[::7] = IDENTITY
    options = {"order": order, "fill_mode": fill_mode, "fill_value": 3.0}
    monkeypatch.setenv("KAUG_NUM_THREADS", "3")
    whole = warped(images, rows, matrices, **options)
    monkeypatch.setenv("KAUG_NUM_THREADS", "1")
    assert warped(images, rows, matrices, **options).tobytes() == whole.tobytes()
    shuffled = rng.permutation(90)
    again = warped(images, rows[shuffled], matrices[shuffled], **options)
    assert again.tobytes() == whole[shuffled].tobytes()
    for i in (0, 1, 7, 88):
        single = warped(images, rows[i : i + 1], matrices[i : i + 1], **options)
        assert single.tobytes() == whole[i : i + 1].tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_bits_do_not_depend_on_alignment(dtype):
    rng = np.random.default_rng(8)
    images = random_images(rng, (3, 13, 17, 1), dtype)
    matrices = random_matrices(rng, 3, 13, 17)
    expected = warped(images, [0, 1, 2], matrices)
    for bytes_off in range(0, 32, images.itemsize):
        room = np.empty(images.nbytes + 64, np.uint8)
        moved = room[bytes_off : bytes_off + images.nbytes].view(dtype).reshape(images.shape)
        moved[...] = images
        out_room = np.empty(expected.nbytes + 64, np.uint8)
        out = out_room[bytes_off : bytes_off + expected.nbytes].view(dtype)
        out = out.reshape(expected.shape)
        warp(moved, np.arange(3), matrices, out, order=1, fill_mode="nearest", fill_value=0.0)
        assert out.tobytes() == expected.tobytes()


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_vectors_and_single_samples_agree_bit_for_bit(channels):
    # 1 and 3 channels are blended in vectors, 7 one sample at a time.
    rng = np.random.default_rng(9)
    matrices = random_matrices(rng, 20, 21, 22)
    for dtype in DTYPES:
        images = random_images(rng, (20, 21, 22, channels), dtype)
        many = np.concatenate([images] + [images[..., :1]] * (7 - channels), axis=3)
        ours, expected = (warped(x, range(20), matrices) for x in (images, many))
        assert ours.tobytes() == expected[..., :channels].tobytes()


def test_nothing_is_written_beside_the_output():
    rng = np.random.default_rng(10)
    for dtype, channels in itertools.product(DTYPES, (1, 3, 5)):
        images = random_images(rng, (2, 9, 11, channels), dtype)
        room = np.full((4, 9, 11, channels), 99, dtype)
        before = images.copy()
        matrices = random_matrices(rng, 2, 9, 11)
        warp(images, np.arange(2), matrices, room[1:3], order=1, fill_mode="wrap", fill_value=0.0)
        np.testing.assert_array_equal(room[[0, 3]], 99)
        np.testing.assert_array_equal(images, before)


def test_a_read_only_memory_map_and_scattered_rows(tmp_path):
    rng = np.random.default_rng(11)
    images = random_images(rng, (6, 9, 8, 3), "uint8")
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    rows = np.array([5, 0, 5, 3, 1])
    matrices = random_matrices(rng, 5, 9, 8)
    expected = warped(images[rows], range(5), matrices)
    rows.flags.writeable = matrices.flags.writeable = False
    np.testing.assert_array_equal(warped(mapped, rows, matrices), expected)


def test_no_rows():
    images = np.zeros((3, 4, 5, 1), np.float32)
    assert warped(images, [], np.empty((0, 2, 3))).shape == (0, 4, 5, 1)
    assert warped(images[:0], [], np.empty((0, 2, 3))).shape == (0, 4, 5, 1)


def test_an_image_beyond_int32_offsets_is_refused():
    huge = np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), (1, 2**16, 2**15, 1), (0,) * 4)
    out = np.empty((0, 1, 1, 1), np.uint8)
    with pytest.raises(ValueError, match=r"fewer than 2\*\*31 elements.*Received:.*tiles"):
        warp(
            huge,
            np.empty(0, np.int64),
            np.empty((0, 2, 3)),
            out,
            order=1,
            fill_mode="nearest",
            fill_value=0.0,
        )


def test_absurd_matrices_stay_inside_the_image():
    images = np.full((1, 9, 11, 1), 5, np.uint8)
    huge = [[[1e300, -1e300, 1e18], [1e12, 1e5, -1e12]], [[1e9, 3e9, -2e9], [0.1, -4e9, 4e9]]]
    for fill_mode, order in itertools.product(FILL_MODES, (0, 1)):
        out = warped(images, [0, 0], huge, fill_mode=fill_mode, order=order, fill_value=5)
        np.testing.assert_array_equal(out, 5)


def test_eight_python_threads_at_once():
    rng = np.random.default_rng(12)
    images = random_images(rng, (50, 28, 28, 1), "float32")
    rows, matrices = rng.integers(0, 50, 400), random_matrices(rng, 400, 28, 28)
    expected = warped(images, rows, matrices).tobytes()
    equal = []

    def call():
        equal.extend(warped(images, rows, matrices).tobytes() == expected for _ in range(5))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert equal == [True] * 40
