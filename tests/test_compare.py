"""Policies compared: what is trained, and what the differences are worth."""

import itertools
import json
import os
import random

import keras
import numpy as np
import pytest
from scipy import stats

import kaug
from kaug._generators import numpy_state_kept
from kaug.transforms import (
    CenterCrop,
    Compose,
    CutMix,
    GaussianNoise,
    HorizontalFlip,
    Identity,
    Invert,
    RandomCrop,
    Rotation,
)

COUNT, HEIGHT, WIDTH = 60, 5, 7


@pytest.fixture
def rows():
    """Returns pictures of three classes that a linear network can tell apart, and their classes."""
    generator = np.random.default_rng(0)
    y = np.arange(COUNT) % 3
    patterns = generator.random((3, HEIGHT, WIDTH, 1))
    x = patterns[y] + generator.normal(0, 0.2, (COUNT, HEIGHT, WIDTH, 1))
    return x.clip(0, 1).astype("float32"), y


class Builder:
    """Makes small networks, and counts them."""

    def __init__(self, loss="sparse_categorical_crossentropy", metrics=("accuracy",), width=WIDTH):
        self.loss, self.metrics, self.width, self.made = loss, list(metrics), width, 0

    def __call__(self):
        self.made += 1
        inputs = keras.Input((HEIGHT, self.width, 1))
        outputs = keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(inputs))
        model = keras.Model(inputs, outputs)
        optimizer = keras.optimizers.SGD(0.1)
        model.compile(optimizer, self.loss, metrics=self.metrics, run_eagerly=True)
        return model


POLICIES = {"none": Identity(), "flip": HorizontalFlip(), "noise": GaussianNoise(0.2)}
SHORT = {"epochs": 1, "verbose": 0, "batch_size": 32}


def compare(rows, policies=POLICIES, build_model=None, **options):
    return kaug.compare_policies(*rows, build_model or Builder(), policies, **SHORT | options)


# What the differences are worth ------------------------------------------------------------------

SCORES = {"none": (0.80, 0.82, 0.81, 0.79), "flip": (0.85, 0.88, 0.86, 0.85), "noise": (0.8,) * 4}


def test_intervals_of_repeats_on_rows_of_their_own_are_those_of_a_paired_t_test():
    comparison = kaug.PolicyComparison(SCORES, "accuracy", "max", validation_split=1e-9)
    for name, found in comparison.differences.items():
        test = stats.ttest_rel(SCORES[name], SCORES["none"])
        expected = test.confidence_interval(1 - 0.05 / 2)  # two intervals hold together
        mean = np.subtract(SCORES[name], SCORES["none"]).mean()
        np.testing.assert_allclose(found, (mean, expected.low, expected.high), atol=1e-9)


def test_intervals_are_wider_for_training_rows_that_repeats_share():
    scores = {"none": (0.80, 0.82, 0.81), "flip": (0.85, 0.88, 0.86)}
    found = kaug.PolicyComparison(scores, "accuracy", "max", 0.25).differences["flip"]
    # Gains 0.05, 0.06, 0.05: s = 0.0057735; t of 2 degrees = 4.302653; 1/3 + 1/3 in the root.
    np.testing.assert_allclose(found.mean, 0.16 / 3)
    np.testing.assert_allclose(found.high - found.mean, 4.302653 * 0.0057735 * (2 / 3) ** 0.5, 1e-4)


def test_less_is_better_where_that_is_said():
    less = {name: tuple(1 - score for score in scores) for name, scores in SCORES.items()}
    more = kaug.PolicyComparison(SCORES, "accuracy", "max", 0.25)
    for name, found in kaug.PolicyComparison(less, "loss", "min", 0.25).differences.items():
        np.testing.assert_allclose(found, more.differences[name])


def test_the_best_of_noise_is_not_called_better():
    generator, false = np.random.default_rng(0), 0
    for _ in range(400):
        scores = {str(name): tuple(generator.normal(0.8, 0.01, 5)) for name in range(6)}
        false += bool(kaug.PolicyComparison(scores, "accuracy", "max", 0.01).helpful)
    assert false <= 400 * 0.05


