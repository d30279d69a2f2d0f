"""`ImageDataGenerator`: Keras' options and methods."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kaug._types import Array, Floats
from kaug._validation import (
    as_array,
    check_choice,
    check_flag,
    check_integer,
    describe,
    fix_for_clips,
    message,
    warn,
)
from kaug.image_data_generator import _options as options
from kaug.image_data_generator import _statistics as statistics
from kaug.image_data_generator._draws import (
    ROW_BYTES,
    check_seed,
    draw,
    from_dict,
    stream,
    to_dict,
)
from kaug.image_data_generator._flows import Flows
from kaug.image_data_generator._pixels import transform
from kaug.image_data_generator.native import KerasGeometry, not_native, to_native

_RANK = 3  # of one image


class ImageDataGenerator(Flows):
    """Keras' `ImageDataGenerator`: the same arguments, methods, seeds and pictures, faster.

    A seed gives the parameters that it gives in Keras, and pictures within 1e-4 of the value range.
    By default every option does what Keras documents, also where Keras itself does not: width
    shifts are horizontal, pictures that are not square turn about their centre, brightness works on
    floats, subsets slice the sample weights, and samplewise statistics are those of one image. On
    square images with equal shift ranges, and without brightness, there is no difference. NumPy's
    global random state is never touched.

    Args:
        featurewise_center: Whether to subtract the data set's mean, channel by channel (`fit`).
        samplewise_center: Whether to subtract each image's mean.
        featurewise_std_normalization: Whether to divide by the data set's standard deviation.
        samplewise_std_normalization: Whether to divide by each image's standard deviation.
        zca_whitening: Whether to decorrelate the pixels (`fit`).
        zca_epsilon: Added to the singular values, above 0.
        rotation_range: Degrees, evenly on `[-r, r]`.
        width_shift_range: A float below 1: fraction of the width; from 1 on, pixels, evenly on
            `[-r, r]`. An integer `r`: whole pixels below `r`, either way. A sequence: one of
            these, either way; shares if none of them reaches 1 either way, else pixels.
        height_shift_range: The same of the height.
        brightness_range: `(low, high)` of the factor, from 0 on. Black is 0; white is 255, or 1 in
            float images that are nowhere above 1; in images with other values, their own extremes.
        shear_range: Degrees, evenly on `[-r, r]`.
        zoom_range: `(low, high)` of the factors by which coordinates are scaled, both axes apart;
            above 0; a number `z` means `(1 - z, 1 + z)`.
        channel_shift_range: What is added to the values, evenly on `[-r, r]`; the image keeps its
            least and greatest value.
        fill_mode: `"nearest"`, `"reflect"`, `"wrap"` or `"constant"`.
        cval: What lies outside with `"constant"`.
        horizontal_flip: Whether half of the images are mirrored left to right.
        vertical_flip: Whether half of the images are mirrored top to bottom.
        rescale: Factor of all values, applied after everything above; None or 0 for none.
        preprocessing_function: From one image `(H, W, C)` to one of the same shape; before rescale.
        data_format: `"channels_last"` or `"channels_first"`; None takes Keras' setting.
        validation_split: Share of the rows that `subset="validation"` means: the first ones.
        interpolation_order: 0 nearest, 1 linear, 2 to 5 splines.
        dtype: Of the batches; None takes Keras' `floatx`.
        keras_compat: Whether to repeat Keras' defects as well, for comparison: those of its
            pictures, of its folders and tables, and of how it reads files.

    Warns:
        UserWarning: An option implies another.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of its range. Angles, shifts and factors reach up to 1e6
            either way.

    Example:
        >>> import numpy as np, kaug
        >>> x, y = np.random.default_rng(0).random((100, 28, 28, 1), "float32"), np.arange(100)
        >>> generator = kaug.ImageDataGenerator(rotation_range=10, horizontal_flip=True)
        >>> batches = generator.flow(x, y, batch_size=32, seed=1)
        >>> len(batches)
        4
        >>> images, labels = batches.next()
        >>> images.shape, images.dtype, labels.shape
        ((32, 28, 28, 1), dtype('float32'), (32,))
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: float | Sequence[float] = 0.0,
        height_shift_range: float | Sequence[float] = 0.0,
        brightness_range: Sequence[float] | None = None,
        shear_range: float = 0.0,
        zoom_range: float | Sequence[float] = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[Array], Any] | None = None,
        data_format: Literal["channels_last", "channels_first"] | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: Any = None,
        *,
        keras_compat: bool = False,
    ) -> None:
        self.keras_compat = check_flag(keras_compat, "keras_compat")
        self.featurewise_center = check_flag(featurewise_center, "featurewise_center")
        self.samplewise_center = check_flag(samplewise_center, "samplewise_center")
        self.featurewise_std_normalization = check_flag(
            featurewise_std_normalization, "featurewise_std_normalization"
        )
        self.samplewise_std_normalization = check_flag(
            samplewise_std_normalization, "samplewise_std_normalization"
        )
        self.zca_whitening = check_flag(zca_whitening, "zca_whitening")
        self.horizontal_flip = check_flag(horizontal_flip, "horizontal_flip")
        self.vertical_flip = check_flag(vertical_flip, "vertical_flip")
        as_keras = self.keras_compat
        self.zca_epsilon = options.check_epsilon(zca_epsilon)
        self.rotation_range = options.check_reach(rotation_range, "rotation_range")
        self.width_shift_range = options.check_shift(
            width_shift_range, "width_shift_range", as_keras=as_keras
        )
        self.height_shift_range = options.check_shift(
            height_shift_range, "height_shift_range", as_keras=as_keras
        )
        self.brightness_range = options.check_brightness(brightness_range, as_keras=as_keras)
        self.shear_range = options.check_reach(shear_range, "shear_range")
        self.zoom_range = options.check_zoom(zoom_range, as_keras=as_keras)
        self.channel_shift_range = options.check_value(channel_shift_range, "channel_shift_range")
        self.fill_mode = check_choice(fill_mode, "fill_mode", options.MODES)
        self.cval = options.check_value(cval, "cval")
        self.preprocessing_function = options.check_function(preprocessing_function)
        self.data_format = options.check_data_format(
            _keras().image_data_format() if data_format is None else data_format
        )
        self.validation_split = options.check_validation_split(validation_split)
        self.interpolation_order = check_integer(
            interpolation_order, "interpolation_order", maximum=5
        )
        self._imply_centring()
        self.dtype = options.check_dtype(
            _keras().floatx() if dtype is None else dtype, {**vars(self), "rescale": rescale}
        )
        self.rescale = options.check_rescale(rescale, self.dtype)
        last = self.data_format == "channels_last"
        self.row_axis, self.col_axis, self.channel_axis = (1, 2, 3) if last else (2, 3, 1)
        self.mean: Any = None
        self.std: Any = None
        self.zca_whitening_matrix: Any = None

    @property
    def _validation_split(self) -> float:
        """Keras' own name of `validation_split`."""
        return self.validation_split

    def _imply_centring(self) -> None:
        """Switches on what other options need, and off what they make superfluous."""
        if self.zca_whitening:
            self._imply("zca_whitening", "featurewise_center", True)
            self._imply("zca_whitening", "featurewise_std_normalization", False)
        if self.featurewise_std_normalization:
            self._imply("featurewise_std_normalization", "featurewise_center", True)
        if self.samplewise_std_normalization:
            self._imply("samplewise_std_normalization", "samplewise_center", True)

    def _imply(self, cause: str, option: str, value: bool) -> None:
        if getattr(self, option) is not value:
            setattr(self, option, value)
            warn(f"`{cause}=True` implies `{option}={value}`.")

    # One image ----------------------------------------------------------------------------------

    def get_random_transform(
        self, img_shape: Sequence[int], seed: int | None = None
    ) -> dict[str, float | None]:
        """Draws what may happen to one image.

        Args:
            img_shape: The image's shape, with its channels.
            seed: 0..2³²-1. None draws one from Python's `random`.

        Returns:
            `theta` (degrees), `tx` and `ty` (pixels), `shear` (degrees), `zx` and `zy`,
            `flip_horizontal`, `flip_vertical`, `channel_shift_intensity` and `brightness`.
        """
        if np.ndim(img_shape) != 1 or len(img_shape) != _RANK:
            rule = "`img_shape` must have three entries"
            raise ValueError(message(rule, f"img_shape={describe(img_shape)}"))
        shape = (0, *(check_integer(length, "img_shape", minimum=1) for length in img_shape))
        with stream(check_seed(seed)) as rng:
            return to_dict(self._draw(rng, 1, shape)[0])

    def apply_transform(self, x: ArrayLike, transform_parameters: Mapping[str, Any]) -> Array:
        """Returns an image transformed as told.

        Args:
            x: One image `(H, W, C)` (or channels first); never written to.
            transform_parameters: Any of the values `get_random_transform` returns. Other names are
                an error unless `keras_compat`.

        Returns:
            A new image of the same shape and dtype.

        Raises:
            ValueError: A name is unknown, or a value out of its range.
        """
        image = _check_rank(as_array(x, "x"), "x", 3)
        one, parameters = (
            np.zeros(1, np.int64),
            from_dict(transform_parameters, as_keras=self.keras_compat),
        )
        result: Array = transform(self, image[np.newaxis], one, parameters, image.dtype)[0]
        return result

    def random_transform(self, x: ArrayLike, seed: int | None = None) -> Array:
        """Returns one image `(H, W, C)` randomly transformed; see `get_random_transform`."""
        image = _check_rank(as_array(x, "x"), "x", 3)
        return self.apply_transform(image, self.get_random_transform(image.shape, seed))

    def standardize(self, x: ArrayLike) -> Array:
        """Returns images normalised as the options say, without writing to `x`.

        Args:
            x: One image, or a batch of them. Samplewise statistics are those of each image.
        """
        given = as_array(x, "x")
        _check_rank(given, "x", 3 if given.ndim == 3 else 4)
        images = np.array(given, self.dtype if given.dtype.kind in "iu" else None)
        if images.ndim == 3:
            statistics.standardize(self, images[np.newaxis])
            return images
        return statistics.standardize(self, images, whole=self.keras_compat)

    # Many images --------------------------------------------------------------------------------

    def fit(
        self, x: ArrayLike, augment: bool = False, rounds: int = 1, seed: int | None = None
    ) -> None:
        """Learns the mean, the standard deviation or the ZCA matrix of a data set.

        Args:
            x: Images `(N, H, W, C)` (or channels first), at least one; never written to.
            augment: Whether to learn from augmented images.
            rounds: How many augmented copies of the data to learn from.
            seed: Of the augmentation, 0..2³²-1. None draws one from Python's `random`.

        Raises:
            ValueError: There is no image, or its values are not finite.
            MemoryError: The images with their copies, or the ZCA matrix, do not fit into memory.
        """
        given = as_array(x, "x")
        self.check_images(given)
        if not given.size:
            raise ValueError(message("`fit` needs at least one image", describe(given)))
        check_flag(augment, "augment")
        count = len(given) * (check_integer(rounds, "rounds", minimum=1) if augment else 1)
        statistics.check_fits(self, given.shape, count, ROW_BYTES if augment else 0)
        images = np.array(given, self.dtype)
        if self.rescale:
            images *= self.rescale
        if augment:
            with stream(check_seed(seed)) as rng:
                parameters = self._draw(rng, count, images.shape)
            images = self._transform(images, np.arange(count) % len(images), parameters)
        statistics.fit(self, images)

    def to_transform(self) -> KerasGeometry:
        """Returns the native transform that does the same, with draws of kaug's own.

        Raises:
            ValueError: An option has no native equivalent; the message names all of them.
        """
        wrong = not_native(self)
        if wrong:
            raise ValueError(
                message(
                    "Only geometric options have a native equivalent",
                    ", ".join(wrong),
                    "Leave them out, or pass the generator itself to kaug.augment_dataset.",
                )
            )
        return to_native(self)

    def __repr__(self) -> str:
        # Options as they are kept once checked: a zoom is a pair, for example.
        defaults, own = vars(ImageDataGenerator()), vars(self)
        options = [name for name in inspect.signature(ImageDataGenerator).parameters if name in own]
        pairs = [(name, repr(own[name]), repr(defaults[name])) for name in options]
        given = [f"{name}={value}" for name, value, default in pairs if value != default]
        return f"{type(self).__name__}({', '.join(given)})"

    # What iterators use -------------------------------------------------------------------------

    def _draw(self, rng: np.random.RandomState, count: int, shape: tuple[int, ...]) -> Floats:
        """Draws what happens to `count` images of a batch of this shape."""
        return draw(self, rng, count, (shape[self.row_axis], shape[self.col_axis]))

    def _transform(self, images: Array, rows: NDArray[np.int64], parameters: Floats) -> Array:
        """Returns rows of `images` augmented, not yet normalised."""
        return transform(self, images, rows, parameters, np.dtype(self.dtype))

    def check_images(self, images: Array) -> None:
        """Checks a batch, and warns of channels where there seem to be none."""
        _check_rank(images, "x", 4)
        channels = images.shape[self.channel_axis]
        if channels not in (1, 3, 4):
            warn(
                f'`data_format="{self.data_format}"` means channels on axis {self.channel_axis}, '
                f"and there `x` has {channels} of them, neither 1, 3 nor 4. Received: "
                f"{describe(images)}."
            )


def _check_rank(images: Array, name: str, rank: int) -> Array:
    if images.dtype.kind not in "iuf":
        rule = f"`{name}` must hold real numbers"
        raise ValueError(message(rule, describe(images), "Convert them first."))
    if images.ndim != rank:
        what = "one image of rank 3" if rank == 3 else "images of rank 4"
        fix = fix_for_clips(images.shape, name)
        if rank == 4 and images.ndim == 3:
            fix = f"For one image pass {name}[None], for gray images {name}[..., None]."
        raise ValueError(message(f"`{name}` must be {what}", describe(images), fix))
    if 0 in images.shape[rank - 3 :]:
        rule = f"`{name}` must have no height, width or channels of 0"
        raise ValueError(message(rule, describe(images)))
    return images


def _keras() -> Any:
    """Returns Keras' settings; imported late, since Keras is slow to import."""
    from keras import config

    return config
