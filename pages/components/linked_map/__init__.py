"""One or two linked maps of studies: shape is modality, colour is meaning."""

from suture.pages.components.linked_map.colouring import Colouring
from suture.pages.components.linked_map.component import MapSelection, linked_map, selected_rows
from suture.pages.components.linked_map.payload import SHAPES, Cards, Moment, Panel

__all__ = [
    "SHAPES",
    "Cards",
    "Colouring",
    "MapSelection",
    "Moment",
    "Panel",
    "linked_map",
    "selected_rows",
]
