"""The page for those who come from KerasCV: what stands in its tables runs."""

import math
import re
from pathlib import Path

import keras
import numpy as np
import pytest

from kaug import transforms

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "from_keras_cv.md"
# What `keras_cv.layers` of version 0.9.0 has of preprocessing of pictures, without base classes.
LAYERS = re.findall(
    r"\w+",
    """
    AugMix Augmenter AutoContrast CenterCrop ChannelShuffle CutMix Equalization FourierMix Grayscale
    GridMask JitteredResize MixUp Mosaic Posterization RandAugment RandomApply RandomAspectRatio
    RandomAugmentationPipeline RandomBrightness RandomChannelShift RandomChoice
    RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop RandomCropAndResize
    RandomCutout RandomFlip RandomGaussianBlur RandomHeight RandomHue RandomJpegQuality
    RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomWidth
    RandomZoom RepeatedAugmentation Rescaling Resizing Solarization
    """,
)
# Rows of the tables: their first cell and their second.
ROWS = re.findall(r"^\| (`[A-Z].*?) \| (.*?) \|", PAGE.read_text(encoding="utf-8"), re.M)
CODE = [code[1:-1] for _, code in ROWS if re.fullmatch(r"`[^`]*`", code)]
NAMES = {name: getattr(transforms, name) for name in transforms.__all__}


def made(code):
    return eval(code, {**NAMES, "math": math, "keras": keras})


def test_every_layer_has_one_answer():
    named = [name for cell, _ in ROWS for name in re.findall(r"`(\w+)", cell)]
    assert set(LAYERS) <= set(named)
    assert len(CODE) >= 40
    rest = {answer for _, answer in ROWS if answer[1:-1] not in CODE}
    assert all(re.match(r"no counterpart|\[", answer) for answer in rest), rest


@pytest.mark.parametrize("code", CODE)
def test_what_is_on_the_right_runs(code):
    transform = made(code)
    images = np.random.default_rng(0).integers(40, 200, (6, 20, 34, 3), "uint8")
    if isinstance(transform, keras.layers.Layer):
        assert np.allclose(transform(images), images / 255)
        return
    batch = {"images": images, "labels": np.arange(6)}
    if code != "AugMix(3)":  # which shows several copies at once
        boxes = np.tile(np.float32([[4, 5, 20, 15]]), (6, 1, 1))
        batch["bounding_boxes"] = {"boxes": boxes, "labels": np.zeros((6, 1), "int32")}
    result = transform(batch, seed=0)
    assert result["images"].dtype == np.uint8
    sizes = re.findall(r"(?:Crop\(|Letterbox\(|height=)(\d+), (?:width=)?(\d+)", code)
    assert result["images"].shape[1:3] == tuple(map(int, sizes[-1] if sizes else (20, 34)))
    assert not np.array_equal(result["images"], images)
    assert result.keys() == batch.keys()
    assert len(result["labels"]) == 6


def test_a_zoom_of_keras_cv_is_the_magnification_turned_round():
    """A quarter more of a picture is seen at 1 / 1.25 of its size, where 0.8 magnifies by 1.25."""
    assert made("Zoom((1 / 1.25, 1 / 0.8))").zoom == pytest.approx((0.8, 1.25))


def test_four_pictures_meet_where_they_do_in_keras_cv():
    """In the middle half of both axes, and each is as large as it was."""
    code = next(code for code in CODE if "Mosaic(" in code)
    rows, columns = np.indices((20, 34))
    one = np.stack([rows * 34 + columns + 1] * 3, axis=-1).astype("float32") / 1000
    result = made(code)(np.repeat(one[np.newaxis], 64, axis=0), seed=0)[..., 0]
    corner = np.isclose(result, one[0, 0, 0]).reshape(64, -1)  # the lower right picture's first
    assert corner.sum(axis=1).min() == corner.sum(axis=1).max() == 1
    y, x = np.divmod(corner.argmax(axis=1), 34)
    assert 5 <= y.min() < 7 < 13 < y.max() <= 15
    assert 8 <= x.min() < 12 < 22 < x.max() <= 26
