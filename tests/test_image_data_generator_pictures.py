"""What the generator's files hold, and what of it reaches the batches."""

import io
import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image
from tensorflow.keras.preprocessing.image import ImageDataGenerator as KerasGenerator

from kaug._generators import numpy_state_kept
from kaug.image_data_generator import ImageDataGenerator

SIZE = (5, 7)
GRAY = np.linspace(0, 65535, 35).astype("uint16").reshape(SIZE)
RGB = np.stack([GRAY, GRAY[::-1], GRAY[:, ::-1]], axis=-1)
BYTES = (GRAY >> 8).astype("uint8")
DEEP = r"keeps its own range, not 0\.\.255.*Received: {} in .*{}.*color_mode=\"grayscale\""
HIGH_BYTE = r"only the highest 8 bits are read\. Received: 16 bits in .*{}"


def png(values):
    """Returns a PNG of 16 bits, which Pillow writes of gray only."""
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[values.shape[2]]
    height, width = values.shape[:2]

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiff(values, *, order="<", black_is_0=True, planes=False, deflated=False):
    """Returns a TIFF of one strip, of any dtype, byte order and number of channels."""
    values = values if values.ndim == 3 else values[..., np.newaxis]
    (height, width, channels), kind = values.shape, values.dtype.kind
    data = (np.moveaxis(values, 2, 0) if planes else values).astype(
        values.dtype.newbyteorder(order)
    )
    data = zlib.compress(data.tobytes()) if deflated else data.tobytes()
    color = channels >= 3
    counts = {
        256: width,
        257: height,
        258: [values.dtype.itemsize * 8] * channels,
        259: 8 if deflated else 1,
        262: 2 if color else int(black_is_0),
        273: [8 + i * height * width * values.dtype.itemsize for i in range(channels)]
        if planes
        else 8,
        277: channels,
        278: height,
        279: [len(data) // channels] * channels if planes else len(data),
        284: 1 + planes,
        339: [{"u": 1, "i": 2, "f": 3}[kind]] * channels,
    }
    if channels > 3:
        counts[338] = [0] * (channels - 3)
    start, entries, more = 8 + len(data), b"", b""
    end = start + 2 + 12 * len(counts) + 4
    for tag, value in sorted(counts.items()):
        items = value if isinstance(value, list) else [value]
        code = "I" if tag in (273, 279) else "H"
        packed = struct.pack(f"{order}{len(items)}{code}", *items)
        if len(packed) > 4:
            place, more = struct.pack(f"{order}I", end + len(more)), more + packed
        else:
            place = packed.ljust(4, b"\0")
        entries += struct.pack(f"{order}HHI", tag, {"H": 3, "I": 4}[code], len(items)) + place
    magic = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", start)
    table = struct.pack(f"{order}H", len(counts)) + entries + b"\0\0\0\0"
    return magic + data + table + more


def read(
    tmp_path,
    name,
    content,
    mode="grayscale",
    *,
    table=False,
    cls=ImageDataGenerator,
    size=SIZE,
    interpolation="nearest",
    **options,
):
    """Returns the picture in a file, which becomes the only one in its folder."""
    folder = tmp_path / "a"
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    (folder / name).write_bytes(content)
    reading = {"color_mode": mode, "target_size": size, "class_mode": None}
    reading["interpolation"] = interpolation
    generator = cls(**options)
    if table:
        return next(generator.flow_from_dataframe({"filename": [name]}, folder, **reading))[0]
    return next(generator.flow_from_directory(str(tmp_path), **reading))[0]


INTEGERS, FLOATS = GRAY.astype("int64"), GRAY.astype("float32")
EXACT = {  # the file, its values, and how deep they are
    "little.tif": (tiff(GRAY), GRAY, "16 bits"),
    "big.tif": (tiff(GRAY, order=">"), GRAY, "16 bits"),
    "gray.png": (png(GRAY[..., np.newaxis]), GRAY, "16 bits"),
    "12.png": (png(GRAY[..., np.newaxis] >> 4), GRAY >> 4, "16 bits"),
    "float.tif": (tiff(FLOATS / 65535), FLOATS / 65535, "32-bit floats"),
    "far.tif": (tiff(FLOATS - 1000, order=">"), FLOATS - 1000, "32-bit floats"),
    "packed.tif": (tiff(FLOATS, deflated=True), FLOATS, "32-bit floats"),
    "swapped.tif": (tiff(GRAY, order=">", deflated=True), GRAY, "16 bits"),
    "int.tif": (tiff((INTEGERS - 1000).astype("int32")), INTEGERS - 1000, "32 bits"),
    "short.tif": (tiff((INTEGERS - 32768).astype("int16")), INTEGERS - 32768, "16 bits"),
    "unsigned.tif": (tiff((INTEGERS * 3).astype("uint32")), INTEGERS * 3, "32 bits"),
}


@pytest.mark.parametrize("table", [False, True])
@pytest.mark.parametrize("name", EXACT)
def test_gray_keeps_its_depth_and_its_byte_order(tmp_path, name, table):
    content, values, _ = EXACT[name]
    image = read(tmp_path, name, content, table=table)
    np.testing.assert_array_equal(image, values[..., np.newaxis])


@pytest.mark.parametrize("table", [False, True])
@pytest.mark.parametrize("name", EXACT)
def test_deep_gray_fills_three_channels_with_a_warning(tmp_path, name, table):
    content, values, depth = EXACT[name]
    with pytest.warns(UserWarning, match=DEEP.format(depth, name)):
        image = read(tmp_path, name, content, "rgb", table=table)
    np.testing.assert_array_equal(image, np.stack([values] * 3, -1))
    with pytest.warns(UserWarning, match=DEEP.format(depth, name)):
        first = read(tmp_path, name, content, "rgb", data_format="channels_first")
    np.testing.assert_array_equal(first, np.stack([values] * 3))


def test_both_byte_orders_are_resized_alike(tmp_path):
    large = np.kron(GRAY, np.ones((3, 2), "uint16"))
    little, big = (
        read(tmp_path, "a.tif", tiff(large, order=order), interpolation="bilinear")
        for order in "<>"
    )
    np.testing.assert_array_equal(little, big)
    assert little.max() > 60_000


@pytest.mark.parametrize("name", ["gray.png", "float.tif"])
def test_opacity_has_8_bits(tmp_path, name):
    with pytest.raises(ValueError, match=rf"{name} \(gray of .*bit.*opacity.*\"grayscale\""):
        read(tmp_path, name, EXACT[name][0], "rgba")


@pytest.mark.parametrize("mode", ["grayscale", "rgb", "rgba"])
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_color_of_16_bits_keeps_the_high_byte_with_a_warning(tmp_path, channels, mode):
    planes = {2: [GRAY, GRAY], 3: [*RGB.T], 4: [*RGB.T, GRAY.T]}[channels]
    values = np.stack(planes, -1) if channels == 2 else np.stack(planes).T
    content = png(values)
    with pytest.warns(UserWarning, match=HIGH_BYTE.format(r"color\.png")):
        image = read(tmp_path, "color.png", content, mode)
    if mode != "grayscale" and channels > 2:
        np.testing.assert_array_equal(image[..., :3], RGB >> 8)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("color.tif", tiff(RGB)),
        ("big.tif", tiff(RGB, order=">")),
        ("a.ppm", b"P6\n# 1 2 255\n7 5\n65535\n" + RGB.astype(">u2").tobytes()),
    ],
)
def test_other_color_of_16_bits(tmp_path, name, content):
    with pytest.warns(UserWarning, match=HIGH_BYTE.format(name)):
        image = read(tmp_path, name, content, "rgb")
    np.testing.assert_allclose(image, RGB >> 8, atol=1)  # Pillow rounds PPM


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (tiff(RGB, planes=True), "16 bits in planes, which Pillow mixes up"),
        (tiff(BYTES.astype("int8")), "8 bits with a sign"),
        (tiff(GRAY.astype("uint32") * 65537), r"32 bits without a sign above 2\*\*31"),
        (
            tiff(GRAY.astype("float32"), order=">", deflated=True),
            "32 bits, compressed, the highest byte first, which Pillow mixes up",
        ),
        (tiff(GRAY, black_is_0=False), "16 bits of which 0 is white"),
        (tiff(GRAY.astype("float64")), "a TIFF of a depth or of so many channels"),
        (tiff(RGB.astype("float32")), "a TIFF of a depth or of so many channels"),
    ],
)
def test_what_pillow_reads_wrongly_or_not_at_all_is_refused(tmp_path, content, text):
    for mode in ("grayscale", "rgb"):
        with pytest.raises(ValueError, match=rf"odd\.tif \({text}.*Save i"):
            read(tmp_path, "odd.tif", content, mode)
    Image.new("L", SIZE[::-1], 9).save(tmp_path / "a" / "z.png")
    options = {"class_mode": None, "target_size": SIZE, "on_error": "skip"}
    with pytest.warns(UserWarning, match=rf"odd\.tif \({text}.*It is left out"):
        images = ImageDataGenerator().flow_from_directory(tmp_path, **options).next()
    np.testing.assert_array_equal(images, np.full((1, *SIZE, 3), 9))


