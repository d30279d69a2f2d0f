"""Figures: grids of images, augmentations of one image, training curves, confusion matrices.

Every function returns a Matplotlib `Figure` and leaves pyplot alone: nothing is shown and nothing
has to be closed. A notebook shows the figure when it is the last thing in a cell; `savefig` writes
it to a file; in a script, pass `fig=plt.figure()` (or `ax=`) and call `plt.show()` yourself.
"""

import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from matplotlib import colors
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from kaug._colors import GRAY
from kaug._show.given import gathered, one_picture
from kaug._show.grid import MAX_IMAGES, TITLE, cells_of, grid_of, size_of_grid
from kaug._show.marks import draw_marks
from kaug._show.pictures import check_pictures, pictures_of
from kaug._show.plot_inputs import Run, paired_classes, recorded_name, runs_of
from kaug._show.targets import Targets, pixel_labels
from kaug._show.titles import known_names, titles_of
from kaug._validation import check_integer, describe, message, with_channels
from kaug.compare import PolicyComparison

__all__ = [
    "plot_augmentations",
    "plot_comparison",
    "plot_confusion_matrix",
    "plot_history",
    "plot_images",
]

_PLAIN, _MARKED = 2.0, 3.0  # inches that an image is wide at most, the latter to read what is on it
_NAME_WIDTH, _LABEL_WIDTH = 32, 44  # characters of a line
# The tutorial's colors: one pair (training, validation) a panel.
_COLORS = (("b", "r"), ("g", "k"))
# Their stand-ins on a dark background, where pure blue and black cannot be read.
_ON_DARK = {"b": "#73b3ff", "r": "#ff8a80", "g": "#7fdc8f", "k": "#ffffff"}


