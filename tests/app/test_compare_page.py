"""The Compare page: a verdict first, then why, on the demo, on vectors only, and without a B."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from suture.analysis import figures
from suture.analysis.compare import by_group, movement, neighbour_changes
from suture.analysis.compare.cells import headline_rows, number_cells, row_title, text_cells
from suture.analysis.text_tables import csv_text, latex
from suture.data.vectors import import_vectors
from suture.data.workspace import Workspace, embedding_sets
from suture.pages.components.cards import cards
from suture.pages.components.compare.paired_views import PairedViews
from suture.pages.components.shell.views import view
from suture.workflows.compare import Compared, compared

ROOT = Path(__file__).parents[2]
A, B = "demo @ demo-clip", "demo @ demo-aligned"


@pytest.fixture
def demo(demo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("SUTURE_HOME", str(demo_home))
    return Workspace(demo_home)


@pytest.fixture
def vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Two sets of the same 80 studies without images or texts: B is A with its gap taken out."""
    home = Workspace(tmp_path / "home")
    monkeypatch.setenv("SUTURE_HOME", str(home.home))
    rng = np.random.default_rng(0)
    z = rng.normal(size=(80, 16))
    x, y = (z + 0.3 * rng.normal(size=z.shape) for _ in range(2))
    for name, gap in (("far", 2.0), ("near", 0.0)):
        file = tmp_path / f"{name}.npz"
        np.savez(file, image=x + gap, text=y - gap, kind=np.array(["<b>a</b>", "b"] * 40))
        assert import_vectors(home, [file], name).refused is None
    return home


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "pages" / "compare.py"), default_timeout=200)
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


def words(app: AppTest) -> str:
    return "\n".join(str(b.value) for b in (*app.markdown, *app.caption, *app.info, *app.text, *app.error))


def of_demo(demo: Workspace) -> Compared:
    return compared(demo, A, B, split="test", pair=("image", "report"))


def test_verdict_comes_first_and_is_that_of_the_comparison(demo: Workspace) -> None:
    app = opened(a=A, b=B, split="test")
    assert not app.exception
    verdict = of_demo(demo).verdict
    first = next(m.value for m in app.markdown if m.value.startswith("#### "))
    assert first == f"#### {cards.escape(verdict.headline)}"
    text = words(app)
    assert all(cards.escape(reason) in text for reason in verdict.reasons)


def test_every_row_says_its_verdict_in_a_word(demo: Workspace) -> None:
    app = opened(a=A, b=B, split="test")
    table = app.table[0].value
    paired = _paired(demo)
    rows = headline_rows(paired.compared.table.rows, paired.pair, protocol="multi_positive")
    assert len(table) == len(rows) > 5
    for shown, row in zip(table["verdict"], rows, strict=True):
        assert f"[{row.verdict}]" in shown
    assert {r.protocol for r in rows} == {None, "multi_positive"}


def test_protocol_changes_the_recall_rows(demo: Workspace) -> None:
    app = opened(a=A, b=B, split="test")
    before = app.table[0].value
    app.segmented_control(key="compare_protocol").set_value("strict").run()
    assert not app.exception
    after = app.table[0].value
    paired = _paired(demo)
    strict = headline_rows(paired.compared.table.rows, paired.pair, protocol="strict")
    assert list(after["A"]) == [cards.escape(text_cells(row)["A"]) for row in strict]
    recalls = before["number"].str.contains("→")
    assert recalls.sum() == 6, "R@1, R@5 and R@10 in two directions"
    assert (before["p"][recalls] != "").all()
    assert (after["p"][recalls] == "").all(), "strict recall is not in the family that Holm adjusts"
    assert before[~recalls].equals(after[~recalls])


