"""Whether the first row of a table is its header or a row of it, and names for columns without one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from suture.data.files.magic import DICOM_SUFFIXES

IMAGES = ("png", "jpe?g", "tiff?", "bmp", "webp", "gif", r"nii(?:\.gz)?")
SUFFIXES = "|".join([*IMAGES, *(suffix[1:] for suffix in DICOM_SUFFIXES)])
FILE = re.compile(rf"\.(?:{SUFFIXES})$", re.IGNORECASE)
SENTENCE = re.compile(r"\S+(?:\s+\S+){3,}[.!?]$|[。！？]$")
PEEKED = 200  # rows that are compared with the first


def is_header(first: Sequence[str], following: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns.

    It does not if a cell of it names an image file or is a sentence, or if two of its cells occur below in
    their own columns. A header that is repeated among the rows, as joined files have it, stays a header.
    """
    cells = [cell.strip() for cell in first]
    if any(FILE.search(cell) or SENTENCE.search(cell) for cell in cells):
        return False
    others = [row for row in following[:PEEKED] if [*row] != [*first]]
    below = [
        Counter(column) for column in zip(*(row for row in others if len(row) == len(cells)), strict=True)
    ]
    repeated = sum(bool(cell) and counts[cell] > 1 for cell, counts in zip(cells, below, strict=False))
    return repeated < 2


def is_image_file(cell: str) -> bool:
    """Whether the cell ends like the name of an image file."""
    return bool(FILE.search(cell.strip()))


def numbered(width: int) -> list[str]:
    """Neutral names: "column 1", "column 2", …"""
    return [f"column {n}" for n in range(1, width + 1)]
