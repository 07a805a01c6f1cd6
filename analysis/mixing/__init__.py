"""Mixing of the modalities: the share of other modalities among the nearest neighbours of each row.

All metrics except the silhouette use one joint graph of exact neighbours. A collapsed space also mixes, so
read them with uniformity and effective rank.
"""

from __future__ import annotations

from suture.analysis.mixing.by_label import MixingByLabel, mixing_by_label
from suture.analysis.mixing.joint_graph import JointGraph, joint_neighbours
from suture.analysis.mixing.measures import ExtendedMixing, Mixing, extended_mixing, mixing, same_to_other
from suture.analysis.mixing.silhouette import modality_silhouette

__all__ = [
    "ExtendedMixing",
    "JointGraph",
    "Mixing",
    "MixingByLabel",
    "extended_mixing",
    "joint_neighbours",
    "mixing",
    "mixing_by_label",
    "modality_silhouette",
    "same_to_other",
]
