"""Photographs in files, decoded and augmented: random crops to 224 × 224, flips, color.

    python benchmarks/folder.py [--rounds 5] [--photos 512] [--large 64] [--only NAME]

Contestants have two threads each and take turns, with a pause between them, since some read ahead.
The photographs are those that scikit-image and scikit-learn bring along, cut and resized at random:
of 400 to 1024 pixels a side, and of 12 megapixels as telephones make them. Those contestants that
are not installed are left out. Writes results/folder.json and .md.
"""

import argparse
import os
import statistics
import tempfile
import time
from multiprocessing.pool import ThreadPool
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("KAUG_NUM_THREADS", "2")

import _report
import keras
import numpy as np
import tensorflow as tf
from PIL import Image

import kaug
from kaug.transforms import ColorJitter, Compose, HorizontalFlip, RandAugment, RandomResizedCrop

THREADS, BATCH, SIZE = 2, 64, 224
PAUSE = 0.5  # seconds


def originals():
    """Returns photographs that installed packages bring along."""
    from skimage import data
    from sklearn.datasets import load_sample_image

    arrays = [load_sample_image("china.jpg"), load_sample_image("flower.jpg")]
    arrays += [data.astronaut(), data.chelsea(), data.coffee(), data.rocket()]
    return [Image.fromarray(each) for each in arrays]


def make(folder, count):
    """Writes photographs of 400 to 1024 pixels a side."""
    rng = np.random.default_rng(0)
    photographs = originals()
    for number in range(count):
        whole = photographs[number % len(photographs)]
        share = rng.uniform(0.7, 1) * np.array(whole.size)
        corner = rng.uniform(0, 1, 2) * (whole.size - share)
        longer = rng.integers(500, 1025)
        size = np.maximum(share * longer / share.max(), 400).astype(int)
        part = whole.resize(size.tolist(), Image.Resampling.BICUBIC, (*corner, *(corner + share)))
        save(part, folder, number, len(photographs), int(rng.integers(80, 95)))


def make_large(folder, count):
    """Writes photographs of 12 megapixels, with the noise of a sensor."""
    rng = np.random.default_rng(0)
    for number in range(count):
        size = (3000, 4000) if number % 3 == 0 else (4000, 3000)
        whole = np.asarray(originals()[number % 2].resize(size, Image.Resampling.BICUBIC), "i2")
        noisy = whole + rng.normal(0, 4, (*whole.shape[:2], 1)).astype("i2")
        save(Image.fromarray(noisy.clip(0, 255).astype("u1")), folder, number, 2, 92)


def save(image, folder, number, classes, quality):
    place = folder / str(number % classes)
    place.mkdir(parents=True, exist_ok=True)
    image.save(place / f"{number:04}.jpg", quality=quality)


# Contestants: functions of a folder that return a function of the round ---------------------------


def by_kaug(folder, policy):
    x, y = kaug.sources.folder(folder)
    dataset = kaug.AugmentedDataset(x, y, policy, batch_size=BATCH, seed=0)

    def run(turn):
        dataset.epoch = turn
        for batch in dataset:
            del batch

    return run


def by_albumentations(folder, policy):
    import cv2

    paths = paths_of(folder)
    pool = ThreadPool(THREADS)

    def one(path):
        return policy(image=cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB))["image"]

    def run(_):
        cv2.setNumThreads(1)
        for start in range(0, len(paths), BATCH):
            np.stack(pool.map(one, paths[start : start + BATCH]))

    return run


def by_tensorflow(folder, antialias):
    def one(path):
        data = tf.io.read_file(path)
        begin, size, _ = tf.image.sample_distorted_bounding_box(
            tf.io.extract_jpeg_shape(data),
            tf.zeros((1, 0, 4)),
            area_range=(0.08, 1.0),
            aspect_ratio_range=(3 / 4, 4 / 3),
            use_image_if_no_bounding_boxes=True,
        )
        window = tf.concat([begin[:2], size[:2]], 0)
        image = tf.io.decode_and_crop_jpeg(data, window, channels=3)
        image = tf.image.resize(image, (SIZE, SIZE), antialias=antialias) / 255
        image = tf.image.random_flip_left_right(image)
        image = tf.image.random_brightness(image, 0.2)
        image = tf.image.random_contrast(image, 0.8, 1.2)
        image = tf.image.random_saturation(image, 0.8, 1.2)
        image = tf.image.random_hue(image, 0.05)
        return tf.clip_by_value(image, 0, 1)

    return piped(folder, one)


def by_keras(folder, *last):
    layers = [keras.layers.RandomCrop(SIZE, SIZE), keras.layers.RandomFlip("horizontal"), *last]

    def one(path):  # the layers take images of one known size
        image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        return tf.image.resize(image, (256, 256))

    def batch(images):
        for layer in layers:
            images = layer(images, training=True)
        return images

    return piped(folder, one, batch)


def piped(folder, one, batch=None):
    options = tf.data.Options()
    options.threading.private_threadpool_size = THREADS
    options.threading.max_intra_op_parallelism = 1
    dataset = tf.data.Dataset.from_tensor_slices(paths_of(folder))
    dataset = dataset.map(one, num_parallel_calls=THREADS).batch(BATCH)
    dataset = (dataset.map(batch) if batch else dataset).with_options(options)

    def run(_):
        for batch in dataset:
            del batch

    return run


