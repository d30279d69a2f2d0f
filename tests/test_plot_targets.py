"""Boxes, masks and points in figures: where they are drawn, and in which colors."""

import copy
import itertools
import json

import keras
import numpy as np
import pytest
from matplotlib import colors
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

import kaug
from kaug._apply.boxes import FORMATS
from kaug._show.palette import colors_of
from kaug.transforms import (
    Affine,
    Compose,
    HorizontalFlip,
    MixUp,
    RandomResizedCrop,
    Rotation,
)

X = np.random.default_rng(0).integers(0, 256, (3, 11, 16, 3), "uint8")
BOXES = np.array(
    [
        [[2, 1, 3, 2], [0, 0, 16, 11]],
        [[4.5, 3, 9, 7.25], [0, 0, 0, 0]],
        [[0, 0, 0, 0], [0, 0, 0, 0]],
    ],
    "float32",
)
LABELS = np.array([[0, 4], [2, -1], [-1, -1]])
POINTS = np.array(
    [[[3, 2, 2], [15, 10, 1], [0, 0, 0]], [[0, 0, 1], [1, 5, 0], [2.5, 5, 2]], np.zeros((3, 3))]
)
MASKS = np.zeros((3, 11, 16), "uint8")
MASKS[0, 2:5, 3:9], MASKS[0, 7:9, 1:3], MASKS[1, 0, 0] = 1, 5, 3
TARGETS = {
    "labels": np.array([2, 0, 1]),
    "bounding_boxes": {"boxes": BOXES, "labels": LABELS},
    "segmentation_masks": MASKS,
    "keypoints": POINTS,
}
NAMES = ["cat", "dog", "cow", "hen", "bee"]


def polygons(ax):
    return [patch.get_xy()[:4].tolist() for patch in ax.patches]


def names(ax):
    return [text.get_text() for text in ax.texts]


def points(ax):
    return [dots.get_offsets().tolist() for dots in ax.collections]


def overlay(ax):
    return [np.asarray(image.get_array()) for image in ax.images[1:]]


def drawn(figure):
    FigureCanvasAgg(figure)
    figure.canvas.draw()
    return figure.canvas.get_renderer()


def _listed(image):
    return image.get_array().tolist()


def everything(figure):
    """All that is drawn, to compare figures with."""
    return [
        [polygons(ax), names(ax), points(ax), ax.get_title(), *map(_listed, ax.images)]
        for ax in figure.axes
    ]


def test_where_everything_lies():
    figure = kaug.plot_images({"images": X, **TARGETS}, class_names=NAMES)
    first, second, third = figure.axes
    # Whole numbers are centres of pixels: the pixel in row 1 and column 2 has this outline.
    one = [[1.5, 0.5], [2.5, 0.5], [2.5, 1.5], [1.5, 1.5]]
    whole = [[-0.5, -0.5], [15.5, -0.5], [15.5, 10.5], [-0.5, 10.5]]
    assert polygons(first) == [one, whole]
    assert polygons(second) == [[[4.0, 2.5], [8.5, 2.5], [8.5, 6.75], [4.0, 6.75]]]
    assert names(first) == ["cat", "bee"]
    assert names(second) == ["cow"]
    # Points count from the centre of the first pixel as Matplotlib does; hidden ones are left out.
    assert points(first) == [[[3, 2], [15, 10]]]
    assert points(second) == [[[0, 0], [2.5, 5]]]
    assert (polygons(third), names(third), points(third), overlay(third)) == ([], [], [], [])
    assert [ax.get_title() for ax in figure.axes] == ["cow", "cat", "dog"]
    for ax in figure.axes:
        assert (ax.get_xlim(), ax.get_ylim()) == ((-0.5, 15.5), (10.5, -0.5))
        for image in ax.images:
            assert [*image.get_extent()] == [-0.5, 15.5, 10.5, -0.5]
    drawn(figure)
    assert (first.get_xlim(), first.get_ylim()) == ((-0.5, 15.5), (10.5, -0.5))


