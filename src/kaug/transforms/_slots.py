"""What pickles of policies name that version 0.1 made."""

from kaug.transforms._bases.slots import Color
from kaug.transforms._bases.slots import GeometrySlot as Geometry
from kaug.transforms._bases.slots import ValueSlot as Colours

__all__ = ["Color", "Colours", "Geometry"]
