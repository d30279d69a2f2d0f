"""Checks of numbers and flags: what no float can hold, and what only looks like a flag."""

import re
import sys
import warnings

import keras
import numpy as np
import pytest

import kaug
from kaug._validation import check_flag, check_images, check_integer, check_number, describe
from kaug.layers import RandomTransform
from kaug.transforms import Rotation


@pytest.mark.parametrize("value", [10**400, -(10**400), float("inf"), np.float32("nan")])
def test_numbers_that_are_none(value):
    with pytest.raises(ValueError, match=r"`a` must be a finite number. Received: a=") as caught:
        check_number(value, "a")
    assert len(str(caught.value)) < 120


def test_integers_of_many_digits():
    with pytest.raises(ValueError, match="Received: a=an integer of 16610 bits"):
        check_integer(10**5000, "a", maximum=3)
    assert describe(10**5000) == "an integer of 16610 bits (type int)"
    assert describe([10**5000]) == "a value that cannot be written (type list)"


def test_flags():
    assert check_flag(np.True_, "a") is True
    assert check_flag(0, "a") is False
    for value in ("no", "False", None, 2, 1.0, [], np.array([True])):
        with pytest.raises(TypeError, match=r"`a` must be True or False. Received: a="):
            check_flag(value, "a")


def test_channels_of_small_images_come_first_if_keras_is_set_so():
    first, last = np.zeros((2, 3, 9, 12)), np.zeros((2, 9, 12, 3))
    with warnings.catch_warnings(action="error"):
        check_images(first)
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.warns(UserWarning, match="channels come first, pass moveaxis"):
            check_images(first)
        with warnings.catch_warnings(action="error"):
            check_images(last)
            check_images(last[:, :3])
    finally:
        keras.config.set_image_data_format("channels_last")


@pytest.mark.parametrize(
    ("name", "enter"),
    [
        ("x", lambda clips: kaug.ImageDataGenerator().flow(clips)),
    ],
)
def test_clips_are_told_how_their_frames_become_rows(name, enter):
    clips = np.random.default_rng(0).random((3, 4, 9, 14, 3), "float32")
    with pytest.raises(ValueError, match="If these are clips, make rows of their frames") as error:
        enter(clips)
    assert "Transforms, augment_dataset and AugmentedDataset take clips" in str(error.value)
    folded = re.search(r"frames: (.+?)\. Transforms", str(error.value))[1]
    assert eval(folded, {name: clips}).shape == (12, 9, 14, 3)


def test_warnings_point_through_keras_to_the_line_that_called_it():
    layer = RandomTransform(Rotation(30), seed=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        layer(np.zeros((2, 3, 32, 48), "float32"), training=True)
    found = [each for each in caught if "channels come first" in str(each.message)]
    assert [(each.filename, each.lineno) for each in found] == [
        (__file__, sys._getframe().f_lineno - 3)
    ]
