"""`keras.ops`, which is loaded when a function of it is first asked for.

Transforms say how they act on tensors, but whoever has arrays alone needs no Keras.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    from keras import ops

    return getattr(ops, name)
