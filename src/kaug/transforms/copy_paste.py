"""Copy-paste: objects of other images of the dataset, cut out along their masks."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kaug._apply.batches import INSTANCES
from kaug._apply.joining import joined, shared_maps
from kaug._apply.overlaps import chosen_objects, cover_pixels
from kaug._apply.parameters import Bounds
from kaug._draw.draws import Draws
from kaug._kernels.threefry import encrypt
from kaug._types import Batch, Parameters
from kaug._validation import check_probability, message
from kaug.transforms._bases.mixing import Mixing, blended


@dataclass(frozen=True, repr=False)
class CopyPaste(Mixing):
    """Pastes objects of another image over each image, along their masks.

    Boxes need masks: `bounding_boxes` with `"masks"` `(N, H, W, B)`, a layer for each box. Of the
    partner's objects each is pasted with the probability `object_p`, where its mask is not 0. Its
    box, mask and all else that is known of it come along, as do the partner's keypoints and the
    values of its other masks and maps there. What lies underneath goes: masks lose those pixels,
    boxes shrink by as much as the masks in them do, objects that are covered wholly are gone, and
    keypoints that are covered are no longer visible. A result has room for the boxes of two images.
    Labels and sample weights are blended by the areas, and labels come out soft: see `MixUp`.

    Put what moves both images before it, as a `RandomResizedCrop` of large scales and a flip, with
    which the paper uses it. Images without any targets have no objects, and stay as they are.

    From Ghiasi, Cui, Srinivas, Qian, Lin, Cubuk, Le and Zoph, "Simple Copy-Paste is a Strong Data
    Augmentation Method for Instance Segmentation", CVPR 2021, arXiv:2012.07177, without its
    blurring of edges.

    Args:
        object_p: Probability that one of the partner's objects is pasted.
        num_classes: How many classes there are, where labels are integers.
        p: Probability that anything is pasted on a row.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of its range, or boxes have no masks.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import CopyPaste
        >>> images = np.repeat([0, 9], 20).reshape(2, 4, 5)
        >>> masks = np.zeros((2, 4, 5, 1), bool)
        >>> masks[0, :2, :2] = masks[1, 1:3, 1:4] = True
        >>> boxes = np.array([[[0, 0, 2, 2]], [[1, 1, 4, 3]]], "float32")
        >>> objects = {"boxes": boxes, "labels": np.array([[1], [2]]), "masks": masks}
        >>> batch = {"images": images, "bounding_boxes": objects}
        >>> pasted = CopyPaste(object_p=1)(batch, seed=9)
        >>> pasted["images"][0]
        array([[0, 0, 0, 0, 0],
               [0, 9, 9, 9, 0],
               [0, 9, 9, 9, 0],
               [0, 0, 0, 0, 0]])
        >>> pasted["bounding_boxes"]["labels"]
        array([[1, 2],
               [2, 1]])
    """

    _checks: ClassVar = {"object_p": check_probability}

    object_p: float = field(default=0.5, kw_only=True)

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns the `partner`, and two `words`, `(M, 2)`: the key to which objects are pasted."""
        partner = draws.uniform()
        return {"partner": partner, "words": draws.words(2)}

    def _bounds(self) -> Bounds:
        return {**super()._bounds(), "words": {"minimum": 0, "maximum": 2**32 - 1}}

    def _check_targets(self, names: Collection[str]) -> None:
        if INSTANCES not in names:
            rule = "CopyPaste pastes objects along their masks, so boxes must have masks"
            fix = 'Give `bounding_boxes` the key "masks", (N, H, W, B), with a layer for each box.'
            raise ValueError(message(rule, "targets without them", fix))

    def _mix(self, own: Batch, others: Sequence[Batch], parameters: Parameters) -> Batch:
        if INSTANCES not in own:
            return own | {"images": own["images"].copy()}
        (partners,) = others
        chosen = self._chosen(partners, parameters)
        pasted = (partners[INSTANCES] != 0) & chosen[:, np.newaxis, np.newaxis]
        covered = pasted.any(axis=3)
        places = joined([cover_pixels(own, covered), chosen_objects(partners, chosen, covered)])
        over = {
            name: np.where(covered[..., np.newaxis], partners[name], own[name])
            for name in ("images", *shared_maps(own))
        }
        share = 1 - covered.mean(axis=(1, 2))
        return places | over | blended(own, others, [share])

    def _mix_tensors(
        self, own: Batch, others: Sequence[Batch], parameters: Parameters, dtype: np.dtype[Any]
    ) -> Batch:
        """Returns the images as they are: the masks of boxes are no tensors that the layer has."""
        del others, parameters, dtype
        return dict(own)

    def _chosen(self, partners: Batch, parameters: Parameters) -> NDArray[np.bool_]:
        """Returns which of the partners' boxes are pasted, `(M, B)`: only what has pixels."""
        key = parameters["words"].astype(np.int64)
        count = partners["boxes"].shape[1]
        words, _ = encrypt(key[:, :1], key[:, 1:], np.arange(count), 0)
        drawn = (words + 0.5) * 2.0**-32 < self.object_p
        there = (partners["boxes"][..., 0] > 0) & (partners[INSTANCES] != 0).any(axis=(1, 2))
        return np.asarray(drawn & there)
