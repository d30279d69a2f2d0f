"""Normalisation of images: by their own statistics, or by those of a data set."""

from __future__ import annotations

from typing import Any

import numpy as np

from kaug._memory import check_memory
from kaug._types import Array
from kaug._validation import describe, message, warn
from kaug.image_data_generator._protocol import Options

_EPSILON = 1e-6  # Keras' own, so that a flat image is not divided by zero


def standardize(generator: Options, images: Array, *, whole: bool = False) -> Array:
    """Normalises a batch in Keras' order and returns it.

    Args:
        generator: Whose options and fitted statistics to use.
        images: `(M, …)`, channels where the generator expects them; overwritten.
        whole: Whether the sample is the whole batch instead of each image.
    """
    if generator.preprocessing_function is not None:
        _preprocess(generator.preprocessing_function, images[np.newaxis] if whole else images)
    if generator.rescale:
        images *= generator.rescale
    axes = None if whole else tuple(range(1, images.ndim))
    if generator.samplewise_center:
        images -= images.mean(axis=axes, keepdims=True)
    if generator.samplewise_std_normalization:
        images /= images.std(axis=axes, keepdims=True) + _EPSILON
    if generator.featurewise_center and _is_fitted(generator.mean, "featurewise_center"):
        images -= generator.mean
    if generator.featurewise_std_normalization and _is_fitted(
        generator.std, "featurewise_std_normalization"
    ):
        images /= generator.std + _EPSILON
    if generator.zca_whitening and _is_fitted(generator.zca_whitening_matrix, "zca_whitening"):
        flat = images.reshape(len(images), -1) @ generator.zca_whitening_matrix
        images[...] = flat.reshape(images.shape)
    return images


def _preprocess(function: Any, samples: Array) -> None:
    for i, sample in enumerate(samples):
        result = np.asarray(function(sample))
        if result.shape != sample.shape:
            rule = "`preprocessing_function` must return the shape it is given"
            raise ValueError(message(f"{rule}, {sample.shape}", describe(result)))
        samples[i] = result


def _is_fitted(statistic: Any, option: str) -> bool:
    if statistic is None:
        warn(
            f"`{option}` does nothing before the generator knows your data: call its `fit` with "
            "some of the images first."
        )
    return statistic is not None


def check_fits(generator: Options, shape: tuple[int, ...], count: int, other: int) -> None:
    """Refuses to learn from more than the memory free now can hold, before anything is made.

    Args:
        generator: Whose options to follow.
        shape: Of all images.
        count: How many images there will be with augmented ones.
        other: Bytes that belong to an image beside its pixels.
    """
    dtype, size = np.dtype(generator.dtype), shape[1:]
    check_memory(size, dtype, count, other, "Fit on fewer images, or with fewer `rounds`.")
    if generator.zca_whitening:
        values = int(np.prod(size))
        fix = "`zca_whitening` takes a number for each pair of values: use smaller images."
        check_memory((values,), dtype, values, 0, fix)


def fit(generator: Options, images: Array) -> None:
    """Computes what featurewise options need.

    Args:
        generator: Gets `mean`, `std` and `zca_whitening_matrix`, whichever its options ask for.
        images: `(M, …)`, rescaled already; overwritten.
    """
    axes = (0, generator.row_axis, generator.col_axis)
    shape = [1, 1, 1]
    shape[generator.channel_axis - 1] = images.shape[generator.channel_axis]
    if generator.featurewise_center:
        generator.mean = _finite(images.mean(axis=axes).reshape(shape))
        images -= generator.mean
    if generator.featurewise_std_normalization:
        generator.std = images.std(axis=axes).reshape(shape)
        images /= generator.std + _EPSILON
    if generator.zca_whitening:
        generator.zca_whitening_matrix = _zca_matrix(images, generator.zca_epsilon)


def _finite(mean: Array) -> Array:
    if not np.isfinite(mean).all():
        rule = "`fit` needs images of finite values"
        raise ValueError(message(rule, f"a mean of {mean.ravel()}", "Leave the others out."))
    return mean


def _zca_matrix(images: Array, epsilon: float) -> Array:
    """Returns the matrix that takes all correlation out of flattened images."""
    flat = images.reshape(len(images), -1)
    directions, lengths, _ = np.linalg.svd(flat.T, full_matrices=False)
    scale = np.sqrt(len(images)) / (lengths + epsilon)
    return np.asarray((directions * scale) @ directions.T)
