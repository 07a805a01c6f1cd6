"""Two embedding sets of the same studies: what changed, for whom, and whether that is more than chance."""

from __future__ import annotations

from suture.analysis.compare.by_group import Slice, by_group, by_length, by_value
from suture.analysis.compare.movement import Movement, movement
from suture.analysis.compare.neighbourhood import Neighbourhoods, neighbourhoods
from suture.analysis.compare.pair_kinds import Kind, kind_difference
from suture.analysis.compare.rank_changes import RankChanges, rank_changes
from suture.analysis.compare.table import HEADLINE, Comparison, Row, compare, headline
from suture.analysis.compare.verdict import Verdict, Word, summary, word

__all__ = [
    "HEADLINE",
    "Comparison",
    "Kind",
    "Movement",
    "Neighbourhoods",
    "RankChanges",
    "Row",
    "Slice",
    "Verdict",
    "Word",
    "by_group",
    "by_length",
    "by_value",
    "compare",
    "headline",
    "kind_difference",
    "movement",
    "neighbourhoods",
    "rank_changes",
    "summary",
    "word",
]
