"""Do the modalities mix? Of the nearest rows of each row, whatever they are, how many are of the other kind.

All numbers but the silhouette come from one joint graph of exact neighbours. None of them knows what
the rows mean: a collapsed space mixes too, so read them beside uniformity and effective rank.
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