@pytest.mark.parametrize("scores", [(0.9,), (0.9, 0.9, 0.9)])
def test_nothing_is_known_without_a_spread(scores):
    comparison = kaug.PolicyComparison(
        {"none": (0.8,) * len(scores), "flip": scores}, "accuracy", "max", 0.25
    )
    assert comparison.differences["flip"].low == -np.inf
    assert not comparison.helpful
    assert "unknown" in str(comparison)


@pytest.mark.parametrize("repeats", [2, 4])
def test_gains_that_differ_by_rounding_alone_have_no_spread(repeats):
    first = np.float32([0.80, 0.06, 0.78, 0.84])[:repeats]
    flip = np.float32([0.82, 0.08, 0.80, 0.86])[:repeats]
    scores = {"none": tuple(map(float, first)), "flip": tuple(map(float, flip))}
    found = kaug.PolicyComparison(scores, "accuracy", "max", 0.25)
    assert len(set(found.gains("flip"))) > 1
    np.testing.assert_allclose(found.differences["flip"], (0.02, -np.inf, np.inf), 1e-5)
    assert not found.helpful


def test_a_small_spread_of_small_scores_is_one():
    scores = {"none": (1e-9, 2e-9, 1e-9), "flip": (9e-9, 9.1e-9, 9e-9)}
    found = kaug.PolicyComparison(scores, "loss", "min", 0.25).differences["flip"]
    gains = [-8e-9, -7.1e-9, -8e-9]
    half = stats.t.ppf(0.975, 2) * np.std(gains, ddof=1) * (1 / 3 + 1 / 3) ** 0.5
    np.testing.assert_allclose(found.high - found.mean, half)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_training_that_diverged_is_told(bad):
    scores = {"none": (0.5, 0.6), "flip": (bad, 0.4), "harm": (0.7, -bad), "other": (0.5, 0.7)}
    found = kaug.PolicyComparison(scores, "loss", "min", 0.25)
    np.testing.assert_equal(found.differences["flip"], (np.nan, -np.inf, np.inf))
    assert np.isfinite(found.differences["other"]).all()
    assert str(found).endswith(
        "not told apart from none: other; no finite loss in some repeat: flip, harm."
    )
    assert kaug.plot_comparison(found).axes


def test_the_table_says_it_in_words():
    worse = {**SCORES, "blur": (0.6, 0.61, 0.62, 0.6)}
    lines = str(kaug.PolicyComparison(worse, "accuracy", "max", 0.25)).splitlines()
    assert lines[0].split() == [
        *("policy", "accuracy", "better", "than", "none", "by", "95", "%", "interval"),
    ]
    assert lines[2].split()[:3] == ["flip", "0.8600", "+0.0550"]
    assert lines[-1] == (
        "Means of 4 repeats; better than none beyond chance: flip; worse: blur; "
        "not told apart from none: noise."
    )


# What is trained --------------------------------------------------------------------------------


def test_a_score_is_what_one_gets_by_hand(rows):
    found = compare(rows, repeats=2, seed=7, epochs=2)
    for repeat in range(2):
        seed = 7 + repeat
        training, validation = kaug.train_validation_split(*rows, seed=seed)
        for name, policy in POLICIES.items():
            dataset = kaug.AugmentedDataset(*training, policy, batch_size=32, seed=seed)
            with numpy_state_kept():
                keras.utils.set_random_seed(seed)
                model = Builder()()
                model.fit(dataset, epochs=2, shuffle=False, verbose=0)
            score = model.evaluate(*validation, batch_size=32, verbose=0, return_dict=True)
            np.testing.assert_allclose(found.scores[name][repeat], score["accuracy"])
    assert found.monitor == "accuracy"


def test_a_harmful_policy_is_told(rows):
    found = compare(rows, {"none": Identity(), "harm": Invert()}, repeats=6, epochs=4, batch_size=8)
    assert found.differences["harm"].high < 0
    assert "worse: harm" in str(found)


