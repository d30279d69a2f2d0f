"""The smallest rectangles around points, against those of all angles."""

import numpy as np
import pytest

from kaug._kernels.rectangles import enclose

FRAME = np.array([[0.0, 0], [1, 0], [0, 1]])


def rectangles(outlines, frames=None, seen=None):
    count = len(outlines)
    frames = np.tile(FRAME, (count, 1, 1)) if frames is None else frames
    corners = np.full((1, count, 4, 2), 9.0)
    seen = np.ones((1, count)) if seen is None else seen
    enclose(np.ascontiguousarray(outlines)[None], frames[None], seen, corners)
    return corners[0]


def area(corners):
    return np.prod(np.linalg.norm(corners[[1, 3]] - corners[0], axis=1))


@pytest.mark.parametrize("number", [3, 4, 7, 16])
def test_no_angle_gives_a_smaller_one(number):
    outlines = np.random.default_rng(number).normal(size=(40, number, 2)) * [3, 1]
    angles = np.linspace(0, np.pi / 2, 3000)
    ways = np.stack([np.cos(angles), np.sin(angles)])
    for points, corners in zip(outlines, rectangles(outlines), strict=True):
        across, down = points @ ways, points @ (ways[::-1] * [[-1], [1]])
        least = (np.ptp(across, axis=0) * np.ptp(down, axis=0)).min()
        assert least * 0.99 < area(corners) <= least * (1 + 1e-9)
        sides = np.roll(corners, -1, axis=0) - corners
        np.testing.assert_allclose((sides * np.roll(sides, -1, axis=0)).sum(axis=1), 0, atol=1e-9)
        for side, start in zip(sides, corners, strict=True):
            way = np.array([-side[1], side[0]]) / np.linalg.norm(side)
            apart = (points - start) @ way
            assert min(apart.max(), -apart.min()) < 1e-9  # all on one side


def test_of_equally_small_ones_the_one_that_lies_as_before():
    # A right-angled triangle has two: along its legs, and along its long side.
    triangle = np.array([[[0.0, 0], [4, 0], [0, 4]]])
    corners = rectangles(triangle)
    np.testing.assert_allclose(corners[0], [[0, 0], [4, 0], [4, 4], [0, 4]], atol=1e-12)
    slanted = np.array([[[0.0, 0], [1, 1], [-1, 1]]])
    corners = rectangles(triangle, slanted)
    np.testing.assert_allclose(area(corners[0]), 16)
    np.testing.assert_allclose(corners[0][0], [2, -2], atol=1e-12)


def test_corners_by_the_frame():
    box = np.array([[[0.0, 0], [5, 0], [5, 2], [0, 2]]])
    mirrored = np.array([[[0.0, 0], [-1, 0.1], [0, 1]]])
    assert rectangles(box, mirrored)[0].tolist() == [[5, 0], [0, 0], [0, 2], [5, 2]]
    turned = np.array([[[0.0, 0], [0.1, 1], [-1, 0]]])
    assert rectangles(box, turned)[0].tolist() == [[5, 0], [5, 2], [0, 2], [0, 0]]


def test_what_is_not_seen_and_frames_that_say_nothing():
    box = np.array([[[0.0, 0], [5, 0], [5, 2], [0, 2]]] * 4)
    frames = np.array([FRAME, FRAME * 0, FRAME + np.nan, np.where(FRAME > 0, np.inf, 0)])
    corners = rectangles(box, frames, np.array([[0.0, 0.1, 1, 1]]))
    assert not corners[0].any()
    for own in corners[1:]:
        assert sorted(own.tolist()) == sorted(box[0].tolist())
