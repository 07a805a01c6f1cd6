"""Cells that name several images: lists as JSON, Python or NumPy print them, or names with separators."""

from __future__ import annotations

import re

from suture.data.readers.file_lookup import Lookup, is_image_name

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
    """The first name in a cell, which stands for the others when a column is judged."""
    return names_in(cell)[0]


def find_images(cell: str, folder: str, lookup: Lookup) -> tuple[str, list[str]]:
    """(the image of a cell, the others of its list that are here); the cell's first name if none is here."""
    if found := lookup.find(cell, folder):
        return found, []
    names = names_in(cell)
    if names == [cell]:
        return cell, []
    here = [file for file in dict.fromkeys(lookup.find(name, folder) for name in names) if file]
    return (here[0], here[1:]) if here else (names[0], [])


def _inside(path: str) -> str:
    """A path that starts above its table, as some data sets have it, without these steps."""
    while path.startswith(("../", "..\\")):
        path = path[3:]
    return path
