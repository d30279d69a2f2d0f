"""kaug: fast, label-safe, reproducible image augmentation for Keras.

Importing kaug is cheap: every public name below is loaded on first use (PEP 562), so neither
TensorFlow, Keras nor Matplotlib is imported until something needs it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kaug._version import __version__ as __version__

if TYPE_CHECKING:
    from kaug import integrations, layers, sources, testing, transforms
    from kaug.compare import PolicyComparison, compare_policies
    from kaug.fashion_mnist import FASHION_MNIST_CLASSES, load_fashion_mnist
    from kaug.image_data_generator import ImageDataGenerator
    from kaug.models import build_fashion_cnn, build_vgg19
    from kaug.offline import augment_dataset, augment_rows
    from kaug.online import AugmentedDataset
    from kaug.per_class import PerClass
    from kaug.plots import (
        plot_augmentations,
        plot_comparison,
        plot_confusion_matrix,
        plot_history,
        plot_images,
    )
    from kaug.schedule import Schedule
    from kaug.splits import train_validation_split
    from kaug.store import open_dataset

_HOME = {
    "AugmentedDataset": "online",
    "FASHION_MNIST_CLASSES": "fashion_mnist",
    "ImageDataGenerator": "image_data_generator",
    "PerClass": "per_class",
    "PolicyComparison": "compare",
    "Schedule": "schedule",
    "augment_dataset": "offline",
    "augment_rows": "offline",
    "build_fashion_cnn": "models",
    "build_vgg19": "models",
    "compare_policies": "compare",
    "integrations": "integrations",
    "layers": "layers",
    "load_fashion_mnist": "fashion_mnist",
    "open_dataset": "store",
    "plot_augmentations": "plots",
    "plot_comparison": "plots",
    "plot_confusion_matrix": "plots",
    "plot_history": "plots",
    "plot_images": "plots",
    "sources": "sources",
    "testing": "testing",
    "train_validation_split": "splits",
    "transforms": "transforms",
}

__all__ = [  # noqa: RUF022 - as sorted() sorts; ruff would put constants first
    "AugmentedDataset",
    "FASHION_MNIST_CLASSES",
    "ImageDataGenerator",
    "PerClass",
    "PolicyComparison",
    "Schedule",
    "augment_dataset",
    "augment_rows",
    "build_fashion_cnn",
    "build_vgg19",
    "compare_policies",
    "integrations",
    "layers",
    "load_fashion_mnist",
    "open_dataset",
    "plot_augmentations",
    "plot_comparison",
    "plot_confusion_matrix",
    "plot_history",
    "plot_images",
    "sources",
    "testing",
    "train_validation_split",
    "transforms",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'kaug' has no attribute {name!r}")
    home = import_module(f"kaug.{_HOME[name]}")
    value = home if name == _HOME[name] else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
