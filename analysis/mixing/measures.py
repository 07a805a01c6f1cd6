"""Metrics of the joint graph: mixing at k, iLISI, kBET, same-to-other ratio.

Intervals resample studies both as queries and as neighbours (`suture.analysis.mixing.influence`) without
rebuilding the graph. Only `same_to_other` keeps the graph fixed, which matters little with one neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from suture.analysis.mixing.influence import boundary_places, mean_and_influence, mean_with_interval
from suture.analysis.mixing.joint_graph import JointGraph
from suture.analysis.mixing.kbet import kbet_neighbours, rejection_sensitivities, rejections
from suture.analysis.mixing.lisi import lisi
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap

MIN_LISI_NEIGHBOURS = 6  # neighbours: a perplexity of 2


@dataclass(frozen=True)
class Mixing:
    """The default metrics of the joint graph.

    mixing_at_10_without_partner  share of other modalities among the 10 nearest, own partner excluded,
                                  relative to chance; 0 = separate, 1 = mixed
    ilisi                         (median LISI - 1) / (M - 1) of M modalities, on exact neighbours;
                                  0 = separate, 1 = mixed
    """

    mixing_at_10_without_partner: Estimate
    ilisi: Estimate


@dataclass(frozen=True)
class ExtendedMixing:
    """Mixing at other k, with and without the own partner, and kBET.

    mixing_at_k                  relative to chance; 1 = mixed. With the partner, k = 1 is close to recall at
                                 1
    mixing_at_k_without_partner  with the partner removed from the list
    kbet_rejection               share of rows whose neighbourhood differs from the whole; 0 = mixed
    kbet_acceptance              1 - kbet_rejection; 1 = mixed
    """

    mixing_at_1: Estimate
    mixing_at_5: Estimate
    mixing_at_10: Estimate
    mixing_at_30: Estimate
    mixing_at_1_without_partner: Estimate
    mixing_at_5_without_partner: Estimate
    mixing_at_30_without_partner: Estimate
    kbet_rejection: Estimate
    kbet_acceptance: Estimate


def mixing(graph: JointGraph, *, bootstrap: GroupBootstrap | None = None) -> Mixing:
    """How well the modalities mix: 0 = separate, 1 = as in a random mix.

    graph      of `joint_neighbours`, k >= 10 (90 for LISI as published)
    bootstrap  over all studies of the graph; if queries are sampled, n of the estimates is the sample

    mixing(k) = mean over rows of the share of their k nearest that is of another modality, modalities
    weighted equally; chance = the same share among all rows. LISI_i = 1 / sum_c p_c^2, p over the
    k0 = min(90, n - 1) nearest with exp(-beta d) of perplexity floor(k0 / 3) (scIB, Luecken et al. 2022,
    there on shortest paths of a graph). Undefined, with a reason, for too few rows.
    """
    without = _mixing_at(graph, 10, bootstrap, without_partner=True)
    return Mixing(without, _ilisi(graph, bootstrap))


def extended_mixing(graph: JointGraph, *, bootstrap: GroupBootstrap | None = None) -> ExtendedMixing:
    """Mixing at 1, 5, 10 and 30 with and without the partner, and kBET (Buettner et al. 2019).

    kBET: chi-square test, M - 1 degrees of freedom, of the modality counts among the k0 nearest against
    the shares among all rows, k0 = mean rows of a modality / 4, within 10..70; rejected at 0.05.
    Arguments as for `mixing`.
    """
    shares = {
        f"mixing_at_{k}": _mixing_at(graph, k, bootstrap, without_partner=False) for k in (1, 5, 10, 30)
    }
    shares |= {
        f"mixing_at_{k}_without_partner": _mixing_at(graph, k, bootstrap, without_partner=True)
        for k in (1, 5, 30)
    }
    rejected, accepted = _kbet(graph, bootstrap)
    return ExtendedMixing(**shares, kbet_rejection=rejected, kbet_acceptance=accepted)


def same_to_other(graph: JointGraph, *, bootstrap: GroupBootstrap | None = None) -> tuple[Estimate, ...]:
    """Nearest neighbours of the own kind for each one of another kind, one estimate a modality.

    For images it is known as ITR, for texts as TIR; 1 = balanced, higher = separate. Undefined where no
    row has a nearest neighbour of another modality. Source: Role et al. 2025 ("Fill the Gap").
    """
    draws = graph.query_bootstrap(bootstrap)
    if reason := graph.why_undefined(1):
        return (draws.undefined(reason),) * graph.n_modalities
    return tuple(_same_to_other(graph, kind, draws) for kind in range(graph.n_modalities))


def other_shares(graph: JointGraph, k: int, *, without_partner: bool = False) -> np.ndarray:
    """Share of other modalities among the k nearest of each query row, (q,).

    Without the partner: among the rest of the k nearest; NaN if nothing is left.
    """
    counted = ~graph.partner[:, :k] if without_partner else np.ones((len(graph.queries), k), bool)
    with np.errstate(invalid="ignore"):
        return (graph.other[:, :k] & counted).sum(axis=1) / counted.sum(axis=1)


def _mixing_at(
    graph: JointGraph, k: int, bootstrap: GroupBootstrap | None, *, without_partner: bool
) -> Estimate:
    draws = graph.query_bootstrap(bootstrap)
    if reason := graph.why_undefined(k):
        return draws.undefined(reason)
    shares = other_shares(graph, k, without_partner=without_partner)
    query_modality = graph.modality[graph.queries]
    if not all(np.isfinite(shares[query_modality == kind]).any() for kind in range(graph.n_modalities)):
        return draws.undefined("the own partner is the only neighbour")
    chance = _mean_over_modalities(
        _chance(graph, without_partner=without_partner), query_modality, graph.n_modalities
    )
    if not chance > 0:
        return draws.undefined("there are no rows of other studies in another modality")
    sensitivities = _share_sensitivities(graph, shares, k, without_partner=without_partner)
    return mean_with_interval(
        graph, shares, sensitivities, bootstrap, by_modality=True, scale=chance, bounds=(0, np.inf)
    )


def _share_sensitivities(
    graph: JointGraph, shares: np.ndarray, k: int, *, without_partner: bool
) -> np.ndarray:
    """(q, k): effect of one more neighbour, which replaces those at the boundary; partners may not count."""
    counted = ~graph.partner if without_partner else np.ones(graph.rows.shape, bool)
    hits, at = graph.other & counted, boundary_places(k, graph.k)
    gained, room = (v[:, :k] - v[:, at].mean(axis=1, keepdims=True) for v in (hits, counted))
    left = np.maximum(counted[:, :k].sum(axis=1, keepdims=True), 1)
    return (gained - shares[:, None] * room) / left


def _mean_over_modalities(values: np.ndarray, kind: np.ndarray, n_modalities: int) -> float:
    """Mean over modalities of their means, so that a large modality does not dominate."""
    return float(np.mean([values[kind == k].mean() for k in range(n_modalities)]))


def _chance(graph: JointGraph, *, without_partner: bool) -> np.ndarray:
    """Chance level: share of other modalities among all candidate rows of each query row, (q,)."""
    n, kind = len(graph.modality), graph.modality[graph.queries]
    held = np.zeros((graph.n_studies, graph.n_modalities))
    np.add.at(held, (graph.study, graph.modality), 1)
    of_study = held[graph.study[graph.queries]]
    partners = of_study.sum(axis=1) - of_study[np.arange(len(kind)), kind] if without_partner else 0
    others = n - graph.sizes[kind] - partners
    return others / np.maximum(n - 1 - partners, 1)


def _sums_per_study(graph: JointGraph, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums and counts of the values of each query study by modality, without NaN; (s, n_modalities) each."""
    place = np.searchsorted(graph.query_studies, graph.study[graph.queries])
    at, known = (place, graph.modality[graph.queries]), np.isfinite(values)
    sums, counts = np.zeros((2, len(graph.query_studies), graph.n_modalities))
    np.add.at(sums, at, np.where(known, values, 0))
    np.add.at(counts, at, known)
    return sums, counts


