"""The command line: JSON for machines, exit codes, one sentence instead of a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from suture import cli
from suture.data.workspace import SET, Workspace
from tests.conftest import beside
from tests.shell import program, suture

ROOT = Path(__file__).parents[1]
KEYS = {"found", "taken", "skipped", "refused", "message", "warnings", "identifiers", "problems", "warned"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def vectors(path: Path, *, bad: bool = False) -> Path:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 40, 8))
    if bad:
        x[3] = np.nan
    np.savez(path, image=x, caption=y)
    return path


def test_vectors_in_metrics_out(home: Path, tmp_path: Path) -> None:
    code, out, _ = program(home, "import-vectors", str(vectors(tmp_path / "v.npz")), "--name", "v", "--json")
    assert code == 0
    assert json.loads(out).keys() == KEYS
    code, out, _ = program(home, "evaluate", "v", "--json")
    result = json.loads(out)
    assert code == 0
    assert {"set", "split", "n", "modalities", "metrics"} <= result.keys()
    for metric in result["metrics"]:
        assert {"name", "modalities", "value", "low", "high", "n", "convention", "better"} <= metric.keys()
        if metric["low"] is None:  # stated without an interval
            assert metric["name"] in ("hubness_skew", "centroid_gap_floor")
        else:
            assert metric["low"] <= metric["value"] <= metric["high"] or metric["name"] == "median_rank"
    recalls = [m for m in result["metrics"] if m["name"].startswith("recall")]
    assert {m["direction"] for m in recalls} == {"image->caption", "caption->image"}
    assert suture(home, "evaluate", "v")[0] == 0


def test_reference_values_through_the_command(home: Path) -> None:
    folder = beside("science", "reference_values")
    expected = json.loads((folder / "own_values.json").read_text())["set_a_pair_n64_d16"]
    suture(home, "import-vectors", str(folder / "set_a_pair_n64_d16.npz"), "--name", "a")
    result = json.loads(suture(home, "evaluate", "a", "--json")[1])
    found = {m["name"]: m["value"] for m in result["metrics"] if len(m["modalities"]) == 2}
    assert result["modalities"] == ["image", "text"]
    assert found["centroid_gap"] == pytest.approx(expected["centroid_gap"], abs=1e-12)
    assert found["rmg"] == pytest.approx(expected["RMG diagonal excluded"], abs=1e-12)
    pooled = expected["uniformity_W2 pooled (negative distance)"]
    assert found["uniformity_w2"] == pytest.approx(pooled, abs=1e-9)


def test_wrong_way_one_unreadable_csv(home: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_bytes(b"\x00\x01\xff" * 100)
    code, out, _ = program(home, "import", str(tmp_path / "bad.csv"), "--name", "x", "--json")
    answer = json.loads(out)
    assert (code, answer["refused"], answer["taken"]) == (2, "table_not_text", 0)
    assert "Export it as CSV" in answer["message"]


def test_wrong_way_two_checkpoint_that_does_not_fit(home: Path, tmp_path: Path) -> None:
    save_file({"visual.proj": torch.ones(3, 3)}, tmp_path / "w.safetensors")
    code, out, _ = suture(home, "checkpoint", "add", str(tmp_path / "w.safetensors"), "--name", "x", "--json")
    answer = json.loads(out)
    assert (code, answer["refused"]) == (2, "checkpoint_shape_mismatch")
    assert "'visual.proj' is (3, 3), must be (160, 128)" in answer["message"]


def test_wrong_way_three_vectors_with_nan(home: Path, tmp_path: Path) -> None:
    path = vectors(tmp_path / "v.npz", bad=True)
    code, out, _ = suture(home, "import-vectors", str(path), "--name", "v", "--json")
    answer = json.loads(out)
    assert (code, answer["taken"], answer["skipped"]) == (0, 39, {"embedding_not_finite": 1})
    assert "Row 3 of 'image'" in answer["message"]


def test_refusals_lose_nothing(home: Path, tmp_path: Path) -> None:
    suture(home, "import-vectors", str(vectors(tmp_path / "v.npz")), "--name", "v")
    before = Workspace(home).record(SET, "v").fingerprint
    code, out, _ = suture(home, "import-vectors", str(tmp_path / "v.npz"), "--name", "v", "--json")
    assert (code, json.loads(out)["refused"]) == (2, "name_taken")
    assert Workspace(home).record(SET, "v").fingerprint == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate", "absent"),
        ("embed", "absent", "--checkpoint", "demo-clip"),
        ("remove", "set", "absent"),
    ],
)
def test_unknown_names_list_what_there_is(home: Path, arguments: tuple[str, ...]) -> None:
    code, _, error = suture(home, *arguments)
    assert code == 2
    assert "'absent'" in error
    assert "none yet" in " ".join(error.split())


def test_lists_are_json(home: Path, tmp_path: Path) -> None:
    suture(home, "import-vectors", str(vectors(tmp_path / "v.npz")), "--name", "v")
    assert [s["name"] for s in json.loads(suture(home, "sets", "--json")[1])] == ["v"]
    assert json.loads(suture(home, "collections", "--json")[1]) == []
    assert suture(home, "checkpoints")[0] == 0


def test_readme_names_only_commands_that_exist() -> None:
    text = (ROOT / "README.md").read_text()
    lines = [line.split() for line in text.splitlines() if line.startswith("suture ")]
    assert len(lines) >= 5
    for words in lines:
        command = words[1:3] if words[1] == "checkpoint" else words[1:2]
        result = CliRunner().invoke(cli.app, [*command, "--help"])
        assert result.exit_code == 0, words
    makefile = (ROOT / "Makefile").read_text()
    for target in ("demo", "test"):
        assert f"make {target}" in text
        assert f"\n{target}:" in makefile


def test_column_names_with_markup_are_shown_as_they_are(home: Path, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("L", (20, 20), 9).save(tmp_path / "a.png")
    (tmp_path / "s.csv").write_text("id,image,report [/b] note\n1,a.png,clear lungs and a normal heart\n")
    code, _, error = suture(
        home, "import", str(tmp_path / "s.csv"), "--name", "m", "--text", "report [/b] note"
    )
    assert code == 0
    assert "[/b]" in error


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate", "v", "--resamples", "0"),
        ("embed", "x", "--checkpoint", "demo-untrained", "--device", "banana"),
        ("checkpoint", "add", "NUMBER", "--name", "n"),
        ("sets", "--home", "NUMBER"),
    ],
)
def test_odd_options_are_refused_in_a_sentence(
    home: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "five.json").write_text("5")
    given = [str(tmp_path / "five.json") if a == "NUMBER" else a for a in arguments]
    assert suture(home, *given)[0] == 2
