"""Every kind of file, against the arrays that were written and what Pillow and tifffile make."""

import struct
import zlib
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from kaug.sources import files
from kaug.sources._values import to_dtype

H, W = 11, 7


def noise(*shape, dtype="uint8", seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.random(shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max + 1, shape, dtype)


def smooth(height, width):
    y, x = np.mgrid[:height, :width]
    planes = [127 + 120 * np.sin(y / 9 + c) * np.cos(x / 7 - c) for c in range(3)]
    return np.stack(planes, axis=-1).astype(np.uint8)


def read(path, **options):
    return files([path], **options)[0]


def as_bytes(values):
    """Returns 16 bits as the nearest of 8."""
    return np.floor(values / 257 + 0.5).astype(np.uint8)


def with_mode(mode):
    """Returns a picture of one of Pillow's modes."""
    if mode in ("L", "1"):
        return Image.fromarray(noise(H, W)).convert(mode)
    if mode == "P":
        return Image.fromarray(noise(H, W, 3)).quantize(9)
    bands = len(Image.new(mode, (1, 1)).getbands())
    return Image.fromarray(noise(H, W, bands)).convert(mode)


@pytest.mark.parametrize(
    ("kind", "modes"),
    {
        "png": ["1", "L", "LA", "P", "RGB", "RGBA"],
        "tiff": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"],
        "bmp": ["1", "L", "P", "RGB"],
        "gif": ["1", "L", "P"],
        "webp": ["RGB", "RGBA"],
        "jpeg": ["L", "RGB", "CMYK"],
        "ppm": ["1", "L", "RGB"],
        "jp2": ["L", "LA", "RGB", "RGBA"],
        "avif": ["RGB", "RGBA"],
    }.items(),
)
@pytest.mark.parametrize("channels", [None, 1, 3, 4])
def test_eight_bits_as_pillow_makes_them(tmp_path, kind, modes, channels):
    for mode in modes:
        path = tmp_path / f"{mode}.{kind}"
        with_mode(mode).save(path)
        with Image.open(path) as opened:
            picture = opened.copy()
        expected = {1: "L", 3: "RGB", 4: "RGBA"}.get(channels)
        if expected is None:
            expected = {"1": "L", "P": "RGB", "CMYK": "RGB"}.get(picture.mode, picture.mode)
        # Colors first, so that gray is that of the colors, with and without a palette.
        if picture.mode in ("P", "CMYK"):
            picture = picture.convert("RGB")
        expected = np.asarray(picture.convert(expected)).reshape(H, W, -1)
        seen = read(path, channels=channels)
        np.testing.assert_array_equal(seen, expected, err_msg=mode)
        assert seen.dtype == np.uint8
        assert seen.flags.c_contiguous
        assert seen.flags.writeable
        np.testing.assert_array_equal(files([path]).sizes, [[H, W]])


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_transparent_color(tmp_path, mode):
    picture = with_mode(mode)
    key = picture.getpixel((3, 2))
    picture.save(tmp_path / "a.png", transparency=key)
    clear = (np.asarray(picture) == key).reshape(H, W, -1).all(axis=2)
    assert clear.any()
    seen = read(tmp_path / "a.png", channels=4)
    np.testing.assert_array_equal(seen[..., 3] == 0, clear)
    color = np.asarray(picture.convert("RGB"))
    np.testing.assert_array_equal(seen[..., :3], color)
    np.testing.assert_array_equal(read(tmp_path / "a.png"), color)
    own = read(tmp_path / "a.png", channels=None)
    assert own.shape[2] == (2 if mode == "L" else 4)
    np.testing.assert_array_equal(own[..., -1] == 0, clear)


def test_opacity_by_number_of_a_palette(tmp_path):
    picture = with_mode("P")
    opacity = bytes(range(0, 9 * 20, 20))
    picture.save(tmp_path / "a.png", transparency=opacity)
    seen = read(tmp_path / "a.png", channels=4)
    np.testing.assert_array_equal(seen[..., 3], np.asarray(picture) * 20)


@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
def test_the_first_frame(tmp_path, kind):
    frames = [Image.fromarray(noise(H, W, 3, seed=seed)) for seed in range(3)]
    path = tmp_path / f"a.{kind}"
    options = {} if kind == "gif" else {"lossless": True}
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=50, **options)
    with Image.open(path) as picture:
        assert picture.n_frames == 3
        np.testing.assert_array_equal(read(path), np.asarray(picture.convert("RGB")))
    if kind != "gif":
        np.testing.assert_array_equal(read(path), np.asarray(frames[0]))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_sixteen_bits(tmp_path, kind, channels):
    values = noise(H, W, channels, dtype="uint16")
    path = tmp_path / f"a.{kind}"
    if kind == "tiff":
        extra = {"extrasamples": ["unassalpha"]} if channels in (2, 4) else {}
        photometric = "rgb" if channels > 2 else "minisblack"
        own = values[..., 0] if channels == 1 else values
        planes = {"planarconfig": "contig"} if channels > 1 else {}
        tifffile.imwrite(path, own, photometric=photometric, **planes, **extra)
    elif channels == 2:
        write_png(path, values, 4)
    else:
        order = [2, 1, 0, 3][:channels] if channels > 2 else [0]
        cv2.imwrite(str(path), values[..., order])
    np.testing.assert_array_equal(read(path, channels=None, dtype="uint16"), values)
    np.testing.assert_array_equal(read(path, channels=None), as_bytes(values))
    floats = read(path, channels=None, dtype="float32")
    np.testing.assert_array_equal(floats, (values / 65535).astype(np.float32))
    color = np.repeat(values[..., :1], 3, axis=2) if channels < 3 else values[..., :3]
    np.testing.assert_array_equal(read(path, dtype="uint16"), color)
    opacity = values[..., -1:] if channels in (2, 4) else np.full((H, W, 1), 65535)
    with_opacity = np.concatenate([color, opacity], axis=2)
    np.testing.assert_array_equal(read(path, channels=4, dtype="uint16"), with_opacity)
    gray = read(path, channels=1, dtype="uint16")
    assert np.abs(gray[..., 0] - color @ [0.299, 0.587, 0.114]).max() < 1


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def write_png(path, values, color, *, key=b"", filters=None, interlaced=0):
    """Writes a PNG of 16 bits as the specification has it, with the filters asked for."""
    height, width, channels = values.shape
    step = 2 * channels
    rows = np.zeros((height + 1, step * (width + 1)), np.int64)
    rows[1:, step:] = values.astype(">u2").view(np.uint8).reshape(height, -1)
    own, left, above, corner = (
        rows[1:, step:],
        rows[1:, :-step],
        rows[:-1, step:],
        rows[:-1, :-step],
    )
    total = left + above - corner
    near = np.abs(np.stack([total - left, total - above, total - corner])).argmin(axis=0)
    guesses = [0 * own, left, above, (left + above) // 2, np.choose(near, [left, above, corner])]
    guesses.append(0 * own)  # a sixth filter, which there is not
    kinds = np.zeros(height, int) if filters is None else np.resize(filters, height)
    lines = b"".join(
        bytes([kind]) + ((own[y] - guesses[kind][y]) & 255).astype(np.uint8).tobytes()
        for y, kind in enumerate(kinds)
    )

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, interlaced)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + (chunk(b"tRNS", key) if key else b"")
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("filters", [[0], [1], [2], [3], [4], [4, 3, 2, 1, 0]])
@pytest.mark.parametrize(("color", "channels"), {0: 1, 2: 3, 4: 2, 6: 4}.items())
def test_filters_of_png(tmp_path, filters, color, channels):
    values = noise(H, W, channels, dtype="uint16")
    write_png(tmp_path / "a.png", values, color, filters=filters)
    seen = read(tmp_path / "a.png", channels=None, dtype="uint16")
    np.testing.assert_array_equal(seen, values)
    with Image.open(tmp_path / "a.png") as picture:  # the upper bytes, gray with opacity as RGBA
        high = np.asarray(picture).reshape(H, W, -1)[..., -channels:]
    np.testing.assert_array_equal(seen if color == 0 else seen >> 8, high)


