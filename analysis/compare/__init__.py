"""Two embedding sets of the same studies: what changed, for whom, and whether that is more than chance."""

from __future__ import annotations

from analysis.compare.flips import Flips, flips
from analysis.compare.kinds import Kind, kind_difference
from analysis.compare.movement import Movement, movement
from analysis.compare.neighbourhood import Neighbourhoods, neighbourhoods
from analysis.compare.slices import Slice, by_length, by_value, slices
from analysis.compare.table import HEADLINE, Comparison, Row, compare, headline
from analysis.compare.verdict import Verdict, Word, summary, word

__all__ = [
    "HEADLINE",
    "Comparison",
    "Flips",
    "Kind",
    "Movement",
    "Neighbourhoods",
    "Row",
    "Slice",
    "Verdict",
    "Word",
    "by_length",
    "by_value",
    "compare",
    "flips",
    "headline",
    "kind_difference",
    "movement",
    "neighbourhoods",
    "slices",
    "summary",
    "word",
]
