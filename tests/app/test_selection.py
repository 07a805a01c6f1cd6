"""The selection that all pages share: found, combined, undone, kept, taken away, set against the rest."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from suture.analysis.subgroup import compare_with_rest
from suture.data.collection import GROUP, STUDY_ID
from suture.data.collections import selections, storage
from suture.data.query import rows_matching
from suture.data.vectors import import_vectors
from suture.data.workspace import SELECTION, Workspace, embedding_sets
from suture.pages.components.selection import state
from suture.pages.components.selection.bar import _labels
from suture.pages.components.selection.find import combined
from suture.pages.components.selection.state import KEY, Current
from suture.pages.components.shell import views
from suture.workflows.selection_export import WRITERS, as_json
from tests import hostile

SET = "demo @ demo-clip"
SCRIPT = """
import streamlit as st
from suture.pages.components import selection
from suture.pages.components.shell import navigation, shared_choice
navigation.open_page("Try", "?")
choice = shared_choice.choose()
picked = st.session_state.pop("drawn", None)
if picked is not None:
    st.session_state["changed"] = selection.set_rows(choice, picked, "on the map")
selection.find(choice)
selection.bar(choice)
row = selection.table(choice)
selection.against_rest(choice)
st.session_state["rows"] = selection.current(choice).tolist()
st.session_state["row"] = row
"""


@pytest.fixture
def demo(demo_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("SUTURE_HOME", str(demo_home))
    workspace = Workspace(demo_home)
    for record in workspace.records(SELECTION):
        workspace.remove(SELECTION, record.name)
    return workspace


def opened(**query: str) -> AppTest:
    app = AppTest.from_string(SCRIPT, default_timeout=200)
    for key, value in {"split": "all", **query}.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def ask(app: AppTest, by: str, text: str, then: str = "Replace") -> AppTest:
    app.segmented_control(key="find_by").set_value(by).run()
    app.text_input(key="find").set_value(text)
    if then != "Replace":
        app.selectbox(key="find_then").set_value(then)
    app.button(key="find_go").click().run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    return "\n".join(str(b.value) for b in (*app.markdown, *app.caption, *app.info, *app.text, *app.error))


def now(app: AppTest) -> Current:
    (history,) = app.session_state[KEY].values()
    return history.now


def of_demo(workspace: Workspace, condition: str) -> list[int]:
    table = storage.load(workspace, "demo").table
    return np.flatnonzero(rows_matching(table, condition)).tolist()


def test_a_query_selects_its_rows_and_says_how(demo: Workspace) -> None:
    app = ask(opened(), "Query", 'sex == "F" and age > 60')
    expected = of_demo(demo, 'sex == "F" and age > 60')
    assert app.session_state["rows"] == expected != []
    assert f"{len(expected):,} studies found." in words(app)
    assert f"**{len(expected):,} studies selected**" in words(app)
    assert now(app).how == 'query: sex == "F" and age > 60'


def test_a_link_restores_what_was_found(demo: Workspace) -> None:
    app = opened(find="age > 80", find_by="Query")
    assert app.session_state["rows"] == of_demo(demo, "age > 80")
    app.button(key="selection_clear").click().run()
    assert app.session_state["rows"] == [], "the link acts once, and does not come back by itself"


def test_words_are_looked_for_in_the_texts(demo: Workspace) -> None:
    app = ask(opened(), "Words", "effusion -left")
    table = storage.load(demo, "demo").table
    texts = (table["report"] + "\n" + table["history"]).str.lower()
    expected = np.flatnonzero([("effusion" in t) and ("left" not in t) for t in texts])
    assert app.session_state["rows"] == expected.tolist() != []


def test_ids_whole_several_or_in_part(demo: Workspace) -> None:
    ids = storage.load(demo, "demo").table[STUDY_ID].tolist()
    app = ask(opened(), "Id", f"{ids[5]}, {ids[2]} unknown")
    assert app.session_state["rows"] == [2, 5]
    ask(app, "Id", ids[7][:-1].lower())
    assert app.session_state["rows"] == [i for i, study in enumerate(ids) if ids[7][:-1] in study]


def test_found_studies_replace_add_narrow_and_remove(demo: Workspace) -> None:
    women, old = (set(of_demo(demo, c)) for c in ('sex == "F"', "age > 60"))
    app = ask(opened(), "Query", 'sex == "F"')
    ask(app, "Query", "age > 60", "Add")
    assert set(app.session_state["rows"]) == women | old
    ask(app, "Query", 'sex == "F"', "Keep only")
    assert set(app.session_state["rows"]) == women
    ask(app, "Query", "age > 60", "Remove")
    assert set(app.session_state["rows"]) == women - old
    assert now(app).how.endswith('within query: sex == "F", without query: age > 60')


def test_steps_can_be_undone_and_done_again(demo: Workspace) -> None:
    app = ask(ask(opened(), "Query", "age > 60"), "Query", "age > 80")
    app.button(key="selection_undo").click().run()
    assert app.session_state["rows"] == of_demo(demo, "age > 60")
    app.button(key="selection_undo").click().run()
    assert app.session_state["rows"] == []
    app.button(key="selection_redo").click().run()
    app.button(key="selection_redo").click().run()
    assert app.session_state["rows"] == of_demo(demo, "age > 80")
    assert "selection_redo" not in {b.key for b in app.button}


def test_twenty_steps_are_kept(demo: Workspace) -> None:
    app = opened()
    for row in range(25):
        app.session_state["drawn"] = [row]
        app.run()
    for _ in range(20):
        app.button(key="selection_undo").click().run()
    assert app.session_state["rows"] == [4]
    assert "selection_undo" not in {b.key for b in app.button}


def test_an_echo_of_the_map_is_no_step(demo: Workspace) -> None:
    app = ask(opened(), "Query", "age > 60")
    app.session_state["drawn"] = app.session_state["rows"][::-1]
    app.run()
    assert now(app).how == "query: age > 60"
    assert not app.session_state["changed"]
    app.session_state["drawn"] = [3]
    app.run()
    assert app.session_state["changed"]
    assert now(app).how == "on the map"


def test_nothing_found_keeps_the_selection_and_says_what_to_try(demo: Workspace) -> None:
    app = ask(ask(opened(), "Query", "age > 60"), "Words", "zebra")
    assert "No studies found. Try fewer words" in words(app)
    assert app.session_state["rows"] == of_demo(demo, "age > 60")


def test_a_mistake_is_told_with_the_columns_and_no_traceback(demo: Workspace) -> None:
    app = ask(opened(), "Query", "agee > 60")
    (error,) = app.error
    assert "Did you mean 'age'" in error.value.replace("\\", "")
    assert app.session_state["rows"] == []


def test_an_example_text_selects_the_nearest_best_first(demo: Workspace) -> None:
    app = opened()
    app.segmented_control(key="find_by").set_value("Example text").run()
    app.text_input(key="find").set_value("large right pleural effusion")
    app.selectbox(key="find_modality").set_value("report")
    app.slider(key="find_count").set_value(20)
    app.button(key="find_go").click().run()
    assert not app.exception
    from suture.pages.components.retrieval.query_encoding import encoded

    shown = views.view(SET, "all")
    cosines = (
        np.asarray(shown.set.vectors["report"]) @ encoded(shown, "text", "large right pleural effusion")[0]
    )
    best = np.argsort(-cosines, kind="stable")[:20]
    assert set(app.session_state["rows"]) == set(best.tolist())
    assert now(app).study_ids[0] == shown.ids[int(best[0])]
    assert app.dataframe[0].value["study"].tolist() == list(now(app).study_ids), "the table keeps the order"


def test_an_example_picture_selects_and_what_is_none_is_told(demo: Workspace) -> None:
    app = opened()
    app.segmented_control(key="find_by").set_value("Example image").run()
    picture = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)).save(picture, "PNG")
    app.file_uploader(key="find_image").set_value(("x.png", picture.getvalue(), "image/png"))
    app.button(key="find_go").click().run()
    assert not app.exception
    assert len(app.session_state["rows"]) == 50
    app.file_uploader(key="find_image").set_value(("x.png", b"no picture", "image/png"))
    app.button(key="find_go").click().run()
    assert "is not an image in a supported format" in app.error[0].value.replace("\\", "")


def test_ids_stay_when_set_and_split_change_and_what_is_elsewhere_is_counted(demo: Workspace) -> None:
    app = ask(opened(), "Query", "age > 60")
    ids = now(app).study_ids
    app.selectbox(key="choose_split").set_value("test").run()
    shown = views.view(SET, "test")
    here = [i for i, study in enumerate(shown.ids) if study in set(ids)]
    assert app.session_state["rows"] == here
    assert f"**{len(ids):,} studies selected**" in words(app)
    assert f"{len(here):,} of them in the split test" in words(app)
    app.selectbox(key="choose_a").set_value("demo @ demo-aligned").run()
    assert app.session_state["rows"] == here


def test_saved_loaded_refused_replaced_and_deleted(demo: Workspace) -> None:
    app = ask(opened(), "Query", "age > 60")
    app.text_input(key="selection_name").set_value("old people")
    app.button(key="selection_keep").click().run()
    assert selections.load(demo, "old people").study_ids == now(app).study_ids
    ask(app, "Query", "age > 80")
    app.text_input(key="selection_name").set_value("old people")
    app.button(key="selection_keep").click().run()
    assert "already a selection called 'old people'" in app.error[0].value.replace("\\", "")
    app.button(key="selection_load").click().run()
    assert app.session_state["rows"] == of_demo(demo, "age > 60")
    app.button(key="selection_undo").click().run()
    app.text_input(key="selection_name").set_value("old people")
    app.checkbox(key="selection_replace").check()
    app.button(key="selection_keep").click().run()
    assert selections.load(demo, "old people").study_ids == now(app).study_ids
    app.button(key="selection_delete").click().run()
    assert not app.exception
    assert demo.records(SELECTION) == []


def test_studies_that_are_no_longer_there_are_counted(demo: Workspace) -> None:
    of = selections.owner(demo, demo.record("set", SET))
    ids = (*storage.load(demo, "demo").table[STUDY_ID][:3], "gone 1", "gone 2")
    selections.save(demo, selections.Selection("partly", of.name, of.id, ids, "by hand"))
    app = opened()
    app.button(key="selection_load").click().run()
    assert app.session_state["rows"] == [0, 1, 2]
    assert "2 not in demo" in words(app)


def test_an_exported_file_needs_no_session(demo: Workspace) -> None:
    """It is written on the click, outside of the run that drew the button."""
    ids = tuple(storage.load(demo, "demo").table[STUDY_ID][[4, 1]])
    taken = selections.Selection("selection", "demo", "1", ids, "by hand")
    record = json.loads(WRITERS["json"](taken, _labels(SET)))
    assert [s["study_id"] for s in record["studies"]] == list(ids)
    assert record["studies"][0]["finding"] == storage.load(demo, "demo").table["finding"][4]
    assert not any(column.startswith("key:") for column in record["studies"][0])
    assert WRITERS["json"](taken, None) == as_json(taken)


def test_the_table_gives_the_row_that_is_chosen(demo: Workspace) -> None:
    app = ask(opened(), "Query", "age > 60")
    rows = app.session_state["rows"]
    shown = app.dataframe[0].value
    assert shown["study"].tolist() == list(now(app).study_ids)
    cosines = views.pair_cosines(views.view(SET, "all"), ("image", "report"))
    assert shown["A"].to_numpy() == pytest.approx(cosines[rows])
    app.session_state["selection_table"] = {"selection": {"rows": [2], "columns": [], "cells": []}}
    app.run()
    assert app.session_state["row"] == rows[2]


def test_against_the_rest_says_what_the_analysis_says(demo: Workspace) -> None:
    app = ask(opened(), "Query", "age > 60")
    assert len(app.dataframe) == 1, "measured when asked for"
    app.toggle(key="selection_rest").set_value(True).run()
    assert not app.exception
    part, mask = embedding_sets.load(demo, SET), np.zeros(400, bool)
    mask[app.session_state["rows"]] = True
    cosines = views.pair_cosines(views.view(SET, "all"), ("image", "report"))
    there = np.isfinite(cosines)
    found = compare_with_rest(cosines[there], mask[there], part.rows[GROUP].to_numpy(str)[there])
    table = app.dataframe[1].value
    first = table[(table["number"] == "Cosine of true pairs") & (table["set"] == "A")].iloc[0]
    assert first["selected − rest"] == f"{found.difference:+.3f} ({found.low:+.3f} to {found.high:+.3f})"
    assert first["verdict"] == found.verdict
    assert table["set"].tolist() == ["A", "B", "B − A"] * 3 + ["A", "B"]
    labels = app.dataframe[2].value
    ages = labels[labels["label"] == "age"]
    assert {"more often", "less often"} <= set(ages["verdict"]), "selected by age, so ages must stand out"


def test_all_or_none_cannot_be_compared(demo: Workspace) -> None:
    app = opened(selection_rest="true")
    assert "Select some of the studies of this split, not all" in words(app)
    app = ask(app, "Query", 'not study_id == ""')
    assert len(app.session_state["rows"]) == 400
    assert "Select some of the studies of this split, not all" in words(app)


def test_vectors_alone_with_hostile_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Workspace(tmp_path / "home")
    monkeypatch.setenv("SUTURE_HOME", str(home.home))
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 60, 8))
    labels = np.array([hostile.LABEL, hostile.FORMULA] * 30)
    np.savez(tmp_path / "v.npz", image=x, text=y, kind=labels)
    assert import_vectors(home, [tmp_path / "v.npz"], "v").refused is None
    app = ask(opened(selection_rest="true"), "Words", "onclick")
    assert app.session_state["rows"] == list(range(0, 60, 2))
    assert not any("<b onclick" in str(m.value) for m in app.markdown)
    ask(app, "Query", 'kind contains "<script>"')
    assert not any("<script" in str(m.value) for m in app.markdown)
    assert len(app.session_state["rows"]) == 30
    ask(app, "Example text", "effusion")
    assert "without a checkpoint" in words(app)
    assert len(app.session_state["rows"]) == 30


def test_combining_keeps_order_and_each_study_once() -> None:
    before = Current(("b", "a"), "x")
    assert combined(before, ["c", "a"], "y", "Add") == Current(("b", "a", "c"), "x or y")
    assert combined(before, ["a"], "y", "Keep only").study_ids == ("a",)
    assert combined(before, ["a"], "y", "Remove").study_ids == ("b",)


def test_steps_before_hold_no_more_ids_than_a_session_can_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "MAX_IDS", 10)
    past = tuple(state.Current(tuple("abcdef"[:n]), str(n)) for n in (6, 5, 4, 1))
    assert state._limited(past) == past[1:]
    assert state._limited(past[:1]) == past[:1]
