"""Clusters, hubs, effective rank and gap floor: planted structure is found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from suture.analysis import gap
from suture.analysis.geometry.spread import effective_rank
from suture.analysis.math.arrays import unit_rows
from suture.analysis.math.contingency import contingency_table
from suture.analysis.retrieval.hubness import antihub_share, hubness_skew, occurrences
from suture.analysis.statistics.bootstrap import GroupBootstrap
from suture.analysis.structure.clustering import (
    ClusterScores,
    QuickClustering,
    cluster_scores,
    label_knn_accuracy,
    v_measure,
)
from tests.analysis.test_reference_values import PAIRS, arrays, values


def two_topics(offset: float, *, n: int = 120, dim: int = 16) -> tuple[list[np.ndarray], np.ndarray]:
    """Image and text rows of two topics, the modalities `offset` apart along a third direction."""
    rng = np.random.default_rng(0)
    topic = np.arange(n) % 2
    centre = np.zeros((n, dim))
    centre[np.arange(n), topic] = 1.0
    shift = np.zeros(dim)
    shift[2] = offset / 2
    sides = [unit_rows(centre + sign * shift + 0.05 * rng.normal(size=(n, dim))) for sign in (1, -1)]
    return sides, np.where(topic == 0, "chest", "hand")


def by_hand(queries: np.ndarray, gallery: np.ndarray, k: int) -> np.ndarray:
    order = np.argsort(-(queries @ gallery.T).round(9), axis=1, kind="stable")[:, :k]
    return np.bincount(order.ravel(), minlength=len(gallery))


@pytest.mark.parametrize("name", PAIRS)
def test_effective_rank_and_hubness_agree_with_reference_values(name: str) -> None:
    expected, z = values(name), arrays(name)
    x, y = z["image"], z["text"]
    for title, rows in {"image": x, "text": y, "pooled": np.concatenate([x, y])}.items():
        centred = expected[f"effective rank centred / uncentred ({title})"][0]
        assert effective_rank(rows).value == pytest.approx(centred, abs=1e-9), title
    skew, _, antihubs, _ = expected["hubness k=10 image->text: skew, max/(k), anti-hub share, Gini"]
    assert hubness_skew(x, y) == pytest.approx(skew, abs=1e-12)
    assert antihub_share(x, y) == pytest.approx(antihubs, abs=1e-12)
    assert hubness_skew(y, x) == pytest.approx(expected["hubness k=10 text->image: skew"], abs=1e-12)


@pytest.mark.parametrize(("name", "k"), [("set_a_pair_n64_d16", 4), ("set_b_pair_n257_d32", 8)])
def test_clusters_agree_with_reference_values(name: str, k: int) -> None:
    """Within 0.01, since k-means differs between versions of scikit-learn."""
    expected, z = values(name), arrays(name)
    sides = [z["image"], z["text"]]
    found = cluster_scores(sides, z["labels"], seeds=1, n_init=10)
    title = f"k-means K={k} on stacked image+text, random_state 0, n_init 10: "
    title += "V, homogeneity, completeness, ARI, NMI"
    names = ("v_measure", "cluster_homogeneity", "cluster_completeness", "cluster_ari", "cluster_nmi")
    for field, value in zip(names, expected[title], strict=True):
        assert getattr(found, field).value == pytest.approx(value, abs=0.01), field
    modality = expected["k-means cluster vs modality NMI"]
    assert found.cluster_modality_nmi.value == pytest.approx(modality, abs=0.01)
    quick = v_measure(sides, z["labels"], seeds=1, n_init=10)
    assert quick.k == k
    assert (quick.v_measure, quick.nmi_with_modality) == (
        found.v_measure.value,
        found.cluster_modality_nmi.value,
    )


SCORES = {
    "v_measure": (metrics.v_measure_score, metrics.normalized_mutual_info_score),
    "homogeneity": (metrics.homogeneity_score,),
    "completeness": (metrics.completeness_score,),
    "adjusted_rand": (metrics.adjusted_rand_score,),
}


@given(st.integers(0, 10**6), st.integers(2, 40), st.integers(1, 6), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_scores_of_a_table_are_those_of_scikit_learn(seed: int, n: int, classes: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(classes, size=(2, n, m))
    second = np.where(rng.random((n, m)) < 0.5, first, second)
    first, second = (np.unique(z, return_inverse=True)[1].reshape(n, m) for z in (first, second))
    table = contingency_table(first, second)
    for name, scores in SCORES.items():
        value, influence = getattr(table, name)()
        for score in scores:
            expected = score(first.ravel(), second.ravel())
            if not np.isnan(expected):
                assert value == pytest.approx(expected, abs=1e-9), (name, score.__name__)
        assert influence.mean() == pytest.approx(0, abs=1e-9), name


@pytest.mark.parametrize("name", SCORES)
def test_pulls_are_what_a_heavier_study_does(name: str) -> None:
    """A study repeated once among 3,000: the change of the score against its pull / n."""
    rng = np.random.default_rng(1)
    first = rng.integers(3, size=(3000, 2))
    second = np.where(rng.random((3000, 2)) < 0.6, first, rng.integers(4, size=(3000, 2)))
    value, pulls = getattr(contingency_table(first, second), name)()
    for i in range(5):
        again = [np.concatenate([z, z[i : i + 1]]) for z in (first, second)]
        change = getattr(contingency_table(*again), name)()[0] - value
        assert change == pytest.approx(pulls[i] / 3000, abs=2e-6), i


def test_intervals_follow_the_groups_and_seeds_are_in_the_note() -> None:
    sides, labels = two_topics(0.6, n=240)
    labels[np.random.default_rng(2).permutation(240)[:80]] = "knee"
    alone = cluster_scores(sides, labels)
    patient = np.unique(labels, return_inverse=True)[1] + 3 * (np.arange(240) // 20)
    grouped = cluster_scores(sides, labels, bootstrap=GroupBootstrap(patient))
    for name in ClusterScores.__dataclass_fields__:
        a, b = getattr(alone, name), getattr(grouped, name)
        assert a.value == b.value, name
        assert a.low <= a.value <= a.high, name
        assert "over 5 seeds" in a.note, name
    assert grouped.v_measure.n_groups == len(set(patient))
    assert grouped.v_measure.replicates.std() != alone.v_measure.replicates.std()


def test_many_studies_are_sampled_and_that_is_said() -> None:
    sides, labels = two_topics(0.0, n=300)
    labels[::3] = ""
    for found in (
        cluster_scores(sides, labels, studies=80).v_measure,
        label_knn_accuracy(sides, labels, studies=80),
    ):
        assert found.n == 80
        assert "; 80 of 200 studies, seeded" in found.note


def test_neighbours_name_a_planted_label_and_chance_without_one() -> None:
    sides, labels = two_topics(1.0)
    assert label_knn_accuracy(sides, labels).value == 1
    rows = unit_rows(np.random.default_rng(3).normal(size=(600, 8)))
    chance = label_knn_accuracy([rows, rows], (np.arange(600) % 4 // 3).astype(str))
    assert chance.value == pytest.approx(0.7, abs=0.05)  # votes of 5 for a label of 3 in 4
    assert chance.note.endswith("; most common label 0.75")


def test_neighbours_of_the_same_patient_do_not_vote() -> None:
    """Each patient has a direction and a random label of its own, to be learnt by heart from copies."""
    rng = np.random.default_rng(4)
    patient = np.repeat(np.arange(40), 6)
    x, y = (unit_rows(rng.normal(size=(40, 30))[patient] + 0.1 * rng.normal(size=(240, 30))) for _ in "xy")
    labels = rng.permutation(np.arange(40) % 2)[patient].astype(str)
    together = label_knn_accuracy([x, y], labels, bootstrap=GroupBootstrap(patient))
    torn = label_knn_accuracy([x, y], labels, bootstrap=GroupBootstrap(np.arange(240)))
    assert torn.value > 0.9
    assert together.value < 0.7


def test_equal_votes_share_the_hit() -> None:
    """All rows are one: the 5 neighbours are the same for all, and one of five labels is right."""
    point = np.tile(unit_rows(np.ones((1, 4))), (50, 1))
    found = label_knn_accuracy([point], (np.arange(50) % 5).astype(str))
    assert found.value == pytest.approx(0.2, abs=0.1)


@pytest.mark.parametrize(("n", "labels"), [(1, ["a"]), (3, ["", "", ""]), (3, ["a", "", "a"])])
def test_too_few_labels_have_a_reason(n: int, labels: list[str]) -> None:
    rows = unit_rows(np.random.default_rng(0).normal(size=(n, 4)))
    found = [*vars(cluster_scores([rows, rows], np.array(labels))).values()]
    for estimate in (*found, label_knn_accuracy([rows], np.array(labels))):
        assert np.isnan(estimate.value)
        assert estimate.reason.startswith("needs 2 different labels, there ")


def test_too_few_groups_have_a_reason() -> None:
    sides, labels = two_topics(0.0, n=20)
    found = label_knn_accuracy(sides, labels, bootstrap=GroupBootstrap(np.arange(20) % 4))
    assert found.reason == "needs 5 groups of studies for reference and queries, there are 4"


def test_without_a_gap_clusters_follow_the_label_and_with_one_the_modality() -> None:
    closed = v_measure(*two_topics(0.0))
    wide = v_measure(*two_topics(4.0))
    assert closed == QuickClustering(pytest.approx(1), pytest.approx(0), pytest.approx(0), 2, 120)
    assert wide.v_measure < 0.05
    assert wide.nmi_with_modality == pytest.approx(1)


def test_seeds_differ_and_the_same_call_gives_the_same_numbers() -> None:
    sides, _ = two_topics(0.5)
    labels = np.random.default_rng(5).integers(7, size=120).astype(str)
    found = v_measure(sides, labels)
    assert found.sd > 0
    assert found == v_measure(sides, labels)
    assert v_measure(sides, labels, seeds=1).sd == 0


def test_studies_without_a_label_do_not_count() -> None:
    sides, labels = two_topics(0.0)
    labels[:20] = ""
    sides[0][:20] = 0  # rows that would be refused
    assert v_measure(sides, labels, seeds=1, n_init=1).n == 100
    with pytest.raises(ValueError, match="2 different labels, got 1"):
        v_measure(sides, np.where(labels == "hand", "", labels))
    with pytest.raises(ValueError, match=r"same studies, got \(120, 16\), \(120, 16\) and 3"):
        v_measure(sides, labels[:3])


def test_a_cloud_that_collapsed_has_clusters_of_nothing() -> None:
    point = np.tile(unit_rows(np.ones((1, 8))), (30, 1))
    with pytest.warns(UserWarning, match="distinct clusters"):
        found = v_measure([point, point], np.arange(30) % 3)
    assert (found.v_measure, found.nmi_with_modality) == (0, 0)


@pytest.mark.parametrize("k", [2, 5, 12])
def test_effective_rank_counts_orthogonal_directions(k: int) -> None:
    axes = np.concatenate([np.eye(12)[:k], -np.eye(12)[:k]])
    for dtype in (np.float64, np.float32):
        turned = axes @ np.linalg.qr(np.random.default_rng(k).normal(size=(12, 12)))[0]
        assert effective_rank(turned.astype(dtype)).value == pytest.approx(k, abs=1e-5)


def test_effective_rank_of_a_point_and_of_a_line_is_one() -> None:
    point = np.tile(unit_rows(np.random.default_rng(0).normal(size=(1, 64))), (40, 1))
    assert effective_rank(point).value == 1
    ends = np.where(np.arange(40)[:, None] % 2, point, -point)
    assert effective_rank(ends).value == pytest.approx(1, abs=1e-6)


def test_effective_rank_lies_in_its_interval_and_rises_with_width() -> None:
    rng = np.random.default_rng(1)
    narrow, wide = (unit_rows(rng.normal(size=(200, 24)) * 0.7 ** (np.arange(24) / w)) for w in (1, 6))
    few = GroupBootstrap(np.arange(200), resamples=30)
    a, b = effective_rank(narrow, bootstrap=few), effective_rank(wide, bootstrap=few)
    assert a.low < a.value < a.high < b.low < b.value < b.high < 24
    assert a.resamples == 30


def test_a_planted_hub_is_seen_and_leaves_antihubs() -> None:
    rng = np.random.default_rng(2)
    queries, gallery = (unit_rows(rng.normal(size=(150, 32))) for _ in range(2))
    before, lonely = hubness_skew(queries, gallery), antihub_share(queries, gallery)
    gallery[:10] = unit_rows(queries.mean(axis=0) + 0.01 * rng.normal(size=(10, 32)))
    queries = unit_rows(queries + 3 * unit_rows(queries.mean(axis=0)[None]))
    assert hubness_skew(queries, gallery) > before + 2
    assert antihub_share(queries, gallery) > lonely + 0.5
    assert (occurrences(queries, gallery)[:10] > 100).all()


def test_occurrences_agree_with_sorting_and_equal_items_keep_their_order() -> None:
    rng = np.random.default_rng(3)
    queries = unit_rows(rng.normal(size=(70, 8)))
    gallery = unit_rows(rng.normal(size=(6, 8)))[rng.integers(6, size=40)]
    for k in (1, 3, 10, 40):
        np.testing.assert_array_equal(occurrences(queries, gallery, k=k), by_hand(queries, gallery, k))
    assert occurrences(queries, gallery, k=100).tolist() == [70] * 40
    assert hubness_skew(queries, gallery, k=100) == 0


def test_floor_is_what_no_gap_reads() -> None:
    """Two halves of one population: the gap reads about the floor, and the floor falls with n."""
    rng = np.random.default_rng(4)
    for n in (50, 800):
        gaps, floors = [], []
        for _ in range(20):
            x, y = (unit_rows(rng.normal(size=(n, 64))) for _ in range(2))
            found = gap.pair_gap(x, y, bootstrap=GroupBootstrap(np.arange(n), resamples=2))
            gaps.append(found.centroid_gap.value)
            floors.append(found.centroid_gap_floor.value)
        assert np.sqrt(np.square(gaps).mean()) == pytest.approx(np.mean(floors), rel=0.1)
        assert np.mean(floors) == pytest.approx(np.sqrt(2 / n), rel=0.05)


def test_floor_completes_the_debiased_gap_and_needs_two_groups() -> None:
    (x, y), _ = two_topics(0.5)
    found = gap.pair_gap(x, y)
    squared = found.centroid_gap_debiased.value**2 + found.centroid_gap_floor.value**2
    assert squared == pytest.approx(found.centroid_gap.value**2, abs=1e-12)
    assert np.isnan(found.centroid_gap_floor.low)
    alone = gap.pair_gap(x, y, bootstrap=GroupBootstrap(np.zeros(len(x)), resamples=2))
    assert np.isnan(alone.centroid_gap_floor.value)
