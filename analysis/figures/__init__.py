"""Plotly figures of results. Shape is modality, colour is meaning; nothing is computed here.

`colours` and `theme` set the look, `data_of` returns the plotted data.
"""

from __future__ import annotations

from suture.analysis.figures.captions import caption_scores
from suture.analysis.figures.colours import (
    CATEGORY_COLOURS,
    COLOUR_A,
    COLOUR_B,
    DIVERGING,
    MODALITY_COLOURS,
    SEQUENTIAL,
)
from suture.analysis.figures.comparison import (
    expected_by_chance,
    forest_plot,
    movement_histogram,
    neighbour_overlap,
    pair_cosines,
    slice_differences,
)
from suture.analysis.figures.cosines import (
    PAIR_KINDS,
    cosine_heatmap,
    cosine_histograms,
    kind_histograms,
    means_by_label,
    ridgeline,
)
from suture.analysis.figures.data import data_of
from suture.analysis.figures.maps import small_map
from suture.analysis.figures.ranks import rank_curves
from suture.analysis.figures.theme import SHAPES, escaped, styled
from suture.analysis.figures.training import UNLIMITED, Curve, curve_of, curves, epoch_means, loss_against_gap

__all__ = [
    "CATEGORY_COLOURS",
    "COLOUR_A",
    "COLOUR_B",
    "DIVERGING",
    "MODALITY_COLOURS",
    "PAIR_KINDS",
    "SEQUENTIAL",
    "SHAPES",
    "UNLIMITED",
    "Curve",
    "caption_scores",
    "cosine_heatmap",
    "cosine_histograms",
    "curve_of",
    "curves",
    "data_of",
    "epoch_means",
    "escaped",
    "expected_by_chance",
    "forest_plot",
    "kind_histograms",
    "loss_against_gap",
    "means_by_label",
    "movement_histogram",
    "neighbour_overlap",
    "pair_cosines",
    "rank_curves",
    "ridgeline",
    "slice_differences",
    "small_map",
    "styled",
]
