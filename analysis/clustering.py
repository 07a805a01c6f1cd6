"""Do clusters of images and texts together follow what the studies are about, or the modality?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from analysis.arrays import unit_rows


@dataclass(frozen=True)
class Clustering:
    """k-means of all modalities together, held against a label of the studies.

    v_measure          mean over seeds; 0..1, higher = clusters follow the label
    sd                 of v_measure over seeds (n - 1); 0 for one seed
    nmi_with_modality  mean over seeds; 0..1, lower = clusters do not care about modality
    k                  clusters = distinct labels; n  studies with a label
    """

    v_measure: float
    sd: float
    nmi_with_modality: float
    k: int
    n: int


def v_measure(
    vectors: Sequence[np.ndarray], labels: np.ndarray, *, seeds: int = 5, n_init: int = 3
) -> Clustering:
    """Cluster the stacked unit rows of all modalities into as many clusters as there are labels.

    vectors (n_studies, dim) each; labels (n_studies,) of str, "" = none, left out. V = 2 h c / (h + c),
    h homogeneity (clusters of one label), c completeness (labels in one cluster). Seeds are 0, 1, ...;
    n_init is small for speed: each seed keeps the best of 3 starts; seeds=1, n_init=1 is the quick look.
    ValueError for fewer than 2 labels or other shapes. Source: Rosenberg & Hirschberg 2007.
    """
    from sklearn.metrics import normalized_mutual_info_score, v_measure_score

    labels = np.asarray(labels, dtype=str)
    if any(np.shape(v) != (len(labels), np.shape(vectors[0])[1]) for v in vectors):
        shapes = ", ".join(str(np.shape(v)) for v in vectors)
        raise ValueError(f"Modalities and labels need the same studies, got {shapes} and {len(labels)}.")
    chosen = labels != ""
    names, codes = np.unique(labels[chosen], return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"At least 2 different labels are needed, got {len(names)}.")
    stack = np.concatenate([unit_rows(v[chosen]) for v in vectors])
    label, modality = np.tile(codes, len(vectors)), np.repeat(np.arange(len(vectors)), len(codes))
    found = [_clusters(stack, len(names), n_init, seed) for seed in range(seeds)]
    values = [v_measure_score(label, clusters) for clusters in found]
    mixed = [normalized_mutual_info_score(modality, clusters) for clusters in found]
    sd = np.std(values, ddof=1) if seeds > 1 else 0.0
    return Clustering(float(np.mean(values)), float(sd), float(np.mean(mixed)), len(names), len(codes))


def _clusters(rows: np.ndarray, k: int, n_init: int, seed: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    with threadpool_limits(1):  # many short steps: on a busy machine threads wait 100 times longer
        return KMeans(k, n_init=n_init, random_state=seed).fit_predict(rows)
