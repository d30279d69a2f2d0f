"""The base of all transforms that are affine warps."""

from typing import cast

from kaug.transforms._base import Array, Parameters, Transform
from kaug.transforms._operations import Batch, Warp
from kaug.transforms._warp import Sampling, moved


class AffineTransform(Transform):
    """A transform that is an affine warp: `sampling` and `matrices` are all there is to it."""

    def transform_images(self, images: Array, parameters: Parameters) -> Array:
        """Returns `images` warped."""
        return self._warped({"images": images}, parameters)["images"]

    def transform_masks(self, masks: Array, parameters: Parameters) -> Array:
        """Returns `masks` warped, their values not blended."""
        return self._warped({"images": masks, "masks": masks}, parameters)["masks"]

    def transform_points(
        self, points: Array, parameters: Parameters, size: tuple[int, int]
    ) -> Array:
        """Returns where the warp moves `points`."""
        return moved(points, self.matrices(parameters, size), size)

    def _warped(self, batch: Batch, parameters: Parameters) -> Batch:
        sampling = cast(Sampling, self.sampling())
        Warp(self.matrices(parameters, batch["images"].shape[1:3]), sampling).apply(batch, {})
        return batch
