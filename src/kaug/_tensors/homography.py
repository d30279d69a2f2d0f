"""Warps by homographies, on tensors: what `kaug._kernels.homography` does on arrays.

Places are counted from the centres of images, in halves of their widths and heights, so that a
homography is of no size.
"""

from typing import Any

from kaug._apply.resample import Resampling
from kaug._tensors import geometry, ops
from kaug._tensors.geometry import Size

Entries = list[list[Any]]

# In place of a depth of 0, on the horizon.
_TINY = 1e-30


def project(images: Any, corners: Any, sampling: Resampling) -> Any:
    """Returns images whose corners go elsewhere.

    Args:
        images: `(B, H, W, C)`, of any dtype where pixels are not blended, else float32.
        corners: Where they go, `(B, 4, 2)`; see `kaug._kernels.homography.find_homographies`.
        sampling: Fill and interpolation.
    """
    size = (images.shape[1], images.shape[2])
    rows, columns = (geometry.from_centre(length) * (2 / length) for length in (size[0], size[1]))
    x, y = _through(_adjugate(_homography(corners)), columns[None, None], rows[None, :, None])
    where = [y * size[0] + (size[0] - 1) / 2, x * size[1] + (size[1] - 1) / 2]
    return geometry.remap(images, where, sampling)


def move_points(points: Any, corners: Any, size: Size) -> Any:
    """Returns where points go, `(B, P, 2)` in (x, y), counted from the first pixel.

    Args:
        points: `(B, P, 2)`, float32, likewise.
        corners: As for `project`.
        size: Height and width of the images.
    """
    middles = [(length - 1) / 2 for length in (size[1], size[0])]
    x, y = ((points[..., i] - middles[i]) * (1 / size[1 - i]) for i in range(2))
    moved = _through([[entry[:, 0] for entry in row] for row in _homography(corners)], x, y)
    return ops.stack([moved[i] * (size[1 - i] / 2) + middles[i] for i in range(2)], axis=-1)


def _homography(corners: Any) -> Entries:
    """Returns the entries of homographies from pictures of width and height 1, `(B, 1, 1)` each.

    The formula is Heckbert's, as on arrays.
    """
    c = [[ops.reshape(corners[:, i, k], (-1, 1, 1)) for k in range(2)] for i in range(4)]
    (ax, ay), (bx, by), (sx, sy) = (
        [c[1][k] - c[2][k] for k in range(2)],
        [c[3][k] - c[2][k] for k in range(2)],
        [c[0][k] - c[1][k] + c[2][k] - c[3][k] for k in range(2)],
    )
    area = ax * by - bx * ay
    g, h = (sx * by - bx * sy) / area, (ax * sy - sx * ay) / area
    rows = [
        [c[1][k] - c[0][k] + g * c[1][k], c[3][k] - c[0][k] + h * c[3][k], c[0][k]]
        for k in range(2)
    ]
    rows.append([g, h, ops.ones_like(g)])
    # From the upper left corner to the centre.
    return [[across, down, offset + (across + down) * 0.5] for across, down, offset in rows]


def _adjugate(m: Entries) -> Entries:
    """Returns inverses but for a factor, which homographies do not have."""
    return [
        [m[j - 2][k - 2] * m[j - 1][k - 1] - m[j - 2][k - 1] * m[j - 1][k - 2] for j in range(3)]
        for k in range(3)
    ]


def _through(m: Entries, x: Any, y: Any) -> list[Any]:
    """Returns where homographies take places."""
    across, down, depth = (row[0] * x + row[1] * y + row[2] for row in m)
    depth = ops.where(depth == 0, _TINY, depth)
    return [across / depth, down / depth]
