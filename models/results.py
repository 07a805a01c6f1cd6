"""Evaluations of embedding sets, computed once and kept as derived files."""

from __future__ import annotations

import json
from collections.abc import Callable

from analysis.evaluate import Evaluation, evaluate, evaluation_from_json
from data import embeddings
from data.collection import STUDY_ID
from data.errors import NotFound, Refused
from data.workspace import SET, Workspace, write_atomically
from models.adapters import refuse_features, refuse_scoring_on_fit

VERSION = 2  # of the metrics: raise it when a number changes, and old results are computed again


def evaluation(
    workspace: Workspace,
    name: str,
    *,
    split: str = "all",
    resamples: int = 1000,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Evaluation:
    """All metrics of one split of an embedding set.

    `NotFound` for an unknown set or split; `Refused` for features that nothing may compare, and for
    the split that an adapter or heads were fitted on.
    """
    record = workspace.record(SET, name)
    chosen = embeddings.load(workspace, name)
    if split not in ("all", *chosen.splits()):
        raise NotFound("split", split, [*dict.fromkeys(["all", *chosen.splits()])])
    refuse_features(chosen)
    refuse_scoring_on_fit(record.meta, split)
    number = "all" if split == "all" else str(chosen.splits().index(split))
    path = workspace.derived(record, f"metrics-v{VERSION}-{number}-{resamples}-{seed}.json")
    if path.is_file():
        return evaluation_from_json({**json.loads(path.read_text()), "set": name})
    result = evaluate(chosen, split=split, resamples=resamples, seed=seed, progress=progress)
    write_atomically(path, json.dumps(result.to_json()).encode())
    return result


def comparable(workspace: Workspace, a: str, b: str) -> None:
    """`Refused` unless both sets hold the same studies in the same order; says which differ."""
    first, second = (embeddings.load(workspace, name).rows[STUDY_ID].tolist() for name in (a, b))
    if first == second:
        return
    only = [[*dict.fromkeys(x)] for x in (set(first) - set(second), set(second) - set(first))]
    shown = "; ".join(
        f"only in {name!r}: {len(ids):,} ({', '.join(sorted(map(str, ids))[:3])})"
        for name, ids in zip((a, b), only, strict=True)
        if ids
    )
    raise Refused(
        "other_studies",
        f"Two sets can be compared over the same studies only. {shown or 'The order of the rows differs.'} "
        f"Embed one collection with both checkpoints.",
    )
