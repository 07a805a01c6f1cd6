"""The gap dial: metrics of a set at increasing strengths of a post-hoc method, from unchanged to closed.

Every row moves along a line and is normalised again, so one fitted adapter gives every strength between 0
(unchanged) and 1 (the full method), and beyond 1 for shifts. The rows are not those of the fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from suture.analysis.catalogue import CATALOGUE
from suture.analysis.gap import cosine_samples, pair_gap
from suture.analysis.math.arrays import unit_rows
from suture.analysis.posthoc import METHODS, Adapter
from suture.analysis.posthoc.adapter import renormalised
from suture.analysis.retrieval import KS, Ranks
from suture.analysis.statistics.bootstrap import GroupBootstrap
from suture.analysis.structure.clustering import v_measure

STEP, FURTHEST = 0.05, 1.5
GAPS = ("centroid_gap", "centroid_gap_debiased", "cos_true_pairs")
PAIR_KINDS = ("true_pairs", "random_pairs", "within_x", "within_y")
BINS = np.linspace(-1, 1, 101)
SAMPLES = 5_000  # cosines per histogram
DOUBLE_PRECISION_SCORES = 4_000_000  # with more scores, float32
MAX_CLUSTERED = 1_000  # studies for k-means: 5,000 of dim 512 take three seconds per strength
TWO_SIDED = 1.96  # of a normal distribution, 95 %


@dataclass(frozen=True)
class Motion:
    """The path of each row: unit(start + strength step).

    start (n, dim) unit rows; step (dim,) for shifts, equal for all rows, else (n, dim)
    """

    start: np.ndarray
    step: np.ndarray

    def at(self, strength: float) -> np.ndarray:
        """(n, dim) unit rows; 0 returns `start`. ValueError for rows at the origin."""
        return renormalised(self.start + strength * self.step) if strength else self.start

    def part(self, rows: np.ndarray) -> Motion:
        """The motion of the given rows."""
        return Motion(self.start[rows], self.step if self.step.ndim == 1 else self.step[rows])


def motion(adapter: Adapter, modality: str, rows: np.ndarray) -> Motion:
    """The motion of rows (n, dim) of one modality under a fitted adapter; agrees with `Adapter.apply`."""
    start = unit_rows(rows)
    if METHODS[adapter.method].shift:
        return Motion(start, adapter.arrays.get(f"shift:{modality}", np.zeros(start.shape[1])))
    return Motion(start, adapter.apply({modality: start})[modality] - start)


def strengths(method: str) -> np.ndarray:
    """Strengths of the dial: 0 to 1 in steps of 0.05; for shifts up to 1.5, which over-closes."""
    last = FURTHEST if METHODS[method].shift else 1.0
    return np.round(np.arange(round(last / STEP) + 1) * STEP, 2)


@dataclass(frozen=True)
class Sweep:
    """Metrics at every strength of a dial.

    numbers     key -> value at each strength. Keys: `GAPS`, and recall_at_k:forward (x finds y) or :back;
                recall counts every item of the same key as right, ties by expected hit
    margins     key -> half width of the 95 % interval of the change since strength 0, for metrics with one
                value per study (cosine, recalls): 1.96 standard errors of the paired differences, by group.
                NaN with one group
    histograms  kind -> (strength, bin) density of cosines over `BINS`
    n, n_groups  studies with both modalities, and their groups
    """

    strengths: tuple[float, ...]
    numbers: dict[str, tuple[float, ...]]
    margins: dict[str, tuple[float, ...]]
    histograms: dict[str, list[list[float]]]
    n: int
    n_groups: int

    def to_json(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return asdict(self)

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> Sweep:
        """The inverse of `to_json`."""
        table = {name: {k: tuple(v) for k, v in record[name].items()} for name in ("numbers", "margins")}
        return Sweep(**{**record, **table, "strengths": tuple(record["strengths"])})


def sweep(
    x: Motion,
    y: Motion,
    at: np.ndarray,
    *,
    keys: np.ndarray,
    groups: np.ndarray,
    progress: Callable[[float], None] = lambda share: None,
) -> Sweep:
    """Measure every strength in `at`; the first must be 0, the reference for changes.

    x, y one row per study, row i of both is the same study; keys (n,) equal = right answers of each other;
    groups (n,) patients or cases.
    """
    if len(at) == 0 or at[0] != 0:
        raise ValueError("The first strength must be 0, the reference for changes.")
    answers = AnswerRanks(x.start, y.start, keys)
    bootstrap = GroupBootstrap(groups, resamples=1)
    positions = []
    for place, strength in enumerate(at):
        progress(place / len(at))
        positions.append(_position(x.at(strength), y.at(strength), answers, bootstrap))
    first = positions[0].studies
    return Sweep(
        tuple(map(float, at)),
        {k: tuple(f.numbers[k] for f in positions) for k in positions[0].numbers},
        {k: tuple(_half_width(f.studies[k] - first[k], bootstrap.codes) for f in positions) for k in first},
        {k: [f.histograms[k] for f in positions] for k in PAIR_KINDS},
        bootstrap.n,
        bootstrap.n_groups,
    )


@dataclass(frozen=True)
class _Position:
    numbers: dict[str, float]
    studies: dict[str, np.ndarray]  # key -> one value a study, whose mean is the number
    histograms: dict[str, list[float]]


def _position(x: np.ndarray, y: np.ndarray, answers: AnswerRanks, bootstrap: GroupBootstrap) -> _Position:
    gap = pair_gap(x, y, bootstrap=bootstrap)
    studies = {"cos_true_pairs": np.einsum("nd,nd->n", x, y)}
    for way, ranks in zip(("forward", "back"), answers.ranks(x, y), strict=True):
        studies |= {f"recall_at_{k}:{way}": ranks.hit(k) for k in KS}
    numbers = {name: float(getattr(gap, name).value) for name in GAPS}
    numbers |= {k: float(v.mean()) for k, v in studies.items() if k not in numbers}
    samples = cosine_samples(x, y, limit=SAMPLES)
    densities = {k: np.histogram(getattr(samples, k), BINS, density=True)[0] for k in PAIR_KINDS}
    return _Position(numbers, studies, {k: d.round(4).tolist() for k, d in densities.items()})


class AnswerRanks:
    """Right answers and duplicate rows, computed once for all strengths; equal rows stay equal.

    x, y (n, dim); keys (n,) equal = right answers of each other
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, keys: np.ndarray) -> None:
        from scipy.sparse import csr_matrix

        codes = np.unique(keys, return_inverse=True)[1].ravel()
        of = csr_matrix((np.ones(len(codes), np.int32), (np.arange(len(codes)), codes)))
        right = (of @ of.T).tocsr()
        self.starts, self.items = right.indptr[:-1], right.indices
        self.queries = np.repeat(np.arange(len(codes)), np.diff(right.indptr))
        self.distinct: list[tuple[np.ndarray, np.ndarray]] = [
            np.unique(z, axis=0, return_index=True, return_inverse=True)[1:] for z in (x, y)
        ]

    def ranks(self, x: np.ndarray, y: np.ndarray) -> tuple[Ranks, Ranks]:
        """Rank of the best right answer, x finds y and y finds x; as `suture.analysis.retrieval.rank_best`.

        Above 4,000,000 scores, float32 is used, where cosines within 1e-7 may swap ranks.
        """
        kind = np.float64 if len(x) ** 2 <= DOUBLE_PRECISION_SCORES else np.float32
        (first_x, which_x), (first_y, which_y) = self.distinct
        scores = x[first_x].astype(kind) @ y[first_y].astype(kind).T
        if scores.shape != (len(x), len(y)):  # equal texts must not differ by rounding
            scores = scores[np.ix_(which_x.ravel(), which_y.ravel())]
        return self._ranks(scores), self._ranks(scores.T)

    def _ranks(self, scores: np.ndarray) -> Ranks:
        right = scores[self.queries, self.items]
        best = np.maximum.reduceat(right, self.starts)
        above = (scores > best[:, None]).sum(axis=1)
        tied = (scores == best[:, None]).sum(axis=1)
        tied_right = np.add.reduceat((right == best[self.queries]).astype(np.int64), self.starts)
        return Ranks(above, tied, tied_right)


