"""Scores of generated captions and reports against references: wording, findings, paired differences."""

from __future__ import annotations

from suture.analysis.captions.assertion import Assertion
from suture.analysis.captions.findings import FindingChanges, Mention, finding_changes, findings_of, mentions
from suture.analysis.captions.record import CaptionScores, FindingScore, score_difference, scores_from_json
from suture.analysis.captions.scores import score
from suture.analysis.captions.vocabulary import FINDINGS
from suture.analysis.catalogue.captions import CAPTION_METRICS

__all__ = [
    "CAPTION_METRICS",
    "FINDINGS",
    "Assertion",
    "CaptionScores",
    "FindingChanges",
    "FindingScore",
    "Mention",
    "finding_changes",
    "findings_of",
    "mentions",
    "score",
    "score_difference",
    "scores_from_json",
]
