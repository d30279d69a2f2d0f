"""The command line: what it writes, what it refuses, and what it says on its pages."""

import argparse
import io
import json
import os
import re
import shlex
import struct
import subprocess
import sys
import warnings
import zipfile
import zlib
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from numba.core import caching as numbas
from PIL import Image

import kaug
from kaug import transforms
from kaug._cli import main
from kaug._cli.parser import make_parser
from kaug._cli.policy import read_policy, tutorial
from kaug._cli.preview import read_picture
from kaug._cli.warmup import USUAL, _Warm
from kaug._generators import numpy_state_kept
from kaug._kernels import caching
from kaug._sampling import SAMPLING
from kaug.store._chunks import Writer
from kaug.transforms import (
    Compose,
    HorizontalFlip,
    Identity,
    MixUp,
    OneOf,
    RandomResizedCrop,
    Rotation,
)

ROOT = Path(__file__).parents[1]
HOW_TO = ROOT / "docs" / "how-to" / "command_line.md"
REFERENCE = ROOT / "docs" / "reference" / "command_line.md"
COMMANDS = ("preview", "augment", "policies", "bench", "warmup", "doctor")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys):
    """Runs a command; returns its exit code, stdout and stderr."""

    def call(*argv):
        try:
            code = main([str(part) for part in argv])
        except SystemExit as end:
            code = end.code
        return code, *capsys.readouterr()

    return call


def python(*argv, **options):
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    return subprocess.run(
        [sys.executable, *argv], capture_output=True, text=True, env=environment, **options
    )


def save(name, values, mode=None, **options):
    """Saves an array as a picture."""
    Image.fromarray(np.asarray(values), mode).save(name, **options)
    return Path(name)


def dataset(images, name="in.npz", **more):
    """Writes 12 images of two classes."""
    arrays = {"x": images(12), "y": np.arange(12) % 3 == 0, **more}
    arrays = {key: value for key, value in arrays.items() if value is not None}
    np.savez(name, **arrays)
    return arrays


def load(name):
    with np.load(name) as file:
        return {key: file[key] for key in file.files}


# The command as a whole --------------------------------------------------------------------------


def test_help_and_version_load_next_to_nothing():
    code = "import sys; from kaug._cli import main\n"
    code += "try: main([sys.argv[1]])\nexcept SystemExit as end: assert end.code == 0\n"
    code += "print(*sys.modules)"
    for option in ("--help", "--version"):
        loaded = python("-c", code, option, check=True).stdout.splitlines()[-1].split()
        heavy = {"numpy", "numba", "scipy", "PIL", "matplotlib", "keras", "tensorflow", "psutil"}
        assert not heavy & set(loaded)


def test_as_a_module():
    made = python("-m", "kaug", "--version")
    assert (made.returncode, made.stdout, made.stderr) == (0, f"kaug {kaug.__version__}\n", "")


def test_the_script_is_the_module():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'^\[project\.scripts\]\nkaug = "kaug\._cli:main"$', text, re.M)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(command, run):
    code, out, err = run(command, "--help")
    assert (code, err) == (0, "")
    examples = re.findall(rf"^  kaug {command}\b.*$", out, re.M)
    assert (2 if command == "doctor" else 3) <= len(examples) <= 4
    for example in examples:
        argv = shlex.split(example.split(">")[0])[1:]
        assert make_parser().parse_args(argv).command == command


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["prevew"],
        ["preview"],
        ["preview", "a.png", "-n", "some"],
        ["preview", "a.png", "--size", "28"],
        ["preview", "a.png", "--size", "28x0"],
        ["preview", "a.png", "--size", "28x28x3"],
        ["preview", "a.png", "--pol", "zoom"],
        ["augment", "a.npz", "b.npz", "-n", "3"],
        ["augment", "a.npz", "b.npz", "--policy", "zoom"],
        ["augment", "a.npz", "b.npz", "--policy", "zoom", "-n", "1.5"],
        ["preview", "a.png", "--size", f"28x{10**400}"],
        ["preview", "a.png", "-n", "nan"],
        ["preview", "a.png", "-n", ""],
        ["preview", "a.png", "-n", "1" * 5000],
        ["preview", "a.png", "--seed", "1e400"],
        ["preview", "a.png", "--epoch", "-1"],
        ["preview", "a.png", "--row", "-1"],
        ["preview", "a.png", "--row", "1,"],
        ["preview", "a.png", "--channels", "gray"],
        ["doctor", "now"],
        ["--verson"],
        *(["bench", "--seconds", text] for text in ("long", "inf", "nan", "-1", "0", "", "1e400")),
        ["bench", "--size", "1x1x" + "9" * 5000],
        ["bench", "--size", "4x4"],
        ["warmup", "--size", "4x4"],
        ["warmup", "--dtypes", "int7"],
        ["warmup", "--dtypes"],
        ["bench", "--keras", "--policy", "zoom"],
        *(["augment", "a", "b", "--policy", "zoom", "-n", text] for text in ("-3", "1" * 400)),
        ["augment", "a", "b", "--policy", "zoom", "-n", "3", "--sampling", "often"],
    ],
)
def test_usage_errors(argv, run):
    code, out, err = run(*argv)
    assert (code, out) == (2, "")
    assert err.startswith("usage: kaug")
    assert "error: " in err


@pytest.mark.parametrize(
    ("argv", "rule"),
    [
        (["--size", "28x-1"], "--size: must be HxW in pixels, such as 224x224. Received: '28x-1'."),
        (["--size", "-2x5"], "--size: must be HxW in pixels, such as 224x224. Received: '-2x5'."),
        (["-n", "two"], "-n: must be a whole number. Received: 'two'."),
        (["-n", "9" * 5000], f"-n: must be a whole number. Received: '{'9' * 40}...'."),
        (["-n", "0"], "-n: `n` must be an integer, between 1 and 1000. Received: n=0.\n"),
        (["-n", "-3"], "-n: `n` must be an integer, between 1 and 1000. Received: n=-3.\n"),
        (["-n", "1001"], "between 1 and 1000. Received: n=1001. More cannot be seen in a figure."),
        (["-n", str(10**400)], "Received: n=an integer of 1329 bits."),
        (
            ["--seed", "-1"],
            "--seed: `seed` must be an integer, between 0 and 18446744073709551615.",
        ),
        (["--seed", str(2**64)], "Received: seed=18446744073709551616."),
        (["--epoch", "-1"], "--epoch: `epoch` must be an integer, between 0 and 4294967295."),
        (["--row", "3,-1"], "Received: row=-1. Rows are numbered from 0."),
        (["--row", "3,x"], "--row: must be a whole number. Received: 'x'."),
    ],
)
def test_values_that_will_not_do_are_explained(argv, rule, run):
    code, out, err = run("preview", "a.png", *argv)
    assert (code, out) == (2, "")
    assert rule in err


def test_numbers_at_the_edge_are_taken():
    argv = ["preview", "a.png", "--seed", str(2**64 - 1), "--epoch", str(2**32 - 1), "-n", "1000"]
    found = make_parser().parse_args([*argv, "--row", f"{2**47 - 1},0"])
    assert (found.seed, found.epoch, found.n) == (2**64 - 1, 2**32 - 1, 1000)
    assert found.row == [2**47 - 1, 0]
    assert make_parser().parse_args(["augment", "a", "b", "-n", "0", "--policy", "zoom"]).n == 0


