"""Close the gap: fine-tune a checkpoint, or adapt frozen embeddings."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from suture.cli.common import AsJson, Home, bar, embedded, err, out
from suture.data.workspace import Workspace

commands = typer.Typer()


def _listed(values: list[str] | None) -> tuple[str, ...] | None:
    return tuple(values) if values else None


@commands.command()
def train(
    collection: Annotated[str, typer.Argument(help="Collection to train on; may be given in --config.")] = "",
    objective: Annotated[
        str | None, typer.Option(help="clip, gap-closing, and others; `suture objectives` lists them.")
    ] = None,
    start: Annotated[str | None, typer.Option(help="Checkpoint to start from.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file; options override it.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the new checkpoint.")] = None,
    part: Annotated[
        str | None, typer.Option("--train", help="all, or heads: projections on frozen towers.")
    ] = None,
    init: Annotated[
        str | None, typer.Option(help="start: its weights; random: only its architecture.")
    ] = None,
    modality: Annotated[
        list[str] | None, typer.Option(help="Modality to use. Repeatable. Default: all.")
    ] = None,
    anchor: Annotated[str | None, typer.Option(help="Modality that L_ATP pulls the others to.")] = None,
    fit_split: Annotated[list[str] | None, typer.Option(help="Split to train on. Repeatable.")] = None,
    val_split: Annotated[str | None, typer.Option(help="Validation split, which selects the epoch.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the studies.")] = None,
    batch: Annotated[int | None, typer.Option(help="Studies per step.")] = None,
    accumulate: Annotated[
        int | None, typer.Option(help="Chunks that each batch is encoded in; saves memory.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Learning rate of AdamW after warm-up.")] = None,
    lock_image: Annotated[bool | None, typer.Option("--lock-image", help="Freeze the image tower.")] = None,
    lock_text: Annotated[bool | None, typer.Option("--lock-text", help="Freeze the text tower.")] = None,
    stop_on_guard: Annotated[
        bool | None, typer.Option("--stop-on-guard", help="Stop when a collapse warning appears.")
    ] = None,
    keep: Annotated[str | None, typer.Option(help="Epoch whose weights are kept: best or last.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the weights, the order and the augmentation.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")] = "auto",
    embed: Annotated[bool, typer.Option(help="Embed the collection with the new checkpoint.")] = True,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Fine-tune a checkpoint. A stopped run resumes when it is started again; Ctrl-C is safe.

    Several processes: torchrun --nproc-per-node 2 -m -- suture.cli train ...
    """
    given: dict[str, Any] = {
        "collection": collection or None,
        "start": start,
        "name": name,
        "train": part,
        "init": init,
        "modalities": _listed(modality),
        "fit_splits": _listed(fit_split),
        "val_split": val_split,
        "epochs": epochs,
        "batch": batch,
        "accumulate": accumulate,
        "learning_rate": learning_rate,
        "lock_image": lock_image,
        "lock_text": lock_text,
        "stop_on_guard": stop_on_guard,
        "keep": keep,
        "seed": seed,
    }
    values = {k: v for k, v in given.items() if v is not None}
    _train(Workspace(home), config, values, objective, anchor, device, embed, as_json)


def _train(
    workspace: Workspace,
    file: Path | None,
    values: dict[str, Any],
    objective: str | None,
    anchor: str | None,
    device: str,
    embed: bool,
    as_json: bool,
) -> None:
    from suture.models.training import config as configs
    from suture.models.training.run import train as run

    first = os.environ.get("RANK", "0") == "0"
    config = configs.config_from(values, file=file, objective=objective, anchor=anchor)
    with bar(as_json or not first) as shown:
        task = shown.add_task("Loading", total=1000)

        def report(share: float, message: str) -> None:
            shown.update(task, completed=round(1000 * share), description=message)

        trained = run(workspace, config, device=device, report=report)
    if not first:
        return
    made = (
        embedded(workspace, config.collection, trained.name, device=device, quiet=as_json).name
        if embed
        else ""
    )
    history = trained.history
    kept = next(row for row in history.epochs if row["epoch"] == history.best)
    if as_json:
        print(json.dumps({"checkpoint": trained.name, "set": made, "reused": trained.reused, "kept": kept}))
        return
    what = "already trained" if trained.reused else "trained"
    err.print(
        f"{trained.name!r}: {what}, weights of epoch {trained.history.best}. On the validation probe: "
        f"gap {kept.get('centroid_gap', float('nan')):.3f}, cosine of true pairs "
        f"{kept.get('cos_true_pairs', float('nan')):.3f}, R@10 {kept.get('recall_at_10', float('nan')):.1%}."
    )
    for row in trained.history.epochs:
        for warning in row["guards"]:
            err.print(f"  guard, epoch {row['epoch']}: {warning}")
    if made:
        err.print(f'Next: suture evaluate "{made}" --split test')


