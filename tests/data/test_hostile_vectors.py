"""Arrays that mean ill, from the collection beside the project, each beside a good one of its length."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from suture.data.vectors import import_vectors
from suture.data.workspace import Workspace, embedding_sets
from tests.conftest import BESIDE, beside

TABLE = BESIDE / "hostile" / "expected.csv"
OWN_INDEX = "emb/index_truncated_own.faiss"  # of the app's own files, not brought by anybody
ROWS = [r for r in csv.DictReader(TABLE.open()) if r["file"].startswith("emb/")] if TABLE.exists() else []
ROWS = [r for r in ROWS if r["file"] != OWN_INDEX]


@pytest.mark.skipif(not ROWS, reason="the collection is not beside this checkout")
@pytest.mark.parametrize("row", ROWS, ids=[r["file"] for r in ROWS])
def test_every_array_gets_its_answer(
    row: dict[str, str], workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOSTILE_CANARY", str(tmp_path / "canary"))
    n = 1 if "one_row" in row["file"] else 20
    np.save(tmp_path / "text.npy", np.random.default_rng(0).normal(size=(n, 16)).astype(np.float32))
    report = import_vectors(workspace, [beside("hostile", row["file"]), tmp_path / "text.npy"], "v")
    assert not (tmp_path / "canary").exists()
    assert report.adds_up
    if row["answer"] == "refuse":
        assert report.refused == row["reason"], report.message
        return
    assert (report.refused, report.found) == (None, n)
    assert [*report.skipped] == ([row["reason"]] if row["answer"] == "skip" else [])
    kept = embedding_sets.load(workspace, "v").vectors
    assert all(np.isfinite(v).all() and v.flags.c_contiguous for v in kept.values())
