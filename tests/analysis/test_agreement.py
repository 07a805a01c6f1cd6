"""Similarity of two spaces: reference values, slow implementations, invariances, intervals, edge cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import procrustes
from scipy.stats import spearmanr

from suture.analysis.math.arrays import unit_rows
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap
from suture.analysis.structure.agreement import SpaceAgreement, neighbourhood_overlap, space_agreement
from tests.analysis.planted import once, pair, rotation
from tests.analysis.test_mixing import spread_ratios
from tests.analysis.test_reference_values import PAIRS, arrays, values

NAMES = tuple(SpaceAgreement.__dataclass_fields__)


def describe(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    return {name: e.value for name, e in vars(space_agreement(x, y, bootstrap=once(len(x)))).items()}


@pytest.mark.parametrize("name", PAIRS)
def test_agreement_of_reference_sets(name: str) -> None:
    expected, z = values(name), arrays(name)
    found = describe(z["image"], z["text"])
    assert found["cka"] == pytest.approx(expected["linear CKA image/text"], abs=1e-12)
    disparity = expected["Procrustes disparity (scipy convention)"]
    assert found["procrustes_disparity"] == pytest.approx(disparity, abs=1e-12)
    assert found["mutual_knn_at_10"] == pytest.approx(
        expected["mutual k-NN overlap image/text k=10"], abs=1e-12
    )
    # where captions repeat, rounding decided in the reference which of their equal cosines is larger
    rsa = 2e-4 if name.startswith("set_d") else 1e-12
    assert found["rsa"] == pytest.approx(expected["RSA Spearman of pairwise cosines"], abs=rsa)


def hsic(k: np.ndarray, m: np.ndarray) -> float:
    """Song et al. 2012, equation 5, over n x n kernels."""
    n, k, m = len(k), k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    ends = k.sum() * m.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (k @ m).sum()
    return (np.trace(k @ m) + ends) / (n * (n - 3))


@pytest.mark.parametrize(("n", "dim"), [(4, 3), (30, 8), (12, 40)])
def test_debiased_cka_is_the_published_one_over_whole_kernels(n: int, dim: int) -> None:
    x, y = pair(n, dim, 0)
    k, m = x @ x.T, y @ y.T
    expected = hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))
    assert describe(x, y)["cka_debiased"] == pytest.approx(expected, abs=1e-9)


def test_disparity_and_rank_correlation_are_scipys() -> None:
    x, y = pair(80, 6, 1)
    texts = y[np.random.default_rng(0).integers(20, size=80)]
    assert describe(x, y)["procrustes_disparity"] == pytest.approx(procrustes(x, y)[2], abs=1e-12)
    upper = np.triu_indices(80, 1)
    for z in (y, texts):
        a, b = ((rows @ rows.T)[upper].round(12) for rows in (x, z))
        assert describe(x, z)["rsa"] == pytest.approx(spearmanr(a, b)[0], abs=1e-12)


@given(st.integers(0, 10**6), st.integers(12, 40), st.integers(2, 50))
@settings(max_examples=15, deadline=None)
def test_turns_dimensions_and_the_order_of_studies_do_not_matter(seed: int, n: int, dim: int) -> None:
    x, y = pair(n, dim, seed)
    before = describe(x, y)
    order = np.random.default_rng(seed).permutation(n)
    wider = np.pad(y @ rotation(dim, seed), ((0, 0), (0, 3)))
    assert describe(x[order], wider[order]) == pytest.approx(before, abs=1e-8)
    assert describe(y, x) == pytest.approx(before, abs=1e-8), "both ways alike"


@given(st.integers(0, 10**6), st.integers(12, 40), st.integers(2, 30))
@settings(max_examples=15, deadline=None)
def test_a_space_agrees_with_itself_and_stays_within_bounds(seed: int, n: int, dim: int) -> None:
    x, y = pair(n, dim, seed)
    itself, other = describe(x, x), describe(x, y)
    best = {"cka": 1, "cka_debiased": 1, "procrustes_disparity": 0, "mutual_knn_at_10": 1, "rsa": 1}
    for name, value in itself.items():
        assert value == pytest.approx(best[name], abs=1e-9) or np.isnan(value), name
    for name in ("cka", "procrustes_disparity", "mutual_knn_at_10"):
        assert 0 <= other[name] <= 1, name
    assert abs(other["rsa"]) <= 1


def test_of_spaces_that_share_nothing_only_the_debiased_number_says_so() -> None:
    rng = np.random.default_rng(0)
    found = [describe(*(unit_rows(z) for z in rng.normal(size=(2, 60, 200)))) for _ in range(10)]
    means = {name: np.mean([f[name] for f in found]) for name in NAMES}
    assert means["cka"] > 0.7
    assert means["cka_debiased"] == pytest.approx(0, abs=0.01)
    assert min(f["cka_debiased"] for f in found) < 0, "printed as it is"
    assert means["mutual_knn_at_10"] == pytest.approx(10 / 59, abs=0.02)
    assert means["rsa"] == pytest.approx(0, abs=0.02)
    note = space_agreement(*(unit_rows(z) for z in rng.normal(size=(2, 60, 200)))).cka.note
    assert note == "; 60 studies for 200 dimensions: biased upward, use the debiased CKA"
    assert space_agreement(*pair(60, 6, 0)).cka.note == ""


def by_sorting(z: np.ndarray, k: int) -> list[set[int]]:
    cosines = (z @ z.T).round(12)
    np.fill_diagonal(cosines, -9)
    return [set(row) for row in np.argsort(-cosines, axis=1, kind="stable")[:, :k].tolist()]


@pytest.mark.parametrize("k", [1, 5, 10])
def test_neighbours_are_those_of_sorting_equal_rows_by_their_order(k: int) -> None:
    x, y = pair(60, 5, 2)
    y = y[np.random.default_rng(0).integers(20, size=60)]  # texts that several studies share
    found = neighbourhood_overlap(x, y, k=k)
    slow = [len(a & b) / k for a, b in zip(by_sorting(x, k), by_sorting(y, k), strict=True)]
    np.testing.assert_allclose(found.shares, slow)
    np.testing.assert_array_equal(found.rows, np.arange(60))


def test_a_sample_asks_fewer_among_all() -> None:
    x, y = pair(200, 8, 3)
    whole, some = neighbourhood_overlap(x, y), neighbourhood_overlap(x, y, limit=50, seed=4)
    assert len(some.rows) == 50
    assert (np.diff(some.rows) > 0).all()
    np.testing.assert_array_equal(some.shares, whole.shares[some.rows])


def test_many_studies_are_ranked_by_a_sample_and_that_is_said() -> None:
    x, y = pair(1700, 4, 4)
    found = space_agreement(x, y, bootstrap=GroupBootstrap(np.arange(1700), resamples=200)).rsa
    assert found.n == 1500
    assert "; 1,500 of 1,700 studies, seeded, standard error" in found.note
    upper = np.triu_indices(1700, 1)
    whole = spearmanr((x @ x.T)[upper], (y @ y.T)[upper])[0]
    assert found.low < whole < found.high


def test_intervals_are_as_wide_as_new_samples_differ() -> None:
    fresh = [describe(*_drawn(seed)) for seed in range(60)]
    one = space_agreement(*_drawn(99), bootstrap=GroupBootstrap(np.arange(150), resamples=300))
    for name, estimate in vars(one).items():
        ratio = estimate.replicates.std() / np.std([f[name] for f in fresh])
        assert 0.6 < ratio < 1.6, (name, ratio)
        assert estimate.low < estimate.value < estimate.high


def test_shared_neighbours_have_intervals_of_studies_that_ask_and_are_found() -> None:
    """A graph held fixed reads 0.6 to 0.7 here."""

    def measure(vectors: list[np.ndarray], _: np.ndarray, draws: GroupBootstrap) -> dict[str, Estimate]:
        return {"mutual_knn_at_10": space_agreement(*vectors, bootstrap=draws).mutual_knn_at_10}

    (ratios,) = spread_ratios(measure, n=150).values()
    assert all(0.75 < ratio < 1.5 for ratio in ratios), ratios


def _drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(150, 6)) * np.array([2, 2, 1, 1, 0.5, 0.5])
    x, y = (shared + 0.7 * rng.normal(size=(150, 6)) for _ in range(2))
    return unit_rows(x), unit_rows(y + 1)


def test_intervals_are_over_patients() -> None:
    patient = np.repeat(np.arange(30), 8)
    rng = np.random.default_rng(5)
    base, noise = rng.normal(size=(2, 30, 6)), 0.05 * rng.normal(size=(2, 240, 6))
    x, y = (unit_rows(b[patient] + e) for b, e in zip(base + base[0], noise, strict=True))
    by_patient = space_agreement(x, y, bootstrap=GroupBootstrap(patient, resamples=300))
    by_study = space_agreement(x, y, bootstrap=GroupBootstrap(np.arange(240), resamples=300))
    for name in ("cka", "cka_debiased", "procrustes_disparity", "rsa"):
        wide, narrow = (getattr(a, name).replicates.std() for a in (by_patient, by_study))
        assert wide > 1.8 * narrow, name


@pytest.mark.parametrize(("n", "defined"), [(1, 0), (2, 2), (3, 3), (4, 4), (10, 4), (11, 5)])
def test_few_studies_have_reasons(n: int, defined: int) -> None:
    found = vars(space_agreement(*pair(n, 5, 6)))
    assert sum(np.isfinite(e.value) for e in found.values()) == defined
    assert all(bool(e.reason) == np.isnan(e.value) for e in found.values())


def test_a_collapsed_space_has_a_reason() -> None:
    point = np.tile(unit_rows(np.ones((1, 5))), (20, 1))
    found = vars(space_agreement(pair(20, 5, 7)[0], point))
    assert {e.reason for e in found.values()} == {"all rows of a space are equal"}


def test_other_studies_are_refused() -> None:
    with pytest.raises(ValueError, match="the same studies, got 3 and 2 rows"):
        space_agreement(np.eye(3), np.eye(3)[:2])
    with pytest.raises(ValueError, match="more than 10, got 3 and 3"):
        neighbourhood_overlap(np.eye(3), np.eye(3))
