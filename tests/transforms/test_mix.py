"""Mixing: a label is what its picture shows."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from kaug import ImageDataGenerator, augment_dataset, augment_rows
from kaug._draw.distributions import beta, dirichlet
from kaug._draw.draws import Draws
from kaug._draw.keys import Key
from kaug.transforms import (
    Compose,
    CutMix,
    HorizontalFlip,
    Identity,
    Lambda,
    MixUp,
    OneOf,
    Rotation,
    SomeOf,
    Sometimes,
    Transform,
    Translation,
)

K = 6  # classes, and channels of the pictures that tell them
MIXING = [
    MixUp(1.0, num_classes=K),
    MixUp(0.2, num_classes=K, p=0.5),
    CutMix(num_classes=K),
    CutMix(0.3, num_classes=K, p=0.5),
    Compose([MixUp(1.0, num_classes=K), CutMix(num_classes=K)]),
    Compose([Rotation(40), HorizontalFlip(), CutMix(num_classes=K), MixUp(1.0)]),
    OneOf([MixUp(1.0, num_classes=K), CutMix(), Identity()]),
    SomeOf([MixUp(1.0, num_classes=K), HorizontalFlip(), CutMix()], n=2),
    Sometimes(Compose([Rotation(20), OneOf([MixUp(1.0), CutMix(num_classes=K)])]), p=0.6),
]
every_mixing = pytest.mark.parametrize("transform", MIXING, ids=repr)


def telling_pictures(count=30, size=(7, 5), dtype="float64"):
    """Returns pictures whose one channel that is 1 is the class, and the classes."""
    labels = np.arange(count) * 5 % K
    one_hot = np.eye(K, dtype=dtype)[labels]
    return np.tile(one_hot[:, np.newaxis, np.newaxis], (1, *size, 1)), labels


def partners_of(parameters, count):
    return (parameters["partner"] * count).astype(int)


# What comes out -------------------------------------------------------------------------------


@every_mixing
@pytest.mark.parametrize("size", [(7, 5), (1, 1), (1, 9), (12, 12)])
def test_a_label_is_the_share_of_the_pixels(transform, size):
    x, labels = telling_pictures(200, size)
    result = transform({"images": x, "labels": labels}, seed=3)
    shown = result["images"].mean(axis=(1, 2))
    np.testing.assert_allclose(result["labels"], shown, atol=1e-6)
    np.testing.assert_allclose(result["labels"].sum(axis=1), 1, atol=1e-6)
    if size != (1, 1) or not isinstance(transform, CutMix):
        assert (shown.max(axis=1) < 1).any()


def test_mix_up_by_the_book(images):
    x, labels = images(40, shape=(5, 7, 3), dtype="float64"), np.arange(40) % K
    mix = MixUp(0.4, num_classes=K)
    parameters = mix.draw(np.arange(40), seed=1)
    result = mix({"images": x, "labels": labels}, seed=1)
    share, rows = parameters["share"], partners_of(parameters, 40)
    column = share.reshape(-1, 1, 1, 1)
    expected = column * x + (1 - column) * x[rows]
    np.testing.assert_allclose(result["images"], expected, rtol=1e-14)
    one_hot = np.eye(K)[labels]
    expected = share[:, np.newaxis] * one_hot + (1 - share[:, np.newaxis]) * one_hot[rows]
    np.testing.assert_allclose(result["labels"], expected, atol=1e-7)


@pytest.mark.parametrize("shape", [(9, 6, 3), (8, 11, 1), (5, 5, 5), (6, 9)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float16", "float32"])
def test_cut_mix_pastes_one_rectangle_from_the_same_place(images, shape, dtype):
    x = images(60, shape=shape, dtype=dtype)
    mix = CutMix(num_classes=60)
    result = mix({"images": x, "labels": np.arange(60)}, seed=2)
    rows = partners_of(mix.draw(np.arange(60), seed=2), 60)
    assert result["images"].dtype == dtype
    areas = []
    for row, partner in enumerate(rows):
        own, other = result["images"][row] == x[row], result["images"][row] == x[partner]
        if len(shape) == 3:
            own, other = own.all(axis=-1), other.all(axis=-1)
        assert (own | other).all()
        pasted = np.argwhere(~own)
        if not len(pasted):
            continue
        (top, left), (bottom, right) = pasted.min(axis=0), pasted.max(axis=0) + 1
        assert other[top:bottom, left:right].all()
        areas.append(1 - result["labels"][row, row])
        if len(shape) == 3 and shape[2] > 1:  # of noise no pixel is the same by chance
            assert (~own[top:bottom, left:right]).all()
            area = (bottom - top) * (right - left) / (shape[0] * shape[1])
            np.testing.assert_allclose(areas[-1], area, atol=1e-6)
    assert len(areas) > 40


def test_the_rectangle_has_the_shape_of_the_image_and_the_area_that_was_drawn():
    x = np.zeros((4000, 40, 80, 1), "uint8")
    x[2000:] = 1
    mix = CutMix()
    parameters = mix.draw(np.arange(4000), seed=0)
    share, row, column = (parameters[name] for name in ("share", "row", "column"))
    half = np.sqrt(1 - share) / 2
    whole = (row > half) & (row < 1 - half) & (column > half) & (column < 1 - half)
    mixed = mix.apply(x, parameters)[:2000, ..., 0][whole[:2000]]
    counted = mixed.mean(axis=(1, 2))[mixed.any(axis=(1, 2))]
    drawn = (1 - share)[:2000][whole[:2000]][mixed.any(axis=(1, 2))]
    assert len(counted) > 100
    np.testing.assert_allclose(counted, drawn, atol=0.05)
    for picture in mixed[mixed.any(axis=(1, 2))][:50]:
        height, width = picture.any(axis=1).sum(), picture.any(axis=0).sum()
        assert abs(2 * height - width) <= 2


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [("uint8", 0, 255), ("uint16", 0, 65535), ("int32", -(2**31), 2**31 - 1)],
)
def test_mix_up_rounds_integers(dtype, low, high):
    x = np.array([low, high] * 500, dtype).reshape(-1, 1, 1, 1)
    mix = MixUp(1.0)
    parameters = mix.draw(np.arange(1000), seed=0)
    share, rows = parameters["share"], partners_of(parameters, 1000)
    values = x.ravel().astype("float64")
    exact = share * values + (1 - share) * values[rows]
    result = mix(x, seed=0).ravel()
    assert result.dtype == dtype
    slack = 0.5 + 2e-7 * (high - low) if dtype == "uint16" else 0.5 + 1e-4
    assert np.abs(result.astype("float64") - exact).max() <= slack
    assert len(np.unique(result)) > 100


def test_floats_stay_in_their_range():
    x = np.ones((300, 3, 3, 1), "float32")
    result = MixUp(1.0)(x, seed=0)
    assert result.max() <= 1
    assert result.min() >= 1 - 1e-6


# Labels and weights of every kind ---------------------------------------------------------------


LABELS = np.arange(30) * 5 % K
ONE_HOT = np.eye(K)[LABELS]


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        (LABELS, "float32"),
        (LABELS.astype("uint8"), "float32"),
        (LABELS[:, np.newaxis], "float32"),
        (LABELS.tolist(), "float32"),
        (ONE_HOT, "float64"),
        (ONE_HOT.astype("float16"), "float16"),
        (ONE_HOT.astype("int64"), "float32"),
        (ONE_HOT.astype(bool), "float32"),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")) + str(np.shape(value)),
)
@every_mixing
def test_labels_of_every_kind(transform, labels, dtype):
    x, _ = telling_pictures()
    result = transform({"images": x, "labels": labels}, seed=1)
    assert result["labels"].dtype == dtype
    tolerance = 2e-3 if dtype == "float16" else 1e-6
    np.testing.assert_allclose(result["labels"], result["images"].mean(axis=(1, 2)), atol=tolerance)


def test_two_classes_and_truth_values():
    x = np.tile(np.arange(8.0).reshape(8, 1, 1, 1) % 2, (1, 5, 7, 1))
    truth = np.arange(8) % 2 == 1
    result = MixUp(1.0, num_classes=2)({"images": x, "labels": truth}, seed=0)
    np.testing.assert_allclose(result["labels"][:, 1], result["images"][:, 0, 0, 0], atol=1e-6)
    # A column of floats is a soft label already, as binary_crossentropy takes it.
    column = truth[:, np.newaxis].astype("float32")
    result = MixUp(1.0)({"images": x, "labels": column}, seed=0)
    assert result["labels"].shape == (8, 1)
    np.testing.assert_allclose(result["labels"][:, 0], result["images"][:, 0, 0, 0], atol=1e-6)


def test_soft_labels_stay_soft():
    x = np.tile(np.linspace(0, 1, 20).reshape(-1, 1, 1, 1), (1, 5, 7, 1))
    soft = np.stack([1 - x[:, 0, 0, 0], x[:, 0, 0, 0]], axis=1)
    result = CutMix()({"images": x, "labels": soft}, seed=0)
    np.testing.assert_allclose(result["labels"][:, 1], result["images"].mean(axis=(1, 2, 3)))


def test_structures_of_labels_and_weights():
    x, labels = telling_pictures()
    weight = np.arange(30)
    y = {"b": (labels, ONE_HOT), "a": [labels]}
    options = {"sample_weight": {"w": weight}, "seed": 4, "append": False, "return_index": True}
    x_new, y_new, weights, index = augment_dataset(x, y, 50, MIXING[0], **options)
    assert list(y_new) == ["b", "a"]
    assert isinstance(y_new["b"], tuple)
    assert isinstance(y_new["a"], list)
    shown = x_new.mean(axis=(1, 2))
    for soft in (*y_new["b"], *y_new["a"]):
        np.testing.assert_allclose(soft, shown, atol=1e-6)
    assert weights["w"].dtype == np.float32
    # The weight mixes as the label does: with weights that are a linear function of the class.
    by_class = np.arange(K) * 1.5
    weights = augment_dataset(
        x, labels, 50, MIXING[0], sample_weight=by_class[labels], seed=4, append=False
    )[2]
    assert weights.dtype == np.float64
    np.testing.assert_allclose(weights, shown @ by_class, atol=1e-6)
    assert len(index) == 50


def test_a_call_mixes_the_weights_in_its_dict():
    x, labels = telling_pictures()
    batch = {"sample_weight": labels * 2, "images": x, "labels": labels}
    result = MIXING[0](batch, seed=0)
    assert list(result) == list(batch)
    shown = result["images"].mean(axis=(1, 2))
    np.testing.assert_allclose(result["sample_weight"], shown @ np.arange(K) * 2, atol=1e-5)
    y = {"sample_weight": labels * 2, "labels": labels}
    assert list(augment_dataset(x, y, 3, MIXING[0], seed=0)[1]) == list(y)


def test_labels_are_not_needed():
    x, _ = telling_pictures()
    assert MixUp()(x, seed=0).shape == x.shape
    assert augment_dataset(x, None, 3, MixUp(), seed=0)[1] is None


@every_mixing
def test_originals_keep_their_labels_in_the_same_form(transform):
    x, labels = telling_pictures()
    x_all, y_all = augment_dataset(x, labels, 40, transform, seed=0)
    assert y_all.dtype == np.float32
    np.testing.assert_array_equal(y_all[:30], ONE_HOT)
    np.testing.assert_array_equal(x_all[:30], x)
    np.testing.assert_allclose(y_all, x_all.mean(axis=(1, 2)), atol=1e-6)


def test_p():
    x, labels = telling_pictures(400)
    for mix in (MixUp(1.0, num_classes=K, p=0.25), CutMix(num_classes=K, p=0.25)):
        applied = mix.draw(np.arange(400), seed=0)["applied"]
        assert abs(applied.mean() - 0.25) < 0.08
        result = mix({"images": x, "labels": labels}, seed=0)
        np.testing.assert_array_equal(result["images"][~applied], x[~applied])
        np.testing.assert_array_equal(result["labels"][~applied], np.eye(K)[labels][~applied])
        assert (result["labels"][applied].max(axis=1) < 1).mean() > 0.6


# Partners -------------------------------------------------------------------------------------


def test_partners_are_drawn_evenly_from_all_of_the_dataset():
    count = 20
    x = np.eye(count)[:, np.newaxis, np.newaxis]
    y = np.arange(count)
    mix = MixUp(1.0, num_classes=count)
    _, labels, index = augment_dataset(x, y, 6000, mix, seed=0, append=False, return_index=True)
    own = np.eye(count, dtype=bool)[index]
    others = np.where(own, 0, labels)
    counts = (others > 0).sum(axis=0)
    # One in twenty is its own partner.
    assert abs((others.max(axis=1) == 0).mean() - 1 / count) < 0.01
    assert stats.chisquare(counts).pvalue > 1e-3


@every_mixing
@pytest.mark.parametrize("sampling", ["random", "cycle", "balanced"])
def test_blocks_and_beginnings_of_the_whole(transform, sampling):
    x, labels = telling_pictures(dtype="float32")
    x += np.random.default_rng(0).uniform(0, 0.1, x.shape).astype("float32")
    options = {"seed": 3, "sampling": sampling, "append": False}
    x_all, y_all = augment_dataset(x, labels, 60, transform, **options)
    x_few, y_few = augment_dataset(x, labels, 7, transform, **options)
    np.testing.assert_array_equal(x_few, x_all[:7])
    np.testing.assert_array_equal(y_few, y_all[:7])
    rows = np.array([59, 0, 31, 31])
    x_rows, y_rows = augment_rows(x, labels, rows, transform, **options)
    np.testing.assert_array_equal(x_rows, x_all[rows])
    np.testing.assert_array_equal(y_rows, y_all[rows])


def test_pieces_and_threads(monkeypatch):
    rng = np.random.default_rng(0)
    x, labels = rng.uniform(size=(40, 60, 50, 3)).astype("float32"), np.arange(40) % K
    transform = Compose([Rotation(20), OneOf([MixUp(1.0, num_classes=K), CutMix()], p=0.7)])
    results = []
    for threads, piece in (("1", 2**30), ("1", 2**16), ("3", 2**17)):
        monkeypatch.setenv("KAUG_NUM_THREADS", threads)
        monkeypatch.setattr("kaug._apply.execute._PIECE_BYTES", piece)
        monkeypatch.setattr("kaug.offline._REPORT_BYTES", piece)
        monkeypatch.setattr(
            "kaug.transforms.transform._DRAWN_AT_ONCE", 7 if piece == 2**16 else 2**14
        )
        results.append(augment_dataset(x, labels, 90, transform, seed=1))
    for images, soft in results[1:]:
        np.testing.assert_array_equal(images, results[0][0])
        np.testing.assert_array_equal(soft, results[0][1])


def test_one_dataset_on_many_machines_is_the_whole_dataset_on_one():
    x, labels = telling_pictures()
    transform = MIXING[5]
    whole = augment_dataset(x, labels, 24, transform, seed=1, append=False)
    parts = [
        augment_rows(x, labels, np.arange(start, start + 8), transform, seed=1)
        for start in (0, 8, 16)
    ]
    for position in (0, 1):
        joined = np.concatenate([part[position] for part in parts])
        np.testing.assert_array_equal(joined, whole[position])


def test_draw_then_apply_with_labels():
    x, labels = telling_pictures()
    for transform in MIXING:
        batch = {"images": x, "labels": labels}
        parameters = transform.draw(np.arange(30), seed=5)
        applied, called = transform.apply(batch, parameters), transform(batch, seed=5)
        np.testing.assert_array_equal(applied["images"], called["images"])
        np.testing.assert_array_equal(applied["labels"], called["labels"])


# What stands before and after -------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Add(Transform):
    """Adds a number drawn for each row."""

    photometric = True
    most: float = 100.0
    p: float = 1.0

    def draw_parameters(self, draws):
        return {"summand": draws.uniform(0, self.most)}

    def transform_images(self, images, parameters):
        return images + parameters["summand"].reshape(-1, 1, 1, 1)


@pytest.mark.parametrize("p", [1.0, 0.5])
def test_what_stands_before_happens_to_the_partner_with_draws_of_its_own(p):
    x = np.tile(np.arange(50.0).reshape(-1, 1, 1, 1) * 1000, (1, 3, 4, 1))
    policy = Compose([Add(p=p), Lambda(lambda images: 2 * images), MixUp(1.0), Add()])
    parameters = policy.draw(np.arange(50), seed=0)
    before, _, mix, after = parameters["transforms"]
    partners_before = parameters["partners"]["transforms"][0]
    assert not np.isin(partners_before["summand"], before["summand"]).any()
    rows = partners_of(mix, 50)
    values = np.arange(50) * 1000
    own = 2 * (values + np.where(before["applied"], before["summand"], 0))
    other = 2 * (values[rows] + np.where(partners_before["applied"], partners_before["summand"], 0))
    expected = mix["share"] * own + (1 - mix["share"]) * other + after["summand"]
    result = policy(x, seed=0)
    np.testing.assert_allclose(result[:, 1, 1, 0], expected, rtol=1e-12)
    np.testing.assert_array_equal(result, np.broadcast_to(result[:, :1, :1], x.shape))


def test_a_partner_is_not_mixed_itself():
    x, labels = telling_pictures(200)
    policy = Compose([MixUp(1.0, num_classes=K), MixUp(1.0)])
    result = policy({"images": x, "labels": labels}, seed=0)["labels"]
    assert (result > 1e-6).sum(axis=1).max() == 3
    np.testing.assert_allclose(result.sum(axis=1), 1, atol=1e-6)


@dataclass(frozen=True, repr=False)
class Halve(Transform):
    """Keeps every other row and column."""

    def output_shape(self, shape):
        return ((shape[0] + 1) // 2, (shape[1] + 1) // 2, *shape[2:])

    def transform_images(self, images, parameters):
        return images[:, ::2, ::2]


def test_a_size_that_changes_before(images):
    x = images(12, shape=(10, 14, 2), dtype="float64")
    steps = [Translation((0.2, 0.2), (0.5, 0.5)), Halve(), Translation((0.2, 0.2), (0, 0))]
    parameters = Compose([*steps, MixUp(1.0)]).draw(np.arange(12), seed=0)
    mix = parameters["transforms"][3]
    prepared = Compose(steps)(x, seed=0)  # the same for all rows: nothing is random in it
    share = mix["share"].reshape(-1, 1, 1, 1)
    expected = share * prepared + (1 - share) * prepared[partners_of(mix, 12)]
    result = Compose([*steps, MixUp(1.0)])(x, seed=0)
    assert result.shape == (12, 5, 7, 2)
    np.testing.assert_allclose(result, expected, rtol=1e-12)


@dataclass(frozen=True, repr=False)
class Flatten(Transform):
    """Returns arrays that cannot be written to."""

    photometric = True

    def transform_images(self, images, parameters):
        return np.broadcast_to(images[:, :1, :1], images.shape)


def test_arrays_that_can_not_be_written_to_are_no_obstacle():
    x, labels = telling_pictures()
    policy = Compose([Flatten(), CutMix(num_classes=K, p=0.5), Sometimes(Add(0.0))])
    result = policy({"images": x, "labels": labels}, seed=0)
    np.testing.assert_allclose(result["labels"], result["images"].mean(axis=(1, 2)), atol=1e-6)


def test_inputs_are_not_written_to():
    x, labels = telling_pictures()
    batch = {"images": x.copy(), "labels": ONE_HOT.copy(), "sample_weight": labels * 1.0}
    for transform in MIXING:
        transform(batch, seed=0)
        augment_dataset(batch["images"], batch["labels"], 9, transform, seed=0)
    np.testing.assert_array_equal(batch["images"], x)
    np.testing.assert_array_equal(batch["labels"], ONE_HOT)
    np.testing.assert_array_equal(batch["sample_weight"], labels)


# Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transform", "labels", "text"),
    [
        (MixUp(), LABELS, r"class numbers in `images\['labels'\]`.*MixUp\(num_classes=10\)"),
        (MixUp(num_classes=5), LABELS, r"must lie in 0..4. Received: 0..5 with num_classes=5"),
        (CutMix(num_classes=9), LABELS - 1, r"must lie in 0..8. Received: -1..4"),
        (
            OneOf([MixUp(num_classes=6), CutMix(num_classes=7)]),
            LABELS,
            "must have the same `num_classes`",
        ),
        (MixUp(num_classes=6), LABELS.astype(str), "class numbers.*Number the classes from 0 on"),
        (MixUp(num_classes=6), LABELS * 1.0, "class numbers.*float64"),
        (MixUp(num_classes=6), ONE_HOT.astype(str), "one-hot or soft rows"),
        (MixUp(num_classes=5), ONE_HOT, r"at most num_classes=5 columns. Received: .*\(30, 6\)"),
        (MixUp(num_classes=6), ONE_HOT[:, np.newaxis], r"\(30, 1, 6\)"),
        (MixUp(num_classes=6), np.stack([LABELS, LABELS], 1), "rows of integers.*0 and 1"),
    ],
)
def test_labels_that_can_not_be_mixed(transform, labels, text):
    x, _ = telling_pictures()
    with pytest.raises(ValueError, match=text):
        transform({"images": x, "labels": labels}, seed=0)
    with pytest.raises(ValueError, match=text.replace(r"images\['labels'\]", "y")):
        augment_dataset(x, labels, 3, transform, seed=0)


def test_weights_must_be_numbers():
    x, labels = telling_pictures()
    batch = {"images": x, "labels": labels, "sample_weight": labels.astype(str)}
    with pytest.raises(TypeError, match="`sample_weight` must hold real numbers"):
        MIXING[0](batch, seed=0)


@pytest.mark.parametrize(
    ("transform", "target", "text"),
    [
        (MixUp(), "segmentation_masks", "MixUp blends two.*segmentation masks.*Use CutMix"),
        (Compose([HorizontalFlip(), MixUp()]), "segmentation_masks", "MixUp.*segmentation masks"),
    ],
)
def test_targets_that_can_not_be_mixed(transform, target, text):
    x, _ = telling_pictures()
    targets = {"segmentation_masks": x[..., 0]}
    with pytest.raises(ValueError, match=text):
        transform({"images": x, target: targets[target]}, seed=0)
    with pytest.raises(ValueError, match=text):
        augment_dataset(x, {target: targets[target]}, 3, transform, seed=0)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (
            lambda: MixUp(0),
            ValueError,
            "`alpha` must be a number in 0.0001..1e.06.*Leave the transform out",
        ),
        (lambda: CutMix(-1), ValueError, "alpha=-1"),
        (lambda: MixUp("1"), TypeError, "`alpha`"),
        (lambda: MixUp(float("nan")), ValueError, "`alpha`"),
        (lambda: CutMix(num_classes=1), ValueError, "`num_classes` must be an integer, between 2"),
        (lambda: CutMix(num_classes=2.0), TypeError, "`num_classes`"),
        (lambda: MixUp(p=2), ValueError, "`p` must lie in 0..1"),
        (lambda: MixUp(1, 10), TypeError, "positional"),
    ],
)
def test_bad_arguments(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_generators_of_other_libraries_do_not_mix():
    x, labels = telling_pictures()
    generator = ImageDataGenerator(preprocessing_function=lambda image: image)
    assert augment_dataset(x, labels, 3, generator, seed=0)[1].dtype == labels.dtype


# Distributions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("a", "b"), [(1, 1), (0.2, 0.2), (4, 4), (2, 5), (0.3, 3)])
def test_beta(a, b):
    values = beta(Draws(Key.from_seed(1), np.arange(20000)), a, b)
    assert values.min() >= 0
    assert values.max() <= 1
    assert stats.kstest(values, stats.beta(a, b).cdf).pvalue > 1e-3


@pytest.mark.parametrize("alpha", [0.2, 1.0, 5.0])
@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_dirichlet(alpha, count):
    shares = dirichlet(Draws(Key.from_seed(2), np.arange(20000)), alpha, count)
    assert shares.shape == (20000, count)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-12)
    if count == 1:
        return
    for column in shares.T:  # a share alone has a beta distribution
        marginal = stats.beta(alpha, alpha * (count - 1))
        assert stats.kstest(column, marginal.cdf).pvalue > 1e-3
    # The shares are as dependent as they must be.
    expected = -1 / (count - 1)
    np.testing.assert_allclose(np.corrcoef(shares.T)[0, 1], expected, atol=0.02)


@pytest.mark.parametrize("alpha", [1e-2, 1e-3, 1e-6])
def test_a_tiny_alpha_leaves_one(alpha):
    shares = dirichlet(Draws(Key.from_seed(3), np.arange(3000)), alpha, 3)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-12)
    assert (shares.max(axis=1) > 0.99).mean() > 0.9
    assert stats.chisquare(np.bincount(shares.argmax(axis=1))).pvalue > 1e-3
    values = beta(Draws(Key.from_seed(3), np.arange(3000)), alpha, alpha)
    assert abs((values > 0.5).mean() - 0.5) < 0.04
    assert ((values < 0.01) | (values > 0.99)).mean() > 0.9


def test_shares_are_drawn_from_the_distribution_that_is_named():
    rows = np.arange(20000)
    share = MixUp(0.4).draw(rows, seed=0)["share"]
    assert stats.kstest(share, stats.beta(0.4, 0.4).cdf).pvalue > 1e-3
    parameters = CutMix(2.0).draw(rows, seed=0)
    assert stats.kstest(parameters["share"], stats.beta(2, 2).cdf).pvalue > 1e-3
    for name in ("row", "column", "partner"):
        assert stats.kstest(parameters[name], "uniform").pvalue > 1e-3
    names = ("share", "row", "column", "partner")
    correlations = np.corrcoef([parameters[name] for name in names])
    assert np.abs(correlations - np.eye(4)).max() < 0.03
