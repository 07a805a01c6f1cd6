"""The metric catalogue: the title, meaning, formula, direction, source and pitfalls of every metric."""

from __future__ import annotations

from suture.analysis.catalogue import distances, gap, mixing, retrieval, shape, structure
from suture.analysis.catalogue.info import READINGS, Better, MetricInfo
from suture.analysis.catalogue.retrieval import PROTOCOL_MEANING

__all__ = ["CATALOGUE", "PROTOCOL_MEANING", "READINGS", "Better", "MetricInfo"]

TOPICS = (gap, shape, distances, mixing, retrieval, structure)
CATALOGUE: dict[str, MetricInfo] = {m.name: m for topic in TOPICS for m in topic.METRICS}
