"""Makes the figures of the documentation, with kaug itself.

Usage: python docs/make_figures.py

Sphinx calls `main` before it reads the pages. Writes `docs/figures/`:

- `augmented.png`, the first training image of Fashion-MNIST, augmented 100 times with the
  tutorial's generator;
- `home.jpg`, photographs with masks, boxes and points, augmented (`scenes.py` has them);
- one for each page of `docs/how-to` that moves or changes pictures (`figures_of_pages.py`);
- `targets.png`, the photograph of Grace Hopper that comes with Matplotlib, augmented with boxes, a
  mask and points in it;
- `recipes.png`, the same photograph as recipes of `docs/how-to/recipes.md` show it;
- `history.png`, the curves of the tutorial's 25 epochs, from
  `benchmarks/results/tutorial_25_epochs.json`, which `python examples/fashion_mnist.py` measured;
- `few_pictures.png` and `corrupted.png`, from the runs of `python benchmarks/few_pictures.py`;
- `confusion.png`, `on_the_way.png`, `accuracy.png` and `mistakes.png`, from the runs of
  `python benchmarks/accuracy.py`: the confusion matrix of one, how some of its trials went, how the
  reported runs went, and the confusion matrices with and without augmentation.

As a script it also renews the copies in `docs/_static` that the README shows: of the first, and of
`home.jpg`.
"""

import contextlib
import io
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import cbook
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import accuracy_report
import few_pictures_report
import figures_of_pages

import kaug
from kaug.transforms import Affine, ColorJitter, Compose, HorizontalFlip, Resize

HERE = Path(__file__).parent
FOLDER = HERE / "figures"
TUTORIAL = accuracy_report.RESULTS / "tutorial_25_epochs.json"
ON_THE_WAY = ("plain", "plain-d50", "flip-erasing", "flip-erasing-mixup-d10")
COLUMNS = 8  # of pictures of recipes
OPTIONS = {
    "rotation_range": 10,
    "zoom_range": 0.1,
    "shear_range": 0.5,
    "width_shift_range": 0.1,
    "height_shift_range": 0.1,
    "horizontal_flip": True,
    "vertical_flip": False,
}


def reported() -> dict[str, list[dict[str, Any]]]:
    """Returns the runs that were read from the test set, by arm."""
    return accuracy_report.longest(accuracy_report.read())


def augmentations() -> Figure:
    """Draws the tutorial's grid of 100 augmentations of one image."""
    (x_train, _), _ = kaug.load_fashion_mnist()
    return kaug.plot_augmentations(x_train[0], kaug.ImageDataGenerator(**OPTIONS), n=100, seed=0)


def targets() -> Figure:
    """Draws augmentations of a photograph, and what is in it."""
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        photograph = Image.open(file).convert("RGB")
    mask = Image.new("L", photograph.size)
    shoulders = [(15, 600), (40, 400), (60, 380), (195, 320), (240, 430), (300, 430), (330, 318)]
    ImageDraw.Draw(mask).polygon([*shoulders, (480, 370), (505, 420), (511, 600)], fill=1)
    picture = {
        "images": np.asarray(photograph),
        "segmentation_masks": np.asarray(mask),
        "bounding_boxes": {
            "boxes": [[155, 130, 377, 335], [146, 22, 372, 178]],
            "labels": [1, 2],
        },
        "keypoints": [[219, 190], [306, 186], [268, 222], [232, 280], [306, 278]],
    }
    policy = Compose([Affine(rotation=20, zoom=0.2, width_shift=0.1), HorizontalFlip()])
    names = ["uniform", "face", "cap"]
    return kaug.plot_augmentations(
        picture, Compose([policy, ColorJitter()]), n=4, seed=5, class_names=names
    )


def recipes() -> Figure:
    """Draws what recipes make of a photograph, as their page has them."""
    page = (HERE / "how-to" / "recipes.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(None):
        exec("".join(re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)), names)
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        photograph = np.asarray(Image.open(file).convert("RGB"))
    batch = np.repeat(photograph[np.newaxis, :512], COLUMNS, axis=0)
    shown = {
        "ResNet": names["imagenet"],
        "DeiT": names["deit"],
        "SimCLR": names["simclr"],
        "DINO, large": names["dino_global"][1],
        "DINO, small": names["dino_local"],
    }
    small = Resize(height=112, width=112)
    rows = [small(policy(batch, seed=2)) for policy in shown.values()]
    figure = Figure(figsize=(COLUMNS + 0.5, len(rows) + 0.2), layout="constrained")
    for axes, name, row in zip(figure.subplots(len(rows)), shown, rows, strict=True):
        spaced = np.pad(row, ((0, 0), (0, 0), (0, 4), (0, 0)), constant_values=255)
        axes.imshow(np.concatenate(spaced, axis=1))
        axes.set_ylabel(name)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    return figure


def history() -> Figure:
    """Draws the curves of the tutorial's 25 epochs."""
    return kaug.plot_history(json.loads(TUTORIAL.read_text())["history"])


def confusion() -> Figure:
    """Draws the confusion matrix of one run of the tutorial's network without augmentation."""
    return accuracy_report.confusion({"none": reported()["none"][:1]})


def on_the_way() -> Figure:
    """Draws how some of the longest trials did on held-out images while they trained."""
    trials = accuracy_report.longest(accuracy_report.read(), accuracy_report.HELD_OUT)
    return accuracy_report.on_the_way({arm: trials[arm] for arm in ON_THE_WAY})


def accuracy() -> Figure:
    """Draws how the reported runs trained, and where they ended on the test set."""
    return accuracy_report.curves(reported())


def mistakes() -> Figure:
    """Draws what is taken for what with and without augmentation."""
    arms = reported()
    return accuracy_report.confusion({arm: arms[arm] for arm in ("best-none", "best")})


def few_pictures() -> Figure:
    """Draws the accuracy of several policies against the number of pictures."""
    return few_pictures_report.curve(few_pictures_report.accuracies(few_runs()))


def corrupted() -> Figure:
    """Draws how accurate the networks of 1,000 pictures are on corrupted ones."""
    return few_pictures_report.bars(few_runs(), 1_000)


def few_runs() -> Any:
    """Returns the runs with few pictures and many."""
    return few_pictures_report.comparable(few_pictures_report.read())


# How each is drawn, its dots per inch, and how many colors look like all of them on a page.
FIGURES = {
    "augmented": (augmentations, 70, 32),
    "targets": (targets, 100, 256),
    "recipes": (recipes, 100, 256),
    "history": (history, 120, 64),
    "confusion": (confusion, 120, 128),
    "on_the_way": (on_the_way, 120, 64),
    "accuracy": (accuracy, 120, 64),
    "mistakes": (mistakes, 110, 128),
    "few_pictures": (few_pictures, 120, 64),
    "corrupted": (corrupted, 110, 64),
}


def main(folder: Path = FOLDER) -> None:
    """Makes every figure."""
    folder.mkdir(exist_ok=True)
    for name, (draw, dpi, colors) in FIGURES.items():
        buffer = io.BytesIO()
        draw().savefig(buffer, dpi=dpi)
        picture = Image.open(buffer).convert("RGB").quantize(colors, dither=Image.Dither.NONE)
        picture.save(folder / f"{name}.png", optimize=True)
    figures_of_pages.write(folder)


if __name__ == "__main__":
    main()
    for name in ("augmented.png", "home.jpg"):
        shutil.copy(FOLDER / name, HERE / "_static")
