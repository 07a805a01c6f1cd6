"""The gap dial on its page: refuses what leaks, moves the numbers, keeps a position as a set."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from suture.data.vectors import import_vectors
from suture.data.workspace import SET, Workspace, embedding_sets
from suture.pages.components.cards import cards
from suture.workflows import dial
from suture.workflows.adapters import adapt
from suture.workflows.dial import Setting
from tests.app.test_pages import opened, words

A = "demo @ demo-clip"
FAR, NEAR = "dial_view_1.5", "dial_view_1"  # of shifts, of methods that blend
SETTING = Setting(A, "test", "train", "lambda-shift", ("image", "report"))


@pytest.fixture
def demo(demo_built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A copy, because these tests add sets."""
    home = tmp_path / "demo"
    shutil.copytree(demo_built, home)
    monkeypatch.setenv("SUTURE_HOME", str(home))
    return Workspace(home)


def shown(**choice: str) -> AppTest:
    app = opened("gap")
    for key, value in choice.items():
        app.session_state[f"kept_{key}"] = value
    return app.run()


def warnings(app: AppTest) -> str:
    return " ".join(w.value for w in app.warning)


def dials(app: AppTest) -> list[bytes]:
    """What the page sends to the browser."""
    return [d.proto.bytes for d in app.get("bidi_component")]


def header(app: AppTest) -> dict:
    """Words and settings of the one dial on the page."""
    (block,) = dials(app)
    return json.loads(block[4 : 4 + int.from_bytes(block[:4], "little")])


