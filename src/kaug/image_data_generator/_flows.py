"""The three `flow` methods of `ImageDataGenerator`."""

from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from kaug.image_data_generator._arrays import ArrayIterator
    from kaug.image_data_generator._dataframe import DataFrameIterator
    from kaug.image_data_generator._directory import DirectoryIterator
    from kaug.image_data_generator._protocol import Augments


class Flows:
    """Batches from arrays, folders and tables.

    Iterators are imported where they are made, since they need Keras.
    """

    def flow(
        self: "Augments",
        x: Any,
        y: ArrayLike | None = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: ArrayLike | None = None,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: Literal["training", "validation"] | None = None,
    ) -> "ArrayIterator":
        """Returns endless batches of augmented images, a `keras.utils.PyDataset`.

        Args:
            x: Images `(N, H, W, C)` (or channels first) of any dtype, or a pair of images and one
                more array, or a list of more arrays, that go along with them.
            y: Labels with N rows, none of them missing (unless `keras_compat`), or None.
            batch_size: Images per batch; the last of an epoch may be smaller.
            shuffle: Whether each epoch has an order of its own.
            sample_weight: Weights with N rows; they come out only beside labels.
            seed: 0..2³²-1, as NumPy takes them. None draws one from Python's `random`.
            save_to_dir: Folder to write the augmented images to, or None.
            save_prefix: Of the names of those files.
            save_format: Their format, `"png"` or any other that Pillow writes.
            ignore_class_split: Whether the two subsets may hold different classes.
            subset: `"validation"`, the first rows, or `"training"`, the others; the generator needs
                a `validation_split`.

        Returns:
            `images`, `(images, y)` or `(images, y, sample_weight)` per batch; with more arrays in
            `x`, a list `[images, …]` in the place of `images`.

        Warns:
            UserWarning: The subset is `"validation"`, and the generator augments.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: Lengths differ, labels or weights are missing, the generator's dtype cannot
                hold the images, or an option is unknown.
        """
        from kaug.image_data_generator._arrays import ArrayIterator

        return ArrayIterator(
            x,
            y,
            self,
            batch_size=batch_size,
            shuffle=shuffle,
            sample_weight=sample_weight,
            seed=seed,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            ignore_class_split=ignore_class_split,
            subset=subset,
        )

    def flow_from_directory(
        self: "Augments",
        directory: Any,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: Literal["training", "validation"] | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        *,
        on_error: Literal["raise", "skip"] = "raise",
        exif_orientation: bool = False,
    ) -> "DirectoryIterator":
        """Returns endless batches of augmented images from a folder with a folder per class.

        Files are taken in the order of their names, at any depth, and decoded by several threads.
        Folders whose names begin with a dot are neither classes nor entered.

        Gray of 16 or 32 bits keeps its values, which with `"rgb"` fill all three channels. Of color
        with 16 bits the high 8 are read, and the first page of several.

        Args:
            directory: The folder. Nothing outside of it is read.
            target_size: Height and width the images are resized to.
            color_mode: `"grayscale"`, `"rgb"` or `"rgba"`.
            classes: Names of the class folders; None takes all, sorted.
            class_mode: What comes beside the images: `"categorical"` one-hot rows, `"sparse"`
                class numbers, `"binary"` the same of two classes, `"input"` the images again, None
                nothing.
            batch_size: Images per batch; the last of an epoch may be smaller.
            shuffle: Whether each epoch has an order of its own.
            seed: 0..2³²-1, as NumPy takes them. None draws one from Python's `random`.
            save_to_dir: Folder to write the augmented images to, or None.
            save_prefix: Of the names of those files.
            save_format: Their format.
            follow_links: Whether to follow symbolic links, also out of the folder.
            subset: `"validation"`, the first files of each class, or `"training"`, the others; the
                generator needs a `validation_split`.
            interpolation: How Pillow resizes: `"nearest"`, `"bilinear"`, `"bicubic"`, `"lanczos"`,
                `"box"` or `"hamming"`.
            keep_aspect_ratio: Whether to cut out the middle instead of distorting.
            on_error: What to do about a file that is no image: `"raise"`, or `"skip"` it with a
                warning, so that its batch is smaller.
            exif_orientation: Whether to turn photographs as their cameras noted.

        Warns:
            UserWarning: A class has no images, pictures are passed over for their extension or lie
                beside the class folders, validation pictures would be augmented, or (from the
                batches, once each) depth, channels or pages of a file are lost, files have
                different depths, or a photograph lies on its side.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An option is unknown, there are no images, `"binary"` has other than two
                classes, a path leads out of the folder, or (from the batches) a file cannot be
                read, is read wrongly by Pillow, does not fit into the generator's dtype, or has
                more pixels than `PIL.Image.MAX_IMAGE_PIXELS`.
            MemoryError: A batch does not fit into memory.
        """
        from kaug.image_data_generator._directory import DirectoryIterator

        return DirectoryIterator(
            directory,
            self,
            classes=classes,
            class_mode=class_mode,
            follow_links=follow_links,
            subset=subset,
            on_error=on_error,
            reading={
                "target_size": target_size,
                "color_mode": color_mode,
                "interpolation": interpolation,
                "keep_aspect_ratio": keep_aspect_ratio,
                "exif_orientation": exif_orientation,
            },
            saving=(save_to_dir, save_prefix, save_format),
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
        )

    def flow_from_dataframe(
        self: "Augments",
        dataframe: Any,
        directory: Any = None,
        x_col: str = "filename",
        y_col: str | list[str] = "class",
        weight_col: str | None = None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: Literal["training", "validation"] | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
        *,
        keep_aspect_ratio: bool = False,
        on_error: Literal["raise", "skip"] = "raise",
        exif_orientation: bool = False,
        **deprecated: Any,
    ) -> "DataFrameIterator":
        """Returns endless batches of augmented images whose names and labels are in a table.

        Args:
            dataframe: A pandas data frame, or anything whose columns are had by name.
            directory: The folder the names are relative to; then nothing outside of it is read.
                None takes them as paths.
            x_col: Column of the file names, strings or paths.
            y_col: Column of the labels: strings for the class modes with classes (for
                `"categorical"` also lists of them); or a list of columns.
            weight_col: Column of sample weights, or None.
            target_size: Height and width the images are resized to.
            color_mode: `"grayscale"`, `"rgb"` or `"rgba"`.
            classes: The class names, in the order of their numbers; rows of other classes are left
                out. None takes all, sorted.
            class_mode: As in `flow_from_directory`, or `"raw"` the values of `y_col`, or
                `"multi_output"` a list of the values of each of its columns.
            batch_size: Images per batch; the last of an epoch may be smaller.
            shuffle: Whether each epoch has an order of its own.
            seed: 0..2³²-1, as NumPy takes them. None draws one from Python's `random`.
            save_to_dir: Folder to write the augmented images to, or None.
            save_prefix: Of the names of those files.
            save_format: Their format.
            subset: `"validation"`, the first rows, or `"training"`, the others; the generator needs
                a `validation_split`.
            interpolation: How Pillow resizes, as in `flow_from_directory`.
            validate_filenames: Whether to leave out, with a warning, rows whose file is not there
                or has another extension than `flow_from_directory` reads. Without it, every kind of
                picture that Pillow knows is read.
            keep_aspect_ratio: Whether to cut out the middle instead of distorting.
            on_error: As in `flow_from_directory`.
            exif_orientation: Whether to turn photographs as their cameras noted.
            deprecated: `has_ext`, `sort` and `drop_duplicates` do nothing but warn, as in Keras.

        Warns:
            UserWarning: Rows are left out, and what `flow_from_directory` warns of.

        Raises:
            TypeError: A file name is neither a string nor a path, a label no string, a weight no
                number, or an argument unknown.
            ValueError: A column is missing, a label or weight is (unless `keras_compat`), no row
                can be used, and what `flow_from_directory` raises.
            MemoryError: A batch does not fit into memory.
        """
        from kaug.image_data_generator._dataframe import DataFrameIterator, warn_of_deprecated

        class_mode = warn_of_deprecated(deprecated, class_mode)
        return DataFrameIterator(
            dataframe,
            directory,
            self,
            x_col=x_col,
            y_col=y_col,
            weight_col=weight_col,
            classes=classes,
            class_mode=class_mode,
            subset=subset,
            validate_filenames=validate_filenames,
            on_error=on_error,
            reading={
                "target_size": target_size,
                "color_mode": color_mode,
                "interpolation": interpolation,
                "keep_aspect_ratio": keep_aspect_ratio,
                "exif_orientation": exif_orientation,
            },
            saving=(save_to_dir, save_prefix, save_format),
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
        )
