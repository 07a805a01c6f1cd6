"""Settings of a training run: one frozen record, from a TOML file, flags, or a form.

(No torch here: pages read and check it.)
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

from suture.data.errors import Refused
from suture.models.losses.config import PRESETS, ObjectiveConfig, preset

TRAIN = ("all", "heads")
INIT = ("start", "random")
PRECISIONS = ("auto", "float32", "bfloat16")
AUGMENT = ("light", "none")
KEEP = ("best", "last")


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of one run. The defaults suit a fine-tune on one machine.

    collection     studies to train on
    start          checkpoint to start from
    name           of the resulting checkpoint; "" = "<start> <objective> s<seed>"
    objective      the loss (see `suture.models.losses`); preset = its name
    modalities     modalities of the collection to use; () = all that the checkpoint can embed
    train          "all" towers, or only the projection "heads" on cached features of frozen towers
    init           "start" = start from the weights of `start`; "random" = use only its architecture
    start_temperature  initial value of a learnable temperature; 0 = the checkpoint's own
    lock_image, lock_text   freeze a tower; unlocked_*  number of its last groups or layers left trainable
    fit_splits     splits to train on; val_split  "" = val, validation, valid or dev
    epochs, batch  passes over the studies; studies per step (over all processes)
    accumulate     number of chunks a batch is encoded in: less memory, the same contrastive loss over the
                   whole batch (features first, then gradients chunk by chunk)
    learning_rate, weight_decay, warm_up   AdamW; fraction of steps of linear warm-up, then cosine to 0
    clip_norm      maximum gradient norm, 0 = no clipping
    precision      auto = bfloat16 on a GPU that supports it, else float32
    augment        light = small shifts and exposure (never mirrored: left and right matter), or none
    keep           weights of the "best" epoch (mean R@10 on the validation split) or of the "last"
    stop_on_guard  stop at the first collapse warning
    probe          validation studies embedded after every epoch, for curves and the epoch scrubber
    save_seconds   maximum time between two saved states
    """

    collection: str = ""
    start: str = ""
    name: str = ""
    preset: str = "gap-closing"
    objective: ObjectiveConfig = field(default_factory=lambda: PRESETS["gap-closing"])
    modalities: tuple[str, ...] = ()
    train: str = "all"
    init: str = "start"
    start_temperature: float = 0.0
    lock_image: bool = False
    lock_text: bool = False
    unlocked_image: int = 0
    unlocked_text: int = 0
    fit_splits: tuple[str, ...] = ("train",)
    val_split: str = ""
    epochs: int = 10
    batch: int = 128
    accumulate: int = 1
    learning_rate: float = 1e-4
    weight_decay: float = 0.1
    warm_up: float = 0.1
    clip_norm: float = 1.0
    precision: str = "auto"
    augment: str = "light"
    keep: str = "best"
    stop_on_guard: bool = False
    probe: int = 256
    seed: int = 0
    save_seconds: float = 60.0

    @property
    def label(self) -> str:
        """Name of the resulting checkpoint."""
        return self.name or f"{self.start} {self.preset} s{self.seed}"

    def to_json(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return json.loads(json.dumps(asdict(self)))

    def key(self) -> str:
        """Hash of every setting that affects the outcome: all but the name and the save interval."""
        content = {k: v for k, v in self.to_json().items() if k not in ("name", "save_seconds")}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]


def from_mapping(values: Mapping[str, Any]) -> TrainingConfig:
    """A config from plain values, `objective` being a preset's name or a table of its fields.

    `Refused` for an unknown key or a value of the wrong type.
    """
    values = dict(values)
    wanted = values.pop("objective", values.get("preset", "gap-closing"))
    if not isinstance(wanted, str | Mapping):
        raise Refused("config_invalid", f"objective must be a name or a table; got {wanted!r}.")
    table = {"preset": wanted} if isinstance(wanted, str) else dict(wanted)
    name = table.pop("preset", values.get("preset", "gap-closing"))
    base = preset(str(name))
    objective = replace(base, **_typed(ObjectiveConfig, table, "objective."))
    values = _typed(TrainingConfig, {**values, "preset": name}, "")
    return TrainingConfig(**{**values, "objective": objective})


