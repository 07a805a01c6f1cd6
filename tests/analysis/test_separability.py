"""Linear separability: reference values, splits by group, intervals, edge cases."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from suture.analysis.math.arrays import unit_rows
from suture.analysis.mixing.separability import _held_out, _splits, separability
from suture.analysis.statistics.bootstrap import GroupBootstrap
from tests.conftest import beside

PAIRS = ("set_a_pair_n64_d16", "set_b_pair_n257_d32", "set_d_ties_n40_d8", "set_e_rankdef_n20_d32")


def cloud(n: int, dim: int, seed: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, dim))
    x, y = (shared + rng.normal(size=(n, dim)) for _ in range(2))
    return unit_rows(x), unit_rows(y + shift)


@pytest.mark.parametrize("name", PAIRS)
def test_accuracy_agrees_with_reference_values(name: str) -> None:
    """Own accuracies depend on the solver's version: one test row more or less is allowed."""
    path = beside("science", "reference_values")
    expected = json.loads((path / "own_values.json").read_text())[name]
    mean, _ = expected["linear separability, pair-aware 80/20, LogisticRegression C=1, seeds 0-4: mean, list"]
    z = np.load(path / f"{name}.npz")
    found = separability(z["image"], z["text"]).separability_accuracy
    rows = 2 * (len(z["image"]) - int(0.8 * len(z["image"])))
    assert found.value == pytest.approx(mean, abs=1 / rows / 5 + 1e-12)


def test_both_numbers_agree_with_scikit_learn() -> None:
    x, y = cloud(120, 10, 0, shift=0.3)
    accuracy, auc = [], []
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(120)
        train, test = order[:96], order[96:]
        cut = LogisticRegression(C=1.0, max_iter=1000)
        cut.fit(np.concatenate([x[train], y[train]]), np.repeat([0, 1], 96))
        rows, side = np.concatenate([x[test], y[test]]), np.repeat([0, 1], 24)
        accuracy.append(cut.score(rows, side))
        auc.append(roc_auc_score(side, cut.decision_function(rows)))
    found = separability(x, y)
    assert found.separability_accuracy.value == pytest.approx(np.mean(accuracy), abs=1e-9)
    assert found.separability_auc.value == pytest.approx(
        np.mean(auc), abs=1e-3
    )  # order of rows moves the fit
    note = found.separability_accuracy.note
    assert note.startswith(f"; standard error {np.std(accuracy, ddof=1) / 5**0.5:.2g} over 5 splits")
    assert note.endswith(f"; chance 0.5 +- {1.96 * (0.25 / 48) ** 0.5:.2g}")


@given(st.integers(0, 2**32 - 1), st.integers(5, 60))
@settings(max_examples=25, deadline=None)
def test_groups_stay_on_one_side(seed: int, n: int) -> None:
    codes = GroupBootstrap(np.random.default_rng(seed).integers(n // 3 + 1, size=n)).codes
    for train, test in _splits(codes):
        assert not set(codes[train]) & set(codes[test])
        assert sorted([*train, *test]) == list(range(n))
        assert len(set(codes[train])) == int(0.8 * (codes.max() + 1))


def test_a_patient_in_train_and_test_would_give_the_answer_away() -> None:
    """Each patient's own gap is learnt by heart from its copies, unless copies stay together."""
    rng = np.random.default_rng(1)
    base, gaps = rng.normal(size=(30, 60)), 1.5 * rng.normal(size=(30, 60))
    patient = np.repeat(np.arange(30), 10)
    x, y = unit_rows((base - gaps)[patient]), unit_rows((base + gaps)[patient])
    together = separability(x, y, bootstrap=GroupBootstrap(patient, resamples=20)).separability_accuracy
    torn = separability(x, y, bootstrap=GroupBootstrap(np.arange(300), resamples=20)).separability_accuracy
    assert torn.value > 0.95
    assert together.value < 0.7
    assert together.n_groups == 30


def test_clouds_apart_read_one_and_one_cloud_reads_a_half() -> None:
    x, y = cloud(300, 8, 2, shift=5)
    apart = separability(unit_rows(x - 5), y)
    assert apart.separability_accuracy.value == 1
    assert apart.separability_auc.value == 1
    same = separability(*cloud(1000, 8, 3))
    assert same.separability_accuracy.value == pytest.approx(0.5, abs=0.05)
    assert same.separability_auc.low < 0.5 < same.separability_auc.high


def test_values_under_a_half_are_left_as_they_are() -> None:
    """Few studies with equal means: a cut that fits the train studies points the wrong way for the others."""
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(2, 20, 64))
    x, y = unit_rows(x - x.mean(axis=0)), unit_rows(y - y.mean(axis=0))
    assert separability(x, y).separability_auc.value < 0.4


@pytest.mark.parametrize("seed", range(3))
def test_pulls_are_what_a_heavier_study_does(seed: int) -> None:
    """Accuracy and AUC with a study counted a little more, against their pull."""
    rng = np.random.default_rng(seed)
    of_x, of_y = np.round(rng.normal(size=15), 1), np.round(rng.normal(size=15) + 0.7, 1)

    def weighted(w: np.ndarray) -> np.ndarray:
        above = (of_y[None] > of_x[:, None]) + 0.5 * (of_y[None] == of_x[:, None])
        right = ((of_x <= 0) + 1.0 * (of_y > 0)) / 2
        return np.array([w @ right / w.sum(), w @ above @ w / w.sum() ** 2])

    values, pulls = _held_out(of_x, of_y)
    assert values == pytest.approx(weighted(np.ones(15)), abs=1e-12)
    for i in range(15):
        step = np.ones(15)
        step[i] += 1e-6
        slope = (weighted(step) - weighted(np.ones(15))) / 1e-6
        assert slope == pytest.approx(pulls[i] / 15, abs=1e-6)


def test_intervals_follow_the_held_out_studies() -> None:
    """About the spread of the value over fresh studies, and wider for groups that agree."""
    values = [separability(*cloud(100, 6, seed, shift=0.5)).separability_accuracy.value for seed in range(20)]
    x, y = cloud(100, 6, 99, shift=0.5)
    alone = separability(x, y).separability_accuracy
    assert 0.5 < alone.replicates.std() / np.std(values) < 2
    tenfold = [np.repeat(side, 10, axis=0) for side in (x, y)]
    grouped = separability(*tenfold, bootstrap=GroupBootstrap(np.repeat(np.arange(100), 10)))
    naive = separability(*tenfold)
    assert grouped.separability_accuracy.replicates.std() > 2 * naive.separability_accuracy.replicates.std()


def test_many_studies_are_sampled_and_that_is_said() -> None:
    x, y = cloud(500, 6, 5, shift=0.4)
    found = separability(x, y, studies=200)
    assert found.separability_accuracy.n == 200
    assert "; 200 of 500 studies, seeded" in found.separability_auc.note
    again = separability(x, y, studies=200)
    assert again.separability_auc.value == found.separability_auc.value


@pytest.mark.parametrize("n", [1, 4, 5])
def test_few_groups_have_a_reason(n: int) -> None:
    found = separability(*cloud(n, 12, 6)).separability_auc
    assert np.isfinite(found.value) == (n >= 5)
    assert ("needs 5 groups" in found.reason) == (n < 5)


def test_constant_rows_cannot_be_told_apart() -> None:
    x = np.tile(unit_rows(np.ones((1, 4))), (20, 1))
    found = separability(x, x)
    assert found.separability_accuracy.value == 0.5
    assert found.separability_auc.value == 0.5


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one shape, got \(3, 2\) and \(2, 2\)"):
        separability(np.ones((3, 2)), np.ones((2, 2)))
