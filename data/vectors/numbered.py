"""Which columns of a table are the coordinates of vectors: image_0, image_1, …, text_0, text_1, …"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

NUMBERED = re.compile(r"(.*?)[ _.:\-]*\[?(\d+)\]?", re.DOTALL)
PACKED = (".csv.gz", ".tsv.gz")
TABLES = (".csv", ".tsv", *PACKED)
TEXT = "text:"  # starts the name of the column with the texts of a modality; only their digests are kept
WIDE = 8  # coordinates; fewer numbered columns are vectors only where none are wider


def coordinates(names: Iterable[str], otherwise: str) -> dict[str, list[str]]:
    """Vector name -> its columns by number, which must count up from 0 or 1 without a gap.

    otherwise  the vector's name where the columns are called 0, 1, 2, …: that of the file
    """
    found: dict[str, dict[int, list[str]]] = {}
    for name in names:
        if matched := NUMBERED.fullmatch(name.strip()):
            numbers = found.setdefault(matched[1].strip() or otherwise, {})
            numbers.setdefault(int(matched[2]), []).append(name)
    vectors = {
        stem: [numbers[n][0] for n in sorted(numbers)]
        for stem, numbers in found.items()
        if len(numbers) > 1
        and min(numbers) in (0, 1)
        and max(numbers) - min(numbers) == len(numbers) - 1
        and all(len(same) == 1 for same in numbers.values())
    }
    wide = {stem: columns for stem, columns in vectors.items() if len(columns) >= WIDE}
    return wide or vectors


def column_name(name: str, vectors: Collection[str]) -> str:
    """The name of a column that is no vector. One called like numbered vectors is their text."""
    return f"{TEXT}{name}" if name in vectors else name
