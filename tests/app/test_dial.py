"""The gap dial on its page: refuses what leaks, moves the numbers, keeps a position as a set."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from data import embeddings
from data.vectors import import_vectors
from data.workspace import SET, Workspace
from models import dial
from models.adapters import adapt
from models.dial import Setting
from tests.app.test_pages import opened, words

A = "demo @ demo-clip"
FAR = "dial_strength_1.5"


@pytest.fixture
def demo(demo_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A copy, because these tests add sets."""
    home = tmp_path / "demo"
    shutil.copytree(demo_home, home)
    monkeypatch.setenv("SUTURE_HOME", str(home))
    return Workspace(home)


def shown(**choice: str) -> AppTest:
    app = opened("gap")
    for key, value in choice.items():
        app.session_state[f"kept_{key}"] = value
    return app.run()


def warnings(app: AppTest) -> str:
    return " ".join(w.value for w in app.warning)


def table(app: AppTest) -> str:
    return next(m.value for m in app.markdown if m.value.startswith("| |"))


def test_the_dial_states_what_was_fitted_and_scored_on_what(demo: Workspace) -> None:
    app = shown()
    assert not app.exception
    whole = embeddings.load(demo, A)
    pairs = len(whole.split("test").rows_with("image", "report"))
    text = words(app)
    assert f"Fitted on 'train', n \\= {len(whole.split('train')):,}".replace("\\=", "=") in text
    assert f"scored on 'test', n = {pairs:,}" in text
    assert "As it is" in text


def test_moving_the_dial_changes_the_numbers_and_nothing_is_claimed_at_0(demo: Workspace) -> None:
    app = shown()
    before = table(app)
    assert "better" not in before
    app.slider(key=FAR).set_value(1.0).run()
    assert not app.exception
    assert table(app) != before
    asked = Setting(A, "test", "train", "lambda-shift", ("image", "report"))
    gap = dial.measured(demo, asked).numbers["centroid_gap_debiased"]
    assert f"At 1.00 the middles are **{gap[20]:.2f}** apart, not {gap[0]:.2f}" in words(app)


@pytest.mark.parametrize(("split", "says"), [("train", "'val', 'test'"), ("all", "'train', 'val', 'test'")])
def test_the_dial_refuses_the_rows_of_the_fit_and_offers_what_works(
    demo: Workspace, split: str, says: str
) -> None:
    app = shown(split=split)
    assert not app.exception
    assert "R@1 reads 1.00" in warnings(app)
    assert not app.slider
    offered = next(c.value for c in app.caption if "may learn from" in c.value or "can be shown" in c.value)
    assert {s.strip() for s in says.split(",")} <= {s.strip(" .") for s in offered.split(":")[1].split(",")}


def test_on_the_split_of_the_fit_it_works_after_learning_from_another(demo: Workspace) -> None:
    app = shown(split="train")
    app.selectbox(key="dial_fit").set_value("val").run()
    assert not app.exception
    assert app.slider(key=FAR).value == 0
    assert "scored on 'train'" in words(app)


def test_methods_that_blend_end_at_1(demo: Workspace) -> None:
    app = shown()
    app.selectbox(key="dial_method").set_value("procrustes").run()
    assert not app.exception
    assert app.slider(key="dial_strength_1").max == 1.0


def test_keeping_a_position_publishes_a_set_that_is_b_everywhere(demo: Workspace) -> None:
    app = shown()
    assert app.button(key="dial_keep").disabled
    app.slider(key=FAR).set_value(0.6).run()
    app.button(key="dial_keep").click().run()
    assert not app.exception
    name = f"{A} + lambda-shift 0.6"
    record = demo.record(SET, name)
    assert record.meta["adapter"]["strength"] == 0.6
    assert record.meta["adapter"]["score_split"] == "test"
    assert app.selectbox(key="choose_b").value == name
    assert "Kept as" in " ".join(s.value for s in app.success)
    asked = Setting(A, "test", "train", "lambda-shift", ("image", "report"))
    promised = dial.measured(demo, asked).numbers["cos_true_pairs"][12]
    part = embeddings.load(demo, name).split("test")
    rows = part.rows_with("image", "report")
    kept = np.einsum("nd,nd->n", *(part.vectors[m][rows] for m in ("image", "report"))).mean()
    assert kept == pytest.approx(promised, abs=1e-6)
    app.slider(key=FAR).set_value(0.65).run()
    app.slider(key=FAR).set_value(0.6).run()
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
    assert A in warnings(app)


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
    app.text_input(key="words").set_value("right pleural effusion").run()
    assert not app.exception
    assert "mapped as a report" in words(app)
    best = [c.value for c in app.caption if c.value.startswith("#1 · cosine")]
    closed, plain = (float(b.split("cosine ")[1].split()[0]) for b in best[:2])  # then those of a study
    assert closed > plain  # texts have moved onto the images


def test_feature_sets_are_hidden_and_one_split_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUTURE_HOME", str(tmp_path / "home"))
    workspace = Workspace(tmp_path / "home")
    x = np.random.default_rng(0).normal(size=(60, 8))
    np.savez(tmp_path / "v.npz", image=x + 1, text=x - 1, split=np.array(["train"] * 60))
    assert import_vectors(workspace, [tmp_path / "v.npz"], "vectors").refused is None
    whole = embeddings.load(workspace, "vectors")
    wide = {"image": np.ones((60, 5), np.float32), "text": np.ones((60, 3), np.float32)}
    embeddings.save(workspace, "features", wide, whole.rows, {**whole.provenance, "comparable": False})
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
    monkeypatch.setattr("pages.components.dial.AT_ONCE", 10)
    app = shown()
    assert not app.slider
    app.button(key="dial_measure").click().run()
    assert not app.exception
    assert app.slider(key=FAR).value == 0
