"""The command line: what it writes, what it refuses, and what it says on its pages."""

import argparse
import io
import json
import os
import re
import shlex
import subprocess
import sys
import warnings
import zipfile
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kaug
from kaug import transforms
from kaug._cli import bench, main, progress
from kaug._cli.arrays import write_arrays
from kaug._cli.parser import SAMPLING, make_parser
from kaug._cli.pictures import read_picture
from kaug._cli.policy import names, read_policy, tutorial_policy
from kaug.sampling import SAMPLING as KNOWN_SAMPLING
from kaug.store._chunks import Writer
from kaug.transforms import Compose, HorizontalFlip, Identity, MixUp, OneOf, Rotation

ROOT = Path(__file__).parents[1]
HOW_TO = ROOT / "docs" / "how-to" / "command_line.md"
REFERENCE = ROOT / "docs" / "reference" / "command_line.md"
COMMANDS = ("preview", "augment", "policies", "bench")


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


def partial_files():
    return [path for path in Path().rglob("*") if "partial" in path.name]


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
    assert len(examples) == 3
    for example in examples:
        argv = shlex.split(example.split(">")[0])[1:]
        assert make_parser().parse_args(argv).command == command


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["prevew"],
        ["preview"],
        ["preview", "a.png", "-n", "0"],
        ["preview", "a.png", "-n", "1001"],
        ["preview", "a.png", "-n", "1_0"],
        ["preview", "a.png", "--seed", "-1"],
        ["preview", "a.png", "--seed", str(2**64)],
        ["preview", "a.png", "--size", "28"],
        ["preview", "a.png", "--size", "28x0"],
        ["preview", "a.png", "--size", "28x28x3"],
        ["preview", "a.png", "--pol", "zoom"],
        ["augment", "a.npz", "b.npz", "-n", "3"],
        ["augment", "a.npz", "b.npz", "--policy", "zoom"],
        ["augment", "a.npz", "b.npz", "--policy", "zoom", "-n", "1.5"],
        ["augment", "a.npz", "b.npz", "--policy", "zoom", "-n", "3", "--sampling", "often"],
        ["augment", "a.npz", "b", "--policy", "zoom", "-n", "3", "--overwrite"],
        ["bench", "--seconds", "nan"],
        ["bench", "--size", "4x4x1", "--images", "a.npz"],
        ["bench", "--keras", "--policy", "zoom"],
    ],
)
def test_usage_errors(argv, run):
    code, out, err = run(*argv)
    assert (code, out) == (2, "")
    assert err.startswith("usage: kaug")
    assert "error: " in err


def test_values_that_will_not_do_are_explained(run):
    err = run("preview", "a.png", "--size", "28x-1")[2]
    rule = "argument --size: must be HEIGHTxWIDTH in pixels, such as 224x224. Received: '28x-1'."
    assert rule in err


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


def test_errors_of_the_system_are_short(run):
    Path("dir.json").mkdir()
    code, out, err = run("policies", "dir.json")
    assert (code, out, err) == (1, "", "kaug policies: error: Is a directory: 'dir.json'\n")


