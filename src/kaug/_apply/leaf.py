"""What carries a transform out asks of it: the hooks behind `Transform`'s public face."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import wraps
from typing import Any, Protocol, TypeVar, cast

import numpy as np

from kaug._apply.batches import MapName
from kaug._apply.matrices import Matrices
from kaug._apply.resample import Resampling
from kaug._types import Array, Batch, Parameters, Shape, Size

Method = TypeVar("Method", bound=Callable[..., Any])


class Leaf(Protocol):
    """A transform that is no policy."""

    @property
    def photometric(self) -> bool:
        """Whether it only changes values."""

    @property
    def _mixes(self) -> bool:
        """Whether it mixes each row with others of the source, by its `_mix`."""

    @property
    def _partners(self) -> int:
        """With how many."""

    @property
    def _blends(self) -> bool:
        """Whether what is mixed in by a later step is left out of it."""

    @property
    def _gives_size(self) -> bool:
        """Whether it may give images another size, and so must act on every row."""

    @property
    def _aims(self) -> bool:
        """Whether its warp depends on where boxes are: then it is that of its `_aimed`."""

    def _widest(self, size: Any) -> tuple[float, float] | None:
        """Returns how many pixels one of the result covers along either axis, at most.

        None where it is no affine warp that leaves axes axes, whatever is drawn. The height and
        width of the images are integers.
        """

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape of a transformed image, given that of an image."""

    def transform_images(self, images: Array, parameters: Parameters) -> Array:
        """Returns transformed images."""

    def _transform_batch(self, batch: Batch, parameters: Parameters) -> Batch:
        """Returns images, maps and points transformed, of those that are in a batch."""

    def transform_tensors(self, images: Any, parameters: Any, dtype: np.dtype[Any]) -> Any:
        """Returns transformed images, on tensors."""

    def _move_tensor_map(self, values: Any, parameters: Any, name: MapName) -> Any:
        """Returns a map moved as the images are, on tensors."""

    def transform_points(
        self, points: Array, parameters: Parameters, size: tuple[int, int]
    ) -> Array:
        """Returns where points of the images go."""

    def _resampling(self) -> Resampling | None:
        """Returns how it resamples, or None when it is no mere affine warp."""

    def _matrices(self, parameters: Parameters, size: Size) -> Matrices:
        """Returns the affine warp of each row, if it has a `_resampling`."""

    def _check_carries(self, what: str) -> None:
        """Raises when it does not know where targets of a kind would go."""

    def _check_dtype(self, dtype: np.dtype[Any]) -> None:
        """Raises where images of a dtype cannot hold what it makes of them."""

    def _check_targets(self, names: Collection[str]) -> None:
        """Raises when what it needs is not among the names of a batch."""


class Tree(Protocol):
    """A transform, a policy of several among them."""

    @property
    def _mixes(self) -> bool:
        """Whether any of them mixes."""

    def _leaves(self) -> Iterator[Leaf]:
        """Yields the transforms that are no policies."""

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape of a transformed image, given that of an image."""


def of_each_frame(method: Method) -> Method:
    """Returns an `output_shape` that takes the shapes of videos as well, `(T, H, W, C)`."""

    @wraps(method)
    def output_shape(self: Any, shape: tuple[Any, ...]) -> Any:
        if len(shape) == 4:
            return (shape[0], *method(self, shape[1:]))
        return method(self, shape)

    return cast(Method, output_shape)


def shape_after(transform: Tree, shape: Shape) -> Shape:
    """Returns the shape of a transformed image or, of four axes, of a video.

    Sides that are not known are None.
    """
    if len(shape) == 4:
        return (shape[0], *shape_after(transform, shape[1:]))
    try:
        return transform.output_shape(shape)
    except TypeError:
        if None not in shape[:2]:
            raise
        return (None, None, *shape[2:])  # a transform of a user's calculates with them
