"""Study-level comparison: rank changes, movement, neighbours gained and lost, slices."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group

from suture.analysis.compare import by_group, by_length, by_value, movement, neighbour_changes, rank_changes
from suture.analysis.math.arrays import unit_rows
from suture.analysis.retrieval import Ranks, rank_best
from suture.analysis.statistics.bootstrap import GroupBootstrap
from suture.analysis.statistics.hypothesis_tests import mcnemar

N, DIM = 2_000, 64


def spaces(
    seed: int, *, moved: float, n: int = N, dim: int = DIM, noise: float = 0.3
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """B = A turned, shifted and with noise; a share of the studies takes another study's content."""
    rng = np.random.default_rng(seed)
    content = rng.normal(size=(n, dim))
    gone = np.zeros(n, dtype=bool)
    gone[rng.permutation(n)[: round(moved * n)]] = True
    after = content.copy()
    after[gone] = content[rng.permutation(n)[: gone.sum()]]
    turn = ortho_group.rvs(dim, random_state=seed)
    after = (after + noise * rng.normal(size=after.shape)) @ turn + 3 * rng.normal(size=dim)
    return unit_rows(content + 2 * rng.normal(size=dim)), unit_rows(after), gone


@pytest.mark.parametrize("share", [0.05, 0.1])
@pytest.mark.parametrize("seed", range(5))
def test_planted_studies_are_found(share: float, seed: int) -> None:
    a, b, gone = spaces(seed, moved=share)
    found = movement(a, b)
    right = (found.moved & gone).sum()
    assert right / found.moved.sum() > 0.9, "precision"
    assert right / gone.sum() > 0.9, "recall"
    assert 0.8 < found.explained < 1
    assert found.change[gone].mean() > 2 * found.change[~gone].mean()


def test_nothing_moved_in_pure_noise() -> None:
    counts = [int(movement(*spaces(seed, moved=0)[:2]).moved.sum()) for seed in range(20)]
    assert np.mean(counts) < 0.001 * N, counts
    assert np.mean(np.array(counts) == 0) >= 0.5, counts


def test_few_studies_in_many_dimensions_do_not_move_by_overfitting() -> None:
    a, b, gone = spaces(0, moved=0.1, n=300, dim=512, noise=0.1)
    found = movement(a, b)
    assert (found.moved & ~gone).sum() <= 2
    noise = np.random.default_rng(0).normal(size=(2, 300, 512))
    assert movement(*map(unit_rows, noise)).explained < 0.05, "a rotation explains nothing of noise"


def test_two_seeds_are_a_null() -> None:
    a, b, gone = spaces(0, moved=0.1)
    null = movement(*spaces(1, moved=0)[:2]).change
    found = movement(a, b, null=null)
    assert found.null == "2,000 studies between two seeds"
    assert (found.moved & gone).sum() / found.moved.sum() > 0.9
    assert (found.moved & gone).sum() / gone.sum() > 0.9
    quiet = movement(*spaces(2, moved=0)[:2], null=null)
    assert quiet.moved.sum() <= 5
    assert np.mean(quiet.p <= 0.05) == pytest.approx(0.05, abs=0.03)


def test_what_all_studies_share_is_no_movement() -> None:
    """A rotation into more dimensions alone; and a set against itself."""
    rng = np.random.default_rng(0)
    a = unit_rows(rng.normal(size=(200, 12)) + 1)
    wide = np.pad(a, ((0, 0), (0, 8))) @ ortho_group.rvs(20, random_state=0)
    for b in (a, wide):
        found = movement(a, b)
        assert found.change.max() < 1e-6
        assert found.explained == pytest.approx(1)
        assert not found.moved.any()


