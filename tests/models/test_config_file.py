"""Untrusted configs: which are accepted, and that nothing oversized is built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import open_clip
import pytest

from suture.data.errors import Refused
from suture.data.workspace import Workspace
from suture.models.checkpoints import architecture
from suture.models.checkpoints.add_checkpoint import add_checkpoint
from suture.models.checkpoints.architecture import CONFIG
from suture.models.checkpoints.config_file import read_config, read_json
from suture.models.checkpoints.sources import CheckpointSource

VISION = {"image_size": 32, "patch_size": 16, "layers": 1, "width": 32, "head_width": 16}
TEXT = {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}


def config(*, vision: object = None, text: object = None, **more: object) -> dict[str, Any]:
    """A small valid config with some entries replaced."""
    parts = {"vision_cfg": vision or VISION, "text_cfg": text or TEXT}
    return {"model_cfg": {"embed_dim": 16, **parts}, **more}


BAD: dict[str, object] = {
    **{
        f"vision {k} {v}": config(vision={**VISION, k: v})
        for k, v in (("layers", 200_000), ("layers", [10**9] * 4))
    },
    **{
        f"vision {k} {v}": config(vision={**VISION, k: v})
        for k, v in (("patch_size", 0), ("image_size", [32, 10**9]))
    },
    **{
        f"text {k} {v}": config(text={**TEXT, k: v})
        for k, v in (("width", 10**9), ("vocab_size", float("nan")))
    },
    "each allowed, not together": config(vision={**VISION, "layers": 200, "width": 8000}),
    "too many patches": config(vision={**VISION, "image_size": 4096, "patch_size": 1}),
    "tower is a number": config(text={**TEXT, "hf_model_name": 5}),
    "code of the tokenizer": config(text={**TEXT, "tokenizer_kwargs": {"trust_remote_code": True}}),
    "options are a number": config(text={**TEXT, "tokenizer_kwargs": 5}),
    "picture is a number": config(preprocess_cfg=5),
    "picture is large": config(preprocess_cfg={"size": 10**6}),
    "words": {"model_cfg": {"embed_dim": "x", "vision_cfg": "y", "text_cfg": []}},
    "no object": {"model_cfg": [1]},
    "list": [1],
}
BYTES = {
    "deep": b'{"model_cfg":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "less deep": b'{"model_cfg":' + b"[" * 100 + b"]" * 100 + b"}",
    "long": b"[" + b" " * 5 * 2**20 + b"]",
    "digits": b'{"embed_dim":' + b"9" * 5000 + b"}",
    "not UTF-8": b"\xff\xfe{}",
    "empty": b"",
    **{kind: json.dumps(content).encode() for kind, content in BAD.items()},
}


@pytest.mark.parametrize("kind", BYTES)
def test_bad_configs_are_refused_before_anything_is_built(tmp_path: Path, kind: str) -> None:
    (tmp_path / CONFIG).write_bytes(BYTES[kind])
    with pytest.raises(Refused, match=CONFIG) as refused:
        read_config(tmp_path / CONFIG)
    assert refused.value.code == "config_unreadable"
    assert len(refused.value.message) < 250


@pytest.mark.parametrize(
    "wrong",
    [{"text": {**TEXT, "heads": 7}}, {"preprocess_cfg": {"mode": "L"}}, {"preprocess_cfg": {"size": "x"}}],
)
def test_a_library_that_cannot_build_it_is_not_quoted(
    workspace: Workspace, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    (tmp_path / "own.json").write_text(json.dumps(config(**wrong)))
    report = add_checkpoint(workspace, CheckpointSource(str(tmp_path / "own.json")), "own")
    assert report.refused == "config_unreadable"
    assert "Check" in report.message


def test_a_part_of_the_preprocessing_is_enough(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text(json.dumps(config(preprocess_cfg={"mean": [0.5] * 3})))
    assert add_checkpoint(workspace, CheckpointSource(str(tmp_path / "own.json")), "own").refused is None


def test_a_tower_in_a_folder_is_held_to_the_same_sizes(tmp_path: Path) -> None:
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text('{"model_type": "bert", "num_hidden_layers": 200000}')
    asked = config(text={"hf_model_name": "./bert", "hf_tokenizer_name": "./bert"})
    with pytest.raises(Refused, match="num_hidden_layers"):
        architecture.instantiate(asked, tmp_path)


def test_a_tokenizer_brings_no_code(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    (tmp_path / "tok").mkdir()
    (tmp_path / "tok" / "tok.py").write_text(f"open({str(canary)!r}, 'w').close()")
    told = {"tokenizer_class": "Tok", "auto_map": {"AutoTokenizer": ["tok.Tok", None]}}
    (tmp_path / "tok" / "tokenizer_config.json").write_text(json.dumps(told))
    options = {"hf_tokenizer_name": "./tok", "tokenizer_kwargs": {"trust_remote_code": True}}
    with pytest.raises(Refused):
        architecture.tokenizer(config(text={**TEXT, **options}), tmp_path)
    assert not canary.exists()


def test_every_architecture_of_open_clip_is_allowed(tmp_path: Path) -> None:
    for name in open_clip.list_models():
        (tmp_path / CONFIG).write_text(json.dumps(open_clip.get_model_config(name)))
        assert read_json(tmp_path / CONFIG)
        assert read_config(tmp_path / CONFIG)
