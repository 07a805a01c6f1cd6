"""Mixing in the joint graph: reference values, slow implementations, planted structure, edge cases."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from sklearn.metrics import silhouette_samples

from suture.analysis.catalogue import CATALOGUE
from suture.analysis.catalogue.mixing import METRICS
from suture.analysis.math.arrays import unit_rows
from suture.analysis.mixing import (
    JointGraph,
    extended_mixing,
    joint_neighbours,
    mixing,
    mixing_by_label,
    modality_silhouette,
    same_to_other,
)
from suture.analysis.mixing.influence import boundary_places, mean_and_influence, without_double_counting
from suture.analysis.mixing.kbet import kbet_neighbours, rejections
from suture.analysis.mixing.lisi import lisi
from suture.analysis.mixing.measures import other_shares
from suture.analysis.mixing.separability import Separability
from suture.analysis.mixing.silhouette import mean_silhouette
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap
from tests.conftest import beside

PAIRS = ("set_a_pair_n64_d16", "set_b_pair_n257_d32", "set_d_ties_n40_d8", "set_e_rankdef_n20_d32")
sizes = st.tuples(st.integers(8, 40), st.integers(2, 12), st.integers(0, 2**32 - 1))


def values(name: str) -> dict:
    return json.loads(beside("science", "reference_values", "own_values.json").read_text())[name]


def pair(name: str) -> list[np.ndarray]:
    arrays = np.load(beside("science", "reference_values", f"{name}.npz"))
    return [arrays["image"], arrays["text"]]


def cloud(n: int, dim: int, seed: int, n_modalities: int = 2) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, dim))
    return [unit_rows(shared + rng.normal(size=(n, dim)) + rng.normal(size=dim)) for _ in range(n_modalities)]


def few(n: int) -> GroupBootstrap:
    return GroupBootstrap(np.arange(n), resamples=20)


def numbers(vectors: list[np.ndarray]) -> dict[str, float]:
    graph, draws = joint_neighbours(vectors), few(len(vectors[0]))
    found = {**vars(mixing(graph, bootstrap=draws)), **vars(extended_mixing(graph, bootstrap=draws))}
    found["silhouette"] = modality_silhouette(vectors, bootstrap=draws)
    return {name: e.value for name, e in found.items()}


@pytest.mark.parametrize("name", PAIRS)
def test_shares_agree_with_reference_values(name: str) -> None:
    expected, vectors = values(name), pair(name)
    n, graph = len(vectors[0]), joint_neighbours(vectors)
    found = numbers(vectors)
    for k in (1, 5, 10):
        share, chance = expected[f"mixing rate k={k} (raw; chance n/(2n-1))"]
        assert other_shares(graph, k).mean() == pytest.approx(share, abs=1e-12)
        assert found[f"mixing_at_{k}"] == pytest.approx(share / chance, abs=1e-12)
    for k in (5, 10):
        share = expected[f"mixing rate k={k} without own partner"]
        assert other_shares(graph, k, without_partner=True).mean() == pytest.approx(share, abs=1e-12)
        assert found[f"mixing_at_{k}_without_partner"] == pytest.approx(share / 0.5, abs=1e-12)
    assert found["mixing_at_30"] > 0
    ratios = [e.value for e in same_to_other(graph, bootstrap=few(n))]
    assert ratios == pytest.approx(expected["ITR, TIR (same/other nearest-neighbour counts)"], abs=1e-12)


@pytest.mark.parametrize("name", PAIRS)
def test_lisi_kbet_and_silhouette_agree_with_reference_values(name: str) -> None:
    expected, vectors = values(name), pair(name)
    graph, found = joint_neighbours(vectors), numbers(vectors)
    key = next(key for key in expected if key.startswith(f"iLISI k={graph.k} perplexity={graph.k // 3}"))
    of_rows = lisi(graph.distances, graph.modality[graph.rows], 2, graph.k // 3).values
    # distances of near rows come from a difference there, from a cosine in the reference
    measured = [np.median(of_rows), of_rows.mean(), found["ilisi"]]
    assert measured == pytest.approx(expected[key], abs=1e-8)
    k = kbet_neighbours(graph.sizes)
    assert found["kbet_rejection"] == pytest.approx(
        expected[f"kBET rejection rate k={k}, alpha 0.05"], abs=1e-12
    )
    assert found["kbet_acceptance"] == pytest.approx(1 - found["kbet_rejection"], abs=1e-12)
    silhouette = expected["silhouette by modality (cosine)"]
    assert found["silhouette"] == pytest.approx(silhouette, abs=1e-12)


def test_shuffled_texts_leave_the_shares_as_the_reference_says() -> None:
    x, y = pair("set_b_pair_n257_d32")
    key = "mixing rate k=10 (raw; chance n/(2n-1))"
    (_, (share, chance)) = values("set_b|permuted text (default_rng(1).permutation)")[key]
    order = np.random.default_rng(1).permutation(len(y))
    assert numbers([x, y[order]])["mixing_at_10"] == pytest.approx(share / chance, abs=1e-12)


def slow_rows(vectors: list[np.ndarray], k: int) -> np.ndarray:
    pooled = unit_rows(np.concatenate(vectors))
    found = []
    for own, row in enumerate(pooled):
        distances = np.linalg.norm(pooled - row, axis=1)
        order = np.lexsort((np.arange(len(pooled)), distances))
        found.append([i for i in order if i != own][:k])
    return np.array(found)


@pytest.mark.parametrize("seed", range(3))
def test_neighbours_are_those_of_the_slow_version_ties_included(seed: int) -> None:
    """Texts repeat, and equal rows of both modalities stand in row order."""
    rng = np.random.default_rng(seed)
    x, y = cloud(60, 6, seed)
    y = y[rng.integers(9, size=60)]
    x[:5] = y[:5]
    graph = joint_neighbours([x, y], k=20)
    assert graph.rows.tolist() == slow_rows([x, y], 20).tolist()
    pooled = np.concatenate([x, y])
    exact = np.linalg.norm(pooled[graph.rows] - pooled[:, None], axis=2)
    np.testing.assert_allclose(graph.distances, exact, atol=1e-12)


def test_near_copies_in_float32_are_told_apart() -> None:
    """Cosines that float32 cannot tell: the order is by exact distance all the same."""
    rng = np.random.default_rng(0)
    base = unit_rows(rng.normal(size=(1, 64)))
    x, y = (unit_rows(base + 1e-4 * rng.normal(size=(12, 64))) for _ in range(2))
    assert joint_neighbours([x, y], k=5).rows.tolist() == slow_rows([x, y], 5).tolist()


@pytest.mark.parametrize(("spread", "apart"), [(1e-4, 2e-4), (1e-4, 0.5), (1e-6, 2e-6)])
def test_a_collapsed_space_is_still_told_apart(spread: float, apart: float) -> None:
    """Two clouds in one narrow cone, of more rows than float32 cosines can order: they do not mix."""
    rng = np.random.default_rng(0)
    centre, offset = unit_rows(rng.normal(size=(2, 64)))
    noise = spread / 8 * rng.normal(size=(2, 300, 64))
    vectors = [unit_rows(centre + side * offset + e) for side, e in zip((0, apart), noise, strict=True)]
    graph = joint_neighbours(vectors, k=20)
    assert not graph.other.any(), f"{graph.other.mean():.2f} of the neighbours are of the other cloud"
    assert graph.rows.tolist() == slow_rows(vectors, 20).tolist()


def test_length_and_float32_change_no_neighbour() -> None:
    x, y = cloud(50, 16, 21)
    exact, rough = (
        joint_neighbours([x, y]),
        joint_neighbours([3 * x.astype(np.float32), y.astype(np.float32)]),
    )
    assert rough.rows.tolist() == exact.rows.tolist()
    np.testing.assert_allclose(rough.distances, exact.distances, atol=1e-6)


def test_a_sample_of_studies_finds_the_neighbours_that_all_studies_find() -> None:
    vectors = cloud(300, 10, 1, n_modalities=3)
    whole = joint_neighbours(vectors, k=12)
    part = joint_neighbours(vectors, k=12, limit=400, queries=150, seed=4)
    assert len(part.query_studies) == 50
    assert part.queries.tolist() == [s + m * 300 for m in range(3) for s in part.query_studies]
    assert part.rows.tolist() == whole.rows[part.queries].tolist()
    assert (
        part.query_studies.tolist()
        == joint_neighbours(vectors, k=3, limit=400, queries=150, seed=4).query_studies.tolist()
    )


def test_a_sampled_number_says_so_and_its_interval_holds_the_whole() -> None:
    vectors = cloud(1500, 12, 2)
    draws = GroupBootstrap(np.arange(1500) // 2, resamples=300)
    whole = mixing(joint_neighbours(vectors), bootstrap=draws)
    part = mixing(joint_neighbours(vectors, limit=1000, queries=1000), bootstrap=draws)
    for name, estimate in vars(part).items():
        assert estimate.n == 500, name
        assert (
            f"; 500 of 1,500 studies, seeded, standard error {estimate.replicates.std():.2g}" == estimate.note
        )
        assert getattr(whole, name).note == ""
        assert abs(estimate.value - getattr(whole, name).value) < 4 * estimate.replicates.std(), name


def test_samples_of_two_checkpoints_stay_paired() -> None:
    """The same studies are asked, and the same draws resample them."""
    a, b = cloud(600, 12, 3), cloud(600, 12, 3)
    b[1] = unit_rows(b[1] + 0.05 * np.random.default_rng(5).normal(size=b[1].shape))
    draws = GroupBootstrap(np.arange(600), resamples=200)
    first, second = (
        mixing(joint_neighbours(v, limit=600, queries=300), bootstrap=draws).mixing_at_10_without_partner
        for v in (a, b)
    )
    apart = np.sqrt(first.replicates.var() + second.replicates.var())
    assert (first.replicates - second.replicates).std() < 0.7 * apart


@given(sizes)
@settings(max_examples=15, deadline=None)
def test_a_joint_rotation_changes_nothing(size: tuple[int, int, int]) -> None:
    vectors = cloud(*size)
    turn = np.linalg.qr(np.random.default_rng(size[2]).normal(size=(size[1], size[1])))[0]
    assert numbers([v @ turn for v in vectors]) == pytest.approx(numbers(vectors), abs=1e-6, nan_ok=True)


@given(sizes)
@settings(max_examples=15, deadline=None)
def test_only_numbers_without_partner_know_the_pairs(size: tuple[int, int, int]) -> None:
    x, y = cloud(*size)
    before, after = numbers([x, y]), numbers([x, np.roll(y, 1, axis=0)])
    for name in before:
        if "without" not in name:
            assert after[name] == pytest.approx(before[name], abs=1e-9, nan_ok=True), name


def test_one_bag_reads_one_and_two_bags_read_zero() -> None:
    rng = np.random.default_rng(6)
    x, y, z = (unit_rows(rng.normal(size=(700, 8))) for _ in range(3))
    mixed = numbers([x, y, z])
    for name in ("mixing_at_5", "mixing_at_10", "mixing_at_30", "mixing_at_10_without_partner"):
        assert mixed[name] == pytest.approx(1, abs=0.03), name
    assert mixed["ilisi"] > 0.8  # 30 neighbours of three n_modalities are never quite even
    assert mixed["kbet_rejection"] == pytest.approx(0.05, abs=0.03)
    assert abs(mixed["silhouette"]) < 0.01
    far = 20 * np.eye(8)[0]
    apart = numbers([unit_rows(x + far), unit_rows(y - far)])
    for name in ("mixing_at_1", "mixing_at_30", "mixing_at_10_without_partner", "ilisi", "kbet_acceptance"):
        assert apart[name] == pytest.approx(0, abs=1e-12), name
    assert apart["silhouette"] > 0.9


def test_the_partner_alone_is_left_out() -> None:
    """Partners coincide, and everybody else near is of the own kind."""
    rng = np.random.default_rng(7)
    x = unit_rows(rng.normal(size=(200, 4)))
    found = numbers([x, x])
    assert found["mixing_at_1"] == pytest.approx(1 / (200 / 399))
    assert np.isnan(found["mixing_at_1_without_partner"])
    # 9 rows left, in couples of both n_modalities; the tenth place cuts one couple: the own kind, first in
    # row order
    assert 0.9 < found["mixing_at_10_without_partner"] < 1.1


def test_unequal_modalities_weigh_alike() -> None:
    rng = np.random.default_rng(8)
    x, y = unit_rows(rng.normal(size=(900, 6))), unit_rows(rng.normal(size=(60, 6)))
    graph = joint_neighbours([x, y], studies=[np.arange(900), np.arange(60) * 15])
    found = mixing(graph, bootstrap=few(900)).mixing_at_10_without_partner.value
    shares = other_shares(graph, 10, without_partner=True)
    partner = np.isin(np.arange(900), np.arange(60) * 15)
    chance = (np.where(partner, 59 / 958, 60 / 959).mean() + 899 / 958) / 2
    assert found == pytest.approx((shares[:900].mean() + shares[900:].mean()) / 2 / chance, abs=1e-12)
    assert found == pytest.approx(1, abs=0.03)
    assert rejections(graph, 70).mean() < 0.1
    assert graph.partner.sum() == sum(
        graph.study[j] == graph.study[i] for i, row in enumerate(graph.rows) for j in row
    )


def test_the_median_of_a_resample_is_that_of_its_rows_moved_by_their_lists() -> None:
    vectors = cloud(40, 6, 9)
    graph, draws = joint_neighbours(vectors, k=12), GroupBootstrap(np.arange(40), resamples=50)
    found = lisi(graph.distances, graph.modality[graph.rows], 2, 4)
    values = found.values - 1
    typical = np.where(np.abs(np.argsort(np.argsort(values)) - 39.5) < 20, 0.0, np.nan)
    _, pull = mean_and_influence(graph, typical, found.sensitivities(), by_modality=False)
    weights = draws.counts[:, draws.codes]
    drawn = [np.median(np.repeat(values.reshape(2, 40), w, axis=1)) + w @ pull / 40 for w in weights]
    estimate = mixing(graph, bootstrap=draws).ilisi
    assert estimate.value == pytest.approx(np.median(values), abs=1e-12)
    assert estimate.replicates == pytest.approx(np.array(drawn) - np.mean(drawn) + estimate.value, abs=1e-12)


def slow_lisi(distances: np.ndarray, modality: np.ndarray, weights: np.ndarray, perplexity: int) -> float:
    """Of one row, whose neighbours each stand there `weights` times."""

    def shares(beta: float) -> np.ndarray:
        p = np.exp(-beta * (distances - distances[0]))
        return p / (weights @ p)

    def excess(beta: float) -> float:
        return -weights @ (shares(beta) * np.log(shares(beta))) - np.log(perplexity)

    p = weights * shares(brentq(excess, 1e-6, 200, xtol=1e-14, rtol=1e-14))
    return 1 / sum(p[modality == kind].sum() ** 2 for kind in np.unique(modality))


@pytest.mark.parametrize("n_modalities", [2, 3])
def test_lisi_is_pulled_as_by_a_neighbour_that_weighs_a_little_more(n_modalities: int) -> None:
    graph = joint_neighbours(cloud(40, 6, 23, n_modalities=n_modalities), k=30)
    near = graph.modality[graph.rows]
    found = lisi(graph.distances, near, n_modalities, 10)
    step = 1e-5
    for row in (0, 17, 55):
        moved = [
            slow_lisi(graph.distances[row], near[row], 1 + side * step * np.eye(30)[i], 10)
            for i in range(30)
            for side in (1, -1)
        ]
        slope = (np.array(moved[::2]) - moved[1::2]) / (2 * step)
        assert found.values[row] == pytest.approx(np.mean(moved), abs=1e-6)
        assert found.sensitivities()[row] == pytest.approx(
            slope - slope[boundary_places(30, 30)].mean(), abs=1e-5
        )


@pytest.mark.parametrize("without_partner", [False, True])
@pytest.mark.seconds
def test_a_study_pulls_as_its_leaving_changes_the_number(without_partner: bool) -> None:
    """The graph built anew without each study in turn, against the influence from the one graph."""
    n, vectors = 120, cloud(120, 4, 24)
    name = "mixing_at_30_without_partner" if without_partner else "mixing_at_30"
    draws = GroupBootstrap(np.arange(n), resamples=2000)
    whole = getattr(extended_mixing(joint_neighbours(vectors), bootstrap=draws), name)
    left = []
    for j in range(n):
        graph = joint_neighbours([np.delete(v, j, axis=0) for v in vectors])
        left.append(getattr(extended_mixing(graph, bootstrap=few(n - 1)), name).value)
    weights = draws.counts[:, draws.codes].astype(float)
    pulled_by = (n - 1) * (np.mean(left) - np.array(left))
    jackknife = weights @ pulled_by / n
    assert np.corrcoef(jackknife, whole.replicates)[0, 1] > 0.85
    assert 0.75 < whole.replicates.std() / jackknife.std() < 1.1


def test_what_two_studies_do_to_each_other_counts_once() -> None:
    """Influence of nothing but pairs: each pair is in it twice, and in the number once."""
    rng = np.random.default_rng(25)
    n, sensitivities = 300, rng.normal(size=(300, 300))
    query_rows, found = (side.ravel() for side in np.indices((n, n)))
    np.fill_diagonal(sensitivities, 0)
    both = sensitivities + sensitivities.T
    once = without_double_counting(both.sum(axis=1), query_rows, found, sensitivities.ravel())
    assert np.square(both.sum(axis=1)).sum() == pytest.approx(np.square(both).sum(), rel=0.15)
    assert once @ once == pytest.approx(np.square(both).sum() / 2, rel=0.15)
    alone = rng.normal(size=n)
    np.testing.assert_array_equal(without_double_counting(alone, query_rows, found, np.zeros(n * n)), alone)
    np.testing.assert_array_equal(
        without_double_counting(0 * alone, query_rows, found, np.zeros(n * n)), 0 * alone
    )


Measure = Callable[[list[np.ndarray], np.ndarray, GroupBootstrap], dict[str, Estimate]]


def spread_ratios(measure: Measure, *, n: int, trials: int = 40) -> dict[str, tuple[float, float]]:
    """Estimated over true standard deviation, of a number and of its difference between exchangeable sets.

    Studies are drawn afresh each time; two sets embed the same ones with noise of their own.
    """
    rng = np.random.default_rng(26)
    centres, offset = 0.9 * rng.normal(size=(3, 12)), 0.15 * rng.normal(size=12)
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    for _ in range(trials):
        labels, draws = rng.integers(3, size=n), GroupBootstrap(np.arange(n), resamples=200)
        shared = centres[labels] + 0.9 * rng.normal(size=(n, 12))
        a, b = (
            measure(
                [unit_rows(shared + 0.6 * rng.normal(size=(n, 12)) + s * offset) for s in (1, -1)],
                labels,
                draws,
            )
            for _ in range(2)
        )
        for name, one in a.items():
            apart = b[name].replicates - one.replicates
            row = one.value, one.replicates.std(), b[name].value - one.value, apart.std()
            found.setdefault(name, []).append(row)
    columns = {name: np.array(rows).T for name, rows in found.items()}
    return {k: (se.mean() / v.std(), apart.mean() / d.std()) for k, (v, se, d, apart) in columns.items()}


SAMPLED = pytest.param(300, {"limit": 100, "queries": 200}, marks=pytest.mark.slow)  # 120 samples drawn anew


@pytest.mark.parametrize(("n", "options"), [(150, {}), SAMPLED])
@pytest.mark.seconds
def test_intervals_are_as_wide_as_new_studies_make_the_numbers_differ(n: int, options: dict) -> None:
    """A graph held fixed reads 0.55 to 0.8 here, clouds held fixed 0.5."""

    def measure(vectors: list[np.ndarray], labels: np.ndarray, draws: GroupBootstrap) -> dict[str, Estimate]:
        graph = joint_neighbours(vectors, **options)
        found = vars(mixing(graph, bootstrap=draws)) | vars(extended_mixing(graph, bootstrap=draws))
        if not options:
            by_label = vars(mixing_by_label(vectors, labels.astype(str), bootstrap=draws))
            silhouette = modality_silhouette(vectors, bootstrap=draws)
            found |= {k: by_label[k] for k in ("kbet_by_label", "batch_asw")} | {"silhouette": silhouette}
        return found

    ratios = spread_ratios(measure, n=n)
    assert all(0.75 < r < 1.5 for pair in ratios.values() for r in pair), ratios


def test_copies_of_studies_in_one_group_are_no_more_evidence() -> None:
    vectors = cloud(200, 8, 10)
    graph = joint_neighbours(vectors)
    alone = mixing(graph, bootstrap=GroupBootstrap(np.arange(200), resamples=300)).ilisi
    groups = np.argsort(np.argsort(other_shares(graph, 30).reshape(2, 200).mean(axis=0))) // 20
    grouped = mixing(graph, bootstrap=GroupBootstrap(groups, resamples=300)).ilisi
    assert grouped.n_groups == 10
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


@pytest.mark.parametrize("n", [1, 2, 4, 6])
def test_few_studies_have_reasons_instead_of_numbers(n: int) -> None:
    vectors = cloud(n, 12, 11)
    graph = joint_neighbours(vectors)
    assert graph.k == 2 * n - 1
    found = {**vars(mixing(graph)), **vars(extended_mixing(graph))}
    for k in (1, 5, 10, 30):
        estimate = found[f"mixing_at_{k}"]
        assert np.isfinite(estimate.value) == (k <= 2 * n - 1)
        assert (f"needs {k} other rows" in estimate.reason) == (k > 2 * n - 1)
    assert np.isfinite(found["ilisi"].value) == (n >= 4)
    assert ("needs 2 studies" in modality_silhouette(vectors).reason) == (n == 1)


def test_constant_rows_are_told_by_row_order_and_break_nothing() -> None:
    x = np.tile(unit_rows(np.ones((1, 5))), (30, 1))
    graph = joint_neighbours([x, x], k=20)
    assert graph.rows[0].tolist() == list(range(1, 21))
    assert graph.rows[59].tolist() == list(range(20))
    found = numbers([x, x])
    assert found["silhouette"] == 0
    assert all(np.isfinite(v) for v in found.values()), found


def test_a_missing_modality_is_a_reason() -> None:
    x = unit_rows(np.random.default_rng(12).normal(size=(30, 4)))
    graph = joint_neighbours([x, x[:0]], studies=[np.arange(30), np.arange(0)])
    for estimate in (
        *vars(mixing(graph)).values(),
        *vars(extended_mixing(graph)).values(),
        *same_to_other(graph),
    ):
        assert estimate.reason == "a modality has no rows"


def test_nothing_mixed_has_no_ratio() -> None:
    rng = np.random.default_rng(13)
    x, y = (unit_rows(rng.normal(size=(20, 4)) + shift) for shift in (50, -50))
    assert [e.reason for e in same_to_other(joint_neighbours([x, y]))] == [
        "no row has a nearest neighbour of another modality: nothing mixes"
    ] * 2


@pytest.mark.parametrize(
    ("vectors", "options", "message"),
    [
        ([np.ones((3, 2))], {}, "Expected at least 2 modalities, got 1"),
        ([np.ones((3, 2)), np.ones((2, 2))], {}, "need `studies`"),
        ([np.ones((3, 2))] * 2, {"studies": [np.arange(3), np.arange(2)]}, r"\[3, 3\], got \[3, 2\]"),
        ([np.ones((3, 2)), np.zeros((3, 2))], {}, "3 of 6 rows are zero"),
        ([np.ones((3, 2)), np.full((3, 2), np.nan)], {}, "3 of 6 rows are zero or not finite"),
    ],
)
def test_what_cannot_be_measured_is_said(vectors: list[np.ndarray], options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        joint_neighbours(vectors, **options)


def test_a_bootstrap_over_other_studies_is_refused() -> None:
    graph = joint_neighbours(cloud(20, 4, 14))
    with pytest.raises(ValueError, match="over 20 studies, got one over 19"):
        mixing(graph, bootstrap=few(19))


@pytest.mark.parametrize("n_modalities", [2, 3])
def test_silhouettes_are_those_of_scikit_learn(n_modalities: int) -> None:
    vectors = cloud(50, 5, 15, n_modalities=n_modalities)
    modality = np.repeat(np.arange(n_modalities), 50)
    rows = silhouette_samples(np.concatenate(vectors), modality, metric="cosine")
    found = modality_silhouette(vectors, bootstrap=few(50))
    assert found.value == pytest.approx(rows.mean(), abs=1e-12)


def slow_silhouette(vectors: list[np.ndarray], weights: np.ndarray, *, absolute: bool) -> float:
    """Over whole tables of cosines, each study weighing so much in the clouds and among the rows."""
    n, n_modalities = len(weights), len(vectors)
    z, cloud, w = (
        np.concatenate(vectors),
        np.repeat(np.arange(n_modalities), n),
        np.tile(weights, n_modalities),
    )
    cosines = z @ z.T
    np.fill_diagonal(cosines, 0)
    far = []
    for kind in range(n_modalities):
        there = w * (cloud == kind)
        far.append(1 - cosines @ there / (there.sum() - there))
    a = np.choose(cloud, far)
    b = np.where(np.arange(n_modalities)[:, None] == cloud, np.inf, far).min(axis=0)
    s = (b - a) / np.maximum(a, b)
    return w @ (np.abs(s) if absolute else s) / w.sum()


@pytest.mark.parametrize(("n_modalities", "absolute"), [(2, False), (2, True), (3, False)])
def test_silhouettes_are_pulled_as_by_a_study_that_weighs_a_little_more(
    n_modalities: int, absolute: bool
) -> None:
    n, step = 25, 1e-5
    vectors = cloud(n, 4, 15, n_modalities=n_modalities)
    value, influence = mean_silhouette(vectors, absolute=absolute)
    moved = [
        slow_silhouette(vectors, 1 + side * step * row, absolute=absolute)
        for row in np.eye(n)
        for side in (1, -1)
    ]
    slope = n * (np.array(moved[::2]) - moved[1::2]) / (2 * step)
    assert value == pytest.approx(np.mean(moved), abs=1e-8)
    assert influence == pytest.approx(slope - slope.mean(), abs=1e-6)


def by_label(x: np.ndarray, y: np.ndarray, labels: np.ndarray, **options: int) -> dict[str, float]:
    found = mixing_by_label([x, y], labels, bootstrap=few(len(x)), **options)
    return {name: e.value for name, e in vars(found).items()}


def test_labels_are_measured_one_by_one() -> None:
    """The whole mixes well by label, and badly where a label has a gap of its own."""
    rng = np.random.default_rng(16)
    labels = np.repeat(["ct", "mr", ""], [100, 60, 40])
    centres = {"ct": [9.0, 0, 0, 0], "mr": [0, 9.0, 0, 0], "": [0, 0, 9.0, 0]}
    base = np.array([centres[label] for label in labels])
    x, y = (unit_rows(base + rng.normal(size=(200, 4))) for _ in range(2))
    mixed = by_label(x, y, labels)
    assert mixed["kbet_by_label"] > 0.9
    assert mixed["batch_asw"] > 0.9
    assert mixed["graph_connectivity"] == 1
    shifted = unit_rows(y + np.where(labels == "mr", 3, 0)[:, None] * [0, 0, 0, 1.0])
    half = by_label(x, shifted, labels)
    assert half["kbet_by_label"] == pytest.approx((mixed_of("ct", x, y, labels) + 0) / 2, abs=0.05)
    assert half["graph_connectivity"] == pytest.approx((1 + 0.5) / 2, abs=0.02)
    assert half["batch_asw"] < mixed["batch_asw"] - 0.2


def mixed_of(label: str, x: np.ndarray, y: np.ndarray, labels: np.ndarray) -> float:
    graph = joint_neighbours([v[labels == label] for v in (x, y)])
    return 1 - rejections(graph, kbet_neighbours(graph.sizes)).mean()


def test_labels_agree_with_the_slow_version() -> None:
    x, y = cloud(80, 6, 17)
    labels = np.repeat(["a", "b", "tiny"], [50, 26, 4])
    found = mixing_by_label([x, y], labels, bootstrap=few(80))
    kept = [np.flatnonzero(labels == name) for name in ("a", "b")]
    rows = [np.concatenate([x[m], y[m]]) for m in kept]
    silhouettes = [silhouette_samples(z, np.arange(len(z)) >= len(z) // 2, metric="cosine") for z in rows]
    asw = np.mean([1 - np.abs(s).mean() for s in silhouettes])
    assert found.batch_asw.value == pytest.approx(asw, abs=1e-12)
    kbet = np.mean([mixed_of(name, x, y, labels) for name in ("a", "b")])
    assert found.kbet_by_label.value == pytest.approx(kbet, abs=1e-12)
    for estimate in vars(found).values():
        assert estimate.note == "; 2 labels, 1 skipped with fewer than 10 rows"


def test_the_interval_over_labels_is_that_of_the_labels() -> None:
    """Each label weighs alike, however many studies it has."""
    x, y = cloud(240, 6, 22)
    labels = np.repeat(["a", "b"], [160, 80])
    draws = GroupBootstrap(np.arange(240), resamples=400)
    found = mixing_by_label([x, y], labels, bootstrap=draws).batch_asw
    weights = np.split(draws.counts[:, draws.codes].astype(float), [160], axis=1)
    alone = [mean_silhouette([z[labels == name] for z in (x, y)], absolute=True)[1] for name in ("a", "b")]
    means = -np.mean([w @ pull / len(pull) for w, pull in zip(weights, alone, strict=True)], axis=0)
    assert np.corrcoef(found.replicates, means)[0, 1] > 0.999
    assert found.replicates.std() == pytest.approx(means.std(), rel=0.02)


def test_labels_of_many_studies_are_sampled() -> None:
    x, y = cloud(200, 6, 18)
    found = mixing_by_label([x, y], np.repeat(["a", "b"], 100), bootstrap=few(200), limit=120)
    for estimate in vars(found).values():
        assert estimate.n == 60
        assert "; 60 of 200 studies, seeded" in estimate.note


def test_labels_too_small_have_a_reason() -> None:
    x, y = cloud(12, 4, 19)
    found = mixing_by_label([x, y], np.repeat(["a", "b", "c", ""], 3))
    assert {e.reason for e in vars(found).values()} == {"no label has 10 rows"}
    found = mixing_by_label([x, y], np.repeat(["a", "b"], 6))
    assert np.isfinite(found.kbet_by_label.value)  # 12 rows have 10 neighbours
    found = mixing_by_label([x, y], np.array([*"aaaaa", *"bbbbb", "", ""]))
    assert found.kbet_by_label.reason == "no label has enough rows for kBET"
    assert np.isfinite(found.batch_asw.value)


def test_every_number_is_in_the_catalogue() -> None:
    from suture.analysis.mixing import ExtendedMixing, Mixing, MixingByLabel

    default = {f.name for c in (Mixing, Separability) for f in fields(c)}
    extended = {f.name for c in (ExtendedMixing, MixingByLabel) for f in fields(c)}
    extended |= {"same_to_other", "modality_silhouette"}
    assert {m.name for m in METRICS if not m.extended} == default
    assert {m.name for m in METRICS if m.extended} == extended
    assert default | extended <= set(CATALOGUE)


def test_the_graph_says_who_asks() -> None:
    graph = joint_neighbours(cloud(10, 4, 20))
    assert isinstance(graph, JointGraph)
    assert graph.other[0].tolist() == (graph.modality[graph.rows[0]] != 0).tolist()
    assert (graph.partner.sum(axis=1) == 1).all()  # 19 neighbours hold the partner once
