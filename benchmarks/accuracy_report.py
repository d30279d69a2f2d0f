"""Makes the tables and the plot of the accuracy runs from `results/accuracy.jsonl`.

    python benchmarks/accuracy_report.py

Writes `accuracy.md` (read from the test set), `accuracy_trials.md` (from held-out images of the
training set) and `accuracy.png` into `results/`. Runs of the same arm that differ in the seed alone
make one row and one line. The documentation draws the same figures when it is built.
"""

import json
import re
from collections import defaultdict
from pathlib import Path

import _report
import numpy as np
from matplotlib.figure import Figure

import kaug

RESULTS = Path(__file__).parent / "results"
TEST, HELD_OUT = "test set", "10,000 held-out images"


def read():
    """Returns the finished runs by kind (what their end was read from), steps, precision, arm."""
    path, groups, seen = RESULTS / "accuracy.jsonl", defaultdict(list), set()
    for line in path.read_text().splitlines():
        run = json.loads(line)
        kind = HELD_OUT if run["validate"] else TEST
        key = (kind, run["steps"], run["precision"], run["arm"])
        if (*key, run["seed"]) in seen:
            raise SystemExit(f"{path} has two runs of {key} with seed {run['seed']}; keep one.")
        seen.add((*key, run["seed"]))
        groups[key].append(run)
    return groups


def spread(values, digits):
    """Returns the mean, and after it the smallest and largest of several values."""
    text = f"{np.mean(values):.{digits}f}"
    if len(values) > 1:
        text += f" ({min(values):.{digits}f} to {max(values):.{digits}f})"
    return text


def training(recipe):
    """Returns what is to be said of a recipe beside its policy and its dropout."""
    said = {
        "cosine decay": recipe["cosine"],
        f"EMA {recipe['ema']:g}": recipe["ema"],
        f"weight decay {recipe['weight_decay']:g}": recipe["weight_decay"],
        "appended once": recipe["appended"],
    }
    return [words for words, applies in said.items() if applies]


def row(arm, runs, common):
    """Returns what the table says of one arm, but for what is common to all of its arms."""
    recipe = runs[0]["recipe"]
    policy = recipe["policy"].removeprefix("Compose(transforms=(").removesuffix("))")
    policy = re.sub(r"\d+\.\d{4,}", lambda number: f"{float(number[0]):.3g}", policy)
    own = [words for words in training(recipe) if words not in common]
    mirrored = all("with_mirrored" in run for run in runs)  # the first runs did not look
    return [
        arm if len(runs) == 1 else f"{arm}, {len(runs)} seeds",
        ", ".join([f"`{policy}`", *own]),
        f"{recipe['dropout']:g}",
        spread([run["curves"][-1]["acc"] for run in runs], 3),
        spread([run["accuracy"] for run in runs], 4),
        spread([run["loss"] for run in runs], 3),
        spread([run["with_mirrored"]["accuracy"] for run in runs], 4) if mirrored else "",
    ]


def tables(groups, kind):
    """Returns the Markdown of one kind of runs, the longest first."""
    header = ["arm", "policy", "dropout", "in training", "accuracy", "loss", "mirrored too"]
    lines = []
    for group in sorted({key[:3] for key in groups if key[0] == kind}, key=lambda key: -key[1]):
        arms = arms_of(groups, group)
        _, steps, precision = group
        said = [training(runs[0]["recipe"]) for runs in arms.values()]
        common = [words for words in said[0] if all(words in each for each in said)]
        rows = [row(arm, runs, common) for arm, runs in arms.items()]
        title = f"{steps:,} steps in {precision}, read from the {kind}"
        lines += _report.table(title, header, rows)
        lines += ["", f"All with: {', '.join(common)}."] * bool(common)
        lines += ["", _report.described(next(iter(arms.values()))[-1])]
    return "\n".join(lines).lstrip() + "\n"


def arms_of(groups, group):
    """Returns the runs of one kind, number of steps and precision by arm, the best arm first."""
    arms = {key[3]: runs for key, runs in groups.items() if key[:3] == group}
    means = {arm: np.mean([run["accuracy"] for run in runs]) for arm, runs in arms.items()}
    return {arm: arms[arm] for arm in sorted(arms, key=means.get, reverse=True)}


def longest(groups, kind=TEST):
    """Returns the longest runs of one kind by arm, of one precision."""
    ends = (key[:3] for key in groups if key[0] == kind)
    return arms_of(groups, max(ends, key=lambda key: key[1], default=None))


def curves(arms):
    """Draws how the runs of several arms went, and where they ended on the test set."""
    figure = Figure((8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for number, (arm, runs) in enumerate(arms.items()):
        band(axes, runs, "acc", color=f"C{number}", label=arm)
        final = [run["accuracy"] for run in runs]
        at = runs[0]["steps"] * (1.03 + 0.02 * number)
        axes.plot([at, at], [min(final), max(final)], color=f"C{number}")
        axes.plot(at, np.mean(final), "o", color=f"C{number}")
    axes.set(xlabel="steps of 50 images", ylabel="accuracy", ylim=(0.8, 1))
    axes.set_title("lines: while training; dots: on the test set; spread of the seeds", fontsize=10)
    axes.legend()
    return figure


def on_the_way(arms):
    """Draws accuracy and loss of several arms on the held-out images while they trained."""
    figure = Figure((8, 4), layout="constrained")
    for axes, name, limits in zip(
        figure.subplots(1, 2), ("acc", "loss"), ((0.9, 0.945), (0.15, 0.3)), strict=True
    ):
        for number, (arm, runs) in enumerate(arms.items()):
            band(axes, runs, f"val_{name}", color=f"C{number}", label=arm)
        axes.set(xlabel="steps of 50 images", ylim=limits)
        axes.set_title(f"{'accuracy' if name == 'acc' else 'loss'} on held-out images", fontsize=10)
    figure.axes[0].legend(loc="lower right")
    return figure


def band(axes, runs, name, *, color, label):
    """Draws the mean of several runs along their steps, and from the smallest to the largest."""
    steps = [point["step"] for point in runs[0]["curves"]]
    values = np.array([[point[name] for point in run["curves"]] for run in runs])
    axes.plot(steps, values.mean(axis=0), color=color, label=label)
    axes.fill_between(steps, values.min(axis=0), values.max(axis=0), color=color, alpha=0.2)


def confusion(arms):
    """Draws the confusion matrix of each of several arms, the mean of its seeds."""
    figure = Figure((1 + 5 * len(arms), 6), layout="constrained")
    panels = figure.subplots(1, len(arms), squeeze=False)[0]
    for axes, (arm, runs) in zip(panels, arms.items(), strict=True):
        counts = np.rint(np.mean([run["confusion"] for run in runs], axis=0)).astype(int)
        y_true, y_pred = np.repeat(np.indices(counts.shape).reshape(2, -1), counts.ravel(), axis=1)
        names = kaug.FASHION_MNIST_CLASSES
        kaug.plot_confusion_matrix(y_true, y_pred, class_names=names, ax=axes)
        if len(arms) > 1:
            axes.set_title(arm)
        if axes is not panels[0]:  # the classes are the same in every panel
            axes.set(yticklabels=[], ylabel="")
    return figure


def main() -> None:
    """Writes everything that the finished runs are enough for."""
    groups = read()
    for name, kind in (("accuracy", TEST), ("accuracy_trials", HELD_OUT)):
        text = tables(groups, kind)
        (RESULTS / f"{name}.md").write_text(text)
        print(text)
    if tested := longest(groups):
        curves(tested).savefig(RESULTS / "accuracy.png", dpi=120)


if __name__ == "__main__":
    main()
