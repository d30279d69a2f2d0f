"""`kaug doctor`: what it tells, and what it calls wrong."""

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core import caching as numbas

import kaug
from kaug import _processors
from kaug._cli import doctor, installed, kept, main, selftest
from kaug._kernels import caching
from kaug.transforms import Invert

NAMES = [
    *("kaug", "Python", "packages", "optional", "Keras", "threads", "memory", "kernels"),
    *("JPEG decoder", "Fashion-MNIST", "variables", "self-test", "in all"),
]


@pytest.fixture
def told(capsys):
    """Runs the command; returns its exit code, what it tells by name, and stderr."""

    def call():
        code = main(["doctor"])
        out, err = capsys.readouterr()
        report, name = {}, ""
        for line in out.splitlines():
            assert len(line) <= 100 or " " not in line.strip(), line
            name = line[:15].strip() or name
            report[name] = f"{report.get(name, '')} {line[15:]}".strip()
        assert list(report) == NAMES
        return code, report, err

    return call


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in ("KERAS_BACKEND", "KERAS_HOME", "KAUG_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)


def test_all_is_well(told):
    code, report, err = told()
    assert (code, err) == (0, "")
    assert report["kaug"] == f"{kaug.__version__} in {Path(kaug.__file__).parent}"
    assert report["Python"].startswith(f"{platform.python_version()} ({sys.executable}), ")
    for name in ("keras", "numpy", "numba", "scipy", "tensorflow"):
        assert f"{name} {importlib.metadata.version(name)}" in report["packages"]
    version = importlib.metadata.version("albumentations")
    assert f"albumentations {version}" in report["optional"]
    assert report["self-test"].count("as everywhere") == 4
    assert report["in all"] == "all is well"


def test_it_loads_no_backend_and_takes_a_screen():
    code = "import sys; from kaug._cli import main\nmain(['doctor'])\nprint(*sys.modules)"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *report, loaded = made.stdout.splitlines()
    assert not {"tensorflow", "jax", "torch", "keras", "matplotlib"} & set(loaded.split())
    assert len(report) <= 40


def test_several_things_are_wrong_and_each_is_told_once(told, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorfow")
    monkeypatch.setenv("KAUG_NUM_THREADS", "0")
    code, report, err = told()
    first, second = err.splitlines()
    assert code == 1
    assert first == (
        "kaug doctor: error: The backend of Keras must be one of tensorflow, jax, torch, numpy, "
        "openvino. Received: 'tensorfow', by KERAS_BACKEND. Set KERAS_BACKEND to one of them, or "
        "unset it."
    )
    assert second.startswith("kaug doctor: error: The environment variable KAUG_NUM_THREADS must")
    assert report["threads"] == "wrong, see below"
    assert "KERAS_BACKEND=tensorfow" in report["variables"]
    assert report["in all"] == "2 wrong, told on stderr"


# What is installed --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "variable", "expected"),
    [
        (None, None, ("tensorflow", "since nothing says otherwise")),
        ("{", None, ("tensorflow", "since nothing says otherwise")),
        ("[]", None, ("tensorflow", "since nothing says otherwise")),
        ('{"floatx": "float32"}', None, ("tensorflow", "since nothing says otherwise")),
        ('{"backend": "jax"}', None, ("jax", "by {file}")),
        ('{"backend": "jax"}', "torch", ("torch", "by KERAS_BACKEND")),
        ('{"backend": "jax"}', "", ("jax", "by {file}")),
    ],
)
@pytest.mark.parametrize("by", ["KERAS_HOME", "HOME"])
def test_the_backend_is_the_one_that_keras_chooses(
    tmp_path, monkeypatch, settings, variable, expected, by
):
    file = tmp_path / ("" if by == "KERAS_HOME" else ".keras") / "keras.json"
    monkeypatch.setenv(by, str(tmp_path))
    file.parent.mkdir(exist_ok=True)
    if settings is not None:
        file.write_text(settings, encoding="utf-8")
    if variable is not None:
        monkeypatch.setenv("KERAS_BACKEND", variable)
    name, source = expected
    assert installed.backend()[:2] == (name, source.format(file=file))


def test_the_backend_of_this_process(monkeypatch):
    """Keras itself says which it took, by the same variables."""
    code = "import sys, keras\nfrom kaug._cli.installed import backend\n"
    code += "print(keras.backend.backend(), backend().name)"
    environment = {**os.environ, "KERAS_BACKEND": "numpy"}
    made = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert made.stdout == "numpy numpy\n"


def test_a_backend_that_is_not_installed(monkeypatch):
    backend = installed.Backend("torch", "by KERAS_BACKEND", "Set KERAS_BACKEND.")
    monkeypatch.setattr(installed, "find_spec", lambda name: name in ("jax",) or None)
    assert backend.wrong == (
        "The backend of Keras must be installed. Received: 'torch', by KERAS_BACKEND. pip install "
        "torch; or take what is there: KERAS_BACKEND=jax."
    )
    monkeypatch.setattr(installed, "find_spec", lambda name: None)
    assert backend.wrong.endswith("by KERAS_BACKEND. pip install torch.")
    monkeypatch.setattr(installed, "find_spec", lambda name: True)
    assert backend.wrong == ""


def test_packages_that_are_missing_or_too_old(monkeypatch):
    versions = {"keras": "3.9.2", "numpy": "2.0.0", "numba": "0.61.0rc1", "scipy": "1.13"}

    def version(name):
        if name not in versions:
            raise importlib.metadata.PackageNotFoundError(name)
        return versions[name]

    required = ["keras>=3.10", "numpy>=2.0", "numba>=0.61", "scipy>=1.13", "pillow>=10"]
    required += ["tensorflow>=2.18", "zarr>=3; extra == 'zarr'"]
    monkeypatch.setattr(installed.metadata, "version", version)
    monkeypatch.setattr(installed.metadata, "requires", lambda name: required)
    assert installed.lacking() == [
        "kaug needs keras of version 3.10 or newer. Received: 3.9.2. "
        'pip install --upgrade "keras>=3.10"',
        'kaug needs pillow. Received: none. pip install "pillow>=10"',
    ]
    versions |= {"keras": "3.10.0", "pillow": "10.0", "tensorflow-cpu": "2.18.0"}
    assert installed.lacking() == []
    assert installed.version_of("tensorflow") == "2.18.0 (tensorflow-cpu)"


# Threads ------------------------------------------------------------------------------------------


def test_threads_and_why(monkeypatch):
    monkeypatch.delenv("KAUG_NUM_THREADS", raising=False)
    monkeypatch.setattr(_processors, "allowed_processors", lambda: 3)
    monkeypatch.setattr(_processors, "_kept_quota", lambda: None)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert doctor.threads_and_why() == "3, since this process may run on 3 of 8 processors"
    monkeypatch.setattr(_processors, "_kept_quota", lambda: 1.5)
    monkeypatch.setattr(_processors, "quota", lambda: 1.5)
    text = "2, as a control group (of a container) allows the time of 1.5; this process may"
    assert doctor.threads_and_why().startswith(text)
    monkeypatch.setenv("KAUG_NUM_THREADS", "5")
    assert doctor.threads_and_why().startswith("5, by KAUG_NUM_THREADS; this process may run on 3")


# Kernels ------------------------------------------------------------------------------------------


def test_kernels_are_counted():
    Invert()(np.zeros((1, 2, 3, 1), "uint8"), seed=0)
    found = kept.kept()
    assert found.here >= 1
    assert found.processor
    assert str(caching.place()) in found.folders
    assert found.files >= 2
    assert found.size > 1000


def test_where_none_are_compiled_that_is_said_and_not_wrong(told, monkeypatch):
    nothing = kept.Kept("some", 0, 7, ("folder",), 14, 2**20)
    monkeypatch.setattr(kept, "kept", lambda: nothing)
    code, report, _ = told()
    assert code == 0
    assert "none compiled for this processor (some): first calls" in report["kernels"]
    assert "; 7 for other processors; 14 files, 1.0 MiB" in report["kernels"]


def test_a_cache_that_cannot_be_written_to(told, monkeypatch, tmp_path):
    """As root can write everywhere, it lies below a file."""
    (tmp_path / "file").touch()
    wanted = str(tmp_path / "file" / "kernels")
    monkeypatch.setattr(numba.config, "CACHE_DIR", wanted)
    code, report, err = told()
    assert code == 1
    rule = "NUMBA_CACHE_DIR must be a folder that can be written to, or holds compiled kernels."
    assert err.startswith(f"kaug doctor: error: {rule} Received: {wanted!r}, so that kernels are")
    assert err.endswith("Name another one, then run `kaug warmup`.\n")
    assert "kept in " in report["kernels"]


def test_no_place_to_keep_kernels(told, monkeypatch):
    for locator in numbas.CompileResultCacheImpl._locator_classes:
        monkeypatch.setattr(locator, "from_function", classmethod(lambda *_: None))
    code, report, err = told()
    assert code == 1
    assert "kept nowhere" in report["kernels"]
    assert err.startswith("kaug doctor: error: Compiled kernels are kept where Numba can write.")
    assert err.endswith("Set NUMBA_CACHE_DIR to a folder that can be written to.\n")


def test_kernels_compiled_ahead_that_can_only_be_read_are_well(monkeypatch):
    monkeypatch.setattr(caching, "place", lambda: "/home/me/.cache/numba/kaug")
    monkeypatch.setattr(numba.config, "CACHE_DIR", "/opt/kernels")
    monkeypatch.setattr(os, "access", lambda place, _: not place.startswith("/opt"))
    lines, wrong = doctor._places(("/opt/kernels/kaug", "/home/me/.cache/numba/kaug"))
    assert wrong == []
    assert lines == [
        "those compiled ahead are in /opt/kernels/kaug, which can only be read",
        "kept in /home/me/.cache/numba/kaug, which can be written to",
    ]
    assert doctor._places(("/home/me/.cache/numba/kaug",)).wrong  # and none in /opt/kernels


def test_kernels_that_are_not_compiled(told, monkeypatch):
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    code, report, err = told()
    assert code == 1
    assert "Kernels must be compiled. Received: NUMBA_DISABLE_JIT=1. Unset it." in err
    assert report["self-test"] == "not done, since kernels are not compiled"


# The rest -----------------------------------------------------------------------------------------


def test_the_decoder_of_jpegs(told, monkeypatch):
    version = importlib.metadata.version("simplejpeg")
    assert doctor._jpeg() == doctor.Part([f"simplejpeg {version}"], [])
    monkeypatch.setattr(installed, "version_of", lambda name: None)
    (line,), wrong = doctor._jpeg()
    assert line.startswith(("Pillow, with libjpeg-turbo ", "Pillow, with libjpeg "))
    assert wrong == []


def test_a_decoder_that_does_not_load_is_told(told, monkeypatch):
    monkeypatch.setitem(sys.modules, "simplejpeg", None)
    code, report, err = told()
    assert code == 1
    assert "simplejpeg" in report["JPEG decoder"]
    assert "What `kaug doctor` tells of 'JPEG decoder' must be there to find out." in err


@pytest.mark.parametrize("there", [3, 4])
def test_where_fashion_mnist_is(tmp_path, monkeypatch, there):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(kaug.fashion_mnist, "_DEBIAN_FOLDER", tmp_path / "none")
    folder = tmp_path / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    for name in list(kaug.fashion_mnist._SHA256)[:there]:
        (folder / f"{name}.gz").touch()
    missing = "not here; load_fashion_mnist() fetches it"
    assert doctor._fashion_mnist().lines == [f"in {folder}" if there == 4 else missing]


def test_variables(monkeypatch):
    for name in list(os.environ):
        if name.startswith(doctor._VARIABLES) or name in doctor._OTHERS:
            monkeypatch.delenv(name)
    assert doctor._variables().lines == ["none set"]
    monkeypatch.setenv("KAUG_QUIET", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of nobody's business")
    assert doctor._variables().lines == ["CUDA_VISIBLE_DEVICES=, KAUG_QUIET=1"]


# The self-test ------------------------------------------------------------------------------------


def test_what_is_the_same_everywhere_is_so_here():
    assert [each.found for each in selftest.outcomes()] == [
        each.expected for each in selftest.outcomes()
    ]


@pytest.mark.parametrize("name", ["DRAWS", "PIXELS"])
def test_a_result_that_differs_is_wrong(told, monkeypatch, name):
    found = getattr(selftest, name)
    monkeypatch.setattr(selftest, name, "0123456789abcdef")
    code, report, err = told()
    assert code == 1
    assert f"{found}, not 0123456789abcdef" in report["self-test"]
    assert f"must give 0123456789abcdef. Received: {found}. Pictures made here are not" in err
    assert len(err.splitlines()) == 1


def test_a_cipher_that_differs_is_wrong(told, monkeypatch):
    monkeypatch.setattr(selftest.threefry, "encrypt", lambda *words: (1, 2))
    code, _, err = told()
    assert code == 1
    assert "must give as published. Received: 00000001 00000002 instead of 6b200159" in err


def test_another_way_of_rounding_is_told_and_not_wrong(told, monkeypatch):
    found, selftest_rounded = selftest.ROUNDED, "0123456789abcdef"
    monkeypatch.setattr(selftest, "ROUNDED", selftest_rounded)
    code, report, err = told()
    assert (code, err) == (0, "")
    assert f"rounding of a rotation: {found}, elsewhere {selftest_rounded}" in report["self-test"]


def test_the_digest_knows_values_shapes_and_dtypes():
    whole = np.arange(6, dtype="uint8").reshape(2, 3)
    others = [whole + 1, whole.T, whole.astype("int8"), whole.reshape(3, 2)]
    digests = {selftest._digest(each) for each in (whole, *others)}
    assert len(digests) == 5
    big = np.arange(6, dtype=">i4")
    assert selftest._digest(big) == selftest._digest(big.astype("<i4"))


def test_a_part_that_cannot_be_found_out_does_not_hide_the_others(told, monkeypatch):
    def fail():
        raise ImportError("libfoo.so: cannot open shared object file")

    monkeypatch.setitem(doctor._PARTS, "kernels", fail)
    code, report, err = told()
    assert code == 1
    assert report["kernels"] == "ImportError: libfoo.so: cannot open shared object file"
    assert "pip install --force-reinstall kaug." in err
    assert report["self-test"].count("as everywhere") == 4


def test_without_a_compiler_it_still_tells(tmp_path):
    code = "import sys\nsys.modules['numba'] = None\nfrom kaug._cli import main\n"
    code += "sys.exit(main(['doctor']))"
    environment = {**os.environ, "KERAS_HOME": str(tmp_path)}
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "jax"}))
    made = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert made.returncode == 1
    assert "backend jax, by" in made.stdout
    assert "Traceback" not in made.stderr
