"""Evaluations of embedding sets, computed once and kept as derived files."""

from __future__ import annotations

import json
from collections.abc import Callable

from analysis.evaluate import Evaluation, evaluate, evaluation_from_json
from data import embeddings
from data.errors import NotFound
from data.workspace import SET, Workspace, write_atomically

VERSION = 1  # of the metrics: raise it when a number changes, and old results are computed again


def evaluation(
    workspace: Workspace,
    name: str,
    *,
    split: str = "all",
    resamples: int = 1000,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Evaluation:
    """All metrics of one split of an embedding set. `NotFound` for an unknown set or split."""
    record = workspace.record(SET, name)
    chosen = embeddings.load(workspace, name)
    if split not in ("all", *chosen.splits()):
        raise NotFound("split", split, [*dict.fromkeys(["all", *chosen.splits()])])
    number = "all" if split == "all" else str(chosen.splits().index(split))
    path = workspace.derived(record, f"metrics-v{VERSION}-{number}-{resamples}-{seed}.json")
    if path.is_file():
        return evaluation_from_json({**json.loads(path.read_text()), "set": name})
    result = evaluate(chosen, split=split, resamples=resamples, seed=seed, progress=progress)
    write_atomically(path, json.dumps(result.to_json()).encode())
    return result