def test_a_transparent_color_of_sixteen_bits(tmp_path):
    values = noise(H, W, 3, dtype="uint16")
    values[4, 5] = values[2, 1]
    key = values[2, 1].astype(">u2").tobytes()
    write_png(tmp_path / "a.png", values, 2, key=key)
    seen = read(tmp_path / "a.png", channels=4, dtype="uint16")
    assert np.argwhere(seen[..., 3] == 0).tolist() == [[2, 1], [4, 5]]
    np.testing.assert_array_equal(read(tmp_path / "a.png", dtype="uint16"), values)


def test_pngs_of_sixteen_bits_that_cannot_be_read(tmp_path):
    path = tmp_path / "a.png"
    values = noise(H, W, 3, dtype="uint16")
    write_png(path, values, 2, interlaced=1)
    with pytest.raises(ValueError, match=r"16 bits, interlaced\)\. Save it without interlacing"):
        read(path)
    write_png(path, values, 2)
    whole = path.read_bytes()
    for cut in (60, len(whole) - 40, len(whole) - 12, len(whole) - 2):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=r"a\.png \(.*(cut off|damaged)"):
            read(path)
    path.write_bytes(whole.replace(whole[80:84], b"\0\0\0\0"))
    with pytest.raises(ValueError, match=r"a\.png \("):
        read(path)
    for height, color in ((H + 1, 2), (H, 6)):  # as if there were more
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", W, height, 16, color, 0, 0, 0))
        path.write_bytes(whole[:8] + header + whole[33:])
        with pytest.raises(ValueError, match=r"a\.png \(it is cut off\)"):
            read(path)
    write_png(path, values, 2, filters=[5])
    with pytest.raises(ValueError, match=r"a\.png \(it is damaged\)"):
        read(path)


