"""JPEGs: whole, and reduced as far as somebody asks, by Pillow and by simplejpeg alike."""

import io
import sys

import cv2
import numpy as np
import pytest
from PIL import Image, ImageFile
from scipy.ndimage import gaussian_filter

from kaug.sources import _jpeg, files
from kaug.transforms import Compose, Letterbox, Rotation

SHAPE = (75, 101)
REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


@pytest.fixture(params=["Pillow", "simplejpeg"])
def decoder(request, monkeypatch):
    """Has JPEGs decoded by one library and not the other."""
    if request.param == "simplejpeg":
        library = pytest.importorskip("simplejpeg")
        monkeypatch.setattr(_jpeg, "_simplejpeg", lambda: library)
    else:
        monkeypatch.setattr(_jpeg, "_simplejpeg", lambda: None)
    return request.param


def photograph(shape=SHAPE, seed=0):
    noise = np.random.default_rng(seed).normal(0, 1, (*shape, 3))
    blurred = gaussian_filter(noise, (3, 3, 0))
    return np.clip(127 + 60 * blurred / blurred.std(), 0, 255).astype(np.uint8)


def save(path, values, orientation=1, **options):
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(values).save(path, format="JPEG", exif=exif, quality=90, **options)


def by_opencv(path, reduction):
    return cv2.cvtColor(cv2.imread(str(path), REDUCED[reduction]), cv2.COLOR_BGR2RGB)