@commands.command()
def objectives(as_json: AsJson = False) -> None:
    """List the training objectives."""
    from dataclasses import asdict

    from suture.models.losses.config import DESCRIPTIONS, PRESETS

    if as_json:
        print(json.dumps({name: asdict(config) for name, config in PRESETS.items()}))
        return
    table = Table("objective", "what it does", box=None)
    for name, meaning in DESCRIPTIONS.items():
        table.add_row(name, meaning)
    out.print(table)


@commands.command()
def adapt(
    set_name: Annotated[str, typer.Argument(metavar="SET")],
    method: Annotated[str, typer.Option(help="heads, or a post-hoc method; `suture methods` lists them.")],
    fit_split: Annotated[str, typer.Option(help="Split to fit on.")] = "train",
    score_split: Annotated[
        str, typer.Option(help="Split to score on; must share no group with the fit split.")
    ] = "test",
    name: Annotated[str, typer.Option(help="Name of the new set.")] = "",
    strength: Annotated[float, typer.Option(help="0: unchanged, 1: full effect; shifts take more.")] = 1.0,
    anchor: Annotated[str, typer.Option(help="Modality that the others are moved to.")] = "",
    ridge: Annotated[
        float | None, typer.Option(help="Ridge penalty. Default: chosen within the fit split.")
    ] = None,
    delta: Annotated[float | None, typer.Option(help="Distance of liang-shift. Default: the gap.")] = None,
    objective: Annotated[
        str, typer.Option(help="Objective of the heads; `suture objectives` lists them.")
    ] = "gap-closing",
    val_split: Annotated[
        str, typer.Option(help="Validation split, which selects the epoch of the heads.")
    ] = "",
    dim: Annotated[int, typer.Option(help="Output dimension of the heads.", min=2)] = 256,
    hidden: Annotated[int, typer.Option(help="Hidden units of the heads; 0: a linear map.", min=0)] = 512,
    dropout: Annotated[
        float, typer.Option(help="Dropout before the last layer of a head.", min=0, max=0.95)
    ] = 0.5,
    epochs: Annotated[int, typer.Option(help="Epochs of the heads.")] = 30,
    batch: Annotated[int, typer.Option(help="Studies per step of the heads.")] = 256,
    learning_rate: Annotated[float, typer.Option(help="Learning rate of the heads.")] = 1e-3,
    seed: Annotated[int, typer.Option(help="Seed of the heads, or of the choice of the penalty.", min=0)] = 0,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Adapt frozen embeddings in seconds: fit on one split, score on another, save as a new set."""
    from suture.data.workspace.embedding_sets import load

    workspace = Workspace(home)
    if method == "heads":
        from suture.models.training.config import config_from
        from suture.models.training.heads import HeadShape
        from suture.workflows.adapt_heads import DEFAULTS, adapt_heads

        values = {**DEFAULTS.to_json(), "epochs": epochs, "batch": batch, "learning_rate": learning_rate}
        config = config_from({**values, "seed": seed}, objective=objective, anchor=anchor or None)
        with bar(as_json) as shown:
            task = shown.add_task("Training heads", total=1000)
            made = adapt_heads(
                workspace,
                set_name,
                config=config,
                shape=HeadShape(dim, hidden, dropout),
                fit_split=fit_split,
                val_split=val_split,
                score_split=score_split,
                name=name,
                report=lambda share, text: shown.update(
                    task, completed=round(1000 * share), description=text
                ),
            )
    else:
        from suture.workflows.adapters import adapt as fit

        made = fit(
            workspace,
            set_name,
            method=method,
            fit_split=fit_split,
            score_split=score_split,
            name=name,
            strength=strength,
            anchor=anchor,
            ridge=ridge,
            delta=delta,
            seed=seed,
        )
    if as_json:
        print(json.dumps(vars(made)))
        return
    err.print(f"{made.name!r}: fitted on {made.n_fit:,} studies of {made.fit_split}.")
    beside = load(workspace, set_name).comparable
    what = f'compare "{set_name}" "{made.name}"' if beside else f'evaluate "{made.name}"'
    err.print(f"Next: suture {what} --split {made.score_split}")


@commands.command()
def methods() -> None:
    """List the methods that adapt frozen embeddings."""
    from suture.analysis.posthoc import METHODS

    table = Table("method", "what it does", "formula", box=None)
    for method in METHODS.values():
        table.add_row(method.name, method.meaning, method.formula)
    table.add_row("heads", "Trains a head for each modality, linear or with a hidden layer.", "any objective")
    out.print(table)
