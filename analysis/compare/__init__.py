"""Compare two embedding sets of the same studies: what changed, for which studies, and is it significant?"""

from __future__ import annotations

from suture.analysis.compare.by_group import Slice, by_group, by_length, by_value
from suture.analysis.compare.movement import Movement, movement
from suture.analysis.compare.neighbourhood import NeighbourChanges, neighbour_changes
from suture.analysis.compare.pair_kinds import PairKind, kind_difference
from suture.analysis.compare.rank_changes import RankChanges, rank_changes
from suture.analysis.compare.table import HEADLINE, Comparison, MetricChange, compare, headline
from suture.analysis.compare.verdict import Verdict, VerdictWord, summary, verdict_word

__all__ = [
    "HEADLINE",
    "Comparison",
    "MetricChange",
    "Movement",
    "NeighbourChanges",
    "PairKind",
    "RankChanges",
    "Slice",
    "Verdict",
    "VerdictWord",
    "by_group",
    "by_length",
    "by_value",
    "compare",
    "headline",
    "kind_difference",
    "movement",
    "neighbour_changes",
    "rank_changes",
    "summary",
    "verdict_word",
]
