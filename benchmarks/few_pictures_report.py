"""Makes the tables and figures of the curve from `results/few_pictures.jsonl`.

    python benchmarks/few_pictures_report.py

Writes `few_pictures.md` (the test set, and how many pictures a policy is worth),
`few_pictures_trials.md` (held-out pictures) and `few_pictures_corrupted.md` into `results/`, and a
figure of the first and the last. The documentation draws the same figures when it is built.
"""

import json
from collections import defaultdict
from pathlib import Path

import _report
import accuracy_report
import numpy as np
from accuracy_report import spread
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

RESULTS = Path(__file__).parent / "results"
NONE = "none"
COLORS = {"none": "black", "tutorial": "C0", "best": "C2", "trivialaugment": "C1", "mild": "C3"}
# What `accuracy.py` ran on all pictures, with the dropouts of its own trials: the arms of policies.
ALL = 60_000
ARMS = {"none": "best-none", "best": "best"}
TOLD = "mild"  # the policy that is told of in one number


def read(*, validate=False):
    """Returns the finished runs by number of pictures and policy, sorted by their seeds."""
    runs = defaultdict(list)
    for line in (RESULTS / "few_pictures.jsonl").read_text().splitlines():
        run = json.loads(line)
        if run["validate"] == validate:
            runs[run["pictures"], run["arm"]].append(run)
    if not validate:
        others = accuracy_report.longest(accuracy_report.read())
        for policy, arm in ARMS.items():
            runs[ALL, policy] += others[arm]
    return {key: sorted(group, key=lambda run: run["seed"]) for key, group in runs.items()}


def comparable(runs):
    """Returns the runs of those seeds that all policies have finished with as many pictures."""
    kept = {}
    for pictures, policy in runs:
        seeds = [{run["seed"] for run in runs.get((pictures, each), ())} for each in COLORS]
        common = set.intersection(*seeds)
        group = [run for run in runs[pictures, policy] if run["seed"] in common]
        if group:
            kept[pictures, policy] = group
    return kept


def accuracies(runs):
    """Returns the accuracies of the seeds by policy and number of pictures."""
    found = defaultdict(dict)
    for pictures, policy in sorted(runs):
        found[policy][pictures] = [run["accuracy"] for run in runs[pictures, policy]]
    return {policy: found[policy] for policy in COLORS if policy in found}


def pictures_for(accuracy, curve):
    """Returns how many pictures a policy needs for an accuracy; None outside what was measured.

    Between two measured numbers the accuracy is taken to grow evenly with their logarithm.
    """
    sizes = sorted(curve)
    means = np.maximum.accumulate([np.mean(curve[size]) for size in sizes])
    if not means[0] <= accuracy <= means[-1]:
        return None
    return float(np.exp(np.interp(accuracy, means, np.log(sizes))))


def worth(found):
    """Returns by policy and number of plain pictures how many times fewer are as good with it.

    A factor for each seed, whose pictures both curves are of; none where one of them is unknown.
    """
    times = {}
    for policy in found:
        for pictures, scores in found[NONE].items():
            needed = [
                pictures_for(score, of_seed(found[policy], seed))
                for seed, score in enumerate(scores)
            ]
            if policy != NONE and all(needed):
                times[policy, pictures] = [pictures / number for number in needed]
    return times


def of_seed(curve, seed):
    """Returns the accuracies of one seed by number of pictures, where it was run."""
    return {size: [scores[seed]] for size, scores in curve.items() if seed < len(scores)}


def in_one_number(times):
    """Returns the geometric mean of the factors of what is told of, and the ends of its means."""
    means = [
        float(np.exp(np.mean(np.log(factors))))
        for (policy, _), factors in times.items()
        if policy == TOLD
    ]
    return float(np.exp(np.mean(np.log(means)))), min(means), max(means)


def table(found):
    """Returns the table of the test set: a row for each policy, a column for each number."""
    sizes = sorted({size for curve in found.values() for size in curve})
    header = ["policy", *(f"{size:,}" for size in sizes)]
    rows = [
        [policy, *(spread(curve[size], 3) if size in curve else "" for size in sizes)]
        for policy, curve in found.items()
    ]
    return "Accuracy on the test set, by the number of training pictures", header, rows


def table_of_gains(found):
    """Returns the table of what policies add, seed by seed, to what their pictures reach plain."""
    sizes = sorted({size for curve in found.values() for size in curve})
    rows = [
        [policy, *(gain([found[name].get(size, ()) for name in (policy, NONE)]) for size in sizes)]
        for policy in found
        if policy != NONE
    ]
    header = ["policy", *(f"{size:,}" for size in sizes)]
    return "What a policy adds to the accuracy of `none` on the same pictures", header, rows


def gain(pair):
    """Returns the mean of the differences of two lists of accuracies, with the ends of several."""
    differences = np.subtract(*pair)
    if not len(differences):
        return ""
    ends = (
        f" ({differences.min():+.3f} to {differences.max():+.3f})" if len(differences) > 1 else ""
    )
    return f"{differences.mean():+.3f}{ends}"


def table_of_worth(found):
    """Returns the table of how many times fewer pictures reach the same accuracy."""
    times = worth(found)
    sizes = sorted({size for _, size in times})
    policies = [policy for policy in found if policy != NONE]
    rows = [
        [policy, *(spread(times[policy, s], 2) if (policy, s) in times else "" for s in sizes)]
        for policy in policies
    ]
    header = ["policy", *(f"{size:,}" for size in sizes)]
    return "Times fewer pictures for what `none` reaches with", header, rows