def test_warnings_are_notes(run, monkeypatch):
    monkeypatch.setattr(
        "kaug._cli.policies.names", lambda: warnings.warn("Mind the gap.", stacklevel=2) or {"": ""}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert run("policies")[2] == "kaug policies: note: Mind the gap.\n"


def test_a_closed_pipe_is_no_error():
    # More than a pipe holds, to someone who reads a line of it.
    code = "import sys, kaug._cli.policies as p; from kaug._cli import main\n"
    code += (
        "p.names = lambda: {str(i): 'x' * 99 for i in range(9999)}; sys.exit(main(['policies']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline().startswith(b"0")
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141


# Policies ----------------------------------------------------------------------------------------


def test_names_of_policies(run):
    code, out, err = run("policies")
    assert (code, err) == (0, "")
    listed = [line.split()[0] for line in out.splitlines()]
    assert listed == list(names())
    not_listed = {"Compose", "Draws", "Lambda", "OneOf", "SomeOf", "Sometimes", "Transform"}
    assert set(listed) == {"tutorial", *transforms.__all__} - not_listed
    for name in listed[1:]:
        assert read_policy(name.lower()) == getattr(transforms, name)()
    assert read_policy("trivial-augment_wide") == transforms.TrivialAugmentWide()


def test_the_tutorial_is_what_the_generator_of_the_tutorial_does():
    x = np.random.default_rng(0).random((2_000, 9, 9, 1), np.float32)
    x = np.cumsum(x, axis=1) / 9
    options = {"rotation_range": 10, "zoom_range": 0.1, "shear_range": 0.5}
    options |= {"width_shift_range": 0.1, "height_shift_range": 0.1, "horizontal_flip": True}
    generator = kaug.ImageDataGenerator(**options)
    theirs = kaug.augment_dataset(x[:1], None, 2_000, generator, seed=0, append=False)[0]
    ours = kaug.augment_dataset(x[:1], None, 2_000, tutorial_policy(), seed=0, append=False)[0]
    np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), atol=0.02)
    np.testing.assert_allclose(ours.std(axis=0), theirs.std(axis=0), atol=0.02)


@pytest.mark.parametrize(
    "policy",
    [
        tutorial_policy(),
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
    Path("policy").write_bytes(b"\xef\xbb\xbf" + policy.to_json().encode())  # a mark from Windows
    assert read_policy("./policy") == policy


WRONG_POLICIES = {
    "rotatoin": "Received: 'rotatoin'. Did you mean 'rotation'?",
    "qqqq": "Received: 'qqqq'. `kaug policies` lists them.",
    "lambda": "`kaug policies` lists them.",
    "one-of": "Write it as in Python: 'OneOf([Rotation(20), HorizontalFlip()])'.",
    "Rotation(": "('(' was never closed)",
    "(1, 2)": "A policy must be a transform. Received: '(1, 2)'.",
    "Rotatoin(3)": "Received: 'Rotatoin'. Did you mean 'Rotation'?",
    "os.system('true')": "Received: 'os.system'.",
    "Rotation(open('x'))": "Received: 'open'.",
    "Rotation([i for i in range(3)])": "may have transforms, lists, numbers and strings",
    "Rotation(degrees=3)": "(got an unexpected keyword argument 'degrees')",
    "Rotation(**{'p': 1})": "The arguments must be among those of Rotation: rotation, p, fill_mode",
    "Compose()": "(missing a required argument: 'transforms')",
    "Rotation('far')": "Received: rotation='far'",
    "Rotation(p=2)": "`p` must lie in 0..1. Received: p=2.",
    "(" * 500: "must be an expression",
    "none.json": "'none.json', where there is no file. `kaug policies tutorial` writes one",
}


@pytest.mark.parametrize("text", WRONG_POLICIES)
def test_wrong_policies(text, run):
    code, out, err = run("policies", text)
    assert (code, out) == (1, "")
    assert err.startswith("kaug policies: error: ")
    assert "Received: " in err
    assert WRONG_POLICIES[text] in err


def described(class_name, **config):
    return json.dumps({"class_name": class_name, "config": config})


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "no JSON at line 1, column 1: Expecting value"),
        ('{"class_name": "kaug>Zoom",\n "config": {}', "no JSON at line 2, column 14"),
        ("[1, 2]", "which is none"),
        ("{}", "which is none"),
        ("[" * 100_000, "nested too deeply"),
        (b"\xff\xfe\x00", "which is no text"),
        (described("kaug>Rotatoin"), "class_name='kaug>Rotatoin' in 'policy.json'. Did you mean"),
        (described("Zoom"), "Did you mean 'kaug>Zoom'?"),
        (described("os>system"), "class_name='os>system'"),
        (described(["kaug>Zoom"]), "class_name=['kaug>Zoom']"),
        ('{"class_name": "kaug>Zoom"}', "with arguments among zoom, p, fill_mode"),
        (
            '{"class_name": "kaug>Zoom", "config": [1]}',
            "must be an object with arguments among zoom",
        ),
        (described("kaug>Zoom", zooom=1), "Received: only zooom in 'policy.json'"),
        (described("kaug>Compose"), "arguments among transforms, p. Received: only none in"),
        (described("kaug>Compose", transforms=[1]), "In 'policy.json': `transforms` must be"),
        (described("kaug>Zoom", zoom="big"), "In 'policy.json': "),
        (described("kaug>Zoom", zoom=float("nan")), "In 'policy.json': "),
        (described("kaug>Transform"), "class_name='kaug>Transform'"),
        (described("kaug>Lambda", function={"registered_name": "f"}), "registered with keras"),
    ],
)
def test_wrong_policy_files(content, complaint, run):
    content = content if isinstance(content, bytes) else content.encode()
    Path("policy.json").write_bytes(content)
    code, out, err = run("policies", "policy.json")
    assert (code, out) == (1, "")
    assert err.startswith("kaug policies: error: ")
    assert "Received: " in err
    assert complaint in err