def test_groups_stay_together(rows):
    x, y = rows
    double, classes = np.concatenate([x, x]), np.concatenate([y, y])
    groups = np.tile(np.arange(COUNT), 2)
    seen = []

    def noted(images):
        seen.append(images.sum((1, 2, 3)))
        return images

    compare((double, classes), {"none": Identity(), "noted": noted}, repeats=1, groups=groups)
    training, _ = kaug.train_validation_split(double, classes, groups=groups, seed=0)
    assert {*np.concatenate(seen)} == {*training[0].sum((1, 2, 3))}  # of neither copy the other


def test_pictures_of_any_size(rows):
    x, y = rows
    pictures = [image[:, : WIDTH - row % 2] for row, image in enumerate(x)]
    crop = {"none": CenterCrop(HEIGHT, 6), "crop": RandomCrop(HEIGHT, 6)}
    options = {"build_model": Builder(width=6), "validation_policy": CenterCrop(HEIGHT, 6)}
    assert len(compare((pictures, y), crop, repeats=1, **options).scores["crop"]) == 1


def test_randaugment_by_default(rows):
    found = compare(rows, None, repeats=1)
    assert list(found.scores) == [
        "none",
        *(f"RandAugment({n}, {m})" for n, m in [(1, 5), (1, 10), (2, 5), (2, 10), (2, 15)]),
    ]


def test_mixing_of_one_hot_labels(rows):
    x, y = rows
    mixed = {"none": Identity(), "mixed": CutMix()}
    builder = Builder("categorical_crossentropy")
    found = compare((x, keras.utils.to_categorical(y)), mixed, builder, repeats=1)
    assert len(found.scores["mixed"]) == 1


def test_metrics_without_a_name_which_keras_numbers(rows, tmp_path):
    x, y = rows

    def build_model():
        metrics = [keras.metrics.AUC(), keras.metrics.AUC(curve="PR"), "accuracy"]
        return Builder("categorical_crossentropy", metrics)()

    labels = keras.utils.to_categorical(y)
    options = {"repeats": 1, "log": tmp_path / "comparison.jsonl", "build_model": build_model}
    first = compare((x, labels), **options)
    assert first.monitor == "auc"  # the first of them, not of the alphabet
    again = compare((x, labels), **options)
    assert again == first
    second = compare((x, labels), **options | {"monitor": "auc_1", "log": None})
    assert second.monitor == "auc_1"
    training, validation = kaug.train_validation_split(x, labels, seed=0)
    with numpy_state_kept():
        keras.utils.set_random_seed(0)
        model = build_model()
        dataset = kaug.AugmentedDataset(*training, Identity(), batch_size=32, seed=0)
        model.fit(dataset, shuffle=False, verbose=0)
    said = model.predict(validation[0], verbose=0)
    for name, found in (("ROC", first), ("PR", second)):
        by_hand = keras.metrics.AUC(curve=name)
        by_hand.update_state(validation[1], said)
        np.testing.assert_allclose(found.scores["none"][0], by_hand.result(), rtol=1e-5)


def two_outputs():
    inputs = keras.Input((HEIGHT, WIDTH, 1))
    flat = keras.layers.Flatten()(inputs)
    outputs = {
        "a_number": keras.layers.Dense(1, name="a_number")(flat),
        "digit": keras.layers.Dense(3, activation="softmax", name="digit")(flat),
    }
    model = keras.Model(inputs, outputs)
    model.compile(
        "sgd",
        {"a_number": "mse", "digit": "sparse_categorical_crossentropy"},
        metrics={"a_number": ["mae"], "digit": ["accuracy"]},
        run_eagerly=True,
    )
    return model


def test_several_outputs_and_targets_that_are_no_classes(rows):
    x, y = rows
    targets = {"a_number": x.mean((1, 2, 3)), "digit": y}
    with pytest.raises(ValueError, match="Pass stratify=False"):
        compare((x, targets), build_model=two_outputs)
    options = {"build_model": two_outputs, "stratify": False, "repeats": 1}
    found = compare((x, targets), **options)
    assert (found.monitor, found.mode) == ("a_number_mae", "min")
    assert compare((x, targets), monitor="digit_accuracy", **options).mode == "max"