def by_dali(folder):
    from nvidia.dali import fn, pipeline_def, types

    paths = paths_of(folder)

    @pipeline_def(batch_size=BATCH, num_threads=THREADS, device_id=None, prefetch_queue_depth=1)
    def pipeline():
        data, _ = fn.readers.file(files=paths, random_shuffle=True)
        images = fn.decoders.image_random_crop(
            data, random_area=(0.08, 1.0), random_aspect_ratio=(3 / 4, 4 / 3)
        )
        images = fn.resize(images, size=(SIZE, SIZE), antialias=True)
        images = fn.flip(images, horizontal=fn.random.coin_flip())
        return fn.color_twist(
            images,
            brightness=fn.random.uniform(range=(0.8, 1.2)),
            contrast=fn.random.uniform(range=(0.8, 1.2)),
            saturation=fn.random.uniform(range=(0.8, 1.2)),
            hue=fn.random.uniform(range=(-18.0, 18.0)),
            dtype=types.UINT8,
        )

    def run(_):
        pipe = pipeline()
        pipe.build()
        for _ in range(0, len(paths), BATCH):
            for output in pipe.run():
                output.as_array()

    return run


def paths_of(folder):
    return sorted(map(str, folder.glob("*/*.jpg")))


def contests(photos, large):
    """Returns what is compared: functions by the names of contestants, by title."""
    crop = [RandomResizedCrop(height=SIZE, width=SIZE), HorizontalFlip()]
    jitter = Compose([*crop, ColorJitter()])
    rand = Compose([*crop, ColorJitter(), RandAugment()])
    found = {}
    for title, folder in (("400 to 1024 pixels a side", photos), ("12 megapixels", large)):
        found[title] = {
            "kaug": lambda folder=folder: by_kaug(folder, jitter),
            "albumentations, OpenCV": lambda folder=folder: by_albumentations(folder, alb()),
            "tf.data, antialiased": lambda folder=folder: by_tensorflow(folder, True),
            "tf.data, not antialiased": lambda folder=folder: by_tensorflow(folder, False),
            "DALI on the processor": lambda folder=folder: by_dali(folder),
            "Keras' layers, of 256 pixels": lambda folder=folder: by_keras(
                folder, keras.layers.RandomColorJitter((0, 255), 0.2, 0.2, (0.4, 0.6), 0.05)
            ),
        }
    found["400 to 1024 pixels a side, and RandAugment"] = {
        "kaug": lambda: by_kaug(photos, rand),
        "albumentations, OpenCV": lambda: by_albumentations(photos, alb(randomly=True)),
        "Keras' layers, of 256 pixels": lambda: by_keras(
            photos, keras.layers.RandAugment((0, 255), num_ops=2, factor=0.3)
        ),
    }
    return found


def alb(randomly=False):
    import albumentations

    steps = [
        albumentations.RandomResizedCrop((SIZE, SIZE)),
        albumentations.HorizontalFlip(),
        albumentations.ColorJitter(p=1),
    ]
    if randomly:
        ops = [
            albumentations.Affine(shear={"x": (-17, 17)}, p=1),
            albumentations.Affine(shear={"y": (-17, 17)}, p=1),
            albumentations.Affine(translate_percent={"x": (-0.3, 0.3)}, p=1),
            albumentations.Affine(translate_percent={"y": (-0.3, 0.3)}, p=1),
            albumentations.Affine(rotate=(-9, 9), p=1),
            albumentations.RandomBrightnessContrast(0.3, 0, p=1),
            albumentations.RandomBrightnessContrast(0, 0.3, p=1),
            albumentations.ColorJitter(0, 0, 0.3, 0, p=1),
            albumentations.Sharpen(p=1),
            albumentations.Posterize(4, p=1),
            albumentations.Solarize(p=1),
            albumentations.AutoContrast(p=1),
            albumentations.Equalize(p=1),
            albumentations.NoOp(p=1),
        ]
        steps.append(albumentations.SomeOf(ops, n=2, p=1))
    return albumentations.Compose(steps)


def measure(contestants, rounds):
    """Returns the seconds of each round of those contestants that are there."""
    there, missing = {}, {}
    for name, begin in contestants.items():
        try:
            there[name] = paused(begin())
        except ImportError as error:
            missing[name] = str(error)
    print(*(f"left out: {name} ({why})" for name, why in missing.items()), sep="\n")
    seconds = _report.take_turns(there, rounds)
    return {name: [each - PAUSE for each in took] for name, took in seconds.items()}


def paused(run):
    def paused_run(turn):
        run(turn)
        time.sleep(PAUSE)

    return paused_run


def main():
    """Measures and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--photos", type=int, default=512)
    parser.add_argument("--large", type=int, default=64)
    parser.add_argument("--only", help="part of the title of what is measured; writes nothing")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        photos, large = Path(place, "photos"), Path(place, "large")
        make(photos, args.photos)
        make_large(large, args.large)
        results, sections = {}, []
        for title, contestants in contests(photos, large).items():
            if args.only and args.only not in title:
                continue
            count = args.large if "mega" in title else args.photos
            seconds = results[title] = measure(contestants, args.rounds)
            medians = {name: statistics.median(each) for name, each in seconds.items()}
            rows = [
                (name, f"{count / took:,.0f}", f"{took / medians['kaug']:.2f}")
                for name, took in medians.items()
            ]
            sections.append((title, ("", "images a second", "time, kaug = 1"), rows))
        _report.write(None if args.only else "folder", results, sections)


if __name__ == "__main__":
    main()
