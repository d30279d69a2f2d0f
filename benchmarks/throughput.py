"""The tutorial's policy on batches of images: kaug and its peers, side by side in one run.

    python benchmarks/throughput.py [--repeats 5] [--only WORKLOAD]

Every contestant makes a new array of the same policy, size and dtype: rotation by up to 10
degrees, zoom of 0.9 to 1.1 on each axis, shear of up to half a degree, shifts of up to 10 %, and a
horizontal flip half of the time; bilinear, the border repeated. Rounds are interleaved, so that a
machine whose speed drifts drifts for all. Before the clock starts, everybody's average image must
look like kaug's. Writes results/throughput.json and .md.
"""

import argparse
import itertools
import os
import statistics
from concurrent.futures import ThreadPoolExecutor
from functools import partial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

try:  # before TensorFlow: some builds crash when they are imported after it
    import torch
    from torchvision.transforms import InterpolationMode, v2
except ImportError:
    torch = None

import _report
import albumentations
import cv2
import keras
import numpy as np
import tensorflow as tf
from tensorflow.keras.preprocessing.image import ImageDataGenerator

import kaug
from kaug._apply.matrices import to_pixels
from kaug.image_data_generator import native_equivalent

THREADS = len(os.sched_getaffinity(0))
BATCH = 256
OPTIONS = {
    "rotation_range": 10,
    "zoom_range": 0.1,
    "shear_range": 0.5,
    "width_shift_range": 0.1,
    "height_shift_range": 0.1,
    "horizontal_flip": True,
}
GENERATOR = ImageDataGenerator(**OPTIONS)
POLICY = native_equivalent(GENERATOR)


def fashion_mnist():
    """30,000 garments, 28×28×1 float32 in [0, 1]."""
    return kaug.load_fashion_mnist()[0][0][:30_000]


def color(count, size):
    """Smooth color images, uint8."""
    noise = np.random.default_rng(0).random((count, 8, 8, 3), np.float32)
    images = [cv2.resize(image, (size, size), interpolation=cv2.INTER_CUBIC) for image in noise]
    return np.clip(np.stack(images) * 255, 0, 255).astype("uint8")


WORKLOADS = {
    "30,000 × 28×28×1 float32": fashion_mnist,
    "2,000 × 96×96×3 uint8": lambda: color(2_000, 96),
    "1,000 × 224×224×3 uint8": lambda: color(1_000, 224),
}


def matrices(x, seed):
    """Output pixel to input pixel, (row, column), as kaug draws them."""
    return to_pixels(POLICY._matrices(POLICY.draw(np.arange(len(x)), seed=seed), x.shape[1:3]),
                     x.shape[1:3])  # fmt: skip


# The contestants: each takes images and a seed, and returns new images.


def copy(x, seed):
    return x.copy()


def kaug_native(x, seed):
    return POLICY(x, seed=seed)


def keras_generator(x, seed):
    return next(GENERATOR.flow(x, batch_size=len(x), shuffle=False, seed=seed)).astype(x.dtype)


def layer_chain():
    fill = {"fill_mode": "nearest", "interpolation": "bilinear"}
    return keras.Sequential(
        [
            keras.layers.RandomRotation(10 / 360, **fill),
            keras.layers.RandomTranslation(0.1, 0.1, **fill),
            keras.layers.RandomShear(0.0087, 0.0, **fill),
            keras.layers.RandomZoom(0.1, 0.1, **fill),
            keras.layers.RandomFlip("horizontal"),
        ]
    )


CHAIN = layer_chain()


def keras_layers_eager(x, seed):
    out = np.empty_like(x)
    for start in range(0, len(x), BATCH):
        part = slice(start, start + BATCH)
        out[part] = CHAIN(x[part], training=True).numpy()
    return out


def keras_layers_tf_data(x, seed):
    dataset = tf.data.Dataset.from_tensor_slices(x).batch(BATCH)
    dataset = dataset.map(lambda b: CHAIN(b, training=True), num_parallel_calls=tf.data.AUTOTUNE)
    out = np.empty_like(x)
    for i, batch in enumerate(dataset.prefetch(tf.data.AUTOTUNE)):
        out[i * BATCH : (i + 1) * BATCH] = batch.numpy()
    return out


def tensorflow_projective(x, seed):
    m = matrices(x, seed)
    flat = np.zeros((len(x), 8), np.float32)
    # TensorFlow's order is (x, y), so rows and columns change places.
    flat[:, :6] = np.stack(
        [m[:, 1, 1], m[:, 1, 0], m[:, 1, 2], m[:, 0, 1], m[:, 0, 0], m[:, 0, 2]], axis=1
    )
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=x,
        transforms=flat,
        output_shape=x.shape[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    ).numpy()


def _opencv_rows(x, m, out, start, stop):
    height, width = x.shape[1:3]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for i in range(start, stop):
        matrix = m[i][::-1, [1, 0, 2]]
        out[i] = cv2.warpAffine(
            x[i], matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
        ).reshape(x.shape[1:])


def opencv_loop(x, seed):
    out = np.empty_like(x)
    _opencv_rows(x, matrices(x, seed), out, 0, len(x))
    return out


