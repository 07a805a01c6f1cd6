"""The main job on real studies: import, embed with a real open_clip model, measure, look.

Skips where the studies and weights are not beside the checkout; nothing of them is kept.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from suture.data.collections import storage
from suture.data.workspace import Workspace
from tests.conftest import beside

ROOT = Path(__file__).parents[1]
NAMES = (
    *("centroid_gap", "centroid_gap_debiased", "cos_true_pairs", "margin", "paired_residual"),
    *("offset_share", "angular_value", "uniformity_wi", "uniformity_w2", "rmg", "alignment"),
    *("recall_at_1", "recall_at_5", "recall_at_10", "median_rank"),
)


pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900)]  # embeds 2,009 images


def suture(home: Path, *arguments: str, code: int = 0) -> dict:
    environment = {**os.environ, "SUTURE_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "suture.cli", *arguments, "--json"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == code, result.stderr[-800:]
    assert "Traceback" not in result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    report = suture(folder, "import", str(beside("data", "medpix", "studies.csv")), "--name", "medpix")
    assert (report["found"], report["taken"], report["skipped"]) == (2009, 2009, {})
    config = beside("weights", "open_clip_configs", "mobilenetv1_minilm_160.json")
    assert suture(folder, "checkpoint", "add", str(config), "--name", "mobile")["refused"] is None
    run = suture(folder, "embed", "medpix", "--checkpoint", "mobile", "--name", "medpix-mobile")
    assert run["n"] == 2009
    return folder


def test_splits_groups_and_modalities_are_those_given(home: Path) -> None:
    collection = storage.load(Workspace(home), "medpix")
    assert collection.splits() == {"train": 1623, "dev": 192, "test": 194}
    assert [m.name for m in collection.modalities][:2] == ["image", "caption"]
    assert {"history", "findings"} <= {m.name for m in collection.modalities}
    assert collection.table["group"].nunique() == 663
    captions = collection.table[collection.table["caption"] != ""]
    assert captions["duplicate_group"].nunique() == 1316


def test_the_towers_carry_their_pretrained_weights(home: Path) -> None:
    """Random towers load silently: similar texts must be closer than unlike ones."""
    from suture.models.checkpoints import registry

    text = registry.load(Workspace(home), "mobile", device="cpu").encoders["text"]
    rows = text.encode(
        text.prepare(["left pleural effusion", "fluid in the left pleural space", "ankle sprain in a dog"])[0]
    )
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.1


def test_metrics_of_the_test_split(home: Path) -> None:
    result = suture(home, "evaluate", "medpix-mobile", "--split", "test")
    assert (result["set"], result["split"], result["n"]) == ("medpix-mobile", "test", 194)
    found = {m["name"] for m in result["metrics"]}
    assert set(NAMES) <= found
    pair = [m for m in result["metrics"] if m["modalities"] == ["image", "caption"]]
    gap = next(m for m in pair if m["name"] == "centroid_gap")
    assert gap["n"] == 191  # three test studies have no caption
    assert gap["n_groups"] == 66
    assert gap["low"] < gap["value"] < gap["high"]
    recalls = [m for m in pair if m["name"] == "recall_at_10" and m["direction"] == "image->caption"]
    assert {m["protocol"] for m in recalls} == {"strict", "multi_positive", "deduplicated"}
    strict, multi, once = (
        next(m for m in recalls if m["protocol"] == p) for p in ("strict", "multi_positive", "deduplicated")
    )
    assert strict["value"] <= multi["value"]
    assert once["n_gallery"] < 191


def test_embedding_again_does_nothing(home: Path) -> None:
    assert suture(home, "embed", "medpix", "--checkpoint", "mobile", "--name", "medpix-mobile")["reused"]


@pytest.mark.parametrize("page", ["overview", "map", "gap", "retrieval", "library"])
def test_the_app_shows_it(home: Path, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    monkeypatch.setenv("SUTURE_HOME", str(home))
    app = AppTest.from_file(str(ROOT / "pages" / f"{page}.py"), default_timeout=300).run()
    assert not app.exception
    if page == "library":
        assert any("medpix" in m.value for m in app.markdown)
    else:
        assert app.selectbox(key="choose_a").value == "medpix-mobile"
    assert "no patient data" not in "\n".join(i.value for i in app.info)