@pytest.mark.parametrize(
    ("monitor", "mode", "expected"),
    [
        ("loss", "auto", "min"),
        ("accuracy", "auto", "max"),
        ("accuracy", "min", "min"),
        ("mean_absolute_error", "auto", "min"),
        ("mse", "auto", "min"),
        ("mse", "max", "max"),
    ],
)
def test_whether_more_is_better_is_known_from_the_name(rows, monitor, mode, expected):
    metrics = ["accuracy", "mse", keras.metrics.MeanAbsoluteError()]
    builder = Builder("categorical_crossentropy", metrics)
    rows = (rows[0], keras.utils.to_categorical(rows[1]))
    found = compare(rows, build_model=builder, monitor=monitor, mode=mode, repeats=1)
    assert found.mode == expected
    gain = found.scores["flip"][0] - found.scores["none"][0]
    assert found.gains("flip") == [gain if expected == "max" else -gain]


def test_a_rate_of_learning_of_ones_own(rows, tmp_path):
    class Slower(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.1 / (1 + keras.ops.cast(step, "float32"))

    def build_model():
        model = Builder()()
        model.compile(keras.optimizers.SGD(Slower()), model.loss, metrics=["accuracy"])
        return model

    options = {"repeats": 1, "log": tmp_path / "comparison.jsonl", "build_model": build_model}
    assert compare(rows, **options) == compare(rows, **options)


def shared_model():
    model = Builder()()
    return lambda: model


def shared_network():
    network = keras.Sequential([keras.Input((HEIGHT, WIDTH, 1)), keras.layers.Flatten()])
    network.add(keras.layers.Dense(4))

    def build_model():
        model = keras.Sequential([network, keras.layers.Dense(3, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return build_model


def shared_optimizer():
    optimizer = keras.optimizers.Adam()
    model = Builder()()
    weights = model.get_weights()
    model.compile(optimizer, model.loss, metrics=["accuracy"], run_eagerly=True)

    def build_model():
        model.set_weights(weights)
        return model

    return build_model


def drawn_elsewhere():
    generator = np.random.default_rng(0)

    def build_model():
        model = Builder()()
        model.set_weights([generator.random(each.shape) for each in model.get_weights()])
        return model

    return build_model


@pytest.mark.parametrize("share", [shared_model, shared_network, shared_optimizer, drawn_elsewhere])
def test_a_model_that_knows_of_the_one_before_is_refused(rows, share):
    with pytest.raises(ValueError, match="must return a new model, with the same first weights"):
        compare(rows, build_model=share(), repeats=1)


def test_weights_that_were_trained_elsewhere_may_be_begun_with(rows):
    weights = [np.ones_like(each) for each in Builder()().get_weights()]

    def build_model():
        model = Builder()()
        model.set_weights(weights)
        return model

    assert len(compare(rows, build_model=build_model, repeats=2).scores["none"]) == 2


def test_nothing_is_said_where_nothing_was_asked_for(rows, capfd, caplog):
    def build_model():
        model = Builder()()
        model.compile("sgd", model.loss, metrics=["accuracy"])  # compiled each time, not eagerly
        return model

    compare(rows, build_model=build_model, repeats=2)
    assert capfd.readouterr().out == ""
    assert not [record for record in caplog.records if "retracing" in record.getMessage()]


def test_who_draws_numbers_elsewhere_is_not_disturbed(rows):
    before = random.getstate(), np.random.get_state()[1].tolist()
    compare(rows, repeats=1)
    assert before == (random.getstate(), np.random.get_state()[1].tolist())


# What is kept -----------------------------------------------------------------------------------


def test_a_comparison_goes_on_where_it_was(rows, tmp_path):
    log = tmp_path / "comparison.jsonl"
    whole = compare(rows, repeats=2)
    compare(rows, {name: POLICIES[name] for name in ("none", "flip")}, repeats=1, log=log)
    log.write_bytes(log.read_bytes() + b'{"policy": "fl')  # it was killed while it wrote
    builder = Builder()
    found = compare(rows, repeats=2, log=log, build_model=builder)
    assert found == whole
    assert builder.made == 1 + 6 - 2  # one to look at, and those that were not there
    assert len(log.read_text().splitlines()) == 6
    assert compare(rows, repeats=2, log=log, build_model=(again := Builder())) == whole
    assert again.made == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"epochs": 2}, "epochs 2 and 1"),
        ({"batch_size": 8}, "batch_size 8 and 32"),
        ({"monitor": "loss"}, "monitor loss and accuracy"),
        ({"stratify": False}, "stratify False and True"),
        ({"groups": np.arange(COUNT)}, "rows "),
        ({"build_model": Builder(keras.losses.SparseCategoricalCrossentropy())}, "loss "),
        ({"build_model": Builder(width=WIDTH), "seed": 1}, "seed 1 and 0"),
        ({"policies": {"none": Identity(), "flip": Rotation(9)}}, "'flip' = Rotation"),
    ],
)
def test_a_log_of_another_comparison_is_refused(rows, tmp_path, change, said):
    log = tmp_path / "comparison.jsonl"
    two = {name: POLICIES[name] for name in ("none", "flip")}
    compare(rows, two, repeats=1, log=log)
    before = log.read_bytes()
    with pytest.raises(ValueError, match=said):
        compare(rows, **{"policies": two, "repeats": 1, "log": log} | change)
    assert log.read_bytes() == before


