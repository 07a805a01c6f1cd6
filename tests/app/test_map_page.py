"""The map page says how far a map can be believed, and greys what it distorts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from data.workspace import Workspace
from models import layouts
from pages.components.linked_map import Colouring, Panel
from pages.components.linked_map.payload import pack
from tests.app.test_pages import opened, words


@pytest.fixture
def demo(demo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("SUTURE_HOME", str(demo_home))
    return Workspace(demo_home)


def with_umap() -> AppTest:
    app = opened("map").run()
    return app.segmented_control(key="map_method").set_value("UMAP").run()


def test_caption_gives_the_layouts_own_numbers(demo: Workspace) -> None:
    found = layouts.read(demo, "demo @ demo-clip")
    assert found is not None
    text = words(with_umap())
    assert f"A: trustworthiness {found.trust.trustworthiness:.3f}" in text
    assert f"continuity {found.trust.continuity:.3f}" in text


def test_two_umaps_say_how_far_they_agree_and_can_be_aligned_when_asked(demo: Workspace) -> None:
    app = with_umap()
    assert "Procrustes disparity" in words(app)
    assert app.button(key="map_align").label == "Align A and B more closely"
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


def test_greyed_rows_travel_by_modality() -> None:
    grey = [np.array([True, False, True]), np.zeros(3, bool)]
    panel = Panel("A", "red", ["x", "y"], ["circle", "square"], [np.eye(3)[:, :2]] * 2, greyed=grey)
    block = pack(
        [panel], studies="abc", captions=(), thumb_url="", colours=Colouring.by_modality(),
        lines="none", worst=(), height=100,
    )  # fmt: skip
    header = json.loads(block[4 : 4 + int.from_bytes(block[:4], "little")])
    assert header["panels"][0]["greyed"] == [[0, 2], []]
