"""Subgroup comparison: planted differences are found, and no differences are found by chance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact

from suture.analysis.figures import data_of
from suture.analysis.figures.subgroup import subgroup_differences
from suture.analysis.subgroup import (
    UNDECIDED,
    compare_gaps,
    compare_with_rest,
    enrichment,
    subgroup_bootstraps,
)

RNG = np.random.default_rng


def first(n: int, k: int) -> np.ndarray:
    return np.arange(n) < k


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_a_planted_difference_is_found_with_its_size() -> None:
    values, mask = RNG(0).normal(size=600), first(600, 120)
    values[mask] += 1
    found = compare_with_rest(values, mask, np.arange(600))
    assert found.difference == pytest.approx(values[:120].mean() - values[120:].mean())
    assert found.low < 1 < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(1 / 120 + 1 / 480), rel=0.15)
    assert found.verdict == "better"
    assert compare_with_rest(values, mask, np.arange(600), better="lower").verdict == "worse"
    assert compare_with_rest(values, ~mask, np.arange(600)).verdict == "worse"
    assert (found.n_inside, found.n_outside, found.groups_inside) == (120, 480, 120)


def test_a_small_difference_known_well_is_alike_and_an_unsure_one_is_open() -> None:
    values = RNG(1).normal(size=4000)
    assert compare_with_rest(0.01 * values, first(4000, 2000), np.arange(4000)).verdict == "alike"
    assert compare_with_rest(values, first(4000, 30), np.arange(4000)).verdict == UNDECIDED


@pytest.mark.seconds
def test_intervals_of_no_difference_hold_zero_as_often_as_they_say() -> None:
    """Studies of one patient are alike and are selected together: their number is not what counts."""
    rng, groups, held, naive = RNG(2), np.repeat(np.arange(80), 5), 0, 0
    for _ in range(200):
        values = np.repeat(rng.normal(size=80), 5) + 0.2 * rng.normal(size=400)
        mask = np.repeat(rng.random(80) < 0.4, 5)
        for patients in (groups, np.arange(400)):
            found = compare_with_rest(
                values, mask, patients, drawn=subgroup_bootstraps(mask, patients, resamples=300)
            )
            right = found.low <= 0 <= found.high
            held, naive = (held + right, naive) if patients is groups else (held, naive + right)
    assert held / 200 > 0.9
    assert naive / 200 < 0.75, "the test would not see it if groups were ignored"


def test_a_patient_on_both_sides_cancels() -> None:
    rng, groups = RNG(3), np.repeat(np.arange(100), 2)
    values, mask = np.repeat(10 * rng.normal(size=100), 2), np.tile([True, False], 100)
    values[mask] += 0.5
    assert compare_with_rest(values, mask, groups).verdict == "better"
    assert compare_with_rest(values, mask, np.arange(200)).verdict == UNDECIDED


def test_few_groups_get_no_interval_whatever_the_number_of_studies() -> None:
    groups = np.r_[np.zeros(50), np.arange(1, 151)]
    found = compare_with_rest(np.arange(200.0), first(200, 50), groups)
    assert found.low is None
    assert (found.groups_inside, found.verdict) == (1, UNDECIDED)


def test_five_hits_of_five_prove_little() -> None:
    hits = np.r_[np.ones(5), RNG(4).random(300) < 0.7].astype(float)
    found = compare_with_rest(hits, first(305, 5), np.arange(305))
    assert found.difference > 0.25
    assert found.verdict == UNDECIDED
    many = np.r_[np.ones(200), RNG(4).random(300) < 0.7].astype(float)
    assert compare_with_rest(many, first(500, 200), np.arange(500)).verdict == "better"


def test_one_draw_serves_several_measures() -> None:
    values, mask, groups = RNG(5).normal(size=100), first(100, 40), np.arange(100) // 2
    drawn = subgroup_bootstraps(mask, groups)
    assert compare_with_rest(values, mask, groups, drawn=drawn) == compare_with_rest(values, mask, groups)


def test_a_wider_gap_inside_is_found_and_a_small_part_alone_widens_none() -> None:
    rng, mask = RNG(6), first(400, 40)
    content, offset = rng.normal(size=(400, 16)), np.eye(16)[0]
    x = unit(content + rng.normal(size=content.shape) + 2 * offset)
    y = unit(content + rng.normal(size=content.shape) - 2 * offset)
    none = compare_gaps(x, y, mask, np.arange(400))
    assert none.low < 0 < none.high
    far = content + rng.normal(size=content.shape) - np.where(mask[:, None], 6, 2) * offset
    wide = compare_gaps(x, unit(far), mask, np.arange(400))
    assert (wide.verdict, wide.difference > 0.1) == ("wider", True)
    assert compare_gaps(x, unit(far), ~mask, np.arange(400)).verdict == "narrower"


def test_an_enriched_label_is_named_and_comes_first() -> None:
    rng, mask = RNG(7), first(500, 60)
    planted = np.where(mask, rng.random(500) < 0.6, rng.random(500) < 0.2)
    labels = {"finding": np.where(planted, "effusion", "none"), "noise": rng.choice(list("abcdef"), 500)}
    found = enrichment(labels, mask, np.arange(500))
    assert {(e.value, e.verdict) for e in found[:2]} == {("effusion", "more often"), ("none", "less often")}
    assert {e.verdict for e in found[2:]} == {"no more than chance"}
    effusion = next(e for e in found if e.value == "effusion")
    a, b = int(planted[mask].sum()), int(planted[~mask].sum())
    assert (effusion.count_inside, effusion.count_outside) == (a, b)
    assert effusion.inside == pytest.approx(a / 60)
    assert effusion.odds_ratio == pytest.approx((a + 0.5) * (440 - b + 0.5) / ((b + 0.5) * (60 - a + 0.5)))


def test_with_one_study_a_group_p_is_fishers() -> None:
    rng, mask = RNG(8), first(120, 30)
    for share in (0.2, 0.3, 0.45):
        has = np.where(mask, rng.random(120) < share, rng.random(120) < 0.25)
        (one,) = enrichment({"l": np.where(has, "x", "")}, mask, np.arange(120), shuffles=4000)
        table = [[has[mask].sum(), (~has[mask]).sum()], [has[~mask].sum(), (~has[~mask]).sum()]]
        assert one.p == pytest.approx(fisher_exact(table).pvalue, abs=0.04)


def test_labels_of_patients_are_not_found_by_chance_more_often_than_said() -> None:
    rng, groups, p, fisher = RNG(9), np.repeat(np.arange(90), 4), [], []
    for _ in range(60):
        labels = np.repeat(rng.choice(["a", "b"], 90), 4)
        mask = np.repeat(rng.random(90) < 0.3, 4)
        found = enrichment({"l": labels}, mask, groups, shuffles=300)
        p.append(found[0].p)
        has = labels == "a"
        cells = [(has & m).sum() for m in (mask, ~mask)], [(~has & m).sum() for m in (mask, ~mask)]
        fisher.append(fisher_exact(cells).pvalue)
    assert np.mean(np.array(p) < 0.05) < 0.15
    assert np.mean(np.array(fisher) < 0.05) > 0.2, "the test would not see it if groups were ignored"


def test_several_labels_in_a_cell_count_each_and_rare_ones_are_left_out() -> None:
    cells = ["x; y", "x", "y;y", ""] * 25 + ["rare"] * 4
    found = enrichment({"l": cells}, first(104, 20), np.arange(104), shuffles=50)
    assert {e.value: e.count_inside + e.count_outside for e in found} == {"x": 50, "y": 50}
    assert enrichment({"l": cells}, first(104, 20), np.arange(104), most=1)[0].value in "xy"


def test_a_selection_of_few_groups_is_not_decidable() -> None:
    found = enrichment({"l": ["x", "y"] * 50}, first(100, 3), np.arange(100))
    assert {(e.p, e.verdict) for e in found} == {(None, UNDECIDED)}
    assert enrichment({}, first(100, 30), np.arange(100)) == ()


@pytest.mark.parametrize("mask", [np.zeros(4, bool), np.ones(4, bool)])
def test_both_sides_are_needed(mask: np.ndarray) -> None:
    with pytest.raises(ValueError, match="selected and other studies"):
        compare_with_rest(np.ones(4), mask, np.arange(4))
    with pytest.raises(ValueError, match="selected and other studies"):
        enrichment({}, mask, np.arange(4))


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match=r"'values' per study, got 3 for 4"):
        compare_with_rest(np.ones(3), first(4, 2), np.arange(4))
    with pytest.raises(ValueError, match=r"'l' per study, got 1 for 4"):
        enrichment({"l": ["x"]}, first(4, 2), np.arange(4))


def test_the_figure_tells_the_same_numbers_and_keeps_strangers_words_plain() -> None:
    values, mask = RNG(10).normal(size=60), first(60, 20)
    one = compare_with_rest(values, mask, np.arange(60))
    few = compare_with_rest(values, first(60, 2), np.arange(60))
    drawn = subgroup_differences({"<b>cosine": {"A": one, "B": few}, "rank": {"A": one, "B − A": one}})
    rows = data_of(drawn)
    assert [(r["number"], r["set"]) for r in rows] == [
        ("<b>cosine", "A"), ("<b>cosine", "B"), ("rank", "A"), ("rank", "B − A"),
    ]  # fmt: skip
    assert (rows[0]["selected - rest"], rows[0]["low"]) == (one.difference, one.low)
    assert rows[1]["low"] is None
    assert "<b>" not in str(drawn.layout.annotations) + "".join(t.hovertemplate for t in drawn.data)