@pytest.mark.parametrize(
    ("argv", "rule"),
    [
        (["a.png", "--masks"], "--masks draws those that --coco, --voc or --yolo read."),
        ([".", "--row", "3", "-n", "4"], "--row says which rows are shown, -n how many of all."),
        (["a.png", "--on-error", "skip"], "--on-error says how the pictures of a data set are"),
        (["a.png", "--dtype", "uint8"], "--dtype says how the pictures of a data set are read."),
    ],
)
def test_options_of_a_preview_that_do_not_go_together(argv, rule, run):
    code, out, err = run("preview", *argv)
    assert (code, out) == (2, "")
    assert err.startswith(f"kaug preview: error: {rule}")
    assert " Received: " in err


@pytest.mark.parametrize(
    ("argv", "rule"),
    [
        ([".", "--arrays", "x"], "--arrays names those of an .npz file."),
        (["in.npz", "--dtype", "uint8"], "--dtype says how the pictures of a folder are read."),
    ],
)
def test_options_of_augment_that_do_not_go_together(argv, rule, run):
    code, out, err = run("augment", argv[0], "out.npz", "-n", 3, "--policy", "zoom", *argv[1:])
    assert (code, out) == (2, "")
    assert err.startswith(f"kaug augment: error: {rule} Received: ")


def test_ctrl_c(run, monkeypatch):
    def stop(text):
        raise KeyboardInterrupt

    monkeypatch.setattr("kaug._cli.policies.read_policy", stop)
    assert run("policies", "zoom") == (130, "", "kaug policies: interrupted\n")


def test_defects_of_kaug_keep_their_traceback(run, monkeypatch):
    def fail(text):
        raise TypeError("'NoneType' object is not callable")

    monkeypatch.setattr("kaug._cli.policies.read_policy", fail)
    with pytest.raises(TypeError, match="NoneType"):
        run("policies", "zoom")


UNREAD = [
    ["--help"],
    ["preview", "--help"],
    ["policies"],
    ["doctor"],
    ["bench", "--seconds", "0.01", "--size", "8x8x1"],
]


@pytest.mark.parametrize("argv", UNREAD, ids=" ".join)
@pytest.mark.parametrize("both", [False, True], ids=["stdout", "stdout and stderr"])
def test_who_stops_reading_gets_no_traceback(argv, both):
    read, write = os.pipe()
    os.close(read)
    environment = {**os.environ, "PYTHONUNBUFFERED": "", "PYTHONFAULTHANDLER": ""}
    command = [sys.executable, "-m", "kaug", *argv]
    said = write if both else subprocess.PIPE
    done = subprocess.run(command, stdout=write, stderr=said, env=environment)
    os.close(write)
    assert done.returncode == 141  # as shells tell SIGPIPE
    assert not done.stderr


def test_head_reads_the_first_line():
    command = f"{shlex.quote(sys.executable)} -m kaug doctor | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")  # those of head
    assert done.stdout.startswith(f"kaug           {kaug.__version__} in ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
@pytest.mark.parametrize("argv", [["policies"], ["--help"]])
def test_a_full_disk_is_told(argv):
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}
    command = [sys.executable, "-m", "kaug", *argv]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=environment)
    assert done.returncode == 1
    assert re.fullmatch(rb"kaug( policies)?: error: No space left on device\n", done.stderr)


def test_without_stdout_nothing_is_wrong():
    command = f"{shlex.quote(sys.executable)} -m kaug policies tutorial >&-"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_not_installed_is_named(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    code, out, err = run("bench", "--keras")
    assert (code, out) == (1, "")
    assert err.startswith("kaug bench: error: keras must be installed for it. Received: ")
    assert err.endswith(". pip install keras\n")


def test_files_that_are_not_there(run):
    code, out, err = run("preview", "none.png")
    there = f"Paths are relative to the current folder, {str(Path.cwd())!r}."
    assert (code, out) == (1, "")
    assert err == f"kaug preview: error: No such file or directory: 'none.png'. {there}\n"


def test_errors_of_the_system_are_short(run):
    Path("dir.json").mkdir()
    code, out, err = run("policies", "dir.json")
    rule = "What is read must be a regular file. Received: a folder, 'dir.json'."
    assert (code, out, err) == (1, "", f"kaug policies: error: {rule}\n")


def test_warnings_are_short(run, monkeypatch):
    monkeypatch.setattr(
        "kaug._cli.policies.read_policy",
        lambda text: warnings.warn("Mind the gap.", stacklevel=2) or tutorial(),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert run("policies", "zoom")[2] == "kaug policies: Mind the gap.\n"


# Policies ----------------------------------------------------------------------------------------


def test_what_policies_are_made_of(run):
    code, out, err = run("policies")
    assert (code, err) == (0, "")
    listed = {line.split()[0] for line in out.splitlines()}
    assert listed == {"tutorial", *transforms.__all__} - {"Draws", "Lambda", "Transform"}
    assert re.search(
        "^Rotation +Rotates the image about its centre, counter-clockwise.$", out, re.M
    )


@pytest.mark.parametrize("name", ["Rotation", "randaugment", "CUTMIX"])
def test_a_name_is_a_transform_with_its_defaults(name):
    known = {name.lower(): getattr(transforms, name) for name in transforms.__all__}
    assert read_policy(name) == known[name.lower()]()
    assert read_policy(f"Compose([{name}, tutorial])") == Compose([read_policy(name), tutorial()])


def test_the_tutorial_is_what_the_generator_of_the_tutorial_does():
    x = np.random.default_rng(0).random((2_000, 9, 9, 1), np.float32)
    x = np.cumsum(x, axis=1) / 9
    options = {"rotation_range": 10, "zoom_range": 0.1, "shear_range": 0.5}
    options |= {"width_shift_range": 0.1, "height_shift_range": 0.1, "horizontal_flip": True}
    generator = kaug.ImageDataGenerator(**options)
    theirs = kaug.augment_dataset(x[:1], None, 2_000, generator, seed=0, append=False)[0]
    ours = kaug.augment_dataset(x[:1], None, 2_000, tutorial(), seed=0, append=False)[0]
    np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), atol=0.02)
    np.testing.assert_allclose(ours.std(axis=0), theirs.std(axis=0), atol=0.02)


@pytest.mark.parametrize(
    "policy",
    [
        tutorial(),
        Rotation((-5, 20), fill_mode="constant", fill_value=-1.5),
        OneOf([Rotation(30), Compose([Identity()]), HorizontalFlip(p=1)], weights=[1, 2, 0.5]),
        MixUp(0.4, num_classes=10, p=0.5),
    ],
    ids=repr,
)
def test_a_policy_by_its_repr_and_as_json(policy, run):
    assert read_policy(repr(policy)) == policy
    code, out, err = run("policies", repr(policy))
    assert (code, err) == (0, "")
    Path("policy.json").write_text(out, encoding="utf-8")
    assert read_policy("policy.json") == policy
    for encoding in ("utf-8-sig", "utf-16"):  # as Windows writes files
        Path("policy.JSON").write_text(policy.to_json(), encoding=encoding)
        assert read_policy("policy.JSON") == policy


