"""Two-dimensional maps: PCA and UMAP, their distortion, aligned maps of A and B, and placing new rows."""

from suture.analysis.projection.alignment import (
    AlignedMaps,
    MapAgreement,
    aligned_umaps,
    map_agreement,
    warm_started_umaps,
)
from suture.analysis.projection.label_regions import Region, label_regions
from suture.analysis.projection.maps import (
    MIN_ROWS_UMAP,
    Graph,
    Map,
    pca,
    pca_common,
    principal_directions,
    procrustes_onto,
    umap,
)
from suture.analysis.projection.placement import Placement, place
from suture.analysis.projection.sampled_umap import SampledMap, sampled_umap
from suture.analysis.projection.trust import DISTORTED, Trust, trust

__all__ = [
    "DISTORTED",
    "MIN_ROWS_UMAP",
    "AlignedMaps",
    "Graph",
    "Map",
    "MapAgreement",
    "Placement",
    "Region",
    "SampledMap",
    "Trust",
    "aligned_umaps",
    "label_regions",
    "map_agreement",
    "pca",
    "pca_common",
    "place",
    "principal_directions",
    "procrustes_onto",
    "sampled_umap",
    "trust",
    "umap",
    "warm_started_umaps",
]
