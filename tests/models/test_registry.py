"""Checkpoints can be added from every source and work offline afterwards; bad ones are refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from suture.data.workspace import CHECKPOINT, Workspace
from suture.models import builtin
from suture.models.checkpoints.add_checkpoint import add_checkpoint
from suture.models.checkpoints.architecture import CONFIG, WEIGHTS, instantiate
from suture.models.checkpoints.encoders import TabularEncoder
from suture.models.checkpoints.registry import load
from suture.models.checkpoints.sources import CheckpointSource
from tests.models.stand_in_hub import stand_in_hub

ROOT = Path(__file__).parents[2]
SMALL = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "patch_size": 16, "layers": 1, "width": 32, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Weights of the built-in architecture, as safetensors."""
    folder = tmp_path / "untrained"
    folder.mkdir()
    builtin.write(builtin.UNTRAINED, folder)
    return folder / WEIGHTS


def embed_both(workspace: Workspace, name: str) -> tuple[np.ndarray, np.ndarray]:
    checkpoint = load(workspace, name, device="cpu")
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 40), dtype=np.uint8))
    image, text = checkpoint.encoders["image"], checkpoint.encoders["text"]
    return (
        image.encode(image.prepare([picture])[0]).numpy(),
        text.encode(text.prepare(["left pleural effusion"])[0]).numpy(),
    )


def test_built_in_checkpoints_give_unit_rows(workspace: Workspace) -> None:
    for name in builtin.NAMES:
        for rows in embed_both(workspace, name):
            assert rows.shape == (1, 128)
            assert np.linalg.norm(rows) == pytest.approx(1, abs=1e-6)


def test_weights_file_gives_the_same_vectors_as_what_it_came_from(
    workspace: Workspace, weights: Path
) -> None:
    assert add_checkpoint(workspace, CheckpointSource(str(weights)), "copy").refused is None
    for ours, theirs in zip(
        embed_both(workspace, "copy"), embed_both(workspace, builtin.UNTRAINED), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_torch_file_with_wrapper_prefix(workspace: Workspace, weights: Path, tmp_path: Path) -> None:
    state = {f"module.{k}": v for k, v in load_file(weights).items()}
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "run.pt")
    assert add_checkpoint(workspace, CheckpointSource(str(tmp_path / "run.pt")), "run").refused is None


def test_folder_and_config(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_text(json.dumps({"model_cfg": SMALL, "preprocess_cfg": {"size": 32}}))
    save_file(instantiate({"model_cfg": SMALL}, None).state_dict(), tmp_path / WEIGHTS)
    assert add_checkpoint(workspace, CheckpointSource(str(tmp_path)), "folder").refused is None
    (tmp_path / "own.json").write_text(json.dumps(SMALL))
    source = CheckpointSource(str(tmp_path / WEIGHTS), architecture=str(tmp_path / "own.json"))
    assert add_checkpoint(workspace, source, "own").refused is None
    assert load(workspace, "own").dim == 16


@pytest.mark.slow  # three Pythons load torch and open_clip
def test_hub_name_through_the_real_client(tmp_path: Path) -> None:
    """The command downloads from a local stand-in for the hub, then works without it."""
    save_file(instantiate({"model_cfg": SMALL}, None).state_dict(), tmp_path / WEIGHTS)
    files = {
        CONFIG: json.dumps({"model_cfg": SMALL, "preprocess_cfg": {"size": 32}}).encode(),
        WEIGHTS: (tmp_path / WEIGHTS).read_bytes(),
    }
    home = tmp_path / "home"
    with stand_in_hub(files) as (address, asked):
        environment = {**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "hf")}
        command = ["checkpoint", "add", "hf-hub:stand-in/tiny", "--name", "hub", "--json"]
        command += ["--home", str(home)]
        refused = run(command, environment)
        assert refused["refused"] == "download_not_allowed"
        assert asked == []
        taken = run([*command, "--download"], environment)
        assert taken["refused"] is None, taken
        assert any(WEIGHTS in path for path in asked)
        missing = run([*command[:2], "hf-hub:stand-in/absent", *command[3:], "--download"], environment)
        assert missing["refused"] in ("checkpoint_unavailable", "name_taken")
    assert load(Workspace(home), "hub").dim == 16


def run(arguments: list[str], environment: dict[str, str]) -> dict:
    command = [sys.executable, "-m", "suture.cli", *arguments]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert "Traceback" not in result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def without_first(state: dict) -> dict:
    return dict(list(state.items())[1:])


BROKEN = {
    "checkpoint_keys_missing": without_first,
    "checkpoint_shape_mismatch": lambda s: {
        k: v[..., :3].contiguous() if v.ndim else v for k, v in s.items()
    },
    "checkpoint_not_finite": lambda s: {**s, "visual.proj": torch.full_like(s["visual.proj"], torch.nan)},
    "checkpoint_dtype": lambda s: {**s, "visual.proj": s["visual.proj"].to(torch.int64)},
    "embedding_degenerate": lambda s: {k: torch.zeros_like(v) for k, v in s.items()},
}


@pytest.mark.parametrize("code", BROKEN)
def test_broken_weights_are_refused_by_name(
    workspace: Workspace, weights: Path, tmp_path: Path, code: str
) -> None:
    save_file(BROKEN[code](load_file(weights)), tmp_path / "broken.safetensors")
    report = add_checkpoint(workspace, CheckpointSource(str(tmp_path / "broken.safetensors")), "broken")
    assert report.refused == code, report.message
    assert not workspace.has(CHECKPOINT, "broken")
    if code == "checkpoint_shape_mismatch":
        assert "must be" in report.message
        assert "and" in report.message
        assert "more" in report.message


def test_a_pickle_is_never_executed(workspace: Workspace, tmp_path: Path) -> None:
    mark = tmp_path / "executed"

    class Evil:
        def __reduce__(self) -> tuple:
            return (Path.touch, (mark,))

    torch.save({"state_dict": Evil()}, tmp_path / "evil.pt")
    report = add_checkpoint(workspace, CheckpointSource(str(tmp_path / "evil.pt")), "evil")
    assert report.refused == "checkpoint_unsafe"
    assert not mark.exists()


def test_unknown_sources_say_what_was_expected(workspace: Workspace) -> None:
    report = add_checkpoint(workspace, CheckpointSource("nothing/here"), "x")
    assert report.refused == "source_missing"
    assert "hf-hub:owner/name" in report.message
    assert (
        add_checkpoint(workspace, CheckpointSource("ViT-B-32", pretrained="openai"), "x").refused
        == "download_not_allowed"
    )


def test_tabular_encoder_reads_numbers_categories_and_gaps() -> None:
    columns = [{"name": "age", "mean": 50.0, "std": 10.0}, {"name": "sex", "values": ["F", "M"]}]
    encoder = TabularEncoder(columns, 8, torch.device("cpu"))
    batch, cut = encoder.prepare([{"age": "60", "sex": "M"}, {"age": "", "sex": "?"}])
    assert batch.tolist() == [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    assert cut == 0
    assert encoder.encode(batch).norm(dim=1).tolist() == pytest.approx([1, 1], abs=1e-6)