@given(st.lists(st.integers(0, 65535), min_size=1))
def test_depths(values):
    deep = np.array(values, np.uint16)
    np.testing.assert_array_equal(to_dtype(deep, "uint8"), np.round(deep / 257))
    np.testing.assert_array_equal(to_dtype(deep, "float32"), (deep / 65535).astype(np.float32))
    assert to_dtype(deep, "uint16") is deep
    flat = (deep >> 8).astype(np.uint8)
    np.testing.assert_array_equal(to_dtype(flat, "uint16"), flat.astype(int) * 257)
    np.testing.assert_array_equal(to_dtype(to_dtype(flat, "uint16"), "uint8"), flat)
    np.testing.assert_array_equal(to_dtype(flat, "float32"), (flat / 255).astype(np.float32))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64", "float16"])
@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiffs_of_all_kinds(tmp_path, order, dtype, channels, planar, compression):
    values = noise(H, W, channels, dtype=dtype)
    own = values if planar == "contig" else np.moveaxis(values, -1, 0)
    options = {"photometric": "rgb" if channels == 3 else "minisblack", "planarconfig": planar}
    if channels == 1:
        own, options = values[..., 0], {"photometric": "minisblack"}
    options["compression"] = compression
    tifffile.imwrite(tmp_path / "a.tif", own, byteorder=order, **options)
    wanted = "float32" if dtype.startswith("f") else dtype
    seen = read(tmp_path / "a.tif", channels=None, dtype=wanted)
    assert seen.dtype.isnative
    np.testing.assert_array_equal(seen, values.astype(wanted))
    np.testing.assert_array_equal(files([tmp_path / "a.tif"], channels=None).sizes, [[H, W]])
    if channels == 5:
        with pytest.raises(ValueError, match=r"5 channels, which .* Pass channels=None"):
            read(tmp_path / "a.tif", dtype=wanted)
    if wanted == "float32":
        with pytest.raises(ValueError, match=r'a\.tif \(floats\)\. Pass dtype="float32"'):
            read(tmp_path / "a.tif", channels=None)


def test_pages_are_channels_if_asked_for(tmp_path):
    values = noise(H, W, 5, dtype="uint16")
    tifffile.imwrite(tmp_path / "a.tif", np.moveaxis(values, -1, 0), photometric="minisblack")
    np.testing.assert_array_equal(read(tmp_path / "a.tif", channels=None, dtype="uint16"), values)
    with pytest.raises(ValueError, match=r"5 pages\)\. Pass channels=None"):
        read(tmp_path / "a.tif")
    # What becomes a page for each row, for want of options.
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack")
    with pytest.raises(ValueError, match=r"11 pages of 7 × 5\)\. If these are the rows"):
        read(tmp_path / "a.tif", channels=None, dtype="uint16")