def table_of_trials(runs):
    """Returns the table of the dropouts that were tried."""
    rows = [
        [f"{pictures:,}", policy, f"{run['recipe']['dropout']:g}", f"{run['accuracy']:.4f}"]
        for (pictures, policy), trials in sorted(runs.items())
        for run in sorted(trials, key=lambda run: run["recipe"]["dropout"])
    ]
    header = ["pictures", "policy", "dropout", "accuracy"]
    return "Accuracy on the 10,000 held-out pictures", header, rows


def corrupted(runs):
    """Returns by pictures, policy and corruption the accuracy, a mean of all strengths."""
    found = {}
    for (pictures, policy), group in runs.items():
        seen = [run["corrupted"] for run in group if "corrupted" in run]
        names = dict.fromkeys(name.rsplit(" ", 1)[0] for one in seen for name in one)
        for name in names:
            scores = [one[f"{name} {severity}"] for one in seen for severity in range(1, 6)]
            found[pictures, policy, name] = float(np.mean(scores))
    return found


def table_of_corrupted(runs, pictures):
    """Returns the table of the corrupted test set for networks of one number of pictures."""
    found = corrupted(runs)
    policies = [policy for policy in COLORS if (pictures, policy, "fog") in found]
    names = list(dict.fromkeys(name for size, _, name in found if size == pictures))
    rows = [
        [name.replace("_", " "), *(f"{found[pictures, policy, name]:.3f}" for policy in policies)]
        for name in names
    ]
    means = [np.mean([found[pictures, policy, name] for name in names]) for policy in policies]
    rows.append(["mean", *(f"{mean:.3f}" for mean in means)])
    clean = [[run["accuracy"] for run in runs[pictures, policy]] for policy in policies]
    rows.insert(0, ["as they are", *(f"{np.mean(scores):.3f}" for scores in clean)])
    return f"Trained on {pictures:,} pictures", ["corruption", *policies], rows


def curve(found):
    """Draws the accuracy of every policy by number of pictures, and how many fewer do with it."""
    figure = Figure((11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    times = worth(found)
    for number, (policy, scores) in enumerate(found.items()):
        look = {"color": COLORS[policy], "aside": 1.03 ** (number - len(found) / 2)}
        draw(left, scores, label=policy, **look)
        draw(right, {size: times[policy, size] for name, size in times if name == policy}, **look)
    sizes = sorted({size for scores in found.values() for size in scores})
    for axes in (left, right):
        axes.set(xscale="log", xlabel="training pictures")
        axes.xaxis.set_major_locator(FixedLocator(sizes))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,.0f}"))
        axes.grid(alpha=0.3)
    left.set(ylabel="accuracy on the test set")
    left.set_title("dots: means of the seeds; bars: from the worst to the best", fontsize=10)
    left.legend()
    right.axhline(1, color=COLORS[NONE])
    right.set(ylabel="times fewer pictures than without", xlim=left.get_xlim())
    mean, least, most = in_one_number(times)
    told = f"with `{TOLD}` {mean:.1f} times fewer pictures do ({least:.1f} to {most:.1f})"
    right.set_title(told, fontsize=10)
    return figure


def draw(axes, values, *, color, aside, label=None):
    """Draws means of several values by number of pictures, and bars from end to end of them."""
    sizes = np.array(sorted(values))
    apart = sizes * aside  # bars beside, not upon, each other
    axes.plot(apart, [np.mean(values[s]) for s in sizes], "o-", color=color, label=label, ms=4)
    for place, size in zip(apart, sizes, strict=True):
        ends = min(values[size]), max(values[size])
        axes.plot([place, place], ends, color=color, linewidth=2, alpha=0.5)


def bars(runs, pictures):
    """Draws the accuracy under each corruption, a bar for each policy."""
    found = corrupted(runs)
    policies = [policy for policy in COLORS if (pictures, policy, "fog") in found]
    names = list(dict.fromkeys(name for size, _, name in found if size == pictures))
    figure = Figure((9, 4.5), layout="constrained")
    axes = figure.add_subplot()
    width = 0.8 / len(policies)
    for number, policy in enumerate(policies):
        places = np.arange(len(names)) + (number - (len(policies) - 1) / 2) * width
        heights = [found[pictures, policy, name] for name in names]
        axes.bar(places, heights, width, color=COLORS[policy], label=policy)
    labels = [name.replace("_", " ") for name in names]
    axes.set_xticks(range(len(names)), labels, rotation=45, ha="right")
    axes.set(ylabel="accuracy, mean of five strengths")
    axes.legend(ncols=len(policies), loc="lower center", bbox_to_anchor=(0.5, 1))
    return figure


def main() -> None:
    """Writes everything that the finished runs are enough for."""
    tested, tried = comparable(read()), read(validate=True)
    pages = {"few_pictures_trials": [table_of_trials(tried)]}
    if tested:
        found = accuracies(tested)
        pages["few_pictures"] = [table(found), table_of_gains(found), table_of_worth(found)]
        curve(found).savefig(RESULTS / "few_pictures.png", dpi=120)
        sizes = sorted({pictures for pictures, _, _ in corrupted(tested)})
        pages["few_pictures_corrupted"] = [table_of_corrupted(tested, size) for size in sizes]
        for size in sizes:
            bars(tested, size).savefig(RESULTS / f"few_pictures_corrupted_{size}.png", dpi=120)
    facts = next(iter((tested or tried).values()))[-1]
    for name, tables in pages.items():
        lines = [line for each in tables for line in _report.table(*each)]
        text = "\n".join([*lines, "", _report.described(facts)]).lstrip() + "\n"
        (RESULTS / f"{name}.md").write_text(text)
        print(text)


if __name__ == "__main__":
    main()
