"""Seeded splits by group: no patient is in two splits."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

SHARES = (("train", 0.7), ("val", 0.1), ("test", 0.2))


def split_by_group(groups: pd.Series, *, seed: int) -> pd.Series:
    """train / val / test (70 / 10 / 20 % of groups) from a hash of seed and group.

    A group's split depends only on its name and the seed, so adding studies later moves no group.
    """
    return groups.map(lambda group: _split_of_hash(f"{seed}:{group}"))


def _split_of_hash(text: str) -> str:
    position = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
    for name, share in SHARES:
        if position < share:
            return name
        position -= share
    return SHARES[-1][0]


def validation_mask(groups: pd.Series, *, seed: int) -> np.ndarray:
    """Studies of one group in ten: (n_studies,) bool. Used where a source has no validation split."""
    return groups.map(lambda group: _split_of_hash(f"validation:{seed}:{group}") == "val").to_numpy(bool)
