"""Model, tokenizer and image transform of an open_clip config and its folder of small files."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from suture.data.errors import Refused
from suture.models.checkpoints.config_file import Config, read_json

CONFIG, WEIGHTS = "open_clip_config.json", "open_clip_model.safetensors"
BPE = "bpe.txt.gz"
TABULAR_CONFIG, TABULAR_WEIGHTS = "tabular.json", "tabular.safetensors"


def local_paths(config: Config) -> dict[tuple[str, str], str]:
    """Entries of a config that name local folders: (part, key) -> path as written."""
    vision, text = config["model_cfg"]["vision_cfg"], config["model_cfg"]["text_cfg"]
    paths = {}
    timm = vision.get("timm_model_name") or ""
    if timm.startswith("local-dir:"):
        paths["vision_cfg", "timm_model_name"] = timm.removeprefix("local-dir:")
    for key in ("hf_model_name", "hf_tokenizer_name"):
        name = text.get(key) or ""
        if name.startswith(".") or Path(name).is_absolute() or name == "text":
            paths["text_cfg", key] = name
    return paths


def root_of(config: Config, path: Path) -> Path:
    """The folder that relative paths of a config start from: the nearest parent where all of them exist."""
    wanted = list(local_paths(config).values())
    candidates = [Path.cwd(), path.parent, *path.resolve().parents]
    for folder in candidates:
        for base in (folder, folder / "_"):  # "../x" written from a sibling of the folder
            if all(Path(os.path.normpath(base / w)).is_dir() for w in wanted):
                return base
    raise Refused("config_unreadable", f"Folders named in {path.name!r} do not exist: {wanted}.")


def _absolute(config: Config, folder: Path | None) -> Config:
    """The config with absolute paths to local folders."""
    config = json.loads(json.dumps(config))
    if folder is None:
        return config
    for (part, key), path in local_paths(config).items():
        prefix = "local-dir:" if key == "timm_model_name" else ""
        config["model_cfg"][part][key] = prefix + os.path.normpath(folder.absolute() / path)
    return config


def instantiate(config: Config, folder: Path | None, *, pretrained: bool = False, device: str = "cpu") -> Any:
    """Build the model of a config; its towers read their own weights only if `pretrained`."""
    import open_clip

    check_towers(config, folder)
    with tempfile.TemporaryDirectory() as temporary:
        (Path(temporary) / CONFIG).write_text(json.dumps(_absolute(config, folder)))
        try:
            with _muted_warnings():
                model = open_clip.create_model(
                    f"local-dir:{temporary}",
                    load_weights=False,
                    device=device,
                    pretrained_image=pretrained,
                    pretrained_text=pretrained,
                )
                return model.float()  # each tower may come in a different half precision
        except Exception as error:  # a config can be wrong in any library below
            raise _build_failed("model", error) from error


def check_towers(config: Config, folder: Path | None) -> None:
    """Check the configs of towers in local folders. `Refused` as `read_json`."""
    for path in local_paths(config).values():
        file = Path(os.path.normpath((folder or Path()).absolute() / path)) / "config.json"
        if file.is_file():
            read_json(file)


def _build_failed(what: str, error: Exception) -> Refused:
    """A refusal without the library's own message, which may quote the file."""
    message = (
        f"The {what} cannot be built from its config ({type(error).__name__}). Check its names and sizes."
    )
    return Refused("config_unreadable", message)


def outline(config: Config, folder: Path | None) -> Any:
    """The model of a config with names and shapes but no weights in memory. `Refused` as `instantiate`."""
    import torch

    with torch.device("meta"):
        return instantiate(config, folder, device="meta")


@contextmanager
def _muted_warnings() -> Iterator[None]:
    """open_clip warns that no weights are loaded; Suture loads them afterwards."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def tokenizer(config: Config, folder: Path | None) -> Any:
    """The tokenizer of a config; runs no code from its folder. `Refused` config_unreadable."""
    try:
        return _tokenizer(config, folder)
    except Exception as error:  # any library below may raise
        raise _build_failed("tokenizer", error) from error


def _tokenizer(config: Config, folder: Path | None) -> Any:
    from open_clip.tokenizer import HFTokenizer, SimpleTokenizer

    text = _absolute(config, folder)["model_cfg"]["text_cfg"]
    length = text.get("context_length", 77)
    if text.get("hf_tokenizer_name"):
        options = {**(text.get("tokenizer_kwargs") or {}), "trust_remote_code": False}
        return HFTokenizer(text["hf_tokenizer_name"], context_length=length, **options)
    if folder is not None and (folder / BPE).is_file():
        return SimpleTokenizer(bpe_path=str(folder / BPE), context_length=length)
    return SimpleTokenizer(context_length=length)


def preprocess(model: Any) -> Config:
    """The image preprocessing that a model states, completed with open_clip's defaults."""
    from open_clip.transform import PreprocessCfg

    stated = getattr(model.visual, "preprocess_cfg", None)
    return {**asdict(PreprocessCfg()), **(stated or {})}


def timm_preprocess(model: Any, resize: str) -> Config:
    """The preprocessing that the image tower was trained with, for configs that do not state it."""
    size = {"size": list(model.visual.image_size), "resize_mode": resize}
    trunk = getattr(getattr(model.visual, "trunk", None), "pretrained_cfg", {})
    own = {k: trunk[k] for k in ("mean", "std", "interpolation") if trunk.get(k)}
    return {**preprocess(model), **size, **own}


def transform(config: Config) -> Any:
    """The image transform of a config: PIL image -> tensor. `Refused` config_unreadable."""
    from open_clip.transform import PreprocessCfg, image_transform_v2

    fields = PreprocessCfg.__dataclass_fields__
    stated = {k: v for k, v in config["preprocess_cfg"].items() if k in fields}
    try:
        return image_transform_v2(PreprocessCfg(**stated), is_train=False)
    except Exception as error:  # any library below may raise
        raise _build_failed("image transform", error) from error
