"""Renders the gallery: every transform at several strengths, on garments and on a photograph.

Usage: python docs/make_gallery.py

Sphinx calls `main` before it reads the pages. Writes `docs/gallery/`: a page, two strips for each
line of it, and for each transform a strip and a small picture, which the reference shows. The
garments are test images of Fashion-MNIST; the photograph, of Grace Hopper, comes with Matplotlib.
What mixes pictures gets those of `scenes.py` as well.
"""

import sys
import warnings
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib import cbook
from PIL import Image, ImageOps

sys.path.insert(0, str(Path(__file__).parent))
import scenes

import kaug
from kaug import transforms as T  # noqa: N812 - the page shows what follows it

FOLDER = Path(__file__).parent / "gallery"
HEIGHT, WIDTH = 168, 144  # of a photograph; a page shows it at a little over half that
COUNT = 4  # of garments, and of photographs
THUMBNAIL = 96  # the longer side of a small picture
GAP, GRAY = 6, 128


def mirror(images):
    """Mirrors images left to right."""
    return images[:, :, ::-1]


SECTIONS = {
    "Affine geometry": [
        T.Affine(rotation=10, height_shift=0.1, width_shift=0.1, shear=10, zoom=0.1),
        T.Affine(rotation=25, shear=20, zoom=0.3, keep_aspect=False, fill_mode="reflect"),
        T.Rotation(10),
        T.Rotation(45, fill_mode="constant"),
        T.Rotation(45, fill_mode="wrap"),
        T.Translation(0.1, 0.1),
        T.Translation(0.3, 0.3, fill_mode="constant"),
        T.Shear(10),
        T.Shear(30, fill_mode="constant"),
        T.Zoom(0.1),
        T.Zoom((0.5, 1.5), fill_mode="reflect"),
        T.Zoom(0.3, keep_aspect=False),
        T.HorizontalFlip(p=0.5),
        T.VerticalFlip(p=0.5),
        T.Rotate90(p=1),
        T.D4(),
    ],
    "Size": [
        T.PadAndCrop(),
        T.PadAndCrop(0.25, fill_mode="reflect"),
        T.RandomResizedCrop(),
        T.RandomResizedCrop(scale=(0.6, 1.0)),
        T.BoxSafeCrop(),
        T.RandomIoUCrop(),
        T.RandomCrop(20),
        T.CenterCrop(24),
        T.Crop(20, 16, left=8),
        T.Resize(height=28, width=56),
        T.Resize(14),
        T.Pad(36, fill_value=128),
        T.Letterbox(28, 40, fill_value=128),
    ],
    "Geometry with its own resampling": [
        T.Perspective(),
        T.Perspective(0.6, fill_mode="constant"),
        T.ElasticDeformation(),
        T.ElasticDeformation(alpha=0.06, sigma=0.12),
        T.GridDistortion(),
        T.GridDistortion(0.25, steps=3, fill_mode="constant"),
        T.OpticalDistortion(),
        T.OpticalDistortion((0.5, 1.0), fill_mode="constant"),
        T.ThinPlateSpline(),
        T.ThinPlateSpline(0.1, points=3, fill_mode="constant"),
        T.GridShuffle(),
    ],
    "Color": [
        T.Brightness(0.2),
        T.Brightness((0.3, 1.7)),
        T.Contrast(0.2),
        T.Contrast((0.2, 2.0)),
        T.Saturation(0.2),
        T.Saturation((0.0, 3.0)),
        T.Hue(0.05),
        T.Hue(0.5),
        T.Gamma(0.2),
        T.Gamma((0.4, 2.5)),
        T.ToneCurve(),
        T.ToneCurve(1 / 3),
        T.ColorJitter(),
        T.ColorJitter(0.5, 0.5, 0.8, 0.1),
        T.ChannelShift(0.1),
        T.ChannelShift(0.4),
        T.ChannelDropout(),
        T.ChannelShuffle(),
        T.FancyPCA(),
        T.FancyPCA(1.0),
        T.PlanckianJitter(),
        T.PlanckianJitter((2500, 4000)),
        T.Vignette(),
        T.Vignette((0.8, 0.9)),
        T.ChromaticAberration(),
        T.ChromaticAberration((0.03, 0.05), (-0.05, -0.03)),
        T.Illumination(),
        T.Illumination((0.8, 0.9)),
        T.Illumination(0.8, mode="gaussian"),
        T.PlasmaBrightness(),
        T.PlasmaBrightness((0.8, 0.9)),
        T.PlasmaContrast(),
        T.PlasmaContrast((0.8, 0.9)),
        T.PlasmaShadow(),
        T.PlasmaShadow((0.8, 0.9)),
        T.HEStain(),
        T.HEStain(0.5, 0.1),
        T.Grayscale(p=0.5),
        T.Sepia(),
        T.Invert(p=0.5),
        T.Posterize(4),
        T.Posterize((1, 3)),
        T.Solarize(),
        T.Solarize((0.2, 0.9)),
        T.AutoContrast(),
        T.AutoContrast(10),
        T.Equalize(p=1),
        T.CLAHE(),
        T.CLAHE(20.0, grid=(3, 3)),
        T.Sharpness(0.5),
        T.Sharpness((0.0, 5.0)),
        T.UnsharpMask(),
        T.UnsharpMask((2.0, 4.0), (2.0, 4.0)),
        T.Emboss(),
        T.Emboss((1.0, 2.0)),
        T.Ringing(),
        T.Ringing(21, 0.2),
        T.GaussianBlur(),
        T.GaussianBlur((2.0, 4.0)),
        T.MotionBlur(),
        T.MotionBlur((15.0, 25.0), 20),
        T.Defocus(),
        T.Defocus((4.0, 6.0)),
        T.ZoomBlur(),
        T.ZoomBlur((1.5, 1.6)),
        T.GlassBlur(),
        T.GlassBlur(1.5, 5, 3),
        T.MedianBlur(),
        T.MedianBlur(7),
        T.BoxBlur(),
        T.BoxBlur((11, 15)),
        T.Dilation(),
        T.Dilation(7),
        T.Erosion(),
        T.Erosion(7),
        T.Downscale(),
        T.Downscale((0.1, 0.2)),
        T.JPEGCompression(),
        T.JPEGCompression((1, 10)),
    ],
    "Normalization": [
        T.Normalize(0.5, 0.25),
        T.Normalize("per_image"),
        T.Normalize("per_channel"),
    ],
    "Noise and erasing": [
        T.GaussianNoise(),
        T.GaussianNoise((0.2, 0.3)),
        T.ShotNoise(),
        T.ShotNoise((0.1, 0.3)),
        T.MultiplicativeNoise(),
        T.MultiplicativeNoise((0.4, 0.5), per_channel=True),
        T.SaltAndPepper(),
        T.SaltAndPepper((0.1, 0.2)),
        T.PixelDropout(),
        T.PixelDropout((0.2, 0.3), per_channel=True),
        T.ISONoise(),
        T.ISONoise((0.1, 0.15), (0.1, 0.2)),
        T.Erasing(p=1),
        T.Erasing((0.1, 0.2), fill_value=128, p=1),
        T.Cutout(),
        T.Cutout((0.2, 0.3)),
        T.GridMask(),
        T.GridMask((0.15, 0.3)),
        T.CoarseDropout(),
        T.CoarseDropout((10, 20), (0.05, 0.1), (0.05, 0.1)),
    ],
    "Weather": [
        T.Fog(),
        T.Fog((0.8, 0.9)),
        T.Shadow(),
        T.Shadow((4, 6), (0.6, 0.8)),
        T.Rain(),
        T.Rain((300, 600), (0.1, 0.3), (30, 40)),
        T.Snow(),
        T.Snow((500, 1000), (0.03, 0.05), (0.4, 0.6)),
        T.SunFlare(),
        T.SunFlare((0.2, 0.3), (8, 15)),
        T.Spatter(),
        T.Spatter((0.3, 0.5)),
        T.Spatter(mode="water"),
    ],
    "Spectrograms": [
        T.TimeMask(),
        T.FrequencyMask(),
        T.FrequencyMask(count=3, width=0.1, fill_mode="noise"),
    ],
    "Corruptions": [T.Corruption(name) for name in T.Corruption.names],
    "Mixing": [
        T.MixUp(),
        T.MixUp(1.0),
        T.CutMix(),
        T.CopyPaste(object_p=1),
        T.Mosaic(),
        T.Mosaic(grid=3, shift=0.2, fill_value=128),
    ],
    "Composition": [
        T.Compose([T.Rotation(15), T.HorizontalFlip(), T.Brightness(0.3), T.Erasing(p=0.5)]),
        T.OneOf([T.Rotation(45), T.GaussianBlur((2, 3)), T.Invert(p=1)]),
        T.SomeOf([T.Rotation(45), T.GaussianBlur((2, 3)), T.Invert(p=1)], n=2),
        T.Sometimes(T.Rotation((180, 180)), p=0.5),
        T.Identity(),
        T.Lambda(mirror),
    ],
    "Published policies": [
        T.RandAugment(),
        T.RandAugment(3, 15),
        T.TrivialAugmentWide(),
        T.AutoAugment(),
        T.AutoAugment("cifar10"),
        T.AutoAugment("svhn"),
        T.AugMix(),
        T.AugMix(8),
    ],
}

