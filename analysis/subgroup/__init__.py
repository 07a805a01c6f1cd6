"""Some of the studies against the rest: their numbers, and their labels."""

from suture.analysis.subgroup.checks import UNDECIDED, Word
from suture.analysis.subgroup.enrichment import Enriched, enrichment
from suture.analysis.subgroup.metrics import Contrast, Sides, against_rest, gap_inside_outside, sides

__all__ = [
    "UNDECIDED",
    "Contrast",
    "Enriched",
    "Sides",
    "Word",
    "against_rest",
    "enrichment",
    "gap_inside_outside",
    "sides",
]
