"""Mixing of the modalities within each label, averaged over labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from suture.analysis.math.arrays import Matrix, take_unit_rows
from suture.analysis.mixing.influence import BOUNDARY_FRACTION, mean_and_influence
from suture.analysis.mixing.joint_graph import MAX_EXACT_ROWS, JointGraph, joint_neighbours
from suture.analysis.mixing.kbet import kbet_neighbours, rejection_sensitivities, rejections
from suture.analysis.mixing.silhouette import mean_silhouette
from suture.analysis.statistics.bootstrap import (
    Estimate,
    GroupBootstrap,
    seeded_sample,
    subset_bootstrap,
    with_sample_note,
)

MIN_LABEL_ROWS = 10  # rows of a label
GRAPH_NEIGHBOURS = 15  # neighbours in the graph for the connectivity


@dataclass(frozen=True)
class MixingByLabel:
    """Means over labels of mixing metrics within each label; higher = better mixed, all 0..1.

    kbet_by_label       1 - share of rows whose neighbourhood, within the label, differs from the label
    batch_asw           1 - |silhouette of the modality| within the label
    graph_connectivity  share of the rows of a label in its largest component of the 15-neighbour graph
    """

    kbet_by_label: Estimate
    batch_asw: Estimate
    graph_connectivity: Estimate


def mixing_by_label(
    vectors: Sequence[Matrix],
    labels: np.ndarray,
    *,
    bootstrap: GroupBootstrap | None = None,
    seed: int = 0,
    limit: int = MAX_EXACT_ROWS,
) -> MixingByLabel:
    """Measure mixing within each label, and average over labels with equal weights.

    vectors (n_studies, dim) each, row i of each is study i; labels (n_studies,) of str, "" = none, left
    out. Above `limit` pooled rows a seeded sample of studies is measured. Labels with fewer than 10 rows are
    skipped and counted in the note; undefined if none is left. Source: scIB (Luecken et al. 2022),
    here on exact neighbours and cosines.
    """
    n = len(labels)
    if len(vectors) < 2 or any(len(v) != n for v in vectors):
        raise ValueError(
            f"Expected 2 or more modalities of {n} studies, got {[len(v) for v in vectors]} rows."
        )
    chosen = seeded_sample(n, limit // len(vectors), seed)
    draws = subset_bootstrap(bootstrap or GroupBootstrap(np.arange(n)), chosen, n)
    units, labels = [take_unit_rows(v, chosen) for v in vectors], np.asarray(labels, dtype=str)[chosen]
    names, counts = np.unique(labels[labels != ""], return_counts=True)
    kept = [np.flatnonzero(labels == name) for name in names[counts * len(units) >= MIN_LABEL_ROWS]]
    if not kept:
        reason = f"no label has {MIN_LABEL_ROWS} rows"
        return MixingByLabel(*[draws.undefined(reason)] * 3)
    note = f"; {len(kept)} labels, {len(names) - len(kept)} skipped with fewer than {MIN_LABEL_ROWS} rows"
    rates = [_kbet([z[members] for z in units]) for members in kept]
    silhouette = [_asw([z[members] for z in units]) for members in kept]
    connected = draws.without_interval(
        _connectivity(joint_neighbours(units, k=GRAPH_NEIGHBOURS, limit=limit), kept), note=note
    )
    return MixingByLabel(
        _mean_over_labels(kept, rates, draws, note=note, n=n, reason="no label has enough rows for kBET"),
        _mean_over_labels(kept, silhouette, draws, note=note, n=n, reason=""),
        with_sample_note(connected, len(chosen), n),
    )


def _mean_over_labels(
    kept: list[np.ndarray],
    per_label: Sequence[tuple[float, np.ndarray] | None],
    draws: GroupBootstrap,
    *,
    note: str,
    n: int,
    reason: str,
) -> Estimate:
    """Mean over labels of (value, influence of its studies); labels without a value are left out."""
    known = [(members, *pair) for members, pair in zip(kept, per_label, strict=True) if pair]
    if not known:
        return draws.undefined(reason)
    influence = np.zeros(draws.n)
    for members, _, of_label in known:
        influence[members] += of_label * draws.n / len(members) / len(known)
    value = np.mean([v for _, v, _ in known])
    (estimate,) = draws.from_influence(np.array([value]), influence, bounds=(0, 1))
    return with_sample_note(replace(estimate, note=note), draws.n, n)


def _kbet(vectors: list[np.ndarray]) -> tuple[float, np.ndarray] | None:
    """Share of rows not rejected, and the influence of each study; None with too few rows."""
    n = len(vectors[0])
    k = kbet_neighbours(np.array([n]))
    graph = joint_neighbours(vectors, k=k + k // BOUNDARY_FRACTION + 1, limit=n * len(vectors))
    if graph.why_undefined(k):
        return None
    return mean_and_influence(
        graph, 1.0 - rejections(graph, k), -rejection_sensitivities(graph, k), by_modality=False
    )


def _asw(vectors: list[np.ndarray]) -> tuple[float, np.ndarray]:
    """1 - mean |silhouette|, and the influence of each study."""
    value, influence = mean_silhouette(vectors, absolute=True)
    return 1 - value, -influence


def _connectivity(graph: JointGraph, kept: list[np.ndarray]) -> float:
    """Mean over labels of the share of rows in the largest connected component."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    q, k = graph.rows.shape
    edges = (np.ones(q * k, bool), (np.repeat(np.arange(q), k), graph.rows.ravel()))
    joined = csr_array(edges, shape=(q, q))
    shares = []
    for members in kept:
        rows = np.concatenate([members + m * graph.n_studies for m in range(graph.n_modalities)])
        _, part = connected_components(joined[rows][:, rows], directed=False)
        shares.append(np.bincount(part).max() / len(rows))
    return float(np.mean(shares))
