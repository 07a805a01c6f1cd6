"""Every number of the first set for every pair of modalities of an embedding set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from analysis import gap, geometry
from analysis.catalogue import CATALOGUE
from analysis.clustering import v_measure
from analysis.hubness import hubness_skew
from analysis.retrieval import PROTOCOLS, Retrieval, joint_keys, retrieval
from analysis.uncertainty import INTERVAL, Estimate, GroupBootstrap
from data.collection import DUPLICATE, GROUP
from data.embeddings import EmbeddingSet

LABEL_VALUES = range(2, 31)  # labels with fewer or more values are not held against clusters
MAX_LABELS = 3


@dataclass(frozen=True)
class Metric:
    """One number with everything needed to read it.

    low, high  95 % interval over groups; None where none is computed
    direction  "image->caption" for retrieval, else None; protocol likewise
    label      column of labels that the clusters are held against, else None
    """

    name: str
    modalities: tuple[str, ...]
    value: float
    low: float | None
    high: float | None
    n: int
    n_groups: int
    convention: str
    better: str
    direction: str | None = None
    protocol: str | None = None
    n_gallery: int | None = None
    label: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Fields that apply, ready for JSON."""
        return {k: v for k, v in asdict(self).items() if v is not None or k in ("low", "high")}


@dataclass(frozen=True)
class Evaluation:
    """All metrics of one split of one embedding set."""

    set: str
    split: str
    n: int
    modalities: tuple[str, ...]
    metrics: tuple[Metric, ...]
    interval: str = INTERVAL

    def to_json(self) -> dict[str, Any]:
        """The machine-readable form of `suture evaluate --json`."""
        record = {"set": self.set, "split": self.split, "n": self.n, "interval": self.interval}
        metrics = [m.to_json() for m in self.metrics]
        return {**record, "modalities": list(self.modalities), "metrics": metrics}

    def find(
        self,
        name: str,
        *modalities: str,
        direction: str | None = None,
        protocol: str | None = None,
        label: str | None = None,
    ) -> Metric | None:
        """The first metric of that name, for these modalities (in this order), or None."""
        for m in self.metrics:
            same = m.name == name and (not modalities or m.modalities == modalities)
            wanted = ((direction, m.direction), (protocol, m.protocol), (label, m.label))
            if same and all(asked in (None, found) for asked, found in wanted):
                return m
        return None


def evaluation_from_json(record: dict[str, Any]) -> Evaluation:
    """The inverse of `Evaluation.to_json`."""
    metrics = tuple(Metric(**{**m, "modalities": tuple(m["modalities"])}) for m in record["metrics"])
    return Evaluation(
        record["set"],
        record["split"],
        record["n"],
        tuple(record["modalities"]),
        metrics,
        record["interval"],
    )


