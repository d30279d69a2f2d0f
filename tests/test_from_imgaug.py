"""The page for those who come from imgaug: what stands in its tables runs.

imgaug 0.4.0 needs NumPy 1.23, and so an environment of its own. Where `KAUG_IMGAUG_PYTHON` names
the Python of one, its side of the tables runs there, and both agree as far as is said.
"""

import json
import os
import re
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
from counterparts import agreement, margin_off, muted, ours

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "from_imgaug.md"
TEXT = PAGE.read_text(encoding="utf-8")
PYTHON = os.environ.get("KAUG_IMGAUG_PYTHON")
# What `imgaug.augmenters` of version 0.4.0 has, without base classes.
CLASSES = re.findall(
    r"\w+",
    """
    Add AddElementwise AddToBrightness AddToHue AddToHueAndSaturation AddToSaturation
    AdditiveGaussianNoise AdditiveLaplaceNoise AdditivePoissonNoise Affine AffineCv2
    AllChannelsCLAHE AllChannelsHistogramEqualization AssertLambda AssertShape AverageBlur
    AveragePooling BilateralBlur BlendAlpha BlendAlphaBoundingBoxes BlendAlphaCheckerboard
    BlendAlphaElementwise BlendAlphaFrequencyNoise BlendAlphaHorizontalLinearGradient
    BlendAlphaMask BlendAlphaRegularGrid BlendAlphaSegMapClassIds BlendAlphaSimplexNoise
    BlendAlphaSomeColors BlendAlphaVerticalLinearGradient CLAHE Canny Cartoon
    CenterCropToAspectRatio CenterCropToFixedSize CenterCropToMultiplesOf CenterCropToPowersOf
    CenterCropToSquare CenterPadToAspectRatio CenterPadToFixedSize CenterPadToMultiplesOf
    CenterPadToPowersOf CenterPadToSquare ChangeColorTemperature ChangeColorspace ChannelShuffle
    ClipCBAsToImagePlanes CloudLayer Clouds CoarseDropout CoarsePepper CoarseSalt
    CoarseSaltAndPepper Convolve Crop CropAndPad CropToAspectRatio CropToFixedSize
    CropToMultiplesOf CropToPowersOf CropToSquare Cutout DirectedEdgeDetect Dropout Dropout2d
    EdgeDetect ElasticTransformation Emboss FastSnowyLandscape Fliplr Flipud Fog GammaContrast
    GaussianBlur Grayscale HistogramEqualization Identity ImpulseNoise Invert Jigsaw
    JpegCompression KMeansColorQuantization KeepSizeByResize Lambda LinearContrast LogContrast
    MaxPooling MeanShiftBlur MedianBlur MedianPooling MinPooling MotionBlur Multiply
    MultiplyAndAddToBrightness MultiplyBrightness MultiplyElementwise MultiplyHue
    MultiplyHueAndSaturation MultiplySaturation Noop OneOf Pad PadToAspectRatio PadToFixedSize
    PadToMultiplesOf PadToPowersOf PadToSquare Pepper PerspectiveTransform PiecewiseAffine
    Posterize Rain RainLayer RandAugment RegularGridVoronoi RelativeRegularGridVoronoi
    RemoveCBAsByOutOfImageFraction RemoveSaturation ReplaceElementwise Resize Rot90 Rotate Salt
    SaltAndPepper SaveDebugImageEveryNBatches ScaleX ScaleY Sequential Sharpen ShearX ShearY
    SigmoidContrast Snowflakes SnowflakesLayer Solarize SomeOf Sometimes Superpixels TotalDropout
    TranslateX TranslateY UniformColorQuantization UniformColorQuantizationToNBits UniformVoronoi
    Voronoi WithBrightnessChannels WithChannels WithColorspace WithHueAndSaturation
    WithPolarWarping
    """,
)
# Of `imgaug.augmenters.pillike`.
PILLIKE = re.findall(
    r"\w+",
    """
    Affine Autocontrast EnhanceBrightness EnhanceColor EnhanceContrast EnhanceSharpness Equalize
    FilterBlur FilterContour FilterDetail FilterEdgeEnhance FilterEdgeEnhanceMore FilterEmboss
    FilterFindEdges FilterSharpen FilterSmooth FilterSmoothMore Posterize Solarize
    """,
)
# Rows of the tables of three columns: what they have, what kaug has, and how far they agree.
ROWS = re.findall(
    r"^\| (`(?:\w+\.)?[A-Z][^|]*?) \| (`[^|]*?`|no:[^|]*?) \| ?([^|]*?) ?\|$", TEXT, re.M
)
CODE = [(theirs, ours[1:-1]) for theirs, ours, _ in ROWS if ours[0] == "`"]
MEASURED = [
    (re.findall(r"`([^`]*)`", theirs)[0], ours[1:-1], seen)
    for theirs, ours, seen in ROWS
    if re.match(r"(inside )?(equal|within)", seen)
]
PICTURES = muted()
THEIRS = """
import json, sys, warnings
import imgaug, imgaug.augmenters as iaa, numpy as np

warnings.simplefilter("ignore")
folder = sys.argv[1]
images = np.load(folder + "/images.npz")
result = {}
for number, code in enumerate(json.load(open(folder + "/codes.json"))):
    for name in images:
        imgaug.seed(0)
        result[f"{number}_{name}"] = eval(code, vars(iaa))(image=images[name])
np.savez(folder + "/theirs.npz", **result)
"""


def by_kaug(code, image, seed=0):
    with warnings.catch_warnings(action="ignore"):
        return ours(code)(image[np.newaxis], seed=seed)[0]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """What imgaug makes of the pictures, by the number of the row and the name of the picture."""
    if PYTHON is None:
        pytest.skip("KAUG_IMGAUG_PYTHON is not set")
    folder = tmp_path_factory.mktemp("imgaug")
    np.savez(folder / "images.npz", **PICTURES)
    (folder / "codes.json").write_text(json.dumps([code for code, _, _ in MEASURED]))
    subprocess.run([PYTHON, "-c", THEIRS, str(folder)], check=True)
    with np.load(folder / "theirs.npz") as arrays:
        return dict(arrays)


def test_every_augmenter_has_an_answer():
    assert len(ROWS) == len(re.findall(r"^\| `(?:\w+\.)?[A-Z](?:[^|]*\|){3}$", TEXT, re.M))
    cells = "".join(theirs for theirs, _, _ in ROWS)
    named = set(re.findall(r"`(\w+)\b(?!\.)", cells))
    assert set(CLASSES) <= named, set(CLASSES) - named
    pillike = set(re.findall(r"`pillike\.(\w+)", cells))
    assert pillike == set(PILLIKE)
    assert len(CODE) >= 80
    assert len(MEASURED) >= 35


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize(("theirs", "code"), CODE)
def test_what_is_on_the_right_runs(theirs, code, name):
    image = PICTURES[name]
    results = [by_kaug(code, image, seed) for seed in range(12)]
    assert all(result.dtype == image.dtype for result in results)
    assert code == "Identity()" or not all(np.array_equal(made, image) for made in results)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("number", range(len(MEASURED)), ids=lambda n: MEASURED[n][0])
def test_both_sides_agree_as_far_as_is_said(theirs, number, name):
    _, code, seen = MEASURED[number]
    whole = agreement(seen)
    expected, result = theirs[f"{number}_{name}"], by_kaug(code, PICTURES[name])
    assert expected.shape == result.shape
    apart = np.abs(expected.astype(float) - result)
    if whole["inside"]:
        apart = margin_off(apart)
    assert apart.max() <= int(whole["levels"] or 0)
