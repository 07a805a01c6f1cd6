"""Bootstrap intervals over groups: patients (or cases) are resampled, not studies.

A resample is a vector of weights, and statistics use sums that are computed once. Equal groups and seeds
give equal resamples, so replicates of two checkpoints on the same studies are paired: their difference is
the paired bootstrap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from suture.analysis.math.arrays import Matrix, UnitRows
from suture.analysis.math.group_sums import group_sum_blocks, group_sums, label_codes

# (b, n_studies) resampling weights -> (b, k): k statistics under each of b resamples.
Statistic = Callable[[np.ndarray], np.ndarray]
MIN_GROUPS = 5  # with fewer, resamples hardly differ and an interval is meaningless
MAX_WEIGHTS = 4_000_000  # weights in memory at once as floats
MAX_KEPT_BYTES = 1 << 27  # bytes of draws to keep when not in use
FLOAT32 = 1e-6  # precision of sums under resamples; smaller values are 0
INTERVAL = "95 % percentile bootstrap over groups, centred on the estimate"


@dataclass(frozen=True)
class Sample:
    """The seeded sample that a metric is computed on: `size` out of `of`.

    error  standard error from sampling; None if unknown
    """

    size: int
    of: int
    error: float | None = None
    what: str = "studies"

    def describe(self) -> str:
        """Format as: ; 4,096 of 20,000 studies, seeded, standard error 0.0012"""
        error = "" if self.error is None else f", standard error {self.error:.2g}"
        return f"; {self.size:,} of {self.of:,} {self.what}, seeded{error}"


def seeded_sample(n: int, limit: int, seed: int) -> np.ndarray:
    """All of range(n), or a seeded sample of `limit` of them, ascending."""
    return np.arange(n) if n <= limit else np.sort(np.random.default_rng(seed).permutation(n)[:limit])


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; n studies in n_groups groups, resamples drawn.

    low and high are NaN with too few groups for an interval.
    replicates  (resamples,) the value under each resample; empty without an interval
    note        details of this measurement, such as sample size or bandwidth; appended to the convention
    reason      why value is NaN, for users; "" for a number
    sample      the sample that the value is computed on, if not all studies
    """

    value: float
    low: float
    high: float
    n: int
    n_groups: int
    resamples: int
    replicates: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False, compare=False)
    note: str = ""
    reason: str = ""
    sample: Sample | None = None

    def clipped(self, least: float, most: float) -> Estimate:
        """The estimate with its interval clipped to the valid range; NaN stays NaN."""
        low, high = (float(np.clip(bound, least, most)) for bound in (self.low, self.high))
        return replace(self, low=low, high=high)

    def describe(self) -> str:
        """Format as 0.573 (0.551 to 0.595), or the reason if undefined."""
        if not np.isfinite(self.value):
            return f"undefined: {self.reason}"
        interval = f" ({self.low:.3f} to {self.high:.3f})" if np.isfinite(self.low) else ""
        return f"{self.value:.3f}{interval}"


def interval(replicates: np.ndarray, *, level: float = 0.95) -> tuple[float, float]:
    """The percentile interval of replicates; (nan, nan) without replicates."""
    if not len(replicates):
        return np.nan, np.nan
    tail = (1 - level) / 2
    low, high = np.quantile(replicates, [tail, 1 - tail])
    return float(low), float(high)


