"""Evaluations: replicates, reasons, controls, and the JSON round trip."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from suture.analysis.catalogue import CATALOGUE
from suture.analysis.catalogue.table import DOCS, with_catalogue
from suture.analysis.evaluate import Evaluation, evaluate, evaluation_from_json
from suture.analysis.math.arrays import unit_rows
from suture.analysis.statistics.bootstrap import GroupBootstrap, interval
from suture.data.embedding_set import EmbeddingSet

N = 120


def studies(modalities: int = 2, n: int = N, noise: float = 0.3) -> EmbeddingSet:
    rng = np.random.default_rng(0)
    content = rng.normal(size=(n, 16))
    names = ("image", "report", "history")[:modalities]
    vectors = {
        m: unit_rows(content + noise * rng.normal(size=content.shape) + 2 * np.eye(16)[i])
        for i, m in enumerate(names)
    }
    ids = [f"s{i}" for i in range(n)]
    group = [f"g{i // 2}" for i in range(n)]
    rows = pd.DataFrame({"study_id": ids, "group": group, "split": "test", "duplicate_group": [""] * n})
    rows["region"] = np.where(np.arange(n) % 3, "chest", "hand")
    return EmbeddingSet("A", vectors, rows)


@pytest.fixture(scope="module")
def measured() -> Evaluation:
    return evaluate(studies(3), resamples=50, extended=True)


def test_every_metric_of_the_catalogue_is_measured_or_says_why_not(measured: Evaluation) -> None:
    names = {m.name for m in measured.metrics}
    elsewhere = {
        m for m in CATALOGUE if m.startswith("zero_shot_") or m in ("procrustes_disparity",)
    }  # prompts need a checkpoint
    assert set(CATALOGUE) - names - elsewhere == set()
    for m in measured.metrics:
        assert (m.value is None) == bool(m.reason), m.name


def test_default_metrics_are_fewer_and_the_same_numbers(measured: Evaluation) -> None:
    short = evaluate(studies(3), resamples=50)
    full = {m.key: m for m in measured.metrics}
    assert len(short.metrics) < len(measured.metrics)
    assert not any(CATALOGUE[m.name].extended for m in short.metrics if m.name in CATALOGUE)
    for m in short.metrics:
        assert m.value == full[m.key].value, m.name


def test_an_evaluation_survives_the_way_to_disk(measured: Evaluation) -> None:
    text = json.dumps(measured.to_json(), allow_nan=False)
    back = evaluation_from_json(json.loads(text), measured.replicates())
    assert back == measured
    for kept, m in zip(back.metrics, measured.metrics, strict=True):
        assert kept.replicates == pytest.approx(m.replicates, rel=1e-6, abs=1e-6)


def test_intervals_are_those_of_the_replicates(measured: Evaluation) -> None:
    gap = measured.find("cos_true_pairs", "image", "report")
    assert gap is not None
    assert interval(gap.replicates) == pytest.approx((gap.low, gap.high))
    assert gap.n_groups == N // 2


def test_shuffled_partners_leave_the_gap_and_lose_the_pairs(measured: Evaluation) -> None:
    controls = {(c.name, c.modalities): c for c in measured.controls}
    gap = controls["centroid_gap", ("image", "report")]
    assert gap.shuffled == pytest.approx(gap.true, abs=1e-9)
    recall = controls["recall_at_10", ("report", "image")]
    assert recall.true > 0.9
    assert recall.expected == pytest.approx((10 - recall.true) / (N - 1)), "the own partner holds a place"
    assert recall.shuffled < 0.3
    assert all(c.holds for c in measured.controls)


def test_no_gap_is_not_told_from_none_and_a_gap_is() -> None:
    far = evaluate(studies(), resamples=20).find("centroid_gap")
    assert far is not None
    assert far.p is not None
    assert far.p < 0.01
    one = studies()
    rng = np.random.default_rng(1)
    swap = rng.random(N // 2).repeat(2)[:, None] < 0.5  # by group: whatever is between them, it has no side
    x, y = one.vectors["image"], one.vectors["report"]
    mixed = {"image": np.where(swap, x, y), "report": np.where(swap, y, x)}
    near = evaluate(EmbeddingSet("B", mixed, one.rows), resamples=20).find("centroid_gap")
    assert near is not None
    assert near.p is not None
    assert near.p > 0.01


def test_two_studies_are_measured_and_one_is_not() -> None:
    two = evaluate(studies(n=2), resamples=20, extended=True)
    gap = two.find("centroid_gap")
    assert gap is not None
    assert gap.low is None
    assert evaluate(studies(n=1), resamples=20).metrics == ()


def test_a_linear_interval_of_a_mean_is_the_resampled_one() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=200)
    bootstrap = GroupBootstrap(np.arange(200) // 4, resamples=400)
    (resampled,) = bootstrap.resample(lambda w: (w @ values / w.sum(1))[:, None], centred=False)
    (linear,) = bootstrap.from_influence(np.array([values.mean()]), values - values.mean())
    assert linear.replicates == pytest.approx(resampled.replicates, abs=1e-5)


def test_the_docs_hold_the_whole_catalogue() -> None:
    page = DOCS.read_text()
    assert page == with_catalogue(page), "docs/metrics.md is stale: python -m suture.analysis.catalogue.table"
    for info in CATALOGUE.values():
        assert f"`{info.name}`" in page
        assert info.source
        assert info.pitfall


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_function_of_each_metric_exists(name: str) -> None:
    import importlib

    module, _, function = CATALOGUE[name].function.rpartition(".")
    assert callable(getattr(importlib.import_module(module), function)), CATALOGUE[name].function