def test_white_may_be_0_in_bytes(tmp_path):
    image = read(tmp_path, "white.tif", tiff(BYTES, black_is_0=False))
    np.testing.assert_array_equal(image[..., 0], 255 - BYTES)


def test_further_channels_are_left_out_with_a_warning(tmp_path):
    content = tiff(np.concatenate([RGB, RGB[..., :2]], -1).astype("uint8"))
    with pytest.warns(UserWarning, match=r"left out\. Received: 3 of 5 in .*five\.tif"):
        image = read(tmp_path, "five.tif", content, "rgb")
    np.testing.assert_array_equal(image, RGB.astype("uint8"))


@pytest.mark.parametrize(
    ("name", "form"), [("a.tif", "TIFF"), ("a.png", "PNG"), ("gif.png", "GIF"), ("w.png", "WEBP")]
)
@pytest.mark.parametrize("table", [False, True])
def test_further_pages_are_left_out_with_one_warning(tmp_path, name, form, table):
    (tmp_path / "a").mkdir()
    pages = [Image.new("RGB", SIZE[::-1], color) for color in ("white", "black", "red")]
    pages[0].save(tmp_path / "a" / name, form, save_all=True, append_images=pages[1:])
    content = (tmp_path / "a" / name).read_bytes()
    with pytest.warns(UserWarning, match=rf"first page or frame.*3 pages in .*{name}") as caught:
        image = read(tmp_path, name, content, "rgb", table=table)
    assert len(caught) == 1
    np.testing.assert_array_equal(image, 255)


