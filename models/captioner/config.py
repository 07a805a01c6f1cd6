"""Settings of a captioner's training. (No torch here: pages read and check it.)"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from suture.data.errors import Refused

SOURCES = {
    "text": "text embeddings alone: whether it reads images shows how closed the gap is",
    "image": "image embeddings: what images can tell with this decoder",
    "both": "both, each study twice",
}
DECODINGS = {
    "greedy": "the likeliest token at each place",
    "beam": "the likeliest of several whole texts",
    "nucleus": "drawn among the likeliest tokens, seeded",
}


@dataclass(frozen=True)
class CaptionerConfig:
    """Settings of one decoder. The defaults train in minutes on two cores.

    set            embedding set to train on
    name           of the captioner; "" = "<set> reads <source> s<seed>", with a hash of the recipe before the
                   seed if the recipe is not the default one
    source         embeddings that the decoder is trained on: text, image or both
    text, image    modalities; "" = the first text and the first image
    fit_split, val_split  splits to train and validate on; val_split  "" = val, validation, valid or dev
    start          "" = from scratch, else a causal decoder of `transformers`: a local folder, or a hub name
                   if `download` is true
    noise          standard deviation, per dimension, of the normal noise added to training embeddings, which
                   are then rescaled to their former length (C3's third step); 0 = none
    centre         subtract from each vector the mean of its modality in the fit split (C3's second step)
    width, layers, heads, prefix  of a decoder from scratch; prefix = positions that the embedding fills
    vocabulary     maximum size of the tokenizer trained on the texts; tokens  longer texts are truncated
    epochs, batch, learning_rate, weight_decay, warm_up, dropout   AdamW; cosine to 0 after the warm-up
    save_seconds   maximum time between two saved states
    """

    set: str = ""
    name: str = ""
    source: str = "text"
    text: str = ""
    image: str = ""
    fit_split: str = "train"
    val_split: str = ""
    start: str = ""
    download: bool = False
    noise: float = 0.0
    centre: bool = False
    width: int = 128
    layers: int = 3
    heads: int = 4
    prefix: int = 8
    vocabulary: int = 1000
    tokens: int = 96
    epochs: int = 20
    batch: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warm_up: float = 0.05
    dropout: float = 0.1
    seed: int = 0
    save_seconds: float = 60.0

    @property
    def label(self) -> str:
        """Name of the resulting captioner."""
        mark = f" {self.mark}" if self.mark else ""
        return self.name or f"{self.set[:48].strip()} reads {self.source}{mark} s{self.seed}"

    @property
    def mark(self) -> str:
        """Four hex digits that identify the recipe, independent of set, source and seed; "" = the default."""
        free = dict.fromkeys(("set", "name", "source", "seed", "download", "save_seconds"), "")
        own, default = ({**config.to_json(), **free} for config in (self, CaptionerConfig()))
        return "" if own == default else hashlib.sha256(json.dumps(own).encode()).hexdigest()[:4]

    def to_json(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return asdict(self)

    def key(self) -> str:
        """Hash of every setting that affects the outcome: all but the names and the save interval."""
        content = {
            k: v for k, v in self.to_json().items() if k not in ("set", "name", "download", "save_seconds")
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Decoding:
    """How texts are generated: method, beams of beam search; top_p, temperature and seed of nucleus sampling.

    tokens  maximum length; 0 = that of the captioner's training texts
    """

    method: str = "greedy"
    beams: int = 4
    top_p: float = 0.9
    temperature: float = 1.0
    tokens: int = 0
    seed: int = 0

    def key(self) -> dict[str, Any]:
        """The settings that affect the texts: only those that the method uses."""
        of = {"beam": ("beams",), "nucleus": ("top_p", "temperature", "seed")}.get(self.method, ())
        return {name: getattr(self, name) for name in ("method", "tokens", *of)}


def from_json(content: Mapping[str, Any]) -> CaptionerConfig:
    """The inverse of `CaptionerConfig.to_json`. `Refused` for an unknown key."""
    known = {f.name for f in fields(CaptionerConfig)}
    unknown = [k for k in content if k not in known]
    if unknown:
        message = f"Unknown setting {unknown[0]!r}. Known: {', '.join(sorted(known))}."
        raise Refused("config_unknown_key", message)
    return CaptionerConfig(**content)


def of_sets(config: CaptionerConfig, sets: Sequence[str], sources: Sequence[str]) -> list[CaptionerConfig]:
    """One config per set and source, all with the same recipe, data and seed."""
    return [replace(config, set=name, source=source, name="") for name in sets for source in sources]


def check(config: CaptionerConfig) -> None:
    """`Refused` if a setting is missing or invalid."""
    if not config.set:
        raise Refused("config_invalid", "Say which embedding set to train on.")
    if config.source not in SOURCES:
        message = f"source must be one of {', '.join(SOURCES)}; got {config.source!r}."
        raise Refused("config_invalid", message)
    for name, low, high in _RANGES:
        value = getattr(config, name)
        if not low <= value <= high:  # also false for NaN
            raise Refused("config_invalid", f"{name} must be {low:g} to {high:g}; got {value!r}.")
    if config.fit_split in ("", "all"):
        raise Refused("config_invalid", "fit_split must be one split, so that another one can be scored.")
    if config.width % config.heads:
        message = f"width ({config.width}) must be a multiple of heads ({config.heads})."
        raise Refused("config_invalid", message)


def check_decoding(how: Decoding) -> None:
    """`Refused` for an unknown method or a parameter out of range."""
    if how.method not in DECODINGS:
        message = f"decoding must be one of {', '.join(DECODINGS)}; got {how.method!r}."
        raise Refused("config_invalid", message)
    for name, low, high in (
        ("beams", 1, 64),
        ("top_p", 0.01, 1),
        ("temperature", 0.01, 10),
        ("tokens", 0, 1000),
    ):
        value = getattr(how, name)
        if not low <= value <= high:
            raise Refused("config_invalid", f"{name} must be {low:g} to {high:g}; got {value!r}.")


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("noise", 0, 10),
    ("width", 16, 4096),
    ("layers", 1, 64),
    ("heads", 1, 64),
    ("prefix", 1, 64),
    ("vocabulary", 300, 100_000),  # 256 bytes, three marks, and some words
    ("tokens", 2, 1000),
    ("epochs", 1, 10_000),
    ("batch", 2, 100_000),
    ("learning_rate", 1e-9, 10),
    ("weight_decay", 0, 10),
    ("warm_up", 0, 1),
    ("dropout", 0, 0.9),
    ("seed", 0, 2**31 - 1),
    ("save_seconds", 0, 86_400),
)