def test_other_rows_are_refused(rows, tmp_path):
    log = tmp_path / "comparison.jsonl"
    compare(rows, repeats=1, log=log)
    x, y = rows
    for other in [(x[:30], y[:30]), (x / 2, y), (x, (y + 1) % 3), (list(x), list((y + 1) % 3))]:
        with pytest.raises(ValueError, match="`log` must be of a comparison with the same rows"):
            compare(other, repeats=1, log=log)


class Generator:
    """Augments, and says nothing of how."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, images):
        return images * np.float32(self.factor)


@pytest.mark.parametrize(
    ("same", "other"),
    [
        (
            lambda: keras.layers.RandomFlip("horizontal"),
            lambda: keras.layers.RandomFlip("vertical"),
        ),
        (lambda: Generator(0.5), lambda: Generator(0.7)),
    ],
)
def test_what_augments_is_known_by_its_options(rows, tmp_path, same, other):
    log = tmp_path / "comparison.jsonl"

    def compared(augments):
        return compare(rows, {"none": Identity(), "it": augments}, repeats=1, log=log)

    assert compared(same()) == compared(same())  # Keras gives the second layer another name
    with pytest.raises(ValueError, match="must stand for the same policy"):
        compared(other())


def test_the_last_line_may_lack_its_end(rows, tmp_path):
    log = tmp_path / "comparison.jsonl"
    whole = compare(rows, repeats=1, log=log)
    text = log.read_bytes()
    log.write_bytes(text.removesuffix(b"\n"))  # as some editors do
    assert compare(rows, repeats=1, log=log, build_model=(builder := Builder())) == whole
    assert builder.made == 1
    assert log.read_bytes() == text


def test_a_log_that_cannot_be_written_to_is_told_before_anything_is_trained(rows, tmp_path):
    log = tmp_path / "comparison.jsonl"
    compare(rows, repeats=1, log=log)
    log.chmod(0o444)
    if os.access(log, os.W_OK):
        pytest.skip("who runs this may write to everything")
    builder = Builder()
    with pytest.raises(PermissionError):
        compare(rows, repeats=2, log=log, build_model=builder)
    assert builder.made == 1


@pytest.mark.parametrize(
    "text",
    [
        *(
            "hello\n",
            "hello",
            "{",
            '{"pol',
            "{}",
            "{}\n",
            '{"policies": [',
            "[1,\n2",
            '{"policy": 3}',
        ),
        json.dumps({"policy": "none"}) + "\n",
        'hello\n{"policy": "no',
    ],
)
def test_a_file_that_is_no_log_is_left_alone(rows, tmp_path, text):
    log = tmp_path / "notes.txt"
    log.write_text(text)
    with pytest.raises(ValueError, match="`log` must be a file that a comparison wrote"):
        compare(rows, repeats=1, log=log)
    assert log.read_text() == text


def test_no_more_is_begun_than_there_is_time_for(rows, monkeypatch):
    clock = iter(range(0, 10_000, 120))
    monkeypatch.setattr("kaug.compare.time.monotonic", lambda: next(clock))
    found = compare(rows, repeats=50, minutes=30)
    assert 1 <= len(found.scores["none"]) < 50
    assert len({len(scores) for scores in found.scores.values()}) == 1
    with pytest.raises(ValueError, match="`minutes` must be enough"):
        compare(rows, minutes=0.5)


def test_progress(rows, capsys):
    compare(rows, repeats=1, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("none, repeat 0: accuracy ")
    assert lines[0].endswith(" left")
    assert len(lines) == 3
    assert not lines[2].endswith(" left")


# What is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        ({"policies": {"none": Identity()}}, ValueError, "`policies` must be a dict of at least"),
        ({"policies": [Identity()]}, TypeError, "`policies` must be a dict"),
        ({"policies": {"none": Identity(), "other": 3}}, TypeError, "generator"),
        ({"build_model": Builder()()}, TypeError, "Pass the function itself"),
        ({"build_model": lambda: None}, ValueError, "`build_model` must return a compiled"),
        ({"build_model": Builder(metrics=())}, ValueError, "`monitor` must be a metric"),
        ({"monitor": "auc"}, ValueError, "monitor='auc', of a model with loss, accuracy"),
        ({"mode": "best"}, ValueError, "`mode` must be one of 'auto', 'max', 'min'"),
        ({"epochs": 0}, ValueError, "`epochs` must be an integer, at least 1"),
        ({"repeats": 0}, ValueError, "`repeats` must be an integer, at least 1"),
        ({"minutes": 0}, ValueError, "`minutes` must be above 0"),
        ({"seed": 2**32}, ValueError, "`seed` must be an integer, between 0"),
        ({"validation_split": 1}, ValueError, "`validation_split` must be a number strictly"),
        (
            {"policies": {"none": Identity(), "crop": CenterCrop(3, 3)}},
            ValueError,
            "Pass a `validation_policy` that makes images of that size",
        ),
        (
            {"policies": {"none": Identity(), "mix": CutMix(num_classes=3)}},
            ValueError,
            "pass `y` one-hot",
        ),
        (
            {"policies": {"none": Identity(), "crop": Compose([CenterCrop(9, 9)])}},
            ValueError,
            "9",
        ),
    ],
)
def test_bad_arguments(rows, change, kind, said):
    builder = Builder()
    with pytest.raises(kind, match=said):
        compare(rows, **{"build_model": builder, "repeats": 1, **change})
    assert builder.made <= 1


def test_the_figure_has_a_bar_for_each_policy():
    figure = kaug.plot_comparison(kaug.PolicyComparison(SCORES, "accuracy", "max", 0.25))
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["flip", "noise"]
    bar = axes.lines[0].get_xdata()
    found = kaug.PolicyComparison(SCORES, "accuracy", "max", 0.25).differences["flip"]
    np.testing.assert_allclose(bar, [found.low, found.high])
    with pytest.raises(TypeError, match="`comparison` must be what"):
        kaug.plot_comparison(SCORES)


def test_long_names_leave_room_for_what_is_drawn():
    text = "Compose([RandomResizedCrop(height=224, width=224), HorizontalFlip(), ColorJitter(0.2)])"
    scores = {f"{text}{number}": SCORES["flip"] for number in range(9)}
    figure = kaug.plot_comparison(kaug.PolicyComparison(scores, "accuracy", "max", 0.25))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert axes.get_position().width > 0.4
    boxes = [text.get_window_extent() for text in axes.get_yticklabels()]
    assert min(box.x0 for box in boxes) >= 0
    assert all(above.y0 >= below.y1 for above, below in itertools.pairwise(boxes))
    assert axes.xaxis.label.get_window_extent().x1 <= figure.bbox.x1
