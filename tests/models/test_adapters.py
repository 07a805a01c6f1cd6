"""Adapted sets: fitted on one split, scored on another, never on the split of the fit."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from suture.analysis.posthoc import METHODS, Adapter
from suture.data.errors import NotFound, Refused
from suture.data.metadata import EmbeddingSetMetadata
from suture.data.scoring_rules import refuse_scoring_on_fit
from suture.data.vectors import import_vectors
from suture.data.workspace import SET, Workspace, embedding_sets
from suture.workflows.adapters import adapt, adapt_query, export_adapter, load_adapter
from suture.workflows.evaluate import evaluation

SPLITS = np.array(["train", "train", "train", "val", "test"] * 40)


def kept(workspace: Workspace, tmp_path: Path, name: str = "v", **columns: np.ndarray) -> str:
    """200 studies of two modalities with a gap, three splits."""
    rng = np.random.default_rng(0)
    shared, way = rng.normal(size=(200, 12)), 2 * rng.normal(size=12)
    x, y = (shared + rng.normal(size=(200, 12)) + sign * way for sign in (1, -1))
    y[::9] = 0
    arrays = {"image": x.astype(np.float32), "text": y.astype(np.float32), "split": SPLITS, **columns}
    np.savez(tmp_path / f"{name}.npz", **{"present:text": y.any(axis=1), **arrays})
    report = import_vectors(workspace, [tmp_path / f"{name}.npz"], name)
    assert report.refused is None, report.message
    return name


@pytest.fixture
def source(workspace: Workspace, tmp_path: Path) -> str:
    return kept(workspace, tmp_path)


@pytest.mark.parametrize("method", METHODS)
def test_an_adapted_set_is_the_source_mapped_by_what_its_split_taught(
    workspace: Workspace, source: str, method: str
) -> None:
    made = adapt(workspace, source, method=method)
    assert (made.name, made.fit_split, made.score_split) == (f"v + {method}", "train", "test")
    before, after = (embedding_sets.load(workspace, n) for n in (source, made.name))
    adapter = load_adapter(workspace, made.name)
    assert isinstance(adapter, Adapter)
    pairs = len(before.split("train").rows_with("image", "text"))
    assert adapter.n_fit == made.n_fit == (pairs if METHODS[method].needs_pairs else 120)
    for m, rows in adapter.apply(before.vectors).items():
        np.testing.assert_array_equal(after.vectors[m], rows)
        np.testing.assert_array_equal(after.present(m), before.present(m))
    assert after.rows.equals(before.rows)
    assert workspace.verify(workspace.record(SET, made.name)) == []


def test_the_set_says_where_it_comes_from(workspace: Workspace, source: str) -> None:
    adapt(workspace, source, method="ridge", name="closer", strength=0.5, anchor="text")
    origin, record = (workspace.record(SET, n) for n in (source, "closer"))
    assert record.meta.adapter is not None
    made = record.meta.adapter.to_json()
    assert replace(record.meta, adapter=None) == origin.meta
    assert made["options"]["ridge"] > 0
    expected = {
        "method": "ridge",
        "fit_split": "train",
        "score_split": "test",
        "score_splits": ["val", "test"],
        "anchor": "text",
        "strength": 0.5,
        "source_set": source,
        "source_id": origin.id,
        "source_hash": origin.fingerprint,
    }
    assert {k: made[k] for k in expected} == expected


def test_closing_the_gap_is_seen_on_the_other_split(workspace: Workspace, source: str) -> None:
    adapt(workspace, source, method="mean-removal")
    gaps = [
        evaluation(workspace, n, split="test", resamples=20).find("centroid_gap").value
        for n in (source, "v + mean-removal")
    ]
    assert gaps[1] < 0.5 * gaps[0]
    assert evaluation(workspace, "v + mean-removal", split="val", resamples=20).n == 40


@pytest.mark.parametrize("split", ["train", "all"])
def test_scores_on_what_it_was_fitted_on_are_refused(workspace: Workspace, source: str, split: str) -> None:
    adapt(workspace, source, method="procrustes")
    with pytest.raises(Refused, match=r"R@1 reads 1\.00 there\. Score it on: 'val', 'test'") as error:
        evaluation(workspace, "v + procrustes", split=split, resamples=20)
    assert error.value.code == "fit_is_score"
    assert evaluation(workspace, source, split=split, resamples=20).split == split


def test_a_split_that_shares_patients_with_the_fit_is_no_split_to_score_on(
    workspace: Workspace, tmp_path: Path
) -> None:
    groups = np.arange(200)
    groups[3] = groups[0]  # a patient in train and in val
    kept(workspace, tmp_path, group=groups)
    adapt(workspace, "v", method="lambda-shift")
    assert workspace.record(SET, "v + lambda-shift").meta.adapter.score_splits == ["test"]
    with pytest.raises(Refused, match=r"cannot be scored on 'val'.*Score it on: 'test'\.") as error:
        evaluation(workspace, "v + lambda-shift", split="val", resamples=20)
    assert error.value.code == "fit_is_score"
    with pytest.raises(Refused, match=r"^1 groups .* in both 'train' and 'val'") as error:
        adapt(workspace, "v", method="lambda-shift", score_split="val", name="w")
    assert error.value.code == "groups_on_both_sides"
    assert not workspace.has(SET, "w")


@pytest.mark.parametrize("part", ["heads", "training"])
def test_trained_sets_are_not_scored_on_what_they_learned_from(part: str) -> None:
    meta = EmbeddingSetMetadata.from_json({part: {"fit_split": "train", "score_split": "test"}})
    refuse_scoring_on_fit(meta, "test")
    refuse_scoring_on_fit(meta, "val")
    refuse_scoring_on_fit(EmbeddingSetMetadata.from_json({part: "a word"}), "train")
    for split in ("train", "all"):
        with pytest.raises(Refused, match="Score it on: 'test'"):
            refuse_scoring_on_fit(meta, split)


@pytest.mark.parametrize(
    ("fit_split", "score_split"), [("train", "train"), ("all", "test"), ("train", "all"), ("all", "all")]
)
def test_the_two_splits_must_differ(
    workspace: Workspace, source: str, fit_split: str, score_split: str
) -> None:
    with pytest.raises(Refused, match="Choose two different splits of: 'train', 'val', 'test'") as error:
        adapt(workspace, source, method="translate", fit_split=fit_split, score_split=score_split)
    assert error.value.code == "fit_is_score"


def test_what_cannot_be_adapted_says_what_to_do(workspace: Workspace, source: str) -> None:
    with pytest.raises(NotFound, match=r"no split called 'dev'.*There are: train, val, test"):
        adapt(workspace, source, method="translate", score_split="dev")
    with pytest.raises(NotFound, match="no set called 'w'"):
        adapt(workspace, "w", method="translate")
    for options, message in (
        ({"method": "magic"}, "Unknown method: 'magic'"),
        ({"method": "ridge", "strength": 2.0}, "Strength must be 0 to 1"),
        ({"method": "translate", "anchor": "report"}, "The anchor must be one of: image, text"),
    ):
        with pytest.raises(Refused, match=message) as error:
            adapt(workspace, source, name="w", **options)
        assert error.value.code == "adapter_unfit"
    adapt(workspace, source, method="translate")
    with pytest.raises(Refused, match="already a set called 'v \\+ translate'"):
        adapt(workspace, source, method="translate")
    with pytest.raises(Refused, match=r"already adapted \(translate\)\. Adapt the set it was made from, 'v'"):
        adapt(workspace, "v + translate", method="ridge")
    assert [r.name for r in workspace.records(SET)] == ["v", "v + translate"]


def test_typed_words_go_the_way_of_the_rows(workspace: Workspace, source: str) -> None:
    adapt(workspace, source, method="standardise", strength=0.7)
    raw = embedding_sets.load(workspace, source).vectors["text"][1:3]
    mapped = embedding_sets.load(workspace, "v + standardise").vectors["text"][1:3]
    np.testing.assert_array_equal(adapt_query(workspace, "v + standardise", "text", raw), mapped)
    np.testing.assert_array_equal(adapt_query(workspace, source, "text", raw), raw)
    with pytest.raises(NotFound, match=r"no modality called 'history'\. There are: image, text"):
        adapt_query(workspace, "v + standardise", "history", raw)


def test_an_adapter_stands_alone_in_one_file(workspace: Workspace, source: str, tmp_path: Path) -> None:
    adapt(workspace, source, method="procrustes", strength=0.5)
    path = export_adapter(workspace, "v + procrustes", tmp_path / "map.npz")
    with np.load(path, allow_pickle=False) as stored:
        adapter, strength = Adapter.from_arrays(dict(stored)), float(stored["strength"])
    moved = adapter.apply(embedding_sets.load(workspace, source).vectors, strength=strength)
    after = embedding_sets.load(workspace, "v + procrustes").vectors
    for m in after:
        np.testing.assert_array_equal(moved[m], after[m])
    with pytest.raises(Refused, match="already exists"):
        export_adapter(workspace, "v + procrustes", path)
    with pytest.raises(Refused, match="'v' was not made by an adapter"):
        export_adapter(workspace, source, tmp_path / "other.npz")


def test_features_of_separate_backbones_are_not_compared(workspace: Workspace, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "f.npz", image=rng.normal(size=(20, 6)), text=rng.normal(size=(20, 4)))
    assert import_vectors(workspace, [tmp_path / "f.npz"], "f", features=True).refused is None
    for act in (lambda: evaluation(workspace, "f"), lambda: adapt(workspace, "f", method="ridge")):
        with pytest.raises(Refused, match="suture adapt 'f' --method heads") as error:
            act()
        assert error.value.code == "features_only"


def test_adapters_need_no_torch() -> None:
    code = (
        "import sys, suture.workflows.adapters, suture.workflows.evaluate; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
