"""One or two linked maps of studies: shape is modality, colour is meaning."""

from pages.components.linked_map.component import MapSelection, linked_map
from pages.components.linked_map.payload import PALETTE, RAMP, Colouring, Panel

__all__ = ["PALETTE", "RAMP", "Colouring", "MapSelection", "Panel", "linked_map"]
