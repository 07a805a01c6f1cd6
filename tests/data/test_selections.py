"""Selections by name: kept whole, refused when a name is taken, and files that hold what was kept."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from suture.data.collections import selections
from suture.data.collections.selections import Selection
from suture.data.errors import NotFound, Refused
from suture.data.metadata import CollectionMetadata
from suture.data.vectors import import_vectors
from suture.data.workspace import COLLECTION, SELECTION, SET, Record, Workspace
from suture.workflows.selection_export import WRITERS

TABLE = pd.DataFrame({"study_id": ["a", "b", "=c"], "finding": ["=1+1", "x", None], "age": ["3", "4", "5"]})


def collection(workspace: Workspace, name: str) -> Record:
    with workspace.staging() as folder:
        (folder / "x").write_bytes(b"1")
        return workspace.publish(COLLECTION, name, folder, CollectionMetadata())


def of(source: Record, name: str = "picked", ids: tuple[str, ...] = ("b", "a", "b")) -> Selection:
    return Selection(name, source.name, source.id, ids, "words: effusion")


def test_ids_come_back_in_order_each_once(workspace: Workspace) -> None:
    source = collection(workspace, "c")
    selections.save(workspace, of(source))
    found = selections.load(Workspace(workspace.home), "picked")
    assert found.study_ids == ("b", "a")
    assert replace(found, created=0.0) == of(source, ids=("b", "a"))
    assert found.created > 0
    assert workspace.verify(workspace.record(SELECTION, "picked")) == []


def test_a_taken_name_is_refused_until_it_may_be_replaced(workspace: Workspace) -> None:
    source = collection(workspace, "c")
    before = selections.save(workspace, of(source))
    with pytest.raises(Refused, match="already a selection called 'picked'"):
        selections.save(workspace, of(source, ids=("c",)))
    assert selections.load(workspace, "picked").study_ids == ("b", "a")
    after = selections.save(workspace, of(source, ids=("c",)), replace=True)
    assert selections.load(workspace, "picked").study_ids == ("c",)
    assert after.folder.exists()
    assert not before.folder.exists()
    selections.save(workspace, of(source, name="new"), replace=True)
    assert {r.name for r in workspace.records(SELECTION)} == {"picked", "new"}


def test_replacing_keeps_the_old_one_when_the_new_one_cannot_be_written(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = collection(workspace, "c")
    selections.save(workspace, of(source))

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Workspace, "_insert", full)
    with pytest.raises(Refused, match="disk of the workspace is full"):
        selections.save(workspace, of(source, ids=("c",)), replace=True)
    assert selections.load(workspace, "picked").study_ids == ("b", "a")


def test_a_selection_of_other_studies_is_never_replaced(workspace: Workspace) -> None:
    selections.save(workspace, of(collection(workspace, "c")))
    with pytest.raises(Refused, match="of 'c'"):
        selections.save(workspace, of(collection(workspace, "d")), replace=True)


def test_nothing_selected_is_refused(workspace: Workspace) -> None:
    with pytest.raises(Refused, match="no study is selected"):
        selections.save(workspace, of(collection(workspace, "c"), ids=()))


def test_listed_by_collection_renamed_and_removed(workspace: Workspace) -> None:
    first, second = (collection(workspace, name) for name in ("c", "d"))
    selections.save(workspace, of(first))
    workspace.rename(COLLECTION, "c", "renamed")
    workspace.rename(SELECTION, "picked", "new")
    renamed = workspace.record(COLLECTION, "renamed")
    assert [r.name for r in selections.of_collection(workspace, renamed)] == ["new"]
    assert selections.of_collection(workspace, second) == []
    workspace.remove(SELECTION, "new")
    with pytest.raises(NotFound, match="none yet"):
        selections.load(workspace, "new")


def test_a_collection_taken_in_again_under_its_name_has_them_too(workspace: Workspace) -> None:
    selections.save(workspace, of(collection(workspace, "c")))
    workspace.remove(COLLECTION, "c")
    again = collection(workspace, "c")
    assert [r.name for r in selections.of_collection(workspace, again)] == ["picked"]


def test_vectors_without_a_collection_have_their_own(workspace: Workspace, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "v.npz", image=rng.normal(size=(9, 4)), text=rng.normal(size=(9, 4)))
    assert import_vectors(workspace, [tmp_path / "v.npz"], "v").refused is None
    record = workspace.record(SET, "v")
    assert selections.owner(workspace, record) == record
    selections.save(workspace, of(record))
    assert [r.name for r in selections.of_collection(workspace, record)] == ["picked"]


def test_places_are_those_of_the_column_and_leave_out_what_is_gone() -> None:
    ids = pd.Series(["a", "b", "c", "d"])
    assert selections.row_numbers(("d", "b", "gone"), ids).tolist() == [1, 3]


def test_a_damaged_file_is_noticed(workspace: Workspace) -> None:
    record = selections.save(workspace, of(collection(workspace, "c")))
    shutil.copy(record.path("studies.parquet"), workspace.home / "copy")
    record.path("studies.parquet").write_bytes((workspace.home / "copy").read_bytes()[:-1] + b"x")
    assert workspace.verify(record) == ["studies.parquet"]


def test_files_hold_ids_in_order_with_labels_and_no_formula(workspace: Workspace) -> None:
    chosen = Selection("s", "c", "1", ("=c", "a", "gone"), "words: <b>")
    csv = WRITERS["csv"](chosen, TABLE).decode()
    assert csv.splitlines() == ["study_id,finding,age", "'=c,,5", "a,'=1+1,3", "gone,,"]
    assert WRITERS["csv"](chosen).decode().splitlines() == ["study_id", "'=c", "a", "gone"]
    table = pd.read_parquet(io.BytesIO(WRITERS["parquet"](chosen, TABLE)))
    assert table["study_id"].tolist() == ["=c", "a", "gone"]
    assert table["finding"].tolist() == ["", "=1+1", ""]
    assert table.attrs["how"] == "words: <b>"
    record = json.loads(WRITERS["json"](chosen, TABLE))
    assert record["studies"][1] == {"study_id": "a", "finding": "=1+1", "age": "3"}
    assert (record["of"], record["n"]) == ("c", 3)
