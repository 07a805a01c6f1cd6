"""Overview: the verdict first, five numbers, two maps, what is loaded; and nothing heavy on the way."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.delta_generator import DeltaGenerator
from streamlit.testing.v1 import AppTest

from suture import jobs
from suture.analysis.gap.verdict import gap_summary
from suture.data.collection import GROUP, SPLIT
from suture.data.collections import selections
from suture.data.vectors import import_vectors
from suture.data.workspace import Workspace, embedding_sets
from suture.pages.components.cards import cards
from suture.pages.components.selection.state import KEY, Current, History
from suture.pages.components.shell import views
from suture.workflows import evaluate
from tests.app import maps
from tests.app.test_pages import ROOT, opened, words
from tests.app.test_train_page import until

A, B = "demo @ demo-clip", "demo @ demo-aligned"
PAIR = ("image", "report")


@pytest.fixture
def demo(demo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("SUTURE_HOME", str(demo_home))
    return Workspace(demo_home)


def looked(**link: str) -> AppTest:
    app = opened("overview")
    for name, value in link.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def test_the_verdict_is_that_of_the_evaluation_and_comes_before_every_number(demo: Workspace) -> None:
    said = [str(m.value) for m in looked(a=A, b=B).main.markdown]
    for letter, name in (("A", A), ("B", B)):
        found = gap_summary(evaluate.evaluation(demo, name, split="test"), PAIR)
        assert found is not None
        place = next(i for i, s in enumerate(said) if s.startswith("####") and f"[{letter}]" in s)
        assert said[place].endswith(cards.escape(found.headline))
        assert cards.escape(found.explanation) in said[place + 1]
        assert place < next(i for i, s in enumerate(said) if "**Centroid gap**" in s)


@pytest.mark.parametrize(
    ("title", "name", "where", "percent"),
    [
        ("Centroid gap", "centroid_gap", {}, False),
        ("Cosine of true pairs", "cos_true_pairs", {}, False),
        ("Relative modality gap", "rmg", {}, False),
        ("image → report", "recall_at_10", {"direction": "image->report"}, True),
        ("report → image", "recall_at_10", {"direction": "report->image"}, True),
    ],
)
def test_five_numbers_with_intervals(
    demo: Workspace, title: str, name: str, where: dict[str, str], percent: bool
) -> None:
    said = [str(m.value) for m in looked(a=A, b=B).markdown]
    place = next(i for i, s in enumerate(said) if s.startswith("**") and title in s)  # the title of a card
    for letter, number, of in zip("AB", said[place + 1 : place + 3], (A, B), strict=True):
        kept = evaluate.evaluation(demo, of, split="test")
        both = () if where else PAIR
        metric = kept.find(name, *both, **where, **({"protocol": "multi_positive"} if where else {}))
        low, high = (f"{v:.1%}" if percent else f"{v:.3f}" for v in (metric.low, metric.high))
        assert f"[{letter}] **{cards.formatted(metric, percent)}**" in number
        assert f"{low} to {high}" in number


def test_both_maps_hold_every_item_of_the_split(demo: Workspace) -> None:
    app = looked(a=A, b=B, split="val")
    (data,) = maps.shown(app)
    for place, name in enumerate((A, B)):
        part = views.view(name, "val").set
        drawn = maps.places(data, place)[0]
        there = np.stack([part.present(m) for m in data["panels"][place]["modalities"]])
        assert (np.isfinite(drawn).all(axis=-1) == there).all()
        assert data["panels"][place]["title"] == f"{'AB'[place]}: {name}"


def test_a_clicked_study_can_be_taken_to_the_map_and_to_retrieval(demo: Workspace) -> None:
    assert "Hover over a study" in words(looked(a=A, b=B))
    shown = views.view(A, "test")
    app = opened("overview")
    owner = selections.owner(demo, shown.record).id
    app.session_state[KEY] = {owner: History(Current((shown.ids[4],), "on the overview"))}
    links = [str(m.value) for m in app.run().markdown if f"study={shown.ids[4]}" in str(m.value)]
    assert shown.ids[4] in [t.value for t in app.text]
    assert ["/map?" in links[0], "/retrieval?" in links[1]] == [True, True]
    assert maps.shown(app)[0]["command"]["rows"] == [4]


def handed_out(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the download buttons of a page hold, by file name without its mark; filled as the page runs."""
    kept: dict[str, str] = {}
    real = DeltaGenerator.download_button

    def watched(place: DeltaGenerator, label: str, data: str, file_name: str, *more: str, **how: Any) -> bool:
        kept[re.sub(r"-[0-9a-f]{8}(\.\w+)$", r"\1", file_name)] = data
        return real(place, label, data, file_name, *more, **how)

    monkeypatch.setattr(DeltaGenerator, "download_button", watched)
    return kept


