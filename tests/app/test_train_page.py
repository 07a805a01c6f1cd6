"""The Train page: refuse, start, stop, resume, watch; one real training of two runs by the worker."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from suture import jobs
from suture.analysis.figures import curve_of, curves
from suture.analysis.gap import collapse_warnings
from suture.analysis.projection import pca_common
from suture.data.workspace import SET, Workspace
from suture.models.losses.config import PRESETS
from suture.models.training import record
from suture.models.training.config import PRECISIONS, TrainingConfig, from_json, from_toml, to_toml
from suture.workflows.demo import make_collection
from tests.app import maps
from tests.app.test_pages import opened, words
from tests.models.test_embed import wait

NAMES = ("demo-untrained clip s0", "demo-untrained gap-closing s0")


def fresh(home: Path, patch: pytest.MonkeyPatch) -> AppTest:
    patch.setenv("SUTURE_HOME", str(home))
    return opened("train").run()


def tiny(app: AppTest) -> AppTest:
    """A run of seconds: 2 steps of 32 studies."""
    app.selectbox(key="train_start").set_value("demo-untrained")
    app.selectbox(key="train_init").set_value("random")
    for key, value in (("epochs", 1), ("batch", 32), ("probe", 16)):
        app.number_input(key=f"train_{key}").set_value(value)
    return app.run()


def until(found: Callable[[], bool]) -> None:
    for _ in range(1200):
        if found():
            return
        time.sleep(0.1)
    raise TimeoutError


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("untrained")
    make_collection(Workspace(home), lambda what, share: None, studies=120, name="tiny")
    return home


@pytest.fixture(scope="module")
def trained(untrained: Path) -> Path:
    """Both objectives, started, stopped, resumed and finished, all by the page's buttons."""
    workspace = Workspace(untrained)
    with pytest.MonkeyPatch.context() as patch:
        app = tiny(fresh(untrained, patch))
        app.button(key="train_both").click().run()
        first = jobs.jobs(workspace)[0]
        until(lambda: jobs.job(workspace, first.id).state == "running")  # type: ignore[union-attr]
        app = fresh(untrained, patch)
        app.button(key=f"stop-{first.id}").click().run()
        assert not app.exception
        assert jobs.job(workspace, first.id).message == "Stopped by the user."  # type: ignore[union-attr]
        assert "Stopped by the user" in words(app)
        app.button(key=f"resume-{first.id}").click().run()
        second = jobs.jobs(workspace)[0]
        assert (second.id != first.id, second.args) == (True, first.args)
        assert wait(workspace, second.id).state == "done"
    return untrained


@pytest.fixture
def page(trained: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    return fresh(trained, monkeypatch)


def test_without_a_collection_the_page_says_where_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = fresh(tmp_path, monkeypatch)
    assert not app.exception
    assert "There is none yet" in words(app)
    assert "suture demo" in words(app)
    assert "(/library)" in words(app)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("train_rate", 50.0, "learning_rate must be 1e-09 to 10; got 50.0."),
        ("train_batch", 5000, "A batch of 5,000 needs as many studies; train has 8"),
        ("train_gap-closing_temperature_start", -1.0, "temperature_start must be a temperature of 0.001"),
    ],
)
def test_what_cannot_work_is_said_before_anything_starts(
    untrained: Path, monkeypatch: pytest.MonkeyPatch, key: str, value: float, message: str
) -> None:
    app = fresh(untrained, monkeypatch)
    app.number_input(key=key).set_value(value).run()
    assert not app.exception
    assert message in app.error[0].value
    assert app.button(key="train_go").disabled
    assert app.button(key="train_both").disabled