@pytest.mark.parametrize("reduction", REDUCED)
@pytest.mark.parametrize(
    "options",
    [{"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2}, {"progressive": True}],
    ids=str,
)
@pytest.mark.parametrize("shape", [SHAPE, (64, 48), (17, 33), (97, 16)], ids=str)
def test_as_opencv_decodes_them(tmp_path, decoder, reduction, options, shape):
    path = tmp_path / "a.jpg"
    save(path, photograph(shape), **options)
    region = files([path])._read(0, None, reduction)
    assert region[1:] == (0, 0, reduction)
    np.testing.assert_array_equal(region.pixels, by_opencv(path, reduction))
    if reduction == 1:
        np.testing.assert_array_equal(region.pixels, files([path])[0])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("reduction", REDUCED)
def test_where_the_pixels_of_a_reduced_picture_lie(tmp_path, decoder, orientation, reduction):
    path = tmp_path / "a.jpg"
    save(path, photograph(), orientation, subsampling=0)
    x = files([path])
    whole, region = x[0], x._read(0, None, reduction)
    np.testing.assert_array_equal(region.pixels, by_opencv(path, reduction))
    assert tuple(x.sizes[0]) == whole.shape[:2]
    rows, columns, _ = region.pixels.shape
    assert -reduction < region.top <= 0
    assert region.top + rows * reduction >= len(whole)
    checked = 0
    for k, j in np.ndindex(rows, columns):
        top, left = region.top + k * reduction, region.left + j * reduction
        shown = whole[max(top, 0) : top + reduction, max(left, 0) : left + reduction]
        if shown.shape[:2] == (reduction, reduction):  # all of it is there
            assert np.abs(shown.mean((0, 1)) - region.pixels[k, j]).max() < 12
            checked += 1
    assert checked > 70


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("reduction", REDUCED)
@pytest.mark.parametrize(
    "window", [(0, 0, 1, 1), (13, 22, 60, 31), (5, 0, 75, 70), (31, 17, 33, 64)]
)
def test_a_window_is_part_of_the_whole(tmp_path, decoder, orientation, reduction, window):
    path = tmp_path / "a.jpg"
    save(path, photograph(), orientation)
    x = files([path])
    whole, part = x._read(0, None, reduction), x._read(0, window, reduction)
    k, j = (part.top - whole.top) / reduction, (part.left - whole.left) / reduction
    assert k == int(k)
    assert j == int(j)
    rows, columns, _ = part.pixels.shape
    same = whole.pixels[int(k) : int(k) + rows, int(j) : int(j) + columns]
    np.testing.assert_array_equal(part.pixels, same)
    assert part.pixels.flags.c_contiguous
    assert part.pixels.flags.writeable
    assert part.top <= window[0]
    assert part.left <= window[1]
    assert part.top + rows * reduction >= window[2]
    assert part.left + columns * reduction >= window[3]
    assert rows * reduction < window[2] - window[0] + 2 * reduction


def test_small_pictures_are_reduced_less(tmp_path, decoder):
    path = tmp_path / "a.jpg"
    for shape, most in {(1, 9): 1, (3, 3): 2, (7, 30): 4, (8, 8): 8}.items():
        save(path, photograph(shape))
        assert files([path])._read(0, None, 8).reduction == most


@pytest.mark.parametrize("reduction", REDUCED)
@pytest.mark.parametrize("channels", [None, 1, 3, 4])
def test_gray(tmp_path, decoder, channels, reduction):
    path = tmp_path / "a.jpg"
    save(path, photograph()[..., 0])
    seen = files([path], channels=channels)._read(0, None, reduction).pixels
    picture = Image.open(path)
    if reduction > 1:
        picture.draft(None, (SHAPE[1] // reduction, SHAPE[0] // reduction))
    gray = np.asarray(picture)
    assert seen.shape == (*gray.shape, channels or 1)
    for channel in range(min(seen.shape[2], 3)):
        np.testing.assert_array_equal(seen[..., channel], gray)
    if channels == 4:
        assert (seen[..., 3] == 255).all()


def test_color_as_gray_is_that_of_the_colors(tmp_path, decoder):
    path = tmp_path / "a.jpg"
    save(path, photograph())
    with Image.open(path) as picture:
        expected = np.asarray(picture.convert("RGB").convert("L"))
    np.testing.assert_array_equal(files([path], channels=1)[0][..., 0], expected)


@pytest.mark.parametrize("reduction", [1, 4])
def test_inks_become_colors(tmp_path, decoder, reduction):
    path = tmp_path / "a.jpg"
    Image.fromarray(photograph()).convert("CMYK").save(path)
    with Image.open(path) as picture:
        if reduction > 1:
            picture.draft(None, (SHAPE[1] // reduction, SHAPE[0] // reduction))
        expected = np.asarray(picture.convert("RGB"))
    for channels in (3, None):
        seen = files([path], channels=channels)._read(0, None, reduction).pixels
        np.testing.assert_array_equal(seen, expected)


def test_several_pictures_in_one_file(tmp_path, decoder):
    path = tmp_path / "a.jpg"
    first = Image.fromarray(photograph())
    first.save(path, format="MPO", save_all=True, append_images=[Image.new("RGB", (9, 9))])
    with Image.open(path) as picture:
        assert picture.format == "MPO"
        np.testing.assert_array_equal(files([path])[0], np.asarray(picture))
    np.testing.assert_array_equal(files([path])._read(0, None, 4).pixels, by_opencv(path, 4))


@pytest.mark.parametrize("reduction", [1, 8])
@pytest.mark.parametrize("kept", [0.6, 0.99])
def test_cut_off(tmp_path, decoder, reduction, kept, monkeypatch):
    path = tmp_path / "a.jpg"
    save(path, photograph())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    x = files([path])
    with pytest.raises(ValueError, match=r"a\.jpg \(.*truncated"):
        x._read(0, None, reduction)
    with pytest.raises(ValueError, match=r"a\.jpg \(.*truncated"):
        files([path], on_error="skip")
    # Pillow's own switch counts with both.
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert x._read(0, None, reduction).reduction == reduction


def test_what_one_library_takes_the_other_takes(tmp_path, decoder):
    path = tmp_path / "a.jpg"
    save(path, photograph())
    whole = path.read_bytes()
    path.write_bytes(whole[:-2] + b"\0" * 9 + whole[-2:])  # libjpeg complains, and goes on
    np.testing.assert_array_equal(files([path])[0], np.asarray(Image.open(io.BytesIO(whole))))
    path.write_bytes(whole + b"\0" * 100)
    np.testing.assert_array_equal(files([path])[0], np.asarray(Image.open(io.BytesIO(whole))))


def test_simplejpeg_is_taken_where_it_is_there(tmp_path, monkeypatch):
    calls = []

    class Library:
        @staticmethod
        def decode_jpeg(data, colors, **least):
            calls.append((colors, *least.values()))
            return np.zeros((*SHAPE, 3), np.uint8)

    monkeypatch.setitem(sys.modules, "simplejpeg", Library)
    _jpeg._simplejpeg.cache_clear()
    save(tmp_path / "a.jpg", photograph())
    assert not files([tmp_path / "a.jpg"])[0].any()
    files([tmp_path / "a.jpg"])._read(0, None, 4)
    _jpeg._simplejpeg.cache_clear()
    assert calls == [("RGB", 0, 0), ("RGB", 19, 26)]


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("shape", [(33, 1001), (1009, 57), (17, 15)])
def test_what_lies_beyond_a_reduced_picture_is_filled(tmp_path, decoder, orientation, shape):
    save(tmp_path / "a.jpg", np.full((*shape, 3), 255, "uint8"), orientation)
    pictures = files([tmp_path / "a.jpg"])
    for policy in (Letterbox(7), Compose([Rotation((45, 45), fill_mode="constant"), Letterbox(6)])):
        data = {"images": pictures, "segmentation_masks": [pictures[0]]}
        made = policy(data, seed=0)
        np.testing.assert_array_equal(made["images"], policy(pictures[0][None], seed=0))
        np.testing.assert_array_equal(made["images"], made["segmentation_masks"])
