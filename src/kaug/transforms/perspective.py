"""Perspective: the image as seen from another place."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kaug._apply.parameters import Bounds
from kaug._apply.resample import Reading, Resampling, remapped
from kaug._draw.draws import Draws
from kaug._kernels import read_only
from kaug._kernels.homography import find_homographies, project
from kaug._namespace import namespace
from kaug._tensors import homography
from kaug._types import Array, Parameters
from kaug.transforms._bases.fields import Number
from kaug.transforms._bases.remapping import Remapping

# Corners in the order of `corners`, in units of half the height and half the width.
_CORNERS = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
# Beyond this, the diagonal of two corners can get on the far side of a third.
_CONVEX = 2 / 3


@dataclass(frozen=True, repr=False)
class Perspective(Remapping):
    """Moves the corners of the image inward, each by its own distance.

    Each of the four corners moves to the right or left by up to `distortion` times half the width,
    and up or down by up to `distortion` times half the height, evenly. The image follows by the
    one homography that maps corners to corners, as in torchvision's `RandomPerspective` (there
    corners are centres of pixels; here, as everywhere in this library, outer ones). It does not
    leave the image, so what surrounds it is filled.

    Args:
        distortion: How far corners move at most: from 0 to less than 2/3, above which they might
            no longer be those of a convex image.
        fill_mode: `"nearest"`, `"reflect"`, `"wrap"` or `"constant"`, as in `scipy.ndimage`.
        fill_value: What lies outside with `"constant"`, in the value range of the images.
        interpolation: `"bilinear"` or `"nearest"`.
        p: Probability that a row is transformed at all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: `distortion` is out of its range, or an option is unknown.

    Example:
        >>> import numpy as np
        >>> from kaug.transforms import Perspective
        >>> image = np.full((1, 5, 9), 7)
        >>> Perspective(0.6, fill_mode="constant", interpolation="nearest")(image, seed=0)[0]
        array([[0, 0, 0, 0, 0, 0, 0, 0, 0],
               [0, 0, 0, 7, 7, 7, 7, 7, 0],
               [0, 0, 7, 7, 7, 7, 7, 7, 0],
               [0, 0, 7, 7, 7, 7, 0, 0, 0],
               [0, 0, 0, 0, 0, 0, 0, 0, 0]])
    """

    _checks: ClassVar = {
        "distortion": Number(
            rule="a number from 0 to less than 2/3",
            minimum=0,
            below=_CONVEX,
            fix="The default is 0.3.",
        )
    }

    distortion: float = 0.3

    def _bounds(self) -> Bounds:
        inmost = _CORNERS * (1 - _CONVEX)
        low, high = np.minimum(_CORNERS, inmost), np.maximum(_CORNERS, inmost)
        return {"corners": {"minimum": low, "maximum": high}}

    def draw_parameters(self, draws: Draws) -> dict[str, Any]:
        """Returns where the `corners` of each row go, `(M, 4, 2)`.

        They are upper left, upper right, lower right, lower left, each as (x, y) from the centre
        of the image: -1 is its left or upper edge, 1 its right or lower one.
        """
        inward = [draws.uniform(0, self.distortion) for _ in range(8)]
        moved = draws.xp.reshape(draws.xp.stack(inward, axis=1), (-1, 4, 2))
        return {"corners": draws.constant(_CORNERS) * (1 - moved)}

    def _remap_tensors(self, images: Any, parameters: Any, sampling: Resampling) -> Any:
        return homography.project(images, parameters["corners"], sampling)

    def transform_images(self, images: Array, parameters: Parameters) -> Array:
        return _projected(images, parameters["corners"], self._sampling)

    def transform_points(
        self, points: Array, parameters: Parameters, size: tuple[int, int]
    ) -> Array:
        if namespace(points) is not np:
            moved: Array = homography.move_points(points, parameters["corners"], size)
            return moved
        matrices = _homographies(parameters["corners"], size)[0]
        lifted = points @ matrices[:, :, :2].transpose(0, 2, 1) + matrices[:, np.newaxis, :, 2]
        depth = lifted[..., 2:]
        # A point far outside may come to lie on the horizon: then it goes as far as floats reach.
        return np.asarray(lifted[..., :2] / np.where(depth == 0, np.finfo(float).tiny, depth))


def _projected(images: Array, corners: Array, sampling: Resampling) -> Array:
    matrices = _homographies(corners, (images.shape[1], images.shape[2]))[1]

    def kernel(source: Array, out: Array, reading: Reading) -> None:
        project(
            source,
            matrices,
            out,
            reading.linear,
            reading.mode,
            reading.fill,
            reading.weight_dtype,
        )

    return remapped(images, sampling, kernel)


def _homographies(corners: Array, size: tuple[int, int]) -> tuple[Array, Array]:
    """Returns the homographies between pixels, `(M, 3, 3)`, there and back."""
    forwards, backwards = np.empty((2, len(corners), 3, 3))
    find_homographies(read_only(np.ascontiguousarray(corners)), size, forwards, backwards)
    return forwards, backwards
