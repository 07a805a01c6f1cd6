"""The modality gap of paired embeddings: how far apart the clouds are, and the pairs in them."""

from __future__ import annotations

from suture.analysis.gap.cosine_blocks import Blocks, Order, cosine_blocks, order
from suture.analysis.gap.cosine_samples import (
    CosineSamples,
    GroupMean,
    cosine_by_label,
    cosine_samples,
    mean_by_label,
)
from suture.analysis.gap.pair import PairGap, angular_value, pair_gap
from suture.analysis.gap.pair_extras import PairExtras, pair_extras
from suture.analysis.gap.permutation_test import FlipTest, gap_test
from suture.analysis.gap.ridges import Ridge, Ridges, paired_difference, ridges

__all__ = [
    "Blocks",
    "CosineSamples",
    "FlipTest",
    "GroupMean",
    "Order",
    "PairExtras",
    "PairGap",
    "Ridge",
    "Ridges",
    "angular_value",
    "cosine_blocks",
    "cosine_by_label",
    "cosine_samples",
    "gap_test",
    "mean_by_label",
    "order",
    "pair_extras",
    "pair_gap",
    "paired_difference",
    "ridges",
]
