"""Figures: grids of images, augmentations of one image, training curves, confusion matrices.

Every function returns a Matplotlib `Figure` and leaves pyplot alone: nothing is shown and nothing
has to be closed. A notebook shows the figure when it is the last thing in a cell; `savefig` writes
it to a file; in a script, pass `fig=plt.figure()` (or `ax=`) and call `plt.show()` yourself.
"""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from matplotlib import colors
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from kaug._validation import as_array, check_integer, describe, message

__all__ = ["plot_augmentations", "plot_confusion_matrix", "plot_history", "plot_images"]

_GAP = 0.04  # inches between two images
_TITLE = 0.2  # inches a label takes above its image
_MAX_IMAGES = 1_000  # a grid of more takes minutes to draw and cannot be seen
_MAX_CLASSES = 1_000
_ALIASES = {"acc": "accuracy", "accuracy": "acc"}
# The tutorial's colours: one pair (training, validation) a panel.
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
            Integers mean 0..255, floats [0, 1]; small overshoots are clipped. Black and white
            are the ends of that range, not those of the image, so that brightness compares.
        labels: N titles, or N class numbers if `class_names` is given.
        rows: Rows of the grid. If `columns` is given too, only the first `rows * columns` images
            are shown.
        columns: Columns of the grid. If neither is given, the grid is about square.
        class_names: The names of the class numbers in `labels`.
        cmap: Matplotlib's colour map for gray images.
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
    array = _checked_images(images)
    titles = _titles(labels, len(array), class_names)
    rows, columns = _grid(len(array), rows, columns)
    pictures = _displayable(array[: rows * columns])
    header = _TITLE if titles else 0.0
    if figsize is None and fig is None:
        figsize = _grid_figsize(pictures.shape[1] / pictures.shape[2], rows, columns, header)
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
        generator: Anything `kaug.augment_dataset` takes: a Keras `ImageDataGenerator`, a Keras
            layer, an albumentations or torchvision transform, a callable.
        n: How many times, at least 1.
        seed: For the same pictures every time; None draws a new seed.
        cmap: Matplotlib's colour map for gray images.
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
    if picture.ndim not in (2, 3):
        rule = "`image` must be one image, of shape (H, W) or (H, W, C)"
        raise ValueError(message(rule, describe(picture), "Pass x[0], not x."))
    _displayable(_checked_images(picture[None], "image[None]"))
    n = check_integer(n, "n", minimum=1)
    augmented = augment_dataset(
        picture[None], None, n, generator, append=False, seed=seed, verbose=0
    )[0]
    return plot_images(augmented, cmap=cmap, figsize=figsize, fig=fig)


