"""Do the modalities mix in one neighbourhood graph, and can a line tell them apart?"""

from __future__ import annotations

from analysis.catalogue.info import MetricInfo

METRICS: tuple[MetricInfo, ...] = ()
