"""Grid shuffling, cell by cell."""

import numpy as np
import pytest
from keras import ops

from kaug.layers import RandomTransform
from kaug.transforms import Compose, GridShuffle, HorizontalFlip


def edges(side, count):
    return [round(k * side / count) for k in range(count + 1)]


def cells(grid, size):
    """Top, left, bottom and right of every cell."""
    rows, columns = (edges(side, count) for side, count in zip(size, grid, strict=True))
    return [
        (rows[i], columns[j], rows[i + 1], columns[j + 1])
        for i in range(grid[0])
        for j in range(grid[1])
    ]


def shown(transform, parameters, row, size):
    """The cell that each cell shows: of each size, those that are there in the order drawn."""
    result, of_size = {}, {}
    for number, (top, left, bottom, right) in enumerate(cells(transform.grid, size)):
        of_size.setdefault((bottom - top, right - left), []).append(number)
    order = parameters["order"][row]
    for numbers in of_size.values():
        shuffled = sorted(numbers, key=lambda number: order[number])
        result |= dict(zip(numbers, shuffled, strict=True))
    return result


@pytest.mark.pairwise(
    grid=[(3, 3), (2, 3), (1, 4), (5, 2), (16, 16), (1, 1)],
    shape=[(12, 12, 1), (9, 14, 3), (10, 10, 5), (1, 1, 1), (2, 7, 3), (32, 48, 3)],
    dtype=["uint8", "uint16", "float32", "float64"],
)
def test_cells_are_where_their_order_puts_them(images, grid, shape, dtype):
    batch = images(6, shape=shape, dtype=dtype)
    transform = GridShuffle(grid)
    parameters = transform.draw(np.arange(6), seed=3)
    result = transform.apply(batch, parameters)
    every = cells(grid, shape[:2])
    for row in range(6):
        expected = np.empty_like(batch[row])
        for here, there in shown(transform, parameters, row, shape[:2]).items():
            (a, b, c, d), (e, f, g, h) = every[here], every[there]
            expected[a:c, b:d] = batch[row, e:g, f:h]
        np.testing.assert_array_equal(result[row], expected)
    for move in (transform.transform_masks, transform.transform_maps):
        np.testing.assert_array_equal(move(batch, parameters), result)


def test_every_order_is_as_likely():
    image = np.arange(24).reshape(1, 4, 6)[..., None]
    result = GridShuffle((1, 3))(np.repeat(image, 1200, 0), seed=1)
    orders, counts = np.unique(result[:, 0, ::2, 0], axis=0, return_counts=True)
    assert len(orders) == 6
    assert counts.min() > 150
    assert counts.max() < 250


def test_cells_of_other_sizes_keep_their_places():
    image = np.arange(100).reshape(1, 10, 10)
    result = GridShuffle()(np.repeat(image, 50, 0), seed=1)
    np.testing.assert_array_equal(result[:, 3:7, 3:7], np.repeat(image, 50, 0)[:, 3:7, 3:7])
    assert (result[:, :3, 3:7] != image[:, :3, 3:7]).any()
    for each in result:
        np.testing.assert_array_equal(np.sort(each.ravel()), np.arange(100))


@pytest.mark.parametrize("size", [(12, 12), (10, 17), (3, 5), (1, 1)])
@pytest.mark.parametrize("grid", [(3, 3), (2, 4)])
def test_points_go_with_their_pixels(size, grid):
    transform = GridShuffle(grid)
    numbers = np.arange(size[0] * size[1], dtype="float64").reshape(1, *size, 1).repeat(20, 0)
    parameters = transform.draw(np.arange(20), seed=2)
    result = transform.apply(numbers, parameters)[..., 0].astype(int)
    y, x = np.divmod(np.arange(size[0] * size[1]), size[1])
    within = np.random.default_rng(0).uniform(-0.49, 0.49, (20, len(x), 2))
    moved = transform.transform_points(np.stack([x, y], axis=-1) + within, parameters, size)
    pixels = np.rint(moved - within).astype(int)
    np.testing.assert_allclose(moved, pixels + within, atol=1e-12)
    for row in range(20):
        found = result[row, pixels[row, :, 1], pixels[row, :, 0]]
        np.testing.assert_array_equal(found, np.arange(len(x)))


