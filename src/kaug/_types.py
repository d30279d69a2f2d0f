"""Names of types that all rooms use."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Images, labels, or whatever else has rows.
Array = NDArray[Any]
Floats = NDArray[np.float64]
#: Row numbers, `(M,)`.
Rows = NDArray[np.int64]
#: What `draw` returns: arrays with M rows by name, those of a policy nested.
Parameters = Mapping[str, Any]
#: Arrays with one entry a row, by name: `"images"` and what goes along.
Batch = dict[str, Array]
#: A number of pixels, or one for each image, `(M,)`.
Side = Any
#: Height and width.
Size = tuple[Side, Side]
#: Of one image: height, width, and more.
Shape = tuple[Side, ...]
