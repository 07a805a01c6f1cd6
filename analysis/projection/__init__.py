"""Maps in two dimensions, what they distort, how two of them compare, and new rows on an old one."""

from suture.analysis.projection.alignment import Comparison, Pair, aligned, compared, started
from suture.analysis.projection.label_regions import Region, label_regions
from suture.analysis.projection.maps import MIN_ROWS_UMAP, Graph, Map, directions, onto, pca, pca_common, umap
from suture.analysis.projection.placement import Placed, place
from suture.analysis.projection.sampled_umap import Sampled, sampled_umap
from suture.analysis.projection.trust import DISTORTED, Trust, trust

__all__ = [
    "DISTORTED",
    "MIN_ROWS_UMAP",
    "Comparison",
    "Graph",
    "Map",
    "Pair",
    "Placed",
    "Region",
    "Sampled",
    "Trust",
    "aligned",
    "compared",
    "directions",
    "label_regions",
    "onto",
    "pca",
    "pca_common",
    "place",
    "sampled_umap",
    "started",
    "trust",
    "umap",
]
