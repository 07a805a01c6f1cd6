"""Paired differences by group: by label, caption length, or any other column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from suture.analysis.compare.verdict_words import VerdictWord, verdict_word, widen_constant
from suture.analysis.statistics.bootstrap import MIN_GROUPS, GroupBootstrap
from suture.analysis.statistics.hypothesis_tests import bootstrap_p, holm

MAX_VALUES = 12  # a numeric column with more values is split into quartiles


@dataclass(frozen=True)
class Slice:
    """The studies with one value of a column: n studies in n_groups groups.

    a, b        mean of the measure over them in A and in B; difference  b - a
    low, high   its paired 95 % interval over groups; None with too few groups
    p_holm      two-sided p, Holm-adjusted over the slices of the column; None likewise
    verdict     as for whole sets; fewer than 5 groups are "not decidable at this N"
    """

    name: str
    n: int
    n_groups: int
    a: float
    b: float
    difference: float
    low: float | None
    high: float | None
    p_holm: float | None
    verdict: VerdictWord


def by_group(
    a: np.ndarray,
    b: np.ndarray,
    by: np.ndarray,
    groups: np.ndarray,
    *,
    margin: float = 0.02,
    better: str = "higher",
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[Slice, ...]:
    """Change of a measure in each slice of the studies.

    a, b    (n,) the measure of each study in A and in B: cosine of the true pair, hit among the first 10
    by      (n,) of str, from `by_value` or `by_length`; "" = in no slice; sorted: numbers by size, then
            names alphabetically
    groups  (n,) patients or cases; margin and better as in the catalogue
    ValueError for different lengths.
    """
    lengths = {len(z) for z in (a, b, by, groups)}
    if len(lengths) > 1:
        raise ValueError(f"Expected one value per study, got lengths {[len(z) for z in (a, b, by, groups)]}.")
    slices, ps = [], []
    for name in sorted(set(map(str, by)) - {""}, key=_sort_key):
        chosen = np.asarray(by) == name
        bootstrap = GroupBootstrap(np.asarray(groups)[chosen], resamples=resamples, seed=seed)
        one, p = _slice(name, np.asarray(a)[chosen], np.asarray(b)[chosen], bootstrap, margin, better)
        slices.append(one)
        ps.append(p)
    adjusted = holm(np.array(ps))
    return tuple(
        replace(one, p_holm=float(p)) if np.isfinite(p) else one
        for one, p in zip(slices, adjusted, strict=True)
    )


def _slice(
    name: str, a: np.ndarray, b: np.ndarray, bootstrap: GroupBootstrap, margin: float, better: str
) -> tuple[Slice, float]:
    change = b - a
    mean = float(change.mean())
    size = (name, len(change), bootstrap.n_groups, float(a.mean()), float(b.mean()), mean)
    if bootstrap.n_groups < MIN_GROUPS:
        return Slice(*size, None, None, None, "not decidable at this N"), np.nan
    (estimate,) = bootstrap.from_influence(np.array([mean]), change - mean)
    low: float | None = estimate.low
    high: float | None = estimate.high
    if np.isin([a, b], (0, 1)).all():  # hits and misses
        low, high = widen_constant(low, high, estimate.replicates, bootstrap.n_groups)
    verdict = verdict_word(low, high, margin=margin, better=better)
    return Slice(*size, low, high, None, verdict), bootstrap_p(estimate.replicates)


def by_length(texts: Sequence[str]) -> np.ndarray:
    """The tercile of each text's number of words, as "1 to 4 words": (n,) of str, "" for an empty text."""
    words = np.array([len(str(text).split()) for text in texts])
    cut = _quantile_labels(words.astype(float), words > 0, 3, " words")
    return np.where(cut == "1 words", "1 word", cut)


def by_value(column: Sequence[object]) -> np.ndarray:
    """A column as slices, (n,) of str, "" = missing: few values unchanged, many numbers by quartile.

    ValueError for a column with many non-numeric values.
    """
    values = np.array(["" if v is None or v != v else str(v).strip() for v in column], dtype=object)
    if len(set(values) - {""}) <= MAX_VALUES:
        return values.astype(str)
    known = values != ""
    numbers = np.full(len(values), np.nan)
    try:
        numbers[known] = [float(v) for v in values[known]]
    except ValueError:
        distinct = len(set(values[known]))
        raise ValueError(
            f"Expected a numeric column or one with at most {MAX_VALUES} values; this one has {distinct} "
            "values "
            "that are not all numbers."
        ) from None
    return _quantile_labels(numbers, known & np.isfinite(numbers), 4, "")


def _quantile_labels(numbers: np.ndarray, known: np.ndarray, parts: int, unit: str) -> np.ndarray:
    """Quantile bins named by their smallest and largest number; equal numbers stay together."""
    names = np.full(len(numbers), "", dtype=object)
    if not known.any():
        return names.astype(str)
    edges = np.unique(np.quantile(numbers[known], np.arange(1, parts) / parts))
    part = np.searchsorted(edges, numbers, side="left")
    for number in np.unique(part[known]):
        chosen = known & (part == number)
        low, high = numbers[chosen].min(), numbers[chosen].max()
        names[chosen] = (f"{low:g} to {high:g}" if low < high else f"{low:g}") + unit
    return names.astype(str)


def _sort_key(name: str) -> tuple[float, str]:
    """Sort numbers by size, then names alphabetically."""
    try:
        number = float(name.split(" ", 1)[0])
    except ValueError:
        return np.inf, name
    return (number if np.isfinite(number) else np.inf), name