# Pictures ----------------------------------------------------------------------------------------

GRAY = np.arange(35, dtype="uint8").reshape(5, 7) * 7
COLOR = np.stack([GRAY, GRAY[::-1], 255 - GRAY], axis=-1)


def picture(name, size=None):
    return read_picture(Path(name), size)[0]


def test_gray_and_colour_as_they_are():
    np.testing.assert_array_equal(picture(save("a.png", GRAY)), GRAY)
    np.testing.assert_array_equal(picture(save("b.png", COLOR)), COLOR)
    np.testing.assert_array_equal(picture(save("c.png", GRAY > 99)), (GRAY > 99) * np.uint8(255))


def test_a_palette_becomes_its_colours():
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
    save("c.png", GRAY, transparency=0)  # one grey value that is transparent
    np.testing.assert_array_equal(picture("c.png"), np.where(GRAY > 0, GRAY, 255))
    half = np.full((1, 1, 4), [200, 100, 0, 128], "uint8")
    np.testing.assert_allclose(picture(save("d.png", half))[0, 0], [227, 177, 127], atol=1)


def test_photographs_are_turned_as_noted():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held so that the picture must be turned clockwise
    save("a.png", COLOR, exif=exif)
    made, size = read_picture(Path("a.png"))
    np.testing.assert_array_equal(made, np.rot90(COLOR, -1))
    assert size == (7, 5)


def test_sizes():
    save("a.png", COLOR)
    assert picture("a.png", (3, 11)).shape == (3, 11, 3)
    save("b.png", np.zeros((3, 2048), "uint8"))
    assert picture("b.png").shape == (2, 1024)
    assert picture("b.png", (3, 2048)).shape == (3, 2048)


