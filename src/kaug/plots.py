"""Figures: grids of images, augmentations of one image, training curves, confusion matrices.

Every function returns a Matplotlib `Figure` and leaves pyplot alone: nothing is shown and nothing
has to be closed. A notebook shows the figure when it is the last thing in a cell; `savefig` writes
it to a file; in a script, pass `fig=plt.figure()` (or `ax=`) and call `plt.show()` yourself.
"""

import io
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from matplotlib import colors
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from kaug._colors import GRAY
from kaug._show.plot_inputs import (
    MAX_IMAGES,
    Run,
    check_pictures,
    displayable,
    grid_of,
    paired_classes,
    pictures_of,
    recorded_name,
    runs_of,
    titles_of,
)
from kaug._validation import as_array, check_integer, describe, message, with_channels

__all__ = ["plot_augmentations", "plot_confusion_matrix", "plot_history", "plot_images"]

_GAP = 0.04  # inches between two images
_TITLE = 0.2  # inches a label takes above its image
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
    images: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    rows: int | None = None,
    columns: int | None = None,
    class_names: Sequence[str] | None = None,
    cmap: str = "gray",
    figsize: tuple[float, float] | None = None,
    fig: Figure | None = None,
) -> Figure:
    """Shows images in a grid without axes; 100 make the tutorial's 10 × 10 grid.

    Args:
        images: `(N, H, W)`, or `(N, H, W, C)` with 1 (gray), 3 (RGB) or 4 (RGBA) channels.
            Or a sequence of images of any size, as from `kaug.sources`. Integers mean 0..255,
            floats [0, 1]; small overshoots are clipped. Black and white are the ends of that
            range, not those of the image, so that brightness compares.
        labels: N titles, or N class numbers if `class_names` is given.
        rows: Rows of the grid. If `columns` is given too, only the first `rows * columns` images
            are shown.
        columns: Columns of the grid. If neither is given, the grid is about square.
        class_names: The names of the class numbers in `labels`.
        cmap: Matplotlib's color map for gray images.
        figsize: Width and height in inches. By default an image is 1 inch wide in a grid of ten
            columns or more and up to 2 inches in a smaller one.
        fig: An empty figure to draw into instead of a new one; `figsize` must be left out.

    Returns:
        The figure. Its `axes` are the images in order.

    Raises:
        TypeError: `rows` or `columns` is no integer, or the images are no numbers.
        ValueError: The images' shape or range is none of those above, there are more than 1,000
            to show, or the number of labels is not N.

    Example:
        >>> import numpy as np
        >>> figure = plot_images(np.linspace(0, 1, 12 * 8 * 8).reshape(12, 8, 8), range(12))
        >>> len(figure.axes), figure.axes[3].get_title()
        (12, '3')
    """
    array = check_pictures(images)
    titles = titles_of(labels, len(array), class_names)
    rows, columns = grid_of(len(array), rows, columns)
    pictures, ratio = pictures_of(array, rows * columns)
    header = _TITLE if titles else 0.0
    if figsize is None and fig is None:
        figsize = _grid_figsize(ratio, rows, columns, header)
    figure = _new_figure(fig, figsize)
    boxes = _boxes(figure, rows, columns, header)
    for i, (picture, box) in enumerate(zip(pictures, boxes, strict=False)):
        ax = figure.add_axes(box)
        ax.set_axis_off()
        ax.imshow(picture, cmap=cmap, vmin=0, vmax=255 if picture.dtype == np.uint8 else 1)
        if titles:
            ax.set_title(titles[i], fontsize=8, pad=3)
    return figure


def plot_augmentations(
    image: ArrayLike,
    generator: Any,
    *,
    n: int = 100,
    seed: int | None = None,
    cmap: str = "gray",
    figsize: tuple[float, float] | None = None,
    fig: Figure | None = None,
) -> Figure:
    """Augments one image `n` times and shows the results in a grid.

    Args:
        image: `(H, W)`, or `(H, W, C)` with 1, 3 or 4 channels; integers in 0..255 or floats in
            [0, 1].
        generator: Anything `kaug.augment_dataset` takes: a transform of `kaug.transforms`, a Keras
            `ImageDataGenerator`, a Keras layer, an albumentations or torchvision transform, a
            callable.
        n: How many times, at least 1.
        seed: For the same pictures every time; None draws a new seed.
        cmap: Matplotlib's color map for gray images.
        figsize: Width and height in inches; by default as in `plot_images`.
        fig: An empty figure to draw into instead of a new one; `figsize` must be left out.

    Returns:
        The figure, the tutorial's 10 × 10 inches for 100 square images.

    Raises:
        TypeError: `n` is no integer, or `image` or `generator` is of the wrong type.
        ValueError: `image` is no single image, `n` is not positive, or the generator returns what
            `augment_dataset` or `plot_images` refuses.

    Example:
        >>> import numpy as np
        >>> image = np.eye(8, dtype="float32")
        >>> figure = plot_augmentations(image, lambda images: images[:, ::-1], n=4)
        >>> len(figure.axes)
        4
    """
    from kaug.offline import augment_dataset

    picture = as_array(image, "image")
    if picture.ndim != 2 and (picture.ndim != 3 or picture.shape[-1] not in (1, 3, 4)):
        rule = "`image` must be one image, (H, W), or (H, W, C) with 1, 3 or 4 channels"
        raise ValueError(message(rule, describe(picture), "Pass x[0], not x."))
    displayable(check_pictures(with_channels(picture[None]), "image"))
    n = check_integer(n, "n", minimum=1, maximum=MAX_IMAGES, fix="More cannot be seen in a figure.")
    augmented = augment_dataset(
        picture[None], None, n, generator, append=False, seed=seed, verbose=0
    )[0]
    return plot_images(with_channels(augmented), cmap=cmap, figsize=figsize, fig=fig)


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


def _grid_figsize(aspect: float, rows: int, columns: int, header: float) -> tuple[float, float]:
    # 10 inches wide at ten columns; a small grid gets larger images, never above 2 inches.
    width = min(2.0, max(1.0, 10 / max(rows, columns)))
    return width * columns, (width * min(4.0, max(0.25, aspect)) + header) * rows


def _boxes(
    figure: Figure, rows: int, columns: int, header: float
) -> list[tuple[float, float, float, float]]:
    """Left, bottom, width and height of every image, row by row, as fractions of the figure."""
    # From bbox and dpi, not get_size_inches, which a SubFigure does not have.
    width, height = figure.bbox.width / figure.dpi, figure.bbox.height / figure.dpi
    cell_width, cell_height = width / columns, height / rows
    return [
        (
            (column * cell_width + _GAP / 2) / width,
            1 - ((row + 1) * cell_height - _GAP / 2) / height,
            max(cell_width - _GAP, _GAP) / width,
            max(cell_height - header - _GAP, _GAP) / height,
        )
        for row in range(rows)
        for column in range(columns)
    ]


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
