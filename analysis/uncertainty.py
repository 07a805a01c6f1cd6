"""Intervals by bootstrap over groups: patients (or cases) are resampled, not studies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

# (b, n_studies) resampling weights -> (b, k): k statistics under each of b resamples.
Statistic = Callable[[np.ndarray], np.ndarray]
MIN_GROUPS = 5  # with fewer, resamples hardly differ and an interval would be a pretence
BLOCK = 4_000_000  # weights held at once
INTERVAL = "95 % percentile bootstrap over groups, centred on the estimate"


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; n studies in n_groups groups, resamples drawn.

    low and high are NaN where there are too few groups for an interval.
    """

    value: float
    low: float
    high: float
    n: int
    n_groups: int
    resamples: int


class GroupBootstrap:
    """Draws groups with replacement; a study weighs as often as its group was drawn.

    groups     (n_studies,) labels; studies of one group are kept together
    resamples  number of draws; level  coverage; seed  makes it repeatable
    """

    def __init__(
        self, groups: np.ndarray, *, resamples: int = 1000, seed: int = 0, level: float = 0.95
    ) -> None:
        _, self.codes = np.unique(np.asarray(groups).astype(str), return_inverse=True)
        self.n = len(self.codes)
        self.n_groups = int(self.codes.max()) + 1
        self.resamples, self.seed, self.level = resamples, seed, level

    def weights(self, resamples: int) -> Iterator[np.ndarray]:
        """Blocks of (b, n_studies) float64 weights, the same for the same seed."""
        if resamples * self.n <= BLOCK:
            yield _drawn(self.codes.tobytes(), self.n_groups, self.seed, resamples)
            return
        rng = np.random.default_rng(self.seed)
        block = max(1, BLOCK // self.n)
        for start in range(0, resamples, block):
            yield _draw(rng, self.codes, self.n_groups, min(block, resamples - start))

    def estimates(
        self,
        statistic: Statistic,
        *,
        resamples: int | None = None,
        centred: bool = True,
        bounds: tuple[float, float] = (-np.inf, np.inf),
    ) -> list[Estimate]:
        """Every column of the statistic with its interval.

        `centred` moves the resampled values so that their mean is the estimate: a resample holds
        fewer distinct studies, which shifts gaps and spectra by a bias that is no uncertainty.
        """
        draws = resamples or self.resamples
        with np.errstate(invalid="ignore", divide="ignore"):  # resamples of one single study
            values = statistic(np.ones((1, self.n)))[0]
            sampled = np.concatenate([statistic(w) for w in self.weights(draws)])
        sampled = sampled[np.isfinite(sampled).all(axis=1)]
        if len(sampled) < draws / 2 or self.n_groups < MIN_GROUPS:
            sampled = np.full((1, len(values)), np.nan)  # too few groups to say anything
        if centred:
            sampled = sampled - sampled.mean(axis=0) + values
        tail = (1 - self.level) / 2
        low, high = np.clip(np.quantile(sampled, [tail, 1 - tail], axis=0), *bounds)
        return [
            Estimate(float(v), float(a), float(b), self.n, self.n_groups, draws)
            for v, a, b in zip(values, low, high, strict=True)
        ]


@lru_cache(maxsize=2)
def _drawn(codes: bytes, n_groups: int, seed: int, resamples: int) -> np.ndarray:
    """The same draws serve every metric of the same studies."""
    return _draw(np.random.default_rng(seed), np.frombuffer(codes, np.intp), n_groups, resamples)


def _draw(rng: np.random.Generator, codes: np.ndarray, n_groups: int, size: int) -> np.ndarray:
    shares = np.full(n_groups, 1 / n_groups)
    weights = rng.multinomial(n_groups, shares, size)[:, codes].astype(np.float64)
    weights.setflags(write=False)
    return weights
