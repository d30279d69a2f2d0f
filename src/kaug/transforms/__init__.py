"""Native transforms: describe, draw, apply.

A transform describes what may happen to a batch of images. Calling it draws what does happen to
each row, from a seed, an epoch and the row's number alone, and does it.
"""

from kaug._draw.draws import Draws
from kaug.transforms.augmix import AugMix
from kaug.transforms.blur import BoxBlur, Defocus, MedianBlur, MotionBlur
from kaug.transforms.box_crop import BoxSafeCrop, RandomIoUCrop
from kaug.transforms.camera import (
    ChromaticAberration,
    ISONoise,
    PlanckianJitter,
    Vignette,
)
from kaug.transforms.channels import ChannelDropout, ChannelShuffle, FancyPCA
from kaug.transforms.clahe import CLAHE
from kaug.transforms.color import (
    Brightness,
    ChannelShift,
    ColorJitter,
    Contrast,
    Gamma,
    Grayscale,
    Hue,
    Invert,
    Saturation,
    Sepia,
)
from kaug.transforms.compose import Compose, Identity, Lambda, OneOf, SomeOf, Sometimes
from kaug.transforms.copy_paste import CopyPaste
from kaug.transforms.corruption import Corruption
from kaug.transforms.crop import PadAndCrop, RandomResizedCrop
from kaug.transforms.degradation import Downscale, JPEGCompression
from kaug.transforms.distortion import GridDistortion, OpticalDistortion, ThinPlateSpline
from kaug.transforms.edges import Emboss, Ringing
from kaug.transforms.elastic import ElasticDeformation
from kaug.transforms.erasing import CoarseDropout, Cutout, Erasing, GridMask
from kaug.transforms.filters import GaussianBlur, Sharpness, UnsharpMask
from kaug.transforms.geometry import (
    D4,
    Affine,
    HorizontalFlip,
    Rotate90,
    Rotation,
    Shear,
    Translation,
    VerticalFlip,
    Zoom,
)
from kaug.transforms.grid_shuffle import GridShuffle
from kaug.transforms.lens import GlassBlur, ZoomBlur
from kaug.transforms.light import (
    Illumination,
    PlasmaBrightness,
    PlasmaContrast,
    PlasmaShadow,
)
from kaug.transforms.mix import CutMix, MixUp
from kaug.transforms.morphology import Dilation, Erosion
from kaug.transforms.mosaic import Mosaic
from kaug.transforms.noise import (
    GaussianNoise,
    MultiplicativeNoise,
    PixelDropout,
    SaltAndPepper,
    ShotNoise,
)
from kaug.transforms.normalize import Normalize
from kaug.transforms.perspective import Perspective
from kaug.transforms.policies import AutoAugment, RandAugment, TrivialAugmentWide
from kaug.transforms.size import CenterCrop, Crop, Letterbox, Pad, RandomCrop, Resize
from kaug.transforms.spectrogram import FrequencyMask, TimeMask
from kaug.transforms.stains import HEStain
from kaug.transforms.tone import AutoContrast, Equalize, Posterize, Solarize, ToneCurve
from kaug.transforms.transform import Transform
from kaug.transforms.weather import Fog, Rain, Shadow, Snow, Spatter, SunFlare

__all__ = [
    "CLAHE",
    "D4",
    "Affine",
    "AugMix",
    "AutoAugment",
    "AutoContrast",
    "BoxBlur",
    "BoxSafeCrop",
    "Brightness",
    "CenterCrop",
    "ChannelDropout",
    "ChannelShift",
    "ChannelShuffle",
    "ChromaticAberration",
    "CoarseDropout",
    "ColorJitter",
    "Compose",
    "Contrast",
    "CopyPaste",
    "Corruption",
    "Crop",
    "CutMix",
    "Cutout",
    "Defocus",
    "Dilation",
    "Downscale",
    "Draws",
    "ElasticDeformation",
    "Emboss",
    "Equalize",
    "Erasing",
    "Erosion",
    "FancyPCA",
    "Fog",
    "FrequencyMask",
    "Gamma",
    "GaussianBlur",
    "GaussianNoise",
    "GlassBlur",
    "Grayscale",
    "GridDistortion",
    "GridMask",
    "GridShuffle",
    "HEStain",
    "HorizontalFlip",
    "Hue",
    "ISONoise",
    "Identity",
    "Illumination",
    "Invert",
    "JPEGCompression",
    "Lambda",
    "Letterbox",
    "MedianBlur",
    "MixUp",
    "Mosaic",
    "MotionBlur",
    "MultiplicativeNoise",
    "Normalize",
    "OneOf",
    "OpticalDistortion",
    "Pad",
    "PadAndCrop",
    "Perspective",
    "PixelDropout",
    "PlanckianJitter",
    "PlasmaBrightness",
    "PlasmaContrast",
    "PlasmaShadow",
    "Posterize",
    "Rain",
    "RandAugment",
    "RandomCrop",
    "RandomIoUCrop",
    "RandomResizedCrop",
    "Resize",
    "Ringing",
    "Rotate90",
    "Rotation",
    "SaltAndPepper",
    "Saturation",
    "Sepia",
    "Shadow",
    "Sharpness",
    "Shear",
    "ShotNoise",
    "Snow",
    "Solarize",
    "SomeOf",
    "Sometimes",
    "Spatter",
    "SunFlare",
    "ThinPlateSpline",
    "TimeMask",
    "ToneCurve",
    "Transform",
    "Translation",
    "TrivialAugmentWide",
    "UnsharpMask",
    "VerticalFlip",
    "Vignette",
    "Zoom",
    "ZoomBlur",
]
