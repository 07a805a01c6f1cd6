"""Mixing among studies of one label: an X-ray's report must not be near the reports of other findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.arrays import unit_rows
from analysis.mixing.graph import LIMIT, JointGraph, joint_neighbours, narrowed, sample, sampled_note
from analysis.mixing.measures import kbet_neighbours, rejections
from analysis.mixing.silhouette import silhouettes
from analysis.uncertainty import Estimate, GroupBootstrap

FEWEST = 10  # rows of a label
CONNECTED = 15  # neighbours that count as joined


@dataclass(frozen=True)
class MixingByLabel:
    """Means over labels of what is measured within each; higher = better mixed, all 0..1.

    kbet_by_label       1 - share of rows whose neighbourhood, within the label, differs from the label
    batch_asw           1 - |silhouette of the modality| within the label
    graph_connectivity  share of a label's rows that hang together in the joint 15-neighbour graph
    """

    kbet_by_label: Estimate
    batch_asw: Estimate
    graph_connectivity: Estimate


def mixing_by_label(
    vectors: Sequence[np.ndarray],
    labels: np.ndarray,
    *,
    bootstrap: GroupBootstrap | None = None,
    seed: int = 0,
    limit: int = LIMIT,
) -> MixingByLabel:
    """Measure mixing within each label, and average over labels (each weighs alike).

    vectors (n_studies, dim) each, row i of each is study i; labels (n_studies,) of str, "" = none, left
    out. Above `limit` pooled rows a seeded sample of studies is measured. Labels with fewer than 10 rows are
    skipped, and the note says how many; undefined where none is left. Source: scIB (Luecken et al. 2022),
    here on exact neighbours and cosines.
    """
    n = len(labels)
    if len(vectors) < 2 or any(len(v) != n for v in vectors):
        raise ValueError(
            f"Expected 2 or more modalities of {n} studies, got {[len(v) for v in vectors]} rows."
        )
    chosen = sample(n, limit // len(vectors), seed=seed)
    draws = narrowed(bootstrap or GroupBootstrap(np.arange(n)), chosen, n)
    units, labels = [unit_rows(v)[chosen] for v in vectors], np.asarray(labels, dtype=str)[chosen]
    names, counts = np.unique(labels[labels != ""], return_counts=True)
    kept = [np.flatnonzero(labels == name) for name in names[counts * len(units) >= FEWEST]]
    if not kept:
        reason = f"no label has {FEWEST} rows"
        return MixingByLabel(*[draws.undefined(reason)] * 3)
    note = f"; {len(kept)} labels, {len(names) - len(kept)} skipped with fewer than {FEWEST} rows"
    rates = [_kbet([z[members] for z in units]) for members in kept]
    silhouette = [_asw([z[members] for z in units]) for members in kept]
    connected = draws.plain(_connectivity(joint_neighbours(units, k=CONNECTED, limit=limit), kept), note=note)
    return MixingByLabel(
        _mean_over_labels(kept, rates, draws, note=note, n=n, reason="no label has enough rows for kBET"),
        _mean_over_labels(kept, silhouette, draws, note=note, n=n, reason=""),
        sampled_note(connected, len(chosen), n),
    )


def _mean_over_labels(
    kept: list[np.ndarray],
    values: list[np.ndarray],
    draws: GroupBootstrap,
    *,
    note: str,
    n: int,
    reason: str,
) -> Estimate:
    """The mean over labels of the mean over their studies; a label without values is left out."""
    pairs = [(members, v) for members, v in zip(kept, values, strict=True) if len(v)]
    if not pairs:
        return draws.undefined(reason)
    influence = np.zeros(draws.n)
    for members, v in pairs:
        influence[members] += (v - v.mean()) * draws.n / len(v) / len(pairs)
    value = np.mean([v.mean() for _, v in pairs])
    (estimate,) = draws.linear(np.array([value]), influence, bounds=(0, 1))
    return sampled_note(replace(estimate, note=note), draws.n, n)


def _kbet(vectors: list[np.ndarray]) -> np.ndarray:
    """Share of a study's rows whose neighbourhood is not rejected, (n_studies,); empty with too few rows."""
    n = len(vectors[0])
    k = kbet_neighbours(np.array([n]))
    graph = joint_neighbours(vectors, k=k, limit=n * len(vectors))
    return np.empty(0) if graph.lacks(k) else 1 - rejections(graph, k).reshape(-1, n).mean(axis=0)


def _asw(vectors: list[np.ndarray]) -> np.ndarray:
    """1 - |silhouette| of a study's rows, (n_studies,)."""
    n = len(vectors[0])
    rows = silhouettes(np.concatenate(vectors), np.repeat(np.arange(len(vectors)), n))
    return 1 - np.abs(rows).reshape(-1, n).mean(axis=0)


def _connectivity(graph: JointGraph, kept: list[np.ndarray]) -> float:
    """Mean over labels of the largest connected part of their rows, as a share."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    q, k = graph.rows.shape
    edges = (np.ones(q * k, bool), (np.repeat(np.arange(q), k), graph.rows.ravel()))
    joined = csr_array(edges, shape=(q, q))
    shares = []
    for members in kept:
        rows = np.concatenate([members + m * graph.n_studies for m in range(graph.kinds)])
        _, part = connected_components(joined[rows][:, rows], directed=False)
        shares.append(np.bincount(part).max() / len(rows))
    return float(np.mean(shares))
