import gzip
import hashlib
import os
import tracemalloc

import numpy as np
import pytest

from kaug import FASHION_MNIST_CLASSES, fashion_mnist, load_fashion_mnist

NAMES = tuple(fashion_mnist._SHA256)
TRAIN, TEST = 5, 3


def fake_contents():
    rng = np.random.default_rng(0)
    contents = {}
    for name in NAMES:
        count = TRAIN if name.startswith("train") else TEST
        if "images" in name:
            header = np.array([2051, count, 28, 28], ">u4")
            data = rng.integers(0, 256, count * 784, dtype=np.uint8)
            data[:2] = 0, 255
        else:
            header, data = np.array([2049, count], ">u4"), rng.integers(0, 10, count, np.uint8)
        contents[name] = header.tobytes() + data.tobytes()
    return contents


CONTENTS = fake_contents()


def fill(folder, *, names=NAMES, compress=True):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if compress:
            (folder / f"{name}.gz").write_bytes(gzip.compress(CONTENTS[name]))
        else:
            (folder / name).write_bytes(CONTENTS[name])
    return folder


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A machine without the data or a network, and with our small files' checksums."""
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}
    monkeypatch.setattr(fashion_mnist, "_SHA256", checksums)
    sizes = {name: len(content) for name, content in CONTENTS.items()}
    monkeypatch.setattr(fashion_mnist, "_SIZES", sizes)
    monkeypatch.setattr(fashion_mnist, "_DEBIAN_FOLDER", tmp_path / "debian")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))

    def fail(file_name, **kwargs):
        raise Exception(f"URL fetch failure on {file_name}")

    monkeypatch.setattr("keras.utils.get_file", fail)
    return tmp_path


def cache_of(places):
    return places / "keras" / "datasets" / "fashion-mnist"


def pixels_of(name):
    return np.frombuffer(CONTENTS[name], np.uint8)[16:].reshape(-1, 28, 28, 1)


def labels_of(name):
    return np.frombuffer(CONTENTS[name], np.uint8)[8:]


@pytest.mark.parametrize("compress", [True, False])
def test_reads_four_files(places, compress):
    folder = fill(places / "mine", compress=compress)
    (x_train, y_train), (x_test, y_test) = load_fashion_mnist(data_dir=folder, dtype="uint8")
    np.testing.assert_array_equal(x_train, pixels_of("train-images-idx3-ubyte"))
    np.testing.assert_array_equal(y_train, labels_of("train-labels-idx1-ubyte"))
    np.testing.assert_array_equal(x_test, pixels_of("t10k-images-idx3-ubyte"))
    np.testing.assert_array_equal(y_test, labels_of("t10k-labels-idx1-ubyte"))
    for array in (x_train, y_train, x_test, y_test):
        assert array.dtype == np.uint8
        array[0] = 0  # writeable


def test_a_gz_name_on_decompressed_content_is_read(places):
    folder = fill(places / "mine", compress=False)
    for name in NAMES:
        (folder / name).rename(folder / f"{name}.gz")
    assert len(load_fashion_mnist(data_dir=str(folder))[0][0]) == TRAIN


@pytest.mark.parametrize("dtype", ["float16", "float32", np.float64])
def test_float_pixels_are_divided_by_255(places, dtype):
    (x_train, y_train), _ = load_fashion_mnist(data_dir=fill(places / "mine"), dtype=dtype)
    assert x_train.dtype == dtype
    assert (x_train.min(), x_train.max()) == (0, 1)
    np.testing.assert_array_equal(x_train, pixels_of("train-images-idx3-ubyte").astype(dtype) / 255)
    assert y_train.dtype == np.uint8


def test_default_is_float32(places):
    assert load_fashion_mnist(data_dir=fill(places / "mine"))[1][0].dtype == np.float32


@pytest.mark.parametrize("dtype", ["int8", "int32", "bool", "complex64", object, "nonsense", None])
def test_other_dtypes_are_refused(places, dtype):
    with pytest.raises(ValueError, match=r'`dtype` must be .*"uint8".*Received: dtype=.*Pass'):
        load_fashion_mnist(data_dir=fill(places / "mine"), dtype=dtype)