def plot_history(
    history: Any,
    *,
    metrics: str | Sequence[str] = ("loss", "acc"),
    figsize: tuple[float, float] | None = None,
    fig: Figure | None = None,
) -> Figure:
    """Plots training and validation curves over the epochs, one panel a metric.

    A single history gets the tutorial's figure: `loss` blue, `val_loss` red and dashed, `acc`
    green, `val_acc` black (white on a dark background) and dashed. Several get a colour each, and
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
    runs = _runs(history)
    keys = [[_key(run, metric) for run in runs] for metric in wanted]
    if figsize is None and fig is None:
        figsize = (6.0 * len(wanted), 4.0)
    figure = _new_figure(fig, figsize, layout="constrained")
    for panel, metric in enumerate(wanted):
        ax = figure.add_subplot(1, len(wanted), panel + 1)
        ax.set_xlabel("epochs")
        ax.set_ylabel(metric)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        for number, (run, key) in enumerate(zip(runs, keys[panel], strict=True)):
            pair = (f"C{number}",) * 2 if run.name else _tutorial_colors(ax, panel)
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
        cmap: Matplotlib's colour map for the cells.
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
    true, pred, size = _checked_classes(y_true, y_pred, class_names)
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


def _checked_images(images: ArrayLike, name: str = "images") -> NDArray[Any]:
    array = as_array(images, name)
    if array.dtype.kind not in "buif":
        rule = f"`{name}` must hold integers in 0..255 or floats in [0, 1]"
        raise TypeError(message(rule, describe(array), "Convert them first."))
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[-1] not in (1, 3, 4)):
        rule = f"`{name}` must be (N, H, W), or (N, H, W, C) with 1, 3 or 4 channels"
        raise ValueError(message(rule, describe(array), "A single image x goes in as x[None]."))
    if 0 in array.shape:
        rule = f"`{name}` must hold at least one image of at least one pixel"
        raise ValueError(message(rule, describe(array), "Check how the images were selected."))
    return array


def _displayable(array: NDArray[Any]) -> NDArray[Any]:
    """Returns images as imshow takes them: uint8 in 0..255 or floats in [0, 1]."""
    if array.dtype.kind == "b":
        array = array.astype(np.float32)
    is_float = array.dtype.kind == "f"
    # Cubic interpolation overshoots a little; pixels in 0..255 or standardised ones do by far.
    low, high = (-0.5, 1.5) if is_float else (0, 255)
    least, most = np.fmin.reduce(array, axis=None), np.fmax.reduce(array, axis=None)
    if least < low or most > high:
        raise ValueError(
            message(
                f"Images must be {'floats in [0, 1]' if is_float else 'integers in 0..255'}",
                f"{array.dtype} from {least} to {most}",
                "Bring them into that range, as with (x - x.min()) / (x.max() - x.min()).",
            )
        )
    # float32, because Matplotlib cannot resample every other float.
    array = array.clip(0, 1).astype(np.float32) if is_float else array.astype(np.uint8)
    return array[..., 0] if array.ndim == 4 and array.shape[-1] == 1 else array


def _titles(
    labels: ArrayLike | None, count: int, class_names: Sequence[str] | None
) -> list[str] | None:
    if labels is None:
        if class_names is not None:
            fix = "Pass plot_images(x, y, class_names=...)."
            rule = "`class_names` needs `labels` to name"
            raise ValueError(message(rule, "class_names without labels", fix))
        return None
    values = as_array(labels, "labels")
    if values.shape == (count, 1):
        values = values[:, 0]
    if values.shape != (count,):
        fix = "Turn one-hot labels into numbers with y.argmax(axis=-1)."
        rule = f"`labels` must be one for each of the {count} images"
        raise ValueError(message(rule, describe(values), fix))
    if class_names is None:
        return [str(value) for value in values]
    if values.dtype.kind not in "iu" or values.min() < 0 or values.max() >= len(class_names):
        fix = "Pass all class names; or pass the titles as labels, without class_names."
        rule = f"`labels` must be integers in 0..{len(class_names) - 1} to pick from `class_names`"
        received = f"{describe(values)}, {values.min()} to {values.max()}"
        raise ValueError(message(rule, received, fix))
    return [str(class_names[value]) for value in values]


def _grid(count: int, rows: int | None, columns: int | None) -> tuple[int, int]:
    if rows is not None:
        rows = check_integer(rows, "rows", minimum=1)
    if columns is None:
        # A handful reads best side by side.
        square = count if count <= 5 else math.ceil(math.sqrt(count))
        columns = square if rows is None else math.ceil(count / rows)
    columns = check_integer(columns, "columns", minimum=1)
    if rows is None:
        rows = math.ceil(count / columns)
    shown = min(count, rows * columns)
    if shown > _MAX_IMAGES:
        rule = f"At most {_MAX_IMAGES:,} images fit in a figure"
        fix = "Pass x[:100], or rows=10, columns=10."
        raise ValueError(message(rule, f"{shown:,} images to show", fix))
    return rows, columns


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


@dataclass(frozen=True)
class _Run:
    """One training: its curves by metric, and the number of its first epoch."""

    name: str
    curves: Mapping[str, Sequence[float]]
    first_epoch: int = 1


def _runs(history: Any) -> list[_Run]:
    """Returns one run for each history; a single one has the name ''."""
    values = history.values() if isinstance(history, Mapping) else ()
    if any(hasattr(value, "history") or isinstance(value, Mapping) for value in values):
        return [_run(str(name), value) for name, value in history.items()]
    return [_run("", history)]


def _run(name: str, history: Any) -> _Run:
    curves = getattr(history, "history", history)
    if not isinstance(curves, Mapping) or any(np.ndim(curve) != 1 for curve in curves.values()):
        fix = "Pass what model.fit(...) returns; for several, a dict from names to those."
        rule = "`history` must be a Keras History, or a dict of lists with one number an epoch"
        raise TypeError(message(rule, describe(history), fix))
    # A resumed training (initial_epoch) knows that it did not start at epoch 1.
    epochs = getattr(history, "epoch", None) or [0]
    return _Run(name, {str(key): list(curve) for key, curve in curves.items()}, epochs[0] + 1)


def _key(run: _Run, metric: str) -> str:
    """Returns the name under which a run recorded a metric."""
    for candidate in (metric, _ALIASES.get(metric, metric)):
        if run.curves.get(candidate):
            return candidate
    whose = f" for {run.name!r}" if run.name else ""
    there = [key for key, curve in run.curves.items() if curve]
    if not there:
        rule = "A history must hold at least one epoch"
        raise ValueError(message(rule, f"an empty one{whose}", "Train with model.fit(...) first."))
    rule = f"`metrics` must be among those recorded{whose}: {', '.join(there)}"
    fix = f"Pass metrics=({there[0]!r},), or compile the model with metrics=[{metric!r}]."
    raise ValueError(message(rule, repr(metric), fix))


def _tutorial_colors(ax: Axes, panel: int) -> tuple[str, str]:
    training, validation = _COLORS[panel % len(_COLORS)]
    if _luminance(ax.get_facecolor()) < 0.5:
        return _ON_DARK[training], _ON_DARK[validation]
    return training, validation


def _luminance(color: Any) -> float:
    red, green, blue = colors.to_rgb(color)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _draw_curves(ax: Axes, run: _Run, key: str, pair: tuple[str, str]) -> None:
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


def _checked_classes(
    y_true: ArrayLike, y_pred: ArrayLike, class_names: Sequence[str] | None
) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    (true, true_size), (pred, pred_size) = _classes(y_true, "y_true"), _classes(y_pred, "y_pred")
    if len(true) != len(pred):
        rule = "`y_true` and `y_pred` must have the same length"
        fix = "Predict the rows that y_true belongs to."
        raise ValueError(message(rule, f"lengths {len(true)} and {len(pred)}", fix))
    size = max(true_size, pred_size)
    if class_names is None:
        return true, pred, size
    if size > len(class_names):
        rule = f"`class_names` must name all of the {size} classes"
        raise ValueError(message(rule, f"{len(class_names)} names", "Add the missing names."))
    return true, pred, len(class_names)


def _classes(labels: ArrayLike, name: str) -> tuple[NDArray[np.intp], int]:
    """Returns class numbers, and how many classes they need."""
    given = as_array(labels, name)
    values, size = given, 0
    if given.ndim == 2 and given.shape[1] == 1:
        values = given[:, 0]
    elif given.ndim == 2 and given.size and given.dtype.kind in "buif":
        values, size = given.argmax(axis=1), given.shape[1]
    if values.ndim != 1 or len(values) == 0 or values.dtype.kind not in "biu":
        rule = f"`{name}` must be class numbers (N,), or rows (N, K) with one column a class"
        fix = "Pass model.predict(x) as it is, but one sigmoid output p as (p > 0.5).astype(int)."
        raise ValueError(message(rule, describe(given), fix))
    least, most = int(values.min()), int(values.max())
    if least < 0 or most >= _MAX_CLASSES:
        rule = f"`{name}` must be class numbers in 0..{_MAX_CLASSES - 1}"
        fix = "Number the classes from 0, with np.unique(y, return_inverse=True) for example."
        raise ValueError(message(rule, f"labels from {least} to {most}", fix))
    return values.astype(np.intp), max(size, most + 1)


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