INTRODUCTION = """# Gallery

Every transform of {py:mod}`kaug.transforms`, at some of its strengths. In each strip the first
picture is the original, and every other one is a row of its own: all are made with `seed=0` from
byte images, garments of 28×28×1 and photographs of 168×144×3. All are shown at one height, whatever
size they have. What is normalized is shown from its least to its greatest value.
[The reference](../reference/transforms.md) says what moves with the pictures.
"""


@cache
def originals(mixing=False):
    """Returns garments `(4, 28, 28, 1)` and photographs `(4, 168, 144, 3)`, uint8.

    The photographs are one, four times, or else four that can be told apart when they are mixed.
    """
    _, (x, y) = kaug.load_fashion_mnist(dtype="uint8")
    firsts = [int(np.flatnonzero(y == number)[0]) for number in (9, 0, 8, 5)]
    path = cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    photograph = Image.open(path).convert("RGB").resize((WIDTH, HEIGHT))
    others = [photograph] * (COUNT - 1)
    if mixing:
        given = (scenes.cat(), scenes.coffee(), scenes.astronaut())
        others = [ImageOps.fit(Image.fromarray(each["images"]), (WIDTH, HEIGHT)) for each in given]
    return x[firsts], np.stack([np.asarray(each) for each in (photograph, *others)])


