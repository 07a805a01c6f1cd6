"""What the space is about: clusters, labels, and whether two spaces order the same studies alike."""

from __future__ import annotations

from analysis.catalogue.info import MetricInfo

METRICS = (
    MetricInfo(
        name="v_measure",
        title="Clusters follow the label",
        meaning="How well clusters of images and texts together match the label; 1 = exactly, 0 = not at all.",
        better="higher",
        convention="V-measure of k-means on the stacked rows, K = number of label values, n_init 3, mean of "
        "5 seeds",
        function="analysis.clustering.v_measure",
        source="Rosenberg and Hirschberg 2007",
        pitfall="Above 0 by chance for many clusters; the spread over seeds is no interval.",
        margin=0.03,
    ),
    MetricInfo(
        name="cluster_modality_nmi",
        title="Clusters follow the modality",
        meaning="How far clusters sort images from texts; 0 = modality plays no part.",
        better="lower",
        convention="NMI of the same k-means clusters with the modality, mean of 5 seeds",
        function="analysis.clustering.v_measure",
        source="as above",
        pitfall="Read beside the V-measure: a collapsed space mixes too.",
        margin=0.03,
        reading="lower is better mixed",
    ),
)