def test_pages_of_other_sizes(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as out:
        out.write(noise(H, W), photometric="minisblack")
        out.write(noise(W, H), photometric="minisblack")
    with pytest.raises(ValueError, match=r"2 pages of different sizes or depths\)\. Save them as"):
        read(tmp_path / "a.tif", channels=None)


def test_thumbnails_are_no_pages(tmp_path):
    values = noise(H, W, 3)
    with tifffile.TiffWriter(tmp_path / "a.tif") as out:
        out.write(values, photometric="rgb")
        out.write(values[::2, ::2], photometric="rgb", subfiletype=1)
    np.testing.assert_array_equal(read(tmp_path / "a.tif"), values)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_white_is_0(tmp_path, dtype):
    values = noise(H, W, dtype=dtype)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="miniswhite")
    seen = read(tmp_path / "a.tif", channels=1, dtype=dtype)[..., 0]
    np.testing.assert_array_equal(seen, np.iinfo(dtype).max - values)


@pytest.mark.parametrize(
    ("dtype", "says"), [("int16", "16 bits"), ("uint32", "32 bits"), ("int8", "8 bits")]
)
def test_tiffs_of_other_values(tmp_path, dtype, says):
    values = np.arange(H * W).reshape(H, W).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack")
    with pytest.raises(ValueError, match=rf"values of {says}, {dtype}\)\. Save it as gray, RGB"):
        read(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("values", "options", "says"),
    [
        (noise(H, W, dtype="uint16"), {"photometric": "palette"}, "16 bits of colors that are not"),
        (noise(H, W, 4, dtype="uint16"), {"photometric": "separated"}, "16 bits of colors that"),
        (
            noise(H, W, 4, dtype="uint16"),
            {"photometric": "rgb", "extrasamples": ["assocalpha"]},
            "colors multiplied by their opacity",
        ),
        (
            noise(16, 16, 16, dtype="uint16"),
            {"photometric": "minisblack", "volumetric": True, "tile": (16, 16, 16)},
            "axes ZYX",
        ),
    ],
    ids=["palette", "inks", "multiplied", "volume"],
)
def test_tiffs_of_other_kinds(tmp_path, values, options, says):
    if options["photometric"] == "palette":
        options = options | {"colormap": np.zeros((3, 2**16), np.uint16)}
    tifffile.imwrite(tmp_path / "a.tif", values, **options)
    with pytest.raises(ValueError, match=rf"a\.tif \({says}.*\)\. Save i"):
        read(tmp_path / "a.tif", channels=None, dtype="uint16")


def test_pixels_of_other_kinds(tmp_path):
    Image.frombytes("LAB", (W, H), noise(H, W, 3).tobytes()).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match=r"that Pillow calls LAB\)\. Save it as gray or RGB"):
        read(tmp_path / "a.tif")


def test_floats_as_gray(tmp_path):
    values = noise(H, W, 3, dtype="float32")
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    seen = read(tmp_path / "a.tif", channels=1, dtype="float32")[..., 0]
    np.testing.assert_allclose(seen, values @ [0.299, 0.587, 0.114], rtol=1e-4)
    opaque = read(tmp_path / "a.tif", channels=4, dtype="float32")
    np.testing.assert_array_equal(opaque[..., 3], 1)