def test_bombs_and_damage_are_refused(monkeypatch):
    save("a.png", np.zeros((40, 40), "uint8"))
    with Image.open("a.png") as whole:
        whole.save("b.png")
    Path("b.png").write_bytes(Path("a.png").read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"that Pillow can read\. Received: 'b\.png'"):
        picture("b.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ValueError, match="exceeds limit of 1000 pixels"):
        picture("a.png")
    Image.fromarray(np.full((2, 2), 70_000, "int32")).save("c.tif")
    with pytest.raises(ValueError, match=r"must be in 0\.\.65535"):
        picture("c.tif")


# preview -----------------------------------------------------------------------------------------


def test_a_preview_is_the_figure(run):
    Path("photos").mkdir()
    save("photos/cat.png", COLOR)
    code, out, err = run(
        "preview", "photos/cat.png", "--policy", "Rotation(30)", "--seed", 5, "-n", 4
    )
    assert (code, out, err) == (0, "cat-augmented.png\n", "")
    stream = io.BytesIO()
    kaug.plot_augmentations(COLOR, Rotation(30), n=4, seed=5).savefig(stream)
    with Image.open(stream) as wanted, Image.open("cat-augmented.png") as made:
        np.testing.assert_array_equal(np.asarray(made), np.asarray(wanted))
        assert np.asarray(made).std() > 20
    assert [path.name for path in Path("photos").iterdir()] == ["cat.png"]
    assert not partial_files()


def test_a_preview_by_default_is_the_tutorials_16_and_its_seed_is_told(run):
    save("a.png", GRAY)
    code, _, err = run("preview", "a.png", "-o", "one.png")
    assert code == 0
    seed = re.fullmatch(r"kaug preview: note: --seed (\d+) makes these pictures again\n", err)[1]
    policy = Path("p.json")
    policy.write_text(tutorial_policy().to_json(), encoding="utf-8")
    run("preview", "a.png", "-o", "two.png", "--seed", seed, "--policy", policy, "-n", 16)
    assert Path("one.png").read_bytes() == Path("two.png").read_bytes()
    run("preview", "a.png", "-o", "two.png", "--seed", int(seed) + 1)  # replaces it
    assert Path("one.png").read_bytes() != Path("two.png").read_bytes()


@pytest.mark.parametrize("suffix", ["jpg", "PDF", "svg"])
def test_other_formats(suffix, run):
    save("a.png", GRAY.astype("uint16") * 257)
    assert run("preview", "a.png", "-o", f"b.{suffix}", "--seed", 0, "-n", 1)[:2] == (
        0,
        f"b.{suffix}\n",
    )
    assert Path(f"b.{suffix}").read_bytes().startswith((b"\xff\xd8", b"%PDF", b"<?xml"))


def test_large_pictures_are_shrunk_and_it_is_said(run):
    save("a.png", np.zeros((30, 2048), "uint8"))
    err = run("preview", "a.png", "--policy", "identity", "-n", 1, "--seed", 0)[2]
    assert err == "kaug preview: note: shrunk from 30x2048 to 15x1024; --size takes another size\n"


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["none.png"], "Received: 'none.png' (there is no such file)"),
        (["text.png"], "Received: 'text.png' (cannot identify image file"),
        (["."], "that Pillow can read. Received: '.'"),
        (["a.png", "-o", "a.png"], "must not be the input"),
        (["a.png", "-o", "link.png"], "must not be the input"),
        (["a.png", "-o", "b.txt"], "must end in one of"),
        (["a.png", "-o", "b"], "Received: 'b'. Call it b.png."),
        (["a.png", "-o", "none/b.png"], "must lie in a folder that exists"),
        (["a.png", "-o", "folder.png"], "must be a file. Received: the folder"),
        (["a.png", "--policy", "mixup"], "must not mix it with others. Received: MixUp()."),
        (["a.png", "--policy", "OneOf([Rotation(3), CutMix()])"], "must not mix it"),
        (["a.png", "--policy", "nothing"], "Received: 'nothing'."),
    ],
)
def test_previews_that_are_refused(argv, complaint, run):
    before = save("a.png", GRAY).read_bytes()
    Path("link.png").symlink_to("a.png")
    Path("text.png").write_text("no picture", encoding="utf-8")
    Path("folder.png").mkdir()
    code, out, err = run("preview", *argv)
    assert (code, out) == (1, "")
    assert err.startswith("kaug preview: error: ")
    assert "Received: " in err
    assert complaint in err
    assert Path("a.png").read_bytes() == before
    assert not partial_files()
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


def test_the_choices_of_sampling_are_those_of_the_library():
    assert SAMPLING == KNOWN_SAMPLING