def _ilisi(graph: JointGraph, bootstrap: GroupBootstrap | None) -> Estimate:
    """The median of the resampled rows, shifted by the influence through the neighbour lists."""
    draws = graph.query_bootstrap(bootstrap)
    if reason := graph.why_undefined(MIN_LISI_NEIGHBOURS):
        return draws.undefined(reason)
    scores = lisi(graph.distances, graph.modality[graph.rows], graph.n_modalities, graph.k // 3)
    values = (scores.values - 1) / (graph.n_modalities - 1)
    order = np.argsort(values)
    query_rows, ascending = graph.study[graph.queries][order], values[order]
    typical = np.full(len(order), np.nan)  # the middle half, since the few rows at the median are noisy
    typical[order[len(order) // 4 : len(order) - len(order) // 4]] = 0
    _, influence = mean_and_influence(
        graph, typical, scores.sensitivities() / (graph.n_modalities - 1), by_modality=False
    )

    def median(weights: np.ndarray) -> np.ndarray:
        below = np.cumsum(weights.astype(np.float32)[:, query_rows], axis=1)  # counts, exact in float32
        half = below[:, -1:] / 2
        last = len(ascending) - 1  # for a resample without rows
        middle = [np.minimum(side.sum(axis=1), last) for side in (below < half, below <= half)]
        moved = weights @ influence / weights.sum(axis=1)
        return (np.mean([ascending[m] for m in middle], axis=0) + moved)[:, None]

    whole = bootstrap or GroupBootstrap(np.arange(graph.n_studies))
    (estimate,) = whole.resample(median, bounds=(0, 1))
    return graph.with_sample_note(replace(estimate, n=draws.n, n_groups=draws.n_groups))


def _kbet(graph: JointGraph, bootstrap: GroupBootstrap | None) -> tuple[Estimate, Estimate]:
    k = kbet_neighbours(graph.sizes)
    if reason := graph.why_undefined(k):
        return (graph.query_bootstrap(bootstrap).undefined(reason),) * 2
    rejected, sensitivities = rejections(graph, k).astype(float), rejection_sensitivities(graph, k)
    of = partial(mean_with_interval, graph, bootstrap=bootstrap, by_modality=False, bounds=(0, 1))
    return of(rejected, sensitivities), of(1 - rejected, -sensitivities)


def _same_to_other(graph: JointGraph, kind: int, draws: GroupBootstrap) -> Estimate:
    sums, counts = (per[:, kind] for per in _sums_per_study(graph, graph.other[:, 0]))
    if not sums.any():
        return draws.undefined("no row has a nearest neighbour of another modality: nothing mixes")

    def ratio(weights: np.ndarray) -> np.ndarray:
        return (weights @ (counts - sums) / (weights @ sums))[:, None]

    return graph.with_sample_note(draws.resample(ratio, bounds=(0, np.inf))[0])
