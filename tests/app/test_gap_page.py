"""The Gap page: each kind of pairs, the table of cosines and the ridges, over a demo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from suture.data.workspace import Workspace, embedding_sets
from tests.app.test_pages import opened, words


@pytest.fixture
def page(demo_home: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("SUTURE_HOME", str(demo_home))
    return opened("gap").run()


def drawn(app: AppTest) -> list[dict[str, Any]]:
    assert not app.exception
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def test_each_kind_of_pairs_is_drawn_and_its_difference_told(page: AppTest) -> None:
    assert "mean cosine of true pairs changes by **+" in words(page)
    page.segmented_control(key="gap_kind").set_value("within report").run()
    assert drawn(page)[1]["layout"]["xaxis"]["title"]["text"] == "cosine, within report (1 = same direction)"
    assert "mean cosine of pairs within report changes by" in words(page)


def test_a_link_opens_its_kind_of_pairs(demo_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUTURE_HOME", str(demo_home))
    app = opened("gap")
    app.query_params["gap_kind"] = "random pairs"
    assert app.run().segmented_control(key="gap_kind").value == "random pairs"


def test_the_table_is_drawn_for_both_when_asked_for_sorted_by_the_label(page: AppTest) -> None:
    assert not [figure for figure in drawn(page) if figure["data"][0]["type"] == "heatmap"]
    page.toggle(key="gap_table").set_value(True).run()
    page.selectbox(key="gap_sort").set_value("region").run()
    tables = [figure for figure in drawn(page) if figure["data"][0]["type"] == "heatmap"]
    assert len(tables) == 2
    one, other = (figure["layout"]["yaxis"]["ticktext"] for figure in tables)
    assert one == other
    half = len(one) // 2
    assert one[:half] == one[half:] == sorted(one[:half])
    assert tables[0]["data"][0]["zmin"] == -tables[0]["data"][0]["zmax"] == tables[1]["data"][0]["zmin"]


def test_ridges_follow_the_column_and_stand_in_the_table_too(page: AppTest) -> None:
    page.selectbox(key="gap_label").set_value("length of report").run()
    table = next(d.value for d in page.dataframe if "studies with" in d.value)
    names = [note["text"] for note in drawn(page)[-1]["layout"]["annotations"]]
    assert names == [
        f"{name} ({n:,})" for name, n in zip(table["studies with"], table["studies"], strict=True)
    ]
    assert table["median B"].tolist() == sorted(table["median B"], reverse=True)


def test_every_figure_can_be_taken_away(page: AppTest) -> None:
    figures = ("histograms", "over", "ridges")
    assert not [b for b in page.get("download_button") if b.key.endswith("-csv")], "made when it is opened"
    for figure in figures:
        page.session_state[f"{figure}-menu"] = True
    keys = [button.key for button in page.run().get("download_button")]
    for figure in figures:
        assert {f"{figure}-csv", f"{figure}-json"} <= {*keys}


def test_ridges_follow_the_split(page: AppTest, demo_home: Path) -> None:
    def studies() -> int:
        table = next(d.value for d in page.dataframe if "studies with" in d.value)
        return int(table["studies"].sum())

    page.selectbox(key="gap_label").set_value("region").run()
    found = {"test": studies()}
    page.selectbox(key="choose_split").set_value("val").run()
    found["val"] = studies()
    rows = embedding_sets.load(Workspace(demo_home), "demo @ demo-clip").rows
    shared = {s: rows[rows["split"] == s]["region"].value_counts() for s in found}
    assert found == {s: int(counts[counts >= 5].sum()) for s, counts in shared.items()}
