"""The tie rule of recall and all rank metrics: tied scores count with their expectation over all orders.

Items with equal scores have no order, so every metric here is its exact mean over all orders of the ties,
without sampling: `Ranks.hit` is the expected hit of recall at k. `best` and `worst` give the range over tie
orders.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ranks:
    """The rank of the best right answer of each query, as counts, (n_queries,) each.

    above  items with a strictly higher score; tied  items with the same score, itself included;
    tied_right  right answers among the tied. A query without a right answer: above = all items
    """

    above: np.ndarray
    tied: np.ndarray
    tied_right: np.ndarray

    def best(self) -> np.ndarray:
        """Rank if ties are resolved in its favour ("optimistic")."""
        return self.above + 1

    def worst(self) -> np.ndarray:
        """Rank if ties are resolved against it ("pessimistic")."""
        return self.above + 1 + self.tied - self.tied_right

    def expected_rank(self) -> np.ndarray:
        """Mean rank of the first right answer with ties in random order."""
        return self.above + (self.tied + 1) / (self.tied_right + 1)

    def hit(self, k: int) -> np.ndarray:
        """Probability that a right answer is among the first k: 1 - C(e-r, s) / C(e, s)."""
        hits = (self.above < k).astype(np.float64)
        open_ = np.flatnonzero((self.best() <= k) & (self.worst() > k))
        above, tied, right = self.above[open_], self.tied[open_], self.tied_right[open_]
        slots = k - above
        hits[open_] = 1 - np.exp(_log_choose(tied - right, slots) - _log_choose(tied, slots))
        return np.where(self.tied_right > 0, hits, 0.0)

    def expected_reciprocal(self) -> np.ndarray:
        """Mean of 1 / rank of the first right answer: sum_i C(e-i, r-1) / C(e, r) / (above + i)."""
        values = np.where(self.tied_right > 0, 1 / self.best(), 0.0)
        open_ = np.flatnonzero((self.worst() > self.best()) & (self.tied_right > 0))
        cases = np.stack([self.above[open_], self.tied[open_], self.tied_right[open_]], axis=1)
        cases, which = np.unique(cases, axis=0, return_inverse=True)
        values[open_] = np.array([_reciprocal(*case) for case in cases.tolist()])[which.ravel()]
        return values


def _reciprocal(above: int, tied: int, right: int) -> float:
    place = np.arange(1, tied - right + 2)
    log_share = _log_choose(tied - place, right - 1) - _log_choose(np.array(tied), np.array(right))
    return float((np.exp(log_share) / (above + place)).sum())


def _log_choose(n: np.ndarray, k: np.ndarray | int) -> np.ndarray:
    from scipy.special import gammaln

    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


@dataclass(frozen=True)
class Positives:
    """The ranks of all right answers of each query. Right answers with one score are one step, (n_steps,)
    each.

    of_query      (n_queries,) which list of steps is the query's; equal queries share one
    steps         which list a step belongs to
    above, tied   items with a strictly higher score, and with the same score
    right         right answers among the tied; right_above  right answers with a higher score
    total         (n_lists,) number of right answers
    """

    of_query: np.ndarray
    steps: np.ndarray
    above: np.ndarray
    tied: np.ndarray
    right: np.ndarray
    right_above: np.ndarray
    total: np.ndarray

    def average_precision(self) -> np.ndarray:
        """Mean precision at the right answers, (n_queries,). Ties: McSherry and Najork 2008, in closed form.

        With h = sum_i 1/(a+i) over the e tied places: r/e [(R+1) h + (r-1)/(e-1) (e - (a+1) h)].
        """
        from scipy.special import digamma

        harmonic = digamma(self.above + self.tied + 1.0) - digamma(self.above + 1.0)
        further = (self.right - 1) / np.maximum(self.tied - 1, 1)
        precision = (self.right_above + 1) * harmonic + further * (self.tied - (self.above + 1) * harmonic)
        return self._sums(self.right / self.tied * precision) / self._of(self.total)

    def ndcg(self, k: int) -> np.ndarray:
        """Gain 1 / log2(rank + 1) of right answers among the first k over the best possible, (n_queries,)."""
        gained = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, k + 2)))])
        start, stop = (np.minimum(places, k) for places in (self.above, self.above + self.tied))
        gain = self.right / self.tied * (gained[stop] - gained[start])
        return self._sums(gain) / self._of(gained[np.minimum(self.total, k)])

    def r_precision(self) -> np.ndarray:
        """Share of right answers among the first R, R = number of right answers, (n_queries,)."""
        slots = np.clip(self.total[self.steps] - self.above, 0, self.tied)
        return self._sums(self.right / self.tied * slots) / self._of(self.total)

    def _sums(self, values: np.ndarray) -> np.ndarray:
        return self._of(np.bincount(self.steps, values, minlength=len(self.total)))

    def _of(self, per_list: np.ndarray) -> np.ndarray:
        return per_list[self.of_query]
