"""The modality gap of paired embeddings: distance between the modalities, and the true pairs."""

from __future__ import annotations

from suture.analysis.gap.cosine_blocks import CosineBlocks, StudyOrder, cosine_blocks, study_order
from suture.analysis.gap.cosine_samples import (
    CosineSamples,
    LabelMean,
    cosine_by_label,
    cosine_samples,
    mean_by_label,
)
from suture.analysis.gap.pair import PairExtras, PairGap, angular_value, pair_extras, pair_gap
from suture.analysis.gap.permutation_test import PermutationTest, gap_test
from suture.analysis.gap.ridges import Ridge, Ridges, paired_difference, ridges

__all__ = [
    "CosineBlocks",
    "CosineSamples",
    "LabelMean",
    "PairExtras",
    "PairGap",
    "PermutationTest",
    "Ridge",
    "Ridges",
    "StudyOrder",
    "angular_value",
    "cosine_blocks",
    "cosine_by_label",
    "cosine_samples",
    "gap_test",
    "mean_by_label",
    "pair_extras",
    "pair_gap",
    "paired_difference",
    "ridges",
    "study_order",
]
