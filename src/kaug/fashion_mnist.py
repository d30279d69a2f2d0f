"""Fashion-MNIST from this machine where it is there, from Keras' download where it is not.

The data: 60,000 training and 10,000 test pictures of clothes, 28 × 28 gray, ten classes
(Xiao, Rasul and Vollgraf, 2017, https://arxiv.org/abs/1708.07747).
"""

import contextlib
import gzip
import hashlib
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from kaug._files import check_path, open_regular
from kaug._validation import message

__all__ = ["FASHION_MNIST_CLASSES", "load_fashion_mnist"]

FASHION_MNIST_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
"""The ten class names; label `i` means `FASHION_MNIST_CLASSES[i]`."""

# SHA-256 of the decompressed files: gzip headers differ from one distribution to the next.
_SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
# How many bytes they have, headers included.
_SIZES = {
    "train-images-idx3-ubyte": 16 + 60_000 * 28 * 28,
    "train-labels-idx1-ubyte": 8 + 60_000,
    "t10k-images-idx3-ubyte": 16 + 10_000 * 28 * 28,
    "t10k-labels-idx1-ubyte": 8 + 10_000,
}
_CACHE_SUBDIR = "datasets/fashion-mnist"
_DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_GZIP_MAGIC = b"\x1f\x8b"

_Images = NDArray[Any]
_Labels = NDArray[np.uint8]


def load_fashion_mnist(
    *, data_dir: str | os.PathLike[str] | None = None, dtype: DTypeLike = "float32"
) -> tuple[tuple[_Images, _Labels], tuple[_Images, _Labels]]:
    """Loads the 60,000 training and 10,000 test images of Fashion-MNIST with their labels.

    Where it looks: in `data_dir` and nowhere else if that is given; otherwise in Keras' cache
    (`$KERAS_HOME` or `~/.keras`, folder `datasets/fashion-mnist`), then in the folder of Debian's
    package `dataset-fashion-mnist`, and last it lets Keras download the four files into its cache.
    The content of every file is checked against its SHA-256; nothing is unpickled.

    Args:
        data_dir: A folder with `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
            `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, each with or without `.gz`.
        dtype: A floating type, which gives pixels divided by 255, in [0, 1], or `"uint8"`, which
            gives them as stored, in 0..255.

    Returns:
        `(x_train, y_train), (x_test, y_test)`. The images are `(60000, 28, 28, 1)` and
        `(10000, 28, 28, 1)` of `dtype`, the labels `(60000,)` and `(10000,)` of `uint8`, numbered
        as in `FASHION_MNIST_CLASSES`. All four arrays are yours to write to.

    Raises:
        TypeError: `data_dir` is no path.
        FileNotFoundError: The data are in none of these places and cannot be downloaded.
        ValueError: A file is damaged or is not Fashion-MNIST's, or `dtype` is something else.

    Example:
        >>> FASHION_MNIST_CLASSES[9]
        'Ankle boot'
        >>> (x_train, y_train), (x_test, y_test) = load_fashion_mnist()  # doctest: +SKIP
        >>> x_train.shape, y_train.shape  # doctest: +SKIP
        ((60000, 28, 28, 1), (60000,))
    """
    pixel_dtype = _checked_dtype(dtype)
    paths, cure = _find(data_dir)
    x_train, y_train, x_test, y_test = (
        np.frombuffer(_read(paths[name], name, cure), np.uint8, offset=16 if "idx3" in name else 8)
        for name in _SHA256
    )
    return (
        (_pixels(x_train, pixel_dtype), y_train.copy()),
        (_pixels(x_test, pixel_dtype), y_test.copy()),
    )


def _checked_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    try:
        checked = np.dtype(dtype)
    except TypeError:
        checked = None
    # None is NumPy's name for float64, which nobody who passes None means.
    if dtype is None or checked is None or (checked.kind != "f" and checked != np.uint8):
        rule = '`dtype` must be a floating type (pixels in [0, 1]) or "uint8" (pixels in 0..255)'
        fix = 'Pass dtype="float32", or convert the "uint8" images yourself.'
        raise ValueError(message(rule, f"dtype={dtype!r}", fix))
    return checked


def _pixels(flat: _Labels, dtype: np.dtype[Any]) -> _Images:
    images = flat.reshape(-1, 28, 28, 1)
    return images.copy() if dtype == np.uint8 else np.divide(images, 255, dtype=dtype)


