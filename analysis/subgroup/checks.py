"""What both kinds of contrast share: their words, and two sides that are there."""

from __future__ import annotations

from collections.abc import Sized
from typing import Literal

import numpy as np

Word = Literal[
    "better", "worse", "narrower", "wider", "alike", "more often", "less often",
    "no more than chance", "not decidable at this N",
]  # fmt: skip
UNDECIDED: Word = "not decidable at this N"


def checked(mask: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The mask as bool. ValueError unless there is a group for each study, and studies on both sides."""
    mask = np.asarray(mask, dtype=bool)
    refuse_lengths(len(mask), groups=groups)
    if mask.all() or not mask.any():
        raise ValueError(f"Studies on both sides are needed, got {mask.sum()} selected of {len(mask)}.")
    return mask


def refuse_lengths(n: int, **given: Sized) -> None:
    for name, values in given.items():
        if len(values) != n:
            raise ValueError(f"One of {name!r} a study is needed, got {len(values)} for {n} studies.")
