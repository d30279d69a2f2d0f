from collections import deque
from types import SimpleNamespace

import keras
import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import colors
from matplotlib.figure import Figure

from kaug import plot_augmentations, plot_confusion_matrix, plot_history, plot_images

CURVES = {
    "loss": [0.9, 0.6, 0.5],
    "val_loss": [0.8, 0.7, 0.75],
    "acc": [0.6, 0.7, 0.8],
    "val_acc": [0.65, 0.7, 0.72],
}


def gray(count, height=6, width=6):
    return np.random.default_rng(0).random((count, height, width), dtype="float32")


def drawn(figure):
    """The figure as pixels, to prove that it can be drawn and what is in it."""
    figure.set_dpi(50)
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3]


def unchanged(images):
    """A generator that changes nothing."""
    return images


@pytest.fixture
def agg():
    """Gives a figure a canvas that draws into memory."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    def attach(figure):
        FigureCanvasAgg(figure)
        return figure

    return attach


@pytest.fixture
def dark():
    with mpl.style.context("dark_background"):
        yield


class TestImages:
    def test_a_hundred_make_the_tutorials_grid(self):
        x = gray(100, 28, 28)
        figure = plot_images(x)
        assert isinstance(figure, Figure)
        assert figure.get_size_inches().tolist() == [10, 10]
        boxes = np.array([ax.get_position().bounds for ax in figure.axes])
        # Row by row, from the top left: ten columns, ten rows, square, none over another.
        np.testing.assert_allclose(boxes[:10, 0], np.arange(10) / 10 + 0.002, atol=1e-9)
        np.testing.assert_allclose(boxes[::10, 1], 0.9 - np.arange(10) / 10 + 0.002, atol=1e-9)
        np.testing.assert_allclose(boxes[:, 2:], 0.096, atol=1e-9)
        for ax, image in zip(figure.axes, x, strict=True):
            assert not ax.axison
            np.testing.assert_array_equal(ax.images[0].get_array(), image)
            assert ax.images[0].get_cmap().name == "gray"
            assert ax.images[0].get_clim() == (0, 1)

    @pytest.mark.parametrize(
        ("count", "options", "grid"),
        [
            (1, {}, (1, 1)),
            (3, {}, (1, 3)),
            (5, {}, (1, 5)),
            (7, {}, (3, 3)),
            (9, {}, (3, 3)),
            (12, {}, (3, 4)),
            (7, {"rows": 2}, (2, 4)),
            (7, {"columns": 2}, (4, 2)),
            (7, {"rows": 2, "columns": 2}, (2, 2)),
            (2, {"rows": 3, "columns": 3}, (3, 3)),
            (5, {"rows": np.int64(5)}, (5, 1)),
        ],
    )
    def test_grid(self, count, options, grid):
        figure = plot_images(gray(count), **options)
        rows, columns = grid
        assert len(figure.axes) == min(count, rows * columns)
        np.testing.assert_allclose(figure.get_size_inches(), (2 * columns, 2 * rows))

    def test_a_taller_image_gets_a_taller_cell(self):
        width, height = plot_images(gray(1, 10, 5)).get_size_inches()
        assert height == 2 * width

    def test_a_wide_grid_keeps_an_inch_an_image(self):
        assert plot_images(gray(20), rows=1).get_size_inches().tolist() == [20, 1]

    @pytest.mark.parametrize("shape", [(2, 5, 7), (2, 5, 7, 1), (2, 5, 7, 3), (2, 5, 7, 4)])
    @pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float64", "bool"])
    def test_kinds_of_images(self, shape, dtype, agg):
        x = np.zeros(shape, dtype)
        x[1] = 255 if np.dtype(dtype).kind in "ui" else 1
        figure = agg(plot_images(x))
        limit = 255 if np.dtype(dtype).kind in "ui" else 1
        assert figure.axes[0].images[0].get_clim() == (0, limit)
        pixels = drawn(figure)
        middle = pixels.shape[0] // 2
        # Dark stays dark and bright stays bright, though each image is constant.
        assert pixels[middle, pixels.shape[1] * 3 // 4].tolist() == [255] * 3
        if shape[-1] != 4:  # there, zeros are transparent
            assert pixels[middle, pixels.shape[1] // 4].tolist() == [0] * 3

    def test_small_overshoots_and_nan_are_shown(self, agg):
        x = gray(2)
        x[0, 0, 0], x[0, 0, 1], x[0, 0, 2] = -0.1, 1.1, np.nan
        figure = agg(plot_images(x))
        shown = figure.axes[0].images[0].get_array()
        assert (shown[0, 0], shown[0, 1]) == (0, 1)
        drawn(figure)

    def test_images_are_not_written_to(self):
        x = gray(3)
        x.setflags(write=False)
        before = x.copy()
        plot_images(x)
        np.testing.assert_array_equal(x, before)

    @pytest.mark.parametrize(
        ("labels", "class_names", "titles"),
        [
            ([1, 0, 1], None, ["1", "0", "1"]),
            (deque([1, 0, 1]), None, ["1", "0", "1"]),
            (["a", "b", "c"], None, ["a", "b", "c"]),
            (np.array([1, 0, 1], "uint8"), ("cat", "dog"), ["dog", "cat", "dog"]),
            ([[1], [0], [1]], ["cat", "dog"], ["dog", "cat", "dog"]),
            (np.eye(3)[[2, 0, 1]], None, ["2", "0", "1"]),
            (np.array([[1, 1, 0], [0, 0, 0], [0, 0, 1]], bool), None, ["0, 1", "", "2"]),
            # Mixed labels name the two largest shares, but none below 5 %.
            (
                [[0.7, 0.3, 0], [0.04, 0.96, 0], [0.2, 0.3, 0.5]],
                ["cat", "dog", "cow"],
                ["cat 0.7, dog 0.3", "dog", "cow 0.5, dog 0.3"],
            ),
        ],
    )
    def test_labels(self, labels, class_names, titles):
        figure = plot_images(gray(3), labels, class_names=class_names)
        assert [ax.get_title() for ax in figure.axes] == titles

    def test_labels_do_not_cover_images(self, agg):
        figure = agg(plot_images(gray(9), range(9)))
        drawn(figure)
        renderer = figure.canvas.get_renderer()
        for above, below in zip(figure.axes, figure.axes[3:], strict=False):
            title = below.title.get_window_extent(renderer)
            assert title.y1 <= above.get_window_extent(renderer).y0 + 1
            assert title.y0 >= below.get_window_extent(renderer).y1
            assert title.y1 <= figure.bbox.height

    def test_draws_into_a_given_figure(self):
        given = Figure(figsize=(3, 3))
        assert plot_images(gray(4), fig=given) is given
        assert given.get_size_inches().tolist() == [3, 3]
        left, right = Figure(figsize=(6, 3)).subfigures(1, 2)
        assert plot_images(gray(4), fig=right) is right
        assert len(right.axes) == 4
        assert not left.axes

    @pytest.mark.parametrize(
        ("images", "options", "kind", "parts"),
        [
            (gray(1)[0], {}, ValueError, ["(N, H, W, C)", "shape (6, 6)", "x[None]"]),
            (np.zeros((2, 3, 8, 8)), {}, ValueError, ["come last", "(2, 3, 8, 8)", "moveaxis"]),
            (np.zeros((2, 3, 4, 5, 3)), {}, ValueError, ["If these are clips", "(2, 3, 4, 5, 3)"]),
            (np.zeros((0, 3, 4)), {}, ValueError, ["at least one image", "(0, 3, 4)"]),
            (np.zeros((2, 0, 4)), {}, ValueError, ["at least one pixel", "(2, 0, 4)"]),
            (np.full((2, 3, 5), "a"), {}, TypeError, ["`images` must hold", "<U1"]),
            (np.zeros((2, 3, 4), object), {}, TypeError, ["`images` must hold", "object"]),
            (np.zeros((2, 3, 4), complex), {}, TypeError, ["`images` must hold", "complex128"]),
            ([[[1, 2]], [[1]]], {}, ValueError, ["`images` must be an array"]),
            *(
                (np.zeros((20, 30, channels)), {}, ValueError, ["images[None]", "[..., None]"])
                for channels in (1, 3, 4)
            ),
            (gray(1001), {}, ValueError, ["At most 1,000", "1,001 images", "x[:100]"]),
            (gray(2), {"rows": 0}, ValueError, ["`rows`", "at least 1", "rows=0"]),
            (gray(2), {"columns": 2.0}, TypeError, ["`columns` must be an integer", "2.0"]),
            (gray(2), {"rows": True}, TypeError, ["`rows` must be an integer", "True"]),
            (gray(2), {"labels": [1]}, ValueError, ["`labels`", "2 images", "shape (1,)"]),
            (gray(2), {"labels": [[2, 1], [0, 0]]}, ValueError, ["`labels`", "(2, 2)", "as one"]),
            (
                gray(2),
                {"labels": np.eye(2), "class_names": ["a"]},
                ValueError,
                ["name all classes", "1 names for 2 classes"],
            ),
            (gray(2), {"class_names": ["a"]}, ValueError, ["`class_names` needs `labels`"]),
            (
                gray(2),
                {"labels": [0, 2], "class_names": ["a", "b"]},
                ValueError,
                ["0..1", "0 to 2", "Pass all class names"],
            ),
            (
                gray(2),
                {"labels": [0, -1], "class_names": ["a", "b"]},
                ValueError,
                ["0..1", "-1 to 0"],
            ),
            (gray(2), {"fig": Figure(), "figsize": (1, 1)}, ValueError, ["exclude each other"]),
            (gray(2), {"channels": 1}, ValueError, ["`channels`", "between 0 and 0", "channels=1"]),
            (gray(2), {"channels": (0, 0)}, ValueError, ["`channels`", "red, green and blue"]),
            (gray(2), {"channels": "red"}, TypeError, ["`channels` must be an integer", "'red'"]),
            (gray(2), {"value_range": (1, 1)}, ValueError, ["black and white", "(1, 1)"]),
            (gray(2), {"value_range": 255}, TypeError, ["black and white", "255"]),
            (gray(2), {"value_range": (0, np.nan)}, ValueError, ["black and white", "nan"]),
        ],
    )
    def test_bad_input(self, images, options, kind, parts):
        with pytest.raises(kind) as caught:
            plot_images(images, **options)
        for part in ["Received: ", *parts]:
            assert part in str(caught.value)

    @pytest.mark.parametrize("count", range(1, 8))
    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float16", "float64", "bool"])
    def test_any_number_of_channels(self, count, dtype, agg):
        values = np.random.default_rng(1).integers(0, 2, (2, 9, 8, count)).astype(dtype)
        drawn(agg(plot_images(values)))
        pictures = [values[0], values[1, :4]]  # of any size
        drawn(agg(plot_images(pictures if dtype != "bool" else values)))
        shown = plot_augmentations(
            values[0] if dtype != "bool" else values[0] * 1.0, unchanged, n=2
        )
        drawn(agg(shown))

    def test_which_channels_are_shown(self):
        x = np.arange(2 * 5 * 7 * 6, dtype="uint8").reshape(2, 5, 7, 6)  # up to 255 and again

        def shown(count, **options):
            return np.asarray(plot_images(x[..., :count], **options).axes[1].images[0].get_array())

        np.testing.assert_array_equal(shown(1), x[1, ..., 0])
        gray_and_opacity = x[1][..., [0, 0, 0, 1]]
        np.testing.assert_array_equal(shown(2), gray_and_opacity)
        np.testing.assert_array_equal(shown(3), x[1, ..., :3])
        np.testing.assert_array_equal(shown(4), x[1, ..., :4])
        first = x[..., :3]
        least, most = int(first.min()), int(first.max())
        for count in (5, 6):
            stretched = (first[1].astype(float) - least) / (most - least)
            np.testing.assert_allclose(shown(count), stretched, atol=1e-6)
        np.testing.assert_array_equal(shown(4, channels=2), x[1, ..., 2])
        np.testing.assert_array_equal(shown(4, channels=(3, 1, 1)), x[1][..., [3, 1, 1]])
        options = {"channels": np.array([5, 4, 0]), "value_range": (0, 255)}
        np.testing.assert_array_equal(shown(6, **options), x[1][..., [5, 4, 0]])

    @pytest.mark.parametrize(
        ("values", "options", "shown"),
        [
            # Integers are bytes, unless they are 16 bits wide or reach beyond.
            (np.array([0, 51, 255], "int64"), {}, [0, 0.2, 1]),
            (np.array([0, 13107, 65535], "uint16"), {}, [0, 0.2, 1]),
            (np.array([0, 51, 255], "uint16"), {}, [0, 51 / 65535, 255 / 65535]),
            (np.array([0, 819, 4095], "uint16"), {"value_range": (0, 4095)}, [0, 0.2, 1]),
            (np.array([-1000, 0, 1000], "int16"), {}, [0, 0.5, 1]),
            (np.array([-1000, 0, 1000], "int16"), {"value_range": (-100, 100)}, [0, 0.5, 1]),
            (np.array([0, 300, 150], "int32"), {}, [0, 1, 0.5]),
            (np.array([-5, 51, 300], "int32"), {"value_range": (0, 255)}, [0, 0.2, 1]),
            # Floats are 0..1, unless they reach beyond by more than splines overshoot.
            (np.array([-0.3, 0.25, 1.4]), {}, [0, 0.25, 1]),
            (np.array([-0.5, 0.5, 1.5]), {}, [0, 0.5, 1]),
            (np.array([0, 51, 255], "float32"), {}, [0, 0.2, 1]),
            (np.array([3, 3, 3], "float16"), {}, [0, 0, 0]),
            (np.array([-np.inf, 2, 4, np.inf]), {}, [0, 0, 1, 1]),
            (np.array([np.inf, np.inf]), {}, [1, 1]),
        ],
    )
    def test_black_and_white(self, values, options, shown):
        figure = plot_images(values.reshape(1, 1, -1, 1), **options)
        image = figure.axes[0].images[0]
        array = np.asarray(image.get_array(), np.float64)[0]
        np.testing.assert_allclose(array / image.get_clim()[1], shown, atol=1e-6)

    def test_black_and_white_are_those_of_all_images_shown(self):
        dark, bright = np.full((4, 5, 3), 10.0), np.full((6, 5, 3), 30.0)
        bright[0] = 50
        for pictures in ([dark, bright], np.stack([dark, bright[1:5], np.full((4, 5, 3), 50.0)])):
            shown = [ax.images[0].get_array()[-1, 0, 0] for ax in plot_images(pictures).axes]
            np.testing.assert_allclose(shown[:2], [0, 0.5])
        # What is not shown does not count.
        assert plot_images([dark / 20, bright], rows=1, columns=1).axes[0].images[0].get_array()[
            0, 0, 0
        ] == pytest.approx(0.5)

    def test_unknown_colors_are_black(self, agg):
        x = np.full((1, 3, 5, 3), 0.5)
        x[0, 1, 2, 0] = np.nan
        figure = agg(plot_images(x))
        assert figure.axes[0].images[0].get_array()[1, 2].tolist() == [0, 0.5, 0.5]
        drawn(figure)

    def test_the_first_of_many(self):
        assert len(plot_images(gray(1001), rows=2, columns=3).axes) == 6


class TestAugmentations:
    def test_shows_what_the_generator_made_of_one_image(self):
        image = gray(1, 4, 6)[0]
        seen = []

        def generator(images):
            seen.append(images.shape)
            return images[:, ::-1]

        figure = plot_augmentations(image, generator, n=4, seed=0)
        assert len(figure.axes) == 4
        for ax in figure.axes:
            np.testing.assert_array_equal(ax.images[0].get_array(), image[::-1])
        assert sum(shape[0] for shape in seen) == 4

    def test_default_is_the_tutorials_figure(self):
        figure = plot_augmentations(np.zeros((28, 28, 1), "uint8"), lambda images: images)
        assert len(figure.axes) == 100
        assert figure.get_size_inches().tolist() == [10, 10]

    def test_a_seed_repeats_the_pictures(self):
        from keras.layers import RandomRotation

        def pictures(seed):
            figure = plot_augmentations(gray(1)[0], RandomRotation(0.5), n=3, seed=seed)
            return [np.asarray(ax.images[0].get_array()) for ax in figure.axes]

        first = pictures(1)
        np.testing.assert_array_equal(pictures(1), first)
        assert not np.array_equal(pictures(2), first)
        assert not np.array_equal(first[0], first[1])

    @pytest.mark.parametrize(
        ("image", "n", "kind", "parts"),
        [
            (gray(2)[..., None], 4, ValueError, ["`image` must be one image", "x[0]"]),
            (gray(1)[0, 0], 4, ValueError, ["`image` must be one image", "(6,)"]),
            (
                np.zeros((4, 6, 5)),
                4,
                ValueError,
                ["`image` must be one image", "at most 4 channels"],
            ),
            # The whole dataset, whose width is taken for channels.
            (gray(9), 4, ValueError, ["`image` must be one image", "(9, 6, 6)", "x[0]"]),
            (np.zeros((0, 4)), 4, ValueError, ["`image` must hold", "(1, 0, 4, 1)"]),
            (np.array([["a"]]), 4, TypeError, ["`image` must hold real numbers"]),
            (gray(1)[0], 0, ValueError, ["`n`", "between 1 and 1000", "n=0"]),
            (gray(1)[0], 4.0, TypeError, ["`n` must be an integer", "4.0"]),
            (gray(1)[0], True, TypeError, ["`n` must be an integer", "True"]),
        ],
    )
    def test_bad_input(self, image, n, kind, parts):
        with pytest.raises(kind) as caught:
            plot_augmentations(image, lambda images: images, n=n)
        for part in ["Received: ", *parts]:
            assert part in str(caught.value)


def style_of(line):
    return line.get_label(), line.get_color(), line.get_linestyle()


class TestHistory:
    def test_is_the_tutorials_figure(self):
        figure = plot_history(CURVES)
        assert figure.get_size_inches().tolist() == [12, 4]
        loss, acc = figure.axes
        assert [style_of(line) for line in loss.get_lines()] == [
            ("loss", "b", "-"),
            ("val_loss", "r", "--"),
        ]
        assert [style_of(line) for line in acc.get_lines()] == [
            ("acc", "g", "-"),
            ("val_acc", "k", "--"),
        ]
        for ax in figure.axes:
            assert ax.get_xlabel() == "epochs"
            names = [text.get_text() for text in ax.get_legend().get_texts()]
            assert names == [line.get_label() for line in ax.get_lines()]
            for line in ax.get_lines():
                np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
                np.testing.assert_array_equal(line.get_ydata(), CURVES[line.get_label()])

    @pytest.mark.parametrize("epochs", [1, 2, 25])
    def test_ticks_are_whole_epochs(self, epochs, agg):
        figure = agg(plot_history({"loss": list(range(epochs))}, metrics="loss"))
        drawn(figure)
        ticks = figure.axes[0].get_xticks()
        assert len(ticks)
        np.testing.assert_array_equal(ticks, np.round(ticks))

    def test_one_epoch_is_visible(self):
        lines = plot_history({k: v[:1] for k, v in CURVES.items()}).axes[0].get_lines()
        assert [line.get_marker() for line in lines] == ["o", "o"]

    def test_a_real_history_and_one_that_was_resumed(self):

        model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(2, "softmax")])
        model.compile(loss="sparse_categorical_crossentropy", metrics=["acc"])
        x, y = np.eye(2, dtype="float32"), np.arange(2)
        options = {"validation_data": (x, y), "verbose": 0}
        for fit, epochs in [
            (model.fit(x, y, epochs=2, **options), [1, 2]),
            (model.fit(x, y, epochs=5, initial_epoch=3, **options), [4, 5]),
        ]:
            lines = [line for ax in plot_history(fit).axes for line in ax.get_lines()]
            assert [line.get_label() for line in lines] == ["loss", "val_loss", "acc", "val_acc"]
            for line in lines:
                np.testing.assert_array_equal(line.get_xdata(), epochs)

    def test_validation_every_second_epoch(self):
        curves = {"loss": [5, 4, 3, 2], "val_loss": [4, 2]}
        _, validation = plot_history(curves, metrics="loss").axes[0].get_lines()
        np.testing.assert_array_equal(validation.get_xdata(), [2, 4])

    @pytest.mark.parametrize("recorded", ["acc", "accuracy"])
    @pytest.mark.parametrize("asked", ["acc", "accuracy"])
    def test_acc_is_accuracy(self, recorded, asked):
        curves = {recorded: [0.1, 0.2], f"val_{recorded}": [0.3, 0.4]}
        lines = plot_history(curves, metrics=(asked,)).axes[0].get_lines()
        assert [line.get_label() for line in lines] == [recorded, f"val_{recorded}"]

    def test_several_by_name(self):
        short = SimpleNamespace(history={"loss": [1, 2], "accuracy": [3, 4]})
        figure = plot_history({"long": CURVES, "short": short})
        for ax, metric in zip(figure.axes, ["loss", "acc"], strict=True):
            assert [style_of(line) for line in ax.get_lines()] == [
                ("long", "#1f77b4", "-"),
                ("long, validation", "#1f77b4", "--"),
                ("short", "#ff7f0e", "-"),
            ]
            assert ax.get_ylabel() == metric
        np.testing.assert_array_equal(figure.axes[1].get_lines()[2].get_ydata(), [3, 4])

    def test_one_by_name(self):
        lines = plot_history({"mine": CURVES}).axes[0].get_lines()
        assert [line.get_label() for line in lines] == ["mine", "mine, validation"]

    def test_curves_stand_out_on_dark(self, dark):
        for ax in plot_history(CURVES).axes:
            assert colors.to_hex(ax.get_facecolor()) == "#000000"
            for line in ax.get_lines():
                red, green, blue = colors.to_rgb(line.get_color())
                assert 0.299 * red + 0.587 * green + 0.114 * blue > 0.5

    def test_another_style_changes_no_color_of_a_figure(self):
        figure = plot_history({"mine": CURVES})
        with mpl.style.context("dark_background"):
            assert colors.to_hex(figure.axes[0].get_lines()[0].get_color()) == "#1f77b4"

    @pytest.mark.parametrize(("labels", "color"), [("black", "b"), ("white", "#73b3ff")])
    def test_on_no_background_curves_go_by_the_labels(self, labels, color):
        with mpl.rc_context({"axes.facecolor": "none", "axes.labelcolor": labels}):
            assert plot_history(CURVES).axes[0].get_lines()[0].get_color() == color

    def test_more_panels(self):
        figure = plot_history({**CURVES, "lr": [3, 2, 1]}, metrics=("loss", "acc", "lr"))
        assert figure.get_size_inches().tolist() == [18, 4]
        assert len(figure.axes) == 3

    def test_draws_into_a_given_figure(self):
        given = Figure(figsize=(5, 2))
        assert plot_history(CURVES, fig=given) is given
        assert len(given.axes) == 2
        assert given.get_size_inches().tolist() == [5, 2]

    @pytest.mark.parametrize(
        ("history", "options", "kind", "parts"),
        [
            (CURVES, {"metrics": "f1"}, ValueError, ["loss, val_loss, acc", "'f1'", "Pass"]),
            ({"loss": [1]}, {}, ValueError, ["among those recorded: loss", "'acc'", "('loss',)"]),
            ({"a": CURVES, "b": {"loss": [1]}}, {}, ValueError, ["for 'b'", "'acc'"]),
            ({}, {}, ValueError, ["at least one epoch", "model.fit"]),
            ({"loss": []}, {}, ValueError, ["at least one epoch", "model.fit"]),
            (CURVES, {"metrics": ()}, ValueError, ["`metrics` must name at least one", "()"]),
            ([1, 2], {}, TypeError, ["`history` must be", "[1, 2]", "model.fit"]),
            (None, {}, TypeError, ["`history` must be", "None"]),
            ({"loss": 1}, {}, TypeError, ["`history` must be", "'loss': 1"]),
            ({"a": CURVES, "b": 3}, {}, TypeError, ["`history` must be", "3"]),
            (CURVES, {"fig": Figure(), "figsize": (1, 1)}, ValueError, ["exclude each other"]),
        ],
    )
    def test_bad_input(self, history, options, kind, parts):
        with pytest.raises(kind) as caught:
            plot_history(history, **options)
        for part in ["Received: ", *parts]:
            assert part in str(caught.value)


def cells_of(figure):
    return np.asarray(figure.axes[0].images[0].get_array())


class TestConfusionMatrix:
    TRUE, PRED = (0, 0, 0, 1, 2, 2), (0, 0, 2, 1, 0, 2)
    COUNTS = ((2, 0, 1), (0, 1, 0), (1, 0, 1))

    def test_counts_true_in_rows_and_predicted_in_columns(self):
        figure = plot_confusion_matrix(self.TRUE, self.PRED)
        assert cells_of(figure).tolist() == [list(row) for row in self.COUNTS]
        assert figure.axes[0].get_xlabel() == "predicted"
        assert figure.axes[0].get_ylabel() == "true"
        for text in figure.axes[0].texts:
            column, row = text.get_position()
            assert text.get_text() == str(self.COUNTS[row][column])

    @pytest.mark.parametrize("kind", ["list", "uint8", "column", "one-hot", "probabilities"])
    def test_kinds_of_labels(self, kind):
        def labels(values):
            values = np.array(values)
            if kind == "probabilities":
                return np.eye(3)[values] * 0.4 + 0.2
            made = {"list": values.tolist(), "uint8": values.astype("uint8")}
            return {**made, "column": values[:, None], "one-hot": np.eye(3)[values]}[kind]

        figure = plot_confusion_matrix(labels(self.TRUE), labels(self.PRED))
        assert cells_of(figure).tolist() == [list(row) for row in self.COUNTS]

    def test_many_uint8_labels_do_not_wrap_around(self):
        labels = np.arange(200, dtype="uint8")
        np.testing.assert_array_equal(cells_of(plot_confusion_matrix(labels, labels)), np.eye(200))

    def test_fractions_and_a_class_without_examples(self):
        figure = plot_confusion_matrix([0, 0, 0, 2], [0, 0, 1, 2], normalize=True)
        expected = [[2 / 3, 1 / 3, 0], [0, 0, 0], [0, 0, 1]]
        np.testing.assert_allclose(cells_of(figure), expected)
        assert figure.axes[0].texts[0].get_text() == "0.67"
        assert figure.axes[0].images[0].get_clim() == (0, 1)

    def test_class_names_set_the_size(self):
        figure = plot_confusion_matrix([0, 1], [1, 1], class_names=("a", "b", "c"))
        assert cells_of(figure).shape == (3, 3)
        for labels in (figure.axes[0].get_xticklabels(), figure.axes[0].get_yticklabels()):
            assert [label.get_text() for label in labels] == ["a", "b", "c"]

    def test_booleans_are_two_classes(self):
        figure = plot_confusion_matrix([True, False, True], [True, True, True])
        assert cells_of(figure).tolist() == [[0, 1], [0, 2]]

    @pytest.mark.parametrize("cmap", ["Blues", "gray", "viridis"])
    def test_numbers_contrast_with_their_cells(self, cmap, agg):
        figure = agg(plot_confusion_matrix(self.TRUE, self.PRED, cmap=cmap))
        image = figure.axes[0].images[0]
        for text in figure.axes[0].texts:
            column, row = text.get_position()
            weights = [0.299, 0.587, 0.114]
            cell = np.dot(image.to_rgba([[self.COUNTS[row][column]]])[0, 0, :3], weights)
            assert abs(np.dot(colors.to_rgb(text.get_color()), weights) - cell) >= 0.5

    def test_draws_into_given_axes(self):
        figure = Figure(figsize=(8, 4))
        left, right = figure.subplots(1, 2)
        assert plot_confusion_matrix(self.TRUE, self.PRED, ax=right) is figure
        assert not left.images
        assert right.images
        # Half the room, smaller numbers.
        size = plot_confusion_matrix(np.arange(12), np.arange(12), ax=left).axes[0].texts[0]
        assert size.get_fontsize() < 9

    def test_too_many_classes_for_numbers(self, agg):
        figure = agg(plot_confusion_matrix(np.arange(41), np.arange(41)))
        assert not figure.axes[0].texts
        drawn(figure)

    @pytest.mark.parametrize(
        ("y_true", "y_pred", "options", "parts"),
        [
            ([0, 1], [0, 1, 1], {}, ["same length", "lengths 2 and 3"]),
            ([], [], {}, ["`y_true` must be class numbers", "(0,)"]),
            ([0, 1], np.zeros((0, 3)), {}, ["`y_pred` must be class numbers", "(0, 3)"]),
            ([0, 1], [0.2, 0.9], {}, ["`y_pred`", "float64", "(p > 0.5)"]),
            ([0, 1], [[0.2], [0.9]], {}, ["`y_pred`", "(2, 1)", "(p > 0.5)"]),
            (["a", "b"], [0, 1], {}, ["`y_true` must be class numbers", "<U1"]),
            (np.zeros((2, 2, 2), int), [0, 1], {}, ["`y_true`", "(2, 2, 2)"]),
            (3, [0, 1], {}, ["`y_true`", "shape ()"]),
            ([0, -1], [0, 1], {}, ["0..999", "from -1 to 0", "np.unique"]),
            ([0, 10**9], [0, 1], {}, ["0..999", "to 1000000000", "np.unique"]),
            ([0, 2], [0, 1], {"class_names": ["a", "b"]}, ["all of the 3 classes", "2 names"]),
        ],
    )
    def test_bad_input(self, y_true, y_pred, options, parts):
        with pytest.raises(ValueError, match="Received: ") as caught:
            plot_confusion_matrix(y_true, y_pred, **options)
        for part in parts:
            assert part in str(caught.value)


FIGURES = {
    "images": lambda: plot_images(gray(2), ["a", "b"]),
    "augmentations": lambda: plot_augmentations(gray(1)[0], lambda images: images, n=2),
    "history": lambda: plot_history(CURVES),
    "confusion": lambda: plot_confusion_matrix([0, 1], [1, 1], class_names=["a", "b"]),
}


@pytest.mark.parametrize("make", FIGURES.values(), ids=FIGURES.keys())
class TestEveryFigure:
    def test_saves_and_shows_in_a_notebook(self, make, tmp_path):
        figure = make()
        figure.savefig(tmp_path / "figure.png")
        signature = b"\x89PNG\r\n"
        assert (tmp_path / "figure.png").read_bytes().startswith(signature)
        assert figure._repr_png_().startswith(signature)

    def test_keeps_to_the_users_style(self, make, dark, agg):
        pixels = drawn(agg(make()))
        assert pixels[0, 0].tolist() == [0, 0, 0]
        assert pixels.max() > 240

    def test_keeps_inside_the_figure(self, make, agg):
        figure = agg(make())
        drawn(figure)
        box = figure.get_tightbbox(figure.canvas.get_renderer())
        width, height = figure.get_size_inches()
        assert box.x0 > -0.02
        assert box.y0 > -0.02
        assert box.x1 < width + 0.02
        assert box.y1 < height + 0.02


@pytest.mark.parametrize(
    ("labels", "error_text"),
    [
        (
            np.array([[0.5, np.nan], [1, 0]]),
            r"must not be missing\. Received: NaN in row 0 of",
        ),
        (np.array([0, np.nan]), r"Labels must not be missing\. Received: NaN in row 1 of"),
        (np.array([None, 1], object), r"must not be missing\. Received: None in row 0"),
        (np.array(["a", "b"]), r"Number them alike in both: \[classes\.index\(label\)"),
        (np.array([0.2, 0.8]), r"sigmoid output p as \(p > 0\.5\)\.astype\(int\)\.$"),
        (np.array([-1, 1]), r"labels from -1 to 1"),
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_labels_that_no_matrix_counts(labels, error_text, place):
    pair = [[0, 1], [0, 1]]
    pair[place] = labels
    with pytest.raises(ValueError, match=error_text):
        plot_confusion_matrix(*pair)


def test_a_history_with_gaps():
    figure = plot_history({"loss": [1.0, np.nan, 0.5]}, metrics="loss")
    drawn = figure.axes[0].get_lines()[0].get_ydata()
    np.testing.assert_array_equal(drawn, [1, np.nan, 0.5])


@pytest.mark.parametrize("curve", [["a", "b"], [None, 1.0], [1j], [[1.0], [1.0, 2.0]], 3])
def test_a_history_of_other_things_than_numbers(curve):
    with pytest.raises(TypeError, match="dict of lists with one number an epoch"):
        plot_history({"loss": curve}, metrics="loss")
