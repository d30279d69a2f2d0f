"""The base of all transforms that are affine warps."""

from typing import ClassVar, cast

from kaug._apply.batches import MapName
from kaug._apply.resample import Resampling, moved
from kaug._apply.stages import Warp
from kaug._types import Array, Batch, Parameters
from kaug.transforms.transform import Transform


class AffineTransform(Transform):
    """A transform that is an affine warp: `_resampling` and `_matrices` are all there is to it."""

    # Whether it only slides or mirrors images along their axes.
    _slides: ClassVar[bool] = False

    def _widest(self, size: tuple[int, int]) -> tuple[float, float] | None:
        del size
        return (1.0, 1.0) if self._slides else None

    def transform_images(self, images: Array, parameters: Parameters) -> Array:
        return self._warped({"images": images}, parameters)["images"]

    def transform_masks(self, masks: Array, parameters: Parameters) -> Array:
        return self._move_map(masks, parameters, MapName("masks"))

    def transform_maps(self, maps: Array, parameters: Parameters) -> Array:
        return self._move_map(maps, parameters, MapName("maps", "bilinear"))

    def _move_map(self, values: Array, parameters: Parameters, name: MapName) -> Array:
        return self._warped({"images": values, name: values}, parameters)[name]

    def transform_points(
        self, points: Array, parameters: Parameters, size: tuple[int, int]
    ) -> Array:
        after = self.output_shape(size)
        return moved(points, self._matrices(parameters, size), size, (after[0], after[1]))

    def _warped(self, batch: Batch, parameters: Parameters) -> Batch:
        sampling = cast(Resampling, self._resampling()).settled()
        size = batch["images"].shape[1:3]
        after = self.output_shape(size)
        Warp(self._matrices(parameters, size), sampling, (after[0], after[1])).apply(batch, {})
        return batch