WRONG_POLICIES = {
    "rotatoin": "Received: 'rotatoin'. Did you mean 'rotation'?",
    "qqqq": "A policy may be made of the transforms that `kaug policies` lists. Received: 'qqqq'.",
    "Lambda(3)": "Received: 'Lambda'.",
    "one-of": "Received: 'one - of'.",
    "OneOf": "Received: OneOf() (missing a required argument: 'transforms').",
    "": "A policy must be a .json file, or a transform as in Python",
    "policy.txt": "A policy must be a .json file, or a transform as in Python",
    "Rotation(": "('(' was never closed",
    "(1, 2)": "Received: '(1, 2)'.",
    "Rotatoin(3)": "Received: 'Rotatoin'. Did you mean 'rotation'?",
    "os.system('true')": "Received: 'os.system'.",
    "Rotation(open('x'))": "Received: 'open'.",
    "Rotation([i for i in range(3)])": "Received: '[i for i in range(3)]'.",
    "Rotation(rotatoin=3)": "'rotatoin'). Did you mean 'rotation'?",
    "Rotation(**{'p': 1})": "The arguments of Rotation are: rotation, p, fill_mode",
    "Rotation(3, 4)": "Received: Rotation(3, 4) (too many positional arguments).",
    "Rotation('far')": "Received: rotation='far'",
    "Rotation(p=2)": "`p` must lie in 0..1. Received: p=2.",
    "Rotation(1" + "0" * 400 + ")": "Received: rotation=an integer of 1329 bits.",
    "Rotation(1" + "0" * 5000 + ")": "A policy must be a .json file, or a transform as in Python",
    "Rotation(1e400)": "Received: rotation=inf.",
    "[" * 90 + "Rotation" + "]" * 90: "A policy must be a .json file, or a transform as in Python",
    "\0": "A policy must be a .json file, or a transform as in Python",
    "\0.json": "`POLICY` must be a path, neither empty nor with zeros.",
    "(" * 500: "A policy must be a .json file, or a transform as in Python",
}


@pytest.mark.parametrize("text", WRONG_POLICIES)
def test_wrong_policies(text, run):
    code, out, err = run("policies", text)
    assert (code, out) == (1, "")
    assert err.startswith("kaug policies: error: ")
    assert "Received: " in err
    assert WRONG_POLICIES[text] in err


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"[", "what cannot be read (Expecting value: line 1 column 2 (char 1))."),
        (b"\xff\xfe\x00", "what cannot be read ('utf-16-le' codec"),
        (b"[1, 2]", "The JSON of a transform is an object with `class_name` and `config`."),
        (b'{"class_name": "kaug>Zoom", "config": {"zooom": 1}}', "Did you mean 'zoom'?"),
        (b'{"class_name": "kaug>Zoom", "config": {"zoom": NaN}}', "Received: zoom=nan."),
        (b'{"class_name": "kaug>Zoom", "config": {"zoom": 1e400}}', "Received: zoom=inf."),
        (b"1" * 5000, "what cannot be read (Exceeds the limit (4300"),
        (b"[" * 5000, "what cannot be read (maximum recursion depth"),
    ],
)
def test_wrong_policy_files(content, complaint, run):
    Path("policy.json").write_bytes(content)
    code, out, err = run("policies", "policy.json")
    assert (code, out) == (1, "")
    assert err.startswith("kaug policies: error: In 'policy.json': ")
    assert "Received: " in err
    assert complaint in err


# Pictures ----------------------------------------------------------------------------------------

GRAY = np.arange(35, dtype="uint8").reshape(5, 7) * 7
COLOR = np.stack([GRAY, GRAY[::-1], 255 - GRAY], axis=-1)


def picture(name, size=None):
    return read_picture(Path(name), size)


def test_gray_and_color_as_they_are():
    np.testing.assert_array_equal(picture(save("a.png", GRAY)), GRAY)
    np.testing.assert_array_equal(picture(save("b.png", COLOR)), COLOR)
    np.testing.assert_array_equal(picture(save("c.png", GRAY > 99)), (GRAY > 99) * np.uint8(255))


def test_a_palette_becomes_its_colors():
    image = Image.fromarray(COLOR).quantize(35)
    image.save("a.png")
    np.testing.assert_array_equal(picture("a.png"), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bits_become_floats(suffix):
    values = GRAY.astype("uint16") * 257
    made = picture(save(f"a.{suffix}", values))
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, GRAY / 255, atol=1e-7)


def test_transparent_parts_are_laid_on_white():
    alpha = np.where(GRAY > 99, 255, 0).astype("uint8")
    on_white = np.where(GRAY[..., None] > 99, COLOR, 255)
    np.testing.assert_array_equal(picture(save("a.png", np.dstack([COLOR, alpha]))), on_white)
    gray = picture(save("b.png", np.dstack([GRAY, alpha])))
    np.testing.assert_array_equal(gray, np.where(GRAY > 99, GRAY, 255))
    save("c.png", GRAY, transparency=0)  # one gray value that is transparent
    np.testing.assert_array_equal(picture("c.png"), np.where(GRAY > 0, GRAY, 255))
    half = np.full((1, 1, 4), [200, 100, 0, 128], "uint8")
    np.testing.assert_allclose(picture(save("d.png", half))[0, 0], [227, 177, 127], atol=1)


def test_photographs_are_turned_as_noted():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held so that the picture must be turned clockwise
    save("a.png", COLOR, exif=exif)
    np.testing.assert_array_equal(picture("a.png"), np.rot90(COLOR, -1))


def test_sizes():
    save("a.png", COLOR)
    assert picture("a.png", (3, 11)).shape == (3, 11, 3)
    save("b.png", np.zeros((6, 2048), "uint8"))
    assert picture("b.png").shape == (3, 1024)
    assert picture("b.png", (6, 2048)).shape == (6, 2048)


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        ("ppm", b"P6\n7 5\n65535\n" + np.repeat(GRAY.astype(">u2") * 257, 3).tobytes()),
        ("png", None),
    ],
)
def test_depth_is_not_lost_without_a_word(suffix, content, run):
    Path(f"a.{suffix}").write_bytes(content or png_of_16_bits(GRAY))
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        code, _, err = run("preview", f"a.{suffix}", "-n", 1)
    assert code == 0
    assert err.startswith("kaug preview: A preview shows 8 bits of each color. Received: 'a.")
    with pytest.warns(UserWarning, match="8 bits"):
        np.testing.assert_array_equal(picture(f"a.{suffix}"), np.stack([GRAY] * 3, axis=-1))


