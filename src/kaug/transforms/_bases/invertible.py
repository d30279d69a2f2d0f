"""The way back from transformed images, as methods of every transform."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kaug._apply.batches import take_rows
from kaug._apply.boxes import FORMATS
from kaug._apply.parameters import fitted
from kaug._targets.box_checks import check_format
from kaug._types import Array, Parameters
from kaug._validation import check_flag
from kaug.transforms._bases.way_back import (
    WayBack,
    certain_parameters,
    checked_boxes,
    checked_places,
    moving_steps,
)


class Invertible:
    """Brings places of transformed images back to where they were before."""

    def invert_boxes(
        self,
        boxes: ArrayLike,
        size: ArrayLike,
        parameters: Parameters | None = None,
        *,
        bounding_box_format: str = "xyxy",
        clip: bool = False,
    ) -> Array:
        """Returns boxes of transformed images where they lie in the images before.

        So come predictions back to the pictures they were made for. All that moves pixels must be
        affine: `Letterbox`, `Resize`, crops, flips, `Affine` and the like, in policies too. Beside
        it values may be changed. After a rotation, the result is the smallest upright box around
        each box.

        Args:
            boxes: `(N, B, 4)`, in the format, of the transformed images. Four times 0 or -1 is
                padding and stays as it is.
            size: Height and width of the images before, in pixels, or one pair for each, `(N, 2)`.
            parameters: What `draw` returned for these N rows. None where pixels are moved without
                chance.
            bounding_box_format: How boxes are written, before and after; see the page on masks and
                boxes. Relative ones are fractions of the size of the image they lie in.
            clip: Whether to cut boxes off at the borders of the image before.

        Returns:
            Boxes `(N, B, 4)`; floats of at least 32 bits keep their dtype, all else becomes
            float32.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: The transform is not affine, parameters are missing where there is chance,
                or boxes have the wrong shape or cannot be what their format says.

        Example:
            >>> import numpy as np
            >>> from kaug.transforms import Compose, HorizontalFlip, Letterbox
            >>> view = Compose([Letterbox(64), HorizontalFlip(p=1)])
            >>> found = np.array([[[8.0, 16, 24, 48]]])  # in a view of 64 × 64 pixels
            >>> view.invert_boxes(found, (100, 200))
            array([[[125.,   0., 175., 100.]]])
        """
        fix = "Bring the corners of oriented boxes back with `invert_points`, less 0.5."
        box_format = check_format(bounding_box_format, FORMATS, fix)
        given, padding = checked_boxes(boxes, box_format)
        back = self._way_back(size, parameters, len(given))
        made = back.boxes(given, box_format, clip=check_flag(clip, "clip"))
        return np.where(padding[..., np.newaxis], given, made).astype(given.dtype)

    def invert_points(
        self, points: ArrayLike, size: ArrayLike, parameters: Parameters | None = None
    ) -> Array:
        """Returns points of transformed images where they lie in the images before.

        Args:
            points: `(N, P, 2)`, (x, y) in pixels, with (0, 0) the centre of the first one, of the
                transformed images; or `(N, P, 3)`, whose third number stays.
            size: As for `invert_boxes`.
            parameters: Likewise.

        Returns:
            Points of the shape of `points`; floats of at least 32 bits keep their dtype, all else
            becomes float32.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: The transform is not affine, parameters are missing where there is chance,
                or points have the wrong shape or are not finite.

        Example:
            >>> import numpy as np
            >>> from kaug.transforms import VerticalFlip
            >>> VerticalFlip(p=1).invert_points(np.array([[[3.0, 0.0]]]), (10, 20))
            array([[[3., 9.]]])
        """
        given = checked_places(points, "points", (2, 3))
        back = self._way_back(size, parameters, len(given)).points(given[..., :2])
        return np.concatenate([back, given[..., 2:]], axis=-1).astype(given.dtype)

    def _way_back(self, size: Any, parameters: Any, count: int) -> WayBack:
        transform: Any = self
        moving_steps(transform, transform._example)
        if parameters is None:
            checked = take_rows(self._certain, np.zeros(count, np.int64))
        else:
            checked = fitted(transform._example, parameters, count)
            transform._check_values_of(checked)
        return WayBack(transform, checked, size, count)

    @cached_property
    def _certain(self) -> Parameters:
        """Parameters of any row, if pixels are moved without chance."""
        return certain_parameters(self)
