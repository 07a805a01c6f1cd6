"""The Captions page: asking for decoders, who reads what, findings, and study by study."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from suture import jobs
from suture.analysis.captions import CAPTION_METRICS
from suture.data.vectors import import_vectors
from suture.data.workspace import Workspace
from suture.models.captioner.config import CaptionerConfig, of_sets
from suture.pages.components.captions import scores
from suture.pages.components.captions.scored_captions import ScoredCaptions
from suture.pages.components.captions.studies import marked
from suture.workflows.captions.caption_table import CROSSED, stored_table
from suture.workflows.captions.run import train_and_evaluate

ROOT = Path(__file__).parents[2]
A, B = "demo @ demo-clip", "demo @ demo-aligned"
SHAPE = {"width": 64, "layers": 1, "heads": 2, "prefix": 2, "vocabulary": 400}
RECIPE = CaptionerConfig(set=A, epochs=8, batch=32, learning_rate=4e-3, **SHAPE)


@pytest.fixture(scope="module")
def written(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo with small decoders for both sets, and their captions of the test split."""
    home = tmp_path_factory.mktemp("captions") / "home"
    shutil.copytree(demo_home, home)
    train_and_evaluate(Workspace(home), of_sets(RECIPE, [A, B], ["text", "image"]), device="cpu")
    return home


@pytest.fixture
def page(written: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("SUTURE_HOME", str(written))
    app = opened(a=A, b=B, split="test")
    assert not app.exception
    return app


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "pages" / "captions.py"), default_timeout=200)
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


def names(of: str) -> list[str]:
    return [config.label for config in of_sets(RECIPE, [of], ["text", "image"])]


def words(app: AppTest) -> str:
    blocks = (*app.markdown, *app.caption, *app.info, *app.warning, *app.error, *app.text)
    return "\n".join(str(b.value) for b in blocks).replace("\\", "")


def test_the_page_says_that_it_is_no_report(page: AppTest) -> None:
    assert "generated text is not a report" in words(page)


def test_the_answer_tells_both_sets_between_floor_and_ceiling(page: AppTest, written: Path) -> None:
    told = words(page)
    for name in (A, B):
        found = stored_table(Workspace(written), name, names(name))
        assert found is not None
        assert f"CIDEr {found.readings[CROSSED].scores.metrics['cider'].value:.2f} from images" in told
    assert "decoder captions the images of" in told


def test_every_measure_has_its_rows_with_intervals(page: AppTest) -> None:
    for name in ("cider", "finding_f1", "distinct_1"):
        page.selectbox(key="captions_metric").set_value(name).run()
        assert not page.exception
        shown = next(d.value for d in page.dataframe if "what it is" in d.value)
        assert len(shown) == 7
        assert {"A", "B", "B − A", "similarity A"} <= {*shown}
        assert CAPTION_METRICS[name].meaning in words(page)


def test_numbers_and_texts_can_be_taken_away(page: AppTest) -> None:
    keys = {button.key for button in page.get("download_button")}
    assert {"captions-json", "captions-csv", "captions-texts.csv"} <= keys


def test_the_numbers_taken_away_hold_every_finding_with_its_interval(written: Path) -> None:
    found = stored_table(Workspace(written), A, names(A))
    assert found is not None
    lines = scores.numbers(ScoredCaptions((found,), None, RECIPE))
    crossed = found.readings[CROSSED]
    told = {(r["metric"], r["finding"]): r for r in lines if r["captions"] == CROSSED}
    for finding, known in crossed.scores.findings.items():
        line = told["f1", finding]
        assert (line["value"], line["low"], line["high"]) == pytest.approx(
            (known.f1.value, known.f1.low, known.f1.high), nan_ok=True
        )
    assert crossed.similarity is not None
    assert told["similarity", ""]["value"] == crossed.similarity.value


@pytest.mark.parametrize("order", ["Better in B", "Worse in B", "Best", "Worst"])
def test_studies_are_sorted_by_what_was_asked(page: AppTest, written: Path, order: str) -> None:
    page.segmented_control(key="captions_order").set_value(order).run()
    assert not page.exception
    tables = [stored_table(Workspace(written), name, names(name)) for name in (A, B)]
    first, second = (one.readings[CROSSED].scores.per_study["cider"] for one in tables if one is not None)
    score = {"Better in B": second - first, "Worse in B": first - second, "Best": second, "Worst": -second}
    top = tables[0].study_ids[int(np.nanargmax(score[order]))] if tables[0] is not None else ""
    shown = [text.value for text in page.text if text.value in tables[0].study_ids]
    assert shown[0] == top


def test_without_captions_the_page_offers_to_write_them(
    demo_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUTURE_HOME", str(demo_home))
    app = opened(a=A, b=B, split="test")
    assert not app.exception
    assert "Trains 4 decoders" in words(app)
    monkeypatch.setattr(jobs, "wake", lambda *_: None)  # it is only queued
    app.button(key="captions_go").click().run()
    (job,) = [j for j in jobs.jobs(Workspace(demo_home)) if j.kind == "caption"]
    jobs.cancel(Workspace(demo_home), job.id)
    asked = [(config["set"], config["source"]) for config in job.args["configs"]]
    assert asked == [(A, "text"), (A, "image"), (B, "text"), (B, "image")]
    assert job.args["split"] == "test"


def test_the_split_that_is_learned_from_cannot_be_scored(
    demo_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUTURE_HOME", str(demo_home))
    app = opened(a=A, split="train")
    assert "Choose another split" in words(app)
    assert app.button(key="captions_go").disabled


def test_vectors_without_texts_get_their_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUTURE_HOME", str(tmp_path / "home"))
    x = np.random.default_rng(0).normal(size=(60, 8))
    np.savez(tmp_path / "v.npz", image=x, text=-x)
    assert import_vectors(Workspace(tmp_path / "home"), [tmp_path / "v.npz"], "plain").refused is None
    app = opened()
    assert not app.exception
    assert "there are no texts to learn from" in words(app)


def test_a_alone_is_shown_where_b_has_no_captions(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(written, tmp_path / "home")
    for name in names(B):
        Workspace(tmp_path / "home").remove("captioner", name)
    monkeypatch.setenv("SUTURE_HOME", str(tmp_path / "home"))
    app = opened(a=A, b=B, split="test")
    assert not app.exception
    assert "Captions of A only" in words(app)
    assert app.selectbox(key="captions_metric").value == "cider"


def test_findings_are_marked_by_who_states_them() -> None:
    truth = "Large left pleural effusion. No pneumothorax."
    caption = "Small pneumothorax and a pleural effusion [x](http://y)."
    told = marked(caption, [truth], own=True)
    assert ":red-background[pneumothorax]" in told
    assert ":green-background[pleural effusion]" in told
    assert "](http" not in told, "a stranger's link stays words"
    back = marked(truth, [caption], own=False)
    assert ":green-background[pleural effusion]" in back
    assert ":gray-background[pneumothorax]" in back
    assert ":orange-background[pleural effusion]" in marked(truth, ["All well."], own=False)
