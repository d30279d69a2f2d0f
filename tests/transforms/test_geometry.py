"""Geometry against scipy.ndimage and against arrays one can check by eye."""

import itertools
import warnings

import numpy as np
import pytest
from scipy import ndimage

from kaug._apply.matrices import compose, sine_and_cosine, to_pixels
from kaug.transforms import (
    D4,
    Affine,
    Compose,
    ElasticDeformation,
    Erasing,
    HorizontalFlip,
    PadAndCrop,
    Perspective,
    RandAugment,
    Rotate90,
    Rotation,
    Shear,
    Translation,
    VerticalFlip,
    Zoom,
)

GRID = np.arange(35, dtype="uint8").reshape(5, 7)
FILL_MODES = ["nearest", "reflect", "wrap", "constant"]


def transformed(transform, image=GRID, seed=0):
    return transform(image[None], seed=seed)[0]


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        (Rotation((0, 0)), GRID),
        (Rotation((180, 180)), GRID[::-1, ::-1]),
        (Rotation((360, 360)), GRID),
        (HorizontalFlip(1), GRID[:, ::-1]),
        (VerticalFlip(1), GRID[::-1]),
        (Compose([HorizontalFlip(1), VerticalFlip(1)]), GRID[::-1, ::-1]),
        (Zoom((1, 1)), GRID),
        (Affine(), GRID),
    ],
)
def test_exact_results(transform, expected):
    np.testing.assert_array_equal(transformed(transform), expected)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_quarter_is_counter_clockwise(sign):
    square = np.arange(25).reshape(5, 5)
    turned = transformed(Rotation((90 * sign, 90 * sign)), square)
    np.testing.assert_array_equal(turned, np.rot90(square, sign))


def test_quarters_are_as_likely():
    square = np.arange(25).reshape(5, 5)
    turned = Rotate90(p=1)(np.repeat(square[None], 600, 0), seed=3)
    counts = [int((turned == np.rot90(square, k)).all(axis=(1, 2)).sum()) for k in range(4)]
    assert counts[0] == 0
    assert sum(counts) == 600
    assert min(counts[1:]) > 160


def test_symmetries_are_as_likely():
    square = np.arange(75, dtype="float32").reshape(5, 5, 3) / 75
    turned = D4()(np.repeat(square[None], 1200, 0), seed=3)
    eight = [np.rot90(each, k) for each in (square, square[:, ::-1]) for k in range(4)]
    counts = [int((turned == each).all(axis=(1, 2, 3)).sum()) for each in eight]
    assert sum(counts) == 1200
    assert min(counts) > 115
    assert max(counts) < 185
    np.testing.assert_array_equal(D4(p=0)(square[None]), square[None])


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_symmetry_turns_and_then_mirrors(quarters, mirrored):
    square = np.arange(25).reshape(1, 5, 5)
    parameters = {
        "applied": np.array([True]),
        "quarters": np.array([quarters]),
        "mirrored": np.array([mirrored]),
    }
    expected = np.rot90(square[0], quarters)[:, :: -1 if mirrored else 1]
    np.testing.assert_array_equal(D4().apply(square, parameters)[0], expected)
    with pytest.raises(ValueError, match="`quarters` of D4 must be at least 0 and at most 3"):
        D4().apply(square, {**parameters, "quarters": np.array([4])})


def test_a_symmetry_beside_others_is_one_resampling(images):
    batch = images(9, shape=(15, 15, 3), dtype="float64")
    there_and_back = Compose([Rotation((30, 30)), D4(), Rotation((30, 30), p=0), D4(p=0)])
    parameters = there_and_back.draw(np.arange(9), seed=1)
    turned = Rotation((30, 30)).apply(batch, parameters["transforms"][0])
    expected = D4().apply(turned, parameters["transforms"][1])
    np.testing.assert_allclose(there_and_back.apply(batch, parameters), expected, atol=1e-12)


