"""Agreement of two partitions of the same rows, and the influence of each study on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ValueAndInfluence = tuple[float, np.ndarray]  # a value, and its influence (n_studies,), mean 0


@dataclass(frozen=True)
class ContingencyTable:
    """Contingency table of two partitions, as shares seen from each row.

    joint   (n_studies, m) share of all rows in the same class of both partitions as each row of a study
    first, second  (n_studies, m) share in the same class of the first and of the second partition
    sizes   counts of rows (a, b) in each pair of classes
    """

    joint: np.ndarray
    first: np.ndarray
    second: np.ndarray
    sizes: np.ndarray

    def v_measure(self) -> ValueAndInfluence:
        """2 I / (H(first) + H(second)), 0..1; also NMI, and 1 if both have a single class."""
        (i, of_i), (h, of_h), (k, of_k) = self._information()
        if h + k == 0:
            return 1.0, np.zeros(len(of_i))
        value = 2 * i / (h + k)
        return value, (2 * of_i - value * (of_h + of_k)) / (h + k)

    def homogeneity(self) -> ValueAndInfluence:
        """I / H(first): 1 = each class of the second contains only one class of the first."""
        shared, own, _ = self._information()
        return _information_ratio(shared, own)

    def completeness(self) -> ValueAndInfluence:
        """I / H(second): 1 = each class of the first is within one class of the second."""
        shared, _, own = self._information()
        return _information_ratio(shared, own)

    def adjusted_rand(self) -> ValueAndInfluence:
        """(S - E) / ((A + B) / 2 - E) over pairs of rows, S together in both, A and B in one, E = A B by
        chance; 1 if there is only one class."""
        s, a, b = (
            _share_of_pairs_together(c) for c in (self.sizes, self.sizes.sum(axis=1), self.sizes.sum(axis=0))
        )
        top, bottom = s - a * b, (a + b) / 2 - a * b
        if bottom == 0:
            return 1.0, np.zeros(len(self.joint))
        value = top / bottom
        # a study changes a sum of squared shares by twice the share of its class
        of_s, of_a, of_b = (2 * (p.mean(axis=1) - p.mean()) for p in (self.joint, self.first, self.second))
        by_chance = a * of_b + b * of_a
        return value, (of_s - by_chance - value * ((of_a + of_b) / 2 - by_chance)) / bottom

    def _information(self) -> tuple[ValueAndInfluence, ValueAndInfluence, ValueAndInfluence]:
        """Mutual information and the two entropies, in nats."""
        (both, of_both), first, second = (_entropy(p) for p in (self.joint, self.first, self.second))
        shared = max(0.0, first[0] + second[0] - both)
        return (shared, first[1] + second[1] - of_both), first, second


def contingency_table(first: np.ndarray, second: np.ndarray) -> ContingencyTable:
    """The table of two class numberings from 0, (n_studies, m) of int each, m rows per study."""
    sizes = np.zeros((first.max() + 1, second.max() + 1), np.int64)
    np.add.at(sizes, (first, second), 1)
    shares = sizes / first.size
    return ContingencyTable(
        shares[first, second], shares.sum(axis=1)[first], shares.sum(axis=0)[second], sizes
    )


def _entropy(shares: np.ndarray) -> ValueAndInfluence:
    """Mean of -log p over rows: that mean is -sum p log p."""
    surprise = -np.log(shares).mean(axis=1)
    value = float(surprise.mean())
    return value, surprise - value


def _information_ratio(shared: ValueAndInfluence, own: ValueAndInfluence) -> ValueAndInfluence:
    """I / H; 1 if H = 0."""
    if own[0] == 0:
        return 1.0, np.zeros(len(own[1]))
    value = shared[0] / own[0]
    return value, (shared[1] - value * own[1]) / own[0]


def _share_of_pairs_together(counts: np.ndarray) -> float:
    """Share of the pairs of rows that lie in one class."""
    n = counts.sum()
    return float((counts * (counts - 1)).sum() / (n * (n - 1)))
