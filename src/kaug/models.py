"""The two classifiers of the tutorial: a small CNN for 28 × 28 images, and VGG19."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

import keras
from keras import layers

from kaug._files import check_path
from kaug._validation import check_flag, check_integer, check_number, describe, message

__all__ = ["build_fashion_cnn", "build_vgg19"]

# What two poolings and one 3 × 3 convolution without padding leave something of.
_CNN_MIN_SIZE = 8
# What VGG's five poolings leave one position of.
_VGG_MIN_SIZE = 32
# ImageNet's mean blue, green and red, which VGG's authors subtracted from 0..255 pixels.
_IMAGENET_MEAN_BGR = (103.939, 116.779, 123.68)


def build_fashion_cnn(
    *,
    input_shape: Sequence[int] = (28, 28, 1),
    num_classes: int = 10,
    dropout: float = 0.5,
    compile: bool = True,  # noqa: A002 - Keras' own name for it
) -> keras.Model:
    """Builds the convolutional classifier of the Fashion-MNIST tutorial.

    Conv 32 3×3 → MaxPool 2 → Dropout → Conv 128 3×3 → Conv 256 3×3 without padding → MaxPool 2 →
    Dropout → Dense 512 → Dropout → Dense 256 → Dropout → Dense `num_classes` with softmax; ReLU
    everywhere else. 5,185,482 parameters at the defaults. The softmax stays in float32 under a
    mixed-precision policy.

    Args:
        input_shape: Height, width and channels of one image, at least 8 × 8. Images are
            floats, best in [0, 1].
        num_classes: How many classes, at least 2; labels are integers `0..num_classes - 1`.
        dropout: The fraction each of the four dropout layers drops, in [0, 1).
        compile: Compile with Adam, sparse categorical cross-entropy and the metric `acc`.

    Returns:
        A new model, `(N, *input_shape)` → `(N, num_classes)` probabilities. Call
        `keras.utils.set_random_seed` first for the same initial weights every time.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is out of its range.

    Example:
        >>> model = build_fashion_cnn()
        >>> model.count_params()
        5185482
        >>> model.output_shape
        (None, 10)
    """
    height, width, channels = _check_input_shape(input_shape, min_size=_CNN_MIN_SIZE)
    classes = _check_num_classes(num_classes)
    rate, compiles = _check_dropout(dropout), check_flag(compile, "compile")
    model = keras.Sequential(
        [
            layers.Input((height, width, channels)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(rate),
            layers.Conv2D(128, 3, padding="same", activation="relu"),
            layers.Conv2D(256, 3, padding="valid", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(rate),
            layers.Flatten(),
            layers.Dense(512, activation="relu"),
            layers.Dropout(rate),
            layers.Dense(256, activation="relu"),
            layers.Dropout(rate),
            layers.Dense(classes, activation="softmax", dtype="float32"),
        ],
        name="fashion_cnn",
    )
    return _compiled(model) if compiles else model


def build_vgg19(
    *,
    input_shape: Sequence[int] = (28, 28, 1),
    num_classes: int = 10,
    weights: str | os.PathLike[str] | None = None,
    compile: bool = True,  # noqa: A002 - Keras' own name for it
) -> keras.Model:
    """Builds VGG19: 16 convolutions and 3 dense layers, 38,947,914 parameters at the defaults.

    The convolutions are `keras.applications.VGG19`'s, the head is the paper's 4096-4096-classes
    (Simonyan and Zisserman, 2014, https://arxiv.org/abs/1409.1556). Images go in as they are and
    the model itself brings them to what VGG19 was made for:

    - An image less than 32 pixels high or wide, which five poolings would leave nothing of, is
      enlarged bilinearly until its shorter side has 32, so that it keeps its proportions and
      still fills the frame. Larger ones are left alone.
    - One channel is repeated to three.
    - [0, 1] becomes 0..255, RGB becomes BGR and ImageNet's mean is subtracted, which is what
      `keras.applications.vgg19.preprocess_input` does. That happens whatever `weights` is, so
      that a file of weights means the same in every model.

    Args:
        input_shape: Height, width and channels (1, or 3 in the order RGB) of one image. Images
            are floats in [0, 1].
        num_classes: How many classes, at least 2; labels are integers `0..num_classes - 1`.
        weights: None for random ones; `"imagenet"` for convolutions trained on ImageNet, which
            Keras downloads (80 MB), and a new head; or a file: one written by `save_weights` or
            `save` of a model built here (`.weights.h5`, `.keras`), or Keras' own file of VGG19
            without its top (any other `.h5`), which means the same as `"imagenet"`.
        compile: Compile with Adam, sparse categorical cross-entropy and the metric `acc`. The
            learning rate is 0.0001: Adam's usual 0.001 can leave a network this deep, without
            batch normalization, at chance.

    Returns:
        A new model, `(N, *input_shape)` → `(N, num_classes)` probabilities, made of Keras' own
        layers only, so that it loads where kaug is not installed.

    Raises:
        FileNotFoundError: The file of weights does not exist.
        OSError: The weights for `"imagenet"` cannot be downloaded.
        TypeError: An argument is of the wrong type.
        ValueError: An argument is out of its range, or the file of weights is damaged or does not
            fit the model.

    Example:
        >>> model = build_vgg19(compile=False)
        >>> model.count_params()
        38947914
        >>> model.input_shape, model.output_shape
        ((None, 28, 28, 1), (None, 10))
    """
    height, width, channels = _check_input_shape(input_shape, channels=(1, 3))
    classes = _check_num_classes(num_classes)
    source, compiles = _check_weights(weights), check_flag(compile, "compile")
    own_file = source is not None and source.endswith((".weights.h5", ".keras"))

    image = layers.Input((height, width, channels))
    pixels = _vgg19_pixels(image)
    with _explained(source):
        base = keras.applications.VGG19(
            include_top=False, weights=None if own_file else source, input_tensor=pixels
        )
    x = layers.Flatten(name="flatten")(base.output)
    x = layers.Dense(4096, activation="relu", name="fc1")(x)
    x = layers.Dense(4096, activation="relu", name="fc2")(x)
    x = layers.Dense(classes, activation="softmax", dtype="float32", name="predictions")(x)
    model = keras.Model(image, x, name="vgg19")
    if own_file:
        with _explained(source):
            model.load_weights(source)
    return _compiled(model, learning_rate=1e-4) if compiles else model


def _vgg19_pixels(image: Any) -> Any:
    """Brings [0, 1] images to the size, channels and values VGG19 was trained with."""
    _, height, width, channels = image.shape
    if min(height, width) < _VGG_MIN_SIZE:
        factor = _VGG_MIN_SIZE / min(height, width)
        size = round(height * factor), round(width * factor)
        image = layers.Resizing(*size, interpolation="bilinear", name="enlarge")(image)
    if channels == 1:
        image = layers.Concatenate(name="repeat_channel")([image] * 3)
    else:
        image = keras.ops.flip(image, axis=-1)
    return layers.Rescaling(
        255.0, [-mean for mean in _IMAGENET_MEAN_BGR], name="subtract_imagenet_mean"
    )(image)


@contextlib.contextmanager
def _explained(weights: str | None) -> Iterator[None]:
    """Says what to do when weights cannot be had, read or used."""
    try:
        yield
    except Exception as error:  # Keras raises a bare Exception when a download fails
        if weights is None:
            raise
        if weights == "imagenet":
            rule = 'weights="imagenet" must be in Keras\' cache, or be downloaded once'
            fix = (
                "Connect to the internet, or pass Keras' file "
                "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5 as `weights`."
            )
            raise OSError(message(rule, f"an error, {error}", fix)) from error
        rule = (
            "`weights` must come from a model built here with the same input_shape and "
            "num_classes, or be Keras' file of VGG19 without its top"
        )
        received = f"weights={weights!r}, which is damaged or does not fit"
        raise ValueError(message(rule, received, "The error above says more.")) from error


def _compiled(model: keras.Model, learning_rate: float = 1e-3) -> keras.Model:
    optimizer = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["acc"])
    return model


def _check_input_shape(
    input_shape: Sequence[int], *, min_size: int = 1, channels: tuple[int, ...] = ()
) -> tuple[int, int, int]:
    received = f"input_shape={describe(input_shape)}"
    rule = "`input_shape` must be three positive integers: height, width and channels"
    if not isinstance(input_shape, Sequence) or len(input_shape) != 3:
        fix = "A gray 28 × 28 image has (28, 28, 1): channels last, no batch."
        raise ValueError(message(rule, received, fix))
    height, width, depth = (
        check_integer(size, f"input_shape[{axis}]", minimum=1, fix=f"{rule}.")
        for axis, size in enumerate(input_shape)
    )
    if min(height, width) < min_size:
        rule = f"`input_shape` must be at least {min_size} × {min_size}: poolings shrink it"
        fix = "Enlarge the images, with keras.layers.Resizing for example."
        raise ValueError(message(rule, received, fix))
    if channels and depth not in channels:
        rule = f"`input_shape` must end in {' or '.join(map(str, channels))} channels"
        fix = "Pass gray or RGB images, channels last and without an alpha channel."
        raise ValueError(message(rule, received, fix))
    return height, width, depth


def _check_num_classes(num_classes: int) -> int:
    fix = "A yes-or-no question has two classes here: the model ends in a softmax."
    return check_integer(num_classes, "num_classes", minimum=2, fix=fix)


def _check_dropout(dropout: float) -> float:
    rule = "`dropout` must be a number in [0, 1), the fraction that is dropped"
    fix = "Pass 0.5 to drop half, 0 to drop none."
    rate = check_number(dropout, "dropout", rule, fix)
    if not 0 <= rate < 1:
        raise ValueError(message(rule, f"dropout={dropout}", fix))
    return rate


def _check_weights(weights: str | os.PathLike[str] | None) -> str | None:
    if weights is None or (isinstance(weights, str) and weights == "imagenet"):
        return weights
    path = check_path(weights, "weights")
    with contextlib.suppress(RuntimeError):  # nobody of that name: a folder with a tilde
        path = path.expanduser()
    if not path.is_file():
        rule = '`weights` must be None, "imagenet" or an existing file'
        raise FileNotFoundError(message(rule, f"weights={os.fspath(weights)!r}", "Check the path."))
    if path.suffix not in (".h5", ".keras"):
        rule = "A file of `weights` must end in .weights.h5, .keras or .h5"
        fix = 'Write one with model.save_weights("name.weights.h5").'
        raise ValueError(message(rule, f"weights={os.fspath(weights)!r}", fix))
    return str(path)
