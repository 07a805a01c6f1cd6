"""`suture.compare`: the numbers of the shell, a verdict, and what differs where two sets do not match."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from typer.testing import CliRunner

import suture
from suture.cli import app
from tests.library.test_evaluation import FEW, described, pair

BEFORE, TEXT = pair()
AFTER, _ = pair(gap=0.0)


@pytest.fixture(scope="module")
def change() -> suture.ComparisonResult:
    before, after = (suture.evaluate(x, TEXT, **described(), **FEW) for x in (BEFORE, AFTER))
    return suture.compare(before, after)


def test_the_numbers_are_those_of_the_shell(tmp_path: Path) -> None:  # 2 s: two sets, compared three times
    workspace = suture.Workspace(tmp_path)
    results = []
    for name, image in (("a", BEFORE), ("b", AFTER)):
        workspace.add_vectors({"image": image, "text": TEXT}, name=name, **described())
        results.append(suture.evaluate(image, TEXT, **described(), split="test", name=name, **FEW))
    shell = ["compare", "a", "b", "--split", "test", "--resamples", "20", "--json", "--home", str(tmp_path)]
    told = json.loads(CliRunner().invoke(app, shell).stdout)

    def plain(result: suture.ComparisonResult) -> Any:
        return json.loads(json.dumps(result.to_json()))

    assert plain(suture.compare(*results)) == told
    assert plain(suture.compare("a", "b", home=tmp_path, **FEW)) == told
    of_sets = [suture.evaluate(name, split="test", home=tmp_path, **FEW) for name in "ab"]
    assert plain(suture.compare(*of_sets)) == told
    assert plain(suture.compare(of_sets[0], "b")) == told
    assert plain(workspace.compare("a", "b", **FEW)) == told


def test_the_verdict_is_a_word_and_sentences(change: suture.ComparisonResult) -> None:
    verdict = change.verdict
    assert verdict.word == "closed"
    assert verdict.headline.startswith("The gap closed: ")
    assert str(verdict).splitlines()[0] == verdict.headline
    assert len(verdict.reasons) > 2


def test_rows_by_the_keys_of_an_evaluation(change: suture.ComparisonResult) -> None:
    gap = change["centroid_gap"]
    assert gap.difference == change.after["centroid_gap"] - change.before["centroid_gap"]
    assert change["recall_at_10", "image->text"].protocol == "multi_positive"
    with pytest.raises(suture.NotFound, match="no metric called 'gap'"):
        change["gap"]


def test_what_it_looks_like(change: suture.ComparisonResult) -> None:
    assert repr(change).startswith("<before → after: 40 studies. The gap closed")
    page = change._repr_html_()
    assert "<table>" in page
    assert "The gap closed" in page
    frame = change.to_frame()
    assert len(frame) == len(change) == len(change.to_json()["rows"])
    assert {"name", "A value", "B value", "B - A", "verdict"} <= {*frame}
    assert 0 < len(change.to_frame(headline_only=True)) < len(frame)


def test_names_are_escaped() -> None:
    before, after = (suture.evaluate(x, TEXT, **FEW) for x in (BEFORE, AFTER))
    change = suture.compare(before, after, names=("<b>one", "<b>two"))
    assert "<b>" not in change._repr_html_()
    assert (change.compared.a, change.compared.b) == ("<b>one", "<b>two")


@pytest.mark.parametrize("kind", ["differences", "cosines", "ranks", "movement"])
def test_figures(change: suture.ComparisonResult, kind: str) -> None:
    assert isinstance(change.figure(kind), go.Figure)


def test_unknown_figures_and_modalities(change: suture.ComparisonResult) -> None:
    with pytest.raises(suture.NotFound, match="differences, cosines, ranks, movement"):
        change.figure("pie")
    with pytest.raises(suture.NotFound, match="no modality called 'txt'"):
        change.figure("ranks", pair=("image", "txt"))


@pytest.mark.parametrize(
    ("message", "options"),
    [
        (
            r"only in 'before'.*only in 'after'|Two sets can be compared",
            {"ids": [f"x{i}" for i in range(40)]},
        ),
        ("order of the rows differs", {"ids": [f"s{i}" for i in range(40)][::-1]}),
        ("groups .patients or cases. differ", {"groups": np.arange(40) // 4}),
        ("duplicate groups differ", {"duplicates": ["e"] * 40}),
        ("values of region differ", {"labels": {"region": ["chest"] * 20 + ["hand"] * 20}}),
        ("resamples is 20 in A and 30 in B", {"resamples": 30}),
        ("seed is 0 in A and 1 in B", {"seed": 1}),
        ("split is 'all' in A and 'test' in B", {"split": "test"}),
        ("full=True", {"full": True}),
        ("same modalities", {"names": ("image", "report")}),
    ],
)
def test_sets_that_do_not_match_say_what_differs(
    change: suture.ComparisonResult, message: str, options: dict[str, Any]
) -> None:
    other = suture.evaluate(AFTER, TEXT, **{**described(), **FEW, **options})
    with pytest.raises(suture.UserError, match=message):
        suture.compare(change.before, other)


def test_other_numbers_of_studies_and_other_things(change: suture.ComparisonResult) -> None:
    few = suture.evaluate(AFTER[:30], TEXT[:30], **FEW)
    with pytest.raises(suture.Refused, match="same studies"):
        suture.compare(suture.evaluate(BEFORE, TEXT, **FEW), few)
    with pytest.raises(suture.Refused, match=r"results of suture\.evaluate"):
        suture.compare(change.before, 3)  # type: ignore[arg-type]
    with pytest.raises(suture.Refused, match="no modality 'history'"):
        suture.compare(change.before, change.after, pair=("image", "history"))
