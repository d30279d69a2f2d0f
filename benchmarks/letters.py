"""A second problem, from files: letters on photographs, in fonts the network has never seen.

    pip install font-amatic-sc font-caladea font-fjallaone font-fredoka-one font-hanken-grotesk \
        font-intuitive font-lato font-manrope font-source-serif-pro scikit-image scikit-learn
    python benchmarks/letters.py --render              the pictures
    python benchmarks/letters.py --policy good --seed 0 one run, or the rest of it

JPEG files of 40 to 160 pixels a side, a folder for each of the 26 capital letters. Those to train
on are set in the fonts that Matplotlib ships, on parts of three photographs; those to test with in
nine families of the package index, on parts of three others. The letters are drawn, the photographs
and fonts are real: no package that can be installed holds enough photographs with labels.

`keras.applications.ResNet50` of 40 × 40 pixels, from scratch. `--validate` holds out the pictures
of one family of the training fonts, which is what the policy was chosen by; the test pictures are
read once, at the end of a run without it. A finished run adds a line to `results/letters.jsonl`.
"""

import argparse
import json
import os
import string
import time
from importlib import import_module
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import _report
import keras
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

import kaug
from kaug.transforms import (
    Affine,
    ColorJitter,
    Compose,
    Erasing,
    Letterbox,
    RandomResizedCrop,
    TrivialAugmentWide,
)

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "letters.jsonl"
SIDE, BATCH = 40, 32
PER_LETTER = {"train": 40, "test": 100}
FAMILIES = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral", "cm")
OTHERS = (
    "amatic_sc",
    "caladea",
    "fjallaone",
    "fredoka_one",
    "hanken_grotesk",
    "intuitive",
    "lato",
    "manrope",
    "source_serif_pro",
)
HELD_OUT = "DejaVuSerif"

PLAIN = Letterbox(SIDE)
MOVE = Affine(rotation=12, shear=8, zoom=0.2, height_shift=0.1, width_shift=0.1)
COLORS = ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
POLICIES = {
    "none": PLAIN,
    "colors": Compose([PLAIN, COLORS]),
    "crop": RandomResizedCrop(height=SIDE, width=SIDE, scale=(0.6, 1.0)),
    "trivialaugment": Compose([PLAIN, TrivialAugmentWide()]),
    "good": Compose([PLAIN, MOVE, COLORS, Erasing(p=0.5)]),
}


def photographs(part):
    """Returns the photographs behind the letters to train on, or to test with."""
    from skimage import data
    from sklearn.datasets import load_sample_image

    if part == "train":
        return [data.astronaut(), data.coffee(), load_sample_image("flower.jpg")]
    return [data.chelsea(), data.rocket(), load_sample_image("china.jpg")]


def fonts(part):
    """Returns the files of the fonts by family."""
    if part == "train":
        folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
        known = [path for path in folder.glob("*.ttf") if "Display" not in path.name]
        unusable = ("cmex", "cmsy", "cmmi")  # which have no letters, or no upright ones
        known = [path for path in known if not path.name.startswith(unusable)]
        found = {family: [] for family in FAMILIES}
        for path in sorted(known):
            families = [family for family in FAMILIES if path.name.startswith(family)]
            if families:
                found[max(families, key=len)].append(path)
        return found
    folders = {name: Path(import_module(f"font_{name}").__file__).parent for name in OTHERS}
    return {
        name: sorted(path for path in folder.rglob("*.?tf") if "Variable" not in path.name)
        for name, folder in folders.items()
    }


def render(folder):
    """Draws all pictures; of a letter, families come as often as each other."""
    for number, (part, count) in enumerate(PER_LETTER.items()):
        generator = np.random.default_rng(number)
        backgrounds, families = photographs(part), list(fonts(part).items())
        for letter in string.ascii_uppercase:
            place = folder / part / letter
            place.mkdir(parents=True, exist_ok=True)
            for row in range(count):
                family, files = families[row % len(families)]
                font = files[generator.integers(len(files))]
                picture = draw(letter, font, backgrounds, generator)
                quality = int(generator.integers(60, 96))
                picture.save(place / f"{row:03}-{family}.jpg", quality=quality)


