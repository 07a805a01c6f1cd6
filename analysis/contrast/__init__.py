"""Some of the studies against the rest: their numbers, and their labels."""

from analysis.contrast.enrichment import Enriched, enrichment
from analysis.contrast.numbers import Contrast, Sides, against_rest, gap_inside_outside, sides
from analysis.contrast.parts import UNDECIDED, Word

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