def test_a_class_has_one_color():
    first, second, _ = kaug.plot_images({"images": X, **TARGETS}).axes
    for ax, labels in ((first, [0, 4]), (second, [2])):
        for patch, text, label in zip(ax.patches, ax.texts, labels, strict=True):
            own = colors_of(label)
            assert colors.to_rgb(patch.get_edgecolor()) == pytest.approx(own)
            assert not patch.get_fill()
            assert colors.to_rgb(text.get_bbox_patch().get_facecolor()) == pytest.approx(own)
            assert text.get_text() == str(label)  # without names
    (mask,) = overlay(first)
    assert mask.shape == (11, 16, 4)
    for value in (0, 1, 5):
        there = MASKS[0] == value
        assert (mask[there][:, 3] == (128 if value else 0)).all()
        if value:  # of the class with the number below
            np.testing.assert_array_equal(
                mask[there][:, :3], np.rint([255 * colors_of(value - 1)] * there.sum())
            )
    # Every point has a color, of which the third is not there.
    shades = first.collections[0].get_facecolors()[:, :3]
    np.testing.assert_allclose(shades, colors_of(np.array([0, 1])))
    np.testing.assert_allclose(second.collections[0].get_facecolors()[1, :3], colors_of(2))


# Machado, Oliveira and Fernandes, 2009: what remains of red, green and blue, in linear light.
RED_BLIND = [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]
GREEN_BLIND = [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]
TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def lab(rgb, seen_as):
    """CIELAB of sRGB, as eyes of a kind see it."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = np.clip(linear @ np.transpose(seen_as), 0, 1) @ np.transpose(TO_XYZ)
    x, y, z = np.cbrt(xyz / [0.9505, 1, 1.089]).T  # but for what is almost black
    return np.transpose([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eyes", [np.eye(3), RED_BLIND, GREEN_BLIND])
def test_colors_are_told_apart(eyes):
    places = lab(colors_of(np.arange(21)), eyes)
    for one, other in itertools.combinations(places, 2):
        assert np.linalg.norm(one - other) > 15  # 2 is just seen, side by side
    np.testing.assert_array_equal(colors_of(np.array([21, 22])), colors_of(np.array([0, 1])))
    # Okabe and Ito's vermillion and blue.
    assert [colors.to_hex(colors_of(number)) for number in (5, 6)] == ["#d55e00", "#0072b2"]


@pytest.mark.parametrize("box_format", FORMATS)
def test_every_format_of_boxes(box_format):
    given = keras.utils.bounding_boxes.convert_format(
        {"boxes": BOXES, "labels": LABELS}, "xyxy", box_format, height=11, width=16
    )
    given = {name: np.asarray(value) for name, value in given.items()}
    for figure in (
        kaug.plot_images(X, {"bounding_boxes": given, "bounding_box_format": box_format.upper()}),
        kaug.plot_images(X, {"bounding_boxes": given}, bounding_box_format=box_format),
    ):
        for ax, boxes, labels in zip(figure.axes, BOXES, LABELS, strict=True):
            there = boxes[labels != -1]
            assert len(ax.patches) == len(there)
            for polygon, (left, top, right, bottom) in zip(polygons(ax), there - 0.5, strict=True):
                around = [[left, top], [right, top], [right, bottom], [left, bottom]]
                np.testing.assert_allclose(polygon, around, atol=1e-5)


class TestForms:
    """The same picture, however it is given."""

    wanted = property(lambda self: everything(kaug.plot_images({"images": X, **TARGETS})))

    def test_targets_beside_images(self):
        assert everything(kaug.plot_images(X, TARGETS)) == self.wanted
        alone = {name: value for name, value in TARGETS.items() if name != "labels"}
        assert everything(kaug.plot_images({"images": X, **alone}, [2, 0, 1])) == self.wanted

    def test_ragged_lists_and_tensors(self):
        there = LABELS != -1
        ragged = {
            "boxes": [list(boxes[kept]) for boxes, kept in zip(BOXES, there, strict=True)],
            "labels": [list(labels[kept]) for labels, kept in zip(LABELS, there, strict=True)],
        }
        seen = [each[each[:, 2] > 0] for each in POINTS[:1]]
        given = {**TARGETS, "bounding_boxes": ragged, "keypoints": [*seen, POINTS[1], []]}
        assert everything(kaug.plot_images(X, given)) == self.wanted
        tensors = {
            name: value if name == "bounding_boxes" else keras.ops.convert_to_tensor(value)
            for name, value in TARGETS.items()
        }
        tensors["bounding_boxes"] = {
            name: keras.ops.convert_to_tensor(value)
            for name, value in TARGETS["bounding_boxes"].items()
        }
        assert everything(kaug.plot_images(keras.ops.convert_to_tensor(X), tensors)) == self.wanted

    def test_other_fields_of_boxes_are_left_alone(self):
        boxes = {**TARGETS["bounding_boxes"], "area": np.ones((3, 2))}
        assert everything(kaug.plot_images(X, {**TARGETS, "bounding_boxes": boxes})) == self.wanted

    def test_masks_as_labels_and_with_an_axis(self):
        masks = [overlay(ax) for ax in kaug.plot_images(X, TARGETS).axes]
        for given in (MASKS, MASKS[..., np.newaxis], list(MASKS), {"labels": MASKS.astype(float)}):
            figure = kaug.plot_images(X, given)
            for ax, wanted in zip(figure.axes, masks, strict=True):
                np.testing.assert_array_equal(overlay(ax), wanted)
                assert ax.get_title() == ""

    def test_images_of_any_size(self):
        pictures = [X[0], X[1, :8, :12], X[2, :9]]
        masks = [MASKS[0], MASKS[1, :8, :12], MASKS[2, :9]]
        boxes = {"boxes": BOXES / [16, 11, 16, 11], "labels": LABELS}
        figure = kaug.plot_images(
            pictures,
            {
                "bounding_boxes": boxes,
                "bounding_box_format": "rel_xyxy",
                "segmentation_masks": masks,
                "keypoints": POINTS,
            },
        )
        # Fractions are those of each image's own size.
        left, top, right, bottom = (
            np.array([4.5, 3, 9, 7.25]) * [12 / 16, 8 / 11, 12 / 16, 8 / 11] - 0.5
        )
        around = [[left, top], [right, top], [right, bottom], [left, bottom]]
        np.testing.assert_allclose(polygons(figure.axes[1])[0], around, atol=1e-5)
        assert overlay(figure.axes[1])[0].shape == (8, 12, 4)
        assert points(figure.axes[1]) == [[[0, 0], [2.5, 5]]]

    def test_only_the_rows_that_are_shown_are_read(self):
        class Lazy:
            def __len__(self):
                return 3

            def __getitem__(self, row):
                assert row == 0
                return MASKS[row]

        targets = {**TARGETS, "segmentation_masks": Lazy()}
        figure = kaug.plot_images(X, targets, rows=1, columns=1)
        assert everything(figure) == self.wanted[:1]

    def test_what_a_policy_and_a_dataset_give(self):
        policy = Compose([Affine(rotation=20, zoom=0.2), HorizontalFlip()])
        batch = policy({"images": X, **TARGETS}, seed=0)
        figure = kaug.plot_images(batch)
        for ax, boxes, labels, image in zip(
            figure.axes, *batch["bounding_boxes"].values(), batch["images"], strict=True
        ):
            corners = [[*polygon[0], *polygon[2]] for polygon in polygons(ax)]
            wanted = boxes[labels != -1].reshape(-1, 4) - 0.5
            np.testing.assert_allclose(np.reshape(corners, (-1, 4)), wanted)
            np.testing.assert_array_equal(ax.images[0].get_array(), image)
        dataset = kaug.AugmentedDataset(X, TARGETS, policy, batch_size=3, shuffle=False, seed=0)
        assert everything(kaug.plot_images(*dataset[0])) == everything(figure)

    def test_labels_that_were_mixed(self):
        x, y = MixUp(num_classes=3)({"images": X, "labels": np.array([0, 1, 2])}, seed=2).values()
        for ax, shares in zip(kaug.plot_images(x, {"labels": y}).axes, y, strict=True):
            assert ax.get_title().startswith(str(shares.argmax()))

    def test_nothing_is_written_to(self):
        given = copy.deepcopy(TARGETS)
        for value in (X, MASKS, POINTS, BOXES, LABELS):
            value.setflags(write=False)
        kaug.plot_images(X, given)
        kaug.plot_augmentations({"images": X, **given}, Rotation(10), row=0, n=2)
        assert list(given) == list(TARGETS)
        assert list(given["bounding_boxes"]) == ["boxes", "labels"]
        for value in (X, MASKS, POINTS, BOXES, LABELS):
            value.setflags(write=True)


class TestMasks:
    def test_layers_lie_one_on_the_other(self):
        masks = np.zeros((1, 3, 5, 3), "int32")
        masks[0, 0, :3, 0] = 1
        masks[0, 0, 1:3, 2] = 200
        (seen,) = overlay(kaug.plot_images(np.zeros((1, 3, 5, 3)), masks_of(masks)).axes[0])
        first, third = colors_of(0), colors_of(2)
        assert not seen[1:].any()
        np.testing.assert_array_equal(seen[0, 0], [*np.rint(255 * first), 128])
        # Half of the third, and half of what is left of the first, in three quarters.
        blended = (0.5 * third + 0.25 * first) / 0.75
        np.testing.assert_allclose(seen[0, 1], [*255 * blended, 0.75 * 255], atol=1)
        assert not seen[0, 3:].any()

    def test_heat_maps_are_as_strong_as_they_are_large(self):
        maps = np.array([[[0, 0.25, 1, -1, np.nan, 7]]], "float32")
        (seen,) = overlay(kaug.plot_images(np.zeros((1, 1, 6, 3)), masks_of(maps)).axes[0])
        assert seen[0, :, 3].tolist() == [0, 32, 128, 0, 0, 128]
        np.testing.assert_array_equal(seen[0, 2, :3], np.rint(255 * colors_of(0)))

    @pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int64", "float32"])
    def test_whole_numbers_are_classes(self, dtype):
        mask = np.array([[[0, 1, 1], [1, 0, 1]]]).astype(dtype)
        (seen,) = overlay(kaug.plot_images(np.zeros((1, 2, 3, 3)), masks_of(mask)).axes[0])
        np.testing.assert_array_equal(seen[..., 3], 128 * (mask[0] > 0))

    def test_void_and_below_zero(self):
        mask = np.array([[[-1, 255, 22, 1]]], "int16")
        (seen,) = overlay(kaug.plot_images(np.zeros((1, 1, 4, 3)), masks_of(mask)).axes[0])
        assert seen[0, :, 3].tolist() == [0, 128, 128, 128]
        np.testing.assert_array_equal(seen[0, 2], seen[0, 3])  # after 21 they begin again

    @pytest.mark.parametrize("lists", [False, True])
    def test_instances_have_the_colors_of_their_boxes(self, lists):
        masks = np.zeros((3, 11, 16, 2), bool)
        masks[0, 1, 2, 0], masks[0, 5:, 5:, 1], masks[1, 3:7, 5:9, 0] = 1, 1, 1
        masks[1, 0, 0, 1] = 1  # of a box that is padding
        boxes = {**TARGETS["bounding_boxes"], "masks": masks}
        if lists:
            there = [LABELS[row] != -1 for row in range(3)]
            boxes = {
                "boxes": [BOXES[row][there[row]] for row in range(3)],
                "labels": [LABELS[row][there[row]] for row in range(3)],
                "masks": [masks[row][..., there[row]] for row in range(3)],
            }
        figure = kaug.plot_images(X, {"bounding_boxes": boxes})
        (seen,) = overlay(figure.axes[0])
        np.testing.assert_array_equal(seen[1, 2], [*np.rint(255 * colors_of(0)), 128])
        np.testing.assert_array_equal(seen[10, 15], [*np.rint(255 * colors_of(4)), 128])
        (seen,) = overlay(figure.axes[1])
        assert seen[0, 0, 3] == 0
        assert (seen[..., 3] > 0).sum() == 16
        assert overlay(figure.axes[2]) == []


def masks_of(masks):
    return {"segmentation_masks": masks}


def test_every_person_has_a_color():
    persons = np.zeros((3, 2, 3, 3))
    persons[0, 0] = [[1, 2, 2], [3, 4, 1], [5, 6, 0]]
    persons[0, 1, 2] = [7, 8, 2]
    ragged = [persons[0], persons[1][:1], []]
    for given in (persons, ragged):
        first, *others = kaug.plot_images(X, {"keypoints": given}).axes
        assert points(first) == [[[1, 2], [3, 4], [7, 8]]]
        shades = first.collections[0].get_facecolors()[:, :3]
        np.testing.assert_allclose(shades, colors_of(np.array([0, 0, 1])))
        assert [points(ax) for ax in others] == [[], []]
    # Without a visibility, all are drawn.
    first = kaug.plot_images(X, {"keypoints": persons[..., :2]}).axes[0]
    assert len(points(first)[0]) == 6


class TestNames:
    def test_stand_in_the_picture_and_not_over_another(self):
        rng = np.random.default_rng(1)
        begin = rng.uniform(0, 70, (1, 20, 2))
        boxes = np.concatenate([begin, begin + rng.uniform(5, 30, (1, 20, 2))], axis=-1)
        figure = kaug.plot_images(
            {
                "images": np.zeros((1, 100, 140)),
                "bounding_boxes": {"boxes": boxes, "labels": rng.integers(0, 3, (1, 20))},
            },
            class_names=["cat", "traffic light", "dog"],
        )
        ax = figure.axes[0]
        renderer = drawn(figure)
        assert len(ax.patches) == 20
        assert 8 < len(ax.texts) <= 20
        places = [text.get_window_extent(renderer) for text in ax.texts]
        outer = ax.get_window_extent(renderer)
        for place in places:
            assert outer.x0 - 1 <= place.x0 < place.x1 <= outer.x1 + 1
            assert outer.y0 - 1 <= place.y0 < place.y1 <= outer.y1 + 1
        for one, other in itertools.combinations(places, 2):
            assert not (one.padded(-0.5).overlaps(other.padded(-0.5)))

    def test_a_name_stands_above_its_box_or_else_in_it(self):
        boxes = {"boxes": [[[10, 50, 60, 90], [80, 0, 130, 40]]], "labels": [[0, 1]]}
        ax = kaug.plot_images({"images": np.zeros((1, 100, 140)), "bounding_boxes": boxes}).axes[0]
        (_, above), (_, inside) = (text.get_position() for text in ax.texts)
        assert 40 < above < 50
        assert 0 < inside < 10

    def test_a_name_wider_than_the_picture_is_left_out(self):
        boxes = {"boxes": [[[1, 1, 9, 9]]], "labels": [[0]]}
        batch = {"images": np.zeros((1, 10, 10)), "bounding_boxes": boxes}
        ax = kaug.plot_images(batch, class_names=["word " * 30]).axes[0]
        assert (len(ax.patches), len(ax.texts)) == (1, 0)

    def test_outlines_on_the_border_are_whole(self):
        figure = kaug.plot_images(X, {"bounding_boxes": TARGETS["bounding_boxes"]})
        drawn(figure)
        ax = figure.axes[0]
        inner, outer = ax.get_window_extent(), ax.patches[1].get_clip_box()
        line = ax.patches[1].get_linewidth() * figure.dpi / 72
        assert outer.x0 <= inner.x0 - line / 2
        assert outer.x1 >= inner.x1 + line / 2
        assert ax.patches[1].get_clip_path() is None

    def test_those_that_come_with_the_images(self, coco):
        x, y = kaug.sources.coco(*coco, masks=True)
        figure = kaug.plot_images(x, y)
        assert [names(ax) for ax in figure.axes] == [["cat", "dog"], []]
        assert polygons(figure.axes[0])[0] == [[1.5, 0.5], [5.5, 0.5], [5.5, 3.5], [1.5, 3.5]]
        (seen,) = overlay(figure.axes[0])
        np.testing.assert_array_equal(seen[1, 2, :3], np.rint(255 * colors_of(0)))
        assert names(kaug.plot_images(x, y, class_names=["a", "b"]).axes[0]) == ["a", "b"]
        figure = kaug.plot_images(x, [1, 0])
        assert [ax.get_title() for ax in figure.axes] == ["dog", "cat"]
        for labels in ([1, 2], ["1", "0"]):  # which they do not name
            titles = [ax.get_title() for ax in kaug.plot_images(x, labels).axes]
            assert titles == [str(label) for label in labels]
        policy = RandomResizedCrop((1, 1), height=9, width=12)
        figure = kaug.plot_augmentations({"images": x, **y}, policy, row=0, n=2, seed=0)
        assert [sorted(names(ax)) for ax in figure.axes] == [["cat", "dog"]] * 2


@pytest.fixture
def coco(tmp_path):
    """Writes two pictures and the file of their objects."""
    Image.fromarray(X[0]).save(tmp_path / "a.png")
    Image.fromarray(X[1, :7]).save(tmp_path / "b.png")
    boxes = [
        ([2, 1, 4, 3], 17, [[2, 1, 6, 1, 6, 4, 2, 4]]),
        ([8, 5, 3, 5], 18, [[8, 5, 11, 5, 11, 10, 8, 10]]),
    ]
    annotations = {
        "images": [
            {"id": 1, "file_name": "a.png", "height": 11, "width": 16},
            {"id": 2, "file_name": "b.png", "height": 7, "width": 16},
        ],
        "categories": [{"id": 18, "name": "dog"}, {"id": 17, "name": "cat"}],
        "annotations": [
            {"id": i, "image_id": 1, "category_id": c, "bbox": box, "segmentation": polygon}
            for i, (box, c, polygon) in enumerate(boxes)
        ],
    }
    (tmp_path / "a.json").write_text(json.dumps(annotations), encoding="utf-8")
    return tmp_path / "a.json", tmp_path


class TestAugmentations:
    single = property(
        lambda self: {
            "images": X[0],
            "labels": 2,
            "bounding_boxes": {"boxes": BOXES[0].tolist(), "labels": [0, 4]},
            "bounding_box_format": "xyxy",
            "segmentation_masks": MASKS[0],
            "keypoints": POINTS[0].tolist(),
        }
    )

    def test_one_picture_with_its_targets(self):
        policy = Compose([Affine(rotation=20, width_shift=0.2), HorizontalFlip()])
        x, y = kaug.augment_dataset(
            X[:1],
            {
                "bounding_boxes": {"boxes": BOXES[:1], "labels": LABELS[:1]},
                "keypoints": POINTS[:1],
                "segmentation_masks": MASKS[:1],
                "labels": [2],
            },
            5,
            policy,
            seed=3,
            append=False,
        )
        wanted = everything(kaug.plot_images(x, y, class_names=NAMES))
        options = {"n": 5, "seed": 3, "class_names": NAMES}
        rows = {"images": X, **TARGETS}
        first = {
            name: {key: each[:1] for key, each in value.items()}
            if isinstance(value, dict)
            else value[:1]
            for name, value in rows.items()
        }
        for figure in (
            kaug.plot_augmentations(self.single, policy, **options),
            kaug.plot_augmentations(rows, policy, row=0, **options),
            kaug.plot_augmentations(first, policy, **options),
        ):
            assert everything(figure) == wanted

    def test_boxes_of_a_flip(self):
        given = {"images": X[0], "bounding_boxes": {"boxes": [[2, 1, 3, 2]], "labels": [0]}}
        ax = kaug.plot_augmentations(given, HorizontalFlip(p=1), n=1).axes[0]
        # Column 2 of 16 becomes column 13.
        np.testing.assert_allclose(
            polygons(ax), [[[12.5, 0.5], [13.5, 0.5], [13.5, 1.5], [12.5, 1.5]]]
        )

    def test_a_picture_without_objects(self):
        given = {"images": X[0], "bounding_boxes": {"boxes": [], "labels": []}}
        ax = kaug.plot_augmentations(given, HorizontalFlip(), n=1).axes[0]
        assert polygons(ax) == []

    def test_one_of_several_images(self):
        images = [X[0], X[1, :5], X[2]]
        for given in (images, {"images": images}):
            ax = kaug.plot_augmentations(given, HorizontalFlip(p=1), row=1, n=1).axes[0]
            np.testing.assert_array_equal(ax.images[0].get_array(), X[1, :5, ::-1])
        gray = X[..., 0]
        ax = kaug.plot_augmentations(gray, HorizontalFlip(p=1), row=2, n=1).axes[0]
        np.testing.assert_array_equal(ax.images[0].get_array(), gray[2, :, ::-1])

    @pytest.mark.parametrize(
        ("image", "options", "kind", "parts"),
        [
            (X, {}, ValueError, ["`row` say which", "row=0"]),
            ([X[0], X[1, :5]], {}, ValueError, ["`row` say which", "2 images"]),
            (X, {"row": 3}, ValueError, ["`row`", "between 0 and 2"]),
            (X, {"row": 1.0}, TypeError, ["`row` must be an integer"]),
            ({"labels": [1]}, {}, ValueError, ['under the key "images"', "['labels']"]),
            (
                {"images": X, "labels": [1, 2]},
                {"row": 0},
                ValueError,
                ["`labels` must have one row for each of the 3 images", "2 rows"],
            ),
        ],
    )
    def test_bad_input(self, image, options, kind, parts):
        with pytest.raises(kind) as caught:
            kaug.plot_augmentations(image, HorizontalFlip(), n=1, **options)
        for part in ["Received: ", *parts]:
            assert part in str(caught.value)

    def test_targets_need_transforms_that_move_them(self):
        with pytest.raises(TypeError, match="kaug must know where every pixel goes"):
            kaug.plot_augmentations(self.single, lambda images: images[:, ::-1], n=1)


def boxes_of(**change):
    return {"bounding_boxes": {**TARGETS["bounding_boxes"], **change}}


@pytest.mark.parametrize(
    ("targets", "options", "kind", "parts"),
    [
        ({"bboxes": BOXES}, {}, ValueError, ["labels['bboxes']", '"bounding_boxes"']),
        ({"species": [0, 1, 2]}, {}, ValueError, ["must have some of the keys", "'species'"]),
        (boxes_of(boxes=BOXES[:2]), {}, ValueError, ["`boxes`", "each of the 3 images", "2 rows"]),
        (boxes_of(boxes=3), {}, ValueError, ["`boxes`", "each of the 3 images", "3 (type int)"]),
        (boxes_of(boxes=BOXES / 20), {}, ValueError, ["look like fractions", "rel_xyxy"]),
        (boxes_of(boxes=BOXES[..., ::-1]), {}, ValueError, ["must end to the right of"]),
        ({"bounding_boxes": BOXES}, {}, ValueError, ['a dict of "boxes"', "(3, 2, 4)"]),
        (
            TARGETS,
            {"bounding_box_format": "coco"},
            ValueError,
            ["`bounding_box_format` must be one of", '"xywh"'],
        ),
        (TARGETS, {"class_names": NAMES[:4]}, ValueError, ["must be in 0..3", "0 to 4"]),
        (boxes_of(masks=MASKS), {}, ValueError, ["a layer for each box", "(11, 16)"]),
        (boxes_of(masks=np.zeros((3, 11, 16, 3))), {}, ValueError, ["a layer for each box"]),
        (boxes_of(masks=np.zeros((2, 11, 16, 2))), {}, ValueError, ["3 images", "2 rows"]),
        (masks_of(MASKS[:, :-1]), {}, ValueError, ["as high and wide as its image"]),
        (masks_of(MASKS[:2]), {}, ValueError, ["each of the 3 images", "2 of them"]),
        ({"keypoints": POINTS[:2]}, {}, ValueError, ["`keypoints`", "3 images", "2 rows"]),
        (
            {"keypoints": np.zeros((3, 4))},
            {},
            ValueError,
            ["`keypoints` must be numbers, points", "(4,)"],
        ),
        (
            {"keypoints": np.zeros((3, 2, 4))},
            {},
            ValueError,
            ["`keypoints` must be numbers, points"],
        ),
        ({"keypoints": np.full((3, 2, 2), np.nan)}, {}, ValueError, ["finite", "visibility 0"]),
        (
            {"keypoints": np.full((3, 2, 2), "a")},
            {},
            ValueError,
            ["`keypoints` must be numbers, points"],
        ),
        ({"segmentation_masks": MASKS}, {"class_names": NAMES}, ValueError, ["`labels` or boxes"]),
    ],
)
def test_bad_targets(targets, options, kind, parts):
    figure = kaug.plots._Figure()
    with pytest.raises(kind) as caught:
        kaug.plot_images(X, targets, fig=figure, **options)
    for part in ["Received: ", *parts]:
        assert part in str(caught.value)
    assert not figure.axes  # nothing is drawn by halves


def test_two_dicts():
    with pytest.raises(ValueError, match="must stand in one dict"):
        kaug.plot_images({"images": X}, TARGETS)
    with pytest.raises(ValueError, match=r"images\['bboxes'\]"):
        kaug.plot_images({"images": X, "bboxes": BOXES})


def test_pictures_with_something_on_them_are_larger():
    assert kaug.plot_images(X).get_size_inches()[0] == 6
    assert kaug.plot_images(X, {"keypoints": POINTS}).get_size_inches()[0] == 9
    assert kaug.plot_images(X, {"keypoints": 0 * POINTS}).get_size_inches()[0] == 6
