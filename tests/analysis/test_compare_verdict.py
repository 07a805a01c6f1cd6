"""Verdict words follow from intervals, and sentences from verdict words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.analysis.compare import Comparison, compare, summary, verdict_word
from suture.analysis.compare.verdict_words import GAP_FAMILY
from suture.analysis.evaluate import Evaluation, Metric

DRAWS = np.random.default_rng(0).normal(size=400)
PAIR = ("image", "report")


@pytest.mark.parametrize(
    ("low", "high", "better", "closes_from", "expected"),
    [
        (-0.01, 0.02, "higher", None, "unchanged"),
        (0.001, 0.019, "higher", None, "unchanged"),  # sure, and too small to name
        (-0.01, 0.03, "higher", None, "not decidable at this N"),
        (-0.5, 0.4, "lower", 1.0, "not decidable at this N"),
        (0.0, 0.03, "higher", None, "not decidable at this N"),
        (0.01, 0.03, "higher", None, "better"),
        (0.01, 0.03, "lower", None, "worse"),
        (-0.03, -0.01, "lower", None, "better"),
        (-0.03, -0.01, "higher", None, "worse"),
        (-0.03, -0.01, "neither", None, "changed"),
        (-0.53, -0.49, "lower", 0.57, "closed"),
        (-0.53, -0.20, "lower", 0.57, "narrowed"),  # its cautious end leaves more than half
        (0.2, 0.3, "lower", 0.57, "worse"),
        (None, None, "lower", 0.57, "no interval"),
        (np.nan, np.nan, "higher", None, "no interval"),
    ],
)
def test_words(low: float, high: float, better: str, closes_from: float | None, expected: str) -> None:
    assert verdict_word(low, high, margin=0.02, better=better, closes_from=closes_from) == expected


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 0.5), st.sampled_from(["lower", "higher"]))
def test_no_praise_without_an_interval_that_says_so(
    low: float, width: float, margin: float, better: str
) -> None:
    high = low + width
    found = verdict_word(
        low, high, margin=margin, better=better, closes_from=0.5 if better == "lower" else None
    )
    if found in ("closed", "narrowed", "better"):
        assert high < 0 if better == "lower" else low > 0
    if found == "closed":
        assert high <= -0.25
    mirrored = verdict_word(-high, -low, margin=margin, better={"lower": "higher", "higher": "lower"}[better])
    assert (found in ("closed", "narrowed", "better")) == (mirrored == "better")


def metric(name: str, value: float, spread: float, better: str, of: tuple[str, ...] = PAIR) -> Metric:
    """A number whose paired difference has a known spread: B's own draws are added to A's."""
    where = {"direction": "->".join(of), "protocol": "multi_positive"} if "recall" in name else {}
    replicates = value + spread * DRAWS
    return Metric(name, of, value, None, None, 200, 200, "", better, replicates=replicates, **where)


def evaluation(name: str, spread: float, **values: float) -> Evaluation:
    """Image and report: two gaps, pair distance and its parts, recall both ways, effective rank of images."""
    better = {"cos_true_pairs": "higher", "effective_rank": "higher"}
    metrics = []
    for metric_name, value in values.items():
        direction = better.get(metric_name, "higher" if "recall" in metric_name else "lower")
        of = [PAIR, PAIR[::-1]] if "recall" in metric_name else [PAIR]
        of = [("image",)] if metric_name == "effective_rank" else of
        metrics += [metric(metric_name, value, spread, direction, o) for o in of]
    return Evaluation(name, "test", 200, PAIR, tuple(metrics))


BEFORE = {
    "centroid_gap": 0.57,
    "centroid_gap_debiased": 0.57,
    "alignment": 0.9,
    "paired_residual": 0.9 - 0.57**2,
    "recall_at_10": 0.4,
    "effective_rank": 30.0,
}


def describe(spread: float = 0.01, **change: float) -> Comparison:
    after = {**BEFORE, **change}
    return compare(evaluation("A", 0.0, **BEFORE), evaluation("B", spread, **after))


def test_a_closed_gap_in_words() -> None:
    after = {"centroid_gap": 0.06, "centroid_gap_debiased": 0.06, "alignment": 0.9 - 0.57**2 + 0.06**2}
    verdict = summary(describe(**after), PAIR)
    assert verdict.headline.startswith("The gap closed: 0.57 to 0.06 (-0.51, interval -0.53 to -0.49).")
    assert any("of true pairs fell: 0.90 to 0.58" in r for r in verdict.reasons)
    assert any("the centroid offset accounts for -0.32, single pairs for +0.00" in r for r in verdict.reasons)
    assert any("(100 % is offset)" in r for r in verdict.reasons)
    assert "Recall@10 from image to report is unchanged: 40.0 % to 40.0 %" in verdict.reasons[1]
    assert summary(describe(**after), PAIR[::-1]) == verdict, "the order of the pair says nothing"


@pytest.mark.parametrize(
    ("gap", "spread", "expected"),
    [
        (0.40, 0.01, "The gap narrowed: 0.57 to 0.40"),
        (0.80, 0.01, "The gap widened: 0.57 to 0.80"),
        (0.57, 0.001, "The gap is unchanged: 0.57 to 0.57"),
        (0.40, 0.3, "Whether the gap changed is not decidable with 200 studies: 0.57 to 0.40"),
    ],
)
def test_headlines(gap: float, spread: float, expected: str) -> None:
    changed = describe(spread, centroid_gap=gap, centroid_gap_debiased=gap)
    assert summary(changed, PAIR).headline.startswith(expected)


@pytest.mark.parametrize(("recall", "verb"), [(0.5, "rose"), (0.3, "fell"), (0.4, "is unchanged")])
def test_retrieval_is_said_in_both_directions(recall: float, verb: str) -> None:
    lines = summary(describe(0.005, recall_at_10=recall), PAIR).reasons
    assert sum(f"Recall@10 from image to report {verb}: 40.0 %" in r for r in lines) == 1
    assert sum(f"Recall@10 from report to image {verb}: 40.0 %" in r for r in lines) == 1


def test_a_collapse_is_warned_of_unless_it_may_be_chance() -> None:
    fell = summary(describe(0.01, effective_rank=20.0), PAIR).reasons
    assert any("may be collapsing: Effective rank fell by over 20 %: 30 to 20 (image)" in r for r in fell)
    open_to_chance = summary(describe(20.0, effective_rank=20.0), PAIR).reasons
    assert not any("collapsing" in r for r in open_to_chance)
    assert any(r.startswith("Not decidable at this N: ") and "Effective rank" in r for r in open_to_chance)
    assert any("No sign of over-closing" in r for r in summary(describe(), PAIR).reasons)


def test_nothing_to_say_is_said() -> None:
    empty = Comparison("A", "B", "test", 1, PAIR, ())
    verdict = summary(empty, PAIR)
    assert verdict.headline == "Too few studies with both image and report to compare the gap."
    assert verdict.reasons == ()
    bare = tuple(replace(r, low=None, high=None, verdict="no interval") for r in describe().rows)
    without = summary(replace(describe(), rows=bare), PAIR)
    assert without.headline.startswith(
        "Too few groups for an interval of the gap, so no verdict: 0.57 to 0.57"
    )
    assert any(r.startswith("No interval: Centroid gap") for r in without.reasons)


def test_three_modalities_are_named() -> None:
    three = replace(describe(centroid_gap_debiased=0.06), modalities=(*PAIR, "history"))
    assert summary(three, PAIR).headline.startswith("The gap between image and report closed")


def test_the_gap_family_is_in_the_catalogue() -> None:
    from suture.analysis.catalogue import CATALOGUE

    unknown = {name for name in GAP_FAMILY if name not in CATALOGUE}
    assert not unknown, f"renamed or gone: {unknown}"
    assert all(CATALOGUE[name].better == "lower" for name in GAP_FAMILY)
