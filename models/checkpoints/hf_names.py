"""Convert the weights of Hugging Face's CLIPModel to open_clip's names: the same network, stored differently.

Query, key and value matrices are joined, projections are transposed, and layers are renamed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

MARKS = (
    "text_model.embeddings.token_embedding.weight",
    "visual_projection.weight",
    "vision_model.embeddings.class_embedding",
)
TOWERS = {"text_model.": "", "vision_model.": "visual."}
PARTS = {
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "embeddings.class_embedding": "class_embedding",
    "embeddings.patch_embedding.weight": "conv1.weight",
    "final_layer_norm.": "ln_final.",
    "pre_layrnorm.": "ln_pre.",  # the misspelling is Hugging Face's
    "post_layernorm.": "ln_post.",
    "encoder.layers.": "transformer.resblocks.",
}
LAYER = {
    ".layer_norm1.": ".ln_1.",
    ".layer_norm2.": ".ln_2.",
    ".mlp.fc1.": ".mlp.c_fc.",
    ".mlp.fc2.": ".mlp.c_proj.",
}
LAYER[".self_attn.out_proj."] = ".attn.out_proj."
PROJECTIONS = {"text_projection.weight": "text_projection", "visual_projection.weight": "visual.proj"}
QUERY = re.compile(r"(.*)\.self_attn\.q_proj\.(weight|bias)")


def is_clip_model(state: Mapping[str, Tensor]) -> bool:
    """Whether the weights have the names of transformers' CLIPModel."""
    return all(mark in state for mark in MARKS)


def to_open_clip(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same weights under open_clip's names. Unknown names stay, and fail the later match."""
    converted: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if name.endswith("position_ids"):
            continue
        if name in PROJECTIONS:
            converted[PROJECTIONS[name]] = tensor.T.contiguous()
        elif (match := QUERY.fullmatch(name)) and _attention(state, name):
            joined = f"{match[1]}.attn.in_proj_{match[2]}"
            converted[_renamed(joined)] = torch.cat(_attention(state, name))
        elif not re.search(r"\.self_attn\.[kv]_proj\.", name):
            converted[_renamed(name)] = tensor
    return converted


def _attention(state: Mapping[str, Tensor], query: str) -> list[Tensor]:
    """Query, key and value of one layer; empty if one is missing or their shapes differ."""
    names = [query.replace(".q_proj.", f".{part}_proj.") for part in "qkv"]
    tensors = [state[n] for n in names if n in state]
    alike = all(t.ndim for t in tensors) and len({t.shape[1:] for t in tensors}) == 1
    return tensors if alike and len(tensors) == len(names) else []


def _renamed(name: str) -> str:
    tower = next((t for t in TOWERS if name.startswith(t)), None)
    if tower is None:
        return name
    name = name.removeprefix(tower)
    part = next((p for p in PARTS if name.startswith(p)), "")
    name = PARTS.get(part, "") + name.removeprefix(part)
    for theirs, ours in LAYER.items():
        name = name.replace(theirs, ours)
    return TOWERS[tower] + name
