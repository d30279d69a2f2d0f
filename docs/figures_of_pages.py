"""Figures of the home page and of the how-to pages, on photographs.

Where a figure shows what a page builds, the code of that page is run and its names are used, so
that the two cannot come apart. `make_figures.py` writes them to files.
"""

import contextlib
import io
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scenes
from matplotlib.figure import Figure
from PIL import Image, ImageOps

import kaug
from kaug.transforms import (
    CLAHE,
    Affine,
    Brightness,
    CenterCrop,
    CoarseDropout,
    ColorJitter,
    Compose,
    CopyPaste,
    CutMix,
    ElasticDeformation,
    HorizontalFlip,
    ISONoise,
    Letterbox,
    MixUp,
    Mosaic,
    MotionBlur,
    Perspective,
    PlasmaShadow,
    Rain,
    RandomIoUCrop,
    RandomResizedCrop,
    Resize,
    Rotation,
    Shear,
    Spatter,
    ThinPlateSpline,
    Translation,
    TrivialAugmentWide,
    Zoom,
)

HOW_TO = Path(__file__).parent / "how-to"
SIDES = 120, 180  # of a picture in a row of them
GAP = 6
MOVED = Affine(rotation=18, zoom=(0.95, 1.3), width_shift=0.1, height_shift=0.05)


def names_of(page: str, blocks: int | None = None) -> dict[str, Any]:
    """Returns what a page has defined after so many of its blocks of code, by default all."""
    text = (HOW_TO / f"{page}.md").read_text(encoding="utf-8")
    code = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)[:blocks]
    names: dict[str, Any] = {"__name__": page}
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(None))
        # What a page writes goes with the folder.
        stack.enter_context(contextlib.chdir(stack.enter_context(tempfile.TemporaryDirectory())))
        exec("".join(code), names)
    return names


def rows_of(rows: Mapping[str, Sequence[Any]], titles: Sequence[str] = ()) -> Figure:
    """Draws rows of pictures of one height, with a name before each row and titles over all."""
    figure = Figure(figsize=(8.0, 8.0), layout="constrained")
    height = 0.0
    every = figure.subplots(len(rows), squeeze=False)[:, 0]
    for axes, (name, pictures) in zip(every, rows.items(), strict=True):
        padded = [
            np.pad(each, ((0, 0), (0, GAP), (0, 0)), constant_values=255) for each in pictures
        ]
        row = np.concatenate(padded, axis=1)[:, :-GAP]
        axes.imshow(row)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.set_ylabel(name, fontsize=14)
        height += 7.6 * row.shape[0] / row.shape[1] + 0.08
    if titles:
        width = row.shape[1] / len(titles)
        every[0].set_xticks([(i + 0.5) * width for i in range(len(titles))], titles)
        every[0].xaxis.tick_top()
        every[0].tick_params(length=0, labelsize=14)
        height += 0.3
    figure.set_size_inches(8.0, height)
    return figure


def small(scene: Mapping[str, Any], sides: tuple[int, int] = SIDES) -> Any:
    """Returns the photograph of a scene in the sides of a row."""
    return np.asarray(ImageOps.fit(Image.fromarray(scene["images"]), sides[::-1]))


def copies(scene: Mapping[str, Any], count: int = 5, sides: tuple[int, int] = SIDES) -> Any:
    """Returns a photograph several times, as images of one batch."""
    return np.repeat(small(scene, sides)[np.newaxis], count, axis=0)


def shown_in_rows(made: Sequence[Mapping[str, Any]], columns: int, **options: Any) -> Figure:
    """Draws batches one after the other, with all targets that they have."""
    most = max(each["bounding_boxes"]["boxes"].shape[1] for each in made)
    boxes = [padded(each["bounding_boxes"]["boxes"], most, 0) for each in made]
    labels = [padded(each["bounding_boxes"]["labels"], most, -1) for each in made]
    batch: dict[str, Any] = {
        "images": np.concatenate([each["images"] for each in made]),
        "bounding_boxes": {"boxes": np.concatenate(boxes), "labels": np.concatenate(labels)},
    }
    for name in ("segmentation_masks", "keypoints"):
        if name in made[0]:
            batch[name] = np.concatenate([each[name] for each in made])
    rows = len(batch["images"]) // columns
    return kaug.plot_images(batch, rows=rows, columns=columns, class_names=scenes.NAMES, **options)


def padded(values: Any, most: int, filler: float) -> Any:
    """Returns boxes or labels with room for so many in each image."""
    missing = ((0, 0), (0, most - values.shape[1]), *[(0, 0)] * (values.ndim - 2))
    return np.pad(values, missing, constant_values=filler)


