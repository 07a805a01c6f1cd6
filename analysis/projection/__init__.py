"""Maps in two dimensions, what they distort, how two of them compare, and new rows on an old one."""

from analysis.projection.comparable import Comparison, Pair, aligned, compared, started
from analysis.projection.maps import MIN_ROWS_UMAP, Graph, Map, directions, onto, pca, pca_common, umap
from analysis.projection.placing import Placed, place
from analysis.projection.regions import Region, regions
from analysis.projection.sampled import Sampled, sampled
from analysis.projection.trust import DISTORTED, Trust, trust

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
    "onto",
    "pca",
    "pca_common",
    "place",
    "regions",
    "sampled",
    "started",
    "trust",
    "umap",
]
