"""Studies picked out: found, shown, kept by name, measured against the rest. One selection for all pages."""

from __future__ import annotations

from pages.components.selection_bar import bar
from pages.components.selection_find import find
from pages.components.selection_rest import against_rest
from pages.components.selection_state import Current, clear, current, redo, set_ids, set_rows, undo
from pages.components.selection_table import table

__all__ = [
    "Current",
    "against_rest",
    "bar",
    "clear",
    "current",
    "find",
    "redo",
    "set_ids",
    "set_rows",
    "table",
    "undo",
]