@pytest.mark.parametrize("compress", [True, False])
def test_no_more_is_read_than_the_files_have(places, compress):
    """Zeros take no room in a file with a hole, and next to none in a gzip file."""
    folder = fill(places / "mine", compress=compress)
    name = NAMES[0]
    if compress:
        with gzip.open(folder / f"{name}.gz", "wb") as stream:
            for _ in range(100):
                stream.write(bytes(2**20))
    else:
        with (folder / name).open("ab") as stream:
            stream.truncate(2**40)
    size = f"{len(CONTENTS[name]):,}"
    tracemalloc.start()
    with pytest.raises(ValueError, match=f"content of {name} must have {size} bytes.*has more"):
        load_fashion_mnist(data_dir=folder)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_the_sizes_are_those_of_the_data():
    assert sum(fashion_mnist._SIZES.values()) == 70_000 * (28 * 28 + 1) + 2 * (16 + 8)
    assert fashion_mnist._SIZES.keys() == fashion_mnist._SHA256.keys()


def test_pipes_are_not_waited_for(places):
    folder = fill(places / "mine", names=NAMES[1:])
    os.mkfifo(folder / f"{NAMES[0]}.gz")
    with pytest.raises(FileNotFoundError, match=f"without {NAMES[0]}"):
        load_fashion_mnist(data_dir=folder)


@pytest.mark.parametrize(
    ("data_dir", "error", "text"),
    [
        (5, TypeError, r"`data_dir` must be a path\. Received: data_dir=5 \(type int\)"),
        ("", ValueError, r"neither empty nor with zeros\. Received: data_dir=''\. For the current"),
        ("a\0b", ValueError, r"`data_dir` must be a path, neither empty nor with zeros"),
        ("~nobody-of-this-name", FileNotFoundError, "no such folder"),
    ],
)
def test_folders_that_are_none(places, data_dir, error, text):
    with pytest.raises(error, match=text):
        load_fashion_mnist(data_dir=data_dir)


class TestWhereItLooks:
    """Every place holds other bytes in one file, so that the labels tell which was read."""

    @pytest.fixture
    def marked(self, places, monkeypatch):
        def mark(folder, label):
            fill(folder)
            content = CONTENTS["t10k-labels-idx1-ubyte"][:8] + bytes([label] * TEST)
            (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(content))
            sums = {**fashion_mnist._SHA256}
            sums["t10k-labels-idx1-ubyte"] = hashlib.sha256(content).hexdigest()
            monkeypatch.setattr(fashion_mnist, "_SHA256", sums)

        return mark

    def found(self, **options):
        return load_fashion_mnist(**options)[1][1][0]

    def test_cache_comes_before_debian(self, places, marked):
        fill(places / "debian")
        marked(cache_of(places), 77)
        assert self.found() == 77

    def test_debian_when_the_cache_lacks_a_file(self, places, marked):
        fill(cache_of(places), names=NAMES[:3])
        marked(places / "debian", 78)
        assert self.found() == 78

    def test_data_dir_comes_before_all(self, places, marked):
        fill(places / "debian")
        fill(cache_of(places))
        marked(places / "mine", 79)
        assert self.found(data_dir=places / "mine") == 79

    def test_data_dir_and_nowhere_else(self, places):
        fill(places / "debian")
        fill(places / "mine", names=NAMES[:2])
        with pytest.raises(FileNotFoundError) as caught:
            load_fashion_mnist(data_dir=places / "mine")
        for part in ["`data_dir` must hold", "Received: ", "mine", "without t10k-images", "Put"]:
            assert part in str(caught.value)
        assert NAMES[0] not in str(caught.value)
        with pytest.raises(FileNotFoundError, match="no such folder"):
            load_fashion_mnist(data_dir=places / "nowhere")

    def test_home_is_where_the_cache_is(self, places, marked, monkeypatch):
        monkeypatch.delenv("KERAS_HOME")
        monkeypatch.setenv("HOME", str(places))
        marked(places / ".keras" / "datasets" / "fashion-mnist", 80)
        assert self.found() == 80

    def test_download_is_last_and_is_keras_own(self, places, monkeypatch):
        asked = []

        def get_file(fname, *, origin, cache_subdir):
            asked.append((fname, origin, cache_subdir))
            return str(fill(places / "downloaded") / fname)

        monkeypatch.setattr("keras.utils.get_file", get_file)
        assert len(load_fashion_mnist()[0][1]) == TRAIN
        base = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
        assert asked == [(f"{n}.gz", f"{base}{n}.gz", "datasets/fashion-mnist") for n in NAMES]

    def test_nothing_anywhere_lists_every_place_and_what_to_do(self, places):
        fill(cache_of(places), names=NAMES[:3])
        with pytest.raises(FileNotFoundError) as caught:
            load_fashion_mnist()
        for part in [
            f"{cache_of(places)}: without {NAMES[3]}",
            f"{places / 'debian'}: no such folder",
            "https://storage.googleapis.com/",
            "URL fetch failure",
            "apt install dataset-fashion-mnist",
            "train-images-idx3-ubyte.gz",
            "data_dir",
        ]:
            assert part in str(caught.value)


