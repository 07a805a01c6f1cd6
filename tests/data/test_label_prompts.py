"""Texts made of labels: what is positive, what is left out, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from suture.data.collections import storage
from suture.data.errors import Refused
from suture.data.files.sources import MemoryFiles
from suture.data.readers.label_prompts import with_prompts
from suture.data.readers.raw_studies import RawStudies, Roles
from suture.data.workspace import Workspace
from tests.data.test_intake import png
from tests.shell import suture


def texts(template: str = "X-ray with {}.", **labels: list[str]) -> list[str]:
    n = len(next(iter(labels.values())))
    rows = pd.DataFrame({"image": [f"{i}.png" for i in range(n)], **labels}, dtype=str)
    roles = Roles(images=("image",), labels=tuple(labels))
    raw = with_prompts(RawStudies("table", rows, roles, MemoryFiles({}), missing="No text."), template)
    assert not raw.missing
    return raw.rows["prompt"].tolist()


def test_positive_labels_are_named_and_uncertain_ones_left_out() -> None:
    flags = {
        "Mass": ["", "", "", ""],
        "Pleural_Effusion": ["1.0", "-1.0", "", "0.0"],
        "Edema": ["True", "0", "0", "1"],
        "No Finding": ["0", "", "1", "0"],
    }
    assert texts(**flags) == [
        "X-ray with Pleural Effusion, Edema.",
        "X-ray with no finding.",
        "X-ray with no finding.",
        "X-ray with Edema.",
    ]


def test_names_of_labels_in_one_cell_and_columns_of_other_things() -> None:
    found = texts(
        **{"Finding Labels": ["Hernia|Mass", "No Finding", "Mass"], "Sex": ["F", "M", "F"]},
        template="{} in {}",
    )
    assert found == ["Hernia, Mass in Hernia, Mass", "no finding in no finding", "Mass in Mass"]


def test_what_is_refused() -> None:
    with pytest.raises(Refused, match="where the labels go"):
        texts("An X-ray.", Edema=["1", "0"])
    with pytest.raises(Refused, match="name them with --label"):
        texts(Sex=["F", "M"])


def test_the_shell_says_how_and_the_collection_where_from(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    for number in range(8):
        (folder / f"{number}.png").write_bytes(png(number))
    rows = {"image": [f"{i}.png" for i in range(8)], "Edema": [1, 0] * 4, "Mass": [0, 0, 1, 1] * 2}
    pd.DataFrame(rows).to_csv(folder / "t.csv", index=False)
    code, _, said = suture(tmp_path / "home", "import", str(folder), "--name", "mine")
    assert code == 2
    assert "or make texts of labels with --prompts-from-labels and --label." in " ".join(said.split())
    options = ("--prompts-from-labels", "--prompt-template", "Seen: {}", "--json")
    code, out, _ = suture(tmp_path / "home", "import", str(folder), "--name", "mine", *options)
    assert (code, json.loads(out)["taken"]) == (0, 8)
    kept = storage.load(Workspace(tmp_path / "home"), "mine")
    assert kept.table["prompt"].tolist()[:4] == [
        "Seen: Edema",
        "Seen: no finding",
        "Seen: Edema, Mass",
        "Seen: Mass",
    ]
    assert kept.notes["prompts"] == {"columns": ["Edema", "Mass"], "template": "Seen: {}"}