def test_cost_counts_steps(untrained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = tiny(fresh(untrained, monkeypatch))
    assert "2 steps per epoch, **2 steps** in total" in words(app)


def test_the_job_holds_clip_and_the_chosen_objective_all_else_equal(trained: Path) -> None:
    baseline, closing = (from_json(run) for run in jobs.jobs(Workspace(trained))[0].args["runs"])
    assert (baseline.preset, closing.preset) == ("clip", "gap-closing")
    assert (baseline.objective.atp, closing.objective.atp) == (0.0, 1.0)
    same = replace(baseline, preset=closing.preset, objective=closing.objective, name=closing.name)
    assert same == closing


def test_curves_scrubber_and_link_of_both_runs(page: AppTest) -> None:
    assert not page.exception
    text = words(page)
    assert page.multiselect(key="train_runs").value == [*NAMES]
    for title in ("Centroid gap", "R@10", "Hubness", "Align true pairs", "Temperature"):
        assert f"**{title}**" in text
    assert len(page.get("plotly_chart")) >= 12
    moments = maps.shown(page)[0]["frames"]
    assert [moment["name"] for moment in moments] == ["epoch 0", "epoch 1"]
    assert "A: gap " in moments[1]["note"]
    assert "before)" in moments[1]["note"]
    for cost, points in (("recall_at_10", 2), ("contrastive", 1)):  # epoch 0 has no loss
        page.segmented_control(key="train_cost").set_value(cost).run()
        assert not page.exception
        assert [len(path["x"]) for path in against_gap(page)] == [points, points]
    assert "Compare on Overview" in text
    assert "a=tiny+%40+demo-untrained+clip+s0&b=tiny+%40+demo-untrained+gap-closing+s0" in text


def against_gap(app: AppTest) -> list[dict[str, Any]]:
    """The paths of loss against gap, A first."""
    found = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    titles = [figure["layout"]["xaxis"].get("title", {}).get("text", "") for figure in found]
    return list(found[titles.index("centroid gap (lower is closer)")]["data"])


def test_both_were_embedded_and_measured(trained: Path) -> None:
    workspace = Workspace(trained)
    sets = {r.name: r for r in workspace.records(SET)}
    assert {*sets} == {f"tiny @ {name}" for name in NAMES}
    for made in sets.values():
        assert [*(workspace.home / "derived" / made.id).glob("metrics-*.npz")]


def test_points_move_from_epoch_to_epoch_and_take_another_colour(page: AppTest) -> None:
    before, after = maps.places(maps.shown(page)[0])
    assert np.nanmax(np.abs(before - after)) > 0.01
    page.selectbox(key="train_colour").set_value("age").run()
    assert not page.exception
    assert maps.shown(page)[0]["colour"]["mode"] == "value"


def test_one_run_alone_is_compared_with_nothing(page: AppTest) -> None:
    page.multiselect(key="train_runs").set_value([NAMES[1]]).run()
    assert not page.exception
    assert page.query_params["run"] == NAMES[1]
    assert "Open on Overview" in words(page)


def test_a_name_that_is_taken_is_refused_and_the_default_moves_on(page: AppTest) -> None:
    app = tiny(page)
    assert f"named **{NAMES[1]}**".replace("-", r"\-") in words(app)  # the very same run
    app.number_input(key="train_epochs").set_value(2).run()
    assert f"named **{NAMES[1]} 2**".replace("-", r"\-") in words(app)
    app.text_input(key="train_name").set_value(NAMES[0]).run()
    assert "already a checkpoint" in app.error[0].value


def test_history_lists_runs(page: AppTest) -> None:
    table = page.dataframe[0].value
    assert {*table["name"]} == {*NAMES}
    assert table["R@10"].between(0, 1).all()


@pytest.mark.parametrize("preset", [*PRESETS])
def test_toml_of_a_run_is_read_back_equal(tmp_path: Path, preset: str) -> None:
    config = TrainingConfig(
        collection='röntgen "1" \\ x',
        start="demo-clip",
        preset=preset,
        objective=replace(PRESETS[preset], anchor="report"),
        modalities=("image", "report"),
        learning_rate=3e-5,
        precision=PRECISIONS[1],
        stop_on_guard=True,
    )
    (tmp_path / "run.toml").write_text(to_toml(config))
    assert from_toml(tmp_path / "run.toml") == config
    assert from_json(config.to_json()) == config


def test_common_plane_keeps_distances_within_it_and_shows_what_is_missing() -> None:
    rng = np.random.default_rng(0)
    plane = np.linalg.qr(rng.normal(size=(12, 2)))[0]
    truth = rng.normal(size=(3, 20, 2))
    stacks = truth @ plane.T
    stacks[1, 4] = 0
    xy = pca_common(stacks).xy
    assert np.isnan(xy[1, 4]).all()
    for moments in ((0, 2), (0, 0)):
        planted = np.linalg.norm(truth[moments[0], 3] - truth[moments[1], 7])
        assert np.linalg.norm(xy[moments[0], 3] - xy[moments[1], 7]) == pytest.approx(planted, abs=1e-5)


def test_common_plane_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one row that is not zero"):
        pca_common([np.zeros((3, 4))])


def test_a_guard_is_marked_where_it_struck() -> None:
    rows = [{"epoch": e, "effective_rank": r} for e, r in enumerate((10.0, 20.0, 5.0))]
    assert [w.name for w in collapse_warnings.detect(rows)] == ["effective_rank"]
    curve = curve_of(rows, "effective_rank", warned=[2])
    assert curve.warned == [2]
    figure = curves({"x": curve}, ["#000000"], over="epoch")
    marks = figure.data[-1]
    assert (marks.marker.symbol, marks.x, marks.y) == ("x", (2,), (5.0,))


def test_a_curve_has_the_band_of_its_interval() -> None:
    rows = [{"epoch": 0, "recall_at_10": 0.5, "recall_at_10_half": 0.1}, {"epoch": 1}]
    curve = curve_of(rows, "recall_at_10")
    assert (curve.x, curve.low, curve.high) == ([0], [0.4], [0.6])
    assert curve_of(rows, "recall_at_10", limits=(0.45, 0.55)).high == [0.55]


def test_a_finished_run_says_which_config_made_it(trained: Path) -> None:
    run = record.finished_run(Workspace(trained), NAMES[0])
    assert run.manifest["config_key"] == from_json(run.config).key()


def test_runs_are_listed_while_others_are_cleared_away(workspace: Workspace) -> None:
    """A run's folder vanishes between the listing and the look at it."""
    gone, kept = (workspace.home / "parts" / f"train-{name}" for name in ("gone", "kept"))
    gone.symlink_to(workspace.home / "nowhere")
    kept.mkdir()
    assert not record.any_active(workspace)
    about = {"name": "kept", "config": {}, "modalities": [], "studies": [], "rows": {}}
    record.write_progress(kept, about, record.History())
    assert [run.name for run in record.unfinished_runs(workspace)] == ["kept"]
    assert record.any_active(workspace)
