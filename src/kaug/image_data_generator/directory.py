"""`flow_from_directory`: one folder per class."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kaug._validation import check_choice, message
from kaug.image_data_generator.file_batches import FileIterator, chosen_classes
from kaug.image_data_generator.files import (
    EXTENSIONS,
    absolute,
    check_inside,
    list_images,
)
from kaug.image_data_generator.iterators import split_range

if TYPE_CHECKING:
    from kaug.image_data_generator.generator import ImageDataGenerator

CLASS_MODES = ("categorical", "binary", "sparse", "input")


class DirectoryIterator(FileIterator):
    """Batches from a folder of class folders, made by `ImageDataGenerator.flow_from_directory`."""

    def __init__(
        self,
        directory: Any,
        image_data_generator: "ImageDataGenerator",
        *,
        classes: Any,
        class_mode: str | None,
        follow_links: bool,
        subset: str | None,
        **options: Any,
    ) -> None:
        if class_mode is not None:
            check_choice(class_mode, "class_mode", CLASS_MODES)
        folder = absolute(directory)
        names = _class_names(folder, classes)
        files: list[Path] = []
        numbers: list[int] = []
        for number, name in enumerate(names):
            found = list_images(folder / name, follow_links=follow_links)
            part = found[split_range(image_data_generator, len(found), subset)]
            files += part
            numbers += [number] * len(part)
        if not files:
            rule = f"The class folders must hold images ({', '.join(EXTENSIONS)})"
            received = f"none in {str(folder)!r}, classes {names}, subset={subset!r}"
            raise ValueError(message(rule, received))
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
            **options,
        )
        print(f"Found {self.samples} images belonging to {self.num_classes} classes.")


def _class_names(folder: Path, classes: Any) -> list[str]:
    if not folder.is_dir():
        raise ValueError(message("`directory` must be a folder that exists", repr(str(folder))))
    chosen = chosen_classes(classes)
    if chosen is None:
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
        if not names:
            rule = "`directory` must hold one folder per class"
            raise ValueError(message(rule, f"{str(folder)!r} without folders"))
        return names
    names = [str(name) for name in chosen]
    fix = "Name folders inside it."
    for path in check_inside(folder, names, follow_links=True, fix=fix):
        if not path.is_dir():
            rule = f"`classes` must name folders in {str(folder)!r}"
            raise ValueError(message(rule, repr(path.name)))
    return names
