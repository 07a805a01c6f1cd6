"""The selection that all pages share: find studies, list them, save them, compare them with the rest."""

from __future__ import annotations

from suture.pages.components.selection.against_rest import against_rest
from suture.pages.components.selection.bar import bar
from suture.pages.components.selection.find import find
from suture.pages.components.selection.state import Current, clear, current, redo, set_ids, set_rows, undo
from suture.pages.components.selection.table import table

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
