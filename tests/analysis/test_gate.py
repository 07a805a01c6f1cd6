"""Conditions on differences: which fail a build, which do not, and which are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from suture.analysis.compare import Comparison, compare
from suture.analysis.compare.gate import parse_condition, violations
from suture.analysis.evaluate import evaluate
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import Refused
from tests.analysis.test_evaluate import studies


@pytest.fixture(scope="module")
def worse() -> Comparison:
    """B: images are those of other studies for a third of the rows."""
    a = studies()
    x = a.vectors["image"].copy()
    x[:40] = np.roll(x[:40], 7, axis=0)
    b = EmbeddingSet("B", {"image": x, "report": a.vectors["report"]}, a.rows)
    return compare(evaluate(a, resamples=50), evaluate(b, resamples=50))


def test_a_loss_beyond_the_limit_is_named(worse: Comparison) -> None:
    found = violations(parse_condition("recall_at_10 < -0.02"), worse)
    assert len(found) == 2  # both directions
    assert found[0].startswith("recall_at_10 of image->report: -0.")
    assert violations(parse_condition("recall_at_10<-0.99"), worse) == []


def test_a_condition_can_name_its_protocol(worse: Comparison) -> None:
    assert parse_condition("recall_at_1:strict<=-1e-2").protocol == "strict"
    assert violations(parse_condition("recall_at_1:strict<0"), worse)


def test_a_number_that_b_lost_fails_the_build(worse: Comparison) -> None:
    lost = [
        replace(r, difference=None, b=replace(r.b, value=None, reason="the space collapsed"))
        for r in worse.rows
    ]
    (told,) = violations(parse_condition("centroid_gap>9"), replace(worse, rows=tuple(lost)))
    assert told.startswith("centroid_gap of image and report: undefined in B, the space collapsed")
    assert violations(parse_condition("centroid_gap>9"), worse) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("recall_at_10", "Expected name, one of < <= > >="),
        ("recall_at_10<1.2.3", "is not a number"),
        ("recall_at_11<0", "There is no metric 'recall_at_11'. Expected one of: centroid_gap,"),
        ("<0", "got '<0'"),
    ],
)
def test_other_texts_are_refused(text: str, words: str) -> None:
    with pytest.raises(Refused, match=words.replace("?", r"\?")):
        parse_condition(text)


def test_a_gate_that_would_check_nothing_is_refused(worse: Comparison) -> None:
    with pytest.raises(Refused, match="Extended metrics need --full"):
        violations(parse_condition("mmd_squared>0"), worse)
    with pytest.raises(Refused, match="concerns no number"):
        violations(parse_condition("recall_at_10:other<0"), worse)