def draw(letter, font, backgrounds, generator):
    """Returns a letter on a part of a photograph."""
    height, width = generator.integers(40, 161, 2)
    photograph = backgrounds[generator.integers(len(backgrounds))]
    top, left = (
        generator.integers(extent - size)
        for extent, size in zip(photograph.shape, (height, width), strict=False)
    )
    picture = Image.fromarray(photograph[top : top + height, left : left + width])
    size = int(min(height, width) * generator.uniform(0.6, 0.9))
    drawn = ImageFont.truetype(str(font), size)
    brightness = np.asarray(picture.convert("L")).mean()
    dark = generator.random() < 0.85 if brightness > 128 else generator.random() < 0.15
    color = generator.integers(0, 100, 3) if dark else generator.integers(156, 256, 3)
    x0, y0, x1, y1 = drawn.getbbox(letter)
    free = width - (x1 - x0), height - (y1 - y0)
    x, y = (max(0, extent) * generator.random() for extent in free)
    layer = Image.new("L", picture.size)
    ImageDraw.Draw(layer).text((x - x0, y - y0), letter, fill=255, font=drawn)
    layer = layer.rotate(generator.uniform(-10, 10), Image.Resampling.BICUBIC)
    picture.paste(tuple(map(int, color)), mask=layer)
    return picture


def build_model(steps):
    """Returns ResNet50 for 26 classes, and AdamW with a rate that rises, then falls to zero."""
    inputs = keras.Input((SIDE, SIDE, 3))
    body = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(SIDE, SIDE, 3), pooling="avg"
    )
    outputs = keras.layers.Dense(26, activation="softmax", dtype="float32")(body(inputs))
    model = keras.Model(inputs, outputs)
    warm = steps // 10
    rate = keras.optimizers.schedules.CosineDecay(
        1e-5, steps - warm, warmup_target=1e-3, warmup_steps=warm
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.01),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def run(folder, arguments):
    """Trains and tests, and returns what is to be kept."""
    x, y = kaug.sources.folder(folder / "train", dtype="float32")
    test, y_test = kaug.sources.folder(folder / "test", dtype="float32")
    if arguments.validate:
        names = [Path(str(path)).stem.partition("-")[2] for path in x.paths]
        held = np.array([name == HELD_OUT for name in names])
        x, y, test, y_test = x[~held], y[~held], x[held], y[held]
    keras.utils.set_random_seed(arguments.seed)
    policy = POLICIES[arguments.policy]
    options = {"batch_size": BATCH, "seed": arguments.seed}
    fresh = kaug.AugmentedDataset(x, y, policy, **options)
    held_out = kaug.AugmentedDataset(test, y_test, PLAIN, shuffle=False, **options)
    epochs = -(-arguments.steps // len(fresh))
    model = build_model(epochs * len(fresh))
    began = time.perf_counter()
    history = model.fit(fresh, epochs=epochs, shuffle=False, verbose=2).history
    loss, accuracy = model.evaluate(held_out, verbose=0)
    return {
        "policy": arguments.policy,
        "is": repr(policy),
        "seed": arguments.seed,
        "steps": epochs * len(fresh),
        "validate": arguments.validate,
        "pictures": len(x),
        "accuracy": accuracy,
        "loss": loss,
        "in_training": history["accuracy"][-1],
        "seconds": round(time.perf_counter() - began, 1),
        "precision": keras.config.dtype_policy().name,
        **_report.environment(),
    }


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--render", action="store_true", help="draw the pictures, and no more")
    parser.add_argument("--policy", choices=POLICIES, default="none")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=2_000, help="of 32 pictures")
    parser.add_argument("--validate", action="store_true")
    parser.add_argument("--precision", choices=["float32", "mixed_bfloat16"], default="float32")
    parser.add_argument("--folder", type=Path, default=HERE / "runs" / "letters")
    arguments = parser.parse_args()
    if arguments.render:
        render(arguments.folder)
        return
    keras.config.set_dtype_policy(arguments.precision)
    line = json.dumps(run(arguments.folder, arguments))
    with RESULTS.open("a") as file:
        file.write(line + "\n")


if __name__ == "__main__":
    main()
