"""Distances between two clouds as distributions: none of them knows who is whose partner."""

from __future__ import annotations

from analysis.catalogue.info import MetricInfo

METRICS: tuple[MetricInfo, ...] = ()