def test_lists_hold_the_studies_that_flipped(demo: Workspace) -> None:
    app = opened(a=A, b=B, split="test", flips_kind="Won")
    found = of_demo(demo)
    won = [found.study_ids[i] for i in found.rank_changes["image->report"].won]
    buttons = [b.key for b in app.button if b.key and b.key.startswith("flips-image->report-Won-open-")]
    assert {key.rpartition("open-")[2] for key in buttons} <= set(won)
    assert len(buttons) == min(10, len(won)) > 0


def test_an_opened_study_shows_what_came_back_from_a_and_b(demo: Workspace) -> None:
    app = opened(a=A, b=B, split="test", flips_kind="Won")
    before = words(app).count("#1 · cosine")
    button = next(b for b in app.button if b.key and b.key.startswith("flips-image->report-Won-open-"))
    button.click().run()
    assert not app.exception
    assert words(app).count("#1 · cosine") == before + 2
    found = of_demo(demo)
    row = found.study_ids.index(button.key.rpartition("open-")[2])
    for ranks in found.ranks["image->report"]:
        assert f"at rank **{ranks[row]:,.0f}**" in words(app) or f"{ranks[row]:,.1f}" in words(app)


def test_count_of_moved_studies_is_said_as_it_is(demo: Workspace) -> None:
    app = opened(a=A, b=B, split="test", moved_modality="report")
    found = of_demo(demo).movement["report"]
    count = f"{int(found.moved.sum()):,}" if found.moved.any() else "None"
    assert f"**{count} of {len(found.change):,} studies** moved, by their report" in words(app)


def test_neighbours_gained_and_lost_are_those_of_the_study(demo: Workspace) -> None:
    app = opened(a=A, b=B, split="test", near_kind="within report")
    found = of_demo(demo).neighbours["report"]
    app.selectbox(key="near_study-report").set_value(5).run()
    assert not app.exception
    assert f"**Lost ({len(found.lost[5])})**" in words(app)
    assert f"**Gained ({len(found.gained[5])})**" in words(app)


def test_slices_follow_the_column_and_the_measure(demo: Workspace) -> None:
    app = opened(a=A, b=B, split="test")
    found = of_demo(demo)
    column = [*found.hits][-1]
    app.selectbox(key="slices_by").set_value(column).run()
    app.segmented_control(key="slices_of").set_value("Found among the first 10").run()
    assert not app.exception
    shown = next(d.value for d in app.dataframe if "studies with" in d.value)
    assert list(shown["studies with"]) == [s.name for s in found.hits[column]]
    assert list(shown["verdict"]) == [s.verdict for s in found.hits[column]]


def test_without_b_the_page_says_what_to_do(demo: Workspace) -> None:
    app = opened(a=A, b="none")
    assert not app.exception
    assert "Choose B in the sidebar" in words(app)
    assert not app.table