def floats(app: AppTest) -> np.ndarray:
    (block,) = dials(app)
    return np.frombuffer(block[(int.from_bytes(block[:4], "little") + 7) // 4 * 4 :], "<f4")


def turn(app: AppTest, strength: float, key: str = FAR) -> AppTest:
    """What the browser reports when the hand comes to rest."""
    app.session_state[key] = {"strength": strength}
    return app.run()


def test_the_dial_states_what_was_fitted_and_scored_on_what(demo: Workspace) -> None:
    app = shown()
    assert not app.exception
    whole = embedding_sets.load(demo, A)
    pairs = len(whole.split("test").rows_with("image", "report"))
    text = words(app)
    assert f"Fitted on 'train', n \\= {len(whole.split('train')):,}".replace("\\=", "=") in text
    assert f"scored on 'test', n = {pairs:,}" in text
    assert "Strength 0: centroid gap" in header(app)["sentences"][0]


def test_the_browser_gets_every_position_and_nothing_is_claimed_at_0(demo: Workspace) -> None:
    app = shown()
    sent, measured = header(app), dial.measure_dial(demo, SETTING)
    gaps = measured.numbers["centroid_gap_debiased"]
    row = next(r for r in sent["rows"] if r["title"] == "Centroid gap, debiased")
    assert row["here"] == [f"{gap:.3f}" for gap in gaps]
    assert f"Strength 1.00: centroid gap {gaps[20]:.2f}, {gaps[0]:.2f} before" in sent["sentences"][20]
    assert {r["verdict"][0] + r["change"][0] for r in sent["rows"]} == {""}
    recalls = [r for r in sent["rows"] if r["title"].startswith("R@")]
    assert {v for r in recalls for v in r["verdict"][1:]} <= {"better", "worse", "unclear"}
    assert all("±" in change for r in recalls for change in r["change"][1:])
    assert sent["rows"][-1]["title"] == "V-measure by " + app.selectbox(key="dial_label").value
    assert [c["shape"] for c in sent["clouds"]] == ["triangle", "diamond"]


def test_arrays_are_coefficients_of_all_studies_then_densities(demo: Workspace) -> None:
    app = shown()
    sent, measured, turning = header(app), dial.measure_dial(demo, SETTING), dial.fit_dial(demo, SETTING)
    n, hills = measured.n, [*measured.histograms.values()]
    assert sent["n"] == n
    arrays = floats(app)
    assert len(arrays) == 2 * 6 * n + np.size(hills)
    clouds = arrays[: 12 * n].reshape(2, n, 6)
    for cloud, moved in zip(clouds, (turning.x, turning.y), strict=True):
        np.testing.assert_allclose(cloud[:, 4], moved.start @ moved.step, atol=1e-6)
    np.testing.assert_allclose(arrays[12 * n :], np.ravel(hills), atol=1e-4)


def test_a_resting_hand_sends_nothing_down_and_is_in_the_address(demo: Workspace) -> None:
    app = shown()
    before = dials(app)
    turn(app, 0.6)
    assert not app.exception
    assert dials(app) == before
    assert app.query_params["dial_strength"] == ["0.6"] or app.query_params["dial_strength"] == "0.6"
    turn(app, 0.0)
    assert "dial_strength" not in app.query_params


@pytest.mark.parametrize(("asked", "place"), [("0.6", 12), ("99", 30), ("-1", 0), ("nan", 0), ("far", 0)])
def test_the_address_says_where_the_hand_begins(demo: Workspace, asked: str, place: int) -> None:
    app = opened("gap")
    app.query_params["dial_strength"] = asked
    app.run()
    assert not app.exception
    assert header(app)["start"] == place


@pytest.mark.parametrize(("split", "says"), [("train", "'val', 'test'"), ("all", "'train', 'val', 'test'")])
def test_the_dial_refuses_the_rows_of_the_fit_and_offers_what_works(
    demo: Workspace, split: str, says: str
) -> None:
    app = shown(split=split)
    assert not app.exception
    assert cards.escape("R@1 reads 1.00") in warnings(app)
    assert not dials(app)
    offered = next(c.value for c in app.caption if "may be fitted on" in c.value or "can be shown" in c.value)
    assert {s.strip() for s in says.split(",")} <= {s.strip(" .") for s in offered.split(":")[1].split(",")}


def test_on_the_split_of_the_fit_it_works_after_learning_from_another(demo: Workspace) -> None:
    app = shown(split="train")
    app.selectbox(key="dial_fit").set_value("val").run()
    assert not app.exception
    assert header(app)["start"] == 0
    assert "scored on 'train'" in words(app)


def test_methods_that_blend_end_at_1(demo: Workspace) -> None:
    app = shown()
    app.selectbox(key="dial_method").set_value("procrustes").run()
    assert not app.exception
    assert header(app)["strengths"][-1] == 1.0
    turn(app, 1.0, NEAR)
    assert "procrustes 1" in app.text_input[-1].value


def test_keeping_a_position_publishes_a_set_that_is_b_everywhere(demo: Workspace) -> None:
    app = shown()
    assert app.button(key="dial_keep").disabled
    turn(app, 0.6)
    app.button(key="dial_keep").click().run()
    assert not app.exception
    name = f"{A} + lambda-shift 0.6"
    record = demo.record(SET, name)
    assert record.meta.adapter.strength == 0.6
    assert record.meta.adapter.score_split == "test"
    assert app.selectbox(key="choose_b").value == name
    assert "Saved as" in " ".join(s.value for s in app.success)
    promised = dial.measure_dial(demo, SETTING).numbers["cos_true_pairs"][12]
    part = embedding_sets.load(demo, name).split("test")
    rows = part.rows_with("image", "report")
    kept = np.einsum("nd,nd->n", *(part.vectors[m][rows] for m in ("image", "report"))).mean()
    assert kept == pytest.approx(promised, abs=1e-6)
    app.button(key="dial_keep").click().run()
    assert "already" in " ".join(e.value for e in app.error)


def test_an_adapted_set_is_scored_only_where_it_may_be_and_cannot_be_dialled(demo: Workspace) -> None:
    adapt(demo, A, method="mean-removal", name="closed")
    for page in ("overview", "map", "gap", "retrieval"):
        app = opened(page)
        app.session_state["kept_a"] = "closed"
        app.session_state["kept_split"] = "train"
        app.run()
        assert not app.exception
        assert set(app.selectbox(key="choose_split").options) == {"val", "test"}
        assert app.selectbox(key="choose_split").value == "test"
    app = shown(a="closed")
    assert "is adapted already" in warnings(app)
    assert cards.escape(A) in warnings(app)


def test_beside_a_set_on_its_split_of_the_fit_an_adapted_one_is_not_shown(demo: Workspace) -> None:
    adapt(demo, A, method="mean-removal", name="closed")
    app = shown(a=A, b="closed", split="train")
    assert not app.exception
    assert "Only A is shown" in warnings(app)


def test_words_go_where_the_adapted_set_has_its_texts(demo: Workspace) -> None:
    adapt(demo, A, method="translate", name="closed", strength=1.0)
    app = opened("retrieval")
    app.session_state["kept_a"] = "closed"
    app.session_state["kept_b"] = A
    app.session_state["kept_split"] = "test"
    app.run()
    app.text_input(key="q").set_value("right pleural effusion").run()
    assert not app.exception
    assert "mapped like its report" in words(app)
    best = re.findall(r"#1 · cosine (-?[\d.]+)", words(app))
    closed, plain = map(float, best)
    assert closed > plain  # texts have moved onto the images


def test_feature_sets_are_hidden_and_one_split_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUTURE_HOME", str(tmp_path / "home"))
    workspace = Workspace(tmp_path / "home")
    x = np.random.default_rng(0).normal(size=(60, 8))
    np.savez(tmp_path / "v.npz", image=x + 1, text=x - 1, split=np.array(["train"] * 60))
    assert import_vectors(workspace, [tmp_path / "v.npz"], "vectors").refused is None
    whole = embedding_sets.load(workspace, "vectors")
    wide = {"image": np.ones((60, 5), np.float32), "text": np.ones((60, 3), np.float32)}
    made_from = replace(whole.provenance, comparable=False)
    embedding_sets.save(workspace, "features", wide, whole.rows, made_from)
    app = shown()
    assert not app.exception
    assert "1 feature set is hidden" in words(app)
    assert app.selectbox(key="choose_a").options == ["vectors"]
    assert "in one split, 'train'" in words(app)
    workspace.remove(SET, "vectors")
    app = shown()
    assert not app.exception
    assert "1 feature set is hidden" in words(app)
    assert "Nothing has been embedded yet" in words(app)


def test_an_unmeasured_dial_of_many_pairs_waits_to_be_asked(
    demo: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suture.pages.components.dial.dial.AT_ONCE", 10)
    app = shown()
    assert not dials(app)
    app.button(key="dial_measure").click().run()
    assert not app.exception
    assert header(app)["start"] == 0
