"""Large sets: reading in blocks and sampling queries give the same metrics."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from suture.analysis import gap
from suture.analysis.distances import frechet
from suture.analysis.evaluate import Evaluation, cohort, evaluate, evaluation_from_json
from suture.analysis.geometry import spread
from suture.analysis.math import arrays, group_sums
from suture.analysis.math.arrays import UnitRows, unit_rows
from suture.analysis.math.group_sums import label_codes
from suture.analysis.retrieval import RightAnswers, both_directions, joint_keys, nearest
from suture.analysis.retrieval import distinct_rows as distinct_rows_module
from suture.analysis.retrieval.distinct_rows import distinct_rows
from suture.analysis.retrieval.engine import search
from suture.analysis.retrieval.protocols import PROTOCOLS, retrieval_task
from suture.analysis.statistics import bootstrap as uncertainty
from suture.analysis.statistics.bootstrap import GroupBootstrap
from suture.data.embedding_set import EmbeddingSet


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is held, and a block is small."""
    monkeypatch.setattr(arrays, "MAX_IN_MEMORY", 0)
    monkeypatch.setattr(distinct_rows_module, "MAX_IN_MEMORY", 0)
    for module, size in ((arrays, 64), (group_sums, 64), (distinct_rows_module, 100)):
        monkeypatch.setattr(module, "BLOCK", size)


def mapped(folder: Path, n: int, dim: int, *, cone: float = 1.0, kind: str = "f2") -> dict[str, np.ndarray]:
    """Two modalities on disk, a part of what they hold their own."""
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(n, dim))
    for m in ("image", "report"):
        z = unit_rows(rng.normal(size=dim) + cone * (shared + 0.9 * rng.normal(size=(n, dim))))
        np.save(folder / f"{m}.npy", z.astype(kind))
    return {m: np.load(folder / f"{m}.npy", mmap_mode="r") for m in ("image", "report")}


def studies(vectors: dict[str, np.ndarray]) -> EmbeddingSet:
    """Patients of one to three studies, texts and a label that repeat."""
    n = len(vectors["image"])
    number = np.arange(n)
    table = pd.DataFrame({"study_id": [f"s{i}" for i in number], "group": [f"p{i * i % 97}" for i in number]})
    table["group"] = np.where(number % 3, table["group"], [f"q{i}" for i in number])
    table["split"], table["duplicate_group"] = "test", ""
    table["key:report"] = [f"t{i % (n - 20)}" for i in number]
    table["region"] = np.where(number % 3, "chest", "hand")
    return EmbeddingSet("A", vectors, table)


