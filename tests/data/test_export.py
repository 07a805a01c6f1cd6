"""A set written to one file comes back as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import Refused
from suture.data.vectors import import_vectors
from suture.data.vectors.export import export_set, write_npz
from suture.data.workspace import SET, Workspace, embedding_sets


def stored(workspace: Workspace, tmp_path: Path, **columns: np.ndarray) -> EmbeddingSet:
    rng = np.random.default_rng(0)
    x, y, z = rng.normal(size=(3, 20, 6))
    y[7] = y[5]  # one text, two studies
    z[[2, 9]] = 0
    arrays = {"image": x, "report": y, "history": z.astype(np.float32), "present:history": z.any(axis=1)}
    given = {
        "ids": np.array([f"s{i}" for i in range(20)]),
        "group": np.arange(20) // 2,
        "split": np.array(["train", "test"] * 10),
        "duplicate_group": np.array(["", "d"] * 10),
        "file": np.array(["a.png", ""] * 10),  # a label that numpy's own writer cannot name
        **columns,
    }
    write_npz(tmp_path / "v.npz", arrays | given)
    report = import_vectors(workspace, [tmp_path / "v.npz"], "v")
    assert report.taken == 20, report.message
    return embedding_sets.load(workspace, "v")


def test_a_set_comes_back_as_it_was(workspace: Workspace, tmp_path: Path) -> None:
    before = stored(workspace, tmp_path, finding=np.array(["a", "b"] * 10))
    assert before.key("report")[5] == before.key("report")[7] != ""
    assert before.present("history").sum() == 18
    path = export_set(before, tmp_path / "out.npz")
    report = import_vectors(workspace, [path], "again")
    assert (report.taken, report.refused, report.skipped) == (20, None, {})
    after = embedding_sets.load(workspace, "again")
    assert after.modalities == before.modalities
    for m in before.modalities:
        assert after.vectors[m].dtype == before.vectors[m].dtype
        np.testing.assert_allclose(after.vectors[m], before.vectors[m], atol=1e-7)
        np.testing.assert_array_equal(after.present(m), before.present(m))
    assert sorted(after.rows) == sorted(before.rows)
    assert after.rows[list(before.rows)].equals(before.rows)
    assert set(after.labels) == {"file", "finding"}


def test_anything_reads_it_without_opening_objects(workspace: Workspace, tmp_path: Path) -> None:
    before = stored(workspace, tmp_path)
    with np.load(export_set(before, tmp_path / "out.npz"), allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["report"], before.vectors["report"])
        assert arrays["ids"].tolist() == before.rows["study_id"].tolist()
        assert arrays["present:history"].sum() == 18


def test_nothing_is_written_over_or_half(workspace: Workspace, tmp_path: Path) -> None:
    before = stored(workspace, tmp_path)
    (tmp_path / "out.npz").write_text("mine")
    with pytest.raises(Refused, match=r"already exists\. Choose another name"):
        export_set(before, tmp_path / "out.npz")
    assert (tmp_path / "out.npz").read_text() == "mine"
    for target in (tmp_path / "out.csv", tmp_path / "nowhere" / "out.npz"):
        with pytest.raises(Refused, match=r"must be an \.npz in a folder that exists"):
            export_set(before, target)
    renamed = EmbeddingSet("v", before.vectors, before.rows.assign(image="a label"))
    with pytest.raises(Refused, match="'image' is a modality and a label"):
        export_set(renamed, tmp_path / "new.npz")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", "out.npz", "v.npz"]


def test_features_come_back_with_their_own_widths_and_lengths(workspace: Workspace, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = 9 * rng.normal(size=(20, 6)), rng.normal(size=(20, 4)).astype(np.float16)
    np.savez(tmp_path / "f.npz", image=x, text=y)
    assert import_vectors(workspace, [tmp_path / "f.npz"], "f", features=True).refused is None
    before = embedding_sets.load(workspace, "f")
    np.testing.assert_array_equal(before.vectors["image"], x)
    assert before.vectors["text"].dtype == np.float32
    assert workspace.record(SET, "f").meta.dims == {"image": 6, "text": 4}
    assert not before.comparable
    path = export_set(before, tmp_path / "out.npz")
    assert import_vectors(workspace, [path], "again", features=True).refused is None
    np.testing.assert_array_equal(embedding_sets.load(workspace, "again").vectors["image"], x)
    assert import_vectors(workspace, [path], "compared").refused == "embedding_dim_mismatch"