def test_quarters_that_cut_are_pointed_out():
    wide = np.zeros((8, 5, 7, 3), "uint8")
    with pytest.warns(UserWarning, match="A quarter turn of images that are not square cuts off"):
        Compose([HorizontalFlip(), Rotate90(p=1)])(wide, seed=0)
    with pytest.warns(UserWarning, match=r"5 × 7.*or leave `D4` out"):
        D4()(wide, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Rotate90(p=0)(wide, seed=0)
        Rotate90(p=1)(wide[:, :, :5], seed=0)
        D4()(wide[:, :, :5], seed=0)


def test_positive_shifts_move_down_and_right():
    moved = transformed(Translation((1 / 5, 1 / 5), (2 / 7, 2 / 7), fill_mode="constant"))
    assert not moved[0].any()
    assert not moved[:, :2].any()
    np.testing.assert_array_equal(moved[1:, 2:], GRID[:-1, :-2])


def test_zoom_above_one_enlarges():
    doubled = transformed(Zoom((2, 2), interpolation="nearest"))
    # About the centre 17: each pixel twice as wide and high.
    assert doubled[2].tolist() == [16, 16, 17, 17, 17, 18, 18] or doubled[2, 3] == 17
    assert doubled.min() > GRID.min()
    assert doubled.max() < GRID.max()


def test_aspect():
    image = np.zeros((1, 21, 21, 1), "float32")
    draws = Zoom(0.5).draw(np.arange(9), seed=1)
    np.testing.assert_array_equal(draws["height_zoom"], draws["width_zoom"])
    apart = Zoom(0.5, keep_aspect=False).draw(np.arange(9), seed=1)
    assert not np.array_equal(apart["height_zoom"], apart["width_zoom"])
    assert Zoom(0.5, keep_aspect=False)(image).shape == image.shape


def test_shear_leans_to_the_right_like_italics():
    upright = np.zeros((5, 7), "uint8")
    upright[:, 3] = 1
    leaning = transformed(Shear((45, 45)), upright)
    assert leaning.argmax(axis=1).tolist() == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    "make",
    [
        Rotation,
        Affine,
        Perspective,
        ElasticDeformation,
        RandAugment,
        lambda **options: PadAndCrop(**{"fill_mode": "nearest", **options}),
        lambda **options: Erasing(**{**options, "fill_mode": "noise"}),
    ],
    ids=["Rotation", "Affine", "Perspective", "Elastic", "RandAugment", "PadAndCrop", "Erasing"],
)
def test_a_fill_value_that_does_nothing_is_pointed_out(make):
    idle = {} if make is not RandAugment else {"fill_mode": "reflect"}
    text = r'`fill_value` does nothing but with fill_mode="constant"\. Received: fill_value=255 and'
    with pytest.warns(UserWarning, match=text) as caught:
        make(**idle, fill_value=255)
    assert caught[0].filename == __file__
    make(**idle)
    make(**idle, fill_value=0)


@pytest.mark.parametrize("make", [Rotation, PadAndCrop, Erasing, RandAugment])
def test_a_fill_value_with_its_mode_is_taken(make):
    assert make(fill_mode="constant", fill_value=255).fill_value == 255


@pytest.mark.pairwise(
    sampling=itertools.product(FILL_MODES, ["nearest", "bilinear"]),
    shape=[(9, 9, 1), (8, 13, 3), (11, 6, 5)],
    dtype=["uint8", "float32", "float64"],
)
def test_scipy_parity(images, sampling, shape, dtype):
    fill_mode, interpolation = sampling
    batch = images(6, shape=shape, dtype=dtype)
    policy = Compose(
        [
            Affine(
                rotation=60,
                height_shift=0.6,
                width_shift=0.6,
                shear=20,
                zoom=0.4,
                keep_aspect=False,
                fill_mode=fill_mode,
                fill_value=(0.25 if dtype != "uint8" else 17) * (fill_mode == "constant"),
                interpolation=interpolation,
            ),
            HorizontalFlip(),
        ]
    )
    parameters = policy.draw(np.arange(6), seed=4)
    result = policy.apply(batch, parameters)
    matrices = to_pixels(policy._matrices(parameters, shape[:2]), shape[:2])
    tolerance = 1 if dtype == "uint8" else 1e-5
    for row, matrix in enumerate(matrices):
        for channel in range(shape[2]):
            expected = ndimage.affine_transform(
                batch[row, ..., channel].astype("float64"),
                matrix[:, :2],
                matrix[:, 2],
                order=1 if interpolation == "bilinear" else 0,
                mode=fill_mode,
                cval=0.25 if dtype != "uint8" else 17,
            )
            if dtype == "uint8":
                expected = np.rint(expected)
            error = np.abs(result[row, ..., channel].astype("float64") - expected)
            assert error.max() <= tolerance