def test_the_same_seed_makes_the_same_bytes_and_it_is_told(images, run):
    dataset(images, y=None)
    command = ["-n", "9", "--policy", "zoom"]
    code, out, err = run("augment", "in.npz", "a.npz", *command)
    assert code == 0
    assert err.startswith("kaug augment: note: no labels, only images")
    seed = re.match(r"a\.npz, made with --seed (\d+)$", out.splitlines()[0])[1]
    run("augment", "in.npz", "b.npz", *command, "--seed", seed)
    assert Path("a.npz").read_bytes() == Path("b.npz").read_bytes()
    run("augment", "in.npz", "c.npz", *command, "--seed", int(seed) + 1)
    assert Path("a.npz").read_bytes() != Path("c.npz").read_bytes()
    assert list(load("a.npz")) == ["x", "index"]


def test_names_of_arrays(images, run):
    x, y = images(4), np.arange(4)
    np.savez("k.npz", x_train=x, y_train=y, x_test=x[:2], y_test=y[:2], sample_weight_test=y[:2])
    tail = ["-n", "3", "--policy", "zoom", "--seed", "0", "--overwrite"]
    err = run("augment", "k.npz", "o.npz", *tail)[2]
    assert err == "kaug augment: note: left out: x_test, y_test, sample_weight_test\n"
    assert {key: len(value) for key, value in load("o.npz").items()} == {
        "x_train": 7,
        "y_train": 7,
        "index": 7,
    }
    run("augment", "k.npz", "o.npz", *tail, "--x-name", "x_test")
    assert list(load("o.npz")) == ["x_test", "y_test", "sample_weight_test", "index"]
    write_arrays(Path("k.npz"), {"file": x, "label": y, "w": y})  # savez has a `file` of its own
    names = ["--x-name", "file", "--y-name", "label", "--weight-name", "w"]
    assert run("augment", "k.npz", "o.npz", *tail, *names)[2] == ""
    assert list(load("o.npz")) == ["file", "label", "w", "index"]


def test_labels_become_soft_when_pictures_are_mixed(images, run):
    dataset(images, y=np.arange(12) % 3)
    run("augment", "in.npz", "out.npz", "-n", 5, "--policy", "MixUp(num_classes=3)", "--seed", 0)
    y = load("out.npz")["y"]
    assert y.shape == (17, 3)
    np.testing.assert_allclose(y.sum(axis=1), 1, atol=1e-6)


def test_what_is_there_stays(images, run):
    dataset(images)
    Path("out.npz").write_bytes(b"precious")
    command = ["augment", "in.npz", "out.npz", "-n", 3, "--policy", "zoom", "--seed", 0]
    code, out, err = run(*command)
    assert (code, out) == (1, "")
    assert "must not be there yet. Received: 'out.npz'" in err
    assert Path("out.npz").read_bytes() == b"precious"
    assert run(*command, "--overwrite")[0] == 0
    assert len(load("out.npz")["x"]) == 15
    before = Path("in.npz").read_bytes()
    code, _, err = run("augment", "in.npz", "./in.npz", *command[3:], "--overwrite")
    assert code == 1
    assert "must not be the input" in err
    assert Path("in.npz").read_bytes() == before


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_file_is_written_whole_or_not_at_all(error, images, run, monkeypatch):
    dataset(images)
    Path("out.npz").write_bytes(b"precious")
    write = np.lib.format.write_array

    def fail(stream, array, **options):
        if array.dtype == bool:  # the images have been written by then
            raise error
        write(stream, array, **options)

    monkeypatch.setattr(np.lib.format, "write_array", fail)
    command = ["augment", "in.npz", "out.npz", "-n", 3, "--policy", "zoom", "--overwrite"]
    code, out, err = run(*command)
    assert (code, out) == (130 if isinstance(error, KeyboardInterrupt) else 1, "")
    assert err.endswith(("interrupted\n", "error: No space left on device\n"))
    assert Path("out.npz").read_bytes() == b"precious"
    assert not partial_files()