POOL = ThreadPoolExecutor(THREADS)


def opencv_threads(x, seed):
    out, m = np.empty_like(x), matrices(x, seed)
    edges = np.linspace(0, len(x), 4 * THREADS + 1).astype(int)
    list(POOL.map(lambda ends: _opencv_rows(x, m, out, *ends), itertools.pairwise(edges)))
    return out


ALBUMENTATIONS = albumentations.Compose(
    [
        albumentations.Affine(
            rotate=(-10, 10),
            translate_percent={"x": (-0.1, 0.1), "y": (-0.1, 0.1)},
            scale={"x": (0.9, 1.1), "y": (0.9, 1.1)},
            shear={"x": (-0.5, 0.5), "y": (0, 0)},
            border_mode=cv2.BORDER_REPLICATE,
            p=1,
        ),
        albumentations.HorizontalFlip(p=0.5),
    ]
)


def albumentations_loop(x, seed):
    out = np.empty_like(x)
    for i, image in enumerate(x):
        out[i] = ALBUMENTATIONS(image=image)["image"]
    return out


CONTESTANTS = {
    "plain copy (the floor)": copy,
    "kaug": kaug_native,
    "Keras ImageDataGenerator": keras_generator,
    "Keras layers, eager": keras_layers_eager,
    "Keras layers, tf.data": keras_layers_tf_data,
    "TensorFlow ImageProjectiveTransformV3": tensorflow_projective,
    "OpenCV loop, 1 thread": opencv_loop,
    f"OpenCV loop, {THREADS} threads": opencv_threads,
    "albumentations, 1 thread": albumentations_loop,
}

if torch:
    import kornia.augmentation

    KORNIA = kornia.augmentation.AugmentationSequential(
        kornia.augmentation.RandomAffine(
            10, (0.1, 0.1), (0.9, 1.1, 0.9, 1.1), (-0.5, 0.5), padding_mode="border", p=1.0
        ),
        kornia.augmentation.RandomHorizontalFlip(),
    )

    def kornia_batches(x, seed):
        out = np.empty_like(x)
        scale = 255 if x.dtype == np.uint8 else 1
        for start in range(0, len(x), BATCH):
            batch = torch.from_numpy(x[start : start + BATCH]).permute(0, 3, 1, 2).float() / scale
            result = KORNIA(batch).permute(0, 2, 3, 1).numpy() * scale
            out[start : start + BATCH] = np.rint(result) if scale == 255 else result
        return out

    CONTESTANTS["Kornia"] = kornia_batches

    # torchvision has no border mode that repeats the edge: what is outside stays black.
    TORCHVISION = v2.Compose(
        [
            v2.RandomAffine(
                10, (0.1, 0.1), (0.9, 1.1), (-0.5, 0.5), interpolation=InterpolationMode.BILINEAR
            ),
            v2.RandomHorizontalFlip(),
        ]
    )

    def torchvision_loop(x, seed):
        out = np.empty_like(x)
        for i, image in enumerate(x):
            out[i] = TORCHVISION(torch.from_numpy(image).permute(2, 0, 1)).permute(1, 2, 0).numpy()
        return out

    CONTESTANTS["torchvision v2, 1 thread"] = torchvision_loop


def check_alike(x):
    """Everybody's average image must be kaug's; those given kaug's matrices match row by row."""
    x = x[:1000]
    scale = 255.0 if x.dtype == np.uint8 else 1.0
    ours = kaug_native(x, 0) / scale
    for name, contestant in CONTESTANTS.items():
        theirs = contestant(x, 0) / scale
        assert theirs.shape == x.shape, name
        if contestant in (tensorflow_projective, opencv_loop, opencv_threads):
            error = np.abs(theirs - ours)
            assert (error > 0.05).mean() < 0.001, (name, error.max())
        elif contestant is not copy:
            inner = (slice(None), *[slice(size // 6, -(size // 6)) for size in x.shape[1:3]])
            error = np.abs(theirs[inner].mean(axis=0) - ours[inner].mean(axis=0)).max()
            assert error < 0.05, (name, error)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=list(WORKLOADS), help="print this one, write nothing")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    results, sections = {}, []
    for workload, make in WORKLOADS.items():
        if args.only not in (None, workload):
            continue
        x = make()
        check_alike(x)
        seconds = results[workload] = _report.take_turns(
            {name: partial(run, x) for name, run in CONTESTANTS.items()}, args.repeats
        )
        ours = statistics.median(seconds["kaug"])
        rows = []
        for name, times in seconds.items():
            median = statistics.median(times)
            rows.append(
                (
                    name,
                    f"{median:.4f}",
                    f"{min(times):.4f}–{max(times):.4f}",
                    f"{len(x) / median:,.0f}",
                    f"{median / ours:.2f}",
                )
            )
        header = ("contestant", "seconds (median)", "range", "images a second", "time, kaug = 1")
        sections.append((workload, header, rows))
        # Again and again: a later one may fail.
        _report.write(None if args.only else "throughput", results, sections)


if __name__ == "__main__":
    main()