def test_sets_of_other_studies_are_not_compared(vectors: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "strangers.npz"
    with np.load(tmp_path / "near.npz") as near:
        np.savez(file, **near, study_id=np.array([f"other-{i}" for i in range(80)]))
    assert import_vectors(vectors, [file], "strangers").refused is None
    app = opened(a="far", b="strangers", split="all")
    assert not app.exception
    assert "cannot be compared; the sidebar says why" in words(app)
    assert any("holds other studies" in w.value for w in app.warning)
    assert not app.table


def test_vectors_without_pictures_are_compared_too(vectors: Workspace) -> None:
    app = opened(a="far", b="near", split="all")
    assert not app.exception
    assert any("gap closed" in m.value for m in app.markdown if m.value.startswith("#### "))
    assert "without images or texts" in words(app)


def test_the_same_set_twice_is_unchanged(vectors: Workspace, tmp_path: Path) -> None:
    assert import_vectors(vectors, [tmp_path / "far.npz"], "again").refused is None
    app = opened(a="far", b="again", split="all")
    assert not app.exception
    assert "No study moved at all." in words(app)
    assert "No query was won." in words(app)
    assert all("[unchanged]" in cell or "undefined" in cell for cell in app.table[0].value["verdict"])


def _paired(workspace: Workspace) -> PairedViews:
    a, b = (view(name, "test") for name in (A, B))
    found = of_demo(workspace)
    rows = np.array([[*a.ids].index(study) for study in found.study_ids])
    return PairedViews(a, b, found.pair, found, rows)


def test_downloads_hold_every_number(demo: Workspace) -> None:
    paired = _paired(demo)
    rows = paired.compared.table.rows
    table = [*csv.DictReader(io.StringIO(csv_text([number_cells(r) for r in rows])))]
    assert len(table) == len(rows)
    assert [float(line["B - A"]) for line in table if line["B - A"]] == pytest.approx(
        [r.difference for r in rows if r.difference is not None]
    )
    record = json.loads(json.dumps(paired.compared.to_json(), allow_nan=False))
    assert record["verdict"]["headline"] == paired.compared.verdict.headline
    shown = headline_rows(paired.compared.table.rows, paired.pair, protocol="strict")
    text = latex([text_cells(r) for r in shown])
    assert text.count(r"\\" + "\n") == len(shown) + 1
    assert all(line.count("&") == 5 for line in text.splitlines() if line.endswith(r"\\"))
    assert " %" not in text.replace(r"\%", "")


def test_rows_of_the_comparison_meet_the_rows_of_the_views(demo: Workspace) -> None:
    paired = _paired(demo)
    whole = embedding_sets.load(demo, B).split("test")
    x, y = (np.asarray(whole.vectors[m], np.float64)[paired.rows] for m in paired.pair)
    cosines = (x * y).sum(axis=1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
    np.testing.assert_allclose(paired.compared.cosines[1], cosines, atol=1e-5)


def test_forest_names_every_row_with_its_verdict_and_keeps_their_order(demo: Workspace) -> None:
    rows = [r for r in of_demo(demo).table.rows if r.margin > 0 and r.difference is not None]
    figure = figures.forest_plot(rows)
    told = [a.text for a in figure.layout.annotations]
    assert told == [figures.escaped(f"{row_title(r)} · {r.verdict}") for r in rows]
    marks = [trace.x[0] for trace in figure.data if trace.mode == "markers"]
    in_margins = [r.difference / r.margin for r in rows if r.difference is not None]
    assert np.array_equal(np.argsort(marks, kind="stable"), np.argsort(in_margins, kind="stable"))


def test_line_of_the_null_meets_the_bars_where_nobody_moved() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(2000, 16))
    found = movement(a, a + 0.1 * rng.normal(size=a.shape))
    edges = np.linspace(0, found.change.max(), 11)
    expected = figures.expected_by_chance(found, edges)
    seen = np.histogram(found.change, edges)[0]
    assert np.abs(expected - seen).sum() < 0.15 * len(a)
    bars = [trace for trace in figures.movement_histogram(found).data if trace.type == "bar"]
    assert sum(sum(trace.y) for trace in bars) == len(a), "every study is in one bar"


def test_bars_of_kept_neighbours_count_every_study() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(50, 4))
    near = [neighbour_changes(a, b, k=5) for b in (a, rng.normal(size=(50, 4)))]
    same, other = (
        figures.neighbour_overlap(found.overlap, found.k, found.by_chance).data[0].y for found in near
    )
    assert list(same) == [0, 0, 0, 0, 0, 50]
    assert sum(other) == 50
    assert other[5] < 5


def test_names_from_strangers_stay_words_in_figures() -> None:
    values = np.array(["<a href=x>", "b & c"] * 20)
    found = by_group(np.zeros(40), np.ones(40), values, np.arange(40))
    figure = figures.slice_differences(found, "B - A")
    shown = [*(a.text for a in figure.layout.annotations), *(t.hovertemplate for t in figure.data)]
    assert not any("<a" in words for words in shown)
    assert any("b &amp; c" in words for words in shown)
