"""Indexes of sets: close to exact search, with measured recall, and never opened when damaged."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from suture.analysis.math.arrays import unit_rows
from suture.analysis.retrieval import nearest, out_of_distribution
from suture.data.collection import STUDY_ID
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import Refused
from suture.data.metadata import EmbeddingSetMetadata
from suture.data.workspace import Workspace, embedding_sets, write_derived
from suture.workflows.neighbours import indexes, neighbour_search
from tests.analysis.test_by_blocks import peak_of

RNG = np.random.default_rng(0)


@pytest.fixture
def held(workspace: Workspace) -> EmbeddingSet:
    """600 studies in 12 clusters with image and text; every tenth has no text."""
    centres = RNG.normal(size=(12, 16))[np.arange(600) % 12]
    vectors = {
        m: unit_rows(centres + 0.4 * RNG.normal(size=(600, 16))).astype("f4") for m in ("image", "text")
    }
    vectors["text"][::10] = 0
    rows = pd.DataFrame({STUDY_ID: [f"s{i}" for i in range(600)], "split": "test"})
    embedding_sets.save(workspace, "held", vectors, rows, EmbeddingSetMetadata())
    return embedding_sets.load(workspace, "held")


def files(workspace: Workspace) -> list[Path]:
    return sorted((workspace.home / "derived").rglob("index-*.faiss"))


@pytest.mark.parametrize("kind", ["hnsw", "ivf"])
def test_recall_is_what_a_slow_count_says(workspace: Workspace, held: EmbeddingSet, kind: str) -> None:
    index = indexes.open_index(workspace, held, "all", "text", kind)
    items = held.rows_with("text")
    scores = held.vectors["image"] @ np.asarray(held.vectors["text"])[items].T
    exact = items[np.argsort(-scores, axis=1)[:, :10]]
    rows = np.sort(np.random.default_rng(0).choice(np.arange(600), 200, replace=False))
    _, found = index.search(held.vectors["image"][rows], 10)
    share = np.mean([len({*e} & {*f}) / 10 for e, f in zip(exact[rows], found, strict=True)])
    assert index.recall["image"] == pytest.approx(share)
    assert 0.5 < index.recall["text"] <= 1
    assert not {*found.ravel()} & {*range(0, 600, 10)}  # those have no text


def test_an_index_is_built_once_and_a_damaged_one_again(
    workspace: Workspace, held: EmbeddingSet, caplog: pytest.LogCaptureFixture
) -> None:
    first = indexes.open_index(workspace, held, "all", "image", "ivf").recall
    [path] = files(workspace)
    written = path.stat().st_mtime_ns
    assert indexes.open_index(workspace, held, "all", "image", "ivf").recall == first
    assert path.stat().st_mtime_ns == written
    whole = path.read_bytes()
    for damaged in (whole[:-50], bytes([whole[0] ^ 1]) + whole[1:], b"", b"IxFI" + b"\xff" * 14):
        path.write_bytes(damaged)
        with caplog.at_level(logging.WARNING):
            assert indexes.open_index(workspace, held, "all", "image", "ivf").recall == first
        assert "index_corrupt" in caplog.text
        assert len(path.read_bytes()) == len(whole)
        caplog.clear()


def test_answers_by_an_index_are_the_exact_ones_up_to_its_recall(
    workspace: Workspace, held: EmbeddingSet
) -> None:
    new = {m: np.asarray(x[5:25]) for m, x in held.vectors.items()}
    exact = neighbour_search.search_all_directions(workspace, held, "all", new, k=5)
    quick = neighbour_search.search_all_directions(workspace, held, "all", new, k=5, index="hnsw")
    assert exact.recall == {}
    assert {*quick.recall} == {*exact.nearest} == {(x, y) for x in new for y in new}
    assert np.mean(exact.nearest["image", "image"].rows == quick.nearest["image", "image"].rows) > 0.9
    assert np.isnan(quick.nearest["image", "text"].own).all()
    np.testing.assert_allclose(quick.outside["image"], exact.outside["image"], atol=0.05)


def test_how_far_out_the_set_itself_lies_is_measured_once(workspace: Workspace, held: EmbeddingSet) -> None:
    spread = neighbour_search.reference_spread(workspace, held, "all", "text")
    np.testing.assert_allclose(
        spread, out_of_distribution.reference_spread(held.vectors["text"][held.rows_with("text")]), atol=1e-6
    )
    [path] = (workspace.home / "derived").rglob("usual-*")
    write_derived(path, (spread + 1).tobytes())
    assert neighbour_search.reference_spread(workspace, held, "all", "text")[0] == spread[0] + 1
    path.write_bytes(path.read_bytes()[:-1])
    np.testing.assert_array_equal(neighbour_search.reference_spread(workspace, held, "all", "text"), spread)


def test_places_elsewhere_are_those_of_a_full_sort(held: EmbeddingSet) -> None:
    new = {"image": np.asarray(held.vectors["image"][3:4])}
    ids = np.array([["s7", "nobody", "s10", "s41", ""]], dtype=object)
    scores = np.where(held.present("text"), held.vectors["text"] @ new["image"][0], -np.inf)
    places = neighbour_search.ranks_in_other_set(held, new, ("image", "text"), ids)[0]
    assert places[0] == 1 + np.sum(scores > scores[7] + 1e-6)
    assert places[3] == 1 + np.sum(scores > scores[41] + 1e-6)
    assert np.isnan(places[[1, 2, 4]]).all()
    assert np.isnan(neighbour_search.ranks_in_other_set(held, {}, ("image", "text"), ids)).all()


def test_one_rule_says_when_an_index_answers(
    workspace: Workspace, held: EmbeddingSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert indexes.choose_kind("auto", indexes.EXACT_UP_TO) == "exact"
    assert indexes.choose_kind("auto", indexes.EXACT_UP_TO + 1) == "ivf"
    assert indexes.choose_kind("exact", 10**9) == "exact"
    assert f"{indexes.EXACT_UP_TO:,}" in indexes.RULE
    new = {"image": np.asarray(held.vectors["image"][:3])}
    assert neighbour_search.search_all_directions(workspace, held, "all", new, k=5).index == {
        "image": "exact",
        "text": "exact",
    }
    monkeypatch.setattr(indexes, "EXACT_UP_TO", 550)  # 600 have an image, 540 a text
    found = neighbour_search.search_all_directions(workspace, held, "all", new, k=5)
    assert found.index == {"image": "ivf", "text": "exact"}
    assert {*found.recall} == {("image", "image")}


def saved(workspace: Workspace, name: str, whole: EmbeddingSet, n: int) -> EmbeddingSet:
    """The first n studies as a separate set."""
    vectors = {m: np.asarray(x[:n]) for m, x in whole.vectors.items()}
    embedding_sets.save(workspace, name, vectors, whole.rows[:n], EmbeddingSetMetadata())
    return embedding_sets.load(workspace, name)


@pytest.mark.parametrize("kind", ["hnsw", "ivf"])
def test_added_studies_are_found_as_in_an_index_built_anew(
    workspace: Workspace, held: EmbeddingSet, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    anew = indexes.open_index(workspace, held, "all", "text", kind)
    assert anew.added == 0
    workspace.remove("set", "held")
    earlier = saved(workspace, "earlier", held, 400)
    assert indexes.open_index(workspace, earlier, "all", "text", kind).added == 0
    whole = saved(workspace, "whole", held, 600)
    monkeypatch.setattr(indexes, "_trained", None)  # fails if an index is rebuilt
    grown = indexes.open_index(workspace, whole, "all", "text", kind)
    assert (grown.added, grown.faiss.ntotal) == (180, 540)
    assert grown.recall["image"] == pytest.approx(anew.recall["image"], abs=0.05)
    queries = np.asarray(whole.vectors["image"])
    (_, a), (_, b) = (index.search(queries, 10) for index in (grown, anew))
    assert np.mean([len({*p} & {*q}) / 10 for p, q in zip(a, b, strict=True)]) > 0.9
    assert (a >= 400).any()
    assert indexes.open_index(workspace, whole, "all", "text", kind).added == 180, "as it was kept"


@pytest.mark.parametrize(("n", "changed"), [(400, 7), (250, None)])
def test_an_index_of_other_rows_or_of_too_few_is_not_grown(
    workspace: Workspace, held: EmbeddingSet, n: int, changed: int | None
) -> None:
    vectors = {m: np.array(x[:n]) for m, x in held.vectors.items()}
    if changed is not None:
        vectors["text"][changed] = -vectors["text"][changed]
    embedding_sets.save(workspace, "earlier", vectors, held.rows[:n], EmbeddingSetMetadata())
    indexes.open_index(workspace, embedding_sets.load(workspace, "earlier"), "all", "text", "ivf")
    assert indexes.open_index(workspace, held, "all", "text", "ivf").added == 0


def test_cosines_of_an_index_are_those_of_the_rows(workspace: Workspace, held: EmbeddingSet) -> None:
    index = indexes.open_index(workspace, held, "all", "image", "ivf")
    queries = np.asarray(held.vectors["text"][1:9])
    cosines, rows = index.search(queries, 10)
    exact = np.einsum("qd,qkd->qk", queries, np.asarray(held.vectors["image"])[rows])
    np.testing.assert_allclose(cosines, exact, atol=1e-6)
    assert (np.diff(cosines, axis=1) <= 0).all()


def test_an_index_is_built_without_a_copy_of_the_rows(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uses less memory than the rows would as float32; it is trained on a sample of them."""
    monkeypatch.setattr(indexes, "BLOCK", 1024)
    monkeypatch.setattr(nearest, "ITEMS", 256)
    rng = np.random.default_rng(0)
    z = unit_rows(rng.normal(size=(40_000, 32))).astype("f2")
    rows = pd.DataFrame({STUDY_ID: [f"s{i}" for i in range(len(z))], "split": "test"})
    embedding_sets.save(workspace, "many", {"image": z}, rows, EmbeddingSetMetadata())
    part = embedding_sets.load(workspace, "many")
    import faiss  # noqa: F401  what is measured is not its import

    assert peak_of(lambda: indexes.open_index(workspace, part, "all", "image", "ivf")) < 2 * z.nbytes


def test_an_index_that_there_is_not_is_refused(workspace: Workspace, held: EmbeddingSet) -> None:
    with pytest.raises(Refused, match="Expected one of auto, exact, hnsw, ivf"):
        neighbour_search.search_all_directions(workspace, held, "all", {}, k=5, index="lsh")
