"""Comparing two sets of a workspace: the result for the page, the command line and the report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from suture.data.errors import Refused
from suture.data.vectors import import_vectors
from suture.data.workspace import SET, Workspace
from suture.workflows.compare import Compared, compared
from suture.workflows.evaluate import evaluation

A, B = "demo @ demo-clip", "demo @ demo-aligned"


@pytest.fixture(scope="module")
def found(demo_home: Path) -> Compared:
    return compared(Workspace(demo_home), A, B, split="test", resamples=200)


def test_the_demo_reads_verdict_first_then_why(found: Compared) -> None:
    assert found.verdict.headline.startswith("The gap between image and report closed")
    assert any("offset" in reason for reason in found.verdict.reasons)
    assert any("Recall@10" in reason for reason in found.verdict.reasons)


def test_flips_and_ranks_are_of_the_same_studies(found: Compared) -> None:
    n = len(found.study_ids)
    for name, (first, second) in found.ranks.items():
        flips = found.rank_changes[name]
        assert len(first) == len(second) == n
        assert len(flips.won) + len(flips.lost) + len(flips.kept) + len(flips.missed) == n
        if len(flips.won):
            assert second[flips.won].mean() < first[flips.won].mean()


def test_flips_add_up_to_the_difference_of_recall(found: Compared) -> None:
    row = found.table.find("recall_at_10", direction="image->report", protocol="multi_positive")
    assert row is not None
    change = found.rank_changes["image->report"].difference
    told = (change.value, change.low, change.high)
    assert told == pytest.approx((row.difference, row.low, row.high), abs=1e-6), "the same resamples"


def test_slices_cover_the_studies_of_a_label(found: Compared) -> None:
    assert "length of report" in found.slices
    for slices in found.slices.values():
        assert sum(s.n for s in slices) <= len(found.study_ids)
    assert found.slices.keys() == found.hits.keys()


def test_of_very_many_studies_a_sample_is_compared_one_by_one_and_all_in_the_table(
    found: Compared, demo_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suture.workflows.paired_sets.MAX_EXACT_QUERIES", len(found.study_ids) - 1)
    monkeypatch.setattr("suture.workflows.paired_sets.DRAWN", 40)
    few = compared(Workspace(demo_home), A, B, split="test", resamples=200)
    assert len(few.study_ids) == len(few.cosines[0]) == 40
    assert f"40 of the {len(found.study_ids)}" in few.sampling
    assert not found.sampling
    assert few.to_json()["study_by_study"]["sampling"] == few.sampling
    assert [r.difference for r in few.table.rows] == [r.difference for r in found.table.rows]
    place = [found.study_ids.index(study) for study in few.study_ids]
    np.testing.assert_allclose(few.cosines[1], found.cosines[1][place])


def test_it_is_json(found: Compared) -> None:
    record = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert record["verdict"]["headline"] == found.verdict.headline
    assert {c["holds"] for side in record["controls"].values() for c in side} == {True}
    assert set(record["flips"]["image->report"]["lost"]) <= set(found.study_ids)


def test_a_set_against_itself_has_not_changed(demo_home: Path) -> None:
    same = compared(Workspace(demo_home), A, A, split="test", resamples=200)
    words = {row.verdict for row in same.table.rows}
    assert words <= {"unchanged", "undefined"}
    assert all(len(f.won) == len(f.lost) == 0 for f in same.rank_changes.values())
    assert not any(m.moved.any() for m in same.movement.values())
    assert all(n.overlap.min() == 1 for n in same.neighbours.values())


def test_replicates_come_back_from_disk_as_they_were(demo_home: Path) -> None:
    workspace = Workspace(demo_home)
    first = evaluation(workspace, A, split="val", resamples=60)
    again = evaluation(workspace, A, split="val", resamples=60)
    assert again == first
    gap, kept = first.find("centroid_gap"), again.find("centroid_gap")
    assert gap is not None
    assert kept is not None
    assert kept.replicates == pytest.approx(gap.replicates, abs=1e-6)


def test_other_studies_are_refused_and_named(workspace: Workspace, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, start in (("one", 0), ("two", 5)):
        ids = np.array([f"s{i}" for i in range(start, start + 40)])
        x = rng.normal(size=(40, 8))
        np.savez(tmp_path / f"{name}.npz", image=x + 1, text=x - 1, study_id=ids)
        assert import_vectors(workspace, [tmp_path / f"{name}.npz"], name).refused is None
    assert len(workspace.records(SET)) == 2
    with pytest.raises(Refused, match=r"only in 'one': 5 .*s0.*only in 'two': 5"):
        compared(workspace, "one", "two", split="all")


def test_a_modality_that_is_not_there_is_refused(demo_home: Path) -> None:
    with pytest.raises(Refused, match=r"has no modality 'sound'. Expected: image, report"):
        compared(Workspace(demo_home), A, B, split="test", pair=("image", "sound"), resamples=200)
