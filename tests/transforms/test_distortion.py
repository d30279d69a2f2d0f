"""Distortions against their definitions in NumPy, and scipy.ndimage."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops
from scipy import ndimage
from scipy.interpolate import RBFInterpolator, RegularGridInterpolator

from kaug._kernels.threefry import encrypt
from kaug.transforms._bases.lattice import found
from kaug.transforms.distortion import GridDistortion, OpticalDistortion, ThinPlateSpline

FILL_MODES = ["nearest", "reflect", "wrap", "constant"]
SIZE = (28, 41)


def drawn(words, count):
    """The heights of `count` × `count` nodes, -1..1: down, and to the right."""
    numbers = np.meshgrid(np.arange(count), np.arange(count), indexing="ij")
    both = encrypt(*words.tolist(), *numbers)
    return np.stack([word.astype("uint32").view("int32") * 2.0**-31 for word in both])


def ends(size, count):
    """The rows and columns of nodes, of which the outer ones are the ends of the picture."""
    return [np.linspace(-0.5, side - 0.5, count) for side in size]


def grid_field(transform, parameters, row, size, places):
    """How far places `(…, 2)` (row, column) are displaced, down and to the right."""
    nodes = ends(size, transform.steps + 1)
    heights = drawn(parameters["words"][row], transform.steps + 1) * parameters["distortion"][row]
    inside = np.clip(places, [axis[0] for axis in nodes], [axis[-1] for axis in nodes])
    moves = [
        RegularGridInterpolator(nodes, own * side / transform.steps)(inside)
        for own, side in zip(heights, size, strict=True)
    ]
    return np.stack(moves, axis=-1)


def lens_field(transform, parameters, row, size, places):
    """The same of a lens; places beyond the corners look outwards as straight as these."""
    del transform
    distortion, unit = parameters["distortion"][row], np.hypot(*size) / 2
    from_centre = (places - (np.array(size) - 1) / 2) / unit
    radius = np.linalg.norm(from_centre, axis=-1, keepdims=True)
    looks_at = radius * (1 + distortion * radius**2)
    beyond = 1 + distortion + (radius - 1) * (1 + 3 * distortion)
    further = np.where(radius <= 1, looks_at, beyond) - radius
    return unit * from_centre * further / np.where(radius == 0, 1, radius)


def splines(transform, parameters, row, size):
    """The function of places that thin-plate splines through the pins are."""
    pins = np.stack(np.meshgrid(*ends(size, transform.points), indexing="ij"), axis=-1)
    moves = drawn(parameters["words"][row], transform.points)
    moves = moves * parameters["scale"][row] * min(size)
    pins, moves = pins.reshape(-1, 2), moves.reshape(2, -1).T
    return RBFInterpolator(pins, moves, kernel="thin_plate_spline")


def plate_field(transform, parameters, row, size, places):
    """What lies bilinearly between splines at 16 places from pin to pin, or one for each pixel."""
    counts = [min(16 * (transform.points - 1), side) + 1 for side in size]
    nodes = [np.linspace(-0.5, side - 0.5, count) for side, count in zip(size, counts, strict=True)]
    at = np.stack(np.meshgrid(*nodes, indexing="ij"), axis=-1).reshape(-1, 2)
    moves = splines(transform, parameters, row, size)(at).reshape(*counts, 2)
    inside = np.clip(places, [axis[0] for axis in nodes], [axis[-1] for axis in nodes])
    return RegularGridInterpolator(nodes, moves)(inside)


FIELDS = {
    GridDistortion: grid_field,
    OpticalDistortion: lens_field,
    ThinPlateSpline: plate_field,
}
STRONG = [
    GridDistortion(0.25, steps=3),
    GridDistortion((0.1, 0.2), steps=7),
    OpticalDistortion((-0.3, -0.2)),
    OpticalDistortion((0.5, 1)),
    ThinPlateSpline(0.12, points=3),
    ThinPlateSpline((0.02, 0.05), points=6),
]
TYPES = list(FIELDS)


def field(transform, *arguments):
    return FIELDS[type(transform)](transform, *arguments)


def pixels(size):
    return np.stack(np.mgrid[: size[0], : size[1]], axis=-1)


def with_options(transform, **options):
    return type(transform)(**{**transform.get_config(), **options})


@pytest.mark.pairwise(
    transform=STRONG,
    sampling=itertools.product(FILL_MODES, ["nearest", "bilinear"]),
    shape=[(9, 9, 1), (8, 13, 3), (45, 30, 3), (11, 6, 5), (3, 2, 1)],
    dtype=["uint8", "float32", "float64"],
)
def test_parity_with_the_definition(images, transform, sampling, shape, dtype):
    fill_mode, interpolation = sampling
    batch = images(5, shape=shape, dtype=dtype)
    value = (17 if dtype == "uint8" else 0.25) * (fill_mode == "constant")
    transform = with_options(
        transform, fill_mode=fill_mode, fill_value=value, interpolation=interpolation
    )
    parameters = transform.draw(np.arange(5), seed=4)
    result = transform.apply(batch, parameters)
    for row in range(5):
        places = pixels(shape[:2])
        places = places + field(transform, parameters, row, shape[:2], places)
        for channel in range(shape[2]):
            expected = ndimage.map_coordinates(
                batch[row, ..., channel].astype("float64"),
                np.moveaxis(places, -1, 0),
                order=1 if interpolation == "bilinear" else 0,
                mode=fill_mode,
                cval=value,
            )
            error = np.abs(result[row, ..., channel].astype("float64") - expected)
            assert error.max() <= (1 if dtype == "uint8" else 5e-5)


@pytest.mark.parametrize("transform", STRONG)
def test_points_are_found_where_their_pixels_come_from(transform):
    points = np.random.default_rng(0).uniform((-6, -4), (47, 32), (200, 9, 2))
    parameters = transform.draw(np.arange(200), seed=3)
    result = transform.transform_points(points, parameters, SIZE)
    for row, (moved, own) in enumerate(zip(result, points, strict=True)):
        there = moved + field(transform, parameters, row, SIZE, moved[:, ::-1])[:, ::-1]
        np.testing.assert_allclose(there, own, atol=1e-4)
    assert np.abs(result - points).max() > 1


def test_points_are_found_where_nodes_go_apart_as_far_as_they_can():
    # Each goes away from its neighbours, the worst that can be drawn: steps alone are slow here.
    size, cell = (36, 60), np.array([6, 10])
    away = np.where(np.add(*np.indices((7, 7))) % 2, 1, -1) * 0.249
    for signs in ((1, 1), (1, -1)):
        heights = (away * np.array(signs)[:, None, None] * cell[:, None, None])[None]
        points = np.random.default_rng(0).uniform((-6, -4), (66, 40), (1, 5000, 2))
        moved = found(points, heights, size)
        nodes, inside = ends(size, 7), np.clip(moved[0, :, ::-1], -0.5, [35.5, 59.5])
        there = [RegularGridInterpolator(nodes, own)(inside) for own in heights[0]]
        np.testing.assert_allclose(moved[0] + np.stack(there[::-1], axis=1), points[0], atol=1e-6)


@pytest.mark.parametrize("transform", STRONG)
def test_points_on_tensors_are_those_of_arrays(transform):
    points = np.random.default_rng(0).uniform(-6, 45, (5, 7, 2))
    parameters = transform.draw(np.arange(5), seed=3)
    expected = transform.transform_points(points, parameters, SIZE)
    narrow = {
        name: value.view("int32") if name == "words" else value.astype("float32")
        for name, value in parameters.items()
        if name != "applied"
    }
    narrow = {name: ops.convert_to_tensor(value) for name, value in narrow.items()}
    tensors = ops.convert_to_tensor(points.astype("float32"))
    moved = ops.convert_to_numpy(transform.transform_points(tensors, narrow, SIZE))
    np.testing.assert_allclose(moved, expected, atol=1e-3)


@given(x=st.floats(15, 45), y=st.floats(12, 28), seed=st.integers(0, 2**32))
@pytest.mark.parametrize("kind", TYPES)
def test_a_blob_goes_where_its_point_goes(kind, x, y, seed):
    size = (40, 60)
    rows, columns = np.mgrid[: size[0], : size[1]]
    picture = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 18)
    transform = kind(fill_mode="constant")
    parameters = transform.draw([0], seed=seed)
    ((point,),) = transform.transform_points(np.array([[[x, y]]]), parameters, size)
    results = [
        transform.apply(picture[None], parameters)[0],
        transform.transform_masks(picture[None, ..., None], parameters)[0, ..., 0],
    ]
    for result, tolerance in zip(results, (0.5, 0.9), strict=True):
        # A peak stays the peak, while a centre of gravity follows what is around it as well; where
        # a field has an edge, one side of the peak is wider than the other.
        result = result**20
        centre = np.array([(result * columns).sum(), (result * rows).sum()]) / result.sum()
        np.testing.assert_allclose(centre, point, atol=tolerance)


def test_no_cell_of_a_grid_folds():
    transform = GridDistortion(0.25, steps=4)
    size = (40, 60)
    parameters = transform.draw(np.arange(300), seed=0)
    corners = np.stack(np.meshgrid(*ends(size, 5), indexing="ij"), axis=-1)
    for row in range(300):
        moved = corners + grid_field(transform, parameters, row, size, corners)
        quads = [moved[:-1, :-1], moved[:-1, 1:], moved[1:, 1:], moved[1:, :-1]]
        for i in range(4):
            back, on = quads[i - 1] - quads[i], quads[(i + 1) % 4] - quads[i]
            assert (on[..., 0] * back[..., 1] - on[..., 1] * back[..., 0] < 0).all()


def test_nodes_move_evenly_as_far_as_they_are_told():
    transform = GridDistortion((0.1, 0.2), steps=3)
    parameters = transform.draw(np.arange(2000), seed=1)
    assert 0.1 < parameters["distortion"].min() < 0.101
    assert 0.199 < parameters["distortion"].max() < 0.2
    heights = np.stack([drawn(words, 4) for words in parameters["words"]])
    assert abs(heights.mean()) < 0.01
    assert abs(heights.std() - 1 / np.sqrt(3)) < 0.01
    corner = np.array([-0.5, -0.5])
    field = [grid_field(transform, parameters, row, (30, 60), corner) for row in range(2000)]
    furthest = np.abs(field).max(axis=0)
    assert (furthest < (2, 4)).all()
    assert (furthest > (1.8, 3.6)).all()
    assert (GridDistortion(0.2).draw(np.arange(9))["distortion"] == 0.2).all()


@pytest.mark.parametrize("kind", TYPES)
def test_without_distortion_nothing_changes(kind, images):
    for dtype in ("uint8", "float32", "float64"):
        batch = images(3, shape=(8, 13, 3), dtype=dtype)
        np.testing.assert_array_equal(kind(0)(batch), batch)
    points = np.array([[[1.5, 2.25], [-4.0, 20.0]]])
    moved = kind(0).transform_points(points, kind(0).draw([0], seed=1), (8, 13))
    np.testing.assert_allclose(moved, points, atol=1e-12)


@pytest.mark.parametrize("kind", TYPES)
def test_masks_are_not_blended_and_maps_are(kind, images):
    batch = images(10, shape=(8, 13, 3))
    transform = kind(fill_mode="constant", fill_value=9)
    parameters = transform.draw(np.arange(10), seed=2)
    nearest = kind(fill_mode="constant", interpolation="nearest")
    masks = transform.transform_masks(batch, parameters)
    np.testing.assert_array_equal(masks, nearest.transform_images(batch, parameters))
    maps = transform.transform_maps(batch.astype("float32"), parameters)
    linear = kind(fill_mode="constant").transform_images(batch.astype("float32"), parameters)
    np.testing.assert_array_equal(maps, linear)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("dtype", ["uint16", "int32", "float16", ">f4", "int8"])
def test_other_dtypes_are_rounded(kind, images, dtype):
    batch = (images(5, shape=(9, 14, 3)) // 2).astype(dtype)
    result = kind()(batch, seed=0)
    exact = kind()(batch.astype("float64"), seed=0)
    assert result.dtype == batch.dtype
    np.testing.assert_allclose(result.astype("float64"), exact, atol=0.51, rtol=1e-3)


@pytest.mark.parametrize("transform", [*STRONG, *(kind() for kind in TYPES)])
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 7, 3), (6, 1, 5), (2, 2, 3)])
def test_tiny_images(images, shape, transform):
    batch = images(4, shape=shape)
    result = transform(batch, seed=0)
    assert result.shape == batch.shape
    assert result.min() >= batch.min()
    assert transform(batch[:0]).shape == (0, *shape)


def test_straight_lines_become_barrels_and_pincushions():
    line = np.zeros((1, 41, 61), "uint8")
    line[:, 8] = 255
    for distortion, bent_outwards in ((0.3, True), (-0.3, False)):
        result = OpticalDistortion((distortion,) * 2)(line)[0].astype(float)
        rows = np.arange(41) @ result / result.sum(axis=0)
        middle, left, right = rows[30], rows[12], rows[48]
        assert abs(left - right) < 0.01
        assert (left > middle + 0.3) == bent_outwards == (left > middle)


def test_a_corner_looks_as_much_farther_out_as_it_is_told():
    size = (30, 40)
    corner, outside = np.array([[[-0.5, -0.5]]]), np.array([[[-10.5, -8.0]]])
    for distortion, expected in ((0.5, outside), (0.0, corner), (-0.3, [[[5.5, 4.0]]])):
        parameters = {"distortion": np.array([distortion])}
        # Half the diagonal, 25, is 20 to the left and 15 up.
        moved = OpticalDistortion().transform_points(np.array(expected), parameters, size)
        np.testing.assert_allclose(moved, corner, atol=1e-3)


@pytest.mark.parametrize("points", [2, 3, 4, 8])
def test_a_plate_is_near_the_spline(points):
    size = (150, 200)
    transform = ThinPlateSpline(0.25 / (points - 1), points=points)
    parameters = transform.draw(np.arange(5), seed=2)
    furthest = parameters["scale"].max() * min(size)
    for row in range(5):
        own = plate_field(transform, parameters, row, size, pixels(size))
        exact = splines(transform, parameters, row, size)(pixels(size).reshape(-1, 2))
        error = np.abs(own.reshape(-1, 2) - exact)
        assert error.max() < 0.015 * furthest
        assert np.sqrt((error**2).mean()) < 0.002 * furthest


def test_defaults_of_a_plate_do_not_fold_and_move_garments_gently():
    transform = ThinPlateSpline()
    parameters = transform.draw(np.arange(1500), seed=0)
    fields = np.stack(
        [plate_field(transform, parameters, row, (28, 28), pixels((28, 28))) for row in range(1500)]
    )
    assert len(np.unique(fields[:, 0, 0, 0])) == 1500  # each row has its own
    (yy, xy), (yx, xx) = (np.moveaxis(np.gradient(fields, axis=i), -1, 0) for i in (1, 2))
    assert ((1 + yy) * (1 + xx) - yx * xy).min() > 0.1
    assert np.abs(fields).max() < 28 / 10


BAD = [
    (lambda: ThinPlateSpline(2), ValueError, r"`scale` must lie in 0..0.5.*Divide pixels"),
    (lambda: ThinPlateSpline(points=1), ValueError, "`points` must be"),
    (lambda: ThinPlateSpline(points=9), ValueError, "`points` must be"),
    (lambda: OpticalDistortion(0.5), ValueError, r"must lie in -0.3..1.*reaches -0.5..0.5"),
    (lambda: OpticalDistortion((0, 2)), ValueError, r"`distortion` must lie in -0.3..1"),
    (lambda: OpticalDistortion(None), TypeError, "`distortion` must be"),
    (lambda: GridDistortion(0.3), ValueError, r"`distortion` must lie in 0..0.25.*fold over"),
    (lambda: GridDistortion((0.2, 0.1)), ValueError, r"low <= high.*Pass \(0.1, 0.2\)"),
    (lambda: GridDistortion("a"), TypeError, "`distortion` must be a"),
    (lambda: GridDistortion(steps=0), ValueError, "`steps` must be"),
    (lambda: GridDistortion(steps=2.5), TypeError, "`steps` must be"),
    (lambda: GridDistortion(fill_mode="mirror"), ValueError, "`fill_mode` must be one of"),
    (lambda: GridDistortion(p=2), ValueError, "`p` must lie in 0..1"),
]


@pytest.mark.parametrize(("make", "error", "text"), BAD)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()
