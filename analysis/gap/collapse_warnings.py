"""Warnings that closing the gap goes too far: the space collapses, or retrieval gets worse."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# A fall or rise beyond these limits, relative to the best epoch so far, is a warning.
RANK_FALL, UNIFORMITY_RISE, ANGULAR_RISE, SKEW_FACTOR = 0.2, 0.3, 0.1, 2.0
SKEW_FLOOR = 1.0  # below this, the skewness of a small probe is noise


@dataclass(frozen=True)
class CollapseWarning:
    """One exceeded limit: the metric, its value, the best value so far, and a message for users."""

    name: str
    value: float
    best: float
    message: str


def detect(history: Sequence[Mapping[str, float | None]]) -> list[CollapseWarning]:
    """Compare the last epoch of a run with the best of all earlier ones.

    history: one mapping per epoch, with effective_rank, uniformity_wi, angular_value, hubness_skew,
    recall_at_10, recall_at_10_half (half-width of its 95 % interval) and recall_at_10_chance. Missing
    metrics are not checked. Earlier epochs that retrieve no better than chance, or a standard error worse
    than the last epoch, are no reference: training from scratch first falls into a cone and then leaves it.
    The limits come from the survey of over-closing in docs/training.md.
    """
    if len(history) < 2:
        return []
    current = history[-1]
    before = [h for h in history[:-1] if _is_reference(h, current)]
    half = _value_or(current.get("recall_at_10_half"), math.inf)
    checks = (
        ("effective_rank", max, lambda v, b: v < (1 - RANK_FALL) * b, "Effective rank fell by over 20 %"),
        ("uniformity_wi", min, lambda v, b: v > b + UNIFORMITY_RISE, "Uniformity rose by over 0.3"),
        ("angular_value", min, lambda v, b: v > b + ANGULAR_RISE, "Angular value rose by over 0.1"),
        ("hubness_skew", min, lambda v, b: v > SKEW_FACTOR * max(b, SKEW_FLOOR), "Hubness doubled"),
        ("recall_at_10", max, lambda v, b: v < b - half, "R@10 fell by more than its interval"),
    )
    raised = []
    for name, best_of, exceeded, message in checks:
        known = [v for h in before if (v := h.get(name)) is not None]
        value = current.get(name)
        if known and value is not None:
            best = float(best_of(known))
            if exceeded(value, best):
                raised.append(CollapseWarning(name, value, best, f"{message}: {best:.3g} to {value:.3g}."))
    return raised


def _is_reference(epoch: Mapping[str, float | None], current: Mapping[str, float | None]) -> bool:
    recall, reached = epoch.get("recall_at_10"), current.get("recall_at_10")
    if recall is None or reached is None:
        return True
    learned = recall - _value_or(epoch.get("recall_at_10_half"), 0) > _value_or(
        epoch.get("recall_at_10_chance"), -1
    )
    return learned and reached - _value_or(current.get("recall_at_10_half"), math.inf) / 2 <= recall


def _value_or(value: float | None, default: float) -> float:
    return default if value is None else value
