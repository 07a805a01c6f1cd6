"""The Report page: options, a preview, files to take away, and what it says of patients."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from suture import jobs
from suture.data.vectors import import_vectors
from suture.data.workspace import Workspace
from suture.workflows.evaluate import evaluation
from tests.app.test_train_page import until
from tests.hostile import Page

ROOT = Path(__file__).parents[2]
A, B = "demo @ demo-clip", "demo @ demo-aligned"


@pytest.fixture
def demo(demo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("SUTURE_HOME", str(demo_home))
    return Workspace(demo_home)


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "pages" / "report.py"), default_timeout=200)
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


def words(app: AppTest) -> str:
    blocks = (*app.markdown, *app.caption, *app.info, *app.warning, *app.error)
    return "\n".join(str(b.value) for b in blocks).replace("\\", "")


def quick(app: AppTest) -> AppTest:
    """Build with the default numbers alone."""
    app.checkbox(key="report_full").uncheck()
    return app.button(key="report_go").click().run()


def test_a_report_is_built_previewed_and_offered(demo: Workspace) -> None:
    app = quick(opened(a=A, b=B, split="test"))
    assert not app.exception
    built = app.session_state["report_built"]
    record = json.loads(built.record)
    assert record["comparison"]["verdict"]["headline"] in words(app), (
        "the verdict is shown before the download"
    )
    assert "degrees apart" in words(app)
    assert "contain no patient data" in words(app)
    assert len(app.get("download_button")) == 3
    page = Page.of(built.page)
    assert json.loads(page.record) == record
    assert "Permutation control" in page.text
    with zipfile.ZipFile(io.BytesIO(built.tables)) as archive:
        assert {"five-numbers.csv", "five-numbers.tex", "headline.csv", "controls.csv"} <= {
            *archive.namelist()
        }


def test_another_choice_is_not_given_the_old_report(demo: Workspace) -> None:
    app = quick(opened(a=A, b="none", split="test"))
    assert app.get("download_button")
    app.checkbox(key="report_texts").uncheck().run()
    assert not app.get("download_button"), "the file on offer must be what the options say"
    assert "shows another choice" in words(app)
    app.button(key="report_go").click().run()
    assert "no text and no image" in words(app)
    assert json.loads(app.session_state["report_built"].record)["texts"] == {}


def test_vectors_have_no_texts_to_offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Workspace(tmp_path / "home")
    monkeypatch.setenv("SUTURE_HOME", str(home.home))
    z = np.random.default_rng(0).normal(size=(40, 8))
    np.savez(tmp_path / "v.npz", image=z + 1, text=z - 1)
    assert import_vectors(home, [tmp_path / "v.npz"], "plain").refused is None
    app = opened()
    assert app.checkbox(key="report_texts").disabled
    app = quick(app)
    assert not app.exception
    assert "so is this file" in words(app), "nobody knows that these are synthetic"


def test_what_takes_minutes_is_measured_by_a_worker_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Workspace(tmp_path / "home")
    monkeypatch.setenv("SUTURE_HOME", str(home.home))
    z = np.random.default_rng(0).normal(size=(40, 8))
    np.savez(tmp_path / "v.npz", image=z + 1, text=z - 1)
    assert import_vectors(home, [tmp_path / "v.npz"], "many").refused is None
    monkeypatch.setattr("suture.pages.components.shell.views.SLOW_ABOVE", 10)
    app = opened()
    assert "Computing every metric of the" in words(app)
    assert "report_go" not in [button.key for button in app.button]
    evaluation(home, "many")
    app.checkbox(key="report_full").uncheck().run()
    assert "Computing" not in words(app), "the headline metrics are known"
    app.checkbox(key="report_full").check().run()
    next(button for button in app.button if button.label == "Compute metrics").click().run()
    assert measured_by_worker(home) == [{"set": "many", "split": "all", "extended": True}]


def measured_by_worker(workspace: Workspace) -> list[dict[str, Any]]:
    """What workers have measured, when none measures any more."""
    until(lambda: not jobs.jobs(workspace, active=True))
    return [job.args for job in jobs.jobs(workspace) if job.kind == "measure" and job.state == "done"]


def test_empty_workspace_shows_a_way_forward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUTURE_HOME", str(tmp_path))
    app = opened()
    assert not app.exception
    assert "Nothing has been embedded yet" in words(app)
