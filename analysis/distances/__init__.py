"""Distances between two modalities as distributions; they ignore the pairing."""

from __future__ import annotations

from suture.analysis.distances.gaussian import Frechet, frechet
from suture.analysis.distances.pairwise import PairwiseDistances, pairwise_distances
from suture.analysis.distances.transport import Transport, transport

__all__ = ["Frechet", "PairwiseDistances", "Transport", "frechet", "pairwise_distances", "transport"]
