"""Embedding sets as pages open them: mapped, asked again and again, and never changed for each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from suture.data.metadata import EmbeddingSetMetadata
from suture.data.workspace import Workspace, embedding_sets


def kept(home: Path) -> Workspace:
    workspace = Workspace(home)
    vectors = {m: np.eye(8, dtype=np.float16)[np.arange(12) % 8] for m in ("image", "text")}
    vectors["text"][5] = 0
    splits = np.repeat(["train", "test"], 6)
    rows = pd.DataFrame({"study_id": [f"s{i}" for i in range(12)], "group": "", "split": splits})
    embedding_sets.save(
        workspace, "one", vectors, rows.assign(duplicate_group=""), EmbeddingSetMetadata(n=12)
    )
    return workspace


def test_a_vector_that_begins_with_zeros_is_there(tmp_path: Path) -> None:
    found = embedding_sets.load(kept(tmp_path), "one")
    assert found.present("image").all()
    assert np.flatnonzero(~found.present("text")).tolist() == [5]


def test_rows_that_follow_each_other_stay_on_disk(tmp_path: Path) -> None:
    whole = embedding_sets.load(kept(tmp_path), "one")
    part = whole.split("test")
    assert np.shares_memory(part.vectors["image"], whole.vectors["image"])
    assert part.rows["study_id"].tolist() == [f"s{i}" for i in range(6, 12)]
    np.testing.assert_array_equal(part.vectors["text"], whole.vectors["text"][6:])
    scattered = whole.subset(np.arange(12) % 2 == 0)
    np.testing.assert_array_equal(scattered.vectors["text"], whole.vectors["text"][::2])


def test_a_table_that_is_kept_is_nobody_s_to_change(tmp_path: Path) -> None:
    workspace = kept(tmp_path)
    first = embedding_sets.load(workspace, "one")
    first.rows.loc[0, "group"] = "changed"
    first.rows["more"] = 1
    again = embedding_sets.load(workspace, "one")
    assert again.rows.loc[0, "group"] == ""
    assert "more" not in again.rows