def _find(data_dir: str | os.PathLike[str] | None) -> tuple[dict[str, Path], str]:
    """Finds the four files; also says what to do should one of them prove damaged."""
    if data_dir is not None:
        folder = check_path(data_dir, "data_dir")
        with contextlib.suppress(RuntimeError):  # nobody of that name: a folder with a tilde
            folder = folder.expanduser()
        paths = _files_in(folder)
        if len(paths) < len(_SHA256):
            rule = "`data_dir` must hold the four files of Fashion-MNIST, with or without .gz"
            received = f"data_dir={os.fspath(data_dir)!r}, {_lack(folder)}"
            fix = "Put them there, or leave data_dir out to search the usual places."
            raise FileNotFoundError(message(rule, received, fix))
        return paths, "Replace it with a sound copy."

    cache = _keras_home() / _CACHE_SUBDIR
    fetch_again = "Delete it and call load_fashion_mnist() again: it will be fetched anew."
    place = folder_on_machine()
    if place is not None:
        reinstall = "Reinstall it: apt install --reinstall dataset-fashion-mnist"
        return _files_in(place), reinstall if place == _DEBIAN_FOLDER else fetch_again
    try:
        return {name: _download(f"{name}.gz") for name in _SHA256}, fetch_again
    except Exception as error:  # Keras raises a bare Exception when a download fails
        raise FileNotFoundError(
            "Fashion-MNIST was found in none of the places looked in:\n"
            f"  Keras' cache, {cache}: {_lack(cache)}\n"
            f"  Debian's package, {_DEBIAN_FOLDER}: {_lack(_DEBIAN_FOLDER)}\n"
            f"  Keras' download, {_ORIGIN}: {error}\n"
            "Connect to the internet, or run `apt install dataset-fashion-mnist`, or put the four "
            f"files ({', '.join(f'{name}.gz' for name in _SHA256)}) into a folder and pass it as "
            "data_dir."
        ) from error


def folder_on_machine() -> Path | None:
    """Returns the folder where all four files are found, or None: nothing is fetched."""
    for folder in (_keras_home() / _CACHE_SUBDIR, _DEBIAN_FOLDER):
        if len(_files_in(folder)) == len(_SHA256):
            return folder
    return None


def _keras_home() -> Path:
    # Keras' own rule, spelt out here because asking Keras would mean importing it.
    return Path(os.environ.get("KERAS_HOME") or Path("~", ".keras")).expanduser()


def _files_in(folder: Path) -> dict[str, Path]:
    found = {}
    for name in _SHA256:
        for path in (folder / f"{name}.gz", folder / name):
            if path.is_file():
                found[name] = path
                break
    return found


def _lack(folder: Path) -> str:
    if not folder.is_dir():
        return "no such folder"
    found = _files_in(folder)
    return f"without {', '.join(name for name in _SHA256 if name not in found)}"


def _download(file_name: str) -> Path:
    from keras.utils import get_file

    return Path(get_file(file_name, origin=_ORIGIN + file_name, cache_subdir=_CACHE_SUBDIR))


def _read(path: Path, name: str, cure: str) -> bytes:
    """Returns a file's decompressed content, or says what is wrong with it."""
    most = _SIZES[name] + 1  # one more tells a file that is too long
    with open_regular(path) as stream:
        # Told by content, not by name: some browsers decompress and keep the `.gz`.
        compressed = stream.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        stream.seek(0)
        try:
            content = (gzip.GzipFile(fileobj=stream) if compressed else stream).read(most)
        except (EOFError, OSError, zlib.error) as error:
            rule = "A file of Fashion-MNIST must be a whole gzip file"
            raise ValueError(message(rule, f"{path}, which is damaged ({error})", cure)) from error
    if len(content) == most:
        rule = f"The content of {name} must have {_SIZES[name]:,} bytes"
        raise ValueError(
            message(rule, f"{path}, which has more, so it is damaged or another file", cure)
        )
    digest = hashlib.sha256(content).hexdigest()
    if digest != _SHA256[name]:
        rule = f"The content of {name} must have the SHA-256 {_SHA256[name]}"
        received = (
            f"{path} with {digest} ({len(content):,} bytes), so it is damaged, or another data "
            "set's file of the same name, such as plain MNIST's"
        )
        raise ValueError(message(rule, received, cure))
    return content
