"""Read a config file and check that it is an open_clip config of reasonable size.

The check comes before anything is built: a few bytes can request a network that fits no machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from suture.data.errors import Refused

Config = dict[str, Any]
MAX_BYTES = 4 * 2**20  # configs of transformers list the names of all classes
MAX_DEPTH = 16
MAX_WEIGHTS = 4 * 10**9  # parameters of one tower, 4 bytes each
MAX_PATCHES = 4096  # attention grows with their square
LAYERS = ("layers", "num_hidden_layers", "depth")
WIDTHS = ("width", "hidden_size", "embed_dim")
MOST = {  # keys of open_clip, transformers and timm; limits are a few times the largest published value
    **dict.fromkeys((*LAYERS, "depths"), 256),
    **dict.fromkeys((*WIDTHS, "embed_dims", "head_width", "dim_head"), 8192),
    **dict.fromkeys(("heads", "num_heads", "num_attention_heads", "attn_pooler_heads"), 1024),
    **dict.fromkeys(("n_queries", "attn_pooler_queries", "patch_size"), 4096),
    **dict.fromkeys(("image_size", "img_size", "size"), 4096),
    **{"context_length": 8192, "max_position_embeddings": 10**6, "vocab_size": 2 * 10**6},
    **{"intermediate_size": 65_536, "mlp_ratio": 64},
}
NAMES = (("vision_cfg", "timm_model_name"), ("text_cfg", "hf_model_name"), ("text_cfg", "hf_tokenizer_name"))


def read_config(path: Path) -> Config:
    """An open_clip config, with or without the "model_cfg" around it. `Refused` config_unreadable."""
    config = read_json(path)
    if "model_cfg" not in config:
        config = {"model_cfg": config}
    model = config["model_cfg"]
    parts = (config, model) if isinstance(model, dict) else ()
    if not parts or any(not isinstance(model.get(p, {}), dict) for p in ("vision_cfg", "text_cfg")):
        raise _refused(path, "is no open_clip config: its model_cfg, vision_cfg and text_cfg must be objects")
    if missing := {"embed_dim", "vision_cfg", "text_cfg"} - model.keys():
        raise _refused(path, f"lacks {', '.join(sorted(missing))}")
    if any(not isinstance(model[part].get(key) or "", str) for part, key in NAMES):
        raise _refused(path, f"must name its towers in words: {', '.join(key for _, key in NAMES)}")
    options = model["text_cfg"].get("tokenizer_kwargs") or {}
    if not all(isinstance(part, dict) for part in (options, config.get("preprocess_cfg") or {})):
        raise _refused(path, "must have objects as preprocess_cfg and tokenizer_kwargs")
    if options.get("trust_remote_code"):
        raise _refused(path, "asks for code beside its tokenizer to be run, which is never done")
    return config


def read_json(path: Path) -> Config:
    """A JSON object whose sizes are all within limits. `Refused` config_unreadable."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _refused(path, f"is larger than a config: over {MAX_BYTES:,} bytes")
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _refused(path, "is not there, or cannot be read") from error
    except (ValueError, RecursionError) as error:
        raise _refused(path, "is not JSON in UTF-8, or is nested too deeply") from error
    if not isinstance(content, dict):
        raise _refused(path, "is no open_clip config: it must be a JSON object")
    for part in _parts(content, path):
        _check(part, path)
    return content


def _parts(content: object, path: Path, depth: int = 0) -> Iterator[Config]:
    """All objects within an object."""
    if depth > MAX_DEPTH:
        raise _refused(path, "is nested too deeply")
    if isinstance(content, dict):
        yield content
    inside = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    for value in inside:
        yield from _parts(value, path, depth + 1)


def _check(part: Config, path: Path) -> None:
    for key in MOST.keys() & part.keys():
        if not all(0 < n <= MOST[key] for n in _numbers(part, key)):
            raise _refused(path, f"should have a {key!r} from 1 to {MOST[key]:,}")
    patches = max(_numbers(part, "image_size"), default=224) // min(_numbers(part, "patch_size"), default=224)
    if _weights(part) > MAX_WEIGHTS or patches**2 > MAX_PATCHES:
        raise _refused(path, "asks for more weights, or more patches in a picture, than are built here")


def _weights(part: Config) -> float:
    """Estimated number of parameters of a transformer of these sizes; 0 if no size is given."""
    sizes = {k: sum(_numbers(part, k)) for k in MOST}
    width = next((sizes[k] for k in WIDTHS if sizes[k]), 0)
    layers = next((sizes[k] for k in LAYERS if sizes[k]), 12)
    inner = sizes["intermediate_size"] or width * (sizes["mlp_ratio"] or 4)
    return layers * width * (4 * width + 2 * inner) + sizes["vocab_size"] * width


def _numbers(part: Config, key: str) -> list[float]:
    """The numbers of a size or a list of sizes; other values are left for the library to reject."""
    value = part.get(key)
    values = value if isinstance(value, list) else [value]
    return [n for n in values if isinstance(n, int | float) and not isinstance(n, bool)]


def _refused(path: Path, what: str) -> Refused:
    return Refused("config_unreadable", f"{path.name!r} {what}. Mend the config, or export it again.")