def test_a_photograph_with_smaller_ones_behind_it_has_one_page(tmp_path):
    (tmp_path / "a").mkdir()
    page = Image.new("RGB", SIZE[::-1], "white")
    page.save(tmp_path / "a" / "a.jpg", "MPO", save_all=True, append_images=[page])
    assert read(tmp_path, "a.jpg", (tmp_path / "a" / "a.jpg").read_bytes(), "rgb").min() == 255


def test_every_surprise_is_told_once(tmp_path):
    for number in range(3):
        (tmp_path / "a").mkdir(exist_ok=True)
        (tmp_path / "a" / f"{number}.png").write_bytes(EXACT["gray.png"][0])
    options = {"class_mode": None, "target_size": SIZE, "shuffle": False, "batch_size": 2}
    batches = ImageDataGenerator().flow_from_directory(tmp_path, **options)
    with pytest.warns(UserWarning, match=DEEP.format("16 bits", r"0\.png")) as caught:
        [batches.next() for _ in range(4)]
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_two_depths_in_one_flow_are_told(tmp_path):
    (tmp_path / "a").mkdir()
    Image.fromarray(BYTES).save(tmp_path / "a" / "0.png")
    (tmp_path / "a" / "1.png").write_bytes(EXACT["gray.png"][0])
    (tmp_path / "a" / "2.tif").write_bytes(EXACT["float.tif"][0])
    options = {"class_mode": None, "color_mode": "grayscale", "target_size": SIZE}
    text = r"one depth.*Received: 8 bits in .*0\.png' and 16 bits in .*1\.png'\. Bring"
    with pytest.warns(UserWarning, match=text) as caught:
        ImageDataGenerator().flow_from_directory(tmp_path, **options, shuffle=False).next()
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("name", "dtype", "text"),
    [
        ("gray.png", "uint8", "values such as 65535"),
        ("gray.png", "int16", "values such as 65535"),
        ("gray.png", "float16", "values such as 65535"),
        ("float.tif", "uint8", r"values such as 0\.9"),
        ("unsigned.tif", "int16", "values such as 196605"),
    ],
)
def test_a_dtype_must_hold_the_values(tmp_path, name, dtype, text):
    with pytest.raises(ValueError, match=rf"{name} \({text}.*dtype='{dtype}'.*dtype=\"float32\""):
        read(tmp_path, name, EXACT[name][0], dtype=dtype)


def test_dtypes_that_hold_the_values(tmp_path):
    for dtype in ("uint16", "int32", "float64"):
        image = read(tmp_path, "a.png", EXACT["gray.png"][0], dtype=dtype)
        np.testing.assert_array_equal(image[..., 0], GRAY)
    half = read(tmp_path, "a.tif", EXACT["float.tif"][0], dtype="float16")
    np.testing.assert_allclose(half[..., 0], GRAY / 65535, atol=1e-3)


def test_the_color_of_what_is_transparent_in_a_palette(tmp_path):
    picture = Image.fromarray((RGB >> 8).astype("uint8")).quantize(8)
    colors = np.asarray(picture.convert("RGB"))
    (tmp_path / "a").mkdir()
    picture.save(tmp_path / "a" / "a.png", transparency=bytes([0, 128] + [255] * 6))
    content = (tmp_path / "a" / "a.png").read_bytes()  # Pillow would warn of every one
    np.testing.assert_array_equal(read(tmp_path, "a.png", content, "rgb"), colors)
    image = read(tmp_path, "a.png", content, "rgba")
    np.testing.assert_array_equal(image[..., :3], colors)
    assert {0, 128, 255} == set(np.unique(image[..., 3]))
    with pytest.warns(UserWarning, match="the grays of its colors"):
        read(tmp_path, "a.png", content, "grayscale")


