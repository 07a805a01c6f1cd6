"""Zero-shot classification: classes are defined by text prompts, without training on labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from suture.analysis.math.arrays import MIN_NORM, unit_rows
from suture.analysis.retrieval.scores import mean_scores
from suture.analysis.statistics.bootstrap import MIN_GROUPS, Estimate, GroupBootstrap, subset_bootstrap

TIE = 1e-7  # cosines that differ by less count as equal


@dataclass(frozen=True)
class ZeroShot:
    """How often the nearest class vector is the right one; higher = better, 1 / classes by chance.

    zero_shot_accuracy           share of studies with the right class nearest; equal cosines share it
    zero_shot_balanced_accuracy  mean over classes of the recall; rare and common classes have equal weight
    recall                       class -> the share among its own studies; undefined without studies
    """

    zero_shot_accuracy: Estimate
    zero_shot_balanced_accuracy: Estimate
    recall: dict[str, Estimate]


def class_vector(prompts: np.ndarray) -> np.ndarray:
    """unit(mean of unit prompt vectors), prompts (n_prompts, dim) -> (dim,).

    ValueError for prompts that cancel out. Source: prompt ensembles of Radford et al. 2021.
    """
    mean = unit_rows(prompts).mean(axis=0)
    length = np.linalg.norm(mean)
    if length < MIN_NORM:
        raise ValueError("The prompts of a class cancel out: their mean has no direction.")
    return mean / length


def zero_shot(
    images: np.ndarray,
    class_vectors: Mapping[str, np.ndarray],
    labels: np.ndarray,
    *,
    bootstrap: GroupBootstrap | None = None,
) -> ZeroShot:
    """Classify each study by the class vector with the highest cosine.

    images         (n_studies, dim) rows
    class_vectors  class -> (dim,), 2 or more
    labels         (n_studies,) of str; "" = none, left out

    Intervals over the groups of the studies, class vectors fixed. Undefined without a labelled study.
    ValueError for fewer than 2 classes, other shapes, or a label that is no class.
    """
    names, labels = list(class_vectors), np.asarray(labels, dtype=str)
    rows = _rows(images, labels)
    unknown = sorted(set(labels.tolist()) - {""} - set(names))
    if len(names) < 2 or unknown:
        raise ValueError(f"Each label needs a class, 2 or more in all; got {names}, without {unknown}.")
    labelled = np.flatnonzero(labels != "")
    bootstrap = bootstrap or GroupBootstrap(np.arange(len(labels)))
    if not len(labelled):
        nothing = bootstrap.undefined("no study has a label")
        return ZeroShot(nothing, nothing, dict.fromkeys(names, nothing))
    scores = rows[labelled] @ unit_rows(np.stack([class_vectors[name] for name in names])).T
    own = np.array([names.index(label) for label in labels[labelled]])
    hits = _hits(scores, own)
    draws = subset_bootstrap(bootstrap, labelled, len(labels))
    common = np.bincount(own).max() / len(own)
    accuracy = replace(_share(hits, draws), note=f"; {len(names)} classes, most common {common:.2g}")
    recall = {name: _recall(hits, own == number, name, draws) for number, name in enumerate(names)}
    return ZeroShot(accuracy, _balanced(hits, own, accuracy, draws), recall)


def finding_auroc(
    images: np.ndarray,
    positive: np.ndarray,
    negative: np.ndarray,
    present: np.ndarray,
    *,
    bootstrap: GroupBootstrap | None = None,
) -> Estimate:
    """Chance that a study with the finding scores above one without; 0.5 = by chance, 1 = always.

    images              (n_studies, dim) rows
    positive, negative  (dim,) class vectors of "{finding}" and "no {finding}"
    present             (n_studies,) of bool

    The score is cos(image, positive) - cos(image, negative), which orders as the softmax over both; ties by
    mid-rank. Interval over groups from each study's placement (DeLong et al. 1988). Undefined with one
    class. ValueError for other shapes. Source: Tiu et al. 2022 (CheXzero).
    """
    present = np.asarray(present, dtype=bool)
    rows = _rows(images, present)
    bootstrap = bootstrap or GroupBootstrap(np.arange(len(present)))
    n_with, n = int(present.sum()), len(present)
    note = f"; {n_with:,} with, {n - n_with:,} without"
    if n_with in (0, n):
        return bootstrap.undefined(f"needs studies with and without the finding{note}")
    plus, minus = unit_rows(np.stack([positive, negative]))
    value, placements = _auroc((rows @ (plus - minus)).round(12), present)
    if value in (0, 1):
        return bootstrap.without_interval(value, note=f"{note}, perfectly separated: no interval")
    if min(len(set(bootstrap.codes[side])) for side in (present, ~present)) < MIN_GROUPS:
        return bootstrap.without_interval(value, note=f"{note}, too few groups for an interval")
    others = np.where(present, n_with, n - n_with)
    influence = (placements - value) * n / others
    (estimate,) = bootstrap.from_influence(np.array([value]), influence, bounds=(0, 1))
    return replace(estimate, note=note)


def _rows(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    if np.ndim(images) != 2 or np.shape(labels) != (len(images),):
        raise ValueError(f"Expected one label an image, got {np.shape(images)} and {np.shape(labels)}.")
    return unit_rows(images) if len(images) else np.asarray(images, dtype=np.float64)


def _hits(scores: np.ndarray, own: np.ndarray) -> np.ndarray:
    """1 where the own class is nearest alone, 1 / m where it is one of m, else 0."""
    first = scores >= scores.max(axis=1, keepdims=True) - TIE
    return first[np.arange(len(own)), own] / first.sum(axis=1)


def _share(hits: np.ndarray, bootstrap: GroupBootstrap) -> Estimate:
    """Mean of hits; Wilson's interval where all are right or all wrong."""
    estimate = mean_scores({"share": hits}, bootstrap=bootstrap)["share"]
    return estimate.clipped(0, 1)


