"""Classify studies with text prompts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from suture.cli.common import AsJson, Home, TestSplit, err, out, warn_if_trained_on
from suture.data.workspace import Workspace

if TYPE_CHECKING:
    from suture.workflows.zero_shot import Scores

commands = typer.Typer()


@commands.command("zero-shot")
def zero_shot(
    set_name: Annotated[str, typer.Argument(metavar="SET")],
    label: Annotated[str, typer.Option(help="Label column; its values are the classes.")],
    split: TestSplit = "",
    modality: Annotated[str, typer.Option(help="Modality to classify. Default: the first, the images.")] = "",
    template: Annotated[
        list[str] | None, typer.Option(help="Prompt with {} where the value goes. Repeatable.")
    ] = None,
    resamples: Annotated[int, typer.Option(help="Number of bootstrap resamples.", min=20)] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.", min=0)] = 0,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Classify studies with text prompts: accuracy, and the AUROC of each value of a label."""
    from suture.workflows.zero_shot import TEMPLATES, classify

    workspace = Workspace(home)
    found = classify(
        workspace,
        set_name,
        label=label,
        split=split,
        modality=modality,
        templates=template or TEMPLATES,
        resamples=resamples,
        seed=seed,
    )
    warn_if_trained_on(workspace, found.split, set_name)
    if as_json:
        print(json.dumps(found.to_json()))
        return
    out.print(_table(found))
    for name, estimate in (
        ("accuracy", found.scores.zero_shot_accuracy),
        ("balanced accuracy", found.scores.zero_shot_balanced_accuracy),
    ):
        out.print(f"{name} {estimate.describe()}, {1 / len(found.absent):.3f} by chance")
    said = ", ".join(map(repr, found.templates))
    err.print(
        f"Prompts: {said}. AUROC: the prompts of a value against those of the other values, and against "
        f"prompts that it is absent. 0.5 is chance; below it the checkpoint reads the prompts the wrong way.",
        style="dim",
    )


def _table(found: Scores) -> Table:
    table = Table(title=f"{found.set} · {found.split} · {found.label} · {found.n:,} studies")
    for column in (
        "value",
        "studies",
        "recall (95 % interval)",
        "AUROC against the rest",
        "AUROC",
        "against",
    ):
        table.add_column(column, no_wrap=True, justify="right" if column == "studies" else "left")
    for value, absence in found.absent.items():
        recall, rest = found.scores.recall[value], found.against_rest[value]
        other = found.against_absence.get(value)  # of vectors that came with prompts, if there is one for it
        told = [recall.describe(), rest.describe(), other.describe() if other else "–"]
        table.add_row(value, f"{recall.n:,}", *told, absence if other else "–")
    return table
