"""`suture neighbours`: whom files are next to, in a set or two, and nothing left behind."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from suture.data.collection import STUDY_ID
from suture.data.collections import storage
from suture.data.workspace import COLLECTION, SET, Workspace, embedding_sets
from suture.workflows.neighbours import uploads
from tests.models.test_newcomers import A, B, of_demo, png
from tests.shell import suture


@pytest.fixture(scope="module")
def demo(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    home = tmp_path_factory.mktemp("neighbours") / "home"
    shutil.copytree(demo_home, home)
    return Workspace(home)


def on_disk(folder: Path, demo: Workspace, *rows: int) -> list[str]:
    for name, content in of_demo(demo, *rows):
        (folder / name).write_bytes(content)
    return sorted(str(path) for path in folder.iterdir())


def nothing_left(demo: Workspace) -> bool:
    guests = uploads.home(demo)
    files = [p for p in guests.home.rglob("*") if p.is_file() and "sqlite" not in p.name]
    return not (uploads.list_uploads(demo) or guests.records(SET) or files)


def test_files_are_answered_by_both_sets_and_nothing_stays(demo: Workspace, tmp_path: Path) -> None:
    files = on_disk(tmp_path, demo, 5, 6)
    code, out, _ = suture(demo.home, "neighbours", *files, "--in", A, "--b", B, "--k", "3", "--json")
    assert code == 0
    found = json.loads(out)
    assert (found["intake"]["taken"], found["sets"]["B"]["set"]) == (2, B)
    ids = storage.load(demo, "demo").table[STUDY_ID]
    study = next(s for s in found["studies"] if s["study"] == ids[5])
    for answer in study["answers"].values():
        assert {*answer["neighbours"]} >= {"image->image", "image->report", "report->image", "report->report"}
        first, *others = answer["neighbours"]["image->image"]
        assert (first["study"], first["rank"], first["rank_elsewhere"], len(others)) == (ids[5], 1, 1, 2)
        assert first["cosine"] == pytest.approx(1, abs=1e-4)
        assert 0 <= answer["outside"]["image"] <= 1
        assert answer["own_partner_rank"]["image->report"] >= 1
        assert {"label", "value", "count", "known", "of_all"} <= {*answer["agreement"][0]}
    assert nothing_left(demo)


def test_a_rank_elsewhere_is_the_place_in_the_other_set(demo: Workspace, tmp_path: Path) -> None:
    files = on_disk(tmp_path, demo, 9)
    _, out, _ = suture(demo.home, "neighbours", *files, "--in", A, "--b", B, "--json")
    listed = json.loads(out)["studies"][0]["answers"]["A"]["neighbours"]["image->image"]
    b = embedding_sets.load(demo, B)
    ids = b.rows[STUDY_ID].tolist()
    scores = b.vectors["image"] @ b.vectors["image"][9]
    for entry in listed:
        slow = 1 + np.sum(scores > scores[ids.index(entry["study"])] + 1e-6)
        assert abs(entry["rank_elsewhere"] - slow) <= 1  # the picture was encoded again


def test_a_folder_a_zip_and_a_typed_report_as_tables(demo: Workspace, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    on_disk(tmp_path / "in", demo, 7)
    code, out, told = suture(demo.home, "neighbours", str(tmp_path / "in"), "--in", A, "--k", "2")
    assert code == 0
    assert "1 study taken" in told
    assert "further out than" in told
    assert out.count("image->report") == 2
    with zipfile.ZipFile(tmp_path / "in.ZIP", "w") as archive:
        archive.writestr("one.png", png(1))
    code, out, _ = suture(demo.home, "neighbours", str(tmp_path / "in.ZIP"), "--in", A, "--json")
    assert [s["study"] for s in json.loads(out)["studies"]] == ["one"]
    (tmp_path / "two.png").write_bytes(png(2))
    _, out, _ = suture(
        demo.home, "neighbours", str(tmp_path / "two.png"), "--report", "Effusion.", "--in", A, "--json"
    )
    assert "report->image" in json.loads(out)["studies"][0]["answers"]["A"]["neighbours"]
    assert nothing_left(demo)


def test_an_index_tells_its_recall(demo: Workspace, tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(png(3))
    one = str(tmp_path / "one.png")
    _, out, _ = suture(demo.home, "neighbours", one, "--in", A, "--index", "hnsw", "--json")
    assert 0.5 < json.loads(out)["sets"]["A"]["recall"]["image->image"] <= 1
    _, _, told = suture(demo.home, "neighbours", one, "--in", A, "--index", "ivf")
    assert "approximate: recall@10 image->image" in told


def test_keep_makes_a_collection(demo: Workspace, tmp_path: Path) -> None:
    files = on_disk(tmp_path, demo, 8)
    code, _, _ = suture(demo.home, "neighbours", *files, "--in", A, "--keep", "kept")
    assert code == 0
    assert demo.has(COLLECTION, "kept")
    assert nothing_left(demo)
    code, out, _ = suture(demo.home, "neighbours", *files, "--in", A, "--keep", "kept", "--json")
    assert (code, json.loads(out)["refused"]) == (2, "name_taken")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("a.png", "--in", "absent"), "not_found"),
        (("a.png", "--in", A, "--split", "nowhere"), "split_unknown"),
        (("a.png", "--in", A, "--index", "lsh"), "index_unknown"),
        (("a.png", "--in", A, "--keep", "../x"), "name_invalid"),
        (("gone.png", "--in", A), "source_missing"),
        (("bad.png", "--in", A), "no_usable_files"),
        (("a.png", "bad.png", "--report", "x", "--in", A), "report_of_many"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    demo: Workspace, tmp_path: Path, arguments: tuple[str, ...], reason: str
) -> None:
    (tmp_path / "a.png").write_bytes(png(4))
    (tmp_path / "bad.png").write_bytes(b"no picture")
    placed = [str(tmp_path / a) if a.endswith(".png") else a for a in arguments]
    code, out, _ = suture(demo.home, "neighbours", *placed, "--json")
    assert (code, json.loads(out)["refused"]) == (2, reason), os.linesep + out
    assert nothing_left(demo)