@pytest.mark.seconds
def test_every_number_is_the_same_by_blocks(
    tmp_path: Path, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = studies(mapped(tmp_path, 160, 24, kind="f4"))
    found = evaluate(part, resamples=50, extended=True)
    monkeypatch.undo()
    whole = evaluate(part, resamples=50, extended=True)
    assert len(found.metrics) == len(whole.metrics) > 60
    for a, b in zip(found.metrics, whole.metrics, strict=True):
        assert a.key == b.key
        for p, q in ((a.value, b.value), (a.low, b.low), (a.high, b.high)):
            assert p == (q if q is None else pytest.approx(q, rel=1e-4, abs=1e-5)), a.key
    assert [c.holds for c in found.controls] == [c.holds for c in whole.controls]


@pytest.mark.parametrize("cone", [1.0, 1e-2])
def test_ranks_and_nearest_are_the_same_by_tiles(tmp_path: Path, small_blocks: None, cone: float) -> None:
    """float16 in a narrow cone: many equal rows, and cosines that float32 cannot tell apart."""
    x, y = mapped(tmp_path, 1300, 24, cone=cone).values()
    tasks = [retrieval_task(p, RightAnswers(np.arange(1300) // 2, np.arange(1300))) for p in PROTOCOLS]
    by_tiles = search(
        distinct_rows(UnitRows(x)),
        distinct_rows(UnitRows(y)),
        forward=tasks,
        backward=tasks,
        k=10,
        every=(1,),
    )
    distinct_rows_module.MAX_IN_MEMORY = 1 << 26  # given back by the fixture
    whole = search(
        distinct_rows(np.asarray(x)),
        distinct_rows(np.asarray(y)),
        forward=tasks,
        backward=tasks,
        k=10,
        every=(1,),
    )
    for a, b in zip(by_tiles, whole, strict=True):
        np.testing.assert_array_equal(a.nearest, b.nearest)
        for p, q in zip([*a.ranks, a.positives[1]], [*b.ranks, b.positives[1]], strict=True):
            for field in vars(p):
                np.testing.assert_array_equal(getattr(p, field), getattr(q, field), err_msg=field)


def test_sums_by_blocks_of_groups_are_the_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_sums, "BLOCK", 50)
    z = np.random.default_rng(0).normal(size=(500, 3))
    codes = np.random.default_rng(1).permutation(np.r_[np.zeros(220, int), np.arange(280) % 90 + 1])
    parts = list(group_sums.group_sum_blocks(lambda some: z[some], codes))
    assert [groups.start for groups, _ in parts] == [0, *[groups.stop for groups, _ in parts][:-1]]
    np.testing.assert_allclose(np.concatenate([s for _, s in parts]), group_sums.group_sums(z, codes))


def test_a_split_of_neighbouring_studies_stays_where_it_lies(tmp_path: Path) -> None:
    part = studies(mapped(tmp_path, 90, 8))
    number = np.arange(90)
    for mask, shared in ((number >= 30, True), (number % 2 == 0, False), (number < 0, False)):
        some = part.subset(mask)
        assert np.shares_memory(some.vectors["image"], part.vectors["image"]) == shared
        np.testing.assert_array_equal(some.vectors["report"], part.vectors["report"][mask])
        assert [*some.rows["study_id"]] == [*part.rows["study_id"][mask]]


def peak_of(action: Callable[[], object]) -> int:
    """Bytes that numpy held at most while it ran."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.seconds
def test_no_copy_of_a_mapped_matrix_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Means, spectra, resamples, ranks and neighbours in less memory than the file takes, as float16."""
    monkeypatch.setattr(arrays, "MAX_IN_MEMORY", 0)
    monkeypatch.setattr(distinct_rows_module, "MAX_IN_MEMORY", 0)
    for module in (arrays, group_sums, distinct_rows_module):
        monkeypatch.setattr(module, "BLOCK", 512)
    monkeypatch.setattr(nearest, "ITEMS", 512)
    n = 30_000
    x, y = mapped(tmp_path, n, 256).values()
    bootstrap = GroupBootstrap(np.arange(n), resamples=20)
    a, b = UnitRows(x), UnitRows(y)

    def distances() -> None:
        gap.pair_gap(a, b, bootstrap=bootstrap)
        gap.gap_test(a, b, groups=bootstrap.codes, permutations=50)
        spread.spread(a, bootstrap=bootstrap)
        frechet(a, b, bootstrap=bootstrap)

    def retrieved() -> None:
        both_directions(a, b, bootstrap=bootstrap, query_rows=np.arange(0, n, 300))

    few = (
        UnitRows(x[:600]),
        UnitRows(y[:600]),
    )  # what is measured is not what is compiled and imported on the way
    both_directions(
        *few, bootstrap=GroupBootstrap(np.arange(600), resamples=20), query_rows=np.arange(0, 600, 9)
    )
    frechet(*few)

    file = x.nbytes
    assert peak_of(distances) < file
    assert peak_of(retrieved) < 1.5 * file  # what is known of each row and query, and a few tiles
    assert peak_of(lambda: nearest.scan(np.asarray(y[:10], "f4"), x, k=10)) < file


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[EmbeddingSet, Evaluation]:
    part = studies(mapped(tmp_path_factory.mktemp("full"), 1500, 16, kind="f4"))
    return part, evaluate(part, resamples=200)


def sampled(
    part: EmbeddingSet, monkeypatch: pytest.MonkeyPatch, *, queries: int, seed: int = 0
) -> Evaluation:
    monkeypatch.setattr(cohort, "MAX_EXACT_QUERIES", 1000)
    monkeypatch.setattr(cohort, "SAMPLED_QUERIES", queries)
    monkeypatch.setattr(cohort, "EXTENDED_SAMPLE", queries)
    return evaluate(part, resamples=200, seed=seed)


def test_a_sample_of_queries_agrees_with_all_of_them(
    full: tuple[EmbeddingSet, Evaluation], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 24 numbers by each of three samples, 95 % intervals hold nearly all of the full ones."""
    part, whole = full
    assert whole.sampling == ""
    held = []
    for seed in range(3):
        found = sampled(part, monkeypatch, queries=500, seed=seed)
        pairs = [(a, b) for a, b in zip(found.metrics, whole.metrics, strict=True) if a.protocol]
        for a, b in pairs:
            assert a.key == b.key
            assert a.n_gallery == b.n_gallery
            if a.value is not None and a.low is not None and b.value is not None:
                assert a.sampled is not None
                assert a.sampled.size == a.n
                assert a.low < a.value < a.high
                assert a.sampled.error == pytest.approx(a.replicates.std())
                held.append(a.low <= b.value <= a.high)
    assert len(held) >= 72
    assert np.mean(held) > 0.85


def test_asked_by_all_a_sample_is_no_sample(full: tuple[EmbeddingSet, Evaluation]) -> None:
    part, _ = full
    x, y = (np.asarray(part.vectors[m]) for m in ("image", "report"))
    keys = np.arange(1500) // 2
    options = {"answers": RightAnswers(keys, keys), "bootstrap": GroupBootstrap(keys, resamples=50)}
    whole, asked = (
        both_directions(x, y, **options),
        both_directions(x, y, **options, query_rows=np.arange(1500)),
    )
    for a, b in ((whole.forward, asked.forward), (whole.backward, asked.backward)):
        assert a == b
        np.testing.assert_array_equal(a.nearest, b.nearest)


def test_what_is_sampled_says_so(
    full: tuple[EmbeddingSet, Evaluation], monkeypatch: pytest.MonkeyPatch
) -> None:
    part, whole = full
    found = sampled(part, monkeypatch, queries=300)
    assert "300 of 1,500 studies are queries" in found.sampling
    recall = found.find("recall_at_10", direction="image->report", protocol="strict")
    assert recall is not None
    assert recall.measured_on == "300 of 1,500"
    assert "300 of 1,500 queries, seeded, standard error" in recall.convention
    once = found.find("recall_at_10", direction="report->image", protocol="deduplicated")
    every = whole.find("recall_at_10", direction="report->image", protocol="deduplicated")
    assert once is not None
    assert once.sampled is not None
    assert every is not None
    assert once.sampled.of == every.n < 1500, "a text asks once"
    hubs = found.find("hubness_skew", direction="image->report")
    assert hubs is not None
    assert hubs.n_gallery == 300
    assert "among the query studies" in hubs.convention
    back = evaluation_from_json(json.loads(json.dumps(found.to_json())), found.replicates())
    assert back == found
    assert back.to_json()["metrics"][0].keys() <= found.to_json()["metrics"][0].keys()
    shown = next(m for m in found.to_json()["metrics"] if m["name"] == "recall_at_10")
    assert shown["sampled"]["size"] == 300
    gaps = [e.find("centroid_gap") for e in (found, whole)]
    assert gaps[0] == gaps[1]  # exact, however many


def test_draws_are_the_same_when_they_are_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uncertainty, "MAX_KEPT_BYTES", 100)
    bootstrap = GroupBootstrap(np.arange(50), resamples=20)
    before = bootstrap.counts.copy()
    bootstrap.release_draws()
    assert "counts" not in vars(bootstrap)
    np.testing.assert_array_equal(bootstrap.counts, before)


def test_one_long_label_does_not_make_the_others_longer() -> None:
    labels = [f"p{i % 700}" for i in range(2000)]
    labels[3] = "x" * 1_000_000
    np.testing.assert_array_equal(
        label_codes(labels[:3] + labels[4:]), np.unique(labels[:3] + labels[4:], return_inverse=True)[1]
    )
    assert peak_of(lambda: label_codes(labels)) < 10_000_000
    assert peak_of(lambda: joint_keys(np.array(labels, dtype=object), np.full(2000, ""))) < 10_000_000
