"""The VOI LUT of a file (PS3.3 C.11.2.1.1): a table from stored or rescaled values to grey.

pydicom's `apply_voi` needs whole numbers, reads entries of 8 bits as 16 and indexes long tables of such
entries with 8 bits; so the table is read here and applied as `apply_voi` does to the tables that it reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

DEPTHS = range(8, 17)  # bits of an entry that the standard allows
MOST_ENTRIES = 2**16


@dataclass(frozen=True)
class VoiLut:
    """entries: (n,) integers; first: the value that the first entry is for; white: the entry shown as 1."""

    entries: np.ndarray
    first: int
    white: int

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Grey from 0 to 1, float32, same shape. Values beyond the table get its first or last entry."""
        places = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1).astype(np.intp)
        return (self.entries / self.white).astype(np.float32)[places]


def first_voi_lut(tags: Dataset) -> VoiLut | None:
    """The first table of the file; None if there is none, or it is unreadable."""
    try:
        items = tags.get("VOILUTSequence")
        return _read(items[0], _is_little(tags)) if items else None
    except Exception:  # pydicom converts values on first access, and raises anything
        return None


def _read(item: Dataset, little: bool) -> VoiLut | None:
    count, first, bits = (int(value) for value in item.LUTDescriptor)
    count = count or MOST_ENTRIES  # 0 stands for 65,536
    entries = _entries(item.LUTData, count, bits, little)
    if bits not in DEPTHS or len(entries) < count or not entries.max():
        return None
    entries = entries[:count]
    highest, white = int(entries.max()), 2**bits - 1
    if highest > white or highest <= white // 2:  # the descriptor is wrong about the depth
        white = 2 ** highest.bit_length() - 1
    return VoiLut(entries, first, white)


def _entries(data: Any, count: int, bits: int, little: bool) -> np.ndarray:
    """The entries, whether the writer stored bytes or words."""
    if not isinstance(data, bytes):
        return np.atleast_1d(np.asarray(data)).astype(np.int64) & 0xFFFF
    packed = bits == 8 and count <= len(data) < 2 * count  # two entries in a word
    return np.frombuffer(
        data[: len(data) // 2 * 2], np.uint8 if packed else "<u2" if little else ">u2"
    ).astype(np.int64)


def _is_little(tags: Dataset) -> bool:
    return tags.original_encoding[1] is not False
