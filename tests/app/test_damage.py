"""A damaged record is named and left out; the pages go on with the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from suture.data.workspace import COLLECTION, SET, Workspace, disk_space
from suture.models.embedding.embed import embed
from suture.workflows.demo import make_collection

PAGE = str(Path(__file__).parents[2] / "pages" / "overview.py")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two sets of one small collection."""
    workspace = Workspace(tmp_path_factory.mktemp("damaged") / "home")
    make_collection(workspace, lambda what, share: None, studies=20, name="few")
    for name in ("broken", "sound"):
        embed(workspace, "few", "demo-untrained", name=name)
    return workspace


def warnings(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> tuple[AppTest, str]:
    import streamlit as st

    monkeypatch.setenv("SUTURE_HOME", str(workspace.home))
    st.cache_resource.clear()
    page = AppTest.from_file(PAGE, default_timeout=120).run()
    assert not page.exception
    return page, " ".join(w.value for w in page.sidebar.warning)


def test_a_damaged_set_is_left_out_and_one_without_its_studies_still_opens(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = home.record(SET, "broken")
    with (record.folder / "vectors-0.npy").open("r+b") as stream:
        stream.truncate(1000)
    (home.record(COLLECTION, "few").folder / "studies.parquet").write_bytes(b"not what it was")
    page, said = warnings(home, monkeypatch)
    assert page.selectbox(key="choose_a").options == ["sound"]
    assert "Damaged and left out: few, broken" in said


def test_a_full_disk_is_said_on_every_page(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_space, "reserve", lambda home: 1 << 60)
    _, said = warnings(home, monkeypatch)
    assert "disk of the workspace is full" in said
