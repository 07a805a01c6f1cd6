"""The demo's claims: the gap closes, pairs come closer, and retrieval does not suffer."""

from __future__ import annotations

from pathlib import Path

import pytest

from suture.analysis.evaluate import Evaluation
from suture.data.workspace import Workspace
from suture.models import builtin
from suture.models.embedding.embed import embed
from suture.models.losses.config import preset
from suture.models.training.config import TrainingConfig
from suture.models.training.run import train
from suture.workflows import demo
from suture.workflows.evaluate import evaluation

PAIR = ("image", "report")


def value(found: Evaluation, name: str, *modalities: str, **where: str) -> float:
    metric = found.find(name, *modalities, **where)
    assert metric is not None, name
    return metric.value


def check_direction(baseline: Evaluation, closed: Evaluation) -> None:
    for name in ("centroid_gap", "centroid_gap_debiased"):
        assert value(closed, name, *PAIR) < value(baseline, name, *PAIR)
    assert value(closed, "cos_true_pairs", *PAIR) > value(baseline, "cos_true_pairs", *PAIR)
    for a, b in (PAIR, PAIR[::-1]):
        where = {"direction": f"{a}->{b}", "protocol": "multi_positive"}
        before = baseline.find("recall_at_10", **where)
        assert before is not None
        assert before.low is not None
        assert value(closed, "recall_at_10", **where) >= before.low
    for modality in PAIR:
        assert value(closed, "effective_rank", modality) > 0.8 * value(baseline, "effective_rank", modality)
    by_finding = {"label": "finding"}
    assert value(closed, "v_measure", *PAIR, **by_finding) > value(baseline, "v_measure", *PAIR, **by_finding)


def test_the_checkpoints_that_come_with_suture_hold_the_claims(demo_home: Path) -> None:
    workspace = Workspace(demo_home)
    baseline, closed = (
        evaluation(workspace, f"demo @ {name}", split="test") for name in (builtin.TRAINED, builtin.ALIGNED)
    )
    check_direction(baseline, closed)
    assert value(baseline, "centroid_gap", *PAIR) >= 0.3
    ratio = value(closed, "centroid_gap", *PAIR) / value(baseline, "centroid_gap", *PAIR)
    assert ratio <= 0.31
    gain = value(closed, "cos_true_pairs", *PAIR) - value(baseline, "cos_true_pairs", *PAIR)
    assert gain >= 0.34


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_short_training_moves_every_number_the_claimed_way(workspace: Workspace) -> None:
    demo.make_collection(workspace, lambda what, share: None, studies=800)
    found = []
    for objective in ("clip", "gap-closing"):
        config = TrainingConfig(
            collection="demo",
            start=builtin.START,
            name=objective,
            preset=objective,
            objective=preset(objective),
            start_temperature=0.02 if objective == "clip" else 0.0,
            epochs=5,
            batch=64,
            learning_rate=1e-3,
            keep="last",
            probe=32,
        )
        train(workspace, config)
        embed(workspace, "demo", objective, name=objective)
        found.append(evaluation(workspace, objective, split="test", resamples=200))
    check_direction(*found)