class _Figure(Figure):
    """A figure that a notebook shows even if pyplot, which would teach it to, is not imported."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def plot_images(
    images: Any,
    labels: Any = None,
    *,
    rows: int | None = None,
    columns: int | None = None,
    class_names: Sequence[str] | None = None,
    bounding_box_format: str | None = None,
    channels: int | Sequence[int] | None = None,
    value_range: tuple[float, float] | None = None,
    cmap: str = "gray",
    figsize: tuple[float, float] | None = None,
    fig: Figure | None = None,
) -> Figure:
    """Shows images in a grid without axes, and what is in them: boxes, masks and points.

    A hundred make the tutorial's 10 × 10 grid. Boxes are drawn as outlines with the names of their
    classes, those with the label -1 not at all; a name for which there is no place is left out.
    Masks lie on their images, half transparent: of one layer, 0 is background and every other
    number a class; of several, each layer is one. Masks of instances, `"masks"` `(N, H, W, B)`
    among the boxes, have the colors of their boxes. Of points `(N, P, 2 | 3)` each has a color,
    `(N, P, K, 2 | 3)` each of the P persons; those with the visibility 0 are hidden. The class of
    number c has the color of the value c + 1 of a mask. There are 21 colors, which the color-blind
    tell apart as well; then they begin again.

    Args:
        images: `(N, H, W)` or `(N, H, W, C)`, or a sequence of images of any size, as from
            `kaug.sources`; or a dict with such under `"images"` and targets beside them, as
            transforms take and return it.
        labels: N titles, or N class numbers if there are class names; `(N, K)` with a number in
            0..1 for each class, one-hot, several, or mixed; `(N, H, W)`, masks; or a dict of
            targets in Keras' spelling (`"labels"`, `"segmentation_masks"`, `"bounding_boxes"`,
            `"keypoints"`), as a dataset gives it beside images.
        rows: Rows of the grid. If `columns` is given too, only the first `rows * columns` images
            are shown.
        columns: Columns of the grid. If neither is given, the grid is about square.
        class_names: The names of the class numbers, of images and boxes. None for those that come
            with the images, as from `kaug.sources`.
        bounding_box_format: How boxes are written, if that does not stand among the targets;
            `"xyxy"` if nowhere.
        channels: Which channel to show as gray, or which three as red, green and blue. By default,
            of 1 channel this; of 2 the first with the second as opacity; of 3 all; of 4 the first
            three with the last as opacity; of more the first three.
        value_range: What is black and what is white, not those of each image, so that brightness
            compares. By default, 0 and 1 for floats, 0 and 65535 for uint16, 0 and 255 for other
            integers. Where values lie beyond (floats by more than interpolation overshoots), and
            where there are 5 channels or more, the least and the greatest value of all that is
            shown.
        cmap: Matplotlib's color map for gray images.
        figsize: Width and height in inches. By default an image is 1 inch wide in a grid of ten
            columns or more and up to 2 inches in a smaller one, or 3 where something lies on it.
        fig: An empty figure to draw into instead of a new one; `figsize` must be left out.

    Returns:
        The figure. Its `axes` are the images in order.

    Raises:
        TypeError: `rows` or `columns` is no integer, or the images or boxes are no numbers.
        ValueError: The images' shape is none of those above, there are more than 1,000 to show, the
            number of labels is not N, or targets have not the form that transforms take.

    Example:
        >>> import numpy as np
        >>> figure = plot_images(np.linspace(0, 1, 12 * 8 * 8).reshape(12, 8, 8), range(12))
        >>> len(figure.axes), figure.axes[3].get_title()
        (12, '3')
        >>> boxes = {"boxes": [[[1, 2, 6, 5]], []], "labels": [[0], []]}
        >>> batch = {"images": np.zeros((2, 8, 7, 3)), "bounding_boxes": boxes}
        >>> figure = plot_images(batch, class_names=["cat"])
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['cat']
    """
    name = "images" if isinstance(images, Mapping) else "labels"
    images, given = gathered(images, labels)
    array = check_pictures(images)
    if bounding_box_format is not None:
        given["bounding_box_format"] = bounding_box_format
    sides = array.shape[1], array.shape[2]
    titles, names = _names_of(given, class_names, images, sides, len(array))
    rows, columns = grid_of(len(array), rows, columns)
    shown = min(rows * columns, len(array))
    targets = Targets(given, len(array), shown, sides, names, name)
    pictures, ratio = pictures_of(array, shown, channels, value_range)
    sizes = [(picture.shape[0], picture.shape[1]) for picture in pictures]
    marks = [targets.marks(row, size) for row, size in enumerate(sizes)]
    header = TITLE if titles else 0.0
    if figsize is None and fig is None:
        largest = _MARKED if any(each.is_anything for each in marks) else _PLAIN
        figsize = size_of_grid(ratio, rows, columns, header, largest)
    figure = _new_figure(fig, figsize)
    for i, cell in enumerate(cells_of(figure, rows, columns, header)[:shown]):
        ax = figure.add_axes(cell)
        ax.set_axis_off()
        white = 255 if pictures[i].dtype == np.uint8 else 1
        ax.imshow(pictures[i], cmap=cmap, vmin=0, vmax=white)
        draw_marks(ax, marks[i], sizes[i])
        if titles:
            ax.set_title(titles[i], fontsize=8, pad=3)
    return figure


def plot_augmentations(
    image: Any,
    generator: Any,
    *,
    row: int | None = None,
    n: int = 100,
    seed: int | None = None,
    class_names: Sequence[str] | None = None,
    channels: int | Sequence[int] | None = None,
    value_range: tuple[float, float] | None = None,
    cmap: str = "gray",
    figsize: tuple[float, float] | None = None,
    fig: Figure | None = None,
) -> Figure:
    """Augments one image `n` times, with what is in it, and shows the results in a grid.

    Args:
        image: `(H, W)`, or `(H, W, C)` with at most 4 channels, or fewer than rows and columns; or
            a dict with one under `"images"` and its targets in Keras' spelling beside it, also
            without the axis of the batch: boxes `(B, 4)`, a mask `(H, W)`, points `(P, 2)`. With
            `row`, several images, or a dict with such.
        generator: Anything `kaug.augment_dataset` takes: a transform of `kaug.transforms`, a Keras
            `ImageDataGenerator`, a Keras layer, an albumentations or torchvision transform, a
            callable. Targets that move need a transform of `kaug.transforms`.
        row: Which of several images.
        n: How many times, at least 1.
        seed: For the same pictures every time; None draws a new seed.
        class_names: As for `plot_images`.
        channels: As for `plot_images`.
        value_range: As for `plot_images`.
        cmap: Matplotlib's color map for gray images.
        figsize: Width and height in inches; by default as in `plot_images`.
        fig: An empty figure to draw into instead of a new one; `figsize` must be left out.

    Returns:
        The figure, the tutorial's 10 × 10 inches for 100 square images.

    Raises:
        TypeError: `n` or `row` is no integer, or `image` or `generator` is of the wrong type.
        ValueError: `image` is no single image and `row` does not say which, `n` is not positive,
            or the generator returns what `augment_dataset` or `plot_images` refuses.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import HorizontalFlip
        >>> image = np.eye(8, dtype="float32")
        >>> figure = plot_augmentations(image, lambda images: images[:, ::-1], n=4)
        >>> len(figure.axes)
        4
        >>> pose = {"images": image, "keypoints": [[1, 5], [2, 6]]}
        >>> figure = plot_augmentations(pose, HorizontalFlip(p=1), n=4)
        >>> figure.axes[0].collections[0].get_offsets().tolist()
        [[6.0, 5.0], [5.0, 6.0]]
    """
    from kaug.offline import augment_dataset

    picture, targets = one_picture(image, row)
    if class_names is None:
        class_names = getattr(gathered(image, None)[0], "class_names", None)
        class_names = known_names((targets or {}).get("labels"), class_names)
    n = check_integer(n, "n", minimum=1, maximum=MAX_IMAGES, fix="More cannot be seen in a figure.")
    augmented, y = augment_dataset(
        picture, targets, n, generator, append=False, seed=seed, verbose=0
    )
    return plot_images(
        with_channels(augmented),
        y,
        class_names=class_names,
        channels=channels,
        value_range=value_range,
        cmap=cmap,
        figsize=figsize,
        fig=fig,
    )


def plot_history(
    history: Any,
    *,
    metrics: str | Sequence[str] = ("loss", "acc"),
    figsize: tuple[float, float] | None = None,
    fig: Figure | None = None,
) -> Figure:
    """Plots training and validation curves over the epochs, one panel a metric.

    A single history gets the tutorial's figure: `loss` blue, `val_loss` red and dashed, `acc`
    green, `val_acc` black (white on a dark background) and dashed. Several get a color each, and
    their validation curves are dashed.

    Args:
        history: What `model.fit` returns (a Keras `History`), its `.history` dict, or a dict
            from names to either, to compare several. Validation curves may be missing.
        metrics: One panel each. `"acc"` also finds `"accuracy"` and the other way round.
        figsize: Width and height in inches; by default 6 × 4 a panel, so 12 × 4 for two.
        fig: An empty figure to draw into instead of a new one; `figsize` must be left out.

    Returns:
        The figure. Its `axes` are the panels in the order of `metrics`; epochs count from 1.

    Raises:
        TypeError: `history` is none of these.
        ValueError: There is no such metric, or no epoch at all.

    Example:
        >>> curves = {"loss": [0.9, 0.5], "val_loss": [0.8, 0.6], "acc": [0.7, 0.8]}
        >>> figure = plot_history(curves)
        >>> [[line.get_label() for line in ax.get_lines()] for ax in figure.axes]
        [['loss', 'val_loss'], ['acc']]
        >>> figure = plot_history({"plain": curves, "augmented": curves}, metrics="loss")
        >>> [line.get_label() for line in figure.axes[0].get_lines()]
        ['plain', 'plain, validation', 'augmented', 'augmented, validation']
    """
    wanted = (metrics,) if isinstance(metrics, str) else tuple(metrics)
    if not wanted:
        rule = "`metrics` must name at least one metric"
        raise ValueError(message(rule, f"metrics={metrics!r}", 'Pass metrics=("loss",).'))
    runs = runs_of(history)
    keys = [[recorded_name(run, metric) for run in runs] for metric in wanted]
    if figsize is None and fig is None:
        figsize = (6.0 * len(wanted), 4.0)
    figure = _new_figure(fig, figsize, layout="constrained")
    for panel, metric in enumerate(wanted):
        ax = figure.add_subplot(1, len(wanted), panel + 1)
        ax.set_xlabel("epochs")
        ax.set_ylabel(metric)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        for number, (run, key) in enumerate(zip(runs, keys[panel], strict=True)):
            pair = _own_colors(number) if run.name else _tutorial_colors(ax, panel)
            _draw_curves(ax, run, key, pair)
        ax.legend()
    return figure


def plot_comparison(comparison: Any, *, ax: Axes | None = None) -> Figure:
    """Shows how much better each policy did than the first, as `kaug.compare_policies` found.

    A dot is the mean, a bar the confidence interval, small marks the repeats. Bars on the right of
    the line, in green, are better beyond chance, those on the left, in red, are worse; gray ones
    reach across it.

    Args:
        comparison: What `kaug.compare_policies` returned, a `kaug.PolicyComparison`.
        ax: Axes to draw into instead of a new figure.

    Returns:
        The figure. Policies are from top to bottom as they were given.

    Raises:
        TypeError: `comparison` is something else.

    Example:
        >>> scores = {"none": (0.80, 0.82, 0.81), "flip": (0.85, 0.88, 0.86)}
        >>> from kaug import PolicyComparison
        >>> figure = plot_comparison(PolicyComparison(scores, "accuracy", "max", 0.25))
        >>> figure.axes[0].get_xlabel()
        'accuracy, better than none by'
    """
    if not isinstance(comparison, PolicyComparison):
        rule = "`comparison` must be what kaug.compare_policies returned"
        raise TypeError(message(rule, f"comparison={describe(comparison)}"))
    differences = comparison.differences
    first = next(iter(comparison.scores))
    names = [textwrap.fill(name, _NAME_WIDTH) for name in differences]
    if ax is None:
        lines = sum(name.count("\n") for name in names)
        size = (6.4, 1.2 + 0.4 * len(names) + 0.2 * lines)
        ax = _new_figure(None, size, layout="constrained").add_subplot()
    for place, (name, (mean, low, high)) in enumerate(differences.items()):
        color = "tab:green" if low > 0 else "tab:red" if high < 0 else "tab:gray"
        if np.isfinite(low):
            ax.plot([low, high], [place, place], color=color, linewidth=2)
        gains = comparison.gains(name)
        ax.plot(gains, [place] * len(gains), "|", color=color, markersize=10)
        ax.plot(mean, place, "o", color=color)
    ax.axvline(0, color=ax.xaxis.label.get_color(), linewidth=0.8)
    ax.set_yticks(range(len(differences)), names)
    ax.set_ylim(len(differences) - 0.5, -0.5)
    ax.set_xlabel(textwrap.fill(f"{comparison.monitor}, better than {first} by", _LABEL_WIDTH))
    return cast(Figure, ax.get_figure())


def plot_confusion_matrix(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    class_names: Sequence[str] | None = None,
    normalize: bool = False,
    cmap: str = "Blues",
    ax: Axes | None = None,
) -> Figure:
    """Shows how often each true class (row) was taken for each class (column).

    Args:
        y_true: N class numbers from 0, or `(N, K)` one-hot rows.
        y_pred: N class numbers from 0, or `(N, K)` probabilities, of which the largest counts.
        class_names: The names of the classes, all of them; by default their numbers.
        normalize: Show fractions of each true class, rows summing to 1, instead of counts.
        cmap: Matplotlib's color map for the cells.
        ax: Axes to draw into instead of a new figure.

    Returns:
        The figure.

    Raises:
        ValueError: The two lengths differ, are zero, or the labels are not class numbers.

    Example:
        >>> figure = plot_confusion_matrix([0, 0, 1], [0, 1, 1], class_names=["cat", "dog"])
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['1', '1', '0', '1']
    """
    true, pred, size = paired_classes(y_true, y_pred, class_names)
    counts = np.bincount(true * size + pred, minlength=size * size).reshape(size, size)
    cells = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) if normalize else counts
    if ax is None:
        side = min(max(3.5, 0.62 * size + 1.3), 16.0)
        ax = _new_figure(None, (side, side), layout="constrained").add_subplot()
    shown = ax.imshow(cells, cmap=cmap, vmin=0, vmax=1 if normalize else max(1, cells.max()))
    if size <= 40:  # more numbers than that run into each other
        _annotate(ax, shown, cells, ".2f" if normalize else "d")
    _label_ticks(ax, size, class_names)
    ax.set_xlabel("predicted")
    ax.set_ylabel("true")
    return cast(Figure, ax.get_figure())


def _new_figure(
    fig: Figure | None, figsize: tuple[float, float] | None, *, layout: Any = None
) -> Figure:
    if fig is None:
        return _Figure(figsize=figsize, layout=layout)
    if figsize is not None:
        fix = "Leave figsize out and size the figure yourself: fig.set_size_inches(10, 10)."
        rule = "`fig` and `figsize` exclude each other"
        raise ValueError(message(rule, f"both, figsize={figsize!r}", fix))
    return fig


def _names_of(
    given: Mapping[str, Any],
    class_names: Sequence[str] | None,
    images: Any,
    sides: tuple[int | None, int | None],
    count: int,
) -> tuple[list[str] | None, Sequence[str] | None]:
    """Returns titles, or None without labels, and the names of the classes of boxes."""
    labels = given.get("labels")
    labels = None if pixel_labels(labels, sides) is not None else labels
    if class_names is None:
        names = getattr(images, "class_names", None)
        return titles_of(labels, count, known_names(labels, names)), names
    if labels is None and "bounding_boxes" not in given:
        rule = "`class_names` needs `labels` or boxes to name"
        fix = "Pass plot_images(x, y, class_names=...)."
        raise ValueError(message(rule, "class_names without labels", fix))
    return titles_of(labels, count, class_names), class_names


def _tutorial_colors(ax: Axes, panel: int) -> tuple[str, str]:
    training, validation = _COLORS[panel % len(_COLORS)]
    return (_ON_DARK[training], _ON_DARK[validation]) if _is_dark(ax) else (training, validation)


def _own_colors(number: int) -> tuple[str, str]:
    # "C0" itself would be looked up anew when the figure is drawn, perhaps under another style.
    color = colors.to_hex(f"C{number}")
    return color, color


def _is_dark(ax: Axes) -> bool:
    background = colors.to_rgba(ax.get_facecolor())
    if background[3] > 0.5:
        return _luminance(background) < 0.5
    # What lies behind is not known, but the labels are meant to be read on it.
    return _luminance(ax.xaxis.label.get_color()) > 0.5


def _luminance(color: Any) -> float:
    return sum(part * share for part, share in zip(GRAY, colors.to_rgb(color), strict=True))


def _draw_curves(ax: Axes, run: Run, key: str, pair: tuple[str, str]) -> None:
    total = len(run.curves[key])
    for name, color, style, what in (
        (key, pair[0], "-", run.name),
        (f"val_{key}", pair[1], "--", f"{run.name}, validation"),
    ):
        curve = run.curves.get(name)
        if not curve:
            continue
        # With validation_freq=2 there are half as many values, one after every second epoch.
        step = max(1, total // len(curve))
        epochs = run.first_epoch - 1 + step * np.arange(1, len(curve) + 1)
        marker = "o" if len(curve) == 1 else None  # one point makes no line
        label = what if run.name else name
        ax.plot(epochs, curve, color=color, linestyle=style, marker=marker, label=label)


def _label_ticks(ax: Axes, size: int, class_names: Sequence[str] | None) -> None:
    if class_names is None:
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(nbins=40, integer=True, min_n_ticks=1))
        return
    names = [str(name) for name in class_names]
    ax.set_yticks(range(size), names)
    # The anchor makes a slanted name end under its own column.
    ax.set_xticks(range(size), names, rotation=45, ha="right", rotation_mode="anchor")


def _annotate(ax: Axes, shown: Any, cells: NDArray[Any], spec: str) -> None:
    cell_points = ax.bbox.width / ax.figure.dpi * 72 / len(cells)
    size = max(4.0, min(9.0, 0.3 * cell_points))
    for (row, column), value in np.ndenumerate(cells):
        dark = _luminance(shown.cmap(shown.norm(value))) < 0.5
        color = "white" if dark else "black"
        ax.text(
            column, row, format(value, spec), color=color, fontsize=size, ha="center", va="center"
        )
