"""Recognising the architecture of weights by names and shapes; the message if none fits."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
import torch
from open_clip import get_model_config
from safetensors.torch import save_file
from torch import Tensor

from suture.data.errors import Refused
from suture.data.workspace import Workspace
from suture.models import builtin
from suture.models.checkpoints import architecture
from suture.models.checkpoints.add_checkpoint import add_checkpoint
from suture.models.checkpoints.hf_names import is_clip_model, to_open_clip
from suture.models.checkpoints.recognise import (
    facts_of_config,
    facts_of_weights,
    known_architectures,
    nearest_architectures,
    only_exact,
)
from suture.models.checkpoints.sources import CheckpointSource
from suture.models.checkpoints.weights_match import load_matching, normalise_names

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "patch_size": 16, "layers": 2, "width": 32, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 99, "width": 24, "heads": 2, "layers": 2},
}


@cache
def named(name: str) -> dict[str, Tensor]:
    """Names and shapes of an architecture of open_clip."""
    return architecture.outline({"model_cfg": get_model_config(name)}, None).state_dict()


@pytest.mark.parametrize("name", ["ViT-L-14", "RN50", "coca_ViT-B-32", "ViT-B-16-SigLIP"])
def test_sizes_read_from_weights_are_those_of_the_config(name: str) -> None:
    told = {k: v for k, v in facts_of_weights(named(name)).items() if v is not None}
    stated = facts_of_config({"model_cfg": get_model_config(name)})
    assert {k: v for k, v in told.items() if k in stated} == {k: stated[k] for k in told if k in stated}
    assert {"vocabulary", "text width", "context", "tower"} <= told.keys()


@pytest.mark.parametrize("name", ["RN50x4", "ViT-L-14-336", "ViT-B-16-SigLIP-384"])
def test_an_architecture_is_found_among_all(workspace: Workspace, name: str) -> None:
    fits = nearest_architectures(named(name), known_architectures(workspace))
    assert name in [match.architecture for match in fits if match.exact]
    assert [match.exact for match in fits] == sorted((match.exact for match in fits), reverse=True)


def test_what_weights_cannot_tell_is_asked(workspace: Workspace) -> None:
    fits = nearest_architectures(named("ViT-B-32"), known_architectures(workspace))
    assert {"ViT-B-32", "ViT-B-32-quickgelu"} <= {match.architecture for match in fits if match.exact}
    with pytest.raises(Refused, match="quickgelu") as refused:
        only_exact(fits, "w.pt")
    assert refused.value.code == "architecture_ambiguous"


def test_the_nearest_is_named_with_what_disagrees(workspace: Workspace) -> None:
    state = dict(named("ViT-B-32"))
    del state["ln_final.weight"]
    state["head.<b>x</b>"] = torch.empty(3, device="meta")
    state["visual.proj"] = torch.empty(768, 100, device="meta")
    with pytest.raises(Refused, match=r"nearest is ViT-B-32") as refused:
        only_exact(nearest_architectures(state, known_architectures(workspace)), "w.pt")
    for part in ("Missing: 'ln_final.weight'", "'head.<b>x</b>'", "is (768, 100), must be (768, 512)"):
        assert part in refused.value.message
    assert len(refused.value.message) < 1000


def test_the_same_weights_under_other_conventions_fit() -> None:
    """OpenAI's bookkeeping entries, a scale stored as a list, a text tower with a prefix."""
    model = architecture.instantiate({"model_cfg": TINY}, None)
    plain = model.state_dict()
    text = ("transformer.", "token_embedding.", "ln_final.", "positional_embedding", "text_projection")
    other = {f"text.{k}" if k.startswith(text) else k: v for k, v in plain.items()}
    other |= {"logit_scale": plain["logit_scale"].reshape(1), "context_length": torch.tensor(16)}
    assert normalise_names(other, plain).keys() == plain.keys()
    load_matching(model, other, "w", "tiny")
    prefixed = normalise_names(plain, {k: v for k, v in other.items() if k != "context_length"})
    assert prefixed.keys() == other.keys() - {"context_length"}


