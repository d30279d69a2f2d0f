"""The steps to which JPEG rounds frequencies, by the quality."""

from typing import Any

import numpy as np

from kaug._namespace import namespace

# Tables K.1 and K.2 of ITU-T T.81, row by row.
_LUMA = (
    *(16, 11, 10, 16, 24, 40, 51, 61),
    *(12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77),
    *(24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101),
    *(72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA = (
    *(17, 18, 24, 47, 99, 99, 99, 99),
    *(18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99),
    *(47, 66, 99, 99, 99, 99, 99, 99),
    *(99,) * 32,
)
_BOTH = np.array([_LUMA + _CHROMA], np.int32)


def steps(qualities: Any) -> Any:
    """Returns the steps of luma, then those of chroma, as libjpeg scales them, int32 `(M, 128)`.

    Args:
        qualities: Integers of 1..100, `(M,)`, an array or a tensor.
    """
    xp: Any = namespace(qualities)
    percent = xp.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)[:, None]
    if xp is np:
        return np.clip((_BOTH * percent + 50) // 100, 1, 255).astype(np.int32)
    table = xp.convert_to_tensor(_BOTH) * xp.cast(percent, "int32")
    return xp.clip(xp.floor_divide(table + 50, 100), 1, 255)
