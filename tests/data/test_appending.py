"""A collection behind another: every study, picture and text of both, in a new collection."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from suture.data import images
from suture.data.collection import DUPLICATE, GROUP, SPLIT, STUDY_ID, Collection, Modality
from suture.data.collections import storage
from suture.data.collections.append import ADDED_SPLIT, append, concatenate, make_unique
from suture.data.errors import Refused
from suture.data.metadata import ImportReport
from suture.data.workspace import COLLECTION, Record, Workspace


def made(workspace: Workspace, name: str, ids: list[str], picture: str, **columns: object) -> Record:
    """Studies of which all but the last have a picture whose grey value is unique to it."""
    with workspace.staging() as staged:
        pack = images.PackWriter(staged)
        for i in range(len(ids) - 1):
            pack.add(images.encode(Image.new("L", (9, 9), 50 * len(name) + i)))
        pack.close()
        table = pd.DataFrame({STUDY_ID: ids, GROUP: ids, SPLIT: "test", DUPLICATE: "", **columns})
        table[picture] = [*range(len(ids) - 1), -1]
        texts = [Modality(c, "text") for c in columns if c != "label"]
        labels = ("label",) if "label" in columns else ()
        collection = Collection(name, table, (Modality(picture, "image"), *texts), labels)
        return storage.publish(workspace, collection, staged, report=ImportReport())


def grey(workspace: Workspace, name: str, number: int) -> int:
    pack = storage.image_pack(workspace, name)
    assert pack is not None
    return int(np.asarray(pack.decode(number))[0, 0])


def test_studies_of_both_keep_their_pictures_and_texts(workspace: Workspace, tmp_path: Path) -> None:
    first = made(workspace, "a", ["s1", "s2", "s3"], "image", report=["x", "y", "z"], label=["p", "q", ""])
    second = made(Workspace(tmp_path / "other"), "bb", ["s2", "s9"], "scan", findings=["u", "v"], history="h")
    append(workspace, first, second, "both")
    both = storage.load(workspace, "both")
    table = both.table
    assert table[STUDY_ID].tolist() == ["s1", "s2", "s3", "s2 (2)", "s9"]
    assert table[GROUP].is_unique
    assert table["report"].tolist() == ["x", "y", "z", "u", "v"]
    assert table["history"].tolist() == ["", "", "", "h", "h"]
    assert table["label"].tolist() == ["p", "q", "", "", ""]
    assert table[SPLIT].tolist() == ["test"] * 3 + [ADDED_SPLIT] * 2
    assert table["image"].tolist() == [0, 1, -1, 2, -1]
    assert [grey(workspace, "both", n) for n in range(3)] == [50, 51, 100]
    assert [m.name for m in both.modalities] == ["image", "report", "history"]
    assert len(storage.load(workspace, "a")) == 3


def test_texts_alone_join_pictures(workspace: Workspace) -> None:
    first = made(workspace, "a", ["s1", "s2"], "image", report=["x", "y"])
    table = pd.DataFrame({STUDY_ID: ["t"], GROUP: "t", SPLIT: "test", DUPLICATE: "", "report": "z"})
    both = concatenate(
        storage.read(first), Collection("t", table, (Modality("report", "text"),)), "both", shift=1
    )
    assert both.table["image"].tolist() == [0, -1, -1]
    assert both.table["image"].dtype.kind == "i"


def test_a_name_that_is_taken_is_refused_and_nothing_is_made(workspace: Workspace) -> None:
    first = made(workspace, "a", ["s1", "s2"], "image")
    with pytest.raises(Refused, match="already a collection called 'a'"):
        append(workspace, first, first, "a")
    assert [r.name for r in workspace.records(COLLECTION)] == ["a"]


def test_equal_values_stay_equal_and_none_is_known() -> None:
    values = pd.Series(["p", "p", "q", "", "p (2)"])
    assert make_unique(values, {"p"}, within=False).tolist() == ["p (2)", "p (2)", "q", "", "p (2)"]
    assert make_unique(values, {"p"}).tolist() == ["p (2)", "p (3)", "q", "", "p (2) (2)"]