def png_of_16_bits(gray):
    """Returns a picture of red, green and blue with 16 bits each, which Pillow does not write."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = [b"\0" + np.repeat(row.astype(">u2") * 257, 3).tobytes() for row in gray]
    header = struct.pack(">IIBBBBB", *gray.shape[::-1], 16, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def test_of_pages_the_first_is_shown_and_it_is_said(run):
    pages = [Image.fromarray(GRAY), Image.fromarray(GRAY[::-1].copy())]
    pages[0].save("a.tif", save_all=True, append_images=pages[1:])
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        code, _, err = run("preview", "a.tif", "-n", 1)
    assert code == 0
    assert "shows the first picture of a file. Received: 'a.tif', with 2 of them." in err
    with pytest.warns(UserWarning, match="first picture"):
        np.testing.assert_array_equal(picture("a.tif"), GRAY)


def test_bombs_and_damage_are_refused(monkeypatch):
    save("a.png", np.zeros((40, 40), "uint8"))
    Path("b.png").write_bytes(Path("a.png").read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"that Pillow can read\. Received: 'b\.png'"):
        picture("b.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 700)
    with pytest.raises(ValueError, match="exceeds limit of 1400 pixels"):
        picture("a.png")


# preview -----------------------------------------------------------------------------------------


def test_a_preview_is_the_figure(run):
    Path("photos").mkdir()
    save("photos/cat.png", COLOR)
    code, out, err = run(
        "preview", "photos/cat.png", "--policy", "Rotation(30)", "--seed", 5, "-n", 4
    )
    assert (code, out, err) == (0, "cat-augmented.png, made with --seed 5\n", "")
    stream = io.BytesIO()
    kaug.plot_augmentations(COLOR, Rotation(30), n=4, seed=5).savefig(stream)
    with Image.open(stream) as wanted, Image.open("cat-augmented.png") as made:
        np.testing.assert_array_equal(np.asarray(made), np.asarray(wanted))
        assert np.asarray(made).std() > 20
    assert [path.name for path in Path("photos").iterdir()] == ["cat.png"]


@pytest.fixture
def photos():
    """Makes a folder of two class folders, with pictures of different sizes."""
    rng = np.random.default_rng(0)
    for number in range(6):
        folder = Path("photos", "ab"[number % 2])
        folder.mkdir(parents=True, exist_ok=True)
        save(folder / f"{number}.png", rng.integers(0, 256, (20 + number, 30, 3), "uint8"))


@pytest.mark.parametrize("policy", ["RandomResizedCrop(height=16, width=24)", "Rotation(20)"])
@pytest.mark.usefixtures("photos")
def test_a_folder_is_previewed(run, policy):
    code, out, err = run("preview", "photos", "--policy", policy, "-n", 4, "--seed", 3)
    assert (code, out, err) == (0, "photos-augmented.png, made with --seed 3\n", "")
    with Image.open("photos-augmented.png") as made:
        assert np.asarray(made).std() > 20
    Path("empty").mkdir()
    code, out, err = run("preview", "empty")
    assert (code, out) == (1, "")
    assert "A folder to preview must hold pictures. Received: 'empty'." in err


@pytest.mark.usefixtures("photos")
def test_a_preview_shows_pictures_from_all_over_a_folder(run, monkeypatch):
    shown = []

    def plot(batch, titles):
        shown.extend(zip((image.shape for image in batch["images"]), titles, strict=True))
        return kaug.plot_images(batch, titles)

    monkeypatch.setattr("kaug._cli.preview.plot_images", plot)
    assert run("preview", "photos", "--policy", "identity", "-n", 2)[0] == 0
    assert shown == [((20, 30, 3), "row 0: a"), ((21, 30, 3), "row 3: b")]  # of either class


@pytest.fixture
def objects():
    """Makes five pictures with the same objects noted in the ways of COCO, VOC and YOLO."""
    rng = np.random.default_rng(0)
    for name in (*VOC_FOLDERS, "set/images/train", "set/labels/train"):
        Path(name).mkdir(parents=True)
    images, annotations = [], []
    for i in range(5):
        picture = rng.integers(0, 256, (20, 30 + 2 * i, 3), "uint8")
        save(f"set/images/train/{i}.png", picture)
        save(f"voc/JPEGImages/{i}.png", picture)
        images.append({"id": i, "file_name": f"{i}.png", "height": 20, "width": 30 + 2 * i})
        box = {"bbox": [6, 4, 8, 10], "segmentation": [[6, 4, 14, 4, 14, 14, 6, 14]]}
        annotations.append({"id": i, "image_id": i, "category_id": 1, **box})
        width = 30 + 2 * i
        numbers = [10 / width, 9 / 20, 8 / width, 10 / 20]
        Path(f"set/labels/train/{i}.txt").write_text(f"0 {' '.join(map(str, numbers))}")
        corners = "<xmin>7</xmin><ymin>5</ymin><xmax>14</xmax><ymax>14</ymax>"
        found = f"<object><name>dog</name><bndbox>{corners}</bndbox></object>"
        Path(f"voc/Annotations/{i}.xml").write_text(f"<annotation>{found}</annotation>")
    categories = [{"id": 1, "name": "dog"}]
    whole = {"images": images, "annotations": annotations, "categories": categories}
    Path("dogs.json").write_text(json.dumps(whole))
    Path("voc/ImageSets/Main/train.txt").write_text("\n".join("01234"))
    Path("set/data.yaml").write_text("names: [dog]\ntrain: images/train")


VOC_FOLDERS = ("voc/Annotations", "voc/JPEGImages", "voc/ImageSets/Main")


@pytest.fixture
def figures(monkeypatch):
    """Keeps the figures that previews write."""
    kept = []

    def plot(*args, **options):
        kept.append(kaug.plot_images(*args, **options))
        return kept[-1]

    monkeypatch.setattr("kaug._cli.preview.plot_images", plot)
    return kept


@pytest.mark.parametrize(
    "argv",
    [
        ["set/images/train", "--coco", "dogs.json"],
        ["set/images/train", "--coco", "dogs.json", "--masks"],
        ["voc", "--voc", "train"],
        ["set/data.yaml", "--yolo", "train"],
    ],
)
@pytest.mark.usefixtures("objects")
def test_a_preview_draws_objects(argv, run, figures):
    out = f"{Path(argv[0]).stem}-augmented.png"
    code, text, err = run("preview", *argv, "--policy", "HorizontalFlip(p=1)", "-n", 3, "--seed", 3)
    assert (code, text, err) == (0, f"{out}, made with --seed 3\n", "")
    (figure,) = figures
    assert len(figure.axes) == 3
    for i, ax in enumerate(figure.axes):
        width = 30 + 2 * i
        np.testing.assert_array_equal(
            ax.images[0].get_array(), kaug.sources.files([f"set/images/train/{i}.png"])[0][:, ::-1]
        )
        # The box reaches from column 6 to 14 and from row 4 to 14, before the flip.
        left, right = width - 14 - 0.5, width - 6 - 0.5
        around = [[left, 3.5], [right, 3.5], [right, 13.5], [left, 13.5]]
        np.testing.assert_allclose(ax.patches[0].get_xy()[:4], around, atol=1e-4)
        assert [each.get_text() for each in ax.texts] == ["dog"]
        assert len(ax.images) == 1 + ("--masks" in argv)
        if "--masks" in argv:
            opacity = np.asarray(ax.images[1].get_array())[..., 3]
            assert (opacity[4:14, width - 14 : width - 6] > 0).all()
            assert (opacity > 0).sum() == 80
    assert Path(out).exists()


@pytest.mark.usefixtures("objects")
def test_a_preview_with_objects_makes_pictures_of_a_size(run, figures, monkeypatch):
    argv = ["preview", "set/images/train", "--coco", "dogs.json", "--policy", "Identity()"]
    assert run(*argv, "--size", "40x60", "-n", 1)[0] == 0
    monkeypatch.setattr("kaug._cli.preview._LONGEST", 15)
    assert run(*argv, "-n", 1)[0] == 0
    for figure, (height, width) in zip(figures, ((40, 60), (10, 15)), strict=True):
        ax = figure.axes[0]
        assert ax.images[0].get_array().shape == (height, width, 3)
        corners = np.array([[6, 4], [14, 4], [14, 14], [6, 14]]) * (height / 20) - 0.5
        np.testing.assert_allclose(ax.patches[0].get_xy()[:4], corners, atol=1e-4)


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["voc", "--voc", "none"], "`split` must be the name of a list in"),
        (["set/images/train/0.png", "--coco", "dogs.json"], "set/images/train/0.png"),
        (["set/images", "--coco", "none.json"], "No such file or directory"),
        (["set/data.yaml", "--yolo", "val"], "val"),
        (["voc", "--voc", "train", "--row", "0,5"], "between 0 and 4. Received: row=5. Rows are"),
        (
            ["voc", "--voc", "train", "--dtype", "int8"],
            "must be one of 'uint8', 'uint16', 'float32'",
        ),
    ],
)
@pytest.mark.usefixtures("objects")
def test_objects_that_are_refused(argv, complaint, run):
    code, out, err = run("preview", *argv)
    assert (code, out) == (1, "")
    assert err.startswith("kaug preview: error: ")
    assert complaint in err
    assert run("preview", "voc", "--voc", "train", "--yolo", "train")[0] == 2


@pytest.mark.usefixtures("photos")
def test_rows_are_made_of_a_folder(run):
    policy = "RandomResizedCrop(height=8, width=12)"
    code, out, err = run("augment", "photos", "out", "-n", 9, "--policy", policy, "--seed", 4)
    assert (code, err) == (0, "")
    assert "x      uint8 (9, 8, 12, 3)" in out
    assert out.endswith("  class 0: a\n  class 1: b\n")
    x, y = kaug.sources.folder("photos")
    made = RandomResizedCrop(height=8, width=12)
    wanted = kaug.augment_dataset(x, y, 9, made, seed=4, append=False)
    stored = kaug.open_dataset("out")
    np.testing.assert_array_equal(stored.x, wanted[0])
    np.testing.assert_array_equal(stored.y, wanted[1])
    options = ["--channels", 1, "--dtype", "float32", "--seed", 4]
    assert run("augment", "photos", "gray.npz", "-n", 9, "--policy", policy, *options)[0] == 0
    x, y = kaug.sources.folder("photos", channels=1, dtype="float32")
    wanted = kaug.augment_dataset(x, y, 9, made, seed=4, append=False)
    np.testing.assert_array_equal(load("gray.npz")["x"], wanted[0])
    code, out, err = run("augment", "photos", "other", "-n", 9, "--policy", "Rotation(5)")
    assert (code, out) == (1, "")
    assert "the transform must give all of them one size" in err


def test_a_preview_by_default_is_the_tutorials_16_and_its_seed_is_told(run):
    save("a.png", GRAY)
    code, out, err = run("preview", "a.png", "-o", "one.png")
    assert (code, err) == (0, "")
    seed = re.fullmatch(r"one\.png, made with --seed (\d+)\n", out)[1]
    policy = Path("p.json")
    policy.write_text(tutorial().to_json(), encoding="utf-8")
    run("preview", "a.png", "-o", "two.png", "--seed", seed, "--policy", policy, "-n", 16)
    assert Path("one.png").read_bytes() == Path("two.png").read_bytes()
    run("preview", "a.png", "-o", "two.png", "--seed", int(seed) + 1)  # replaces it
    assert Path("one.png").read_bytes() != Path("two.png").read_bytes()


@pytest.mark.parametrize("suffix", ["jpg", "PDF", "svg"])
def test_other_formats(suffix, run):
    save("a.png", GRAY.astype("uint16") * 257)
    assert run("preview", "a.png", "-o", f"b.{suffix}", "--seed", 0, "-n", 1)[:2] == (
        0,
        f"b.{suffix}, made with --seed 0\n",
    )
    assert Path(f"b.{suffix}").read_bytes().startswith((b"\xff\xd8", b"%PDF", b"<?xml"))


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["none.png"], "No such file or directory: 'none.png'"),
        (["."], "must be a picture that can be read. Received: "),
        (["pipe.png"], "must be a regular file. Received: a named pipe, 'pipe.png'. Copy what it"),
        (["a.png", "--policy", "pipe.json"], "a named pipe, 'pipe.json'. Copy"),
        ([""], "`IMAGE` must be a path, neither empty"),
        (["a.png", "-o", ""], "`FILE` must be a path, neither empty"),
        (["a.png", "--size", "999999999x999999999"], "The picture must fit into memory."),
        (["text.png"], "Received: 'text.png' (cannot identify image file"),
        (["a.png", "-o", "a.png"], "must not replace the picture"),
        (["a.png", "-o", "link.png"], "must not replace the picture"),
        (["a.png", "-o", "b.txt"], "must end in one of"),
        (["a.png", "-o", "b"], "Received: 'b'. Call it b.png."),
        (["a.png", "-o", "none/b.png"], "in a folder that exists. Received: FILE='none/b.png'."),
        (["a.png", "-o", "folder.png"], "Is a directory: 'folder.png'"),
        (
            ["a.png", "--policy", "mixup"],
            "with those of a folder. Received: one picture, and MixUp",
        ),
        (["a.png", "--policy", "OneOf([Rotation(3), CutMix()])"], "one picture, and OneOf("),
        (["a.png", "--policy", "nothing"], "Received: 'nothing'."),
        (["a.png", "--policy", "none.json"], "No such file or directory: 'none.json'"),
    ],
)
def test_previews_that_are_refused(argv, complaint, run):
    before = save("a.png", GRAY).read_bytes()
    Path("link.png").symlink_to("a.png")
    Path("text.png").write_text("no picture", encoding="utf-8")
    Path("folder.png").mkdir()
    os.mkfifo("pipe.png")
    os.mkfifo("pipe.json")
    code, out, err = run("preview", *argv)
    assert (code, out) == (1, "")
    assert err.startswith("kaug preview: error: ")
    assert complaint in err
    assert Path("a.png").read_bytes() == before
    assert not Path("a-augmented.png").exists()


# augment -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampling", SAMPLING)
@pytest.mark.parametrize("append", [True, False])
def test_augment_is_augment_dataset(sampling, append, images, run):
    given = dataset(images, sample_weight=np.linspace(0, 1, 12))
    policy = Compose([Rotation(30), HorizontalFlip()])
    options = ["--sampling", sampling, *([] if append else ["--no-append"])]
    command = ["augment", "in.npz", "out.npz", "-n", 20, "--policy", repr(policy), "--seed", 3]
    code, out, err = run(*command, *options)
    assert (code, err) == (0, "")
    wanted = kaug.augment_dataset(
        given["x"],
        given["y"],
        20,
        policy,
        sample_weight=given["sample_weight"],
        seed=3,
        sampling=sampling,
        append=append,
        return_index=True,
    )
    made = load("out.npz")
    assert list(made) == ["x", "y", "sample_weight", "index"]
    for array, want in zip(made.values(), wanted, strict=True):
        assert array.dtype == want.dtype
        np.testing.assert_array_equal(array, want)
    assert out.splitlines()[:2] == [
        "out.npz, made with --seed 3",
        f"  x              uint8 ({32 if append else 20}, 5, 7, 3)",
    ]
    run("augment", "in.npz", "folder", *command[3:], *options)
    stored = kaug.open_dataset("folder")
    for array, want in zip(
        (stored.x, stored.y, stored.sample_weight, stored.index), wanted, strict=True
    ):
        np.testing.assert_array_equal(array, want)


def test_the_same_seed_makes_the_same_bytes_and_it_is_told(images, run):
    dataset(images, y=None)
    command = ["-n", "9", "--policy", "zoom"]
    code, out, err = run("augment", "in.npz", "a.npz", *command)
    assert (code, err) == (0, "")
    seed = re.match(r"a\.npz, made with --seed (\d+)$", out.splitlines()[0])[1]
    run("augment", "in.npz", "b.npz", *command, "--seed", seed)
    assert Path("a.npz").read_bytes() == Path("b.npz").read_bytes()
    run("augment", "in.npz", "c.npz", *command, "--seed", int(seed) + 1)
    assert Path("a.npz").read_bytes() != Path("c.npz").read_bytes()
    assert list(load("a.npz")) == ["x", "index"]


def test_names_of_arrays(images, run):
    x, y = images(4), np.arange(4)
    np.savez("k.npz", x_train=x, y_train=y, x_test=x[:2], label=y[::-1], w=y, sample_weight_train=y)
    command = ["augment", "k.npz", "-n", "3", "--policy", "zoom", "--seed", "0"]
    assert run(*command, "a.npz")[2] == "kaug augment: left out: label, w, x_test\n"
    assert list(load("a.npz")) == ["x", "y", "sample_weight", "index"]
    err = run(*command, "b.npz", "--arrays", "x_train,label")[2]
    assert err.startswith("kaug augment: left out: sample_weight_train, w, ")
    made = load("b.npz")
    assert list(made) == ["x", "y", "index"]
    np.testing.assert_array_equal(made["y"], y[::-1][made["index"]])
    run(*command, "c.npz", "--arrays", "x_train,label,w")
    np.testing.assert_array_equal(load("c.npz")["sample_weight"], y[made["index"]])


def test_weights_without_labels_are_no_labels(images, run):
    dataset(images, y=None, sample_weight=np.arange(12))
    command = ["augment", "in.npz", "out.npz", "-n", "3", "--policy", "zoom", "--seed", "0"]
    assert run(*command)[2] == "kaug augment: left out: sample_weight\n"
    assert list(load("out.npz")) == ["x", "index"]


def test_labels_become_soft_when_pictures_are_mixed(images, run):
    dataset(images, y=np.arange(12) % 3)
    run("augment", "in.npz", "out.npz", "-n", 5, "--policy", "MixUp(num_classes=3)", "--seed", 0)
    y = load("out.npz")["y"]
    assert y.shape == (17, 3)
    np.testing.assert_allclose(y.sum(axis=1), 1, atol=1e-6)


def test_what_is_there_stays(images, run):
    dataset(images)
    before = Path("in.npz").read_bytes()
    code, out, err = run("augment", "in.npz", "in.npz", "-n", 3, "--policy", "zoom")
    assert (code, out) == (1, "")
    assert "must not be there yet. Received: 'in.npz'. Choose another name, or delete" in err
    assert Path("in.npz").read_bytes() == before


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_file_is_written_whole_or_not_at_all(error, images, run, monkeypatch):
    dataset(images)
    write = np.lib.format.write_array

    def fail(stream, array, **options):
        if array.dtype == bool:  # the images have been written by then
            raise error
        write(stream, array, **options)

    monkeypatch.setattr(np.lib.format, "write_array", fail)
    code, out, err = run("augment", "in.npz", "out.npz", "-n", 3, "--policy", "zoom")
    assert (code, out) == (130 if isinstance(error, KeyboardInterrupt) else 1, "")
    assert err.endswith(("interrupted\n", "error: No space left on device\n"))
    assert [path.name for path in Path().iterdir()] == ["in.npz"]


def test_a_folder_that_was_begun_is_gone_on_with(images, run, monkeypatch):
    given = dataset(images)
    monkeypatch.setattr("kaug.store._write.CHUNK_BYTES", 500)
    command = ["augment", "in.npz", "folder", "-n", 40, "--policy", "zoom"]
    save = Writer._save

    def stop(writer):
        save(writer)
        if sum(chunk is not None for chunk in writer._manifest.chunks) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(Writer, "_save", stop)
    code, out, err = run(*command)
    assert (code, out, err) == (130, "", "kaug augment: interrupted\n")
    with pytest.raises(ValueError, match="with 5 of 1"):
        kaug.open_dataset("folder")
    monkeypatch.setattr(Writer, "_save", save)
    code, out, err = run(*command)  # without a seed, so with the one it was begun with
    assert (code, err) == (0, "")
    seed = int(re.match(r"folder, made with --seed (\d+)$", out.splitlines()[0])[1])
    wanted = kaug.augment_dataset(given["x"], given["y"], 40, transforms.Zoom(), seed=seed)
    np.testing.assert_array_equal(kaug.open_dataset("folder").x, wanted[0])
    code, _, err = run(*command[:4], 41, *command[5:])
    assert code == 1
    assert "n=41, where the store has 40" in err


def test_a_zarr_group(images, run):
    pytest.importorskip("zarr")
    given = dataset(images)
    command = ["augment", "in.npz", "out.zarr", "-n", 4, "--policy", "zoom", "--seed", 1]
    assert run(*command)[0] == 0
    wanted = kaug.augment_dataset(given["x"], given["y"], 4, transforms.Zoom(), seed=1)[0]
    np.testing.assert_array_equal(np.asarray(kaug.open_dataset("out.zarr").x), wanted)


def broken_member(name):
    """Writes an `.npz` file, a byte in the middle of whose array has changed."""
    np.savez(name, x=np.arange(999))
    with zipfile.ZipFile(name) as archive:
        info = archive.getinfo("x.npy")
    content = bytearray(Path(name).read_bytes())
    content[info.header_offset + info.compress_size // 2] ^= 1
    Path(name).write_bytes(content)


def header_that_lies(name, shape, size, said=None):
    """Writes an `.npz` file with fewer values than its header, or the archive, says."""
    stream = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    length = len(stream.getvalue())
    with zipfile.ZipFile(name, "w") as archive:
        archive.writestr("x.npy", stream.getvalue() + bytes(size))
        if said:
            archive.filelist[0].file_size = length + said


class Trap:
    def __reduce__(self):
        return print, ("unpickled",)


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["none.npz"], "No such file or directory: 'none.npz'"),
        (["."], "`directory` must hold one folder per class. Received: "),
        (["pipe.npz"], "must be a regular file. Received: a named pipe, 'pipe.npz'."),
        ([""], "`IN` must be a path, neither empty"),
        (["lies.npz"], "Received: 'lies.npz' (x of (1000000000000000,) uint8 in 9 bytes)"),
        (["bomb.npz"], "The array 'x' must fit into memory. Received: "),
        (["text.npz"], "Received: 'text.npz' (File is not a zip file)."),
        (["one.npy"], "Received: 'one.npy' (File is not a zip file)."),
        (["broken.npz"], "Received: 'broken.npz' (Bad CRC-32"),
        (["trap.npz"], "Received: 'trap.npz' (Object arrays cannot be loaded when"),
        (["odd.npz"], "Received: the arrays images, y. Name images, labels and sample weights: --"),
        (["odd.npz", "--arrays", "images,z"], "'odd.npz' must have the arrays"),
        (["odd.npz", "--arrays", "images,y,y,y"], "'odd.npz' must have the arrays"),
        (["odd.npz", "--arrays", "images,y"], "`y` must have one row for each"),
        (["good.npz", "--policy", "CutMix()"], "their number must be known"),
        (["good.npz", "--policy", "RandomResizedCrop(height=3)"], "With append=True the"),
        (["good.npz", "-n", str(10**12)], "must fit into memory"),
    ],
)
def test_augmentations_that_are_refused(argv, complaint, images, run):
    Path("text.npz").write_text("no arrays", encoding="utf-8")
    np.save("one.npy", images(3))
    broken_member("broken.npz")
    np.savez("trap.npz", x=np.array([Trap()], object))
    np.savez("odd.npz", images=images(3), y=np.arange(4))
    np.savez("good.npz", x=images(3), y=np.arange(3))
    os.mkfifo("pipe.npz")
    header_that_lies("lies.npz", (10**15,), 9)
    header_that_lies("bomb.npz", (10**15,), 9, said=10**15)
    defaults = [
        *(() if "-n" in argv else ("-n", "3")),
        *(() if "--policy" in argv else ("--policy", "zoom")),
    ]
    code, out, err = run("augment", argv[0], "out.npz", *argv[1:], *defaults)
    assert (code, out) == (1, "")
    assert err.startswith("kaug augment: error: ")
    assert complaint in err
    assert not list(Path().glob("out.npz*"))


@pytest.mark.parametrize(
    ("out", "complaint"),
    [
        ("none/out.npz", "`OUT` must lie in a folder that exists. Received: OUT='none/out.npz'."),
        ("none/out", "`OUT` must lie in a folder that exists"),
        ("folder.npz", "must not be there yet. Received: 'folder.npz'."),
        ("file", "must be the path of a new folder, or of a store"),
    ],
)
def test_where_nothing_can_be_written(out, complaint, images, run):
    dataset(images)
    Path("folder.npz").mkdir()
    Path("file").write_text("precious", encoding="utf-8")
    code, stdout, err = run("augment", "in.npz", out, "-n", 3, "--policy", "zoom")
    assert (code, stdout) == (1, "")
    assert complaint in err


def test_augment_needs_no_keras(images):
    dataset(images)
    code = "import sys; from kaug._cli import main\n"
    code += "for out in ('out.npz', 'folder'):\n"
    code += "    argv = ['augment', 'in.npz', out, '-n', '3', '--policy', 'randaugment']\n"
    code += "    assert main(argv) == 0\n"
    code += "print(*sys.modules)"
    made = python("-c", code)
    assert (made.returncode, made.stderr) == (0, "")
    loaded = made.stdout.splitlines()[-1].split()
    assert "kaug.store" in loaded
    assert not {"tensorflow", "keras", "matplotlib", "PIL"} & set(loaded)


def test_progress_is_shown_at_a_terminal(images, run, monkeypatch):
    dataset(images)

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("kaug._progress._PATIENCE", 0)
    monkeypatch.setattr(sys, "stderr", Terminal())
    for out in ("out.npz", "folder"):
        code, stdout, _ = run("augment", "in.npz", out, "-n", 3, "--policy", "zoom", "--seed", 0)
        assert (code, stdout.splitlines()[0]) == (0, f"{out}, made with --seed 0")
    assert len(re.findall(r"\d+/\d+ [\d,]+ images/s", sys.stderr.getvalue())) == 2


# bench -------------------------------------------------------------------------------------------

ROW = re.compile(
    r"^(?P<images>\S+ \S+) +(?P<by>a plain copy|kaug, \d+ threads?|Keras' \w+)"
    r" +[\d,.e+]+ +[\d,.]+$"
)


def table(out):
    """Returns for each row of a table of `bench` which images it is about, and who made them."""
    matches = [ROW.match(line) for line in out.splitlines()[5:]]
    return [(match["images"], match["by"]) for match in matches]


def test_bench(run, monkeypatch):
    monkeypatch.setattr("kaug._cli.bench._BYTES", 2**14)
    monkeypatch.setenv("KAUG_NUM_THREADS", "3")
    command = ["bench", "--seconds", "0.05", "--size", "5x7x1", "--size", "9x8x3"]
    code, out, err = run(*command, "--policy", "Rotation(20)")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith(f"kaug {kaug.__version__}, numpy {np.__version__}, numba ")
    assert re.search(r", \d+ processors, load [\d.]+$", lines[1])
    assert lines[2:4] == ["policy: Rotation(rotation=20.0)", ""]
    assert lines[4].split() == ["images", "made", "by", "images/s", "time,", "copy", "=", "1"]
    assert table(out) == [
        (f"{size} {dtype}", by)
        for size in ("5x7x1", "9x8x3")
        for dtype in ("uint8", "float32")
        for by in ("a plain copy", "kaug, 1 thread", "kaug, 3 threads")
    ]
    copies = [line for line in lines if "a plain copy" in line]
    assert all(line.endswith(" 1.0") for line in copies)


def test_bench_of_more_than_fits(run):
    code, _, err = run("bench", "--size", "99999999x99999999x3", "--seconds", "0.01")
    assert code == 1
    assert "kaug bench: error: Images, and what is made of them, must fit into memory." in err


def test_bench_with_keras(run, monkeypatch):
    monkeypatch.setattr("kaug._cli.bench._BYTES", 2**14)
    monkeypatch.setenv("KAUG_NUM_THREADS", "1")
    with numpy_state_kept():  # Keras' generator does not
        code, out, _ = run("bench", "--seconds", "0.01", "--size", "8x8x1", "--keras")
    assert code == 0
    rows = table(out)
    assert [by for _, by in rows].count("Keras' generator") == 2
    assert [by for _, by in rows].count("Keras' layers") == 2


# kaug warmup -------------------------------------------------------------------------------------


@pytest.fixture
def one_process(monkeypatch):
    """Does in this process what children would do, and remembers their jobs."""
    jobs = []

    class Pool:
        def __init__(self, processes, context, initializer):
            assert processes >= 1
            assert context.get_start_method() == "spawn"

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def map(self, function, *columns):
            jobs.extend(zip(*columns, strict=True))
            return map(function, *columns)

    monkeypatch.setattr("kaug._cli.warmup.ProcessPoolExecutor", Pool)
    monkeypatch.setattr(caching, "told", [])
    return jobs


def test_warmup_compiles_and_the_next_process_finds_it(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kernels"))
    command = ("-m", "kaug", "warmup", "invert", "--dtypes", "float32")
    first, second = (python(*command, check=True) for _ in range(2))
    place = rf"s in 1 process; kept in {re.escape(str(tmp_path / 'kernels'))}\S+\n"
    assert re.fullmatch(rf"\d+ kernels? compiled, [\d.]+ {place}", first.stdout)
    assert re.fullmatch(rf"nothing left to compile, [\d.]+ {place}", second.stdout)
    assert first.stderr == second.stderr == ""
    assert list((tmp_path / "kernels").rglob("*.nbc"))


def test_warmup_without_a_policy_takes_the_usual_ones(run, one_process, monkeypatch):
    monkeypatch.setattr(
        "kaug._cli.warmup._warm", lambda text, dtype, sizes: (text, dtype, sizes) and _Warm(3, ())
    )
    code, out, _ = run("warmup")
    assert code == 0
    assert out.startswith(f"{3 * 2 * len(USUAL)} kernels compiled, ")
    sizes = ((32, 32, 3), (28, 28, 1))
    assert one_process == [(text, dtype, sizes) for text in USUAL for dtype in ("uint8", "float32")]
    for text in USUAL:
        read_policy(text)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("invert",), [("uint8", None), ("float32", None)]),
        (("normalize",), [("float32", None)]),
        (("invert", "--dtypes", "uint16", "float64"), [("uint16", None), ("float64", None)]),
        (("invert", "--dtypes", "uint8", "uint8"), [("uint8", None)]),
        (("invert", "--dtypes", "uint8", "--size", "5x4x2"), [("uint8", [(5, 4, 2)])]),
    ],
)
@pytest.mark.usefixtures("one_process")
def test_warmup_of_dtypes_and_sizes(run, monkeypatch, options, expected):
    seen = []

    def warm(text, dtype, sizes):
        seen.append((dtype, sizes))
        return _Warm(0, ())

    monkeypatch.setattr("kaug._cli.warmup._warm", warm)
    assert run("warmup", *options)[0] == 0
    default = ((32, 32, 3), (28, 28, 1))
    assert seen == [(dtype, sizes or default) for dtype, sizes in expected]


@pytest.mark.usefixtures("one_process")
def test_warmup_calls_the_policy_with_images_of_the_dtype(run, monkeypatch):
    seen = []

    def remember(self, images, **_):
        seen.append((images.shape, images.dtype.name, images.max() > 200))

    monkeypatch.setattr(transforms.Invert, "__call__", remember)
    assert run("warmup", "invert", "--size", "6x5x3")[0] == 0
    one = [((64, 6, 5, 3), "uint8", True)], [((64, 6, 5, 3), "float32", False)]
    assert seen == [each for dtype in one for each in 4 * dtype]


@pytest.mark.usefixtures("one_process")
def test_warmup_says_what_to_do_where_nothing_can_be_kept(run, monkeypatch):
    for locator in numbas.CompileResultCacheImpl._locator_classes:
        monkeypatch.setattr(locator, "from_function", classmethod(lambda *_: None))
    code, out, err = run("warmup", "invert")
    assert (code, out) == (1, "")
    assert err.startswith(
        "kaug warmup: error: Compiled kernels are kept where Numba can write. "
        "Received: no such place ("
    )
    assert err.endswith("Set NUMBA_CACHE_DIR to a folder that can be written to.\n")


@pytest.mark.usefixtures("one_process")
def test_warmup_says_so_when_a_process_could_not_keep_them(run, monkeypatch):
    monkeypatch.setattr(
        "kaug._cli.warmup._warm", lambda *_: _Warm(1, (("a full disk", "Make room there."),))
    )
    code, out, err = run("warmup", "invert")
    assert (code, out) == (1, "")
    assert err.endswith("Received: a full disk. Make room there.\n")


@pytest.mark.usefixtures("one_process")
def test_warmup_refuses_what_is_no_policy_and_what_does_not_fit(run):
    assert run("warmup", "invrt")[0] == 1
    code, _, err = run("warmup", "invert", "--size", "99999999x99999999x3")
    assert code == 1
    assert "Choose a smaller --size." in err


# The pages ---------------------------------------------------------------------------------------


def steps(text):
    """Yields the blocks of a page: their language and what is in them."""
    for match in re.finditer(r"^```(python|console)\n(.*?)^```$", text, re.M | re.S):
        yield match.groups()


def shell(command):
    """Runs a command as on the page; returns what it prints."""
    command, _, fallback = command.partition(" || echo ")
    command, _, target = command.partition(" > ")
    printed, said = io.StringIO(), io.StringIO()
    argv = shlex.split(command)
    if argv[0] == "python":
        return python(*argv[1:], check=True).stdout
    assert argv[0] == "kaug", command
    with redirect_stdout(printed), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", said)
        code = main(argv[1:])
    assert (code != 0) == bool(fallback), said.getvalue()
    if target:
        Path(target).write_text(printed.getvalue(), encoding="utf-8")
        return ""
    return (said.getvalue() + fallback + "\n") if fallback else printed.getvalue()


# In what depends on the machine.
SAID = {"bench": "a plain copy", "doctor": "all is well", "compare": "better than Identity by"}


def test_the_commands_of_the_page():
    ran = 0
    namespace = {}
    for language, content in steps(HOW_TO.read_text(encoding="utf-8")):
        if language == "python":
            exec(content, namespace)
            continue
        for part in re.split(r"^\$ ", content, flags=re.M)[1:]:
            command, _, expected = part.partition("\n")
            printed = shell(command)
            ran += 1
            kind = command.split()[1]
            if kind in SAID:
                assert SAID[kind] in printed
            else:
                assert printed == expected, command
    assert ran >= 9


def options_of(command):
    """Returns the options and arguments of a command."""
    (commands,) = [
        action
        for action in make_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    actions = [a for a in commands.choices[command]._actions if a.dest != "help"]
    return {name for action in actions for name in action.option_strings or [action.metavar]}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_reference_has_every_option(command):
    text = REFERENCE.read_text(encoding="utf-8")
    section = re.search(rf"^## `kaug {command}(.*?)(?=^## )", text, re.M | re.S)[1]
    heading, _, rest = section.partition("\n")
    first_cells = re.findall(r"^\| (`.*?) \|", rest, re.M)
    shown = {
        word.split()[0] for cell in first_cells for word in re.findall(r"`([^`]+)`", cell)
    } | set(re.findall(r"[A-Z]\w*", heading))
    for name in options_of(command):
        assert name in shown, name
    known = options_of(command) | {"IN", "IN.npz", "OUT", "IMAGE", "POLICY"}
    assert shown <= known


def test_the_commands_of_all_pages_are_known():
    pages = [*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    commands = re.findall(r"^(?:\$ |RUN |!| *- run: )(?:\w+=\S+ )*kaug (.+)$", text, re.M)
    assert len(commands) > 15
    for command in commands:
        words = shlex.split(re.split(r" (?:\||>|&&|2>)", command)[0])
        if not {"--help", "--version"} & set(words):
            make_parser().parse_args(words)