def test_own_checkpoints_are_architectures_too(workspace: Workspace, tmp_path: Path) -> None:
    config = {**TINY, "text_cfg": {**TINY["text_cfg"], "vocab_size": 49408}}
    model = architecture.instantiate({"model_cfg": config}, None)
    (tmp_path / "tiny.json").write_text(json.dumps(config))
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    source = CheckpointSource(str(tmp_path / "w.safetensors"), architecture=str(tmp_path / "tiny.json"))
    assert add_checkpoint(workspace, source, "first").refused is None
    again = add_checkpoint(workspace, CheckpointSource(str(tmp_path / "w.safetensors")), "second")
    assert again.refused is None, again.message
    assert "checkpoint:first" in again.message


def test_a_config_at_odds_with_its_tokenizer_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "tiny.json").write_text(json.dumps(TINY))  # vocabulary of 99 for a tokenizer of 49,408
    save_file(architecture.instantiate({"model_cfg": TINY}, None).state_dict(), tmp_path / "w.safetensors")
    source = CheckpointSource(str(tmp_path / "w.safetensors"), architecture=str(tmp_path / "tiny.json"))
    report = add_checkpoint(workspace, source, "odd")
    assert report.refused == "config_unreadable"
    assert "vocabulary" in report.message


def test_built_in_weights_are_told_apart_from_all_others(workspace: Workspace) -> None:
    state = architecture.outline(builtin.config(), builtin.FOLDER).state_dict()
    found = only_exact(nearest_architectures(state, known_architectures(workspace)), "w")
    assert found.architecture == "suture-tiny"
    assert found.parameters == sum(t.numel() for t in state.values())


def test_a_hugging_face_clip_model_gives_the_same_vectors_in_open_clip() -> None:
    from transformers import CLIPConfig, CLIPModel

    heads = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_act": "gelu"}
    text = {"hidden_size": 24, "intermediate_size": 96, "vocab_size": 99, "max_position_embeddings": 16}
    vision = {"hidden_size": 32, "intermediate_size": 128, "image_size": 32, "patch_size": 16}
    config = CLIPConfig(
        text_config={**text, **heads, "eos_token_id": 98},
        vision_config={**vision, **heads},
        projection_dim=16,
    )
    theirs = CLIPModel(config).eval()
    assert is_clip_model(theirs.state_dict())
    ours = architecture.instantiate({"model_cfg": TINY}, None).eval()
    load_matching(ours, to_open_clip(theirs.state_dict()), "hf", "tiny")
    pictures, tokens = torch.randn(3, 3, 32, 32), torch.randint(1, 97, (3, 16))
    tokens[:, -1] = 98
    with torch.inference_mode():
        seen = theirs.visual_projection(theirs.vision_model(pictures).pooler_output)
        said = theirs.text_projection(theirs.text_model(tokens).pooler_output)
        torch.testing.assert_close(ours.encode_image(pictures), seen, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(ours.encode_text(tokens), said, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("missing", ["text_model.encoder.layers.0.self_attn.k_proj.weight"])
def test_a_damaged_hugging_face_model_does_not_fit(missing: str) -> None:
    state = {f"text_model.encoder.layers.0.self_attn.{p}_proj.weight": torch.zeros(2, 2) for p in "qkv"}
    del state[missing]
    assert "transformer.resblocks.0.attn.in_proj_weight" not in to_open_clip(state)


@pytest.mark.parametrize("shapes", [[(8, 8), (8, 9), (8, 10)], [(), (), ()]])
def test_attention_at_odds_with_itself_is_not_joined(shapes: list[tuple[int, ...]]) -> None:
    names = [f"text_model.encoder.layers.0.self_attn.{p}_proj.weight" for p in "qkv"]
    state = to_open_clip({n: torch.zeros(s) for n, s in zip(names, shapes, strict=True)})
    assert "transformer.resblocks.0.attn.in_proj_weight" not in state


def test_a_number_in_a_name_that_no_layer_has_tells_nothing() -> None:
    state = {f"transformer.resblocks.{'9' * 5000}.ln_1.weight": torch.empty(2, device="meta")}
    assert facts_of_weights(state)["text layers"] is None