def test_downloads_hold_the_numbers_of_both_sets(demo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    files = handed_out(monkeypatch)
    looked(a=A, b=B)
    assert len(files) == 4
    for name in (A, B):
        kept = evaluate.evaluation(demo, name, split="test")
        assert json.loads(files[f"{name}-test.json"]()) == json.loads(json.dumps(kept.to_json()))
        table = [*csv.DictReader(io.StringIO(files[f"{name}-test.csv"]()))]
        values = [float(row["value"]) for row in table if row["value"]]
        assert values == pytest.approx([m.value for m in kept.metrics if m.value is not None])


def test_what_is_loaded_counts_the_whole_set_whichever_split_is_shown(demo: Workspace) -> None:
    whole = embedding_sets.load(demo, A)
    app = looked(a=A, b=B, split="val")
    groups = whole.rows[GROUP].nunique()
    text = words(app)
    assert f"{len(whole):,} in {groups:,} groups" in text
    assert f"history ({int(whole.present('history').sum()):,})" in text.replace("\\", "")
    assert f"Split: val, {int((whole.rows[SPLIT] == 'val').sum()):,} studies" in text
    modalities, splits, *_ = (d.value for d in app.dataframe)
    assert modalities.set_index("modality").loc["history", "missing"] == (~whole.present("history")).sum()
    assert dict(zip(splits["split"], splits["studies"], strict=True)) == dict(
        whole.rows[SPLIT].value_counts()
    )


def test_the_link_restores_sets_split_and_pair(demo: Workspace) -> None:
    app = looked(a=B, b="none", split="train", pair="report and history")
    said = words(app)
    assert "Report and history of the same study" in said
    assert "train split" in said
    (data,) = maps.shown(app)
    assert [p["title"] for p in data["panels"]] == [f"A: {B}"]


def test_vectors_alone_have_verdict_and_maps_but_no_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUTURE_HOME", str(tmp_path / "home"))
    x = np.random.default_rng(0).normal(size=(60, 8))
    np.savez(tmp_path / "v.npz", image=x + 1, text=x - 1)
    assert import_vectors(Workspace(tmp_path / "home"), [tmp_path / "v.npz"], "theirs").refused is None
    app = looked()
    assert "Image and text of the same study are" in words(app)
    assert "vectors without images or texts" in words(app).replace("\\", "")
    assert len(maps.shown(app)[0]["panels"]) == 1


def test_too_few_pairs_are_said_not_drawn_as_a_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUTURE_HOME", str(tmp_path / "home"))
    x = np.random.default_rng(0).normal(size=(40, 8))
    y = x.copy()
    y[1:] = 0
    np.savez(tmp_path / "v.npz", image=x, text=y)
    import_vectors(Workspace(tmp_path / "home"), [tmp_path / "v.npz"], "theirs")
    app = looked(split="all")
    assert "A gap needs 2 studies or more" in "\n".join(w.value for w in app.warning)


def test_first_paint_needs_no_model_no_statistics_and_no_figure(demo: Workspace) -> None:
    """Streamlit itself loads the bones of Plotly for its theme; the page adds nothing to that."""
    looked()  # layouts and evaluations are there, as for every visitor but the first
    code = (
        "import sys, streamlit\nfrom streamlit.testing.v1 import AppTest\n"
        "plotly = lambda: {m for m in sys.modules if m.split('.')[0] == 'plotly'}\n"
        "before = plotly()\n"
        f"app = AppTest.from_file({str(ROOT / 'pages' / 'overview.py')!r}, default_timeout=120).run()\n"
        "assert not app.exception and 'degrees apart' in str([m.value for m in app.markdown])\n"
        "heavy = {'torch', 'open_clip', 'transformers', 'sklearn', 'umap', 'numba', 'faiss', 'scipy.stats'}\n"
        "found = sorted(heavy & set(sys.modules)) + sorted(plotly() - before)\n"
        "sys.exit(str(found) if found else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-500:]


def test_what_takes_minutes_is_measured_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUTURE_HOME", str(tmp_path / "home"))
    x = np.random.default_rng(0).normal(size=(40, 8))
    np.savez(tmp_path / "v.npz", image=x + 1, text=x - 1)
    assert import_vectors(Workspace(tmp_path / "home"), [tmp_path / "v.npz"], "many").refused is None
    monkeypatch.setattr("suture.pages.components.shell.views.SLOW_ABOVE", 10)
    app = opened("overview").run()
    assert "Computing the metrics of the" in words(app)
    assert "degrees apart" not in words(app)
    assert maps.shown(app)  # what is there at once is shown meanwhile
    next(b for b in app.button if b.label == "Compute metrics").click().run()
    until(lambda: not jobs.jobs(Workspace(tmp_path / "home"), active=True))
    app.run()
    assert "degrees apart" in words(app)
    assert "Computing the metrics of the" not in words(opened("overview").run())