def test_a_run_is_one_resampling(images):
    batch = images(5, shape=(12, 15, 3), dtype="float64")
    steps = [Rotation(30), Zoom(0.3), Shear(10), HorizontalFlip(), Translation(0.2, 0.2)]
    policy = Compose(steps)
    parameters = policy.draw(np.arange(5), seed=2)
    result = policy.apply(batch, parameters)
    total = None
    for step, own in zip(steps, parameters["transforms"], strict=True):
        matrices = step._matrices(own, (12, 15))
        total = matrices if total is None else compose(total, matrices)
    for row, matrix in enumerate(to_pixels(total, (12, 15))):
        expected = ndimage.affine_transform(
            batch[row, ..., 0], matrix[:, :2], matrix[:, 2], order=1, mode="nearest"
        )
        np.testing.assert_allclose(result[row, ..., 0], expected, atol=1e-12)


def test_turning_there_and_back_is_free(images):
    # Two resamplings would blur; one of the composed matrix gives every pixel back.
    batch = images(3, shape=(9, 11, 1), dtype="float32")
    there_and_back = Compose([Rotation((33, 33)), Rotation((-33, -33))])
    np.testing.assert_allclose(there_and_back(batch), batch, atol=1e-6)


def test_sine_and_cosine_are_exact_at_quarters():
    sine, cosine = sine_and_cosine(np.array([0.0, 90, 180, 270, -90, 360, 450]))
    assert sine.tolist() == [0, 1, 0, -1, -1, 0, 1]
    assert cosine.tolist() == [1, 0, -1, 0, 0, 1, 0]
    degrees = np.linspace(-400, 400, 1001)
    sine, cosine = sine_and_cosine(degrees)
    np.testing.assert_allclose(sine, np.sin(np.deg2rad(degrees)), atol=1e-14)
    np.testing.assert_allclose(cosine, np.cos(np.deg2rad(degrees)), atol=1e-14)


@pytest.mark.parametrize(
    "dtype", ["int8", "int16", "uint16", "int32", "int64", "float16", ">f4", ">u2"]
)
def test_other_dtypes_are_rounded_and_clipped(images, dtype):
    limits = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else None
    batch = images(3, shape=(6, 9, 2)).astype(dtype)
    if limits:
        batch[:, :3] = min(limits.max, 2**40)
        batch[:, 4:] = max(limits.min, -(2**40))
    result = Rotation((30, 30))(batch, seed=0)
    assert result.dtype == batch.dtype
    exact = Rotation((30, 30))(batch.astype("float64"), seed=0)
    expected = np.rint(exact) if limits else exact
    np.testing.assert_allclose(result.astype("float64"), expected, rtol=1e-3, atol=1)
    np.testing.assert_array_equal(Rotation((180, 180))(batch), batch[:, ::-1, ::-1])


def test_whole_pixels_are_copied_not_a_number_included(images):
    batch = images(2, dtype="float32")
    batch[0, 1, 2, 0], batch[1, 3, 3, 1] = np.nan, np.inf
    np.testing.assert_array_equal(HorizontalFlip(1)(batch), batch[:, :, ::-1])
    np.testing.assert_array_equal(Rotation(30, p=0)(batch), batch)


def test_views_and_read_only_arrays(images):
    batch = images(4, shape=(5, 7, 3))
    transposed = np.asfortranarray(batch)
    every_other = np.repeat(batch, 2, axis=0)[::2]
    frozen = batch.copy()
    frozen.flags.writeable = False
    expected = Rotation(30)(batch, seed=1)
    for same in (transposed, every_other, frozen):
        np.testing.assert_array_equal(Rotation(30)(same, seed=1), expected)


def test_rows_follow_p():
    batch = np.tile(np.arange(7, dtype="uint8"), (1000, 5, 1))
    flipped = (HorizontalFlip(0.3)(batch, seed=0)[:, 0, 0] == 6).mean()
    assert abs(flipped - 0.3) < 0.05
    assert (HorizontalFlip(0)(batch) == batch).all()


