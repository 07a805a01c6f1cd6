"""The gap dial of a set: fitted on one split, measured on another, cached as derived files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from suture.analysis.evaluate import right_answers
from suture.analysis.posthoc import Adapter, fit
from suture.analysis.posthoc.dial import Motion, Sweep, motion, seeded_rows, strengths, sweep, v_measures
from suture.data.collection import GROUP, SPLIT
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import Refused
from suture.data.scoring_rules import clean_splits, refuse_features, refuse_scoring_on_fit
from suture.data.splits import named_split
from suture.data.workspace import SET, Workspace, embedding_sets, read_derived, write_derived

VERSION = 1  # of the numbers: raise it when one changes, so that old results are recomputed
LIMIT = 5_000  # maximum number of studies that a dial moves


@dataclass(frozen=True)
class Setting:
    """A method, the split of a set to fit it on, and the split whose pairs it moves. anchor = pair[0]."""

    set: str
    split: str
    fit_split: str
    method: str
    pair: tuple[str, str]


@dataclass(frozen=True)
class Dial:
    """A fitted dial. x, y: one row per study that has both, a seeded sample of at most 5,000 of n_pairs."""

    adapter: Adapter
    x: Motion
    y: Motion
    keys: np.ndarray
    groups: np.ndarray
    labels: dict[str, np.ndarray]
    n_pairs: int


def fit_splits(whole: EmbeddingSet, split: str) -> list[str]:
    """Splits to fit on when `split` is shown: those that share no group with it; train first."""
    groups = {s: set(whole.rows.loc[whole.rows[SPLIT] == s, GROUP]) for s in whole.splits()}
    free = [s for s in groups if split in groups and s != split and not groups[s] & groups[split]]
    return sorted(free, key=lambda s: s != named_split("train", [*groups]))


def check(workspace: Workspace, setting: Setting) -> None:
    """`Refused` for raw features, an already adapted set, equal splits or splits that share groups, the split
    that the set's weights were fitted on, and fewer than two pairs."""
    record, whole = workspace.record(SET, setting.set), embedding_sets.load(workspace, setting.set)
    refuse_features(whole)
    if record.meta.adapter is not None:
        made = record.meta.adapter
        raise Refused(
            "already_adapted",
            f"{setting.set!r} is adapted already ({made.title}). Turn the set that it was made from, "
            f"{made.source_set!r}.",
        )
    clean_splits(whole, setting.fit_split, setting.split)
    refuse_scoring_on_fit(record.meta, setting.split)
    if len(whole.split(setting.split).rows_with(*setting.pair)) < 2:
        names = " and ".join(setting.pair)
        raise Refused("too_few_rows", f"Fewer than two studies of {setting.split!r} have both {names}.")


def fit_dial(workspace: Workspace, setting: Setting) -> Dial:
    """Fit the method and prepare the pairs. `Refused` as in `check`, and if the method cannot be fitted."""
    check(workspace, setting)
    whole = embedding_sets.load(workspace, setting.set)
    calibration, shown = whole.split(setting.fit_split), whole.split(setting.split)
    rows = shown.rows_with(*setting.pair)
    chosen = rows[seeded_rows(len(rows), LIMIT)]
    groups = calibration.rows[GROUP].to_numpy()
    try:
        adapter = fit(calibration.vectors, setting.method, anchor=setting.pair[0], groups=groups)
        x, y = (motion(adapter, m, shown.vectors[m][chosen]) for m in setting.pair)
    except ValueError as error:
        raise Refused("adapter_unfit", str(error)) from error
    keys = right_answers(shown, *setting.pair).related[chosen]
    labels = {name: shown.rows[name].to_numpy(str)[chosen] for name in shown.labels}
    return Dial(adapter, x, y, keys, shown.rows[GROUP].to_numpy()[chosen], labels, len(rows))


def measure_dial(
    workspace: Workspace, setting: Setting, *, progress: Callable[[float], None] = lambda share: None
) -> Sweep:
    """All metrics at every position; computed once, then read from the cache."""
    path = _file(workspace, setting, "")
    stored = read_derived(path)
    if stored is not None:
        return Sweep.from_json(json.loads(stored))
    dial, at = fit_dial(workspace, setting), strengths(setting.method)
    try:
        result = sweep(dial.x, dial.y, at, keys=dial.keys, groups=dial.groups, progress=progress)
    except ValueError as error:
        raise Refused("adapter_unfit", str(error)) from error
    write_derived(path, json.dumps(result.to_json()).encode())
    return result


def clustered(
    workspace: Workspace,
    setting: Setting,
    label: str,
    *,
    progress: Callable[[float], None] = lambda share: None,
) -> list[float]:
    """V-measure against a label at every position; computed once, then read from the cache."""
    path = _file(workspace, setting, label)
    stored = read_derived(path)
    if stored is not None:
        return json.loads(stored)
    dial, at = fit_dial(workspace, setting), strengths(setting.method)
    try:
        values = v_measures(dial.x, dial.y, at, dial.labels[label], progress=progress)
    except ValueError as error:
        raise Refused("label_unfit", str(error)) from error
    write_derived(path, json.dumps(values).encode())
    return values


def known(workspace: Workspace, setting: Setting) -> bool:
    """Whether the metrics are cached."""
    return _file(workspace, setting, "").is_file()


def _file(workspace: Workspace, setting: Setting, label: str) -> Path:
    record = workspace.record(SET, setting.set)
    request = json.dumps([*astuple(setting)[1:], label, LIMIT])
    digest = hashlib.sha256(request.encode()).hexdigest()[:16]
    return workspace.derived(record, f"dial-v{VERSION}-{digest}.json")
