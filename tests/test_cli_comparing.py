"""Comparing from a shell: verdict first, a gate for builds, the report beside its JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.shell import suture

N = 60


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`far` has a gap, `near` has it taken out; the images of `lost` belong to other studies."""
    home = tmp_path_factory.mktemp("comparing")
    rng = np.random.default_rng(0)
    content = rng.normal(size=(N, 12))
    image, text = (content + 0.4 * rng.normal(size=content.shape) for _ in range(2))
    ids = np.array([f"s{i}" for i in range(N)])
    sets = {"far": (image + 3, text - 3), "near": (image, text), "lost": (np.roll(image, 7, axis=0), text)}
    for name, (x, y) in sets.items():
        np.savez(home / f"{name}.npz", image=x, text=y, study_id=ids)
        assert suture(home, "import-vectors", str(home / f"{name}.npz"), "--name", name)[0] == 0
    return home


def test_the_verdict_comes_first_then_the_table(home: Path) -> None:
    code, out, said = suture(home, "compare", "far", "near", "--resamples", "100")  # no test split: all
    assert code == 0
    assert "The gap closed: 1." in " ".join(said.split())
    assert "Recall@10" in out


def test_json_holds_rows_verdict_and_flips(home: Path) -> None:
    options = ("--split", "all", "--resamples", "100", "--json")
    code, out, _ = suture(home, "compare", "near", "lost", *options)
    record = json.loads(out)
    assert code == 0
    assert record["failed"] == []
    assert len(record["flips"]["image->text"]["lost"]) > N / 2
    verdicts = {r["verdict"] for r in record["rows"] if r["name"] == "recall_at_1"}
    assert verdicts == {"worse"}
    assert suture(home, "compare", "near", "lost", *options)[1] == out, "the same, measured or read"


def test_a_condition_that_holds_fails_the_build(home: Path) -> None:
    options = ("--split", "all", "--resamples", "100", "--fail-on", "recall_at_10<-0.02")
    code, _, said = suture(home, "compare", "near", "lost", *options)
    assert code == 3
    assert "recall_at_10 of image->text: -0." in " ".join(said.split())
    assert suture(home, "compare", "near", "near", *options)[0] == 0


def test_a_condition_that_cannot_be_read_is_refused(home: Path) -> None:
    code, _, said = suture(home, "compare", "far", "near", "--split", "all", "--fail-on", "recall")
    assert code == 2
    assert "Expected name, one of < <= > >=" in " ".join(said.split())


def test_a_report_lies_beside_its_json(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "r.html"
    options = ("--split", "all", "--resamples", "100", "--quick", "--out", str(target))
    assert suture(home, "report", "far", "near", *options)[0] == 0
    record = json.loads(target.with_suffix(".json").read_text())
    assert record["comparison"]["verdict"]["headline"] in target.read_text()
    code, _, said = suture(home, "report", "far", "near", *options)
    assert code == 2
    assert "--force" in said


def test_every_metric_is_explained(home: Path) -> None:
    listed = json.loads(suture(home, "metrics", "--json")[1])
    assert {m["name"] for m in listed} >= {"centroid_gap", "ilisi", "gram_volume", "zero_shot_auroc"}
    assert all(m["meaning"] and m["pitfall"] for m in listed)
