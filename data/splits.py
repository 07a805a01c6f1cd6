"""Splits by group, seeded, so that no patient is on two sides."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

SHARES = (("train", 0.7), ("val", 0.1), ("test", 0.2))


def split_by_group(groups: pd.Series, *, seed: int) -> pd.Series:
    """train / val / test (70 / 10 / 20 % of groups) from a hash of seed and group.

    A group's side depends on nothing but its name and the seed: adding studies later moves nobody.
    """
    return groups.map(lambda group: _side(f"{seed}:{group}"))


def _side(text: str) -> str:
    position = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
    for name, share in SHARES:
        if position < share:
            return name
        position -= share
    return SHARES[-1][0]


def held_back(groups: pd.Series, *, seed: int) -> np.ndarray:
    """One group in ten: (n_studies,) bool. For validation where a source has no split for it."""
    return groups.map(lambda group: _side(f"validation:{seed}:{group}") == "val").to_numpy(bool)