def test_groups_stay_together_and_edges_are_refused() -> None:
    a, b, gone = spaces(0, moved=0.1, n=400)
    grouped = movement(a, b, groups=np.arange(400) // 2)
    assert (grouped.moved & gone).sum() / gone.sum() > 0.9
    one = movement(a, b, groups=np.zeros(400))
    assert np.isfinite(one.change).all()
    same = np.tile(a[:1], (30, 1))
    assert not movement(same, same).moved.any()
    with pytest.raises(ValueError, match="Expected at least 20 studies, the same in A and B, got 30 and 29"):
        movement(a[:30], b[:29])


def test_flips_are_those_of_the_obvious_loop() -> None:
    rng = np.random.default_rng(0)
    content = rng.normal(size=(120, 16))
    sets = [unit_rows(content + s * rng.normal(size=content.shape)) for s in (0.2, 0.9, 0.6)]
    own = np.arange(120)
    a, b = (rank_best(sets[0], other, own, own) for other in sets[1:])
    found = rank_changes(a, b, k=3, bootstrap=GroupBootstrap(own // 2))
    first_a, first_b = (
        [np.flatnonzero(np.argsort(-(q @ other.T), kind="stable") == i)[0] < 3 for i, q in enumerate(sets[0])]
        for other in sets[1:]
    )
    won = [i for i in own if first_b[i] and not first_a[i]]
    lost = [i for i in own if first_a[i] and not first_b[i]]
    assert found.won.tolist() == won
    assert found.lost.tolist() == lost
    assert len(won) > 5
    assert sorted(np.concatenate([found.won, found.lost, found.kept, found.missed])) == own.tolist()
    net = [sum(i in won for i in pair) - sum(i in lost for i in pair) for pair in own.reshape(-1, 2)]
    assert found.p == mcnemar(sum(n < 0 for n in net), sum(n > 0 for n in net)), "a patient is one trial"
    assert found.undecided == 0
    assert found.difference.value == pytest.approx((len(won) - len(lost)) / 120)
    assert found.difference.low < found.difference.value < found.difference.high
    assert (found.rank_change < 0).sum() > (found.rank_change > 0).sum()


def test_ties_are_counted_and_said() -> None:
    none = np.zeros(3, dtype=int)
    a = Ranks(none + 1, none + 1, none + 1)  # second place, no tie
    b = Ranks(none, np.array([2, 4, 1]), none + 1)  # first, among 2, 4 and 1
    found = rank_changes(a, b, k=1)
    assert found.won.tolist() == [0, 2]
    assert found.missed.tolist() == [1]
    assert found.undecided == 2
    assert found.difference.value == pytest.approx((0.5 + 0.25 + 1) / 3)
    assert np.isnan(found.difference.low), "three queries have no interval"
    with pytest.raises(ValueError, match="Expected the same queries in A and B, got 3 and 2"):
        rank_changes(a, Ranks(*(z[:2] for z in (b.above, b.tied, b.tied_right))))


def test_flips_of_a_set_with_itself() -> None:
    ranks = Ranks(np.arange(20), np.ones(20, int), np.ones(20, int))
    found = rank_changes(ranks, ranks)
    assert len(found.won) == len(found.lost) == 0
    assert (found.p, found.difference.low, found.difference.high) == (1.0, 0.0, 0.0)
    assert len(found.kept) == len(found.missed) == 10


def slow_neighbours(queries: np.ndarray, items: np.ndarray, k: int, own: bool) -> list[set[int]]:
    scores = queries @ items.T
    if own:
        np.fill_diagonal(scores, -np.inf)
    return [set(np.argsort(-row)[:k].tolist()) for row in scores]


@pytest.mark.parametrize("cross", [False, True])
def test_neighbours_are_those_of_the_whole_matrix(cross: bool) -> None:
    rng = np.random.default_rng(0)
    content = rng.normal(size=(90, 12))
    a, b, items_a, items_b = (unit_rows(content + 0.7 * rng.normal(size=content.shape)) for _ in range(4))
    found = neighbour_changes(a, b, items=(items_a, items_b) if cross else None, k=5)
    near_a = slow_neighbours(a, items_a if cross else a, 5, not cross)
    near_b = slow_neighbours(b, items_b if cross else b, 5, not cross)
    for i, (before, after) in enumerate(zip(near_a, near_b, strict=True)):
        assert set(found.gained[i].tolist()) == after - before
        assert set(found.lost[i].tolist()) == before - after
        assert found.overlap[i] == pytest.approx(len(before & after) / 5)
    assert found.by_chance == pytest.approx(5 / (90 if cross else 89))
    assert found.note == ""


def test_unrelated_spaces_overlap_by_chance() -> None:
    rng = np.random.default_rng(1)
    a, b = (unit_rows(rng.normal(size=(800, 16))) for _ in range(2))
    found = neighbour_changes(a, b)
    assert found.overlap.mean() == pytest.approx(found.by_chance, abs=0.004)


def test_equal_rows_are_no_change() -> None:
    """Thirty copies of five texts: which copies come first is chance, and nobody lost a neighbour."""
    rng = np.random.default_rng(2)
    which = rng.integers(5, size=150)
    a, b = (unit_rows(rng.normal(size=(5, 8)))[which] for _ in range(2))
    found = neighbour_changes(a, b[:, ::-1])
    assert (found.overlap == 1).all()
    assert not any(map(len, found.gained))


def test_neighbourhood_samples_and_edges() -> None:
    a, b, _ = spaces(0, moved=0.1, n=60, dim=8)
    sampled = neighbour_changes(a, b, limit=20)
    assert sampled.note == "20 of 60 studies, seeded"
    whole = neighbour_changes(a, b)
    assert sampled.overlap.tolist() == whole.overlap[sampled.rows].tolist()
    assert neighbour_changes(a[:4], b[:4]).k == 3
    assert (neighbour_changes(a, a).overlap == 1).all()
    with pytest.raises(ValueError, match="Expected at least 2 studies"):
        neighbour_changes(a[:1], b[:1])
    with pytest.raises(ValueError, match="Expected the same studies and items"):
        neighbour_changes(a, b[:-1])


def test_a_change_of_one_label_is_found_there_alone() -> None:
    rng = np.random.default_rng(0)
    label = np.array(["chest", "hand", "", "rare"] * 100)
    groups = np.arange(400) // 2
    groups[label == "rare"] = np.arange(100) % 4  # a hundred studies of four patients
    a = rng.normal(0.3, 0.1, size=400)
    b = a + 0.005 * rng.normal(size=400) + np.where(label == "hand", 0.1, 0)
    chest, hand, rare = by_group(a, b, label, groups)
    assert (chest.name, chest.n, chest.verdict) == ("chest", 100, "unchanged")
    assert (hand.verdict, hand.difference) == ("better", pytest.approx(0.1, abs=0.01))
    assert hand.low < 0.1 < hand.high
    assert hand.p_holm < 0.05 < chest.p_holm
    assert (rare.n_groups, rare.verdict, rare.low) == (4, "not decidable at this N", None)
    worse = by_group(a, b, label, groups, better="lower")
    assert worse[1].verdict == "worse"
    with pytest.raises(ValueError, match="Expected one value per study"):
        by_group(a, b[:-1], label, groups)


def test_captions_by_length_and_columns_by_value() -> None:
    texts = ["", *["one"] * 6, *["one two"] * 5, *["one two three four"] * 5, "a b c d e f"]
    assert list(dict.fromkeys(by_length(texts))) == ["", "1 word", "2 words", "4 to 6 words"]
    assert by_value(["m", "f", None, float("nan"), " f "]).tolist() == ["m", "f", "", "", "f"]
    age = by_value([*range(40), ""])
    assert list(dict.fromkeys(age)) == ["0 to 9", "10 to 19", "20 to 29", "30 to 39", ""]
    assert by_value(["nan", "9", "10"]).tolist() == ["nan", "9", "10"]
    with pytest.raises(ValueError, match="numeric column or one with at most 12 values; this one has 40"):
        by_value([f"s{i}" for i in range(40)])


def test_slices_of_numbers_come_by_size() -> None:
    by = by_value([str(v) for v in range(100)])
    values = np.full(100, 0.5)
    names = [s.name for s in by_group(values, values, by, np.arange(100))]
    assert names == ["0 to 24", "25 to 49", "50 to 74", "75 to 99"]
    assert {s.verdict for s in by_group(values, values, by, np.arange(100))} == {"unchanged"}


def test_one_flip_is_no_finding_whatever_the_seed() -> None:
    """A third of all resamples leaves the one query out: the interval must reach 0 itself."""
    before, after = np.zeros(60), np.zeros(60)
    after[7] = 1
    every = np.full(60, "all")
    for seed in range(20):
        (one,) = by_group(before, after, every, np.arange(60), seed=seed)
        assert one.low == 0
        assert one.verdict == "not decidable at this N"


def test_no_flip_among_few_patients_decides_nothing() -> None:
    """25 groups that all hit in both sets: up to a tenth of all patients may flip unseen."""
    (one,) = by_group(np.ones(25), np.ones(25), np.full(25, "all"), np.arange(25))
    assert (one.difference, one.verdict) == (0, "not decidable at this N")
    assert one.high == pytest.approx(1 - 0.05 ** (1 / 25))
    (many,) = by_group(np.ones(300), np.ones(300), np.full(300, "all"), np.arange(300))
    assert many.verdict == "unchanged"
