"""Which transforms take along what on tensors."""

from collections.abc import Collection

from kaug._apply.leaf import Tree
from kaug._targets.names import MOVING


def check_carried(transform: Tree, names: Collection[str]) -> None:
    """Raises where it is not known where something goes.

    Args:
        transform: What is to happen.
        names: Of what is there.
    """
    for leaf in transform._leaves():
        for name, what in MOVING.items():
            if name in names:
                leaf._check_carries(what)


def carries_map(transform: Tree, name: str) -> bool:
    """Tells whether labels or weights with a value for each pixel move as masks do.

    Args:
        transform: What is to happen.
        name: "labels" or "sample_weight", which may also be mixed.
    """
    try:
        for leaf in transform._leaves():
            if not (leaf._mixes and name == "sample_weight"):
                leaf._check_carries("segmentation masks")
    except (TypeError, ValueError):
        return False
    return True