def test_points_outside_stay_and_those_on_the_edge_do_not_leave():
    transform, size = GridShuffle((3, 4)), (9, 16)
    outside = [[-0.6, 3], [3, 8.6], [20, -5], [15.6, 2]]
    edge = [[-0.5, -0.5], [15.5, 8.5], [3.5, 2.5]]
    points = np.array([outside + edge] * 30)
    moved = transform.transform_points(points, transform.draw(np.arange(30), seed=0), size)
    np.testing.assert_array_equal(moved[:, :4], points[:, :4])
    assert ((moved[:, 4:] >= -0.5) & (moved[:, 4:] <= [15.5, 8.5])).all()
    assert (moved[:, 4:] != points[:, 4:]).any()


@pytest.mark.parametrize("size", [(12, 16), (10, 17)])
def test_tensors_are_arrays(images, size):
    transform = Compose([GridShuffle(), HorizontalFlip(), GridShuffle((2, 5), p=0.5)])
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(-2, 18, (6, 5, 2)).astype("float32")
    given = {
        "images": images(6, shape=(*size, 3)),
        "segmentation_masks": rng.integers(0, 2**30, (6, *size)).astype("int32"),
        "keypoints": keypoints,
    }
    expected = transform({**given, "keypoint_flip_pairs": [(0, 2)]}, seed=5)
    layer = RandomTransform(transform, seed=5, keypoint_flip_pairs=[(0, 2)])
    made = layer({**given, "index": np.arange(6)}, training=True)
    for name in ("images", "segmentation_masks"):
        np.testing.assert_array_equal(ops.convert_to_numpy(made[name]), expected[name])
    own = ops.convert_to_numpy(made["keypoints"])
    np.testing.assert_allclose(own, expected["keypoints"], atol=1e-5)
    assert np.abs(own - keypoints).max() > 2


def test_left_and_right_keep_their_names():
    keypoints = np.random.default_rng(0).uniform(0, 20, (40, 4, 2))
    batch = {"images": np.zeros((40, 21, 21, 3), "uint8"), "keypoints": keypoints}
    plain = GridShuffle()(batch, seed=1)["keypoints"]
    paired = GridShuffle()({**batch, "keypoint_flip_pairs": [(0, 1)]}, seed=1)["keypoints"]
    np.testing.assert_array_equal(paired, plain)


def test_boxes_are_refused():
    batch = {
        "images": np.zeros((2, 9, 12, 3), "uint8"),
        "bounding_boxes": {"boxes": np.full((2, 1, 4), 5.0), "labels": np.zeros((2, 1), int)},
        "bounding_box_format": "xyxy",
    }
    text = "GridShuffle cuts what boxes hold into pieces.*Leave the boxes out, or pass masks"
    with pytest.raises(ValueError, match=text):
        GridShuffle()(batch, seed=0)
    with pytest.raises(ValueError, match=text):
        RandomTransform(GridShuffle(), bounding_box_format="xyxy")(
            {name: batch[name] for name in ("images", "bounding_boxes")}, training=True
        )


def test_orders_beyond_the_cells_are_refused():
    parameters = {"applied": np.array([True]), "order": np.array([[0, 1, 2, 4]])}
    with pytest.raises(ValueError, match="`order` of GridShuffle must be at least 0 and at most 3"):
        GridShuffle((2, 2)).apply(np.zeros((1, 4, 4, 3), "uint8"), parameters)
    parameters["order"][:] = 3  # no order, but nothing that harms
    image = np.arange(24).reshape(1, 4, 6)
    np.testing.assert_array_equal(GridShuffle((2, 2)).apply(image, parameters), image)


BAD = [
    (lambda: GridShuffle(3), ValueError, r"`grid` must be a pair of integers.*Pass \(3, 3\)"),
    (lambda: GridShuffle((1, 2, 3)), ValueError, "`grid` must be a pair of integers"),
    (lambda: GridShuffle((0, 2)), ValueError, "`grid` must be"),
    (lambda: GridShuffle((2, 17)), ValueError, "`grid` must be"),
    (lambda: GridShuffle((2.5, 2)), TypeError, "`grid` must be"),
    (lambda: GridShuffle(p=2), ValueError, "`p` must lie in 0..1"),
]


@pytest.mark.parametrize(("make", "error", "text"), BAD)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()