def test_without_tifffile(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tifffile", None)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(H, W, 3, dtype="uint16"), photometric="rgb")
    with pytest.raises(ValueError, match=r'needs tifffile: pip install "kaug\[tiff\]"'):
        read(path)
    Image.fromarray(noise(H, W, 3)).save(path)
    np.testing.assert_array_equal(read(path), noise(H, W, 3))


def test_deep_colors_of_other_formats(tmp_path):
    path = tmp_path / "a.ppm"
    path.write_bytes(b"P6 7 11 65535\n" + noise(H, W, 3, dtype="uint16").astype(">u2").tobytes())
    with pytest.raises(ValueError, match=r"colors of 16 bits, of which Pillow keeps 8\)\. Save it"):
        read(path)
    values = noise(H, W, 1, dtype="uint16")
    path.write_bytes(b"P5 7 11 65535\n" + values.astype(">u2").tobytes())
    np.testing.assert_array_equal(read(path, channels=None, dtype="uint16"), values)
    cv2.imwrite(
        str(tmp_path / "a.jp2"),
        noise(64, 80, 3, dtype="uint16"),
        [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000],
    )
    with pytest.raises(ValueError, match="colors of 16 bits"):
        read(tmp_path / "a.jp2")
    Image.fromarray(values[..., 0]).save(tmp_path / "b.jp2")
    np.testing.assert_array_equal(read(tmp_path / "b.jp2", channels=1, dtype="uint16"), values)


def test_bombs(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60)
    for name, values in {
        "a.png": noise(8, 9),
        "b.png": noise(8, 8, dtype="uint16"),
        "c.tif": noise(8, 9, 3, dtype="uint16"),
        "d.tif": noise(8, 9, 5),
    }.items():
        path = tmp_path / name
        if name == "a.png":
            Image.fromarray(values).save(path)
        elif name == "b.png":
            cv2.imwrite(str(path), values)
        else:
            kind = "rgb" if values.shape[2] == 3 else "minisblack"
            tifffile.imwrite(path, values, photometric=kind, planarconfig="contig")
        with pytest.raises(ValueError, match=r"a\.png|b\.png|c\.tif|d\.tif"):
            read(path)
        with pytest.raises(ValueError, match=r"pixels"):
            files([path]).sizes  # noqa: B018


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "tiff", "tifffile", "deep"])
def test_orientations(tmp_path, orientation, kind):
    exif = Image.Exif()
    exif[274] = orientation
    path, options = tmp_path / f"a.{kind}", {}
    dtype = "uint16" if kind in ("tifffile", "deep") else "uint8"
    if kind == "tifffile":
        values = noise(H, W, 3, dtype="uint16")
        tifffile.imwrite(path, values, photometric="rgb", extratags=[(274, "H", 1, orientation)])
    elif kind == "deep":
        path, values = tmp_path / "a.png", noise(H, W, 3, dtype="uint16")
        write_png(path, values, 2)
        tag = struct.pack(">HHIHH", 274, 3, 1, orientation, 0)
        late = chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\x01" + tag + bytes(4))
        whole = path.read_bytes()
        path.write_bytes(whole[:-12] + late + whole[-12:])  # behind the pixels
    else:
        values = smooth(H, W) if kind == "jpeg" else noise(H, W, 3)
        options = {"lossless": True} if kind == "webp" else {}
        Image.fromarray(values).save(path, format=kind, exif=exif, **options)
    if dtype == "uint8":
        with Image.open(path) as picture:
            expected = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    else:
        planes = [Image.fromarray(values[..., c]) for c in range(3)]
        how = {
            2: Image.Transpose.FLIP_LEFT_RIGHT,
            3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE,
            6: Image.Transpose.ROTATE_270,
            7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_90,
        }.get(orientation)
        planes = [np.asarray(plane if how is None else plane.transpose(how)) for plane in planes]
        expected = np.stack(planes, axis=-1)
    x = files([path], dtype=dtype)
    np.testing.assert_array_equal(x.sizes, [expected.shape[:2]])
    np.testing.assert_array_equal(x[0], expected)
    region = x._read(0, (2, 1, 6, 7))
    assert region[1:] == (2, 1, 1)
    np.testing.assert_array_equal(region.pixels, expected[2:6, 1:7])


@pytest.mark.parametrize("notes", [b"MM\0*\0\0\0\x08\0\x01" + b"\xff" * 16, b"no notes", b""])
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_notes_that_are_damaged_turn_nothing(tmp_path, kind, notes):
    path, values = tmp_path / "a", smooth(H, W)
    Image.fromarray(values).save(path, format=kind, exif=b"Exif\0\0" + notes)
    x = files([path])
    np.testing.assert_array_equal(x.sizes, [[H, W]])
    assert np.abs(x[0].astype(int) - values).max() < 40


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_there_is_not(tmp_path, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(noise(H, W, 3)).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read(tmp_path / "a.png"), noise(H, W, 3))


def test_too_little_memory_is_no_fault_of_the_file(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", noise(H, W, 3, dtype="uint16"), photometric="rgb")
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=100))
    with pytest.raises(MemoryError, match=r"\(11, 7, 3\) and dtype uint16"):
        read(tmp_path / "a.tif")
    with pytest.raises(MemoryError):
        files([tmp_path / "a.tif"], on_error="skip")