def _half_width(differences: np.ndarray, codes: np.ndarray) -> float:
    """1.96 standard errors of a mean of paired differences, studies sampled by group."""
    groups = int(codes.max()) + 1
    if groups < 2:
        return float("nan")
    sums = np.bincount(codes, differences - differences.mean(), groups)
    variance = groups / (groups - 1) * np.square(sums).sum() / len(differences) ** 2
    return float(TWO_SIDED * np.sqrt(variance))


def v_measures(
    x: Motion,
    y: Motion,
    at: np.ndarray,
    labels: np.ndarray,
    *,
    seeds: int = 3,
    progress: Callable[[float], None] = lambda share: None,
) -> list[float]:
    """V-measure at each strength: `v_measure(n_init=1)` on at most 1,000 labelled studies, seeded.

    labels (n,) of str, "" = none. Each strength is clustered from scratch: a warm start from the previous
    clusters would keep their separation by modality. ValueError for fewer than 2 labels.
    """
    labelled = np.flatnonzero(labels != "")
    rows = labelled[seeded_rows(len(labelled), MAX_CLUSTERED)]
    parts = [x.part(rows), y.part(rows)]
    values = []
    for place, strength in enumerate(at):
        progress(place / len(at))
        moved = [part.at(strength) for part in parts]
        values.append(v_measure(moved, labels[rows], seeds=seeds, n_init=1).v_measure)
    return values


def seeded_rows(n: int, limit: int) -> np.ndarray:
    """At most `limit` of n rows, seeded, in order."""
    if n <= limit:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, limit, replace=False))


@dataclass(frozen=True)
class DialChange:
    """The change of one metric relative to strength 0. margin is NaN without an interval."""

    key: str
    before: float
    after: float
    margin: float

    @property
    def verdict(self) -> str:
        """better, worse or unclear (the 95 % interval contains 0); "" without an interval."""
        if np.isnan(self.margin):
            return ""
        change = self.after - self.before
        if abs(change) <= self.margin or change == 0:
            return "unclear"
        wanted = 1 if CATALOGUE[self.key.partition(":")[0]].better == "higher" else -1
        return "better" if change * wanted > 0 else "worse"


def changes(measured: Sweep, place: int) -> list[DialChange]:
    """The change of every metric at strength number `place` relative to strength 0."""
    no_margin = (float("nan"),) * len(measured.strengths)
    return [
        DialChange(key, values[0], values[place], measured.margins.get(key, no_margin)[place])
        for key, values in measured.numbers.items()
    ]
