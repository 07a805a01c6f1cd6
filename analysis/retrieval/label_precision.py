"""Label precision at k: results that share a label with the query, as in CheXpert 8x200 retrieval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suture.analysis.retrieval.scores import mean_scores
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap


@dataclass(frozen=True)
class LabelPrecision:
    """Share of the first 5 and 10 results that have the label of the query; 0..1, higher = better."""

    p_at_5: Estimate
    p_at_10: Estimate


def label_precision(
    nearest: np.ndarray,
    which: np.ndarray,
    labels: np.ndarray,
    *,
    groups: np.ndarray,
    bootstrap: GroupBootstrap | None = None,
    query_rows: np.ndarray | None = None,
) -> LabelPrecision:
    """P@k where every item with the label of the query is right, the own partner included.

    nearest  (n_asking, k) rows of the gallery, best first, as `Direction.nearest`; query_rows likewise
    which    (n_studies,) equal where gallery rows are equal, as `Direction.which`: among equal items the
             expected label counts, independent of file order
    labels   (n_studies,) of str, "" = none: not used as queries, and wrong as results
    groups   (n_studies,) resampling unit; bootstrap  gives the number of resamples and the seed

    Source: Zhang et al. 2020 (ConVIRT), there with image queries of one label each.
    """
    places = np.arange(len(labels)) if query_rows is None else query_rows
    labelled = np.flatnonzero(labels[places] != "")
    queries, nearest = places[labelled], nearest[labelled]
    like = bootstrap or GroupBootstrap(groups)
    if not len(queries):
        nothing = like.undefined("No study of this split has a label.")
        return LabelPrecision(nothing, nothing)
    codes = np.unique(labels, return_inverse=True)[1].ravel()
    base = int(codes.max()) + 1
    pairs, copies = np.unique(which * base + codes, return_counts=True)
    wanted = which[nearest] * base + codes[queries, None]
    place = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
    share = np.where(pairs[place] == wanted, copies[place], 0) / np.bincount(which)[which[nearest]]
    drawn = GroupBootstrap(groups[queries], resamples=like.resamples, seed=like.seed, level=like.level)
    reasons = {k: f"The gallery has fewer than {k} items." for k in (5, 10) if nearest.shape[1] < k}
    columns = {f"p_at_{k}": share[:, :k].mean(axis=1) for k in (5, 10) if k not in reasons}
    estimates = mean_scores(columns, bootstrap=drawn) if columns else {}
    return LabelPrecision(**estimates, **{f"p_at_{k}": drawn.undefined(why) for k, why in reasons.items()})
