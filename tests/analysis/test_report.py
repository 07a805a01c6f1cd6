"""The report of hand-made sets: LaTeX and CSV, controls, undefined metrics, content policy, scripts."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from suture.analysis.evaluate import Evaluation, Metric, evaluate
from suture.analysis.gap import cosine_by_label, cosine_samples
from suture.analysis.gap.verdict import degrees, gap_summary
from suture.analysis.math.arrays import unit_rows
from suture.analysis.report import (
    ReportData,
    ReportMap,
    ReportSet,
    StudyExcerpt,
    csv_text,
    html,
    latex,
    record_json,
    table_files,
)
from suture.analysis.report.document import document
from suture.analysis.report.elements import Chart, Table
from suture.analysis.report.page import script_json
from suture.analysis.report.report_data import finite
from suture.data.embedding_set import EmbeddingSet
from tests.hostile import CELL, FORMULA, LABEL, Page

N = 60
PAIR = ("image", LABEL)  # a modality may be called anything


def embedded(offset: float) -> EmbeddingSet:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(N, 12))
    x, y = (unit_rows(z + rng.normal(size=z.shape) + sign * offset) for sign in (1, -1))
    ids = [f"<i>{i}</i>" for i in range(N)]
    rows = pd.DataFrame({"study_id": ids, "group": ids, "split": "test", "duplicate_group": ""})
    rows["kind"] = np.where(np.arange(N) % 2, LABEL, FORMULA)
    return EmbeddingSet("<b>mine</b>", {"image": x, LABEL: y}, rows)


@pytest.fixture(scope="module")
def evidence() -> ReportData:
    return by_hand()


def by_hand() -> ReportData:
    """A report of one set, hostile in all its words."""
    found = embedded(2.0)
    x, y = found.vectors.values()
    labels, groups = (found.rows[c].to_numpy(str) for c in ("kind", "group"))
    side = ReportSet(
        evaluate(found, resamples=40),
        cosine_samples(x, y),
        (ReportMap("PCA", {m: v[:, :2] for m, v in found.vectors.items()}, (0.5, 0.1)),),
        {"kind": tuple(cosine_by_label(x, y, labels, groups, resamples=40))},
        (("<i>0</i>", 0.1), ("<i>1</i>", 0.2)),
        CELL,
        CELL,
        {"embedding set": CELL, "SHA-256 of the set": {"a": "0" * 64}},
    )
    studies = {"<i>0</i>": StudyExcerpt({LABEL: CELL}), "<i>1</i>": StudyExcerpt({LABEL: FORMULA})}
    return ReportData((side,), "test", PAIR, None, studies, 0, False, "2026-01-02", {"python": "3"})


def of(evidence: ReportData, key: str) -> Table | Chart:
    return next(p for s in document(evidence) for p in s.parts if getattr(p, "key", "") == key)


def test_only_the_pages_own_scripts_may_run(evidence: ReportData) -> None:
    page = Page.of(html(evidence))
    run = [source for kind, source in zip(page.scripts, page.sources, strict=True) if not kind]
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in run}
    rules = dict(rule.split(" ", 1) for rule in page.policy.split("; "))
    assert set(rules["script-src"].split()) == hashes
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data: blob:"
    assert "http" not in page.policy
    assert page.tags.index("meta") < page.tags.index("style") < page.tags.index("script")


def test_every_part_of_a_page_escapes(evidence: ReportData) -> None:
    page = Page.of(html(evidence))
    assert page.scripts == ["application/json"] * 3 + [""] * 2
    assert not page.handlers
    assert not {"b", "i", "img"} & set(page.tags)
    assert page.text.count(CELL) == 4, "about, warning, provenance and one text, as they were written"
    assert all(address.startswith("#") for address in page.addresses)
    assert json.loads(page.record) == json.loads(record_json(evidence))


def test_figures_show_names_as_text(evidence: ReportData) -> None:
    """Plotly reads tags in names and labels, so they must not reach it as tags."""
    for part in (p for s in document(evidence) for p in s.parts if isinstance(p, Chart)):
        drawn = part.figure.to_json().replace("\\u003c", "<")
        assert not [tag for tag in ("<b>mine", "</script", "<b onclick", "<i>") if tag in drawn], part.key
        kinds = {trace.type for trace in part.figure.data}
        assert "scattergl" not in kinds, "WebGL does not print, and compiles code that the policy forbids"


def test_json_in_a_script_cannot_end_it() -> None:
    nasty = {"</script>": ["<!--<script>", "\u2028", 1.5, None]}
    text = str(script_json(nasty))
    assert "<" not in text
    assert json.loads(text) == nasty
    with pytest.raises(ValueError, match="Out of range float"):
        script_json(np.nan)
    assert finite({1: (np.float32("nan"), np.int64(3), [np.inf])}) == {"1": [None, 3, [None]]}


def test_latex_escapes_every_special() -> None:
    made = latex([{"a_b": r"\input{x}", "c": "50 % & $x$ #1 ~ ^ <|>"}, {"a_b": "one\ntwo\x07", "c": None}])
    assert made.splitlines() == [
        r"\begin{tabular}{ll}",
        r"\toprule",
        r"{}a\_b & c \\",
        r"\midrule",
        r"{}\textbackslash{}input\{x\} & 50 \% \& \$x\$ \#1 \textasciitilde{} \textasciicircum{} "
        r"\textless{}\textbar{}\textgreater{} \\",
        r"{}one two  &  \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]
    assert latex([]) == ""


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1+1"])
def test_csv_holds_no_formula(cell: str) -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text([{"text": cell, "number": -1.5}]), newline="")))
    assert rows == [{"text": f"'{cell}", "number": "-1.5"}]
    assert csv_text([]) == ""


def test_tables_carry_every_number(evidence: ReportData) -> None:
    (side,) = evidence.sides
    rows = list(csv.DictReader(io.StringIO(table_files(evidence)["numbers-a.csv"])))
    known = [m for m in side.evaluation.metrics if m.value is not None]
    assert [float(row["value"]) for row in rows] == [m.value for m in known]
    assert [row["convention"].removeprefix("'") for row in rows] == [m.convention for m in known]
    assert {row["protocol"] for row in rows} >= {"strict", "multi_positive", "deduplicated"}
    assert {row["n_gallery"] for row in rows if row["name"] == "recall_at_10"} == {str(N)}


def test_control_is_in_every_report_and_a_broken_one_is_loud(evidence: ReportData) -> None:
    table = of(evidence, "controls")
    (side,) = evidence.sides
    assert len(table.rows) == len(side.evaluation.controls) == 4
    assert {row[-1] for row in table.rows} == {"holds"}
    broken = tuple(replace(c, holds=False) for c in side.evaluation.controls)
    worse = replace(evidence, sides=(replace(side, evaluation=replace(side.evaluation, controls=broken)),))
    assert {row[-1] for row in of(worse, "controls").rows} == {"DOES NOT HOLD"}
    assert set(of(worse, "controls").tones) == {"bad"}


def test_undefined_numbers_are_listed_with_their_reason(evidence: ReportData) -> None:
    (side,) = evidence.sides
    lost = Metric("rmg", PAIR, None, None, None, 1, 1, "c", "lower", reason="one study has no pairs")
    more = replace(side.evaluation, metrics=(*side.evaluation.metrics, lost))
    table = of(replace(evidence, sides=(replace(side, evaluation=more),)), "undefined")
    assert table.rows[-1][0] == "A"
    assert table.rows[-1][2] == "one study has no pairs"
    assert not any("None" in cell or "nan" in cell for row in table.rows for cell in row)


def test_many_studies_are_sampled_on_a_map_and_it_is_said(evidence: ReportData) -> None:
    xy = np.arange(10_000.0).reshape(5_000, 2)
    (side,) = evidence.sides
    many = replace(evidence, sides=(replace(side, maps=(ReportMap("PCA", {"image": xy, LABEL: xy + 1}),)),))
    chart = of(many, "map-a-0")
    assert chart.note.startswith("2,000 of 5,000 studies are shown, a seeded sample.")
    first, second = (np.asarray(trace.x, dtype=float) for trace in chart.figure.data)
    np.testing.assert_array_equal(first + 1, second, err_msg="both modalities of the same studies")


def test_patients_are_warned_of_unless_synthetic(evidence: ReportData) -> None:
    assert "contains texts of 2 studies, study ids" in evidence.holds
    assert "If the studies are patient data, so is this file" in evidence.holds
    assert "contain no patient data" in replace(evidence, synthetic=True).holds
    bare = replace(evidence, studies={}).holds
    assert "contains study ids and label values with their counts; no text and no image of a study." in bare


@pytest.mark.parametrize(("offset", "said"), [(2.0, "above sampling noise"), (0.0, "within sampling noise")])
def test_reading_follows_the_interval(offset: float, said: str) -> None:
    measured = evaluate(embedded(offset), resamples=60)
    found = gap_summary(measured, PAIR)
    assert found is not None
    assert said in found.explanation
    cosine = measured.find("cos_true_pairs", *PAIR)
    assert f" {degrees(cosine.value):.0f} degrees apart" in found.headline
    assert found.basis == f"<b>mine</b>, all split, {N} studies in {N} groups"


def test_reading_of_too_few_is_none_or_says_so() -> None:
    whole = embedded(2.0)
    few = evaluate(whole.subset(np.arange(N) < 3), resamples=20)
    assert "too few groups to test" in gap_summary(few, PAIR).explanation
    assert gap_summary(evaluate(whole.subset(np.arange(N) < 1)), PAIR) is None
    assert gap_summary(Evaluation("s", "all", 0, PAIR, ()), PAIR) is None
    assert degrees(1.0000001) == 0
    assert degrees(0.0) == pytest.approx(90)
