"""Instances of every transform, and policies of them, that all contracts are held to."""

from dataclasses import dataclass

import keras
import numpy as np

import kaug.transforms
from kaug.transforms import (
    CLAHE,
    Affine,
    AugMix,
    AutoAugment,
    BoxSafeCrop,
    ChannelDropout,
    CoarseDropout,
    Compose,
    Corruption,
    Crop,
    CutMix,
    ElasticDeformation,
    Equalize,
    Erasing,
    FrequencyMask,
    Grayscale,
    HorizontalFlip,
    Identity,
    Illumination,
    Invert,
    Lambda,
    Letterbox,
    MixUp,
    Mosaic,
    MultiplicativeNoise,
    Normalize,
    OneOf,
    Pad,
    PadAndCrop,
    Perspective,
    PixelDropout,
    RandAugment,
    RandomCrop,
    RandomIoUCrop,
    RandomResizedCrop,
    Resize,
    Rotate90,
    Rotation,
    Shear,
    SomeOf,
    Sometimes,
    Spatter,
    TimeMask,
    Transform,
    Translation,
    TrivialAugmentWide,
    VerticalFlip,
    Zoom,
)


@keras.saving.register_keras_serializable("tests")
def invert(images):
    xp = np if isinstance(images, np.ndarray) else keras.ops
    return xp.max(images, axis=(1, 2, 3), keepdims=True) - images


@dataclass(frozen=True, repr=False)
class Darken(Transform):
    """A user's own transform."""

    strength: float = 0.5

    def draw_parameters(self, draws):
        return {"factor": draws.uniform(1 - self.strength, 1)}

    def transform_images(self, images, parameters):
        factor = parameters["factor"].reshape(-1, 1, 1, 1)
        return (images * factor).astype(images.dtype)

    def transform_tensors(self, images, parameters, dtype):
        del dtype
        return images * keras.ops.reshape(parameters["factor"], (-1, 1, 1, 1))


# What differs from what a transform is without arguments.
VARIANTS = [
    Affine(rotation=20, height_shift=0.1, width_shift=0.2, shear=5, zoom=0.2, keep_aspect=False),
    Translation(fill_mode="wrap"),
    Shear(interpolation="nearest"),
    Zoom(fill_mode="constant", fill_value=1),
    Lambda(invert, p=0.5),
    Darken(),
    CutMix(p=0.7),
    Mosaic(p=0.7),
    Mosaic(20, 31, grid=3, shift=(-0.3, 0.1), fill_value=1, interpolation="nearest"),
    RandomResizedCrop(),
    RandomResizedCrop(height=20, width=31),
    Crop(4, 3, top=1, left=1),
    RandomCrop(4, 3),
    BoxSafeCrop(),
    BoxSafeCrop(20, 31, scale=(0.3, 0.9), keep="one", p=0.7),
    RandomIoUCrop(),
    RandomIoUCrop(20, 31, sampler_options=(0.3, 2), trials=5, interpolation="nearest", p=0.7),
    Resize(10),
    Letterbox(12, 15),
    Pad(24, fill_mode="reflect"),
    CLAHE((1.0, 40.0), grid=(2, 3)),
    Perspective(fill_mode="constant"),
    Grayscale(p=0.5),
    Invert(p=0.5),
    Equalize(p=0.5),
    Erasing(fill_mode="noise"),
    CoarseDropout(fill_mode="noise"),
    Illumination(),
    Illumination(mode="gaussian"),
    Spatter(),
    Spatter(mode="water"),
    Normalize("per_image"),
    Normalize("per_channel"),
    Normalize(0.5, 0.25, value_range=(0, 1)),
    Normalize(),
    TimeMask(),
    TimeMask(fill_mode="noise"),
    FrequencyMask((1, 4), 0.2, opacity=True),
    MultiplicativeNoise(),
    MultiplicativeNoise(per_channel=True),
    PixelDropout(),
    PixelDropout(per_channel=True, fill_value=1),
    ChannelDropout(),
    ChannelDropout((1, 3), fill_value=1),
    *(Corruption(name) for name in Corruption.names),
    RandAugment(),
    AugMix(),
    TrivialAugmentWide(),
    AutoAugment(),
    RandAugment(3, 20, num_magnitude_bins=21, fill_mode="reflect", interpolation="bilinear", p=0.7),
    AugMix(10, 2, 4, 0.5, all_ops=True, fill_mode="reflect", interpolation="nearest"),
    TrivialAugmentWide(num_magnitude_bins=5, max_translation=0.25),
    AutoAugment("svhn", p=0.8),
]
POLICIES = [
    Compose([Rotation(30), HorizontalFlip(), Zoom(0.2), Translation(0.2, 0.1)]),
    Compose([Rotation(30), Darken(), OneOf([VerticalFlip(), Shear(30)]), Lambda(invert, p=0.3)]),
    OneOf([Rotation(90), Darken(0.9), Identity()], weights=[2, 1, 1], p=0.8),
    SomeOf([Rotation(40), HorizontalFlip(), Darken()], n=(1, 3)),
    Sometimes(Rotation(45, fill_mode="reflect"), p=0.7),
    Compose([Rotation(30), Darken(), OneOf([MixUp(), CutMix()], p=0.5), HorizontalFlip()]),
    Sometimes([Translation(0.3, 0.3), CutMix(0.5), Rotate90()]),
    Compose(
        [
            RandAugment(p=0.5),
            RandomResizedCrop(height=20, width=31),
            Rotation(),
            MixUp(p=0.5),
            Erasing(),
        ]
    ),
    Compose([Rotation(), OneOf([BoxSafeCrop(), RandomIoUCrop()]), HorizontalFlip(), BoxSafeCrop()]),
    OneOf([AugMix(), TrivialAugmentWide(), ElasticDeformation(), Sometimes(PadAndCrop())]),
]
PUBLIC = [
    value
    for value in (getattr(kaug.transforms, name) for name in kaug.transforms.__all__)
    if issubclass(value, Transform) and value is not Transform
]
GIVEN = {type(transform) for transform in (*VARIANTS, *POLICIES)}
TRANSFORMS = [*(each() for each in PUBLIC if each not in GIVEN), *VARIANTS]
EVERYTHING = [*TRANSFORMS, *POLICIES]
BYTES = [each for each in EVERYTHING if not any(leaf._leaves_range for leaf in each._leaves())]
IDS = [f"{i}-{type(t).__name__}" for i, t in enumerate(EVERYTHING)]


def dtypes_of(transform):
    """Returns the dtypes of images that a transform is tried on: bytes, if it takes them, first."""
    return ("uint8", "float32") if transform in BYTES else ("float32",)
