"""Outlines cut off at the edges of a picture, against pixels that are counted."""

import numpy as np
import pytest

from kaug._apply.boxes import begin, enclose, outline
from kaug._kernels.outlines import cut

SIZE = (11, 14)
FINE = 32  # points to a pixel, to measure areas


def polygons(count, points, seed):
    """Returns stars around places in and about a picture."""
    rng = np.random.default_rng(seed)
    angles = (np.arange(points) + rng.uniform(0, 1, (count, points))) / points * 2 * np.pi
    radii = rng.uniform(2, 9, (count, points))
    around = np.stack([np.cos(angles), np.sin(angles)], axis=-1) * radii[..., np.newaxis]
    return rng.uniform(-4, 15, (count, 1, 2)) + around


def area(polygon):
    x, y = polygon.T
    return abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2


def painted(polygon, size):
    """Returns which part of a picture's area lies in a polygon, by even-odd, and where."""
    height, width = size
    x = (np.arange(width * FINE) + 0.5) / FINE - 0.5
    y = ((np.arange(height * FINE) + 0.5) / FINE - 0.5)[:, np.newaxis]
    inside = np.zeros((height * FINE, width * FINE), bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        crosses = (y0 <= y) != (y1 <= y)
        way = (y - y0) / (y1 - y0 if y1 != y0 else 1)
        inside ^= crosses & (x < x0 + way * (x1 - x0))
    return inside.sum() / FINE**2, inside


@pytest.mark.parametrize("seed", range(3))
def test_areas_and_extents_are_those_of_the_picture(seed):
    points = np.repeat(polygons(20, 8, seed), 2, axis=1)
    moved, boxes = points.copy(), np.tile([1.0, 0, 0, 0], (20, 1, 1))
    cut(points, moved, moved, boxes, 16, *SIZE)
    for before, after, part in zip(points, moved, boxes[:, 0, 0], strict=True):
        seen, where = painted(before, SIZE)
        assert part * area(before) == pytest.approx(seen, abs=0.2)
        if seen == 0:
            assert not after.any()
            continue
        assert area(after) == pytest.approx(seen, abs=0.2)
        assert after.min() >= -0.5
        assert (after.max(axis=0) <= [SIZE[1] - 0.5, SIZE[0] - 0.5]).all()
        rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
        ends = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        found = np.concatenate([after.min(axis=0), after.max(axis=0)]) + 0.5
        np.testing.assert_allclose(found, np.array(ends) / FINE, atol=0.3)


def test_what_lies_within_is_not_touched():
    corners = np.array([[[0.0, 0, 14, 11], [3.2, 4.1, 5, 6]]])
    points = outline(corners)
    moved, boxes = points.copy(), np.tile([1.0, 0, 0, 0], (1, 2, 1))
    cut(points, moved, moved, boxes, 16, *SIZE)
    np.testing.assert_array_equal(moved, points)
    assert boxes[0, :, 0].tolist() == [1, 1]


def test_a_corner_cut_off_leaves_its_exact_box():
    points, boxes = begin(np.array([[[-3.0, 2, 5, 20]]]), np.array([[0]]), SIZE)
    np.testing.assert_array_equal(enclose(points, 1), [[[0, 2, 5, 11]]])
    assert boxes[0, 0].tolist() == [5 * 9 / (8 * 18), 1, -0.5, 0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_places_that_are_none_are_not_seen(value):
    points = outline(np.array([[[2.0, 2, 6, 7]]]))
    moved, boxes = points.copy(), np.array([[[1.0, 1, 0, 0]]])
    moved[0, :3, 1] = value
    cut(points, moved, moved, boxes, 16, *SIZE)
    assert np.isfinite(moved).all()
    assert 0 <= boxes[0, 0, 0] <= 1
    if value != 1e300:
        assert boxes[0, 0, 0] == 0


@pytest.mark.parametrize("count", [(0, 2), (2, 0)])
def test_none_at_all(count):
    points, boxes = begin(np.zeros((*count, 4)), np.zeros(count), SIZE)
    assert points.shape == (count[0], count[1] * 16, 2)
    assert boxes.shape == (*count, 4)
