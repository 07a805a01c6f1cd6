"""Retrieval: every way to ask finds what it must, and the link restores what is seen."""

from __future__ import annotations

import base64
import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from suture.analysis.math.arrays import unit_rows
from suture.data.collection import Study
from suture.data.collections import storage
from suture.data.vectors import import_vectors
from suture.data.workspace import SET, Workspace
from suture.pages.components.retrieval import answers, study_picker
from suture.pages.components.retrieval import scores as retrieval_scores
from suture.pages.components.shell import views
from suture.workflows import evaluate
from suture.workflows.adapters import adapt
from suture.workflows.compare import compared
from tests.app.test_overview_page import handed_out
from tests.app.test_pages import opened, words

A, B = "demo @ demo-clip", "demo @ demo-aligned"


@pytest.fixture
def demo(demo_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A demo of its own, which a test may add to."""
    home = shutil.copytree(demo_home, tmp_path / "home")
    monkeypatch.setenv("SUTURE_HOME", str(home))
    return Workspace(home)


def asked(tab: str, **link: str) -> AppTest:
    app = opened("retrieval")
    for name, value in {"ask": tab, **link}.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def study_of(row: int) -> Study:
    found = views.view(A, "test").study(row)
    assert found is not None
    return found


def first(app: AppTest) -> list[tuple[str, str]]:
    """(what is said of the first answer, its id) for A and B: the id is the text that follows."""
    flat, found = [*app.main], []
    for place, node in enumerate(flat):
        if node.type == "markdown" and "#1 · cosine" in node.value:
            found.append((node.value, next(n.value for n in flat[place:] if n.type == "text")))
    return found


def test_the_words_of_a_report_find_that_report(demo: Workspace) -> None:
    report = study_of(5).values["report"]
    app = asked("Text", q=report, in_text="report")
    assert ["cosine 1.000" in said for said, _ in first(app)] == [True, True]
    assert app.text[1].value == report[:280]


def test_the_link_of_a_search_restores_words_target_and_count(demo: Workspace) -> None:
    app = asked("Text")
    app.text_input(key="q").set_value("rib fracture").run()
    app.selectbox(key="in_text").set_value("report").run()
    app.slider(key="k").set_value(4).run()
    again = asked("Text", q="rib fracture", in_text="report", k="4")
    assert again.text_input(key="q").value == "rib fracture"
    assert first(again) == first(app)
    assert words(again).count("#4 · cosine") == 2
    assert "#5 · cosine" not in words(again)


def test_without_b_there_is_one_answer(demo: Workspace) -> None:
    assert len(first(asked("Text", q="rib fracture", b="none"))) == 1
    alone = words(asked("Study", study=study_of(3).id, b="none"))
    assert alone.count("The true partner has rank") == 1


def test_words_are_mapped_as_an_adapted_set_has_its_texts(demo: Workspace) -> None:
    adapt(demo, A, method="mean-removal", fit_split="train", score_split="test", name="moved")
    report = study_of(5).values["report"]
    app = asked("Text", q=report, in_text="report", b="moved")
    assert "is mapped like its report" in words(app)
    assert ["cosine 1.000" in said for said, _ in first(app)] == [True, True]


def test_a_picture_finds_itself_in_a_and_b(demo: Workspace) -> None:
    pack = storage.image_pack(demo, "demo")
    content = pack.read(int(study_of(7).values["image"]))
    app = asked("Image", in_image="image")
    app.file_uploader(key="picture").set_value([("mine.png", content, "image/png")])
    app.run()
    assert not app.exception
    assert [(("cosine 1.000" in said), study) for said, study in first(app)] == [(True, study_of(7).id)] * 2


def test_a_picture_finds_texts_unless_something_else_is_chosen(demo: Workspace) -> None:
    app = asked("Image")
    assert app.selectbox(key="in_image").value == "report"
    assert asked("Text").selectbox(key="in_text").value == "image"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no picture at all", "not an image in a supported format"),
        (b"", "is empty"),
        (None, "each side needs at least 8"),
    ],
)
def test_what_is_no_picture_is_refused_in_words(demo: Workspace, content: bytes | None, said: str) -> None:
    if content is None:
        buffer = io.BytesIO()
        Image.new("L", (4, 4)).save(buffer, "PNG")
        content = buffer.getvalue()
    app = asked("Image", in_image="image", k="5")
    app.file_uploader(key="picture").set_value([("x.png", content, "image/png")])
    app.run()
    assert not app.exception
    assert said in words(app).replace("\\", "")
    assert app.slider(key="k").value == 5, "what was chosen is still there"
    assert app.selectbox(key="in_image").value == "image"


def test_the_place_of_the_partner_is_that_of_a_plain_count(demo: Workspace) -> None:
    shown = views.view(A, "test")
    x, y = (unit_rows(shown.set.vectors[m]) for m in ("image", "report"))
    scores = y @ x[9]
    app = asked("Study", study=shown.ids[9])
    place = 1 + int((scores > scores[9] + 1e-6).sum())
    assert f"rank **{place:,}** of {len(y):,}" in words(app)


def test_the_link_restores_study_direction_and_count(demo: Workspace) -> None:
    study = study_of(11).id
    app = asked("Study", study=study, direction="report → image", k="4")
    assert app.selectbox(key="query_study").value == study
    assert app.selectbox(key="direction").value == "report → image"
    assert words(app).count("#4 · cosine") == 2
    assert "#5 · cosine" not in words(app)


def test_a_link_to_a_study_alone_opens_its_tab(demo: Workspace) -> None:
    app = opened("retrieval")
    app.query_params["study"] = study_of(3).id
    assert "The true partner has rank" in words(app.run())


@pytest.mark.parametrize("row", [0, 3], ids=["the study seen before", "another one"])
def test_a_link_to_a_study_leaves_the_tab_that_was_open(demo: Workspace, row: int) -> None:
    app = asked("Study", study=study_of(0).id)
    app.query_params["ask"] = "Scores"
    assert "Recall at every k" in [s.value for s in app.run().subheader]
    assert "study" not in app.query_params
    del app.query_params["ask"]
    app.query_params["study"] = study_of(row).id
    assert "The true partner has rank" in words(app.run())
    assert app.selectbox(key="query_study").value == study_of(row).id


def test_typing_finds_a_study_and_the_link_follows(demo: Workspace) -> None:
    wanted = study_of(20)
    app = asked("Study")
    app.text_input(key="study_find").set_value(wanted.id.lower()).run()
    assert not app.exception
    assert app.selectbox(key="query_study").value == wanted.id
    assert app.query_params["study"] == wanted.id
    app.text_input(key="study_find").set_value("zzz no such word").run()
    assert "No study has all of these words" in words(app)
    assert app.selectbox(key="query_study").value == wanted.id


def test_every_word_must_be_there_and_offers_are_few(demo: Workspace) -> None:
    shown = views.view(A, "all")
    rows = study_picker.matches(shown, "pleural effusion")
    texts = [" ".join(str(v) for v in shown.study(i).values.values()).lower() for i in range(len(shown.ids))]
    assert rows == [i for i, text in enumerate(texts) if "pleural" in text and "effusion" in text]
    app = asked("Study", split="all")
    assert len(app.selectbox(key="query_study").options) == study_picker.MAX_OFFERED


def test_a_study_of_another_split_is_said_to_be_missing(demo: Workspace) -> None:
    app = asked("Study", study="nobody")
    assert "nobody is not in this split" in words(app)
    assert app.selectbox(key="query_study").value == study_of(0).id


def test_a_study_without_the_modality_says_so(demo: Workspace) -> None:
    shown = views.view(A, "test")
    row = int(np.flatnonzero(~shown.set.present("history"))[0])
    link = {"study": shown.ids[row], "pair": "image and history"}
    assert "no history to search with" in words(asked("Study", direction="history → image", **link))
    assert "no history to find" in words(asked("Study", **link))


def test_scores_are_those_of_the_evaluation_beside_chance(demo: Workspace) -> None:
    table = asked("Scores").dataframe[0].value
    n = len(views.view(A, "test").set)
    kept = evaluate.evaluation(demo, B, split="test")
    metric = kept.find("recall_at_10", direction="image->report", protocol="strict")
    strict = table[table["protocol"] == "strict"].set_index("set")
    assert strict.loc["B", "R@10"].startswith(f"{metric.value:.1%} (")
    assert strict.loc["chance", "R@10"] == f"{10 / n:.1%}"
    assert len(table) == 9


def test_a_pass_over_the_disk_finds_what_the_copy_in_memory_finds(
    demo: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = views.view(A, "test")
    row = int(shown.set.rows_with("image", "history")[3])
    lacks = int(np.flatnonzero(~shown.set.present("history"))[0])
    query = np.asarray(shown.set.vectors["image"][row : row + 1], np.float32)
    kept = [answers.nearest_items(shown, "history", query, k=5, own=own) for own in (row, lacks)]
    monkeypatch.setattr(answers, "MAX_IN_MEMORY", 10)
    for own, other in zip((row, lacks), kept, strict=True):
        found = answers.nearest_items(shown, "history", query, k=5, own=own)
        np.testing.assert_array_equal(found.rows, other.rows)
        np.testing.assert_allclose(found.cosines, other.cosines, atol=1e-6)
        assert (found.n_items, found.own_rank) == (other.n_items, other.own_rank)
    assert kept[0].own_rank is not None
    assert kept[1].own_rank is None


def test_chance_agrees_with_shuffled_galleries(demo: Workspace) -> None:
    """Right answers share a text, so chance is more than k places of the gallery."""
    shown = views.view(A, "test")
    guessed = retrieval_scores._chance(shown.record.fingerprint, A, "test", "image", "history")
    rows = shown.set.rows_with("image", "history")
    keys, rng = shown.set.key("history")[rows], np.random.default_rng(0)
    hits = [
        np.mean([key in drawn for key in keys])
        for drawn in (set(rng.permutation(keys)[:10]) for _ in range(2_000))
    ]
    assert guessed["multi_positive"]["recall_at_10"] == pytest.approx(np.mean(hits), abs=0.003)
    assert guessed["strict"]["recall_at_10"] == pytest.approx(10 / len(rows))


def test_score_files_hold_every_number_of_the_direction(
    demo: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = handed_out(monkeypatch)
    asked("Scores", direction="report → image")
    name = f"retrieval report to image {A} and {B}-test"
    rows = json.loads(files[f"{name}.json"])
    kept = [evaluate.evaluation(demo, of, split="test") for of in (A, B)]
    ours = [m for e in kept for m in e.metrics if m.direction == "report->image" and m.protocol]
    assert [(r["metric"], r["protocol"], r["value"]) for r in rows] == [
        (m.name, m.protocol, m.value) for m in ours
    ]
    assert len([*csv.DictReader(io.StringIO(files[f"{name}.csv"]))]) == len(rows)
    assert files[f"{name}.tex"].count(r"\\" + "\n") == 1 + 9


def test_the_curve_goes_through_the_tables_numbers(demo: Workspace) -> None:
    app = asked("Scores", direction="report → image")
    (figure,) = (json.loads(chart.proto.spec) for chart in app.get("plotly_chart"))
    kept = evaluate.evaluation(demo, B, split="test")
    line = next(t for t in figure["data"] if t.get("name") == f"B: {B}" and t["mode"] == "lines")
    k, recall = (drawn(line[axis]) for axis in "xy")
    for place in (1, 5, 10):
        metric = kept.find(f"recall_at_{place}", direction="report->image", protocol="multi_positive")
        assert recall[k.tolist().index(place)] == pytest.approx(metric.value, abs=1e-6)


def drawn(values: list[float] | dict[str, str]) -> np.ndarray:
    """Numbers of a figure, which Plotly packs where they are many."""
    if isinstance(values, list):
        return np.array(values, float)
    return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])


@pytest.mark.parametrize("kind", ["Won", "Lost"])
def test_won_and_lost_are_the_comparisons_queries_the_greatest_change_first(
    demo: Workspace, kind: str
) -> None:
    app = asked("Rank changes", flips_direction="report → image", flips_kind=kind)
    found = compared(demo, A, B, split="test", pair=("image", "report"))
    flips = found.rank_changes["report->image"]
    rows = flips.won if kind == "Won" else flips.lost
    expected = rows[np.argsort(-np.abs(flips.rank_change[rows]), kind="stable")][:10]
    opening = [b.key.rpartition("-open-")[2] for b in app.button if "-open-" in str(b.key)]
    assert opening == [found.study_ids[row] for row in expected] != []
    assert f"**{len(flips.won)}** studies that A missed" in words(app)


def test_won_and_lost_needs_b(demo: Workspace) -> None:
    assert "Choose B in the sidebar" in words(asked("Rank changes", b="none"))


def test_vectors_without_checkpoint_say_why_words_cannot_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUTURE_HOME", str(tmp_path / "home"))
    x = np.random.default_rng(0).normal(size=(60, 8))
    np.savez(tmp_path / "v.npz", image=x + 1, text=x - 1)
    home = Workspace(tmp_path / "home")
    assert import_vectors(home, [tmp_path / "v.npz"], "theirs").refused is None
    assert home.records(SET)[0].name == "theirs"
    assert "without a checkpoint" in words(asked("Text", q="effusion"))
    app = asked("Image")
    buffer = io.BytesIO()
    Image.new("L", (64, 64)).save(buffer, "PNG")
    app.file_uploader(key="picture").set_value([("x.png", buffer.getvalue(), "image/png")])
    assert "without a checkpoint" in words(app.run())
    assert "The true partner has rank" in words(asked("Study"))
