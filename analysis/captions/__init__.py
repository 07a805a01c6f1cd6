"""Generated captions and reports against the true ones: words, findings, and what two systems differ in."""

from __future__ import annotations

from suture.analysis.captions.assertion import State
from suture.analysis.captions.findings import Changed, Mention, changed_findings, findings_of, mentions
from suture.analysis.captions.record import CaptionScores, FindingScore, difference, from_json
from suture.analysis.captions.scores import score
from suture.analysis.captions.vocabulary import FINDINGS
from suture.analysis.catalogue.captions import CAPTION_METRICS

__all__ = [
    "CAPTION_METRICS",
    "FINDINGS",
    "CaptionScores",
    "Changed",
    "FindingScore",
    "Mention",
    "State",
    "changed_findings",
    "difference",
    "findings_of",
    "from_json",
    "mentions",
    "score",
]
