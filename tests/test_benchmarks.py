"""What the accuracy runs rest on: the arithmetic of Keras, and harmless restarts."""

import importlib
import json
import os
import random
from pathlib import Path

import keras
import numpy as np
import pytest

import kaug

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the runs train with TensorFlow"
)


@pytest.fixture
def benchmark(monkeypatch):
    """Loads a script of `benchmarks/`; what it sets and seeds is put back."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name, value in {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"}.items():
        monkeypatch.setenv(name, os.environ.get(name, value))
    state, numpy_state = random.getstate(), np.random.get_state()
    yield importlib.import_module
    random.setstate(state)
    np.random.set_state(numpy_state)


@pytest.fixture
def runs(benchmark, monkeypatch, tmp_path):
    """Makes short accuracy runs, on 200 garments and 100 others."""
    accuracy = benchmark("accuracy")
    data = kaug.load_fashion_mnist()
    few = [(x[:count], y[:count]) for (x, y), count in zip(data, (200, 100), strict=True)]
    monkeypatch.setattr(kaug, "load_fashion_mnist", lambda: few, raising=False)
    monkeypatch.setattr(accuracy, "SAVE_EVERY", 3)

    def run(folder, arm="flip-cutmix", steps=6):
        return accuracy.Run(
            arm,
            {**accuracy.TRIALS, **accuracy.ARMS}[arm],
            seed=1,
            steps=steps,
            validate=False,
            folder=tmp_path / folder,
        )

    return run


def test_the_faster_step_computes_what_keras_does(benchmark):
    fast = benchmark("_fast_training")
    keras.utils.set_random_seed(0)
    plain = kaug.build_fashion_cnn(dropout=0.0, compile=False)
    faster = fast.with_winograd(plain)
    assert any(isinstance(layer, fast.WinogradConv2D) for layer in faster.layers)
    assert faster.count_params() == plain.count_params()

    # Noise: an empty background is full of ties, which each rounding breaks its own way in MaxPool.
    random_numbers = np.random.default_rng(0)
    x = random_numbers.random((37, 28, 28, 1), "float32")
    y = np.eye(10, dtype="float32")[random_numbers.integers(0, 10, 37)]
    np.testing.assert_allclose(faster.predict_on_batch(x), plain.predict_on_batch(x), atol=1e-5)

    for model in (plain, faster):
        # Not Adam, which enlarges the rounding of small gradients.
        model.compile("sgd", "categorical_crossentropy")
        model.optimizer.build(model.trainable_variables)
    step = fast.training_step(faster)
    for _ in range(3):
        expected = plain.train_on_batch(x, y)
        loss, right = step(x, y).numpy()
        assert loss == pytest.approx(expected, rel=1e-4)
        assert 0 <= right <= 1
    for ours, theirs in zip(faster.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_run_that_was_killed_ends_like_one_that_was_not(runs, monkeypatch):
    whole = runs("whole")
    whole.train()

    first = runs("killed")
    save = first._save

    def saved_once():
        save()
        raise KeyboardInterrupt

    monkeypatch.setattr(first, "_save", saved_once)
    with pytest.raises(KeyboardInterrupt):
        first.train()
    rest = runs("killed")
    assert rest.step == 3
    rest.train()

    assert rest.step == whole.step == 6
    for again, once in zip(rest.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_allclose(again, once, atol=1e-5)
    ours, theirs = rest.result(), whole.result()
    assert ours["confusion"] == theirs["confusion"]
    assert np.sum(ours["confusion"]) == 100
    assert ours["curves"][0]["loss"] == pytest.approx(theirs["curves"][0]["loss"], rel=1e-4)


def test_of_one_seed_the_fewer_pictures_are_among_the_more(benchmark):
    accuracy = benchmark("accuracy")
    y = np.repeat(np.arange(10), 50)[np.random.default_rng(0).permutation(500)]
    few, many = (accuracy.balanced_rows(y, count, seed=3) for count in (30, 200))
    assert set(few) < set(many)
    assert np.bincount(y[few]).tolist() == [3] * 10
    assert np.bincount(y[many]).tolist() == [20] * 10
    assert set(few) != set(accuracy.balanced_rows(y, 30, seed=4))


def test_a_checkpoint_of_another_recipe_is_refused(runs, monkeypatch):
    run = runs("changed", steps=3)
    run.facts["recipe"]["dropout"] = 0.9
    run._save()
    with pytest.raises(SystemExit, match="another recipe"):
        runs("changed", steps=3)


def test_a_run_in_bfloat16_says_so(runs, benchmark):
    fast, before = benchmark("_fast_training"), keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        run = runs("half")
    finally:
        keras.config.set_dtype_policy(before)
    assert run.facts["precision"] == "mixed_bfloat16"
    assert "bfloat16" in run.checkpoint.name
    assert run.model.layers[0].compute_dtype == "bfloat16"
    assert not any(isinstance(layer, fast.WinogradConv2D) for layer in run.model.layers)
    assert runs("whole").facts["precision"] == "float32"


def finished(arm, seed, accuracy, steps=100):
    recipe = {
        "policy": "Identity()",
        "appended": False,
        "dropout": 0.5,
        "cosine": True,
        "ema": 0.0,
        "weight_decay": 0.0,
    }
    return {
        "arm": arm,
        "seed": seed,
        "steps": steps,
        "validate": False,
        "precision": "float32",
        "recipe": recipe,
        "loss": 0.25,
        "accuracy": accuracy,
        "curves": [
            {"step": 50, "acc": 0.5, "loss": 1.0},
            {"step": steps, "acc": 0.75, "loss": 0.5},
        ],
        "confusion": np.eye(10, dtype=int).tolist(),
        "processor": "a processor",
        "cores": 2,
        "system": "Linux",
        "python": "3.11",
        "versions": {"kaug": "0.1.0"},
    }


def test_the_report_gathers_seeds(benchmark, monkeypatch, tmp_path, capsys):
    report = benchmark("accuracy_report")
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    lines = [finished("best-none", 0, 0.93), finished("best", 0, 0.94), finished("best", 1, 0.95)]
    log = tmp_path / "accuracy.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report.main()
    text = (tmp_path / "accuracy.md").read_text()
    assert "| best, 2 seeds | `Identity()` | 0.5 | 0.750 (0.750 to 0.750) |" in text
    assert "| 0.9450 (0.9400 to 0.9500) | 0.250 (0.250 to 0.250) |" in text
    assert "| best-none | `Identity()` | 0.5 | 0.750 | 0.9300 | 0.250 |" in text
    assert "\nAll with: cosine decay.\n" in text
    assert "\na processor, 2 cores, Linux, Python 3.11; kaug 0.1.0.\n" in text
    assert text in capsys.readouterr().out
    assert (tmp_path / "accuracy.png").stat().st_size > 10_000
    (axes,) = report.curves(report.longest(report.read())).axes
    assert [line.get_text() for line in axes.get_legend().get_texts()] == ["best", "best-none"]
    assert "| best |" not in (tmp_path / "accuracy_trials.md").read_text()

    arms = report.longest(report.read())
    arms["best"][1]["confusion"] = (np.eye(10, dtype=int) * 3).tolist()
    figure = report.confusion(arms)
    for axes, arm, mean in zip(figure.axes, ["best", "best-none"], ["2", "1"], strict=True):
        assert axes.get_title() == arm
        assert [text.get_text() for text in axes.texts if text.get_text() != "0"] == [mean] * 10
    (axes,) = report.confusion({"best": arms["best"]}).axes
    assert axes.get_title() == ""

    log.write_text(log.read_text() + json.dumps(lines[0]) + "\n")
    with pytest.raises(SystemExit, match="two runs"):
        report.main()


def test_the_report_says_what_sets_an_arm_apart(benchmark):
    report = benchmark("accuracy_report")
    runs = [finished("plain", 0, 0.9), finished("decay", 0, 0.9)]
    runs[1]["recipe"] |= {
        "policy": "Compose(transforms=(HorizontalFlip(), PadAndCrop(padding=0.07142857142857142)))",
        "weight_decay": 0.05,
    }
    key = (report.TEST, 100, "float32")
    text = report.tables({(*key, run["arm"]): [run] for run in runs}, report.TEST)
    policy = "`HorizontalFlip(), PadAndCrop(padding=0.0714)`"
    assert f"| decay | {policy}, weight decay 0.05 | 0.5 | 0.750 | 0.9000 | 0.250 |  |" in text
    assert "| plain | `Identity()` | 0.5 |" in text
    assert "\nAll with: cosine decay.\n" in text


def test_the_figure_of_the_way_shows_held_out_accuracy_and_loss(benchmark):
    report = benchmark("accuracy_report")
    runs = [finished("flip", seed, 0.93) for seed in range(2)]
    for seed, run in enumerate(runs):
        for point in run["curves"]:
            point |= {"val_acc": 0.91 + 0.02 * seed, "val_loss": 0.2 + 0.1 * seed}
    accuracy, loss = report.on_the_way({"flip": runs}).axes
    assert [text.get_text() for text in accuracy.get_legend().get_texts()] == ["flip"]
    for axes, mean in ((accuracy, 0.92), (loss, 0.25)):
        (line,) = axes.lines
        assert line.get_xdata().tolist() == [50, 100]
        assert line.get_ydata() == pytest.approx([mean, mean])
        assert axes.collections  # the band


def few(pictures, policy, seed, accuracy):
    return finished(policy, seed, accuracy) | {"pictures": pictures, "validate": False}


def test_the_curve_takes_what_was_run_on_all_pictures(benchmark):
    runs = benchmark("few_pictures_report").read()[60_000, "best"]
    assert [run["seed"] for run in runs] == [0, 1, 2]
    assert {(run["arm"], run["steps"], run["validate"]) for run in runs} == {
        ("best", 33_750, False)
    }


def test_the_curve_says_how_many_times_fewer_pictures_do(benchmark, monkeypatch, tmp_path):
    report = benchmark("few_pictures_report")
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    monkeypatch.setattr(report, "COLORS", {"none": "black", "mild": "C0"})
    lines = [
        *(few(100, "none", seed, 0.70) for seed in (1, 0)),
        *(few(10_000, "none", seed, 0.90) for seed in (0, 1)),
        *(few(100, "mild", seed, 0.79 + 0.02 * seed) for seed in (0, 1)),
        few(10_000, "mild", 0, 1.00),  # the other seed is still training
    ]
    log = tmp_path / "few_pictures.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    runs = report.comparable(report.read())
    assert [run["seed"] for run in runs[100, "none"]] == [0, 1]
    assert [run["seed"] for run in runs[10_000, "none"]] == [0]
    found = report.accuracies(runs)
    assert found["mild"] == {100: [0.79, 0.81], 10_000: [1.0]}
    assert report.table_of_gains(found)[2] == [["mild", "+0.100 (+0.090 to +0.110)", "+0.100"]]
    # 0.9 lies halfway between 0.8 and 1.0, and 1,000 halfway from 100 to 10,000 as powers of ten.
    assert report.pictures_for(0.9, found["mild"]) == pytest.approx(1_000)
    # That is of one seed, whose pictures both curves are of: from 0.79 to 1 it is a little more.
    needed = 100 * 100 ** ((0.9 - 0.79) / (1 - 0.79))
    assert report.worth(found) == {("mild", 10_000): pytest.approx([10_000 / needed])}
    accuracy, times = report.curve(found).axes
    assert [text.get_text() for text in accuracy.get_legend().get_texts()] == ["none", "mild"]
    assert f"{10_000 / needed:.1f} times fewer pictures" in times.get_title()
