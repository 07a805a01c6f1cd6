"""Cells that name several images: lists as JSON, Python or NumPy print them, or names with separators."""

from __future__ import annotations

import re
from dataclasses import dataclass

from suture.data.readers.file_lookup import NOTHING, Lookup, Match, is_image_name

QUOTED = re.compile(r"""'([^'\n]+)'|"([^"\n]+)\"""")
LISTED = re.compile(r"[;|,\n\[(]")  # what a cell of several names has
SEPARATORS = (";", "|", ",", "\n")


def names_in(cell: str) -> list[str]:
    """The names in a cell: several, or the cell itself. Leading "../" of names in a list are dropped.

    A cell with separators is a list only if every part has the suffix of an image: names can have commas.
    """
    if not LISTED.search(cell):
        return [cell]
    text = cell.strip()
    if text.startswith(("[", "(")) and text.endswith(("]", ")")):
        quoted = [first or second for first, second in QUOTED.findall(text)]
        parts = quoted or [part.strip() for part in text[1:-1].split(",")]
        return [_inside(part) for part in parts if part] or [cell]
    for separator in SEPARATORS:
        parts = [part.strip() for part in text.split(separator)]
        if len(parts) > 1 and all(map(is_image_name, filter(None, parts))) and any(parts):
            return [_inside(part) for part in parts if part]
    return [cell]


def first_name(cell: str) -> str:
    """The first name in a cell, without leading "../": it stands for the others when a column is judged."""
    return _inside(names_in(cell)[0])


@dataclass(frozen=True)
class CellImages:
    """The image of a cell, the others of its list that are here, and why there is none.

    name  a file; the cell's first name if none is here
    """

    name: str
    others: tuple[str, ...] = ()
    match: Match = NOTHING


def find_images(cell: str, folder: str, lookup: Lookup) -> CellImages:
    """The images that a cell names."""
    match = lookup.match(cell, folder)
    names = [cell] if match.name else names_in(cell)
    if names == [cell]:
        return CellImages(match.name or cell, match=match)
    matches = [lookup.match(name, folder) for name in names]
    here = [*dict.fromkeys(m.name for m in matches if m.name)]
    return CellImages(here[0], tuple(here[1:])) if here else CellImages(names[0], match=matches[0])


def _inside(path: str) -> str:
    """A path that starts above its table, as some data sets have it, without these steps."""
    while path.startswith(("../", "..\\")):
        path = path[3:]
    return path