def without(batch: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Returns a batch that lacks some of its targets."""
    return {name: values for name, values in batch.items() if name not in names}


def home() -> Figure:
    """Draws three photographs with what is in them, and each of them twice augmented."""
    look = Compose([MOVED, HorizontalFlip(), ColorJitter()])
    fitted = Resize(height=240, width=360)
    made = []
    for scene in (scenes.cat(), scenes.coffee(), scenes.astronaut()):
        batch = scenes.all_of(scene)
        made.append(fitted(batch))
        made += [Compose([look, fitted])(batch, seed=seed) for seed in (11, 30)]
    return shown_in_rows(made, columns=3, figsize=(9.6, 6.5))


def cards() -> dict[str, Figure]:
    """Draws two pictures for each job that the home page has a card for."""
    sides = {"height": 150, "width": 180}
    three = (scenes.cat(), scenes.coffee(), scenes.astronaut())
    crop = Compose([RandomResizedCrop((0.4, 1), **sides), HorizontalFlip()])
    plain = [crop([each["images"]], seed=2) for each in three[:2]]
    mosaic = Compose([Mosaic(300, 360, shift=0.1), Resize(height=300, width=360)])
    found = mosaic(without(scenes.all_of(*three), "segmentation_masks", "keypoints"), seed=4)
    masks = without(scenes.all_of(*three[1:]), "keypoints")
    masks["bounding_boxes"] = {"boxes": [np.zeros((0, 4))] * 2, "labels": [np.zeros(0, int)] * 2}
    turned = Compose([Rotation((12, 12)), Resize(**sides)])(masks, seed=0)
    widely = TrivialAugmentWide()(copies(three[2], 2, (150, 180)), seed=3)
    wide = {"columns": 2, "figsize": (3.8, 1.58)}
    boxes = {name: values[:2] for name, values in found["bounding_boxes"].items()}
    return {
        "card_classify": kaug.plot_images(np.concatenate(plain), **wide),
        "card_detect": kaug.plot_images(
            {"images": found["images"][:2], "bounding_boxes": boxes},
            class_names=scenes.NAMES,
            **wide,
        ),
        "card_segment": kaug.plot_images(without(turned, "bounding_boxes"), **wide),
        "card_model": kaug.plot_images(widely, **wide),
    }


def crops() -> Figure:
    """Draws photographs of several sizes, and crops of one size out of them."""
    policy = Compose([RandomResizedCrop(height=120, width=120), HorizontalFlip()])
    policy = Compose([policy, ColorJitter()])
    rows = {}
    for name, scene in (("cat", scenes.cat()), ("coffee", scenes.coffee())):
        whole = Image.fromarray(scene["images"])
        whole = ImageOps.contain(whole, (180, 120))
        left = np.asarray(ImageOps.pad(whole, (180, 120), color="white"))
        made = policy([scene["images"]] * 5, seed=4)
        rows[name] = [left, *made]
    return rows_of(rows)


def policies() -> Figure:
    """Draws what the policies of the page on them make of a photograph."""
    names = names_of("transforms")
    shown = {
        "policy": names["policy"],
        "varied": names["varied"],
        "robust": names["robust"],
        "published": names["published"],
    }
    images = copies(scenes.cat())
    return rows_of({name: policy(images, seed=2) for name, policy in shown.items()})


def stripe() -> Figure:
    """Draws what the page's own transform makes of photographs."""
    own = names_of("own_transform", 1)["Stripe"](0.2)
    turned = Compose([Rotation(15), own])
    images = copies(scenes.coffee())
    return rows_of({"Stripe": own(images, seed=0), "in a policy": turned(images, seed=1)})


def mixed() -> Figure:
    """Draws photographs mixed with each other in four ways."""
    given = scenes.all_of(scenes.cat(), scenes.coffee(), scenes.astronaut(), scenes.rocket())
    batch = Resize(height=SIDES[0], width=SIDES[1])(given)
    images, masks = batch["images"], batch["segmentation_masks"] > 0
    boxes = np.tile(np.array([[[0, 0, SIDES[1], SIDES[0]]]], "float32"), (4, 1, 1))
    objects = {"boxes": boxes, "labels": np.zeros((4, 1), "int32"), "masks": masks}
    rows = {"as they are": images}
    rows["MixUp"] = MixUp(5.0)(images, seed=5)
    rows["CutMix"] = CutMix()(images, seed=5)
    rows["Mosaic"] = Mosaic()(images, seed=5)
    pasted = CopyPaste(object_p=1)({"images": images, "bounding_boxes": objects}, seed=5)
    rows["CopyPaste"] = pasted["images"]
    return rows_of(rows)


def video() -> Figure:
    """Draws frames of a video, and of the same video augmented three times."""
    image = scenes.coffee()["images"]
    frames = [image[60:320, 52 * i : 52 * i + 390] for i in range(5)]
    one = np.stack([small({"images": frame}) for frame in frames])
    policy = Compose(
        [
            Affine(rotation=15, zoom=0.2),
            HorizontalFlip(),
            Brightness(0.4),
        ]
    )
    made = policy(np.repeat(one[np.newaxis], 3, axis=0), seed=9)
    rows = {"the video": one, **{f"row {i}": each for i, each in enumerate(made)}}
    return rows_of(rows, [f"frame {i}" for i in range(5)])


def epochs() -> Figure:
    """Draws the rows of a dataset in its first epochs."""
    images = np.stack([small(scene) for scene in (scenes.cat(), scenes.coffee())])
    policy = Compose([MOVED, HorizontalFlip(), ColorJitter()])
    made = [policy(images, seed=0, epoch=epoch) for epoch in range(5)]
    rows = {f"row {i}": [each[i] for each in made] for i in range(2)}
    return rows_of(rows, [f"epoch {i}" for i in range(5)])


def mirror(images: Any) -> Any:
    """Mirrors images left to right."""
    return images[:, :, ::-1]


def kinds() -> Figure:
    """Draws what generators of several kinds make of a photograph."""
    import keras

    shown: dict[str, Any] = {
        "a transform": Compose([Rotation(20), Brightness(0.3)]),
        "a generator": kaug.ImageDataGenerator(zoom_range=0.3, channel_shift_range=60.0),
        "a Keras layer": keras.layers.RandomTranslation(0.2, 0.2, fill_mode="constant"),
        "a function": mirror,
    }
    image = small(scenes.coffee())[np.newaxis]
    rows = {}
    for name, generator in shown.items():
        given = image.astype("float32") if name != "a transform" else image
        made = kaug.augment_dataset(given, None, 5, generator, append=False, seed=3, verbose=0)
        made = made[0] if isinstance(made, tuple) else made
        rows[name] = np.clip(np.rint(made), 0, 255).astype("uint8")
    return rows_of(rows)


def options() -> Figure:
    """Draws what each option of `ImageDataGenerator` does by itself."""
    image = small(scenes.cat())[np.newaxis].astype("float32")
    each: dict[str, Any] = {
        "rotation_range": 30,
        "width_shift_range": 0.3,
        "shear_range": 30,
        "zoom_range": 0.4,
        "channel_shift_range": 80.0,
        "brightness_range": (0.4, 1.6),
        "horizontal_flip": True,
    }
    rows = {}
    for name, value in each.items():
        generator = kaug.ImageDataGenerator(**{name: value})
        made = generator.flow(np.repeat(image, 4, axis=0), batch_size=4, seed=1).next()
        rows[name.replace("_range", "").replace("_", "\n")] = np.clip(made, 0, 255).astype("uint8")
    return rows_of(rows)


def resampled() -> Figure:
    """Draws five steps of geometry, each resampled by itself, and in one resampling."""
    steps = [
        Rotation((12, 12)),
        Shear((8, 8)),
        Translation((0.03, 0.03), (0.02, 0.02)),
    ]
    steps += [Zoom((1.15, 1.15)), Rotation((-9, -9))]
    image = scenes.cat()["images"][60:240, 110:380][np.newaxis]
    apart = image
    for step in steps:
        apart = step(apart)
    whole = Compose(steps)(image)
    shown = {"as it is": image, "five resamplings": apart, "one resampling": whole}
    cut = [each[0, 20:120, 10:160] for each in shown.values()]
    enlarged = [np.asarray(Image.fromarray(each).resize((450, 300), 0)) for each in cut]
    return rows_of({"": enlarged}, list(shown))


def mosaics() -> Figure:
    """Draws what a policy of detectors makes of photographs and their boxes."""
    steps = [
        Mosaic(320, p=0.75),
        RandomIoUCrop(160),
        HorizontalFlip(),
        ColorJitter(),
    ]
    batch = without(scenes.all_of(), "segmentation_masks", "keypoints")
    batch["min_visible_area"] = 0.3
    made = [Compose(steps)(batch, seed=seed) for seed in (0, 5)]
    return shown_in_rows(made, columns=3, figsize=(7.2, 4.85))


def letterboxes() -> Figure:
    """Draws photographs with boxes and masks, in letterboxes and cropped."""
    batch = without(scenes.all_of(), "keypoints")
    crop = Compose([RandomResizedCrop((0.4, 1), height=180, width=180), HorizontalFlip()])
    made = [Letterbox(180, 180)(batch), crop(batch, seed=3)]
    return shown_in_rows(made, columns=3, figsize=(7.2, 4.85))


def by_class() -> Figure:
    """Draws garments of three classes, each augmented by the policy of its class."""
    names = names_of("class_imbalance")
    x, y = names["x_train"], names["y_train"]
    policy = kaug.PerClass({6: names["strong"], 9: names["shoes"]}, default=names["policy"])
    shown = {6: "a shirt:\nstrong", 9: "a boot:\nshoes", 8: "a bag:\npolicy"}
    chosen = [int(np.flatnonzero(y == label)[2]) for label in shown]
    made, _, index = kaug.augment_dataset(
        x[chosen], y[chosen], 21, policy, sampling="cycle", seed=0, return_index=True, verbose=0
    )
    colored = np.repeat(np.rint(255 * made).astype("uint8"), 3, axis=3)
    large = np.kron(colored, np.ones((1, 3, 3, 1), "uint8"))
    return rows_of({name: large[index == row] for row, name in enumerate(shown.values())})


def counterparts() -> Figure:
    """Draws some of kaug's transforms that those who come from albumentations will look for."""
    shown = [
        Rotation((20, 20)),
        Perspective(0.5),
        ElasticDeformation(0.05, 0.1),
        ThinPlateSpline(0.1),
        ColorJitter(0.4, 0.4, 0.6, 0.05),
        CLAHE(8.0),
        PlasmaShadow((0.7, 0.7)),
        MotionBlur(21, 30),
        CoarseDropout((8, 8), 0.15, 0.15),
        ISONoise((0.1, 0.1)),
        Rain((300, 300), (0.1, 0.2)),
        Spatter((0.3, 0.3)),
    ]
    image = small(scenes.astronaut(), (180, 240))[np.newaxis]
    made = np.concatenate([transform(image, seed=1) for transform in shown])
    names = [type(transform).__name__ for transform in shown]
    return kaug.plot_images(made, names, rows=3, columns=4, figsize=(5.6, 3.75))


def flip_pairs() -> Figure:
    """Draws a face, its mirror image, and the same with eyes that change their names."""
    face = scenes.all_of(scenes.astronaut())
    face = CenterCrop(220, 300)(without(face, "segmentation_masks", "bounding_boxes"))
    flip = HorizontalFlip(1)
    made = [face, flip(face), flip({**face, "keypoint_flip_pairs": [(0, 1)]})]
    batch = {
        name: np.concatenate([each[name] for each in made]) for name in ("images", "keypoints")
    }
    batch["labels"] = np.array(["as it is", "mirrored", "mirrored, with the pair"])
    return kaug.plot_images(batch, rows=1, columns=3, figsize=(5.6, 1.6))


def preview() -> Figure:
    """Draws what the first command on the page of the command line writes."""
    from kaug._cli import main

    (x, _), _ = kaug.load_fashion_mnist(dtype="uint8")
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        Image.fromarray(x[0, :, :, 0]).save(Path(folder, "boot.png"))
        path = Path(folder, "made.png")
        main(["preview", f"{folder}/boot.png", "--seed", "0", "-o", str(path)])
        made = np.asarray(Image.open(path).convert("RGB"))
    figure = Figure(figsize=(5.0, 5.0))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(made)
    axes.set_axis_off()
    return figure


# How each is drawn, and its dots per inch.
FIGURES: dict[str, tuple[Callable[[], Figure], int]] = {
    "home": (home, 110),
    "crops": (crops, 100),
    "policies": (policies, 100),
    "stripe": (stripe, 100),
    "mixed": (mixed, 100),
    "video": (video, 100),
    "epochs": (epochs, 100),
    "kinds": (kinds, 100),
    "options": (options, 100),
    "resampled": (resampled, 100),
    "mosaics": (mosaics, 100),
    "letterboxes": (letterboxes, 100),
    "by_class": (by_class, 100),
    "counterparts": (counterparts, 150),
    "flip_pairs": (flip_pairs, 150),
    "preview": (preview, 84),
}


def write(folder: Path) -> None:
    """Writes the figures, as JPEGs, since they are photographs."""
    for name, (draw, dpi) in FIGURES.items():
        _save(draw(), folder / f"{name}.jpg", dpi)
    for name, figure in cards().items():
        _save(figure, folder / f"{name}.jpg", 150)


def _save(figure: Figure, path: Path, dpi: int) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=dpi, bbox_inches="tight", pad_inches=0.03)
    Image.open(buffer).convert("RGB").save(path, quality=85, optimize=True)
