"""Do clusters and nearest neighbours of images and texts follow the label of the studies or the modality?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from suture.analysis.math.arrays import Matrix, take_unit_rows
from suture.analysis.math.contingency import ContingencyTable, contingency_table
from suture.analysis.statistics.bootstrap import (
    Estimate,
    GroupBootstrap,
    seeded_sample,
    subset_bootstrap,
    with_sample_note,
)

STUDIES = 5000  # studies to cluster or classify; above, a seeded sample
SEEDS = 5
STARTS = 3  # k-means initialisations per seed; the best is kept
NEIGHBOURS = 5
TRAIN_SHARE = 0.8  # of the groups
MIN_GROUPS = 5  # at least one group for testing
FEW_LABELS = "needs 2 different labels, there are {}"


@dataclass(frozen=True)
class ClusterScores:
    """k-means of all modalities stacked, compared with a label of the studies. Means over seeds.

    v_measure             harmonic mean of the two below, 0..1, higher = clusters follow the label
    cluster_ari           adjusted Rand index; 0 = chance, 1 = equal
    cluster_nmi           normalised mutual information, identical to the V-measure
    cluster_homogeneity   1 = no cluster mixes labels
    cluster_completeness  1 = no label is split between clusters
    cluster_modality_nmi  NMI of the clusters with the modality, 0..1, lower = clusters ignore the modality
    """

    v_measure: Estimate
    cluster_ari: Estimate
    cluster_nmi: Estimate
    cluster_homogeneity: Estimate
    cluster_completeness: Estimate
    cluster_modality_nmi: Estimate


@dataclass(frozen=True)
class QuickClustering:
    """V-measure without intervals.

    v_measure          mean over seeds; 0..1, higher = clusters follow the label
    sd                 of v_measure over seeds (n - 1); 0 for one seed
    nmi_with_modality  mean over seeds; 0..1, lower = clusters ignore the modality
    k                  clusters = distinct labels; n  studies with a label
    """

    v_measure: float
    sd: float
    nmi_with_modality: float
    k: int
    n: int


def cluster_scores(
    vectors: Sequence[Matrix],
    labels: np.ndarray,
    *,
    bootstrap: GroupBootstrap | None = None,
    seed: int = 0,
    seeds: int = SEEDS,
    n_init: int = STARTS,
    studies: int = STUDIES,
) -> ClusterScores:
    """Cluster the stacked unit rows of all modalities into as many clusters as there are labels.

    vectors (n_studies, dim) each; labels (n_studies,) of str, "" = none, left out. Above `studies` a sample
    of them, drawn by `seed`. k-means has the seeds 0, 1, ...; intervals from the influence of each study,
    all its rows together, with the clusters fixed. Undefined for fewer than 2 labels. ValueError for other
    shapes. Sources: Rosenberg & Hirschberg 2007 (V-measure); Hubert & Arabie 1985 (adjusted Rand index).
    """
    units, codes, draws, labelled = _labelled(vectors, labels, bootstrap, studies, seed)
    if codes.max(initial=0) == 0:
        return ClusterScores(*[draws.undefined(FEW_LABELS.format(int(codes.max(initial=-1)) + 1))] * 6)
    tables_by_seed = [_tables(units, codes, n_init, number) for number in range(seeds)]
    return ClusterScores(
        **{
            name: with_sample_note(_over_seeds(tables, draws, low=low), len(codes), labelled)
            for name, low, tables in (
                ("v_measure", 0, [label.v_measure() for label, _ in tables_by_seed]),
                ("cluster_ari", -1, [label.adjusted_rand() for label, _ in tables_by_seed]),
                ("cluster_nmi", 0, [label.v_measure() for label, _ in tables_by_seed]),
                ("cluster_homogeneity", 0, [label.homogeneity() for label, _ in tables_by_seed]),
                ("cluster_completeness", 0, [label.completeness() for label, _ in tables_by_seed]),
                ("cluster_modality_nmi", 0, [modality.v_measure() for _, modality in tables_by_seed]),
            )
        }
    )


def v_measure(
    vectors: Sequence[Matrix], labels: np.ndarray, *, seeds: int = SEEDS, n_init: int = STARTS
) -> QuickClustering:
    """V-measure of `cluster_scores` without an interval; seeds=1, n_init=1 is fastest.

    vectors (n_studies, dim) each; labels (n_studies,) of str, "" = none, left out. V = 2 h c / (h + c).
    ValueError for fewer than 2 labels or other shapes.
    """
    units, codes, *_ = _labelled(vectors, labels, None, STUDIES, 0)
    k, n = int(codes.max(initial=-1)) + 1, int((np.asarray(labels, dtype=str) != "").sum())
    if k < 2:
        raise ValueError(f"Expected at least 2 different labels, got {k}.")
    tables_by_seed = [_tables(units, codes, n_init, seed) for seed in range(seeds)]
    values = [label.v_measure()[0] for label, _ in tables_by_seed]
    mixed = [modality.v_measure()[0] for _, modality in tables_by_seed]
    sd = np.std(values, ddof=1) if seeds > 1 else 0.0
    return QuickClustering(float(np.mean(values)), float(sd), float(np.mean(mixed)), k, n)


def label_knn_accuracy(
    vectors: Sequence[Matrix],
    labels: np.ndarray,
    *,
    bootstrap: GroupBootstrap | None = None,
    seed: int = 0,
    studies: int = STUDIES,
) -> Estimate:
    """How often the 5 nearest rows of other studies, all modalities stacked, predict the label of a row.

    vectors (n_studies, dim) each; labels (n_studies,) of str, "" = none, left out. Mean over five splits by
    group, 80 % reference and 20 % queries; labels with equal votes share the hit. The note states the share
    of the most common label. Above `studies` a seeded sample. Undefined for fewer
    than 2 labels or 5 groups. ValueError for other shapes. Source: as in Grassucci et al. 2025.
    """
    units, codes, draws, labelled = _labelled(vectors, labels, bootstrap, studies, seed)
    if codes.max(initial=0) == 0:
        return draws.undefined(FEW_LABELS.format(int(codes.max(initial=-1)) + 1))
    if draws.n_groups < MIN_GROUPS:
        return draws.undefined(
            f"needs {MIN_GROUPS} groups of studies for reference and queries, there are {draws.n_groups}"
        )
    from sklearn.model_selection import GroupShuffleSplit

    values, influences = [], np.zeros(len(codes))
    splits = GroupShuffleSplit(SEEDS, train_size=TRAIN_SHARE, random_state=0).split(codes, groups=draws.codes)
    for train, test in splits:
        hits = _votes(units, codes, train, test)
        values.append(hits.mean())
        influences[test] += (hits - hits.mean()) * len(codes) / len(test) / SEEDS
    (estimate,) = draws.from_influence(np.array([np.mean(values)]), influences, bounds=(0, 1))
    common = np.bincount(codes).max() / len(codes)
    note = f"; sd {np.std(values, ddof=1):.2g} over {SEEDS} splits; most common label {common:.2g}"
    return with_sample_note(replace(estimate, note=note), len(codes), labelled)


def _labelled(
    vectors: Sequence[Matrix],
    labels: np.ndarray,
    bootstrap: GroupBootstrap | None,
    studies: int,
    seed: int,
) -> tuple[list[np.ndarray], np.ndarray, GroupBootstrap, int]:
    """Unit rows and label numbers of (a sample of) the studies with a label, their bootstrap, and how many
    have one."""
    labels = np.asarray(labels, dtype=str)
    n = len(labels)
    if any(np.shape(v) != (n, np.shape(vectors[0])[1]) for v in vectors):
        shapes = ", ".join(str(np.shape(v)) for v in vectors)
        raise ValueError(f"Modalities and labels need the same studies, got {shapes} and {n}.")
    there = np.flatnonzero(labels != "")
    bootstrap = bootstrap or GroupBootstrap(np.arange(n))
    if not len(there):
        return [], np.empty(0, int), bootstrap, 0
    chosen = there[seeded_sample(len(there), studies, seed)]
    codes = np.unique(labels[chosen], return_inverse=True)[1]
    # float32 halves the time of k-means; its rounding is far below the distance of a row to a centre
    units = [take_unit_rows(v, chosen).astype(np.float32) for v in vectors]
    return units, codes, subset_bootstrap(bootstrap, chosen, n), len(there)


def _tables(
    units: list[np.ndarray], codes: np.ndarray, n_init: int, seed: int
) -> tuple[ContingencyTable, ContingencyTable]:
    """Contingency tables of clusters against labels and against modalities, one column per modality."""
    from sklearn.cluster import KMeans

    rows = np.concatenate(units)
    with threadpool_limits(1):  # many short steps: with several threads, 100 times slower on a busy machine
        clusters = KMeans(int(codes.max()) + 1, n_init=n_init, random_state=seed).fit_predict(rows)
    cluster = clusters.reshape(len(units), -1).T
    modality = np.broadcast_to(np.arange(len(units)), cluster.shape)
    return contingency_table(np.broadcast_to(codes[:, None], cluster.shape), cluster), contingency_table(
        modality, cluster
    )


def _over_seeds(by_seed: list[tuple[float, np.ndarray]], draws: GroupBootstrap, *, low: float) -> Estimate:
    """Mean over seeds of values and of their influences, with the spread over seeds in the note."""
    values = [value for value, _ in by_seed]
    influence = np.mean([of_seed for _, of_seed in by_seed], axis=0)
    (estimate,) = draws.from_influence(np.array([np.mean(values)]), influence, bounds=(low, 1))
    spread = f"; sd {np.std(values, ddof=1):.2g} over {len(values)} seeds" if len(values) > 1 else ""
    return replace(estimate, note=spread)


def _votes(units: list[np.ndarray], codes: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Share of the rows of each test study whose neighbours predict the right label, (n_test,)."""
    from suture.analysis.retrieval.nearest import nearest

    gallery = np.concatenate([z[train] for z in units])
    _, neighbours = nearest(np.concatenate([z[test] for z in units]), gallery, k=NEIGHBOURS)
    named = np.tile(codes[train], len(units))[neighbours]
    votes = np.zeros((len(neighbours), codes.max() + 1), int)
    np.add.at(votes, (np.arange(len(neighbours))[:, None], named), 1)
    own = np.tile(codes[test], len(units))
    first = votes == votes.max(axis=1, keepdims=True)
    hits = first[np.arange(len(own)), own] / first.sum(axis=1)
    return hits.reshape(len(units), -1).mean(axis=0)
