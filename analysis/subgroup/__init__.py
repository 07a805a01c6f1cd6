"""A selection of studies compared with the rest: metrics and labels."""

from suture.analysis.subgroup.enrichment import LabelEnrichment, enrichment
from suture.analysis.subgroup.metrics import (
    UNDECIDED,
    SubgroupBootstraps,
    SubgroupDifference,
    SubgroupVerdict,
    compare_gaps,
    compare_with_rest,
    subgroup_bootstraps,
)

__all__ = [
    "UNDECIDED",
    "LabelEnrichment",
    "SubgroupBootstraps",
    "SubgroupDifference",
    "SubgroupVerdict",
    "compare_gaps",
    "compare_with_rest",
    "enrichment",
    "subgroup_bootstraps",
]
