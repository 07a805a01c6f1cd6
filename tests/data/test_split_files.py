"""Splits from lists of ids, and the draw of a list with equally many studies of each label."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from suture.data.collection import Collection
from suture.data.collections import storage
from suture.data.collections.split_draw import draw
from suture.data.errors import NotFound, Refused
from suture.data.intake import Options, intake
from suture.data.workspace import COLLECTION, Workspace
from tests.data.reader_files import pictures, write
from tests.shell import suture

N = 10
ROWS = "".join(f"s{i},im/{i}.png,Report {i} says it all.,p{i}\n" for i in range(N))
TABLE = "id,image,report,patient_id\n" + ROWS


def splits(tmp_path: Path, lists: dict[str, str], table: str = TABLE) -> tuple[list[str], dict[str, int]]:
    source = write(tmp_path / "s", {"t.csv": table, **pictures(*(f"im/{i}.png" for i in range(N)))})
    write(tmp_path / "lists", lists)
    workspace = Workspace(tmp_path / "w")
    options = Options(split_files=tuple(str(tmp_path / "lists" / name) for name in lists))
    report = intake(workspace, source, "c", options=options)
    if report.refused:
        raise Refused(report.refused, report.message)
    kept = storage.read(workspace.record(COLLECTION, "c")).table["split"].tolist()
    return kept, {code: n for code, n in report.warnings.items() if code.startswith("warn_split")}


@pytest.mark.parametrize(
    "content",
    [
        "s1\ns3\n",
        "id\ns1\ns3\n",
        "im/1.png\nim/3.png\n",
        "1.png\r\n3.png\r\n",
        "Path\nim/1\nim/3\n",
        "Path,Edema,Mass\nim/1.png,0,1\nim/3.png,1,0\n",  # labels say nothing of splits
    ],
)
def test_a_list_of_ids_is_a_split_called_like_its_file(tmp_path: Path, content: str) -> None:
    kept, warnings = splits(tmp_path, {"5x200.csv": content})
    assert [i for i, split in enumerate(kept) if split == "5x200"] == [1, 3]
    assert {*kept} == {"5x200", "unassigned"}
    assert warnings == {}


def test_several_lists_and_ids_that_are_in_two_or_in_no_study(tmp_path: Path) -> None:
    lists = {"train.txt": "s0\ns1\ns2\n", "my-test.txt": "s2\ns3\nnobody\n"}
    kept, warnings = splits(tmp_path, lists)
    assert kept[:4] == ["train", "train", "train", "test"]
    assert warnings == {"warn_split_twice": 1, "warn_split_unmatched": 1}


def test_ids_and_splits_in_two_columns_change_a_given_split(tmp_path: Path) -> None:
    header, *lines = TABLE.splitlines()
    table = "\n".join([f"{header},split", *(f"{line},train" for line in lines)])
    kept, _ = splits(tmp_path, {"l.csv": "split,study_id\nholdout,s1\ndev,s2\n"}, table)
    assert kept[:4] == ["train", "holdout", "dev", "train"]


def test_a_list_that_names_no_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        splits(tmp_path, {"l.csv": "x1\nx2\n"})
    assert caught.value.code == "split_file_unmatched"
    source = write(tmp_path / "s2", {"t.csv": TABLE, **pictures("im/1.png")})
    gone = Options(split_files=("/no/gone.csv",))
    report = intake(Workspace(tmp_path / "w2"), source, "c", options=gone)
    assert (report.refused, "'gone.csv' cannot be read" in report.message) == ("source_missing", True)


def labelled(n: int = 12) -> Collection:
    cells = [[("1.0", "0.0"), ("", "1.0"), ("1.0", "1.0")][i % 3] for i in range(n)]
    table = pd.DataFrame(cells, columns=["Edema", "Nodule"]).assign(
        study_id=[f"s{i}" for i in range(n)],
        group=[f"p{i // 2}" for i in range(n)],
        split="train",
        duplicate_of="",
        finding=["edema" if i % 2 else "nodule" for i in range(n)],
    )
    return Collection("c", table, (), ("Edema", "Nodule", "finding"))


def test_the_draw_takes_studies_of_one_label_alone_and_equally_many() -> None:
    drawn = draw(labelled(), ["Edema", "Nodule"], per_label=3, seed=1)
    assert drawn["label"].value_counts().to_dict() == {"Edema": 3, "Nodule": 3}
    kinds = {label: {int(i[1:]) % 3 for i in ids} for label, ids in drawn.groupby("label")["study_id"]}
    assert kinds == {"Edema": {0}, "Nodule": {1}}
    assert drawn.equals(draw(labelled(), ["Edema", "Nodule"], per_label=3, seed=1))
    assert not drawn.equals(draw(labelled(), ["Edema", "Nodule"], per_label=3, seed=2))
    by_value = draw(labelled(), ["finding"], per_label=2)["label"].value_counts()
    assert by_value.to_dict() == {"edema": 2, "nodule": 2}


def test_a_draw_that_cannot_be_made_says_why() -> None:
    with pytest.raises(Refused, match="'Edema' alone is given in 4 studies, fewer than 5"):
        draw(labelled(), ["Edema", "Nodule"], per_label=5)
    with pytest.raises(NotFound, match="no label called 'Mass'"):
        draw(labelled(), ["Mass"], per_label=1)


def test_a_drawn_list_makes_the_split_of_the_next_import(tmp_path: Path) -> None:
    findings = ["edema", "nodule"] * (N // 2)
    lines = [f"s{i},im/{i}.png,Report {i} is here.,{finding}" for i, finding in enumerate(findings)]
    images = pictures(*(f"im/{i}.png" for i in range(N)))
    content = "\n".join(["id,image,report,kind", *lines])
    source, home = str(write(tmp_path / "s", {"t.csv": content, **images})), tmp_path / "w"
    drawn = str(tmp_path / "drawn.csv")
    assert suture(home, "import", source, "--name", "a")[0] == 0
    code, _, said = suture(home, "split", "draw", "a", "--per-label", "2", "--labels", "kind", "-o", drawn)
    assert (code, "4 studies of 2 labels" in said) == (0, True)
    assert suture(home, "split", "draw", "a", "--per-label", "2", "--labels", "kind", "-o", drawn)[0] == 2
    assert suture(home, "import", source, "--name", "b", "--split-file", drawn)[0] == 0
    table = storage.read(Workspace(home).record(COLLECTION, "b")).table
    assert table[table["split"] == "test"]["kind"].value_counts().to_dict() == {"edema": 2, "nodule": 2}
