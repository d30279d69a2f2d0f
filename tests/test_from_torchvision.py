"""The page for those who come from torchvision: what stands in its tables runs.

Where torchvision is installed, both sides do, and agree as far as is said, and so do the blocks
that need it: `KERAS_BACKEND=torch python -m pytest tests/test_from_torchvision.py`.
"""

import importlib.util
import inspect
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from counterparts import MARGIN, agreement, muted, ours
from scipy.ndimage import binary_erosion

DOCS = Path(__file__).parents[1] / "docs" / "how-to"
TEXT = (DOCS / "from_torchvision.md").read_text(encoding="utf-8")
# What `torchvision.transforms.v2` of version 0.29.1 has, without base classes and enumerations.
CLASSES = re.findall(
    r"\w+",
    """
    AugMix AutoAugment CenterCrop ClampBoundingBoxes ClampKeyPoints ColorJitter Compose
    ConvertBoundingBoxFormat ConvertImageDtype CutMix ElasticTransform FiveCrop GaussianBlur
    GaussianNoise Grayscale Identity JPEG Lambda LinearTransformation MixUp Normalize PILToTensor
    Pad RGB RandAugment RandomAdjustSharpness RandomAffine RandomApply RandomAutocontrast
    RandomChannelPermutation RandomChoice RandomCrop RandomEqualize RandomErasing RandomGrayscale
    RandomHorizontalFlip RandomInvert RandomIoUCrop RandomOrder RandomPerspective
    RandomPhotometricDistort RandomPosterize RandomResize RandomResizedCrop RandomRotation
    RandomShortestSize RandomSolarize RandomVerticalFlip RandomZoomOut Resize SanitizeBoundingBoxes
    SanitizeKeyPoints ScaleJitter SetClampingMode TenCrop ToDtype ToImage ToPILImage ToPureTensor
    ToTensor TrivialAugmentWide UniformTemporalSubsample
    """,
)
OTHERS = {"AutoAugmentPolicy", "InterpolationMode", "Transform"}
# Rows of the tables of three columns: what they have, what kaug has, and how far they agree.
ROWS = re.findall(r"^\| (`[A-Z][^|]*?) \| (`[^|]*?`|no:[^|]*?) \| ?([^|]*?) ?\|$", TEXT, re.M)
PAIRS = [
    (code, ours[1:-1], seen)
    for theirs, ours, seen in ROWS
    for code in re.findall(r"`([^`]*)`", theirs)
    if ours.startswith("`") and "(" in code
]
MEASURED = [pair for pair in PAIRS if re.match(r"(inside )?(equal|within)", pair[2])]


PICTURES = muted()


def by_kaug(code, image, seed=0):
    batch = {"images": image[np.newaxis], "labels": np.arange(1)}
    with warnings.catch_warnings(action="ignore"):
        return ours(code)(batch, seed=seed)["images"][0]


def installed():
    """Returns PyTorch and `torchvision.transforms.v2`, or skips the test."""
    if "tensorflow" in sys.modules and "torchvision" not in sys.modules:
        pytest.skip("after TensorFlow its import can end Python")
    return pytest.importorskip("torch"), pytest.importorskip("torchvision.transforms.v2")


def by_torchvision(code, image):
    torch, v2 = installed()
    tensor = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
    with warnings.catch_warnings(action="ignore"):  # its own JPEG is deprecated
        return np.asarray(eval(code, dict(vars(v2)))(tensor)).transpose(1, 2, 0)


def test_every_class_has_an_answer():
    named = set(re.findall(r"`(\w+)", "".join(re.findall(r"^\| (.*?) \|", TEXT, re.M))))
    assert set(CLASSES) <= named, set(CLASSES) - named
    assert len(ROWS) == len(re.findall(r"^\| `[A-Z](?:[^|]*\|){3}$", TEXT, re.M))
    assert len(PAIRS) >= 50
    assert len(MEASURED) >= 30