class GroupBootstrap:
    """Draws groups with replacement; the weight of a study is the number of times its group was drawn.

    groups     (n_studies,) labels; studies of one group are kept together
    resamples  number of draws; level  coverage; seed  makes the draws repeatable
    """

    def __init__(
        self, groups: np.ndarray, *, resamples: int = 1000, seed: int = 0, level: float = 0.95
    ) -> None:
        self.codes = label_codes(groups)
        self.n = len(self.codes)
        self.n_groups = int(self.codes.max()) + 1
        self.resamples, self.seed, self.level = resamples, seed, level
        self._sums: dict[int, tuple[object, np.ndarray]] = {}

    @cached_property
    def counts(self) -> np.ndarray:
        """(resamples, n_groups) uint8: how often each group was drawn, practically never above 255."""
        rng = np.random.default_rng(self.seed)
        counts = np.empty((self.resamples, self.n_groups), np.uint8)
        for row in counts:
            row[:] = np.bincount(rng.integers(self.n_groups, size=self.n_groups), minlength=self.n_groups)
        return counts

    def release_draws(self) -> None:
        """Free large draws; they are recomputed identically when needed."""
        if "counts" in vars(self) and self.counts.nbytes > MAX_KEPT_BYTES:
            del self.counts

    def draws(self) -> Iterator[np.ndarray]:
        """Blocks of (b, n_groups) float32: how often each group was drawn, in the order of the resamples."""
        for part in np.array_split(self.counts, max(1, -(-self.counts.size // MAX_WEIGHTS))):
            yield part.astype(np.float32)

    def sums(self, rows: Matrix) -> np.ndarray:
        """(resamples, dim) float64: the sum of rows (n_studies, dim) under each resample.

        Computed once per array object, since gap, cone and Frechet distance all need it.
        """
        same = rows.in_memory if isinstance(rows, UnitRows) and rows.in_memory is not None else rows
        take = same.take if isinstance(same, UnitRows) else same.__getitem__
        if id(same) not in self._sums:
            drawn = np.zeros((self.resamples, rows.shape[1]))
            for groups, sums in group_sum_blocks(take, self.codes):
                drawn += self.counts[:, groups].astype(np.float32) @ sums.astype(np.float32)
            self._sums[id(same)] = same, drawn  # keep the rows alive, so that their id stays valid
        return self._sums[id(same)][1]

    def without_interval(self, value: float, *, note: str = "") -> Estimate:
        """A value of these studies without an interval."""
        return Estimate(float(value), np.nan, np.nan, self.n, self.n_groups, 0, note=note)

    def undefined(self, reason: str) -> Estimate:
        """An undefined estimate with its reason."""
        return Estimate(np.nan, np.nan, np.nan, self.n, self.n_groups, 0, reason=reason)

    def weights(self, resamples: int) -> Iterator[np.ndarray]:
        """Blocks of (b, n_studies) float64 weights; the first draws, equal for equal seeds."""
        block = max(1, MAX_WEIGHTS // self.n)
        for start in range(0, resamples, block):
            yield self.counts[start : min(start + block, resamples)][:, self.codes].astype(np.float64)

    def resample(
        self,
        statistic: Statistic,
        *,
        resamples: int | None = None,
        centred: bool = True,
        bounds: tuple[float, float] = (-np.inf, np.inf),
    ) -> list[Estimate]:
        """Every column of the statistic with its interval.

        `centred` shifts the resampled values so that their mean is the estimate: a resample has fewer
        distinct studies, which biases gaps and spectra. `bounds` clip the interval, not the replicates.
        """
        draws = min(resamples or self.resamples, self.resamples)
        with np.errstate(invalid="ignore", divide="ignore"):  # resamples of one single study
            values = statistic(np.ones((1, self.n)))[0]
            sampled = np.concatenate([statistic(w) for w in self.weights(draws)])
        return self.summarise(values, sampled, centred=centred, bounds=bounds)

    def from_influence(
        self,
        values: np.ndarray,
        influence: np.ndarray,
        *,
        bounds: tuple[float, float] = (-np.inf, np.inf),
    ) -> list[Estimate]:
        """Intervals of k smooth statistics from the influence of each study (infinitesimal jackknife).

        values     (k,) the statistics
        influence  (n_studies, k), mean about 0: a study with weight w instead of 1 changes statistic k
                   by (w - 1) influence / n to first order. For a mean it is x_i - mean x, and exact

        For statistics that are too expensive to recompute: spectra and means over all pairs of rows.
        """
        sizes = np.bincount(self.codes, minlength=self.n_groups)
        sums = np.column_stack([group_sums(influence, self.codes), sizes]).astype(np.float32)
        drawn = np.concatenate([counts @ sums for counts in self.draws()])
        values = np.asarray(values, dtype=np.float64)
        # Not centred: there is no first-order bias, and a share that is equal in all resamples must not
        # change.
        sampled = values + drawn[:, :-1].astype(np.float64) / drawn[:, -1:]
        sampled[np.abs(sampled) < FLOAT32 * np.maximum(1, np.abs(values))] = 0
        return self.summarise(values, sampled, centred=False, bounds=bounds)

    def summarise(
        self,
        values: np.ndarray,
        sampled: np.ndarray,
        *,
        centred: bool = True,
        bounds: tuple[float, float] = (-np.inf, np.inf),
    ) -> list[Estimate]:
        """Estimates from values (k,) and their values under each resample, (resamples, k)."""
        draws = len(sampled)
        valid = np.isfinite(sampled).all(axis=1)
        if valid.sum() < draws / 2 or self.n_groups < MIN_GROUPS:
            sampled = np.empty((0, len(values)))  # too few groups for an interval
        else:
            # Draws keep their positions for pairing: an undefined one (a resample of one study) is
            # replaced by the mean of the others.
            sampled = np.where(valid[:, None], sampled, sampled[valid].mean(axis=0))
            if centred:
                sampled = sampled - sampled.mean(axis=0) + values
        estimates = []
        for value, replicates in zip(values, sampled.T, strict=True):
            low, high = (float(np.clip(v, *bounds)) for v in interval(replicates, level=self.level))
            estimates.append(Estimate(float(value), low, high, self.n, self.n_groups, draws, replicates))
        return estimates


def subset_bootstrap(bootstrap: GroupBootstrap, chosen: np.ndarray, n: int) -> GroupBootstrap:
    """The bootstrap over the groups of some of n studies. ValueError unless `bootstrap` is over n studies."""
    if bootstrap.n != n:
        raise ValueError(f"Expected a bootstrap over {n} studies, got one over {bootstrap.n}.")
    if len(chosen) == n:
        return bootstrap
    return GroupBootstrap(
        bootstrap.codes[chosen], resamples=bootstrap.resamples, seed=bootstrap.seed, level=bootstrap.level
    )


def with_sample_note(estimate: Estimate, size: int, n: int, *, error: float | None = None) -> Estimate:
    """The estimate with a note on its sample and standard error; unchanged if size = n.

    error  standard error from sampling, default that of the replicates
    """
    if size == n or estimate.reason:
        return estimate
    if error is None and len(estimate.replicates):
        error = float(estimate.replicates.std())
    sample = Sample(size, n, error)
    return replace(estimate, note=estimate.note + sample.describe(), sample=sample)
