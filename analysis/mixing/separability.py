"""Linear separability of the modalities: accuracy and AUC of a logistic regression on held-out studies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from suture.analysis.math.arrays import Matrix, take_unit_rows
from suture.analysis.statistics.bootstrap import (
    Estimate,
    GroupBootstrap,
    seeded_sample,
    subset_bootstrap,
    with_sample_note,
)

STUDIES = (
    2000  # sample size; the value depends on n through the fixed penalty, so this keeps large sets comparable
)
SPLITS = 5
TRAIN_SHARE = 0.8  # of the groups
MIN_GROUPS = 5  # at least one group for testing


@dataclass(frozen=True)
class Separability:
    """How well a linear classifier separates x from y on held-out studies; 0.5 = chance, 1 = perfectly.

    separability_accuracy  share of rows classified correctly
    separability_auc       chance that a row of y scores above a row of x, ties half
    """

    separability_accuracy: Estimate
    separability_auc: Estimate


def separability(
    x: Matrix,
    y: Matrix,
    *,
    bootstrap: GroupBootstrap | None = None,
    studies: int = STUDIES,
    seed: int = 0,
) -> Separability:
    """Train a logistic regression to separate the rows of x from those of y, both (n_studies, dim).

    Means over five splits, seeds 0 to 4: 80 % of the groups train, 20 % test, so that both rows of a study
    and all studies of a patient are on the same side. Unit rows, C = 1, L2, lbfgs. Above
    `studies` a seeded sample. Values under 0.5, caused by pairs across the split, are not
    corrected. The interval resamples the held-out studies; the classifier is fixed. Undefined under 5 groups.
    ValueError for other shapes.
    Source: Fahim et al. 2024 (accuracy).
    """
    if np.shape(x) != np.shape(y):
        raise ValueError(f"Paired modalities need one shape, got {np.shape(x)} and {np.shape(y)}.")
    n = len(x)
    chosen = seeded_sample(n, studies, seed)
    draws = subset_bootstrap(bootstrap or GroupBootstrap(np.arange(n)), chosen, n)
    if draws.n_groups < MIN_GROUPS:
        reason = f"needs {MIN_GROUPS} groups of studies to train and test on, there are {draws.n_groups}"
        return Separability(draws.undefined(reason), draws.undefined(reason))
    x, y = (take_unit_rows(z, chosen) for z in (x, y))
    values, influences, tested = [], np.zeros((len(x), 2)), []
    for train, test in _splits(draws.codes):
        of_x, of_y = _scores(x, y, train, test)
        value, influence = _held_out(of_x, of_y)
        values.append(value)
        tested.append(2 * len(test))
        influences[test] += influence * len(x) / len(test) / SPLITS
    accuracy, auc = draws.from_influence(np.mean(values, axis=0), influences, bounds=(0, 1))
    errors, band = np.std(values, axis=0, ddof=1) / np.sqrt(SPLITS), 1.96 * np.sqrt(0.25 / np.mean(tested))
    notes = [f"; standard error {error:.2g} over {SPLITS} splits" for error in errors]
    notes[0] += f"; chance 0.5 +- {band:.2g}"
    return Separability(
        *(
            with_sample_note(replace(estimate, note=note), len(x), n)
            for estimate, note in zip((accuracy, auc), notes, strict=True)
        )
    )


def _splits(codes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(train, test) rows split by group; groups are numbered in the order they appear."""
    _, first, group = np.unique(codes, return_index=True, return_inverse=True)
    place = np.argsort(np.argsort(first))[group]
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(len(first))
        trains = np.zeros(len(first), bool)
        trains[order[: int(TRAIN_SHARE * len(first))]] = True
        yield np.flatnonzero(trains[place]), np.flatnonzero(~trains[place])


def _scores(
    x: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds of being of y, for the test rows of x and of y."""
    from sklearn.linear_model import LogisticRegression

    modality = np.repeat([0, 1], len(train))
    with threadpool_limits(1):  # many short steps: with several threads, 20 times slower
        classifier = LogisticRegression(C=1.0, max_iter=1000).fit(
            np.concatenate([x[train], y[train]]), modality
        )
        return classifier.decision_function(x[test]), classifier.decision_function(y[test])


def _held_out(of_x: np.ndarray, of_y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(accuracy, AUC) and the influence of each test study on them, (n_test, 2)."""
    right = ((of_x <= 0) + (of_y > 0).astype(float)) / 2
    above_x, above_y = 1 - _below(of_y, of_x), _below(of_x, of_y)
    values = np.array([right.mean(), above_x.mean()])
    return values, np.stack([right - values[0], above_x + above_y - 2 * values[1]], axis=1)


def _below(reference: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Share of the reference below each score, ties half."""
    ordered = np.sort(reference)
    places = [np.searchsorted(ordered, scores, side=side) for side in ("left", "right")]
    return (places[0] + places[1]) / (2 * len(ordered))
