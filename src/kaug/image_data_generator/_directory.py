"""`flow_from_directory`: one folder per class."""

from pathlib import Path
from typing import Any

import numpy as np

from kaug._files import absolute, check_inside
from kaug._validation import check_flag, message, warn
from kaug.image_data_generator._file_batches import (
    WITH_CLASSES,
    FileIterator,
    check_binary,
    check_class_mode,
)
from kaug.image_data_generator._files import EXTENSIONS, list_images
from kaug.image_data_generator._iterators import check_subset, split_range
from kaug.image_data_generator._protocol import Augments
from kaug.sources._classes import (
    chosen_classes,
    class_folders,
    warn_of_empty_classes,
    warn_of_loose,
    warn_of_numbers,
)

_NAMED = 3  # how many files a message names


class DirectoryIterator(FileIterator):
    """Batches from a folder of class folders, made by `ImageDataGenerator.flow_from_directory`."""

    allowed_class_modes = ("categorical", "binary", "sparse", "input", None)

    def __init__(
        self,
        directory: Any,
        image_data_generator: Augments,
        *,
        classes: Any,
        class_mode: str | None,
        follow_links: bool,
        subset: str | None,
        **options: Any,
    ) -> None:
        check_class_mode(class_mode, self.allowed_class_modes)
        as_keras = image_data_generator.keras_compat
        check_flag(follow_links, "follow_links")
        check_subset(image_data_generator, subset)
        folder = absolute(directory)
        names = class_folders(folder, classes, as_keras=as_keras)
        if not as_keras:
            check_binary(class_mode, names)
            if chosen_classes(classes) is None and class_mode in WITH_CLASSES:
                warn_of_numbers("class folders", names)
        files: list[Path] = []
        numbers: list[int] = []
        passed: list[Path] = []
        for number, name in enumerate(names):
            found, others = _list(folder / name, follow_links=follow_links, as_keras=as_keras)
            part = found[split_range(image_data_generator, len(found), subset)]
            files += part
            numbers += [number] * len(part)
            passed += others
        if not as_keras:
            _warn_of_kinds(passed)
            warn_of_loose(folder, EXTENSIONS)
            _check_found(folder, names, numbers, subset)
        fix = "Pass follow_links=True if you trust the links."
        check_inside(folder, files, follow_links=follow_links, fix=fix)
        self.directory = str(folder)
        self.filenames = [str(file.relative_to(folder)) for file in files]
        self.classes = np.array(numbers, np.int32)
        super().__init__(
            image_data_generator,
            [str(file) for file in files],
            class_mode=class_mode,
            labels=self.classes,
            class_indices={name: number for number, name in enumerate(names)},
            sample_weight=None,
            subset=subset,
            **options,
        )
        print(f"Found {self.samples} images belonging to {self.num_classes} classes.")


def _list(folder: Path, *, follow_links: bool, as_keras: bool) -> tuple[list[Path], list[Path]]:
    """Returns the files of a class, and pictures of kinds that are passed over."""
    if as_keras and not folder.is_dir():
        return [], []
    return list_images(folder, follow_links=follow_links, hidden=as_keras)


def _warn_of_kinds(passed: list[Path]) -> None:
    if passed:
        first = ", ".join(repr(str(path)) for path in passed[:_NAMED])
        rule = f"Of folders only files that end in {', '.join(EXTENSIONS)} are read, as in Keras"
        fix = (
            "Convert the others, or name them in a table: flow_from_dataframe reads them with "
            "validate_filenames=False."
        )
        warn(message(rule, f"{len(passed)} others; the first: {first}", fix))


def _check_found(folder: Path, names: list[str], numbers: list[int], subset: str | None) -> None:
    """Raises without any image, and warns of classes without one."""
    if not numbers:
        rule = f"The class folders must hold images ({', '.join(EXTENSIONS)})"
        received = f"none in {str(folder)!r}, classes {names}, subset={subset!r}"
        raise ValueError(message(rule, received))
    used = set(numbers)
    empty = [name for number, name in enumerate(names) if number not in used]
    warn_of_empty_classes("the class folders", empty, subset)
