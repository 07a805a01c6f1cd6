"""The retrieval engine against full sorting: ranks, ties, protocols, graded scores, edge cases."""

from __future__ import annotations

import json
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from suture.analysis.math.arrays import unit_rows
from suture.analysis.retrieval import (
    KS,
    PROTOCOLS,
    Ranks,
    RightAnswers,
    both_directions,
    engine,
    label_precision,
    rank_best,
    retrieval,
)
from suture.analysis.retrieval.distinct_rows import distinct_rows
from suture.analysis.retrieval.engine import search
from suture.analysis.retrieval.kernels import medians, score
from suture.analysis.retrieval.protocols import RetrievalTask, retrieval_task
from suture.analysis.statistics.bootstrap import GroupBootstrap
from tests.conftest import beside

SETS = ("set_a_pair_n64_d16", "set_b_pair_n257_d32", "set_d_ties_n40_d8", "set_e_rankdef_n20_d32")
DIRECTIONS = ("image->text", "text->image")


def values(name: str) -> dict:
    return json.loads(beside("science", "reference_values", "own_values.json").read_text())[name]


def arrays(name: str) -> np.lib.npyio.NpzFile:
    return np.load(beside("science", "reference_values", f"{name}.npz"))


def exact(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """All scores, one by one."""
    return np.array([[score(a, 1.0, b, 1.0) for b in y] for a in x])


def by_sorting(x: np.ndarray, y: np.ndarray, query_keys: np.ndarray, gallery_keys: np.ndarray) -> Ranks:
    """Every score in float64, against the best right one; scores closer than rounding are ties."""
    scores = x @ y.T
    right = query_keys[:, None] == gallery_keys[None]
    best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
    tied = np.abs(scores - best) < 1e-13
    return Ranks((scores > best + 1e-13).sum(1), tied.sum(1), (tied & right).sum(1))


def same(a: Ranks, b: Ranks) -> bool:
    return all(np.array_equal(p, q) for p, q in zip(vars(a).values(), vars(b).values(), strict=True))


def cloud(n: int, dim: int, seed: int, *, texts: int | None = None, cone: float = 1.0) -> tuple:
    """x, y of unit rows and the number of the text of each study; texts repeat where fewer than n."""
    rng = np.random.default_rng(seed)
    which = np.arange(n) if texts is None else rng.integers(texts, size=n)
    shared = rng.normal(size=(max(n, texts or 0), dim))
    x = unit_rows(rng.normal(size=dim) + cone * (shared[which] + rng.normal(size=(n, dim))))
    y = unit_rows(rng.normal(size=dim) + cone * (shared + rng.normal(size=shared.shape)))[which]
    return x, y, which


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("texts", "cone"), [(None, 1.0), (None, 1e-3), (300, 1.0), (300, 1e-6), (1, 1.0)], ids=str
)
def test_both_directions_rank_as_sorting_does(dtype: type, texts: int | None, cone: float) -> None:
    """Several tiles, also in cones so narrow that float32 scores are all equal."""
    x, y, which = cloud(700, 24, 0, texts=texts, cone=cone)
    x, y = x.astype(dtype), y.astype(dtype)
    found = both_directions(x, y, answers=RightAnswers(which // 2, which), bootstrap=few(700))
    wide = unit_rows(x), unit_rows(y)
    answers = RightAnswers(which // 2, which)
    for direction, (a, b), side in (
        (found.forward, wide, answers),
        (found.backward, wide[::-1], answers.reversed()),
    ):
        for record in direction.retrieval:
            one = retrieval_task(record.protocol, side)
            slow = by_sorting(a[one.query_rows], b[one.gallery_rows], one.query_keys, one.gallery_keys)
            assert same(record.ranks, slow), record.protocol
            assert record.n_gallery == len(one.gallery_rows)


@pytest.mark.parametrize("n", [5, 700])
def test_columns_count_as_rows_do(n: int) -> None:
    """Without items to keep the other direction is counted in place; many scores are all but equal."""
    rng = np.random.default_rng(n)
    x, y = (rng.integers(-2, 3, size=(n, 6)) + 0.5 + np.arange(n)[:, None] * 1e-9 for _ in range(2))
    x, y = unit_rows(x), unit_rows(y)
    own = [retrieval_task("strict", RightAnswers(np.arange(n), np.arange(n)))]
    turned = search(distinct_rows(x), distinct_rows(y), forward=own, backward=own)[1].ranks[0]
    assert same(turned, search(distinct_rows(y), distinct_rows(x), forward=own)[0].ranks[0])


def few(n: int) -> GroupBootstrap:
    return GroupBootstrap(np.arange(n), resamples=20)


@pytest.mark.parametrize(("texts", "cone"), [(None, 1.0), (60, 1.0), (None, 1e-6)], ids=str)
def test_nearest_rows_are_those_of_a_stable_sort(texts: int | None, cone: float) -> None:
    x, y, _ = cloud(600, 16, 1, texts=texts, cone=cone)
    found = both_directions(x, y, bootstrap=few(600), k=10)
    for direction, scores in ((found.forward, exact(x, y)), (found.backward, exact(y, x))):
        np.testing.assert_array_equal(direction.nearest, np.argsort(-scores, axis=1, kind="stable")[:, :10])


def test_items_that_tie_beyond_what_was_kept_are_all_scored() -> None:
    """Each query scores 0 with 38 of 40 different items: the first ten follow the order of the gallery."""
    rng = np.random.default_rng(2)
    y = np.eye(40)[rng.permutation(40)]
    x = unit_rows(y + 2 * y[rng.permutation(40)])
    nearest = both_directions(x, y, bootstrap=few(40)).forward.nearest
    np.testing.assert_array_equal(nearest, np.argsort(-exact(x, y), axis=1, kind="stable")[:, :10])


def test_threads_share_the_rows_and_change_nothing() -> None:
    x, y, which = cloud(900, 24, 2, texts=500)
    tasks = [retrieval_task(p, RightAnswers(which, which)) for p in PROTOCOLS]
    found = []
    for threads in (1, 3):
        with threadpool_limits(threads, user_api="blas"):
            found.append(
                engine.search(distinct_rows(x), distinct_rows(y), forward=tasks, backward=tasks[:1], k=5)
            )
    for one, other in zip(*found, strict=True):
        assert all(same(a, b) for a, b in zip(one.ranks, other.ranks, strict=True))
        np.testing.assert_array_equal(one.nearest, other.nearest)


def test_rows_that_differ_in_the_last_digit_never_tie() -> None:
    """Float32 cannot tell the right row from 299 others; float64 can, and equal rows tie exactly."""
    rng = np.random.default_rng(3)
    x, centre = unit_rows(rng.normal(size=(300, 64))), unit_rows(rng.normal(size=(1, 64)))
    y = unit_rows(centre + 1e-9 * rng.normal(size=(300, 64)))
    own = np.arange(300)
    assert len(np.unique(x[0].astype(np.float32) @ y.astype(np.float32).T)) < 30  # of 300
    assert (rank_best(x, y, own, own).tied == 1).all()
    assert sorted(rank_best(np.repeat(x[:1], 300, axis=0), y, own, own).above) == list(range(300))
    doubled = rank_best(x, np.repeat(y, 2, axis=0), own, np.repeat(own, 2))
    assert (doubled.tied == 2).all()
    assert (doubled.tied_right == 2).all()


def test_a_query_without_a_right_answer_stands_last() -> None:
    x, y, _ = cloud(30, 8, 4)
    ranks = rank_best(x, y, np.full(30, 99), np.arange(30))
    assert (ranks.above == 30).all()
    assert ranks.hit(30).sum() == ranks.expected_reciprocal().sum() == 0


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_one_right_answer_agrees_with_reference_values(name: str, direction: str) -> None:
    expected = values(name)[f"retrieval {direction} (one positive)"]
    z = arrays(name)
    a, b = (z[m] for m in direction.split("->"))
    n = len(a)
    ranks = rank_best(a, b, np.arange(n), np.arange(n))
    check(expected, ranks)
    found = engine.search(
        distinct_rows(a),
        distinct_rows(b),
        forward=[retrieval_task("strict", RightAnswers(np.arange(n), np.arange(n)))],
        every=(0,),
    )[0].positives[0]
    if name.startswith("set_d"):
        return  # its mAP and nDCG are those of the order of the file
    assert found.average_precision().mean() == pytest.approx(expected["mAP(index ties)"], abs=1e-12)
    assert found.ndcg(10).mean() == pytest.approx(expected["nDCG@10(index ties)"], abs=1e-12)


def check(expected: dict, ranks: Ranks) -> None:
    """All tie rules of the reference values; "expected" there ranks by the mean rank."""
    for rule, found in (
        ("optimistic", ranks.best()),
        ("pessimistic", ranks.worst()),
        ("expected", ranks.expected_rank()),
    ):
        wanted = expected[rule]
        known = {f"R@{k}": (found <= k).mean() for k in KS}
        known |= {"MedR": np.median(found), "MeanR": found.mean(), "MRR": (1 / found).mean()}
        assert known == pytest.approx(wanted, abs=1e-12), rule
    hits = {f"R@{k}": ranks.hit(k).mean() for k in KS}
    assert hits == pytest.approx(expected["expected_hit"], abs=1e-12)


REFERENCE = {
    "image->text": (
        "strict (only own caption counts)",
        "multi-positive (all identical captions count)",
        "de-duplicated gallery (unique captions, CXR-CLIP protocol)",
    ),
    "text->image": ("strict", "multi-positive", "unique captions as queries, all images, multi-positive"),
}


def test_all_protocols_at_once_agree_with_reference_values() -> None:
    """mAP and nDCG there settle ties by the order of the file, which is one of ours."""
    z = arrays("set_d_ties_n40_d8")
    keys = z["caption_group"]
    found = both_directions(z["image"], z["text"], answers=RightAnswers(keys, keys), bootstrap=few(40))
    for name, direction in zip(DIRECTIONS, (found.forward, found.backward), strict=True):
        expected = values(f"set_d|retrieval conventions {name}")
        for record, title in zip(direction.retrieval, REFERENCE[name], strict=True):
            check(expected[title], record.ranks)
        graded = expected[REFERENCE[name][1]]
        record = direction.of("multi_positive")
        if name == "image->text":  # all copies of a caption are right: their order has no say
            assert record.map.value == pytest.approx(graded["mAP(index ties)"], abs=1e-12)
            assert record.ndcg_at_10.value == pytest.approx(graded["nDCG@10(index ties)"], abs=1e-12)


def test_recall_agrees_with_published_code_where_nothing_ties() -> None:
    file = beside("science", "reference_values", "upstream_values.json")
    upstream = json.loads(file.read_text())
    for name in ("set_a_pair_n64_d16", "set_b_pair_n257_d32", "set_e_rankdef_n20_d32"):
        for dtype in ("float64", "float32"):
            z = arrays(name)
            known = upstream[f"{name}|{dtype}|normalised"]
            image, text = (z[m].astype(dtype) for m in ("image", "text"))
            found = both_directions(text, image, bootstrap=few(len(text)))  # text->image is its "forward"
            for way in ("forward", "backward"):
                wanted = known[f"modgap.metrics.compute_metric_ret({way})"]
                recall = getattr(found, way).of("strict").recall
                got = {f"{way}_r{k}": 100 * e.value for k, e in recall.items()}
                assert got == pytest.approx({k: v for k, v in wanted.items() if "ravg" not in k}, abs=1e-4)


def in_all_orders(scores: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """Each score as the mean over every order of the ties, by trying them all."""
    found: dict[str, list[float]] = {name: [] for name in ("mrr", "map", "ndcg", "r_precision")}
    for order in permutations(range(len(scores))):
        s = scores[list(order)]
        if (np.diff(s) > 0).any():
            continue
        hits = right[list(order)]
        places = np.flatnonzero(hits) + 1
        found["mrr"].append(1 / places[0])
        found["map"].append(float(np.mean(np.arange(1, len(places) + 1) / places)))
        gains = 1 / np.log2(np.arange(len(scores)) + 2)
        found["ndcg"].append((gains * hits)[:3].sum() / gains[: min(3, len(places))].sum())
        found["r_precision"].append(float(hits[: len(places)].mean()))
    return {name: float(np.mean(v)) for name, v in found.items()}


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=2, max_size=6), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_graded_scores_are_means_over_all_orders_of_ties(items: list[tuple[int, bool]], seed: int) -> None:
    """The gallery has three directions only, so that items tie; the query prefers them in turn."""
    level = np.array([i for i, _ in items])
    right = np.array([r for _, r in items])
    if not right.any():
        right[0] = True
    axes = unit_rows(np.random.default_rng(seed).normal(size=(3, 8)))
    query = axes[:1] + 0.5 * axes[1:2] + 0.1 * axes[2:]
    x, y = unit_rows(query), axes[level]
    one = RetrievalTask(np.arange(1), np.arange(len(y)), np.ones(1, int), right.astype(int))
    found = engine.search(distinct_rows(x), distinct_rows(y), forward=[one], every=(0,))[0]
    wanted = in_all_orders(exact(x, y)[0], right)
    positives = found.positives[0]
    assert found.ranks[0].expected_reciprocal()[0] == pytest.approx(wanted["mrr"], abs=1e-12)
    assert positives.average_precision()[0] == pytest.approx(wanted["map"], abs=1e-12)
    assert positives.ndcg(3)[0] == pytest.approx(wanted["ndcg"], abs=1e-12)
    assert positives.r_precision()[0] == pytest.approx(wanted["r_precision"], abs=1e-12)


@given(st.integers(3, 60), st.integers(1, 20), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_more_right_answers_never_hurt_and_ties_lie_between(n: int, texts: int, seed: int) -> None:
    x, y, which = cloud(n, 6, seed, texts=texts)
    found = both_directions(x, y, answers=RightAnswers(which, which), bootstrap=few(n))
    for direction in (found.forward, found.backward):
        strict, multi = direction.of("strict"), direction.of("multi_positive")
        for k in KS:
            assert strict.recall[k].value <= multi.recall[k].value + 1e-12
            worst, best = ((r <= k).mean() for r in (strict.ranks.worst(), strict.ranks.best()))
            assert worst - 1e-12 <= strict.recall[k].value <= best + 1e-12
            assert best - worst <= strict.tie_spread + 1e-12


def test_a_joint_rotation_moves_no_rank() -> None:
    x, y, _ = cloud(200, 12, 5)
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(12, 12)))[0]
    own = np.arange(200)
    assert same(rank_best(x, y, own, own), rank_best(x @ turn, y @ turn, own, own))


def test_one_pass_says_what_single_calls_say() -> None:
    x, y, which = cloud(150, 8, 6, texts=70)
    groups = np.arange(150) // 3
    bootstrap = GroupBootstrap(groups, resamples=50, seed=3)
    answers = RightAnswers(which, which)
    found = both_directions(x, y, answers=answers, groups=groups, bootstrap=bootstrap)
    for direction, (a, b), keyed in (
        (found.forward, (x, y), "gallery"),
        (found.backward, (y, x), "queries"),
    ):
        for record in direction.retrieval:
            options = {"protocol": record.protocol, "keys": which, "keyed": keyed, "groups": groups}
            assert record == retrieval(a, b, **options, resamples=50, seed=3)


def test_without_repeats_the_protocols_are_one_question() -> None:
    x, y, _ = cloud(80, 8, 7)
    strict, multi, single = both_directions(x, y, bootstrap=few(80)).forward.retrieval
    assert strict.recall == multi.recall == single.recall
    assert strict.map is None
    assert np.isnan(multi.map.value)
    assert "single right answer" in multi.map.reason


def test_right_answers_too_many_to_place_are_said_to_be() -> None:
    x, y, _ = cloud(200, 8, 8)
    found = retrieval(x, y, protocol="multi_positive", keys=np.zeros(200, int), resamples=10)
    assert found.recall[1].value == 1
    assert "Too many" in found.map.reason


def test_all_found_still_has_an_interval() -> None:
    """100 % of 40 patients is not certainty: 1 - z^2 / (40 + z^2)."""
    x, _, _ = cloud(80, 16, 9)
    found = retrieval(x, x, groups=np.arange(80) // 2, resamples=100).recall[1]
    assert found.value == found.high == 1
    assert found.low == pytest.approx(40 / (40 + 1.959964**2), abs=1e-6)
    assert "Wilson" in found.note
    lone = retrieval(x, x, groups=np.zeros(80), resamples=100).recall[1]
    assert np.isnan(lone.low)


def test_what_ties_could_do_is_noted() -> None:
    x, y, _ = cloud(100, 8, 10, texts=5)
    found = retrieval(x, y, resamples=10)
    assert found.tie_spread > 0.3
    assert "tie order can change it by" in found.recall[10].note


def test_weighted_medians_are_medians_of_the_resample() -> None:
    rng = np.random.default_rng(11)
    ordered = np.sort(rng.integers(9, size=41)).astype(float)
    codes = rng.permutation(np.arange(41) % 13)
    counts = np.stack([np.bincount(rng.integers(13, size=13), minlength=13) for _ in range(200)])
    wanted = [np.median(np.repeat(ordered, c[codes])) for c in counts]
    np.testing.assert_array_equal(medians(counts.astype(np.uint8), codes, ordered), wanted)


def test_label_precision_counts_shared_labels_and_expects_equal_items() -> None:
    x, y, _ = cloud(90, 8, 12, texts=20)
    labels = np.random.default_rng(12).choice(["a", "b", ""], 90)
    direction = both_directions(x, y, bootstrap=few(90)).forward
    found = label_precision(direction.nearest, direction.which, labels, groups=np.arange(90))
    asked = np.flatnonzero(labels != "")
    copies = direction.which[:, None] == direction.which[None]
    share = {c: (copies & (labels == c)).sum(1) / copies.sum(1) for c in "ab"}
    for k, estimate in ((5, found.p_at_5), (10, found.p_at_10)):
        wanted = np.mean([share[labels[q]][direction.nearest[q, :k]].mean() for q in asked])
        assert estimate.value == pytest.approx(wanted, abs=1e-12)
        assert estimate.low < estimate.value < estimate.high
        assert estimate.n == len(asked)
    one = label_precision(direction.nearest, direction.which, np.full(90, "x"), groups=np.arange(90))
    assert one.p_at_10.value == 1
    none = label_precision(direction.nearest, direction.which, np.full(90, ""), groups=np.arange(90))
    assert "No study" in none.p_at_5.reason


@pytest.mark.parametrize("n", [2, 3, 9])
def test_few_pairs_are_measured_without_intervals(n: int) -> None:
    x, y, _ = cloud(n, 16, 13)
    found = both_directions(x, y).forward
    assert found.nearest.shape == (n, min(n, 10))
    assert found.of("strict").recall[10].value == 1
    assert "every query retrieves all of them" in found.hubness.hubness_skew.reason
    if n < 5:
        assert np.isnan(found.of("strict").median_rank.low)
    short = label_precision(found.nearest, found.which, np.full(n, "x"), groups=np.arange(n))
    assert "fewer than 10 items" in short.p_at_10.reason


def test_a_collapsed_space_ranks_by_chance() -> None:
    x = np.tile(unit_rows(np.ones((1, 8))), (50, 1))
    found = both_directions(x, x, bootstrap=few(50)).forward.of("strict")
    assert found.recall[10].value == pytest.approx(10 / 50)
    assert found.mean_rank.value == pytest.approx(51 / 2)
    assert found.mrr.value == pytest.approx(np.mean(1 / np.arange(1, 51)))


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.ones((3, 2)), np.ones((2, 2)), "one shape"),
        (np.ones((1, 2)), np.ones((1, 2)), "At least 2 pairs"),
        (np.zeros((3, 2)), np.ones((3, 2)), "3 of 3 rows are zero"),
        (np.full((3, 2), np.nan), np.ones((3, 2)), "not finite"),
        (np.ones(3), np.ones(3), "Expected .n_studies, dim."),
    ],
)
def test_what_cannot_be_ranked_is_said(x: np.ndarray, y: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        both_directions(x, y)


def test_halves_and_signed_zeros_are_rows_like_others() -> None:
    rng = np.random.default_rng(14)
    x = rng.normal(size=(40, 8)).astype(np.float16)
    wide = x.astype(np.float32)
    own = np.arange(40)
    assert same(rank_best(x, x[::-1], own, own), rank_best(wide, wide[::-1], own, own))
    zeros = np.array([[1, 0.0], [1, -0.0], [0, 1]])
    assert distinct_rows(zeros).which.tolist() == [0, 0, 1]
