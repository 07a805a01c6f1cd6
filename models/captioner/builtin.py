"""Decoders that come with Suture for the demo, so that its captions need no training.

    suture caption "demo @ demo-clip" --beside "demo @ demo-aligned" --train text --train image
    python -m suture.models.captioner.builtin HOME

rebuilds them: the first command trains them in the workspace HOME, the second packs them here.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from suture.data.errors import UserError
from suture.data.workspace import CAPTIONER, Workspace
from suture.models.captioner import storage
from suture.models.captioner.config import CaptionerConfig, of_sets
from suture.models.captioner.plan import CaptionerPlan, plan_captioner
from suture.models.captioner.training import captioner_meta
from suture.models.training import record

FOLDER = Path(__file__).parent / "demo"
SETS = {"demo @ demo-clip": "clip", "demo @ demo-aligned": "aligned"}
SOURCES = ("text", "image")
RECIPE = CaptionerConfig(set=next(iter(SETS)))
WEIGHTS, TEXTS = "model.safetensors", "texts.sha256"
SHARED = (f"{storage.DECODER}/config.json", f"{storage.DECODER}/generation_config.json")


def configs(sets: Sequence[str] = tuple(SETS)) -> list[CaptionerConfig]:
    """Configs of the built-in decoders: one recipe for both demo sets, trained on texts and on images."""
    return of_sets(RECIPE, sets, SOURCES)


def ensure(workspace: Workspace) -> list[str]:
    """Add the decoders to the workspace of a demo; returns the names of those that fit its sets.

    Returns none if the demo's training texts differ from those that the decoders were trained on: the
    decoders may then have seen its test texts.
    """
    names = []
    for config in configs():
        try:
            plan = plan_captioner(workspace, config)
        except UserError:  # a different demo, or the user has captioners of these names
            return []
        if _digest(plan) != (FOLDER / TEXTS).read_text().strip():
            return []
        if not workspace.has(CAPTIONER, config.label):
            _publish(workspace, plan)
        names.append(config.label)
    return names


def _publish(workspace: Workspace, plan: CaptionerPlan) -> None:
    stored = _stored(plan.config)
    with workspace.staging() as folder:
        shutil.copytree(FOLDER / storage.TOKENIZER, folder / storage.TOKENIZER)
        (folder / storage.DECODER).mkdir()
        for file in SHARED:
            shutil.copyfile(FOLDER / file, folder / file)
        tensors = {name: x.float() for name, x in load_file(stored).items()}
        parts: dict[str, dict[str, Any]] = {storage.DECODER: {}, "prefix": {}}
        for name, tensor in tensors.items():
            part, _, own = name.partition("/")
            parts[part][own] = tensor
        save_file(parts[storage.DECODER], folder / storage.DECODER / WEIGHTS, metadata={"format": "pt"})
        save_file(parts["prefix"], folder / storage.PREFIX)
        storage.save_centres(folder, {})
        content = json.loads(stored.with_suffix(".json").read_text())
        about = {"config": plan.config.to_json(), "dim": content["dim"], "key": plan.key}
        (folder / storage.ABOUT).write_text(json.dumps(about))
        record.write_files(folder, {**content, **about})
        workspace.publish(CAPTIONER, plan.config.label, folder, captioner_meta(plan))


def _stored(config: CaptionerConfig) -> Path:
    return FOLDER / f"{SETS[config.set]}-{config.source}.safetensors"


def _digest(plan: CaptionerPlan) -> str:
    """SHA-256 of the training texts, in order."""
    texts = plan.texts.texts[plan.fit]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def pack(workspace: Workspace) -> None:
    """Copy the decoders that a workspace trained with this recipe into the package, in half precision."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / storage.DECODER).mkdir(parents=True)
    for config in configs():
        made = workspace.record(CAPTIONER, config.label)
        shutil.copytree(made.folder / storage.TOKENIZER, FOLDER / storage.TOKENIZER, dirs_exist_ok=True)
        for file in SHARED:
            shutil.copyfile(made.path(file), FOLDER / file)
        decoder = load_file(made.path(f"{storage.DECODER}/{WEIGHTS}"))
        prefix = load_file(made.path(storage.PREFIX))
        tensors = {f"{storage.DECODER}/{k}": x.half() for k, x in decoder.items()}
        save_file(tensors | {f"prefix/{k}": x.half() for k, x in prefix.items()}, _stored(config))
        content = json.loads(made.path(record.HISTORY).read_text())
        kept = {key: content[key] for key in ("history", "manifest", "dim")}
        _stored(config).with_suffix(".json").write_text(json.dumps(kept))
        (FOLDER / TEXTS).write_text(_digest(plan_captioner(workspace, config)) + "\n")


if __name__ == "__main__":
    pack(Workspace(sys.argv[1]))
