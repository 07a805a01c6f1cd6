"""What colour means on a map: a category, a value on a ramp, or the modality."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from suture.analysis.figures import CATEGORY_COLOURS, MODALITY_COLOURS, SEQUENTIAL

MISSING = 255  # code of a study without a category
MOST_NAMES = MISSING


@dataclass(frozen=True)
class Colouring:
    """Build it with ``by_category``, ``by_value``, ``by_label`` or ``by_modality``.

    values: (n_studies,) uint8 codes of categories, MISSING = none; float32 values, NaN = none; or None.
    """

    mode: Literal["category", "value", "modality"]
    name: str = ""
    values: np.ndarray | None = None
    names: Sequence[str] = ()
    palette: Sequence[str] = CATEGORY_COLOURS
    low: float = 0.0
    high: float = 1.0
    ramp: Sequence[str] = SEQUENTIAL

    @classmethod
    def by_category(
        cls,
        codes: np.ndarray,
        names: Sequence[str],
        *,
        name: str = "",
        palette: Sequence[str] = CATEGORY_COLOURS,
    ) -> Colouring:
        """One colour per category; a code without a name is drawn grey, as missing."""
        if len(names) > MOST_NAMES:
            raise ValueError(f"Expected at most {MOST_NAMES} categories, got {len(names)}.")
        codes = np.asarray(codes)
        known = (codes >= 0) & (codes < len(names))
        return cls(
            "category", name, np.where(known, codes, MISSING).astype(np.uint8), tuple(names), tuple(palette)
        )

    @classmethod
    def by_value(
        cls,
        values: np.ndarray,
        *,
        name: str = "",
        low: float | None = None,
        high: float | None = None,
        ramp: Sequence[str] = SEQUENTIAL,
    ) -> Colouring:
        """A ramp from ``low`` to ``high`` (by default the values' range); NaN is drawn grey."""
        values = np.asarray(values, dtype=np.float32)
        known = values[np.isfinite(values)]
        if low is None:
            low = float(known.min()) if known.size else 0.0
        if high is None:
            high = float(known.max()) if known.size else 1.0
        return cls("value", name, values, low=float(low), high=float(high), ramp=tuple(ramp))

    @classmethod
    def by_label(cls, values: Sequence[str], *, name: str = "") -> Colouring:
        """A ramp for more than eight different numbers, else the eight commonest values; "" = grey."""
        filled = [v for v in values if v != ""]
        if len(set(filled)) > len(CATEGORY_COLOURS) and all(_is_number(v) for v in filled):
            return cls.by_value(np.asarray([float(v) if v else np.nan for v in values]), name=name)
        usual = [value for value, _ in Counter(filled).most_common(len(CATEGORY_COLOURS))]
        place = {value: i for i, value in enumerate(usual)}
        return cls.by_category(np.asarray([place.get(v, -1) for v in values]), usual, name=name)

    @classmethod
    def by_modality(cls, *, palette: Sequence[str] = MODALITY_COLOURS) -> Colouring:
        """One colour per modality, in the order in which the panels name them."""
        return cls("modality", "Modality", palette=tuple(palette))


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
