"""Precision, recall and F1 of the findings in generated reports, overall and by finding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from suture.analysis.captions.findings import present
from suture.analysis.captions.record import FindingScore
from suture.analysis.captions.vocabulary import FINDINGS
from suture.analysis.statistics.bootstrap import Estimate

HIT, SAID, TRUE = "hit", "said", "true"
# Numerator, then denominators; F1 is 2 hits / (said + true).
RATIOS = {
    "finding_precision": (HIT, SAID),
    "finding_recall": (HIT, TRUE),
    "finding_f1": (HIT, SAID, TRUE),
}
REASONS = {
    "finding_precision": "no generated report states a finding of the vocabulary",
    "finding_recall": "no true report states a finding of the vocabulary",
    "finding_f1": "no report states a finding of the vocabulary",
}
FindingCounts = Mapping[str, np.ndarray]


def finding_counts(candidates: Sequence[str], references: Sequence[str]) -> dict[str, np.ndarray]:
    """(n_studies,) each: number of findings hit, said and true, in total and by finding ("hit: cyst")."""
    said, true = [present(text) for text in candidates], [present(text) for text in references]
    seen = set().union(*said, *true)
    by_finding_counts: dict[str, np.ndarray] = {}
    for name in (name for name in FINDINGS if name in seen):
        in_said = np.array([name in names for names in said], float)
        in_true = np.array([name in names for names in true], float)
        for kind, values in ((HIT, in_said * in_true), (SAID, in_said), (TRUE, in_true)):
            by_finding_counts[f"{kind}: {name}"] = values
    none = np.zeros(len(said))
    totals = {
        kind: sum((v for k, v in by_finding_counts.items() if k.startswith(f"{kind}: ")), none)
        for kind in (HIT, SAID, TRUE)
    }
    return {**totals, **by_finding_counts}


def f1_by_study(counts: FindingCounts) -> np.ndarray:
    """(n_studies,) F1 of each study's findings; NaN where neither report states one."""
    both = counts[SAID] + counts[TRUE]
    return np.where(both > 0, 2 * counts[HIT] / np.maximum(both, 1), np.nan)


def by_finding(counts: FindingCounts, ratio: Callable[..., Estimate]) -> dict[str, FindingScore]:
    """Scores of every stated finding, in vocabulary order."""
    names = [key.removeprefix(f"{HIT}: ") for key in counts if key.startswith(f"{HIT}: ")]
    return {name: _one(name, counts, ratio) for name in names}


def _one(name: str, counts: FindingCounts, ratio: Callable[..., Estimate]) -> FindingScore:
    hit, said, true = (f"{kind}: {name}" for kind in (HIT, SAID, TRUE))
    return FindingScore(
        precision=ratio(hit, said, reason="no generated report states it"),
        recall=ratio(hit, true, reason="no true report states it"),
        f1=ratio(hit, said, true, weight=2),
        n_true=int(counts[true].sum()),
        n_generated=int(counts[said].sum()),
    )