def truncated(content):
    return gzip.compress(content)[:-20]


def bit_flipped(content):
    packed = bytearray(gzip.compress(content, 0))
    packed[len(packed) // 2] ^= 1
    return bytes(packed)


def other_data(content):
    return gzip.compress(content[:-1] + bytes([content[-1] ^ 1]))


def web_page(content):
    return b"<html>Not found</html>"


DAMAGE = [truncated, bit_flipped, other_data, web_page, lambda content: b"", lambda c: b"\x1f\x8b"]


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_is_named(places, name, damage):
    folder = fill(places / "mine")
    (folder / f"{name}.gz").write_bytes(damage(CONTENTS[name]))
    with pytest.raises(ValueError, match=rf"must .*Received: \S+/{name}\.gz.*damaged.*Replace it"):
        load_fashion_mnist(data_dir=folder)


def test_a_damaged_file_in_the_cache_is_not_skipped(places):
    fill(places / "debian")
    path = fill(cache_of(places)) / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=rf"Received: {path}.*Delete it .*fetched anew"):
        load_fashion_mnist()


def test_a_damaged_file_of_the_package(places):
    path = fill(places / "debian") / "train-labels-idx1-ubyte.gz"
    path.write_bytes(other_data(CONTENTS["train-labels-idx1-ubyte"]))
    with pytest.raises(ValueError, match=rf"Received: {path}.*apt install --reinstall dataset"):
        load_fashion_mnist()


def test_a_damaged_download(places, monkeypatch):
    downloaded = fill(places / "downloaded")
    (downloaded / f"{NAMES[0]}.gz").write_bytes(b"")
    monkeypatch.setattr("keras.utils.get_file", lambda name, **options: downloaded / name)
    with pytest.raises(ValueError, match=rf"downloaded/{NAMES[0]}\.gz.*Delete it"):
        load_fashion_mnist()


def test_the_real_data():
    if all(len(fashion_mnist._files_in(folder)) < 4 for folder in real_places()):
        pytest.skip("Fashion-MNIST is not on this machine")
    (x_train, y_train), (x_test, y_test) = load_fashion_mnist(dtype="uint8")
    assert (x_train.shape, x_test.shape) == ((60_000, 28, 28, 1), (10_000, 28, 28, 1))
    assert np.bincount(y_train).tolist() == [6_000] * len(FASHION_MNIST_CLASSES)
    assert np.bincount(y_test).tolist() == [1_000] * 10
    # The first picture is an ankle boot: nothing at the top, the sole at the bottom right.
    assert FASHION_MNIST_CLASSES[y_train[0]] == "Ankle boot"
    assert x_train[0, :3].max() == 0
    assert x_train.mean() / 255 == pytest.approx(0.2860, abs=1e-4)


def real_places():
    return fashion_mnist._keras_home() / fashion_mnist._CACHE_SUBDIR, fashion_mnist._DEBIAN_FOLDER


def test_class_names():
    assert len(set(FASHION_MNIST_CLASSES)) == 10
    assert isinstance(FASHION_MNIST_CLASSES, tuple)
