"""The map page says how far a map can be believed, and greys what it distorts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from suture.data.workspace import Workspace
from suture.workflows import layouts
from tests.app import maps
from tests.app.test_pages import opened, words


@pytest.fixture
def demo(demo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("SUTURE_HOME", str(demo_home))
    return Workspace(demo_home)


def with_umap() -> AppTest:
    app = opened("map").run()
    return app.segmented_control(key="map_method").set_value("UMAP").run()


def test_caption_gives_the_layouts_own_numbers(demo: Workspace) -> None:
    found = layouts.stored_umap_layout(demo, "demo @ demo-clip")
    assert found is not None
    text = words(with_umap())
    assert f"A: trustworthiness {found.trust.trustworthiness:.3f}" in text
    assert f"continuity {found.trust.continuity:.3f}" in text


def test_two_umaps_say_how_far_they_agree_and_can_be_aligned_when_asked(demo: Workspace) -> None:
    app = with_umap()
    assert "Procrustes disparity" in words(app)
    assert app.button(key="map_align").label == "Align the maps of A and B"
    app.selectbox(key="choose_b").set_value("none").run()
    assert not app.exception
    assert "Procrustes disparity" not in words(app)


@pytest.mark.parametrize("method", ["PCA", "UMAP"])
def test_greying_runs_and_pca_says_that_it_distorts(demo: Workspace, method: str) -> None:
    app = opened("map").run()
    app.segmented_control(key="map_method").set_value(method)
    app.toggle(key="map_grey").set_value(True).run()
    assert not app.exception
    assert "of the points are distorted" in words(app)


def test_every_colour_runs_and_a_has_its_values_beside_b(demo: Workspace) -> None:
    app = opened("map").run()
    for colour in app.selectbox(key="map_colour").options:
        app.selectbox(key="map_colour").set_value(colour).run()
        assert not app.exception, colour
    app.selectbox(key="map_colour").set_value("cosine of the pair").run()
    data = maps.shown(app)[0]
    a, b = (maps.column(colour["url"], "<f4") for colour in data["colours"])
    assert np.nanmean(b) > np.nanmean(a) + 0.1  # the demo's B is aligned
    assert data["colours"][0]["low"] == data["colours"][1]["low"]


def test_worst_pairs_are_those_of_lowest_cosine(demo: Workspace) -> None:
    app = opened("map").run()
    app.selectbox(key="map_lines").set_value("worst pairs")
    app.selectbox(key="map_colour").set_value("cosine of the pair")
    app.slider(key="map_worst").set_value(10).run()
    data = maps.shown(app)[0]
    cosines = maps.column(data["colours"][0]["url"], "<f4")
    worst = maps.marks(data["mask"]["worst"], data["n"])
    assert worst.sum() == np.ceil(0.1 * data["n"])
    assert cosines[worst].max() <= cosines[~worst].min()


def test_a_turns_into_b_on_one_map(demo: Workspace) -> None:
    app = opened("map").run()
    app.segmented_control(key="map_how").set_value("Animate A → B").run()
    assert not app.exception
    data = maps.shown(app)[0]
    assert [frame["name"][:2] for frame in data["frames"]] == ["A:", "B:"]
    before, after = maps.places(data)
    assert np.nanmean(np.abs(before - after)) < np.nanmean(np.abs(before - after[:, ::-1]))


def test_names_of_a_label_stand_on_the_map(demo: Workspace) -> None:
    app = opened("map").run()
    app.selectbox(key="map_names").set_value("region").run()
    names = {region["name"] for region in maps.shown(app)[0]["panels"][1]["regions"]}
    known = set(app.selectbox(key="map_names").options)
    assert len(names) > 2
    assert not names & known


def test_a_link_selects_its_study(demo: Workspace) -> None:
    app = opened("map").run()
    study = maps.shown(app)[0]
    app = opened("map")
    from suture.data.workspace import embedding_sets

    whole = embedding_sets.load(demo, "demo @ demo-clip")
    wanted = whole.rows.loc[whole.rows["split"] == "test", "study_id"].iloc[7]
    app.query_params["study"] = wanted
    app.run()
    assert maps.shown(app)[0]["command"]["rows"] == [7]
    assert study["command"] is None
    assert wanted in words(app)
