"""Cross-modal retrieval: does an image find its own report among all, and the report its image?

`both_directions` evaluates a pair of modalities; `retrieval` and `rank_best` one direction. There are three
protocols; ties count with their exact expected value (`suture.analysis.retrieval.tied_ranks`).
"""

from __future__ import annotations

from suture.analysis.retrieval.curve import RankCurve, rank_curve
from suture.analysis.retrieval.directions import (
    BothDirections,
    Direction,
    both_directions,
    rank_best,
    retrieval,
)
from suture.analysis.retrieval.label_precision import LabelPrecision, label_precision
from suture.analysis.retrieval.protocols import PROTOCOLS, Protocol, RightAnswers, joint_keys
from suture.analysis.retrieval.scores import KS, Retrieval
from suture.analysis.retrieval.tied_ranks import Positives, Ranks

__all__ = [
    "KS",
    "PROTOCOLS",
    "BothDirections",
    "Direction",
    "LabelPrecision",
    "Positives",
    "Protocol",
    "RankCurve",
    "Ranks",
    "Retrieval",
    "RightAnswers",
    "both_directions",
    "joint_keys",
    "label_precision",
    "rank_best",
    "rank_curve",
    "retrieval",
]