def indexed(palette):
    """Returns a PNG whose pixels are the numbers 0 to 3 of colors, and these pixels."""
    numbers = (np.arange(35) % 4).astype("uint8").reshape(SIZE)
    picture, file = Image.fromarray(numbers).convert("P"), io.BytesIO()
    picture.putpalette(palette)
    picture.save(file, "PNG")
    return file.getvalue(), numbers


def test_masks_with_a_palette_are_pointed_out(tmp_path):
    content, numbers = indexed([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    text = r"the grays of its colors.*a palette of colors in .*a\.png.*Image\.open\(path\)"
    with pytest.warns(UserWarning, match=text) as caught:
        grays = read(tmp_path, "a.png", content)[..., 0]
    assert len(caught) == 1
    np.testing.assert_array_equal(np.unique(grays), [0, 38, 75, 113])  # the classes are lost
    # What the warning says to do.
    again = np.asarray(Image.open(tmp_path / "a" / "a.png"))
    np.testing.assert_array_equal(again, numbers)
    Image.fromarray(again).save(tmp_path / "a" / "a.png")
    gray = (tmp_path / "a" / "a.png").read_bytes()
    np.testing.assert_array_equal(read(tmp_path, "a.png", gray)[..., 0], numbers)
    read(tmp_path, "a.png", content, "rgb")
    read(tmp_path, "a.png", content, keras_compat=True)


def test_palettes_of_grays_are_pictures(tmp_path):
    content, numbers = indexed([level for level in (0, 1, 2, 3) for _ in range(3)])
    np.testing.assert_array_equal(read(tmp_path, "a.png", content)[..., 0], numbers)


# As Keras ---------------------------------------------------------------------------------------

AS_KERAS = {
    **{name: content for name, (content, _, _) in EXACT.items()},
    "color.png": png(RGB),
    "opaque.png": png(np.stack([GRAY, GRAY], -1)),
    "planes.tif": tiff(RGB, planes=True),
    "signed.tif": tiff(BYTES.astype("int8")),
    "wide.tif": tiff(GRAY.astype("uint32") * 65537),
    "white.tif": tiff(GRAY, black_is_0=False),
    "five.tif": tiff(np.concatenate([RGB, RGB[..., :2]], -1).astype("uint8")),
}


@pytest.mark.parametrize("mode", ["grayscale", "rgb", "rgba"])
@pytest.mark.parametrize("name", AS_KERAS)
def test_keras_losses_are_repeated_bit_for_bit_on_request(tmp_path, name, mode):
    content = AS_KERAS[name]
    for options in ({}, {"size": (3, 4), "interpolation": "bilinear"}):
        with numpy_state_kept(), warnings.catch_warnings(action="ignore"):
            theirs = read(tmp_path, name, content, mode, cls=KerasGenerator, **options)
        ours = read(tmp_path, name, content, mode, **options, keras_compat=True)
        np.testing.assert_array_equal(ours, theirs)


# Special files ----------------------------------------------------------------------------------


def test_a_pipe_is_no_picture(tmp_path):
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "a" / "pipe.png")
    options = {"class_mode": None, "target_size": SIZE}
    for compat in (False, True):
        generator = ImageDataGenerator(keras_compat=compat)
        with pytest.raises(ValueError, match=r"pipe\.png.*must be a regular file.*a named pipe"):
            generator.flow_from_directory(tmp_path, **options).next()
    table = {"filename": ["a/pipe.png"]}
    with pytest.raises(ValueError, match=r"pipe\.png.*a named pipe"):
        generator.flow_from_dataframe(table, tmp_path, **options, validate_filenames=False).next()


def test_a_folder_is_no_picture(tmp_path):
    (tmp_path / "a" / "folder.png").mkdir(parents=True)
    options = {"class_mode": None, "target_size": SIZE, "validate_filenames": False}
    with pytest.raises(ValueError, match=r"folder\.png.*a folder"):
        ImageDataGenerator().flow_from_dataframe(
            {"filename": ["a/folder.png"]}, tmp_path, **options
        ).next()


@pytest.mark.parametrize("content", [b"", b"text", b"%PDF-1.4"])
def test_what_is_no_picture_is_named(tmp_path, content):
    with pytest.raises(ValueError, match=r"no\.png \(nothing that Pillow knows.*Repair it"):
        read(tmp_path, "no.png", content)