def objects_in(images):
    """Returns what is pasted: what is not black in garments, the middle of photographs."""
    masks = images[..., :1] > 0
    if images.shape[3] == 3:
        rows, columns = np.indices(images.shape[1:3])
        away = np.hypot((rows / HEIGHT - 0.5) / 0.4, (columns / WIDTH - 0.5) / 0.4)
        masks = np.broadcast_to((away < 1)[np.newaxis, ..., np.newaxis], masks.shape)
    boxes = np.tile([[[0, 0, images.shape[2], images.shape[1]]]], (len(images), 1, 1))
    labels = np.zeros((len(images), 1), np.int32)
    return {"bounding_boxes": {"boxes": boxes, "labels": labels, "masks": masks}}


def stretched(images):
    """Returns floats as bytes, from the least to the greatest."""
    return np.rint(255 * (images - images.min()) / np.ptp(images)).astype(np.uint8)


def made_of(transform):
    """Yields garments, then photographs, as they are and as a transform makes them, uint8."""
    for images in originals(transform._mixes):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "A quarter turn")  # the page shows what it cuts off
            objects = objects_in(images) if isinstance(transform, T.CopyPaste) else {}
            normalizes = isinstance(transform, T.Normalize)  # which makes floats
            given = images / 255 if normalizes else images
            made = transform({"images": given, **objects}, seed=0)["images"]
            yield images, stretched(made) if normalizes else made


def tile(image):
    """Returns an image in color and as high as a strip."""
    picture = Image.fromarray(np.broadcast_to(image, (*image.shape[:2], 3)))
    width = picture.width * HEIGHT // picture.height
    return picture.resize((width, HEIGHT), Image.Resampling.NEAREST)


def strip(images, made):
    """Returns the first image and what was made of the others, side by side, `(168, W, 3)`."""
    gap = np.full((HEIGHT, GAP, 3), GRAY, np.uint8)
    tiles = [part for each in (images[0], *made[1:]) for part in (np.asarray(tile(each)), gap)]
    return np.concatenate(tiles[:-1], axis=1)


def thumbnail(images, made):
    """Returns what differs most from its original, small."""
    away = np.zeros(len(images))
    if images.shape == made.shape:
        away = np.abs(made - images.astype(np.int16)).mean((1, 2, 3))
    picture = tile(made[1 + int(away[1:].argmax())])
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    return picture


def anchor(title):
    """Returns what leads to a heading."""
    return "#" + title.lower().replace(" ", "-")


def contents():
    """Returns the sections and the transforms in them, as links."""
    lines = []
    for title, transforms in SECTIONS.items():
        names = dict.fromkeys(type(transform).__name__ for transform in transforms)
        links = ", ".join(f"[{name}]({anchor(name)})" for name in names)
        lines.append(f"- **[{title}]({anchor(title)})**: {links}")
    return "\n".join(lines) + "\n"


def main():
    """Writes the page and its pictures."""
    FOLDER.mkdir(exist_ok=True)
    page, shown = [INTRODUCTION, contents()], None
    for title, transforms in SECTIONS.items():
        page.append(f"## {title}\n")
        for number, transform in enumerate(transforms):
            name = type(transform).__name__
            if name != shown:
                page.append(f"### {name}\n\n{{py:class}}`kaug.transforms.{name}`\n")
                shown = name
            code = repr(transform) if name != "Lambda" else "Lambda(mirror)"
            page.append(f"```{{code-block}} python\n:class: call\n{code}\n```\n")
            strips = []
            for what, pair in zip(("garments", "photographs"), made_of(transform), strict=True):
                path = FOLDER / f"{name}_{number}_{what}.jpg"
                Image.fromarray(strip(*pair)).save(path, quality=90)
                strips.append(f"![{name} on {what}]({path.name})")
            page.append("{.strip}\n" + "\n".join(strips) + "\n")
            # For the reference. The last strength of a transform shows most.
            thumbnail(*pair).save(FOLDER / f"{name}.jpg", quality=90)
            Image.fromarray(strip(*pair)).save(FOLDER / f"{name}_strip.jpg", quality=90)
    (FOLDER / "index.md").write_text("\n".join(page))


if __name__ == "__main__":
    main()
