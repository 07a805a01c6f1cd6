"""Which part of the objective closes the gap, and what does it cost? The tables of docs/results.md.

    python -m benchmarks.closing demo HOME              fine-tunes of the synthetic demo, three seeds
    python -m benchmarks.closing heads HOME FOLDER      heads on frozen features of MedPix, five seeds
    python -m benchmarks.closing towers HOME FOLDER CONFIG   fine-tunes of both towers on MedPix, two seeds
    python -m benchmarks.closing ship HOME              seed 0 of both, as the checkpoints of the demo
    python -m benchmarks.closing table HOME             Markdown tables of everything that HOME holds

Every condition starts from the same weights, sees the same studies in the same order for the same number of
steps, and differs only in its objective. `--objective` and `--seed` select conditions; finished runs are not
trained again. FOLDER holds studies.csv, images/ and features.npz.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.torch import load_file, save_file

from suture.analysis.evaluate import Evaluation, evaluate
from suture.data.embedding_set import EmbeddingSet
from suture.data.intake import Options, intake
from suture.data.readers.raw_studies import Roles
from suture.data.vectors import import_vectors
from suture.data.workspace import CHECKPOINT, COLLECTION, SET, Workspace, embedding_sets
from suture.models import builtin
from suture.models.checkpoints.add_checkpoint import add_checkpoint
from suture.models.checkpoints.architecture import WEIGHTS
from suture.models.checkpoints.sources import CheckpointSource
from suture.models.embedding.embed import embed
from suture.models.losses.config import preset
from suture.models.training.config import TrainingConfig
from suture.models.training.heads import HeadShape
from suture.models.training.run import train
from suture.workflows import demo
from suture.workflows.adapt_heads import DEFAULTS, adapt_heads

CONTROLS = {
    "clip": "CLIP, learnable T",
    "clip-fixed": "fixed T",
    "clip-atp": "fixed T + L_ATP",
    "clip-cu": "fixed T + L_CU",
    "gap-closing": "fixed T + both",
}
SHUFFLED = "captions shuffled"
RESULTS = "closing.jsonl"
TITLES = {
    "centroid_gap": "centroid gap",
    "centroid_gap_debiased": "debiased gap",
    "centroid_gap_floor": "floor of the gap",
    "cos_true_pairs": "cosine of true pairs",
    **{
        f"recall_at_{k} {way}": f"R@{k} {arrow}, %"
        for k in (1, 5, 10)
        for way, arrow in (("i2t", "image→text"), ("t2i", "text→image"))
    },
    "v_measure": "V-measure",
}
RECALLS = ("recall_at_1", "recall_at_5", "recall_at_10")
PAIR = ("centroid_gap", "centroid_gap_debiased", "centroid_gap_floor", "cos_true_pairs")
DEMO = TrainingConfig(
    collection="demo", start="demo-start", epochs=4, batch=64, learning_rate=1e-3, keep="last", probe=256
)
# Published CLIP checkpoints end at T = 0.01; runs this short do not reach it, so the learnable temperature
# starts low. "clip, T from 0.07" is the same run from the start checkpoint's own temperature.
LOW, OWN = 0.02, "clip, T from 0.07"
HEADS = replace(DEFAULTS, epochs=30, probe=256)
TOWERS = TrainingConfig(
    collection="medpix",
    start="medpix-start",
    modalities=("image", "caption"),
    epochs=3,
    batch=32,
    learning_rate=3e-4,
    keep="best",
    lock_text=True,  # its projection is trained
)


def run_demo(workspace: Workspace, objective: str, seed: int) -> None:
    """One fine-tune of the demo, measured on its test split."""
    demo.make_collection(workspace, lambda what, share: None)
    _towers(workspace, "demo", replace(DEMO, seed=seed), objective, ("image", "report"), "finding")


def run_towers(workspace: Workspace, folder: Path, config: Path, objective: str, seed: int) -> None:
    """One fine-tune on MedPix, measured on its test split."""
    if not workspace.has(COLLECTION, "medpix"):
        _import_medpix(workspace, folder)
    if not workspace.has(CHECKPOINT, TOWERS.start):
        report = add_checkpoint(workspace, CheckpointSource(str(config)), TOWERS.start)
        assert report.refused is None, report.message
    label = ("image", "caption"), "location_category"
    _towers(workspace, "medpix", replace(TOWERS, seed=seed), objective, *label)


def _towers(
    workspace: Workspace,
    study: str,
    config: TrainingConfig,
    objective: str,
    pair: tuple[str, str],
    label: str,
) -> None:
    name = f"{study} {objective} s{config.seed}"
    chosen = "clip" if objective == OWN else objective
    start_temperature = LOW if (study, objective) == ("demo", "clip") else 0.0
    config = replace(
        config,
        preset=chosen,
        objective=preset(chosen),
        name=name.replace(",", ""),
        start_temperature=start_temperature,
    )
    name = config.label
    train(workspace, config, report=_say(name))
    embed(workspace, config.collection, name, name=name)
    _keep(workspace, study, objective, config.seed, name, pair, label)


def run_heads(workspace: Workspace, folder: Path, objective: str, seed: int) -> None:
    """Heads of one seed on MedPix features; `shuffled` trains on captions of other studies."""
    for study, modalities in (("heads", ("image", "caption")), ("heads-3", ("image", "caption", "history"))):
        shuffled = objective == SHUFFLED
        source = f"{study} features" + (" shuffled" if shuffled else "")
        if not workspace.has(SET, source):
            _import_features(workspace, folder, source, modalities, shuffled)
        chosen = "clip" if shuffled else objective
        name = f"{study} {objective} s{seed}"
        config = replace(HEADS, preset=chosen, objective=preset(chosen), seed=seed)
        if not workspace.has(SET, name):
            adapt_heads(workspace, source, config=config, shape=HeadShape(), name=name, report=_say(name))
        _keep(workspace, study, objective, seed, name, ("image", "caption"), "location_category")


def ship(workspace: Workspace) -> None:
    """Copy baseline and gap-closing of seed 0 into the package, in half precision."""
    for objective, target in (("clip", builtin.TRAINED), ("gap-closing", builtin.ALIGNED)):
        record = workspace.record(CHECKPOINT, f"demo {objective} s0")
        state = load_file(record.path(WEIGHTS))
        half = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
        save_file(half, builtin.FOLDER / f"{target}.safetensors")
        for file in builtin.RUN_FILES:
            shutil.copyfile(record.path(file), builtin.FOLDER / f"{target}.{file}")


def _say(name: str) -> Any:
    last = [-1.0]

    def report(share: float, text: str) -> None:
        if share - last[0] >= 0.05:
            last[0] = share
            print(f"{name}: {text}", flush=True)

    return report


def _keep(
    workspace: Workspace,
    study: str,
    objective: str,
    seed: int,
    set_name: str,
    pair: tuple[str, str],
    label: str,
) -> None:
    """Evaluate a set on the test split and record the result."""
    whole = embedding_sets.load(workspace, set_name).split("test")
    rows: list[tuple[str, EmbeddingSet]] = [(objective, whole)]
    if objective == "gap-closing" and study in ("demo", "medpix"):
        rows.append((f"{SHUFFLED} (at test)", _permuted(whole, pair[1])))
    for name, part in rows:
        found = evaluate(_only(part, pair, label), resamples=1000)
        record = {"study": study, "objective": name, "seed": seed, "metrics": _chosen(found, pair)}
        with (workspace.home / RESULTS).open("a") as stream:
            stream.write(json.dumps(record) + "\n")


def _only(part: EmbeddingSet, pair: tuple[str, str], label: str) -> EmbeddingSet:
    """The set reduced to two modalities and one label, as the tables show."""
    rows = part.rows.drop(columns=[c for c in part.labels if c != label])
    return replace(part, vectors={m: np.asarray(part.vectors[m]) for m in pair}, rows=rows)


def _permuted(part: EmbeddingSet, modality: str) -> EmbeddingSet:
    """Shuffle the texts among the studies that have one; each text keeps its key."""
    rows = part.rows.copy()
    there = np.flatnonzero(part.present(modality))
    order = np.random.default_rng(0).permutation(there)
    moved = np.asarray(part.vectors[modality]).copy()
    moved[there] = moved[order]
    column = f"key:{modality}"
    if column in rows:
        rows.iloc[there, rows.columns.get_loc(column)] = rows[column].to_numpy()[order]
    rows["duplicate_group"] = ""
    return replace(part, vectors={**part.vectors, modality: moved}, rows=rows)


def _chosen(found: Evaluation, pair: tuple[str, str]) -> dict[str, Any]:
    """The numbers of the tables: name -> [value, low, high, n, groups]."""
    named = {name: found.find(name, *pair) for name in PAIR}
    for a, b in (pair, pair[::-1]):
        for name in RECALLS:
            metric = found.find(name, direction=f"{a}->{b}", protocol="multi_positive")
            named[f"{name} {'i2t' if a == pair[0] else 't2i'}"] = metric
    named |= {f"effective_rank {m}": found.find("effective_rank", m) for m in pair}
    named["v_measure"] = found.find("v_measure", *pair)
    return {k: [m.value, m.low, m.high, m.n, m.n_groups] for k, m in named.items() if m is not None}


def _studies(folder: Path) -> pd.DataFrame:
    """The table with no patient in two splits (patients of such dev rows are renamed)."""
    table = pd.read_csv(folder / "studies.csv", dtype=str, keep_default_na=False)
    twice = (table["split"] == "dev") & (table["same_patient_as"] != "")
    table.loc[twice, "split"] = "left-out"
    return table


def _import_medpix(workspace: Workspace, folder: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        shutil.copytree(folder / "images", place / "images")
        _studies(folder).to_csv(place / "studies.csv", index=False)
        roles = Roles(
            "image_id",
            ("image",),
            ("caption", "history"),
            labels=("location_category", "modality"),
            group="case_id",
            split="split",
            duplicate_group="caption_group",
        )
        report = intake(workspace, place, "medpix", options=Options(overrides=roles))
        assert report.refused is None, report.message


def _import_features(
    workspace: Workspace, folder: Path, name: str, modalities: tuple[str, ...], shuffled: bool
) -> None:
    table = _studies(folder)
    with np.load(folder / "features.npz", allow_pickle=False) as stored:
        vectors = {m: stored[m].astype(np.float32) for m in modalities}
    there = {
        m: np.ones(len(table), bool) if m == "image" else (table[m] != "").to_numpy() for m in modalities
    }
    order = np.arange(len(table))
    if shuffled:  # captions of other studies, within the training split
        train_rows = np.flatnonzero((table["split"] == "train") & there["caption"])
        order[train_rows] = np.random.default_rng(0).permutation(train_rows)
        vectors["caption"] = vectors["caption"][order]
    from suture.data.embedding_set import text_digest

    columns = {
        "ids": table["image_id"],
        "group": table["case_id"],
        "split": table["split"],
        "duplicate_group": "" if shuffled else table["caption_group"],
        "location_category": table["location_category"],
        **{
            f"key:{m}": table[m].map(text_digest).to_numpy()[order if m == "caption" else slice(None)]
            for m in modalities
            if m != "image"
        },
        **{f"present:{m}": there[m] for m in modalities},
    }
    arrays = {
        k: np.asarray(v, dtype=None if k.startswith("present") else str)
        for k, v in columns.items()
        if not isinstance(v, str)
    }
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "features.npz"
        np.savez(path, **vectors, **arrays)
        report = import_vectors(workspace, [path], name, features=True)
        assert report.refused is None, report.message


def table(home: Path) -> str:
    """Markdown: mean and sd over seeds of every condition, one table per experiment."""
    lines = (home / RESULTS).read_text().splitlines()
    found = {(r["study"], r["objective"], r["seed"]): r["metrics"] for r in map(json.loads, lines)}
    return "\n\n".join(_table(study, found) for study in dict.fromkeys(k[0] for k in found))


def _table(study: str, found: dict[tuple[str, str, int], dict[str, Any]]) -> str:
    order = [OWN, *CONTROLS, SHUFFLED, f"{SHUFFLED} (at test)"]
    runs = {c: [m for k, m in sorted(found.items()) if k[:2] == (study, c)] for c in order}
    runs = {c: own for c, own in runs.items() if own}
    first = next(iter(runs.values()))[0]
    n, groups = first["cos_true_pairs"][3:5]
    head = "| | " + " | ".join(f"{CONTROLS.get(c, c)} ({len(own)})" for c, own in runs.items()) + " |"
    rows = [
        f"| {TITLES.get(name, name)} | " + " | ".join(_cell(name, own) for own in runs.values()) + " |"
        for name in first
    ]
    title = f"### {study}: {n:,} test pairs in {groups:,} groups"
    return "\n".join([title, "", head, "|---" * (len(runs) + 1) + "|", *rows])


def _cell(name: str, runs: Sequence[dict[str, Any]]) -> str:
    """Mean (sd over seeds) [interval of the first seed]."""
    values = [run[name][0] for run in runs]
    digits = 1 if name.startswith(("recall", "effective")) else 3
    scale = 100 if name.startswith("recall") else 1

    def shown(value: float) -> str:
        return f"{scale * value:.{digits}f}"

    spread = f" ({shown(float(np.std(values, ddof=1)))})" if len(values) > 1 else ""
    low, high = runs[0][name][1:3]
    return shown(float(np.mean(values))) + spread + ("" if low is None else f" [{shown(low)}, {shown(high)}]")


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("demo", "heads", "towers", "ship", "table"))
    parser.add_argument("home", type=Path)
    parser.add_argument("paths", type=Path, nargs="*")
    parser.add_argument("--objective", action="append")
    parser.add_argument("--seed", type=int, action="append")
    asked = parser.parse_args()
    if asked.what == "table":
        print(table(asked.home))
        return
    workspace = Workspace(asked.home)
    if asked.what == "ship":
        ship(workspace)
        return
    seeds = asked.seed or {"demo": [0, 1, 2], "heads": [0, 1, 2, 3, 4], "towers": [0, 1]}[asked.what]
    runs = {"demo": run_demo, "heads": run_heads, "towers": run_towers}
    extra = [SHUFFLED] if asked.what == "heads" else []
    for seed in seeds:
        for objective in asked.objective or [*CONTROLS, *extra]:
            runs[asked.what](workspace, *asked.paths, objective, seed)


if __name__ == "__main__":
    main()