def _recall(hits: np.ndarray, members: np.ndarray, name: str, bootstrap: GroupBootstrap) -> Estimate:
    """Recall of one class with the interval of its own studies."""
    if not members.any():
        return bootstrap.undefined(f"no study is labelled {name!r}")
    return _share(hits[members], subset_bootstrap(bootstrap, np.flatnonzero(members), len(hits)))


def _balanced(hits: np.ndarray, own: np.ndarray, accuracy: Estimate, bootstrap: GroupBootstrap) -> Estimate:
    """Mean of the recalls of the classes that have studies."""
    there, which, counts = np.unique(own, return_inverse=True, return_counts=True)
    recall = np.bincount(which, hits) / counts
    if recall.min() == recall.max() and recall.max() in (0, 1):
        return accuracy  # all right or all wrong: one interval for both
    influence = (hits - recall[which]) * len(hits) / counts[which] / len(there)
    (estimate,) = bootstrap.from_influence(np.array([recall.mean()]), influence, bounds=(0, 1))
    groups = np.bincount(np.unique(np.stack([which, bootstrap.codes]), axis=1)[0])
    few = int((groups < MIN_GROUPS).sum())
    note = f"; {few} of {len(there)} classes have under {MIN_GROUPS} groups: the interval is too narrow"
    return replace(estimate, note=note * bool(few))


def _auroc(scores: np.ndarray, present: np.ndarray) -> tuple[float, np.ndarray]:
    """The AUROC, and for each study the share of the other class that it is ranked correctly against."""
    from scipy.stats import rankdata

    ranks, placements = rankdata(scores), np.empty(len(scores))
    for members in (present, ~present):
        below = ranks[members] - rankdata(scores[members])
        placements[members] = below / (len(scores) - members.sum())
    placements[~present] = 1 - placements[~present]
    return float(placements[present].mean()), placements