def test_a_folder_that_was_begun_is_gone_on_with(images, run, monkeypatch):
    given = dataset(images)
    monkeypatch.setattr("kaug.store._write._CHUNK_BYTES", 500)
    command = ["augment", "in.npz", "folder", "-n", 40, "--policy", "zoom"]
    save = Writer._save

    def stop(writer):
        save(writer)
        if sum(chunk is not None for chunk in writer._manifest.chunks) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(Writer, "_save", stop)
    code, out, err = run(*command)
    assert (code, out) == (130, "")
    assert err == (
        "kaug augment: note: what is written stays; the same command goes on from there\n"
        "kaug augment: interrupted\n"
    )
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


class Trap:
    def __reduce__(self):
        return print, ("unpickled",)


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["none.npz"], "Received: 'none.npz', where there is no file."),
        (["text.npz"], "Received: 'text.npz', which is none."),
        (["one.npy"], "Received: 'one.npy', which is none."),
        (["."], "Received: '.', which is none."),
        (["broken.npz"], "Received: 'broken.npz' (Bad CRC-32"),
        (["trap.npz"], "Received: 'trap.npz' (Object arrays cannot be loaded when"),
        (["odd.npz"], "must have the array 'x'. Received: the arrays ['images', 'y', 'index']. "),
        (["odd.npz", "--x-name", "images", "--y-name", "z"], "Say which one it is, with --y-name"),
        (["odd.npz", "--x-name", "images", "--y-name", "index"], "none of them called 'index'"),
        (["odd.npz", "--x-name", "y", "--y-name", "y"], "must be three arrays"),
        (["odd.npz", "--x-name", "images", "--y-name", "y"], "`y` must have one row for each"),
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
    np.savez("odd.npz", images=images(3), y=np.arange(4), index=np.arange(3))
    np.savez("good.npz", x=images(3), y=np.arange(3))
    defaults = [
        *(() if "-n" in argv else ("-n", "3")),
        *(() if "--policy" in argv else ("--policy", "zoom")),
    ]
    code, out, err = run("augment", argv[0], "out.npz", *argv[1:], *defaults)
    assert (code, out) == (1, "")
    err = re.sub(r"^kaug augment: note: .*\n", "", err)
    assert err.startswith("kaug augment: error: ")
    assert "Received: " in err
    assert complaint in err
    assert not Path("out.npz").exists()
    assert not partial_files()


@pytest.mark.parametrize(
    ("out", "complaint"),
    [
        ("none/out.npz", "must lie in a folder that exists"),
        ("folder.npz", "must be a file. Received: the folder"),
        ("none/out", "must lie in a folder that exists"),
        ("file", "must be the path of a new folder, or of a store"),
        ("out.h5", "Received: 'out.h5'. Call it out.npz."),
        ("out.npy", "Received: 'out.npy'. Call it out.npz."),
    ],
)
def test_where_nothing_can_be_written_nothing_is_read(out, complaint, run):
    Path("folder.npz").mkdir()
    Path("file").write_text("precious", encoding="utf-8")
    code, stdout, err = run("augment", "none.npz", out, "-n", 3, "--policy", "zoom")
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


def test_a_folder_that_can_not_be_written_to_is_noticed_first(run, monkeypatch):
    save("a.png", GRAY)
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    for argv in (
        ["preview", "a.png"],
        ["augment", "a.png", "out.npz", "-n", 1, "--policy", "zoom"],
    ):
        code, out, err = run(*argv)
        assert (code, out) == (1, "")
        assert "must lie in a folder that can be written to. Received: " in err


def test_names_that_are_no_text(run):
    name = os.fsdecode(b"\xff.png")
    save(name, GRAY)
    code, out, _ = run("preview", name, "--policy", "identity", "-n", 1)
    assert (code, out) == (0, "\\udcff-augmented.png\n")
    assert Path(os.fsdecode(b"\xff-augmented.png")).exists()


