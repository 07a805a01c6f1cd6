"""Do the modalities mix? Of the nearest rows of each row, whatever they are, how many are of the other kind.

All numbers but the silhouette come from one joint graph of exact neighbours. None of them knows what
the rows mean: a collapsed space mixes too, so read them beside uniformity and effective rank.
"""

from __future__ import annotations

from suture.analysis.mixing.joint_graph import JointGraph, joint_neighbours
from suture.analysis.mixing.labels import MixingByLabel, mixing_by_label
from suture.analysis.mixing.measures import Mixing, MixingInFull, mixing, mixing_in_full, same_to_other
from suture.analysis.mixing.silhouette import modality_silhouette

__all__ = [
    "JointGraph",
    "Mixing",
    "MixingByLabel",
    "MixingInFull",
    "joint_neighbours",
    "mixing",
    "mixing_by_label",
    "mixing_in_full",
    "modality_silhouette",
    "same_to_other",
]