def test_no_class_is_forgotten():
    _, v2 = installed()
    classes = {name for name, each in vars(v2).items() if inspect.isclass(each)}
    assert classes - OTHERS == set(CLASSES)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize(("code", "counterpart", "seen"), PAIRS)
def test_what_is_on_the_right_runs(code, counterpart, seen, name):
    image = PICTURES[name]
    if "Normalize" in counterpart:
        image = image.astype("float32") / 255
    small = re.search(r"(?:Pad|CenterCrop|RandomCrop)\((\d+), (\d+)", counterpart)
    if small and "Pad" not in counterpart and int(small[1]) > len(image):
        pytest.skip("too small")
    results = [by_kaug(counterpart, image, seed) for seed in range(12)]
    assert all(result.dtype == image.dtype for result in results)
    mixes = re.search("MixUp|CutMix|Identity", counterpart)  # of one picture with itself
    assert mixes or not all(np.array_equal(result, image) for result in results)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize(("code", "counterpart", "seen"), MEASURED)
def test_both_sides_agree_as_far_as_is_said(code, counterpart, seen, name):
    whole = agreement(seen)
    if "photograph" in seen and name != "photograph":
        pytest.skip("of the photograph alone")
    image = PICTURES[name]
    if "Normalize" in code:
        image = image.astype("float32") / 255
    theirs, result = by_torchvision(code, image), by_kaug(counterpart, image)
    if "longer side" in seen:
        theirs, result = theirs[:, : result.shape[1]], result[:, : theirs.shape[1]]
    assert theirs.shape == result.shape
    apart = np.abs(theirs.astype(float) - result).max(axis=-1)
    if whole["inside"]:
        apart = apart[inside(code, counterpart, image)]
        assert apart.size > 100
    assert apart.max() <= int(whole["levels"] or 0)


def inside(code, counterpart, image):
    """Returns what is not filled in either result, nor beside it; of blurs, what is not near."""
    if "Blur" in code:
        within = np.zeros(image.shape[:2], bool)
        within[MARGIN:-MARGIN, MARGIN:-MARGIN] = True
        return within
    white = np.full_like(image, 255)
    results = by_torchvision(code, white), by_kaug(counterpart, white)
    return binary_erosion(np.all([result[..., 0] >= 254 for result in results], axis=0))


def test_elastic_displacements_are_as_large_as_is_said():
    torch, v2 = installed()
    torch.manual_seed(0)
    transform = v2.ElasticTransform(50, 5)
    drawn = [transform.make_params([torch.zeros(3, 224, 224)])["displacement"] for _ in range(20)]
    pixels = torch.stack(drawn)[:, 0, 30:-30, 30:-30] * 112  # of a grid from -1 to 1
    assert pixels.std().item() == pytest.approx(0.081 * 50 / 5, rel=0.05)
    row = next(code for _, code, _ in PAIRS if code.startswith("ElasticDeformation"))
    alpha, sigma = map(float, re.findall(r"0\.\d+", row))
    assert alpha * 224 == pytest.approx(0.081 * 50 / 5, rel=0.01)
    assert sigma * 224 == pytest.approx(5, rel=0.02)


@pytest.mark.parametrize("page", ["from_torchvision.md", "generators.md"])
def test_blocks_that_need_torchvision_run(page, tmp_path, monkeypatch):
    installed()
    pytest.importorskip("albumentations")  # which stands on one of the pages
    place = Path(__file__).parent / "test_docs.py"
    spec = importlib.util.spec_from_file_location("pages_of_the_documentation", place)
    docs = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, docs)
    spec.loader.exec_module(docs)
    monkeypatch.chdir(tmp_path)
    text = (DOCS / page).read_text(encoding="utf-8")
    reason = "<!-- not run: torchvision is not among the packages the tests install -->"
    assert reason in text
    docs.run(text.replace(reason, ""), page)
