"""All caption scores from sums over studies, so that a resample needs no text processing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from suture.analysis.captions import finding_scores
from suture.analysis.captions.cider import cider
from suture.analysis.captions.ngram_overlap import bleu, bleu_counts, chrf, distinct
from suture.analysis.captions.record import CaptionScores
from suture.analysis.captions.tokens import words
from suture.analysis.captions.word_order import meteor, rouge_l
from suture.analysis.catalogue.captions import CAPTION_METRICS
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap

Totals = Mapping[str, np.ndarray]
MEANS: dict[str, Callable[[Sequence[str], Sequence[str]], float]] = {
    "rouge_l": rouge_l,
    "meteor_exact_stem": meteor,
    "chrf": chrf,
}


def score(
    candidates: Sequence[str],
    references: Sequence[str],
    *,
    groups: np.ndarray,
    resamples: int = 1000,
    seed: int = 0,
) -> CaptionScores:
    """Score generated texts against the references of the same studies.

    candidates, references  one text per study each; an empty candidate scores 0
    groups                  (n_studies,) resampling unit: the patient or case
    resamples, seed         of the bootstrap over groups: equal values pair two systems

    Studies whose reference has no words are left out. ValueError without texts, for different lengths, and if
    no reference has a word.
    """
    groups = np.asarray(groups)
    _check(candidates, references, groups)
    true = [words(text) for text in references]
    kept = [i for i, text in enumerate(true) if text]
    if not kept:
        raise ValueError(
            f"Expected true texts with words, got {len(true)} without any. Are they the right column?"
        )
    said, true = [words(candidates[i]) for i in kept], [true[i] for i in kept]
    bootstrap = GroupBootstrap(groups[kept], resamples=resamples, seed=seed)
    per_study = {
        name: np.array([f(c, r) for c, r in zip(said, true, strict=True)]) for name, f in MEANS.items()
    }
    per_study["cider"] = cider(said, true)
    findings = finding_scores.finding_counts([candidates[i] for i in kept], [references[i] for i in kept])
    sums = Sums(
        bootstrap, {**bleu_counts(said, true), **per_study, **findings, "studies": np.ones(len(kept))}
    )
    per_study["finding_f1"] = finding_scores.f1_by_study(findings)
    return CaptionScores(
        n=len(references),
        n_groups=bootstrap.n_groups,
        metrics={name: _metric(name, sums, said, true) for name in CAPTION_METRICS},
        per_study={name: _spread(values, kept, len(references)) for name, values in per_study.items()},
        findings=finding_scores.by_finding(findings, sums.ratio),
        groups=_fingerprint(groups[kept]),
        seed=seed,
        resamples=resamples,
    )


class Sums:
    """Sums over all studies and under each resample, by name."""

    def __init__(self, bootstrap: GroupBootstrap, parts: Mapping[str, np.ndarray]) -> None:
        self.bootstrap = bootstrap
        rows = np.column_stack(list(parts.values()))
        self.totals: Totals = dict(zip(parts, rows.sum(axis=0), strict=True))
        self.drawn: Totals = dict(zip(parts, bootstrap.sums(rows).T, strict=True))

    def estimate(self, statistic: Callable[[Totals], np.ndarray], *, most: float = np.inf) -> Estimate:
        """A statistic of sums with its interval, cut to 0..most."""
        with np.errstate(divide="ignore", invalid="ignore"):
            value, sampled = statistic(self.totals), statistic(self.drawn)
        (estimate,) = self.bootstrap.summarise(np.array([value]), sampled[:, None], bounds=(0, most))
        return estimate

    def ratio(self, top: str, *bottom: str, weight: float = 1, reason: str = "", most: float = 1) -> Estimate:
        """weight * top / sum(bottom); undefined with the given reason if the denominator is 0."""
        if not sum(self.totals[name] for name in bottom):
            return self.bootstrap.undefined(reason)
        return self.estimate(lambda sums: weight * sums[top] / sum(sums[name] for name in bottom), most=most)


def _metric(name: str, sums: Sums, said: Sequence[Sequence[str]], true: Sequence[Sequence[str]]) -> Estimate:
    family, _, order = name.rpartition("_")
    if family == "bleu":
        if max(len(text) for text in [*said, *true]) < int(order):
            return sums.bootstrap.undefined(f"no text has {order} words")
        return sums.estimate(lambda totals: bleu(totals, int(order)), most=1)
    if family == "distinct":
        value = distinct(said, int(order))
        none = sums.bootstrap.undefined(f"no generated text has {order} word{'s' * (order != '1')}")
        return sums.bootstrap.without_interval(value) if np.isfinite(value) else none
    if name in finding_scores.RATIOS:
        top, *bottom = finding_scores.RATIOS[name]
        return sums.ratio(top, *bottom, weight=len(bottom), reason=finding_scores.REASONS[name])
    if name == "length_ratio":
        return sums.ratio("length", "reference_length", most=np.inf)
    if name == "cider" and len(said) < 2:
        return sums.bootstrap.undefined("document frequencies need at least two references")
    return sums.ratio(name, "studies", most=10 if name == "cider" else 1)


def _check(candidates: Sequence[str], references: Sequence[str], groups: np.ndarray) -> None:
    if isinstance(candidates, str) or isinstance(references, str):
        raise ValueError("Expected one text per study, got a single string. Put it in a list.")
    if not len(references):
        raise ValueError("Expected generated and true texts, got none.")
    if not len(candidates) == len(references) == len(groups):
        raise ValueError(
            "Expected one generated text, one true text and one group per study, "
            f"got {len(candidates)}, {len(references)} and {len(groups)}."
        )


def _spread(values: np.ndarray, kept: Sequence[int], n: int) -> np.ndarray:
    """Values of the kept studies at their positions among n, NaN elsewhere."""
    spread = np.full(n, np.nan)
    spread[kept] = values
    return spread


def _fingerprint(groups: np.ndarray) -> str:
    """Equal for equal groups with equal numbers of studies, independent of order."""
    return hashlib.sha256("\0".join(sorted(groups.astype(str))).encode()).hexdigest()[:16]
