"""Every transform beside albumentations' and Keras' for the same thing.

    python benchmarks/transforms.py [--only NAME …]

albumentations is called image by image, as it is made to be, on as many threads as there are cores,
each with transforms of its own. Keras' layer is called on batches, eagerly or in `tf.data`,
whichever is faster. The strengths are alike, not equal, and what is drawn differs. All images are
uint8, but for what takes floats only. Contestants take turns; one that needs over ten seconds for a
round has that round alone.
"""

# ruff: noqa: ARG005 - a column of functions of the same argument, whether they need it or not

import argparse
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import _report
import albumentations as A  # noqa: N812 - as its users write it
import cv2
import keras
import numpy as np
import tensorflow as tf
from keras import layers

import kaug
from kaug import transforms as T  # noqa: N812 - beside A

THREADS = len(os.sched_getaffinity(0))
BATCH = 256
BYTES = (0, 255)
SLOW = 10  # seconds
EDGE = {"border_mode": cv2.BORDER_REPLICATE}
BLOCKS = {"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_NEAREST}


def jitter(**strengths):
    """Returns albumentations' ColorJitter with some strengths alone."""
    off = {"brightness": (1, 1), "contrast": (1, 1), "saturation": (1, 1), "hue": (0, 0)}
    return A.ColorJitter(**{**off, **strengths}, p=1)


# Of each: kaug's, albumentations' and Keras', the last two as functions of the size of an image.
CONTESTS = {
    "Affine": (
        T.Affine(rotation=10, height_shift=0.1, width_shift=0.1, shear=5, zoom=0.1),
        lambda size: A.Affine(
            rotate=(-10, 10),
            translate_percent=(-0.1, 0.1),
            shear={"x": (-5, 5), "y": (0, 0)},
            scale=(0.9, 1.1),
            **EDGE,
            p=1,
        ),
        lambda size: keras.Sequential(
            [
                layers.RandomRotation(10 / 360, fill_mode="nearest"),
                layers.RandomShear(x_factor=0.09, fill_mode="nearest"),
                layers.RandomTranslation(0.1, 0.1, fill_mode="nearest"),
                layers.RandomZoom(0.1, fill_mode="nearest"),
            ]
        ),
    ),
    "Rotation": (
        T.Rotation(10),
        lambda size: A.Rotate((-10, 10), **EDGE, p=1),
        lambda size: layers.RandomRotation(10 / 360, fill_mode="nearest"),
    ),
    "Translation": (
        T.Translation(0.1, 0.1),
        lambda size: A.Affine(translate_percent=(-0.1, 0.1), **EDGE, p=1),
        lambda size: layers.RandomTranslation(0.1, 0.1, fill_mode="nearest"),
    ),
    "Shear": (
        T.Shear(10),
        lambda size: A.Affine(shear={"x": (-10, 10), "y": (0, 0)}, **EDGE, p=1),
        lambda size: layers.RandomShear(x_factor=0.18, fill_mode="nearest"),
    ),
    "Zoom": (
        T.Zoom(0.1),
        lambda size: A.Affine(scale=(0.9, 1.1), **EDGE, p=1),
        lambda size: layers.RandomZoom(0.1, fill_mode="nearest"),
    ),
    "HorizontalFlip": (
        T.HorizontalFlip(),
        lambda size: A.HorizontalFlip(p=0.5),
        lambda size: layers.RandomFlip("horizontal"),
    ),
    "VerticalFlip": (
        T.VerticalFlip(),
        lambda size: A.VerticalFlip(p=0.5),
        lambda size: layers.RandomFlip("vertical"),
    ),
    "Rotate90": (T.Rotate90(), lambda size: A.RandomRotate90(p=0.5), None),
    "D4": (T.D4(), lambda size: A.D4(p=1), None),
    "PadAndCrop": (
        T.PadAndCrop(),
        lambda size: A.Compose(
            [
                A.PadIfNeeded(round(size[0] * 1.25), round(size[1] * 1.25), fill=0),
                A.RandomCrop(*size),
            ]
        ),
        lambda size: keras.Sequential(
            [layers.ZeroPadding2D(size[0] // 8), layers.RandomCrop(*size)]
        ),
    ),
    "RandomResizedCrop": (
        T.RandomResizedCrop(),
        lambda size: A.RandomResizedCrop(size, p=1),
        None,
    ),
    # Of pictures without boxes, as all here are.
    "BoxSafeCrop": (T.BoxSafeCrop(), None, None),
    "RandomIoUCrop": (T.RandomIoUCrop(), None, None),
    "Perspective": (
        T.Perspective(),
        lambda size: A.Perspective((0.05, 0.1), p=1),
        lambda size: layers.RandomPerspective(1.0, 0.3),
    ),
    "ElasticDeformation": (
        T.ElasticDeformation(),
        lambda size: A.ElasticTransform(alpha=size[0], sigma=size[0] / 10, p=1),
        lambda size: layers.RandomElasticTransform(1.0, 0.5, value_range=BYTES),
    ),
    "GridDistortion": (T.GridDistortion(), lambda size: A.GridDistortion(p=1), None),
    "OpticalDistortion": (
        T.OpticalDistortion(),
        lambda size: A.OpticalDistortion((-0.2, 0.2), mode="fisheye", p=1),
        None,
    ),
    "ThinPlateSpline": (
        T.ThinPlateSpline(),
        lambda size: A.ThinPlateSpline((0.05, 0.05), p=1),
        None,
    ),
    "GridShuffle": (T.GridShuffle(), lambda size: A.RandomGridShuffle((3, 3), p=1), None),
    "Brightness": (
        T.Brightness(0.2),
        lambda size: jitter(brightness=(0.8, 1.2)),
        lambda size: layers.RandomBrightness(0.2, value_range=BYTES),
    ),
    "Contrast": (
        T.Contrast(0.2),
        lambda size: jitter(contrast=(0.8, 1.2)),
        lambda size: layers.RandomContrast(0.2, value_range=BYTES),
    ),
    "Saturation": (
        T.Saturation(0.2),
        lambda size: jitter(saturation=(0.8, 1.2)),
        lambda size: layers.RandomSaturation((0.4, 0.6), value_range=BYTES),
    ),
    "Hue": (
        T.Hue(0.05),
        lambda size: jitter(hue=(-0.05, 0.05)),
        lambda size: layers.RandomHue(0.05, value_range=BYTES),
    ),
    "Gamma": (T.Gamma(0.2), lambda size: A.RandomGamma((80, 120), p=1), None),
    "ToneCurve": (T.ToneCurve(), lambda size: A.RandomToneCurve(p=1), None),
    "ColorJitter": (
        T.ColorJitter(),
        lambda size: A.ColorJitter((0.8, 1.2), (0.8, 1.2), (0.8, 1.2), (-0.05, 0.05), p=1),
        lambda size: layers.RandomColorJitter(
            value_range=BYTES,
            brightness_factor=0.2,
            contrast_factor=0.2,
            saturation_factor=(0.4, 0.6),
            hue_factor=0.05,
        ),
    ),
    "ChannelShift": (
        T.ChannelShift(0.1),
        lambda size: A.RGBShift(*[(-25, 25)] * 3, p=1),
        None,
    ),
    "ChannelDropout": (T.ChannelDropout(), lambda size: A.ChannelDropout(p=1), None),
    "ChannelShuffle": (T.ChannelShuffle(), lambda size: A.ChannelShuffle(p=1), None),
    "FancyPCA": (T.FancyPCA(), lambda size: A.FancyPCA(p=1), None),
    "HEStain": (
        T.HEStain(),
        lambda size: A.HEStain("preset", "ruifrok", p=1),
        None,
    ),
    "PlanckianJitter": (T.PlanckianJitter(), lambda size: A.PlanckianJitter(p=1), None),
    "Vignette": (
        T.Vignette(),
        lambda size: A.Illumination("gaussian", effect_type="darken", p=1),
        None,
    ),
    "ChromaticAberration": (
        T.ChromaticAberration(),
        lambda size: A.ChromaticAberration(p=1),
        None,
    ),
    "Illumination": (T.Illumination(), lambda size: A.Illumination("linear", p=1), None),
    "PlasmaBrightness": (
        T.PlasmaBrightness(),
        lambda size: A.PlasmaBrightnessContrast(contrast_range=(0, 0), p=1),
        None,
    ),
    "PlasmaContrast": (
        T.PlasmaContrast(),
        lambda size: A.PlasmaBrightnessContrast(brightness_range=(0, 0), p=1),
        None,
    ),
    "PlasmaShadow": (T.PlasmaShadow(), lambda size: A.PlasmaShadow(p=1), None),
    "ISONoise": (T.ISONoise(), lambda size: A.ISONoise(p=1), None),
    "Grayscale": (
        T.Grayscale(p=1),
        lambda size: A.ToGray(p=1),
        lambda size: layers.RandomGrayscale(1.0),
    ),
    "Sepia": (T.Sepia((1, 1)), lambda size: A.ToSepia(p=1), None),
    "Invert": (
        T.Invert(p=1),
        lambda size: A.InvertImg(p=1),
        lambda size: layers.RandomInvert(1.0, value_range=BYTES),
    ),
    # Of floats, which it is for; all others here are of bytes.
    "Normalize": (
        T.Normalize(0.5, 0.25, value_range=BYTES),
        lambda size: A.Normalize(0.5, 0.25),
        None,
    ),
    "Posterize": (
        T.Posterize(4),
        lambda size: A.Posterize(4, p=1),
        lambda size: layers.RandomPosterization(4, value_range=BYTES),
    ),
    "Solarize": (
        T.Solarize(),
        lambda size: A.Solarize((0.5, 0.5), p=1),
        lambda size: layers.Solarization(threshold_factor=(0.5, 0.5), value_range=BYTES),
    ),
    "AutoContrast": (
        T.AutoContrast(),
        lambda size: A.AutoContrast(p=1),
        lambda size: layers.AutoContrast(value_range=BYTES),
    ),
    "Equalize": (
        T.Equalize(p=1),
        lambda size: A.Equalize(p=1),
        lambda size: layers.Equalization(value_range=BYTES),
    ),
    "CLAHE": (T.CLAHE(), lambda size: A.CLAHE((1, 4), p=1), None),
    "Sharpness": (
        T.Sharpness(0.5),
        lambda size: A.Sharpen((0.2, 0.5), p=1),
        lambda size: layers.RandomSharpness(0.5, value_range=BYTES),
    ),
    "UnsharpMask": (
        T.UnsharpMask((0.8, 1.4), (0.2, 0.5), 0.04),
        lambda size: A.UnsharpMask((3, 7), (0.8, 1.4), p=1),
        None,
    ),
    "Emboss": (T.Emboss(), lambda size: A.Emboss(p=1), None),
    "Ringing": (T.Ringing(), lambda size: A.RingingOvershoot(p=1), None),
    "GaussianBlur": (
        T.GaussianBlur((0.1, 2.0)),
        lambda size: A.GaussianBlur(blur_limit=0, sigma_limit=(0.1, 2.0), p=1),
        lambda size: layers.RandomGaussianBlur(1.0, 9, (0.1, 2.0), value_range=BYTES),
    ),
    "MotionBlur": (
        T.MotionBlur((3.0, 7.0)),
        lambda size: A.MotionBlur((3, 7), p=1),
        None,
    ),
    "Defocus": (T.Defocus((1.0, 3.0)), lambda size: A.Defocus((1, 3), p=1), None),
    "MedianBlur": (T.MedianBlur((3, 7)), lambda size: A.MedianBlur((3, 7), p=1), None),
    "BoxBlur": (T.BoxBlur((3, 7)), lambda size: A.Blur((3, 7), p=1), None),
    "ZoomBlur": (
        T.ZoomBlur((1.0, 1.3)),
        lambda size: A.ZoomBlur((1.0, 1.31), (0.01, 0.03), p=1),
        None,
    ),
    "GlassBlur": (T.GlassBlur((0.7, 0.7), 4, 2), lambda size: A.GlassBlur(0.7, 4, 2, p=1), None),
    # The other one has ellipses, which are crosses at this size.
    "Dilation": (
        T.Dilation(3),
        lambda size: A.Morphological((3, 3), "dilation", p=1),
        None,
    ),
    "Erosion": (T.Erosion(3), lambda size: A.Morphological((3, 3), "erosion", p=1), None),
    "Downscale": (
        T.Downscale(),
        lambda size: A.Downscale((0.25, 0.75), interpolation_pair=BLOCKS, p=1),
        None,
    ),
    "JPEGCompression": (
        T.JPEGCompression(),
        lambda size: A.ImageCompression("jpeg", (30, 90), p=1),
        None,
    ),
    "GaussianNoise": (
        T.GaussianNoise((0, 0.1)),
        lambda size: A.GaussNoise((0, 0.1), p=1),
        lambda size: layers.GaussianNoise(0.1),
    ),
    "ShotNoise": (T.ShotNoise((0.1, 0.3)), lambda size: A.ShotNoise((0.1, 0.3), p=1), None),
    "MultiplicativeNoise": (
        T.MultiplicativeNoise((0.0, 0.1)),
        lambda size: A.MultiplicativeNoise((0.9, 1.1), elementwise=True, p=1),
        None,
    ),
    "SaltAndPepper": (
        T.SaltAndPepper(0.02),
        lambda size: A.SaltAndPepper((0.02, 0.02), p=1),
        None,
    ),
    "PixelDropout": (
        T.PixelDropout((0.01, 0.01)),
        lambda size: A.PixelDropout(0.01, p=1),
        None,
    ),
    "Erasing": (
        T.Erasing(p=1),
        lambda size: A.Erasing((0.02, 0.33), p=1),
        lambda size: layers.RandomErasing(1.0, (0.02, 0.33), value_range=BYTES),
    ),
    "Cutout": (
        T.Cutout(),
        lambda size: A.CoarseDropout((1, 1), (0.5, 0.5), (0.5, 0.5), p=1),
        None,
    ),
    "GridMask": (T.GridMask(), lambda size: A.GridDropout(0.5, p=1), None),
    "CoarseDropout": (
        T.CoarseDropout(),
        lambda size: A.CoarseDropout((1, 8), (0.1, 0.2), (0.1, 0.2), p=1),
        None,
    ),
    "Fog": (T.Fog(), lambda size: A.RandomFog(p=1), None),
    "Shadow": (T.Shadow(), lambda size: A.RandomShadow(p=1), None),
    "Rain": (T.Rain(), lambda size: A.RandomRain(p=1), None),
    "Snow": (T.Snow(), lambda size: A.RandomSnow(method="texture", p=1), None),
    "SunFlare": (T.SunFlare(), lambda size: A.RandomSunFlare(p=1), None),
    "Spatter": (T.Spatter(mode="water"), lambda size: A.Spatter(p=1), None),
    "TimeMask": (
        T.TimeMask(1, 0.2),
        lambda size: A.XYMasking((1, 1), 0, mask_x_length=(0, size[1] // 5), p=1),
        None,
    ),
    "FrequencyMask": (
        T.FrequencyMask(1, 0.2),
        lambda size: A.XYMasking(0, (1, 1), 0, (0, size[0] // 5), p=1),
        None,
    ),
    "Corruption": (T.Corruption(), None, None),
    "MixUp": (T.MixUp(), None, lambda size: layers.MixUp()),
    "CutMix": (T.CutMix(), None, lambda size: layers.CutMix()),
    "RandAugment": (T.RandAugment(), None, lambda size: layers.RandAugment(value_range=BYTES)),
    "AugMix": (T.AugMix(), None, lambda size: layers.AugMix(value_range=BYTES)),
    "TrivialAugmentWide": (T.TrivialAugmentWide(), None, None),
    "AutoAugment": (T.AutoAugment(), None, None),
}


def garments():
    """Returns 2,000 images of 28×28×1."""
    return kaug.load_fashion_mnist(dtype="uint8")[0][0][:2_000]


def photographs():
    """Returns 100 images of 224×224×3 with the smoothness of photographs."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (100, 29, 29, 3), np.uint8)
    return np.stack(
        [cv2.resize(image, (224, 224), interpolation=cv2.INTER_CUBIC) for image in coarse]
    )


WORKLOADS = {"2,000 images of 28×28×1": garments, "100 images of 224×224×3": photographs}


def run_kaug(transform, x, turn):
    """One call for all images."""
    return transform(x, seed=turn)


def run_albumentations(make, x, turn):
    """Image by image, a thread for each core."""
    size = x.shape[1:3]
    out = np.empty_like(x)
    edges = np.linspace(0, len(x), THREADS + 1).astype(int)

    def task(part):
        transform = make(size)
        for i in range(*part):
            out[i] = transform(image=x[i])["image"].reshape(x.shape[1:])

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(task, pairwise(edges)))
    return out


def run_layer(layer, x, turn):
    """Batch by batch, eagerly."""
    parts = [layer(batch, training=True) for batch in np.array_split(x, -(-len(x) // BATCH))]
    return [np.asarray(part) for part in parts]


def run_in_tf_data(layer, x, turn):
    """Batch by batch, in `tf.data` on all threads."""
    data = tf.data.Dataset.from_tensor_slices(x).batch(BATCH)
    data = data.map(lambda batch: layer(batch, training=True), tf.data.AUTOTUNE)
    return list(data.prefetch(1).as_numpy_iterator())


def contestants(name, x):
    """Returns the functions that are timed, by name."""
    transform, make_albumentations, make_layer = CONTESTS[name]
    runs = {"kaug": partial(run_kaug, transform, x)}
    if make_albumentations:
        runs["albumentations"] = partial(run_albumentations, make_albumentations, x)
    if make_layer:
        layer = make_layer(x.shape[1:3])
        runs["Keras, eager"] = partial(run_layer, layer, x)
        runs["Keras, tf.data"] = partial(run_in_tf_data, layer, x)
    return runs


def measure(name, x, repeats):
    """Returns the seconds of every round of those who can take part, by name."""
    turns, slow = {}, {}
    for label, run in contestants(name, x).items():
        try:
            run(0)  # the first call compiles
            start = time.perf_counter()
            run(1)
        except Exception as error:  # whatever it is, the others go on
            if label == "kaug":
                raise
            print(f"{name}: {label} does not run: {str(error).splitlines()[0][:100]}", flush=True)
            continue
        took = time.perf_counter() - start
        if took > SLOW:
            slow[label] = [took]
        else:
            turns[label] = run
    return _report.take_turns(turns, repeats) | slow


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--only", nargs="*", choices=list(CONTESTS), help="print these, write nothing"
    )
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    results, sections = {}, []
    for workload, make in WORKLOADS.items():
        x, rows = make(), []
        for name in arguments.only or CONTESTS:
            given = x.astype(np.float32) if name == "Normalize" else x
            seconds = measure(name, given, arguments.repeats)
            results.setdefault(workload, {})[name] = seconds
            median = {label: statistics.median(times) for label, times in seconds.items()}
            keras_best = min(
                (value for label, value in median.items() if label.startswith("Keras")),
                default=None,
            )
            others = [median.get("albumentations"), keras_best]
            rows.append(
                (
                    name,
                    f"{len(x) / median['kaug']:,.0f}",
                    *(f"{other / median['kaug']:.1f}" if other else "–" for other in others),
                )
            )
            print(*rows[-1], flush=True)
        header = ("transform", "images a second", "albumentations, kaug = 1", "Keras, kaug = 1")
        sections.append((workload, header, rows))
    _report.write(None if arguments.only else "transforms", results, sections)


if __name__ == "__main__":
    main()
