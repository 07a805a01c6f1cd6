"""Figures from results, in one look. Shape is modality, colour is meaning; nothing is measured here.

`house` is the look, `data_of` gives the numbers that a figure draws.
"""

from __future__ import annotations

from suture.analysis.figures.captions import readings
from suture.analysis.figures.comparison import (
    by_slice,
    changes,
    expected_by_chance,
    forest,
    overlaps,
    pair_cosines,
)
from suture.analysis.figures.cosines import (
    KINDS,
    block_heat,
    by_group,
    cosine_histograms,
    kind_histograms,
    ridgeline,
)
from suture.analysis.figures.data import data_of
from suture.analysis.figures.maps import small_map
from suture.analysis.figures.ranks import rank_curves
from suture.analysis.figures.theme import (
    CATEGORY_COLOURS,
    COLOUR_A,
    COLOUR_B,
    DIVERGING,
    MODALITY_COLOURS,
    SEQUENTIAL,
    SHAPES,
    safe,
    styled,
)
from suture.analysis.figures.training import UNLIMITED, Curve, curve_of, curves, loss_against_gap, of_epochs

__all__ = [
    "CATEGORY_COLOURS",
    "COLOUR_A",
    "COLOUR_B",
    "DIVERGING",
    "KINDS",
    "MODALITY_COLOURS",
    "SEQUENTIAL",
    "SHAPES",
    "UNLIMITED",
    "Curve",
    "block_heat",
    "by_group",
    "by_slice",
    "changes",
    "cosine_histograms",
    "curve_of",
    "curves",
    "data_of",
    "expected_by_chance",
    "forest",
    "kind_histograms",
    "loss_against_gap",
    "of_epochs",
    "overlaps",
    "pair_cosines",
    "rank_curves",
    "readings",
    "ridgeline",
    "safe",
    "small_map",
    "styled",
]