def from_toml(path: Path, overrides: Mapping[str, Any] | None = None) -> TrainingConfig:
    """A config from a TOML file; `overrides` (such as flags) take precedence."""
    try:
        values = tomllib.loads(path.read_text())
    except OSError as error:
        raise Refused("source_missing", f"{str(path)!r} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused("config_unreadable", f"{path.name!r} is not TOML: {error}.") from error
    return from_mapping({**values, **(overrides or {})})


def from_json(content: Mapping[str, Any]) -> TrainingConfig:
    """The inverse of `TrainingConfig.to_json`."""
    return from_mapping({**content, "objective": {"preset": content["preset"], **content["objective"]}})


def to_toml(config: TrainingConfig) -> str:
    """The config as TOML that `from_toml` reads back equal (strings, numbers and lists in JSON syntax)."""
    content = config.to_json()
    objective = {"preset": content.pop("preset"), **content.pop("objective")}

    def lines(values: Mapping[str, Any]) -> str:
        return "".join(f"{k} = {json.dumps(v, ensure_ascii=False)}\n" for k, v in values.items())

    return f"{lines(content)}\n[objective]\n{lines(objective)}"


def check(config: TrainingConfig) -> None:
    """`Refused` if a setting is missing or invalid."""
    for name in ("collection", "start"):
        if not getattr(config, name):
            raise Refused(
                "config_invalid", f"Say which {name} to train {'on' if name[0] == 'c' else 'from'}."
            )
    for name, allowed in (
        ("train", TRAIN),
        ("init", INIT),
        ("precision", PRECISIONS),
        ("augment", AUGMENT),
        ("keep", KEEP),
    ):
        if getattr(config, name) not in allowed:
            message = f"{name} must be one of {', '.join(allowed)}; got {getattr(config, name)!r}."
            raise Refused("config_invalid", message)
    for name, low, high in _RANGES:
        value = getattr(config, name)
        if not low <= value <= high:  # also false for NaN
            raise Refused("config_invalid", f"{name} must be {low:g} to {high:g}; got {value!r}.")
    if config.accumulate > config.batch // 2:
        message = f"accumulate ({config.accumulate}) must leave 2 studies or more of {config.batch} a chunk."
        raise Refused("config_invalid", message)
    if not config.fit_splits:
        raise Refused("config_invalid", "fit_splits is empty: name at least one split to train on.")


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("epochs", 1, 100_000),
    ("batch", 2, 1_000_000),
    ("accumulate", 1, 100_000),
    ("learning_rate", 1e-9, 10),
    ("weight_decay", 0, 10),
    ("warm_up", 0, 1),
    ("clip_norm", 0, 1e6),
    ("start_temperature", 0, 10),
    ("probe", 8, 5000),
    ("seed", 0, 2**31 - 1),
    ("unlocked_image", 0, 1000),
    ("unlocked_text", 0, 1000),
    ("save_seconds", 0, 86_400),
)


def _typed(kind: type, values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Check values against the fields of a dataclass and convert each to the field's type."""
    known = {f.name for f in fields(kind)}
    unknown = [k for k in values if k not in known]
    if unknown:
        message = f"Unknown setting {prefix + unknown[0]!r}. Known: {', '.join(sorted(known))}."
        raise Refused("config_unknown_key", message)
    types = get_type_hints(kind)
    return {k: _as(types[k], v, prefix + k) for k, v in values.items()}


def _as(wanted: Any, value: Any, name: str) -> Any:
    if get_args(wanted):  # tuple[str, ...]
        items = [value] if isinstance(value, str) else value
        if isinstance(items, Sequence) and all(isinstance(v, str) for v in items):
            return tuple(items)
    elif wanted is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif isinstance(value, wanted) and (wanted is bool) == isinstance(value, bool):
        return value
    expected = "a list of names" if get_args(wanted) else wanted.__name__
    raise Refused("config_invalid", f"{name} must be {expected}; got {value!r}.")


def config_from(
    values: Mapping[str, Any],
    *,
    file: Path | None = None,
    objective: str | None = None,
    anchor: str | None = None,
) -> TrainingConfig:
    """A config from flags or a form on top of an optional TOML file; `objective` replaces the file's."""
    changes = dict(values)
    if objective is not None:
        changes["objective"] = objective
    config = from_mapping(changes) if file is None else from_toml(file, changes)
    return config if anchor is None else replace(config, objective=replace(config.objective, anchor=anchor))