def evaluate(
    embeddings: EmbeddingSet,
    *,
    split: str = "all",
    resamples: int = 1000,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Evaluation:
    """Measure a split: one modality at a time, then every pair, then mean and max over pairs.

    Studies that lack a modality are left out of what concerns it; each metric carries its n.
    KeyError for a split that does not exist.
    """
    part = embeddings.split(split)
    names = part.modalities
    steps = [*((m,) for m in names), *combinations(names, 2)]
    metrics: list[Metric] = []
    for number, step in enumerate(steps):
        if progress:
            progress(number / len(steps), " and ".join(step))
        measure = _single if len(step) == 1 else _pair
        metrics.extend(measure(part, step, resamples, seed))
    if len(names) > 2:
        metrics.extend(_over_pairs(metrics, tuple(names)))
    return Evaluation(embeddings.name, split, len(part), tuple(names), tuple(metrics))


def _single(part: EmbeddingSet, step: tuple[str, ...], resamples: int, seed: int) -> Iterator[Metric]:
    rows, groups = _shared(part, step)
    if len(rows) < 2:
        return
    z = part.vectors[step[0]][rows]
    bootstrap = GroupBootstrap(groups, resamples=resamples, seed=seed)
    yield _metric("angular_value", step, gap.angular_value(z, bootstrap=bootstrap))
    yield _metric("uniformity_wi", step, geometry.uniformity_wi(z, bootstrap=bootstrap))
    for name, estimate in vars(geometry.spread(z, bootstrap=bootstrap)).items():
        yield _metric(name, step, estimate)


def _pair(part: EmbeddingSet, step: tuple[str, ...], resamples: int, seed: int) -> Iterator[Metric]:
    rows, groups = _shared(part, step)
    if len(rows) < 2:
        return
    x, y = (part.vectors[m][rows] for m in step)
    bootstrap = GroupBootstrap(groups, resamples=resamples, seed=seed)
    for name, estimate in vars(gap.pair_gap(x, y, bootstrap=bootstrap)).items():
        if not np.isnan(estimate.value):
            yield _metric(name, step, estimate)
    stack = np.concatenate([x, y])
    note = " on the stack of both modalities"
    pooled = geometry.uniformity_wi(stack, bootstrap=bootstrap)
    yield _metric("uniformity_wi", step, pooled, note=note)
    pooled = geometry.uniformity_w2(stack, bootstrap=bootstrap)
    yield _metric("uniformity_w2", step, pooled, note=note)
    for a, b in (step, step[::-1]):
        yield from _retrieval(part, rows, groups, a, b, resamples, seed)
        skew = _without_interval(hubness_skew(part.vectors[a][rows], part.vectors[b][rows]), groups)
        yield _metric("hubness_skew", (a, b), skew, direction=f"{a}->{b}", n_gallery=len(rows))
    yield from _clusters(part, rows, groups, step)


def _clusters(
    part: EmbeddingSet, rows: np.ndarray, groups: np.ndarray, step: tuple[str, ...]
) -> Iterator[Metric]:
    """Whether clusters follow the labels or the modality, for the first labels that have few values."""
    columns = {name: part.rows[name].to_numpy(str)[rows] for name in part.labels}
    fit = [name for name, values in columns.items() if len(set(values) - {""}) in LABEL_VALUES]
    for name in fit[:MAX_LABELS]:
        values = columns[name]
        found = v_measure([part.vectors[m][rows] for m in step], values)
        labelled, about = groups[values != ""], f"; label {name}, K = {found.k}"
        match, mixed = (_without_interval(v, labelled) for v in (found.v_measure, found.nmi_with_modality))
        yield _metric("v_measure", step, match, note=f"{about}, sd {found.sd:.3f}", label=name)
        yield _metric("cluster_modality_nmi", step, mixed, note=about, label=name)


def _without_interval(value: float, groups: np.ndarray) -> Estimate:
    return Estimate(value, np.nan, np.nan, len(groups), len(set(groups)), 0)


def _retrieval(
    part: EmbeddingSet,
    rows: np.ndarray,
    groups: np.ndarray,
    a: str,
    b: str,
    resamples: int,
    seed: int,
) -> Iterator[Metric]:
    keyed, related, same_text = right_answers(part, a, b)
    for protocol in PROTOCOLS:
        result = retrieval(
            part.vectors[a][rows],
            part.vectors[b][rows],
            protocol=protocol,
            keys=(same_text if protocol == "deduplicated" else related)[rows],
            keyed=keyed,
            groups=groups,
            resamples=resamples,
            seed=seed,
        )
        yield from _scores(result, (a, b))


def _scores(result: Retrieval, step: tuple[str, str]) -> Iterator[Metric]:
    where: dict[str, Any] = {
        "direction": f"{step[0]}->{step[1]}",
        "protocol": result.protocol,
        "n_gallery": result.n_gallery,
    }
    for k, estimate in result.recall.items():
        yield _metric(f"recall_at_{k}", step, estimate, **where)
    yield _metric("median_rank", step, result.median_rank, note="; interval not centred", **where)


def right_answers(part: EmbeddingSet, a: str, b: str) -> tuple[Any, np.ndarray, np.ndarray]:
    """(side whose texts repeat, keys for multi_positive, keys for deduplicated), one key a study.

    Right answers share text or duplicate group; what is kept once is the text alone, where texts are
    known.
    """
    keyed = "gallery" if (part.key(b) != "").any() or not (part.key(a) != "").any() else "queries"
    texts = part.key(b if keyed == "gallery" else a)
    both = joint_keys(texts, part.rows[DUPLICATE].to_numpy(dtype=object))
    return keyed, both, joint_keys(texts, np.full(len(texts), "")) if (texts != "").any() else both


def _shared(part: EmbeddingSet, step: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Rows that have all these modalities, and their groups."""
    rows = part.rows_with(*step)
    return rows, part.rows[GROUP].to_numpy()[rows]


def _metric(name: str, step: tuple[str, ...], estimate: Estimate, *, note: str = "", **where: Any) -> Metric:
    info = CATALOGUE[name]
    return Metric(
        name,
        step,
        estimate.value,
        _known(estimate.low),
        _known(estimate.high),
        estimate.n,
        estimate.n_groups,
        info.convention + note,
        info.better,
        **where,
    )


def _known(value: float) -> float | None:
    """None instead of NaN, which JSON does not have."""
    return None if np.isnan(value) else value


def _over_pairs(metrics: list[Metric], names: tuple[str, ...]) -> Iterator[Metric]:
    """Mean and max over all pairs of modalities, without an interval of their own."""
    for name in gap.PairGap.__dataclass_fields__:
        values = [m for m in metrics if m.name == name and len(m.modalities) == 2]
        if not values:
            continue
        for label, reduce in (("mean", np.mean), ("max", np.max)):
            convention = f"{label} over {len(values)} pairs of modalities; intervals: see each pair"
            value = float(reduce([m.value for m in values]))
            n, groups = min(m.n for m in values), min(m.n_groups for m in values)
            better = CATALOGUE[name].better
            yield Metric(f"{name}_{label}", names, value, None, None, n, groups, convention, better)
