"""Collapse warnings: each is raised for its own problem, and none for a healthy run."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from suture.analysis.gap import collapse_warnings

HEALTHY = {
    "effective_rank": 40.0,
    "uniformity_wi": -2.8,
    "angular_value": 0.05,
    "hubness_skew": 1.4,
    "recall_at_10": 0.50,
    "recall_at_10_half": 0.05,
    "recall_at_10_chance": 0.04,
}
Row = Mapping[str, float | None]


def row(**changes: float | None) -> Row:
    return {**HEALTHY, **changes}


def names(*history: Row) -> list[str]:
    return [w.name for w in collapse_warnings.detect(history)]


@pytest.mark.parametrize(
    ("change", "struck", "spared", "best", "message"),
    [
        ("effective_rank", 31.9, 32.1, 40.0, "Effective rank fell by over 20 %: 40 to 31.9."),
        ("uniformity_wi", -2.49, -2.51, -2.8, "Uniformity rose by over 0.3: -2.8 to -2.49."),
        ("angular_value", 0.151, 0.149, 0.05, "Angular value rose by over 0.1: 0.05 to 0.151."),
        ("hubness_skew", 2.81, 2.79, 1.4, "Hubness doubled: 1.4 to 2.81."),
        ("recall_at_10", 0.449, 0.451, 0.5, "R@10 fell by more than its interval: 0.5 to 0.449."),
    ],
)
def test_each_guard_strikes_beyond_its_limit_and_not_before(
    change: str, struck: float, spared: float, best: float, message: str
) -> None:
    [warning] = collapse_warnings.detect([row(), row(), row(**{change: struck})])
    assert (warning.name, warning.value, warning.best) == (change, struck, best)
    assert warning.message == message
    assert names(row(), row(), row(**{change: spared})) == []


def test_the_best_epoch_so_far_is_what_counts() -> None:
    slowly = [row(effective_rank=40.0 - 3 * i) for i in range(4)]
    assert names(*slowly[:3]) == []
    assert names(*slowly) == ["effective_rank"]
    assert names(row(recall_at_10=0.45), row(recall_at_10=0.51), row(recall_at_10=0.455)) == ["recall_at_10"]


def test_hubness_of_a_small_probe_is_noise_below_one() -> None:
    assert names(row(hubness_skew=0.2), row(hubness_skew=1.9)) == []
    assert names(row(hubness_skew=-0.5), row(hubness_skew=2.1)) == ["hubness_skew"]


def test_a_collapse_strikes_several_guards_at_once() -> None:
    point = {"effective_rank": 2.0, "uniformity_wi": -0.1, "angular_value": 0.98, "recall_at_10": 0.1}
    assert names(row(), row(**point)) == [
        "effective_rank",
        "uniformity_wi",
        "angular_value",
        "recall_at_10",
    ]


def test_nothing_is_said_of_one_epoch_or_of_numbers_that_are_missing() -> None:
    assert names() == []
    assert names(row()) == []
    assert names(row(), row(effective_rank=None, recall_at_10=None)) == []
    assert names(row(angular_value=None), {"uniformity_wi": -2.8}) == []
    assert names(row(recall_at_10_half=None), row(recall_at_10=0.1, recall_at_10_half=None)) == []


def test_a_run_that_goes_well_is_left_alone() -> None:
    """Fine-tuning that closes the gap: numbers of a real run on synthetic studies."""
    start = row(effective_rank=38.0, uniformity_wi=-2.80, angular_value=0.041, recall_at_10=0.511)
    one = row(effective_rank=35.5, uniformity_wi=-2.70, angular_value=0.033, recall_at_10=0.536)
    two = row(effective_rank=36.8, uniformity_wi=-2.83, angular_value=0.021, recall_at_10=0.529)
    assert names(start, one) == []
    assert names(start, one, two) == []


# Training from scratch, CLIP's loss, numbers of a real run: the untrained encoders use many directions
# that mean nothing, fall into a cone in the first steps, and leave it as they learn.
NUMBERS = (
    "effective_rank",
    "uniformity_wi",
    "angular_value",
    "hubness_skew",
    "recall_at_10",
    "recall_at_10_half",
)
SCRATCH = [
    (42.6, -1.201, 0.672, 2.632, 0.075, 0.051),
    (29.1, -0.393, 0.878, 1.637, 0.210, 0.075),
    (24.7, -0.468, 0.846, 1.599, 0.230, 0.071),
    (21.5, -0.870, 0.628, 1.329, 0.280, 0.079),
    (21.7, -0.964, 0.556, 0.792, 0.300, 0.076),
    (22.0, -0.992, 0.545, 0.786, 0.325, 0.085),
]


def test_training_from_scratch_does_not_warn() -> None:
    """An epoch that retrieves no better than chance, or worse than now, had nothing to lose."""
    history = [row(**dict(zip(NUMBERS, epoch, strict=True)), recall_at_10_chance=0.1) for epoch in SCRATCH]
    for epochs in range(1, len(history) + 1):
        assert names(*history[:epochs]) == []
    assert names(*history, {**history[-1], "effective_rank": 17.0}) == ["effective_rank"]


def test_two_steps_into_a_cone_are_no_loss_while_nothing_is_retrieved() -> None:
    by_chance = {"recall_at_10": 0.045, "recall_at_10_half": 0.025}
    assert names(row(**by_chance), row(**by_chance, angular_value=0.96, uniformity_wi=-0.13)) == []
    better = {"recall_at_10": 0.09, "recall_at_10_half": 0.025}
    assert names(row(**better), row(**better, angular_value=0.96)) == ["angular_value"]