def test_p_leaves_the_other_draws_alone():
    rows = np.arange(20)
    always, seldom = (Rotation(30, p=p).draw(rows, seed=1) for p in (1.0, 0.1))
    np.testing.assert_array_equal(always["rotation"], seldom["rotation"])


def test_draws_fill_their_range():
    rotation = Rotation((-10, 30)).draw(np.arange(5000), seed=0)["rotation"]
    assert -10 < rotation.min() < -9.5
    assert 29.5 < rotation.max() < 30


BAD = [
    (lambda: Rotation((30, -30)), ValueError, r"low <= high.*Received.*Pass \(-30, 30\)"),
    (lambda: Rotation(-5), ValueError, r"must not be negative.*Pass \(-5, 5\)"),
    (lambda: Rotation(float("nan")), ValueError, "finite number.*nan"),
    (lambda: Rotation((0, float("inf"))), ValueError, "finite number.*inf"),
    (lambda: Rotation("10"), TypeError, "`rotation` must be a finite number.*'10'"),
    (lambda: Rotation(True), TypeError, "`rotation` must be a finite number.*True"),
    (lambda: Rotation((1, 2, 3)), ValueError, r"a pair \(low, high\)"),
    (lambda: Rotation(fill_mode="mirror"), ValueError, "'nearest', 'reflect', 'wrap', 'constant'"),
    (lambda: Rotation(interpolation="cubic"), ValueError, "'nearest', 'bilinear'.*'cubic'"),
    (lambda: Rotation(fill_value=None), TypeError, "`fill_value` must be a finite number"),
    (lambda: Rotation(p=1.5), ValueError, r"`p` must lie in 0..1.*p=1.5"),
    (lambda: Rotation(p="often"), TypeError, "`p` must be a finite number"),
    (lambda: HorizontalFlip(-0.1), ValueError, r"`p` must lie in 0..1"),
    (lambda: Zoom(1.0), ValueError, r"`zoom` must lie in 0.001..1000.*reaches 0..2"),
    (lambda: Zoom((1e-300, 1e-300)), ValueError, r"`zoom` must lie in 0.001..1000.*1e-300"),
    (lambda: Shear(90), ValueError, "`shear` must lie between -90 and 90"),
    (lambda: Affine(10), TypeError, "positional"),
]


@pytest.mark.parametrize(("make", "error", "text"), BAD)
def test_bad_options(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_zooms_as_far_as_they_go():
    options = {"fill_mode": "constant", "fill_value": 9, "interpolation": "nearest"}
    expected = np.full((5, 7), 9)
    expected[2, 3] = 17
    assert transformed(Zoom((0.001, 0.001), **options)).tolist() == expected.tolist()
    assert (transformed(Zoom((1000, 1000), **options)) == 17).all()
    for zoom, lies in ((0.001, 0.002), (1000, 2000)):
        moved = Zoom((zoom, zoom))(
            {"images": GRID[None], "keypoints": np.array([[[5.0, 4.0]]])}, seed=0
        )
        np.testing.assert_allclose(moved["keypoints"] - [3, 2], lies, rtol=1e-6)


def test_fill_value_must_fit_the_dtype(images):
    transform = Rotation((45, 45), fill_mode="constant", fill_value=300)
    with pytest.raises(ValueError, match=r"`fill_value` must lie in 0..255 for uint8"):
        transform(images(1))
    assert transform(images(1, dtype="float32")).max() == 300


def test_methods_do_what_the_call_does(images):
    batch = images(6)
    transform = Affine(rotation=40, fill_mode="constant", fill_value=9)
    parameters = transform.draw(np.arange(6), seed=1)
    made = transform.transform_images(batch, parameters)
    np.testing.assert_array_equal(made, transform(batch, seed=1))
    assert not np.array_equal(made, batch)
    nearest = Affine(rotation=40, fill_mode="constant", interpolation="nearest")
    masks = transform.transform_masks(batch, parameters)
    np.testing.assert_array_equal(masks, nearest(batch, seed=1))


def test_only_warps_have_matrices():
    elastic = ElasticDeformation()
    with pytest.raises(
        TypeError, match=r"Only affine.*Received: ElasticDeformation\(\) and.*5 × 7 pixels"
    ):
        elastic._matrices(elastic.draw([0], seed=0), (5, 7))