def test_progress_of_a_folder_is_shown_at_a_terminal(images, run, monkeypatch):
    dataset(images)
    run("augment", "in.npz", "folder", "-n", 3, "--policy", "zoom", "--seed", 0)

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(progress, "_EVERY", 0.001)
    monkeypatch.setattr(sys, "stderr", terminal)
    watch = progress.Watch(argparse.Namespace(command="augment"), Path("folder"))
    with watch:
        while "%" not in terminal.getvalue():
            pass
    assert terminal.getvalue().startswith("\rkaug augment: 100%")
    assert terminal.getvalue().endswith("%\n")


# bench -------------------------------------------------------------------------------------------

ROW = re.compile(
    r"^(?P<images>\S+ \S+)? +(?P<by>a plain copy|kaug, \d+ threads?|Keras' \w+)"
    r" +[\d,.e+]+ +[\d,.]+$"
)


def table(out):
    """Returns for each row of a table of `bench` which images it is about, and who made them."""
    rows, images = [], None
    for line in out.splitlines()[5:]:
        match = ROW.match(line)
        assert match, line
        images = match["images"] or images
        rows.append((images, match["by"]))
    return rows


def test_bench(run, monkeypatch):
    monkeypatch.setenv("KAUG_NUM_THREADS", "3")
    command = ["bench", "--seconds", "0.05", "--size", "5x7x1", "--size", "9x8x3"]
    code, out, err = run(*command, "--policy", "Rotation(20)")
    assert (code, err) == (0, "kaug bench: note: measuring, for about 0.05 s\n")
    lines = out.splitlines()
    assert lines[0].startswith(f"kaug {kaug.__version__}, numpy {np.__version__}, numba ")
    assert re.search(r", 3 of \d+ processors, load average [\d.]+$", lines[1])
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
    assert os.environ["KAUG_NUM_THREADS"] == "3"


@pytest.mark.parametrize("before", ["3", None])
def test_the_number_of_threads_is_put_back(before, monkeypatch):
    monkeypatch.setenv("KAUG_NUM_THREADS", before or "9")
    if before is None:
        monkeypatch.delenv("KAUG_NUM_THREADS")
    with bench._on_threads(2):
        assert os.environ["KAUG_NUM_THREADS"] == "2"
    assert os.environ.get("KAUG_NUM_THREADS") == before


def test_bench_with_files(images, run, monkeypatch):
    monkeypatch.setattr("kaug._cli.bench._BYTES", 2**14)
    monkeypatch.setenv("KAUG_NUM_THREADS", "1")
    dataset(images, x=images(12, dtype="uint16"))
    save("a.png", COLOR)
    tail = ["--seconds", "0.01", "--policy", "mixup"]
    by = ("a plain copy", "kaug, 1 thread")
    assert table(run("bench", "--images", "in.npz", *tail)[1]) == [
        ("5x7x3 uint16", who) for who in by
    ]
    assert table(run("bench", "--images", "a.png", *tail)[1]) == [
        (f"5x7x3 {dtype}", who) for dtype in ("uint8", "float32") for who in by
    ]
    np.savez("empty.npz", x=images(0))
    code, out, err = run("bench", "--images", "empty.npz", *tail)
    assert (code, out) == (1, "")
    assert "There must be images to measure with. Received: none in 'empty.npz'." in err


def test_bench_with_keras(run, monkeypatch):
    monkeypatch.setattr("kaug._cli.bench._BYTES", 2**14)
    code, out, _ = run("bench", "--seconds", "0.01", "--size", "8x8x1", "--keras")
    assert code == 0
    rows = table(out)
    assert [by for _, by in rows].count("Keras' generator") == 2
    assert [by for _, by in rows].count("Keras' layers") == 2


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
            if command.startswith("kaug bench"):
                assert "a plain copy" in printed
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
    known = options_of(command) | set(SAMPLING) | {"IN", "IN.npz", "OUT", "IMAGE", "POLICY"}
    assert shown <= known
